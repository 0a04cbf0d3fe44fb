//! How long things take: every command in a histogram, and what took long in a list.
//!
//! ```text
//!   stopwatch ──► Histogram per command and executor ──► Counts ──► LATENCY HISTOGRAM, INFO
//!       │
//!   sweep, log ─► Monitor: what reached the threshold ─► LATENCY LATEST HISTORY GRAPH DOCTOR
//! ```
//!
//! The two are asked for by different settings: `latency-tracking` fills histograms, as the time
//! is measured anyway, and `latency-monitor-threshold` makes the [`Monitor`] keep samples.

mod doctor;
mod graph;
mod histogram;
mod monitor;

pub use histogram::{BUCKETS, Counts, Histogram};
pub use monitor::{Event, Monitor, Sample, Series};
