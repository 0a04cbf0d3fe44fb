//! How far a thread gives way to others.
//!
//! rustix does not have the one call that this needs.

#![allow(unsafe_code)]

use std::io;

/// Further and further down the less often it gets a processor that somebody else wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Priority {
    /// A niceness, from 0, the usual, to 19.
    Nice(i32),
    /// Whoever wakes takes the processor at once, and while others want all of them it gets next to
    /// nothing.
    Idle,
}

impl Priority {
    /// For this thread, from now on. Without privileges there is no way back up.
    pub(super) fn take(self) -> io::Result<()> {
        match self {
            Priority::Nice(niceness) => {
                // On Linux this is a thread's own, and the call for processes takes its number.
                let thread = Some(rustix::thread::gettid());
                Ok(rustix::process::setpriority_process(thread, niceness)?)
            }
            Priority::Idle => {
                let none = libc::sched_param { sched_priority: 0 };
                // SAFETY: zero means the calling thread, and the parameter outlives the call.
                match unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const none) } {
                    0 => Ok(()),
                    _ => Err(io::Error::last_os_error()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_threads_own() {
        let policy_of = || {
            let stat = std::fs::read_to_string("/proc/thread-self/stat").expect("a thread");
            let behind_name = stat.rsplit_once(") ").expect("a name").1;
            let field = |at: usize| behind_name.split(' ').nth(at - 3).map(str::to_owned);
            // The numbers of proc(5).
            (field(19), field(41))
        };
        let before = policy_of();
        let after = |priority: Priority| {
            let thread = std::thread::spawn(move || priority.take().map(|()| policy_of()));
            thread.join().expect("no panic").expect("anybody may")
        };
        assert_eq!(
            after(Priority::Nice(19)),
            (Some("19".into()), before.1.clone())
        );
        assert_eq!(after(Priority::Idle).1, Some(libc::SCHED_IDLE.to_string()));
        assert_eq!(policy_of(), before);
    }
}
