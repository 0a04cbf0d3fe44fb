//! Large hashes against a sorted map: every operation, in any order, and clones that must not change.
//!
//! After each step the dict's own invariants are asserted, and what it holds is compared with the
//! map now and then. A scan goes on between the steps: whatever was there from its first call to its
//! last must have been visited once.

use std::collections::{BTreeMap, BTreeSet};

use base::Rng;
use structs::dict::{Deadline, Dict, Item};

use crate::tape::Tape;

const STEPS_MAX: usize = 150;
const START_MS: i64 = 1_700_000_000_000;

/// Values and deadlines by name.
type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

pub fn run(bytes: &[u8]) {
    let mut tape = Tape::new(bytes);
    let mut twin = Twin::new(&mut tape);
    let mut kept: Vec<(Dict, Model)> = Vec::new();
    for step in 0..STEPS_MAX {
        if tape.is_over() {
            break;
        }
        if tape.below(16) == 0 {
            kept.push((twin.dict.clone(), twin.model.clone()));
        }
        twin.step(&mut tape);
        if step % 8 == 0 {
            twin.dict.check();
        }
    }
    twin.finish_scan();
    kept.push((twin.dict, twin.model));
    for (dict, model) in &kept {
        compare(dict, model);
    }
    for (mut dict, _) in kept {
        while !dict.free_some(3) {}
        assert_eq!((dict.len(), dict.memory_bytes()), (0, 0));
    }
}

fn compare(dict: &Dict, model: &Model) {
    dict.check();
    let mut left = model.clone();
    for item in dict.iter() {
        let held = left.remove(item.name).expect("in the map and seen once");
        assert!(held.0 == item.value && held.1 == item.deadline_ms);
    }
    assert!(left.is_empty(), "in the map and not in the dict");
    let deadlines = model.values().filter_map(|held| held.1);
    assert_eq!(dict.volatile(), deadlines.clone().count());
    let soonest_ms = deadlines.min();
    assert_eq!(dict.next_deadline_ms().is_some(), soonest_ms.is_some());
    assert!(dict.next_deadline_ms() <= soonest_ms, "a bound from below");
}

struct Twin {
    dict: Dict,
    model: Model,
    now_ms: i64,
    scan: Option<Scan>,
}

struct Scan {
    cursor: u64,
    /// Names that have been there ever since it began.
    lasting: BTreeSet<Vec<u8>>,
    seen: BTreeSet<Vec<u8>>,
}

impl Twin {
    fn new(tape: &mut Tape<'_>) -> Twin {
        Twin {
            dict: Dict::of_fields([tape.below(1 << 16), 1]),
            model: Model::new(),
            now_ms: START_MS,
            scan: None,
        }
    }

    fn step(&mut self, tape: &mut Tape<'_>) {
        let name = name_of(tape.below(64));
        match tape.below(12) {
            0..=2 => self.put(name.clone(), tape),
            3 => {
                let removed = self.dict.remove(&name);
                assert_eq!(removed, self.forget(&name).is_some());
            }
            4 => {
                let taken = self.dict.take(&name);
                assert!(taken == self.forget(&name).map(|held| held.0));
            }
            5 => {
                let ms = self.deadline_ms(tape);
                let held = self.model.get_mut(&name);
                assert_eq!(self.dict.set_deadline(&name, ms), held.is_some());
                held.into_iter().for_each(|held| held.1 = ms);
            }
            6 => self.pop(tape),
            7 => self.expire(tape),
            8 => self.put_many(tape),
            9 => self.remove_many(tape),
            10 => self.retain(tape),
            _ => self.advance_scan(tape),
        }
        let item = self.dict.get(&name);
        let held = self.model.get(&name);
        let held = held.map(|(value, deadline_ms)| (&value[..], *deadline_ms));
        assert!(item.map(|item| (item.value, item.deadline_ms)) == held);
    }

    /// A name is gone from the dict.
    fn forget(&mut self, name: &[u8]) -> Option<(Vec<u8>, Option<i64>)> {
        if let Some(scan) = &mut self.scan {
            scan.lasting.remove(name);
        }
        self.model.remove(name)
    }

    fn deadline_ms(&self, tape: &mut Tape<'_>) -> Option<i64> {
        match tape.below(4) {
            0 => Some(tape.integer()),
            1 => Some(self.now_ms + tape.below(100_000) as i64),
            _ => None,
        }
    }

    fn put(&mut self, name: Vec<u8>, tape: &mut Tape<'_>) {
        let most = *tape.pick(&[4, 60, 300, 10_000]);
        let value = tape.text(most);
        let old_ms = self.model.get(&name).and_then(|held| held.1);
        let (deadline, deadline_ms) = match self.deadline_ms(tape) {
            Some(ms) => (Deadline::At(ms), Some(ms)),
            None if tape.bool() => (Deadline::Keep, old_ms),
            None => (Deadline::None, None),
        };
        let is_new = self.dict.put(&name, &value, deadline);
        assert_eq!(
            is_new,
            self.model.insert(name, (value, deadline_ms)).is_none()
        );
    }

    fn pop(&mut self, tape: &mut Tape<'_>) {
        let mut rng = Rng::new(tape.below(1 << 16));
        match self.dict.pop(&mut rng) {
            Some((name, value)) => assert!(self.forget(&name).expect("it was there").0 == value),
            None => assert!(self.model.is_empty()),
        }
    }

    fn expire(&mut self, tape: &mut Tape<'_>) {
        self.now_ms += *tape.pick(&[0, 1, 1_000, 60_000]);
        let (now_ms, mut gone) = (self.now_ms, Vec::new());
        let mut due = |item: Item<'_>| gone.push(item.name.to_vec());
        while self.dict.expire(now_ms, tape.below(256) as usize, &mut due) {}
        for name in gone {
            let (_, ms) = self.forget(&name).expect("it was there");
            assert!(ms.is_some_and(|ms| ms < now_ms));
        }
        assert!(
            self.model
                .values()
                .all(|held| held.1.is_none_or(|ms| ms >= now_ms))
        );
    }

    fn put_many(&mut self, tape: &mut Tape<'_>) {
        let (first, count) = (tape.below(4_000), tape.below(1_024));
        for number in first..first + count {
            let name = name_of(number);
            self.dict.put(&name, b"many", Deadline::None);
            self.model.insert(name, (b"many".to_vec(), None));
        }
    }

    fn remove_many(&mut self, tape: &mut Tape<'_>) {
        let (first, count) = (tape.below(4_000), tape.below(1_024));
        for number in first..first + count {
            let name = name_of(number);
            assert_eq!(self.dict.remove(&name), self.forget(&name).is_some());
        }
    }

    fn retain(&mut self, tape: &mut Tape<'_>) {
        let byte = tape.byte();
        let mut gone = Vec::new();
        self.dict.retain(&mut |item| {
            let keeps = item.name.iter().fold(0u8, |sum, b| sum.wrapping_add(*b)) > byte / 8;
            if !keeps {
                gone.push(item.name.to_vec());
            }
            keeps
        });
        for name in gone {
            self.forget(&name).expect("asked about once");
        }
    }

    fn advance_scan(&mut self, tape: &mut Tape<'_>) {
        let scan = self.scan.get_or_insert_with(|| Scan {
            cursor: 0,
            lasting: self.model.keys().cloned().collect(),
            seen: BTreeSet::new(),
        });
        let count = 1 + tape.below(100) as usize;
        let next = self.dict.scan(scan.cursor, count, &mut |item| {
            let again = !scan.seen.insert(item.name.to_vec());
            assert!(!(again && scan.lasting.contains(item.name)), "once");
        });
        if next == 0 {
            assert!(scan.lasting.is_subset(&scan.seen), "what lasts is seen");
            self.scan = None;
        } else {
            assert!(next > scan.cursor, "a cursor moves on");
            scan.cursor = next;
        }
    }

    fn finish_scan(&mut self) {
        while self.scan.is_some() {
            self.advance_scan(&mut Tape::new(&[]));
        }
    }
}

/// Names of all lengths, one of them empty.
fn name_of(number: u64) -> Vec<u8> {
    let tail = match number {
        0 => return Vec::new(),
        n if n % 64 == 7 => 3_000,
        n => n as usize % 24,
    };
    format!("{number}{}", "-".repeat(tail)).into_bytes()
}
