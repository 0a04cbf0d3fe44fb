//! `kill -9` in every mode, under every policy.

use std::time::{SystemTime, UNIX_EPOCH};

use testkit::crash::{Kills, Tally};
use testkit::process::ochre_program;

#[test]
fn one_event_loop_is_killed() {
    judge(&["--mode", "eventloop", "--threads", "1"]);
}

#[test]
fn two_event_loops_are_killed() {
    judge(&["--mode", "eventloop", "--threads", "2"]);
}

#[test]
fn a_thread_for_each_client_is_killed() {
    judge(&["--mode", "threaded"]);
}

fn judge(mode: &[&str]) {
    let mut all = Tally::default();
    for policy in ["always", "everysec", "no"] {
        let arguments = [mode, &["--appendfsync", policy]].concat();
        let kills = Kills {
            program: ochre_program().to_owned(),
            arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
            seed: seed(),
            rounds: rounds(),
            writers: 6,
            filler: 3_000,
        };
        println!("OCHRE_SEED={} on {}", kills.seed, arguments.join(" "));
        match kills.run() {
            Ok(tally) => all.add(&tally),
            Err(what) => panic!("{what}"),
        }
    }
    println!("{}: {all}", mode.join(" "));
    assert!(all.answered > 0, "nothing was answered");
}

fn rounds() -> usize {
    let rounds = std::env::var("OCHRE_CRASH_ROUNDS").ok();
    let rounds = rounds.map(|rounds| rounds.parse().expect("OCHRE_CRASH_ROUNDS is a number"));
    rounds.unwrap_or(4)
}

fn seed() -> u64 {
    if let Ok(seed) = std::env::var("OCHRE_SEED") {
        return seed.parse().expect("OCHRE_SEED is a number");
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("after 1970").as_nanos() as u64
}
