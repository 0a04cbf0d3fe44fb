//! The keyspace as a whole, and the server: DBSIZE FLUSHDB FLUSHALL SWAPDB TIME
//! LOLWUT SHUTDOWN.
//!
//! FLUSHALL and SWAPDB are one moment for everybody, in the log as well, so all
//! shards are held for it. That moment is short however many keys there are:
//! tables are taken out or exchanged whole, and freed later elsewhere.

use std::ops::ControlFlow;

use resp::Reply;
use store::Table;

use super::{Row, Scope, cmd, scoped};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::CommandError;
use crate::executor::key_of;
use crate::garbage::Garbage;
use crate::host::Shutdown;
use crate::session::Stage;
use crate::shards::Shard;
use crate::version::{OCHRE_VERSION, REDIS_VERSION};
use crate::watch::Presence;

mod wall;

pub(super) static TABLE: &[Row] = &[
    scoped(&spec::server::DBSIZE, Scope::Each, dbsize),
    scoped(&spec::server::FLUSHALL, Scope::All, flushall),
    scoped(&spec::server::FLUSHDB, Scope::All, flushdb),
    cmd(&spec::server::LOLWUT, lolwut),
    scoped(&spec::server::SHUTDOWN, Scope::Each, shutdown),
    scoped(&spec::server::SWAPDB, Scope::All, swapdb),
    cmd(&spec::server::TIME, time),
];

/// Expired keys that are still there count, as in Redis.
fn dbsize(ctx: &mut Ctx, _args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let (database, mut keys) = (ctx.session.database, 0);
    ctx.each_shard(|ctx, index| {
        keys += ctx.held_shard(index).keys.database(database).len();
        ControlFlow::<()>::Continue(())
    });
    reply.count(keys);
    Ok(())
}

fn flushall(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    check_flush_mode(args)?;
    let mut keys = 0;
    for database in 0..ctx.engine.databases() {
        keys += ctx.flush(database);
    }
    if keys > 0 {
        ctx.effect(&[b"FLUSHALL"]);
    }
    reply.ok();
    Ok(())
}

fn flushdb(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    check_flush_mode(args)?;
    if ctx.flush(ctx.session.database) > 0 {
        ctx.effect(&[b"FLUSHDB"]);
    }
    reply.ok();
    Ok(())
}

/// SYNC or ASYNC, when the memory is to be freed: here always later.
fn check_flush_mode(args: &mut Args) -> Result<(), CommandError> {
    if args.left() == 1 && (args.word("SYNC") || args.word("ASYNC")) {
        return Ok(());
    }
    args.end()
}

fn swapdb(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let first = args
        .i32()
        .map_err(|_| CommandError::err("invalid first DB index"))?;
    let second = args
        .i32()
        .map_err(|_| CommandError::err("invalid second DB index"))?;
    let databases = ctx.engine.databases();
    let known = |index: i32| {
        usize::try_from(index)
            .ok()
            .filter(|&index| index < databases)
    };
    let (Some(first), Some(second)) = (known(first), known(second)) else {
        return Err(CommandError::DbIndexOutOfRange);
    };
    if first != second {
        ctx.swap(first, second);
        let (first, second) = (first.to_string(), second.to_string());
        ctx.effect(&[b"SWAPDB", first.as_bytes(), second.as_bytes()]);
    }
    reply.ok();
    Ok(())
}

impl Ctx<'_> {
    /// Empty a database; all shards are held. Returns how many keys it had.
    pub(super) fn flush(&mut self, database: usize) -> usize {
        let (engine, now_ms) = (self.engine, self.now_ms());
        let mut flushed = 0;
        self.changed_all(database);
        for index in 0..engine.shards.len() {
            self.signal_all(database, index);
            let Shard { keys, watches, .. } = self.held_shard(index);
            let table = keys.database(database);
            if table.is_empty() {
                continue;
            }
            flushed += table.len();
            watches.exchange(database, |key| {
                (presence(engine, table, key, now_ms), Presence::Absent)
            });
            if let Some(former) = keys.flush(database) {
                self.discard(Garbage::Table(Box::new(former)));
            }
        }
        flushed
    }

    /// Exchange two databases; all shards are held.
    fn swap(&mut self, a: usize, b: usize) {
        let (engine, now_ms) = (self.engine, self.now_ms());
        self.changed_all(a);
        self.changed_all(b);
        for index in 0..engine.shards.len() {
            self.signal_all(a, index);
            self.signal_all(b, index);
            let Shard { keys, watches, .. } = self.held_shard(index);
            let see = |database, key: &[u8]| presence(engine, keys.database(database), key, now_ms);
            watches.exchange(a, |key| (see(a, key), see(b, key)));
            watches.exchange(b, |key| (see(b, key), see(a, key)));
            keys.swap(a, b);
        }
    }
}

fn presence(engine: &Engine, table: &Table, key: &[u8], now_ms: i64) -> Presence {
    match table.find(&key_of(engine, key)) {
        None => Presence::Absent,
        Some(slot) if table.entry(slot).is_expired(now_ms) => Presence::Expired,
        Some(_) => Presence::Alive,
    }
}

fn time(ctx: &mut Ctx, _args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    reply.array(2);
    reply.bulk_int(ctx.now.unix_us.div_euclid(1_000_000));
    reply.bulk_int(ctx.now.unix_us.rem_euclid(1_000_000));
    Ok(())
}

/// A wall for everybody; `VERSION n` is always the same one.
fn lolwut(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let seed = if args.left() >= 2 && args.word("VERSION") {
        args.i64()? as u64
    } else {
        ctx.random()
    };
    let mut picture = wall::paint(seed);
    picture.push_str(&format!(
        "\nOchre {OCHRE_VERSION}: red earth keeps its colour.\n"
    ));
    picture.push_str(&format!("Redis ver. {REDIS_VERSION}\n"));
    reply.verbatim("txt", picture.as_bytes());
    Ok(())
}

/// Success has no reply: the connection just ends.
fn shutdown(ctx: &mut Ctx, args: &mut Args, _reply: &mut Reply) -> Result<(), CommandError> {
    let (mut save, mut nosave, mut now, mut force, mut abort) = (false, false, false, false, false);
    while !args.is_done() {
        let options = [
            ("SAVE", &mut save),
            ("NOSAVE", &mut nosave),
            ("NOW", &mut now),
            ("FORCE", &mut force),
            ("ABORT", &mut abort),
        ];
        let named = options.into_iter().find(|(word, _)| args.word(word));
        *named.ok_or(CommandError::Syntax)?.1 = true;
    }
    if (save && nosave) || (abort && (save || nosave || now || force)) {
        return Err(CommandError::Syntax);
    }
    if abort {
        // A shutdown waits for nothing, so none can be under way.
        return Err(CommandError::err("No shutdown in progress."));
    }
    let how = Shutdown {
        save: (save || nosave).then_some(save),
        now,
        force,
    };
    ctx.engine.host.shutdown(how).map_err(CommandError::err)?;
    ctx.session.stage = Stage::Closing;
    Ok(())
}
