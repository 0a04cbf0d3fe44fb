//! How slots grow and shrink: a segment at a time.
//!
//! ```text
//!   full, fewer than 63 buckets  ─► the same slots in more buckets
//!   full, 63 buckets             ─► two segments, by the next bit of the hash
//!   sparse                       ─► the same slots in fewer buckets
//!   sparse, and so its twin      ─► one segment
//! ```

use super::segment::{LANES, LINES, LINES_MAX, Segment};
use super::{DEPTH_MAX, HashOf, Slots, position};
use crate::arena::Ref;

/// A segment below this count looks whether it can go together with its twin ...
const MERGE_COUNT: usize = 180;
/// ... and it can if they are no more than this together.
const MERGED_COUNT_MAX: usize = 420;

/// The buckets to begin with for so many slots.
fn lines_for(slots: usize) -> usize {
    // Nearly as full as a segment is when it has to grow.
    let fits = |lines: &&usize| **lines * LANES * 7 / 8 >= slots;
    *LINES.iter().find(fits).unwrap_or(&LINES_MAX)
}

impl Slots {
    pub(super) fn begin(&mut self) {
        let first = Segment::new(0, 0, LINES[0]);
        // Many dicts are small: no more than one of each.
        self.segments.reserve_exact(1);
        self.directory.reserve_exact(1);
        self.at_depth.reserve_exact(1);
        self.segment_bytes = first.memory_bytes();
        self.segments.push(first);
        self.directory.push(0);
        self.at_depth.push(1);
    }

    /// Rebuild a segment so that it takes one more; false if it has to be split for that.
    pub(super) fn grow(&mut self, at: usize, hash: u64, item: Ref, hash_of: HashOf<'_>) -> bool {
        let old = &self.segments[at];
        let lines = old.lines();
        // With much coming and going, the stash may be full before the homes are.
        let crowded = old.len() * 6 > old.places() * 5;
        let larger = LINES
            .iter()
            .filter(|l| **l > lines || **l == lines && !crowded);
        let new = larger.copied().find_map(|lines| {
            let mut new = old.resized(lines, hash_of)?;
            new.place(hash, item).then_some(new)
        });
        let Some(new) = new else { return false };
        self.exchange(at, new);
        true
    }

    fn exchange(&mut self, at: usize, new: Segment) {
        self.segment_bytes -= self.segments[at].memory_bytes();
        self.segment_bytes += new.memory_bytes();
        self.segments[at] = new;
    }

    pub(super) fn split(&mut self, at: usize, hash_of: HashOf<'_>) {
        let old = self.segments[at].clone();
        let depth = old.depth() + 1;
        assert!(
            depth <= DEPTH_MAX,
            "hashes of a secret key do not agree so far"
        );
        if depth > self.depth {
            self.directory = self.directory.iter().flat_map(|at| [*at; 2]).collect();
            self.depth = depth;
            self.at_depth.push(0);
        }
        let hashed = old.items().map(|item| (hash_of(item), item));
        let bit = 1 << (64 - depth);
        let (high, low): (Vec<_>, Vec<_>) = hashed.partition(|(hash, _)| hash & bit != 0);
        // Each home becomes two, so what fitted before fits now.
        let half = |base, hashed: &[_]| build(base, depth, hashed).expect("half fits in one");
        let mut low = half(old.base(), &low);
        let mut high = half(old.base() | bit, &high);
        (low.soonest_ms, high.soonest_ms) = (old.soonest_ms, old.soonest_ms);
        self.at_depth[depth as usize - 1] -= 1;
        self.at_depth[depth as usize] += 2;
        self.exchange(at, low);
        self.segment_bytes += high.memory_bytes();
        self.segments.push(high);
        self.direct(self.segments.len() - 1);
    }

    /// Let the directory name a segment wherever it should.
    fn direct(&mut self, at: usize) {
        let segment = &self.segments[at];
        let start = self.index(segment.base());
        let width = 1 << (self.depth - segment.depth());
        self.directory[start..start + width].fill(at as u32);
    }

    /// A slot was taken from a segment: has it too many buckets?
    pub(super) fn shrink(&mut self, at: usize, hash_of: HashOf<'_>) {
        if self.len == 0 {
            *self = Slots::default();
            return;
        }
        let segment = &self.segments[at];
        let count = segment.len();
        if segment.depth() > 0 && count < MERGE_COUNT && count.is_multiple_of(8) {
            let bit = 1 << (64 - segment.depth());
            let twin = self.directory[self.index(segment.base() ^ bit)] as usize;
            let twin_of = &self.segments[twin];
            if twin_of.depth() == segment.depth() && count + twin_of.len() <= MERGED_COUNT_MAX {
                self.merge(at, twin, hash_of);
                return;
            }
        }
        if count * 5 < segment.places() * 3 {
            // Some room is left, lest the next insertion takes it back.
            let lines = lines_for(count + count / 4);
            if lines < segment.lines()
                && let Some(new) = segment.resized(lines, hash_of)
            {
                self.exchange(at, new);
            }
        }
    }

    fn merge(&mut self, at: usize, twin: usize, hash_of: HashOf<'_>) {
        let (one, other) = (&self.segments[at], &self.segments[twin]);
        let depth = one.depth();
        let hashed = one
            .items()
            .chain(other.items())
            .map(|item| (hash_of(item), item));
        let hashed: Vec<_> = hashed.collect();
        // Uneven ones may not fit together.
        let Some(mut new) = build(one.base().min(other.base()), depth - 1, &hashed) else {
            return;
        };
        new.soonest_ms = one.soonest_ms.min(other.soonest_ms);
        self.at_depth[depth as usize] -= 2;
        self.at_depth[depth as usize - 1] += 1;
        self.exchange(at, new);
        self.direct(at);
        let gone = self.segments.swap_remove(twin);
        self.segment_bytes -= gone.memory_bytes();
        if twin < self.segments.len() {
            self.direct(twin);
        }
        while self.at_depth.last() == Some(&0) {
            self.at_depth.pop();
            self.depth -= 1;
            self.directory = self.directory.iter().step_by(2).copied().collect();
        }
        if self.segments.len() * 4 < self.segments.capacity() {
            self.segments.shrink_to(self.segments.len() * 2);
        }
    }
}

/// A segment of these slots, in as few buckets as take them; `None` if none does.
fn build(base: u64, depth: u32, hashed: &[(u64, Ref)]) -> Option<Segment> {
    let least = lines_for(hashed.len());
    let enough = LINES.iter().filter(|lines| **lines >= least);
    enough.copied().find_map(|lines| {
        let mut segment = Segment::new(base, depth, lines);
        let mut each = hashed.iter();
        let fits = each.all(|(hash, item)| segment.place(position(*hash), *item));
        fits.then_some(segment)
    })
}
