//! Any bytes as a label file whose checksum and name fit: `check` says what is wrong, or nothing
//! is; never a panic, and never more memory than the bytes earn.

use std::path::Path;

use xxhash_rust::xxh3::xxh3_128;

use crate::support::sim::{Machine, ROOT, World};
use crate::support::small::options;

pub(crate) fn run(body: &[u8]) {
    let sum = crc32c::crc32c(body).to_le_bytes();
    let bytes = [b"PLIMLBL\0", &[0; 4][..], &sum, body].concat();
    let name = format!("{:032x}.lbl", xxh3_128(&bytes));
    let machine = Machine::start(World::default());
    let store = machine.open(options()).unwrap();
    machine.put(&Path::new(ROOT).join("labels").join(name), bytes);
    let report = store.check().unwrap();
    assert!(report.files == 1 && report.findings.len() <= 1);
}
