//! Fields of hashes with a time to live: what EXPIRE, TTL, GETEX and SET with EX are to keys.

use super::VARIES;
use crate::arg::{Arg, block, int, key, one_of, pure, text, unix_time};
use crate::category::Categories;
use crate::flags::Flags;
use crate::keys::{KeyFlags, KeySpec};
use crate::spec::{Group, Spec, at_least};

pub static HEXPIRE: Spec = deadline("hexpire")
    .summary("Lets fields expire after so many seconds.")
    .args(&[key("key"), SECONDS, CONDITION, FIELDS]);

pub static HEXPIREAT: Spec = deadline("hexpireat")
    .summary("Lets fields expire at a point in time, in seconds since 1970.")
    .args(&[key("key"), UNIX_SECONDS, CONDITION, FIELDS]);

pub static HEXPIRETIME: Spec = look("hexpiretime")
    .summary("Returns when fields expire, in seconds since 1970.")
    .args(&[key("key"), FIELDS]);

pub static HGETDEL: Spec = write("hgetdel")
    .flags(Flags::FAST)
    .keys(&[KeySpec::at(1, KeyFlags::TAKE)])
    .since("8.0.0")
    .summary("Returns the values of fields and removes them.")
    .args(&[key("key"), FIELDS]);

pub static HGETEX: Spec = write("hgetex")
    .flags(Flags::FAST)
    .keys(&[KeySpec::at(1, KeyFlags::MODIFY)])
    .since("8.0.0")
    .summary("Returns the values of fields and sets or removes their deadline.")
    .args(&[
        key("key"),
        one_of(&[EX, PX, EXAT, PXAT, pure("persist", "PERSIST")])
            .named("expiration")
            .optional(),
        FIELDS,
    ]);

pub static HPERSIST: Spec = write("hpersist")
    .flags(Flags::FAST)
    .keys(&[KeySpec::at(1, KeyFlags::RW.with(KeyFlags::UPDATE))])
    .since("7.4.0")
    .summary("Removes the deadlines of fields.")
    .args(&[key("key"), FIELDS]);

pub static HPEXPIRE: Spec = deadline("hpexpire")
    .summary("Lets fields expire after so many milliseconds.")
    .args(&[key("key"), MILLISECONDS, CONDITION, FIELDS]);

pub static HPEXPIREAT: Spec = deadline("hpexpireat")
    .summary("Lets fields expire at a point in time, in milliseconds since 1970.")
    .args(&[key("key"), UNIX_MILLISECONDS, CONDITION, FIELDS]);

pub static HPEXPIRETIME: Spec = look("hpexpiretime")
    .summary("Returns when fields expire, in milliseconds since 1970.")
    .args(&[key("key"), FIELDS]);

pub static HPTTL: Spec = look("hpttl")
    .summary("Returns in how many milliseconds fields expire.")
    .tips(VARIES)
    .args(&[key("key"), FIELDS]);

pub static HSETEX: Spec = Spec::write("hsetex", at_least(6))
    .group(Group::Hash)
    .category(Categories::HASH)
    .flags(Flags::DENYOOM.with(Flags::FAST))
    .keys(&[KeySpec::at(1, KeyFlags::RW.with(KeyFlags::UPDATE))])
    .since("8.0.0")
    .complexity(FIELDS_NAMED)
    .summary("Sets fields with one deadline and one condition for all of them.")
    .args(&[
        key("key"),
        one_of(&[pure("fnx", "FNX"), pure("fxx", "FXX")])
            .named("condition")
            .optional(),
        one_of(&[EX, PX, EXAT, PXAT, pure("keepttl", "KEEPTTL")])
            .named("expiration")
            .optional(),
        block(&[
            int("numfields").counts_next(),
            block(&[text("field"), text("value")])
                .named("data")
                .multiple(),
        ])
        .named("fields")
        .token("FIELDS"),
    ]);

pub static HTTL: Spec = look("httl")
    .summary("Returns in how many seconds fields expire.")
    .tips(VARIES)
    .args(&[key("key"), FIELDS]);

const FIELDS: Arg = block(&[int("numfields").counts_next(), text("field").multiple()])
    .named("fields")
    .token("FIELDS");

const CONDITION: Arg = one_of(&[
    pure("nx", "NX"),
    pure("xx", "XX"),
    pure("gt", "GT"),
    pure("lt", "LT"),
])
.named("condition")
.optional();

/// No field lives beyond 2^46 milliseconds since 1970, which is in the year 4199.
const MILLISECONDS_MAX: i64 = 68_000_000_000_000;
const SECONDS_MAX: i64 = MILLISECONDS_MAX / 1000;
const SECONDS: Arg = int("seconds").within(0, SECONDS_MAX);
const MILLISECONDS: Arg = int("milliseconds").within(0, MILLISECONDS_MAX);
const UNIX_SECONDS: Arg = unix_time("unix-time-seconds").within(0, SECONDS_MAX);
const UNIX_MILLISECONDS: Arg = unix_time("unix-time-milliseconds").within(0, MILLISECONDS_MAX);
const EX: Arg = SECONDS.token("EX");
const PX: Arg = MILLISECONDS.token("PX");
const EXAT: Arg = UNIX_SECONDS.token("EXAT");
const PXAT: Arg = UNIX_MILLISECONDS.token("PXAT");

const FIELDS_NAMED: &str = "O(N), N the number of fields named.";

const fn write(name: &'static str) -> Spec {
    Spec::write(name, at_least(5))
        .group(Group::Hash)
        .category(Categories::HASH)
        .complexity(FIELDS_NAMED)
}

/// Sets deadlines.
const fn deadline(name: &'static str) -> Spec {
    Spec::write(name, at_least(6))
        .group(Group::Hash)
        .category(Categories::HASH)
        .complexity(FIELDS_NAMED)
        .flags(Flags::DENYOOM.with(Flags::FAST))
        .keys(const { &[KeySpec::at(1, KeyFlags::RW.with(KeyFlags::UPDATE))] })
        .since("7.4.0")
}

/// Tells deadlines.
const fn look(name: &'static str) -> Spec {
    Spec::read(name, at_least(5))
        .group(Group::Hash)
        .category(Categories::HASH)
        .complexity(FIELDS_NAMED)
        .flags(Flags::FAST)
        .keys(const { &[KeySpec::at(1, KeyFlags::READ)] })
        .since("7.4.0")
}
