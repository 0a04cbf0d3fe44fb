//! One request: a list of byte strings that lie somewhere else.
//!
//! ```text
//!   bytes   *3\r\n$3\r\nSET\r\n$1\r\nk\r\n$65536\r\n ...
//!                       ───          ─
//!   spans           {8,3}       {17,1}     {BLOCK, 0} ─┐
//!   blocks                                             └─► Arc<Vec<u8>>, 65,536 bytes
//! ```
//!
//! A span is eight bytes, whatever the length of the argument. A large argument
//! is a [`Block`] of its own, filled straight from the socket; a command that
//! keeps it (SET) takes a reference, and so the bytes are never copied.

use std::sync::Arc;

/// A large byte string, shared by reference and copied only when somebody
/// writes to it while somebody else still holds it.
pub type Block = Arc<Vec<u8>>;

/// Where one argument lies: an offset into the request's bytes, or the index
/// of a block when `start` is [`Span::BLOCK`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    start: u32,
    len: u32,
}

impl Span {
    const BLOCK: u32 = u32::MAX;

    pub(crate) fn new(start: usize, len: usize) -> Span {
        debug_assert!(start < Span::BLOCK as usize && len < Span::BLOCK as usize);
        Span {
            start: start as u32,
            len: len as u32,
        }
    }

    pub(crate) fn block(index: usize) -> Span {
        Span {
            start: Span::BLOCK,
            len: index as u32,
        }
    }

    /// The same argument after `bytes` in front of it were dropped.
    pub(crate) fn moved_back(self, bytes: usize, blocks: usize) -> Span {
        match self.start {
            Span::BLOCK => Span::block(self.len as usize - blocks),
            start => Span::new(start as usize - bytes, self.len as usize),
        }
    }
}

/// A borrowed request. Copying it copies three slices.
#[derive(Clone, Copy, Debug)]
pub struct Argv<'a> {
    bytes: &'a [u8],
    spans: &'a [Span],
    blocks: &'a [Block],
}

impl<'a> Argv<'a> {
    pub(crate) fn new(bytes: &'a [u8], spans: &'a [Span], blocks: &'a [Block]) -> Argv<'a> {
        Argv {
            bytes,
            spans,
            blocks,
        }
    }

    /// How many arguments, the command's name included.
    #[inline]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Argument `index`; panics past the end, as a slice would.
    #[inline]
    pub fn get(&self, index: usize) -> &'a [u8] {
        let span = self.spans[index];
        if span.start != Span::BLOCK {
            &self.bytes[span.start as usize..][..span.len as usize]
        } else {
            &self.blocks[span.len as usize]
        }
    }

    /// The block behind argument `index`, if it is a large one.
    #[inline]
    pub fn block(&self, index: usize) -> Option<&'a Block> {
        let span = self.spans[index];
        (span.start == Span::BLOCK).then(|| &self.blocks[span.len as usize])
    }

    /// The arguments from `index` on.
    pub fn iter_from(self, index: usize) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone {
        (index..self.len()).map(move |i| self.get(i))
    }

    /// The request that begins at argument `index`, as COMMAND GETKEYS is given one.
    pub fn behind(self, index: usize) -> Argv<'a> {
        Argv {
            spans: &self.spans[index..],
            ..self
        }
    }

    /// The request that goes from argument `start` up to `end`.
    pub fn between(self, start: usize, end: usize) -> Argv<'a> {
        Argv {
            spans: &self.spans[start..end],
            ..self
        }
    }

    /// The bytes of all arguments together.
    pub fn payload_bytes(&self) -> usize {
        (0..self.len()).map(|i| self.get(i).len()).sum()
    }
}

/// A request that owns its bytes: one that waits in a MULTI, or one that never
/// came from a socket.
#[derive(Clone, Debug, Default)]
pub struct OwnedArgv {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    blocks: Vec<Block>,
}

impl OwnedArgv {
    /// Arguments of this size and more become blocks.
    pub const BLOCK_BYTES: usize = 32 * 1024;

    pub fn new<A: AsRef<[u8]>>(args: impl IntoIterator<Item = A>) -> OwnedArgv {
        let mut owned = OwnedArgv::default();
        for arg in args {
            owned.push(arg.as_ref());
        }
        owned
    }

    /// Append one argument.
    pub fn push(&mut self, arg: &[u8]) {
        if arg.len() >= OwnedArgv::BLOCK_BYTES {
            self.push_block(Arc::new(arg.to_vec()));
        } else {
            self.spans.push(Span::new(self.bytes.len(), arg.len()));
            self.bytes.extend_from_slice(arg);
        }
    }

    /// How many arguments.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    fn push_block(&mut self, block: Block) {
        self.spans.push(Span::block(self.blocks.len()));
        self.blocks.push(block);
    }

    pub fn as_argv(&self) -> Argv<'_> {
        Argv::new(&self.bytes, &self.spans, &self.blocks)
    }

    /// Memory held, the blocks at their full size.
    pub fn memory_bytes(&self) -> usize {
        self.bytes.capacity()
            + self.spans.capacity() * size_of::<Span>()
            + self.blocks.iter().map(|b| b.capacity()).sum::<usize>()
    }
}

impl From<Argv<'_>> for OwnedArgv {
    fn from(argv: Argv<'_>) -> OwnedArgv {
        let small: usize = (0..argv.len())
            .filter(|&i| argv.block(i).is_none())
            .map(|i| argv.get(i).len())
            .sum();
        let mut owned = OwnedArgv {
            bytes: Vec::with_capacity(small),
            spans: Vec::with_capacity(argv.len()),
            blocks: Vec::new(),
        };
        for i in 0..argv.len() {
            match argv.block(i) {
                Some(block) => owned.push_block(block.clone()),
                None => owned.push(argv.get(i)),
            }
        }
        owned
    }
}
