//! A new file for what comes next, and a new base for what was: the two halves of a rewrite.
//!
//! ```text
//!   begin_rotation   at the snapshot's cut, shards locked      base 1 · incr 1
//!   rotate           incr 1 is finished, incr 2 begins         base 1 · incr 1 · incr 2
//!   ... the snapshot is written to base 2, synced, renamed ...
//!   adopt_base       base 2 in, the older files out            base 2 · incr 2
//!                    or kept as an older generation
//! ```
//!
//! The manifest lists a file before anything is appended to it, and lists a base only when it is
//! durable; files go after the manifest that needs them no more is durable. A failure in the middle leaves
//! the log as it was, with one exception: if nobody can say which manifest a crash would leave,
//! the log is broken, as going on in either file could be wrong.
//!
//! The same three calls heal a broken log. There the old file cannot be finished; the new file
//! waits unlisted until the base is there, which has all that was in memory at the cut, and then
//! both are listed at once.

use super::desk::{Desk, Health, Opened};
use super::manifest::{Entry, SaveTrouble};
use super::writer::Log;
use super::{Generation, Lsn};
use crate::error::{Kind, Trouble};

impl Log {
    /// Marks the place where the next file begins, which is the LSN of the snapshot that is taken
    /// at this moment. Call it with all shards locked, and then [`Log::rotate`].
    pub fn begin_rotation(&self) -> Lsn {
        let mut pending = self.pending.lock();
        assert!(pending.rotate_at.is_none(), "one rotation at a time");
        if pending.is_discarded {
            pending.discard();
            pending.is_discarded = false;
        }
        pending.begin_file();
        pending.end()
    }

    /// Finishes the present file at the marked place and begins the next; for the committer.
    /// Returns the LSN where it begins. After an error the present file goes on, unless the log
    /// is broken.
    pub fn rotate(&self, now_ms: u64, clock_us: &dyn Fn() -> u64) -> Result<Lsn, Trouble> {
        let mut desk = self.desk.lock();
        let outcome = match &desk.health {
            Health::Well => self.rotate_well(&mut desk, now_ms, clock_us),
            Health::Broken(trouble) | Health::Healing(trouble, _) => {
                let trouble = trouble.clone();
                self.rotate_broken(&mut desk, trouble)
            }
        };
        self.pending.lock().rotate_at = None;
        outcome
    }

    /// A name and number for the next base, new at each call.
    pub fn next_base(&self) -> (String, u64) {
        let mut desk = self.desk.lock();
        desk.last_base_seq += 1;
        let seq = desk.last_base_seq;
        (desk.place.base_name(seq), seq)
    }

    /// Is a rotation that was begun at `lsn` through?
    pub fn has_file_from(&self, lsn: Lsn) -> bool {
        let desk = self.desk.lock();
        matches!(&desk.health, Health::Healing(..)) && desk.lsn == lsn
            || desk.starts.values().any(|start| *start == lsn)
    }

    /// Why a base taken at `lsn` cannot be adopted.
    pub fn no_file_from(&self, lsn: Lsn) -> Trouble {
        let desk = self.desk.lock();
        let what = format!("no file of the log begins at {lsn}");
        Trouble::new(Kind::System, &desk.path, what)
    }

    /// Lists a base that was taken at `lsn`, where the present file or one before it begins. The
    /// base must be durable under its name. What it replaces is kept or removed.
    pub fn adopt_base(&self, name: &str, seq: u64, lsn: Lsn) -> Result<(), Trouble> {
        self.list_base(name, seq, lsn)?;
        self.remove_history();
        Ok(())
    }

    fn list_base(&self, name: &str, seq: u64, lsn: Lsn) -> Result<(), Trouble> {
        let mut desk = self.desk.lock();
        let desk = &mut *desk;
        let mut manifest = desk.manifest.clone();
        let mut starts = desk.starts.clone();
        let (replaced, end_lsn) = if let Health::Healing(_, entry) = &desk.health {
            assert_eq!(desk.lsn, lsn, "the file begins where the base was taken");
            starts.insert(entry.seq, lsn);
            let replaced = std::mem::replace(&mut manifest.incrs, vec![entry.clone()]);
            // Nobody knows what the broken file has beyond this.
            (replaced, self.durable_lsn().min(lsn))
        } else {
            desk.health.check()?;
            assert!(
                starts.values().any(|start| *start == lsn),
                "no file begins at {lsn}"
            );
            let (replaced, rest) = manifest
                .incrs
                .into_iter()
                .partition(|it| starts[&it.seq] < lsn);
            manifest.incrs = rest;
            (replaced, lsn)
        };
        let base = Entry {
            name: name.to_owned(),
            seq,
        };
        let replaced = Generation {
            base: manifest.base.replace(base),
            base_lsn: manifest.base_lsn.replace(lsn).unwrap_or(0),
            incrs: replaced,
            end_lsn,
            until_secs: self.unix_secs(),
        };
        if replaced.entries().next().is_some() {
            manifest.kept.push(replaced);
        }
        manifest.strike(self.keep(), self.unix_secs());
        // The base's name was made durable by who wrote it; that costs nothing to be sure of.
        desk.storage.sync_dir(&desk.place.log_dir())?;
        match manifest.save(&*desk.storage, &desk.place) {
            Ok(()) => {}
            Err(SaveTrouble::Before(trouble)) => return Err(trouble),
            Err(SaveTrouble::Between(trouble)) => {
                self.poison(desk, &trouble);
                return Err(trouble);
            }
        }
        desk.manifest = manifest;
        desk.starts = starts;
        if let Health::Healing(..) = desk.health {
            self.heal(desk, lsn);
        }
        Ok(())
    }

    /// Is there something for [`Log::tidy`] to do? Look now and then.
    pub fn is_untidy(&self) -> bool {
        let (keep, now_secs) = (self.keep(), self.unix_secs());
        let manifest = &self.desk.lock().manifest;
        !manifest.history.is_empty() || manifest.unwanted(keep, now_secs) > 0
    }

    /// Removes generations whose time is over. What fails is tried again the next time.
    pub fn tidy(&self) {
        let (keep, now_secs) = (self.keep(), self.unix_secs());
        let mut desk = self.desk.lock();
        if desk.health.check().is_err() {
            return;
        }
        if desk.manifest.unwanted(keep, now_secs) > 0 {
            let mut manifest = desk.manifest.clone();
            manifest.strike(keep, now_secs);
            // Either manifest is right after a crash, but no file goes that the older one keeps.
            if manifest.save(&*desk.storage, &desk.place).is_err() {
                return;
            }
            desk.manifest = manifest;
        }
        let is_idle = desk.manifest.history.is_empty();
        drop(desk);
        if !is_idle {
            self.remove_history();
        }
    }

    /// Removes what is no longer needed; what cannot be removed stays listed for the next time.
    /// Others write meanwhile: removing a large file takes long.
    pub(super) fn remove_history(&self) {
        let desk = self.desk.lock();
        let (storage, place) = (desk.storage.clone(), desk.place.clone());
        let history = desk.manifest.history.clone();
        drop(desk);
        let is_gone = |entry: &Entry| {
            let removed = storage.remove(&place.file(&entry.name));
            removed.is_ok() || removed.is_err_and(|trouble| trouble.kind == Kind::Missing)
        };
        let gone: Vec<Entry> = history.into_iter().filter(is_gone).collect();
        // No name comes back that is listed no more.
        if gone.is_empty() || storage.sync_dir(&place.log_dir()).is_err() {
            return;
        }
        let mut desk = self.desk.lock();
        desk.manifest.history.retain(|entry| !gone.contains(entry));
        // If the shorter list does not arrive, the longer one is right as well.
        let _ = desk.manifest.save(&*storage, &place);
    }

    fn rotate_well(
        &self,
        desk: &mut Desk,
        now_ms: u64,
        clock_us: &dyn Fn() -> u64,
    ) -> Result<Lsn, Trouble> {
        match self.finish(desk, now_ms, clock_us) {
            Ok(()) => {}
            // The batch waits for room, in the present file.
            Err(trouble) if trouble.kind == Kind::Full => return Err(trouble),
            Err(trouble) => {
                self.poison(desk, &trouble);
                return Err(trouble);
            }
        }
        let lsn = desk.lsn;
        let entry = desk.next_incr();
        let opened = Opened::create(&*desk.storage, &desk.place, &entry.name, lsn);
        let opened = opened.inspect_err(|_| desk.remove(&entry.name))?;
        let mut manifest = desk.manifest.clone();
        manifest.incrs.push(entry.clone());
        match manifest.save(&*desk.storage, &desk.place) {
            Ok(()) => {}
            Err(SaveTrouble::Before(trouble)) => {
                desk.remove(&entry.name);
                return Err(trouble);
            }
            Err(SaveTrouble::Between(trouble)) => {
                self.poison(desk, &trouble);
                return Err(trouble);
            }
        }
        desk.manifest = manifest;
        desk.starts.insert(entry.seq, lsn);
        desk.turn_to(opened);
        self.reserve(desk);
        Ok(lsn)
    }

    fn rotate_broken(&self, desk: &mut Desk, trouble: Trouble) -> Result<Lsn, Trouble> {
        // A log that broke since the mark was set has dropped it: mark again.
        let Some(lsn) = self.pending.lock().discard_marked() else {
            return Err(trouble);
        };
        let entry = desk.next_incr();
        match Opened::create(&*desk.storage, &desk.place, &entry.name, lsn) {
            Ok(opened) => desk.turn_to(opened),
            Err(again) => {
                self.poison(desk, &trouble);
                return Err(again);
            }
        }
        desk.health = Health::Healing(trouble, entry);
        Ok(lsn)
    }
}

impl Desk {
    /// The entry of the next incremental file.
    fn next_incr(&mut self) -> Entry {
        self.last_incr_seq += 1;
        let seq = self.last_incr_seq;
        Entry {
            name: self.place.incr_name(seq),
            seq,
        }
    }

    fn remove(&self, name: &str) {
        // It is not listed and holds nothing: it may stay.
        let _ = self.storage.remove(&self.place.file(name));
    }
}
