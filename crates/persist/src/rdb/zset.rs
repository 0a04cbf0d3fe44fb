//! Sorted sets in a stream, in every form that they were ever written in.
//!
//! ```text
//!   in text     a count, member, score ...   a byte of length and digits; Redis before 4.0
//!   in binary   a count, member, score ...   eight bytes, least first; the highest score first
//!   listpack    one string                   kept byte for byte if it is small
//!   ziplist     one string, Redis 1.4 to 6.2 rebuilt
//! ```
//!
//! A member that comes twice, a score that is no number, a set without members and a listpack out of
//! order are faults: no server writes them.

use std::io::Read;
use std::sync::Arc;

use store::{Item, Limits, NewValue, NewZSet, Packing, ScoreOutcome};
use structs::listpack::Listpack;
use structs::zset::ZSet;

use super::Build;
use super::fault::FaultKind;
use super::hash::with_bytes;
use super::input::{Input, Piece, Result};
use super::types::ValueType;
use super::writer::{write_length, write_string};
use super::ziplist;

/// A sorted set of this type.
pub(super) fn read<R: Read>(
    value_type: ValueType,
    input: &mut Input<R>,
    build: &Build,
) -> Result<NewValue<'static>> {
    let at = input.offset();
    let read = match value_type {
        ValueType::Zset => return plain(input, build, score_in_text),
        ValueType::Zset2 => return plain(input, build, score_in_binary),
        ValueType::ZsetListpack => of_listpack,
        ValueType::ZsetZiplist => of_ziplist,
        _ => unreachable!("asked for sorted sets only"),
    };
    input.expect("a packed sorted set");
    input.set_mark();
    let bytes = match input.string()? {
        Piece::Here { from, len } => input.lend(from, len).to_vec(),
        Piece::Own(bytes) => bytes,
        Piece::Int(_) => {
            let what = "no packed sorted set";
            return input.fault(at, FaultKind::Inside { what });
        }
    };
    match read(bytes, build) {
        Ok(value) => Ok(value),
        Err(what) => input.fault(at, FaultKind::Inside { what }),
    }
}

const TWICE: &str = "a sorted set has a member twice";
const EMPTY: &str = "a sorted set has no members";
const ODD: &str = "a sorted set has a member without a score";
const NO_NUMBER: &str = "a score that is no number";
const DISORDER: &str = "a sorted set that is not sorted";

fn plain<R: Read>(
    input: &mut Input<R>,
    build: &Build,
    score: impl Fn(&mut Input<R>) -> Result<Option<f64>>,
) -> Result<NewValue<'static>> {
    input.expect("a sorted set");
    let at = input.offset();
    let count = input.count()?;
    if count == 0 {
        return input.fault(at, FaultKind::Inside { what: EMPTY });
    }
    let mut zset = NewZSet::new(build.zset, build.hasher);
    for _ in 0..count {
        input.set_mark();
        let at = input.offset();
        let member = input.string()?;
        let Some(score) = score(input)?.filter(|score| !score.is_nan()) else {
            return input.fault(at, FaultKind::Inside { what: NO_NUMBER });
        };
        let outcome = with_bytes(input, &member, |member| zset.set(member, score));
        if outcome != ScoreOutcome::Added {
            return input.fault(at, FaultKind::Inside { what: TWICE });
        }
    }
    Ok(zset.finish())
}

fn score_in_binary<R: Read>(input: &mut Input<R>) -> Result<Option<f64>> {
    Ok(Some(f64::from_le_bytes(input.array()?)))
}

/// A byte of length and so many digits; 253 to 255 are not a number and the infinities.
fn score_in_text<R: Read>(input: &mut Input<R>) -> Result<Option<f64>> {
    let len = match input.byte()? {
        253 => return Ok(None),
        254 => return Ok(Some(f64::INFINITY)),
        255 => return Ok(Some(f64::NEG_INFINITY)),
        len => usize::from(len),
    };
    let mut text = [0; 252];
    for byte in &mut text[..len] {
        *byte = input.byte()?;
    }
    Ok(base::parse_f64(&text[..len]))
}

type Outcome = std::result::Result<NewValue<'static>, &'static str>;

fn of_listpack(bytes: Vec<u8>, build: &Build) -> Outcome {
    let list = Listpack::check_deep(&bytes).map_err(|flaw| flaw.what)?;
    let items: Vec<Item<'_>> = list.iter().collect();
    let members = members_of(&items)?;
    let mut names: Vec<Vec<u8>> = members.iter().map(|(name, _)| name.to_vec()).collect();
    let in_order = |at: usize| {
        let (before, score) = (members[at - 1].1, members[at].1);
        before < score || before == score && names[at - 1] < names[at]
    };
    if !(1..members.len()).all(in_order) {
        return Err(DISORDER);
    }
    if !is_small(&names, build.zset) {
        return of_members(&members, build);
    }
    names.sort_unstable();
    if names.windows(2).any(|two| two[0] == two[1]) {
        return Err(TWICE);
    }
    Ok(NewValue::PackedBlock(Packing::SortedSet, Arc::new(bytes)))
}

fn is_small(names: &[Vec<u8>], limits: Limits) -> bool {
    names.len() <= limits.entries && names.iter().all(|name| name.len() <= limits.value_bytes)
}

fn of_ziplist(bytes: Vec<u8>, build: &Build) -> Outcome {
    of_members(&members_of(&ziplist::items(&bytes)?)?, build)
}

/// Members with their scores, of which there is at least one.
fn members_of<'a>(items: &[Item<'a>]) -> std::result::Result<Vec<(Item<'a>, f64)>, &'static str> {
    if items.len() % 2 == 1 {
        return Err(ODD);
    }
    if items.is_empty() {
        return Err(EMPTY);
    }
    let pairs = items.chunks(2).map(|pair| {
        let score = match pair[1] {
            Item::Int(score) => Some(score as f64),
            Item::Bytes(text) => base::parse_f64(text),
        };
        Ok((pair[0], score.ok_or(NO_NUMBER)?))
    });
    pairs.collect()
}

fn of_members(members: &[(Item<'_>, f64)], build: &Build) -> Outcome {
    let mut zset = NewZSet::new(build.zset, build.hasher);
    let mut name = Vec::new();
    for (member, score) in members {
        name.clear();
        member.append_to(&mut name);
        if zset.set(&name, *score) != ScoreOutcome::Added {
            return Err(TWICE);
        }
    }
    Ok(zset.finish())
}

/// A count, and members with their scores, the highest first. `drain` is called after each.
pub(super) fn write_large<E>(
    out: &mut Vec<u8>,
    zset: &ZSet,
    compress: bool,
    drain: &mut dyn FnMut(&mut Vec<u8>) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    write_length(out, zset.len() as u64);
    for (member, score) in zset.walk(0..zset.len()).rev() {
        write_string(out, member, compress);
        out.extend_from_slice(&score.to_le_bytes());
        drain(out)?;
    }
    Ok(())
}
