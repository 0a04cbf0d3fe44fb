//! Streams in the workload: XADD, XDEL, XTRIM, and a group that reads, acknowledges and claims.
//!
//! ```text
//!   entries   id ─► value          last id · largest id deleted · how many were ever added
//!   group     last delivered · pending: id ─► consumer, deliveries · its consumers
//! ```
//!
//! Ids are given by the client, so that every reply is foretold. When something was delivered is
//! not looked at: only clocks know.

use std::collections::{BTreeMap, BTreeSet};

use super::content::Content;
use super::state::{Key, State};
use super::workload::Argv;
use crate::linear::dice::Dice;
use crate::reply::Reply;

pub const STREAMS: std::ops::Range<u16> = 60..63;

/// An id is a number and `-0`.
type Id = u64;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    entries: BTreeMap<Id, Vec<u8>>,
    last: Id,
    deleted: Id,
    added: u64,
    group: Option<Group>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Group {
    delivered: Id,
    /// Who has it, and how often it was delivered.
    pending: BTreeMap<Id, (Vec<u8>, i64)>,
    consumers: BTreeSet<Vec<u8>>,
}

/// A change of one.
#[derive(Clone, Debug)]
pub enum StreamChange {
    /// And no more than so many are left.
    Add(Id, Vec<u8>, Option<usize>),
    Delete(Vec<Id>),
    Trim(Id),
    /// There is none yet.
    MakeGroup,
    Read(u8, usize),
    Ack(Vec<Id>),
    Claim(u8, Vec<Id>),
}

const GROUP: &str = "workers";

impl StreamChange {
    /// One that is drawn for a stream that is like this. `id` is larger than all that were drawn
    /// before it, and `value` like no other.
    pub fn draw(dice: &mut Dice, stream: &Stream, id: Id, value: Vec<u8>) -> StreamChange {
        let mut some = |ids: Vec<Id>| -> Vec<Id> {
            let from = dice.below(ids.len().max(1));
            let count = 1 + dice.below(5);
            ids.into_iter().skip(from).take(count).collect()
        };
        let entries = some(stream.entries.keys().copied().collect());
        let group = stream.group.as_ref();
        let pending = some(group.map_or(Vec::new(), |it| it.pending.keys().copied().collect()));
        match dice.below(20) {
            7 if !entries.is_empty() => StreamChange::Delete(entries),
            8 if stream.entries.len() > 100 => StreamChange::Trim(entries[0]),
            9..20 if group.is_none() => StreamChange::MakeGroup,
            9..14 => StreamChange::Read(dice.below(3) as u8, 1 + dice.below(8)),
            14..17 if !pending.is_empty() => StreamChange::Ack(pending),
            17..20 if !pending.is_empty() => StreamChange::Claim(dice.below(3) as u8, pending),
            0 => StreamChange::Add(id, value, Some(1 + dice.below(150))),
            _ => StreamChange::Add(id, value, None),
        }
    }

    pub fn words(&self, name: Vec<u8>) -> Argv {
        let text = |word: &str| word.as_bytes().to_vec();
        let with = |words: &[&str]| -> Argv {
            let words = words.iter().map(|word| match *word {
                "KEY" => name.clone(),
                word => text(word),
            });
            words.collect()
        };
        let ids = |ids: &[Id]| -> Argv { ids.iter().map(|at| id_text(*at)).collect() };
        match self {
            StreamChange::Add(at, value, kept) => {
                let mut words = with(&["XADD", "KEY"]);
                if let Some(kept) = kept {
                    words.extend([text("MAXLEN"), text(&kept.to_string())]);
                }
                words.extend([id_text(*at), text("value"), value.clone()]);
                words
            }
            StreamChange::Delete(gone) => [with(&["XDEL", "KEY"]), ids(gone)].concat(),
            StreamChange::Trim(first) => {
                [with(&["XTRIM", "KEY", "MINID"]), ids(&[*first])].concat()
            }
            StreamChange::MakeGroup => with(&["XGROUP", "CREATE", "KEY", GROUP, "0", "MKSTREAM"]),
            StreamChange::Read(consumer, count) => {
                let (consumer, count) = (consumer_name(*consumer), count.to_string());
                let front = ["XREADGROUP", "GROUP", GROUP, &consumer, "COUNT", &count];
                [with(&front), with(&["STREAMS", "KEY", ">"])].concat()
            }
            StreamChange::Ack(done) => [with(&["XACK", "KEY", GROUP]), ids(done)].concat(),
            StreamChange::Claim(consumer, claimed) => {
                let front = with(&["XCLAIM", "KEY", GROUP, &consumer_name(*consumer), "0"]);
                [front, ids(claimed), with(&["JUSTID"])].concat()
            }
        }
    }

    /// `name` is that of the key, which some replies repeat.
    pub(super) fn apply(&self, state: &mut State, key: Key, name: Vec<u8>) -> Reply {
        match state.content(key, || Content::Stream(Stream::default())) {
            Content::Stream(stream) => self.change(stream, name),
            other => panic!("{key} holds {other}"),
        }
    }

    fn change(&self, stream: &mut Stream, name: Vec<u8>) -> Reply {
        Reply::Integer(match self {
            StreamChange::Add(at, value, kept) => {
                stream.entries.insert(*at, value.clone());
                stream.last = *at;
                stream.added += 1;
                while kept.is_some_and(|kept| stream.entries.len() > kept) {
                    stream.entries.pop_first();
                }
                return Reply::Bulk(id_text(*at));
            }
            StreamChange::Delete(ids) => {
                let gone = ids.iter().filter(|at| stream.entries.remove(at).is_some());
                let gone: Vec<Id> = gone.copied().collect();
                let largest = gone.iter().max().copied().unwrap_or(0);
                stream.deleted = stream.deleted.max(largest);
                gone.len() as i64
            }
            StreamChange::Trim(first) => {
                let before = stream.entries.len();
                stream.entries = stream.entries.split_off(first);
                (before - stream.entries.len()) as i64
            }
            StreamChange::MakeGroup => {
                stream.group = Some(Group::default());
                return Reply::Simple(b"OK".to_vec());
            }
            StreamChange::Read(consumer, count) => return stream.read(*consumer, *count, name),
            StreamChange::Ack(ids) => {
                let pending = &mut stream.group().pending;
                ids.iter().filter(|at| pending.remove(at).is_some()).count() as i64
            }
            StreamChange::Claim(consumer, ids) => return stream.claim(*consumer, ids),
        })
    }
}

impl Stream {
    fn group(&mut self) -> &mut Group {
        self.group.as_mut().expect("only drawn where it is")
    }

    fn read(&mut self, consumer: u8, count: usize, name: Vec<u8>) -> Reply {
        let from = self.group().delivered + 1;
        let found = self.entries.range(from..).take(count);
        let found: Vec<(Id, Vec<u8>)> = found.map(|(at, value)| (*at, value.clone())).collect();
        let group = self.group();
        let consumer = consumer_name(consumer).into_bytes();
        group.consumers.insert(consumer.clone());
        let mut replies = Vec::new();
        for (at, value) in found {
            group.delivered = at;
            group.pending.insert(at, (consumer.clone(), 1));
            let pair = [b"value".to_vec(), value].map(Reply::Bulk).to_vec();
            replies.push(Reply::Array(vec![
                Reply::Bulk(id_text(at)),
                Reply::Array(pair),
            ]));
        }
        match replies.is_empty() {
            true => Reply::NullArray,
            false => Reply::Array(vec![Reply::Array(vec![
                Reply::Bulk(name),
                Reply::Array(replies),
            ])]),
        }
    }

    /// What is no entry any more is pending no more.
    fn claim(&mut self, consumer: u8, ids: &[Id]) -> Reply {
        let entries = std::mem::take(&mut self.entries);
        let group = self.group();
        let consumer = consumer_name(consumer).into_bytes();
        group.consumers.insert(consumer.clone());
        let mut claimed = Vec::new();
        for at in ids {
            if !entries.contains_key(at) {
                group.pending.remove(at);
            } else if let Some((owner, _)) = group.pending.get_mut(at) {
                *owner = consumer.clone();
                claimed.push(Reply::Bulk(id_text(*at)));
            }
        }
        self.entries = entries;
        Reply::Array(claimed)
    }
}

fn consumer_name(consumer: u8) -> String {
    format!("consumer {consumer}")
}

fn id_text(id: Id) -> Vec<u8> {
    format!("{id}-0").into_bytes()
}

// ---- reading back ------------------------------------------------------------

impl Stream {
    /// How many entries and how many pending ones.
    pub(super) fn counts(&self) -> (usize, usize) {
        let pending = self.group.as_ref().map_or(0, |group| group.pending.len());
        (self.entries.len(), pending)
    }

    /// What XINFO STREAM FULL COUNT 0 answered.
    pub(super) fn told(reply: &Reply) -> Result<Stream, String> {
        let mut entries = BTreeMap::new();
        for entry in list(named(reply, "entries")?)? {
            let [at, pair] = list(entry)? else {
                return Err(format!("an entry {entry:.100?}"));
            };
            let [_, Reply::Bulk(value)] = list(pair)? else {
                return Err(format!("an entry's fields {pair:.100?}"));
            };
            entries.insert(id(at)?, value.clone());
        }
        let groups = list(named(reply, "groups")?)?;
        Ok(Stream {
            entries,
            last: id(named(reply, "last-generated-id")?)?,
            deleted: id(named(reply, "max-deleted-entry-id")?)?,
            added: number(named(reply, "entries-added")?)? as u64,
            group: groups.first().map(Group::told).transpose()?,
        })
    }
}

impl Group {
    fn told(reply: &Reply) -> Result<Group, String> {
        let mut pending = BTreeMap::new();
        for entry in list(named(reply, "pending")?)? {
            let [at, Reply::Bulk(consumer), _, count] = list(entry)? else {
                return Err(format!("pending is {entry:.100?}"));
            };
            pending.insert(id(at)?, (consumer.clone(), number(count)?));
        }
        let consumers = list(named(reply, "consumers")?)?.iter();
        let names = consumers.map(|consumer| match named(consumer, "name")? {
            Reply::Bulk(name) => Ok(name.clone()),
            other => Err(format!("{other} is no name")),
        });
        Ok(Group {
            delivered: id(named(reply, "last-delivered-id")?)?,
            pending,
            consumers: names.collect::<Result<_, String>>()?,
        })
    }
}

/// What follows a name in a flat array.
fn named<'r>(reply: &'r Reply, name: &str) -> Result<&'r Reply, String> {
    let pairs = list(reply)?.chunks_exact(2);
    let found = pairs.into_iter().find(|two| match &two[0] {
        Reply::Bulk(word) => word == name.as_bytes(),
        _ => false,
    });
    let found = found.ok_or_else(|| format!("no {name} in {reply:.200?}"))?;
    Ok(&found[1])
}

fn list(reply: &Reply) -> Result<&[Reply], String> {
    match reply {
        Reply::Array(replies) => Ok(replies),
        other => Err(format!("{other:.100?} is no array")),
    }
}

fn number(reply: &Reply) -> Result<i64, String> {
    match reply {
        Reply::Integer(number) => Ok(*number),
        other => Err(format!("{other:.100?} is no number")),
    }
}

fn id(reply: &Reply) -> Result<Id, String> {
    let text = match reply {
        Reply::Bulk(text) => std::str::from_utf8(text).ok(),
        _ => None,
    };
    let id = text.and_then(|text| text.strip_suffix("-0")?.parse().ok());
    id.ok_or_else(|| format!("{reply:.100?} is no id of ours"))
}
