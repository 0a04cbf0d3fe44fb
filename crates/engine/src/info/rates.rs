//! What happens per second: the means of sixteen samples.
//!
//! ```text
//!   counter   0 ── 120 ── 250 ── 380       asked every tenth of a second
//!   sample      1200   1300   1300         growth per second in between
//!   shown     the mean of the last sixteen samples
//! ```
//!
//! As in Redis, samples not taken yet count as zero: a rate takes 1.6 s to
//! settle, and as long to fade.

use base::Now;
use parking_lot::Mutex;

use crate::stats::Totals;

/// The rates that INFO shows.
#[derive(Default)]
pub(crate) struct Rates(Mutex<Samples>);

/// The means, as of the last sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PerSecond {
    pub(crate) commands: u64,
    pub(crate) received_bytes: u64,
    pub(crate) sent_bytes: u64,
    pub(crate) eventloop_cycles: u64,
    /// Not per second but per turn of a loop.
    pub(crate) eventloop_us: u64,
}

#[derive(Default)]
struct Samples {
    last_us: Option<u64>,
    commands: Rate,
    received_bytes: Rate,
    sent_bytes: Rate,
    eventloop_cycles: Rate,
    eventloop_ns: Rate,
}

/// The growth of one counter over another.
#[derive(Default)]
struct Rate {
    last: Option<(u64, u64)>,
    samples: [u64; Rate::SAMPLES],
    next: usize,
}

impl Rates {
    /// Drivers tick ten times a second, some a little early.
    const PERIOD_US: u64 = 95_000;

    /// Take a sample unless the last one is too fresh. Says whether it did.
    /// Many drivers may ask at once: one takes it, nobody waits.
    pub(crate) fn sample(&self, now: Now, totals: impl FnOnce() -> Totals) -> bool {
        let Some(mut samples) = self.0.try_lock() else {
            return false;
        };
        let is_fresh = |last| now.mono_us.saturating_sub(last) < Rates::PERIOD_US;
        if samples.last_us.is_some_and(is_fresh) {
            return false;
        }
        samples.last_us = Some(now.mono_us);
        samples.take(now.mono_us, &totals());
        true
    }

    pub(crate) fn per_second(&self) -> PerSecond {
        let samples = self.0.lock();
        PerSecond {
            commands: samples.commands.mean(),
            received_bytes: samples.received_bytes.mean(),
            sent_bytes: samples.sent_bytes.mean(),
            eventloop_cycles: samples.eventloop_cycles.mean(),
            eventloop_us: samples.eventloop_ns.mean() / 1000,
        }
    }

    /// CONFIG RESETSTAT.
    pub(crate) fn reset(&self) {
        *self.0.lock() = Samples::default();
    }
}

impl Samples {
    fn take(&mut self, now_us: u64, totals: &Totals) {
        const SECOND_US: u64 = 1_000_000;
        let rates = [
            (&mut self.commands, totals.commands_processed),
            (&mut self.received_bytes, totals.received_bytes),
            (&mut self.sent_bytes, totals.sent_bytes),
            (&mut self.eventloop_cycles, totals.eventloop_cycles),
        ];
        for (rate, value) in rates {
            rate.take(value, now_us, SECOND_US);
        }
        self.eventloop_ns
            .take(totals.eventloop_ns, totals.eventloop_cycles, 1);
    }
}

impl Rate {
    const SAMPLES: usize = 16;

    /// The counter is at `value` when what it is measured by is at `base`.
    fn take(&mut self, value: u64, base: u64, per: u64) {
        if let Some((last_value, last_base)) = self.last.replace((value, base)) {
            let grown = u128::from(value.saturating_sub(last_value)) * u128::from(per);
            let passed = u128::from(base.saturating_sub(last_base));
            let sample = grown.checked_div(passed).unwrap_or(0);
            self.samples[self.next] = u64::try_from(sample).unwrap_or(u64::MAX);
            self.next = (self.next + 1) % Rate::SAMPLES;
        }
    }

    fn mean(&self) -> u64 {
        let sum: u128 = self.samples.iter().map(|&sample| u128::from(sample)).sum();
        (sum / Rate::SAMPLES as u128) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_rate_is_shown_after_sixteen_samples() {
        let rates = Rates::default();
        let at = |tick: u64| Now {
            mono_us: 5_000_000 + tick * 100_000,
            ..Now::default()
        };
        let totals = |tick: u64| Totals {
            commands_processed: 50 * tick,
            eventloop_cycles: 10 * tick,
            eventloop_ns: 20_000 * tick,
            ..Totals::default()
        };
        for tick in 0..=8 {
            assert!(rates.sample(at(tick), || totals(tick)));
            assert!(!rates.sample(at(tick), || unreachable!("too soon")));
        }
        assert_eq!(rates.per_second().commands, 250);
        for tick in 9..100 {
            rates.sample(at(tick), || totals(tick));
        }
        let steady = PerSecond {
            commands: 500,
            eventloop_cycles: 100,
            eventloop_us: 2,
            ..PerSecond::default()
        };
        assert_eq!(rates.per_second(), steady);
        rates.reset();
        assert_eq!(rates.per_second(), PerSecond::default());
    }
}
