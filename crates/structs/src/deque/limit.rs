//! How much goes into one node: `list-max-listpack-size`.

/// The most that a listpack of a list takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    bytes: usize,
    entries: usize,
}

/// Whatever their number, elements that are counted take no more than this together.
const COUNTED_BYTES: usize = 8 << 10;

impl Limit {
    /// A count of elements, or a class of sizes: -1 to -5 are 4, 8, 16, 32 and 64 KiB.
    pub fn of(size: i64) -> Limit {
        if size < 0 {
            let class = size.max(-5).unsigned_abs();
            Limit {
                bytes: 2 << 10 << class,
                entries: usize::MAX,
            }
        } else {
            Limit {
                bytes: COUNTED_BYTES,
                entries: usize::try_from(size.max(1)).unwrap_or(usize::MAX),
            }
        }
    }

    #[inline]
    pub fn admits(self, bytes: usize, entries: usize) -> bool {
        bytes <= self.bytes && entries <= self.entries
    }

    /// The half of it, of bytes or of elements, whichever it counts.
    pub fn halved(self) -> Limit {
        if self.entries == usize::MAX {
            Limit {
                bytes: self.bytes / 2,
                ..self
            }
        } else {
            Limit {
                entries: self.entries / 2,
                ..self
            }
        }
    }

    #[inline]
    pub(super) fn bytes(self) -> usize {
        self.bytes
    }
}

impl Default for Limit {
    fn default() -> Limit {
        Limit::of(-2)
    }
}
