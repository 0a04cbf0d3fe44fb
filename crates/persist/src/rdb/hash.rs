//! Hashes out of a stream, in every form that they were ever written in.
//!
//! ```text
//!   plain      a count, field, value, field, value ...   built as it arrives
//!   listpack   one string                                kept byte for byte if it is small
//!   ziplist    one string, Redis 2.6 to 6.2              rebuilt
//!   zipmap     one string, Redis 2.4                     rebuilt
//! ```
//!
//! Those with deadlines are in `field`. A field that comes twice, a field without a value and a hash
//! without fields are faults: no server writes them.

use std::io::Read;
use std::sync::Arc;

use store::{HashForm, HashView, Item, Limits, NewHash, NewValue, Packing};
use structs::listpack::Listpack;

use super::Build;
use super::fault::FaultKind;
use super::field;
use super::input::{Input, Piece, Result};
use super::types::ValueType;
use super::ziplist;

/// A hash of this type; `None` if the type is none that is decoded here.
pub(super) fn read<R: Read>(
    value_type: ValueType,
    input: &mut Input<R>,
    build: &Build,
) -> Result<Option<NewValue<'static>>> {
    let at = input.offset();
    let read = match value_type {
        ValueType::Hash => return plain(input, build).map(Some),
        ValueType::HashDeadlinesEarly
        | ValueType::HashDeadlines
        | ValueType::HashDeadlinesValkey => {
            return field::plain(value_type, input, build).map(Some);
        }
        ValueType::HashListpackDeadlines => {
            // It is in the listpack too.
            input.expect("a hash's first deadline");
            input.skip(8)?;
            field::of_triples
        }
        ValueType::HashListpackDeadlinesEarly => field::of_triples,
        ValueType::HashListpack => of_listpack,
        ValueType::HashZiplist => of_ziplist,
        ValueType::HashZipmap => of_zipmap,
        _ => return Ok(None),
    };
    input.expect("a packed hash");
    input.set_mark();
    let bytes = match input.string()? {
        Piece::Here { from, len } => input.lend(from, len).to_vec(),
        Piece::Own(bytes) => bytes,
        Piece::Int(_) => {
            return input.fault(
                at,
                FaultKind::Inside {
                    what: "no packed hash",
                },
            );
        }
    };
    match read(bytes, build) {
        Ok(value) => Ok(Some(value)),
        Err(what) => input.fault(at, FaultKind::Inside { what }),
    }
}

pub(super) const TWICE: &str = "a hash has a field twice";
pub(super) const EMPTY: &str = "a hash has no fields";
pub(super) const ODD: &str = "a hash has a field without a value";

fn plain<R: Read>(input: &mut Input<R>, build: &Build) -> Result<NewValue<'static>> {
    input.expect("a hash");
    let at = input.offset();
    let count = input.count()?;
    if count == 0 {
        return input.fault(at, FaultKind::Inside { what: EMPTY });
    }
    let mut hash = NewHash::new(build.hash, build.hasher);
    for _ in 0..count {
        input.set_mark();
        let at = input.offset();
        let (field, value) = (input.string()?, input.string()?);
        let is_new = with_bytes(input, &field, |field| {
            with_bytes(input, &value, |value| hash.put(field, value))
        });
        if !is_new {
            return input.fault(at, FaultKind::Inside { what: TWICE });
        }
    }
    Ok(hash.finish())
}

/// Look at a string that was read.
pub(super) fn with_bytes<R: Read, T>(
    input: &Input<R>,
    piece: &Piece,
    look: impl FnOnce(&[u8]) -> T,
) -> T {
    match piece {
        Piece::Here { from, len } => look(input.lend(*from, *len)),
        Piece::Own(bytes) => look(bytes),
        Piece::Int(number) => {
            let mut digits = Vec::with_capacity(20);
            base::write_i64(&mut digits, *number);
            look(&digits)
        }
    }
}

pub(super) type Outcome = std::result::Result<NewValue<'static>, &'static str>;

fn of_listpack(bytes: Vec<u8>, build: &Build) -> Outcome {
    let list = Listpack::check_deep(&bytes).map_err(|flaw| flaw.what)?;
    let entries = list.len();
    if entries % 2 == 1 {
        return Err(ODD);
    }
    if entries == 0 {
        return Err(EMPTY);
    }
    let hash = HashView::new(HashForm::Packed(list));
    if !is_small(hash, build.hash) {
        return of_pairs(hash.iter(), build);
    }
    if has_twins(hash) {
        return Err(TWICE);
    }
    Ok(NewValue::PackedBlock(Packing::Hash, Arc::new(bytes)))
}

pub(super) fn is_small(hash: HashView<'_>, limits: Limits) -> bool {
    let fits = |item: Item<'_>| item.text_len() <= limits.value_bytes;
    hash.len() <= limits.entries && hash.iter().all(|(field, value)| fits(field) && fits(value))
}

pub(super) fn has_twins(hash: HashView<'_>) -> bool {
    let (mut numbers, mut texts) = (Vec::new(), Vec::new());
    for (field, _) in hash.iter() {
        match (field.int(), field) {
            (Some(number), _) | (None, Item::Int(number)) => numbers.push(number),
            (None, Item::Bytes(text)) => texts.push(text),
        }
    }
    numbers.sort_unstable();
    texts.sort_unstable();
    numbers.windows(2).any(|two| two[0] == two[1]) || texts.windows(2).any(|two| two[0] == two[1])
}

fn of_pairs<'a>(pairs: impl Iterator<Item = (Item<'a>, Item<'a>)>, build: &Build) -> Outcome {
    let mut hash = NewHash::new(build.hash, build.hasher);
    let (mut name, mut text, mut is_empty) = (Vec::new(), Vec::new(), true);
    for (field, value) in pairs {
        name.clear();
        text.clear();
        field.append_to(&mut name);
        value.append_to(&mut text);
        if !hash.put(&name, &text) {
            return Err(TWICE);
        }
        is_empty = false;
    }
    if is_empty {
        Err(EMPTY)
    } else {
        Ok(hash.finish())
    }
}

fn of_ziplist(bytes: Vec<u8>, build: &Build) -> Outcome {
    let items = ziplist::items(&bytes)?;
    if items.len() % 2 == 1 {
        return Err(ODD);
    }
    of_pairs(items.chunks(2).map(|pair| (pair[0], pair[1])), build)
}

/// A count that may be unknown; then length, field, length, unused bytes, value; 255 at the end.
fn of_zipmap(bytes: Vec<u8>, build: &Build) -> Outcome {
    const DAMAGED: &str = "a zipmap that is cut off";
    let mut rest = bytes.get(1..).ok_or(DAMAGED)?;
    let mut pairs = Vec::new();
    while let Some((field, after)) = zipmap_text(rest, 0).ok_or(DAMAGED)? {
        let (value, after) = zipmap_text(after, 1).ok_or(DAMAGED)?.ok_or(ODD)?;
        pairs.push((Item::Bytes(field), Item::Bytes(value)));
        rest = after;
    }
    of_pairs(pairs.into_iter(), build)
}

/// The next text of a zipmap and what lies behind it. `spare` is 1 if a byte between the length and
/// the text says how many bytes behind it are not used. The end is `Some(None)`.
#[allow(clippy::type_complexity)]
fn zipmap_text(bytes: &[u8], spare: usize) -> Option<Option<(&[u8], &[u8])>> {
    let (len, head) = match bytes.first()? {
        255 => return (bytes.len() == 1).then_some(None),
        254 => (
            u32::from_le_bytes(*bytes.get(1..)?.first_chunk()?) as usize,
            5,
        ),
        len => (usize::from(*len), 1),
    };
    let unused = match spare {
        0 => 0,
        _ => usize::from(*bytes.get(head)?),
    };
    let text = bytes.get(head + spare..)?.get(..len)?;
    let after = bytes.get(head + spare + len + unused..)?;
    Some(Some((text, after)))
}
