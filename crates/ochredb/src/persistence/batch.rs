//! Keys on their way between two threads: a walk and its file, or a file and the
//! tables.
//!
//! ```text
//!   bytes   name value name value name name value ...     one allocation for all
//!   keys    [db, end of name, Bytes(end of value)] [db, end of name, Int 7] ...
//! ```
//!
//! Large strings and collections are shared, not copied.

use std::sync::Arc;

use store::{Block, Entry, Large, NewValue, PackedView, Packing, StringView, ValueView};

/// Some keys with their values.
#[derive(Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    keys: Vec<Packed>,
}

struct Packed {
    database: usize,
    /// Where its name ends in `bytes`; it begins where the one before ends.
    name_end: usize,
    value: PackedValue,
    deadline_ms: Option<i64>,
}

enum PackedValue {
    Int(i64),
    /// It ends here in `bytes`, behind the name.
    Bytes(usize),
    Block(Block),
    /// As `Bytes`.
    Packed(Packing, usize),
    PackedBlock(Packing, Block),
    Large(Arc<Large>),
}

/// One of them.
pub(super) struct Item<'a> {
    pub(super) database: usize,
    pub(super) name: &'a [u8],
    pub(super) value: Value<'a>,
    pub(super) deadline_ms: Option<i64>,
}

pub(super) enum Value<'a> {
    Int(i64),
    Bytes(&'a [u8]),
    Block(&'a Block),
    Packed(Packing, &'a [u8]),
    PackedBlock(Packing, &'a Block),
    Large(&'a Arc<Large>),
}

impl Batch {
    /// For so many bytes; keys in between, as many as such bytes mostly hold.
    pub(super) fn with_room(bytes: usize) -> Batch {
        const KEY_BYTES: usize = 256;
        Batch {
            bytes: Vec::with_capacity(bytes),
            keys: Vec::with_capacity(bytes / KEY_BYTES),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Bytes that were copied.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// A key as it lies in the store.
    pub(super) fn push_entry(&mut self, database: usize, entry: &Entry<'_>) {
        let (name, deadline_ms) = (entry.key(), entry.deadline_ms());
        let value = match entry.value() {
            ValueView::String(StringView::Int(number)) => Given::Int(number),
            ValueView::String(StringView::Bytes(bytes)) => Given::Bytes(bytes),
            ValueView::String(StringView::Block(block)) => Given::Block(block.share()),
            ValueView::Packed(packing, PackedView::Bytes(bytes)) => Given::Packed(packing, bytes),
            ValueView::Packed(packing, PackedView::Block(block)) => {
                Given::PackedBlock(packing, block.share())
            }
            ValueView::Large(large) => Given::Large(large.share()),
        };
        self.push(database, name, deadline_ms, value);
    }

    /// A key as it was read.
    pub(super) fn push_read(
        &mut self,
        database: usize,
        name: &[u8],
        deadline_ms: Option<i64>,
        value: NewValue<'_>,
    ) {
        let value = match value {
            NewValue::Int(number) => Given::Int(number),
            NewValue::Block(block) => Given::Block(block),
            NewValue::String(bytes) | NewValue::Text(bytes) | NewValue::Raw(bytes) => {
                Given::Bytes(bytes)
            }
            NewValue::Packed(packing, bytes) => Given::Packed(packing, bytes),
            NewValue::PackedBlock(packing, block) => Given::PackedBlock(packing, block),
            NewValue::Large(large) => Given::Large(large),
        };
        self.push(database, name, deadline_ms, value);
    }

    fn push(&mut self, database: usize, name: &[u8], deadline_ms: Option<i64>, value: Given<'_>) {
        self.bytes.extend_from_slice(name);
        let name_end = self.bytes.len();
        let value = match value {
            Given::Int(number) => PackedValue::Int(number),
            Given::Block(block) => PackedValue::Block(block),
            Given::Bytes(bytes) => {
                self.bytes.extend_from_slice(bytes);
                PackedValue::Bytes(self.bytes.len())
            }
            Given::Packed(packing, bytes) => {
                self.bytes.extend_from_slice(bytes);
                PackedValue::Packed(packing, self.bytes.len())
            }
            Given::PackedBlock(packing, block) => PackedValue::PackedBlock(packing, block),
            Given::Large(large) => PackedValue::Large(large),
        };
        self.keys.push(Packed {
            database,
            name_end,
            value,
            deadline_ms,
        });
    }

    /// For how many bytes there is memory.
    #[cfg(test)]
    pub(super) fn room_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Empties it, and keeps its memory. Returns the large collections, which take long to free if
    /// they are nobody else's by now.
    pub(super) fn empty(&mut self) -> impl Iterator<Item = Arc<Large>> {
        self.bytes.clear();
        self.keys.drain(..).filter_map(|key| match key.value {
            PackedValue::Large(large) => Some(large),
            _ => None,
        })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Item<'_>> {
        let mut at = 0;
        self.keys.iter().map(move |key| {
            let name = &self.bytes[at..key.name_end];
            at = key.name_end;
            let value = match &key.value {
                PackedValue::Int(number) => Value::Int(*number),
                PackedValue::Block(block) => Value::Block(block),
                &PackedValue::Bytes(end) => {
                    let bytes = &self.bytes[at..end];
                    at = end;
                    Value::Bytes(bytes)
                }
                &PackedValue::Packed(packing, end) => {
                    let bytes = &self.bytes[at..end];
                    at = end;
                    Value::Packed(packing, bytes)
                }
                PackedValue::PackedBlock(packing, block) => Value::PackedBlock(*packing, block),
                PackedValue::Large(large) => Value::Large(large),
            };
            Item {
                database: key.database,
                name,
                value,
                deadline_ms: key.deadline_ms,
            }
        })
    }
}

/// A value before it is packed.
enum Given<'a> {
    Int(i64),
    Bytes(&'a [u8]),
    Block(Block),
    Packed(Packing, &'a [u8]),
    PackedBlock(Packing, Block),
    Large(Arc<Large>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        let block = Block::new(vec![7; 100_000]);
        let mut batch = Batch::default();
        batch.push_read(0, b"a", None, NewValue::String(b"one"));
        batch.push_read(3, b"", Some(5), NewValue::Int(-7));
        batch.push_read(3, b"big", None, NewValue::Block(block));
        batch.push_read(1, b"empty", None, NewValue::Text(b""));
        let seen: Vec<String> = batch
            .iter()
            .map(|item| {
                let value = match item.value {
                    Value::Int(number) => number.to_string(),
                    Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                    Value::Block(block) => format!("{} bytes", block.len()),
                    Value::Packed(_, bytes) => format!("packed {}", bytes.len()),
                    Value::PackedBlock(_, block) => format!("packed {}", block.len()),
                    Value::Large(large) => format!("{large:?}"),
                };
                let name = String::from_utf8_lossy(item.name);
                format!("{}:{name}={value} {:?}", item.database, item.deadline_ms)
            })
            .collect();
        assert_eq!(
            seen,
            [
                "0:a=one None",
                "3:=-7 Some(5)",
                "3:big=100000 bytes None",
                "1:empty= None"
            ]
        );
        assert_eq!((batch.len(), batch.bytes()), (4, 12));
    }
}
