//! A stream as JSON and as commands, there and back.
//!
//! ```text
//!   {"entries":[["1-1",["f","v"]]],"last_id":"1-1","max_deleted_id":"0-0","entries_added":1,
//!    "groups":[{"name":"g","last_id":"1-1","entries_read":1,
//!               "consumers":[{"name":"c","seen":1700000000000,"active":1700000000000}],
//!               "pending":[["1-1","c",1700000000000,1]]}]}
//! ```
//!
//! Commands cannot say all of it: what is pending of entries that are gone, and when a consumer was
//! seen, is lost on that way.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use store::{Large, NewValue};
use structs::stream::{Group, NodeLimit, Pending, Stream, StreamId};

/// All that a stream is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamText {
    /// Names and values in turn.
    entries: Vec<(String, Vec<Word>)>,
    last_id: String,
    max_deleted_id: String,
    entries_added: u64,
    groups: Vec<GroupText>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupText {
    name: Word,
    last_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    entries_read: Option<u64>,
    consumers: Vec<ConsumerText>,
    /// Id, consumer, when in Unix ms, how often.
    pending: Vec<(String, Word, i64, u64)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConsumerText {
    name: Word,
    /// Unix ms, as `active`.
    seen: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    active: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Word {
    Utf8(String),
    Other(Base64),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Base64 {
    base64: String,
}

impl Word {
    fn of(bytes: Vec<u8>) -> Word {
        String::from_utf8(bytes).map_or_else(
            |error| {
                Word::Other(Base64 {
                    base64: STANDARD.encode(error.into_bytes()),
                })
            },
            Word::Utf8,
        )
    }

    fn to_bytes(&self) -> Result<Vec<u8>, String> {
        match self {
            Word::Utf8(text) => Ok(text.clone().into_bytes()),
            Word::Other(Base64 { base64 }) => STANDARD
                .decode(base64)
                .map_err(|error| format!("there is no base64 in a stream: {error}")),
        }
    }
}

fn id_text(id: StreamId) -> String {
    format!("{}-{}", id.ms, id.seq)
}

fn id_of(text: &str) -> Result<StreamId, String> {
    let parts = text.split_once('-');
    let parsed =
        parts.and_then(|(ms, seq)| Some(StreamId::new(ms.parse().ok()?, seq.parse().ok()?)));
    parsed.ok_or_else(|| format!("{text:?} is no id of a stream's entry"))
}

impl StreamText {
    pub fn of(stream: &Stream) -> StreamText {
        let marks = stream.marks();
        let entries = stream.iter_from(StreamId::MIN).map(|entry| {
            let words = entry.fields.flat_map(|(field, value)| [field, value]);
            let words = words.map(|word| Word::of(word.to_vec()));
            (id_text(entry.id), words.collect())
        });
        StreamText {
            entries: entries.collect(),
            last_id: id_text(marks.last_id),
            max_deleted_id: id_text(marks.max_deleted_id),
            entries_added: marks.entries_added,
            groups: stream.groups().map(GroupText::of).collect(),
        }
    }

    /// The stream; the error says what is wrong.
    pub fn build(&self) -> Result<NewValue<'static>, String> {
        let mut stream = Stream::new();
        for (id, words) in &self.entries {
            let id = id_of(id)?;
            if id <= stream.marks().last_id {
                return Err("the ids of a stream's entries ascend".into());
            }
            if words.len() % 2 == 1 {
                return Err("an entry has a field without a value".into());
            }
            let words: Vec<Vec<u8>> = words.iter().map(Word::to_bytes).collect::<Result<_, _>>()?;
            let fields = words.chunks(2).map(|pair| (&pair[0][..], &pair[1][..]));
            stream.add(id, fields, NodeLimit::default());
        }
        let last_id = id_of(&self.last_id)?;
        if last_id < stream.marks().last_id {
            return Err("the last id of a stream is below its last entry".into());
        }
        stream.set_last_id(last_id);
        stream.set_max_deleted_id(id_of(&self.max_deleted_id)?);
        stream.set_entries_added(self.entries_added);
        for group in &self.groups {
            if !stream.add_group(group.build()?) {
                return Err("a group comes twice".into());
            }
        }
        Ok(NewValue::Large(Arc::new(Large::Stream(stream))))
    }
}

impl GroupText {
    fn of(group: &Group) -> GroupText {
        let word = |bytes: &[u8]| Word::of(bytes.to_vec());
        let consumers = group.consumers().map(|(_, consumer)| ConsumerText {
            name: word(consumer.name()),
            seen: consumer.seen_ms(),
            active: consumer.active_ms(),
        });
        let pending = group.pending().iter_from(StreamId::MIN);
        let pending = pending.map(|(id, pending)| {
            let consumer = word(group.consumer(pending.consumer).name());
            let (delivered, deliveries) = (pending.delivered_ms, pending.deliveries);
            (id_text(id), consumer, delivered, deliveries)
        });
        GroupText {
            name: word(group.name()),
            last_id: id_text(group.last_delivered_id()),
            entries_read: group.entries_read(),
            consumers: consumers.collect(),
            pending: pending.collect(),
        }
    }

    fn build(&self) -> Result<Group, String> {
        let name = self.name.to_bytes()?;
        let mut group = Group::new(&name, id_of(&self.last_id)?, self.entries_read);
        for consumer in &self.consumers {
            let name = consumer.name.to_bytes()?;
            let added = group.add_consumer(&name, consumer.seen);
            let index = added.ok_or("a consumer comes twice")?;
            group.touch(index, consumer.seen, consumer.active);
        }
        let mut seen = BTreeSet::new();
        for (id, consumer, delivered_ms, deliveries) in &self.pending {
            let id = id_of(id)?;
            if !seen.insert(id) {
                return Err("an entry is pending twice".into());
            }
            let found = group.find_consumer(&consumer.to_bytes()?);
            let consumer = found.ok_or("an entry is pending for nobody")?;
            let pending = Pending {
                consumer,
                delivered_ms: *delivered_ms,
                deliveries: *deliveries,
            };
            group.deliver(id, pending);
        }
        Ok(group)
    }
}

/// Is given the words of a command.
pub type Emit<'a, E> = dyn FnMut(&[&[u8]]) -> Result<(), E> + 'a;

/// Commands that make the stream at a key, one after the other.
pub fn commands<E>(stream: &Stream, key: &[u8], emit: &mut Emit<'_, E>) -> Result<(), E> {
    if stream.is_empty() {
        // A stream without entries comes with a group, which goes at once.
        emit(&[b"XGROUP", b"CREATE", key, b"-", b"0", b"MKSTREAM"])?;
        emit(&[b"XGROUP", b"DESTROY", key, b"-"])?;
    }
    for entry in stream.iter_from(StreamId::MIN) {
        let id = id_text(entry.id);
        let fields = entry.fields.flat_map(|(field, value)| [field, value]);
        let fields: Vec<Vec<u8>> = fields.map(|word| word.to_vec()).collect();
        let front = [&b"XADD"[..], key, id.as_bytes()];
        let words = front.into_iter().chain(fields.iter().map(|word| &word[..]));
        emit(&words.collect::<Vec<_>>())?;
    }
    let marks = stream.marks();
    emit(&[
        b"XSETID",
        key,
        id_text(marks.last_id).as_bytes(),
        b"ENTRIESADDED",
        marks.entries_added.to_string().as_bytes(),
        b"MAXDELETEDID",
        id_text(marks.max_deleted_id).as_bytes(),
    ])?;
    for group in stream.groups() {
        group_commands(group, key, emit)?;
    }
    Ok(())
}

fn group_commands<E>(group: &Group, key: &[u8], emit: &mut Emit<'_, E>) -> Result<(), E> {
    let read = group.entries_read();
    emit(&[
        b"XGROUP",
        b"CREATE",
        key,
        group.name(),
        id_text(group.last_delivered_id()).as_bytes(),
        b"ENTRIESREAD",
        read.map_or("-1".into(), |read| read.to_string()).as_bytes(),
    ])?;
    for (_, consumer) in group.consumers() {
        let (group, consumer) = (group.name(), consumer.name());
        emit(&[b"XGROUP", b"CREATECONSUMER", key, group, consumer])?;
    }
    for (id, pending) in group.pending().iter_from(StreamId::MIN) {
        emit(&[
            b"XCLAIM",
            key,
            group.name(),
            group.consumer(pending.consumer).name(),
            b"0",
            id_text(id).as_bytes(),
            b"TIME",
            pending.delivered_ms.to_string().as_bytes(),
            b"RETRYCOUNT",
            pending.deliveries.to_string().as_bytes(),
            b"FORCE",
            b"JUSTID",
        ])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Stream {
        let mut stream = Stream::new();
        for number in 1..5 {
            let fields = [(&b"f"[..], &b"\xff"[..]), (b"g", b"text")];
            let id = StreamId::new(number, 0);
            stream.add(id, fields.into_iter(), NodeLimit::default());
        }
        stream.remove(StreamId::new(2, 0));
        let mut group = Group::new(b"g", StreamId::new(3, 0), None);
        let consumer = group.add_consumer(b"c", 5).expect("the first");
        let pending = Pending {
            consumer,
            delivered_ms: 7,
            deliveries: 2,
        };
        group.deliver(StreamId::new(3, 0), pending);
        stream.add_group(group);
        stream
    }

    #[test]
    fn json_comes_back() {
        for stream in [Stream::new(), sample()] {
            let text = StreamText::of(&stream);
            let json = serde_json::to_string(&text).expect("it is plain");
            let read: StreamText = serde_json::from_str(&json).expect("our own");
            assert_eq!(read, text);
            let Ok(NewValue::Large(large)) = read.build() else {
                panic!("it is sound");
            };
            let Large::Stream(again) = &*large else {
                panic!("it is a stream");
            };
            again.check();
            assert_eq!(again.marks(), stream.marks());
            assert_eq!(StreamText::of(again), text);
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let text = serde_json::to_string(&StreamText::of(&sample())).expect("it is plain");
        for (from, to, part) in [
            ("\"3-0\",[", "\"1-0\",[", "ascend"),
            ("\"last_id\":\"4-0\"", "\"last_id\":\"3-0\"", "below"),
            ("\"last_id\":\"4-0\"", "\"last_id\":\"4\"", "no id"),
            ("\"3-0\",\"c\"", "\"3-0\",\"d\"", "nobody"),
            ("\"g\",\"text\"", "\"g\"", "without a value"),
            ("/w==", "?", "base64"),
        ] {
            let wrong = text.replacen(from, to, 1);
            assert_ne!(wrong, text, "{from}");
            let read: StreamText = serde_json::from_str(&wrong).expect("it has the form");
            let why = read.build().err().unwrap_or_default();
            assert!(why.contains(part), "{from}: {why}");
        }
    }

    #[test]
    fn commands_name_everything() {
        let mut words = Vec::new();
        let emit = &mut |argv: &[&[u8]]| {
            let argv = argv.iter().map(|word| String::from_utf8_lossy(word));
            words.push(argv.collect::<Vec<_>>().join(" "));
            Ok::<_, ()>(())
        };
        commands(&sample(), b"s", emit).expect("it takes everything");
        assert_eq!(words.len(), 3 + 1 + 1 + 1 + 1);
        assert_eq!(words[3], "XSETID s 4-0 ENTRIESADDED 4 MAXDELETEDID 2-0");
        assert_eq!(words[4], "XGROUP CREATE s g 3-0 ENTRIESREAD -1");
        let claim = "XCLAIM s g c 0 3-0 TIME 7 RETRYCOUNT 2 FORCE JUSTID";
        assert_eq!(words[6], claim);
    }
}
