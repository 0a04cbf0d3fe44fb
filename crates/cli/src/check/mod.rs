//! `ochre check`: is a data directory, or one of its files, whole?
//!
//! ```text
//!   manifest ─► base ─► log files in order ─► how the last one ends        first damage of each,
//!   snapshot ─► header, keys, checksum                                     and the verdict
//! ```
//!
//! It looks with the server's own reader, so what it calls valid loads. Nothing is changed but by
//! `--fix`, which cuts an unfinished end off as a starting server would, under the directory's
//! lock. Damage in the middle is told and left alone. Beside a running server it reads what that
//! is writing; what looks wrong then is looked at again before it is reported.

mod inspect;
pub mod report;

use std::ffi::OsString;
use std::io::{BufRead, Write, stderr, stdin, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use persist::{Disk, Guard, Storage, Trouble};

use crate::args::{Asked, Flag, Tool, Words};
use crate::place::{self, Found, Names};
use crate::reading::Reading;
use inspect::Inspector;
use report::{Report, Torn, Verdict};

const UNREADABLE: u8 = 3;

const TOOL: Tool = Tool {
    head: "\
ochre check: is a data directory, or one of its files, whole?

  ochre check [flags] DIR       the log and the snapshot in it
  ochre check [flags] FILE      a snapshot (.rdb), a log's manifest, a file with commands (.aof)
",
    flags: &[
        Flag {
            name: "--fix",
            value: None,
            help: "cut an unfinished end off, after asking",
        },
        Flag {
            name: "--yes",
            value: None,
            help: "with --fix: do not ask",
        },
        Flag {
            name: "--json",
            value: None,
            help: "the report as JSON",
        },
        place::FOLDER,
        place::LOG,
        place::SNAPSHOT,
    ],
    tail: "
Exit status
  0  valid
  1  valid but for an unfinished end, which a crash leaves; a server cuts it off at its start
  2  damaged
  3  there is nothing that could be read, or the command line is wrong

Every checksum is verified. A server may run meanwhile; --fix needs it stopped. Damage in the
middle of a file is never touched: restore a backup, or write what lies before the damage into
a new directory with ochre restore.
",
};

/// Runs `ochre check` with the words behind it.
pub fn check(args: &[OsString]) -> ExitCode {
    let outcome = match TOOL.parse(args) {
        Ok(Asked::Help(text)) => print(&text).map(|()| 0),
        Ok(Asked::Run(words)) => run(&words),
        Err(why) => Err(why),
    };
    match outcome {
        Ok(status) => ExitCode::from(status),
        Err(why) => {
            eprintln!("ochre check: {why}");
            ExitCode::from(UNREADABLE)
        }
    }
}

fn run(words: &Words) -> Result<u8, String> {
    let path = PathBuf::from(words.only("DIR or FILE")?);
    let names = Names::of(words)?;
    if words.has("--yes") && !words.has("--fix") {
        return Err("--yes goes with --fix".into());
    }
    let reading = Reading::new();
    let found = place::find(&path, &names).map_err(|trouble| trouble.to_string())?;
    let inspector = Inspector {
        storage: &reading,
        path: &path,
        found: &found,
        names: &names,
    };
    let mut report = settled(&inspector)?;
    reading.wipe();
    if words.has("--json") {
        let json = report.to_json();
        if !words.has("--fix") {
            print(&(json + "\n"))?;
            return Ok(report.status());
        }
    } else {
        print(&report.to_text())?;
    }
    if words.has("--fix") {
        report = fix(&inspector, report, words.has("--yes"))?;
        if words.has("--json") {
            print(&(report.to_json() + "\n"))?;
        }
    }
    Ok(report.status())
}

/// What a running server was just doing is not what it has done: then look again.
fn settled(inspector: &Inspector<'_>) -> Result<Report, String> {
    const LOOKS: usize = 5;
    let text = |trouble: Trouble| trouble.to_string();
    for _ in 1..LOOKS {
        let report = inspector.report().map_err(text)?;
        if report.server.is_none() || report.verdict == Verdict::Valid {
            return Ok(report);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    inspector.report().map_err(text)
}

/// Cuts an unfinished end off.
fn fix(inspector: &Inspector<'_>, before: Report, is_agreed: bool) -> Result<Report, String> {
    match before.verdict {
        Verdict::Valid => return Ok(before),
        Verdict::Damaged => {
            eprintln!("ochre check: --fix cuts unfinished ends only; nothing was changed");
            return Ok(before);
        }
        Verdict::Torn => {}
    }
    let text = |trouble: Trouble| trouble.to_string();
    let _guards = lock(inspector.path, inspector.found).map_err(text)?;
    // Nobody writes any more: this is what will be cut.
    let now = inspector.report().map_err(text)?;
    let Some(torn) = now.torn.as_ref().filter(|_| now.verdict == Verdict::Torn) else {
        return Ok(now);
    };
    if !is_agreed && !asks(torn) {
        eprintln!("ochre check: nothing was changed");
        return Ok(now);
    }
    inspector.cut_off().map_err(text)?;
    eprintln!("ochre check: {} was cut at byte {}", torn.file, torn.offset);
    inspector.report().map_err(text)
}

/// The lock of the data directory. A file alone belongs to one if a lock lies beside or above it.
fn lock(path: &Path, found: &Found) -> Result<Vec<Box<dyn Guard>>, Trouble> {
    let dirs = match found {
        Found::Directory(place) | Found::Log(place) => vec![place.dir.clone()],
        Found::Snapshot(_) | Found::Commands(_) => lockable(path),
    };
    dirs.iter().map(|dir| Disk.lock(dir)).collect()
}

/// The directories that a server may have locked if this file is its.
pub fn lockable(path: &Path) -> Vec<PathBuf> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let above = path.ancestors().skip(1).take(2);
    let locked = above.filter(|dir| dir.join("ochre.lock").exists());
    locked.map(Path::to_owned).collect()
}

fn asks(torn: &Torn) -> bool {
    let mut answer = String::new();
    let _ = write!(
        stderr(),
        "Cut {} at byte {} ({} bytes, {} whole commands)? [y/N] ",
        torn.file,
        torn.offset,
        torn.bytes,
        torn.commands
    );
    // No answer is no.
    let _ = stdin().lock().read_line(&mut answer);
    matches!(answer.trim(), "y" | "Y" | "yes")
}

/// Writes to standard output. Whoever stopped reading wants no more.
pub fn print(text: &str) -> Result<(), String> {
    let mut out = stdout().lock();
    let outcome = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match outcome {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(format!("cannot write the report: {error}"))
        }
        _ => Ok(()),
    }
}
