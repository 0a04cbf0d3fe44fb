//! The committer's desk: the file that is written, and how far.
//!
//! ```text
//!   0 ─────────── offset ──────── zeroed_end ──────────── allocated_end
//!   groups        zeros, written  zeros, only reserved    nothing
//! ```
//!
//! Writes go to a place that is kept here; the file's own end means nothing. A short write is
//! continued, and a failed one is begun again at the group's line: `offset` moves by whole groups
//! only, so what a failed write left behind is overwritten or cut.
//!
//! Zeros are written ahead of commits because a sync that only changes bytes is cheaper than
//! one that also turns reserved room into written room (docs/formats/log.md has the figures).
//!
//! Under `always` whole blocks go past the page cache where the file system knows how
//! ([`File::write_through`], decision 13); otherwise, and for very large commits, a write and a
//! sync do the same.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::frame::{Frame, LINE_BYTES_MAX};
use super::health::Health;
use super::writer::{FsyncPolicy, Pending, Settings};
use super::{Lsn, Manifest, Place};
use crate::error::{Kind, Trouble};
use crate::storage::{Access, BLOCK_BYTES, Blocks, File, Storage, Through, read_full, write_all};

/// Groups up to this size are written with their line in one write.
const WRITE_BYTES: usize = 1 << 20;
/// A batch that needed more memory than this gives it back.
const KEPT_BYTES: usize = 4 << 20;
/// Commits up to this size are worth zeros ahead of them, if those go through the page cache.
const SMALL_COMMIT_BYTES: u64 = 64 << 10;
/// Commits up to this size go past the page cache: beyond, a copy costs more than it saves.
const THROUGH_BYTES: usize = 2 << 20;
/// Zeros that go past the page cache are written so many at a time.
const ZEROS_BYTES: u64 = 256 << 10;
const SECOND_MS: u64 = 1000;

pub(super) struct Desk {
    pub storage: Arc<dyn Storage>,
    pub place: Place,
    pub settings: Settings,
    pub manifest: Manifest,
    /// Where each listed incremental file begins in the stream, by its number.
    pub starts: BTreeMap<u64, Lsn>,
    /// The last numbers given to files. None is given twice: after a failure nobody may know
    /// whether a manifest that lists it is in force.
    pub last_incr_seq: u64,
    pub last_base_seq: u64,
    pub file: Arc<dyn File>,
    pub path: PathBuf,
    /// Where the next line goes.
    pub offset: u64,
    /// Where the next group begins in the stream.
    pub lsn: Lsn,
    /// Everything before this has been synced.
    pub synced: Lsn,
    pub allocated_end: u64,
    pub zeroed_end: u64,
    pub batch: Batch,
    pub health: Health,
    /// Since the log was opened, lines included.
    pub bytes_written: u64,
    pub last_commit_bytes: u64,
    /// Of these, those before this are synced, or in a file that is finished.
    bytes_synced: u64,
    last_sync_ms: u64,
    /// Does the last line in the file say that all before it was synced?
    is_proved: bool,
    /// The last time written in the present file.
    time: Option<u64>,
    scratch: Vec<u8>,
    blocks: Blocks,
    tail: Tail,
    /// The file does not know how to be written past the page cache.
    is_cached_only: bool,
    #[cfg(feature = "sabotage")]
    syncs: u64,
}

/// What has been taken from the pending bytes and is not yet written.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    cuts: Vec<usize>,
    /// Written of `bytes`.
    done: usize,
    /// When it was taken, in unix seconds, if that is to be written. A group that is begun again
    /// has the same, or it could be shorter than what the failed write left behind.
    time: Option<u64>,
}

/// The bytes before `end` in the block in which it lies.
#[derive(Debug, Default)]
struct Tail {
    bytes: Vec<u8>,
    end: u64,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.done == self.bytes.len()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.cuts.clear();
        self.done = 0;
        if self.bytes.capacity() > KEPT_BYTES {
            self.bytes = Vec::new();
        }
    }

    /// Takes what is pending for the present file, at this time; both sides keep their memory.
    pub(super) fn fill(&mut self, pending: &mut Pending, time: Option<u64>) {
        self.clear();
        self.time = time;
        let taken = pending.rotate_at.unwrap_or(pending.bytes.len());
        if taken == pending.bytes.len() {
            std::mem::swap(&mut self.bytes, &mut pending.bytes);
            std::mem::swap(&mut self.cuts, &mut pending.cuts);
        } else {
            self.bytes.extend(pending.bytes.drain(..taken));
            let kept = pending.cuts.iter().position(|cut| *cut > taken);
            let kept = kept.unwrap_or(pending.cuts.len());
            self.cuts.extend(pending.cuts.drain(..kept));
            pending.cuts.iter_mut().for_each(|cut| *cut -= taken);
        }
        pending.start += taken as u64;
        if let Some(at) = &mut pending.rotate_at {
            *at -= taken;
        }
    }

    /// The next group to write.
    fn group(&self) -> &[u8] {
        self.group_at(self.done)
    }

    /// The group that begins at this place.
    fn group_at(&self, start: usize) -> &[u8] {
        let next_cut = self.cuts.iter().find(|cut| **cut > start);
        let end = next_cut.map_or(self.bytes.len(), |cut| *cut);
        &self.bytes[start..end]
    }
}

impl Desk {
    /// A desk for a file whose groups end at `offset`, with everything before it synced.
    pub(super) fn new(
        storage: Arc<dyn Storage>,
        place: Place,
        settings: Settings,
        manifest: Manifest,
        opened: Opened,
    ) -> Desk {
        Desk {
            storage,
            place,
            settings,
            starts: BTreeMap::new(),
            last_incr_seq: manifest.last_incr_seq(),
            last_base_seq: manifest.last_base_seq(),
            manifest,
            file: Arc::from(opened.file),
            path: opened.path,
            offset: opened.offset,
            lsn: opened.lsn,
            synced: opened.lsn,
            allocated_end: opened.offset,
            zeroed_end: opened.offset,
            batch: Batch::default(),
            health: Health::Well,
            bytes_written: 0,
            last_commit_bytes: 0,
            bytes_synced: 0,
            last_sync_ms: 0,
            is_proved: true,
            time: None,
            scratch: Vec::new(),
            blocks: Blocks::default(),
            tail: Tail::default(),
            is_cached_only: false,
            #[cfg(feature = "sabotage")]
            syncs: 0,
        }
    }

    /// Turns to another file.
    pub(super) fn turn_to(&mut self, opened: Opened) {
        self.file = Arc::from(opened.file);
        self.path = opened.path;
        self.offset = opened.offset;
        self.lsn = opened.lsn;
        self.synced = opened.lsn;
        self.allocated_end = opened.offset;
        self.zeroed_end = opened.offset;
        self.bytes_synced = self.bytes_written;
        self.is_proved = true;
        self.tail = Tail::default();
        self.is_cached_only = false;
        self.time = None;
    }

    /// Writes the batch in groups, each behind its line, and syncs it too where that is one call.
    /// After an error whole groups are written and the rest stays in the batch.
    pub(super) fn write_batch(&mut self, policy: FsyncPolicy) -> Result<(), Trouble> {
        if policy == FsyncPolicy::Always && self.write_batch_through()? {
            return Ok(());
        }
        while !self.batch.is_empty() {
            let group = self.batch.group();
            let time = self.batch.time.filter(|_| self.batch.time > self.time);
            let frame = Frame::of(self.lsn, self.synced, time, group);
            self.scratch.clear();
            frame.encode(&mut self.scratch);
            let line_bytes = self.scratch.len();
            if group.len() < WRITE_BYTES {
                // One write for both, at the price of a copy.
                self.scratch.extend_from_slice(group);
                write_all(&*self.file, self.offset, &self.scratch)?;
            } else {
                write_all(&*self.file, self.offset, &self.scratch)?;
                write_all(&*self.file, self.offset + line_bytes as u64, group)?;
            }
            self.batch.done += group.len();
            self.advance(line_bytes as u64 + frame.len);
            self.lsn = frame.end_lsn();
            self.time = frame.time.or(self.time);
            self.is_proved = false;
        }
        self.batch.clear();
        Ok(())
    }

    /// Writes the whole batch past the page cache, and with that syncs it. Says whether it did.
    fn write_batch_through(&mut self) -> Result<bool, Trouble> {
        let rest = self.batch.bytes.len() - self.batch.done;
        let has_unsynced = self.unsynced_bytes() > 0;
        if self.is_cached_only || has_unsynced || !(1..THROUGH_BYTES).contains(&rest) {
            return Ok(false);
        }
        self.load_tail()?;
        let lines = (self.batch.cuts.len() + 1) * LINE_BYTES_MAX;
        self.blocks
            .begin(self.offset, &self.tail.bytes, rest + lines);
        let (mut lsn, mut done, mut last_time) = (self.lsn, self.batch.done, self.time);
        while done < self.batch.bytes.len() {
            let group = self.batch.group_at(done);
            let time = self.batch.time.filter(|_| self.batch.time > last_time);
            let frame = Frame::of(lsn, self.synced, time, group);
            let out = self.blocks.bytes();
            frame.encode(out);
            out.extend_from_slice(group);
            lsn = frame.end_lsn();
            last_time = time.or(last_time);
            done += group.len();
        }
        let end = self.blocks.end();
        if !self.write_blocks()? {
            return Ok(false);
        }
        self.bytes_written += end - self.offset;
        self.bytes_synced = self.bytes_written;
        self.offset = end;
        self.allocated_end = self.allocated_end.max(end);
        (self.lsn, self.synced, self.time) = (lsn, lsn, last_time);
        self.is_proved = false;
        self.batch.clear();
        Ok(true)
    }

    /// Writes the blocks and keeps their tail. Says whether the file knows how.
    fn write_blocks(&mut self) -> Result<bool, Trouble> {
        let (is_skipped, is_forgiven) = (self.skips_sync(), self.forgives_sync());
        let (at, blocks, used) = self.blocks.finish();
        // It is reserved and may yet be less, if reserving found no room.
        let end = at + blocks.len() as u64;
        if end > self.allocated_end {
            return Ok(false);
        }
        let written = match is_skipped {
            true => write_all(&*self.file, at, blocks).map(|()| Through::Durable),
            false => self.file.write_through(at, blocks),
        };
        match written {
            Ok(Through::Durable) => {}
            Ok(Through::Unknown) => {
                self.is_cached_only = true;
                return Ok(false);
            }
            Err(_) if is_forgiven => {}
            Err(trouble) => {
                self.tail = Tail::default();
                return Err(trouble);
            }
        }
        let last = &blocks[blocks.len() - BLOCK_BYTES as usize..];
        self.tail.bytes.clear();
        self.tail.bytes.extend_from_slice(&last[..used]);
        self.tail.end = end
            - if used == 0 {
                0
            } else {
                BLOCK_BYTES - used as u64
            };
        Ok(true)
    }

    /// The beginning of the block in which the next line goes.
    fn load_tail(&mut self) -> Result<(), Trouble> {
        if self.tail.end == self.offset {
            return Ok(());
        }
        let used = self.offset % BLOCK_BYTES;
        self.tail.bytes.resize(used as usize, 0);
        let read = read_full(&*self.file, self.offset - used, &mut self.tail.bytes)?;
        if read < used as usize {
            let what = "cannot read what was written: the file is shorter";
            return Err(Trouble::new(Kind::System, &self.path, what).at(self.offset));
        }
        self.tail.end = self.offset;
        Ok(())
    }

    /// Is it time for a sync?
    pub(super) fn is_sync_due(&self, policy: FsyncPolicy, now_ms: u64) -> bool {
        if self.lsn == self.synced {
            return false;
        }
        let is_time = match policy {
            FsyncPolicy::Always => true,
            FsyncPolicy::EverySec => now_ms.saturating_sub(self.last_sync_ms) >= SECOND_MS,
            FsyncPolicy::No => false,
        };
        is_time || self.unsynced_bytes() >= self.settings.unsynced_bytes_max
    }

    fn unsynced_bytes(&self) -> u64 {
        self.bytes_written - self.bytes_synced
    }

    pub(super) fn sync(&mut self, now_ms: u64) -> Result<(), Trouble> {
        let sync = self.begin_sync();
        sync.run()?;
        self.end_sync(sync, now_ms);
        Ok(())
    }

    /// A sync of what is written so far, to be run by whoever has the time.
    pub(super) fn begin_sync(&mut self) -> Sync {
        Sync {
            file: self.file.clone(),
            lsn: self.lsn,
            bytes_written: self.bytes_written,
            is_skipped: self.skips_sync(),
            is_forgiven: self.forgives_sync(),
        }
    }

    /// The sync has ended well. Others may have ended meanwhile that began before or after it, and
    /// the committer may have turned to another file, which begins behind all of this.
    pub(super) fn end_sync(&mut self, sync: Sync, now_ms: u64) {
        self.synced = self.synced.max(sync.lsn);
        self.bytes_synced = self.bytes_synced.max(sync.bytes_written);
        self.last_sync_ms = now_ms;
    }

    /// Says in the file that all before was synced, if no line does so yet. The line itself is not
    /// synced: it proves something only where it arrives.
    pub(super) fn write_proof(&mut self) -> Result<(), Trouble> {
        assert_eq!(self.synced, self.lsn, "synced before it is said");
        // Half of a group that waits for room must be overwritten by that group: what is left of
        // it behind a line could look like anything.
        if self.is_proved || !self.batch.is_empty() {
            return Ok(());
        }
        let mut line = Vec::new();
        Frame::of(self.lsn, self.synced, None, b"").encode(&mut line);
        match write_all(&*self.file, self.offset, &line) {
            Ok(()) => {}
            // Its half is overwritten or cut like any other.
            Err(trouble) if trouble.kind == Kind::Full => return Ok(()),
            Err(trouble) => return Err(trouble),
        }
        self.advance(line.len() as u64);
        self.is_proved = true;
        Ok(())
    }

    /// Ends the file where its groups end: no reserved room, and a line that says that all of it
    /// was synced.
    pub(super) fn seal_and_trim(&mut self) -> Result<(), Trouble> {
        self.write_proof()?;
        self.trim()?;
        self.file.sync_data()
    }

    /// Ends the file where its groups end.
    pub(super) fn trim(&mut self) -> Result<(), Trouble> {
        self.file.set_len(self.offset)?;
        self.allocated_end = self.offset;
        self.zeroed_end = self.offset;
        Ok(())
    }

    /// Reserves room for `pending` bytes of the stream, what was `wanted` besides, and more to
    /// come. Says whether there is enough.
    pub(super) fn reserve(&mut self, pending: u64, wanted: u64) -> bool {
        const PAGE_BYTES: u64 = 4096;
        let settings = &self.settings;
        let step = self.offset / 4;
        let step = step.clamp(settings.reserve_bytes_min, settings.reserve_bytes_max);
        let needed = pending + wanted;
        let lines = needed / settings.group_bytes as u64 + 8;
        let end = self.offset + needed + lines * LINE_BYTES_MAX as u64;
        if end + step / 2 <= self.allocated_end {
            return true;
        }
        // Near the end of the disk steps shrink: others need room too, and all of it can be used.
        let free = self.storage.free_bytes(&self.place.dir);
        let step = step.min(free.unwrap_or(u64::MAX) / 4);
        let step = step.max(settings.reserve_bytes_min);
        if end + step / 2 <= self.allocated_end {
            return true;
        }
        let goal = (end + step).next_multiple_of(PAGE_BYTES);
        match self.file.allocate(goal) {
            Ok(()) => {
                self.allocated_end = goal;
                true
            }
            Err(_) => false,
        }
    }

    /// After a commit: zeros for the next ones.
    pub(super) fn write_zeros_ahead(&mut self) -> Result<(), Trouble> {
        let commit_bytes = self.last_commit_bytes;
        let ahead = self.settings.zero_ahead_bytes;
        let is_near = self.zeroed_end < self.offset + ahead / 4;
        if !is_near || commit_bytes == 0 {
            return Ok(());
        }
        let from = self.zeroed_end.max(self.offset);
        let end = (self.offset + ahead).min(self.allocated_end);
        if from >= end || self.write_zeros_through(from, end)? {
            return Ok(());
        }
        if commit_bytes >= SMALL_COMMIT_BYTES {
            return Ok(());
        }
        let zeros = vec![0; (end - from) as usize];
        match write_all(&*self.file, from, &zeros) {
            Ok(()) => {
                self.zeroed_end = end;
                Ok(())
            }
            Err(trouble) if trouble.kind == Kind::Full => Ok(()),
            Err(trouble) => Err(trouble),
        }
    }

    /// Zeros past the page cache, in whole blocks. Says whether the file knows how.
    fn write_zeros_through(&mut self, from: u64, end: u64) -> Result<bool, Trouble> {
        if self.is_cached_only || self.unsynced_bytes() > 0 {
            return Ok(false);
        }
        // A block in which groups end is filled with zeros already.
        let mut at = from.next_multiple_of(BLOCK_BYTES);
        let end = end - end % BLOCK_BYTES;
        while at < end {
            let step = ZEROS_BYTES.min(end - at);
            match self
                .file
                .write_through(at, self.blocks.zeros(at, step as usize))
            {
                Ok(Through::Durable) => at += step,
                Ok(Through::Unknown) => {
                    self.is_cached_only = true;
                    return Ok(false);
                }
                Err(trouble) if trouble.kind == Kind::Full => return Ok(true),
                Err(trouble) => return Err(trouble),
            }
            self.zeroed_end = at;
        }
        Ok(true)
    }

    fn advance(&mut self, bytes: u64) {
        self.offset += bytes;
        self.bytes_written += bytes;
        self.allocated_end = self.allocated_end.max(self.offset);
    }
}

/// A sync of one file up to a place in the stream.
pub(super) struct Sync {
    file: Arc<dyn File>,
    lsn: Lsn,
    bytes_written: u64,
    is_skipped: bool,
    is_forgiven: bool,
}

impl Sync {
    pub(super) fn run(&self) -> Result<(), Trouble> {
        if self.is_skipped {
            return Ok(());
        }
        match self.file.sync_data() {
            Err(_) if self.is_forgiven => Ok(()),
            outcome => outcome,
        }
    }
}

/// An incremental file that is ready to be appended to, synced as far as it goes.
pub(super) struct Opened {
    pub file: Box<dyn File>,
    pub path: PathBuf,
    pub offset: u64,
    pub lsn: Lsn,
}

impl Opened {
    /// A new file: one line that says where it begins in the stream. Its name is durable too.
    pub(super) fn create(
        storage: &dyn Storage,
        place: &Place,
        name: &str,
        lsn: Lsn,
    ) -> Result<Opened, Trouble> {
        let path = place.file(name);
        let file = storage.open(&path, Access::Create)?;
        let mut line = Vec::new();
        Frame::of(lsn, lsn, None, b"").encode(&mut line);
        write_all(&*file, 0, &line)?;
        file.sync_data()?;
        storage.sync_dir(&place.log_dir())?;
        Ok(Opened {
            file,
            path,
            offset: line.len() as u64,
            lsn,
        })
    }
}

#[cfg(feature = "sabotage")]
impl Desk {
    fn skips_sync(&mut self) -> bool {
        self.syncs += 1;
        self.settings.sabotage == super::writer::Sabotage::SkipSync && self.syncs == 3
    }

    fn forgives_sync(&self) -> bool {
        self.settings.sabotage == super::writer::Sabotage::ForgiveSync
    }

    pub(super) fn publishes_early(&self) -> bool {
        self.settings.sabotage == super::writer::Sabotage::PublishBeforeSync
    }
}

#[cfg(not(feature = "sabotage"))]
impl Desk {
    #[allow(clippy::unused_self)]
    fn skips_sync(&mut self) -> bool {
        false
    }

    fn forgives_sync(&self) -> bool {
        false
    }

    pub(super) fn publishes_early(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Log;
    use crate::storage::Disk;

    /// The committer syncs, and so does whoever makes a base or reads the log back, at their own
    /// times. Two that overlapped and ended in the order in which they began took the first one's
    /// bytes off twice: DEBUG RELOAD ended in a panic once.
    #[test]
    fn syncs_that_overlap_count_what_they_synced_once() {
        let dir = std::env::temp_dir().join(format!("ochre-desk-{}", std::process::id()));
        std::fs::create_dir(&dir).expect("a new directory");
        let settings = Settings::new(FsyncPolicy::No);
        let log = Log::create(Arc::new(Disk), &Place::usual(&dir), None, 0, settings);
        let log = log.expect("a log");
        let mut desk = log.desk.lock();
        let desk = &mut *desk;
        let write = |desk: &mut Desk| {
            log.append([(0, &b"*1\r\n$8\r\nFLUSHALL\r\n"[..])]);
            log.write_pending(desk).expect("there is room");
        };
        for is_reversed in [false, true] {
            write(desk);
            let first = desk.begin_sync();
            write(desk);
            let mut syncs = [first, desk.begin_sync()];
            if is_reversed {
                syncs.reverse();
            }
            assert!(desk.unsynced_bytes() > 0);
            for sync in syncs {
                sync.run().expect("the disk is well");
                desk.end_sync(sync, 0);
            }
            assert_eq!((desk.synced, desk.unsynced_bytes()), (desk.lsn, 0));
        }
        std::fs::remove_dir_all(&dir).expect("it is ours");
    }
}
