//! BZPOPMIN, BZPOPMAX, BZMPOP: take from a sorted set, or wait until there is one.
//!
//! What is there is taken as ZPOPMIN and its relatives take it, and the log reads no
//! other words. If there is nothing, the client waits for the keys (see `waits`), and
//! whoever fills one of them runs the function beside the handler: it takes from that key.

use resp::{OwnedArgv, Reply};
use store::{Direction, Key, Kind};

use super::pop::{count_option, end, take};
use crate::args::Args;
use crate::commands::answer_item;
use crate::ctx::Ctx;
use crate::error::CommandError;
use crate::waits::{Awaited, Serve, Served, Wish};

pub(super) fn bzpopmin(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    pop_or_wait(ctx, args, reply, Direction::Up, |ctx, _, key, reply| {
        pop_one(ctx, key, Direction::Up, reply)
    })
}

pub(super) fn bzpopmax(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    pop_or_wait(ctx, args, reply, Direction::Down, |ctx, _, key, reply| {
        pop_one(ctx, key, Direction::Down, reply)
    })
}

/// The keys in their order, and the timeout behind them.
fn pop_or_wait(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
    from: Direction,
    serve: Serve,
) -> Result<(), CommandError> {
    let argv = args.argv();
    let deadline_us = ctx.deadline_of_secs(argv.get(argv.len() - 1))?;
    let mut keys = args.clone();
    while keys.left() > 1 {
        let key = keys.key()?;
        if has_members(ctx, &key)? {
            pop_one(ctx, &key, from, reply)?;
            return Ok(());
        }
    }
    let keys = take_keys(args, args.left() - 1)?;
    wait(ctx, args, &keys, deadline_us, serve, reply);
    Ok(())
}

fn pop_one(
    ctx: &mut Ctx,
    key: &Key<'_>,
    from: Direction,
    reply: &mut Reply,
) -> Result<Served, CommandError> {
    let Some(slot) = ctx.zset_slot(key)? else {
        return Ok(Served::NotYet);
    };
    reply.array(3);
    reply.bulk(key.bytes);
    take(ctx, key, slot, from, 1, &mut |member, score| {
        answer_item(member, reply);
        reply.double(score);
    });
    Ok(Served::Yes)
}

/// What BZMPOP is asked behind its timeout.
struct Wanted<'a> {
    key_count: usize,
    /// Where the keys begin.
    keys: Args<'a>,
    from: Direction,
    count: usize,
}

impl<'a> Wanted<'a> {
    fn read(args: &mut Args<'a>) -> Result<Wanted<'a>, CommandError> {
        let key_count = base::parse_i64(args.bytes()?).filter(|count| *count > 0);
        let key_count =
            key_count.ok_or_else(|| CommandError::err("numkeys should be greater than 0"))?;
        let key_count = key_count as usize;
        if key_count >= args.left() {
            return Err(CommandError::Syntax);
        }
        let keys = args.clone();
        args.skip(key_count);
        Ok(Wanted {
            key_count,
            keys,
            from: end(args)?,
            count: count_option(args)?,
        })
    }
}

pub(super) fn bzmpop(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let timeout = args.bytes()?;
    let mut wanted = Wanted::read(args)?;
    let deadline_us = ctx.deadline_of_secs(timeout)?;
    let mut keys = wanted.keys.clone();
    for _ in 0..wanted.key_count {
        let key = keys.key()?;
        if has_members(ctx, &key)? {
            pop_many(ctx, &key, &wanted, reply)?;
            return Ok(());
        }
    }
    let keys = take_keys(&mut wanted.keys, wanted.key_count)?;
    wait(ctx, args, &keys, deadline_us, serve_bzmpop, reply);
    Ok(())
}

fn serve_bzmpop(
    ctx: &mut Ctx,
    args: &mut Args,
    key: &Key<'_>,
    reply: &mut Reply,
) -> Result<Served, CommandError> {
    args.skip(1);
    let wanted = Wanted::read(args)?;
    pop_many(ctx, key, &wanted, reply)
}

fn pop_many(
    ctx: &mut Ctx,
    key: &Key<'_>,
    wanted: &Wanted<'_>,
    reply: &mut Reply,
) -> Result<Served, CommandError> {
    let Some(slot) = ctx.zset_slot(key)? else {
        return Ok(Served::NotYet);
    };
    let taken = wanted.count.min(ctx.zset_at(key, slot).len());
    reply.array(2);
    reply.bulk(key.bytes);
    reply.array(taken);
    take(ctx, key, slot, wanted.from, taken, &mut |member, score| {
        reply.array(2);
        answer_item(member, reply);
        reply.double(score);
    });
    Ok(Served::Yes)
}

/// Is there a sorted set to take from, which is not meant for others who came before?
fn has_members(ctx: &mut Ctx, key: &Key<'_>) -> Result<bool, CommandError> {
    Ok(ctx.zset_slot(key)?.is_some() && !ctx.is_promised(key))
}

fn take_keys<'a>(args: &mut Args<'a>, count: usize) -> Result<Vec<Key<'a>>, CommandError> {
    (0..count).map(|_| args.key()).collect()
}

/// Wait for the first sorted set at one of these keys; where nobody waits, that is nothing.
fn wait(
    ctx: &mut Ctx,
    args: &Args,
    keys: &[Key<'_>],
    deadline_us: Option<u64>,
    serve: Serve,
    reply: &mut Reply,
) {
    if !ctx.may_wait() {
        return reply.null_array();
    }
    ctx.wait_for(Wish {
        request: OwnedArgv::from(args.argv()),
        keys,
        touches: &[],
        awaited: Awaited::Value(Kind::SortedSet),
        deadline_us,
        serve,
    });
}
