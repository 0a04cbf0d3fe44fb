//! Why CONFIG SET was refused, in the words that Redis 7 answers after `ERR `.

use std::borrow::Cow;
use std::fmt;

/// Why a value does not fit its parameter: the half sentence after the dash.
pub type Reason = Cow<'static, str>;

/// Why a change of the configuration was refused. Nothing has changed then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// No parameter has this name.
    Unknown { name: String },
    /// The parameter `name` cannot become that.
    Refused { name: String, reason: Reason },
    /// The parameter cannot change while the data set is being loaded.
    Loading,
}

impl ConfigError {
    /// A refusal by whoever puts the change into effect: a port that is taken, a directory that is not there.
    pub fn refused(name: &str, reason: impl Into<Reason>) -> ConfigError {
        ConfigError::Refused {
            name: name.to_owned(),
            reason: reason.into(),
        }
    }

    /// The first word of the error reply.
    pub fn code(&self) -> &'static str {
        match self {
            ConfigError::Unknown { .. } | ConfigError::Refused { .. } => "ERR",
            ConfigError::Loading => "LOADING",
        }
    }

    pub(super) fn unknown(name: &[u8]) -> ConfigError {
        ConfigError::Unknown {
            name: one_line(name),
        }
    }

    pub(super) fn refused_as(name: &[u8], reason: impl Into<Reason>) -> ConfigError {
        ConfigError::Refused {
            name: one_line(name),
            reason: reason.into(),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::Unknown { name } => {
                write!(
                    f,
                    "Unknown option or number of arguments for CONFIG SET - '{name}'"
                )
            }
            ConfigError::Refused { name, reason } => {
                write!(
                    f,
                    "CONFIG SET failed (possibly related to argument '{name}') - {reason}"
                )
            }
            ConfigError::Loading => f.write_str("Redis is loading the dataset in memory"),
        }
    }
}

impl std::error::Error for ConfigError {}

/// What a client called a parameter, fit for an error line: no line break, and no more than 128 characters of it.
fn one_line(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    text.chars()
        .take(128)
        .map(|c| if matches!(c, '\r' | '\n') { ' ' } else { c })
        .collect()
}
