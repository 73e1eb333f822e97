//! A valid small segment is damaged as the input says, then opened, scanned and verified: every
//! outcome is an error or samples, never a panic. What is read without an error from a segment
//! whose bytes did not change is what was written.
//!
//! Input: patches of 4 bytes each (place as u16, what to do, a byte), applied one after the other.

use std::path::Path;
use std::sync::LazyLock;

use plimsoll::fs::Map;
use plimsoll::store::{Samples, Segment, Store, StoreOptions};
use plimsoll::{Batch, Group, Labels, TimeRange};

const ROWS: i64 = 1_500;

/// The bytes of a segment with three series of two kinds of axes, over more than one block.
static SEGMENT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), StoreOptions::default()).unwrap();
    let series = ["cpu", "disk", "net"]
        .map(|metric| store.series_id(&Labels::new(metric, [("host", "a")]).unwrap()).unwrap());
    let times: Vec<i64> = (0..ROWS).map(|row| row * 1_000_000_000).collect();
    let walk = times.iter().map(|at| (at / 7_000_000_000 % 90) as f64 / 100.0);
    let slope = times.iter().map(|at| 4_096.0 * (at / 3_000_000_000) as f64);
    let values = walk.chain(slope).collect();
    let pair = Group { series: series[..2].to_vec(), times, values };
    let alone = Group { series: series[2..].to_vec(), times: vec![5, 7], values: vec![0.1, -0.0] };
    store.append(&Batch { groups: vec![pair, alone] }).unwrap();
    store.seal().unwrap();
    let mut files = std::fs::read_dir(folder.path().join("segments")).unwrap();
    std::fs::read(files.next().unwrap().unwrap().path()).unwrap()
});

pub(crate) fn run(patches: &[u8]) {
    let mut bytes = SEGMENT.clone();
    for patch in patches.chunks_exact(4) {
        let at = usize::from(u16::from_le_bytes([patch[0], patch[1]])) % bytes.len().max(1);
        match patch[2] % 4 {
            0 if at < bytes.len() => bytes[at] = patch[3],
            1 if at < bytes.len() => bytes[at] ^= 1 << (patch[3] % 8),
            2 => bytes.truncate(at),
            _ => bytes.insert(at, patch[3]),
        }
    }
    let whole = bytes == *SEGMENT;
    let Ok(segment) = Segment::open(Map::owned(bytes), Path::new("fuzzed.seg")) else {
        assert!(!whole, "the undamaged segment opens");
        return;
    };
    let mut samples = Samples::default();
    let mut read = 0;
    let ids: Vec<_> = segment.series().collect();
    for id in ids {
        if segment.scan(id, TimeRange::ALL, &mut samples).is_ok() {
            assert_eq!(samples.times.len(), samples.values.len());
            read += samples.times.len() as u64;
        }
    }
    let verified = segment.verify();
    if whole {
        assert_eq!((verified.ok(), read), (Some(read), 2 * ROWS as u64 + 2));
    }
}
