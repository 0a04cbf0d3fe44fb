//! Glob patterns against the plainest matcher there is: it tries everything.
//!
//! The model recurses over the pattern and takes exponential time, so it judges small cases only.
//! Large ones must just come to an end.

use base::glob::is_literal;
use base::glob_match;

use crate::tape::Tape;

pub fn run(bytes: &[u8]) {
    let mut tape = Tape::new(bytes);
    let nocase = tape.bool();
    if tape.below(4) == 0 {
        return stretch(&mut tape, nocase);
    }
    let plain = tape.bool();
    let mut word = |len_max| -> Vec<u8> {
        let bytes = tape.bytes(len_max);
        if plain {
            const LETTERS: &[u8] = b"abAB*?[]^-\\*ab*z";
            let letter = |byte: &u8| LETTERS[usize::from(*byte) % LETTERS.len()];
            bytes.iter().map(letter).collect()
        } else {
            bytes.to_vec()
        }
    };
    let (pattern, text) = (word(16), word(12));
    let matched = glob_match(&pattern, &text, nocase);
    let expected = if text.is_empty() {
        pattern.is_empty()
    } else {
        matches(&pattern, &text, nocase)
    };
    assert_eq!(matched, expected, "{pattern:?} on {text:?}, {nocase}");
    if is_literal(&pattern) && !nocase {
        assert_eq!(matched, pattern == text);
    }
}

/// A short pattern and a short text, many times over.
fn stretch(tape: &mut Tape<'_>, nocase: bool) {
    let pattern = tape.bytes(8).repeat(1 + tape.below(300) as usize);
    let text = tape.bytes(8).repeat(1 + tape.below(300) as usize);
    let _ = glob_match(&pattern, &text, nocase);
}

/// Does the pattern match all of the text? By the rules in `base::glob`, one alternative after the
/// other.
fn matches(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    match (pattern, text) {
        ([], _) => text.is_empty(),
        ([b'*', rest @ ..], _) => {
            (0..=text.len()).any(|taken| matches(rest, &text[taken..], nocase))
        }
        (_, []) => false,
        ([b'?', rest @ ..], [_, text @ ..]) => matches(rest, text, nocase),
        ([b'[', class @ ..], [byte, text @ ..]) => {
            let (hit, rest) = class_takes(class, *byte, nocase);
            hit && matches(rest, text, nocase)
        }
        ([b'\\', letter, rest @ ..] | [letter, rest @ ..], [byte, text @ ..]) => {
            same(*letter, *byte, nocase) && matches(rest, text, nocase)
        }
    }
}

fn same(a: u8, b: u8, nocase: bool) -> bool {
    a == b || nocase && a.eq_ignore_ascii_case(&b)
}

/// Does a class, its `[` taken off, take this byte? And what follows the class?
fn class_takes(class: &[u8], byte: u8, nocase: bool) -> (bool, &[u8]) {
    let (negated, mut rest) = match class {
        [b'^', rest @ ..] => (true, rest),
        _ => (false, class),
    };
    let mut hit = false;
    loop {
        rest = match rest {
            [] => return (hit != negated, rest),
            [b']', rest @ ..] => return (hit != negated, rest),
            [b'\\', letter, rest @ ..] => {
                hit |= *letter == byte;
                rest
            }
            [low, b'-', high, rest @ ..] => {
                hit |= range_takes(*low, *high, byte, nocase);
                rest
            }
            [letter, rest @ ..] => {
                hit |= same(*letter, byte, nocase);
                rest
            }
        };
    }
}

/// Ranges are of signed bytes. The ends are put in order first, then case is dropped as C does it,
/// where a negative byte but -1 becomes a number above 127.
fn range_takes(low: u8, high: u8, byte: u8, nocase: bool) -> bool {
    let signed = |byte: u8| i32::from(byte as i8);
    let lower = |number: i32| match number {
        65..=90 => number + 32,
        -128..=-2 => number + 256,
        _ => number,
    };
    let (low, high) = (signed(low).min(signed(high)), signed(low).max(signed(high)));
    if nocase {
        lower(low) <= lower(signed(byte)) && lower(signed(byte)) <= lower(high)
    } else {
        low <= signed(byte) && signed(byte) <= high
    }
}
