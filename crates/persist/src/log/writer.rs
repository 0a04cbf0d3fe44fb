//! The writing side: many threads append, one commits.
//!
//! ```text
//!   shard locks held          the committer's thread
//!   ────────────────          ──────────────────────────────────────────────
//!   append ─► pending ──────► take ─► line + group ─► write ─► sync ─► publish
//!   admit  ◄─ room ◄───────── reserve ahead                    durable_lsn
//! ```
//!
//! - [`Log::append`] copies a group into memory under one short lock and returns where it ends in
//!   the stream. A group is one command's effects, or one transaction's: it is never divided.
//! - [`Log::commit`] writes all that is pending with a line before it, syncs when the policy says
//!   so, and only then publishes: `durable_lsn` is what a power cut cannot take.
//! - [`Log::admit`] is asked before a command may write. Room is reserved ahead of need, so a full
//!   disk is an answer before anything is applied, not a surprise behind it. What was admitted
//!   and still finds no room (effects larger than announced) is kept and written later.
//!
//! States: *open*; *full* until there is room again, which every commit tries; *broken* after a
//! write or sync failed in a way that leaves the file's content unknown. Nothing is ever retried on
//! a broken file. A snapshot in a new generation of files heals it, see [`Log::rotate`], or
//! closing and opening the directory again.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};

use base::write_u64;
use parking_lot::{Mutex, MutexGuard};

use super::desk::Desk;
use super::frame::{LINE_BYTES_MAX, TIME_MAX};
use super::health::{Down, Health, State};
use super::{Keep, Lsn};
use crate::error::{Kind, Trouble};

/// `appendfsync`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FsyncPolicy {
    /// Each commit is synced.
    Always,
    /// A commit is synced if the last sync is a second ago.
    EverySec,
    /// The operating system decides, up to [`Settings::unsynced_bytes_max`].
    No,
}

/// How a log is written.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub policy: FsyncPolicy,
    /// Room is reserved in steps of a quarter of the file, but within these.
    pub reserve_bytes_min: u64,
    pub reserve_bytes_max: u64,
    /// A group line covers commands up to about so many bytes: what has to be read to check one.
    pub group_bytes: usize,
    /// Zeros are written so far ahead of small synced commits, which then change no metadata.
    pub zero_ahead_bytes: u64,
    /// Under any policy, so many unsynced bytes are synced: damage before that is told from an
    /// unfinished end.
    pub unsynced_bytes_max: u64,
    /// Write the time before the first group of each second; see [`Log::tell_time`].
    pub timestamps: bool,
    /// How long what a rewrite replaces is kept.
    pub keep: Keep,
    /// A mistake to make on purpose.
    #[cfg(feature = "sabotage")]
    pub sabotage: Sabotage,
}

/// Mistakes that the tests must notice.
#[cfg(feature = "sabotage")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sabotage {
    #[default]
    None,
    /// The third sync of a file's data is not done.
    SkipSync,
    PublishBeforeSync,
    /// A failed sync is forgotten.
    ForgiveSync,
}

impl Settings {
    pub fn new(policy: FsyncPolicy) -> Settings {
        Settings {
            policy,
            reserve_bytes_min: 1 << 20,
            reserve_bytes_max: 64 << 20,
            group_bytes: 256 << 10,
            zero_ahead_bytes: 512 << 10,
            unsynced_bytes_max: 32 << 20,
            timestamps: false,
            keep: Keep::default(),
            #[cfg(feature = "sabotage")]
            sabotage: Sabotage::None,
        }
    }
}

/// Why a command may not write now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// More is pending than room has been reserved for: wait for a commit.
    Crowded,
    /// No room on the disk, some of which so many older generations take.
    Full { kept: usize },
    /// The log cannot be written any more.
    Broken(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Crowded => f.write_str("the log is behind: try again"),
            Refusal::Full { kept: 0 } => {
                write!(f, "the disk is full ({})", Kind::Full.advice())
            }
            // What was asked to be kept is not given up unasked.
            Refusal::Full { kept } => write!(
                f,
                "the disk is full ({}; older generations of the log are kept, {kept} of them, \
                 until aof-keep-generations and aof-keep-seconds are set lower)",
                Kind::Full.advice()
            ),
            Refusal::Broken(why) => write!(f, "the log cannot be written: {why}"),
        }
    }
}

/// What a commit did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Bytes written to the file, lines included.
    pub bytes: u64,
    /// Everything before this is written, and synced if `fsync_us` says so.
    pub lsn: Lsn,
    /// How long the sync took, if there was one.
    pub fsync_us: Option<u64>,
    /// Not everything could be written: no room.
    pub is_full: bool,
    /// [`Log::rotate`] is waited for.
    pub awaits_rotation: bool,
}

/// A log that is being written.
pub struct Log {
    /// Appended, and not yet taken by the committer.
    pub(super) pending: Mutex<Pending>,
    /// The committer's side.
    pub(super) desk: Mutex<Desk>,
    pub(super) gate: Gate,
}

/// What other threads may ask without a lock.
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// [`State`].
    pub state: AtomicU8,
    policy: AtomicU8,
    timestamps: AtomicBool,
    /// What time it is, as far as anybody has said.
    unix_secs: AtomicU64,
    keep: Mutex<Keep>,
    /// Older generations that there are.
    kept: AtomicUsize,
    appended: AtomicU64,
    written: AtomicU64,
    durable: AtomicU64,
    /// The stream has room in the file up to here.
    room: AtomicU64,
    slack: u64,
    /// More room than usual that somebody asked for.
    wanted: AtomicU64,
    why: Mutex<String>,
}

const OPEN: u8 = State::Open as u8;
const FULL: u8 = State::Full as u8;

/// For what comes between being admitted and being appended on other threads: at most this.
const SLACK_BYTES_MAX: u64 = 64 * 1024;

/// The stream's newest bytes.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub bytes: Vec<u8>,
    /// Where they begin in the stream.
    pub start: Lsn,
    /// Where groups may be divided.
    pub cuts: Vec<usize>,
    /// What is before this belongs to the present file, what is after to the next.
    pub rotate_at: Option<usize>,
    /// The log is down: nothing is kept.
    pub is_discarded: bool,
    /// The database of the last effect in the present file.
    database: Option<usize>,
    group_bytes: usize,
}

impl Log {
    pub(super) fn start(desk: Desk) -> Log {
        let (lsn, settings) = (desk.lsn, desk.settings);
        let gate = Gate {
            slack: SLACK_BYTES_MAX.min(settings.reserve_bytes_min / 4),
            ..Gate::default()
        };
        gate.policy.store(settings.policy as u8, Ordering::Relaxed);
        gate.timestamps
            .store(settings.timestamps, Ordering::Relaxed);
        *gate.keep.lock() = settings.keep;
        gate.appended.store(lsn, Ordering::Relaxed);
        gate.written.store(lsn, Ordering::Relaxed);
        gate.durable.store(lsn, Ordering::Relaxed);
        let pending = Pending {
            start: lsn,
            group_bytes: settings.group_bytes,
            ..Pending::default()
        };
        let log = Log {
            pending: Mutex::new(pending),
            desk: Mutex::new(desk),
            gate,
        };
        let mut desk = log.desk.lock();
        log.publish_kept(&desk);
        log.reserve(&mut desk);
        drop(desk);
        log
    }

    /// May a command write about so many bytes? Cheap: a few loads.
    #[inline]
    pub fn admit(&self, bytes: u64) -> Result<(), Refusal> {
        let gate = &self.gate;
        match gate.state.load(Ordering::Acquire) {
            OPEN => {}
            other => return self.admit_unless(State::of(other)),
        }
        let end = gate.appended.load(Ordering::Relaxed) + bytes + gate.slack;
        if end > gate.room.load(Ordering::Acquire) {
            gate.wanted.fetch_max(bytes + gate.slack, Ordering::Relaxed);
            return Err(Refusal::Crowded);
        }
        Ok(())
    }

    /// Appends one group: each effect with its database, in RESP. Returns where the group ends in
    /// the stream; it is durable when [`Log::durable_lsn`] has come so far.
    pub fn append<'a>(&self, effects: impl IntoIterator<Item = (usize, &'a [u8])>) -> Lsn {
        let mut appender = self.appender();
        appender.group(effects);
        appender.end()
    }

    /// For several groups that follow each other; nobody else's come between them.
    pub fn appender(&self) -> Appender<'_> {
        Appender {
            pending: self.pending.lock(),
            gate: &self.gate,
        }
    }

    /// Everything before this has been appended.
    pub fn appended_lsn(&self) -> Lsn {
        self.gate.appended.load(Ordering::Acquire)
    }

    /// Everything before this has been written to the file.
    pub fn written_lsn(&self) -> Lsn {
        self.gate.written.load(Ordering::Acquire)
    }

    /// Everything before this survives a power cut.
    pub fn durable_lsn(&self) -> Lsn {
        self.gate.durable.load(Ordering::Acquire)
    }

    /// What it does, at this moment.
    pub fn state(&self) -> State {
        State::of(self.gate.state.load(Ordering::Acquire))
    }

    /// Is there something for [`Log::commit`] to do, apart from a sync that comes due?
    pub fn has_work(&self) -> bool {
        self.appended_lsn() > self.written_lsn()
            || self.gate.wanted.load(Ordering::Relaxed) > 0
            || self.gate.state.load(Ordering::Relaxed) == FULL
    }

    /// Has a write or a sync failed, so that nothing more can be written?
    pub fn is_broken(&self) -> bool {
        self.state() == State::Broken
    }

    /// What keeps the log from being written, if anything does.
    pub fn trouble(&self) -> Option<String> {
        self.admit_unless(self.state())
            .err()
            .map(|refusal| match refusal {
                Refusal::Broken(why) => why,
                other => other.to_string(),
            })
    }

    pub fn policy(&self) -> FsyncPolicy {
        match self.gate.policy.load(Ordering::Relaxed) {
            0 => FsyncPolicy::Always,
            1 => FsyncPolicy::EverySec,
            _ => FsyncPolicy::No,
        }
    }

    /// Holds from the next commit on.
    pub fn set_policy(&self, policy: FsyncPolicy) {
        self.gate.policy.store(policy as u8, Ordering::Relaxed);
    }

    /// Holds from what is taken next.
    pub fn set_timestamps(&self, timestamps: bool) {
        self.gate.timestamps.store(timestamps, Ordering::Relaxed);
    }

    /// Holds from the next rewrite, or [`Log::tidy`], on.
    pub fn set_keep(&self, keep: Keep) {
        *self.gate.keep.lock() = keep;
    }

    pub(super) fn keep(&self) -> Keep {
        *self.gate.keep.lock()
    }

    /// Says what time it is, in unix seconds: what is written from now on has that time.
    #[inline]
    pub fn tell_time(&self, unix_secs: u64) {
        let unix_secs = unix_secs.min(TIME_MAX);
        self.gate.unix_secs.store(unix_secs, Ordering::Relaxed);
    }

    pub(super) fn unix_secs(&self) -> u64 {
        self.gate.unix_secs.load(Ordering::Relaxed)
    }

    /// Writes what is pending, syncs if it is due, publishes. For one thread, the committer.
    ///
    /// `now_ms` counts the second of [`FsyncPolicy::EverySec`]; `clock_us` measures the sync. A
    /// full disk is no error but said in [`Committed`]; an error means that the log is broken.
    pub fn commit(&self, now_ms: u64, clock_us: &dyn Fn() -> u64) -> Result<Committed, Trouble> {
        let mut desk = self.desk.lock();
        if let Some(nothing) = self.while_down(&desk) {
            return nothing;
        }
        if self.policy() == FsyncPolicy::Always {
            let outcome = self.commit_all(&mut desk, now_ms, clock_us);
            return outcome.inspect_err(|trouble| self.poison(&mut desk, trouble));
        }
        let outcome = self.write_pending(&mut desk);
        let committed = outcome.inspect_err(|trouble| self.poison(&mut desk, trouble))?;
        if !desk.is_sync_due(self.policy(), now_ms) {
            return Ok(committed);
        }
        let fsync_us = self.sync_aside(desk, now_ms, clock_us)?;
        Ok(Committed {
            fsync_us: Some(fsync_us),
            ..committed
        })
    }

    /// Makes the next commits cheap, when nobody waits for one. For the committer, between them.
    pub fn prepare(&self) -> Result<(), Trouble> {
        if self.policy() != FsyncPolicy::Always {
            return Ok(());
        }
        let mut desk = self.desk.lock();
        if !desk.health.is_well() {
            return Ok(());
        }
        let outcome = desk.write_zeros_ahead();
        outcome.inspect_err(|trouble| self.poison(&mut desk, trouble))
    }

    /// As [`Log::commit`], but syncs whether it is due or not; others may write meanwhile.
    pub fn sync_now(&self, now_ms: u64, clock_us: &dyn Fn() -> u64) -> Result<Committed, Trouble> {
        let mut desk = self.desk.lock();
        if let Some(nothing) = self.while_down(&desk) {
            return nothing;
        }
        let outcome = self.write_pending(&mut desk);
        let committed = outcome.inspect_err(|trouble| self.poison(&mut desk, trouble))?;
        let fsync_us = self.sync_aside(desk, now_ms, clock_us)?;
        Ok(Committed {
            fsync_us: Some(fsync_us),
            ..committed
        })
    }

    /// Writes what is pending and syncs nothing: what a crash of this process alone shall not
    /// take. Any thread may call it; it never waits for a sync.
    pub fn write(&self) -> Result<Committed, Trouble> {
        let mut desk = self.desk.lock();
        if let Some(nothing) = self.while_down(&desk) {
            return nothing;
        }
        let outcome = self.write_pending(&mut desk);
        outcome.inspect_err(|trouble| self.poison(&mut desk, trouble))
    }

    /// Writes and syncs everything and trims the file, so that stock servers read it. A broken
    /// log is left as it is, and a full disk too: the rest is lost, as the caller is told. A new
    /// generation that is not in force is given up.
    pub fn close(&self, now_ms: u64, clock_us: &dyn Fn() -> u64) -> Result<(), Trouble> {
        let mut desk = self.desk.lock();
        match &desk.health {
            Health::Well => {}
            Health::Rising(_) => {
                drop(desk);
                self.give_up_rising();
                return self.close(now_ms, clock_us);
            }
            Health::Down(Down::Off) => return Ok(()),
            Health::Down(Down::Broken(trouble)) => return Err(trouble.clone()),
        }
        let outcome = self.finish(&mut desk, now_ms, clock_us);
        let closed = match &outcome {
            Ok(()) => Trouble::new(Kind::System, &desk.path, "the log has been closed"),
            Err(trouble) => trouble.clone(),
        };
        self.poison(&mut desk, &closed);
        outcome
    }

    /// Everything that is pending for the present file is written and synced, and the file ends
    /// there.
    pub(super) fn finish(
        &self,
        desk: &mut Desk,
        now_ms: u64,
        clock_us: &dyn Fn() -> u64,
    ) -> Result<(), Trouble> {
        // More than once if a batch had been waiting for room.
        loop {
            self.commit_all(desk, now_ms, clock_us)?;
            if !desk.batch.is_empty() {
                let what = "the disk is full: the last changes could not be written";
                return Err(Trouble::new(Kind::Full, &desk.path, what));
            }
            if self.pending.lock().is_drained() {
                break;
            }
        }
        self.sync(desk, now_ms)?;
        let sealed = desk.seal_and_trim();
        sealed.inspect_err(|trouble| self.poison(desk, trouble))
    }

    pub(super) fn commit_all(
        &self,
        desk: &mut Desk,
        now_ms: u64,
        clock_us: &dyn Fn() -> u64,
    ) -> Result<Committed, Trouble> {
        if desk.publishes_early() {
            self.gate
                .durable
                .store(self.appended_lsn(), Ordering::Release);
        }
        let mut began_us = clock_us();
        let mut committed = self.write_pending(desk)?;
        if desk.is_sync_due(self.policy(), now_ms) {
            began_us = clock_us();
            self.sync(desk, now_ms)?;
        } else if desk.synced <= self.durable_lsn() {
            return Ok(committed);
        }
        // Otherwise what was written past the page cache was synced with that, here or by
        // [`Log::write`], if the policy changed under it: nobody else would ever say so.
        committed.fsync_us = Some(clock_us().saturating_sub(began_us));
        self.publish_durable(desk);
        Ok(committed)
    }

    pub(super) fn write_pending(&self, desk: &mut Desk) -> Result<Committed, Trouble> {
        let awaits_rotation = self.take(desk);
        let has_room = self.reserve(desk);
        let before = desk.bytes_written;
        let wrote = desk.write_batch(self.policy());
        self.gate.written.store(desk.lsn, Ordering::Release);
        let is_rising = desk.health.is_rising();
        let is_full = match wrote {
            Ok(()) => !has_room && !is_rising,
            // A new generation does not wait for room: it is tried again.
            Err(trouble) if trouble.kind == Kind::Full && !is_rising => true,
            Err(trouble) => return Err(trouble),
        };
        desk.last_commit_bytes = desk.bytes_written - before;
        self.publish_room(desk);
        if !is_rising {
            let state = if is_full { FULL } else { OPEN };
            self.gate.state.store(state, Ordering::Release);
        }
        Ok(Committed {
            bytes: desk.last_commit_bytes,
            lsn: desk.lsn,
            fsync_us: None,
            is_full,
            awaits_rotation,
        })
    }

    /// Syncs what is written while others go on writing. Returns how long it took.
    fn sync_aside(
        &self,
        mut desk: MutexGuard<'_, Desk>,
        now_ms: u64,
        clock_us: &dyn Fn() -> u64,
    ) -> Result<u64, Trouble> {
        let sync = desk.begin_sync();
        drop(desk);
        let began_us = clock_us();
        let outcome = sync.run();
        let fsync_us = clock_us().saturating_sub(began_us);
        let mut desk = self.desk.lock();
        let outcome = outcome.and_then(|()| {
            desk.end_sync(sync, now_ms);
            self.publish_durable(&desk);
            match self.policy() {
                // Nothing else may come for long: say that all this was synced.
                FsyncPolicy::EverySec if desk.synced == desk.lsn => desk.write_proof(),
                _ => Ok(()),
            }
        });
        // Whatever its kind: nobody knows what it saved.
        outcome.inspect_err(|trouble| self.poison(&mut desk, trouble))?;
        Ok(fsync_us)
    }

    /// Syncs what is written and publishes it, in this order.
    pub(super) fn sync(&self, desk: &mut Desk, now_ms: u64) -> Result<(), Trouble> {
        if let Err(trouble) = desk.sync(now_ms) {
            // Whatever its kind: nobody knows what it saved.
            self.poison(desk, &trouble);
            return Err(trouble);
        }
        self.publish_durable(desk);
        Ok(())
    }

    /// What is synced in files that no manifest lists would not survive anything.
    fn publish_durable(&self, desk: &Desk) {
        if desk.health.is_well() {
            self.gate.durable.store(desk.synced, Ordering::Release);
        }
    }

    /// Moves what is pending to the committer's desk, up to where the file is to change. Says
    /// whether it does.
    fn take(&self, desk: &mut Desk) -> bool {
        let mut pending = self.pending.lock();
        if desk.batch.is_empty() {
            let timestamps = self.gate.timestamps.load(Ordering::Relaxed);
            let time = timestamps.then(|| self.unix_secs());
            desk.batch.fill(&mut pending, time);
        }
        pending.rotate_at.is_some()
    }

    /// Makes room for what is pending and more; says whether there is enough. A failure of any
    /// kind only means that there is not: the writes themselves will tell.
    pub(super) fn reserve(&self, desk: &mut Desk) -> bool {
        let pending = self.appended_lsn().saturating_sub(desk.lsn);
        let wanted = self.gate.wanted.swap(0, Ordering::Relaxed);
        let has_room = desk.reserve(pending, wanted);
        self.publish_room(desk);
        has_room
    }

    /// Gives back what was reserved for the present file; the next commit reserves again.
    pub(super) fn give_back_room(&self, desk: &mut Desk) {
        if desk.trim().is_ok() {
            self.publish_room(desk);
        }
    }

    fn publish_room(&self, desk: &Desk) {
        let room = desk.allocated_end - desk.offset;
        let lines = room / desk.settings.group_bytes as u64 + 4;
        let room = room.saturating_sub(lines * LINE_BYTES_MAX as u64);
        self.gate.room.store(desk.lsn + room, Ordering::Release);
    }

    pub(super) fn publish_kept(&self, desk: &Desk) {
        let kept = desk.manifest.kept.len();
        self.gate.kept.store(kept, Ordering::Relaxed);
    }

    /// Nobody knows what is in the present file: it is never written again.
    pub(super) fn poison(&self, desk: &mut Desk, trouble: &Trouble) {
        let down = match &desk.health {
            Health::Well => Down::Broken(trouble.clone()),
            Health::Down(down) => down.clone(),
            Health::Rising(rising) => {
                desk.remove(&rising.entry.name);
                rising.from.clone()
            }
        };
        self.fall(desk, down);
    }

    /// From here on nothing is written, and what is pending is forgotten.
    pub(super) fn fall(&self, desk: &mut Desk, down: Down) {
        if let Down::Broken(trouble) = &down {
            *self.gate.why.lock() = trouble.to_string();
        }
        self.gate.state.store(down.state() as u8, Ordering::Release);
        desk.health = Health::Down(down);
        desk.batch.clear();
        let mut pending = self.pending.lock();
        pending.discard();
        pending.is_discarded = true;
        pending.rotate_at = None;
    }

    /// A new generation of files is in force, synced as far as it says.
    pub(super) fn heal(&self, desk: &mut Desk) {
        desk.health = Health::Well;
        self.gate.written.store(desk.lsn, Ordering::Release);
        self.gate.durable.store(desk.synced, Ordering::Release);
        self.reserve(desk);
        self.gate.state.store(OPEN, Ordering::Release);
    }

    /// A place in the stream that nobody was given before.
    pub(super) fn skip_a_byte(&self, pending: &mut Pending) {
        pending.discard();
        pending.start += 1;
        self.gate.appended.store(pending.end(), Ordering::Release);
    }

    /// May a command write, in any state but the usual one?
    #[cold]
    fn admit_unless(&self, state: State) -> Result<(), Refusal> {
        match state {
            // Nobody is promised anything yet, or a driver writes behind each batch.
            State::Open | State::Off | State::Rising => Ok(()),
            State::Full => Err(Refusal::Full {
                kept: self.gate.kept.load(Ordering::Relaxed),
            }),
            State::Broken => Err(Refusal::Broken(self.gate.why.lock().clone())),
        }
    }

    /// What a commit comes to if there is no file to write: nothing but the wish to come up.
    fn while_down(&self, desk: &Desk) -> Option<Result<Committed, Trouble>> {
        let Health::Down(down) = &desk.health else {
            return None;
        };
        let awaits_rotation = self.pending.lock().rotate_at.is_some();
        let nothing = Committed {
            lsn: desk.lsn,
            awaits_rotation,
            ..Committed::default()
        };
        Some(match down {
            Down::Broken(trouble) if !awaits_rotation => Err(trouble.clone()),
            Down::Broken(_) | Down::Off => Ok(nothing),
        })
    }
}

/// Groups on their way into the log.
pub struct Appender<'l> {
    pending: MutexGuard<'l, Pending>,
    gate: &'l Gate,
}

impl Appender<'_> {
    /// One group of any number of effects.
    pub fn group<'a>(&mut self, effects: impl IntoIterator<Item = (usize, &'a [u8])>) {
        self.pending.append(effects.into_iter());
    }

    /// Any number of groups of one effect each, all in one database.
    #[inline]
    pub fn singles(&mut self, database: usize, bytes: &[u8]) {
        self.pending.append(std::iter::once((database, bytes)));
    }

    /// Returns where the last group ends in the stream.
    pub fn end(self) -> Lsn {
        let end = self.pending.end();
        self.gate.appended.store(end, Ordering::Release);
        end
    }
}

impl Pending {
    pub(super) fn end(&self) -> Lsn {
        self.start + self.bytes.len() as u64
    }

    /// Is there nothing left for the present file?
    fn is_drained(&self) -> bool {
        self.rotate_at.unwrap_or(self.bytes.len()) == 0
    }

    fn append<'a>(&mut self, mut effects: impl Iterator<Item = (usize, &'a [u8])>) {
        let Some((database, first)) = effects.next() else {
            return;
        };
        let last_cut = self.cuts.last().copied().unwrap_or(0);
        if self.bytes.len() - last_cut >= self.group_bytes {
            self.cuts.push(self.bytes.len());
        }
        self.select(database);
        match effects.next() {
            None => self.bytes.extend_from_slice(first),
            Some(second) => {
                self.bytes.extend_from_slice(b"*1\r\n$5\r\nMULTI\r\n");
                self.bytes.extend_from_slice(first);
                for (database, effect) in std::iter::once(second).chain(effects) {
                    self.select(database);
                    self.bytes.extend_from_slice(effect);
                }
                self.bytes.extend_from_slice(b"*1\r\n$4\r\nEXEC\r\n");
            }
        }
        if self.is_discarded {
            self.discard();
        }
    }

    /// Forgets the bytes, not their place: a snapshot will have what they did.
    pub(super) fn discard(&mut self) {
        self.start = self.end();
        self.bytes.clear();
        self.cuts.clear();
        self.database = None;
    }

    /// Forgets the bytes before the mark, which a snapshot has; returns where the rest begins.
    pub(super) fn discard_marked(&mut self) -> Option<Lsn> {
        let at = self.rotate_at.take()?;
        self.bytes.drain(..at);
        self.start += at as u64;
        self.cuts.retain(|cut| *cut > at);
        self.cuts.iter_mut().for_each(|cut| *cut -= at);
        Some(self.start)
    }

    /// From here on the stream goes to another file, which begins in no database.
    pub(super) fn begin_file(&mut self) {
        self.rotate_at = Some(self.bytes.len());
        self.cuts.push(self.bytes.len());
        self.database = None;
    }

    fn select(&mut self, database: usize) {
        if self.database.replace(database) == Some(database) {
            return;
        }
        let mut number = Vec::with_capacity(20);
        write_u64(&mut number, database as u64);
        self.bytes.extend_from_slice(b"*2\r\n$6\r\nSELECT\r\n$");
        write_u64(&mut self.bytes, number.len() as u64);
        self.bytes.extend_from_slice(b"\r\n");
        self.bytes.extend_from_slice(&number);
        self.bytes.extend_from_slice(b"\r\n");
    }
}
