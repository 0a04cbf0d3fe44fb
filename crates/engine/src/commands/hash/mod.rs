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

use super::MemberShape::{Each, Pairs};
use super::{Row, cmd, looking};

pub(super) static TABLE: &[Row] = &[
    looking(&hash::HDEL, Each, set::hdel),
    looking(&hash::HEXISTS, Each, get::hexists),
    cmd(&field::HEXPIRE, deadline::hexpire),
    cmd(&field::HEXPIREAT, deadline::hexpireat),
    cmd(&field::HEXPIRETIME, deadline::hexpiretime),
    looking(&hash::HGET, Each, get::hget),
    cmd(&hash::HGETALL, get::hgetall),
    cmd(&field::HGETDEL, volatile::hgetdel),
    cmd(&field::HGETEX, volatile::hgetex),
    looking(&hash::HINCRBY, Pairs, number::hincrby),
    looking(&hash::HINCRBYFLOAT, Pairs, number::hincrbyfloat),
    cmd(&hash::HKEYS, get::hkeys),
    cmd(&hash::HLEN, get::hlen),
    looking(&hash::HMGET, Each, get::hmget),
    looking(&hash::HMSET, Pairs, set::hmset),
    cmd(&field::HPERSIST, deadline::hpersist),
    cmd(&field::HPEXPIRE, deadline::hpexpire),
    cmd(&field::HPEXPIREAT, deadline::hpexpireat),
    cmd(&field::HPEXPIRETIME, deadline::hpexpiretime),
    cmd(&field::HPTTL, deadline::hpttl),
    cmd(&hash::HRANDFIELD, random::hrandfield),
    cmd(&hash::HSCAN, scan::hscan),
    looking(&hash::HSET, Pairs, set::hset),
    cmd(&field::HSETEX, volatile::hsetex),
    looking(&hash::HSETNX, Pairs, set::hsetnx),
    looking(&hash::HSTRLEN, Each, get::hstrlen),
    cmd(&field::HTTL, deadline::httl),
    cmd(&hash::HVALS, get::hvals),
];
