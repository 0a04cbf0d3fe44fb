//! Measurements that are not throughput: memory, expiry, stalls, connections,
//! instructions. Each starts its servers itself and prints a table.
//!
//! ```text
//!   cargo run --release -p ochre-benches -- memory
//! ```
//!
//! Throughput and latency are `ochre bench`. Nothing here asserts: the figures
//! go into docs/performance.md, beside those of redis-server on the same
//! machine in the same run.

use std::process::ExitCode;

mod big;
mod client;
mod connections;
mod elements;
mod expiry;
mod families;
mod instructions;
mod memory;
mod server;
mod snapshot;
mod stall;
mod workload;

use server::Commands;

const USAGE: &str = "\
Usage: measure WHAT [--ours CMD] [--beside CMD | --alone]

  memory        resident bytes per key: 1, 2, 3, 5 M keys, four value sizes, with TTL
  expiry        how late 1,000 keys go while a million others are due
  stall         the longest wait of a pinging client: idle, growth, FLUSHALL
  big           the longest wait of a pinging client while a value of 5 M members goes in every
                way, and while one of a million is read whole; what reading takes in memory
  snapshot      latency before and during BGSAVE and BGREWRITEAOF of 5 M keys, without and
                with a hash of 1 M fields
  connections   bytes per idle connection, ten thousand of them
  elements      resident bytes per element of large collections and small hashes
  families      processor time per command of every family, in interleaved pairs
  instructions  per command of every family, counted by callgrind (needs valgrind)

  --ours CMD    our server's command line [target/release/ochre server --threads 1]
  --beside CMD  the server to compare with [redis-server, if installed]
  --alone       compare with nobody
  --kind KIND   big: hash, set, zset, list or stream [hash]
  --members N   big: how many [5000000]
  --only TEXT   families, instructions: those whose names contain it;
                big: DEL, UNLINK, EXPIRE, \"RENAME over\", \"SET over\", FLUSHALL or READ;
                snapshot: BGSAVE or BGREWRITEAOF
  --dumps DIR   instructions: keep callgrind's dumps there, for callgrind_annotate
";

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_default();
    let commands = match Commands::parse(arguments) {
        Ok(commands) => commands,
        Err(error) => {
            eprintln!("measure: {error}\n\n{USAGE}");
            return ExitCode::FAILURE;
        }
    };
    let done = match what.as_str() {
        "memory" => memory::run(&commands),
        "expiry" => expiry::run(&commands),
        "stall" => stall::run(&commands),
        "big" => big::run(&commands),
        "snapshot" => snapshot::run(&commands),
        "connections" => connections::run(&commands),
        "elements" => elements::run(&commands),
        "families" => families::run(&commands, commands.only()),
        "instructions" => instructions::run(&commands, commands.only()),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::FAILURE;
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("measure {what}: {error}");
            ExitCode::FAILURE
        }
    }
}
