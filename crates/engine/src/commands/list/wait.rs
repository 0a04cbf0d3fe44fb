//! BLPOP, BRPOP, BLMOVE, BRPOPLPUSH, BLMPOP: take from a list, or wait until there is one.
//!
//! What is there is taken as LPOP, LMOVE and LMPOP take it, and the log reads no other
//! words. If there is nothing, the client waits for the keys (see `waits`), and whoever
//! fills one of them runs the function beside the handler: it takes from that key.

use resp::Reply;
use store::{End, Key, Kind};

use super::end_word;
use super::pop::{Wanted, answer_popped, pop_from};
use super::shift::move_between;
use crate::args::Args;
use crate::commands::answer_item;
use crate::commands::first::{Keys, Take};
use crate::ctx::Ctx;
use crate::error::CommandError;
use crate::waits::{Serve, Served};

pub(super) fn blpop(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let take = taking(|ctx, _, key, reply| pop_one(ctx, key, End::Front, reply));
    take.before_timeout(ctx, args, reply)
}

pub(super) fn brpop(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let take = taking(|ctx, _, key, reply| pop_one(ctx, key, End::Back, reply));
    take.before_timeout(ctx, args, reply)
}

fn pop_one(
    ctx: &mut Ctx,
    key: &Key<'_>,
    end: End,
    reply: &mut Reply,
) -> Result<Served, CommandError> {
    let Some(slot) = ctx.list_slot(key)? else {
        return Ok(Served::NotYet);
    };
    reply.array(2);
    reply.bulk(key.bytes);
    pop_from(ctx, key, slot, end, 1, &mut |item| answer_item(item, reply));
    Ok(Served::Yes)
}

pub(super) fn blmpop(
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
    taking(serve_blmpop).or_wait(ctx, &request, keys, deadline_us, reply)
}

fn serve_blmpop(
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
    let Some(slot) = ctx.list_slot(key)? else {
        return Ok(Served::NotYet);
    };
    reply.array(2);
    reply.bulk(key.bytes);
    answer_popped(ctx, key, slot, wanted.end, wanted.count, reply);
    Ok(Served::Yes)
}

// ---- from one list to another ------------------------------------------------

/// Where an element goes.
struct Move<'a> {
    source: Key<'a>,
    from: End,
    target: Key<'a>,
    to: End,
}

impl<'a> Move<'a> {
    fn read(args: &mut Args<'a>) -> Result<Move<'a>, CommandError> {
        let (source, target) = (args.key()?, args.key()?);
        Ok(Move {
            source,
            from: end_word(args)?,
            target,
            to: end_word(args)?,
        })
    }

    fn read_short(args: &mut Args<'a>) -> Result<Move<'a>, CommandError> {
        Ok(Move {
            source: args.key()?,
            from: End::Back,
            target: args.key()?,
            to: End::Front,
        })
    }
}

pub(super) fn blmove(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let request = args.clone();
    let wanted = Move::read(args)?;
    let take = taking(|ctx, args, _, reply| move_one(ctx, &Move::read(args)?, reply));
    move_or_wait(ctx, &request, args.bytes()?, reply, &wanted, take)
}

pub(super) fn brpoplpush(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let request = args.clone();
    let wanted = Move::read_short(args)?;
    let take = taking(|ctx, args, _, reply| move_one(ctx, &Move::read_short(args)?, reply));
    move_or_wait(ctx, &request, args.bytes()?, reply, &wanted, take)
}

fn move_or_wait(
    ctx: &mut Ctx,
    request: &Args,
    timeout: &[u8],
    reply: &mut Reply,
    wanted: &Move<'_>,
    take: Take,
) -> Result<(), CommandError> {
    let deadline_us = ctx.deadline_of_secs(timeout)?;
    if take.has_some(ctx, &wanted.source)? {
        move_one(ctx, wanted, reply)?;
    } else if ctx.may_wait() {
        take.wait(
            ctx,
            request,
            &[wanted.source],
            &[wanted.target],
            deadline_us,
        );
    } else {
        reply.null();
    }
    Ok(())
}

fn move_one(ctx: &mut Ctx, wanted: &Move<'_>, reply: &mut Reply) -> Result<Served, CommandError> {
    let Some(slot) = ctx.list_slot(&wanted.source)? else {
        return Ok(Served::NotYet);
    };
    let (source, target) = (&wanted.source, &wanted.target);
    let element = move_between(ctx, source, slot, wanted.from, target, wanted.to)?;
    reply.bulk(&element);
    Ok(Served::Yes)
}

fn taking(serve: Serve) -> Take {
    Take {
        kind: Kind::List,
        serve,
    }
}
