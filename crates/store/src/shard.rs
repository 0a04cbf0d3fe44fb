//! One shard: a slice of every database.
//!
//! The keyspace is cut into shards by the top bits of the hash, and each shard
//! has its own part of each numbered database. A command works on the shards
//! that its keys name; what concerns all keys (DBSIZE, SCAN, FLUSHALL) visits
//! one shard after the other.

use std::sync::Arc;

use crate::entry::Entry;
use crate::hash::KeyHasher;
use crate::images::{ImageGauge, Images};
use crate::table::Table;

/// A shard of the keyspace. A plain value: whoever holds it mutably may change it.
pub struct Shard {
    databases: Vec<Table>,
    /// Tables that were flushed before a snapshot under way had saved them.
    flushed: Vec<Table>,
}

/// What one database of a shard holds, for DBSIZE and INFO.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub keys: usize,
    pub volatile: usize,
    /// Hashes of which fields have a time to live.
    pub timed: usize,
    pub deadline_sum_ms: i128,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.keys += other.keys;
        self.volatile += other.volatile;
        self.timed += other.timed;
        self.deadline_sum_ms += other.deadline_sum_ms;
    }
}

impl Shard {
    /// Shard `index` of `1 << shard_bits`, with so many databases.
    pub fn new(hasher: KeyHasher, shard_bits: u32, index: usize, databases: usize) -> Shard {
        let table = |_| Table::new(hasher, shard_bits, index);
        Shard {
            databases: (0..databases).map(table).collect(),
            flushed: Vec::new(),
        }
    }

    #[inline]
    pub fn database(&self, index: usize) -> &Table {
        &self.databases[index]
    }

    #[inline]
    pub fn database_mut(&mut self, index: usize) -> &mut Table {
        &mut self.databases[index]
    }

    pub fn databases(&self) -> usize {
        self.databases.len()
    }

    /// SWAPDB, for this shard.
    pub fn swap(&mut self, a: usize, b: usize) {
        self.databases.swap(a, b);
    }

    /// Empty a database. Its former content is returned, to be freed where
    /// nobody waits for it, unless a snapshot has yet to save it: then
    /// [`Shard::take_flushed`] returns it later.
    pub fn flush(&mut self, database: usize) -> Option<Table> {
        let table = &mut self.databases[database];
        let empty = table.empty_twin();
        let former = std::mem::replace(table, empty);
        #[cfg(test)]
        if crate::table::save::mistake::is(crate::table::save::mistake::Mistake::ForgottenTable) {
            return Some(former);
        }
        if former.is_wanted() {
            self.flushed.push(former);
            return None;
        }
        Some(former)
    }

    pub fn counts(&self, database: usize) -> Counts {
        let table = &self.databases[database];
        Counts {
            keys: table.len(),
            volatile: table.volatile(),
            timed: table.timed(),
            deadline_sum_ms: table.deadline_sum_ms(),
        }
    }

    /// Bytes that this shard holds.
    pub fn memory_bytes(&self) -> usize {
        self.tables().map(Table::memory_bytes).sum()
    }

    /// The part of it that is not keys and values.
    pub fn overhead_bytes(&self) -> usize {
        self.tables().map(Table::overhead_bytes).sum()
    }

    fn tables(&self) -> impl Iterator<Item = &Table> {
        self.databases.iter().chain(&self.flushed)
    }

    // ---- snapshots -------------------------------------------------------

    /// The cut of a snapshot: all that is here now will be saved as it is now.
    /// No entry is touched. The walk before must be through.
    pub fn cut(&mut self, gauge: &Arc<ImageGauge>) {
        assert!(self.flushed.is_empty(), "one snapshot at a time");
        for (database, table) in self.databases.iter_mut().enumerate() {
            table.cut(database, gauge);
        }
    }

    /// Go on with the walk until about `work_bytes` were handled: hand entries
    /// to `save`, each with the number that its database had at the cut. An
    /// entry is handed over exactly once, here or from [`Shard::take_images`].
    /// Returns whether more is left.
    pub fn save(&mut self, mut work_bytes: usize, save: &mut dyn FnMut(usize, Entry<'_>)) -> bool {
        let mut tables = self.databases.iter_mut().chain(&mut self.flushed);
        tables.any(|table| table.save(&mut work_bytes, save))
    }

    /// Take out what writers have kept for the walk. It is saved outside of
    /// the shard. After the walk's last step this must follow once.
    pub fn take_images(&mut self, into: &mut Vec<Images>) {
        let tables = self.databases.iter_mut().chain(&mut self.flushed);
        into.extend(tables.filter_map(Table::take_images));
    }

    /// Take out tables that were flushed and are saved by now, to be freed
    /// where nobody waits for it.
    pub fn take_flushed(&mut self) -> impl Iterator<Item = Table> + '_ {
        self.flushed.extract_if(.., |table| !table.is_unsaved())
    }

    /// Entries of any database that a walk has yet to save and that may have
    /// this hash; rarely others.
    pub fn unsaved_like(&self, hash: u64) -> impl Iterator<Item = Entry<'_>> {
        self.databases
            .iter()
            .flat_map(move |table| table.unsaved_like(hash))
    }
}

#[cfg(test)]
mod tests;
