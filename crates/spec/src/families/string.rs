//! Strings: values of up to 512 MiB that are bytes, counters or both at once.

use super::{EX, EXAT, NX, PX, PXAT, SPLIT_OVER_SHARDS, XX};
use crate::arg::{Arg, block, double, int, key, one_of, pure, text};
use crate::category::Categories;
use crate::flags::Flags;
use crate::keys::{Begin, KeyAt, KeyFlags, KeySpec, KeysError};
use crate::spec::{Group, Spec, at_least, exactly};

pub static APPEND: Spec = write("append", exactly(3))
    .flags(Flags::DENYOOM.with(Flags::FAST))
    .keys(&[KeySpec::at(1, KeyFlags::RW.with(KeyFlags::INSERT))])
    .since("2.0.0")
    .summary("Adds bytes to the end of a string, which is empty if the key is missing.")
    .complexity("O(1) amortised: a string that grows reserves room for the next time.")
    .args(&[key("key"), text("value")]);

pub static DECR: Spec = counter("decr", exactly(2))
    .since("1.0.0")
    .summary("Subtracts one from an integer, which is 0 if the key is missing.")
    .args(&[key("key")]);

pub static DECRBY: Spec = counter("decrby", exactly(3))
    .since("1.0.0")
    .summary("Subtracts a number from an integer, which is 0 if the key is missing.")
    .args(&[key("key"), int("decrement").within(-i64::MAX, i64::MAX)]);

pub static DELIFEQ: Spec = write("delifeq", exactly(3))
    .keys(&[KeySpec::at(1, COMPARED_AND_DELETED)])
    .since("9.0.0")
    .summary("Deletes a key if its string equals the one given: the safe way to release a lock.")
    .complexity("O(N), N the length of the strings compared; a difference in length is O(1).")
    .args(&[key("key"), text("value")]);

pub static GET: Spec = read("get", exactly(2))
    .flags(Flags::FAST)
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .since("1.0.0")
    .summary("Returns the string at a key.")
    .args(&[key("key")]);

pub static GETDEL: Spec = write("getdel", exactly(2))
    .flags(Flags::FAST)
    .keys(&[KeySpec::at(1, KeyFlags::TAKE)])
    .since("6.2.0")
    .summary("Returns the string at a key and deletes the key.")
    .args(&[key("key")]);

pub static GETEX: Spec = write("getex", at_least(2))
    .flags(Flags::FAST)
    .keys(&[KeySpec::at(1, KeyFlags::MODIFY).note("RW and UPDATE because the deadline may change")])
    .since("6.2.0")
    .summary("Returns the string at a key and sets or removes the key's deadline.")
    .args(&[
        key("key"),
        one_of(&[EX, PX, EXAT, PXAT, pure("persist", "PERSIST")])
            .named("expiration")
            .optional(),
    ]);

pub static GETRANGE: Spec = read("getrange", exactly(4))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .since("2.4.0")
    .summary("Returns the bytes of a string between two offsets, both included.")
    .complexity("O(N), N the length of the reply.")
    .args(SLICE);

pub static GETSET: Spec = write("getset", exactly(3))
    .flags(Flags::DENYOOM.with(Flags::FAST))
    .keys(&[KeySpec::at(1, KeyFlags::MODIFY)])
    .since("1.0.0")
    .deprecated("6.2.0", "`SET` with `GET`")
    .summary("Sets a key to a string and returns the one that was there.")
    .args(&[key("key"), text("value")]);

pub static INCR: Spec = counter("incr", exactly(2))
    .since("1.0.0")
    .summary("Adds one to an integer, which is 0 if the key is missing.")
    .args(&[key("key")]);

pub static INCRBY: Spec = counter("incrby", exactly(3))
    .since("1.0.0")
    .summary("Adds a number to an integer, which is 0 if the key is missing.")
    .args(&[key("key"), int("increment")]);

pub static INCRBYFLOAT: Spec = counter("incrbyfloat", exactly(3))
    .since("2.6.0")
    .summary("Adds a number with a fraction to a number, which is 0 if the key is missing.")
    .args(&[key("key"), double("increment")]);

pub static LCS: Spec = read("lcs", at_least(3))
    .keys(&[KeySpec::range(Begin::Index(1), 1, 1, KeyFlags::READ)])
    .since("7.0.0")
    .summary("Finds the longest common subsequence of two strings.")
    .complexity("O(N*M) in time and memory, N and M the lengths of the strings.")
    .args(&[
        key("key1"),
        key("key2"),
        one_of(&[pure("len", "LEN"), pure("idx", "IDX")])
            .named("answer")
            .optional(),
        int("min-match-len").token("MINMATCHLEN").optional(),
        pure("withmatchlen", "WITHMATCHLEN").optional(),
    ]);

pub static MGET: Spec = read("mget", at_least(2))
    .flags(Flags::FAST)
    .keys(&[KeySpec::rest(1, 1, KeyFlags::READ)])
    .since("1.0.0")
    .summary("Returns the strings at several keys, as they were at one moment.")
    .complexity("O(N), N the number of keys.")
    .tips(&["request_policy:multi_shard"])
    .args(&[key("key").multiple()]);

pub static MSET: Spec = write("mset", at_least(3))
    .flags(Flags::DENYOOM)
    .keys(&[KeySpec::rest(1, 2, KeyFlags::REPLACE)])
    .since("1.0.1")
    .summary("Sets several keys at once, whatever they held.")
    .complexity("O(N), N the number of keys.")
    .tips(SPLIT_OVER_SHARDS)
    .args(&[PAIRS]);

pub static MSETEX: Spec = write("msetex", at_least(4))
    .flags(Flags::DENYOOM)
    .keys(&[KeySpec::counted(1, 2, KeyFlags::REPLACE)])
    .since("8.4.0")
    .summary("Sets several keys at once, with one deadline and one condition for all of them.")
    .complexity("O(N), N the number of keys.")
    .tips(SPLIT_OVER_SHARDS)
    .args(&[
        int("numkeys").counts_next(),
        PAIRS,
        one_of(&[NX, XX]).named("condition").optional(),
        one_of(&[EX, PX, EXAT, PXAT, KEEPTTL])
            .named("expiration")
            .optional(),
    ]);

pub static MSETNX: Spec = write("msetnx", at_least(3))
    .flags(Flags::DENYOOM)
    .keys(&[KeySpec::rest(1, 2, KeyFlags::OW.with(KeyFlags::INSERT))])
    .since("1.0.1")
    .summary("Sets several keys at once if none of them exists, and otherwise none.")
    .complexity("O(N), N the number of keys.")
    .args(&[PAIRS]);

pub static PSETEX: Spec = write("psetex", exactly(4))
    .flags(Flags::DENYOOM)
    .keys(&[KeySpec::at(1, KeyFlags::REPLACE)])
    .since("2.6.0")
    .deprecated("2.6.12", "`SET` with `PX`")
    .summary("Sets a key to a string that expires after so many milliseconds.")
    .args(&[
        key("key"),
        int("milliseconds").within(1, i64::MAX),
        text("value"),
    ]);

pub static SET: Spec = write("set", at_least(3))
    .flags(Flags::DENYOOM)
    .keys(&[
        KeySpec::at(1, KeyFlags::MODIFY.with(KeyFlags::VARIABLE_FLAGS))
            .note("RW and ACCESS because `GET` and `IFEQ` look at the old value"),
    ])
    .find_keys(key_of_set)
    .since("1.0.0")
    .summary("Sets a key to a string, whatever it held, and drops or sets its deadline.")
    .history(&[
        ("2.6.12", "Options `EX`, `PX`, `NX` and `XX`."),
        ("6.0.0", "Option `KEEPTTL`."),
        ("6.2.0", "Options `GET`, `EXAT` and `PXAT`."),
        ("7.0.0", "`NX` and `GET` may go together."),
        ("8.1.0", "Option `IFEQ`."),
    ])
    .args(&[
        key("key"),
        text("value"),
        one_of(&[
            NX,
            XX,
            text("comparison-value").token("IFEQ").since("8.1.0"),
        ])
        .named("condition")
        .optional()
        .since("2.6.12"),
        pure("get", "GET").optional().since("6.2.0"),
        one_of(&[
            EX.since("2.6.12"),
            PX.since("2.6.12"),
            EXAT.since("6.2.0"),
            PXAT.since("6.2.0"),
            KEEPTTL.since("6.0.0"),
        ])
        .named("expiration")
        .optional(),
    ]);

pub static SETEX: Spec = write("setex", exactly(4))
    .flags(Flags::DENYOOM)
    .keys(&[KeySpec::at(1, KeyFlags::REPLACE)])
    .since("2.0.0")
    .deprecated("2.6.12", "`SET` with `EX`")
    .summary("Sets a key to a string that expires after so many seconds.")
    .args(&[
        key("key"),
        int("seconds").within(1, i64::MAX),
        text("value"),
    ]);

pub static SETNX: Spec = write("setnx", exactly(3))
    .flags(Flags::DENYOOM.with(Flags::FAST))
    .keys(&[KeySpec::at(1, KeyFlags::OW.with(KeyFlags::INSERT))])
    .since("1.0.0")
    .deprecated("2.6.12", "`SET` with `NX`")
    .summary("Sets a key to a string if the key is missing.")
    .args(&[key("key"), text("value")]);

pub static SETRANGE: Spec = write("setrange", exactly(4))
    .flags(Flags::DENYOOM)
    .keys(&[KeySpec::at(1, KeyFlags::RW.with(KeyFlags::UPDATE))])
    .since("2.2.0")
    .summary("Overwrites bytes of a string from an offset on, filling up with zero bytes.")
    .complexity("O(N), N the number of bytes written, zero bytes included.")
    .args(&[
        key("key"),
        int("offset").within(0, (512 << 20) - 1),
        text("value"),
    ]);

pub static STRLEN: Spec = read("strlen", exactly(2))
    .flags(Flags::FAST)
    .keys(&[KeySpec::at(1, KeyFlags::RO)])
    .since("2.2.0")
    .summary("Returns the number of bytes of a string, 0 if the key is missing.")
    .args(&[key("key")]);

pub static SUBSTR: Spec = read("substr", exactly(4))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .since("1.0.0")
    .deprecated("2.0.0", "`GETRANGE`")
    .summary("Returns the bytes of a string between two offsets, both included.")
    .complexity("O(N), N the length of the reply.")
    .args(SLICE);

const COMPARED_AND_DELETED: KeyFlags = KeyFlags::RM.with(KeyFlags::ACCESS).with(KeyFlags::DELETE);
const SLICE: &[Arg] = &[key("key"), int("start"), int("end")];
const PAIRS: Arg = block(&[key("key"), text("value")]).named("data").multiple();
const KEEPTTL: Arg = pure("keepttl", "KEEPTTL");

const fn read(name: &'static str, arity: i16) -> Spec {
    Spec::read(name, arity)
        .group(Group::String)
        .category(Categories::STRING)
}

const fn write(name: &'static str, arity: i16) -> Spec {
    Spec::write(name, arity)
        .group(Group::String)
        .category(Categories::STRING)
}

/// A command that adds to a number in place.
const fn counter(name: &'static str, arity: i16) -> Spec {
    write(name, arity)
        .flags(Flags::DENYOOM.with(Flags::FAST))
        .keys(const { &[KeySpec::at(1, KeyFlags::MODIFY)] })
}

/// `SET` overwrites unseen, unless `GET` returns the old value or `IFEQ` compares with it: then a
/// caller who may only write would learn something, so both need the right to read as well.
fn key_of_set<'a>(
    argc: usize,
    arg: &dyn Fn(usize) -> &'a [u8],
    out: &mut Vec<KeyAt>,
) -> Result<(), KeysError> {
    let mut access = KeyFlags::REPLACE;
    let mut at = 3;
    while at < argc {
        let option = arg(at);
        let is = |words: &[&[u8]]| words.iter().any(|word| option.eq_ignore_ascii_case(word));
        if is(&[b"get", b"ifeq"]) {
            access = KeyFlags::MODIFY;
            break;
        }
        // The word after one of these is its value, even if it spells an option.
        at += if is(&[b"ex", b"px", b"exat", b"pxat"]) {
            2
        } else {
            1
        };
    }
    out.push(KeyAt { index: 1, access });
    Ok(())
}
