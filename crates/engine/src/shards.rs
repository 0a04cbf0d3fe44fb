//! All shards of an engine, and the set of them that a thread is inside of.
//!
//! ```text
//!   hash  1011......   top bits = shard        Held:  one ─► shard 11
//!                                                     or many, ascending: 2, 5, 11
//! ```
//!
//! The rule against deadlock is one sentence: shards are entered in ascending
//! order, and a thread that needs a lower one first leaves all. [`Held`] makes
//! it impossible to break: it enters whole sets only.

#![allow(unsafe_code)]

#[cfg(feature = "sabotage")]
pub(crate) mod sabotage;

use std::ptr::NonNull;
use std::sync::Arc;

use store::{KeyHasher, Table};

use crate::lock::{Entrants, Lock};
use crate::waits::{Tally, Waits};
use crate::watch::Watches;

/// One shard: its keys, who watches them and who waits for them.
pub struct Shard {
    pub keys: store::Shard,
    pub watches: Watches,
    pub waits: Waits,
}

impl Shard {
    /// Does anybody want to hear of what changes here?
    #[inline]
    pub(crate) fn is_attended(&self) -> bool {
        !self.watches.is_empty() || !self.waits.is_empty()
    }
}

/// The shards of one engine.
pub struct Shards {
    // Neighbouring locks must not share a cache line.
    locks: Box<[Padded]>,
    bits: u32,
    databases: usize,
    #[cfg(feature = "sabotage")]
    switch: sabotage::Switch,
}

#[repr(align(128))]
struct Padded(Lock<Shard>);

impl Shards {
    /// `1 << bits` shards of so many databases.
    pub(crate) fn new(
        hasher: KeyHasher,
        bits: u32,
        databases: usize,
        entrants: Entrants,
        waiting: &Arc<Tally>,
    ) -> Shards {
        let shard = |index| {
            Padded(Lock::new(
                entrants,
                Shard {
                    keys: store::Shard::new(hasher, bits, index, databases),
                    watches: Watches::default(),
                    waits: Waits::new(waiting.clone()),
                },
            ))
        };
        Shards {
            locks: (0..1 << bits).map(shard).collect(),
            bits,
            databases,
            #[cfg(feature = "sabotage")]
            switch: sabotage::Switch::default(),
        }
    }

    pub fn len(&self) -> usize {
        self.locks.len()
    }

    pub fn databases(&self) -> usize {
        self.databases
    }

    /// The shard that a key's hash belongs to.
    #[inline]
    pub fn of(&self, hash: u64) -> usize {
        if self.bits == 0 {
            0
        } else {
            (hash >> (64 - self.bits)) as usize
        }
    }

    /// The shard that a scan at this cursor goes on in.
    pub fn of_cursor(&self, cursor: u64) -> usize {
        self.of(cursor << (64 - Table::CURSOR_BITS))
    }

    /// The cursor behind the last key of a shard, unless no shard follows it.
    pub fn cursor_behind(&self, index: usize) -> Option<u64> {
        let next = index + 1;
        (next < self.len()).then(|| (next as u64) << (Table::CURSOR_BITS - self.bits))
    }
}

/// The shards that this thread is inside of.
pub struct Held {
    shards: Arc<Shards>,
    /// By shard: where it is, if held.
    inside: Vec<Option<NonNull<Shard>>>,
    /// The held ones, ascending.
    held: Vec<u32>,
}

// SAFETY: a set that is inside of something stays on its thread, because the
// executor that owns it leaves everything before its turn ends; between turns
// the set is empty, and an empty set is just a list.
unsafe impl Send for Held {}

impl Held {
    pub(crate) fn new(shards: Arc<Shards>) -> Held {
        Held {
            inside: vec![None; shards.len()],
            held: Vec::new(),
            shards,
        }
    }

    /// Be inside exactly this shard. Free if it is so already.
    #[inline]
    pub fn one(&mut self, index: usize) {
        if self.holds_only(index) {
            return;
        }
        self.none();
        self.enter(index);
    }

    /// Is this shard held, and no other?
    #[inline]
    pub fn holds_only(&self, index: usize) -> bool {
        matches!(self.held[..], [only] if only as usize == index)
    }

    /// Be inside exactly these shards; the list is sorted and cleaned of
    /// doubles on the way.
    pub fn many(&mut self, wanted: &mut Vec<u32>) {
        #[cfg(feature = "sabotage")]
        if self.many_in_key_order(wanted) {
            return;
        }
        wanted.sort_unstable();
        wanted.dedup();
        if self.held == *wanted {
            return;
        }
        self.none();
        for &index in wanted.iter() {
            self.enter(index as usize);
        }
    }

    pub fn all(&mut self) {
        if self.held.len() < self.shards.len() {
            self.none();
            (0..self.shards.len()).for_each(|index| self.enter(index));
        }
    }

    /// Leave everything.
    #[inline]
    pub fn none(&mut self) {
        while let Some(index) = self.held.pop() {
            self.inside[index as usize] = None;
            // SAFETY: entered by `enter`, and the pointer to it is gone.
            unsafe { self.shards.locks[index as usize].0.leave() };
        }
    }

    pub fn holds_all(&self) -> bool {
        self.held.len() == self.shards.len()
    }

    pub(crate) fn holds(&self, index: usize) -> bool {
        self.inside[index].is_some()
    }

    /// A shard that is held; panics otherwise, since a handler then touches
    /// what its key specs do not name.
    #[inline]
    pub fn shard(&mut self, index: usize) -> &mut Shard {
        #[cfg(feature = "sabotage")]
        self.move_if_skipped(index);
        let at = self.inside[index].expect("a command touches only shards that it locked");
        // SAFETY: this thread is inside, so nobody else reaches the shard, and
        // `self` is borrowed mutably as long as the reference lives.
        unsafe { &mut *at.as_ptr() }
    }

    #[inline]
    fn enter(&mut self, index: usize) {
        #[cfg(not(feature = "sabotage"))]
        debug_assert!(self.held.last().is_none_or(|&last| (last as usize) < index));
        self.inside[index] = Some(self.shards.locks[index].0.enter());
        self.held.push(index as u32);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.none();
    }
}
