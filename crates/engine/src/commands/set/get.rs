//! SCARD, SISMEMBER, SMISMEMBER, SMEMBERS. A missing set is one without members.

use resp::Reply;
use store::{Large, SetView, WalkPlace};

use crate::args::Args;
use crate::commands::answer_item;
use crate::ctx::{Ctx, Walk};
use crate::error::CommandError;

pub(super) fn scard(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    reply.count(ctx.set_view(&args.key()?)?.map_or(0, SetView::len));
    Ok(())
}

pub(super) fn sismember(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let set = ctx.set_view(&args.key()?)?;
    let member = args.bytes()?;
    reply.int(i64::from(set.is_some_and(|set| set.contains(member))));
    Ok(())
}

pub(super) fn smismember(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let set = ctx.set_view(&args.key()?)?;
    reply.array(args.left());
    for member in args.rest() {
        reply.int(i64::from(set.is_some_and(|set| set.contains(member))));
    }
    Ok(())
}

pub(super) fn smembers(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let set = ctx.set_view(&key)?;
    let len = set.map_or(0, SetView::len);
    reply.set(len);
    match set {
        Some(SetView::Large(_)) => ctx.answer_walk(&key, len, AllMembers::default(), reply),
        small => small
            .into_iter()
            .flat_map(SetView::iter)
            .for_each(|member| answer_item(member, reply)),
    }
    Ok(())
}

/// The members of a large set from a place on.
#[derive(Default)]
struct AllMembers(WalkPlace);

impl Walk for AllMembers {
    fn answer(&mut self, large: &Large, reply: &mut Reply<'_>) -> bool {
        let Large::Set(members) = large else {
            unreachable!("the walk began in a set")
        };
        members.visit_from(&mut self.0, &mut |item| {
            reply.bulk(item.name);
            !reply.is_slice()
        })
    }
}
