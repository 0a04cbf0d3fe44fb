//! See `bodies::engine_argv`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::engine_argv::run(bytes));
