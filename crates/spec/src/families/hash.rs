//! Hashes: fields with values at one key.

use super::{ORDER_VARIES, VARIES};
use crate::arg::{Arg, block, double, int, key, pattern, pure, text};
use crate::category::Categories;
use crate::flags::Flags;
use crate::keys::{KeyFlags, KeySpec};
use crate::spec::{Group, Spec, at_least, exactly};

pub static HDEL: Spec = write("hdel", at_least(3))
    .flags(Flags::FAST)
    .keys(&[KeySpec::at(1, KeyFlags::RW.with(KeyFlags::DELETE))])
    .since("2.0.0")
    .summary("Removes fields and returns how many there were; a hash without fields is gone.")
    .complexity("O(N), N the number of fields named.")
    .history(&[("2.4.0", "Several fields.")])
    .args(&[key("key"), text("field").multiple()]);

pub static HEXISTS: Spec = look("hexists", exactly(3))
    .since("2.0.0")
    .summary("Tells whether a hash has a field.")
    .args(FIELD_OF_KEY);

pub static HGET: Spec = fast_read("hget", exactly(3))
    .since("2.0.0")
    .summary("Returns the value of a field.")
    .args(FIELD_OF_KEY);

pub static HGETALL: Spec = read("hgetall", exactly(2))
    .since("2.0.0")
    .summary("Returns all fields with their values.")
    .complexity("O(N), N the number of fields.")
    .tips(ORDER_VARIES)
    .args(&[key("key")]);

pub static HINCRBY: Spec = counter("hincrby")
    .since("2.0.0")
    .summary("Adds a number to an integer in a field, which is 0 if the field is missing.")
    .args(&[key("key"), text("field"), int("increment")]);

pub static HINCRBYFLOAT: Spec = counter("hincrbyfloat")
    .since("2.6.0")
    .summary("Adds a number with a fraction to one in a field, 0 if the field is missing.")
    .args(&[key("key"), text("field"), double("increment")]);

pub static HKEYS: Spec = read("hkeys", exactly(2))
    .since("2.0.0")
    .summary("Returns the names of all fields.")
    .complexity("O(N), N the number of fields.")
    .tips(ORDER_VARIES)
    .args(&[key("key")]);

pub static HLEN: Spec = look("hlen", exactly(2))
    .since("2.0.0")
    .summary("Returns how many fields a hash has.")
    .args(&[key("key")]);

pub static HMGET: Spec = fast_read("hmget", at_least(3))
    .since("2.0.0")
    .summary("Returns the values of several fields, nothing for those that are missing.")
    .complexity("O(N), N the number of fields named.")
    .args(&[key("key"), text("field").multiple()]);

pub static HMSET: Spec = set("hmset", at_least(4))
    .since("2.0.0")
    .summary("Sets fields, and says OK.")
    .complexity("O(N), N the number of fields named.")
    .deprecated("4.0.0", "`HSET` with several fields")
    .args(FIELDS_AND_VALUES);

pub static HRANDFIELD: Spec = read("hrandfield", at_least(2))
    .since("6.2.0")
    .summary("Returns fields picked at random; with a negative count, some perhaps twice.")
    .complexity("O(N), N the number of fields returned.")
    .tips(VARIES)
    .args(&[
        key("key"),
        block(&[
            int("count").within(-1000, i64::MAX),
            pure("withvalues", "WITHVALUES").optional(),
        ])
        .named("options")
        .optional(),
    ]);

pub static HSCAN: Spec = read("hscan", at_least(3))
    .since("2.8.0")
    .summary("Walks over fields with their values, a few per call, from cursor to cursor.")
    .complexity("O(1) per call, O(N) for the whole walk, N the number of fields.")
    .tips(VARIES)
    .args(&[
        key("key"),
        int("cursor").within(0, i64::MAX),
        pattern("pattern").token("MATCH").optional(),
        int("count").token("COUNT").within(1, i64::MAX).optional(),
        pure("novalues", "NOVALUES").optional().since("7.4.0"),
    ]);

pub static HSET: Spec = set("hset", at_least(4))
    .since("2.0.0")
    .summary("Sets fields and returns how many of them are new.")
    .complexity("O(N), N the number of fields named.")
    .history(&[("4.0.0", "Several fields.")])
    .args(FIELDS_AND_VALUES);

pub static HSETNX: Spec = write("hsetnx", exactly(4))
    .flags(Flags::DENYOOM.with(Flags::FAST))
    .keys(&[KeySpec::at(1, KeyFlags::RW.with(KeyFlags::INSERT))])
    .since("2.0.0")
    .summary("Sets a field unless the hash has it already.")
    .args(&[key("key"), text("field"), text("value")]);

pub static HSTRLEN: Spec = look("hstrlen", exactly(3))
    .since("3.2.0")
    .summary("Returns the length of the value of a field, 0 if the field is missing.")
    .args(FIELD_OF_KEY);

pub static HVALS: Spec = read("hvals", exactly(2))
    .since("2.0.0")
    .summary("Returns the values of all fields.")
    .complexity("O(N), N the number of fields.")
    .tips(ORDER_VARIES)
    .args(&[key("key")]);

const FIELD_OF_KEY: &[Arg] = &[key("key"), text("field")];
const FIELDS_AND_VALUES: &[Arg] = &[
    key("key"),
    block(&[text("field"), text("value")])
        .named("data")
        .multiple(),
];

const fn read(name: &'static str, arity: i16) -> Spec {
    Spec::read(name, arity)
        .group(Group::Hash)
        .category(Categories::HASH)
        .keys(const { &[KeySpec::at(1, KeyFlags::READ)] })
}

const fn write(name: &'static str, arity: i16) -> Spec {
    Spec::write(name, arity)
        .group(Group::Hash)
        .category(Categories::HASH)
}

/// Returns values, in a time that does not depend on the hash.
const fn fast_read(name: &'static str, arity: i16) -> Spec {
    read(name, arity).flags(Flags::FAST)
}

/// Returns something about fields, but no value.
const fn look(name: &'static str, arity: i16) -> Spec {
    Spec::read(name, arity)
        .group(Group::Hash)
        .category(Categories::HASH)
        .flags(Flags::FAST)
        .keys(const { &[KeySpec::at(1, KeyFlags::RO)] })
}

/// Overwrites fields, whatever they were.
const fn set(name: &'static str, arity: i16) -> Spec {
    write(name, arity)
        .flags(Flags::DENYOOM.with(Flags::FAST))
        .keys(const { &[KeySpec::at(1, KeyFlags::RW.with(KeyFlags::UPDATE))] })
}

/// Adds to a field.
const fn counter(name: &'static str) -> Spec {
    write(name, exactly(4))
        .flags(Flags::DENYOOM.with(Flags::FAST))
        .keys(const { &[KeySpec::at(1, KeyFlags::MODIFY)] })
}
