//! The few statistics that comparing runs needs.
//!
//! Runs on a shared machine have outliers, so the centre is the median and its
//! uncertainty comes from the bootstrap: draw as many values from the sample as
//! it has, with repetition, take their median, do it ten thousand times; the
//! middle 95 % of those medians is the interval. It assumes nothing about the
//! distribution, only that pairs are independent. With few pairs the interval
//! is close to their whole range, and below six of them no verdict is given.

use base::Rng;

const RESAMPLES: usize = 10_000;

/// With fewer values even pure chance puts all of them on one side of 1 in
/// more than 5 of 100 experiments: 2 / 2^5 is still 6 %.
const VALUES_MIN: usize = 6;

/// A median with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    pub median: f64,
    pub low: f64,
    pub high: f64,
    /// How many values it rests on.
    pub count: usize,
}

impl Estimate {
    /// The median of `values` and its bootstrap interval, the same for the same
    /// seed; `None` for no values or when one is not a finite number.
    pub fn of(values: &[f64], seed: u64) -> Option<Estimate> {
        if values.is_empty() || values.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let mut rng = Rng::new(seed);
        let mut sample = vec![0.0; values.len()];
        let mut medians: Vec<f64> = (0..RESAMPLES)
            .map(|_| {
                for drawn in &mut sample {
                    *drawn = values[rng.below(values.len() as u64) as usize];
                }
                sample.sort_by(f64::total_cmp);
                quantile_of_sorted(&sample, 0.5)
            })
            .collect();
        medians.sort_by(f64::total_cmp);
        Some(Estimate {
            median: median(values)?,
            low: quantile_of_sorted(&medians, 0.025),
            high: quantile_of_sorted(&medians, 0.975),
            count: values.len(),
        })
    }

    /// Whether there are enough values for the interval to mean something.
    pub fn is_sound(&self) -> bool {
        self.count >= VALUES_MIN
    }

    /// Whether the interval leaves little doubt that the value differs from 1.
    pub fn excludes_one(&self) -> bool {
        self.is_sound() && (self.low > 1.0 || self.high < 1.0)
    }
}

/// `None` for no values.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (!sorted.is_empty()).then(|| quantile_of_sorted(&sorted, 0.5))
}

/// Linear between neighbours. `sorted` is not empty.
fn quantile_of_sorted(sorted: &[f64], quantile: f64) -> f64 {
    let place = quantile * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = place.ceil() as usize;
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn quantiles_interpolate() {
        let sorted = [0.0, 10.0, 20.0, 30.0, 40.0];
        assert_eq!(quantile_of_sorted(&sorted, 0.0), 0.0);
        assert_eq!(quantile_of_sorted(&sorted, 1.0), 40.0);
        assert_eq!(quantile_of_sorted(&sorted, 0.375), 15.0);
    }

    #[test]
    fn intervals_hold_the_median_and_narrow_with_the_spread() {
        let wide = Estimate::of(&[0.5, 0.8, 1.0, 1.3, 1.9, 0.9, 1.1], 1).unwrap();
        assert_eq!(wide.median, 1.0);
        assert!(wide.low < 1.0 && wide.high > 1.0 && !wide.excludes_one());
        let narrow = Estimate::of(&[0.70, 0.71, 0.69, 0.70, 0.72, 0.70, 0.71], 1).unwrap();
        assert!(narrow.excludes_one());
        assert!(narrow.high - narrow.low < wide.high - wide.low);
        let few = Estimate::of(&[0.70, 0.71, 0.69], 1).unwrap();
        assert!(
            few.high < 1.0 && !few.excludes_one(),
            "three values prove nothing"
        );
        assert_eq!(Estimate::of(&[1.0, f64::NAN], 1), None);
        assert_eq!(Estimate::of(&[], 1), None);
    }

    /// The interval must hold the true median in about 95 of 100 experiments.
    #[test]
    fn intervals_cover_the_truth() {
        let mut rng = Rng::new(42);
        let experiments = 200;
        let held = (0..experiments)
            .filter(|&i| {
                let values: Vec<f64> = (0..15).map(|_| rng.f64() + rng.f64()).collect();
                let found = Estimate::of(&values, i).unwrap();
                found.low <= 1.0 && 1.0 <= found.high
            })
            .count();
        assert!((180..=200).contains(&held), "{held} of {experiments}");
    }
}
