//! `save`: after so many seconds and at least so many changes, take a snapshot.

use super::numbers::signed;
use crate::config::error::Reason;
use std::fmt;

/// Take a snapshot when the last one is `seconds` old and `changes` keys have changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// At least 1.
    pub seconds: u32,
    pub changes: u32,
}

/// Pairs of seconds and changes; one empty word, or none at all, is no save point.
pub fn parse(words: &[&[u8]]) -> Result<Box<[SavePoint]>, Reason> {
    if words == [b""] {
        return Ok(Box::default());
    }
    let invalid = || Reason::from("Invalid save parameters");
    let number = |word: &[u8]| signed(word).and_then(|n| u32::try_from(n).ok());
    let (pairs, rest) = words.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(invalid());
    }
    pairs
        .iter()
        .map(|[seconds, changes]| {
            let seconds = number(seconds).filter(|s| *s >= 1).ok_or_else(invalid)?;
            let changes = number(changes).ok_or_else(invalid)?;
            Ok(SavePoint { seconds, changes })
        })
        .collect()
}

impl fmt::Display for SavePoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.seconds, self.changes)
    }
}
