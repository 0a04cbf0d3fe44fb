//! Looks at a counted tree: by rank, by order, and walks over ranges of ranks.

use std::ops::Range;

use super::leaf::Leaf;
use super::node::{Node, child_of};
use super::{Bound, Members, Tree};
use crate::arena::Ref;

/// Where an entry is.
pub(super) struct Place<'a> {
    pub(super) rank: usize,
    pub(super) leaf: &'a Leaf,
    pub(super) index: usize,
}

impl Tree {
    /// The entry of a rank, counted from zero.
    pub fn get(&self, rank: usize) -> Option<Ref> {
        let (leaf, start) = self.leaf_of(rank)?;
        Some(leaf.at(rank - start))
    }

    /// How many entries are before this one.
    pub fn rank(&self, at: Ref, members: &impl Members) -> usize {
        self.locate(at, members).rank
    }

    /// How many entries are before a bound.
    pub fn before(&self, bound: &Bound<'_>, members: &impl Members) -> usize {
        match self.leaf_before(bound, members) {
            Some((leaf, start)) => start + leaf.before(bound, members),
            None => 0,
        }
    }

    /// Walk over a range of ranks, forwards, backwards or from both ends.
    pub fn walk(&self, ranks: Range<usize>) -> Walk<'_> {
        let end = ranks.end.min(self.len);
        Walk {
            tree: self,
            ranks: ranks.start.min(end)..end,
            front: None,
            back: None,
        }
    }

    /// The leaf that holds a rank, and the rank of its first entry.
    fn leaf_of(&self, rank: usize) -> Option<(&Leaf, usize)> {
        if rank >= self.len {
            return None;
        }
        let (mut node, mut inside) = (self.root.as_ref()?, rank);
        loop {
            match node {
                Node::Leaf(leaf) => return Some((leaf, rank - inside)),
                Node::Inner(children) => {
                    let (at, below) = child_of(children, inside);
                    (node, inside) = (&children[at].node, below);
                }
            }
        }
    }

    /// The leaf whose first entry is the last one before a bound, and the rank of that.
    #[inline]
    fn leaf_before(&self, bound: &Bound<'_>, members: &impl Members) -> Option<(&Leaf, usize)> {
        let (mut node, mut rank) = (self.root.as_ref()?, 0);
        loop {
            match node {
                Node::Leaf(leaf) => return Some((leaf, rank)),
                Node::Inner(children) => {
                    let firsts = children.partition_point(|child| child.is_before(bound, members));
                    let at = firsts.saturating_sub(1);
                    let before = children[..at].iter().map(|child| child.count as usize);
                    rank += before.sum::<usize>();
                    node = &children[at].node;
                }
            }
        }
    }

    /// Where an entry is that is there.
    #[inline]
    pub(super) fn locate(&self, at: Ref, members: &impl Members) -> Place<'_> {
        // Where scores are equal the reference tells, and not the name.
        let bound = Bound::of_entry(at, true, members);
        let (leaf, start) = self
            .leaf_before(&bound, members)
            .expect("there are entries");
        let index = leaf.index_of(bound.score, at).expect("the entry is there");
        Place {
            rank: start + index,
            leaf,
            index,
        }
    }
}

/// Entries in order. Nothing is kept but the leaf at each end; the next one is looked up by rank.
pub struct Walk<'a> {
    tree: &'a Tree,
    ranks: Range<usize>,
    front: Option<(&'a Leaf, usize)>,
    back: Option<(&'a Leaf, usize)>,
}

impl<'a> Walk<'a> {
    /// The entry of a rank: of this leaf, or of the one that takes its place.
    #[inline]
    fn entry(tree: &'a Tree, kept: &mut Option<(&'a Leaf, usize)>, rank: usize) -> Option<Ref> {
        if let Some((leaf, start)) = kept
            && let Some(index) = rank.checked_sub(*start)
            && index < leaf.len()
        {
            return Some(leaf.at(index));
        }
        let (leaf, start) = tree.leaf_of(rank)?;
        *kept = Some((leaf, start));
        Some(leaf.at(rank - start))
    }
}

impl Iterator for Walk<'_> {
    type Item = Ref;

    #[inline]
    fn next(&mut self) -> Option<Ref> {
        let rank = self.ranks.next()?;
        Walk::entry(self.tree, &mut self.front, rank)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ranks.size_hint()
    }
}

impl DoubleEndedIterator for Walk<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Ref> {
        let rank = self.ranks.next_back()?;
        Walk::entry(self.tree, &mut self.back, rank)
    }
}

impl ExactSizeIterator for Walk<'_> {}
