//! Nodes of the counted tree, and what changes them.
//!
//! Changes go down by recursion, a level per call, and put firsts and counts right on the way back.
//! They note how many bytes they allocated and freed. An insertion makes room on its way down:
//! whatever is full is split before it is entered.

use std::sync::Arc;

use super::leaf::{EntryMut, LEAF_MAX, Leaf};
use super::{Bound, Change, Members, share};
use crate::arena::Ref;
use crate::size_class::{self, ARC_BYTES};

/// An inner node of three KiB.
pub(super) const INNER_MAX: usize = 64;

#[derive(Clone)]
pub(super) enum Node {
    Leaf(Leaf),
    Inner(Arc<Vec<Child>>),
}

#[derive(Clone)]
pub(super) struct Child {
    pub(super) first: First,
    pub(super) count: u32,
    pub(super) node: Node,
}

/// The first entry below a node.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, packed(4))]
pub(super) struct First {
    pub(super) score: f64,
    pub(super) at: Ref,
}

impl First {
    fn of(at: Ref, members: &impl Members) -> First {
        let score = members.score(at);
        First { score, at }
    }
}

impl Child {
    pub(super) fn of(node: Node, members: &impl Members) -> Child {
        Child {
            first: node.first(members),
            count: node.count() as u32,
            node,
        }
    }

    /// A node above some others.
    pub(super) fn above(children: Vec<Child>) -> Child {
        let count = children.iter().map(|child| child.count).sum();
        Child {
            first: children[0].first,
            count,
            node: Node::Inner(Arc::new(children)),
        }
    }

    /// Is a bound behind the first entry?
    #[inline]
    pub(super) fn is_before(&self, bound: &Bound<'_>, members: &impl Members) -> bool {
        bound.is_behind(self.first.score, self.first.at, members)
    }
}

/// Does a node lie at the left or the right edge of the tree?
#[derive(Clone, Copy)]
pub(super) struct Edges {
    left: bool,
    right: bool,
}

impl Edges {
    const BOTH: Edges = Edges {
        left: true,
        right: true,
    };

    fn of_child(self, at: usize, children: &[Child]) -> Edges {
        Edges {
            left: self.left && at == 0,
            right: self.right && at + 1 == children.len(),
        }
    }
}

impl Node {
    /// A tree of entries in order. `None` if there are none.
    pub(super) fn build(entries: &[Ref], members: &impl Members) -> Option<Node> {
        let is_alone = entries.len() <= LEAF_MAX;
        let leaves = entries.chunks(LEAF_MAX);
        let leaves = leaves.map(|entries| Node::Leaf(Leaf::of(entries, is_alone, members)));
        let mut level: Vec<Node> = leaves.collect();
        while level.len() > 1 {
            let mut children = level.into_iter().map(|node| Child::of(node, members));
            let mut above = Vec::new();
            while children.len() > 0 {
                let mut some = Vec::with_capacity(INNER_MAX);
                some.extend(children.by_ref().take(INNER_MAX - 1));
                // No inner node has one child: the last one goes to the others.
                if children.len() == 1 {
                    some.extend(children.next());
                }
                some.shrink_to(size_class::capacity::<Child>(some.len()));
                above.push(Node::Inner(Arc::new(some)));
            }
            level = above;
        }
        level.pop()
    }

    fn first(&self, members: &impl Members) -> First {
        match self {
            Node::Leaf(leaf) => First::of(leaf.at(0), members),
            Node::Inner(children) => children[0].first,
        }
    }

    pub(super) fn count(&self) -> usize {
        match self {
            Node::Leaf(leaf) => leaf.len(),
            Node::Inner(children) => children.iter().map(|child| child.count as usize).sum(),
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        match self {
            Node::Leaf(leaf) => leaf.memory_bytes(),
            Node::Inner(children) => {
                let own = ARC_BYTES + size_of::<Vec<Child>>();
                own + children.capacity() * size_of::<Child>()
            }
        }
    }

    pub(super) fn memory_bytes_deep(&self) -> usize {
        let below = match self {
            Node::Leaf(_) => &[][..],
            Node::Inner(children) => children,
        };
        let below = below.iter().map(|child| child.node.memory_bytes_deep());
        self.memory_bytes() + below.sum::<usize>()
    }

    /// The children of a node that nobody else holds.
    pub(super) fn into_children(self) -> impl Iterator<Item = Node> {
        let children = match self {
            Node::Leaf(_) => None,
            Node::Inner(children) => Arc::into_inner(children),
        };
        let children = children.into_iter().flatten();
        children.map(|child| child.node)
    }

    /// Assert the invariants below and return the number of levels.
    pub(super) fn check(&self, is_root: bool, members: &impl Members) -> usize {
        let children = match self {
            Node::Leaf(leaf) => {
                leaf.check(is_root, members);
                return 1;
            }
            Node::Inner(children) => children,
        };
        assert!((2..=INNER_MAX).contains(&children.len()));
        let levels = children[0].node.check(false, members);
        for child in children.iter() {
            let below = child.node.check(false, members);
            assert_eq!(below, levels, "all leaves are equally deep");
            assert_eq!(child.count as usize, child.node.count());
            assert!(child.first == child.node.first(members));
        }
        levels + 1
    }
}

/// The children of a node that is about to change, for nobody else to see.
pub(super) fn owned(children: &mut Arc<Vec<Child>>) -> &mut Vec<Child> {
    Arc::make_mut(children)
}

// ---- insertion -----------------------------------------------------------

/// Add an entry below the root, and a level if the root is full.
pub(super) fn insert_at_root(
    root: &mut Node,
    at: Ref,
    members: &impl Members,
    change: &mut Change,
) {
    let is_full = match root {
        Node::Leaf(leaf) => leaf.is_full(),
        Node::Inner(children) => children.len() == INNER_MAX,
    };
    if is_full {
        let above = Node::Inner(Arc::new(vec![Child::of(root.clone(), members)]));
        change.more += above.memory_bytes();
        *root = above;
    }
    let bound = Bound::of_entry(at, false, members);
    insert(root, at, &bound, members, Edges::BOTH, change);
}

/// Add an entry to a node that is not full.
fn insert(
    node: &mut Node,
    at: Ref,
    bound: &Bound<'_>,
    members: &impl Members,
    edges: Edges,
    change: &mut Change,
) {
    change.less += node.memory_bytes();
    match node {
        Node::Leaf(leaf) => leaf.insert(leaf.before(bound, members), bound.score, at),
        Node::Inner(children) => {
            let children = owned(children);
            if let Some(index) = make_room(children, at, bound, members, edges, change) {
                let edges = edges.of_child(index, children);
                let child = &mut children[index];
                insert(&mut child.node, at, bound, members, edges, change);
                child.count += 1;
                // It was sought behind the first entry, unless it is the first one now.
                if index == 0 && !child.is_before(bound, members) {
                    let score = bound.score;
                    child.first = First { score, at };
                }
            }
        }
    }
    change.more += node.memory_bytes();
}

/// The child that a bound belongs to.
#[inline]
fn child_before(children: &[Child], bound: &Bound<'_>, members: &impl Members) -> usize {
    let firsts = children.partition_point(|child| child.is_before(bound, members));
    firsts.saturating_sub(1)
}

/// The child that an entry belongs to, when it has room. None if the entry was added meanwhile: at
/// an edge of the tree it begins the next leaf.
fn make_room(
    children: &mut Vec<Child>,
    at: Ref,
    bound: &Bound<'_>,
    members: &impl Members,
    edges: Edges,
    change: &mut Change,
) -> Option<usize> {
    let index = child_before(children, bound, members);
    let edges = edges.of_child(index, children);
    match &mut children[index].node {
        Node::Leaf(leaf) if leaf.is_full() => {
            let next = match leaf.before(bound, members) {
                LEAF_MAX if edges.right => Some(index + 1),
                0 if edges.left => Some(index),
                _ => None,
            };
            if let Some(next) = next {
                let leaf = Node::Leaf(Leaf::of(&[at], false, members));
                change.more += leaf.memory_bytes();
                insert_with_room(children, next, Child::of(leaf, members));
                return None;
            }
            share::relieve(children, index, members, change);
        }
        Node::Inner(below) if below.len() == INNER_MAX => {
            let cut = match () {
                () if edges.right => INNER_MAX - 2,
                () if edges.left => 2,
                () => INNER_MAX / 2,
            };
            let right = share::split(&mut children[index], cut, change);
            insert_with_room(children, index + 1, right);
        }
        _ => return Some(index),
    }
    Some(child_before(children, bound, members))
}

/// Insert into a vector that grows through the sizes that allocators keep.
pub(super) fn insert_with_room(children: &mut Vec<Child>, at: usize, child: Child) {
    if children.len() == children.capacity() {
        let capacity = size_class::capacity::<Child>(children.len() + 1);
        children.reserve_exact(capacity - children.len());
    }
    children.insert(at, child);
}

// ---- by rank -------------------------------------------------------------

/// Change the entry of a rank, which stays in order.
pub(super) fn change_entry(
    node: &mut Node,
    rank: usize,
    change_to: &mut dyn FnMut(EntryMut<'_>),
    change: &mut Change,
) {
    change.less += node.memory_bytes();
    match node {
        Node::Leaf(leaf) => change_to(leaf.entry_mut(rank)),
        Node::Inner(children) => {
            let children = owned(children);
            let (at, rank) = child_of(children, rank);
            let child = &mut children[at];
            change_entry(&mut child.node, rank, change_to, change);
            if rank == 0 {
                // The score is that of before: a first entry changes its place with its score.
                child.first.at = child.node.first_ref();
            }
        }
    }
    change.more += node.memory_bytes();
}

impl Node {
    fn first_ref(&self) -> Ref {
        match self {
            Node::Leaf(leaf) => leaf.at(0),
            Node::Inner(children) => children[0].first.at,
        }
    }
}

/// The child that holds a rank, and the rank there.
#[inline]
pub(super) fn child_of(children: &[Child], mut rank: usize) -> (usize, usize) {
    for (at, child) in children.iter().enumerate() {
        if rank < child.count as usize {
            return (at, rank);
        }
        rank -= child.count as usize;
    }
    unreachable!("a rank below the count");
}

/// Take entries out of the leaf that holds a rank, from there on; return how many. Levels that are
/// not needed any more go.
pub(super) fn take_at_root(
    root: &mut Node,
    rank: usize,
    count: usize,
    members: &impl Members,
    each: &mut dyn FnMut(Ref),
    change: &mut Change,
) -> usize {
    let taken = take(root, rank, count, members, each, change);
    while let Node::Inner(children) = root
        && children.len() == 1
    {
        let only = children[0].node.clone();
        change.less += root.memory_bytes();
        *root = only;
    }
    if let Node::Leaf(leaf) = root {
        change.less += leaf.memory_bytes();
        leaf.cut_to_size();
        change.more += leaf.memory_bytes();
    }
    taken
}

fn take(
    node: &mut Node,
    rank: usize,
    count: usize,
    members: &impl Members,
    each: &mut dyn FnMut(Ref),
    change: &mut Change,
) -> usize {
    change.less += node.memory_bytes();
    let taken = match node {
        Node::Leaf(leaf) => leaf.take(rank, count, each),
        Node::Inner(children) => {
            let children = owned(children);
            let (at, rank) = child_of(children, rank);
            let child = &mut children[at];
            let taken = take(&mut child.node, rank, count, members, each, change);
            child.count -= taken as u32;
            if child.count == 0 {
                change.less += child.node.memory_bytes();
                children.remove(at);
            } else {
                if rank == 0 {
                    child.first = child.node.first(members);
                }
                share::level(children, at, members, change);
            }
            taken
        }
    };
    change.more += node.memory_bytes();
    taken
}
