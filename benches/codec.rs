//! Encode and decode speed, in values per second, beside the copy of eight bytes a value that is
//! the ceiling; and the sizes that the blocks have.
//!
//! `cargo bench --no-default-features --bench codec`. With `PLIMSOLL_BITBRAINS` naming a folder of
//! Bitbrains CSV files it prints bytes per value for each of their columns first.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a benchmark's output is its result")]

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use plimsoll::codec::{self, ValueCache};

const BLOCK: usize = 1024;
const BLOCKS: usize = 64;

/// `SplitMix64` (Steele, Lea and Flood 2014).
struct Prng(u64);

impl Prng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Nearly standard normal: the sum of twelve uniform numbers (Irwin-Hall).
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

/// Generated columns, each of [`BLOCKS`] blocks.
fn columns() -> Vec<(&'static str, Vec<f64>)> {
    let mut random = Prng(42);
    let count = BLOCK * BLOCKS;
    let mut level = 50.0_f64;
    // The rule of TSBS cpu-only: a walk with normal steps, clamped, of which the whole part counts.
    let walk = (0..count).map(|_| {
        level = (level + random.normal()).clamp(0.0, 100.0);
        level.floor()
    });
    let walk: Vec<f64> = walk.collect();
    let mut noise = |scale: f64| (random.normal() * scale).round() + 10.0 * scale;
    let fifteenths = (0..count).map(|_| noise(40.0) / 15.0).collect();
    let decimals = (0..count).map(|_| noise(500.0) / 100.0).collect();
    let shares = (0..count).map(|_| noise(20.0) / 60.0 * 10_399.997_184 / 100.0).collect();
    let reals = (0..count).map(|_| random.unit()).collect();
    vec![
        ("constant", vec![10_399.997_184; count]),
        ("integer walk", walk),
        ("k over 15", fifteenths),
        ("decimals", decimals),
        ("percent of MHz", shares),
        ("random reals", reals),
    ]
}

/// The blocks of a column, one after another, and where each ends.
fn encode(values: &[f64], cache: &mut ValueCache, out: &mut Vec<u8>, ends: &mut Vec<usize>) {
    out.clear();
    ends.clear();
    for block in values.chunks(BLOCK) {
        codec::encode_values(block, cache, out);
        ends.push(out.len());
    }
}

fn decode(bytes: &[u8], ends: &[usize], values: usize, out: &mut Vec<f64>) {
    out.clear();
    let mut start = 0;
    for (index, &end) in ends.iter().enumerate() {
        let count = (values - index * BLOCK).min(BLOCK);
        codec::decode_values(&bytes[start..end], count, out).expect("own bytes");
        start = end;
    }
}

fn speed(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("codec");
    group.sample_size(20).warm_up_time(Duration::from_millis(300));
    group.measurement_time(Duration::from_secs(1));
    for (name, values) in columns() {
        let (mut cache, mut bytes, mut ends) = (ValueCache::default(), Vec::new(), Vec::new());
        encode(&values, &mut cache, &mut bytes, &mut ends);
        let mut found = Vec::with_capacity(values.len());
        decode(&bytes, &ends, values.len(), &mut found);
        assert!(found.iter().map(|v| v.to_bits()).eq(values.iter().map(|v| v.to_bits())));
        println!("{name}: {:.3} bytes per value", bytes.len() as f64 / values.len() as f64);
        group.throughput(Throughput::Elements(values.len() as u64));
        group.bench_function(format!("encode {name}"), |bencher| {
            let (mut bytes, mut ends) = (Vec::new(), Vec::new());
            bencher.iter(|| encode(black_box(&values), &mut cache, &mut bytes, &mut ends));
        });
        group.bench_function(format!("decode {name}"), |bencher| {
            bencher.iter(|| {
                decode(black_box(&bytes), &ends, values.len(), &mut found);
                black_box(found.len())
            });
        });
    }
    let (_, values) = columns().remove(1);
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let mut found = Vec::with_capacity(values.len());
    group.bench_function("naive copy of eight bytes a value", |bencher| {
        bencher.iter(|| {
            found.clear();
            let words = black_box(&bytes).as_chunks::<8>().0;
            found.extend(words.iter().map(|word| f64::from_le_bytes(*word)));
            black_box(found.len())
        });
    });
    group.finish();
}

const BITBRAINS: [&str; 11] = [
    "time", "cores", "cap_mhz", "cpu_mhz", "cpu_pct", "mem_cap", "mem_kb", "disk_r", "disk_w",
    "net_r", "net_t",
];

/// Prints bytes per value of each column over all files of a folder, one cache a column.
fn sizes(_: &mut Criterion) {
    let Some(folder) = std::env::var_os("PLIMSOLL_BITBRAINS") else { return };
    let mut files: Vec<_> = std::fs::read_dir(Path::new(&folder))
        .expect("the folder of PLIMSOLL_BITBRAINS")
        .map(|entry| entry.expect("a file").path())
        .collect();
    files.sort();
    let mut caches = vec![ValueCache::default(); BITBRAINS.len()];
    let (mut bytes, mut values) = ([0_usize; BITBRAINS.len()], 0);
    for file in &files {
        let text = std::fs::read_to_string(file).expect("a CSV file");
        let mut columns = vec![Vec::new(); BITBRAINS.len()];
        for line in text.lines().skip(1) {
            for (column, field) in columns.iter_mut().zip(line.split(";\t")) {
                column.push(field.trim().parse::<f64>().expect("a number"));
            }
        }
        values += columns[0].len();
        for (which, column) in columns.iter().enumerate() {
            bytes[which] += column_bytes(which, column, &mut caches[which]);
        }
    }
    println!("Bitbrains, {} files, {values} rows, bytes per value:", files.len());
    for (name, bytes) in BITBRAINS.iter().zip(bytes) {
        println!("  {name:8} {:.4}", bytes as f64 / values as f64);
    }
    let values_bytes: usize = bytes.iter().skip(1).sum();
    println!("  mean of the ten metrics {:.4}", values_bytes as f64 / (10 * values) as f64);
}

/// The encoded bytes of a column, verified.
fn column_bytes(which: usize, column: &[f64], cache: &mut ValueCache) -> usize {
    if which > 0 {
        let (mut out, mut ends, mut found) = (Vec::new(), Vec::new(), Vec::new());
        encode(column, cache, &mut out, &mut ends);
        decode(&out, &ends, column.len(), &mut found);
        assert!(found.iter().map(|v| v.to_bits()).eq(column.iter().map(|v| v.to_bits())));
        return out.len();
    }
    let times: Vec<i64> = column.iter().map(|seconds| *seconds as i64 * 1_000_000_000).collect();
    times
        .chunks(BLOCK)
        .map(|block| {
            let (mut out, mut found) = (Vec::new(), Vec::new());
            codec::encode_times(block, &mut out);
            codec::decode_times(&out, block.len(), &mut found).expect("own bytes");
            assert_eq!(found, block);
            out.len()
        })
        .sum()
}

criterion_group!(benches, sizes, speed);
criterion_main!(benches);
