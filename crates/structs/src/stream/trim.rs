//! The old end of a stream is cut off.
//!
//! Whole nodes go first; then, unless an approximate cut will do, entries of the next node are
//! marked. Nodes that go are handed out, so that a long cut is freed in slices.

use super::block::Part;
use super::node::{self, Node};
use super::shelf::Shelf;
use super::{Stream, StreamId};

/// What stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trim {
    /// So many of the newest entries.
    MaxLen(u64),
    /// Entries with this id and above.
    MinId(StreamId),
}

/// How much may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All that does not stay.
    Exact,
    /// Whole nodes only, while no more than this many entries go; `None` for no limit.
    WholeNodes { entries_max: Option<u64> },
}

/// Nodes that were cut off.
pub struct Leftover {
    nodes: Shelf<Part>,
}

impl Stream {
    /// Cut off what does not stay. How many entries went, and what is to be freed.
    pub fn trim(&mut self, trim: Trim, extent: Extent) -> (u64, Leftover) {
        let (nodes, mut removed) = self.whole_nodes(trim, extent);
        let gone = self.nodes.take_front(nodes);
        let bytes = gone
            .iter_from(StreamId::MIN)
            .map(|(_, part)| part.memory_bytes());
        self.node_bytes -= bytes.sum::<usize>();
        self.marks.len -= removed;
        // No block is held by what is left of it.
        if let Some((master, part)) = self.nodes.first()
            && !part.starts_block()
        {
            self.take_apart(master);
        }
        if extent == Extent::Exact {
            removed += self.trim_first_node(trim);
        }
        if removed > 0 {
            self.marks.first_id = self.find_first_id();
        }
        (removed, Leftover { nodes: gone })
    }

    /// How many nodes can go as a whole, and their live entries.
    fn whole_nodes(&self, trim: Trim, extent: Extent) -> (usize, u64) {
        let most = match extent {
            Extent::Exact => u64::MAX,
            Extent::WholeNodes { entries_max } => entries_max.unwrap_or(u64::MAX),
        };
        let (mut nodes, mut removed) = (0, 0);
        for (master, bytes) in self.nodes.iter_from(StreamId::MIN) {
            let node = Node::new(master, bytes);
            let live = node.head().live;
            let goes = match trim {
                Trim::MaxLen(len) => self.marks.len - removed - live >= len,
                Trim::MinId(id) => node.last_id() < id,
            };
            if !goes || removed + live > most {
                break;
            }
            nodes += 1;
            removed += live;
        }
        (nodes, removed)
    }

    /// Mark entries of the first node, which does not go as a whole; or it does, if those that are
    /// not cut off have been removed before.
    fn trim_first_node(&mut self, trim: Trim) -> u64 {
        let Some((master, bytes)) = self.nodes.first() else {
            return 0;
        };
        let live = Node::new(master, bytes).head().live;
        let len = self.marks.len;
        let stays = |id: StreamId, before: u64| match trim {
            Trim::MaxLen(most) => len - before <= most,
            Trim::MinId(least) => id >= least,
        };
        let first = self.iter_from(StreamId::MIN).next();
        if first.is_none_or(|entry| stays(entry.id, 0)) {
            return 0;
        }
        let last = Node::new(master, bytes).walk().last_live_id();
        let marked = if last.is_some_and(|last| stays(last, live - 1)) {
            self.change(master, |bytes| node::mark_front(bytes, master, stays))
        } else {
            self.remove_node(master);
            live
        };
        self.marks.len -= marked;
        marked
    }
}

impl Leftover {
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Free up to so many nodes; true when nothing is left.
    pub fn free_some(&mut self, nodes: usize) -> bool {
        for _ in 0..nodes {
            if self.nodes.pop_back().is_none() {
                break;
            }
        }
        self.nodes.is_empty()
    }
}
