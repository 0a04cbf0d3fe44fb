//! MGET, MSET, MSETNX, MSETEX: several keys as of one moment.
//!
//! Each key that is set is an effect of its own; together they are one group,
//! so a log keeps all of them or none.

use resp::Reply;

use super::answer;
use super::expiration::Expiration;
use super::set::{Condition, Deadline, Pair};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn mget(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    reply.array(args.left());
    while !args.is_done() && !reply.has_overflowed() {
        let key = args.key()?;
        // What is no string is null here, not an error.
        if answer(ctx, &key, reply).is_err() {
            reply.null();
        }
    }
    Ok(())
}

pub(super) fn mset(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    in_pairs(args, "mset")?;
    while !args.is_done() {
        Pair::next(args)?.set(ctx);
    }
    reply.ok();
    Ok(())
}

pub(super) fn msetnx(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    in_pairs(args, "msetnx")?;
    let pairs = args.left() / 2;
    let set = condition_holds(ctx, args, pairs, Condition::Missing)?;
    if set {
        // A key that is named twice is there the second time.
        while !args.is_done() {
            Pair::next(args)?.set(ctx);
        }
    }
    reply.int(i64::from(set));
    Ok(())
}

/// Keys and values must come in pairs.
fn in_pairs(args: &Args<'_>, command: &'static str) -> Result<(), CommandError> {
    match args.left() % 2 {
        0 => Ok(()),
        _ => Err(CommandError::Arity(command.into())),
    }
}

pub(super) fn msetex(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let pairs = base::parse_i64(args.bytes()?)
        .and_then(|pairs| i32::try_from(pairs).ok())
        .and_then(|pairs| usize::try_from(pairs).ok())
        .filter(|pairs| *pairs > 0)
        .ok_or_else(|| CommandError::err("invalid numkeys value or out of range"))?;
    if pairs > args.left() / 2 {
        return Err(CommandError::Syntax);
    }
    let mut options = args.clone();
    options.skip(2 * pairs);
    let (condition, expiration) = msetex_options(&mut options)?;
    let deadline = Deadline::of(expiration, ctx.now_ms(), "msetex")?;
    let set = condition_holds(ctx, args, pairs, condition)?;
    if set {
        for _ in 0..pairs {
            let pair = Pair::next(args)?;
            let slot = ctx.find(&pair.key);
            pair.set_at(ctx, slot, deadline);
        }
    }
    reply.int(i64::from(set));
    Ok(())
}

fn msetex_options<'a>(
    args: &mut Args<'a>,
) -> Result<(Condition<'a>, Expiration<'a>), CommandError> {
    let (mut condition, mut expiration) = (Condition::default(), Expiration::default());
    while !args.is_done() {
        let taken = expiration.take_time(args)?
            || condition.take(args)
            || expiration.take_word(args, "KEEPTTL", Expiration::Keep);
        if !taken {
            return Err(CommandError::Syntax);
        }
    }
    Ok((condition, expiration))
}

/// Does the condition hold for the keys of so many pairs? They are only looked
/// at, and stay to be taken.
fn condition_holds(
    ctx: &mut Ctx,
    args: &Args<'_>,
    pairs: usize,
    condition: Condition<'_>,
) -> Result<bool, CommandError> {
    if condition == Condition::Always {
        return Ok(true);
    }
    let mut args = args.clone();
    for _ in 0..pairs {
        let key = args.key()?;
        args.skip(1);
        let slot = ctx.find_to_change(ctx.session.database, &key);
        if !condition.holds(ctx, &key, slot)? {
            return Ok(false);
        }
    }
    Ok(true)
}
