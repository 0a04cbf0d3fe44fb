//! Long replies: what is told of a large value when its client has time, not while
//! its shard is held.
//!
//! ```text
//!   handler   header of the reply, a share of the value  ─► Outbox: a source
//!   driver    the client has taken what came before      ─► Walk::answer: the next slice
//! ```
//!
//! A handler that may answer with much of a large value writes the header and says where
//! the answer begins: a [`Walk`], which [`Ctx::answer_walk`] runs at once if that is
//! little. If it is much, the value is shared, and from then on nothing is held but a
//! count. Whoever changes the value meanwhile copies the
//! pages that he touches, so the reply shows the value as it was when the command ran,
//! in a transaction too.

use std::ops::Range;
use std::sync::Arc;

use resp::{Outbox, Reply, Source};
use store::{Block, Key, Large, Slot, ValueView};

use super::Ctx;
use crate::copies::ASIDE_BYTES;
use crate::garbage::{Garbage, SLOW_TO_FREE_BYTES};
use crate::host::HostRef;

/// A value of so many bytes is answered by a walk. Below it is quicker to answer at once.
pub(crate) const LONG_BYTES: usize = 256 * 1024;

/// A place in a large value, from which a reply goes on.
pub(crate) trait Walk: Send + 'static {
    /// Answer what comes next, until [`Reply::is_slice`], and remember where that was.
    /// Returns whether there is more.
    fn answer(&mut self, large: &Large, reply: &mut Reply<'_>) -> bool;
}

impl Ctx<'_> {
    /// Answer with `elements` elements of a large value, from where `walk` stands; the
    /// header is written. Many are left to be answered as the client reads them.
    pub(crate) fn answer_walk(
        &mut self,
        key: &Key<'_>,
        elements: usize,
        mut walk: impl Walk,
        reply: &mut Reply<'_>,
    ) {
        let host = self.engine.host.clone();
        let slot = self.find(key).expect("looked at a moment ago");
        let ValueView::Large(view) = self.entry(key, slot).value() else {
            unreachable!("small values are answered at once")
        };
        let large = view.get();
        let bytes = (large.memory_bytes() / large.len().max(1)).saturating_mul(elements);
        if bytes < LONG_BYTES {
            while walk.answer(large, reply) {}
            return;
        }
        reply.stream(Box::new(Walking {
            large: Some(view.share()),
            walk,
            left_bytes: bytes,
            host,
        }));
    }

    /// Before a string is written to that will have `len` bytes: if it is so large that
    /// copying it would hold others up, and must be copied, that happens aside. Then the
    /// request is run again later: the handler returns, having done nothing.
    pub(crate) fn waits_for_copy(&mut self, key: &Key<'_>, slot: Option<Slot>, len: usize) -> bool {
        let Some(slot) = slot.filter(|_| !self.local.in_transaction && !self.local.replaying)
        else {
            return false;
        };
        let (engine, now) = (self.engine, self.now);
        let table = self.table(self.session.database, key.hash);
        let Some((block, room_bytes)) = table.copied_when_written(slot, len, ASIDE_BYTES) else {
            return false;
        };
        let copies = &engine.copies;
        let copy = copies
            .fetch(&block, room_bytes, now, &engine.host)
            // A host without threads has made it by now.
            .or_else(|| copies.fetch(&block, room_bytes, now, &engine.host));
        match copy {
            Some(copy) => {
                table.exchange_block(slot, copy);
                self.discard(Garbage::Block(block));
                false
            }
            None => {
                self.park();
                true
            }
        }
    }

    /// Answer with a part of a string that is a block, which is not copied if it is
    /// long. Should the client be the last to hold it, it is not freed where it is sent.
    pub(crate) fn answer_block(&self, block: Block, range: Range<usize>, reply: &mut Reply<'_>) {
        if range.len() < Outbox::SHARED_BYTES {
            return reply.bulk(&block[range]);
        }
        if range.len() == block.len() && block.capacity() < SLOW_TO_FREE_BYTES {
            return reply.block(&block);
        }
        reply.lent(Box::new(LentBlock {
            block: Some(block),
            range,
            host: self.engine.host.clone(),
        }));
    }
}

/// A share of a large value, and how far it is answered. If it is the last one, it is
/// not freed where it is dropped.
struct Walking<W> {
    /// There until it is dropped.
    large: Option<Arc<Large>>,
    walk: W,
    left_bytes: usize,
    host: HostRef,
}

impl<W: Walk> Source for Walking<W> {
    fn write(&mut self, reply: &mut Reply<'_>) -> bool {
        let large = self.large.as_ref().expect("there until it is dropped");
        let has_more = self.walk.answer(large, reply);
        self.left_bytes = self.left_bytes.saturating_sub(reply.waiting_bytes());
        has_more
    }

    fn left_bytes(&self) -> usize {
        self.left_bytes
    }
}

impl<W> Drop for Walking<W> {
    fn drop(&mut self) {
        let large = self.large.take().expect("there until it is dropped");
        if let Some(garbage) = Garbage::if_last(large) {
            self.host.discard(garbage);
        }
    }
}

/// A large string on its way to a client.
struct LentBlock {
    /// There until it is dropped.
    block: Option<Block>,
    range: Range<usize>,
    host: HostRef,
}

impl AsRef<[u8]> for LentBlock {
    fn as_ref(&self) -> &[u8] {
        let block = self.block.as_ref();
        &block.expect("there until it is dropped")[self.range.clone()]
    }
}

impl Drop for LentBlock {
    fn drop(&mut self) {
        let block = self.block.take().expect("there until it is dropped");
        if let Some(block) = Arc::into_inner(block) {
            self.host.discard(Garbage::Block(Arc::new(block)));
        }
    }
}
