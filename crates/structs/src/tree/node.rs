//! Nodes of the counted tree, and what changes them.
//!
//! Changes go down by recursion, a level per call, and put firsts and counts right on the way back.
//! They note how many bytes they allocated and freed.

use std::sync::Arc;

use super::{Change, Edges, Entry, Key, Names};
use crate::size_class::{self, ARC_BYTES};

/// A leaf of 2 KiB, and an inner node of one and a half.
pub(super) const LEAF_MAX: usize = 170;
pub(super) const INNER_MAX: usize = 64;

#[derive(Clone)]
pub(super) enum Node {
    Leaf(Vec<Entry>),
    Inner(Vec<Child>),
}

#[derive(Clone)]
pub(super) struct Child {
    pub(super) first: Entry,
    pub(super) count: u32,
    pub(super) node: Arc<Node>,
}

impl Child {
    fn of(node: Arc<Node>) -> Child {
        Child {
            first: node.first(),
            count: node.count() as u32,
            node,
        }
    }

    fn refresh(&mut self) {
        (self.first, self.count) = (self.node.first(), self.node.count() as u32);
    }
}

impl Node {
    /// A tree of entries in order. `None` if there are none.
    pub(super) fn build(mut entries: impl Iterator<Item = Entry>) -> Option<Node> {
        let mut level: Vec<Node> = Vec::new();
        loop {
            let leaf: Vec<Entry> = entries.by_ref().take(LEAF_MAX).collect();
            if leaf.is_empty() {
                break;
            }
            level.push(Node::Leaf(cut_to_size(leaf)));
        }
        while level.len() > 1 {
            let mut children = level
                .into_iter()
                .map(|node| Child::of(Arc::new(node)))
                .peekable();
            let mut above = Vec::new();
            while children.peek().is_some() {
                let some: Vec<Child> = children.by_ref().take(INNER_MAX - 1).collect();
                above.push(cut_to_size(some));
                // No inner node has one child: the last one goes to the others.
                if children.size_hint().0 == 1 {
                    above
                        .last_mut()
                        .expect("just pushed")
                        .extend(children.next());
                }
            }
            level = above.into_iter().map(Node::Inner).collect();
        }
        level.pop()
    }

    pub(super) fn above(left: Arc<Node>, right: Arc<Node>) -> Node {
        Node::Inner(vec![Child::of(left), Child::of(right)])
    }

    fn first(&self) -> Entry {
        match self {
            Node::Leaf(entries) => entries[0],
            Node::Inner(children) => children[0].first,
        }
    }

    pub(super) fn count(&self) -> usize {
        match self {
            Node::Leaf(entries) => entries.len(),
            Node::Inner(children) => children.iter().map(|child| child.count as usize).sum(),
        }
    }

    fn len(&self) -> usize {
        match self {
            Node::Leaf(entries) => entries.len(),
            Node::Inner(children) => children.len(),
        }
    }

    fn len_max(&self) -> usize {
        match self {
            Node::Leaf(_) => LEAF_MAX,
            Node::Inner(_) => INNER_MAX,
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let own = ARC_BYTES + size_of::<Node>();
        match self {
            Node::Leaf(entries) => own + entries.capacity() * size_of::<Entry>(),
            Node::Inner(children) => own + children.capacity() * size_of::<Child>(),
        }
    }

    pub(super) fn memory_bytes_deep(&self) -> usize {
        let below = match self {
            Node::Leaf(_) => 0,
            Node::Inner(children) => children
                .iter()
                .map(|child| child.node.memory_bytes_deep())
                .sum(),
        };
        self.memory_bytes() + below
    }

    pub(super) fn only_child(&self) -> Option<Arc<Node>> {
        match self {
            Node::Inner(children) if children.len() == 1 => Some(children[0].node.clone()),
            _ => None,
        }
    }

    pub(super) fn into_children(self) -> impl Iterator<Item = Arc<Node>> {
        let children = match self {
            Node::Leaf(_) => Vec::new(),
            Node::Inner(children) => children,
        };
        children.into_iter().map(|child| child.node)
    }

    /// Assert the invariants below and return the number of levels.
    pub(super) fn check(&self, is_root: bool) -> usize {
        assert!(self.len() <= self.len_max());
        match self {
            Node::Leaf(entries) => {
                assert!(!entries.is_empty(), "no leaf is empty");
                1
            }
            Node::Inner(children) => {
                assert!(children.len() > 1 || is_root && !children.is_empty());
                let levels = children[0].node.check(false);
                for child in children {
                    assert_eq!(
                        child.node.check(false),
                        levels,
                        "all leaves are equally deep"
                    );
                    assert_eq!(child.count as usize, child.node.count());
                    assert!(child.first == child.node.first());
                }
                levels + 1
            }
        }
    }
}

/// A node that is about to change, for nobody else to see. Its bytes are taken away until it is
/// done.
fn owned<'a>(node: &'a mut Arc<Node>, change: &mut Change) -> &'a mut Node {
    change.less += node.memory_bytes();
    Arc::make_mut(node)
}

/// Add an entry; return the right half if the node was full.
pub(super) fn insert(
    node: &mut Arc<Node>,
    entry: Entry,
    key: &Key<'_>,
    names: &impl Names,
    edges: Edges,
    change: &mut Change,
) -> Option<Arc<Node>> {
    let node = owned(node, change);
    let right = match node {
        Node::Leaf(entries) => {
            let at = entries.partition_point(|other| key.is_after(other, names));
            let cut = match at {
                LEAF_MAX if edges.right => LEAF_MAX,
                0 if edges.left => 0,
                _ => LEAF_MAX / 2,
            };
            insert_or_split(entries, at, entry, LEAF_MAX, cut).map(Node::Leaf)
        }
        Node::Inner(children) => {
            let last = children.len() - 1;
            let firsts = children.partition_point(|child| key.is_after(&child.first, names));
            let at = firsts.saturating_sub(1);
            let child = &mut children[at];
            let edges = Edges {
                left: edges.left && at == 0,
                right: edges.right && at == last,
            };
            let split = insert(&mut child.node, entry, key, names, edges, change);
            child.first = child.node.first();
            child.count += 1;
            let new = split.map(|right| {
                child.refresh();
                Child::of(right)
            });
            let cut = match at {
                _ if edges.right => INNER_MAX - 1,
                _ if edges.left => 1,
                _ => INNER_MAX / 2,
            };
            let split = new.and_then(|new| insert_or_split(children, at + 1, new, INNER_MAX, cut));
            split.map(Node::Inner)
        }
    };
    change.more += node.memory_bytes();
    let right = right?;
    change.more += right.memory_bytes();
    Some(Arc::new(right))
}

/// Insert an item; if there are `max`, cut there and return what is right of it.
fn insert_or_split<T>(
    items: &mut Vec<T>,
    at: usize,
    item: T,
    max: usize,
    cut: usize,
) -> Option<Vec<T>> {
    if items.len() < max {
        insert_with_room(items, at, item);
        return None;
    }
    let mut right = items.split_off(cut);
    items.shrink_to(size_class::capacity::<T>(items.len() + 1));
    // Behind the last one of a full node begins the next.
    if at > cut || cut == max {
        insert_with_room(&mut right, at - cut, item);
    } else {
        insert_with_room(items, at, item);
    }
    Some(right)
}

/// Insert into a vector that grows through the sizes that allocators keep.
fn insert_with_room<T>(items: &mut Vec<T>, at: usize, item: T) {
    if items.len() == items.capacity() {
        let capacity = size_class::capacity::<T>(items.len() + 1);
        items.reserve_exact(capacity - items.len());
    }
    items.insert(at, item);
}

fn cut_to_size<T>(mut items: Vec<T>) -> Vec<T> {
    items.shrink_to(size_class::capacity::<T>(items.len()));
    items
}

/// Put an entry in the place of another one.
pub(super) fn set(node: &mut Arc<Node>, rank: usize, entry: Entry, change: &mut Change) {
    let node = owned(node, change);
    match node {
        Node::Leaf(entries) => entries[rank] = entry,
        Node::Inner(children) => {
            let (at, rank) = child_of(children, rank);
            set(&mut children[at].node, rank, entry, change);
            children[at].first = children[at].node.first();
        }
    }
    change.more += node.memory_bytes();
}

/// The child that holds a rank, and the rank there.
pub(super) fn child_of(children: &[Child], mut rank: usize) -> (usize, usize) {
    for (at, child) in children.iter().enumerate() {
        if rank < child.count as usize {
            return (at, rank);
        }
        rank -= child.count as usize;
    }
    unreachable!("a rank below the count");
}

/// Take entries out of the leaf that holds a rank, from there on; return how many.
pub(super) fn take(
    node: &mut Arc<Node>,
    rank: usize,
    count: usize,
    each: &mut dyn FnMut(Entry),
    change: &mut Change,
) -> usize {
    let node = owned(node, change);
    let taken = match node {
        Node::Leaf(entries) => {
            let end = rank.saturating_add(count).min(entries.len());
            entries.drain(rank..end).for_each(each);
            // Two sizes too large is one too many, but one may soon be needed again.
            let capacity = size_class::capacity::<Entry>(entries.len() * 5 / 4 + 1);
            entries.shrink_to(capacity);
            end - rank
        }
        Node::Inner(children) => {
            let (at, rank) = child_of(children, rank);
            let child = &mut children[at];
            let taken = take(&mut child.node, rank, count, each, change);
            match child.node.len() {
                0 => {
                    change.less += child.node.memory_bytes();
                    children.remove(at);
                }
                len => {
                    child.count -= taken as u32;
                    child.first = child.node.first();
                    if len < child.node.len_max() / 4 && children.len() > 1 {
                        level(children, at, change);
                    }
                }
            }
            taken
        }
    };
    change.more += node.memory_bytes();
    taken
}

/// A child has become small: let it go together with a neighbour, or share with it.
fn level(children: &mut Vec<Child>, at: usize, change: &mut Change) {
    let left = at.min(children.len() - 2);
    let right = children.remove(left + 1);
    change.less += right.node.memory_bytes();
    let mut right = Arc::unwrap_or_clone(right.node);
    let child = &mut children[left];
    let node = owned(&mut child.node, change);
    let together = node.len() + right.len() <= node.len_max() * 3 / 4;
    match (&mut *node, &mut right) {
        (Node::Leaf(left), Node::Leaf(right)) => share(left, right, together),
        (Node::Inner(left), Node::Inner(right)) => share(left, right, together),
        _ => unreachable!("all leaves are equally deep"),
    }
    change.more += node.memory_bytes();
    child.refresh();
    if right.len() > 0 {
        change.more += right.memory_bytes();
        children.insert(left + 1, Child::of(Arc::new(right)));
    }
}

/// Move items over the border between two neighbours: all to the left, or half to each.
fn share<T>(left: &mut Vec<T>, right: &mut Vec<T>, together: bool) {
    let sum = left.len() + right.len();
    let cut = if together { sum } else { sum / 2 };
    if cut >= left.len() {
        let more = cut - left.len();
        let capacity = size_class::capacity::<T>(cut);
        left.reserve_exact(capacity.saturating_sub(left.len()));
        left.extend(right.drain(..more));
    } else {
        let mut moved = left.split_off(cut);
        moved.reserve_exact(size_class::capacity::<T>(sum - cut) - moved.len());
        moved.append(right);
        *right = moved;
    }
    left.shrink_to(size_class::capacity::<T>(left.len()));
    right.shrink_to(size_class::capacity::<T>(right.len()));
}
