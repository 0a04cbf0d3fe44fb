//! See `bodies::log_recovery`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::log_recovery::run(bytes));
