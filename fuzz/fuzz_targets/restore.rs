//! See `bodies::rdb`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::restore::run(bytes));
