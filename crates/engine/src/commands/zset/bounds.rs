//! What ranges are given by.
//!
//! ```text
//!   ranks    0  -1           from the lowest score, or from the highest
//!   scores   1  (5  +inf     a parenthesis leaves the bound itself out
//!   names    [a (z  -  +     a bracket leaves it in; before all names, behind all names
//! ```

use std::ops::Range;

use store::{LexBound, LexRange, ScoreBound, ScoreRange};

use crate::error::CommandError;

pub(in crate::commands) fn score_range(min: &[u8], max: &[u8]) -> Result<ScoreRange, CommandError> {
    match (score_bound(min), score_bound(max)) {
        (Some(min), Some(max)) => Ok(ScoreRange { min, max }),
        _ => Err(CommandError::err("min or max is not a float")),
    }
}

pub(in crate::commands) fn lex_range<'a>(
    min: &'a [u8],
    max: &'a [u8],
) -> Result<LexRange<'a>, CommandError> {
    match (lex_bound(min), lex_bound(max)) {
        (Some(min), Some(max)) => Ok(LexRange { min, max }),
        _ => Err(CommandError::err("min or max not valid string range item")),
    }
}

/// The ranks from `start` to `stop`, both included, of so many; below zero they count from the end.
pub(in crate::commands) fn rank_range(start: i64, stop: i64, len: usize) -> Range<usize> {
    let from_front = |rank: i64| match rank {
        ..0 => rank.saturating_add_unsigned(len as u64),
        _ => rank,
    };
    let start = from_front(start).max(0) as usize;
    let end = from_front(stop).saturating_add(1).max(0) as usize;
    let end = end.min(len);
    start.min(end)..end
}

/// A score: a number in any form that C reads. What has no place in a double is refused.
#[inline]
pub(in crate::commands) fn score(text: &[u8]) -> Result<f64, CommandError> {
    if let Some(whole) = base::parse_i64(text) {
        return Ok(whole as f64);
    }
    base::parse_f64(text).ok_or(CommandError::NotFloat)
}

fn score_bound(text: &[u8]) -> Option<ScoreBound> {
    let (is_exclusive, text) = match text {
        [b'(', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    Some(ScoreBound {
        score: bound_number(text)?,
        is_exclusive,
    })
}

/// C's strtod, whatever it says: blanks before the number, nothing for zero, and infinity or zero
/// for what is too large or too small.
fn bound_number(text: &[u8]) -> Option<f64> {
    let text = match text.iter().position(|byte| *byte == 0) {
        Some(end) => &text[..end],
        None => text,
    };
    if text.is_empty() {
        return Some(0.0);
    }
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = text.iter().position(|byte| !is_blank(byte))?;
    let text = &text[start..];
    if let Ok(score) = score(text) {
        return Some(score);
    }
    let number: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (!number.is_nan()).then_some(number)
}

fn lex_bound(text: &[u8]) -> Option<LexBound<'_>> {
    match text {
        b"-" => Some(LexBound::Lowest),
        b"+" => Some(LexBound::Highest),
        [b'[', name @ ..] => Some(LexBound::Inclusive(name)),
        [b'(', name @ ..] => Some(LexBound::Exclusive(name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_count_from_either_end() {
        for (start, stop, expected) in [
            (0, -1, 0..5),
            (0, 0, 0..1),
            (-2, -1, 3..5),
            (-9, 1, 0..2),
            (3, 9, 3..5),
            (4, 3, 4..4),
            (5, 9, 5..5),
            (0, -6, 0..0),
            (i64::MIN, i64::MAX, 0..5),
            (i64::MAX, i64::MIN, 0..0),
        ] {
            assert_eq!(rank_range(start, stop, 5), expected, "{start} {stop}");
        }
        assert!(rank_range(0, -1, 0).is_empty());
    }

    #[test]
    fn bounds_are_read_as_c_does() {
        let bound = |score, is_exclusive| {
            Some(ScoreBound {
                score,
                is_exclusive,
            })
        };
        assert_eq!(score_bound(b"1.5"), bound(1.5, false));
        assert_eq!(score_bound(b"(-inf"), bound(f64::NEG_INFINITY, true));
        assert_eq!(score_bound(b""), bound(0.0, false));
        assert_eq!(score_bound(b"("), bound(0.0, true));
        assert_eq!(score_bound(b" \t7"), bound(7.0, false));
        assert_eq!(score_bound(b"-1e400"), bound(f64::NEG_INFINITY, false));
        assert_eq!(score_bound(b"1e-400"), bound(0.0, false));
        for text in [&b"nan"[..], b"((1", b"1 ", b"x", b" ", b"\xff"] {
            assert_eq!(score_bound(text), None, "{text:?}");
        }
        assert_eq!(lex_bound(b"[a"), Some(LexBound::Inclusive(b"a")));
        assert_eq!(lex_bound(b"("), Some(LexBound::Exclusive(b"")));
        assert_eq!(
            (lex_bound(b"--"), lex_bound(b"a"), lex_bound(b"")),
            (None, None, None)
        );
    }
}
