//! Long lists against a row of strings, under every limit, with clones that must stay as they were.

use std::collections::VecDeque;

use structs::deque::{Deque, End, Limit, Side};
use structs::listpack::Item;

use crate::tape::Tape;

const STEPS_MAX: usize = 120;

type Model = VecDeque<Vec<u8>>;

pub fn run(bytes: &[u8]) {
    let mut tape = Tape::new(bytes);
    let limit = Limit::of(*tape.pick(&[-1, -2, 1, 2, 5, 30, 0]));
    let (mut deque, mut model) = (Deque::new(limit), Model::new());
    let mut held = Vec::new();
    for step_number in 0..STEPS_MAX {
        if tape.is_over() {
            break;
        }
        step(&mut tape, &mut deque, &mut model);
        deque.check();
        if step_number % 40 == 20 {
            held.push((deque.clone(), model.clone()));
        }
    }
    held.push((deque, model));
    for (mut deque, model) in held {
        compare(&deque, &model);
        while !deque.free_some(2) {
            deque.check();
        }
        assert_eq!(deque.memory_bytes(), 0);
    }
}

fn compare(deque: &Deque, model: &Model) {
    deque.check();
    assert_eq!(deque.len(), model.len());
    assert!(
        deque
            .iter_from(0)
            .map(Item::to_vec)
            .eq(model.iter().cloned())
    );
    let middle = model.len() / 2;
    if middle > 0 {
        let back = deque.iter_back_from(middle).map(Item::to_vec);
        assert!(back.eq(model.iter().take(middle + 1).rev().cloned()));
        assert!(
            deque
                .get(middle)
                .is_some_and(|item| item.is(&model[middle]))
        );
    }
}

fn element(tape: &mut Tape<'_>) -> Vec<u8> {
    match tape.below(8) {
        0 => tape.integer().to_string().into_bytes(),
        1 => tape.text(9_000),
        2 => tape.text(1_000),
        _ => vec![b'a' + tape.below(4) as u8; 1 + tape.below(2) as usize],
    }
}

fn step(tape: &mut Tape<'_>, deque: &mut Deque, model: &mut Model) {
    let end = if tape.bool() { End::Front } else { End::Back };
    let index = tape.below(model.len() as u64 + 1) as usize;
    match tape.below(8) {
        0 => {
            let popped = deque.pop(end, |item| item.to_vec());
            assert!(
                popped
                    == if end == End::Front {
                        model.pop_front()
                    } else {
                        model.pop_back()
                    }
            );
        }
        1 => {
            let new = element(tape);
            assert_eq!(deque.set(index, &new), index < model.len());
            if let Some(old) = model.get_mut(index) {
                *old = new;
            }
        }
        2 | 3 => {
            let (pivot, new) = (element(tape), element(tape));
            let side = if tape.bool() {
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
        4 => {
            let (text, most) = (element(tape), *tape.pick(&[1, 3, usize::MAX]));
            let mut equal: Vec<usize> = (0..model.len()).filter(|at| model[*at] == text).collect();
            let spared = equal.len().saturating_sub(most);
            match end {
                End::Front => equal.truncate(most),
                End::Back => drop(equal.drain(..spared)),
            }
            assert_eq!(deque.remove_equal(end, &text, most), equal.len());
            equal.iter().rev().for_each(|at| drop(model.remove(*at)));
        }
        5 => {
            let stop = index + tape.below((model.len() - index) as u64 + 1) as usize;
            deque.remove_range(index..stop).check();
            model.drain(index..stop);
        }
        _ => {
            for _ in 0..1 + tape.below(20) {
                let new = element(tape);
                deque.push(end, &new);
                match end {
                    End::Front => model.push_front(new),
                    End::Back => model.push_back(new),
                }
            }
        }
    }
}
