//! See `bodies::zset`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::zset::run(bytes));
