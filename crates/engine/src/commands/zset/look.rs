//! ZCARD, ZCOUNT, ZLEXCOUNT, ZSCORE, ZMSCORE, ZRANK, ZREVRANK. A missing sorted set is one without
//! members.

use resp::Reply;
use store::{Direction, ZSetView};

use super::bounds::{lex_range, score_range};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn zcard(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    reply.count(ctx.zset(&args.key()?)?.map_or(0, ZSetView::len));
    Ok(())
}

pub(super) fn zcount(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let range = score_range(args.bytes()?, args.bytes()?)?;
    reply.count(ctx.zset(&key)?.map_or(0, |zset| range.ranks(zset).len()));
    Ok(())
}

pub(super) fn zlexcount(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let range = lex_range(args.bytes()?, args.bytes()?)?;
    reply.count(ctx.zset(&key)?.map_or(0, |zset| range.ranks(zset).len()));
    Ok(())
}

pub(super) fn zscore(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let zset = ctx.zset(&args.key()?)?;
    let member = args.bytes()?;
    answer_score(zset.and_then(|zset| zset.score(member)), reply);
    Ok(())
}

pub(super) fn zmscore(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let zset = ctx.zset(&args.key()?)?;
    reply.array(args.left());
    for member in args.rest() {
        if reply.has_overflowed() {
            break;
        }
        answer_score(zset.and_then(|zset| zset.score(member)), reply);
    }
    Ok(())
}

fn answer_score(score: Option<f64>, reply: &mut Reply) {
    match score {
        Some(score) => reply.double(score),
        None => reply.null(),
    }
}

pub(super) fn zrank(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    rank(ctx, args, Direction::Up, reply)
}

pub(super) fn zrevrank(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    rank(ctx, args, Direction::Down, reply)
}

fn rank(
    ctx: &mut Ctx,
    args: &mut Args,
    direction: Direction,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let member = args.bytes()?;
    let with_score = args.word("WITHSCORE");
    args.end()?;
    let zset = ctx.zset(&key)?;
    let Some((zset, (rank, score))) = zset.and_then(|zset| Some((zset, zset.rank(member)?))) else {
        match with_score {
            true => reply.null_array(),
            false => reply.null(),
        }
        return Ok(());
    };
    if with_score {
        reply.array(2);
    }
    reply.count(match direction {
        Direction::Up => rank,
        Direction::Down => zset.len() - 1 - rank,
    });
    if with_score {
        reply.double(score);
    }
    Ok(())
}
