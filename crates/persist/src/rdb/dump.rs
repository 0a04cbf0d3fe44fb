//! One value by itself: what DUMP answers and RESTORE takes.
//!
//! ```text
//!   ┌──────┬───────┬─────────┬──────────┐
//!   │ type │ value │ version │ checksum │
//!   │ 1    │       │ 2       │ 8        │
//!   └──────┴───────┴─────────┴──────────┘
//! ```
//!
//! Type and value are as in a file. The version and the CRC-64 of all bytes before it are written
//! least byte first. There is no header, so the number alone says whose format it is: up to 12 it is
//! Redis', 80 is Valkey's. Servers refuse versions above their own, so what is written is the oldest
//! since 10 that knows the type.

use std::convert::Infallible;

use store::{Entry, Packing, SetView, StringView, ValueView};

use super::fault::{Fault, FaultKind};
use super::input::{self, Input, Piece};
use super::types::{self, Body, ValueType};
use super::writer::{
    STRING_TYPE, large_type, packed_type, write_int, write_large, write_packed, write_string,
};
use super::{
    Build, Format, REDIS_VERSION_MAX, Text, VERSION, VERSION_OF_REDIS_7_0, Value, set, version_for,
};

const VERSION_BYTES: usize = 2;
const CHECKSUM_BYTES: usize = 8;
const FRAME_BYTES: usize = VERSION_BYTES + CHECKSUM_BYTES;

/// Why a payload is refused. The two have different replies.
#[derive(Debug)]
pub enum BadDump {
    /// Too short, of a version that is not known, or with a wrong checksum.
    VersionOrChecksum,
    /// The frame is right and the value is not.
    Format(Fault),
}

/// The payload of a value, for readers of this version or a newer one.
#[must_use]
pub fn dump(entry: &Entry<'_>, version: u16) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + 9 + FRAME_BYTES);
    match entry.value() {
        ValueView::String(string) => {
            out.push(STRING_TYPE);
            match string {
                StringView::Int(number) => write_int(&mut out, number),
                StringView::Bytes(bytes) => write_string(&mut out, bytes, true),
                StringView::Block(block) => write_string(&mut out, block.bytes(), true),
            }
        }
        ValueView::Packed(Packing::Set, packed) if version < VERSION => {
            out.push(set::PLAIN_TYPE);
            let members = SetView::packed(Packing::Set, packed.bytes());
            set::write_plain_whole(&mut out, members, true);
        }
        ValueView::Packed(packing, packed) => {
            out.push(packed_type(packing, packed.bytes()));
            write_packed(&mut out, packing, packed.bytes(), true);
        }
        ValueView::Large(large) => {
            let large = large.get();
            out.push(large_type(large, VERSION));
            write_large(&mut out, large, VERSION, true, &mut |_| {
                Ok::<_, Infallible>(())
            })
            .unwrap_or_else(|never| match never {});
        }
    }
    let needed = known_since(out[0]).max(VERSION_OF_REDIS_7_0);
    let has_field_deadlines = entry.next_field_deadline_ms().is_some();
    debug_assert!(
        needed <= version_for(version, has_field_deadlines),
        "the forms written are those of the version"
    );
    out.extend_from_slice(&needed.to_le_bytes());
    let checksum = base::crc64(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    out
}

/// The value of a payload, built plainly: for tools. A server says how, by [`restore_with`].
///
/// # Errors
/// See [`BadDump`].
pub fn restore(payload: &[u8]) -> Result<Value<'_>, BadDump> {
    restore_with(payload, &Build::plainly()).map(|(value, _)| value)
}

/// The value of a payload, which a client sent: nothing in it is trusted. And the version that a
/// reader of the same bytes must know.
///
/// # Errors
/// See [`BadDump`].
pub fn restore_with<'a>(payload: &'a [u8], build: &Build) -> Result<(Value<'a>, u16), BadDump> {
    let (format, body) = open(payload).ok_or(BadDump::VersionOrChecksum)?;
    let value = read_body(format, body, build).map_err(BadDump::Format)?;
    let version = known_since(body[0]).max(format.version as u16);
    Ok((value, version))
}

/// Which version brought a type of value, as far as it is of interest which.
fn known_since(type_byte: u8) -> u16 {
    match type_byte {
        0..=15 => 9,
        16..=19 => VERSION_OF_REDIS_7_0,
        20 | 21 => VERSION,
        _ => REDIS_VERSION_MAX as u16,
    }
}

/// Take the frame off.
fn open(payload: &[u8]) -> Option<(Format, &[u8])> {
    let (summed, checksum) = payload.split_last_chunk::<CHECKSUM_BYTES>()?;
    let (body, version) = summed.split_last_chunk::<VERSION_BYTES>()?;
    let format = Format::of_number(u16::from_le_bytes(*version).into())?;
    let is_whole = base::crc64(summed) == u64::from_le_bytes(*checksum);
    is_whole.then_some((format, body))
}

fn read_body<'a>(format: Format, body: &'a [u8], build: &Build) -> input::Result<Value<'a>> {
    let mut input = Input::new(body, Some(body.len() as u64));
    input.without_crc();
    input.expect("a type");
    let byte = input.byte()?;
    let Some(value_type) = ValueType::of(byte, format) else {
        let (family, version) = (format.family.name(), format.version);
        let what = FaultKind::Unknown {
            byte,
            family,
            version,
        };
        return input.fault(0, what);
    };
    input.set_mark();
    let read = types::read(value_type, &mut input, Some(build))?;
    let end = input.offset();
    if end < body.len() as u64 {
        return input.fault(end, FaultKind::Trailing);
    }
    Ok(match read {
        // What lies behind the input's mark lies behind the type here.
        Body::Text(Piece::Here { from, len }) => {
            Value::String(Text::Bytes(&body[1 + from..][..len]))
        }
        Body::Text(Piece::Int(number)) => Value::String(Text::Int(number)),
        Body::Text(Piece::Own(bytes)) => Value::String(Text::Own(bytes)),
        Body::Collection(collection) => Value::Collection(collection),
        Body::Other(other) => Value::Other(other),
    })
}
