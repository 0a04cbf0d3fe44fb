//! What may be wrong with the files of a data set.
//!
//! Each kind names the file and the place in it, and says what was found there, so that the line in
//! the log is enough to look at the right bytes.

use std::fmt;

use crate::rdb;

/// Why a file cannot be used.
#[derive(Debug)]
pub enum Trouble {
    /// An RDB file is damaged, cut short, or holds what this version does not know.
    Rdb { file: String, fault: rdb::Fault },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Rdb { file, fault } => write!(f, "{file}: {fault}"),
        }
    }
}

impl std::error::Error for Trouble {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Trouble::Rdb { fault, .. } => Some(fault),
        }
    }
}
