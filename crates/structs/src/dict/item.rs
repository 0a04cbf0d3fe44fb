//! The bytes of a name with its value, as they lie in the arena.

/// What the items of a dict consist of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Member,
    Field,
}

/// A member of a set, without a value, or a field of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    pub name: &'a [u8],
    pub value: &'a [u8],
    pub deadline_ms: Option<i64>,
}

impl<'a> Item<'a> {
    #[inline]
    pub(super) fn read(shape: Shape, bytes: &'a [u8]) -> Item<'a> {
        if shape == Shape::Member {
            return Item {
                name: bytes,
                value: b"",
                deadline_ms: None,
            };
        }
        let (mut head, mut shift, mut at) = (0, 0, 0);
        loop {
            head |= u64::from(bytes[at] & 0x7f) << shift;
            shift += 7;
            at += 1;
            if bytes[at - 1] < 0x80 {
                break;
            }
        }
        let (deadline, rest) = bytes[at..].split_at(if head & 1 == 1 { 8 } else { 0 });
        let (name, value) = rest.split_at((head >> 1) as usize);
        Item {
            name,
            value,
            deadline_ms: deadline.first_chunk().map(|ms| i64::from_le_bytes(*ms)),
        }
    }
}

/// What stands before the name of a field.
pub(super) struct Head {
    bytes: [u8; HEAD_BYTES_MAX],
    len: usize,
}

const HEAD_BYTES_MAX: usize = 10 + 8;

impl Head {
    pub(super) fn new(name: &[u8], deadline_ms: Option<i64>) -> Head {
        let (mut bytes, mut len) = ([0; HEAD_BYTES_MAX], 0);
        let mut rest = (name.len() as u64) << 1 | u64::from(deadline_ms.is_some());
        while rest >= 0x80 {
            bytes[len] = rest as u8 | 0x80;
            rest >>= 7;
            len += 1;
        }
        bytes[len] = rest as u8;
        len += 1;
        if let Some(ms) = deadline_ms {
            bytes[len..len + 8].copy_from_slice(&ms.to_le_bytes());
            len += 8;
        }
        Head { bytes, len }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}
