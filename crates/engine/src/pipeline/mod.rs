//! The way of a request through the engine, one stage per file.
//!
//! ```text
//!   resolve   name → command, keys → hashes       for a whole window of requests
//!   prefetch  bucket lines, then entries           for a whole window of requests
//!   gate      may this run, here and now?          or be queued, or wait
//!   lock      the shards that its keys name
//!   run       the handler
//!   settle    effects, counters, the reply's fate
//! ```
//!
//! [`step`] takes one request through the last four.

mod gate;
mod lock;
mod prefetch;
mod resolve;
mod run;
mod serve;
mod stopwatch;

pub(crate) use gate::{SHOWN_BYTES_MAX, Verdict, judge, shown};
pub(crate) use lock::enter;
pub(crate) use prefetch::Prefetch;
pub(crate) use resolve::{Resolved, Resolver};
pub(crate) use run::{call, hand_over, run, settle};
pub(crate) use serve::{answer_outcome, serve};
pub(crate) use stopwatch::Stopwatch;

use resp::{Argv, Outbox, Reply};

use crate::ctx::Ctx;
use crate::error::CommandError;
use crate::session::{ReplyMode, Stage};
use crate::transaction::Transaction;

/// Take one resolved request through gate, lock, run and settle. `hashes` are
/// those of its keys. A client that has to wait is left `Parked`, its request
/// not counted as executed.
#[inline]
pub(crate) fn step(
    ctx: &mut Ctx<'_>,
    outbox: &mut Outbox,
    resolved: Resolved,
    argv: Argv<'_>,
    hashes: &[u64],
) {
    let mut reply = Reply::new(outbox, ctx.session.protocol);
    let mark = reply.mark();
    ctx.session.last_command = resolved.command();
    ctx.local.pause = ctx.engine.pause.mode_at(ctx.now_ms());
    let verdict = judge(ctx, resolved, argv);
    if verdict == Ok(Verdict::Wait) {
        ctx.session.stage = Stage::Parked;
        return;
    }
    if ctx.engine.images_are_full()
        && let Ok(Verdict::Run(command)) = verdict
        && gate::waits_for_walk(ctx, command, argv, hashes)
    {
        ctx.session.stage = Stage::Parked;
        return;
    }
    ctx.session.executed += 1;
    if ctx.session.reply_mode == ReplyMode::SkipNext {
        ctx.session.reply_mode = ReplyMode::Skipping;
    }
    match verdict {
        Ok(Verdict::Run(command)) => {
            enter(ctx, command, argv, hashes);
            run(ctx, command, argv, hashes, &mut reply);
        }
        Ok(Verdict::Queue(command)) => queue(ctx, command.id, argv, &mut reply),
        Ok(Verdict::Close) => ctx.session.stage = Stage::Closed,
        Ok(Verdict::Wait) => unreachable!("returned above"),
        Err(error) => refuse(ctx, resolved, &error, &mut reply),
    }
    match ctx.session.reply_mode {
        ReplyMode::On | ReplyMode::SkipNext => {}
        ReplyMode::Off => reply.cut(mark),
        ReplyMode::Skipping => {
            reply.cut(mark);
            ctx.session.reply_mode = match ctx.session.stage {
                // It is yet to come.
                Stage::Parked => ReplyMode::SkipNext,
                _ => ReplyMode::On,
            };
        }
    }
}

/// A queue may not grow without end, whatever `client-query-buffer-limit` says.
const QUEUE_BYTES_MAX: usize = 128 * 1024 * 1024;

fn queue(
    ctx: &mut Ctx<'_>,
    command: crate::commands::CommandId,
    argv: Argv<'_>,
    reply: &mut Reply<'_>,
) {
    let limit = ctx.config().live.client_query_buffer_limit_bytes as usize;
    let transaction: &mut Transaction = ctx
        .session
        .transaction
        .as_mut()
        .expect("only a transaction queues");
    // A spoiled queue will never run: what follows need not be kept.
    if !transaction.spoiled {
        transaction.push(command, argv);
    }
    if transaction.bytes() > limit.min(QUEUE_BYTES_MAX) {
        ctx.local.stats.query_buffer_limit_disconnections.add(1);
        ctx.engine
            .host
            .log(true, "A client queued too much after MULTI and was closed");
        ctx.session.stage = Stage::Closed;
        return;
    }
    reply.simple("QUEUED");
}

/// A request that the gate refused. Inside MULTI that spoils the transaction;
/// a refused EXEC ends it, if there is one.
fn refuse(ctx: &mut Ctx<'_>, resolved: Resolved, error: &CommandError, reply: &mut Reply<'_>) {
    let command = resolved.command().map(|id| ctx.engine.commands.get(id));
    if command.is_some_and(lock::is_exec) {
        ctx.session.transaction = None;
        ctx.forget_watched();
        let line = error.to_string();
        let why = line.strip_prefix("ERR ").unwrap_or(&line);
        let line = format!("EXECABORT Transaction discarded because of: {why}");
        return answer_error(ctx, &CommandError::Line(line.into()), reply);
    }
    if let Some(transaction) = &mut ctx.session.transaction {
        transaction.spoiled = true;
    }
    if let Some(command) = resolved.command() {
        ctx.local.stats.rejected(command.index());
    }
    answer_error(ctx, error, reply);
}

/// Send an error line and count it.
pub(crate) fn answer_error(ctx: &mut Ctx<'_>, error: &CommandError, reply: &mut Reply<'_>) {
    ctx.local.stats.error_replies.add(1);
    ctx.engine.stats.error(&error.code());
    reply.error_bytes(&error.line());
}
