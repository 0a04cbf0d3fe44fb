//! Glob patterns of clients: KEYS, SCAN MATCH, PSUBSCRIBE, CONFIG GET, ACL keys. Bytes, not
//! characters.
//!
//! ```text
//!  *     any text, also none           [abc]  [a-z]   one of these bytes
//!  ?     any byte                      [^a-z]         any byte but these
//!  \x    the byte x, in [ ] as well    all else       the byte itself
//! ```
//!
//! Redis' rules where a pattern is odd, since clients rely on them or at least see them:
//!
//! - A class that is never closed ends with the pattern; `[^` alone is any byte, `[` alone none.
//! - The ends of a range may come in either order, and the upper one may be `]`: `[a-]` is an open
//!   class.
//! - Bytes in a range compare as signed numbers, the way they do on x86: `[\x01-\xff]` is -1 to 1.
//! - A backslash at the very end is a backslash.
//! - Nothing but the empty pattern matches an empty text, not even `*`.
//! - A pattern with more than 1,000 runs of stars stops matching where it needs the one beyond.
//!
//! **Work is bounded.** Every element but the star takes exactly one byte, so when a match fails,
//! only the latest star needs to take one byte more; the earlier ones never have to be tried again.
//! One position per star replaces recursion, and the steps are at most the length of the pattern
//! times that of the text. (The recursive form took exponential time and unbounded stack:
//! CVE-2022-36021, CVE-2024-31228.)
//!
//! ```text
//!  pattern  a * b c * d          text  a x b b c y y d
//!               └─ resume here               └─ having taken up to here
//! ```

use memchr::memchr;

/// Whether the whole text matches the pattern. `nocase` ignores ASCII case, except for a byte
/// behind a backslash in a class.
#[must_use]
pub fn glob_match(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let mut resume: Option<(usize, usize)> = None;
    let mut stars = 0;
    let (mut p, mut t) = (0, 0);
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            p = skip_stars(pattern, p);
            if p == pattern.len() {
                return true;
            }
            stars += 1;
            if stars > STAR_RUNS_MAX {
                return false;
            }
            resume = Some((p, t));
        } else if let Some(next) = match_one(pattern, p, text[t], nocase) {
            (p, t) = (next, t + 1);
        } else if let Some((after_star, taken)) = resume {
            t = match required_byte(pattern, after_star) {
                Some(byte) if !nocase => match memchr(byte, &text[taken + 1..]) {
                    Some(skipped) => taken + 1 + skipped,
                    None => return false,
                },
                _ => taken + 1,
            };
            p = after_star;
            resume = Some((p, t));
        } else {
            return false;
        }
    }
    // A pattern longer than the text: no star can help, for each would leave even less text.
    skip_stars(pattern, p) == pattern.len()
}

/// Whether the pattern has no special byte and so matches itself alone: a look-up will do.
#[must_use]
pub fn is_literal(pattern: &[u8]) -> bool {
    !pattern
        .iter()
        .any(|byte| matches!(byte, b'*' | b'?' | b'[' | b'\\'))
}

/// Runs of stars that a match may pass, the last one of a pattern not counted.
const STAR_RUNS_MAX: usize = 1_000;

fn skip_stars(pattern: &[u8], from: usize) -> usize {
    from + pattern[from..]
        .iter()
        .take_while(|byte| **byte == b'*')
        .count()
}

/// The byte that a match starting at `p` must start with, if there is only one.
fn required_byte(pattern: &[u8], p: usize) -> Option<u8> {
    match pattern[p..] {
        [] | [b'?' | b'[', ..] => None,
        [b'\\', escaped, ..] => Some(escaped),
        [literal, ..] => Some(literal),
    }
}

/// Where the pattern goes on if its element at `p`, no star, takes this byte.
#[inline]
fn match_one(pattern: &[u8], p: usize, byte: u8, nocase: bool) -> Option<usize> {
    let (literal, next) = match pattern[p..] {
        [] => return None,
        [b'?', ..] => return Some(p + 1),
        [b'[', ..] => return match_class(pattern, p + 1, byte, nocase),
        [b'\\', escaped, ..] => (escaped, p + 2),
        [literal, ..] => (literal, p + 1),
    };
    let equal = literal == byte || nocase && literal.eq_ignore_ascii_case(&byte);
    equal.then_some(next)
}

/// The same for a class whose `[` is just behind us.
fn match_class(pattern: &[u8], start: usize, byte: u8, nocase: bool) -> Option<usize> {
    let negated = pattern.get(start) == Some(&b'^');
    let mut p = start + usize::from(negated);
    let mut found = false;
    let next = loop {
        match pattern[p..] {
            [] => break p,
            [b']', ..] => break p + 1,
            [b'\\', escaped, ..] => {
                found |= escaped == byte;
                p += 2;
            }
            [from, b'-', to, ..] => {
                found |= in_range(from, to, byte, nocase);
                p += 3;
            }
            [literal, ..] => {
                found |= literal == byte || nocase && literal.eq_ignore_ascii_case(&byte);
                p += 1;
            }
        }
    };
    (found != negated).then_some(next)
}

/// The ends are put in order before case is dropped, so `[Z-a]` without case is an empty range.
fn in_range(from: u8, to: u8, byte: u8, nocase: bool) -> bool {
    let [from, to, byte] = [from, to, byte].map(|b| i16::from(b as i8));
    let (low, high) = (from.min(to), from.max(to));
    if !nocase {
        return (low..=high).contains(&byte);
    }
    (lower(low)..=lower(high)).contains(&lower(byte))
}

/// C's `tolower` over signed bytes: the negative ones become 128 to 254, but -1 is the end-of-file
/// mark.
fn lower(byte: i16) -> i16 {
    match byte {
        0x41..=0x5a => byte + 0x20,
        ..-1 => byte + 0x100,
        _ => byte,
    }
}

#[cfg(test)]
mod tests;
