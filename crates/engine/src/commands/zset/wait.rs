//! BZPOPMIN, BZPOPMAX, BZMPOP: take from a sorted set, or wait until there is one.
//!
//! What is there is taken as ZPOPMIN and its relatives take it, and the log reads no
//! other words. If there is nothing, the client waits for the keys (see `waits`), and
//! whoever fills one of them runs the function beside the handler: it takes from that key.

use resp::Reply;
use store::{Direction, Key, Kind};

use super::pop::{count_option, end, take};
use crate::args::Args;
use crate::commands::answer_item;
use crate::commands::first::{Keys, Take};
use crate::ctx::Ctx;
use crate::error::CommandError;
use crate::waits::{Serve, Served};

pub(super) fn bzpopmin(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let take = taking(|ctx, _, key, reply| pop_one(ctx, key, Direction::Up, reply));
    take.before_timeout(ctx, args, reply)
}

pub(super) fn bzpopmax(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let take = taking(|ctx, _, key, reply| pop_one(ctx, key, Direction::Down, reply));
    take.before_timeout(ctx, args, reply)
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
    let request = args.clone();
    let timeout = args.bytes()?;
    let wanted = Wanted::read(args)?;
    let deadline_us = ctx.deadline_of_secs(timeout)?;
    let keys = Keys {
        from: wanted.keys,
        count: wanted.key_count,
    };
    taking(serve_bzmpop).or_wait(ctx, &request, keys, deadline_us, reply)
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

fn taking(serve: Serve) -> Take {
    Take {
        kind: Kind::SortedSet,
        serve,
    }
}
