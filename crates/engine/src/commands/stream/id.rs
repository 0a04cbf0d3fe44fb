//! Ids of entries as text.
//!
//! ```text
//!   5-3     as it stands            5       5-0, or 5-max where a range ends
//!   5-*     the next of 5           - +     the least and the greatest
//!   (5-3    not 5-3 itself          $ >     where they mean something, see `read`
//! ```

use structs::stream::StreamId;

use crate::error::CommandError;

/// Longer texts are no ids.
const TEXT_BYTES_MAX: usize = 127;

fn invalid() -> CommandError {
    CommandError::err("Invalid stream ID specified as stream command argument")
}

/// An id that names one entry; without a number behind the time it has this one.
pub(super) fn strict(text: &[u8], missing_seq: u64) -> Result<StreamId, CommandError> {
    parts(text)
        .map(|(ms, seq)| StreamId::new(ms, seq.unwrap_or(missing_seq)))
        .ok_or_else(invalid)
}

/// An id, or `-` or `+`.
pub(super) fn any(text: &[u8], missing_seq: u64) -> Result<StreamId, CommandError> {
    match text {
        b"-" => Ok(StreamId::MIN),
        b"+" => Ok(StreamId::MAX),
        _ => strict(text, missing_seq),
    }
}

/// Where a range begins.
pub(super) fn range_start(text: &[u8]) -> Result<StreamId, CommandError> {
    match text {
        [b'(', rest @ ..] if !rest.is_empty() => strict(rest, 0)?
            .next()
            .ok_or_else(|| CommandError::err("invalid start ID for the interval")),
        _ => any(text, 0),
    }
}

/// Where a range ends.
pub(super) fn range_end(text: &[u8]) -> Result<StreamId, CommandError> {
    match text {
        [b'(', rest @ ..] if !rest.is_empty() => strict(rest, u64::MAX)?
            .prev()
            .ok_or_else(|| CommandError::err("invalid end ID for the interval")),
        _ => any(text, u64::MAX),
    }
}

/// The id that XADD is to give to an entry.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    /// The present time, or what comes behind the last id.
    Next,
    /// The next of this millisecond.
    NextOf(u64),
    This(StreamId),
}

impl Wanted {
    pub(super) fn parse(text: &[u8]) -> Result<Wanted, CommandError> {
        if let Some(ms) = text.strip_suffix(b"-*") {
            return match number(ms) {
                Some(ms) if text.len() <= TEXT_BYTES_MAX => Ok(Wanted::NextOf(ms)),
                _ => Err(invalid()),
            };
        }
        strict(text, 0).map(Wanted::This)
    }

    /// Nothing has this id, as nothing is below it.
    pub(super) fn is_least(self) -> bool {
        matches!(self, Wanted::This(StreamId::MIN))
    }

    /// The id, which must be above the last one.
    pub(super) fn choose(self, last: StreamId, now_ms: i64) -> Result<StreamId, CommandError> {
        if last == StreamId::MAX {
            return Err(CommandError::err(
                "The stream has exhausted the last possible ID, unable to add more items",
            ));
        }
        let id = match self {
            Wanted::Next => {
                let now = StreamId::new(now_ms.max(0) as u64, 0);
                let next = last.next().expect("it is not the greatest");
                if now.ms > last.ms { now } else { next }
            }
            Wanted::NextOf(ms) if ms == last.ms && last.seq < u64::MAX => {
                StreamId::new(ms, last.seq + 1)
            }
            Wanted::NextOf(ms) => StreamId::new(ms, 0),
            Wanted::This(id) => id,
        };
        if id > last {
            return Ok(id);
        }
        Err(CommandError::err(
            "The ID specified in XADD is equal or smaller than the target stream top item",
        ))
    }
}

/// The time, and the number behind it if there is one.
fn parts(text: &[u8]) -> Option<(u64, Option<u64>)> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    match text.iter().position(|byte| *byte == b'-') {
        None => Some((number(text)?, None)),
        Some(at) => Some((number(&text[..at])?, Some(number(&text[at + 1..])?))),
    }
}

/// Digits, as C reads them: zeros may lead, and blanks and a plus sign before them.
#[inline]
fn number(text: &[u8]) -> Option<u64> {
    let mut digits = text;
    if !text.first()?.is_ascii_digit() {
        digits = text.trim_ascii_start();
        digits = digits.strip_prefix(b"+").unwrap_or(digits);
    }
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(digit.into())
    })
}

/// An id as it is written.
#[derive(Clone, Copy)]
pub(super) struct IdText {
    bytes: [u8; IdText::BYTES_MAX],
    len: u8,
}

impl IdText {
    const BYTES_MAX: usize = 20 + 1 + 20;

    #[inline]
    pub(super) fn of(id: StreamId) -> IdText {
        let mut bytes = [0; IdText::BYTES_MAX];
        let mut digits = itoa::Buffer::new();
        let ms = digits.format(id.ms).as_bytes();
        bytes[..ms.len()].copy_from_slice(ms);
        let mut len = ms.len();
        bytes[len] = b'-';
        len += 1;
        let seq = digits.format(id.seq).as_bytes();
        bytes[len..len + seq.len()].copy_from_slice(seq);
        len += seq.len();
        IdText {
            bytes,
            len: len as u8,
        }
    }

    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let id = |ms, seq| Ok(StreamId::new(ms, seq));
        let invalid = || Err(invalid());
        assert_eq!(strict(b"5-3", 0), id(5, 3));
        assert_eq!(strict(b"5", 7), id(5, 7));
        assert_eq!(strict(b"007-+03", 0), id(7, 3));
        assert_eq!(strict(b" 7", 0), id(7, 0));
        let max = b"18446744073709551615-18446744073709551615";
        assert_eq!(strict(max, 0), Ok(StreamId::MAX));
        assert_eq!(IdText::of(StreamId::MAX).bytes(), max);
        for bad in [
            &b""[..],
            b"-",
            b"+",
            b"5-",
            b"-5",
            b"5-3-1",
            b"x",
            b"5-*",
            b"18446744073709551616",
            b"5 ",
            b"+",
            &[b'0'; 200],
        ] {
            assert_eq!(strict(bad, 0), invalid(), "{bad:?}");
        }
        assert_eq!(range_start(b"(5"), id(5, 1));
        assert_eq!(range_end(b"(5-0"), id(4, u64::MAX));
        assert_eq!(range_start(b"("), invalid());
        assert_eq!(range_start(b"(-"), invalid());
        assert_eq!(range_end(b"-"), id(0, 0));
    }

    #[test]
    fn next_ids() {
        let id = StreamId::new;
        let choose = |wanted: &[u8], last, now_ms| {
            let wanted = Wanted::parse(wanted).expect("an id");
            wanted.choose(last, now_ms).ok()
        };
        assert_eq!(Wanted::Next.choose(id(5, 2), 9).ok(), Some(id(9, 0)));
        assert_eq!(Wanted::Next.choose(id(9, 2), 5).ok(), Some(id(9, 3)));
        assert_eq!(
            Wanted::Next.choose(id(9, u64::MAX), 5).ok(),
            Some(id(10, 0))
        );
        assert_eq!(Wanted::Next.choose(StreamId::MAX, 5).ok(), None);
        assert_eq!(choose(b"0-*", id(0, 0), 1), Some(id(0, 1)));
        assert_eq!(choose(b"7-*", id(7, 4), 1), Some(id(7, 5)));
        assert_eq!(choose(b"7-*", id(7, u64::MAX), 1), None);
        assert_eq!(choose(b"6-*", id(7, 4), 1), None);
        assert_eq!(choose(b"7-4", id(7, 4), 1), None);
        assert!(Wanted::parse(b"x-*").is_err());
    }
}
