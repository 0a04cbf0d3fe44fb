//! Streams out of a stream of bytes, in the three forms that there are, and into one.
//!
//! ```text
//!   count │ id, listpack ... │ marks │ count │ group ...
//!   group     name │ last id │ read* │ count │ id, time, deliveries ...   pending for anybody
//!             count │ consumer ...
//!   consumer  name │ seen │ active** │ count │ id ...                     pending for it
//!
//!   *  from the second form on      ** from the third
//! ```
//!
//! Nodes are kept byte for byte. What the old forms do not tell is found out: the first id from the
//! nodes, how many entries were ever added from the length, how much a group has read from where it
//! stands.
//!
//! A node that is not sound, ids that do not ascend, a group or a consumer that comes twice, and an
//! entry that is pending for none or for two are faults: no server writes them.

use std::io::Read;
use std::sync::Arc;

use store::{Large, NewValue, Progress};
use structs::stream::{ConsumerIndex, Group, Marks, Pending, Stream, StreamId};

use super::VERSION;
use super::fault::FaultKind;
use super::input::{Input, Piece, Result};
use super::types::ValueType;
use super::writer::{write_length, write_string};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    First,
    Second,
    Third,
}

/// As a number that is not known is written.
const UNKNOWN: u64 = u64::MAX;

/// A stream of this type; `None` if the type is none.
pub(super) fn read<R: Read>(
    value_type: ValueType,
    input: &mut Input<R>,
) -> Result<Option<NewValue<'static>>> {
    let form = match value_type {
        ValueType::Stream => Form::First,
        ValueType::Stream2 => Form::Second,
        ValueType::Stream3 => Form::Third,
        _ => return Ok(None),
    };
    let mut stream = Stream::new();
    nodes(input, &mut stream)?;
    marks(input, &mut stream, form)?;
    input.expect("a stream's groups");
    for _ in 0..input.count()? {
        let at = input.offset();
        let group = group(input, &stream, form)?;
        if !stream.add_group(group) {
            return inside(input, at, "a stream has a group twice");
        }
    }
    let large = Large::Stream(stream);
    Ok(Some(NewValue::Large(Arc::new(large))))
}

fn nodes<R: Read>(input: &mut Input<R>, stream: &mut Stream) -> Result<()> {
    input.expect("a stream's entries");
    for _ in 0..input.count()? {
        input.set_mark();
        let at = input.offset();
        let name = bytes(input)?;
        let Ok(id) = <[u8; 16]>::try_from(&name[..]) else {
            return inside(input, at, "a stream's node whose id is none");
        };
        input.set_mark();
        let at = input.offset();
        let node = bytes(input)?;
        if let Err(flaw) = stream.push_node(StreamId::of_bytes(id), node) {
            return inside(input, at, flaw.what);
        }
    }
    Ok(())
}

fn marks<R: Read>(input: &mut Input<R>, stream: &mut Stream, form: Form) -> Result<()> {
    input.set_mark();
    input.expect("a stream's length and ids");
    let at = input.offset();
    let len = input.number()?;
    let mut marks = Marks {
        len,
        last_id: id(input)?,
        entries_added: len,
        ..Marks::default()
    };
    if form >= Form::Second {
        // The nodes say what the first id is.
        let _first_id = id(input)?;
        marks.max_deleted_id = id(input)?;
        marks.entries_added = input.number()?;
    }
    match stream.restore_marks(marks) {
        Ok(()) => Ok(()),
        Err(flaw) => inside(input, at, flaw.what),
    }
}

/// A pending entry of a group, until its consumer is known.
struct Unclaimed {
    id: StreamId,
    delivered_ms: i64,
    deliveries: u64,
    is_claimed: bool,
}

fn group<R: Read>(input: &mut Input<R>, stream: &Stream, form: Form) -> Result<Group> {
    input.set_mark();
    input.expect("a stream's group");
    let name = bytes(input)?;
    let last_id = id(input)?;
    let entries_read = match form {
        Form::First => {
            let mut progress = Progress {
                last_id,
                entries_read: None,
            };
            progress.settle(&stream.marks());
            progress.entries_read
        }
        _ => Some(input.number()?).filter(|read| *read != UNKNOWN),
    };
    let mut group = Group::new(&name, last_id, entries_read);
    let mut pending = pending(input)?;
    input.expect("a group's consumers");
    for _ in 0..input.count()? {
        input.set_mark();
        consumer(input, &mut group, &mut pending, form)?;
    }
    let at = input.offset();
    match pending.iter().all(|entry| entry.is_claimed) {
        true => Ok(group),
        false => inside(input, at, "an entry that is pending for no consumer"),
    }
}

fn pending<R: Read>(input: &mut Input<R>) -> Result<Vec<Unclaimed>> {
    input.expect("a group's pending entries");
    let mut pending: Vec<Unclaimed> = Vec::new();
    for _ in 0..input.count()? {
        input.set_mark();
        let at = input.offset();
        let id = StreamId::of_bytes(input.array()?);
        if pending.last().is_some_and(|last| last.id >= id) {
            return inside(input, at, "pending entries that do not ascend");
        }
        pending.push(Unclaimed {
            id,
            delivered_ms: i64::from_le_bytes(input.array()?),
            deliveries: input.number()?,
            is_claimed: false,
        });
    }
    Ok(pending)
}

fn consumer<R: Read>(
    input: &mut Input<R>,
    group: &mut Group,
    pending: &mut [Unclaimed],
    form: Form,
) -> Result<()> {
    let at = input.offset();
    let name = bytes(input)?;
    let seen_ms = i64::from_le_bytes(input.array()?);
    let active_ms = match form {
        Form::Third => Some(i64::from_le_bytes(input.array()?)).filter(|at_ms| *at_ms != -1),
        // The best guess that there is.
        _ => Some(seen_ms),
    };
    let Some(index) = group.add_consumer(&name, seen_ms) else {
        return inside(input, at, "a group has a consumer twice");
    };
    group.touch(index, seen_ms, active_ms);
    for _ in 0..input.count()? {
        input.set_mark();
        let at = input.offset();
        let id = StreamId::of_bytes(input.array()?);
        if !claim(group, index, pending, id) {
            let what = "an entry that is pending for a consumer and not for its group";
            return inside(input, at, what);
        }
    }
    Ok(())
}

/// False if nobody has the entry pending, or another consumer.
fn claim(
    group: &mut Group,
    consumer: ConsumerIndex,
    pending: &mut [Unclaimed],
    id: StreamId,
) -> bool {
    let Ok(at) = pending.binary_search_by_key(&id, |entry| entry.id) else {
        return false;
    };
    let entry = &mut pending[at];
    if std::mem::replace(&mut entry.is_claimed, true) {
        return false;
    }
    group.deliver(
        id,
        Pending {
            consumer,
            delivered_ms: entry.delivered_ms,
            deliveries: entry.deliveries,
        },
    );
    true
}

fn id<R: Read>(input: &mut Input<R>) -> Result<StreamId> {
    Ok(StreamId::new(input.number()?, input.number()?))
}

/// A string that lies behind the mark.
fn bytes<R: Read>(input: &mut Input<R>) -> Result<Vec<u8>> {
    Ok(match input.string()? {
        Piece::Here { from, len } => input.lend(from, len).to_vec(),
        Piece::Own(bytes) => bytes,
        Piece::Int(number) => {
            let mut digits = Vec::with_capacity(20);
            base::write_i64(&mut digits, number);
            digits
        }
    })
}

fn inside<R: Read, T>(input: &Input<R>, at: u64, what: &'static str) -> Result<T> {
    input.fault(at, FaultKind::Inside { what })
}

// ---- out -----------------------------------------------------------------

/// The type byte, in a file of this version.
pub(super) fn type_of(version: u16) -> u8 {
    if version >= VERSION { 21 } else { 19 }
}

/// What follows the key. `drain` is called on the way.
pub(super) fn write<E>(
    out: &mut Vec<u8>,
    stream: &Stream,
    version: u16,
    compress: bool,
    drain: &mut dyn FnMut(&mut Vec<u8>) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    write_length(out, stream.node_count() as u64);
    for (master, node) in stream.nodes() {
        write_length(out, 16);
        out.extend_from_slice(&master.to_bytes());
        write_string(out, node, compress);
        drain(out)?;
    }
    let marks = stream.marks();
    write_length(out, marks.len);
    write_id(out, marks.last_id);
    write_id(out, marks.first_id);
    write_id(out, marks.max_deleted_id);
    write_length(out, marks.entries_added);
    write_length(out, stream.groups().len() as u64);
    for group in stream.groups() {
        write_group(out, group, version, compress, drain)?;
    }
    Ok(())
}

fn write_group<E>(
    out: &mut Vec<u8>,
    group: &Group,
    version: u16,
    compress: bool,
    drain: &mut dyn FnMut(&mut Vec<u8>) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    write_string(out, group.name(), compress);
    write_id(out, group.last_delivered_id());
    write_length(out, group.entries_read().unwrap_or(UNKNOWN));
    write_length(out, group.pending().len() as u64);
    for (id, pending) in group.pending().iter_from(StreamId::MIN) {
        out.extend_from_slice(&id.to_bytes());
        out.extend_from_slice(&pending.delivered_ms.to_le_bytes());
        write_length(out, pending.deliveries);
        drain(out)?;
    }
    write_length(out, group.consumers().len() as u64);
    for (_, consumer) in group.consumers() {
        write_string(out, consumer.name(), compress);
        out.extend_from_slice(&consumer.seen_ms().to_le_bytes());
        if type_of(version) == 21 {
            let active_ms = consumer.active_ms().unwrap_or(-1);
            out.extend_from_slice(&active_ms.to_le_bytes());
        }
        write_length(out, consumer.pending_len() as u64);
        for (id, ()) in consumer.pending_from(StreamId::MIN) {
            out.extend_from_slice(&id.to_bytes());
            drain(out)?;
        }
    }
    Ok(())
}

fn write_id(out: &mut Vec<u8>, id: StreamId) {
    write_length(out, id.ms);
    write_length(out, id.seq);
}
