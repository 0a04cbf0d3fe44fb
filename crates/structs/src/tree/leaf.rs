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

/// Some entries of a leaf.
pub(super) struct Part<'a> {
    pub(super) leaf: &'a Leaf,
    pub(super) range: Range<usize>,
}

impl Part<'_> {
    /// The order of an entry, less so many bits, no fewer than the leaf leaves out.
    fn order(&self, index: usize, shift: u8) -> u64 {
        let leaf = self.leaf;
        (leaf.base + u64::from(leaf.keys()[index])) >> (shift - leaf.shift)
    }

    fn refs(&self) -> impl Iterator<Item = Ref> + '_ {
        self.range.clone().map(|index| self.leaf.at(index))
    }
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
        self.leaf.words_mut().0[self.index] = key;
    }

    pub(super) fn set_ref(self, at: Ref) {
        let (_, refs) = self.leaf.words_mut();
        put_ref(refs, self.index, at);
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
        let order = |at: Ref| order_of(members.score(at));
        let (low, high) = (order(entries[0]), order(entries[entries.len() - 1]));
        let shift = excess_bits(low, high) as u8;
        let mut leaf = Leaf::empty(room, low >> shift, shift);
        let (keys, refs) = leaf.words_mut();
        for (index, at) in entries.iter().enumerate() {
            keys[index] = ((order(*at) >> shift) - (low >> shift)) as u16;
            put_ref(refs, index, *at);
        }
        leaf.len = entries.len() as u16;
        leaf
    }

    /// A leaf of parts of others, in order.
    pub(super) fn of_parts(parts: &[Part<'_>], members: &impl Members) -> Leaf {
        let (first, last) = (&parts[0], &parts[parts.len() - 1]);
        let shifts = parts.iter().map(|part| part.leaf.shift);
        let shift = shifts.max().expect("some parts");
        let low = first.order(first.range.start, shift);
        let high = last.order(last.range.end - 1, shift);
        if shift > 0 && high - low < KEYS_FEW {
            let all: Vec<Ref> = parts.iter().flat_map(Part::refs).collect();
            return Leaf::of(&all, false, members);
        }
        let more = excess_bits(low, high);
        let mut leaf = Leaf::empty(LEAF_MAX, low >> more, shift + more as u8);
        parts.iter().for_each(|part| leaf.append(part));
        leaf
    }

    fn empty(room: usize, base: u64, shift: u8) -> Leaf {
        Leaf {
            words: std::iter::repeat_n(0, room * ENTRY_WORDS).collect(),
            base,
            len: 0,
            shift,
        }
    }

    /// Add what lies behind all others, and what the keys can tell about.
    fn append(&mut self, part: &Part<'_>) {
        let (base, len, less) = (self.base, self.len(), self.shift - part.leaf.shift);
        let from = &part.leaf.keys()[part.range.clone()];
        let from_base = part.leaf.base;
        let (keys, refs) = self.words_mut();
        let keys = keys[len..].iter_mut().zip(from);
        if less == 0 {
            // The common case, eight keys at a time: what is wrapped around comes back.
            let moved = from_base.wrapping_sub(base) as u16;
            keys.for_each(|(key, from)| *key = from.wrapping_add(moved));
        } else {
            let key = |from: u16| ((from_base + u64::from(from)) >> less) - base;
            keys.for_each(|(to, from)| *to = key(*from) as u16);
        }
        let halves = 2 * part.range.start..2 * part.range.end;
        let from = &part.leaf.words[part.leaf.room()..][halves];
        refs[2 * len..][..from.len()].copy_from_slice(from);
        self.len += part.range.len() as u16;
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

    /// All keys and all references, for nobody else to see.
    #[inline]
    fn words_mut(&mut self) -> (&mut [u16], &mut [u16]) {
        let room = self.room();
        Arc::make_mut(&mut self.words).split_at_mut(room)
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
        let len = self.len();
        if len == self.room() {
            self.resize(room_for(len + 1));
        }
        let (keys, refs) = self.words_mut();
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
        let (old_base, base, len) = (self.base, low >> more, self.len());
        for key in &mut self.words_mut().0[..len] {
            *key = (((old_base + u64::from(*key)) >> more) - base) as u16;
        }
        self.base = base;
        self.shift += more as u8;
        ((value >> more) - base) as u16
    }

    /// Take entries out from an index on; return how many.
    pub(super) fn take(&mut self, index: usize, count: usize, each: &mut dyn FnMut(Ref)) -> usize {
        let len = self.len();
        let end = index.saturating_add(count).min(len);
        (index..end).for_each(|index| each(self.at(index)));
        let (keys, refs) = self.words_mut();
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
