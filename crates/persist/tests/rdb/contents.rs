//! What was read, kept: items that own what they are made of.

use std::io::Read;

use persist::rdb::{Checksum, Fault, Item, Reader, Value, ValueType};

/// An item, without its loans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    Aux(Vec<u8>, Vec<u8>),
    SelectDb(u64),
    ResizeDb(u64, u64),
    Key(KeptKey),
    Function(Vec<u8>),
    SlotInfo(u64, u64, u64),
    SlotImport(Vec<u8>, u64),
    ModuleAux(u64),
    End(Checksum),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptKey {
    pub key: Vec<u8>,
    pub value: KeptValue,
    pub deadline_ms: Option<i64>,
    pub idle_secs: Option<u64>,
    pub freq: Option<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeptValue {
    String(Vec<u8>),
    Other(ValueType),
}

/// A key with a string and nothing else.
pub fn string(key: &[u8], value: &[u8]) -> Kept {
    Kept::Key(KeptKey {
        key: key.to_vec(),
        value: KeptValue::String(value.to_vec()),
        deadline_ms: None,
        idle_secs: None,
        freq: None,
    })
}

/// A key with a value of another type.
pub fn other(key: &[u8], value_type: ValueType) -> Kept {
    Kept::Key(KeptKey {
        key: key.to_vec(),
        value: KeptValue::Other(value_type),
        deadline_ms: None,
        idle_secs: None,
        freq: None,
    })
}

pub fn keep(item: Item<'_>) -> Kept {
    match item {
        Item::Aux { name, value } => Kept::Aux(name.to_vec(), value.to_vec()),
        Item::SelectDb(number) => Kept::SelectDb(number),
        Item::ResizeDb { keys, volatile } => Kept::ResizeDb(keys, volatile),
        Item::Key {
            deadline_ms,
            idle_secs,
            freq,
            key,
            value,
        } => Kept::Key(KeptKey {
            key: key.to_vec(),
            value: match value {
                Value::String(text) => KeptValue::String(text.to_bytes()),
                Value::Collection(collection) => KeptValue::Other(collection.value_type),
                Value::Other(other) => KeptValue::Other(other.value_type),
            },
            deadline_ms,
            idle_secs,
            freq,
        }),
        Item::Function { code } => Kept::Function(code.to_vec()),
        Item::SlotInfo {
            slot,
            keys,
            volatile,
        } => Kept::SlotInfo(slot, keys, volatile),
        Item::SlotImport { job, ranges } => Kept::SlotImport(job.to_vec(), ranges),
        Item::ModuleAux { module_id, .. } => Kept::ModuleAux(module_id),
        Item::End { checksum } => Kept::End(checksum),
    }
}

/// Every item of a stream, and that nothing follows.
pub fn read_from<R: Read>(reader: Result<Reader<R>, Fault>) -> Result<Vec<Kept>, Fault> {
    let mut reader = reader?;
    let mut items = Vec::new();
    while let Some(item) = reader.next()? {
        items.push(keep(item));
    }
    reader.expect_end()?;
    Ok(items)
}

/// As a file of known length.
pub fn read(bytes: &[u8]) -> Result<Vec<Kept>, Fault> {
    read_from(Reader::with_len(bytes, bytes.len() as u64))
}

/// As a stream of unknown length that comes a few bytes at a time.
pub fn read_dripping(bytes: &[u8], step: usize) -> Result<Vec<Kept>, Fault> {
    read_from(Reader::new(Drip { bytes, step }))
}

struct Drip<'a> {
    bytes: &'a [u8],
    step: usize,
}

impl Read for Drip<'_> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let len = self.step.min(to.len()).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(len);
        to[..len].copy_from_slice(now);
        self.bytes = later;
        Ok(len)
    }
}
