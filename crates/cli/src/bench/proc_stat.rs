//! What the kernel knows about a server's process and the machine.
//!
//! ```text
//!   /proc/PID/task/*/schedstat   CPU time in nanoseconds, thread by thread
//!   /proc/PID/stat               the same in ticks, ended threads included; user and system apart
//!   /proc/PID/statm              resident pages
//!   /proc/stat                   time that all processes used, and that the hypervisor took (steal)
//! ```
//!
//! The nanosecond counters lack threads that have ended, so when the ticks say
//! distinctly more, the ticks are believed. A thread's counter is brought up to
//! date when it stops running: read it while the server is idle.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::bench::control::Info;

/// CPU time that a process had used at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProcessClock {
    threads_ns: u64,
    user_ticks_ns: u64,
    system_ticks_ns: u64,
}

/// CPU time used between two moments.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CpuUse {
    pub cpu: Duration,
    /// Part of it spent in the kernel, 0 to 1; coarse, from ticks.
    pub system_share: f64,
}

impl ProcessClock {
    pub fn read(pid: u32) -> io::Result<ProcessClock> {
        let mut threads_ns = 0;
        for task in fs::read_dir(format!("/proc/{pid}/task"))? {
            // A thread may end between the listing and the look.
            if let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) {
                let first = text
                    .split_whitespace()
                    .next()
                    .and_then(|word| word.parse().ok());
                threads_ns += first.unwrap_or(0);
            }
        }
        let (user, system) = parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat"))?)
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        Ok(ProcessClock {
            threads_ns,
            user_ticks_ns: user * tick_ns(),
            system_ticks_ns: system * tick_ns(),
        })
    }

    /// The time used since an earlier reading of the same process.
    pub fn since(&self, before: &ProcessClock) -> CpuUse {
        let threads_ns = self.threads_ns.saturating_sub(before.threads_ns);
        let user_ns = self.user_ticks_ns.saturating_sub(before.user_ticks_ns);
        let system_ns = self.system_ticks_ns.saturating_sub(before.system_ticks_ns);
        let ticks_ns = user_ns + system_ns;
        // Two ticks at either end are uncertain, and a little always is.
        let has_lost_threads = ticks_ns > threads_ns + threads_ns / 20 + 40_000_000;
        CpuUse {
            cpu: Duration::from_nanos(if has_lost_threads {
                ticks_ns
            } else {
                threads_ns
            }),
            system_share: system_ns as f64 / (ticks_ns as f64).max(1.0),
        }
    }
}

/// Resident memory of a process, in bytes.
pub fn resident_bytes(pid: u32) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/statm"))?;
    let pages: u64 = text
        .split_whitespace()
        .nth(1)
        .and_then(|word| word.parse().ok())
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
    Ok(pages * rustix::param::page_size() as u64)
}

/// The words with which a process was started.
pub fn command_line(pid: u32) -> io::Result<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline"))?;
    let words: Vec<String> = bytes
        .split(|&byte| byte == 0)
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    Ok(words.join(" ").trim_end().to_string())
}

/// The process that INFO names, if it is one of this machine. A server in a
/// container tells a number that means another process here, or none: when it
/// also tells its executable, the name must be the process's.
pub fn local_pid(info: &Info) -> Option<u32> {
    let pid: u32 = info.field("process_id")?.parse().ok()?;
    ProcessClock::read(pid).ok()?;
    let Some(told) = info.field("executable").map(Path::new) else {
        return Some(pid);
    };
    // The folder is no help: Redis tells its working directory when it was
    // found through PATH, and distributions link several names to one file.
    let told = told.file_name()?.to_string_lossy().into_owned();
    let file = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    let file = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let is_file = file.trim_end_matches(" (deleted)") == told;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let name = name.trim_end();
    let is_name = !name.is_empty() && told.starts_with(name) && name.len() >= told.len().min(15);
    (is_file || is_name).then_some(pid)
}

/// CPU time of the whole machine at one moment, in ticks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MachineClock {
    total: u64,
    steal: u64,
    /// Time that processes ran; interrupts are not theirs.
    processes: u64,
}

impl MachineClock {
    pub fn read() -> io::Result<MachineClock> {
        parse_machine(&fs::read_to_string("/proc/stat")?)
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
    }

    /// Share of the time since `before` that the hypervisor gave to others,
    /// 0 to 1.
    pub fn steal_since(&self, before: &MachineClock) -> f64 {
        let total = self.total.saturating_sub(before.total);
        let steal = self.steal.saturating_sub(before.steal);
        steal as f64 / (total as f64).max(1.0)
    }

    /// CPU time that all processes together used since `before`.
    pub fn used_since(&self, before: &MachineClock) -> Duration {
        let ticks = self.processes.saturating_sub(before.processes);
        Duration::from_nanos(ticks * tick_ns())
    }
}

/// User and system ticks. The command in parentheses may hold anything, so the
/// fields are counted from its end.
fn parse_stat(text: &str) -> Option<(u64, u64)> {
    let (_, fields) = text.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

fn parse_machine(text: &str) -> Option<MachineClock> {
    let line = text.lines().find(|line| line.starts_with("cpu "))?;
    let ticks: Vec<u64> = line
        .split_whitespace()
        .skip(1)
        .filter_map(|t| t.parse().ok())
        .collect();
    // Guest time, from the ninth on, is contained in user time already.
    let total = ticks.iter().take(8).sum();
    Some(MachineClock {
        total,
        steal: *ticks.get(7)?,
        processes: ticks.iter().take(3).sum(),
    })
}

fn tick_ns() -> u64 {
    1_000_000_000 / rustix::param::clock_ticks_per_second().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_survives_odd_names() {
        let text = "77 (a) b (c)) S 1 77 77 0 -1 4194560 100 0 0 0 314 159 0 0 20 0 1 0 9";
        assert_eq!(parse_stat(text), Some((314, 159)));
        assert_eq!(parse_stat("77 (x) S 1"), None);
    }

    #[test]
    fn steal_is_a_share_of_all_time() {
        let before = parse_machine("cpu  100 0 50 800 10 0 0 40 0 0\ncpu0 1 2 3").unwrap();
        let after = parse_machine("cpu  150 0 60 830 10 0 0 50 0 0\n").unwrap();
        assert!((after.steal_since(&before) - 0.1).abs() < 1e-9);
        assert_eq!(
            after.used_since(&before).as_nanos(),
            60 * u128::from(tick_ns())
        );
        assert_eq!(parse_machine("intr 1 2 3"), None);
    }

    #[test]
    fn ended_threads_are_believed_to_the_ticks() {
        let clock = |threads_ms: u64, user_ms: u64, system_ms: u64| ProcessClock {
            threads_ns: threads_ms * 1_000_000,
            user_ticks_ns: user_ms * 1_000_000,
            system_ticks_ns: system_ms * 1_000_000,
        };
        let used = clock(1_000, 500, 520).since(&clock(0, 0, 0));
        assert_eq!(used.cpu, Duration::from_millis(1_000));
        assert!((used.system_share - 0.51).abs() < 0.01);
        let used = clock(300, 500, 500).since(&clock(0, 0, 0));
        assert_eq!(used.cpu, Duration::from_millis(1_000));
    }

    #[test]
    fn reads_this_very_process() {
        let pid = std::process::id();
        let before = ProcessClock::read(pid).unwrap();
        let mut sum = 0u64;
        for i in 0..20_000_000u64 {
            sum = sum.wrapping_add(std::hint::black_box(i));
        }
        std::hint::black_box(sum);
        // The kernel brings the counter up to date when the thread pauses.
        std::thread::sleep(Duration::from_millis(1));
        let used = ProcessClock::read(pid).unwrap().since(&before);
        assert!(used.cpu > Duration::from_millis(1), "{used:?}");
        assert!(resident_bytes(pid).unwrap() > 100_000);
        assert!(!command_line(pid).unwrap().is_empty());
    }
}
