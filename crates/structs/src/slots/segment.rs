//! A segment: some hundred slots in buckets of 64 bytes.
//!
//! ```text
//!   line 0       the counts of the `Arc`
//!   line 1..     home buckets, in the order of hashes
//!   last ninth   stash buckets: slots whose home bucket is full
//!
//!   bucket       ┌─────┬─────┬─ ─ ─┬─────┬───────────┬────────────┬─────────────┬────────┐
//!   (64 bytes)   │ ref │ ref │     │ ref │ 12 × tag  │ used, 12 b │ overflow, 8 │ unused │
//!                └─────┴─────┴─ ─ ─┴─────┴───────────┴────────────┴─────────────┴────────┘
//! ```
//!
//! A lookup compares twelve tags at once, as one machine word of 128 bits, and asks about an item
//! only where the tag agrees. Bit `i` of the overflow says that stash bucket `i` may hold a slot
//! that belongs here, so a miss in a bucket without overflow never leaves its line.
//!
//! A tag is bits 4 to 11 of a slot's *fraction*, the part of its hash behind the bits that led to
//! this segment. The home bucket tells about bits 0 to 4, so that home and tag together tell the
//! first twelve, and a segment that changes its size finds nearly all new homes without looking at
//! the items: fetching and hashing them took more time than all the rest of an insertion. Only one
//! in a hundred lies so close to the bound of a bucket that its hash is needed.
//!
//! Invariants: a slot lies in its home or in a stash bucket that the home's overflow names; `count`
//! counts. An overflow bit may stay when the last such slot has gone, until the segment is rebuilt.

mod told;

use std::sync::Arc;

use super::{CURSOR_SHIFT, HashOf, position};
use crate::arena::Ref;
use crate::processor::{agreeing, prefetch};

/// Slots in a bucket.
pub(super) const LANES: usize = 12;
pub(super) const LINE_BYTES: usize = 64;

/// Buckets by growth step. With the line of the counts, the larger ones are sizes that allocators
/// keep.
pub(super) const LINES: [usize; 13] = [1, 2, 3, 5, 7, 11, 15, 23, 31, 39, 47, 55, LINES_MAX];
pub(super) const LINES_MAX: usize = 63;

/// How many of so many buckets are for those that find no place in their home.
fn stashes(lines: usize) -> usize {
    if lines == 1 { 0 } else { lines.div_ceil(9) }
}

/// With fewer homes than this, home and tag do not tell all of twelve bits.
const HOMES_TELLING: u32 = 18;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Bucket {
    slots: [u32; LANES],
    /// From the lowest byte up: twelve tags, two bytes of used lanes, one of overflow.
    tags: u128,
}

const EMPTY: Bucket = Bucket {
    slots: [0; LANES],
    tags: 0,
};
const USED_SHIFT: u32 = 8 * LANES as u32;
const OVERFLOW_SHIFT: u32 = USED_SHIFT + 16;
const ALL_USED: u32 = (1 << LANES) - 1;

impl Bucket {
    #[inline]
    fn used(&self) -> u32 {
        (self.tags >> USED_SHIFT) as u32 & ALL_USED
    }

    #[inline]
    fn overflow(&self) -> u32 {
        (self.tags >> OVERFLOW_SHIFT) as u32 & 0xff
    }

    fn free_lane(&self) -> Option<usize> {
        let lane = (!self.used()).trailing_zeros() as usize;
        (lane < LANES).then_some(lane)
    }

    fn tag(&self, lane: usize) -> u8 {
        (self.tags >> (8 * lane)) as u8
    }

    fn put(&mut self, lane: usize, tag: u8, item: Ref) {
        self.slots[lane] = item.to_bits();
        let kept = self.tags & !(0xff << (8 * lane));
        self.tags = kept | u128::from(tag) << (8 * lane) | 1 << (USED_SHIFT as usize + lane);
    }

    fn take(&mut self, lane: usize) {
        self.tags &= !(1 << (USED_SHIFT as usize + lane));
    }

    /// The used lane of this tag whose item is the one looked for.
    #[inline]
    fn find(&self, tag: u8, is_it: &mut impl FnMut(Ref) -> bool) -> Option<(usize, Ref)> {
        let likely = bits(self.agreeing(tag, u8::MAX));
        let mut items = likely.map(|lane| (lane, Ref::from_bits(self.slots[lane])));
        items.find(|(_, item)| is_it(*item))
    }

    /// The used lanes whose tags agree with this one in the bits of the mask.
    #[inline]
    fn agreeing(&self, tag: u8, mask: u8) -> u32 {
        agreeing(self.tags, tag, mask) & self.used()
    }

    /// The used lanes.
    fn lanes(&self) -> impl Iterator<Item = usize> + use<> {
        bits(self.used())
    }
}

/// The bits that are set, lowest first.
fn bits(mut word: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (word != 0).then_some(word.trailing_zeros() as usize)?;
        word &= word - 1;
        Some(bit)
    })
}

#[derive(Clone)]
pub(super) struct Segment {
    buckets: Arc<[Bucket]>,
    /// The first hash that leads here.
    base: u64,
    /// A lower bound of the deadlines here; `i64::MAX` without any.
    pub(super) soonest_ms: i64,
    count: u32,
    depth: u8,
    homes: u8,
}

impl Segment {
    pub(super) fn new(base: u64, depth: u32, lines: usize) -> Segment {
        Segment {
            buckets: std::iter::repeat_n(EMPTY, lines).collect(),
            base,
            soonest_ms: i64::MAX,
            count: 0,
            depth: depth as u8,
            homes: (lines - stashes(lines)) as u8,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.count as usize
    }

    pub(super) fn base(&self) -> u64 {
        self.base
    }

    pub(super) fn depth(&self) -> u32 {
        u32::from(self.depth)
    }

    pub(super) fn lines(&self) -> usize {
        self.buckets.len()
    }

    pub(super) fn places(&self) -> usize {
        self.lines() * LANES
    }

    pub(super) fn memory_bytes(&self) -> usize {
        (1 + self.lines()) * LINE_BYTES
    }

    // ---- where a hash belongs --------------------------------------------

    /// The first 32 bits of a hash behind those that led here.
    #[inline]
    fn fraction(&self, hash: u64) -> u32 {
        ((position(hash) << self.depth) >> 32) as u32
    }

    #[inline]
    fn home_of(&self, fraction: u32) -> usize {
        ((u64::from(fraction) * u64::from(self.homes)) >> 32) as usize
    }

    #[inline]
    pub(super) fn home(&self, hash: u64) -> usize {
        self.home_of(self.fraction(hash))
    }

    /// The first cursor that leads to a home bucket, or behind the segment if there is none such.
    pub(super) fn start_of(&self, home: usize) -> u64 {
        let homes = u64::from(self.homes);
        let offset = if home as u64 == homes {
            1u128 << (64 - self.depth)
        } else {
            let fraction = ((home as u64) << 32).div_ceil(homes) << 32;
            u128::from(fraction).div_ceil(1 << self.depth)
        };
        (u128::from(self.base) + offset).div_ceil(1 << CURSOR_SHIFT) as u64
    }

    /// What home and tag tell of a fraction: its first twelve bits.
    fn told(&self, home: usize, tag: u8) -> u32 {
        told_from(self.told_first(home), tag)
    }

    /// The first twelve bits of the least fraction in a home bucket.
    fn told_first(&self, home: usize) -> u32 {
        ((home as u64) << 32).div_ceil(u64::from(self.homes)) as u32 >> 20
    }

    // ---- slots -----------------------------------------------------------

    #[inline]
    pub(super) fn find(
        &self,
        hash: u64,
        is_it: &mut impl FnMut(Ref) -> bool,
    ) -> Option<(usize, usize, Ref)> {
        let fraction = self.fraction(hash);
        let (home, tag) = (self.home_of(fraction), tag(fraction));
        let bucket = &self.buckets[home];
        if let Some((lane, item)) = bucket.find(tag, is_it) {
            return Some((home, lane, item));
        }
        bits(bucket.overflow()).find_map(|stash| {
            let at = self.homes as usize + stash;
            let found = self.buckets[at].find(tag, is_it);
            found.map(|(lane, item)| (at, lane, item))
        })
    }

    /// Ask for the home bucket of a hash.
    #[inline]
    pub(super) fn look_ahead(&self, hash: u64) -> Likely<'_> {
        let fraction = self.fraction(hash);
        let bucket = &self.buckets[self.home_of(fraction)];
        prefetch(std::ptr::from_ref(bucket).cast());
        Likely {
            bucket,
            tag: tag(fraction),
        }
    }

    pub(super) fn slot(&self, bucket: usize, lane: usize) -> Option<Ref> {
        let bucket = self.buckets.get(bucket)?;
        (bucket.used() >> lane & 1 == 1).then(|| Ref::from_bits(bucket.slots[lane]))
    }

    /// Put an item into its home bucket or the stash; false if both are full.
    #[inline]
    pub(super) fn place(&mut self, hash: u64, item: Ref) -> bool {
        let fraction = self.fraction(hash);
        self.place_in(self.home_of(fraction), tag(fraction), item)
    }

    fn place_in(&mut self, home: usize, tag: u8, item: Ref) -> bool {
        if let Some(lane) = self.buckets[home].free_lane() {
            self.buckets_mut()[home].put(lane, tag, item);
            self.count += 1;
            return true;
        }
        let homes = self.homes as usize;
        let stashes = self.lines() - homes;
        for offset in 0..stashes {
            let stash = (home + offset) % stashes;
            if let Some(lane) = self.buckets[homes + stash].free_lane() {
                let buckets = self.buckets_mut();
                buckets[homes + stash].put(lane, tag, item);
                buckets[home].tags |= 1 << (OVERFLOW_SHIFT as usize + stash);
                self.count += 1;
                return true;
            }
        }
        false
    }

    #[inline]
    fn buckets_mut(&mut self) -> &mut [Bucket] {
        Arc::make_mut(&mut self.buckets)
    }

    pub(super) fn redirect(&mut self, bucket: usize, lane: usize, item: Ref) {
        self.buckets_mut()[bucket].slots[lane] = item.to_bits();
    }

    pub(super) fn take(&mut self, bucket: usize, lane: usize) {
        self.buckets_mut()[bucket].take(lane);
        self.count -= 1;
    }

    pub(super) fn items(&self) -> impl Iterator<Item = Ref> + '_ {
        let of = |bucket: &'_ Bucket| {
            let slots = bucket.slots;
            bucket.lanes().map(move |lane| Ref::from_bits(slots[lane]))
        };
        self.buckets.iter().flat_map(of)
    }

    pub(super) fn visit_home(&self, home: usize, hash_of: HashOf<'_>, visit: &mut dyn FnMut(Ref)) {
        let bucket = &self.buckets[home];
        for lane in bucket.lanes() {
            visit(Ref::from_bits(bucket.slots[lane]));
        }
        for stash in bits(bucket.overflow()) {
            let bucket = &self.buckets[self.homes as usize + stash];
            for lane in bucket.lanes() {
                let item = Ref::from_bits(bucket.slots[lane]);
                if self.home(hash_of(item)) == home {
                    visit(item);
                }
            }
        }
    }

    // ---- the whole segment -----------------------------------------------

    /// The same slots in so many buckets; `None` if they do not fit.
    pub(super) fn resized(&self, lines: usize, hash_of: HashOf<'_>) -> Option<Segment> {
        let mut new = Segment::new(self.base, self.depth(), lines);
        new.soonest_ms = self.soonest_ms;
        let telling = u32::from(self.homes) >= HOMES_TELLING;
        for (at, bucket) in self.buckets.iter().enumerate() {
            let first = (telling && at < self.homes as usize).then(|| self.told_first(at));
            for lane in bucket.lanes() {
                let (tag, item) = (bucket.tag(lane), Ref::from_bits(bucket.slots[lane]));
                let home = first.and_then(|first| {
                    let least = told_from(first, tag) << 20;
                    let homes = (new.home_of(least), new.home_of(least | 0xf_ffff));
                    (homes.0 == homes.1).then_some(homes.0)
                });
                let home = home.unwrap_or_else(|| new.home(hash_of(item)));
                if !new.place_in(home, tag, item) {
                    return None;
                }
            }
        }
        Some(new)
    }

    pub(super) fn check(&self, hash_of: HashOf<'_>) {
        let mut count = 0;
        for (at, bucket) in self.buckets.iter().enumerate() {
            for lane in bucket.lanes() {
                count += 1;
                let hash = hash_of(Ref::from_bits(bucket.slots[lane]));
                let same = hash.checked_shr(64 - self.depth()).unwrap_or(0);
                assert_eq!(same, self.base.checked_shr(64 - self.depth()).unwrap_or(0));
                let (fraction, home) = (self.fraction(hash), self.home(hash));
                assert_eq!(bucket.tag(lane), tag(fraction));
                if at < self.homes as usize {
                    assert_eq!(at, home, "it is at home");
                    let telling = u32::from(self.homes) >= HOMES_TELLING;
                    assert!(!telling || self.told(at, tag(fraction)) == fraction >> 20);
                } else {
                    let stash = at - self.homes as usize;
                    assert!(
                        self.buckets[home].overflow() >> stash & 1 == 1,
                        "the home knows"
                    );
                }
            }
        }
        assert_eq!(count, self.count);
    }
}

/// What a lookup will ask about in a home bucket.
#[derive(Clone, Copy)]
pub(crate) struct Likely<'a> {
    bucket: &'a Bucket,
    tag: u8,
}

impl Likely<'_> {
    #[inline]
    pub(crate) fn items(&self) -> impl Iterator<Item = Ref> {
        let likely = bits(self.bucket.agreeing(self.tag, u8::MAX));
        likely.map(|lane| Ref::from_bits(self.bucket.slots[lane]))
    }
}

/// The first number from `first` on that ends in the tag.
#[inline]
fn told_from(first: u32, tag: u8) -> u32 {
    first + u32::from(tag.wrapping_sub(first as u8))
}

#[inline]
fn tag(fraction: u32) -> u8 {
    (fraction >> 20) as u8
}
