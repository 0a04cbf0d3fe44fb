//! The order of a sorted set: a counted B+tree, copied on write.
//!
//! ```text
//!               ┌───────────────────────────┐
//!   inner       │ first, count, node │ ...  │   up to 64 children of 24 bytes
//!               └───┬───────────────┬───────┘
//!           ┌───────▼──────┐ ┌──────▼───────┐
//!   leaves  │ score, Ref │…│ │ score, Ref │…│   up to 170 entries of 12 bytes
//!           └──────────────┘ └──────────────┘
//! ```
//!
//! Entries are ordered by score and, where scores are equal, by the bytes of their names, which
//! whoever owns the tree lends as [`Names`]. A child's first entry and its count stand beside it, so
//! a search looks at one node per level, and a rank is a sum of counts on the way.
//!
//! Every node is counted. A clone is one reference more, and a change copies the nodes on its path
//! that somebody else holds. There are no links between leaves, which would tie them together:
//! whoever walks comes down from the root again for every leaf.
//!
//! A leaf grows through the sizes that allocators keep, and splits in the middle when it is full;
//! but at either end of the tree it stays full and its neighbour begins empty, so that entries which
//! come in order fill the leaves. Leaves that became small go together with a neighbour, or share
//! with it.
//!
//! Positions are ranks throughout. A bound, by score or by name, becomes one by
//! [`Tree::count_while`], and from there everything is a walk over a range of ranks.
//!
//! Invariants (`check` asserts them): entries are in order; firsts and counts are exact; all leaves
//! are equally deep; no node but the root is empty, and no inner node but the root has one child.

mod node;
#[cfg(test)]
mod tests;
mod walk;

use std::cmp::Ordering;
use std::sync::Arc;

use crate::arena::Ref;
use node::Node;

pub use walk::Walk;

/// What a sorted set keeps in order. A score is any number; not-a-number is not one.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, packed(4))]
pub struct Entry {
    pub score: f64,
    pub at: Ref,
}

/// The names that entries refer to.
pub trait Names {
    fn name(&self, at: Ref) -> &[u8];
}

/// A place in the order.
#[derive(Clone, Copy, Debug)]
struct Key<'a> {
    score: f64,
    name: &'a [u8],
}

impl Key<'_> {
    #[inline]
    fn cmp(&self, entry: &Entry, names: &impl Names) -> Ordering {
        let score = entry.score;
        match self.score.partial_cmp(&score) {
            Some(Ordering::Equal) => self.name.cmp(names.name(entry.at)),
            Some(order) => order,
            None => unreachable!("not-a-number is no score"),
        }
    }

    #[inline]
    fn is_after(&self, entry: &Entry, names: &impl Names) -> bool {
        self.cmp(entry, names) == Ordering::Greater
    }
}

#[derive(Clone, Default)]
pub struct Tree {
    /// None if there are no entries.
    root: Option<Arc<Node>>,
    len: usize,
    node_bytes: usize,
    /// Nodes of a tree that is being freed.
    rubble: Vec<Arc<Node>>,
}

impl Tree {
    /// A tree of entries that are in order, with full leaves.
    pub fn from_sorted(entries: impl IntoIterator<Item = Entry>) -> Tree {
        let root = Node::build(entries.into_iter());
        Tree {
            len: root.as_ref().map_or(0, Node::count),
            node_bytes: root.as_ref().map_or(0, Node::memory_bytes_deep),
            root: root.map(Arc::new),
            rubble: Vec::new(),
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes allocated.
    pub fn memory_bytes(&self) -> usize {
        self.node_bytes + self.rubble.capacity() * size_of::<Arc<Node>>()
    }

    // ---- change ----------------------------------------------------------

    /// Add an entry whose score and name are not there.
    pub fn insert(&mut self, entry: Entry, names: &impl Names) {
        let score = entry.score;
        assert!(!score.is_nan(), "not-a-number is no score");
        self.len += 1;
        let Some(root) = &mut self.root else {
            *self = Tree::from_sorted([entry]);
            return;
        };
        let key = Key {
            score,
            name: names.name(entry.at),
        };
        let mut change = Change::default();
        if let Some(right) = node::insert(root, entry, &key, names, Edges::BOTH, &mut change) {
            let above = Node::above(root.clone(), right);
            change.more += above.memory_bytes();
            *root = Arc::new(above);
        }
        change.settle(&mut self.node_bytes);
    }

    /// Remove an entry by score and name.
    pub fn remove(&mut self, score: f64, name: &[u8], names: &impl Names) -> Option<Ref> {
        let rank = self.rank(score, name, names)?;
        Some(self.remove_at(rank).at)
    }

    pub fn remove_at(&mut self, rank: usize) -> Entry {
        let mut taken = None;
        self.take(rank, 1, &mut |entry| taken = Some(entry));
        taken.expect("a rank of an entry")
    }

    /// Remove up to `count` entries from a rank on, but no more than one leaf has, and say how many
    /// they were. So a long range goes in slices.
    pub fn take(&mut self, rank: usize, count: usize, each: &mut dyn FnMut(Entry)) -> usize {
        let Some(root) = &mut self.root else { return 0 };
        if rank >= self.len {
            return 0;
        }
        let mut change = Change::default();
        let taken = node::take(root, rank, count, each, &mut change);
        self.len -= taken;
        while let Some(only) = root.only_child() {
            change.less += root.memory_bytes();
            *root = only;
        }
        change.settle(&mut self.node_bytes);
        if self.len == 0 {
            *self = Tree::default();
        }
        taken
    }

    /// Give an entry another score. It stays where it is if the order allows.
    pub fn rescore(&mut self, old: f64, name: &[u8], new: f64, names: &impl Names) {
        assert!(!new.is_nan(), "not-a-number is no score");
        let key = Key { score: old, name };
        let (rank, leaf, at) = self.locate(&key, names).expect("the entry is there");
        let entry = Entry {
            score: new,
            at: leaf[at].at,
        };
        // At an end of a leaf the neighbour is elsewhere, and the entry moves, be it in vain.
        let neighbours = at
            .checked_sub(1)
            .and_then(|at| leaf.get(at))
            .zip(leaf.get(at + 1));
        let key = Key { score: new, name };
        let stays = neighbours.is_some_and(|(before, behind)| {
            key.is_after(before, names) && !key.is_after(behind, names)
        });
        if stays {
            self.set(rank, entry);
        } else {
            self.remove_at(rank);
            self.insert(entry, names);
        }
    }

    /// Let an entry refer to another copy of its name.
    pub fn redirect(&mut self, score: f64, name: &[u8], at: Ref, names: &impl Names) {
        let key = Key { score, name };
        let (rank, leaf, index) = self.locate(&key, names).expect("the entry is there");
        let score = leaf[index].score;
        self.set(rank, Entry { score, at });
    }

    fn set(&mut self, rank: usize, entry: Entry) {
        let root = self.root.as_mut().expect("there are entries");
        let mut change = Change::default();
        node::set(root, rank, entry, &mut change);
        change.settle(&mut self.node_bytes);
    }

    /// Free up to so many nodes of a tree that nobody will look at again. True when it is empty.
    pub fn free_some(&mut self, nodes: usize) -> bool {
        self.rubble.extend(self.root.take());
        self.len = 0;
        for _ in 0..nodes {
            // What somebody else holds is theirs to free.
            if let Some(node) = self.rubble.pop() {
                self.node_bytes = self.node_bytes.saturating_sub(node.memory_bytes());
                let children = Arc::into_inner(node).map(Node::into_children);
                self.rubble.extend(children.into_iter().flatten());
            }
        }
        if self.rubble.is_empty() {
            *self = Tree::default();
        }
        self.rubble.is_empty()
    }

    /// Assert the invariants.
    pub fn check(&self, names: &impl Names) {
        let entries: Vec<Entry> = self.walk(0..self.len).collect();
        assert_eq!(entries.len(), self.len);
        for pair in entries.windows(2) {
            let key = Key {
                score: pair[1].score,
                name: names.name(pair[1].at),
            };
            assert!(key.is_after(&pair[0], names), "in order");
        }
        let root = self.root.as_ref();
        root.inspect(|root| assert!(root.check(true) > 0));
        assert_eq!(self.len, root.map_or(0, |root| root.count()));
        assert_eq!(
            self.node_bytes,
            root.map_or(0, |root| root.memory_bytes_deep())
        );
    }
}

/// Does a node lie at the left or the right edge of the tree?
#[derive(Clone, Copy)]
struct Edges {
    left: bool,
    right: bool,
}

impl Edges {
    const BOTH: Edges = Edges {
        left: true,
        right: true,
    };
}

/// What a change did to the bytes of nodes.
#[derive(Default)]
struct Change {
    more: usize,
    less: usize,
}

impl Change {
    fn settle(self, node_bytes: &mut usize) {
        *node_bytes = *node_bytes + self.more - self.less;
    }
}
