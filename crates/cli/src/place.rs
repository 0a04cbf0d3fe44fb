//! Where a data set lies: a data directory, or one file of it.
//!
//! ```text
//!   a directory with a log or a snapshot     Directory
//!   a log's own directory, its manifest      Log
//!   REDIS…, VALKEY…                          Snapshot     unless commands follow it: .aof
//!   anything else                            Commands
//! ```

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use persist::{Place, Trouble};

use crate::args::{Flag, Words};

/// What a path leads to.
pub enum Found {
    /// A data directory: perhaps a log, perhaps a snapshot.
    Directory(Place),
    /// A log alone.
    Log(Place),
    /// A snapshot alone.
    Snapshot(PathBuf),
    /// A file with commands alone.
    Commands(PathBuf),
}

/// The names in a data directory, as a configuration gives them.
pub struct Names {
    pub folder: String,
    pub log: String,
    pub snapshot: String,
}

pub const FOLDER: Flag = Flag {
    name: "--appenddirname",
    value: Some("NAME"),
    help: "the log's directory (appendonlydir)",
};
pub const LOG: Flag = Flag {
    name: "--appendfilename",
    value: Some("NAME"),
    help: "what its files' names begin with (appendonly.aof)",
};
pub const SNAPSHOT: Flag = Flag {
    name: "--dbfilename",
    value: Some("NAME"),
    help: "the snapshot (dump.rdb)",
};

impl Names {
    pub fn of(words: &Words) -> Result<Names, String> {
        let name = |flag: &Flag, usual: &str| {
            let name = words.text(flag.name)?.unwrap_or(usual);
            if name.is_empty() || name.contains(['/', '\0']) {
                return Err(format!("{}: {name:?} is no name", flag.name));
            }
            Ok(name.to_owned())
        };
        Ok(Names {
            folder: name(&FOLDER, "appendonlydir")?,
            log: name(&LOG, "appendonly.aof")?,
            snapshot: name(&SNAPSHOT, "dump.rdb")?,
        })
    }

    pub fn place(&self, dir: &Path) -> Place {
        Place {
            dir: dir.to_owned(),
            folder: self.folder.clone(),
            name: self.log.clone(),
        }
    }
}

/// Looks at what a path leads to.
pub fn find(path: &Path, names: &Names) -> Result<Found, Trouble> {
    if path.is_dir() {
        let inside = path.join(format!("{}.manifest", names.log));
        return Ok(match log_of_manifest(&inside) {
            Some(place) if inside.exists() => Found::Log(place),
            _ => Found::Directory(names.place(path)),
        });
    }
    let mut front = [0; 6];
    let read = File::open(path).and_then(|mut file| file.read(&mut front));
    read.map_err(|error| trouble(&error, path, "read"))?;
    let ends_with = |end| path.extension() == Some(OsStr::new(end));
    if ends_with("manifest") {
        let what = "its directories are not known: name it by its whole path";
        return log_of_manifest(path)
            .map(Found::Log)
            .ok_or_else(|| Trouble::new(persist::Kind::System, path, what));
    }
    let is_snapshot = front.starts_with(b"REDIS") || front.starts_with(b"VALKEY");
    Ok(match is_snapshot && !ends_with("aof") || ends_with("rdb") {
        true => Found::Snapshot(path.to_owned()),
        false => Found::Commands(path.to_owned()),
    })
}

/// The log whose manifest this is.
fn log_of_manifest(path: &Path) -> Option<Place> {
    let path = std::path::absolute(path).ok()?;
    let folder = path.parent()?;
    let name = path.file_name()?.to_str()?.strip_suffix(".manifest")?;
    Some(Place {
        dir: folder.parent()?.to_owned(),
        folder: folder.file_name()?.to_str()?.to_owned(),
        name: name.to_owned(),
    })
}

/// What the system refused, in our terms; `doing` is an infinitive.
pub fn trouble(error: &std::io::Error, path: &Path, doing: &str) -> Trouble {
    use std::io::ErrorKind;
    let kind = match error.kind() {
        ErrorKind::NotFound => persist::Kind::Missing,
        ErrorKind::AlreadyExists => persist::Kind::Exists,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => persist::Kind::Denied,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => persist::Kind::Full,
        _ => persist::Kind::System,
    };
    Trouble::new(kind, path, format!("cannot {doing}: {error}"))
}
