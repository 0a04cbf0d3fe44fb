//! Sets of all forms against those of std, while snapshots are taken and copies are made.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use base::Rng;
use proptest::prelude::*;

use super::algebra::Probe;
use super::*;
use crate::{Detached, Entry, ImageGauge, Images, KeyHasher, Kind, Shard};

const NOW_MS: i64 = 1_700_000_000_000;

type Texts = BTreeSet<Vec<u8>>;
/// A key may hold a string in between.
type Model = BTreeMap<u8, Result<Texts, Vec<u8>>>;

#[derive(Clone, Debug)]
enum Step {
    /// With as many members announced, and some more.
    Add(u8, Vec<Vec<u8>>, usize),
    Remove(u8, Vec<Vec<u8>>),
    Pop(u8, usize),
    Retain(u8),
    Copy(u8, u8),
    Delete(u8),
    Text(u8, Vec<u8>),
    Cut,
    Save(usize),
}

struct Played {
    hasher: KeyHasher,
    shard: Shard,
    gauge: Arc<ImageGauge>,
    limits: SetLimits,
    model: Model,
    snapshot: Option<(Model, Model)>,
    rng: Rng,
}

fn texts(set: SetView<'_>) -> Texts {
    let members: Texts = set.iter().map(Item::to_vec).collect();
    assert_eq!(members.len(), set.len());
    members
}

fn content(entry: Entry<'_>) -> Result<Texts, Vec<u8>> {
    match entry.set() {
        None => Err(entry.string().with_bytes(<[u8]>::to_vec)),
        Some(set) => Ok(texts(set)),
    }
}

fn keep(into: &mut Model, entry: Entry<'_>) {
    let before = into.insert(entry.key()[0], content(entry));
    assert!(before.is_none(), "twice");
}

impl Played {
    fn new(seed: u64, limits: SetLimits) -> Played {
        let hasher = KeyHasher::new([seed, 1]);
        Played {
            hasher,
            shard: Shard::new(hasher, 0, 0, 1),
            gauge: Arc::new(ImageGauge::default()),
            limits,
            model: Model::new(),
            snapshot: None,
            rng: Rng::new(seed),
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

    fn add(&mut self, key: u8, members: &[Vec<u8>], more: usize) {
        if members.is_empty() || !matches!(self.model.get(&key), None | Some(Ok(_))) {
            return;
        }
        let limits = self.limits;
        let fill = |edit: &mut SetEdit<'_>| -> usize {
            edit.expect(members.len() + more, &members[0]);
            members.iter().filter(|member| edit.add(member)).count()
        };
        let added = self.with(key, |table, key, slot| match slot {
            Some(slot) => table.change_set(slot, limits, fill),
            None => table.insert_set(key, limits, Access::lru(1), NOW_MS, fill),
        });
        let known = self.model.entry(key).or_insert(Ok(Texts::new()));
        let known = known.as_mut().unwrap();
        let before = known.len();
        known.extend(members.iter().cloned());
        assert_eq!(added, known.len() - before);
    }

    /// Change a set that is there, and say what became of it in the model.
    fn change(&mut self, key: u8, change: impl FnOnce(&mut SetEdit<'_>, &mut Texts, &mut Rng)) {
        let Some(Ok(mut members)) = self.model.get(&key).cloned() else {
            return;
        };
        let (limits, mut rng) = (self.limits, self.rng.clone());
        self.with(key, |table, _, slot| {
            let slot = slot.unwrap();
            let is_empty = table.change_set(slot, limits, |edit| {
                change(edit, &mut members, &mut rng);
                edit.is_empty()
            });
            assert_eq!(is_empty, members.is_empty());
            if is_empty {
                table.remove(slot);
            }
        });
        self.rng = rng;
        match members.is_empty() {
            true => self.model.remove(&key),
            false => self.model.insert(key, Ok(members)),
        };
    }

    fn play(&mut self, step: &Step) {
        match step {
            Step::Add(key, members, more) => self.add(*key, members, *more),
            Step::Remove(key, gone) => self.change(*key, |edit, members, _| {
                for member in gone {
                    assert_eq!(edit.remove(member), members.remove(member));
                }
            }),
            Step::Pop(key, count) => self.change(*key, |edit, members, rng| {
                for _ in 0..(*count).min(members.len()) {
                    assert!(members.remove(&edit.pop(rng)));
                }
            }),
            Step::Retain(key) => self.change(*key, |edit, members, _| {
                if !matches!(edit.view(), SetView::Large(_)) {
                    edit.retain_packed(|item| item.text_len() % 2 == 0);
                    members.retain(|text| text.len() % 2 == 0);
                }
            }),
            Step::Copy(from, to) => self.copy(*from, *to),
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

    fn copy(&mut self, from: u8, to: u8) {
        let Some(value) = self.model.get(&from).cloned().filter(|_| from != to) else {
            return;
        };
        let copy = self.with(from, |table, _, slot| {
            let entry = table.entry(slot.unwrap());
            Detached::copy_of(entry, &[to], None, Access::lru(2))
        });
        self.with(to, |table, key, slot| {
            if let Some(slot) = slot {
                table.remove(slot);
            }
            table.insert_detached(key, copy, None, NOW_MS);
        });
        self.model.insert(to, value);
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

    fn check(&mut self) {
        let (limits, hasher) = (self.limits, self.hasher);
        let table = self.shard.database(0);
        table.check();
        let mut there = Model::new();
        let mut copies = Vec::new();
        table.for_each(&mut |entry| {
            keep(&mut there, entry);
            check_reads(entry, limits);
            copies.extend(SetCopy::of(entry));
        });
        assert!(there == self.model, "the table is not what was written");
        let views: Vec<SetView<'_>> = copies.iter().map(SetCopy::view).collect();
        for count in 1..=views.len() {
            check_algebra(&views[..count], limits, hasher);
        }
    }
}

/// The other ways to look at a set say the same, and its form is one that it may have.
fn check_reads(entry: Entry<'_>, limits: SetLimits) {
    let Some(set) = entry.set() else {
        return;
    };
    assert_eq!(entry.kind(), Kind::Set);
    let members = content(entry).unwrap();
    assert!(members.iter().all(|member| set.contains(member)));
    assert!(!set.contains(b"none") && !set.contains(b"0123"));
    let (mut cursor, mut scanned) = (0, Texts::new());
    loop {
        cursor = set.scan(cursor, 7, &mut |item| {
            assert!(scanned.insert(item.to_vec()));
        });
        if cursor == 0 {
            break;
        }
    }
    assert!(scanned == members);
    let random = set.random(&mut Rng::new(members.len() as u64));
    assert!(members.contains(&random.expect("no set is empty").to_vec()));
    match set {
        SetView::Integers(_) => assert!(members.len() <= limits.integers),
        SetView::Small(_) => assert!(
            members.len() <= limits.small.entries
                && members.iter().all(|m| m.len() <= limits.small.value_bytes)
        ),
        SetView::Large(_) => {}
    }
}

fn check_algebra(sets: &[SetView<'_>], limits: SetLimits, hasher: KeyHasher) {
    fn collect(walk: impl FnOnce(algebra::Visit<'_>)) -> Texts {
        let mut found = Texts::new();
        walk(&mut |probe| {
            assert!(found.insert(probe.item().to_vec()), "visited once");
            ControlFlow::Continue(())
        });
        found
    }
    let models: Vec<Texts> = sets.iter().map(|set| texts(*set)).collect();
    let all = models.iter().flatten().cloned().collect::<Texts>();
    let in_all = |text: &&Vec<u8>| models.iter().all(|model| model.contains(*text));
    let common: Texts = all.iter().filter(in_all).cloned().collect();
    let in_others = |text: &Vec<u8>| models[1..].iter().any(|model| model.contains(text));
    let alone: Texts = models[0]
        .iter()
        .filter(|text| !in_others(text))
        .cloned()
        .collect();

    assert!(collect(|visit| algebra::intersect(sets, visit)) == common);
    assert!(collect(|visit| algebra::unite(sets, limits, hasher, visit)) == all);
    let (first, others) = (sets[0], &sets[1..]);
    assert!(collect(|visit| algebra::subtract(first, others, limits, hasher, visit)) == alone);
    assert!(collect(|visit| algebra::subtract_looking(first, others, visit)) == alone);
    let rest = algebra::subtract_copying(first, others, limits, hasher);
    assert!(rest.view().iter().map(Item::to_vec).collect::<Texts>() == alone);
}

fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => (0i64..60).prop_map(|number| number.to_string().into_bytes()),
        2 => any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        3 => (0u16..60).prop_map(|number| format!("m:{number}").into_bytes()),
        2 => (any::<u8>(), 0usize..12).prop_map(|(byte, len)| vec![byte; len]),
        1 => (any::<u8>(), 60usize..300).prop_map(|(byte, len)| vec![byte; len]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let key = || b'a'..b'f';
    let few = || prop::collection::vec(member(), 1..6);
    let more = || prop_oneof![4 => Just(0usize), 1 => 0usize..600];
    let many = (any::<bool>(), 0i64..1_000, 1i64..700).prop_map(|(texts, from, count)| {
        let numbers = from..from + count;
        let name = |n: i64| {
            if texts {
                format!("m:{n}")
            } else {
                n.to_string()
            }
        };
        numbers.map(|n| name(n).into_bytes()).collect::<Vec<_>>()
    });
    prop_oneof![
        8 => (key(), few(), more()).prop_map(|(key, members, more)| Step::Add(key, members, more)),
        3 => (key(), many).prop_map(|(key, members)| Step::Add(key, members, 0)),
        3 => (key(), few()).prop_map(|(key, members)| Step::Remove(key, members)),
        2 => (key(), 1usize..500).prop_map(|(key, count)| Step::Pop(key, count)),
        1 => key().prop_map(Step::Retain),
        2 => (key(), key()).prop_map(|(from, to)| Step::Copy(from, to)),
        1 => key().prop_map(Step::Delete),
        1 => (key(), member()).prop_map(|(key, text)| Step::Text(key, text)),
        2 => Just(Step::Cut),
        3 => (1usize..400).prop_map(Step::Save),
    ]
}

fn limits() -> impl Strategy<Value = SetLimits> {
    let integers = prop_oneof![0usize..4, Just(512), Just(usize::MAX)];
    let entries = prop_oneof![0usize..4, Just(128), Just(usize::MAX)];
    let value_bytes = prop_oneof![0usize..8, Just(64), Just(usize::MAX)];
    (integers, entries, value_bytes).prop_map(|(integers, entries, value_bytes)| SetLimits {
        integers,
        small: Limits {
            entries,
            value_bytes,
        },
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn sets_against_those_of_std(
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

const LIMITS: SetLimits = SetLimits {
    integers: 4,
    small: Limits {
        entries: 3,
        value_bytes: 5,
    },
};

fn form(steps: &[&[&[u8]]]) -> &'static str {
    let hasher = KeyHasher::new([1, 2]);
    let mut table = Table::new(hasher, 0, 0);
    let key = Key {
        bytes: b"key",
        hash: hasher.hash(b"key"),
    };
    for members in steps {
        let fill = |edit: &mut SetEdit<'_>| {
            edit.expect(members.len(), members[0]);
            for member in *members {
                edit.add(member);
            }
        };
        match table.find(&key) {
            None => table.insert_set(&key, LIMITS, Access::lru(1), NOW_MS, fill),
            Some(slot) => table.change_set(slot, LIMITS, fill),
        }
    }
    let slot = table.find(&key).unwrap();
    table.entry(slot).encoding_name()
}

#[test]
fn a_set_grows_at_its_limits() {
    assert_eq!(form(&[&[b"1", b"2", b"3", b"4"]]), "intset");
    assert_eq!(form(&[&[b"1", b"2", b"3", b"4"], &[b"5"]]), "hashtable");
    assert_eq!(form(&[&[b"1"], &[b"2", b"a"]]), "listpack");
    assert_eq!(form(&[&[b"1", b"2", b"3"], &[b"a"]]), "hashtable");
    assert_eq!(form(&[&[b"1"], &[b"abcdef"]]), "hashtable");
    assert_eq!(form(&[&[b"123456"], &[b"a"]]), "hashtable");
    assert_eq!(form(&[&[b"a", b"b", b"c"]]), "listpack");
    assert_eq!(form(&[&[b"a", b"b", b"c"], &[b"a"]]), "listpack");
    assert_eq!(form(&[&[b"a", b"b", b"c"], &[b"d"]]), "hashtable");
    assert_eq!(form(&[&[b"abcdef"]]), "hashtable");
}

/// What is announced counts, though it may be the same again and again.
#[test]
fn a_set_grows_for_as_many_as_are_announced() {
    assert_eq!(form(&[&[b"a", b"a", b"a"]]), "listpack");
    assert_eq!(form(&[&[b"a", b"a", b"a", b"a"]]), "hashtable");
    assert_eq!(form(&[&[b"1", b"1", b"1", b"1"]]), "intset");
    // Too many for an intset, and for a listpack as well.
    assert_eq!(form(&[&[b"1", b"1", b"1", b"1", b"1"]]), "hashtable");
    assert_eq!(
        form(&[&[b"1"], &[b"1", b"1", b"1", b"1", b"1"]]),
        "hashtable"
    );
    assert_eq!(form(&[&[b"a"], &[b"a", b"a", b"a", b"a"]]), "hashtable");
}

#[test]
fn outcomes_begin_in_the_form_that_is_asked_for() {
    let hasher = KeyHasher::new([1, 2]);
    let filled = |mut set: NewSet, members: &[&[u8]]| {
        members.iter().for_each(|member| assert!(set.add(member)));
        set
    };
    let name = |set: NewSet| match set.finish() {
        NewValue::PackedBlock(packing, _) => packing.encoding_name(),
        _ => "hashtable",
    };
    let new = || NewSet::new(LIMITS, hasher);
    assert_eq!(name(filled(new(), &[b"1", b"2"])), "intset");
    assert_eq!(name(filled(new(), &[b"1", b"a"])), "listpack");
    let small = || NewSet::small(LIMITS, hasher);
    assert_eq!(name(filled(small(), &[b"2", b"1"])), "listpack");
    for members in [&[&b"2"[..], b"1"][..], &[b"4", b"3", b"2", b"1"]] {
        let mut set = filled(small(), members);
        set.pack_integers();
        assert_eq!(set.view().iter().next(), Some(Item::Int(1)));
        assert_eq!(name(set), "intset");
    }
    let mut set = filled(small(), &[b"5", b"4", b"3", b"2", b"1"]);
    set.pack_integers();
    assert_eq!(name(set), "hashtable");
}

#[test]
fn sets_of_integers_side_by_side() {
    let mut rng = Rng::new(5);
    for _ in 0..300 {
        let (mut one, mut other) = (Vec::new(), Vec::new());
        let mut models = [BTreeSet::new(), BTreeSet::new()];
        for (bytes, model) in [&mut one, &mut other].into_iter().zip(&mut models) {
            intset::create(bytes);
            let range = 1 + rng.below(2_000);
            for _ in 0..1 + rng.below(400) {
                let int = rng.below(range) as i64 - 100;
                intset::insert(bytes, int);
                model.insert(int);
            }
        }
        let sets = [&one, &other].map(|bytes| SetView::Integers(Intset::new(bytes)));
        let mut found = Vec::new();
        algebra::intersect(&sets, &mut |probe: &mut Probe<'_>| {
            found.extend(probe.int());
            ControlFlow::Continue(())
        });
        let common: Vec<i64> = models[0].intersection(&models[1]).copied().collect();
        assert_eq!(found, common);
    }
}

/// COPY and an image cost counts; who writes copies what it touches.
#[test]
fn a_large_set_is_shared_page_by_page() {
    let mut played = Played::new(3, LIMITS);
    let members: Vec<_> = (0..20_000)
        .map(|m| format!("member:{m}").into_bytes())
        .collect();
    played.add(b'a', &members, 0);
    let gauge = played.gauge.clone();
    played.copy(b'a', b'b');
    played.play(&Step::Cut);
    played.play(&Step::Add(b'a', vec![b"another".to_vec()], 0));
    assert!(
        gauge.kept_bytes() < 300,
        "a change in place keeps no more than an entry"
    );
    while played.snapshot.is_some() {
        played.save(100_000);
    }
}
