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
//! finds there: one pass, one table, which each thread keeps, and which is never cleared: its
//! positions count on over all inputs, so that those of former ones are too old to be taken. The
//! decompressor trusts nothing that it reads and makes no more bytes than it was told to expect.

use std::cell::RefCell;

/// How far back a copy can reach.
const DISTANCE_MAX: usize = 1 << 13;
/// A shorter repetition is not worth a copy.
const COPY_MIN: usize = 3;
const COPY_MAX: usize = 264;
const LITERALS_MAX: usize = 32;
/// Copies from this length on have a byte of their own for it.
const LONG_COPY_MIN: usize = 9;
/// After so many literals every second position is tried, after twice as many every third.
const PATIENCE_BYTES: usize = 64;

thread_local! {
    static SEEN: RefCell<Seen> = RefCell::new(Seen::new());
}

/// The bytes compressed, or `None` if that takes more than `bytes_max`. Four GiB and more are not
/// tried.
#[must_use]
pub fn compress(input: &[u8], bytes_max: usize) -> Option<Vec<u8>> {
    SEEN.with_borrow_mut(|seen| seen.compress(input, bytes_max))
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
struct Seen {
    /// Positions, counted over all inputs.
    table: Box<[u32]>,
    /// The position at which the input begins. What is below belongs to others.
    base: u32,
}

impl Seen {
    const SLOTS_MIN: usize = 1 << 8;
    /// Twice as many as there are places that a copy can reach.
    const SLOTS_MAX: usize = 2 * DISTANCE_MAX;

    fn new() -> Seen {
        Seen {
            table: vec![0; Seen::SLOTS_MAX].into_boxed_slice(),
            base: 1,
        }
    }

    fn compress(&mut self, input: &[u8], bytes_max: usize) -> Option<Vec<u8>> {
        let positions = u32::try_from(input.len())
            .ok()
            .filter(|len| *len < u32::MAX)?;
        if self.base.checked_add(positions).is_none() {
            *self = Seen::new();
        }
        // A short input goes to few places, which stay close to the processor.
        let slots = input.len().saturating_mul(8).next_power_of_two();
        let slots = slots.clamp(Seen::SLOTS_MIN, Seen::SLOTS_MAX);
        let mut out = Vec::with_capacity(bytes_max.min(input.len()));
        let is_short = self.compress_to(&mut out, input, bytes_max, slots);
        self.base += positions;
        is_short.then_some(out)
    }

    fn compress_to(
        &mut self,
        out: &mut Vec<u8>,
        input: &[u8],
        bytes_max: usize,
        slots: usize,
    ) -> bool {
        let table = &mut self.table[..slots];
        let shift = 32 - slots.trailing_zeros();
        // The golden ratio spreads neighbouring values over the top bits.
        let slot = |bytes: u32| (bytes.wrapping_mul(0x9e37_79b1) >> shift) as usize;
        let (mut at, mut literals_start) = (0, 0);
        while let Some(bytes) = three_bytes(input, at) {
            let here = self.base + at as u32;
            let before = std::mem::replace(&mut table[slot(bytes)], here);
            // One of another input is far beyond the end of this one.
            let from = before.wrapping_sub(self.base) as usize;
            let repeats =
                from < at && at - from <= DISTANCE_MAX && three_bytes(input, from) == Some(bytes);
            if !repeats {
                // What has not repeated itself for long is looked at in passing.
                at += 1 + (at - literals_start) / PATIENCE_BYTES;
                continue;
            }
            let len = common(input, from, at);
            push_literals(out, &input[literals_start..at]);
            push_copy(out, at - from, len);
            if out.len() > bytes_max {
                return false;
            }
            let end = at + len;
            // Of what was copied the last two positions are enough to go on from.
            for inside in (at + 1).max(end - 2)..end {
                if let Some(bytes) = three_bytes(input, inside) {
                    table[slot(bytes)] = self.base + inside as u32;
                }
            }
            (at, literals_start) = (end, end);
        }
        push_literals(out, &input[literals_start..]);
        out.len() <= bytes_max
    }
}

#[inline]
fn three_bytes(input: &[u8], at: usize) -> Option<u32> {
    let [a, b, c] = *input.get(at..at + COPY_MIN)? else {
        return None;
    };
    Some(u32::from_le_bytes([a, b, c, 0]))
}

/// How many bytes from `at` on are the same as those from `from` on.
#[inline]
fn common(input: &[u8], from: usize, at: usize) -> usize {
    let now = &input[at..input.len().min(at + COPY_MAX)];
    let earlier = &input[from..from + now.len()];
    let words = now.chunks_exact(8).zip(earlier.chunks_exact(8));
    let mut len = 0;
    for (now, earlier) in words {
        let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
        let differing = word(now) ^ word(earlier);
        if differing != 0 {
            return len + differing.trailing_zeros() as usize / 8;
        }
        len += 8;
    }
    let rest = now[len..].iter().zip(&earlier[len..]);
    len + rest.take_while(|(a, b)| a == b).count()
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

    /// Positions run out after 4 GiB of inputs, and begin anew.
    #[test]
    fn what_others_had_is_not_taken() {
        let (one, other) = (b"0123456789abcdef", b"---0123456789abcdef0123456789");
        let alone = Seen::new().compress(other, 100).expect("it is short");
        for base in [
            1,
            1000,
            u32::MAX - 17,
            u32::MAX - 16,
            u32::MAX - 1,
            u32::MAX,
        ] {
            let mut seen = Seen::new();
            seen.base = base;
            let packed = seen.compress(one, 100).expect("it is short");
            assert_eq!(decompress(&packed, one.len()).as_deref(), Some(&one[..]));
            assert_eq!(seen.compress(other, 100).as_ref(), Some(&alone));
        }
        assert_eq!(decompress(&alone, other.len()).as_deref(), Some(&other[..]));
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
