//! The transcripts judged by servers that nobody doubts: a stock Redis or Valkey.
//!
//! A transcript that the oracle contradicts is wrong, or says why (`! since`, `! not`,
//! `! differs`). `OCHRE_ORACLE` names the program; without it, `redis-server` is looked
//! for on PATH.

use std::io::Write;

use testkit::process::{self, ServerProcess};
use testkit::socket::Socket;

#[test]
fn transcripts_hold_on_the_oracle() {
    let Some((_server, mut socket)) = start() else {
        return;
    };
    let tally = crate::corpus()
        .play_server(&mut socket)
        .expect("the corpus is readable");
    tally.conclude();
}

#[test]
fn models_hold_on_the_oracle() {
    if let Some((_server, mut socket)) = start() {
        crate::models::judge(&mut socket);
    }
}

/// The oracle and a way to talk to it; `None`, and a visible word, if this machine has
/// none.
pub(crate) fn start() -> Option<(ServerProcess, Socket)> {
    let name = std::env::var("OCHRE_ORACLE").unwrap_or_else(|_| "redis-server".into());
    let Some(program) = process::find_program(&name) else {
        // Past the test harness, which keeps the output of a passing test to itself.
        let word = format!("SKIPPED: no {name} on PATH, so nothing was checked against it\n");
        std::io::stderr()
            .write_all(word.as_bytes())
            .expect("stderr is open");
        return None;
    };
    let server = ServerProcess::redis(&program, &[]).expect("the oracle starts");
    let socket = Socket::connect(server.address()).expect("the oracle answers");
    Some((server, socket))
}
