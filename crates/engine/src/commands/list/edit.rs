//! LINSERT, LSET, LREM, LTRIM: changes anywhere in a list.

use resp::Reply;
use store::{End, Needle};

use super::{resolve, resolve_range};
use crate::args::Args;
use crate::commands::effect_as_asked;
use crate::ctx::Ctx;
use crate::error::CommandError;
use crate::host::Garbage;

pub(super) fn linsert(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let is_behind = if args.word("AFTER") {
        true
    } else if args.word("BEFORE") {
        false
    } else {
        return Err(CommandError::Syntax);
    };
    let (pivot, element) = (args.bytes()?, args.bytes()?);
    let Some(slot) = ctx.list_slot(&key)? else {
        reply.int(0);
        return Ok(());
    };
    let needle = Needle::new(pivot);
    let mut items = ctx.list_at(&key, slot).iter();
    let Some(found) = items.position(|item| needle.is(item)) else {
        reply.int(-1);
        return Ok(());
    };
    let len = ctx.change_list(&key, Some(slot), |list| {
        list.prepare(1, element.len());
        list.insert(found + usize::from(is_behind), element);
        list.view().len()
    });
    effect_as_asked(ctx, args);
    reply.count(len);
    Ok(())
}

pub(super) fn lset(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.key()?;
    let slot = ctx.list_slot(&key)?.ok_or(CommandError::NoSuchKey)?;
    let index = args.i64()?;
    let element = args.bytes()?;
    let len = ctx.list_at(&key, slot).len();
    let index = resolve(index, len).ok_or_else(|| CommandError::err("index out of range"))?;
    ctx.change_list(&key, Some(slot), |list| {
        list.prepare(1, element.len());
        list.set(index, element);
    });
    effect_as_asked(ctx, args);
    reply.ok();
    Ok(())
}

pub(super) fn lrem(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.key()?;
    let count = args.i64()?;
    let element = args.bytes()?;
    let Some(slot) = ctx.list_slot(&key)? else {
        reply.int(0);
        return Ok(());
    };
    let (end, most) = match count {
        0 => (End::Front, usize::MAX),
        1.. => (End::Front, count.unsigned_abs() as usize),
        _ => (End::Back, count.unsigned_abs() as usize),
    };
    let needle = Needle::new(element);
    let mut items = ctx.list_at(&key, slot).iter();
    if !items.any(|item| needle.is(item)) {
        reply.int(0);
        return Ok(());
    }
    let (removed, is_empty) = ctx.change_list(&key, Some(slot), |list| {
        let removed = list.remove_equal(end, element, most);
        (removed, list.view().is_empty())
    });
    if is_empty {
        ctx.remove_empty(&key);
    }
    effect_as_asked(ctx, args);
    ctx.count_changes(removed - 1);
    reply.count(removed);
    Ok(())
}

pub(super) fn ltrim(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.key()?;
    let (start, stop) = (args.i64()?, args.i64()?);
    if let Some(slot) = ctx.list_slot(&key)? {
        let len = ctx.list_at(&key, slot).len();
        let kept = resolve_range(start, stop, len);
        let removed = len - kept.len();
        if removed == 0 {
            // Nothing is, but who watches it is told.
            ctx.changed(&key);
        } else {
            if kept.is_empty() {
                ctx.remove(&key, slot);
            } else {
                let gone = ctx.change_list(&key, Some(slot), |list| {
                    let back = list.remove_range(kept.end..len);
                    [back, list.remove_range(0..kept.start)]
                });
                for gone in gone.into_iter().flatten() {
                    ctx.discard(Garbage::Large(gone.into()));
                }
            }
            effect_as_asked(ctx, args);
            ctx.count_changes(removed - 1);
        }
    }
    reply.ok();
    Ok(())
}
