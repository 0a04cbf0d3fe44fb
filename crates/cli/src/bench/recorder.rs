//! Latencies as they come in: one histogram for the whole run and a row of
//! small ones over time.
//!
//! ```text
//!   total     ▁▂▇█▅▃▂▁▁▁ ▁        3 digits, 16 ns to an hour
//!   timeline  [▂█▁][▂█▂][▁▇▃][…   2 digits a slice; when there are too many
//!                                 slices, neighbours are joined and a slice
//!                                 lasts twice as long
//! ```
//!
//! A generator thread owns its recorder; they are merged when the run is over.
//! Times are nanoseconds since the run began. Latencies beyond the range are
//! recorded as its end.

use std::time::Duration;

use hdrhistogram::Histogram;

const LATENCY_MIN_NS: u64 = 16;
const LATENCY_MAX_NS: u64 = 3_600_000_000_000;
const SLICE_LATENCY_MIN_NS: u64 = 1_000;
const SLICE_LATENCY_MAX_NS: u64 = 60_000_000_000;
/// More slices than this are joined in pairs.
const SLICES_MAX: usize = 400;
const SLICE_NS_AT_FIRST: u64 = 50_000_000;

/// All latencies of one generator thread, or of all after merging.
#[derive(Debug, Clone)]
pub struct Recorder {
    latency: Histogram<u64>,
    timeline: Timeline,
    last_ns: u64,
}

impl Default for Recorder {
    fn default() -> Recorder {
        Recorder {
            latency: empty_histogram(),
            timeline: Timeline::default(),
            last_ns: 0,
        }
    }
}

impl Recorder {
    /// Notes that `count` requests ended at `now_ns`, each after `latency_ns`.
    pub fn record(&mut self, now_ns: u64, latency_ns: u64, count: u64) {
        self.latency.saturating_record_n(latency_ns, count);
        self.timeline.record(now_ns, latency_ns, count);
        self.last_ns = now_ns;
    }

    /// Adds what another thread has recorded in the same run.
    pub fn merge(&mut self, other: &Recorder) {
        self.latency
            .add(&other.latency)
            .expect("histograms of one run have equal bounds");
        self.timeline.merge(&other.timeline);
        self.last_ns = self.last_ns.max(other.last_ns);
    }

    /// When the last request ended, since the run began.
    pub fn last(&self) -> Duration {
        Duration::from_nanos(self.last_ns)
    }

    /// Nanoseconds.
    pub fn latency(&self) -> &Histogram<u64> {
        &self.latency
    }

    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }
}

/// A histogram for latencies in nanoseconds; all such can be added.
pub fn empty_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(LATENCY_MIN_NS, LATENCY_MAX_NS, 3)
        .expect("constant bounds are valid")
}

/// Equal slices of time, each with its own small histogram.
#[derive(Debug, Clone)]
pub struct Timeline {
    slice_ns: u64,
    slices: Vec<Histogram<u32>>,
    /// Where the newest slice ends.
    end_ns: u64,
}

/// What one slice of time saw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slice {
    pub start: Duration,
    pub length: Duration,
    pub requests: u64,
    pub p50_ns: u64,
    pub p99_ns: u64,
    pub max_ns: u64,
}

impl Default for Timeline {
    fn default() -> Timeline {
        Timeline {
            slice_ns: SLICE_NS_AT_FIRST,
            slices: Vec::new(),
            end_ns: 0,
        }
    }
}

impl Timeline {
    /// The slices in order of time, the empty ones included.
    pub fn slices(&self) -> Vec<Slice> {
        let length = Duration::from_nanos(self.slice_ns);
        let slice = |(i, histogram): (usize, &Histogram<u32>)| Slice {
            start: length * i as u32,
            length,
            requests: histogram.len(),
            p50_ns: histogram.value_at_quantile(0.5),
            p99_ns: histogram.value_at_quantile(0.99),
            max_ns: histogram.max(),
        };
        self.slices.iter().enumerate().map(slice).collect()
    }

    fn record(&mut self, now_ns: u64, latency_ns: u64, count: u64) {
        if now_ns >= self.end_ns {
            self.extend_to(now_ns);
        }
        if let Some(newest) = self.slices.last_mut() {
            newest.saturating_record_n(latency_ns, u32::try_from(count).unwrap_or(u32::MAX));
        }
    }

    /// Opens slices until one holds `now_ns`: a pause leaves empty slices.
    #[cold]
    fn extend_to(&mut self, now_ns: u64) {
        while now_ns >= self.end_ns {
            if self.slices.len() == SLICES_MAX {
                self.join_pairs();
                continue;
            }
            self.slices.push(empty_slice());
            self.end_ns = self.slice_ns * self.slices.len() as u64;
        }
    }

    fn join_pairs(&mut self) {
        let mut joined = Vec::with_capacity(SLICES_MAX);
        for pair in self.slices.chunks(2) {
            let mut first = pair[0].clone();
            if let Some(second) = pair.get(1) {
                first.add(second).expect("slices have equal bounds");
            }
            joined.push(first);
        }
        self.slices = joined;
        self.slice_ns *= 2;
        self.end_ns = self.slice_ns * self.slices.len() as u64;
    }

    fn merge(&mut self, other: &Timeline) {
        let mut other = other.clone();
        while self.slice_ns < other.slice_ns {
            self.join_pairs();
        }
        while other.slice_ns < self.slice_ns {
            other.join_pairs();
        }
        while self.slices.len() < other.slices.len() {
            self.slices.push(empty_slice());
        }
        self.end_ns = self.slice_ns * self.slices.len() as u64;
        for (mine, theirs) in self.slices.iter_mut().zip(&other.slices) {
            mine.add(theirs).expect("slices have equal bounds");
        }
    }
}

fn empty_slice() -> Histogram<u32> {
    Histogram::new_with_bounds(SLICE_LATENCY_MIN_NS, SLICE_LATENCY_MAX_NS, 2)
        .expect("constant bounds are valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_pause_leaves_empty_slices() {
        let mut recorder = Recorder::default();
        recorder.record(1, 1_000, 2);
        recorder.record(SECOND - 1, 900_000_000, 1);
        let slices = recorder.timeline().slices();
        assert_eq!(slices.len(), 20);
        assert_eq!(slices[0].requests, 2);
        assert!(slices[1..19].iter().all(|slice| slice.requests == 0));
        assert!(slices[19].max_ns >= 890_000_000);
        assert_eq!(recorder.last(), Duration::from_nanos(SECOND - 1));
    }

    #[test]
    fn long_runs_join_slices_and_lose_nothing() {
        let mut recorder = Recorder::default();
        for i in 0..10_000 {
            recorder.record(i * SECOND / 10, 5_000, 1);
        }
        let slices = recorder.timeline().slices();
        assert!(slices.len() <= SLICES_MAX);
        assert_eq!(
            slices.iter().map(|slice| slice.requests).sum::<u64>(),
            10_000
        );
        assert_eq!(recorder.latency().len(), 10_000);
    }

    #[test]
    fn threads_with_different_slices_merge() {
        let mut long = Recorder::default();
        let mut short = Recorder::default();
        for i in 0..100 {
            long.record(i * SECOND, 1_000, 1);
            short.record(i * SECOND / 100, 1_000, 1);
        }
        let mut merged = Recorder::default();
        merged.merge(&short);
        merged.merge(&long);
        assert_eq!(merged.latency().len(), 200);
        let slices = merged.timeline().slices();
        assert_eq!(slices.iter().map(|slice| slice.requests).sum::<u64>(), 200);
        assert!(slices[0].requests > slices[50].requests);
    }
}
