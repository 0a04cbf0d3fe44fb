//! What one client's keys hold, and what a change makes of them.
//!
//! ```text
//!   State: (database, number) ─► content, deadline    a map in plain words
//!   Change + State ─► State', the reply that is due
//! ```
//!
//! A client is the only one that writes its keys, so that its model foretells every reply. The
//! moment at which a relative deadline falls is not foretold exactly: a [`Span`] holds it, and the
//! first look at the key narrows the span to a point. What SPOP drew is not foretold either (see
//! `sets`).

use std::collections::BTreeMap;
use std::fmt;

use super::content::Content;
use super::hashes::HashChange;
use super::lists::ListChange;
use super::sets::SetChange;
use super::streams::StreamChange;
use super::zsets::ZSetChange;
use crate::reply::Reply;

/// Databases are numbered as the server does; keys within a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub database: u8,
    pub number: u16,
}

/// Milliseconds since 1970, from the one to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub least_ms: i64,
    pub most_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    pub content: Content,
    pub deadline: Option<Span>,
}

/// All keys of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State(pub BTreeMap<Key, Value>);

/// What SET does about a deadline.
#[derive(Clone, Copy, Debug)]
pub enum Expiry {
    Never,
    Keep,
    /// So many milliseconds after it is executed.
    In(i64),
    At(i64),
}

/// One writing command.
#[derive(Clone, Debug)]
pub enum Change {
    Set(Key, Vec<u8>, Expiry),
    SetIfNew(Key, Vec<u8>),
    GetSet(Key, Vec<u8>),
    Append(Key, Vec<u8>),
    IncrBy(Key, i64),
    SetRange(Key, usize, Vec<u8>),
    SetBit(Key, usize, bool),
    /// UNLINK if so.
    Delete(Vec<Key>, bool),
    ExpireAt(Key, i64),
    ExpireIn(Key, i64),
    Persist(Key),
    GetDel(Key),
    Rename(Key, Key),
    /// With REPLACE.
    Copy(Key, Key),
    Move(Key, u8),
    SetMany(Vec<(Key, Vec<u8>)>),
    Flush(u8),
    Swap(u8, u8),
    OfSet(Key, SetChange),
    OfZSet(Key, ZSetChange),
    OfHash(Key, HashChange),
    OfList(Key, ListChange),
    /// The name is that of the key in its replies.
    OfStream(Key, Vec<u8>, StreamChange),
    /// PEXPIRETIME: changes nothing but what is known.
    Look(Key),
}

impl Span {
    pub fn point(ms: i64) -> Span {
        Span {
            least_ms: ms,
            most_ms: ms,
        }
    }

    pub fn holds(self, ms: i64) -> bool {
        (self.least_ms..=self.most_ms).contains(&ms)
    }

    fn after(self, ms: i64) -> Span {
        Span {
            least_ms: self.least_ms + ms,
            most_ms: self.most_ms + ms,
        }
    }
}

impl State {
    pub fn holds(&self, key: Key) -> bool {
        self.0.contains_key(&key)
    }

    /// The length of a string.
    pub fn len_of(&self, key: Key) -> usize {
        match self.0.get(&key).map(|value| &value.content) {
            Some(Content::Bytes(bytes)) => bytes.len(),
            _ => 0,
        }
    }

    fn put(&mut self, key: Key, bytes: Vec<u8>, deadline: Option<Span>) {
        let content = Content::Bytes(bytes);
        self.0.insert(key, Value { content, deadline });
    }

    fn deadline(&self, key: Key) -> Option<Span> {
        self.0.get(&key).and_then(|value| value.deadline)
    }

    /// What a key holds, or is about to hold.
    pub(super) fn content(&mut self, key: Key, begin: impl FnOnce() -> Content) -> &mut Content {
        let value = self.0.entry(key).or_insert_with(|| Value {
            content: begin(),
            deadline: None,
        });
        &mut value.content
    }

    fn bytes(&mut self, key: Key) -> &mut Vec<u8> {
        match self.content(key, || Content::Bytes(Vec::new())) {
            Content::Bytes(bytes) => bytes,
            other => panic!("{key} holds {other}"),
        }
    }

    /// Does a change, executed at some time within `when`. The reply that is due; of a look the
    /// reply depends on the span, and there is none.
    pub fn apply(&mut self, change: &Change, when: Span) -> Option<Reply> {
        let ok = || Reply::Simple(b"OK".to_vec());
        Some(match change {
            Change::Set(key, bytes, expiry) => {
                let deadline = match expiry {
                    Expiry::Never => None,
                    Expiry::Keep => self.deadline(*key),
                    Expiry::In(ms) => Some(when.after(*ms)),
                    Expiry::At(ms) => Some(Span::point(*ms)),
                };
                self.put(*key, bytes.clone(), deadline);
                ok()
            }
            Change::SetIfNew(key, bytes) => {
                let is_new = !self.holds(*key);
                if is_new {
                    self.put(*key, bytes.clone(), None);
                }
                Reply::Integer(is_new.into())
            }
            Change::GetSet(key, bytes) => {
                let old = self.0.remove(key);
                self.put(*key, bytes.clone(), None);
                bulk(old)
            }
            Change::SetMany(pairs) => {
                for (key, bytes) in pairs {
                    self.put(*key, bytes.clone(), None);
                }
                ok()
            }
            Change::Append(..) | Change::IncrBy(..) | Change::SetRange(..) | Change::SetBit(..) => {
                self.edit(change)
            }
            Change::ExpireAt(..) | Change::ExpireIn(..) | Change::Persist(_) => {
                self.expire(change, when)
            }
            Change::Look(_) => return None,
            Change::OfSet(key, change) => return change.apply(self, *key).ok(),
            Change::OfZSet(key, change) => change.apply(self, *key),
            Change::OfHash(key, change) => change.apply(self, *key),
            Change::OfList(key, change) => change.apply(self, *key),
            Change::OfStream(key, name, change) => change.apply(self, *key, name.clone()),
            Change::Flush(database) => {
                self.0.retain(|key, _| key.database != *database);
                ok()
            }
            Change::Swap(one, other) => {
                let swapped = |database: u8| match database {
                    database if database == *one => *other,
                    database if database == *other => *one,
                    database => database,
                };
                let entries = std::mem::take(&mut self.0).into_iter();
                self.0 = entries
                    .map(|(key, value)| (key.in_database(swapped(key.database)), value))
                    .collect();
                ok()
            }
            _ => self.shift(change),
        })
    }

    /// Changes within a value.
    fn edit(&mut self, change: &Change) -> Reply {
        Reply::Integer(match change {
            Change::Append(key, more) => {
                let bytes = self.bytes(*key);
                bytes.extend_from_slice(more);
                bytes.len() as i64
            }
            Change::IncrBy(key, by) => {
                let bytes = self.bytes(*key);
                let before = std::str::from_utf8(bytes).ok();
                let before = before.and_then(|text| text.parse().ok()).unwrap_or(0);
                let after: i64 = before + by;
                *bytes = after.to_string().into_bytes();
                after
            }
            Change::SetRange(key, at, new) => {
                let bytes = self.bytes(*key);
                bytes.resize(bytes.len().max(at + new.len()), 0);
                bytes[*at..at + new.len()].copy_from_slice(new);
                bytes.len() as i64
            }
            Change::SetBit(key, at, bit) => {
                let bytes = self.bytes(*key);
                bytes.resize(bytes.len().max(at / 8 + 1), 0);
                let mask = 0x80 >> (at % 8);
                let byte = &mut bytes[at / 8];
                let before = *byte & mask != 0;
                *byte = if *bit { *byte | mask } else { *byte & !mask };
                before.into()
            }
            _ => unreachable!("{change:?} is no edit"),
        })
    }

    fn expire(&mut self, change: &Change, when: Span) -> Reply {
        let (key, deadline) = match change {
            Change::ExpireAt(key, ms) => (key, Some(Span::point(*ms))),
            Change::ExpireIn(key, secs) => (key, Some(when.after(secs * 1000))),
            Change::Persist(key) => (key, None),
            _ => unreachable!("{change:?} is about no deadline"),
        };
        let Some(value) = self.0.get_mut(key) else {
            return Reply::Integer(0);
        };
        let did = deadline.is_some() || value.deadline.is_some();
        value.deadline = deadline;
        Reply::Integer(did.into())
    }

    /// Values go away, or elsewhere.
    fn shift(&mut self, change: &Change) -> Reply {
        match change {
            Change::Delete(keys, _) => {
                let gone = keys.iter().filter(|key| self.0.remove(key).is_some());
                Reply::Integer(gone.count() as i64)
            }
            Change::GetDel(key) => bulk(self.0.remove(key)),
            Change::Rename(from, to) => {
                let value = self.0.remove(from).expect("only what is there is renamed");
                self.0.insert(*to, value);
                Reply::Simple(b"OK".to_vec())
            }
            Change::Copy(from, to) => {
                let value = self.0.get(from).cloned();
                let did = value.is_some();
                if let Some(value) = value {
                    self.0.insert(*to, value);
                }
                Reply::Integer(did.into())
            }
            Change::Move(key, database) => {
                let to = key.in_database(*database);
                let did = self.holds(*key) && !self.holds(to);
                if did && let Some(value) = self.0.remove(key) {
                    self.0.insert(to, value);
                }
                Reply::Integer(did.into())
            }
            _ => unreachable!("{change:?} moves nothing"),
        }
    }

    /// A look showed a key's PEXPIRETIME. Returns whether that can be.
    pub fn learn(&mut self, key: Key, shown_ms: i64) -> bool {
        match self.0.get_mut(&key) {
            None => shown_ms == -2,
            Some(value) => match &mut value.deadline {
                None => shown_ms == -1,
                Some(span) => {
                    let can_be = span.holds(shown_ms);
                    *span = Span::point(shown_ms);
                    can_be
                }
            },
        }
    }

    /// How a state that was read within `when` differs from this one, in words.
    pub fn differences(&self, read: &State, when: Span) -> Vec<String> {
        let mut found = Vec::new();
        for (key, value) in &self.0 {
            let may_be_over = value.deadline.is_some_and(|it| it.least_ms <= when.most_ms);
            let must_be_over = value.deadline.is_some_and(|it| it.most_ms < when.least_ms);
            match read.0.get(key) {
                None if may_be_over => {}
                None => found.push(format!("{key}: {value} is lost")),
                Some(shown) if must_be_over => {
                    found.push(format!("{key}: {shown} should have expired"));
                }
                Some(shown) if !value.content.allows(&shown.content) => {
                    found.push(format!("{key}: {shown} instead of {value}"));
                }
                Some(shown) if !value.allows(shown) => {
                    found.push(format!("{key}: {shown} has another deadline than {value}"));
                }
                Some(_) => {}
            }
        }
        let strange = read.0.iter().filter(|(key, _)| !self.0.contains_key(key));
        found.extend(strange.map(|(key, shown)| format!("{key}: {shown} should not be there")));
        found
    }
}

impl Change {
    pub fn is_look(&self) -> bool {
        matches!(self, Change::Look(_))
    }
}

impl Key {
    pub fn in_database(self, database: u8) -> Key {
        Key { database, ..self }
    }
}

impl Value {
    /// Can this value's deadline be the one that was read?
    fn allows(&self, shown: &Value) -> bool {
        match (self.deadline, shown.deadline) {
            (None, None) => true,
            (Some(span), Some(shown)) => span.holds(shown.least_ms),
            _ => false,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "db {} key {}", self.database, self.number)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.content)?;
        match self.deadline {
            Some(span) if span.least_ms == span.most_ms => write!(f, " until {}", span.least_ms),
            Some(span) => write!(f, " until {} to {}", span.least_ms, span.most_ms),
            None => Ok(()),
        }
    }
}

fn bulk(value: Option<Value>) -> Reply {
    match value.map(|value| value.content) {
        None => Reply::NullBulk,
        Some(Content::Bytes(bytes)) => Reply::Bulk(bytes),
        Some(other) => panic!("{other} is no string"),
    }
}
