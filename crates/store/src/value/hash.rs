//! Hashes: fields with values.
//!
//! ```text
//!   small   a listpack: field, value, field, value ...   in the order of arrival
//!   large   a dict of `structs`                          in the order of hashes
//! ```
//!
//! A hash grows large when it gets more fields than its limit, or a field or
//! value that is longer than its limit.

use std::sync::Arc;

use base::Rng;
use structs::dict::{self, Deadline, Dict};
use structs::listpack::{EMPTY, Editor, Item, Iter, Listpack};

use super::{Large, Limits, PACKED_BYTES_MAX, Packing, ValueView};
use crate::Access;
use crate::entry::NewValue;
use crate::hash::{Key, KeyHasher};
use crate::table::{Slot, Table};

/// A hash, whatever its form.
#[derive(Clone, Copy)]
pub enum HashView<'a> {
    Packed(Listpack<'a>),
    Large(&'a Dict),
}

impl<'a> HashView<'a> {
    /// The view of a value that is a hash.
    pub fn of(value: ValueView<'a>) -> Option<HashView<'a>> {
        match value {
            ValueView::Packed(Packing::Hash, packed) => {
                Some(HashView::Packed(Listpack::new(packed.bytes())))
            }
            ValueView::Large(large) => match large.get() {
                Large::Hash(dict) => Some(HashView::Large(dict)),
                _ => None,
            },
            _ => None,
        }
    }

    pub fn len(self) -> usize {
        match self {
            HashView::Packed(list) => list.len() / 2,
            HashView::Large(dict) => dict.len(),
        }
    }

    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The value of a field.
    pub fn get(self, field: &[u8]) -> Option<Item<'a>> {
        match self {
            HashView::Packed(list) => {
                let place = list.find(field, 2)?;
                Some(list.item(list.next(place).expect("a field has a value")))
            }
            HashView::Large(dict) => Some(Item::Bytes(dict.get(field)?.value)),
        }
    }

    pub fn contains(self, field: &[u8]) -> bool {
        match self {
            HashView::Packed(list) => list.find(field, 2).is_some(),
            HashView::Large(dict) => dict.contains(field),
        }
    }

    /// All fields with their values.
    pub fn iter(self) -> Pairs<'a> {
        match self {
            HashView::Packed(list) => Pairs::Packed(list.iter()),
            HashView::Large(dict) => Pairs::Large(Box::new(dict.iter())),
        }
    }

    /// Visit pairs from `cursor` on, until about `count` were seen, and return
    /// the next cursor; 0, where a scan begins, says that it is complete. A small
    /// hash is visited whole.
    pub fn scan(self, cursor: u64, count: usize, visit: &mut dyn FnMut(Item, Item)) -> u64 {
        match self {
            HashView::Packed(_) => {
                self.iter().for_each(|(field, value)| visit(field, value));
                0
            }
            HashView::Large(dict) => dict.scan(cursor, count, &mut |item| {
                visit(Item::Bytes(item.name), Item::Bytes(item.value));
            }),
        }
    }

    /// A pair at random, each equally likely.
    pub fn random(self, rng: &mut Rng) -> Option<(Item<'a>, Item<'a>)> {
        match self {
            HashView::Packed(list) => {
                let len = self.len();
                let at = (len > 0).then(|| rng.below(len as u64) as usize)?;
                Some(pair_at(list, at))
            }
            HashView::Large(dict) => dict.random(rng).map(pair_of),
        }
    }
}

fn pair_at(list: Listpack<'_>, index: usize) -> (Item<'_>, Item<'_>) {
    let field = list.place(2 * index).expect("within its length");
    let value = list.next(field).expect("a field has a value");
    (list.item(field), list.item(value))
}

fn pair_of(item: dict::Item<'_>) -> (Item<'_>, Item<'_>) {
    (Item::Bytes(item.name), Item::Bytes(item.value))
}

/// Fields with their values.
pub enum Pairs<'a> {
    Packed(Iter<'a>),
    Large(Box<dyn Iterator<Item = dict::Item<'a>> + 'a>),
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (Item<'a>, Item<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Pairs::Packed(items) => {
                let field = items.next()?;
                Some((field, items.next().expect("a field has a value")))
            }
            Pairs::Large(items) => items.next().map(pair_of),
        }
    }
}

/// A hash while it is changed.
pub struct HashEdit<'a> {
    form: Form<'a>,
    limits: Limits,
    hasher: KeyHasher,
}

enum Form<'a> {
    Packed(&'a mut Vec<u8>),
    Large(&'a mut Dict),
    /// It was small when the change began.
    Grown(Box<Dict>),
}

impl HashEdit<'_> {
    /// Set the value of a field; true if the field is new.
    pub fn put(&mut self, field: &[u8], value: &[u8]) -> bool {
        let value_bytes_max = self.limits.value_bytes;
        if field.len() > value_bytes_max || value.len() > value_bytes_max {
            self.grow();
        }
        match &mut self.form {
            Form::Packed(bytes) => {
                let is_new = put_packed(bytes, field, value);
                if self.view().len() > self.limits.entries || self.is_heavy() {
                    self.grow();
                }
                is_new
            }
            Form::Large(dict) => dict.put(field, value, Deadline::None),
            Form::Grown(dict) => dict.put(field, value, Deadline::None),
        }
    }

    /// Remove a field; false if there was none.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        match &mut self.form {
            Form::Packed(bytes) => {
                let found = Listpack::new(bytes).find(field, 2);
                if let Some(place) = found {
                    Editor::new(bytes).remove(place, 2);
                }
                found.is_some()
            }
            Form::Large(dict) => dict.remove(field),
            Form::Grown(dict) => dict.remove(field),
        }
    }

    pub fn view(&self) -> HashView<'_> {
        match &self.form {
            Form::Packed(bytes) => HashView::Packed(Listpack::new(bytes)),
            Form::Large(dict) => HashView::Large(dict),
            Form::Grown(dict) => HashView::Large(dict),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.view().is_empty()
    }

    fn is_heavy(&self) -> bool {
        matches!(&self.form, Form::Packed(bytes) if bytes.len() > PACKED_BYTES_MAX)
    }

    fn grow(&mut self) {
        if let Form::Packed(bytes) = &self.form {
            let small = HashView::Packed(Listpack::new(bytes));
            self.form = Form::Grown(Box::new(dict_of(small, self.hasher)));
        }
    }

    fn into_grown(self) -> Option<Large> {
        match self.form {
            Form::Grown(dict) => Some(Large::Hash(*dict)),
            Form::Packed(_) | Form::Large(_) => None,
        }
    }
}

fn put_packed(bytes: &mut Vec<u8>, field: &[u8], value: &[u8]) -> bool {
    let list = Listpack::new(bytes);
    let found = list.find(field, 2);
    let value = Item::of(value);
    match found.and_then(|place| list.next(place)) {
        Some(place) => Editor::new(bytes).replace(place, value),
        None => Editor::new(bytes).extend([Item::of(field), value]),
    }
    found.is_none()
}

/// A large hash with what this one holds.
fn dict_of(hash: HashView<'_>, hasher: KeyHasher) -> Dict {
    let mut dict = Dict::of_fields(hasher.secret_for_members());
    let (mut name, mut text) = (Vec::new(), Vec::new());
    for (field, value) in hash.iter() {
        name.clear();
        text.clear();
        field.append_to(&mut name);
        value.append_to(&mut text);
        dict.put(&name, &text, Deadline::None);
    }
    dict
}

/// A hash outside of any table, while it is read from somewhere.
pub struct NewHash {
    bytes: Vec<u8>,
    grown: Option<Dict>,
    limits: Limits,
    hasher: KeyHasher,
}

impl NewHash {
    pub fn new(limits: Limits, hasher: KeyHasher) -> NewHash {
        NewHash {
            bytes: EMPTY.to_vec(),
            grown: None,
            limits,
            hasher,
        }
    }

    /// Set the value of a field; true if the field is new.
    pub fn put(&mut self, field: &[u8], value: &[u8]) -> bool {
        if let Some(dict) = &mut self.grown {
            return dict.put(field, value, Deadline::None);
        }
        let mut edit = HashEdit {
            form: Form::Packed(&mut self.bytes),
            limits: self.limits,
            hasher: self.hasher,
        };
        let is_new = edit.put(field, value);
        if let Form::Grown(dict) = edit.form {
            self.grown = Some(*dict);
        }
        is_new
    }

    /// The value in the form that suits it.
    pub fn finish(self) -> NewValue<'static> {
        match self.grown {
            Some(dict) => NewValue::Large(Arc::new(Large::Hash(dict))),
            None => NewValue::PackedBlock(Packing::Hash, Arc::new(self.bytes)),
        }
    }
}

impl Table {
    /// Change a hash.
    pub fn change_hash<R>(
        &mut self,
        slot: Slot,
        limits: Limits,
        change: impl FnOnce(&mut HashEdit<'_>) -> R,
    ) -> R {
        let hasher = self.hasher();
        match self.entry(slot).hash().expect("a hash was asked for") {
            HashView::Packed(_) => self.change_packed(slot, Packing::Hash, |bytes| {
                change_bytes(bytes, limits, hasher, change)
            }),
            HashView::Large(_) => self.change_large(slot, |large| {
                let Large::Hash(dict) = large else {
                    unreachable!("looked at above")
                };
                change(&mut HashEdit {
                    form: Form::Large(dict),
                    limits,
                    hasher,
                })
            }),
        }
    }

    /// Add a key that is not there, with a hash that `change` fills.
    pub fn insert_hash<R>(
        &mut self,
        key: &Key<'_>,
        limits: Limits,
        access: Access,
        now_ms: i64,
        change: impl FnOnce(&mut HashEdit<'_>) -> R,
    ) -> R {
        let mut bytes = EMPTY.to_vec();
        let (result, grown) = change_bytes(&mut bytes, limits, self.hasher(), change);
        let value = match grown {
            None => NewValue::Packed(Packing::Hash, &bytes),
            Some(large) => NewValue::Large(Arc::new(large)),
        };
        self.insert(key, value, None, access, now_ms);
        result
    }
}

fn change_bytes<R>(
    bytes: &mut Vec<u8>,
    limits: Limits,
    hasher: KeyHasher,
    change: impl FnOnce(&mut HashEdit<'_>) -> R,
) -> (R, Option<Large>) {
    let mut edit = HashEdit {
        form: Form::Packed(bytes),
        limits,
        hasher,
    };
    let result = change(&mut edit);
    (result, edit.into_grown())
}

#[cfg(test)]
mod tests;
