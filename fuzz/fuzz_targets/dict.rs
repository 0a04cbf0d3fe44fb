//! See `bodies::dict`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::dict::run(bytes));
