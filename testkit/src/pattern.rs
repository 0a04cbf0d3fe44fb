//! What a transcript expects of a reply.
//!
//! A pattern is written in the notation of [`crate::reply`], plus:
//!
//! | pattern | fits |
//! |---|---|
//! | `~any` | any reply |
//! | `~int`, `~int 9..10` | an integer, within bounds that count as inside; either may be left out |
//! | `~"glob*"` | a bulk string that fits the glob; likewise `+~"…"`, `-~"…"`, `double ~"…"`, `verbatim txt ~"…"` |
//! | `~lines ["glob", !"glob"]` | text that has a line for each glob, and none for a glob after `!` |
//! | `~fields ["glob"]` | the same for words between blanks |
//! | `~[a, b]`, `~{k: v}`, `~{a, b}` | the elements in any order |
//! | `[a, ...]`, `{k: v, ...}` | these elements and perhaps more: behind them, or with `~` anywhere |
//! | `a \| b` | one of them |
//! | `a as name` | what `a` fits, remembered: `$name` stands for it in later lines of the case |
//!
//! Under RESP2 a pattern for a richer type fits the plain type that is sent instead of
//! it: a map is a flat array, a double a bulk string. That is the servers' own rule, so
//! a transcript states each reply once.

mod parser;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::glob;
use crate::quote;
use crate::reply::{Protocol, Reply};

/// A condition on one reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    Any,
    Simple(Text),
    Error(Text),
    Integer {
        least: i64,
        most: i64,
    },
    Bulk(Text),
    Nil,
    NilArray,
    Boolean(bool),
    Double(Text),
    BigNumber(Text),
    BulkError(Text),
    Verbatim {
        format: String,
        text: Text,
    },
    Array(Items),
    Set(Items),
    Push(Items),
    Map(Pairs),
    Attribute {
        pairs: Pairs,
        reply: Box<Pattern>,
    },
    OneOf(Vec<Pattern>),
    Named {
        pattern: Box<Pattern>,
        name: String,
    },
    /// `$name` before anything has been captured under that name.
    Hole(String),
}

/// A condition on a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    Exact(Vec<u8>),
    Glob(Vec<u8>),
    Parts {
        separator: Separator,
        wanted: Vec<Vec<u8>>,
        unwanted: Vec<Vec<u8>>,
    },
}

/// What `~lines` and `~fields` split a text at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Separator {
    Line,
    Blank,
}

/// The elements of a container. `rest`: further elements may follow. `unordered`: any
/// order will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Items {
    pub items: Vec<Pattern>,
    pub rest: bool,
    pub unordered: bool,
}

/// The pairs of a map; see [`Items`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairs {
    pub pairs: Vec<(Pattern, Pattern)>,
    pub rest: bool,
    pub unordered: bool,
}

/// What `as name` has remembered, ready to be put in place of `$name`.
pub type Captures = BTreeMap<String, String>;

impl Pattern {
    /// Reads a pattern. Simple strings and errors may stand bare to the end of the
    /// text.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        let text = text.trim();
        let after_sign = text.as_bytes().get(1).copied();
        let bare = !matches!(after_sign, None | Some(b'"' | b'~' | b'0'..=b'9'));
        match text.as_bytes().first() {
            Some(b'+') if bare => {
                return Ok(Pattern::Simple(Text::Exact(quote::unescape(&text[1..])?)));
            }
            Some(b'-') if bare => {
                return Ok(Pattern::Error(Text::Exact(quote::unescape(&text[1..])?)));
            }
            _ => {}
        }
        parser::read(text)
    }

    /// Whether `reply` fits under `protocol`. On success the captures of the pattern
    /// are added to `captures`.
    pub fn matches(&self, reply: &Reply, protocol: Protocol, captures: &mut Captures) -> bool {
        let old = protocol == Protocol::Resp2;
        match (self, reply) {
            (Pattern::Any, _) => true,
            (Pattern::OneOf(options), _) => options
                .iter()
                .any(|option| option.matches(reply, protocol, captures)),
            (Pattern::Named { pattern, name }, _) => {
                let fits = pattern.matches(reply, protocol, captures);
                if fits {
                    captures.insert(name.clone(), captured(reply));
                }
                fits
            }
            (Pattern::Simple(text), Reply::Simple(got)) => text.matches(got),
            (Pattern::Error(text), Reply::Error(got)) => text.matches(got),
            (Pattern::Integer { least, most }, Reply::Integer(got)) => {
                (least..=most).contains(&got)
            }
            (Pattern::Bulk(text), Reply::Bulk(got)) => text.matches(got),
            (Pattern::Nil, Reply::NullBulk) | (Pattern::NilArray, Reply::NullArray) => old,
            (Pattern::Nil | Pattern::NilArray, Reply::Null) => !old,
            (Pattern::Boolean(value), Reply::Boolean(got)) => value == got,
            (Pattern::Boolean(value), Reply::Integer(got)) => old && i64::from(*value) == *got,
            (Pattern::Double(text), Reply::Double(got))
            | (Pattern::BigNumber(text), Reply::BigNumber(got)) => text.matches(got),
            (Pattern::BulkError(text), Reply::BulkError(got)) => text.matches(got),
            (
                Pattern::Verbatim { format, text },
                Reply::Verbatim {
                    format: got_format,
                    text: got,
                },
            ) => format.as_bytes() == got_format && text.matches(got),
            (
                Pattern::Double(text) | Pattern::BigNumber(text) | Pattern::Verbatim { text, .. },
                Reply::Bulk(got),
            ) => old && text.matches(got),
            (Pattern::Array(items), Reply::Array(got))
            | (Pattern::Set(items), Reply::Set(got))
            | (Pattern::Push(items), Reply::Push(got)) => items.matches(got, protocol, captures),
            (Pattern::Set(items) | Pattern::Push(items), Reply::Array(got)) => {
                old && items.matches(got, protocol, captures)
            }
            (Pattern::Map(pairs), Reply::Map(got)) => {
                let got: Vec<_> = got.iter().map(|(key, value)| (key, value)).collect();
                pairs.matches(&got, protocol, captures)
            }
            (Pattern::Map(pairs), Reply::Array(got)) => {
                let flat: Vec<_> = got
                    .chunks_exact(2)
                    .map(|pair| (&pair[0], &pair[1]))
                    .collect();
                old && got.len().is_multiple_of(2) && pairs.matches(&flat, protocol, captures)
            }
            (
                Pattern::Attribute { pairs, reply },
                Reply::Attribute {
                    pairs: got_pairs,
                    reply: got,
                },
            ) => {
                let got_pairs: Vec<_> = got_pairs.iter().map(|(key, value)| (key, value)).collect();
                pairs.matches(&got_pairs, protocol, captures)
                    && reply.matches(got, protocol, captures)
            }
            (Pattern::Attribute { reply, .. }, got) => {
                old && reply.matches(got, protocol, captures)
            }
            _ => false,
        }
    }
}

/// What `$name` is replaced by: the content without quotes, so that it can stand inside
/// a quoted text as well.
fn captured(reply: &Reply) -> String {
    match reply {
        Reply::Bulk(text)
        | Reply::Simple(text)
        | Reply::Error(text)
        | Reply::Verbatim { text, .. } => quote::escaped(text),
        other => other.to_string(),
    }
}

impl Text {
    fn matches(&self, got: &[u8]) -> bool {
        match self {
            Text::Exact(text) => text == got,
            Text::Glob(pattern) => glob::matches(pattern, got),
            Text::Parts {
                separator,
                wanted,
                unwanted,
            } => {
                let parts: Vec<&[u8]> = match separator {
                    Separator::Line => got
                        .split(|byte| *byte == b'\n')
                        .map(<[u8]>::trim_ascii_end)
                        .collect(),
                    Separator::Blank => got.split(u8::is_ascii_whitespace).collect(),
                };
                let has = |pattern: &Vec<u8>| parts.iter().any(|part| glob::matches(pattern, part));
                wanted.iter().all(has) && !unwanted.iter().any(has)
            }
        }
    }
}

impl Items {
    fn matches(&self, got: &[Reply], protocol: Protocol, captures: &mut Captures) -> bool {
        let fits = |index: usize, at: usize, captures: &mut Captures| {
            self.items[index].matches(&got[at], protocol, captures)
        };
        assign(
            self.items.len(),
            got.len(),
            self.rest,
            self.unordered,
            captures,
            fits,
        )
    }
}

impl Pairs {
    fn matches(
        &self,
        got: &[(&Reply, &Reply)],
        protocol: Protocol,
        captures: &mut Captures,
    ) -> bool {
        let fits = |index: usize, at: usize, captures: &mut Captures| {
            let (key, value) = &self.pairs[index];
            key.matches(got[at].0, protocol, captures)
                && value.matches(got[at].1, protocol, captures)
        };
        assign(
            self.pairs.len(),
            got.len(),
            self.rest,
            self.unordered,
            captures,
            fits,
        )
    }
}

/// Gives each of `wanted` patterns its own of `got` elements: in order, or by bipartite
/// matching (augmenting paths).
fn assign(
    wanted: usize,
    got: usize,
    rest: bool,
    unordered: bool,
    captures: &mut Captures,
    fits: impl Fn(usize, usize, &mut Captures) -> bool,
) -> bool {
    if got < wanted || (got > wanted && !rest) {
        return false;
    }
    if !unordered {
        return (0..wanted).all(|index| fits(index, index, captures));
    }
    let mut owner: Vec<Option<usize>> = vec![None; got];
    let edge = |index: usize, at: usize| fits(index, at, &mut Captures::new());
    let complete =
        (0..wanted).all(|index| augment(index, &mut owner, &mut vec![false; got], &edge));
    complete
        && owner
            .iter()
            .enumerate()
            .all(|(at, index)| index.is_none_or(|index| fits(index, at, captures)))
}

fn augment(
    index: usize,
    owner: &mut [Option<usize>],
    seen: &mut [bool],
    edge: &impl Fn(usize, usize) -> bool,
) -> bool {
    for at in 0..owner.len() {
        if seen[at] || !edge(index, at) {
            continue;
        }
        seen[at] = true;
        if owner[at].is_none_or(|previous| augment(previous, owner, seen, edge)) {
            owner[at] = Some(index);
            return true;
        }
    }
    false
}
