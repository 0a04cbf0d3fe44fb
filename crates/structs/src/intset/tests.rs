//! Sets against a `BTreeSet`, and foreign bytes.

use std::collections::BTreeSet;

use super::*;
use crate::testing;

/// The bytes of a set, in the plainest way.
fn packed(members: &BTreeSet<i64>, width: usize) -> Vec<u8> {
    let mut out = (width as u32).to_le_bytes().to_vec();
    out.extend((members.len() as u32).to_le_bytes());
    for member in members {
        out.extend(&member.to_le_bytes()[..width]);
    }
    out
}

fn needed(member: i64) -> usize {
    match member {
        -32_768..=32_767 => 2,
        -2_147_483_648..=2_147_483_647 => 4,
        _ => 8,
    }
}

#[test]
fn agrees_with_a_sorted_set() {
    let mut rng = testing::rng();
    for _ in 0..300 {
        let (mut bytes, mut model, mut width) = (Vec::new(), BTreeSet::new(), 2);
        create(&mut bytes);
        let shift_max = [48, 32, 64][rng.below(3) as usize];
        for _ in 0..rng.below(200) {
            let shift = if shift_max == 64 {
                rng.below(64)
            } else {
                64 - shift_max / 2
            };
            let edge = [
                0,
                0,
                1 << 15,
                -(1 << 15),
                1 << 31,
                -(1 << 31),
                i64::MAX,
                i64::MIN,
            ];
            let member = (rng.next_u64() as i64 >> shift).wrapping_add(edge[rng.below(8) as usize]);
            let known = model
                .iter()
                .nth(rng.below(model.len() as u64 + 1) as usize)
                .copied();
            if rng.below(3) < 2 {
                width = width.max(needed(member));
                assert_eq!(insert(&mut bytes, member), model.insert(member));
            } else {
                let member = known.unwrap_or(member);
                assert_eq!(remove(&mut bytes, member), model.remove(&member));
            }
            assert_eq!(bytes, packed(&model, width));
            let set = Intset::new(&bytes);
            assert_eq!(set.contains(member), model.contains(&member));
        }
        look(&bytes, &model, &mut rng);
    }
}

fn look(bytes: &[u8], model: &BTreeSet<i64>, rng: &mut base::Rng) {
    assert_eq!(Intset::check(bytes).is_ok(), !model.is_empty());
    let set = Intset::new(bytes);
    assert!(set.iter().eq(model.iter().copied()));
    assert!(set.iter().rev().eq(model.iter().rev().copied()));
    for (index, member) in model.iter().enumerate() {
        assert!(set.contains(*member));
        assert_eq!(set.get(index), Some(*member));
    }
    assert_eq!((set.get(model.len()), set.len()), (None, model.len()));
    match set.random(rng) {
        None => assert!(model.is_empty()),
        Some(member) => assert!(model.contains(&member)),
    }
}

#[test]
fn foreign_bytes() {
    let what = |bytes: &[u8]| {
        Intset::check(bytes)
            .map(|_| ())
            .expect_err("damage")
            .to_string()
    };
    assert_eq!(
        what(b"\x02\0\0\0"),
        "an intset that is shorter than its header at byte 0"
    );
    assert_eq!(
        what(b"\x03\0\0\0\x01\0\0\0\0\0\0"),
        "an intset of no known width at byte 0"
    );
    assert_eq!(
        what(b"\x02\0\0\0\x02\0\0\0\0\0"),
        "an intset's count that is not its count at byte 4"
    );
    assert_eq!(
        what(b"\x08\0\0\0\xff\xff\xff\xff\0\0"),
        "an intset's count that is not its count at byte 4"
    );
    assert_eq!(what(&EMPTY), "an intset without a member at byte 4");
    let twice = b"\x02\0\0\0\x03\0\0\0\x01\0\x02\0\x02\0";
    assert_eq!(
        what(twice),
        "an intset's member that is not above the one before at byte 12"
    );
}
