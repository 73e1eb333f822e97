//! Columns of integers: a model that makes them small (none, differences, differences of
//! differences), then patched bit packing.
//!
//! Bytes: model and width in one pair of bytes, the first numbers that the model needs and the
//! least of the rest (variable length), the packed bits, then the patches: how many, and for each
//! the distance to the one before and the bits that did not fit. A patch never touches its
//! neighbours.

#![warn(clippy::indexing_slicing)]

use super::bitpack::{low_bits, pack, packed_bytes, unpack};
use super::varint::{len_u64, read_i64, read_u64, write_i64, write_u64, zigzag};
use crate::error::{Error, Result};
use crate::model::limits::BLOCK_SAMPLES;

/// How often differences are taken before packing: the model's number on disk.
const ORDERS: u8 = 3;

/// How a column of integers would be packed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packing {
    order: u8,
    width: u32,
    /// The least number, which is subtracted from each.
    least: i64,
    /// The size of the result in bytes, patches estimated.
    pub(super) bytes: usize,
}

/// Finds the smallest packing of `integers`; they must not be empty.
pub(super) fn choose(integers: &[i64]) -> Packing {
    let mut differences = integers.to_vec();
    let mut best: Option<Packing> = None;
    let mut heads = 0;
    for order in 0..ORDERS {
        if order > 0 {
            let Some(head) = differences.get(usize::from(order) - 1) else { break };
            heads += len_u64(zigzag(*head));
            differentiate(&mut differences, usize::from(order));
        }
        let rest = differences.get(usize::from(order)..).unwrap_or(&[]);
        let mut packing = choose_width(rest);
        packing.order = order;
        packing.bytes += 3 + heads + len_u64(zigzag(packing.least));
        if best.is_none_or(|best| packing.bytes < best.bytes) {
            best = Some(packing);
        }
    }
    best.unwrap_or(Packing { order: 0, width: 0, least: 0, bytes: 0 })
}

/// Takes the differences of `numbers[from - 1..]` in place; the first of them stays.
fn differentiate(numbers: &mut [i64], from: usize) {
    let mut before = numbers.get(from - 1).copied().unwrap_or(0);
    for number in numbers.iter_mut().skip(from) {
        (*number, before) = (number.wrapping_sub(before), *number);
    }
}

/// The width whose bits and patches together are smallest.
fn choose_width(numbers: &[i64]) -> Packing {
    let least = numbers.iter().copied().min().unwrap_or(0);
    let mut lengths = [0_usize; 65];
    for number in numbers {
        let length = 64 - (number.wrapping_sub(least) as u64).leading_zeros();
        if let Some(count) = lengths.get_mut(length as usize) {
            *count += 1;
        }
    }
    let longest = lengths.iter().rposition(|count| *count > 0).unwrap_or(0);
    let mut best = (0, usize::MAX);
    for width in 0..=longest {
        let longer = lengths.iter().enumerate().skip(width + 1);
        // A patch is a byte for its place and one for every seven bits.
        let patches: usize =
            longer.map(|(length, count)| count * (1 + (length - width).div_ceil(7))).sum();
        let bytes = packed_bytes(numbers.len(), width as u32) + patches;
        if bytes < best.1 {
            best = (width as u32, bytes);
        }
    }
    Packing { order: 0, width: best.0, least, bytes: best.1 }
}

/// Appends `integers`, packed as chosen for them.
pub(super) fn encode(integers: &[i64], packing: Packing, out: &mut Vec<u8>) {
    let Packing { order, width, least, .. } = packing;
    out.extend_from_slice(&[order, width as u8]);
    let mut numbers = integers.to_vec();
    for from in 1..=usize::from(order) {
        write_i64(out, numbers.get(from - 1).copied().unwrap_or(0));
        differentiate(&mut numbers, from);
    }
    write_i64(out, least);
    let rest = numbers.get(usize::from(order)..).unwrap_or(&[]);
    let offsets: Vec<u64> = rest.iter().map(|n| n.wrapping_sub(least) as u64).collect();
    pack(&offsets, width, out);
    let mask = low_bits(width);
    let patches: Vec<(usize, u64)> =
        offsets.iter().copied().enumerate().filter(|(_, offset)| offset & !mask != 0).collect();
    write_u64(out, patches.len() as u64);
    let mut before = 0;
    for (at, offset) in patches {
        write_u64(out, (at - before) as u64);
        write_u64(out, offset.checked_shr(width).unwrap_or(0));
        before = at;
    }
}

/// Takes `out.len()` integers off the front of `bytes`.
pub(super) fn decode(bytes: &mut &[u8], out: &mut [i64]) -> Result<()> {
    let ([order, width], rest) =
        bytes.split_first_chunk().ok_or_else(|| Error::decode("integers that end too early"))?;
    let (order, width) = (usize::from(*order), u32::from(*width));
    if order >= usize::from(ORDERS) || width > 64 || order > out.len() {
        return Err(Error::decode(format!("integers of model {order} and width {width}")));
    }
    *bytes = rest;
    for head in out.iter_mut().take(order) {
        *head = read_i64(bytes)?;
    }
    let least = read_i64(bytes)?;
    let numbers = out.get_mut(order..).unwrap_or(&mut []);
    let (packed, rest) = bytes
        .split_at_checked(packed_bytes(numbers.len(), width))
        .ok_or_else(|| Error::decode("packed integers that end too early"))?;
    *bytes = rest;
    let mut buffer = [0; BLOCK_SAMPLES];
    let offsets = buffer
        .get_mut(..numbers.len())
        .ok_or_else(|| Error::decode(format!("a block of {} integers", numbers.len())))?;
    unpack(packed, width, offsets);
    read_patches(bytes, width, offsets)?;
    for (number, offset) in numbers.iter_mut().zip(offsets) {
        *number = least.wrapping_add(*offset as i64);
    }
    for from in (1..=order).rev() {
        let mut sum = out.get(from - 1).copied().unwrap_or(0);
        for number in out.iter_mut().skip(from) {
            sum = sum.wrapping_add(*number);
            *number = sum;
        }
    }
    Ok(())
}

fn read_patches(bytes: &mut &[u8], width: u32, offsets: &mut [u64]) -> Result<()> {
    let mut at = 0_u64;
    for _ in 0..read_u64(bytes)? {
        at = at.saturating_add(read_u64(bytes)?);
        let high = read_u64(bytes)?;
        let place = usize::try_from(at).ok().and_then(|at| offsets.get_mut(at));
        let place = place.ok_or_else(|| Error::decode(format!("a patch at {at}, past the end")))?;
        *place |= high.checked_shl(width).unwrap_or(0);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(integers: &[i64]) -> (Packing, Vec<u8>) {
        let packing = choose(integers);
        let mut bytes = Vec::new();
        encode(integers, packing, &mut bytes);
        (packing, bytes)
    }

    #[test]
    fn the_model_fits_the_numbers() {
        let line: Vec<i64> = (0..1_024).map(|i| 5 + 3 * i).collect();
        let curve: Vec<i64> = (0..1_024).map(|i| i * i).collect();
        let noise: Vec<i64> = (0..1_024_i64)
            .map(|i| i.wrapping_mul(0x5851_f42d_4c95_7f2d).rotate_left(17) % 97)
            .collect();
        let mut outlier = vec![4; 1_024];
        outlier[500] = i64::MAX;
        for (integers, order, bytes_max) in
            [(line, 1, 8), (curve, 2, 10), (noise, 0, 1_032), (outlier, 0, 20)]
        {
            let (packing, bytes) = encoded(&integers);
            assert_eq!(packing.order, order);
            assert!(bytes.len() <= bytes_max, "{} bytes", bytes.len());
            assert!(packing.bytes.abs_diff(bytes.len()) <= 4, "an estimate is near the truth");
        }
    }

    proptest! {
        #[test]
        fn every_column_comes_back(
            mut integers in prop::collection::vec(any::<i64>(), 1..600),
            shift in 0_u32..64, sum: bool,
        ) {
            integers.iter_mut().for_each(|integer| *integer >>= shift);
            if sum {
                let mut total = 0_i64;
                for integer in &mut integers {
                    total = total.wrapping_add(*integer);
                    *integer = total;
                }
            }
            let (_, mut bytes) = encoded(&integers);
            bytes.push(9);
            let mut rest = bytes.as_slice();
            let mut back = vec![0; integers.len()];
            decode(&mut rest, &mut back).unwrap();
            prop_assert_eq!(back, integers);
            prop_assert_eq!(rest, [9]);
        }
    }
}
