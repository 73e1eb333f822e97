//! See `bodies/store_ops.rs`.
#![no_main]

#[path = "../bodies/store_ops.rs"]
mod body;
#[allow(dead_code)]
#[path = "../support.rs"]
mod support;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
