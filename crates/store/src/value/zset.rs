//! Sorted sets: members with scores, in the order of their scores and then of their names.
//!
//! ```text
//!   small   a listpack: member, score, member, score ...   in order
//!   large   a sorted set of `structs`                      by name, and in order
//! ```
//!
//! It grows large when it gets more members than its limit, or a member that is longer than its
//! limit. A rank counts from the lowest score, from 0. Whatever is asked for by score or by name
//! becomes a range of ranks (see `range`), which is walked up or down.
//!
//! Not-a-number is no score: it is refused by whoever reads numbers.

mod packed;
mod range;

use std::ops::Range;
use std::sync::Arc;

use base::Rng;
use structs::listpack::{EMPTY, Editor, Entries, Item, Listpack};
use structs::zset::{self, ZSet};

use super::{Large, Limits, PACKED_BYTES_MAX, Packing, ValueView};
use crate::Access;
use crate::entry::NewValue;
use crate::hash::{Key, KeyHasher};
use crate::table::{Slot, Table};
use packed::{Packed, score_of};

pub use range::{LexBound, LexRange, ScoreBound, ScoreRange};
/// What giving a member a score did.
pub use structs::zset::Outcome as ScoreOutcome;

/// A sorted set, whatever its form.
#[derive(Clone, Copy)]
pub enum ZSetView<'a> {
    Packed(Listpack<'a>),
    Large(&'a ZSet),
}

/// Which way a walk goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
}

impl<'a> ZSetView<'a> {
    /// The view of a value that is a sorted set.
    #[inline]
    pub fn of(value: ValueView<'a>) -> Option<ZSetView<'a>> {
        match value {
            ValueView::Packed(Packing::SortedSet, packed) => {
                Some(ZSetView::Packed(Listpack::new(packed.bytes())))
            }
            ValueView::Large(large) => match large.get() {
                Large::SortedSet(zset) => Some(ZSetView::Large(zset)),
                _ => None,
            },
            _ => None,
        }
    }

    pub fn len(self) -> usize {
        match self {
            ZSetView::Packed(list) => Packed(list).len(),
            ZSetView::Large(zset) => zset.len(),
        }
    }

    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    #[inline]
    pub fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            ZSetView::Packed(list) => Some(Packed(list).find(member)?.1),
            ZSetView::Large(zset) => zset.score(member),
        }
    }

    /// How many members come before this one, and its score.
    #[inline]
    pub fn rank(self, member: &[u8]) -> Option<(usize, f64)> {
        match self {
            ZSetView::Packed(list) => Packed(list).rank(member),
            ZSetView::Large(zset) => zset.rank_and_score(member),
        }
    }

    /// The member of a rank.
    pub fn get(self, rank: usize) -> Option<(Item<'a>, f64)> {
        match self {
            ZSetView::Packed(list) => Packed(list).get(rank),
            ZSetView::Large(zset) => zset.get(rank).map(pair_of),
        }
    }

    /// All members, from the lowest score on.
    pub fn iter(self) -> Scored<'a> {
        self.walk(0..self.len(), Direction::Up)
    }

    /// The members of a range of ranks.
    pub fn walk(self, ranks: Range<usize>, direction: Direction) -> Scored<'a> {
        let len = self.len();
        let end = ranks.end.min(len);
        let start = ranks.start.min(end);
        match self {
            ZSetView::Large(zset) => Scored::Large(zset.walk(start..end), direction),
            ZSetView::Packed(list) => {
                let place = match direction {
                    Direction::Up => list.place(2 * start),
                    Direction::Down => list.place(2 * end),
                };
                let entries = match (place, direction) {
                    (None, _) => list.entries(),
                    (Some(place), Direction::Up) => list.entries_from(place),
                    (Some(place), Direction::Down) => list.entries_before(place),
                };
                Scored::Packed(entries, end - start, direction)
            }
        }
    }

    /// Visit members from `cursor` on, until about `count` were seen, and return the next cursor;
    /// 0, where a scan begins, says that it is complete. A small set is visited whole.
    pub fn scan(self, cursor: u64, count: usize, visit: &mut dyn FnMut(Item<'_>, f64)) -> u64 {
        match self {
            ZSetView::Packed(_) => {
                self.iter().for_each(|(member, score)| visit(member, score));
                0
            }
            ZSetView::Large(zset) => zset.scan(cursor, count, &mut |member, score| {
                visit(Item::Bytes(member), score);
            }),
        }
    }

    /// A member at random, each equally likely.
    pub fn random(self, rng: &mut Rng) -> Option<(Item<'a>, f64)> {
        match self {
            ZSetView::Packed(_) if self.is_empty() => None,
            ZSetView::Packed(_) => self.get(rng.below(self.len() as u64) as usize),
            ZSetView::Large(zset) => zset.random(rng).map(pair_of),
        }
    }

    fn packed_while(self, is_before: impl FnMut(Item<'a>, f64) -> bool) -> usize {
        match self {
            ZSetView::Packed(list) => Packed(list).count_while(is_before),
            ZSetView::Large(_) => unreachable!("asked of a small set"),
        }
    }
}

#[inline]
fn pair_of((member, score): (&[u8], f64)) -> (Item<'_>, f64) {
    (Item::Bytes(member), score)
}

/// Members with their scores.
pub enum Scored<'a> {
    /// How many are left.
    Packed(Entries<'a>, usize, Direction),
    Large(zset::Walk<'a>, Direction),
}

impl<'a> Iterator for Scored<'a> {
    type Item = (Item<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<(Item<'a>, f64)> {
        match self {
            Scored::Large(walk, Direction::Up) => walk.next().map(pair_of),
            Scored::Large(walk, Direction::Down) => walk.next_back().map(pair_of),
            Scored::Packed(entries, left, direction) => {
                *left = left.checked_sub(1)?;
                let (member, score) = match direction {
                    Direction::Up => {
                        let (_, member) = entries.next()?;
                        (member, entries.next()?.1)
                    }
                    Direction::Down => {
                        let (_, score) = entries.next_back()?;
                        (entries.next_back()?.1, score)
                    }
                };
                Some((member, score_of(score)))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Scored::Packed(_, left, _) => (*left, Some(*left)),
            Scored::Large(walk, _) => walk.size_hint(),
        }
    }
}

impl ExactSizeIterator for Scored<'_> {}

/// A sorted set while it is changed.
pub struct ZSetEdit<'a> {
    form: Form<'a>,
    limits: Limits,
    hasher: KeyHasher,
}

enum Form<'a> {
    Packed(&'a mut Vec<u8>),
    Large(&'a mut ZSet),
    /// It was small when the change began.
    Grown(Box<ZSet>),
}

impl ZSetEdit<'_> {
    /// Give a member a score, whether it was there or not.
    pub fn set(&mut self, member: &[u8], score: f64) -> ScoreOutcome {
        if let Some(large) = self.large() {
            return large.set(member, score);
        }
        let Form::Packed(bytes) = &mut self.form else {
            unreachable!("looked at above")
        };
        match Packed::of(bytes).find(member) {
            Some((_, old)) if old == score => ScoreOutcome::Same,
            Some((place, _)) => {
                packed::rescore(bytes, place, member, score);
                ScoreOutcome::Changed
            }
            None if self.has_room_for(member) => {
                let Form::Packed(bytes) = &mut self.form else {
                    unreachable!("looked at above")
                };
                packed::insert(bytes, member, score);
                ScoreOutcome::Added
            }
            None => self.grow().set(member, score),
        }
    }

    /// Remove a member; its score if it was there.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match &mut self.form {
            Form::Packed(bytes) => {
                let (place, score) = Packed::of(bytes).find(member)?;
                Editor::new(bytes).remove(place, 2);
                Some(score)
            }
            Form::Large(zset) => zset.remove(member),
            Form::Grown(zset) => zset.remove(member),
        }
    }

    /// Remove a range of ranks.
    pub fn remove_range(&mut self, ranks: Range<usize>) {
        let end = ranks.end.min(self.view().len());
        let count = end.saturating_sub(ranks.start);
        match self.large() {
            None => {
                let Form::Packed(bytes) = &mut self.form else {
                    unreachable!("looked at above")
                };
                Editor::new(bytes).remove_range(2 * ranks.start, 2 * count);
            }
            Some(zset) => {
                let mut left = count;
                while left > 0 {
                    left -= zset.take(ranks.start, left, &mut |_, _| ());
                }
            }
        }
    }

    /// Remove up to `count` members, from the lowest up or from the highest down, each of which
    /// `visit` sees before.
    pub fn pop(&mut self, from: Direction, count: usize, visit: &mut dyn FnMut(Item<'_>, f64)) {
        let len = self.view().len();
        let count = count.min(len);
        let ranks = match from {
            Direction::Up => 0..count,
            Direction::Down => len - count..len,
        };
        if let Some(zset) = self.large() {
            match from {
                Direction::Up => {
                    let mut left = count;
                    while left > 0 {
                        left -= zset.take(0, left, &mut |member, score| {
                            visit(Item::Bytes(member), score);
                        });
                    }
                }
                Direction::Down => {
                    for rank in ranks.rev() {
                        zset.take(rank, 1, &mut |member, score| {
                            visit(Item::Bytes(member), score);
                        });
                    }
                }
            }
            return;
        }
        let members = self.view().walk(ranks.clone(), from);
        members.for_each(|(member, score)| visit(member, score));
        self.remove_range(ranks);
    }

    pub fn view(&self) -> ZSetView<'_> {
        match &self.form {
            Form::Packed(bytes) => ZSetView::Packed(Listpack::new(bytes)),
            Form::Large(zset) => ZSetView::Large(zset),
            Form::Grown(zset) => ZSetView::Large(zset),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.view().is_empty()
    }

    /// So many members will come: grow now if they will be too many, rather than on the way.
    pub fn expect(&mut self, members: usize) {
        if members > self.limits.entries {
            self.grow();
        }
    }

    #[inline]
    fn large(&mut self) -> Option<&mut ZSet> {
        match &mut self.form {
            Form::Packed(_) => None,
            Form::Large(zset) => Some(zset),
            Form::Grown(zset) => Some(zset),
        }
    }

    /// May one more member be packed?
    fn has_room_for(&self, member: &[u8]) -> bool {
        let Form::Packed(bytes) = &self.form else {
            return false;
        };
        member.len() <= self.limits.value_bytes
            && Packed::of(bytes).len() < self.limits.entries
            && bytes.len() + member.len() < PACKED_BYTES_MAX
    }

    fn grow(&mut self) -> &mut ZSet {
        if let Form::Packed(bytes) = &self.form {
            let small = ZSetView::Packed(Listpack::new(bytes));
            self.form = Form::Grown(Box::new(large_of(small, self.hasher)));
        }
        self.large().expect("it has grown")
    }

    fn into_grown(self) -> Option<Large> {
        match self.form {
            Form::Grown(zset) => Some(Large::SortedSet(*zset)),
            Form::Packed(_) | Form::Large(_) => None,
        }
    }
}

/// A large sorted set with what this one holds.
fn large_of(small: ZSetView<'_>, hasher: KeyHasher) -> ZSet {
    let members: Vec<(Vec<u8>, f64)> = small.iter().map(|(m, score)| (m.to_vec(), score)).collect();
    let members = members.iter().map(|(member, score)| (&member[..], *score));
    ZSet::from_sorted(hasher.secret_for_members(), members)
}

/// A sorted set outside of any table, while it is read from somewhere or computed.
pub struct NewZSet {
    bytes: Vec<u8>,
    grown: Option<Box<ZSet>>,
    limits: Limits,
    hasher: KeyHasher,
}

impl NewZSet {
    pub fn new(limits: Limits, hasher: KeyHasher) -> NewZSet {
        NewZSet {
            bytes: EMPTY.to_vec(),
            grown: None,
            limits,
            hasher,
        }
    }

    /// The value of members that are in order already, each named once.
    pub fn of_sorted(
        limits: Limits,
        hasher: KeyHasher,
        members: &[(&[u8], f64)],
    ) -> NewValue<'static> {
        let fits = |(member, _): &(&[u8], f64)| member.len() <= limits.value_bytes;
        if members.len() > limits.entries || !members.iter().all(fits) {
            let members = members.iter().copied();
            let zset = ZSet::from_sorted(hasher.secret_for_members(), members);
            return NewValue::Large(Arc::new(Large::SortedSet(zset)));
        }
        let mut zset = NewZSet::new(limits, hasher);
        for (member, score) in members {
            zset.set(member, *score);
        }
        zset.finish()
    }

    /// Give a member a score, whether it was there or not.
    pub fn set(&mut self, member: &[u8], score: f64) -> ScoreOutcome {
        if let Some(zset) = &mut self.grown {
            return zset.set(member, score);
        }
        let mut edit = ZSetEdit {
            form: Form::Packed(&mut self.bytes),
            limits: self.limits,
            hasher: self.hasher,
        };
        let outcome = edit.set(member, score);
        if let Form::Grown(zset) = edit.form {
            self.grown = Some(zset);
        }
        outcome
    }

    /// The value in the form that suits it.
    pub fn finish(self) -> NewValue<'static> {
        match self.grown {
            Some(zset) => NewValue::Large(Arc::new(Large::SortedSet(*zset))),
            None => NewValue::PackedBlock(Packing::SortedSet, Arc::new(self.bytes)),
        }
    }
}

impl Table {
    /// Change a sorted set.
    pub fn change_zset<R>(
        &mut self,
        slot: Slot,
        limits: Limits,
        change: impl FnOnce(&mut ZSetEdit<'_>) -> R,
    ) -> R {
        let hasher = self.hasher();
        let zset = self.entry(slot).zset().expect("a sorted set was asked for");
        match zset {
            ZSetView::Packed(_) => self.change_packed(slot, Packing::SortedSet, |bytes| {
                change_bytes(bytes, limits, hasher, change)
            }),
            ZSetView::Large(_) => self.change_large(slot, |large| {
                let Large::SortedSet(zset) = large else {
                    unreachable!("looked at above")
                };
                change(&mut ZSetEdit {
                    form: Form::Large(zset),
                    limits,
                    hasher,
                })
            }),
        }
    }

    /// Add a key that is not there, with a sorted set that `change` fills.
    pub fn insert_zset<R>(
        &mut self,
        key: &Key<'_>,
        limits: Limits,
        access: Access,
        now_ms: i64,
        change: impl FnOnce(&mut ZSetEdit<'_>) -> R,
    ) -> R {
        let mut bytes = EMPTY.to_vec();
        let (result, grown) = change_bytes(&mut bytes, limits, self.hasher(), change);
        let value = match grown {
            None => NewValue::Packed(Packing::SortedSet, &bytes),
            Some(large) => NewValue::Large(Arc::new(large)),
        };
        self.insert(key, value, None, access, now_ms);
        result
    }
}

fn change_bytes<R>(
    bytes: &mut Vec<u8>,
    limits: Limits,
    hasher: KeyHasher,
    change: impl FnOnce(&mut ZSetEdit<'_>) -> R,
) -> (R, Option<Large>) {
    let mut edit = ZSetEdit {
        form: Form::Packed(bytes),
        limits,
        hasher,
    };
    let result = change(&mut edit);
    (result, edit.into_grown())
}

#[cfg(test)]
mod tests;
