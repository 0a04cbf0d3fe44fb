//! Sorted sets: members with scores at one key.

use super::{NX, VARIES, XX};
use crate::arg::{Arg, block, double, int, key, one_of, pattern, pure, text};
use crate::category::Categories;
use crate::flags::Flags;
use crate::keys::{Begin, KeyFlags, KeySpec};
use crate::spec::{Group, Spec, at_least, exactly};

pub static BZMPOP: Spec = write("bzmpop", at_least(5))
    .flags(Flags::BLOCKING)
    .keys(&[KeySpec::counted(2, 1, KeyFlags::TAKE)])
    .since("7.0.0")
    .summary(
        "Takes members from an end of the first sorted set that has any, and waits if none has.",
    )
    .complexity("O(K) + O(M*log(N)), K the number of keys, M the members taken and N those there.")
    .args(&[
        double("timeout"),
        int("numkeys").counts_next(),
        key("key").multiple(),
        one_of(&[pure("min", "MIN"), pure("max", "MAX")]).named("where"),
        int("count").token("COUNT").within(1, i64::MAX).optional(),
    ]);

pub static BZPOPMAX: Spec = pop_or_wait("bzpopmax")
    .summary("Takes the last member of the first sorted set that has any, and waits if none has.");

pub static BZPOPMIN: Spec = pop_or_wait("bzpopmin")
    .summary("Takes the first member of the first sorted set that has any, and waits if none has.");

pub static ZADD: Spec = put("zadd", at_least(4), KeyFlags::RW.with(KeyFlags::UPDATE))
    .since("1.2.0")
    .summary("Gives members scores and returns how many are new; makes the set if there is none.")
    .complexity("O(log(N)) for each member named, N the number of members.")
    .history(&[
        ("2.4.0", "Several members."),
        ("3.0.2", "`XX`, `NX`, `CH` and `INCR`."),
        ("6.2.0", "`GT` and `LT`."),
    ])
    .args(&[
        key("key"),
        one_of(&[NX, XX])
            .named("condition")
            .optional()
            .since("3.0.2"),
        one_of(&[pure("gt", "GT"), pure("lt", "LT")])
            .named("comparison")
            .optional()
            .since("6.2.0"),
        pure("change", "CH").optional().since("3.0.2"),
        pure("increment", "INCR").optional().since("3.0.2"),
        block(&[double("score"), text("member")])
            .named("data")
            .multiple(),
    ]);

pub static ZCARD: Spec = look("zcard", exactly(2), KeyFlags::RO)
    .since("1.2.0")
    .summary("Returns how many members a sorted set has.")
    .args(&[key("key")]);

pub static ZCOUNT: Spec = look("zcount", exactly(4), KeyFlags::READ)
    .since("2.0.0")
    .summary("Returns how many members have a score within a range.")
    .complexity("O(log(N)), N the number of members.")
    .args(&[key("key"), double("min"), double("max")]);

pub static ZDIFF: Spec = combine("zdiff")
    .since("6.2.0")
    .summary("Returns the members of the first sorted set that no other one has.")
    .complexity("O(L + (N-K)log(N)), L the members of all, N of the first, K of the result.")
    .args(&[NUMKEYS, KEYS, WITHSCORES]);

pub static ZDIFFSTORE: Spec = combine_into("zdiffstore")
    .since("6.2.0")
    .summary("Keeps the members of the first sorted set that no other one has at a key.")
    .complexity("O(L + (N-K)log(N)), L the members of all, N of the first, K of the result.")
    .args(&[key("destination"), NUMKEYS, SOURCES]);

pub static ZINCRBY: Spec = put("zincrby", exactly(4), KeyFlags::MODIFY)
    .since("1.2.0")
    .summary("Adds to the score of a member, which is 0 if there is no such member.")
    .complexity("O(log(N)), N the number of members.")
    .args(&[key("key"), int("increment"), text("member")]);

pub static ZINTER: Spec = combine("zinter")
    .since("6.2.0")
    .summary("Returns the members that all sorted sets have.")
    .complexity("O(N*K)+O(M*log(M)), N the smallest of K sets, M the result.")
    .args(&[NUMKEYS, KEYS, WEIGHTS, AGGREGATE, WITHSCORES]);

pub static ZINTERCARD: Spec = combine("zintercard")
    .since("7.0.0")
    .summary("Returns how many members all sorted sets have in common.")
    .complexity("O(N*K), N the smallest of K sets.")
    .args(&[
        NUMKEYS,
        KEYS,
        int("limit").token("LIMIT").within(0, i64::MAX).optional(),
    ]);

pub static ZINTERSTORE: Spec = combine_into("zinterstore")
    .since("2.0.0")
    .summary("Keeps the members that all sorted sets have at a key.")
    .complexity("O(N*K)+O(M*log(M)), N the smallest of K sets, M the result.")
    .args(&[key("destination"), NUMKEYS, SOURCES, WEIGHTS, AGGREGATE]);

pub static ZLEXCOUNT: Spec = look("zlexcount", exactly(4), KeyFlags::READ)
    .since("2.8.9")
    .summary("Returns how many members are within a range of names, where all scores are equal.")
    .complexity("O(log(N)), N the number of members.")
    .args(&[key("key"), NAME_MIN, NAME_MAX]);

pub static ZMPOP: Spec = write("zmpop", at_least(4))
    .keys(&[KeySpec::counted(1, 1, KeyFlags::TAKE)])
    .since("7.0.0")
    .summary("Takes members from either end of the first sorted set that there is.")
    .complexity("O(K) + O(M*log(N)), K the keys, N the members, M those taken.")
    .args(&[
        NUMKEYS,
        KEYS,
        one_of(&[pure("min", "MIN"), pure("max", "MAX")]).named("where"),
        int("count").token("COUNT").within(1, i64::MAX).optional(),
    ]);

pub static ZMSCORE: Spec = look("zmscore", at_least(3), KeyFlags::READ)
    .since("6.2.0")
    .summary("Returns the scores of several members, nothing for those that are missing.")
    .complexity("O(N), N the number of members named.")
    .args(&[key("key"), text("member").multiple()]);

pub static ZPOPMAX: Spec = pop("zpopmax")
    .since("5.0.0")
    .summary("Takes the members with the highest scores; an empty set is gone.");

pub static ZPOPMIN: Spec = pop("zpopmin")
    .since("5.0.0")
    .summary("Takes the members with the lowest scores; an empty set is gone.");

pub static ZRANDMEMBER: Spec = read("zrandmember", at_least(2))
    .since("6.2.0")
    .summary("Returns members picked at random; with a negative count, some perhaps twice.")
    .complexity("O(N), N the number of members returned.")
    .tips(VARIES)
    .args(&[
        key("key"),
        block(&[int("count").within(-1000, i64::MAX), WITHSCORES])
            .named("options")
            .optional(),
    ]);

pub static ZRANGE: Spec = read("zrange", at_least(4))
    .since("1.2.0")
    .summary("Returns members within a range of ranks, of scores or of names.")
    .complexity(SEARCH_AND_WALK)
    .history(&[("6.2.0", "`REV`, `BYSCORE`, `BYLEX` and `LIMIT`.")])
    .args(&[
        key("key"),
        text("start").like(RANK_EXAMPLES),
        text("stop").like(RANK_EXAMPLES),
        SORT_BY,
        REV,
        LIMIT_6_2,
        WITHSCORES,
    ]);

pub static ZRANGEBYLEX: Spec = read("zrangebylex", at_least(4))
    .since("2.8.9")
    .summary("Returns members within a range of names, where all scores are equal.")
    .complexity(SEARCH_AND_WALK)
    .deprecated("6.2.0", "`ZRANGE` with the `BYLEX` argument")
    .args(&[key("key"), NAME_MIN, NAME_MAX, LIMIT]);

pub static ZRANGEBYSCORE: Spec = read("zrangebyscore", at_least(4))
    .since("1.0.5")
    .summary("Returns members within a range of scores.")
    .complexity(SEARCH_AND_WALK)
    .history(&[("2.0.0", "`WITHSCORES`.")])
    .deprecated("6.2.0", "`ZRANGE` with the `BYSCORE` argument")
    .args(&[
        key("key"),
        double("min"),
        double("max"),
        WITHSCORES.since("2.0.0"),
        LIMIT,
    ]);

pub static ZRANGESTORE: Spec = write("zrangestore", at_least(5))
    .flags(Flags::DENYOOM)
    .keys(&[
        KeySpec::at(1, KeyFlags::REPLACE),
        KeySpec::at(2, KeyFlags::READ),
    ])
    .since("6.2.0")
    .summary("Keeps members within a range of ranks, of scores or of names at another key.")
    .complexity(SEARCH_AND_WALK)
    .args(&[
        key("dst"),
        key("src").key_spec(1),
        text("min").like(RANK_EXAMPLES),
        text("max").like(RANK_EXAMPLES),
        one_of(BY).named("sortby").optional(),
        pure("rev", "REV").optional(),
        LIMIT,
    ]);

pub static ZRANK: Spec = look("zrank", at_least(3), KeyFlags::READ)
    .since("2.0.0")
    .summary("Returns how many members have a lower score than a member.")
    .complexity("O(log(N)), N the number of members.")
    .history(&[("7.2.0", "`WITHSCORE`.")])
    .args(RANK_OF);

pub static ZREM: Spec = write("zrem", at_least(3))
    .flags(Flags::FAST)
    .keys(&[KeySpec::at(1, KeyFlags::RW.with(KeyFlags::DELETE))])
    .since("1.2.0")
    .summary("Removes members and returns how many there were; an empty set is gone.")
    .complexity("O(M*log(N)), N the number of members, M of those named.")
    .history(&[("2.4.0", "Several members.")])
    .args(&[key("key"), text("member").multiple()]);

pub static ZREMRANGEBYLEX: Spec = remove_range("zremrangebylex")
    .since("2.8.9")
    .summary("Removes members within a range of names, where all scores are equal.")
    .args(&[key("key"), NAME_MIN, NAME_MAX]);

pub static ZREMRANGEBYRANK: Spec = remove_range("zremrangebyrank")
    .since("2.0.0")
    .summary("Removes members within a range of ranks.")
    .args(&[key("key"), int("start"), int("stop")]);

pub static ZREMRANGEBYSCORE: Spec = remove_range("zremrangebyscore")
    .since("1.2.0")
    .summary("Removes members within a range of scores.")
    .args(&[key("key"), double("min"), double("max")]);

pub static ZREVRANGE: Spec = read("zrevrange", at_least(4))
    .since("1.2.0")
    .summary("Returns members within a range of ranks, the highest score first.")
    .complexity(SEARCH_AND_WALK)
    .deprecated("6.2.0", "`ZRANGE` with the `REV` argument")
    .args(&[key("key"), int("start"), int("stop"), WITHSCORES]);

pub static ZREVRANGEBYLEX: Spec = read("zrevrangebylex", at_least(4))
    .since("2.8.9")
    .summary("Returns members within a range of names, the last first.")
    .complexity(SEARCH_AND_WALK)
    .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYLEX` arguments")
    .args(&[key("key"), NAME_MAX, NAME_MIN, LIMIT]);

pub static ZREVRANGEBYSCORE: Spec = read("zrevrangebyscore", at_least(4))
    .since("2.2.0")
    .summary("Returns members within a range of scores, the highest first.")
    .complexity(SEARCH_AND_WALK)
    .history(&[("2.1.6", "Bounds can be left out of the range.")])
    .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYSCORE` arguments")
    .args(&[key("key"), double("max"), double("min"), WITHSCORES, LIMIT]);

pub static ZREVRANK: Spec = look("zrevrank", at_least(3), KeyFlags::READ)
    .since("2.0.0")
    .summary("Returns how many members have a higher score than a member.")
    .complexity("O(log(N)), N the number of members.")
    .history(&[("7.2.0", "`WITHSCORE`.")])
    .args(RANK_OF);

pub static ZSCAN: Spec = read("zscan", at_least(3))
    .since("2.8.0")
    .summary("Walks over members with their scores, a few per call, from cursor to cursor.")
    .complexity("O(1) per call, O(N) for the whole walk, N the number of members.")
    .tips(VARIES)
    .args(&[
        key("key"),
        int("cursor").within(0, i64::MAX),
        pattern("pattern").token("MATCH").optional(),
        int("count").token("COUNT").within(1, i64::MAX).optional(),
        pure("noscores", "NOSCORES").optional().since("8.0.0"),
    ]);

pub static ZSCORE: Spec = look("zscore", exactly(3), KeyFlags::READ)
    .since("1.2.0")
    .summary("Returns the score of a member.")
    .args(&[key("key"), text("member")]);

pub static ZUNION: Spec = combine("zunion")
    .since("6.2.0")
    .summary("Returns the members that any of several sorted sets has.")
    .complexity("O(N)+O(M*log(M)), N the members of all, M of the result.")
    .args(&[NUMKEYS, KEYS, WEIGHTS, AGGREGATE, WITHSCORES]);

pub static ZUNIONSTORE: Spec = combine_into("zunionstore")
    .since("2.0.0")
    .summary("Keeps the members that any of several sorted sets has at a key.")
    .complexity("O(N)+O(M*log(M)), N the members of all, M of the result.")
    .args(&[key("destination"), NUMKEYS, SOURCES, WEIGHTS, AGGREGATE]);

const SEARCH_AND_WALK: &str = "O(log(N)+M), N the number of members, M of those in the range.";

const NUMKEYS: Arg = int("numkeys").counts_next();
const KEYS: Arg = key("key").multiple();
const SOURCES: Arg = key("key").key_spec(1).multiple();
const WITHSCORES: Arg = pure("withscores", "WITHSCORES").optional();
/// There are as many as keys.
const WEIGHTS: Arg = int("weight").token("WEIGHTS").multiple().optional();
const AGGREGATE: Arg = one_of(&[pure("sum", "SUM"), pure("min", "MIN"), pure("max", "MAX")])
    .named("aggregate")
    .token("AGGREGATE")
    .optional();
const BY: &[Arg] = &[pure("byscore", "BYSCORE"), pure("bylex", "BYLEX")];
const SORT_BY: Arg = one_of(BY).named("sortby").optional().since("6.2.0");
const REV: Arg = pure("rev", "REV").optional().since("6.2.0");
const LIMIT: Arg = block(&[int("offset"), int("count")])
    .named("limit")
    .token("LIMIT")
    .optional();
const LIMIT_6_2: Arg = LIMIT.since("6.2.0");
const RANK_EXAMPLES: &[&str] = &["0", "1", "-1"];
const NAME_MIN: Arg = text("min").like(&["-", "[a", "(b"]);
const NAME_MAX: Arg = text("max").like(&["+", "[x", "(y"]);
const RANK_OF: &[Arg] = &[
    key("key"),
    text("member"),
    pure("withscore", "WITHSCORE").optional().since("7.2.0"),
];

const fn read(name: &'static str, arity: i16) -> Spec {
    Spec::read(name, arity)
        .group(Group::SortedSet)
        .category(Categories::SORTEDSET)
        .keys(const { &[KeySpec::at(1, KeyFlags::READ)] })
}

const fn write(name: &'static str, arity: i16) -> Spec {
    Spec::write(name, arity)
        .group(Group::SortedSet)
        .category(Categories::SORTEDSET)
}

/// A look at one place, or a few.
const fn look(name: &'static str, arity: i16, access: KeyFlags) -> Spec {
    let spec = Spec::read(name, arity)
        .group(Group::SortedSet)
        .category(Categories::SORTEDSET)
        .flags(Flags::FAST);
    match access.contains(KeyFlags::ACCESS) {
        true => spec.keys(const { &[KeySpec::at(1, KeyFlags::READ)] }),
        false => spec.keys(const { &[KeySpec::at(1, KeyFlags::RO)] }),
    }
}

/// Gives scores.
const fn put(name: &'static str, arity: i16, access: KeyFlags) -> Spec {
    let spec = write(name, arity).flags(Flags::DENYOOM.with(Flags::FAST));
    match access.contains(KeyFlags::ACCESS) {
        true => spec.keys(const { &[KeySpec::at(1, KeyFlags::MODIFY)] }),
        false => spec.keys(const { &[KeySpec::at(1, KeyFlags::RW.with(KeyFlags::UPDATE))] }),
    }
}

/// Takes members from one end.
const fn pop(name: &'static str) -> Spec {
    write(name, at_least(2))
        .flags(Flags::FAST)
        .keys(const { &[KeySpec::at(1, KeyFlags::TAKE)] })
        .complexity("O(M*log(N)), N the number of members, M of those taken.")
        .args(const { &[key("key"), int("count").within(0, i64::MAX).optional()] })
}

const fn remove_range(name: &'static str) -> Spec {
    write(name, exactly(4))
        .keys(const { &[KeySpec::at(1, KeyFlags::RW.with(KeyFlags::DELETE))] })
        .complexity("O(log(N)+M), N the number of members, M of those removed.")
}

/// Returns what several sorted sets make together.
const fn combine(name: &'static str) -> Spec {
    Spec::read(name, at_least(3))
        .group(Group::SortedSet)
        .category(Categories::SORTEDSET)
        .keys(const { &[KeySpec::counted(1, 1, KeyFlags::READ)] })
}

/// The same, kept at a key.
const fn combine_into(name: &'static str) -> Spec {
    write(name, at_least(4)).flags(Flags::DENYOOM).keys(
        const {
            &[
                KeySpec::at(1, KeyFlags::REPLACE),
                KeySpec::counted(2, 1, KeyFlags::READ),
            ]
        },
    )
}

const fn pop_or_wait(name: &'static str) -> Spec {
    write(name, at_least(3))
        .flags(Flags::FAST.with(Flags::BLOCKING))
        .keys(const { &[KeySpec::range(Begin::Index(1), -2, 1, KeyFlags::TAKE)] })
        .since("5.0.0")
        .complexity("O(log(N)), N the number of members.")
        .history(const { &[("6.0.0", "A timeout with a fraction.")] })
        .args(const { &[key("key").multiple(), double("timeout")] })
}
