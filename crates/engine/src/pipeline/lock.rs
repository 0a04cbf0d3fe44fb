//! Fourth stage: enter the shards that a command works on.
//!
//! One key, one shard: the usual case, and free if the request before was
//! inside the same. Several keys: their shards, ascending. EXEC: the union over
//! its queue and its watched keys, so that the transaction is one moment.

use resp::Argv;

use crate::commands::{Command, KeyShape, Scope};
use crate::ctx::Ctx;
use crate::pipeline::Resolver;

#[inline]
pub(crate) fn enter(ctx: &mut Ctx<'_>, command: &Command, argv: Argv<'_>, hashes: &[u64]) {
    let scope = command.scope.of(argv);
    if ctx.local.effects.groups() > 0 && !stays(ctx, scope, hashes) {
        ctx.hand_over();
    }
    match (scope, hashes) {
        (Scope::Keys, []) => {
            if is_exec(command) {
                enter_transaction(ctx);
            }
        }
        (Scope::Keys, [hash]) => ctx.local.held.one(ctx.engine.shards.of(*hash)),
        #[cfg(feature = "sabotage")]
        (Scope::Keys, [first, ..]) if ctx.engine.skips_locks_of(command) => {
            ctx.local.held.one(ctx.engine.shards.of(*first));
        }
        (Scope::Keys, hashes) => enter_many(ctx, hashes),
        // The handler enters by itself; whatever is held may be in its way.
        (Scope::Each, _) => ctx.local.held.none(),
        (Scope::All | Scope::KeysOrPatterns, _) => ctx.local.held.all(),
    }
}

/// Does this command work inside the one shard that is held?
fn stays(ctx: &Ctx<'_>, scope: Scope, hashes: &[u64]) -> bool {
    let shards = &ctx.engine.shards;
    match (scope, hashes) {
        (Scope::Keys, [hash]) => ctx.local.held.holds_only(shards.of(*hash)),
        (Scope::Keys, [_, ..]) => shards.len() == 1,
        _ => false,
    }
}

fn enter_many(ctx: &mut Ctx<'_>, hashes: &[u64]) {
    let shards = &ctx.engine.shards;
    if shards.len() == 1 {
        return ctx.local.held.one(0);
    }
    let mut wanted = std::mem::take(&mut ctx.local.wanted);
    wanted.clear();
    wanted.extend(hashes.iter().map(|&hash| shards.of(hash) as u32));
    ctx.local.held.many(&mut wanted);
    ctx.local.wanted = wanted;
}

pub(crate) fn is_exec(command: &Command) -> bool {
    std::ptr::eq(command.spec, &spec::transaction::EXEC)
}

/// The shards of everything that the queued commands and the watched keys name.
fn enter_transaction(ctx: &mut Ctx<'_>) {
    let Some(transaction) = &ctx.session.transaction else {
        return;
    };
    let mut resolver = Resolver::default();
    for queued in transaction.queue() {
        let command = ctx.engine.commands.get(queued.command);
        if command.scope.of(queued.argv.as_argv()) != Scope::Keys {
            return ctx.local.held.all();
        }
        if command.keys != KeyShape::None {
            resolver.hash_keys(ctx.engine, command, queued.argv.as_argv());
        }
    }
    let watched = ctx.session.watched.iter().map(|watched| watched.hash);
    resolver.hashes.extend(watched);
    if !resolver.hashes.is_empty() {
        enter_many(ctx, &resolver.hashes);
    }
}
