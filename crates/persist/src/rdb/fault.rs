//! What may be wrong with an RDB stream, and at which byte.

use std::path::Path;
use std::{fmt, io};

use crate::{Kind, Trouble};

/// Something that ends the reading, and the offset in the stream where it was met.
#[derive(Debug)]
pub struct Fault {
    /// Bytes from the beginning of the stream.
    pub at: u64,
    pub what: FaultKind,
}

/// What was met. `expected` says what the format asks for at that place.
#[derive(Debug)]
pub enum FaultKind {
    /// The stream ends where more must follow.
    Ends { expected: &'static str },
    /// A length or a count is larger than what is left of the stream.
    PastTheEnd {
        expected: &'static str,
        declared: u64,
        left: u64,
    },
    /// A string is longer than a value may be.
    TooLong {
        expected: &'static str,
        declared: u64,
    },
    /// The bytes at this place cannot be what they should.
    Malformed { expected: &'static str, byte: u8 },
    /// A compressed string does not unpack to the length that it has by its own account.
    Compression { expected: &'static str },
    /// It does not begin as an RDB file does.
    NotRdb { found: [u8; 9] },
    /// A version that this reader does not know.
    Version { family: &'static str, number: u32 },
    /// A type of value, or a kind of item, that this reader does not know.
    Unknown {
        byte: u8,
        family: &'static str,
        version: u32,
    },
    /// What is packed inside of a value is not what it should be.
    Inside { what: &'static str },
    /// Known, but only the one who wrote it can tell where it ends.
    Opaque { what: &'static str },
    /// Known and whole, but of a type that this version of Ochre has no place for.
    NoPlaceFor { type_name: &'static str },
    /// The checksum at the end is not that of the bytes before it.
    Checksum { stored: u64, computed: u64 },
    /// There is more behind the end.
    Trailing,
    /// The stream itself failed.
    Io(io::Error),
}

impl Fault {
    /// With the name of the file that it was met in.
    pub fn in_file(self, path: &Path) -> Trouble {
        let kind = match &self.what {
            FaultKind::Io(_) => Kind::Device,
            FaultKind::NotRdb { .. }
            | FaultKind::Version { .. }
            | FaultKind::Unknown { .. }
            | FaultKind::Opaque { .. }
            | FaultKind::NoPlaceFor { .. } => Kind::Foreign,
            _ => Kind::Damaged,
        };
        Trouble::new(kind, path, self.what.to_string()).at(self.at)
    }

    pub(super) fn new(at: u64, what: FaultKind) -> Fault {
        Fault { at, what }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: {}", self.at, self.what)
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FaultKind::Ends { expected } => write!(f, "the file ends inside of {expected}"),
            FaultKind::PastTheEnd {
                expected,
                declared,
                left,
            } => write!(
                f,
                "{expected} claims {declared} bytes, but only {left} are left"
            ),
            FaultKind::TooLong { expected, declared } => {
                write!(
                    f,
                    "{expected} claims {declared} bytes, more than the 512 MiB that a string may have"
                )
            }
            FaultKind::Malformed { expected, byte } => {
                write!(f, "{expected} cannot begin with byte {byte:#04x}")
            }
            FaultKind::Compression { expected } => {
                write!(f, "{expected} does not unpack to the length that it claims")
            }
            FaultKind::NotRdb { found } => write!(
                f,
                "this is no RDB file: it begins with \"{}\"",
                found.escape_ascii()
            ),
            FaultKind::Version { family, number } => write!(
                f,
                "the file is of {family} format version {number}, which this version cannot read"
            ),
            FaultKind::Unknown {
                byte,
                family,
                version,
            } => write!(
                f,
                "byte {byte} begins nothing that is known of {family} format version {version}"
            ),
            FaultKind::Inside { what } => f.write_str(what),
            FaultKind::Opaque { what } => {
                write!(f, "{what} can be read by nobody but its author")
            }
            FaultKind::NoPlaceFor { type_name } => write!(
                f,
                "this file holds a {type_name}, which this version cannot load yet"
            ),
            FaultKind::Checksum { stored, computed } => write!(
                f,
                "the checksum should be {computed:016x} and is {stored:016x}: the file is damaged"
            ),
            FaultKind::Trailing => write!(f, "the data has ended, but the file goes on"),
            FaultKind::Io(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.what {
            FaultKind::Io(error) => Some(error),
            _ => None,
        }
    }
}
