//! What the place of a slot tells of its item's hash, and what such a beginning of a hash tells
//! another segment. Nobody looks at an item for it.
//!
//! ```text
//!   hash   │ base, `depth` bits │ told by home and tag, 12 bits │ not known ...
//!
//!   there  │ other depth │ home │ tag ...      no slot of that tag: no item of that hash
//! ```
//!
//! A bucket holds about ten of 256 tags, so of the items that another table does not have, 24 in 25
//! are told apart by a line of its slots, and those that it has are found without being hashed.
//! Where less is known of a tag, more of them have to be compared.

use std::ops::ControlFlow;

use super::{Bucket, HOMES_TELLING, Segment, bits, tag, told_from};
use crate::arena::Ref;
use crate::hash::Prefix;

/// Home and tag tell so many bits of a fraction.
const TOLD_BITS: u32 = 12;
/// With fewer bits of a fraction than this, nearly every bucket may have it.
const WORTH_BITS: u32 = 9;

impl Segment {
    /// Visit all items with what their places tell of their hashes: nothing in the stash.
    pub(in crate::slots) fn visit_told(
        &self,
        visit: &mut impl FnMut(Ref, Prefix) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let telling = match u32::from(self.homes) >= HOMES_TELLING {
            true => self.homes as usize,
            false => 0,
        };
        for (at, bucket) in self.buckets.iter().enumerate() {
            let first = (at < telling).then(|| self.told_first(at));
            let tags = bucket.tags.to_le_bytes();
            for lane in bucket.lanes() {
                let prefix = match first {
                    Some(first) => self.prefix_of(told_from(first, tags[lane])),
                    None => Prefix::default(),
                };
                visit(Ref::from_bits(bucket.slots[lane]), prefix)?;
            }
        }
        ControlFlow::Continue(())
    }

    #[inline]
    fn prefix_of(&self, told: u32) -> Prefix {
        let told_at = 64 - TOLD_BITS - self.depth();
        Prefix {
            hash: self.base | u64::from(told) << told_at,
            bits: TOLD_BITS + self.depth(),
        }
    }

    /// Is there an item that is what is looked for, of which only this much of the hash is known?
    /// `None` if that is too little to tell. The prefix must lead to this segment.
    #[inline]
    pub(in crate::slots) fn seek(
        &self,
        prefix: Prefix,
        mut is_it: impl FnMut(Ref) -> bool,
    ) -> Option<bool> {
        let known = prefix.bits.saturating_sub(self.depth());
        if known < WORTH_BITS {
            return None;
        }
        let least = self.fraction(prefix.hash);
        let greatest = least | u32::MAX.checked_shr(known).unwrap_or(0);
        let home = self.home_of(least);
        if home != self.home_of(greatest) {
            return None;
        }
        let mask = (0xff << TOLD_BITS.saturating_sub(known)) as u8;
        let mut has = |bucket: &Bucket| {
            let mut likely = bits(bucket.agreeing(tag(least), mask));
            likely.any(|lane| is_it(Ref::from_bits(bucket.slots[lane])))
        };
        let bucket = &self.buckets[home];
        let mut stashes = bits(bucket.overflow());
        Some(has(bucket) || stashes.any(|at| has(&self.buckets[self.homes as usize + at])))
    }
}
