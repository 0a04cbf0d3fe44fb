//! Bytes laid out in whole blocks, for writes past the page cache.
//!
//! ```text
//!   file   ……│▓▓▓▓▓▓▓▓│▓▓▓░░░░░│        ▓ groups, ░ zeros
//!                      ▲  ▲
//!                    at│  │offset       the next group goes here
//!   blocks             │▓▓▓██████│███░░░░░│
//!                       tail  new      zeros to the end of the block
//! ```
//!
//! A device takes whole blocks, and the log's groups end anywhere. So the beginning of the block in
//! which the last group ended, its *tail*, is kept and written again in front of the next group:
//! the same bytes in the same place, as the page cache would do. What is behind the last group are
//! zeros, as everywhere in reserved room.
//!
//! The memory begins at an address that is a multiple of the block's size, as the kernel asks.

use super::BLOCK_BYTES;

/// Whole blocks on their way to a place in a file.
#[derive(Default)]
pub(crate) struct Blocks {
    memory: Vec<u8>,
    /// Where in `memory` the first block begins.
    start: usize,
    /// Where in the file it goes.
    at: u64,
}

/// More memory than this is given back after use.
const KEPT_BYTES: usize = 2 << 20;

impl Blocks {
    /// Begins anew at `offset` of the file, whose block begins with the bytes of `tail`. No more
    /// than `room` bytes will follow.
    pub(crate) fn begin(&mut self, offset: u64, tail: &[u8], room: usize) {
        assert_eq!(offset % BLOCK_BYTES, tail.len() as u64, "the tail is whole");
        let needed = (tail.len() + room).next_multiple_of(BLOCK_BYTES as usize);
        let capacity = needed + BLOCK_BYTES as usize;
        self.memory.clear();
        if self.memory.capacity() < capacity || self.memory.capacity() > capacity.max(KEPT_BYTES) {
            self.memory = Vec::with_capacity(capacity);
        }
        let address = self.memory.as_ptr().addr();
        self.start = address.next_multiple_of(BLOCK_BYTES as usize) - address;
        self.memory.resize(self.start, 0);
        self.memory.extend_from_slice(tail);
        self.at = offset - tail.len() as u64;
    }

    /// For bytes to be appended to; within the room that was announced.
    pub(crate) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.memory
    }

    /// Whole blocks of zeros, at a block's beginning.
    pub(crate) fn zeros(&mut self, at: u64, len: usize) -> &[u8] {
        self.begin(at, &[], len);
        self.memory.resize(self.start + len, 0);
        &self.memory[self.start..]
    }

    /// Where the bytes so far end in the file.
    pub(crate) fn end(&self) -> u64 {
        self.at + (self.memory.len() - self.start) as u64
    }

    /// Fills the last block with zeros. Returns where the blocks go, the blocks, and how many
    /// bytes of the last one are no filling.
    pub(crate) fn finish(&mut self) -> (u64, &[u8], usize) {
        let len = self.memory.len() - self.start;
        let filled = len.next_multiple_of(BLOCK_BYTES as usize);
        assert!(
            self.start + filled <= self.memory.capacity(),
            "room was announced"
        );
        self.memory.resize(self.start + filled, 0);
        (
            self.at,
            &self.memory[self.start..],
            len % BLOCK_BYTES as usize,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_aligned_and_end_in_zeros() {
        let mut blocks = Blocks::default();
        for (offset, len) in [
            (0u64, 1usize),
            (5, 4091),
            (5, 4092),
            (4096, 4096),
            (9000, 70_000),
        ] {
            let tail = vec![7; (offset % BLOCK_BYTES) as usize];
            blocks.begin(offset, &tail, len);
            blocks.bytes().extend(std::iter::repeat_n(9, len));
            assert_eq!(blocks.end(), offset + len as u64);
            let (at, bytes, used) = blocks.finish();
            assert_eq!(bytes.as_ptr().addr() % BLOCK_BYTES as usize, 0);
            assert_eq!((at % BLOCK_BYTES, bytes.len() as u64 % BLOCK_BYTES), (0, 0));
            assert_eq!(used as u64, (offset + len as u64) % BLOCK_BYTES);
            let (old, rest) = bytes.split_at(tail.len());
            let (new, zeros) = rest.split_at(len);
            assert!(old == tail && new.iter().all(|b| *b == 9) && zeros.iter().all(|b| *b == 0));
        }
    }
}
