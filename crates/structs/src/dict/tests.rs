//! Dicts against a map, clones included, and what they promise about time and memory.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

const SECRET: [u64; 2] = [3, 4];
const NOW_MS: i64 = 1_700_000_000_000;

type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

fn compare(dict: &Dict, model: &Model) {
    dict.check();
    let mut seen = Model::new();
    for item in dict.iter() {
        let held = (item.value.to_vec(), item.deadline_ms);
        assert!(seen.insert(item.name.to_vec(), held).is_none(), "seen once");
    }
    assert_eq!(seen, *model);
    assert_eq!(dict.len(), model.len());
}

fn text(rng: &mut Rng) -> Vec<u8> {
    let len_max = [0, 3, 20, 150, 5_000][(rng.below(100) as f64).sqrt() as usize / 2 % 5];
    let mut bytes = vec![0; rng.below(len_max + 1) as usize];
    rng.fill(&mut bytes);
    bytes
}

fn name(rng: &mut Rng) -> Vec<u8> {
    let number = rng.below(3_000);
    let tail = if number % 64 == 1 {
        4_000
    } else {
        number as usize % 7
    };
    format!("{number}{}", "-".repeat(tail)).into_bytes()
}

fn step(rng: &mut Rng, dict: &mut Dict, model: &mut Model, weight: u64) {
    let name = name(rng);
    let held = model.get(&name).cloned();
    if rng.below(10) < weight {
        let value = text(rng);
        let ms = NOW_MS + rng.below(10_000) as i64;
        let (deadline, deadline_ms) = match rng.below(4) {
            0 => (Deadline::At(ms), Some(ms)),
            1 => (Deadline::Keep, held.as_ref().and_then(|held| held.1)),
            _ => (Deadline::None, None),
        };
        assert_eq!(dict.put(&name, &value, deadline), held.is_none());
        model.insert(name, (value, deadline_ms));
        return;
    }
    match rng.below(6) {
        0 => {
            let ms = (rng.below(2) == 0).then(|| NOW_MS + rng.below(10_000) as i64);
            assert_eq!(dict.set_deadline(&name, ms), held.is_some());
            if let Some(held) = model.get_mut(&name) {
                held.1 = ms;
            }
        }
        1 => assert_eq!(dict.take(&name), model.remove(&name).map(|held| held.0)),
        2 => match dict.pop(rng) {
            Some((name, value)) => assert_eq!(model.remove(&name).unwrap().0, value),
            None => assert!(model.is_empty()),
        },
        3 => {
            let item = dict
                .get(&name)
                .map(|item| (item.value.to_vec(), item.deadline_ms));
            assert_eq!(item, held);
            assert_eq!(dict.random(rng).is_some(), !model.is_empty());
        }
        _ => assert_eq!(dict.remove(&name), model.remove(&name).is_some()),
    }
}

#[test]
fn agrees_with_a_map_and_clones_stay_as_they_were() {
    let mut rng = crate::testing::rng();
    for _ in 0..40 {
        let (mut dict, mut model) = (Dict::of_fields(SECRET), Model::new());
        let mut kept = Vec::new();
        for phase in 0..10 {
            let weight = rng.below(11);
            for _ in 0..rng.below(1_500) {
                step(&mut rng, &mut dict, &mut model, weight);
            }
            compare(&dict, &model);
            match rng.below(6) {
                0 => {
                    let now_ms = NOW_MS + rng.below(10_000) as i64;
                    let mut due = |item: Item<'_>| {
                        let (_, ms) = model.remove(item.name).expect("it was there");
                        assert!(ms == item.deadline_ms && ms.unwrap() < now_ms);
                    };
                    while dict.expire(now_ms, 10, &mut due) {}
                    assert!(
                        model
                            .values()
                            .all(|held| held.1.is_none_or(|ms| ms >= now_ms))
                    );
                }
                1 => {
                    let odd = |name: &[u8]| name.first().is_some_and(|byte| byte % 2 == 1);
                    dict.retain(&mut |item| odd(item.name));
                    model.retain(|name, _| odd(name));
                }
                _ => {}
            }
            compare(&dict, &model);
            if phase % 3 == 0 {
                kept.push((dict.clone(), model.clone()));
            }
        }
        for (dict, model) in &kept {
            compare(dict, model);
        }
        while dict.pop(&mut rng).is_some() {}
        assert_eq!((dict.memory_bytes(), dict.next_deadline_ms()), (0, None));
    }
}

#[test]
fn members_are_there_or_not() {
    let mut dict = Dict::of_members(SECRET);
    for i in 0..30_000u32 {
        assert!(dict.add(&i.to_le_bytes()));
        assert!(!dict.add(&i.to_le_bytes()));
    }
    dict.check();
    assert!(dict.add(b"") && dict.contains(b"") && !dict.contains(b"none"));
    assert!((0..30_000u32).all(|i| dict.contains(&i.to_le_bytes())));
    dict.retain(&mut |item| item.name.first() == Some(&7));
    dict.check();
    let left: BTreeSet<Vec<u8>> = dict.iter().map(|item| item.name.to_vec()).collect();
    assert!(left.iter().all(|name| name[0] == 7));
    assert_eq!(left.len(), dict.len());
    assert_eq!(left.len(), (0..30_000).filter(|i| i % 256 == 7).count());
}

#[test]
fn what_places_tell_hides_nothing_that_another_dict_has() {
    let sizes = [1, 40, 300, 3_000, 20_000];
    let dict_of = |numbers: std::ops::Range<u32>, secret| {
        let mut dict = Dict::of_members(secret);
        for name in numbers.map(u32::to_le_bytes) {
            assert!(dict.add(&name));
            // Some go again: their tags stay where they were.
            assert!(name[0] % 8 > 0 || dict.remove(&name));
        }
        dict
    };
    for (one, other) in sizes
        .iter()
        .flat_map(|one| sizes.map(|other| (*one, other)))
    {
        let walked = dict_of(0..one, SECRET);
        let same = dict_of(one / 2..one / 2 + other, SECRET);
        let foreign = dict_of(0..other, [5, 6]);
        let mut seen = BTreeSet::new();
        let ended = walked.visit_likely(&[], |item, hashed| {
            for dict in [&same, &foreign] {
                let found = dict.contains_hashed(item.name, &mut hashed.clone());
                assert_eq!(found, dict.contains(item.name));
            }
            seen.insert(item.name.to_vec());
            ControlFlow::Continue(())
        });
        assert!(ended.is_continue() && seen.len() == walked.len());
        let (mut common, mut alone) = (0, 0);
        let _ = walked.visit_likely(&[&foreign, &same], |item, _| {
            match same.contains(item.name) {
                true => common += 1,
                false => alone += 1,
            }
            ControlFlow::Continue(())
        });
        assert_eq!(
            common,
            seen.iter().filter(|name| same.contains(name)).count()
        );
        println!(
            "{one} in {other}: {common} common, {alone} others seen of {}",
            seen.len()
        );
        assert!(one < 3_000 || other > one || alone * 2 < seen.len() - common);
    }
}

#[test]
fn a_look_ahead_reads_nothing_that_is_not_there() {
    let mut dict = Dict::of_fields(SECRET);
    assert!(dict.look_ahead(b"none").is_none());
    for i in 0..2_000u32 {
        dict.put(&i.to_le_bytes(), &vec![7; i as usize % 300], Deadline::None);
        if i % 3 == 0 {
            dict.remove(&(i / 2).to_le_bytes());
        }
        let ahead = [i / 2, i, i + 1].map(|name| dict.look_ahead(&name.to_le_bytes()));
        ahead
            .iter()
            .flatten()
            .for_each(|ahead| ahead.ask_for_places());
        ahead
            .iter()
            .flatten()
            .for_each(|ahead| ahead.ask_for_items());
    }
    dict.check();
}

#[test]
fn a_scan_shows_what_lasts_once() {
    let mut dict = Dict::of_members(SECRET);
    let name = |i: u32| format!("member:{i}").into_bytes();
    (0..4_000).for_each(|i| assert!(dict.add(&name(i))));
    let mut seen: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
    let (mut cursor, mut i) = (0, 4_000);
    loop {
        cursor = dict.scan(cursor, 10, &mut |item| {
            *seen.entry(item.name.to_vec()).or_default() += 1;
        });
        if cursor == 0 {
            break;
        }
        for _ in 0..50 {
            match i {
                4_000..20_000 => assert!(dict.add(&name(i))),
                20_000..35_000 => assert!(dict.remove(&name(i - 16_000))),
                _ => {}
            }
            i += 1;
        }
    }
    assert!((0..4_000).all(|i| seen.get(&name(i)) == Some(&1)));
    assert!(seen.values().all(|times| *times == 1));
}

#[test]
fn expiry_works_in_slices_and_bounds_what_is_left() {
    let mut dict = Dict::of_fields(SECRET);
    for i in 0..20_000i64 {
        let deadline = if i % 2 == 0 {
            Deadline::At(NOW_MS + i)
        } else {
            Deadline::None
        };
        dict.put(&i.to_le_bytes(), b"value", deadline);
    }
    assert_eq!(dict.volatile(), 10_000);
    assert_eq!(dict.next_deadline_ms(), Some(NOW_MS));
    let (mut gone, mut slices) = (0, 1);
    while dict.expire(NOW_MS + 10_000, 100, &mut |_| gone += 1) {
        slices += 1;
    }
    assert_eq!(gone, 5_000);
    assert!(slices > 20, "{slices}");
    assert_eq!(dict.next_deadline_ms(), Some(NOW_MS + 10_000));
    assert!(!dict.expire(NOW_MS + 10_000, 1, &mut |_| panic!("nothing is due")));
    dict.check();
    while dict.expire(i64::MAX, 1_000, &mut |_| gone += 1) {}
    assert_eq!(
        (gone, dict.len(), dict.next_deadline_ms()),
        (10_000, 10_000, None)
    );
}

#[test]
fn a_few_fields_take_little() {
    let mut dict = Dict::of_fields(SECRET);
    for (count, bytes_max) in [(1, 1_000), (10, 1_000), (130, 7_000), (600, 26_000)] {
        while dict.len() < count {
            let name = format!("field:{}", dict.len());
            dict.put(name.as_bytes(), b"a value 16 bytes", Deadline::None);
        }
        let bytes = dict.memory_bytes();
        println!("{count} fields: {bytes} bytes, {} each", bytes / count);
        assert!(bytes <= bytes_max, "{bytes} bytes for {count}");
    }
}

#[test]
fn a_dict_is_freed_in_slices() {
    let mut dict = Dict::of_members(SECRET);
    (0..50_000u32).for_each(|i| assert!(dict.add(&i.to_le_bytes())));
    let clone = dict.clone();
    let mut slices = 1;
    while !dict.free_some(10) {
        slices += 1;
    }
    assert!(slices > 10 && dict.is_empty() && dict.memory_bytes() == 0);
    assert!(dict.add(b"again"));
    assert_eq!(clone.len(), 50_000);
    clone.check();
}
