//! The specs themselves: one file per family, one `pub static` per command, named as the command
//! in capitals; a subcommand carries its container's name in front (`CLIENT_GETNAME`).
//!
//! They are statics and not constants so that each has one address, which tables that join specs
//! with handlers may rely on. Versions are those of Redis; what only Valkey has names Valkey's.

pub mod bitmap;
pub mod connection;
pub mod field;
pub mod generic;
pub mod geo;
pub mod hash;
pub mod hyperloglog;
pub mod list;
pub mod scripting;
pub mod server;
pub mod set;
pub mod stream;
pub mod string;
pub mod transaction;
pub mod zset;

use crate::arg::{Arg, int, pure, unix_time};
use crate::category::Categories;
use crate::flags::Flags;
use crate::spec::{Group, Spec, exactly};

/// Answered at any time, but not to scripts: the mark of commands about the connection or server.
const ANY_TIME: Flags = Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE);

/// The same, for administrators.
const ADMIN: Flags = ANY_TIME.with(Flags::ADMIN);

/// In a cluster: split by key over the shards, and add up the answers.
const SUM_OVER_SHARDS: &[&str] = &["request_policy:multi_shard", "response_policy:agg_sum"];

/// In a cluster: split by key over the shards; all must succeed.
const SPLIT_OVER_SHARDS: &[&str] = &[
    "request_policy:multi_shard",
    "response_policy:all_succeeded",
];

/// In a cluster: ask every shard; all must succeed.
const ALL_SHARDS: &[&str] = &["request_policy:all_shards", "response_policy:all_succeeded"];

/// In a cluster: ask every node, replicas too; all must succeed.
const ALL_NODES: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];

/// The answer may differ from call to call.
const VARIES: &[&str] = &["nondeterministic_output"];

/// The answer may come in another order from call to call.
const ORDER_VARIES: &[&str] = &["nondeterministic_output_order"];

/// Relative and absolute deadlines, from `EX` to `PXAT`.
const EX: Arg = int("seconds").token("EX").within(1, i64::MAX);
const PX: Arg = int("milliseconds").token("PX").within(1, i64::MAX);
const EXAT: Arg = unix_time("unix-time-seconds")
    .token("EXAT")
    .within(1, i64::MAX);
const PXAT: Arg = unix_time("unix-time-milliseconds")
    .token("PXAT")
    .within(1, i64::MAX);

/// `NX` or `XX`: only if the key is missing, only if it is there.
const NX: Arg = pure("nx", "NX");
const XX: Arg = pure("xx", "XX");

/// `HELP` of a container.
const fn help(
    container: &'static str,
    group: Group,
    category: Categories,
    since: &'static str,
) -> Spec {
    Spec::new("help", exactly(2))
        .of(container)
        .group(group)
        .category(category)
        .flags(Flags::LOADING.with(Flags::STALE))
        .since(since)
        .summary("Lists the subcommands, each with a line about it.")
}
