//! The keys of one database against a sorted map: every operation of the table, in any order.
//!
//! After each step the table's own invariants are asserted, and what it holds is compared with the
//! map now and then. A scan goes on between the steps: whatever was there from its first call to
//! its last must have been reported once. Values that were handed in by reference stay with their
//! other owner as they were.

use std::collections::{BTreeMap, BTreeSet};

use store::{Access, Block, Detached, Entry, Gone, Key, KeyHasher, NewValue, Slot, Table};

use crate::tape::Tape;

const START_MS: i64 = 1_700_000_000_000;
const STEPS_MAX: usize = 150;

pub fn run(bytes: &[u8]) {
    let mut tape = Tape::new(bytes);
    let mut twin = Twin::new(&mut tape);
    // A large table takes its time to check, so it is checked less often.
    let mut unchecked = 0;
    for step in 0..STEPS_MAX {
        if tape.is_over() {
            break;
        }
        twin.step(&mut tape);
        unchecked += 50;
        if unchecked > twin.model.len() {
            unchecked = 0;
            twin.table.check();
        }
        if step % 64 == 0 {
            twin.compare();
        }
    }
    twin.table.check();
    twin.compare();
    twin.finish_scan();
    assert!(twin.lent.iter().all(|(block, bytes)| **block == *bytes));
}

/// A value and when it expires.
type Held = (Vec<u8>, Option<i64>);

/// A table and what it should hold.
struct Twin {
    table: Table,
    hasher: KeyHasher,
    shard: Shard,
    /// The keys of the numbers named so far.
    keys: BTreeMap<u64, Vec<u8>>,
    model: BTreeMap<Vec<u8>, Held>,
    now_ms: i64,
    scan: Option<Scan>,
    /// Blocks that the table took by reference, and what was in them.
    lent: Vec<(Block, Vec<u8>)>,
}

/// The part of the keyspace that the table stands for.
#[derive(Clone, Copy)]
struct Shard {
    bits: u32,
    index: u64,
}

struct Scan {
    cursor: u64,
    limit: usize,
    /// Keys that have been there ever since it began.
    lasting: BTreeSet<Vec<u8>>,
    seen: BTreeMap<Vec<u8>, u32>,
}

impl Twin {
    fn new(tape: &mut Tape<'_>) -> Twin {
        let bits = *tape.pick(&[0, 0, 0, 1, 3]);
        let shard = Shard {
            bits,
            index: tape.below(1 << bits),
        };
        let hasher = KeyHasher::new([tape.below(1 << 16), 1]);
        Twin {
            table: Table::new(hasher, bits, shard.index as usize),
            hasher,
            shard,
            keys: BTreeMap::new(),
            model: BTreeMap::new(),
            now_ms: START_MS,
            scan: None,
            lent: Vec::new(),
        }
    }

    fn step(&mut self, tape: &mut Tape<'_>) {
        match tape.below(16) {
            0..=2 => self.put(tape),
            3 => self.rewrite(tape),
            4 => {
                let key = self.key(tape);
                self.remove(&key);
            }
            5 => self.rename(tape),
            6 => self.copy(tape),
            7 => self.set_deadline(tape),
            8 => self.append(tape),
            9 => self.widen(tape),
            10 => self.modify_block(tape),
            11 => self.sweep(tape),
            12 => self.put_many(tape),
            13 => self.remove_many(tape),
            14 => self.advance_scan(tape),
            _ => self.look(tape),
        }
    }

    // ---- keys and places -------------------------------------------------

    fn key(&mut self, tape: &mut Tape<'_>) -> Vec<u8> {
        let number = tape.below(64);
        self.key_of(number)
    }

    /// The key of a number: the first of its spellings that belongs to this shard.
    fn key_of(&mut self, number: u64) -> Vec<u8> {
        if let Some(key) = self.keys.get(&number) {
            return key.clone();
        }
        // Some are long, one is very long.
        let tail = "k".repeat(match number {
            7 => 40_000,
            n if n % 16 == 3 => 300,
            _ => 0,
        });
        let spelling = |salt| format!("{number}:{salt}{tail}").into_bytes();
        let belongs = |key: &Vec<u8>| {
            let hash = self.hasher.hash(key);
            self.shard.bits == 0 || hash >> (64 - self.shard.bits) == self.shard.index
        };
        let key = (0u32..).map(spelling).find(belongs).expect("a few tries");
        self.keys.insert(number, key.clone());
        key
    }

    fn hashed<'k>(&self, bytes: &'k [u8]) -> Key<'k> {
        Key {
            bytes,
            hash: self.hasher.hash(bytes),
        }
    }

    /// Where a key is; the model must agree that it is there, or not.
    fn find(&self, key: &[u8]) -> Option<Slot> {
        let slot = self.table.find(&self.hashed(key));
        assert_eq!(slot.is_some(), self.model.contains_key(key));
        slot
    }

    // ---- changes ---------------------------------------------------------

    fn put(&mut self, tape: &mut Tape<'_>) {
        let (key, deadline_ms) = (self.key(tape), self.deadline(tape));
        let value = Value::draw(tape);
        let access = Access::lru(self.now_ms / 1000);
        let new = value.as_new();
        match self.find(&key) {
            Some(slot) => self.table.set(slot, new, deadline_ms, access, self.now_ms),
            None => {
                let hashed = self.hashed(&key);
                let slot = self
                    .table
                    .insert(&hashed, new, deadline_ms, access, self.now_ms);
                assert_eq!(self.table.find(&hashed), Some(slot));
            }
        }
        self.lend(&value);
        self.model.insert(key, (value.bytes(), deadline_ms));
    }

    fn rewrite(&mut self, tape: &mut Tape<'_>) {
        let key = self.key(tape);
        let value = Value::draw(tape);
        if let Some(slot) = self.find(&key) {
            self.table.rewrite(slot, value.as_new());
            self.lend(&value);
            self.held(&key).0 = value.bytes();
        }
    }

    fn lend(&mut self, value: &Value) {
        if let Value::Block(block) = value {
            self.lent.push((block.clone(), block.to_vec()));
        }
    }

    fn remove(&mut self, key: &[u8]) {
        if let Some(slot) = self.find(key) {
            self.table.remove(slot);
            self.forget(key);
        }
    }

    /// A key is gone from the table.
    fn forget(&mut self, key: &[u8]) -> Held {
        if let Some(scan) = &mut self.scan {
            scan.lasting.remove(key);
        }
        self.model.remove(key).expect("it was in the table")
    }

    fn rename(&mut self, tape: &mut Tape<'_>) {
        let (from, to) = (self.key(tape), self.key(tape));
        let keeps = tape.bool();
        if from == to {
            return;
        }
        let Some(slot) = self.find(&from) else {
            return;
        };
        let detached = self.table.detach(slot);
        let (value, old_ms) = self.forget(&from);
        assert_eq!(detached.entry().deadline_ms(), old_ms);
        let deadline_ms = if keeps { old_ms } else { self.deadline(tape) };
        self.remove(&to);
        self.put_in(to, detached, value, deadline_ms);
    }

    fn put_in(
        &mut self,
        key: Vec<u8>,
        detached: Detached,
        value: Vec<u8>,
        deadline_ms: Option<i64>,
    ) {
        let hashed = self.hashed(&key);
        let slot = self
            .table
            .insert_detached(&hashed, detached, deadline_ms, self.now_ms);
        assert_eq!(self.table.find(&hashed), Some(slot));
        self.model.insert(key, (value, deadline_ms));
    }

    fn copy(&mut self, tape: &mut Tape<'_>) {
        let (from, to) = (self.key(tape), self.key(tape));
        let deadline_ms = self.deadline(tape);
        if from == to {
            return;
        }
        let Some(slot) = self.find(&from) else {
            return;
        };
        let value = self.model[&from].0.clone();
        let entry = self.table.entry(slot);
        let copy = Detached::copy_of(entry, &to, deadline_ms, entry.access());
        self.remove(&to);
        self.put_in(to, copy, value, deadline_ms);
    }

    fn set_deadline(&mut self, tape: &mut Tape<'_>) {
        let (key, deadline_ms) = (self.key(tape), self.deadline(tape));
        if let Some(slot) = self.find(&key) {
            self.table.set_deadline(slot, deadline_ms, self.now_ms);
            self.held(&key).1 = deadline_ms;
        }
    }

    fn append(&mut self, tape: &mut Tape<'_>) {
        let key = self.key(tape);
        let most = *tape.pick(&[4, 60, 3_000]);
        let tail = tape.text(most);
        if let Some(slot) = self.find(&key) {
            let len = self.table.append(slot, &tail);
            let value = &mut self.held(&key).0;
            value.extend_from_slice(&tail);
            assert_eq!(len, value.len());
        }
    }

    /// Write a byte somewhere, perhaps beyond the end.
    fn widen(&mut self, tape: &mut Tape<'_>) {
        let key = self.key(tape);
        let most = *tape.pick(&[20, 200, 5_000]);
        let at = tape.below(most) as usize;
        let byte = tape.byte();
        let Some(slot) = self.find(&key) else {
            return;
        };
        let room = self.table.widen(slot, at + 1);
        room[at] = byte;
        let value = &mut self.held(&key).0;
        value.resize(value.len().max(at + 1), 0);
        value[at] = byte;
        let slot = self.find(&key).expect("it was there");
        let bytes = self
            .table
            .bytes_mut(slot)
            .expect("no integer was written to");
        assert!(*bytes == self.model[&key].0[..]);
    }

    fn modify_block(&mut self, tape: &mut Tape<'_>) {
        let key = self.key(tape);
        let len = tape.below(10_000) as usize;
        if let Some(slot) = self.find(&key)
            && let Some(()) = self
                .table
                .modify_block(slot, |bytes| bytes.resize(len, b'm'))
        {
            self.held(&key).0.resize(len, b'm');
        }
    }

    fn sweep(&mut self, tape: &mut Tape<'_>) {
        self.now_ms += *tape.pick(&[0, 1, 100, 1_000, 60_000, 10_000_000]);
        let mut gone = Vec::new();
        let mut expired = |what: Gone<'_>| match what {
            Gone::Key(entry) => gone.push(entry.key().to_vec()),
            Gone::Fields { .. } => unreachable!("no hashes here"),
        };
        let segments = 1 + tape.below(8) as usize;
        for _ in 0..1 + tape.below(8) {
            if !self.table.sweep(self.now_ms, segments, &mut expired) {
                break;
            }
        }
        for key in gone {
            let (_, deadline_ms) = self.forget(&key);
            assert!(deadline_ms.is_some_and(|deadline_ms| deadline_ms < self.now_ms));
        }
    }

    fn put_many(&mut self, tape: &mut Tape<'_>) {
        let (first, count) = (tape.below(2_000), tape.below(256));
        let deadline_ms = self.deadline(tape);
        for number in first..first + count {
            let key = self.key_of(number);
            if self.find(&key).is_none() {
                let hashed = self.hashed(&key);
                let (new, access) = (NewValue::String(b"many"), Access::lru(0));
                self.table
                    .insert(&hashed, new, deadline_ms, access, self.now_ms);
                self.model.insert(key, (b"many".to_vec(), deadline_ms));
            }
        }
    }

    fn remove_many(&mut self, tape: &mut Tape<'_>) {
        let (first, count) = (tape.below(2_000), tape.below(256));
        for number in first..first + count {
            let key = self.key_of(number);
            self.remove(&key);
        }
    }

    /// A moment about now, or far away, or none.
    fn deadline(&self, tape: &mut Tape<'_>) -> Option<i64> {
        match tape.below(8) {
            0 => Some(tape.integer()),
            1..=3 => Some(self.now_ms + tape.below(100_000) as i64),
            _ => None,
        }
    }

    fn held(&mut self, key: &[u8]) -> &mut Held {
        self.model.get_mut(key).expect("it was found")
    }

    // ---- looks -----------------------------------------------------------

    fn advance_scan(&mut self, tape: &mut Tape<'_>) {
        let scan = self.scan.get_or_insert_with(|| Scan {
            cursor: self.table.scan_start(),
            limit: 1 + tape.below(100) as usize,
            lasting: self.model.keys().cloned().collect(),
            seen: BTreeMap::new(),
        });
        for _ in 0..1 + tape.below(16) {
            let mut visit = |entry: Entry<'_>| {
                *scan.seen.entry(entry.key().to_vec()).or_default() += 1;
            };
            match self.table.scan(scan.cursor, scan.limit, &mut visit) {
                Some(next) => {
                    assert!(next > scan.cursor, "a cursor moves on");
                    scan.cursor = next;
                }
                None => return self.end_scan(),
            }
        }
    }

    fn finish_scan(&mut self) {
        while self.scan.is_some() {
            self.advance_scan(&mut Tape::new(&[]));
        }
    }

    fn end_scan(&mut self) {
        let scan = self.scan.take().expect("one was going on");
        for key in &scan.lasting {
            assert_eq!(scan.seen.get(key), Some(&1), "a lasting key is seen once");
        }
    }

    fn look(&mut self, tape: &mut Tape<'_>) {
        let key = self.key(tape);
        let hash = self.hasher.hash(&key);
        self.table.prefetch_bucket(hash);
        self.table.prefetch_entry(hash);
        if let Some(slot) = self.find(&key) {
            self.table
                .touch(slot, Access::lfu(self.now_ms / 1000, tape.byte()));
        }
        let mut random = base::Rng::new(tape.below(1 << 16));
        let slot = self.table.random(&mut || random.next_u64());
        assert_eq!(slot.is_some(), !self.model.is_empty());
        if let Some(slot) = slot {
            assert!(self.model.contains_key(self.table.entry(slot).key()));
        }
    }

    fn compare(&self) {
        let mut left = self.model.clone();
        self.table.for_each(&mut |entry| {
            let (value, deadline_ms) = left.remove(entry.key()).expect("in the map and seen once");
            assert_eq!(entry.deadline_ms(), deadline_ms);
            entry.string().with_bytes(|bytes| assert!(bytes == value));
            assert_eq!(entry.string().len(), value.len());
        });
        assert!(left.is_empty(), "in the map and not in the table");
        let deadlines: Vec<i64> = self.model.values().filter_map(|held| held.1).collect();
        assert_eq!(self.table.len(), self.model.len());
        assert_eq!(self.table.volatile(), deadlines.len());
        let sum_ms = deadlines.iter().map(|ms| i128::from(*ms)).sum();
        assert_eq!(self.table.deadline_sum_ms(), sum_ms);
    }
}

/// A string on its way into the table.
enum Value {
    String(Vec<u8>),
    Int(i64),
    Text(Vec<u8>),
    Raw(Vec<u8>),
    Block(Block),
}

impl Value {
    fn draw(tape: &mut Tape<'_>) -> Value {
        let kind = tape.below(8);
        let most = *tape.pick(&[8, 64, 200, 2_100]);
        match kind {
            0 => Value::Int(tape.integer()),
            1 => Value::Text(tape.text(most)),
            2 => Value::Raw(tape.text(most)),
            3 => Value::Block(Block::new(tape.text(10_000))),
            4 => Value::String(tape.integer().to_string().into_bytes()),
            _ => Value::String(tape.text(most)),
        }
    }

    fn as_new(&self) -> NewValue<'_> {
        match self {
            Value::String(bytes) => NewValue::String(bytes),
            Value::Int(number) => NewValue::Int(*number),
            Value::Text(bytes) => NewValue::Text(bytes),
            Value::Raw(bytes) => NewValue::Raw(bytes),
            Value::Block(block) => NewValue::Block(block.clone()),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Value::String(bytes) | Value::Text(bytes) | Value::Raw(bytes) => bytes.clone(),
            Value::Int(number) => number.to_string().into_bytes(),
            Value::Block(block) => block.to_vec(),
        }
    }
}
