//! Memory that nobody needs any more and that takes long to free.
//!
//! ```text
//!   DEL, expiry, FLUSHALL ... ─► Garbage ─► Host::discard ─► Freeing ─ step ─ step ─ ... ─► gone
//! ```
//!
//! Freeing five million members touches every page of them, and where memory goes
//! back to the system everybody waits for its maps. So whoever removes something
//! large hands it over, and the host frees it, where nobody waits, by slices.
//!
//! A large value that a snapshot, a reply on its way or a copy holds too is freed by
//! whoever lets go of it last. They all hand it over instead of dropping it.

use std::sync::Arc;

use store::{Block, Entry, Large, PackedView, Ruin, StringView, Table, ValueView};

use crate::transaction::Transaction;

/// Something to be freed.
pub enum Garbage {
    Table(Box<Table>),
    Block(Block),
    Large(Arc<Large>),
    /// What a client queued after MULTI and will never run.
    Queue(Box<Transaction>),
}

/// Memory of this size goes back to the system when freed, which takes its time.
pub(crate) const SLOW_TO_FREE_BYTES: usize = 256 * 1024;

impl Garbage {
    /// What an entry that is about to go should not free by itself.
    pub(crate) fn of(entry: Entry<'_>) -> Option<Garbage> {
        let block = match entry.value() {
            ValueView::String(StringView::Block(block))
            | ValueView::Packed(_, PackedView::Block(block)) => block,
            ValueView::Large(large) => return Some(Garbage::Large(large.share())),
            _ => return None,
        };
        (block.bytes().capacity() >= SLOW_TO_FREE_BYTES).then(|| Garbage::Block(block.share()))
    }

    /// A share of a large value that is let go of: nothing, unless it is the last.
    pub(crate) fn if_last(large: Arc<Large>) -> Option<Garbage> {
        let large = Arc::into_inner(large)?;
        Some(Garbage::Large(Arc::new(large)))
    }

    /// How many things it is, for INFO.
    pub fn objects(&self) -> u64 {
        match self {
            Garbage::Table(table) => table.len() as u64,
            Garbage::Block(_) | Garbage::Large(_) => 1,
            Garbage::Queue(queue) => queue.len() as u64,
        }
    }
}

/// Garbage on its way out. Dropping it frees the rest.
pub struct Freeing(Rest);

enum Rest {
    Large(Large),
    Table(Ruin),
    Nothing,
}

impl Freeing {
    /// What is one piece of memory is freed here; of what others hold too, a count.
    pub fn begin(garbage: Garbage) -> Freeing {
        Freeing(match garbage {
            Garbage::Large(large) => Arc::into_inner(large).map_or(Rest::Nothing, Rest::Large),
            Garbage::Table(table) => Rest::Table(Ruin::of(table)),
            Garbage::Block(_) | Garbage::Queue(_) => Rest::Nothing,
        })
    }

    /// Free up to so many pages of some KiB. True when nothing is left.
    pub fn step(&mut self, pages: usize) -> bool {
        let is_done = match &mut self.0 {
            Rest::Large(large) => large.free_some(pages),
            Rest::Table(ruin) => ruin.free_some(pages),
            Rest::Nothing => true,
        };
        if is_done {
            self.0 = Rest::Nothing;
        }
        is_done
    }
}
