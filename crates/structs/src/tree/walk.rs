//! Looks at a counted tree: by rank, by order, and walks over ranges of ranks.

use std::ops::Range;

use super::node::{Node, child_of};
use super::{Entry, Key, Names, Tree};

impl Tree {
    /// The entry of a rank, counted from zero.
    pub fn get(&self, rank: usize) -> Option<Entry> {
        let (leaf, start) = self.leaf_of(rank)?;
        Some(leaf[rank - start])
    }

    /// How many entries are before this one; `None` if it is not there.
    pub fn rank(&self, score: f64, name: &[u8], names: &impl Names) -> Option<usize> {
        let (rank, _, _) = self.locate(&Key { score, name }, names)?;
        Some(rank)
    }

    /// How many entries from the first on are such as is asked for. All of those must come before
    /// all others: scores below one, for instance, or names up to one where all scores are equal.
    pub fn count_while(&self, mut is_before: impl FnMut(Entry) -> bool) -> usize {
        let Some(mut node) = self.root.as_deref() else {
            return 0;
        };
        let mut count = 0;
        loop {
            match node {
                Node::Leaf(entries) => {
                    return count + entries.partition_point(|entry| is_before(*entry));
                }
                Node::Inner(children) => {
                    let at = children.partition_point(|child| is_before(child.first));
                    let Some(at) = at.checked_sub(1) else {
                        return count;
                    };
                    let before = children[..at].iter().map(|child| child.count as usize);
                    count += before.sum::<usize>();
                    node = &children[at].node;
                }
            }
        }
    }

    /// Walk over a range of ranks, forwards, backwards or from both ends.
    pub fn walk(&self, ranks: Range<usize>) -> Walk<'_> {
        let end = ranks.end.min(self.len);
        Walk {
            tree: self,
            ranks: ranks.start.min(end)..end,
            front: (&[], 0),
            back: (&[], 0),
        }
    }

    /// The leaf that holds a rank, and the rank of its first entry.
    fn leaf_of(&self, rank: usize) -> Option<(&[Entry], usize)> {
        if rank >= self.len {
            return None;
        }
        let (mut node, mut inside) = (self.root.as_deref()?, rank);
        loop {
            match node {
                Node::Leaf(entries) => return Some((entries, rank - inside)),
                Node::Inner(children) => {
                    let (at, below) = child_of(children, inside);
                    (node, inside) = (&children[at].node, below);
                }
            }
        }
    }

    /// The rank of an entry, its leaf and its index there.
    pub(super) fn locate(
        &self,
        key: &Key<'_>,
        names: &impl Names,
    ) -> Option<(usize, &[Entry], usize)> {
        let (mut node, mut rank) = (self.root.as_deref()?, 0);
        loop {
            match node {
                Node::Leaf(entries) => {
                    let at = entries.partition_point(|entry| key.is_after(entry, names));
                    let found = entries.get(at)?;
                    return key
                        .cmp(found, names)
                        .is_eq()
                        .then_some((rank + at, entries, at));
                }
                Node::Inner(children) => {
                    let from =
                        children.partition_point(|child| key.cmp(&child.first, names).is_ge());
                    let at = from.checked_sub(1)?;
                    let before = children[..at].iter().map(|child| child.count as usize);
                    rank += before.sum::<usize>();
                    node = &children[at].node;
                }
            }
        }
    }
}

/// Entries in order. Nothing is kept but the leaf at each end; the next one is looked up by rank.
pub struct Walk<'a> {
    tree: &'a Tree,
    ranks: Range<usize>,
    front: (&'a [Entry], usize),
    back: (&'a [Entry], usize),
}

impl<'a> Walk<'a> {
    /// The entry of a rank: of this leaf, or of the one that takes its place.
    #[inline]
    fn entry(tree: &'a Tree, leaf: &mut (&'a [Entry], usize), rank: usize) -> Option<Entry> {
        let inside = rank.checked_sub(leaf.1).and_then(|at| leaf.0.get(at));
        if inside.is_some() {
            return inside.copied();
        }
        *leaf = tree.leaf_of(rank)?;
        Some(leaf.0[rank - leaf.1])
    }
}

impl Iterator for Walk<'_> {
    type Item = Entry;

    #[inline]
    fn next(&mut self) -> Option<Entry> {
        let rank = self.ranks.next()?;
        Walk::entry(self.tree, &mut self.front, rank)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ranks.size_hint()
    }
}

impl DoubleEndedIterator for Walk<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Entry> {
        let rank = self.ranks.next_back()?;
        Walk::entry(self.tree, &mut self.back, rank)
    }
}

impl ExactSizeIterator for Walk<'_> {}
