//! The commands of a surveyed log, one after another.
//!
//! ```text
//!   part ─► group: line, checksum again ─► command, command, ...      groups with lines
//!       └─► command, command, ...                                     a stock server's
//! ```
//!
//! Files are read in chunks; memory holds one chunk, or one command or group if that is larger.
//! Each checksum is verified again here: what changed since the survey is not served.

use super::Lsn;
use super::command::{Argv, Parsed, Span, timestamp};
use super::frame::{Frame, LINE_BYTES_MAX};
use super::survey::{Part, Recovery, parse_at};
use super::window::Window;
use crate::error::{Kind, Trouble};
use crate::storage::Storage;

/// One command of the log.
#[derive(Clone, Copy)]
pub struct Command<'a> {
    pub argv: Argv<'a>,
    /// The database that is selected; for SELECT itself, the one it selects.
    pub database: u32,
    pub role: Role,
    /// Where the command ends in the stream. In a base file: the LSN of the base.
    pub end_lsn: Lsn,
    /// The file among [`Recovery::parts`], and the place in it.
    pub part: usize,
    pub offset: u64,
    /// The time of the last `#TS:` line before it, if there is one: unix seconds.
    pub unix_secs: Option<i64>,
}

/// What a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A change by itself.
    Single,
    /// Begins a transaction; its EXEC follows for certain.
    Multi,
    /// A change inside a transaction.
    Member,
    /// Ends a transaction.
    Exec,
    /// Changes the database and no data.
    Select,
}

/// The commands of a log; see [`Recovery::commands`].
pub struct Commands<'r> {
    storage: &'r dyn Storage,
    parts: &'r [Part],
    /// The part being read.
    part: usize,
    window: Option<Window>,
    at: u64,
    /// Where the group ends whose line was read last.
    group_end: u64,
    lsn: Lsn,
    database: u32,
    unix_secs: Option<i64>,
    in_multi: bool,
    spans: Vec<Span>,
}

impl Recovery {
    /// All commands, in order. Call [`Commands::advance`] until it returns `None`.
    pub fn commands<'r>(&'r self, storage: &'r dyn Storage) -> Commands<'r> {
        Commands {
            storage,
            parts: &self.parts,
            part: 0,
            window: None,
            at: 0,
            group_end: 0,
            lsn: 0,
            database: 0,
            unix_secs: None,
            in_multi: false,
            spans: Vec::new(),
        }
    }
}

impl Commands<'_> {
    /// The next command.
    pub fn advance(&mut self) -> Result<Option<Command<'_>>, Trouble> {
        loop {
            let Some(part) = self.parts.get(self.part) else {
                return Ok(None);
            };
            self.enter(part)?;
            if self.at == part.end {
                self.leave(part)?;
                continue;
            }
            if self.at < part.framed_end && self.at == self.group_end {
                self.read_line(part)?;
                continue;
            }
            let window = self.window.as_mut().expect("entered");
            let (bytes, parsed) = parse_at(window, self.at, &mut self.spans)?;
            match parsed {
                Parsed::Command(len) => return self.command(part, len).map(Some),
                Parsed::Remark(len) if self.at >= part.framed_end => {
                    let time = timestamp(bytes).map(|(time, _)| time);
                    self.at += len as u64;
                    self.note_time(time);
                }
                _ => return Err(self.damaged(part, "no command begins")),
            }
        }
    }

    /// Bytes of the present file that have been read, and its number: for progress.
    pub fn position(&self) -> (usize, u64) {
        (self.part, self.at)
    }

    fn enter(&mut self, part: &Part) -> Result<(), Trouble> {
        if self.window.is_none() {
            self.window = Some(Window::open(self.storage, &part.path)?);
            self.at = part.start;
            self.group_end = part.start;
            self.lsn = part.first_lsn;
            // Each file begins in database 0, with its own SELECT.
            self.database = 0;
        }
        Ok(())
    }

    fn leave(&mut self, part: &Part) -> Result<(), Trouble> {
        if self.in_multi {
            return Err(self.damaged(part, "a MULTI without its EXEC"));
        }
        self.window = None;
        self.part += 1;
        Ok(())
    }

    fn read_line(&mut self, part: &Part) -> Result<(), Trouble> {
        if self.in_multi {
            return Err(self.damaged(part, "a MULTI without its EXEC in its group"));
        }
        let window = self.window.as_mut().expect("entered");
        let found = Frame::decode(window.at(self.at, LINE_BYTES_MAX)?).ok();
        let Some((frame, line_bytes)) = found.filter(|(frame, _)| frame.lsn == self.lsn) else {
            return Err(self.damaged(part, "the file changed while it was read"));
        };
        let group = self.at + line_bytes as u64;
        if group + frame.len > part.framed_end || !window.passes(&frame, group)? {
            return Err(self.damaged(part, "the file changed while it was read"));
        }
        self.at = group;
        self.group_end = group + frame.len;
        self.note_time(frame.time);
        Ok(())
    }

    fn note_time(&mut self, unix_secs: Option<u64>) {
        let unix_secs = unix_secs.and_then(|secs| i64::try_from(secs).ok());
        self.unix_secs = unix_secs.or(self.unix_secs);
    }

    fn command(&mut self, part: &Part, len: usize) -> Result<Command<'_>, Trouble> {
        let offset = self.at;
        let end = offset + len as u64;
        let bound = if offset < part.framed_end {
            self.group_end
        } else {
            part.end
        };
        if end > bound {
            return Err(self.damaged(part, "a command reaches beyond its group"));
        }
        let window = self.window.as_mut().expect("entered");
        let argv = Argv::new(window.at(offset, len)?, &self.spans);
        let (alone, selected) = (role(argv.name()), selected(&argv));
        let role = match (alone, self.in_multi) {
            (Role::Single, true) => Role::Member,
            (Role::Multi, true) => return Err(self.damaged(part, "a MULTI inside of a MULTI")),
            (Role::Exec, false) => return Err(self.damaged(part, "an EXEC without its MULTI")),
            (role, _) => role,
        };
        if role == Role::Select {
            let selected = selected.ok_or_else(|| self.damaged(part, "a SELECT of no database"));
            self.database = selected?;
        }
        self.in_multi = match role {
            Role::Multi => true,
            Role::Exec => false,
            _ => self.in_multi,
        };
        self.at = end;
        if part.seq != 0 {
            self.lsn += len as u64;
        }
        let window = self.window.as_mut().expect("entered");
        Ok(Command {
            argv: Argv::new(window.at(offset, len)?, &self.spans),
            database: self.database,
            role,
            end_lsn: self.lsn,
            part: self.part,
            offset,
            unix_secs: self.unix_secs,
        })
    }

    fn damaged(&self, part: &Part, what: &str) -> Trouble {
        Trouble::new(Kind::Damaged, &part.path, what).at(self.at)
    }
}

fn role(name: &[u8]) -> Role {
    match name.len() {
        4 if name.eq_ignore_ascii_case(b"exec") => Role::Exec,
        5 if name.eq_ignore_ascii_case(b"multi") => Role::Multi,
        6 if name.eq_ignore_ascii_case(b"select") => Role::Select,
        _ => Role::Single,
    }
}

/// The database that a SELECT names.
fn selected(argv: &Argv<'_>) -> Option<u32> {
    let number = argv.get(1).filter(|_| argv.len() == 2)?;
    u32::try_from(base::parse_u64(number)?).ok()
}
