//! Places on Earth, kept as the scores of sorted sets.

use super::{NX, XX};
use crate::arg::{Arg, block, double, int, key, one_of, pure, text};
use crate::category::Categories;
use crate::flags::Flags;
use crate::keys::{Begin, KeyAt, KeyFlags, KeySpec, KeysError};
use crate::spec::{Group, Spec, at_least};

pub static GEOADD: Spec = write("geoadd", at_least(5))
    .keys(&[KeySpec::at(1, KeyFlags::RW.with(KeyFlags::UPDATE))])
    .since("3.2.0")
    .summary("Gives members places and returns how many are new; makes the set if there is none.")
    .complexity("O(log(N)) for each member named, N the number of members.")
    .history(&[("6.2.0", "`CH`, `NX` and `XX`.")])
    .args(&[
        key("key"),
        one_of(&[NX, XX])
            .named("condition")
            .optional()
            .since("6.2.0"),
        pure("change", "CH").optional().since("6.2.0"),
        block(&[LONGITUDE, LATITUDE, text("member")])
            .named("data")
            .multiple(),
    ]);

pub static GEODIST: Spec = read("geodist", at_least(4))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .since("3.2.0")
    .summary("Returns how far two members are from each other.")
    .complexity("O(1).")
    .args(&[
        key("key"),
        text("member1"),
        text("member2"),
        UNIT.optional(),
    ]);

pub static GEOHASH: Spec = read("geohash", at_least(2))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .since("3.2.0")
    .summary("Returns the places of members as geohashes of eleven letters.")
    .complexity("O(1) for each member named.")
    .args(&[key("key"), text("member").multiple().optional()]);

pub static GEOPOS: Spec = read("geopos", at_least(2))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .since("3.2.0")
    .summary("Returns the places of members in degrees.")
    .complexity("O(1) for each member named.")
    .args(&[key("key"), text("member").multiple().optional()]);

pub static GEORADIUS: Spec = write("georadius", at_least(6))
    .keys(&[
        KeySpec::at(1, KeyFlags::READ),
        stored("STORE", 6),
        stored("STOREDIST", 6),
    ])
    .find_keys(keys_of_georadius)
    .since("3.2.0")
    .summary("Returns the members within a circle, or keeps them at another key.")
    .complexity(SEARCH)
    .history(&[ANY_HISTORY, CASE_HISTORY])
    .deprecated(
        "6.2.0",
        "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument",
    )
    .args(&[
        key("key"),
        LONGITUDE,
        LATITUDE,
        RADIUS,
        UNIT,
        WITHCOORD,
        WITHDIST,
        WITHHASH,
        COUNT,
        ORDER,
        STORE,
        STOREDIST,
    ]);

pub static GEORADIUS_RO: Spec = read("georadius_ro", at_least(6))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .since("3.2.10")
    .summary("Returns the members within a circle.")
    .complexity(SEARCH)
    .history(&[ANY_HISTORY])
    .deprecated("6.2.0", "`GEOSEARCH` with the `BYRADIUS` argument")
    .args(&[
        key("key"),
        LONGITUDE,
        LATITUDE,
        RADIUS,
        UNIT,
        WITHCOORD,
        WITHDIST,
        WITHHASH,
        COUNT,
        ORDER,
    ]);

pub static GEORADIUSBYMEMBER: Spec = write("georadiusbymember", at_least(5))
    .keys(&[
        KeySpec::at(1, KeyFlags::READ),
        stored("STORE", 5),
        stored("STOREDIST", 5),
    ])
    .find_keys(keys_of_georadiusbymember)
    .since("3.2.0")
    .summary("Returns the members within a circle around one of them, or keeps them.")
    .complexity(SEARCH)
    .history(&[CASE_HISTORY])
    .deprecated(
        "6.2.0",
        "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
    )
    .args(&[
        key("key"),
        text("member"),
        RADIUS,
        UNIT,
        WITHCOORD,
        WITHDIST,
        WITHHASH,
        COUNT_OF_MEMBERS,
        ORDER,
        STORE,
        STOREDIST,
    ]);

pub static GEORADIUSBYMEMBER_RO: Spec = read("georadiusbymember_ro", at_least(5))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .since("3.2.10")
    .summary("Returns the members within a circle around one of them.")
    .complexity(SEARCH)
    .deprecated(
        "6.2.0",
        "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments",
    )
    .args(&[
        key("key"),
        text("member"),
        RADIUS,
        UNIT,
        WITHCOORD,
        WITHDIST,
        WITHHASH,
        COUNT_OF_MEMBERS,
        ORDER,
    ]);

pub static GEOSEARCH: Spec = read("geosearch", at_least(7))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .since("6.2.0")
    .summary("Returns the members within a circle or a rectangle.")
    .complexity(SEARCH)
    .history(&[CASE_HISTORY])
    .args(&[
        key("key"),
        FROM,
        BY,
        ORDER,
        COUNT_OF_MEMBERS,
        WITHCOORD,
        WITHDIST,
        WITHHASH,
    ]);

pub static GEOSEARCHSTORE: Spec = write("geosearchstore", at_least(8))
    .keys(&[
        KeySpec::at(1, KeyFlags::REPLACE),
        KeySpec::at(2, KeyFlags::READ),
    ])
    .since("6.2.0")
    .summary("Keeps the members within a circle or a rectangle at another key.")
    .complexity(SEARCH)
    .history(&[CASE_HISTORY])
    .args(&[
        key("destination"),
        key("source").key_spec(1),
        FROM,
        BY,
        ORDER,
        COUNT_OF_MEMBERS,
        pure("storedist", "STOREDIST").optional(),
    ]);

const SEARCH: &str = "O(N+log(M)), N the members in the cells that the shape touches, M all.";
const ANY_HISTORY: (&str, &str) = ("6.2.0", "`ANY` behind `COUNT`.");
const CASE_HISTORY: (&str, &str) = ("7.0.0", "Units in capitals.");

const LONGITUDE: Arg = double("longitude").like(&["13.361389", "15.087269", "-179.9", "0"]);
const LATITUDE: Arg = double("latitude").like(&["38.115556", "37.502669", "85", "-1"]);
const RADIUS: Arg = double("radius").like(&["0", "200", "100.5", "5000"]);
const UNIT: Arg = one_of(&[
    pure("m", "M"),
    pure("km", "KM"),
    pure("ft", "FT"),
    pure("mi", "MI"),
])
.named("unit");

const FROM: Arg = one_of(&[
    text("member").token("FROMMEMBER"),
    block(&[LONGITUDE, LATITUDE])
        .named("fromlonlat")
        .token("FROMLONLAT"),
])
.named("from");

const BY: Arg = one_of(&[
    block(&[RADIUS.token("BYRADIUS"), UNIT]).named("circle"),
    block(&[
        RADIUS.named("width").token("BYBOX"),
        RADIUS.named("height"),
        UNIT,
    ])
    .named("box"),
])
.named("by");

const WITHCOORD: Arg = pure("withcoord", "WITHCOORD").optional();
const WITHDIST: Arg = pure("withdist", "WITHDIST").optional();
const WITHHASH: Arg = pure("withhash", "WITHHASH").optional();

const ORDER: Arg = one_of(&[pure("asc", "ASC"), pure("desc", "DESC")])
    .named("order")
    .optional();

const AT_MOST: Arg = int("count").token("COUNT").within(1, i64::MAX);
const ANY: Arg = pure("any", "ANY").optional();
const COUNT: Arg = block(&[AT_MOST, ANY.since("6.2.0")])
    .named("count-block")
    .optional();
const COUNT_OF_MEMBERS: Arg = block(&[AT_MOST, ANY]).named("count-block").optional();

const STORE: Arg = key("storekey").token("STORE").key_spec(1).optional();
const STOREDIST: Arg = key("storedistkey")
    .token("STOREDIST")
    .key_spec(2)
    .optional();

const fn stored(word: &'static str, start_from: i16) -> KeySpec {
    let begin = Begin::Keyword { word, start_from };
    KeySpec::range(begin, 0, 1, KeyFlags::REPLACE)
}

fn keys_of_georadius<'a>(
    argc: usize,
    arg: &dyn Fn(usize) -> &'a [u8],
    out: &mut Vec<KeyAt>,
) -> Result<(), KeysError> {
    keys_with_store(6, argc, arg, out)
}

fn keys_of_georadiusbymember<'a>(
    argc: usize,
    arg: &dyn Fn(usize) -> &'a [u8],
    out: &mut Vec<KeyAt>,
) -> Result<(), KeysError> {
    keys_with_store(5, argc, arg, out)
}

/// Unlike the specs, this knows that a `STORE` said twice holds the last time.
fn keys_with_store<'a>(
    options: usize,
    argc: usize,
    arg: &dyn Fn(usize) -> &'a [u8],
    out: &mut Vec<KeyAt>,
) -> Result<(), KeysError> {
    let access = KeyFlags::READ;
    out.push(KeyAt { index: 1, access });
    let mut at = options;
    while at + 1 < argc {
        let option = arg(at);
        let is = |words: &[&[u8]]| words.iter().any(|word| option.eq_ignore_ascii_case(word));
        if is(&[b"store", b"storedist"]) {
            let access = KeyFlags::REPLACE;
            let index = at + 1;
            out.push(KeyAt { index, access });
            at += 2;
        } else if is(&[b"count"]) {
            at += 2;
        } else {
            at += 1;
        }
    }
    Ok(())
}

const fn read(name: &'static str, arity: i16) -> Spec {
    about(Spec::read(name, arity))
}

const fn write(name: &'static str, arity: i16) -> Spec {
    about(Spec::write(name, arity)).flags(Flags::DENYOOM)
}

const fn about(spec: Spec) -> Spec {
    spec.group(Group::Geo).category(Categories::GEO)
}
