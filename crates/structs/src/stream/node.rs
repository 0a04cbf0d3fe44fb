//! Entries that follow each other in one listpack, as Redis packs them.
//!
//! ```text
//!   master   live  deleted  n  field 1 .. field n  0
//!   entry    flags  ms-  seq-  value 1 .. value n                      count     flags 2: same fields
//!   entry    flags  ms-  seq-  m  field 1  value 1 .. field m value m  count     flags 0
//! ```
//!
//! An id is kept as the difference from the node's, which is the id of its first entry. An entry
//! with the fields of the first, in the same order, names none. The count at its end says how many
//! items come before it, so that entries are walked from behind. A removed entry is marked (flag 1)
//! and stays; the node goes when all of its entries have.

use super::StreamId;
use crate::listpack::{Editor, Entries, Item, Listpack, Place};

pub(super) const DELETED: i64 = 1;
pub(super) const SAME_FIELDS: i64 = 2;

/// A node that is looked at.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    pub(super) master: StreamId,
    list: Listpack<'a>,
}

/// What stands in front of the entries.
pub(super) struct Head<'a> {
    pub(super) live: u64,
    pub(super) deleted: u64,
    field_count: usize,
    /// From the first field on.
    fields: Entries<'a>,
    /// From the first entry on.
    entries: Entries<'a>,
}

/// An entry, with its mark.
pub(super) struct Found<'a> {
    pub(super) entry: Entry<'a>,
    pub(super) is_deleted: bool,
    place: Place,
}

/// An entry of a stream.
#[derive(Clone)]
pub struct Entry<'a> {
    pub id: StreamId,
    pub fields: Fields<'a>,
}

/// The fields of an entry and their values, in the order in which they were added.
#[derive(Clone)]
pub struct Fields<'a> {
    left: usize,
    /// Where the names come from, if they do not stand with the values.
    names: Option<Entries<'a>>,
    items: Entries<'a>,
}

/// The entries of a node from one end, those that are marked too.
#[derive(Clone)]
pub(super) struct Walk<'a> {
    master: StreamId,
    field_count: usize,
    fields: Entries<'a>,
    rest: Entries<'a>,
}

impl<'a> Node<'a> {
    pub(super) fn new(master: StreamId, bytes: &'a [u8]) -> Node<'a> {
        let list = Listpack::new(bytes);
        Node { master, list }
    }

    pub(super) fn len_bytes(self) -> usize {
        self.list.bytes().len()
    }

    pub(super) fn head(self) -> Head<'a> {
        let mut rest = self.list.entries();
        let (live, deleted) = (int(&mut rest) as u64, int(&mut rest) as u64);
        let field_count = int(&mut rest) as usize;
        let fields = rest.clone();
        rest.advance(field_count + 1);
        Head {
            live,
            deleted,
            field_count,
            fields,
            entries: rest,
        }
    }

    pub(super) fn walk(self) -> Walk<'a> {
        let head = self.head();
        Walk {
            master: self.master,
            field_count: head.field_count,
            fields: head.fields,
            rest: head.entries,
        }
    }

    /// The entry of this id, unless it is marked.
    pub(super) fn find(self, id: StreamId) -> Option<Found<'a>> {
        let mut walk = self.walk();
        let found = std::iter::from_fn(|| walk.step()).find(|found| found.entry.id >= id)?;
        (found.entry.id == id && !found.is_deleted).then_some(found)
    }

    /// The id of the last entry, marked or not.
    pub(super) fn last_id(self) -> StreamId {
        let last = self.walk().step_back();
        last.expect("no node is without an entry").entry.id
    }
}

impl<'a> Walk<'a> {
    /// The next entry towards the back.
    #[inline]
    pub(super) fn step(&mut self) -> Option<Found<'a>> {
        let place = self.rest.place()?;
        let (found, item_count) = self.read(place, self.rest.clone());
        self.rest.clone_from(&found.entry.fields.items);
        self.rest.advance(item_count + 1);
        Some(found)
    }

    /// The next entry towards the front.
    #[inline]
    pub(super) fn step_back(&mut self) -> Option<Found<'a>> {
        let (_, count) = self.rest.next_back()?;
        let mut place = None;
        for _ in 0..number(count) {
            place = self.rest.next_back();
        }
        let (place, _) = place.expect("an entry has items");
        let whole = self.rest.with_rest_from(place);
        Some(self.read(place, whole).0)
    }

    /// The id of the last entry that is not marked.
    pub(super) fn last_live_id(mut self) -> Option<StreamId> {
        let mut live = std::iter::from_fn(|| self.step_back()).filter(|found| !found.is_deleted);
        live.next().map(|found| found.entry.id)
    }

    /// The entry at the beginning of these items, and how many there are from its first field or
    /// value on to its count.
    #[inline]
    fn read(&self, place: Place, mut items: Entries<'a>) -> (Found<'a>, usize) {
        let flags = int(&mut items);
        let (ms, seq) = (int(&mut items) as u64, int(&mut items) as u64);
        let id = StreamId::new(
            self.master.ms.wrapping_add(ms),
            self.master.seq.wrapping_add(seq),
        );
        let (left, names, item_count) = if flags & SAME_FIELDS != 0 {
            (
                self.field_count,
                Some(self.fields.clone()),
                self.field_count,
            )
        } else {
            let own = int(&mut items) as usize;
            (own, None, 2 * own)
        };
        let fields = Fields { left, names, items };
        let found = Found {
            entry: Entry { id, fields },
            is_deleted: flags & DELETED != 0,
            place,
        };
        (found, item_count)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (Item<'a>, Item<'a>);

    #[inline]
    fn next(&mut self) -> Option<(Item<'a>, Item<'a>)> {
        self.left = self.left.checked_sub(1)?;
        let names = self.names.as_mut().unwrap_or(&mut self.items);
        let name = item(names);
        Some((name, item(&mut self.items)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fields<'_> {}

/// A node whose only entry has the node's id.
pub(super) fn create<'f>(
    fields: impl ExactSizeIterator<Item = (&'f [u8], &'f [u8])> + Clone,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut editor = Editor::create(&mut bytes);
    let count = fields.len() as i64;
    editor.extend([Item::Int(1), Item::Int(0), Item::Int(count)]);
    editor.extend(fields.clone().map(|(name, _)| Item::of(name)));
    editor.extend([
        Item::Int(0),
        Item::Int(SAME_FIELDS),
        Item::Int(0),
        Item::Int(0),
    ]);
    editor.extend(fields.map(|(_, value)| Item::of(value)));
    editor.push_back(Item::Int(count + 3));
    bytes
}

/// Append an entry with an id above all others.
pub(super) fn append<'f>(
    bytes: &mut Vec<u8>,
    master: StreamId,
    id: StreamId,
    fields: impl ExactSizeIterator<Item = (&'f [u8], &'f [u8])> + Clone,
) {
    let head = Node::new(master, bytes).head();
    let is_same = head.field_count == fields.len() && {
        let mut masters = head.fields.clone();
        fields.clone().all(|(name, _)| item(&mut masters).is(name))
    };
    let live = head.live + 1;
    let mut editor = Editor::new(bytes);
    write_live(&mut editor, live);
    let ms = Item::Int(id.ms.wrapping_sub(master.ms) as i64);
    let seq = Item::Int(id.seq.wrapping_sub(master.seq) as i64);
    let count = fields.len() as i64;
    if is_same {
        let values = fields.map(|(_, value)| Item::of(value));
        let front = [Item::Int(SAME_FIELDS), ms, seq].into_iter();
        editor.extend(front.chain(values).chain([Item::Int(count + 3)]));
    } else {
        let pairs = fields.flat_map(|(name, value)| [Item::of(name), Item::of(value)]);
        let front = [Item::Int(0), ms, seq, Item::Int(count)].into_iter();
        editor.extend(front.chain(pairs).chain([Item::Int(2 * count + 4)]));
    }
}

/// Mark the entry of an id as deleted; it must be there, and not the only one.
pub(super) fn mark(bytes: &mut Vec<u8>, master: StreamId, id: StreamId) {
    let found = Node::new(master, bytes).find(id).expect("an entry");
    let place = found.place;
    mark_all(bytes, master, &[place]);
}

/// Mark the live entries before the first that `is_kept` approves of, by its id and the number of
/// live entries before it; how many they were.
pub(super) fn mark_front(
    bytes: &mut Vec<u8>,
    master: StreamId,
    mut is_kept: impl FnMut(StreamId, u64) -> bool,
) -> u64 {
    let mut places = Vec::new();
    let mut walk = Node::new(master, bytes).walk();
    while let Some(found) = walk.step() {
        if is_kept(found.entry.id, places.len() as u64) {
            break;
        }
        if !found.is_deleted {
            places.push(found.place);
        }
    }
    mark_all(bytes, master, &places);
    places.len() as u64
}

/// A mark takes no more bytes, so the places hold until the counts are written.
fn mark_all(bytes: &mut Vec<u8>, master: StreamId, places: &[Place]) {
    if places.is_empty() {
        return;
    }
    let mut editor = Editor::new(bytes);
    for place in places {
        let flags = editor.view().item(*place).int().expect("flags");
        editor.replace(*place, Item::Int(flags | DELETED));
    }
    let head = Node::new(master, editor.view().bytes()).head();
    let marked = places.len() as u64;
    let (live, deleted) = (head.live - marked, head.deleted + marked);
    write_live(&mut editor, live);
    write_deleted(&mut editor, deleted);
}

fn write_live(editor: &mut Editor<'_>, live: u64) {
    let first = editor.view().first().expect("the count of entries");
    editor.replace(first, Item::Int(live as i64));
}

fn write_deleted(editor: &mut Editor<'_>, deleted: u64) {
    let second = editor.view().place(1);
    let second = second.expect("the count of marked entries");
    editor.replace(second, Item::Int(deleted as i64));
}

#[inline]
fn item<'a>(items: &mut Entries<'a>) -> Item<'a> {
    items.next().expect("an item of a sound node").1
}

#[inline]
fn int(items: &mut Entries<'_>) -> i64 {
    number(item(items))
}

#[inline]
fn number(item: Item<'_>) -> i64 {
    item.int().expect("an integer of a sound node")
}
