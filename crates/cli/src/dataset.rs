//! A data set in this process: read from files, walked, written to a new directory.
//!
//! ```text
//!   directory, .rdb, .aof ─► Source ─► Load ─► engine ─► walk ─► Sink: JSON, RDB, AOF
//! ```
//!
//! The engine is the server's and so is the way in; there is no server. Files are opened for
//! reading only and no lock is taken, so a running server is not disturbed; what it had not
//! finished writing is not in.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::Now;
use engine::config::Config;
use engine::{
    Budget, Engine, EngineOptions, Executor, Facts, Host, NO_CAP, Progress, Restored, Sink, Threads,
};
use ochredb::persistence::{Load, Loaded, Source, rdb_end};
use persist::log::manifest::Entry;
use persist::log::{FsyncPolicy, Inspection, Log, Settings, is_outdated};
use persist::rdb::Build;
use persist::{Access, Disk, Kind, Lsn, Place, Storage, Trouble};
use store::{Counts, NewValue};

use crate::place::{Found, Names, trouble};
use crate::sinks::RdbSink;

/// An engine without a server.
pub struct DataSet {
    executor: Executor,
}

/// What the engine asks of this process.
struct Alone(Instant);

/// What of a directory to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// What a server with a log would serve: that log, unless it is marked as older than the
    /// snapshot, and the snapshot without one.
    AsServed,
    /// The log if there is one, whatever a mark says.
    Log,
    Snapshot,
}

/// What a log holds and how far it is sound; or a snapshot.
pub enum Origin {
    Log(Box<Inspection>),
    Snapshot(std::path::PathBuf),
}

impl DataSet {
    /// More than servers are told to have; an empty one costs some hundred bytes.
    pub const DATABASES: usize = 16 * 1024;

    pub fn empty() -> DataSet {
        let databases = DataSet::DATABASES.to_string();
        let change = [(&b"databases"[..], databases.as_bytes())];
        let config = Config::default().set_at_start(&change);
        let options = EngineOptions {
            config: config.expect("so many databases may be"),
            threads: Threads::One,
            // Keys are read once and nobody chooses them against us: the same walk each time.
            seed: [1, 2],
            now: Now::read(),
        };
        let engine = Engine::new(options, Arc::new(Alone(Instant::now())));
        engine.set_loading(true);
        DataSet {
            executor: engine.executor(),
        }
    }

    /// Everything that a source has.
    pub fn load(storage: Arc<dyn Storage>, source: Source) -> Result<(DataSet, Loaded), Trouble> {
        let mut data = DataSet::empty();
        let load = Load::start(storage, source, DataSet::DATABASES, Build::plainly());
        let loaded = load.finish(&mut data.executor)?;
        Ok((data, loaded))
    }

    /// Puts a key in; says no if it is there already.
    pub fn put(
        &mut self,
        database: usize,
        key: &[u8],
        value: NewValue<'_>,
        deadline_ms: Option<i64>,
    ) -> bool {
        let now = Now::read();
        let key = Restored {
            database,
            name: key,
            value,
            deadline_ms,
        };
        self.executor.restore(now, vec![key]) == 1
    }

    /// Hands every key over, whether its time is over or not, in no order that means anything.
    pub fn walk<S: Sink>(&mut self, begin: impl FnOnce(&[Counts]) -> S) -> S {
        let snapshot = self.executor.begin_snapshot(NO_CAP);
        let mut snapshot = snapshot.expect("nobody else takes one");
        let mut sink = begin(&snapshot.cut().counts);
        let budget = Budget::default();
        while self.executor.save_step(&mut snapshot, budget, &mut sink) == Progress::More {}
        sink
    }

    /// Writes a new data directory: a log that begins at `lsn` on a base, or a snapshot. Returns
    /// how many keys it has.
    pub fn write_directory(&mut self, target: &Target, lsn: Lsn) -> Result<u64, Trouble> {
        let place = &target.place;
        let made = fs::create_dir_all(&place.dir);
        made.map_err(|error| trouble(&error, &place.dir, "make the directory"))?;
        let guard = Disk.lock(&place.dir)?;
        let base = Entry {
            name: place.base_name(1),
            seq: 1,
        };
        let path = match target.is_snapshot {
            true => place.dir.join(&target.snapshot),
            false => {
                Disk.create_dir(&place.log_dir())?;
                Disk.sync_dir(&place.dir)?;
                place.file(&base.name)
            }
        };
        let keys = self.write_rdb(&path, !target.is_snapshot, persist::rdb::VERSION)?;
        Disk.sync_dir(path.parent().unwrap_or(&place.dir))?;
        if !target.is_snapshot {
            let settings = Settings::new(FsyncPolicy::No);
            let log = Log::create(Arc::new(Disk), place, Some(base), lsn, settings)?;
            let clock_us = || Now::read().mono_us;
            log.close(clock_us() / 1000, &clock_us)?;
        }
        drop(guard);
        Ok(keys)
    }

    /// Writes a snapshot to a new file, durably but for its name.
    pub fn write_rdb(&mut self, path: &Path, is_base: bool, version: u16) -> Result<u64, Trouble> {
        let file = create(path)?;
        let keeps_overdue = i64::MIN;
        let sink = self.walk(|counts| RdbSink::new(file, version, is_base, keeps_overdue, counts));
        let done = sink.finish().and_then(|(file, keys)| {
            file.sync_all()?;
            Ok(keys)
        });
        done.map_err(|error| trouble(&error, path, "write"))
    }
}

/// A directory that is to be written.
pub struct Target {
    place: Place,
    snapshot: String,
    is_snapshot: bool,
}

impl Target {
    /// A directory that is not there yet, or has nothing in it.
    pub fn new(dir: &Path, names: &Names, is_snapshot: bool) -> Result<Target, Trouble> {
        let names_there = match Disk.list(dir) {
            Err(trouble) if trouble.kind == Kind::Missing => Vec::new(),
            names => names?,
        };
        let stranger = names_there.iter().find(|name| *name != "ochre.lock");
        if let Some(name) = stranger {
            let what = format!("the directory is not empty: there is {name}");
            return Err(Trouble::new(Kind::Exists, dir, what));
        }
        Ok(Target {
            place: names.place(dir),
            snapshot: names.snapshot.clone(),
            is_snapshot,
        })
    }
}

impl Origin {
    /// What a path leads to.
    pub fn find(
        storage: &dyn Storage,
        found: Found,
        names: &Names,
        wanted: Wanted,
    ) -> Result<Origin, Trouble> {
        let place = match found {
            Found::Snapshot(path) => return Ok(Origin::Snapshot(path)),
            Found::Commands(path) => {
                let inspection = Inspection::of_file(storage, &path, &mut rdb_end);
                return Ok(Origin::Log(Box::new(inspection)));
            }
            Found::Directory(place) | Found::Log(place) => place,
        };
        storage.list(&place.dir)?;
        let wants_log = match wanted {
            Wanted::AsServed => !is_outdated(storage, &place)?,
            Wanted::Log => true,
            Wanted::Snapshot => false,
        };
        if wants_log {
            let inspection = settled(storage, &place)?;
            if inspection.damage.is_some() || !inspection.recovery.is_empty() {
                return Ok(Origin::Log(Box::new(inspection)));
            }
        }
        let snapshot = place.dir.join(&names.snapshot);
        match storage.open(&snapshot, Access::Read) {
            Ok(_) => Ok(Origin::Snapshot(snapshot)),
            Err(trouble) if trouble.kind == Kind::Missing => {
                let what = match wants_log {
                    true => "there is neither a log nor a snapshot here",
                    false if wanted == Wanted::Snapshot => "there is no snapshot here",
                    false => "the log is marked as older than the snapshot, which is not here",
                };
                Err(Trouble::new(Kind::Missing, &place.dir, what))
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// All of it, if it is sound. Tells what an unfinished end loses.
    pub fn into_source(self) -> Result<Source, Trouble> {
        match self {
            Origin::Snapshot(path) => Ok(Source::Snapshot(path)),
            Origin::Log(inspection) => {
                let Inspection { recovery, damage } = *inspection;
                damage.map_or(Ok(()), Err)?;
                if let Some(cut) = recovery.cut() {
                    eprintln!("The log's end is unfinished and left out: {cut}");
                }
                Ok(Source::Log(Box::new(recovery)))
            }
        }
    }
}

/// A log at rest. What a running server is writing looks unfinished for a moment, or damaged, and
/// a rewrite takes files away: then look again.
fn settled(storage: &dyn Storage, place: &Place) -> Result<Inspection, Trouble> {
    const LOOKS: usize = 10;
    let look = || Inspection::of_log(storage, place, &mut rdb_end);
    let mut inspection = look();
    for _ in 1..LOOKS {
        let is_whole = inspection.damage.is_none() && inspection.recovery.cut().is_none();
        if is_whole || Disk::owner(&place.dir)?.is_none() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
        inspection = look();
    }
    Ok(inspection)
}

/// A new file; what is there is not overwritten.
pub fn create(path: &Path) -> Result<File, Trouble> {
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    file.map_err(|error| trouble(&error, path, "make the file"))
}

/// Where a tool writes: a new file, or standard output.
pub fn output(path: Option<&OsStr>) -> Result<Box<dyn Write>, Trouble> {
    match path.filter(|path| *path != "-") {
        None => Ok(Box::new(std::io::stdout())),
        Some(path) => Ok(Box::new(create(Path::new(path))?)),
    }
}

impl Host for Alone {
    fn monotonic_ns(&self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }

    fn codec(&self) -> Option<&dyn engine::Codec> {
        Some(&ochredb::RdbCodec)
    }

    fn sleep_us(&self, us: u64, _now: Now) -> Now {
        std::thread::sleep(Duration::from_micros(us));
        Now::read()
    }

    fn shutdown(&self, _how: engine::Shutdown) -> Result<(), String> {
        Err("there is no server".into())
    }

    fn facts(&self) -> Facts {
        Facts::default()
    }
}
