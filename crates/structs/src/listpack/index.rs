//! Where which item is, for whoever looks for many in the same list.
//!
//! ```text
//!   slots   │ 0 │ place │ place │ 0 │ 0 │ place │ 0 │ 0 │     at most half of them used
//!                 ▲ the hash of an item leads here, and on to the right
//! ```
//!
//! It is made for one command and thrown away. The hash is quick and everybody knows it: members
//! that are chosen to collide make a look as slow as a walk over the list, which it would be without
//! an index.

use super::{Item, Listpack, Place};

pub struct Index<'a> {
    list: Listpack<'a>,
    /// Offsets of entries; 0, where the header is, for none.
    slots: Vec<u32>,
}

impl<'a> Index<'a> {
    pub fn of(list: Listpack<'a>) -> Index<'a> {
        let places = (2 * list.len()).next_power_of_two();
        let mut index = Index {
            list,
            slots: vec![0; places],
        };
        for (place, item) in list.entries() {
            let mut at = index.first(plain(item));
            while index.slots[at] != 0 {
                at = (at + 1) & (places - 1);
            }
            index.slots[at] = place.offset() as u32;
        }
        index
    }

    /// Is it in the list? An integer is asked for as one, not as its text.
    #[inline]
    pub fn contains(&self, item: Item<'_>) -> bool {
        let mut at = self.first(item);
        while self.slots[at] != 0 {
            let place = Place::of(self.slots[at] as usize);
            if plain(self.list.item(place)) == item {
                return true;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
        false
    }

    /// The slot that an item is looked for from.
    #[inline]
    fn first(&self, item: Item<'_>) -> usize {
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
        let hash = match item {
            Item::Int(int) => (int as u64).wrapping_mul(FACTOR),
            Item::Bytes(bytes) => {
                let add = |hash: u64, word: u64| (hash.rotate_left(23) ^ word).wrapping_mul(FACTOR);
                let (words, rest) = bytes.as_chunks::<8>();
                let hash = words.iter().fold(bytes.len() as u64, |hash, word| {
                    add(hash, u64::from_le_bytes(*word))
                });
                let mut last = [0; 8];
                last[..rest.len()].copy_from_slice(rest);
                add(hash, u64::from_le_bytes(last))
            }
        };
        (hash >> 32) as usize & (self.slots.len() - 1)
    }
}

/// A list from elsewhere may keep an integer as its text.
#[inline]
fn plain(item: Item<'_>) -> Item<'_> {
    match item {
        Item::Bytes(text) if matches!(text.first(), Some(b'0'..=b'9' | b'-')) => Item::of(text),
        item => item,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listpack::Editor;

    #[test]
    fn an_index_finds_what_a_walk_finds() {
        let texts: Vec<String> = (0..700)
            .map(|at| match at % 4 {
                0 => at.to_string(),
                1 => format!("0{at}"),
                2 => format!("a longer member {at}"),
                _ => format!("m{at}"),
            })
            .collect();
        for kept in [0, 1, 2, 100, 350] {
            let mut bytes = Vec::new();
            let mut list = Editor::create(&mut bytes);
            list.extend(texts[..kept].iter().map(|text| Item::of(text.as_bytes())));
            let list = Listpack::new(&bytes);
            let index = Index::of(list);
            for (at, text) in texts.iter().enumerate() {
                let found = index.contains(Item::of(text.as_bytes()));
                assert_eq!(found, at < kept, "{text}");
                assert_eq!(found, list.find(text.as_bytes(), 1).is_some());
            }
            assert!(!index.contains(Item::Bytes(b"")));
        }
    }
}
