//! LPOP, RPOP, LMPOP: elements taken from an end.

use resp::Reply;
use store::{End, Item, Key, Slot};

use super::end_word;
use crate::args::Args;
use crate::commands::answer_item;
use crate::ctx::Ctx;
use crate::error::CommandError;
use crate::host::Garbage;

pub(super) fn lpop(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    pop(ctx, args, reply, End::Front, "lpop")
}

pub(super) fn rpop(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    pop(ctx, args, reply, End::Back, "rpop")
}

fn pop(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
    end: End,
    command: &'static str,
) -> Result<(), CommandError> {
    let key = args.key()?;
    if args.left() > 1 {
        return Err(CommandError::Arity(command.into()));
    }
    let count = match args.is_done() {
        true => None,
        false => Some(at_least_zero(args)?),
    };
    match (ctx.list_slot(&key)?, count) {
        (None, None) => reply.null(),
        (None, Some(_)) => reply.null_array(),
        (Some(_), Some(0)) => reply.array(0),
        (Some(slot), None) => {
            pop_from(ctx, &key, slot, end, 1, &mut |item| {
                answer_item(item, reply);
            });
        }
        (Some(slot), Some(count)) => answer_popped(ctx, &key, slot, end, count, reply),
    }
    Ok(())
}

fn at_least_zero(args: &mut Args) -> Result<usize, CommandError> {
    let count = args
        .i64()
        .ok()
        .and_then(|count| usize::try_from(count).ok());
    count.ok_or_else(|| CommandError::err("value is out of range, must be positive"))
}

pub(super) fn lmpop(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let wanted = Wanted::read(args)?;
    let mut keys = wanted.keys.clone();
    for _ in 0..wanted.key_count {
        let key = keys.key()?;
        if let Some(slot) = ctx.list_slot(&key)? {
            reply.array(2);
            reply.bulk(key.bytes);
            answer_popped(ctx, &key, slot, wanted.end, wanted.count, reply);
            return Ok(());
        }
    }
    reply.null_array();
    Ok(())
}

/// What LMPOP is asked, and BLMPOP behind its time-out.
pub(in crate::commands) struct Wanted<'a> {
    pub(in crate::commands) key_count: usize,
    /// Where the keys begin.
    pub(in crate::commands) keys: Args<'a>,
    pub(in crate::commands) end: End,
    pub(in crate::commands) count: usize,
}

impl<'a> Wanted<'a> {
    /// A number of keys, the keys, an end, and perhaps a count.
    pub(in crate::commands) fn read(args: &mut Args<'a>) -> Result<Wanted<'a>, CommandError> {
        let key_count = positive(args, "numkeys should be greater than 0")?;
        if key_count >= args.left() {
            return Err(CommandError::Syntax);
        }
        let keys = args.clone();
        args.skip(key_count);
        let end = end_word(args)?;
        let mut count = None;
        while !args.is_done() {
            let is_first = count.is_none();
            if !args.word("COUNT") || !is_first || args.is_done() {
                return Err(CommandError::Syntax);
            }
            count = Some(positive(args, "count should be greater than 0")?);
        }
        Ok(Wanted {
            key_count,
            keys,
            end,
            count: count.unwrap_or(1),
        })
    }
}

fn positive(args: &mut Args, mistake: &'static str) -> Result<usize, CommandError> {
    let count = args
        .i64()
        .ok()
        .and_then(|count| usize::try_from(count).ok());
    count
        .filter(|count| *count > 0)
        .ok_or_else(|| CommandError::err(mistake))
}

/// Take up to so many elements, and answer with an array of them.
pub(in crate::commands) fn answer_popped(
    ctx: &mut Ctx,
    key: &Key<'_>,
    slot: Slot,
    end: End,
    count: usize,
    reply: &mut Reply,
) {
    let len = ctx.list_at(key, slot).len();
    reply.array(count.min(len));
    pop_from(ctx, key, slot, end, count, &mut |item| {
        if !reply.has_overflowed() {
            answer_item(item, reply);
        }
    });
}

/// Take up to `count` elements, at least one, from an end of the list at a slot that
/// [`Ctx::list_slot`] has found, and tell the log. Each is shown to `take`. Returns how
/// many there were.
pub(in crate::commands) fn pop_from(
    ctx: &mut Ctx,
    key: &Key<'_>,
    slot: Slot,
    end: End,
    count: usize,
    take: &mut dyn FnMut(Item<'_>),
) -> usize {
    let list = ctx.list_at(key, slot);
    let len = list.len();
    if count >= len {
        match end {
            End::Front => list.iter().for_each(&mut *take),
            End::Back => list.iter_back_from(len - 1).for_each(&mut *take),
        }
        ctx.remove(key, slot);
    } else if count == 1 {
        ctx.change_list(key, Some(slot), |list| list.pop(end, take));
    } else {
        let range = match end {
            End::Front => {
                list.iter().take(count).for_each(&mut *take);
                0..count
            }
            End::Back => {
                let items = list.iter_back_from(len - 1);
                items.take(count).for_each(&mut *take);
                len - count..len
            }
        };
        let gone = ctx.change_list(key, Some(slot), |list| list.remove_range(range));
        if let Some(gone) = gone {
            ctx.discard(Garbage::Large(gone.into()));
        }
    }
    let popped = count.min(len);
    effect(ctx, key, end, popped);
    popped
}

fn effect(ctx: &mut Ctx, key: &Key<'_>, end: End, popped: usize) {
    let name: &[u8] = match end {
        End::Front => b"LPOP",
        End::Back => b"RPOP",
    };
    if popped == 1 {
        ctx.effect(&[name, key.bytes]);
    } else {
        let mut digits = itoa::Buffer::new();
        ctx.effect(&[name, key.bytes, digits.format(popped).as_bytes()]);
        ctx.count_changes(popped - 1);
    }
}
