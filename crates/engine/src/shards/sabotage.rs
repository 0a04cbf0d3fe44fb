//! Deliberate mistakes in locking, to show that the tests would notice one.
//!
//! A check that never fails proves nothing until it has been seen to fail.
//! This file and the few lines that call it exist only with the feature
//! `sabotage`, which nothing turns on but `tests/sabotage`; no other build
//! has a trace of them.
//!
//! The mistakes break what locking is for, not what it is made of: whatever
//! shard is touched is held at that moment, so memory stays sound, but what
//! should be one moment is several, or two threads wait for each other.

use std::sync::atomic::{AtomicU8, Ordering};

use store::Key;

use super::Held;
use crate::commands::{Command, KeyShape};
use crate::ctx::Ctx;
use crate::engine::Engine;

/// A mistake that an engine can be told to make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Sabotage {
    #[default]
    None,
    /// A command on several keys locks the first one's shard only, and moves
    /// to the others' when it gets there. This is done to commands that take
    /// one key after the other (MSET, MGET, DEL ...): the rest remember where
    /// a key was, which would be no good after a move.
    SkippedLock,
    /// Shards are entered in the order of the keys instead of ascending.
    KeyOrder,
    /// EXEC does not look whether a watched key was touched.
    UncheckedWatch,
    /// Shards are left in the midst and entered again: before each command of
    /// an EXEC, and between taking a value out and putting it in elsewhere
    /// (RENAME, COPY, MOVE).
    EarlyRelease,
}

/// Which mistake is being made.
#[derive(Default)]
pub(super) struct Switch(AtomicU8);

impl Switch {
    fn is(&self, sabotage: Sabotage) -> bool {
        self.0.load(Ordering::Relaxed) == sabotage as u8
    }
}

impl Engine {
    /// Make this mistake from now on.
    pub fn sabotage(&self, sabotage: Sabotage) {
        self.shards
            .switch
            .0
            .store(sabotage as u8, Ordering::Relaxed);
    }

    pub(crate) fn is_sabotaged(&self, sabotage: Sabotage) -> bool {
        self.shards.switch.is(sabotage)
    }

    pub(crate) fn skips_locks_of(&self, command: &Command) -> bool {
        self.is_sabotaged(Sabotage::SkippedLock) && matches!(command.keys, KeyShape::Range { .. })
    }
}

impl Held {
    /// Move to a shard that was not locked beforehand.
    pub(super) fn move_if_skipped(&mut self, index: usize) {
        if self.inside[index].is_none() && self.shards.switch.is(Sabotage::SkippedLock) {
            self.one(index);
        }
    }

    /// Enter shards in the order in which they are wanted. Says whether it did.
    pub(super) fn many_in_key_order(&mut self, wanted: &[u32]) -> bool {
        if !self.shards.switch.is(Sabotage::KeyOrder) {
            return false;
        }
        self.none();
        for &index in wanted {
            if !self.holds(index as usize) {
                self.enter(index as usize);
            }
        }
        true
    }

    /// Leave everything for a moment.
    fn blink(&mut self) {
        let mut held = self.held.clone();
        self.none();
        std::thread::yield_now();
        self.many(&mut held);
    }
}

impl Ctx<'_> {
    /// In the midst of an EXEC.
    pub(crate) fn release_early(&mut self) {
        if self.engine.is_sabotaged(Sabotage::EarlyRelease) {
            self.local.held.blink();
        }
    }

    /// Before a value is put in under a key that was not there a moment ago. It
    /// may be by now, and must not be there twice.
    pub(crate) fn release_early_before(&mut self, database: usize, key: &Key<'_>) {
        if self.engine.is_sabotaged(Sabotage::EarlyRelease) {
            self.local.held.blink();
            if let Some(slot) = self.find_in(database, key) {
                self.remove_in(database, key, slot);
            }
        }
    }
}
