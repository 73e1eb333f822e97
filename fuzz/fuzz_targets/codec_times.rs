//! See `bodies/codec_times.rs`.
#![no_main]

#[path = "../bodies/codec_times.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
