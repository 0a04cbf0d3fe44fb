//! How a table grows and shrinks: a segment at a time.
//!
//! ```text
//!   full at step 0..3   ─► the same entries in a larger segment
//!   full at step 4      ─► two segments, by the next bit of the hash
//!   sparse, step 1..4   ─► a segment of step 0
//!   sparse, step 0      ─► one segment with its neighbour
//! ```

use super::{DEPTH_MAX, SHRINK_COUNT, Slot, Table, fingerprint};
use crate::entry::{Entry, EntryRef};
use crate::segment::{Header, LANES, LAST_STEP, STASHES, SegmentRef, bits, homes};
use crate::slab::Slabs;

impl Table {
    /// Take an entry in and account for it.
    pub(super) fn adopt(&mut self, hash: u64, entry: EntryRef, now_ms: i64) -> Slot {
        let slot = self.place(hash, entry);
        self.count += 1;
        self.entry_bytes += entry.memory_bytes();
        self.owners += usize::from(entry.owns_more());
        if let Some(deadline_ms) = entry.deadline_ms() {
            self.deadline_changed(slot, None, Some(deadline_ms), now_ms);
        }
        self.fields_changed(slot, false, now_ms);
        slot
    }

    pub(super) fn place(&mut self, hash: u64, entry: EntryRef) -> Slot {
        if self.directory.is_empty() {
            let first = SegmentRef::new(&mut self.slabs, 0, 0, self.shard_prefix);
            self.directory.push(first);
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
    pub(super) fn unlink(&mut self, slot: Slot) -> EntryRef {
        let mut segment = self.directory[slot.directory as usize];
        let (bucket, lane) = (slot.bucket as usize, slot.lane as usize);
        let entry = segment.bucket_mut(bucket).take(lane);
        segment.header_mut().count -= 1;
        self.count -= 1;
        self.entry_bytes -= entry.memory_bytes();
        self.owners -= usize::from(entry.owns_more());
        if let Some(deadline_ms) = entry.deadline_ms() {
            self.volatile -= 1;
            self.deadline_sum_ms -= i128::from(deadline_ms);
        }
        let is_timed = Entry::of(entry).next_field_deadline_ms().is_some();
        self.timed -= usize::from(is_timed);
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
    pub(super) fn fetch_home(&mut self, mut segment: SegmentRef, home: usize) {
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
    pub(super) fn settle_overflow(&self, mut segment: SegmentRef, home: usize, stash: usize) {
        let left = segment
            .stash(stash)
            .entries()
            .any(|(_, entry)| self.home(segment, self.hasher.hash(Entry::of(entry).key())) == home);
        segment.bucket_mut(home).set_overflow(stash, left);
    }

    /// Put another entry in an occupied slot and free the old one.
    pub(super) fn exchange(&mut self, slot: Slot, new: EntryRef) {
        let old = self.entry_ref(slot);
        self.entry_bytes = self.entry_bytes - old.memory_bytes() + new.memory_bytes();
        self.owners = self.owners - usize::from(old.owns_more()) + usize::from(new.owns_more());
        self.directory[slot.directory as usize]
            .bucket_mut(slot.bucket as usize)
            .replace(slot.lane as usize, new);
        old.free(&mut self.slabs);
    }

    /// Rebuild the segment that holds `hash` at `step` or the first later one
    /// that fits, splitting it when none does.
    pub(super) fn respread(&mut self, hash: u64, step: usize) {
        let old = self.segment(hash);
        let entries = self.hashed_entries(old);
        let (base, depth, header) = (old.base(), old.depth(), old.header().clone());
        self.drop_segment(old);
        self.spread(base, depth, step, &entries);
        self.inherit(base, depth, &header);
    }

    /// Give the hashes that begin with the `depth` bits of `base` new segments.
    pub(super) fn spread(
        &mut self,
        base: u64,
        depth: u32,
        step: usize,
        entries: &[(u64, EntryRef)],
    ) {
        for step in step..=LAST_STEP {
            if let Some(segment) = self.build(base, depth, step, entries) {
                self.direct(base, segment);
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

    pub(super) fn build(
        &mut self,
        base: u64,
        depth: u32,
        step: usize,
        entries: &[(u64, EntryRef)],
    ) -> Option<SegmentRef> {
        if entries.len() > (homes(step) + STASHES) * LANES {
            return None;
        }
        let mut segment = SegmentRef::new(&mut self.slabs, step, depth, base);
        let mut earliest_ms = i64::MAX;
        for &(hash, entry) in entries {
            let home = self.home(segment, hash);
            if segment.place(home, fingerprint(hash), entry).is_none() {
                let moved = segment.free(&mut self.slabs);
                debug_assert!(moved.is_none(), "what came last leaves no hole");
                return None;
            }
            if let Some(deadline_ms) = Entry::of(entry).next_deadline_ms() {
                earliest_ms = earliest_ms.min(deadline_ms);
            }
        }
        segment.header_mut().deadline_min_ms = earliest_ms;
        Some(segment)
    }

    /// The segments that now cover what `old` covered take over its newest LSN
    /// and are armed; the one with its base takes over its place in the wheel.
    pub(super) fn inherit(&mut self, base: u64, depth: u32, old: &Header) {
        let start = self.index(base);
        let end = start + (1 << (self.depth - depth));
        let mut at = start;
        while at < end {
            let mut segment = self.directory[at];
            let header = segment.header_mut();
            header.last_lsn = header.last_lsn.max(old.last_lsn);
            if at == start && old.armed_tick < header.armed_tick {
                header.armed_tick = old.armed_tick;
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
    pub(super) fn shrink_around(&mut self, hash: u64) {
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
    pub(super) fn merge(&mut self, base: u64, bit: u64) {
        let low = self.segment(base);
        let mut entries = self.hashed_entries(low);
        let (depth, header) = (low.depth() - 1, low.header().clone());
        self.drop_segment(low);
        // Freeing the one may have moved the other.
        let high = self.segment(base | bit);
        entries.extend(self.hashed_entries(high));
        let lsn = header.last_lsn.max(high.header().last_lsn);
        self.drop_segment(high);
        self.spread(base, depth, 0, &entries);
        self.inherit(base, depth, &header);
        let at = self.index(base);
        self.directory[at].header_mut().last_lsn = lsn;
        while self.depth > 0 && self.at_depth[self.depth as usize] == 0 {
            self.directory = self.directory.iter().copied().step_by(2).collect();
            self.depth -= 1;
        }
    }

    pub(super) fn hashed_entries(&self, segment: SegmentRef) -> Vec<(u64, EntryRef)> {
        /// So many cache misses at once: all of a segment's would push each
        /// other out of the cache.
        const AHEAD: usize = 16;
        let entries: Vec<EntryRef> = segment.entries().collect();
        let ask = |entry: &EntryRef| EntryRef::prefetch(entry.as_ptr());
        entries.iter().take(AHEAD).for_each(ask);
        let hashed = entries.iter().enumerate().map(|(at, &entry)| {
            entries.get(at + AHEAD).iter().for_each(|entry| ask(entry));
            (self.hasher.hash(Entry::of(entry).key()), entry)
        });
        hashed.collect()
    }

    /// Make an empty table as large as so many keys will need, so that they
    /// come without any growth. Only a hint: too few keys leave it sparse until
    /// removals shrink it.
    pub fn reserve(&mut self, keys: usize) {
        let slots = |step| (homes(step) + STASHES) * LANES;
        if !self.directory.is_empty() || keys < slots(0) / 2 {
            return;
        }
        // What a segment holds when it splits, on average.
        let full = slots(LAST_STEP) * 5 / 6;
        let segments = keys.div_ceil(full).next_power_of_two();
        let depth = segments.trailing_zeros();
        if self.shard_bits + depth >= DEPTH_MAX {
            return;
        }
        // Some segments get more than the others: by a tenth, hardly one more.
        let most = (keys / segments) * 11 / 10;
        let fits = |&step: &usize| slots(step) * 5 / 6 >= most;
        let step = (0..LAST_STEP).find(fits).unwrap_or(LAST_STEP);
        self.depth = depth;
        for index in 0..segments {
            let base = self.prefix(index);
            let segment = SegmentRef::new(&mut self.slabs, step, depth, base);
            self.segment_bytes += segment.memory_bytes();
            self.directory.push(segment);
        }
        self.at_depth[depth as usize] = segments as u32;
    }

    pub(super) fn double(&mut self) {
        let doubled = self.directory.iter().flat_map(|&segment| [segment; 2]);
        self.directory = doubled.collect();
        self.depth += 1;
    }

    /// Free a segment. Until others cover its hashes, its directory slots lead
    /// nowhere; those of a segment that moved are put right.
    pub(super) fn drop_segment(&mut self, segment: SegmentRef) {
        self.at_depth[segment.depth() as usize] -= 1;
        self.segment_bytes -= segment.memory_bytes();
        if let Some(moved) = segment.free(&mut self.slabs) {
            self.direct(moved.base(), moved);
        }
    }

    /// Let the hashes from `base` on lead to `segment`, as many as its depth says.
    fn direct(&mut self, base: u64, segment: SegmentRef) {
        let start = self.index(base);
        let width = 1 << (self.depth - segment.depth());
        self.directory[start..start + width].fill(segment);
    }

    /// Do entries own memory that does not go with the slabs?
    pub(super) fn owns_apart(&self) -> bool {
        self.slabs.has_large() || self.owners > 0
    }

    /// Free everything. The wheel stays: what is left in it leads nowhere.
    pub(super) fn clear(&mut self) {
        // Small entries go with their slabs, all at once.
        if self.owns_apart() {
            let segments: Vec<SegmentRef> = self.distinct_segments().collect();
            for entry in segments.iter().flat_map(SegmentRef::entries) {
                entry.free(&mut self.slabs);
            }
        }
        let lsns = self.distinct_segments().map(|s| s.header().last_lsn);
        self.last_lsn = lsns.fold(self.last_lsn, u64::max);
        self.slabs = Slabs::default();
        self.directory = Vec::new();
        self.depth = 0;
        self.at_depth = [0; DEPTH_MAX as usize + 1];
        self.count = 0;
        self.volatile = 0;
        self.timed = 0;
        self.deadline_sum_ms = 0;
        self.entry_bytes = 0;
        self.segment_bytes = 0;
        self.owners = 0;
    }
}
