//! The program's allocator: mimalloc.
//!
//! Small values of many sizes, from many threads: mimalloc keeps classes of
//! eight bytes and needs only a C compiler to build. Only the executable
//! chooses; the library lives with its program's allocator.

#![allow(unsafe_code)]

use server::Allocator;

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub(crate) const ALLOCATOR: Allocator = Allocator {
    name: "mimalloc",
    give_back,
};

/// mimalloc gives pages back when they have been free for a while and somebody
/// allocates; an idle server would keep them for ever.
fn give_back() {
    // SAFETY: may be called by any thread at any time.
    unsafe { libmimalloc_sys::mi_collect(true) };
}
