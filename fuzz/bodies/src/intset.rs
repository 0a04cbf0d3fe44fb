//! Intsets: foreign bytes that are accepted are a sorted set, and edits of them agree with one.

use std::collections::BTreeSet;

use structs::intset::{self, Intset};

use crate::tape::Tape;

const STEPS_MAX: usize = 200;

pub fn run(bytes: &[u8]) {
    let _ = Intset::check(bytes);
    let mut tape = Tape::new(bytes);
    let mut packed = start(&mut tape);
    let mut model: BTreeSet<i64> = Intset::new(&packed).iter().collect();
    assert_eq!(model.len(), Intset::new(&packed).len());
    for _ in 0..STEPS_MAX {
        if tape.is_over() {
            break;
        }
        let member = tape.integer();
        if tape.below(3) > 0 {
            assert_eq!(intset::insert(&mut packed, member), model.insert(member));
        } else {
            let near = model.range(member..).next().copied().unwrap_or(member);
            assert_eq!(intset::remove(&mut packed, near), model.remove(&near));
        }
        assert_eq!(Intset::check(&packed).is_ok(), !model.is_empty());
        let set = Intset::new(&packed);
        assert!(set.iter().eq(model.iter().copied()));
        assert_eq!(set.contains(member), model.contains(&member));
        assert_eq!(set.get(0), model.first().copied());
    }
}

/// An empty set, or what the tape holds if it is one once the header is right.
fn start(tape: &mut Tape<'_>) -> Vec<u8> {
    let width = *tape.pick(&[2u32, 4, 8]);
    let members = tape.bytes(100);
    let count = members.len() as u32 / width;
    let mut whole = [width.to_le_bytes(), count.to_le_bytes()].concat();
    whole.extend_from_slice(&members[..(count * width) as usize]);
    if Intset::check(&whole).is_err() {
        intset::create(&mut whole);
    }
    whole
}
