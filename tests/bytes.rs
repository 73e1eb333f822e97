//! Promise: whatever bytes of a segment are changed, cut off, added or brought from elsewhere, the
//! segment's verification says so, and reading it gives an error or the samples that were written,
//! never others and never a panic.

use std::fs;
use std::ops::Range;
use std::path::Path;

use plimsoll::fs::Map;
use plimsoll::store::{Samples, Segment};
use plimsoll::{Batch, Group, Result, SeriesId, TimeRange};

use crate::support::prng::Prng;
use crate::support::small::{files, labels, open};

/// A segment of each batch, as they are written.
fn sealed(batches: &[&[Group]]) -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for id in 0..4 {
        store.series_id(&labels("m", id)).unwrap();
    }
    for batch in batches {
        store.append(&Batch { groups: batch.to_vec() }).unwrap();
        store.seal().unwrap();
    }
    store.close().unwrap();
    let segments = files(&folder.path().join("segments"));
    segments.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// Four series of `rows` rows each: values by row and series.
fn group(rows: i64, value: impl Fn(i64, i64) -> f64) -> Group {
    let columns = (0..4).flat_map(|series| (0..rows).map(move |row| (row, series)));
    let values = columns.map(|(row, series)| value(row, series)).collect();
    let times = (0..rows).map(|row| row * 1_000_000_000).collect();
    Group { series: (0..4).map(SeriesId).collect(), times, values }
}

fn scans(bytes: &[u8]) -> Result<Vec<Result<Samples>>> {
    let segment = Segment::open(Map::owned(bytes.to_vec()), Path::new("s"))?;
    let scan = |id: u32| {
        let mut found = Samples::default();
        segment.scan(SeriesId(id), TimeRange::ALL, &mut found)?;
        Ok(found)
    };
    Ok((0..4).map(scan).collect())
}

fn truth(bytes: &[u8]) -> Vec<Samples> {
    let found: Vec<Samples> = scans(bytes).unwrap().into_iter().map(Result::unwrap).collect();
    assert_eq!(verify(bytes).unwrap(), found.iter().map(|s| s.len() as u64).sum::<u64>());
    found
}

fn verify(bytes: &[u8]) -> Result<u64> {
    Segment::open(Map::owned(bytes.to_vec()), Path::new("s"))?.verify()
}

/// Reading damaged bytes gives an error or the truth.
fn assert_true(damaged: &[u8], truth: &[Samples], what: impl Fn() -> String) {
    for (series, found) in scans(damaged).into_iter().flatten().enumerate() {
        if let Ok(found) = found {
            assert_eq!(found, truth[series], "{}: series {series}", what());
        }
    }
}

/// And verifying them always an error.
fn assert_seen(damaged: &[u8], truth: &[Samples], what: impl Fn() -> String) {
    assert_true(damaged, truth, &what);
    assert!(verify(damaged).is_err(), "{}: not seen", what());
}

/// Gives each byte of a segment every other value. All are verified; every `read_one_in`-th is read
/// as well.
fn change_every_byte(bytes: &[u8], read_one_in: usize) {
    let truth = truth(bytes);
    let change = |range: Range<usize>| {
        let mut damaged = bytes.to_vec();
        for at in range {
            for value in (0..=u8::MAX).filter(|value| *value != bytes[at]) {
                damaged[at] = value;
                let what = || format!("{value} for {} at byte {at}", bytes[at]);
                assert!(verify(&damaged).is_err(), "{}: not seen", what());
                if (at + usize::from(value)).is_multiple_of(read_one_in) {
                    assert_true(&damaged, &truth, what);
                }
            }
            damaged[at] = bytes[at];
        }
    };
    let half = bytes.len() / 2;
    std::thread::scope(|scope| {
        scope.spawn(|| change(0..half));
        change(half..bytes.len());
    });
}

#[test]
fn no_change_of_any_byte_goes_unseen() {
    let bytes = small_segment();
    println!("{} bytes", bytes.len());
    assert!((3_000..6_000).contains(&bytes.len()), "{} bytes", bytes.len());
    change_every_byte(&bytes, 8);
}

#[test]
fn no_change_of_any_byte_of_large_segments_goes_unseen() {
    if !crate::support::slow() {
        return;
    }
    for (kind, bytes) in ["noise", "decimals", "counters"].into_iter().zip(large_segments()) {
        println!("{kind}: {} bytes", bytes.len());
        assert!((50_000..90_000).contains(&bytes.len()), "{kind}: {} bytes", bytes.len());
        change_every_byte(&bytes, 251);
    }
}

/// Any double, a decimal, and a counter that is sometimes reset.
const KINDS: [fn(i64, i64) -> f64; 3] = [
    |row, series| f64::from_bits(Prng((row * 4 + series) as u64).next() >> 2),
    |row, series| Prng((row * 4 + series) as u64).below(100_000) as f64 / 100.0,
    |row, series| {
        let noise = Prng((row * 4 + series) as u64).below(1 << 14) as i64;
        ((row % 3_000) * (20_000 + series) + noise) as f64
    },
];

/// A segment of about 4 KiB with columns of all kinds, over two time axes.
fn small_segment() -> Vec<u8> {
    let mixed = |row, series| KINDS[series as usize % 3](row, series);
    let (mut long, mut short) = (group(320, mixed), group(20, mixed));
    (long.series, short.series) = (long.series[..3].to_vec(), short.series[3..].to_vec());
    (long.values, short.values) = (long.values[..960].to_vec(), short.values[60..].to_vec());
    sealed(&[&[long, short]]).remove(0)
}

/// A segment of about 64 KiB of each kind.
fn large_segments() -> Vec<Vec<u8>> {
    let of = |kind: usize, rows| vec![group(rows, KINDS[kind])];
    sealed(&[&of(0, 2_000), &of(1, 7_000), &of(2, 8_000)])
}

#[test]
fn a_segment_cut_short_or_extended_is_refused() {
    let mut segments = vec![small_segment()];
    if crate::support::slow() {
        segments.extend(large_segments());
    }
    for bytes in segments {
        for length in 0..bytes.len() {
            assert!(scans(&bytes[..length]).is_err(), "cut to {length} bytes");
        }
        for filler in [0, 0xff] {
            let mut longer = bytes.clone();
            for _ in 0..130 {
                longer.push(filler);
                assert!(scans(&longer).is_err(), "{} bytes for {}", longer.len(), bytes.len());
            }
        }
    }
}

#[test]
fn bytes_moved_inside_a_segment_or_from_another_are_seen() {
    // The same samples under another store's id, and in another segment of the same store.
    let value = |row: i64, series: i64| (row * 31 + series * 7) as f64 / 8.0;
    let rows = group(20, value);
    let later =
        Group { times: rows.times.iter().map(|t| t + 20_000_000_000).collect(), ..rows.clone() };
    let own = sealed(&[std::slice::from_ref(&rows), &[later]]);
    let other = sealed(&[&[rows]]).remove(0);
    let bytes = &own[0];
    assert_eq!(bytes.len(), other.len(), "the same samples under another store id");
    let truth = truth(bytes);
    // Runs of 64-byte units, so that whole regions are among them, checksum and all.
    let units = bytes.len() / 64;
    for source in [bytes, &own[1], &other] {
        let last = units.min(source.len() / 64);
        for length in 1..=6 {
            for from in 0..=last - length {
                for to in 0..=units - length {
                    let mut damaged = bytes.clone();
                    damaged[to * 64..][..length * 64]
                        .copy_from_slice(&source[from * 64..][..length * 64]);
                    if damaged != *bytes {
                        assert_seen(&damaged, &truth, || format!("{length} units, {from} to {to}"));
                    }
                }
            }
        }
    }
}
