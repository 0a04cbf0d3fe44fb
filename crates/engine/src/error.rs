//! Every error line that a client can read.
//!
//! Clients match on the first word and some on the whole text, so the texts
//! are Redis'. A handler returns one of these before it writes anything; what
//! it wrote anyway is cut off.

use std::borrow::Cow;
use std::fmt;

/// A client's mistake, or a state that forbids what it asked. `Display` is the
/// whole line, code first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandError {
    Syntax,
    WrongType,
    NotInteger,
    NotFloat,
    /// A result that would be NaN or infinite.
    NotFinite,
    OutOfRange,
    NoSuchKey,
    Overflow,
    /// `name` as COMMAND writes it, `client|kill` for a subcommand.
    Arity(Cow<'static, str>),
    /// The client's own words, given back as they came.
    UnknownCommand {
        name: Vec<u8>,
        args: Vec<u8>,
    },
    UnknownSubcommand {
        name: Vec<u8>,
        container: String,
    },
    InvalidExpire(&'static str),
    StringTooLong,
    DbIndexOutOfRange,
    AuthRequired,
    WrongPassword,
    ExecAborted,
    /// Any other line, its code included.
    Line(Cow<'static, str>),
}

impl CommandError {
    /// An `ERR` line of its own.
    pub fn err(text: impl fmt::Display) -> CommandError {
        CommandError::Line(format!("ERR {text}").into())
    }

    /// The code that INFO errorstats counts by: the first word.
    pub fn code(&self) -> Cow<'static, str> {
        match self {
            CommandError::WrongType => "WRONGTYPE".into(),
            CommandError::AuthRequired => "NOAUTH".into(),
            CommandError::WrongPassword => "WRONGPASS".into(),
            CommandError::ExecAborted => "EXECABORT".into(),
            CommandError::Line(line) => {
                let word = line.split(' ').next().unwrap_or("ERR");
                word.to_owned().into()
            }
            _ => "ERR".into(),
        }
    }
}

impl CommandError {
    /// The line as it is sent: like `Display`, but a client's own words keep
    /// their bytes.
    pub fn line(&self) -> Vec<u8> {
        match self {
            CommandError::UnknownCommand { name, args } => [
                b"ERR unknown command '",
                &name[..],
                b"', with args beginning with: ",
                args,
            ]
            .concat(),
            CommandError::UnknownSubcommand { name, container } => [
                b"ERR unknown subcommand '",
                &name[..],
                b"'. Try ",
                container.as_bytes(),
                b" HELP.",
            ]
            .concat(),
            other => other.to_string().into_bytes(),
        }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CommandError::Syntax => f.write_str("ERR syntax error"),
            CommandError::WrongType => {
                f.write_str("WRONGTYPE Operation against a key holding the wrong kind of value")
            }
            CommandError::NotInteger => f.write_str("ERR value is not an integer or out of range"),
            CommandError::NotFloat => f.write_str("ERR value is not a valid float"),
            CommandError::NotFinite => f.write_str("ERR increment would produce NaN or Infinity"),
            CommandError::OutOfRange => f.write_str("ERR value is out of range"),
            CommandError::NoSuchKey => f.write_str("ERR no such key"),
            CommandError::Overflow => f.write_str("ERR increment or decrement would overflow"),
            CommandError::Arity(name) => {
                write!(f, "ERR wrong number of arguments for '{name}' command")
            }
            CommandError::UnknownCommand { .. } | CommandError::UnknownSubcommand { .. } => {
                f.write_str(&String::from_utf8_lossy(&self.line()))
            }
            CommandError::InvalidExpire(command) => {
                write!(f, "ERR invalid expire time in '{command}' command")
            }
            CommandError::StringTooLong => {
                f.write_str("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
            }
            CommandError::DbIndexOutOfRange => f.write_str("ERR DB index is out of range"),
            CommandError::AuthRequired => f.write_str("NOAUTH Authentication required."),
            CommandError::WrongPassword => {
                f.write_str("WRONGPASS invalid username-password pair or user is disabled.")
            }
            CommandError::ExecAborted => {
                f.write_str("EXECABORT Transaction discarded because of previous errors.")
            }
            CommandError::Line(line) => f.write_str(line),
        }
    }
}
