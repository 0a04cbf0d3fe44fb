//! Ziplists, which Redis packed small collections into before 7.0. Read only.
//!
//! ```text
//!   total    tail     count   entry                                    end
//!   u32 LE   u32 LE   u16 LE  length of the one before │ coding │ text  ff
//!                             1, or fe and 4
//! ```
//!
//! A coding begins with 00, 01 or 10: a text of 6, 14 or 32 bits of length. 11 is an integer: of 16,
//! 32, 64, 24 or 8 bits, or one from 0 to 12 in the coding itself.

use store::Item;

const HEADER_BYTES: usize = 10;
const END: u8 = 0xff;
const DAMAGED: &str = "a ziplist that is damaged";

/// All items, or what is wrong.
pub(super) fn items(bytes: &[u8]) -> Result<Vec<Item<'_>>, &'static str> {
    let total = bytes.first_chunk().map(|total| u32::from_le_bytes(*total));
    if bytes.len() <= HEADER_BYTES || total != u32::try_from(bytes.len()).ok() {
        return Err("a ziplist's length that is not its length");
    }
    let mut rest = &bytes[HEADER_BYTES..];
    let (mut items, mut before) = (Vec::new(), 0);
    while rest[0] != END {
        let (item, len) = entry(rest, before).ok_or(DAMAGED)?;
        items.push(item);
        before = len;
        // One byte at least must follow: the end.
        rest = rest
            .get(len..)
            .filter(|rest| !rest.is_empty())
            .ok_or(DAMAGED)?;
    }
    let count = u16::from_le_bytes([bytes[8], bytes[9]]);
    if rest.len() > 1 || (count != u16::MAX && usize::from(count) != items.len()) {
        return Err(DAMAGED);
    }
    Ok(items)
}

/// The first entry, and what it takes. The one before it must take `before`.
fn entry(bytes: &[u8], before: usize) -> Option<(Item<'_>, usize)> {
    let (told, at) = match *bytes.first()? {
        0xfe => (
            u32::from_le_bytes(*bytes.get(1..)?.first_chunk()?) as usize,
            5,
        ),
        len => (usize::from(len), 1),
    };
    if told != before {
        return None;
    }
    let bytes = bytes.get(at..)?;
    let text = |head: usize, len: usize| {
        Some((Item::Bytes(bytes.get(head..)?.get(..len)?), at + head + len))
    };
    let first = *bytes.first()?;
    match first >> 6 {
        0 => return text(1, usize::from(first)),
        1 => {
            return text(
                2,
                usize::from(first & 0x3f) << 8 | usize::from(*bytes.get(1)?),
            );
        }
        2 => {
            return text(
                5,
                u32::from_be_bytes(*bytes.get(1..)?.first_chunk()?) as usize,
            );
        }
        _ => {}
    }
    let behind = bytes.get(1..)?;
    let (number, len) = match first {
        0xc0 => (i16::from_le_bytes(*behind.first_chunk()?).into(), 2),
        0xd0 => (i32::from_le_bytes(*behind.first_chunk()?).into(), 4),
        0xe0 => (i64::from_le_bytes(*behind.first_chunk()?), 8),
        0xf0 => {
            let [a, b, c] = *behind.first_chunk()?;
            ((i32::from_le_bytes([0, a, b, c]) >> 8).into(), 3)
        }
        0xfe => (i64::from(*behind.first()? as i8), 1),
        0xf1..=0xfd => (i64::from(first & 0x0f) - 1, 0),
        _ => return None,
    };
    Some((Item::Int(number), at + 1 + len))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[&[u8]]) -> Vec<u8> {
        let mut bytes = vec![0; 8];
        bytes.extend((entries.len() as u16).to_le_bytes());
        let mut before = 0;
        for entry in entries {
            bytes.push(before);
            bytes.extend_from_slice(entry);
            before = entry.len() as u8 + 1;
        }
        bytes.push(END);
        let total = bytes.len() as u32;
        bytes[..4].copy_from_slice(&total.to_le_bytes());
        bytes
    }

    #[test]
    fn every_coding_is_read() {
        let bytes = list(&[
            b"\x02hi",
            b"\x40\x03abc",
            b"\x80\x00\x00\x00\x01x",
            b"\xc0\xff\xff",
            b"\xd0\x00\x00\x01\x00",
            b"\xe0\xff\xff\xff\xff\xff\xff\xff\x7f",
            b"\xf0\x00\x00\x80",
            b"\xfe\x80",
            b"\xf1",
            b"\xfd",
        ]);
        let expected = [
            Item::Bytes(b"hi"),
            Item::Bytes(b"abc"),
            Item::Bytes(b"x"),
            Item::Int(-1),
            Item::Int(65_536),
            Item::Int(i64::MAX),
            Item::Int(-(1 << 23)),
            Item::Int(-128),
            Item::Int(0),
            Item::Int(12),
        ];
        assert_eq!(items(&bytes), Ok(expected.to_vec()));
    }

    #[test]
    fn what_is_damaged_is_refused() {
        let sound = list(&[b"\x02hi", b"\xf1"]);
        assert!(items(&sound).is_ok());
        for len in 0..sound.len() {
            assert!(items(&sound[..len]).is_err());
        }
        for at in 0..sound.len() {
            for bit in 0..8 {
                let mut bytes = sound.clone();
                bytes[at] ^= 1 << bit;
                // A letter or a number may change; nothing may panic.
                let _ = items(&bytes);
            }
        }
        let mut shorter = list(&[b"\x02hi", b"\xf1"]);
        shorter[8] = 1;
        assert!(items(&shorter).is_err());
    }
}
