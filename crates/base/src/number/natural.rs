//! A natural number of any size, with the schoolbook arithmetic that exact conversion between
//! decimal and binary needs and nothing more. The largest ones here have some 30,000 bits, far
//! below the sizes where cleverer methods pay.
//!
//! Limbs of 64 bits, the lowest first, none zero at the top; zero has no limbs.

/// Grows by multiplication, shrinks by division.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Natural {
    limbs: Vec<u64>,
}

impl Natural {
    pub(super) fn new(value: u64) -> Natural {
        let mut natural = Natural { limbs: vec![value] };
        natural.trim();
        natural
    }

    /// The number that the ASCII digits spell.
    pub(super) fn from_digits(digits: &[u8]) -> Natural {
        let mut natural = Natural::new(0);
        for chunk in digits.chunks(19) {
            let value = chunk
                .iter()
                .fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
            natural.times_plus(10u64.pow(chunk.len() as u32), value);
        }
        natural
    }

    pub(super) fn is_zero(&self) -> bool {
        self.limbs.is_empty()
    }

    /// How many bits the number has without leading zeros.
    pub(super) fn bits(&self) -> u32 {
        let top = self.limbs.last().map_or(0, |top| top.leading_zeros());
        64 * self.limbs.len() as u32 - top
    }

    /// `self` × `factor` + `addend`.
    pub(super) fn times_plus(&mut self, factor: u64, addend: u64) {
        let mut carry = addend;
        for limb in &mut self.limbs {
            let product = u128::from(*limb) * u128::from(factor) + u128::from(carry);
            *limb = product as u64;
            carry = (product >> 64) as u64;
        }
        self.limbs.push(carry);
        self.trim();
    }

    /// `self` × 5^`exponent`.
    pub(super) fn times_power_of_5(&mut self, exponent: u32) {
        // The largest power of five in a limb.
        for _ in 0..exponent / 27 {
            self.times_plus(5u64.pow(27), 0);
        }
        self.times_plus(5u64.pow(exponent % 27), 0);
    }

    /// `self` × 2^`exponent`.
    pub(super) fn shift_left(&mut self, exponent: u32) {
        self.times_plus(1 << (exponent % 64), 0);
        if !self.is_zero() {
            let zeros = (exponent / 64) as usize;
            self.limbs.splice(0..0, std::iter::repeat_n(0, zeros));
        }
    }

    /// Divides by 10⁹ and returns the remainder.
    pub(super) fn split_off_nine_digits(&mut self) -> u64 {
        const NINE_DIGITS: u64 = 1_000_000_000;
        let mut rest = 0;
        for limb in self.limbs.iter_mut().rev() {
            // By halves, so that the compiler can divide by multiplying.
            let high = (rest << 32) | (*limb >> 32);
            let low = ((high % NINE_DIGITS) << 32) | (*limb & 0xffff_ffff);
            *limb = ((high / NINE_DIGITS) << 32) | (low / NINE_DIGITS);
            rest = low % NINE_DIGITS;
        }
        self.trim();
        rest
    }

    /// Subtracts `other` unless it is larger; whether it did.
    pub(super) fn subtract_if_possible(&mut self, other: &Natural) -> bool {
        let by_size = self.limbs.len().cmp(&other.limbs.len());
        if by_size
            .then_with(|| self.limbs.iter().rev().cmp(other.limbs.iter().rev()))
            .is_lt()
        {
            return false;
        }
        let others = other.limbs.iter().chain(std::iter::repeat(&0));
        let mut borrow = false;
        for (limb, other) in self.limbs.iter_mut().zip(others) {
            let (difference, under) = limb.overflowing_sub(*other);
            let (difference, under_again) = difference.overflowing_sub(u64::from(borrow));
            *limb = difference;
            borrow = under || under_again;
        }
        debug_assert!(!borrow);
        self.trim();
        true
    }

    fn trim(&mut self) {
        while self.limbs.last() == Some(&0) {
            self.limbs.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn natural(value: u128) -> Natural {
        Natural::from_digits(value.to_string().as_bytes())
    }

    #[test]
    fn zero() {
        let mut zero = Natural::new(0);
        zero.shift_left(200);
        zero.times_power_of_5(30);
        assert!(zero.is_zero());
        assert_eq!(zero.bits(), 0);
        assert_eq!(zero.split_off_nine_digits(), 0);
        assert_eq!(natural(0), zero);
    }

    #[test]
    fn a_hundred_powers_of_ten_and_back() {
        for power in 0..100 {
            let mut number = Natural::new(1);
            number.times_power_of_5(power);
            number.shift_left(power);
            let text = format!("1{}", "0".repeat(power as usize));
            assert_eq!(number, Natural::from_digits(text.as_bytes()));
            let mut digits = String::new();
            while !number.is_zero() {
                digits = format!("{:09}{digits}", number.split_off_nine_digits());
            }
            assert_eq!(digits.trim_start_matches('0'), text);
        }
    }

    proptest! {
        #[test]
        fn counts_like_u128(a: u128, b: u128, cut in 0..128u32, shift in 0..64u32) {
            let (a, b) = (a >> cut, b >> cut);
            prop_assert_eq!(natural(a).bits(), 128 - a.leading_zeros());
            let mut difference = natural(a);
            prop_assert_eq!(difference.subtract_if_possible(&natural(b)), a >= b);
            prop_assert_eq!(difference, natural(a.checked_sub(b).unwrap_or(a)));
            let mut shifted = natural(a >> 64);
            shifted.shift_left(shift);
            prop_assert_eq!(shifted, natural((a >> 64) << shift));
        }
    }
}
