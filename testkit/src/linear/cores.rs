//! How busy the machine's processors were: a concurrency test that had one of them to
//! itself has shown little.

use std::fs;

/// Time that all processors have spent so far, in ticks.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    busy: u64,
    total: u64,
}

impl Cores {
    /// The counts of now, where the system tells (Linux does).
    pub fn now() -> Option<Cores> {
        Cores::read(&fs::read_to_string("/proc/stat").ok()?)
    }

    /// How many processors were busy since then, on the average; by whatever process.
    pub fn busy_since(&self, then: &Cores) -> f64 {
        let count = std::thread::available_parallelism().map_or(1, usize::from);
        let total = (self.total - then.total).max(1);
        (self.busy - then.busy) as f64 / total as f64 * count as f64
    }

    /// The first line: user, nice, system, idle, waiting for a disk, interrupts ...
    fn read(stat: &str) -> Option<Cores> {
        let line = stat.lines().next()?.strip_prefix("cpu ")?;
        let ticks: Vec<u64> = line
            .split_whitespace()
            .map_while(|word| word.parse().ok())
            .collect();
        let total = ticks.iter().take(8).sum();
        let idle = ticks.get(3)? + ticks.get(4)?;
        Some(Cores {
            busy: total - idle,
            total,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_and_waiting_are_not_busy() {
        let then = Cores::read("cpu  10 0 10 70 10 0 0 0 0 0\ncpu0 ...").unwrap();
        assert_eq!((then.busy, then.total), (20, 100));
        assert!(Cores::read("intr 1 2 3").is_none());
    }
}
