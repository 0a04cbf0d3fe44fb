//! HGET, HMGET, HEXISTS, HLEN, HSTRLEN, HGETALL, HKEYS, HVALS. A missing hash
//! is one without fields.

use resp::Reply;
use store::{HashForm, HashView, Item, Large, WalkPlace};

use crate::args::Args;
use crate::commands::{answer_item, answer_item_or_null};
use crate::ctx::{Ctx, Walk};
use crate::error::CommandError;

pub(super) fn hget(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let (key, field) = (args.key()?, args.bytes()?);
    let hash = ctx.hash_of(&key, [field])?;
    answer_item_or_null(hash.and_then(|hash| hash.get(field)), reply);
    Ok(())
}

pub(super) fn hmget(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.key()?;
    let hash = ctx.hash_of(&key, args.clone().rest())?;
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
    let (key, field) = (args.key()?, args.bytes()?);
    let hash = ctx.hash_of(&key, [field])?;
    reply.int(i64::from(hash.is_some_and(|hash| hash.contains(field))));
    Ok(())
}

/// Fields that have expired count until they are removed, as in Redis.
pub(super) fn hlen(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    reply.count(ctx.hash(&args.key()?)?.map_or(0, HashView::len));
    Ok(())
}

pub(super) fn hstrlen(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let (key, field) = (args.key()?, args.bytes()?);
    let hash = ctx.hash_of(&key, [field])?;
    let value = hash.and_then(|hash| hash.get(field));
    reply.count(value.map_or(0, |value| value.text_len()));
    Ok(())
}

pub(super) fn hgetall(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    answer_all(ctx, args, Shown::Both, reply)
}

pub(super) fn hkeys(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    answer_all(ctx, args, Shown::Fields, reply)
}

pub(super) fn hvals(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    answer_all(ctx, args, Shown::Values, reply)
}

/// What of each field is answered.
#[derive(Clone, Copy)]
enum Shown {
    Both,
    Fields,
    Values,
}

impl Shown {
    fn answer(self, field: Item<'_>, value: Item<'_>, reply: &mut Reply) {
        if !matches!(self, Shown::Values) {
            answer_item(field, reply);
        }
        if !matches!(self, Shown::Fields) {
            answer_item(value, reply);
        }
    }
}

fn answer_all(
    ctx: &mut Ctx,
    args: &mut Args,
    shown: Shown,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let now_ms = ctx.fields_now_ms();
    let hash = ctx.hash(&key)?;
    let len = hash.map_or(0, HashView::shown_len);
    match shown {
        Shown::Both => reply.map(len),
        Shown::Fields | Shown::Values => reply.array(len),
    }
    match hash.map(HashView::form) {
        None => {}
        Some(HashForm::Packed(_) | HashForm::Timed(_)) => {
            let pairs = hash.into_iter().flat_map(HashView::iter);
            pairs.for_each(|(field, value)| shown.answer(field, value, reply));
        }
        // What may be long is answered by a walk, which the client's reading drives.
        Some(HashForm::Large(_)) => {
            let place = WalkPlace::default();
            let walk = AllFields {
                place,
                shown,
                now_ms,
            };
            ctx.answer_walk(&key, len, walk, reply);
        }
    }
    Ok(())
}

/// The fields of a large hash from a place on.
struct AllFields {
    place: WalkPlace,
    shown: Shown,
    /// What has expired by then is left out, however long the walk takes.
    now_ms: i64,
}

impl Walk for AllFields {
    fn answer(&mut self, large: &Large, reply: &mut Reply<'_>) -> bool {
        let Large::Hash(fields) = large else {
            unreachable!("the walk began in a hash")
        };
        let (shown, now_ms) = (self.shown, self.now_ms);
        fields.visit_from(&mut self.place, &mut |item| {
            if item.deadline_ms.is_none_or(|ms| ms >= now_ms) {
                shown.answer(Item::Bytes(item.name), Item::Bytes(item.value), reply);
            }
            !reply.is_slice()
        })
    }
}
