//! Lists: strings in a row, cheap to change at both ends.

use crate::arg::{Arg, int, key, one_of, pure, text};
use crate::category::Categories;
use crate::flags::Flags;
use crate::keys::{KeyFlags, KeySpec};
use crate::spec::{Group, Spec, at_least, exactly};

pub static LINDEX: Spec = read("lindex", exactly(3))
    .since("1.0.0")
    .summary("Returns the element at an index, which is counted from the end if it is negative.")
    .complexity("O(N), N the elements passed on the way from the nearer end.")
    .args(&[key("key"), int("index")]);

pub static LINSERT: Spec = write("linsert", exactly(5))
    .flags(Flags::DENYOOM)
    .keys(INTO_KEY)
    .since("2.2.0")
    .summary("Puts an element in front of another or behind it.")
    .complexity("O(N), N the elements before the one that is looked for.")
    .args(&[
        key("key"),
        one_of(&[pure("before", "BEFORE"), pure("after", "AFTER")]).named("where"),
        text("pivot"),
        text("element"),
    ]);

pub static LLEN: Spec = Spec::read("llen", exactly(2))
    .group(Group::List)
    .category(Categories::LIST)
    .flags(Flags::FAST)
    .keys(&[KeySpec::at(1, KeyFlags::RO)])
    .since("1.0.0")
    .summary("Returns how many elements a list has.")
    .args(&[key("key")]);

pub static LMOVE: Spec = write("lmove", exactly(5))
    .flags(Flags::DENYOOM)
    .keys(FROM_KEY_TO_KEY)
    .since("6.2.0")
    .summary("Takes an element from an end of a list to an end of another, and returns it.")
    .args(&[
        key("source"),
        key("destination").key_spec(1),
        END.named("wherefrom"),
        END.named("whereto"),
    ]);

pub static LMPOP: Spec = write("lmpop", at_least(4))
    .keys(&[KeySpec::counted(1, 1, KeyFlags::TAKE)])
    .since("7.0.0")
    .summary("Takes elements from an end of the first list that has any, and says which it was.")
    .complexity("O(N+M), N the number of keys and M the number of elements taken.")
    .args(&[
        int("numkeys").counts_next(),
        key("key").multiple(),
        END.named("where"),
        int("count").token("COUNT").within(1, i64::MAX).optional(),
    ]);

pub static LPOP: Spec = pop("lpop").summary("Takes elements from the front of a list.");

pub static LPOS: Spec = read("lpos", at_least(3))
    .since("6.0.6")
    .summary("Returns the indexes of elements that are equal to the one given.")
    .complexity("O(N), N the elements looked at: up to MAXLEN, or until there are enough.")
    .args(&[
        key("key"),
        text("element"),
        int("rank").token("RANK").within(1, i64::MAX).optional(),
        int("num-matches")
            .token("COUNT")
            .within(0, i64::MAX)
            .optional(),
        int("len").token("MAXLEN").within(0, i64::MAX).optional(),
    ]);

pub static LPUSH: Spec = push("lpush")
    .since("1.0.0")
    .summary("Puts elements in front of a list, one after the other, and returns its length.")
    .history(&[("2.4.0", "Several elements.")]);

pub static LPUSHX: Spec = push("lpushx")
    .since("2.2.0")
    .summary("Puts elements in front of a list if there is one.")
    .history(&[("4.0.0", "Several elements.")]);

pub static LRANGE: Spec = read("lrange", exactly(4))
    .since("1.0.0")
    .summary("Returns the elements from an index to another, both included.")
    .complexity("O(S+N), S the elements between the nearer end and the first, N those returned.")
    .args(RANGE_OF_KEY);

pub static LREM: Spec = write("lrem", exactly(4))
    .keys(OUT_OF_KEY)
    .since("1.0.0")
    .summary("Removes elements that are equal to the one given; the sign of the count is the end to begin from.")
    .complexity("O(N), N the length of the list.")
    .args(&[key("key"), int("count"), text("element")]);

pub static LSET: Spec = write("lset", exactly(4))
    .flags(Flags::DENYOOM)
    .keys(&[KeySpec::at(1, KeyFlags::RW.with(KeyFlags::UPDATE))])
    .since("1.0.0")
    .summary("Puts an element in the place of the one at an index.")
    .complexity("O(N), N the elements passed on the way from the nearer end.")
    .args(&[key("key"), int("index"), text("element")]);

pub static LTRIM: Spec = write("ltrim", exactly(4))
    .keys(OUT_OF_KEY)
    .since("1.0.0")
    .summary("Removes all elements but those from an index to another.")
    .complexity("O(N), N the number of elements removed.")
    .args(RANGE_OF_KEY);

pub static RPOP: Spec = pop("rpop").summary("Takes elements from the back of a list.");

pub static RPOPLPUSH: Spec = write("rpoplpush", exactly(3))
    .flags(Flags::DENYOOM)
    .keys(FROM_KEY_TO_KEY)
    .since("1.2.0")
    .summary("Takes the last element of a list to the front of another, and returns it.")
    .deprecated("6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments")
    .args(&[key("source"), key("destination").key_spec(1)]);

pub static RPUSH: Spec = push("rpush")
    .since("1.0.0")
    .summary("Appends elements to a list and returns its length.")
    .history(&[("2.4.0", "Several elements.")]);

pub static RPUSHX: Spec = push("rpushx")
    .since("2.2.0")
    .summary("Appends elements to a list if there is one.")
    .history(&[("4.0.0", "Several elements.")]);

const END: Arg = one_of(&[pure("left", "LEFT"), pure("right", "RIGHT")]);
const RANGE_OF_KEY: &[Arg] = &[key("key"), int("start"), int("stop")];

const INTO_KEY: &[KeySpec] = &[KeySpec::at(1, KeyFlags::RW.with(KeyFlags::INSERT))];
const OUT_OF_KEY: &[KeySpec] = &[KeySpec::at(1, KeyFlags::RW.with(KeyFlags::DELETE))];
const FROM_KEY_TO_KEY: &[KeySpec] = &[
    KeySpec::at(1, KeyFlags::TAKE),
    KeySpec::at(2, KeyFlags::RW.with(KeyFlags::INSERT)),
];

const fn read(name: &'static str, arity: i16) -> Spec {
    Spec::read(name, arity)
        .group(Group::List)
        .category(Categories::LIST)
        .keys(const { &[KeySpec::at(1, KeyFlags::READ)] })
}

const fn write(name: &'static str, arity: i16) -> Spec {
    Spec::write(name, arity)
        .group(Group::List)
        .category(Categories::LIST)
}

const fn push(name: &'static str) -> Spec {
    write(name, at_least(3))
        .flags(Flags::DENYOOM.with(Flags::FAST))
        .keys(INTO_KEY)
        .complexity("O(N), N the number of elements given.")
        .args(const { &[key("key"), text("element").multiple()] })
}

const fn pop(name: &'static str) -> Spec {
    write(name, at_least(2))
        .flags(Flags::FAST)
        .keys(const { &[KeySpec::at(1, KeyFlags::TAKE)] })
        .since("1.0.0")
        .complexity("O(N), N the number of elements taken.")
        .history(const { &[("6.2.0", "A count.")] })
        .args(
            const {
                &[
                    key("key"),
                    int("count").within(0, i64::MAX).optional().since("6.2.0"),
                ]
            },
        )
}
