//! Where the bytes of a node are: in a block that it has alone, or shares with its neighbours.
//!
//! ```text
//!   Part │ block 0  2650 │──┐
//!   Part │ block 0  2650 │──┼──►  ┌─ 2650 ─┬─ 2650 ─┬─ 2650 ─┐  of 8192
//!   Part │ block 0  2650 │──┘     └────────┴────────┴────────┘
//!   Part │ block 0   900 │─────►  ┌─ 900 ──┬─ room ─┐
//!                                 └────────┴────────┘
//! ```
//!
//! A node of small entries is full at any size up to 4 KiB, which allocators round up by an eighth
//! on average: 2,650 bytes take 3,072. Three of them take 8,192, a thirtieth more than they are. So
//! nodes that are full join those before them as soon as they fill a size together, sixteen at the
//! most.
//!
//! Invariants: a block has no room for more if it is shared; parts of a block are neighbours, in
//! order and without a gap, as `Stream::check` asserts. What is written to, or loses a neighbour,
//! is alone: a block is taken apart then, and no byte of a removed node stays for long.

use std::ops::{Deref, Range};
use std::sync::Arc;

use crate::size_class::{self, ARC_BYTES};

/// A node's bytes.
#[derive(Clone)]
pub(super) struct Part {
    block: Arc<Vec<u8>>,
    start: u32,
    len: u32,
}

/// As many nodes share a block, and as many bytes.
pub(super) const PARTS_MAX: usize = 16;
const BLOCK_BYTES_MAX: usize = 32 << 10;

/// A block in front of its bytes.
const HEAD_BYTES: usize = ARC_BYTES + size_of::<Vec<u8>>();

impl Part {
    /// A block of its own.
    pub(super) fn alone(bytes: Vec<u8>) -> Part {
        let len = u32::try_from(bytes.len()).expect("below NODE_BYTES_MAX");
        let block = Arc::new(bytes);
        Part {
            block,
            start: 0,
            len,
        }
    }

    /// Copy nodes that follow each other into one block.
    pub(super) fn joined(parts: &[Part]) -> Vec<Part> {
        let bytes = parts.iter().map(|part| part.len()).sum();
        let mut block = Vec::with_capacity(bytes);
        parts.iter().for_each(|part| block.extend_from_slice(part));
        let block = Arc::new(block);
        let mut start = 0;
        let place = |part: &Part| {
            let (block, len) = (block.clone(), part.len);
            start += len;
            Part {
                block,
                start: start - len,
                len,
            }
        };
        parts.iter().map(place).collect()
    }

    pub(super) fn is_alone(&self) -> bool {
        self.len() == self.block.len()
    }

    pub(super) fn shares_with(&self, other: &Part) -> bool {
        Arc::ptr_eq(&self.block, &other.block)
    }

    pub(super) fn starts_block(&self) -> bool {
        self.start == 0
    }

    pub(super) fn ends_block(&self) -> bool {
        self.end() == self.block.len()
    }

    /// Do its bytes end where those of the next node begin, or its block where another one begins?
    pub(super) fn precedes(&self, next: &Part) -> bool {
        match self.shares_with(next) {
            true => self.end() == next.start as usize,
            false => self.ends_block() && next.starts_block(),
        }
    }

    fn end(&self) -> usize {
        self.start as usize + self.len()
    }

    /// Change a node that is alone. Its bytes are copied if another stream holds them.
    pub(super) fn change<R>(&mut self, change: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        assert!(self.is_alone(), "a neighbour's bytes would move");
        let bytes = Arc::make_mut(&mut self.block);
        let result = change(bytes);
        self.len = u32::try_from(bytes.len()).expect("below NODE_BYTES_MAX");
        result
    }

    /// Has it room to grow, which is its own?
    pub(super) fn has_room(&self) -> bool {
        self.is_alone() && self.block.capacity() > self.block.len()
    }

    /// What it takes. The first of a block counts what is in front of the bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        match (self.is_alone(), self.start) {
            (true, _) => HEAD_BYTES + self.block.capacity(),
            (false, 0) => HEAD_BYTES + self.len(),
            (false, _) => self.len(),
        }
    }
}

impl Deref for Part {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.block[self.start as usize..][..self.len as usize]
    }
}

/// Does an allocator waste little of a block of so many bytes?
pub(super) fn fills_a_class(bytes: usize) -> bool {
    unused_bytes(bytes) * 32 <= bytes
}

/// Which of the last nodes, given their lengths, oldest first, should share a block by now.
pub(super) fn worth_joining(lens: &[usize]) -> Option<Range<usize>> {
    if lens.len() < 2 {
        return None;
    }
    let all: usize = lens.iter().sum();
    if all <= BLOCK_BYTES_MAX && fills_a_class(all) {
        return Some(0..lens.len());
    }
    let is_waiting = lens.len() < PARTS_MAX && all + all / lens.len() <= BLOCK_BYTES_MAX;
    if is_waiting {
        return None;
    }
    // None would make it better than these: as many from the oldest on as save most of their sum.
    let saved_of_1024 = |count: usize| {
        let sum: usize = lens[..count].iter().sum();
        let apart: usize = lens[..count].iter().map(|len| unused_bytes(*len)).sum();
        let saved = apart.saturating_sub(unused_bytes(sum));
        match sum <= BLOCK_BYTES_MAX {
            true => saved * 1024 / sum,
            false => 0,
        }
    };
    let best = (2..=lens.len()).max_by_key(|count| saved_of_1024(*count))?;
    (saved_of_1024(best) > 0).then_some(0..best)
}

fn unused_bytes(bytes: usize) -> usize {
    size_class::ceil(bytes) - bytes
}
