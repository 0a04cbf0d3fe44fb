//! Chores of the workspace: `cargo run -p xtask -- <chore>`.
//!
//! ```text
//!   tidy   read every file and say which rules of the house it breaks
//! ```
//!
//! A chore is a module with one entry point. This crate depends on the standard library alone, so
//! that it builds in a second and a chore never waits for the crates it looks at.

mod tidy;

use std::path::Path;
use std::process::ExitCode;

const HELP: &str = "\
Usage: cargo run -p xtask -- tidy

  tidy   check the rules that the compiler does not: floors, sizes, words, links
";

fn main() -> ExitCode {
    let chore = std::env::args().nth(1);
    match chore.as_deref() {
        Some("tidy") => tidy::run(workspace()),
        Some("-h" | "--help" | "help") => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        _ => {
            eprint!("{HELP}");
            ExitCode::FAILURE
        }
    }
}

/// The folder that holds the workspace's `Cargo.toml`.
fn workspace() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("this crate lies inside the workspace")
}
