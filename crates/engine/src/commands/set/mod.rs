//! Sets: members without an order at one key.
//!
//! ```text
//!   get      SCARD SISMEMBER SMISMEMBER SMEMBERS
//!   change   SADD SREM SMOVE
//!   random   SRANDMEMBER
//!   pop      SPOP
//!   algebra  SINTER SINTERSTORE SINTERCARD SUNION SUNIONSTORE SDIFF SDIFFSTORE
//!   scan     SSCAN
//! ```
//!
//! The log is told SADD, SREM, SMOVE and the stores as they were asked, since their outcome depends
//! on the keys alone; what SPOP drew is an SREM, or a DEL of the key. A set that has lost its last
//! member is gone, which SREM says by itself.

mod algebra;
mod change;
mod get;
mod pop;
mod random;
mod scan;

use spec::set;

use super::MemberShape::Each;
use super::{Row, cmd, looking};

pub(super) static TABLE: &[Row] = &[
    looking(&set::SADD, Each, change::sadd),
    cmd(&set::SCARD, get::scard),
    cmd(&set::SDIFF, algebra::sdiff),
    cmd(&set::SDIFFSTORE, algebra::sdiffstore),
    cmd(&set::SINTER, algebra::sinter),
    cmd(&set::SINTERCARD, algebra::sintercard),
    cmd(&set::SINTERSTORE, algebra::sinterstore),
    looking(&set::SISMEMBER, Each, get::sismember),
    cmd(&set::SMEMBERS, get::smembers),
    looking(&set::SMISMEMBER, Each, get::smismember),
    cmd(&set::SMOVE, change::smove),
    cmd(&set::SPOP, pop::spop),
    cmd(&set::SRANDMEMBER, random::srandmember),
    looking(&set::SREM, Each, change::srem),
    cmd(&set::SSCAN, scan::sscan),
    cmd(&set::SUNION, algebra::sunion),
    cmd(&set::SUNIONSTORE, algebra::sunionstore),
];
