//! A leaf of the counted tree: references in order, and 16 bits of each score.
//!
//! ```text
//!   score ─► order, 64 bits ─►  │ common to the leaf │ key, 16 bits │ shift: left out │
//!
//!   words   │ key 0 │ key 1 │ ... │ room │ Ref 0 │ Ref 1 │ ... │ room │
//! ```
//!
//! The *order* of a score is a number that is greater where the score is. A *key* is the order
//! without its last `shift` bits, less `base`. The shift is as small as the scores of the leaf allow,
//! so that their keys differ in nearly all cases, be they timestamps or fractions. Where they do not,
//! the members are looked at.
//!
//! A score from outside widens the leaf: all keys lose some bits more, which needs no member. Leaves
//! that were split and shared have lost bits that their scores would not have to lose; when too few
//! are left, the keys are taken from the scores again.
//!
//! Invariants (`check` asserts them): each key tells the order of its score.

use std::ops::Range;
use std::sync::Arc;

use super::{Bound, Members};
use crate::arena::Ref;
use crate::size_class::{self, ARC_BYTES};

/// What a leaf weighs, unless it is alone. It is a size that allocators keep, and 36 of them fill
/// nearly all of the 64 KiB in which they keep those.
const LEAF_BYTES: usize = 7 << 8;
/// A key, and the halves of a reference.
const ENTRY_WORDS: usize = 3;
pub(super) const LEAF_MAX: usize = room_of(LEAF_BYTES);
const KEY_MAX: u64 = u16::MAX as u64;
/// If all keys of a leaf are within less than this, they are taken from the scores again.
const KEYS_FEW: u64 = 1 << 12;

const fn room_of(bytes: usize) -> usize {
    (bytes - ARC_BYTES) / (ENTRY_WORDS * size_of::<u16>())
}

/// The room of a leaf that is alone and has so many entries.
fn room_for(len: usize) -> usize {
    let bytes = len * ENTRY_WORDS * size_of::<u16>() + ARC_BYTES;
    room_of(size_class::ceil(bytes)).min(LEAF_MAX)
}

#[derive(Clone)]
pub(super) struct Leaf {
    words: Arc<[u16]>,
    base: u64,
    len: u16,
    shift: u8,
}

/// An entry with the order of its score, or the first bits of that.
#[derive(Clone, Copy)]
pub(super) struct Keyed {
    order: u64,
    at: Ref,
}

/// An entry of a leaf that is being changed.
pub(super) struct EntryMut<'a> {
    leaf: &'a mut Leaf,
    index: usize,
}

impl EntryMut<'_> {
    /// Give it another score, between those of its neighbours.
    pub(super) fn set_score(self, score: f64) {
        let key = self.leaf.key(order_of(score));
        let Key::Inside(key) = key else {
            unreachable!("between two others")
        };
        Arc::make_mut(&mut self.leaf.words)[self.index] = key;
    }

    pub(super) fn set_ref(self, at: Ref) {
        let refs = self.leaf.room();
        put_ref(
            &mut Arc::make_mut(&mut self.leaf.words)[refs..],
            self.index,
            at,
        );
    }
}

enum Key {
    Below,
    Inside(u16),
    Above,
}

/// A number that is greater where a score is, and equal where it is.
#[inline]
fn order_of(score: f64) -> u64 {
    debug_assert!(!score.is_nan(), "not-a-number is no score");
    // A zero is not negative.
    let bits = (score + 0.0).to_bits();
    let sign = 1 << 63;
    if bits & sign == 0 { bits | sign } else { !bits }
}

/// How many bits have to be left out, for the rest to be no further apart than keys can be.
fn excess_bits(low: u64, high: u64) -> u32 {
    let span = (high - low).checked_ilog2().unwrap_or(0);
    let bits = span.saturating_sub(KEY_MAX.ilog2());
    // The bits that are left out may carry.
    bits + u32::from((high >> bits) - (low >> bits) > KEY_MAX)
}

fn put_ref(refs: &mut [u16], index: usize, at: Ref) {
    let bits = at.to_bits();
    refs[2 * index] = bits as u16;
    refs[2 * index + 1] = (bits >> 16) as u16;
}

impl Leaf {
    /// A leaf of entries in order.
    pub(super) fn of(entries: &[Ref], is_alone: bool, members: &impl Members) -> Leaf {
        let room = match is_alone {
            true => room_for(entries.len()),
            false => LEAF_MAX,
        };
        let keyed: Vec<Keyed> = entries.iter().map(|at| keyed(*at, members)).collect();
        Leaf::keyed(&keyed, 0, room)
    }

    /// A leaf of a part of what was in others.
    pub(super) fn of_keyed(entries: &[Keyed], shift: u8, members: &impl Members) -> Leaf {
        let (first, last) = (entries[0].order, entries[entries.len() - 1].order);
        if shift > 0 && last - first < KEYS_FEW {
            let exact: Vec<Keyed> = entries.iter().map(|e| keyed(e.at, members)).collect();
            return Leaf::keyed(&exact, 0, LEAF_MAX);
        }
        Leaf::keyed(entries, shift, LEAF_MAX)
    }

    /// A leaf of entries whose orders lack the last `shift` bits.
    fn keyed(entries: &[Keyed], shift: u8, room: usize) -> Leaf {
        let (first, last) = (entries[0].order, entries[entries.len() - 1].order);
        let more = excess_bits(first, last);
        let base = first >> more;
        let mut words: Arc<[u16]> = std::iter::repeat_n(0, room * ENTRY_WORDS).collect();
        let all = Arc::get_mut(&mut words).expect("nobody else holds it yet");
        let (keys, refs) = all.split_at_mut(room);
        for (index, entry) in entries.iter().enumerate() {
            keys[index] = ((entry.order >> more) - base) as u16;
            put_ref(refs, index, entry.at);
        }
        Leaf {
            words,
            base,
            len: entries.len() as u16,
            shift: shift + more as u8,
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() == LEAF_MAX
    }

    pub(super) fn memory_bytes(&self) -> usize {
        ARC_BYTES + size_of_val(&*self.words)
    }

    #[inline]
    fn room(&self) -> usize {
        self.words.len() / ENTRY_WORDS
    }

    /// The entry of an index.
    #[inline]
    pub(super) fn at(&self, index: usize) -> Ref {
        let halves = &self.words[self.room() + 2 * index..][..2];
        Ref::from_bits(u32::from(halves[0]) | u32::from(halves[1]) << 16)
    }

    #[inline]
    fn keys(&self) -> &[u16] {
        &self.words[..self.len()]
    }

    #[inline]
    fn key(&self, order: u64) -> Key {
        match (order >> self.shift).checked_sub(self.base) {
            None => Key::Below,
            Some(key) if key > KEY_MAX => Key::Above,
            Some(key) => Key::Inside(key as u16),
        }
    }

    // ---- search ----------------------------------------------------------

    /// The entries that agree with a score as far as keys tell; all others before or behind do not.
    #[inline]
    fn equals(&self, score: f64) -> Range<usize> {
        let keys = self.keys();
        match self.key(order_of(score)) {
            Key::Below => 0..0,
            Key::Above => keys.len()..keys.len(),
            Key::Inside(key) => {
                let start = keys.partition_point(|other| *other < key);
                let rest = &keys[start..];
                // There are rarely more than one.
                let few = rest.iter().take(4).take_while(|other| **other == key);
                match few.count() {
                    4 => start..start + rest.partition_point(|other| *other == key),
                    few => start..start + few,
                }
            }
        }
    }

    /// How many entries are before a bound.
    #[inline]
    pub(super) fn before(&self, bound: &Bound<'_>, members: &impl Members) -> usize {
        let Range { mut start, mut end } = self.equals(bound.score);
        while start < end {
            let middle = start.midpoint(end);
            let at = self.at(middle);
            if bound.is_behind(members.score(at), at, members) {
                start = middle + 1;
            } else {
                end = middle;
            }
        }
        start
    }

    /// The index of an entry of this score.
    #[inline]
    pub(super) fn index_of(&self, score: f64, at: Ref) -> Option<usize> {
        self.equals(score).find(|index| self.at(*index) == at)
    }

    /// Is a bound between the neighbours of an entry? At an end of the leaf there is only one, and
    /// nobody knows.
    pub(super) fn has_between(
        &self,
        index: usize,
        bound: &Bound<'_>,
        members: &impl Members,
    ) -> bool {
        if index == 0 || index + 1 >= self.len() {
            return false;
        }
        let Key::Inside(key) = self.key(order_of(bound.score)) else {
            return false;
        };
        let is_behind = |index: usize| match key.cmp(&self.keys()[index]) {
            std::cmp::Ordering::Equal => {
                let at = self.at(index);
                bound.is_behind(members.score(at), at, members)
            }
            order => order.is_gt(),
        };
        is_behind(index - 1) && !is_behind(index + 1)
    }

    // ---- change ----------------------------------------------------------

    pub(super) fn entry_mut(&mut self, index: usize) -> EntryMut<'_> {
        EntryMut { leaf: self, index }
    }

    /// Add an entry to a leaf that is not full.
    pub(super) fn insert(&mut self, index: usize, score: f64, at: Ref) {
        let order = order_of(score);
        let key = match self.key(order) {
            Key::Inside(key) => key,
            Key::Below | Key::Above => self.widen(order),
        };
        let (len, room) = (self.len(), self.room());
        if len == room {
            self.resize(room_for(len + 1));
        }
        let room = self.room();
        let (keys, refs) = Arc::make_mut(&mut self.words).split_at_mut(room);
        keys.copy_within(index..len, index + 1);
        keys[index] = key;
        refs.copy_within(2 * index..2 * len, 2 * index + 2);
        put_ref(refs, index, at);
        self.len += 1;
    }

    /// Make the keys tell about a score from outside as well; return its key.
    fn widen(&mut self, order: u64) -> u16 {
        let value = order >> self.shift;
        let keys = self.keys();
        let (first, last) = (keys[0], keys[keys.len() - 1]);
        let low = value.min(self.base + u64::from(first));
        let high = value.max(self.base + u64::from(last));
        let more = excess_bits(low, high);
        let (old_base, base) = (self.base, low >> more);
        let len = self.len();
        for key in &mut Arc::make_mut(&mut self.words)[..len] {
            *key = (((old_base + u64::from(*key)) >> more) - base) as u16;
        }
        self.base = base;
        self.shift += more as u8;
        ((value >> more) - base) as u16
    }

    /// Take entries out from an index on; return how many.
    pub(super) fn take(&mut self, index: usize, count: usize, each: &mut dyn FnMut(Ref)) -> usize {
        let (len, room) = (self.len(), self.room());
        let end = index.saturating_add(count).min(len);
        (index..end).for_each(|index| each(self.at(index)));
        let (keys, refs) = Arc::make_mut(&mut self.words).split_at_mut(room);
        keys.copy_within(end..len, index);
        refs.copy_within(2 * end..2 * len, 2 * index);
        self.len -= (end - index) as u16;
        end - index
    }

    /// Give up what a leaf that is alone has too much.
    pub(super) fn cut_to_size(&mut self) {
        // Some room is left, lest the next insertion takes it back.
        let room = room_for(self.len() + self.len() / 4 + 1);
        if room < self.room() {
            self.resize(room);
        }
    }

    fn resize(&mut self, room: usize) {
        let (len, old) = (self.len(), self.room());
        let mut words: Arc<[u16]> = std::iter::repeat_n(0, room * ENTRY_WORDS).collect();
        let all = Arc::get_mut(&mut words).expect("nobody else holds it yet");
        all[..len].copy_from_slice(&self.words[..len]);
        all[room..room + 2 * len].copy_from_slice(&self.words[old..old + 2 * len]);
        self.words = words;
    }

    // ---- several ---------------------------------------------------------

    pub(super) fn shift(&self) -> u8 {
        self.shift
    }

    /// The entries with their orders, less so many bits, no fewer than the leaf lacks.
    pub(super) fn entries(&self, shift: u8) -> impl Iterator<Item = Keyed> + '_ {
        let more = shift - self.shift;
        let keys = self.keys().iter().enumerate();
        keys.map(move |(index, key)| Keyed {
            order: (self.base + u64::from(*key)) >> more,
            at: self.at(index),
        })
    }

    pub(super) fn check(&self, is_alone: bool, members: &impl Members) {
        assert!(self.len > 0, "no leaf is empty");
        assert!(self.len() <= self.room() && self.room() <= LEAF_MAX);
        assert!(is_alone || self.room() == LEAF_MAX, "one size");
        for (index, key) in self.keys().iter().enumerate() {
            let order = order_of(members.score(self.at(index)));
            let told = self.key(order);
            assert!(
                matches!(told, Key::Inside(told) if told == *key),
                "a key tells about the score"
            );
        }
    }
}

fn keyed(at: Ref, members: &impl Members) -> Keyed {
    let order = order_of(members.score(at));
    Keyed { order, at }
}
