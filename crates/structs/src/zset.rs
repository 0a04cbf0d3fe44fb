//! A large sorted set: members by name, and in the order of their scores.
//!
//! ```text
//!   member ─► hash ─► Slots ─► Ref ──┐
//!                                    ├─► Arena ─► │ score, 8 bytes │ member │
//!   rank, score ─► Tree ─► leaf ─► Ref
//! ```
//!
//! The score lies beside the member and nowhere else; the tree keeps 16 bits of it. Over the member
//! and its score an element costs 7 bytes in the slots, 6 to 8 in the tree, and 3 in the arena (see
//! docs/decisions/0020).
//!
//! What ZADD's options mean is the caller's business, who asks for the [`ZSet::score`] first.
//! Ranges are ranges of ranks: a bound by score or by name becomes a rank, once, and the rest is a
//! walk.
//!
//! A clone costs a reference count per page and segment, and one for the whole tree.
//!
//! Invariants (`check` asserts them): slots, arena and tree hold the same members.

#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::arena::{Arena, Ref};
use crate::dict::MOVES_PER_REMOVAL;
use crate::hash::Hasher;
use crate::slots::{Place, Slots};
use crate::tree::{self, Bound, Members, Tree};
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

impl<'a> Iterator for Walk<'a> {
    type Item = (&'a [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<(&'a [u8], f64)> {
        self.entries.next().map(|at| member_at(self.arena, at))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl<'a> DoubleEndedIterator for Walk<'a> {
    #[inline]
    fn next_back(&mut self) -> Option<(&'a [u8], f64)> {
        let at = self.entries.next_back()?;
        Some(member_at(self.arena, at))
    }
}

impl ExactSizeIterator for Walk<'_> {}

impl Members for Arena {
    #[inline]
    fn name(&self, at: Ref) -> &[u8] {
        &self.get(at)[SCORE_BYTES..]
    }

    #[inline]
    fn score(&self, at: Ref) -> f64 {
        member_at(self, at).1
    }
}

/// A member and the score that lies beside it.
#[inline]
fn member_at(arena: &Arena, at: Ref) -> (&[u8], f64) {
    let (score, name) = arena.get(at).split_first_chunk().expect("it has a score");
    (name, f64::from_le_bytes(*score))
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
            entries.push(at);
        }
        zset.tree = Tree::from_sorted(&entries, &zset.arena);
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
        Some(self.arena.score(at))
    }

    /// How many members come before this one.
    pub fn rank(&self, member: &[u8]) -> Option<usize> {
        Some(self.rank_and_score(member)?.0)
    }

    pub fn rank_and_score(&self, member: &[u8]) -> Option<(usize, f64)> {
        let (_, at) = self.find(self.hasher.hash(member), member)?;
        Some((self.tree.rank(at, &self.arena), self.arena.score(at)))
    }

    /// Give a member a score, whether it was there or not. A score is any number, infinities
    /// included; not-a-number is refused before.
    pub fn set(&mut self, member: &[u8], score: f64) -> Outcome {
        assert!(!score.is_nan(), "not-a-number is no score");
        let hash = self.hasher.hash(member);
        let Some((_, at)) = self.find(hash, member) else {
            let at = self.link(hash, member, score);
            self.tree.insert(at, &self.arena);
            return Outcome::Added;
        };
        if self.arena.score(at) == score {
            return Outcome::Same;
        }
        let stays = self.tree.rescore(at, score, &self.arena);
        self.arena.get_mut(at)[..SCORE_BYTES].copy_from_slice(&score.to_le_bytes());
        if !stays {
            self.tree.insert(at, &self.arena);
        }
        Outcome::Changed
    }

    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let (place, at) = self.find(self.hasher.hash(member), member)?;
        let score = self.arena.score(at);
        self.tree.remove(at, &self.arena);
        self.unlink(place, at);
        self.tidy(1);
        Some(score)
    }

    // ---- in order --------------------------------------------------------

    /// How many members have a score below this one, or up to it if `inclusive`.
    pub fn count_below(&self, score: f64, inclusive: bool) -> usize {
        let bound = Bound::of_score(score, inclusive);
        self.tree.before(&bound, &self.arena)
    }

    /// How many members come before this name, or up to it if `inclusive`, where all scores are
    /// equal. Where they are not, the answer means nothing.
    pub fn count_before(&self, name: &[u8], inclusive: bool) -> usize {
        let Some(first) = self.tree.get(0) else {
            return 0;
        };
        let bound = Bound::of_name(self.arena.score(first), name, inclusive);
        self.tree.before(&bound, &self.arena)
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
        let at = self.tree.get(rank)?;
        Some(member_at(&self.arena, at))
    }

    /// Remove up to `count` members from a rank on, but no more than a leaf of the tree has, and say
    /// how many they were. `visit` sees each before it goes. So a long range goes in slices, and
    /// POPs take what they need from either end.
    pub fn take(&mut self, rank: usize, count: usize, visit: &mut dyn FnMut(&[u8], f64)) -> usize {
        let mut gone = Vec::new();
        let mut each = |at| gone.push(at);
        let taken = self.tree.take(rank, count, &self.arena, &mut each);
        for at in gone {
            let (name, score) = member_at(&self.arena, at);
            visit(name, score);
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
        self.slots.items().map(|at| member_at(&self.arena, at))
    }

    /// Visit members in the order of their hashes; as `Dict::scan`.
    pub fn scan(&self, cursor: u64, count: usize, visit: &mut dyn FnMut(&[u8], f64)) -> u64 {
        let hash_of = |at| self.hasher.hash(self.arena.name(at));
        self.slots.scan(cursor, count, &hash_of, &mut |at| {
            let (name, score) = member_at(&self.arena, at);
            visit(name, score);
        })
    }

    /// A member at random, each equally likely.
    pub fn random(&self, rng: &mut Rng) -> Option<(&[u8], f64)> {
        let (_, at) = self.slots.random(rng)?;
        Some(member_at(&self.arena, at))
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
            let name = self.arena.name(new);
            let found = self.slots.find(self.hasher.hash(name), |at| at == old);
            let (place, _) = found.expect("every member has a slot");
            self.slots.redirect(place, new);
            self.tree.redirect(old, new, &self.arena);
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
        for at in self.tree.walk(0..self.tree.len()) {
            let name = self.arena.name(at);
            let found = self.find(self.hasher.hash(name), name);
            assert_eq!(found.map(|(_, at)| at), Some(at), "each member is found");
        }
    }
}
