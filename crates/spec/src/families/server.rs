//! The server: what it knows about itself and its commands, and how it is run.

use super::{ADMIN, ALL_NODES, ALL_SHARDS, ORDER_VARIES, VARIES, help};
use crate::arg::{Arg, block, int, key, one_of, pattern, pure, text};
use crate::category::Categories;
use crate::flags::Flags;
use crate::keys::{KeyFlags, KeySpec};
use crate::spec::{Group, Spec, at_least, exactly};

pub static COMMAND: Spec = about_commands("command", at_least(1))
    .subcommands(&[
        &COMMAND_COUNT,
        &COMMAND_DOCS,
        &COMMAND_GETKEYS,
        &COMMAND_GETKEYSANDFLAGS,
        &COMMAND_HELP,
        &COMMAND_INFO,
        &COMMAND_LIST,
    ])
    .since("2.8.13")
    .summary("Describes all commands to a client.")
    .complexity("O(N), N the number of commands.")
    .tips(ORDER_VARIES);

pub static COMMAND_COUNT: Spec = about_commands("count", exactly(2))
    .of("command")
    .since("2.8.13")
    .summary("Counts the commands.");

pub static COMMAND_DOCS: Spec = about_commands("docs", at_least(2))
    .of("command")
    .since("7.0.0")
    .summary("Documents commands for people: what they do, since when, with which arguments.")
    .complexity("O(N), N the number of commands asked for.")
    .tips(ORDER_VARIES)
    .args(&[COMMAND_NAME.optional().multiple()]);

pub static COMMAND_GETKEYS: Spec = about_commands("getkeys", at_least(3))
    .of("command")
    .since("2.8.13")
    .summary("Picks the keys out of a command line.")
    .complexity("O(N), N the number of words.")
    .args(COMMAND_LINE);

pub static COMMAND_GETKEYSANDFLAGS: Spec = about_commands("getkeysandflags", at_least(3))
    .of("command")
    .since("7.0.0")
    .summary("Picks the keys out of a command line and tells what happens to each.")
    .complexity("O(N), N the number of words.")
    .args(COMMAND_LINE);

pub static COMMAND_HELP: Spec = help("command", Group::Server, Categories::CONNECTION, "5.0.0");

pub static COMMAND_INFO: Spec = about_commands("info", at_least(2))
    .of("command")
    .since("2.8.13")
    .summary("Describes commands to a client: arity, flags, keys, categories.")
    .complexity("O(N), N the number of commands asked for.")
    .history(&[("7.0.0", "Without a name, all commands.")])
    .tips(ORDER_VARIES)
    .args(&[COMMAND_NAME.optional().multiple()]);

pub static COMMAND_LIST: Spec = about_commands("list", at_least(2))
    .of("command")
    .since("7.0.0")
    .summary("Names the commands, all or those that pass a filter.")
    .complexity("O(N), N the number of commands.")
    .tips(ORDER_VARIES)
    .args(&[one_of(&[
        text("module-name").token("MODULE"),
        text("category")
            .token("ACLCAT")
            .like(&["read", "string", "keyspace", "nothing"]),
        pattern("pattern").token("PATTERN"),
    ])
    .named("filterby")
    .token("FILTERBY")
    .optional()]);

pub static CONFIG: Spec = Spec::holding("config")
    .subcommands(&[
        &CONFIG_GET,
        &CONFIG_HELP,
        &CONFIG_RESETSTAT,
        &CONFIG_REWRITE,
        &CONFIG_SET,
    ])
    .group(Group::Server)
    .since("2.0.0")
    .summary("Reads and changes parameters of the running server.");

pub static CONFIG_GET: Spec = config("get", at_least(3))
    .since("2.0.0")
    .summary("Returns the parameters whose names match any of the globs.")
    .complexity("O(N), N the number of globs.")
    .history(&[("7.0.0", "More than one glob.")])
    .args(&[text("parameter")
        .like(&["*", "maxmemory*", "save", "time?ut"])
        .multiple()]);

pub static CONFIG_HELP: Spec = help("config", Group::Server, Categories::NONE, "5.0.0");

pub static CONFIG_RESETSTAT: Spec = config("resetstat", exactly(2))
    .since("2.0.0")
    .summary("Sets the counters that INFO shows back to zero.")
    .tips(ALL_NODES);

pub static CONFIG_REWRITE: Spec = config("rewrite", exactly(2))
    .since("2.8.0")
    .summary("Writes the parameters in force to the configuration file.")
    .tips(ALL_NODES);

pub static CONFIG_SET: Spec = config("set", at_least(4))
    .since("2.0.0")
    .summary("Changes parameters: all of those given, or none.")
    .complexity("O(N), N the number of parameters.")
    .history(&[("7.0.0", "More than one parameter.")])
    .tips(ALL_NODES)
    .args(&[block(&[
        text("parameter").like(&["maxmemory", "timeout"]),
        text("value").like(&["0", "100000000"]),
    ])
    .named("data")
    .multiple()]);

pub static DBSIZE: Spec = Spec::read("dbsize", exactly(1))
    .group(Group::Server)
    .category(Categories::KEYSPACE)
    .flags(Flags::FAST)
    .since("1.0.0")
    .summary("Counts the keys of the database.")
    .tips(&["request_policy:all_shards", "response_policy:agg_sum"]);

/// Its subcommands are levers for tests, not an interface: they have no specs of their own.
pub static DEBUG: Spec = Spec::new("debug", at_least(2))
    .group(Group::Server)
    .flags(ADMIN)
    .internal()
    .since("1.0.0")
    .summary("Pulls levers that tests need.")
    .complexity("That of the subcommand.")
    .args(&[
        text("subcommand").like(&["help"]),
        text("argument").optional().multiple(),
    ]);

pub static FLUSHALL: Spec = flush("flushall")
    .since("1.0.0")
    .summary("Deletes all keys of all databases.")
    .complexity("O(N), N the number of keys.");

pub static FLUSHDB: Spec = flush("flushdb")
    .since("1.0.0")
    .summary("Deletes all keys of the database.")
    .complexity("O(N), N the number of keys of the database.");

pub static INFO: Spec = Spec::new("info", at_least(1))
    .group(Group::Server)
    .category(Categories::DANGEROUS)
    .flags(Flags::LOADING.with(Flags::STALE))
    .since("1.0.0")
    .summary("Reports about the server, as lines of `name:value` in sections.")
    .history(&[("7.0.0", "More than one section.")])
    .tips(&[
        "nondeterministic_output",
        "request_policy:all_shards",
        "response_policy:special",
    ])
    .args(&[text("section")
        .like(&["server", "memory", "all", "keyspace"])
        .optional()
        .multiple()]);

pub static BGREWRITEAOF: Spec = Spec::new("bgrewriteaof", exactly(1))
    .group(Group::Server)
    .flags(SAVES)
    .since("1.0.0")
    .summary("Starts to write the log anew, as short as it can be.")
    .complexity("O(1), and O(N) beside the clients, N the number of keys.");

pub static BGSAVE: Spec = Spec::new("bgsave", at_least(1))
    .group(Group::Server)
    .flags(SAVES)
    .since("1.0.0")
    .summary("Starts to save a snapshot.")
    .complexity("O(1), and O(N) beside the clients, N the number of keys.")
    .history(&[("3.2.2", "Option `SCHEDULE`.")])
    .args(&[pure("schedule", "SCHEDULE").optional().since("3.2.2")]);

pub static LASTSAVE: Spec = Spec::new("lastsave", exactly(1))
    .group(Group::Server)
    .category(Categories::ADMIN.with(Categories::DANGEROUS))
    .flags(Flags::LOADING.with(Flags::STALE).with(Flags::FAST))
    .since("1.0.0")
    .summary("Tells when the last snapshot was saved, in seconds since 1970.")
    .tips(VARIES);

pub static SAVE: Spec = Spec::new("save", exactly(1))
    .group(Group::Server)
    .flags(SAVES.with(Flags::NO_MULTI))
    .since("1.0.0")
    .summary("Saves a snapshot and answers when it is on the disk.")
    .complexity("O(N), N the number of keys.");

const SAVES: Flags = Flags::ADMIN
    .with(Flags::NOSCRIPT)
    .with(Flags::NO_ASYNC_LOADING);

pub static LATENCY: Spec = Spec::holding("latency")
    .subcommands(&[
        &LATENCY_DOCTOR,
        &LATENCY_GRAPH,
        &LATENCY_HELP,
        &LATENCY_HISTOGRAM,
        &LATENCY_HISTORY,
        &LATENCY_LATEST,
        &LATENCY_RESET,
    ])
    .group(Group::Server)
    .since("2.8.13")
    .summary("Tells how long commands take, and what took too long.");

pub static LATENCY_DOCTOR: Spec =
    latency("doctor", exactly(2)).summary("Says in words what took too long, and what may help.");

pub static LATENCY_GRAPH: Spec = latency("graph", exactly(3))
    .summary("Draws the samples of an event with letters.")
    .args(&[EVENT]);

pub static LATENCY_HELP: Spec = help("latency", Group::Server, Categories::NONE, "2.8.13");

pub static LATENCY_HISTOGRAM: Spec = latency("histogram", at_least(2))
    .since("7.0.0")
    .summary(
        "Returns how long the calls of commands took: how many up to 1, 2, 4, ... microseconds.",
    )
    .complexity("O(N), N the number of commands shown.")
    .args(&[text("command")
        .like(&["get", "SET", "config", "config|get", "nosuch"])
        .optional()
        .multiple()]);

pub static LATENCY_HISTORY: Spec = latency("history", exactly(3))
    .summary("Returns the samples of an event: when, and how many milliseconds.")
    .args(&[EVENT]);

pub static LATENCY_LATEST: Spec =
    latency("latest", exactly(2)).summary("Returns the newest and the worst sample of each event.");

pub static LATENCY_RESET: Spec = latency("reset", at_least(2))
    .summary("Forgets the samples of some events, or of all, and counts these events.")
    .tips(ALL_NODES)
    .args(&[EVENT.optional().multiple()]);

const EVENT: Arg = text("event").like(&["command", "fast-command", "log-sync", "nosuch"]);

pub static LOLWUT: Spec = Spec::read("lolwut", at_least(1))
    .group(Group::Server)
    .flags(Flags::FAST)
    .since("5.0.0")
    .summary("Draws a picture and tells the server's version.")
    .args(&[int("version").token("VERSION").within(1, 99).optional()]);

pub static MEMORY: Spec = Spec::holding("memory")
    .subcommands(&[&MEMORY_HELP, &MEMORY_USAGE])
    .group(Group::Server)
    .since("4.0.0")
    .summary("Tells what takes how much memory.");

pub static MEMORY_HELP: Spec = help("memory", Group::Server, Categories::NONE, "4.0.0");

pub static MEMORY_USAGE: Spec = Spec::read("usage", at_least(3))
    .of("memory")
    .group(Group::Server)
    .keys(&[KeySpec::at(2, KeyFlags::RO)])
    .since("4.0.0")
    .summary("Estimates the bytes that a key and its value take.")
    .complexity("O(N), N the number of elements looked at.")
    .args(&[
        key("key"),
        int("count").token("SAMPLES").within(0, i64::MAX).optional(),
    ]);

pub static SHUTDOWN: Spec = Spec::new("shutdown", at_least(1))
    .group(Group::Server)
    .flags(ADMIN.with(Flags::NO_MULTI).with(Flags::ALLOW_BUSY))
    .since("1.0.0")
    .summary("Saves what is to be saved and stops the server.")
    .complexity("O(N) if there is something to save, N the number of keys; O(1) otherwise.")
    .history(&[("7.0.0", "Options `NOW`, `FORCE` and `ABORT`.")])
    .args(&[one_of(&[
        block(&[
            one_of(&[pure("nosave", "NOSAVE"), pure("save", "SAVE")])
                .named("save-selector")
                .optional(),
            pure("now", "NOW").optional().since("7.0.0"),
            pure("force", "FORCE").optional().since("7.0.0"),
        ])
        .named("save-selector-block"),
        pure("abort", "ABORT").since("7.0.0"),
    ])
    .named("abort-selector")
    .optional()]);

pub static SWAPDB: Spec = Spec::write("swapdb", exactly(3))
    .group(Group::Server)
    .category(Categories::KEYSPACE.with(Categories::DANGEROUS))
    .flags(Flags::FAST)
    .since("4.0.0")
    .summary("Swaps two databases, under the feet of the clients that use them.")
    .complexity("O(N), N the number of clients that watch or wait for keys in either.")
    .args(&[DATABASE.named("index1"), DATABASE.named("index2")]);

pub static TIME: Spec = Spec::new("time", exactly(1))
    .group(Group::Server)
    .flags(Flags::LOADING.with(Flags::STALE).with(Flags::FAST))
    .since("2.6.0")
    .summary("Returns the server's clock: seconds since 1970, and microseconds in the second.")
    .tips(VARIES);

const COMMAND_NAME: Arg = text("command-name").like(&["get", "SET", "client|list", "nosuch"]);
const COMMAND_LINE: &[Arg] = &[
    text("command").like(&["mget", "DEL"]),
    text("arg").optional().multiple(),
];
const DATABASE: Arg = int("index").within(0, i64::MAX).like(&["0", "1", "2", "9"]);

const fn about_commands(name: &'static str, arity: i16) -> Spec {
    Spec::new(name, arity)
        .group(Group::Server)
        .category(Categories::CONNECTION)
        .flags(Flags::LOADING.with(Flags::STALE))
}

const fn config(name: &'static str, arity: i16) -> Spec {
    Spec::new(name, arity)
        .of("config")
        .group(Group::Server)
        .flags(ADMIN)
}

const fn latency(name: &'static str, arity: i16) -> Spec {
    Spec::new(name, arity)
        .of("latency")
        .group(Group::Server)
        .flags(ADMIN)
        .since("2.8.13")
        .tips(
            const {
                &[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ]
            },
        )
}

const fn flush(name: &'static str) -> Spec {
    Spec::write(name, at_least(1))
        .group(Group::Server)
        .category(Categories::KEYSPACE.with(Categories::DANGEROUS))
        .history(const { &[("4.0.0", "Option `ASYNC`."), ("6.2.0", "Option `SYNC`.")] })
        .tips(ALL_SHARDS)
        .args(const { &[FLUSH_TYPE] })
}

/// Free the memory in the background, or before the answer.
const FLUSH_TYPE: Arg = one_of(&[
    pure("async", "ASYNC").since("4.0.0"),
    pure("sync", "SYNC").since("6.2.0"),
])
.named("flush-type")
.optional();
