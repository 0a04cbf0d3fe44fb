//! Bytes of many small items, close together in counted pages.
//!
//! ```text
//!   Ref  │ page, 24 bits │ slot, 8 bits │
//!
//!   page  ┌──────┬──────────┬─hole─┬─────┬──────────────┬────┬────┬────┬────┐
//!         │ item │ item     │      │ item│  gap ──►◄──  │ s3 │ s2 │ s1 │ s0 │
//!         └──────┴──────────┴──────┴─────┴──────────────┴────┴────┴────┴────┘
//!   item  │ length, 1 to 5 bytes │ bytes │        slot: where its item begins, 2 bytes
//! ```
//!
//! An item is named by its slot, so that a page can close its holes, grow or shrink without anybody
//! outside having to know. A slot costs two bytes; rounding items up to words, so that 32 bits could
//! say directly where they are, would cost as much and would tie every item to its place.
//!
//! Pages take 256 items or 8 KiB, whatever comes first; items above 2 KiB have a page to
//! themselves. The limit is 2^24 pages: four billion small items, or at least 128 GiB of larger
//! ones. The first page begins with 256 bytes, and no page is much larger than an eighth of what is
//! there already.
//!
//! Removal leaves holes. New items fill them: a page that a quarter of is unused waits to be filled
//! again. While nobody adds anything, removals give memory back instead, a page at a time: if a
//! quarter of everything is unused, one waiting page is cut to size; and if a page has less than a
//! quarter of what a page should have, its items move elsewhere. That alone changes a `Ref`, and the
//! owner does it: [`Arena::copy_out`] says which, the owner puts its own references right, and
//! removes the old one.
//!
//! Invariants (`check` asserts them): slots lead to whole items that do not overlap; the counts and
//! sums are exact; at most one page is being filled.

mod page;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::size_class::{self, ARC_BYTES};
use page::{Page, SLOT_BYTES, SLOTS_MAX, State};

/// Where an item is, until the owner moves or removes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ref(u32);

impl Ref {
    fn new(page: usize, slot: usize) -> Ref {
        debug_assert!(page < PAGES_MAX && slot < SLOTS_MAX);
        Ref((page << SLOT_BITS | slot) as u32)
    }

    #[inline]
    fn page(self) -> usize {
        (self.0 >> SLOT_BITS) as usize
    }

    #[inline]
    fn slot(self) -> usize {
        (self.0 & (SLOTS_MAX as u32 - 1)) as usize
    }

    /// As a number, for whoever keeps many.
    #[inline]
    pub(crate) fn to_bits(self) -> u32 {
        self.0
    }

    #[inline]
    pub(crate) fn from_bits(bits: u32) -> Ref {
        Ref(bits)
    }
}

const SLOT_BITS: u32 = SLOTS_MAX.ilog2();
const PAGES_MAX: usize = 1 << (32 - SLOT_BITS);
/// What a page weighs, counts of the `Arc` included.
const PAGE_BYTES_MIN: usize = 256;
const PAGE_BYTES_MAX: usize = 8 << 10;
/// An item beyond this has a page of its own.
const SHARED_BYTES_MAX: usize = 2 << 10;
/// Fewer pages than this are not worth a thought about their list.
const PAGES_FEW: usize = 64;

#[derive(Clone, Default)]
pub struct Arena {
    pages: Vec<Page>,
    /// The page that takes new items.
    filling: Option<u32>,
    /// Pages that wait to be filled again. What is not `Roomy` any more is passed over.
    roomy: VecDeque<u32>,
    /// Pages whose items are to move elsewhere. What is not `Leaving` any more is passed over.
    leaving: Vec<u32>,
    /// Unused numbers of pages, lowest first, those beyond the list included.
    vacant: BinaryHeap<Reverse<u32>>,
    items: usize,
    item_bytes: usize,
    pages_used: usize,
    page_bytes: usize,
    /// Unused bytes in pages that are not being filled.
    spare_bytes: usize,
}

impl Arena {
    pub fn len(&self) -> usize {
        self.items
    }

    pub fn is_empty(&self) -> bool {
        self.items == 0
    }

    /// Bytes allocated.
    pub fn memory_bytes(&self) -> usize {
        self.page_bytes
            + self.pages.capacity() * size_of::<Page>()
            + (self.roomy.capacity() + self.leaving.capacity() + self.vacant.capacity())
                * size_of::<u32>()
    }

    #[inline]
    pub fn get(&self, at: Ref) -> &[u8] {
        self.pages[at.page()].item(at.slot())
    }

    /// An item, to be overwritten in place.
    #[inline]
    pub fn get_mut(&mut self, at: Ref) -> &mut [u8] {
        self.pages[at.page()].item_mut(at.slot())
    }

    /// Ask for the line that says where an item begins.
    #[inline]
    pub(crate) fn prefetch_place(&self, at: Ref) {
        self.pages[at.page()].prefetch_slot(at.slot());
    }

    /// Ask for an item.
    #[inline]
    pub(crate) fn prefetch_item(&self, at: Ref) {
        self.pages[at.page()].prefetch_item(at.slot());
    }

    /// Add an item that consists of these parts.
    pub fn insert(&mut self, parts: &[&[u8]]) -> Ref {
        let size = page::size(parts);
        self.items += 1;
        self.item_bytes += size;
        if size > SHARED_BYTES_MAX {
            let page = self.open(size + SLOT_BYTES, State::Single);
            return Ref::new(page, self.pages[page].append(parts, size));
        }
        let page = match self.filling {
            Some(page) if self.pages[page as usize].takes(size) => page as usize,
            _ => self.make_room(size),
        };
        Ref::new(page, self.pages[page].append(parts, size))
    }

    /// Remove an item. The owner should see to [`Arena::copy_out`] now and then.
    pub fn remove(&mut self, at: Ref) {
        self.items -= 1;
        self.item_bytes -= self.update(at.page(), |page| page.remove(at.slot()));
        self.settle(at.page());
        self.give_back();
    }

    /// Put other bytes in the place of an item. It keeps its `Ref` if its page has room.
    pub fn replace(&mut self, at: Ref, parts: &[&[u8]]) -> Ref {
        let size = page::size(parts);
        let shared = self.pages[at.page()].state != State::Single && size <= SHARED_BYTES_MAX;
        if shared && let Some(was) = self.update(at.page(), |page| page.replace(at.slot(), parts)) {
            self.item_bytes = self.item_bytes - was + size;
            self.settle(at.page());
            return at;
        }
        let new = self.insert(parts);
        self.remove(at);
        new
    }

    /// Copy an item out of a page that is to be emptied, and say where it was and where it is. The
    /// owner exchanges its references to the old one for the new one, and removes the old one.
    pub fn copy_out(&mut self) -> Option<(Ref, Ref)> {
        loop {
            let from = *self.leaving.last()? as usize;
            let page = self.pages.get(from);
            let Some(page) = page.filter(|page| page.state == State::Leaving) else {
                self.leaving.pop();
                continue;
            };
            let slot = page.first_item().expect("an empty page is closed");
            // The clone counts as another holder of the page; nothing is copied.
            let page = page.clone();
            let new = self.insert(&[page.item(slot)]);
            return Some((Ref::new(from, slot), new));
        }
    }

    /// Free up to so many pages of an arena that nobody will look at again. True when it is empty.
    pub fn free_some(&mut self, pages: usize) -> bool {
        for _ in 0..pages {
            if let Some(page) = self.pages.pop() {
                self.page_bytes -= page.memory_bytes();
            }
        }
        if self.pages.is_empty() {
            *self = Arena::default();
        }
        self.pages.is_empty()
    }

    // ---- pages -----------------------------------------------------------

    /// Change a page and keep the sums true.
    #[inline]
    fn update<R>(&mut self, at: usize, change: impl FnOnce(&mut Page) -> R) -> R {
        let page = &mut self.pages[at];
        self.page_bytes -= page.memory_bytes();
        self.spare_bytes -= page.spare_bytes();
        let result = change(page);
        self.page_bytes += page.memory_bytes();
        self.spare_bytes += page.spare_bytes();
        result
    }

    /// The bytes that a page should grow to: so many that it is full before its slots are used up.
    /// Allocators keep blocks of one size in spans of 64 KiB, which powers of two fill, while ten
    /// pages of 6 KiB leave a sixteenth.
    fn page_bytes_target(&self) -> usize {
        let average = self.item_bytes / self.items.max(1) + SLOT_BYTES;
        let full = average * (SLOTS_MAX - SLOTS_MAX / 16);
        1 << full.clamp(PAGE_BYTES_MIN, PAGE_BYTES_MAX).ilog2()
    }

    /// Find or make a page that takes an item of this size, and fill that one from now on.
    fn make_room(&mut self, size: usize) -> usize {
        let target = self.page_bytes_target();
        if let Some(filling) = self.filling.take() {
            let at = filling as usize;
            if self.update(at, |page| page.widen(size, target)) {
                self.filling = Some(filling);
                return at;
            }
            self.update(at, Page::seal);
            self.settle(at);
        }
        let at = match self.next_roomy(size) {
            Some(at) => at,
            None => {
                // No page weighs much more than an eighth of all.
                let bytes = (self.page_bytes / 8).clamp(PAGE_BYTES_MIN, target);
                let needed = size_class::ceil(size + SLOT_BYTES + ARC_BYTES);
                let class = size_class::floor(bytes).max(needed);
                self.open(class - ARC_BYTES, State::Filling)
            }
        };
        self.filling = Some(at as u32);
        at
    }

    /// The page that has waited longest to be filled again, ready for an item of this size.
    fn next_roomy(&mut self, size: usize) -> Option<usize> {
        while let Some(waiting) = self.roomy.pop_front() {
            let at = waiting as usize;
            let page = self.pages.get(at);
            let Some(page) = page.filter(|page| page.state == State::Roomy) else {
                continue;
            };
            if page.room() < size {
                self.roomy.push_back(waiting);
                return None;
            }
            self.update(at, |page| {
                page.state = State::Filling;
                page.close_holes();
            });
            return Some(at);
        }
        None
    }

    fn open(&mut self, len: usize, state: State) -> usize {
        let page = Page::new(len, state);
        self.page_bytes += page.memory_bytes();
        self.pages_used += 1;
        while let Some(Reverse(vacant)) = self.vacant.pop() {
            let at = vacant as usize;
            let listed = self.pages.get_mut(at);
            if let Some(place) = listed.filter(|page| page.state == State::Vacant) {
                *place = page;
                return at;
            }
        }
        assert!(
            self.pages.len() < PAGES_MAX,
            "an arena of {PAGES_MAX} pages is full"
        );
        if self.pages.is_empty() {
            // Many arenas need no more.
            self.pages.reserve_exact(1);
        }
        self.pages.push(page);
        self.pages.len() - 1
    }

    /// Something was removed from a page: what becomes of it?
    fn settle(&mut self, at: usize) {
        let page = &self.pages[at];
        let (few, state) = (page.items() == 0, page.state);
        match state {
            _ if few => self.close(at),
            State::Filling => {
                let wanted = page.needed_bytes() * 3;
                if wanted < page.memory_bytes() && page.memory_bytes() > PAGE_BYTES_MIN {
                    let bytes = size_class::ceil(wanted / 2).max(PAGE_BYTES_MIN);
                    self.update(at, |page| page.rebuild(bytes - ARC_BYTES));
                }
            }
            State::Full | State::Roomy => self.settle_sealed(at),
            State::Single | State::Leaving | State::Vacant => {}
        }
    }

    fn settle_sealed(&mut self, at: usize) {
        let page = &self.pages[at];
        if page.needed_bytes() * 4 < self.page_bytes_target() {
            self.update(at, |page| page.state = State::Leaving);
            self.leaving.push(at as u32);
        } else if page.state == State::Full && page.room() * 4 > page.memory_bytes() {
            self.update(at, |page| page.state = State::Roomy);
            if self.roomy.len() >= 2 * self.pages.len() {
                let pages = &self.pages;
                let is_roomy = |at: &u32| {
                    let page = pages.get(*at as usize);
                    page.is_some_and(|page| page.state == State::Roomy)
                };
                self.roomy.retain(is_roomy);
            }
            self.roomy.push_back(at as u32);
        }
    }

    fn close(&mut self, at: usize) {
        if self.filling == Some(at as u32) {
            self.filling = None;
        }
        self.update(at, |page| *page = Page::vacant());
        self.pages_used -= 1;
        if self.pages_used == 0 {
            *self = Arena::default();
            return;
        }
        self.vacant.push(Reverse(at as u32));
        while self
            .pages
            .last()
            .is_some_and(|page| page.state == State::Vacant)
        {
            self.pages.pop();
        }
        if self.pages.len() * 4 < self.pages.capacity() {
            self.pages.shrink_to(self.pages.len() * 2);
            let listed = self.pages.len() as u32;
            self.vacant.retain(|Reverse(at)| *at < listed);
            self.vacant.shrink_to_fit();
        }
    }

    /// After a removal: cut one page to size if too much is unused, and see that the list of pages
    /// does not stay long for the sake of the last ones.
    fn give_back(&mut self) {
        if self.spare_bytes * 4 > self.page_bytes
            && let Some(waiting) = self.roomy.pop_front()
            && let Some(page) = self.pages.get(waiting as usize)
            && page.state == State::Roomy
        {
            let at = waiting as usize;
            let class = size_class::ceil(page.needed_bytes());
            self.update(at, |page| {
                page.rebuild(class - ARC_BYTES);
                page.state = State::Full;
            });
        }
        if self.pages.len() > PAGES_FEW && self.pages_used * 4 < self.pages.len() {
            let at = self.pages.len() - 1;
            if self.filling == Some(at as u32) {
                self.filling = None;
            }
            if self.pages[at].state != State::Leaving {
                self.update(at, |page| page.state = State::Leaving);
                self.leaving.push(at as u32);
            }
        }
    }

    /// Assert the invariants.
    pub fn check(&self) {
        let used = self.pages.iter().filter(|page| page.state != State::Vacant);
        used.clone().for_each(Page::check);
        let sum = |of: fn(&Page) -> usize| used.clone().map(of).sum::<usize>();
        assert_eq!(self.items, sum(Page::items), "items");
        assert_eq!(self.item_bytes, sum(Page::item_bytes), "bytes of items");
        assert_eq!(self.page_bytes, sum(Page::memory_bytes), "bytes of pages");
        assert_eq!(self.spare_bytes, sum(Page::spare_bytes), "unused bytes");
        assert_eq!(self.pages_used, used.clone().count(), "pages in use");
        for (at, page) in self.pages.iter().enumerate() {
            let at = at as u32;
            let is_filling = self.filling == Some(at);
            assert_eq!(
                page.state == State::Filling,
                is_filling,
                "one page is filled"
            );
            match page.state {
                State::Roomy => assert!(self.roomy.contains(&at), "it waits"),
                State::Leaving => assert!(self.leaving.contains(&at), "it is emptied"),
                State::Vacant => assert!(self.vacant.iter().any(|v| v.0 == at), "it is known"),
                State::Filling | State::Full | State::Single => {}
            }
        }
    }
}
