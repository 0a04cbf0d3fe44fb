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

    /// The request as it lies in its buffer, `*3\r\n$3\r\nSET\r\n` and so on, if it lies there whole
    /// and in one piece, and every byte of it is as it has to be. Not so are inline commands, words
    /// of a thousand bytes and more, and most of what is built from parts. A decoder takes any bytes
    /// where a line ends, as Redis does; whoever keeps a request for others to read must not.
    ///
    /// ```text
    ///   *3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n
    ///         ▲         ▲       ▲  each word has its own length before it, and nothing else
    /// ```
    #[inline]
    pub fn as_sent(&self) -> Option<AsSent<'a>> {
        let words = self.spans.len();
        let first = self.spans.first()?;
        if words > 9 || !self.blocks.is_empty() {
            return None;
        }
        let mut at =
            (first.start as usize).checked_sub("*1\r\n".len() + frame_bytes(first.len)?)?;
        let start = at;
        if self.bytes[at..at + 4] != [b'*', b'0' + words as u8, b'\r', b'\n'] {
            return None;
        }
        at += 4;
        for span in self.spans {
            at += frame_bytes(span.len)?;
            let is_framed = at == span.start as usize && self.is_framed(at, span.len);
            if !is_framed {
                return None;
            }
            at += span.len as usize + 2;
        }
        Some(AsSent {
            bytes: &self.bytes[start..at],
            name_at: first.start as usize - start,
        })
    }

    /// Does `$len\r\n` stand before `at`, and a line end behind the word there?
    #[inline]
    fn is_framed(&self, at: usize, len: u32) -> bool {
        let behind = at + len as usize;
        let tail = self.bytes.get(behind..behind + 2);
        let (tens, ones) = (b'0' + (len / 10 % 10) as u8, b'0' + (len % 10) as u8);
        let head = match len {
            0..10 => self.bytes[at - 4..at] == [b'$', ones, b'\r', b'\n'],
            10..100 => self.bytes[at - 5..at] == [b'$', tens, ones, b'\r', b'\n'],
            _ => {
                let hundreds = b'0' + (len / 100) as u8;
                self.bytes[at - 6..at] == [b'$', hundreds, tens, ones, b'\r', b'\n']
            }
        };
        head && tail == Some(b"\r\n")
    }

    /// About how many bytes the request takes up as RESP, rather more than less; without looking
    /// at each argument, mostly.
    #[inline]
    pub fn wire_bytes(&self) -> usize {
        const FRAME_BYTES: usize = 16;
        let payload_bytes = match (self.spans.first(), self.spans.last()) {
            (Some(first), Some(last)) if self.blocks.is_empty() && first.start <= last.start => {
                (last.start - first.start + last.len) as usize
            }
            _ => self.payload_bytes(),
        };
        payload_bytes + self.len() * FRAME_BYTES
    }

    /// The bytes of all arguments together.
    pub fn payload_bytes(&self) -> usize {
        (0..self.len()).map(|i| self.get(i).len()).sum()
    }
}

/// A request as one piece of RESP.
#[derive(Clone, Copy, Debug)]
pub struct AsSent<'a> {
    pub bytes: &'a [u8],
    /// Where in them the command's name begins.
    pub name_at: usize,
}

/// What stands before a word of so many bytes; `None` for the longer ones.
#[inline]
fn frame_bytes(len: u32) -> Option<usize> {
    match len {
        0..10 => Some("$1\r\n".len()),
        10..100 => Some("$12\r\n".len()),
        100..1000 => Some("$123\r\n".len()),
        _ => None,
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
