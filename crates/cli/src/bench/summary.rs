//! Results as text: for people, one-liners, comma-separated, tables.

use std::io::{ErrorKind, Write, stdout};

use crate::bench::compare::{Comparison, Metric, Order, Pair, Side};
use crate::bench::error::Error;
use crate::bench::figures::{Figures, byte_change, bytes, grouped, millis, percent};
use crate::bench::load::Pace;
use crate::bench::open_loop::Arrivals;
use crate::bench::options::Options;
use crate::bench::run::{Cell, Run};
use crate::bench::server_process::command_text;

/// redis-benchmark's columns.
pub const CSV_HEADER: &str = "\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\
    \"p50_latency_ms\",\"p95_latency_ms\",\"p99_latency_ms\",\"max_latency_ms\"";
pub const COMPARE_CSV_HEADER: &str = "\"test\",\"against\",\"pair\",\"order\",\"cpu_us_a\",\
    \"cpu_us_b\",\"rps_a\",\"rps_b\",\"p99_ms_a\",\"p99_ms_b\"";

/// Above this share of its threads' time the generator may have been what
/// limited throughput.
const GENERATOR_BUSY: f64 = 0.90;

/// From this many cores on, what other processes used is mentioned. Ticks are
/// coarse and a terminal wants a little too.
const OTHERS_CORES: f64 = 0.1;

/// Prints a text and a line end. Someone who closed the pipe has seen enough.
pub fn print(text: &str) -> Result<(), Error> {
    let mut out = stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(Error::Output)
}

/// Whether an error only means that nobody reads on.
pub fn is_closed_pipe(error: &Error) -> bool {
    matches!(error, Error::Output(source) if source.kind() == ErrorKind::BrokenPipe)
}

/// A whole run, in redis-benchmark's form, with what it lacks.
pub fn for_people(cell: &Cell, run: &Run, options: &Options) -> String {
    let figures = &run.figures;
    let mut text = format!("====== {} ======\n", cell.label);
    let mut line = |words: String| {
        text.push_str("  ");
        text.push_str(&words);
        text.push('\n');
    };
    line(format!(
        "{} requests completed in {:.2} seconds",
        figures.requests,
        figures.elapsed.as_secs_f64()
    ));
    line(format!(
        "{} parallel clients, pipeline {}, generator threads {}",
        cell.clients, cell.depth, figures.generator_threads
    ));
    let keys = options
        .keyspace
        .map_or("one key".to_string(), |keys| format!("keys out of {keys}"));
    line(format!("{} bytes payload, {keys}", cell.size));
    line(format!("keep alive: {}", u8::from(options.keep_alive)));
    if let Some(pace) = pace_words(cell.pace) {
        line(pace);
    }
    if let Some(fill) = run.fill {
        let memory = fill.bytes_per_key.map_or(String::new(), |per_key| {
            format!(", {per_key:.1} bytes of resident memory per key")
        });
        let seconds = fill.elapsed.as_secs_f64();
        line(format!(
            "filled {} keys in {seconds:.2} seconds{memory}",
            fill.keys
        ));
    }
    text.push_str("\nSummary:\n");
    text.push_str(&format!(
        "  throughput summary: {:.2} requests per second\n  latency summary (msec):\n",
        figures.throughput
    ));
    let columns = latencies(figures);
    let names: String = columns
        .iter()
        .map(|(name, _)| format!("{name:>10}"))
        .collect();
    let values: String = columns
        .iter()
        .map(|&(_, ns)| format!("{:>10}", millis(ns, options.precision)))
        .collect();
    text.push_str(&format!("   {names}\n   {values}\n"));
    for words in remarks(cell.pace, figures) {
        text.push_str(&format!("  {words}\n"));
    }
    text
}

/// `-q`.
pub fn one_line(cell: &Cell, run: &Run, options: &Options) -> String {
    let figures = &run.figures;
    let p50 = millis(figures.p50_ns as f64, options.precision);
    let server = figures.server.as_ref().map_or(String::new(), |server| {
        format!(", {:.2} µs CPU per request", server.cpu_us)
    });
    format!(
        "{}: {:.2} requests per second, p50={p50} msec{server}",
        cell.label, figures.throughput
    )
}

/// `--csv`, under [`CSV_HEADER`].
pub fn csv_row(cell: &Cell, run: &Run, options: &Options) -> String {
    let figures = &run.figures;
    let ms = |ns: f64| millis(ns, options.precision);
    let numbers = [
        format!("{:.2}", figures.throughput),
        ms(figures.mean_ns),
        ms(figures.min_ns as f64),
        ms(figures.p50_ns as f64),
        ms(figures.p95_ns as f64),
        ms(figures.p99_ns as f64),
        ms(figures.max_ns as f64),
    ];
    let quoted: Vec<String> = numbers
        .iter()
        .map(|number| format!("\"{number}\""))
        .collect();
    format!("{},{}", csv_text(&cell.label), quoted.join(","))
}

/// All runs of a sweep in one table.
pub fn table(runs: &[(Cell, Run)], options: &Options) -> String {
    let mut rows = vec![
        [
            "test",
            "req/s",
            "avg ms",
            "p50",
            "p99",
            "p99.9",
            "max",
            "CPU µs/req",
            "cores",
            "resident",
        ]
        .map(str::to_string)
        .to_vec(),
    ];
    for (cell, run) in runs {
        let figures = &run.figures;
        let ms = |ns: f64| millis(ns, options.precision);
        let dash = || "–".to_string();
        let server = figures.server.as_ref();
        rows.push(vec![
            cell.label.clone(),
            grouped(figures.throughput),
            ms(figures.mean_ns),
            ms(figures.p50_ns as f64),
            ms(figures.p99_ns as f64),
            ms(figures.p999_ns as f64),
            ms(figures.max_ns as f64),
            server.map_or_else(dash, |server| format!("{:.3}", server.cpu_us)),
            server.map_or_else(dash, |server| format!("{:.2}", server.cores)),
            server.map_or_else(dash, |server| bytes(server.resident_after_bytes)),
        ]);
    }
    aligned(&rows)
}

/// What a reader should know before believing the numbers, and what the run
/// cost the server.
pub fn remarks(pace: Pace, figures: &Figures) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Some(server) = &figures.server {
        remarks.push(format!(
            "server: {:.2} µs CPU per request, {} of a core ({} in the kernel), {} resident ({})",
            server.cpu_us,
            percent(server.cores),
            percent(server.system_share),
            bytes(server.resident_after_bytes),
            byte_change(server.resident_before_bytes, server.resident_after_bytes),
        ));
    }
    match figures.send_lag_p99_ns {
        // A paced generator polls for the next send, so its CPU use says nothing.
        Some(lag_ns) => remarks.push(format!(
            "generator: 99 % of requests left within {} ms of their time",
            millis(lag_ns as f64, 3)
        )),
        None if pace == Pace::Closed && figures.generator_load > GENERATOR_BUSY => {
            remarks.push(format!(
                "generator: {} busy, so it may be the bottleneck; compare CPU per request, or add --threads",
                percent(figures.generator_load)
            ));
        }
        None => {}
    }
    if let Pace::Throttled { rate } | Pace::Open { rate, .. } = pace
        && figures.throughput < rate * 0.98
    {
        let reached = percent(figures.throughput / rate);
        remarks.push(format!(
            "note: only {reached} of the wanted rate was reached"
        ));
    }
    if figures.nulls > 0 {
        let share = figures.nulls as f64 / figures.requests.max(1) as f64;
        remarks.push(format!(
            "note: {} null replies, {} of requests: reads found nothing (see --keys and --fill)",
            figures.nulls,
            percent(share)
        ));
    }
    if figures.errors > 0 {
        remarks.push(format!(
            "note: {} error replies, the first: {}",
            figures.errors,
            figures.first_error.as_deref().unwrap_or("")
        ));
    }
    if figures.unanswered > 0 {
        remarks.push(format!(
            "note: {} requests were not answered in time; they count as late, not as throughput",
            figures.unanswered
        ));
    }
    if let Some(others) = disturbance(figures) {
        remarks.push(format!(
            "note: other processes kept {others} of a core busy meanwhile"
        ));
    }
    if figures.steal > 0.01 {
        remarks.push(format!(
            "note: the hypervisor took {:.1} % of the time; measure again",
            figures.steal * 100.0
        ));
    }
    remarks
}

/// How much others ran during the run, when it was enough to matter.
pub fn disturbance(figures: &Figures) -> Option<String> {
    figures
        .others_cores
        .filter(|&cores| cores > OTHERS_CORES)
        .map(percent)
}

/// How requests were timed, unless as fast as possible.
pub fn pace_words(pace: Pace) -> Option<String> {
    match pace {
        Pace::Closed => None,
        Pace::Throttled { rate } => Some(format!(
            "closed loop, at most {} requests per second",
            grouped(rate)
        )),
        Pace::Open { rate, arrivals } => {
            let kind = match arrivals {
                Arrivals::Poisson => "Poisson",
                Arrivals::Even => "even",
            };
            Some(format!(
                "open loop, {} requests per second, {kind} arrivals; latency from when each was due",
                grouped(rate)
            ))
        }
    }
}

/// Who the sides of a comparison are.
pub fn side_line(side: &Side) -> String {
    let version = side
        .version
        .as_deref()
        .map_or(String::new(), |text| format!("   ({text})"));
    format!("{}  {}{version}", side.letter, base_name_first(&side.argv))
}

/// The two head lines over the pairs of one comparison of sides with these
/// letters.
pub fn pairs_head((a, b): (char, char)) -> String {
    let title = |text: &str, width: usize| format!("{text:>width$}", width = 2 * width + 8);
    let group = |width: usize| format!("{a:>width$}{b:>width$}{:>8}", format!("{a}/{b}"));
    format!(
        "{:9}{}{}{}\n pair    {}{}{}",
        "",
        title("CPU µs per request", 10),
        title("requests per second", 12),
        title("p99 ms", 10),
        group(10),
        group(12),
        group(10),
    )
}

/// One pair under [`pairs_head`].
pub fn pair_row(number: usize, pair: &Pair, (a, b): (char, char)) -> String {
    let order: String = match pair.order {
        Order::AB => [a, b].iter().collect(),
        Order::BA => [b, a].iter().collect(),
    };
    let group = |metric: Metric, width: usize, show: fn(f64) -> String| {
        let side = |figures| metric.of(figures).map_or("–".to_string(), show);
        let ratio = pair
            .ratio(metric)
            .map_or("–".to_string(), |ratio| format!("{ratio:.3}"));
        format!(
            "{:>width$}{:>width$}{:>8}",
            side(&pair.a),
            side(&pair.b),
            ratio,
            width = width
        )
    };
    format!(
        "{number:>4} {order:>3} {}{}{}{}",
        group(Metric::CpuPerRequest, 10, |us| format!("{us:.3}")),
        group(Metric::Throughput, 12, grouped),
        group(Metric::P99, 10, |ms| format!("{ms:.3}")),
        disturbances(pair, (a, b)),
    )
}

fn disturbances(pair: &Pair, (a, b): (char, char)) -> String {
    let side = |letter: char, figures: &Figures| {
        disturbance(figures).map(|others| format!("  {letter} beside others ({others} of a core)"))
    };
    [side(a, &pair.a), side(b, &pair.b)]
        .into_iter()
        .flatten()
        .collect()
}

/// The conclusion of one comparison.
pub fn estimates(comparison: &Comparison, sides: &[Side], seed: u64) -> String {
    let (a, b) = comparison.letters(sides);
    let mut text = format!("median of {a}/{b} with its 95 % interval:");
    for metric in Metric::ALL {
        if let Some(estimate) = comparison.estimate(metric, seed) {
            text.push_str(&format!(
                "\n  {:<16} {:.3}  [{:.3}, {:.3}]  {}",
                metric.name(),
                estimate.median,
                estimate.low,
                estimate.high,
                metric.verdict(&estimate, a, b)
            ));
        }
    }
    text
}

/// All comparisons in one table of ratios.
pub fn comparison_table(comparisons: &[Comparison], sides: &[Side], seed: u64) -> String {
    let mut rows = vec![
        [
            "ratio of",
            "",
            "pairs",
            "CPU per request",
            "throughput",
            "p99 latency",
        ]
        .map(str::to_string)
        .to_vec(),
    ];
    for comparison in comparisons {
        let mut row = vec![
            comparison.cell.clone(),
            {
                let (a, b) = comparison.letters(sides);
                format!("{a}/{b}")
            },
            comparison.pairs.len().to_string(),
        ];
        row.extend(
            Metric::ALL.map(|metric| match comparison.estimate(metric, seed) {
                Some(found) => format!("{:.3} [{:.3}, {:.3}]", found.median, found.low, found.high),
                None => "–".to_string(),
            }),
        );
        rows.push(row);
    }
    aligned(&rows)
}

/// One pair under [`COMPARE_CSV_HEADER`].
pub fn pair_csv(comparison: &Comparison, sides: &[Side], number: usize, pair: &Pair) -> String {
    let order = match pair.order {
        Order::AB => "AB",
        Order::BA => "BA",
    };
    let value = |metric: Metric, figures| {
        metric
            .of(figures)
            .map_or(String::new(), |value| format!("{value:.4}"))
    };
    let numbers: Vec<String> = Metric::ALL
        .iter()
        .flat_map(|&metric| [value(metric, &pair.a), value(metric, &pair.b)])
        .map(|number| format!("\"{number}\""))
        .collect();
    format!(
        "{},{},\"{number}\",\"{order}\",{}",
        csv_text(&comparison.cell),
        csv_text(&base_name_first(&sides[comparison.b].argv)),
        numbers.join(",")
    )
}

/// The latency columns and their nanoseconds.
pub fn latencies(figures: &Figures) -> [(&'static str, f64); 7] {
    [
        ("avg", figures.mean_ns),
        ("min", figures.min_ns as f64),
        ("p50", figures.p50_ns as f64),
        ("p95", figures.p95_ns as f64),
        ("p99", figures.p99_ns as f64),
        ("p99.9", figures.p999_ns as f64),
        ("max", figures.max_ns as f64),
    ]
}

/// A command line with the folder of its program left out.
pub fn base_name_first(argv: &[String]) -> String {
    let mut argv = argv.to_vec();
    if let Some(program) = argv.first_mut() {
        *program = program.rsplit('/').next().unwrap_or_default().to_string();
    }
    command_text(&argv)
}

fn csv_text(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// Columns as wide as their widest entry; the first two are text.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|text| text.chars().count())
            .max()
    };
    let widths: Vec<usize> = (0..columns)
        .map(|column| width(column).unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, entry) in row.iter().enumerate() {
            let pad = " ".repeat(widths[column] - entry.chars().count());
            match column {
                0 => line.push_str(&format!("{entry}{pad}")),
                _ => line.push_str(&format!("  {pad}{entry}")),
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_align_by_characters_not_bytes() {
        let rows = [["test", "µs"], ["GET", "1"], ["LONGER", "1,000"]]
            .map(|row| row.map(str::to_string).to_vec());
        assert_eq!(
            aligned(&rows),
            "test       µs\nGET         1\nLONGER  1,000\n"
        );
    }

    #[test]
    fn command_lines_lose_the_folder_and_keep_empty_words() {
        let argv = ["/usr/bin/redis-server", "--save", "", "--x", "a b"].map(str::to_string);
        assert_eq!(
            base_name_first(&argv),
            "redis-server --save \"\" --x \"a b\""
        );
        assert_eq!(csv_text("a \"b\""), "\"a \"\"b\"\"\"");
    }
}
