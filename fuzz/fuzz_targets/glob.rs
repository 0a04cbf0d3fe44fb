//! See `bodies::glob`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::glob::run(bytes));
