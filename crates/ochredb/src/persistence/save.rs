//! A snapshot on its way to a file.
//!
//! ```text
//!   driver's thread                       writer's thread
//!   ────────────────────────────────      ───────────────────────────
//!   cut · walk a slice · encode ─► queue ─► write ─► sync ─► rename ─► sync directory
//!   ...                          (bounded)     └─► for a rewrite: into the manifest
//! ```
//!
//! The walk hands over entries under a shard's lock; they are encoded there, in
//! some hundred nanoseconds each, and never wait for the disk: while the queue
//! is full the walk pauses and the shards go on. Large strings are shared, not
//! copied, and encoded slice by slice when no shard is held.
//!
//! The file is written under another name and gets its own when it is whole and
//! durable, so there is no moment without a whole one. What fails leaves the
//! former file and removes its own.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::time::Duration;

use base::Now;
use engine::config::{Config, RdbVersion};
use engine::{Budget, IMAGES_BYTES_MAX, Progress, Sink, Snapshot, SnapshotError};
use engine::{Executor, Lsn};
use persist::log::Log;
use persist::rdb::{Preamble, Usage, WriteOptions, Writer};
use persist::{Access, Storage, Trouble};
use store::{Block, Entry, StringView};

use super::{Persistence, now_ms};

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
    encoder: Encoder,
    /// Filled chunks that found no room in the queue.
    chunk: Option<Vec<u8>>,
    queue: Option<SyncSender<Vec<u8>>>,
    outcome: Receiver<Result<u64, Trouble>>,
    ticket: u64,
    changes: u64,
}

/// Chunks of this size go to the writer's thread, and so many may wait there.
const CHUNK_BYTES: usize = 256 * 1024;
const QUEUED_CHUNKS: usize = 16;

/// One step beside other work.
const BUDGET: Budget = Budget {
    slices: 8,
    slice_bytes: 16 * 1024,
};

pub(super) fn drive(persistence: &Persistence, executor: &mut Executor, now: Now) -> Driven {
    let Some(mut slot) = persistence.save.try_lock() else {
        return Driven::Idle; // somebody else is at it
    };
    if slot.is_none() {
        match due(persistence, executor, now) {
            Some(kind) => *slot = begin(persistence, executor, kind, now),
            None => return Driven::Idle,
        }
    }
    let Some(save) = &mut *slot else {
        return Driven::Idle;
    };
    match save.step(executor) {
        Step::More => Driven::Busy,
        Step::Waits => Driven::Waiting,
        Step::Over(outcome) => {
            let save = slot.take().expect("just stepped");
            drop(slot);
            save.end(persistence, outcome, now);
            Driven::Busy
        }
    }
}

/// Nobody changes anything any more: finish what is under way, and save if something has changed
/// since the last snapshot.
pub(super) fn at_last(persistence: &Persistence, executor: &mut Executor) -> Result<(), Trouble> {
    let finish = |executor: &mut Executor| {
        loop {
            match drive(persistence, executor, Now::read()) {
                Driven::Idle => return,
                Driven::Busy => {}
                Driven::Waiting => std::thread::sleep(Duration::from_micros(200)),
            }
        }
    };
    persistence.requests.rewrite.store(false, Ordering::Release);
    finish(executor);
    if !persistence.outcomes.is_changed(executor.engine().changes()) {
        return Ok(());
    }
    persistence.requests.snapshot.store(true, Ordering::Release);
    finish(executor);
    match persistence.outcomes.snapshot_error() {
        None => Ok(()),
        Some(text) => Err(Trouble::new(
            persist::Kind::System,
            &persistence.place.dir,
            text,
        )),
    }
}

/// Is a snapshot due, and which?
fn due(persistence: &Persistence, executor: &Executor, now: Now) -> Option<Kind> {
    let requests = &persistence.requests;
    if executor.engine().is_saving() || executor.engine().is_loading() {
        return None; // the one before is being cleared away
    }
    if requests.rewrite.swap(false, Ordering::AcqRel) {
        return Some(Kind::Rewrite);
    }
    if requests.snapshot.swap(false, Ordering::AcqRel) {
        return Some(Kind::Snapshot);
    }
    let config = executor.engine().config();
    let changes = executor.engine().changes();
    let outcomes = &persistence.outcomes;
    if outcomes.is_rewrite_due(&config, persistence.log.read().is_some(), now) {
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
    let ticket = persistence.requests.tickets.load(Ordering::Acquire);
    let changes = executor.engine().changes();
    let rotates = kind == Kind::Rewrite;
    persistence.cut_rotates.store(rotates, Ordering::Release);
    let snapshot = match executor.begin_snapshot(IMAGES_BYTES_MAX) {
        Ok(snapshot) => snapshot,
        Err(SnapshotError::UnderWay | SnapshotError::Clearing) => return None,
    };
    if rotates {
        persistence.committer.kick();
    }
    let log = persistence.log.read().clone();
    let target = Target::of(persistence, &config, kind, snapshot.cut().lsn, log);
    let (queue, chunks) = sync_channel(QUEUED_CHUNKS);
    let (told, outcome) = sync_channel(1);
    let storage = persistence.storage.clone();
    let spawned = std::thread::Builder::new()
        .name("snapshot".into())
        .spawn(move || {
            let outcome = write(&*storage, &target, &chunks);
            // Whoever waited is gone if this fails.
            let _ = told.send(outcome);
        });
    persistence.outcomes.began(kind, snapshot.total(), now);
    if let Err(error) = spawned {
        let what = format!("cannot start a thread: {error}");
        let trouble = Trouble::new(persist::Kind::System, &persistence.place.dir, what);
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
        encoder: Encoder::new(&config, &snapshot, kind, now),
        snapshot: Some(snapshot),
        chunk: None,
        queue: Some(queue),
        outcome,
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
        if let Some(snapshot) = &mut self.snapshot {
            if self.encoder.write_large() {
                return Step::More;
            }
            match executor.save_step(snapshot, BUDGET, &mut self.encoder) {
                Progress::More | Progress::Stalled => return Step::More,
                Progress::Done => {}
            }
            if !self.encoder.large.is_empty() {
                return Step::More;
            }
            self.snapshot = None;
            self.encoder.writer.finish();
            return Step::More;
        }
        // The end of the queue is the end of the file.
        self.queue = None;
        Step::Waits
    }

    /// Hand over what is encoded, if it is worth it. Returns whether there is room for more.
    fn flush(&mut self) -> bool {
        let Some(queue) = &self.queue else {
            return false;
        };
        let is_last = self.snapshot.is_none();
        if self.chunk.is_none()
            && (self.encoder.writer.pending_bytes() >= CHUNK_BYTES
                || (is_last && self.encoder.writer.pending_bytes() > 0))
        {
            self.chunk = Some(self.encoder.writer.take());
        }
        let Some(chunk) = self.chunk.take() else {
            return true;
        };
        match queue.try_send(chunk) {
            Ok(()) => true,
            Err(TrySendError::Full(chunk)) => {
                self.chunk = Some(chunk);
                false
            }
            // The writer failed and says why.
            Err(TrySendError::Disconnected(_)) => false,
        }
    }

    fn end(self, persistence: &Persistence, outcome: Result<u64, Trouble>, now: Now) {
        let Save {
            kind,
            ticket,
            changes,
            ..
        } = self;
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

/// Entries in, bytes of an RDB stream out.
struct Encoder {
    writer: Writer,
    counts: Vec<(u64, u64)>,
    database: Option<usize>,
    /// Large strings that are to be written when no shard is held.
    large: VecDeque<Large>,
}

struct Large {
    database: usize,
    key: Box<[u8]>,
    deadline_ms: Option<i64>,
    block: Block,
    /// Bytes of it that have been written; none before its key has.
    done: Option<usize>,
}

impl Encoder {
    fn new(config: &Config, snapshot: &Snapshot, kind: Kind, now: Now) -> Encoder {
        let version = match config.live.rdb_version {
            RdbVersion::Eleven => persist::rdb::VERSION,
            RdbVersion::Ten => persist::rdb::VERSION_OF_REDIS_7_0,
        };
        let mut writer = Writer::new(WriteOptions {
            version,
            compress: config.live.rdbcompression,
            checksum: config.live.rdbchecksum,
        });
        writer.preamble(&Preamble {
            created_secs: now.unix_secs(),
            used_memory_bytes: 0,
            is_log_base: kind == Kind::Rewrite,
            replication: None,
        });
        let counts = &snapshot.cut().counts;
        let count = |c: &store::Counts| (c.keys as u64, c.volatile as u64);
        Encoder {
            writer,
            counts: counts.iter().map(count).collect(),
            database: None,
            large: VecDeque::new(),
        }
    }

    fn select(&mut self, database: usize) {
        if self.database != Some(database) {
            self.database = Some(database);
            // The sizes are hints for a reader; the first visit gives them all.
            let (keys, volatile) = std::mem::take(&mut self.counts[database]);
            self.writer.select_db(database as u32, keys, volatile);
        }
    }

    /// Write some of a large string. Returns whether there was one.
    fn write_large(&mut self) -> bool {
        let Some(mut large) = self.large.pop_front() else {
            return false;
        };
        let bytes: &[u8] = &large.block;
        let done = match large.done {
            Some(done) => done,
            None => {
                self.select(large.database);
                let len = bytes.len() as u64;
                self.writer
                    .begin_large(&large.key, large.deadline_ms, Usage::Unknown, len);
                0
            }
        };
        let end = bytes.len().min(done + CHUNK_BYTES);
        self.writer.slice(&bytes[done..end]);
        if end < bytes.len() {
            large.done = Some(end);
            self.large.push_front(large);
        }
        true
    }
}

impl Sink for Encoder {
    fn entry(&mut self, database: usize, entry: Entry<'_>) {
        if let StringView::Block(block) = entry.string()
            && block.bytes().len() > Writer::WHOLE_BYTES_MAX
        {
            self.large.push_back(Large {
                database,
                key: entry.key().into(),
                deadline_ms: entry.deadline_ms(),
                block: block.share(),
                done: None,
            });
            return;
        }
        self.select(database);
        let rest = self.writer.entry(&entry, Usage::Unknown);
        assert!(rest.is_none(), "large strings were put aside");
    }

    fn has_room(&self) -> bool {
        self.large.is_empty() && self.writer.pending_bytes() < 2 * CHUNK_BYTES
    }
}

/// Where a snapshot goes.
struct Target {
    temporary: PathBuf,
    path: PathBuf,
    dir: PathBuf,
    /// For a rewrite: the log that takes it as its base.
    adopts: Option<(Arc<Log>, String, u64, Lsn)>,
}

impl Target {
    fn of(
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
                }
            }
            _ => Target {
                temporary: persistence.place.dir.join(format!("temp-{process}.rdb")),
                path: persistence.snapshot_path(config),
                dir: persistence.place.dir.clone(),
                adopts: None,
            },
        }
    }
}

/// The writer's thread: chunks into a file, and the file into its place. Returns its length.
fn write(
    storage: &dyn Storage,
    target: &Target,
    chunks: &Receiver<Vec<u8>>,
) -> Result<u64, Trouble> {
    let outcome = write_file(storage, &target.temporary, chunks).and_then(|bytes| {
        storage.rename(&target.temporary, &target.path)?;
        storage.sync_dir(&target.dir)?;
        if let Some((log, name, seq, lsn)) = &target.adopts {
            wait_for_rotation(log, *lsn)?;
            log.adopt_base(name, *seq, lsn.0)?;
        }
        Ok(bytes)
    });
    if outcome.is_err() {
        // It may not be there any more, or not yet.
        let _ = storage.remove(&target.temporary);
        if target.adopts.is_some() {
            let _ = storage.remove(&target.path);
        }
    }
    outcome
}

fn write_file(
    storage: &dyn Storage,
    path: &Path,
    chunks: &Receiver<Vec<u8>>,
) -> Result<u64, Trouble> {
    /// So much is written between two syncs, lest the last one be long.
    const SYNC_BYTES: u64 = 16 << 20;
    let file = storage.open(path, Access::Create)?;
    let (mut at, mut synced) = (0u64, 0u64);
    for chunk in chunks {
        let mut rest = &chunk[..];
        while !rest.is_empty() {
            let taken = file.write_at(at, rest)?;
            at += taken as u64;
            rest = &rest[taken..];
        }
        if at - synced >= SYNC_BYTES {
            file.sync_data()?;
            synced = at;
        }
    }
    file.sync_data()?;
    Ok(at)
}

/// The file that goes on where the base ends must be listed before the base is.
fn wait_for_rotation(log: &Log, lsn: Lsn) -> Result<(), Trouble> {
    let began_ms = now_ms();
    while !log.has_file_from(lsn.0) {
        if now_ms() - began_ms > 60_000 {
            return Err(log.no_file_from(lsn.0));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// The same bytes in another file, durable but for its name.
pub(super) fn copy(storage: &dyn Storage, from: &Path, to: &Path) -> Result<(), Trouble> {
    let source = storage.open(from, Access::Read)?;
    let target = storage.open(to, Access::Create)?;
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut at = 0;
    loop {
        let read = source.read_at(at, &mut buffer)?;
        if read == 0 {
            return target.sync_data();
        }
        let mut written = 0;
        while written < read {
            written += target.write_at(at + written as u64, &buffer[written..read])?;
        }
        at += read as u64;
    }
}
