//! A log that is off, and the way there and back.
//!
//! ```text
//!   Log::off ─► take_stock ─► begin_rotation · rotate · adopt_base ─► on ─► switch_off ─► off ...
//!               what is in the directory?        (rotation.rs)
//! ```
//!
//! Its place in the stream never goes back, so that whoever remembers one from before is never
//! made to wait for it: a log that is off forgets the bytes and keeps the count.
//!
//! What lies in the directory while the log is off is left as it is, and out of date from the
//! first change on. The first manifest of the new generation lists none of it but as history.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::desk::{Desk, Opened};
use super::health::{Down, Health, State};
use super::writer::{Log, Settings};
use super::{Manifest, Place};
use crate::error::{Kind, Trouble};
use crate::storage::{File, Storage};

impl Log {
    /// A log that is off. Touches no file.
    pub fn off(storage: Arc<dyn Storage>, place: &Place, settings: Settings) -> Log {
        let path = place.file(&place.manifest_name());
        let opened = Opened {
            file: Box::new(Nowhere),
            path,
            offset: 0,
            lsn: 0,
        };
        let manifest = Manifest::default();
        let mut desk = Desk::new(storage, place.clone(), settings, manifest, opened);
        desk.health = Health::Down(Down::Off);
        let log = Log::start(desk);
        log.gate.state.store(State::Off as u8, Ordering::Release);
        log.pending.lock().is_discarded = true;
        log
    }

    /// Before a log that is off comes on: makes its directory, and finds out which files are
    /// there, so that none is overwritten and all are replaced.
    pub fn take_stock(&self) -> Result<(), Trouble> {
        let mut desk = self.desk.lock();
        let desk = &mut *desk;
        if !matches!(desk.health, Health::Down(Down::Off)) {
            return Ok(());
        }
        let (storage, place) = (&*desk.storage, &desk.place);
        make_log_dir(storage, place)?;
        let manifest = Manifest::load(storage, place)?.unwrap_or_default();
        remove_risen(storage, place, &manifest);
        let (mut base_seq, mut incr_seq) = (manifest.last_base_seq(), manifest.last_incr_seq());
        for name in storage.list(&place.log_dir())? {
            incr_seq = incr_seq.max(place.incr_seq(&name).unwrap_or(0));
            base_seq = base_seq.max(place.base_seq(&name).unwrap_or(0));
        }
        desk.last_incr_seq = desk.last_incr_seq.max(incr_seq);
        desk.last_base_seq = desk.last_base_seq.max(base_seq);
        desk.starts.clear();
        desk.manifest = manifest;
        Ok(())
    }

    /// Writes and syncs what was appended, trims the file, and is off. What is appended meanwhile
    /// need not be in it. A new generation that is not in force is given up. If the file cannot
    /// be finished the log is broken; a broken log is off without more ado.
    pub fn switch_off(&self, now_ms: u64, clock_us: &dyn Fn() -> u64) -> Result<(), Trouble> {
        let mut desk = self.desk.lock();
        let desk = &mut *desk;
        if desk.health.is_well() {
            let finished = self.finish_up_to_now(desk, now_ms, clock_us);
            finished.inspect_err(|trouble| self.poison(desk, trouble))?;
        }
        if let Health::Rising(rising) = &desk.health {
            desk.remove(&rising.entry.name);
        }
        self.fall(desk, Down::Off);
        Ok(())
    }

    /// Gives a new generation up whose base will not come.
    pub fn give_up_rising(&self) {
        let mut desk = self.desk.lock();
        let desk = &mut *desk;
        if let Health::Rising(rising) = &desk.health {
            let from = rising.from.clone();
            desk.remove(&rising.entry.name);
            self.fall(desk, from);
        } else if !desk.health.is_well() {
            // It was not even begun: forget where it should have.
            let mut pending = self.pending.lock();
            pending.rotate_at = None;
            pending.is_discarded = true;
            pending.discard();
        }
    }

    /// As [`Log::finish`], whatever is appended meanwhile, and whether or not the file was to turn.
    fn finish_up_to_now(
        &self,
        desk: &mut Desk,
        now_ms: u64,
        clock_us: &dyn Fn() -> u64,
    ) -> Result<(), Trouble> {
        let is_marked = self.pending.lock().rotate_at.is_some();
        if is_marked {
            self.finish(desk, now_ms, clock_us)?;
        }
        let mut pending = self.pending.lock();
        pending.rotate_at = None;
        pending.begin_file();
        drop(pending);
        self.finish(desk, now_ms, clock_us)
    }
}

/// Removes files of generations that never came into force. Who calls has read the manifest.
pub(super) fn remove_risen(storage: &dyn Storage, place: &Place, manifest: &Manifest) {
    let kept = manifest.kept.iter().flat_map(|kept| kept.entries());
    let entries = manifest.incrs.iter().chain(&manifest.history).chain(kept);
    let listed: Vec<&str> = entries
        .chain(&manifest.base)
        .map(|entry| entry.name.as_str())
        .collect();
    // What cannot be listed or removed is in nobody's way.
    for name in storage.list(&place.log_dir()).unwrap_or_default() {
        if place.is_rising(&name) && !listed.contains(&name.as_str()) {
            let _ = storage.remove(&place.file(&name));
        }
    }
}

pub(super) fn make_log_dir(storage: &dyn Storage, place: &Place) -> Result<(), Trouble> {
    match storage.create_dir(&place.log_dir()) {
        Ok(()) => {}
        Err(trouble) if trouble.kind == Kind::Exists => {}
        Err(trouble) => return Err(trouble),
    }
    storage.sync_dir(&place.dir)
}

/// The file of a log that has none. Nothing is asked of it but room.
struct Nowhere;

impl Nowhere {
    fn refuse<T>(&self) -> Result<T, Trouble> {
        let what = "the log is off and has no file";
        Err(Trouble::new(Kind::System, Path::new(""), what))
    }
}

impl File for Nowhere {
    fn read_at(&self, _offset: u64, _into: &mut [u8]) -> Result<usize, Trouble> {
        self.refuse()
    }

    fn write_at(&self, _offset: u64, _bytes: &[u8]) -> Result<usize, Trouble> {
        self.refuse()
    }

    fn sync_data(&self) -> Result<(), Trouble> {
        self.refuse()
    }

    fn len(&self) -> Result<u64, Trouble> {
        self.refuse()
    }

    fn set_len(&self, _len: u64) -> Result<(), Trouble> {
        self.refuse()
    }

    fn allocate(&self, _end: u64) -> Result<(), Trouble> {
        self.refuse()
    }
}
