//! See `bodies::config_file`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::config_file::run(bytes));
