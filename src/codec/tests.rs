//! The codec as a whole: every front end and model, all bit patterns, and every kind of damage.

use super::tag::{FrontTag, Tag};
use super::*;
use crate::kernel::Random;
use crate::model::limits::BLOCK_SAMPLES;
use proptest::prelude::*;

/// Encodes a block and checks that it comes back bit for bit behind what is already there.
fn round_trip(values: &[f64], cache: &mut ValueCache) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_values(values, cache, &mut bytes);
    let mut found = vec![42.0];
    decode_values(&bytes, values.len(), &mut found).unwrap();
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&found[1..]), bits(values));
    assert!(bytes.len() <= 1 + 8 * values.len());
    bytes
}

fn block(count: u64, of: impl Fn(u64) -> f64) -> Vec<f64> {
    (0..count).map(of).collect()
}

/// `SplitMix64` of the index, below `bound`.
fn noise(index: u64, bound: u64) -> f64 {
    let z = (index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) % bound) as f64
}

fn real(index: u64) -> f64 {
    noise(index, 1 << 53) / (1_u64 << 53) as f64
}

/// Blocks of `count` values for every front end, with the tag that each must get.
fn structured(count: u64) -> Vec<(FrontTag, Vec<f64>)> {
    let whole = 10_399.997_184;
    vec![
        (FrontTag::Raw, block(count, |i| f64::from_bits(noise(i, u64::MAX) as u64 ^ i))),
        (FrontTag::Bits, block(count, real)),
        (FrontTag::Bits, block(count, |i| real(i / 50))),
        (FrontTag::Integer, block(count, |i| noise(i, 1000))),
        (FrontTag::Decimal, block(count, |i| noise(i, 100_000) / 1000.0)),
        (FrontTag::Quotient, block(count, |i| noise(i, 1000) / 15.0)),
        (FrontTag::Quotient, block(count, |i| noise(i, 1000) / 60.0)),
        (FrontTag::Quotient, block(count, |i| noise(i, 1000) / 300.0)),
        // Multiples too large for Euclid's algorithm in floats.
        (FrontTag::Quotient, block(count, |i| noise(i, 1 << 40) / 15.0)),
        (FrontTag::Multiple, block(count, |i| noise(i, 1000) * 0.1)),
        (FrontTag::Multiple, block(count, |i| (1000.0 + noise(i, 1000)) * 4096.0)),
        (FrontTag::Share, block(count, |i| noise(i, 3000) / 60.0 * whole / 100.0)),
        (FrontTag::Dictionary, block(count, |i| real(noise(i, 5) as u64))),
    ]
}

#[test]
#[cfg_attr(miri, ignore = "hours in an interpreter; parts of it are run by others")]
fn structure_is_found() {
    for (front, values) in structured(1024) {
        let bytes = round_trip(&values, &mut ValueCache::default());
        let tag = Tag::read(&mut bytes.as_slice()).unwrap();
        assert_eq!(tag.front, front, "{:?}", &values[..4]);
        // The same with a cache that has seen everything else.
        let mut cache = ValueCache::default();
        for (_, other) in structured(1024) {
            round_trip(&other, &mut cache);
        }
        let again = round_trip(&values, &mut cache);
        assert!(again.len() <= bytes.len() + bytes.len() / 4 + 16, "{front:?}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "hours in an interpreter; parts of it are run by others")]
fn strangers_are_corrected_and_touch_no_neighbour() {
    for (front, mut values) in structured(1024) {
        let clean = round_trip(&values, &mut ValueCache::default()).len();
        let payload = f64::from_bits(0x7ff0_0000_0000_0002);
        let strangers = [f64::NAN, payload, -0.0, f64::INFINITY, f64::NEG_INFINITY, 1e300, 5e-324];
        for (stranger, at) in strangers.into_iter().zip([0, 1, 77, 400, 401, 900, 1023]) {
            values[at] = stranger;
        }
        let bytes = round_trip(&values, &mut ValueCache::default());
        assert!(
            bytes.len() <= (clean + 20 * strangers.len() + 16).min(8193),
            "{front:?} {clean} {}",
            bytes.len()
        );
    }
}

#[test]
fn last_digits_cost_a_byte() {
    // Every eighth is off by one in the last place, as a quotient that was summed up is.
    let off = |i: u64, value: f64| if i.is_multiple_of(8) { value.next_up() } else { value };
    let values = block(1024, |i| off(i, (1.0 + noise(i, 1000)) / 15.0));
    let bytes = round_trip(&values, &mut ValueCache::default());
    let tag = Tag::read(&mut bytes.as_slice()).unwrap();
    assert_eq!((tag.front, tag.near, tag.far), (FrontTag::Quotient, true, false));
    assert!(bytes.len() < 1024 * 10 / 8 + 128 + 32, "{}", bytes.len());
}

#[test]
fn an_integer_walk_takes_less_than_half_a_byte() {
    // Steps of the normal distribution's whole parts, as TSBS cpu-only has them.
    let mut level = 50.0_f64;
    let mut values = Vec::new();
    for i in 0..1024 {
        let normal: f64 = (0..12).map(|j| real(i * 12 + j)).sum::<f64>() - 6.0;
        level = (level + normal).clamp(0.0, 100.0);
        values.push(level.floor());
    }
    let bytes = round_trip(&values, &mut ValueCache::default());
    assert!(bytes.len() < 480, "{}", bytes.len());
}

#[test]
#[cfg_attr(miri, ignore = "hours in an interpreter; parts of it are run by others")]
fn lengths_at_the_edges() {
    let mut cache = ValueCache::default();
    for count in [0, 1, 2, 3, 63, 64, 65, 1023, 1024, 1025, 3000] {
        for (_, values) in structured(count) {
            round_trip(&values, &mut cache);
        }
    }
    assert!(decode_values(&[], 1, &mut Vec::new()).is_err());
    assert!(decode_values(&[0], usize::MAX, &mut Vec::new()).is_err());
}

/// Every damaged form gives an error or just the right number of values, and leaves the rest alone.
fn damage<T: Copy + Default>(
    bytes: &[u8],
    count: usize,
    decode: impl Fn(&[u8], usize, &mut Vec<T>) -> Result<()>,
) {
    let mut out = vec![T::default()];
    let mut try_decode = |bytes: &[u8], count: usize| {
        out.truncate(1);
        let decoded = decode(bytes, count, &mut out).is_ok();
        assert_eq!(out.len(), if decoded { 1 + count } else { 1 });
        assert!(out.capacity() <= 4 * BLOCK_SAMPLES);
        decoded
    };
    assert!(try_decode(bytes, count));
    for end in 0..bytes.len() {
        assert!(!try_decode(&bytes[..end], count), "cut at {end}");
    }
    let mut damaged = bytes.to_vec();
    damaged.push(0);
    assert!(!try_decode(&damaged, count), "a byte too many");
    damaged.pop();
    for bit in 0..8 * bytes.len() {
        damaged[bit / 8] ^= 1 << (bit % 8);
        try_decode(&damaged, count);
        damaged[bit / 8] ^= 1 << (bit % 8);
    }
    for wrong in [0, 1, count - 1, count + 1, 1024, 1025, usize::MAX] {
        try_decode(bytes, wrong);
    }
}

#[test]
#[cfg_attr(miri, ignore = "hours in an interpreter; parts of it are run by others")]
fn damage_gives_errors_or_values() {
    for (_, mut values) in structured(60) {
        let bytes = round_trip(&values, &mut ValueCache::default());
        damage(&bytes, values.len(), decode_values);
        for at in [3, 50, 51] {
            values[at] = f64::NAN;
        }
        values[40] = values[40].next_up();
        let bytes = round_trip(&values, &mut ValueCache::default());
        damage(&bytes, values.len(), decode_values);
    }
    // Full blocks, which are in lanes: differences, sums of sums, quotients, with both lists.
    let mut walk = 500.0;
    let walk = (0..1024).map(|i| {
        walk += noise(i, 5) - 2.0;
        walk
    });
    let parabola = block(1024, |i| (i * i) as f64 + noise(i, 3));
    let mut quotients = block(1024, |i| noise(i / 3, 30) / 15.0);
    quotients[7] = f64::NAN;
    quotients[900] = quotients[900].next_up();
    for values in [walk.collect(), parabola, quotients] {
        let bytes = round_trip(&values, &mut ValueCache::default());
        damage(&bytes, values.len(), decode_values);
    }
    for times in [
        (0..100).map(|i| i * 300 + i % 3).collect::<Vec<i64>>(),
        (0..100).map(|i| i * i * i).collect(),
        (0..100).map(|i| noise(i, u64::MAX) as i64).collect(),
    ] {
        let mut bytes = Vec::new();
        encode_times(&times, &mut bytes);
        damage(&bytes, times.len(), decode_times);
    }
}

/// Values of one structure, some replaced by others of any bit pattern.
fn mixed() -> impl Strategy<Value = Vec<f64>> {
    let any_bits = prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        any::<u32>().prop_map(f64::from),
        prop_oneof![
            Just(-0.0),
            Just(f64::NAN),
            Just(f64::INFINITY),
            Just(f64::NEG_INFINITY),
            Just(f64::MAX),
            Just(f64::MIN_POSITIVE),
            Just(9_007_199_254_740_993.0),
            Just(-9.3e18),
        ],
    ];
    let integer = prop_oneof![-20_i64..20, -100_000..100_000_i64, any::<i64>()];
    let scale = prop_oneof![Just(1.0), Just(0.01), Just(4096.0), Just(1.733_332_864), 0.0..10.0];
    let divisor = prop_oneof![Just(1.0), Just(15.0), Just(60.0), Just(1000.0), 1.0..100.0];
    let replaced = prop_oneof![Just(0.0), Just(0.02), Just(0.5), Just(1.0)];
    (1..=1030_usize, scale, divisor, replaced).prop_flat_map(
        move |(count, scale, divisor, replaced)| {
            let value = (integer.clone(), any_bits.clone(), prop::bool::weighted(replaced));
            let value = value.prop_map(
                move |(k, other, replace)| {
                    if replace { other } else { k as f64 / divisor * scale }
                },
            );
            prop::collection::vec(value, count)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 1 } else { 96 }))]

    #[test]
    fn every_bit_pattern_comes_back(blocks in prop::collection::vec(mixed(), 1..4)) {
        let mut cache = ValueCache::default();
        for values in &blocks {
            round_trip(values, &mut cache);
        }
        // Equal values and caches give equal bytes.
        let (mut one, mut other) = (cache.clone(), cache);
        prop_assert_eq!(round_trip(&blocks[0], &mut one), round_trip(&blocks[0], &mut other));
    }

    #[test]
    fn any_bytes_decode_or_fail(
        bytes in prop::collection::vec(any::<u8>(), 0..300), count in 0..2000_usize,
    ) {
        let mut values = Vec::new();
        let decoded = decode_values(&bytes, count, &mut values);
        prop_assert_eq!(values.len(), if decoded.is_ok() { count } else { 0 });
        let mut times = Vec::new();
        let decoded = decode_times(&bytes, count, &mut times);
        prop_assert_eq!(times.len(), if decoded.is_ok() { count } else { 0 });
    }
}

/// A bit pattern of one of several kinds: any; few significant bits; near 1, with a short mantissa;
/// a whole number; a decimal.
fn pattern(kind: u64, random: &mut Random) -> f64 {
    let bits = random.bits();
    let near_one = (bits & (1 << 63)) | ((1_000 + (bits >> 58)) << 52);
    match kind {
        0 => f64::from_bits(bits),
        1 => f64::from_bits(random.bits() >> (bits % 64)),
        2 => f64::from_bits(near_one | (random.bits() >> 12 >> (bits % 52) << (bits % 52))),
        3 => (random.bits() >> (bits % 64)) as f64,
        _ => (random.bits() >> (40 + bits % 24)) as f64 / 10_f64.powi((bits >> 20) as i32 & 15),
    }
}

/// A hundred million with `make test-bits`.
#[test]
#[cfg_attr(miri, ignore = "hours in an interpreter; parts of it are run by others")]
fn random_bit_patterns_come_back_in_both_forms() {
    let slow = std::env::var_os("PLIMSOLL_SLOW").is_some();
    let columns = if slow { 25_000 } else { 25 };
    let mut random = Random::new(17);
    let mut cache = ValueCache::default();
    let (mut values, mut found, mut patterns) = (Vec::new(), Vec::new(), 0);
    for column in 0..columns {
        let kind = column % 6;
        values.clear();
        let mut draw = |_| {
            let kind = if kind == 5 { random.bits() % 5 } else { kind };
            pattern(kind, &mut random)
        };
        values.extend((0..4 * BLOCK_SAMPLES - column as usize % 100).map(&mut draw));
        for encoded in [encode_sealed(&values, &mut cache), encode_cold(&values, &mut cache)] {
            let mut decoder = ColumnDecoder::new(&encoded.header).unwrap();
            found.clear();
            for (at, block) in values.chunks(BLOCK_SAMPLES).enumerate() {
                decoder.decode_block(encoded.block(at), block.len(), &mut found).unwrap();
            }
            let same = values.iter().zip(&found).all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(same && found.len() == values.len(), "column {column}, kind {kind}");
        }
        patterns += values.len();
    }
    println!("{patterns} bit patterns");
}
