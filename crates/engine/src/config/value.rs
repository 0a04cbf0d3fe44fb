//! Values: what a parameter of each kind may be, read from text and written back.
//!
//! ```text
//!   words ──Kind::parse──► Value ──text()───────► what CONFIG GET answers      "67108864"
//!                            │
//!                            └──directives()────► lines of a configuration     "maxmemory 64mb"
//! ```
//!
//! Invariant: a value's directives, read again, give the same value; so does its text, if it has no line breaks to
//! lose. Values are canonical, so equal settings compare equal: `1gb` is 1073741824, `relative` is `yes`.
//!
//! Nothing is looked up outside: whether a directory exists or a port is free is for whoever puts the value into
//! effect.

mod addresses;
mod keyspace_events;
mod numbers;
mod output_limits;
mod percentiles;
mod primary;
pub(super) mod rules;
mod save_points;

pub use addresses::BindAddress;
pub use keyspace_events::KeyspaceEvents;
pub use output_limits::{OutputLimit, OutputLimits};
pub use primary::Primary;
pub use save_points::SavePoint;

use super::error::Reason;
use numbers::{integer, memory, memory_or_percent, octal, oom_scores};
use std::fmt;

/// Which values a parameter takes. Bounds are inclusive.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `yes` or `no`.
    Bool,
    /// `yes` or `no`, with an objection to one of them.
    Switch(fn(bool) -> Result<(), Reason>),
    /// A whole number.
    Integer(i64, i64),
    /// File permissions: an octal number up to this.
    Octal(u32),
    /// An amount in bytes; units such as `64mb` are read.
    Memory(u64, u64),
    /// An amount in bytes, or a percentage of `maxmemory`.
    MemoryOrPercent,
    /// One of these words; `a=b` is another name for `b`.
    Choice(&'static [&'static str]),
    /// What a signal does: some of the options of SHUTDOWN.
    ShutdownFlags,
    /// Any bytes that the rule lets pass.
    Text(fn(&[u8]) -> Result<(), Reason>),
    /// The working directory.
    Directory,
    /// Addresses to listen on.
    Addresses,
    /// Pairs of seconds and changes.
    SavePoints,
    /// Reply buffer limits per class of clients. Classes left out keep theirs.
    OutputLimits,
    /// Which keyspace notifications are sent.
    KeyspaceEvents,
    /// Three weights for the kernel's out-of-memory killer.
    OomScores,
    /// Percentiles that INFO shows.
    Percentiles,
    /// The node to copy: host and port, or `no one`.
    Primary,
}

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Bool(bool),
    Integer(i64),
    Octal(u32),
    Bytes(u64),
    /// Percent of `maxmemory`.
    Percent(u8),
    Choice(&'static str),
    /// At least one word, in the order of the table.
    Flags(Box<[&'static str]>),
    Text(Box<[u8]>),
    Addresses(Box<[BindAddress]>),
    SavePoints(Box<[SavePoint]>),
    OutputLimits(OutputLimits),
    KeyspaceEvents(KeyspaceEvents),
    OomScores([i16; 3]),
    /// Each within 0 to 100, at most six decimals.
    Percentiles(Box<[f64]>),
    Primary(Option<Primary>),
}

/// The options of SHUTDOWN that a signal may stand for. The first means none of the others.
const SHUTDOWN_WORDS: &[&str] = &["default", "save", "nosave", "now", "force"];

impl Kind {
    /// Whether the value is a list of words, which a file or a command line may give as separate arguments.
    pub fn takes_words(self) -> bool {
        matches!(
            self,
            Kind::ShutdownFlags
                | Kind::Addresses
                | Kind::SavePoints
                | Kind::OutputLimits
                | Kind::OomScores
                | Kind::Percentiles
                | Kind::Primary
        )
    }

    /// Reads a value: exactly one word, or any number if the kind [takes words](Kind::takes_words).
    /// `before` is the value that it will replace, which lends what the new one leaves unsaid.
    pub fn parse(self, words: &[&[u8]], before: Option<&Value>) -> Result<Value, Reason> {
        Ok(match self {
            Kind::SavePoints => Value::SavePoints(save_points::parse(words)?),
            Kind::Addresses => Value::Addresses(addresses::parse(words)?),
            Kind::OomScores => Value::OomScores(oom_scores(words)?),
            Kind::Percentiles => Value::Percentiles(percentiles::parse(words)?),
            Kind::Primary => Value::Primary(Primary::parse(words)?),
            Kind::ShutdownFlags => Value::Flags(shutdown_flags(words)?),
            Kind::OutputLimits => {
                let kept = match before {
                    Some(Value::OutputLimits(limits)) => *limits,
                    _ => OutputLimits::default(),
                };
                Value::OutputLimits(kept.with(words)?)
            }
            _ => {
                let &[word] = words else {
                    return Err("wrong number of arguments".into());
                };
                self.parse_word(word)?
            }
        })
    }

    fn parse_word(self, word: &[u8]) -> Result<Value, Reason> {
        Ok(match self {
            Kind::Bool => Value::Bool(yes_or_no(word)?),
            Kind::Switch(rule) => {
                let on = yes_or_no(word)?;
                rule(on)?;
                Value::Bool(on)
            }
            Kind::Integer(least, most) => Value::Integer(integer(word, least, most)?),
            Kind::Octal(most) => Value::Octal(octal(word, most)?),
            Kind::Memory(least, most) => Value::Bytes(memory(word, least, most)?),
            Kind::MemoryOrPercent => memory_or_percent(word)?,
            Kind::Choice(words) => {
                Value::Choice(choice(words, word).ok_or_else(|| not_among(words))?)
            }
            Kind::Text(rule) => {
                rule(word)?;
                Value::Text(word.into())
            }
            Kind::Directory => {
                rules::any(word)?;
                if word.is_empty() {
                    return Err("No such file or directory".into());
                }
                Value::Text(word.into())
            }
            Kind::KeyspaceEvents => Value::KeyspaceEvents(KeyspaceEvents::parse(word)?),
            _ => unreachable!("kinds of several words are read elsewhere"),
        })
    }
}

impl fmt::Display for Kind {
    /// What to write for it, as a noun: "a whole number from 0 to 65535".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = match self {
            Kind::Bool | Kind::Switch(_) => "yes or no",
            Kind::Integer(least, most) => {
                return write!(f, "a whole number from {least} to {most}");
            }
            Kind::Octal(most) => return write!(f, "an octal number from 0 to {most:o}"),
            Kind::Memory(least, most) => {
                return write!(
                    f,
                    "an amount of memory such as 64mb, from {least} to {most} bytes"
                );
            }
            Kind::MemoryOrPercent => "an amount of memory such as 64mb, or a percentage such as 5%",
            Kind::Choice(words) => return write!(f, "one of {}", names(words).join(", ")),
            Kind::ShutdownFlags => "default, or any of save, nosave, now, force",
            Kind::Text(_) => "one text, in quotes if it has blanks",
            Kind::Directory => "the path of a directory",
            Kind::Addresses => "addresses, each with a leading - if it may be missing",
            Kind::SavePoints => "pairs of seconds and changes, or \"\"",
            Kind::OutputLimits => {
                "a class (normal, replica, pubsub), hard bytes, soft bytes, seconds"
            }
            Kind::KeyspaceEvents => "letters of Ag$lshzxeKEtmdn, or \"\"",
            Kind::OomScores => "three numbers from -2000 to 2000",
            Kind::Percentiles => "numbers from 0 to 100, or \"\"",
            Kind::Primary => "a host and a port, or no one",
        };
        f.write_str(noun)
    }
}

impl Value {
    /// The value as CONFIG GET answers it.
    pub fn text(&self) -> Vec<u8> {
        match self {
            Value::Bool(on) => if *on { "yes" } else { "no" }.into(),
            Value::Integer(number) => number.to_string().into(),
            Value::Octal(number) => format!("{number:o}").into(),
            Value::Bytes(bytes) => bytes.to_string().into(),
            Value::Percent(percent) => format!("{percent}%").into(),
            Value::Choice(word) => (*word).into(),
            Value::Flags(words) => words.join(" ").into(),
            Value::Text(text) => text.to_vec(),
            Value::Addresses(addresses) => joined(addresses.iter()).into(),
            Value::SavePoints(points) => joined(points.iter()).into(),
            Value::OutputLimits(limits) => limits.to_string().into(),
            Value::KeyspaceEvents(events) => events.to_string().into(),
            Value::OomScores(scores) => joined(scores.iter()).into(),
            Value::Percentiles(list) => joined(list.iter().map(|p| percentiles::shown(*p))).into(),
            Value::Primary(None) => Vec::new(),
            Value::Primary(Some(primary)) => primary.text(),
        }
    }

    /// The lines of a configuration, without line breaks, that give the parameter `name` this value.
    pub fn directives(&self, name: &str) -> Vec<Vec<u8>> {
        let line = |value: &[u8]| [name.as_bytes(), b" ", value].concat();
        let words = match self {
            Value::SavePoints(points) if !points.is_empty() => {
                return points
                    .iter()
                    .map(|p| line(p.to_string().as_bytes()))
                    .collect();
            }
            Value::OutputLimits(limits) => {
                return limits
                    .directives()
                    .iter()
                    .map(|limit| line(limit.as_bytes()))
                    .collect();
            }
            Value::Bytes(bytes) => numbers::with_unit(*bytes).into(),
            Value::Primary(None) => b"no one".to_vec(),
            Value::Primary(Some(primary)) => primary.words(),
            Value::Addresses(addresses) if !addresses.is_empty() => {
                joined(addresses.iter().map(|a| quoted_if_needed(&a.to_string()))).into()
            }
            Value::Text(text) => quoted(text),
            Value::KeyspaceEvents(_) => quoted(&self.text()),
            _ => self.text(),
        };
        vec![line(if words.is_empty() { b"\"\"" } else { &words })]
    }
}

/// The bytes between double quotes, so that a configuration line may hold any of them.
pub(super) fn quoted(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    base::quote_repr(&mut out, text);
    out
}

fn quoted_if_needed(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'\\');
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    String::from_utf8(quoted(word.as_bytes())).expect("quoting yields ASCII")
}

fn joined(items: impl Iterator<Item = impl ToString>) -> String {
    items
        .map(|item| item.to_string())
        .collect::<Vec<_>>()
        .join(" ")
}

fn yes_or_no(word: &[u8]) -> Result<bool, Reason> {
    match () {
        () if base::eq_ignore_case(word, b"yes") => Ok(true),
        () if base::eq_ignore_case(word, b"no") => Ok(false),
        () => Err("argument must be 'yes' or 'no'".into()),
    }
}

fn choice(words: &'static [&'static str], word: &[u8]) -> Option<&'static str> {
    words.iter().find_map(|listed| {
        let (name, meant) = listed.split_once('=').unwrap_or((listed, listed));
        base::eq_ignore_case(name.as_bytes(), word).then_some(meant)
    })
}

fn not_among(words: &'static [&'static str]) -> Reason {
    format!(
        "argument(s) must be one of the following: {}",
        names(words).join(", ")
    )
    .into()
}

fn names(words: &'static [&'static str]) -> Vec<&'static str> {
    words
        .iter()
        .map(|word| word.split('=').next().unwrap_or(word))
        .collect()
}

fn shutdown_flags(words: &[&[u8]]) -> Result<Box<[&'static str]>, Reason> {
    let mut given = Vec::new();
    for word in words {
        given.push(choice(SHUTDOWN_WORDS, word).ok_or_else(|| not_among(SHUTDOWN_WORDS))?);
    }
    if given.is_empty() {
        return Err(not_among(SHUTDOWN_WORDS));
    }
    if given.contains(&"save") && given.contains(&"nosave") {
        return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".into());
    }
    let (none, options) = (SHUTDOWN_WORDS[0], &SHUTDOWN_WORDS[1..]);
    let mut flags: Vec<_> = options
        .iter()
        .copied()
        .filter(|w| given.contains(w))
        .collect();
    if flags.is_empty() {
        flags.push(none);
    }
    Ok(flags.into())
}
