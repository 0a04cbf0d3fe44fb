//! Floor 0: what lists, sets, hashes, sorted sets, streams and HyperLogLogs are made of. Bytes in,
//! bytes out; no keyspace, no reply.
//!
//! A compact value is one byte string, equal to Redis'. A large one consists of counted pages of
//! some KiB, which are copied when they are written to while somebody else holds them. So a clone
//! costs a reference count per page, keeps what it showed, and nothing is ever rehashed, copied or
//! freed as a whole in one go.
//!
//! `unsafe` lives in one room, [`processor`].

pub mod arena;
pub mod deque;
pub mod dict;
pub mod flaw;
pub mod geo;
mod hash;
pub mod hll;
pub mod intset;
pub mod listpack;
pub mod processor;
mod size_class;
mod slots;
pub mod stream;
#[cfg(test)]
mod testing;
pub mod tree;
pub mod zset;
