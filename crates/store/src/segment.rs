//! A segment: some hundred entries in lines of 64 bytes.
//!
//! ```text
//!   line 0      header: counts, the earliest deadline, the newest LSN
//!   line 1..    home buckets: 24, 32, 40, 48 or 55 of them, in hash order
//!   last 7      stash buckets: entries whose home bucket is full
//!
//!   bucket      ┌──────┬──────┬──────┬──────┬──────┬──────┬──────┬───────────────┐
//!   (64 bytes)  │ ref  │ ref  │ ref  │ ref  │ ref  │ ref  │ ref  │ fp×7 │ overflow│
//!               └──────┴──────┴──────┴──────┴──────┴──────┴──────┴───────────────┘
//! ```
//!
//! A lookup compares seven fingerprints at once, as one machine word, and
//! touches an entry only where the fingerprint agrees. Bit `i` of a bucket's
//! overflow byte says that stash bucket `i` holds an entry that belongs here,
//! so a miss in a bucket without overflow never leaves its line.
//!
//! A segment grows in five steps, from 2,048 bytes to 4,032, before it splits.
//! That keeps the load between 80 and 86 % as a table grows, where fixed
//! segments saw 51 to 85 % (docs/decisions/0002).
//!
//! When a segment's memory is released, another one may move there, to keep
//! memory dense (see `slab`). Whoever frees one puts that right.
//!
//! Invariants: a fingerprint is zero exactly where the slot is empty; an
//! overflow bit is set exactly if such an entry exists; `count` counts.

#![allow(unsafe_code)]

use std::ptr::NonNull;

use structs::processor::prefetch;

use crate::entry::EntryRef;
use crate::slab::Slabs;

/// Slots in a bucket.
pub(crate) const LANES: usize = 7;
/// Stash buckets in a segment: one per overflow bit but one.
pub(crate) const STASHES: usize = 7;
/// Lines of 64 bytes by growth step. With one line more, the last step would
/// waste a sixteenth of a slab.
const LINES: [usize; 5] = [32, 40, 48, 56, 63];
pub(crate) const LAST_STEP: usize = LINES.len() - 1;

/// Buckets by what a segment's reference has for its step: none where there is no such step.
static BUCKETS: [u8; STEP_MASK + 1] = {
    let mut buckets = [0; STEP_MASK + 1];
    let mut step = 0;
    while step < LINES.len() {
        buckets[step] = LINES[step] as u8 - 1;
        step += 1;
    }
    buckets
};

/// Home buckets at a growth step.
pub(crate) const fn homes(step: usize) -> usize {
    LINES[step] - STASHES - 1
}

/// What a segment knows about its entries as a whole.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(crate) struct Header {
    /// A lower bound of the deadlines in this segment; `i64::MAX` without any.
    pub(crate) deadline_min_ms: i64,
    /// Start of the wheel slot that this segment is armed in; see `wheel`.
    pub(crate) armed_tick: u64,
    /// The newest write to any key of this segment.
    pub(crate) last_lsn: u64,
    /// The first hash that leads here, to find the way back to the directory.
    base: u64,
    pub(crate) count: u32,
    depth: u32,
}

/// Seven slots and what is needed to search them.
#[derive(Clone, Default)]
#[repr(C, align(64))]
pub(crate) struct Bucket {
    slots: [Option<EntryRef>; LANES],
    /// Seven fingerprints from the lowest byte up, then the overflow bits.
    tags: u64,
}

const ONES: u64 = 0x0001_0101_0101_0101;
const HIGHS: u64 = 0x0080_8080_8080_8080;
const OVERFLOW_SHIFT: u32 = 56;

impl Bucket {
    #[inline]
    pub(crate) fn slot(&self, lane: usize) -> Option<EntryRef> {
        self.slots[lane]
    }

    pub(crate) fn replace(&mut self, lane: usize, entry: EntryRef) {
        debug_assert!(self.slots[lane].is_some());
        self.slots[lane] = Some(entry);
    }

    pub(crate) fn put(&mut self, lane: usize, fingerprint: u8, entry: EntryRef) {
        debug_assert!(self.slots[lane].is_none() && fingerprint != 0);
        self.slots[lane] = Some(entry);
        self.tags |= u64::from(fingerprint) << (8 * lane);
    }

    pub(crate) fn take(&mut self, lane: usize) -> EntryRef {
        self.tags &= !(0xff << (8 * lane));
        self.slots[lane].take().expect("an occupied slot")
    }

    /// The lanes whose fingerprint may be `fingerprint`; a lane above a true
    /// match may be named wrongly, so the key decides.
    #[inline]
    pub(crate) fn matches(&self, fingerprint: u8) -> Lanes {
        let differ = self.tags ^ (u64::from(fingerprint) * ONES);
        Lanes(differ.wrapping_sub(ONES) & !differ & HIGHS)
    }

    pub(crate) fn free_lane(&self) -> Option<usize> {
        self.slots.iter().position(Option::is_none)
    }

    /// The occupied lanes with their entries.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (usize, EntryRef)> + '_ {
        let occupied = |(lane, slot): (usize, &Option<EntryRef>)| slot.map(|entry| (lane, entry));
        self.slots.iter().enumerate().filter_map(occupied)
    }

    /// One bit per stash bucket that holds an entry of this home.
    #[inline]
    pub(crate) fn overflow(&self) -> u8 {
        (self.tags >> OVERFLOW_SHIFT) as u8
    }

    pub(crate) fn set_overflow(&mut self, stash: usize, on: bool) {
        let bit = 1u64 << (OVERFLOW_SHIFT as usize + stash);
        self.tags = if on {
            self.tags | bit
        } else {
            self.tags & !bit
        };
    }
}

/// Lanes to look at, lowest first.
#[derive(Clone, Copy)]
pub(crate) struct Lanes(u64);

impl Iterator for Lanes {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let lane = self.0.trailing_zeros() as usize / 8;
        self.0 &= self.0 - 1;
        Some(lane)
    }
}

/// The bits of a set byte, lowest first.
pub(crate) fn bits(mut byte: u8) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (byte != 0).then_some(byte.trailing_zeros() as usize)?;
        byte &= byte - 1;
        Some(bit)
    })
}

/// The address of a segment with its growth step and depth beside it, so that
/// a lookup knows its bucket without touching the segment's header.
///
/// ```text
///   63      56 55     48 47                        6 5    0
///   │ unused  │ depth   │ address, a multiple of 64  │ step │
/// ```
///
/// Copying it copies the address; the table that allocated it frees it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentRef(NonNull<u8>);

const STEP_MASK: usize = 0x3f;
const DEPTH_SHIFT: u32 = 48;
const ADDRESS_MASK: usize = (1 << DEPTH_SHIFT) - 1 - STEP_MASK;

// SAFETY: a segment belongs to one table, which hands out references only
// while it is borrowed itself.
unsafe impl Send for SegmentRef {}
// SAFETY: shared access only reads.
unsafe impl Sync for SegmentRef {}

impl SegmentRef {
    /// An empty segment for the hashes that share `depth` bits with `base`.
    pub(crate) fn new(slabs: &mut Slabs, step: usize, depth: u32, base: u64) -> SegmentRef {
        let bytes = LINES[step] * 64;
        let at = slabs.allocate_segment(step, bytes);
        // SAFETY: just allocated with this size. Zeroes are an empty bucket
        // and, but for the fields set below, a valid header.
        unsafe { at.as_ptr().write_bytes(0, bytes) };
        let mut segment = SegmentRef::tagged(at, step, depth);
        let header = segment.header_mut();
        header.deadline_min_ms = i64::MAX;
        header.armed_tick = u64::MAX;
        header.base = base;
        header.depth = depth;
        segment
    }

    fn tagged(at: NonNull<u8>, step: usize, depth: u32) -> SegmentRef {
        let address = at.as_ptr().addr();
        assert!(
            address & !ADDRESS_MASK == 0,
            "48-bit addresses, in whole lines"
        );
        let tagged = address | step | (depth as usize) << DEPTH_SHIFT;
        SegmentRef(at.map_addr(|_| tagged.try_into().expect("not zero")))
    }

    /// How many bits of the hash, after those of the shard, lead here.
    #[inline]
    pub(crate) fn depth(self) -> u32 {
        (self.0.as_ptr().addr() >> DEPTH_SHIFT) as u32
    }

    #[inline]
    pub(crate) fn step(self) -> usize {
        self.0.as_ptr().addr() & STEP_MASK
    }

    #[inline]
    fn address(self) -> NonNull<u8> {
        self.0
            .map_addr(|tagged| (tagged.get() & ADDRESS_MASK).try_into().expect("not zero"))
    }

    pub(crate) fn memory_bytes(self) -> usize {
        LINES[self.step()] * 64
    }

    #[inline]
    pub(crate) fn homes(self) -> usize {
        self.buckets() - STASHES
    }

    /// Buckets of both sorts: homes first, then the stash.
    #[inline]
    pub(crate) fn buckets(self) -> usize {
        usize::from(BUCKETS[self.step()])
    }

    pub(crate) fn header(&self) -> &Header {
        // SAFETY: line 0 is the header; see `bucket` for the lifetime.
        unsafe { self.address().cast::<Header>().as_ref() }
    }

    pub(crate) fn header_mut(&mut self) -> &mut Header {
        // SAFETY: as `header`; the table is borrowed mutably by every caller.
        unsafe { self.address().cast::<Header>().as_mut() }
    }

    #[inline]
    fn bucket_at(self, index: usize) -> NonNull<Bucket> {
        debug_assert!(index < self.buckets());
        // SAFETY: `index + 1` lines lie before the end of the allocation.
        unsafe { self.address().cast::<Bucket>().add(index + 1) }
    }

    #[inline]
    pub(crate) fn bucket(&self, index: usize) -> &Bucket {
        assert!(index < self.buckets());
        // SAFETY: the line exists, and lives as long as the table that lends
        // this reference keeps the segment.
        unsafe { self.bucket_at(index).as_ref() }
    }

    #[inline]
    pub(crate) fn bucket_mut(&mut self, index: usize) -> &mut Bucket {
        assert!(index < self.buckets());
        // SAFETY: as `bucket`; the table is borrowed mutably by every caller.
        unsafe { self.bucket_at(index).as_mut() }
    }

    pub(crate) fn stash(&self, index: usize) -> &Bucket {
        self.bucket(self.homes() + index)
    }

    #[inline]
    pub(crate) fn prefetch(self, index: usize) {
        prefetch(self.bucket_at(index).as_ptr().cast());
    }

    /// Put an entry into its home bucket, or into the stash. `None` if both
    /// are full. The place is a bucket's index and a lane.
    pub(crate) fn place(
        &mut self,
        home: usize,
        fingerprint: u8,
        entry: EntryRef,
    ) -> Option<(usize, usize)> {
        if let Some(lane) = self.bucket(home).free_lane() {
            self.bucket_mut(home).put(lane, fingerprint, entry);
            self.header_mut().count += 1;
            return Some((home, lane));
        }
        for offset in 0..STASHES {
            let stash = (home + offset) % STASHES;
            let index = self.homes() + stash;
            if let Some(lane) = self.bucket(index).free_lane() {
                self.bucket_mut(index).put(lane, fingerprint, entry);
                self.bucket_mut(home).set_overflow(stash, true);
                self.header_mut().count += 1;
                return Some((index, lane));
            }
        }
        None
    }

    /// All entries, home buckets first.
    pub(crate) fn entries(&self) -> impl Iterator<Item = EntryRef> + '_ {
        (0..self.buckets()).flat_map(|index| self.bucket(index).entries().map(|(_, entry)| entry))
    }

    /// The first hash that leads here.
    pub(crate) fn base(&self) -> u64 {
        self.header().base
    }

    /// Give the memory back, but not the entries. Returns the segment that lies
    /// there now, if another one was moved.
    #[must_use]
    pub(crate) fn free(self, slabs: &mut Slabs) -> Option<SegmentRef> {
        let (at, step) = (self.address(), self.step());
        // SAFETY: allocated by `new` from the same table's slabs.
        unsafe {
            slabs.release_segment(step, at).then(|| {
                // A segment was moved here, whose header says where it belongs.
                let depth = at.cast::<Header>().as_ref().depth;
                SegmentRef::tagged(at, step, depth)
            })
        }
    }
}
