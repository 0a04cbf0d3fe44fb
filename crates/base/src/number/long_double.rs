//! The 80-bit float in which INCRBYFLOAT counts: 64 bits of precision instead of 53, so that small
//! decimal numbers survive being added and printed with 17 decimals. 10.5 + 0.1 gives 10.6; in 64
//! bits it would give 10.59999999999999964.
//!
//! ```text
//!  sign 1 │ exponent 15 │ significand 64, its leading bit written out
//!
//!  value = ± significand × 2^(exponent - 16383 - 63)
//! ```
//!
//! Redis uses whatever C calls `long double`; on x86 that is this format, so its results are
//! matched bit for bit there. Here it is calculated in software and gives the same on every
//! machine.

use super::integer::write_u64;
use super::literal::{Decimal, Literal, Scaled};
use super::natural::Natural;
use rustc_apfloat::ieee::X87DoubleExtended;
use rustc_apfloat::{Float, Round};
use std::io::Write;

/// An 80-bit float.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct LongDouble(X87DoubleExtended);

impl LongDouble {
    /// The number nearest to the literal, ties to even.
    ///
    /// Refused, beside what is no literal: a number too large to be finite, one that is not zero
    /// but would become it, NaN, and text of 5,120 bytes and more. `inf` and `-inf` are read;
    /// adding will tell.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<LongDouble> {
        if text.len() >= TEXT_BYTES_LIMIT {
            return None;
        }
        let (negative, literal) = Literal::scan(text)?;
        let magnitude = match literal {
            Literal::Infinity => X87DoubleExtended::INFINITY,
            Literal::Zero => X87DoubleExtended::ZERO,
            Literal::Decimal(decimal) => in_range(parse_decimal(&decimal))?,
            Literal::Hex(hex) => in_range(hex.nearest())?,
        };
        Some(LongDouble(if negative { -magnitude } else { magnitude }))
    }

    /// The integer, exactly.
    #[must_use]
    pub fn from_i64(value: i64) -> LongDouble {
        LongDouble(X87DoubleExtended::from_i128(i128::from(value)).value)
    }

    /// The sum, rounded to nearest, ties to even.
    #[must_use]
    #[expect(
        clippy::should_implement_trait,
        reason = "callers need no trait in scope"
    )]
    pub fn add(self, other: LongDouble) -> LongDouble {
        LongDouble((self.0 + other.0).value)
    }

    /// Whether a sum left the range of numbers, which INCRBYFLOAT refuses to store.
    #[must_use]
    pub fn is_nan_or_inf(self) -> bool {
        !self.0.is_finite()
    }

    /// Appends the number with up to 17 decimals, rounded to nearest, without exponent and without
    /// zeros at the end. Up to 4,933 digits and a sign. `inf`, `-inf`, `nan`; a negative zero loses
    /// its sign.
    pub fn write_human(self, out: &mut Vec<u8>) {
        if self.0.is_nan() {
            out.extend_from_slice(b"nan");
            return;
        }
        let (significand, exponent) = self.significand_and_exponent();
        let start = out.len();
        if self.0.is_negative() {
            out.push(b'-');
        }
        if self.0.is_infinite() {
            out.extend_from_slice(b"inf");
        } else if exponent >= 0 {
            write_whole(out, significand, exponent.unsigned_abs());
        } else {
            write_decimals(out, significand, exponent.unsigned_abs());
        }
        if out[start..] == *b"-0" {
            out.remove(start);
        }
    }

    /// The magnitude of a finite number as an integer times a power of two.
    fn significand_and_exponent(self) -> (u64, i32) {
        let bits = self.0.to_bits();
        let exponent = (bits >> 64 & 0x7fff) as i32;
        // Numbers too small for a leading bit share the exponent of the smallest that has one.
        (bits as u64, exponent.max(1) - 16_383 - 63)
    }
}

/// As long as the number is in the range that Redis reads into a buffer of its own.
const TEXT_BYTES_LIMIT: usize = 5 * 1024;

fn in_range(value: X87DoubleExtended) -> Option<X87DoubleExtended> {
    (value.is_finite() && !value.is_zero()).then_some(value)
}

/// Above this length `rustc_apfloat` is not trusted with a decimal: where a text of 5 KB is hard to
/// tell from the middle between two numbers, its long division takes 15 ms, and a client could ask
/// for that all day.
const SHORT_DECIMAL_BYTES: usize = 256;

fn parse_decimal(decimal: &Decimal) -> X87DoubleExtended {
    if decimal.text.len() > SHORT_DECIMAL_BYTES {
        return scale(decimal).nearest();
    }
    let parsed = X87DoubleExtended::from_str_r(decimal.text, Round::NearestTiesToEven);
    parsed.expect("a well-formed decimal literal").value
}

/// The leading bits of a decimal by exact arithmetic, in a time that depends on its length alone.
///
/// ```text
///  digits × 10^n  =  digits × 5^n / 1  × 2^n      n ≥ 0
///                 =  digits / 5^-n     × 2^n      n < 0
/// ```
fn scale(decimal: &Decimal) -> Scaled {
    // More than the format's range from 10^-4951 to 10^4932.
    const POWER_OF_10_LIMIT: i64 = 5_000;
    let (digits, exponent) = decimal.digits(usize::MAX);
    let first_exponent = exponent + digits.len() as i64 - 1;
    if first_exponent.abs() > POWER_OF_10_LIMIT {
        let exponent = Scaled::EXPONENT_LIMIT * first_exponent.signum() as i32;
        return Scaled {
            significand: 1,
            exponent,
        };
    }
    let mut above = Natural::from_digits(&digits);
    let mut below = Natural::new(1);
    let power = exponent.unsigned_abs() as u32;
    if exponent < 0 { &mut below } else { &mut above }.times_power_of_5(power);
    // Equally long, so that the quotient lies between ½ and 2; then one bit of it per turn.
    let longer_below = below.bits() as i32 - above.bits() as i32;
    if longer_below > 0 {
        &mut above
    } else {
        &mut below
    }
    .shift_left(longer_below.unsigned_abs());
    let mut significand = 0u128;
    for _ in 0..120 {
        significand = significand << 1 | u128::from(above.subtract_if_possible(&below));
        above.shift_left(1);
    }
    Scaled {
        significand: significand << 1 | u128::from(!above.is_zero()),
        exponent: exponent as i32 - longer_below - 120,
    }
}

/// `significand` / 2^`shift` with up to 17 decimals.
fn write_decimals(out: &mut Vec<u8>, significand: u64, shift: u32) {
    const DECIMALS: u64 = 10u64.pow(17);
    // 64 and 57 bits: the product fits, so shifting it yields the decimals without loss.
    let product = u128::from(significand) * u128::from(DECIMALS);
    let units = shift_to_nearest(product, shift);
    write_u64(out, (units / u128::from(DECIMALS)) as u64);
    let mut decimals = (units % u128::from(DECIMALS)) as u64;
    if decimals == 0 {
        return;
    }
    let mut width = 17;
    while decimals.is_multiple_of(10) {
        decimals /= 10;
        width -= 1;
    }
    write!(out, ".{decimals:0width$}").expect("a vector grows");
}

/// `value` / 2^`shift`, ties to even.
fn shift_to_nearest(value: u128, shift: u32) -> u128 {
    debug_assert!(shift > 0);
    let whole = value.unbounded_shr(shift);
    let rest = value - whole.unbounded_shl(shift);
    // Past 128 bits half of the divisor is out of reach, for the value is less than 2¹²¹.
    let half = 1u128.unbounded_shl(shift - 1);
    let up = half != 0 && (rest > half || (rest == half && whole % 2 == 1));
    whole + u128::from(up)
}

/// `significand` × 2^`shift`, all digits.
fn write_whole(out: &mut Vec<u8>, significand: u64, shift: u32) {
    let mut number = Natural::new(significand);
    number.shift_left(shift);
    let mut nines = Vec::with_capacity(number.bits() as usize / 29 + 1);
    while !number.is_zero() {
        nines.push(number.split_off_nine_digits());
    }
    write_u64(out, nines.pop().unwrap_or(0));
    for nine in nines.iter().rev() {
        write!(out, "{nine:09}").expect("a vector grows");
    }
}

#[cfg(test)]
mod tests;
