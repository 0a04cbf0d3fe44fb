//! What becomes of entries that are pending in groups when they are removed.
//!
//! ```text
//!   KEEPREF   they stay pending, though they are gone      as ever
//!   DELREF    they are forgotten by all groups
//!   ACKED     only what all groups have read and acknowledged is removed
//! ```
//!
//! The log knows no such options: it is told XDEL and XACK.

use structs::stream::{Stream, StreamId};

use super::id::IdText;
use crate::args::Args;
use crate::ctx::Ctx;

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum References {
    #[default]
    Keep,
    Delete,
    Acknowledged,
}

impl References {
    /// Take the next word if it is an option of these.
    pub(super) fn take(args: &mut Args) -> Option<References> {
        if args.word("KEEPREF") {
            Some(References::Keep)
        } else if args.word("DELREF") {
            Some(References::Delete)
        } else if args.word("ACKED") {
            Some(References::Acknowledged)
        } else {
            None
        }
    }
}

/// Pending entries by the name of their group.
pub(super) type ByGroup = Vec<(Box<[u8]>, Vec<StreamId>)>;

/// Has every group read and acknowledged this entry?
pub(super) fn is_free(stream: &Stream, id: StreamId) -> bool {
    stream
        .groups()
        .all(|group| id <= group.last_delivered_id() && group.pending().get(id).is_none())
}

/// Let all groups forget that an entry is pending; says where it was.
pub(super) fn forget(stream: &mut Stream, id: StreamId, forgotten: &mut ByGroup) {
    let names = stream
        .groups()
        .filter(|group| group.pending().get(id).is_some())
        .map(|group| group.name().into());
    let names: Vec<Box<[u8]>> = names.collect();
    for name in names {
        stream.change_group(&name, |group| group.acknowledge(id));
        match forgotten.iter_mut().find(|(own, _)| *own == name) {
            Some((_, ids)) => ids.push(id),
            None => forgotten.push((name, vec![id])),
        }
    }
}

/// Let all groups forget the entries that were there before and have been cut off since.
pub(super) fn forget_front(stream: &mut Stream, before: &Stream) -> ByGroup {
    let end = stream.iter_from(StreamId::MIN).next().map(|entry| entry.id);
    let mut forgotten = ByGroup::new();
    let groups = before.groups().map(|group| {
        let pending = group.pending().iter_from(StreamId::MIN).map(|(id, _)| id);
        let cut_off = pending.take_while(|id| end.is_none_or(|end| *id < end));
        let were_there = cut_off.filter(|id| before.get(*id).is_some());
        (group.name(), were_there.collect::<Vec<StreamId>>())
    });
    for (name, ids) in groups.filter(|(_, ids)| !ids.is_empty()) {
        stream.change_group(name, |group| {
            for id in &ids {
                group.acknowledge(*id);
            }
        });
        forgotten.push((name.into(), ids));
    }
    forgotten
}

/// Tell the log a command that ends in ids.
pub(super) fn emit_ids(ctx: &mut Ctx, front: &[&[u8]], ids: &[StreamId]) {
    if !ctx.effects_wanted() {
        return ctx.effect(&[]);
    }
    let texts: Vec<IdText> = ids.iter().map(|id| IdText::of(*id)).collect();
    let words = front.iter().copied().chain(texts.iter().map(IdText::bytes));
    ctx.effect(&words.collect::<Vec<&[u8]>>());
}
