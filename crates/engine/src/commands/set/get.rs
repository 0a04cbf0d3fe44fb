//! SCARD, SISMEMBER, SMISMEMBER, SMEMBERS. A missing set is one without members.

use resp::Reply;
use store::SetView;

use crate::args::Args;
use crate::commands::answer_item;
use crate::ctx::Ctx;
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
    let set = ctx.set_view(&args.key()?)?;
    reply.set(set.map_or(0, SetView::len));
    for member in set.into_iter().flat_map(SetView::iter) {
        if reply.has_overflowed() {
            break;
        }
        answer_item(member, reply);
    }
    Ok(())
}
