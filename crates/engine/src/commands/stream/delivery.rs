//! Deliveries, and how the log is told of them.
//!
//! ```text
//!   XGROUP CREATECONSUMER key group consumer
//!   XCLAIM key group consumer 0 id id ... TIME t RETRYCOUNT n FORCE JUSTID
//!   XGROUP SETID key group id ENTRIESREAD n
//! ```
//!
//! Redis says the same with an XCLAIM for each entry; it takes several ids at once, too.

use store::{Key, Progress};
use structs::stream::{ConsumerIndex, Group, Pending, StreamId};

use super::id::IdText;
use crate::ctx::Ctx;

/// The consumer of this name, who is made if there is none.
pub(super) fn consumer(group: &mut Group, name: &[u8], now_ms: i64) -> ConsumerIndex {
    let found = group.find_consumer(name);
    found.unwrap_or_else(|| {
        let added = group.add_consumer(name, now_ms);
        added.expect("there is none of this name")
    })
}

/// Whom the log is told about.
pub(super) struct Told<'a> {
    pub(super) key: &'a Key<'a>,
    pub(super) group: &'a [u8],
    pub(super) consumer: &'a [u8],
}

impl Told<'_> {
    /// The consumer is new.
    pub(super) fn created(&self, ctx: &mut Ctx) {
        let (key, group) = (self.key.bytes, self.group);
        ctx.effect(&[b"XGROUP", b"CREATECONSUMER", key, group, self.consumer]);
    }

    /// Entries are pending for the consumer, all alike.
    pub(super) fn delivered(
        &self,
        ctx: &mut Ctx,
        ids: &[StreamId],
        delivered_ms: i64,
        deliveries: u64,
    ) {
        if !ctx.effects_wanted() {
            return ctx.effect(&[]);
        }
        let (mut time, mut count) = (itoa::Buffer::new(), itoa::Buffer::new());
        let texts: Vec<IdText> = ids.iter().map(|id| IdText::of(*id)).collect();
        let mut words: Vec<&[u8]> = Vec::with_capacity(11 + ids.len());
        words.extend([b"XCLAIM", self.key.bytes, self.group, self.consumer, b"0"]);
        words.extend(texts.iter().map(IdText::bytes));
        words.extend([
            &b"TIME"[..],
            time.format(delivered_ms).as_bytes(),
            b"RETRYCOUNT",
            count.format(deliveries).as_bytes(),
            b"FORCE",
            b"JUSTID",
        ]);
        ctx.effect(&words);
    }

    /// Entries are pending for the consumer; those that are alike are told together.
    pub(super) fn claimed(&self, ctx: &mut Ctx, claimed: &[(StreamId, Pending)]) {
        let is_alike = |one: &(StreamId, Pending), next: &(StreamId, Pending)| {
            let times = |pending: &Pending| (pending.delivered_ms, pending.deliveries);
            times(&one.1) == times(&next.1)
        };
        for alike in claimed.chunk_by(is_alike) {
            let ids: Vec<StreamId> = alike.iter().map(|(id, _)| *id).collect();
            let Pending {
                delivered_ms,
                deliveries,
                ..
            } = alike[0].1;
            self.delivered(ctx, &ids, delivered_ms, deliveries);
        }
    }

    /// How far the group has read.
    pub(super) fn position(&self, ctx: &mut Ctx, progress: Progress) {
        position(ctx, self.key, self.group, progress);
    }
}

pub(super) fn position(ctx: &mut Ctx, key: &Key<'_>, group: &[u8], progress: Progress) {
    if !ctx.effects_wanted() {
        return ctx.effect(&[]);
    }
    let mut count = itoa::Buffer::new();
    let id = IdText::of(progress.last_id);
    ctx.effect(&[
        b"XGROUP",
        b"SETID",
        key.bytes,
        group,
        id.bytes(),
        b"ENTRIESREAD",
        progress
            .entries_read
            .map_or(&b"-1"[..], |read| count.format(read).as_bytes()),
    ]);
}
