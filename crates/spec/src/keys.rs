//! Key specs: which words of a command line are keys, and what the command does to them.
//!
//! A spec first finds where keys begin, then which of the words from there on are keys:
//!
//! ```text
//!   MSET k1 v1 k2 v2             Index(1)            Range { last: -1, step: 2 }
//!        ^^    ^^
//!   MSETEX 2 k1 v1 k2 v2 XX      Index(1)            KeyNum { keynum_index: 0, first: 1, step: 2 }
//!          # ^^    ^^
//!   XREAD COUNT 5 STREAMS a b 0 0    Keyword "STREAMS" from 1    Range { last: -1, limit: 2 }
//!                         ^ ^
//! ```
//!
//! Positions count words of the whole command line, the command's name being word 0 (so the key of
//! `OBJECT ENCODING key` is word 2). [`keys_of`] reads the specs for one call; the lock stage, the
//! ACL check, the cluster and `COMMAND GETKEYS` all ask it and nothing else.
//!
//! Specs say the worst case. Where the truth depends on an option (`SET ... GET` reads the old
//! value, plain `SET` does not) or keys cannot be described at all (`SORT ... STORE`), the command
//! brings a function of its own, see [`FindKeys`], which then answers in place of the specs.
//!
//! Nothing here trusts its input: a bad count of keys, or keys beyond the end of the line, is a
//! [`KeysError`], found before anything is reserved for them.

use std::fmt;
use std::ops::BitOr;

use crate::flags::Flags;
use crate::spec::Spec;

/// What a command does to a key. Exactly one of `RO`, `RW`, `OW`, `RM` says what happens to the
/// entry; `ACCESS`, `UPDATE`, `INSERT`, `DELETE` say what happens to the user's data in it.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyFlags(u16);

impl KeyFlags {
    pub const NONE: KeyFlags = KeyFlags(0);
    /// Leaves the entry as it is.
    pub const RO: KeyFlags = KeyFlags(1 << 0);
    /// Changes the entry, looking at what was there.
    pub const RW: KeyFlags = KeyFlags(1 << 1);
    /// Puts a new value in place, whatever was there.
    pub const OW: KeyFlags = KeyFlags(1 << 2);
    /// Removes the entry.
    pub const RM: KeyFlags = KeyFlags(1 << 3);
    /// Data of the value is returned, copied or decides the outcome. Lengths and types are not data.
    pub const ACCESS: KeyFlags = KeyFlags(1 << 4);
    /// Changes data; the new value may depend on the old one.
    pub const UPDATE: KeyFlags = KeyFlags(1 << 5);
    /// Only ever adds data.
    pub const INSERT: KeyFlags = KeyFlags(1 << 6);
    /// Takes out data that the caller asked to take out.
    pub const DELETE: KeyFlags = KeyFlags(1 << 7);
    /// Not a key, but routed to a slot as if it were one (a shard channel).
    pub const NOT_KEY: KeyFlags = KeyFlags(1 << 8);
    /// The spec may miss keys.
    pub const INCOMPLETE: KeyFlags = KeyFlags(1 << 9);
    /// The access depends on options; the spec gives the strongest.
    pub const VARIABLE_FLAGS: KeyFlags = KeyFlags(1 << 10);

    /// Returns the value or a part of it.
    pub const READ: KeyFlags = KeyFlags::RO.with(KeyFlags::ACCESS);
    /// Computes a new value from the old one and tells something of it.
    pub const MODIFY: KeyFlags = KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE);
    /// Replaces the value unseen.
    pub const REPLACE: KeyFlags = KeyFlags::OW.with(KeyFlags::UPDATE);

    /// Hands the value out, or on, and the entry goes away.
    pub const TAKE: KeyFlags = KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE);

    /// Both sets together.
    pub const fn with(self, other: KeyFlags) -> KeyFlags {
        KeyFlags(self.0 | other.0)
    }

    /// True when every flag of `other` is here.
    pub const fn contains(self, other: KeyFlags) -> bool {
        self.0 & other.0 == other.0
    }

    /// True when at least one flag of `other` is here.
    pub const fn intersects(self, other: KeyFlags) -> bool {
        self.0 & other.0 != 0
    }

    /// True when the entry may be changed or removed: such keys need the exclusive lock.
    pub const fn writes(self) -> bool {
        self.intersects(KeyFlags::RW.with(KeyFlags::OW).with(KeyFlags::RM))
    }

    /// Names as `COMMAND GETKEYSANDFLAGS` and the key specs of `COMMAND INFO` list them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        LISTED
            .iter()
            .enumerate()
            .filter(move |(bit, _)| self.0 & (1 << bit) != 0)
            .map(|(_, &name)| name)
    }
}

/// `LISTED[i]` belongs to bit `i`; this is also the order on the wire.
const LISTED: [&str; 11] = [
    "RO",
    "RW",
    "OW",
    "RM",
    "access",
    "update",
    "insert",
    "delete",
    "not_key",
    "incomplete",
    "variable_flags",
];

impl BitOr for KeyFlags {
    type Output = KeyFlags;

    fn bitor(self, other: KeyFlags) -> KeyFlags {
        self.with(other)
    }
}

impl fmt::Debug for KeyFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// Where to begin to look for keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At this word.
    Index(i16),
    /// At the word after `word` (any letter case). The search starts at word `start_from` and goes
    /// right; a negative one counts from the end of the line and goes left. No such word, no keys.
    Keyword { word: &'static str, start_from: i16 },
    /// Not expressible. Only [`Find::Unknown`] goes with it.
    Unknown,
}

/// Which words are keys, from the beginning on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Find {
    /// Every `step`th word up to `last`: at or above zero it counts from the first key, below zero
    /// from the end of the line (-1 is the last word). `limit` of 2 or more goes with -1 and means
    /// that only the first half (third, ...) of the remaining words are keys; 0 and 1 mean all.
    Range { last: i16, step: i16, limit: i16 },
    /// A word says how many keys there are. `keynum_index` and `first` count from the beginning:
    /// where the number is, and where the first key is.
    KeyNum {
        keynum_index: i16,
        first: i16,
        step: i16,
    },
    /// Not expressible.
    Unknown,
}

/// One group of keys with the same access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySpec {
    pub begin: Begin,
    pub find: Find,
    pub access: KeyFlags,
    /// Why the access is what it is, where that needs a word.
    pub notes: Option<&'static str>,
}

impl KeySpec {
    /// One key, at word `index`.
    pub const fn at(index: i16, access: KeyFlags) -> KeySpec {
        KeySpec::range(Begin::Index(index), 0, 1, access)
    }

    /// Keys from word `index` to the end of the line, every `step`th word.
    pub const fn rest(index: i16, step: i16, access: KeyFlags) -> KeySpec {
        KeySpec::range(Begin::Index(index), -1, step, access)
    }

    /// A number of keys at word `index`, then the keys, every `step`th word.
    pub const fn counted(index: i16, step: i16, access: KeyFlags) -> KeySpec {
        let find = Find::KeyNum {
            keynum_index: 0,
            first: 1,
            step,
        };
        KeySpec {
            begin: Begin::Index(index),
            find,
            access,
            notes: None,
        }
    }

    /// Keys from `begin` to `last` (see [`Find::Range`]), every `step`th word.
    pub const fn range(begin: Begin, last: i16, step: i16, access: KeyFlags) -> KeySpec {
        KeySpec {
            begin,
            find: Find::Range {
                last,
                step,
                limit: 0,
            },
            access,
            notes: None,
        }
    }

    /// Keys that no spec can point at; the command's [`FindKeys`] does.
    pub const fn unknown(access: KeyFlags) -> KeySpec {
        KeySpec {
            begin: Begin::Unknown,
            find: Find::Unknown,
            access,
            notes: None,
        }
    }

    pub const fn note(mut self, why: &'static str) -> KeySpec {
        self.notes = Some(why);
        self
    }
}

/// A key of one call: which word it is and what happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyAt {
    /// Word of the command line, the command's name being word 0.
    pub index: usize,
    pub access: KeyFlags,
}

/// Why the keys of a call cannot be told. The handler would refuse the same line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysError {
    /// The number of keys is not a number, is negative, or is zero where a key is needed.
    BadCount,
    /// The line ends before its keys do.
    OutOfRange,
    /// The specs of this command cannot point at its keys.
    Unknown,
}

impl fmt::Display for KeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeysError::BadCount => "the number of keys is not usable",
            KeysError::OutOfRange => "the line ends before its keys do",
            KeysError::Unknown => "the keys of this command cannot be told from its words",
        })
    }
}

impl std::error::Error for KeysError {}

/// A command's own way to find its keys, with the contract of [`keys_of`]. `argc` already agrees
/// with the arity. On an error it may leave keys behind; [`keys_of`] removes them.
pub type FindKeys = for<'a> fn(
    argc: usize,
    arg: &dyn Fn(usize) -> &'a [u8],
    out: &mut Vec<KeyAt>,
) -> Result<(), KeysError>;

/// Appends the keys of one call to `out`, in the order of the specs; on an error `out` is as before.
///
/// `argc` counts all words, `arg(i)` is word `i` below `argc`. The caller has checked the arity
/// ([`Spec::arity_ok`]); if not, the answer may be [`KeysError::OutOfRange`], never a panic.
/// A container's subcommand is asked through its own spec, with the whole line. Shard channels and
/// other things that only look like keys are left out.
pub fn keys_of<'a>(
    spec: &Spec,
    argc: usize,
    arg: &dyn Fn(usize) -> &'a [u8],
    out: &mut Vec<KeyAt>,
) -> Result<(), KeysError> {
    let before = out.len();
    let found = match spec.find_keys {
        Some(_) if argc < spec.argc_min() => Err(KeysError::OutOfRange),
        Some(find_keys) => find_keys(argc, arg, out),
        None => spec
            .keys
            .iter()
            .try_for_each(|key| locate(spec, key, argc, arg, out)),
    };
    if found.is_err() {
        out.truncate(before);
    }
    found
}

/// Appends the keys of one key spec.
fn locate<'a>(
    spec: &Spec,
    key: &KeySpec,
    argc: usize,
    arg: &dyn Fn(usize) -> &'a [u8],
    out: &mut Vec<KeyAt>,
) -> Result<(), KeysError> {
    if key.access.contains(KeyFlags::NOT_KEY) {
        return Ok(());
    }
    let begin = match key.begin {
        Begin::Index(index) => i64::from(index),
        Begin::Keyword { word, start_from } => match after_keyword(word, start_from, argc, arg) {
            Some(index) => index,
            None => return Ok(()),
        },
        Begin::Unknown => return Err(KeysError::Unknown),
    };
    let Span { first, last, step } = match span(key.find, begin, argc, arg)? {
        Some(span) => span,
        None if spec.flags.contains(Flags::NO_MANDATORY_KEYS) => return Ok(()),
        None => return Err(KeysError::BadCount),
    };
    if first > last || last >= argc as i64 {
        return Err(KeysError::OutOfRange);
    }
    debug_assert!(first > 0 && step > 0, "the table's own tests see to it");
    for index in (first..=last).step_by(step as usize) {
        let (index, access) = (index as usize, key.access);
        out.push(KeyAt { index, access });
    }
    match key.access.contains(KeyFlags::INCOMPLETE) {
        true => Err(KeysError::Unknown),
        false => Ok(()),
    }
}

/// First key, last key (or a word behind it that is not a step away), and the words between two.
/// Not yet compared with the length of the line.
struct Span {
    first: i64,
    last: i64,
    step: i16,
}

/// The words that a [`Find`] points at; `None` when the line says that there are no keys.
fn span<'a>(
    find: Find,
    begin: i64,
    argc: usize,
    arg: &dyn Fn(usize) -> &'a [u8],
) -> Result<Option<Span>, KeysError> {
    let words = argc as i64;
    let (first, last, step) = match find {
        Find::Range { last, step, limit } => {
            let last = match (last, limit) {
                (0.., _) => begin + i64::from(last),
                (_, ..=1) => words + i64::from(last),
                _ => begin + (words - begin) / i64::from(limit) + i64::from(last),
            };
            (begin, last, step)
        }
        Find::KeyNum {
            keynum_index,
            first,
            step,
        } => {
            let at = begin + i64::from(keynum_index);
            if at >= words {
                return Err(KeysError::OutOfRange);
            }
            let count = count_of_keys(arg(at as usize)).ok_or(KeysError::BadCount)?;
            if count == 0 {
                return Ok(None);
            }
            let first = begin + i64::from(first);
            (first, first + (count - 1) * i64::from(step), step)
        }
        Find::Unknown => return Err(KeysError::Unknown),
    };
    Ok(Some(Span { first, last, step }))
}

/// The word after the keyword. The last word of the line is never taken for it: no key could follow.
fn after_keyword<'a>(
    word: &str,
    start_from: i16,
    argc: usize,
    arg: &dyn Fn(usize) -> &'a [u8],
) -> Option<i64> {
    let is_word = |index: &usize| arg(*index).eq_ignore_ascii_case(word.as_bytes());
    let found = match usize::try_from(start_from) {
        Ok(start) => (start.max(1)..argc.saturating_sub(1)).find(is_word),
        Err(_) => {
            let end = (argc + 1).saturating_sub(usize::from(start_from.unsigned_abs()));
            (1..end).rev().find(is_word)
        }
    };
    found.map(|index| index as i64 + 1)
}

/// A count of keys, in the strict form that handlers accept: decimal digits without leading zeros.
/// The bound of nine digits keeps the arithmetic above from overflowing; no line is that long.
fn count_of_keys(text: &[u8]) -> Option<i64> {
    let canonical = text == b"0" || text.first().is_some_and(|first| *first != b'0');
    if !canonical || text.len() > 9 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(
        text.iter()
            .fold(0, |count, digit| count * 10 + i64::from(digit - b'0')),
    )
}

#[cfg(test)]
pub(crate) mod tests;
