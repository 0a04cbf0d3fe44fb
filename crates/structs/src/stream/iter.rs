//! The live entries of a stream from some id on, in either direction.

use super::block::Part;
use super::node::{Entry, Node, Walk};
use super::shelf::{Backward, Forward};
use super::{Stream, StreamId};

/// Entries towards the greatest id.
#[derive(Clone)]
pub struct EntriesForward<'a> {
    nodes: Forward<'a, Part>,
    walk: Option<Walk<'a>>,
    from: StreamId,
}

/// Entries towards the least id.
#[derive(Clone)]
pub struct EntriesBackward<'a> {
    nodes: Backward<'a, Part>,
    walk: Option<Walk<'a>>,
    from: StreamId,
}

impl Stream {
    /// The entries from this id on.
    pub fn iter_from(&self, from: StreamId) -> EntriesForward<'_> {
        // The one before may reach up to the id.
        let start = self.nodes.iter_back_from(from).next();
        EntriesForward {
            nodes: self
                .nodes
                .iter_from(start.map_or(from, |(master, _)| master)),
            walk: None,
            from,
        }
    }

    /// The entries up to this id, the greatest first.
    pub fn iter_back_from(&self, from: StreamId) -> EntriesBackward<'_> {
        EntriesBackward {
            nodes: self.nodes.iter_back_from(from),
            walk: None,
            from,
        }
    }
}

impl<'a> Iterator for EntriesForward<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let step = self.walk.as_mut().and_then(Walk::step);
            match step {
                Some(found) if found.is_deleted || found.entry.id < self.from => {}
                Some(found) => return Some(found.entry),
                None => {
                    let (master, bytes) = self.nodes.next()?;
                    self.walk = Some(Node::new(master, bytes).walk());
                }
            }
        }
    }
}

impl<'a> Iterator for EntriesBackward<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let step = self.walk.as_mut().and_then(Walk::step_back);
            match step {
                Some(found) if found.is_deleted || found.entry.id > self.from => {}
                Some(found) => return Some(found.entry),
                None => {
                    let (master, bytes) = self.nodes.next()?;
                    self.walk = Some(Node::new(master, bytes).walk());
                }
            }
        }
    }
}
