//! Keys, values and time to live: one shard of the keyspace and what is in it.
//!
//! ```text
//!   Shard ── databases 0..n ── Table ── Segment ── Bucket ── Entry
//!     │                        directory  64 lines   7 slots   header·key·value
//!     ├── Wheel: when which segment holds something that expires
//!     └── Images: what entries were at the cut of a snapshot under way
//! ```
//!
//! A shard is a plain value: it has no lock, no clock and no thread, and knows
//! neither sessions nor replies. Time comes in as an argument. Who may touch a
//! shard when is the engine's business.
//!
//! `unsafe` lives in three rooms: [`entry`] (byte-packed allocations), [`slab`]
//! (where they lie) and [`segment`] (lines of 64 bytes with tagged pointers).

mod access;
pub mod bitfield;
pub mod bitop;
pub mod bits;
mod entry;
mod hash;
mod images;
pub mod lcs;
mod segment;
mod shard;
mod slab;
mod string;
mod table;
mod value;
mod wheel;

pub use access::Access;
pub use entry::{BlockView, Counted, Entry, LargeView, NewValue, StringView};
pub use hash::{Key, KeyHasher};
pub use images::{ImageGauge, Images};
pub use shard::{Counts, Shard};
pub use string::StringCopy;
pub use structs::deque::{End, Limit as ListLimit};
pub use structs::dict::{Deadline, WalkPlace};
pub use structs::listpack::{Item, Listpack, Needle};
pub use table::{Detached, Gone, Ruin, Slot, Table};
pub use value::set::algebra;
pub use value::{
    Direction, Field, FieldNames, HashEdit, HashForm, HashView, Kind, Large, LexBound, LexRange,
    Limits, ListEdit, ListView, Members, NewHash, NewList, NewSet, NewZSet, PackedView, Packing,
    Progress, ScoreBound, ScoreOutcome, ScoreRange, SetCopy, SetEdit, SetLimits, SetView,
    ValueView, ZSetEdit, ZSetView,
};

/// A large string: shared by reference, copied when written to while shared.
pub type Block = std::sync::Arc<Vec<u8>>;
