//! See `bodies/codec_values.rs`.
#![no_main]

#[path = "../bodies/codec_values.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
