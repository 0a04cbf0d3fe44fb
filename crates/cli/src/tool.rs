//! What tools have in common: how they begin and how they end.

use std::ffi::OsString;
use std::process::ExitCode;

use persist::Trouble;

use crate::args::{Asked, Tool, Words};
use crate::check::print;

pub type Outcome = Result<(), Failure>;

/// Why a tool did not do what it was asked to.
#[derive(Debug)]
pub enum Failure {
    /// The command line is wrong.
    Usage(String),
    Trouble(Trouble),
    /// It cannot be done, and what can.
    Refused(String),
    /// Nobody reads the output any more.
    Unread,
}

impl From<String> for Failure {
    fn from(why: String) -> Failure {
        Failure::Usage(why)
    }
}

impl From<&str> for Failure {
    fn from(why: &str) -> Failure {
        Failure::Usage(why.into())
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Failure {
        Failure::Trouble(trouble)
    }
}

/// Runs a tool: 0 for success, 1 for trouble, 2 for a wrong command line.
pub fn main(name: &str, tool: &Tool, args: &[OsString], run: fn(&Words) -> Outcome) -> ExitCode {
    let outcome = match tool.parse(args) {
        Ok(Asked::Help(text)) => print(&text).map_err(Failure::Refused),
        Ok(Asked::Run(words)) => run(&words),
        Err(why) => Err(Failure::Usage(why)),
    };
    let (why, status) = match outcome {
        Ok(()) | Err(Failure::Unread) => return ExitCode::SUCCESS,
        Err(Failure::Usage(why)) => (why, 2),
        Err(Failure::Trouble(trouble)) => (trouble.to_string(), 1),
        Err(Failure::Refused(why)) => (why, 1),
    };
    eprintln!("ochre {name}: {why}");
    ExitCode::from(status)
}
