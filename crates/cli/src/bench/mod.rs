//! `ochre bench`: a load generator that shows what a server costs.
//!
//! ```text
//!   options ─► cells ─┬─► run ─────► summary            one server: every combination once
//!                     └─► compare ─► summary            two servers: interleaved pairs
//!                            │                └─► report (HTML)
//!        run = target, lanes, closed_loop | open_loop, recorder, proc_stat
//! ```
//!
//! It takes redis-benchmark's flags and prints what redis-benchmark prints. It
//! adds the CPU time and memory of the server, an open loop without coordinated
//! omission, comparisons with an interval, and a report.
//!
//! It refuses to guess: the first error reply ends a test (unless `-e`), tests
//! whose command is missing are skipped by name, reads that find nothing are
//! counted, and a generator that may be the bottleneck says so.

mod closed_loop;
mod compare;
mod control;
mod cores;
mod error;
mod figures;
mod flags;
mod help;
mod interrupt;
mod lane;
mod load;
mod open_loop;
mod options;
mod proc_stat;
mod progress;
mod recorder;
mod report;
mod run;
mod server_process;
mod statistics;
mod summary;
mod target;
mod wire;
mod workload;

use std::io::Read;
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::bench::compare::{Comparison, Order, Side};
use crate::bench::control::Control;
use crate::bench::cores::Pinning;
use crate::bench::error::Error;
use crate::bench::figures::{byte_change, bytes};
use crate::bench::interrupt::Interrupt;
use crate::bench::lane::{Events, Lane};
use crate::bench::options::{Asked, Options, Pin};
use crate::bench::progress::Progress;
use crate::bench::report::Report;
use crate::bench::run::{Bench, Cell, Run};
use crate::bench::summary::print;

/// How a shell sees a program that Ctrl-C has ended.
const INTERRUPTED: u8 = 130;
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs `ochre bench` with the words behind it. Results go to standard output,
/// trouble and progress to standard error. 0 for success, 1 for trouble, 2 for
/// a wrong command line, 130 when interrupted.
pub fn bench(args: &[String]) -> ExitCode {
    let password = std::env::var("REDISCLI_AUTH").ok();
    let outcome = match Options::parse(args, password) {
        Ok(Asked::Help) => print(help::text().trim_end()),
        Ok(Asked::Run(options)) => run(&options, args),
        Err(why) => Err(Error::Usage(why)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if summary::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(Error::Interrupted) => ExitCode::from(INTERRUPTED),
        Err(error) => {
            eprintln!("ochre bench: {error}");
            ExitCode::from(if matches!(error, Error::Usage(_)) {
                2
            } else {
                1
            })
        }
    }
}

fn run(options: &Options, args: &[String]) -> Result<(), Error> {
    let interrupt = Interrupt::install().map_err(Error::system("cannot catch signals"))?;
    raise_file_limit();
    let pinning = match &options.pin {
        None => None,
        Some(Pin::FirstTwo) => Some(Pinning::first_two()?),
        Some(Pin::Chosen(pinning)) => Some(pinning.clone()),
    };
    if let Some(pinning) = &pinning {
        pinning.generator.bind_thread()?;
    }
    let mut bench = Bench {
        options,
        interrupt,
        progress: Progress::new(),
        pinning,
    };
    let mut report = Report::new(args, options, bench.pinning.as_ref());
    if options.idle {
        return hold_idle(&bench);
    }
    let cells = Cell::all(options, last_word(options)?);
    let outcome = match options.is_comparison() {
        true => compare_all(&mut bench, &cells, &mut report),
        false => measure_all(&mut bench, &cells, &mut report),
    };
    bench.progress.wipe();
    // What was measured before an interrupt is worth keeping.
    if let (Some(path), Ok(()) | Err(Error::Interrupted)) = (&options.report, &outcome) {
        write_report(path, &report, options)?;
    }
    outcome
}

/// Every cell once, against a server that is already there.
fn measure_all(bench: &mut Bench, cells: &[Cell], report: &mut Report) -> Result<(), Error> {
    let options = bench.options;
    let talks = !options.quiet && !options.csv;
    let mut control = Control::open(&options.target, PATIENCE)?;
    let info = control.info()?;
    let pid = options
        .target
        .is_local()
        .then(|| proc_stat::local_pid(&info))
        .flatten();
    let mut facts = report::ServerFacts::of_running(&options.target, &info, pid);
    for parameter in ["save", "appendonly"] {
        if let Some(value) = control.config(parameter)? {
            facts.add_setting(parameter, &value);
        }
    }
    if talks {
        print(&format!("{}\n", facts.line()))?;
    }
    report.servers.push(facts);
    if options.csv {
        print(summary::CSV_HEADER)?;
    }
    loop {
        for cell in cells {
            if let Some(text) = bench.lacks(cell, &options.target)? {
                bench.progress.wipe();
                eprintln!("{} skipped: {text}", cell.label);
                continue;
            }
            let run = bench.measure(cell, &options.target, pid)?;
            bench.progress.wipe();
            print(&one_result(cell, &run, options))?;
            if options.tolerate_errors && (options.quiet || options.csv) && run.figures.errors > 0 {
                let first = run.figures.first_error.as_deref().unwrap_or("");
                eprintln!(
                    "{}: {} error replies: {first}",
                    cell.label, run.figures.errors
                );
            }
            if !options.forever {
                report.runs.push((cell.clone(), run));
            }
            if bench.interrupt.is_set() {
                break;
            }
        }
        if !options.forever || bench.interrupt.is_set() {
            break;
        }
    }
    if talks && report.runs.len() > 1 {
        print(&summary::table(&report.runs, options))?;
    }
    if bench.interrupt.is_set() {
        Err(Error::Interrupted)
    } else {
        Ok(())
    }
}

fn one_result(cell: &Cell, run: &Run, options: &Options) -> String {
    if options.csv {
        summary::csv_row(cell, run, options)
    } else if options.quiet {
        summary::one_line(cell, run, options)
    } else {
        summary::for_people(cell, run, options)
    }
}

/// Every cell in pairs, against servers of our own.
fn compare_all(bench: &mut Bench, cells: &[Cell], report: &mut Report) -> Result<(), Error> {
    let options = bench.options;
    let talks = !options.quiet && !options.csv;
    report.sides = sides(options)?;
    if options.csv {
        print(summary::COMPARE_CSV_HEADER)?;
    }
    if talks {
        for side in &report.sides {
            print(&summary::side_line(side))?;
        }
        print(&expected_duration(bench, cells, &report.sides))?;
    }
    let mut outcome = Ok(());
    'all: for cell in cells {
        for b in 1..report.sides.len() {
            let mut comparison = Comparison::new(cell, 0, b);
            let done = compare_one(bench, cell, &mut comparison, &mut report.sides);
            if !comparison.pairs.is_empty() {
                bench.progress.wipe();
                report.comparisons.push(comparison);
            }
            if let Err(error) = done {
                outcome = Err(error);
                break 'all;
            }
        }
    }
    if !options.csv && !report.comparisons.is_empty() && (options.quiet || cells.len() > 1) {
        let table = summary::comparison_table(&report.comparisons, &report.sides, options.seed);
        print(&format!(
            "{}{}",
            if talks { "\n" } else { "" },
            table.trim_end()
        ))?;
    }
    if talks && !report.comparisons.is_empty() {
        let known = report.sides.iter().filter(|side| side.version.is_some());
        for (i, side) in known.enumerate() {
            let gap = if i == 0 { "\n" } else { "" };
            print(&format!("{gap}{}", summary::side_line(side)))?;
        }
    }
    outcome
}

fn compare_one(
    bench: &mut Bench,
    cell: &Cell,
    comparison: &mut Comparison,
    sides: &mut [Side],
) -> Result<(), Error> {
    let options = bench.options;
    let talks = !options.quiet && !options.csv;
    let letters = comparison.letters(sides);
    if talks {
        bench.progress.wipe();
        print(&format!(
            "\n====== {}, {} against {} ======",
            cell.label, letters.0, letters.1
        ))?;
        print(&summary::pairs_head(letters))?;
    }
    for number in 1..=options.pairs as usize {
        let order = if number % 2 == 1 {
            Order::AB
        } else {
            Order::BA
        };
        let mut say = |text: String| {
            eprintln!("{text}");
            Ok(())
        };
        if !comparison.add_pair(bench, cell, sides, order, &mut say)? {
            continue;
        }
        let pair = comparison.pairs.last().expect("a pair was just added");
        bench.progress.wipe();
        if options.csv {
            print(&summary::pair_csv(comparison, sides, number, pair))?;
        } else if talks {
            print(&summary::pair_row(number, pair, letters))?;
        }
    }
    if comparison.pairs.is_empty() {
        return Err(Error::Unmeasurable(
            "the hypervisor disturbed every pair; try again later or raise --steal-max".to_string(),
        ));
    }
    if talks {
        print(&summary::estimates(comparison, sides, options.seed))?;
    }
    Ok(())
}

/// Side A and its opponents.
fn sides(options: &Options) -> Result<Vec<Side>, Error> {
    let split = |line: &str| -> Result<Vec<String>, Error> {
        let words = base::split_args(line.as_bytes())
            .ok_or_else(|| Error::Usage(format!("unbalanced quotes in: {line}")))?;
        words
            .into_iter()
            .map(|word| {
                String::from_utf8(word).map_err(|_| Error::Usage(format!("not UTF-8: {line}")))
            })
            .collect()
    };
    let own = || -> Result<Vec<String>, Error> {
        let program = std::env::current_exe().map_err(Error::system("who am I"))?;
        let mut argv = vec![program.to_string_lossy().into_owned()];
        // Nothing on disk, as one compares; `--ours` may say otherwise.
        let usual = [
            "server",
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ];
        argv.extend(usual.map(str::to_string));
        argv.extend(split(&options.ours)?);
        Ok(argv)
    };
    let mut commands = Vec::new();
    if options.compare_modes {
        for mode in ["eventloop", "threaded"] {
            let mut argv = own()?;
            argv.extend(["--mode", mode].map(str::to_string));
            commands.push(argv);
        }
    } else {
        commands.push(match &options.base {
            Some(line) => split(line)?,
            None => own()?,
        });
        for line in &options.compare {
            commands.push(split(line)?);
        }
    }
    if commands.iter().any(Vec::is_empty) {
        return Err(Error::Usage(
            "a command line to compare is empty".to_string(),
        ));
    }
    let side = |(letter, argv)| Side {
        letter,
        argv,
        version: None,
    };
    Ok(('A'..='Z').zip(commands).map(side).collect())
}

fn expected_duration(bench: &Bench, cells: &[Cell], sides: &[Side]) -> String {
    let runs = cells.len() * (sides.len() - 1) * bench.options.pairs as usize * 2;
    let Some(time) = bench.options.limit.time else {
        return format!("{runs} runs");
    };
    // Starting, filling and stopping take about this long.
    let overhead = Duration::from_millis(600);
    let total = (time + bench.options.warmup + overhead) * runs as u32;
    format!("{runs} runs, about {} s", total.as_secs())
}

/// `-I`: opens the connections, and says what they cost the server.
fn hold_idle(bench: &Bench) -> Result<(), Error> {
    let options = bench.options;
    let info = Control::open(&options.target, PATIENCE)?.info()?;
    let pid = options
        .target
        .is_local()
        .then(|| proc_stat::local_pid(&info))
        .flatten();
    let resident = || pid.and_then(|pid| proc_stat::resident_bytes(pid).ok());
    let before = resident();
    let count = options.clients[0];
    let mut lane = Lane::open(&options.target, count as usize)?;
    thread::sleep(Duration::from_millis(200));
    print(&format!(
        "{count} idle connections are open; Ctrl-C closes them"
    ))?;
    // A server may also give memory back meanwhile, and then nothing is to be told.
    if let Some((before, after)) = before
        .zip(resident())
        .filter(|(before, after)| after > before)
    {
        let each = (after - before) / u64::from(count);
        print(&format!(
            "server memory {} ({}, {} per connection)",
            bytes(after),
            byte_change(before, after),
            bytes(each)
        ))?;
    }
    let mut events = Events::new();
    while !bench.interrupt.is_set() {
        lane.wait(load::LOOK_EVERY_NS, &mut events)?;
        for event in events.iter() {
            if event.writable && lane.is_blocked(event.index) {
                lane.flush(event.index)?;
            }
            if event.readable {
                lane.receive(event.index)?;
            }
        }
    }
    Err(Error::Interrupted)
}

fn last_word(options: &Options) -> Result<Option<Vec<u8>>, Error> {
    if !options.last_word_from_stdin {
        return Ok(None);
    }
    let mut word = Vec::new();
    std::io::stdin()
        .read_to_end(&mut word)
        .map_err(Error::system("cannot read standard input"))?;
    Ok(Some(word))
}

fn write_report(path: &Path, report: &Report, options: &Options) -> Result<(), Error> {
    std::fs::write(path, report.html()).map_err(|source| Error::File {
        path: path.to_path_buf(),
        source,
    })?;
    if !options.csv && !options.quiet {
        print(&format!("report: {}", path.display()))?;
    }
    Ok(())
}

/// Many clients need many descriptors. Where the limit cannot be raised, the
/// connection that goes beyond it says so.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let _ = setrlimit(Resource::Nofile, raised);
}
