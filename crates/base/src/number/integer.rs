//! 64-bit integers as text. There is one spelling per number, so text that parses can be stored as
//! the number and comes back as the same bytes: that is what lets a store keep `"42"` in eight
//! bytes.
//!
//! Refused: an empty text, blanks, `+1`, `01`, `-0`, anything out of range, anything after the
//! digits.
//!
//! Parsing runs on every SET, most often on text that is no number. So the length and the first
//! byte are looked at first, and digits are taken eight at a time as one machine word:
//!
//! ```text
//!  '1' '2' '3' '4'   each byte holds one digit
//!     12    34       × 10, pairs
//!        1234        × 100, fours
//! ```
//!
//! At most twenty digits reach the arithmetic. Nineteen always fit in 64 bits, so only the last
//! step, which joins the groups, has to look out for overflow.

use crate::word;

/// The integer that the text spells, or `None` if it is not the one spelling of one.
#[inline]
#[must_use]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    // Enough to turn away nearly all text that is no number, in line with the caller.
    let [first, ..] = text else { return None };
    if text.len() > I64_LEN_MAX || !(first.is_ascii_digit() || *first == b'-') {
        return None;
    }
    parse_short_i64(text)
}

/// Like [`parse_i64`] for `0..=u64::MAX`: no sign at all.
#[inline]
#[must_use]
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    match text {
        [b'0'] => Some(0),
        [b'1'..=b'9', ..] if text.len() <= U64_LEN_MAX => magnitude(text),
        _ => None,
    }
}

/// Appends the number in decimal.
#[inline]
pub fn write_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends the number in decimal.
#[inline]
pub fn write_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// How many bytes [`write_i64`] appends: the digits, and one for a minus.
#[inline]
#[must_use]
pub fn i64_len(value: i64) -> usize {
    let digits = value.unsigned_abs().checked_ilog10().unwrap_or(0) as usize + 1;
    digits + usize::from(value < 0)
}

/// `-9223372036854775808`.
const I64_LEN_MAX: usize = 20;

/// `18446744073709551615`.
const U64_LEN_MAX: usize = 20;

fn parse_short_i64(text: &[u8]) -> Option<i64> {
    match text {
        [b'0'] => Some(0),
        // A minus leaves nineteen places, so what remains cannot overflow here, only the range.
        [b'-', digits @ ..] if matches!(digits, [b'1'..=b'9', ..]) => {
            0i64.checked_sub_unsigned(magnitude(digits)?)
        }
        [b'1'..=b'9', ..] => i64::try_from(magnitude(text)?).ok(),
        _ => None,
    }
}

/// The value of 1 to 20 digits, `None` if a byte is no digit or the value has more than 64 bits.
#[inline]
fn magnitude(digits: &[u8]) -> Option<u64> {
    const EIGHT: u64 = 100_000_000;
    match digits.len() {
        // Small numbers are the most frequent, and not worth the set-up.
        0..=3 => digits.iter().try_fold(0, |sum, byte| {
            let digit = byte.wrapping_sub(b'0');
            (digit <= 9).then_some(sum * 10 + u64::from(digit))
        }),
        4..=8 => up_to_eight(digits),
        9..=16 => {
            let (front, back) = digits.split_at(digits.len() - 8);
            Some(up_to_eight(front)? * EIGHT + up_to_eight(back)?)
        }
        _ => {
            let (front, rest) = digits.split_at(digits.len() - 16);
            let (middle, back) = rest.split_at(8);
            let low = up_to_eight(middle)? * EIGHT + up_to_eight(back)?;
            up_to_eight(front)?
                .checked_mul(EIGHT * EIGHT)?
                .checked_add(low)
        }
    }
}

/// The value of 0 to 8 digits.
#[inline]
fn up_to_eight(digits: &[u8]) -> Option<u64> {
    // Zeros in front: the missing bytes are the high ones of a load, the leading digits the low
    // ones.
    let missing_bits = 8 * (8 - digits.len() as u32);
    let zeros = word::splat(b'0');
    let text = word::load(digits).unbounded_shl(missing_bits)
        | !(u64::MAX.unbounded_shl(missing_bits)) & zeros;
    // Digits are 0x30..=0x39: the high half must be 3, and still be 3 after adding 6.
    let high = word::splat(0xf0);
    if (text & high | (text.wrapping_add(word::splat(6)) & high) >> 4) != word::splat(0x33) {
        return None;
    }
    let ones = text - zeros;
    let pairs = (ones.wrapping_mul(10) + (ones >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100) + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours.wrapping_mul(10_000) + (fours >> 32)) & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings() {
        let cases: &[(&str, Option<i64>)] = &[
            ("0", Some(0)),
            ("7", Some(7)),
            ("-7", Some(-7)),
            ("10", Some(10)),
            ("12345678", Some(12_345_678)),
            ("123456789", Some(123_456_789)),
            ("1234567890123456", Some(1_234_567_890_123_456)),
            ("12345678901234567", Some(12_345_678_901_234_567)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("-9223372036854775808", Some(i64::MIN)),
            ("-9223372036854775809", None),
            ("9999999999999999999", None),
            ("-9999999999999999999", None),
            ("10000000000000000000", None),
            ("99999999999999999999", None),
            ("100000000000000000000", None),
            ("", None),
            ("-", None),
            ("-0", None),
            ("+1", None),
            ("01", None),
            ("00", None),
            ("-01", None),
            ("--1", None),
            (" 1", None),
            ("1 ", None),
            ("1\n", None),
            ("1\0", None),
            ("1.0", None),
            ("1e3", None),
            ("0x1", None),
            ("1234567:", None),
            ("/2345678", None),
            ("12345678:", None),
            ("1234567/9", None),
            ("١", None),
        ];
        for (text, want) in cases {
            assert_eq!(parse_i64(text.as_bytes()), *want, "{text:?}");
        }
    }

    #[test]
    fn unsigned_spellings() {
        assert_eq!(parse_u64(b"0"), Some(0));
        assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_u64(b"18446744073709551616"), None);
        assert_eq!(parse_u64(b"99999999999999999999"), None);
        assert_eq!(parse_u64(b"100000000000000000000"), None);
        for bad in ["", "-1", "+1", "00", "01", " 1", "1 "] {
            assert_eq!(parse_u64(bad.as_bytes()), None, "{bad:?}");
        }
    }

    /// A wrong byte in any place of any length is seen, whatever the byte.
    #[test]
    fn no_other_byte_passes_for_a_digit() {
        for len in 1..=19 {
            for place in 0..len {
                for byte in (0..=255u8).filter(|b| !b.is_ascii_digit()) {
                    let mut text = vec![b'1'; len];
                    text[place] = byte;
                    let negative = byte == b'-' && place == 0 && len > 1;
                    assert_eq!(parse_i64(&text).is_some(), negative, "{text:?}");
                    assert_eq!(parse_u64(&text), None, "{text:?}");
                }
            }
        }
    }

    #[test]
    fn lengths() {
        let powers = (0..19).map(|n| 10i64.pow(n));
        for power in powers {
            for value in [power - 1, power, power + 1, -power, 1 - power] {
                assert_eq!(i64_len(value), value.to_string().len(), "{value}");
            }
        }
        assert_eq!(i64_len(i64::MIN), 20);
        assert_eq!(i64_len(i64::MAX), 19);
    }

    /// Numbers of every length, not only the long ones that uniform bits would give.
    fn any_length() -> impl Strategy<Value = i64> {
        (any::<i64>(), 0..64u32).prop_map(|(value, shift)| value >> shift)
    }

    proptest! {
        #[test]
        fn written_numbers_come_back(value in any_length()) {
            let mut text = Vec::new();
            write_i64(&mut text, value);
            prop_assert_eq!(text.len(), i64_len(value));
            prop_assert_eq!(parse_i64(&text), Some(value));
            text.clear();
            write_u64(&mut text, value as u64);
            prop_assert_eq!(parse_u64(&text), Some(value as u64));
        }

        /// What parses is the one spelling of its value; what is one parses.
        #[test]
        fn only_the_one_spelling_parses(text in "[-+ 0]{0,2}[0-9]{0,21}[ :/a]{0,1}") {
            let std: Option<i64> = text.parse().ok().filter(|v: &i64| v.to_string() == text);
            prop_assert_eq!(parse_i64(text.as_bytes()), std);
            let std: Option<u64> = text.parse().ok().filter(|v: &u64| v.to_string() == text);
            prop_assert_eq!(parse_u64(text.as_bytes()), std);
        }
    }
}
