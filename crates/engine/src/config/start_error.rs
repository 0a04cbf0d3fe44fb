//! Why the server cannot start with its configuration: where, what, why, and what to do about it.
//!
//! Printed in the shape of Redis' own message, whose first lines tools look for.

use super::error::Reason;
use super::params::{self, Param};
use std::fmt;
use std::path::PathBuf;

/// What is wrong with the configuration that the server was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartError {
    pub origin: Origin,
    /// The directive at fault, if it is one.
    pub directive: Option<Vec<u8>>,
    pub reason: Reason,
    /// What to do about it.
    pub advice: Option<String>,
}

/// Where a directive stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In a file, at this line, counted from 1.
    File { path: PathBuf, line: usize },
    /// On standard input, at this line.
    StandardInput { line: usize },
    /// In what CONFIG REWRITE has found or was about to write, at this line.
    Rewriting { line: usize },
    /// In this variable of the environment.
    Environment(&'static str),
    /// On the command line.
    CommandLine,
    /// Nowhere in particular: the settings do not go together.
    Whole,
}

/// Why a directive is refused, before it is known where it stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub reason: Reason,
    pub advice: Option<String>,
}

impl Refusal {
    pub fn new(reason: impl Into<Reason>, advice: impl Into<String>) -> Refusal {
        Refusal {
            reason: reason.into(),
            advice: Some(advice.into()),
        }
    }

    /// No parameter and no directive has this name.
    pub fn unknown(name: &[u8]) -> Refusal {
        let advice = if name.starts_with(b"-") {
            Some("An option is written with two dashes: --port 6379.".to_owned())
        } else {
            params::nearest(name).map(|nearest| format!("Did you mean '{nearest}'?"))
        };
        Refusal {
            reason: "Bad directive or wrong number of arguments".into(),
            advice,
        }
    }

    /// The value does not fit the parameter.
    pub fn bad_value(param: &Param, reason: Reason) -> Refusal {
        let shown = if param.default.is_empty() {
            "\"\""
        } else {
            param.default
        };
        let name = param.name;
        Refusal::new(
            reason,
            format!("'{name}' takes {}; default: {name} {shown}", param.kind),
        )
    }

    pub fn at(self, origin: Origin, directive: &[u8]) -> StartError {
        let Refusal { reason, advice } = self;
        StartError {
            origin,
            directive: Some(without_secret(directive)),
            reason,
            advice,
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = env!("CARGO_PKG_VERSION");
        writeln!(f, "\n*** FATAL CONFIG FILE ERROR (Ochre {version}) ***")?;
        match &self.origin {
            Origin::File { path, line } => {
                writeln!(
                    f,
                    "Reading the configuration file '{}', at line {line}",
                    path.display()
                )?;
            }
            Origin::StandardInput { line } => {
                writeln!(
                    f,
                    "Reading the configuration from standard input, at line {line}"
                )?;
            }
            Origin::Rewriting { line } => {
                writeln!(f, "Rewriting the configuration file, at line {line}")?;
            }
            Origin::Environment(name) => writeln!(f, "Reading the environment variable {name}")?,
            Origin::CommandLine => writeln!(f, "Reading the command line")?,
            Origin::Whole => {}
        }
        if let Some(directive) = &self.directive {
            writeln!(f, ">>> '{}'", String::from_utf8_lossy(directive))?;
        }
        write!(f, "{}", self.reason)?;
        match &self.advice {
            Some(advice) => write!(f, "\n{advice}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for StartError {}

/// The directive, its value left out if that is a secret: the message may end up in a log.
fn without_secret(directive: &[u8]) -> Vec<u8> {
    let blank = directive
        .iter()
        .position(u8::is_ascii_whitespace)
        .unwrap_or(directive.len());
    let name = &directive[..blank];
    match params::find(name) {
        Some(found) if found.param.sensitive && blank < directive.len() => {
            [name, b" (hidden)"].concat()
        }
        _ => directive.to_vec(),
    }
}
