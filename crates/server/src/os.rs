//! What only the C library answers or does: what time is it here, how much
//! processor time have we used, and no huge pages, please.

#![allow(unsafe_code)]

/// A broken-down local time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LocalTime {
    pub(crate) year: i32,
    /// 0 is January.
    pub(crate) month: usize,
    pub(crate) day: i32,
    pub(crate) hour: i32,
    pub(crate) minute: i32,
    pub(crate) second: i32,
}

/// The wall clock of this machine's time zone at a Unix time.
pub(crate) fn local_time(unix_secs: i64) -> LocalTime {
    // SAFETY: `tm` is plain data, and `localtime_r` writes nothing else.
    let tm = unsafe {
        let mut tm: libc::tm = std::mem::zeroed();
        libc::localtime_r(&raw const unix_secs, &raw mut tm);
        tm
    };
    LocalTime {
        year: tm.tm_year + 1900,
        month: tm.tm_mon as usize,
        day: tm.tm_mday,
        hour: tm.tm_hour,
        minute: tm.tm_min,
        second: tm.tm_sec,
    }
}

/// Ask the kernel for pages of ordinary size. mimalloc invites huge ones, and
/// then every corner of its arenas that was touched once holds two megabytes: a
/// fifth more memory for small keys, and no gain in speed that could be measured,
/// since lookups are prefetched (docs/decisions/0010).
pub(crate) fn refuse_huge_pages() {
    // SAFETY: sets a flag of this process and touches no memory of ours. Where
    // the kernel knows no such flag, nothing happens.
    unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) };
}

/// Processor time in microseconds: in user mode, in the kernel.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CpuTime {
    pub(crate) user_us: u64,
    pub(crate) system_us: u64,
}

/// Processor time used by all threads of this process.
pub(crate) fn process_cpu_time() -> CpuTime {
    cpu_time(libc::RUSAGE_SELF)
}

/// Processor time used by the calling thread.
pub(crate) fn thread_cpu_time() -> CpuTime {
    cpu_time(libc::RUSAGE_THREAD)
}

fn cpu_time(who: libc::c_int) -> CpuTime {
    // SAFETY: `rusage` is plain data, and `getrusage` writes nothing else.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(who, &raw mut usage);
        usage
    };
    let us = |time: libc::timeval| time.tv_sec as u64 * 1_000_000 + time.tv_usec as u64;
    CpuTime {
        user_us: us(usage.ru_utime),
        system_us: us(usage.ru_stime),
    }
}
