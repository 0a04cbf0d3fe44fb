//! What a large set or hash consists of: names, each perhaps with a value and a deadline.
//!
//! ```text
//!   name ─► hash ─► Slots ─► Ref ─► Arena ─► item
//!
//!   a member    │ name │
//!   a field     │ name's length, and is there a deadline │ deadline, 8 bytes or none │ name │ value │
//! ```
//!
//! Over its payload a member costs 9 to 11 bytes at any size (7 in the slots, 2 for its place in the
//! arena and 1 for its length, some for what is unused), a field one more. A deadline costs its
//! eight bytes where there is one and nothing elsewhere.
//!
//! A value of the same length as the old one is written in its place; another one moves in its page
//! if there is room, and else elsewhere. Each removal moves a few items out of pages that are nearly
//! empty (see `arena`).
//!
//! Whether a field has expired is asked by the caller, who knows the time: everything that is here
//! is shown, and [`Dict::expire`] removes what is due, a slice at a time. A segment of the slots
//! bounds the deadlines in it from below, and so does the whole.
//!
//! A clone costs a reference count per page and segment and stays as it is.
//!
//! Invariants (`check` asserts them): each name has one slot; the count of deadlines is exact and
//! the bounds are bounds.

mod ahead;
mod expiry;
mod item;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;

use crate::arena::{Arena, Ref};
use crate::hash::Hasher;
use crate::slots::{Place, Slots};
use base::Rng;

pub use crate::hash::Hashed;
pub use ahead::Ahead;
pub use item::Item;
use item::{Head, Shape};

/// Items that each removal may move out of pages that are to be emptied.
pub(crate) const MOVES_PER_REMOVAL: usize = 4;

/// What a new value does to the deadline of its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    None,
    Keep,
    At(i64),
}

/// How far a walk over a dict has come that nobody changes.
#[derive(Clone, Copy, Debug, Default)]
pub struct WalkPlace {
    segment: usize,
    /// Items of the segment that were visited.
    passed: usize,
}

#[derive(Clone)]
pub struct Dict {
    shape: Shape,
    hasher: Hasher,
    slots: Slots,
    arena: Arena,
    /// Fields with a deadline.
    volatile: usize,
    /// A lower bound of all deadlines; `i64::MAX` without any.
    soonest_ms: i64,
    /// The segment that is looked at next for what is due.
    sweep_at: usize,
}

impl Dict {
    /// Names only: a set. The 128 bits of `secret` must be random in a server.
    pub fn of_members(secret: [u64; 2]) -> Dict {
        Dict::new(Shape::Member, secret)
    }

    /// Names with values and deadlines: a hash.
    pub fn of_fields(secret: [u64; 2]) -> Dict {
        Dict::new(Shape::Field, secret)
    }

    fn new(shape: Shape, secret: [u64; 2]) -> Dict {
        Dict {
            shape,
            hasher: Hasher::new(secret),
            slots: Slots::default(),
            arena: Arena::default(),
            volatile: 0,
            soonest_ms: i64::MAX,
            sweep_at: 0,
        }
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes allocated.
    pub fn memory_bytes(&self) -> usize {
        self.slots.memory_bytes() + self.arena.memory_bytes()
    }

    // ---- lookup ----------------------------------------------------------

    #[inline]
    fn item(&self, at: Ref) -> Item<'_> {
        Item::read(self.shape, self.arena.get(at))
    }

    #[inline]
    fn find(&self, hash: u64, name: &[u8]) -> Option<(Place, Ref)> {
        self.slots.find(hash, |at| self.item(at).name == name)
    }

    #[inline]
    pub fn get(&self, name: &[u8]) -> Option<Item<'_>> {
        let (_, at) = self.find(self.hasher.hash(name), name)?;
        Some(self.item(at))
    }

    #[inline]
    pub fn contains(&self, name: &[u8]) -> bool {
        self.find(self.hasher.hash(name), name).is_some()
    }

    /// The same for whoever asks several dicts about a name.
    #[inline]
    pub fn contains_hashed(&self, name: &[u8], hashed: &mut Hashed) -> bool {
        let prefix = hashed.prefix(self.hasher);
        let sought =
            prefix.and_then(|prefix| self.slots.seek(prefix, |at| self.item(at).name == name));
        sought.unwrap_or_else(|| self.find(hashed.of(self.hasher, name), name).is_some())
    }

    // ---- change ----------------------------------------------------------

    /// Add a member; false if it was there.
    pub fn add(&mut self, name: &[u8]) -> bool {
        self.add_hashed(name, &mut Hashed::default())
    }

    pub fn add_hashed(&mut self, name: &[u8], hashed: &mut Hashed) -> bool {
        debug_assert!(self.shape == Shape::Member);
        let hash = hashed.of(self.hasher, name);
        if self.find(hash, name).is_some() {
            return false;
        }
        let at = self.arena.insert(&[name]);
        self.link(hash, at);
        true
    }

    /// Set the value of a field; true if the field is new. Whoever wants to know the old value asks
    /// for it before.
    pub fn put(&mut self, name: &[u8], value: &[u8], deadline: Deadline) -> bool {
        debug_assert!(self.shape == Shape::Field);
        let hash = self.hasher.hash(name);
        let found = self.find(hash, name);
        let old_ms = found.and_then(|(_, at)| self.item(at).deadline_ms);
        let deadline_ms = match deadline {
            Deadline::None => None,
            Deadline::Keep => old_ms,
            Deadline::At(ms) => Some(ms),
        };
        let head = Head::new(name, deadline_ms);
        let parts = [head.bytes(), name, value];
        match found {
            None => {
                let at = self.arena.insert(&parts);
                self.link(hash, at);
            }
            Some((place, at)) => self.write(place, at, &parts),
        }
        self.deadline_changed(hash, old_ms, deadline_ms);
        found.is_none()
    }

    /// Set or take away the deadline of a field; false if there is no such field.
    pub fn set_deadline(&mut self, name: &[u8], deadline_ms: Option<i64>) -> bool {
        debug_assert!(self.shape == Shape::Field);
        let hash = self.hasher.hash(name);
        let Some((place, at)) = self.find(hash, name) else {
            return false;
        };
        let item = self.item(at);
        let (old_ms, value) = (item.deadline_ms, item.value.to_vec());
        let head = Head::new(name, deadline_ms);
        self.write(place, at, &[head.bytes(), name, &value]);
        self.deadline_changed(hash, old_ms, deadline_ms);
        true
    }

    pub fn remove(&mut self, name: &[u8]) -> bool {
        let hash = self.hasher.hash(name);
        let found = self.find(hash, name);
        if let Some((place, at)) = found {
            self.unlink(place, at);
        }
        found.is_some()
    }

    /// Remove a field and return its value.
    pub fn take(&mut self, name: &[u8]) -> Option<Vec<u8>> {
        let (place, at) = self.find(self.hasher.hash(name), name)?;
        let value = self.item(at).value.to_vec();
        self.unlink(place, at);
        Some(value)
    }

    /// Remove a name at random, each equally likely, and return it with its value.
    pub fn pop(&mut self, rng: &mut Rng) -> Option<(Vec<u8>, Vec<u8>)> {
        let (place, at) = self.slots.random(rng)?;
        let item = self.item(at);
        let popped = (item.name.to_vec(), item.value.to_vec());
        self.unlink(place, at);
        Some(popped)
    }

    /// Remove what is not to be kept. It takes one segment after the other; an item is asked about
    /// once.
    pub fn retain(&mut self, keep: &mut dyn FnMut(Item<'_>) -> bool) {
        let mut next = (!self.is_empty()).then_some(0);
        while let Some(from) = next {
            let (segment, after) = self.slots.segment_of(from);
            let items = self.slots.segment_items(segment);
            let hashed = items.map(|at| (self.hasher.hash(self.item(at).name), at));
            let doomed = hashed.filter(|(hash, at)| *hash >= from && !keep(self.item(*at)));
            let doomed: Vec<_> = doomed.collect();
            self.unlink_all(&doomed);
            next = after.filter(|_| !self.is_empty());
        }
    }

    /// Free up to so many pages of a dict that nobody will look at again. True when it is empty.
    pub fn free_some(&mut self, pages: usize) -> bool {
        if !self.slots.free_some(pages) || !self.arena.free_some(pages) {
            return false;
        }
        (self.volatile, self.soonest_ms) = (0, i64::MAX);
        true
    }

    // ---- walks -----------------------------------------------------------

    /// All items, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = Item<'_>> {
        self.slots.items().map(|at| self.item(at))
    }

    /// Visit items with what their slots tell of their hashes. Those that cannot be in all of some
    /// other dicts by that are not even looked at.
    pub fn visit_likely(
        &self,
        others: &[&Dict],
        mut visit: impl FnMut(Item<'_>, Hashed) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let telling = others.iter().filter(|other| other.hasher == self.hasher);
        let telling: Vec<&Slots> = telling.map(|other| &other.slots).collect();
        self.slots.visit_told(&mut |at, prefix| {
            let mut told = telling.iter().map(|slots| slots.seek(prefix, |_| true));
            match told.any(|may| may == Some(false)) {
                true => ControlFlow::Continue(()),
                false => visit(self.item(at), Hashed::told(self.hasher, prefix)),
            }
        })
    }

    /// Visit items, in the order of [`Dict::iter`], from a place on, until `visit` says that these
    /// were enough. The place is where the walk goes on, in a dict that nobody has changed in
    /// between. False when all were visited.
    pub fn visit_from(
        &self,
        place: &mut WalkPlace,
        visit: &mut dyn FnMut(Item<'_>) -> bool,
    ) -> bool {
        while place.segment < self.slots.segments() {
            let items = self.slots.segment_items(place.segment);
            for at in items.skip(place.passed) {
                place.passed += 1;
                if !visit(self.item(at)) {
                    return true;
                }
            }
            place.segment += 1;
            place.passed = 0;
        }
        false
    }

    /// Visit items in the order of their hashes from `cursor` on, until about `count` were seen.
    /// Return the next cursor; 0, where a scan begins, says that it is complete. What is there from
    /// the first call to the last is visited once, whatever comes and goes meanwhile.
    pub fn scan(&self, cursor: u64, count: usize, visit: &mut dyn FnMut(Item<'_>)) -> u64 {
        let hash_of = |at| self.hasher.hash(self.item(at).name);
        self.slots
            .scan(cursor, count, &hash_of, &mut |at| visit(self.item(at)))
    }

    /// An item at random, each equally likely.
    pub fn random(&self, rng: &mut Rng) -> Option<Item<'_>> {
        let (_, at) = self.slots.random(rng)?;
        Some(self.item(at))
    }

    // ---- slots and arena together ----------------------------------------

    fn link(&mut self, hash: u64, at: Ref) {
        let Dict {
            shape,
            hasher,
            slots,
            arena,
            ..
        } = self;
        let hash_of = |at| hasher.hash(Item::read(*shape, arena.get(at)).name);
        slots.insert(hash, at, &hash_of);
    }

    /// Write an item anew, in its place if it has the same length.
    fn write(&mut self, place: Place, at: Ref, parts: &[&[u8]]) {
        let old = self.arena.get(at);
        let len: usize = parts.iter().map(|part| part.len()).sum();
        if old.len() == len {
            let mut rest = self.arena.get_mut(at);
            for part in parts {
                let (here, behind) = rest.split_at_mut(part.len());
                here.copy_from_slice(part);
                rest = behind;
            }
            return;
        }
        let new = self.arena.replace(at, parts);
        if new != at {
            self.slots.redirect(place, new);
            self.tidy();
        }
    }

    fn unlink(&mut self, place: Place, at: Ref) {
        self.unlink_only(place, at);
        self.tidy();
    }

    /// Remove items with these hashes. None moves before all are gone.
    fn unlink_all(&mut self, doomed: &[(u64, Ref)]) {
        for (hash, at) in doomed {
            let found = self.slots.find(*hash, |other| other == *at);
            let (place, _) = found.expect("every item has a slot");
            self.unlink_only(place, *at);
        }
        doomed.iter().for_each(|_| self.tidy());
    }

    fn unlink_only(&mut self, place: Place, at: Ref) {
        if self.item(at).deadline_ms.is_some() {
            self.volatile -= 1;
        }
        let Dict {
            shape,
            hasher,
            slots,
            arena,
            ..
        } = self;
        let hash_of = |at| hasher.hash(Item::read(*shape, arena.get(at)).name);
        slots.remove(place, &hash_of);
        self.arena.remove(at);
        if self.volatile == 0 {
            self.soonest_ms = i64::MAX;
        }
    }

    /// Move a few items out of pages that are to be emptied.
    fn tidy(&mut self) {
        for _ in 0..MOVES_PER_REMOVAL {
            let Some((old, new)) = self.arena.copy_out() else {
                return;
            };
            let hash = self.hasher.hash(self.item(new).name);
            let found = self.slots.find(hash, |at| at == old);
            let (place, _) = found.expect("every item has a slot");
            self.slots.redirect(place, new);
            self.arena.remove(old);
        }
    }

    /// Assert the invariants.
    pub fn check(&self) {
        let hash_of = |at| self.hasher.hash(self.item(at).name);
        self.slots.check(&hash_of);
        self.arena.check();
        assert_eq!(self.slots.len(), self.arena.len(), "a slot for each item");
        for at in self.slots.items() {
            let found = self.find(hash_of(at), self.item(at).name);
            assert_eq!(found.map(|(_, at)| at), Some(at), "each name is found");
        }
        self.check_deadlines();
    }
}
