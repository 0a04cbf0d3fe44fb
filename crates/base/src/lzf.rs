//! LZF: the light compression of long strings in RDB files (the format of Marc Lehmann's LibLZF).
//!
//! ```text
//!  000nnnnn                         n+1 bytes follow as they are                  1 to 32
//!  nnnooooo oooooooo                n+2 bytes again from o+1 bytes back           3 to 8
//!  111ooooo nnnnnnnn oooooooo       n+9 bytes again from o+1 bytes back           9 to 264
//! ```
//!
//! A copy may overlap what it makes: "n+9 bytes from 1 byte back" is a run of one byte. Nothing
//! says how long the original was, so its length is kept beside the compressed bytes.
//!
//! The compressor remembers for every three bytes where it has last seen them, and takes what it
//! finds there: one pass, one table. The decompressor trusts nothing that it reads and makes no more
//! bytes than it was told to expect.

/// How far back a copy can reach.
const DISTANCE_MAX: usize = 1 << 13;
/// A shorter repetition is not worth a copy.
const COPY_MIN: usize = 3;
const COPY_MAX: usize = 264;
const LITERALS_MAX: usize = 32;
/// Copies from this length on have a byte of their own for it.
const LONG_COPY_MIN: usize = 9;

/// The bytes compressed, or `None` if that takes more than `bytes_max`.
#[must_use]
pub fn compress(input: &[u8], bytes_max: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut seen = Seen::for_input(input);
    let (mut at, mut literals_start) = (0, 0);
    while at + COPY_MIN <= input.len() {
        let earlier = seen.replace(at).filter(|from| at - from <= DISTANCE_MAX);
        let len = earlier.map_or(0, |from| common(input, from, at));
        if len < COPY_MIN {
            at += 1;
            continue;
        }
        push_literals(&mut out, &input[literals_start..at]);
        push_copy(&mut out, at - earlier?, len);
        if out.len() > bytes_max {
            return None;
        }
        let end = at + len;
        for inside in at + 1..end {
            seen.replace(inside);
        }
        (at, literals_start) = (end, end);
    }
    push_literals(&mut out, &input[literals_start..]);
    (out.len() <= bytes_max).then_some(out)
}

/// The original of `len` bytes; `None` if these bytes are not the compressed form of so many.
#[must_use]
pub fn decompress(input: &[u8], len: usize) -> Option<Vec<u8>> {
    // No three bytes make more than the longest copy: a length beyond that is a lie, not a reason
    // to allocate.
    if len > input.len().saturating_mul(COPY_MAX) {
        return None;
    }
    let mut out = Vec::with_capacity(len);
    let mut rest = input;
    while let [control, tail @ ..] = rest {
        rest = tail;
        let (high, low) = (usize::from(control >> 5), usize::from(control & 31));
        if high == 0 {
            let (literals, tail) = rest.split_at_checked(low + 1)?;
            rest = tail;
            out.extend_from_slice(literals);
        } else {
            let mut count = high + 2;
            if count == LONG_COPY_MIN {
                count += usize::from(take(&mut rest)?);
            }
            let back = (low << 8 | usize::from(take(&mut rest)?)) + 1;
            copy(&mut out, back, count)?;
        }
        if out.len() > len {
            return None;
        }
    }
    (out.len() == len).then_some(out)
}

/// Where each three bytes were last seen, as far as their places in the table do not collide.
struct Seen<'a> {
    input: &'a [u8],
    /// Positions plus one; zero for none.
    table: Vec<usize>,
}

impl<'a> Seen<'a> {
    const BITS_MIN: u32 = 8;
    const BITS_MAX: u32 = 16;

    fn for_input(input: &'a [u8]) -> Seen<'a> {
        // Sparse, as each collision is a repetition overlooked; but a short string shall not pay
        // for half a megabyte.
        let slots = input.len().saturating_mul(8);
        let slots = slots.clamp(1 << Seen::BITS_MIN, 1 << Seen::BITS_MAX);
        Seen {
            input,
            table: vec![0; slots.next_power_of_two()],
        }
    }

    /// Remember the three bytes here, and say where they may have been before.
    fn replace(&mut self, at: usize) -> Option<usize> {
        let [a, b, c] = *self.input.get(at..at + COPY_MIN)? else {
            return None;
        };
        let bytes = u32::from_le_bytes([a, b, c, 0]);
        // The golden ratio spreads neighbouring values over the top bits.
        let slot = bytes.wrapping_mul(0x9e37_79b1) >> (32 - self.table.len().trailing_zeros());
        let before = std::mem::replace(&mut self.table[slot as usize], at + 1);
        before.checked_sub(1)
    }
}

/// How many bytes from `at` on are the same as those from `from` on.
fn common(input: &[u8], from: usize, at: usize) -> usize {
    let (earlier, now) = (&input[from..], &input[at..]);
    let pairs = now.iter().zip(earlier).take(COPY_MAX);
    pairs.take_while(|(a, b)| a == b).count()
}

fn push_literals(out: &mut Vec<u8>, literals: &[u8]) {
    for piece in literals.chunks(LITERALS_MAX) {
        out.push(piece.len() as u8 - 1);
        out.extend_from_slice(piece);
    }
}

fn push_copy(out: &mut Vec<u8>, back: usize, len: usize) {
    let offset = back - 1;
    let (high, low) = ((offset >> 8) as u8, offset as u8);
    if len < LONG_COPY_MIN {
        out.extend_from_slice(&[(len as u8 - 2) << 5 | high, low]);
    } else {
        out.extend_from_slice(&[7 << 5 | high, (len - LONG_COPY_MIN) as u8, low]);
    }
}

fn take(rest: &mut &[u8]) -> Option<u8> {
    let (first, tail) = rest.split_first()?;
    *rest = tail;
    Some(*first)
}

fn copy(out: &mut Vec<u8>, back: usize, count: usize) -> Option<()> {
    let start = out.len().checked_sub(back)?;
    if back >= count {
        out.extend_from_within(start..start + count);
    } else {
        for at in start..start + count {
            out.push(out[at]);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_format_by_hand() {
        assert_eq!(decompress(b"\x02abc", 3).unwrap(), b"abc");
        assert_eq!(decompress(b"\x00a\x20\x00", 4).unwrap(), b"aaaa");
        assert_eq!(decompress(b"\x00a\xe0\x00\x00", 10).unwrap(), [b'a'; 10]);
        assert_eq!(decompress(b"\x02abc\x20\x02", 6).unwrap(), b"abcabc");
        assert_eq!(compress(&[b'a'; 10], 10).unwrap(), b"\x00a\xe0\x00\x00");
        assert_eq!(compress(b"", 0).unwrap(), b"");
    }

    #[test]
    fn damage_is_noticed() {
        let damaged: [(&[u8], usize); 8] = [
            (b"\x02ab", 3),
            (b"\x02abc", 4),
            (b"\x02abc", 2),
            (b"\x00a\x20", 4),
            (b"\x00a\x20\x01", 4),
            (b"\x00a\xe0\x00", 10),
            (b"\x20\x00", 3),
            (b"\x00a", usize::MAX),
        ];
        for (bytes, len) in damaged {
            assert_eq!(decompress(bytes, len), None, "{bytes:?}");
        }
    }

    #[test]
    fn runs_and_texts_shrink_and_noise_is_refused() {
        assert!(compress(&[0; 10_000], 9_996).unwrap().len() < 130);
        let text = b"value:0 value:1 value:2 value:3 value:4 ".repeat(5);
        assert!(compress(&text, text.len() - 4).unwrap().len() < text.len() / 3);
        let mut rng = crate::Rng::new(1);
        let noise: Vec<u8> = (0..1000).map(|_| rng.next_u64() as u8).collect();
        assert_eq!(compress(&noise, noise.len() - 4), None);
    }

    proptest! {
        #[test]
        fn what_was_compressed_comes_back(
            words in proptest::collection::vec((0usize..4, 1usize..400), 0..60),
            noise in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut input = noise;
            for (kind, len) in words {
                match kind {
                    0 => input.extend(std::iter::repeat_n(b'x', len)),
                    1 => input.extend((0..len).map(|i| (i * i) as u8)),
                    2 => input.extend_from_slice(&b"the quick brown fox jumps"[..len.min(25)]),
                    _ => input.extend_from_within(..len.min(input.len())),
                }
            }
            let packed = compress(&input, usize::MAX).unwrap();
            prop_assert!(packed.len() <= input.len() + input.len().div_ceil(LITERALS_MAX));
            prop_assert_eq!(compress(&input, packed.len()), Some(packed.clone()));
            prop_assert_eq!(decompress(&packed, input.len()), Some(input.clone()));
            if !packed.is_empty() {
                prop_assert_eq!(compress(&input, packed.len() - 1), None);
            }
        }

        #[test]
        fn any_bytes_are_safe_to_read(
            bytes in proptest::collection::vec(any::<u8>(), 0..100),
            len in 0usize..30_000,
        ) {
            if let Some(out) = decompress(&bytes, len) {
                prop_assert_eq!(out.len(), len);
            }
        }
    }
}
