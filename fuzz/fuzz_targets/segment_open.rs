//! See `bodies/segment_open.rs`.
#![no_main]

#[path = "../bodies/segment_open.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
