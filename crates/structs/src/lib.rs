//! Floor 0: what large values are made of. Bytes in, bytes out; no keyspace, no reply.
//!
//! Every large structure consists of counted pages of some KiB, which are copied when they are
//! written to while somebody else holds them. So a clone costs a reference count per page, keeps
//! what it showed, and nothing is ever rehashed, copied or freed as a whole in one go.

pub mod arena;
pub mod dict;
mod hash;
#[cfg(test)]
mod seeded_tests;
mod size_class;
mod slots;
pub mod tree;
pub mod zset;
