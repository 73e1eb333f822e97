//! See `bodies/records.rs`.
#![no_main]

#[path = "../bodies/records.rs"]
mod body;
#[allow(dead_code)]
#[path = "../support.rs"]
mod support;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
