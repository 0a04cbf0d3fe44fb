//! The table against a `BTreeMap`, and its promises about SCAN and expiry.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::entry::StringView;
use proptest::prelude::*;

const NOW_MS: i64 = 1_700_000_000_000;

fn table(seed: u64) -> Table {
    Table::new(KeyHasher::new([seed, 1]), 0, 0)
}

fn key(table: &Table, bytes: &'static [u8]) -> Key<'static> {
    Key {
        bytes,
        hash: table.hasher.hash(bytes),
    }
}

fn with_key<R>(table: &mut Table, number: u32, use_it: impl FnOnce(&mut Table, &Key) -> R) -> R {
    let bytes = format!("key:{number}");
    let hash = table.hasher.hash(bytes.as_bytes());
    let key = Key {
        bytes: bytes.as_bytes(),
        hash,
    };
    use_it(table, &key)
}

fn put(table: &mut Table, number: u32, value: &str, deadline_ms: Option<i64>) {
    with_key(table, number, |table, key| {
        let value = NewValue::String(value.as_bytes());
        match table.find(key) {
            Some(slot) => table.set(slot, value, deadline_ms, Access::lru(0), NOW_MS),
            None => {
                let slot = table.insert(key, value, deadline_ms, Access::lru(0), NOW_MS);
                assert_eq!(table.find(key), Some(slot));
            }
        }
    });
}

fn remove(table: &mut Table, number: u32) -> bool {
    with_key(table, number, |table, key| {
        table.find(key).map(|slot| table.remove(slot)).is_some()
    })
}

fn text(entry: Entry<'_>) -> String {
    match entry.string() {
        StringView::Int(value) => value.to_string(),
        StringView::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        StringView::Block(block) => String::from_utf8_lossy(block.bytes()).into_owned(),
    }
}

fn all(table: &Table) -> BTreeMap<String, (String, Option<i64>)> {
    let mut seen = BTreeMap::new();
    table.for_each(&mut |entry| {
        let key = String::from_utf8_lossy(entry.key()).into_owned();
        let old = seen.insert(key, (text(entry), entry.deadline_ms()));
        assert!(old.is_none());
    });
    seen
}

/// Segments grow through their sizes in step with each other. Once they left
/// the slabs of the former size half empty, five bytes for every key.
#[test]
fn segments_that_grow_leave_no_holes_behind() {
    let mut table = table(3);
    for i in 0..300_000 {
        put(&mut table, i, "v", None);
        if i > 100_000 && i % 20_000 == 0 {
            let share = table.slabs.overhead_bytes() * 100 / table.memory_bytes();
            assert!(share < 5, "{share} % of the memory is not in use");
        }
    }
}

#[test]
fn grows_splits_shrinks_and_merges_without_losing_a_key() {
    let mut table = table(3);
    for i in 0..60_000 {
        put(&mut table, i, "v", None);
    }
    table.check();
    assert_eq!(table.len(), 60_000);
    let load = 60_000.0 * 64.0 / 7.0 / table.segment_bytes as f64;
    assert!(load > 0.75, "a load of {load}");
    let full = table.segment_bytes;
    for i in 0..59_990 {
        assert!(remove(&mut table, i));
        if i % 5_000 == 0 {
            table.check();
        }
    }
    table.check();
    assert_eq!(all(&table).len(), 10);
    assert!(
        table.segment_bytes * 100 < full,
        "segments shrink and merge as keys go"
    );
    for i in 59_990..60_000 {
        assert!(remove(&mut table, i));
    }
    assert!(table.is_empty());
    assert_eq!(table.memory_bytes(), 0);
}

#[test]
fn a_scan_reports_every_lasting_key_exactly_once_whatever_else_happens() {
    for (seed, limit) in [(1, 1), (2, 10), (3, 500)] {
        let mut table = table(seed);
        for i in 0..5_000 {
            put(&mut table, i, "v", None);
        }
        let mut seen: BTreeMap<String, u32> = BTreeMap::new();
        let mut cursor = Some(table.scan_start());
        let (mut grown, mut gone) = (10_000, 2_500);
        while let Some(at) = cursor {
            cursor = table.scan(at, limit, &mut |entry| {
                *seen
                    .entry(String::from_utf8_lossy(entry.key()).into())
                    .or_default() += 1;
            });
            if let Some(next) = cursor {
                assert!(next > at, "a cursor moves on");
            }
            for _ in 0..limit * 2 {
                if grown < 40_000 {
                    put(&mut table, grown, "w", None);
                    grown += 1;
                } else if gone < 5_000 {
                    remove(&mut table, gone);
                    gone += 1;
                } else if grown < 70_000 {
                    remove(&mut table, grown - 30_000);
                    grown += 1;
                }
            }
        }
        for i in 0..2_500 {
            assert_eq!(seen.get(&format!("key:{i}")), Some(&1), "limit {limit}");
        }
        assert!(seen.values().all(|&times| times == 1), "never twice");
    }
}

#[test]
fn shards_cut_the_same_order() {
    let hasher = KeyHasher::new([9, 9]);
    let mut tables: Vec<Table> = (0..8).map(|i| Table::new(hasher, 3, i)).collect();
    for i in 0..20_000u32 {
        let bytes = format!("key:{i}");
        let hash = hasher.hash(bytes.as_bytes());
        let key = Key {
            bytes: bytes.as_bytes(),
            hash,
        };
        let table = &mut tables[(hash >> 61) as usize];
        table.insert(&key, NewValue::Int(1), None, Access::lru(0), NOW_MS);
    }
    let mut order = Vec::new();
    for table in &tables {
        table.check();
        let mut cursor = Some(table.scan_start());
        while let Some(at) = cursor {
            cursor = table.scan(at, 7, &mut |e| order.push(hasher.hash(e.key()) >> 20));
        }
    }
    assert_eq!(order.len(), 20_000);
    let last = tables.last().unwrap();
    assert_eq!(last.end(), 1 << 48);
}

fn gone_key(gone: Gone<'_>) -> Entry<'_> {
    match gone {
        Gone::Key(entry) => entry,
        Gone::Fields { .. } => unreachable!("no hashes here"),
    }
}

#[test]
fn expired_keys_go_when_they_are_due_and_not_before() {
    let mut table = table(5);
    for i in 0..20_000 {
        put(&mut table, i, "v", Some(NOW_MS + i64::from(i)));
    }
    put(&mut table, 20_001, "stays", None);
    put(&mut table, 20_002, "far", Some(i64::MAX));
    let mut now_ms = NOW_MS;
    while now_ms < NOW_MS + 22_000 {
        now_ms += 100;
        let mut gone = Vec::new();
        while table.sweep(now_ms, 16, &mut |it| {
            gone.push(gone_key(it).deadline_ms().unwrap())
        }) {}
        assert!(gone.iter().all(|&deadline| deadline < now_ms));
        let oldest = all(&table).values().filter_map(|(_, d)| *d).min().unwrap();
        assert!(oldest > now_ms - 1_100, "{} ms late", now_ms - oldest);
        table.check();
    }
    assert_eq!(table.len(), 2);
}

#[test]
fn deadlines_follow_their_keys_through_splits_and_changes() {
    let mut table = table(8);
    for i in 0..10_000 {
        put(&mut table, i, "v", Some(NOW_MS + 500_000_000));
    }
    with_key(&mut table, 77, |table, key| {
        let slot = table.find(key).unwrap();
        table.set_deadline(slot, Some(NOW_MS + 1_000), NOW_MS);
    });
    with_key(&mut table, 78, |table, key| {
        let slot = table.find(key).unwrap();
        table.set_deadline(slot, None, NOW_MS);
    });
    for i in 10_000..40_000 {
        put(&mut table, i, "v", None);
    }
    table.check();
    assert_eq!(table.volatile(), 9_999);
    let mut gone = 0;
    for step in 0..30 {
        while table.sweep(NOW_MS + step * 100, 100, &mut |_| gone += 1) {}
    }
    assert_eq!(gone, 1);
    while table.sweep(NOW_MS + 600_000_000, 100, &mut |_| gone += 1) {}
    assert_eq!(gone, 9_999);
    table.check();
}

#[test]
fn random_reaches_every_key_about_as_often() {
    let mut table = table(6);
    for i in 0..1_000 {
        put(&mut table, i, "v", None);
    }
    let mut rng = base::rng::Rng::new(42);
    let mut times: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
    for _ in 0..100_000 {
        let slot = table.random(&mut || rng.next_u64()).unwrap();
        *times.entry(table.entry(slot).key().to_vec()).or_default() += 1;
    }
    assert_eq!(times.len(), 1_000);
    assert!(times.values().all(|&n| n > 30 && n < 300));
}

#[test]
fn long_keys_and_the_empty_key_are_keys() {
    let mut table = table(7);
    let long: &'static [u8] = Box::leak(vec![b'k'; 100_000].into_boxed_slice());
    for bytes in [b"", long, &long[..99_999]] {
        let key = key(&table, bytes);
        table.insert(&key, NewValue::Raw(bytes), None, Access::lru(0), NOW_MS);
        assert_eq!(table.entry(table.find(&key).unwrap()).key(), bytes);
    }
    table.check();
}

#[derive(Clone, Debug)]
enum Step {
    Put(u32, String, Option<i64>),
    Remove(u32),
    Rename(u32, u32),
    Deadline(u32, Option<i64>),
    Sweep(i64),
    PutMany(u32, u32),
    RemoveMany(u32, u32),
}

fn step() -> impl Strategy<Value = Step> {
    let number = 0u32..300;
    let deadline = prop::option::of(NOW_MS..NOW_MS + 100_000);
    prop_oneof![
        4 => (number.clone(), "[a-z]{0,100}|-?[0-9]{1,18}", deadline.clone())
            .prop_map(|(k, v, d)| Step::Put(k, v, d)),
        2 => number.clone().prop_map(Step::Remove),
        1 => (number.clone(), number.clone()).prop_map(|(a, b)| Step::Rename(a, b)),
        1 => (number.clone(), deadline).prop_map(|(k, d)| Step::Deadline(k, d)),
        1 => (NOW_MS..NOW_MS + 100_000).prop_map(Step::Sweep),
        1 => (number.clone(), 0u32..3000).prop_map(|(k, n)| Step::PutMany(k, n)),
        1 => (number, 0u32..3000).prop_map(|(k, n)| Step::RemoveMany(k, n)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn agrees_with_a_map(seed in any::<u64>(), steps in prop::collection::vec(step(), 1..60)) {
        let mut table = table(seed);
        let mut model: BTreeMap<String, (String, Option<i64>)> = BTreeMap::new();
        let name = |n: u32| format!("key:{n}");
        for step in steps {
            match step {
                Step::Put(k, v, d) => {
                    put(&mut table, k, &v, d);
                    model.insert(name(k), (v, d));
                }
                Step::Remove(k) => {
                    prop_assert_eq!(remove(&mut table, k), model.remove(&name(k)).is_some());
                }
                Step::Rename(a, b) if a != b => {
                    let from = with_key(&mut table, a, |t, k| t.find(k).map(|s| t.detach(s)));
                    if let Some(detached) = from {
                        remove(&mut table, b);
                        let deadline = detached.entry().deadline_ms();
                        with_key(&mut table, b, |t, k| t.insert_detached(k, detached, deadline, NOW_MS));
                        let value = model.remove(&name(a)).unwrap();
                        model.insert(name(b), value);
                    }
                }
                Step::Rename(..) => {}
                Step::Deadline(k, d) => with_key(&mut table, k, |t, key| {
                    if let Some(slot) = t.find(key) {
                        t.set_deadline(slot, d, NOW_MS);
                        model.get_mut(&name(k)).unwrap().1 = d;
                    }
                }),
                Step::Sweep(now) => {
                    let mut gone = BTreeSet::new();
                    while table.sweep(now, 3, &mut |it| {
                        gone.insert(String::from_utf8_lossy(gone_key(it).key()).into_owned());
                    }) {}
                    for k in gone {
                        let (_, deadline) = model.remove(&k).expect("only live keys expire");
                        prop_assert!(deadline.unwrap() < now);
                    }
                }
                Step::PutMany(k, n) => for i in k..k + n {
                    put(&mut table, i, "m", None);
                    model.insert(name(i), ("m".into(), None));
                },
                Step::RemoveMany(k, n) => for i in k..k + n {
                    prop_assert_eq!(remove(&mut table, i), model.remove(&name(i)).is_some());
                },
            }
            table.check();
        }
        prop_assert_eq!(all(&table), model);
    }
}
