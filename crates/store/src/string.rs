//! Strings that are read whatever their encoding, and written to where they lie.
//!
//! ```text
//!   up to 128 bytes    header · key · value           rewritten in its entry
//!   above              header · key · ► Block         [ bytes ........ | room ]
//! ```
//!
//! A string that grows gets room for more, so that a thousand small APPENDs or
//! SETBITs copy it a handful of times: as much again as it holds up to 1 MiB,
//! a quarter of it in the long run. A string that never grows has no room: SET
//! and the first SETRANGE of a key allocate what they need.
//!
//! What is written to in place is no integer any more, and OBJECT ENCODING
//! calls it `raw`. A block that somebody else holds too (a COPY, a reply on its
//! way) is copied before the first byte changes.

use std::ops::Deref;

use crate::Block;
use crate::entry::{EMBEDDED_BYTES_MAX, NewValue, StringView};
use crate::images::Remains;
use crate::table::{Slot, Table};

/// Strings that grow up to this length stay in their entry.
const GROWN_IN_ENTRY_BYTES_MAX: usize = 128;

/// Up to this length a growing string doubles.
const DOUBLED_BYTES_MAX: usize = 1 << 20;

impl StringView<'_> {
    /// The length in bytes that STRLEN answers.
    pub fn len(&self) -> usize {
        match self {
            StringView::Int(value) => base::number::i64_len(*value),
            StringView::Bytes(bytes) => bytes.len(),
            StringView::Block(block) => block.bytes().len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Look at the bytes, the digits of an integer included.
    #[inline]
    pub fn with_bytes<R>(&self, look: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            StringView::Int(value) => look(itoa::Buffer::new().format(*value).as_bytes()),
            StringView::Bytes(bytes) => look(bytes),
            StringView::Block(block) => look(block.bytes()),
        }
    }

    /// Is it these bytes?
    pub fn equals(&self, bytes: &[u8]) -> bool {
        match self {
            // An integer has one spelling.
            StringView::Int(value) => base::parse_i64(bytes) == Some(*value),
            _ => self.with_bytes(|own| own == bytes),
        }
    }

    /// The integer that it spells, if it is the one spelling of one.
    #[inline]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            StringView::Int(value) => Some(*value),
            _ => self.with_bytes(base::parse_i64),
        }
    }

    /// A copy that outlives this look; a block is shared.
    pub fn to_copy(&self) -> StringCopy {
        match self {
            StringView::Block(block) => StringCopy::Block(block.share()),
            _ => StringCopy::Bytes(self.with_bytes(<[u8]>::to_vec)),
        }
    }
}

/// A string that was taken out of the keyspace to be worked on: a short one
/// copied, a large one shared.
#[derive(Clone, Debug)]
pub enum StringCopy {
    Bytes(Vec<u8>),
    Block(Block),
}

impl Default for StringCopy {
    /// What a missing key counts as.
    fn default() -> StringCopy {
        StringCopy::Bytes(Vec::new())
    }
}

impl Deref for StringCopy {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            StringCopy::Bytes(bytes) => bytes,
            StringCopy::Block(block) => block,
        }
    }
}

impl NewValue<'static> {
    /// A string of `len` zero bytes, to be written to in place.
    pub fn zeros(len: usize) -> NewValue<'static> {
        static ZEROS: [u8; EMBEDDED_BYTES_MAX] = [0; EMBEDDED_BYTES_MAX];
        match ZEROS.get(..len) {
            Some(zeros) => NewValue::Raw(zeros),
            None => NewValue::Block(Block::new(vec![0; len])),
        }
    }
}

impl Table {
    /// Would writing to this string, to make it `len` bytes long, copy all of it? If it
    /// has `bytes_min` at least: it, and the room that the copy should have.
    pub fn copied_when_written(
        &self,
        slot: Slot,
        len: usize,
        bytes_min: usize,
    ) -> Option<(Block, usize)> {
        let entry = self.entry(slot);
        let StringView::Block(block) = entry.string() else {
            return None;
        };
        let bytes = block.bytes();
        // What is mostly new is taken from fresh memory instead.
        let grows = len > bytes.capacity() && len / 2 <= bytes.len();
        let is_copied = grows || entry.reference_count() > 1 || self.keeps_image_of(slot);
        (bytes.len() >= bytes_min && is_copied).then(|| {
            let room_bytes = match grows {
                true => len + room(len),
                false => bytes.len(),
            };
            (block.share(), room_bytes)
        })
    }

    /// Put a copy of a block in its place.
    pub fn exchange_block(&mut self, slot: Slot, copy: Block) {
        let entry = self.entry_to_change(slot, Remains::Nothing);
        let before = entry.memory_bytes();
        entry.with_block(|block| *block = copy);
        self.settle_bytes(before, entry.memory_bytes());
    }

    /// Add bytes to the end of a string. Returns its new length.
    pub fn append(&mut self, slot: Slot, tail: &[u8]) -> usize {
        let add = |bytes: &mut Vec<u8>| {
            reserve(bytes, bytes.len() + tail.len());
            bytes.extend_from_slice(tail);
            bytes.len()
        };
        if let Some(len) = self.modify_block(slot, add) {
            return len;
        }
        let old_len = self.entry(slot).string().len();
        let len = old_len + tail.len();
        self.regrow(slot, len)[old_len..].copy_from_slice(tail);
        len
    }

    /// The bytes of a string, to be written in place, after zero bytes at its
    /// end have made it at least `len` long.
    pub fn widen(&mut self, slot: Slot, len: usize) -> &mut [u8] {
        let string = self.entry(slot).string();
        let old_len = string.len();
        if len <= old_len && !matches!(string, StringView::Int(_)) {
            return self.bytes_mut(slot).expect("it is no integer");
        }
        let fill = |bytes: &mut Vec<u8>| {
            if len > bytes.capacity() && len / 2 > bytes.len() {
                // Fresh memory is zero already: nothing to fill, and pages that
                // nobody writes to are never touched.
                let mut wide = vec![0; len];
                wide[..bytes.len()].copy_from_slice(bytes);
                *bytes = wide;
            } else {
                reserve(bytes, len);
                bytes.resize(len, 0);
            }
        };
        if self.modify_block(slot, fill).is_some() {
            return self.bytes_mut(slot).expect("a block");
        }
        self.regrow(slot, len.max(old_len))
    }

    /// Rewrite an integer or embedded bytes as a raw string of `len` bytes, the
    /// new ones zero.
    fn regrow(&mut self, slot: Slot, len: usize) -> &mut [u8] {
        let old = self.entry(slot).string();
        if len <= GROWN_IN_ENTRY_BYTES_MAX {
            let mut bytes = [0; GROWN_IN_ENTRY_BYTES_MAX];
            old.with_bytes(|old| bytes[..old.len()].copy_from_slice(old));
            self.rewrite(slot, NewValue::Raw(&bytes[..len]));
        } else if len > old.len() {
            let mut bytes = Vec::new();
            if len / 2 > old.len() {
                bytes = vec![0; len];
            } else {
                reserve(&mut bytes, len);
                bytes.resize(len, 0);
            }
            old.with_bytes(|old| bytes[..old.len()].copy_from_slice(old));
            self.rewrite(slot, NewValue::Block(Block::new(bytes)));
        }
        self.bytes_mut(slot).expect("it is raw or a block now")
    }
}

/// Make room for `len` bytes, and for more to come.
fn reserve(bytes: &mut Vec<u8>, len: usize) {
    if len > bytes.capacity() {
        bytes.reserve_exact(len + room(len) - bytes.len());
    }
}

fn room(len: usize) -> usize {
    len.min(DOUBLED_BYTES_MAX).max(len / 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Access, Key, KeyHasher};
    use proptest::prelude::*;

    /// A table with one key.
    struct One {
        table: Table,
        slot: Slot,
    }

    fn one(value: NewValue<'_>) -> One {
        let hasher = KeyHasher::new([1, 2]);
        let mut table = Table::new(hasher, 0, 0);
        let key = Key {
            bytes: b"key",
            hash: hasher.hash(b"key"),
        };
        let slot = table.insert(&key, value, Some(9), Access::lru(7), 1);
        One { table, slot }
    }

    impl One {
        fn text(&self) -> Vec<u8> {
            self.table
                .entry(self.slot)
                .string()
                .with_bytes(<[u8]>::to_vec)
        }

        fn check(&self, text: &[u8]) {
            self.table.check();
            let entry = self.table.entry(self.slot);
            assert_eq!(self.text(), text);
            assert_eq!(
                (entry.deadline_ms(), entry.access()),
                (Some(9), Access::lru(7))
            );
            assert_eq!(entry.encoding_name(), "raw");
        }
    }

    #[test]
    fn integers_are_compared_and_copied_as_text() {
        let view = StringView::Int(-12);
        assert!(view.equals(b"-12") && !view.equals(b"-012") && !view.equals(b""));
        assert_eq!((view.as_i64(), &*view.to_copy()), (Some(-12), &b"-12"[..]));
        assert_eq!(StringView::Bytes(b"007").as_i64(), None);
        let mut one = one(NewValue::Int(12));
        assert_eq!(one.table.append(one.slot, b""), 2);
        one.check(b"12");
    }

    #[test]
    fn appending_byte_by_byte_copies_a_handful_of_times() {
        let mut one = one(NewValue::Raw(b""));
        let (mut expected, mut moves, mut address) = (Vec::new(), 0, std::ptr::null());
        for i in 0..100_000u32 {
            expected.push(i as u8);
            assert_eq!(one.table.append(one.slot, &[i as u8]), expected.len());
            let now = one.table.bytes_mut(one.slot).unwrap().as_ptr();
            moves += u32::from(now != address);
            address = now;
        }
        one.check(&expected);
        assert!(
            moves < 200,
            "{moves} moves: one per step of an entry, then doublings"
        );
        let slabs = 2 * 64 * 1024;
        assert!(one.table.memory_bytes() < 2 * 100_000 + 10_000 + slabs);
    }

    #[test]
    fn a_shared_block_is_copied_before_it_changes() {
        let block = Block::new(vec![b'x'; 5000]);
        let mut one = one(NewValue::Block(block.clone()));
        one.table.append(one.slot, b"!");
        one.table.widen(one.slot, 5003)[0] = b'y';
        assert_eq!(*block, vec![b'x'; 5000]);
        let held = one.table.entry(one.slot).string().to_copy();
        one.table.bytes_mut(one.slot).unwrap()[1] = b'z';
        assert_eq!(held[1], b'x');
        assert_eq!(one.text()[..2], *b"yz");
        one.table.check();
    }

    #[test]
    fn huge_gaps_are_not_filled_by_hand() {
        let mut one = one(NewValue::zeros(1 << 20));
        let wide = one.table.widen(one.slot, 1 << 30);
        assert_eq!(wide.len(), 1 << 30);
        wide[(1 << 30) - 1] = 1;
        one.table.check();
    }

    #[derive(Clone, Debug)]
    enum Write {
        Append(usize),
        Widen(usize),
    }

    fn write() -> impl Strategy<Value = Write> {
        let len = prop_oneof![0usize..4, 0usize..300, 0usize..6000];
        (any::<bool>(), len).prop_map(|(append, len)| match append {
            true => Write::Append(len),
            false => Write::Widen(len),
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn writes_against_a_vector(
            start in prop_oneof![0usize..20, 0usize..300, 0usize..5000],
            number in any::<Option<i64>>(),
            writes in prop::collection::vec(write(), 1..12),
        ) {
            let text = match number {
                Some(number) => number.to_string().into_bytes(),
                None => vec![b's'; start],
            };
            let mut one = one(NewValue::String(&text));
            let mut expected = text;
            for write in writes {
                match write {
                    Write::Append(len) => {
                        expected.resize(expected.len() + len, b'a');
                        let grown = one.table.append(one.slot, &vec![b'a'; len]);
                        prop_assert_eq!(grown, expected.len());
                    }
                    Write::Widen(len) => {
                        expected.resize(expected.len().max(len), 0);
                        prop_assert_eq!(one.table.widen(one.slot, len), &expected[..]);
                    }
                }
                one.check(&expected);
            }
        }
    }
}
