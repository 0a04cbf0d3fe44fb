//! Option words whatever their case: `set k v EX 10 nx`. ASCII letters only; all other bytes stand
//! for themselves.

use crate::word;

/// Whether both are the same word when ASCII case is ignored.
///
/// Words of different length are told apart by one comparison, words of up to eight bytes, which is
/// nearly every option there is, by one more, and those of up to sixteen by two.
#[inline]
#[must_use]
pub fn eq_ignore_case(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let same = |a: &[u8], b: &[u8]| word::lower(word::load(a)) == word::lower(word::load(b));
    if a.len() <= 8 {
        return same(a, b);
    }
    if a.len() > 16 {
        return a.eq_ignore_ascii_case(b);
    }
    // The two halves overlap.
    let back = a.len() - 8;
    same(&a[..8], &b[..8]) && same(&a[back..], &b[back..])
}

/// A word without its letter case: what is left of it are its length and its ends, in two machine
/// words. Words of up to sixteen bytes are the same, ASCII case ignored, exactly if these are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Folded {
    /// The first eight bytes.
    front: u64,
    /// The last eight; nothing if there are no more than eight.
    back: u64,
    len: usize,
}

impl Folded {
    const WHOLE_BYTES_MAX: usize = 16;

    #[inline]
    #[must_use]
    pub const fn of(text: &[u8]) -> Folded {
        let (front, back) = match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
            (Some(front), Some(back)) if text.len() > 8 => {
                (u64::from_le_bytes(*front), u64::from_le_bytes(*back))
            }
            (Some(all), _) => (u64::from_le_bytes(*all), 0),
            _ => (word::load(text), 0),
        };
        Folded {
            front: word::lower(front),
            back: word::lower(back),
            len: text.len(),
        }
    }

    /// Are its ends all of it? Longer words may be equal here and differ in their middle.
    #[inline]
    #[must_use]
    pub const fn is_whole(self) -> bool {
        self.len <= Folded::WHOLE_BYTES_MAX
    }

    /// Its bits, mixed; the highest depend on all. No secret goes in.
    #[inline]
    #[must_use]
    pub const fn mixed(self) -> u64 {
        (self.front ^ self.back.rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// Appends the text with its ASCII capitals turned small.
pub fn to_lower_into(out: &mut Vec<u8>, text: &[u8]) {
    let start = out.len();
    out.extend_from_slice(text);
    out[start..].make_ascii_lowercase();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_and_near_words() {
        assert!(eq_ignore_case(b"", b""));
        assert!(eq_ignore_case(b"KeepTTL", b"KEEPTTL"));
        assert!(eq_ignore_case(b"WITHSCORES", b"withscores"));
        assert!(!eq_ignore_case(b"EX", b"PX"));
        assert!(!eq_ignore_case(b"EX", b"EXA"));
        assert!(
            !eq_ignore_case(b"@", b"`"),
            "they differ in the case bit, but are no letters"
        );
        assert!(!eq_ignore_case(b"[", b"{"));
        assert!(
            !eq_ignore_case(b"\xc1", b"\xe1"),
            "beyond ASCII there is no case"
        );
        assert!(!eq_ignore_case(b"a\0", b"a"));
    }

    #[test]
    fn lower_appends() {
        let mut out = b"X".to_vec();
        to_lower_into(&mut out, b"Get\xc1[Z");
        assert_eq!(out, b"Xget\xc1[z");
    }

    proptest! {
        #[test]
        fn eq_is_stds(text in prop::collection::vec(any::<u8>(), 0..20), flips in any::<u32>()) {
            // Flipping the case bit makes equal letters and unequal punctuation.
            let flipped: Vec<u8> =
                text.iter().enumerate().map(|(i, b)| b ^ ((flips >> i & 1) as u8) << 5).collect();
            let same = text.eq_ignore_ascii_case(&flipped);
            prop_assert_eq!(eq_ignore_case(&text, &flipped), same);
            let folded = Folded::of(&text);
            if folded.is_whole() {
                prop_assert_eq!(folded == Folded::of(&flipped), same);
            } else {
                prop_assert!(!same || folded == Folded::of(&flipped));
            }
        }
    }
}
