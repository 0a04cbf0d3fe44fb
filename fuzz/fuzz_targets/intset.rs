//! See `bodies::intset`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::intset::run(bytes));
