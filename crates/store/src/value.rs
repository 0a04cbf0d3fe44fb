//! What a key may hold, and in which form.
//!
//! ```text
//!   string       see `string`
//!   collection   small   one string of bytes, equal to Redis'      in the entry, or a block
//!                large   pages that are counted (crate `structs`)  `Arc<Large>`
//! ```
//!
//! A small collection is changed in a scratch vector and put back, or in its
//! block where it lies. A large one is changed in place: if a snapshot, a copy
//! or a reply holds it too, the pages that are touched are copied, and no more.
//! It grows from one form to the other at limits that the caller names, and but for
//! lists never back.
//!
//! What can be done with a kind is in the file named after it. A change that
//! empties a collection leaves the key there: its caller removes it.

mod hash;
mod list;
pub mod set;
mod stream;
mod zset;

use std::fmt;
use std::sync::Arc;

use structs::deque::Deque;
use structs::dict::Dict;
use structs::stream::Stream;
use structs::zset::ZSet;

use crate::entry::{BlockView, LargeView, NewValue, StringView};
use crate::images::Remains;
use crate::table::{Slot, Table};

pub use hash::{Field, FieldNames, HashEdit, HashForm, HashView, NewHash};
pub use list::{ListEdit, ListView, NewList};
pub use set::{Members, NewSet, SetCopy, SetEdit, SetLimits, SetView};
pub use stream::Progress;
pub(crate) use stream::stream_of;
pub use zset::{
    Direction, LexBound, LexRange, NewZSet, ScoreBound, ScoreOutcome, ScoreRange, ZSetEdit,
    ZSetView,
};

/// A value as it is kept.
#[derive(Clone, Copy, Debug)]
pub enum ValueView<'a> {
    String(StringView<'a>),
    Packed(Packing, PackedView<'a>),
    Large(LargeView<'a>),
}

/// The bytes of a small collection, where they lie.
#[derive(Clone, Copy, Debug)]
pub enum PackedView<'a> {
    Bytes(&'a [u8]),
    Block(BlockView<'a>),
}

impl<'a> PackedView<'a> {
    #[inline]
    pub fn bytes(&self) -> &'a [u8] {
        match self {
            PackedView::Bytes(bytes) => bytes,
            PackedView::Block(block) => block.bytes(),
        }
    }
}

/// What a key holds. The numbers are Redis', which go into DEBUG DIGEST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    String = 0,
    List = 1,
    Set = 2,
    SortedSet = 3,
    Hash = 4,
    Stream = 6,
}

impl Kind {
    /// The name that TYPE answers.
    pub fn name(self) -> &'static str {
        match self {
            Kind::String => "string",
            Kind::List => "list",
            Kind::Set => "set",
            Kind::SortedSet => "zset",
            Kind::Hash => "hash",
            Kind::Stream => "stream",
        }
    }

    pub(crate) fn of_tag(tag: u8) -> Kind {
        match tag {
            STRING_TAG => Kind::String,
            1 => Kind::List,
            2 | INTEGERS_TAG => Kind::Set,
            3 => Kind::SortedSet,
            4 | TIMED_HASH_TAG => Kind::Hash,
            6 => Kind::Stream,
            _ => unreachable!("a tag that no entry has"),
        }
    }
}

/// An entry's tag is the number of its kind, but for some that are packed otherwise.
pub(crate) const STRING_TAG: u8 = Kind::String as u8;
const INTEGERS_TAG: u8 = 7;
pub(crate) const HASH_TAG: u8 = Kind::Hash as u8;
pub(crate) const TIMED_HASH_TAG: u8 = 8;

/// What the bytes of a small collection are: listpacks, and an intset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    List,
    Set,
    /// A set of integers, as an intset.
    Integers,
    SortedSet,
    Hash,
    /// A hash with a deadline behind each value, 0 for none.
    TimedHash,
}

impl Packing {
    pub fn kind(self) -> Kind {
        Kind::of_tag(self.tag())
    }

    pub(crate) fn tag(self) -> u8 {
        match self {
            Packing::List => Kind::List as u8,
            Packing::Set => Kind::Set as u8,
            Packing::Integers => INTEGERS_TAG,
            Packing::SortedSet => Kind::SortedSet as u8,
            Packing::Hash => Kind::Hash as u8,
            Packing::TimedHash => TIMED_HASH_TAG,
        }
    }

    pub(crate) fn of_tag(tag: u8) -> Packing {
        match Kind::of_tag(tag) {
            Kind::List => Packing::List,
            Kind::Set if tag == INTEGERS_TAG => Packing::Integers,
            Kind::Set => Packing::Set,
            Kind::SortedSet => Packing::SortedSet,
            Kind::Hash if tag == TIMED_HASH_TAG => Packing::TimedHash,
            Kind::Hash => Packing::Hash,
            Kind::String | Kind::Stream => unreachable!("never packed"),
        }
    }

    pub(crate) fn encoding_name(self) -> &'static str {
        match self {
            Packing::Integers => "intset",
            Packing::TimedHash => "listpackex",
            _ => "listpack",
        }
    }
}

/// A collection of any size. A clone costs a count for each page.
#[derive(Clone)]
pub enum Large {
    List(Deque),
    Set(Dict),
    SortedSet(ZSet),
    Hash(Dict),
    Stream(Stream),
}

impl Large {
    pub fn kind(&self) -> Kind {
        match self {
            Large::List(_) => Kind::List,
            Large::Set(_) => Kind::Set,
            Large::SortedSet(_) => Kind::SortedSet,
            Large::Hash(_) => Kind::Hash,
            Large::Stream(_) => Kind::Stream,
        }
    }

    pub(crate) fn tag(&self) -> u8 {
        self.kind() as u8
    }

    /// How many elements: fields, members, entries.
    pub fn len(&self) -> usize {
        match self {
            Large::List(list) => list.len(),
            Large::Set(dict) | Large::Hash(dict) => dict.len(),
            Large::SortedSet(zset) => zset.len(),
            Large::Stream(stream) => stream.len() as usize,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Free up to so many pages of a collection that nobody will look at again. True when nothing
    /// is left.
    pub fn free_some(&mut self, pages: usize) -> bool {
        match self {
            Large::List(list) => list.free_some(pages),
            Large::Set(dict) | Large::Hash(dict) => dict.free_some(pages),
            Large::SortedSet(zset) => zset.free_some(pages),
            Large::Stream(stream) => stream.free_some(pages),
        }
    }

    /// Bytes allocated, pages that others hold too included.
    pub fn memory_bytes(&self) -> usize {
        match self {
            Large::List(list) => list.memory_bytes(),
            Large::Set(dict) | Large::Hash(dict) => dict.memory_bytes(),
            Large::SortedSet(zset) => zset.memory_bytes(),
            Large::Stream(stream) => stream.memory_bytes(),
        }
    }

    pub(crate) fn encoding_name(&self) -> &'static str {
        match self {
            Large::List(_) => "quicklist",
            Large::Set(_) | Large::Hash(_) => "hashtable",
            Large::SortedSet(_) => "skiplist",
            Large::Stream(_) => "stream",
        }
    }
}

impl fmt::Debug for Large {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a large {}", self.kind().name())
    }
}

// Entries are sent between threads with what they own.
const _: () = {
    const fn may_be_shared<T: Send + Sync>() {}
    may_be_shared::<Large>();
};

/// Up to where a collection stays small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub entries: usize,
    /// The longest element.
    pub value_bytes: usize,
}

/// What a change has made of a small collection.
enum Became {
    /// Other bytes, packed in the same way.
    Same,
    Packed(Packing),
    Large(Box<Large>),
}

/// What has grown, if anything has.
impl From<Option<Large>> for Became {
    fn from(grown: Option<Large>) -> Became {
        grown.map_or(Became::Same, |large| Became::Large(Box::new(large)))
    }
}

/// No small collection gets longer than this, whatever its limits.
const PACKED_BYTES_MAX: usize = 1 << 30;
/// Scratch of this size is kept for the next change.
const SCRATCH_BYTES_MAX: usize = 64 * 1024;

impl Table {
    /// Change the bytes of a small collection. `change` returns, beside what the
    /// caller wants to know, what it has made of the collection.
    fn change_packed<R, B: Into<Became>>(
        &mut self,
        slot: Slot,
        packing: Packing,
        change: impl FnOnce(&mut Vec<u8>) -> (R, B),
    ) -> R {
        let entry = self.entry_to_change(slot, Remains::Nothing);
        if entry.owns_more() {
            let changed = self.modify_block(slot, change);
            let (result, became) = changed.expect("a small collection's block");
            match became.into() {
                Became::Same => {}
                Became::Packed(packing) => entry.repack(packing),
                Became::Large(large) => self.rewrite(slot, NewValue::Large(Arc::new(*large))),
            }
            return result;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch.extend_from_slice(self.entry(slot).packed_bytes());
        let (result, became) = change(&mut scratch);
        self.rewrite(
            slot,
            match became.into() {
                Became::Same => NewValue::Packed(packing, &scratch),
                Became::Packed(packing) => NewValue::Packed(packing, &scratch),
                Became::Large(large) => NewValue::Large(Arc::new(*large)),
            },
        );
        self.keep_scratch(scratch);
        result
    }

    /// Change a large collection in place.
    fn change_large<R>(&mut self, slot: Slot, change: impl FnOnce(&mut Large) -> R) -> R {
        let entry = self.entry_to_change(slot, Remains::Owned);
        let (result, [before, after]) = entry.modify_large(change);
        self.settle_bytes(before, after);
        result
    }

    fn keep_scratch(&mut self, scratch: Vec<u8>) {
        if scratch.capacity() <= SCRATCH_BYTES_MAX {
            self.scratch = scratch;
        }
    }
}
