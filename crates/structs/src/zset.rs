//! A large sorted set: members by name, and in the order of their scores.
//!
//! ```text
//!   member ─► hash ─► Slots ─► Ref ──┐
//!                                    ├─► Arena ─► │ score, 8 bytes │ member │
//!   rank, score ─► Tree ─► leaf ─► Ref
//! ```
//!
//! The score lies beside the member, where a lookup by name finds it, and in the leaf, where a
//! search by score passes. Over the member and its score an element costs 7 bytes in the slots, 12
//! to 14 in the tree, and 3 in the arena.
//!
//! What ZADD's options mean is the caller's business, who asks for the [`ZSet::score`] first.
//! Ranges are ranges of ranks: a bound by score or by name becomes a rank, once, and the rest is a
//! walk.
//!
//! A clone costs a reference count per page and segment, and one for the whole tree.
//!
//! Invariants (`check` asserts them): slots, arena and tree hold the same members with the same
//! scores.

#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::arena::{Arena, Ref};
use crate::dict::MOVES_PER_REMOVAL;
use crate::hash::Hasher;
use crate::slots::{Place, Slots};
use crate::tree::{self, Entry, Names, Tree};
use base::Rng;

const SCORE_BYTES: usize = 8;

#[derive(Clone)]
pub struct ZSet {
    hasher: Hasher,
    slots: Slots,
    arena: Arena,
    tree: Tree,
}

/// What [`ZSet::set`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Added,
    Changed,
    Same,
}

/// Members with their scores, in order.
pub struct Walk<'a> {
    arena: &'a Arena,
    entries: tree::Walk<'a>,
}

impl<'a> Walk<'a> {
    #[inline]
    fn member(&self, entry: Entry) -> (&'a [u8], f64) {
        (self.arena.name(entry.at), entry.score)
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = (&'a [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<(&'a [u8], f64)> {
        let entry = self.entries.next()?;
        Some(self.member(entry))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl<'a> DoubleEndedIterator for Walk<'a> {
    #[inline]
    fn next_back(&mut self) -> Option<(&'a [u8], f64)> {
        let entry = self.entries.next_back()?;
        Some(self.member(entry))
    }
}

impl ExactSizeIterator for Walk<'_> {}

impl Names for Arena {
    #[inline]
    fn name(&self, at: Ref) -> &[u8] {
        &self.get(at)[SCORE_BYTES..]
    }
}

/// The score that lies beside a member.
#[inline]
fn score_at(arena: &Arena, at: Ref) -> f64 {
    let score = arena.get(at).first_chunk();
    f64::from_le_bytes(*score.expect("each member has a score"))
}

impl ZSet {
    /// The 128 bits of `secret` must be random in a server.
    pub fn new(secret: [u64; 2]) -> ZSet {
        ZSet {
            hasher: Hasher::new(secret),
            slots: Slots::default(),
            arena: Arena::default(),
            tree: Tree::default(),
        }
    }

    /// A set of members that are in order already, each named once. Its leaves are full.
    pub fn from_sorted<'m>(
        secret: [u64; 2],
        members: impl IntoIterator<Item = (&'m [u8], f64)>,
    ) -> ZSet {
        let mut zset = ZSet::new(secret);
        let mut entries = Vec::new();
        for (member, score) in members {
            let hash = zset.hasher.hash(member);
            let at = zset.link(hash, member, score);
            entries.push(Entry { score, at });
        }
        zset.tree = Tree::from_sorted(entries);
        zset
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes allocated.
    pub fn memory_bytes(&self) -> usize {
        self.slots.memory_bytes() + self.arena.memory_bytes() + self.tree.memory_bytes()
    }

    // ---- by name ---------------------------------------------------------

    #[inline]
    fn find(&self, hash: u64, member: &[u8]) -> Option<(Place, Ref)> {
        self.slots.find(hash, |at| self.arena.name(at) == member)
    }

    #[inline]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        let (_, at) = self.find(self.hasher.hash(member), member)?;
        Some(score_at(&self.arena, at))
    }

    /// How many members come before this one.
    pub fn rank(&self, member: &[u8]) -> Option<usize> {
        Some(self.rank_and_score(member)?.0)
    }

    pub fn rank_and_score(&self, member: &[u8]) -> Option<(usize, f64)> {
        let score = self.score(member)?;
        let rank = self.tree.rank(score, member, &self.arena);
        Some((rank.expect("each member is in the tree"), score))
    }

    /// Give a member a score, whether it was there or not. A score is any number, infinities
    /// included; not-a-number is refused before.
    pub fn set(&mut self, member: &[u8], score: f64) -> Outcome {
        let hash = self.hasher.hash(member);
        let Some((_, at)) = self.find(hash, member) else {
            let at = self.link(hash, member, score);
            self.tree.insert(Entry { score, at }, &self.arena);
            return Outcome::Added;
        };
        let old = score_at(&self.arena, at);
        if old == score {
            return Outcome::Same;
        }
        self.tree.rescore(old, member, score, &self.arena);
        let bytes = self.arena.get_mut(at);
        bytes[..SCORE_BYTES].copy_from_slice(&score.to_le_bytes());
        Outcome::Changed
    }

    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let (place, at) = self.find(self.hasher.hash(member), member)?;
        let score = score_at(&self.arena, at);
        let removed = self.tree.remove(score, member, &self.arena);
        assert_eq!(removed, Some(at), "each member is in the tree");
        self.unlink(place, at);
        self.tidy(1);
        Some(score)
    }

    // ---- in order --------------------------------------------------------

    /// How many members have a score below this one, or up to it if `inclusive`.
    pub fn count_below(&self, score: f64, inclusive: bool) -> usize {
        let is_before = |entry: Entry| {
            let other = entry.score;
            other < score || inclusive && other == score
        };
        self.tree.count_while(is_before)
    }

    /// How many members come before this name, or up to it if `inclusive`, where all scores are
    /// equal. Where they are not, the answer means nothing.
    pub fn count_before(&self, name: &[u8], inclusive: bool) -> usize {
        let is_before = |entry: Entry| {
            let other = self.arena.name(entry.at);
            other < name || inclusive && other == name
        };
        self.tree.count_while(is_before)
    }

    /// The members of a range of ranks with their scores, forwards, backwards or from both ends.
    pub fn walk(&self, ranks: Range<usize>) -> Walk<'_> {
        Walk {
            arena: &self.arena,
            entries: self.tree.walk(ranks),
        }
    }

    /// The member of a rank.
    pub fn get(&self, rank: usize) -> Option<(&[u8], f64)> {
        let entry = self.tree.get(rank)?;
        Some((self.arena.name(entry.at), entry.score))
    }

    /// Remove up to `count` members from a rank on, but no more than a leaf of the tree has, and say
    /// how many they were. `visit` sees each before it goes. So a long range goes in slices, and
    /// POPs take what they need from either end.
    pub fn take(&mut self, rank: usize, count: usize, visit: &mut dyn FnMut(&[u8], f64)) -> usize {
        let mut gone = Vec::new();
        let taken = self.tree.take(rank, count, &mut |entry| gone.push(entry));
        for entry in gone {
            let (at, name) = (entry.at, self.arena.name(entry.at));
            visit(name, entry.score);
            let found = self.slots.find(self.hasher.hash(name), |other| other == at);
            let (place, _) = found.expect("every member has a slot");
            self.unlink(place, at);
        }
        self.tidy(taken);
        taken
    }

    // ---- in no order -----------------------------------------------------

    /// All members with their scores, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], f64)> {
        self.slots
            .items()
            .map(|at| (self.arena.name(at), score_at(&self.arena, at)))
    }

    /// Visit members in the order of their hashes; as `Dict::scan`.
    pub fn scan(&self, cursor: u64, count: usize, visit: &mut dyn FnMut(&[u8], f64)) -> u64 {
        let hash_of = |at| self.hasher.hash(self.arena.name(at));
        self.slots.scan(cursor, count, &hash_of, &mut |at| {
            visit(self.arena.name(at), score_at(&self.arena, at));
        })
    }

    /// A member at random, each equally likely.
    pub fn random(&self, rng: &mut Rng) -> Option<(&[u8], f64)> {
        let (_, at) = self.slots.random(rng)?;
        Some((self.arena.name(at), score_at(&self.arena, at)))
    }

    /// Free up to so many pages of a set that nobody will look at again. True when it is empty.
    pub fn free_some(&mut self, pages: usize) -> bool {
        self.tree.free_some(pages) && self.slots.free_some(pages) && self.arena.free_some(pages)
    }

    // ---- slots and arena together ----------------------------------------

    /// Add a member that is not there to arena and slots.
    fn link(&mut self, hash: u64, member: &[u8], score: f64) -> Ref {
        let ZSet {
            hasher,
            slots,
            arena,
            ..
        } = self;
        let at = arena.insert(&[&score.to_le_bytes(), member]);
        slots.insert(hash, at, &|at| hasher.hash(arena.name(at)));
        at
    }

    /// Remove a member that the tree has no more.
    fn unlink(&mut self, place: Place, at: Ref) {
        let ZSet {
            hasher,
            slots,
            arena,
            ..
        } = self;
        slots.remove(place, &|at| hasher.hash(arena.name(at)));
        arena.remove(at);
    }

    /// After so many removals, move some items out of pages that are to be emptied.
    fn tidy(&mut self, removals: usize) {
        for _ in 0..removals * MOVES_PER_REMOVAL {
            let Some((old, new)) = self.arena.copy_out() else {
                return;
            };
            let (name, score) = (self.arena.name(new), score_at(&self.arena, new));
            let found = self.slots.find(self.hasher.hash(name), |at| at == old);
            let (place, _) = found.expect("every member has a slot");
            self.slots.redirect(place, new);
            self.tree.redirect(score, name, new, &self.arena);
            self.arena.remove(old);
        }
    }

    /// Assert the invariants.
    pub fn check(&self) {
        self.slots
            .check(&|at| self.hasher.hash(self.arena.name(at)));
        self.arena.check();
        self.tree.check(&self.arena);
        assert_eq!(self.slots.len(), self.arena.len(), "a slot for each member");
        assert_eq!(
            self.slots.len(),
            self.tree.len(),
            "an entry for each member"
        );
        for entry in self.tree.walk(0..self.tree.len()) {
            let (at, name) = (entry.at, self.arena.name(entry.at));
            let found = self.find(self.hasher.hash(name), name);
            assert_eq!(found.map(|(_, at)| at), Some(at), "each member is found");
            let (score, beside) = (entry.score, score_at(&self.arena, at));
            assert_eq!(
                score.to_bits(),
                beside.to_bits(),
                "the score lies beside it"
            );
        }
    }
}
