//! Which items there are, by the hash of their names: extendible hashing of `Ref`s.
//!
//! ```text
//!   hash (48 bits of it)   │ directory index │ bucket (multiply-shift) ... │
//!
//!   directory (of depth 2)      segments
//!     00 ─────┐                   base, depth, count, soonest
//!     01 ─────┴──────────────►    depth 1, 63 buckets
//!     10 ────────────────────►    depth 2, 31 buckets
//!     11 ────────────────────►    depth 2, 39 buckets
//! ```
//!
//! It is the keyspace's table (docs/decisions/0002) with smaller slots: a full segment grows in
//! place from one bucket to 63, and then splits in two by the next bit of its hashes. So an
//! insertion never moves more than one segment's slots, about 700, and no rehash of everything
//! exists. Removals shrink and merge segments again.
//!
//! Position follows the hash from the top bit down, so that a scan's cursor is a prefix of the
//! hash: what is there from the first call to the last is reported exactly once, however the
//! segments grow, split or merge meanwhile.
//!
//! What the items are, and how they hash, only the owner knows: it lends a function that says so.
//!
//! Invariants (`check` asserts them): every slot lies in its home bucket or, with the overflow bit
//! set, in the stash; every directory entry names the segment that covers it; the counts are exact.

mod growth;
mod segment;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;

use crate::arena::Ref;
use crate::hash::Prefix;
use base::Rng;
use segment::{LANES, LINES_MAX, Segment};

pub(crate) use segment::Likely;

/// Where a slot is, until something is inserted or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    segment: u32,
    bucket: u8,
    lane: u8,
}

/// Says how the item that a slot refers to hashes.
pub(crate) type HashOf<'a> = &'a dyn Fn(Ref) -> u64;

#[derive(Clone, Default)]
pub(crate) struct Slots {
    directory: Vec<u32>,
    segments: Vec<Segment>,
    depth: u32,
    /// How many segments there are of each depth.
    at_depth: Vec<u32>,
    len: usize,
    segment_bytes: usize,
}

/// The bits of a hash that are not used.
const CURSOR_SHIFT: u32 = 16;
/// The cursor behind the last slot.
const CURSOR_END: u64 = 1 << (64 - CURSOR_SHIFT);
/// So many bits of a hash may choose the segment; twelve more at least are left to choose the bucket.
const DEPTH_MAX: u32 = 32;

/// The part of a hash that counts.
#[inline]
fn position(hash: u64) -> u64 {
    hash >> CURSOR_SHIFT << CURSOR_SHIFT
}

impl Slots {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Bytes allocated.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.segment_bytes
            + self.directory.capacity() * size_of::<u32>()
            + self.segments.capacity() * size_of::<Segment>()
            + self.at_depth.capacity() * size_of::<u32>()
    }

    #[inline]
    fn index(&self, hash: u64) -> usize {
        // Two shifts, as one by 64 is none.
        (hash >> 1 >> (63 - self.depth)) as usize
    }

    /// The slot of this hash that refers to what is looked for.
    #[inline]
    pub(crate) fn find(
        &self,
        hash: u64,
        mut is_it: impl FnMut(Ref) -> bool,
    ) -> Option<(Place, Ref)> {
        let at = *self.directory.get(self.index(hash))?;
        let found = self.segments[at as usize].find(position(hash), &mut is_it);
        found.map(|(bucket, lane, item)| {
            let place = Place {
                segment: at,
                bucket: bucket as u8,
                lane: lane as u8,
            };
            (place, item)
        })
    }

    /// Ask for the line that a lookup of this hash will read first.
    #[inline]
    pub(crate) fn look_ahead(&self, hash: u64) -> Option<Likely<'_>> {
        let at = *self.directory.get(self.index(hash))?;
        Some(self.segments[at as usize].look_ahead(position(hash)))
    }

    /// Add a slot for an item that has none.
    pub(crate) fn insert(&mut self, hash: u64, item: Ref, hash_of: HashOf<'_>) {
        if self.directory.is_empty() {
            self.begin();
        }
        loop {
            let at = self.directory[self.index(hash)] as usize;
            let placed = self.segments[at].place(position(hash), item);
            if placed || self.grow(at, position(hash), item, hash_of) {
                self.len += 1;
                return;
            }
            self.split(at, hash_of);
        }
    }

    /// Let a slot refer to its item's new place.
    pub(crate) fn redirect(&mut self, place: Place, item: Ref) {
        self.segments[place.segment as usize].redirect(
            place.bucket as usize,
            place.lane as usize,
            item,
        );
    }

    pub(crate) fn remove(&mut self, place: Place, hash_of: HashOf<'_>) {
        let at = place.segment as usize;
        self.segments[at].take(place.bucket as usize, place.lane as usize);
        self.len -= 1;
        self.shrink(at, hash_of);
    }

    /// Free up to so many segments of slots that nobody will look at again. True when none are left.
    pub(crate) fn free_some(&mut self, segments: usize) -> bool {
        for _ in 0..segments {
            if let Some(segment) = self.segments.pop() {
                self.segment_bytes -= segment.memory_bytes();
            }
        }
        if self.segments.is_empty() {
            *self = Slots::default();
        }
        self.segments.is_empty()
    }

    // ---- walks -----------------------------------------------------------

    /// All items, in no order that means anything.
    pub(crate) fn items(&self) -> impl Iterator<Item = Ref> + '_ {
        self.segments.iter().flat_map(Segment::items)
    }

    /// Visit all items with what their places tell of their hashes.
    pub(crate) fn visit_told(
        &self,
        visit: &mut impl FnMut(Ref, Prefix) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut segments = self.segments.iter();
        segments.try_for_each(|segment| segment.visit_told(visit))
    }

    /// Is there an item that is what is looked for, of which only this much of the hash is known?
    /// `None` if that is too little to tell.
    #[inline]
    pub(crate) fn seek(&self, prefix: Prefix, is_it: impl FnMut(Ref) -> bool) -> Option<bool> {
        if prefix.bits < self.depth {
            return None;
        }
        match self.directory.get(self.index(prefix.hash)) {
            Some(at) => self.segments[*at as usize].seek(prefix, is_it),
            None => Some(false),
        }
    }

    /// Visit items in the order of their hashes from `cursor` on, until about `count` were seen.
    /// Return the next cursor; 0, which is also where a scan begins, says that it is complete.
    pub(crate) fn scan(
        &self,
        cursor: u64,
        count: usize,
        hash_of: HashOf<'_>,
        visit: &mut dyn FnMut(Ref),
    ) -> u64 {
        // Empty buckets count a little, so that sparse segments cannot make one call endless.
        let mut budget = count.saturating_mul(10).max(10);
        let (mut cursor, mut seen) = (cursor, 0);
        if self.directory.is_empty() || cursor >= CURSOR_END {
            return 0;
        }
        while seen < count.max(1) && budget > 0 {
            let from = cursor << CURSOR_SHIFT;
            let segment = &self.segments[self.directory[self.index(from)] as usize];
            let home = segment.home(from);
            // A grown segment may have moved the bounds of a bucket: what lies before the cursor
            // was reported already.
            let inside = segment.start_of(home) != cursor;
            segment.visit_home(home, hash_of, &mut |item| {
                if !inside || hash_of(item) >> CURSOR_SHIFT >= cursor {
                    seen += 1;
                    visit(item);
                }
            });
            cursor = segment.start_of(home + 1);
            budget -= 1;
            if cursor == CURSOR_END {
                return 0;
            }
        }
        cursor
    }

    /// An item at random, each equally likely: a segment, one of the places that the largest
    /// segment would have, and again if nothing is there.
    pub(crate) fn random(&self, rng: &mut Rng) -> Option<(Place, Ref)> {
        if self.len == 0 {
            return None;
        }
        let places = match &self.segments[..] {
            [only] => only.places(),
            _ => LINES_MAX * LANES,
        };
        loop {
            let segment = rng.below(self.segments.len() as u64) as u32;
            let (bucket, lane) = {
                let choice = rng.below(places as u64) as usize;
                (choice / LANES, choice % LANES)
            };
            if let Some(item) = self.segments[segment as usize].slot(bucket, lane) {
                let place = Place {
                    segment,
                    bucket: bucket as u8,
                    lane: lane as u8,
                };
                return Some((place, item));
            }
        }
    }

    // ---- segments by number ----------------------------------------------

    pub(crate) fn segments(&self) -> usize {
        self.segments.len()
    }

    /// The segment of a hash, and the first hash behind it, if there is one. There must be slots.
    pub(crate) fn segment_of(&self, hash: u64) -> (usize, Option<u64>) {
        let at = self.directory[self.index(hash)] as usize;
        let segment = &self.segments[at];
        // All ones below the bits that lead there, then one more.
        let last = segment.base() | u64::MAX.checked_shr(segment.depth()).unwrap_or(0);
        (at, last.checked_add(1))
    }

    pub(crate) fn segment_items(&self, segment: usize) -> impl Iterator<Item = Ref> + '_ {
        self.segments[segment].items()
    }

    /// A lower bound of what was said of the items of a segment by [`Slots::bring_forward`].
    pub(crate) fn soonest_ms(&self, segment: usize) -> i64 {
        self.segments[segment].soonest_ms
    }

    pub(crate) fn set_soonest_ms(&mut self, segment: usize, soonest_ms: i64) {
        self.segments[segment].soonest_ms = soonest_ms;
    }

    /// An item of this hash has a deadline.
    pub(crate) fn bring_forward(&mut self, hash: u64, deadline_ms: i64) {
        let at = self.directory[self.index(hash)] as usize;
        let soonest_ms = &mut self.segments[at].soonest_ms;
        *soonest_ms = deadline_ms.min(*soonest_ms);
    }

    /// Assert the invariants.
    pub(crate) fn check(&self, hash_of: HashOf<'_>) {
        let sum = |of: fn(&Segment) -> usize| self.segments.iter().map(of).sum::<usize>();
        assert_eq!(self.len, sum(Segment::len));
        assert_eq!(self.segment_bytes, sum(Segment::memory_bytes));
        let mut covered = 0;
        for (at, segment) in self.segments.iter().enumerate() {
            segment.check(hash_of);
            let start = self.index(segment.base());
            let width = 1 << (self.depth - segment.depth());
            let covers = &self.directory[start..start + width];
            assert!(
                covers.iter().all(|named| *named as usize == at),
                "it covers its prefix"
            );
            covered += width;
        }
        assert_eq!(covered, self.directory.len());
        for (depth, count) in self.at_depth.iter().enumerate() {
            let of_depth = self.segments.iter().filter(|s| s.depth() as usize == depth);
            assert_eq!(
                *count as usize,
                of_depth.count(),
                "segments of depth {depth}"
            );
        }
        let deepest = self.at_depth.len().saturating_sub(1);
        assert_eq!(
            self.depth as usize, deepest,
            "the directory is as deep as it must be"
        );
        assert!(self.segments.is_empty() || self.len > 0);
    }
}
