//! Hashes of both forms against maps, while snapshots are taken and copies are made.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use structs::dict::Deadline;

use super::*;
use crate::value::Limits;
use crate::{
    Access, Detached, Entry, Gone, ImageGauge, Images, Key, KeyHasher, Kind, NewValue, Shard, Slot,
    Table,
};

const NOW_MS: i64 = 1_700_000_000_000;

type Fields = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;
/// A key may hold a string in between.
type Model = BTreeMap<u8, Result<Fields, Vec<u8>>>;

#[derive(Clone, Debug)]
enum Step {
    Put(u8, Vec<(u16, Vec<u8>)>),
    /// With this deadline, or with the one that it has.
    PutUntil(u8, u16, u16, Vec<u8>, Option<i64>),
    FieldDeadline(u8, u16, u16, Option<i64>),
    Sweep(i64),
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
        .fields()
        .map(|f| (f.name.to_vec(), (f.value.to_vec(), f.deadline_ms)))
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
            Some(slot) => table.change_hash(slot, limits, NOW_MS, fill),
            None => table.insert_hash(key, limits, Access::lru(1), NOW_MS, fill),
        });
        let known = self.model.entry(key).or_insert(Ok(Fields::new()));
        let known = known.as_mut().unwrap();
        let before = known.len();
        known.extend(fields.iter().map(|(f, v)| (name_of(*f), (v.clone(), None))));
        assert_eq!(added, known.len() - before);
    }

    fn put_until(&mut self, key: u8, names: std::ops::Range<u16>, value: &[u8], at: Option<i64>) {
        let Some(Ok(fields)) = self.model.get_mut(&key) else {
            return;
        };
        let limits = self.limits;
        let deadline = at.map_or(Deadline::Keep, Deadline::At);
        let fill = |edit: &mut HashEdit<'_>| {
            for field in names.clone() {
                let name = name_of(field);
                let old_ms = fields.get(&name).and_then(|(_, ms)| *ms);
                let is_new = fields.insert(name.clone(), (value.to_vec(), at.or(old_ms)));
                assert_eq!(edit.put_until(&name, value, deadline), is_new.is_none());
            }
        };
        let key = [key];
        let key = Key {
            bytes: &key,
            hash: self.hasher.hash(&key),
        };
        let table = self.shard.database_mut(0);
        let slot = table.find(&key).unwrap();
        table.change_hash(slot, limits, NOW_MS, fill);
    }

    fn field_deadline(&mut self, key: u8, names: std::ops::Range<u16>, at: Option<i64>) {
        let Some(Ok(mut fields)) = self.model.get(&key).cloned() else {
            return;
        };
        let limits = self.limits;
        self.with(key, |table, _, slot| {
            table.change_hash(slot.unwrap(), limits, NOW_MS, |edit| {
                for name in names.map(name_of) {
                    let field = fields.get_mut(&name).map(|field| field.1 = at);
                    assert_eq!(edit.set_deadline(&name, at), field.is_some());
                }
            });
        });
        self.model.insert(key, Ok(fields));
    }

    fn sweep(&mut self, now_ms: i64) {
        let model = &mut self.model;
        let table = self.shard.database_mut(0);
        let more = table.sweep(now_ms, 3, &mut |gone| match gone {
            Gone::Key(entry) => {
                assert!(entry.is_expired(now_ms));
                let gone = model.remove(&entry.key()[0]);
                assert!(gone.is_some(), "it was there");
            }
            Gone::Fields { key, names } => {
                let Some(Ok(fields)) = model.get_mut(&key[0]) else {
                    panic!("fields of no hash")
                };
                for name in names.iter() {
                    let (_, at) = fields.remove(name).expect("it was there");
                    assert!(at.unwrap() < now_ms);
                }
                if fields.is_empty() {
                    model.remove(&key[0]);
                }
            }
        });
        let _ = more;
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
            let removed = table.change_hash(slot, limits, NOW_MS, |edit| {
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
            Step::PutUntil(key, from, count, value, at) => {
                self.put_until(*key, *from..from + count, value, *at);
            }
            Step::FieldDeadline(key, from, count, at) => {
                self.field_deadline(*key, *from..from + count, *at);
            }
            Step::Sweep(now_ms) => self.sweep(*now_ms),
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
    for (name, (value, deadline_ms)) in &fields {
        assert!(hash.contains(name) && hash.get(name).unwrap().is(value));
        assert_eq!(hash.deadline_ms(name), Some(*deadline_ms));
    }
    assert!(!hash.contains(b"none") && hash.get(b"none").is_none());
    if let HashForm::Timed(list) = hash.form() {
        assert!(timed::is_sound(list));
    }
    let soonest_ms = fields.values().filter_map(|(_, at)| *at).min();
    assert_eq!(hash.next_deadline_ms().is_some(), soonest_ms.is_some());
    assert!(hash.next_deadline_ms() <= soonest_ms);
    check_shown(hash, &fields, i64::MIN);
    check_shown(hash, &fields, NOW_MS + 500);
}

/// What a view at some time shows.
fn check_shown(hash: HashView<'_>, fields: &Fields, now_ms: i64) {
    let mut shown = fields.clone();
    shown.retain(|_, (_, at)| at.is_none_or(|ms| ms >= now_ms));
    let shown: BTreeMap<_, _> = shown.into_iter().map(|(f, (v, _))| (f, v)).collect();
    let hash = hash.at(now_ms);
    assert_eq!((hash.len(), hash.shown_len()), (fields.len(), shown.len()));
    for name in fields.keys() {
        assert_eq!(hash.contains(name), shown.contains_key(name));
        assert_eq!(hash.get(name).map(Item::to_vec), shown.get(name).cloned());
    }
    let listed: BTreeMap<_, _> = hash.iter().map(|(f, v)| (f.to_vec(), v.to_vec())).collect();
    assert!(listed == shown);
    let (mut cursor, mut scanned) = (0, BTreeMap::new());
    loop {
        cursor = hash.scan(cursor, 7, &mut |field, value| {
            assert!(scanned.insert(field.to_vec(), value.to_vec()).is_none());
        });
        if cursor == 0 {
            break;
        }
    }
    assert!(scanned == shown);
    match hash.random(&mut base::Rng::new(fields.len() as u64)) {
        Some((field, value)) => assert_eq!(shown[&field.to_vec()], value.to_vec()),
        None => assert!(shown.is_empty()),
    }
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
    let soon = || NOW_MS + 1..NOW_MS + 2_000;
    let few = prop::collection::vec((field(), value()), 1..5);
    let many = (0u16..2_000, 1u16..400).prop_map(|(from, count)| {
        let fields = from..from + count;
        fields.map(|f| (f, b"many".to_vec())).collect::<Vec<_>>()
    });
    prop_oneof![
        8 => (key(), few).prop_map(|(key, fields)| Step::Put(key, fields)),
        2 => (key(), many).prop_map(|(key, fields)| Step::Put(key, fields)),
        4 => (key(), field(), 1u16..60, value(), prop::option::of(soon()))
            .prop_map(|(k, f, n, v, at)| Step::PutUntil(k, f, n, v, at)),
        4 => (key(), field(), 1u16..600, prop::option::of(soon()))
            .prop_map(|(k, f, n, at)| Step::FieldDeadline(k, f, n, at)),
        3 => (NOW_MS..NOW_MS + 4_000).prop_map(Step::Sweep),
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
        // All goes in the end, whatever was forgotten in between.
        for round in 1..60 {
            played.sweep(NOW_MS + 5_000 + round * 200);
        }
        played.check();
        let due = |(_, at): &(Vec<u8>, Option<i64>)| at.is_some();
        let left = played.model.values().flatten().filter(|fields| fields.values().any(due));
        prop_assert_eq!(left.count(), 0);
    }
}

#[test]
fn a_small_hash_gets_room_for_deadlines_and_keeps_it() {
    let limits = Limits {
        entries: 3,
        value_bytes: 64,
    };
    let mut played = Played::new(4, limits);
    let name = |played: &mut Played| {
        played.with(b'a', |table, _, slot| {
            table.entry(slot.unwrap()).encoding_name()
        })
    };
    played.put(b'a', &[(1, b"1".to_vec()), (2, b"2".to_vec())]);
    assert_eq!(name(&mut played), "listpack");
    played.play(&Step::FieldDeadline(b'a', 7, 1, Some(NOW_MS + 9)));
    played.play(&Step::FieldDeadline(b'a', 2, 1, Some(NOW_MS + 9)));
    assert_eq!(name(&mut played), "listpackex");
    assert_eq!(played.shard.counts(0).timed, 1);
    let order = played.with(b'a', |table, _, slot| {
        let hash = table.entry(slot.unwrap()).hash().unwrap();
        let names: Vec<_> = hash.iter().map(|(field, _)| field.to_vec()).collect();
        names
    });
    assert_eq!(order, [name_of(2), name_of(1)], "the soonest first");
    played.play(&Step::FieldDeadline(b'a', 2, 1, None));
    assert_eq!(name(&mut played), "listpackex");
    assert_eq!(played.shard.counts(0).timed, 0);
    played.play(&Step::FieldDeadline(b'a', 2, 1, Some(NOW_MS + 9)));
    played.play(&Step::Put(b'a', vec![(3, vec![]), (4, vec![])]));
    assert_eq!(name(&mut played), "hashtable");
    assert_eq!(played.shard.counts(0).timed, 1);
    played.play(&Step::Delete(b'a'));
    assert_eq!(played.shard.counts(0).timed, 0);
}

/// However many fields are due at once, a look takes a few, and soon all are gone.
#[test]
fn fields_go_in_bounded_looks() {
    let limits = Limits {
        entries: 8,
        value_bytes: 64,
    };
    let mut played = Played::new(5, limits);
    let fields: Vec<_> = (0..20_000).map(|f| (f, b"v".to_vec())).collect();
    played.put(b'a', &fields);
    played.put(b'b', &[(1, b"v".to_vec()), (2, b"v".to_vec())]);
    played.field_deadline(b'a', 0..20_000, Some(NOW_MS + 100));
    played.field_deadline(b'b', 1..2, Some(NOW_MS + 100));
    let table = played.shard.database_mut(0);
    let (mut looks, mut gone, now_ms) = (0, 0, NOW_MS + 400);
    loop {
        let before = gone;
        let more = table.sweep(now_ms, 1, &mut |what| match what {
            Gone::Fields { names, .. } => gone += names.len(),
            Gone::Key(_) => panic!("no key is due"),
        });
        looks += 1;
        assert!(gone - before < 2_000, "a look takes few");
        if !more {
            break;
        }
    }
    assert!(looks > 10);
    assert_eq!(gone, 20_001);
    assert_eq!(table.len(), 1);
    table.check();
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
