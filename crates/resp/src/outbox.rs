//! What is still to be sent to one client.
//!
//! ```text
//!   pieces   [bytes 64K][bytes 64K][block, shared][bytes]   tail [bytes......   ]
//!            ▲ sent so far                                       ▲ replies go here
//! ```
//!
//! Replies are encoded once, into the tail. A tail that would have to grow
//! beyond a chunk is sealed into a piece instead, so nothing is ever moved, and
//! a large string is queued as the very block that the keyspace holds.
//!
//! One command can ask for more than there is memory (MGET of one key a million
//! times). So copied bytes have a bound: beyond it the outbox overflows, drops
//! what it holds and takes no more, and its client is to be closed.

use std::collections::VecDeque;
use std::io::IoSlice;

use crate::argv::Block;

/// The outgoing side of one client.
#[derive(Debug, Default)]
pub struct Outbox {
    tail: Vec<u8>,
    pieces: VecDeque<Piece>,
    /// Bytes of the first piece (or of the tail) that have been sent.
    sent: usize,
    /// Bytes in `pieces`, sent ones included.
    queued: usize,
    /// Of those, bytes of our own: blocks belong to the keyspace.
    copied: usize,
    overflowed: bool,
}

#[derive(Debug)]
enum Piece {
    Bytes(Vec<u8>),
    Block(Block),
}

/// A point in an outbox to cut back to.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    pieces: usize,
    tail: usize,
}

impl Outbox {
    /// Size of a chunk once a reply outgrows the first one.
    const CHUNK_BYTES: usize = 64 * 1024;
    /// Strings of this size and more are sent by reference.
    pub const SHARED_BYTES: usize = 16 * 1024;
    /// The most that may be copied for one client and not yet be sent.
    pub const COPIED_BYTES_MAX: usize = 512 * 1024 * 1024;

    /// The buffer to append to, with room for `bytes` more.
    #[inline]
    pub fn tail(&mut self, bytes: usize) -> &mut Vec<u8> {
        if self.tail.capacity() - self.tail.len() < bytes {
            self.make_room(bytes);
        }
        &mut self.tail
    }

    #[cold]
    fn make_room(&mut self, bytes: usize) {
        if self.tail.len() + bytes <= Outbox::CHUNK_BYTES / 4 {
            self.tail.reserve(bytes.max(1024));
        } else {
            self.seal();
            self.tail.reserve_exact(bytes.max(Outbox::CHUNK_BYTES));
        }
    }

    /// Queue a shared block without copying it.
    pub fn push_block(&mut self, block: &Block) {
        self.seal();
        if !self.overflowed {
            self.queued += block.len();
            self.pieces.push_back(Piece::Block(block.clone()));
        }
    }

    fn seal(&mut self) {
        if self.overflowed {
            self.tail.clear();
        } else if !self.tail.is_empty() {
            let mut full = std::mem::take(&mut self.tail);
            // A list of blocks has a few bytes between any two: a piece of them must
            // not hold a buffer of many.
            if full.len() < full.capacity() / 2 {
                full.shrink_to_fit();
            }
            self.queued += full.len();
            self.copied += full.len();
            self.pieces.push_back(Piece::Bytes(full));
            if self.copied > Outbox::COPIED_BYTES_MAX {
                *self = Outbox {
                    overflowed: true,
                    ..Outbox::default()
                };
            }
        }
    }

    /// Was more written than a client may have unread? Its replies are gone;
    /// all that is left to do is to close it.
    pub fn has_overflowed(&self) -> bool {
        self.overflowed
    }

    /// Bytes that wait to be sent.
    #[inline]
    pub fn len(&self) -> usize {
        self.queued + self.tail.len() - self.sent
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Memory held; a shared block counts in full, as the client keeps it alive.
    pub fn memory_bytes(&self) -> usize {
        self.queued + self.tail.capacity()
    }

    /// How many pieces wait, the `oll` of CLIENT LIST.
    pub fn pieces(&self) -> usize {
        self.pieces.len()
    }

    /// Bytes in the pieces, the `omem` of CLIENT LIST.
    pub fn queued_bytes(&self) -> usize {
        self.queued
    }

    /// Bytes in the tail, the `obl` of CLIENT LIST.
    pub fn tail_bytes(&self) -> usize {
        self.tail.len()
    }

    #[inline]
    pub fn mark(&self) -> Mark {
        Mark {
            pieces: self.pieces.len(),
            tail: self.tail.len(),
        }
    }

    /// Forget all that was written since `mark`. Nothing may have been sent in
    /// between.
    pub fn cut(&mut self, mark: Mark) {
        if self.overflowed {
            return;
        }
        while self.pieces.len() > mark.pieces {
            let first_new = self.pieces.len() == mark.pieces + 1;
            match self.pieces.pop_back().expect("longer than the mark") {
                // The tail at the time of the mark was sealed into this piece,
                // unless it was empty and a block came first.
                Piece::Bytes(bytes) => {
                    self.queued -= bytes.len();
                    self.copied -= bytes.len();
                    if first_new {
                        self.tail = bytes;
                    }
                }
                Piece::Block(block) => {
                    self.queued -= block.len();
                    if first_new {
                        self.tail.clear();
                    }
                }
            }
        }
        self.tail.truncate(mark.tail);
    }

    /// Put bytes in front of all that was written since `mark`. Nothing may have
    /// been sent in between.
    pub fn insert(&mut self, mark: Mark, bytes: &[u8]) {
        if self.overflowed {
            return;
        }
        if self.pieces.len() == mark.pieces {
            self.tail(bytes.len());
            // Making room may have sealed the tail, or been too much.
            if self.overflowed {
                return;
            }
        }
        let into = match self.pieces.get_mut(mark.pieces) {
            None => &mut self.tail,
            Some(first_new) => {
                self.queued += bytes.len();
                self.copied += bytes.len();
                match first_new {
                    Piece::Bytes(sealed) => sealed,
                    // It came to an empty tail.
                    Piece::Block(_) => {
                        let bytes = Piece::Bytes(bytes.to_vec());
                        return self.pieces.insert(mark.pieces, bytes);
                    }
                }
            }
        };
        let end = into.len();
        into.extend_from_slice(bytes);
        into.copy_within(mark.tail..end, mark.tail + bytes.len());
        into[mark.tail..][..bytes.len()].copy_from_slice(bytes);
    }

    /// Take over everything that `other` holds, in order.
    pub fn append(&mut self, mut other: Outbox) {
        debug_assert_eq!(other.sent, 0);
        self.seal();
        if self.overflowed || other.overflowed {
            *self = Outbox {
                overflowed: true,
                ..Outbox::default()
            };
            return;
        }
        self.queued += other.queued;
        self.copied += other.copied;
        self.pieces.append(&mut other.pieces);
        self.tail = other.tail;
    }

    /// The unsent bytes, for one vectored write. Returns how many slices.
    pub fn slices<'a>(&'a self, out: &mut [IoSlice<'a>]) -> usize {
        let mut skip = self.sent;
        let mut used = 0;
        let pieces = self.pieces.iter().map(Piece::bytes);
        for bytes in pieces.chain(std::iter::once(self.tail.as_slice())) {
            if used == out.len() {
                break;
            }
            let rest = &bytes[skip.min(bytes.len())..];
            skip = skip.saturating_sub(bytes.len());
            if !rest.is_empty() {
                out[used] = IoSlice::new(rest);
                used += 1;
            }
        }
        used
    }

    /// The unsent bytes when they lie in one stretch, the usual case.
    #[inline]
    pub fn single(&self) -> Option<&[u8]> {
        self.pieces.is_empty().then(|| &self.tail[self.sent..])
    }

    /// `bytes` more have been sent.
    pub fn advance(&mut self, bytes: usize) {
        debug_assert!(bytes <= self.len());
        self.sent += bytes;
        while let Some(first) = self.pieces.front() {
            let len = first.bytes().len();
            if self.sent < len {
                return;
            }
            self.sent -= len;
            self.queued -= len;
            if let Some(Piece::Bytes(_)) = self.pieces.pop_front() {
                self.copied -= len;
            }
        }
        if self.sent == self.tail.len() {
            self.sent = 0;
            self.tail.clear();
        }
    }

    /// Give an empty outbox a buffer from a pool.
    #[inline]
    pub fn lend(&mut self, pool: &mut Vec<Vec<u8>>) {
        if self.tail.capacity() == 0
            && let Some(buffer) = pool.pop()
        {
            self.tail = buffer;
        }
    }

    /// Give the buffer of an empty outbox back, so that an idle client holds none.
    #[inline]
    pub fn give_back(&mut self, pool: &mut Vec<Vec<u8>>) {
        if self.is_empty() && self.tail.capacity() > 0 {
            let buffer = std::mem::take(&mut self.tail);
            if buffer.capacity() <= Outbox::CHUNK_BYTES && pool.len() < 256 {
                pool.push(buffer);
            }
        }
    }

    /// All unsent bytes as one vector, for readers in the same process.
    pub fn take_bytes(&mut self) -> Vec<u8> {
        if self.pieces.is_empty() && self.sent == 0 {
            return std::mem::take(&mut self.tail);
        }
        let mut all = Vec::with_capacity(self.len());
        for piece in &self.pieces {
            all.extend_from_slice(piece.bytes());
        }
        all.extend_from_slice(&self.tail);
        all.drain(..self.sent);
        *self = Outbox::default();
        all
    }
}

impl Piece {
    fn bytes(&self) -> &[u8] {
        match self {
            Piece::Bytes(bytes) => bytes,
            Piece::Block(block) => block,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled() -> Outbox {
        let mut outbox = Outbox::default();
        outbox.tail(5).extend_from_slice(b"hello");
        outbox
    }

    #[test]
    fn cut_forgets_tail_and_pieces_alike() {
        let mut outbox = filled();
        let mark = outbox.mark();
        outbox.tail(3).extend_from_slice(b"abc");
        outbox.cut(mark);
        assert_eq!(outbox.take_bytes(), b"hello");

        let mut outbox = filled();
        let mark = outbox.mark();
        outbox.push_block(&Block::new(vec![7; 20_000]));
        outbox.tail(100_000).extend_from_slice(&[1; 100_000]);
        outbox.push_block(&Block::new(vec![8; 10]));
        outbox.cut(mark);
        assert_eq!(outbox.len(), 5);
        assert_eq!(outbox.take_bytes(), b"hello");

        let mut outbox = Outbox::default();
        let mark = outbox.mark();
        outbox.push_block(&Block::new(vec![7; 20_000]));
        outbox.tail(3).extend_from_slice(b"abc");
        outbox.cut(mark);
        assert!(outbox.is_empty());
    }

    #[test]
    fn an_outbox_that_overflows_holds_nothing() {
        let mut outbox = Outbox::default();
        let chunk = vec![b'x'; 1024 * 1024];
        let mark = outbox.mark();
        for _ in 0..2_000 {
            outbox.tail(chunk.len()).extend_from_slice(&chunk);
            assert!(outbox.memory_bytes() < Outbox::COPIED_BYTES_MAX + 3 * chunk.len());
        }
        assert!(outbox.has_overflowed());
        outbox.push_block(&Block::new(chunk.clone()));
        outbox.cut(mark);
        assert!(outbox.memory_bytes() < 4 * chunk.len());
    }

    #[test]
    fn advance_by_one_sees_every_byte_in_order() {
        let mut outbox = filled();
        outbox.push_block(&Block::new(b"block".to_vec()));
        outbox.tail(2).extend_from_slice(b"\r\n");
        let mut seen = Vec::new();
        while !outbox.is_empty() {
            let mut slices = [IoSlice::new(&[]); 4];
            let used = outbox.slices(&mut slices);
            assert!(used > 0);
            seen.push(slices[0][0]);
            outbox.advance(1);
        }
        assert_eq!(seen, b"helloblock\r\n");
        assert_eq!(outbox.memory_bytes(), outbox.tail.capacity());
    }
}
