//! A row of strings and integers in one byte string: the listpack of Redis, byte for byte.
//!
//! ```text
//!   total bytes  count   entry          entry               end
//!   u32 LE       u16 LE  ┌──────┬────┐  ┌──────┬────┐
//!   15 00 00 00  02 00   │82 h i│ 03 │  │ 2a   │ 01 │   ..   ff
//!                        └──────┴────┘  └──────┴────┘
//!                        coding  its length, to be read from behind
//! ```
//!
//! A string that is the one spelling of an integer is kept as that integer, in as few bytes as
//! hold it (the table is in `code.rs`); it comes out as [`Item::Int`]. The count is as high as
//! 65,534; above it the field says 65,535, which means that the entries must be counted, and stays
//! so until the list is made anew.
//!
//! [`Listpack`] looks at bytes that are known to be sound: they were made by an [`Editor`] or have
//! passed [`Listpack::check_deep`]. On others it may panic, but reads nothing that is not there. A
//! [`Place`] is an entry's offset, so it holds until something is changed in front of it.
//!
//! Refused: lists above 4 GiB. How long a list should get is for its owner to say.

mod check;
mod code;
mod edit;
mod index;
mod item;
mod iter;
mod roomy;
#[cfg(test)]
pub(crate) mod tests;

pub use edit::Editor;
pub use index::Index;
pub use item::{Item, Needle};
pub use iter::{Entries, Iter};
pub use roomy::Roomy;

/// Total length and count.
const HEADER_BYTES: usize = 6;
/// The byte behind the last entry.
const END: u8 = 0xff;
/// This count and all above it.
const COUNT_UNKNOWN: u16 = u16::MAX;

/// A list without an entry.
pub const EMPTY: [u8; 7] = [7, 0, 0, 0, 0, 0, END];

/// Sound bytes, looked at as a list.
#[derive(Clone, Copy)]
pub struct Listpack<'a> {
    bytes: &'a [u8],
}

/// Where an entry begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(u32);

impl<'a> Listpack<'a> {
    /// Bytes that are sound.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Listpack<'a> {
        debug_assert_eq!(total_bytes(bytes), bytes.len());
        debug_assert_eq!(bytes.last(), Some(&END));
        Listpack { bytes }
    }

    #[inline]
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// How many entries; a list of 65,535 and more is walked.
    pub fn len(self) -> usize {
        match count(self.bytes) {
            COUNT_UNKNOWN => self.entries().count(),
            count => usize::from(count),
        }
    }

    #[inline]
    pub fn is_empty(self) -> bool {
        self.bytes.len() == EMPTY.len()
    }

    /// The items from the front to the back, and from the back to the front.
    #[inline]
    pub fn iter(self) -> Iter<'a> {
        Iter::new(self.entries())
    }

    /// The items with their places.
    #[inline]
    pub fn entries(self) -> Entries<'a> {
        Entries::new(self.bytes, HEADER_BYTES, self.end())
    }

    /// The entries from this one to the last.
    #[inline]
    pub fn entries_from(self, place: Place) -> Entries<'a> {
        Entries::new(self.bytes, place.offset(), self.end())
    }

    /// The entries before this one.
    #[inline]
    pub fn entries_before(self, place: Place) -> Entries<'a> {
        Entries::new(self.bytes, HEADER_BYTES, place.offset())
    }

    #[inline]
    pub fn item(self, place: Place) -> Item<'a> {
        code::read(self.bytes, place.offset()).0
    }

    #[inline]
    pub fn first(self) -> Option<Place> {
        (!self.is_empty()).then(|| Place::of(HEADER_BYTES))
    }

    #[inline]
    pub fn last(self) -> Option<Place> {
        (!self.is_empty()).then(|| Place::of(code::before(self.bytes, self.end())))
    }

    #[inline]
    pub fn next(self, place: Place) -> Option<Place> {
        let next = code::behind(self.bytes, place.offset());
        (next < self.end()).then(|| Place::of(next))
    }

    #[inline]
    pub fn prev(self, place: Place) -> Option<Place> {
        let at = place.offset();
        (at > HEADER_BYTES).then(|| Place::of(code::before(self.bytes, at)))
    }

    /// The entry of this index, from the nearer end if the count is known.
    pub fn place(self, index: usize) -> Option<Place> {
        let count = match count(self.bytes) {
            COUNT_UNKNOWN => return Some(self.entries().nth(index)?.0),
            count => usize::from(count),
        };
        if index >= count {
            None
        } else if index <= count / 2 {
            self.walk(index)
        } else {
            self.walk_back(count - 1 - index)
        }
    }

    /// The entry of this index from the back, 0 being the last.
    pub fn place_from_back(self, index: usize) -> Option<Place> {
        match count(self.bytes) {
            COUNT_UNKNOWN => self.walk_back(index),
            count => self.place(usize::from(count).checked_sub(index + 1)?),
        }
    }

    pub fn get(self, index: usize) -> Option<Item<'a>> {
        Some(self.item(self.place(index)?))
    }

    pub fn get_from_back(self, index: usize) -> Option<Item<'a>> {
        Some(self.item(self.place_from_back(index)?))
    }

    /// The first entry that is these bytes, of those at index 0, `stride`, 2 `stride`, and so on.
    /// A list of fields and values is asked for a field with a stride of 2.
    pub fn find(self, text: &[u8], stride: usize) -> Option<Place> {
        self.find_from(self.first()?, &Needle::new(text), stride)
    }

    /// The same from some entry on.
    pub fn find_from(self, from: Place, needle: &Needle<'_>, stride: usize) -> Option<Place> {
        assert!(stride > 0);
        let (mut at, end) = (from.offset(), self.end());
        while at < end {
            let (item, mut next) = code::read(self.bytes, at);
            if needle.is(item) {
                return Some(Place::of(at));
            }
            for _ in 1..stride {
                next = code::behind(self.bytes, next);
            }
            at = next;
        }
        None
    }

    /// Would the list with these items besides take at most so many bytes?
    pub fn would_fit<'i>(
        self,
        items: impl IntoIterator<Item = Item<'i>>,
        limit_bytes: usize,
    ) -> bool {
        let added: usize = items.into_iter().map(|item| item.packed_len()).sum();
        self.bytes.len() + added <= limit_bytes
    }

    fn walk(self, steps: usize) -> Option<Place> {
        let (mut at, end) = (HEADER_BYTES, self.end());
        for _ in 0..steps {
            if at >= end {
                return None;
            }
            at = code::behind(self.bytes, at);
        }
        (at < end).then(|| Place::of(at))
    }

    fn walk_back(self, steps: usize) -> Option<Place> {
        let mut at = self.end();
        for _ in 0..=steps {
            if at == HEADER_BYTES {
                return None;
            }
            at = code::before(self.bytes, at);
        }
        Some(Place::of(at))
    }

    /// Where the end byte is.
    #[inline]
    fn end(self) -> usize {
        self.bytes.len() - 1
    }
}

impl Place {
    #[inline]
    fn of(offset: usize) -> Place {
        debug_assert!(u32::try_from(offset).is_ok());
        Place(offset as u32)
    }

    #[inline]
    pub(crate) fn offset(self) -> usize {
        self.0 as usize
    }
}

impl std::fmt::Debug for Listpack<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[inline]
fn total_bytes(bytes: &[u8]) -> usize {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize
}

#[inline]
fn count(bytes: &[u8]) -> u16 {
    u16::from_le_bytes([bytes[4], bytes[5]])
}
