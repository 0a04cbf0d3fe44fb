//! Fills in the replies that a transcript lacks, from a live server: write the
//! commands, run this, and read every answer with suspicion before it becomes the
//! truth.
//!
//! `cargo run -p ochre-testkit --example transcribe -- [--server redis-server]
//! tests/transcripts/strings/set.txt …`

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use testkit::play::Player;
use testkit::process::{self, ServerProcess};
use testkit::socket::Socket;
use testkit::transcript;

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut server = "redis-server".to_string();
    if arguments.first().is_some_and(|first| first == "--server") && arguments.len() > 1 {
        server = arguments.remove(1);
        arguments.remove(0);
    }
    let outcomes = arguments
        .iter()
        .map(|path| (path, transcribe(&server, Path::new(path))));
    let mut code = ExitCode::SUCCESS;
    for (path, outcome) in outcomes {
        if let Err(error) = outcome {
            eprintln!("{path}: {error}");
            code = ExitCode::FAILURE;
        }
    }
    code
}

fn transcribe(server: &str, path: &Path) -> io::Result<()> {
    let program = process::find_program(server)
        .ok_or_else(|| io::Error::other(format!("no {server} on PATH")))?;
    let server = ServerProcess::redis(&program, &[])?;
    let mut socket = Socket::connect(server.address())?;
    let text = fs::read_to_string(path)?;
    let draft = transcript::parse_draft(path, &text)
        .map_err(|error| io::Error::other(error.to_string()))?;
    let answers = Player::new(&mut socket).transcribe(&draft)?;
    let mut filled = String::new();
    for (index, line) in text.lines().enumerate() {
        filled.push_str(line);
        filled.push('\n');
        for answer in answers.get(&(index + 1)).into_iter().flatten() {
            filled.push_str(answer);
            filled.push('\n');
        }
    }
    fs::write(path, filled)
}
