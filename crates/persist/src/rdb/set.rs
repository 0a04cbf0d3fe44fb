//! Sets out of a stream, in every form that they were ever written in.
//!
//! ```text
//!   plain      a count, and so many members                 built as it arrives
//!   intset     one string                                   kept byte for byte if it is small
//!   listpack   one string, since Redis 7.2                  kept byte for byte if it is small
//! ```
//!
//! A member that comes twice and a set without members are faults: no server writes them.
//!
//! Redis 7.0 knows no listpacks of members. What is written for it has them in the plain form.

use std::convert::Infallible;
use std::io::Read;
use std::sync::Arc;

use store::{Item, NewSet, NewValue, Packing, SetLimits, SetView};
use structs::intset::Intset;
use structs::listpack::Listpack;

use super::Build;
use super::fault::FaultKind;
use super::input::{Input, Piece, Result};
use super::types::ValueType;
use super::writer::{write_int, write_length, write_string};

/// A set of this type; `None` if the type is none that is decoded here.
pub(super) fn read<R: Read>(
    value_type: ValueType,
    input: &mut Input<R>,
    build: &Build,
) -> Result<Option<NewValue<'static>>> {
    let at = input.offset();
    let read = match value_type {
        ValueType::Set => return plain(input, build).map(Some),
        ValueType::SetIntset => of_intset,
        ValueType::SetListpack => of_listpack,
        _ => return Ok(None),
    };
    input.expect("a packed set");
    input.set_mark();
    let bytes = match input.string()? {
        Piece::Here { from, len } => input.lend(from, len).to_vec(),
        Piece::Own(bytes) => bytes,
        Piece::Int(_) => {
            let what = "no packed set";
            return input.fault(at, FaultKind::Inside { what });
        }
    };
    match read(bytes, build) {
        Ok(value) => Ok(Some(value)),
        Err(what) => input.fault(at, FaultKind::Inside { what }),
    }
}

const TWICE: &str = "a set has a member twice";
const EMPTY: &str = "a set has no members";

fn plain<R: Read>(input: &mut Input<R>, build: &Build) -> Result<NewValue<'static>> {
    input.expect("a set");
    let at = input.offset();
    let count = input.count()?;
    if count == 0 {
        return input.fault(at, FaultKind::Inside { what: EMPTY });
    }
    // The count is the stream's word: nothing is reserved for it.
    let mut set = match count > build.set.integers as u64 {
        true => NewSet::large(build.set, build.hasher),
        false => NewSet::new(build.set, build.hasher),
    };
    for _ in 0..count {
        input.set_mark();
        let at = input.offset();
        let is_new = match input.string()? {
            Piece::Here { from, len } => set.add(input.lend(from, len)),
            Piece::Own(bytes) => set.add(&bytes),
            Piece::Int(number) => set.add_item(Item::Int(number)),
        };
        if !is_new {
            return input.fault(at, FaultKind::Inside { what: TWICE });
        }
    }
    Ok(set.finish())
}

type Outcome = std::result::Result<NewValue<'static>, &'static str>;

/// That its members are different is checked with the rest: they ascend.
fn of_intset(bytes: Vec<u8>, build: &Build) -> Outcome {
    let set = Intset::check(&bytes).map_err(|flaw| flaw.what)?;
    if set.len() > build.set.integers {
        return large(SetView::Integers(set), build);
    }
    Ok(NewValue::PackedBlock(Packing::Integers, Arc::new(bytes)))
}

fn of_listpack(bytes: Vec<u8>, build: &Build) -> Outcome {
    let list = Listpack::check_deep(&bytes).map_err(|flaw| flaw.what)?;
    if list.is_empty() {
        return Err(EMPTY);
    }
    let set = SetView::Small(list);
    if !is_small(set, build.set) {
        return large(set, build);
    }
    if has_twins(set) {
        return Err(TWICE);
    }
    Ok(NewValue::PackedBlock(Packing::Set, Arc::new(bytes)))
}

fn large(set: SetView<'_>, build: &Build) -> Outcome {
    let mut large = NewSet::large(build.set, build.hasher);
    match set.iter().all(|member| large.add_item(member)) {
        true => Ok(large.finish()),
        false => Err(TWICE),
    }
}

fn is_small(set: SetView<'_>, limits: SetLimits) -> bool {
    let fits = |item: Item<'_>| item.text_len() <= limits.small.value_bytes;
    set.len() <= limits.small.entries && set.iter().all(fits)
}

/// Integers are one, however they are written.
fn has_twins(set: SetView<'_>) -> bool {
    let (mut numbers, mut texts) = (Vec::new(), Vec::new());
    for member in set.iter() {
        match (member.int(), member) {
            (Some(number), _) | (None, Item::Int(number)) => numbers.push(number),
            (None, Item::Bytes(text)) => texts.push(text),
        }
    }
    numbers.sort_unstable();
    texts.sort_unstable();
    numbers.windows(2).any(|two| two[0] == two[1]) || texts.windows(2).any(|two| two[0] == two[1])
}

/// The type byte of the plain form.
pub(super) const PLAIN_TYPE: u8 = 2;

/// The members in the plain form, with their count before them. `drain` is called after each.
pub(super) fn write_plain<E>(
    out: &mut Vec<u8>,
    set: SetView<'_>,
    compress: bool,
    drain: &mut dyn FnMut(&mut Vec<u8>) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    write_length(out, set.len() as u64);
    for member in set.iter() {
        match member {
            Item::Bytes(bytes) => write_string(out, bytes, compress),
            Item::Int(number) => write_int(out, number),
        }
        drain(out)?;
    }
    Ok(())
}

/// The same of a few members, in one go.
pub(super) fn write_plain_whole(out: &mut Vec<u8>, set: SetView<'_>, compress: bool) {
    let written = write_plain(out, set, compress, &mut |_| Ok::<_, Infallible>(()));
    written.unwrap_or_else(|never| match never {});
}
