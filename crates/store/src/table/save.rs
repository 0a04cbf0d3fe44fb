//! A snapshot's walk over one table: every entry as it was at the cut, once.
//!
//! ```text
//!   cut        parity ─► !parity          all that is here is unsaved now
//!   walk       ─────────►│ cursor         saved │ saved, or its bit differs
//!   a change   unsaved? ─► image kept, bit set, then the change
//! ```
//!
//! An entry is unsaved while its parity bit differs from the table's, each table
//! having its own. The cut flips the table's bit and touches no entry. The walk
//! goes by the order of hashes, a bucket at a time, saves what is unsaved and
//! sets its bit. Whoever is about to change or remove an unsaved entry keeps its
//! image first (see `images`) and sets the bit; new entries are born saved. As
//! the bit travels with its entry, and the cursor is a prefix of the hash,
//! segments may grow, split, merge and move meanwhile.
//!
//! Invariants: what lies before the cursor is saved, and all of it once the
//! walk is through; so the next cut finds every bit equal again.
//!
//! What it refuses to do: begin while the walk before is not through. A walk
//! whose snapshot was given up goes on all the same, without images, only to
//! set the bits.

use std::sync::Arc;

use structs::processor::prefetch;

use super::{POSITION_SHIFT, Slot, Table};
use crate::entry::{Entry, EntryRef};
use crate::images::{ImageGauge, Images, Remains, spend};
use crate::segment::{SegmentRef, bits};

/// How far a table's walk has come, and what it keeps for it.
pub(super) struct Saving {
    /// The next hash to look at, as in [`Table::scan`]; `None` behind the last.
    cursor: Option<u64>,
    images: Images,
}

impl Table {
    /// From now on, all that is here waits to be saved as part of `database`.
    pub(crate) fn cut(&mut self, database: usize, gauge: &Arc<ImageGauge>) {
        assert!(self.saving.is_none(), "one snapshot at a time");
        self.parity = !self.parity;
        if self.count > 0 {
            self.saving = Some(Box::new(Saving {
                cursor: Some(self.scan_start()),
                images: Images::new(database, gauge.clone()),
            }));
        }
    }

    /// May there be anything that a walk has yet to save?
    pub fn is_unsaved(&self) -> bool {
        self.saving.is_some()
    }

    /// Is there anything that somebody waits for?
    pub(crate) fn is_wanted(&self) -> bool {
        let images = self.saving.as_ref().map(|saving| &saving.images);
        images.is_some_and(Images::is_wanted)
    }

    /// Entries that a walk has yet to save and that may have this hash. There
    /// may be others among them, rarely.
    pub fn unsaved_like(&self, hash: u64) -> impl Iterator<Item = Entry<'_>> {
        let segment = self.directory.get(self.index(hash));
        let segment = segment.filter(|_| self.is_unsaved());
        let buckets = segment.into_iter().flat_map(move |segment| {
            let home = segment.bucket(self.home(*segment, hash));
            let stashed = bits(home.overflow()).map(|stash| segment.stash(stash));
            std::iter::once(home).chain(stashed)
        });
        let alike = buckets.flat_map(move |bucket| {
            let lanes = bucket.matches(super::fingerprint(hash));
            lanes.filter_map(|lane| bucket.slot(lane))
        });
        alike
            .filter(|entry| entry.parity() != self.parity)
            .map(Entry::of)
    }

    /// Would a change of this entry keep its image?
    pub(crate) fn keeps_image_of(&self, slot: Slot) -> bool {
        self.is_wanted() && self.entry_ref(slot).parity() != self.parity
    }

    /// Before an entry changes or goes: keep its image if it is unsaved.
    #[inline(always)]
    pub(super) fn keep(&mut self, entry: EntryRef, remains: Remains) {
        if entry.parity() != self.parity {
            self.keep_image(entry, remains);
        }
    }

    #[cold]
    #[inline(never)]
    fn keep_image(&mut self, entry: EntryRef, remains: Remains) {
        let saving = self.saving.as_mut();
        let saving = saving.expect("only a cut leaves entries unsaved");
        #[cfg(test)]
        if mistake::is(mistake::Mistake::ForgottenImage) {
            return entry.set_parity(self.parity);
        }
        saving.images.keep(entry, remains);
        #[cfg(test)]
        if mistake::is(mistake::Mistake::ForgottenBit) {
            return;
        }
        entry.set_parity(self.parity);
    }

    /// Go on with the walk until about `work_bytes` were handled: a bucket at
    /// a time, each unsaved entry handed to `save` with the database that it
    /// was in at the cut. Returns whether more is left.
    pub(crate) fn save(
        &mut self,
        work_bytes: &mut usize,
        save: &mut dyn FnMut(usize, Entry<'_>),
    ) -> bool {
        const BUCKET_BYTES: usize = 16;
        let Some(saving) = &self.saving else {
            return false;
        };
        let (database, mut cursor) = (saving.images.database(), saving.cursor);
        let mut is_first = true;
        while let Some(at) = cursor
            && *work_bytes > 0
        {
            let from = at << POSITION_SHIFT;
            let Some(&segment) = self.directory.get(self.index(from)) else {
                cursor = None; // all of it was removed meanwhile
                break;
            };
            let home = self.home(segment, from);
            if std::mem::take(&mut is_first) || home == 0 {
                look_around(segment, home);
            }
            look_ahead(segment, home);
            self.save_home(segment, home, &mut |entry| {
                save(database, Entry::of(entry));
                spend(work_bytes, entry);
            });
            *work_bytes = work_bytes.saturating_sub(BUCKET_BYTES);
            let next = self.home_start(segment, from, home + 1);
            cursor = (next != self.end()).then_some(next);
        }
        let saving = self.saving.as_mut().expect("looked at above");
        saving.cursor = cursor;
        cursor.is_some()
    }

    /// Save the entries of one home bucket, those in the stash included.
    fn save_home(&self, segment: SegmentRef, home: usize, save: &mut dyn FnMut(EntryRef)) {
        let mut save_unsaved = |entry: EntryRef| {
            if entry.parity() != self.parity {
                save(entry);
                entry.set_parity(self.parity);
            }
        };
        let bucket = segment.bucket(home);
        for (_, entry) in bucket.entries() {
            save_unsaved(entry);
        }
        #[cfg(test)]
        if mistake::is(mistake::Mistake::ForgottenStash) {
            return;
        }
        for stash in bits(bucket.overflow()) {
            for (_, entry) in segment.stash(stash).entries() {
                let is_unsaved = entry.parity() != self.parity;
                let hash = || self.hasher.hash(Entry::of(entry).key());
                if is_unsaved && self.home(segment, hash()) == home {
                    save_unsaved(entry);
                }
            }
        }
    }

    /// Take out the images kept so far. Once the walk is through, the last call
    /// ends the table's part in the snapshot.
    pub(crate) fn take_images(&mut self) -> Option<Images> {
        let saving = self.saving.as_mut()?;
        let images = saving.images.take();
        if saving.cursor.is_none() {
            self.saving = None;
        }
        (!images.is_empty()).then_some(images)
    }

    #[cfg(test)]
    pub(crate) fn kept_bytes(&self) -> usize {
        let saving = self.saving.as_ref();
        saving.map_or(0, |saving| saving.images.kept_bytes())
    }

    /// Assert what the walk promises of one entry. For tests.
    pub(super) fn check_saved(&self, hash: u64, entry: EntryRef) {
        let cursor = self.saving.as_ref().and_then(|saving| saving.cursor);
        let walked = cursor.is_none_or(|cursor| hash >> POSITION_SHIFT < cursor);
        assert!(
            !walked || entry.parity() == self.parity,
            "walked past, and unsaved"
        );
    }
}

/// How far ahead of the walk is asked for what it will read, in buckets: each tells where the next
/// is. The stash is asked for when a walk comes to a segment, as many homes look into it.
///
/// ```text
///   home    + REST                + ENTRIES             + BUCKETS
///   saved   entries: other lines   entries: first line    bucket
/// ```
const REST: usize = 3;
const ENTRIES: usize = 5;
const BUCKETS: usize = 10;

#[inline]
fn look_ahead(segment: SegmentRef, home: usize) {
    /// Longer entries are read in a row, which processors see by themselves.
    const ASKED_BYTES_MAX: usize = 512;
    const LINE_BYTES: usize = 64;
    let homes = segment.homes();
    if home + BUCKETS < homes {
        segment.prefetch(home + BUCKETS);
    }
    if home + ENTRIES < homes {
        prefetch_entries(segment, home + ENTRIES);
    }
    if home + REST < homes {
        for (_, entry) in segment.bucket(home + REST).entries() {
            let bytes = entry.own_bytes().min(ASKED_BYTES_MAX);
            for at in (LINE_BYTES..bytes + LINE_BYTES).step_by(LINE_BYTES) {
                prefetch(entry.as_ptr().wrapping_add(at));
            }
        }
    }
}

/// Where a walk comes to a segment or goes on, nothing has been asked for yet.
#[inline(never)]
fn look_around(segment: SegmentRef, home: usize) {
    let near = home..segment.homes();
    let buckets = near.clone().take(BUCKETS);
    buckets.for_each(|home| segment.prefetch(home));
    let stash = segment.homes()..segment.buckets();
    let entries = near.take(ENTRIES).chain(stash);
    entries.for_each(|bucket| prefetch_entries(segment, bucket));
}

#[inline]
fn prefetch_entries(segment: SegmentRef, bucket: usize) {
    for (_, entry) in segment.bucket(bucket).entries() {
        prefetch(entry.as_ptr());
    }
}

/// Mistakes that tests make on purpose, to see themselves fail.
#[cfg(test)]
pub(crate) mod mistake {
    use std::cell::Cell;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Mistake {
        /// An entry is changed without its image being kept.
        ForgottenImage,
        /// An image is kept, but the entry's bit is left as it was.
        ForgottenBit,
        /// The walk looks into home buckets only.
        ForgottenStash,
        /// A flushed table is thrown away unsaved.
        ForgottenTable,
        /// New entries are born unsaved.
        BornUnsaved,
    }

    thread_local!(static MADE: Cell<Option<Mistake>> = const { Cell::new(None) });

    pub(crate) fn make(mistake: Option<Mistake>) {
        MADE.set(mistake);
    }

    pub(crate) fn is(mistake: Mistake) -> bool {
        MADE.get() == Some(mistake)
    }
}
