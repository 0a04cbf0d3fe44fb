//! XACK, XPENDING: what was delivered and not yet acknowledged.

use resp::Reply;
use structs::stream::{Group, StreamId};

use super::id;
use super::range::answer_id;
use super::{reference, remove};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn xack(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.key()?;
    let name = args.bytes()?;
    let slot = ctx.stream_slot_to_read(&key)?;
    let slot = slot.filter(|slot| ctx.stream_at(&key, *slot).group(name).is_some());
    let Some(slot) = slot else {
        reply.int(0);
        return Ok(());
    };
    let ids = remove::ids(args)?;
    let is_any = {
        let group = ctx.stream_at(&key, slot).group(name);
        let pending = group.expect("looked up above").pending();
        ids.iter().any(|id| pending.get(*id).is_some())
    };
    if !is_any {
        reply.int(0);
        return Ok(());
    }
    let acknowledged = ctx.change_group(&key, slot, name, |group| {
        let mut acknowledged = ids;
        acknowledged.retain(|id| group.acknowledge(*id));
        acknowledged
    });
    reference::emit_ids(ctx, &[b"XACK", key.bytes, name], &acknowledged);
    ctx.count_changes(acknowledged.len() - 1);
    reply.count(acknowledged.len());
    Ok(())
}

pub(super) fn xpending(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let name = args.bytes()?;
    let wanted = Wanted::read(args)?;
    let now_ms = ctx.now_ms();
    let group = ctx.stream(&key)?.and_then(|stream| stream.group(name));
    let group = group.ok_or_else(|| super::no_group(&key, name, ""))?;
    match wanted {
        None => summary(group, reply),
        Some(wanted) => wanted.answer(group, now_ms, reply),
    }
    Ok(())
}

fn summary(group: &Group, reply: &mut Reply) {
    let pending = group.pending();
    reply.array(4);
    reply.count(pending.len());
    let (Some((first, _)), Some((last, _))) = (pending.first(), pending.last()) else {
        reply.null();
        reply.null();
        reply.null_array();
        return;
    };
    answer_id(first, reply);
    answer_id(last, reply);
    let mark = reply.mark();
    let mut consumers = 0;
    for (_, consumer) in group.consumers() {
        if consumer.pending_len() > 0 {
            reply.array(2);
            reply.bulk(consumer.name());
            reply.bulk_int(consumer.pending_len() as i64);
            consumers += 1;
        }
    }
    reply.array_since(mark, consumers);
}

/// Which entries to list.
struct Wanted<'a> {
    idle_ms_min: i64,
    start: StreamId,
    end: StreamId,
    count: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Wanted<'a> {
    fn read(args: &mut Args<'a>) -> Result<Option<Wanted<'a>>, CommandError> {
        if args.is_done() {
            return Ok(None);
        }
        if !(3..=6).contains(&args.left()) {
            return Err(CommandError::Syntax);
        }
        let mut idle_ms_min = 0;
        if args.word("IDLE") {
            idle_ms_min = args.i64()?;
            if args.left() < 3 {
                return Err(CommandError::Syntax);
            }
        }
        let (start, end) = (args.bytes()?, args.bytes()?);
        let count = args.i64()?.max(0) as usize;
        Ok(Some(Wanted {
            idle_ms_min,
            start: id::range_start(start)?,
            end: id::range_end(end)?,
            count,
            // What may follow is not looked at.
            consumer: args.bytes().ok(),
        }))
    }

    fn answer(&self, group: &Group, now_ms: i64, reply: &mut Reply) {
        let consumer = match self.consumer {
            None => None,
            Some(name) => match group.find_consumer(name) {
                None => return reply.array(0),
                found => found,
            },
        };
        let pending: Box<dyn Iterator<Item = _>> = match consumer {
            None => Box::new(group.pending().iter_from(self.start)),
            Some(consumer) => Box::new(group.pending_of(consumer, self.start)),
        };
        let mark = reply.mark();
        let mut listed = 0;
        for (id, pending) in pending.take_while(|(id, _)| *id <= self.end) {
            if listed == self.count || reply.has_overflowed() {
                break;
            }
            let idle_ms = now_ms.saturating_sub(pending.delivered_ms);
            if self.idle_ms_min != 0 && idle_ms < self.idle_ms_min {
                continue;
            }
            reply.array(4);
            answer_id(id, reply);
            reply.bulk(group.consumer(pending.consumer).name());
            reply.int(idle_ms.max(0));
            reply.int(pending.deliveries as i64);
            listed += 1;
        }
        reply.array_since(mark, listed);
    }
}
