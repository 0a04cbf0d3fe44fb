//! What a command did to fields, as the log is told.

use engine::Threads;

use crate::Word;
use crate::replay::Recorded;

const NOW_MS: i64 = 1_700_000_000_000;

/// Run requests, then one more a little later, and compare its effects, words joined by blanks.
#[track_caller]
fn check(before: &[&str], request: &str, effects: &[&str]) {
    let mut node = Recorded::new(1, Threads::One);
    for request in before {
        node.run(NOW_MS, request.split(' '));
    }
    node.take_groups();
    node.run(NOW_MS + 1_000, request.split(' '));
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

const AB: &str = "HSET h a 1 b 2";

#[test]
fn deadlines_are_absolute_and_those_of_fields_that_were_set() {
    let at = |fields: &str| format!("HPEXPIREAT h 1700000011000 FIELDS {fields}");
    check(&[AB], "hexpire h 10 FIELDS 1 a", &[&at("1 a")]);
    check(&[AB], "HEXPIRE h 10 FIELDS 3 a none b", &[&at("2 a b")]);
    check(&[AB], "HPEXPIRE h 10000 NX FIELDS 1 a", &[&at("1 a")]);
    let later = "HEXPIRE h 99 FIELDS 1 a";
    check(&[AB, later], "HEXPIRE h 10 NX FIELDS 2 a b", &[&at("1 b")]);
    check(&[AB, later], "HEXPIRE h 10 GT FIELDS 2 a b", &[]);
    check(&[], "HEXPIRE h 10 FIELDS 1 a", &[]);
    check(&[AB], "HEXPIREAT h 1 FIELDS 2 a none", &["HDEL h a"]);
    check(&[AB], "HEXPIREAT h 1 FIELDS 2 a b", &["HDEL h a b"]);
    check(&[AB, later], "HTTL h FIELDS 1 a", &[]);
}

#[test]
fn deadlines_that_go_were_there() {
    let later = "HEXPIRE h 99 FIELDS 1 a";
    let persist = "HPERSIST h FIELDS 1 a";
    check(&[AB, later], "HPERSIST h FIELDS 3 a b none", &[persist]);
    check(&[AB], "HPERSIST h FIELDS 1 a", &[]);
    check(&[AB, later], "HGETEX h PERSIST FIELDS 2 a b", &[persist]);
    check(&[AB], "HGETEX h PERSIST FIELDS 1 a", &[]);
    check(&[AB, later], "HSET h a 1", &["HSET h a 1"]);
}

#[test]
fn values_with_deadlines_are_two_effects() {
    let at = "HPEXPIREAT h 1700000011000 FIELDS 1 a";
    check(&[AB], "HGETEX h EX 10 FIELDS 2 a none", &[at]);
    check(&[AB], "HGETEX h FIELDS 2 a none", &[]);
    check(&[AB], "HGETEX h PXAT 5 FIELDS 2 a none", &["HDEL h a"]);
    check(&[AB], "HGETDEL h FIELDS 2 a none", &["HDEL h a"]);
    check(&[AB], "HGETDEL h FIELDS 1 none", &[]);
    check(&[], "HSETEX h EX 10 FIELDS 1 a 1", &["HSET h a 1", at]);
    check(&[], "HSETEX h FIELDS 1 a 1", &["HSET h a 1"]);
    check(&[AB], "HSETEX h KEEPTTL FIELDS 1 a 5", &["HSET h a 5"]);
    let later = "HEXPIREAT h 1800000000 FIELDS 1 a";
    let keeps = "HSETEX h KEEPTTL FIELDS 2 a 5 b 6";
    check(&[AB, later], keeps, &[keeps]);
    check(&[AB], "HSETEX h FNX FIELDS 2 a 5 c 6", &[]);
    check(&[AB], "HSETEX h PX 0 FIELDS 2 a 5 c 6", &["HDEL h a"]);
    check(&[], "HSETEX h PX 0 FIELDS 1 a 5", &[]);
    check(&[AB, later], "HINCRBY h a 4", &["HINCRBY h a 4"]);
    let kept = "HPEXPIREAT h 1800000000000 FIELDS 1 a";
    let float = "HINCRBYFLOAT h a 0.5";
    check(&[AB, later], float, &["HSET h a 1.5", kept]);
    check(&[AB], float, &["HSET h a 1.5"]);
}

#[test]
fn what_has_expired_is_removed_by_whoever_names_it() {
    let soon = "HPEXPIRE h 10 FIELDS 1 a";
    check(&[AB, soon], "HGET h a", &["HDEL h a"]);
    check(&[AB, soon], "HGET h b", &[]);
    check(&[AB, soon], "HGETALL h", &[]);
    check(&[AB, soon], "HMGET h a b a", &["HDEL h a a"]);
    check(&[AB, soon], "HINCRBY h a 5", &["HDEL h a", "HINCRBY h a 5"]);
    check(&[AB, soon], "HSETNX h a 5", &["HDEL h a", "HSET h a 5"]);
    check(&[AB, soon], "HSET h a 5", &["HSET h a 5"]);
    check(&[AB, soon], "HDEL h a", &["HDEL h a"]);
    check(&[AB, soon], "HRANDFIELD h", &["HDEL h a"]);
    check(&[AB, soon], "HEXPIRE h 10 FIELDS 1 a", &["HDEL h a"]);
    check(&[AB, soon], "HPERSIST h FIELDS 1 a", &["HDEL h a"]);
    let both = "HPEXPIRE h 10 FIELDS 2 a b";
    check(&[AB, both], "HMGET h a b", &["HDEL h a b"]);
    check(
        &[AB, both],
        "HSETEX h FXX FIELDS 2 a 1 b 2",
        &["HDEL h a b"],
    );
}

/// However many there are, one effect names a bounded number.
#[test]
fn fields_that_expire_by_themselves_are_told_in_batches() {
    let mut node = Recorded::new(1, Threads::One);
    let fields: Vec<String> = (0..3_000).map(|at| format!("f{at}")).collect();
    let mut set = vec!["HSETEX", "h", "PX", "100", "FIELDS", "3000"];
    set.extend(fields.iter().flat_map(|field| [field, "v"]));
    node.run(NOW_MS, set);
    node.run(
        NOW_MS,
        ["HSETEX", "i", "PX", "100", "FIELDS", "1", "f", "v"],
    );
    node.take_groups();
    for step in 0..60 {
        node.sweep(NOW_MS + 300 + step * 20);
    }
    let mut gone = Vec::new();
    for (_, words) in node.take_groups().iter().flatten() {
        assert_eq!(words[0], b"HDEL");
        assert!(words.len() <= 130, "{} words", words.len());
        gone.extend(
            words[2..]
                .iter()
                .map(|field| [&words[1][..], &field[..]].concat()),
        );
    }
    assert_eq!(gone.len(), 3_001);
    gone.sort();
    gone.dedup();
    assert_eq!(gone.len(), 3_001);
    let left = node.run(NOW_MS + 2_000, ["EXISTS", "h", "i"]);
    assert_eq!(left, resp::Value::Int(0));
}
