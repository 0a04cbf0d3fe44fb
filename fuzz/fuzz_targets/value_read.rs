//! See `bodies::value_read`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::value_read::run(bytes));
