//! What other threads have to tell a loop.
//!
//! A loop that is about to sleep says so first; a sender wakes it only then,
//! since a wake-up costs more than the message. Whoever pushes before the flag
//! is seen is found by the loop's last look into the box.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use engine::Wake;
use parking_lot::Mutex;
use rustix::event::{EventfdFlags, eventfd};

use crate::listener::{Accepted, Listener};

/// A message to a loop.
pub(crate) enum Mail {
    /// A client to be driven by this loop.
    Client(Accepted),
    /// Look at the client on this seat: it may have been killed, or may go on.
    Look(u32),
    /// Parked clients may go on.
    Unpark,
    /// The log is durable further than before.
    Durable,
    /// Listen on these from now on, and no longer on the old ones.
    Listen(Vec<Arc<Listener>>),
    /// Finish and leave.
    Stop,
}

/// The mailbox of one loop.
pub(crate) struct Mailbox {
    mail: Mutex<Vec<Mail>>,
    sleeping: AtomicBool,
    wake: OwnedFd,
    /// How many clients the loop drives, for choosing among loops.
    pub(crate) clients: AtomicUsize,
    /// Does the loop hold replies until the log is durable?
    pub(crate) awaits_log: AtomicBool,
}

impl Mailbox {
    pub(crate) fn new() -> std::io::Result<Mailbox> {
        Ok(Mailbox {
            mail: Mutex::default(),
            sleeping: AtomicBool::new(false),
            wake: eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?,
            clients: AtomicUsize::new(0),
            awaits_log: AtomicBool::new(false),
        })
    }

    pub(crate) fn push(&self, mail: Mail) {
        self.mail.lock().push(mail);
        if self.sleeping.swap(false, Ordering::SeqCst) {
            // A full counter wakes just as well.
            let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
        }
    }

    /// The loop is about to sleep. Returns whether it may: not with mail waiting.
    pub(crate) fn fall_asleep(&self) -> bool {
        self.sleeping.store(true, Ordering::SeqCst);
        let empty = self.mail.lock().is_empty();
        if !empty {
            self.sleeping.store(false, Ordering::SeqCst);
        }
        empty
    }

    pub(crate) fn woke_up(&self) {
        self.sleeping.store(false, Ordering::SeqCst);
    }

    /// Take what has come, resetting the wake-up.
    pub(crate) fn take(&self, woken: bool) -> Vec<Mail> {
        if woken {
            let mut count = [0u8; 8];
            let _ = rustix::io::read(&self.wake, &mut count);
        }
        std::mem::take(&mut *self.mail.lock())
    }
}

impl AsFd for Mailbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}

/// Reaches the driver of one seat. The seat may have another client by then:
/// the loop looks before it acts.
pub(crate) struct SeatWaker {
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) seat: u32,
}

impl Wake for SeatWaker {
    fn close(&self) {
        self.mailbox.push(Mail::Look(self.seat));
    }

    fn go_on(&self) {
        self.mailbox.push(Mail::Look(self.seat));
    }
}
