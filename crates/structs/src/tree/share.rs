//! How the nodes of the counted tree share: what is full with its neighbours, and what is small.
//!
//! ```text
//!   full, a neighbour has room   │██████│███   │          ─►  │████▌ │████▌ │
//!   all three are full           │██████│██████│██████│   ─►  │████▌ │████▌ │████▌ │████▌ │
//!   little is in two             │██    │███   │          ─►  │█████ │
//! ```
//!
//! So leaves are more than four fifths full when entries come in no order, where splitting each for
//! itself would leave them at two thirds. Leaves that share are written anew, which copies on write
//! as well.

use std::ops::Range;

use super::leaf::{LEAF_MAX, Leaf, Part};
use super::node::{Child, INNER_MAX, Node, insert_with_room, owned};
use super::{Change, Members};
use crate::size_class;

/// A neighbour with more entries is not worth to be shared with.
const SHARED_MAX: usize = LEAF_MAX - LEAF_MAX / 8;

/// Make room in a full leaf.
pub(super) fn relieve(
    children: &mut Vec<Child>,
    at: usize,
    members: &impl Members,
    change: &mut Change,
) {
    let least = neighbour(children, at);
    if let Some(least) = least.filter(|least| children[*least].count as usize <= SHARED_MAX) {
        distribute(children, pair(at, least), 2, members, change);
        return;
    }
    let range = at.saturating_sub(1)..(at + 2).min(children.len());
    let leaves = range.len() + 1;
    distribute(children, range, leaves, members, change);
}

/// Something was taken from a child that is not empty: let it go together with a neighbour if they
/// are small.
pub(super) fn level(
    children: &mut Vec<Child>,
    at: usize,
    members: &impl Members,
    change: &mut Change,
) {
    let Some(least) = neighbour(children, at) else {
        return;
    };
    match &children[at].node {
        Node::Leaf(leaf) => {
            let together = leaf.len() + children[least].count as usize;
            if leaf.len() < LEAF_MAX / 2 && together <= SHARED_MAX {
                distribute(children, pair(at, least), 1, members, change);
            } else if leaf.len() < LEAF_MAX / 4 {
                distribute(children, pair(at, least), 2, members, change);
            }
        }
        Node::Inner(below) if below.len() < INNER_MAX / 4 => {
            level_inner(children, at.min(children.len() - 2), change);
        }
        Node::Inner(_) => {}
    }
}

/// The neighbour with fewer entries.
fn neighbour(children: &[Child], at: usize) -> Option<usize> {
    let left = at.checked_sub(1);
    let right = (at + 1 < children.len()).then_some(at + 1);
    left.into_iter()
        .chain(right)
        .min_by_key(|at| children[*at].count)
}

fn pair(one: usize, other: usize) -> Range<usize> {
    one.min(other)..one.max(other) + 1
}

/// Distribute the entries of some leaves to so many.
fn distribute(
    children: &mut Vec<Child>,
    range: Range<usize>,
    leaves: usize,
    members: &impl Members,
    change: &mut Change,
) {
    let old = children[range.clone()].iter().map(|child| {
        change.less += child.node.memory_bytes();
        match &child.node {
            Node::Leaf(leaf) => leaf,
            Node::Inner(_) => unreachable!("all leaves are equally deep"),
        }
    });
    let old: Vec<&Leaf> = old.collect();
    let sum: usize = old.iter().map(|leaf| leaf.len()).sum();
    let share = |i| sum * i / leaves;
    let new = (0..leaves).map(|i| {
        let leaf = Leaf::of_parts(&parts(&old, share(i)..share(i + 1)), members);
        change.more += leaf.memory_bytes();
        Child::of(Node::Leaf(leaf), members)
    });
    let mut new = new.collect::<Vec<Child>>().into_iter();
    for at in range.clone() {
        match new.next() {
            Some(child) => children[at] = child,
            None => drop(children.remove(range.start + leaves)),
        }
    }
    for (more, child) in new.enumerate() {
        insert_with_room(children, range.end + more, child);
    }
}

/// Where the entries of a range lie, counted through some leaves.
fn parts<'a>(leaves: &[&'a Leaf], entries: Range<usize>) -> Vec<Part<'a>> {
    let mut passed = 0;
    let part = |leaf: &&'a Leaf| {
        let start = entries.start.max(passed) - passed;
        let end = entries.end.clamp(passed, passed + leaf.len()) - passed;
        passed += leaf.len();
        let range = start..end;
        (start < end).then_some(Part { leaf, range })
    };
    leaves.iter().filter_map(part).collect()
}

// ---- inner nodes ---------------------------------------------------------

/// Cut a full inner node in two; return what is right of the cut.
pub(super) fn split(child: &mut Child, cut: usize, change: &mut Change) -> Child {
    change.less += child.node.memory_bytes();
    let below = inner(&mut child.node);
    let right = Child::above(below.split_off(cut));
    below.shrink_to(size_class::capacity::<Child>(below.len() + 1));
    child.count -= right.count;
    change.more += child.node.memory_bytes() + right.node.memory_bytes();
    right
}

/// An inner node or its right neighbour is small: all go to the left one, or half to each.
fn level_inner(children: &mut Vec<Child>, at: usize, change: &mut Change) {
    let mut right = children.remove(at + 1);
    let left = &mut children[at];
    change.less += left.node.memory_bytes() + right.node.memory_bytes();
    let below = inner(&mut left.node);
    below.append(inner(&mut right.node));
    left.count += right.count;
    let half = (below.len() > INNER_MAX * 3 / 4).then(|| below.split_off(below.len() / 2));
    below.shrink_to(size_class::capacity::<Child>(below.len()));
    change.more += left.node.memory_bytes();
    if let Some(half) = half {
        let right = Child::above(half);
        left.count -= right.count;
        change.more += right.node.memory_bytes();
        children.insert(at + 1, right);
    }
}

/// The children of an inner node, for nobody else to see.
fn inner(node: &mut Node) -> &mut Vec<Child> {
    match node {
        Node::Inner(children) => owned(children),
        Node::Leaf(_) => unreachable!("all leaves are equally deep"),
    }
}
