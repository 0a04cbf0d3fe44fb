//! One example for each shape of key spec, and lines made to break the lookup.
//!
//! Shapes that no command of the table has yet are tried on specs of the test's own.

use crate::tests::draws;
use crate::*;

static EVAL: Spec = Spec::new("eval", at_least(3))
    .flags(Flags::NO_MANDATORY_KEYS)
    .keys(&[KeySpec::counted(2, 1, KeyFlags::MODIFY)]);

static MIGRATE: Spec = Spec::write("migrate", at_least(6)).keys(&[KeySpec::range(
    Begin::Keyword {
        word: "KEYS",
        start_from: -2,
    },
    -1,
    1,
    KeyFlags::MODIFY,
)]);

static PARTIAL: Spec = Spec::write("partial", at_least(2))
    .keys(&[KeySpec::at(1, KeyFlags::MODIFY.with(KeyFlags::INCOMPLETE))]);

static SORT: Spec = Spec::write("sort", at_least(2))
    .find_keys(keys_of_sort)
    .keys(SORT_KEYS);

static SORT_UNSURE: Spec = Spec::write("sort", at_least(2)).keys(SORT_KEYS);

static SPUBLISH: Spec =
    Spec::new("spublish", exactly(3)).keys(&[KeySpec::at(1, KeyFlags::RO.with(KeyFlags::NOT_KEY))]);

static XREAD: Spec = Spec::read("xread", at_least(4)).keys(&[KeySpec {
    begin: Begin::Keyword {
        word: "STREAMS",
        start_from: 1,
    },
    find: Find::Range {
        last: -1,
        step: 1,
        limit: 2,
    },
    access: KeyFlags::READ,
    notes: None,
}]);

static ZUNIONSTORE: Spec = Spec::write("zunionstore", at_least(4)).keys(&[
    KeySpec::at(1, KeyFlags::REPLACE),
    KeySpec::counted(2, 1, KeyFlags::READ),
]);

const SORT_KEYS: &[KeySpec] = &[
    KeySpec::at(1, KeyFlags::READ),
    KeySpec::unknown(KeyFlags::REPLACE),
];

fn keys_of_sort<'a>(
    argc: usize,
    arg: &dyn Fn(usize) -> &'a [u8],
    out: &mut Vec<KeyAt>,
) -> Result<(), KeysError> {
    out.push(KeyAt {
        index: 1,
        access: KeyFlags::READ,
    });
    let store = (2..argc - 1).rfind(|at| arg(*at).eq_ignore_ascii_case(b"store"));
    out.extend(store.map(|at| KeyAt {
        index: at + 1,
        access: KeyFlags::REPLACE,
    }));
    Ok(())
}

pub(crate) fn keys<W: AsRef<[u8]>>(spec: &Spec, line: &[W]) -> Result<Vec<KeyAt>, KeysError> {
    let mut out = Vec::new();
    keys_of(spec, line.len(), &|index| line[index].as_ref(), &mut out).map(|()| out)
}

/// Expects the keys as `index:flag,flag`, one after the other, or the name of the error.
#[track_caller]
fn check(spec: &Spec, line: &str, expected: &str) {
    let words: Vec<&str> = line.split(' ').collect();
    let show = |key: &KeyAt| {
        let flags: Vec<&str> = key.access.names().collect();
        format!("{}:{}", key.index, flags.join(","))
    };
    let found = match keys(spec, &words) {
        Ok(keys) => keys.iter().map(show).collect::<Vec<_>>().join(" "),
        Err(error) => format!("{error:?}"),
    };
    assert_eq!(found, expected, "{line}");
}

#[test]
fn keys_in_fixed_places() {
    check(&string::GET, "GET a", "1:RO,access");
    check(&string::LCS, "LCS a b LEN", "1:RO,access 2:RO,access");
    check(
        &generic::RENAME,
        "RENAME a b",
        "1:RW,access,delete 2:OW,update",
    );
    check(&generic::OBJECT_FREQ, "OBJECT FREQ a", "2:RO");
    check(&connection::PING, "PING k", "");
    check(&string::GET, "GET", "OutOfRange");
}

#[test]
fn keys_to_the_end() {
    check(
        &string::MGET,
        "MGET a b c",
        "1:RO,access 2:RO,access 3:RO,access",
    );
    check(&string::MSET, "MSET a 1 b 2", "1:OW,update 3:OW,update");
    check(&string::MSET, "MSET a 1 b", "1:OW,update 3:OW,update");
    check(
        &bitmap::BITOP,
        "BITOP OR d s t",
        "2:OW,update 3:RO,access 4:RO,access",
    );
    check(&bitmap::BITOP, "BITOP NOT d", "OutOfRange");
}

#[test]
fn keys_that_are_counted() {
    check(&string::MSETEX, "MSETEX 1 a 1", "2:OW,update");
    check(
        &string::MSETEX,
        "MSETEX 2 a 1 b 2 EX 9 NX",
        "2:OW,update 4:OW,update",
    );
    check(&string::MSETEX, "MSETEX 3 a 1 b 2", "OutOfRange");
    check(&string::MSETEX, "MSETEX 999999999 a 1 b 2", "OutOfRange");
    let bad = [
        "0",
        "-1",
        "x",
        "1x",
        "01",
        "+1",
        "1.0",
        "9999999999",
        "18446744073709551617",
    ];
    for count in bad {
        check(&string::MSETEX, &format!("MSETEX {count} a 1"), "BadCount");
    }
    check(&EVAL, "EVAL s 0 a", "");
    check(&EVAL, "EVAL s 1 a b", "3:RW,access,update");
    check(&EVAL, "EVAL s -1 a b", "BadCount");
    check(
        &ZUNIONSTORE,
        "ZUNIONSTORE d 2 a b",
        "1:OW,update 3:RO,access 4:RO,access",
    );
    check(&ZUNIONSTORE, "ZUNIONSTORE d 0 a b", "BadCount");
    check(&ZUNIONSTORE, "ZUNIONSTORE d", "OutOfRange");
}

#[test]
fn keys_after_a_keyword() {
    check(
        &XREAD,
        "XREAD COUNT 5 streams a b 0 0",
        "4:RO,access 5:RO,access",
    );
    check(&XREAD, "XREAD STREAMS a 0", "2:RO,access");
    check(&XREAD, "XREAD COUNT 5 BLOCK 1", "");
    check(&XREAD, "XREAD COUNT 5 STREAMS", "");
    check(&XREAD, "XREAD", "");
    check(
        &MIGRATE,
        "MIGRATE h p d t KEYS a b",
        "6:RW,access,update 7:RW,access,update",
    );
    check(&MIGRATE, "MIGRATE h p d t a b", "");
    check(&MIGRATE, "MIGRATE", "");
}

#[test]
fn access_that_depends_on_options() {
    check(&string::SET, "SET k v", "1:OW,update");
    check(&string::SET, "SET k v NX EX 10", "1:OW,update");
    check(&string::SET, "SET k get", "1:OW,update");
    check(&string::SET, "SET k v EX 10 get", "1:RW,access,update");
    check(&string::SET, "SET k v IFEQ old", "1:RW,access,update");
    check(&string::SET, "SET k v PX get", "1:OW,update");
    check(&string::SET, "SET k v GET PX", "1:RW,access,update");
    check(&string::SET, "SET k", "OutOfRange");
    check(&bitmap::BITFIELD, "BITFIELD k", "1:RO,access");
    check(
        &bitmap::BITFIELD,
        "BITFIELD k GET u8 0 get u8 #1",
        "1:RO,access",
    );
    check(
        &bitmap::BITFIELD,
        "BITFIELD k GET set incrby OVERFLOW SAT",
        "1:RO,access",
    );
    check(
        &bitmap::BITFIELD,
        "BITFIELD k GET u8 0 SET u8 0 1",
        "1:RW,access,update",
    );
    check(
        &bitmap::BITFIELD,
        "BITFIELD k OVERFLOW SAT INCRBY u8 0 1",
        "1:RW,access,update",
    );
    check(&bitmap::BITFIELD, "BITFIELD k GET u8", "1:RW,access,update");
}

#[test]
fn keys_that_only_code_can_find() {
    check(&SORT, "SORT a ALPHA STORE b", "1:RO,access 4:OW,update");
    check(&SORT, "SORT a", "1:RO,access");
    check(&SORT, "SORT", "OutOfRange");
    check(&SORT_UNSURE, "SORT a ALPHA STORE b", "Unknown");
    check(&PARTIAL, "PARTIAL a", "Unknown");
}

#[test]
fn what_only_looks_like_a_key_is_none() {
    check(&SPUBLISH, "SPUBLISH c m", "");
    assert!(!SPUBLISH.has_keys() && SORT.has_keys() && !connection::PING.has_keys());
}

#[test]
fn an_error_leaves_earlier_keys_alone() {
    let line = ["ZUNIONSTORE", "d", "x", "a"];
    let arg = |index: usize| line[index].as_bytes();
    let mut out = vec![KeyAt {
        index: 7,
        access: KeyFlags::RO,
    }];
    assert_eq!(
        keys_of(&ZUNIONSTORE, 4, &arg, &mut out),
        Err(KeysError::BadCount)
    );
    assert_eq!(keys_of(&string::GET, 2, &arg, &mut out), Ok(()));
    assert_eq!(out.iter().map(|key| key.index).collect::<Vec<_>>(), [7, 1]);
}

#[test]
fn no_line_breaks_the_lookup() {
    let words = [
        "0",
        "2",
        "-1",
        "999999999",
        "k",
        "get",
        "STREAMS",
        "KEYS",
        "",
        "\u{fffd}",
    ];
    let odd = [
        &EVAL,
        &MIGRATE,
        &PARTIAL,
        &SORT,
        &SORT_UNSURE,
        &SPUBLISH,
        &XREAD,
        &ZUNIONSTORE,
    ];
    let mut below = draws(3);
    for spec in every().chain(odd) {
        for _ in 0..100 {
            let argc = below(7) as usize;
            let line: Vec<&str> = (0..argc).map(|_| words[below(10) as usize]).collect();
            if let Ok(keys) = keys(spec, &line) {
                let inside = keys.iter().all(|key| 0 < key.index && key.index < argc);
                assert!(inside, "{spec:?} {line:?}");
            }
        }
    }
}

#[test]
fn legacy_triples_and_what_they_miss() {
    let cases = [
        (&string::GET, (1, 1, 1), false),
        (&string::MSET, (1, -1, 2), false),
        (&string::LCS, (1, 2, 1), false),
        (&generic::COPY, (1, 2, 1), false),
        (&bitmap::BITOP, (2, -1, 1), false),
        (&server::MEMORY_USAGE, (2, 2, 1), false),
        (&connection::PING, (0, 0, 0), false),
        (&string::MSETEX, (0, 0, 0), true),
        (&MIGRATE, (0, 0, 0), true),
        (&PARTIAL, (1, 1, 1), true),
        (&SORT, (1, 1, 1), true),
        (&XREAD, (0, 0, 0), true),
        (&ZUNIONSTORE, (1, 1, 1), true),
    ];
    for (spec, triple, movable) in cases {
        assert_eq!(spec.first_last_step(), triple, "{spec:?}");
        assert_eq!(spec.flags.contains(Flags::MOVABLEKEYS), movable, "{spec:?}");
    }
}
