//! One shard: a slice of every database.
//!
//! The keyspace is cut into shards by the top bits of the hash, and each shard
//! has its own part of each numbered database. A command works on the shards
//! that its keys name; what concerns all keys (DBSIZE, SCAN, FLUSHALL) visits
//! one shard after the other.

use crate::hash::KeyHasher;
use crate::table::Table;

/// A shard of the keyspace. A plain value: whoever holds it mutably may change it.
pub struct Shard {
    databases: Vec<Table>,
}

/// What one database of a shard holds, for DBSIZE and INFO.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub keys: usize,
    pub volatile: usize,
    pub deadline_sum_ms: i128,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.keys += other.keys;
        self.volatile += other.volatile;
        self.deadline_sum_ms += other.deadline_sum_ms;
    }
}

impl Shard {
    /// Shard `index` of `1 << shard_bits`, with so many databases.
    pub fn new(hasher: KeyHasher, shard_bits: u32, index: usize, databases: usize) -> Shard {
        let table = |_| Table::new(hasher, shard_bits, index);
        Shard {
            databases: (0..databases).map(table).collect(),
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

    /// Empty a database; its former content is returned, to be freed where
    /// nobody waits for it.
    pub fn flush(&mut self, database: usize) -> Table {
        let table = &mut self.databases[database];
        let empty = table.empty_twin();
        std::mem::replace(table, empty)
    }

    pub fn counts(&self, database: usize) -> Counts {
        let table = &self.databases[database];
        Counts {
            keys: table.len(),
            volatile: table.volatile(),
            deadline_sum_ms: table.deadline_sum_ms(),
        }
    }

    /// Bytes that this shard holds.
    pub fn memory_bytes(&self) -> usize {
        self.databases.iter().map(Table::memory_bytes).sum()
    }

    /// The part of it that is not keys and values.
    pub fn overhead_bytes(&self) -> usize {
        self.databases.iter().map(Table::overhead_bytes).sum()
    }
}
