//! INCR, DECR, INCRBY, DECRBY, INCRBYFLOAT: strings that are numbers.

use base::LongDouble;
use resp::Reply;
use store::{NewValue, StringView};

use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn incr(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    add(ctx, args, reply, Step::of(b"INCR", 1))
}

pub(super) fn decr(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    add(ctx, args, reply, Step::of(b"DECR", -1))
}

pub(super) fn incrby(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let text = args.argv().get(2);
    let by = base::parse_i64(text).ok_or(CommandError::NotInteger)?;
    add(
        ctx,
        args,
        reply,
        Step {
            name: b"INCRBY",
            text,
            by,
        },
    )
}

pub(super) fn decrby(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let text = args.argv().get(2);
    let by = base::parse_i64(text).ok_or(CommandError::NotInteger)?;
    let by = by
        .checked_neg()
        .ok_or_else(|| CommandError::err("decrement would overflow"))?;
    add(
        ctx,
        args,
        reply,
        Step {
            name: b"DECRBY",
            text,
            by,
        },
    )
}

/// What is added, and how the log is told.
struct Step<'a> {
    name: &'a [u8],
    /// The number as it was given, empty if the name says it all.
    text: &'a [u8],
    by: i64,
}

impl<'a> Step<'a> {
    fn of(name: &'a [u8], by: i64) -> Step<'a> {
        Step {
            name,
            text: b"",
            by,
        }
    }
}

#[inline]
fn add(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
    step: Step<'_>,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let slot = ctx.string_slot(&key)?;
    let old = match slot {
        Some(slot) => ctx.entry(&key, slot).string().as_i64(),
        None => Some(0),
    };
    let old = old.ok_or(CommandError::NotInteger)?;
    let new = old.checked_add(step.by).ok_or(CommandError::Overflow)?;
    match slot {
        Some(slot) => ctx.rewrite(&key, slot, NewValue::Int(new)),
        None => ctx.set_at(&key, None, NewValue::Int(new), None),
    }
    if step.text.is_empty() {
        ctx.effect(&[step.name, key.bytes]);
    } else {
        ctx.effect(&[step.name, key.bytes, step.text]);
    }
    reply.int(new);
    Ok(())
}

/// The log is told the result: a sum of floats must not depend on who adds.
pub(super) fn incrbyfloat(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let slot = ctx.string_slot(&key)?;
    let old = match slot {
        Some(slot) => long_double(ctx.entry(&key, slot).string()),
        None => Some(LongDouble::from_i64(0)),
    };
    let old = old.ok_or(CommandError::NotFloat)?;
    let by = LongDouble::parse(args.bytes()?).ok_or(CommandError::NotFloat)?;
    let sum = old.add(by);
    if sum.is_nan_or_inf() {
        return Err(CommandError::NotFinite);
    }
    let mut text = Vec::with_capacity(40);
    sum.write_human(&mut text);
    let value = NewValue::Text(&text);
    match slot {
        Some(slot) => ctx.rewrite(&key, slot, value),
        None => ctx.set_at(&key, None, value, None),
    }
    ctx.effect(&[b"SET", key.bytes, &text, b"KEEPTTL"]);
    reply.bulk(&text);
    Ok(())
}

fn long_double(string: StringView<'_>) -> Option<LongDouble> {
    match string {
        StringView::Int(value) => Some(LongDouble::from_i64(value)),
        _ => string.with_bytes(LongDouble::parse),
    }
}
