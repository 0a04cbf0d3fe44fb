//! Persistence: one engine, and what is kept of it on disk.
//!
//! ```text
//!   engine ─ effects ─► Persistence ─► persist::Log ─► committer (thread) ─► durable
//!            begin/step ◄── Save: walk, encode ─► queue ─► writer (thread) ─► dump.rdb, base
//!   open ─► reader (thread) ─► queue ─► Load: restore, replay
//! ```
//!
//! `engine` and `persist` do not know each other; here they meet. A driver (the server's loops,
//! an embedded handle's thread) lends its executor: [`Load::step`] until everything is back, then
//! [`Persistence::drive`] now and then, which begins snapshots and takes them on by slices. What
//! waits for the disk is done by threads of this module: they read, write and sync, and touch no
//! shard.
//!
//! The log is always there, and `persist::Log` knows whether it is on, full, broken, or off
//! (`appendonly no`), and says so to every command that wants to write. It can be switched while
//! everything goes on (`switch.rs`).
//!
//! Invariants: whatever a reply shows has been handed to the log before; under `always` it is
//! durable before the reply leaves ([`Persistence::released`]); the directory has one owner.

mod batch;
mod commits;
mod committer;
mod load;
mod outcome;
mod priority;
mod queue;
mod reload;
#[cfg_attr(not(feature = "sabotage"), allow(dead_code))]
pub mod sabotage;
mod save;
mod scribe;
mod source;
mod switch;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use base::Now;
use engine::config::{self, Config};
use engine::effect::{Effects, Piece};
use engine::latency::Monitor;
use engine::{Admission, Executor, Kept, Keys, LogMode, Lsn, SaveRequest};
use parking_lot::Mutex;
use persist::log::{FsyncPolicy, Keep, Log, Refusal, Settings, fresh_base, is_outdated};
use persist::{Guard, Place, Storage, Trouble};
use store::KeyHasher;

pub use load::{Load, Loaded, Progress};
pub use save::Driven;
pub use source::{Bytes, Source, rdb_end};

use commits::{Beside, Commits};
use committer::Committer;
use outcome::Outcomes;
use sabotage::Mistake;
use save::Save;
use switch::{Phase, Switch};

/// Who is told what happens below.
pub trait Watcher: Send + Sync {
    /// The log is durable further than before: replies may go.
    fn durable(&self);
    /// What waited for room, or for a snapshot, may look again.
    fn wake_all(&self);
    /// A line for the log file.
    fn log(&self, warning: bool, line: &str);
}

/// The persistence of one engine.
pub struct Persistence {
    storage: Arc<dyn Storage>,
    place: Place,
    watcher: Arc<dyn Watcher>,
    /// On or off, once everything has been read.
    log: OnceLock<Arc<Log>>,
    /// [`LogMode`], as of the phase and the configuration.
    mode: AtomicU8,
    switch: Mutex<Switch>,
    /// `appendonly`.
    is_wanted: AtomicBool,
    committer: Committer,
    /// The snapshot under way.
    save: Mutex<Option<Save>>,
    requests: Requests,
    outcomes: Outcomes,
    commits: Commits,
    /// Where the cut that is being made lies in the log.
    cut_rotates: AtomicBool,
    /// Held as long as the directory is ours.
    guard: Mutex<Option<Box<dyn Guard>>>,
}

/// What clients have asked for and nobody has begun.
#[derive(Default)]
struct Requests {
    snapshot: AtomicBool,
    rewrite: AtomicBool,
    /// Where the log is to be durable before a rewrite begins; 0 for nowhere.
    synced_first: AtomicU64,
    /// SAVE calls so far; each waits for a snapshot that began after it.
    tickets: AtomicU64,
}

impl Requests {
    fn of(&self, kind: save::Kind) -> &AtomicBool {
        match kind {
            save::Kind::Snapshot => &self.snapshot,
            save::Kind::Rewrite => &self.rewrite,
        }
    }
}

/// A directory that was opened, and what is to be read from it.
pub struct Opened {
    pub persistence: Arc<Persistence>,
    pub load: Load,
}

impl Persistence {
    /// Opens the directory of a configuration: takes its lock and finds out what is there. With
    /// neither a log nor snapshots asked for, nothing is locked and only a snapshot is read.
    pub fn open(
        storage: Arc<dyn Storage>,
        config: &Config,
        watcher: Arc<dyn Watcher>,
    ) -> Result<Opened, Trouble> {
        let live = &config.live;
        let place = Place {
            dir: live.dir.clone(),
            folder: text(&live.appenddirname),
            name: text(&live.appendfilename),
        };
        let keeps = live.appendonly || !live.save_points.is_empty();
        let guard = match keeps {
            true => Some(storage.lock(&place.dir)?),
            false => None,
        };
        if guard.is_some() {
            save::remove_leftovers(&*storage, &place);
        }
        let source = source::find(&*storage, &place, live)?;
        if live.appendonly && is_outdated(&*storage, &place)? {
            let line = "The log is not read: the snapshot was taken later, while the log was off";
            watcher.log(true, line);
        }
        let persistence = Arc::new(Persistence {
            storage: storage.clone(),
            place,
            watcher,
            log: OnceLock::new(),
            mode: AtomicU8::new(LogMode::Off as u8),
            switch: Mutex::default(),
            is_wanted: AtomicBool::new(false),
            committer: Committer::default(),
            save: Mutex::new(None),
            requests: Requests::default(),
            outcomes: Outcomes::default(),
            commits: Commits::default(),
            cut_rotates: AtomicBool::new(false),
            guard: Mutex::new(guard),
        });
        let build = crate::codec::build(secret_of_loaded(), live);
        let load = Load::start(storage, source, live.databases as usize, build);
        Ok(Opened { persistence, load })
    }

    /// Everything is back: from here on changes are logged, if the configuration says so.
    pub fn begin(self: &Arc<Persistence>, config: &Config, loaded: &Loaded) -> Result<(), Trouble> {
        self.outcomes.loaded(loaded, Now::read());
        self.note(config);
        let settings = settings(config);
        let storage = self.storage.clone();
        if !config.live.appendonly {
            let log = Log::off(storage, &self.place, settings);
            assert!(self.log.set(Arc::new(log)).is_ok(), "begun once");
            return Ok(());
        }
        let log = match (&loaded.recovery, &loaded.snapshot) {
            (Some(recovery), _) => Log::open(storage, recovery, settings)?,
            (None, Some(snapshot)) => self.log_on_snapshot(snapshot, settings)?,
            (None, None) => Log::create(storage, &self.place, None, 0, settings)?,
        };
        self.outcomes.log_began(loaded.log_bytes());
        log.tell_time(unix_secs(Now::read()));
        let log = Arc::new(log);
        assert!(self.log.set(log.clone()).is_ok(), "begun once");
        self.switch.lock().phase = Phase::On;
        self.is_wanted.store(true, Ordering::Release);
        self.settle(false);
        self.start_committer(log)
    }

    fn start_committer(self: &Arc<Persistence>, log: Arc<Log>) -> Result<(), Trouble> {
        self.committer.start(self.clone(), log).map_err(|error| {
            let what = format!("cannot start the log's thread: {error}");
            Trouble::new(persist::Kind::System, &self.place.dir, what)
        })
    }

    /// What takes long is told to this monitor from here on.
    pub fn watched_by(&self, monitor: Arc<Monitor>) {
        self.commits.watched_by(monitor);
    }

    /// A log whose base is a copy of the snapshot that was read, as there was no log or an older
    /// one: otherwise the next start would find a log, and only what came after.
    fn log_on_snapshot(&self, snapshot: &Path, settings: Settings) -> Result<Log, Trouble> {
        match self.storage.create_dir(&self.place.log_dir()) {
            Err(trouble) if trouble.kind != persist::Kind::Exists => return Err(trouble),
            _ => self.storage.sync_dir(&self.place.dir)?,
        }
        let base = fresh_base(&*self.storage, &self.place)?;
        save::copy(&*self.storage, snapshot, &self.place.file(&base.name))?;
        self.storage.sync_dir(&self.place.log_dir())?;
        Log::create(self.storage.clone(), &self.place, Some(base), 0, settings)
    }

    // ---- the host's side ---------------------------------------------------

    #[inline]
    pub fn log_mode(&self) -> LogMode {
        match self.mode.load(Ordering::Acquire) {
            0 => LogMode::Off,
            1 => LogMode::Appended,
            _ => LogMode::Awaited,
        }
    }

    #[inline]
    pub fn append(&self, effects: &Effects) -> Lsn {
        match self.log() {
            Some(log) if sabotage::makes(Mistake::TornGroup) => {
                Lsn(sabotage::append_torn(log, effects))
            }
            Some(log) => {
                let mut appender = log.appender();
                for piece in effects.pieces() {
                    match piece {
                        Piece::Singles { database, bytes } => appender.singles(database, bytes),
                        Piece::Group(effects) => appender.group(effects),
                    }
                }
                let end = appender.end();
                self.committer.pace.appended(effects.groups());
                Lsn(end)
            }
            None => Lsn(0),
        }
    }

    /// May a command write, of about so many bytes?
    pub fn admit(&self, bytes: usize, config: &Config) -> Admission {
        if config.live.stop_writes_on_bgsave_error && self.outcomes.snapshot_failed(config) {
            return Admission::Refused(SNAPSHOT_FAILED.into());
        }
        let Some(log) = self.log() else {
            return Admission::Open;
        };
        match log.admit(bytes as u64) {
            Ok(()) => Admission::Open,
            Err(Refusal::Crowded) => {
                self.outcomes.crowd();
                self.committer.kick();
                Admission::Wait
            }
            Err(refusal) => {
                Admission::Refused(format!("MISCONF Errors writing to the AOF file: {refusal}"))
            }
        }
    }

    #[inline]
    pub fn snapshot_failed(&self) -> bool {
        self.outcomes.has_failed()
    }

    pub fn log_end(&self) -> Lsn {
        Lsn(self.log().map_or(0, |log| log.appended_lsn()))
    }

    /// A snapshot is being cut; all shards are held.
    pub fn cut(&self) -> Lsn {
        match self.log() {
            Some(log) if self.cut_rotates.swap(false, Ordering::AcqRel) => self.cut_and_rotate(log),
            Some(log) => Lsn(log.appended_lsn()),
            None => Lsn(0),
        }
    }

    // ---- the driver's side -------------------------------------------------

    /// A batch is over: see that what it appended gets to the file. Without `always` it is
    /// written at once, so that the death of this process takes nothing; with it, the committer
    /// is woken when a commit is due. If that is not yet, but in so many microseconds, the caller
    /// must come again then. `began`: the mode before the batch. Under another one than `always`
    /// it executed without holding replies back, and they rely on the file even if the mode has
    /// changed since; where that is `always` by now, on its sync too.
    pub fn end_batch(&self, began: LogMode, now: Now) -> Option<u64> {
        let mode = self.log_mode();
        if mode == LogMode::Off || sabotage::makes(Mistake::SilentBatch) {
            return None;
        }
        let log = self.log()?;
        let has_risen = mode == LogMode::Awaited && began != mode;
        // Another loop may have written it, and synced nothing.
        let reached = match has_risen {
            true => log.durable_lsn(),
            false => log.written_lsn(),
        };
        if log.appended_lsn() == reached {
            return None;
        }
        if mode == LogMode::Awaited && !has_risen {
            return self.committer.kick_in_time(now.mono_us);
        }
        log.tell_time(unix_secs(now));
        self.write_out(log);
        if has_risen {
            self.sync_out(log);
        }
        None
    }

    /// Syncs what has been written, here and now.
    fn sync_out(&self, log: &Log) {
        match log.sync_now(now_ms(), &clock_us) {
            Ok(committed) => self.outcomes.committed(&committed),
            Err(trouble) => self.broken(&trouble),
        }
        // Others may wait for the same.
        self.committer.tell();
        self.watcher.durable();
    }

    /// Writes what has been appended. Behind the place where the log turns to a new file nothing
    /// can be written before it has turned: that is waited for, since replies follow.
    fn write_out(&self, log: &Log) {
        let end = log.appended_lsn();
        loop {
            let groups = self.committer.pace.groups();
            let began = self.commits.clock_us().map(|us| (us, self.beside()));
            match log.write() {
                Ok(committed) => {
                    self.outcomes.wrote(committed.bytes);
                    self.commits.wrote(committed.bytes, groups, began);
                    if committed.awaits_rotation {
                        self.committer.kick();
                    }
                    // Without room it is kept, and written later.
                    if !committed.awaits_rotation || log.written_lsn() >= end {
                        return;
                    }
                }
                Err(trouble) => return self.broken(&trouble),
            }
            if self.committer.is_stopping() {
                return;
            }
            self.committer.wait_for_news(None);
        }
    }

    /// What goes on beside a write of the loops.
    fn beside(&self) -> Beside {
        if self.committer.is_awake() {
            Beside::Sync
        } else if self.save.try_lock().is_none_or(|save| save.is_some()) {
            Beside::Snapshot
        } else {
            Beside::Nothing
        }
    }

    /// May replies that depend on the log up to `gate` be sent? Whoever wrote under another mode
    /// than this one has left to others what this one asks for, and so it is asked for here.
    #[inline]
    pub fn released(&self, gate: Lsn) -> bool {
        gate.0 == 0 || gate.0 <= self.reached() || sabotage::makes(Mistake::EarlyRelease)
    }

    /// How far replies may go at present: changes whenever [`Persistence::released`] may answer
    /// otherwise than before.
    pub fn progress(&self) -> u64 {
        let mode = self.log_mode();
        match mode == LogMode::Off || self.is_broken() {
            true => u64::MAX,
            // What is written in one mode, and durable in the next, is the same place twice.
            false => self.reached() << 1 | u64::from(mode == LogMode::Awaited),
        }
    }

    /// Everything before this is as safe as the mode promises.
    #[inline]
    fn reached(&self) -> u64 {
        let Some(log) = self.log() else {
            return u64::MAX;
        };
        match self.log_mode() {
            LogMode::Off => u64::MAX,
            LogMode::Appended => log.written_lsn(),
            LogMode::Awaited => log.durable_lsn(),
        }
    }

    /// Waits until replies up to `gate` may go, or the log cannot go on. Returns whether they may.
    pub fn await_release(&self, gate: Lsn) -> bool {
        while !self.released(gate) {
            if self.is_broken() {
                return false;
            }
            let left_us = self.committer.kick_in_time(clock_us());
            self.committer.wait_for_news(left_us);
        }
        true
    }

    /// Can replies that wait for the log never be sent?
    pub fn is_broken(&self) -> bool {
        self.log().is_some_and(|log| log.is_broken())
    }

    /// Begins a snapshot if one is due or was asked for, and takes the present one on by a
    /// slice. For one thread at a time, with its executor.
    pub fn drive(&self, executor: &mut Executor, now: Now) -> Driven {
        save::drive(self, executor, now)
    }

    // ---- what clients ask for ----------------------------------------------

    /// BGSAVE, BGREWRITEAOF, SAVE. Returns the ticket by which [`Persistence::is_saved`] tells
    /// when a snapshot that was taken after this call is whole; or the error line.
    pub fn request(&self, request: SaveRequest, config: &Config) -> Result<u64, String> {
        let busy = self.outcomes.under_way();
        let is_asked_for = |kind| self.requests.of(kind).load(Ordering::Acquire);
        match request {
            SaveRequest::Background { schedule } => {
                if busy == Some(save::Kind::Snapshot) || is_asked_for(save::Kind::Snapshot) {
                    return Err("ERR Background save already in progress".into());
                }
                if busy == Some(save::Kind::Rewrite) && !schedule {
                    return Err(
                        "ERR Another child process is active (AOF?): can't BGSAVE right \
                                now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever \
                                possible."
                            .into(),
                    );
                }
                self.requests.snapshot.store(true, Ordering::Release);
            }
            SaveRequest::Rewrite => {
                if !config.live.appendonly {
                    return Err("ERR there is no log to rewrite: appendonly is off".into());
                }
                if busy == Some(save::Kind::Rewrite) || is_asked_for(save::Kind::Rewrite) {
                    return Err(
                        "ERR Background append only file rewriting already in progress".into(),
                    );
                }
                self.requests.rewrite.store(true, Ordering::Release);
            }
            SaveRequest::Wait => {
                if busy == Some(save::Kind::Snapshot) {
                    return Err("ERR Background save already in progress".into());
                }
                self.requests.snapshot.store(true, Ordering::Release);
            }
        }
        Ok(self.requests.tickets.fetch_add(1, Ordering::AcqRel) + 1)
    }

    /// What became of the snapshot that a ticket waits for, if it is over: the error's text.
    pub fn is_saved(&self, ticket: u64) -> Option<Result<(), String>> {
        self.outcomes.of_ticket(ticket)
    }

    /// DEBUG RELOAD and LOADAOF: what a start would serve, or an error line. All shards are held.
    pub fn read_back(&self, kept: Kept<'_>, config: &Config) -> Result<Box<dyn Keys>, String> {
        reload::read_back(self, kept, config)
    }

    pub fn facts(&self, now: Now, changes: u64) -> engine::PersistenceFacts {
        let mut facts = self.outcomes.facts(now, changes);
        self.tell_of_requests(&mut facts);
        if let Some(log) = self.log().filter(|_| self.is_wanted()) {
            // A log that is not yet on waits for its rewrite, also in the moment between the cut
            // and the writer's thread.
            facts.rewrite_scheduled |= !self.is_on() && facts.rewrite_running_secs.is_none();
            facts.log = Some(engine::LogFacts {
                appended: log.appended_lsn(),
                written: log.written_lsn(),
                durable: log.durable_lsn(),
                current_bytes: self.outcomes.log_bytes(),
                base_bytes: self.outcomes.base_bytes(),
                error: log.trouble(),
                ..self.commits.facts(self.outcomes.syncs())
            });
        }
        facts
    }

    /// What was asked for begins at once, unless something else is under way: to the one who asked
    /// it has begun.
    fn tell_of_requests(&self, facts: &mut engine::PersistenceFacts) {
        let is_asked_for = |kind| self.requests.of(kind).load(Ordering::Acquire);
        let is_idle = facts.snapshot_running_secs.is_none() && facts.rewrite_running_secs.is_none();
        if is_idle && is_asked_for(save::Kind::Snapshot) {
            facts.snapshot_running_secs = Some(0);
        }
        if is_asked_for(save::Kind::Rewrite) {
            if is_idle {
                facts.rewrite_running_secs = Some(0);
            } else {
                facts.rewrite_scheduled = true;
            }
        }
    }

    /// A new configuration. Refused if it cannot take effect.
    pub fn configure(
        self: &Arc<Persistence>,
        old: &Config,
        new: &Config,
    ) -> Result<(), (&'static str, String)> {
        let switched = match (old.live.appendonly, new.live.appendonly) {
            (false, true) => self.switch_on(),
            (true, false) => self.switch_off(),
            (true, true) | (false, false) => Ok(()),
        };
        switched.map_err(|trouble| ("appendonly", trouble.to_string()))?;
        if let Some(log) = self.log() {
            log.set_timestamps(new.live.aof_timestamp_enabled);
            log.set_keep(keep(new));
        }
        self.note(new);
        self.settle(self.outcomes.under_way().is_some());
        Ok(())
    }

    /// The last snapshot, unless nothing has changed since the one before. Returns when it is
    /// whole.
    pub fn save_at_last(&self, executor: &mut Executor) -> Result<(), Trouble> {
        save::at_last(self, executor)
    }

    /// Everything is written, synced and trimmed. Nobody may append any more.
    pub fn close(&self) -> Result<(), Trouble> {
        self.committer.stop();
        self.mode.store(LogMode::Off as u8, Ordering::Release);
        match self.log() {
            Some(log) => log.close(now_ms(), &clock_us),
            None => Ok(()),
        }
    }

    pub fn directory(&self) -> &Path {
        &self.place.dir
    }

    // ---- shared by the parts -----------------------------------------------

    fn broken(&self, trouble: &Trouble) {
        if !self.is_broken() {
            // It was to come on, and is off again; the rewrite will notice.
            let line = format!("The new files of the log cannot be written: {trouble}");
            self.watcher.log(true, &line);
        } else if self.outcomes.log_broke(trouble, Now::read()) {
            let line = format!(
                "The log cannot be written any more, writes are refused until a rewrite has \
                 brought it into new files: {trouble}"
            );
            self.watcher.log(true, &line);
        }
        self.watcher.durable();
        self.watcher.wake_all();
    }

    fn snapshot_path(&self, config: &Config) -> PathBuf {
        self.place.dir.join(&config.live.dbfilename)
    }
}

/// What Redis answers, so that clients know it.
const SNAPSHOT_FAILED: &str = "MISCONF Redis is configured to save RDB snapshots, but it's \
    currently unable to persist to disk. Commands that may modify the data set are disabled, \
    because this instance is configured to report errors during writes if RDB snapshotting \
    fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about \
    the RDB error.";

fn policy(config: &Config) -> FsyncPolicy {
    match config.live.appendfsync {
        config::FsyncPolicy::Always => FsyncPolicy::Always,
        config::FsyncPolicy::EverySec => FsyncPolicy::EverySec,
        config::FsyncPolicy::No => FsyncPolicy::No,
    }
}

fn keep(config: &Config) -> Keep {
    Keep {
        generations: config.live.aof_keep_generations,
        secs: config.live.aof_keep_secs,
    }
}

fn settings(config: &Config) -> Settings {
    Settings {
        timestamps: config.live.aof_timestamp_enabled,
        keep: keep(config),
        ..Settings::new(policy(config))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn now_ms() -> u64 {
    Now::read().mono_us / 1000
}

/// For the log. Before 1970 there was none.
fn unix_secs(now: Now) -> u64 {
    u64::try_from(now.unix_secs()).unwrap_or(0)
}

fn clock_us() -> u64 {
    Now::read().mono_us
}

/// The secret of large collections that come out of a file, which is read before there is an
/// engine with a secret of its own.
fn secret_of_loaded() -> KeyHasher {
    KeyHasher::new(random_seed())
}

/// As that of a standard map.
fn random_seed() -> [u64; 2] {
    let random = || RandomState::new().build_hasher().finish();
    [random(), random()]
}
