//! Slots of numbers: a `Ref` hashes as its number does, so no arena is needed.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::hash::Hasher;

fn hash_of(item: Ref) -> u64 {
    Hasher::new([7, 8]).hash(&item.to_bits().to_le_bytes())
}

fn put(slots: &mut Slots, number: u32) {
    let item = Ref::from_bits(number);
    slots.insert(hash_of(item), item, &hash_of);
}

fn find(slots: &Slots, number: u32) -> Option<Place> {
    let item = Ref::from_bits(number);
    slots
        .find(hash_of(item), |at| at == item)
        .map(|(place, _)| place)
}

fn remove(slots: &mut Slots, number: u32) {
    let place = find(slots, number).expect("it is there");
    slots.remove(place, &hash_of);
}

#[test]
fn they_grow_split_shrink_and_merge_without_losing_one() {
    let mut slots = Slots::default();
    let (mut worst, mut sum, mut looks) = (0.0f64, 0.0, 0.0);
    for number in 0..150_000 {
        put(&mut slots, number);
        if number % 1_000 == 999 && number > 50_000 {
            let bytes = slots.memory_bytes() as f64 / f64::from(number + 1);
            (worst, sum, looks) = (worst.max(bytes), sum + bytes, looks + 1.0);
        }
    }
    println!("{:.2} bytes per slot, {worst:.2} at most", sum / looks);
    assert!(worst < 7.3, "{worst} bytes per slot");
    slots.check(&hash_of);
    assert!((0..150_000).all(|number| find(&slots, number).is_some()));
    assert!(find(&slots, 150_000).is_none());
    let full = slots.memory_bytes();
    for number in 0..149_990 {
        remove(&mut slots, number);
        if number % 20_000 == 0 {
            slots.check(&hash_of);
        }
    }
    slots.check(&hash_of);
    assert!(
        slots.memory_bytes() * 100 < full,
        "{}",
        slots.memory_bytes()
    );
    assert_eq!(slots.items().count(), 10);
    (149_990..150_000).for_each(|number| remove(&mut slots, number));
    assert_eq!(slots.memory_bytes(), 0);
}

#[test]
fn coming_and_going_does_not_make_them_grow() {
    let mut slots = Slots::default();
    (0..20_000).for_each(|number| put(&mut slots, number));
    let before = slots.memory_bytes();
    for number in 20_000..300_000 {
        put(&mut slots, number);
        remove(&mut slots, number - 20_000);
    }
    slots.check(&hash_of);
    assert!(
        slots.memory_bytes() < before * 4 / 3,
        "{before}, {}",
        slots.memory_bytes()
    );
}

#[test]
fn a_scan_reports_what_lasts_exactly_once_whatever_else_happens() {
    for limit in [1, 10, 500] {
        let mut slots = Slots::default();
        (0..5_000).for_each(|number| put(&mut slots, number));
        let mut seen: BTreeMap<Ref, u32> = BTreeMap::new();
        let (mut cursor, mut next, mut calls) = (0, 10_000, 0);
        loop {
            let was = cursor;
            let mut visit = |item| *seen.entry(item).or_default() += 1;
            cursor = slots.scan(cursor, limit, &hash_of, &mut visit);
            calls += 1;
            if cursor == 0 {
                break;
            }
            assert!(cursor > was, "a cursor moves on");
            for _ in 0..limit * 2 {
                // Up to forty thousand, and down again to less than there were.
                match next {
                    ..50_000 => put(&mut slots, next),
                    50_000..90_000 => remove(&mut slots, next - 40_000),
                    90_000..92_000 => remove(&mut slots, next - 87_000),
                    _ => {}
                }
                next += 1;
            }
        }
        assert!(calls > 5_000 / limit / 40, "{calls} calls of {limit}");
        let lasting = (0..3_000).map(Ref::from_bits);
        assert!(lasting.into_iter().all(|item| seen.get(&item) == Some(&1)));
        assert!(seen.values().all(|times| *times == 1), "never twice");
        slots.check(&hash_of);
    }
}

#[test]
fn random_reaches_all_alike() {
    let mut slots = Slots::default();
    (0..3_000).for_each(|number| put(&mut slots, number));
    (1_000..3_000).for_each(|number| remove(&mut slots, number));
    let mut rng = Rng::new(42);
    let mut times: BTreeMap<Ref, u32> = BTreeMap::new();
    for _ in 0..200_000 {
        let (place, item) = slots.random(&mut rng).expect("there are some");
        assert_eq!(find(&slots, item.to_bits()), Some(place));
        *times.entry(item).or_default() += 1;
    }
    assert_eq!(times.len(), 1_000);
    assert!(times.values().all(|n| (120..290).contains(n)), "{times:?}");
}

#[test]
fn agrees_with_a_set_and_clones_stay_as_they_were() {
    let mut rng = crate::testing::rng();
    for _ in 0..30 {
        let (mut slots, mut model) = (Slots::default(), BTreeSet::new());
        let mut kept = Vec::new();
        for phase in 0..8 {
            let weight = rng.below(11);
            for _ in 0..rng.below(3_000) {
                let number = rng.below(6_000) as u32;
                match (model.contains(&number), rng.below(10) < weight) {
                    (false, true) => {
                        put(&mut slots, number);
                        model.insert(number);
                    }
                    (true, false) => {
                        remove(&mut slots, number);
                        model.remove(&number);
                    }
                    (there, _) => assert_eq!(find(&slots, number).is_some(), there),
                }
            }
            slots.check(&hash_of);
            if phase % 3 == 0 {
                kept.push((slots.clone(), model.clone()));
            }
        }
        kept.push((slots, model));
        for (slots, model) in kept {
            slots.check(&hash_of);
            let items: BTreeSet<u32> = slots.items().map(Ref::to_bits).collect();
            assert_eq!((slots.len(), items), (model.len(), model));
        }
    }
}
