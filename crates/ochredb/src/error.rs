//! A command that was refused.

use std::fmt;

/// The error line of a command, such as `WRONGTYPE Operation against ...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandFailed {
    pub line: String,
}

impl CommandFailed {
    /// The first word, which says what kind of error it is: `ERR`, `WRONGTYPE`.
    pub fn code(&self) -> &str {
        self.line.split(' ').next().unwrap_or_default()
    }
}

impl fmt::Display for CommandFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

impl std::error::Error for CommandFailed {}
