//! See `bodies::deque`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::deque::run(bytes));
