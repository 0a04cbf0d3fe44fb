//! A piece of a list: a listpack, or one long element.

use super::{End, Limit};
use crate::listpack::{EMPTY, Editor, Item, Listpack, Needle, Roomy};

/// Text in a box leaves room for the tag beside it, so a node is no larger than a listpack's vector.
#[derive(Clone)]
pub enum Node {
    Packed(Roomy),
    Plain(Box<[u8]>),
}

/// The counts in front of what an `Arc` holds.
const COUNTS_BYTES: usize = 2 * size_of::<usize>();

impl Node {
    /// A node with one element: plain if a listpack with it would be beyond the limit.
    pub(super) fn holding(item: Item<'_>, limit: Limit) -> Node {
        let len = EMPTY.len() + item.packed_len();
        if let Item::Bytes(text) = item
            && !limit.admits(len, 1)
        {
            return Node::Plain(text.into());
        }
        let mut bytes = Vec::with_capacity(len);
        Editor::create(&mut bytes).push_back(item);
        Node::Packed(Roomy::new(bytes))
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Node::Packed(bytes) => Listpack::new(bytes).len(),
            Node::Plain(_) => 1,
        }
    }

    /// The length of what it holds: the listpack, or the text.
    pub fn bytes_len(&self) -> usize {
        match self {
            Node::Packed(bytes) => bytes.len(),
            Node::Plain(text) => text.len(),
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let allocated = match self {
            Node::Packed(bytes) => bytes.capacity(),
            Node::Plain(text) => text.len(),
        };
        COUNTS_BYTES + size_of::<Node>() + allocated
    }

    pub(super) fn item(&self, index: usize) -> Item<'_> {
        match self {
            Node::Packed(bytes) => Listpack::new(bytes).get(index).expect("an element"),
            Node::Plain(text) => Item::Bytes(text),
        }
    }

    pub(super) fn end_item(&self, end: End) -> Item<'_> {
        match self {
            Node::Packed(bytes) => {
                let list = Listpack::new(bytes);
                let place = if end == End::Front {
                    list.first()
                } else {
                    list.last()
                };
                list.item(place.expect("no node is empty"))
            }
            Node::Plain(text) => Item::Bytes(text),
        }
    }

    /// The listpack; a plain node is changed by nobody.
    fn editor(&mut self) -> Editor<'_> {
        match self {
            Node::Packed(list) => list.editor(),
            Node::Plain(_) => panic!("a plain node is taken as a whole"),
        }
    }

    /// Put an element at an end.
    pub(super) fn push(&mut self, end: End, item: Item<'_>, limit: Limit) {
        match (self, end) {
            (Node::Packed(list), End::Front) => list.push_front(item, limit.bytes()),
            (Node::Packed(list), End::Back) => list.push_back(item, limit.bytes()),
            (Node::Plain(_), _) => panic!("a plain node is taken as a whole"),
        }
    }

    pub(super) fn insert(&mut self, index: usize, item: Item<'_>) {
        let mut editor = self.editor();
        match editor.view().place(index) {
            Some(place) => editor.insert_before(place, item),
            None => editor.push_back(item),
        }
    }

    pub(super) fn replace(&mut self, index: usize, item: Item<'_>) {
        let mut editor = self.editor();
        let place = editor.view().place(index).expect("an element");
        editor.replace(place, item);
    }

    /// Remove the element at an end of a node that has others.
    pub(super) fn pop(&mut self, end: End) {
        match (self, end) {
            (Node::Packed(list), End::Front) => list.remove_front(1),
            (Node::Packed(list), End::Back) => list.remove_last(),
            (Node::Plain(_), _) => panic!("a plain node is taken as a whole"),
        }
    }

    pub(super) fn remove(&mut self, index: usize, count: usize) {
        let removed = self.editor().remove_range(index, count);
        assert_eq!(removed, count);
    }

    /// Remove the equal elements but for the first so many, and at most so many.
    pub(super) fn remove_equal(&mut self, needle: &Needle<'_>, mut spared: usize, mut most: usize) {
        self.editor().retain(1, |_, item| {
            if most == 0 || !needle.is(item) {
                return true;
            }
            if spared > 0 {
                spared -= 1;
                return true;
            }
            most -= 1;
            false
        });
    }

    pub(super) fn append(&mut self, other: &Node) {
        match other {
            Node::Packed(bytes) => self.editor().append(Listpack::new(bytes)),
            Node::Plain(_) => panic!("a plain node is taken as a whole"),
        }
    }

    /// The elements from this index on, as a node of their own.
    pub(super) fn split_off(&mut self, index: usize) -> Node {
        let mut editor = self.editor();
        let place = editor.view().place(index).expect("an element");
        let tail = Node::Packed(Roomy::new(editor.split_off(place)));
        self.tighten();
        tail
    }

    /// Is there more room than is worth a copy?
    pub(super) fn is_loose(&self) -> bool {
        match self {
            Node::Packed(bytes) => bytes.capacity() - bytes.len() > bytes.len() / 32,
            Node::Plain(_) => false,
        }
    }

    pub(super) fn tighten(&mut self) {
        if let Node::Packed(list) = self {
            list.tighten();
        }
    }
}
