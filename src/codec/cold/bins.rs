//! Bins: integers as a bin, which is entropy coded, and an offset in it, which is not.
//!
//! In: the integers of a column. Out: at most 256 bins, chosen so that all integers together take
//! the fewest bits: a value that comes often has a bin of its own, a stretch of values that come
//! equally often shares one. Never: a bin over another.

#![warn(clippy::indexing_slicing)]

use super::tans::BitWriter;
use crate::codec::pack::{bits_of, mask};
use crate::codec::sparse::take_byte;
use crate::codec::tag::Model;
use crate::codec::varint;
use crate::error::{Error, Result};
use crate::kernel::bits::load;
use crate::kernel::lanes::Block;
use crate::kernel::simd;
use crate::kernel::symbols::{Meaning, OFFSET_BITS_MAX, STATE_BITS, STATES, State};

/// Stretches of values from which bins are put together.
const ATOMS: usize = 160;
/// Bins, at most: symbols are bytes.
const BINS_MAX: usize = 256;
/// What a bin itself takes in the column's header, in bits, beside the distance to the one before.
const BIN_BITS: f64 = 16.0;
/// What a column may take more to have no offsets, as one part of its bits: without them a block
/// is decoded in one pass less.
const PLAIN_SHARE: f64 = 1.0 / 64.0;

/// One bin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bin {
    low: i64,
    offset_bits: u32,
}

/// The bins of a column, in ascending order, and their weights, which sum to [`STATES`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bins {
    list: Vec<Bin>,
    pub(super) weights: Vec<u16>,
    /// The widest offset.
    widest: u32,
}

/// A stretch of values that is not taken apart: how many there are from `low` to `high`.
#[derive(Debug, Clone, Copy)]
struct Atom {
    low: i64,
    high: i64,
    count: usize,
}

impl Bins {
    /// The best bins for these integers, and the bits that all integers and the bins take with
    /// them. Sorts the integers. None where there are no integers, or not all within 32 bits.
    pub(super) fn choose(integers: &mut [i64]) -> Option<(Self, f64)> {
        integers.sort_unstable();
        let (atoms, cuts, bits) = cut_best(integers);
        let mut bins = Vec::with_capacity(cuts.len());
        let mut counts = Vec::with_capacity(cuts.len());
        let mut start = 0;
        for end in cuts {
            let part = atoms.get(start..end)?;
            let (first, last) = (part.first()?, part.last()?);
            let offset_bits = width(first.low, last.high);
            if offset_bits > OFFSET_BITS_MAX {
                return None;
            }
            bins.push(Bin { low: first.low, offset_bits });
            counts.push(part.iter().map(|atom| atom.count).sum());
            start = end;
        }
        let weights = weights(&counts)?;
        let widest = bins.iter().map(|bin| bin.offset_bits).max()?;
        let reach = atoms.last()?.high.checked_sub(atoms.first()?.low)?;
        u32::try_from(reach).ok()?;
        Some((Self { list: bins, weights, widest }, bits))
    }

    /// Appends the bins.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push((self.list.len() - 1) as u8);
        let mut before = 0_i64;
        for bin in &self.list {
            varint::write_i64(out, bin.low.wrapping_sub(before));
            before = bin.low;
        }
        let mut writer = BitWriter::new(out);
        for (bin, weight) in self.list.iter().zip(&self.weights) {
            writer.push(u64::from(bin.offset_bits), 6);
            // A weight in as many bits as it has, with their number before it.
            let bits = bits_of(u64::from(*weight));
            writer.push(u64::from(bits), 4);
            writer.push(u64::from(*weight), bits - 1);
        }
        writer.finish();
    }

    /// Takes bins off the front of `bytes`.
    pub(super) fn read(bytes: &mut &[u8]) -> Result<Self> {
        let count = usize::from(take_byte(bytes)?) + 1;
        let mut bins = Vec::with_capacity(count);
        let mut low = 0_i64;
        for _ in 0..count {
            low = low.wrapping_add(varint::read_i64(bytes)?);
            bins.push(Bin { low, offset_bits: 0 });
        }
        let mut weights = Vec::with_capacity(count);
        let mut bit = 0_usize;
        let mut next = |width: u32| {
            let word = load(bytes, bit >> 3) >> (bit & 7);
            bit += width as usize;
            word & mask(width)
        };
        for bin in &mut bins {
            bin.offset_bits = next(6) as u32;
            let bits = next(4) as u32;
            if bits == 0 || bits > STATE_BITS + 1 || bin.offset_bits > OFFSET_BITS_MAX {
                return Err(Error::decode("a bin without weight or with too wide an offset"));
            }
            weights.push((next(bits - 1) | 1 << (bits - 1)) as u16);
        }
        let sum: usize = weights.iter().map(|weight| usize::from(*weight)).sum();
        let rest = bytes.get(bit.div_ceil(8)..).filter(|_| sum == STATES);
        *bytes = rest.ok_or_else(|| Error::decode("bins that are cut off or do not add up"))?;
        let widest = bins.iter().map(|bin| bin.offset_bits).max().unwrap_or(0);
        Ok(Self { list: bins, weights, widest })
    }

    /// Splits integers into the symbols of their bins and offsets; `None` where one has no bin.
    /// Appends the offsets to `out`, as `write_offsets` would.
    pub(super) fn symbols(&self, integers: &[i64], symbols: &mut Vec<u8>) -> Option<()> {
        symbols.clear();
        for value in integers {
            let at = self.list.partition_point(|bin| bin.low <= *value).checked_sub(1)?;
            let bin = self.list.get(at)?;
            if width(bin.low, *value) > bin.offset_bits {
                return None;
            }
            symbols.push(at as u8);
        }
        Some(())
    }

    /// Appends the offsets of integers in the bins of `symbols`.
    pub(super) fn write_offsets(&self, integers: &[i64], symbols: &[u8], out: &mut Vec<u8>) {
        let mut writer = BitWriter::new(out);
        for (value, symbol) in integers.iter().zip(symbols) {
            if let Some(bin) = self.list.get(usize::from(*symbol)) {
                writer.push(value.wrapping_sub(bin.low) as u64, bin.offset_bits);
            }
        }
        writer.finish();
    }

    /// What each bin means, modulo 2^32: differences as they are, other integers by how far they
    /// are from the lowest.
    pub(super) fn meanings(&self, model: Model) -> Vec<Meaning> {
        let base = if model == Model::Delta { 0 } else { self.lowest() };
        let meaning = |bin: &Bin| Meaning {
            offset_bits: bin.offset_bits as u8,
            low: bin.low.wrapping_sub(base) as u32,
        };
        self.list.iter().map(meaning).collect()
    }

    /// The lowest integer of the lowest bin.
    pub(super) fn lowest(&self) -> i64 {
        self.list.first().map_or(0, |bin| bin.low)
    }

    /// Puts what is meant into a block of lanes; offsets come from the front of `bytes`.
    pub(super) fn read_offsets(
        &self,
        bytes: &mut &[u8],
        found: &[State],
        block: &mut Block,
    ) -> Result<()> {
        let bits = if self.widest == 0 {
            simd::place_meanings(found, block);
            0
        } else {
            simd::add_offsets(bytes, self.widest, found, block)
        };
        let rest = bytes.get(bits.div_ceil(8)..);
        *bytes = rest.ok_or_else(|| Error::decode("offsets that are cut off"))?;
        Ok(())
    }
}

/// Bits of the offsets from `low` to `high`.
fn width(low: i64, high: i64) -> u32 {
    bits_of(high.wrapping_sub(low) as u64)
}

/// Cuts sorted integers into stretches of `enough` of them; a value that fills one alone is one.
fn atoms(sorted: &[i64], enough: usize) -> Vec<Atom> {
    let mut atoms: Vec<Atom> = Vec::new();
    let mut open = false;
    for run in sorted.chunk_by(|a, b| a == b) {
        let Some(value) = run.first() else { continue };
        let heavy = run.len() >= enough;
        match atoms.last_mut() {
            Some(last) if open && !heavy => {
                last.high = *value;
                last.count += run.len();
                open = last.count < enough;
            }
            _ => {
                atoms.push(Atom { low: *value, high: *value, count: run.len() });
                open = !heavy;
            }
        }
    }
    atoms
}

/// Atoms of sorted integers, where bins end among them, and the bits that this takes: the fewest,
/// or a few more where each value has a bin of its own.
fn cut_best(sorted: &[i64]) -> (Vec<Atom>, Vec<usize>, f64) {
    let shared = atoms(sorted, sorted.len().div_ceil(ATOMS));
    let (cuts, bits) = cut(&shared, sorted.len());
    let single = atoms(sorted, 1);
    if single.len() <= BINS_MAX {
        let mut before = 0;
        let whole = (sorted.len().max(1) as f64).log2();
        let bits_of = |atom: &Atom| {
            let bits = bin_bits(atom.count, (atom.low, atom.high), before, whole);
            before = atom.high;
            bits
        };
        let plain_bits = single.iter().map(bits_of).sum();
        if plain_bits <= bits * (1.0 + PLAIN_SHARE) {
            let cuts = (1..=single.len()).collect();
            return (single, cuts, plain_bits);
        }
    }
    (shared, cuts, bits)
}

/// The bits of `count` values from `low` to `high` that share a bin, and of the bin itself, which
/// comes after the value `before`. `whole` is the binary logarithm of the number of all values.
fn bin_bits(count: usize, (low, high): (i64, i64), before: i64, whole: f64) -> f64 {
    let each = (whole - (count as f64).log2()).min(f64::from(STATE_BITS));
    let distance = varint::len_u64(varint::zigzag(low.wrapping_sub(before)));
    let header = BIN_BITS + 8.0 * distance as f64;
    count as f64 * (each + f64::from(width(low, high))) + header
}

/// Where bins end, as indices of atoms, and the bits that this takes: the shortest way from the
/// first atom to the last.
fn cut(atoms: &[Atom], integers: usize) -> (Vec<usize>, f64) {
    let whole = (integers.max(1) as f64).log2();
    let mut best = vec![(0.0, 0_usize)];
    for (last, end) in atoms.iter().enumerate() {
        let (mut count, mut found) = (0_usize, (f64::INFINITY, last));
        for (first, start) in atoms.iter().enumerate().take(last + 1).rev() {
            count += start.count;
            let before = first.checked_sub(1).and_then(|at| atoms.get(at)).map_or(0, |a| a.high);
            let bits = bin_bits(count, (start.low, end.high), before, whole)
                + best.get(first).map_or(0.0, |(bits, _)| *bits);
            if bits < found.0 {
                found = (bits, first);
            }
        }
        best.push(found);
    }
    let mut cuts = Vec::new();
    let mut at = atoms.len();
    while at > 0 {
        cuts.push(at);
        at = best.get(at).map_or(0, |(_, first)| *first);
    }
    cuts.reverse();
    (cuts, best.last().map_or(0.0, |(bits, _)| *bits))
}

/// Weights in proportion to counts, each 1 at least, that sum to [`STATES`].
fn weights(counts: &[usize]) -> Option<Vec<u16>> {
    let sum: usize = counts.iter().sum();
    if sum == 0 || counts.len() > BINS_MAX {
        return None;
    }
    let share = |count: &usize| ((count * STATES) as f64 / sum as f64).round().max(1.0) as usize;
    let mut weights: Vec<usize> = counts.iter().map(share).collect();
    // Rounding is settled with the largest, to which it matters least.
    loop {
        let total: usize = weights.iter().sum();
        let largest = weights.iter_mut().max()?;
        match total.cmp(&STATES) {
            std::cmp::Ordering::Equal => break,
            std::cmp::Ordering::Less => *largest += STATES - total,
            std::cmp::Ordering::Greater => *largest -= (total - STATES).min(largest.div_ceil(8)),
        }
    }
    Some(weights.into_iter().map(|weight| weight as u16).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::symbols::Siblings;
    use crate::kernel::{Random, lanes};
    use proptest::prelude::*;

    fn round_trip(integers: &[i64]) -> Option<(usize, usize)> {
        let (bins, _) = Bins::choose(&mut integers.to_vec())?;
        let (mut header, mut offsets, mut symbols) = (Vec::new(), Vec::new(), Vec::new());
        bins.write(&mut header);
        let mut rest = header.as_slice();
        assert_eq!(Bins::read(&mut rest).unwrap(), bins);
        assert!(rest.is_empty());
        bins.symbols(integers, &mut symbols).unwrap();
        bins.write_offsets(integers, &symbols, &mut offsets);
        let meanings = bins.meanings(Model::Delta);
        let state = |symbol: &u8| Siblings::new(1, meanings[usize::from(*symbol)]).next();
        let meant: Vec<State> = symbols.iter().map(state).collect();
        // A block has fewer places than some of these lists have integers.
        let meant = &meant[..meant.len().min(1_024)];
        let integers = &integers[..meant.len()];
        let mut offsets = Vec::new();
        bins.write_offsets(integers, &symbols, &mut offsets);
        let mut found = [0; 1_024];
        let mut rest = offsets.as_slice();
        bins.read_offsets(&mut rest, meant, &mut found).unwrap();
        assert!(rest.is_empty());
        let number = |at: usize| found[lanes::place(at)];
        assert!(integers.iter().enumerate().all(|(at, integer)| number(at) == *integer as u32));
        if !offsets.is_empty() {
            let mut short = &offsets[..offsets.len() - 1];
            assert!(bins.read_offsets(&mut short, meant, &mut found).is_err());
        }
        Some((bins.list.len(), bins.widest as usize))
    }

    #[test]
    fn values_that_come_often_have_bins_of_their_own() {
        let few = |count| -> Vec<i64> {
            let mut random = Random::new(8);
            (0..count).map(|_| (2.0 * random.normal()).round() as i64).collect()
        };
        let (bins, widest) = round_trip(&few(1_024)).unwrap();
        assert!((7..=17).contains(&bins) && widest <= 3, "{bins} {widest}");
        // Of many, rare values have a bin each as well: then there are no offsets to be read.
        let (bins, widest) = round_trip(&few(8_640)).unwrap();
        assert!((13..=21).contains(&bins) && widest == 0, "{bins} {widest}");
        let mut random = Random::new(9);
        let even: Vec<i64> = (0..8_000).map(|_| random.below(1 << 20) as i64).collect();
        let (bins, widest) = round_trip(&even).unwrap();
        assert!(bins <= 3 && (18..=20).contains(&widest), "{bins} {widest}");
        let mut spiked = even;
        spiked.iter_mut().step_by(3).for_each(|value| *value = 500_000);
        let (bins, _) = round_trip(&spiked).unwrap();
        assert!((3..=6).contains(&bins), "{bins}");
        assert_eq!(round_trip(&[5; 9]), Some((1, 0)));
        assert_eq!(round_trip(&[]), None);
    }

    #[test]
    fn weights_add_up() {
        for counts in [vec![1], vec![1; 256], vec![100_000, 1, 1], (1..200).collect()] {
            let weights = weights(&counts).unwrap();
            assert_eq!(weights.iter().map(|w| usize::from(*w)).sum::<usize>(), STATES);
            assert!(weights.iter().all(|weight| *weight > 0));
        }
        assert_eq!(weights(&[]), None);
    }

    proptest! {
        #[test]
        fn all_integers_come_back(
            integers in prop::collection::vec(any::<i64>(), 1..300),
            shift in 0_u32..64,
        ) {
            let integers: Vec<i64> = integers.into_iter().map(|value| value >> shift).collect();
            let found = round_trip(&integers);
            prop_assert!(found.is_some() || shift < 33);
        }

        #[test]
        fn damaged_bins_are_refused_or_bins(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(bins) = Bins::read(&mut bytes.as_slice()) {
                let sum: usize = bins.weights.iter().map(|weight| usize::from(*weight)).sum();
                prop_assert_eq!(sum, STATES);
            }
        }
    }
}
