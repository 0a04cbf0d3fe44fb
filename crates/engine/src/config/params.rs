//! The table of parameters: one row each, from which CONFIG GET and SET, the file, the command line, REWRITE and
//! the manual all follow.
//!
//! ```text
//!  "timeout",  Integer(0, INT_MAX),  "0",  Modifiable,  Live;
//!   name       kind: what values     what  when it may  whether anything here
//!              it takes, and how     it    change       listens to it
//!              they are written      is
//! ```
//!
//! The rows are those of Redis 7.2 (names, aliases, ranges, defaults), plus the few that are ours. They are grouped by
//! theme, one file per theme, and put together at compile time into [`PARAMS`], whose order is the order of a
//! [`super::Config`]'s values.
//!
//! Invariants (a test each): names and aliases are unique and in lower case; every default is a legal value of its
//! kind; the rows whose [`Meaning::is_read`] are exactly those that [`super::Live`] reads.

use super::value::Kind;
use std::fmt;

/// Writes a theme's rows one per line, which the formatter would not leave so: a list of
/// `name [| alias], kind, default, mutability [and marks], meaning;`.
macro_rules! rows {
    ($(
        $name:literal $(| $alias:literal)?, $kind:expr, $default:expr,
        $change:ident $(+ $mark:ident)*, $meaning:expr;
    )+) => {
        pub const ROWS: &[super::Param] = &[$(
            super::Param::row($name, $kind, $default, super::Mutability::$change, $meaning)
                $(.alias($alias))?
                $(.$mark())*,
        )+];
    };
}

mod clients;
mod cluster;
mod collections;
mod memory;
mod monitoring;
mod network;
mod persistence;
mod process;
mod replication;
mod scripting;
mod security;
mod threads;
mod tls;

/// One configuration parameter.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Its name, in lower case.
    pub name: &'static str,
    /// Its former name, answered and accepted all the same.
    pub alias: Option<&'static str>,
    /// Which values it takes.
    pub kind: Kind,
    /// Its value when nothing else is said, as text.
    pub default: &'static str,
    /// When it may change.
    pub mutability: Mutability,
    /// Left out of CONFIG GET with a pattern: a switch for tests.
    pub hidden: bool,
    /// A secret: kept out of logs and of the slow log.
    pub sensitive: bool,
    /// Refused by CONFIG SET while the data set is being loaded.
    pub settled_by_load: bool,
    /// Whether anything listens to it.
    pub meaning: Meaning,
}

/// When a parameter may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutability {
    /// At any time.
    Modifiable,
    /// At the start only: by file, environment or command line.
    Immutable,
    /// By CONFIG SET only where `enable-protected-configs` lets the client.
    Protected,
}

/// Whether anything listens to a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It does what it says.
    Live,
    /// Something looks at it, but not all of it is in effect, as said here.
    Partly(&'static str),
    /// It belongs to something that is not there yet; kept and answered meanwhile.
    Later,
    /// It will never do anything here, for this reason; kept and answered so that configurations carry over.
    Accepted(&'static str),
}

/// The parameters of one theme.
pub struct Theme {
    pub name: &'static str,
    pub rows: &'static [Param],
}

/// All parameters, by theme.
pub const THEMES: &[Theme] = &[
    Theme {
        name: "network",
        rows: network::ROWS,
    },
    Theme {
        name: "clients",
        rows: clients::ROWS,
    },
    Theme {
        name: "security",
        rows: security::ROWS,
    },
    Theme {
        name: "tls",
        rows: tls::ROWS,
    },
    Theme {
        name: "process",
        rows: process::ROWS,
    },
    Theme {
        name: "threads",
        rows: threads::ROWS,
    },
    Theme {
        name: "memory",
        rows: memory::ROWS,
    },
    Theme {
        name: "collections",
        rows: collections::ROWS,
    },
    Theme {
        name: "persistence",
        rows: persistence::ROWS,
    },
    Theme {
        name: "replication",
        rows: replication::ROWS,
    },
    Theme {
        name: "cluster",
        rows: cluster::ROWS,
    },
    Theme {
        name: "scripting",
        rows: scripting::ROWS,
    },
    Theme {
        name: "monitoring",
        rows: monitoring::ROWS,
    },
];

/// All parameters, theme after theme.
pub static PARAMS: [Param; COUNT] = {
    let mut all = [THEMES[0].rows[0]; COUNT];
    let (mut theme, mut at) = (0, 0);
    while theme < THEMES.len() {
        let mut row = 0;
        while row < THEMES[theme].rows.len() {
            all[at] = THEMES[theme].rows[row];
            row += 1;
            at += 1;
        }
        theme += 1;
    }
    all
};

/// A parameter found by name.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// Its place in [`PARAMS`].
    pub index: usize,
    pub param: &'static Param,
    /// The name or alias it was found by, as the table spells it.
    pub spelling: &'static str,
}

/// Finds a parameter by its name or alias, whatever the case.
pub fn find(name: &[u8]) -> Option<Found> {
    // Some two hundred short comparisons, most decided by the length: no index is worth its upkeep.
    PARAMS.iter().enumerate().find_map(|(index, param)| {
        let spelling = param
            .spellings()
            .find(|s| base::eq_ignore_case(s.as_bytes(), name))?;
        Some(Found {
            index,
            param,
            spelling,
        })
    })
}

/// The name or alias that a mistyped one was most likely meant to be.
pub fn nearest(mistyped: &[u8]) -> Option<&'static str> {
    let typed = mistyped.to_ascii_lowercase();
    // Longer than any name, or so short that anything is near it.
    if !(3..=64).contains(&typed.len()) {
        return None;
    }
    let shown = PARAMS.iter().filter(|param| !param.hidden);
    let near = shown
        .flat_map(Param::spellings)
        .map(|s| (edits(&typed, s.as_bytes()), s));
    near.min()
        .filter(|(edits, _)| *edits <= 1 + typed.len() / 5)
        .map(|(_, spelling)| spelling)
}

impl Param {
    /// Its name, then its alias if it has one.
    pub fn spellings(&self) -> impl Iterator<Item = &'static str> + use<> {
        std::iter::once(self.name).chain(self.alias)
    }

    const fn row(
        name: &'static str,
        kind: Kind,
        default: &'static str,
        mutability: Mutability,
        meaning: Meaning,
    ) -> Param {
        Param {
            name,
            alias: None,
            kind,
            default,
            mutability,
            hidden: false,
            sensitive: false,
            settled_by_load: false,
            meaning,
        }
    }

    const fn alias(mut self, alias: &'static str) -> Param {
        self.alias = Some(alias);
        self
    }

    const fn hidden(mut self) -> Param {
        self.hidden = true;
        self
    }

    const fn sensitive(mut self) -> Param {
        self.sensitive = true;
        self
    }

    const fn settled_by_load(mut self) -> Param {
        self.settled_by_load = true;
        self
    }
}

impl Meaning {
    /// Does [`super::Live`] read it?
    pub fn is_read(self) -> bool {
        matches!(self, Meaning::Live | Meaning::Partly(_))
    }
}

impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Meaning::Live => f.write_str("in effect"),
            Meaning::Partly(how) => write!(f, "partly in effect: {how}"),
            Meaning::Later => f.write_str("accepted, not in effect yet"),
            Meaning::Accepted(why) => write!(f, "accepted, no effect: {why}"),
        }
    }
}

/// How many bytes to insert, remove, replace or swap with their neighbour to make one text of the other.
fn edits(from: &[u8], to: &[u8]) -> usize {
    // Three rows of the table of distances between all beginnings of the two: the one before last, the last, this.
    let (mut older, mut last) = (Vec::new(), (0..=to.len()).collect::<Vec<_>>());
    for (at, byte) in from.iter().enumerate() {
        let mut row = vec![at + 1];
        for (column, wanted) in to.iter().enumerate() {
            let replaced = last[column] + usize::from(byte != wanted);
            let mut least = replaced.min(last[column + 1] + 1).min(row[column] + 1);
            if at > 0 && column > 0 && (byte, &from[at - 1]) == (&to[column - 1], wanted) {
                least = least.min(older[column - 1] + 1);
            }
            row.push(least);
        }
        older = std::mem::replace(&mut last, row);
    }
    last[to.len()]
}

/// The largest value of C's `int`, where Redis keeps many of its numbers.
const INT_MAX: i64 = i32::MAX as i64;
/// The largest value of C's `long`.
const LONG_MAX: i64 = i64::MAX;
/// The same as an amount of memory.
const LONG_MAX_BYTES: u64 = i64::MAX as u64;

const COUNT: usize = {
    let (mut count, mut theme) = (0, 0);
    while theme < THEMES.len() {
        count += THEMES[theme].rows.len();
        theme += 1;
    }
    count
};
