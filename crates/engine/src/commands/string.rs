//! GET, SET.

use resp::Reply;
use store::StringView;

use super::{Row, cmd};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) static TABLE: &[Row] = &[
    cmd(&spec::string::GET, get),
    cmd(&spec::string::SET, set),
];

fn get(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.key()?;
    answer_string(ctx.string(&key)?, reply);
    Ok(())
}

/// A string as a reply; a missing one is null.
fn answer_string(string: Option<StringView<'_>>, reply: &mut Reply) {
    match string {
        Some(StringView::Bytes(bytes)) => reply.bulk(bytes),
        Some(StringView::Int(value)) => reply.bulk_int(value),
        Some(StringView::Block(block)) => reply.block(&block.share()),
        None => reply.null(),
    }
}

fn set(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let (key, value) = (args.key()?, args.value()?);
    let bytes = args.argv().get(2);
    ctx.set(&key, value, None);
    ctx.effect(&[b"SET", key.bytes, bytes]);
    reply.ok();
    Ok(())
}
