//! The keys of one database in one shard: extendible hashing without a pause.
//!
//! ```text
//!   hash    │ shard │ directory index │ bucket (multiply-shift) │ ... │ fp │
//!
//!   directory (here of depth 2)      segments
//!     00 ──────────┐
//!     01 ──────────┴──────────────►  depth 1, step 4 (56 homes)
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
//! Invariants (`check` asserts them): every entry lies in its home bucket or,
//! with the overflow bit set, in the stash; every directory slot points to the
//! segment whose depth and prefix cover it; the counts and sums are exact.

use crate::Access;
use crate::entry::{Entry, EntryRef, NewValue, Payload};
use crate::hash::{Key, KeyHasher};
use crate::segment::{Bucket, LANES, LAST_STEP, STASHES, SegmentRef, bits, homes};
use crate::slab::{Heap, Slabs};
use crate::wheel::{Item, NEVER, Wheel};

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

    pub fn entry(&self) -> Entry<'_> {
        Entry::of(self.0.expect("present until it is dropped or inserted"))
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
    deadline_sum_ms: i128,
    entry_bytes: usize,
    /// Entries that own a block.
    blocks: usize,
    slabs: Slabs,
    segment_bytes: usize,
    wheel: Option<Box<Wheel>>,
    due: Vec<Item>,
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
            deadline_sum_ms: 0,
            entry_bytes: 0,
            blocks: 0,
            slabs: Slabs::default(),
            segment_bytes: 0,
            wheel: None,
            due: Vec::new(),
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

    /// The sum of all deadlines, from which INFO's `avg_ttl` follows.
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
            false,
        );
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
        let payload = Payload::of(value);
        let old_deadline_ms = entry.deadline_ms();
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
    }

    /// Replace the value of an entry; its deadline and access time stay.
    #[inline]
    pub fn rewrite(&mut self, slot: Slot, value: NewValue<'_>) {
        let entry = self.entry_ref(slot);
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
        let before = entry.memory_bytes();
        let result = entry.modify_block(change);
        self.entry_bytes = self.entry_bytes - before + entry.memory_bytes();
        result
    }

    /// Remove a key.
    pub fn remove(&mut self, slot: Slot) {
        let entry = self.unlink(slot);
        entry.free(&mut self.slabs);
        self.shrink_around(self.prefix(slot.directory as usize));
    }

    /// Take a key out, to put its value in elsewhere.
    pub fn detach(&mut self, slot: Slot) -> Detached {
        let entry = self.entry(slot);
        let detached = Detached::copy_of(entry, entry.key(), entry.deadline_ms(), entry.access());
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
        self.adopt(key.hash, entry, now_ms)
    }

    // ---- walks -----------------------------------------------------------

    /// Visit entries in the order of their hashes, from `cursor` on, until
    /// about `limit` were seen. A cursor is the upper 48 bits of a hash; the
    /// next one is returned, or `None` at the end of this table.
    pub fn scan(&self, cursor: u64, limit: usize, visit: &mut dyn FnMut(Entry<'_>)) -> Option<u64> {
        // Empty buckets count a little, so that a sparse table cannot make one
        // call endless.
        let mut budget = limit.saturating_mul(10).max(10);
        let mut cursor = cursor;
        let mut seen = 0;
        loop {
            let from = cursor << POSITION_SHIFT;
            let segment = *self.directory.get(self.index(from))?;
            let home = self.home(segment, from);
            // Entries lie anywhere: ask for the next ones while these are looked at.
            if home + 1 < segment.homes() {
                for (_, entry) in segment.bucket(home + 1).entries() {
                    EntryRef::prefetch(entry.as_ptr());
                }
            }
            let inside = self.home_start(segment, from, home) != cursor;
            self.visit_home(segment, home, &mut |entry| {
                // A grown segment may have moved the bounds of a bucket: what
                // lies before the cursor was reported already.
                let hash = || self.hasher.hash(entry.key()) >> POSITION_SHIFT;
                if !inside || hash() >= cursor {
                    seen += 1;
                    visit(entry);
                }
            });
            cursor = self.home_start(segment, from, home + 1);
            if cursor == self.end() {
                return None;
            }
            budget -= 1;
            if seen >= limit || budget == 0 {
                return Some(cursor);
            }
        }
    }

    /// Where a scan of this table begins.
    pub fn scan_start(&self) -> u64 {
        self.shard_prefix >> POSITION_SHIFT
    }

    /// Visit every entry.
    pub fn for_each(&self, visit: &mut dyn FnMut(Entry<'_>)) {
        for segment in self.distinct_segments() {
            for entry in segment.entries() {
                visit(Entry::of(entry));
            }
        }
    }

    /// An entry at random; all have about the same chance. `random` supplies
    /// 64 random bits at a time.
    pub fn random(&self, random: &mut dyn FnMut() -> u64) -> Option<Slot> {
        if self.count == 0 {
            return None;
        }
        loop {
            let bits = random();
            let directory = self.index(bits);
            let segment = self.directory[directory];
            let choice = (bits as u32 as usize) % (segment.buckets() * LANES);
            let (bucket, lane) = (choice / LANES, choice % LANES);
            if segment.bucket(bucket).slot(lane).is_some() {
                return Some(Slot {
                    directory: directory as u32,
                    bucket: bucket as u8,
                    lane: lane as u8,
                });
            }
        }
    }

    // ---- expiry ----------------------------------------------------------

    /// Remove entries whose deadline has passed, telling each before it goes,
    /// in at most `segments` segments. Returns whether more are due.
    pub fn sweep(
        &mut self,
        now_ms: i64,
        segments: usize,
        expired: &mut dyn FnMut(Entry<'_>),
    ) -> bool {
        let Some(wheel) = &mut self.wheel else {
            return false;
        };
        wheel.advance(now_ms, &mut self.due);
        for _ in 0..segments {
            let Some(item) = self.due.pop() else {
                return false;
            };
            self.sweep_segment(item, now_ms, expired);
        }
        !self.due.is_empty()
    }

    fn sweep_segment(&mut self, item: Item, now_ms: i64, expired: &mut dyn FnMut(Entry<'_>)) {
        let directory = self.index(item.prefix);
        let Some(mut segment) = self.directory.get(directory).copied() else {
            return;
        };
        if segment.header().armed_tick != item.start_tick {
            return;
        }
        segment.header_mut().armed_tick = NEVER;
        let mut look_again_ms = segment.header().deadline_min_ms;
        if look_again_ms < now_ms {
            let removed = self.remove_expired(directory, now_ms, expired);
            let earliest_ms = segment.header().deadline_min_ms;
            // Where deadlines are spread, wait until a scan is worth its while;
            // never for long.
            let pause_ms = if removed >= 16 { 200 } else { 700 };
            look_again_ms = earliest_ms.max(now_ms.saturating_add(pause_ms));
            if earliest_ms == i64::MAX {
                look_again_ms = i64::MAX;
            }
        }
        if look_again_ms != i64::MAX {
            self.arm(item.prefix, look_again_ms);
        }
        self.shrink_around(item.prefix);
    }

    fn remove_expired(
        &mut self,
        directory: usize,
        now_ms: i64,
        expired: &mut dyn FnMut(Entry<'_>),
    ) -> usize {
        let mut segment = self.directory[directory];
        for entry in segment.entries() {
            EntryRef::prefetch(entry.as_ptr());
        }
        let mut earliest_ms = i64::MAX;
        let mut removed = 0;
        // The stash first: removing from a home pulls stashed entries home,
        // into buckets that are still to be looked at.
        for bucket in (0..segment.buckets()).rev() {
            for lane in 0..LANES {
                while let Some(entry) = segment.bucket(bucket).slot(lane) {
                    let Some(deadline_ms) = entry.deadline_ms() else {
                        break;
                    };
                    if now_ms <= deadline_ms {
                        earliest_ms = earliest_ms.min(deadline_ms);
                        break;
                    }
                    expired(Entry::of(entry));
                    let slot = Slot {
                        directory: directory as u32,
                        bucket: bucket as u8,
                        lane: lane as u8,
                    };
                    self.unlink(slot).free(&mut self.slabs);
                    removed += 1;
                }
            }
        }
        segment.header_mut().deadline_min_ms = earliest_ms;
        removed
    }

    fn deadline_changed(
        &mut self,
        slot: Slot,
        old_ms: Option<i64>,
        new_ms: Option<i64>,
        now_ms: i64,
    ) {
        if let Some(old_ms) = old_ms {
            self.volatile -= 1;
            self.deadline_sum_ms -= i128::from(old_ms);
        }
        if let Some(new_ms) = new_ms {
            self.volatile += 1;
            self.deadline_sum_ms += i128::from(new_ms);
            self.bound_deadline(slot.directory as usize, new_ms, now_ms);
        }
    }

    /// A segment now holds a deadline of `deadline_ms`.
    fn bound_deadline(&mut self, directory: usize, deadline_ms: i64, now_ms: i64) {
        let header = self.directory[directory].header_mut();
        if deadline_ms < header.deadline_min_ms {
            header.deadline_min_ms = deadline_ms;
            self.wheel
                .get_or_insert_with(|| Box::new(Wheel::new(now_ms)));
            self.arm(self.prefix(directory), deadline_ms);
        }
    }

    /// Look at the segment of `hash` at `due_ms`, or earlier.
    fn arm(&mut self, hash: u64, due_ms: i64) {
        let base = self.base(hash, self.segment(hash).depth());
        let at = self.index(hash);
        let wheel = self.wheel.as_mut().expect("there since the first deadline");
        let header = self.directory[at].header_mut();
        header.armed_tick = wheel.arm(base, due_ms, header.armed_tick);
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

    // ---- growing and shrinking ------------------------------------------

    /// Take an entry in and account for it.
    fn adopt(&mut self, hash: u64, entry: EntryRef, now_ms: i64) -> Slot {
        let slot = self.place(hash, entry);
        self.count += 1;
        self.entry_bytes += entry.memory_bytes();
        self.blocks += usize::from(entry.owns_block());
        if let Some(deadline_ms) = entry.deadline_ms() {
            self.deadline_changed(slot, None, Some(deadline_ms), now_ms);
        }
        slot
    }

    fn place(&mut self, hash: u64, entry: EntryRef) -> Slot {
        if self.directory.is_empty() {
            self.directory.push(SegmentRef::new(&mut self.slabs, 0, 0));
            self.at_depth[0] = 1;
            self.segment_bytes = self.directory[0].memory_bytes();
        }
        loop {
            let directory = self.index(hash);
            let mut segment = self.directory[directory];
            let home = self.home(segment, hash);
            if let Some((bucket, lane)) = segment.place(home, fingerprint(hash), entry) {
                return Slot {
                    directory: directory as u32,
                    bucket: bucket as u8,
                    lane: lane as u8,
                };
            }
            self.respread(hash, segment.step() + 1);
        }
    }

    /// Take an entry out of its slot and the accounts, and bring an entry of
    /// the same home back from the stash.
    fn unlink(&mut self, slot: Slot) -> EntryRef {
        let mut segment = self.directory[slot.directory as usize];
        let (bucket, lane) = (slot.bucket as usize, slot.lane as usize);
        let entry = segment.bucket_mut(bucket).take(lane);
        segment.header_mut().count -= 1;
        self.count -= 1;
        self.entry_bytes -= entry.memory_bytes();
        self.blocks -= usize::from(entry.owns_block());
        if let Some(deadline_ms) = entry.deadline_ms() {
            self.volatile -= 1;
            self.deadline_sum_ms -= i128::from(deadline_ms);
        }
        if bucket < segment.homes() {
            self.fetch_home(segment, bucket);
        } else {
            let home = self.home(segment, self.hasher.hash(Entry::of(entry).key()));
            self.settle_overflow(segment, home, bucket - segment.homes());
        }
        entry
    }

    /// Fill a freed home slot from the stash, so that the stash stays for
    /// those who need it.
    fn fetch_home(&mut self, mut segment: SegmentRef, home: usize) {
        let Some(stash) = bits(segment.bucket(home).overflow()).next() else {
            return;
        };
        let found = segment.stash(stash).entries().find_map(|(lane, entry)| {
            let hash = self.hasher.hash(Entry::of(entry).key());
            (self.home(segment, hash) == home).then_some((lane, hash))
        });
        let (lane, hash) = found.expect("the overflow bit says that one is there");
        let entry = segment.bucket_mut(segment.homes() + stash).take(lane);
        let free = segment.bucket(home).free_lane().expect("just freed");
        segment.bucket_mut(home).put(free, fingerprint(hash), entry);
        self.settle_overflow(segment, home, stash);
    }

    /// Clear the overflow bit if no entry of `home` is left in `stash`.
    fn settle_overflow(&self, mut segment: SegmentRef, home: usize, stash: usize) {
        let left = segment
            .stash(stash)
            .entries()
            .any(|(_, entry)| self.home(segment, self.hasher.hash(Entry::of(entry).key())) == home);
        segment.bucket_mut(home).set_overflow(stash, left);
    }

    /// Put another entry in an occupied slot and free the old one.
    fn exchange(&mut self, slot: Slot, new: EntryRef) {
        let old = self.entry_ref(slot);
        self.entry_bytes = self.entry_bytes - old.memory_bytes() + new.memory_bytes();
        self.blocks = self.blocks - usize::from(old.owns_block()) + usize::from(new.owns_block());
        self.directory[slot.directory as usize]
            .bucket_mut(slot.bucket as usize)
            .replace(slot.lane as usize, new);
        old.free(&mut self.slabs);
    }

    /// Rebuild the segment that holds `hash` at `step` or the first later one
    /// that fits, splitting it when none does.
    fn respread(&mut self, hash: u64, step: usize) {
        let old = self.segment(hash);
        let entries = self.hashed_entries(old);
        let base = self.base(hash, old.depth());
        self.spread(base, old.depth(), step, &entries);
        self.inherit(base, old.depth(), old);
        self.drop_segment(old);
    }

    /// Give the hashes that begin with the `depth` bits of `base` new segments.
    fn spread(&mut self, base: u64, depth: u32, step: usize, entries: &[(u64, EntryRef)]) {
        for step in step..=LAST_STEP {
            if let Some(segment) = self.build(depth, step, entries) {
                let start = self.index(base);
                let width = 1 << (self.depth - depth);
                self.directory[start..start + width].fill(segment);
                self.at_depth[depth as usize] += 1;
                self.segment_bytes += segment.memory_bytes();
                return;
            }
        }
        assert!(
            self.shard_bits + depth < DEPTH_MAX,
            "{} keys share the first {depth} bits of a keyed hash",
            entries.len()
        );
        if depth == self.depth {
            self.double();
        }
        let bit = 1u64 << (63 - self.shard_bits - depth);
        let (low, high): (Vec<_>, Vec<_>) = entries.iter().partition(|(hash, _)| hash & bit == 0);
        self.spread(base, depth + 1, 0, &low);
        self.spread(base | bit, depth + 1, 0, &high);
    }

    fn build(
        &mut self,
        depth: u32,
        step: usize,
        entries: &[(u64, EntryRef)],
    ) -> Option<SegmentRef> {
        if entries.len() > (homes(step) + STASHES) * LANES {
            return None;
        }
        let mut segment = SegmentRef::new(&mut self.slabs, step, depth);
        let mut earliest_ms = i64::MAX;
        for &(hash, entry) in entries {
            let home = self.home(segment, hash);
            if segment.place(home, fingerprint(hash), entry).is_none() {
                segment.free(&mut self.slabs);
                return None;
            }
            if let Some(deadline_ms) = entry.deadline_ms() {
                earliest_ms = earliest_ms.min(deadline_ms);
            }
        }
        segment.header_mut().deadline_min_ms = earliest_ms;
        Some(segment)
    }

    /// The segments that now cover what `old` covered take over its newest LSN
    /// and are armed; the one with its base takes over its place in the wheel.
    fn inherit(&mut self, base: u64, depth: u32, old: SegmentRef) {
        let start = self.index(base);
        let end = start + (1 << (self.depth - depth));
        let mut at = start;
        while at < end {
            let mut segment = self.directory[at];
            let header = segment.header_mut();
            header.last_lsn = header.last_lsn.max(old.header().last_lsn);
            if at == start && old.header().armed_tick < header.armed_tick {
                header.armed_tick = old.header().armed_tick;
            }
            let earliest_ms = header.deadline_min_ms;
            if earliest_ms != i64::MAX {
                self.arm(self.prefix(at), earliest_ms);
            }
            at += 1 << (self.depth - segment.depth());
        }
    }

    /// After a removal around `hash`: a sparse segment becomes smaller, then
    /// one with its neighbour.
    fn shrink_around(&mut self, hash: u64) {
        let segment = self.segment(hash);
        let count = segment.header().count;
        if count >= SHRINK_COUNT {
            return;
        }
        if self.count == 0 {
            self.clear();
        } else if segment.step() > 0 {
            self.respread(hash, 0);
        } else if segment.depth() > 0 {
            let bit = 1u64 << (64 - self.shard_bits - segment.depth());
            let buddy = self.segment(hash ^ bit);
            let together = count + buddy.header().count;
            if buddy.depth() == segment.depth() && together < SHRINK_COUNT {
                self.merge(self.base(hash & !bit, segment.depth()), bit);
            }
        }
    }

    /// Make one segment of the two whose bases are `base` and `base | bit`.
    fn merge(&mut self, base: u64, bit: u64) {
        let (low, high) = (self.segment(base), self.segment(base | bit));
        let mut entries = self.hashed_entries(low);
        entries.extend(self.hashed_entries(high));
        let depth = low.depth() - 1;
        self.spread(base, depth, 0, &entries);
        self.inherit(base, depth, low);
        let lsn = high.header().last_lsn;
        let at = self.index(base);
        let header = self.directory[at].header_mut();
        header.last_lsn = header.last_lsn.max(lsn);
        self.drop_segment(low);
        self.drop_segment(high);
        while self.depth > 0 && self.at_depth[self.depth as usize] == 0 {
            self.directory = self.directory.iter().copied().step_by(2).collect();
            self.depth -= 1;
        }
    }

    fn hashed_entries(&self, segment: SegmentRef) -> Vec<(u64, EntryRef)> {
        for entry in segment.entries() {
            EntryRef::prefetch(entry.as_ptr());
        }
        let hash = |entry: EntryRef| self.hasher.hash(Entry::of(entry).key());
        let hashed = segment.entries().map(|entry| (hash(entry), entry));
        hashed.collect()
    }

    fn double(&mut self) {
        let doubled = self.directory.iter().flat_map(|&segment| [segment; 2]);
        self.directory = doubled.collect();
        self.depth += 1;
    }

    fn drop_segment(&mut self, segment: SegmentRef) {
        self.at_depth[segment.depth() as usize] -= 1;
        self.segment_bytes -= segment.memory_bytes();
        segment.free(&mut self.slabs);
    }

    /// Free everything. The wheel stays: what is left in it leads nowhere.
    fn clear(&mut self) {
        // Small entries go with their slabs, all at once.
        if self.slabs.has_large() || self.blocks > 0 {
            let segments: Vec<SegmentRef> = self.distinct_segments().collect();
            for entry in segments.iter().flat_map(SegmentRef::entries) {
                entry.free(&mut self.slabs);
            }
        }
        self.slabs = Slabs::default();
        self.directory = Vec::new();
        self.depth = 0;
        self.at_depth = [0; DEPTH_MAX as usize + 1];
        self.count = 0;
        self.volatile = 0;
        self.deadline_sum_ms = 0;
        self.entry_bytes = 0;
        self.segment_bytes = 0;
        self.blocks = 0;
    }

    /// Assert every invariant of this table. For tests.
    pub fn check(&self) {
        let (mut count, mut volatile, mut sum_ms, mut bytes) = (0, 0, 0i128, 0);
        let mut blocks = 0;
        let mut covered = 0;
        for segment in self.distinct_segments() {
            let width = 1 << (self.depth - segment.depth());
            let span = &self.directory[covered..covered + width];
            assert!(span.iter().all(|s| *s == segment), "a segment is one span");
            covered += width;
            let mut in_segment = 0;
            for index in 0..segment.buckets() {
                for (_, entry) in segment.bucket(index).entries() {
                    self.check_entry(segment, covered - width, index, entry);
                    in_segment += 1;
                    bytes += entry.memory_bytes();
                    blocks += usize::from(entry.owns_block());
                    if let Some(deadline_ms) = entry.deadline_ms() {
                        volatile += 1;
                        sum_ms += i128::from(deadline_ms);
                        assert!(segment.header().deadline_min_ms <= deadline_ms);
                        // The last moment of time never comes: nothing to wait for.
                        let armed = segment.header().armed_tick != NEVER;
                        assert!(armed || segment.header().deadline_min_ms == i64::MAX);
                    }
                }
            }
            for home in 0..segment.homes() {
                for stash in bits(segment.bucket(home).overflow()) {
                    let mut hashes = segment.stash(stash).entries().map(|(_, entry)| {
                        self.home(segment, self.hasher.hash(Entry::of(entry).key()))
                    });
                    assert!(hashes.any(|h| h == home), "an overflow bit for nothing");
                }
            }
            assert_eq!(segment.header().count, in_segment);
            count += in_segment as usize;
        }
        assert_eq!(covered, self.directory.len());
        assert_eq!(blocks, self.blocks);
        assert_eq!(
            (count, volatile, sum_ms, bytes),
            (
                self.count,
                self.volatile,
                self.deadline_sum_ms,
                self.entry_bytes
            )
        );
    }

    fn check_entry(&self, segment: SegmentRef, directory: usize, index: usize, entry: EntryRef) {
        let hash = self.hasher.hash(Entry::of(entry).key());
        assert!(self.segment(hash) == segment, "the directory leads here");
        assert!(self.index(hash) >= directory);
        let home = self.home(segment, hash);
        let stashed = index.checked_sub(segment.homes());
        match stashed {
            None => assert_eq!(home, index),
            Some(stash) => assert!(segment.bucket(home).overflow() >> stash & 1 == 1),
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
#[path = "table_tests.rs"]
mod tests;
