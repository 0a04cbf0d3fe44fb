//! ZPOPMIN, ZPOPMAX, ZMPOP: members are taken from either end.

use resp::{Protocol, Reply};
use store::{Direction, Item, Key, Slot};

use crate::args::Args;
use crate::commands::answer_item;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn zpopmin(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    zpop(ctx, args, Direction::Up, reply)
}

pub(super) fn zpopmax(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    zpop(ctx, args, Direction::Down, reply)
}

/// Members with scores, one behind the other; in RESP3 pairs, but for a single one.
fn zpop(
    ctx: &mut Ctx,
    args: &mut Args,
    from: Direction,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let count = match args.left() {
        0 => None,
        1 => Some(args.bytes()?),
        _ => return Err(CommandError::Syntax),
    };
    let is_nested = count.is_some() && reply.protocol() == Protocol::Resp3;
    let count = match count {
        None => 1,
        Some(text) => natural(text)
            .ok_or_else(|| CommandError::err("value is out of range, must be positive"))?,
    };
    let Some(slot) = ctx.zset_slot(&key)?.filter(|_| count > 0) else {
        reply.array(0);
        return Ok(());
    };
    let taken = count.min(ctx.zset_at(&key, slot).len());
    reply.array(if is_nested { taken } else { 2 * taken });
    take(ctx, &key, slot, from, taken, &mut |member, score| {
        if is_nested {
            reply.array(2);
        }
        answer_item(member, reply);
        reply.double(score);
    });
    Ok(())
}

pub(super) fn zmpop(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let numkeys = base::parse_i64(args.bytes()?).filter(|count| *count > 0);
    let numkeys =
        numkeys.ok_or_else(|| CommandError::err("numkeys should be greater than 0"))? as usize;
    if numkeys >= args.left() {
        return Err(CommandError::Syntax);
    }
    let mut keys = args.clone();
    args.skip(numkeys);
    let from = end(args)?;
    let count = count_option(args)?;
    for _ in 0..numkeys {
        let key = keys.key()?;
        let Some(slot) = ctx.zset_slot(&key)? else {
            continue;
        };
        let taken = count.min(ctx.zset_at(&key, slot).len());
        reply.array(2);
        reply.bulk(key.bytes);
        reply.array(taken);
        take(ctx, &key, slot, from, taken, &mut |member, score| {
            reply.array(2);
            answer_item(member, reply);
            reply.double(score);
        });
        return Ok(());
    }
    reply.null_array();
    Ok(())
}

/// From which end: MIN or MAX.
pub(super) fn end(args: &mut Args) -> Result<Direction, CommandError> {
    if args.word("MIN") {
        Ok(Direction::Up)
    } else if args.word("MAX") {
        Ok(Direction::Down)
    } else {
        Err(CommandError::Syntax)
    }
}

/// The rest of the line: COUNT and how many, or nothing for one.
pub(super) fn count_option(args: &mut Args) -> Result<usize, CommandError> {
    if args.is_done() {
        return Ok(1);
    }
    if args.left() < 2 || !args.word("COUNT") {
        return Err(CommandError::Syntax);
    }
    let count = natural(args.bytes()?).filter(|count| *count > 0);
    let count = count.ok_or_else(|| CommandError::err("count should be greater than 0"))?;
    args.end()?;
    Ok(count)
}

fn natural(text: &[u8]) -> Option<usize> {
    base::parse_i64(text).and_then(|count| usize::try_from(count).ok())
}

/// Take so many members, one at least and no more than there are. `visit` sees each.
pub(super) fn take(
    ctx: &mut Ctx,
    key: &Key<'_>,
    slot: Slot,
    from: Direction,
    count: usize,
    visit: &mut dyn FnMut(Item<'_>, f64),
) {
    let is_empty = ctx.edit_zset(key, Some(slot), |zset| {
        zset.pop(from, count, visit);
        zset.is_empty()
    });
    ctx.changed(key);
    if is_empty {
        ctx.remove_empty(key);
    }
    let name: &[u8] = match from {
        Direction::Up => b"ZPOPMIN",
        Direction::Down => b"ZPOPMAX",
    };
    let mut digits = itoa::Buffer::new();
    ctx.effect(&[name, key.bytes, digits.format(count).as_bytes()]);
    ctx.count_changes(count - 1);
}
