//! `ochre restore`: a data directory as it was at an earlier moment, in a new one.
//!
//! ```text
//!   base ──► log ──────────────┼─────────────► end
//!   first LSN            the moment
//!        └─── replayed ────────┘      ─► new base, new log from the same LSN on
//! ```
//!
//! Every command is a place where one can stop; a transaction is restored as a whole or not at
//! all. It reaches back to the oldest base that is kept. Damage behind the moment does not
//! matter, so this is also the way to save what lies before it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use crate::args::{Flag, Tool, Words};
use crate::check::report::instant;
use crate::dataset::{DataSet, Origin, Target, Wanted};
use crate::moment::{Moment, go_back, oldest};
use crate::place::{self, Names};
use crate::reading::Reading;
use crate::tool::{self, Failure};

const TOOL: Tool = Tool {
    head: "\
ochre restore: a data directory as it was at an earlier moment

  ochre restore [flags] DIR --to MOMENT --into DIR2
",
    flags: &[
        Flag {
            name: "--to",
            value: Some("MOMENT"),
            help: "an LSN, or a time: 2026-01-31T12:00:00Z or @1769860800",
        },
        Flag {
            name: "--into",
            value: Some("DIR2"),
            help: "a directory that is empty or not there yet",
        },
        Flag {
            name: "--rdb",
            value: None,
            help: "write a snapshot instead of a log with its base",
        },
        place::FOLDER,
        place::LOG,
        place::SNAPSHOT,
    ],
    tail: "
ochre check DIR shows from which LSN to which the log reaches, and its times if it has some.
It reaches back to its oldest base. Each rewrite takes a new one; a server keeps older ones as
aof-keep-generations (how many) and aof-keep-seconds (how long) tell it. A log has times if
it was written with aof-timestamp-enabled yes. Of a time, all is given back that was written up
to the end of that second. DIR is only read, and a server may run on it.

Keys keep their deadlines: what would be over by now is gone as soon as a server starts.

Example: the state before a mistake
  ochre check /var/lib/ochre
  ochre restore /var/lib/ochre --to 81920 --into /tmp/before
  ochre restore /var/lib/ochre --to 2026-11-28T09:59:59Z --into /tmp/before
",
};

/// Runs `ochre restore` with the words behind it.
pub fn restore(args: &[OsString]) -> ExitCode {
    tool::main("restore", &TOOL, args, run)
}

fn run(words: &Words) -> tool::Outcome {
    let path = PathBuf::from(words.only("DIR")?);
    let moment = words.text("--to")?.ok_or("--to LSN or TIME is missing")?;
    let moment = parse(moment).ok_or("--to: this is neither an LSN nor a time; see --help")?;
    let into = PathBuf::from(words.value("--into").ok_or("--into DIR2 is missing")?);
    let names = Names::of(words)?;
    let reading = Arc::new(Reading::new());
    let found = place::find(&path, &names)?;
    let Origin::Log(present) = Origin::find(&*reading, found, &names, Wanted::Log)? else {
        let why = "there is no log here, only a snapshot, which knows one moment only: copy it";
        return Err(Failure::Refused(why.into()));
    };
    let (first, first_secs) = oldest(&*reading, &present);
    let (inspection, stop) = go_back(&*reading, present, moment)?;
    let target = Target::new(&into, &names, words.has("--rdb"))?;
    let source = Origin::Log(inspection).into_source()?;
    let (mut data, _) = DataSet::load(reading.clone(), source)?;
    reading.wipe();
    let keys = data.write_directory(&target, stop.lsn)?;
    let time = |secs: Option<i64>| secs.map_or(String::new(), |s| format!(", {}", instant(s)));
    eprintln!(
        "{keys} keys as of LSN {}{} are in {}\nThe log reaches back to LSN {first}{}.",
        stop.lsn,
        time(stop.unix_secs),
        into.display(),
        time(first_secs),
    );
    Ok(())
}

fn parse(text: &str) -> Option<Moment> {
    if let Some(secs) = text.strip_prefix('@') {
        return secs.parse().ok().map(Moment::UnixSecs);
    }
    if let Ok(lsn) = text.parse() {
        return Some(Moment::Lsn(lsn));
    }
    let time = humantime::parse_rfc3339_weak(text).ok()?;
    let secs = time.duration_since(UNIX_EPOCH).ok()?.as_secs();
    i64::try_from(secs).ok().map(Moment::UnixSecs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_numbers_or_times() {
        assert_eq!(parse("4096"), Some(Moment::Lsn(4096)));
        let time = Some(Moment::UnixSecs(1_769_860_800));
        for text in ["@1769860800", "2026-01-31T12:00:00Z", "2026-01-31 12:00:00"] {
            assert_eq!(parse(text), time, "{text}");
        }
        for text in ["", "@", "-1", "tomorrow", "2026-01-31", "12:00"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(instant(1_769_860_800), "2026-01-31T12:00:00Z");
    }
}
