//! A small store whose whole content is known, for tests that damage it or stop it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use plimsoll::kernel::Sketch;
use plimsoll::store::{Bucket, Durability, Samples, Snapshot, Store, StoreOptions};
use plimsoll::{Batch, Group, Labels, Result, Selector, SeriesId, Span, TimeRange};

use super::prng::Prng;

/// Bits of values by series (in words) and instant.
pub(crate) type Content = BTreeMap<(String, i64), u64>;

/// Nothing is merged unless a test asks for it.
pub(crate) fn options() -> StoreOptions {
    StoreOptions {
        durability: Durability::Sync,
        compact_after_seal: false,
        ..StoreOptions::default()
    }
}

pub(crate) fn open(path: &Path) -> Store {
    Store::open(path, options()).unwrap()
}

pub(crate) fn labels(metric: &str, host: u32) -> Labels {
    Labels::new(metric, [("host", format!("h{host}"))]).unwrap()
}

/// A group of two metrics of one host, `rows` from instant `start` on, and what it holds. `salt`
/// is added to every value.
pub(crate) fn group(
    store: &Store,
    host: u32,
    start: i64,
    rows: i64,
    salt: f64,
) -> Result<(Group, Content)> {
    paced_group(store, host, start..start + rows, salt, 1)
}

/// The same, of rows that are `pace` nanoseconds apart.
pub(crate) fn paced_group(
    store: &Store,
    host: u32,
    rows: Range<i64>,
    salt: f64,
    pace: i64,
) -> Result<(Group, Content)> {
    let names = ["cpu", "mem"].map(|metric| labels(metric, host));
    let series = [store.series_id(&names[0])?, store.series_id(&names[1])?];
    let value =
        |column: i64, row: i64| (row * 31 + column * 7 + i64::from(host)) as f64 / 8.0 + salt;
    let columns = (0..2).flat_map(|column| rows.clone().map(move |row| value(column, row)));
    let times = rows.clone().map(|row| row * pace).collect();
    let group = Group { series: series.to_vec(), times, values: columns.collect() };
    let mut content = Content::new();
    for (column, name) in names.iter().enumerate() {
        let column = rows.clone().map(|r| ((name.to_string(), r * pace), value(column as i64, r)));
        content.extend(column.map(|(key, value)| (key, value.to_bits())));
    }
    Ok((group, content))
}

/// Appends one group and returns what it holds.
pub(crate) fn append(store: &Store, host: u32, start: i64, rows: i64) -> Result<Content> {
    let (group, content) = group(store, host, start, rows, 0.0)?;
    store.append(&Batch { groups: vec![group] })?;
    Ok(content)
}

/// All that a store shows.
pub(crate) fn content(store: &Store) -> Result<Content> {
    let snapshot = store.snapshot()?;
    let mut content = Content::new();
    for id in snapshot.select(&Selector::all()) {
        content.extend(series_content(&snapshot, id)?);
    }
    Ok(content)
}

pub(crate) fn series_content(snapshot: &Snapshot, id: SeriesId) -> Result<Content> {
    let mut found = Samples::default();
    snapshot.scan(id, TimeRange::ALL, &mut found)?;
    let name = snapshot.labels(id).unwrap().to_string();
    let samples = found.times.iter().zip(&found.values);
    Ok(samples.map(|(time, value)| ((name.clone(), *time), value.to_bits())).collect())
}

/// Changes a sealed file: sealed files cannot be written, so it is put there anew.
pub(crate) fn replace(path: &Path, bytes: &[u8]) {
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// The files of a folder, sorted by name.
pub(crate) fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// A number that stands for all that a store shows: cheap to compute and to compare.
pub(crate) fn fingerprint(store: &Store) -> Result<u64> {
    let snapshot = store.snapshot()?;
    let mut found = Samples::default();
    let mut sum = 0;
    for id in snapshot.select(&Selector::all()) {
        snapshot.scan(id, TimeRange::ALL, &mut found)?;
        let name = hash_of(&snapshot.labels(id).unwrap().to_string());
        for (time, value) in found.times.iter().zip(&found.values) {
            sum = mixed(sum, name, *time, value.to_bits());
        }
        for tier in snapshot.tiers() {
            let mut buckets = Vec::new();
            snapshot.scan_buckets(id, tier.span, TimeRange::ALL, &mut buckets)?;
            let span = tier.span.nanos() as u64;
            sum = buckets.iter().fold(sum, |sum, bucket| mixed_bucket(sum, name ^ span, bucket));
            snapshot.scan_sketches(id, tier.span, TimeRange::ALL, |start, sketch| {
                sum = mixed_sketch(sum, name ^ span, start, sketch);
            })?;
        }
    }
    Ok(sum)
}

/// The same of what was rolled up, given the samples and, of each tier, its span and from where on
/// it has buckets.
pub(crate) fn rolled_fingerprint_of(rolled: &Content, tiers: &[(i64, i64)]) -> u64 {
    let mut sum = 0;
    for (span, from) in tiers {
        let mut buckets: BTreeMap<(&str, i64), Vec<(i64, f64)>> = BTreeMap::new();
        for ((name, time), bits) in rolled.iter().filter(|((_, time), _)| time >= from) {
            let start = time.div_euclid(*span) * span;
            buckets.entry((name, start)).or_default().push((*time, f64::from_bits(*bits)));
        }
        for ((name, start), samples) in buckets {
            let tier = hash_of(name) ^ *span as u64;
            sum = mixed_bucket(sum, tier, &bucket_of(start, &samples));
            if *span >= Span::DAY.nanos() {
                let values: Vec<f64> = samples.iter().map(|sample| sample.1).collect();
                sum = mixed_sketch(sum, tier, start, &Sketch::of(&values));
            }
        }
    }
    sum
}

/// A bucket straight from its definition.
fn bucket_of(start: i64, samples: &[(i64, f64)]) -> Bucket {
    let values = || samples.iter().map(|sample| sample.1);
    let steps = samples.windows(2).map(|pair| match pair[1].1 - pair[0].1 {
        fall if fall < 0.0 => pair[1].1,
        rise => rise,
    });
    let ((first_time, first), (last_time, last)) = (samples[0], samples[samples.len() - 1]);
    Bucket {
        start,
        count: samples.len() as u64,
        min: values().fold(f64::INFINITY, f64::min),
        max: values().fold(f64::NEG_INFINITY, f64::max),
        sum: values().sum(),
        first,
        first_time,
        last,
        last_time,
        increase: steps.fold(0.0, |sum, step| sum + step),
    }
}

fn mixed_bucket(sum: u64, name: u64, bucket: &Bucket) -> u64 {
    let Bucket { start, count, min, max, sum: total, first, last, increase, .. } = bucket;
    let numbers = [min, max, total, first, last, increase].map(|number| number.to_bits());
    let times = [bucket.first_time as u64, bucket.last_time as u64, *count];
    let fold = |hash: u64, part: &u64| Prng(hash ^ part).next();
    let all = numbers.iter().chain(&times).fold(1, fold);
    mixed(sum, name, *start, all)
}

fn mixed_sketch(sum: u64, name: u64, start: i64, sketch: &Sketch) -> u64 {
    let ends = [sketch.quantile(0.0), sketch.quantile(1.0)].map(f64::to_bits);
    let bins = sketch.bins().iter().flat_map(|bin| [bin.key as u64, bin.count]);
    let all = ends.into_iter().chain(bins).fold(2, |hash: u64, part| Prng(hash ^ part).next());
    mixed(sum, name, start, all)
}

/// The same of a content.
pub(crate) fn fingerprint_of(content: &Content) -> u64 {
    content.iter().fold(0, |sum, ((name, time), bits)| mixed(sum, hash_of(name), *time, *bits))
}

/// Sums what stands for each sample, in any order.
fn mixed(sum: u64, name: u64, time: i64, bits: u64) -> u64 {
    let place = Prng(name ^ (time as u64).rotate_left(32)).next();
    sum.wrapping_add(Prng(place ^ bits).next())
}

/// FNV-1a.
fn hash_of(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

/// Copies a folder; files that a running database removes meanwhile are left out.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    for path in files(from) {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy_folder(&path, &target);
        } else if let Err(why) = std::fs::copy(&path, &target) {
            assert_eq!(why.kind(), std::io::ErrorKind::NotFound, "{}: {why}", path.display());
        }
    }
}
