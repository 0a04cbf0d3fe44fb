//! The name of an entry: a time and a number within that millisecond.

/// Ordered as entries are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    pub ms: u64,
    pub seq: u64,
}

impl StreamId {
    pub const MIN: StreamId = StreamId { ms: 0, seq: 0 };
    pub const MAX: StreamId = StreamId {
        ms: u64::MAX,
        seq: u64::MAX,
    };

    pub const fn new(ms: u64, seq: u64) -> StreamId {
        StreamId { ms, seq }
    }

    /// The least id above this one; none above the greatest.
    pub fn next(self) -> Option<StreamId> {
        self.number().checked_add(1).map(StreamId::of_number)
    }

    /// The greatest id below this one; none below the least.
    pub fn prev(self) -> Option<StreamId> {
        self.number().checked_sub(1).map(StreamId::of_number)
    }

    /// As it stands in a file in front of a node: both numbers in big endian.
    pub fn to_bytes(self) -> [u8; 16] {
        self.number().to_be_bytes()
    }

    pub fn of_bytes(bytes: [u8; 16]) -> StreamId {
        StreamId::of_number(u128::from_be_bytes(bytes))
    }

    fn number(self) -> u128 {
        u128::from(self.ms) << 64 | u128::from(self.seq)
    }

    fn of_number(number: u128) -> StreamId {
        StreamId::new((number >> 64) as u64, number as u64)
    }
}
