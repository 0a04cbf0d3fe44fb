//! One measurement: connections opened, keys filled in, server warmed up, load
//! measured, and the server's clocks read on either side.
//!
//! ```text
//!   connect ─► prepare ─► fill ─► warm-up ─► [clocks] measured phase [clocks] ─► Run
//! ```
//!
//! The clocks are read while nothing is under way, which makes the kernel's CPU
//! counters exact.

use std::thread;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::bench::control::{Control, Reply};
use crate::bench::cores::Pinning;
use crate::bench::error::Error;
use crate::bench::figures::{Figures, ServerFigures};
use crate::bench::interrupt::Interrupt;
use crate::bench::load::{Generator, Limit, Measured, Pace, Phase};
use crate::bench::options::Options;
use crate::bench::proc_stat::{MachineClock, ProcessClock, resident_bytes};
use crate::bench::progress::Progress;
use crate::bench::recorder::Slice;
use crate::bench::target::Target;
use crate::bench::wire::encode_request;
use crate::bench::workload::{self, Numbers, Workload, random_data};

/// Bytes per write while filling, so that large values do not pile up.
const FILL_BLOCK_BYTES: u32 = 64 * 1024;
const FILL_DEPTH_MAX: u32 = 64;
/// Time for the server to finish its turn and stop running.
const SETTLE: Duration = Duration::from_millis(10);
/// Shorter runs last too few ticks to tell who else was running.
const TICKS_COUNT_FROM: Duration = Duration::from_millis(500);
const ANSWER_PATIENCE: Duration = Duration::from_secs(60);

/// One combination of test, sizes and pace: a row of the final table.
#[derive(Debug, Clone)]
pub struct Cell {
    /// The test's title.
    pub title: String,
    /// The title and whatever a sweep varies: unique among the cells.
    pub label: String,
    pub size: u32,
    pub clients: u32,
    pub depth: u32,
    pub pace: Pace,
    workload: Workload,
    /// Sent so often, once, before anything else.
    preparation: Option<(u32, Vec<u8>)>,
    is_built_in: bool,
    data: Vec<u8>,
}

/// What one measurement brought.
pub struct Run {
    pub figures: Figures,
    /// Nanoseconds.
    pub latency: Histogram<u64>,
    pub slices: Vec<Slice>,
    pub fill: Option<Fill>,
}

/// What filling the key space took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fill {
    pub keys: u64,
    pub elapsed: Duration,
    /// By how much the server's resident memory grew per key.
    pub bytes_per_key: Option<f64>,
}

/// What all measurements of one invocation have in common.
pub struct Bench<'a> {
    pub options: &'a Options,
    pub interrupt: Interrupt,
    pub progress: Progress,
    pub pinning: Option<Pinning>,
}

impl Cell {
    /// All combinations that the options ask for. `last_word` completes the
    /// user's own command.
    pub fn all(options: &Options, last_word: Option<Vec<u8>>) -> Vec<Cell> {
        let mut cells = Vec::new();
        let paces: Vec<Pace> = if options.rates.is_empty() {
            vec![
                options
                    .throttle
                    .map_or(Pace::Closed, |rate| Pace::Throttled { rate }),
            ]
        } else {
            let arrivals = options.arrivals;
            options
                .rates
                .iter()
                .map(|&rate| Pace::Open { rate, arrivals })
                .collect()
        };
        for index in 0..test_count(options) {
            for &size in &options.sizes {
                for &clients in &options.clients {
                    for &depth in &options.depths {
                        for &pace in &paces {
                            let mut cell =
                                Cell::of_test(options, index, size, last_word.as_deref());
                            cell.clients = clients;
                            cell.depth = depth;
                            cell.pace = pace;
                            cell.label = cell.label_in(options);
                            cells.push(cell);
                        }
                    }
                }
            }
        }
        cells
    }

    fn of_test(options: &Options, index: usize, size: u32, last_word: Option<&[u8]>) -> Cell {
        let data = random_data(size as usize, options.seed);
        let (workload, preparation) = if options.command.is_empty() {
            let tests = workload::select(options.tests.as_deref()).expect("names were checked");
            let test = tests[index];
            let preparation = test.preparation.map(|(times, words)| {
                let filled = words.replace(workload::DATA_MARK, "x");
                let mut bytes = Vec::new();
                let argv: Vec<&str> = filled.split_whitespace().collect();
                encode_request(&mut bytes, &argv);
                (times, bytes)
            });
            (test.workload(&data), preparation)
        } else {
            let mut words: Vec<Vec<u8>> = options
                .command
                .iter()
                .map(|word| word.as_bytes().to_vec())
                .collect();
            words.extend(last_word.map(<[u8]>::to_vec));
            (
                Workload::of_command(&options.command.join(" "), &words, &data),
                None,
            )
        };
        Cell {
            title: workload.title.clone(),
            label: String::new(),
            size,
            clients: 1,
            depth: 1,
            pace: Pace::Closed,
            workload,
            preparation,
            is_built_in: options.command.is_empty(),
            data,
        }
    }

    fn label_in(&self, options: &Options) -> String {
        let mut label = self.title.clone();
        let mut add = |varies: bool, text: String| {
            if varies {
                label.push_str(&text);
            }
        };
        add(options.depths.len() > 1, format!(" P={}", self.depth));
        add(options.sizes.len() > 1, format!(" d={}", self.size));
        add(options.clients.len() > 1, format!(" c={}", self.clients));
        if let Pace::Open { rate, .. } = self.pace {
            add(options.rates.len() > 1, format!(" rate={rate}"));
        }
        label
    }
}

fn test_count(options: &Options) -> usize {
    if options.command.is_empty() {
        workload::select(options.tests.as_deref())
            .expect("names were checked")
            .len()
    } else {
        1
    }
}

impl Bench<'_> {
    /// Tries a built-in test once. `Some` says why the server cannot run it.
    pub fn lacks(&self, cell: &Cell, target: &Target) -> Result<Option<String>, Error> {
        if !cell.is_built_in {
            return Ok(None);
        }
        let mut control = Control::open(target, ANSWER_PATIENCE)?;
        for request in cell.workload.samples() {
            if let Reply::Error(text) = control.call_encoded(request)?
                && text.starts_with("ERR unknown command")
            {
                return Ok(Some(text));
            }
        }
        Ok(None)
    }

    /// Carries out one cell against a server, whose CPU and memory are watched
    /// when `pid` tells its process.
    pub fn measure(
        &mut self,
        cell: &Cell,
        target: &Target,
        pid: Option<u32>,
    ) -> Result<Run, Error> {
        self.prepare(cell, target)?;
        let cores = self
            .pinning
            .as_ref()
            .map(|pinning| pinning.generator.clone());
        let mut generator = Generator::connect(target, cell.clients, self.options.threads, cores)?;
        let mut fill = None;
        if self.options.fill {
            fill = Some(self.fill(cell, &mut generator, pid)?);
        }
        let phase = self.phase(cell);
        if !self.options.warmup.is_zero() {
            let mut warmup = phase.clone();
            warmup.limit = Limit {
                requests: None,
                time: Some(self.options.warmup),
            };
            warmup.seed ^= 0x7761_726d;
            let name = format!("{}, warm-up", cell.label);
            generator.run(&warmup, &self.interrupt, &mut self.progress.watch(&name))?;
        }
        thread::sleep(SETTLE);
        let before = Reading::take(pid)?;
        let watch = &mut self.progress.watch(&cell.label);
        let measured = generator.run(&phase, &self.interrupt, watch)?;
        thread::sleep(SETTLE);
        let after = Reading::take(pid)?;
        if measured.recorder.latency().is_empty() {
            return Err(match self.interrupt.is_set() {
                true => Error::Interrupted,
                false => Error::Unmeasurable("no request was sent in the given time".to_string()),
            });
        }
        Ok(Run {
            figures: figures(&measured, &phase, &before, &after),
            latency: measured.recorder.latency().clone(),
            slices: measured.recorder.timeline().slices(),
            fill,
        })
    }

    fn phase(&self, cell: &Cell) -> Phase {
        Phase {
            workload: cell.workload.clone(),
            depth: cell.depth,
            limit: self.options.limit,
            pace: cell.pace,
            numbers: Numbers::of_keyspace(self.options.keyspace, self.options.seed),
            seed: self.options.seed,
            keep_alive: self.options.keep_alive,
            tolerate_errors: self.options.tolerate_errors,
        }
    }

    fn prepare(&self, cell: &Cell, target: &Target) -> Result<(), Error> {
        let Some((times, request)) = &cell.preparation else {
            return Ok(());
        };
        let mut control = Control::open(target, ANSWER_PATIENCE)?;
        for _ in 0..*times {
            if let Reply::Error(answer) = control.call_encoded(request)? {
                let asked = format!("preparing {}", cell.title);
                return Err(Error::Refused { asked, answer });
            }
        }
        Ok(())
    }

    fn fill(
        &mut self,
        cell: &Cell,
        generator: &mut Generator,
        pid: Option<u32>,
    ) -> Result<Fill, Error> {
        let keys = self
            .options
            .keyspace
            .expect("options refuse a fill without keys");
        let depth = (FILL_BLOCK_BYTES / (cell.size + 64)).clamp(1, FILL_DEPTH_MAX);
        let phase = Phase {
            workload: Workload::fill(&cell.data),
            depth,
            limit: Limit {
                requests: Some(keys),
                time: None,
            },
            pace: Pace::Closed,
            numbers: Numbers::Sequential,
            seed: self.options.seed,
            keep_alive: true,
            tolerate_errors: false,
        };
        let before = pid.and_then(|pid| resident_bytes(pid).ok());
        let mut watch = self.progress.watch("fill");
        let measured = generator.run(&phase, &self.interrupt, &mut watch)?;
        if self.interrupt.is_set() {
            return Err(Error::Interrupted);
        }
        let after = pid.and_then(|pid| resident_bytes(pid).ok());
        let grown = before
            .zip(after)
            .map(|(before, after)| after.saturating_sub(before));
        Ok(Fill {
            keys,
            elapsed: measured.elapsed,
            bytes_per_key: grown.map(|grown| grown as f64 / keys as f64),
        })
    }
}

/// All clocks at one moment.
struct Reading {
    machine: MachineClock,
    process: Option<(ProcessClock, u64)>,
}

impl Reading {
    fn take(pid: Option<u32>) -> Result<Reading, Error> {
        let process = match pid {
            None => None,
            Some(pid) => {
                let clock = ProcessClock::read(pid);
                let both = clock.and_then(|clock| Ok((clock, resident_bytes(pid)?)));
                Some(both.map_err(Error::system(format!("cannot watch process {pid}")))?)
            }
        };
        let machine = MachineClock::read().map_err(Error::system("/proc/stat"))?;
        Ok(Reading { machine, process })
    }
}

fn figures(measured: &Measured, phase: &Phase, before: &Reading, after: &Reading) -> Figures {
    let latency = measured.recorder.latency();
    let requests = measured.requests();
    let elapsed_s = measured.elapsed.as_secs_f64().max(1e-9);
    let mut others_cores = None;
    let server = before
        .process
        .zip(after.process)
        .map(|(process_before, process_after)| {
            let used = process_after.0.since(&process_before.0);
            let all = after.machine.used_since(&before.machine);
            let others = all.saturating_sub(used.cpu + measured.generator_cpu);
            others_cores =
                (measured.elapsed >= TICKS_COUNT_FROM).then(|| others.as_secs_f64() / elapsed_s);
            ServerFigures {
                cpu_us: used.cpu.as_secs_f64() * 1e6 / requests.max(1) as f64,
                cores: used.cpu.as_secs_f64() / elapsed_s,
                system_share: used.system_share,
                resident_before_bytes: process_before.1,
                resident_after_bytes: process_after.1,
            }
        });
    let is_open = matches!(phase.pace, Pace::Open { .. });
    Figures {
        requests,
        elapsed: measured.elapsed,
        throughput: measured.throughput(),
        mean_ns: latency.mean(),
        min_ns: latency.min(),
        p50_ns: latency.value_at_quantile(0.5),
        p95_ns: latency.value_at_quantile(0.95),
        p99_ns: latency.value_at_quantile(0.99),
        p999_ns: latency.value_at_quantile(0.999),
        max_ns: latency.max(),
        server,
        errors: measured.errors,
        first_error: measured.first_error.clone(),
        nulls: measured.nulls,
        unanswered: measured.unanswered,
        generator_load: measured.generator_load(),
        generator_threads: measured.threads,
        send_lag_p99_ns: is_open.then(|| measured.send_lag.value_at_quantile(0.99)),
        steal: after.machine.steal_since(&before.machine),
        others_cores,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::options::Asked;

    fn cells(line: &str) -> Vec<Cell> {
        let words: Vec<String> = line.split_whitespace().map(str::to_string).collect();
        match Options::parse(&words, None).unwrap() {
            Asked::Run(options) => Cell::all(&options, None),
            Asked::Help => panic!("no help was asked for"),
        }
    }

    #[test]
    fn a_sweep_is_every_combination_with_a_name_of_its_own() {
        let cells = cells("-t get,set -P 1,16 -c 1,50 -d 64");
        assert_eq!(cells.len(), 8);
        let mut labels: Vec<&str> = cells.iter().map(|cell| &cell.label[..]).collect();
        assert_eq!(labels[0], "SET P=1 c=1");
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), 8);
    }

    #[test]
    fn what_does_not_vary_is_not_in_the_name() {
        assert_eq!(cells("-t get -P 16 --rate 1000")[0].label, "GET");
        let own = cells("-r 5 getrange k 0 __rand_int__");
        assert_eq!(own[0].label, "getrange k 0 __rand_int__");
    }
}
