//! OBJECT: how a value is kept, and how much it is used. Asking is no use.

use resp::Reply;
use store::{StringView, ValueView};

use super::{Row, bare_container, cmd, container, help};
use crate::args::Args;
use crate::ctx::{Ctx, is_lfu};
use crate::error::CommandError;

pub(super) static TABLE: &[Row] = &[container(
    &spec::generic::OBJECT,
    bare_container,
    &[
        cmd(&spec::generic::OBJECT_ENCODING, encoding),
        cmd(&spec::generic::OBJECT_FREQ, freq),
        cmd(&spec::generic::OBJECT_HELP, help::help),
        cmd(&spec::generic::OBJECT_IDLETIME, idletime),
        cmd(&spec::generic::OBJECT_REFCOUNT, refcount),
    ],
)];

fn encoding(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    match ctx.peek(&args.key()?) {
        Some(entry) => reply.bulk(entry.encoding_name().as_bytes()),
        None => reply.null(),
    }
    Ok(())
}

/// Redis keeps one object for each small integer and counts no references to
/// it, unless an eviction policy needs each key's own access time.
const SHARED_INTEGERS: std::ops::Range<i64> = 0..10_000;
const UNCOUNTED: i64 = i32::MAX as i64;

fn refcount(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let live = &ctx.config().live;
    let shares = live.maxmemory_bytes == 0 || !live.maxmemory_policy.ranks_by_access();
    match ctx.peek(&args.key()?) {
        None => reply.null(),
        Some(entry) => match entry.value() {
            ValueView::String(StringView::Int(value))
                if shares && SHARED_INTEGERS.contains(&value) =>
            {
                reply.int(UNCOUNTED);
            }
            _ => reply.count(entry.reference_count()),
        },
    }
    Ok(())
}

/// A missing key is answered before the policy is looked at, here and in `freq`.
fn idletime(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let Some(access) = ctx.peek(&args.key()?).map(|entry| entry.access()) else {
        reply.null();
        return Ok(());
    };
    if is_lfu(ctx.config().live.maxmemory_policy) {
        return Err(other_policy("is selected, idle time"));
    }
    reply.int(i64::from(access.idle_secs(ctx.now.unix_secs())));
    Ok(())
}

fn freq(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let Some(access) = ctx.peek(&args.key()?).map(|entry| entry.access()) else {
        reply.null();
        return Ok(());
    };
    if !is_lfu(ctx.config().live.maxmemory_policy) {
        return Err(other_policy("is not selected, access frequency"));
    }
    reply.int(i64::from(ctx.local.clock.decayed(access)));
    Ok(())
}

fn other_policy(what: &str) -> CommandError {
    CommandError::err(format_args!(
        "An LFU maxmemory policy {what} not tracked. Please note that when switching between \
         policies at runtime LRU and LFU data will take some time to adjust."
    ))
}
