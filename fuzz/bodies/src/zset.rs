//! Large sorted sets against a sorted map, and clones that must not change.
//!
//! The map is ordered by score and name, as the set should be, so that ranks and ranges are those of
//! the map.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use structs::zset::{Outcome, ZSet};

use crate::tape::Tape;

const STEPS_MAX: usize = 150;

/// Scores by name.
type Model = BTreeMap<Vec<u8>, f64>;

pub fn run(bytes: &[u8]) {
    let mut tape = Tape::new(bytes);
    let secret = [tape.below(1 << 16), 1];
    let (mut zset, mut model) = (ZSet::new(secret), Model::new());
    let mut kept: Vec<(ZSet, Model)> = Vec::new();
    for step in 0..STEPS_MAX {
        if tape.is_over() {
            break;
        }
        if tape.below(16) == 0 {
            kept.push((zset.clone(), model.clone()));
        }
        self::step(&mut zset, &mut model, &mut tape);
        if step % 8 == 0 {
            zset.check();
        }
    }
    kept.push((zset, model));
    for (zset, model) in &kept {
        compare(zset, model);
        let members = in_order(model);
        compare(&ZSet::from_sorted(secret, members.iter().copied()), model);
    }
    for (mut zset, _) in kept {
        while !zset.free_some(3) {}
        assert_eq!((zset.len(), zset.memory_bytes()), (0, 0));
    }
}

fn step(zset: &mut ZSet, model: &mut Model, tape: &mut Tape<'_>) {
    let name = name_of(tape.below(64));
    match tape.below(8) {
        0..=2 => set(zset, model, name, score(tape)),
        3 => assert!(zset.remove(&name) == model.remove(&name)),
        4 => {
            let (first, count) = (tape.below(4_000), tape.below(1_024));
            let (from, by) = (score(tape), *tape.pick(&[0.0, 1.0, -0.5, f64::EPSILON]));
            for number in first..first + count {
                let score = from + by * number as f64;
                set(
                    zset,
                    model,
                    name_of(number),
                    if score.is_nan() { 0.0 } else { score },
                );
            }
        }
        5 => {
            let (first, count) = (tape.below(4_000), tape.below(1_024));
            for number in first..first + count {
                let name = name_of(number);
                assert!(zset.remove(&name) == model.remove(&name));
            }
        }
        6 => take(zset, model, tape),
        _ => look(zset, model, tape),
    }
    assert!(zset.score(&name_of(7)) == model.get(&name_of(7)).copied());
}

fn set(zset: &mut ZSet, model: &mut Model, name: Vec<u8>, score: f64) {
    let wanted = match model.get(&name) {
        None => Outcome::Added,
        Some(old) if *old == score => Outcome::Same,
        Some(_) => Outcome::Changed,
    };
    assert_eq!(zset.set(&name, score), wanted);
    if wanted != Outcome::Same {
        model.insert(name, score);
    }
}

fn take(zset: &mut ZSet, model: &mut Model, tape: &mut Tape<'_>) {
    let from = tape.below(zset.len() as u64 + 1) as usize;
    let mut left = tape.below(400) as usize;
    let order = model.clone();
    let mut wanted = in_order(&order).into_iter().skip(from);
    while left > 0 && from < zset.len() {
        let taken = zset.take(from, left, &mut |name, score| {
            assert!(wanted.next() == Some((name, score)));
            model.remove(name);
        });
        assert!(taken > 0 && taken <= left);
        left -= taken;
    }
}

fn look(zset: &ZSet, model: &Model, tape: &mut Tape<'_>) {
    let members = in_order(model);
    let bound = score(tape);
    let count = |order: &[Ordering]| {
        let is = |score: f64| {
            score
                .partial_cmp(&bound)
                .is_some_and(|o| order.contains(&o))
        };
        members.iter().filter(|(_, score)| is(*score)).count()
    };
    assert_eq!(zset.count_below(bound, false), count(&[Ordering::Less]));
    assert_eq!(
        zset.count_below(bound, true),
        count(&[Ordering::Less, Ordering::Equal])
    );
    let ranks = members.len() as u64 + 2;
    let (one, other) = (tape.below(ranks) as usize, tape.below(ranks) as usize);
    let range = members.iter().skip(one).take(other.saturating_sub(one));
    assert!(zset.walk(one..other).eq(range.clone().copied()));
    assert!(zset.walk(one..other).rev().eq(range.rev().copied()));
    assert!(zset.get(one) == members.get(one).copied());
    if let Some((name, _)) = members.get(one) {
        assert_eq!(zset.rank(name), Some(one));
    }
    if members.first().map(|first| first.1) == members.last().map(|last| last.1) {
        let name = name_of(tape.below(4_000));
        let before = members.iter().filter(|member| member.0 < &name[..]).count();
        let through = before + usize::from(model.contains_key(&name));
        assert_eq!(zset.count_before(&name, false), before);
        assert_eq!(zset.count_before(&name, true), through);
    }
    let mut seen = Model::new();
    let mut cursor = 0;
    loop {
        cursor = zset.scan(cursor, 10, &mut |name, score| {
            assert!(seen.insert(name.to_vec(), score).is_none(), "once");
        });
        if cursor == 0 {
            break;
        }
    }
    assert!(seen == *model);
}

fn compare(zset: &ZSet, model: &Model) {
    zset.check();
    let members = in_order(model);
    assert!(zset.walk(0..zset.len()).eq(members.iter().copied()));
    assert_eq!(zset.len(), members.len());
}

fn in_order(model: &Model) -> Vec<(&[u8], f64)> {
    let mut members: Vec<_> = model
        .iter()
        .map(|(name, score)| (&name[..], *score))
        .collect();
    // Stable, and the map is in the order of names.
    members.sort_by(|one, other| one.1.partial_cmp(&other.1).expect("numbers"));
    members
}

fn score(tape: &mut Tape<'_>) -> f64 {
    match tape.below(6) {
        0 => tape.integer() as f64,
        1 => *tape.pick(&[
            0.0,
            -0.0,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MIN_POSITIVE,
            1e300,
        ]),
        2 => tape.below(4) as f64,
        // Equal as far as the keys of a leaf tell, if there are others far away.
        3 => 1.0 + tape.below(1 << 10) as f64 * f64::EPSILON,
        4 => 1.7e12 + tape.below(1 << 16) as f64,
        _ => tape.below(1 << 16) as f64 / 16.0,
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
