//! Hashes while they are changed, and hashes that are not in a table yet.

use std::sync::Arc;

use structs::dict::{Deadline, Dict};
use structs::listpack::{EMPTY, Editor, Item, Listpack};

use super::{HashForm, HashView, timed};
use crate::Access;
use crate::entry::NewValue;
use crate::hash::{Key, KeyHasher};
use crate::table::{Slot, Table};
use crate::value::{Became, Large, Limits, PACKED_BYTES_MAX, Packing};

/// A hash while it is changed.
pub struct HashEdit<'a> {
    form: Form<'a>,
    limits: Limits,
    hasher: KeyHasher,
}

enum Form<'a> {
    Small {
        bytes: &'a mut Vec<u8>,
        /// Is there a deadline behind each value?
        is_timed: bool,
    },
    Large(&'a mut Dict),
    /// It was small when the change began.
    Grown(Box<Dict>),
}

impl HashEdit<'_> {
    /// Set the value of a field, without a deadline; true if the field is new.
    pub fn put(&mut self, field: &[u8], value: &[u8]) -> bool {
        self.put_until(field, value, Deadline::None)
    }

    /// Set value and deadline of a field; true if the field is new.
    pub fn put_until(&mut self, field: &[u8], value: &[u8], deadline: Deadline) -> bool {
        let value_bytes_max = self.limits.value_bytes;
        if field.len() > value_bytes_max || value.len() > value_bytes_max {
            self.grow();
        }
        if let Deadline::At(_) = deadline {
            self.make_room();
        }
        match &mut self.form {
            Form::Small { bytes, is_timed } => {
                let is_new = match is_timed {
                    true => timed::put(bytes, field, value, deadline),
                    false => put_packed(bytes, field, value),
                };
                let is_heavy = bytes.len() > PACKED_BYTES_MAX;
                if is_heavy || self.view().len() > self.limits.entries {
                    self.grow();
                }
                is_new
            }
            Form::Large(dict) => dict.put(field, value, deadline),
            Form::Grown(dict) => dict.put(field, value, deadline),
        }
    }

    /// Set or take away the deadline of a field; false if there is no such field.
    pub fn set_deadline(&mut self, field: &[u8], deadline_ms: Option<i64>) -> bool {
        if deadline_ms.is_some() {
            self.make_room();
        }
        match &mut self.form {
            Form::Small {
                bytes,
                is_timed: true,
            } => timed::set_deadline(bytes, field, deadline_ms),
            Form::Small { .. } => self.view().contains(field),
            Form::Large(dict) => dict.set_deadline(field, deadline_ms),
            Form::Grown(dict) => dict.set_deadline(field, deadline_ms),
        }
    }

    /// Remove a field; false if there was none.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        match &mut self.form {
            Form::Small {
                bytes,
                is_timed: true,
            } => timed::remove(bytes, field),
            Form::Small { bytes, .. } => {
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

    /// Everything that is there.
    pub fn view(&self) -> HashView<'_> {
        HashView::new(match &self.form {
            Form::Small {
                bytes,
                is_timed: true,
            } => HashForm::Timed(Listpack::new(bytes)),
            Form::Small { bytes, .. } => HashForm::Packed(Listpack::new(bytes)),
            Form::Large(dict) => HashForm::Large(dict),
            Form::Grown(dict) => HashForm::Large(dict),
        })
    }

    pub fn is_empty(&self) -> bool {
        self.view().is_empty()
    }

    fn make_room(&mut self) {
        if let Form::Small { bytes, is_timed } = &mut self.form
            && !*is_timed
        {
            timed::make_room(bytes);
            *is_timed = true;
        }
    }

    fn grow(&mut self) {
        if let Form::Small { .. } = &self.form {
            self.form = Form::Grown(Box::new(dict_of(self.view(), self.hasher)));
        }
    }

    fn into_what(self, was_timed: bool) -> Became {
        match self.form {
            Form::Grown(dict) => Became::Large(Box::new(Large::Hash(*dict))),
            Form::Small { is_timed: true, .. } if !was_timed => Became::Packed(Packing::TimedHash),
            Form::Small { .. } | Form::Large(_) => Became::Same,
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
    for field in hash.fields() {
        name.clear();
        text.clear();
        field.name.append_to(&mut name);
        field.value.append_to(&mut text);
        dict.put(&name, &text, deadline_of(field.deadline_ms));
    }
    dict
}

fn deadline_of(deadline_ms: Option<i64>) -> Deadline {
    deadline_ms.map_or(Deadline::None, Deadline::At)
}

/// A hash outside of any table, while it is read from somewhere.
pub struct NewHash {
    bytes: Vec<u8>,
    is_timed: bool,
    grown: Option<Dict>,
    limits: Limits,
    hasher: KeyHasher,
}

impl NewHash {
    pub fn new(limits: Limits, hasher: KeyHasher) -> NewHash {
        NewHash {
            bytes: EMPTY.to_vec(),
            is_timed: false,
            grown: None,
            limits,
            hasher,
        }
    }

    /// Set the value of a field; true if the field is new.
    pub fn put(&mut self, field: &[u8], value: &[u8]) -> bool {
        self.put_until(field, value, None)
    }

    /// Set value and deadline of a field; true if the field is new.
    pub fn put_until(&mut self, field: &[u8], value: &[u8], deadline_ms: Option<i64>) -> bool {
        let deadline = deadline_of(deadline_ms);
        if let Some(dict) = &mut self.grown {
            return dict.put(field, value, deadline);
        }
        let mut edit = HashEdit {
            form: Form::Small {
                bytes: &mut self.bytes,
                is_timed: self.is_timed,
            },
            limits: self.limits,
            hasher: self.hasher,
        };
        let is_new = edit.put_until(field, value, deadline);
        match edit.form {
            Form::Grown(dict) => self.grown = Some(*dict),
            Form::Small { is_timed, .. } => self.is_timed = is_timed,
            Form::Large(_) => unreachable!("it was small when the change began"),
        }
        is_new
    }

    /// The bytes of a small hash with deadlines that came from elsewhere, if they
    /// are sound and in order: then they can be kept as they are.
    pub fn of_triples(list: Listpack<'_>) -> Option<HashView<'_>> {
        timed::is_sound(list).then(|| HashView::new(HashForm::Timed(list)))
    }

    /// The value in the form that suits it.
    pub fn finish(self) -> NewValue<'static> {
        let packing = match self.is_timed {
            true => Packing::TimedHash,
            false => Packing::Hash,
        };
        match self.grown {
            Some(dict) => NewValue::Large(Arc::new(Large::Hash(dict))),
            None => NewValue::PackedBlock(packing, Arc::new(self.bytes)),
        }
    }
}

impl Table {
    /// Change a hash.
    pub fn change_hash<R>(
        &mut self,
        slot: Slot,
        limits: Limits,
        now_ms: i64,
        change: impl FnOnce(&mut HashEdit<'_>) -> R,
    ) -> R {
        let hasher = self.hasher();
        let hash = self.entry(slot).hash().expect("a hash was asked for");
        let had_deadlines = hash.next_deadline_ms().is_some();
        let result = match hash.form() {
            HashForm::Packed(_) => self.change_packed(slot, Packing::Hash, |bytes| {
                change_bytes(bytes, false, limits, hasher, change)
            }),
            HashForm::Timed(_) => self.change_packed(slot, Packing::TimedHash, |bytes| {
                change_bytes(bytes, true, limits, hasher, change)
            }),
            HashForm::Large(_) => self.change_large(slot, |large| {
                let Large::Hash(dict) = large else {
                    unreachable!("looked at above")
                };
                change(&mut HashEdit {
                    form: Form::Large(dict),
                    limits,
                    hasher,
                })
            }),
        };
        self.fields_changed(slot, had_deadlines, now_ms);
        result
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
        let (result, became) = change_bytes(&mut bytes, false, limits, self.hasher(), change);
        let value = match became {
            Became::Same => NewValue::Packed(Packing::Hash, &bytes),
            Became::Packed(packing) => NewValue::Packed(packing, &bytes),
            Became::Large(large) => NewValue::Large(Arc::new(*large)),
        };
        self.insert(key, value, None, access, now_ms);
        result
    }
}

fn change_bytes<R>(
    bytes: &mut Vec<u8>,
    is_timed: bool,
    limits: Limits,
    hasher: KeyHasher,
    change: impl FnOnce(&mut HashEdit<'_>) -> R,
) -> (R, Became) {
    let mut edit = HashEdit {
        form: Form::Small { bytes, is_timed },
        limits,
        hasher,
    };
    let result = change(&mut edit);
    (result, edit.into_what(is_timed))
}
