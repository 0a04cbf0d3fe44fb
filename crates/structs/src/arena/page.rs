//! A page of the arena: items from the front, their slots from the back.
//!
//! ```text
//!   slot, 16 bits   │ 0 │ where the item begins │      or      │ 1 │ the next free slot │
//! ```
//!
//! Free slots are chained, so that an item gets the one that was freed last. Whatever changes the
//! size of a page or closes its holes builds a new one, which a page held by others needs anyway.

use std::sync::Arc;

use crate::processor::prefetch;
use crate::size_class::{self, ARC_BYTES};

pub(super) const SLOTS_MAX: usize = 256;
pub(super) const SLOT_BYTES: usize = 2;

const FREE: u16 = 0x8000;
/// The end of the chain of free slots.
const NONE: u16 = FREE - 1;

/// An item that is not short reaches so far.
const ITEM_BYTES_LIKELY: usize = 32;

/// What a page is there for at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// A number without a page.
    Vacant,
    /// It takes new items.
    Filling,
    /// It has no room worth a thought.
    Full,
    /// It waits to be filled again.
    Roomy,
    /// Its items are to move elsewhere.
    Leaving,
    /// It holds one large item.
    Single,
}

#[derive(Clone)]
pub(super) struct Page {
    bytes: Arc<[u8]>,
    /// Items lie before this.
    end: u32,
    /// Bytes of the items that are there.
    live: u32,
    slots: u16,
    items: u16,
    /// The first free slot.
    free: u16,
    pub(super) state: State,
}

/// What an item takes in a page, its slot aside.
pub(super) fn size(parts: &[&[u8]]) -> usize {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    assert!(len < u32::MAX as usize / 2, "no item is so large");
    length_bytes(len) + len
}

/// How many bytes a length takes, seven bits in each.
fn length_bytes(len: usize) -> usize {
    (len.max(1).ilog2() as usize) / 7 + 1
}

impl Page {
    /// An empty page with so many bytes for items and slots.
    pub(super) fn new(len: usize, state: State) -> Page {
        Page::of(std::iter::repeat_n(0, len).collect(), state)
    }

    fn of(bytes: Arc<[u8]>, state: State) -> Page {
        Page {
            bytes,
            end: 0,
            live: 0,
            slots: 0,
            items: 0,
            free: NONE,
            state,
        }
    }

    pub(super) fn vacant() -> Page {
        Page::of(Arc::default(), State::Vacant)
    }

    pub(super) fn items(&self) -> usize {
        self.items as usize
    }

    pub(super) fn item_bytes(&self) -> usize {
        self.live as usize
    }

    pub(super) fn memory_bytes(&self) -> usize {
        match self.state {
            State::Vacant => 0,
            _ => self.bytes.len() + ARC_BYTES,
        }
    }

    /// What it would take if it were cut to size.
    pub(super) fn needed_bytes(&self) -> usize {
        self.live as usize + SLOT_BYTES * self.slots as usize + ARC_BYTES
    }

    fn unused(&self) -> usize {
        self.bytes.len() - self.live as usize - SLOT_BYTES * self.slots as usize
    }

    /// Unused bytes of a page that nobody is about to fill.
    pub(super) fn spare_bytes(&self) -> usize {
        match self.state {
            State::Full | State::Roomy | State::Leaving => self.unused(),
            State::Vacant | State::Filling | State::Single => 0,
        }
    }

    /// The size of an item that there is room for, once the holes are closed.
    pub(super) fn room(&self) -> usize {
        self.room_of(self.unused())
    }

    /// How much of so many bytes is left to an item beside its slot.
    #[inline]
    fn room_of(&self, bytes: usize) -> usize {
        if self.free != NONE {
            bytes
        } else if self.slots as usize == SLOTS_MAX {
            0
        } else {
            bytes.saturating_sub(SLOT_BYTES)
        }
    }

    /// Is there room for an item as the page is?
    #[inline]
    pub(super) fn takes(&self, size: usize) -> bool {
        self.room_of(self.bytes.len() - SLOT_BYTES * self.slots as usize - self.end as usize)
            >= size
    }

    // ---- items -----------------------------------------------------------

    #[inline]
    fn slot_at(&self, slot: usize) -> usize {
        self.bytes.len() - SLOT_BYTES * (slot + 1)
    }

    #[inline]
    fn slot(&self, slot: usize) -> u16 {
        let at = self.slot_at(slot);
        let value = self.bytes[at..].first_chunk();
        u16::from_le_bytes(*value.expect("a slot is whole"))
    }

    fn set_slot(&mut self, slot: usize, value: u16) {
        let at = self.slot_at(slot);
        self.bytes_mut()[at..at + SLOT_BYTES].copy_from_slice(&value.to_le_bytes());
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        Arc::make_mut(&mut self.bytes)
    }

    /// Where the bytes of an item begin and end.
    #[inline]
    fn bounds(&self, slot: usize) -> (usize, usize) {
        let at = self.slot(slot) as usize;
        debug_assert!(at < FREE as usize, "the slot is in use");
        let len = self.bytes[at] as usize;
        if len < 0x80 {
            return (at + 1, at + 1 + len);
        }
        self.long_bounds(at)
    }

    /// The same of an item whose length takes several bytes.
    fn long_bounds(&self, mut at: usize) -> (usize, usize) {
        let (mut len, mut shift) = (0, 0);
        loop {
            let byte = self.bytes[at];
            len |= ((byte & 0x7f) as usize) << shift;
            (at, shift) = (at + 1, shift + 7);
            if byte < 0x80 {
                return (at, at + len);
            }
        }
    }

    /// Ask for the line that says where an item begins.
    #[inline]
    pub(super) fn prefetch_slot(&self, slot: usize) {
        prefetch(&raw const self.bytes[self.slot_at(slot)]);
    }

    /// Ask for an item, or for the beginning of a longer one.
    #[inline]
    pub(super) fn prefetch_item(&self, slot: usize) {
        let start = &raw const self.bytes[self.slot(slot) as usize];
        prefetch(start);
        prefetch(start.wrapping_add(ITEM_BYTES_LIKELY));
    }

    #[inline]
    pub(super) fn item(&self, slot: usize) -> &[u8] {
        let (start, end) = self.bounds(slot);
        &self.bytes[start..end]
    }

    #[inline]
    pub(super) fn item_mut(&mut self, slot: usize) -> &mut [u8] {
        let (start, end) = self.bounds(slot);
        &mut self.bytes_mut()[start..end]
    }

    /// The slot of an item, if there is any.
    pub(super) fn first_item(&self) -> Option<usize> {
        (0..self.slots as usize).find(|slot| self.slot(*slot) < FREE)
    }

    /// Add an item of this size, for which there is room; return its slot.
    pub(super) fn append(&mut self, parts: &[&[u8]], size: usize) -> usize {
        debug_assert!(self.takes(size));
        let slot = match self.free {
            NONE => {
                self.slots += 1;
                self.slots as usize - 1
            }
            free => {
                self.free = self.slot(free as usize) & !FREE;
                free as usize
            }
        };
        self.items += 1;
        self.write(slot, parts, size);
        slot
    }

    /// Write an item behind the others.
    fn write(&mut self, slot: usize, parts: &[&[u8]], size: usize) {
        let (slot_at, start) = (self.slot_at(slot), self.end);
        let bytes = Arc::make_mut(&mut self.bytes);
        put(&mut bytes[start as usize..start as usize + size], parts);
        bytes[slot_at..slot_at + SLOT_BYTES].copy_from_slice(&(start as u16).to_le_bytes());
        self.end += size as u32;
        self.live += size as u32;
    }

    fn item_size(&self, slot: usize) -> usize {
        self.bounds(slot).1 - self.slot(slot) as usize
    }

    /// Remove an item and return what it took.
    pub(super) fn remove(&mut self, slot: usize) -> usize {
        let size = self.item_size(slot);
        self.items -= 1;
        self.live -= size as u32;
        // Nobody looks at the slots of a page without items.
        if self.items > 0 {
            self.set_slot(slot, FREE | self.free);
            self.free = slot as u16;
        }
        size
    }

    /// Put other bytes in the place of an item, if there is room, and return what the old ones took.
    pub(super) fn replace(&mut self, slot: usize, parts: &[&[u8]]) -> Option<usize> {
        let (new, old) = (size(parts), self.item_size(slot));
        if new <= old {
            let start = self.slot(slot) as usize;
            put(&mut self.bytes_mut()[start..start + new], parts);
            self.live = self.live - old as u32 + new as u32;
            return Some(old);
        }
        if self.unused() + old < new {
            return None;
        }
        self.live -= old as u32;
        let gap = self.bytes.len() - SLOT_BYTES * self.slots as usize - self.end as usize;
        if gap < new {
            self.copy_items(self.bytes.len(), Some(slot));
        }
        self.write(slot, parts, new);
        Some(old)
    }

    // ---- the whole page --------------------------------------------------

    /// Close the holes or grow, so that an item of this size finds room. False if the page is as
    /// large as it should be, and its holes are not worth it.
    pub(super) fn widen(&mut self, size: usize, bytes_target: usize) -> bool {
        let room = self.room();
        if room >= size && room * 8 >= self.bytes.len() {
            self.close_holes();
            return true;
        }
        let can_grow = self.free != NONE || (self.slots as usize) < SLOTS_MAX;
        let needed = size_class::ceil(self.needed_bytes() + SLOT_BYTES + size);
        let class = size_class::ceil(self.memory_bytes() + 1).max(needed);
        if can_grow && class <= bytes_target {
            self.rebuild(class - ARC_BYTES);
            return true;
        }
        false
    }

    /// The page is not filled any more.
    pub(super) fn seal(&mut self) {
        let class = size_class::ceil(self.needed_bytes());
        if class < self.memory_bytes() && self.room() * 4 <= self.memory_bytes() {
            self.rebuild(class - ARC_BYTES);
        }
        self.state = State::Full;
    }

    pub(super) fn close_holes(&mut self) {
        self.rebuild(self.bytes.len());
    }

    /// The same items under the same slots in a page of another size, and no holes.
    pub(super) fn rebuild(&mut self, len: usize) {
        self.copy_items(len, None);
        while self.slots > 0 && self.slot(self.slots as usize - 1) >= FREE {
            self.slots -= 1;
        }
        self.free = NONE;
        for slot in (0..self.slots).rev() {
            if self.slot(slot as usize) >= FREE {
                self.set_slot(slot as usize, FREE | self.free);
                self.free = slot;
            }
        }
    }

    /// Copy all items but one into new memory of this size, without holes.
    fn copy_items(&mut self, len: usize, but: Option<usize>) {
        let mut new: Arc<[u8]> = std::iter::repeat_n(0, len).collect();
        let bytes = Arc::get_mut(&mut new).expect("nobody else holds it yet");
        let mut end = 0;
        if self.live == self.end {
            end = self.end as usize;
            bytes[..end].copy_from_slice(&self.bytes[..end]);
            let slots = SLOT_BYTES * self.slots as usize;
            bytes[len - slots..].copy_from_slice(&self.bytes[self.bytes.len() - slots..]);
        } else {
            for slot in 0..self.slots as usize {
                let mut value = self.slot(slot);
                if value < FREE && but != Some(slot) {
                    let (start, size) = (value as usize, self.item_size(slot));
                    bytes[end..end + size].copy_from_slice(&self.bytes[start..start + size]);
                    value = end as u16;
                    end += size;
                }
                let at = len - SLOT_BYTES * (slot + 1);
                bytes[at..at + SLOT_BYTES].copy_from_slice(&value.to_le_bytes());
            }
        }
        self.bytes = new;
        self.end = end as u32;
    }

    pub(super) fn check(&self) {
        let used = (0..self.slots as usize).filter(|slot| self.slot(*slot) < FREE);
        let mut bounds: Vec<(usize, usize)> = used
            .map(|slot| (self.slot(slot) as usize, self.bounds(slot).1))
            .collect();
        bounds.sort_unstable();
        assert_eq!(bounds.len(), self.items as usize);
        assert!(self.items > 0, "an empty page is closed");
        let live: usize = bounds.iter().map(|(start, end)| end - start).sum();
        assert_eq!(live, self.live as usize);
        assert!(
            bounds.windows(2).all(|pair| pair[0].1 <= pair[1].0),
            "no overlap"
        );
        assert!(bounds[bounds.len() - 1].1 <= self.end as usize);
        assert!(self.end as usize + SLOT_BYTES * self.slots as usize <= self.bytes.len());
        let mut free = self.free;
        for _ in 0..self.slots - self.items {
            let next = self.slot(free as usize);
            assert!(next >= FREE, "a free slot");
            free = next & !FREE;
        }
        assert_eq!(free, NONE, "every free slot is in the chain");
    }
}

/// Write the length of the parts, and the parts.
fn put(mut to: &mut [u8], parts: &[&[u8]]) {
    let mut len: usize = parts.iter().map(|part| part.len()).sum();
    while len >= 0x80 {
        to = push(to, &[len as u8 | 0x80]);
        len >>= 7;
    }
    to = push(to, &[len as u8]);
    for part in parts {
        to = push(to, part);
    }
    debug_assert!(to.is_empty());
}

#[inline]
fn push<'a>(to: &'a mut [u8], part: &[u8]) -> &'a mut [u8] {
    let (here, rest) = to.split_at_mut(part.len());
    here.copy_from_slice(part);
    rest
}
