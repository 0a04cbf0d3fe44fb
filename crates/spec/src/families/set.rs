//! Sets: members without an order at one key.

use super::{ORDER_VARIES, VARIES};
use crate::arg::{Arg, int, key, pattern, text};
use crate::category::Categories;
use crate::flags::Flags;
use crate::keys::{KeyFlags, KeySpec};
use crate::spec::{Group, Spec, at_least, exactly};

pub static SADD: Spec = write("sadd", at_least(3))
    .flags(Flags::DENYOOM.with(Flags::FAST))
    .keys(&[KeySpec::at(1, KeyFlags::RW.with(KeyFlags::INSERT))])
    .since("1.0.0")
    .summary("Adds members to a set and returns how many are new.")
    .complexity("O(N), N the number of members named.")
    .history(&[("2.4.0", "Several members.")])
    .args(KEY_AND_MEMBERS);

pub static SCARD: Spec = look("scard", exactly(2))
    .since("1.0.0")
    .summary("Returns how many members a set has.")
    .args(&[key("key")]);

pub static SDIFF: Spec = algebra("sdiff")
    .summary("Returns the members of the first set that are in none of the others.")
    .complexity(IN_ALL);

pub static SDIFFSTORE: Spec = store("sdiffstore")
    .keys(const { &[KeySpec::at(1, KeyFlags::REPLACE), SOURCES] })
    .summary("Keeps the members of the first set that are in none of the others at a key.")
    .complexity(IN_ALL);

pub static SINTER: Spec = algebra("sinter")
    .summary("Returns the members that are in all sets.")
    .complexity(IN_SMALLEST);

pub static SINTERCARD: Spec = Spec::read("sintercard", at_least(3))
    .group(Group::Set)
    .category(Categories::SET)
    .keys(&[KeySpec::counted(1, 1, KeyFlags::READ)])
    .since("7.0.0")
    .summary("Returns how many members are in all sets, counted up to a limit.")
    .complexity(IN_SMALLEST)
    .args(&[
        int("numkeys").counts_next(),
        key("key").multiple(),
        int("limit").token("LIMIT").within(0, i64::MAX).optional(),
    ]);

pub static SINTERSTORE: Spec = store("sinterstore")
    .keys(const { &[KeySpec::at(1, KeyFlags::RW.with(KeyFlags::UPDATE)), SOURCES] })
    .summary("Keeps the members that are in all sets at a key.")
    .complexity(IN_SMALLEST);

pub static SISMEMBER: Spec = look("sismember", exactly(3))
    .since("1.0.0")
    .summary("Tells whether a set has a member.")
    .args(&[key("key"), text("member")]);

pub static SMEMBERS: Spec = read("smembers", exactly(2))
    .since("1.0.0")
    .summary("Returns all members of a set.")
    .complexity("O(N), N the number of members.")
    .tips(ORDER_VARIES)
    .args(&[key("key")]);

pub static SMISMEMBER: Spec = read("smismember", at_least(3))
    .flags(Flags::FAST)
    .since("6.2.0")
    .summary("Tells for each of several members whether a set has it.")
    .complexity("O(N), N the number of members named.")
    .args(KEY_AND_MEMBERS);

pub static SMOVE: Spec = write("smove", exactly(4))
    .flags(Flags::FAST)
    .keys(&[
        KeySpec::at(1, KeyFlags::TAKE),
        KeySpec::at(2, KeyFlags::RW.with(KeyFlags::INSERT)),
    ])
    .since("1.0.0")
    .summary("Takes a member out of one set and adds it to another.")
    .args(&[
        key("source"),
        key("destination").key_spec(1),
        text("member"),
    ]);

pub static SPOP: Spec = write("spop", at_least(2))
    .flags(Flags::FAST)
    .keys(&[KeySpec::at(1, KeyFlags::TAKE)])
    .since("1.0.0")
    .summary("Removes members at random and returns them; a set without members is gone.")
    .complexity("O(1) without a count, otherwise O(N), N the count.")
    .history(&[("3.2.0", "`count`.")])
    .tips(VARIES)
    .args(&[
        key("key"),
        int("count").within(0, i64::MAX).optional().since("3.2.0"),
    ]);

pub static SRANDMEMBER: Spec = read("srandmember", at_least(2))
    .since("1.0.0")
    .summary("Returns members picked at random; with a negative count, some perhaps twice.")
    .complexity("O(1) without a count, otherwise O(N), N the count without its sign.")
    .history(&[("2.6.0", "`count`.")])
    .tips(VARIES)
    .args(&[
        key("key"),
        int("count")
            .within(-1000, i64::MAX)
            .optional()
            .since("2.6.0"),
    ]);

pub static SREM: Spec = write("srem", at_least(3))
    .flags(Flags::FAST)
    .keys(&[KeySpec::at(1, KeyFlags::RW.with(KeyFlags::DELETE))])
    .since("1.0.0")
    .summary("Removes members and returns how many there were; a set without members is gone.")
    .complexity("O(N), N the number of members named.")
    .history(&[("2.4.0", "Several members.")])
    .args(KEY_AND_MEMBERS);

pub static SSCAN: Spec = read("sscan", at_least(3))
    .since("2.8.0")
    .summary("Walks over members, a few per call, from cursor to cursor.")
    .complexity("O(1) per call, O(N) for the whole walk, N the number of members.")
    .tips(VARIES)
    .args(&[
        key("key"),
        int("cursor").within(0, i64::MAX),
        pattern("pattern").token("MATCH").optional(),
        int("count").token("COUNT").within(1, i64::MAX).optional(),
    ]);

pub static SUNION: Spec = algebra("sunion")
    .summary("Returns the members that are in any of the sets.")
    .complexity(IN_ALL);

pub static SUNIONSTORE: Spec = store("sunionstore")
    .keys(const { &[KeySpec::at(1, KeyFlags::REPLACE), SOURCES] })
    .summary("Keeps the members that are in any of the sets at a key.")
    .complexity(IN_ALL);

const KEY_AND_MEMBERS: &[Arg] = &[key("key"), text("member").multiple()];
const SOURCES: KeySpec = KeySpec::rest(2, 1, KeyFlags::READ);
const IN_ALL: &str = "O(N), N the number of members of all sets.";
const IN_SMALLEST: &str =
    "O(N*M), N the number of members of the smallest set, M the number of sets.";

const fn read(name: &'static str, arity: i16) -> Spec {
    Spec::read(name, arity)
        .group(Group::Set)
        .category(Categories::SET)
        .keys(const { &[KeySpec::at(1, KeyFlags::READ)] })
}

const fn write(name: &'static str, arity: i16) -> Spec {
    Spec::write(name, arity)
        .group(Group::Set)
        .category(Categories::SET)
}

/// Returns something about members, but none of them.
const fn look(name: &'static str, arity: i16) -> Spec {
    Spec::read(name, arity)
        .group(Group::Set)
        .category(Categories::SET)
        .flags(Flags::FAST)
        .keys(const { &[KeySpec::at(1, KeyFlags::RO)] })
}

/// Returns what several sets come to.
const fn algebra(name: &'static str) -> Spec {
    Spec::read(name, at_least(2))
        .group(Group::Set)
        .category(Categories::SET)
        .keys(const { &[KeySpec::rest(1, 1, KeyFlags::READ)] })
        .since("1.0.0")
        .tips(ORDER_VARIES)
        .args(const { &[key("key").multiple()] })
}

/// Keeps what several sets come to.
const fn store(name: &'static str) -> Spec {
    write(name, at_least(3))
        .flags(Flags::DENYOOM)
        .since("1.0.0")
        .args(const { &[key("destination"), key("key").key_spec(1).multiple()] })
}
