//! How one entry is coded.
//!
//! ```text
//!   first byte   then                what
//!   0vvvvvvv                         0 to 127
//!   10llllll     text                string up to 63 bytes
//!   110vvvvv     8 bits              integer of 13 bits, two's complement, high bits first
//!   1110llll     8 bits, text        string up to 4,095 bytes
//!   f0           u32 LE, text        string
//!   f1 f2 f3 f4  2 3 4 8 bytes LE    integer
//!   ff                               end of the list
//!
//!   behind each: its length, seven bits a byte, high bits first; the first byte has no high bit,
//!   all others have, so that it is read from behind
//! ```
//!
//! The length takes a byte up to 127, and then one more from 16,383, 2,097,151 and 268,435,455 on:
//! each is one less than would fit, which is how Redis writes it.

use super::Item;

/// The coding of an item: what stands before its text, the text, what stands behind it.
pub(super) struct Coded<'a> {
    head: [u8; 9],
    head_len: usize,
    text: &'a [u8],
}

impl<'a> Coded<'a> {
    #[inline]
    pub(super) fn of(item: Item<'a>) -> Coded<'a> {
        let (mut head, mut text) = ([0; 9], &[][..]);
        let head_len = match item {
            Item::Int(int) => int_head(int, &mut head),
            Item::Bytes(own) => {
                text = own;
                text_head(own.len(), &mut head)
            }
        };
        Coded {
            head,
            head_len,
            text,
        }
    }

    /// The length of the whole entry.
    #[inline]
    pub(super) fn len(&self) -> usize {
        let len = self.head_len + self.text.len();
        len + length_len(len)
    }

    #[inline]
    pub(super) fn append_to(&self, out: &mut Vec<u8>) {
        let len = self.head_len + self.text.len();
        // And the end of the list, so that an owner who made room for this is believed.
        out.reserve(self.len() + 1);
        out.extend_from_slice(&self.head[..self.head_len]);
        out.extend_from_slice(self.text);
        if len <= 127 {
            out.push(len as u8);
        } else {
            let (length, length_len) = length(len);
            out.extend_from_slice(&length[..length_len]);
        }
    }

    /// Write over the beginning of `out`.
    pub(super) fn write(&self, out: &mut [u8]) {
        let (head, out) = out.split_at_mut(self.head_len);
        head.copy_from_slice(&self.head[..self.head_len]);
        let (text, out) = out.split_at_mut(self.text.len());
        text.copy_from_slice(self.text);
        let (length, length_len) = length(self.head_len + self.text.len());
        out[..length_len].copy_from_slice(&length[..length_len]);
    }
}

/// The item at `at`, and where the next entry begins.
#[inline]
pub(super) fn read(bytes: &[u8], at: usize) -> (Item<'_>, usize) {
    let first = bytes[at];
    if first < 0x80 {
        return (Item::Int(i64::from(first)), at + 2);
    }
    if first < 0xc0 {
        let end = at + 1 + usize::from(first & 0x3f);
        return (Item::Bytes(&bytes[at + 1..end]), end + 1);
    }
    read_longer(bytes, at)
}

fn read_longer(bytes: &[u8], at: usize) -> (Item<'_>, usize) {
    let (first, data) = (bytes[at], &bytes[at + 1..]);
    let text = |head_len: usize, len: usize| {
        let start = at + head_len;
        let next = start + len + length_len(head_len + len);
        (Item::Bytes(&bytes[start..start + len]), next)
    };
    // The sign is spread by shifting an integer to the top and back.
    let int = |raw: u64, bits: u32, len: usize| {
        let value = (raw << (64 - bits)) as i64 >> (64 - bits);
        (Item::Int(value), at + len + 1)
    };
    match first {
        0xc0..=0xdf => int(u64::from(first) << 8 | u64::from(data[0]), 13, 2),
        0xe0..=0xef => text(2, usize::from(first & 0x0f) << 8 | usize::from(data[0])),
        0xf0 => text(5, load(data, 4) as usize),
        0xf1 => int(load(data, 2), 16, 3),
        0xf2 => int(load(data, 3), 24, 4),
        0xf3 => int(load(data, 4), 32, 5),
        0xf4 => int(load(data, 8), 64, 9),
        _ => panic!("no entry begins with {first:#x}"),
    }
}

/// Where the entry at `at` ends.
#[inline]
pub(super) fn behind(bytes: &[u8], at: usize) -> usize {
    let first = bytes[at];
    if first < 0x80 {
        return at + 2;
    }
    if first < 0xc0 {
        return at + usize::from(first & 0x3f) + 2;
    }
    read_longer(bytes, at).1
}

/// Where the entry that ends at `end` begins.
#[inline]
pub(super) fn before(bytes: &[u8], end: usize) -> usize {
    let last = bytes[end - 1];
    if last < 0x80 {
        return end - 1 - usize::from(last);
    }
    let (mut len, mut at, mut shift) = (usize::from(last & 0x7f), end - 2, 7);
    while bytes[at] >= 0x80 {
        len |= usize::from(bytes[at] & 0x7f) << shift;
        at -= 1;
        shift += 7;
    }
    at - (len | usize::from(bytes[at]) << shift)
}

/// How an entry of foreign bytes begins: the bytes before its text, and the text's. `None` if the
/// bytes end before that, or if no entry begins so.
pub(super) fn lengths(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = *bytes.first()?;
    Some(match first {
        0x00..=0x7f => (1, 0),
        0x80..=0xbf => (1, usize::from(first & 0x3f)),
        0xc0..=0xdf => (2, 0),
        0xe0..=0xef => (
            2,
            usize::from(first & 0x0f) << 8 | usize::from(*bytes.get(1)?),
        ),
        0xf0 => {
            let len = bytes.get(1..5)?;
            (5, load(len, 4) as usize)
        }
        0xf1 => (3, 0),
        0xf2 => (4, 0),
        0xf3 => (5, 0),
        0xf4 => (9, 0),
        _ => return None,
    })
}

const LENGTH_BYTES_MAX: usize = 5;

/// The bytes that stand behind a coding of this length, and how many.
#[inline]
pub(super) fn length(len: usize) -> ([u8; LENGTH_BYTES_MAX], usize) {
    let (mut out, out_len) = ([0; LENGTH_BYTES_MAX], length_len(len));
    for (place, byte) in out[..out_len].iter_mut().rev().enumerate() {
        *byte = (len >> (7 * place)) as u8 | 0x80;
    }
    out[0] &= 0x7f;
    (out, out_len)
}

#[inline]
pub(super) fn length_len(len: usize) -> usize {
    match len {
        0..=127 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    }
}

#[inline]
fn int_head(int: i64, head: &mut [u8; 9]) -> usize {
    let (first, len) = match int {
        0..=127 => {
            head[0] = int as u8;
            return 1;
        }
        -4_096..=4_095 => {
            head[0] = 0xc0 | (int >> 8) as u8 & 0x1f;
            head[1] = int as u8;
            return 2;
        }
        -0x8000..=0x7fff => (0xf1, 3),
        -0x80_0000..=0x7f_ffff => (0xf2, 4),
        -0x8000_0000..=0x7fff_ffff => (0xf3, 5),
        _ => (0xf4, 9),
    };
    head[0] = first;
    head[1..].copy_from_slice(&int.to_le_bytes());
    len
}

#[inline]
fn text_head(len: usize, head: &mut [u8; 9]) -> usize {
    if len < 64 {
        head[0] = 0x80 | len as u8;
        1
    } else if len < 4_096 {
        head[0] = 0xe0 | (len >> 8) as u8;
        head[1] = len as u8;
        2
    } else {
        let len = u32::try_from(len).expect("a string below 4 GiB");
        head[0] = 0xf0;
        head[1..5].copy_from_slice(&len.to_le_bytes());
        5
    }
}

#[inline]
fn load(bytes: &[u8], width: usize) -> u64 {
    let mut word = [0; 8];
    word[..width].copy_from_slice(&bytes[..width]);
    u64::from_le_bytes(word)
}
