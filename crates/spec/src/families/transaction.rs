//! Transactions: a queue of commands that runs as one, if nobody touched the watched keys.
//!
//! MULTI and WATCH are refused inside MULTI with words of their own and without spoiling the queue,
//! so they do not carry the flag NO_MULTI, which would do both.

use super::ANY_TIME;
use crate::arg::key;
use crate::category::Categories;
use crate::flags::Flags;
use crate::keys::{KeyFlags, KeySpec};
use crate::spec::{Group, Spec, at_least, exactly};

pub static DISCARD: Spec = transaction("discard", exactly(1))
    .flags(Flags::FAST.with(Flags::ALLOW_BUSY))
    .since("2.0.0")
    .summary("Throws the queued commands away and stops watching.")
    .complexity("O(N), N the number of queued commands.");

pub static EXEC: Spec = transaction("exec", exactly(1))
    .flags(Flags::SKIP_SLOWLOG)
    .since("1.2.0")
    .summary("Runs the queued commands, nobody else's in between.")
    .complexity("That of the queued commands.");

pub static MULTI: Spec = transaction("multi", exactly(1))
    .flags(Flags::FAST.with(Flags::ALLOW_BUSY))
    .since("1.2.0")
    .summary("Begins to queue commands for EXEC.");

pub static UNWATCH: Spec = transaction("unwatch", exactly(1))
    .flags(Flags::FAST.with(Flags::ALLOW_BUSY))
    .since("2.2.0")
    .summary("Stops watching keys.");

pub static WATCH: Spec = transaction("watch", at_least(2))
    .flags(Flags::FAST.with(Flags::ALLOW_BUSY))
    .keys(&[KeySpec::rest(1, 1, KeyFlags::RO)])
    .since("2.2.0")
    .summary("Lets the next EXEC run nothing if one of these keys changes before it.")
    .complexity("O(1) for each key.")
    .args(&[key("key").multiple()]);

const fn transaction(name: &'static str, arity: i16) -> Spec {
    Spec::new(name, arity)
        .group(Group::Transactions)
        .category(Categories::TRANSACTION)
        .flags(ANY_TIME)
}
