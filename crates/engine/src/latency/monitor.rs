//! What took long, and when: the samples that LATENCY shows.
//!
//! ```text
//!   observe(event, when, how long) ── shorter than the threshold ──► nothing
//!        └──► Series of the event: 160 samples, one a second at most, and the worst ever
//! ```
//!
//! The threshold is 0 until `latency-monitor-threshold` is set: then nothing is kept, and who
//! has to read a clock only for this asks [`Monitor::is_on`] first.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::{doctor, graph};

/// What may take long. The names are Redis' where Redis has the thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    Command,
    /// A command of those that promise to be fast.
    FastCommand,
    /// One slice of the search for expired keys.
    ExpireCycle,
    /// A write to the log's file, and the same once more by what went on beside it.
    AofWrite,
    AofWriteAlone,
    AofWritePendingFsync,
    AofWriteActiveChild,
    /// A sync of the log under `appendfsync always`: clients waited for it.
    AofFsyncAlways,
    /// Any sync of the log.
    LogSync,
}

/// The samples of all events.
#[derive(Debug, Default)]
pub struct Monitor {
    threshold_ms: AtomicU64,
    events: Mutex<BTreeMap<&'static str, Series>>,
}

/// Something took so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    pub unix_secs: i64,
    pub ms: u64,
}

/// The samples of one event, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    samples: VecDeque<Sample>,
    /// Of all that there ever were.
    worst_ms: u64,
}

const SAMPLES_MAX: usize = 160;

impl Event {
    pub fn name(self) -> &'static str {
        match self {
            Event::Command => "command",
            Event::FastCommand => "fast-command",
            Event::ExpireCycle => "expire-cycle",
            Event::AofWrite => "aof-write",
            Event::AofWriteAlone => "aof-write-alone",
            Event::AofWritePendingFsync => "aof-write-pending-fsync",
            Event::AofWriteActiveChild => "aof-write-active-child",
            Event::AofFsyncAlways => "aof-fsync-always",
            Event::LogSync => "log-sync",
        }
    }
}

impl Monitor {
    /// 0 for off.
    pub fn set_threshold_ms(&self, ms: u64) {
        self.threshold_ms.store(ms, Ordering::Relaxed);
    }

    #[inline]
    pub fn is_on(&self) -> bool {
        self.threshold_ms.load(Ordering::Relaxed) > 0
    }

    /// Something took so long and has just ended.
    pub fn observe(&self, event: Event, unix_secs: i64, us: u64) {
        let threshold_ms = self.threshold_ms.load(Ordering::Relaxed);
        let ms = us / 1000;
        if threshold_ms == 0 || ms < threshold_ms {
            return;
        }
        let mut events = self.events.lock();
        let series = events.entry(event.name()).or_default();
        series.push(Sample { unix_secs, ms });
    }

    /// Each event that has samples, by its name: the newest sample and the worst.
    pub fn latest(&self) -> Vec<(&'static str, Sample, u64)> {
        let events = self.events.lock();
        let latest = events.iter().filter_map(|(name, series)| {
            let newest = series.samples.back()?;
            Some((*name, *newest, series.worst_ms))
        });
        latest.collect()
    }

    /// The samples of an event, if there are any.
    pub fn series(&self, name: &[u8]) -> Option<Series> {
        let name = str::from_utf8(name).ok()?;
        self.events.lock().get(name).cloned()
    }

    /// Forgets an event. Says whether there was something to forget.
    pub fn reset(&self, name: &[u8]) -> bool {
        let name = str::from_utf8(name);
        name.is_ok_and(|name| self.events.lock().remove(name).is_some())
    }

    /// Forgets all events and says how many they were.
    pub fn reset_all(&self) -> usize {
        std::mem::take(&mut *self.events.lock()).len()
    }

    /// A picture of an event's samples, for people.
    pub fn graph(&self, name: &[u8], now_unix_secs: i64) -> Option<String> {
        let series = self.series(name)?;
        let name = String::from_utf8_lossy(name);
        Some(graph::draw(&name, &series, now_unix_secs))
    }

    /// What the samples say and what to do about it, for people.
    pub fn report(&self) -> String {
        doctor::report(self.is_on(), &self.events.lock())
    }
}

impl Series {
    /// The worst of each second is kept.
    fn push(&mut self, sample: Sample) {
        self.worst_ms = self.worst_ms.max(sample.ms);
        if let Some(newest) = self.samples.back_mut()
            && newest.unix_secs == sample.unix_secs
        {
            newest.ms = newest.ms.max(sample.ms);
            return;
        }
        if self.samples.len() == SAMPLES_MAX {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }

    pub fn samples(&self) -> impl ExactSizeIterator<Item = &Sample> {
        self.samples.iter()
    }

    pub fn worst_ms(&self) -> u64 {
        self.worst_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_is_not_kept() {
        let monitor = Monitor::default();
        monitor.observe(Event::Command, 1, 5_000_000);
        assert!(monitor.latest().is_empty(), "it is off");
        monitor.set_threshold_ms(5);
        monitor.observe(Event::Command, 1, 4_999);
        assert!(monitor.latest().is_empty());
        monitor.observe(Event::Command, 2, 5_000);
        let sample = Sample {
            unix_secs: 2,
            ms: 5,
        };
        assert_eq!(monitor.latest(), [("command", sample, 5)]);
    }

    #[test]
    fn a_second_keeps_its_worst_and_a_series_its_newest() {
        let monitor = Monitor::default();
        monitor.set_threshold_ms(1);
        for second in 0..400 {
            for ms in [3, 1000 - second, 2] {
                monitor.observe(Event::LogSync, second as i64, ms * 1000);
            }
        }
        let series = monitor.series(b"log-sync").expect("there are samples");
        assert_eq!(series.samples().len(), SAMPLES_MAX);
        assert_eq!(series.worst_ms(), 1000);
        let newest = series.samples().last().expect("some");
        assert_eq!((newest.unix_secs, newest.ms), (399, 601));
        let oldest = series.samples().next().expect("some");
        assert_eq!((oldest.unix_secs, oldest.ms), (240, 760));
    }

    #[test]
    fn what_is_reset_is_counted() {
        let monitor = Monitor::default();
        monitor.set_threshold_ms(1);
        monitor.observe(Event::Command, 1, 9_000);
        monitor.observe(Event::ExpireCycle, 1, 9_000);
        assert!(!monitor.reset(b"log-sync") && !monitor.reset(b"\xff"));
        assert!(monitor.reset(b"command") && !monitor.reset(b"command"));
        assert_eq!(monitor.reset_all(), 1);
        assert_eq!(monitor.latest(), []);
    }
}
