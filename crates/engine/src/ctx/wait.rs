//! Waiting for keys, and telling those who wait.

use std::sync::Arc;

use store::Key;

use super::Ctx;
use crate::error::CommandError;
use crate::session::Stage;
use crate::waits::{Outcome, Ready, Ticket, Wish};

impl Ctx<'_> {
    /// When a timeout in seconds is over, on the clock that never goes back; `None` for
    /// never.
    pub(crate) fn deadline_of_secs(&self, text: &[u8]) -> Result<Option<u64>, CommandError> {
        let secs = base::parse_f64(text)
            .ok_or_else(|| CommandError::err("timeout is not a float or out of range"))?;
        let ms = (secs * 1000.0).ceil();
        if ms >= i64::MAX as f64 {
            return Err(CommandError::err("timeout is out of range"));
        }
        self.deadline_in(ms as i64)
    }

    /// When a timeout in milliseconds is over.
    pub(crate) fn deadline_of_ms(&self, text: &[u8]) -> Result<Option<u64>, CommandError> {
        let ms = base::parse_i64(text)
            .ok_or_else(|| CommandError::err("timeout is not an integer or out of range"))?;
        self.deadline_in(ms)
    }

    fn deadline_in(&self, ms: i64) -> Result<Option<u64>, CommandError> {
        if ms < 0 {
            return Err(CommandError::err("timeout is negative"));
        }
        if self.now_ms().checked_add(ms).is_none() {
            return Err(CommandError::err("timeout is out of range"));
        }
        let us = (ms as u64).saturating_mul(1000);
        Ok((ms > 0).then(|| self.now.mono_us.saturating_add(us)))
    }

    /// May this command wait? Not inside a transaction, which is one moment, and not in
    /// a log, where all is decided.
    pub(crate) fn may_wait(&self) -> bool {
        !self.local.in_transaction && !self.local.replaying
    }

    /// Is what a key has meant for others, who waited for it before?
    pub(crate) fn is_promised(&mut self, key: &Key<'_>) -> bool {
        let database = self.session.database;
        let may_wait = self.may_wait();
        let waits = &self.shard(key.hash).waits;
        may_wait && !waits.is_empty() && waits.is_promised(database, key.bytes)
    }

    /// The client waits from here on. Its command has found nothing and answered
    /// nothing; the shards of its keys are held.
    pub(crate) fn wait_for(&mut self, wish: Wish<'_>) {
        debug_assert!(self.may_wait());
        let engine = self.engine;
        let command = self.session.last_command;
        let command = command.expect("a command that runs is the last one");
        let touched = wish.touches.iter();
        let needs = touched.map(|key| engine.shards.of(key.hash) as u32);
        let (needs, tally) = (needs.collect(), &engine.waiting);
        let ticket = Arc::new(Ticket::new(wish, self.session, command, needs, tally));
        let card = &self.session.card;
        *card.wait.lock() = Some(ticket.clone());
        if card.is_doomed() {
            // Killed before its ticket could be seen.
            ticket.end(Outcome::Abandoned);
        }
        for key in &ticket.keys {
            self.shard(key.hash).waits.add(&key.bytes, &ticket);
        }
        self.session.wait = Some(ticket);
        self.session.stage = Stage::Blocked;
    }

    /// Somebody watches keys or waits for keys in the shard of this one, which has
    /// changed.
    #[cold]
    pub(super) fn tell(&mut self, database: usize, key: &Key<'_>) {
        self.shard(key.hash).watches.touch(database, key.bytes);
        self.signal(database, key);
    }

    /// Somebody may wait for this key, which has changed.
    pub(super) fn signal(&mut self, database: usize, key: &Key<'_>) {
        let waits = &mut self.shard(key.hash).waits;
        if !waits.is_empty() && waits.signal(database, key.bytes) {
            let ready = Ready::of(self.engine, database, key.bytes);
            self.local.ready.push_back(ready);
        }
    }

    /// A database has got another content, in a shard that is held.
    pub(crate) fn signal_all(&mut self, database: usize, index: usize) {
        let engine = self.engine;
        let (held, ready) = (&mut self.local.held, &mut self.local.ready);
        held.shard(index).waits.signal_all(database, |key| {
            ready.push_back(Ready::of(engine, database, key));
        });
    }
}
