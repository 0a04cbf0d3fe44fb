//! How a client's own thread waits for others while its client is blocked.
//!
//! It must notice two things at once: that the client hangs up, which its socket says,
//! and that somebody has served it, which an eventfd says. That one is made when the
//! client blocks for the first time, since most never do, and stays with it.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

use crate::connection::Connection;

/// What others ring when a client may go on.
#[derive(Default)]
pub(crate) struct Bell(Mutex<Option<Arc<OwnedFd>>>);

/// The client's side of its bell, while it waits.
pub(crate) struct Listening {
    /// `None` if there was no descriptor left for it: then it looks every now and then.
    event: Option<Arc<OwnedFd>>,
}

/// How often a client without a descriptor looks.
const LOOK_US: u64 = 10_000;

impl Bell {
    pub(crate) fn ring(&self) {
        // Whoever has not hung it up yet will look before he waits.
        if let Some(event) = &*self.0.lock() {
            let _ = rustix::io::write(event, &1u64.to_ne_bytes());
        }
    }

    /// From here on a ring is heard. What came before has to be looked for.
    pub(crate) fn begin(&self) -> Listening {
        let mut event = self.0.lock();
        if event.is_none() {
            let flags = EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC;
            *event = eventfd(0, flags).ok().map(Arc::new);
        }
        Listening {
            event: event.clone(),
        }
    }
}

impl Listening {
    /// Wait for a ring, at most so long. `false` if the client has hung up.
    pub(crate) fn wait(&mut self, connection: &Connection, at_most_us: Option<u64>) -> bool {
        let ends = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
        let mut watched = vec![PollFd::new(connection, ends)];
        let mut at_most_us = at_most_us;
        match &self.event {
            Some(event) => watched.push(PollFd::from_borrowed_fd(event.as_fd(), PollFlags::IN)),
            None => at_most_us = Some(at_most_us.unwrap_or(LOOK_US).min(LOOK_US)),
        }
        let timeout = at_most_us.map(|us| Timespec {
            tv_sec: (us / 1_000_000) as i64,
            tv_nsec: (us % 1_000_000 * 1000) as i64,
        });
        // An interruption is no harm: the caller looks and comes again.
        let _ = poll(&mut watched, timeout.as_ref());
        if watched[0].revents().intersects(ends) {
            return false;
        }
        if let Some(event) = &self.event {
            let mut count = [0u8; 8];
            let _ = rustix::io::read(event, &mut count);
        }
        true
    }
}
