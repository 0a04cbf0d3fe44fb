//! A stream: entries by ascending ids, and the groups that read them.
//!
//! ```text
//!   Stream ── nodes   shelf of ids ─► listpack of some 100 entries (node.rs), counted
//!          ├─ groups  by name, counted (group.rs)
//!          └─ length, last id, first id, greatest id removed, entries ever added
//! ```
//!
//! A node's listpack and id are those of Redis, so that saving and loading copies them. Nodes and
//! pages are copied when they are written to while somebody else holds them. Each node is full but
//! for the last, as new entries have ids above all others; full ones share blocks of memory
//! (block.rs).
//!
//! Invariants: no node is without a live entry; the length is the sum of live entries; the first id
//! is that of the first live entry, and 0-0 if there is none. Checked by [`Stream::check`].
//!
//! Refused: to know what an id looks like as text, or which one comes next. Whoever adds an entry
//! gives it an id above the last.

mod block;
mod check;
mod group;
mod id;
mod iter;
mod node;
mod shelf;
#[cfg(test)]
mod tests;
mod trim;

use std::sync::Arc;

use crate::flaw::Flaw;
use block::Part;
use node::Node;
use shelf::Shelf;

pub use group::{Consumer, ConsumerIndex, Group, Pending};
pub use id::StreamId;
pub use iter::{EntriesBackward, EntriesForward};
pub use node::{Entry, Fields};
pub use shelf::{Backward, Forward, Shelf as IdShelf};
pub use trim::{Extent, Leftover, Trim};

/// Entries and groups.
#[derive(Clone, Default)]
pub struct Stream {
    nodes: Shelf<Part>,
    /// What the nodes take, without the shelf.
    node_bytes: usize,
    marks: Marks,
    /// In the order of names.
    groups: Vec<Arc<Group>>,
    group_bytes: usize,
}

/// What a stream knows about itself besides its entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    pub len: u64,
    /// The greatest id that was ever given.
    pub last_id: StreamId,
    /// Of the first entry; 0-0 if there is none.
    pub first_id: StreamId,
    /// The greatest id that was removed by name.
    pub max_deleted_id: StreamId,
    /// How many entries were ever added.
    pub entries_added: u64,
}

/// How much goes into one node: `stream-node-max-bytes` and `stream-node-max-entries`, 0 for no
/// limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeLimit {
    pub bytes: usize,
    pub entries: u64,
}

/// No node is longer than this.
const NODE_BYTES_MAX: usize = 1 << 30;

impl Stream {
    pub fn new() -> Stream {
        Stream::default()
    }

    pub fn len(&self) -> u64 {
        self.marks.len
    }

    pub fn is_empty(&self) -> bool {
        self.marks.len == 0
    }

    pub fn marks(&self) -> Marks {
        self.marks
    }

    /// What XSETID sets.
    pub fn set_last_id(&mut self, last_id: StreamId) {
        self.marks.last_id = last_id;
    }

    pub fn set_entries_added(&mut self, entries_added: u64) {
        self.marks.entries_added = entries_added;
    }

    pub fn set_max_deleted_id(&mut self, id: StreamId) {
        self.marks.max_deleted_id = id;
    }

    /// What is allocated for it, shared or not.
    pub fn memory_bytes(&self) -> usize {
        let row = self.groups.capacity() * size_of::<Arc<Group>>();
        self.nodes.memory_bytes() + self.node_bytes + row + self.group_bytes
    }

    // ---- entries ---------------------------------------------------------

    /// Append an entry. Its id must be above the last.
    pub fn add<'f>(
        &mut self,
        id: StreamId,
        fields: impl ExactSizeIterator<Item = (&'f [u8], &'f [u8])> + Clone,
        limit: NodeLimit,
    ) {
        assert!(id > self.marks.last_id, "ids ascend");
        let text_bytes: usize = fields
            .clone()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        match self.nodes.last() {
            Some((master, bytes)) if limit.admits(Node::new(master, bytes), text_bytes) => {
                self.change(master, |bytes| node::append(bytes, master, id, fields));
            }
            _ => self.insert_node(id, node::create(fields)),
        }
        let marks = &mut self.marks;
        if marks.len == 0 {
            marks.first_id = id;
        }
        marks.len += 1;
        marks.entries_added = marks.entries_added.saturating_add(1);
        marks.last_id = id;
    }

    pub fn get(&self, id: StreamId) -> Option<Entry<'_>> {
        let (master, bytes) = self.nodes.iter_back_from(id).next()?;
        Some(Node::new(master, bytes).find(id)?.entry)
    }

    /// The entry with the greatest id.
    pub fn last(&self) -> Option<Entry<'_>> {
        self.iter_back_from(StreamId::MAX).next()
    }

    /// The greatest id that a node still has, be its entry removed. No last id may be below it.
    pub fn last_kept_id(&self) -> Option<StreamId> {
        let (master, bytes) = self.nodes.last()?;
        Some(Node::new(master, bytes).last_id())
    }

    /// Remove an entry by its id; was it there?
    pub fn remove(&mut self, id: StreamId) -> bool {
        let Some((master, bytes)) = self.nodes.iter_back_from(id).next() else {
            return false;
        };
        let node = Node::new(master, bytes);
        if node.find(id).is_none() {
            return false;
        }
        if node.head().live == 1 {
            self.remove_node(master);
        } else {
            self.change(master, |bytes| node::mark(bytes, master, id));
        }
        self.marks.len -= 1;
        self.marks.max_deleted_id = self.marks.max_deleted_id.max(id);
        if id == self.marks.first_id || self.marks.len == 0 {
            self.marks.first_id = self.find_first_id();
        }
        true
    }

    // ---- groups ----------------------------------------------------------

    /// In the order of their names.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = &Group> {
        self.groups.iter().map(|group| &**group)
    }

    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        let at = self.search_group(name).ok()?;
        Some(&self.groups[at])
    }

    /// False if there is one of this name.
    pub fn add_group(&mut self, group: Group) -> bool {
        let Err(at) = self.search_group(group.name()) else {
            return false;
        };
        self.group_bytes += group.memory_bytes();
        self.groups.insert(at, Arc::new(group));
        true
    }

    /// Take a group out, to be freed at leisure.
    pub fn remove_group(&mut self, name: &[u8]) -> Option<Arc<Group>> {
        let at = self.search_group(name).ok()?;
        let group = self.groups.remove(at);
        self.group_bytes -= group.memory_bytes();
        Some(group)
    }

    /// Change a group, which is copied if somebody else holds it.
    pub fn change_group<R>(
        &mut self,
        name: &[u8],
        change: impl FnOnce(&mut Group) -> R,
    ) -> Option<R> {
        let at = self.search_group(name).ok()?;
        let group = &mut self.groups[at];
        self.group_bytes -= group.memory_bytes();
        let group = Arc::make_mut(group);
        let result = change(group);
        self.group_bytes += group.memory_bytes();
        Some(result)
    }

    fn search_group(&self, name: &[u8]) -> Result<usize, usize> {
        self.groups.binary_search_by(|group| group.name().cmp(name))
    }

    // ---- saving and loading ----------------------------------------------

    /// The nodes with their ids, as they are saved.
    pub fn nodes(&self) -> impl Iterator<Item = (StreamId, &[u8])> {
        let nodes = self.nodes.iter_from(StreamId::MIN);
        nodes.map(|(master, bytes)| (master, &**bytes))
    }

    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Append a node that somebody saved, if it is sound and comes behind all others. One without
    /// a live entry is not kept.
    pub fn push_node(&mut self, master: StreamId, bytes: Vec<u8>) -> Result<(), Flaw> {
        let last = self.nodes.last();
        let floor = last.map(|(master, bytes)| Node::new(master, bytes).last_id());
        let facts = check::check(&bytes, master, floor)?;
        if floor >= Some(master) {
            return Err(Flaw::new(
                0,
                "a stream's node with an id that is not above the one before",
            ));
        }
        if facts.live > 0 {
            self.insert_node(master, bytes);
            self.marks.len += facts.live;
            self.marks.entries_added = self.marks.len;
            if self.nodes.len() == 1 {
                self.marks.first_id = self.find_first_id();
            }
        }
        self.marks.last_id = self.marks.last_id.max(facts.last_id);
        Ok(())
    }

    /// Set what was saved beside the nodes, once these are there. The length must be theirs, and no
    /// entry above the last id; the first id is what the nodes say, as old files do not tell it.
    pub fn restore_marks(&mut self, marks: Marks) -> Result<(), Flaw> {
        if marks.len != self.marks.len {
            return Err(Flaw::new(0, "a stream's length that is not its length"));
        }
        if marks.last_id < self.marks.last_id {
            return Err(Flaw::new(
                0,
                "a stream's last id that is below its last entry",
            ));
        }
        let first_id = self.marks.first_id;
        self.marks = Marks { first_id, ..marks };
        Ok(())
    }

    // ---- the end ---------------------------------------------------------

    /// Free up to so many nodes, or pages of what is pending; true when nothing is left.
    pub fn free_some(&mut self, pages: usize) -> bool {
        if let Some(group) = self.groups.last_mut() {
            self.group_bytes -= group.memory_bytes();
            // A group that somebody else holds is freed by them.
            let is_over = Arc::get_mut(group).is_none_or(|group| group.free_some(pages));
            self.group_bytes += group.memory_bytes();
            if is_over {
                self.group_bytes -= group.memory_bytes();
                self.groups.pop();
            }
            return false;
        }
        self.groups = Vec::new();
        for _ in 0..pages {
            if let Some((master, bytes)) = self.nodes.pop_back() {
                self.node_bytes -= bytes.memory_bytes();
                self.marks.len -= Node::new(master, &bytes).head().live;
            }
        }
        if self.nodes.is_empty() {
            self.nodes = Shelf::new();
        }
        self.nodes.is_empty()
    }

    /// Assert the invariants.
    pub fn check(&self) {
        self.nodes.check();
        let (mut len, mut bytes, mut last) = (0, 0, None);
        let mut before: Option<&Part> = None;
        for (master, node) in self.nodes.iter_from(StreamId::MIN) {
            assert!(before.map_or(node.starts_block(), |before| before.precedes(node)));
            before = Some(node);
            let facts = check::check(node, master, last).expect("a sound node");
            assert!(facts.live > 0, "a node without a live entry");
            last = Some(facts.last_id);
            len += facts.live;
            bytes += node.memory_bytes();
        }
        assert!(before.is_none_or(Part::ends_block));
        assert_eq!((self.marks.len, self.node_bytes), (len, bytes));
        assert_eq!(self.marks.first_id, self.find_first_id());
        assert!(last <= Some(self.marks.last_id));
        self.groups().for_each(Group::check);
        let bytes: usize = self.groups().map(Group::memory_bytes).sum();
        assert_eq!(self.group_bytes, bytes);
        assert!(
            self.groups()
                .is_sorted_by(|one, next| one.name() < next.name())
        );
    }

    fn find_first_id(&self) -> StreamId {
        let first = self.iter_from(StreamId::MIN).next();
        first.map_or(StreamId::MIN, |entry| entry.id)
    }

    // ---- nodes -----------------------------------------------------------

    /// Change a node, which is copied if somebody else holds it.
    fn change<R>(&mut self, master: StreamId, change: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        self.take_apart(master);
        self.update(master, |part| part.change(change))
    }

    /// Append a node. The one that was last is full now and stays as it is.
    fn insert_node(&mut self, master: StreamId, bytes: Vec<u8>) {
        self.seal_last();
        let part = Part::alone(bytes);
        self.node_bytes += part.memory_bytes();
        self.nodes.insert(master, part);
    }

    fn remove_node(&mut self, master: StreamId) {
        self.take_apart(master);
        let part = self.nodes.remove(master).expect("a node");
        self.node_bytes -= part.memory_bytes();
    }

    /// Give back room that the last node does not use, or join it with those before.
    fn seal_last(&mut self) {
        let Some((last, part)) = self.nodes.last() else {
            return;
        };
        if part.has_room() {
            self.update(last, |part| part.change(copied_tight));
        }
        let is_waiting = |part: &Part| part.is_alone() && !block::fills_a_class(part.len());
        let back = self.nodes.iter_back_from(StreamId::MAX);
        let waiting = back.take_while(|(_, part)| is_waiting(part));
        let mut waiting: Vec<(StreamId, Part)> = waiting
            .take(block::PARTS_MAX)
            .map(|(master, part)| (master, part.clone()))
            .collect();
        waiting.reverse();
        let (masters, parts): (Vec<StreamId>, Vec<Part>) = waiting.into_iter().unzip();
        let lens: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        if let Some(range) = block::worth_joining(&lens) {
            let joined = Part::joined(&parts[range.clone()]);
            for (master, joined) in masters[range].iter().zip(joined) {
                self.update(*master, |part| *part = joined);
            }
        }
    }

    /// Give a node, and all that share its block, a block of its own.
    fn take_apart(&mut self, master: StreamId) {
        let part = self.nodes.get(master).expect("a node");
        if part.is_alone() {
            return;
        }
        let shares = |(_, other): &(StreamId, &Part)| other.shares_with(part);
        let before = self.nodes.iter_back_from(master).take_while(shares);
        let behind = self.nodes.iter_from(master).skip(1).take_while(shares);
        let all: Vec<StreamId> = before.chain(behind).map(|(master, _)| master).collect();
        for master in all {
            self.update(master, |part| *part = Part::alone(part.to_vec()));
        }
    }

    fn update<R>(&mut self, master: StreamId, change: impl FnOnce(&mut Part) -> R) -> R {
        let (result, before, after) = self
            .nodes
            .update(master, |part| {
                let before = part.memory_bytes();
                let result = change(part);
                (result, before, part.memory_bytes())
            })
            .expect("a node");
        self.node_bytes = self.node_bytes - before + after;
        result
    }
}

impl NodeLimit {
    /// Has a node room for an entry with so much text?
    fn admits(self, node: Node<'_>, text_bytes: usize) -> bool {
        let most = match self.bytes {
            0 => NODE_BYTES_MAX,
            bytes => bytes.min(NODE_BYTES_MAX),
        };
        if node.len_bytes() + text_bytes >= most {
            return false;
        }
        let head = node.head();
        self.entries == 0 || head.live + head.deleted < self.entries
    }
}

impl Default for NodeLimit {
    fn default() -> NodeLimit {
        NodeLimit {
            bytes: 4096,
            entries: 100,
        }
    }
}

/// Give back room that is not used. Shrinking in place is not enough: allocators leave a block that
/// loses less than half of itself where it is.
fn copied_tight(bytes: &mut Vec<u8>) {
    *bytes = bytes.as_slice().to_vec();
}
