//! The dense form: 6 bits for each register, the lowest bits of a byte first.
//!
//! ```text
//!   byte      0          1          2
//!          11000000   22221111   33333322      four registers in three bytes
//! ```

use super::{HEADER_BYTES, Mark, REGISTERS};

const BITS: usize = 6;
const MASK: u8 = (1 << BITS) - 1;

/// A dense value with its header has exactly this length.
pub const BYTES: usize = HEADER_BYTES + REGISTERS * BITS / 8;

/// Set a register if the rank is higher than what it has; is it?
pub fn raise(registers: &mut [u8], mark: Mark) -> bool {
    let index = usize::from(mark.index);
    let is_higher = mark.rank > get(registers, index);
    if is_higher {
        set(registers, index, mark.rank);
    }
    is_higher
}

#[inline]
pub(super) fn get(registers: &[u8], index: usize) -> u8 {
    let (byte, shift) = (index * BITS / 8, index * BITS % 8);
    let low = registers[byte] >> shift;
    let high = match shift + BITS > 8 {
        true => registers[byte + 1] << (8 - shift),
        false => 0,
    };
    (low | high) & MASK
}

#[inline]
pub(super) fn set(registers: &mut [u8], index: usize, rank: u8) {
    debug_assert!(rank <= MASK);
    let (byte, shift) = (index * BITS / 8, index * BITS % 8);
    registers[byte] = registers[byte] & !(MASK << shift) | rank << shift;
    if shift + BITS > 8 {
        let high = 8 - shift;
        registers[byte + 1] = registers[byte + 1] & !(MASK >> high) | rank >> high;
    }
}

/// Show all registers in their order.
pub(super) fn each(registers: &[u8], mut show: impl FnMut(usize, u8)) {
    for (group, bytes) in registers.chunks_exact(3).enumerate() {
        let bits = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]);
        for at in 0..4 {
            show(group * 4 + at, (bits >> (at * BITS)) as u8 & MASK);
        }
    }
}
