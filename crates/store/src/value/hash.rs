//! Hashes: fields with values, and with deadlines where there are any.
//!
//! ```text
//!   small   a listpack: field, value, field, value ...        in the order of arrival
//!           a listpack: field, value, deadline, field ...     see `timed`
//!   large   a dict of `structs`                               in the order of hashes
//! ```
//!
//! A hash grows large when it gets more fields than its limit, or a field or
//! value that is longer than its limit. A small one gets room for deadlines with
//! the first of them, and keeps it.
//!
//! A field whose deadline is over is still there until somebody removes it. A
//! view that knows what time it is ([`HashView::at`]) does not show it, though
//! its length counts it; one that does not know shows everything, as files and
//! digests need it. What removes fields that are due is in `due`.

mod due;
mod edit;
mod timed;

use base::Rng;
use structs::dict::{self, Dict};
use structs::listpack::{Item, Iter, Listpack};

use super::{Large, Packing, ValueView};

pub use due::FieldNames;
pub use edit::{HashEdit, NewHash};

/// A hash, whatever its form.
#[derive(Clone, Copy)]
pub struct HashView<'a> {
    form: HashForm<'a>,
    /// What has a deadline before this is not shown.
    now_ms: i64,
}

/// Where its fields lie.
#[derive(Clone, Copy)]
pub enum HashForm<'a> {
    Packed(Listpack<'a>),
    /// With a deadline behind each value.
    Timed(Listpack<'a>),
    Large(&'a Dict),
}

/// A field with all that belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    pub name: Item<'a>,
    pub value: Item<'a>,
    pub deadline_ms: Option<i64>,
}

impl<'a> HashView<'a> {
    /// No field has a later deadline: that of Redis, in the year 10889.
    pub const DEADLINE_MS_MAX: i64 = (1 << 48) - 2;

    /// All fields of a hash of this form.
    pub fn new(form: HashForm<'a>) -> HashView<'a> {
        HashView {
            form,
            now_ms: i64::MIN,
        }
    }

    /// The view of a value that is a hash.
    pub fn of(value: ValueView<'a>) -> Option<HashView<'a>> {
        let form = match value {
            ValueView::Packed(Packing::Hash, packed) => {
                HashForm::Packed(Listpack::new(packed.bytes()))
            }
            ValueView::Packed(Packing::TimedHash, packed) => {
                HashForm::Timed(Listpack::new(packed.bytes()))
            }
            ValueView::Large(large) => match large.get() {
                Large::Hash(dict) => HashForm::Large(dict),
                _ => return None,
            },
            _ => return None,
        };
        Some(HashView::new(form))
    }

    /// The same without the fields whose deadline is before `now_ms`.
    #[inline]
    pub fn at(self, now_ms: i64) -> HashView<'a> {
        HashView { now_ms, ..self }
    }

    pub fn form(self) -> HashForm<'a> {
        self.form
    }

    /// How many fields there are, those too that are not shown any more.
    pub fn len(self) -> usize {
        match self.form {
            HashForm::Packed(list) => list.len() / 2,
            HashForm::Timed(list) => list.len() / 3,
            HashForm::Large(dict) => dict.len(),
        }
    }

    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// How many fields are shown: a walk if some are due.
    pub fn shown_len(self) -> usize {
        if self.is_due() {
            self.fields().count()
        } else {
            self.len()
        }
    }

    /// The value of a field.
    pub fn get(self, field: &[u8]) -> Option<Item<'a>> {
        match self.form {
            HashForm::Packed(list) => {
                let place = list.find(field, 2)?;
                Some(list.item(list.next(place).expect("a field has a value")))
            }
            HashForm::Timed(list) => {
                let field = timed::field_at(list, timed::find(list, field)?);
                self.shows(field.deadline_ms).then_some(field.value)
            }
            HashForm::Large(dict) => {
                let item = dict.get(field)?;
                self.shows(item.deadline_ms)
                    .then_some(Item::Bytes(item.value))
            }
        }
    }

    pub fn contains(self, field: &[u8]) -> bool {
        match self.form {
            HashForm::Packed(list) => list.find(field, 2).is_some(),
            HashForm::Timed(_) => self.get(field).is_some(),
            HashForm::Large(dict) => dict
                .get(field)
                .is_some_and(|item| self.shows(item.deadline_ms)),
        }
    }

    /// The deadline of a field, if there is the field, and if it has one.
    pub fn deadline_ms(self, field: &[u8]) -> Option<Option<i64>> {
        let deadline_ms = match self.form {
            HashForm::Packed(list) => return list.find(field, 2).map(|_| None),
            HashForm::Timed(list) => timed::field_at(list, timed::find(list, field)?).deadline_ms,
            HashForm::Large(dict) => dict.get(field)?.deadline_ms,
        };
        self.shows(deadline_ms).then_some(deadline_ms)
    }

    /// No field is due before this; `None` if no field has a deadline.
    #[inline]
    pub fn next_deadline_ms(self) -> Option<i64> {
        match self.form {
            HashForm::Packed(_) => None,
            HashForm::Timed(list) => timed::next_deadline_ms(list),
            HashForm::Large(dict) => dict.next_deadline_ms(),
        }
    }

    /// May there be fields that are not shown?
    #[inline]
    pub fn is_due(self) -> bool {
        self.next_deadline_ms().is_some_and(|ms| ms < self.now_ms)
    }

    #[inline]
    fn shows(self, deadline_ms: Option<i64>) -> bool {
        deadline_ms.is_none_or(|ms| ms >= self.now_ms)
    }

    /// All fields with their values and deadlines.
    pub fn fields(self) -> impl Iterator<Item = Field<'a>> + use<'a> {
        let fields = match self.form {
            HashForm::Packed(list) => Fields::Packed(list.iter()),
            HashForm::Timed(list) => Fields::Timed(list.iter()),
            HashForm::Large(dict) => Fields::Large(Box::new(dict.iter())),
        };
        fields.filter(move |field| self.shows(field.deadline_ms))
    }

    /// All fields with their values.
    pub fn iter(self) -> impl Iterator<Item = (Item<'a>, Item<'a>)> + use<'a> {
        self.fields().map(|field| (field.name, field.value))
    }

    /// Visit pairs from `cursor` on, until about `count` were seen, and return
    /// the next cursor; 0, where a scan begins, says that it is complete. A small
    /// hash is visited whole.
    pub fn scan(self, cursor: u64, count: usize, visit: &mut dyn FnMut(Item, Item)) -> u64 {
        let HashForm::Large(dict) = self.form else {
            self.iter().for_each(|(field, value)| visit(field, value));
            return 0;
        };
        dict.scan(cursor, count, &mut |item| {
            if self.shows(item.deadline_ms) {
                visit(Item::Bytes(item.name), Item::Bytes(item.value));
            }
        })
    }

    /// A pair at random, each equally likely.
    pub fn random(self, rng: &mut Rng) -> Option<(Item<'a>, Item<'a>)> {
        if self.is_due() {
            let shown = self.shown_len();
            let at = (shown > 0).then(|| rng.below(shown as u64) as usize)?;
            return self.iter().nth(at);
        }
        let (list, width) = match self.form {
            HashForm::Packed(list) => (list, 2),
            HashForm::Timed(list) => (list, 3),
            HashForm::Large(dict) => {
                let item = dict.random(rng)?;
                return Some((Item::Bytes(item.name), Item::Bytes(item.value)));
            }
        };
        let len = self.len();
        let at = (len > 0).then(|| rng.below(len as u64) as usize)?;
        let field = list.place(width * at).expect("within its length");
        let value = list.next(field).expect("a field has a value");
        Some((list.item(field), list.item(value)))
    }
}

enum Fields<'a> {
    Packed(Iter<'a>),
    Timed(Iter<'a>),
    Large(Box<dyn Iterator<Item = dict::Item<'a>> + 'a>),
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        match self {
            Fields::Packed(items) => {
                let name = items.next()?;
                let value = items.next().expect("a field has a value");
                Some(Field {
                    name,
                    value,
                    deadline_ms: None,
                })
            }
            Fields::Timed(items) => timed::next_field(items),
            Fields::Large(items) => items.next().map(|item| Field {
                name: Item::Bytes(item.name),
                value: Item::Bytes(item.value),
                deadline_ms: item.deadline_ms,
            }),
        }
    }
}

#[cfg(test)]
mod tests;
