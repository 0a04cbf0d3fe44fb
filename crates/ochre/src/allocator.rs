//! The program's allocator: mimalloc.
//!
//! Small values of many sizes, from many threads: mimalloc needs only a C compiler to build. Its
//! blocks come in four sizes to each doubling, and what is kept in large numbers is made as large as
//! one of those.
//!
//! So a size must not be added to. Asked for an alignment, mimalloc asks itself for a block that is
//! larger by that, less one; and what was exactly as large as one of its sizes gets the next. But
//! every block lies at a multiple of 16, and one whose size is a multiple of 64 at a multiple of
//! that, if nothing lies in front of the first. Therefore a block is taken as it comes, and only if
//! it does not lie well, again with its alignment.
//!
//! Only the executable chooses an allocator; the library lives with its program's.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout};
use std::ffi::c_void;

use libmimalloc_sys as mi;
use server::Allocator;

#[global_allocator]
static GLOBAL: MiMalloc = MiMalloc;

pub(crate) const ALLOCATOR: Allocator = Allocator {
    name: "mimalloc",
    give_back,
};

/// mimalloc gives pages back when they have been free for a while and somebody
/// allocates; an idle server would keep them for ever.
fn give_back() {
    // SAFETY: may be called by any thread at any time.
    unsafe { mi::mi_collect(true) };
}

/// The alignment of every block.
const ALIGN_ALWAYS: usize = 16;
/// The greatest alignment that blocks are likely to have.
const ALIGN_LIKELY: usize = 64;

struct MiMalloc;

// SAFETY: each block is from mimalloc, holds the bytes of the layout and lies as it says: that is
// looked at, or mimalloc was told. Any block goes back by `mi_free`, however it was asked for.
unsafe impl GlobalAlloc for MiMalloc {
    // SAFETY: see above.
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (bytes, align) = (layout.size(), layout.align());
        if align <= ALIGN_LIKELY {
            // SAFETY: a size is all that it asks for.
            let block = unsafe { mi::mi_malloc(bytes) };
            if lies_well(block, align) {
                return block.cast();
            }
            // SAFETY: it was allocated above, and nobody knows it.
            unsafe { mi::mi_free(block) };
        }
        // SAFETY: the alignment is a power of two.
        unsafe { mi::mi_malloc_aligned(bytes, align).cast() }
    }

    // SAFETY: see above.
    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let (bytes, align) = (layout.size(), layout.align());
        if align <= ALIGN_LIKELY {
            // SAFETY: a size is all that it asks for.
            let block = unsafe { mi::mi_zalloc(bytes) };
            if lies_well(block, align) {
                return block.cast();
            }
            // SAFETY: it was allocated above, and nobody knows it.
            unsafe { mi::mi_free(block) };
        }
        // SAFETY: the alignment is a power of two.
        unsafe { mi::mi_zalloc_aligned(bytes, align).cast() }
    }

    // SAFETY: see above.
    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _layout: Layout) {
        // SAFETY: the caller has it from here.
        unsafe { mi::mi_free(block.cast()) };
    }

    // SAFETY: see above.
    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        let (block, align) = (block.cast::<c_void>(), layout.align());
        // SAFETY: the caller has the block from here, and the alignment is a power of two.
        let block = unsafe {
            if align <= ALIGN_ALWAYS && bytes >= align {
                mi::mi_realloc(block, bytes)
            } else {
                mi::mi_realloc_aligned(block, bytes, align)
            }
        };
        block.cast()
    }
}

/// Does a block lie at a multiple of this? None does as well as any.
#[inline]
fn lies_well(block: *mut c_void, align: usize) -> bool {
    block.addr() & (align - 1) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_lie_as_asked_and_keep_what_they_hold() {
        for align in (0..9).map(|shift| 1usize << shift) {
            for bytes in (1..100).map(|i: usize| i * i) {
                let layout = Layout::from_size_align(bytes, align).unwrap();
                // SAFETY: the layouts are not empty; each block is used for its bytes and freed once.
                unsafe {
                    let block = GLOBAL.alloc(layout);
                    assert!(block.addr().is_multiple_of(align) && !block.is_null());
                    block.write_bytes(7, bytes);
                    let larger = GLOBAL.realloc(block, layout, bytes * 2);
                    assert!(larger.addr().is_multiple_of(align));
                    assert!((0..bytes).all(|at| larger.add(at).read() == 7));
                    let layout = Layout::from_size_align(bytes * 2, align).unwrap();
                    GLOBAL.dealloc(larger, layout);
                    let zeroed = GLOBAL.alloc_zeroed(layout);
                    assert!(zeroed.addr().is_multiple_of(align));
                    assert!((0..bytes * 2).all(|at| zeroed.add(at).read() == 0));
                    GLOBAL.dealloc(zeroed, layout);
                }
            }
        }
    }

    #[test]
    fn a_size_that_mimalloc_keeps_is_not_added_to() {
        for bytes in [256, 320, 896, 1_792, 3_072, 6_144, 7_168] {
            for align in [1, 8, 16, 64] {
                let layout = Layout::from_size_align(bytes, align).unwrap();
                // SAFETY: the layout is not empty, and the block is freed once.
                unsafe {
                    let block = GLOBAL.alloc(layout);
                    assert_eq!(mi::mi_usable_size(block.cast()), bytes, "at {align}");
                    GLOBAL.dealloc(block, layout);
                }
            }
        }
    }
}
