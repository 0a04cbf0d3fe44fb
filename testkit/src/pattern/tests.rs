//! Patterns that fit, and those that do not.

use super::*;
use crate::quote;

fn fits(pattern: &str, reply: &[u8], protocol: Protocol) -> bool {
    let reply = Reply::decode(reply).unwrap().unwrap().0;
    Pattern::parse(pattern)
        .unwrap()
        .matches(&reply, protocol, &mut Captures::new())
}

#[track_caller]
fn check(pattern: &str, good: &[&[u8]], bad: &[&[u8]], protocol: Protocol) {
    for reply in good {
        assert!(
            fits(pattern, reply, protocol),
            "{pattern} should fit {}",
            quote::quoted(reply)
        );
    }
    for reply in bad {
        assert!(
            !fits(pattern, reply, protocol),
            "{pattern} should not fit {}",
            quote::quoted(reply)
        );
    }
}

#[test]
fn types_are_kept_apart() {
    use Protocol::*;
    check(
        "+OK",
        &[b"+OK\r\n"],
        &[b"$2\r\nOK\r\n", b"+OKK\r\n", b"-OK\r\n"],
        Resp2,
    );
    check("-ERR a, b", &[b"-ERR a, b\r\n"], &[b"+ERR a, b\r\n"], Resp2);
    check(
        "1",
        &[b":1\r\n"],
        &[b"$1\r\n1\r\n", b":2\r\n", b"+1\r\n"],
        Resp2,
    );
    check("-1", &[b":-1\r\n"], &[b":1\r\n"], Resp2);
    check("\"1\"", &[b"$1\r\n1\r\n"], &[b":1\r\n", b"+1\r\n"], Resp2);
    check(
        "nil",
        &[b"$-1\r\n"],
        &[b"*-1\r\n", b"_\r\n", b"$0\r\n\r\n"],
        Resp2,
    );
    check("nil-array", &[b"*-1\r\n"], &[b"$-1\r\n", b"*0\r\n"], Resp2);
    check("nil", &[b"_\r\n"], &[b"$-1\r\n"], Resp3);
    check("nil-array", &[b"_\r\n"], &[b"*-1\r\n"], Resp3);
    check("[]", &[b"*0\r\n"], &[b"*1\r\n:1\r\n", b"~0\r\n"], Resp3);
}

#[test]
fn rich_types_become_plain_ones_under_resp2_only() {
    use Protocol::*;
    let flat: &[u8] = b"*2\r\n$1\r\nk\r\n:1\r\n";
    let map: &[u8] = b"%1\r\n$1\r\nk\r\n:1\r\n";
    check(
        "{\"k\": 1}",
        &[flat],
        &[b"*1\r\n:1\r\n", b"*2\r\n:1\r\n:1\r\n"],
        Resp2,
    );
    check("{\"k\": 1}", &[map], &[flat], Resp3);
    check("{:}", &[b"%0\r\n"], &[b"~0\r\n"], Resp3);
    check("{}", &[b"~0\r\n"], &[b"%0\r\n"], Resp3);
    check(
        "double 1.5",
        &[b"$3\r\n1.5\r\n"],
        &[b"$3\r\n1.6\r\n"],
        Resp2,
    );
    check(
        "double 1.5",
        &[b",1.5\r\n"],
        &[b"$3\r\n1.5\r\n", b",1.50\r\n"],
        Resp3,
    );
    check("true", &[b":1\r\n"], &[b":0\r\n"], Resp2);
    check("true", &[b"#t\r\n"], &[b":1\r\n"], Resp3);
    check("verbatim txt \"a\"", &[b"$1\r\na\r\n"], &[], Resp2);
    check(
        "verbatim txt \"a\"",
        &[b"=5\r\ntxt:a\r\n"],
        &[b"=5\r\nmkd:a\r\n", b"$1\r\na\r\n"],
        Resp3,
    );
    check("push [1]", &[b"*1\r\n:1\r\n"], &[], Resp2);
    check("push [1]", &[b">1\r\n:1\r\n"], &[b"*1\r\n:1\r\n"], Resp3);
    check("attribute {+a: 1} 7", &[b":7\r\n"], &[], Resp2);
    check(
        "attribute {+a: 1} 7",
        &[b"|1\r\n+a\r\n:1\r\n:7\r\n"],
        &[b":7\r\n"],
        Resp3,
    );
}

#[test]
fn matchers() {
    use Protocol::*;
    check(
        "~int 9..10",
        &[b":9\r\n", b":10\r\n"],
        &[b":8\r\n", b":11\r\n"],
        Resp2,
    );
    check("~int -5..", &[b":-5\r\n", b":10\r\n"], &[b":-6\r\n"], Resp2);
    check("~int ..-2", &[b":-5\r\n"], &[b":-1\r\n"], Resp2);
    check(
        "[~int, ...]",
        &[b"*1\r\n:9\r\n", b"*2\r\n:9\r\n+a\r\n"],
        &[b"*0\r\n"],
        Resp2,
    );
    check(
        "~\"a*\"",
        &[b"$2\r\nab\r\n"],
        &[b"$2\r\nba\r\n", b"+ab\r\n"],
        Resp2,
    );
    check(
        "-~\"ERR *\"",
        &[b"-ERR x\r\n"],
        &[b"-WRONGTYPE x\r\n"],
        Resp2,
    );
    check(
        "\"a\" | nil",
        &[b"$1\r\na\r\n", b"$-1\r\n"],
        &[b"$1\r\nb\r\n"],
        Resp2,
    );
    check(
        "~[1, ~int, 3]",
        &[b"*3\r\n:3\r\n:1\r\n:2\r\n"],
        &[b"*3\r\n:3\r\n:2\r\n:2\r\n"],
        Resp2,
    );
    check(
        "~{\"b\": 2, ...}",
        &[b"*4\r\n+a\r\n:1\r\n$1\r\nb\r\n:2\r\n"],
        &[b"*2\r\n+a\r\n:1\r\n"],
        Resp2,
    );
    check(
        "~lines [\"a:*\", !\"b:*\"]",
        &[b"$8\r\nx\r\na:1\r\n\r\n"],
        &[b"$6\r\na:\r\nb:\r\n"],
        Resp2,
    );
    check(
        "verbatim txt ~fields [\"id=*\"]",
        &[b"=12\r\ntxt:a=1 id=3\r\n"],
        &[b"=7\r\ntxt:a=1\r\n"],
        Resp3,
    );
}

#[test]
fn captures_are_remembered() {
    let mut captures = Captures::new();
    let reply = Reply::decode(b"*2\r\n:7\r\n$2\r\n\"x\r\n")
        .unwrap()
        .unwrap()
        .0;
    let pattern = Pattern::parse("~[~\"*\" as text, ~int as id]").unwrap();
    assert!(pattern.matches(&reply, Protocol::Resp2, &mut captures));
    assert_eq!(captures["id"], "7");
    assert_eq!(captures["text"], "\\\"x");
}

#[test]
fn bad_patterns_are_refused() {
    for text in [
        "",
        "[",
        "[1 2]",
        "{1: 2, 3}",
        "~foo",
        "\"a",
        "foo",
        "1 2",
        "~int 3",
        "{\"a\": }",
        "+",
    ] {
        assert!(Pattern::parse(text).is_err(), "{text}");
    }
}
