//! Blocks of values: the smallest of constant, scaled integers and raw bits.
//!
//! | tag | block | bytes |
//! |---|---|---|
//! | 0 | raw | 8 per value |
//! | 1 | constant | 8 |
//! | 2 | `k` | parts, integers |
//! | 3 | `k / divisor` | divisor (variable length), parts, integers |
//! | 4 | `k * step` | step (8), parts, integers |
//!
//! Parts is a byte that says what follows the integers: 1, differences in units in the last place,
//! as integers; 2, exceptions: how many, then for each the distance to the one before and 8 bytes.

#![warn(clippy::indexing_slicing)]

use super::integers;
use super::scale::{Scale, Scaled, candidates};
use super::varint::{len_u64, read_u64, write_u64};
use crate::error::{Error, Result};
use crate::model::limits::BLOCK_SAMPLES;

/// Tags are on disk: never renumber.
const RAW: u8 = 0;
const CONSTANT: u8 = 1;
const COUNTS: u8 = 2;
const QUOTIENTS: u8 = 3;
const PRODUCTS: u8 = 4;

/// Flags of the parts byte.
const HAS_ULPS: u8 = 1;
const HAS_EXCEPTIONS: u8 = 2;

/// A cached scale is searched anew where it does worse than last time by this share.
const DRIFT: f64 = 1.25;

/// What earlier blocks of a column taught: the scale that fitted. Blocks stand for themselves; the
/// cache only saves the search.
#[derive(Debug, Clone, Default)]
pub struct ValueCache {
    /// The last scale, and the bytes per value that it took.
    scale: Option<(Scale, f64)>,
    scaled: Scaled,
    trial: Scaled,
}

/// A scale that fits a block, and how its integers would be packed.
#[derive(Debug, Clone, Copy)]
struct Plan {
    scale: Scale,
    integers: integers::Packing,
    ulps: Option<integers::Packing>,
    bytes: usize,
}

/// Appends a block of at most 1,024 values, bit for bit.
pub fn encode_values(values: &[f64], cache: &mut ValueCache, out: &mut Vec<u8>) {
    let first = values.first().map_or(0, |first| first.to_bits());
    if values.iter().all(|value| value.to_bits() == first) && !values.is_empty() {
        out.push(CONSTANT);
        out.extend_from_slice(&first.to_le_bytes());
        return;
    }
    match plan(values, cache) {
        Some(plan) if plan.bytes < values.len() * 8 => write_scaled(&plan, &cache.scaled, out),
        _ => {
            out.push(RAW);
            out.extend(values.iter().flat_map(|value| value.to_bits().to_le_bytes()));
        }
    }
}

/// Finds a scale and leaves the scaled column in the cache.
fn plan(values: &[f64], cache: &mut ValueCache) -> Option<Plan> {
    if let Some((scale, bytes_per_value)) = cache.scale
        && cache.scaled.fill(values, scale)
    {
        let plan = estimate(&cache.scaled, scale);
        let expected = bytes_per_value * values.len() as f64 * DRIFT + 16.0;
        if plan.bytes as f64 <= expected {
            return Some(plan);
        }
    }
    let mut best: Option<Plan> = None;
    for scale in candidates(values) {
        if !cache.trial.fill(values, scale) {
            continue;
        }
        let found = estimate(&cache.trial, scale);
        if best.is_none_or(|best| found.bytes < best.bytes) {
            best = Some(found);
            std::mem::swap(&mut cache.scaled, &mut cache.trial);
            // An exact fit by the simplest scale so far: finer ones only make larger integers.
            if !cache.scaled.off && cache.scaled.exceptions.is_empty() {
                break;
            }
        }
    }
    cache.scale = best.map(|plan| (plan.scale, plan.bytes as f64 / values.len() as f64));
    best
}

fn estimate(scaled: &Scaled, scale: Scale) -> Plan {
    let integers = integers::choose(&scaled.integers);
    let ulps = scaled.off.then(|| integers::choose(&scaled.ulps));
    let scale_bytes = match scale {
        Scale::Quotient(divisor) => len_u64(divisor as u64),
        Scale::Product(_) => 8,
    };
    // An exception is its place, its bits, and a share of the count.
    let exceptions = scaled.exceptions.len() * 10;
    let bytes = 2 + scale_bytes + integers.bytes + ulps.map_or(0, |u| u.bytes) + exceptions;
    Plan { scale, integers, ulps, bytes }
}

fn write_scaled(plan: &Plan, scaled: &Scaled, out: &mut Vec<u8>) {
    match plan.scale {
        Scale::Quotient(1.0) => out.push(COUNTS),
        Scale::Quotient(divisor) => {
            out.push(QUOTIENTS);
            write_u64(out, divisor as u64);
        }
        Scale::Product(step) => {
            out.push(PRODUCTS);
            out.extend_from_slice(&step.to_bits().to_le_bytes());
        }
    }
    let exceptions = if scaled.exceptions.is_empty() { 0 } else { HAS_EXCEPTIONS };
    out.push(exceptions | if plan.ulps.is_some() { HAS_ULPS } else { 0 });
    integers::encode(&scaled.integers, plan.integers, out);
    if let Some(packing) = plan.ulps {
        integers::encode(&scaled.ulps, packing, out);
    }
    if exceptions != 0 {
        write_u64(out, scaled.exceptions.len() as u64);
        let mut before = 0;
        for (at, value) in &scaled.exceptions {
            write_u64(out, (at - before) as u64);
            out.extend_from_slice(&value.to_bits().to_le_bytes());
            before = *at;
        }
    }
}

/// Appends the `count` values of a block to `out`; bytes that are no such block, or that are left
/// over, are an error, and `out` may then have some values more.
pub fn decode_values(bytes: &[u8], count: usize, out: &mut Vec<f64>) -> Result<()> {
    if count > BLOCK_SAMPLES {
        return Err(Error::decode(format!("a block of {count} values")));
    }
    let (tag, mut rest) = bytes.split_first().ok_or_else(|| Error::decode("an empty block"))?;
    match *tag {
        RAW => {
            let (values, more) = rest.as_chunks::<8>();
            if values.len() != count || !more.is_empty() {
                let found = rest.len();
                return Err(Error::decode(format!("{found} bytes for {count} raw values")));
            }
            out.extend(values.iter().map(|bytes| f64::from_le_bytes(*bytes)));
            return Ok(());
        }
        CONSTANT => {
            let value = read_f64(&mut rest)?;
            out.resize(out.len() + count, value);
        }
        COUNTS => decode_scaled(&mut rest, Scale::Quotient(1.0), count, out)?,
        QUOTIENTS => {
            let divisor = read_u64(&mut rest)? as f64;
            decode_scaled(&mut rest, Scale::Quotient(divisor), count, out)?;
        }
        PRODUCTS => {
            let step = read_f64(&mut rest)?;
            decode_scaled(&mut rest, Scale::Product(step), count, out)?;
        }
        tag => return Err(Error::decode(format!("a block with the unknown tag {tag}"))),
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err(Error::decode(format!("{} bytes after a block", rest.len())))
    }
}

fn decode_scaled(bytes: &mut &[u8], scale: Scale, count: usize, out: &mut Vec<f64>) -> Result<()> {
    let (parts, rest) =
        bytes.split_first().ok_or_else(|| Error::decode("a block that ends too early"))?;
    if *parts > HAS_ULPS | HAS_EXCEPTIONS {
        return Err(Error::decode(format!("a block with the unknown parts {parts}")));
    }
    *bytes = rest;
    let mut buffer = [0; BLOCK_SAMPLES];
    let numbers = buffer.get_mut(..count).unwrap_or(&mut []);
    integers::decode(bytes, numbers)?;
    let start = out.len();
    scale.values(numbers, out);
    let values = out.get_mut(start..).unwrap_or(&mut []);
    if parts & HAS_ULPS != 0 {
        integers::decode(bytes, numbers)?;
        for (value, ulps) in values.iter_mut().zip(numbers) {
            *value = f64::from_bits(value.to_bits().wrapping_add(*ulps as u64));
        }
    }
    if parts & HAS_EXCEPTIONS != 0 {
        let mut at = 0_u64;
        for _ in 0..read_u64(bytes)? {
            at = at.saturating_add(read_u64(bytes)?);
            let value = read_f64(bytes)?;
            let place = usize::try_from(at).ok().and_then(|at| values.get_mut(at));
            *place.ok_or_else(|| Error::decode(format!("an exception at {at}")))? = value;
        }
    }
    Ok(())
}

fn read_f64(bytes: &mut &[u8]) -> Result<f64> {
    let (value, rest) =
        bytes.split_first_chunk().ok_or_else(|| Error::decode("a number that is cut off"))?;
    *bytes = rest;
    Ok(f64::from_le_bytes(*value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(values: &[f64]) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode_values(values, &mut ValueCache::default(), &mut bytes);
        bytes
    }

    fn bits(values: &[f64]) -> Vec<u64> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    fn decoded(bytes: &[u8], count: usize) -> Result<Vec<f64>> {
        let mut out = Vec::new();
        decode_values(bytes, count, &mut out).map(|()| out)
    }

    /// Columns as exporters write them, and the tag that each should get.
    fn examples() -> Vec<(&'static str, u8, Vec<f64>)> {
        let column = |of: fn(f64) -> f64| {
            (0..1_024).map(|k| of(f64::from(k * 7_919 % 1_013))).collect::<Vec<f64>>()
        };
        let mut outliers = column(|k| k);
        outliers[7] = f64::NAN;
        outliers[70] = -0.0;
        outliers[700] = 1e300;
        vec![
            ("constant", CONSTANT, column(|_| -0.0)),
            ("counts", COUNTS, column(|k| k)),
            ("outliers", COUNTS, outliers),
            ("decimals", QUOTIENTS, column(|k| k / 100.0)),
            ("rates", QUOTIENTS, column(|k| k / 15.0)),
            ("steps", PRODUCTS, column(|k| 5_851.998_9 * (k / 60.0) / 100.0)),
            ("noise", RAW, column(|k| (k + 0.1).sin())),
        ]
    }

    #[test]
    fn each_kind_of_column_gets_its_form_and_comes_back() {
        for (name, tag, values) in examples() {
            let bytes = encoded(&values);
            assert_eq!(bytes[0], tag, "{name}");
            assert_eq!(bits(&decoded(&bytes, 1_024).unwrap()), bits(&values), "{name}");
            let most = [8_300, 10, 1_400, 1_400, 2_000][usize::from(tag)];
            assert!(bytes.len() < most, "{name}: {} bytes", bytes.len());
        }
    }

    #[test]
    fn damage_is_an_error_or_some_values_and_never_a_panic() {
        for (name, _, values) in examples() {
            let bytes = encoded(&values[..200]);
            for cut in 0..bytes.len() {
                assert!(decoded(&bytes[..cut], 200).is_err(), "{name} cut at {cut}");
            }
            assert!(decoded(&[&bytes[..], &[0]].concat(), 200).is_err(), "{name} with more");
            for at in 0..bytes.len() {
                for bit in 0..8 {
                    let mut damaged = bytes.clone();
                    damaged[at] ^= 1 << bit;
                    if let Ok(values) = decoded(&damaged, 200) {
                        assert_eq!(values.len(), 200, "{name} bit {bit} of byte {at}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_cache_from_other_columns_changes_no_value() {
        let mut cache = ValueCache::default();
        for (name, _, values) in examples().iter().chain(&examples()) {
            let mut bytes = Vec::new();
            encode_values(values, &mut cache, &mut bytes);
            assert_eq!(bits(&decoded(&bytes, values.len()).unwrap()), bits(values), "{name}");
        }
    }

    fn any_value() -> impl Strategy<Value = f64> {
        prop_oneof![
            any::<u64>().prop_map(f64::from_bits),
            (-1_000_000_i64..1_000_000).prop_map(|k| k as f64 / 100.0),
            (0_i64..1_000_000).prop_map(|k| k as f64 / 15.0),
            (0_i64..1_000).prop_map(|k| k as f64),
            Just(f64::NAN),
            Just(-0.0),
        ]
    }

    proptest! {
        #[test]
        fn all_bit_patterns_come_back(values in prop::collection::vec(any_value(), 1..300)) {
            let bytes = encoded(&values);
            prop_assert_eq!(bits(&decoded(&bytes, values.len()).unwrap()), bits(&values));
        }

        #[test]
        fn mostly_regular_columns_come_back(
            start in -1e6..1e6_f64, steps in prop::collection::vec(-9_i32..9, 1..600),
            odd in any::<u64>(), divisor in prop::sample::select(vec![1.0, 10.0, 15.0, 60.0, 0.37]),
        ) {
            let mut level = start.round();
            let mut values: Vec<f64> = steps.iter().map(|step| {
                level += f64::from(*step);
                level / divisor
            }).collect();
            let place = values.len() / 2;
            values[place] = f64::from_bits(odd);
            let bytes = encoded(&values);
            prop_assert_eq!(bits(&decoded(&bytes, values.len()).unwrap()), bits(&values));
        }

        #[test]
        fn any_bytes_are_an_error_or_values(bytes in prop::collection::vec(any::<u8>(), 0..400), count in 0_usize..1_100) {
            if let Ok(values) = decoded(&bytes, count) {
                prop_assert_eq!(values.len(), count);
            }
        }
    }
}
