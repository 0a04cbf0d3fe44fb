//! A snapshot's walk against a model: what it saves is what was there at the
//! cut, each key once, whatever is done to the shard meanwhile.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRng, TestRunner};

use super::*;
use crate::table::save::mistake::{self, Mistake};
use crate::{Access, Detached, Key, NewValue, Slot};

const NOW_MS: i64 = 1_700_000_000_000;
const DATABASES: usize = 3;

type Model = BTreeMap<(usize, u32), (Vec<u8>, Option<i64>)>;

/// A shard, what it should hold, and the snapshot under way, if any.
struct Played {
    hasher: KeyHasher,
    shard: Shard,
    model: Model,
    gauge: Arc<ImageGauge>,
    snapshot: Option<Taken>,
    taken_whole: u32,
}

struct Taken {
    at_cut: Model,
    seen: Model,
    images: Vec<Images>,
    given_up: bool,
}

fn name(number: u32) -> String {
    format!("key:{number}")
}

impl Taken {
    fn saw(seen: &mut Model, database: usize, entry: Entry<'_>) {
        let key = std::str::from_utf8(entry.key()).unwrap();
        let number: u32 = key.strip_prefix("key:").unwrap().parse().unwrap();
        let value = entry.string().with_bytes(<[u8]>::to_vec);
        let before = seen.insert((database, number), (value, entry.deadline_ms()));
        assert!(before.is_none(), "{key} of {database} is saved twice");
    }

    fn save_images(&mut self, mut work_bytes: usize) {
        while let Some(images) = self.images.last_mut() {
            let seen = &mut self.seen;
            let save = &mut |database, entry: Entry<'_>| Taken::saw(seen, database, entry);
            if images.save(&mut work_bytes, save, &mut Vec::new()) {
                return;
            }
            self.images.pop();
        }
    }
}

impl Played {
    fn new(seed: u64) -> Played {
        let hasher = KeyHasher::new([seed, 7]);
        Played {
            hasher,
            shard: Shard::new(hasher, 0, 0, DATABASES),
            model: Model::new(),
            gauge: Arc::new(ImageGauge::default()),
            snapshot: None,
            taken_whole: 0,
        }
    }

    fn with<R>(
        &mut self,
        database: usize,
        number: u32,
        change: impl FnOnce(&mut Table, &Key<'_>, Option<Slot>) -> R,
    ) -> R {
        let bytes = name(number).into_bytes();
        let key = Key {
            bytes: &bytes,
            hash: self.hasher.hash(&bytes),
        };
        let table = self.shard.database_mut(database);
        let slot = table.find(&key);
        change(table, &key, slot)
    }

    fn put(&mut self, database: usize, number: u32, value: &[u8], deadline: Option<i64>) {
        self.with(database, number, |table, key, slot| {
            let new = NewValue::String(value);
            match slot {
                Some(slot) => table.set(slot, new, deadline, Access::lru(1), NOW_MS),
                None => drop(table.insert(key, new, deadline, Access::lru(1), NOW_MS)),
            }
        });
        let now = (value.to_vec(), deadline);
        self.model.insert((database, number), now);
    }

    fn remove(&mut self, database: usize, number: u32) {
        let was = self.with(database, number, |table, _, slot| {
            slot.map(|slot| table.remove(slot)).is_some()
        });
        let modelled = self.model.remove(&(database, number)).is_some();
        assert_eq!(was, modelled);
    }

    /// RENAME, MOVE and COPY.
    fn carry(&mut self, from: (usize, u32), to: (usize, u32), copy: bool) {
        if from == to || !self.model.contains_key(&from) {
            return;
        }
        let detached = self.with(from.0, from.1, |table, _, slot| {
            let slot = slot.unwrap();
            if copy {
                let entry = table.entry(slot);
                let name = name(to.1);
                Detached::copy_of(entry, name.as_bytes(), entry.deadline_ms(), Access::lru(2))
            } else {
                table.detach(slot)
            }
        });
        let deadline = detached.entry().deadline_ms();
        self.with(to.0, to.1, |table, key, slot| {
            if let Some(slot) = slot {
                table.remove(slot);
            }
            table.insert_detached(key, detached, deadline, NOW_MS);
        });
        let value = match copy {
            true => self.model[&from].clone(),
            false => self.model.remove(&from).unwrap(),
        };
        self.model.insert(to, value);
    }

    fn play(&mut self, step: &Step) {
        match *step {
            Step::Put(db, number, ref value, deadline) => self.put(db, number, value, deadline),
            Step::PutMany(db, first, count) => {
                (first..first + count).for_each(|number| self.put(db, number, b"many", None));
            }
            Step::Remove(db, number) => self.remove(db, number),
            Step::RemoveMany(db, first, count) => {
                (first..first + count).for_each(|number| self.remove(db, number));
            }
            Step::Carry(from, to, copy) => self.carry(from, to, copy),
            Step::Deadline(db, number, deadline) => {
                self.with(db, number, |table, _, slot| {
                    if let Some(slot) = slot {
                        table.set_deadline(slot, deadline, NOW_MS);
                    }
                });
                self.model
                    .entry((db, number))
                    .and_modify(|value| value.1 = deadline);
            }
            Step::Append(db, number, len) => {
                let tail = vec![b'a'; len];
                self.with(db, number, |table, _, slot| {
                    slot.map(|slot| table.append(slot, &tail))
                });
                self.model
                    .entry((db, number))
                    .and_modify(|value| value.0.extend(&tail));
            }
            Step::Write(db, number, len) => {
                self.with(db, number, |table, _, slot| {
                    if let Some(slot) = slot {
                        table.widen(slot, len)[len - 1] = b'w';
                    }
                });
                self.model.entry((db, number)).and_modify(|value| {
                    value.0.resize(value.0.len().max(len), 0);
                    value.0[len - 1] = b'w';
                });
            }
            Step::Touch(db, number) => self.with(db, number, |table, _, slot| {
                if let Some(slot) = slot {
                    table.touch(slot, Access::lru(99));
                }
            }),
            Step::Rewrite(db, number, integer) => {
                self.with(db, number, |table, _, slot| {
                    slot.map(|slot| table.rewrite(slot, NewValue::Int(integer)))
                });
                self.model
                    .entry((db, number))
                    .and_modify(|value| value.0 = integer.to_string().into_bytes());
            }
            Step::Sweep(db, now_ms) => {
                let mut gone = Vec::new();
                let table = self.shard.database_mut(db);
                table.sweep(now_ms, 5, &mut |what| match what {
                    crate::Gone::Key(entry) => gone.push(entry.key().to_vec()),
                    crate::Gone::Fields { .. } => unreachable!("no hashes here"),
                });
                let model = &mut self.model;
                model.retain(|(at, number), _| {
                    *at != db || !gone.contains(&name(*number).into_bytes())
                });
            }
            Step::Flush(db) => {
                drop(self.shard.flush(db));
                self.model.retain(|(at, _), _| *at != db);
            }
            Step::Swap(a, b) => {
                self.shard.swap(a, b);
                let swapped = |at: usize| match at {
                    at if at == a => b,
                    at if at == b => a,
                    at => at,
                };
                let model = std::mem::take(&mut self.model);
                let model = model.into_iter();
                self.model = model
                    .map(|((at, number), value)| ((swapped(at), number), value))
                    .collect();
            }
            Step::Cut => self.cut(),
            Step::Save(work_bytes) => self.save(work_bytes),
            Step::TakeImages => {
                if let Some(snapshot) = &mut self.snapshot {
                    self.shard.take_images(&mut snapshot.images);
                }
            }
            Step::SaveImages(work_bytes) => {
                if let Some(snapshot) = &mut self.snapshot {
                    snapshot.save_images(work_bytes);
                }
            }
            Step::GiveUp => {
                if let Some(snapshot) = &mut self.snapshot {
                    snapshot.given_up = true;
                    self.gauge.abandon();
                }
            }
        }
        self.check();
    }

    fn cut(&mut self) {
        if self.snapshot.is_none() {
            self.gauge.begin(10_000);
            self.shard.cut(&self.gauge);
            self.snapshot = Some(Taken {
                at_cut: self.model.clone(),
                seen: Model::new(),
                images: Vec::new(),
                given_up: false,
            });
        }
    }

    fn save(&mut self, work_bytes: usize) {
        let Some(snapshot) = &mut self.snapshot else {
            return;
        };
        let seen = &mut snapshot.seen;
        let save = &mut |database, entry: Entry<'_>| Taken::saw(seen, database, entry);
        let more = self.shard.save(work_bytes, save);
        if more {
            assert!(self.shard.tables().any(Table::is_unsaved), "more of what?");
            return;
        }
        self.shard.take_images(&mut snapshot.images);
        snapshot.save_images(usize::MAX);
        let _ = self.shard.take_flushed().count();
        let snapshot = self.snapshot.take().unwrap();
        if !snapshot.given_up {
            assert!(snapshot.seen == snapshot.at_cut, "not what was there");
            self.taken_whole += 1;
        }
        assert_eq!(self.gauge.kept_bytes(), 0);
        assert!(!self.shard.tables().any(Table::is_unsaved));
        assert!(self.shard.flushed.is_empty());
    }

    fn check(&self) {
        self.shard.tables().for_each(Table::check);
        let mut there = Model::new();
        for database in 0..DATABASES {
            let see = &mut |entry: Entry<'_>| Taken::saw(&mut there, database, entry);
            self.shard.database(database).for_each(see);
        }
        assert!(there == self.model, "the table is not what was written");
        let images = self.snapshot.iter().flat_map(|taken| &taken.images);
        let kept_bytes = self.shard.tables().map(Table::kept_bytes).sum::<usize>()
            + images.map(Images::kept_bytes).sum::<usize>();
        assert_eq!(self.gauge.kept_bytes(), kept_bytes);
    }

    fn finish(&mut self) {
        while self.snapshot.is_some() {
            self.save(5_000);
        }
        self.check();
        // Every bit is equal again, so the next cut finds the ground level.
        self.cut();
        self.save(usize::MAX);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Put(usize, u32, Vec<u8>, Option<i64>),
    PutMany(usize, u32, u32),
    Remove(usize, u32),
    RemoveMany(usize, u32, u32),
    Carry((usize, u32), (usize, u32), bool),
    Deadline(usize, u32, Option<i64>),
    Append(usize, u32, usize),
    Write(usize, u32, usize),
    Rewrite(usize, u32, i64),
    Touch(usize, u32),
    Sweep(usize, i64),
    Flush(usize),
    Swap(usize, usize),
    Cut,
    Save(usize),
    TakeImages,
    SaveImages(usize),
    GiveUp,
}

fn step() -> impl Strategy<Value = Step> {
    let db = || 0..DATABASES;
    // Few, so that they meet; the bulk goes further.
    let number = || 0u32..400;
    let count = || prop_oneof![0u32..50, 0u32..2_000];
    let deadline = || prop::option::of(NOW_MS..NOW_MS + 100_000);
    let len = || prop_oneof![1usize..20, 1usize..300, 2_000usize..5_000];
    let value = prop_oneof![
        any::<i64>().prop_map(|integer| integer.to_string().into_bytes()),
        (any::<u8>(), len()).prop_map(|(byte, len)| vec![byte; len]),
    ];
    let work = || prop_oneof![1usize..500, 1usize..20_000];
    let place = || (db(), number());
    prop_oneof![
        6 => (place(), value, deadline())
            .prop_map(|((db, number), value, deadline)| Step::Put(db, number, value, deadline)),
        3 => (place(), count()).prop_map(|((db, n), count)| Step::PutMany(db, n, count)),
        3 => place().prop_map(|(db, number)| Step::Remove(db, number)),
        1 => (place(), count()).prop_map(|((db, n), count)| Step::RemoveMany(db, n, count)),
        3 => (place(), place(), any::<bool>()).prop_map(|(a, b, copy)| Step::Carry(a, b, copy)),
        2 => (place(), deadline()).prop_map(|((db, n), deadline)| Step::Deadline(db, n, deadline)),
        3 => (place(), len()).prop_map(|((db, number), len)| Step::Append(db, number, len)),
        3 => (place(), len()).prop_map(|((db, number), len)| Step::Write(db, number, len)),
        2 => (place(), any::<i64>()).prop_map(|((db, number), int)| Step::Rewrite(db, number, int)),
        1 => place().prop_map(|(db, number)| Step::Touch(db, number)),
        1 => (db(), NOW_MS..NOW_MS + 100_000).prop_map(|(db, now)| Step::Sweep(db, now)),
        1 => db().prop_map(Step::Flush),
        1 => (db(), db()).prop_map(|(a, b)| Step::Swap(a, b)),
        3 => Just(Step::Cut),
        5 => work().prop_map(Step::Save),
        1 => Just(Step::TakeImages),
        1 => work().prop_map(Step::SaveImages),
    ]
}

/// A table of some size first, so that the cut finds segments of all sorts.
fn steps() -> impl Strategy<Value = (u64, Vec<Step>)> {
    let first = prop_oneof![0u32..100, 300u32..3_000];
    let many = prop::collection::vec(step(), 1..80);
    (any::<u64>(), first, many).prop_map(|(seed, count, mut steps)| {
        steps.insert(0, Step::PutMany(0, 0, count));
        steps.insert(1, Step::Put(0, 3, vec![b'b'; 4_000], None));
        (seed, steps)
    })
}

fn play(seed: u64, steps: &[Step]) -> u32 {
    let mut played = Played::new(seed);
    steps.iter().for_each(|step| played.play(step));
    played.finish();
    played.taken_whole
}

fn config(cases: u32) -> Config {
    Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 0,
        ..Config::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn a_walk_saves_what_was_there_at_the_cut((seed, steps) in steps()) {
        prop_assert!(play(seed, &steps) > 0);
    }

    #[test]
    fn a_walk_that_is_given_up_leaves_no_trace(
        (seed, mut steps) in steps(),
        cut in 0usize..40,
        later in 0usize..40,
    ) {
        steps.insert(cut.min(steps.len()), Step::Cut);
        steps.insert((cut + later).min(steps.len()), Step::GiveUp);
        prop_assert!(play(seed, &steps) > 0);
    }
}

/// A test that never fails proves nothing: here are the mistakes it is for.
#[test]
fn mistakes_are_noticed() {
    let mistakes = [
        Mistake::ForgottenImage,
        Mistake::ForgottenBit,
        Mistake::ForgottenStash,
        Mistake::ForgottenTable,
        Mistake::BornUnsaved,
    ];
    let noticed = mistakes.map(|made| {
        let rng = TestRng::deterministic_rng(Default::default());
        let mut runner = TestRunner::new_with_rng(config(200), rng);
        let result = runner.run(&steps(), |(seed, steps)| {
            mistake::make(Some(made));
            let outcome = std::panic::catch_unwind(|| play(seed, &steps));
            mistake::make(None);
            match outcome {
                Ok(_) => Ok(()),
                Err(_) => Err(TestCaseError::fail("noticed")),
            }
        });
        matches!(result, Err(TestError::Fail(..)))
    });
    for (made, noticed) in mistakes.iter().zip(noticed) {
        assert!(noticed, "{made:?} goes unnoticed");
    }
}

/// Large values are shared, and weigh what they alone keep in memory.
#[test]
fn a_block_weighs_what_its_image_keeps_alive() {
    let mut played = Played::new(1);
    for number in 0..3 {
        played.put(0, number, &[b'x'; 100_000], None);
    }
    played.cut();
    let kept_bytes = |played: &Played| played.gauge.kept_bytes();
    played.play(&Step::Deadline(0, 0, Some(NOW_MS)));
    played.play(&Step::Carry((0, 1), (1, 1), false));
    assert!(kept_bytes(&played) < 200);
    played.play(&Step::Write(0, 2, 1));
    assert!((100_000..100_400).contains(&kept_bytes(&played)));
    assert!(played.gauge.is_full());
    assert!(!played.gauge.relieve());
    played.play(&Step::TakeImages);
    played.play(&Step::SaveImages(usize::MAX));
    assert_eq!(kept_bytes(&played), 0);
    assert!(played.gauge.relieve() && !played.gauge.is_full());
    played.finish();
}

#[test]
fn unsaved_entries_are_found_by_their_hash() {
    let mut played = Played::new(2);
    played.play(&Step::PutMany(0, 0, 3_000));
    played.cut();
    played.play(&Step::PutMany(0, 0, 1_000));
    played.play(&Step::PutMany(0, 3_000, 500));
    let hash = |number: u32| played.hasher.hash(name(number).as_bytes());
    let found = |number: u32| {
        let mut like = played.shard.unsaved_like(hash(number));
        like.any(|entry| entry.key() == name(number).as_bytes())
    };
    assert!((1_000..3_000).all(found));
    assert!(!(0..1_000).any(found) && !(3_000..3_500).any(found));
    let strangers = (0..1_000).map(|n| played.shard.unsaved_like(hash(n)).count());
    assert!(strangers.sum::<usize>() < 60);
    played.finish();
}
