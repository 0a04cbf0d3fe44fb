//! Sizes that an allocator does not round up: four to each doubling.
//!
//! ```text
//!   64  80  96 112  128 160 192 224  256 320 384 448  512 640 768 896  1024 1280 ...
//! ```
//!
//! Allocators keep blocks in about these sizes, so memory asked for in between is paid for and not
//! used. What grows here grows from one of them to the next, and so wastes an eighth at most times.

/// The two counts in front of what an `Arc` holds.
pub(crate) const ARC_BYTES: usize = 2 * size_of::<usize>();

/// The smallest class.
const BYTES_MIN: usize = 64;

/// The least class that holds so many bytes.
pub(crate) fn ceil(bytes: usize) -> usize {
    if bytes <= BYTES_MIN {
        return BYTES_MIN;
    }
    let last = bytes - 1;
    let shift = last.ilog2() - 2;
    ((last >> shift) + 1) << shift
}

/// The greatest class that is no more than so many bytes, or the least of all.
pub(crate) fn floor(bytes: usize) -> usize {
    if bytes <= BYTES_MIN {
        return BYTES_MIN;
    }
    let shift = bytes.ilog2() - 2;
    bytes >> shift << shift
}

/// How many values of a size a vector should have room for, to hold `len` of them.
pub(crate) fn capacity<T>(len: usize) -> usize {
    ceil(len * size_of::<T>()) / size_of::<T>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_hold_what_they_are_for() {
        let mut classes = Vec::new();
        for bytes in 1..10_000 {
            let class = ceil(bytes);
            assert!(class >= bytes && (bytes <= 64 || class * 4 <= bytes * 5));
            assert_eq!((ceil(class), floor(class)), (class, class));
            assert!(floor(bytes) <= bytes.max(64) && ceil(floor(bytes) + 1) > bytes.min(class - 1));
            classes.push(class);
        }
        classes.dedup();
        assert_eq!(classes[..9], [64, 80, 96, 112, 128, 160, 192, 224, 256]);
        assert_eq!(capacity::<u32>(17), 20);
    }
}
