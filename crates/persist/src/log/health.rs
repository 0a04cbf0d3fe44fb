//! Whether a log is written, and if not, why.
//!
//! ```text
//!              a write or sync fails             switch_off
//!   Well ───────────────────────────► Down ◄──────────────────── Well
//!    ▲                                 │ ▲
//!    │ adopt_base                rotate│ │ anything fails, switch_off
//!    └─────────────── Rising ◄─────────┘ │
//!                        └───────────────┘
//! ```
//!
//! A log that is down comes up with a new generation of files: its incremental file is written
//! from the snapshot's cut on, but no manifest lists it before the base is there. So until then a
//! crash leaves what a crash would have left before.

use super::Lsn;
use super::manifest::Entry;
use crate::error::Trouble;

/// May the present file be written?
#[derive(Clone, Debug)]
pub(super) enum Health {
    Well,
    Down(Down),
    Rising(Rising),
}

/// Why nothing is written.
#[derive(Clone, Debug)]
pub(super) enum Down {
    /// Nobody wants a log.
    Off,
    Broken(Trouble),
}

/// A file that is written and not listed.
#[derive(Clone, Debug)]
pub(super) struct Rising {
    /// What the log is again if this fails.
    pub from: Down,
    pub entry: Entry,
    /// Where it begins, which is where its base must have been taken.
    pub lsn: Lsn,
}

/// What a log does, for those who use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// It is written.
    Open,
    /// It will be written when there is room again.
    Full,
    /// A write or a sync has failed: nothing more can be written.
    Broken,
    /// There is none: what is appended is forgotten.
    Off,
    /// It was off, and a new generation is written that no restart would read yet.
    Rising,
}

impl State {
    pub(super) fn of(number: u8) -> State {
        match number {
            0 => State::Open,
            1 => State::Full,
            2 => State::Broken,
            3 => State::Off,
            _ => State::Rising,
        }
    }
}

impl Health {
    pub(super) fn is_well(&self) -> bool {
        matches!(self, Health::Well)
    }

    pub(super) fn is_rising(&self) -> bool {
        matches!(self, Health::Rising(_))
    }
}

impl Down {
    pub(super) fn state(&self) -> State {
        match self {
            Down::Off => State::Off,
            Down::Broken(_) => State::Broken,
        }
    }
}
