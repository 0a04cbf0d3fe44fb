//! Streams: entries by ascending ids, and the groups that read them.

use super::{VARIES, help};
use crate::arg::{Arg, block, int, key, one_of, pure, text, unix_time};
use crate::category::Categories;
use crate::flags::Flags;
use crate::keys::{Begin, Find, KeyAt, KeyFlags, KeySpec, KeysError};
use crate::spec::{Group, Spec, at_least, exactly};

pub static XACK: Spec = fast_update("xack", at_least(4))
    .since("5.0.0")
    .summary("Takes entries off what is pending in a group, and returns how many were.")
    .complexity("O(log N) for each id, N the pending entries.")
    .args(&[key("key"), text("group"), id("id").multiple()]);

pub static XACKDEL: Spec = fast_removal("xackdel", at_least(6))
    .since("8.2.0")
    .summary("Acknowledges entries in a group and removes them, and tells of each how it went.")
    .complexity("O(log N) for each id and group, N the pending entries.")
    .args(&[key("key"), text("group"), REFERENCES, IDS]);

pub static XADD: Spec = write("xadd", at_least(5))
    .flags(Flags::DENYOOM.with(Flags::FAST))
    .keys(
        const {
            &[KeySpec::at(1, KeyFlags::RW.with(KeyFlags::UPDATE))
                .note("It adds, but may cut off the oldest entries too")]
        },
    )
    .since("5.0.0")
    .summary("Appends an entry to a stream and returns its id.")
    .complexity("O(1), and O(N) for N entries that are cut off.")
    .tips(VARIES)
    .history(&[
        ("6.2.0", "`NOMKSTREAM`, `MINID` and `LIMIT`."),
        ("7.0.0", "Ids of the form `ms-*`."),
        ("8.2.0", "`KEEPREF`, `DELREF` and `ACKED`."),
    ])
    .args(&[
        key("key"),
        pure("nomkstream", "NOMKSTREAM").optional().since("6.2.0"),
        REFERENCES,
        TRIM.optional(),
        one_of(&[pure("auto-id", "*"), id("id")]).named("id-selector"),
        block(&[text("field"), text("value")])
            .named("data")
            .multiple(),
    ]);

pub static XAUTOCLAIM: Spec = fast_removal("xautoclaim", at_least(6))
    .since("6.2.0")
    .summary("Gives a consumer what others have left pending for long, some entries per call.")
    .complexity("O(1) if the count is small.")
    .tips(VARIES)
    .history(&[(
        "7.0.0",
        "The reply names entries that are gone, which are no longer pending.",
    )])
    .args(&[
        key("key"),
        text("group"),
        text("consumer"),
        idle("min-idle-time"),
        id("start"),
        int("count").token("COUNT").within(1, 1000).optional(),
        pure("justid", "JUSTID").optional(),
    ]);

pub static XCLAIM: Spec = fast_update("xclaim", at_least(6))
    .since("5.0.0")
    .summary("Gives a consumer entries that are pending for others.")
    .complexity("O(log N) for each id, N the pending entries.")
    .tips(VARIES)
    .args(&[
        key("key"),
        text("group"),
        text("consumer"),
        idle("min-idle-time"),
        id("id").multiple(),
        int("ms").token("IDLE").within(0, i64::MAX).optional(),
        unix_time("unix-time-milliseconds")
            .token("TIME")
            .within(0, i64::MAX)
            .optional(),
        int("count")
            .token("RETRYCOUNT")
            .within(0, i64::MAX)
            .optional(),
        pure("force", "FORCE").optional(),
        pure("justid", "JUSTID").optional(),
        id("lastid").token("LASTID").optional(),
    ]);

pub static XDEL: Spec = fast_removal("xdel", at_least(3))
    .since("5.0.0")
    .summary("Removes entries by their ids, and returns how many there were.")
    .complexity("O(log N) for each id, N the length of the stream.")
    .args(&[key("key"), id("id").multiple()]);

pub static XDELEX: Spec = fast_removal("xdelex", at_least(5))
    .since("8.2.0")
    .summary("Removes entries, minding the groups where they are pending; tells how it went.")
    .complexity("O(log N) for each id and group, N the length of the stream.")
    .args(&[key("key"), REFERENCES, IDS]);

pub static XGROUP: Spec = Spec::holding("xgroup")
    .subcommands(&[
        &XGROUP_CREATE,
        &XGROUP_CREATECONSUMER,
        &XGROUP_DELCONSUMER,
        &XGROUP_DESTROY,
        &XGROUP_HELP,
        &XGROUP_SETID,
    ])
    .group(Group::Stream)
    .since("5.0.0")
    .summary("Makes, changes and removes groups and their consumers.");

pub static XGROUP_CREATE: Spec = of_group("create", at_least(5))
    .flags(Flags::DENYOOM)
    .keys(const { &[KeySpec::at(2, KeyFlags::RW.with(KeyFlags::INSERT))] })
    .since("5.0.0")
    .summary("Makes a group that reads what comes behind an id.")
    .history(&[("7.0.0", "`ENTRIESREAD`.")])
    .args(&[
        key("key"),
        text("group"),
        POSITION,
        pure("mkstream", "MKSTREAM").optional(),
        ENTRIES_READ,
    ]);

pub static XGROUP_CREATECONSUMER: Spec = of_group("createconsumer", exactly(5))
    .flags(Flags::DENYOOM)
    .keys(const { &[KeySpec::at(2, KeyFlags::RW.with(KeyFlags::INSERT))] })
    .since("6.2.0")
    .summary("Makes a consumer of a group; tells whether it is new.")
    .args(&[key("key"), text("group"), text("consumer")]);

pub static XGROUP_DELCONSUMER: Spec = of_group("delconsumer", exactly(5))
    .keys(const { &[KeySpec::at(2, KeyFlags::RW.with(KeyFlags::DELETE))] })
    .since("5.0.0")
    .summary("Removes a consumer, and returns how many entries were pending for it.")
    .complexity("O(N), N the entries that are pending for it.")
    .args(&[key("key"), text("group"), text("consumer")]);

pub static XGROUP_DESTROY: Spec = of_group("destroy", exactly(4))
    .keys(const { &[KeySpec::at(2, KeyFlags::RW.with(KeyFlags::DELETE))] })
    .since("5.0.0")
    .summary("Removes a group; tells whether there was one.")
    .complexity("O(N), N the entries that are pending in it.")
    .args(&[key("key"), text("group")]);

pub static XGROUP_HELP: Spec = help("xgroup", Group::Stream, Categories::STREAM, "5.0.0");

pub static XGROUP_SETID: Spec = of_group("setid", at_least(5))
    .keys(const { &[KeySpec::at(2, KeyFlags::RW.with(KeyFlags::UPDATE))] })
    .since("5.0.0")
    .summary("Sets the id behind which a group goes on to read.")
    .history(&[("7.0.0", "`ENTRIESREAD`.")])
    .args(&[key("key"), text("group"), POSITION, ENTRIES_READ]);

pub static XINFO: Spec = Spec::holding("xinfo")
    .subcommands(&[&XINFO_CONSUMERS, &XINFO_GROUPS, &XINFO_HELP, &XINFO_STREAM])
    .group(Group::Stream)
    .since("5.0.0")
    .summary("Tells about streams, their groups and consumers.");

pub static XINFO_CONSUMERS: Spec = info("consumers", exactly(4))
    .since("5.0.0")
    .summary("Lists the consumers of a group.")
    .complexity("O(N), N the number of consumers.")
    .tips(VARIES)
    .history(&[("7.2.0", "The field `inactive`.")])
    .args(&[key("key"), text("group")]);

pub static XINFO_GROUPS: Spec = info("groups", exactly(3))
    .since("5.0.0")
    .summary("Lists the groups of a stream.")
    .complexity("O(N), N the number of groups.")
    .history(&[("7.0.0", "The fields `entries-read` and `lag`.")])
    .args(&[key("key")]);

pub static XINFO_HELP: Spec = help("xinfo", Group::Stream, Categories::STREAM, "5.0.0");

pub static XINFO_STREAM: Spec = info("stream", at_least(3))
    .since("5.0.0")
    .summary("Tells how long a stream is, its ids and groups; or all there is to know.")
    .history(&[
        ("6.0.0", "`FULL`."),
        (
            "7.0.0",
            "The fields `max-deleted-entry-id`, `entries-added` and `recorded-first-entry-id`, and of \
             groups `entries-read` and `lag`.",
        ),
        (
            "7.2.0",
            "The field `active-time`; `seen-time` is that of the last attempt.",
        ),
    ])
    .args(&[
        key("key"),
        block(&[
            pure("full", "FULL"),
            int("count").token("COUNT").within(0, i64::MAX).optional(),
        ])
        .named("full-block")
        .optional(),
    ]);

pub static XLEN: Spec = Spec::read("xlen", exactly(2))
    .group(Group::Stream)
    .category(Categories::STREAM)
    .flags(Flags::FAST)
    .keys(const { &[KeySpec::at(1, KeyFlags::RO)] })
    .since("5.0.0")
    .summary("Returns how many entries a stream has.")
    .args(&[key("key")]);

pub static XPENDING: Spec = read("xpending", at_least(3))
    .since("5.0.0")
    .summary("Tells what is pending in a group: a summary, or entry by entry.")
    .complexity("O(N), N the entries returned, or looked at because of `IDLE`.")
    .tips(VARIES)
    .history(&[("6.2.0", "`IDLE` and ranges without their ends.")])
    .args(&[
        key("key"),
        text("group"),
        block(&[
            int("min-idle-time")
                .token("IDLE")
                .within(0, i64::MAX)
                .optional()
                .since("6.2.0"),
            START,
            END,
            int("count").within(0, i64::MAX),
            text("consumer").optional(),
        ])
        .named("filters")
        .optional(),
    ]);

pub static XRANGE: Spec = read("xrange", at_least(4))
    .since("5.0.0")
    .summary("Returns the entries between two ids.")
    .complexity("O(N), N the entries returned.")
    .history(&[("6.2.0", "Ranges without their ends.")])
    .args(&[key("key"), START, END, COUNT]);

pub static XREAD: Spec = Spec::read("xread", at_least(4))
    .group(Group::Stream)
    .category(Categories::STREAM)
    .flags(Flags::BLOCKING)
    .keys(const { &[streams(1)] })
    .find_keys(keys_behind_streams)
    .since("5.0.0")
    .summary("Returns the entries of several streams behind an id of each, or waits for some.")
    .complexity("O(N), N the entries returned.")
    .args(&[COUNT, BLOCK, STREAMS]);

pub static XREADGROUP: Spec = write("xreadgroup", at_least(7))
    .flags(Flags::BLOCKING)
    .keys(const { &[streams(4)] })
    .find_keys(keys_behind_streams)
    .since("5.0.0")
    .summary("Returns new entries for a consumer of a group, or those pending for it, or waits.")
    .complexity("O(N), N the entries returned.")
    .args(&[
        block(&[text("group"), text("consumer")])
            .named("group-block")
            .token("GROUP"),
        COUNT,
        BLOCK,
        pure("noack", "NOACK").optional(),
        STREAMS,
    ]);

pub static XREVRANGE: Spec = read("xrevrange", at_least(4))
    .since("5.0.0")
    .summary("Returns the entries between two ids, the latest first.")
    .complexity("O(N), N the entries returned.")
    .history(&[("6.2.0", "Ranges without their ends.")])
    .args(&[key("key"), END, START, COUNT]);

pub static XSETID: Spec = fast_update("xsetid", at_least(3))
    .flags(Flags::DENYOOM)
    .since("5.0.0")
    .summary("Sets the last id of a stream, for replication and tools.")
    .history(&[("7.0.0", "`ENTRIESADDED` and `MAXDELETEDID`.")])
    .args(&[
        key("key"),
        id("last-id"),
        int("entries-added")
            .token("ENTRIESADDED")
            .within(0, i64::MAX)
            .optional()
            .since("7.0.0"),
        id("max-deleted-id")
            .token("MAXDELETEDID")
            .optional()
            .since("7.0.0"),
    ]);

pub static XTRIM: Spec = write("xtrim", at_least(4))
    .keys(const { &[KeySpec::at(1, KeyFlags::RW.with(KeyFlags::DELETE))] })
    .since("5.0.0")
    .summary("Cuts the oldest entries of a stream off, and returns how many.")
    .complexity("O(N), N the entries that are cut off; most go together with many others.")
    .tips(VARIES)
    .history(&[
        ("6.2.0", "`MINID` and `LIMIT`."),
        ("8.2.0", "`KEEPREF`, `DELREF` and `ACKED`."),
    ])
    .args(&[key("key"), TRIM, REFERENCES]);

/// An id, or something that reads as one.
const fn id(name: &'static str) -> Arg {
    text(name).like(&["1-1", "5", "1700000000000-0", "7-18446744073709551615"])
}

const fn idle(name: &'static str) -> Arg {
    text(name).like(&["0", "10", "3600000"])
}

const START: Arg = text("start").like(&["-", "1-1", "(5", "0"]);
const END: Arg = text("end").like(&["+", "(1700000000000-0", "5"]);
const COUNT: Arg = int("count").token("COUNT").within(0, i64::MAX).optional();
const BLOCK: Arg = int("milliseconds").token("BLOCK").within(1, 10).optional();

const STREAMS: Arg = block(&[
    key("key").multiple(),
    text("id").like(&["0", "1-1"]).multiple(),
])
.named("streams")
.token("STREAMS");

const POSITION: Arg = one_of(&[id("id"), pure("new-id", "$")]).named("id-selector");
const ENTRIES_READ: Arg = int("entries-read")
    .token("ENTRIESREAD")
    .within(-1, i64::MAX)
    .optional();

/// What becomes of entries that are pending in groups.
const REFERENCES: Arg = one_of(&[
    pure("keepref", "KEEPREF"),
    pure("delref", "DELREF"),
    pure("acked", "ACKED"),
])
.named("condition")
.optional()
.since("8.2.0");

const IDS: Arg = block(&[int("numids").counts_next(), id("id").multiple()])
    .named("ids")
    .token("IDS");

const TRIM: Arg = block(&[
    one_of(&[
        pure("maxlen", "MAXLEN"),
        pure("minid", "MINID").since("6.2.0"),
    ])
    .named("strategy"),
    one_of(&[pure("equal", "="), pure("approximately", "~")])
        .named("operator")
        .optional(),
    text("threshold").like(&["0", "1000", "5"]),
    int("count")
        .token("LIMIT")
        .within(0, i64::MAX)
        .optional()
        .since("6.2.0"),
])
.named("trim");

/// The keys behind STREAMS: the first half of what follows.
const fn streams(start_from: i16) -> KeySpec {
    KeySpec {
        begin: Begin::Keyword {
            word: "STREAMS",
            start_from,
        },
        find: Find::Range {
            last: -1,
            step: 1,
            limit: 2,
        },
        access: KeyFlags::READ,
        notes: None,
    }
}

const fn read(name: &'static str, arity: i16) -> Spec {
    Spec::read(name, arity)
        .group(Group::Stream)
        .category(Categories::STREAM)
        .keys(const { &[KeySpec::at(1, KeyFlags::READ)] })
}

const fn write(name: &'static str, arity: i16) -> Spec {
    Spec::write(name, arity)
        .group(Group::Stream)
        .category(Categories::STREAM)
}

const fn of_group(name: &'static str, arity: i16) -> Spec {
    write(name, arity).of("xgroup")
}

const fn info(name: &'static str, arity: i16) -> Spec {
    Spec::read(name, arity)
        .of("xinfo")
        .group(Group::Stream)
        .category(Categories::STREAM)
        .keys(const { &[KeySpec::at(2, KeyFlags::READ)] })
}

/// Changes what a stream holds, quickly.
const fn fast_update(name: &'static str, arity: i16) -> Spec {
    write(name, arity)
        .flags(Flags::FAST)
        .keys(const { &[KeySpec::at(1, KeyFlags::RW.with(KeyFlags::UPDATE))] })
}

/// Takes something out, quickly.
const fn fast_removal(name: &'static str, arity: i16) -> Spec {
    write(name, arity)
        .flags(Flags::FAST)
        .keys(const { &[KeySpec::at(1, KeyFlags::RW.with(KeyFlags::DELETE))] })
}

/// The keys of XREAD and XREADGROUP. The spec finds them too, unless somebody calls a group or a
/// consumer STREAMS.
fn keys_behind_streams<'a>(
    argc: usize,
    arg: &dyn Fn(usize) -> &'a [u8],
    out: &mut Vec<KeyAt>,
) -> Result<(), KeysError> {
    let mut at = 1;
    while at < argc {
        let is = |word: &str| arg(at).eq_ignore_ascii_case(word.as_bytes());
        if is("STREAMS") {
            let words = argc - at - 1;
            if words == 0 || words % 2 == 1 {
                return Err(KeysError::OutOfRange);
            }
            let keys = at + 1..at + 1 + words / 2;
            out.extend(keys.map(|index| KeyAt {
                index,
                access: KeyFlags::READ,
            }));
            return Ok(());
        }
        at += match () {
            _ if is("GROUP") => 3,
            _ if is("COUNT") || is("BLOCK") => 2,
            _ => 1,
        };
    }
    Err(KeysError::OutOfRange)
}
