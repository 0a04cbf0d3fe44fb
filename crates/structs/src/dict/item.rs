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
        let (head, at) = match *bytes.first().expect("a field has a head") {
            short @ 0..0x80 => (u64::from(short), 1),
            _ => read_long_head(bytes),
        };
        if head & 1 == 0 {
            let (name, value) = bytes[at..].split_at((head >> 1) as usize);
            return Item {
                name,
                value,
                deadline_ms: None,
            };
        }
        let (deadline, rest) = bytes[at..].split_at(DEADLINE_BYTES);
        let (name, value) = rest.split_at((head >> 1) as usize);
        Item {
            name,
            value,
            deadline_ms: deadline.first_chunk().map(|ms| i64::from_le_bytes(*ms)),
        }
    }
}

/// A head that takes several bytes, and where it ends.
fn read_long_head(bytes: &[u8]) -> (u64, usize) {
    let (mut head, mut shift) = (0, 0);
    for (at, byte) in bytes.iter().enumerate() {
        head |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if *byte < 0x80 {
            return (head, at + 1);
        }
    }
    unreachable!("a head ends")
}

/// What stands before the name of a field.
pub(super) struct Head {
    bytes: [u8; HEAD_BYTES_MAX],
    len: usize,
}

const DEADLINE_BYTES: usize = 8;
const HEAD_BYTES_MAX: usize = 10 + DEADLINE_BYTES;

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
