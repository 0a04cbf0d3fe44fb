//! Second stage: ask for every cache line that the window will need.
//!
//! First the buckets of all keys, then, from the fingerprints found there, the
//! entries. By the time the first request runs its lines have arrived, and
//! those of the others are under way: the misses of a window overlap instead
//! of following one another.
//!
//! With several shards the keys are visited shard by shard, so that each lock
//! is taken once for all its keys of the window.

use crate::shards::{Held, Shards};

/// Scratch space of the stage.
#[derive(Default)]
pub(crate) struct Prefetch {
    keys: Vec<(u64, u32)>,
    by_shard: Vec<(u64, u32)>,
    starts: Vec<u32>,
}

impl Prefetch {
    /// More keys than this in one window would push each other out of the cache.
    const KEYS_MAX: usize = 512;

    pub(crate) fn clear(&mut self) {
        self.keys.clear();
    }

    /// A key of the window, and the database that its client has selected.
    #[inline]
    pub(crate) fn add(&mut self, hash: u64, database: usize) {
        if self.keys.len() < Prefetch::KEYS_MAX {
            self.keys.push((hash, database as u32));
        }
    }

    pub(crate) fn run(&mut self, shards: &Shards, held: &mut Held) {
        if self.keys.len() < 2 {
            return;
        }
        if shards.len() == 1 {
            held.one(0);
            let keys = &held.shard(0).keys;
            for &(hash, database) in &self.keys {
                keys.database(database as usize).prefetch_bucket(hash);
            }
            for &(hash, database) in &self.keys {
                keys.database(database as usize).prefetch_entry(hash);
            }
            return;
        }
        self.sort_by_shard(shards);
        for pass in [Pass::Buckets, Pass::Entries] {
            for index in 0..shards.len() {
                let (start, end) = (self.starts[index], self.starts[index + 1]);
                let keys = &self.by_shard[start as usize..end as usize];
                if keys.is_empty() {
                    continue;
                }
                held.one(index);
                let shard = &held.shard(index).keys;
                for &(hash, database) in keys {
                    let table = shard.database(database as usize);
                    match pass {
                        Pass::Buckets => table.prefetch_bucket(hash),
                        Pass::Entries => table.prefetch_entry(hash),
                    }
                }
            }
        }
    }

    /// A counting sort: shards are few.
    fn sort_by_shard(&mut self, shards: &Shards) {
        self.starts.clear();
        self.starts.resize(shards.len() + 1, 0);
        for &(hash, _) in &self.keys {
            self.starts[shards.of(hash) + 1] += 1;
        }
        for index in 1..self.starts.len() {
            self.starts[index] += self.starts[index - 1];
        }
        self.by_shard.resize(self.keys.len(), (0, 0));
        for &key in &self.keys {
            let place = &mut self.starts[shards.of(key.0)];
            self.by_shard[*place as usize] = key;
            *place += 1;
        }
        // Each start has moved to its end; shift them back.
        self.starts.rotate_right(1);
        self.starts[0] = 0;
    }
}

#[derive(Clone, Copy)]
enum Pass {
    Buckets,
    Entries,
}
