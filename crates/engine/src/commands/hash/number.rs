//! HINCRBY, HINCRBYFLOAT: fields that are numbers. They keep their deadlines.

use base::LongDouble;
use resp::Reply;
use store::{Deadline, Item};

use super::deadline::effect_of_deadline;
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn hincrby(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let field = args.bytes()?;
    let text = args.bytes()?;
    let by = base::parse_i64(text).ok_or(CommandError::NotInteger)?;
    let slot = ctx.hash_slot(&key)?;
    let slot = slot.and_then(|slot| ctx.without_expired(&key, slot, [field]));
    let old = slot.and_then(|slot| ctx.hash_at(&key, slot).get(field));
    let old = old.map_or(Some(0), Item::int);
    let old = old.ok_or_else(|| CommandError::err("hash value is not an integer"))?;
    let new = old.checked_add(by).ok_or(CommandError::Overflow)?;
    let mut digits = itoa::Buffer::new();
    let value = digits.format(new).as_bytes();
    ctx.change_hash(&key, slot, |hash| {
        hash.put_until(field, value, Deadline::Keep)
    });
    ctx.effect(&[b"HINCRBY", key.bytes, field, text]);
    reply.int(new);
    Ok(())
}

/// The log is told the result: a sum of floats must not depend on who adds.
pub(super) fn hincrbyfloat(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let field = args.bytes()?;
    let by = LongDouble::parse(args.bytes()?).ok_or(CommandError::NotFloat)?;
    if by.is_nan_or_inf() {
        return Err(CommandError::err("value is NaN or Infinity"));
    }
    let slot = ctx.hash_slot(&key)?;
    let slot = slot.and_then(|slot| ctx.without_expired(&key, slot, [field]));
    let old = slot.and_then(|slot| ctx.hash_at(&key, slot).get(field));
    let old = old.map_or(Some(LongDouble::from_i64(0)), long_double);
    let old = old.ok_or_else(|| CommandError::err("hash value is not a float"))?;
    let sum = old.add(by);
    if sum.is_nan_or_inf() {
        return Err(CommandError::NotFinite);
    }
    let mut text = Vec::with_capacity(40);
    sum.write_human(&mut text);
    let deadline_ms = ctx.change_hash(&key, slot, |hash| {
        hash.put_until(field, &text, Deadline::Keep);
        hash.view().deadline_ms(field).flatten()
    });
    ctx.effect(&[b"HSET", key.bytes, field, &text]);
    if let Some(deadline_ms) = deadline_ms {
        // HSET has taken it away.
        effect_of_deadline(ctx, &key, deadline_ms, &[field]);
    }
    reply.bulk(&text);
    Ok(())
}

fn long_double(value: Item<'_>) -> Option<LongDouble> {
    match value {
        Item::Int(value) => Some(LongDouble::from_i64(value)),
        Item::Bytes(bytes) => LongDouble::parse(bytes),
    }
}
