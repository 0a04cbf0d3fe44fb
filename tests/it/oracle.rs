//! The transcripts judged by servers that nobody doubts: a stock Redis or Valkey.
//!
//! A transcript that the oracle contradicts is wrong, or says why (`! since`, `! not`,
//! `! differs`). `OCHRE_ORACLE` names the program; without it, `redis-server` is looked
//! for on PATH.

use std::path::PathBuf;

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
    let program = program()?;
    let server = ServerProcess::redis(&program, &[]).expect("the oracle starts");
    let socket = Socket::connect(server.address()).expect("the oracle answers");
    Some((server, socket))
}

/// The oracle's program, or a visible word.
pub(crate) fn program() -> Option<PathBuf> {
    let name = std::env::var("OCHRE_ORACLE").unwrap_or_else(|_| "redis-server".into());
    let program = process::find_program(&name);
    if program.is_none() {
        crate::skipped(&format!("no {name} on PATH"));
    }
    program
}
