//! Values against plain registers, known bytes, and foreign bytes.

use super::*;
use crate::testing;

/// A value, and what it should hold.
struct Both {
    bytes: Vec<u8>,
    plain: Registers,
}

impl Both {
    fn new() -> Both {
        Both {
            bytes: create(),
            plain: [0; REGISTERS],
        }
    }

    fn enter(&mut self, mark: Mark, sparse_bytes_max: usize) {
        let register = &mut self.plain[usize::from(mark.index)];
        let raised = mark.rank > *register;
        let hll = Hll::read(&self.bytes).unwrap();
        assert_eq!(hll.is_raised_by(mark), Ok(raised));
        *register = mark.rank.max(*register);
        keep_count(&mut self.bytes, 7);
        enter(&mut self.bytes, [mark], sparse_bytes_max).unwrap();
        assert_eq!(Hll::read(&self.bytes).unwrap().kept_count(), None);
        assert_eq!(
            Hll::read(&self.bytes).unwrap().is_raised_by(mark),
            Ok(false)
        );
    }

    fn check(&self) {
        let hll = Hll::read(&self.bytes).unwrap();
        let mut merged = [0; REGISTERS];
        hll.merge_into(&mut merged).unwrap();
        assert!(merged == self.plain);
        assert_eq!(hll.count(), Ok(count(&self.plain)));
        let mut wide = self.bytes.clone();
        let was_sparse = hll.encoding() == Encoding::Sparse;
        assert_eq!(make_dense(&mut wide), Ok(was_sparse));
        assert_eq!(hll.describe_runs().is_some(), was_sparse);
        let mut merged = [0; REGISTERS];
        Hll::read(&wide).unwrap().merge_into(&mut merged).unwrap();
        assert!(merged == self.plain);
    }
}

fn words(bytes: &[u8]) -> String {
    Hll::read(bytes).unwrap().describe_runs().unwrap().unwrap()
}

fn mark(index: u16, rank: u8) -> Mark {
    Mark { index, rank }
}

#[test]
fn agrees_with_plain_registers() {
    let mut rng = testing::rng();
    for round in 0..60 {
        let mut both = Both::new();
        // Near ones meet and join, far ones split long runs.
        let spread = [16, 300, REGISTERS as u64][round % 3];
        let base = rng.below(REGISTERS as u64 - spread + 1);
        let rank_max = [3, 32, 33, 51][rng.below(4) as usize];
        let bytes_max = [0, 20, 100, 3_000, 20_000][rng.below(5) as usize];
        for _ in 0..rng.below(600) {
            let index = (base + rng.below(spread)) as u16;
            both.enter(mark(index, 1 + rng.below(rank_max) as u8), bytes_max);
            let hll = Hll::read(&both.bytes).unwrap();
            if hll.encoding() == Encoding::Sparse {
                assert!(both.bytes.len() <= bytes_max.max(18));
            }
        }
        both.check();
    }
}

#[test]
fn estimates_are_near() {
    let mut rng = testing::rng();
    let mut both = Both::new();
    let mut seen = 0u64;
    for seen_next in [1, 10, 100, 1_000, 10_000, 100_000] {
        while seen < seen_next {
            let element = rng.next_u64().to_le_bytes();
            both.enter(Mark::of(&element), 3_000);
            seen += 1;
        }
        both.check();
        let estimate = Hll::read(&both.bytes).unwrap().count().unwrap();
        // Seven times the standard error, for a test that does not fail by chance.
        let off_max = (seen as f64 * 7.0 * 1.04 / 128.0).ceil() as u64;
        assert!(estimate.abs_diff(seen) <= off_max, "{seen}: {estimate}");
    }
}

#[test]
fn the_self_test_passes() {
    assert_eq!(self_test(), Ok(()));
}

#[test]
fn elements_are_hashed_as_by_redis() {
    let mut bytes = create();
    enter(&mut bytes, [b"a", b"b", b"c"].map(|e| Mark::of(e)), 3_000).unwrap();
    assert_eq!(
        words(&bytes),
        "Z:8436 v:1,1 Z:4274 v:2,1 Z:3068 v:1,1 Z:603"
    );
    let header = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80";
    assert_eq!(
        &bytes,
        &[&header[..], b"`\xf3\x80P\xb1\x84K\xfb\x80BZ"].concat()
    );
    assert_eq!(Hll::read(&bytes).unwrap().count(), Ok(3));
}

#[test]
fn runs_are_split_and_joined() {
    let mut bytes = create();
    let mut after = |index, rank| {
        enter(&mut bytes, [mark(index, rank)], 3_000).unwrap();
        words(&bytes)
    };
    assert_eq!(after(1000, 3), "Z:1000 v:3,1 Z:15383");
    assert_eq!(after(1001, 3), "Z:1000 v:3,2 Z:15382");
    assert_eq!(after(1003, 3), "Z:1000 v:3,2 z:1 v:3,1 Z:15380");
    assert_eq!(after(1002, 3), "Z:1000 v:3,4 Z:15380");
    assert_eq!(after(1004, 3), "Z:1000 v:3,4 v:3,1 Z:15379");
    assert_eq!(after(1002, 9), "Z:1000 v:3,2 v:9,1 v:3,2 Z:15379");
    assert_eq!(after(0, 32), "v:32,1 Z:999 v:3,2 v:9,1 v:3,2 Z:15379");
    assert_eq!(
        after(64, 1),
        "v:32,1 z:63 v:1,1 Z:935 v:3,2 v:9,1 v:3,2 Z:15379"
    );
}

#[test]
fn a_value_becomes_dense_for_its_length_or_its_ranks() {
    let is_dense = |marks: &[Mark], bytes_max| {
        let mut bytes = create();
        enter(&mut bytes, marks.iter().copied(), bytes_max).unwrap();
        bytes.len() == dense::BYTES
    };
    assert!(!is_dense(&[mark(5, 32)], 3_000));
    assert!(is_dense(&[mark(5, 33)], 3_000));
    assert!(!is_dense(&[mark(0, 1)], 19));
    assert!(is_dense(&[mark(0, 1)], 18));
    assert!(is_dense(&[mark(0, 1), mark(9, 1)], 19));
    assert!(!is_dense(&[mark(0, 1), mark(0, 2)], 19), "it does not grow");
}

#[test]
fn counts_of_registers_that_nobody_has() {
    assert_eq!(count(&[0; REGISTERS]), 0);
    for rank in [50, 51, 63] {
        assert_eq!(count(&[rank; REGISTERS]), i64::MAX as u64);
    }
    let mut one = [0; REGISTERS];
    one[9] = 63;
    assert_eq!(count(&one), 1);
}

#[test]
fn foreign_headers() {
    let not = |bytes: &[u8]| assert_eq!(Hll::read(bytes).unwrap_err(), Fault::NotHyperLogLog);
    not(b"");
    not(b"HYLL");
    not(b"HYLL\x01\0\0\0\0\0\0\0\0\0\0");
    not(b"HYLM\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff");
    not(b"HYLL\x02\0\0\0\0\0\0\0\0\0\0\0\x7f\xff");
    not(b"HYLL\0\0\0\0\0\0\0\0\0\0\0\0\x7f\xff");
    let mut wide = create();
    make_dense(&mut wide).unwrap();
    assert!(Hll::read(&wide).is_ok());
    not(&wide[..dense::BYTES - 1]);
    wide.push(0);
    not(&wide);
}

#[test]
fn foreign_runs() {
    for runs in [
        &b""[..],         // none at all
        b"\x7f\xfe",      // one register is missing
        b"\x7f\xff\x00",  // one too many
        b"\x7f\xff\x7f",  // half a run
        b"\x7f",          // nothing but half a run
        b"\x40\xfe\x7f",  // the rest of the registers in half a run
        &[0xff; 5_000],   // ranks beyond the registers
        &[0x7f; 100_000], // zeros beyond them
        &[0x00; 40_000],  // longer than any value
    ] {
        let bytes = [&create()[..HEADER_BYTES], runs].concat();
        let hll = Hll::read(&bytes).unwrap();
        let mut merged = [0; REGISTERS];
        assert_eq!(hll.count(), Err(Fault::Corrupt));
        assert_eq!(hll.merge_into(&mut merged), Err(Fault::Corrupt));
        assert_eq!(make_dense(&mut bytes.clone()), Err(Fault::Corrupt));
        assert!(hll.describe_runs().unwrap().is_err());
        // Whoever adds looks no further than the register.
        for index in [0, 9_000, 16_383] {
            let found = hll.is_raised_by(mark(index, 1));
            let entered = enter(&mut bytes.clone(), [mark(index, 1)], 1_000_000);
            assert_eq!(found.is_err(), entered.is_err());
        }
        assert!(enter(&mut bytes.clone(), [mark(0, 33)], 3_000).is_err());
    }
}
