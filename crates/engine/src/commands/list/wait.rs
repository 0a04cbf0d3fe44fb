//! BLPOP, BRPOP, BLMOVE, BRPOPLPUSH, BLMPOP: take from a list, or wait until there is one.
//!
//! What is there is taken as LPOP, LMOVE and LMPOP take it, and the log reads no other
//! words. If there is nothing, the client waits for the keys (see `waits`), and whoever
//! fills one of them runs the function beside the handler: it takes from that key.

use resp::{OwnedArgv, Reply};
use store::{End, Key, Kind};

use super::end_word;
use super::pop::{Wanted, answer_popped, pop_from};
use super::shift::move_between;
use crate::args::Args;
use crate::commands::answer_item;
use crate::ctx::Ctx;
use crate::error::CommandError;
use crate::waits::{Awaited, Serve, Served, Wish};

pub(super) fn blpop(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    pop_or_wait(ctx, args, reply, End::Front, |ctx, _, key, reply| {
        pop_one(ctx, key, End::Front, reply)
    })
}

pub(super) fn brpop(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    pop_or_wait(ctx, args, reply, End::Back, |ctx, _, key, reply| {
        pop_one(ctx, key, End::Back, reply)
    })
}

/// The keys in their order, and the timeout behind them.
fn pop_or_wait(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
    end: End,
    serve: Serve,
) -> Result<(), CommandError> {
    let argv = args.argv();
    let deadline_us = ctx.deadline_of_secs(argv.get(argv.len() - 1))?;
    let mut keys = args.clone();
    while keys.left() > 1 {
        let key = keys.key()?;
        if has_list(ctx, &key)? {
            pop_one(ctx, &key, end, reply)?;
            return Ok(());
        }
    }
    let keys = take_keys(args, args.left() - 1)?;
    wait(ctx, args, &keys, &[], deadline_us, serve, reply);
    Ok(())
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
    let timeout = args.bytes()?;
    let mut wanted = Wanted::read(args)?;
    let deadline_us = ctx.deadline_of_secs(timeout)?;
    let mut keys = wanted.keys.clone();
    for _ in 0..wanted.key_count {
        let key = keys.key()?;
        if has_list(ctx, &key)? {
            pop_many(ctx, &key, &wanted, reply)?;
            return Ok(());
        }
    }
    let keys = take_keys(&mut wanted.keys, wanted.key_count)?;
    wait(ctx, args, &keys, &[], deadline_us, serve_blmpop, reply);
    Ok(())
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
    let wanted = Move::read(args)?;
    move_or_wait(ctx, args, reply, &wanted, |ctx, args, _, reply| {
        move_one(ctx, &Move::read(args)?, reply)
    })
}

pub(super) fn brpoplpush(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let wanted = Move::read_short(args)?;
    move_or_wait(ctx, args, reply, &wanted, |ctx, args, _, reply| {
        move_one(ctx, &Move::read_short(args)?, reply)
    })
}

fn move_or_wait(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
    wanted: &Move<'_>,
    serve: Serve,
) -> Result<(), CommandError> {
    let deadline_us = ctx.deadline_of_secs(args.bytes()?)?;
    if has_list(ctx, &wanted.source)? {
        move_one(ctx, wanted, reply)?;
        return Ok(());
    }
    if !ctx.may_wait() {
        reply.null();
        return Ok(());
    }
    let (keys, touches) = ([wanted.source], [wanted.target]);
    wait(ctx, args, &keys, &touches, deadline_us, serve, reply);
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

// ---- what they share -----------------------------------------------------------

/// Is there a list to take from, which is not meant for others who came before?
fn has_list(ctx: &mut Ctx, key: &Key<'_>) -> Result<bool, CommandError> {
    Ok(ctx.list_slot(key)?.is_some() && !ctx.is_promised(key))
}

fn take_keys<'a>(args: &mut Args<'a>, count: usize) -> Result<Vec<Key<'a>>, CommandError> {
    (0..count).map(|_| args.key()).collect()
}

/// Wait for the first list at one of these keys; where nobody waits, that is nothing.
fn wait(
    ctx: &mut Ctx,
    args: &Args,
    keys: &[Key<'_>],
    touches: &[Key<'_>],
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
        touches,
        awaited: Awaited::Value(Kind::List),
        deadline_us,
        serve,
    });
}
