//! What goes wrong outside: a file, a place in it, what happened, what to do about it.
//!
//! A [`Trouble`] is told to a person. Code that has to decide looks at its [`Kind`]: a full disk
//! is waited out, a failing device poisons what was being written, damage refuses to start.

use std::fmt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

/// A failure of the world, not of a client and not of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    pub kind: Kind,
    pub path: PathBuf,
    /// Bytes from the start of the file, where that makes sense.
    pub offset: Option<u64>,
    /// What happened, as a clause: `cannot write: input/output error`.
    pub what: String,
}

/// What code can do about a [`Trouble`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// There is no such file or directory.
    Missing,
    /// There is one already.
    Exists,
    /// Somebody else has the directory open.
    InUse,
    /// No room: the disk, the quota or the inodes are used up. Room may come back.
    Full,
    /// Not permitted, or the file system is mounted read-only.
    Denied,
    /// No more file descriptors.
    TooManyFiles,
    /// The device failed. What was written since the last sync may be lost.
    Device,
    /// Any other refusal of the operating system.
    System,
    /// Bytes are not what they were when they were written.
    Damaged,
    /// The end of a file is missing, and cutting it off has not been allowed.
    Truncated,
    /// The file is of a newer version or not ours.
    Foreign,
    /// The configuration does not allow what the file holds.
    Settings,
}

impl Trouble {
    pub fn new(kind: Kind, path: &Path, what: impl Into<String>) -> Trouble {
        Trouble {
            kind,
            path: path.to_owned(),
            offset: None,
            what: what.into(),
        }
    }

    #[must_use]
    pub fn at(mut self, offset: u64) -> Trouble {
        self.offset = Some(offset);
        self
    }

    /// A call that the operating system refused; `doing` is an infinitive: `write`.
    pub(crate) fn system(errno: Errno, path: &Path, doing: &str) -> Trouble {
        let kind = match errno {
            Errno::NOENT => Kind::Missing,
            Errno::EXIST => Kind::Exists,
            Errno::NOSPC | Errno::DQUOT | Errno::FBIG => Kind::Full,
            Errno::ACCESS | Errno::PERM | Errno::ROFS => Kind::Denied,
            Errno::MFILE | Errno::NFILE => Kind::TooManyFiles,
            Errno::IO => Kind::Device,
            _ => Kind::System,
        };
        let text = std::io::Error::from(errno).to_string();
        Trouble::new(kind, path, format!("cannot {doing}: {text}"))
    }
}

impl Kind {
    /// What a person can do.
    pub fn advice(self) -> &'static str {
        match self {
            Kind::Missing => "check the data directory and the names in its manifest",
            Kind::Exists => "move the file away if it is not needed",
            Kind::InUse => "stop the other process or choose another directory",
            Kind::Full => "make room on the disk; writing resumes by itself",
            Kind::Denied => "check owner, permissions and mount options",
            Kind::TooManyFiles => "raise the limit of open files",
            Kind::Device => "check the device and the kernel's log; start again to go on",
            Kind::System => "see the kernel's documentation of this error",
            Kind::Damaged => {
                "nothing was changed: restore the file from a backup, or make a copy of the \
                 directory and cut the file at the offset to serve what is before it"
            }
            Kind::Truncated => "set aof-load-truncated to yes to cut the unfinished end off",
            Kind::Foreign => "open it with the version that wrote it",
            Kind::Settings => "change the configuration and start again; nothing was changed",
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(offset) = self.offset {
            write!(f, " at byte {offset}")?;
        }
        write!(f, ": {} ({})", self.what, self.kind.advice())
    }
}

impl std::error::Error for Trouble {}
