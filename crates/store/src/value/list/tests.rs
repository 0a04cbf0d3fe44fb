//! Lists of both forms against vectors, while snapshots are taken and copies are made.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::{Detached, Entry, ImageGauge, Images, KeyHasher, Kind, Shard};

const NOW_MS: i64 = 1_700_000_000_000;

type Elements = VecDeque<Vec<u8>>;
type Model = BTreeMap<u8, Elements>;

#[derive(Clone, Debug)]
enum Step {
    Push(u8, bool, Vec<Vec<u8>>),
    Pop(u8, bool, usize),
    Set(u8, usize, Vec<u8>),
    Insert(u8, usize, Vec<u8>),
    RemoveEqual(u8, bool, usize, usize),
    RemoveRange(u8, usize, usize),
    Copy(u8, u8),
    Delete(u8),
    Cut,
    Save(usize),
}

struct Played {
    hasher: KeyHasher,
    shard: Shard,
    gauge: Arc<ImageGauge>,
    limit: Limit,
    model: Model,
    snapshot: Option<(Model, Model)>,
}

fn end_of(front: bool) -> End {
    if front { End::Front } else { End::Back }
}

fn content(entry: Entry<'_>) -> Elements {
    let list = entry.list().expect("a list");
    let elements: Elements = list.iter().map(Item::to_vec).collect();
    assert_eq!(elements.len(), list.len());
    elements
}

fn keep(into: &mut Model, entry: Entry<'_>) {
    let before = into.insert(entry.key()[0], content(entry));
    assert!(before.is_none(), "twice");
}

impl Played {
    fn new(seed: u64, limit: Limit) -> Played {
        let hasher = KeyHasher::new([seed, 1]);
        Played {
            hasher,
            shard: Shard::new(hasher, 0, 0, 1),
            gauge: Arc::new(ImageGauge::default()),
            limit,
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

    /// Change a list that is there, and remove it if that empties it.
    fn change<R>(&mut self, key: u8, change: impl FnOnce(&mut ListEdit<'_>) -> R) -> R {
        let limit = self.limit;
        let is_empty = self.model[&key].is_empty();
        if is_empty {
            self.model.remove(&key);
        }
        self.with(key, |table, _, slot| {
            let slot = slot.expect("the model has it");
            let result = table.change_list(slot, limit, |list| {
                let result = change(list);
                assert_eq!(list.view().is_empty(), is_empty);
                result
            });
            if is_empty {
                table.remove(slot);
            }
            result
        })
    }

    fn push(&mut self, key: u8, front: bool, elements: &[Vec<u8>]) {
        let limit = self.limit;
        let fill = |list: &mut ListEdit<'_>| {
            list.prepare(elements.len(), elements.iter().map(Vec::len).sum());
            elements.iter().for_each(|it| list.push(end_of(front), it));
        };
        self.with(key, |table, key, slot| match slot {
            Some(slot) => table.change_list(slot, limit, fill),
            None => table.insert_list(key, limit, Access::lru(1), NOW_MS, fill),
        });
        let known = self.model.entry(key).or_default();
        for element in elements {
            match front {
                true => known.push_front(element.clone()),
                false => known.push_back(element.clone()),
            }
        }
    }

    fn pop(&mut self, key: u8, front: bool, count: usize) {
        let Some(known) = self.model.get_mut(&key) else {
            return;
        };
        let pop = |_| match front {
            true => known.pop_front(),
            false => known.pop_back(),
        };
        let expected: Vec<_> = (0..count).map_while(pop).collect();
        let popped: Vec<_> = self.change(key, |list| {
            let pop = |_| list.pop(end_of(front), |item| item.to_vec());
            (0..count).map_while(pop).collect()
        });
        assert_eq!(popped, expected);
    }

    fn remove_equal(&mut self, key: u8, front: bool, index: usize, most: usize) {
        let Some(known) = self.model.get_mut(&key) else {
            return;
        };
        let text = known[index % known.len()].clone();
        let mut equal: Vec<_> = (0..known.len()).filter(|at| known[*at] == text).collect();
        if !front {
            equal.reverse();
        }
        equal.truncate(most);
        equal.sort_unstable();
        equal.iter().rev().for_each(|at| drop(known.remove(*at)));
        let removed = self.change(key, |list| list.remove_equal(end_of(front), &text, most));
        assert_eq!(removed, equal.len());
    }

    fn play(&mut self, step: &Step) {
        match step {
            Step::Push(key, front, elements) => self.push(*key, *front, elements),
            Step::Pop(key, front, count) => self.pop(*key, *front, *count),
            Step::Set(key, index, text) => {
                let Some(known) = self.model.get_mut(key) else {
                    return;
                };
                let index = index % known.len();
                known[index] = text.clone();
                let set = self.change(*key, |list| {
                    list.prepare(1, text.len());
                    list.set(index, text)
                });
                assert!(set);
            }
            Step::Insert(key, index, text) => {
                let Some(known) = self.model.get_mut(key) else {
                    return;
                };
                let index = index % (known.len() + 1);
                known.insert(index, text.clone());
                self.change(*key, |list| {
                    list.prepare(1, text.len());
                    list.insert(index, text);
                });
            }
            Step::RemoveEqual(key, front, index, most) => {
                self.remove_equal(*key, *front, *index, *most);
            }
            Step::RemoveRange(key, start, count) => {
                let Some(known) = self.model.get_mut(key) else {
                    return;
                };
                let start = start % known.len();
                let range = start..known.len().min(start + count);
                known.drain(range.clone());
                self.change(*key, |list| drop(list.remove_range(range)));
            }
            Step::Copy(from, to) => self.copy(*from, *to),
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
            images.save(&mut usize::MAX.clone(), &mut |_, entry| keep(seen, entry));
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

/// The other ways to look at a list say the same.
fn check_reads(entry: Entry<'_>) {
    assert_eq!(entry.kind(), Kind::List);
    let (list, elements) = (entry.list().unwrap(), content(entry));
    let len = elements.len();
    if let ListView::Large(deque) = list {
        deque.check();
    }
    for index in [0, len / 3, len - 1] {
        assert!(list.get(index).unwrap().is(&elements[index]));
        assert!(
            list.iter_from(index)
                .map(Item::to_vec)
                .eq(elements.range(index..).cloned())
        );
        let back = list.iter_back_from(index).map(Item::to_vec);
        assert!(back.eq(elements.range(..=index).rev().cloned()));
    }
    assert!(list.get(len).is_none() && list.iter_from(len).next().is_none());
    assert!(list.iter_back_from(len).next().is_none());
    assert!(list.end(End::Front).unwrap().is(&elements[0]));
    assert!(list.end(End::Back).unwrap().is(&elements[len - 1]));
    let (mut walked, range) = (Vec::new(), len / 4..len - len / 4);
    list.walk(range.clone(), |item| {
        walked.push(item.to_vec());
        true
    });
    assert!(walked.iter().eq(elements.range(range)));
}

fn step() -> impl Strategy<Value = Step> {
    let key = || b'a'..b'e';
    let text = || {
        prop_oneof![
            any::<i64>().prop_map(|number| number.to_string().into_bytes()),
            (0u8..5).prop_map(|digit| vec![b'0' + digit]),
            (any::<u8>(), 0usize..12).prop_map(|(byte, len)| vec![byte; len]),
            (any::<u8>(), 0usize..6_000).prop_map(|(byte, len)| vec![byte; len]),
        ]
    };
    let few = prop::collection::vec(text(), 1..5);
    let many = (1usize..300).prop_map(|count| {
        let elements = (0..count).map(|at| at.to_string().repeat(1 + at % 5).into_bytes());
        elements.collect::<Vec<_>>()
    });
    let at = || 0usize..500;
    prop_oneof![
        8 => (key(), any::<bool>(), few).prop_map(|(k, f, e)| Step::Push(k, f, e)),
        2 => (key(), any::<bool>(), many).prop_map(|(k, f, e)| Step::Push(k, f, e)),
        4 => (key(), any::<bool>(), 1usize..200).prop_map(|(k, f, n)| Step::Pop(k, f, n)),
        2 => (key(), at(), text()).prop_map(|(k, at, t)| Step::Set(k, at, t)),
        3 => (key(), at(), text()).prop_map(|(k, at, t)| Step::Insert(k, at, t)),
        2 => (key(), any::<bool>(), at(), 1usize..9)
            .prop_map(|(k, f, at, most)| Step::RemoveEqual(k, f, at, most)),
        2 => (key(), at(), 1usize..300).prop_map(|(k, at, n)| Step::RemoveRange(k, at, n)),
        2 => (key(), key()).prop_map(|(from, to)| Step::Copy(from, to)),
        1 => key().prop_map(Step::Delete),
        2 => Just(Step::Cut),
        3 => (1usize..400).prop_map(Step::Save),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn lists_against_vectors(
        seed in any::<u64>(),
        size in prop_oneof![-5i64..0, 0i64..5, Just(128)],
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let mut played = Played::new(seed, Limit::of(size));
        steps.iter().for_each(|step| played.play(step));
        while played.snapshot.is_some() {
            played.save(1_000);
        }
        played.check();
    }
}

/// The forms that a list takes while elements are pushed and popped at its back.
struct Forms {
    played: Played,
}

impl Forms {
    fn push(&mut self, elements: &[Vec<u8>]) -> &'static str {
        self.played.push(b'l', false, elements);
        self.name()
    }

    fn pop(&mut self) -> &'static str {
        self.played.pop(b'l', false, 1);
        self.name()
    }

    fn name(&mut self) -> &'static str {
        self.played.check();
        let name = |table: &mut Table, _: &Key<'_>, slot: Option<Slot>| {
            table.entry(slot.unwrap()).encoding_name()
        };
        self.played.with(b'l', name)
    }
}

/// 4 KiB: a head of 7 bytes, and 2,004 for 2,000 of text.
#[test]
fn a_list_grows_before_it_would_be_too_long_and_shrinks_at_half_of_it() {
    let mut forms = Forms {
        played: Played::new(1, Limit::of(-1)),
    };
    let text = |len| vec![b'x'; len];
    assert_eq!(forms.push(&[text(2_000), text(2_000)]), "listpack");
    assert_eq!(forms.push(&[text(81)]), "listpack");
    // It takes 4,099 bytes now, which nobody looked at: only text is counted beforehand.
    assert_eq!(forms.push(&[text(0)]), "quicklist");
    assert_eq!(forms.pop(), "quicklist");
    assert_eq!(forms.pop(), "quicklist");
    assert_eq!(forms.pop(), "listpack");
    assert_eq!(forms.push(&[text(5_000)]), "quicklist");
    assert_eq!(forms.pop(), "listpack");
}

#[test]
fn a_new_list_takes_the_form_that_suits_it() {
    let form = |limit, elements: &[&[u8]]| {
        let mut list = NewList::new(Limit::of(limit));
        elements.iter().for_each(|element| list.push(element));
        matches!(list.finish(), NewValue::PackedBlock(Packing::List, _))
    };
    assert!(form(2, &[b"a", b"1"]));
    assert!(!form(2, &[b"a", b"1", b"b"]));
    assert!(form(-2, &[&[b'x'; 8_000]]));
    assert!(!form(-2, &[&[b'x'; 9_000]]));
}
