//! The order of a sorted set: a counted B+tree of references, copied on write.
//!
//! ```text
//!               ┌──────────────────────────────────┐
//!   inner       │ first's score, Ref, count, node │ ... │   up to 64 children of 48 bytes
//!               └───┬──────────────────────┬───────┘
//!           ┌───────▼──────┐       ┌───────▼──────┐
//!   leaves  │ keys  │ Refs │       │ keys  │ Refs │   up to 296 entries of 2 + 4 bytes
//!           └──────────────┘       └──────────────┘
//! ```
//!
//! Entries are ordered by score and, where scores are equal, by the bytes of their names. Both lie
//! with whoever owns the tree, who lends them as [`Members`]. A leaf keeps 16 bits of each score
//! (see `leaf`), which settle nearly all of a search; where they are equal, the member is looked at.
//! A child's first entry with its score and its count stand beside it, so a search looks at one node
//! per level, and a rank is a sum of counts on the way.
//!
//! Every node is counted. A clone is one reference more, and a change copies the nodes on its path
//! that somebody else holds. There are no links between leaves, which would tie them together:
//! whoever walks comes down from the root again for every leaf.
//!
//! Leaves are of one size, but for one that is alone. A full one shares with a neighbour that has
//! room; where three are full they become four (see `share`). At either end of the tree a full leaf
//! stays full and its neighbour begins with one entry, so that entries which come in order fill the
//! leaves.
//!
//! Positions are ranks throughout. A bound, by score or by name, becomes one by [`Tree::before`],
//! and from there everything is a walk over a range of ranks.
//!
//! Invariants (`check` asserts them): entries are in order, and keys tell what they should; firsts
//! and counts are exact; all leaves are equally deep; no node but the root is empty, and no inner
//! node but the root has one child.

mod leaf;
mod node;
mod share;
#[cfg(test)]
mod tests;
mod walk;

use std::cmp::Ordering;

use crate::arena::Ref;
use node::Node;

pub use walk::Walk;

/// What the entries refer to. A score is any number; not-a-number is not one.
pub trait Members {
    fn name(&self, at: Ref) -> &[u8];
    fn score(&self, at: Ref) -> f64;
}

/// A place between entries.
#[derive(Clone, Copy, Debug)]
pub struct Bound<'a> {
    score: f64,
    among_equals: AmongEquals<'a>,
}

#[derive(Clone, Copy, Debug)]
enum AmongEquals<'a> {
    Before,
    Behind,
    BeforeName(&'a [u8]),
    BehindName(&'a [u8]),
}

impl<'a> Bound<'a> {
    /// Before all of a score, or behind them.
    pub fn of_score(score: f64, is_behind: bool) -> Bound<'a> {
        assert!(!score.is_nan(), "not-a-number is no score");
        let among_equals = match is_behind {
            false => AmongEquals::Before,
            true => AmongEquals::Behind,
        };
        Bound {
            score,
            among_equals,
        }
    }

    /// Before a name among those of a score, or behind it.
    pub fn of_name(score: f64, name: &'a [u8], is_behind: bool) -> Bound<'a> {
        assert!(!score.is_nan(), "not-a-number is no score");
        let among_equals = match is_behind {
            false => AmongEquals::BeforeName(name),
            true => AmongEquals::BehindName(name),
        };
        Bound {
            score,
            among_equals,
        }
    }

    /// Before or behind an entry.
    #[inline]
    fn of_entry(at: Ref, is_behind: bool, members: &'a impl Members) -> Bound<'a> {
        Bound::of_name(members.score(at), members.name(at), is_behind)
    }

    /// Is this place behind an entry of such a score?
    #[inline]
    fn is_behind(&self, score: f64, at: Ref, members: &impl Members) -> bool {
        match self.score.partial_cmp(&score) {
            Some(Ordering::Less) => false,
            Some(Ordering::Greater) => true,
            Some(Ordering::Equal) => match self.among_equals {
                AmongEquals::Before => false,
                AmongEquals::Behind => true,
                AmongEquals::BeforeName(name) => name > members.name(at),
                AmongEquals::BehindName(name) => name >= members.name(at),
            },
            None => unreachable!("not-a-number is no score"),
        }
    }
}

#[derive(Clone, Default)]
pub struct Tree {
    /// None if there are no entries.
    root: Option<Node>,
    len: usize,
    node_bytes: usize,
    /// Nodes of a tree that is being freed.
    rubble: Vec<Node>,
}

impl Tree {
    /// A tree of entries that are in order, with full leaves.
    pub fn from_sorted(entries: &[Ref], members: &impl Members) -> Tree {
        let root = Node::build(entries, members);
        Tree {
            len: entries.len(),
            node_bytes: root.as_ref().map_or(0, Node::memory_bytes_deep),
            root,
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
        self.node_bytes + self.rubble.capacity() * size_of::<Node>()
    }

    // ---- change ----------------------------------------------------------

    /// Add an entry whose score and name are not there.
    pub fn insert(&mut self, at: Ref, members: &impl Members) {
        let Some(root) = &mut self.root else {
            *self = Tree::from_sorted(&[at], members);
            return;
        };
        self.len += 1;
        let mut change = Change::default();
        node::insert_at_root(root, at, members, &mut change);
        change.settle(&mut self.node_bytes);
    }

    /// Remove an entry.
    pub fn remove(&mut self, at: Ref, members: &impl Members) {
        let place = self.locate(at, members);
        self.take(place.rank, 1, members, &mut |_| ());
    }

    /// Remove up to `count` entries from a rank on, but no more than one leaf has, and say how many
    /// they were. So a long range goes in slices.
    pub fn take(
        &mut self,
        rank: usize,
        count: usize,
        members: &impl Members,
        each: &mut dyn FnMut(Ref),
    ) -> usize {
        let Some(root) = &mut self.root else { return 0 };
        if rank >= self.len {
            return 0;
        }
        let mut change = Change::default();
        let taken = node::take_at_root(root, rank, count, members, each, &mut change);
        self.len -= taken;
        change.settle(&mut self.node_bytes);
        if self.len == 0 {
            *self = Tree::default();
        }
        taken
    }

    /// An entry is about to get another score. It stays where it is if the order allows; else it is
    /// taken out, the answer is false, and it is to be inserted when it has the new score.
    #[must_use]
    pub fn rescore(&mut self, at: Ref, score: f64, members: &impl Members) -> bool {
        let place = self.locate(at, members);
        let bound = Bound::of_name(score, members.name(at), false);
        let stays = place.leaf.has_between(place.index, &bound, members);
        if stays {
            self.change_entry(place.rank, &mut |entry| entry.set_score(score));
        } else {
            self.take(place.rank, 1, members, &mut |_| ());
        }
        stays
    }

    /// Let an entry refer to another copy of its member.
    pub fn redirect(&mut self, old: Ref, new: Ref, members: &impl Members) {
        let place = self.locate(old, members);
        self.change_entry(place.rank, &mut |entry| entry.set_ref(new));
    }

    fn change_entry(&mut self, rank: usize, change_to: &mut dyn FnMut(leaf::EntryMut<'_>)) {
        let root = self.root.as_mut().expect("there are entries");
        let mut change = Change::default();
        node::change_entry(root, rank, change_to, &mut change);
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
                self.rubble.extend(node.into_children());
            }
        }
        if self.rubble.is_empty() {
            *self = Tree::default();
        }
        self.rubble.is_empty()
    }

    /// Assert the invariants.
    pub fn check(&self, members: &impl Members) {
        let entries: Vec<Ref> = self.walk(0..self.len).collect();
        assert_eq!(entries.len(), self.len);
        for pair in entries.windows(2) {
            let bound = Bound::of_entry(pair[1], false, members);
            let score = members.score(pair[0]);
            assert!(bound.is_behind(score, pair[0], members), "in order");
        }
        let root = self.root.as_ref();
        root.inspect(|root| assert!(root.check(true, members) > 0));
        assert_eq!(self.len, root.map_or(0, Node::count));
        assert_eq!(self.node_bytes, root.map_or(0, Node::memory_bytes_deep));
    }
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
