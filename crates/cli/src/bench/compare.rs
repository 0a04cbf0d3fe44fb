//! Two servers against each other, in interleaved pairs.
//!
//! ```text
//!   pair   1      2      3      4
//!   order  A B    B A    A B    B A       drift of the machine hits both sides alike
//!   run    start ─ fill ─ warm-up ─ measure ─ stop
//! ```
//!
//! Every run has a fresh process, so that luck with memory layout is drawn anew
//! and becomes part of the spread instead of a hidden bias. What is reported is
//! the ratio within pairs: its median, and a bootstrap interval. A ratio is A
//! divided by B. Runs during which the hypervisor took time away are discarded
//! and repeated.
//!
//! When the generator cannot keep the faster server busy, throughput says
//! little; CPU time per request still does, most of all at the same offered
//! rate (`--throttle`).

use hdrhistogram::Histogram;

use crate::bench::error::Error;
use crate::bench::figures::{Figures, percent};
use crate::bench::recorder::empty_histogram;
use crate::bench::run::{Bench, Cell};
use crate::bench::server_process::ServerProcess;
use crate::bench::statistics::Estimate;

/// How often a disturbed run is tried again before its pair is given up.
const ATTEMPTS: u32 = 4;

/// A server to be compared.
#[derive(Debug, Clone)]
pub struct Side {
    /// `A`, `B`, …
    pub letter: char,
    pub argv: Vec<String>,
    /// What INFO said of itself when it first ran.
    pub version: Option<String>,
}

/// One cell of a sweep, measured on two sides.
pub struct Comparison {
    pub cell: String,
    pub a: usize,
    pub b: usize,
    pub pairs: Vec<Pair>,
    /// Latencies of all runs of a side together, nanoseconds.
    pub latency_a: Histogram<u64>,
    pub latency_b: Histogram<u64>,
}

/// Two runs next to each other in time.
#[derive(Debug, Clone)]
pub struct Pair {
    pub order: Order,
    pub a: Figures,
    pub b: Figures,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    AB,
    BA,
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    CpuPerRequest,
    Throughput,
    P99,
}

impl Metric {
    pub const ALL: [Metric; 3] = [Metric::CpuPerRequest, Metric::Throughput, Metric::P99];

    pub fn name(self) -> &'static str {
        match self {
            Metric::CpuPerRequest => "CPU per request",
            Metric::Throughput => "throughput",
            Metric::P99 => "p99 latency",
        }
    }

    /// Microseconds, requests per second, milliseconds.
    pub fn of(self, figures: &Figures) -> Option<f64> {
        match self {
            Metric::CpuPerRequest => figures.server.as_ref().map(|server| server.cpu_us),
            Metric::Throughput => Some(figures.throughput),
            Metric::P99 => Some(figures.p99_ns as f64 / 1e6),
        }
    }

    fn is_better_when_lower(self) -> bool {
        self != Metric::Throughput
    }

    /// A ratio's meaning in words, for sides with these letters.
    pub fn verdict(self, estimate: &Estimate, a: char, b: char) -> String {
        if !estimate.is_sound() {
            "too few pairs for a verdict".to_string()
        } else if !estimate.excludes_one() {
            "no difference shown".to_string()
        } else if (estimate.median < 1.0) == self.is_better_when_lower() {
            format!("{a} is better")
        } else {
            format!("{b} is better")
        }
    }
}

impl Pair {
    /// A divided by B.
    pub fn ratio(&self, metric: Metric) -> Option<f64> {
        Some(metric.of(&self.a)? / metric.of(&self.b)?)
    }
}

impl Comparison {
    pub fn new(cell: &Cell, a: usize, b: usize) -> Comparison {
        Comparison {
            cell: cell.label.clone(),
            a,
            b,
            pairs: Vec::new(),
            latency_a: empty_histogram(),
            latency_b: empty_histogram(),
        }
    }

    /// The letters of both sides.
    pub fn letters(&self, sides: &[Side]) -> (char, char) {
        (sides[self.a].letter, sides[self.b].letter)
    }

    pub fn ratios(&self, metric: Metric) -> Vec<f64> {
        self.pairs
            .iter()
            .filter_map(|pair| pair.ratio(metric))
            .collect()
    }

    pub fn estimate(&self, metric: Metric, seed: u64) -> Option<Estimate> {
        Estimate::of(&self.ratios(metric), seed)
    }

    /// Measures one more pair and returns whether it was kept. `say` hears of
    /// discarded runs.
    pub fn add_pair(
        &mut self,
        bench: &mut Bench,
        cell: &Cell,
        sides: &mut [Side],
        order: Order,
        say: &mut dyn FnMut(String) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        let (first, second) = match order {
            Order::AB => (self.a, self.b),
            Order::BA => (self.b, self.a),
        };
        let Some(one) = undisturbed(bench, cell, &mut sides[first], say)? else {
            return Ok(false);
        };
        let Some(two) = undisturbed(bench, cell, &mut sides[second], say)? else {
            return Ok(false);
        };
        let (a, b) = match order {
            Order::AB => (one, two),
            Order::BA => (two, one),
        };
        self.latency_a
            .add(&a.1)
            .expect("histograms have equal bounds");
        self.latency_b
            .add(&b.1)
            .expect("histograms have equal bounds");
        self.pairs.push(Pair {
            order,
            a: a.0,
            b: b.0,
        });
        Ok(true)
    }
}

/// One run on a fresh server; again while the machine is disturbed.
fn undisturbed(
    bench: &mut Bench,
    cell: &Cell,
    side: &mut Side,
    say: &mut dyn FnMut(String) -> Result<(), Error>,
) -> Result<Option<(Figures, Histogram<u64>)>, Error> {
    for attempt in 1..=ATTEMPTS {
        bench
            .progress
            .say(&format!("{}, {}: starting", cell.label, side.letter));
        let cores = bench.pinning.as_ref().map(|pinning| &pinning.server);
        let server = ServerProcess::start(&side.argv, cores, &bench.interrupt)?;
        side.version = side.version.take().or_else(|| server.info().version());
        if let Some(text) = bench.lacks(cell, server.target())? {
            let asked = format!("{} on {}", cell.title, server.command());
            return Err(Error::Refused {
                asked,
                answer: text,
            });
        }
        let run = bench.measure(cell, server.target(), Some(server.pid()))?;
        if bench.interrupt.is_set() {
            return Err(Error::Interrupted);
        }
        let steal = run.figures.steal;
        if steal <= bench.options.steal_max {
            return Ok(Some((run.figures, run.latency)));
        }
        bench.progress.wipe();
        let next = if attempt < ATTEMPTS {
            "again"
        } else {
            "pair given up"
        };
        say(format!(
            "      {} discarded: {:.1} % of the time was stolen by the hypervisor (limit {}); {next}",
            side.letter,
            steal * 100.0,
            percent(bench.options.steal_max),
        ))?;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(median: f64, low: f64, high: f64) -> Estimate {
        Estimate {
            median,
            low,
            high,
            count: 7,
        }
    }

    #[test]
    fn verdicts_need_an_interval_that_excludes_one() {
        let lower = estimate(0.8, 0.7, 0.9);
        assert_eq!(
            Metric::CpuPerRequest.verdict(&lower, 'A', 'C'),
            "A is better"
        );
        assert_eq!(Metric::Throughput.verdict(&lower, 'A', 'C'), "C is better");
        assert_eq!(
            Metric::P99.verdict(&estimate(0.8, 0.7, 1.1), 'A', 'B'),
            "no difference shown"
        );
        assert_eq!(
            Metric::P99.verdict(&estimate(1.2, 1.1, 1.3), 'A', 'B'),
            "B is better"
        );
        let few = Estimate { count: 3, ..lower };
        assert_eq!(
            Metric::P99.verdict(&few, 'A', 'B'),
            "too few pairs for a verdict"
        );
    }
}
