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

/// The effects of one command or transaction.
#[derive(Debug, Default)]
pub struct Effects {
    /// Does anybody want them? If not, nothing is encoded, only counted.
    wanted: bool,
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
    /// Encode what is emitted from now on, or not.
    pub(crate) fn want(&mut self, wanted: bool) {
        self.wanted = wanted;
    }

    /// Emit one canonical command in `database`.
    #[inline]
    pub fn emit(&mut self, database: usize, argv: &[&[u8]]) {
        self.changes += 1;
        if self.wanted {
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
        self.wanted
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
