//! Something to be put right: where it is, and what to do about it.

use std::fmt;

/// One broken rule at one place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finding {
    pub path: String,
    /// Counted from one.
    pub line: usize,
    pub advice: String,
}

impl Finding {
    pub fn new(path: &str, line: usize, advice: impl Into<String>) -> Finding {
        Finding {
            path: path.to_owned(),
            line,
            advice: advice.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.advice)
    }
}
