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
//! A reply of millions of elements is not encoded at all before it is sent. A
//! [`Source`] stands for what is still to come, and writes a slice of it whenever
//! the client has taken the one before ([`Outbox::encode`]). It counts as the
//! bytes that are to come, as far as limits are concerned, and takes up none.
//!
//! One command can ask for more than there is memory (MGET of one key a million
//! times). So copied bytes have a bound: beyond it the outbox overflows, drops
//! what it holds and takes no more, and its client is to be closed.

use std::collections::VecDeque;
use std::fmt;
use std::io::IoSlice;

use crate::argv::Block;
use crate::reply::{Protocol, Reply};

/// The outgoing side of one client.
#[derive(Default)]
pub struct Outbox {
    tail: Vec<u8>,
    pieces: VecDeque<Piece>,
    /// Bytes of the first piece (or of the tail) that have been sent.
    sent: usize,
    /// Bytes in `pieces`, sent ones included.
    queued: usize,
    /// Of those, bytes of our own: blocks belong to the keyspace.
    copied: usize,
    /// About how many bytes its sources have still to write.
    coming: usize,
    overflowed: bool,
}

enum Piece {
    Bytes(Vec<u8>),
    Block(Block),
    /// Bytes of somebody who wants to know when they are sent.
    Lent(Box<dyn AsRef<[u8]> + Send>),
    Stream(Stream),
}

/// The rest of a reply that is encoded as it is sent.
pub trait Source: Send {
    /// Write what comes next, until [`Reply::is_slice`] says that it is enough.
    /// Returns whether there is more.
    fn write(&mut self, reply: &mut Reply<'_>) -> bool;

    /// About how many bytes there are still to come.
    fn left_bytes(&self) -> usize;
}

struct Stream {
    source: Box<dyn Source>,
    /// What the client spoke when it asked.
    protocol: Protocol,
    /// Its part of `Outbox::coming`, never zero.
    coming: usize,
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
    /// What a source writes at a time, so that it fits a chunk.
    pub(crate) const SLICE_BYTES: usize = Outbox::CHUNK_BYTES / 4 * 3;
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

    /// Queue bytes that are lent: dropping them says that they are sent.
    pub fn push_lent(&mut self, lent: Box<dyn AsRef<[u8]> + Send>) {
        self.seal();
        if !self.overflowed {
            self.queued += (*lent).as_ref().len();
            self.pieces.push_back(Piece::Lent(lent));
        }
    }

    /// Queue what `source` will write.
    pub fn push_source(&mut self, source: Box<dyn Source>, protocol: Protocol) {
        self.seal();
        if !self.overflowed {
            let coming = source.left_bytes().max(1);
            self.coming += coming;
            self.pieces.push_back(Piece::Stream(Stream {
                source,
                protocol,
                coming,
            }));
        }
    }

    /// Is what comes next still to be written by a source?
    #[inline]
    pub fn must_encode(&self) -> bool {
        self.coming > 0 && matches!(self.pieces.front(), Some(Piece::Stream(_)))
    }

    /// Let a source write its next slice, if it is its turn. Returns how many
    /// bytes that were.
    pub fn encode(&mut self) -> usize {
        let mut encoded = 0;
        while encoded == 0 && self.must_encode() {
            let Some(Piece::Stream(stream)) = self.pieces.pop_front() else {
                unreachable!("just looked at")
            };
            encoded = self.encode_slice(stream);
        }
        encoded
    }

    fn encode_slice(&mut self, mut stream: Stream) -> usize {
        debug_assert_eq!(self.sent, 0, "what came before is sent");
        let mut slice = Outbox::default();
        slice.tail.reserve_exact(Outbox::CHUNK_BYTES);
        let mut reply = Reply::slice(&mut slice, stream.protocol);
        let has_more = stream.source.write(&mut reply);
        slice.seal();
        if slice.overflowed {
            self.overflow();
            return 0;
        }
        self.coming -= stream.coming;
        if has_more {
            stream.coming = stream.source.left_bytes().max(1);
            self.coming += stream.coming;
            self.pieces.push_front(Piece::Stream(stream));
        }
        self.queued += slice.queued;
        self.copied += slice.copied;
        self.coming += slice.coming;
        while let Some(piece) = slice.pieces.pop_back() {
            self.pieces.push_front(piece);
        }
        slice.queued
    }

    fn overflow(&mut self) {
        *self = Outbox {
            overflowed: true,
            ..Outbox::default()
        };
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
                self.overflow();
            }
        }
    }

    /// Was more written than a client may have unread? Its replies are gone;
    /// all that is left to do is to close it.
    pub fn has_overflowed(&self) -> bool {
        self.overflowed
    }

    /// Bytes that wait to be sent, about, if some are still to be encoded.
    #[inline]
    pub fn len(&self) -> usize {
        self.queued + self.coming + self.tail.len() - self.sent
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Memory held; a shared block counts in full, as the client keeps it alive.
    /// A source has nothing of its own.
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
                piece => {
                    match piece {
                        Piece::Stream(stream) => self.coming -= stream.coming,
                        encoded => self.queued -= encoded.bytes().len(),
                    }
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
                    Piece::Block(_) | Piece::Lent(_) | Piece::Stream(_) => {
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

    /// Forget everything, but keep a buffer.
    pub fn clear(&mut self) {
        let mut tail = std::mem::take(&mut self.tail);
        tail.clear();
        *self = Outbox {
            tail,
            ..Outbox::default()
        };
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
        self.coming += other.coming;
        self.pieces.append(&mut other.pieces);
        self.tail = other.tail;
    }

    /// The unsent bytes, up to those that are still to be encoded, for one
    /// vectored write. Returns how many slices.
    pub fn slices<'a>(&'a self, out: &mut [IoSlice<'a>]) -> usize {
        let mut skip = self.sent;
        let mut used = 0;
        let tail = Some(self.tail.as_slice());
        let pieces = self.pieces.iter().map(Piece::encoded);
        for bytes in pieces.chain(std::iter::once(tail)) {
            let Some(bytes) = bytes.filter(|_| used < out.len()) else {
                break;
            };
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
            let Some(len) = first.encoded().map(<[u8]>::len) else {
                debug_assert_eq!(self.sent, 0, "more sent than was encoded");
                return;
            };
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
        while !self.is_empty() {
            self.encode();
            let mut slices = [IoSlice::new(&[]); 8];
            let used = self.slices(&mut slices);
            let before = all.len();
            for slice in &slices[..used] {
                all.extend_from_slice(slice);
            }
            self.advance(all.len() - before);
        }
        *self = Outbox::default();
        all
    }
}

impl Piece {
    /// None if it is still to be encoded.
    #[inline]
    fn encoded(&self) -> Option<&[u8]> {
        match self {
            Piece::Bytes(bytes) => Some(bytes),
            Piece::Block(block) => Some(block),
            Piece::Lent(lent) => Some((**lent).as_ref()),
            Piece::Stream(_) => None,
        }
    }

    fn bytes(&self) -> &[u8] {
        self.encoded().expect("encoded")
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox")
            .field("queued", &self.queued)
            .field("coming", &self.coming)
            .field("tail", &self.tail.len())
            .finish_non_exhaustive()
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

    /// Counts down from a number, a bulk string each.
    struct Countdown(u32);

    impl Source for Countdown {
        fn write(&mut self, reply: &mut Reply<'_>) -> bool {
            while self.0 > 0 && !reply.is_slice() {
                self.0 -= 1;
                reply.bulk_int(i64::from(self.0));
            }
            self.0 > 0
        }

        fn left_bytes(&self) -> usize {
            self.0 as usize * 11
        }
    }

    fn countdown(from: u32) -> Vec<u8> {
        let mut outbox = Outbox::default();
        let mut reply = Reply::new(&mut outbox, Protocol::Resp2);
        (0..from).rev().for_each(|n| reply.bulk_int(i64::from(n)));
        outbox.take_bytes()
    }

    #[test]
    fn a_source_writes_in_its_place_and_no_more_than_is_taken() {
        let expected = [b"hello", &countdown(100_000)[..], b"!", &countdown(3), b"."].concat();
        let fill = |outbox: &mut Outbox| {
            outbox.push_source(Box::new(Countdown(100_000)), Protocol::Resp2);
            outbox.tail(1).push(b'!');
            outbox.push_source(Box::new(Countdown(0)), Protocol::Resp2);
            outbox.push_source(Box::new(Countdown(3)), Protocol::Resp2);
            outbox.tail(1).push(b'.');
        };
        let mut outbox = filled();
        fill(&mut outbox);
        assert!(outbox.len() > 1_000_000 && outbox.memory_bytes() < 10_000);
        assert_eq!(outbox.take_bytes(), expected);
        assert!(outbox.is_empty());

        let mut outbox = filled();
        fill(&mut outbox);
        let mut seen = Vec::new();
        while !outbox.is_empty() {
            outbox.encode();
            let mut slices = [IoSlice::new(&[]); 2];
            assert!(outbox.slices(&mut slices) > 0);
            let taken = slices[0].len().min(7000);
            seen.extend_from_slice(&slices[0][..taken]);
            outbox.advance(taken);
            assert!(outbox.memory_bytes() < 2 * Outbox::CHUNK_BYTES);
        }
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_source_can_be_cut_and_appended() {
        let mut outbox = filled();
        let mark = outbox.mark();
        outbox.push_source(Box::new(Countdown(10)), Protocol::Resp2);
        outbox.tail(1).push(b'!');
        outbox.cut(mark);
        assert_eq!((outbox.len(), outbox.must_encode()), (5, false));

        let mut other = Outbox::default();
        other.push_source(Box::new(Countdown(10)), Protocol::Resp2);
        outbox.append(other);
        let expected = [b"hello", &countdown(10)[..]].concat();
        assert_eq!(outbox.take_bytes(), expected);
    }
}
