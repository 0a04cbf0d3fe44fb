//! Effects: what a command did, in words that mean the same at any time.
//!
//! A log and a replica must not decide anything: SET with EX 10 becomes SET
//! with PXAT and an absolute time, INCRBYFLOAT becomes SET, an expiry becomes
//! DEL. Handlers emit such canonical commands; all of one command, or of one
//! MULTI, are a group that a log keeps whole or not at all.
//!
//! ```text
//!   SET k v EX 10        ─►  db 0  *5 SET k v PXAT 1700000010000
//!   GET k (expired)      ─►  db 0  *2 DEL k
//!   MULTI..EXEC          ─►  one group of all the effects inside
//! ```
//!
//! Replaying the groups in order on an empty engine gives the same keyspace;
//! a test does exactly that for every transcript.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The effects of one command or transaction.
#[derive(Debug, Default)]
pub struct Effects {
    /// Does anybody want them? If not, nothing is encoded, only counted.
    wanted: bool,
    /// How often a log was switched on, as seen when the batch began.
    seen: u32,
    switched_on: Arc<AtomicU32>,
    bytes: Vec<u8>,
    records: Vec<Record>,
    changes: u64,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    database: u32,
    start: usize,
    end: usize,
}

impl Effects {
    /// Effects that somebody may want from one moment to the next. Who counts that up holds all
    /// shards, and whoever emits holds the one that he changed, so none is missed.
    pub(crate) fn new(switched_on: Arc<AtomicU32>) -> Effects {
        Effects {
            switched_on,
            ..Effects::default()
        }
    }

    /// Encode what is emitted from now on, or not until somebody wants it.
    pub(crate) fn want(&mut self, is_wanted: impl FnOnce() -> bool) {
        self.seen = self.switched_on.load(Ordering::Acquire);
        self.wanted = is_wanted();
    }

    /// Emit one canonical command in `database`.
    #[inline]
    pub fn emit(&mut self, database: usize, argv: &[&[u8]]) {
        self.changes += 1;
        if self.is_wanted() {
            self.encode(database, argv);
        }
    }

    fn encode(&mut self, database: usize, argv: &[&[u8]]) {
        let start = self.bytes.len();
        push_number(&mut self.bytes, b'*', argv.len());
        for arg in argv {
            push_number(&mut self.bytes, b'$', arg.len());
            self.bytes.extend_from_slice(arg);
            self.bytes.extend_from_slice(b"\r\n");
        }
        self.records.push(Record {
            database: database as u32,
            start,
            end: self.bytes.len(),
        });
    }

    /// Nothing was changed.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.changes == 0
    }

    pub fn is_wanted(&self) -> bool {
        self.wanted || self.switched_on.load(Ordering::Relaxed) != self.seen
    }

    /// How many changes, encoded or not: Redis' "dirty" counter.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Each effect: its database and its RESP bytes.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let bytes = |r: &Record| &self.bytes[r.start..r.end];
        self.records
            .iter()
            .map(move |record| (record.database as usize, bytes(record)))
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        if self.bytes.capacity() > 1 << 20 {
            self.bytes = Vec::new();
        }
        self.records.clear();
        self.changes = 0;
    }
}

fn push_number(out: &mut Vec<u8>, kind: u8, number: usize) {
    out.push(kind);
    base::write_u64(out, number as u64);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_began_before_a_log_was_switched_on_is_logged_behind_it() {
        let switched_on = Arc::new(AtomicU32::new(7));
        let mut effects = Effects::new(switched_on.clone());
        effects.want(|| false);
        effects.emit(0, &[b"DEL", b"before"]);
        effects.clear();
        assert!(!effects.is_wanted());
        switched_on.fetch_add(1, Ordering::Release);
        assert!(effects.is_wanted());
        effects.emit(3, &[b"DEL", b"k"]);
        let records: Vec<_> = effects.iter().collect();
        assert_eq!(records, [(3, &b"*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n"[..])]);
        // The next batch looks anew.
        effects.clear();
        effects.want(|| false);
        assert!(!effects.is_wanted());
    }
}
