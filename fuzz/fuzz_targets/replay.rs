//! See `bodies::replay`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::replay::run(bytes));
