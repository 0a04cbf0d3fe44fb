//! Sorted sets of both forms against maps, while snapshots are taken and copies are made.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{Detached, Entry, ImageGauge, Images, KeyHasher, Kind, Shard};

const NOW_MS: i64 = 1_700_000_000_000;

type Scores = BTreeMap<Vec<u8>, f64>;
type Model = BTreeMap<u8, Scores>;
type Pairs = Vec<(Vec<u8>, f64)>;

#[derive(Clone, Debug)]
enum Step {
    Set(u8, Vec<(u16, f64)>),
    Remove(u8, u16, u16),
    RemoveRange(u8, u16, u16),
    Pop(u8, bool, usize),
    Copy(u8, u8),
    Delete(u8),
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

fn name_of(member: u16) -> Vec<u8> {
    match member % 3 {
        0 => format!("{member}").into_bytes(),
        _ => format!("member:{member}").into_bytes(),
    }
}

/// In order.
fn sorted(scores: &Scores) -> Pairs {
    let mut pairs: Pairs = scores
        .iter()
        .map(|(name, score)| (name.clone(), *score))
        .collect();
    pairs.sort_by(|(name, score), (other_name, other)| {
        score
            .partial_cmp(other)
            .unwrap()
            .then_with(|| name.cmp(other_name))
    });
    pairs
}

fn pairs_of<'a>(members: impl Iterator<Item = (Item<'a>, f64)>) -> Pairs {
    members
        .map(|(member, score)| (member.to_vec(), score))
        .collect()
}

fn keep(into: &mut Model, entry: Entry<'_>) {
    let zset = entry.zset().unwrap();
    let scores: Scores = pairs_of(zset.iter()).into_iter().collect();
    assert_eq!(scores.len(), zset.len());
    let before = into.insert(entry.key()[0], scores);
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

    fn set(&mut self, key: u8, members: &[(u16, f64)]) {
        let limits = self.limits;
        let known = self.model.entry(key).or_default();
        let expected: Vec<ScoreOutcome> = members
            .iter()
            .map(
                |(member, score)| match known.insert(name_of(*member), *score) {
                    None => ScoreOutcome::Added,
                    Some(old) if old == *score => ScoreOutcome::Same,
                    Some(_) => ScoreOutcome::Changed,
                },
            )
            .collect();
        let fill = |edit: &mut ZSetEdit<'_>| -> Vec<ScoreOutcome> {
            let outcomes = members
                .iter()
                .map(|(m, score)| edit.set(&name_of(*m), *score));
            outcomes.collect()
        };
        let outcomes = self.with(key, |table, key, slot| match slot {
            Some(slot) => table.change_zset(slot, limits, fill),
            None => table.insert_zset(key, limits, Access::lru(1), NOW_MS, fill),
        });
        assert_eq!(outcomes, expected);
    }

    /// Change a key that is there, and see that it holds what is expected then.
    fn change(&mut self, key: u8, left: Scores, change: impl FnOnce(&mut ZSetEdit<'_>)) {
        let (limits, is_empty) = (self.limits, left.is_empty());
        self.with(key, |table, _, slot| {
            let slot = slot.unwrap();
            table.change_zset(slot, limits, |edit| {
                change(edit);
                assert_eq!(pairs_of(edit.view().iter()), sorted(&left));
                assert_eq!(edit.is_empty(), is_empty);
            });
            if is_empty {
                table.remove(slot);
            }
        });
        match is_empty {
            true => self.model.remove(&key),
            false => self.model.insert(key, left),
        };
    }

    fn play(&mut self, step: &Step) {
        match step {
            Step::Set(key, members) => self.set(*key, members),
            Step::Remove(key, from, count) => {
                let Some(mut left) = self.model.get(key).cloned() else {
                    return;
                };
                let names: Vec<Vec<u8>> = (*from..from + count).map(name_of).collect();
                let gone: Vec<Option<f64>> = names.iter().map(|name| left.remove(name)).collect();
                self.change(*key, left, |edit| {
                    let removed = names.iter().map(|name| edit.remove(name));
                    assert_eq!(removed.collect::<Vec<_>>(), gone);
                });
            }
            Step::RemoveRange(key, from, count) => {
                let Some(scores) = self.model.get(key) else {
                    return;
                };
                let (from, end) = (usize::from(*from), usize::from(from + count));
                let mut pairs = sorted(scores);
                let len = pairs.len();
                pairs.drain(from.min(len)..end.min(len));
                let left = pairs.into_iter().collect();
                self.change(*key, left, |edit| edit.remove_range(from..end));
            }
            Step::Pop(key, is_down, count) => {
                let Some(scores) = self.model.get(key) else {
                    return;
                };
                let mut pairs = sorted(scores);
                let count_there = (*count).min(pairs.len());
                let (direction, popped): (_, Pairs) = if *is_down {
                    let from = pairs.len() - count_there;
                    (Direction::Down, pairs.drain(from..).rev().collect())
                } else {
                    (Direction::Up, pairs.drain(..count_there).collect())
                };
                self.change(*key, pairs.into_iter().collect(), |edit| {
                    let mut seen = Pairs::new();
                    edit.pop(direction, *count, &mut |member, score| {
                        seen.push((member.to_vec(), score));
                    });
                    assert_eq!(seen, popped);
                });
            }
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

/// The other ways to look at a sorted set say the same.
fn check_reads(entry: Entry<'_>) {
    let zset = entry.zset().unwrap();
    assert_eq!(entry.kind(), Kind::SortedSet);
    let pairs = sorted(&pairs_of(zset.iter()).into_iter().collect());
    assert_eq!(pairs_of(zset.iter()), pairs, "in order");
    for (rank, (name, score)) in pairs.iter().enumerate() {
        assert_eq!(zset.score(name), Some(*score));
        assert_eq!(zset.rank(name), Some((rank, *score)));
    }
    assert!(zset.score(b"none").is_none() && zset.rank(b"none").is_none());
    assert!(zset.get(pairs.len()).is_none());
    let len = pairs.len();
    for ranks in [0..len, len / 3..len / 2, len / 2..len + 5, len..len + 1] {
        let within = &pairs[ranks.start..ranks.end.min(len)];
        assert_eq!(pairs_of(zset.walk(ranks.clone(), Direction::Up)), within);
        let down: Pairs = within.iter().rev().cloned().collect();
        assert_eq!(pairs_of(zset.walk(ranks, Direction::Down)), down);
    }
    let (name, score) = &pairs[len / 2];
    let (at, _) = zset.get(len / 2).unwrap();
    assert_eq!(&at.to_vec(), name);
    for is_exclusive in [false, true] {
        let bound = ScoreBound {
            score: *score,
            is_exclusive,
        };
        let range = ScoreRange {
            min: bound,
            max: bound,
        };
        let expected = pairs
            .iter()
            .filter(|(_, other)| other == score && !is_exclusive);
        assert_eq!(range.ranks(zset).len(), expected.count());
        let below = pairs.iter().filter(|(_, other)| {
            other < score || is_exclusive && other == score //
        });
        assert_eq!(zset.count_below(*score, is_exclusive), below.count());
    }
    let (mut cursor, mut scanned) = (0, Scores::new());
    loop {
        cursor = zset.scan(cursor, 7, &mut |member, score| {
            assert!(scanned.insert(member.to_vec(), score).is_none());
        });
        if cursor == 0 {
            break;
        }
    }
    assert!(sorted(&scanned) == pairs);
    let random = zset.random(&mut base::Rng::new(len as u64));
    let (member, score) = random.expect("none is empty");
    assert_eq!(scanned[&member.to_vec()], score);
}

fn step() -> impl Strategy<Value = Step> {
    let key = || b'a'..b'f';
    let member = || prop_oneof![0u16..20, 0u16..3_000];
    let score = || {
        prop_oneof![
            (-5i8..5).prop_map(f64::from),
            (-5i8..5).prop_map(|score| f64::from(score) / 3.0),
            prop_oneof![Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(1e300)],
            any::<i64>().prop_map(|score| score as f64),
        ]
    };
    let few = prop::collection::vec((member(), score()), 1..5);
    let many = (0u16..2_000, 1u16..400, score()).prop_map(|(from, count, score)| {
        let members = from..from + count;
        members.map(|m| (m, score)).collect::<Vec<_>>()
    });
    prop_oneof![
        8 => (key(), few).prop_map(|(key, members)| Step::Set(key, members)),
        2 => (key(), many).prop_map(|(key, members)| Step::Set(key, members)),
        3 => (key(), member(), 1u16..400).prop_map(|(k, from, count)| Step::Remove(k, from, count)),
        2 => (key(), member(), 0u16..300)
            .prop_map(|(k, from, count)| Step::RemoveRange(k, from, count)),
        2 => (key(), any::<bool>(), 0usize..300).prop_map(|(k, d, count)| Step::Pop(k, d, count)),
        2 => (key(), key()).prop_map(|(from, to)| Step::Copy(from, to)),
        1 => key().prop_map(Step::Delete),
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
    fn sorted_sets_against_maps(
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

    #[test]
    fn ranges_of_names(
        limits in limits(),
        names in prop::collection::btree_set(prop::collection::vec(b'a'..b'd', 0..4), 1..40),
        min in prop::collection::vec(b'a'..b'd', 0..4),
        max in prop::collection::vec(b'a'..b'd', 0..4),
    ) {
        let mut zset = NewZSet::new(limits, KeyHasher::new([1, 2]));
        names.iter().for_each(|name| assert_eq!(zset.set(name, 7.0), ScoreOutcome::Added));
        let value = zset.finish();
        let view = match &value {
            NewValue::PackedBlock(_, bytes) => ZSetView::Packed(Listpack::new(bytes)),
            NewValue::Large(large) => match &**large {
                Large::SortedSet(zset) => ZSetView::Large(zset),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        };
        for (low, high) in [
            (LexBound::Inclusive(&min[..]), LexBound::Inclusive(&max[..])),
            (LexBound::Exclusive(&min[..]), LexBound::Exclusive(&max[..])),
            (LexBound::Lowest, LexBound::Exclusive(&max[..])),
            (LexBound::Inclusive(&min[..]), LexBound::Highest),
            (LexBound::Highest, LexBound::Lowest),
        ] {
            let is_above = |name: &[u8]| match low {
                LexBound::Lowest => true,
                LexBound::Inclusive(min) => name >= min,
                LexBound::Exclusive(min) => name > min,
                LexBound::Highest => false,
            };
            let is_below = |name: &[u8]| match high {
                LexBound::Lowest => false,
                LexBound::Inclusive(max) => name <= max,
                LexBound::Exclusive(max) => name < max,
                LexBound::Highest => true,
            };
            let expected = names.iter().filter(|name| is_above(name) && is_below(name));
            let range = LexRange { min: low, max: high };
            let found = view.walk(range.ranks(view), Direction::Up);
            let found: Vec<Vec<u8>> = found.map(|(name, _)| name.to_vec()).collect();
            prop_assert_eq!(found, expected.cloned().collect::<Vec<_>>());
        }
    }
}

/// The bytes are those of Redis 7.2.
#[test]
fn a_small_one_is_a_listpack_in_order() {
    let limits = Limits {
        entries: 128,
        value_bytes: 64,
    };
    let mut zset = NewZSet::new(limits, KeyHasher::new([1, 2]));
    for (member, score) in [("b", 2.0), ("a", 2.0), ("7", -0.5), ("c", -0.0)] {
        zset.set(member.as_bytes(), score);
    }
    let NewValue::PackedBlock(Packing::SortedSet, bytes) = zset.finish() else {
        panic!("it is small");
    };
    let mut expected = EMPTY.to_vec();
    Editor::new(&mut expected).extend([
        Item::Int(7),
        Item::Bytes(b"-0.5"),
        Item::Bytes(b"c"),
        Item::Int(0),
        Item::Bytes(b"a"),
        Item::Int(2),
        Item::Bytes(b"b"),
        Item::Int(2),
    ]);
    assert_eq!(*bytes, expected);
}

#[test]
fn a_sorted_set_grows_large_at_its_limits() {
    let limits = Limits {
        entries: 3,
        value_bytes: 5,
    };
    let form = |members: &[&[u8]]| {
        let members: Vec<(&[u8], f64)> = members.iter().map(|member| (*member, 1.0)).collect();
        let mut zset = NewZSet::new(limits, KeyHasher::new([1, 2]));
        members.iter().for_each(|(member, score)| {
            zset.set(member, *score);
        });
        let grown = NewZSet::of_sorted(limits, KeyHasher::new([1, 2]), &members);
        let is_large = |value: &NewValue<'_>| matches!(value, NewValue::Large(_));
        let value = zset.finish();
        if members.is_sorted_by(|(one, _), (other, _)| one < other) {
            assert_eq!(is_large(&value), is_large(&grown));
        }
        is_large(&value)
    };
    assert!(!form(&[b"a", b"b", b"c"]));
    assert!(!form(&[b"a", b"b", b"c", b"a"]));
    assert!(form(&[b"a", b"b", b"c", b"d"]));
    assert!(!form(&[b"12345"]));
    assert!(form(&[b"123456"]));
}
