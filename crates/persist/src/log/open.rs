//! From a surveyed directory to a log that can be appended to.
//!
//! ```text
//!   nothing there        a directory, a file, a manifest
//!   a log of ours        cut and go on in its last file
//!   a stock server's     keep its files, go on in a new one
//!   a single old file    moved into the directory as the base, as Redis 7 does
//! ```
//!
//! What was read is made durable before anything relies on it. A process that was killed leaves
//! bytes in the kernel's memory which a sync still has to save; and if it was a failed sync that
//! ended the process, the kernel may believe that they are saved already. So what no line proves
//! to have been synced is written once more, byte for byte, and synced.

use std::sync::Arc;

use super::desk::{Desk, Opened};
use super::manifest::Entry;
use super::survey::{Part, Recovery, Tail};
use super::switch::{make_log_dir, remove_risen};
use super::writer::{Log, Settings};
use super::{Keep, Lsn, Manifest, Place};
use crate::error::Trouble;
use crate::storage::{Access, Storage, read_full, write_all};

impl Log {
    /// Continues what was surveyed. This is where an unfinished end is cut off. What is listed for
    /// removal is left to [`Log::tidy`]: it may be large, and a start waits for nobody.
    pub fn open(
        storage: Arc<dyn Storage>,
        recovery: &Recovery,
        settings: Settings,
    ) -> Result<Log, Trouble> {
        let place = &recovery.place;
        if recovery.is_empty() {
            return Log::create(storage, place, None, 0, settings);
        }
        make_durable(&*storage, recovery)?;
        let mut manifest = recovery.manifest.clone().unwrap_or_default();
        let mut is_changed = adopt_old_style(&*storage, recovery, &mut manifest)?;
        if manifest.base_lsn.is_none() {
            let first = recovery.parts.iter().find(|part| part.seq != 0);
            manifest.base_lsn = Some(first.map_or(recovery.end_lsn, |part| part.first_lsn));
            is_changed = true;
        }
        let lsn = recovery.end_lsn;
        let last = recovery.parts.last().filter(|part| part.seq != 0);
        let last = last.filter(|part| part.end == part.framed_end && part.end > 0);
        let opened = match last {
            Some(part) => continue_part(&*storage, part)?,
            None => {
                // An empty last file is left behind as it is and begun anew under its number.
                let entry = next_entry(place, recovery, &mut manifest);
                let opened = Opened::create(&*storage, place, &entry.name, lsn)?;
                manifest.incrs.push(entry);
                is_changed = true;
                opened
            }
        };
        if is_changed {
            manifest
                .save(&*storage, place)
                .map_err(|it| it.into_trouble())?;
        }
        remove_risen(&*storage, place, &manifest);
        let incrs = manifest.incrs.clone();
        let mut desk = Desk::new(storage, place.clone(), settings, manifest, opened);
        for entry in incrs {
            let part = recovery.parts.iter().find(|part| part.seq == entry.seq);
            desk.starts
                .insert(entry.seq, part.map_or(lsn, |part| part.first_lsn));
        }
        Ok(Log::start(desk))
    }

    /// Begins a log at `lsn`, on a base that is durable under its name in the log's directory, or
    /// on nothing. A log that was there before is replaced, with its older generations.
    pub fn create(
        storage: Arc<dyn Storage>,
        place: &Place,
        base: Option<Entry>,
        lsn: Lsn,
        settings: Settings,
    ) -> Result<Log, Trouble> {
        make_log_dir(&*storage, place)?;
        let old = Manifest::load(&*storage, place)?.unwrap_or_default();
        let seq = old.last_incr_seq() + 1;
        let entry = Entry {
            name: place.incr_name(seq),
            seq,
        };
        let opened = Opened::create(&*storage, place, &entry.name, lsn)?;
        let mut old = old;
        old.strike(Keep::default(), u64::MAX);
        let history = [old.history, old.base.into_iter().collect(), old.incrs];
        let manifest = Manifest {
            base,
            base_lsn: Some(lsn),
            kept: Vec::new(),
            history: history.into_iter().flatten().collect(),
            incrs: vec![entry],
        };
        manifest
            .save(&*storage, place)
            .map_err(|it| it.into_trouble())?;
        remove_risen(&*storage, place, &manifest);
        let mut desk = Desk::new(storage, place.clone(), settings, manifest, opened);
        desk.remove(&place.outdated_name());
        desk.starts.insert(seq, lsn);
        Ok(Log::start(desk))
    }
}

impl Manifest {
    pub(super) fn last_base_seq(&self) -> u64 {
        let kept = self.kept.iter().filter_map(|kept| kept.base.as_ref());
        let bases = self.base.iter().chain(kept).chain(&self.history);
        bases.map(|entry| entry.seq).max().unwrap_or(0)
    }

    pub(super) fn last_incr_seq(&self) -> u64 {
        let kept = self.kept.iter().flat_map(|kept| &kept.incrs);
        // A name that is listed for removal shall not be given to another file.
        let incrs = self.incrs.iter().chain(kept).chain(&self.history);
        incrs.map(|entry| entry.seq).max().unwrap_or(0)
    }
}

/// The entry of a new last file: the next number, or the number of a last one that has nothing.
fn next_entry(place: &Place, recovery: &Recovery, manifest: &mut Manifest) -> Entry {
    let last_is_empty = recovery
        .parts
        .last()
        .is_some_and(|part| part.seq != 0 && part.end == 0 && part.groups == 0);
    if last_is_empty && let Some(last) = manifest.incrs.pop() {
        return last;
    }
    let seq = manifest.last_incr_seq() + 1;
    Entry {
        name: place.incr_name(seq),
        seq,
    }
}

/// Cuts unfinished ends, rewrites what may not have arrived, and syncs all of it.
fn make_durable(storage: &dyn Storage, recovery: &Recovery) -> Result<(), Trouble> {
    for part in &recovery.parts {
        let file = storage.open(&part.path, Access::Write)?;
        if part.len != part.end && part.tail != Tail::Clean {
            file.set_len(part.end)?;
        }
        if part.groups > 0 {
            rewrite(&*file, part.unproved_from, part.end)?;
        }
        file.sync_data()?;
    }
    if let Some(base) = &recovery.base {
        storage.open(&base.path, Access::Write)?.sync_data()?;
    }
    if recovery.manifest.is_some() {
        let path = recovery.place.file(&recovery.place.manifest_name());
        storage.open(&path, Access::Write)?.sync_data()?;
        storage.sync_dir(&recovery.place.log_dir())?;
    }
    storage.sync_dir(&recovery.place.dir)
}

/// The same bytes once more: the kernel shall not think that they are saved.
fn rewrite(file: &dyn crate::storage::File, from: u64, end: u64) -> Result<(), Trouble> {
    const STEP_BYTES: usize = 256 * 1024;
    let mut bytes = vec![0; STEP_BYTES];
    let mut at = from;
    while at < end {
        let step = (STEP_BYTES as u64).min(end - at) as usize;
        let read = read_full(file, at, &mut bytes[..step])?;
        write_all(file, at, &bytes[..read])?;
        if read < step {
            break;
        }
        at += step as u64;
    }
    Ok(())
}

/// Moves an `appendonly.aof` of Redis 6 into the directory; says whether the manifest changed.
fn adopt_old_style(
    storage: &dyn Storage,
    recovery: &Recovery,
    manifest: &mut Manifest,
) -> Result<bool, Trouble> {
    let place = &recovery.place;
    let Some(base) = recovery.base.as_ref().filter(|base| base.is_old_style) else {
        return Ok(false);
    };
    make_log_dir(storage, place)?;
    if manifest.base.is_none() {
        manifest.base = Some(Entry {
            name: place.name.clone(),
            seq: 1,
        });
        manifest.base_lsn = Some(0);
        // The manifest first: a crash in between is a state that Redis knows as well.
        manifest
            .save(storage, place)
            .map_err(|it| it.into_trouble())?;
    }
    storage.rename(&base.path, &place.file(&place.name))?;
    storage.sync_dir(&place.log_dir())?;
    storage.sync_dir(&place.dir)?;
    Ok(true)
}

fn continue_part(storage: &dyn Storage, part: &Part) -> Result<Opened, Trouble> {
    Ok(Opened {
        file: storage.open(&part.path, Access::Write)?,
        path: part.path.clone(),
        offset: part.end,
        lsn: part.end_lsn,
    })
}
