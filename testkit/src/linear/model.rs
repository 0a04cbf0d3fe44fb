//! The keyspace as it is documented, in as few lines as possible: a handful of keys in
//! two databases, integers as values, and each client's database and watched keys.
//!
//! Multi-key commands stay within one *group* of keys, so a history can be judged group
//! by group; a group is all that this model knows.

use std::fmt;

use super::checker::{CLIENTS_MAX, Footprint, Model, OperationOf};
use super::history::Operation;

/// Keys of a group.
pub const KEYS_MAX: usize = 6;
/// Databases that a group lies in.
pub const DATABASES: usize = 2;
const PLACES: usize = KEYS_MAX * DATABASES;

/// A key of the group: `a`, `b`, ...
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(pub u8);

/// What a client can ask for. Transactions are one operation each, as their queue has no
/// effect before EXEC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Get(Key),
    Set(Key, i64),
    SetNx(Key, i64),
    GetSet(Key, i64),
    GetDel(Key),
    IncrBy(Key, i64),
    MGet(Vec<Key>),
    MSet(Vec<(Key, i64)>),
    MSetNx(Vec<(Key, i64)>),
    Del(Vec<Key>),
    Exists(Vec<Key>),
    Rename(Key, Key),
    RenameNx(Key, Key),
    Copy {
        from: Key,
        to: Key,
        /// The database to copy to; the client's own if there is none.
        database: Option<u8>,
        replace: bool,
    },
    Move(Key, u8),
    Select(u8),
    FlushDb,
    FlushAll,
    /// Exchange the two databases.
    SwapDb,
    Watch(Vec<Key>),
    Unwatch,
    /// MULTI, these commands, EXEC.
    Exec(Vec<Command>),
    /// MULTI, these commands, DISCARD.
    Discard(Vec<Command>),
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    Ok,
    Integer(i64),
    Value(Option<i64>),
    Values(Vec<Option<i64>>),
    NoSuchKey,
    /// What the commands of an EXEC answered.
    Executed(Vec<Answer>),
    /// A watched key had been touched.
    Aborted,
    /// Nothing that the model could ever answer.
    Strange(String),
}

/// A group of keys, and the sessions that work on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Keyspace {
    values: [Option<i64>; PLACES],
    sessions: [Session; CLIENTS_MAX],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Session {
    database: u8,
    /// The watched places, one bit each.
    watched: u16,
    /// One of them was touched.
    touched: bool,
}

impl Keyspace {
    /// No keys, all sessions new.
    pub fn empty() -> Keyspace {
        Keyspace {
            values: [None; PLACES],
            sessions: [Session::default(); CLIENTS_MAX],
        }
    }

    pub fn value(&self, database: u8, key: Key) -> Option<i64> {
        self.values[place(database, key)]
    }

    /// Put something at a place, or take it away.
    fn put(&mut self, at: usize, value: Option<i64>) {
        self.values[at] = value;
        self.touch(at);
    }

    fn touch(&mut self, at: usize) {
        for session in &mut self.sessions {
            session.touched |= session.watched & (1 << at) != 0;
        }
    }

    fn forget_watched(&mut self, client: usize) {
        let session = &mut self.sessions[client];
        (session.watched, session.touched) = (0, false);
    }

    fn rename(&mut self, from: usize, to: usize, replace: bool) -> Renamed {
        if self.values[from].is_none() {
            return Renamed::NothingThere;
        }
        if from == to {
            return if replace {
                Renamed::Done
            } else {
                Renamed::NameTaken
            };
        }
        if self.values[to].is_some() && !replace {
            return Renamed::NameTaken;
        }
        let value = self.values[from];
        self.put(from, None);
        self.put(to, value);
        Renamed::Done
    }

    fn copy(&mut self, from: usize, to: usize, replace: bool) -> bool {
        let value = self.values[from];
        let copies = value.is_some() && (replace || self.values[to].is_none());
        if copies {
            self.put(to, value);
        }
        copies
    }

    fn flush(&mut self, places: std::ops::Range<usize>) {
        for at in places {
            if self.values[at].is_some() {
                self.put(at, None);
            }
        }
    }

    /// A watched key minds if there is anything behind it before or after.
    fn swap_databases(&mut self) {
        for key in 0..KEYS_MAX {
            let (one, other) = (key, KEYS_MAX + key);
            if self.values[one].is_some() || self.values[other].is_some() {
                self.values.swap(one, other);
                self.touch(one);
                self.touch(other);
            }
        }
    }

    fn exec(&mut self, client: usize, queue: &[Command]) -> Answer {
        let touched = self.sessions[client].touched;
        self.forget_watched(client);
        if touched {
            return Answer::Aborted;
        }
        let answers = queue.iter().map(|command| self.apply(client, command));
        Answer::Executed(answers.collect())
    }
}

enum Renamed {
    Done,
    NameTaken,
    NothingThere,
}

fn place(database: u8, key: Key) -> usize {
    usize::from(database) * KEYS_MAX + usize::from(key.0)
}

fn number(truth: bool) -> Answer {
    Answer::Integer(i64::from(truth))
}

impl Model for Keyspace {
    type Command = Command;
    type Answer = Answer;

    fn apply(&mut self, client: usize, command: &Command) -> Answer {
        let database = self.sessions[client].database;
        let at = |key: &Key| place(database, *key);
        match command {
            Command::Get(key) => Answer::Value(self.values[at(key)]),
            Command::Set(key, value) => {
                self.put(at(key), Some(*value));
                Answer::Ok
            }
            Command::SetNx(key, value) => {
                let free = self.values[at(key)].is_none();
                if free {
                    self.put(at(key), Some(*value));
                }
                number(free)
            }
            Command::GetSet(key, value) => {
                let old = self.values[at(key)];
                self.put(at(key), Some(*value));
                Answer::Value(old)
            }
            Command::GetDel(key) => {
                let old = self.values[at(key)];
                if old.is_some() {
                    self.put(at(key), None);
                }
                Answer::Value(old)
            }
            Command::IncrBy(key, by) => {
                let sum = self.values[at(key)].unwrap_or(0) + by;
                self.put(at(key), Some(sum));
                Answer::Integer(sum)
            }
            Command::MGet(keys) => {
                Answer::Values(keys.iter().map(|key| self.values[at(key)]).collect())
            }
            Command::MSet(pairs) => {
                for (key, value) in pairs {
                    self.put(at(key), Some(*value));
                }
                Answer::Ok
            }
            Command::MSetNx(pairs) => {
                let free = pairs.iter().all(|(key, _)| self.values[at(key)].is_none());
                if free {
                    for (key, value) in pairs {
                        self.put(at(key), Some(*value));
                    }
                }
                number(free)
            }
            Command::Del(keys) => {
                let mut deleted = 0;
                for key in keys {
                    if self.values[at(key)].is_some() {
                        self.put(at(key), None);
                        deleted += 1;
                    }
                }
                Answer::Integer(deleted)
            }
            Command::Exists(keys) => {
                let there = keys.iter().filter(|key| self.values[at(key)].is_some());
                Answer::Integer(there.count() as i64)
            }
            Command::Rename(from, to) => match self.rename(at(from), at(to), true) {
                Renamed::NothingThere => Answer::NoSuchKey,
                Renamed::Done | Renamed::NameTaken => Answer::Ok,
            },
            Command::RenameNx(from, to) => match self.rename(at(from), at(to), false) {
                Renamed::NothingThere => Answer::NoSuchKey,
                renamed => number(matches!(renamed, Renamed::Done)),
            },
            Command::Copy {
                from,
                to,
                database: there,
                replace,
            } => {
                let to = place(there.unwrap_or(database), *to);
                number(self.copy(at(from), to, *replace))
            }
            Command::Move(key, there) => {
                let (from, to) = (at(key), place(*there, *key));
                let moved = matches!(self.rename(from, to, false), Renamed::Done);
                number(moved)
            }
            Command::Select(chosen) => {
                self.sessions[client].database = *chosen;
                Answer::Ok
            }
            Command::FlushDb => {
                let start = place(database, Key(0));
                self.flush(start..start + KEYS_MAX);
                Answer::Ok
            }
            Command::FlushAll => {
                self.flush(0..PLACES);
                Answer::Ok
            }
            Command::SwapDb => {
                self.swap_databases();
                Answer::Ok
            }
            Command::Watch(keys) => {
                let bits = keys.iter().fold(0, |bits, key| bits | 1 << at(key));
                self.sessions[client].watched |= bits;
                Answer::Ok
            }
            Command::Unwatch | Command::Discard(_) => {
                self.forget_watched(client);
                Answer::Ok
            }
            Command::Exec(queue) => self.exec(client, queue),
        }
    }

    /// A watch that begins is shared: it matters what happens after it.
    fn footprint(command: &Command, answer: &Answer) -> Footprint {
        match (command, answer) {
            (Command::Get(_) | Command::MGet(_) | Command::Exists(_), _) => Footprint::None,
            (Command::GetDel(_), Answer::Value(None)) => Footprint::None,
            (
                Command::SetNx(..)
                | Command::MSetNx(_)
                | Command::Del(_)
                | Command::RenameNx(..)
                | Command::Copy { .. }
                | Command::Move(..),
                Answer::Integer(0),
            ) => Footprint::None,
            (_, Answer::NoSuchKey) => Footprint::None,
            (Command::Select(_) | Command::Unwatch | Command::Discard(_), _) => Footprint::Own,
            (Command::Exec(_), Answer::Aborted) => Footprint::Own,
            (Command::Exec(queue), Answer::Executed(answers)) => {
                let mut each = queue.iter().zip(answers);
                let shared = each.any(|(command, answer)| {
                    Keyspace::footprint(command, answer) == Footprint::Shared
                });
                if shared {
                    Footprint::Shared
                } else {
                    Footprint::Own
                }
            }
            _ => Footprint::Shared,
        }
    }

    /// If it is nobody else's business, and its own client either says nothing after it
    /// or could not tell the difference.
    fn can_be_left_out(lane: &[OperationOf<Keyspace>], at: usize) -> bool {
        let Operation {
            command, outcome, ..
        } = &lane[at];
        let footprint = outcome.as_ref().map_or(Footprint::Shared, |outcome| {
            Keyspace::footprint(command, &outcome.answer)
        });
        let concerns_others = footprint == Footprint::Shared && !is_private(command);
        let is_last = at + 1 == lane.len();
        let only_reads = match command {
            Command::Exec(queue) => queue.iter().all(is_read) && !is_watching(&lane[..at]),
            _ => footprint == Footprint::None,
        };
        !concerns_others && (is_last || only_reads)
    }
}

fn is_read(command: &Command) -> bool {
    matches!(
        command,
        Command::Get(_) | Command::MGet(_) | Command::Exists(_)
    )
}

/// Is it nobody else's business whether this command runs, however it is answered?
fn is_private(command: &Command) -> bool {
    match command {
        Command::Select(_) | Command::Discard(_) | Command::Watch(_) | Command::Unwatch => true,
        Command::Exec(queue) => queue.iter().all(is_private),
        _ => is_read(command),
    }
}

/// Has a client, having said this, watched keys?
fn is_watching(said: &[OperationOf<Keyspace>]) -> bool {
    let last = said
        .iter()
        .rev()
        .find_map(|operation| match operation.command {
            Command::Watch(_) => Some(true),
            Command::Unwatch | Command::Exec(_) | Command::Discard(_) => Some(false),
            _ => None,
        });
    last.unwrap_or(false)
}

// ---- as text -----------------------------------------------------------------

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}", char::from(b'a' + self.0))
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Command::Get(key) => write!(f, "GET {key}"),
            Command::Set(key, value) => write!(f, "SET {key} {value}"),
            Command::SetNx(key, value) => write!(f, "SETNX {key} {value}"),
            Command::GetSet(key, value) => write!(f, "GETSET {key} {value}"),
            Command::GetDel(key) => write!(f, "GETDEL {key}"),
            Command::IncrBy(key, by) => write!(f, "INCRBY {key} {by}"),
            Command::MGet(keys) => write_all(f, "MGET", keys),
            Command::MSet(pairs) => write_pairs(f, "MSET", pairs),
            Command::MSetNx(pairs) => write_pairs(f, "MSETNX", pairs),
            Command::Del(keys) => write_all(f, "DEL", keys),
            Command::Exists(keys) => write_all(f, "EXISTS", keys),
            Command::Rename(from, to) => write!(f, "RENAME {from} {to}"),
            Command::RenameNx(from, to) => write!(f, "RENAMENX {from} {to}"),
            Command::Copy {
                from,
                to,
                database,
                replace,
            } => {
                write!(f, "COPY {from} {to}")?;
                if let Some(database) = database {
                    write!(f, " DB {database}")?;
                }
                f.write_str(if *replace { " REPLACE" } else { "" })
            }
            Command::Move(key, there) => write!(f, "MOVE {key} {there}"),
            Command::Select(database) => write!(f, "SELECT {database}"),
            Command::FlushDb => f.write_str("FLUSHDB"),
            Command::FlushAll => f.write_str("FLUSHALL"),
            Command::SwapDb => f.write_str("SWAPDB 0 1"),
            Command::Watch(keys) => write_all(f, "WATCH", keys),
            Command::Unwatch => f.write_str("UNWATCH"),
            Command::Exec(queue) => write_queue(f, queue, "EXEC"),
            Command::Discard(queue) => write_queue(f, queue, "DISCARD"),
        }
    }
}

fn write_all(f: &mut fmt::Formatter, name: &str, keys: &[Key]) -> fmt::Result {
    f.write_str(name)?;
    keys.iter().try_for_each(|key| write!(f, " {key}"))
}

fn write_pairs(f: &mut fmt::Formatter, name: &str, pairs: &[(Key, i64)]) -> fmt::Result {
    f.write_str(name)?;
    pairs
        .iter()
        .try_for_each(|(key, value)| write!(f, " {key} {value}"))
}

fn write_queue(f: &mut fmt::Formatter, queue: &[Command], end: &str) -> fmt::Result {
    f.write_str("MULTI")?;
    queue
        .iter()
        .try_for_each(|command| write!(f, " · {command}"))?;
    write!(f, " · {end}")
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Answer::Ok => f.write_str("OK"),
            Answer::Integer(number) => write!(f, "{number}"),
            Answer::Value(value) => write_value(f, *value),
            Answer::Values(values) => {
                for (index, value) in values.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { " " })?;
                    write_value(f, *value)?;
                }
                Ok(())
            }
            Answer::NoSuchKey => f.write_str("no such key"),
            Answer::Executed(answers) => {
                f.write_str("[")?;
                for (index, answer) in answers.iter().enumerate() {
                    write!(f, "{}{answer}", if index == 0 { "" } else { " · " })?;
                }
                f.write_str("]")
            }
            Answer::Aborted => f.write_str("nil (aborted)"),
            Answer::Strange(reply) => f.write_str(reply),
        }
    }
}

fn write_value(f: &mut fmt::Formatter, value: Option<i64>) -> fmt::Result {
    match value {
        Some(value) => write!(f, "{value}"),
        None => f.write_str("nil"),
    }
}

/// The keys that there are, and who watches: `a=4 c=7, client 2 watches a (touched)`.
impl fmt::Display for Keyspace {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let name = |at: usize| {
            let key = Key((at % KEYS_MAX) as u8);
            match at / KEYS_MAX {
                0 => key.to_string(),
                database => format!("{database}:{key}"),
            }
        };
        let held = self.values.iter().enumerate();
        let mut parts: Vec<String> = held
            .filter_map(|(at, value)| Some(format!("{}={}", name(at), (*value)?)))
            .collect();
        if parts.is_empty() {
            parts.push("no keys".into());
        }
        f.write_str(&parts.join(" "))?;
        for (client, session) in self.sessions.iter().enumerate() {
            if session.watched != 0 {
                let keys = (0..PLACES)
                    .filter(|at| session.watched & (1 << at) != 0)
                    .map(name);
                let keys: Vec<String> = keys.collect();
                let touched = if session.touched { " (touched)" } else { "" };
                write!(f, ", client {client} watches {}{touched}", keys.join(" "))?;
            }
        }
        Ok(())
    }
}
