//! HGET, HMGET, HEXISTS, HLEN, HSTRLEN, HGETALL, HKEYS, HVALS. A missing hash
//! is one without fields.

use resp::Reply;
use store::HashView;

use crate::args::Args;
use crate::commands::{answer_item, answer_item_or_null};
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn hget(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let hash = ctx.hash(&args.key()?)?;
    let field = args.bytes()?;
    answer_item_or_null(hash.and_then(|hash| hash.get(field)), reply);
    Ok(())
}

pub(super) fn hmget(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let hash = ctx.hash(&args.key()?)?;
    reply.array(args.left());
    for field in args.rest() {
        if reply.has_overflowed() {
            break;
        }
        answer_item_or_null(hash.and_then(|hash| hash.get(field)), reply);
    }
    Ok(())
}

pub(super) fn hexists(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let hash = ctx.hash(&args.key()?)?;
    let field = args.bytes()?;
    reply.int(i64::from(hash.is_some_and(|hash| hash.contains(field))));
    Ok(())
}

pub(super) fn hlen(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    reply.count(ctx.hash(&args.key()?)?.map_or(0, HashView::len));
    Ok(())
}

pub(super) fn hstrlen(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let hash = ctx.hash(&args.key()?)?;
    let field = args.bytes()?;
    let value = hash.and_then(|hash| hash.get(field));
    reply.count(value.map_or(0, |value| value.text_len()));
    Ok(())
}

pub(super) fn hgetall(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let hash = ctx.hash(&args.key()?)?;
    reply.map(hash.map_or(0, HashView::len));
    for (field, value) in hash.into_iter().flat_map(HashView::iter) {
        if reply.has_overflowed() {
            break;
        }
        answer_item(field, reply);
        answer_item(value, reply);
    }
    Ok(())
}

pub(super) fn hkeys(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let hash = ctx.hash(&args.key()?)?;
    reply.array(hash.map_or(0, HashView::len));
    for (field, _) in hash.into_iter().flat_map(HashView::iter) {
        if reply.has_overflowed() {
            break;
        }
        answer_item(field, reply);
    }
    Ok(())
}

pub(super) fn hvals(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let hash = ctx.hash(&args.key()?)?;
    reply.array(hash.map_or(0, HashView::len));
    for (_, value) in hash.into_iter().flat_map(HashView::iter) {
        if reply.has_overflowed() {
            break;
        }
        answer_item(value, reply);
    }
    Ok(())
}
