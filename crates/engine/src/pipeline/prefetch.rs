//! Second stage: ask for every cache line that the window will need.
//!
//! First the buckets of all keys, then, from the fingerprints found there, the
//! entries. By the time the first request runs its lines have arrived, and
//! those of the others are under way: the misses of a window overlap instead
//! of following one another. One key in eight or so lies in its segment's
//! stash; those take a third pass.
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
    stashed: Vec<(u64, u32)>,
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
        self.stashed.clear();
        if shards.len() == 1 {
            held.one(0);
            let shard = &held.shard(0).keys;
            for pass in [Pass::Buckets, Pass::Entries] {
                visit(shard, pass, &self.keys, &mut self.stashed);
            }
        } else {
            self.sort_by_shard(shards);
            for pass in [Pass::Buckets, Pass::Entries] {
                for index in 0..shards.len() {
                    let (start, end) = (self.starts[index], self.starts[index + 1]);
                    if start < end {
                        held.one(index);
                        let keys = &self.by_shard[start as usize..end as usize];
                        visit(&held.shard(index).keys, pass, keys, &mut self.stashed);
                    }
                }
            }
        }
        for &(hash, database) in &self.stashed {
            let index = shards.of(hash);
            held.one(index);
            let shard = &held.shard(index).keys;
            shard.database(database as usize).prefetch_stashed(hash);
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

/// One pass over the keys of one shard; keys to be looked for in the stash are
/// added to `stashed`.
#[inline]
fn visit(shard: &store::Shard, pass: Pass, keys: &[(u64, u32)], stashed: &mut Vec<(u64, u32)>) {
    for &(hash, database) in keys {
        let table = shard.database(database as usize);
        match pass {
            Pass::Buckets => table.prefetch_bucket(hash),
            Pass::Entries => {
                if table.prefetch_entry(hash) {
                    stashed.push((hash, database));
                }
            }
        }
    }
}
