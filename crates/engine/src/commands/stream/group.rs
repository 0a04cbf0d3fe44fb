//! XGROUP: groups and their consumers.

use resp::Reply;
use store::{Key, Progress, Slot};
use structs::stream::{Group, Stream};

use super::delivery;
use super::id::{self, IdText};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn create(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let (name, position) = (args.bytes()?, args.bytes()?);
    let options = Options::read(args, "CREATE")?;
    let slot = ctx.stream_slot(&key)?;
    if slot.is_none() && !options.may_create {
        return Err(no_stream());
    }
    let marks = slot.map(|slot| ctx.stream_at(&key, slot).marks());
    let marks = marks.unwrap_or_default();
    let last_id = match position {
        b"$" => marks.last_id,
        text => id::strict(text, 0)?,
    };
    if slot.is_some_and(|slot| ctx.stream_at(&key, slot).group(name).is_some()) {
        return Err(CommandError::Line(
            "BUSYGROUP Consumer Group name already exists".into(),
        ));
    }
    let read = options
        .entries_read
        .map(|read| read.min(marks.entries_added));
    ctx.change_stream(&key, slot, |stream| {
        stream.add_group(Group::new(name, last_id, read));
    });
    let mut digits = itoa::Buffer::new();
    let id = IdText::of(last_id);
    let mut words = vec![b"XGROUP", &b"CREATE"[..], key.bytes, name, id.bytes()];
    if slot.is_none() {
        words.push(b"MKSTREAM");
    }
    if let Some(read) = read {
        words.extend([b"ENTRIESREAD", digits.format(read).as_bytes()]);
    }
    ctx.effect(&words);
    reply.ok();
    Ok(())
}

pub(super) fn setid(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.key()?;
    let (name, position) = (args.bytes()?, args.bytes()?);
    let options = Options::read(args, "SETID")?;
    let slot = slot_of_group(ctx, &key, name)?;
    let marks = ctx.stream_at(&key, slot).marks();
    let last_id = match position {
        b"$" => marks.last_id,
        text => id::any(text, 0)?,
    };
    let read = options
        .entries_read
        .map(|read| read.min(marks.entries_added));
    let progress = Progress {
        last_id,
        entries_read: read,
    };
    ctx.change_group(&key, slot, name, |group| group.set_position(last_id, read));
    delivery::position(ctx, &key, name, progress);
    reply.ok();
    Ok(())
}

pub(super) fn destroy(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let name = args.bytes()?;
    let slot = ctx.stream_slot(&key)?.ok_or_else(no_stream)?;
    let is_there = ctx.stream_at(&key, slot).group(name).is_some();
    if is_there {
        ctx.change_stream(&key, Some(slot), |stream| {
            stream.remove_group(name);
        });
        ctx.effect(&[b"XGROUP", b"DESTROY", key.bytes, name]);
    }
    reply.int(i64::from(is_there));
    Ok(())
}

pub(super) fn createconsumer(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let (group, consumer) = (args.bytes()?, args.bytes()?);
    let slot = slot_of_group(ctx, &key, group)?;
    let is_known = with_group(ctx.stream_at(&key, slot), group).find_consumer(consumer);
    if is_known.is_none() {
        let now_ms = ctx.now_ms();
        ctx.change_group(&key, slot, group, |group| {
            group.add_consumer(consumer, now_ms);
        });
        let told = delivery::Told {
            key: &key,
            group,
            consumer,
        };
        told.created(ctx);
    }
    reply.int(i64::from(is_known.is_none()));
    Ok(())
}

pub(super) fn delconsumer(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let (group, consumer) = (args.bytes()?, args.bytes()?);
    let slot = slot_of_group(ctx, &key, group)?;
    let Some(index) = with_group(ctx.stream_at(&key, slot), group).find_consumer(consumer) else {
        reply.int(0);
        return Ok(());
    };
    let pending = ctx.change_group(&key, slot, group, |group| group.remove_consumer(index));
    ctx.effect(&[b"XGROUP", b"DELCONSUMER", key.bytes, group, consumer]);
    reply.count(pending);
    Ok(())
}

/// What may follow the id.
struct Options {
    may_create: bool,
    entries_read: Option<u64>,
}

impl Options {
    fn read(args: &mut Args, subcommand: &'static str) -> Result<Options, CommandError> {
        let mut options = Options {
            may_create: false,
            entries_read: None,
        };
        while !args.is_done() {
            if subcommand == "CREATE" && args.word("MKSTREAM") {
                options.may_create = true;
            } else if args.left() >= 2 && args.word("ENTRIESREAD") {
                options.entries_read = match args.i64()? {
                    -1 => None,
                    count => Some(u64::try_from(count).map_err(|_| {
                        CommandError::err("value for ENTRIESREAD must be positive or -1")
                    })?),
                };
            } else {
                let own = String::from_utf8_lossy(args.argv().get(1)).into_owned();
                return Err(super::bad_subcommand(&own, "XGROUP"));
            }
        }
        Ok(options)
    }
}

fn slot_of_group(ctx: &mut Ctx, key: &Key<'_>, name: &[u8]) -> Result<Slot, CommandError> {
    let slot = ctx.stream_slot(key)?.ok_or_else(no_stream)?;
    match ctx.stream_at(key, slot).group(name) {
        Some(_) => Ok(slot),
        None => Err(super::no_group_of(key, name)),
    }
}

fn with_group<'s>(stream: &'s Stream, name: &[u8]) -> &'s Group {
    stream.group(name).expect("looked up before")
}

fn no_stream() -> CommandError {
    CommandError::err(
        "The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use \
         the MKSTREAM option to create an empty stream automatically.",
    )
}
