//! HyperLogLog: whatever the string, nothing panics and no fault is overlooked; sound values agree
//! with plain registers.

use structs::hll::{self, Encoding, Hll, Mark, REGISTERS, Registers};

use crate::tape::Tape;

const STEPS_MAX: usize = 100;

pub fn run(bytes: &[u8]) {
    let mut tape = Tape::new(bytes);
    foreign(&mut tape);
    sound(&mut tape);
}

/// The tape's bytes as they are, and as runs behind a good header.
fn foreign(tape: &mut Tape<'_>) {
    let taken = tape.bytes(600);
    let mut runs = hll::create()[..hll::HEADER_BYTES].to_vec();
    runs.extend_from_slice(taken);
    // What is missing is filled up, so that some are sound.
    if tape.bool() {
        let filler = *tape.pick(&[0x3fu8, 0x83, 0x00]);
        runs.resize(runs.len() + tape.below(300) as usize, filler);
    }
    for bytes in [taken, &runs] {
        let Ok(value) = Hll::read(bytes) else {
            continue;
        };
        let mut plain = [0; REGISTERS];
        let is_sound = value.merge_into(&mut plain).is_ok();
        assert_eq!(value.count().is_ok(), is_sound);
        assert_eq!(hll::make_dense(&mut bytes.to_vec()).is_ok(), is_sound);
        if let Some(words) = value.describe_runs() {
            assert_eq!(words.is_ok(), is_sound);
        }
        let mut changed = bytes.to_vec();
        let mark = mark(tape);
        let entered = hll::enter(&mut changed, [mark], 3_000).is_ok();
        if is_sound {
            assert!(entered);
            plain[usize::from(mark.index)] = mark.rank.max(plain[usize::from(mark.index)]);
            check(&changed, &plain);
        }
    }
}

fn sound(tape: &mut Tape<'_>) {
    let (mut value, mut plain) = (hll::create(), [0; REGISTERS]);
    let bytes_max = *tape.pick(&[3_000, 0, 25, 100]);
    for _ in 0..STEPS_MAX {
        if tape.is_over() {
            break;
        }
        let mark = mark(tape);
        hll::enter(&mut value, [mark], bytes_max).expect("it is sound");
        plain[usize::from(mark.index)] = mark.rank.max(plain[usize::from(mark.index)]);
    }
    check(&value, &plain);
    hll::make_dense(&mut value).expect("it is sound");
    check(&value, &plain);
}

fn check(bytes: &[u8], plain: &Registers) {
    let value = Hll::read(bytes).expect("a sound header");
    let mut merged = [0; REGISTERS];
    value.merge_into(&mut merged).expect("sound runs");
    assert!(merged == *plain);
    assert_eq!(value.count(), Ok(hll::count(plain)));
    if value.encoding() == Encoding::Sparse {
        assert!(bytes.len() <= hll::SPARSE_BYTES_MAX);
    }
}

/// Most near each other, so that they meet.
fn mark(tape: &mut Tape<'_>) -> Mark {
    let index = match tape.bool() {
        true => 8_000 + tape.below(32),
        false => tape.below(REGISTERS as u64),
    };
    let rank_max = *tape.pick(&[3, 32, 51]);
    Mark {
        index: index as u16,
        rank: 1 + tape.below(rank_max) as u8,
    }
}
