//! Many texts, one behind the other in one piece of memory.

use std::ops::Range;

use store::Item;

/// Texts by their number. Some may be missing.
#[derive(Default)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    /// A missing one begins behind where it ends.
    ranges: Vec<Range<usize>>,
}

impl Texts {
    pub(super) fn len(&self) -> usize {
        self.ranges.len()
    }

    pub(super) fn push(&mut self, text: &[u8]) {
        self.push_with(|bytes| bytes.extend_from_slice(text));
    }

    pub(super) fn push_item(&mut self, item: Item<'_>) {
        self.push_with(|bytes| item.append_to(bytes));
    }

    pub(super) fn push_with(&mut self, append: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        append(&mut self.bytes);
        self.ranges.push(start..self.bytes.len());
    }

    #[allow(clippy::reversed_empty_ranges, reason = "the mark of what is missing")]
    pub(super) fn push_none(&mut self) {
        self.ranges.push(1..0);
    }

    pub(super) fn given(&self, number: u32) -> Option<&[u8]> {
        let range = self.ranges[number as usize].clone();
        (range.start <= range.end).then(|| &self.bytes[range])
    }

    /// Of texts none of which is missing.
    pub(super) fn get(&self, number: u32) -> &[u8] {
        &self.bytes[self.ranges[number as usize].clone()]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.ranges.iter().map(|range| &self.bytes[range.clone()])
    }
}
