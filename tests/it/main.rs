//! Behaviour tests: what a client can see, on every target that there is.
//!
//! One binary with a module per concern. The transcripts under `tests/transcripts` hold
//! nearly all of the behaviour, and `models` the rest; the other modules only say what
//! these are run on. `OCHRE_TRANSCRIPTS` names a part of the paths to play.

mod command_table;
mod compat_page;
mod corpus;
mod digest;
mod embedded;
mod fields;
mod geo;
mod hostile;
mod hyperloglog;
mod interchange;
mod linearizability;
mod models;
mod node;
mod oracle;
mod reload;
mod server;
mod switch;
mod tools;
mod waiting;

use std::io::Write;
use std::path::Path;

use testkit::corpus::Corpus;

/// All transcripts, or those that the environment asks for.
fn corpus() -> Corpus {
    let filter = std::env::var("OCHRE_TRANSCRIPTS").unwrap_or_default();
    Corpus::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts")).only(filter)
}

/// Says that nothing was checked. Past the test harness, which keeps the output of a passing
/// test to itself.
fn skipped(why: &str) {
    let word = format!("SKIPPED: {why}\n");
    std::io::stderr()
        .write_all(word.as_bytes())
        .expect("stderr is open");
}
