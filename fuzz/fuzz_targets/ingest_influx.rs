//! See `bodies/ingest_influx.rs`.
#![no_main]

#[path = "../bodies/ingest_influx.rs"]
mod body;
#[path = "../bodies/checked.rs"]
mod checked;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
