//! Up to eight bytes as one machine word, so that short text is compared and parsed without a loop.
//!
//! The first byte is the lowest, whatever the machine, and absent bytes are zero:
//!
//! ```text
//!  "abc"  ─►  0x00_00_00_00_00_63_62_61
//! ```
//!
//! The loads overlap instead of going byte by byte: two of four bytes, or three of one, cover every
//! length.

/// The bytes as a word. At most eight; the length must be checked before.
#[inline]
pub(crate) const fn load(bytes: &[u8]) -> u64 {
    let len = bytes.len();
    debug_assert!(len <= 8);
    if let Some(eight) = bytes.first_chunk::<8>() {
        u64::from_le_bytes(*eight)
    } else if let (Some(front), Some(back)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let back = (u32::from_le_bytes(*back) as u64) << (8 * (len - 4));
        u32::from_le_bytes(*front) as u64 | back
    } else if let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) {
        let middle = (bytes[len / 2] as u64) << (8 * (len / 2));
        first as u64 | middle | (last as u64) << (8 * (len - 1))
    } else {
        0
    }
}

/// The same byte in all eight places.
pub(crate) const fn splat(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// ASCII capitals turned small, all other bytes as they are.
#[inline]
pub(crate) const fn lower(word: u64) -> u64 {
    // Without its top bit no byte carries into the next, so all eight are compared by one addition.
    let seven_bits = word & splat(0x7f);
    let from_a = seven_bits + splat(0x80 - b'A');
    let past_z = seven_bits + splat(0x7f - b'Z');
    let capital = from_a & !past_z & !word & splat(0x80);
    word | capital >> 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_loads_as_a_zero_padded_copy() {
        let bytes = *b"\x01\xff\x80\x41\x5a\x7f\x00\x09";
        for len in 0..=8 {
            let mut padded = [0u8; 8];
            padded[..len].copy_from_slice(&bytes[..len]);
            assert_eq!(load(&bytes[..len]), u64::from_le_bytes(padded), "{len}");
        }
    }

    #[test]
    fn lower_is_the_ascii_one_in_every_place() {
        for byte in 0..=255u8 {
            for place in 0..8 {
                let mut bytes = *b"\xffZ@[A\x00z`";
                bytes[place] = byte;
                let want = u64::from_le_bytes(bytes.map(|b| b.to_ascii_lowercase()));
                assert_eq!(lower(u64::from_le_bytes(bytes)), want, "{byte} at {place}");
            }
        }
    }
}
