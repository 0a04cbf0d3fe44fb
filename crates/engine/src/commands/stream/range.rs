//! XLEN, XRANGE, XREVRANGE.

use resp::Reply;
use structs::stream::{Entry, Stream, StreamId};

use super::id::{self, IdText};
use crate::args::Args;
use crate::commands::answer_item;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn xlen(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let stream = ctx.stream(&args.key()?)?;
    reply.count(stream.map_or(0, |stream| stream.len() as usize));
    Ok(())
}

pub(super) fn xrange(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let (start, end) = (args.bytes()?, args.bytes()?);
    let (start, end) = (id::range_start(start)?, id::range_end(end)?);
    let count = count(args)?;
    match ctx.stream(&key)? {
        None => reply.array(0),
        Some(_) if count == 0 => reply.null_array(),
        Some(stream) => {
            answer_entries(between(stream, start, end).take(count), reply);
        }
    }
    Ok(())
}

pub(super) fn xrevrange(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let (end, start) = (args.bytes()?, args.bytes()?);
    let (start, end) = (id::range_start(start)?, id::range_end(end)?);
    let count = count(args)?;
    match ctx.stream(&key)? {
        None => reply.array(0),
        Some(_) if count == 0 => reply.null_array(),
        Some(stream) => {
            let entries = stream.iter_back_from(end);
            let entries = entries.take_while(|entry| entry.id >= start);
            answer_entries(entries.take(count), reply);
        }
    }
    Ok(())
}

/// COUNT, which may come several times; less than zero is nothing.
fn count(args: &mut Args) -> Result<usize, CommandError> {
    let mut count = usize::MAX;
    while !args.is_done() {
        if args.left() < 2 || !args.word("COUNT") {
            return Err(CommandError::Syntax);
        }
        count = args.i64()?.max(0) as usize;
    }
    Ok(count)
}

/// The entries from one id to another.
pub(super) fn between(
    stream: &Stream,
    start: StreamId,
    end: StreamId,
) -> impl Iterator<Item = Entry<'_>> {
    let entries = stream.iter_from(start);
    entries.take_while(move |entry| entry.id <= end)
}

/// An array of entries; how many they were.
pub(super) fn answer_entries<'a>(
    entries: impl Iterator<Item = Entry<'a>>,
    reply: &mut Reply,
) -> usize {
    let mark = reply.mark();
    let mut answered = 0;
    for entry in entries {
        answer_entry(entry, reply);
        answered += 1;
        if reply.has_overflowed() {
            break;
        }
    }
    reply.array_since(mark, answered);
    answered
}

#[inline]
pub(super) fn answer_entry(entry: Entry<'_>, reply: &mut Reply) {
    reply.array(2);
    answer_id(entry.id, reply);
    reply.array(2 * entry.fields.len());
    for (field, value) in entry.fields {
        answer_item(field, reply);
        answer_item(value, reply);
    }
}

#[inline]
pub(super) fn answer_id(id: StreamId, reply: &mut Reply) {
    reply.bulk(IdText::of(id).bytes());
}
