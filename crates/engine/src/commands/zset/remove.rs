//! ZREM, ZREMRANGEBYRANK, ZREMRANGEBYSCORE, ZREMRANGEBYLEX.

use std::ops::Range;

use resp::Reply;
use store::{Key, ZSetView};

use super::bounds::{lex_range, rank_range, score_range};
use crate::args::Args;
use crate::commands::effect_as_asked;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn zrem(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.key()?;
    let Some(slot) = ctx.zset_slot(&key)? else {
        reply.int(0);
        return Ok(());
    };
    let mut effect: Vec<&[u8]> = Vec::new();
    let is_wanted = ctx.effects_wanted();
    if is_wanted {
        effect.reserve(2 + args.left());
        effect.extend([b"ZREM", key.bytes]);
    }
    let members = args.rest();
    let (removed, is_empty) = ctx.edit_zset(&key, Some(slot), |zset| {
        let mut removed = 0;
        for member in members {
            if zset.remove(member).is_some() {
                removed += 1;
                if is_wanted {
                    effect.push(member);
                }
            }
        }
        (removed, zset.is_empty())
    });
    if removed > 0 {
        ctx.changed(&key);
        if is_empty {
            ctx.remove_empty(&key);
        }
        ctx.effect(&effect);
        ctx.count_changes(removed - 1);
    }
    reply.count(removed);
    Ok(())
}

pub(super) fn zremrangebyrank(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let (start, stop) = (args.i64()?, args.i64()?);
    let ranks = |zset: ZSetView<'_>| rank_range(start, stop, zset.len());
    remove_range(ctx, &key, args, ranks, reply)
}

pub(super) fn zremrangebyscore(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let range = score_range(args.bytes()?, args.bytes()?)?;
    remove_range(ctx, &key, args, |zset| range.ranks(zset), reply)
}

pub(super) fn zremrangebylex(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let range = lex_range(args.bytes()?, args.bytes()?)?;
    remove_range(ctx, &key, args, |zset| range.ranks(zset), reply)
}

fn remove_range(
    ctx: &mut Ctx,
    key: &Key<'_>,
    args: &Args,
    ranks: impl FnOnce(ZSetView<'_>) -> Range<usize>,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let Some(slot) = ctx.zset_slot(key)? else {
        reply.int(0);
        return Ok(());
    };
    let zset = ctx.zset_at(key, slot);
    let (ranks, len) = (ranks(zset), zset.len());
    let removed = ranks.len();
    if removed == len {
        ctx.remove(key, slot);
    } else if removed > 0 {
        ctx.edit_zset(key, Some(slot), |zset| zset.remove_range(ranks));
        ctx.changed(key);
    }
    if removed > 0 {
        effect_as_asked(ctx, args);
        ctx.count_changes(removed - 1);
    }
    reply.count(removed);
    Ok(())
}
