//! 64-bit floats as text: any literal in (see `literal`), two layouts out.
//!
//! ```text
//!                write_double          write_f64_17g (C's %.17g)
//!  3.0           3                     3
//!  0.1           0.1                   0.10000000000000001
//!  1e-7          1e-7                  9.9999999999999995e-08
//!  1e21          1e+21                 1e+21
//!  2⁶²           4611686018427387904   4.6116860184273879e+18
//! ```
//!
//! Both read back as the same float. `write_double` has the fewest digits that do, which the
//! crate `zmij` finds; the printer inside Redis now and then needs one digit more. Apart from those
//! values, one or two in a thousand, the text is the same.

use super::integer::write_i64;
use super::literal::{Decimal, Literal};
use rustc_apfloat::{Float, ieee};
use std::io::Write;

/// The float nearest to the literal, ties to even.
///
/// Refused, beside what is no literal: a number too large to be finite, and one that is not zero
/// but would become it. `inf` and `-inf` are fine, NaN is not.
#[must_use]
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let (negative, literal) = Literal::scan(text)?;
    let magnitude = match literal {
        Literal::Infinity => f64::INFINITY,
        Literal::Zero => 0.0,
        Literal::Decimal(decimal) => in_range(parse_decimal(&decimal))?,
        Literal::Hex(hex) => in_range(f64::from_bits(
            hex.nearest::<ieee::Double>().to_bits() as u64
        ))?,
    };
    Some(if negative { -magnitude } else { magnitude })
}

/// Appends the float as scores and RESP3 doubles are printed since Redis 7.2.
///
/// Whole numbers up to ±2⁶² print as integers, the rest with the fewest digits that read back as
/// the same float; `inf`, `-inf`, `nan`, `-0`.
pub fn write_double(out: &mut Vec<u8>, value: f64) {
    const INTEGERS: f64 = (1u64 << 62) as f64;
    if let Some(word) = not_finite(value) {
        out.extend_from_slice(word.as_bytes());
    } else if value == 0.0 {
        out.extend_from_slice(if value.is_sign_negative() {
            b"-0"
        } else {
            b"0"
        });
    } else if value.abs() <= INTEGERS && value.trunc() == value {
        write_i64(out, value as i64);
    } else {
        if value < 0.0 {
            out.push(b'-');
        }
        Digits::shortest(value.abs()).write(out);
    }
}

/// Appends the float as C's `%.17g` does: 17 significant digits, trailing zeros dropped.
pub fn write_f64_17g(out: &mut Vec<u8>, value: f64) {
    if let Some(word) = not_finite(value) {
        out.extend_from_slice(word.as_bytes());
        return;
    }
    // Sign, 17 digits with their point, e, sign, three digits.
    let mut text = [0u8; 32];
    let mut room = &mut text[..];
    write!(room, "{value:.16e}").expect("at most 24 bytes");
    let used = 32 - room.len();
    let text = std::str::from_utf8(&text[..used]).expect("ASCII");
    let (significand, exponent) = text.split_once('e').expect("an exponent");
    let exponent: i32 = exponent.parse().expect("a short integer");
    let unsigned = significand.strip_prefix('-');
    if unsigned.is_some() {
        out.push(b'-');
    }
    write_general(out, unsigned.unwrap_or(significand), exponent);
}

/// [`write_f64_17g`] as a string.
#[must_use]
pub fn format_f64_17g(value: f64) -> String {
    let mut out = Vec::with_capacity(24);
    write_f64_17g(&mut out, value);
    out.into_iter().map(char::from).collect()
}

fn in_range(value: f64) -> Option<f64> {
    (value.is_finite() && value != 0.0).then_some(value)
}

fn not_finite(value: f64) -> Option<&'static str> {
    match value {
        _ if value.is_nan() => Some("nan"),
        f64::INFINITY => Some("inf"),
        f64::NEG_INFINITY => Some("-inf"),
        _ => None,
    }
}

/// From this length on, a decimal is condensed first: std stops counting exponents at some 65,536,
/// which goes wrong when as many digits make up for it.
const LONG_DECIMAL_BYTES: usize = 16_384;

/// No float, and no middle between two, has more than 768 significant digits, so behind the first
/// 800 it only matters whether there is anything.
const DIGITS_MAX: usize = 800;

fn parse_decimal(decimal: &Decimal) -> f64 {
    let parsed = if decimal.text.len() < LONG_DECIMAL_BYTES {
        decimal.text.parse()
    } else {
        let (digits, exponent) = decimal.digits(DIGITS_MAX);
        let digits: String = digits.into_iter().map(char::from).collect();
        // Far enough out on both sides for zero and infinity.
        format!("{digits}e{}", exponent.clamp(-10_000, 10_000)).parse()
    };
    parsed.expect("a well-formed decimal literal")
}

/// Decimal digits without zeros at either end, times a power of ten.
struct Digits {
    text: [u8; 24],
    len: usize,
    /// Of the last digit.
    exponent: i32,
}

impl Digits {
    /// The fewest digits that read back as this positive, finite float.
    fn shortest(value: f64) -> Digits {
        let mut digits = Digits {
            text: [0; 24],
            len: 0,
            exponent: 0,
        };
        let mut buffer = zmij::Buffer::new();
        let printed = buffer.format_finite(value);
        let (significand, exponent) = printed.split_once('e').unwrap_or((printed, "0"));
        let mut after_point = 0;
        for byte in significand.bytes() {
            if byte == b'.' {
                after_point = 1;
                continue;
            }
            digits.exponent -= after_point;
            if digits.len > 0 || byte != b'0' {
                digits.text[digits.len] = byte;
                digits.len += 1;
            }
        }
        while digits.text[digits.len - 1] == b'0' {
            digits.len -= 1;
            digits.exponent += 1;
        }
        digits.exponent += exponent.parse::<i32>().expect("a short integer");
        digits
    }

    /// ```text
    ///  digits    last digit at       layout
    ///  123       10⁰ to 10⁷          all zeros written: 12300000
    ///  123       10⁻¹ to 10⁻⁶        a point:           0.000123
    ///  1.23e2    below               a point if the first is at 10⁻³ to 10³, else an exponent
    ///  1.23e12   above               an exponent, with its sign
    /// ```
    fn write(&self, out: &mut Vec<u8>) {
        let digits = &self.text[..self.len];
        let first_exponent = self.exponent + self.len as i32 - 1;
        match self.exponent {
            0..=7 => {
                out.extend_from_slice(digits);
                out.resize(out.len() + self.exponent as usize, b'0');
            }
            ..0 if self.exponent > -7 || first_exponent.abs() < 4 => {
                write_point(out, digits, first_exponent);
            }
            _ => {
                write_point(out, digits, 0);
                out.push(b'e');
                out.push(if first_exponent < 0 { b'-' } else { b'+' });
                write_i64(out, i64::from(first_exponent.abs()));
            }
        }
    }
}

/// Digits with a point, of which the first stands at 10^`first_exponent`; no point behind the last
/// digit.
fn write_point(out: &mut Vec<u8>, digits: &[u8], first_exponent: i32) {
    if first_exponent < 0 {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + (-first_exponent) as usize - 1, b'0');
        out.extend_from_slice(digits);
        return;
    }
    let (whole, fraction) = digits.split_at(digits.len().min(first_exponent as usize + 1));
    out.extend_from_slice(whole);
    if !fraction.is_empty() {
        out.push(b'.');
        out.extend_from_slice(fraction);
    }
}

/// C's `%g` layout of 17 digits given as `d.dddddddddddddddd`.
fn write_general(out: &mut Vec<u8>, significand: &str, exponent: i32) {
    let mut digits = [0u8; 17];
    significand
        .bytes()
        .filter(|b| *b != b'.')
        .zip(&mut digits)
        .for_each(|(b, digit)| *digit = b);
    let len = digits
        .iter()
        .rposition(|b| *b != b'0')
        .map_or(1, |last| last + 1);
    if (-4..17).contains(&exponent) {
        // Zeros dropped from a whole number come back.
        let whole = (exponent + 1).max(1) as usize;
        write_point(out, &digits[..len.max(whole)], exponent);
    } else {
        write_point(out, &digits[..len], 0);
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(out, "e{sign}{:02}", exponent.abs()).expect("a vector grows");
    }
}

#[cfg(test)]
mod tests;
