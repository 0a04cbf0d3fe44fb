//! One HTML page for one invocation: what was run, on what, and what came out.
//!
//! ```text
//!   runs          tiles · latency curves · bars · courses over time · table
//!   comparisons   tiles · ratios with intervals · curves of both sides · table of pairs
//!   always        command line, servers, machine · all numbers as JSON
//! ```
//!
//! The page loads nothing from anywhere and contains no program, so it can be
//! mailed, kept for years, and opened from disk.

mod charts;
mod json;
mod machine;
mod page;
mod plot;
mod raw;

use std::ops::Range;
use std::time::SystemTime;

use crate::bench::compare::{Comparison, Metric, Order, Side};
use crate::bench::control::Info;
use crate::bench::cores::Pinning;
use crate::bench::figures::{Figures, bytes, grouped, millis, percent};
use crate::bench::load::Pace;
use crate::bench::options::Options;
use crate::bench::proc_stat::command_line;
use crate::bench::report::charts::{Bar, Curve, Ratio};
use crate::bench::report::page::{Columns, Tile};
use crate::bench::report::plot::escape;
use crate::bench::run::{Cell, Run};
use crate::bench::statistics::median;
use crate::bench::summary::{base_name_first, latencies, pace_words, remarks};
use crate::bench::target::Target;

/// Curves that are still told apart in one chart.
const CURVES_PER_CHART: usize = 6;
const TILES_MAX: usize = 8;
/// Everything that a page tells, gathered while the benchmark runs.
pub struct Report {
    command: String,
    started: SystemTime,
    seed: u64,
    precision: usize,
    setting: Vec<(String, String)>,
    pub servers: Vec<ServerFacts>,
    pub runs: Vec<(Cell, Run)>,
    pub sides: Vec<Side>,
    pub comparisons: Vec<Comparison>,
}

/// What a server says about itself.
#[derive(Debug, Clone)]
pub struct ServerFacts {
    endpoint: String,
    version: Option<String>,
    pid: Option<u32>,
    command: Option<String>,
    settings: Vec<(String, String)>,
}

impl ServerFacts {
    /// A server that was there before us.
    pub fn of_running(target: &Target, info: &Info, pid: Option<u32>) -> ServerFacts {
        ServerFacts {
            endpoint: target.to_string(),
            version: info.version(),
            pid,
            command: pid.and_then(|pid| command_line(pid).ok()),
            settings: Vec::new(),
        }
    }

    pub fn add_setting(&mut self, name: &str, value: &str) {
        self.settings.push((name.to_string(), value.to_string()));
    }

    /// All of it in one line.
    pub fn line(&self) -> String {
        let mut line = format!(
            "{} at {}",
            self.version
                .as_deref()
                .unwrap_or("a server of unknown version"),
            self.endpoint
        );
        if let Some(pid) = self.pid {
            line.push_str(&format!(", process {pid}"));
        }
        for (name, value) in &self.settings {
            line.push_str(&format!(", {name} \"{value}\""));
        }
        line
    }
}

impl Report {
    /// An empty report of the invocation with these words.
    pub fn new(args: &[String], options: &Options, pinning: Option<&Pinning>) -> Report {
        let mut setting = Vec::new();
        let mut add = |name: &str, value: String| setting.push((name.to_string(), value));
        let keys = match options.keyspace {
            Some(keys) => format!("{} keys of 16 bytes, drawn at random", grouped(keys as f64)),
            None => "one key".to_string(),
        };
        add(
            "Keys",
            if options.fill {
                keys + ", all filled before"
            } else {
                keys
            },
        );
        let length = [
            options
                .limit
                .requests
                .map(|n| format!("{} requests", grouped(n as f64))),
            options
                .limit
                .time
                .map(|time| format!("{} s", time.as_secs_f64())),
        ];
        add(
            "Length of a run",
            length
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" or "),
        );
        if !options.warmup.is_zero() {
            add("Warm-up", format!("{} s", options.warmup.as_secs_f64()));
        }
        if let Some(pinning) = pinning {
            add(
                "Pinned",
                format!(
                    "server on core {}, generator on core {}",
                    pinning.server, pinning.generator
                ),
            );
        }
        add("Threads", options.threads.to_string());
        add("Seed", options.seed.to_string());
        let words = [
            ["ochre", "bench"].map(str::to_string).to_vec(),
            hidden_passwords(args),
        ]
        .concat();
        Report {
            command: base_name_first(&words),
            started: SystemTime::now(),
            seed: options.seed,
            precision: options.precision,
            setting,
            servers: Vec::new(),
            runs: Vec::new(),
            sides: Vec::new(),
            comparisons: Vec::new(),
        }
    }

    /// The page.
    pub fn html(&self) -> String {
        let mut body = self.head();
        if !self.comparisons.is_empty() {
            body.push_str(&self.comparison_tiles());
            body.push_str(&self.ratio_section());
            body.push_str(&self.level_section());
            body.push_str(&self.side_curves());
            body.push_str(&self.pair_section());
        }
        if !self.runs.is_empty() {
            body.push_str(&self.run_tiles());
            body.push_str(&self.curve_section());
            body.push_str(&self.bar_section());
            body.push_str(&self.time_section());
            body.push_str(&self.run_table());
        }
        body.push_str(&self.circumstances());
        let mut raw = String::new();
        raw::of(self).write(&mut raw);
        page::document(&format!("ochre bench, {}", machine::moment()), &body, &raw)
    }

    fn head(&self) -> String {
        let title = match (self.sides.len(), self.servers.first()) {
            (0, Some(server)) => server
                .version
                .clone()
                .unwrap_or_else(|| "a server".to_string()),
            (0, None) => "nothing measured".to_string(),
            _ => self
                .sides
                .iter()
                .map(|side| format!("{} {}", side.letter, side_name(side)))
                .collect::<Vec<_>>()
                .join(" against "),
        };
        format!(
            "<header><h1>{}</h1><p>Measured with ochre bench, {}</p><code>{}</code></header>\n",
            escape(&title),
            machine::moment(),
            escape(&self.command)
        )
    }

    fn run_tiles(&self) -> String {
        let best = |of: &dyn Fn(&Figures) -> Option<f64>, sign: f64| {
            self.runs
                .iter()
                .filter_map(|(cell, run)| Some((cell, of(&run.figures)? * sign)))
                .max_by(|one, other| one.1.total_cmp(&other.1))
                .map(|(cell, value)| (cell.label.clone(), value * sign))
        };
        let several = self.runs.len() > 1;
        let mut tiles = Vec::new();
        let mut add =
            |name: &str, found: Option<(String, f64)>, unit: &str, show: &dyn Fn(f64) -> String| {
                if let Some((note, value)) = found {
                    tiles.push(Tile {
                        name: name.to_string(),
                        value: show(value),
                        unit: unit.to_string(),
                        note,
                    });
                }
            };
        let name = |one: &'static str, most: &'static str| if several { most } else { one };
        add(
            name("Throughput", "Highest throughput"),
            best(&|figures| Some(figures.throughput), 1.0),
            "requests/s",
            &grouped,
        );
        let ms = |ns: f64| millis(ns, self.precision);
        add(
            name("Median latency", "Lowest median latency"),
            best(&|figures| Some(figures.p50_ns as f64), -1.0),
            "ms",
            &ms,
        );
        add(
            name("99.9 % faster than", "Lowest p99.9"),
            best(&|figures| Some(figures.p999_ns as f64), -1.0),
            "ms",
            &ms,
        );
        let cpu = |figures: &Figures| figures.server.as_ref().map(|server| server.cpu_us);
        add(
            name("Server CPU per request", "Least CPU per request"),
            best(&cpu, -1.0),
            "µs",
            &|us| format!("{us:.2}"),
        );
        page::tiles(&tiles)
    }

    fn curve_section(&self) -> String {
        let curves: Vec<Curve> = self
            .runs
            .iter()
            .zip(self.colours())
            .map(|((cell, run), colour)| Curve {
                name: &cell.label,
                latency: &run.latency,
                colour,
            })
            .collect();
        let content: String = self
            .curve_groups()
            .into_iter()
            .map(|group| page::card("", &charts::percentile_curves(&curves[group], charts::WIDE)))
            .collect();
        let open = self
            .runs
            .iter()
            .any(|(cell, _)| matches!(cell.pace, Pace::Open { .. }));
        let lead = if open {
            "Open loop: latency counts from the moment at which each request was due. Every mark to the \
             right leaves a tenth of the requests."
        } else {
            "Closed loop: latency counts from sending to the reply, batch by batch when pipelined. Every \
             mark to the right leaves a tenth of the requests."
        };
        page::section("Latency", lead, &content)
    }

    /// All runs in one chart if it can hold them; otherwise a test each.
    fn curve_groups(&self) -> Vec<Range<usize>> {
        let whole = 0..self.runs.len();
        if whole.len() <= CURVES_PER_CHART {
            return vec![whole];
        }
        let mut groups: Vec<Range<usize>> = Vec::new();
        for (i, (cell, _)) in self.runs.iter().enumerate() {
            match groups.last_mut() {
                Some(group)
                    if group.len() < CURVES_PER_CHART
                        && self.runs[group.start].0.title == cell.title =>
                {
                    group.end = i + 1;
                }
                _ => groups.push(i..i + 1),
            }
        }
        groups
    }

    /// The colour of each run, the same in curves and bars.
    fn colours(&self) -> Vec<usize> {
        self.curve_groups()
            .into_iter()
            .flat_map(|group| 0..group.len())
            .collect()
    }

    fn bar_section(&self) -> String {
        let colours = self.colours();
        let bars = |of: &dyn Fn(&Figures) -> Option<(f64, String)>| -> Vec<Bar> {
            let one = |(i, (cell, run)): (usize, &(Cell, Run))| {
                let (value, text) = of(&run.figures)?;
                Some(Bar {
                    name: cell.label.clone(),
                    value,
                    text,
                    colour: colours[i],
                })
            };
            self.runs.iter().enumerate().filter_map(one).collect()
        };
        let throughput = bars(&|figures| Some((figures.throughput, grouped(figures.throughput))));
        let mut cards = page::card(
            "Requests per second",
            &charts::bars(&throughput, charts::NARROW, "requests per second"),
        );
        let cpu = bars(&|figures| {
            let us = figures.server.as_ref()?.cpu_us;
            Some((us, format!("{us:.2} µs")))
        });
        if !cpu.is_empty() {
            let chart = charts::bars(&cpu, charts::NARROW, "CPU time of the server per request");
            cards.push_str(&page::card("CPU time of the server per request", &chart));
        }
        page::section(
            "Throughput and cost",
            "",
            &page::columns(Columns::Two, &cards),
        )
    }

    fn time_section(&self) -> String {
        let mut shown = String::new();
        let mut hidden = String::new();
        for (cell, run) in &self.runs {
            let chart = charts::over_time(&run.slices, run.figures.elapsed);
            // An open loop is about what happens when; elsewhere it is detail.
            match cell.pace {
                Pace::Open { .. } => shown.push_str(&page::card(&cell.label, &chart)),
                Pace::Closed | Pace::Throttled { .. } => {
                    hidden.push_str(&format!("<h3>{}</h3>{chart}", escape(&cell.label)));
                }
            }
        }
        if !hidden.is_empty() {
            shown.push_str(&page::folded("Throughput and latency of each run", &hidden));
        }
        page::section("Over time", "", &shown)
    }

    fn run_table(&self) -> String {
        let head = [
            "test",
            "req/s",
            "avg ms",
            "min",
            "p50",
            "p95",
            "p99",
            "p99.9",
            "max",
            "CPU µs/req",
            "cores",
            "resident",
        ];
        let mut notes = String::new();
        let rows: Vec<Vec<String>> = self
            .runs
            .iter()
            .map(|(cell, run)| {
                let remarks = remarks(cell.pace, &run.figures);
                // What the server used stands in the table.
                for remark in remarks
                    .iter()
                    .filter(|remark| !remark.starts_with("server:"))
                {
                    notes.push_str(&format!(
                        "<li>{}: {}</li>",
                        escape(&cell.label),
                        escape(remark.trim_start_matches("note: "))
                    ));
                }
                let mut row = vec![cell.label.clone(), grouped(run.figures.throughput)];
                let ms = latencies(&run.figures).map(|(_, ns)| millis(ns, self.precision));
                row.extend(ms);
                row.extend(server_columns(&run.figures));
                row
            })
            .collect();
        let first = self.runs.first().map(|(cell, _)| cell.pace);
        let is_shared = self.runs.iter().all(|(cell, _)| Some(cell.pace) == first);
        let pace = first.filter(|_| is_shared).and_then(pace_words);
        let lead = escape(&pace.unwrap_or_default());
        let table = page::table(&head, &rows) + &format!("<ul class=\"notes\">{notes}</ul>");
        page::section("All runs", &lead, &page::card("", &table))
    }

    fn comparison_tiles(&self) -> String {
        let mut tiles = Vec::new();
        for comparison in self.comparisons.iter().take(TILES_MAX) {
            let Some(found) = comparison.estimate(Metric::CpuPerRequest, self.seed) else {
                continue;
            };
            let (a, b) = comparison.letters(&self.sides);
            tiles.push(Tile {
                name: format!(
                    "{}, CPU per request, {}",
                    comparison.cell,
                    self.letters(comparison)
                ),
                value: format!("{:.2}×", found.median),
                unit: format!("{:.2} to {:.2}", found.low, found.high),
                note: Metric::CpuPerRequest.verdict(&found, a, b),
            });
        }
        page::tiles(&tiles)
    }

    fn ratio_section(&self) -> String {
        let mut content = String::new();
        for metric in Metric::ALL {
            let ratios: Vec<Ratio> = self
                .comparisons
                .iter()
                .filter_map(|comparison| {
                    Some(Ratio {
                        name: format!("{} {}", comparison.cell, self.letters(comparison)),
                        estimate: comparison.estimate(metric, self.seed)?,
                        values: comparison.ratios(metric),
                    })
                })
                .collect();
            let better = if metric == Metric::Throughput {
                "right"
            } else {
                "left"
            };
            let title = format!(
                "{} (further {better} is better for A)",
                capitalised(metric.name())
            );
            if !ratios.is_empty() {
                content.push_str(&page::card(&title, &charts::ratios(&ratios, metric.name())));
            }
        }
        let lead = "A divided by its opponent within each pair: the faint dots. The large dot is their median, \
                    the stroke its bootstrap 95 % interval. Where the stroke crosses 1, or pairs are fewer \
                    than six, no difference has been shown, and the colour is grey.";
        page::section("Ratios", lead, &content)
    }

    fn level_section(&self) -> String {
        let mut cards = String::new();
        for metric in Metric::ALL {
            let mut bars = Vec::new();
            for comparison in &self.comparisons {
                let a = comparison
                    .pairs
                    .iter()
                    .filter_map(|pair| metric.of(&pair.a));
                let b = comparison
                    .pairs
                    .iter()
                    .filter_map(|pair| metric.of(&pair.b));
                let both: [(usize, Vec<f64>); 2] =
                    [(comparison.a, a.collect()), (comparison.b, b.collect())];
                for (side, values) in both {
                    let Some(value) = median(&values) else {
                        continue;
                    };
                    bars.push(Bar {
                        name: format!("{} {}", comparison.cell, self.sides[side].letter),
                        value,
                        text: match metric {
                            Metric::CpuPerRequest => format!("{value:.2} µs"),
                            Metric::Throughput => grouped(value),
                            Metric::P99 => format!("{value:.3} ms"),
                        },
                        colour: side,
                    });
                }
            }
            if !bars.is_empty() {
                let title = capitalised(metric.name());
                cards.push_str(&page::card(
                    &title,
                    &charts::bars(&bars, charts::THIRD, metric.name()),
                ));
            }
        }
        page::section(
            "Levels",
            "Medians over the runs of each side.",
            &page::columns(Columns::Three, &cards),
        )
    }

    fn side_curves(&self) -> String {
        let mut cards = String::new();
        for comparison in &self.comparisons {
            let names = [comparison.a, comparison.b].map(|side| side_label(&self.sides[side]));
            let curve = |name, latency, colour| Curve {
                name,
                latency,
                colour,
            };
            let curves = [
                curve(&names[0], &comparison.latency_a, comparison.a),
                curve(&names[1], &comparison.latency_b, comparison.b),
            ];
            let title = format!("{} {}", comparison.cell, self.letters(comparison));
            let chart = charts::percentile_curves(&curves, charts::NARROW);
            cards.push_str(&page::card(&title, &chart));
        }
        let lead = "All runs of a side together.";
        page::section("Latency", lead, &page::columns(Columns::Two, &cards))
    }

    fn pair_section(&self) -> String {
        let head = [
            "test",
            "pair",
            "order",
            "CPU µs A",
            "CPU µs B",
            "A/B",
            "req/s A",
            "req/s B",
            "A/B",
            "p99 ms A",
            "p99 ms B",
            "A/B",
        ];
        let mut rows = Vec::new();
        for comparison in &self.comparisons {
            for (i, pair) in comparison.pairs.iter().enumerate() {
                let order = if pair.order == Order::AB {
                    "A B"
                } else {
                    "B A"
                };
                let mut row = vec![
                    format!("{} {}", comparison.cell, self.letters(comparison)),
                    (i + 1).to_string(),
                    order.to_string(),
                ];
                for metric in Metric::ALL {
                    let show = |value: Option<f64>| match (value, metric) {
                        (None, _) => "–".to_string(),
                        (Some(value), Metric::Throughput) => grouped(value),
                        (Some(value), _) => format!("{value:.3}"),
                    };
                    row.push(show(metric.of(&pair.a)));
                    row.push(show(metric.of(&pair.b)));
                    row.push(
                        pair.ratio(metric)
                            .map_or("–".to_string(), |r| format!("{r:.3}")),
                    );
                }
                rows.push(row);
            }
        }
        page::section("All pairs", "", &page::card("", &page::table(&head, &rows)))
    }

    fn circumstances(&self) -> String {
        let mut servers: Vec<(String, String)> = Vec::new();
        for server in &self.servers {
            servers.push(("Server".to_string(), server.line()));
            if let Some(command) = &server.command {
                servers.push(("Started as".to_string(), command.clone()));
            }
        }
        for side in &self.sides {
            servers.push((format!("Server {}", side.letter), side_name(side)));
            servers.push((
                "Started as".to_string(),
                base_name_first(&side.argv) + " --port …",
            ));
        }
        let machine: Vec<(String, String)> = machine::facts()
            .into_iter()
            .map(|(name, value)| (name.to_string(), value))
            .collect();
        let cards = page::card("Machine", &page::facts(&machine))
            + &page::card("Settings", &page::facts(&self.setting));
        let content =
            page::card("Servers", &page::facts(&servers)) + &page::columns(Columns::Two, &cards);
        let footer = "<footer>All numbers are in this page as JSON, in the element with the id \
                      <code>raw</code>.</footer>\n";
        page::section("Circumstances", "", &content) + footer
    }

    fn letters(&self, comparison: &Comparison) -> String {
        let (a, b) = comparison.letters(&self.sides);
        format!("{a}/{b}")
    }
}

fn server_columns(figures: &Figures) -> [String; 3] {
    match &figures.server {
        Some(server) => [
            format!("{:.3}", server.cpu_us),
            percent(server.cores),
            bytes(server.resident_after_bytes),
        ],
        None => ["–", "–", "–"].map(str::to_string),
    }
}

fn side_name(side: &Side) -> String {
    let program = side.argv.first().map_or("", String::as_str);
    let name = program.rsplit('/').next().unwrap_or(program);
    side.version.clone().unwrap_or_else(|| name.to_string())
}

fn side_label(side: &Side) -> String {
    format!("{}  {}", side.letter, base_name_first(&side.argv))
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// The words without the passwords: a report is there to be shown around.
fn hidden_passwords(args: &[String]) -> Vec<String> {
    let mut hidden = Vec::new();
    let mut hide_next = false;
    for word in args {
        let shown = match word.split_once('=') {
            _ if hide_next => "(hidden)".to_string(),
            Some((name @ ("--pass" | "--uri"), _)) => format!("{name}=(hidden)"),
            _ => word.clone(),
        };
        hide_next = matches!(word.as_str(), "-a" | "--pass" | "-u" | "--uri");
        hidden.push(shown);
    }
    hidden
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_stay_out_of_reports() {
        let args = [
            "-a",
            "secret",
            "-t",
            "get",
            "--uri=redis://me:secret@x",
            "--pass",
            "secret",
        ];
        let args = args.map(str::to_string);
        let words = hidden_passwords(&args).join(" ");
        assert!(
            !words.contains("secret") && words.contains("-t get"),
            "{words}"
        );
    }

    #[test]
    fn an_empty_report_is_still_a_page() {
        let report = Report::new(&["<b>".to_string()], &Options::default(), None);
        let html = report.html();
        assert!(html.starts_with("<!doctype html>") && html.trim_end().ends_with("</html>"));
        assert!(!html.contains("<b>"));
        assert!(!html.contains("http://") && !html.contains("https://"));
    }
}
