//! How far a thread steps back for others.
//!
//! ```text
//!   loop     ▪          ······▪         wakes at the first dot, and waits for the slice to end:
//!   usual     ▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪ ▪▪▪▪     up to 2.8 ms
//!
//!   loop     ▪          ·▪
//!   nice      ▪▪▪▪▪▪▪▪▪▪▪ ▪▪▪▪▪▪▪▪▪     0.1 ms as it has asked for
//!
//!   loop     ▪          ▪
//!   idle      ▪▪▪▪▪▪▪▪▪▪ ▪▪▪▪▪▪▪▪▪▪     not at all
//! ```
//!
//! Niceness says how much of a processor a thread gets, not how soon it hands it over. Since Linux
//! 6.6 a thread that runs is left its slice, whoever wakes: some milliseconds for everybody who
//! does not ask for another length, which can be done since 6.12 (`sched_setattr(2)`; older ones
//! do not look at it). So who gives way asks for the shortest there is. That alone would make it
//! one who is in a hurry: when it wakes itself, it would be put before those who run with longer
//! ones. A batch thread (`SCHED_BATCH`) is not put before anybody.
//!
//! An idle one (`SCHED_IDLE`) goes further. Whoever wakes has its processor at once, and who looks
//! for a processor takes one that runs such a thread for free. But it is given a three-hundredth
//! beside others that never sleep, and must not hold anything that they wait for (decision 19).

#![allow(unsafe_code)]

use std::io;

/// The shortest slice that Linux grants.
const SLICE_NS: u64 = 100_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rank {
    /// Only where nobody else wants to run.
    Idle,
    /// A share by its niceness, handed over soon to who wakes.
    Batch(i32),
}

/// Have this thread run at a rank. No thread can take back what it has given without privileges.
pub(super) fn give_way(rank: Rank) -> io::Result<()> {
    // A sandbox may know the older call alone.
    set(rank).or_else(|_| {
        // On Linux this is a thread's own, and the call for processes takes a thread's number.
        let this_thread = Some(rustix::thread::gettid());
        let niceness = rank.niceness()?;
        Ok(rustix::process::setpriority_process(this_thread, niceness)?)
    })
}

impl Rank {
    /// Nothing that somebody has given before is taken back.
    fn niceness(self) -> io::Result<i32> {
        let this_thread = Some(rustix::thread::gettid());
        let given = rustix::process::getpriority_process(this_thread)?;
        Ok(match self {
            Rank::Idle => 19,
            Rank::Batch(niceness) => given.max(niceness),
        })
    }
}

/// `struct sched_attr` as it was first, which every kernel with the call knows.
#[cfg(target_os = "linux")]
#[repr(C)]
struct Attributes {
    size_bytes: u32,
    policy: u32,
    flags: u64,
    niceness: i32,
    priority: u32,
    runtime_ns: u64,
    deadline_ns: u64,
    period_ns: u64,
}

#[cfg(target_os = "linux")]
fn set(rank: Rank) -> io::Result<()> {
    let policy = match rank {
        Rank::Idle => libc::SCHED_IDLE,
        Rank::Batch(_) => libc::SCHED_BATCH,
    };
    let attributes = Attributes {
        size_bytes: size_of::<Attributes>() as u32,
        policy: policy as u32,
        flags: 0,
        niceness: rank.niceness()?,
        priority: 0,
        runtime_ns: SLICE_NS,
        deadline_ns: 0,
        period_ns: 0,
    };
    const THIS_THREAD: libc::pid_t = 0;
    const NO_FLAGS: libc::c_uint = 0;
    let attributes = &raw const attributes;
    // SAFETY: the kernel reads as many bytes as the structure says it has.
    let failed =
        unsafe { libc::syscall(libc::SYS_sched_setattr, THIS_THREAD, attributes, NO_FLAGS) };
    match failed {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(not(target_os = "linux"))]
fn set(_rank: Rank) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_gives_way_for_itself_alone() {
        let own = || rustix::process::getpriority_process(Some(rustix::thread::gettid()));
        let (before, usual) = (own().expect("known"), policy());
        let other = std::thread::spawn(move || {
            give_way(Rank::Batch(10)).expect("anybody may");
            let batch = (own().expect("known"), policy());
            give_way(Rank::Idle).expect("anybody may");
            (batch, policy())
        });
        let ((nice, batch), idle) = other.join().expect("it returns");
        assert_eq!(nice, 10);
        // A sandbox that knows the older call alone grants niceness and no more.
        if batch != Some(libc::SCHED_OTHER) {
            let ranks = [Some(libc::SCHED_BATCH), Some(libc::SCHED_IDLE)];
            assert_eq!([batch, idle], ranks);
        }
        assert_eq!((own().expect("known"), policy()), (before, usual));
    }

    /// The scheduling policy of this thread, as proc(5) has it in `stat`.
    #[cfg(target_os = "linux")]
    fn policy() -> Option<i32> {
        let text = std::fs::read_to_string("/proc/thread-self/stat").ok()?;
        let behind_name = text.rsplit(')').next()?;
        behind_name.split_ascii_whitespace().nth(38)?.parse().ok()
    }

    /// What the scheduler says, where it does.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_slice_is_short() {
        let other = std::thread::spawn(|| {
            give_way(Rank::Batch(10)).expect("anybody may");
            std::fs::read_to_string("/proc/thread-self/sched").unwrap_or_default()
        });
        let facts = other.join().expect("it returns");
        let slice = facts.lines().find(|line| line.starts_with("se.slice"));
        let ns = slice.and_then(|line| line.split(':').nth(1)?.trim().parse().ok());
        println!("a slice of {ns:?} ns");
        // Kernels before 6.12 show their own.
        let is_told = ns.is_none_or(|ns: u64| ns == SLICE_NS);
        assert!(is_told || is_before(6, 12), "{ns:?}");
    }

    #[cfg(target_os = "linux")]
    fn is_before(major: u32, minor: u32) -> bool {
        let system = rustix::system::uname();
        let release = system.release().to_string_lossy();
        let mut numbers = release.split('.').map(|part| part.parse().unwrap_or(0));
        (numbers.next(), numbers.next()) < (Some(major), Some(minor))
    }
}
