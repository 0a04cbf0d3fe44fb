//! Hashes: fields with values at one key.
//!
//! ```text
//!   get      HGET HMGET HEXISTS HLEN HSTRLEN HGETALL HKEYS HVALS
//!   set      HSET HMSET HSETNX HDEL
//!   number   HINCRBY HINCRBYFLOAT
//!   random   HRANDFIELD
//!   scan     HSCAN
//!   deadline HEXPIRE HPEXPIRE HEXPIREAT HPEXPIREAT HTTL HPTTL HEXPIRETIME HPEXPIRETIME HPERSIST
//!   volatile HGETDEL HGETEX HSETEX
//! ```
//!
//! A reply that grows with the hash is left to a walk (`AllFields` in `get.rs`): header
//! first, then [`Ctx::answer_walk`](crate::ctx::Ctx::answer_walk). That holds for every
//! kind of value.
//!
//! The log is told HSET with the fields that were set, HDEL with those that were
//! there, HINCRBY as it was asked; HINCRBYFLOAT is an HSET of its result. A hash
//! that has lost its last field is gone, which HDEL says by itself.

mod deadline;
mod get;
mod moment;
mod number;
mod random;
mod scan;
mod set;
mod volatile;

use spec::{field, hash};

use super::{Row, cmd};

pub(super) static TABLE: &[Row] = &[
    cmd(&hash::HDEL, set::hdel),
    cmd(&hash::HEXISTS, get::hexists),
    cmd(&field::HEXPIRE, deadline::hexpire),
    cmd(&field::HEXPIREAT, deadline::hexpireat),
    cmd(&field::HEXPIRETIME, deadline::hexpiretime),
    cmd(&hash::HGET, get::hget),
    cmd(&hash::HGETALL, get::hgetall),
    cmd(&field::HGETDEL, volatile::hgetdel),
    cmd(&field::HGETEX, volatile::hgetex),
    cmd(&hash::HINCRBY, number::hincrby),
    cmd(&hash::HINCRBYFLOAT, number::hincrbyfloat),
    cmd(&hash::HKEYS, get::hkeys),
    cmd(&hash::HLEN, get::hlen),
    cmd(&hash::HMGET, get::hmget),
    cmd(&hash::HMSET, set::hmset),
    cmd(&field::HPERSIST, deadline::hpersist),
    cmd(&field::HPEXPIRE, deadline::hpexpire),
    cmd(&field::HPEXPIREAT, deadline::hpexpireat),
    cmd(&field::HPEXPIRETIME, deadline::hpexpiretime),
    cmd(&field::HPTTL, deadline::hpttl),
    cmd(&hash::HRANDFIELD, random::hrandfield),
    cmd(&hash::HSCAN, scan::hscan),
    cmd(&hash::HSET, set::hset),
    cmd(&field::HSETEX, volatile::hsetex),
    cmd(&hash::HSETNX, set::hsetnx),
    cmd(&hash::HSTRLEN, get::hstrlen),
    cmd(&field::HTTL, deadline::httl),
    cmd(&hash::HVALS, get::hvals),
];
