//! See `bodies/ingest_csv.rs`.
#![no_main]

#[path = "../bodies/ingest_csv.rs"]
mod body;
#[path = "../bodies/checked.rs"]
mod checked;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
