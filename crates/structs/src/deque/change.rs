//! Changes in the middle of a list.
//!
//! ```text
//!   insert before d, and the node is full:    │ a b c d e │  ►  │ a b c x │ d e │
//!   remove what is equal to b:       │ a b │ b b │ b c │  ►  │ a c │
//! ```

use std::mem;
use std::ops::Range;

use super::{Deque, End, Node};
use crate::listpack::{EMPTY, Item, Listpack, Needle};

/// On which side of an element another is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Before,
    After,
}

impl Deque {
    /// Put another element in the place of this one; false if there is none.
    pub fn set(&mut self, index: usize, text: &[u8]) -> bool {
        let Some((at, inner)) = self.locate(index) else {
            return false;
        };
        let item = Item::of(text);
        let slot = &self.nodes[at];
        let old_len = slot.node.item(inner).packed_len();
        let fits = match &*slot.node {
            Node::Plain(_) => false,
            Node::Packed(bytes) => {
                let bytes = bytes.len() - old_len + item.packed_len();
                self.limit.admits(bytes, slot.len as usize)
            }
        };
        if fits {
            self.change(at, |node| node.replace(inner, item));
        } else if slot.len == 1 {
            self.remove_node(at);
            self.insert_node(at, Node::holding(item, self.limit));
        } else {
            self.change(at, |node| node.remove(inner, 1));
            self.count(at, -1);
            self.insert_in(at, inner, item);
        }
        true
    }

    /// Put an element in front of the one at this index, or behind the last.
    ///
    /// # Panics
    /// If the list is shorter.
    pub fn insert_at(&mut self, index: usize, text: &[u8]) {
        match self.locate(index) {
            Some((at, inner)) => self.insert_in(at, inner, Item::of(text)),
            None => {
                assert_eq!(index, self.len, "an index within the list");
                self.push(End::Back, text);
            }
        }
    }

    /// Put an element beside the first that is `pivot`; false if there is none.
    pub fn insert(&mut self, side: Side, pivot: &[u8], text: &[u8]) -> bool {
        let needle = Needle::new(pivot);
        let found = self.nodes.iter().enumerate().find_map(|(at, slot)| {
            let inner = match &*slot.node {
                Node::Plain(own) => (**own == *pivot).then_some(0),
                Node::Packed(bytes) => {
                    let list = Listpack::new(bytes);
                    list.iter().position(|item| needle.is(item))
                }
            };
            Some((at, inner?))
        });
        let Some((at, inner)) = found else {
            return false;
        };
        self.insert_in(at, inner + usize::from(side == Side::After), Item::of(text));
        true
    }

    /// Remove up to so many elements that are equal to this, from an end on; how many there were.
    pub fn remove_equal(&mut self, end: End, text: &[u8], most: usize) -> usize {
        let needle = Needle::new(text);
        let (mut left, mut touched) = (most, None::<Range<usize>>);
        for step in 0..self.nodes.len() {
            if left == 0 {
                break;
            }
            let at = match end {
                End::Front => step,
                End::Back => self.nodes.len() - 1 - step,
            };
            let removed = self.remove_equal_in(at, end, &needle, left);
            if removed > 0 {
                left -= removed;
                let range = touched.unwrap_or(at..at + 1);
                touched = Some(range.start.min(at)..range.end.max(at + 1));
            }
        }
        if let Some(range) = touched {
            self.join(range.start.saturating_sub(1)..(range.end + 1).min(self.nodes.len()));
        }
        most - left
    }

    /// Keep the elements of a range only. What went in whole nodes is returned, so that much of it
    /// can be freed in slices.
    pub fn trim(&mut self, kept: Range<usize>) -> Deque {
        let mut gone = self.remove_range(kept.end.min(self.len)..self.len);
        let mut front = self.remove_range(0..kept.start.min(self.len));
        gone.nodes.append(&mut front.nodes);
        gone.len += mem::take(&mut front.len);
        gone.node_bytes += mem::take(&mut front.node_bytes);
        gone
    }

    /// Remove a range, which must be within the list; what went in whole nodes is returned.
    pub fn remove_range(&mut self, range: Range<usize>) -> Deque {
        assert!(range.start <= range.end && range.end <= self.len);
        let mut gone = Deque::new(self.limit);
        let mut left = range.len();
        let Some((mut at, inner)) = self.locate(range.start) else {
            return gone;
        };
        if inner > 0 {
            let removed = left.min(self.nodes[at].len as usize - inner);
            self.remove_in(at, inner, removed);
            left -= removed;
            at += 1;
        }
        let mut end = at;
        while left > 0 && self.nodes[end].len as usize <= left {
            let slot = &self.nodes[end];
            left -= slot.len as usize;
            gone.len += slot.len as usize;
            gone.node_bytes += slot.node.memory_bytes();
            end += 1;
        }
        gone.nodes.extend(self.nodes.drain(at..end));
        self.len -= gone.len;
        self.node_bytes -= gone.node_bytes;
        if left > 0 {
            self.remove_in(at, 0, left);
        }
        // What is left in front and behind, unless it is an end.
        if at > 0 && at < self.nodes.len() {
            self.join(at - 1..at + 1);
        }
        self.give_back_room();
        gone
    }

    /// Put an element in front of the one at `inner` of a node, or behind its last.
    fn insert_in(&mut self, at: usize, inner: usize, item: Item<'_>) {
        let len = self.nodes[at].len as usize;
        if self.admits(at, item) {
            self.change(at, |node| node.insert(inner, item));
            self.count(at, 1);
        } else if inner == 0 {
            self.insert_between(at, item);
        } else if inner == len {
            self.insert_between(at + 1, item);
        } else {
            let tail = self.change(at, |node| node.split_off(inner));
            self.count(at, inner as isize - len as isize);
            self.insert_node(at + 1, tail);
            self.insert_between(at + 1, item);
            let last = self.nodes.len().min(at + 4);
            self.join(at.saturating_sub(1)..last);
        }
    }

    /// Put an element between two nodes: into one that has room, or into one of its own.
    fn insert_between(&mut self, at: usize, item: Item<'_>) {
        let limit = self.limit;
        if at > 0 && self.admits(at - 1, item) {
            self.change(at - 1, |node| node.push(End::Back, item, limit));
            self.count(at - 1, 1);
        } else if at < self.nodes.len() && self.admits(at, item) {
            self.change(at, |node| node.push(End::Front, item, limit));
            self.count(at, 1);
        } else {
            self.insert_node(at, Node::holding(item, limit));
        }
    }

    /// Remove some elements of a node, but not all.
    fn remove_in(&mut self, at: usize, inner: usize, count: usize) {
        if count > 0 {
            self.change(at, |node| node.remove(inner, count));
            self.count(at, -(count as isize));
        }
    }

    /// Remove equal elements of one node, which may be left empty; how many.
    fn remove_equal_in(&mut self, at: usize, end: End, needle: &Needle<'_>, most: usize) -> usize {
        let slot = &self.nodes[at];
        let equal = match &*slot.node {
            Node::Plain(text) => usize::from(needle.is(Item::Bytes(text))),
            Node::Packed(bytes) => {
                let list = Listpack::new(bytes);
                list.iter().filter(|item| needle.is(*item)).count()
            }
        };
        let removed = equal.min(most);
        if removed == 0 {
            return 0;
        }
        if removed < slot.len as usize {
            let spared = if end == End::Front {
                0
            } else {
                equal - removed
            };
            self.change(at, |node| node.remove_equal(needle, spared, removed));
        }
        self.count(at, -(removed as isize));
        removed
    }

    /// Join neighbours in a range of nodes as far as they fit together, and drop those that have no
    /// element any more. The row is moved once.
    fn join(&mut self, range: Range<usize>) {
        let Some(mut to) = range.clone().next() else {
            return;
        };
        for at in range.start + 1..range.end {
            if self.nodes[at].len > 0 && !self.join_pair(to, at) {
                to = at;
            }
        }
        if self.nodes.range(range).any(|slot| slot.len == 0) {
            self.drop_empty();
        }
    }

    /// Append the elements of a node to another's, if both are small enough.
    fn join_pair(&mut self, to: usize, from: usize) -> bool {
        let (front, back) = (&self.nodes[to], &self.nodes[from]);
        let len = back.len;
        if front.len == 0 {
            return false;
        }
        match (&*front.node, &*back.node) {
            (Node::Packed(one), Node::Packed(two)) => {
                let entries = (front.len + len) as usize;
                if !self
                    .limit
                    .admits(one.len() + two.len() - EMPTY.len(), entries)
                {
                    return false;
                }
            }
            _ => return false,
        }
        let node = back.node.clone();
        self.change(to, |front| front.append(&node));
        self.nodes[to].len += len;
        self.nodes[from].len = 0;
        true
    }

    fn drop_empty(&mut self) {
        let mut freed = 0;
        self.nodes.retain(|slot| {
            if slot.len == 0 {
                freed += slot.node.memory_bytes();
            }
            slot.len > 0
        });
        self.node_bytes -= freed;
        self.give_back_room();
    }
}
