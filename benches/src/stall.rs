//! The longest wait of a client that pings every millisecond: with the server
//! idle, while it grows from nothing to five million keys, and while it
//! forgets them all.
//!
//! The loader works in short pipelines, so that what is measured is what the
//! server does on its own account (growing its table, freeing memory) and not
//! the length of somebody's queue.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::Result;
use crate::client::{key, push};
use crate::server::{Commands, Server};

const KEYS: u64 = 5_000_000;

pub(crate) fn run(commands: &Commands) -> Result<()> {
    println!("Longest round trip of a client that pings every millisecond\n");
    println!("| server | phase | pings | p50 ms | p99.9 ms | max ms |");
    println!("|---|---|---|---|---|---|");
    for command in commands.each() {
        let server = Server::start(command)?;
        let idle = || -> Result<()> {
            std::thread::sleep(Duration::from_secs(10));
            Ok(())
        };
        show(&server, "idle", pinged(&server, idle)?);
        let grow = || -> Result<()> {
            server.connect()?.pipeline(0..KEYS, |number, out| {
                push(out, &["SET", &key(number), "0123456789abcdef"]);
            })
        };
        show(&server, "growth to 5 M keys", pinged(&server, grow)?);
        let flush = || -> Result<()> {
            server.connect()?.call(&["FLUSHALL"])?;
            // Freed behind our back, if the server does so.
            std::thread::sleep(Duration::from_secs(3));
            Ok(())
        };
        show(&server, "FLUSHALL of 5 M keys", pinged(&server, flush)?);
    }
    Ok(())
}

/// Ping while `work` is done; the round trips in milliseconds, sorted.
pub(crate) fn pinged(server: &Server, work: impl Fn() -> Result<()>) -> Result<Vec<f64>> {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let pinger = scope.spawn(|| -> std::result::Result<Vec<f64>, String> {
            let mut client = server.connect().map_err(|error| error.to_string())?;
            let mut trips_ms = Vec::new();
            while !done.load(Ordering::Relaxed) {
                let began = Instant::now();
                client.call(&["PING"]).map_err(|error| error.to_string())?;
                trips_ms.push(began.elapsed().as_secs_f64() * 1000.0);
                std::thread::sleep(Duration::from_millis(1));
            }
            Ok(trips_ms)
        });
        let worked = work();
        done.store(true, Ordering::Relaxed);
        let mut trips_ms = pinger.join().expect("the pinger returns")?;
        worked?;
        trips_ms.sort_by(f64::total_cmp);
        Ok(trips_ms)
    })
}

pub(crate) fn show(server: &Server, phase: &str, trips_ms: Vec<f64>) {
    let at = |share: f64| trips_ms[((trips_ms.len() - 1) as f64 * share) as usize];
    println!(
        "| {} | {phase} | {} | {:.3} | {:.3} | {:.3} |",
        server.name,
        trips_ms.len(),
        at(0.5),
        at(0.999),
        at(1.0)
    );
}
