//! Hashes of both forms against maps, while snapshots are taken and copies are made.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{Detached, Entry, ImageGauge, Images, KeyHasher, Kind, Shard};

const NOW_MS: i64 = 1_700_000_000_000;

type Fields = BTreeMap<Vec<u8>, Vec<u8>>;
/// A key may hold a string in between.
type Model = BTreeMap<u8, Result<Fields, Vec<u8>>>;

#[derive(Clone, Debug)]
enum Step {
    Put(u8, Vec<(u16, Vec<u8>)>),
    Remove(u8, u16, u16),
    Copy(u8, u8),
    Delete(u8),
    Text(u8, Vec<u8>),
    Deadline(u8, Option<i64>),
    Cut,
    Save(usize),
}

struct Played {
    hasher: KeyHasher,
    shard: Shard,
    gauge: Arc<ImageGauge>,
    limits: Limits,
    model: Model,
    snapshot: Option<(Model, Model)>,
}

fn name_of(field: u16) -> Vec<u8> {
    match field % 3 {
        0 => format!("{field}").into_bytes(),
        _ => format!("field:{field}").into_bytes(),
    }
}

fn content(entry: Entry<'_>) -> Result<Fields, Vec<u8>> {
    let Some(hash) = entry.hash() else {
        return Err(entry.string().with_bytes(<[u8]>::to_vec));
    };
    let fields: Fields = hash
        .iter()
        .map(|(field, value)| (field.to_vec(), value.to_vec()))
        .collect();
    assert_eq!(fields.len(), hash.len());
    Ok(fields)
}

fn keep(into: &mut Model, entry: Entry<'_>) {
    let before = into.insert(entry.key()[0], content(entry));
    assert!(before.is_none(), "twice");
}

impl Played {
    fn new(seed: u64, limits: Limits) -> Played {
        let hasher = KeyHasher::new([seed, 1]);
        Played {
            hasher,
            shard: Shard::new(hasher, 0, 0, 1),
            gauge: Arc::new(ImageGauge::default()),
            limits,
            model: Model::new(),
            snapshot: None,
        }
    }

    fn with<R>(&mut self, key: u8, act: impl FnOnce(&mut Table, &Key<'_>, Option<Slot>) -> R) -> R {
        let bytes = [key];
        let key = Key {
            bytes: &bytes,
            hash: self.hasher.hash(&bytes),
        };
        let table = self.shard.database_mut(0);
        let slot = table.find(&key);
        act(table, &key, slot)
    }

    fn put(&mut self, key: u8, fields: &[(u16, Vec<u8>)]) {
        if !matches!(self.model.get(&key), None | Some(Ok(_))) {
            return;
        }
        let limits = self.limits;
        let fill = |edit: &mut HashEdit<'_>| -> usize {
            let added = fields.iter().filter(|(f, v)| edit.put(&name_of(*f), v));
            added.count()
        };
        let added = self.with(key, |table, key, slot| match slot {
            Some(slot) => table.change_hash(slot, limits, fill),
            None => table.insert_hash(key, limits, Access::lru(1), NOW_MS, fill),
        });
        let known = self.model.entry(key).or_insert(Ok(Fields::new()));
        let known = known.as_mut().unwrap();
        let before = known.len();
        known.extend(fields.iter().map(|(f, v)| (name_of(*f), v.clone())));
        assert_eq!(added, known.len() - before);
    }

    fn remove(&mut self, key: u8, from: u16, to: u16) {
        let Some(Ok(fields)) = self.model.get_mut(&key) else {
            return;
        };
        let gone = (from..to).filter(|f| fields.remove(&name_of(*f)).is_some());
        let (gone, empty) = (gone.count(), fields.is_empty());
        let limits = self.limits;
        self.with(key, |table, _, slot| {
            let slot = slot.unwrap();
            let removed = table.change_hash(slot, limits, |edit| {
                let removed = (from..to).filter(|f| edit.remove(&name_of(*f))).count();
                assert_eq!(edit.is_empty(), empty);
                removed
            });
            assert_eq!(removed, gone);
            if empty {
                table.remove(slot);
            }
        });
        if empty {
            self.model.remove(&key);
        }
    }

    fn play(&mut self, step: &Step) {
        match step {
            Step::Put(key, fields) => self.put(*key, fields),
            Step::Remove(key, from, count) => self.remove(*key, *from, from + count),
            Step::Copy(from, to) => {
                let Some(value) = self.model.get(from).cloned().filter(|_| from != to) else {
                    return;
                };
                let copy = self.with(*from, |table, _, slot| {
                    let entry = table.entry(slot.unwrap());
                    Detached::copy_of(entry, &[*to], None, Access::lru(2))
                });
                self.with(*to, |table, key, slot| {
                    if let Some(slot) = slot {
                        table.remove(slot);
                    }
                    table.insert_detached(key, copy, None, NOW_MS);
                });
                self.model.insert(*to, value);
            }
            Step::Delete(key) => {
                self.with(*key, |table, _, slot| slot.map(|slot| table.remove(slot)));
                self.model.remove(key);
            }
            Step::Text(key, text) => {
                let value = NewValue::Text(text);
                self.with(*key, |table, key, slot| match slot {
                    Some(slot) => table.set(slot, value, None, Access::lru(3), NOW_MS),
                    None => drop(table.insert(key, value, None, Access::lru(3), NOW_MS)),
                });
                self.model.insert(*key, Err(text.clone()));
            }
            Step::Deadline(key, at) => self.with(*key, |table, _, slot| {
                if let Some(slot) = slot {
                    table.set_deadline(slot, *at, NOW_MS);
                }
            }),
            Step::Cut if self.snapshot.is_none() => {
                self.gauge.begin(usize::MAX);
                self.shard.cut(&self.gauge);
                self.snapshot = Some((self.model.clone(), Model::new()));
            }
            Step::Cut => {}
            Step::Save(work_bytes) => self.save(*work_bytes),
        }
        self.check();
    }

    fn save(&mut self, work_bytes: usize) {
        let Some((at_cut, seen)) = &mut self.snapshot else {
            return;
        };
        let more = self
            .shard
            .save(work_bytes, &mut |_, entry| keep(seen, entry));
        if more {
            return;
        }
        let mut images: Vec<Images> = Vec::new();
        self.shard.take_images(&mut images);
        for images in &mut images {
            images.save(
                &mut usize::MAX.clone(),
                &mut |_, entry| keep(seen, entry),
                &mut Vec::new(),
            );
        }
        assert!(seen == at_cut, "not what was there at the cut");
        drop(images);
        self.snapshot = None;
        assert_eq!(self.gauge.kept_bytes(), 0);
    }

    fn check(&self) {
        let table = self.shard.database(0);
        table.check();
        let mut there = Model::new();
        table.for_each(&mut |entry| {
            keep(&mut there, entry);
            check_reads(entry);
        });
        assert!(there == self.model, "the table is not what was written");
    }
}

/// The other ways to look at a hash say the same.
fn check_reads(entry: Entry<'_>) {
    let Some(hash) = entry.hash() else {
        return;
    };
    assert_eq!(entry.kind(), Kind::Hash);
    let fields = content(entry).unwrap();
    for (name, value) in &fields {
        assert!(hash.contains(name) && hash.get(name).unwrap().is(value));
    }
    assert!(!hash.contains(b"none") && hash.get(b"none").is_none());
    let (mut cursor, mut scanned) = (0, Fields::new());
    loop {
        cursor = hash.scan(cursor, 7, &mut |field, value| {
            assert!(scanned.insert(field.to_vec(), value.to_vec()).is_none());
        });
        if cursor == 0 {
            break;
        }
    }
    assert!(scanned == fields);
    let random = hash.random(&mut base::Rng::new(fields.len() as u64));
    let (field, value) = random.expect("no hash is empty");
    assert_eq!(fields[&field.to_vec()], value.to_vec());
}

fn step() -> impl Strategy<Value = Step> {
    let key = || b'a'..b'f';
    let field = || prop_oneof![0u16..20, 0u16..3_000];
    let value = || {
        prop_oneof![
            any::<i64>().prop_map(|number| number.to_string().into_bytes()),
            (any::<u8>(), 0usize..12).prop_map(|(byte, len)| vec![byte; len]),
            (any::<u8>(), 0usize..300).prop_map(|(byte, len)| vec![byte; len]),
        ]
    };
    let few = prop::collection::vec((field(), value()), 1..5);
    let many = (0u16..2_000, 1u16..400).prop_map(|(from, count)| {
        let fields = from..from + count;
        fields.map(|f| (f, b"many".to_vec())).collect::<Vec<_>>()
    });
    prop_oneof![
        8 => (key(), few).prop_map(|(key, fields)| Step::Put(key, fields)),
        2 => (key(), many).prop_map(|(key, fields)| Step::Put(key, fields)),
        4 => (key(), field(), 1u16..400).prop_map(|(k, from, count)| Step::Remove(k, from, count)),
        2 => (key(), key()).prop_map(|(from, to)| Step::Copy(from, to)),
        1 => key().prop_map(Step::Delete),
        1 => (key(), value()).prop_map(|(key, text)| Step::Text(key, text)),
        1 => (key(), prop::option::of(NOW_MS..NOW_MS + 9)).prop_map(|(k, at)| Step::Deadline(k, at)),
        2 => Just(Step::Cut),
        3 => (1usize..400).prop_map(Step::Save),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    let entries = prop_oneof![0usize..4, Just(128), Just(usize::MAX)];
    let value_bytes = prop_oneof![0usize..8, Just(64), Just(usize::MAX)];
    (entries, value_bytes).prop_map(|(entries, value_bytes)| Limits {
        entries,
        value_bytes,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn hashes_against_maps(
        seed in any::<u64>(),
        limits in limits(),
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let mut played = Played::new(seed, limits);
        steps.iter().for_each(|step| played.play(step));
        while played.snapshot.is_some() {
            played.save(1_000);
        }
        played.check();
    }
}

#[test]
fn a_hash_grows_large_at_its_limits() {
    let limits = Limits {
        entries: 3,
        value_bytes: 5,
    };
    let form = |fields: &[(&[u8], &[u8])]| {
        let hasher = KeyHasher::new([1, 2]);
        let mut table = Table::new(hasher, 0, 0);
        let key = Key {
            bytes: b"key",
            hash: hasher.hash(b"key"),
        };
        table.insert_hash(&key, limits, Access::lru(1), NOW_MS, |edit| {
            for (field, value) in fields {
                edit.put(field, value);
            }
        });
        let slot = table.find(&key).unwrap();
        table.entry(slot).encoding_name()
    };
    assert_eq!(
        form(&[(b"a", b"1"), (b"b", b"2"), (b"c", b"3")]),
        "listpack"
    );
    assert_eq!(
        form(&[(b"a", b"1"), (b"a", b"2"), (b"a", b"3"), (b"a", b"")]),
        "listpack"
    );
    assert_eq!(
        form(&[(b"a", b"1"), (b"b", b"2"), (b"c", b""), (b"d", b"")]),
        "hashtable"
    );
    assert_eq!(form(&[(b"12345", b"54321")]), "listpack");
    assert_eq!(form(&[(b"123456", b"")]), "hashtable");
    assert_eq!(form(&[(b"a", b"123456")]), "hashtable");
}

/// COPY and an image cost counts; who writes copies what it touches.
#[test]
fn a_large_hash_is_shared_page_by_page() {
    let mut played = Played::new(
        3,
        Limits {
            entries: 0,
            value_bytes: 64,
        },
    );
    let fields: Vec<_> = (0..20_000).map(|f| (f, b"value".to_vec())).collect();
    played.put(b'a', &fields);
    let (at_start, gauge) = (played.shard.memory_bytes(), played.gauge.clone());
    played.play(&Step::Copy(b'a', b'b'));
    let references = played.with(b'a', |table, _, slot| {
        table.entry(slot.unwrap()).reference_count()
    });
    assert_eq!(references, 2);
    played.play(&Step::Cut);
    played.play(&Step::Put(b'a', vec![(1, b"other".to_vec())]));
    assert!(
        gauge.kept_bytes() < 300,
        "a change in place keeps no more than an entry"
    );
    played.play(&Step::Delete(b'a'));
    played.play(&Step::Delete(b'b'));
    assert!(
        gauge.kept_bytes() > at_start / 2,
        "what only an image holds is counted"
    );
    while played.snapshot.is_some() {
        played.save(100);
    }
}
