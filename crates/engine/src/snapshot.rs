//! Snapshots: the whole keyspace as it was at one moment, without a fork.
//!
//! ```text
//!   begin_snapshot   all shards held for microseconds: the cut, its LSN
//!   save_step        ┌ images over an eighth of the cap? take them out, all shards
//!   save_step        ├ images taken out?                 save them, no shard held
//!   ...              └ else                              slices of the next shard
//!   save_step ─► Done
//! ```
//!
//! Nothing is copied at the cut. Each entry carries a bit that says whether the
//! walk has saved it, and a command that changes an unsaved one first keeps its
//! image (see `store::Images`). What reaches the [`Sink`] is therefore what was
//! there at the cut, each key exactly once. The log up to the cut's LSN and this
//! are the same data.
//!
//! Shards take turns, a step each, so that whoever waits for one gets in while
//! the others are walked. (A slice each would be over before what lies ahead has
//! come from memory.) Each begins with its lowest database, and the order of
//! keys is that of their hashes; but images come in between, and nothing is
//! promised.
//!
//! **Who drives it.** Whoever owns an executor calls [`Executor::save_step`], a
//! few slices at a time: an event loop once per turn, between its batches (the
//! only way with [`crate::Threads::One`], whose shards admit one thread), or a
//! thread of its own in a loop. A slice holds one shard for some 10 to 20 µs. Before a
//! slice the sink is asked whether it has room, so a slow disk stops the walk and
//! not the shards.
//!
//! **The cap.** While images take up more than they may, commands that would
//! have to keep another one are parked, as in CLIENT PAUSE; reading goes on, and
//! so does writing what is new or saved. When the walk has made room, the host
//! wakes the parked ([`crate::Host::wake_all`]). Some cannot be made to wait, and go
//! over the cap by what they touch: a command or transaction that began while
//! there was room, and one that finds expired keys without naming them (SCAN).
//! Active expiry pauses.
//!
//! Whoever parks waits for the driver of the walk. A thread that both writes and
//! walks, and cannot walk while its write waits (a program with an embedded
//! database and no thread beside), must ask for no cap: [`NO_CAP`].
//!
//! A snapshot that is dropped before it is done is given up: parked clients go
//! on, no more images are kept, and [`Executor::sweep`] sets the remaining bits,
//! a few slices per call. Until then another one is refused.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use store::{Counts, Entry, ImageGauge, Images, Large};

use crate::engine::Engine;
use crate::executor::Executor;
use crate::garbage::Garbage;
use crate::host::{LogMode, Lsn};
use crate::shards::Held;

/// What all images together may take up, if nothing else is said.
pub const IMAGES_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Writers never wait, whatever is kept for them.
pub const NO_CAP: usize = usize::MAX;

/// Where the entries of a snapshot go.
pub trait Sink {
    /// One key as it was at the cut. Called inside a shard, mostly: encode or
    /// copy it, and no more. A large value (`StringView::Block`) can be shared
    /// and written when nothing is held. An expired key that nobody had removed
    /// yet is handed over like any other.
    fn entry(&mut self, database: usize, entry: Entry<'_>);

    /// May another slice be handed over? If not, the step ends.
    fn has_room(&self) -> bool {
        true
    }
}

/// The moment of a snapshot.
#[derive(Clone, Debug)]
pub struct Cut {
    /// What [`crate::Host::cut`] returned: all effects before it are in, none after.
    pub lsn: Lsn,
    /// By database: how many keys the snapshot has.
    pub counts: Vec<Counts>,
}

/// How much one call does.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// A shard is entered at most so often.
    pub slices: usize,
    /// What is handled each time, in bytes of entries.
    pub slice_bytes: usize,
    /// No further slice begins after so long: what one costs depends on what lies in the
    /// processor's caches.
    pub time_us_max: u64,
}

impl Default for Budget {
    /// Some 10 to 20 µs each, and half a millisecond in all.
    fn default() -> Budget {
        Budget {
            slices: 25,
            slice_bytes: 16 * 1024,
            time_us_max: 500,
        }
    }
}

/// How far a snapshot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    More,
    /// The sink has no room.
    Stalled,
    /// Everything has been handed over.
    Done,
}

/// Why no snapshot can begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    /// There is one already.
    UnderWay,
    /// One was given up, and its traces are being removed: soon.
    Clearing,
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SnapshotError::UnderWay => "a snapshot is under way already",
            SnapshotError::Clearing => "the snapshot before was given up and is being cleared away",
        })
    }
}

impl std::error::Error for SnapshotError {}

/// A snapshot under way. Dropping it gives it up.
pub struct Snapshot {
    engine: Arc<Engine>,
    cut: Cut,
    walk: Walk,
    saved: u64,
    done: bool,
}

impl Snapshot {
    pub fn cut(&self) -> &Cut {
        &self.cut
    }

    /// Entries handed over so far.
    pub fn saved(&self) -> u64 {
        self.saved
    }

    /// Entries that it has in all.
    pub fn total(&self) -> u64 {
        self.cut
            .counts
            .iter()
            .map(|counts| counts.keys as u64)
            .sum()
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let snapshots = &self.engine.snapshots;
        snapshots.images.abandon();
        *snapshots.state.lock() = State::Abandoned(Some(std::mem::take(&mut self.walk)));
        snapshots.abandoned.store(true, Ordering::Release);
        self.engine.host.wake_all();
    }
}

/// What an engine knows of its snapshots.
#[derive(Default)]
pub(crate) struct Snapshots {
    pub(crate) images: Arc<ImageGauge>,
    state: Mutex<State>,
    /// Is there something to clear away? A look without the lock.
    abandoned: AtomicBool,
}

#[derive(Default)]
enum State {
    #[default]
    Idle,
    UnderWay,
    /// The walk goes on without output. None while somebody is at it.
    Abandoned(Option<Walk>),
}

/// How far a walk over all shards has come.
#[derive(Default)]
struct Walk {
    /// The shards with something left to save, and whose turn it is.
    shards: Vec<usize>,
    turn: usize,
    /// Taken out of their tables, and not saved yet.
    images: Vec<Images>,
}

impl Engine {
    /// Is a snapshot under way, or one that was given up not cleared yet?
    pub fn is_saving(&self) -> bool {
        !matches!(*self.snapshots.state.lock(), State::Idle)
    }

    /// Bytes that are kept for the snapshot under way.
    pub fn image_bytes(&self) -> usize {
        self.snapshots.images.kept_bytes()
    }

    /// Must commands wait that would change what is not saved yet?
    #[inline]
    pub(crate) fn images_are_full(&self) -> bool {
        self.snapshots.images.is_full()
    }
}

impl Executor {
    /// Begin a snapshot: hold all shards, let `host.cut()` say the log's
    /// position, and let go. `images_bytes_max` is what writers may keep for
    /// it, usually [`IMAGES_BYTES_MAX`]. Not to be called from a handler that
    /// holds a shard.
    pub fn begin_snapshot(&mut self, images_bytes_max: usize) -> Result<Snapshot, SnapshotError> {
        let (engine, held) = self.parts();
        let snapshots = &engine.snapshots;
        let mut state = snapshots.state.lock();
        match *state {
            State::Idle => *state = State::UnderWay,
            State::UnderWay => return Err(SnapshotError::UnderWay),
            State::Abandoned(_) => return Err(SnapshotError::Clearing),
        }
        drop(state);
        let mut counts = vec![Counts::default(); engine.databases()];
        held.all();
        snapshots.images.begin(images_bytes_max);
        for index in 0..engine.shards.len() {
            let keys = &mut held.shard(index).keys;
            for (database, counts) in counts.iter_mut().enumerate() {
                *counts += keys.counts(database);
            }
            keys.cut(&snapshots.images);
        }
        let was_off = engine.host.log_mode() == LogMode::Off;
        let lsn = engine.host.cut();
        if was_off && engine.host.log_mode() != LogMode::Off {
            // Batches that have begun before go on behind the cut.
            engine.log_switched_on.fetch_add(1, Ordering::Release);
        }
        held.none();
        Ok(Snapshot {
            engine: engine.clone(),
            cut: Cut { lsn, counts },
            walk: Walk::over(engine.shards.len()),
            saved: 0,
            done: false,
        })
    }

    /// Go on with a snapshot of this executor's engine: hand entries to `sink`,
    /// as many as the budget allows. After [`Progress::Done`] there is no more.
    pub fn save_step(
        &mut self,
        snapshot: &mut Snapshot,
        budget: Budget,
        sink: &mut dyn Sink,
    ) -> Progress {
        let (engine, _) = self.parts();
        assert!(Arc::ptr_eq(engine, &snapshot.engine), "another engine's");
        let mut slices = budget.slices;
        let engine = engine.clone();
        let began_ns = engine.host.monotonic_ns();
        let is_over = || {
            let spent_ns = engine.host.monotonic_ns().saturating_sub(began_ns);
            spent_ns / 1000 >= budget.time_us_max
        };
        snapshot.walk.turn += 1;
        while !snapshot.done {
            if slices == 0 || (slices < budget.slices && is_over()) {
                return Progress::More;
            }
            if !sink.has_room() {
                return Progress::Stalled;
            }
            slices -= 1;
            let saved = &mut snapshot.saved;
            let more = self.walk(&mut snapshot.walk, budget.slice_bytes, &mut |db, entry| {
                *saved += 1;
                sink.entry(db, entry);
            });
            if !more {
                *snapshot.engine.snapshots.state.lock() = State::Idle;
                snapshot.done = true;
            }
        }
        Progress::Done
    }

    /// Clear away, in so many slices, what a snapshot that was given up has
    /// left. Returns whether there is more. [`Executor::sweep`] calls it.
    pub fn clear_abandoned(&mut self, slices: usize) -> bool {
        let engine = self.engine().clone();
        let snapshots = &engine.snapshots;
        if !snapshots.abandoned.load(Ordering::Acquire) {
            return false;
        }
        let walk = match &mut *snapshots.state.lock() {
            State::Abandoned(walk) => walk.take(),
            _ => None,
        };
        let Some(mut walk) = walk else {
            return false; // another thread is at it
        };
        let slice_bytes = Budget::default().slice_bytes;
        let more = (0..slices).all(|_| self.walk(&mut walk, slice_bytes, &mut |_, _| {}));
        let mut state = snapshots.state.lock();
        *state = match more {
            true => State::Abandoned(Some(walk)),
            false => State::Idle,
        };
        snapshots.abandoned.store(more, Ordering::Release);
        more
    }

    /// One slice of a walk. Returns whether there is more.
    fn walk(
        &mut self,
        walk: &mut Walk,
        slice_bytes: usize,
        save: &mut dyn FnMut(usize, Entry<'_>),
    ) -> bool {
        let (engine, held) = self.parts();
        let engine = engine.clone();
        let gauge = &engine.snapshots.images;
        if walk.images.is_empty() && gauge.kept_bytes() >= crowded_bytes(gauge) {
            walk.take_images(held);
        }
        if walk.images.is_empty() {
            let flushed = walk.save_slice(held, slice_bytes, save);
            for table in flushed {
                engine.host.discard(Garbage::Table(Box::new(table)));
            }
        } else {
            let spent = walk.save_images(slice_bytes, save);
            for garbage in spent.into_iter().filter_map(Garbage::if_last) {
                engine.host.discard(garbage);
            }
        }
        if gauge.relieve() {
            engine.host.wake_all();
        }
        !(walk.shards.is_empty() && walk.images.is_empty())
    }
}

/// From here on images are saved first: well before writers have to wait.
fn crowded_bytes(gauge: &ImageGauge) -> usize {
    (gauge.cap_bytes() / 8).clamp(1, IMAGES_BYTES_MAX / 8)
}

impl Walk {
    fn over(shards: usize) -> Walk {
        Walk {
            shards: (0..shards).collect(),
            turn: 0,
            images: Vec::new(),
        }
    }

    fn take_images(&mut self, held: &mut Held) {
        for &index in &self.shards {
            held.one(index);
            held.shard(index).keys.take_images(&mut self.images);
        }
        held.none();
    }

    /// A slice of images, which are nobody else's any more. Returns large values
    /// that they had, which somebody must free.
    fn save_images(
        &mut self,
        mut work_bytes: usize,
        save: &mut dyn FnMut(usize, Entry<'_>),
    ) -> Vec<Arc<Large>> {
        let mut spent = Vec::new();
        while let Some(images) = self.images.last_mut() {
            if images.save(&mut work_bytes, save, &mut spent) {
                break;
            }
            self.images.pop();
        }
        spent
    }

    /// A slice of the shard whose turn it is. Returns tables that nobody needs any more.
    fn save_slice(
        &mut self,
        held: &mut Held,
        slice_bytes: usize,
        save: &mut dyn FnMut(usize, Entry<'_>),
    ) -> Vec<store::Table> {
        let mut flushed = Vec::new();
        self.turn %= self.shards.len().max(1);
        let Some(&index) = self.shards.get(self.turn) else {
            return flushed;
        };
        held.one(index);
        let keys = &mut held.shard(index).keys;
        if !keys.save(slice_bytes, save) {
            keys.take_images(&mut self.images);
            flushed.extend(keys.take_flushed());
            self.shards.remove(self.turn);
        }
        held.none();
        flushed
    }
}
