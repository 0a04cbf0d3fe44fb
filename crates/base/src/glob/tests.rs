//! The matcher against a naive twin, and patterns that were attacks.

use super::*;
use crate::Rng;
use proptest::prelude::*;

#[test]
fn patterns() {
    let cases: &[(&str, &str, bool)] = &[
        ("", "", true),
        ("", "a", false),
        ("a", "", false),
        ("abc", "abc", true),
        ("abc", "abd", false),
        ("abc", "ab", false),
        ("ab", "abc", false),
        ("h?llo", "hello", true),
        ("h?llo", "hllo", false),
        ("h*llo", "heeeello", true),
        ("h*llo", "hllo", true),
        ("h*llo", "hell", false),
        ("*", "a", true),
        ("***", "abc", true),
        ("a*", "a", true),
        ("a**", "a", true),
        ("*a", "a", true),
        ("*a", "ba", true),
        ("*ab*cd", "xabyabzcd", true),
        ("*ab*cd", "xabyabzcde", false),
        ("a*b*c", "abbbcbc", true),
        ("user:*:name", "user:1:name", true),
        ("user:*:name", "user:1:2:name", true),
        ("user:*:name", "user:1:nam", false),
        ("[abc]", "b", true),
        ("[abc]", "d", false),
        ("[^abc]", "d", true),
        ("[^abc]", "a", false),
        ("h[a-c]llo", "hbllo", true),
        ("h[c-a]llo", "hbllo", true),
        ("[a-c]", "-", false),
        ("[-c]", "-", true),
        ("[]", "a", false),
        ("[^]", "a", true),
        ("[]a", "a", false),
        (r"[\]]", "]", true),
        (r"[\^a]", "^", true),
        ("[a^]", "^", true),
        (r"\*", "*", true),
        (r"\*", "a", false),
        (r"\a", "a", true),
        (r"a\", r"a\", true),
        (r"\", r"\", true),
        (r"\\", r"\", true),
        (r"*\", r"x\", true),
    ];
    for (pattern, text, want) in cases {
        assert_eq!(
            glob_match(pattern.as_bytes(), text.as_bytes(), false),
            *want,
            "{pattern} {text}"
        );
    }
}

#[test]
fn odd_patterns_have_redis_meaning() {
    let hit = |pattern: &[u8], text: &[u8]| glob_match(pattern, text, false);
    assert!(
        !hit(b"*", b"") && !hit(b"**", b""),
        "only the empty pattern matches the empty text"
    );
    assert!(
        hit(b"[abc", b"c") && !hit(b"[abc", b"d"),
        "an open class ends with the pattern"
    );
    assert!(!hit(b"[", b"[") && hit(b"[^", b"["), "an empty open class");
    assert!(
        hit(b"[a-", b"-") && hit(b"[a-", b"a"),
        "no range without its end"
    );
    assert!(
        hit(b"[a-]", b"]") && hit(b"[a-]", b"^") && !hit(b"[a-]", b"-"),
        "a range up to ]"
    );
    assert!(hit(b"[\\", b"\\"), "a backslash that escapes nothing");
    assert!(hit(b"[a-\\", b"\\") && !hit(b"[a-\\", b"b") && hit(b"[a-\\", b"^"));
    assert!(hit(b"[\\a-c]", b"a") && hit(b"[\\a-c]", b"-") && !hit(b"[\\a-c]", b"b"));
    assert!(
        hit(b"[\x01-\xff]", b"\x00") && !hit(b"[\x01-\xff]", b"a"),
        "bytes are signed"
    );
    assert!(hit(b"a\0b*", b"a\0bc"), "NUL is a byte like others");
}

#[test]
fn case() {
    let hit = |pattern: &[u8], text: &[u8]| glob_match(pattern, text, true);
    assert!(hit(b"MaxMemory*", b"maxmemory-policy"));
    assert!(hit(b"[A-C]x", b"bX") && hit(b"[a-c]x", b"BX"));
    assert!(hit(b"\\A", b"a") && hit(b"[A]", b"a"));
    assert!(
        !hit(b"[\\A]", b"a"),
        "an escaped byte in a class keeps its case"
    );
    assert!(!hit(b"[Z-a]", b"m"), "z to a once case is dropped: empty");
    assert!(!hit(b"\xc1", b"\xe1"), "beyond ASCII there is no case");
    assert!(!glob_match(b"A", b"a", false));
}

#[test]
fn literal_patterns() {
    assert!(is_literal(b"") && is_literal(b"user:1") && is_literal(b"a]b^c-d"));
    for special in ["*", "a?", "[a]", r"a\b"] {
        assert!(!is_literal(special.as_bytes()));
    }
}

#[test]
fn a_thousand_stars_and_no_more() {
    let stars = |n: usize| [b"*a".repeat(n), b"*".to_vec()].concat();
    let text = b"a".repeat(3_000);
    assert!(glob_match(&stars(1_000), &text, false));
    assert!(!glob_match(&stars(1_001), &text, false));
}

/// Each of these took the recursive matcher longer than anybody waits.
#[test]
fn hostile_patterns_end() {
    let text = b"a".repeat(10_000);
    for element in ["*a", "*?", "*[a-b]", "*[^b]", r"*\a"] {
        let pattern = [element.repeat(2_000).as_bytes(), b"b"].concat();
        assert!(!glob_match(&pattern, &text, false));
        let pattern = [element.repeat(900).as_bytes(), b"b"].concat();
        assert!(!glob_match(&pattern, &text, false));
    }
    assert!(glob_match(&b"*".repeat(100_000), &text, false));
}

/// The definition, by trying everything.
fn naive(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    match (pattern, text) {
        ([b'*', rest @ ..], _) => (0..=text.len()).any(|n| naive(rest, &text[n..], nocase)),
        ([], []) => true,
        ([], _) | (_, []) => false,
        ([first, ..], [byte, text @ ..]) => {
            let (takes, rest): (Box<dyn Fn(u8) -> bool>, &[u8]) = match (first, &pattern[1..]) {
                (b'?', rest) => (Box::new(|_| true), rest),
                (b'[', rest) => naive_class(rest, nocase),
                (b'\\', [escaped, rest @ ..]) => (naive_byte(*escaped, nocase), rest),
                (literal, rest) => (naive_byte(*literal, nocase), rest),
            };
            takes(*byte) && naive(rest, text, nocase)
        }
    }
}

fn naive_byte(wanted: u8, nocase: bool) -> Box<dyn Fn(u8) -> bool> {
    Box::new(move |b| b == wanted || nocase && b.eq_ignore_ascii_case(&wanted))
}

/// The bytes of a class as a set, and what follows it. ASCII ranges only.
fn naive_class(mut rest: &[u8], nocase: bool) -> (Box<dyn Fn(u8) -> bool>, &[u8]) {
    let negated = rest.first() == Some(&b'^');
    rest = &rest[usize::from(negated)..];
    let mut set = [false; 256];
    loop {
        match rest {
            [] => break,
            [b']', after @ ..] => {
                rest = after;
                break;
            }
            [b'\\', escaped, after @ ..] => {
                set[usize::from(*escaped)] = true;
                rest = after;
            }
            [a, b'-', z, after @ ..] => {
                for byte in 0..=127u8 {
                    let fold = |b: u8| if nocase { b.to_ascii_lowercase() } else { b };
                    let (low, high) = (fold(*a.min(z)), fold(*a.max(z)));
                    set[usize::from(byte)] |= low <= fold(byte) && fold(byte) <= high;
                }
                rest = after;
            }
            [literal, after @ ..] => {
                for byte in 0..=127u8 {
                    set[usize::from(byte)] |= naive_byte(*literal, nocase)(byte);
                }
                rest = after;
            }
        }
    }
    (Box::new(move |b| set[usize::from(b)] != negated), rest)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]
    #[test]
    fn equals_the_naive_matcher(
        pattern in r"[abAZ*?\[\]^\\-]{0,10}",
        text in r"[abAZ*\]^\\-]{1,9}",
        nocase in any::<bool>(),
    ) {
        let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
        prop_assert_eq!(glob_match(pattern, text, nocase), naive(pattern, text, nocase));
    }

    #[test]
    fn a_text_with_holes_matches_itself(
        text in prop::collection::vec(any::<u8>(), 1..60),
        seed: u64,
    ) {
        let mut rng = Rng::new(seed);
        let mut pattern = Vec::new();
        let mut rest = &text[..];
        while let [byte, after @ ..] = rest {
            let mut taken = 1;
            match rng.below(4) {
                0 => pattern.push(b'?'),
                1 => {
                    pattern.push(b'*');
                    taken = rng.below(rest.len() as u64 + 1) as usize;
                }
                2 => pattern.extend([b'[', b'\\', *byte, b']']),
                _ => pattern.extend([b'\\', *byte]),
            }
            rest = if taken == 1 { after } else { &rest[taken..] };
        }
        prop_assert!(glob_match(&pattern, &text, false));
        prop_assert!(glob_match(&pattern, &text, true));
    }

    #[test]
    fn any_bytes_are_a_pattern(
        pattern in prop::collection::vec(any::<u8>(), 0..40),
        text in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let _ = glob_match(&pattern, &text, false);
        if is_literal(&pattern) {
            prop_assert_eq!(glob_match(&pattern, &text, false), pattern == text);
        }
    }
}
