//! LPUSH, RPUSH, LPUSHX, RPUSHX.

use resp::Reply;
use store::{End, Key};

use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn lpush(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    push(ctx, args, reply, End::Front, Missing::IsMade)
}

pub(super) fn rpush(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    push(ctx, args, reply, End::Back, Missing::IsMade)
}

pub(super) fn lpushx(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    push(ctx, args, reply, End::Front, Missing::IsLeft)
}

pub(super) fn rpushx(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    push(ctx, args, reply, End::Back, Missing::IsLeft)
}

/// What becomes of a list that is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    IsMade,
    IsLeft,
}

fn push(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
    end: End,
    missing: Missing,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let slot = ctx.list_slot(&key)?;
    if slot.is_none() && missing == Missing::IsLeft {
        reply.int(0);
        return Ok(());
    }
    let count = args.left();
    let len = ctx.change_list(&key, slot, |list| {
        let text_bytes = args.clone().rest().map(<[u8]>::len).sum();
        list.prepare(count, text_bytes);
        args.clone().rest().for_each(|word| list.push(end, word));
        list.view().len()
    });
    let name: &[u8] = match end {
        End::Front => b"LPUSH",
        End::Back => b"RPUSH",
    };
    effect(ctx, name, &key, count, args.rest());
    reply.count(len);
    Ok(())
}

/// Each element counts as a change.
fn effect<'a>(
    ctx: &mut Ctx,
    name: &'a [u8],
    key: &Key<'a>,
    count: usize,
    mut words: impl Iterator<Item = &'a [u8]>,
) {
    if !ctx.effects_wanted() {
        ctx.effect(&[]);
    } else if count == 1 {
        let word = words.next().expect("counted");
        ctx.effect(&[name, key.bytes, word]);
    } else {
        let argv: Vec<&[u8]> = [name, key.bytes].into_iter().chain(words).collect();
        ctx.effect(&argv);
    }
    ctx.count_changes(count - 1);
}
