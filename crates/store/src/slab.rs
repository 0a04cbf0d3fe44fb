//! Memory for entries and segments: slabs of 64 KiB, each for one size.
//!
//! ```text
//!   ┌────────┬──────┬──────┬──────┬──────┬─ ─ ─ ─ ─ ─ ─┐   aligned to 64 KiB, so
//!   │ header │ used │ free │ used │ free │  never used │   a slot finds its slab
//!   └────────┴──────┴──┬───┴──────┴──┬───┴─ ─ ─ ─ ─ ─ ─┘   by masking its address
//!              free ───┘─────────────┘      bump
//! ```
//!
//! Sizes go in steps of eight bytes, which a general allocator cannot afford:
//! mimalloc steps by sixteen and by an eighth of a power of two, and a key with
//! a value of 32 bytes then takes 16 bytes more (docs/decisions/0010). A slab
//! belongs to one table, so giving out and taking back a slot is a few plain
//! instructions, and dropping a table frees slabs, not keys.
//!
//! Slots are handed out from the free list first, then from the part that was
//! never used. A slab without used slots becomes a spare one for any size.
//!
//! Segments all grow through the same sizes at about the same time, so free
//! lists would leave the sizes just left half empty: up to five bytes a key.
//! Their slabs have no holes instead. What is released is filled by the last
//! slot of the one slab that has room, and the table is told what moved:
//!
//! ```text
//!   ┌────────┬──────┬──────┬──────┐     ┌────────┬──────┬──────┬ ─ ─ ─┐
//!   │ header │ used │  ▲   │ used │     │ header │ used │ last │      │
//!   └────────┴──────┴──│───┴──────┘     └────────┴──────┴──┬───┴ ─ ─ ─┘
//!                      └───────────────────────────────────┘
//! ```
//!
//! Slabs are cut from regions, the first of 64 KiB, each twice as large as the
//! one before up to 2 MiB: an allocator asked for 64 KiB at a boundary of
//! 64 KiB has to set 128 aside, and where it uses huge pages both become
//! resident. A region of spare slabs only goes back.
//!
//! Invariants: a slab with room is in its class's list, a full one is not;
//! `used` counts; a free slot's first eight bytes point to the next. At most
//! one slab of a segment class has room, and its used slots are the first ones.

#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// Who gives out memory and takes it back.
pub(crate) trait Memory {
    /// Memory for `bytes` bytes, a multiple of eight, aligned to eight.
    fn allocate(&mut self, bytes: usize) -> NonNull<u8>;

    /// Take memory back.
    ///
    /// # Safety
    /// `at` must have come from `allocate` of this very memory with the same
    /// `bytes`, and must not be used again.
    unsafe fn release(&mut self, at: NonNull<u8>, bytes: usize);
}

/// The program's allocator: for entries between two tables.
pub(crate) struct Heap;

impl Memory for Heap {
    fn allocate(&mut self, bytes: usize) -> NonNull<u8> {
        let layout = heap_layout(bytes);
        // SAFETY: the layout is not empty.
        match NonNull::new(unsafe { alloc(layout) }) {
            Some(at) => at,
            None => handle_alloc_error(layout),
        }
    }

    unsafe fn release(&mut self, at: NonNull<u8>, bytes: usize) {
        // SAFETY: by the caller's promise, allocated with this layout.
        unsafe { dealloc(at.as_ptr(), heap_layout(bytes)) };
    }
}

fn heap_layout(bytes: usize) -> Layout {
    debug_assert!(bytes > 0 && bytes.is_multiple_of(8));
    Layout::from_size_align(bytes, 8).expect("far smaller than isize::MAX")
}

/// The memory of one table.
#[derive(Default)]
pub(crate) struct Slabs {
    /// Made with the first allocation: most tables stay empty.
    classes: Vec<Class>,
    regions: Vec<Region>,
    /// Slabs that were used and are not now.
    spare: Vec<NonNull<Slab>>,
    /// Bytes in slots given out.
    given_bytes: usize,
    /// Bytes that were ever used, headers included: what is resident.
    touched_bytes: usize,
    /// Allocations too large for a slab, now in use.
    large: usize,
}

/// All slabs of one size.
#[derive(Clone, Copy)]
struct Class {
    /// First of the slabs that have room.
    room: Option<NonNull<Slab>>,
}

/// Slabs that came from the program's allocator together.
struct Region {
    at: NonNull<Slab>,
    slabs: u32,
    /// Slabs from here on have never been used.
    fresh: u32,
    /// Slabs that hold something.
    used: u32,
}

#[repr(C, align(64))]
struct Slab {
    next: Option<NonNull<Slab>>,
    previous: Option<NonNull<Slab>>,
    free: Option<NonNull<Free>>,
    /// Position in `Slabs::regions`.
    region: u32,
    slot_bytes: u32,
    used: u32,
    /// Slots from here on have not been used at this size.
    bump: u32,
    capacity: u32,
    /// Bytes from here on have not been used at any size.
    touched: u32,
}

/// What a free slot holds.
struct Free {
    next: Option<NonNull<Free>>,
}

// SAFETY: slabs belong to one table and are reached only through it.
unsafe impl Send for Slabs {}
// SAFETY: shared access reads counters only.
unsafe impl Sync for Slabs {}

const SLAB_BYTES: usize = 64 * 1024;
const REGION_SLABS_MAX: u32 = 32;
const HEADER_BYTES: usize = size_of::<Slab>();
/// Larger entries come from the program's allocator.
const ENTRY_BYTES_MAX: usize = 1024;
const ENTRY_CLASSES: usize = ENTRY_BYTES_MAX / 8 + 1;
/// How many sizes segments may have.
const SEGMENT_CLASSES: usize = 5;

impl Memory for Slabs {
    #[inline]
    fn allocate(&mut self, bytes: usize) -> NonNull<u8> {
        debug_assert!(bytes >= 8 && bytes.is_multiple_of(8));
        if bytes > ENTRY_BYTES_MAX {
            self.large += 1;
            return Heap.allocate(bytes);
        }
        self.take(bytes / 8, bytes)
    }

    #[inline]
    unsafe fn release(&mut self, at: NonNull<u8>, bytes: usize) {
        if bytes > ENTRY_BYTES_MAX {
            self.large -= 1;
            // SAFETY: by the caller's promise, from the heap in `allocate`.
            unsafe { Heap.release(at, bytes) };
        } else {
            // SAFETY: by the caller's promise, from `take` of this class.
            unsafe { self.give_back(bytes / 8, at) };
        }
    }
}

impl Slabs {
    /// Memory for a segment of the `step`th size, aligned to 64 bytes.
    pub(crate) fn allocate_segment(&mut self, step: usize, bytes: usize) -> NonNull<u8> {
        debug_assert!(step < SEGMENT_CLASSES && bytes.is_multiple_of(64));
        self.take(ENTRY_CLASSES + step, bytes)
    }

    /// Take a segment's memory back, and move another segment of its size there
    /// if that keeps the slabs dense. Returns whether one was moved: it now lies
    /// at `at`, and whoever refers to it must be told.
    ///
    /// # Safety
    /// As [`Memory::release`], for what `allocate_segment` gave out.
    pub(crate) unsafe fn release_segment(&mut self, step: usize, at: NonNull<u8>) -> bool {
        let class = ENTRY_CLASSES + step;
        let room = self.classes[class].room;
        let slab = room.unwrap_or(slab_of(at));
        // SAFETY: a slab with a used slot is alive, and so is one in a list;
        // nobody else refers to its header. `last` is its last used slot.
        unsafe {
            if room.is_none() {
                self.link(class, slab);
            }
            let header = &mut *slab.as_ptr();
            debug_assert!(header.free.is_none() && header.used == header.bump);
            let bytes = header.slot_bytes as usize;
            header.used -= 1;
            header.bump -= 1;
            self.given_bytes -= bytes;
            let last = slab
                .cast::<u8>()
                .add(HEADER_BYTES + header.bump as usize * bytes);
            let moves = last != at;
            if moves {
                at.copy_from_nonoverlapping(last, bytes);
            }
            if header.used == 0 {
                self.unlink(class, slab);
                self.retire(slab);
            }
            moves
        }
    }

    /// Are there allocations that dropping the slabs would not free?
    pub(crate) fn has_large(&self) -> bool {
        self.large > 0
    }

    /// Bytes held beyond those given out.
    pub(crate) fn overhead_bytes(&self) -> usize {
        self.touched_bytes - self.given_bytes
            + self.regions.capacity() * size_of::<Region>()
            + self.classes.capacity() * size_of::<Class>()
    }

    #[inline]
    fn take(&mut self, class: usize, bytes: usize) -> NonNull<u8> {
        let room = self.classes.get(class).and_then(|class| class.room);
        let at = match room {
            Some(slab) => slab,
            None => self.add_slab(class, bytes),
        };
        // SAFETY: slabs in a class's list are alive, have room, and nobody else
        // refers to their headers while `self` is borrowed mutably.
        unsafe {
            let slab = &mut *at.as_ptr();
            slab.used += 1;
            self.given_bytes += bytes;
            let slot = match slab.free {
                Some(free) => {
                    slab.free = free.as_ref().next;
                    free.cast()
                }
                None => {
                    let offset = HEADER_BYTES + slab.bump as usize * bytes;
                    slab.bump += 1;
                    let end = (offset + bytes) as u32;
                    self.touched_bytes += end.saturating_sub(slab.touched) as usize;
                    slab.touched = slab.touched.max(end);
                    at.cast::<u8>().add(offset)
                }
            };
            if slab.used == slab.capacity {
                self.unlink(class, at);
            }
            slot
        }
    }

    /// # Safety
    /// `slot` must have come from `take` of this class and not be used again.
    #[inline]
    unsafe fn give_back(&mut self, class: usize, slot: NonNull<u8>) {
        let at = slab_of(slot);
        // SAFETY: a slot lies in a slab, whose header is at the 64 KiB boundary
        // below; the slot is free from now on and may hold the list's link.
        unsafe {
            let slab = &mut *at.as_ptr();
            let free = slot.cast::<Free>();
            free.write(Free { next: slab.free });
            slab.free = Some(free);
            self.given_bytes -= slab.slot_bytes as usize;
            if slab.used == slab.capacity {
                self.link(class, at);
            }
            slab.used -= 1;
            if slab.used == 0 {
                self.unlink(class, at);
                self.retire(at);
            }
        }
    }

    #[cold]
    fn add_slab(&mut self, class: usize, slot_bytes: usize) -> NonNull<Slab> {
        if self.classes.is_empty() {
            self.classes = vec![Class { room: None }; ENTRY_CLASSES + SEGMENT_CLASSES];
        }
        let (at, region, touched) = match self.spare.pop() {
            Some(spare) => {
                // SAFETY: a spare slab is alive and keeps its header.
                let header = unsafe { spare.as_ref() };
                (spare, header.region, header.touched)
            }
            None => {
                let (fresh, region) = self.fresh_slab();
                self.touched_bytes += HEADER_BYTES;
                (fresh, region, HEADER_BYTES as u32)
            }
        };
        self.regions[region as usize].used += 1;
        // SAFETY: the slab is alive and nobody uses it.
        unsafe {
            at.write(Slab {
                next: None,
                previous: None,
                free: None,
                region,
                slot_bytes: slot_bytes as u32,
                used: 0,
                bump: 0,
                capacity: ((SLAB_BYTES - HEADER_BYTES) / slot_bytes) as u32,
                touched,
            });
            self.link(class, at);
        }
        at
    }

    /// A slab that was never used, and its region.
    fn fresh_slab(&mut self) -> (NonNull<Slab>, u32) {
        if self
            .regions
            .last()
            .is_none_or(|last| last.fresh == last.slabs)
        {
            let slabs = (1u32 << self.regions.len().min(16)).min(REGION_SLABS_MAX);
            let layout = region_layout(slabs);
            // SAFETY: the layout is not empty.
            let Some(at) = NonNull::new(unsafe { alloc(layout) }) else {
                handle_alloc_error(layout)
            };
            self.regions.push(Region {
                at: at.cast(),
                slabs,
                fresh: 0,
                used: 0,
            });
        }
        let index = self.regions.len() - 1;
        let region = &mut self.regions[index];
        region.fresh += 1;
        (region.slab(region.fresh - 1), index as u32)
    }

    /// A slab holds nothing any more.
    ///
    /// # Safety
    /// No slot of it may be in use, and it must not be in a list.
    unsafe fn retire(&mut self, at: NonNull<Slab>) {
        // SAFETY: the slab is alive.
        let index = unsafe { at.as_ref().region } as usize;
        self.spare.push(at);
        self.regions[index].used -= 1;
        // A few spare slabs are kept, so that memory does not go to and fro.
        let region = &self.regions[index];
        if region.used == 0 && self.spare.len() as u32 > region.fresh + region.slabs / 2 {
            self.drop_region(index);
        }
    }

    fn drop_region(&mut self, index: usize) {
        let region = self.regions.swap_remove(index);
        self.spare.retain(|slab| !region.contains(*slab));
        for slab in (0..region.fresh).map(|slab| region.slab(slab)) {
            // SAFETY: a slab that was used once keeps its header.
            self.touched_bytes -= unsafe { slab.as_ref() }.touched as usize;
        }
        if let Some(moved) = self.regions.get_mut(index) {
            for slab in (0..moved.fresh).map(|slab| moved.slab(slab)) {
                // SAFETY: a slab that was used once keeps its header.
                unsafe { (*slab.as_ptr()).region = index as u32 };
            }
        }
        // SAFETY: allocated with this layout, and none of its slabs is used.
        unsafe { dealloc(region.at.as_ptr().cast(), region_layout(region.slabs)) };
    }

    /// Put a slab in front of those with room.
    ///
    /// # Safety
    /// The slab must be alive and in no list.
    unsafe fn link(&mut self, class: usize, at: NonNull<Slab>) {
        let first = self.classes[class].room.replace(at);
        // SAFETY: listed slabs are alive; each header is borrowed on its own.
        unsafe {
            (*at.as_ptr()).next = first;
            (*at.as_ptr()).previous = None;
            if let Some(first) = first {
                (*first.as_ptr()).previous = Some(at);
            }
        }
    }

    /// # Safety
    /// The slab must be in this class's list.
    unsafe fn unlink(&mut self, class: usize, at: NonNull<Slab>) {
        // SAFETY: listed slabs are alive; each header is borrowed on its own.
        unsafe {
            let (previous, next) = ((*at.as_ptr()).previous.take(), (*at.as_ptr()).next.take());
            match previous {
                Some(previous) => (*previous.as_ptr()).next = next,
                None => self.classes[class].room = next,
            }
            if let Some(next) = next {
                (*next.as_ptr()).previous = previous;
            }
        }
    }
}

impl Drop for Slabs {
    /// Frees the slabs, with whatever is in them.
    fn drop(&mut self) {
        debug_assert!(self.large == 0 || std::thread::panicking());
        for region in self.regions.drain(..) {
            // SAFETY: every region listed is alive, and allocated so.
            unsafe { dealloc(region.at.as_ptr().cast(), region_layout(region.slabs)) };
        }
    }
}

impl Region {
    fn slab(&self, index: u32) -> NonNull<Slab> {
        debug_assert!(index < self.slabs);
        // SAFETY: within the region.
        unsafe { self.at.byte_add(index as usize * SLAB_BYTES) }
    }

    fn contains(&self, slab: NonNull<Slab>) -> bool {
        let start = self.at.as_ptr().addr();
        (start..start + self.slabs as usize * SLAB_BYTES).contains(&slab.as_ptr().addr())
    }
}

fn region_layout(slabs: u32) -> Layout {
    Layout::from_size_align(slabs as usize * SLAB_BYTES, SLAB_BYTES).expect("at most 2 MiB")
}

/// The slab that a slot lies in.
#[inline]
fn slab_of(slot: NonNull<u8>) -> NonNull<Slab> {
    let base = slot
        .as_ptr()
        .map_addr(|address| address & !(SLAB_BYTES - 1));
    NonNull::new(base).expect("no slab at zero").cast()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A slot with a pattern of its own, to notice when two overlap.
    struct Held {
        at: NonNull<u8>,
        bytes: usize,
        mark: u8,
    }

    fn hold(slabs: &mut Slabs, bytes: usize, mark: u8) -> Held {
        let at = slabs.allocate(bytes);
        assert_eq!(at.as_ptr().addr() % 8, 0);
        // SAFETY: just allocated with this size.
        unsafe { at.as_ptr().write_bytes(mark, bytes) };
        Held { at, bytes, mark }
    }

    fn release(slabs: &mut Slabs, held: Held) {
        // SAFETY: allocated by `hold` with this size, and released once.
        unsafe {
            let bytes = std::slice::from_raw_parts(held.at.as_ptr(), held.bytes);
            assert!(bytes.iter().all(|&byte| byte == held.mark), "overwritten");
            slabs.release(held.at, held.bytes);
        }
    }

    #[test]
    fn regions_of_empty_slabs_go_back() {
        let mut slabs = Slabs::default();
        let held: Vec<Held> = (0..200_000)
            .map(|i| hold(&mut slabs, 56, i as u8))
            .collect();
        let full = slabs.overhead_bytes();
        assert!(full < 200_000 * 56 / 50, "{full} bytes of overhead");
        assert!(slabs.regions.len() > 8);
        for slot in held {
            release(&mut slabs, slot);
        }
        assert_eq!(slabs.given_bytes, 0);
        assert_eq!(slabs.regions.iter().map(|r| r.used).sum::<u32>(), 0);
        assert!(slabs.overhead_bytes() < 8 * 1024 * 1024);
    }

    const STEP_BYTES: [usize; SEGMENT_CLASSES] = [2048, 2560, 3072, 3584, 4032];

    fn segment(slabs: &mut Slabs, step: usize, number: u64) -> NonNull<u64> {
        let at = slabs.allocate_segment(step, STEP_BYTES[step]);
        assert_eq!(at.as_ptr().addr() % 64, 0, "segments are whole lines");
        // SAFETY: just allocated, with room for two numbers.
        unsafe {
            let end = at.byte_add(STEP_BYTES[step] - 8).cast();
            end.write(!number);
            at.cast().write(number);
        }
        at.cast()
    }

    proptest! {
        #[test]
        fn no_two_slots_overlap(
            steps in prop::collection::vec((any::<bool>(), 1usize..160, any::<u16>()), 1..2000),
        ) {
            let mut slabs = Slabs::default();
            let mut held: Vec<Held> = Vec::new();
            for (take, eighth, pick) in steps {
                if take || held.is_empty() {
                    held.push(hold(&mut slabs, eighth * 8, pick as u8));
                } else {
                    let index = pick as usize % held.len();
                    release(&mut slabs, held.swap_remove(index));
                }
            }
            for slot in held {
                release(&mut slabs, slot);
            }
            prop_assert!(!slabs.has_large());
        }

        /// Segments are told apart by their numbers, wherever they move.
        #[test]
        fn slabs_of_segments_stay_dense(
            steps in prop::collection::vec((0usize..5, 0u8..3, any::<u16>()), 1..3000),
        ) {
            let mut slabs = Slabs::default();
            let mut held: Vec<(usize, u64, NonNull<u64>)> = Vec::new();
            for (number, (step, action, pick)) in (0u64..).zip(steps) {
                if action > 0 || held.is_empty() {
                    held.push((step, number, segment(&mut slabs, step, number)));
                    continue;
                }
                let (step, _, at) = held.swap_remove(pick as usize % held.len());
                // SAFETY: held once, and released once; moved ones are followed.
                unsafe {
                    if slabs.release_segment(step, at.cast()) {
                        let moved = held.iter_mut().find(|held| held.1 == at.read());
                        let moved = moved.expect("a segment that is held");
                        prop_assert_eq!(moved.0, step);
                        moved.2 = at;
                    }
                }
            }
            let bytes: usize = held.iter().map(|&(step, ..)| STEP_BYTES[step]).sum();
            prop_assert_eq!(slabs.given_bytes, bytes);
            let slabs_used: u32 = slabs.regions.iter().map(|region| region.used).sum();
            prop_assert!(slabs_used as usize <= bytes / (SLAB_BYTES * 31 / 32) + SEGMENT_CLASSES);
            for (step, number, at) in held {
                // SAFETY: held, with room for two numbers.
                let (first, last) =
                    unsafe { (at.read(), at.byte_add(STEP_BYTES[step] - 8).read()) };
                prop_assert_eq!((first, last), (number, !number));
            }
        }
    }
}
