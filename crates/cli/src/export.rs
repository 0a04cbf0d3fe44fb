//! `ochre export`: a data set in a form that others read.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use base::Now;

use crate::args::{Flag, Tool, Words};
use crate::dataset::{DataSet, Origin, Wanted, output};
use crate::moment::{Moment, go_back};
use crate::place::{self, Names, trouble};
use crate::reading::Reading;
use crate::sinks::{CommandSink, JsonSink, RdbSink};
use crate::tool;

const TOOL: Tool = Tool {
    head: "\
ochre export: a data set in a form that others read

  ochre export [flags] DIR      what a server would serve: its log, or its snapshot
  ochre export [flags] FILE     a snapshot (.rdb) or a file with commands (.aof)
",
    flags: &[
        Flag {
            name: "--format",
            value: Some("FORMAT"),
            help: "json (a line for each key), rdb, or aof (commands)",
        },
        Flag {
            name: "--out",
            value: Some("FILE"),
            help: "a new file, instead of standard output",
        },
        Flag {
            name: "--at-lsn",
            value: Some("N"),
            help: "as it was at this place of the log; see ochre restore",
        },
        Flag {
            name: "--snapshot",
            value: None,
            help: "the snapshot, even if there is a log",
        },
        Flag {
            name: "--expired",
            value: None,
            help: "also keys whose time is over",
        },
        Flag {
            name: "--rdb-version",
            value: Some("N"),
            help: "10 for Redis 7.0, 11, or 12 for Redis 7.4 (11; 12 if fields have deadlines)",
        },
        place::FOLDER,
        place::LOG,
        place::SNAPSHOT,
    ],
    tail: "
The directory is only read, and a server may run meanwhile. Keys come in no particular order.
ochre import reads all three forms; docs/formats/json.md describes the JSON.

Examples
  ochre export /var/lib/ochre --format json | grep '\"key\":\"user:'
  ochre export /var/lib/ochre --format rdb --rdb-version 10 --out for-redis-7.0.rdb
",
};

enum Format {
    Json,
    /// In this version and no other, or in one that fits.
    Rdb(Option<u16>),
    Commands,
}

/// Runs `ochre export` with the words behind it.
pub fn export(args: &[OsString]) -> ExitCode {
    tool::main("export", &TOOL, args, run)
}

fn run(words: &Words) -> tool::Outcome {
    let path = PathBuf::from(words.only("DIR or FILE")?);
    let names = Names::of(words)?;
    let format = format(words)?;
    let at_lsn = match words.text("--at-lsn")? {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| "--at-lsn: this is no number")?),
    };
    let reading = Arc::new(Reading::new());
    let found = place::find(&path, &names)?;
    let wanted = match (words.has("--snapshot"), at_lsn) {
        (true, _) => Wanted::Snapshot,
        (false, Some(_)) => Wanted::Log,
        (false, None) => Wanted::AsServed,
    };
    let origin = Origin::find(&*reading, found, &names, wanted)?;
    let origin = match (origin, at_lsn) {
        (origin, None) => origin,
        (Origin::Snapshot(_), Some(_)) => return Err("--at-lsn needs a log".to_owned().into()),
        (Origin::Log(present), Some(lsn)) => {
            Origin::Log(go_back(&*reading, present, Moment::Lsn(lsn))?.0)
        }
    };
    let (mut data, loaded) = DataSet::load(reading.clone(), origin.into_source()?)?;
    reading.wipe();
    let live_ms = match words.has("--expired") {
        true => i64::MIN,
        false => Now::read().unix_ms(),
    };
    let out = words.value("--out");
    let keys = write(&mut data, &format, out, live_ms)?;
    let overdue = match loaded.expired {
        0 => String::new(),
        keys => format!("; {keys} keys of the snapshot are over"),
    };
    eprintln!("{keys} keys{overdue}");
    Ok(())
}

fn format(words: &Words) -> Result<Format, String> {
    let version = match words.text("--rdb-version")? {
        None => None,
        Some("12") => Some(persist::rdb::VERSION_OF_FIELD_DEADLINES),
        Some("11") => Some(persist::rdb::VERSION),
        Some("10") => Some(persist::rdb::VERSION_OF_REDIS_7_0),
        Some(_) => return Err("--rdb-version is 10, 11 or 12".into()),
    };
    match words.text("--format")? {
        Some("json") => Ok(Format::Json),
        Some("rdb") => Ok(Format::Rdb(version)),
        Some("aof") => Ok(Format::Commands),
        Some(_) => Err("--format is json, rdb or aof".into()),
        None => Err("--format json, rdb or aof is missing; see --help".into()),
    }
}

fn write(
    data: &mut DataSet,
    format: &Format,
    path: Option<&OsStr>,
    live_ms: i64,
) -> Result<u64, tool::Failure> {
    let out = output(path)?;
    let written = match format {
        Format::Json => data.walk(|_| JsonSink::new(out, live_ms)).finish(),
        Format::Commands => data.walk(|_| CommandSink::new(out, live_ms)).finish(),
        Format::Rdb(version) => {
            let wanted = version.unwrap_or(persist::rdb::VERSION);
            let sink = data.walk(|counts| {
                let sink = RdbSink::new(out, wanted, false, live_ms, counts);
                match version {
                    None => sink,
                    Some(version) => sink.in_no_other_than(*version),
                }
            });
            sink.finish().map(|(_, keys)| keys)
        }
    };
    written.map_err(|error| {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return tool::Failure::Unread;
        }
        let path = match path.filter(|path| *path != "-") {
            None => Path::new("standard output"),
            Some(path) => {
                // Half an export is worth nothing; if it cannot be removed either, so be it.
                let _ = std::fs::remove_file(path);
                Path::new(path)
            }
        };
        trouble(&error, path, "write").into()
    })
}
