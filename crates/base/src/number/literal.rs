//! A float literal: the forms that C's `strtod` reads, told apart but not yet turned into a number.
//!
//! ```text
//!  sign?  digits . digits  e sign? digits      a digit on one side of the point
//!  sign?  0x digits . digits  p sign? digits   the exponent decimal, of two
//!  sign?  inf | infinity
//! ```
//!
//! Points and exponents are optional, and letters may have any case.
//!
//! The whole text must be one literal. Refused: `nan` in all its forms, which no command takes, and
//! blanks or a NUL anywhere.

use crate::ascii::eq_ignore_case;
use rustc_apfloat::{Float, Round};

/// What follows the sign.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Literal<'a> {
    Infinity,
    /// Zero, however many digits and whatever exponent say so.
    Zero,
    Decimal(Decimal<'a>),
    Hex(Scaled),
}

/// Decimal text in this grammar, without sign and with a digit other than zero.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decimal<'a> {
    pub(super) text: &'a str,
}

/// A number as `significand` × 2^`exponent`, the significand not zero. If that is not exact, the
/// magnitude is cut off and the lowest bit set to remember it. With more than 66 bits this rounds
/// to any format here as the exact number would.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scaled {
    pub(super) significand: u128,
    pub(super) exponent: i32,
}

impl<'a> Literal<'a> {
    /// Whether there is a minus, and the rest.
    pub(super) fn scan(text: &'a [u8]) -> Option<(bool, Literal<'a>)> {
        let (negative, rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let literal = match rest {
            [b'0', b'x' | b'X', hex @ ..] => scan_hex(hex)?,
            [b'0'..=b'9' | b'.', ..] => scan_decimal(rest)?,
            word if eq_ignore_case(word, b"inf") || eq_ignore_case(word, b"infinity") => {
                Literal::Infinity
            }
            _ => return None,
        };
        Some((negative, literal))
    }
}

impl Decimal<'_> {
    /// The significant digits without zeros in front, and the power of ten of the last one. Beyond
    /// `limit` digits, one more tells whether any of the others was not zero.
    pub(super) fn digits(&self, limit: usize) -> (Vec<u8>, i64) {
        let text = self.text.as_bytes();
        let mark = text
            .iter()
            .position(|byte| byte.eq_ignore_ascii_case(&b'e'));
        let (significand, exponent) = text.split_at(mark.unwrap_or(text.len()));
        let mut exponent = scan_exponent(exponent, b'e').expect("scanned before");
        let mut digits = Vec::with_capacity(limit.min(text.len()) + 1);
        let mut rest = None;
        let mut after_point = false;
        for &byte in significand {
            match byte {
                b'.' => after_point = true,
                b'0' if digits.is_empty() => exponent -= i64::from(after_point),
                _ if digits.len() < limit => {
                    digits.push(byte);
                    exponent -= i64::from(after_point);
                }
                _ => {
                    rest = Some(rest.unwrap_or(b'0').max(byte.min(b'1')));
                    exponent += i64::from(!after_point);
                }
            }
        }
        if let Some(rest) = rest {
            digits.push(rest);
            exponent -= 1;
        }
        (digits, exponent)
    }
}

impl Scaled {
    /// Further out than any format reaches on either side, and still safe to calculate with.
    pub(super) const EXPONENT_LIMIT: i32 = 1_000_000;

    /// The nearest number of the format, ties to even; infinite or zero when out of its range.
    pub(super) fn nearest<F: Float>(&self) -> F {
        let text = format!("0x{:x}p{}", self.significand, self.exponent);
        let parsed = F::from_str_r(&text, Round::NearestTiesToEven);
        parsed.expect("a well-formed hexadecimal literal").value
    }
}

/// The digits and points of a significand, and what follows them.
fn split_significand(text: &[u8], is_digit: fn(&u8) -> bool) -> Option<(&[u8], &[u8])> {
    let (mut points, mut digits) = (0, 0);
    let end = text.iter().position(|byte| {
        points += usize::from(*byte == b'.');
        digits += usize::from(is_digit(byte));
        points > 1 || !(*byte == b'.' || is_digit(byte))
    });
    // A second point ends the significand, and then fails as an exponent.
    (digits > 0).then(|| text.split_at(end.unwrap_or(text.len())))
}

/// The exponent after the mark `e` or `p`: zero if the text is empty, held within ±10¹².
fn scan_exponent(text: &[u8], mark: u8) -> Option<i64> {
    let digits = match text {
        [] => return Some(0),
        [letter, b'+' | b'-', digits @ ..] | [letter, digits @ ..]
            if letter.eq_ignore_ascii_case(&mark) =>
        {
            digits
        }
        _ => return None,
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let size = digits.iter().fold(0i64, |sum, digit| {
        (sum * 10 + i64::from(digit - b'0')).min(1_000_000_000_000)
    });
    Some(if text[1] == b'-' { -size } else { size })
}

fn scan_decimal(text: &[u8]) -> Option<Literal<'_>> {
    let (significand, exponent) = split_significand(text, u8::is_ascii_digit)?;
    scan_exponent(exponent, b'e')?;
    if significand.iter().all(|byte| matches!(byte, b'0' | b'.')) {
        return Some(Literal::Zero);
    }
    Some(Literal::Decimal(Decimal {
        text: std::str::from_utf8(text).ok()?,
    }))
}

fn scan_hex(text: &[u8]) -> Option<Literal<'_>> {
    let (digits, exponent) = split_significand(text, u8::is_ascii_hexdigit)?;
    let mut exponent = scan_exponent(exponent, b'p')?;
    let mut significand = 0u128;
    let mut rest = false;
    let mut after_point = false;
    for byte in digits {
        let Some(digit) = char::from(*byte).to_digit(16) else {
            after_point = true;
            continue;
        };
        // Four bits at a time, and one bit kept free for what did not fit.
        if significand >> 120 == 0 {
            significand = significand << 4 | u128::from(digit);
            exponent -= if after_point { 4 } else { 0 };
        } else {
            rest |= digit != 0;
            exponent += if after_point { 0 } else { 4 };
        }
    }
    if significand == 0 {
        return Some(Literal::Zero);
    }
    let limit = i64::from(Scaled::EXPONENT_LIMIT);
    Some(Literal::Hex(Scaled {
        significand: significand << 1 | u128::from(rest),
        exponent: (exponent - 1).clamp(-limit, limit) as i32,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar() {
        for good in [
            "1",
            "1.",
            ".5",
            "00.50",
            "1e5",
            "1E+05",
            "1.e-5",
            "9e99999999999999999999",
        ] {
            assert_eq!(
                Literal::scan(good.as_bytes()),
                Some((false, Literal::Decimal(Decimal { text: good })))
            );
        }
        for zero in ["0", "0.", ".0", "00", "0e99", "0x0", "0x.0p5"] {
            assert_eq!(
                Literal::scan(zero.as_bytes()),
                Some((false, Literal::Zero)),
                "{zero}"
            );
        }
        for bad in [
            "",
            "+",
            "-",
            ".",
            "e5",
            ".e5",
            "1e",
            "1e+",
            "1e-",
            "1.2.3",
            "1..",
            "1e5.",
            "1e5e5",
            "1f",
            "--1",
            "+-1",
            " 1",
            "1 ",
            "\t1",
            "1\n",
            "1\0",
            "\x001",
            "1,5",
            "0x",
            "0x.",
            "0xp1",
            "0x1p",
            "0x1p+",
            "0x1.8.0",
            "0xg",
            "0x1e+5",
            "in",
            "infi",
            "infinit",
            "infinityx",
            "nan",
            "-NaN",
            "nan(1)",
            "1_0",
            "١",
        ] {
            assert_eq!(Literal::scan(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(Literal::scan(b"-iNf"), Some((true, Literal::Infinity)));
        assert_eq!(
            Literal::scan(b"+INFINITY"),
            Some((false, Literal::Infinity))
        );
    }

    #[test]
    fn digits_and_their_exponent() {
        let digits = |text: &str, limit| {
            let (digits, exponent) = Decimal { text }.digits(limit);
            (String::from_utf8(digits).unwrap(), exponent)
        };
        assert_eq!(digits("120", 9), ("120".into(), 0));
        assert_eq!(digits("001.20E+5", 9), ("120".into(), 3));
        assert_eq!(digits("0.0012e-5", 9), ("12".into(), -9));
        assert_eq!(digits("123456.7", 4), ("12341".into(), 1));
        assert_eq!(digits("123400.00", 4), ("12340".into(), 1));
        assert_eq!(digits("0.00123456", 4), ("12341".into(), -7));
        assert_eq!(
            digits("1e99999999999999999999", 4),
            ("1".into(), 1_000_000_000_000)
        );
    }

    #[test]
    fn hex_keeps_what_rounding_needs() {
        let hex = |text: &str| match Literal::scan(text.as_bytes()) {
            Some((false, Literal::Hex(hex))) => (hex.significand, hex.exponent),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(hex("0x1.8"), (0x30, -5));
        assert_eq!(hex("0X1P4"), (2, 3));
        assert_eq!(hex("0x1e5"), (0x3ca, -1), "e is a digit here");
        let (significand, exponent) = hex(&format!("0x1{}1", "0".repeat(40)));
        assert_eq!((significand & 1, exponent), (1, 43));
        let (significand, exponent) = hex(&format!("0x.{}1{}", "0".repeat(40), "0".repeat(40)));
        assert_eq!(
            (
                significand & 1,
                significand.trailing_zeros() as i32 + exponent
            ),
            (0, -164)
        );
        assert_eq!(hex("0x1p99999999999999999999").1, 1_000_000);
        assert_eq!(hex("0x1p-99999999999999999999").1, -1_000_000);
    }
}
