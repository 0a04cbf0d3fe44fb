//! ACL categories: the groups of commands that `ACL SETUSER +@name` grants as one.
//!
//! A spec names the categories of its subject (`string`, `keyspace`, ...). Those that follow from
//! the flags (`read`, `write`, `admin`, `fast`, ...) are never written down by hand:
//! [`Categories::implied`] adds them, so that the two cannot contradict each other.

use std::fmt;
use std::ops::BitOr;

use crate::flags::Flags;

/// A set of ACL categories.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Categories(u32);

impl Categories {
    pub const NONE: Categories = Categories(0);
    pub const KEYSPACE: Categories = Categories(1 << 0);
    pub const READ: Categories = Categories(1 << 1);
    pub const WRITE: Categories = Categories(1 << 2);
    pub const SET: Categories = Categories(1 << 3);
    pub const SORTEDSET: Categories = Categories(1 << 4);
    pub const LIST: Categories = Categories(1 << 5);
    pub const HASH: Categories = Categories(1 << 6);
    pub const STRING: Categories = Categories(1 << 7);
    pub const BITMAP: Categories = Categories(1 << 8);
    pub const HYPERLOGLOG: Categories = Categories(1 << 9);
    pub const GEO: Categories = Categories(1 << 10);
    pub const STREAM: Categories = Categories(1 << 11);
    pub const PUBSUB: Categories = Categories(1 << 12);
    pub const ADMIN: Categories = Categories(1 << 13);
    pub const FAST: Categories = Categories(1 << 14);
    pub const SLOW: Categories = Categories(1 << 15);
    pub const BLOCKING: Categories = Categories(1 << 16);
    pub const DANGEROUS: Categories = Categories(1 << 17);
    pub const CONNECTION: Categories = Categories(1 << 18);
    pub const TRANSACTION: Categories = Categories(1 << 19);
    pub const SCRIPTING: Categories = Categories(1 << 20);

    /// Both sets together.
    pub const fn with(self, other: Categories) -> Categories {
        Categories(self.0 | other.0)
    }

    /// True when every category of `other` is here.
    pub const fn contains(self, other: Categories) -> bool {
        self.0 & other.0 == other.0
    }

    /// True when at least one category of `other` is here.
    pub const fn intersects(self, other: Categories) -> bool {
        self.0 & other.0 != 0
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// These categories and the ones that follow from `flags`. Scripts that promise to write
    /// nothing are not `read`: they could still burn time, which is not what a reader is granted.
    pub const fn implied(self, flags: Flags) -> Categories {
        let mut all = self;
        if flags.contains(Flags::WRITE) {
            all = all.with(Categories::WRITE);
        }
        if flags.contains(Flags::READONLY) && !self.contains(Categories::SCRIPTING) {
            all = all.with(Categories::READ);
        }
        if flags.contains(Flags::ADMIN) {
            all = all.with(Categories::ADMIN).with(Categories::DANGEROUS);
        }
        if flags.contains(Flags::PUBSUB) {
            all = all.with(Categories::PUBSUB);
        }
        if flags.contains(Flags::BLOCKING) {
            all = all.with(Categories::BLOCKING);
        }
        let pace = if flags.contains(Flags::FAST) {
            Categories::FAST
        } else {
            Categories::SLOW
        };
        all.with(pace)
    }

    /// Names as `ACL CAT` lists them, in its order, without the `@`.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES
            .iter()
            .enumerate()
            .filter(move |(bit, _)| self.0 & (1 << bit) != 0)
            .map(|(_, &name)| name)
    }

    /// The category called `name` (without `@`, any letter case).
    pub fn find(name: &[u8]) -> Option<Categories> {
        let bit = NAMES
            .iter()
            .position(|known| known.as_bytes().eq_ignore_ascii_case(name))?;
        Some(Categories(1 << bit))
    }
}

/// `NAMES[i]` belongs to bit `i`; this is also the order on the wire.
const NAMES: [&str; 21] = [
    "keyspace",
    "read",
    "write",
    "set",
    "sortedset",
    "list",
    "hash",
    "string",
    "bitmap",
    "hyperloglog",
    "geo",
    "stream",
    "pubsub",
    "admin",
    "fast",
    "slow",
    "blocking",
    "dangerous",
    "connection",
    "transaction",
    "scripting",
];

impl BitOr for Categories {
    type Output = Categories;

    fn bitor(self, other: Categories) -> Categories {
        self.with(other)
    }
}

impl fmt::Debug for Categories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}
