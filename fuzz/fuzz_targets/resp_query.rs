//! See `bodies::resp_query`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::resp_query::run(bytes));
