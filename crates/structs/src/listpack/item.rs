//! What an entry holds, and how it compares with what a client named.

use super::code;

/// A string, or an integer that stands for its one spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    Int(i64),
    Bytes(&'a [u8]),
}

/// A string to look for, which is parsed once.
#[derive(Clone, Copy)]
pub struct Needle<'n> {
    text: &'n [u8],
    int: Option<i64>,
}

impl<'a> Item<'a> {
    /// The form in which this text is kept.
    #[inline]
    pub fn of(text: &'a [u8]) -> Item<'a> {
        base::parse_i64(text).map_or(Item::Bytes(text), Item::Int)
    }

    /// Is its text these bytes?
    pub fn is(self, text: &[u8]) -> bool {
        match self {
            Item::Bytes(own) => own == text,
            Item::Int(own) => base::parse_i64(text) == Some(own),
        }
    }

    /// The length of its text.
    pub fn text_len(self) -> usize {
        match self {
            Item::Bytes(own) => own.len(),
            Item::Int(own) => base::i64_len(own),
        }
    }

    pub fn append_to(self, out: &mut Vec<u8>) {
        match self {
            Item::Bytes(own) => out.extend_from_slice(own),
            Item::Int(own) => base::write_i64(out, own),
        }
    }

    pub fn to_vec(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.text_len());
        self.append_to(&mut out);
        out
    }

    /// The integer that its text spells, if it does.
    pub fn int(self) -> Option<i64> {
        match self {
            Item::Int(own) => Some(own),
            Item::Bytes(own) => base::parse_i64(own),
        }
    }

    /// What its entry takes in a list.
    #[inline]
    pub fn packed_len(self) -> usize {
        code::Coded::of(self).len()
    }
}

impl PartialEq<[u8]> for Item<'_> {
    fn eq(&self, text: &[u8]) -> bool {
        self.is(text)
    }
}

impl<'n> Needle<'n> {
    #[inline]
    pub fn new(text: &'n [u8]) -> Needle<'n> {
        Needle::parsed(text, base::parse_i64(text))
    }

    /// The same, of a text of which it is known which integer it spells.
    #[inline]
    pub fn parsed(text: &'n [u8], int: Option<i64>) -> Needle<'n> {
        Needle { text, int }
    }

    #[inline]
    pub fn is(&self, item: Item<'_>) -> bool {
        match item {
            Item::Bytes(text) => text == self.text,
            Item::Int(int) => self.int == Some(int),
        }
    }
}
