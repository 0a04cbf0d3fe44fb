//! Sorted sets against a map and a sorted vector, clones included.

use std::collections::BTreeMap;

use super::*;

const SECRET: [u64; 2] = [5, 6];

type Model = BTreeMap<Vec<u8>, f64>;

fn in_order(model: &Model) -> Vec<(Vec<u8>, f64)> {
    let mut members: Vec<_> = model
        .iter()
        .map(|(name, score)| (name.clone(), *score))
        .collect();
    // Stable, and the map is in the order of names.
    members.sort_by(|one, other| one.1.partial_cmp(&other.1).unwrap());
    members
}

fn compare(zset: &ZSet, model: &Model) {
    zset.check();
    let members = in_order(model);
    let held = members.iter().map(|(name, score)| (&name[..], *score));
    assert!(zset.walk(0..zset.len()).eq(held.clone()));
    assert!(zset.walk(0..zset.len()).rev().eq(held.rev()));
    let seen: Model = zset
        .iter()
        .map(|(name, score)| (name.to_vec(), score))
        .collect();
    assert_eq!((zset.len(), &seen), (model.len(), model));
}

fn name(rng: &mut Rng) -> Vec<u8> {
    let number = rng.below(3_000);
    let tail = if number % 64 == 1 {
        4_000
    } else {
        number as usize % 9
    };
    format!("{number}{}", "-".repeat(tail)).into_bytes()
}

fn step(rng: &mut Rng, zset: &mut ZSet, model: &mut Model, weight: u64, kinds: u64) {
    let name = name(rng);
    let held = model.get(&name).copied();
    assert_eq!(zset.score(&name), held);
    if rng.below(10) < weight {
        let score = rng.below(kinds) as f64 / 3.0;
        let wanted = match held {
            None => Outcome::Added,
            Some(old) if old == score => Outcome::Same,
            Some(_) => Outcome::Changed,
        };
        assert_eq!(zset.set(&name, score), wanted);
        model.insert(name, score);
    } else {
        assert_eq!(zset.remove(&name), model.remove(&name));
    }
}

fn look(zset: &ZSet, model: &Model, rng: &mut Rng) {
    let members = in_order(model);
    for _ in 0..20 {
        let score = rng.below(12) as f64 / 3.0;
        let count = |is: &dyn Fn(f64) -> bool| model.values().filter(|held| is(**held)).count();
        assert_eq!(zset.count_below(score, false), count(&|held| held < score));
        assert_eq!(zset.count_below(score, true), count(&|held| held <= score));
        let rank = rng.below(members.len() as u64 + 1) as usize;
        let held = members.get(rank).map(|(name, score)| (&name[..], *score));
        assert_eq!(zset.get(rank), held);
        if let Some((name, _)) = held {
            assert_eq!(zset.rank(name), Some(rank));
            let (random, score) = zset.random(rng).expect("there are some");
            assert_eq!(model.get(random), Some(&score));
        }
    }
    assert_eq!(zset.rank(b"nobody"), None);
}

#[test]
fn agrees_with_a_map_and_clones_stay_as_they_were() {
    let mut rng = crate::testing::rng();
    for round in 0..30 {
        let (mut zset, mut model) = (ZSet::new(SECRET), Model::new());
        let mut kept = Vec::new();
        let kinds = [1, 10, 1_000_000][round % 3];
        for phase in 0..10 {
            let weight = rng.below(11);
            for _ in 0..rng.below(1_500) {
                step(&mut rng, &mut zset, &mut model, weight, kinds);
            }
            compare(&zset, &model);
            look(&zset, &model, &mut rng);
            if phase % 3 == 0 {
                kept.push((zset.clone(), model.clone()));
            }
            if rng.below(4) == 0 && !model.is_empty() {
                let from = rng.below(model.len() as u64) as usize;
                let mut left = rng.below(500) as usize;
                let members = in_order(&model);
                let mut wanted = members.iter().skip(from);
                while left > 0 && from < zset.len() {
                    let taken = zset.take(from, left, &mut |name, score| {
                        let (wanted, wanted_score) = wanted.next().expect("as many");
                        assert_eq!((name, score), (&wanted[..], *wanted_score));
                        model.remove(name).expect("it was there");
                    });
                    left -= taken;
                }
                compare(&zset, &model);
            }
        }
        for (zset, model) in &kept {
            compare(zset, model);
            let members = in_order(model);
            let members = members.iter().map(|(name, score)| (&name[..], *score));
            compare(&ZSet::from_sorted(SECRET, members), model);
        }
    }
}

#[test]
fn names_bound_where_scores_are_equal() {
    let mut zset = ZSet::new(SECRET);
    for i in 0..5_000 {
        zset.set(format!("{i:05}").as_bytes(), 0.0);
    }
    assert_eq!(zset.count_before(b"01000", false), 1_000);
    assert_eq!(zset.count_before(b"01000", true), 1_001);
    assert_eq!(zset.count_before(b"01000-", false), 1_001);
    assert_eq!(zset.count_before(b"", true), 0);
    assert_eq!(zset.count_before(b"9", false), 5_000);
}

#[test]
fn pages_that_are_emptied_take_slots_and_leaves_along() {
    let mut zset = ZSet::new(SECRET);
    let mut rng = Rng::new(1);
    for i in 0..30_000 {
        zset.set(format!("member:{i}").as_bytes(), rng.below(100) as f64);
    }
    let full = zset.memory_bytes();
    while zset.len() > 100 {
        let name = zset.random(&mut rng).expect("there are some").0.to_vec();
        zset.remove(&name).expect("it is there");
        if zset.len().is_multiple_of(3_000) {
            zset.check();
        }
    }
    zset.check();
    assert!(
        zset.memory_bytes() * 50 < full,
        "{full}, {}",
        zset.memory_bytes()
    );
}

#[test]
fn a_scan_shows_what_lasts_once() {
    let mut zset = ZSet::new(SECRET);
    let name = |i: i32| format!("{i}").into_bytes();
    (0..2_000).for_each(|i| assert_eq!(zset.set(&name(i), f64::from(i)), Outcome::Added));
    let mut seen = Model::new();
    let (mut cursor, mut i) = (0, 2_000);
    loop {
        cursor = zset.scan(cursor, 10, &mut |name, score| {
            assert!(seen.insert(name.to_vec(), score).is_none(), "once");
        });
        if cursor == 0 {
            break;
        }
        for _ in 0..60 {
            zset.set(&name(i), 1.0);
            i += 1;
        }
    }
    assert!((0..2_000).all(|i| seen.get(&name(i)) == Some(&f64::from(i))));
}

#[test]
fn a_set_is_freed_in_slices() {
    let mut zset = ZSet::new(SECRET);
    for i in 0..20_000 {
        zset.set(format!("{i}").as_bytes(), f64::from(i));
    }
    let clone = zset.clone();
    let mut slices = 1;
    while !zset.free_some(5) {
        slices += 1;
    }
    assert!(slices > 10 && zset.is_empty() && zset.memory_bytes() == 0);
    assert_eq!(zset.set(b"again", 1.0), Outcome::Added);
    zset.check();
    clone.check();
}
