//! Bytes to requests, resumable at any byte.
//!
//! Two forms, told apart by the first byte of a request:
//!
//! ```text
//!   *2\r\n $3\r\n GET\r\n $1\r\n k\r\n        multibulk, what clients send
//!   GET k\r\n     or     GET "a key"\n        inline, what people type
//! ```
//!
//! A [`Decoder`] remembers how far it has come: between requests, or inside a
//! multibulk with so many arguments to go. Nothing is scanned twice but the
//! one header line or inline line that has not arrived whole. Limits and
//! error texts are Redis' (its `networking.c` answers them and closes).
//!
//! What it refuses to do: trust an announced size. A count of arguments
//! reserves nothing, and a length reserves at most [`Filling::TRUSTED_BYTES`]
//! of address space before bytes arrive.

use std::fmt;

use memchr::memchr;

use crate::argv::{OwnedArgv, Span};
use crate::query::{Limits, QueryBuffer};

/// A stream that makes no sense any more. `Display` is the text that follows
/// `-ERR `; the connection is closed after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// An inline request of more than 64 KiB without an end of line.
    InlineTooLong,
    /// A `*` line of more than 64 KiB.
    CountTooLong,
    /// A `$` line of more than 64 KiB.
    LengthTooLong,
    BadCount,
    BadLength,
    UnauthenticatedCount,
    UnauthenticatedLength,
    /// Something else where `$` had to be.
    ExpectedLength(u8),
    UnbalancedQuotes,
    /// Over `client-query-buffer-limit`: closed without a word, as Redis does.
    QueryTooLarge,
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            ProtocolError::InlineTooLong => "too big inline request",
            ProtocolError::CountTooLong => "too big mbulk count string",
            ProtocolError::LengthTooLong => "too big bulk count string",
            ProtocolError::BadCount => "invalid multibulk length",
            ProtocolError::BadLength => "invalid bulk length",
            ProtocolError::UnauthenticatedCount => "unauthenticated multibulk length",
            ProtocolError::UnauthenticatedLength => "unauthenticated bulk length",
            ProtocolError::ExpectedLength(byte) => {
                // The offending byte must not break the error line.
                let shown = if byte.is_ascii_control() { b'.' } else { *byte };
                return write!(f, "Protocol error: expected '$', got '{}'", shown as char);
            }
            ProtocolError::UnbalancedQuotes => "unbalanced quotes in request",
            ProtocolError::QueryTooLarge => "query buffer limit exceeded",
        };
        write!(f, "Protocol error: {text}")
    }
}

/// What one step of the decoder came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A whole request: its spans have been pushed.
    Request,
    /// An empty line, or a multibulk of nothing: go on.
    Nothing,
    /// The rest has not arrived.
    NeedMore,
}

/// How far the bytes of a [`QueryBuffer`] have been understood.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// First byte that has not been understood yet.
    scanned: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Between,
    /// Inside a multibulk: this many arguments are still to come.
    Arguments(u32),
    /// A large argument has just been filled; its line end comes next.
    BlockEnd(u32),
}

/// A large argument on its way from the socket into its final allocation.
#[derive(Debug)]
pub(crate) struct Filling {
    bytes: Vec<u8>,
    wanted_bytes: usize,
}

impl Decoder {
    /// Header lines and inline requests are at most this long.
    const LINE_BYTES_MAX: usize = 64 * 1024;
    /// Before login: this many arguments of this size.
    const UNAUTHENTICATED_ARGS: i64 = 10;
    const UNAUTHENTICATED_BYTES: i64 = 16 * 1024;

    pub(crate) fn scanned(&self) -> usize {
        self.scanned
    }

    pub(crate) fn is_between_requests(&self) -> bool {
        self.state == State::Between
    }

    pub(crate) fn moved_back(&mut self, bytes: usize) {
        self.scanned -= bytes;
    }

    /// The block that a step asked for is complete and has its span.
    pub(crate) fn block_arrived(&mut self) {
        match self.state {
            State::Arguments(left) => self.state = State::BlockEnd(left),
            state => unreachable!("no block was awaited in {state:?}"),
        }
    }

    /// Understand one more request, or as much of it as has arrived.
    #[inline]
    pub(crate) fn step(
        &mut self,
        buffer: &mut QueryBuffer,
        limits: &Limits,
    ) -> Result<Outcome, ProtocolError> {
        match self.state {
            State::Between => match buffer.bytes.get(self.scanned) {
                None => Ok(Outcome::NeedMore),
                Some(b'*') => self.multibulk(buffer, limits),
                Some(_) => self.inline(buffer),
            },
            State::Arguments(left) => self.arguments(left, buffer, limits),
            State::BlockEnd(left) => {
                if buffer.bytes.len() < self.scanned + 2 {
                    return Ok(Outcome::NeedMore);
                }
                self.scanned += 2;
                self.arguments(left - 1, buffer, limits)
            }
        }
    }

    fn multibulk(
        &mut self,
        buffer: &mut QueryBuffer,
        limits: &Limits,
    ) -> Result<Outcome, ProtocolError> {
        let line = &buffer.bytes[self.scanned..];
        let (count, used) = match header(&line[1..]) {
            Header::Number(count, used) => (count, used + 1),
            Header::Bad => return Err(ProtocolError::BadCount),
            Header::NeedMore if line.len() > Decoder::LINE_BYTES_MAX => {
                return Err(ProtocolError::CountTooLong);
            }
            Header::NeedMore => return Ok(Outcome::NeedMore),
        };
        if count > i64::from(i32::MAX) {
            return Err(ProtocolError::BadCount);
        }
        if count > Decoder::UNAUTHENTICATED_ARGS && !limits.authenticated {
            return Err(ProtocolError::UnauthenticatedCount);
        }
        self.scanned += used;
        if count <= 0 {
            return Ok(Outcome::Nothing);
        }
        self.arguments(count as u32, buffer, limits)
    }

    fn arguments(
        &mut self,
        mut left: u32,
        buffer: &mut QueryBuffer,
        limits: &Limits,
    ) -> Result<Outcome, ProtocolError> {
        let mut at = self.scanned;
        while left > 0 {
            let line = &buffer.bytes[at..];
            let Some(&first) = line.first() else {
                return Ok(self.pause(at, left));
            };
            if first != b'$' {
                return Err(ProtocolError::ExpectedLength(first));
            }
            let (len, used) = match header(&line[1..]) {
                Header::Number(len, used) => (len, used + 1),
                Header::Bad => return Err(ProtocolError::BadLength),
                Header::NeedMore if line.len() > Decoder::LINE_BYTES_MAX => {
                    return Err(ProtocolError::LengthTooLong);
                }
                Header::NeedMore => return Ok(self.pause(at, left)),
            };
            if len < 0 || len as u64 > limits.bulk_bytes_max as u64 {
                return Err(ProtocolError::BadLength);
            }
            if len > Decoder::UNAUTHENTICATED_BYTES && !limits.authenticated {
                return Err(ProtocolError::UnauthenticatedLength);
            }
            let len = len as usize;
            let start = at + used;
            if len >= OwnedArgv::BLOCK_BYTES {
                self.pause(start, left);
                buffer.filling = Some(Filling::begin(len, &mut buffer.bytes, start)?);
                // The next parse takes the block if it was already here whole.
                return self.take_block(buffer, limits);
            }
            if buffer.bytes.len() < start + len + 2 {
                return Ok(self.pause(at, left));
            }
            buffer.spans.push(Span::new(start, len));
            at = start + len + 2;
            left -= 1;
        }
        self.scanned = at;
        self.state = State::Between;
        Ok(Outcome::Request)
    }

    /// A large argument that had arrived whole needs no wait.
    fn take_block(
        &mut self,
        buffer: &mut QueryBuffer,
        limits: &Limits,
    ) -> Result<Outcome, ProtocolError> {
        let filling = buffer.filling.take().expect("just begun");
        match filling.finished() {
            Err(filling) => {
                buffer.filling = Some(filling);
                Ok(Outcome::NeedMore)
            }
            Ok((block, excess)) => {
                debug_assert!(excess.is_empty());
                buffer.spans.push(Span::block(buffer.blocks.len()));
                buffer.blocks.push(std::sync::Arc::new(block));
                self.block_arrived();
                self.step(buffer, limits)
            }
        }
    }

    fn pause(&mut self, at: usize, left: u32) -> Outcome {
        self.scanned = at;
        self.state = State::Arguments(left);
        Outcome::NeedMore
    }

    fn inline(&mut self, buffer: &mut QueryBuffer) -> Result<Outcome, ProtocolError> {
        let start = self.scanned;
        let Some(newline) = memchr(b'\n', &buffer.bytes[start..]) else {
            if buffer.bytes.len() - start > Decoder::LINE_BYTES_MAX {
                return Err(ProtocolError::InlineTooLong);
            }
            return Ok(Outcome::NeedMore);
        };
        let mut end = start + newline;
        self.scanned = end + 1;
        if end > start && buffer.bytes[end - 1] == b'\r' {
            end -= 1;
        }
        // Quotes and escapes never grow, so the line is unescaped in place.
        let mut words = Vec::new();
        base::split_args::split_args_in_place(&mut buffer.bytes[start..end], &mut words)
            .map_err(|_| ProtocolError::UnbalancedQuotes)?;
        if words.is_empty() {
            return Ok(Outcome::Nothing);
        }
        let spans = words.iter().map(|&(at, len)| Span::new(start + at, len));
        buffer.spans.extend(spans);
        Ok(Outcome::Request)
    }
}

impl Filling {
    /// An announced length reserves at most this much at once; beyond it the
    /// allocation doubles as bytes arrive.
    const TRUSTED_BYTES: usize = 64 * 1024 * 1024;

    /// Start a block of `wanted_bytes`, taking over what has arrived of it.
    fn begin(
        wanted_bytes: usize,
        received: &mut Vec<u8>,
        start: usize,
    ) -> Result<Filling, ProtocolError> {
        let mut bytes = Vec::new();
        bytes
            .try_reserve_exact(wanted_bytes.min(Filling::TRUSTED_BYTES))
            .map_err(|_| ProtocolError::BadLength)?;
        let here = wanted_bytes.min(received.len() - start);
        bytes.extend_from_slice(&received[start..start + here]);
        received.drain(start..start + here);
        Ok(Filling {
            bytes,
            wanted_bytes,
        })
    }

    /// Where the next bytes go. The spare capacity may end behind the
    /// argument; [`Filling::finished`] cuts what was read too far.
    pub(crate) fn room(&mut self) -> &mut Vec<u8> {
        debug_assert!(self.bytes.len() < self.wanted_bytes);
        if self.bytes.len() == self.bytes.capacity() {
            let more = self.wanted_bytes - self.bytes.len();
            self.bytes.reserve_exact(more.min(self.bytes.len()));
        }
        &mut self.bytes
    }

    /// The block and what was read beyond it, or itself while bytes are missing.
    pub(crate) fn finished(mut self) -> Result<(Vec<u8>, Vec<u8>), Filling> {
        if self.bytes.len() < self.wanted_bytes {
            return Err(self);
        }
        let excess = self.bytes.split_off(self.wanted_bytes);
        Ok((self.bytes, excess))
    }

    pub(crate) fn received_bytes(&self) -> usize {
        self.bytes.len()
    }
}

enum Header {
    /// The number and how many bytes it took, line end included.
    Number(i64, usize),
    Bad,
    NeedMore,
}

/// The rest of a `*` or `$` line: a strict integer, then `\r` and one byte.
#[inline]
fn header(line: &[u8]) -> Header {
    // One to four digits, in one pass: nearly every header there is.
    let mut number = 0i64;
    for (i, &byte) in line.iter().take(5).enumerate() {
        match byte {
            b'0'..=b'9' if i < 4 => number = number * 10 + i64::from(byte - b'0'),
            b'\r' if i > 0 && (line[0] != b'0' || i == 1) => {
                return if line.len() > i + 1 {
                    Header::Number(number, i + 2)
                } else {
                    Header::NeedMore
                };
            }
            _ => break,
        }
    }
    long_header(line)
}

#[cold]
fn long_header(line: &[u8]) -> Header {
    match memchr(b'\r', line) {
        Some(end) if end + 1 < line.len() => match base::number::parse_i64(&line[..end]) {
            Some(number) => Header::Number(number, end + 2),
            None => Header::Bad,
        },
        _ => Header::NeedMore,
    }
}
