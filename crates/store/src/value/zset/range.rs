//! Ranges of scores and of names, as ranges of ranks.
//!
//! ```text
//!   ranks   0     1     2     3     4
//!   scores  1     2     2     3     5        (1 ..= 3  ─►  1..4
//! ```
//!
//! A bound becomes a rank by one search; from there on every range is one of ranks.

use std::ops::Range;

use super::ZSetView;
use super::packed::compare;

/// From a score to a score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreRange {
    pub min: ScoreBound,
    pub max: ScoreBound,
}

/// A score, which is within the range or next to it. Not-a-number is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreBound {
    pub score: f64,
    pub is_exclusive: bool,
}

/// From a name to a name, where all scores are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LexRange<'a> {
    pub min: LexBound<'a>,
    pub max: LexBound<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LexBound<'a> {
    /// Before all names.
    Lowest,
    Inclusive(&'a [u8]),
    Exclusive(&'a [u8]),
    /// Behind all names.
    Highest,
}

impl ScoreRange {
    /// The ranks of the members in the range.
    pub fn ranks(&self, zset: ZSetView<'_>) -> Range<usize> {
        let (min, max) = (self.min, self.max);
        let start = zset.count_below(min.score, min.is_exclusive);
        let end = zset.count_below(max.score, !max.is_exclusive);
        start..end.max(start)
    }
}

impl LexRange<'_> {
    /// The ranks of the members in the range. Where scores differ they mean nothing.
    pub fn ranks(&self, zset: ZSetView<'_>) -> Range<usize> {
        let start = match self.min {
            LexBound::Lowest => 0,
            LexBound::Inclusive(name) => zset.count_before(name, false),
            LexBound::Exclusive(name) => zset.count_before(name, true),
            LexBound::Highest => zset.len(),
        };
        let end = match self.max {
            LexBound::Lowest => 0,
            LexBound::Inclusive(name) => zset.count_before(name, true),
            LexBound::Exclusive(name) => zset.count_before(name, false),
            LexBound::Highest => zset.len(),
        };
        start..end.max(start)
    }
}

impl ZSetView<'_> {
    /// How many members have a score below this one, or up to it if `inclusive`.
    pub fn count_below(self, score: f64, inclusive: bool) -> usize {
        match self {
            ZSetView::Packed(_) => self.packed_while(|_, other| {
                other < score || inclusive && other == score //
            }),
            ZSetView::Large(zset) => zset.count_below(score, inclusive),
        }
    }

    /// How many members come before this name, or up to it if `inclusive`, where all scores are
    /// equal.
    pub fn count_before(self, name: &[u8], inclusive: bool) -> usize {
        match self {
            ZSetView::Packed(_) => self.packed_while(|other, _| {
                let order = compare(other, name);
                order.is_lt() || inclusive && order.is_eq()
            }),
            ZSetView::Large(zset) => zset.count_before(name, inclusive),
        }
    }
}
