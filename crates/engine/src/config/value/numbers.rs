//! Numbers: integers in a range, permissions, amounts of memory.

use super::Value;
use crate::config::error::Reason;
use std::fmt::Display;

/// A whole number within the bounds, written the one way that commands accept: no sign `+`, no leading zero.
pub fn integer(word: &[u8], least: i64, most: i64) -> Result<i64, Reason> {
    let number = base::parse_i64(word).ok_or("argument couldn't be parsed into an integer")?;
    if number < least || number > most {
        Err(outside(least, most))
    } else {
        Ok(number)
    }
}

/// An octal number up to `most`. A negative number is an octal number, but too large (in Redis it wraps around).
pub fn octal(word: &[u8], most: u32) -> Result<u32, Reason> {
    let digits = word.strip_prefix(b"-").unwrap_or(word);
    let number = digits
        .iter()
        .try_fold(0u64, |sum, &digit| match digit {
            b'0'..=b'7' => sum.checked_mul(8)?.checked_add(u64::from(digit - b'0')),
            _ => None,
        })
        .filter(|_| !digits.is_empty())
        .ok_or("argument couldn't be parsed as an octal number")?;
    match u32::try_from(number) {
        Ok(number) if number <= most && (digits == word || number == 0) => Ok(number),
        _ => Err(format!("argument must be between 0 and {most:o} inclusive").into()),
    }
}

/// An amount of memory in bytes within the bounds.
pub fn memory(word: &[u8], least: u64, most: u64) -> Result<u64, Reason> {
    let bytes = base::parse_memory(word).ok_or("argument must be a memory value")?;
    if bytes < least || bytes > most {
        Err(outside(least, most))
    } else {
        Ok(bytes)
    }
}

/// An amount of memory or a percentage. No percent is no bytes.
pub fn memory_or_percent(word: &[u8]) -> Result<Value, Reason> {
    if let Some(bytes) = base::parse_memory(word) {
        let most = i64::MAX as u64;
        return if bytes > most {
            Err(outside(0, most))
        } else {
            Ok(Value::Bytes(bytes))
        };
    }
    let percent = word
        .strip_suffix(b"%")
        .and_then(base::parse_i64)
        .filter(|percent| *percent >= 0);
    match percent {
        None => Err("argument must be a memory or percent value".into()),
        Some(0) => Ok(Value::Bytes(0)),
        Some(percent @ ..=100) => Ok(Value::Percent(percent as u8)),
        Some(_) => Err("percentage argument must be less or equal to 100".into()),
    }
}

/// The weights of a primary, a replica and a saving child for the kernel's out-of-memory killer.
pub fn oom_scores(words: &[&[u8]]) -> Result<[i16; 3], Reason> {
    if words.len() != 3 {
        return Err("wrong number of arguments".into());
    }
    let mut scores = [0; 3];
    for (score, word) in scores.iter_mut().zip(words) {
        *score = match signed(word) {
            Some(number @ -2000..=2000) => number as i16,
            _ => {
                return Err(
                    "Invalid oom-score-adj-values, elements must be between -2000 and 2000.".into(),
                );
            }
        };
    }
    Ok(scores)
}

/// A whole number as C reads one: a sign `+` and leading zeros may be there, but nothing else.
pub fn signed(word: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(word).ok()?;
    text.parse().ok()
}

/// Bytes in the largest unit that divides them.
pub fn with_unit(bytes: u64) -> String {
    let units = [(30, "gb"), (20, "mb"), (10, "kb")];
    match units
        .iter()
        .find(|(shift, _)| bytes != 0 && bytes.trailing_zeros() >= *shift)
    {
        Some((shift, unit)) => format!("{}{unit}", bytes >> shift),
        None => bytes.to_string(),
    }
}

fn outside(least: impl Display, most: impl Display) -> Reason {
    format!("argument must be between {least} and {most} inclusive").into()
}
