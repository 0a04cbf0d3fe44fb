//! A histogram of durations, small enough to have one per command and thread.
//!
//! ```text
//!   ns    0 1 2 ... 7 │ 8 9 ... 15 │ 16 18 ... 30 │ 32 36 ... 60 │ ...  34 s
//!   step      1       │     1      │      2       │       4      │
//! ```
//!
//! Eight buckets to each power of two: what is read from it is at most an eighth too long.
//! The kilobyte that this takes is allocated when the first duration comes.
//!
//! One thread writes, with plain loads and stores, and any number read. A bucket counts in 32
//! bits; should one run over, which takes an hour at a million a second, the carry goes to a
//! place behind a lock. Longer than 34 seconds is counted as 34 seconds.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;

/// How many buckets there are.
pub const BUCKETS: usize = 8 * 34;

/// Written by one thread.
#[derive(Debug, Default)]
pub struct Histogram {
    counts: OnceLock<Box<[AtomicU32]>>,
    /// What the buckets could not hold, in units of 2^32.
    carries: Mutex<Vec<u32>>,
}

/// What histograms have counted, added up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(
    /// One per bucket; empty before the first.
    Vec<u64>,
);

impl Histogram {
    /// So many durations of `ns`. For one thread.
    #[inline]
    pub fn record(&self, ns: u64, times: u64) {
        let counts = self.counts.get_or_init(empty);
        let bucket = bucket_of(ns);
        let times = u32::try_from(times).unwrap_or(u32::MAX);
        let before = counts[bucket].load(Ordering::Relaxed);
        let (sum, runs_over) = before.overflowing_add(times);
        counts[bucket].store(sum, Ordering::Relaxed);
        if runs_over {
            self.carry(bucket);
        }
    }

    #[cold]
    fn carry(&self, bucket: usize) {
        let mut carries = self.carries.lock();
        carries.resize(BUCKETS, 0);
        carries[bucket] += 1;
    }

    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        counts.add(self);
        counts
    }
}

fn empty() -> Box<[AtomicU32]> {
    (0..BUCKETS).map(|_| AtomicU32::new(0)).collect()
}

impl Counts {
    pub fn add(&mut self, histogram: &Histogram) {
        let Some(counts) = histogram.counts.get() else {
            return;
        };
        self.0.resize(BUCKETS, 0);
        for (sum, count) in self.0.iter_mut().zip(counts) {
            *sum += u64::from(count.load(Ordering::Relaxed));
        }
        for (sum, carry) in self.0.iter_mut().zip(&*histogram.carries.lock()) {
            *sum += u64::from(*carry) << 32;
        }
    }

    /// Forgets what had been counted at an earlier time.
    pub fn subtract(&mut self, earlier: &Counts) {
        for (sum, earlier) in self.0.iter_mut().zip(&earlier.0) {
            *sum = sum.saturating_sub(*earlier);
        }
    }

    /// How many durations there are.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The duration in nanoseconds that `percent` of them did not exceed; 0 if there are none.
    pub fn percentile_ns(&self, percent: f64) -> u64 {
        let wanted = (percent / 100.0 * self.total() as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bucket, count) in self.0.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return end_ns(bucket);
            }
        }
        0
    }

    /// For each power of two microseconds (of 1024 nanoseconds) that adds some: its end as clients
    /// read it, and how many durations end there or before.
    ///
    /// The numbers are those of Redis, whose buckets lie a 128th beyond the power: 33 for 32.
    pub fn cumulative_us(&self) -> Vec<(u64, u64)> {
        let mut steps = Vec::new();
        let mut seen = 0;
        let mut at = 0;
        for power in POWER_MIN..=POWER_MAX {
            let end = (8 * (power - 2)).min(self.0.len());
            let more: u64 = self.0[at.min(end)..end].iter().sum();
            at = end;
            if more > 0 {
                seen += more;
                steps.push((label_us(power), seen));
            }
        }
        steps
    }
}

/// What is shorter than 1,024 nanoseconds is one step.
const POWER_MIN: usize = 10;
/// Where the last bucket ends.
const POWER_MAX: usize = BUCKETS / 8 + 2;

fn label_us(power: usize) -> u64 {
    // The last bucket of Redis ends with a second, and exactly on the power.
    let beyond = if power < 30 { 1 << (power - 7) } else { 0 };
    ((1 << power) + beyond - 1) / 1000
}

/// The bucket of a duration.
#[inline]
fn bucket_of(ns: u64) -> usize {
    if ns < 8 {
        return ns as usize;
    }
    let power = 63 - ns.leading_zeros() as usize;
    let eighth = (ns >> (power - 3)) as usize & 7;
    (8 * (power - 2) + eighth).min(BUCKETS - 1)
}

/// The longest duration of a bucket.
fn end_ns(bucket: usize) -> u64 {
    if bucket < 8 {
        return bucket as u64;
    }
    let (power, eighth) = (bucket / 8 + 2, bucket as u64 % 8);
    ((9 + eighth) << (power - 3)) - 1
}

#[cfg(test)]
mod tests {
    use base::Rng;

    use super::*;

    #[test]
    fn buckets_cover_every_duration_in_order() {
        let mut last = 0;
        for ns in (0..100_000).chain([1 << 30, 1 << 34, (1 << 36) - 1]) {
            let bucket = bucket_of(ns);
            assert!(bucket >= last && end_ns(bucket) >= ns, "{ns}");
            assert!(end_ns(bucket) <= ns + ns / 8, "{ns}");
            assert!(bucket == 0 || end_ns(bucket - 1) < ns, "{ns}");
            last = bucket;
        }
        assert_eq!(last, BUCKETS - 1);
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_and_steps_are_those_of_a_sorted_list() {
        let seed = 17;
        let mut rng = Rng::new(seed);
        for round in 0..200 {
            let histogram = Histogram::default();
            let mut list: Vec<u64> = (0..1 + rng.below(300))
                .map(|_| rng.next_u64() >> (28 + rng.below(36)))
                .collect();
            list.iter().for_each(|ns| histogram.record(*ns, 1));
            list.sort_unstable();
            let counts = histogram.counts();
            assert_eq!(counts.total(), list.len() as u64);
            for percent in [0.0, 50.0, 99.0, 99.9, 100.0] {
                let rank = (percent / 100.0 * list.len() as f64).ceil().max(1.0) as usize;
                let due = end_ns(bucket_of(list[rank - 1]));
                let place = format!("seed {seed}, round {round}, {percent}");
                assert_eq!(counts.percentile_ns(percent), due, "{place}");
            }
            let mut due = Vec::new();
            for power in POWER_MIN..=POWER_MAX {
                let seen = list.partition_point(|ns| *ns < 1 << power) as u64;
                if seen > due.last().map_or(0, |(_, seen)| *seen) {
                    due.push((label_us(power), seen));
                }
            }
            assert_eq!(counts.cumulative_us(), due, "seed {seed}, round {round}");
        }
    }

    #[test]
    fn steps_are_labelled_as_redis_labels_them() {
        let labels: Vec<_> = (POWER_MIN..=30).map(label_us).collect();
        let known = [
            1, 2, 4, 8, 16, 33, 66, 132, 264, 528, 1056, 2113, 4227, 8454, 16908,
        ];
        assert_eq!(labels[..known.len()], known);
        assert_eq!(labels[20], 1_073_741);
    }

    #[test]
    fn a_bucket_that_runs_over_loses_nothing() {
        let histogram = Histogram::default();
        for _ in 0..3 {
            histogram.record(100, u64::from(u32::MAX));
        }
        histogram.record(5, 2);
        assert_eq!(histogram.counts().total(), 3 * u64::from(u32::MAX) + 2);
        let mut later = histogram.counts();
        later.subtract(&histogram.counts());
        assert_eq!(later.total(), 0);
        assert_eq!(later.cumulative_us(), []);
        assert_eq!(later.percentile_ns(50.0), 0);
    }
}
