//! GET, GETDEL, GETEX, STRLEN.

use resp::Reply;
use store::{Key, Slot};

use super::answer;
use super::expiration::Expiration;
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn get(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.key()?;
    answer(ctx, &key, reply)?;
    Ok(())
}

pub(super) fn strlen(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    reply.count(ctx.string(&key)?.map_or(0, |string| string.len()));
    Ok(())
}

pub(super) fn getdel(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    answer(ctx, &key, reply)?;
    if let Some(slot) = ctx.find(&key) {
        delete(ctx, &key, slot);
    }
    Ok(())
}

pub(super) fn getex(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.key()?;
    let mut expiration = Expiration::default();
    while !args.is_done() {
        let taken = expiration.take_time(args)?
            || expiration.take_word(args, "PERSIST", Expiration::Persist);
        if !taken {
            return Err(CommandError::Syntax);
        }
    }
    answer(ctx, &key, reply)?;
    // The time is not even looked at if there is no key.
    let Some(slot) = ctx.find(&key) else {
        return Ok(());
    };
    match expiration {
        Expiration::At(moment) => {
            let deadline_ms = moment.deadline_ms(ctx.now_ms(), "getex")?;
            if deadline_ms <= ctx.now_ms() {
                delete(ctx, &key, slot);
            } else {
                ctx.set_deadline(&key, slot, Some(deadline_ms));
                let mut digits = itoa::Buffer::new();
                let deadline_ms = digits.format(deadline_ms).as_bytes();
                ctx.effect(&[b"PEXPIREAT", key.bytes, deadline_ms]);
            }
        }
        Expiration::Persist if ctx.entry(&key, slot).deadline_ms().is_some() => {
            ctx.set_deadline(&key, slot, None);
            ctx.effect(&[b"PERSIST", key.bytes]);
        }
        Expiration::Persist | Expiration::Unsaid | Expiration::Keep => {}
    }
    Ok(())
}

/// Remove a key and tell the log.
pub(super) fn delete(ctx: &mut Ctx, key: &Key<'_>, slot: Slot) {
    ctx.remove(key, slot);
    ctx.effect(&[b"DEL", key.bytes]);
}
