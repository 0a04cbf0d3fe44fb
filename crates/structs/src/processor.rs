//! What only the processor's own words can say: two of them.
//!
//! A hint to the memory system. A batch of commands first names every line it will
//! need, then every entry and every member, and only then executes; sixteen cache
//! misses under way at once cost about what one costs alone.
//!
//! Sixteen bytes compared at once: the tags of a bucket.

#![allow(unsafe_code)]

/// Ask for the cache line at `address`. Any address will do: a prefetch never
/// faults and never changes what a program computes.
#[inline(always)]
pub fn prefetch(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: prefetching is a hint; invalid addresses are ignored.
    unsafe {
        core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// Which of sixteen bytes, from the lowest up, agree with one in the bits of the mask.
#[inline(always)]
pub(crate) fn agreeing(bytes: u128, byte: u8, mask: u8) -> u32 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every processor of this architecture has SSE2.
    unsafe {
        use core::arch::x86_64::*;
        let bytes = _mm_set_epi64x((bytes >> 64) as i64, bytes as i64);
        let masked = _mm_and_si128(bytes, _mm_set1_epi8(mask as i8));
        let equal = _mm_cmpeq_epi8(masked, _mm_set1_epi8((byte & mask) as i8));
        _mm_movemask_epi8(equal) as u32
    }
    #[cfg(not(target_arch = "x86_64"))]
    agreeing_one_by_one(bytes, byte, mask)
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn agreeing_one_by_one(bytes: u128, byte: u8, mask: u8) -> u32 {
    let each = bytes.to_le_bytes().into_iter().enumerate();
    each.fold(0, |agreeing, (at, other)| {
        agreeing | u32::from((other ^ byte) & mask == 0) << at
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_at_once_agree_as_one_by_one() {
        let mut rng = crate::testing::rng();
        for _ in 0..100_000 {
            // Few different bytes, so that some agree.
            let mut word = || rng.next_u64() & 0x8103_8103_8103_8103;
            let bytes = u128::from(word()) << 64 | u128::from(word());
            let (byte, mask) = (word() as u8, (0xff << (word() % 9)) as u8);
            let agree = agreeing(bytes, byte, mask);
            assert_eq!(agree, agreeing_one_by_one(bytes, byte, mask));
        }
    }
}
