//! MULTI, EXEC, DISCARD, WATCH, UNWATCH.
//!
//! EXEC runs with the shards of all its commands and watched keys held, which
//! the lock stage saw to. So its check of the watched keys and its commands are
//! one moment, and their effects one group.

use std::sync::atomic::Ordering;

use resp::Reply;

use super::{Row, Scope, cmd, scoped};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;
use crate::executor::key_of;
use crate::transaction::Transaction;
use crate::watch::WatchedKey;

pub(super) static TABLE: &[Row] = &[
    scoped(&spec::transaction::DISCARD, Scope::Each, discard),
    cmd(&spec::transaction::EXEC, exec),
    cmd(&spec::transaction::MULTI, multi),
    scoped(&spec::transaction::UNWATCH, Scope::Each, unwatch),
    cmd(&spec::transaction::WATCH, watch),
];

fn multi(ctx: &mut Ctx, _args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    if ctx.session.transaction.is_some() {
        return Err(CommandError::err("MULTI calls can not be nested"));
    }
    ctx.session.transaction = Some(Box::default());
    reply.ok();
    Ok(())
}

fn discard(ctx: &mut Ctx, _args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    if ctx.session.transaction.take().is_none() {
        return Err(CommandError::err("DISCARD without MULTI"));
    }
    ctx.forget_watched();
    reply.ok();
    Ok(())
}

fn exec(ctx: &mut Ctx, _args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let Some(transaction) = ctx.session.transaction.take() else {
        return Err(CommandError::err("EXEC without MULTI"));
    };
    let broken = ctx.session.is_touched() || ctx.watched_expired();
    #[cfg(feature = "sabotage")]
    let broken = broken && !ctx.engine.is_sabotaged(crate::Sabotage::UncheckedWatch);
    ctx.forget_watched();
    let transaction: Transaction = *transaction;
    if transaction.spoiled {
        return Err(CommandError::ExecAborted);
    }
    if broken {
        reply.null_array();
        return Ok(());
    }
    reply.array(transaction.len());
    ctx.session.executing = transaction.len() as u32;
    for queued in transaction.into_queue() {
        #[cfg(feature = "sabotage")]
        ctx.release_early();
        ctx.call(queued.command, queued.argv.as_argv(), reply);
    }
    ctx.session.executing = 0;
    Ok(())
}

fn watch(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    if ctx.session.transaction.is_some() {
        return Err(CommandError::err("WATCH inside MULTI is not allowed"));
    }
    while !args.is_done() {
        let key = args.key()?;
        ctx.watch(&key);
    }
    reply.ok();
    Ok(())
}

fn unwatch(ctx: &mut Ctx, _args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    ctx.forget_watched();
    reply.ok();
    Ok(())
}

impl Ctx<'_> {
    fn watch(&mut self, key: &store::Key<'_>) {
        let database = self.session.database as u32;
        // A touched session will fail anyway; more marks change nothing.
        if self.session.is_touched() {
            return;
        }
        let now_ms = self.now_ms();
        let index = self.engine.shards.of(key.hash);
        let shard = self.held_shard(index);
        let table = shard.keys.database(database as usize);
        let watched = WatchedKey {
            database,
            key: key.bytes.into(),
            hash: key.hash,
        };
        let was_expired = table
            .find(key)
            .is_some_and(|slot| table.entry(slot).is_expired(now_ms));
        let touched = self.session.touched.clone();
        let watches = &mut self.held_shard(index).watches;
        if watches.add(&watched, &touched, was_expired) {
            self.session.watched.push(watched);
        }
    }

    /// Has a watched key passed its deadline, though nobody removed it yet?
    fn watched_expired(&mut self) -> bool {
        let watched = std::mem::take(&mut self.session.watched);
        let touched = self.session.touched.clone();
        let now_ms = self.now_ms();
        let expired = watched.iter().any(|watched| {
            let key = key_of(self.engine, &watched.key);
            let index = self.engine.shards.of(watched.hash);
            let shard = self.held_shard(index);
            let table = shard.keys.database(watched.database as usize);
            let gone = |slot| table.entry(slot).is_expired(now_ms);
            table.find(&key).is_some_and(gone) && !shard.watches.was_expired(watched, &touched)
        });
        self.session.watched = watched;
        expired
    }

    /// Stop watching. The shards of the watched keys are entered one by one
    /// unless they are held, as in EXEC.
    pub(crate) fn forget_watched(&mut self) {
        for watched in std::mem::take(&mut self.session.watched) {
            let index = self.engine.shards.of(watched.hash);
            self.enter_shard_unless_held(index);
            let touched = self.session.touched.clone();
            self.held_shard(index).watches.remove(&watched, &touched);
        }
        self.session.touched.store(false, Ordering::Relaxed);
    }
}
