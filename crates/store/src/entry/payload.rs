//! Values on their way into an entry: as they are given, and as they will lie there.

use std::sync::Arc;

use super::{EMBEDDED_BYTES_MAX, Encoding, POINTER_BYTES};
use crate::Block;
use crate::value::{Large, Packing, STRING_TAG};

/// A value on its way into the keyspace.
#[derive(Clone, Debug)]
pub enum NewValue<'a> {
    /// A string as a client sent it: kept as an integer if it reads as one.
    String(&'a [u8]),
    Int(i64),
    /// A string that stays text even if it reads as an integer.
    Text(&'a [u8]),
    /// A string that is the result of writing into another: never an integer.
    Raw(&'a [u8]),
    /// A large string, taken by reference.
    Block(Block),
    /// A small collection.
    Packed(Packing, &'a [u8]),
    /// The same, taken by reference.
    PackedBlock(Packing, Block),
    Large(Arc<Large>),
}

/// A value in the form in which its entry keeps it.
pub(crate) enum Payload<'a> {
    Int([u8; 8], usize),
    /// A string.
    Bytes(Encoding, &'a [u8]),
    Block(Block),
    Packed(Packing, &'a [u8]),
    PackedBlock(Packing, Block),
    Large(Arc<Large>),
}

impl<'a> Payload<'a> {
    #[inline]
    pub(crate) fn of(value: NewValue<'a>) -> Payload<'a> {
        match value {
            NewValue::String(bytes) => match base::number::parse_i64(bytes) {
                Some(number) => Payload::int(number),
                None => Payload::bytes(Encoding::Bytes, bytes),
            },
            NewValue::Int(number) => Payload::int(number),
            NewValue::Text(bytes) => Payload::bytes(Encoding::Bytes, bytes),
            NewValue::Raw(bytes) => Payload::bytes(Encoding::Raw, bytes),
            NewValue::Block(block) => Payload::Block(block),
            NewValue::Packed(packing, bytes) if bytes.len() > EMBEDDED_BYTES_MAX => {
                Payload::PackedBlock(packing, Arc::new(bytes.to_vec()))
            }
            NewValue::Packed(packing, bytes) => Payload::Packed(packing, bytes),
            NewValue::PackedBlock(packing, block) => Payload::PackedBlock(packing, block),
            NewValue::Large(large) => Payload::Large(large),
        }
    }

    fn bytes(encoding: Encoding, bytes: &'a [u8]) -> Payload<'a> {
        if bytes.len() > EMBEDDED_BYTES_MAX {
            Payload::Block(Arc::new(bytes.to_vec()))
        } else {
            Payload::Bytes(encoding, bytes)
        }
    }

    pub(super) fn int(number: i64) -> Payload<'a> {
        Payload::Int(number.to_le_bytes(), int_width(number))
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Payload::Int(_, width) => *width,
            Payload::Bytes(_, bytes) | Payload::Packed(_, bytes) => bytes.len(),
            Payload::Block(_) | Payload::PackedBlock(..) | Payload::Large(_) => POINTER_BYTES,
        }
    }

    pub(super) fn encoding(&self) -> Encoding {
        match self {
            Payload::Int(..) => Encoding::Int,
            Payload::Bytes(encoding, _) => *encoding,
            Payload::Packed(..) => Encoding::Bytes,
            Payload::Block(_) | Payload::PackedBlock(..) => Encoding::Block,
            Payload::Large(_) => Encoding::Large,
        }
    }

    pub(super) fn tag(&self) -> u8 {
        match self {
            Payload::Int(..) | Payload::Bytes(..) | Payload::Block(_) => STRING_TAG,
            Payload::Packed(packing, _) | Payload::PackedBlock(packing, _) => packing.tag(),
            Payload::Large(large) => large.tag(),
        }
    }
}

fn int_width(number: i64) -> usize {
    if number == i64::from(number as i8) {
        1
    } else if number == i64::from(number as i16) {
        2
    } else if number == i64::from(number as i32) {
        4
    } else {
        8
    }
}
