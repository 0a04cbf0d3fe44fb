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
            prop_assert_eq!(eq_ignore_case(&text, &flipped), text.eq_ignore_ascii_case(&flipped));
        }
    }
}
