//! Sets: members in no order.
//!
//! ```text
//!   integers  an intset: few integers                  ascending
//!   small     a listpack: few members, all of them short   in the order of arrival
//!   large     a dict of `structs`                      in the order of hashes
//! ```
//!
//! A set begins in the form that suits the first command that fills it, and grows where Redis 7.2
//! lets it grow (see [`edit`]). What is done with several sets is in [`algebra`].

pub mod algebra;
mod edit;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use base::Rng;
use structs::dict::{self, Dict};
use structs::intset::{self, Intset};
use structs::listpack::{Item, Iter, Listpack};

use super::{Large, Limits, Packing, ValueView};
use crate::Access;
use crate::Block;
use crate::entry::{Entry, NewValue};
use crate::hash::Key;
use crate::images::Remains;
use crate::table::{Slot, Table};

use edit::NewForm;
pub use edit::{NewSet, SetEdit};

/// Up to where a set keeps each of its compact forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetLimits {
    /// Of sets of integers.
    pub integers: usize,
    pub small: Limits,
}

/// A set, whatever its form.
#[derive(Clone, Copy)]
pub enum SetView<'a> {
    Integers(Intset<'a>),
    Small(Listpack<'a>),
    Large(&'a Dict),
}

impl<'a> SetView<'a> {
    /// The view of a value that is a set.
    pub fn of(value: ValueView<'a>) -> Option<SetView<'a>> {
        match value {
            ValueView::Packed(packing @ (Packing::Integers | Packing::Set), packed) => {
                Some(SetView::packed(packing, packed.bytes()))
            }
            ValueView::Large(large) => match large.get() {
                Large::Set(dict) => Some(SetView::Large(dict)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Of the bytes of a set that is packed in this way.
    pub fn packed(packing: Packing, bytes: &'a [u8]) -> SetView<'a> {
        match packing {
            Packing::Integers => SetView::Integers(Intset::new(bytes)),
            _ => SetView::Small(Listpack::new(bytes)),
        }
    }

    #[inline]
    pub fn len(self) -> usize {
        match self {
            SetView::Integers(set) => set.len(),
            SetView::Small(list) => list.len(),
            SetView::Large(dict) => dict.len(),
        }
    }

    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    pub fn contains(self, member: &[u8]) -> bool {
        match self {
            SetView::Integers(set) => base::parse_i64(member).is_some_and(|int| set.contains(int)),
            SetView::Small(list) => list.find(member, 1).is_some(),
            SetView::Large(dict) => dict.contains(member),
        }
    }

    pub fn iter(self) -> Members<'a> {
        match self {
            SetView::Integers(set) => Members::Integers(set, 0),
            SetView::Small(list) => Members::Small(list.iter()),
            SetView::Large(dict) => Members::Large(Box::new(dict.iter())),
        }
    }

    /// Visit members from `cursor` on, until about `count` were seen, and return the next cursor; 0,
    /// where a scan begins, says that it is complete. A set that is not large is visited whole.
    pub fn scan(self, cursor: u64, count: usize, visit: &mut dyn FnMut(Item)) -> u64 {
        match self {
            SetView::Integers(_) | SetView::Small(_) => {
                self.iter().for_each(visit);
                0
            }
            SetView::Large(dict) => {
                dict.scan(cursor, count, &mut |item| visit(Item::Bytes(item.name)))
            }
        }
    }

    /// A member at random, each equally likely.
    pub fn random(self, rng: &mut Rng) -> Option<Item<'a>> {
        match self {
            SetView::Integers(set) => set.random(rng).map(Item::Int),
            SetView::Small(list) => {
                let len = list.len() as u64;
                list.get((len > 0).then(|| rng.below(len) as usize)?)
            }
            SetView::Large(dict) => Some(Item::Bytes(dict.random(rng)?.name)),
        }
    }
}

/// The members of a set.
pub enum Members<'a> {
    /// From this index on.
    Integers(Intset<'a>, usize),
    Small(Iter<'a>),
    Large(Box<dyn Iterator<Item = dict::Item<'a>> + 'a>),
}

impl<'a> Iterator for Members<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        match self {
            Members::Integers(set, at) => {
                *at += 1;
                set.get(*at - 1).map(Item::Int)
            }
            Members::Small(items) => items.next(),
            Members::Large(items) => items.next().map(|item| Item::Bytes(item.name)),
        }
    }
}

/// A set taken out of its table as it is, for a command that looks at several: the bytes if they
/// are few, and one more count if they are not.
#[derive(Clone)]
pub enum SetCopy {
    Bytes(Packing, Vec<u8>),
    Block(Packing, Block),
    Large(Arc<Large>),
}

impl SetCopy {
    /// The copy of a value that is a set.
    pub fn of(entry: Entry<'_>) -> Option<SetCopy> {
        SetView::of(entry.value())?;
        Some(match entry.value() {
            ValueView::Packed(packing, super::PackedView::Bytes(bytes)) => {
                SetCopy::Bytes(packing, bytes.to_vec())
            }
            ValueView::Packed(packing, super::PackedView::Block(block)) => {
                SetCopy::Block(packing, block.share())
            }
            ValueView::Large(large) => SetCopy::Large(large.share()),
            ValueView::String(_) => unreachable!("looked at above"),
        })
    }

    pub fn view(&self) -> SetView<'_> {
        match self {
            SetCopy::Bytes(packing, bytes) => SetView::packed(*packing, bytes),
            SetCopy::Block(packing, block) => SetView::packed(*packing, block),
            SetCopy::Large(large) => match &**large {
                Large::Set(dict) => SetView::Large(dict),
                _ => unreachable!("looked at when it was copied"),
            },
        }
    }
}

impl Table {
    /// Change a set.
    pub fn change_set<R>(
        &mut self,
        slot: Slot,
        limits: SetLimits,
        change: impl FnOnce(&mut SetEdit<'_>) -> R,
    ) -> R {
        let hasher = self.hasher();
        match self.entry(slot).value() {
            ValueView::Packed(packing, _) => self.change_small_set(slot, packing, limits, change),
            _ => self.change_large(slot, |large| {
                let Large::Set(dict) = large else {
                    panic!("a set was asked for")
                };
                change(&mut SetEdit::large(dict, limits, hasher))
            }),
        }
    }

    fn change_small_set<R>(
        &mut self,
        slot: Slot,
        packing: Packing,
        limits: SetLimits,
        change: impl FnOnce(&mut SetEdit<'_>) -> R,
    ) -> R {
        let hasher = self.hasher();
        let entry = self.entry_to_change(slot, Remains::Nothing);
        if entry.owns_more() {
            let changed = self.modify_block(slot, |bytes| {
                let mut edit = SetEdit::small(packing, bytes, limits, hasher);
                let result = change(&mut edit);
                match edit.into_form() {
                    NewForm::Packed(same) if same == packing => (result, None),
                    NewForm::Packed(other) => {
                        let block = Arc::new(std::mem::take(bytes));
                        (result, Some(NewValue::PackedBlock(other, block)))
                    }
                    NewForm::Large(large) => (result, Some(NewValue::Large(large))),
                }
            });
            let (result, other) = changed.expect("a small set's block");
            if let Some(value) = other {
                self.rewrite(slot, value);
            }
            return result;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch.extend_from_slice(self.entry(slot).packed_bytes());
        let mut edit = SetEdit::small(packing, &mut scratch, limits, hasher);
        let result = change(&mut edit);
        if edit.is_changed() {
            let form = edit.into_form();
            self.rewrite(slot, form.with(&scratch));
        }
        self.keep_scratch(scratch);
        result
    }

    /// Add a key that is not there, with a set that `change` fills.
    pub fn insert_set<R>(
        &mut self,
        key: &Key<'_>,
        limits: SetLimits,
        access: Access,
        now_ms: i64,
        change: impl FnOnce(&mut SetEdit<'_>) -> R,
    ) -> R {
        let mut scratch = std::mem::take(&mut self.scratch);
        intset::create(&mut scratch);
        let hasher = self.hasher();
        let mut edit = SetEdit::small(Packing::Integers, &mut scratch, limits, hasher);
        let result = change(&mut edit);
        let form = edit.into_form();
        self.insert(key, form.with(&scratch), None, access, now_ms);
        self.keep_scratch(scratch);
        result
    }
}
