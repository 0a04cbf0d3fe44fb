//! Command flags: what the gate, the queue of MULTI and the cluster must know before a handler runs.
//!
//! A set of bits with Redis' meanings and spellings. `COMMAND INFO` lists a set in a fixed order,
//! which [`Flags::names`] keeps; one flag (`MAY_REPLICATE`) is for servers only and never listed.

use std::fmt;
use std::ops::BitOr;

/// A set of command flags.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u32);

impl Flags {
    pub const NONE: Flags = Flags(0);
    /// May change the keyspace: refused on read-only replicas and when the log cannot take it.
    pub const WRITE: Flags = Flags(1 << 0);
    /// Reads keys and never changes them.
    pub const READONLY: Flags = Flags(1 << 1);
    /// May make the data larger: refused above the memory limit.
    pub const DENYOOM: Flags = Flags(1 << 2);
    /// For administrators; implies the categories `admin` and `dangerous`.
    pub const ADMIN: Flags = Flags(1 << 3);
    /// About channels; allowed while a RESP2 client is subscribed where that applies.
    pub const PUBSUB: Flags = Flags(1 << 4);
    /// Not callable from a script.
    pub const NOSCRIPT: Flags = Flags(1 << 5);
    /// May park the client until another client acts.
    pub const BLOCKING: Flags = Flags(1 << 6);
    /// Answered while the data set is still being loaded.
    pub const LOADING: Flags = Flags(1 << 7);
    /// Answered by a replica that has lost its primary and was told not to serve old data.
    pub const STALE: Flags = Flags(1 << 8);
    /// Not shown to MONITOR.
    pub const SKIP_MONITOR: Flags = Flags(1 << 9);
    /// Not entered in the slow log.
    pub const SKIP_SLOWLOG: Flags = Flags(1 << 10);
    /// Served in a slot that is being imported, without ASKING first.
    pub const ASKING: Flags = Flags(1 << 11);
    /// Constant or logarithmic work; without it a command is of the category `slow`.
    pub const FAST: Flags = Flags(1 << 12);
    /// Answered before the client has authenticated.
    pub const NO_AUTH: Flags = Flags(1 << 13);
    /// Not a write, yet may reach the replicas (PUBLISH, scripts). Never listed.
    pub const MAY_REPLICATE: Flags = Flags(1 << 14);
    /// Has key specs, but a call without any key is in order (EVAL with `0`).
    pub const NO_MANDATORY_KEYS: Flags = Flags(1 << 15);
    /// Refused during an asynchronous load, when `LOADING` alone would allow it.
    pub const NO_ASYNC_LOADING: Flags = Flags(1 << 16);
    /// Refused inside MULTI.
    pub const NO_MULTI: Flags = Flags(1 << 17);
    /// The (first, last, step) triple does not name all keys. Set by [`crate::Spec::keys`] alone.
    pub const MOVABLEKEYS: Flags = Flags(1 << 18);
    /// Answered while a script holds the server beyond its time.
    pub const ALLOW_BUSY: Flags = Flags(1 << 19);

    /// Both sets together.
    pub const fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// True when every flag of `other` is here.
    pub const fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// True when at least one flag of `other` is here.
    pub const fn intersects(self, other: Flags) -> bool {
        self.0 & other.0 != 0
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Names as `COMMAND INFO` lists them, in its order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        LISTED
            .iter()
            .filter(move |(flag, _)| self.contains(*flag))
            .map(|&(_, name)| name)
    }
}

/// The order here is the order on the wire.
const LISTED: [(Flags, &str); 19] = [
    (Flags::WRITE, "write"),
    (Flags::READONLY, "readonly"),
    (Flags::DENYOOM, "denyoom"),
    (Flags::ADMIN, "admin"),
    (Flags::PUBSUB, "pubsub"),
    (Flags::NOSCRIPT, "noscript"),
    (Flags::BLOCKING, "blocking"),
    (Flags::LOADING, "loading"),
    (Flags::STALE, "stale"),
    (Flags::SKIP_MONITOR, "skip_monitor"),
    (Flags::SKIP_SLOWLOG, "skip_slowlog"),
    (Flags::ASKING, "asking"),
    (Flags::FAST, "fast"),
    (Flags::NO_AUTH, "no_auth"),
    (Flags::NO_MANDATORY_KEYS, "no_mandatory_keys"),
    (Flags::NO_ASYNC_LOADING, "no_async_loading"),
    (Flags::NO_MULTI, "no_multi"),
    (Flags::MOVABLEKEYS, "movablekeys"),
    (Flags::ALLOW_BUSY, "allow_busy"),
];

impl BitOr for Flags {
    type Output = Flags;

    fn bitor(self, other: Flags) -> Flags {
        self.with(other)
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}
