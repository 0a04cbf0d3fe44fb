//! Waiting in epoll, to the microsecond.
//!
//! ```text
//!   0                  epoll_wait                 what is there now
//!   1 us to 1 ms       ppoll ─► epoll_wait(0)     a breath, a commit that is due
//!   from 1 ms on       epoll_wait                 in whole milliseconds, up
//! ```
//!
//! epoll_wait(2) knows milliseconds only, and a wait of fifty microseconds would become twenty
//! times as long. epoll_pwait2(2) knows nanoseconds, but came late (Linux 5.11), and sandboxes that
//! do not know it kill or refuse. ppoll(2) is everywhere, and an epoll can be waited for like any
//! other file; the second call is paid by waits alone that are short and not for nothing.

use std::io;
use std::os::fd::OwnedFd;

use rustix::event::epoll::{self, Event};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

const EPOLL_UNIT_US: u64 = 1000;

/// Replace `events` by what is there, or comes within so many microseconds; is it anything?
pub(super) fn wait_for_events(
    epoll: &OwnedFd,
    mut wait_us: u64,
    events: &mut Vec<Event>,
) -> io::Result<bool> {
    if (1..EPOLL_UNIT_US).contains(&wait_us) {
        let mut all = [PollFd::new(epoll, PollFlags::IN)];
        match rustix::event::poll(&mut all, Some(&time(wait_us))) {
            Ok(_) | Err(Errno::INTR) => wait_us = 0,
            Err(error) => return Err(error.into()),
        }
    }
    events.clear();
    let room = rustix::buffer::spare_capacity(events);
    match epoll::wait(epoll, room, Some(&time(wait_us))) {
        Ok(count) => Ok(count > 0),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn time(us: u64) -> Timespec {
    Timespec {
        tv_sec: (us / 1_000_000) as i64,
        tv_nsec: (us % 1_000_000 * 1000) as i64,
    }
}
