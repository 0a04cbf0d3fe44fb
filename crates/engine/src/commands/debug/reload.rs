//! DEBUG RELOAD and LOADAOF: does what is kept on disk bring the same back?
//!
//! ```text
//!   all shards held ─► host: write, read back ─► keys, all of them, or an error
//!   (NOFLUSH: not)     every database emptied
//!                      key after key put in, large values shared
//! ```
//!
//! Until everything was read nothing has changed here, so a file that is damaged does no harm.
//! What was saved a moment ago, and what the log has, is what there is: putting it back is no
//! change, and nothing is told. A key whose time is over comes back too, and its end is told when
//! somebody meets it, as ever.
//!
//! Another snapshot (NOSAVE, NOFLUSH, MERGE) changes what there is. The log is told: FLUSHALL, and
//! a RESTORE for each key. In Redis it is not, and a restart undoes the reload.
//!
//! Who watches a key of a database that is emptied finds it changed, as in Redis.

use std::borrow::Cow;

use resp::Reply;
use store::{Counts, Detached, Entry, Key};

use super::super::dump::codec_of;
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;
use crate::executor::key_of;
use crate::host::{Fresh, Kept, Keys};

pub(super) fn reload(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let how = How::read(args)?;
    let codec_is_there = codec_of(ctx.engine).map(|_| ());
    if !hold_all(ctx)? {
        return Ok(());
    }
    let (engine, config) = (ctx.engine, ctx.local.config.clone());
    let read = match how.saves {
        true => {
            let (counts, changes) = (counts(ctx), engine.changes());
            let keys = &mut Served(ctx);
            let fresh = Fresh {
                keys,
                counts,
                changes,
            };
            engine.host.read_back(Kept::Fresh(fresh), &config)
        }
        false => engine.host.read_back(Kept::Snapshot, &config),
    };
    let mut read = read.map_err(line)?;
    if how.is_plain() {
        ctx.put_back(&mut *read);
    } else {
        codec_is_there?;
        if !how.flushes && !how.merges {
            refuse_doubles(ctx, &mut *read)?;
        }
        ctx.put_anew(&mut *read, how);
    }
    engine.host.log(false, "DB reloaded by DEBUG RELOAD");
    reply.ok();
    Ok(())
}

pub(super) fn loadaof(
    ctx: &mut Ctx,
    _args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    if !hold_all(ctx)? {
        return Ok(());
    }
    let (engine, config) = (ctx.engine, ctx.local.config.clone());
    let read = engine.host.read_back(Kept::Log, &config);
    ctx.put_back(&mut *read.map_err(line)?);
    engine
        .host
        .log(false, "Append Only File loaded by DEBUG LOADAOF");
    reply.ok();
    Ok(())
}

#[derive(Clone, Copy)]
struct How {
    saves: bool,
    flushes: bool,
    merges: bool,
}

impl How {
    fn read(args: &mut Args) -> Result<How, CommandError> {
        let mut how = How {
            saves: true,
            flushes: true,
            merges: false,
        };
        while !args.is_done() {
            if args.word("MERGE") {
                how.merges = true;
            } else if args.word("NOFLUSH") {
                how.flushes = false;
            } else if args.word("NOSAVE") {
                how.saves = false;
            } else {
                return Err(CommandError::err(
                    "DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
                ));
            }
        }
        Ok(how)
    }

    /// What comes back is what was there.
    fn is_plain(self) -> bool {
        self.saves && self.flushes
    }
}

/// Be inside all shards, with everything that was done here in the log. While a snapshot or a
/// rewrite has the files, the request waits instead, as that of SAVE does, and this says no.
fn hold_all(ctx: &mut Ctx) -> Result<bool, CommandError> {
    if ctx.local.in_transaction {
        // Its effects are not in the log before its end.
        return Err(CommandError::err("not allowed in a transaction"));
    }
    if ctx.engine.is_loading() {
        // What a start reads would be mixed with it.
        return Err(CommandError::err(
            "not allowed while the data set is being read",
        ));
    }
    let facts = ctx.persistence();
    if facts.snapshot_running_secs.is_some() || facts.rewrite_running_secs.is_some() {
        ctx.park();
        return Ok(false);
    }
    ctx.enter_all();
    ctx.settle_so_far();
    ctx.hand_over();
    Ok(true)
}

fn line(error: String) -> CommandError {
    CommandError::Line(Cow::Owned(error))
}

/// Without MERGE a key can come from one side only. Redis ends itself when it meets another.
fn refuse_doubles(ctx: &mut Ctx, read: &mut dyn Keys) -> Result<(), CommandError> {
    let (now_ms, mut doubles) = (ctx.now_ms(), 0);
    read.walk(&mut |database, entry| {
        let key = key_of(ctx.engine, entry.key());
        let table = ctx.table_held(database, key.hash);
        let found = table.find(&key);
        let is_served = found.is_some_and(|slot| !table.entry(slot).is_expired(now_ms));
        doubles += usize::from(is_served);
    });
    if doubles > 0 {
        return Err(CommandError::err(
            "Error trying to load the RDB dump: it has a key that is there already, and MERGE was \
             not said",
        ));
    }
    Ok(())
}

/// By database, in shards that are held.
fn counts(ctx: &mut Ctx) -> Vec<Counts> {
    let mut counts = vec![Counts::default(); ctx.engine.databases()];
    for index in 0..ctx.engine.shards.len() {
        for (database, counts) in counts.iter_mut().enumerate() {
            *counts += ctx.held_shard(index).keys.counts(database);
        }
    }
    counts
}

/// All keys of ours, in shards that are held.
struct Served<'a, 'b>(&'a mut Ctx<'b>);

impl Keys for Served<'_, '_> {
    fn walk(&mut self, visit: &mut dyn FnMut(usize, Entry<'_>)) {
        for database in 0..self.0.engine.databases() {
            for index in 0..self.0.engine.shards.len() {
                let table = self.0.held_shard(index).keys.database(database);
                table.for_each(&mut |entry| visit(database, entry));
            }
        }
    }
}

impl Ctx<'_> {
    /// Keys that are to be what they were.
    fn put_back(&mut self, read: &mut dyn Keys) {
        (0..self.engine.databases()).for_each(|database| {
            self.flush(database);
        });
        let (access, now_ms) = (self.local.clock.fresh(), self.now_ms());
        read.walk(&mut |database, entry| {
            let (key, deadline_ms) = (key_of(self.engine, entry.key()), entry.deadline_ms());
            let copy = Detached::copy_of(entry, key.bytes, deadline_ms, access);
            let table = self.table_held(database, key.hash);
            table.insert_detached(&key, copy, deadline_ms, now_ms);
        });
    }

    /// Keys that are news to everybody.
    fn put_anew(&mut self, read: &mut dyn Keys, how: How) {
        if how.flushes {
            let databases = 0..self.engine.databases();
            let keys: usize = databases.map(|database| self.flush(database)).sum();
            if keys > 0 {
                self.effect(&[b"FLUSHALL"]);
            }
        }
        read.walk(&mut |database, entry| self.put_one_anew(database, entry));
    }

    fn put_one_anew(&mut self, database: usize, entry: Entry<'_>) {
        if entry.is_expired(self.now_ms()) {
            return;
        }
        let (access, deadline_ms) = (self.local.clock.fresh(), entry.deadline_ms());
        let key = key_of(self.engine, entry.key());
        if let Some(slot) = self.find_in(database, &key) {
            self.remove_in(database, &key, slot);
        }
        let copy = Detached::copy_of(entry, key.bytes, deadline_ms, access);
        self.attach_in(database, &key, copy, deadline_ms);
        self.tell_of(database, &key, &entry);
        self.settle_so_far();
        self.hand_over();
    }

    fn tell_of(&mut self, database: usize, key: &Key<'_>, entry: &Entry<'_>) {
        if !self.effects_wanted() {
            return self.effect_in(database, &[]);
        }
        let version = self.config().live.rdb_version.number();
        let codec = codec_of(self.engine).expect("asked before anything was changed");
        let payload = codec.dump(entry, version);
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(entry.deadline_ms().unwrap_or(0)).as_bytes();
        let words = [
            b"RESTORE", key.bytes, digits, &payload, b"REPLACE", b"ABSTTL",
        ];
        self.effect_in(database, &words);
    }

    fn table_held(&mut self, database: usize, hash: u64) -> &mut store::Table {
        let index = self.engine.shards.of(hash);
        self.held_shard(index).keys.database_mut(database)
    }
}
