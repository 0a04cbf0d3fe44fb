//! The transcripts judged by servers that nobody doubts: a stock Redis or Valkey.
//!
//! A transcript that the oracle contradicts is wrong, or says why (`! since`, `! not`, `! differs`).
//! `OCHRE_ORACLE` names the program (default `redis-server`), `OCHRE_TRANSCRIPTS` a part of the paths to play.

use std::path::Path;

use testkit::corpus::Corpus;
use testkit::process::{self, ServerProcess};
use testkit::socket::Socket;

pub fn corpus() -> Corpus {
    let filter = std::env::var("OCHRE_TRANSCRIPTS").unwrap_or_default();
    Corpus::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts")).only(filter)
}

#[test]
fn transcripts_hold_on_the_oracle() {
    let name = std::env::var("OCHRE_ORACLE").unwrap_or_else(|_| "redis-server".into());
    let Some(program) = process::find_program(&name) else {
        eprintln!("SKIPPED: there is no {name} on PATH, so the transcripts were not checked against it");
        return;
    };
    let server = ServerProcess::redis(&program, &[]).expect("the oracle starts");
    let mut socket = Socket::connect(server.address()).expect("the oracle answers");
    let tally = corpus().play_server(&mut socket).expect("the corpus is readable");
    tally.conclude();
}
