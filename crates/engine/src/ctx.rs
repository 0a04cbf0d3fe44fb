//! All that a handler may touch.
//!
//! ```text
//!   handler ─► Ctx ─┬─ the keyspace, through the shards that are held
//!                   ├─ the session that asked
//!                   ├─ the engine's shared parts (config, clients, stats)
//!                   └─ effects, garbage, randomness of this executor
//! ```
//!
//! The keyspace side is here: looking a key up deletes it if it has expired,
//! counts hits and misses, and renews its access time; changing it tells those
//! who watch it. What a change means to the log is the handler's to say, with
//! [`Ctx::effect`], as only it knows the canonical form. What there is for one kind of
//! value is in the file named after it.

mod hash;
mod list;
mod long;
mod set;
mod stream;
mod wait;
mod zset;

use std::collections::VecDeque;
use std::sync::Arc;

use base::{Now, Rng};
use resp::{Argv, Reply};
use store::{Access, Entry, Key, Kind, NewValue, Slot, StringView, Table};

use crate::commands::CommandId;
use crate::config::{Config, MaxmemoryPolicy};
use crate::effect::Effects;
use crate::engine::Engine;
use crate::error::CommandError;
use crate::garbage::Garbage;
use crate::host::{LogMode, Lsn, PersistenceFacts};
use crate::pause::PauseMode;
use crate::pipeline::Stopwatch;
use crate::session::{Session, Stage};
use crate::shards::{Held, Shard};
use crate::stats::Block;
use crate::waits::Ready;

pub(crate) use long::{LONG_BYTES, Walk};

/// What belongs to one executor and is lent to each command.
pub(crate) struct Local {
    pub(crate) held: Held,
    pub(crate) effects: Effects,
    pub(crate) garbage: Vec<Garbage>,
    pub(crate) rng: Rng,
    pub(crate) stats: Arc<Block>,
    pub(crate) stopwatch: Stopwatch,
    pub(crate) config: Arc<Config>,
    pub(crate) config_generation: u64,
    /// The time of the batch; [`Ctx::moved_on`] sets it.
    pub(crate) now: Now,
    pub(crate) clock: AccessClock,
    pub(crate) wanted: Vec<u32>,
    /// Within EXEC: all effects until its end are one group.
    pub(crate) in_transaction: bool,
    /// Somebody below may refuse writes: there is a log, or a snapshot has failed.
    pub(crate) asks_before_writes: bool,
    /// Which data the present group of effects changed.
    pub(crate) written: Written,
    /// What was paused when the present request came to the gate. Asked once: a
    /// pause that begins in between would leave an expired key in the way of the
    /// one that is put in its place.
    pub(crate) pause: Option<PauseMode>,
    /// Keys that somebody waits for and that the present command has changed.
    pub(crate) ready: VecDeque<Ready>,
    /// What is run comes from the log: decided already, to be repeated.
    pub(crate) replaying: bool,
}

impl Local {
    /// Take note of a configuration that has changed since the last look.
    #[inline]
    pub(crate) fn refresh_config(&mut self, engine: &Engine, now: Now) {
        let generation = engine.config_generation();
        if generation != self.config_generation {
            self.config_generation = generation;
            self.config = engine.config();
        }
        self.now = now;
        self.clock = AccessClock::new(now, &self.config);
        self.stopwatch.wind(now, &self.config);
        let mut mode = LogMode::Off;
        self.effects.want(|| {
            if !self.replaying {
                mode = engine.host.log_mode();
            }
            mode != LogMode::Off
        });
        self.asks_before_writes =
            mode != LogMode::Off || !self.replaying && engine.host.snapshot_failed();
        self.written.is_kept = mode == LogMode::Awaited;
    }
}

/// What the present group of effects changed, so that whoever reads it waits for
/// the log. Kept only while the host holds replies.
#[derive(Default)]
pub(crate) struct Written {
    pub(crate) is_kept: bool,
    pub(crate) keys: Vec<(u32, u64)>,
    /// Whole databases, in all shards that are held.
    pub(crate) databases: Vec<u32>,
    /// How many of the keys belong to groups that are closed.
    closed_keys: usize,
    /// Where the groups handed over last end in the log.
    pub(crate) last: Lsn,
}

impl Written {
    /// What the present command looked at to write, it did not write.
    #[inline]
    pub(crate) fn forget_open(&mut self) {
        self.keys.truncate(self.closed_keys);
    }

    #[inline]
    pub(crate) fn close_group(&mut self) {
        self.closed_keys = self.keys.len();
    }

    /// The keys of all closed groups.
    pub(crate) fn take_keys(&mut self) -> std::vec::Drain<'_, (u32, u64)> {
        self.closed_keys = 0;
        self.keys.drain(..)
    }
}

/// How access times are kept, as of this turn.
#[derive(Clone, Copy)]
pub(crate) struct AccessClock {
    unix_secs: i64,
    lfu: Option<Lfu>,
}

#[derive(Clone, Copy)]
struct Lfu {
    log_factor: u32,
    decay_minutes: u32,
}

impl AccessClock {
    pub(crate) fn new(now: Now, config: &Config) -> AccessClock {
        let live = &config.live;
        AccessClock {
            unix_secs: now.unix_secs(),
            lfu: is_lfu(live.maxmemory_policy).then_some(Lfu {
                log_factor: live.lfu_log_factor,
                decay_minutes: live.lfu_decay_time_minutes,
            }),
        }
    }

    /// The mark of a key that is new.
    #[inline]
    pub(crate) fn fresh(&self) -> Access {
        match self.lfu {
            None => Access::lru(self.unix_secs),
            Some(_) => Access::lfu(self.unix_secs, Access::LFU_INIT),
        }
    }

    /// The mark of a key that is used once more.
    #[inline]
    fn renewed(&self, before: Access, rng: &mut Rng) -> Access {
        match self.lfu {
            None => Access::lru(self.unix_secs),
            Some(lfu) => Access::lfu(self.unix_secs, self.grown(lfu, before, rng)),
        }
    }

    /// The counter after decay: one less per so many minutes without use.
    pub(crate) fn decayed(&self, access: Access) -> u8 {
        let minutes = u32::from(access.idle_minutes(self.unix_secs));
        let periods = match self.lfu {
            Some(lfu) if lfu.decay_minutes > 0 => minutes / lfu.decay_minutes,
            _ => 0,
        };
        let counter = u32::from(access.counter());
        counter.saturating_sub(periods) as u8
    }

    /// A logarithmic counter: the higher it is, the less likely it grows.
    fn grown(&self, lfu: Lfu, before: Access, rng: &mut Rng) -> u8 {
        let counter = self.decayed(before);
        let above = f64::from(counter.saturating_sub(Access::LFU_INIT));
        let chance = 1.0 / (above * f64::from(lfu.log_factor) + 1.0);
        if counter < u8::MAX && rng.f64() < chance {
            counter + 1
        } else {
            counter
        }
    }
}

/// Does this policy count uses rather than remember the last one?
pub(crate) fn is_lfu(policy: MaxmemoryPolicy) -> bool {
    matches!(
        policy,
        MaxmemoryPolicy::AllkeysLfu | MaxmemoryPolicy::VolatileLfu
    )
}

/// The present command's surroundings.
pub struct Ctx<'a> {
    pub engine: &'a Engine,
    pub now: Now,
    pub session: &'a mut Session,
    pub(crate) local: &'a mut Local,
}

impl Ctx<'_> {
    #[inline]
    pub fn now_ms(&self) -> i64 {
        self.now.unix_ms()
    }

    /// Time has passed inside this command: it is later for those behind it in the batch too. A
    /// transaction is one moment to its end.
    pub(crate) fn moved_on(&mut self, now: Now) {
        if !self.local.in_transaction {
            self.now = now;
        }
        self.local.now = now;
        self.local.clock = AccessClock::new(now, &self.local.config);
    }

    pub fn config(&self) -> &Config {
        &self.local.config
    }

    /// May this client do more than log in? Without a password everybody may.
    #[inline]
    pub fn is_authenticated(&self) -> bool {
        self.session.authenticated || self.config().live.requirepass.is_none()
    }

    /// The longest string a client may make: `proto-max-bulk-len`.
    pub fn string_bytes_max(&self) -> usize {
        if self.local.replaying {
            // The limit may have been lowered since.
            return Ctx::STRING_BYTES_EVER;
        }
        self.local.config.live.proto_max_bulk_len_bytes as usize
    }

    pub fn random(&mut self) -> u64 {
        self.local.rng.next_u64()
    }

    // ---- shards ----------------------------------------------------------

    #[inline]
    fn shard(&mut self, hash: u64) -> &mut Shard {
        let index = self.engine.shards.of(hash);
        self.local.held.shard(index)
    }

    #[inline]
    fn table(&mut self, database: usize, hash: u64) -> &mut Table {
        self.shard(hash).keys.database_mut(database)
    }

    /// Visit every shard. Inside a transaction all are held already; otherwise
    /// one is, at a time.
    pub fn each_shard<R>(
        &mut self,
        mut visit: impl FnMut(&mut Ctx<'_>, usize) -> std::ops::ControlFlow<R>,
    ) -> Option<R> {
        let all = self.local.held.holds_all();
        for index in 0..self.engine.shards.len() {
            if !all {
                self.move_to(index);
            }
            if let std::ops::ControlFlow::Break(found) = visit(self, index) {
                return Some(found);
            }
        }
        None
    }

    /// Be inside one shard, or stay inside all of them.
    pub fn enter_shard(&mut self, index: usize) -> &mut Shard {
        if !self.local.held.holds_all() {
            self.move_to(index);
        }
        self.local.held.shard(index)
    }

    /// Be inside one shard, unless it is among those held.
    pub(crate) fn enter_shard_unless_held(&mut self, index: usize) {
        if !self.local.held.holds(index) {
            self.move_to(index);
        }
    }

    /// Leave the shard entered last, before something that takes its time.
    /// Inside a transaction they stay held.
    pub fn leave_shards(&mut self) {
        if !self.local.in_transaction {
            self.settle_so_far();
            self.hand_over();
            self.local.held.none();
        }
    }

    /// The effects on the shards that are left must be in the log before
    /// anybody else can change the same keys.
    fn move_to(&mut self, index: usize) {
        if !self.local.held.holds_only(index) {
            self.settle_so_far();
            self.hand_over();
            self.local.held.one(index);
        }
    }

    /// In the midst of a long command: hand its effects over while the shards
    /// that they touched are held. Those of a transaction stay together.
    pub(crate) fn settle_so_far(&mut self) {
        if !self.local.in_transaction && !self.local.effects.is_empty() {
            crate::pipeline::settle(self);
        }
    }

    /// Hand closed groups over, before the shards that they touched are left.
    #[inline]
    pub(crate) fn hand_over(&mut self) {
        if self.local.effects.groups() > 0 {
            crate::pipeline::hand_over(self);
        }
    }

    /// Be inside all shards, so that nothing changes meanwhile.
    pub fn enter_all(&mut self) {
        if !self.local.held.holds_all() {
            self.settle_so_far();
            self.hand_over();
            self.local.held.all();
        }
    }

    /// A shard that is held.
    pub fn held_shard(&mut self, index: usize) -> &mut Shard {
        self.local.held.shard(index)
    }

    // ---- looking up ------------------------------------------------------

    /// Where a key of the selected database is. An expired one is removed.
    #[inline]
    pub fn find(&mut self, key: &Key<'_>) -> Option<Slot> {
        self.find_in(self.session.database, key)
    }

    /// Where a key of any database is.
    #[inline]
    pub fn find_in(&mut self, database: usize, key: &Key<'_>) -> Option<Slot> {
        self.look(database, key, false).map(|(slot, _)| slot)
    }

    /// Where a key is, and what it holds. A use renews its access time. All that is asked of an
    /// entry before a command does its work is asked here, at one look.
    #[inline]
    fn look(&mut self, database: usize, key: &Key<'_>, is_use: bool) -> Option<(Slot, Kind)> {
        let now_ms = self.now_ms();
        if self.local.written.is_kept && !self.waits_for_own() {
            self.gate_by(database, key);
        }
        let Local {
            held,
            clock,
            rng,
            replaying,
            ..
        } = &mut *self.local;
        let shard = held.shard(self.engine.shards.of(key.hash));
        let table = shard.keys.database_mut(database);
        let slot = table.find(key)?;
        let entry = table.entry(slot);
        if entry.is_expired(now_ms) && !*replaying {
            self.expire(database, key, slot);
            return None;
        }
        let (kind, before) = (entry.kind(), entry.access());
        if is_use {
            let after = clock.renewed(before, rng);
            if after != before {
                table.touch(slot, after);
            }
        }
        Some((slot, kind))
    }

    /// The session's replies wait for writes that are still to be handed over: nothing that it can
    /// see comes behind them in the log.
    #[inline]
    fn waits_for_own(&self) -> bool {
        self.session.gate == Lsn::PENDING && self.local.effects.groups() > 0
    }

    /// The reply will show this key, or that it is not there. Needs not be asked of a session that
    /// [`Ctx::waits_for_own`].
    fn gate_by(&mut self, database: usize, key: &Key<'_>) {
        let lsn = Lsn(self.table(database, key.hash).last_lsn(key.hash));
        if self.session.gate == Lsn::PENDING {
            // Its own writes were handed over with an earlier window: others may have written
            // here since, and that must not hide behind them.
            self.session.gate = self.local.written.last;
        }
        self.session.gate = self.session.gate.max(lsn);
    }

    /// The entry at a slot that was just found.
    #[inline]
    pub fn entry(&mut self, key: &Key<'_>, slot: Slot) -> Entry<'_> {
        self.entry_in(self.session.database, key, slot)
    }

    #[inline]
    pub fn entry_in(&mut self, database: usize, key: &Key<'_>, slot: Slot) -> Entry<'_> {
        self.table(database, key.hash).entry(slot)
    }

    /// Look a key up to read it: counts as a hit or a miss and as a use.
    #[inline]
    pub fn read(&mut self, key: &Key<'_>) -> Option<Entry<'_>> {
        let slot = self.find_to_read(key)?;
        Some(self.entry(key, slot))
    }

    /// Look a key up about its state: a hit or a miss, but no use (TTL, TYPE).
    pub fn peek(&mut self, key: &Key<'_>) -> Option<Entry<'_>> {
        let slot = self.find_counted(key)?;
        Some(self.entry(key, slot))
    }

    /// Where a key of the selected database is, counted as a hit or a miss.
    #[inline]
    pub fn find_counted(&mut self, key: &Key<'_>) -> Option<Slot> {
        let found = self.find(key);
        self.count_look(found.is_some());
        found
    }

    /// The same to read it, which is a use.
    #[inline]
    pub fn find_to_read(&mut self, key: &Key<'_>) -> Option<Slot> {
        let found = self.look(self.session.database, key, !self.session.no_touch);
        self.count_look(found.is_some());
        found.map(|(slot, _)| slot)
    }

    #[inline]
    fn count_look(&mut self, is_hit: bool) {
        match is_hit {
            true => self.local.stats.keyspace_hits.add(1),
            false => self.local.stats.keyspace_misses.add(1),
        }
    }

    /// Look a string up to read it.
    #[inline]
    pub fn string(&mut self, key: &Key<'_>) -> Result<Option<StringView<'_>>, CommandError> {
        match self.read(key) {
            Some(entry) if !entry.is_string() => Err(CommandError::WrongType),
            found => Ok(found.map(|entry| entry.string())),
        }
    }

    /// Look a string up to change it: no hit, no miss, but a use.
    pub fn string_slot(&mut self, key: &Key<'_>) -> Result<Option<Slot>, CommandError> {
        self.slot_of(key, Kind::String)
    }

    /// Look a key up to change what should be of this kind: no hit, no miss, but a use.
    #[inline]
    pub fn slot_of(&mut self, key: &Key<'_>, kind: Kind) -> Result<Option<Slot>, CommandError> {
        match self.look(self.session.database, key, !self.session.no_touch) {
            Some((slot, found)) if found == kind => Ok(Some(slot)),
            Some(_) => Err(CommandError::WrongType),
            None => Ok(None),
        }
    }

    /// Look a key of any database up to change it: no hit, no miss, but a use.
    #[inline]
    pub fn find_to_change(&mut self, database: usize, key: &Key<'_>) -> Option<Slot> {
        let found = self.look(database, key, !self.session.no_touch);
        found.map(|(slot, _)| slot)
    }

    /// Renew the access time of a key.
    #[inline]
    pub fn touch(&mut self, key: &Key<'_>, slot: Slot) {
        let (database, clock) = (self.session.database, self.local.clock);
        let before = self.entry_in(database, key, slot).access();
        let after = clock.renewed(before, &mut self.local.rng);
        if after != before {
            self.table(database, key.hash).touch(slot, after);
        }
    }

    /// Put an access time in place.
    pub fn set_access(&mut self, key: &Key<'_>, slot: Slot, access: Access) {
        let database = self.session.database;
        self.table(database, key.hash).touch(slot, access);
    }

    // ---- changing --------------------------------------------------------

    /// Set a key, whatever it was, to a string.
    #[inline]
    pub fn set(&mut self, key: &Key<'_>, value: NewValue<'_>, deadline_ms: Option<i64>) {
        let slot = self.find(key);
        self.set_at(key, slot, value, deadline_ms);
    }

    /// Set a key of which it is known where it is, or that it is not there.
    #[inline]
    pub fn set_at(
        &mut self,
        key: &Key<'_>,
        slot: Option<Slot>,
        value: NewValue<'_>,
        deadline_ms: Option<i64>,
    ) {
        let (now_ms, clock) = (self.now_ms(), self.local.clock);
        let mut access = clock.fresh();
        let database = self.session.database;
        match slot {
            Some(slot) => {
                if clock.lfu.is_some() {
                    // A new value does not make the key less used.
                    let before = self.entry_in(database, key, slot).access();
                    access = clock.renewed(before, &mut self.local.rng);
                }
                self.retire(database, key, slot);
                self.table(database, key.hash)
                    .set(slot, value, deadline_ms, access, now_ms);
            }
            None => {
                self.table(database, key.hash)
                    .insert(key, value, deadline_ms, access, now_ms);
            }
        }
        self.changed(key);
    }

    /// Set an integer or a short string in place of another; deadline and access
    /// time stay.
    #[inline]
    pub fn rewrite(&mut self, key: &Key<'_>, slot: Slot, value: NewValue<'_>) {
        self.table(self.session.database, key.hash)
            .rewrite(slot, value);
        self.changed(key);
    }

    /// Add bytes to the end of a string. Returns its new length.
    pub fn append(&mut self, key: &Key<'_>, slot: Slot, tail: &[u8]) -> usize {
        let len = self
            .table(self.session.database, key.hash)
            .append(slot, tail);
        self.changed(key);
        len
    }

    /// The bytes of a string to be written in place, at least `len` of them: a
    /// shorter string is filled up with zero bytes, a missing one is made of
    /// them. [`Ctx::changed`] is left to the caller.
    pub fn room(&mut self, key: &Key<'_>, slot: Option<Slot>, len: usize) -> &mut [u8] {
        let (now_ms, access) = (self.now_ms(), self.local.clock.fresh());
        let table = self.table(self.session.database, key.hash);
        let slot =
            slot.unwrap_or_else(|| table.insert(key, NewValue::zeros(len), None, access, now_ms));
        table.widen(slot, len)
    }

    /// The bytes of a string to be written in place; see [`Table::bytes_mut`].
    pub fn bytes_mut(&mut self, key: &Key<'_>, slot: Slot) -> Option<&mut [u8]> {
        self.table(self.session.database, key.hash).bytes_mut(slot)
    }

    /// Change a string in place if it is kept as a block of its own.
    pub fn modify_block<R>(
        &mut self,
        key: &Key<'_>,
        slot: Slot,
        change: impl FnOnce(&mut Vec<u8>) -> R,
    ) -> Option<R> {
        self.table(self.session.database, key.hash)
            .modify_block(slot, change)
    }

    /// A collection has lost its last element, and its key goes. The command that
    /// took the element says as much to the log.
    pub fn remove_empty(&mut self, key: &Key<'_>) {
        let slot = self.find(key).expect("it was changed a moment ago");
        self.remove(key, slot);
    }

    pub fn set_deadline(&mut self, key: &Key<'_>, slot: Slot, deadline_ms: Option<i64>) {
        let now_ms = self.now_ms();
        self.table(self.session.database, key.hash)
            .set_deadline(slot, deadline_ms, now_ms);
        self.changed(key);
    }

    /// Remove a key. The log must be told by the caller.
    pub fn remove(&mut self, key: &Key<'_>, slot: Slot) {
        self.remove_in(self.session.database, key, slot);
    }

    pub fn remove_in(&mut self, database: usize, key: &Key<'_>, slot: Slot) {
        self.retire(database, key, slot);
        self.table(database, key.hash).remove(slot);
        self.changed_in(database, key);
    }

    /// Take a key out, to put its value in elsewhere.
    pub fn detach_in(&mut self, database: usize, key: &Key<'_>, slot: Slot) -> store::Detached {
        let detached = self.table(database, key.hash).detach(slot);
        self.changed_in(database, key);
        detached
    }

    /// Put a detached value in under a key that is not there.
    pub fn attach_in(
        &mut self,
        database: usize,
        key: &Key<'_>,
        detached: store::Detached,
        deadline_ms: Option<i64>,
    ) {
        #[cfg(feature = "sabotage")]
        self.release_early_before(database, key);
        let now_ms = self.now_ms();
        self.table(database, key.hash)
            .insert_detached(key, detached, deadline_ms, now_ms);
        self.changed_in(database, key);
    }

    /// Tell those who watch a key of the selected database.
    #[inline]
    pub fn changed(&mut self, key: &Key<'_>) {
        self.changed_in(self.session.database, key);
    }

    #[inline]
    pub fn changed_in(&mut self, database: usize, key: &Key<'_>) {
        if self.local.written.is_kept {
            self.local.written.keys.push((database as u32, key.hash));
        }
        let shard = self.shard(key.hash);
        if shard.is_attended() {
            self.tell(database, key);
        }
    }

    /// A key of the selected database has changed, and not in a way that anybody waits for.
    pub(crate) fn changed_unawaited(&mut self, key: &Key<'_>) {
        let database = self.session.database;
        if self.local.written.is_kept {
            self.local.written.keys.push((database as u32, key.hash));
        }
        self.shard(key.hash).watches.touch(database, key.bytes);
    }

    /// All keys of a database have changed, in the shards that are held.
    pub(crate) fn changed_all(&mut self, database: usize) {
        if self.local.written.is_kept {
            self.local.written.databases.push(database as u32);
        }
    }

    /// Before something large loses its entry: free it where nobody waits.
    #[inline]
    fn retire(&mut self, database: usize, key: &Key<'_>, slot: Slot) {
        if let Some(garbage) = Garbage::of(self.entry_in(database, key, slot)) {
            self.local.garbage.push(garbage);
        }
    }

    /// The longest string that `proto-max-bulk-len` can ever have allowed.
    const STRING_BYTES_EVER: usize = u32::MAX as usize;

    /// A key was found expired: remove it and say so.
    #[cold]
    fn expire(&mut self, database: usize, key: &Key<'_>, slot: Slot) {
        if self.local.pause.is_some() {
            return; // it counts as gone, but stays until the pause is over
        }
        self.retire(database, key, slot);
        self.table(database, key.hash).remove(slot);
        let watches = &mut self.shard(key.hash).watches;
        watches.touch_expired(database, key.bytes);
        self.signal(database, key);
        self.local.stats.expired_keys.add(1);
        self.effect_in(database, &[b"DEL", key.bytes]);
    }

    // ---- effects ---------------------------------------------------------

    /// Emit a canonical command for the selected database.
    #[inline]
    pub fn effect(&mut self, argv: &[&[u8]]) {
        self.effect_in(self.session.database, argv);
    }

    /// Emit the request that is being run as its own effect, under its canonical `name`.
    #[inline]
    pub fn effect_as_sent(&mut self, name: &[u8], request: Argv<'_>) {
        let database = self.session.database;
        self.local.effects.emit_as_sent(database, name, request);
    }

    #[inline]
    pub fn effect_in(&mut self, database: usize, argv: &[&[u8]]) {
        self.local.effects.emit(database, argv);
    }

    /// The effect emitted last counts as so many changes more.
    pub fn count_changes(&mut self, more: usize) {
        self.local.effects.count(more as u64);
    }

    /// What `emit` emits, which is something, counts as so many changes.
    pub(crate) fn effects_that_count(&mut self, changes: usize, emit: impl FnOnce(&mut Self)) {
        let before = self.local.effects.changes();
        emit(self);
        self.local.effects.count_as(before, changes as u64);
    }

    /// Is it worth the work to build an effect's arguments? Without a consumer
    /// a plain count will do.
    #[inline]
    pub fn effects_wanted(&self) -> bool {
        self.local.effects.is_wanted()
    }

    /// Throw something large away where nobody waits for it.
    pub fn discard(&mut self, garbage: Garbage) {
        self.local.garbage.push(garbage);
    }

    /// The present request cannot be answered yet: it stays, and is run again
    /// when the host wakes the parked. Nothing may have been done.
    pub(crate) fn park(&mut self) {
        self.session.stage = Stage::Parked;
        self.session.executed -= 1;
    }

    /// What the host keeps on disk.
    pub fn persistence(&self) -> PersistenceFacts {
        self.engine
            .host
            .persistence(self.now, self.engine.changes())
    }

    // ---- other commands --------------------------------------------------

    /// Run another command as part of this one, as EXEC does. Its shards must
    /// be held.
    pub(crate) fn call(&mut self, command: CommandId, argv: Argv<'_>, reply: &mut Reply<'_>) {
        let command = self.engine.commands.get(command);
        let outer = std::mem::replace(&mut self.local.in_transaction, true);
        crate::pipeline::call(self, command, argv, &[], reply);
        self.local.in_transaction = outer;
    }
}
