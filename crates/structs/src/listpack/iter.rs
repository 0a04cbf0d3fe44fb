//! A list from either end.

use super::{Item, Place, code};

/// Items with their places.
#[derive(Clone)]
pub struct Entries<'a> {
    bytes: &'a [u8],
    /// Where the next entry from the front begins.
    front: usize,
    /// Where the next entry from the back ends.
    back: usize,
}

/// Items.
#[derive(Clone)]
pub struct Iter<'a> {
    entries: Entries<'a>,
}

impl<'a> Entries<'a> {
    #[inline]
    pub(super) fn new(bytes: &'a [u8], front: usize, back: usize) -> Entries<'a> {
        Entries { bytes, front, back }
    }

    /// Where the next entry from the front is.
    #[inline]
    pub fn place(&self) -> Option<Place> {
        (self.front < self.back).then(|| Place::of(self.front))
    }

    /// Step over so many entries, or to the end.
    #[inline]
    pub fn advance(&mut self, count: usize) {
        for _ in 0..count {
            if self.front >= self.back {
                break;
            }
            self.front = code::behind(self.bytes, self.front);
        }
    }

    /// All entries from this one to the end of the list.
    #[inline]
    pub(crate) fn with_rest_from(&self, place: Place) -> Entries<'a> {
        Entries::new(self.bytes, place.offset(), self.bytes.len() - 1)
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = (Place, Item<'a>);

    #[inline]
    fn next(&mut self) -> Option<(Place, Item<'a>)> {
        if self.front >= self.back {
            return None;
        }
        let place = Place::of(self.front);
        let (item, next) = code::read(self.bytes, self.front);
        self.front = next;
        Some((place, item))
    }
}

impl DoubleEndedIterator for Entries<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        self.back = code::before(self.bytes, self.back);
        let (item, _) = code::read(self.bytes, self.back);
        Some((Place::of(self.back), item))
    }
}

impl<'a> Iter<'a> {
    #[inline]
    pub(super) fn new(entries: Entries<'a>) -> Iter<'a> {
        Iter { entries }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        Some(self.entries.next()?.1)
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        Some(self.entries.next_back()?.1)
    }
}
