//! SIGTERM and SIGINT: a request to end, passed on as a readable descriptor.

use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// The signals that ask a server to end.
pub(crate) struct Signals {
    pipe: UnixStream,
    interrupted: Arc<AtomicBool>,
    terminated: Arc<AtomicBool>,
}

impl Signals {
    /// Take the signals over. A second one of the same sort ends the process
    /// at once, for those who cannot wait.
    pub(crate) fn install() -> std::io::Result<Signals> {
        let (pipe, writer) = UnixStream::pair()?;
        pipe.set_nonblocking(true)?;
        let flag = || Arc::new(AtomicBool::new(false));
        let (interrupted, terminated) = (flag(), flag());
        for (signal, flag) in [(SIGINT, &interrupted), (SIGTERM, &terminated)] {
            signal_hook::flag::register_conditional_shutdown(signal, 1, flag.clone())?;
            signal_hook::flag::register(signal, flag.clone())?;
            signal_hook::low_level::pipe::register(signal, writer.try_clone()?)?;
        }
        // A closed terminal does not end a server; Redis ignores it too.
        signal_hook::flag::register(SIGHUP, flag())?;
        Ok(Signals {
            pipe,
            interrupted,
            terminated,
        })
    }

    /// The name of the signal that came, if one did.
    pub(crate) fn take(&mut self) -> Option<&'static str> {
        let mut bytes = [0; 16];
        while matches!(self.pipe.read(&mut bytes), Ok(n) if n > 0) {}
        if self.interrupted.load(Ordering::Relaxed) {
            Some("SIGINT")
        } else if self.terminated.load(Ordering::Relaxed) {
            Some("SIGTERM")
        } else {
            None
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}
