//! See `bodies/label_file.rs`.
#![no_main]

#[path = "../bodies/label_file.rs"]
mod body;
#[allow(dead_code)]
#[path = "../support.rs"]
mod support;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
