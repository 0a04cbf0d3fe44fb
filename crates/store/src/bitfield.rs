//! Integers of any width at any bit of a string: BITFIELD.
//!
//! ```text
//!   byte     0        1        2              highest bit first: where a field
//!   bits     00000vvv vvvvv000 00000000       begins and ends with a byte, this
//!                 └─ u8 at 5 ─┘               is big endian
//! ```
//!
//! A field touches nine bytes at most. They are taken into one integer of 128
//! bits, in which the field is shifted and masked as a whole. Sums are made in
//! 128 bits too, so that what does not fit is seen before it is cut.

/// An integer within a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    pub signed: bool,
    /// 1 to 64 bits if signed, 1 to 63 if not.
    pub bits: u32,
    /// Its first bit.
    pub offset: u64,
}

/// What becomes of a value that its field cannot hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// Its low bits are kept.
    #[default]
    Wrap,
    /// The nearest value that fits is taken.
    Saturate,
    /// It is not written.
    Fail,
}

impl Field {
    /// How many bytes a string must have to hold the whole field.
    pub fn end_bytes(&self) -> u64 {
        (self.offset + u64::from(self.bits)).div_ceil(8)
    }

    /// The value; bits behind the end of the string are 0.
    pub fn read(&self, bytes: &[u8]) -> i64 {
        let unsigned = self.window(bytes) >> self.shift() & self.mask();
        if self.signed {
            self.extended(unsigned as u64)
        } else {
            unsigned as i64
        }
    }

    /// Write a value that fits. The string must hold the whole field.
    pub fn write(&self, bytes: &mut [u8], value: i64) {
        let value = (value as u64 as u128 & self.mask()) << self.shift();
        let kept = self.window(bytes) & !(self.mask() << self.shift());
        let window = (kept | value).to_be_bytes();
        let touched = self.start()..self.end_bytes() as usize;
        let len = touched.len();
        bytes[touched].copy_from_slice(&window[..len]);
    }

    /// What is to be stored for a value that may be too large or too small,
    /// and `None` if nothing is.
    pub fn fit(&self, value: i128, overflow: Overflow) -> Option<i64> {
        let (min, max) = self.range();
        if (min..=max).contains(&value) {
            return Some(value as i64);
        }
        match overflow {
            Overflow::Wrap if self.signed => Some(self.extended(value as u64)),
            Overflow::Wrap => Some((value as u128 & self.mask()) as i64),
            Overflow::Saturate => Some(value.clamp(min, max) as i64),
            Overflow::Fail => None,
        }
    }

    /// The smallest and the largest value.
    fn range(&self) -> (i128, i128) {
        if self.signed {
            let half = 1i128 << (self.bits - 1);
            (-half, half - 1)
        } else {
            (0, (1i128 << self.bits) - 1)
        }
    }

    /// The low bits of `value` as a signed integer.
    fn extended(&self, value: u64) -> i64 {
        let unused = 64 - self.bits;
        (value << unused) as i64 >> unused
    }

    fn start(&self) -> usize {
        usize::try_from(self.offset / 8).unwrap_or(usize::MAX)
    }

    /// The bytes that the field lies in, at the upper end of an integer.
    fn window(&self, bytes: &[u8]) -> u128 {
        let rest = bytes.get(self.start()..).unwrap_or_default();
        let mut window = [0; 16];
        let len = rest.len().min(WINDOW_BYTES);
        window[..len].copy_from_slice(&rest[..len]);
        u128::from_be_bytes(window)
    }

    /// How far the field lies from the lower end of its window.
    fn shift(&self) -> u32 {
        128 - (self.offset % 8) as u32 - self.bits
    }

    fn mask(&self) -> u128 {
        (1 << self.bits) - 1
    }
}

/// 64 bits that begin within a byte end within the ninth.
const WINDOW_BYTES: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bits;
    use proptest::prelude::*;

    fn field() -> impl Strategy<Value = Field> {
        (any::<bool>(), 1u32..=64, 0u64..100).prop_map(|(signed, bits, offset)| Field {
            signed,
            bits: if signed { bits } else { bits.min(63) },
            offset,
        })
    }

    /// The twin: bit by bit, the highest of a signed one being negative.
    fn naive(field: Field, bytes: &[u8]) -> i64 {
        let bit = |i: u32| bits::get(bytes, field.offset + u64::from(field.bits - 1 - i));
        let weight = |i: u32| 1i128 << i;
        let sum: i128 = (0..field.bits).filter(|i| bit(*i)).map(weight).sum();
        let negative = field.signed && bit(field.bits - 1);
        (sum - if negative { weight(field.bits) } else { 0 }) as i64
    }

    #[test]
    fn what_does_not_fit() {
        let field = |signed, bits| Field {
            signed,
            bits,
            offset: 0,
        };
        let all = [Overflow::Wrap, Overflow::Saturate, Overflow::Fail];
        let fits = |field: Field, value| all.map(|overflow| field.fit(value, overflow));
        assert_eq!(fits(field(false, 8), 255), [Some(255); 3]);
        assert_eq!(fits(field(false, 8), 260), [Some(4), Some(255), None]);
        assert_eq!(fits(field(false, 8), -1), [Some(255), Some(0), None]);
        assert_eq!(fits(field(true, 8), 128), [Some(-128), Some(127), None]);
        assert_eq!(fits(field(true, 8), -129), [Some(127), Some(-128), None]);
        let (min, max) = (i128::from(i64::MIN), i128::from(i64::MAX));
        assert_eq!(
            fits(field(true, 64), max + 1),
            [Some(i64::MIN), Some(i64::MAX), None]
        );
        assert_eq!(
            fits(field(true, 64), min - 1),
            [Some(i64::MAX), Some(i64::MIN), None]
        );
        assert_eq!(
            fits(field(false, 63), max + 1),
            [Some(0), Some(i64::MAX), None]
        );
        assert_eq!(fits(field(true, 1), 1), [Some(-1), Some(0), None]);
    }

    #[test]
    fn far_offsets_are_zero() {
        let far = Field {
            signed: false,
            bits: 63,
            offset: u64::MAX - 64,
        };
        assert_eq!(far.read(b"abc"), 0);
    }

    proptest! {
        #[test]
        fn against_single_bits(
            field in field(),
            bytes in prop::collection::vec(any::<u8>(), 0..22),
            value in any::<i64>(),
        ) {
            prop_assert_eq!(field.read(&bytes), naive(field, &bytes));
            let mut bytes = bytes;
            bytes.resize(bytes.len().max(field.end_bytes() as usize), 0xa5);
            let before = bytes.clone();
            let value = field.fit(i128::from(value), Overflow::Wrap).unwrap();
            field.write(&mut bytes, value);
            prop_assert_eq!(naive(field, &bytes), value);
            // And nothing beside the field.
            field.write(&mut bytes, naive(field, &before));
            prop_assert_eq!(bytes, before);
        }
    }
}
