//! What one client has sent: received bytes, and the requests found in them.
//!
//! ```text
//!   bytes   ████████████████████▒▒▒▒▒▒▒▒▒▒░░░░░░░
//!           │ request │ request │ partial │ room to read into
//!           ▲         ▲         ▲
//!           requests[0]         scanned
//! ```
//!
//! A driver reads into [`Query::room`], calls [`Query::parse`], hands the
//! requests to the engine and reports how many were executed with
//! [`Query::consume`]. Requests that were not executed (a paused client, a
//! blocked one) stay parsed and wait.
//!
//! An idle client owns no buffer: what is behind a `Query` is a
//! [`QueryBuffer`] that goes back to its driver's pool when everything in it
//! has been executed. So ten thousand silent connections cost a pointer each.
//!
//! Invariants: spans point into `bytes` or `blocks`; spans of complete
//! requests come before those of the partial one; nothing before the first
//! unexecuted request is kept once a parse begins.

use std::sync::Arc;

use crate::argv::{Argv, Block, Span};
use crate::decode::{Decoder, Filling, Outcome, ProtocolError};

/// Bounds that the server sets and the client's login state narrows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `proto-max-bulk-len`.
    pub bulk_bytes_max: usize,
    /// `client-query-buffer-limit`.
    pub query_bytes_max: usize,
    /// Before login only ten arguments of 16 KiB are taken, and one request
    /// at a time, since the next may be read under the wider bounds.
    pub authenticated: bool,
}

/// The state of one client's incoming side.
#[derive(Debug)]
pub struct Query {
    buffer: Option<Box<QueryBuffer>>,
    /// How much room the next read is offered. Follows what this client sends
    /// at a time: fifty clients with small requests then share a few pages of
    /// cache, and a long pipeline still arrives in one read.
    room_bytes: u32,
}

impl Default for Query {
    fn default() -> Query {
        Query {
            buffer: None,
            room_bytes: Query::ROOM_BYTES_MIN,
        }
    }
}

/// The memory behind a busy [`Query`].
#[derive(Debug, Default)]
pub struct QueryBuffer {
    pub(crate) bytes: Vec<u8>,
    pub(crate) spans: Vec<Span>,
    pub(crate) blocks: Vec<Block>,
    /// A large argument on its way in.
    pub(crate) filling: Option<Filling>,
    requests: Vec<Parsed>,
    /// How many of `requests` have been executed.
    executed: usize,
    decoder: Decoder,
    /// Set when the bytes stopped making sense; nothing is parsed after it.
    broken: Option<ProtocolError>,
    /// The last parse left bytes unlooked at, since login comes first.
    stopped_early: bool,
}

/// Buffers that wait for the next busy client. One per driver.
#[derive(Debug, Default)]
pub struct QueryPool {
    // Boxed, so that a buffer changes hands by its address alone.
    #[allow(clippy::vec_box)]
    free: Vec<Box<QueryBuffer>>,
}

impl QueryPool {
    /// A buffer that a pool keeps is at most this large.
    const BUFFER_BYTES: usize = 64 * 1024;
    const BUFFERS: usize = 256;

    fn take(&mut self) -> Box<QueryBuffer> {
        self.free.pop().unwrap_or_default()
    }

    fn put(&mut self, buffer: Box<QueryBuffer>) {
        if buffer.memory_bytes() <= QueryPool::BUFFER_BYTES && self.free.len() < QueryPool::BUFFERS
        {
            self.free.push(buffer);
        }
    }

    /// How many buffers wait.
    pub fn len(&self) -> usize {
        self.free.len()
    }

    pub fn is_empty(&self) -> bool {
        self.free.is_empty()
    }
}

/// A complete request: where its spans are and where its bytes end.
#[derive(Clone, Copy, Debug)]
struct Parsed {
    spans_start: u32,
    spans_end: u32,
    blocks_end: u32,
    bytes_end: u32,
}

impl Query {
    const ROOM_BYTES_MIN: u32 = 1024;
    const ROOM_BYTES_MAX: u32 = 64 * 1024;

    /// Where the next bytes go: the spare capacity of the returned vector, at
    /// least one byte of it. A large argument is offered exactly its own
    /// allocation.
    pub fn room(&mut self, pool: &mut QueryPool) -> &mut Vec<u8> {
        let buffer = self.buffer.get_or_insert_with(|| pool.take());
        // Two reads may come before a parse: what is complete is not added to.
        if !buffer.absorb_block()
            && let Some(filling) = &mut buffer.filling
        {
            return filling.room();
        }
        if buffer.bytes.capacity() - buffer.bytes.len() < self.room_bytes as usize {
            buffer.bytes.reserve(self.room_bytes as usize);
        }
        &mut buffer.bytes
    }

    /// A read of so many bytes was made into the room; did it fill it? The
    /// next room is larger then, or smaller if this one was hardly used.
    #[inline]
    pub fn was_read(&mut self, bytes: usize, filled: bool) {
        if filled {
            self.room_bytes = (2 * self.room_bytes).min(Query::ROOM_BYTES_MAX);
        } else if bytes < self.room_bytes as usize / 8 {
            self.room_bytes = (self.room_bytes / 2).max(Query::ROOM_BYTES_MIN);
        }
    }

    /// Find the complete requests among the received bytes. Returns how many
    /// wait to be executed now. A broken stream shows in [`Query::broken`]
    /// once the requests before the damage are through.
    pub fn parse(&mut self, limits: &Limits) -> usize {
        let Some(buffer) = &mut self.buffer else {
            return 0;
        };
        buffer.parse(limits);
        buffer.requests.len() - buffer.executed
    }

    /// How many requests wait to be executed.
    pub fn pending(&self) -> usize {
        self.buffer
            .as_ref()
            .map_or(0, |b| b.requests.len() - b.executed)
    }

    /// Received bytes that no parse has looked at yet: before login a parse
    /// stops after one request. Part of a request is no such thing: it waits
    /// for the rest of it.
    pub fn has_unparsed(&self) -> bool {
        self.buffer.as_ref().is_some_and(|b| b.stopped_early)
    }

    /// Waiting request `index`, counted from the first unexecuted one.
    #[inline]
    pub fn request(&self, index: usize) -> Argv<'_> {
        let buffer = self.buffer.as_ref().expect("a pending request has bytes");
        let parsed = buffer.requests[buffer.executed + index];
        Argv::new(
            &buffer.bytes,
            &buffer.spans[parsed.spans_start as usize..parsed.spans_end as usize],
            &buffer.blocks,
        )
    }

    /// `count` more requests have been executed; give back what held them.
    pub fn consume(&mut self, count: usize, pool: &mut QueryPool) {
        let Some(buffer) = &mut self.buffer else {
            return;
        };
        buffer.executed += count;
        debug_assert!(buffer.executed <= buffer.requests.len());
        if buffer.executed == buffer.requests.len() {
            buffer.compact();
            if buffer.is_idle() {
                self.release(pool);
            }
        }
    }

    /// The error that ended this stream, after the requests before it.
    pub fn broken(&self) -> Option<&ProtocolError> {
        let buffer = self.buffer.as_ref()?;
        (buffer.executed == buffer.requests.len())
            .then_some(buffer.broken.as_ref())
            .flatten()
    }

    /// Bytes received and not yet executed, large arguments included.
    pub fn buffered_bytes(&self) -> usize {
        self.buffer.as_ref().map_or(0, |b| b.buffered_bytes())
    }

    /// Memory held, for CLIENT LIST and the server's accounts.
    pub fn memory_bytes(&self) -> usize {
        self.buffer.as_ref().map_or(0, |b| b.memory_bytes())
    }

    /// Unused room, the `qbuf-free` of CLIENT LIST.
    pub fn free_bytes(&self) -> usize {
        self.buffer
            .as_ref()
            .map_or(0, |b| b.bytes.capacity() - b.bytes.len())
    }

    fn release(&mut self, pool: &mut QueryPool) {
        if let Some(buffer) = self.buffer.take() {
            pool.put(buffer);
        }
    }
}

impl QueryBuffer {
    fn parse(&mut self, limits: &Limits) {
        if !self.absorb_block() {
            return self.check_size(limits);
        }
        self.stopped_early = false;
        while self.broken.is_none() && self.filling.is_none() {
            if !limits.authenticated && self.executed < self.requests.len() {
                self.stopped_early = self.decoder.scanned() < self.bytes.len();
                return;
            }
            let first_span = self.requests.last().map_or(0, |r| r.spans_end as usize);
            let mut decoder = std::mem::take(&mut self.decoder);
            let outcome = decoder.step(self, limits);
            self.decoder = decoder;
            match outcome {
                Ok(Outcome::Request) => self.requests.push(Parsed {
                    spans_start: first_span as u32,
                    spans_end: self.spans.len() as u32,
                    blocks_end: self.blocks.len() as u32,
                    bytes_end: self.decoder.scanned() as u32,
                }),
                Ok(Outcome::Nothing) => {}
                Ok(Outcome::NeedMore) => return self.check_size(limits),
                Err(error) => self.broken = Some(error),
            }
        }
    }

    /// What waits for its rest, a large argument on its way included, has a bound.
    fn check_size(&mut self, limits: &Limits) {
        if self.buffered_bytes() > limits.query_bytes_max {
            self.broken = Some(ProtocolError::QueryTooLarge);
        }
    }

    /// Take a large argument over if it is complete. Returns whether none is
    /// on its way any more.
    fn absorb_block(&mut self) -> bool {
        let Some(filling) = self.filling.take() else {
            return true;
        };
        match filling.finished() {
            Ok((block, excess)) => {
                self.spans.push(Span::block(self.blocks.len()));
                self.blocks.push(Arc::new(block));
                self.bytes.extend_from_slice(&excess);
                self.decoder.block_arrived();
                true
            }
            Err(filling) => {
                self.filling = Some(filling);
                false
            }
        }
    }

    /// Drop everything that belongs to executed requests, and the empty lines
    /// between them.
    fn compact(&mut self) {
        let (spans, blocks, mut bytes) = self.requests.last().map_or((0, 0, 0), |last| {
            (
                last.spans_end as usize,
                last.blocks_end as usize,
                last.bytes_end as usize,
            )
        });
        if self.decoder.is_between_requests() {
            bytes = self.decoder.scanned();
        }
        self.requests.clear();
        self.executed = 0;
        self.bytes.drain(..bytes);
        self.blocks.drain(..blocks);
        self.spans.drain(..spans);
        for span in &mut self.spans {
            *span = span.moved_back(bytes, blocks);
        }
        self.decoder.moved_back(bytes);
        if self.bytes.is_empty() && self.bytes.capacity() > QueryPool::BUFFER_BYTES {
            self.bytes = Vec::new();
        }
        if self.spans.is_empty() && self.spans.capacity() > 4096 {
            self.spans = Vec::new();
        }
        if self.requests.capacity() > 4096 {
            self.requests = Vec::new();
        }
    }

    /// Nothing received waits here, not even part of a request.
    fn is_idle(&self) -> bool {
        self.bytes.is_empty()
            && self.decoder.is_between_requests()
            && self.filling.is_none()
            && self.broken.is_none()
    }

    fn buffered_bytes(&self) -> usize {
        self.bytes.len()
            + self.blocks.iter().map(|b| b.len()).sum::<usize>()
            + self.filling.as_ref().map_or(0, |f| f.received_bytes())
            + self.spans.len() * size_of::<Span>()
    }

    fn memory_bytes(&self) -> usize {
        self.bytes.capacity()
            + self.spans.capacity() * size_of::<Span>()
            + self.requests.capacity() * size_of::<Parsed>()
            + self.blocks.iter().map(|b| b.capacity()).sum::<usize>()
            + self.filling.as_ref().map_or(0, |f| f.received_bytes())
    }
}

#[cfg(test)]
#[path = "query_tests.rs"]
mod tests;
