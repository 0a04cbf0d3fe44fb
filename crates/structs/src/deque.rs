//! A long list: a row of listpacks, each of some KiB, that is short at both ends.
//!
//! ```text
//!   Deque  ┌───┬───┬───┬───┐
//!          │ 9 │ 1 │ 8 │ 3 │   how many elements, and the node
//!          └─┼─┴─┼─┴─┼─┴─┼─┘
//!      listpack  │  ...  ...   nodes are counted: a clone shares them, and who writes to a
//!              plain           shared one gets a copy of that one
//! ```
//!
//! A node takes elements up to a [`Limit`], which is that of `list-max-listpack-size`. An element
//! that is longer than the limit lies in a plain node of its own. An index is looked for from the
//! nearer end, over the row of counts, which lies in one piece; the row is 16 bytes a node.
//!
//! Invariants: no node is empty, counts and memory are those of the nodes. Nodes that have become
//! small in the middle are joined with their neighbours; at the ends they are left alone, as a
//! queue would join and divide them all the time.

mod change;
mod iter;
mod limit;
mod node;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::listpack::{Item, Listpack, Roomy};

pub use change::Side;
pub use iter::{Backward, Forward};
pub use limit::Limit;
pub use node::Node;

/// A list of strings.
#[derive(Clone)]
pub struct Deque {
    nodes: VecDeque<Slot>,
    len: usize,
    /// What the nodes take, without the row that names them.
    node_bytes: usize,
    limit: Limit,
}

/// One of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Front,
    Back,
}

/// A node and how many elements it has.
#[derive(Clone)]
struct Slot {
    len: u32,
    node: Arc<Node>,
}

impl Deque {
    pub fn new(limit: Limit) -> Deque {
        Deque {
            nodes: VecDeque::new(),
            len: 0,
            node_bytes: 0,
            limit,
        }
    }

    /// The list with the elements of a listpack.
    pub fn from_listpack(list: Listpack<'_>, limit: Limit) -> Deque {
        let mut deque = Deque::new(limit);
        if limit.admits(list.bytes().len(), list.len()) {
            deque.push_packed(list.bytes().to_vec());
        } else {
            list.iter()
                .for_each(|item| deque.push_item(End::Back, item));
        }
        deque
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What is allocated for it, shared or not.
    pub fn memory_bytes(&self) -> usize {
        self.node_bytes + self.nodes.capacity() * size_of::<Slot>()
    }

    pub fn push(&mut self, end: End, text: &[u8]) {
        self.push_item(end, Item::of(text));
    }

    /// Push an item in the form in which it is kept: that of [`Item::of`].
    pub fn push_item(&mut self, end: End, item: Item<'_>) {
        let limit = self.limit;
        if let Some(at) = self.end_node(end) {
            if self.admits(at, item) {
                self.change(at, |node| node.push(end, item, limit));
                return self.count(at, 1);
            }
            // It was at the end and grew; now it is full.
            if self.nodes[at].node.is_loose() {
                self.change(at, Node::tighten);
            }
        }
        let at = if end == End::Front {
            0
        } else {
            self.nodes.len()
        };
        self.insert_node(at, Node::holding(item, limit));
    }

    /// Show the element at an end to `take`, and remove it.
    pub fn pop<R>(&mut self, end: End, take: impl FnOnce(Item<'_>) -> R) -> Option<R> {
        let at = self.end_node(end)?;
        let slot = &self.nodes[at];
        let result = take(slot.node.end_item(end));
        if slot.len == 1 {
            self.remove_node(at);
        } else {
            self.change(at, |node| node.pop(end));
            self.count(at, -1);
        }
        Some(result)
    }

    pub fn get(&self, index: usize) -> Option<Item<'_>> {
        let (at, inner) = self.locate(index)?;
        Some(self.nodes[at].node.item(inner))
    }

    /// The elements from this index on.
    pub fn iter_from(&self, index: usize) -> Forward<'_> {
        Forward::new(self, index)
    }

    /// The elements from this index back to the first.
    pub fn iter_back_from(&self, index: usize) -> Backward<'_> {
        Backward::new(self, index)
    }

    /// The nodes, as they are saved.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = &Node> {
        self.nodes.iter().map(|slot| &*slot.node)
    }

    /// The listpack that all elements lie in, if it is one.
    pub fn sole_listpack(&self) -> Option<Listpack<'_>> {
        match self.nodes.front().map(|slot| &*slot.node) {
            Some(Node::Packed(bytes)) if self.nodes.len() == 1 => Some(Listpack::new(bytes)),
            _ => None,
        }
    }

    /// Append a node that was saved: the sound bytes of a listpack.
    pub fn push_packed(&mut self, bytes: Vec<u8>) {
        if !Listpack::new(&bytes).is_empty() {
            self.insert_node(self.nodes.len(), Node::Packed(Roomy::new(bytes)));
        }
    }

    /// Append a node that was saved: one element.
    pub fn push_plain(&mut self, text: Vec<u8>) {
        self.insert_node(self.nodes.len(), Node::Plain(text.into()));
    }

    /// Free up to so many nodes, from the back; true when nothing is left.
    pub fn free_some(&mut self, pages: usize) -> bool {
        for _ in 0..pages {
            match self.nodes.len().checked_sub(1) {
                Some(last) => self.remove_node(last),
                None => break,
            }
        }
        if self.nodes.is_empty() {
            self.nodes = VecDeque::new();
        }
        self.nodes.is_empty()
    }

    /// Assert the invariants.
    pub fn check(&self) {
        let (mut len, mut node_bytes) = (0, 0);
        for slot in &self.nodes {
            if let Node::Packed(bytes) = &*slot.node {
                Listpack::check_deep(bytes).expect("a sound node");
            }
            assert!(slot.len > 0, "an empty node");
            assert_eq!(slot.len as usize, slot.node.len());
            len += slot.len as usize;
            node_bytes += slot.node.memory_bytes();
        }
        assert_eq!((self.len, self.node_bytes), (len, node_bytes));
    }

    // ---- nodes -----------------------------------------------------------

    fn end_node(&self, end: End) -> Option<usize> {
        let last = self.nodes.len().checked_sub(1)?;
        Some(if end == End::Front { 0 } else { last })
    }

    /// The node of an element, and its index there.
    fn locate(&self, index: usize) -> Option<(usize, usize)> {
        if index >= self.len {
            return None;
        }
        if index < self.len / 2 {
            let mut inner = index;
            for (at, slot) in self.nodes.iter().enumerate() {
                match inner.checked_sub(slot.len as usize) {
                    None => return Some((at, inner)),
                    Some(rest) => inner = rest,
                }
            }
        } else {
            let mut start = self.len;
            for (at, slot) in self.nodes.iter().enumerate().rev() {
                start -= slot.len as usize;
                if start <= index {
                    return Some((at, index - start));
                }
            }
        }
        unreachable!("the counts add up to the length")
    }

    /// Has the node room for this besides what it has?
    fn admits(&self, at: usize, item: Item<'_>) -> bool {
        let slot = &self.nodes[at];
        match &*slot.node {
            Node::Plain(_) => false,
            Node::Packed(bytes) => {
                let bytes = bytes.len() + item.packed_len();
                self.limit.admits(bytes, slot.len as usize + 1)
            }
        }
    }

    /// Change a node, which is copied if somebody else holds it.
    fn change<R>(&mut self, at: usize, change: impl FnOnce(&mut Node) -> R) -> R {
        let slot = &mut self.nodes[at];
        self.node_bytes -= slot.node.memory_bytes();
        let result = change(Arc::make_mut(&mut slot.node));
        self.node_bytes += slot.node.memory_bytes();
        result
    }

    /// So many elements more, or fewer, in a node.
    fn count(&mut self, at: usize, by: isize) {
        let slot = &mut self.nodes[at];
        slot.len = slot
            .len
            .checked_add_signed(by as i32)
            .expect("a count of a node");
        self.len = self
            .len
            .checked_add_signed(by)
            .expect("a count of elements");
    }

    fn insert_node(&mut self, at: usize, node: Node) {
        let len = node.len();
        self.len += len;
        self.node_bytes += node.memory_bytes();
        let (len, node) = (len as u32, Arc::new(node));
        if self.nodes.len() == self.nodes.capacity() {
            // By half, not twice: the row is a good part of what a list takes beside its elements.
            self.nodes.reserve_exact(self.nodes.len() / 2 + 1);
        }
        self.nodes.insert(at, Slot { len, node });
    }

    fn remove_node(&mut self, at: usize) {
        let slot = self.nodes.remove(at).expect("a node");
        self.len -= slot.len as usize;
        self.node_bytes -= slot.node.memory_bytes();
        self.give_back_room();
    }

    /// A row that has become short does not keep the room of a long one.
    fn give_back_room(&mut self) {
        if self.nodes.capacity() > 64 && self.nodes.len() < self.nodes.capacity() / 4 {
            self.nodes.shrink_to(self.nodes.len() * 2);
        }
    }
}
