//! Lists against a `VecDeque` of strings.

use std::collections::VecDeque;

use super::*;
use crate::listpack::tests::text;
use crate::testing;
use base::Rng;

type Model = VecDeque<Vec<u8>>;

fn some_limit(rng: &mut Rng) -> Limit {
    Limit::of([-1, -1, -2, 1, 2, 3, 7, 20, 100][rng.below(9) as usize])
}

/// A few strings often, so that there are equal ones.
fn element(rng: &mut Rng) -> Vec<u8> {
    match rng.below(4) {
        0 => text(rng),
        1 => vec![b'l'; 100 + rng.below(400) as usize],
        _ => rng.below(6).to_string().into_bytes(),
    }
}

#[test]
fn agrees_with_a_row_of_strings() {
    let mut rng = testing::rng();
    for _ in 0..400 {
        let mut deque = Deque::new(some_limit(&mut rng));
        let mut model = Model::new();
        let mut kept = None;
        for _ in 0..rng.below(80) {
            step(&mut rng, &mut deque, &mut model);
            deque.check();
            assert_eq!(deque.len(), model.len());
            if rng.below(20) == 0 {
                compare(&mut rng, &deque, &model);
                kept = Some((deque.clone(), model.clone()));
            }
        }
        compare(&mut rng, &deque, &model);
        if let Some((deque, model)) = kept {
            compare(&mut rng, &deque, &model);
        }
        while !deque.free_some(3) {
            deque.check();
        }
        assert_eq!((deque.len(), deque.memory_bytes()), (0, 0));
    }
}

fn step(rng: &mut Rng, deque: &mut Deque, model: &mut Model) {
    let end = if rng.below(2) == 0 {
        End::Front
    } else {
        End::Back
    };
    let index = rng.below(model.len() as u64 + 1) as usize;
    match rng.below(12) {
        0 => (0..rng.below(80)).for_each(|_| push(end, element(rng), deque, model)),
        1..4 => push(end, element(rng), deque, model),
        4 => {
            for _ in 0..rng.below(5) {
                let popped = deque.pop(end, |item| item.to_vec());
                let wanted = if end == End::Front {
                    model.pop_front()
                } else {
                    model.pop_back()
                };
                assert_eq!(popped, wanted);
            }
        }
        5 => {
            let new = element(rng);
            assert_eq!(deque.set(index, &new), index < model.len());
            if let Some(old) = model.get_mut(index) {
                *old = new;
            }
        }
        6..9 => {
            let (pivot, new) = (some(rng, model), element(rng));
            let side = if rng.below(2) == 0 {
                Side::Before
            } else {
                Side::After
            };
            let found = model.iter().position(|text| *text == pivot);
            assert_eq!(deque.insert(side, &pivot, &new), found.is_some());
            if let Some(at) = found {
                model.insert(at + usize::from(side == Side::After), new);
            }
        }
        9 => {
            let text = some(rng, model);
            let most = [1, 2, 30, usize::MAX][rng.below(4) as usize];
            let removed = remove_equal(model, end, &text, most);
            assert_eq!(deque.remove_equal(end, &text, most), removed);
        }
        10 => {
            let stop = index + rng.below((model.len() - index) as u64 / 3 + 1) as usize;
            let gone = deque.remove_range(index..stop);
            gone.check();
            model.drain(index..stop);
        }
        _ => {
            let start = rng.below(model.len() as u64 / 4 + 1) as usize;
            let stop = model
                .len()
                .saturating_sub(rng.below(20) as usize)
                .max(start);
            deque.trim(start..stop).check();
            *model = model.drain(start..stop).collect();
        }
    }
}

fn push(end: End, new: Vec<u8>, deque: &mut Deque, model: &mut Model) {
    deque.push(end, &new);
    match end {
        End::Front => model.push_front(new),
        End::Back => model.push_back(new),
    }
}

fn some(rng: &mut Rng, model: &Model) -> Vec<u8> {
    let known = model.get(rng.below(model.len() as u64 + 1) as usize);
    known.cloned().unwrap_or_else(|| element(rng))
}

fn remove_equal(model: &mut Model, end: End, text: &[u8], most: usize) -> usize {
    let mut equal: Vec<usize> = (0..model.len()).filter(|at| model[*at] == text).collect();
    if end == End::Back {
        equal.reverse();
    }
    equal.truncate(most);
    equal.sort_unstable();
    for at in equal.iter().rev() {
        model.remove(*at);
    }
    equal.len()
}

fn compare(rng: &mut Rng, deque: &Deque, model: &Model) {
    deque.check();
    assert!(
        deque
            .iter_from(0)
            .map(Item::to_vec)
            .eq(model.iter().cloned())
    );
    let back = deque.iter_back_from(model.len().wrapping_sub(1));
    assert!(back.map(Item::to_vec).eq(model.iter().rev().cloned()));
    let index = rng.below(model.len() as u64 + 2) as usize;
    assert_eq!(
        deque.get(index).map(Item::to_vec),
        model.get(index).cloned()
    );
    let forward = deque.iter_from(index).map(Item::to_vec);
    assert!(forward.eq(model.iter().skip(index).cloned()));
    if index < model.len() {
        let back = deque.iter_back_from(index).map(Item::to_vec);
        assert!(back.eq(model.iter().take(index + 1).rev().cloned()));
    }
    let mut again = Deque::new(Limit::default());
    for node in deque.nodes() {
        match node {
            Node::Packed(bytes) => again.push_packed(bytes.to_vec()),
            Node::Plain(text) => again.push_plain(text.to_vec()),
        }
    }
    again.check();
    assert!(again.iter_from(0).eq(deque.iter_from(0)));
}

#[test]
fn limits_are_those_of_the_parameter() {
    for (size, kib) in [(-1, 4), (-2, 8), (-3, 16), (-4, 32), (-5, 64), (-9, 64)] {
        let limit = Limit::of(size);
        assert!(limit.admits(kib << 10, 60_000) && !limit.admits((kib << 10) + 1, 1));
    }
    assert!(Limit::of(5).admits(8192, 5) && !Limit::of(5).admits(8193, 5));
    assert!(!Limit::of(5).admits(100, 6));
    assert!(Limit::of(0).admits(100, 1) && !Limit::of(0).admits(100, 2));
    let mut deque = Deque::new(Limit::of(-1));
    for len in [4_000, 5_000, 50] {
        deque.push(End::Back, &vec![b'x'; len]);
    }
    let plain = deque.nodes().map(|node| matches!(node, Node::Plain(_)));
    assert_eq!(plain.collect::<Vec<_>>(), [false, true, false]);
    assert!(deque.set(1, b"short") && deque.set(0, &[b'y'; 9_000]));
    let plain = deque.nodes().map(|node| matches!(node, Node::Plain(_)));
    assert_eq!(plain.collect::<Vec<_>>(), [true, false, false]);
    deque.check();
}

/// Elements that go from everywhere leave no row of nearly empty nodes.
#[test]
fn small_neighbours_are_joined() {
    let mut deque = Deque::new(Limit::default());
    for number in 0..50_000 {
        let text = if number % 50 == 0 {
            &b"stays"[..]
        } else {
            b"goes"
        };
        deque.push(End::Back, text);
    }
    let full = deque.nodes().len();
    assert_eq!(deque.remove_equal(End::Back, b"goes", usize::MAX), 49_000);
    deque.check();
    assert!(deque.len() == 1_000 && deque.nodes().len() == 1, "{full}");
    assert!(deque.memory_bytes() < 20_000, "{}", deque.memory_bytes());
}

/// Whoever writes to a list that is held elsewhere copies what it touches and no more.
#[test]
fn a_clone_shares_what_is_not_touched() {
    let mut deque = Deque::new(Limit::default());
    (0..100_000).for_each(|number| deque.push(End::Back, format!("{number:010}").as_bytes()));
    let held = deque.clone();
    deque.push(End::Back, b"new");
    assert!(deque.set(50_000, b"other"));
    let pairs = deque.nodes.iter().zip(&held.nodes);
    let own = pairs
        .filter(|(one, two)| !Arc::ptr_eq(&one.node, &two.node))
        .count();
    assert_eq!(own, 2);
    assert_eq!(held.get(50_000), Some(Item::Bytes(b"0000050000")));
}

/// Redis 7.0 takes 12.1 bytes for each; the text and its frame are 12.
#[test]
fn memory_of_a_million_elements() {
    for end in [End::Back, End::Front] {
        let mut deque = Deque::new(Limit::default());
        for number in 0..1_000_000 {
            deque.push(end, format!("e{number:09}").as_bytes());
        }
        let per_element = deque.memory_bytes() as f64 / 1e6;
        println!("{per_element:.3} bytes an element from the {end:?}");
        assert!(per_element < 12.11, "{per_element}");
    }
}
