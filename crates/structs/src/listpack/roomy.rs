//! A list that grows and shrinks at both ends.
//!
//! ```text
//!   vector   │ room │ header │ entry │ entry │  ...  │ ff │ spare capacity
//!
//!   a push or a pop in front moves the header, one at the back the end byte: no entry is moved
//! ```
//!
//! Room in front comes from what was popped there, or is made by a push that finds none: as much as
//! the vector would have grown by at its back. A change in the middle closes it first.

use super::code::{self, Coded};
use super::{COUNT_UNKNOWN, END, Editor, HEADER_BYTES, Item, Listpack, count};

/// A list with room in front. It is read as the bytes of the list.
#[derive(Clone)]
pub struct Roomy {
    bytes: Vec<u8>,
    /// The list begins here.
    start: u32,
}

impl Roomy {
    /// The sound bytes of a list.
    pub fn new(bytes: Vec<u8>) -> Roomy {
        Roomy { bytes, start: 0 }
    }

    #[inline]
    pub fn view(&self) -> Listpack<'_> {
        Listpack::new(self)
    }

    /// Bytes allocated.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// For changes anywhere.
    pub fn editor(&mut self) -> Editor<'_> {
        self.close_room();
        Editor::new(&mut self.bytes)
    }

    /// Put an item in front. The vector grows to the limit and not beyond, as vectors would.
    pub fn push_front(&mut self, item: Item<'_>, bytes_max: usize) {
        let coded = Coded::of(item);
        let len = coded.len();
        if len > self.start as usize {
            self.make_room(len, bytes_max);
        }
        let count = count(self);
        self.start -= len as u32;
        coded.write(&mut self.bytes[self.start as usize + HEADER_BYTES..]);
        self.write_header(count, 1);
    }

    /// Put an item at the back, and grow in the same way.
    pub fn push_back(&mut self, item: Item<'_>, bytes_max: usize) {
        let coded = Coded::of(item);
        let needed = self.len() + coded.len();
        if self.start as usize + needed > self.bytes.capacity() {
            self.close_room();
            if needed > self.bytes.capacity() {
                let roomy = (2 * self.len()).min(bytes_max);
                self.bytes.reserve_exact(needed.max(roomy) - self.len());
            }
        }
        let count = count(self);
        self.bytes.pop();
        coded.append_to(&mut self.bytes);
        self.bytes.push(END);
        self.write_header(count, 1);
    }

    /// Remove the first so many entries, which there must be.
    pub fn remove_front(&mut self, removed: usize) {
        let behind = (0..removed).fold(HEADER_BYTES, |at, _| code::behind(self, at));
        let count = count(self);
        self.start += (behind - HEADER_BYTES) as u32;
        self.write_header(count, -(removed as isize));
    }

    /// Remove the last entry, which there must be.
    pub fn remove_last(&mut self) {
        let last = self.view().last().expect("an entry").offset();
        let count = count(self);
        self.bytes.truncate(self.start as usize + last);
        self.bytes.push(END);
        self.write_header(count, -1);
    }

    /// Give back what is allocated beyond the list.
    pub fn tighten(&mut self) {
        self.close_room();
        self.bytes.shrink_to_fit();
    }

    /// Move the list to the back of a vector that has as much room more as one that doubles.
    fn make_room(&mut self, len: usize, bytes_max: usize) {
        let needed = self.len() + len;
        let roomy = (2 * self.len()).min(bytes_max).max(needed);
        let mut bytes = Vec::with_capacity(roomy);
        bytes.resize(roomy - self.len(), 0);
        self.start = {
            let start = bytes.len();
            bytes.extend_from_slice(self);
            start as u32
        };
        self.bytes = bytes;
    }

    #[inline]
    fn close_room(&mut self) {
        if self.start > 0 {
            self.bytes.drain(..self.start as usize);
            self.start = 0;
        }
    }

    /// A header in front of the first entry, for a list that had such a count and has so many more.
    #[inline]
    fn write_header(&mut self, count: u16, more: isize) {
        let list = &mut self.bytes[self.start as usize..];
        let total = u32::try_from(list.len()).expect("a list below 4 GiB");
        let count = match count {
            COUNT_UNKNOWN => COUNT_UNKNOWN,
            count => usize::from(count)
                .saturating_add_signed(more)
                .min(usize::from(COUNT_UNKNOWN)) as u16,
        };
        list[..4].copy_from_slice(&total.to_le_bytes());
        list[4..HEADER_BYTES].copy_from_slice(&count.to_le_bytes());
    }
}

impl std::ops::Deref for Roomy {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.bytes[self.start as usize..]
    }
}
