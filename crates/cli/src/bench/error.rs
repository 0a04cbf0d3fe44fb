//! Why a benchmark stopped.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::bench::wire::WireError;

/// Everything that ends a run early. Each says what it was about, since it is
/// read by a person who typed one command line and sees one line in return.
#[derive(Debug)]
pub enum Error {
    /// The command line is wrong.
    Usage(String),
    /// Ctrl-C, or another request to stop.
    Interrupted,
    /// No connection could be made.
    Connect {
        endpoint: String,
        source: io::Error,
    },
    /// A connection broke.
    Lost {
        endpoint: String,
        source: io::Error,
    },
    /// The other side does not speak RESP.
    Wire {
        endpoint: String,
        source: WireError,
    },
    /// The server answered `asked` with an error.
    Refused {
        asked: String,
        answer: String,
    },
    /// A server that we started did not come up, or died.
    Child {
        command: String,
        detail: String,
    },
    File {
        path: PathBuf,
        source: io::Error,
    },
    /// The operating system refused something else.
    System {
        what: String,
        source: io::Error,
    },
    /// The run worked and yet its numbers would mean nothing.
    Unmeasurable(String),
    /// Nobody reads our output any more.
    Output(io::Error),
}

impl Error {
    pub fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
        let what = what.into();
        move |source| Error::System { what, source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(text) | Error::Unmeasurable(text) => f.write_str(text),
            Error::Interrupted => f.write_str("interrupted"),
            Error::Connect { endpoint, source } => {
                write!(f, "cannot connect to {endpoint}: {source}")?;
                match source.kind() {
                    io::ErrorKind::ConnectionRefused => f.write_str("; is a server running there?"),
                    _ => Ok(()),
                }
            }
            Error::Lost { endpoint, source } => {
                write!(f, "the connection to {endpoint} broke: {source}")
            }
            Error::Wire { endpoint, source } => write!(f, "{endpoint}: {source}"),
            Error::Refused { asked, answer } => write!(f, "{asked} was refused: {answer}"),
            Error::Child { command, detail } => write!(f, "{command}: {detail}"),
            Error::File { path, source } => write!(f, "{}: {source}", path.display()),
            Error::System { what, source } => write!(f, "{what}: {source}"),
            Error::Output(source) => write!(f, "cannot write the results: {source}"),
        }
    }
}

impl std::error::Error for Error {}
