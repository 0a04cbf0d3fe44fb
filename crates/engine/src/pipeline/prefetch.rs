//! Second stage: ask for every cache line that the window will need.
//!
//! First the buckets of all keys, then, from the fingerprints found there, the
//! entries. By the time the first request runs its lines have arrived, and
//! those of the others are under way: the misses of a window overlap instead
//! of following one another. One key in eight or so lies in its segment's
//! stash; those take a third pass. At last come the members that will be looked
//! for in large sets and hashes, which takes three misses each.
//!
//! With several shards the keys are visited shard by shard, so that each lock
//! is taken once for all its keys of the window.

use resp::Argv;

use crate::commands::MemberShape;
use crate::shards::{Held, Shards};

/// Scratch space of the stage.
#[derive(Default)]
pub(crate) struct Prefetch {
    keys: Vec<(u64, u32)>,
    by_shard: Vec<(u64, u32)>,
    starts: Vec<u32>,
    stashed: Vec<(u64, u32)>,
    members: Vec<Member>,
}

/// A word of the window that will be looked for in the collection at a key.
#[derive(Clone, Copy)]
struct Member {
    shard: u32,
    database: u32,
    hash: u64,
    request: u32,
    word: u32,
}

impl Prefetch {
    /// More keys than this in one window would push each other out of the cache.
    const KEYS_MAX: usize = 512;
    const MEMBERS_MAX: usize = 128;

    pub(crate) fn clear(&mut self) {
        self.keys.clear();
        self.members.clear();
    }

    /// A key of the window, and the database that its client has selected.
    #[inline]
    pub(crate) fn add(&mut self, hash: u64, database: usize) {
        if self.keys.len() < Prefetch::KEYS_MAX {
            self.keys.push((hash, database as u32));
        }
    }

    /// The window's `request`th request, of so many words, will look for one in `step` of them at
    /// its key.
    #[inline]
    pub(crate) fn add_members(
        &mut self,
        (shard, hash, database): (usize, u64, usize),
        request: usize,
        words: usize,
        step: usize,
    ) {
        let mut word = MemberShape::FIRST;
        while word < words && self.members.len() < Prefetch::MEMBERS_MAX {
            self.members.push(Member {
                shard: shard as u32,
                database: database as u32,
                hash,
                request: request as u32,
                word: word as u32,
            });
            word += step;
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

    /// The last pass, for those that were added as members. `argv_of` knows the window.
    pub(crate) fn run_members<'w>(&mut self, held: &mut Held, argv_of: impl Fn(usize) -> Argv<'w>) {
        if self.members.len() < 2 {
            return;
        }
        let place = |member: &Member| (member.shard, member.database);
        if !self.members.is_sorted_by_key(place) {
            self.members.sort_by_key(place);
        }
        for run in self.members.chunk_by(|one, next| place(one) == place(next)) {
            let (shard, database) = place(&run[0]);
            held.one(shard as usize);
            let keys = &held.shard(shard as usize).keys;
            let name = |member: &Member| argv_of(member.request as usize).get(member.word as usize);
            let members = run.iter().map(|member| (member.hash, name(member)));
            keys.database(database as usize).prefetch_members(members);
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
