//! RDB: a whole data set in one stream of bytes, as Redis and Valkey write it.
//!
//! ```text
//!   REDIS0011 │ fields │ database │ sizes │ key │ key │ ... │ end │ checksum
//!                        └──────── once for each ────────┘
//! ```
//!
//! It is what `dump.rdb` holds, what begins an append-only directory, and what a replica gets first.
//! [`Reader`] takes all versions of both families, [`Writer`] writes Redis 7's; [`dump`] and
//! [`restore`] do the same for one value. `docs/formats/rdb.md` has the bytes.
//!
//! What comes in is not trusted. Every length is checked before anything is reserved for it, memory
//! grows as bytes arrive, and whatever the bytes are, the answer is an item or a [`Fault`] that names
//! a place.

use store::{Block, KeyHasher, Limits, ListLimit, NewValue, SetLimits};

mod dump;
mod fault;
mod field;
mod hash;
mod input;
mod list;
mod reader;
mod set;
mod stream;
mod types;
mod verify;
mod writer;
mod ziplist;
mod zset;

pub use dump::{BadDump, dump, restore, restore_with};
pub use fault::{Fault, FaultKind};
pub use reader::{Checksum, Item, Reader};
pub use types::{Collection, Other, ValueType};
pub use verify::{Report, verify};
pub use writer::{Preamble, Replication, Rest, Usage, WriteOptions, Writer};

/// The version that is written unless somebody asks for an older one: that of Redis 7.2 and Valkey 8.
pub const VERSION: u16 = 11;
/// What Redis 7.4 reads: that of a stream with deadlines of fields, which nobody older knows.
pub const VERSION_OF_FIELD_DEADLINES: u16 = 12;
/// What Redis 7.0 reads.
pub const VERSION_OF_REDIS_7_0: u16 = 10;

/// The version of a stream for which `wanted` was asked: without the deadlines it would be another
/// data set, so those who do not know them shall refuse it.
pub fn version_for(wanted: u16, has_field_deadlines: bool) -> u16 {
    match has_field_deadlines {
        true => wanted.max(VERSION_OF_FIELD_DEADLINES),
        false => wanted,
    }
}

/// Newest version of Redis' that is read (Redis 7.4).
const REDIS_VERSION_MAX: u32 = 12;
/// The version of Valkey's that is read (Valkey 9.0).
const VALKEY_VERSION: u32 = 80;
/// From here on a checksum follows the end.
const CHECKSUM_SINCE: u32 = 5;

/// Bytes that are no type but something between the keys.
mod opcode {
    /// Valkey: slots that are being imported. (Redis 8.6 has other plans for the same byte.)
    pub(super) const SLOT_IMPORT: u8 = 243;
    pub(super) const SLOT_INFO: u8 = 244;
    pub(super) const FUNCTION: u8 = 245;
    /// Of release candidates of Redis 7.0.
    pub(super) const FUNCTION_EARLY: u8 = 246;
    pub(super) const MODULE_AUX: u8 = 247;
    pub(super) const IDLE: u8 = 248;
    pub(super) const FREQ: u8 = 249;
    pub(super) const AUX: u8 = 250;
    pub(super) const RESIZE_DB: u8 = 251;
    pub(super) const DEADLINE_MS: u8 = 252;
    pub(super) const DEADLINE_SECS: u8 = 253;
    pub(super) const SELECT_DB: u8 = 254;
    pub(super) const END: u8 = 255;
}

/// Who defined a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Redis,
    Valkey,
}

/// The format of a stream: its first nine bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    pub family: Family,
    pub version: u32,
}

impl Format {
    /// The format of a value that was dumped, which has a number only.
    fn of_number(version: u32) -> Option<Format> {
        let family = match version {
            1..=REDIS_VERSION_MAX => Family::Redis,
            VALKEY_VERSION => Family::Valkey,
            _ => return None,
        };
        Some(Format { family, version })
    }
}

impl Family {
    pub fn name(self) -> &'static str {
        match self {
            Family::Redis => "Redis",
            Family::Valkey => "Valkey",
        }
    }
}

/// A value as it was read. What it borrows lives until the next item is read.
#[derive(Debug, PartialEq, Eq)]
pub enum Value<'a> {
    String(Text<'a>),
    /// Of readers that were told how to build it.
    Collection(Collection),
    /// Of a type that Ochre does not keep: walked over and counted.
    Other(Other),
}

/// How collections are built while they are read.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// Its secret guards large collections.
    pub hasher: KeyHasher,
    /// What goes into a node of a list.
    pub list: ListLimit,
    /// Up to where a set stays packed.
    pub set: SetLimits,
    /// Up to where a sorted set stays small.
    pub zset: Limits,
    /// Up to where a hash stays small.
    pub hash: Limits,
}

impl Build {
    /// For tools: with Redis' limits, and the same secret each time.
    pub fn plainly() -> Build {
        Build {
            hasher: KeyHasher::new([1, 2]),
            list: ListLimit::default(),
            set: SetLimits {
                integers: 512,
                small: Limits {
                    entries: 128,
                    value_bytes: 64,
                },
            },
            zset: Limits {
                entries: 128,
                value_bytes: 64,
            },
            hash: Limits {
                entries: 512,
                value_bytes: 64,
            },
        }
    }
}

/// A string as it was written. None of the forms says what it was in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text<'a> {
    Int(i64),
    Bytes(&'a [u8]),
    /// It was long, or compressed, and is the caller's to keep without a copy.
    Own(Vec<u8>),
}

impl Text<'_> {
    /// The value for the store. A long string is handed over, not copied, and is gone from here.
    pub fn take_new_value(&mut self) -> NewValue<'_> {
        match self {
            Text::Int(number) => NewValue::Int(*number),
            Text::Bytes(bytes) => NewValue::String(bytes),
            Text::Own(bytes) if bytes.len() >= input::LARGE_BYTES => {
                NewValue::Block(Block::new(std::mem::take(bytes)))
            }
            Text::Own(bytes) => NewValue::String(bytes),
        }
    }

    /// The bytes that GET answers.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Text::Int(number) => {
                let mut bytes = Vec::new();
                base::write_i64(&mut bytes, *number);
                bytes
            }
            Text::Bytes(bytes) => bytes.to_vec(),
            Text::Own(bytes) => bytes.clone(),
        }
    }
}
