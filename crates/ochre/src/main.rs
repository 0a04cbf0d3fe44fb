//! The one executable: `ochre server`, `ochre bench`. Bare `ochre` is the server.

mod allocator;

use std::ffi::OsString;
use std::process::ExitCode;

const HELP: &str = "\
Ochre, an in-memory data store that lasts. Redis-compatible.

Usage: ochre [server] [config-file | port | -] [--name value ...]
       ochre bench [options]

  server   run the server (the default); ochre server --help
  bench    measure a server, or compare two; ochre bench --help

  -h, --help      this text
  -v, --version   the version
";

fn main() -> ExitCode {
    let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let first = arguments.first().and_then(|first| first.to_str());
    match first {
        Some("server") => {
            arguments.remove(0);
            server::serve(&arguments, allocator::ALLOCATOR)
        }
        Some("bench") => {
            let words = arguments.iter().skip(1);
            let words: Vec<String> = words.map(|w| w.to_string_lossy().into_owned()).collect();
            cli::bench::bench(&words)
        }
        Some("-h" | "--help" | "help") => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        _ => server::serve(&arguments, allocator::ALLOCATOR),
    }
}
