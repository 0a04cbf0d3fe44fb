//! Before-images: what entries were at a snapshot's cut, kept for its walk.
//!
//! ```text
//!   writer, inside a shard           walker                        gauge
//!   entry unsaved? ─ copy ─► Images ─ taken out whole ─► saved     kept bytes ≤ cap?
//!                            (of a table)                          full ─► writers wait
//! ```
//!
//! A writer that is about to change an entry which the walk has yet to save
//! keeps its old image first. Small entries are copied. A large value is shared:
//! it weighs nothing where it stays in the keyspace as it is (a new deadline, a
//! new name), and all its bytes where this image is what keeps them in memory.
//!
//! The gauge adds up what all tables of an engine keep. It refuses nothing:
//! whoever lets writers in asks it beforehand ([`ImageGauge::is_full`]), so one
//! command may go over the cap by the images of its own keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::entry::{Entry, EntryRef};
use crate::table::Detached;
use crate::value::Large;

/// How many bytes of images all tables keep together, and whether they may.
#[derive(Debug)]
pub struct ImageGauge {
    kept_bytes: AtomicUsize,
    cap_bytes: AtomicUsize,
    /// Will anybody save the images? If not, none is kept.
    wanted: AtomicBool,
    full: Alone,
}

/// A flag that every command reads, away from what writers change.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Alone(AtomicBool);

impl Default for ImageGauge {
    fn default() -> ImageGauge {
        ImageGauge {
            kept_bytes: AtomicUsize::new(0),
            cap_bytes: AtomicUsize::new(usize::MAX),
            wanted: AtomicBool::new(false),
            full: Alone::default(),
        }
    }
}

impl ImageGauge {
    /// Before a cut: images are wanted, up to so many bytes.
    pub fn begin(&self, cap_bytes: usize) {
        self.cap_bytes.store(cap_bytes, Ordering::Relaxed);
        self.wanted.store(true, Ordering::Relaxed);
    }

    /// Nobody will save what is kept: keep nothing more, and let writers in.
    pub fn abandon(&self) {
        self.wanted.store(false, Ordering::Relaxed);
        self.full.0.store(false, Ordering::Release);
    }

    pub fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    /// Must writers to unsaved entries wait?
    #[inline]
    pub fn is_full(&self) -> bool {
        self.full.0.load(Ordering::Relaxed)
    }

    pub fn kept_bytes(&self) -> usize {
        self.kept_bytes.load(Ordering::Relaxed)
    }

    pub fn cap_bytes(&self) -> usize {
        self.cap_bytes.load(Ordering::Relaxed)
    }

    /// Let writers in again if there is room: a quarter of the cap, so that
    /// they do not come and go with every image. True if they had to wait.
    pub fn relieve(&self) -> bool {
        let low_bytes = self.cap_bytes() / 4 * 3;
        self.is_full()
            && self.kept_bytes() <= low_bytes
            && self.full.0.swap(false, Ordering::AcqRel)
    }

    fn add(&self, bytes: usize) {
        let before = self.kept_bytes.fetch_add(bytes, Ordering::Relaxed);
        // Between this and a `relieve` at the same time the flag may stay up
        // for nothing; the walker asks again at its next step.
        if before + bytes >= self.cap_bytes() && self.is_wanted() {
            self.full.0.store(true, Ordering::Release);
        }
    }

    fn give_back(&self, bytes: usize) {
        self.kept_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// What is left of an entry once the change is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remains {
    Nothing,
    /// Its block or its large collection, if it has one. What a change in place
    /// copies of it page by page is not counted.
    Owned,
}

/// The kept images of one table, or what the walker took out of it.
pub struct Images {
    /// The number that the database had at the cut.
    database: usize,
    /// In lists of a fixed size, so that keeping one more never moves many.
    lists: Vec<Vec<Image>>,
    bytes: usize,
    gauge: Arc<ImageGauge>,
}

struct Image {
    entry: Detached,
    /// What it was counted as.
    bytes: usize,
}

impl Images {
    const LIST_LEN: usize = 256;

    pub(crate) fn new(database: usize, gauge: Arc<ImageGauge>) -> Images {
        Images {
            database,
            lists: Vec::new(),
            bytes: 0,
            gauge,
        }
    }

    pub(crate) fn database(&self) -> usize {
        self.database
    }

    #[cfg(test)]
    pub(crate) fn kept_bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.gauge.is_wanted()
    }

    /// Keep what `entry` is now, unless nobody wants it.
    pub(crate) fn keep(&mut self, entry: EntryRef, remains: Remains) {
        if !self.gauge.is_wanted() {
            return;
        }
        let entry_bytes = match remains {
            Remains::Nothing => entry.memory_bytes(),
            Remains::Owned => entry.own_bytes(),
        };
        let image = Image {
            entry: Detached::image_of(entry),
            bytes: entry_bytes + size_of::<Image>(),
        };
        self.bytes += image.bytes;
        self.gauge.add(image.bytes);
        match self.lists.last_mut() {
            Some(list) if list.len() < Images::LIST_LEN => list.push(image),
            _ => {
                let mut list = Vec::with_capacity(Images::LIST_LEN);
                list.push(image);
                self.lists.push(list);
            }
        }
    }

    /// Take everything out, to be saved outside of the shard.
    pub(crate) fn take(&mut self) -> Images {
        let empty = Images::new(self.database, self.gauge.clone());
        std::mem::replace(self, empty)
    }

    pub fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// Save and free images until about `work_bytes` were handled. Large
    /// collections go to `spent`: freeing one takes its time. Returns whether
    /// more are left.
    pub fn save(
        &mut self,
        work_bytes: &mut usize,
        save: &mut dyn FnMut(usize, Entry<'_>),
        spent: &mut Vec<Arc<Large>>,
    ) -> bool {
        while *work_bytes > 0 {
            let Some(list) = self.lists.last_mut() else {
                return false;
            };
            let Some(image) = list.pop() else {
                self.lists.pop();
                continue;
            };
            let entry = image.entry.entry();
            save(self.database, entry);
            spend(work_bytes, entry.entry_ref());
            spent.extend(image.entry.into_large());
            self.bytes -= image.bytes;
            self.gauge.give_back(image.bytes);
        }
        !self.lists.is_empty()
    }
}

impl Drop for Images {
    fn drop(&mut self) {
        self.gauge.give_back(self.bytes);
    }
}

/// What saving an entry costs: its bytes, and something for itself. A block or
/// a large collection is handed on by reference.
pub(crate) fn spend(work_bytes: &mut usize, entry: EntryRef) {
    const ENTRY_BYTES: usize = 64;
    *work_bytes = work_bytes.saturating_sub(ENTRY_BYTES + entry.own_bytes());
}
