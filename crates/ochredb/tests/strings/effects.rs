//! What a command did, as the log is told.

use engine::Threads;

use crate::Word;
use crate::replay::Recorded;

const NOW_MS: i64 = 1_700_000_000_000;

/// Run requests, then one more, and compare its effects, words joined by blanks.
#[track_caller]
fn check(before: &[&str], request: &str, effects: &[&str]) {
    let mut node = Recorded::new(1, Threads::One);
    for request in before {
        node.run(NOW_MS, words(request));
    }
    node.take_groups();
    node.run(NOW_MS, words(request));
    let groups = node.take_groups();
    assert!(groups.len() <= 1, "one command is one group");
    let line = |words: &Vec<Word>| String::from_utf8_lossy(&words.join(&b' ')).into_owned();
    let seen: Vec<String> = groups
        .iter()
        .flatten()
        .map(|(_, words)| line(words))
        .collect();
    assert_eq!(seen, effects, "{request} after {before:?}");
}

fn words(request: &str) -> Vec<&str> {
    request.split(' ').collect()
}

#[test]
fn set_becomes_plain_with_an_absolute_deadline() {
    check(&[], "set k v", &["SET k v"]);
    check(&[], "SET k v EX 10", &["SET k v PXAT 1700000010000"]);
    check(&[], "SET k v px 10 NX", &["SET k v PXAT 1700000000010"]);
    check(
        &[],
        "SET k v EXAT 1800000000",
        &["SET k v PXAT 1800000000000"],
    );
    check(
        &["SET k old EX 9"],
        "SET k v GET KEEPTTL",
        &["SET k v KEEPTTL"],
    );
    check(&["SET k old"], "SET k v IFEQ old GET", &["SET k v"]);
    check(&["SET k old"], "SET k v XX", &["SET k v"]);
    check(&[], "SETEX k 10 v", &["SET k v PXAT 1700000010000"]);
    check(&[], "PSETEX k 10 v", &["SET k v PXAT 1700000000010"]);
    check(&[], "SETNX k v", &["SET k v"]);
    check(&["SET k old EX 9"], "GETSET k v", &["SET k v"]);
}

#[test]
fn several_keys_are_several_effects_of_one_group() {
    check(&[], "MSET a 1 b 2 a 3", &["SET a 1", "SET b 2", "SET a 3"]);
    check(&[], "MSETNX a 1 b 2", &["SET a 1", "SET b 2"]);
    check(
        &[],
        "MSETEX 2 a 1 b 2 EX 1",
        &["SET a 1 PXAT 1700000001000", "SET b 2 PXAT 1700000001000"],
    );
    check(&["SET b x"], "MSETEX 2 a 1 b 2 PXAT 5", &["DEL b"]);
}

#[test]
fn what_changes_nothing_says_nothing() {
    for request in [
        "SET k v NX",
        "SET nokey v XX",
        "SET k v IFEQ other",
        "SET nokey v PXAT 1",
        "SETNX k v",
        "MSETNX a 1 k 2",
        "MSETEX 2 a 1 k 2 NX",
        "GET k",
        "GETEX k",
        "GETEX k PERSIST",
        "GETDEL nokey",
        "DELIFEQ k other",
        "INCR k",
        "INCRBYFLOAT k 1",
        "SETRANGE k 0 ",
        "SETBIT k 1 1",
        "BITFIELD k GET u8 0",
        "BITFIELD k SET u8 0 97",
        "BITFIELD k OVERFLOW FAIL SET u8 0 256",
        "BITOP AND nokey none",
    ] {
        check(&["SET k a"], request, &[]);
    }
}

#[test]
fn deadlines_that_have_passed_and_values_that_go_are_deletions() {
    check(&["SET k v"], "SET k w PXAT 1", &["DEL k"]);
    check(&["SET k v"], "GETEX k EXAT 1", &["DEL k"]);
    check(&["SET k v"], "GETDEL k", &["DEL k"]);
    check(&["SET k v"], "DELIFEQ k v", &["DEL k"]);
    check(&["SET k v"], "BITOP AND k none", &["DEL k"]);
    check(&["SET k v"], "GETEX k EX 1", &["PEXPIREAT k 1700000001000"]);
    check(&["SET k v EX 1"], "GETEX k PERSIST", &["PERSIST k"]);
}

#[test]
fn sums_of_integers_are_replayed_and_sums_of_floats_are_not() {
    check(&[], "incr k", &["INCR k"]);
    check(&[], "decr k", &["DECR k"]);
    check(&[], "incrby k -5", &["INCRBY k -5"]);
    check(&[], "decrby k 5", &["DECRBY k 5"]);
    check(
        &["SET k 10.5 EX 9"],
        "INCRBYFLOAT k 0.1",
        &["SET k 10.6 KEEPTTL"],
    );
}

#[test]
fn writing_in_place_is_told_as_it_was_asked() {
    check(&[], "append k v", &["APPEND k v"]);
    check(&[], "setrange k 3 v", &["SETRANGE k 3 v"]);
    check(&[], "setbit k 3 0", &["SETBIT k 3 0"]);
    check(
        &["SET a x", "SET b y"],
        "BITOP OR c a b",
        &["BITOP OR c a b"],
    );
    check(
        &[],
        "BITFIELD k SET u8 0 7 GET i3 1",
        &["BITFIELD k SET u8 0 7 GET i3 1"],
    );
    // The string got longer although nothing was written.
    let request = "BITFIELD k OVERFLOW FAIL SET u8 0 256";
    check(&[], request, &[request]);
}

#[test]
fn hyperloglogs_are_told_as_asked_and_a_count_when_it_is_kept() {
    check(&[], "pfadd k a b", &["pfadd k a b"]);
    check(&[], "PFADD k", &["PFADD k"]);
    check(&["PFADD k a"], "PFADD k a", &[]);
    check(&["PFADD k a"], "PFCOUNT k", &["PFCOUNT k"]);
    check(&["PFADD k a", "PFCOUNT k"], "PFCOUNT k", &[]);
    check(&["PFADD k a"], "PFCOUNT k k", &[]);
    check(&[], "PFCOUNT k", &[]);
    check(&["PFADD k a"], "PFMERGE t k", &["PFMERGE t k"]);
    check(&["PFADD k a"], "PFDEBUG ENCODING k", &[]);
    check(&["PFADD k a"], "PFDEBUG DECODE k", &[]);
    check(&["PFADD k a"], "PFDEBUG GETREG k", &["PFDEBUG TODENSE k"]);
    let small = "CONFIG SET hll-sparse-max-bytes 18";
    check(&[small], "PFADD k a", &["PFADD k a", "PFDEBUG TODENSE k"]);
    let dense = [small, "PFADD k a"];
    check(&dense, "PFADD k b", &["PFADD k b"]);
    check(&dense, "PFMERGE t k", &["PFMERGE t k"]);
    check(
        &["PFADD k a", small],
        "PFMERGE t k",
        &["PFMERGE t k", "PFDEBUG TODENSE t"],
    );
}

#[test]
fn a_transaction_is_one_group_with_what_expired_on_the_way() {
    let mut node = Recorded::new(1, Threads::Many(2));
    node.run(NOW_MS, ["SET", "a", "1", "PX", "5"]);
    node.take_groups();
    let later = NOW_MS + 6;
    for request in ["MULTI", "INCR a", "MSET b 1 c 2", "GET b"] {
        node.run(later, words(request));
    }
    assert!(node.take_groups().is_empty());
    node.run(later, ["EXEC"]);
    let [group] = node.take_groups().try_into().expect("one group");
    let first_words: Vec<_> = group.iter().map(|(_, words)| words[0].clone()).collect();
    assert_eq!(first_words, [&b"DEL"[..], b"INCR", b"SET", b"SET"]);
}
