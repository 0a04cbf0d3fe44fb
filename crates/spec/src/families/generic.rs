//! The keyspace: keys of any type, their names, deadlines and whereabouts.

use super::{NX, SUM_OVER_SHARDS, VARIES, XX, help};
use crate::arg::{Arg, block, int, key, one_of, pattern, pure, text, unix_time};
use crate::category::Categories;
use crate::flags::Flags;
use crate::keys::{KeyAt, KeyFlags, KeySpec, KeysError};
use crate::spec::{Group, Spec, at_least, exactly};

pub static COPY: Spec = write("copy", at_least(3))
    .flags(Flags::DENYOOM)
    .keys(&[
        KeySpec::at(1, KeyFlags::READ),
        KeySpec::at(2, KeyFlags::REPLACE),
    ])
    .since("6.2.0")
    .summary("Copies a value and its deadline to another key, here or in another database.")
    .complexity("O(N), N the number of elements; O(1) for a string.")
    .args(&[
        key("source"),
        key("destination").key_spec(1),
        int("destination-db")
            .token("DB")
            .within(0, i64::MAX)
            .like(DATABASES)
            .optional(),
        pure("replace", "REPLACE").optional(),
    ]);

pub static DEL: Spec = write("del", at_least(2))
    .keys(&[KeySpec::rest(1, 1, DELETED)])
    .since("1.0.0")
    .summary("Deletes keys and returns how many of them existed.")
    .complexity("O(N), N the number of keys and of the elements in their collections.")
    .tips(SUM_OVER_SHARDS)
    .args(KEYS_ARG);

pub static DUMP: Spec = read("dump", exactly(2))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .since("2.6.0")
    .summary("Returns a value in bytes that RESTORE makes a key of, here or elsewhere.")
    .complexity("O(N), N the number of elements and their size.")
    .tips(VARIES)
    .args(&[key("key")]);

pub static EXISTS: Spec = read("exists", at_least(2))
    .flags(Flags::FAST)
    .keys(&[KeySpec::rest(1, 1, KeyFlags::RO)])
    .since("1.0.0")
    .summary("Counts which of the keys exist; a key named twice counts twice.")
    .complexity("O(N), N the number of keys.")
    .history(&[("3.0.3", "More than one `key`.")])
    .tips(SUM_OVER_SHARDS)
    .args(KEYS_ARG);

pub static EXPIRE: Spec = deadline("expire")
    .since("1.0.0")
    .summary("Lets a key expire after so many seconds.")
    .args(&[key("key"), int("seconds"), CONDITION]);

pub static EXPIREAT: Spec = deadline("expireat")
    .since("1.2.0")
    .summary("Lets a key expire at a point in time, in seconds since 1970.")
    .args(&[key("key"), unix_time("unix-time-seconds"), CONDITION]);

pub static EXPIRETIME: Spec = look("expiretime")
    .since("7.0.0")
    .summary("Returns when a key expires, in seconds since 1970.")
    .args(&[key("key")]);

pub static KEYS: Spec = read("keys", exactly(2))
    .category(Categories::DANGEROUS)
    .since("1.0.0")
    .summary("Returns the names of all keys that match a glob.")
    .complexity("O(N), N the number of keys in the database.")
    .tips(&["request_policy:all_shards", "nondeterministic_output_order"])
    .args(&[pattern("pattern")]);

pub static MOVE: Spec = write("move", exactly(3))
    .flags(Flags::FAST)
    .keys(&[KeySpec::at(1, KeyFlags::MODIFY)])
    .since("1.0.0")
    .summary("Moves a key to another database, unless that has it already.")
    .args(&[key("key"), int("db").within(0, i64::MAX).like(DATABASES)]);

pub static OBJECT: Spec = Spec::holding("object")
    .subcommands(&[
        &OBJECT_ENCODING,
        &OBJECT_FREQ,
        &OBJECT_HELP,
        &OBJECT_IDLETIME,
        &OBJECT_REFCOUNT,
    ])
    .since("2.2.3")
    .summary("Looks behind a value.");

pub static OBJECT_ENCODING: Spec = inspect("encoding")
    .since("2.2.3")
    .summary("Tells how a value is laid out in memory.");

pub static OBJECT_FREQ: Spec = inspect("freq")
    .since("4.0.0")
    .summary("Returns how often a key is used, on the logarithmic scale of the LFU policies.");

pub static OBJECT_HELP: Spec = help("object", Group::Generic, Categories::KEYSPACE, "6.2.0");

pub static OBJECT_IDLETIME: Spec = inspect("idletime")
    .since("2.2.3")
    .summary("Returns the seconds since a key was last used.");

pub static OBJECT_REFCOUNT: Spec = inspect("refcount")
    .since("2.2.3")
    .summary("Returns how many owners a value has.");

pub static PERSIST: Spec = write("persist", exactly(2))
    .flags(Flags::FAST)
    .keys(&[KeySpec::at(1, KeyFlags::RW.with(KeyFlags::UPDATE))])
    .since("2.2.0")
    .summary("Removes the deadline of a key.")
    .args(&[key("key")]);

pub static PEXPIRE: Spec = deadline("pexpire")
    .since("2.6.0")
    .summary("Lets a key expire after so many milliseconds.")
    .args(&[key("key"), int("milliseconds"), CONDITION]);

pub static PEXPIREAT: Spec = deadline("pexpireat")
    .since("2.6.0")
    .summary("Lets a key expire at a point in time, in milliseconds since 1970.")
    .args(&[key("key"), unix_time("unix-time-milliseconds"), CONDITION]);

pub static PEXPIRETIME: Spec = look("pexpiretime")
    .since("7.0.0")
    .summary("Returns when a key expires, in milliseconds since 1970.")
    .args(&[key("key")]);

pub static PTTL: Spec = look("pttl")
    .since("2.6.0")
    .summary("Returns in how many milliseconds a key expires.")
    .history(&[("2.8.0", "A missing key answers -2.")])
    .tips(VARIES)
    .args(&[key("key")]);

pub static RANDOMKEY: Spec = read("randomkey", exactly(1))
    .since("1.0.0")
    .summary("Returns the name of a key picked at random.")
    .tips(&[
        "request_policy:all_shards",
        "response_policy:special",
        "nondeterministic_output",
    ]);

pub static RENAME: Spec = write("rename", exactly(3))
    .keys(&[
        KeySpec::at(1, KeyFlags::TAKE),
        KeySpec::at(2, KeyFlags::REPLACE),
    ])
    .since("1.0.0")
    .summary("Gives a key another name, replacing the key that has it.")
    .complexity("O(1), and what it costs to delete the key replaced.")
    .args(&[key("key"), key("newkey").key_spec(1)]);

pub static RENAMENX: Spec = write("renamenx", exactly(3))
    .flags(Flags::FAST)
    .keys(&[
        KeySpec::at(1, KeyFlags::TAKE),
        KeySpec::at(2, KeyFlags::OW.with(KeyFlags::INSERT)),
    ])
    .since("1.0.0")
    .summary("Gives a key another name, unless a key has it already.")
    .history(&[("3.2.0", "The old name as new name is no error.")])
    .args(&[key("key"), key("newkey").key_spec(1)]);

pub static RESTORE: Spec = write("restore", at_least(4))
    .flags(Flags::DENYOOM)
    .category(Categories::DANGEROUS)
    .keys(&[KeySpec::at(1, KeyFlags::REPLACE)])
    .since("2.6.0")
    .summary("Makes a key of what DUMP has returned.")
    .complexity("O(N), N the number of elements and their size; O(N*log(N)) for sorted sets.")
    .history(&[
        ("3.0.0", "Option `REPLACE`."),
        ("5.0.0", "Option `ABSTTL`."),
        ("5.0.0", "Options `IDLETIME` and `FREQ`."),
    ])
    .args(&[
        key("key"),
        int("ttl").within(0, i64::MAX),
        text("serialized-value"),
        pure("replace", "REPLACE").optional().since("3.0.0"),
        pure("absttl", "ABSTTL").optional().since("5.0.0"),
        one_of(&[
            int("seconds").token("IDLETIME").within(0, i64::MAX),
            int("frequency").token("FREQ").within(0, 255),
        ])
        .named("usage")
        .optional()
        .since("5.0.0"),
    ]);

pub static SCAN: Spec = read("scan", at_least(2))
    .since("2.8.0")
    .summary("Walks over the names of all keys, a few per call, from cursor to cursor.")
    .complexity("O(1) per call, O(N) for the whole walk, N the number of keys.")
    .history(&[("6.0.0", "Option `TYPE`.")])
    .tips(&[
        "nondeterministic_output",
        "request_policy:special",
        "response_policy:special",
    ])
    .args(&[
        int("cursor").within(0, i64::MAX),
        pattern("pattern").token("MATCH").optional(),
        int("count").token("COUNT").within(1, i64::MAX).optional(),
        text("type")
            .token("TYPE")
            .like(TYPES)
            .optional()
            .since("6.0.0"),
    ]);

pub static SORT: Spec = sorting(Spec::write("sort", at_least(2)))
    .flags(Flags::DENYOOM)
    .keys(&[
        KeySpec::at(1, KeyFlags::READ),
        KeySpec::unknown(KeyFlags::READ).note(FOREIGN_KEYS),
        KeySpec::unknown(KeyFlags::REPLACE).note("`STORE` may stand anywhere behind the key."),
    ])
    .find_keys(keys_of_sort)
    .since("1.0.0")
    .summary("Returns the elements of a list, set or sorted set in order, or keeps them as a list.")
    .args(&[
        key("key"),
        BY_PATTERN,
        SORT_LIMIT,
        GET_PATTERN,
        SORT_ORDER,
        pure("sorting", "ALPHA").optional(),
        key("destination").token("STORE").key_spec(2).optional(),
    ]);

pub static SORT_RO: Spec = sorting(Spec::read("sort_ro", at_least(2)))
    .keys(&[
        KeySpec::at(1, KeyFlags::READ),
        KeySpec::unknown(KeyFlags::READ).note(FOREIGN_KEYS),
    ])
    .find_keys(key_of_sort_ro)
    .since("7.0.0")
    .summary("Returns the elements of a list, set or sorted set in order.")
    .args(&[
        key("key"),
        BY_PATTERN,
        SORT_LIMIT,
        GET_PATTERN,
        SORT_ORDER,
        pure("sorting", "ALPHA").optional(),
    ]);

pub static TOUCH: Spec = read("touch", at_least(2))
    .flags(Flags::FAST)
    .keys(&[KeySpec::rest(1, 1, KeyFlags::RO)])
    .since("3.2.1")
    .summary("Marks keys as just used and returns how many of them exist.")
    .complexity("O(N), N the number of keys.")
    .tips(SUM_OVER_SHARDS)
    .args(KEYS_ARG);

pub static TTL: Spec = look("ttl")
    .since("1.0.0")
    .summary("Returns in how many seconds a key expires.")
    .history(&[("2.8.0", "A missing key answers -2.")])
    .tips(VARIES)
    .args(&[key("key")]);

pub static TYPE: Spec = read("type", exactly(2))
    .flags(Flags::FAST)
    .keys(&[KeySpec::at(1, KeyFlags::RO)])
    .since("1.0.0")
    .summary("Returns the type of the value at a key.")
    .args(&[key("key")]);

pub static UNLINK: Spec = write("unlink", at_least(2))
    .flags(Flags::FAST)
    .keys(&[KeySpec::rest(1, 1, DELETED)])
    .since("4.0.0")
    .summary("Deletes keys, frees their memory in the background, returns how many existed.")
    .complexity("O(1) for each key; the memory is freed later, O(N) in the number of elements.")
    .tips(SUM_OVER_SHARDS)
    .args(KEYS_ARG);

const DELETED: KeyFlags = KeyFlags::RM.with(KeyFlags::DELETE);
const KEYS_ARG: &[Arg] = &[key("key").multiple()];
const DATABASES: &[&str] = &["0", "1", "2", "9"];
const TYPES: &[&str] = &["string", "list", "set", "zset", "hash", "stream"];
const CONDITION: Arg = one_of(&[NX, XX, pure("gt", "GT"), pure("lt", "LT")])
    .named("condition")
    .optional()
    .since("7.0.0");

const FOREIGN_KEYS: &str = "Which keys `BY` and `GET` read depends on the elements.";
const BY_PATTERN: Arg = pattern("by-pattern")
    .display("pattern")
    .token("BY")
    .key_spec(1)
    .like(SORT_PATTERNS)
    .optional();
const GET_PATTERN: Arg = pattern("get-pattern")
    .display("pattern")
    .token("GET")
    .key_spec(1)
    .like(SORT_PATTERNS)
    .optional()
    .multiple_token();
const SORT_PATTERNS: &[&str] = &["k*", "#", "nosort", "k*->w1", "*"];
const SORT_LIMIT: Arg = block(&[int("offset").within(0, 100), int("count").within(-1, 100)])
    .named("limit")
    .token("LIMIT")
    .optional();
const SORT_ORDER: Arg = one_of(&[pure("asc", "ASC"), pure("desc", "DESC")])
    .named("order")
    .optional();

/// The elements of any kind of collection in order.
const fn sorting(spec: Spec) -> Spec {
    spec.group(Group::Generic)
        .category(
            Categories::SET
                .with(Categories::SORTEDSET)
                .with(Categories::LIST)
                .with(Categories::DANGEROUS),
        )
        .complexity("O(N+M*log(M)), N the elements, M those returned; O(N) unsorted.")
}

fn key_of_sort_ro<'a>(
    _argc: usize,
    _arg: &dyn Fn(usize) -> &'a [u8],
    out: &mut Vec<KeyAt>,
) -> Result<(), KeysError> {
    let access = KeyFlags::READ;
    out.push(KeyAt { index: 1, access });
    Ok(())
}

/// The last `STORE` holds. Keys that `BY` and `GET` read are not known before the elements are.
fn keys_of_sort<'a>(
    argc: usize,
    arg: &dyn Fn(usize) -> &'a [u8],
    out: &mut Vec<KeyAt>,
) -> Result<(), KeysError> {
    key_of_sort_ro(argc, arg, out)?;
    let (mut destination, mut at) = (None, 2);
    while at + 1 < argc {
        let option = arg(at);
        let is = |words: &[&[u8]]| words.iter().any(|word| option.eq_ignore_ascii_case(word));
        if is(&[b"store"]) {
            destination = Some(at + 1);
        }
        at += if is(&[b"limit"]) {
            3
        } else if is(&[b"by", b"get", b"store"]) {
            2
        } else {
            1
        };
    }
    out.extend(destination.map(|index| KeyAt {
        index,
        access: KeyFlags::REPLACE,
    }));
    Ok(())
}

const fn read(name: &'static str, arity: i16) -> Spec {
    Spec::read(name, arity)
        .group(Group::Generic)
        .category(Categories::KEYSPACE)
}

const fn write(name: &'static str, arity: i16) -> Spec {
    Spec::write(name, arity)
        .group(Group::Generic)
        .category(Categories::KEYSPACE)
}

/// Sets a deadline.
const fn deadline(name: &'static str) -> Spec {
    write(name, at_least(3))
        .flags(Flags::FAST)
        .keys(const { &[KeySpec::at(1, KeyFlags::RW.with(KeyFlags::UPDATE))] })
        .history(const { &[("7.0.0", "Options `NX`, `XX`, `GT` and `LT`.")] })
}

/// Returns a deadline.
const fn look(name: &'static str) -> Spec {
    read(name, exactly(2))
        .flags(Flags::FAST)
        .keys(const { &[KeySpec::at(1, KeyFlags::READ)] })
}

/// A subcommand of OBJECT about one key.
const fn inspect(name: &'static str) -> Spec {
    read(name, exactly(3))
        .of("object")
        .keys(const { &[KeySpec::at(2, KeyFlags::RO)] })
        .tips(VARIES)
        .args(const { &[key("key")] })
}
