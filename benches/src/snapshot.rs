//! What clients see of BGSAVE and BGREWRITEAOF: five million keys of 200 bytes,
//! and requests that leave by the clock, half of them writes. Then once more with
//! a hash of a million fields beside them, which every other request goes to.
//!
//! ```text
//!   lane 0  ·   ·   ·   ·        each lane is a connection with its own clock;
//!   lane 1    ·   ·   ·   ·      a reply's latency counts from when its request
//!   ...                          was due, so a stall shows in all that it delayed
//! ```
//!
//! The server, its writer's thread and the lanes share the machine: on two
//! processors that is the hard case.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::Result;
use crate::client::{key, push};
use crate::server::{Commands, Server};

const KEYS: u64 = 5_000_000;
const FIELDS: u64 = 1_000_000;
const VALUE_BYTES: usize = 200;
const LANES: u64 = 8;
const LANE_RATE: u64 = 500;
const CALM: Duration = Duration::from_secs(6);
const REST: Duration = Duration::from_secs(3);
const ROUNDS: usize = 3;

pub(crate) fn run(commands: &Commands) -> Result<()> {
    println!(
        "{KEYS} keys of {VALUE_BYTES} bytes, {} requests a second, half writes; {ROUNDS} rounds\n",
        LANES * LANE_RATE
    );
    println!("| server | phase | s | p50 ms | p99 ms | p99.9 ms | max ms | memory MiB |");
    println!("|---|---|---|---|---|---|---|---|");
    for command in commands.each() {
        let server = Server::start(command)?;
        let value = "x".repeat(VALUE_BYTES);
        server.connect()?.pipeline(0..KEYS, |number, out| {
            push(out, &["SET", &key(number), &value]);
        })?;
        rounds(commands, &server, Target::Keys)?;
        server.connect()?.pipeline(0..FIELDS, |number, out| {
            push(out, &["HSET", HASH, &key(number), "v"]);
        })?;
        rounds(commands, &server, Target::Fields)?;
    }
    Ok(())
}

/// What the requests go to.
#[derive(Clone, Copy)]
enum Target {
    Keys,
    /// Every other one to fields of a hash.
    Fields,
}

const HASH: &str = "hash";

/// Every phase in turn, so that what the machine does besides falls on all.
fn rounds(commands: &Commands, server: &Server, target: Target) -> Result<()> {
    let note = match target {
        Target::Keys => "",
        Target::Fields => ", hash of 1 M",
    };
    let mut phases = vec!["before", "BGSAVE", "BGREWRITEAOF"];
    phases.retain(|phase| *phase == "before" || commands.is_wanted(phase));
    let mut seen = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        for (phase, seen) in phases.iter().zip(&mut seen) {
            std::thread::sleep(REST);
            seen.push(loaded(server, target, || work(server, phase))?);
        }
    }
    for (phase, seen) in phases.iter().zip(seen) {
        show(server, &format!("{phase}{note}"), seen);
    }
    Ok(())
}

/// What happens in a phase, to its end.
fn work(server: &Server, phase: &str) -> Result<()> {
    if phase == "before" {
        std::thread::sleep(CALM);
        return Ok(());
    }
    let mut client = server.connect()?;
    client.call(&[phase])?;
    let under_way = [
        "rdb_bgsave_in_progress:1",
        "aof_rewrite_in_progress:1",
        "aof_rewrite_scheduled:1",
    ];
    loop {
        std::thread::sleep(Duration::from_millis(50));
        let info = client.call(&["INFO", "persistence"])?;
        let info = String::from_utf8_lossy(info.as_bytes().unwrap_or_default());
        if !under_way.iter().any(|field| info.contains(field)) {
            return Ok(());
        }
    }
}

struct Seen {
    latencies_ms: Vec<f64>,
    took: Duration,
    peak_bytes: u64,
}

/// Load while `work` is done.
fn loaded(server: &Server, target: Target, work: impl Fn() -> Result<()>) -> Result<Seen> {
    let (done, peak) = (AtomicBool::new(false), AtomicU64::new(0));
    let began = Instant::now();
    std::thread::scope(|scope| {
        let (done, peak) = (&done, &peak);
        let lanes: Vec<_> = (0..LANES)
            .map(|lane| scope.spawn(move || drive(server, lane, target, began, done)))
            .collect();
        scope.spawn(move || {
            while !done.load(Ordering::Relaxed) {
                peak.fetch_max(server.resident_bytes().unwrap_or(0), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        let worked = work();
        done.store(true, Ordering::Relaxed);
        let took = began.elapsed();
        let mut latencies_ms = Vec::new();
        for lane in lanes {
            latencies_ms.extend(lane.join().expect("a lane returns")?);
        }
        worked?;
        Ok(Seen {
            latencies_ms,
            took,
            peak_bytes: peak.load(Ordering::Relaxed),
        })
    })
}

/// One connection's requests, each at its time.
fn drive(
    server: &Server,
    lane: u64,
    target: Target,
    began: Instant,
    done: &AtomicBool,
) -> std::result::Result<Vec<f64>, String> {
    let mut client = server.connect().map_err(|error| error.to_string())?;
    let mut rng = base::Rng::new(lane);
    let value = "y".repeat(VALUE_BYTES);
    let step = Duration::from_secs(1) / LANE_RATE as u32;
    let mut due = began + step * lane as u32 / LANES as u32;
    let mut latencies_ms = Vec::new();
    while !done.load(Ordering::Relaxed) {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let key = key(rng.below(KEYS));
        // What the generator itself is late by is not the server's.
        let left = due.max(Instant::now().min(due + Duration::from_micros(100)));
        let is_field = matches!(target, Target::Fields) && rng.below(2) == 0;
        let answer = match (rng.below(2), is_field) {
            (0, false) => client.call(&["GET", &key]),
            (_, false) => client.call(&["SET", &key, &value]),
            (0, true) => client.call(&["HGET", HASH, &field(&mut rng)]),
            (_, true) => client.call(&["HSET", HASH, &field(&mut rng), "w"]),
        };
        answer.map_err(|error| error.to_string())?;
        latencies_ms.push(left.elapsed().as_secs_f64() * 1000.0);
        due += step;
    }
    Ok(latencies_ms)
}

fn field(rng: &mut base::Rng) -> String {
    key(rng.below(FIELDS))
}

/// A phase's rounds in one line, with all their requests together.
fn show(server: &Server, phase: &str, seen: Vec<Seen>) {
    let took_secs: f64 = seen.iter().map(|it| it.took.as_secs_f64()).sum();
    let peak_bytes = seen.iter().map(|it| it.peak_bytes).max().unwrap_or(0);
    let mut trips_ms: Vec<f64> = seen.into_iter().flat_map(|it| it.latencies_ms).collect();
    trips_ms.sort_by(f64::total_cmp);
    let at = |share: f64| trips_ms[((trips_ms.len() - 1) as f64 * share) as usize];
    println!(
        "| {} | {phase} | {took_secs:.1} | {:.3} | {:.3} | {:.3} | {:.3} | {} |",
        server.name,
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0),
        peak_bytes >> 20
    );
}
