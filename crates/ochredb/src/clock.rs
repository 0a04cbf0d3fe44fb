//! Where a database takes its time from.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use base::Now;

/// A source of time. Tests bring their own, so that an hour passes at once.
pub trait Clock: Send + Sync {
    fn now(&self) -> Now;

    /// Lets so much of this time pass.
    fn sleep_us(&self, us: u64) {
        std::thread::sleep(std::time::Duration::from_micros(us));
    }

    /// Who waits for a moment of this clock looks at it again after so many real
    /// microseconds at the latest: all there is to wait, if it runs as the world does.
    fn slice_us_max(&self) -> u64 {
        3_600_000_000
    }
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Now {
        Now::read()
    }
}

/// A clock that stands still until it is told to go on. Clones are one clock.
#[derive(Clone, Debug)]
pub struct ManualClock {
    unix_us: Arc<AtomicI64>,
}

impl ManualClock {
    /// A clock that stands at so many milliseconds of Unix time.
    pub fn at_ms(unix_ms: i64) -> ManualClock {
        ManualClock {
            unix_us: Arc::new(AtomicI64::new(unix_ms * 1000)),
        }
    }

    pub fn advance_ms(&self, ms: i64) {
        self.unix_us.fetch_add(ms * 1000, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Now {
        let unix_us = self.unix_us.load(Ordering::Relaxed);
        Now {
            unix_us,
            mono_us: unix_us as u64,
        }
    }

    /// It goes on when it is told to, and tells nobody.
    fn slice_us_max(&self) -> u64 {
        1000
    }

    /// Nobody waits: the clock goes on by as much.
    fn sleep_us(&self, us: u64) {
        self.unix_us.fetch_add(us as i64, Ordering::Relaxed);
    }
}
