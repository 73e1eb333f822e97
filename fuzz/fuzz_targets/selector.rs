//! See `bodies/selector.rs`.
#![no_main]

#[path = "../bodies/selector.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
