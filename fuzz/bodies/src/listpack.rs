//! Listpacks: foreign bytes that are accepted read the same from both ends, and edits of them agree
//! with a vector.

use structs::listpack::{Editor, Item, Listpack};

use crate::tape::Tape;

const STEPS_MAX: usize = 100;

pub fn run(bytes: &[u8]) {
    let mut tape = Tape::new(bytes);
    let mut packed = start(&mut tape);
    if let Ok(list) = Listpack::check_deep(tape.rest()) {
        read(list);
    }
    let mut model = read(Listpack::check_deep(&packed).expect("a sound list"));
    for _ in 0..STEPS_MAX {
        if tape.is_over() {
            break;
        }
        step(&mut tape, &mut packed, &mut model);
        let list = Listpack::check_deep(&packed).expect("a sound list");
        assert!(read(list) == model);
    }
}

/// An empty list, or what the tape holds if it is one once the header is right.
fn start(tape: &mut Tape<'_>) -> Vec<u8> {
    let mut packed = Vec::new();
    Editor::create(&mut packed);
    if tape.bool() {
        let mut entries = tape.bytes(250).to_vec();
        let total = (entries.len() + 7) as u32;
        let mut whole = [&total.to_le_bytes()[..], &[tape.byte(), 0]].concat();
        whole.append(&mut entries);
        whole.push(0xff);
        if Listpack::check_deep(&whole).is_ok() {
            return whole;
        }
    }
    packed
}

/// All items, and everything that must agree about them.
fn read(list: Listpack<'_>) -> Vec<Vec<u8>> {
    let forward: Vec<Vec<u8>> = list.iter().map(Item::to_vec).collect();
    assert_eq!(list.len(), forward.len());
    let backward = list
        .entries()
        .rev()
        .map(|(place, _)| list.item(place).to_vec());
    assert!(backward.eq(forward.iter().rev().cloned()));
    forward
}

fn step(tape: &mut Tape<'_>, packed: &mut Vec<u8>, model: &mut Vec<Vec<u8>>) {
    let text = match tape.below(4) {
        0 => tape.integer().to_string().into_bytes(),
        1 => tape.text(5_000),
        _ => tape.text(200),
    };
    let index = tape.below(model.len() as u64 + 1) as usize;
    let place = Listpack::new(packed).place(index);
    let stride = 1 + tape.below(3) as usize;
    if model.len().is_multiple_of(stride) {
        let found = Listpack::new(packed).find(&text, stride);
        let wanted = (0..model.len())
            .step_by(stride)
            .find(|at| model[*at] == text);
        assert_eq!(found, wanted.and_then(|at| Listpack::new(packed).place(at)));
    }
    let mut edit = Editor::new(packed);
    match (tape.below(8), place) {
        (0, _) => {
            edit.push_front(Item::of(&text));
            model.insert(0, text);
        }
        (1, Some(place)) => {
            edit.insert_after(place, Item::of(&text));
            model.insert(index + 1, text);
        }
        (2, Some(place)) => {
            edit.insert_before(place, Item::of(&text));
            model.insert(index, text);
        }
        (3, Some(place)) => {
            edit.replace(place, Item::of(&text));
            model[index] = text;
        }
        (4, Some(place)) => {
            let removed = edit.remove(place, stride);
            model.drain(index..index + removed);
        }
        (5, _) if model.len().is_multiple_of(stride) => {
            let of = |at: usize| at % 3 != index % 3;
            edit.retain(stride, |at, _| of(at));
            let kept = model.chunks(stride).enumerate().filter(|(at, _)| of(*at));
            *model = kept.flat_map(|(_, group)| group.to_vec()).collect();
        }
        (6, Some(place)) => {
            let tail = edit.split_off(place);
            assert!(read(Listpack::check_deep(&tail).expect("a sound list")) == model[index..]);
            edit.append(Listpack::new(&tail));
        }
        _ => {
            edit.push_back(Item::of(&text));
            model.push(text);
        }
    }
}
