//! Every invariant of a table, asserted. For tests.

use super::Table;
use crate::entry::{Entry, EntryRef};
use crate::segment::{SegmentRef, bits};
use crate::wheel::NEVER;

impl Table {
    /// Assert every invariant of this table. For tests.
    pub fn check(&self) {
        let (mut count, mut volatile, mut sum_ms, mut bytes) = (0, 0, 0i128, 0);
        let (mut owners, mut timed) = (0, 0);
        let mut covered = 0;
        for segment in self.distinct_segments() {
            let width = 1 << (self.depth - segment.depth());
            let span = &self.directory[covered..covered + width];
            assert!(span.iter().all(|s| *s == segment), "a segment is one span");
            assert_eq!(segment.base(), self.prefix(covered));
            covered += width;
            let mut in_segment = 0;
            for index in 0..segment.buckets() {
                for (_, entry) in segment.bucket(index).entries() {
                    self.check_entry(segment, covered - width, index, entry);
                    in_segment += 1;
                    bytes += entry.memory_bytes();
                    owners += usize::from(entry.owns_more());
                    if let Some(deadline_ms) = entry.deadline_ms() {
                        volatile += 1;
                        sum_ms += i128::from(deadline_ms);
                    }
                    let is_timed = Entry::of(entry).next_field_deadline_ms().is_some();
                    timed += usize::from(is_timed);
                    if let Some(deadline_ms) = Entry::of(entry).next_deadline_ms() {
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
        assert_eq!((owners, timed), (self.owners, self.timed));
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

    pub(super) fn check_entry(
        &self,
        segment: SegmentRef,
        directory: usize,
        index: usize,
        entry: EntryRef,
    ) {
        let hash = self.hasher.hash(Entry::of(entry).key());
        assert!(self.segment(hash) == segment, "the directory leads here");
        assert!(self.index(hash) >= directory);
        self.check_saved(hash, entry);
        let home = self.home(segment, hash);
        let stashed = index.checked_sub(segment.homes());
        match stashed {
            None => assert_eq!(home, index),
            Some(stash) => assert!(segment.bucket(home).overflow() >> stash & 1 == 1),
        }
    }
}
