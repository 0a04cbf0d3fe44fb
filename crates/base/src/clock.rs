//! Time as a value: a driver reads the clocks once per turn and hands the same [`Now`] to all it
//! runs.
//!
//! Below the drivers nobody reads a clock, so a turn sees one instant from start to end, expiry is
//! a plain comparison, and a test or a simulator sets the time by writing two numbers.
//!
//! Two clocks, because they answer two questions:
//!
//! ```text
//!  unix_us   what time is it?    jumps when it is set    deadlines of keys, replies, logs
//!  mono_us   how long ago?       never goes back         time-outs, latencies, pacing
//! ```
//!
//! The monotonic clock has an origin of its own (usually when the machine started): only
//! differences mean something, and never across machines.

use rustix::time::{ClockId, clock_gettime};

/// One instant on both clocks, in microseconds. The default is zero on both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Now {
    /// Microseconds since 1970-01-01 UTC, leap seconds not counted.
    pub unix_us: i64,
    /// Microseconds since an origin that stays the same while the machine runs.
    pub mono_us: u64,
}

impl Now {
    /// Reads both clocks: two vDSO calls, tens of nanoseconds, no system call.
    ///
    /// Only drivers (event loops, the embedded `Db`, tools) call this. Everything else is given a
    /// `Now`.
    #[must_use]
    pub fn read() -> Now {
        Now {
            unix_us: read_us(ClockId::Realtime),
            mono_us: read_us(ClockId::Monotonic).unsigned_abs(),
        }
    }

    /// Milliseconds since 1970, rounded down.
    #[inline]
    #[must_use]
    pub fn unix_ms(self) -> i64 {
        self.unix_us.div_euclid(1_000)
    }

    /// Seconds since 1970, rounded down.
    #[inline]
    #[must_use]
    pub fn unix_secs(self) -> i64 {
        self.unix_us.div_euclid(1_000_000)
    }
}

fn read_us(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec * 1_000_000 + time.tv_nsec / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coarser_units_round_down_on_both_sides_of_1970() {
        let at = |unix_us| Now {
            unix_us,
            mono_us: 0,
        };
        assert_eq!(at(1_999_999).unix_ms(), 1_999);
        assert_eq!(at(1_999_999).unix_secs(), 1);
        assert_eq!(at(-1).unix_ms(), -1);
        assert_eq!(at(-1).unix_secs(), -1);
        assert_eq!(at(0).unix_ms(), 0);
    }

    #[test]
    fn the_machine_has_a_clock_that_agrees_with_std() {
        let now = Now::read();
        let std_us = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_micros() as i64;
        assert!((std_us - now.unix_us).abs() < 60_000_000);
        assert!(Now::read().mono_us >= now.mono_us);
    }
}
