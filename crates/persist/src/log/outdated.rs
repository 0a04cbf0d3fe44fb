//! A mark beside a log that something newer has taken the place of.
//!
//! ```text
//!   log off ─► writes ─► dump.rdb, whole ─► appendonly.aof.outdated
//!   start with a log ─► the mark fits the log? ─► dump.rdb is read, and becomes a new log's base
//! ```
//!
//! Without it, a server that once ran with a log, then without, and then with one again would
//! serve the data of long ago. A stock server does. The mark says which log it is about, by the
//! manifest's checksum and the length of the last file: one that has come into force since, or
//! that a stock server went on with, is not meant.

use base::Crc32c;

use super::frame::hex;
use super::manifest::Entry;
use super::{Manifest, Place};
use crate::error::{Kind, Trouble};
use crate::storage::{Access, Storage, read_full, write_all};

/// Marks the log that lies here as older than a snapshot that is durable. Nothing to do without.
pub fn mark_outdated(storage: &dyn Storage, place: &Place) -> Result<(), Trouble> {
    let Some(mark) = mark_of(storage, place)? else {
        return Ok(());
    };
    let file = storage.open(&place.file(&place.outdated_name()), Access::Create)?;
    write_all(&*file, 0, &mark)?;
    file.sync_data()?;
    storage.sync_dir(&place.log_dir())
}

/// Is the log that lies here marked?
pub fn is_outdated(storage: &dyn Storage, place: &Place) -> Result<bool, Trouble> {
    let file = match storage.open(&place.file(&place.outdated_name()), Access::Read) {
        Ok(file) => file,
        Err(trouble) if trouble.kind == Kind::Missing => return Ok(false),
        Err(trouble) => return Err(trouble),
    };
    let Some(mark) = mark_of(storage, place)? else {
        return Ok(false);
    };
    // One byte more: a longer file is no mark of ours.
    let mut found = vec![0; mark.len() + 1];
    let read = read_full(&*file, 0, &mut found)?;
    Ok(found[..read] == mark[..])
}

/// A name and number for a base that no file here has.
pub fn fresh_base(storage: &dyn Storage, place: &Place) -> Result<Entry, Trouble> {
    let manifest = Manifest::load(storage, place)?.unwrap_or_default();
    let seq = manifest.last_base_seq() + 1;
    let name = place.base_name(seq);
    Ok(Entry { name, seq })
}

/// A mark on the log as it is now, if there is one.
fn mark_of(storage: &dyn Storage, place: &Place) -> Result<Option<Vec<u8>>, Trouble> {
    let Some(manifest) = Manifest::load(storage, place)? else {
        return Ok(None);
    };
    let bytes = match manifest.incrs.last() {
        Some(last) => match storage.open(&place.file(&last.name), Access::Read) {
            Ok(file) => file.len()?,
            Err(trouble) if trouble.kind == Kind::Missing => 0,
            Err(trouble) => return Err(trouble),
        },
        None => 0,
    };
    let mut crc = Crc32c::new();
    crc.update(&manifest.encode());
    let mut mark = b"older than the snapshot: manifest=".to_vec();
    mark.extend_from_slice(&hex(crc.value()));
    mark.extend_from_slice(format!(" last={bytes}\n").as_bytes());
    Ok(Some(mark))
}
