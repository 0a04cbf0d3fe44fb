//! Servers that forget are caught by the tests that kill them.
//!
//! | mistake | how it shows |
//! |---|---|
//! | the end of a batch writes nothing | what was answered is gone (everysec, no) |
//! | replies wait for nothing | the same under always |
//! | a transaction is several groups | half of one comes back |
//!
//! What only a power cut shows is `ochre-persist`'s own affair.

use testkit::crash::Kills;

#[test]
fn a_server_without_mistakes_passes() {
    for policy in ["always", "everysec"] {
        let tally = kills("none", policy, 6).run();
        println!("none: {}", tally.unwrap_or_else(|what| panic!("{what}")));
    }
}

#[test]
fn a_batch_that_is_not_written_is_caught() {
    expect_caught(
        "silent-batch",
        "everysec",
        "were answered, and what came back is the state",
    );
}

#[test]
fn a_reply_that_does_not_wait_is_caught() {
    expect_caught(
        "early-release",
        "always",
        "were answered, and what came back is the state",
    );
}

#[test]
fn a_transaction_in_pieces_is_caught() {
    expect_caught("torn-group", "no", "is no state at all");
}

/// Many more than it takes.
const ROUNDS: usize = 200;

fn expect_caught(mistake: &str, policy: &str, words: &str) {
    match kills(mistake, policy, ROUNDS).run() {
        Ok(tally) => panic!("{mistake} is not noticed: {tally}"),
        Err(what) => {
            println!("{mistake}: {what:.2000}");
            assert!(what.contains(words), "caught by chance: {what}");
        }
    }
}

fn kills(mistake: &str, policy: &str, rounds: usize) -> Kills {
    let arguments = [
        "--mode",
        "eventloop",
        "--threads",
        "2",
        "--mistake",
        mistake,
    ];
    let arguments = arguments.into_iter().chain(["--appendfsync", policy]);
    Kills {
        program: env!("CARGO_BIN_EXE_ochre-sabotaged").into(),
        arguments: arguments.map(str::to_owned).collect(),
        seed: 1,
        rounds,
        writers: 6,
        filler: 3_000,
        keeps_files: false,
    }
}
