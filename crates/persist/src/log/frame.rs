//! One line before each group of the stream: where it belongs, how long it is, its checksum.
//!
//! ```text
//!   #OCH1 lsn=1024 len=58 synced=1024 crc=9ab0c1d2\r\n
//!   *3\r\n$3\r\nSET\r\n ...                              58 bytes of commands
//!
//!   #TS:1700000000\r\n                                  if times are wanted and the second is
//!   #OCH1 lsn=1082 len=9 synced=1024 time=1700000000 crc=0f52c7aa\r\n            another one
//! ```
//!
//! - `lsn`: the place of the group's first byte in the stream.
//! - `len`: the bytes of the group, this line not counted. Zero is a group too: it says where
//!   the stream stands.
//! - `synced`: all of the stream before this place had been synced when the line was written.
//!   A reader that misses something before `synced` of any later line knows that it was damaged
//!   and not merely unfinished.
//! - `time`: that of the `#TS:` line just before, in unix seconds. There is one if and only if
//!   there is the other: the line is for stock tools, this word puts it under the checksum.
//! - `crc`: CRC-32C of the words before it (`lsn=… len=… synced=…`) and of the group, so that a
//!   group in the wrong place does not pass.
//!
//! Stock servers skip lines that begin with `#` where a command would.

use base::{parse_u64, write_u64};

use super::Lsn;
use super::command::{TIMESTAMP, timestamp};
use base::Crc32c;

/// The beginning of every line of ours, in any version.
pub const MAGIC: &[u8] = b"#OCH";
/// No line of ours is longer, the `#TS:` line before it included.
pub const LINE_BYTES_MAX: usize = 144;
/// The greatest time that fits: twelve digits.
pub const TIME_MAX: u64 = 999_999_999_999;

const PREFIX: &[u8] = b"#OCH1 ";

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    pub lsn: Lsn,
    /// Bytes of the group.
    pub len: u64,
    pub synced: Lsn,
    /// The time on the line before, in unix seconds.
    pub time: Option<u64>,
    pub crc: u32,
}

/// Bytes that are no line of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadLine {
    /// A line of another version: its number.
    Version(u64),
    Malformed,
}

impl Frame {
    /// The line's contents for a group. A time is at most [`TIME_MAX`].
    pub fn of(lsn: Lsn, synced: Lsn, time: Option<u64>, group: &[u8]) -> Frame {
        let mut frame = Frame {
            lsn,
            len: group.len() as u64,
            synced,
            time,
            crc: 0,
        };
        let mut check = frame.check();
        check.update(group);
        frame.crc = check.value();
        frame
    }

    /// Where the next group begins in the stream.
    pub fn end_lsn(&self) -> Lsn {
        self.lsn + self.len
    }

    /// Writes the line, and the one with its time before it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        if let Some(time) = self.time {
            out.extend_from_slice(TIMESTAMP);
            write_u64(out, time);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(PREFIX);
        self.encode_words(out);
        out.extend_from_slice(b" crc=");
        out.extend_from_slice(&hex(self.crc));
        out.extend_from_slice(b"\r\n");
        debug_assert!(out.len() - start <= LINE_BYTES_MAX);
    }

    /// Reads the line at the front of `bytes`, and the one with its time before it: what they say
    /// and how long they are. Strict: one way to write each number, one blank between words, no
    /// sum beyond 2^64, and the same time in both.
    pub fn decode(bytes: &[u8]) -> Result<(Frame, usize), BadLine> {
        let before = timestamp(bytes);
        let before_bytes = before.map_or(0, |(_, len)| len);
        let (frame, line_bytes) = Frame::decode_line(&bytes[before_bytes..])?;
        if frame.time != before.map(|(time, _)| time) {
            return Err(BadLine::Malformed);
        }
        Ok((frame, before_bytes + line_bytes))
    }

    /// As [`Frame::decode`], from the line itself on: whether its time stands before it too is not
    /// looked at.
    pub(crate) fn decode_line(bytes: &[u8]) -> Result<(Frame, usize), BadLine> {
        let bytes = &bytes[..bytes.len().min(LINE_BYTES_MAX)];
        let newline = memchr::memchr(b'\n', bytes).ok_or(BadLine::Malformed)?;
        let line = bytes[..newline].strip_suffix(b"\r");
        let line = line.ok_or(BadLine::Malformed)?;
        let Some(words) = line.strip_prefix(PREFIX) else {
            return Err(other_version(line));
        };
        let frame = decode_words(words).ok_or(BadLine::Malformed)?;
        Ok((frame, newline + 1))
    }

    /// The checksum so far: the words, the group to follow.
    pub(crate) fn check(&self) -> Crc32c {
        let mut words = Vec::with_capacity(LINE_BYTES_MAX);
        self.encode_words(&mut words);
        let mut check = Crc32c::new();
        check.update(&words);
        check
    }

    fn encode_words(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"lsn=");
        write_u64(out, self.lsn);
        out.extend_from_slice(b" len=");
        write_u64(out, self.len);
        out.extend_from_slice(b" synced=");
        write_u64(out, self.synced);
        if let Some(time) = self.time {
            out.extend_from_slice(b" time=");
            write_u64(out, time);
        }
    }
}

fn decode_words(words: &[u8]) -> Option<Frame> {
    let mut words = words.split(|byte| *byte == b' ');
    let mut number = |name: &[u8]| {
        let value = words.next()?.strip_prefix(name)?;
        parse_u64(value)
    };
    let (lsn, len, synced) = (number(b"lsn=")?, number(b"len=")?, number(b"synced=")?);
    let mut next = words.next()?;
    let mut time = None;
    if let Some(digits) = next.strip_prefix(b"time=") {
        time = Some(parse_u64(digits).filter(|time| *time <= TIME_MAX)?);
        next = words.next()?;
    }
    let crc = unhex(next.strip_prefix(b"crc=")?)?;
    let whole = words.next().is_none() && lsn.checked_add(len).is_some() && synced <= lsn;
    whole.then_some(Frame {
        lsn,
        len,
        synced,
        time,
        crc,
    })
}

fn other_version(line: &[u8]) -> BadLine {
    let version = || {
        let rest = line.strip_prefix(MAGIC)?;
        let digits = &rest[..memchr::memchr(b' ', rest)?];
        parse_u64(digits).filter(|version| *version > 1)
    };
    version().map_or(BadLine::Malformed, BadLine::Version)
}

/// Eight lower-case digits.
pub(crate) fn hex(number: u32) -> [u8; 8] {
    std::array::from_fn(|at| b"0123456789abcdef"[(number >> (28 - 4 * at)) as usize & 15])
}

pub(crate) fn unhex(digits: &[u8]) -> Option<u32> {
    let digits: &[u8; 8] = digits.try_into().ok()?;
    digits.iter().try_fold(0u32, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u32::from(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(frame: &Frame) -> Vec<u8> {
        let mut out = Vec::new();
        frame.encode(&mut out);
        out
    }

    #[test]
    fn lines_are_read_as_written() {
        for (lsn, synced) in [
            (0, 0),
            (1, 0),
            (123_456, 1_000),
            (u64::MAX - 9, u64::MAX - 9),
        ] {
            for time in [None, Some(0), Some(TIME_MAX)] {
                let frame = Frame::of(lsn, synced, time, b"PING\r\n");
                let text = line(&frame);
                assert_eq!(Frame::decode(&text), Ok((frame, text.len())));
                assert!(text.len() <= LINE_BYTES_MAX, "{}", text.len());
            }
        }
        let longest = Frame {
            lsn: u64::MAX / 2,
            len: u64::MAX / 2,
            synced: u64::MAX / 2,
            time: Some(TIME_MAX),
            crc: u32::MAX,
        };
        assert!(line(&longest).len() <= LINE_BYTES_MAX);
    }

    #[test]
    fn there_is_one_way_to_write_a_line() {
        let text = line(&Frame::of(10, 5, Some(70), b"x"));
        let text = String::from_utf8(text).expect("ASCII");
        for (from, to) in [
            ("#OCH1", "#OCHx"),
            ("lsn=10", "lsn=010"),
            ("lsn=10", "lsn=+10"),
            ("lsn=10", "LSN=10"),
            (" len", "  len"),
            ("synced=5", "synced=11"),
            ("\r\n", "\n"),
            ("\r\n", " \r\n"),
            ("time=70", "time=71"),
            ("time=70", "time=070"),
            ("time=70 ", ""),
            ("#TS:70\r\n", ""),
            ("#TS:70", "#TS:71"),
            ("#TS:70", "#TS:070"),
            ("#TS:70", "#TS: 70"),
            ("#TS:", "#ts:"),
            ("#TS:70\r\n", "#TS:70\r\n#TS:70\r\n"),
            ("70", "1000000000000"),
            ("len=1", "len=18446744073709551610"),
        ] {
            let bad = text.replace(from, to);
            assert_ne!(bad, text);
            assert_eq!(
                Frame::decode(bad.as_bytes()),
                Err(BadLine::Malformed),
                "{bad}"
            );
        }
        let newer = text.replace("#OCH1", "#OCH2");
        assert_eq!(Frame::decode(newer.as_bytes()), Err(BadLine::Version(2)));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let group = b"*1\r\n$4\r\nPING\r\n";
        for time in [None, Some(1_700_000_000)] {
            let mut bytes = line(&Frame::of(7, 3, time, group));
            bytes.extend_from_slice(group);
            for bit in 0..8 * bytes.len() {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                let passes = Frame::decode(&flipped).is_ok_and(|(frame, used)| {
                    let mut check = frame.check();
                    check.update(&flipped[used..]);
                    frame.len == group.len() as u64 && check.value() == frame.crc
                });
                assert!(!passes, "bit {bit}");
            }
        }
    }
}
