//! See `bodies::listpack`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::listpack::run(bytes));
