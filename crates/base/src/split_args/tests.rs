//! The two splitters agree, and refuse alike.

use super::*;
use proptest::prelude::*;

fn split(line: &str) -> Option<Vec<String>> {
    let args = split_args(line.as_bytes())?;
    Some(
        args.into_iter()
            .map(|arg| arg.into_iter().map(char::from).collect())
            .collect(),
    )
}

#[test]
fn lines() {
    let cases: &[(&str, &[&str])] = &[
        ("", &[]),
        (" \t\r\n\x0b\x0c", &[]),
        ("PING", &["PING"]),
        ("  set  k v\r\n", &["set", "k", "v"]),
        ("\tset\tk\nv", &["set", "k", "v"]),
        ("\x0ba b", &["a", "b"]),
        ("a\x0bb", &["a\x0bb"]),
        (r#"set k "a b""#, &["set", "k", "a b"]),
        (r#""""#, &[""]),
        (r#"'' """#, &["", ""]),
        (r#""\n\r\t\b\a\q\\\"""#, &["\n\r\t\x08\x07q\\\""]),
        (r#""\x41\xfF\x00z""#, &["A\u{ff}\0z"]),
        (r#""\x4" "\xg1" "\x""#, &["x4", "xg1", "x"]),
        (r"'\n \x41 \\ it\'s'", &[r"\n \x41 \\ it's"]),
        (r#"'a"b' "c'd""#, &["a\"b", "c'd"]),
        (r#"ab"c d" e"#, &["abc d", "e"]),
        ("ab'c d'\x0be", &["abc d", "e"]),
        (r"a\nb\", &[r"a\nb\"]),
        ("a b\0 c \"", &["a", "b"]),
        ("\0", &[]),
    ];
    for (line, want) in cases {
        assert_eq!(
            split(line).as_deref(),
            Some(&want.iter().map(ToString::to_string).collect::<Vec<_>>()[..]),
            "{line:?}"
        );
    }
}

#[test]
fn unbalanced_lines() {
    for line in [
        "\"",
        "'",
        "\"abc",
        "'abc",
        "a \"b",
        "\"a\"b",
        "'a'b",
        "\"a\"\"b\"",
        "\"a\"'b'",
        "\"abc\\\"",
        "\"abc\\",
        "'abc\\'",
        "'abc\\",
        "\"ab\0c\"",
        "\"a\\\0\"",
    ] {
        assert_eq!(split(line), None, "{line:?}");
    }
}

#[test]
fn an_error_leaves_the_list_as_it_was() {
    let mut places = vec![(7, 7)];
    assert_eq!(
        split_args_in_place(&mut b"a b 'c".to_vec(), &mut places),
        Err(Unbalanced)
    );
    assert_eq!(places, [(7, 7)]);
    split_args_in_place(&mut b"a 'b'".to_vec(), &mut places).unwrap();
    assert_eq!(places, [(7, 7), (0, 1), (2, 1)]);
}

#[test]
fn quoted_form() {
    let mut out = b">".to_vec();
    quote_repr(&mut out, b"a\\\"\n\r\t\x07\x08\x00\x7f\xff ~'");
    assert_eq!(out, br#">"a\\\"\n\r\t\a\b\x00\x7f\xff ~'""#);
}

/// The grammar read one byte at a time into fresh arguments.
fn naive(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut bytes = line
        .iter()
        .copied()
        .take_while(|b| *b != 0)
        .collect::<Vec<_>>();
    bytes.reverse();
    let mut args = Vec::new();
    loop {
        while bytes.last().is_some_and(|b| b" \t\n\x0b\x0c\r".contains(b)) {
            bytes.pop();
        }
        if bytes.is_empty() {
            return Some(args);
        }
        let mut arg = Vec::new();
        let mut quote = None;
        loop {
            match (quote, bytes.pop()) {
                (None, None | Some(b' ' | b'\t' | b'\n' | b'\r')) => break,
                (None, Some(open @ (b'"' | b'\''))) => quote = Some(open),
                (None, Some(byte)) => arg.push(byte),
                (Some(_), None) => return None,
                (Some(open), Some(close)) if open == close => {
                    if bytes
                        .last()
                        .is_some_and(|b| !b" \t\n\x0b\x0c\r".contains(b))
                    {
                        return None;
                    }
                    break;
                }
                (Some(b'\''), Some(b'\\')) if bytes.last() == Some(&b'\'') => {
                    arg.extend(bytes.pop());
                }
                (Some(b'"'), Some(b'\\')) => {
                    let escaped = bytes.pop()?;
                    let hex: String = bytes.iter().rev().take(2).map(|b| char::from(*b)).collect();
                    let is_hex = hex.len() == 2 && hex.bytes().all(|b| b.is_ascii_hexdigit());
                    match escaped {
                        b'x' if is_hex => {
                            bytes.truncate(bytes.len() - 2);
                            arg.push(u8::from_str_radix(&hex, 16).unwrap());
                        }
                        b'n' => arg.push(b'\n'),
                        b'r' => arg.push(b'\r'),
                        b't' => arg.push(b'\t'),
                        b'b' => arg.push(8),
                        b'a' => arg.push(7),
                        other => arg.push(other),
                    }
                }
                (Some(_), Some(byte)) => arg.push(byte),
            }
        }
        args.push(arg);
    }
}

fn check(line: &[u8]) {
    let want = naive(line);
    assert_eq!(split_args(line), want, "{line:?}");
    let mut buffer = line.to_vec();
    let mut places = Vec::new();
    let result = split_args_in_place(&mut buffer, &mut places);
    assert_eq!(result.is_ok(), want.is_some());
    let args: Vec<_> = places
        .iter()
        .map(|&(start, len)| buffer[start..start + len].to_vec())
        .collect();
    assert_eq!(args, want.unwrap_or_default());
    assert!(
        places
            .windows(2)
            .all(|pair| pair[0].0 + pair[0].1 < pair[1].0),
        "in order, apart"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn equals_the_naive_splitter(line in r#"[ab4\\x'" \t\x0b\x00n]{0,16}"#) {
        check(line.as_bytes());
    }

    #[test]
    fn any_bytes_are_a_line(line in prop::collection::vec(any::<u8>(), 0..60)) {
        check(&line);
    }

    #[test]
    fn quoted_arguments_come_back(
        args in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..12), 0..6),
    ) {
        let mut line = Vec::new();
        for arg in &args {
            quote_repr(&mut line, arg);
            line.push(b' ');
        }
        prop_assert!(line.is_ascii());
        prop_assert_eq!(split_args(&line), Some(args));
    }
}
