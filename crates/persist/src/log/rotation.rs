//! A new file for what comes next, and a new base for what was: the two halves of a rewrite.
//!
//! ```text
//!   begin_rotation   at the snapshot's cut, shards locked      base 1 · incr 1
//!   rotate           incr 1 is finished, incr 2 begins         base 1 · incr 1 · incr 2
//!   ... the snapshot is written to base 2, synced, renamed ...
//!   adopt_base       base 2 in, the older files out            base 2 · incr 2
//!                    or kept as an older generation
//!   tidy             those that are out are removed
//! ```
//!
//! The manifest lists a file before anything is appended to it, and lists a base only when it is
//! durable; files go after the manifest that needs them no more is durable. A failure in the middle leaves
//! the log as it was, with one exception: if nobody can say which manifest a crash would leave,
//! the log is broken, as going on in either file could be wrong.
//!
//! The same three calls bring a log up that is down: broken, or off. There is no old file to be
//! finished; the new one is written, but waits unlisted until the base is there, which has all
//! that was in memory at the cut, and then both are listed at once. What fails before leaves the
//! log as it was: down.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use super::Lsn;
use super::desk::{Desk, Opened};
use super::generation::Generation;
use super::health::{Down, Health, Rising, State};
use super::manifest::{Entry, SaveTrouble};
use super::writer::Log;
use crate::error::{Kind, Trouble};
use crate::storage::{Pause, remove_by_parts};

impl Log {
    /// Marks the place where the next file begins, which is the LSN of the snapshot that is taken
    /// at this moment. Call it with all shards locked, and then [`Log::rotate`].
    pub fn begin_rotation(&self) -> Lsn {
        let mut pending = self.pending.lock();
        assert!(pending.rotate_at.is_none(), "one rotation at a time");
        if pending.is_discarded {
            // While the log is off the data changes and the count may not: a base that was taken
            // here before must not pass for the one that is taken now.
            self.skip_a_byte(&mut pending);
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
        let outcome = match desk.health.is_well() {
            true => self.rotate_well(&mut desk, now_ms, clock_us),
            false => self.rise(&mut desk),
        };
        self.pending.lock().rotate_at = None;
        outcome
    }

    /// A name and number for the next base, new at each call.
    pub fn next_base(&self) -> (String, u64) {
        let mut desk = self.desk.lock();
        desk.last_base_seq += 1;
        let seq = desk.last_base_seq;
        let name = match desk.health.is_well() {
            true => desk.place.base_name(seq),
            false => desk.place.rising_base_name(seq),
        };
        (name, seq)
    }

    /// Is a rotation that was begun at `lsn` through? `None`: it will never be.
    pub fn has_file_from(&self, lsn: Lsn) -> Option<bool> {
        let desk = self.desk.lock();
        let has_file = match &desk.health {
            Health::Rising(rising) => rising.lsn == lsn,
            Health::Well => desk.starts.values().any(|start| *start == lsn),
            Health::Down(_) => false,
        };
        (has_file || self.pending.lock().rotate_at.is_some()).then_some(has_file)
    }

    /// Why a base taken at `lsn` cannot be adopted.
    pub fn no_file_from(&self, lsn: Lsn) -> Trouble {
        let desk = self.desk.lock();
        let what = format!("no file of the log begins at {lsn}");
        Trouble::new(Kind::System, &desk.path, what)
    }

    /// Lists a base that was taken at `lsn`, where the present file or one before it begins. The
    /// base must be durable under its name. What it replaces is kept, or left to [`Log::tidy`], and
    /// the base itself is removed if it is certain that nothing lists it.
    pub fn adopt_base(&self, name: &str, seq: u64, lsn: Lsn) -> Result<(), Trouble> {
        let mut desk = self.desk.lock();
        let desk = &mut *desk;
        let adopted = match self.write_risen(desk, lsn) {
            Ok(()) => self.list_base(desk, name, seq, lsn),
            Err(trouble) => Err(SaveTrouble::Before(trouble)),
        };
        match adopted {
            Ok(()) => Ok(()),
            Err(SaveTrouble::Before(trouble)) => {
                desk.remove(name);
                Err(trouble)
            }
            Err(SaveTrouble::Between(trouble)) => {
                // Both generations must stay.
                let down = match &desk.health {
                    Health::Rising(rising) => rising.from.clone(),
                    Health::Well | Health::Down(_) => Down::Broken(trouble.clone()),
                };
                self.fall(desk, down);
                Err(trouble)
            }
        }
    }

    fn list_base(
        &self,
        desk: &mut Desk,
        name: &str,
        seq: u64,
        lsn: Lsn,
    ) -> Result<(), SaveTrouble> {
        let mut manifest = desk.manifest.clone();
        let mut starts = desk.starts.clone();
        let mut from_off = false;
        let (replaced, end_lsn) = if let Health::Rising(rising) = &desk.health {
            from_off = matches!(rising.from, Down::Off);
            starts = [(rising.entry.seq, lsn)].into();
            let replaced = std::mem::replace(&mut manifest.incrs, vec![rising.entry.clone()]);
            // Nobody knows what a broken file has beyond this.
            (replaced, self.durable_lsn().min(lsn))
        } else {
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
        if from_off {
            // What was done while there was no log is in none of them: no way leads back.
            manifest.strike_all();
        }
        manifest.strike(self.keep(), self.unix_secs());
        // The base's name was made durable by who wrote it; that costs nothing to be sure of.
        let named = desk.storage.sync_dir(&desk.place.log_dir());
        named.map_err(SaveTrouble::Before)?;
        manifest.save(&*desk.storage, &desk.place)?;
        desk.manifest = manifest;
        self.publish_kept(desk);
        desk.starts = starts;
        if desk.health.is_rising() {
            self.heal(desk);
            // It was about the files before, if it is there.
            desk.remove(&desk.place.outdated_name());
        }
        Ok(())
    }

    /// Is there something for [`Log::tidy`] to do? Look now and then.
    pub fn is_untidy(&self) -> bool {
        let (keep, now_secs) = (self.keep(), self.unix_secs());
        let desk = self.desk.lock();
        let manifest = &desk.manifest;
        desk.health.is_well()
            && (!manifest.history.is_empty() || manifest.unwanted(keep, now_secs) > 0)
    }

    /// Removes what rewrites have replaced, and generations whose time is over, with a `pause`
    /// between files and between the parts of large ones. For one thread at a time. What fails, or
    /// is left by a break, is tried again the next time.
    pub fn tidy(&self, pause: Pause<'_>) {
        let (keep, now_secs) = (self.keep(), self.unix_secs());
        let mut desk = self.desk.lock();
        if !desk.health.is_well() {
            return;
        }
        if desk.manifest.unwanted(keep, now_secs) > 0 {
            let mut manifest = desk.manifest.clone();
            manifest.strike(keep, now_secs);
            // Either manifest is right after a crash, but no file goes that the older one keeps.
            let mut saved = manifest.save(&*desk.storage, &desk.place);
            if matches!(&saved, Err(SaveTrouble::Before(trouble)) if trouble.kind == Kind::Full) {
                // On a full disk a list needs room as well before it can make some.
                self.give_back_room(&mut desk);
                saved = manifest.save(&*desk.storage, &desk.place);
            }
            if saved.is_err() {
                return;
            }
            desk.manifest = manifest;
            self.publish_kept(&desk);
        }
        let is_idle = desk.manifest.history.is_empty();
        drop(desk);
        if !is_idle {
            self.remove_history(pause);
        }
    }

    /// Removes what is no longer needed; what cannot be removed stays listed for the next time.
    /// Others write meanwhile: removing a large file takes long.
    fn remove_history(&self, pause: Pause<'_>) {
        let desk = self.desk.lock();
        let (storage, place) = (desk.storage.clone(), desk.place.clone());
        let history = desk.manifest.history.clone();
        drop(desk);
        let mut gone = Vec::new();
        for entry in history {
            match remove_by_parts(&*storage, &place.file(&entry.name), pause) {
                Ok(ControlFlow::Continue(())) => gone.push(entry),
                Ok(ControlFlow::Break(())) => break,
                Err(trouble) if trouble.kind == Kind::Missing => gone.push(entry),
                Err(_) => {}
            }
            if pause().is_break() {
                break;
            }
        }
        // No name comes back that is listed no more.
        if gone.is_empty() || storage.sync_dir(&place.log_dir()).is_err() {
            return;
        }
        let mut desk = self.desk.lock();
        if !desk.health.is_well() {
            return; // it may be marked as it is
        }
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

    /// Begins the file of a new generation.
    fn rise(&self, desk: &mut Desk) -> Result<Lsn, Trouble> {
        // A log that went down since the mark was set has dropped it: mark again.
        let Some(lsn) = self.pending.lock().discard_marked() else {
            let what = "the log went down before it could turn to a new file";
            return Err(Trouble::new(Kind::System, &desk.path, what));
        };
        let from = match &desk.health {
            Health::Down(down) => down.clone(),
            // The one before got no base.
            Health::Rising(rising) => {
                desk.remove(&rising.entry.name);
                rising.from.clone()
            }
            Health::Well => unreachable!("a log that is well has a file to finish"),
        };
        desk.last_incr_seq += 1;
        let entry = Entry {
            name: desk.place.rising_incr_name(desk.last_incr_seq),
            seq: desk.last_incr_seq,
        };
        let opened = Opened::create(&*desk.storage, &desk.place, &entry.name, lsn);
        let opened = opened.inspect_err(|_| {
            desk.remove(&entry.name);
            self.fall(desk, from.clone());
        })?;
        desk.turn_to(opened);
        if matches!(from, Down::Off) {
            let rising = State::Rising as u8;
            self.gate.state.store(rising, Ordering::Release);
        }
        desk.health = Health::Rising(Rising { from, entry, lsn });
        self.reserve(desk);
        Ok(lsn)
    }

    /// Before a new generation is listed, what was appended to it is in its file: whoever was
    /// answered meanwhile will find it.
    fn write_risen(&self, desk: &mut Desk, lsn: Lsn) -> Result<(), Trouble> {
        let is_expected = match &desk.health {
            Health::Well => return Ok(()),
            Health::Rising(rising) => rising.lsn == lsn,
            Health::Down(_) => false,
        };
        if !is_expected {
            let what = format!("no file of the log begins at {lsn}: it went down meanwhile");
            return Err(Trouble::new(Kind::System, &desk.path, what));
        }
        let written = self.write_pending(desk).and_then(|_| {
            let sync = desk.begin_sync();
            sync.run()?;
            desk.end_sync(sync, 0);
            Ok(())
        });
        written.inspect_err(|trouble| self.poison(desk, trouble))
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

    pub(super) fn remove(&self, name: &str) {
        // It is not listed and holds nothing: it may stay.
        let _ = self.storage.remove(&self.place.file(name));
    }
}
