//! See `bodies/label_file.rs`.
#![no_main]

#[path = "../bodies/label_file.rs"]
mod body;
#[expect(dead_code, reason = "shared with the tests, which use more of it")]
#[path = "../support.rs"]
mod support;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
