//! A hint to the memory system, and nothing else.
//!
//! A batch of commands first names every line it will need, then every entry,
//! and only then executes; sixteen cache misses under way at once cost about
//! what one costs alone.

#![allow(unsafe_code)]

/// Ask for the cache line at `address`. Any address will do: a prefetch never
/// faults and never changes what a program computes.
#[inline(always)]
pub(crate) fn prefetch(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: prefetching is a hint; invalid addresses are ignored.
    unsafe {
        core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
