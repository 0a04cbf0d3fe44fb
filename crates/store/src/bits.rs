//! Bytes read as a row of bits.
//!
//! ```text
//!   byte      0                       1
//!   bit       0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15
//!   weight   80 40 20 10 08 04 02 01 80 40 20 10 08 04 02 01
//! ```
//!
//! Bit 0 is the highest of the first byte, as in SETBIT. A row has no end: bits
//! behind the last byte are 0. Ranges are given by their first and last bit,
//! both included, and must lie within the bytes. Whole words of eight bytes are
//! looked at at once; the bytes at the two ends of a range are masked.

/// The bit at `index`.
pub fn get(bytes: &[u8], index: u64) -> bool {
    let byte = usize::try_from(index / 8).ok().and_then(|at| bytes.get(at));
    byte.is_some_and(|byte| byte & weight(index) != 0)
}

/// Change the bit at `index`, which must lie within the bytes, and return what
/// it was.
pub fn set(bytes: &mut [u8], index: u64, on: bool) -> bool {
    let byte = &mut bytes[(index / 8) as usize];
    let was = *byte & weight(index) != 0;
    if on {
        *byte |= weight(index);
    } else {
        *byte &= !weight(index);
    }
    was
}

/// How many bits are 1.
pub fn count(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let ones = |word: &[u8; 8]| u64::from(u64::from_ne_bytes(*word).count_ones());
    let in_rest: u32 = rest.iter().map(|byte| byte.count_ones()).sum();
    words.iter().map(ones).sum::<u64>() + u64::from(in_rest)
}

/// How many bits from `first` to `last` are 1.
pub fn count_range(bytes: &[u8], first: u64, last: u64) -> u64 {
    let ends = Ends::of(bytes, first, last);
    let before = (bytes[ends.first] & !ends.first_mask).count_ones();
    let behind = (bytes[ends.last] & !ends.last_mask).count_ones();
    count(&bytes[ends.first..=ends.last]) - u64::from(before + behind)
}

/// The first bit from `first` to `last` that is 1, or that is 0 if `on` is not
/// set.
pub fn find(bytes: &[u8], on: bool, first: u64, last: u64) -> Option<u64> {
    let ends = Ends::of(bytes, first, last);
    let flip = if on { 0x00 } else { 0xff };
    let in_byte = |at: usize, byte: u8| at as u64 * 8 + u64::from(byte.leading_zeros());
    let wanted = (bytes[ends.first] ^ flip) & ends.first_mask;
    let found = if wanted != 0 {
        in_byte(ends.first, wanted)
    } else {
        let start = ends.first + 1;
        let at = start + find_byte_not(&bytes[start..ends.last + 1], flip)?;
        in_byte(at, bytes[at] ^ flip)
    };
    // What was found in the last byte may lie behind the range.
    (found <= last).then_some(found)
}

/// Where a byte differs from `byte`, which is 0x00 or 0xff.
fn find_byte_not(bytes: &[u8], byte: u8) -> Option<usize> {
    let (words, _) = bytes.as_chunks::<8>();
    let same = words.iter().take_while(|word| **word == [byte; 8]).count();
    let rest = &bytes[same * 8..];
    let at = rest.iter().position(|b| *b != byte)?;
    Some(same * 8 + at)
}

/// The bytes in which a range begins and ends, and which of their bits count.
struct Ends {
    first: usize,
    first_mask: u8,
    last: usize,
    last_mask: u8,
}

impl Ends {
    fn of(bytes: &[u8], first: u64, last: u64) -> Ends {
        assert!(
            first <= last && last / 8 < bytes.len() as u64,
            "a range within the bytes"
        );
        Ends {
            first: (first / 8) as usize,
            first_mask: 0xff >> (first % 8),
            last: (last / 8) as usize,
            last_mask: !(0x7f >> (last % 8)),
        }
    }
}

fn weight(index: u64) -> u8 {
    0x80 >> (index % 8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The twin: bit by bit.
    fn row(bytes: &[u8]) -> Vec<bool> {
        let bits = |byte: &u8| (0..8).map(|i| byte >> (7 - i) & 1 == 1).collect::<Vec<_>>();
        bytes.iter().flat_map(bits).collect()
    }

    #[test]
    fn bits_behind_the_end_are_zero() {
        assert!(!get(b"", 0));
        assert!(get(b"\x01", 7) && !get(b"\x01", 8) && !get(b"\xff", u64::MAX));
    }

    /// Long runs of equal bytes, as bitmaps have them, and a byte that breaks
    /// them.
    fn bitmap() -> impl Strategy<Value = Vec<u8>> {
        let run = (prop_oneof![Just(0u8), Just(0xff), any::<u8>()], 1usize..40);
        prop::collection::vec(run, 1..6).prop_map(|runs| {
            let bytes = |(byte, len)| std::iter::repeat_n(byte, len);
            runs.into_iter().flat_map(bytes).collect()
        })
    }

    proptest! {
        #[test]
        fn ranges_against_a_row(bytes in bitmap(), a in any::<u64>(), b in any::<u64>()) {
            let row = row(&bytes);
            let (a, b) = (a % row.len() as u64, b % row.len() as u64);
            let (first, last) = (a.min(b), a.max(b));
            let inside = &row[first as usize..=last as usize];
            let ones = inside.iter().filter(|bit| **bit).count() as u64;
            prop_assert_eq!(count_range(&bytes, first, last), ones);
            for on in [false, true] {
                let at = inside.iter().position(|bit| *bit == on);
                prop_assert_eq!(find(&bytes, on, first, last), at.map(|at| first + at as u64));
            }
            prop_assert_eq!(count(&bytes), row.iter().filter(|bit| **bit).count() as u64);
        }

        #[test]
        fn one_bit_against_a_row(mut bytes in bitmap(), index in any::<u64>(), on in any::<bool>()) {
            let mut row = row(&bytes);
            let index = index % row.len() as u64;
            prop_assert_eq!(get(&bytes, index), row[index as usize]);
            prop_assert_eq!(set(&mut bytes, index, on), row[index as usize]);
            row[index as usize] = on;
            prop_assert_eq!(self::row(&bytes), row);
        }
    }
}
