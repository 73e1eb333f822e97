//! Quantile sketches: how many numbers there are of each magnitude, from which follows every
//! quantile within a relative error, and which add up (`DDSketch`: Masson, Rim and Lee, VLDB 2019).
//!
//! A factor of two has 35 bins of equal ratio `r = 2^(1/35)`, so the number halfway, the harmonic
//! mean of a bin's ends, is within `(r - 1) / (r + 1)`, 0.99%, of all of the bin. Dividing factors
//! of two takes comparisons and multiplications, where the paper takes logarithms: a bin is the
//! same on every machine, and there is 1% more of them than there need be. Nothing is thrown away
//! where there are many, so merging in any order gives the same bits.

use std::cmp::Ordering;

use super::quantile::interpolate;

/// Bins of a factor of two: the fewest that keep the promise.
const PARTS: usize = 35;
/// `2^(1/35)`.
const RATIO: f64 = 1.020_001_609_421_199;
/// Where the bins of `[1, 2)` start, and 2.
const EDGES: [f64; PARTS + 1] = edges();
/// Equal parts of `[1, 2)`, each narrower than a bin.
const CELL_BITS: u32 = 6;
/// The bin in which each of them starts.
const CELLS: [u8; 1 << CELL_BITS] = cells();
/// Bits of an `f64` after sign and exponent.
const FRACTION_BITS: u32 = f64::MANTISSA_DIGITS - 1;
/// The exponent's bits of 1.
const ONE: u64 = 1.0_f64.to_bits();
/// The exponent's bits of infinity.
const INFINITE: u32 = 0x7ff;

/// The quantiles of numbers within [`Sketch::RELATIVE_ERROR`]. NaN are no numbers.
///
/// ```
/// use plimsoll::kernel::Sketch;
/// let mut days = [Sketch::of(&[1.0, 2.0, f64::NAN]), Sketch::of(&[400.0, 500.0])];
/// let [monday, tuesday] = &mut days;
/// monday.merge(tuesday);
/// assert_eq!((monday.count(), monday.quantile(1.0)), (4, 500.0));
/// // The median of all four is 201.
/// assert!((monday.quantile(0.5) - 201.0).abs() <= Sketch::RELATIVE_ERROR * 201.0);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Sketch {
    /// In order of their keys; none of them is empty.
    bins: Vec<Bin>,
    count: u64,
    /// The smallest and the largest number; the other way round where there is none.
    min: f64,
    max: f64,
}

/// How many numbers there are of one magnitude.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bin {
    /// Which magnitude: 0 for zero and what is closer to it than [`f64::MIN_POSITIVE`], else
    /// counted from there on, negative for negative numbers. The last is for infinity.
    pub key: i32,
    /// How many.
    pub count: u64,
}

impl Default for Sketch {
    /// Of no number.
    fn default() -> Self {
        Self { bins: Vec::new(), count: 0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

impl Sketch {
    /// How far an order statistic in a sketch is from the true one at most, as a share of it, where
    /// that is at least [`f64::MIN_POSITIVE`] in size; smaller ones count as 0. The smallest and
    /// the largest number are exact.
    pub const RELATIVE_ERROR: f64 = 0.01;

    /// The sketch of some numbers.
    pub fn of(values: &[f64]) -> Self {
        let mut sketch = Self::default();
        let mut keys = Vec::with_capacity(values.len());
        for value in values.iter().filter(|value| !value.is_nan()) {
            keys.push(Bin::key_of(*value));
            sketch.widen(*value, *value);
        }
        keys.sort_unstable();
        let bin = |run: &[i32]| Bin { key: run[0], count: run.len() as u64 };
        sketch.bins.extend(keys.chunk_by(|a, b| a == b).map(bin));
        sketch.count = keys.len() as u64;
        sketch
    }

    /// The sketch that has these bins, and these as its smallest and its largest number; `None`
    /// where there is no such sketch.
    pub fn from_bins(bins: Vec<Bin>, min: f64, max: f64) -> Option<Self> {
        let (first, last) = (bins.first()?, bins.last()?);
        let ends = (first.key, last.key) == (Bin::key_of(min), Bin::key_of(max));
        let ordered = bins.is_sorted_by(|a, b| a.key < b.key);
        let full = bins.iter().all(|bin| bin.count > 0);
        let count = bins.iter().try_fold(0_u64, |sum, bin| sum.checked_add(bin.count))?;
        let fits = ends && ordered && full && min <= max && (min == max || count > 1);
        fits.then(|| {
            let mut sketch = Self { bins, count, ..Self::default() };
            sketch.widen(min, max);
            sketch
        })
    }

    /// How many numbers there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Its bins, in order of their keys; none of them is empty.
    pub fn bins(&self) -> &[Bin] {
        &self.bins
    }

    /// Takes in all numbers of another one.
    pub fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.widen(other.min, other.max);
        let mut merged = Vec::with_capacity(self.bins.len().max(other.bins.len()));
        let (mut ours, mut theirs) = (self.bins.as_slice(), other.bins.as_slice());
        while let ([a, our_rest @ ..], [b, their_rest @ ..]) = (ours, theirs) {
            let order = a.key.cmp(&b.key);
            merged.push(match order {
                Ordering::Less => *a,
                Ordering::Greater => *b,
                Ordering::Equal => Bin { key: a.key, count: a.count.saturating_add(b.count) },
            });
            if order.is_le() {
                ours = our_rest;
            }
            if order.is_ge() {
                theirs = their_rest;
            }
        }
        merged.extend(ours.iter().chain(theirs));
        self.bins = merged;
    }

    /// The `q` quantile by the rank and the interpolation of [`quantile`](super::quantile()),
    /// between two order statistics that are within [`Sketch::RELATIVE_ERROR`]. So is the quantile
    /// itself, unless these two are on both sides of 0. NaN where there is no number.
    pub fn quantile(&self, q: f64) -> f64 {
        let Some(last) = self.count.checked_sub(1) else { return f64::NAN };
        if q.is_nan() {
            return f64::NAN;
        }
        let rank = q.clamp(0.0, 1.0) * last as f64;
        let low = (rank as u64).min(last);
        interpolate(self.order(low), self.order(low.saturating_add(1)), rank - low as f64)
    }

    /// The smallest order statistic that no more than the share `1 - q` of all numbers is above:
    /// [`Sketch::quantile`] without the interpolation, rounded up. It is within
    /// [`Sketch::RELATIVE_ERROR`]; NaN where there is no number.
    pub fn quantile_from_above(&self, q: f64) -> f64 {
        let Some(last) = self.count.checked_sub(1).filter(|_| !q.is_nan()) else { return f64::NAN };
        self.order((q.clamp(0.0, 1.0) * last as f64).ceil() as u64)
    }

    /// The order statistic of a rank, counted from 0; the largest number beyond the last rank.
    fn order(&self, rank: u64) -> f64 {
        if rank == 0 {
            return self.min;
        }
        let mut before = 0_u64;
        let reaches = |bin: &&Bin| {
            before = before.saturating_add(bin.count);
            before > rank
        };
        let found = self.bins.iter().find(reaches).filter(|_| rank < self.count - 1);
        found.map_or(self.max, |bin| bin.middle().max(self.min).min(self.max))
    }

    /// Zero has one sign only here, so that order does not matter.
    fn widen(&mut self, min: f64, max: f64) {
        self.min = self.min.min(min + 0.0);
        self.max = self.max.max(max + 0.0);
    }
}

impl Bin {
    /// The bin of a number; a NaN has none, and gives a key that no number has.
    pub fn key_of(value: f64) -> i32 {
        let bits = value.abs().to_bits();
        let exponent = (bits >> FRACTION_BITS) as i32;
        if exponent == 0 {
            return 0;
        }
        let fraction = bits & ((1 << FRACTION_BITS) - 1);
        let scaled = f64::from_bits(ONE | fraction);
        let start = usize::from(CELLS[(fraction >> (FRACTION_BITS - CELL_BITS)) as usize]);
        let part = start + usize::from(scaled >= EDGES[start + 1]);
        let key = (exponent - 1) * PARTS as i32 + part as i32 + 1;
        if value.is_sign_negative() { -key } else { key }
    }

    /// The number that is within the relative error of all of the bin.
    fn middle(&self) -> f64 {
        let Some(place) = self.key.unsigned_abs().checked_sub(1) else { return 0.0 };
        let (exponent, part) = (place / PARTS as u32 + 1, place as usize % PARTS);
        let (low, high) = (EDGES[part], EDGES[part + 1]);
        let scale = f64::from_bits(u64::from(exponent.min(INFINITE)) << FRACTION_BITS);
        (2.0 * low * high / (low + high) * scale).copysign(f64::from(self.key))
    }
}

const fn edges() -> [f64; PARTS + 1] {
    let mut edges = [1.0; PARTS + 1];
    let mut part = 1;
    while part < PARTS {
        edges[part] = edges[part - 1] * RATIO;
        part += 1;
    }
    edges[PARTS] = 2.0;
    edges
}

const fn cells() -> [u8; 1 << CELL_BITS] {
    let mut cells = [0; 1 << CELL_BITS];
    let (mut cell, mut part) = (0, 0);
    while cell < cells.len() {
        let start = 1.0 + cell as f64 / cells.len() as f64;
        while EDGES[part + 1] <= start {
            part += 1;
        }
        cells[cell] = part as u8;
        cell += 1;
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::quantile;
    use proptest::prelude::*;

    /// Numbers of all magnitudes, zeros, infinities and NaN, and clusters of near ones.
    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![
            4 => (-300.0..300.0_f64, any::<bool>()).prop_map(|(exponent, negative)| {
                10.0_f64.powf(exponent) * if negative { -1.0 } else { 1.0 }
            }),
            4 => 90.0..110.0_f64,
            1 => prop::sample::select(vec![
                0.0, -0.0, 1.0, -1.0, 2.0, f64::MIN_POSITIVE, f64::NAN, f64::INFINITY,
                f64::NEG_INFINITY, 1e300, 5e-324,
            ]),
        ]
    }

    fn values() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(value(), 0..300)
    }

    /// The true order statistics next to a rank.
    fn neighbours(values: &[f64], q: f64) -> Option<(f64, f64)> {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        let low = (q * last as f64) as usize;
        Some((sorted[low], sorted[last.min(low + 1)]))
    }

    #[test]
    fn bins_share_the_numbers_in_order_and_keep_the_promise() {
        assert!((2.0_f64 / RATIO.powi(35) - 1.0).abs() < 1e-14);
        let mut before = 0;
        for (at, edge) in EDGES.iter().take(PARTS).enumerate() {
            for exponent in [-1_022, -1, 0, 1, 52, 1_023] {
                let start = edge * 2.0_f64.powi(exponent);
                let bin = Bin { key: Bin::key_of(start), count: 1 };
                assert_eq!(Bin::key_of(-start), -bin.key);
                let end = EDGES[at + 1].next_down() * 2.0_f64.powi(exponent);
                assert_eq!(Bin::key_of(end), bin.key, "part {at} of 2^{exponent}");
                let below = start.next_down();
                let key_below = Bin::key_of(below);
                assert_eq!(key_below, bin.key - 1, "below part {at} of 2^{exponent}");
                for value in [start, end] {
                    assert!((bin.middle() / value - 1.0).abs() <= 0.009_902, "{value:e}");
                }
                if exponent == 0 {
                    assert!(bin.key > before);
                    before = bin.key;
                }
            }
        }
        assert_eq!(Bin::key_of(f64::MAX) + 1, Bin::key_of(f64::INFINITY));
        assert_eq!(Bin { key: Bin::key_of(f64::NEG_INFINITY), count: 1 }.middle(), -f64::INFINITY);
    }

    #[test]
    fn what_is_constant_is_exact_and_nothing_has_no_quantile() {
        assert_eq!(Sketch::of(&[11_704.0; 288]).quantile(0.95), 11_704.0);
        assert_eq!(Sketch::of(&[-3.0, 4.0]).quantile(0.0), -3.0);
        assert_eq!(Sketch::of(&[-3.0, 4.0]).quantile(1.0), 4.0);
        // Zero is one number, whichever came first.
        assert_eq!(Sketch::of(&[-0.0]).quantile(0.0).to_bits(), 0);
        assert_eq!(Sketch::of(&[0.0, -0.0]).quantile(1.0).to_bits(), 0);
        assert!(Sketch::of(&[f64::NAN]).quantile(0.5).is_nan());
        assert!(Sketch::of(&[1.0]).quantile(f64::NAN).is_nan());
    }

    #[test]
    fn bins_of_no_sketch_are_refused() {
        let whole = Sketch::of(&[-1.0, 0.0, 5.0, 5.0]);
        let again = |edit: &dyn Fn(&mut Vec<Bin>), min: f64, max: f64| {
            let mut bins = whole.bins().to_vec();
            edit(&mut bins);
            Sketch::from_bins(bins, min, max)
        };
        assert_eq!(again(&|_| {}, -1.0, 5.0), Some(whole.clone()));
        assert_eq!(again(&|_| {}, -1.0, 6.0), None);
        assert_eq!(again(&|_| {}, f64::NAN, 5.0), None);
        assert_eq!(again(&|bins| bins.swap(1, 2), -1.0, 5.0), None);
        assert_eq!(again(&|bins| bins[1].key = bins[0].key, -1.0, 5.0), None);
        assert_eq!(again(&|bins| bins[1].count = 0, -1.0, 5.0), None);
        assert_eq!(again(&|bins| bins[1].count = u64::MAX, -1.0, 5.0), None);
        assert_eq!(again(&Vec::clear, -1.0, 5.0), None);
        // One number cannot be two.
        let one = Sketch::of(&[5.0]).bins().to_vec();
        assert_eq!(Sketch::from_bins(one.clone(), 5.0, 5.001), None);
        assert_eq!(Sketch::from_bins(one, 5.0, 5.0), Some(Sketch::of(&[5.0])));
    }

    proptest! {
        #[test]
        fn order_statistics_are_within_the_error(values in values(), q in 0.0..=1.0) {
            let sketch = Sketch::of(&values);
            let numbers = values.iter().filter(|value| !value.is_nan()).count() as u64;
            prop_assert_eq!(sketch.count(), numbers);
            let found = sketch.quantile(q);
            let exact = quantile(&mut values.clone(), q);
            let Some((low, high)) = neighbours(&values, q) else {
                prop_assert!(found.is_nan());
                return Ok(());
            };
            let size = if low.signum() == high.signum() {
                exact.abs()
            } else {
                low.abs().max(high.abs())
            };
            let near = (found - exact).abs() <= Sketch::RELATIVE_ERROR * size + f64::MIN_POSITIVE;
            let same = found == exact || (found.is_nan() && exact.is_nan());
            prop_assert!(near || same, "{found:e} for {exact:e} between {low:e} and {high:e}");
        }

        #[test]
        fn merging_in_any_order_gives_the_same_bits(a in values(), b in values(), c in values()) {
            let whole = Sketch::of(&[a.clone(), b.clone(), c.clone()].concat());
            let [a, b, c] = [a, b, c].map(|values| Sketch::of(&values));
            let merged = |first: &Sketch, then: &[&Sketch]| {
                let mut all = first.clone();
                for sketch in then {
                    all.merge(sketch);
                }
                all
            };
            let bc = merged(&b, &[&c]);
            for all in [
                merged(&a, &[&b, &c]), merged(&a, &[&c, &b]), merged(&c, &[&b, &a]),
                merged(&a, &[&bc]), merged(&bc, &[&a]),
            ] {
                prop_assert_eq!(&all, &whole);
                prop_assert_eq!(all.min.to_bits(), whole.min.to_bits());
                prop_assert_eq!(all.max.to_bits(), whole.max.to_bits());
            }
        }

        #[test]
        fn a_sketch_comes_back_from_its_bins(values in values()) {
            let sketch = Sketch::of(&values);
            let again = Sketch::from_bins(sketch.bins().to_vec(), sketch.min, sketch.max);
            prop_assert_eq!(again, Some(sketch).filter(|sketch| sketch.count() > 0));
        }
    }
}
