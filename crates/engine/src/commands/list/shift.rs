//! LMOVE, RPOPLPUSH: an element from one list to another.

use resp::Reply;
use store::{End, Key, Slot};

use super::{end_word, word_of};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn lmove(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let (source, target) = (args.key()?, args.key()?);
    let (from, to) = (end_word(args)?, end_word(args)?);
    shift(ctx, &source, from, &target, to, reply)
}

pub(super) fn rpoplpush(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let (source, target) = (args.key()?, args.key()?);
    shift(ctx, &source, End::Back, &target, End::Front, reply)
}

fn shift(
    ctx: &mut Ctx,
    source: &Key<'_>,
    from: End,
    target: &Key<'_>,
    to: End,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    match ctx.list_slot(source)? {
        None => reply.null(),
        Some(slot) => reply.bulk(&move_between(ctx, source, slot, from, target, to)?),
    }
    Ok(())
}

/// Take an element from an end of the list at a slot that [`Ctx::list_slot`] has found
/// to an end of another, or of the same, and tell the log. Returns the element; it is
/// an error if the target is no list, and then nothing has happened.
pub(in crate::commands) fn move_between(
    ctx: &mut Ctx,
    source: &Key<'_>,
    slot: Slot,
    from: End,
    target: &Key<'_>,
    to: End,
) -> Result<Vec<u8>, CommandError> {
    let target_slot = ctx.list_slot(target)?;
    let list = ctx.list_at(source, slot);
    let (len, item) = (list.len(), list.end(from).expect("a list has an element"));
    // Of integers Redis counts no bytes when it asks whether a list stays small.
    let added_bytes = match item {
        store::Item::Int(_) => 0,
        store::Item::Bytes(text) => text.len(),
    };
    let element = item.to_vec();
    if source.bytes == target.bytes {
        ctx.change_list(source, Some(slot), |list| {
            list.pop(from, |_| ());
            list.push(to, &element);
        });
    } else {
        let mut target_slot = target_slot;
        if len == 1 {
            // Others move when a key goes.
            ctx.remove(source, slot);
            target_slot = ctx.find(target);
        } else {
            ctx.change_list(source, Some(slot), |list| list.pop(from, |_| ()));
        }
        ctx.change_list(target, target_slot, |list| {
            list.prepare(1, added_bytes);
            list.push(to, &element);
        });
    }
    let words: [&[u8]; 5] = [
        b"LMOVE",
        source.bytes,
        target.bytes,
        word_of(from),
        word_of(to),
    ];
    ctx.effect(&words);
    Ok(element)
}
