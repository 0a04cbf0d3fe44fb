//! XLEN, XRANGE, XREVRANGE.

use resp::Reply;
use store::{Key, Large};
use structs::stream::{Entry, Stream, StreamId};

use super::id::{self, IdText};
use crate::args::Args;
use crate::commands::answer_item;
use crate::ctx::{Ctx, LONG_BYTES, Walk};
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
        Some(stream) if is_whole(stream, start, end, count) => {
            answer_whole(ctx, &key, Side::Front, reply);
        }
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
        Some(stream) if is_whole(stream, start, end, count) => {
            answer_whole(ctx, &key, Side::Back, reply);
        }
        Some(stream) => {
            let entries = stream.iter_back_from(end);
            let entries = entries.take_while(|entry| entry.id >= start);
            answer_entries(entries.take(count), reply);
        }
    }
    Ok(())
}

/// Are these all entries of a long stream? Then their number is known beforehand.
fn is_whole(stream: &Stream, start: StreamId, end: StreamId, count: usize) -> bool {
    if stream.memory_bytes() < LONG_BYTES {
        return false;
    }
    let first = stream.iter_from(StreamId::MIN).next();
    let last = stream.iter_back_from(StreamId::MAX).next();
    let within = |entry: &Option<Entry<'_>>| {
        entry
            .as_ref()
            .is_some_and(|entry| (start..=end).contains(&entry.id))
    };
    count as u64 >= stream.len() && within(&first) && within(&last)
}

/// Where a walk begins.
enum Side {
    Front,
    Back,
}

fn answer_whole(ctx: &mut Ctx, key: &Key<'_>, side: Side, reply: &mut Reply) {
    let stream = ctx.stream_to_peek(key);
    let len = stream
        .ok()
        .flatten()
        .map_or(0, |stream| stream.len() as usize);
    reply.array(len);
    let walk = AllEntries {
        side,
        answered: None,
        left: len,
    };
    ctx.answer_walk(key, len, walk, reply);
}

/// All entries of a stream but for those that were answered.
struct AllEntries {
    side: Side,
    /// The last that was answered.
    answered: Option<StreamId>,
    left: usize,
}

impl AllEntries {
    fn answer_some<'a>(&mut self, entries: impl Iterator<Item = Entry<'a>>, reply: &mut Reply) {
        // A walk goes on with the entry where it stopped.
        let passed = usize::from(self.answered.is_some());
        for entry in entries.skip(passed).take(self.left) {
            self.answered = Some(entry.id);
            self.left -= 1;
            answer_entry(entry, reply);
            if reply.is_slice() {
                break;
            }
        }
    }
}

impl Walk for AllEntries {
    fn answer(&mut self, large: &Large, reply: &mut Reply<'_>) -> bool {
        let Large::Stream(stream) = large else {
            unreachable!("the walk began in a stream")
        };
        match self.side {
            Side::Front => {
                let from = self.answered.unwrap_or(StreamId::MIN);
                self.answer_some(stream.iter_from(from), reply);
            }
            Side::Back => {
                let from = self.answered.unwrap_or(StreamId::MAX);
                self.answer_some(stream.iter_back_from(from), reply);
            }
        }
        self.left > 0
    }
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
