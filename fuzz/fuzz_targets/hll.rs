//! See `bodies::hll`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::hll::run(bytes));
