//! `kill -9` in every mode, under every policy.

use testkit::crash::{Kills, Tally};
use testkit::process::ochre_program;

#[test]
fn one_event_loop_is_killed() {
    judge(&["--mode", "eventloop", "--threads", "1"]);
}

/// With all that may be in a log and beside it.
#[test]
fn two_event_loops_are_killed() {
    judge(&[
        "--mode",
        "eventloop",
        "--threads",
        "2",
        "--aof-timestamp-enabled",
        "yes",
        "--aof-keep-generations",
        "2",
    ]);
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
            seed: crate::seed(),
            rounds: crate::rounds(),
            writers: 6,
            filler: 3_000,
            keeps_files: true,
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
