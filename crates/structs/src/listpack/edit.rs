//! Changes to a list in a `Vec`.
//!
//! Each is one move of what lies behind, and a new header. The vector grows as vectors do; whoever
//! keeps it tight shrinks it. Nothing here asks whether the list gets too long.

use super::{COUNT_UNKNOWN, EMPTY, END, HEADER_BYTES, Item, Listpack, Place, code, count};

/// The vector of a list, while it is changed.
pub struct Editor<'v> {
    bytes: &'v mut Vec<u8>,
}

impl<'v> Editor<'v> {
    /// Change a list that is sound.
    #[inline]
    pub fn new(bytes: &'v mut Vec<u8>) -> Editor<'v> {
        debug_assert_eq!(super::total_bytes(bytes), bytes.len());
        Editor { bytes }
    }

    /// Begin an empty list, whatever the vector held.
    pub fn create(bytes: &'v mut Vec<u8>) -> Editor<'v> {
        bytes.clear();
        bytes.extend_from_slice(&EMPTY);
        Editor { bytes }
    }

    pub fn view(&self) -> Listpack<'_> {
        Listpack::new(self.bytes)
    }

    #[inline]
    pub fn push_back(&mut self, item: Item<'_>) {
        self.extend([item]);
    }

    pub fn push_front(&mut self, item: Item<'_>) {
        self.write(HEADER_BYTES, 0, item);
        self.settle(1, 0);
    }

    /// Append all of them.
    #[inline]
    pub fn extend<'i>(&mut self, items: impl IntoIterator<Item = Item<'i>>) {
        let end = self.bytes.pop();
        debug_assert_eq!(end, Some(END));
        let mut added = 0;
        for item in items {
            code::Coded::of(item).append_to(self.bytes);
            added += 1;
        }
        self.bytes.push(END);
        self.settle(added, 0);
    }

    /// Append the entries of another list as they are.
    pub fn append(&mut self, other: Listpack<'_>) {
        let added = other.len();
        self.bytes.pop();
        self.bytes.extend_from_slice(&other.bytes()[HEADER_BYTES..]);
        self.settle(added, 0);
    }

    /// The new entry has the place that was given.
    pub fn insert_before(&mut self, place: Place, item: Item<'_>) {
        self.write(place.offset(), 0, item);
        self.settle(1, 0);
    }

    /// The place of the new entry.
    pub fn insert_after(&mut self, place: Place, item: Item<'_>) -> Place {
        let at = code::behind(self.bytes, place.offset());
        self.write(at, 0, item);
        self.settle(1, 0);
        Place::of(at)
    }

    /// Put another item in an entry's place.
    pub fn replace(&mut self, place: Place, item: Item<'_>) {
        let at = place.offset();
        let old_len = code::behind(self.bytes, at) - at;
        self.write(at, old_len, item);
        self.settle(0, 0);
    }

    /// Remove up to so many entries from here on, and return how many there were. The place is then
    /// that of the entry behind them, if there is one.
    pub fn remove(&mut self, place: Place, most: usize) -> usize {
        let (at, end) = (place.offset(), self.bytes.len() - 1);
        let (mut stop, mut removed) = (at, 0);
        while removed < most && stop < end {
            stop = code::behind(self.bytes, stop);
            removed += 1;
        }
        self.cut(at, stop);
        self.settle(0, removed);
        removed
    }

    /// Remove up to so many entries from this index on.
    pub fn remove_range(&mut self, index: usize, most: usize) -> usize {
        match self.view().place(index) {
            Some(place) => self.remove(place, most),
            None => 0,
        }
    }

    /// Remove everything before this entry, of which there must be so many.
    pub fn remove_before(&mut self, place: Place, removed: usize) {
        self.cut(HEADER_BYTES, place.offset());
        self.settle(0, removed);
    }

    /// Look at the entries in groups of `width` and keep those that `keep` approves of, by the index
    /// and the first item of the group. With a width of 2 it removes fields with their values. One
    /// pass; returns how many groups went.
    pub fn retain(&mut self, width: usize, mut keep: impl FnMut(usize, Item<'_>) -> bool) -> usize {
        assert!(width > 0);
        let end = self.bytes.len() - 1;
        let (mut at, mut to, mut group, mut gone) = (HEADER_BYTES, HEADER_BYTES, 0, 0);
        while at < end {
            let (item, mut next) = code::read(self.bytes, at);
            let kept = keep(group, item);
            for _ in 1..width {
                next = code::behind(self.bytes, next);
            }
            if kept {
                self.bytes.copy_within(at..next, to);
                to += next - at;
            } else {
                gone += 1;
            }
            (at, group) = (next, group + 1);
        }
        self.cut(to, end);
        self.settle(0, gone * width);
        gone
    }

    /// Move the entries from this one on to the end into a list of their own.
    pub fn split_off(&mut self, place: Place) -> Vec<u8> {
        let at = place.offset();
        let moved = self.view().entries_from(place).count();
        let mut tail = Vec::with_capacity(HEADER_BYTES + self.bytes.len() - at);
        tail.extend_from_slice(&EMPTY[..HEADER_BYTES]);
        tail.extend_from_slice(&self.bytes[at..]);
        Editor { bytes: &mut tail }.settle(moved, 0);
        self.bytes.truncate(at);
        self.bytes.push(END);
        self.settle(0, moved);
        tail
    }

    /// Write an entry over `old_len` bytes at `at`.
    fn write(&mut self, at: usize, old_len: usize, item: Item<'_>) {
        let coded = code::Coded::of(item);
        let (new_len, len) = (coded.len(), self.bytes.len());
        if new_len > old_len {
            self.bytes.resize(len + new_len - old_len, 0);
        }
        if new_len != old_len {
            self.bytes.copy_within(at + old_len..len, at + new_len);
        }
        self.bytes.truncate(len + new_len - old_len);
        coded.write(&mut self.bytes[at..]);
    }

    fn cut(&mut self, from: usize, to: usize) {
        if from < to {
            let len = self.bytes.len();
            self.bytes.copy_within(to..len, from);
            self.bytes.truncate(len - (to - from));
        }
    }

    /// Write the header after a change. A count that is unknown stays so.
    #[inline]
    fn settle(&mut self, added: usize, removed: usize) {
        let total = u32::try_from(self.bytes.len()).expect("a list below 4 GiB");
        let mut count = count(self.bytes);
        if count != COUNT_UNKNOWN {
            let sum = usize::from(count) + added - removed;
            count = sum.min(usize::from(COUNT_UNKNOWN)) as u16;
        }
        self.bytes[..4].copy_from_slice(&total.to_le_bytes());
        self.bytes[4..HEADER_BYTES].copy_from_slice(&count.to_le_bytes());
    }
}
