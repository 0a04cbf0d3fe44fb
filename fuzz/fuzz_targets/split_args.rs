//! See `bodies::split_args`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::split_args::run(bytes));
