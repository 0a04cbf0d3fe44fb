//! Fields whose deadline is over: which they are, and how they go.
//!
//! ```text
//!   small   they lie in front                      all at once
//!   large   a segment of the dict after the other   until a budget is spent
//! ```
//!
//! A key that has lost its last field is still there: who called removes it.

use structs::listpack::{Item, Listpack};

use super::{HashForm, timed};
use crate::table::{Slot, Table};
use crate::value::{Became, Large, Packing};

/// Names of fields, one behind the other.
#[derive(Debug, Default)]
pub struct FieldNames {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl FieldNames {
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    pub fn push(&mut self, name: Item<'_>) {
        name.append_to(&mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut from = 0;
        self.ends.iter().map(move |&end| {
            let name = &self.bytes[from..end];
            from = end;
            name
        })
    }
}

impl Table {
    /// Remove fields of a hash whose deadline is before `now_ms`, about `budget`
    /// of them, and tell their names. Returns whether more may be due.
    pub fn expire_fields(
        &mut self,
        slot: Slot,
        now_ms: i64,
        budget: usize,
        gone: &mut FieldNames,
    ) -> bool {
        let hash = self.entry(slot).hash().expect("a hash was asked for");
        if !hash.at(now_ms).is_due() {
            return false;
        }
        let more = match hash.form() {
            HashForm::Packed(_) => unreachable!("nothing is due there"),
            HashForm::Timed(_) => self.change_packed(slot, Packing::TimedHash, |bytes| {
                let list = Listpack::new(bytes);
                let due = timed::due(list, now_ms);
                let mut items = list.iter();
                for _ in 0..due {
                    let field = timed::next_field(&mut items).expect("just counted");
                    gone.push(field.name);
                }
                timed::remove_first(bytes, due);
                (false, Became::Same)
            }),
            HashForm::Large(_) => self.change_large(slot, |large| {
                let Large::Hash(dict) = large else {
                    unreachable!("looked at above")
                };
                dict.expire(now_ms, budget, &mut |item| {
                    gone.push(Item::Bytes(item.name))
                })
            }),
        };
        self.fields_changed(slot, true, now_ms);
        more
    }
}
