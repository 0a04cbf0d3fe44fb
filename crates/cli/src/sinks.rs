//! The ways out of a data set: RDB, JSON lines, commands.
//!
//! Each takes keys one by one and writes them as they come. A key whose time is over at
//! `live_ms` is left out. The first failed write ends the walk; `finish` tells it.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};

use base::Now;
use engine::Sink;
use persist::rdb::{Preamble, Rest, Usage, WriteOptions, Writer, version_for};
use store::{Counts, Entry, Item, Kind, StringView};

use crate::json_line::{self, Field, Value};
use crate::stream::{self, StreamText};

/// RDB.
pub struct RdbSink<W> {
    to: W,
    version: u16,
    writer: Writer,
    counts: Vec<(u64, u64)>,
    gate: Gate,
}

/// A line of JSON for each key.
pub struct JsonSink<W: Write> {
    to: BufWriter<W>,
    gate: Gate,
}

/// Commands, as a client would send them.
pub struct CommandSink<W: Write> {
    to: BufWriter<W>,
    gate: Gate,
}

/// What all of them keep.
struct Gate {
    live_ms: i64,
    database: Option<usize>,
    written: u64,
    error: Option<io::Error>,
}

impl Gate {
    fn new(live_ms: i64) -> Gate {
        Gate {
            live_ms,
            database: None,
            written: 0,
            error: None,
        }
    }

    /// Is this key to be written? And does another database begin with it?
    fn passes(&mut self, database: usize, entry: &Entry<'_>) -> Option<bool> {
        if self.error.is_some() || entry.deadline_ms().is_some_and(|at| at <= self.live_ms) {
            return None;
        }
        let hash = entry.hash().map(|hash| hash.at(self.shown_ms()));
        if hash.is_some_and(|hash| hash.is_due() && hash.shown_len() == 0) {
            return None;
        }
        self.written += 1;
        Some(self.database.replace(database) != Some(database))
    }

    /// Fields with a deadline before this are over as keys are.
    fn shown_ms(&self) -> i64 {
        self.live_ms.saturating_add(1)
    }

    fn keep(&mut self, outcome: io::Result<()>) {
        if let Err(error) = outcome {
            self.error.get_or_insert(error);
        }
    }

    fn finish(self) -> io::Result<u64> {
        self.error.map_or(Ok(self.written), Err)
    }
}

const DRAIN_BYTES: usize = 256 * 1024;

impl<W: Write> RdbSink<W> {
    pub fn new(to: W, version: u16, is_base: bool, live_ms: i64, counts: &[Counts]) -> RdbSink<W> {
        let has_field_deadlines = counts.iter().any(|counts| counts.timed > 0);
        let version = version_for(version, has_field_deadlines);
        let mut writer = Writer::new(WriteOptions {
            version,
            ..WriteOptions::default()
        });
        writer.preamble(&Preamble {
            created_secs: Now::read().unix_secs(),
            is_log_base: is_base,
            ..Preamble::default()
        });
        let count = |counts: &Counts| (counts.keys as u64, counts.volatile as u64);
        RdbSink {
            to,
            version,
            writer,
            counts: counts.iter().map(count).collect(),
            gate: Gate::new(live_ms),
        }
    }

    /// Writes nothing if what there is needs another version.
    pub fn in_no_other_than(mut self, version: u16) -> RdbSink<W> {
        if self.version != version {
            let (needed, asked) = (self.version, version);
            let what = format!("fields with deadlines need RDB version {needed}, not {asked}");
            self.gate.keep(Err(io::Error::other(what)));
        }
        self
    }

    /// Where it went, and how many keys.
    pub fn finish(mut self) -> io::Result<(W, u64)> {
        self.writer.finish();
        self.drain(0);
        let keys = self.gate.finish()?;
        self.to.flush()?;
        Ok((self.to, keys))
    }

    fn drain(&mut self, above: usize) {
        if self.writer.pending_bytes() > above && self.gate.error.is_none() {
            let outcome = self.writer.drain_into(&mut self.to);
            self.gate.keep(outcome);
        }
    }
}

impl<W: Write> Sink for RdbSink<W> {
    fn entry(&mut self, database: usize, entry: Entry<'_>) {
        let Some(is_other) = self.gate.passes(database, &entry) else {
            return;
        };
        if is_other {
            // The sizes are hints for a reader; the first visit gives them all.
            let (keys, volatile) = std::mem::take(&mut self.counts[database]);
            self.writer.select_db(database as u32, keys, volatile);
        }
        match self.writer.entry(&entry, Usage::Unknown) {
            None => {}
            Some(Rest::Text(block)) => {
                let bytes: &[u8] = &block;
                for slice in bytes.chunks(DRAIN_BYTES) {
                    self.writer.slice(slice);
                    self.drain(DRAIN_BYTES);
                }
            }
            Some(Rest::Large(large)) => {
                let (key, deadline_ms) = (entry.key(), entry.deadline_ms());
                let to = &mut self.to;
                let drain = &mut |writer: &mut Writer| writer.drain_into(&mut *to);
                let writer = &mut self.writer;
                let written = writer.large_key(key, deadline_ms, Usage::Unknown, &large, drain);
                self.gate.keep(written);
            }
        }
        self.drain(DRAIN_BYTES);
    }

    fn has_room(&self) -> bool {
        self.gate.error.is_none()
    }
}

impl<W: Write> JsonSink<W> {
    pub fn new(to: W, live_ms: i64) -> JsonSink<W> {
        JsonSink {
            to: BufWriter::new(to),
            gate: Gate::new(live_ms),
        }
    }

    pub fn finish(mut self) -> io::Result<u64> {
        let keys = self.gate.finish()?;
        self.to.flush()?;
        Ok(keys)
    }
}

impl<W: Write> Sink for JsonSink<W> {
    fn entry(&mut self, database: usize, entry: Entry<'_>) {
        if self.gate.passes(database, &entry).is_some() {
            let value = match entry.kind() {
                Kind::List => Value::List(elements_of(&entry)),
                Kind::Set => Value::Set(members_of(&entry)),
                Kind::SortedSet => Value::SortedSet(scores_of(&entry)),
                Kind::Hash => Value::Hash(fields_of(&entry, self.gate.shown_ms())),
                Kind::Stream => Value::Stream(StreamText::of(entry.stream().expect("a stream"))),
                _ => Value::String(string_of(&entry)),
            };
            let deadline_ms = entry.deadline_ms();
            let outcome = json_line::write(
                &mut self.to,
                database as u64,
                entry.key(),
                &value,
                deadline_ms,
            );
            self.gate.keep(outcome);
        }
    }

    fn has_room(&self) -> bool {
        self.gate.error.is_none()
    }
}

impl<W: Write> CommandSink<W> {
    pub fn new(to: W, live_ms: i64) -> CommandSink<W> {
        CommandSink {
            to: BufWriter::new(to),
            gate: Gate::new(live_ms),
        }
    }

    pub fn finish(mut self) -> io::Result<u64> {
        let keys = self.gate.finish()?;
        self.to.flush()?;
        Ok(keys)
    }

    fn command(&mut self, words: &[&[u8]]) -> io::Result<()> {
        write!(self.to, "*{}\r\n", words.len())?;
        for word in words {
            write!(self.to, "${}\r\n", word.len())?;
            self.to.write_all(word)?;
            self.to.write_all(b"\r\n")?;
        }
        Ok(())
    }

    /// One command for each deadline that there is.
    fn field_deadlines(&mut self, key: &[u8], fields: &[Field]) -> io::Result<()> {
        let mut by_deadline: BTreeMap<i64, Vec<&[u8]>> = BTreeMap::new();
        for (field, _, deadline_ms) in fields {
            if let Some(ms) = deadline_ms {
                by_deadline.entry(*ms).or_default().push(field);
            }
        }
        for (ms, fields) in by_deadline {
            let (ms, count) = (ms.to_string(), fields.len().to_string());
            let front: [&[u8]; 5] = [
                b"HPEXPIREAT",
                key,
                ms.as_bytes(),
                b"FIELDS",
                count.as_bytes(),
            ];
            self.command(&[&front, &fields[..]].concat())?;
        }
        Ok(())
    }

    fn key(&mut self, database: usize, is_other: bool, entry: &Entry<'_>) -> io::Result<()> {
        if is_other {
            self.command(&[b"SELECT", database.to_string().as_bytes()])?;
        }
        let key = entry.key();
        let deadline = entry.deadline_ms().map(|at| at.to_string());
        match entry.kind() {
            Kind::List => {
                let elements = elements_of(entry);
                let words = elements.iter().map(|element| &element[..]).collect();
                self.in_parts(b"RPUSH", key, words)?;
            }
            Kind::Set => {
                let members = members_of(entry);
                let words = members.iter().map(|member| &member[..]).collect();
                self.in_parts(b"SADD", key, words)?;
            }
            Kind::SortedSet => {
                let scores = scores_of(entry);
                let words = scores
                    .iter()
                    .flat_map(|(member, score)| [&score[..], member]);
                self.in_parts(b"ZADD", key, words.collect())?;
            }
            Kind::Hash => {
                let fields = fields_of(entry, self.gate.shown_ms());
                let words = fields
                    .iter()
                    .flat_map(|(field, value, _)| [&field[..], value]);
                self.in_parts(b"HSET", key, words.collect())?;
                for fields in fields.chunks(WORDS_PER_COMMAND) {
                    self.field_deadlines(key, fields)?;
                }
            }
            Kind::Stream => {
                let stream = entry.stream().expect("a stream");
                stream::commands(stream, key, &mut |words| self.command(words))?;
            }
            Kind::String => {
                let value = string_of(entry);
                return match deadline {
                    None => self.command(&[b"SET", key, &value]),
                    Some(at) => self.command(&[b"SET", key, &value, b"PXAT", at.as_bytes()]),
                };
            }
        }
        match deadline {
            None => Ok(()),
            Some(at) => self.command(&[b"PEXPIREAT", key, at.as_bytes()]),
        }
    }

    /// A large collection becomes several commands.
    fn in_parts(&mut self, name: &[u8], key: &[u8], words: Vec<&[u8]>) -> io::Result<()> {
        for part in words.chunks(WORDS_PER_COMMAND) {
            let front = [name, key];
            let words: Vec<&[u8]> = front.iter().chain(part).copied().collect();
            self.command(&words)?;
        }
        Ok(())
    }
}

impl<W: Write> Sink for CommandSink<W> {
    fn entry(&mut self, database: usize, entry: Entry<'_>) {
        if let Some(is_other) = self.gate.passes(database, &entry) {
            let outcome = self.key(database, is_other, &entry);
            self.gate.keep(outcome);
        }
    }

    fn has_room(&self) -> bool {
        self.gate.error.is_none()
    }
}

/// Even, as words may come in pairs.
const WORDS_PER_COMMAND: usize = 128;

fn elements_of(entry: &Entry<'_>) -> Vec<Vec<u8>> {
    let list = entry.list().expect("a list");
    list.iter().map(Item::to_vec).collect()
}

fn members_of(entry: &Entry<'_>) -> Vec<Vec<u8>> {
    let set = entry.set().expect("a set");
    set.iter().map(Item::to_vec).collect()
}

/// Members with the texts of their scores.
fn scores_of(entry: &Entry<'_>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let text_of = |score| {
        let mut text = Vec::new();
        base::write_double(&mut text, score);
        text
    };
    let members = entry.zset().expect("a sorted set").iter();
    members
        .map(|(member, score)| (member.to_vec(), text_of(score)))
        .collect()
}

/// What is not over.
fn fields_of(entry: &Entry<'_>, shown_ms: i64) -> Vec<Field> {
    let hash = entry.hash().expect("a hash");
    let fields = hash.at(shown_ms).fields();
    fields
        .map(|field| (field.name.to_vec(), field.value.to_vec(), field.deadline_ms))
        .collect()
}

fn string_of<'a>(entry: &Entry<'a>) -> std::borrow::Cow<'a, [u8]> {
    match entry.string() {
        StringView::Int(number) => {
            let mut bytes = Vec::new();
            base::write_i64(&mut bytes, number);
            bytes.into()
        }
        StringView::Bytes(bytes) => bytes.into(),
        StringView::Block(block) => block.bytes().as_slice().into(),
    }
}
