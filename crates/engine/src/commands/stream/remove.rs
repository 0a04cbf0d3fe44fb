//! XDEL, XDELEX, XACKDEL: entries go by their ids. The stream stays, also without any.

use resp::Reply;
use structs::stream::StreamId;

use super::id;
use super::reference::{self, ByGroup, References};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn xdel(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.key()?;
    let Some(slot) = ctx.stream_slot(&key)? else {
        reply.int(0);
        return Ok(());
    };
    let ids = ids(args)?;
    let removed = {
        let stream = ctx.stream_at(&key, slot);
        ids.iter().any(|id| stream.get(*id).is_some())
    };
    if !removed {
        reply.int(0);
        return Ok(());
    }
    let removed = ctx.change_stream(&key, Some(slot), |stream| {
        let mut removed = ids;
        removed.retain(|id| stream.remove(*id));
        removed
    });
    reference::emit_ids(ctx, &[b"XDEL", key.bytes], &removed);
    ctx.count_changes(removed.len() - 1);
    reply.count(removed.len());
    Ok(())
}

/// What became of an id, as the reply tells it.
const NOT_FOUND: i64 = -1;
const DONE: i64 = 1;
const STILL_REFERENCED: i64 = 2;

/// What a removal with options did, for the log.
#[derive(Default)]
struct Done {
    replies: Vec<i64>,
    removed: Vec<StreamId>,
    acknowledged: Vec<StreamId>,
    forgotten: ByGroup,
}

pub(super) fn xdelex(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let options = Options::read(args)?;
    let Some(slot) = ctx.stream_slot(&key)? else {
        answer(&vec![NOT_FOUND; options.ids.len()], reply);
        return Ok(());
    };
    let done = ctx.change_stream(&key, Some(slot), |stream| {
        let mut done = Done::default();
        for id in &options.ids {
            if options.references == References::Delete {
                reference::forget(stream, *id, &mut done.forgotten);
            }
            let is_held = options.references == References::Acknowledged
                && stream.get(*id).is_some()
                && !reference::is_free(stream, *id);
            done.replies.push(match is_held {
                true => STILL_REFERENCED,
                false if stream.remove(*id) => {
                    done.removed.push(*id);
                    DONE
                }
                false => NOT_FOUND,
            });
        }
        done
    });
    done.emit(ctx, key.bytes, None);
    answer(&done.replies, reply);
    Ok(())
}

pub(super) fn xackdel(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let name = args.bytes()?;
    let options = Options::read(args)?;
    let slot = ctx.stream_slot(&key)?;
    let slot = slot.filter(|slot| ctx.stream_at(&key, *slot).group(name).is_some());
    let Some(slot) = slot else {
        answer(&vec![NOT_FOUND; options.ids.len()], reply);
        return Ok(());
    };
    let done = ctx.change_stream(&key, Some(slot), |stream| {
        let mut done = Done::default();
        for id in &options.ids {
            let was_pending = stream.change_group(name, |group| group.acknowledge(*id));
            if was_pending != Some(true) {
                done.replies.push(NOT_FOUND);
                continue;
            }
            done.acknowledged.push(*id);
            if options.references == References::Delete {
                reference::forget(stream, *id, &mut done.forgotten);
            }
            let is_held = options.references == References::Acknowledged
                && stream.get(*id).is_some()
                && !reference::is_free(stream, *id);
            if is_held {
                done.replies.push(STILL_REFERENCED);
                continue;
            }
            if stream.remove(*id) {
                done.removed.push(*id);
            }
            done.replies.push(DONE);
        }
        done
    });
    done.emit(ctx, key.bytes, Some(name));
    answer(&done.replies, reply);
    Ok(())
}

impl Done {
    fn emit(&self, ctx: &mut Ctx, key: &[u8], group: Option<&[u8]>) {
        if let Some(group) = group.filter(|_| !self.acknowledged.is_empty()) {
            reference::emit_ids(ctx, &[b"XACK", key, group], &self.acknowledged);
        }
        for (group, ids) in &self.forgotten {
            reference::emit_ids(ctx, &[b"XACK", key, group], ids);
        }
        if !self.removed.is_empty() {
            reference::emit_ids(ctx, &[b"XDEL", key], &self.removed);
        }
    }
}

fn answer(replies: &[i64], reply: &mut Reply) {
    reply.array(replies.len());
    for number in replies {
        reply.int(*number);
    }
}

/// `[KEEPREF | DELREF | ACKED] IDS count id ...`, in any order.
struct Options {
    references: References,
    ids: Vec<StreamId>,
}

impl Options {
    fn read(args: &mut Args) -> Result<Options, CommandError> {
        let (mut references, mut ids) = (None, None);
        while !args.is_done() {
            if args.left() >= 2 && ids.is_none() && args.word("IDS") {
                ids = Some(Options::ids(args)?);
            } else {
                let option = References::take(args).ok_or(CommandError::Syntax)?;
                if references.replace(option).is_some() {
                    return Err(CommandError::Syntax);
                }
            }
        }
        Ok(Options {
            references: references.unwrap_or_default(),
            ids: ids.ok_or(CommandError::Syntax)?,
        })
    }

    fn ids(args: &mut Args) -> Result<Vec<StreamId>, CommandError> {
        let count = base::parse_i64(args.bytes()?).filter(|count| *count > 0);
        let count = count
            .ok_or_else(|| CommandError::err("Number of IDs must be a positive integer"))?
            as usize;
        if count > args.left() {
            return Err(CommandError::err(
                "The `numids` parameter must match the number of arguments",
            ));
        }
        (0..count).map(|_| id::strict(args.bytes()?, 0)).collect()
    }
}

/// All that is left, as ids.
pub(super) fn ids(args: &mut Args) -> Result<Vec<StreamId>, CommandError> {
    args.rest().map(|text| id::strict(text, 0)).collect()
}
