//! The types of values: which byte means which, and what follows it.
//!
//! ```text
//!   byte  0      string    ─► decoded
//!   byte  1, 14  list      ─┐
//!   byte  2, 11  set        ├► walked to its end, and reported by name
//!   ...                    ─┘
//! ```
//!
//! Every type that either family has ever written is known here, so that a file can be checked as a
//! whole and refused with the name of what it holds. A type that Ochre keeps gets its decoder in
//! [`read`], in place of its walk. What is packed inside one string (a listpack, a ziplist, an
//! intset, a zipmap) is passed as that string; its inside is the decoder's to check.

use std::io::Read;
use std::sync::Arc;

use store::NewValue;

use super::fault::FaultKind;
use super::input::{Input, Piece, Result};
use super::{Build, Family, Format, Text, hash, list, set};

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ValueType {
    String,
    List,
    ListZiplist,
    ListQuicklist,
    ListQuicklist2,
    Set,
    SetIntset,
    SetListpack,
    /// Scores as text.
    Zset,
    /// Scores as eight bytes.
    Zset2,
    ZsetZiplist,
    ZsetListpack,
    Hash,
    HashZipmap,
    HashZiplist,
    HashListpack,
    /// Fields with absolute deadlines, of release candidates of Redis 7.4.
    HashDeadlinesEarly,
    HashListpackDeadlinesEarly,
    /// Fields with deadlines, of Redis 7.4: the first, then differences.
    HashDeadlines,
    HashListpackDeadlines,
    /// Fields with deadlines, of Valkey 9: absolute, behind each value.
    HashDeadlinesValkey,
    Stream,
    /// With first id, greatest deleted id and count of ever added entries.
    Stream2,
    /// With the time that each consumer was last active.
    Stream3,
    /// Of release candidates of Redis 4.0, without a trace of its structure.
    ModuleEarly,
    Module,
}

/// A value that was walked over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Other {
    pub value_type: ValueType,
    /// Offset of the value, behind its key.
    pub at: u64,
    /// What it takes in the stream.
    pub bytes: u64,
}

/// A value of several elements, ready for the store.
#[derive(Clone, Debug)]
pub struct Collection {
    /// As it was written.
    pub value_type: ValueType,
    pub value: NewValue<'static>,
}

/// Large ones are equal if they are the same one.
impl PartialEq for Collection {
    fn eq(&self, other: &Collection) -> bool {
        let same = match (&self.value, &other.value) {
            (NewValue::PackedBlock(packing, bytes), NewValue::PackedBlock(other, others)) => {
                packing == other && bytes == others
            }
            (NewValue::Large(large), NewValue::Large(other)) => Arc::ptr_eq(large, other),
            _ => false,
        };
        same && self.value_type == other.value_type
    }
}

impl Eq for Collection {}

/// What [`read`] found.
#[derive(Debug)]
pub(super) enum Body {
    Text(Piece),
    Collection(Collection),
    Other(Other),
}

impl ValueType {
    /// By the byte in the stream, whose meaning depends on who wrote it.
    pub(super) fn of(byte: u8, format: Format) -> Option<ValueType> {
        let value_type = match byte {
            0 => ValueType::String,
            1 => ValueType::List,
            2 => ValueType::Set,
            3 => ValueType::Zset,
            4 => ValueType::Hash,
            5 => ValueType::Zset2,
            6 => ValueType::ModuleEarly,
            7 => ValueType::Module,
            9 => ValueType::HashZipmap,
            10 => ValueType::ListZiplist,
            11 => ValueType::SetIntset,
            12 => ValueType::ZsetZiplist,
            13 => ValueType::HashZiplist,
            14 => ValueType::ListQuicklist,
            15 => ValueType::Stream,
            16 => ValueType::HashListpack,
            17 => ValueType::ZsetListpack,
            18 => ValueType::ListQuicklist2,
            19 => ValueType::Stream2,
            20 => ValueType::SetListpack,
            21 => ValueType::Stream3,
            22 if format.family == Family::Valkey => ValueType::HashDeadlinesValkey,
            22..=25 if format.family == Family::Valkey => return None,
            22 => ValueType::HashDeadlinesEarly,
            23 => ValueType::HashListpackDeadlinesEarly,
            24 => ValueType::HashDeadlines,
            25 => ValueType::HashListpackDeadlines,
            _ => return None,
        };
        Some(value_type)
    }

    /// The name that TYPE answers for such a value.
    pub fn name(self) -> &'static str {
        match self {
            ValueType::String => "string",
            ValueType::List
            | ValueType::ListZiplist
            | ValueType::ListQuicklist
            | ValueType::ListQuicklist2 => "list",
            ValueType::Set | ValueType::SetIntset | ValueType::SetListpack => "set",
            ValueType::Zset
            | ValueType::Zset2
            | ValueType::ZsetZiplist
            | ValueType::ZsetListpack => "zset",
            ValueType::Hash
            | ValueType::HashZipmap
            | ValueType::HashZiplist
            | ValueType::HashListpack
            | ValueType::HashDeadlinesEarly
            | ValueType::HashListpackDeadlinesEarly
            | ValueType::HashDeadlines
            | ValueType::HashListpackDeadlines
            | ValueType::HashDeadlinesValkey => "hash",
            ValueType::Stream | ValueType::Stream2 | ValueType::Stream3 => "stream",
            ValueType::ModuleEarly | ValueType::Module => "module value",
        }
    }

    /// How it is packed, in a word or two; empty for the plain form.
    pub fn form(self) -> &'static str {
        match self {
            ValueType::String
            | ValueType::List
            | ValueType::Set
            | ValueType::Hash
            | ValueType::Stream
            | ValueType::Module => "",
            ValueType::ListZiplist | ValueType::ZsetZiplist | ValueType::HashZiplist => "ziplist",
            ValueType::ListQuicklist => "quicklist",
            ValueType::ListQuicklist2 => "quicklist of listpacks",
            ValueType::SetIntset => "intset",
            ValueType::SetListpack | ValueType::ZsetListpack | ValueType::HashListpack => {
                "listpack"
            }
            ValueType::Zset => "scores as text",
            ValueType::Zset2 => "scores in binary",
            ValueType::HashZipmap => "zipmap",
            ValueType::HashDeadlinesEarly => "field deadlines of Redis 7.4 candidates",
            ValueType::HashListpackDeadlinesEarly => {
                "listpack, field deadlines of Redis 7.4 candidates"
            }
            ValueType::HashDeadlines => "field deadlines of Redis",
            ValueType::HashListpackDeadlines => "listpack, field deadlines of Redis",
            ValueType::HashDeadlinesValkey => "field deadlines of Valkey",
            ValueType::Stream2 => "second form",
            ValueType::Stream3 => "third form",
            ValueType::ModuleEarly => "first form",
        }
    }
}

impl Other {
    /// The error for whoever has no use for such a value.
    pub fn refusal(&self) -> super::Fault {
        let type_name = self.value_type.name();
        super::Fault::new(self.at, FaultKind::NoPlaceFor { type_name })
    }
}

/// Read one value of this type, or walk over it.
#[inline]
pub(super) fn read<R: Read>(
    value_type: ValueType,
    input: &mut Input<R>,
    build: Option<&Build>,
) -> Result<Body> {
    input.expect("a value");
    match (value_type, build) {
        (ValueType::String, _) => Ok(Body::Text(input.string()?)),
        (_, None) => walk(value_type, input).map(Body::Other),
        (_, Some(build)) => read_collection(value_type, input, build),
    }
}

#[inline(never)]
fn read_collection<R: Read>(
    value_type: ValueType,
    input: &mut Input<R>,
    build: &Build,
) -> Result<Body> {
    let read = match value_type.name() {
        "list" => list::read(value_type, input, build).map(Some)?,
        "set" => set::read(value_type, input, build)?,
        _ => hash::read(value_type, input, build)?,
    };
    match read {
        Some(value) => Ok(Body::Collection(Collection { value_type, value })),
        None => walk(value_type, input).map(Body::Other),
    }
}

#[inline(never)]
fn walk<R: Read>(value_type: ValueType, input: &mut Input<R>) -> Result<Other> {
    let at = input.offset();
    match value_type {
        ValueType::String
        | ValueType::ListZiplist
        | ValueType::SetIntset
        | ValueType::SetListpack
        | ValueType::ZsetZiplist
        | ValueType::ZsetListpack
        | ValueType::HashZipmap
        | ValueType::HashZiplist
        | ValueType::HashListpack
        | ValueType::HashListpackDeadlinesEarly => packed(value_type, input),
        ValueType::HashListpackDeadlines => {
            input.expect("a hash's first deadline");
            input.skip(8)?;
            packed(value_type, input)
        }
        ValueType::List => strings(input, "a list", 1),
        ValueType::ListQuicklist => strings(input, "a list's node", 1),
        ValueType::ListQuicklist2 => quicklist2(input),
        ValueType::Set => strings(input, "a set", 1),
        ValueType::Zset => zset(input, score_in_text),
        ValueType::Zset2 => zset(input, |input| input.skip(8)),
        ValueType::Hash => strings(input, "a hash", 2),
        ValueType::HashDeadlinesEarly => hash_with_deadlines(input),
        ValueType::HashDeadlines => {
            input.expect("a hash's first deadline");
            input.skip(8)?;
            hash_with_deadlines(input)
        }
        ValueType::HashDeadlinesValkey => hash_of_valkey(input),
        ValueType::Stream => stream(input, StreamForm::First),
        ValueType::Stream2 => stream(input, StreamForm::Second),
        ValueType::Stream3 => stream(input, StreamForm::Third),
        ValueType::ModuleEarly => input.fault(
            at,
            FaultKind::Opaque {
                what: "a module value in the form of Redis 4.0 candidates",
            },
        ),
        ValueType::Module => {
            input.expect("a module's id");
            input.number()?;
            module_parts(input)
        }
    }?;
    let bytes = input.offset() - at;
    Ok(Other {
        value_type,
        at,
        bytes,
    })
}

/// All in one string.
fn packed<R: Read>(value_type: ValueType, input: &mut Input<R>) -> Result<()> {
    input.expect(match value_type.name() {
        "list" => "a packed list",
        "set" => "a packed set",
        "zset" => "a packed sorted set",
        _ => "a packed hash",
    });
    input.skip_string()
}

/// A count, and so many times a few strings.
fn strings<R: Read>(input: &mut Input<R>, of: &'static str, each: u64) -> Result<()> {
    input.expect(of);
    for _ in 0..input.count()? {
        for _ in 0..each {
            input.skip_string()?;
        }
    }
    Ok(())
}

/// Nodes that are one long element (1) or a listpack of several (2).
fn quicklist2<R: Read>(input: &mut Input<R>) -> Result<()> {
    input.expect("a list's node");
    for _ in 0..input.count()? {
        let at = input.offset();
        let container = input.number()?;
        if !matches!(container, 1 | 2) {
            let expected = "the kind of a list's node";
            let byte = container as u8;
            return input.fault(at, FaultKind::Malformed { expected, byte });
        }
        input.skip_string()?;
    }
    Ok(())
}

fn zset<R: Read>(
    input: &mut Input<R>,
    skip_score: impl Fn(&mut Input<R>) -> Result<()>,
) -> Result<()> {
    input.expect("a sorted set");
    for _ in 0..input.count()? {
        input.skip_string()?;
        skip_score(input)?;
    }
    Ok(())
}

/// A byte of length and so many digits; 253 to 255 are not a number and the infinities.
fn score_in_text<R: Read>(input: &mut Input<R>) -> Result<()> {
    match input.byte()? {
        253..=255 => Ok(()),
        len => input.skip(len.into()),
    }
}

/// A deadline (or how far it is behind the first one), the field, the value.
fn hash_with_deadlines<R: Read>(input: &mut Input<R>) -> Result<()> {
    input.expect("a hash with deadlines");
    for _ in 0..input.count()? {
        input.number()?;
        input.skip_string()?;
        input.skip_string()?;
    }
    Ok(())
}

/// The field, the value, eight bytes of deadline.
fn hash_of_valkey<R: Read>(input: &mut Input<R>) -> Result<()> {
    input.expect("a hash with deadlines");
    for _ in 0..input.count()? {
        input.skip_string()?;
        input.skip_string()?;
        input.skip(8)?;
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum StreamForm {
    First,
    Second,
    Third,
}

const STREAM_ID_BYTES: u64 = 16;
const TIME_BYTES: u64 = 8;

fn stream<R: Read>(input: &mut Input<R>, form: StreamForm) -> Result<()> {
    input.expect("a stream's entries");
    for _ in 0..input.count()? {
        let at = input.offset();
        input.skip_string()?;
        if input.offset() - at != STREAM_ID_BYTES + 1 {
            let expected = "the id of a stream's listpack";
            let byte = STREAM_ID_BYTES as u8;
            return input.fault(at, FaultKind::Malformed { expected, byte });
        }
        input.skip_string()?;
    }
    input.expect("a stream's length and ids");
    // The length and the last id; the first id, the greatest deleted id, and entries ever added.
    let numbers = if form >= StreamForm::Second { 8 } else { 3 };
    skip_numbers(input, numbers)?;
    input.expect("a stream's groups");
    for _ in 0..input.count()? {
        stream_group(input, form)?;
    }
    Ok(())
}

fn stream_group<R: Read>(input: &mut Input<R>, form: StreamForm) -> Result<()> {
    input.expect("a stream's group");
    input.skip_string()?;
    // The last delivered id, and how many entries were read.
    skip_numbers(input, if form >= StreamForm::Second { 3 } else { 2 })?;
    input.expect("a group's pending entries");
    for _ in 0..input.count()? {
        input.skip(STREAM_ID_BYTES + TIME_BYTES)?;
        input.number()?;
    }
    input.expect("a group's consumers");
    for _ in 0..input.count()? {
        input.skip_string()?;
        let times = if form >= StreamForm::Third { 2 } else { 1 };
        input.skip(times * TIME_BYTES)?;
        for _ in 0..input.count()? {
            input.skip(STREAM_ID_BYTES)?;
        }
    }
    Ok(())
}

fn skip_numbers<R: Read>(input: &mut Input<R>, count: usize) -> Result<()> {
    for _ in 0..count {
        input.number()?;
    }
    Ok(())
}

/// What a module wrote: each part after a number that says what it is, until 0.
pub(super) fn module_parts<R: Read>(input: &mut Input<R>) -> Result<()> {
    loop {
        input.expect("a part of a module's value");
        let at = input.offset();
        match input.number()? {
            0 => return Ok(()),
            1 | 2 => input.number().map(drop)?,
            3 => input.skip(4)?,
            4 => input.skip(8)?,
            5 => input.skip_string()?,
            part => {
                let expected = "a part of a module's value";
                let byte = part as u8;
                return input.fault(at, FaultKind::Malformed { expected, byte });
            }
        }
    }
}

impl Body {
    /// The value, its text lent by the input or taken from the piece.
    pub(super) fn lend<R: Read>(self, input: &Input<R>) -> super::Value<'_> {
        match self {
            Body::Other(other) => super::Value::Other(other),
            Body::Collection(collection) => super::Value::Collection(collection),
            Body::Text(Piece::Int(number)) => super::Value::String(Text::Int(number)),
            Body::Text(Piece::Own(bytes)) => super::Value::String(Text::Own(bytes)),
            Body::Text(Piece::Here { from, len }) => {
                super::Value::String(Text::Bytes(input.lend(from, len)))
            }
        }
    }
}
