//! What a report's JSON contains: every number, under names with units.

use std::time::{Duration, UNIX_EPOCH};

use hdrhistogram::Histogram;

use crate::bench::compare::{Comparison, Metric, Order, Side};
use crate::bench::figures::{Figures, ServerFigures};
use crate::bench::recorder::Slice;
use crate::bench::report::json::Json;
use crate::bench::report::{Report, machine};
use crate::bench::run::{Cell, Run};
use crate::bench::summary::pace_words;

/// Percentiles in the raw numbers.
const RAW_QUANTILES: [f64; 12] = [
    0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.999_9, 0.999_99, 1.0,
];

/// All numbers of a report.
pub fn of(report: &Report) -> Json {
    let pairs = |list: &[(String, String)]| {
        let one = |(name, value): &(String, String)| {
            Json::List(vec![Json::text(name), Json::text(value)])
        };
        Json::List(list.iter().map(one).collect())
    };
    let machine: Vec<(String, String)> = machine::facts()
        .into_iter()
        .map(|(name, value)| (name.to_string(), value))
        .collect();
    let started = report
        .started
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    let side = |side: &Side| {
        Json::Object(vec![
            ("letter", Json::text(side.letter)),
            (
                "command",
                Json::List(side.argv.iter().map(Json::text).collect()),
            ),
            ("version", Json::maybe(side.version.as_ref(), Json::text)),
        ])
    };
    Json::Object(vec![
        ("format", Json::Integer(1)),
        ("command", Json::text(&report.command)),
        ("started_unix_s", Json::Integer(started.as_secs())),
        ("machine", pairs(&machine)),
        ("settings", pairs(&report.setting)),
        (
            "servers",
            Json::List(
                report
                    .servers
                    .iter()
                    .map(|s| Json::text(s.line()))
                    .collect(),
            ),
        ),
        ("sides", Json::List(report.sides.iter().map(side).collect())),
        (
            "runs",
            Json::List(
                report
                    .runs
                    .iter()
                    .map(|(cell, run)| raw_run(cell, run))
                    .collect(),
            ),
        ),
        (
            "comparisons",
            Json::List(
                report
                    .comparisons
                    .iter()
                    .map(|c| raw_comparison(c, report.seed))
                    .collect(),
            ),
        ),
    ])
}

fn raw_run(cell: &Cell, run: &Run) -> Json {
    let slice = |slice: &Slice| {
        Json::List(vec![
            Json::Number(slice.start.as_secs_f64()),
            Json::Integer(slice.requests),
            Json::Number(slice.p50_ns as f64 / 1e6),
            Json::Number(slice.p99_ns as f64 / 1e6),
            Json::Number(slice.max_ns as f64 / 1e6),
        ])
    };
    Json::Object(vec![
        ("label", Json::text(&cell.label)),
        ("test", Json::text(&cell.title)),
        ("clients", Json::Integer(cell.clients.into())),
        ("pipeline", Json::Integer(cell.depth.into())),
        ("data_bytes", Json::Integer(cell.size.into())),
        ("pace", Json::maybe(pace_words(cell.pace), Json::text)),
        ("figures", raw_figures(&run.figures)),
        ("latency_ms_by_quantile", raw_quantiles(&run.latency)),
        (
            "slices_start_s_requests_p50_p99_max_ms",
            Json::List(run.slices.iter().map(slice).collect()),
        ),
    ])
}

fn raw_comparison(comparison: &Comparison, seed: u64) -> Json {
    let estimate = |metric| {
        Json::maybe(comparison.estimate(metric, seed), |found| {
            Json::Object(vec![
                ("median", Json::Number(found.median)),
                ("low", Json::Number(found.low)),
                ("high", Json::Number(found.high)),
            ])
        })
    };
    let pairs = comparison.pairs.iter().map(|pair| {
        Json::Object(vec![
            (
                "order",
                Json::text(if pair.order == Order::AB { "AB" } else { "BA" }),
            ),
            ("a", raw_figures(&pair.a)),
            ("b", raw_figures(&pair.b)),
        ])
    });
    Json::Object(vec![
        ("label", Json::text(&comparison.cell)),
        ("a", Json::Integer(comparison.a as u64)),
        ("b", Json::Integer(comparison.b as u64)),
        ("cpu_per_request_ratio", estimate(Metric::CpuPerRequest)),
        ("throughput_ratio", estimate(Metric::Throughput)),
        ("p99_ratio", estimate(Metric::P99)),
        (
            "latency_a_ms_by_quantile",
            raw_quantiles(&comparison.latency_a),
        ),
        (
            "latency_b_ms_by_quantile",
            raw_quantiles(&comparison.latency_b),
        ),
        ("pairs", Json::List(pairs.collect())),
    ])
}

fn raw_figures(figures: &Figures) -> Json {
    let ms = |ns: f64| Json::Number(ns / 1e6);
    let server = figures.server.as_ref();
    let server =
        |of: fn(&ServerFigures) -> f64| Json::maybe(server, |server| Json::Number(of(server)));
    Json::Object(vec![
        ("requests", Json::Integer(figures.requests)),
        ("elapsed_s", Json::Number(figures.elapsed.as_secs_f64())),
        ("requests_per_s", Json::Number(figures.throughput)),
        ("avg_ms", ms(figures.mean_ns)),
        ("min_ms", ms(figures.min_ns as f64)),
        ("p50_ms", ms(figures.p50_ns as f64)),
        ("p95_ms", ms(figures.p95_ns as f64)),
        ("p99_ms", ms(figures.p99_ns as f64)),
        ("p999_ms", ms(figures.p999_ns as f64)),
        ("max_ms", ms(figures.max_ns as f64)),
        ("server_cpu_us_per_request", server(|server| server.cpu_us)),
        ("server_cores", server(|server| server.cores)),
        ("server_system_share", server(|server| server.system_share)),
        (
            "server_resident_before_bytes",
            server(|server| server.resident_before_bytes as f64),
        ),
        (
            "server_resident_after_bytes",
            server(|server| server.resident_after_bytes as f64),
        ),
        ("errors", Json::Integer(figures.errors)),
        ("nulls", Json::Integer(figures.nulls)),
        ("unanswered", Json::Integer(figures.unanswered)),
        ("generator_load", Json::Number(figures.generator_load)),
        (
            "send_lag_p99_ms",
            Json::maybe(figures.send_lag_p99_ns, |ns| ms(ns as f64)),
        ),
        ("steal", Json::Number(figures.steal)),
        (
            "others_cores",
            Json::maybe(figures.others_cores, Json::Number),
        ),
    ])
}

fn raw_quantiles(latency: &Histogram<u64>) -> Json {
    let one = |quantile: f64| {
        let ns = latency.value_at_quantile(quantile);
        Json::List(vec![Json::Number(quantile), Json::Number(ns as f64 / 1e6)])
    };
    Json::List(RAW_QUANTILES.map(one).to_vec())
}
