//! A small hash whose fields may have deadlines: Redis' `listpackex`.
//!
//! ```text
//!   f1 v1 1700000000000   f2 v2 1700000005000   f3 v3 0   f4 v4 0
//!   └─ the soonest first ────────────────────┘  └─ none: as they came ─┘
//! ```
//!
//! The order says at once what is due next, and what is due lies in front. It is
//! Redis' own, so a file and a DUMP have these bytes as they are.
//!
//! Invariants (`check` asserts them): triples, the third an integer that is not
//! negative; the deadlines ascend, and zeros come last.

use structs::dict::Deadline;
use structs::listpack::{EMPTY, Editor, Item, Iter, Listpack, Place};

use super::Field;

/// Items in a group.
const WIDTH: usize = 3;
/// The third item of a field without a deadline.
const NONE: i64 = 0;

/// Give each field of a hash without deadlines room for one.
pub(super) fn make_room(pairs: &mut Vec<u8>) {
    let mut triples = EMPTY.to_vec();
    triples.reserve(pairs.len() + pairs.len() / 2);
    let mut items = Listpack::new(pairs).iter();
    let mut editor = Editor::new(&mut triples);
    while let (Some(field), Some(value)) = (items.next(), items.next()) {
        editor.extend([field, value, Item::Int(NONE)]);
    }
    *pairs = triples;
}

#[inline]
pub(super) fn find(list: Listpack<'_>, field: &[u8]) -> Option<Place> {
    list.find(field, WIDTH)
}

/// The field that begins at a place.
#[inline]
pub(super) fn field_at<'a>(list: Listpack<'a>, place: Place) -> Field<'a> {
    let value = list.next(place).expect("a field has a value");
    let deadline = list.next(value).expect("a field has room for a deadline");
    Field {
        name: list.item(place),
        value: list.item(value),
        deadline_ms: deadline_of(list.item(deadline)),
    }
}

#[inline]
pub(super) fn next_field<'a>(items: &mut Iter<'a>) -> Option<Field<'a>> {
    let name = items.next()?;
    let value = items.next().expect("a field has a value");
    let deadline = items.next().expect("a field has room for a deadline");
    Some(Field {
        name,
        value,
        deadline_ms: deadline_of(deadline),
    })
}

fn deadline_of(item: Item<'_>) -> Option<i64> {
    match item {
        Item::Int(NONE) => None,
        Item::Int(ms) => Some(ms),
        Item::Bytes(_) => unreachable!("a deadline is an integer"),
    }
}

#[inline]
pub(super) fn next_deadline_ms(list: Listpack<'_>) -> Option<i64> {
    field_at(list, list.first()?).deadline_ms
}

/// How many fields have a deadline before `now_ms`: they are the first.
pub(super) fn due(list: Listpack<'_>, now_ms: i64) -> usize {
    let mut items = list.iter();
    let fields = std::iter::from_fn(|| next_field(&mut items));
    let is_due = |field: &Field<'_>| field.deadline_ms.is_some_and(|ms| ms < now_ms);
    fields.take_while(is_due).count()
}

/// Set the value of a field; true if the field is new.
pub(super) fn put(bytes: &mut Vec<u8>, field: &[u8], value: &[u8], deadline: Deadline) -> bool {
    let list = Listpack::new(bytes);
    let found = find(list, field).map(|place| (place, field_at(list, place).deadline_ms));
    let old_ms = found.and_then(|(_, ms)| ms);
    let new_ms = match deadline {
        Deadline::None => None,
        Deadline::Keep => old_ms,
        Deadline::At(ms) => Some(ms),
    };
    match found {
        Some((place, _)) if old_ms == new_ms => {
            let place = list.next(place).expect("a field has a value");
            Editor::new(bytes).replace(place, Item::of(value));
        }
        Some((place, _)) => {
            Editor::new(bytes).remove(place, WIDTH);
            insert(bytes, Item::of(field), Item::of(value), new_ms);
        }
        None => insert(bytes, Item::of(field), Item::of(value), new_ms),
    }
    found.is_none()
}

/// Set or take away the deadline of a field; false if there is no such field.
pub(super) fn set_deadline(bytes: &mut Vec<u8>, field: &[u8], deadline_ms: Option<i64>) -> bool {
    let list = Listpack::new(bytes);
    let Some(place) = find(list, field) else {
        return false;
    };
    let old = field_at(list, place);
    if old.deadline_ms != deadline_ms {
        let value = old.value.to_vec();
        Editor::new(bytes).remove(place, WIDTH);
        insert(bytes, Item::of(field), Item::of(&value), deadline_ms);
    }
    true
}

pub(super) fn remove(bytes: &mut Vec<u8>, field: &[u8]) -> bool {
    let found = find(Listpack::new(bytes), field);
    if let Some(place) = found {
        Editor::new(bytes).remove(place, WIDTH);
    }
    found.is_some()
}

/// Remove so many fields from the front.
pub(super) fn remove_first(bytes: &mut Vec<u8>, fields: usize) {
    Editor::new(bytes).remove_range(0, WIDTH * fields);
}

/// Put a field that is not there where its deadline belongs: before the first that
/// is later, or at the end.
fn insert(bytes: &mut Vec<u8>, name: Item<'_>, value: Item<'_>, deadline_ms: Option<i64>) {
    let later = deadline_ms.and_then(|ms| first_later(Listpack::new(bytes), ms));
    let deadline = Item::Int(deadline_ms.unwrap_or(NONE));
    let mut editor = Editor::new(bytes);
    match later {
        None => editor.extend([name, value, deadline]),
        Some(place) => {
            editor.insert_before(place, deadline);
            editor.insert_before(place, value);
            editor.insert_before(place, name);
        }
    }
}

fn first_later(list: Listpack<'_>, deadline_ms: i64) -> Option<Place> {
    let mut next = list.first();
    while let Some(place) = next {
        let value = list.next(place).expect("a field has a value");
        let third = list.next(value).expect("a field has room for a deadline");
        if deadline_of(list.item(third)).is_none_or(|ms| ms > deadline_ms) {
            return Some(place);
        }
        next = list.next(third);
    }
    None
}

/// Are these items a hash of this form, in its order?
pub(super) fn is_sound(list: Listpack<'_>) -> bool {
    let mut items = list.iter();
    let mut last_ms = 1;
    while items.next().is_some() {
        let Some(Item::Int(third)) = items.nth(1) else {
            return false;
        };
        let ms = if third == NONE { i64::MAX } else { third };
        if ms < last_ms {
            return false;
        }
        last_ms = ms;
    }
    true
}
