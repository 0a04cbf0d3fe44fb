//! `ochre server` with one more argument, `--mistake`: the one that it is to make, or `none`.

use std::ffi::OsString;
use std::process::ExitCode;

use ochredb::persistence::sabotage::{Mistake, choose};
use server::{Allocator, serve};

fn main() -> ExitCode {
    let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    assert!(
        arguments.first().is_some_and(|first| first == "server"),
        "only a server"
    );
    arguments.remove(0);
    // Where a campaign's own arguments end up is its own affair.
    let at = arguments.iter().position(|word| word == "--mistake");
    let name = at.and_then(|at| arguments.drain(at..at + 2).nth(1));
    match name.as_ref().and_then(|name| name.to_str()) {
        None | Some("none") => {}
        Some("silent-batch") => choose(Mistake::SilentBatch),
        Some("early-release") => choose(Mistake::EarlyRelease),
        Some("torn-group") => choose(Mistake::TornGroup),
        Some(other) => panic!("no such mistake: {other}"),
    }
    let allocator = Allocator {
        name: "libc",
        give_back: || {},
    };
    serve(&arguments, allocator)
}
