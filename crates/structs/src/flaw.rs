//! What is wrong with bytes that somebody else packed.

use std::fmt;

/// The first fault that a check met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Offset in the bytes that were checked.
    pub at: usize,
    pub what: &'static str,
}

impl Flaw {
    pub(crate) fn new(at: usize, what: &'static str) -> Flaw {
        Flaw { at, what }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.at)
    }
}

impl std::error::Error for Flaw {}
