//! A run boiled down to numbers, and numbers as text.
//!
//! A [`crate::bench::run::Run`] holds whole histograms; [`Figures`] is what is
//! printed, compared and put in tables.

use std::time::Duration;

/// The numbers of one run. Latencies are in nanoseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    pub requests: u64,
    pub elapsed: Duration,
    /// Answers per second.
    pub throughput: f64,
    pub mean_ns: f64,
    pub min_ns: u64,
    pub p50_ns: u64,
    pub p95_ns: u64,
    pub p99_ns: u64,
    pub p999_ns: u64,
    pub max_ns: u64,
    pub server: Option<ServerFigures>,
    pub errors: u64,
    pub first_error: Option<String>,
    pub nulls: u64,
    pub unanswered: u64,
    /// How much of its threads' time the generator was running, 0 to 1.
    pub generator_load: f64,
    pub generator_threads: u32,
    /// 99th percentile of the generator's own lateness; open loops only.
    pub send_lag_p99_ns: Option<u64>,
    /// Share of the machine's time that the hypervisor took.
    pub steal: f64,
    /// Cores that other processes kept busy, as far as ticks tell; only known
    /// when the server's use is.
    pub others_cores: Option<f64>,
}

/// What a run cost the server.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerFigures {
    /// CPU time per answered request, in microseconds.
    pub cpu_us: f64,
    /// Cores in use on average.
    pub cores: f64,
    /// Share of the CPU time spent in the kernel, 0 to 1.
    pub system_share: f64,
    pub resident_before_bytes: u64,
    pub resident_after_bytes: u64,
}

/// 1234567.8 as `1,234,568`.
pub fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.max(0.0));
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Nanoseconds as milliseconds with so many decimals.
pub fn millis(ns: f64, precision: usize) -> String {
    format!("{:.precision$}", ns / 1e6)
}

/// Bytes in the unit that suits them: `512 B`, `14.2 MB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if count < 1_000 {
        return format!("{count} B");
    }
    let mut value = count as f64;
    let mut unit = "B";
    for next in UNITS {
        if value < 999.95 {
            break;
        }
        value /= 1_000.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

/// A difference in bytes with its sign.
pub fn byte_change(before: u64, after: u64) -> String {
    let sign = if after < before { '−' } else { '+' };
    format!("{sign}{}", bytes(after.abs_diff(before)))
}

/// A share as whole percent.
pub fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!(grouped(0.4), "0");
        assert_eq!(grouped(999.0), "999");
        assert_eq!(grouped(1_234_567.8), "1,234,568");
        assert_eq!(millis(1_234_567.0, 3), "1.235");
        assert_eq!(millis(1_234_567.0, 0), "1");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(14_200_000), "14.2 MB");
        assert_eq!(bytes(999_990), "1.0 MB");
        assert_eq!(byte_change(2_000, 1_000), "−1.0 kB");
        assert_eq!(byte_change(1_000, 1_000), "+0 B");
        assert_eq!(percent(0.734), "73 %");
    }
}
