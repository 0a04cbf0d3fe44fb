//! Freeing large things on a thread that has time.

use std::time::Duration;

use engine::{Freeing, Garbage};

/// So many pages of some KiB are freed between two breaths.
const SLICE_PAGES: usize = 128;
const BREATH: Duration = Duration::from_micros(50);

/// Free something a slice at a time. Pages that go back to the system are taken out
/// of maps that all threads need, and the allocator's lists are everybody's too.
pub fn free_slowly(garbage: Garbage) {
    let mut freeing = Freeing::begin(garbage);
    while !freeing.step(SLICE_PAGES) {
        std::thread::sleep(BREATH);
    }
}
