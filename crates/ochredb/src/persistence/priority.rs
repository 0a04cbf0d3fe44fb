//! How far a thread steps back for others.
//!
//! ```text
//!   loop     ▪          ······▪         wakes at the first dot, and waits for the slice to end:
//!   scribe    ▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪ ▪▪▪▪     up to 2.8 ms as others have it,
//!
//!   loop     ▪          ·▪
//!   scribe    ▪▪▪▪▪▪▪▪▪▪▪ ▪▪▪▪▪▪▪▪▪     0.1 ms as it has asked for
//! ```
//!
//! Niceness says how much of a processor a thread gets, not how soon it hands it over. Since Linux
//! 6.6 a thread that runs is left its slice, whoever wakes: some milliseconds for everybody who
//! does not ask for another length, which can be done since 6.12 (`sched_setattr(2)`; older ones
//! do not look at it). Who gives way asks for the shortest there is, so that a loop that wakes
//! waits a tenth of a millisecond for it (decision 19).

#![allow(unsafe_code)]

use std::io;

/// The shortest slice that Linux grants.
const SLICE_NS: u64 = 100_000;

/// Have this thread run at a niceness, and hand over the processor soon to who wakes. No thread
/// can take back what it has given without privileges.
pub(super) fn give_way(niceness: i32) -> io::Result<()> {
    // A sandbox may know the older call alone.
    set_slice(niceness).or_else(|_| {
        // On Linux this is a thread's own, and the call for processes takes a thread's number.
        let this_thread = Some(rustix::thread::gettid());
        Ok(rustix::process::setpriority_process(this_thread, niceness)?)
    })
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
fn set_slice(niceness: i32) -> io::Result<()> {
    let attributes = Attributes {
        size_bytes: size_of::<Attributes>() as u32,
        policy: libc::SCHED_OTHER as u32,
        flags: 0,
        niceness,
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
fn set_slice(_niceness: i32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_gives_way_for_itself_alone() {
        let own = || rustix::process::getpriority_process(Some(rustix::thread::gettid()));
        let before = own().expect("known");
        let other = std::thread::spawn(move || {
            give_way(19).expect("anybody may");
            own().expect("known")
        });
        assert_eq!(other.join().expect("it returns"), 19);
        assert_eq!(own().expect("known"), before);
    }

    /// What the scheduler says, where it does.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_slice_is_short() {
        let other = std::thread::spawn(|| {
            give_way(10).expect("anybody may");
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
