//! A table that nobody will look at again, freed a slice at a time.
//!
//! Small entries go with their slabs, all at once. What owns memory of its own is
//! freed entry by entry before, and a large collection page by page, unless
//! somebody else holds it.

use std::sync::Arc;

use super::Table;
use crate::entry::EntryRef;
use crate::segment::SegmentRef;
use crate::slab::Slabs;
use crate::value::Large;

/// What is left of a table. Dropping it frees the rest.
pub struct Ruin {
    table: Box<Table>,
    segments: std::vec::IntoIter<SegmentRef>,
    /// Entries of the segment taken last.
    entries: Vec<EntryRef>,
    large: Option<Large>,
}

impl Ruin {
    pub fn of(table: Box<Table>) -> Ruin {
        let segments = match table.owns_apart() {
            true => table.distinct_segments().collect(),
            false => Vec::new(),
        };
        Ruin {
            table,
            segments: segments.into_iter(),
            entries: Vec::new(),
            large: None,
        }
    }

    /// Free up to so many entries and pages. True when all but the slabs is freed.
    pub fn free_some(&mut self, pages: usize) -> bool {
        let mut left = pages;
        while left > 0 {
            if let Some(large) = &mut self.large {
                if large.free_some(left) {
                    self.large = None;
                }
                return false;
            }
            let Some(entry) = self.entries.pop() else {
                let Some(segment) = self.segments.next() else {
                    return true;
                };
                self.entries.extend(segment.entries());
                continue;
            };
            let large = entry.free_but_large(&mut self.table.slabs);
            self.large = large.and_then(Arc::into_inner);
            left -= 1;
        }
        false
    }
}

impl Drop for Ruin {
    fn drop(&mut self) {
        while !self.free_some(1 << 12) {}
        // No entry is left that would have to be freed by itself.
        self.table.owners = 0;
        self.table.slabs = Slabs::default();
        self.table.directory = Vec::new();
    }
}
