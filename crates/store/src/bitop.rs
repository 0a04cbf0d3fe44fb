//! Several strings combined bit by bit: BITOP.
//!
//! ```text
//!   sources  X  ████████████████████
//!            Y  █████████                  zero bits follow
//!            Z  ██████████████
//!   result      ▓▓▓▓│▓▓▓▓│▓▓▓▓│▓▓▓▓        tile by tile, as long as the longest
//! ```
//!
//! Work goes tile by tile, so that the result of a tile stays in the nearest
//! cache however many sources there are. Within a tile the loops run over plain
//! slices of equal length, which the compiler turns into vector instructions.

/// What becomes of a bit of the result. X is the first source, Y any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BitOp {
    /// In all sources.
    And,
    /// In at least one.
    Or,
    /// In an odd number of them.
    Xor,
    /// Not in the only source.
    Not,
    /// In X and in no Y.
    Diff,
    /// In a Y and not in X.
    Diff1,
    /// In X and in a Y.
    AndOr,
    /// In exactly one source.
    One,
}

/// Combine sources, of which there must be one at least. Shorter ones count as
/// filled up with zero bits.
pub fn combine(op: BitOp, sources: &[&[u8]]) -> Vec<u8> {
    let len = sources.iter().map(|source| source.len()).max().unwrap_or(0);
    let mut result = vec![0; len];
    let (first, others) = sources.split_first().expect("BITOP has a source");
    let mut others = others.to_vec();
    let mut scratch = [0; TILE_BYTES];
    for (index, tile) in result.chunks_mut(TILE_BYTES).enumerate() {
        let start = index * TILE_BYTES;
        let ended = others.len();
        // Those that have ended only matter to AND: nothing is in all any more.
        others.retain(|other| other.len() > start);
        if op == BitOp::And && (others.len() < ended || first.len() <= start) {
            break;
        }
        copy(tile, part(first, start));
        let others = others.iter().map(|other| part(other, start));
        fill(op, tile, others, &mut scratch[..]);
    }
    result
}

/// Small enough for the nearest cache, with room for a source beside it.
const TILE_BYTES: usize = 8 * 1024;

/// Combine what the tile holds, which is its part of X, with the others.
fn fill<'a>(
    op: BitOp,
    tile: &mut [u8],
    others: impl Iterator<Item = &'a [u8]>,
    scratch: &mut [u8],
) {
    let scratch = &mut scratch[..tile.len()];
    scratch.fill(0);
    match op {
        BitOp::And => others.for_each(|other| {
            let (front, back) = tile.split_at_mut(other.len().min(tile.len()));
            zip(front, other, |x, y| x & y);
            back.fill(0);
        }),
        BitOp::Or => others.for_each(|other| zip(tile, other, |x, y| x | y)),
        BitOp::Xor => others.for_each(|other| zip(tile, other, |x, y| x ^ y)),
        BitOp::Not => tile.iter_mut().for_each(|x| *x = !*x),
        BitOp::Diff | BitOp::Diff1 | BitOp::AndOr => {
            others.for_each(|other| zip(scratch, other, |seen, y| seen | y));
            match op {
                BitOp::Diff => zip(tile, scratch, |x, seen| x & !seen),
                BitOp::Diff1 => zip(tile, scratch, |x, seen| !x & seen),
                _ => zip(tile, scratch, |x, seen| x & seen),
            }
        }
        BitOp::One => {
            // The tile holds what was seen, the scratch what was seen again.
            others.for_each(|other| {
                let again = tile.iter_mut().zip(&mut *scratch).zip(other);
                again.for_each(|((seen, again), y)| {
                    *again |= *seen & y;
                    *seen |= y;
                });
            });
            zip(tile, scratch, |seen, again| seen & !again);
        }
    }
}

/// Change `out` by what lies beside it in `other`, as far as that reaches.
fn zip(out: &mut [u8], other: &[u8], op: impl Fn(u8, u8) -> u8) {
    out.iter_mut().zip(other).for_each(|(x, y)| *x = op(*x, *y));
}

/// The part of a source from `start` on, empty behind its end.
fn part(source: &[u8], start: usize) -> &[u8] {
    source.get(start..).unwrap_or_default()
}

/// Copy as much as fits.
fn copy(out: &mut [u8], bytes: &[u8]) {
    let len = out.len().min(bytes.len());
    out[..len].copy_from_slice(&bytes[..len]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [BitOp; 8] = [
        BitOp::And,
        BitOp::Or,
        BitOp::Xor,
        BitOp::Not,
        BitOp::Diff,
        BitOp::Diff1,
        BitOp::AndOr,
        BitOp::One,
    ];

    /// The twin: each bit by the definition of its operation.
    fn naive(op: BitOp, sources: &[&[u8]]) -> Vec<u8> {
        let len = sources.iter().map(|source| source.len()).max().unwrap();
        let mut result = vec![0; len];
        for index in 0..len as u64 * 8 {
            let bits: Vec<bool> = sources.iter().map(|s| crate::bits::get(s, index)).collect();
            let ones = bits.iter().filter(|bit| **bit).count();
            let (x, any_y) = (bits[0], bits[1..].contains(&true));
            let bit = match op {
                BitOp::And => ones == bits.len(),
                BitOp::Or => ones > 0,
                BitOp::Xor => ones % 2 == 1,
                BitOp::Not => !x,
                BitOp::Diff => x && !any_y,
                BitOp::Diff1 => !x && any_y,
                BitOp::AndOr => x && any_y,
                BitOp::One => ones == 1,
            };
            crate::bits::set(&mut result, index, bit);
        }
        result
    }

    #[test]
    fn tiles_meet_without_a_seam() {
        let source = |len: usize, salt: usize| -> Vec<u8> {
            (0..len)
                .map(|i| (i * 7 + salt).wrapping_mul(salt) as u8)
                .collect()
        };
        for lens in [
            [TILE_BYTES, TILE_BYTES, TILE_BYTES],
            [3 * TILE_BYTES + 5, TILE_BYTES - 1, 2 * TILE_BYTES + 1],
            [1, 2 * TILE_BYTES, TILE_BYTES + 1],
            [0, TILE_BYTES + 9, 0],
        ] {
            let sources: Vec<Vec<u8>> = (0..3).map(|i| source(lens[i], i + 3)).collect();
            let slices: Vec<&[u8]> = sources.iter().map(Vec::as_slice).collect();
            for op in ALL {
                let slices = if op == BitOp::Not {
                    &slices[..1]
                } else {
                    &slices[..]
                };
                assert_eq!(combine(op, slices), naive(op, slices), "{op:?} of {lens:?}");
            }
        }
    }

    #[test]
    fn thousands_of_sources_cost_what_they_hold() {
        let short = [0b0101u8];
        let long = vec![0b0011u8; 4 << 20];
        let mut sources = vec![&short[..]; 20_000];
        sources.push(&long);
        assert_eq!(combine(BitOp::Or, &sources)[..2], [0b0111, 0b0011]);
        assert_eq!(combine(BitOp::And, &sources)[..2], [0b0001, 0]);
    }

    proptest! {
        #[test]
        fn against_the_definition(
            sources in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..70), 1..6),
        ) {
            let slices: Vec<&[u8]> = sources.iter().map(Vec::as_slice).collect();
            for op in ALL {
                prop_assert_eq!(combine(op, &slices), naive(op, &slices), "{:?}", op);
            }
        }
    }
}
