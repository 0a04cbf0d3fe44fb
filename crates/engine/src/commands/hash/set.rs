//! HSET, HMSET, HSETNX, HDEL. What is set has no deadline any more. HSET and HDEL
//! take a field that has expired for one that is there, as Redis does.

use resp::Reply;
use store::Key;

use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn hset(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let added = set_pairs(ctx, args, "hset")?;
    reply.count(added);
    Ok(())
}

pub(super) fn hmset(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    set_pairs(ctx, args, "hmset")?;
    reply.ok();
    Ok(())
}

/// Returns how many fields are new.
fn set_pairs(ctx: &mut Ctx, args: &mut Args, command: &'static str) -> Result<usize, CommandError> {
    let key = args.key()?;
    if args.left() % 2 == 1 {
        return Err(CommandError::Arity(command.into()));
    }
    let slot = ctx.hash_slot(&key)?;
    let (pairs, mut words) = (args.left() / 2, args.clone().rest());
    let added = ctx.change_hash(&key, slot, |hash| {
        let mut added = 0;
        while let (Some(field), Some(value)) = (words.next(), words.next()) {
            added += usize::from(hash.put(field, value));
        }
        added
    });
    effect(ctx, b"HSET", &key, pairs, args.rest());
    Ok(added)
}

pub(super) fn hsetnx(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let (field, value) = (args.bytes()?, args.bytes()?);
    let slot = ctx.hash_slot(&key)?;
    let slot = slot.and_then(|slot| ctx.without_expired(&key, slot, [field]));
    let is_there = slot.is_some_and(|slot| ctx.hash_at(&key, slot).contains(field));
    if !is_there {
        ctx.change_hash(&key, slot, |hash| hash.put(field, value));
        ctx.effect(&[b"HSET", key.bytes, field, value]);
    }
    reply.int(i64::from(!is_there));
    Ok(())
}

pub(super) fn hdel(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.key()?;
    let Some(slot) = ctx.hash_slot(&key)? else {
        reply.int(0);
        return Ok(());
    };
    let is_any = {
        let hash = ctx.hash_at(&key, slot).at(i64::MIN);
        args.clone().rest().any(|field| hash.contains(field))
    };
    if !is_any {
        reply.int(0);
        return Ok(());
    }
    let fields = args.clone().rest();
    let (removed, is_empty) = ctx.change_hash(&key, Some(slot), |hash| {
        let removed = fields.filter(|field| hash.remove(field)).count();
        (removed, hash.is_empty())
    });
    if is_empty {
        ctx.remove_empty(&key);
    }
    effect(ctx, b"HDEL", &key, removed, args.rest());
    reply.count(removed);
    Ok(())
}

/// A command about several fields, which counts as so many changes.
fn effect<'a>(
    ctx: &mut Ctx,
    name: &'a [u8],
    key: &Key<'a>,
    changes: usize,
    words: impl Iterator<Item = &'a [u8]>,
) {
    if ctx.effects_wanted() {
        let front = [name, key.bytes];
        let argv: Vec<&[u8]> = front.into_iter().chain(words).collect();
        ctx.effect(&argv);
    } else {
        ctx.effect(&[]);
    }
    ctx.count_changes(changes - 1);
}
