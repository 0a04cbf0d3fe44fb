//! The one executable: the server and the tools beside it. Bare `ochre` is the server.

mod allocator;

use std::ffi::OsString;
use std::process::ExitCode;

const HELP: &str = "\
Ochre, an in-memory data store that lasts. Redis-compatible.

Usage: ochre [server] [config-file | port | -] [--name value ...]
       ochre TOOL [options]

  server    run the server (the default); ochre server --help
  bench     measure a server, or compare two
  check     look whether a data directory or a file of it is whole
  export    write a data set as JSON lines, RDB or commands
  import    make a data directory of such a file
  restore   make a data directory as one was at an earlier moment
            ochre TOOL --help tells more

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
        Some("check") => cli::check::check(&arguments[1..]),
        Some("export") => cli::export::export(&arguments[1..]),
        Some("import") => cli::import::import(&arguments[1..]),
        Some("restore") => cli::restore::restore(&arguments[1..]),
        Some("-h" | "--help" | "help") => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        _ => server::serve(&arguments, allocator::ALLOCATOR),
    }
}
