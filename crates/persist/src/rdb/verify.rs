//! A whole stream, looked through without keeping any of it: what is in it, and is it sound?

use std::collections::BTreeMap;
use std::io::Read;

use super::fault::Fault;
use super::reader::{Checksum, Item, Reader};
use super::{Format, Value, ValueType};

/// What a stream holds, as far as it could be read.
#[derive(Debug)]
pub struct Report {
    pub format: Format,
    /// The fields of the preamble, in their order; no more than a few dozen are kept.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
    /// Keys of each way in which a value can be written.
    pub keys: BTreeMap<ValueType, u64>,
    /// Keys with a deadline.
    pub volatile: u64,
    /// Databases that were selected.
    pub databases: u64,
    pub functions: u64,
    /// Fields that modules wrote beside the keys.
    pub module_fields: u64,
    /// How far the stream was read.
    pub bytes: u64,
    /// `None`: the end was not reached.
    pub checksum: Option<Checksum>,
    /// The first thing that is wrong, a wrong checksum and bytes behind the end included.
    pub damage: Option<Fault>,
}

impl Report {
    /// All keys, whatever their type.
    pub fn keys_total(&self) -> u64 {
        self.keys.values().sum()
    }

    /// Keys by the name of their type, as TYPE answers it.
    pub fn keys_by_type(&self) -> BTreeMap<&'static str, u64> {
        let mut by_type = BTreeMap::new();
        for (value_type, keys) in &self.keys {
            *by_type.entry(value_type.name()).or_default() += keys;
        }
        by_type
    }
}

const FIELDS_MAX: usize = 64;
const FIELD_BYTES_MAX: usize = 1024;

/// Read a stream to its end, or to the first damage.
pub fn verify<R: Read>(mut reader: Reader<R>) -> Report {
    let mut report = Report {
        format: reader.format(),
        fields: Vec::new(),
        keys: BTreeMap::new(),
        volatile: 0,
        databases: 0,
        functions: 0,
        module_fields: 0,
        bytes: 0,
        checksum: None,
        damage: None,
    };
    let outcome = loop {
        match reader.next() {
            Ok(Some(item)) => report.count(item),
            Ok(None) => break reader.expect_end(),
            Err(fault) => break Err(fault),
        }
    };
    report.bytes = reader.offset();
    let sum_verdict = report
        .checksum
        .map_or(Ok(()), |sum| sum.verdict(report.bytes));
    report.damage = sum_verdict.and(outcome).err();
    report
}

impl Report {
    fn count(&mut self, item: Item<'_>) {
        match item {
            Item::Key {
                value, deadline_ms, ..
            } => {
                let value_type = match value {
                    Value::String(_) => ValueType::String,
                    Value::Collection(collection) => collection.value_type,
                    Value::Other(other) => other.value_type,
                };
                *self.keys.entry(value_type).or_default() += 1;
                self.volatile += u64::from(deadline_ms.is_some());
            }
            Item::Aux { name, value } => {
                let is_short = name.len() + value.len() <= FIELD_BYTES_MAX;
                if is_short && self.fields.len() < FIELDS_MAX {
                    self.fields.push((name.to_vec(), value.to_vec()));
                }
            }
            Item::SelectDb(_) => self.databases += 1,
            Item::Function { .. } => self.functions += 1,
            Item::ModuleAux { .. } => self.module_fields += 1,
            Item::End { checksum } => self.checksum = Some(checksum),
            Item::ResizeDb { .. } | Item::SlotInfo { .. } | Item::SlotImport { .. } => {}
        }
    }
}
