//! Promise: what the fuzz targets demand holds for every input in `fuzz/seeds`, and for inputs
//! close to them. The bodies are the targets' own.

#[path = "../fuzz/bodies/checked.rs"]
mod checked;
#[path = "../fuzz/bodies/codec_times.rs"]
mod codec_times;
#[path = "../fuzz/bodies/codec_values.rs"]
mod codec_values;
#[path = "../fuzz/bodies/ingest_csv.rs"]
mod ingest_csv;
#[path = "../fuzz/bodies/ingest_influx.rs"]
mod ingest_influx;
#[path = "../fuzz/bodies/label_file.rs"]
mod label_file;
#[path = "../fuzz/bodies/records.rs"]
mod records;
#[path = "../fuzz/bodies/segment_open.rs"]
mod segment_open;
#[path = "../fuzz/bodies/selector.rs"]
mod selector;
#[path = "../fuzz/bodies/store_ops.rs"]
mod store_ops;

use std::path::Path;

use crate::support::prng::Prng;
use crate::support::small::files;

type Body = fn(&[u8]);

const TARGETS: [(&str, Body); 9] = [
    ("codec_times", codec_times::run),
    ("codec_values", codec_values::run),
    ("ingest_csv", ingest_csv::run),
    ("ingest_influx", ingest_influx::run),
    ("label_file", label_file::run),
    ("records", records::run),
    ("segment_open", segment_open::run),
    ("selector", selector::run),
    ("store_ops", store_ops::run),
];

/// Changes a few bytes, cuts, or doubles a part.
fn shake(input: &mut Vec<u8>, prng: &mut Prng) {
    for _ in 0..=prng.below(4) {
        let at = prng.below(input.len() as u64 + 1) as usize;
        match prng.below(5) {
            0 => input.truncate(at),
            1 => input.insert(at, prng.next() as u8),
            2 if at < input.len() => drop(input.splice(at..at, input[at..].to_vec())),
            _ if at < input.len() => input[at] = prng.next() as u8,
            _ => {}
        }
        input.truncate(4_096);
    }
}

#[test]
fn every_seed_and_its_neighbours_keep_what_the_targets_demand() {
    let neighbours = if crate::support::slow() { 2_000 } else { 100 };
    let mut prng = Prng(0x5eed);
    for (name, body) in TARGETS {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(name);
        let seeds = files(&seeds);
        assert!(seeds.len() >= 3, "{name} has {} seeds", seeds.len());
        println!("{name}: {} seeds", seeds.len());
        for seed in seeds {
            println!("{}", seed.display());
            let bytes = std::fs::read(&seed).unwrap();
            body(&bytes);
            for number in 0..neighbours {
                let mut input = bytes.clone();
                shake(&mut input, &mut prng);
                let run = || body(&input);
                let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
                assert!(done.is_ok(), "{}, neighbour {number}: {input:?}", seed.display());
            }
        }
    }
}
