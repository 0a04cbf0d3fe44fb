//! Hashes whose fields have deadlines, out of a stream and into one.
//!
//! ```text
//!   22          count, (deadline, field, value) ...                    Redis 7.4 candidates
//!   23          a listpack of field, value, deadline ...               the same
//!   24   first  count, (how much later than first, field, value) ...   Redis 7.4
//!   25   first  a listpack of field, value, deadline ...               the same
//!   22          count, (field, value, deadline) ...                    Valkey 9
//! ```
//!
//! In Redis' forms 0 says that there is no deadline (so 24 counts from 1), in Valkey's -1. Written
//! are 24 and 25, and the forms without deadlines for a hash that has lost its last one. A deadline
//! that no clock will reach is a fault in Redis' forms; Valkey has no bound, and what is beyond it
//! becomes the last moment of it.

use std::io::Read;
use std::sync::Arc;

use store::{HashForm, HashView, NewHash, NewValue, Packing};
use structs::dict::Dict;
use structs::listpack::{EMPTY as NO_ITEMS, Editor, Item, Listpack};

use super::Build;
use super::fault::FaultKind;
use super::hash::{EMPTY, ODD, Outcome, TWICE, has_twins, is_small, with_bytes};
use super::input::{Input, Result};
use super::types::ValueType;
use super::writer::{write_length, write_string};

/// The type bytes that are written.
pub(super) const LARGE_TYPE: u8 = 24;
pub(super) const PACKED_TYPE: u8 = 25;

const TOO_LATE: &str = "a field has a deadline that no clock will reach";
const NO_NUMBER: &str = "a field has a deadline that is no time";

/// How the deadline of a field is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    Before,
    /// As its distance from this time, plus one.
    After(u64),
    /// Behind the value, in eight bytes.
    Behind,
}

/// A hash in a plain form.
pub(super) fn plain<R: Read>(
    value_type: ValueType,
    input: &mut Input<R>,
    build: &Build,
) -> Result<NewValue<'static>> {
    let written = match value_type {
        ValueType::HashDeadlines => {
            input.expect("a hash's first deadline");
            Written::After(u64::from_le_bytes(input.array()?))
        }
        ValueType::HashDeadlinesValkey => Written::Behind,
        _ => Written::Before,
    };
    input.expect("a hash with deadlines");
    let at = input.offset();
    let count = input.count()?;
    if count == 0 {
        return input.fault(at, FaultKind::Inside { what: EMPTY });
    }
    let mut hash = NewHash::new(build.hash, build.hasher);
    for _ in 0..count {
        input.set_mark();
        let at = input.offset();
        let before = match written {
            Written::Behind => 0,
            Written::Before | Written::After(_) => input.number()?,
        };
        let (field, value) = (input.string()?, input.string()?);
        let deadline = match written {
            Written::Before => of_redis(Some(before)),
            Written::After(_) if before == 0 => Ok(None),
            Written::After(first) => of_redis(first.checked_add(before - 1)),
            Written::Behind => of_valkey(i64::from_le_bytes(input.array()?)),
        };
        let deadline_ms = match deadline {
            Ok(deadline_ms) => deadline_ms,
            Err(what) => return input.fault(at, FaultKind::Inside { what }),
        };
        let is_new = with_bytes(input, &field, |field| {
            with_bytes(input, &value, |value| {
                hash.put_until(field, value, deadline_ms)
            })
        });
        if !is_new {
            return input.fault(at, FaultKind::Inside { what: TWICE });
        }
    }
    Ok(hash.finish())
}

fn of_redis(ms: Option<u64>) -> std::result::Result<Option<i64>, &'static str> {
    let ms = ms.and_then(|ms| i64::try_from(ms).ok());
    let ms = ms.filter(|ms| *ms <= HashView::DEADLINE_MS_MAX);
    ms.ok_or(TOO_LATE).map(|ms| (ms > 0).then_some(ms))
}

fn of_valkey(ms: i64) -> std::result::Result<Option<i64>, &'static str> {
    match ms {
        -1 => Ok(None),
        0.. => Ok(Some(ms.clamp(1, HashView::DEADLINE_MS_MAX))),
        _ => Err(NO_NUMBER),
    }
}

/// A hash in a listpack of triples.
pub(super) fn of_triples(bytes: Vec<u8>, build: &Build) -> Outcome {
    let list = Listpack::check_deep(&bytes).map_err(|flaw| flaw.what)?;
    let entries = list.len();
    if entries % 3 != 0 {
        return Err(ODD);
    }
    if entries == 0 {
        return Err(EMPTY);
    }
    let mut items = list.iter();
    let mut hash = NewHash::new(build.hash, build.hasher);
    // What is in order and small is kept as it is; the rest is built anew.
    if let Some(sound) = NewHash::of_triples(list)
        && is_small(sound, build.hash)
        && sound
            .fields()
            .all(|field| field.deadline_ms <= Some(HashView::DEADLINE_MS_MAX))
    {
        if has_twins(sound) {
            return Err(TWICE);
        }
        return Ok(NewValue::PackedBlock(Packing::TimedHash, Arc::new(bytes)));
    }
    let (mut name, mut text) = (Vec::new(), Vec::new());
    while let (Some(field), Some(value), Some(deadline)) =
        (items.next(), items.next(), items.next())
    {
        let Item::Int(ms) = deadline else {
            return Err(NO_NUMBER);
        };
        let ms = u64::try_from(ms).map_err(|_| NO_NUMBER)?;
        name.clear();
        text.clear();
        field.append_to(&mut name);
        value.append_to(&mut text);
        if !hash.put_until(&name, &text, of_redis(Some(ms))?) {
            return Err(TWICE);
        }
    }
    Ok(hash.finish())
}

/// The pairs of a hash in triples that has no deadline any more, and otherwise its first deadline.
pub(super) fn first_or_pairs(triples: &[u8]) -> std::result::Result<i64, Vec<u8>> {
    let hash = HashView::new(HashForm::Timed(Listpack::new(triples)));
    if let Some(first_ms) = hash.next_deadline_ms() {
        return Ok(first_ms);
    }
    let mut pairs = NO_ITEMS.to_vec();
    let mut editor = Editor::new(&mut pairs);
    hash.iter()
        .for_each(|(field, value)| editor.extend([field, value]));
    Err(pairs)
}

/// A small hash behind its type, whichever that is.
pub(super) fn write_small(out: &mut Vec<u8>, triples: &[u8], compress: bool) {
    match first_or_pairs(triples) {
        Ok(first_ms) => {
            out.extend_from_slice(&first_ms.to_le_bytes());
            write_string(out, triples, compress);
        }
        Err(pairs) => write_string(out, &pairs, compress),
    }
}

/// The first deadline of a large hash, if it has one.
pub(super) fn first_ms(fields: &Dict) -> Option<i64> {
    if fields.volatile() == 0 {
        return None;
    }
    fields.iter().filter_map(|item| item.deadline_ms).min()
}

/// The fields of a large hash of which the first deadline is known. `drain` is called after each.
pub(super) fn write_large<E>(
    out: &mut Vec<u8>,
    fields: &Dict,
    first_ms: i64,
    compress: bool,
    drain: &mut dyn FnMut(&mut Vec<u8>) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    out.extend_from_slice(&first_ms.to_le_bytes());
    write_length(out, fields.len() as u64);
    for item in fields.iter() {
        let later = item.deadline_ms.map_or(0, |ms| ms - first_ms + 1);
        write_length(out, later as u64);
        write_string(out, item.name, compress);
        write_string(out, item.value, compress);
        drain(out)?;
    }
    Ok(())
}
