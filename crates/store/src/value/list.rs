//! Lists: strings in a row.
//!
//! ```text
//!   small   a listpack
//!   large   a deque of `structs`: a row of listpacks
//! ```
//!
//! Both sizes are ruled by one limit, that of `list-max-listpack-size`: a list is
//! small while all of it would fit into one node of a large one. It grows before
//! something is added with which it would not fit ([`ListEdit::prepare`], to be told
//! what is coming as Redis is: in bytes of text), and shrinks when it has lost
//! elements and all that is left takes half a node at most, so that a queue whose
//! length swings about the limit does not change its form all the time.

use std::mem;
use std::ops::Range;
use std::sync::Arc;

use structs::deque::{Backward, Deque, End, Forward, Limit};
use structs::listpack::{EMPTY, Editor, Entries, Item, Listpack, Needle};

use super::{Large, PACKED_BYTES_MAX, Packing, ValueView};
use crate::Access;
use crate::entry::NewValue;
use crate::hash::Key;
use crate::table::{Slot, Table};

/// A list, whatever its form.
#[derive(Clone, Copy)]
pub enum ListView<'a> {
    Packed(Listpack<'a>),
    Large(&'a Deque),
}

impl<'a> ListView<'a> {
    /// The view of a value that is a list.
    pub fn of(value: ValueView<'a>) -> Option<ListView<'a>> {
        match value {
            ValueView::Packed(Packing::List, packed) => {
                Some(ListView::Packed(Listpack::new(packed.bytes())))
            }
            ValueView::Large(large) => match large.get() {
                Large::List(deque) => Some(ListView::Large(deque)),
                _ => None,
            },
            _ => None,
        }
    }

    pub fn len(self) -> usize {
        match self {
            ListView::Packed(list) => list.len(),
            ListView::Large(deque) => deque.len(),
        }
    }

    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    pub fn get(self, index: usize) -> Option<Item<'a>> {
        match self {
            ListView::Packed(list) => list.get(index),
            ListView::Large(deque) => deque.get(index),
        }
    }

    /// The element at an end.
    pub fn end(self, end: End) -> Option<Item<'a>> {
        match end {
            End::Front => self.get(0),
            End::Back => self.get(self.len().checked_sub(1)?),
        }
    }

    pub fn iter(self) -> Ahead<'a> {
        self.iter_from(0)
    }

    /// The elements from this index on.
    pub fn iter_from(self, index: usize) -> Ahead<'a> {
        match self {
            ListView::Packed(list) => Ahead::Packed(match list.place(index) {
                Some(place) => list.entries_from(place),
                None => nothing_of(list),
            }),
            ListView::Large(deque) => Ahead::Large(deque.iter_from(index)),
        }
    }

    /// The elements from this index back to the first.
    pub fn iter_back_from(self, index: usize) -> Astern<'a> {
        match self {
            ListView::Packed(list) => Astern::Packed(match list.place(index) {
                Some(place) => match list.next(place) {
                    Some(next) => list.entries_before(next),
                    None => list.entries(),
                },
                None => nothing_of(list),
            }),
            ListView::Large(deque) => Astern::Large(deque.iter_back_from(index)),
        }
    }

    /// Show a range of elements, while `visit` wants more.
    #[inline]
    pub fn walk(self, range: Range<usize>, visit: impl FnMut(Item<'a>) -> bool) {
        // One loop for each form, so that none asks for every element which it is.
        let count = range.len();
        match self.iter_from(range.start) {
            Ahead::Packed(entries) => {
                let mut items = entries.take(count).map(|(_, item)| item);
                items.all(visit);
            }
            Ahead::Large(items) => {
                items.take(count).all(visit);
            }
        }
    }
}

fn nothing_of(list: Listpack<'_>) -> Entries<'_> {
    match list.first() {
        Some(first) => list.entries_before(first),
        None => list.entries(),
    }
}

/// Elements towards the back.
#[derive(Clone)]
pub enum Ahead<'a> {
    Packed(Entries<'a>),
    Large(Forward<'a>),
}

/// Elements towards the front.
#[derive(Clone)]
pub enum Astern<'a> {
    Packed(Entries<'a>),
    Large(Backward<'a>),
}

impl<'a> Iterator for Ahead<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        match self {
            Ahead::Packed(entries) => Some(entries.next()?.1),
            Ahead::Large(items) => items.next(),
        }
    }
}

impl<'a> Iterator for Astern<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        match self {
            Astern::Packed(entries) => Some(entries.next_back()?.1),
            Astern::Large(items) => items.next(),
        }
    }
}

/// A list while it is changed.
pub struct ListEdit<'a> {
    form: Form<'a>,
    limit: Limit,
}

enum Form<'a> {
    Packed(&'a mut Vec<u8>),
    Large(&'a mut Deque),
    /// It was small when the change began.
    Grown(Box<Deque>),
}

impl ListEdit<'_> {
    pub fn view(&self) -> ListView<'_> {
        match &self.form {
            Form::Packed(bytes) => ListView::Packed(Listpack::new(bytes)),
            Form::Large(deque) => ListView::Large(deque),
            Form::Grown(deque) => ListView::Large(deque),
        }
    }

    /// So many elements will be added, with so many bytes of text. If they might not
    /// fit into a small list, it is none from now on.
    pub fn prepare(&mut self, added: usize, text_bytes: usize) {
        if let Form::Packed(bytes) = &self.form {
            let list = Listpack::new(bytes);
            let bytes_then = bytes.len() + text_bytes;
            if !self.limit.admits(bytes_then, list.len() + added) || bytes_then > PACKED_BYTES_MAX {
                let grown = Deque::from_listpack(list, self.limit);
                self.form = Form::Grown(Box::new(grown));
            }
        }
    }

    #[inline]
    pub fn push(&mut self, end: End, text: &[u8]) {
        match &mut self.form {
            Form::Packed(bytes) => {
                let mut editor = Editor::new(bytes);
                match end {
                    End::Front => editor.push_front(Item::of(text)),
                    End::Back => editor.push_back(Item::of(text)),
                }
            }
            Form::Large(deque) => deque.push(end, text),
            Form::Grown(deque) => deque.push(end, text),
        }
    }

    /// Show the element at an end to `take`, and remove it.
    #[inline]
    pub fn pop<R>(&mut self, end: End, take: impl FnOnce(Item<'_>) -> R) -> Option<R> {
        match &mut self.form {
            Form::Packed(bytes) => {
                let list = Listpack::new(bytes);
                let place = match end {
                    End::Front => list.first()?,
                    End::Back => list.last()?,
                };
                let result = take(list.item(place));
                Editor::new(bytes).remove(place, 1);
                Some(result)
            }
            Form::Large(deque) => deque.pop(end, take),
            Form::Grown(deque) => deque.pop(end, take),
        }
    }

    /// Put another element in the place of this one; false if there is none.
    pub fn set(&mut self, index: usize, text: &[u8]) -> bool {
        match &mut self.form {
            Form::Packed(bytes) => match Listpack::new(bytes).place(index) {
                Some(place) => {
                    Editor::new(bytes).replace(place, Item::of(text));
                    true
                }
                None => false,
            },
            Form::Large(deque) => deque.set(index, text),
            Form::Grown(deque) => deque.set(index, text),
        }
    }

    /// Put an element in front of the one at this index, or behind the last. The list
    /// must have so many.
    pub fn insert(&mut self, index: usize, text: &[u8]) {
        match &mut self.form {
            Form::Packed(bytes) => {
                let place = Listpack::new(bytes).place(index);
                let mut editor = Editor::new(bytes);
                match place {
                    Some(place) => editor.insert_before(place, Item::of(text)),
                    None => editor.push_back(Item::of(text)),
                }
            }
            Form::Large(deque) => deque.insert_at(index, text),
            Form::Grown(deque) => deque.insert_at(index, text),
        }
    }

    /// Remove up to so many elements that are equal to this, from an end on; how many
    /// there were.
    pub fn remove_equal(&mut self, end: End, text: &[u8], most: usize) -> usize {
        match &mut self.form {
            Form::Packed(bytes) => remove_equal(bytes, end, &Needle::new(text), most),
            Form::Large(deque) => deque.remove_equal(end, text, most),
            Form::Grown(deque) => deque.remove_equal(end, text, most),
        }
    }

    /// Remove a range, which must be within the list. What is long and can be freed
    /// somewhere else is returned.
    pub fn remove_range(&mut self, range: Range<usize>) -> Option<Large> {
        let gone = match &mut self.form {
            Form::Packed(bytes) => {
                let removed = Editor::new(bytes).remove_range(range.start, range.len());
                assert_eq!(removed, range.len());
                return None;
            }
            Form::Large(deque) => deque.remove_range(range),
            Form::Grown(deque) => deque.remove_range(range),
        };
        (gone.memory_bytes() >= WORTH_HANDING_OVER_BYTES).then_some(Large::List(gone))
    }

    fn into_grown(self) -> Option<Large> {
        match self.form {
            Form::Grown(deque) => Some(Large::List(*deque)),
            Form::Packed(_) | Form::Large(_) => None,
        }
    }
}

/// Less is freed on the spot.
const WORTH_HANDING_OVER_BYTES: usize = 256 << 10;

fn remove_equal(bytes: &mut Vec<u8>, end: End, needle: &Needle<'_>, most: usize) -> usize {
    let list = Listpack::new(bytes);
    let mut spared = match end {
        End::Front => 0,
        End::Back => {
            let equal = list.iter().filter(|item| needle.is(*item)).count();
            equal.saturating_sub(most)
        }
    };
    let mut left = most;
    Editor::new(bytes).retain(1, |_, item| {
        if left == 0 || !needle.is(item) {
            return true;
        }
        if spared > 0 {
            spared -= 1;
            return true;
        }
        left -= 1;
        false
    })
}

/// A list outside of any table, while it is read from somewhere.
pub struct NewList {
    deque: Deque,
    limit: Limit,
}

impl NewList {
    pub fn new(limit: Limit) -> NewList {
        NewList {
            deque: Deque::new(limit),
            limit,
        }
    }

    /// Append an element.
    pub fn push(&mut self, text: &[u8]) {
        self.deque.push(End::Back, text);
    }

    /// Append an element as it was packed.
    pub fn push_item(&mut self, item: Item<'_>) {
        match item {
            Item::Int(_) => self.deque.push_item(End::Back, item),
            // It may be the text of an integer.
            Item::Bytes(text) => self.deque.push(End::Back, text),
        }
    }

    /// Append elements that are packed already: the sound bytes of a listpack.
    pub fn push_packed(&mut self, bytes: Vec<u8>) {
        self.deque.push_packed(bytes);
    }

    pub fn is_empty(&self) -> bool {
        self.deque.is_empty()
    }

    /// The value in the form that suits it.
    pub fn finish(self) -> NewValue<'static> {
        match self.deque.sole_listpack() {
            Some(list) if self.limit.admits(list.bytes().len(), list.len()) => {
                NewValue::PackedBlock(Packing::List, Arc::new(list.bytes().to_vec()))
            }
            _ => NewValue::Large(Arc::new(Large::List(self.deque))),
        }
    }
}

impl Table {
    /// Change a list.
    pub fn change_list<R>(
        &mut self,
        slot: Slot,
        limit: Limit,
        change: impl FnOnce(&mut ListEdit<'_>) -> R,
    ) -> R {
        match self.entry(slot).list().expect("a list was asked for") {
            ListView::Packed(_) => self.change_packed(slot, Packing::List, |bytes| {
                change_bytes(bytes, limit, change)
            }),
            ListView::Large(_) => {
                let (result, shrunk) = self.change_large(slot, |large| {
                    let Large::List(deque) = large else {
                        unreachable!("looked at above")
                    };
                    let len_before = deque.len();
                    let result = change(&mut ListEdit {
                        form: Form::Large(deque),
                        limit,
                    });
                    let has_shrunk = deque.len() <= len_before;
                    (
                        result,
                        has_shrunk.then(|| small_again(deque, limit)).flatten(),
                    )
                });
                if let Some(bytes) = shrunk {
                    self.rewrite(slot, NewValue::Packed(Packing::List, &bytes));
                }
                result
            }
        }
    }

    /// Add a key that is not there, with a list that `change` fills.
    pub fn insert_list<R>(
        &mut self,
        key: &Key<'_>,
        limit: Limit,
        access: Access,
        now_ms: i64,
        change: impl FnOnce(&mut ListEdit<'_>) -> R,
    ) -> R {
        let mut bytes = mem::take(&mut self.scratch);
        bytes.clear();
        bytes.extend_from_slice(&EMPTY);
        let (result, grown) = change_bytes(&mut bytes, limit, change);
        let value = match grown {
            None => NewValue::Packed(Packing::List, &bytes),
            Some(large) => NewValue::Large(Arc::new(large)),
        };
        self.insert(key, value, None, access, now_ms);
        self.keep_scratch(bytes);
        result
    }
}

fn change_bytes<R>(
    bytes: &mut Vec<u8>,
    limit: Limit,
    change: impl FnOnce(&mut ListEdit<'_>) -> R,
) -> (R, Option<Large>) {
    let mut edit = ListEdit {
        form: Form::Packed(bytes),
        limit,
    };
    let result = change(&mut edit);
    (result, edit.into_grown())
}

/// The bytes of what has become a small list, well below the limit.
fn small_again(deque: &Deque, limit: Limit) -> Option<Vec<u8>> {
    let list = deque.sole_listpack()?;
    let half = limit.halved();
    half.admits(list.bytes().len(), list.len())
        .then(|| list.bytes().to_vec())
}

#[cfg(test)]
mod tests;
