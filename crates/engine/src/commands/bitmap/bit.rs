//! SETBIT, GETBIT, BITCOUNT, BITPOS.

use resp::Reply;
use store::bits;

use super::bit_offset;
use crate::args::Args;
use crate::commands::string::{clip, clip_each};
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn setbit(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let (offset_text, bit_text) = (args.bytes()?, args.bytes()?);
    let offset = bit_offset(ctx, offset_text, 1)?;
    let on = match base::parse_i64(bit_text) {
        Some(0) => false,
        Some(1) => true,
        _ => return Err(CommandError::err("bit is not an integer or out of range")),
    };
    let slot = ctx.string_slot(&key)?;
    let old_len = slot.map(|slot| ctx.entry(&key, slot).string().len());
    let end = (offset / 8) as usize + 1;
    if ctx.waits_for_copy(&key, slot, end) {
        return Ok(());
    }
    let bytes = ctx.room(&key, slot, end);
    let grown = old_len != Some(bytes.len());
    let was = bits::set(bytes, offset, on);
    if grown || was != on {
        ctx.changed(&key);
        ctx.effect(&[b"SETBIT", key.bytes, offset_text, bit_text]);
    }
    reply.int(i64::from(was));
    Ok(())
}

pub(super) fn getbit(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let offset = bit_offset(ctx, args.bytes()?, 1)?;
    let string = ctx.string(&key)?;
    let bit = string.is_some_and(|string| string.with_bytes(|bytes| bits::get(bytes, offset)));
    reply.int(i64::from(bit));
    Ok(())
}

pub(super) fn bitcount(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let range = match args.left() {
        0 => None,
        2 | 3 => Some((args.i64()?, args.i64()?, Unit::take(args)?)),
        _ => return Err(CommandError::Syntax),
    };
    let string = ctx.string(&key)?;
    let ones = string.map(|string| {
        string.with_bytes(|bytes| match range {
            None => bits::count(bytes),
            Some((start, end, unit)) => clip(start, end, unit.len(bytes)).map_or(0, |clipped| {
                let (first, last) = unit.bits(clipped);
                bits::count_range(bytes, first, last)
            }),
        })
    });
    reply.count(ones.unwrap_or(0) as usize);
    Ok(())
}

pub(super) fn bitpos(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let on = match args.i64()? {
        0 => false,
        1 => true,
        _ => return Err(CommandError::err("The bit argument must be 1 or 0.")),
    };
    let range = BitposRange::parse(args)?;
    let position = match ctx.string(&key)? {
        Some(string) => string.with_bytes(|bytes| range.find(bytes, on)),
        // A missing key is an endless row of zero bits, wherever one looks.
        None => (!on).then_some(0),
    };
    reply.int(position.map_or(-1, |position| position as i64));
    Ok(())
}

/// Where BITPOS is to look.
struct BitposRange {
    start: i64,
    /// `None` is the end of the string.
    end: Option<i64>,
    unit: Unit,
}

impl BitposRange {
    fn parse(args: &mut Args) -> Result<BitposRange, CommandError> {
        if args.left() > 3 {
            return Err(CommandError::Syntax);
        }
        let start = if args.is_done() { 0 } else { args.i64()? };
        // The unit is looked at before the end in front of it.
        let mut unit = args.clone();
        unit.skip(args.left().min(1));
        let unit = Unit::take(&mut unit)?;
        let end = if args.is_done() {
            None
        } else {
            Some(args.i64()?)
        };
        Ok(BitposRange { start, end, unit })
    }

    fn find(&self, bytes: &[u8], on: bool) -> Option<u64> {
        let len = self.unit.len(bytes);
        let clipped = clip_each(self.start, self.end.unwrap_or(-1), len)?;
        let (first, last) = self.unit.bits(clipped);
        let found = bits::find(bytes, on, first, last);
        // Without an end, zero bits follow the string.
        found.or_else(|| (!on && self.end.is_none()).then_some(last + 1))
    }
}

/// In what a range is counted.
#[derive(Clone, Copy)]
enum Unit {
    Byte,
    Bit,
}

impl Unit {
    /// The unit that is next, or bytes if none is.
    fn take(args: &mut Args) -> Result<Unit, CommandError> {
        if args.is_done() || args.word("BYTE") {
            Ok(Unit::Byte)
        } else if args.word("BIT") {
            Ok(Unit::Bit)
        } else {
            Err(CommandError::Syntax)
        }
    }

    fn len(self, bytes: &[u8]) -> u64 {
        match self {
            Unit::Byte => bytes.len() as u64,
            Unit::Bit => bytes.len() as u64 * 8,
        }
    }

    /// A range in bits.
    fn bits(self, (first, last): (u64, u64)) -> (u64, u64) {
        match self {
            Unit::Byte => (first * 8, last * 8 + 7),
            Unit::Bit => (first, last),
        }
    }
}
