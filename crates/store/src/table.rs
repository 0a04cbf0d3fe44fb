//! The keys of one database in one shard: extendible hashing without a pause.
//!
//! ```text
//!   hash    │ shard │ directory index │ bucket (multiply-shift) │ ... │ fp │
//!
//!   directory (here of depth 2)      segments
//!     00 ──────────┐
//!     01 ──────────┴──────────────►  depth 1, step 4 (55 homes)
//!     10 ─────────────────────────►  depth 2, step 0 (24 homes)
//!     11 ─────────────────────────►  depth 2, step 2 (40 homes)
//! ```
//!
//! A full segment grows in place through five steps; at the last it splits in
//! two by the next bit of the hash, and the directory doubles if it has to. So
//! one insertion never moves more than one segment's entries (about 400), and
//! no rehash of everything exists. Removals shrink and merge segments again.
//!
//! Position follows the hash from the top bit down, in the directory and
//! within a segment alike. Hence a SCAN cursor is a prefix of the hash: what
//! was there from the first call to the last is reported exactly once, however
//! the table grows, splits or merges meanwhile.
//!
//! Expiry: a segment's header bounds its deadlines from below, and the wheel
//! says when to look (see `wheel`). [`Table::sweep`] removes what is due.
//!
//! Snapshots: every change of an entry first asks whether a walk has yet to save
//! it, which costs one comparison (see `save`).
//!
//! Invariants (`check` asserts them): every entry lies in its home bucket or,
//! with the overflow bit set, in the stash; every directory slot points to the
//! segment whose depth and prefix cover it; the counts and sums are exact.

mod ahead;
mod check;
mod expiry;
mod growth;
mod ruin;
pub(crate) mod save;
mod walk;

use std::sync::Arc;

use crate::Access;
use crate::entry::{Entry, EntryRef, NewValue, Payload};
use crate::hash::{Key, KeyHasher};
use crate::images::Remains;
use crate::segment::{Bucket, SegmentRef, bits};
use crate::slab::{Heap, Slabs};
use crate::value::{FieldNames, Large};
use crate::wheel::{Item, Wheel};

pub use expiry::Gone;
pub use ruin::Ruin;
use save::Saving;

/// Where an entry is. Valid until something is inserted or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    directory: u32,
    bucket: u8,
    lane: u8,
}

/// A value between two tables, with its key, in memory of its own. Dropping it
/// frees it.
pub struct Detached(Option<EntryRef>);

impl Detached {
    /// A copy of an entry under another name. A large value is shared.
    pub fn copy_of(
        entry: Entry<'_>,
        key: &[u8],
        deadline_ms: Option<i64>,
        access: Access,
    ) -> Detached {
        let entry = entry.entry_ref();
        Detached(Some(entry.copy_as(&mut Heap, key, deadline_ms, access)))
    }

    /// A copy of an entry as it is.
    pub(crate) fn image_of(entry: EntryRef) -> Detached {
        let source = Entry::of(entry);
        Detached::copy_of(source, source.key(), source.deadline_ms(), source.access())
    }

    pub fn entry(&self) -> Entry<'_> {
        Entry::of(self.0.expect("present until it is dropped or inserted"))
    }

    /// Free it, but hand out a large collection.
    pub(crate) fn into_large(mut self) -> Option<Arc<Large>> {
        self.0.take()?.free_but_large(&mut Heap)
    }
}

impl Drop for Detached {
    fn drop(&mut self) {
        if let Some(entry) = self.0.take() {
            entry.free(&mut Heap);
        }
    }
}

/// One database of one shard.
pub struct Table {
    hasher: KeyHasher,
    /// How many top bits of a hash name the shard, and which bits they are.
    shard_bits: u32,
    shard_prefix: u64,
    directory: Vec<SegmentRef>,
    depth: u32,
    /// How many segments there are of each depth.
    at_depth: [u32; DEPTH_MAX as usize + 1],
    count: usize,
    volatile: usize,
    /// Hashes with deadlines of fields.
    timed: usize,
    deadline_sum_ms: i128,
    entry_bytes: usize,
    /// Entries that own a block or a large collection.
    owners: usize,
    /// Where small collections are changed before they are put back.
    pub(crate) scratch: Vec<u8>,
    /// The fields that expired last.
    names: FieldNames,
    slabs: Slabs,
    segment_bytes: usize,
    wheel: Option<Box<Wheel>>,
    due: Vec<Item>,
    /// The newest write that concerned all keys at once.
    last_lsn: u64,
    /// The save-parity of entries that no snapshot is waiting for.
    parity: bool,
    /// While a snapshot is under way that has not saved all of this table.
    saving: Option<Box<Saving>>,
}

/// The bits of a hash that say where an entry goes.
const POSITION_SHIFT: u32 = 16;
/// Shard and directory use at most this many bits of a hash.
const DEPTH_MAX: u32 = 32;
/// A segment below this count tries to do with less.
const SHRINK_COUNT: u32 = 84;

impl Table {
    /// A scan's cursor has so many bits: the upper ones of a hash.
    pub const CURSOR_BITS: u32 = 64 - POSITION_SHIFT;

    pub fn new(hasher: KeyHasher, shard_bits: u32, shard: usize) -> Table {
        Table {
            hasher,
            shard_bits,
            shard_prefix: if shard_bits == 0 {
                0
            } else {
                (shard as u64) << (64 - shard_bits)
            },
            directory: Vec::new(),
            depth: 0,
            at_depth: [0; DEPTH_MAX as usize + 1],
            count: 0,
            volatile: 0,
            timed: 0,
            deadline_sum_ms: 0,
            entry_bytes: 0,
            owners: 0,
            scratch: Vec::new(),
            names: FieldNames::default(),
            slabs: Slabs::default(),
            segment_bytes: 0,
            wheel: None,
            due: Vec::new(),
            last_lsn: 0,
            parity: false,
            saving: None,
        }
    }

    /// An empty table of the same place in the keyspace.
    pub fn empty_twin(&self) -> Table {
        let mut twin = Table::new(self.hasher, self.shard_bits, 0);
        twin.shard_prefix = self.shard_prefix;
        twin
    }

    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Keys with a time to live.
    pub fn volatile(&self) -> usize {
        self.volatile
    }

    /// Hashes of which fields have a time to live.
    pub fn timed(&self) -> usize {
        self.timed
    }

    /// The sum of all deadlines of keys, from which INFO's `avg_ttl` follows.
    pub fn deadline_sum_ms(&self) -> i128 {
        self.deadline_sum_ms
    }

    /// Bytes held: entries with their blocks, segments, directory and wheel.
    pub fn memory_bytes(&self) -> usize {
        self.entry_bytes + self.overhead_bytes()
    }

    /// The part of [`Table::memory_bytes`] that is not keys and values.
    pub fn overhead_bytes(&self) -> usize {
        self.segment_bytes
            + self.slabs.overhead_bytes()
            + self.directory.capacity() * size_of::<SegmentRef>()
            + self.wheel.as_ref().map_or(0, |wheel| wheel.memory_bytes())
    }

    // ---- lookup ----------------------------------------------------------

    /// Ask for the line of a key's bucket.
    #[inline]
    pub fn prefetch_bucket(&self, hash: u64) {
        if let Some(segment) = self.directory.get(self.index(hash)) {
            segment.prefetch(self.home(*segment, hash));
        }
    }

    /// Ask for the entries that a lookup of this hash will read. If none is in
    /// its home bucket but some may be in the stash, ask for the stash buckets
    /// and say so: [`Table::prefetch_stashed`] is worth a call then.
    #[inline]
    pub fn prefetch_entry(&self, hash: u64) -> bool {
        let Some(segment) = self.directory.get(self.index(hash)) else {
            return false;
        };
        let bucket = segment.bucket(self.home(*segment, hash));
        if prefetch_matches(bucket, hash) {
            return false;
        }
        for stash in bits(bucket.overflow()) {
            segment.prefetch(segment.homes() + stash);
        }
        bucket.overflow() != 0
    }

    /// Ask for the stashed entries that a lookup of this hash will read.
    pub fn prefetch_stashed(&self, hash: u64) {
        if let Some(segment) = self.directory.get(self.index(hash)) {
            let overflow = segment.bucket(self.home(*segment, hash)).overflow();
            for stash in bits(overflow) {
                prefetch_matches(segment.stash(stash), hash);
            }
        }
    }

    #[inline]
    pub fn find(&self, key: &Key<'_>) -> Option<Slot> {
        let directory = self.index(key.hash);
        let segment = self.directory.get(directory)?;
        let home = self.home(*segment, key.hash);
        let bucket = segment.bucket(home);
        let at = |index: usize, lane: usize| Slot {
            directory: directory as u32,
            bucket: index as u8,
            lane: lane as u8,
        };
        if let Some(lane) = find_in(bucket, key) {
            return Some(at(home, lane));
        }
        bits(bucket.overflow()).find_map(|stash| {
            find_in(segment.stash(stash), key).map(|lane| at(segment.homes() + stash, lane))
        })
    }

    #[inline]
    pub fn entry(&self, slot: Slot) -> Entry<'_> {
        Entry::of(self.entry_ref(slot))
    }

    #[inline]
    fn entry_ref(&self, slot: Slot) -> EntryRef {
        self.directory[slot.directory as usize]
            .bucket(slot.bucket as usize)
            .slot(slot.lane as usize)
            .expect("a slot is used before the table changes")
    }

    // ---- the log's position ------------------------------------------------

    /// The newest write that a look at keys of this hash may have shown,
    /// whether there are any or not. A bound from above: neighbours count too.
    #[inline]
    pub fn last_lsn(&self, hash: u64) -> u64 {
        match self.directory.get(self.index(hash)) {
            Some(segment) => self.last_lsn.max(segment.header().last_lsn),
            None => self.last_lsn,
        }
    }

    /// Keys of this hash were written to; the log has it before `lsn`.
    #[inline]
    pub fn written(&mut self, hash: u64, lsn: u64) {
        let index = self.index(hash);
        match self.directory.get_mut(index) {
            Some(segment) => segment.header_mut().last_lsn = lsn,
            // It was the last key.
            None => self.last_lsn = lsn,
        }
    }

    /// All keys were written to; the log has it before `lsn`.
    pub fn all_written(&mut self, lsn: u64) {
        self.last_lsn = lsn;
    }

    // ---- change ----------------------------------------------------------

    /// Add a key that is not there.
    pub fn insert(
        &mut self,
        key: &Key<'_>,
        value: NewValue<'_>,
        deadline_ms: Option<i64>,
        access: Access,
        now_ms: i64,
    ) -> Slot {
        let payload = Payload::of(value);
        let entry = EntryRef::new(
            &mut self.slabs,
            key.bytes,
            payload,
            deadline_ms,
            access,
            self.parity,
        );
        #[cfg(test)]
        if save::mistake::is(save::mistake::Mistake::BornUnsaved) && self.is_unsaved() {
            entry.set_parity(!self.parity);
        }
        self.adopt(key.hash, entry, now_ms)
    }

    /// Replace value and deadline of an entry; its place stays the same.
    #[inline]
    pub fn set(
        &mut self,
        slot: Slot,
        value: NewValue<'_>,
        deadline_ms: Option<i64>,
        access: Access,
        now_ms: i64,
    ) {
        let entry = self.entry_ref(slot);
        self.keep(entry, Remains::Nothing);
        let payload = Payload::of(value);
        let old_deadline_ms = entry.deadline_ms();
        let was_timed = self.timed > 0 && Entry::of(entry).next_field_deadline_ms().is_some();
        if entry.try_set(&payload, deadline_ms) {
            entry.set_access(access);
        } else {
            let key = Entry::of(entry).key();
            let new = EntryRef::new(
                &mut self.slabs,
                key,
                payload,
                deadline_ms,
                access,
                entry.parity(),
            );
            self.exchange(slot, new);
        }
        if old_deadline_ms.is_some() || deadline_ms.is_some() {
            self.deadline_changed(slot, old_deadline_ms, deadline_ms, now_ms);
        }
        self.fields_changed(slot, was_timed, now_ms);
    }

    /// Replace the value of an entry; its deadline and access time stay.
    #[inline]
    pub fn rewrite(&mut self, slot: Slot, value: NewValue<'_>) {
        let entry = self.entry_ref(slot);
        self.keep(entry, Remains::Nothing);
        let payload = Payload::of(value);
        let deadline_ms = entry.deadline_ms();
        if !entry.try_set(&payload, deadline_ms) {
            let (key, access) = (Entry::of(entry).key(), entry.access());
            let new = EntryRef::new(
                &mut self.slabs,
                key,
                payload,
                deadline_ms,
                access,
                entry.parity(),
            );
            self.exchange(slot, new);
        }
    }

    /// Change when a key expires.
    pub fn set_deadline(&mut self, slot: Slot, deadline_ms: Option<i64>, now_ms: i64) {
        let entry = self.entry_ref(slot);
        self.keep(entry, Remains::Owned);
        let old_deadline_ms = entry.deadline_ms();
        if !entry.try_set_deadline(deadline_ms) {
            let key = Entry::of(entry).key();
            let new = entry.copy_as(&mut self.slabs, key, deadline_ms, entry.access());
            self.exchange(slot, new);
        }
        self.deadline_changed(slot, old_deadline_ms, deadline_ms, now_ms);
    }

    /// Write the access field, if it differs.
    #[inline]
    pub fn touch(&mut self, slot: Slot, access: Access) {
        let entry = self.entry_ref(slot);
        if entry.access() != access {
            entry.set_access(access);
        }
    }

    /// The bytes of a string, to be written in place; `None` if it is kept as
    /// an integer. OBJECT ENCODING answers `raw` from now on.
    pub fn bytes_mut(&mut self, slot: Slot) -> Option<&mut [u8]> {
        let entry = self.entry_ref(slot);
        self.keep(entry, Remains::Nothing);
        // A shared block is copied, and the copy may have less room.
        let before = entry.memory_bytes();
        let bytes = entry.bytes_mut();
        self.entry_bytes = self.entry_bytes - before + entry.memory_bytes();
        bytes
    }

    /// Change a string that is a block, in place. `None` if it is not one.
    pub fn modify_block<R>(
        &mut self,
        slot: Slot,
        change: impl FnOnce(&mut Vec<u8>) -> R,
    ) -> Option<R> {
        let entry = self.entry_ref(slot);
        self.keep(entry, Remains::Nothing);
        let before = entry.memory_bytes();
        let result = entry.modify_block(change);
        self.entry_bytes = self.entry_bytes - before + entry.memory_bytes();
        result
    }

    /// An entry that is about to change in place: its image is kept.
    pub(crate) fn entry_to_change(&mut self, slot: Slot, remains: Remains) -> EntryRef {
        let entry = self.entry_ref(slot);
        self.keep(entry, remains);
        entry
    }

    /// An entry took so many bytes and takes others.
    pub(crate) fn settle_bytes(&mut self, before: usize, after: usize) {
        self.entry_bytes = self.entry_bytes - before + after;
    }

    /// Has the secret of large collections that are born here.
    pub(crate) fn hasher(&self) -> KeyHasher {
        self.hasher
    }

    /// Remove a key.
    pub fn remove(&mut self, slot: Slot) {
        self.keep(self.entry_ref(slot), Remains::Nothing);
        let entry = self.unlink(slot);
        entry.free(&mut self.slabs);
        self.shrink_around(self.prefix(slot.directory as usize));
    }

    /// Take a key out, to put its value in elsewhere.
    pub fn detach(&mut self, slot: Slot) -> Detached {
        self.keep(self.entry_ref(slot), Remains::Owned);
        let detached = Detached::image_of(self.entry_ref(slot));
        self.remove(slot);
        detached
    }

    /// Put a detached value in under `key`, which is not there.
    pub fn insert_detached(
        &mut self,
        key: &Key<'_>,
        detached: Detached,
        deadline_ms: Option<i64>,
        now_ms: i64,
    ) -> Slot {
        let access = detached.entry().access();
        let source = detached.entry().entry_ref();
        let entry = source.copy_as(&mut self.slabs, key.bytes, deadline_ms, access);
        entry.set_parity(self.parity);
        self.adopt(key.hash, entry, now_ms)
    }

    // ---- places ----------------------------------------------------------

    #[inline]
    fn index(&self, hash: u64) -> usize {
        if self.depth == 0 {
            0
        } else {
            ((hash << self.shard_bits) >> (64 - self.depth)) as usize
        }
    }

    /// The home bucket of a hash in its segment.
    #[inline]
    fn home(&self, segment: SegmentRef, hash: u64) -> usize {
        let position = hash >> POSITION_SHIFT << POSITION_SHIFT;
        let fraction = (position << (self.shard_bits + segment.depth())) >> 32;
        ((fraction * segment.homes() as u64) >> 32) as usize
    }

    /// The first cursor that leads to bucket `home` of the segment of `hash`,
    /// or to the next segment if there is no such bucket.
    fn home_start(&self, segment: SegmentRef, hash: u64, home: usize) -> u64 {
        let used = self.shard_bits + segment.depth();
        let prefix = self.base(hash, segment.depth());
        let homes = segment.homes() as u64;
        if home as u64 == homes {
            let width = 1u128 << (64 - used);
            return ((u128::from(prefix) + width) >> POSITION_SHIFT) as u64;
        }
        let fraction = ((home as u64) << 32).div_ceil(homes) << 32;
        let offset =
            (u128::from(fraction) >> used) + u128::from(!fraction.is_multiple_of(1 << used));
        let granule = 1u128 << POSITION_SHIFT;
        ((u128::from(prefix) + offset).div_ceil(granule)) as u64
    }

    /// The cursor behind the last entry of this table.
    fn end(&self) -> u64 {
        let width = 1u128 << (64 - self.shard_bits);
        ((u128::from(self.shard_prefix) + width) >> POSITION_SHIFT) as u64
    }

    /// The hash prefix of a directory slot.
    fn prefix(&self, directory: usize) -> u64 {
        let used = self.shard_bits + self.depth;
        let below = if self.depth == 0 {
            0
        } else {
            (directory as u64) << (64 - used)
        };
        self.shard_prefix | below
    }

    /// The segment of a hash; the table must not be empty.
    fn segment(&self, hash: u64) -> SegmentRef {
        self.directory[self.index(hash)]
    }

    /// The first hash that shares its first `depth` bits with `hash`.
    fn base(&self, hash: u64, depth: u32) -> u64 {
        let used = self.shard_bits + depth;
        if used == 0 {
            0
        } else {
            hash >> (64 - used) << (64 - used)
        }
    }

    fn distinct_segments(&self) -> impl Iterator<Item = SegmentRef> + '_ {
        let mut at = 0;
        std::iter::from_fn(move || {
            let segment = *self.directory.get(at)?;
            at += 1 << (self.depth - segment.depth());
            Some(segment)
        })
    }

    fn visit_home(&self, segment: SegmentRef, home: usize, visit: &mut dyn FnMut(Entry<'_>)) {
        let bucket = segment.bucket(home);
        for (_, entry) in bucket.entries() {
            visit(Entry::of(entry));
        }
        for stash in bits(bucket.overflow()) {
            for (_, entry) in segment.stash(stash).entries() {
                let entry = Entry::of(entry);
                if self.home(segment, self.hasher.hash(entry.key())) == home {
                    visit(entry);
                }
            }
        }
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        self.clear();
    }
}

#[inline]
fn fingerprint(hash: u64) -> u8 {
    (hash as u8).max(1)
}

/// Ask for the entries whose fingerprints agree; were there any?
#[inline]
fn prefetch_matches(bucket: &Bucket, hash: u64) -> bool {
    let mut any = false;
    for lane in bucket.matches(fingerprint(hash)) {
        if let Some(entry) = bucket.slot(lane) {
            EntryRef::prefetch(entry.as_ptr());
            any = true;
        }
    }
    any
}

#[inline]
fn find_in(bucket: &Bucket, key: &Key<'_>) -> Option<usize> {
    bucket.matches(fingerprint(key.hash)).find(|&lane| {
        bucket
            .slot(lane)
            .is_some_and(|entry| entry.is_for(key.bytes))
    })
}

#[cfg(test)]
mod tests;
