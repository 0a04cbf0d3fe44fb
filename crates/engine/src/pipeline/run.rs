//! The last two stages: run the handler, and settle what it did.
//!
//! This is the write path of the engine on one screen: call the handler,
//! answer its error if it has one, hand its effects to the log while the
//! shards are still held, count.

use resp::{Argv, Reply};
use spec::Flags;

use crate::args::Args;
use crate::commands::{Command, Scope};
use crate::ctx::{Ctx, Local};
use crate::host::Lsn;
use crate::pipeline::answer_error;

/// So many bytes of effects are handed over at the latest.
const GATHERED_BYTES_MAX: usize = 64 * 1024;

/// Run a command of a client, its shards being held, and settle it.
#[inline]
pub(crate) fn run(
    ctx: &mut Ctx<'_>,
    command: &Command,
    argv: Argv<'_>,
    hashes: &[u64],
    reply: &mut Reply<'_>,
) {
    // Writes that follow each other are handed over together. Whoever only reads
    // must find out whether what it reads is among them.
    let gathers = command.scope == Scope::Keys && command.spec.flags.contains(Flags::WRITE);
    if !gathers {
        ctx.hand_over();
    }
    call(ctx, command, argv, hashes, reply);
    if !ctx.local.effects.is_empty() {
        settle(ctx);
    } else if ctx.local.written.is_kept {
        ctx.local.written.forget_open();
        ctx.local.written.databases.clear();
    }
    if ctx.local.effects.groups() > 0 {
        if !gathers || ctx.local.effects.closed_bytes() > GATHERED_BYTES_MAX {
            hand_over(ctx);
        } else if ctx.local.written.is_kept {
            // What it found may be the work of those before it.
            ctx.session.gate = Lsn::PENDING;
        }
    }
    if !ctx.local.ready.is_empty() {
        crate::pipeline::serve(ctx);
    }
}

/// Run a handler and count it. Its effects stay in the present group.
#[inline]
pub(crate) fn call(
    ctx: &mut Ctx<'_>,
    command: &Command,
    argv: Argv<'_>,
    hashes: &[u64],
    reply: &mut Reply<'_>,
) {
    let local = &mut *ctx.local;
    local.stopwatch.call(command.id, ctx.engine, &local.stats);
    local.stats.commands_processed.add(1);
    ctx.session.commands += 1;
    let mark = reply.mark();
    let mut args = Args::new(argv, command.words, &ctx.engine.hasher, hashes);
    if let Err(error) = (command.handler)(ctx, &mut args, reply) {
        reply.cut(mark);
        ctx.local.stats.failed(command.id.index());
        answer_error(ctx, &error, reply);
    }
    if ctx.local.written.is_kept && command.scope.of(argv) != Scope::Keys {
        // It has looked at more than it names.
        ctx.session.gate = ctx.engine.host.log_end();
    }
}

/// One command, or one transaction, is over: its effects are one group.
#[inline]
pub(crate) fn settle(ctx: &mut Ctx<'_>) {
    let local = &mut *ctx.local;
    local.stats.changes.add(local.effects.changes());
    local.effects.close_group();
    local.written.close_group();
    if local.written.is_kept && local.effects.groups() > 0 {
        ctx.session.gate = Lsn::PENDING;
    }
}

/// The groups that are closed go to the log, while the shards that they touched
/// are held.
pub(crate) fn hand_over(ctx: &mut Ctx<'_>) {
    let local = &mut *ctx.local;
    let lsn = ctx.engine.host.append(&local.effects);
    local.effects.clear();
    local.written.last = lsn;
    if local.written.is_kept {
        mark(ctx, lsn);
    }
}

/// Whoever reads what was changed here waits for the log as the writer does.
fn mark(ctx: &mut Ctx<'_>, lsn: Lsn) {
    let Local { held, written, .. } = &mut *ctx.local;
    for (database, hash) in written.take_keys() {
        let shard = held.shard(ctx.engine.shards.of(hash));
        let table = shard.keys.database_mut(database as usize);
        table.written(hash, lsn.0);
    }
    for database in written.databases.drain(..) {
        for index in 0..ctx.engine.shards.len() {
            let shard = held.shard(index);
            shard
                .keys
                .database_mut(database as usize)
                .all_written(lsn.0);
        }
    }
    if ctx.session.gate == Lsn::PENDING {
        ctx.session.gate = lsn;
    }
}
