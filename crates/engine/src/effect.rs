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

use resp::Argv;
use store::FieldNames;

/// The effects of a few commands and transactions, each of which is a group.
///
/// Groups of one effect in the same database that follow each other are kept as
/// one piece, since that is how most of them come and nothing has to be said
/// between them.
#[derive(Debug, Default)]
pub struct Effects {
    /// Does anybody want them? If not, nothing is encoded, only counted.
    wanted: bool,
    /// How often a log was switched on, as seen when the batch began.
    seen: u32,
    switched_on: Arc<AtomicU32>,
    bytes: Vec<u8>,
    /// Those of the group that is open.
    records: Vec<Record>,
    /// What the closed groups have come to.
    pieces: Vec<Closed>,
    closed_records: Vec<Record>,
    groups: u64,
    changes: u64,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    database: u32,
    start: usize,
    end: usize,
}

#[derive(Clone, Copy, Debug)]
enum Closed {
    Singles {
        record: Record,
    },
    /// From here to there in the list of records.
    Group {
        from: usize,
        to: usize,
    },
}

/// What follows in the order of the groups.
pub enum Piece<'a> {
    /// Groups of one effect each, in the same database: their RESP bytes.
    Singles { database: usize, bytes: &'a [u8] },
    /// One group of several effects.
    Group(GroupEffects<'a>),
}

impl<'a> Piece<'a> {
    /// Each effect: its database and its RESP bytes.
    pub fn effects(self) -> Box<dyn Iterator<Item = (usize, &'a [u8])> + 'a> {
        match self {
            Piece::Singles { database, bytes } => {
                Box::new(Singles(bytes).map(move |single| (database, single)))
            }
            Piece::Group(effects) => Box::new(effects),
        }
    }
}

/// The effects of one group.
#[derive(Clone)]
pub struct GroupEffects<'a> {
    bytes: &'a [u8],
    records: std::slice::Iter<'a, Record>,
}

impl<'a> Iterator for GroupEffects<'a> {
    type Item = (usize, &'a [u8]);

    fn next(&mut self) -> Option<(usize, &'a [u8])> {
        let record = self.records.next()?;
        let bytes = &self.bytes[record.start..record.end];
        Some((record.database as usize, bytes))
    }
}

/// Commands of our own making, one after the other, each `*n` and n words.
struct Singles<'a>(&'a [u8]);

impl<'a> Iterator for Singles<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let number_at = |at: usize| {
            let digits = self.0[at + 1..].iter().take_while(|b| **b != b'\r');
            let (mut number, mut next) = (0, at + 3);
            for digit in digits {
                number = number * 10 + usize::from(digit - b'0');
                next += 1;
            }
            (number, next)
        };
        if self.0.is_empty() {
            return None;
        }
        let (words, mut at) = number_at(0);
        for _ in 0..words {
            let (bytes, start) = number_at(at);
            at = start + bytes + 2;
        }
        let (single, rest) = self.0.split_at(at);
        self.0 = rest;
        Some(single)
    }
}

/// Fields that one effect says have expired.
const FIELDS_PER_EFFECT: usize = 128;

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
            self.encode(database, argv.iter().copied());
        }
    }

    /// Emit a request whose words are an effect as they are, but for the case of its `name`:
    /// mostly its bytes need no more than copying.
    #[inline]
    pub(crate) fn emit_as_sent(&mut self, database: usize, name: &[u8], request: Argv<'_>) {
        debug_assert!(base::eq_ignore_case(request.get(0), name));
        self.changes += 1;
        if !self.is_wanted() {
            return;
        }
        match request.as_sent() {
            Some(sent) => {
                let start = self.bytes.len();
                self.bytes.extend_from_slice(sent.bytes);
                let name_at = start + sent.name_at;
                self.bytes[name_at..name_at + name.len()].copy_from_slice(name);
                self.record(database, start);
            }
            None => {
                let word = |index| match index {
                    0 => name,
                    _ => request.get(index),
                };
                self.encode(database, (0..request.len()).map(word));
            }
        }
    }

    /// Fields of a hash have expired: HDEL of some at a time.
    pub(crate) fn emit_fields_gone(&mut self, database: usize, key: &[u8], names: &FieldNames) {
        let mut names = names.iter();
        let mut argv: Vec<&[u8]> = vec![b"HDEL", key];
        loop {
            argv.truncate(2);
            argv.extend(names.by_ref().take(FIELDS_PER_EFFECT));
            if argv.len() == 2 {
                return;
            }
            self.emit(database, &argv);
        }
    }

    /// What was emitted last counts as so many changes more.
    pub(crate) fn count(&mut self, more: u64) {
        self.changes += more;
    }

    /// What was emitted since there were so many counts as so many `changes`, however many
    /// effects it took.
    pub(crate) fn count_as(&mut self, before: u64, changes: u64) {
        debug_assert!(self.changes > before, "something was emitted");
        self.changes = before + changes;
    }

    fn encode<'w>(
        &mut self,
        database: usize,
        argv: impl ExactSizeIterator<Item = &'w [u8]> + Clone,
    ) {
        let start = self.bytes.len();
        let payload_bytes: usize = argv.clone().map(|arg| arg.len()).sum();
        // Room for all of it at once, so that no piece asks again.
        self.bytes
            .reserve(payload_bytes + (argv.len() + 1) * FRAME_BYTES_MAX);
        push_number(&mut self.bytes, b'*', argv.len());
        for arg in argv {
            push_number(&mut self.bytes, b'$', arg.len());
            self.bytes.extend_from_slice(arg);
            self.bytes.extend_from_slice(b"\r\n");
        }
        self.record(database, start);
    }

    /// What was appended from `start` on is one effect.
    #[inline]
    fn record(&mut self, database: usize, start: usize) {
        self.records.push(Record {
            database: database as u32,
            start,
            end: self.bytes.len(),
        });
    }

    /// Was nothing changed in the group that is open?
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.changes == 0
    }

    pub fn is_wanted(&self) -> bool {
        self.wanted || self.switched_on.load(Ordering::Relaxed) != self.seen
    }

    /// How many changes in the group that is open, encoded or not: Redis'
    /// "dirty" counter.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// The group that is open is whole.
    #[inline]
    pub(crate) fn close_group(&mut self) {
        self.changes = 0;
        match self.records[..] {
            [] => return,
            [record] => self.close_single(record),
            _ => {
                let from = self.closed_records.len();
                self.closed_records.append(&mut self.records);
                let to = self.closed_records.len();
                self.pieces.push(Closed::Group { from, to });
            }
        }
        self.records.clear();
        self.groups += 1;
    }

    #[inline]
    fn close_single(&mut self, single: Record) {
        if let Some(Closed::Singles { record }) = self.pieces.last_mut()
            && record.database == single.database
        {
            record.end = single.end;
        } else {
            self.pieces.push(Closed::Singles { record: single });
        }
    }

    /// Groups that are closed and not yet handed over.
    #[inline]
    pub fn groups(&self) -> u64 {
        self.groups
    }

    /// Their bytes.
    #[inline]
    pub fn closed_bytes(&self) -> usize {
        self.records
            .first()
            .map_or(self.bytes.len(), |open| open.start)
    }

    /// The closed groups, in order.
    pub fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        self.pieces.iter().map(|piece| match *piece {
            Closed::Singles { record } => Piece::Singles {
                database: record.database as usize,
                bytes: &self.bytes[record.start..record.end],
            },
            Closed::Group { from, to } => Piece::Group(GroupEffects {
                bytes: &self.bytes,
                records: self.closed_records[from..to].iter(),
            }),
        })
    }

    /// Each effect of the closed groups: its database and its RESP bytes.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &[u8])> {
        self.pieces().flat_map(Piece::effects)
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        if self.bytes.capacity() > 1 << 20 {
            self.bytes = Vec::new();
        }
        self.records.clear();
        self.pieces.clear();
        self.closed_records.clear();
        self.groups = 0;
        self.changes = 0;
    }
}

/// What RESP adds to a word: `$`, a length, and two line ends.
const FRAME_BYTES_MAX: usize = 1 + 20 + 4;

#[inline]
fn push_number(out: &mut Vec<u8>, kind: u8, number: usize) {
    if number < 10 {
        return out.extend_from_slice(&[kind, b'0' + number as u8, b'\r', b'\n']);
    }
    if number < 100 {
        let (tens, ones) = (number as u8 / 10, number as u8 % 10);
        return out.extend_from_slice(&[kind, b'0' + tens, b'0' + ones, b'\r', b'\n']);
    }
    out.push(kind);
    base::write_u64(out, number as u64);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use resp::{Limits, OwnedArgv, Query, QueryPool};

    use super::*;

    /// Of requests from a socket the bytes are copied, of others the words are written out.
    #[test]
    fn a_request_as_sent_is_the_same_effect_however_it_came() {
        let effect = |request: Argv<'_>| {
            let mut effects = Effects::default();
            effects.want(|| true);
            effects.emit_as_sent(0, b"SET", request);
            effects.close_group();
            effects
                .iter()
                .map(|(_, bytes)| bytes.to_vec())
                .collect::<Vec<_>>()
        };
        let canonical = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n".to_vec();
        for name in ["SET", "set", "sEt"] {
            let owned = OwnedArgv::new([name, "k", "value"]);
            assert_eq!(effect(owned.as_argv()), std::slice::from_ref(&canonical));
            let (mut query, mut pool) = (Query::default(), QueryPool::default());
            let sent = format!("*3\r\n$3\r\n{name}\r\n$1\r\nk\r\n$5\r\nvalue\r\n");
            query.room(&mut pool).extend_from_slice(sent.as_bytes());
            let limits = Limits {
                bulk_bytes_max: 1024,
                query_bytes_max: 1024,
                authenticated: true,
            };
            assert_eq!(query.parse(&limits), 1);
            assert!(query.request(0).as_sent().is_some());
            assert_eq!(effect(query.request(0)), std::slice::from_ref(&canonical));
        }
    }

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
        effects.close_group();
        let records: Vec<_> = effects.iter().collect();
        assert_eq!(records, [(3, &b"*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n"[..])]);
        // The next batch looks anew.
        effects.clear();
        effects.want(|| false);
        assert!(!effects.is_wanted());
    }
}
