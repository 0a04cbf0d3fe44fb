//! Bitmaps: strings as rows of bits, bit 0 being the highest of the first byte.
//!
//! ```text
//!   bit     SETBIT GETBIT BITCOUNT BITPOS
//!   op      BITOP
//!   field   BITFIELD BITFIELD_RO
//! ```

mod bit;
mod field;
mod op;

use spec::bitmap;

use super::{Row, cmd};
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) static TABLE: &[Row] = &[
    cmd(&bitmap::BITCOUNT, bit::bitcount),
    cmd(&bitmap::BITFIELD, field::bitfield),
    cmd(&bitmap::BITFIELD_RO, field::bitfield_ro),
    cmd(&bitmap::BITOP, op::bitop),
    cmd(&bitmap::BITPOS, bit::bitpos),
    cmd(&bitmap::GETBIT, bit::getbit),
    cmd(&bitmap::SETBIT, bit::setbit),
];

/// The index of a bit within the longest string that a client may make.
/// `scale` bits are one step.
fn bit_offset(ctx: &Ctx, text: &[u8], scale: u32) -> Result<u64, CommandError> {
    base::parse_i64(text)
        .and_then(|steps| steps.checked_mul(i64::from(scale)))
        .and_then(|offset| u64::try_from(offset).ok())
        .filter(|offset| offset / 8 < ctx.string_bytes_max() as u64)
        .ok_or_else(|| CommandError::err("bit offset is not an integer or out of range"))
}
