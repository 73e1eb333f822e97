//! See `bodies/records.rs`.
#![no_main]

#[path = "../bodies/records.rs"]
mod body;
#[expect(dead_code, reason = "shared with the tests, which use more of it")]
#[path = "../support.rs"]
mod support;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
