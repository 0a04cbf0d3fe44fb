//! Walks over a table: SCAN, all of it, one at random.

use super::{POSITION_SHIFT, Slot, Table};
use crate::entry::{Entry, EntryRef};
use crate::segment::LANES;

impl Table {
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
}
