//! XINFO: a stream, its groups, their consumers. XSETID, which sets what XINFO tells.

use resp::Reply;
use store::Progress;
use structs::stream::{Group, Stream, StreamId};

use super::id;
use super::range::{answer_entries, answer_entry, answer_id};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn stream(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let stream = ctx.stream(&key)?.ok_or(CommandError::NoSuchKey)?;
    if args.is_done() {
        brief(stream, reply);
        return Ok(());
    }
    let own = String::from_utf8_lossy(args.argv().get(1));
    let wrong = super::bad_subcommand(&own, "XINFO");
    if !matches!(args.left(), 1 | 3) || !args.word("FULL") {
        return Err(wrong);
    }
    let mut count = FULL_COUNT;
    if !args.is_done() {
        if !args.word("COUNT") {
            return Err(wrong);
        }
        count = match args.i64()? {
            0 => usize::MAX,
            number => usize::try_from(number).unwrap_or(FULL_COUNT),
        };
    }
    full(stream, count, reply);
    Ok(())
}

/// So much of everything unless COUNT says more.
const FULL_COUNT: usize = 10;

fn brief(stream: &Stream, reply: &mut Reply) {
    reply.map(10);
    marks(stream, reply);
    reply.bulk(b"groups");
    reply.count(stream.groups().len());
    reply.bulk(b"first-entry");
    match stream.iter_from(StreamId::MIN).next() {
        Some(entry) => answer_entry(entry, reply),
        None => reply.null(),
    }
    reply.bulk(b"last-entry");
    match stream.last() {
        Some(entry) => answer_entry(entry, reply),
        None => reply.null(),
    }
}

fn marks(stream: &Stream, reply: &mut Reply) {
    let marks = stream.marks();
    reply.bulk(b"length");
    reply.int(marks.len as i64);
    reply.bulk(b"radix-tree-keys");
    reply.count(stream.node_count());
    reply.bulk(b"radix-tree-nodes");
    reply.count(tree_nodes(stream.node_count()));
    reply.bulk(b"last-generated-id");
    answer_id(marks.last_id, reply);
    reply.bulk(b"max-deleted-entry-id");
    answer_id(marks.max_deleted_id, reply);
    reply.bulk(b"entries-added");
    reply.int(marks.entries_added as i64);
    reply.bulk(b"recorded-first-entry-id");
    answer_id(marks.first_id, reply);
}

/// There is no radix tree; one with so many keys would have about as many nodes.
fn tree_nodes(keys: usize) -> usize {
    match keys {
        0 | 1 => keys + 1,
        keys => 3 * keys,
    }
}

fn full(stream: &Stream, count: usize, reply: &mut Reply) {
    reply.map(9);
    marks(stream, reply);
    reply.bulk(b"entries");
    answer_entries(stream.iter_from(StreamId::MIN).take(count), reply);
    reply.bulk(b"groups");
    reply.array(stream.groups().len());
    for group in stream.groups() {
        full_group(stream, group, count, reply);
    }
}

fn full_group(stream: &Stream, group: &Group, count: usize, reply: &mut Reply) {
    reply.map(7);
    reply.bulk(b"name");
    reply.bulk(group.name());
    position(stream, group, reply);
    reply.bulk(b"pel-count");
    reply.count(group.pending().len());
    reply.bulk(b"pending");
    reply.array(group.pending().len().min(count));
    for (id, pending) in group.pending().iter_from(StreamId::MIN).take(count) {
        reply.array(4);
        answer_id(id, reply);
        reply.bulk(group.consumer(pending.consumer).name());
        reply.int(pending.delivered_ms);
        reply.int(pending.deliveries as i64);
    }
    reply.bulk(b"consumers");
    reply.array(group.consumers().len());
    for (index, consumer) in group.consumers() {
        reply.map(5);
        reply.bulk(b"name");
        reply.bulk(consumer.name());
        reply.bulk(b"seen-time");
        reply.int(consumer.seen_ms());
        reply.bulk(b"active-time");
        reply.int(consumer.active_ms().unwrap_or(-1));
        reply.bulk(b"pel-count");
        reply.count(consumer.pending_len());
        reply.bulk(b"pending");
        reply.array(consumer.pending_len().min(count));
        for (id, pending) in group.pending_of(index, StreamId::MIN).take(count) {
            reply.array(3);
            answer_id(id, reply);
            reply.int(pending.delivered_ms);
            reply.int(pending.deliveries as i64);
        }
    }
}

/// Up to where a group has read.
fn position(stream: &Stream, group: &Group, reply: &mut Reply) {
    reply.bulk(b"last-delivered-id");
    answer_id(group.last_delivered_id(), reply);
    reply.bulk(b"entries-read");
    match group.entries_read() {
        Some(count) => reply.int(count as i64),
        None => reply.null(),
    }
    reply.bulk(b"lag");
    match Progress::of(group).lag(&stream.marks()) {
        Some(lag) => reply.int(lag),
        None => reply.null(),
    }
}

pub(super) fn groups(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let stream = ctx.stream(&key)?.ok_or(CommandError::NoSuchKey)?;
    reply.array(stream.groups().len());
    for group in stream.groups() {
        reply.map(6);
        reply.bulk(b"name");
        reply.bulk(group.name());
        reply.bulk(b"consumers");
        reply.count(group.consumers().len());
        reply.bulk(b"pending");
        reply.count(group.pending().len());
        position(stream, group, reply);
    }
    Ok(())
}

pub(super) fn consumers(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let name = args.bytes()?;
    let now_ms = ctx.now_ms();
    let stream = ctx.stream(&key)?.ok_or(CommandError::NoSuchKey)?;
    let group = stream.group(name);
    let group = group.ok_or_else(|| super::no_group_of(&key, name))?;
    let since = |at_ms: i64| now_ms.saturating_sub(at_ms).max(0);
    reply.array(group.consumers().len());
    for (_, consumer) in group.consumers() {
        reply.map(4);
        reply.bulk(b"name");
        reply.bulk(consumer.name());
        reply.bulk(b"pending");
        reply.count(consumer.pending_len());
        reply.bulk(b"idle");
        reply.int(since(consumer.seen_ms()));
        reply.bulk(b"inactive");
        reply.int(consumer.active_ms().map_or(-1, since));
    }
    Ok(())
}

pub(super) fn xsetid(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let last_id = id::strict(args.bytes()?, 0)?;
    let (mut entries_added, mut max_deleted_id) = (None, StreamId::MIN);
    while !args.is_done() {
        if args.left() >= 2 && args.word("ENTRIESADDED") {
            let number = u64::try_from(args.i64()?)
                .map_err(|_| CommandError::err("entries_added must be positive"))?;
            entries_added = Some(number);
        } else if args.left() >= 2 && args.word("MAXDELETEDID") {
            max_deleted_id = id::strict(args.bytes()?, 0)?;
            if last_id < max_deleted_id {
                return Err(smaller_than("the provided max_deleted_entry_id"));
            }
        } else {
            return Err(CommandError::Syntax);
        }
    }
    let slot = ctx.stream_slot(&key)?.ok_or(CommandError::NoSuchKey)?;
    let replaying = ctx.local.replaying;
    let stream = ctx.stream_at(&key, slot);
    let kept_id = stream.last_kept_id().unwrap_or_default();
    // An entry that was removed may still have its place in a node.
    let removed = stream.marks().max_deleted_id;
    if stream.last().is_some_and(|entry| last_id < entry.id) && last_id >= removed {
        return Err(smaller_than("the target stream top item"));
    }
    if (last_id < removed || last_id < kept_id) && !replaying {
        return Err(smaller_than("current max_deleted_entry_id"));
    }
    let len = stream.len();
    if len > 0 && entries_added.is_some_and(|added| added < len) {
        return Err(CommandError::err(
            "The entries_added specified in XSETID is smaller than the target stream length",
        ));
    }
    ctx.change_stream(&key, Some(slot), |stream| {
        stream.set_last_id(last_id.max(kept_id));
        if let Some(entries_added) = entries_added {
            stream.set_entries_added(entries_added);
        }
        if max_deleted_id != StreamId::MIN {
            stream.set_max_deleted_id(max_deleted_id);
        }
    });
    crate::commands::effect_as_asked(ctx, args);
    reply.ok();
    Ok(())
}

fn smaller_than(what: &str) -> CommandError {
    CommandError::err(format_args!(
        "The ID specified in XSETID is smaller than {what}"
    ))
}
