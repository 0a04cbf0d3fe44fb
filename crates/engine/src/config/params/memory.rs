//! How much memory the data set may take, what goes when it is full, and how it is given back.

use super::Kind::*;
use super::Meaning::{self, Accepted, Later, Live, Partly};
use super::{INT_MAX, LONG_MAX};
use crate::config::value::rules;
use crate::config::words::MaxmemoryPolicy;

const NO_JEMALLOC: Meaning =
    Accepted("this allocator has neither jemalloc's threads nor its hooks to move memory");

const FREED_ASIDE: Meaning =
    Accepted("what takes long to free is always freed in the background, asked to or not");

rows! {
    "maxmemory", Memory(0, u64::MAX), "0", Modifiable, Partly("it is shown, but nothing is evicted or refused yet");
    "maxmemory-policy", Choice(MaxmemoryPolicy::WORDS), "noeviction", Modifiable, Partly("it decides what is noted of each access (OBJECT FREQ or IDLETIME), but nothing is evicted yet");
    "lfu-log-factor", Integer(0, INT_MAX), "10", Modifiable, Live;
    "lfu-decay-time", Integer(0, INT_MAX), "1", Modifiable, Live;
    "active-expire-effort", Integer(1, 10), "1", Modifiable, Accepted("expiry goes by the deadlines instead of searching for them, so there is no effort to choose");
    "lazyfree-lazy-eviction", Bool, "no", Modifiable, FREED_ASIDE;
    "lazyfree-lazy-expire", Bool, "no", Modifiable, FREED_ASIDE;
    "lazyfree-lazy-server-del", Bool, "no", Modifiable, FREED_ASIDE;
    "lazyfree-lazy-user-del", Bool, "no", Modifiable, FREED_ASIDE;
    "lazyfree-lazy-user-flush", Bool, "no", Modifiable, FREED_ASIDE;
    "maxmemory-samples", Integer(1, INT_MAX), "5", Modifiable, Later;
    "maxmemory-eviction-tenacity", Integer(0, 100), "10", Modifiable, Later;
    "activerehashing", Bool, "yes", Modifiable, Accepted("the tables grow a bucket at a time, so no rehash is ever pending");
    "activedefrag", Switch(rules::no_defragmentation), "no", Modifiable, NO_JEMALLOC;
    "active-defrag-ignore-bytes", Memory(1, LONG_MAX as u64), "100mb", Modifiable, NO_JEMALLOC;
    "active-defrag-threshold-lower", Integer(0, 1000), "10", Modifiable, NO_JEMALLOC;
    "active-defrag-threshold-upper", Integer(0, 1000), "100", Modifiable, NO_JEMALLOC;
    "active-defrag-cycle-min", Integer(1, 99), "1", Modifiable, NO_JEMALLOC;
    "active-defrag-cycle-max", Integer(1, 99), "25", Modifiable, NO_JEMALLOC;
    "active-defrag-max-scan-fields", Integer(1, LONG_MAX), "1000", Modifiable, NO_JEMALLOC;
    "jemalloc-bg-thread", Bool, "yes", Modifiable, NO_JEMALLOC;
}
