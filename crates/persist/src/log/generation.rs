//! Older generations: what rewrites replaced, kept so that one can go back to it.
//!
//! ```text
//!   base 0 ── incr ── incr ──┐                a generation: a base, and what happened from there
//!                          base 1 ── incr ──┐ up to the next base
//!                                         base 2 ── incr ──►     the present one
//!   ◄────────── kept ──────────────────────┘
//!       ◄ struck from this end, the oldest first
//! ```
//!
//! The manifest lists their files as history (`h`), which every server leaves alone while it
//! loads, with three words that tell one generation from the next:
//!
//! ```text
//!   file appendonly.aof.1.incr.aof seq 1 type h lsn 0 end 4096 until 1700000000
//! ```
//!
//! A file of history without these words is to be removed. So a generation goes in two steps: a
//! manifest that has struck the words is made durable, then the files are removed. A crash in
//! between leaves files that are listed for removal, or names of files that are gone already.
//!
//! A server looks at none of this when it starts; [`Inspection::of_generation`] does for tools.
//!
//! [`Inspection::of_generation`]: super::Inspection::of_generation

use super::manifest::Entry;
use super::{Lsn, Manifest};

/// A base that was replaced, and the files with what happened from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// `None` if the data set began with nothing.
    pub base: Option<Entry>,
    /// Where in the stream the base was taken.
    pub base_lsn: Lsn,
    /// In order.
    pub incrs: Vec<Entry>,
    /// Its files were whole up to here when it was replaced: the LSN of the next base, unless the
    /// log had broken before.
    pub end_lsn: Lsn,
    /// When it was replaced, in unix seconds.
    pub until_secs: u64,
}

/// How long generations are kept: as long as either says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// So many of them beside the present one.
    pub generations: u32,
    /// So long after they were replaced. Any state that is no older can be had.
    pub secs: u64,
}

/// More than anybody wants, and as many as a manifest has room for.
const GENERATIONS_MAX: usize = 1_000;

impl Keep {
    pub fn is_nothing(self) -> bool {
        self == Keep::default()
    }

    /// Is a generation wanted that so many newer ones follow?
    fn wants(self, generation: &Generation, newer: usize, now_secs: u64) -> bool {
        let age_secs = now_secs.saturating_sub(generation.until_secs);
        newer < GENERATIONS_MAX && (newer < self.generations as usize || age_secs < self.secs)
    }
}

impl Generation {
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.base.iter().chain(&self.incrs)
    }
}

impl Manifest {
    /// How many generations at the front are not wanted any more. One that is wanted keeps all
    /// that are newer: there are no holes.
    pub(super) fn unwanted(&self, keep: Keep, now_secs: u64) -> usize {
        let count = self.kept.len();
        let wanted = self
            .kept
            .iter()
            .enumerate()
            .position(|(at, it)| keep.wants(it, count - 1 - at, now_secs));
        wanted.unwrap_or(count)
    }

    /// Marks the files of unwanted generations for removal. Says whether there are some.
    pub(super) fn strike(&mut self, keep: Keep, now_secs: u64) -> bool {
        let count = self.unwanted(keep, now_secs);
        let struck = self.kept.drain(..count);
        let entries = struck.flat_map(|it| it.base.into_iter().chain(it.incrs));
        self.history.extend(entries);
        count > 0
    }

    /// Marks the files of all older generations for removal.
    pub(super) fn strike_all(&mut self) {
        let entries = self
            .kept
            .drain(..)
            .flat_map(|it| it.base.into_iter().chain(it.incrs));
        self.history.extend(entries);
    }

    /// A word in the manifest: which files go together.
    pub(super) fn keep_entry(&mut self, entry: Entry, lsn: Lsn, end_lsn: Lsn, until_secs: u64) {
        let is_incr = entry.name.ends_with(".incr.aof");
        let last = self.kept.last_mut().filter(|last| {
            is_incr && (last.base_lsn, last.end_lsn, last.until_secs) == (lsn, end_lsn, until_secs)
        });
        if let Some(last) = last {
            last.incrs.push(entry);
            return;
        }
        let (base, incrs) = match is_incr {
            true => (None, vec![entry]),
            false => (Some(entry), Vec::new()),
        };
        self.kept.push(Generation {
            base,
            base_lsn: lsn,
            incrs,
            end_lsn,
            until_secs,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One generation a minute.
    fn manifest(count: u64) -> Manifest {
        let entry = |name: String, seq| Entry { name, seq };
        let generation = |at: u64| Generation {
            base: (at > 0).then(|| entry(format!("a.{at}.base.rdb"), at)),
            base_lsn: at * 100,
            incrs: vec![entry(format!("a.{at}.incr.aof"), at + 1)],
            end_lsn: at * 100 + 100,
            until_secs: (at + 1) * 60,
        };
        Manifest {
            base_lsn: Some(count * 100),
            kept: (0..count).map(generation).collect(),
            ..Manifest::default()
        }
    }

    #[test]
    fn either_reason_keeps() {
        let now_secs = 600;
        for (generations, secs, kept) in [
            (0, 0, 0),
            (3, 0, 3),
            (0, 1, 1),
            (0, 60, 1),
            (0, 61, 2),
            (3, 61, 3),
            (1, 241, 5),
            (99, 0, 10),
            (0, 1 << 40, 10),
        ] {
            let mut it = manifest(10);
            let keep = Keep { generations, secs };
            assert_eq!(it.strike(keep, now_secs), kept < 10, "{keep:?}");
            assert_eq!(it.kept.len(), kept, "{keep:?}");
            assert_eq!(it.kept[..], manifest(10).kept[10 - kept..], "{keep:?}");
            let struck = 10 - kept;
            assert_eq!(it.history.len(), (2 * struck).saturating_sub(1), "{keep:?}");
            assert!(!it.strike(keep, now_secs), "once is enough");
            // A clock that was set back makes nothing older.
            assert!(!it.strike(keep, 0), "{keep:?}");
        }
    }

    #[test]
    fn a_manifest_has_room_for_all_that_may_be_kept() {
        let mut it = manifest(GENERATIONS_MAX as u64 + 5);
        let keep = Keep {
            generations: u32::MAX,
            secs: u64::MAX,
        };
        assert!(it.strike(keep, 0));
        assert_eq!(it.kept.len(), GENERATIONS_MAX);
        let text = it.encode();
        assert!(text.len() < 1 << 19, "{}", text.len());
        let again = Manifest::parse(&text, "m".as_ref()).expect("a manifest");
        assert!(again == it, "another manifest");
    }
}
