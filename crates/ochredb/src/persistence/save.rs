//! A snapshot on its way to a file.
//!
//! ```text
//!   driver's thread                       idle       writer's thread
//!   ──────────────────────────────        ──────     ─────────────────────────────────────
//!   cut · walk a step · copy ─► queue ─► encode ─► write ─► sync ─► rename ─► sync directory
//!   ...                       (bounded)                       └─► for a rewrite: into the manifest
//! ```
//!
//! The walk hands over entries under a shard's lock; they are copied there, which
//! takes some ten nanoseconds each, and neither compressed nor written: while the
//! queue is full the walk pauses and the shards go on. Large strings are shared,
//! not copied.
//!
//! The file is written under another name and gets its own when it is whole and
//! durable, so there is no moment without a whole one. What fails leaves the
//! former file and removes its own.
//!
//! It is encoded by a thread that gives way to those that serve (`scribe`); the rest, which takes
//! locks of the file system and of the log, is done by one that does not.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::Duration;

use base::Now;
use engine::config::Config;
use engine::{Budget, IMAGES_BYTES_MAX, Progress, Sink, Snapshot, SnapshotError};
use engine::{Executor, Lsn};
use persist::log::{Log, State, mark_outdated};
use persist::{Access, NewFile, Place, Storage, Trouble};
use store::Entry;

use super::batch::Batch;
use super::queue::{BATCH_BYTES, Given, Inlet, Outlet, queue};
use super::scribe::{self, Encoder};
use super::{Persistence, clock_us, now_ms};

/// What a snapshot is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `dump.rdb`.
    Snapshot,
    /// The new base of the log.
    Rewrite,
}

/// What [`Persistence::drive`] has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driven {
    /// Nothing to do.
    Idle,
    /// There is more to do at once.
    Busy,
    /// A snapshot waits for its file.
    Waiting,
}

/// A snapshot under way.
pub(super) struct Save {
    kind: Kind,
    /// Gone when the walk is over.
    snapshot: Option<Snapshot>,
    collector: Collector,
    /// Gone when the last batch is on its way.
    queue: Option<Inlet>,
    outcome: Receiver<Result<u64, Trouble>>,
    /// Nobody wants it any more.
    is_given_up: bool,
    ticket: u64,
    changes: u64,
}

const BATCH_KEYS: usize = 4096;

/// One step beside other work: whoever asks meanwhile waits so long.
const BUDGET: Budget = Budget {
    slices: usize::MAX,
    slice_bytes: 16 * 1024,
    time_us_max: 20,
};

/// How files begin that get their names when they are whole; the process's number follows.
const TEMP_SNAPSHOT: &str = "temp-";
const TEMP_BASE: &str = "temp-rewriteaof-";

/// Removes what processes had begun to write when they died. The directory must be ours.
pub(super) fn remove_leftovers(storage: &dyn Storage, place: &Place) {
    let folders = [
        (place.dir.clone(), TEMP_SNAPSHOT),
        (place.log_dir(), TEMP_BASE),
    ];
    for (folder, front) in folders {
        // What cannot be listed or removed is in nobody's way.
        for name in storage.list(&folder).unwrap_or_default() {
            let middle = name.strip_prefix(front);
            let number = middle.and_then(|rest| rest.strip_suffix(".rdb"));
            let is_number = |it: &str| !it.is_empty() && it.bytes().all(|b| b.is_ascii_digit());
            if number.is_some_and(is_number) {
                let _ = storage.remove(&folder.join(&name));
            }
        }
    }
}

pub(super) fn drive(persistence: &Persistence, executor: &mut Executor, now: Now) -> Driven {
    let Some(mut slot) = persistence.save.try_lock() else {
        return Driven::Idle; // somebody else is at it
    };
    if slot.is_none() {
        match due(persistence, executor, now) {
            Some(Kind::Rewrite) if !is_prepared(persistence) => {
                // Asked for, whoever did, until the log is ready.
                persistence.requests.rewrite.store(true, Ordering::Release);
                return Driven::Waiting;
            }
            Some(kind) => *slot = begin(persistence, executor, kind, now),
            None => return Driven::Idle,
        }
    }
    let Some(save) = &mut *slot else {
        return Driven::Idle;
    };
    if save.kind == Kind::Rewrite && !persistence.is_wanted() {
        save.give_up();
    }
    match save.step(executor) {
        Step::More => Driven::Busy,
        Step::Waits => Driven::Waiting,
        Step::Over(outcome) => {
            let save = slot.take().expect("just stepped");
            save.end(persistence, outcome, now);
            drop(slot);
            Driven::Busy
        }
    }
}

/// Nobody changes anything any more: finish what is under way, and save if something has changed
/// since the last snapshot.
pub(super) fn at_last(persistence: &Persistence, executor: &mut Executor) -> Result<(), Trouble> {
    persistence.requests.rewrite.store(false, Ordering::Release);
    finish(persistence, executor);
    if !persistence.outcomes.is_changed(executor.engine().changes()) {
        return Ok(());
    }
    persistence.requests.snapshot.store(true, Ordering::Release);
    finish(persistence, executor);
    match persistence.outcomes.snapshot_error() {
        None => Ok(()),
        Some(text) => Err(Trouble::new(
            persist::Kind::System,
            &persistence.place.dir,
            text,
        )),
    }
}

/// Drives until there is nothing left to do.
pub(super) fn finish(persistence: &Persistence, executor: &mut Executor) {
    loop {
        match drive(persistence, executor, Now::read()) {
            // A snapshot that was given up may have left work, and nobody else does it now.
            Driven::Idle if executor.engine().is_saving() => {
                executor.sweep(Now::read(), 0, 1, 8);
            }
            Driven::Idle => return,
            Driven::Busy => {}
            Driven::Waiting => std::thread::sleep(Duration::from_micros(200)),
        }
    }
}

/// A rewrite turns the log to a new file, and for that the old one is synced while clients wait.
/// So most of it is synced before.
fn is_prepared(persistence: &Persistence) -> bool {
    let Some(log) = persistence.log() else {
        return true;
    };
    if matches!(log.state(), State::Off | State::Broken) {
        return true; // there is no file to finish
    }
    let wanted = &persistence.requests.synced_first;
    let end = log.appended_lsn();
    match wanted.load(Ordering::Acquire) {
        0 if log.durable_lsn() == end => true,
        0 => {
            wanted.store(end, Ordering::Release);
            persistence.committer.hurry();
            false
        }
        lsn if log.durable_lsn() >= lsn || log.trouble().is_some() => {
            wanted.store(0, Ordering::Release);
            true
        }
        _ => false,
    }
}

/// Is a snapshot due, and which?
fn due(persistence: &Persistence, executor: &Executor, now: Now) -> Option<Kind> {
    let requests = &persistence.requests;
    if executor.engine().is_saving() || executor.engine().is_loading() {
        return None; // the one before is being cleared away
    }
    // What was asked for stays so until it has begun: INFO takes it for under way.
    if requests.snapshot.load(Ordering::Acquire) {
        return Some(Kind::Snapshot);
    }
    if requests.rewrite.load(Ordering::Acquire) {
        if persistence.is_wanted() {
            return Some(Kind::Rewrite);
        }
        requests.rewrite.store(false, Ordering::Release);
    }
    let config = executor.engine().config();
    let changes = executor.engine().changes();
    let outcomes = &persistence.outcomes;
    if persistence.is_revival_due(now) {
        let line = "The log is down: trying to bring it up in new files";
        persistence.watcher.log(true, line);
        return Some(Kind::Rewrite);
    }
    let state = persistence.log().map(|log| log.state());
    let has_log = matches!(state, Some(State::Open | State::Full));
    if outcomes.is_rewrite_due(&config, has_log, now) {
        let line = "Starting automatic rewriting of AOF";
        persistence.watcher.log(false, line);
        return Some(Kind::Rewrite);
    }
    let point = outcomes.save_point_due(&config, changes, now)?;
    let line = format!(
        "{} changes in {} seconds. Saving...",
        point.changes, point.seconds
    );
    persistence.watcher.log(false, &line);
    Some(Kind::Snapshot)
}

fn begin(persistence: &Persistence, executor: &mut Executor, kind: Kind, now: Now) -> Option<Save> {
    let config = executor.engine().config();
    // Who asks from here on is told that it is under way, and is not among those it is for.
    persistence.outcomes.began(kind, now);
    persistence
        .requests
        .of(kind)
        .store(false, Ordering::Release);
    let ticket = persistence.requests.tickets.load(Ordering::Acquire);
    let changes = executor.engine().changes();
    let rotates = kind == Kind::Rewrite;
    persistence.cut_rotates.store(rotates, Ordering::Release);
    let snapshot = match executor.begin_snapshot(IMAGES_BYTES_MAX) {
        Ok(snapshot) => snapshot,
        Err(SnapshotError::UnderWay | SnapshotError::Clearing) => {
            persistence.requests.of(kind).store(true, Ordering::Release);
            persistence.outcomes.given_up();
            return None;
        }
    };
    if rotates {
        persistence.committer.kick();
    }
    let log = persistence.log().cloned();
    let target = Target::of(persistence, &config, kind, snapshot.cut().lsn, log);
    let (inlet, batches) = queue();
    let collector = Collector(inlet.empty());
    let (told, outcome) = sync_channel(1);
    let storage = persistence.storage.clone();
    let encoder = Encoder::new(&config, &snapshot.cut().counts, kind, now);
    let spawned = std::thread::Builder::new()
        .name("snapshot".into())
        .spawn(move || {
            let outcome = write(&*storage, &target, encoder, batches);
            // Whoever waited is gone if this fails.
            let _ = told.send(outcome);
        });
    persistence.outcomes.has_keys(snapshot.total());
    persistence.settle(true);
    if let Err(error) = spawned {
        let what = format!("cannot start a thread: {error}");
        let trouble = Trouble::new(persist::Kind::System, &persistence.place.dir, what);
        if rotates {
            persistence.rewrite_ended(false);
        }
        persistence.settle(false);
        persistence
            .outcomes
            .ended(kind, ticket, changes, now, Err(&trouble));
        return None;
    }
    let line = match kind {
        Kind::Snapshot => "Background saving started",
        Kind::Rewrite => "Background append only file rewriting started",
    };
    persistence.watcher.log(false, line);
    Some(Save {
        kind,
        snapshot: Some(snapshot),
        collector,
        queue: Some(inlet),
        outcome,
        is_given_up: false,
        ticket,
        changes,
    })
}

enum Step {
    More,
    Waits,
    Over(Result<u64, Trouble>),
}

impl Save {
    fn step(&mut self, executor: &mut Executor) -> Step {
        match self.outcome.try_recv() {
            Ok(outcome) => return Step::Over(outcome),
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => unreachable!("the writer's thread says how it ends"),
        }
        if !self.flush() {
            return Step::Waits;
        }
        let Some(snapshot) = &mut self.snapshot else {
            let ended = self.queue.as_ref().map(Inlet::offer_end);
            if ended != Some(Given::Full) {
                self.queue = None;
            }
            return Step::Waits;
        };
        if executor.save_step(snapshot, BUDGET, &mut self.collector) == Progress::Done {
            self.snapshot = None;
        }
        Step::More
    }

    /// Hand over what is collected, if it is worth it. Returns whether there is room for more.
    fn flush(&mut self) -> bool {
        let Some(queue) = &self.queue else {
            return false;
        };
        let batch = &mut self.collector.0;
        let is_last = self.snapshot.is_none();
        if batch.is_empty() || !(is_last || is_full(batch)) {
            return true;
        }
        // A writer that failed says why.
        queue.offer(batch) == Given::Taken
    }

    /// The writer shall leave no file.
    fn give_up(&mut self) {
        self.is_given_up = true;
        self.snapshot = None;
        self.queue = None;
    }

    fn end(self, persistence: &Persistence, outcome: Result<u64, Trouble>, now: Now) {
        let Save {
            kind,
            ticket,
            changes,
            ..
        } = self;
        if kind == Kind::Rewrite {
            persistence.rewrite_ended(outcome.is_ok());
        }
        persistence.settle(false);
        if self.is_given_up && outcome.is_err() {
            persistence.outcomes.given_up();
            let line = "Background AOF rewrite given up: the log is off";
            persistence.watcher.log(false, line);
            return;
        }
        let line = match (&outcome, kind) {
            (Ok(_), Kind::Snapshot) => "DB saved on disk".into(),
            (Ok(_), Kind::Rewrite) => "Background AOF rewrite finished successfully".to_owned(),
            (Err(trouble), Kind::Snapshot) => format!("Background saving error: {trouble}"),
            (Err(trouble), Kind::Rewrite) => format!("Background AOF rewrite failed: {trouble}"),
        };
        persistence.watcher.log(outcome.is_err(), &line);
        let outcome = outcome.as_ref().map(|&bytes| bytes);
        persistence
            .outcomes
            .ended(kind, ticket, changes, now, outcome);
        persistence.watcher.wake_all();
    }
}

/// Takes entries from the walk.
struct Collector(Batch);

impl Sink for Collector {
    fn entry(&mut self, database: usize, entry: Entry<'_>) {
        self.0.push_entry(database, &entry);
    }

    fn has_room(&self) -> bool {
        !is_full(&self.0)
    }
}

pub(super) fn is_full(batch: &Batch) -> bool {
    batch.bytes() >= BATCH_BYTES || batch.len() >= BATCH_KEYS
}

/// Where a snapshot goes.
pub(super) struct Target {
    temporary: PathBuf,
    path: PathBuf,
    dir: PathBuf,
    /// For a rewrite: the log that takes it as its base.
    adopts: Option<(Arc<Log>, String, u64, Lsn)>,
    /// For a snapshot that was taken while the log was off: whatever log lies here is older.
    outdates: Option<Place>,
}

impl Target {
    pub(super) fn of(
        persistence: &Persistence,
        config: &Config,
        kind: Kind,
        lsn: Lsn,
        log: Option<Arc<Log>>,
    ) -> Target {
        let process = std::process::id();
        match (kind, log) {
            (Kind::Rewrite, Some(log)) => {
                let (name, seq) = log.next_base();
                Target {
                    temporary: persistence
                        .place
                        .file(&format!("temp-rewriteaof-{process}.rdb")),
                    path: persistence.place.file(&name),
                    dir: persistence.place.log_dir(),
                    adopts: Some((log, name, seq, lsn)),
                    outdates: None,
                }
            }
            (_, log) => Target {
                temporary: persistence
                    .place
                    .dir
                    .join(format!("{TEMP_SNAPSHOT}{process}.rdb")),
                path: persistence.snapshot_path(config),
                dir: persistence.place.dir.clone(),
                adopts: None,
                outdates: log
                    .filter(|log| log.state() == State::Off)
                    .map(|_| persistence.place.clone()),
            },
        }
    }
}

/// The writer's thread: batches into a file, and the file into its place. Returns its length.
pub(super) fn write(
    storage: &dyn Storage,
    target: &Target,
    encoder: Encoder,
    batches: Outlet,
) -> Result<u64, Trouble> {
    let mut is_offered = false;
    let outcome = scribe::write(storage, &target.temporary, encoder, batches).and_then(|bytes| {
        if let Some((log, .., lsn)) = &target.adopts {
            wait_for_rotation(log, *lsn)?;
        }
        storage.rename(&target.temporary, &target.path)?;
        storage.sync_dir(&target.dir)?;
        if let Some((log, name, seq, lsn)) = &target.adopts {
            // The last sync, which all wait for, shall have little to do.
            let _ = log.sync_now(now_ms(), &clock_us);
            // Removes it if it fails, unless it may be in force.
            is_offered = true;
            log.adopt_base(name, *seq, lsn.0)?;
        }
        if let Some(place) = &target.outdates {
            // A log that cannot be marked, or is damaged, does no harm to the snapshot.
            let _ = mark_outdated(storage, place);
        }
        Ok(bytes)
    });
    if outcome.is_err() {
        // It may not be there any more, or not yet.
        let _ = storage.remove(&target.temporary);
        if target.adopts.is_some() && !is_offered {
            let _ = storage.remove(&target.path);
        }
    }
    outcome
}

/// The file that goes on where the base ends must be listed before the base is.
fn wait_for_rotation(log: &Log, lsn: Lsn) -> Result<(), Trouble> {
    let began_ms = now_ms();
    loop {
        match log.has_file_from(lsn.0) {
            Some(true) => return Ok(()),
            Some(false) if now_ms() - began_ms <= 60_000 => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Some(false) | None => return Err(log.no_file_from(lsn.0)),
        }
    }
}

/// The same bytes in another file, durable but for its name.
pub(super) fn copy(storage: &dyn Storage, from: &Path, to: &Path) -> Result<(), Trouble> {
    let source = storage.open(from, Access::Read)?;
    let target = storage.open(to, Access::Create)?;
    let mut target = NewFile::new(&*target);
    let mut buffer = vec![0; BATCH_BYTES];
    loop {
        match source.read_at(target.bytes(), &mut buffer)? {
            0 => return target.finish().map(|_| ()),
            read => target.write(&buffer[..read])?,
        }
    }
}
