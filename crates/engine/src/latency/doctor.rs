//! The samples in sentences: how often, how long, and what may be done about each kind.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::monitor::{Event, Series};

pub(super) fn report(is_on: bool, events: &BTreeMap<&'static str, Series>) -> String {
    if events.is_empty() {
        return match is_on {
            true => NOTHING.into(),
            false => OFF.into(),
        };
    }
    let mut text =
        String::from("Some things took longer than latency-monitor-threshold allows:\n\n");
    for (number, (name, series)) in (1..).zip(events) {
        let figures = Figures::of(series);
        writeln!(text, "{number}. {name}: {figures}").expect("a string takes all");
    }
    text += "\nWhat may help:\n\n";
    for (names, advice) in ADVICE {
        if names.iter().any(|event| events.contains_key(event.name())) {
            writeln!(text, "- {advice}").expect("a string takes all");
        }
    }
    text
}

const OFF: &str = "Nothing is watched: latency-monitor-threshold is 0. Set it to the number of \
    milliseconds that is too long for you, for example CONFIG SET latency-monitor-threshold 100, \
    and ask again later.\n";

const NOTHING: &str = "Nothing took longer than latency-monitor-threshold allows, since it was \
    set or the events were reset.\n";

/// What to do, by what happened.
const ADVICE: [(&[Event], &str); 5] = [
    (
        &[Event::Command, Event::FastCommand],
        "INFO commandstats and LATENCY HISTOGRAM tell which commands take long. Commands that \
         look at all keys (KEYS, FLUSHALL SYNC) and long transactions keep others waiting.",
    ),
    (
        &[Event::FastCommand],
        "Fast commands are slow only if the machine is: is it out of memory, or are there fewer \
         processors than threads that work?",
    ),
    (
        &[Event::ExpireCycle],
        "Very many keys expire in the same moment: spread their deadlines by some seconds.",
    ),
    (
        &[
            Event::AofWrite,
            Event::AofWriteAlone,
            Event::AofWritePendingFsync,
            Event::AofWriteActiveChild,
        ],
        "Writing to the log waits for the disk: other processes, or a snapshot, may keep it busy.",
    ),
    (
        &[Event::LogSync, Event::AofFsyncAlways],
        "Syncs of the log take long: see ochre_log_sync_us_p99 in INFO persistence, and the \
         disk. With appendfsync everysec clients do not wait for them, at the price of up to a \
         second of writes in a power cut.",
    ),
];

/// A series in figures.
struct Figures {
    count: usize,
    mean_ms: u64,
    deviation_ms: u64,
    /// Seconds from one to the next, in the mean.
    period_secs: f64,
    worst_ms: u64,
}

impl Figures {
    fn of(series: &Series) -> Figures {
        let times: Vec<i64> = series.samples().map(|it| it.unix_secs).collect();
        let ms: Vec<u64> = series.samples().map(|it| it.ms).collect();
        let mean = |sum: u64| sum / ms.len().max(1) as u64;
        let mean_ms = mean(ms.iter().sum());
        let deviation_ms = mean(ms.iter().map(|it| it.abs_diff(mean_ms)).sum());
        let span_secs = match (times.first(), times.last()) {
            (Some(first), Some(last)) => last - first,
            _ => 0,
        };
        Figures {
            count: ms.len(),
            mean_ms,
            deviation_ms,
            period_secs: span_secs as f64 / ms.len().saturating_sub(1).max(1) as f64,
            worst_ms: series.worst_ms(),
        }
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Figures {
            count,
            mean_ms,
            deviation_ms,
            period_secs,
            worst_ms,
        } = self;
        let times = if *count == 1 { "time" } else { "times" };
        write!(
            f,
            "{count} {times}, {mean_ms} ms in the mean (mean deviation {deviation_ms} ms)"
        )?;
        if *count > 1 {
            write!(f, ", every {period_secs:.1} s")?;
        }
        write!(f, "; the worst ever took {worst_ms} ms")
    }
}

#[cfg(test)]
mod tests {
    use super::super::Monitor;
    use super::*;

    #[test]
    fn a_report_has_figures_and_advice() {
        let monitor = Monitor::default();
        assert_eq!(monitor.report(), OFF);
        monitor.set_threshold_ms(10);
        assert_eq!(monitor.report(), NOTHING);
        for (second, ms) in [(10, 20), (20, 40), (30, 60)] {
            monitor.observe(Event::Command, second, ms * 1000);
        }
        monitor.observe(Event::LogSync, 5, 11_000);
        let report = monitor.report();
        let command = "1. command: 3 times, 40 ms in the mean (mean deviation 13 ms), every \
                       10.0 s; the worst ever took 60 ms\n";
        assert!(report.contains(command), "{report}");
        assert!(report.contains("2. log-sync: 1 time, 11 ms"), "{report}");
        assert!(report.contains("- INFO commandstats"), "{report}");
        assert!(report.contains("- Syncs of the log"), "{report}");
        assert!(!report.contains("expire in the same moment"), "{report}");
    }
}
