//! Bytes on their way in: a window on the stream that can lend what lies in it.
//!
//! ```text
//!   bytes  ┌──────────┬──────────────┬──────────────┬────────┐
//!          │   done   │ this item    │ not read yet │  free  │
//!          └──────────┴──────────────┴──────────────┴────────┘
//!                     mark           start          end
//! ```
//!
//! What an item is made of stays in the window from its `mark` on, so its key and its value can be
//! lent together when both have been read. When the window is used up, the item moves to the front
//! and the rest is filled again. Values above [`LARGE_BYTES`] do not pass through the window: they
//! are read into a vector of their own, which the caller may keep.
//!
//! Nothing is reserved on somebody's word. If the whole length is known, a declared length is
//! compared with what is left; in any case the memory grows as bytes arrive, never ahead of them by
//! more than as much again.
//!
//! The checksum runs over a window at a time, when its bytes are given up, not item by item.

use std::io::{self, ErrorKind, Read};

use base::Crc64;

use super::fault::{Fault, FaultKind};

/// The longest string that is taken: what a client could have sent.
pub(super) const STRING_BYTES_MAX: u64 = 512 << 20;
/// From this length on a value is read into a vector of its own.
pub(super) const LARGE_BYTES: usize = 64 << 10;
const WINDOW_BYTES: usize = 256 << 10;
/// A vector of unknown future starts with this much.
const FIRST_BYTES: usize = 1 << 20;

pub(super) type Result<T> = std::result::Result<T, Fault>;

pub(super) struct Input<R> {
    from: R,
    bytes: Vec<u8>,
    mark: usize,
    start: usize,
    end: usize,
    /// Stream offset less window offset. Wraps below zero when large values have passed by.
    at: u64,
    /// Length of the stream, if that is known.
    total: Option<u64>,
    crc: Option<Crc64>,
    /// The checksum has seen the window up to here.
    crc_end: usize,
    /// What is being read, for whoever asks why it failed.
    expected: &'static str,
}

/// A length as it is written, or the mark of an encoding in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Plain(u64),
    Encoding(u8),
}

/// A string as it was found: where it lies behind the mark, or what it is.
#[derive(Debug)]
pub(super) enum Piece {
    Here { from: usize, len: usize },
    Int(i64),
    Own(Vec<u8>),
}

impl<R: Read> Input<R> {
    pub(super) fn new(from: R, total: Option<u64>) -> Input<R> {
        let window = total.map_or(WINDOW_BYTES, |total| {
            usize::try_from(total)
                .unwrap_or(usize::MAX)
                .clamp(16, WINDOW_BYTES)
        });
        Input {
            from,
            bytes: vec![0; window],
            mark: 0,
            start: 0,
            end: 0,
            at: 0,
            total,
            crc: Some(Crc64::new()),
            crc_end: 0,
            expected: "its header",
        }
    }

    pub(super) fn without_crc(&mut self) {
        self.crc = None;
    }

    /// Offset in the stream of what is read next.
    pub(super) fn offset(&self) -> u64 {
        self.at.wrapping_add(self.start as u64)
    }

    /// Name what comes next, for an error.
    #[inline]
    pub(super) fn expect(&mut self, expected: &'static str) {
        self.expected = expected;
    }

    pub(super) fn fault<T>(&self, at: u64, what: FaultKind) -> Result<T> {
        Err(Fault::new(at, what))
    }

    /// From here on everything stays until the next mark.
    #[inline]
    pub(super) fn set_mark(&mut self) {
        self.mark = self.start;
    }

    /// What a piece refers to, as long as the mark is not moved.
    pub(super) fn lend(&self, from: usize, len: usize) -> &[u8] {
        &self.bytes[self.mark + from..][..len]
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8> {
        if self.start == self.end {
            self.fill(1)?;
        }
        let byte = self.bytes[self.start];
        self.start += 1;
        Ok(byte)
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        if self.end - self.start < N {
            self.fill(N)?;
        }
        let mut array = [0; N];
        array.copy_from_slice(&self.bytes[self.start..self.start + N]);
        self.start += N;
        Ok(array)
    }

    /// A length, or the mark of an encoding where a string's length would be.
    #[inline]
    pub(super) fn length(&mut self) -> Result<Length> {
        let first = self.byte()?;
        let low = first & 0x3f;
        match first >> 6 {
            0 => Ok(Length::Plain(low.into())),
            1 => Ok(Length::Plain(u64::from(low) << 8 | u64::from(self.byte()?))),
            3 => Ok(Length::Encoding(low)),
            _ if low == 0 => Ok(Length::Plain(u32::from_be_bytes(self.array()?).into())),
            _ if low == 1 => Ok(Length::Plain(u64::from_be_bytes(self.array()?))),
            _ => self.malformed(first),
        }
    }

    /// A number that is written as a length.
    #[inline]
    pub(super) fn number(&mut self) -> Result<u64> {
        match self.length()? {
            Length::Plain(number) => Ok(number),
            Length::Encoding(low) => self.malformed(0xc0 | low),
        }
    }

    /// A number of things that follow, each of at least one byte.
    pub(super) fn count(&mut self) -> Result<u64> {
        let at = self.offset();
        let count = self.number()?;
        self.check_left(count, at)?;
        Ok(count)
    }

    /// A string: lent, or an integer, or unpacked.
    #[inline]
    pub(super) fn string(&mut self) -> Result<Piece> {
        let at = self.offset();
        match self.length()? {
            Length::Plain(len) if len < LARGE_BYTES as u64 => {
                let len = len as usize;
                if self.end - self.start < len {
                    self.check_left(len as u64, at)?;
                    self.fill(len)?;
                }
                let from = self.start - self.mark;
                self.start += len;
                Ok(Piece::Here { from, len })
            }
            Length::Plain(len) => {
                self.check_string(len, at)?;
                Ok(Piece::Own(self.take_vec(len as usize)?))
            }
            Length::Encoding(encoding) => self.encoded(encoding, at),
        }
    }

    /// Go past a string without keeping or unpacking it.
    pub(super) fn skip_string(&mut self) -> Result<()> {
        let at = self.offset();
        match self.length()? {
            Length::Plain(len) => {
                self.check_string(len, at)?;
                self.skip(len)
            }
            Length::Encoding(3) => {
                let packed = self.number()?;
                let len = self.number()?;
                self.check_string(packed, at)?;
                self.check_packed(packed, len, at)?;
                self.skip(packed)
            }
            Length::Encoding(encoding) => self.encoded(encoding, at).map(drop),
        }
    }

    /// Go past some bytes, whether or not they fit in the window. The mark goes along.
    pub(super) fn skip(&mut self, bytes: u64) -> Result<()> {
        self.check_left(bytes, self.offset())?;
        let mut left = bytes;
        loop {
            let here = (self.end - self.start) as u64;
            self.start += here.min(left) as usize;
            self.mark = self.start;
            left -= here.min(left);
            if left == 0 {
                return Ok(());
            }
            self.fill(1)?;
        }
    }

    /// Is there anything behind what was read?
    pub(super) fn is_over(&mut self) -> Result<bool> {
        if self.start < self.end {
            return Ok(false);
        }
        match self.fill(1) {
            Ok(()) => Ok(false),
            Err(Fault {
                what: FaultKind::Ends { .. },
                ..
            }) => Ok(true),
            Err(fault) => Err(fault),
        }
    }

    /// The checksum of everything up to here; `None` if none is kept.
    pub(super) fn crc(&mut self) -> Option<u64> {
        self.feed_crc();
        self.crc.as_ref().map(Crc64::value)
    }

    /// What was taken from the stream but not read, and the stream.
    pub(super) fn into_parts(mut self) -> (Vec<u8>, R) {
        self.bytes.truncate(self.end);
        self.bytes.drain(..self.start);
        (self.bytes, self.from)
    }

    /// Integers of three widths, and compressed strings.
    #[inline(never)]
    fn encoded(&mut self, encoding: u8, at: u64) -> Result<Piece> {
        match encoding {
            0 => Ok(Piece::Int(i64::from(self.byte()? as i8))),
            1 => Ok(Piece::Int(i16::from_le_bytes(self.array()?).into())),
            2 => Ok(Piece::Int(i32::from_le_bytes(self.array()?).into())),
            3 => self.unpacked(at).map(Piece::Own),
            _ => self.fault(
                at,
                FaultKind::Malformed {
                    expected: self.expected,
                    byte: 0xc0 | encoding,
                },
            ),
        }
    }

    fn unpacked(&mut self, at: u64) -> Result<Vec<u8>> {
        let packed_len = self.number()?;
        let len = self.number()?;
        self.check_string(packed_len, at)?;
        self.check_packed(packed_len, len, at)?;
        let len = len as usize;
        let unpacked = if packed_len < LARGE_BYTES as u64 {
            let packed_len = packed_len as usize;
            if self.end - self.start < packed_len {
                self.fill(packed_len)?;
            }
            let packed = &self.bytes[self.start..self.start + packed_len];
            self.start += packed_len;
            base::lzf::decompress(packed, len)
        } else {
            let packed = self.take_vec(packed_len as usize)?;
            base::lzf::decompress(&packed, len)
        };
        match unpacked {
            Some(unpacked) => Ok(unpacked),
            None => self.fault(
                at,
                FaultKind::Compression {
                    expected: self.expected,
                },
            ),
        }
    }

    /// Bytes past the window. Those that lie in it already are copied, the others read in place.
    fn take_vec(&mut self, len: usize) -> Result<Vec<u8>> {
        let reserved = if self.total.is_some() {
            len
        } else {
            len.min(FIRST_BYTES)
        };
        let mut bytes = Vec::with_capacity(reserved);
        let here = len.min(self.end - self.start);
        bytes.extend_from_slice(&self.bytes[self.start..self.start + here]);
        self.start += here;
        if here == len {
            return Ok(bytes);
        }
        self.feed_crc();
        let rest = (len - here) as u64;
        let read = self.from.by_ref().take(rest).read_to_end(&mut bytes);
        let offset = self.offset();
        if let Err(error) = read {
            return self.fault(offset, FaultKind::Io(error));
        }
        if let Some(crc) = &mut self.crc {
            crc.update(&bytes[here..]);
        }
        self.at = self.at.wrapping_add((bytes.len() - here) as u64);
        if bytes.len() < len {
            return self.ends();
        }
        Ok(bytes)
    }

    fn check_string(&self, declared: u64, at: u64) -> Result<()> {
        if declared > STRING_BYTES_MAX {
            let expected = self.expected;
            return self.fault(at, FaultKind::TooLong { expected, declared });
        }
        self.check_left(declared, at)
    }

    /// No three compressed bytes make more than 264.
    fn check_packed(&self, packed: u64, len: u64, at: u64) -> Result<()> {
        let expected = self.expected;
        if len > STRING_BYTES_MAX {
            let declared = len;
            return self.fault(at, FaultKind::TooLong { expected, declared });
        }
        if len > packed.saturating_mul(264 / 3 + 1).saturating_add(264) {
            return self.fault(at, FaultKind::Compression { expected });
        }
        Ok(())
    }

    fn check_left(&self, declared: u64, at: u64) -> Result<()> {
        let Some(total) = self.total else {
            return Ok(());
        };
        let left = total.saturating_sub(self.offset());
        if declared > left {
            return self.fault(
                at,
                FaultKind::PastTheEnd {
                    expected: self.expected,
                    declared,
                    left,
                },
            );
        }
        Ok(())
    }

    fn malformed<T>(&self, byte: u8) -> Result<T> {
        self.fault(
            self.offset() - 1,
            FaultKind::Malformed {
                expected: self.expected,
                byte,
            },
        )
    }

    /// The stream has ended, here or where it was said to end.
    fn ends<T>(&self) -> Result<T> {
        self.fault(
            self.at.wrapping_add(self.end as u64),
            FaultKind::Ends {
                expected: self.expected,
            },
        )
    }

    fn feed_crc(&mut self) {
        if let Some(crc) = &mut self.crc {
            crc.update(&self.bytes[self.crc_end..self.start]);
        }
        self.crc_end = self.start;
    }

    /// Have at least `bytes` in the window behind `start`.
    #[cold]
    fn fill(&mut self, bytes: usize) -> Result<()> {
        let offset = self.offset();
        if self
            .total
            .is_some_and(|total| total.saturating_sub(offset) < bytes as u64)
        {
            let expected = self.expected;
            let at = self.total.unwrap_or(offset);
            return self.fault(at, FaultKind::Ends { expected });
        }
        self.make_room();
        let wanted = self.start + bytes;
        while self.end < wanted {
            if self.end == self.bytes.len() {
                // As much again as has arrived, or just what is wanted.
                let len = (2 * self.end)
                    .max(WINDOW_BYTES)
                    .min(wanted.max(WINDOW_BYTES));
                self.bytes.resize(len.max(self.end + 1), 0);
            }
            match self.from.read(&mut self.bytes[self.end..]) {
                Ok(0) => return self.ends(),
                Ok(read) => self.end += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return self.io(error),
            }
        }
        Ok(())
    }

    /// Move what is still needed to the front of the window, and give back what a long item took.
    fn make_room(&mut self) {
        self.feed_crc();
        let mark = self.mark;
        self.bytes.copy_within(mark..self.end, 0);
        self.at = self.at.wrapping_add(mark as u64);
        self.mark = 0;
        self.start -= mark;
        self.end -= mark;
        self.crc_end -= mark;
        if self.bytes.len() > 4 * WINDOW_BYTES && self.end < WINDOW_BYTES {
            self.bytes.truncate(WINDOW_BYTES);
            self.bytes.shrink_to_fit();
        }
    }

    fn io<T>(&self, error: io::Error) -> Result<T> {
        let at = self.at.wrapping_add(self.end as u64);
        self.fault(at, FaultKind::Io(error))
    }
}
