//! Keys of any type, whatever their value: DEL UNLINK EXISTS TOUCH TYPE RENAME
//! RENAMENX COPY MOVE RANDOMKEY.
//!
//! A value that changes its name or database is not copied: its entry is taken
//! out and put in again. COPY shares a large value until one of the two is
//! written to. DEL and UNLINK are one: large values are freed in the background.

use std::ops::ControlFlow;

use resp::Reply;
use store::{Detached, Key};

use super::{Row, Scope, cmd, scoped};
use crate::args::Args;
use crate::ctx::{Ctx, Local};
use crate::error::CommandError;
use crate::executor::key_of;

pub(super) static TABLE: &[Row] = &[
    cmd(&spec::generic::COPY, copy),
    cmd(&spec::generic::DEL, del),
    cmd(&spec::generic::EXISTS, exists),
    cmd(&spec::generic::MOVE, move_key),
    scoped(&spec::generic::RANDOMKEY, Scope::Each, randomkey),
    cmd(&spec::generic::RENAME, rename),
    cmd(&spec::generic::RENAMENX, renamenx),
    cmd(&spec::generic::TOUCH, touch),
    cmd(&spec::generic::TYPE, type_of),
    cmd(&spec::generic::UNLINK, del),
];

fn del(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let mut deleted = 0;
    while !args.is_done() {
        let key = args.key()?;
        if let Some(slot) = ctx.find(&key) {
            ctx.remove(&key, slot);
            ctx.effect(&[b"DEL", key.bytes]);
            deleted += 1;
        }
    }
    reply.int(deleted);
    Ok(())
}

fn exists(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let mut found = 0;
    while !args.is_done() {
        found += i64::from(ctx.peek(&args.key()?).is_some());
    }
    reply.int(found);
    Ok(())
}

/// Counts as a use even after CLIENT NO-TOUCH: that is what it was called for.
fn touch(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let mut touched = 0;
    while !args.is_done() {
        let key = args.key()?;
        if let Some(slot) = ctx.find_counted(&key) {
            ctx.touch(&key, slot);
            touched += 1;
        }
    }
    reply.int(touched);
    Ok(())
}

fn type_of(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let name = ctx.peek(&args.key()?).map(|entry| entry.kind().name());
    reply.simple(name.unwrap_or("none"));
    Ok(())
}

// ---- names -----------------------------------------------------------------

/// What became of a request for another name.
enum Renamed {
    Done,
    ToItself,
    NameTaken,
}

fn rename(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let (from, to) = (args.key()?, args.key()?);
    ctx.rename(&from, &to, true)?;
    reply.ok();
    Ok(())
}

fn renamenx(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let (from, to) = (args.key()?, args.key()?);
    let renamed = ctx.rename(&from, &to, false)?;
    reply.int(i64::from(matches!(renamed, Renamed::Done)));
    Ok(())
}

fn copy(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let (from, to) = (args.key()?, args.key()?);
    let here = ctx.session.database;
    let (mut there, mut replace) = (here, false);
    while !args.is_done() {
        if args.word("REPLACE") {
            replace = true;
        } else if args.left() >= 2 && args.word("DB") {
            there = database(ctx, args)?;
        } else {
            return Err(CommandError::Syntax);
        }
    }
    if here == there && from.bytes == to.bytes {
        return Err(SAME_OBJECT);
    }
    let copied = ctx.copy(&from, there, &to, replace);
    reply.int(i64::from(copied));
    Ok(())
}

fn move_key(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.key()?;
    let (here, there) = (ctx.session.database, database(ctx, args)?);
    if here == there {
        return Err(SAME_OBJECT);
    }
    let moved = ctx.move_key(&key, there);
    reply.int(i64::from(moved));
    Ok(())
}

const SAME_OBJECT: CommandError = CommandError::Line(std::borrow::Cow::Borrowed(
    "ERR source and destination objects are the same",
));

fn database(ctx: &Ctx, args: &mut Args) -> Result<usize, CommandError> {
    let index = usize::try_from(args.i32()?).ok();
    let index = index.filter(|&index| index < ctx.engine.databases());
    index.ok_or(CommandError::DbIndexOutOfRange)
}

impl Ctx<'_> {
    fn rename(
        &mut self,
        from: &Key<'_>,
        to: &Key<'_>,
        replace: bool,
    ) -> Result<Renamed, CommandError> {
        let database = self.session.database;
        let slot = self.find_to_change(database, from);
        let slot = slot.ok_or(CommandError::NoSuchKey)?;
        if from.bytes == to.bytes {
            return Ok(Renamed::ToItself);
        }
        let deadline_ms = self.entry(from, slot).deadline_ms();
        if let Some(taken) = self.find_to_change(database, to) {
            if !replace {
                return Ok(Renamed::NameTaken);
            }
            self.remove(to, taken);
        }
        let detached = self.detach_again(from);
        self.attach_in(database, to, detached, deadline_ms);
        self.effect(&[b"RENAME", from.bytes, to.bytes]);
        Ok(Renamed::Done)
    }

    fn move_key(&mut self, key: &Key<'_>, there: usize) -> bool {
        let here = self.session.database;
        let Some(slot) = self.find_to_change(here, key) else {
            return false;
        };
        let deadline_ms = self.entry(key, slot).deadline_ms();
        if self.find_to_change(there, key).is_some() {
            return false;
        }
        let detached = self.detach_again(key);
        self.attach_in(there, key, detached, deadline_ms);
        self.effect(&[b"MOVE", key.bytes, there.to_string().as_bytes()]);
        true
    }

    /// Take out a key that was found before, but whose slot may have changed.
    fn detach_again(&mut self, key: &Key<'_>) -> Detached {
        let slot = self.find(key).expect("it was there, and time stands still");
        self.detach_in(self.session.database, key, slot)
    }

    fn copy(&mut self, from: &Key<'_>, there: usize, to: &Key<'_>, replace: bool) -> bool {
        if self.read(from).is_none() {
            return false;
        }
        let taken = self.find_to_change(there, to);
        if taken.is_some() && !replace {
            return false;
        }
        let fresh = self.local.clock.fresh();
        let slot = self
            .find(from)
            .expect("it was there, and time stands still");
        let source = self.entry(from, slot);
        let deadline_ms = source.deadline_ms();
        let copy = Detached::copy_of(source, to.bytes, deadline_ms, fresh);
        if let Some(slot) = taken {
            self.remove_in(there, to, slot);
        }
        self.attach_in(there, to, copy, deadline_ms);
        let there = there.to_string();
        let effect: [&[u8]; 6] = [
            b"COPY",
            from.bytes,
            to.bytes,
            b"DB",
            there.as_bytes(),
            b"REPLACE",
        ];
        self.effect(&effect);
        true
    }
}

// ---- RANDOMKEY -------------------------------------------------------------

/// Draws that may hit an expired key.
const DRAWS_MAX: usize = 100;
/// After as many bad draws hardly a key is alive, and one is looked for in
/// order, among so many.
const SEARCHED_MAX: usize = 10_000;

/// What a draw brought.
enum Drawn {
    /// It is answered.
    Alive,
    /// It is removed.
    Expired,
    /// There are no keys.
    Nothing,
}

fn randomkey(ctx: &mut Ctx, _args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    for _ in 0..DRAWS_MAX {
        match ctx.draw_key(reply) {
            Drawn::Alive => return Ok(()),
            Drawn::Expired => {}
            Drawn::Nothing => {
                reply.null();
                return Ok(());
            }
        }
    }
    match ctx.search_living_key() {
        Some(key) => reply.bulk(&key),
        None => reply.null(),
    }
    Ok(())
}

impl Ctx<'_> {
    fn draw_key(&mut self, reply: &mut Reply) -> Drawn {
        let (database, now_ms) = (self.session.database, self.now_ms());
        let Some(index) = self.draw_shard(database) else {
            return Drawn::Nothing;
        };
        self.enter_shard(index);
        let Local { held, rng, .. } = &mut *self.local;
        let table = held.shard(index).keys.database(database);
        let Some(slot) = table.random(&mut || rng.next_u64()) else {
            return Drawn::Expired; // emptied since it was drawn
        };
        let entry = table.entry(slot);
        if !entry.is_expired(now_ms) {
            reply.bulk(entry.key());
            return Drawn::Alive;
        }
        let key: Box<[u8]> = entry.key().into();
        self.find(&key_of(self.engine, &key));
        Drawn::Expired
    }

    /// A shard at random, with the chance of its share of the keys. `None` if
    /// there are no keys.
    fn draw_shard(&mut self, database: usize) -> Option<usize> {
        let (mut drawn, mut total) = (None, 0);
        self.each_shard(|ctx, index| {
            let keys = ctx.held_shard(index).keys.database(database).len() as u64;
            total += keys;
            if keys > 0 && ctx.local.rng.below(total) < keys {
                drawn = Some(index);
            }
            ControlFlow::<()>::Continue(())
        });
        drawn
    }

    /// The first living key behind a place at random.
    fn search_living_key(&mut self) -> Option<Vec<u8>> {
        let (database, now_ms) = (self.session.database, self.now_ms());
        let mut cursor = self.random() >> (64 - store::Table::CURSOR_BITS);
        let (mut found, mut searched, mut wrapped) = (None, 0, false);
        while found.is_none() && searched < SEARCHED_MAX {
            let next = self.walk(database, cursor, 100, &mut |entry| {
                searched += 1;
                if found.is_none() && !entry.is_expired(now_ms) {
                    found = Some(entry.key().to_vec());
                }
            });
            cursor = match next {
                Some(next) => next,
                None if wrapped => break,
                None => 0,
            };
            wrapped |= next.is_none();
        }
        found
    }
}
