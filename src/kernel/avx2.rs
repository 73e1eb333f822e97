//! The loops of `lanes.rs`, `bits.rs` and `symbols.rs` with AVX2, BMI2 and FMA.
//!
//! In and out: as there. Never: another bit than the portable loops give. Unpacking is the same
//! loop, compiled once more or spelled out; sums and conversions are whole numbers and exact;
//! divisions are the one thing that is computed in another way, with the proof at [`Divisor`].
#![expect(
    unsafe_code,
    reason = "vectors are cut from memory; each of the few blocks has its proof"
)]

use std::arch::x86_64::{
    __m256, __m256d, __m256i, _bzhi_u64, _mm256_add_epi32, _mm256_and_si256, _mm256_castsi256_pd,
    _mm256_castsi256_ps, _mm256_div_pd, _mm256_fmadd_pd, _mm256_fnmadd_pd, _mm256_mul_pd,
    _mm256_permute4x64_epi64, _mm256_set1_epi32, _mm256_set1_epi64x, _mm256_set1_pd,
    _mm256_setr_epi32, _mm256_setr_epi64x, _mm256_shuffle_epi32, _mm256_shuffle_ps,
    _mm256_slli_si256, _mm256_srlv_epi64, _mm256_sub_epi32, _mm256_sub_pd, _mm256_unpackhi_epi32,
    _mm256_unpacklo_epi32,
};

use std::mem::MaybeUninit;

use super::bits::{self, Integers, Positions};
use super::integers;
use super::lanes::{self, Arithmetic, Block, Packed, Sequence, Unwritten};
use super::reduce::{self, Spread, Total};
use super::running::RunningTotal;
use super::simd::Loop;
use super::symbols::{self, STATES, State, Stream};

/// 2^52, and what its pattern is made of: an integer below 2^32 in the lower half of the
/// pattern is added to it.
const SHIFTED: f64 = 4_503_599_627_370_496.0;
const SHIFTED_HIGH: i32 = 0x4330_0000;
/// Makes integers in [-2^31, 2^31) positive ones.
const BIAS: u32 = 1 << 31;

#[target_feature(enable = "avx2,bmi2")]
pub(super) fn run<L: Loop>(work: L) -> L::Output {
    work.run()
}

#[target_feature(enable = "avx2")]
pub(super) fn total(values: &[f64]) -> Total {
    reduce::total(values)
}

#[target_feature(enable = "avx2")]
pub(super) fn add_run(running: &mut RunningTotal, values: &[f64]) {
    running.add_run(values);
}

#[target_feature(enable = "avx2")]
pub(super) fn extremes(numbers: &[i32]) -> (i32, i32) {
    integers::extremes(numbers)
}

#[target_feature(enable = "avx2")]
pub(super) fn smallest(numbers: &[i32]) -> i32 {
    integers::smallest(numbers)
}

#[target_feature(enable = "avx2")]
pub(super) fn largest(numbers: &[i32]) -> i32 {
    integers::largest(numbers)
}

#[target_feature(enable = "avx2")]
pub(super) fn sum(numbers: &[i32]) -> i64 {
    integers::sum(numbers)
}

#[target_feature(enable = "avx2")]
pub(super) fn lane_sums(numbers: &[i32], phase: usize) -> [i64; reduce::LANES] {
    integers::lane_sums(numbers, phase)
}

#[target_feature(enable = "avx2")]
pub(super) fn spread(values: &[f64]) -> Spread {
    reduce::spread(values)
}

#[target_feature(enable = "avx2")]
pub(super) fn least(values: &[f64]) -> f64 {
    reduce::least(values)
}

#[target_feature(enable = "avx2")]
pub(super) fn greatest(values: &[f64]) -> f64 {
    reduce::greatest(values)
}

#[target_feature(enable = "avx2,bmi2")]
pub(super) fn decode_symbols<'a>(
    states: &[State; STATES],
    stream: Stream<'a>,
    found: &mut [State],
) -> Stream<'a> {
    symbols::decode(states, stream, found, |word, bits| _bzhi_u64(word, bits as u32))
}

#[target_feature(enable = "avx2,bmi2")]
pub(super) fn add_offsets(bytes: &[u8], widest: u32, found: &[State], block: &mut Block) -> usize {
    symbols::add_offsets(bytes, widest, found, block, |word, bits| _bzhi_u64(word, bits as u32))
}

/// The portable loop, of which a tile is four vectors.
#[target_feature(enable = "avx2")]
pub(super) fn place_meanings(found: &[State], block: &mut Block) {
    symbols::each_tile(found, block, |tile, places| {
        let [a, b, c, d] = tile.as_chunks().0 else { return };
        let (a, b, c, d) = (load_states(a), load_states(b), load_states(c), load_states(d));
        // Of each four, the meanings of the first two and of the last two are in the two halves.
        let (lower, upper) = (upper_halves(a, b), upper_halves(c, d));
        let even = _mm256_shuffle_ps::<0b10_00_10_00>(lower, upper);
        let odd = _mm256_shuffle_ps::<0b11_01_11_01>(lower, upper);
        places.as_chunks_mut().0.copy_from_slice(&[store_row(even), store_row(odd)]);
    });
}

/// The upper half of each number, of the first vector's two numbers before the second's two.
#[inline]
#[target_feature(enable = "avx2")]
fn upper_halves(a: __m256i, b: __m256i) -> __m256 {
    _mm256_shuffle_ps::<0b11_01_11_01>(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b))
}

#[target_feature(enable = "avx2,bmi2")]
pub(super) fn unpack_bits(bytes: &[u8], width: u32, out: &mut [i64]) {
    bits::unpack(bytes, width, out);
}

#[target_feature(enable = "avx2,bmi2")]
pub(super) fn unpack_some(bytes: &[u8], width: u32, count: usize, out: &mut Integers) {
    const HALF: usize = bits::GROUP / 2;
    if width > 15 {
        bits::unpack_some(bytes, width, count, out);
        return;
    }
    // The portable loop for integers of which a load of eight bytes has four or eight.
    let step = i64::from(width);
    let shifts = _mm256_setr_epi64x(0, step, 2 * step, 3 * step);
    let keep = _mm256_set1_epi64x(bits::mask(width) as i64);
    let groups = count.div_ceil(bits::GROUP).min(out.len());
    for (index, group) in out[..groups].iter_mut().enumerate() {
        for (half, slots) in group.as_chunks_mut::<HALF>().0.iter_mut().enumerate() {
            let bit = (index * bits::GROUP + half * HALF) * width as usize;
            let word = bits::load(bytes, bit / 8) >> (bit % 8);
            let word = _mm256_srlv_epi64(_mm256_set1_epi64x(word as i64), shifts);
            *slots = store_integers(_mm256_and_si256(word, keep));
        }
    }
}

#[target_feature(enable = "avx2")]
pub(super) fn list_bits(bytes: &[u8], out: &mut Positions) -> usize {
    bits::list_bits(bytes, out)
}

#[target_feature(enable = "avx2")]
pub(super) fn unpack_lanes(packed: Packed, block: &mut Unwritten) {
    macro_rules! widths {
        ($($width:literal)*) => {
            match packed.width {
                $($width => unpack_width::<$width>(packed, block),)*
                _ => lanes::unpack(packed, block),
            }
        };
    }
    widths!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31);
}

/// The portable loop, spelled out so that each row's shifts are constants.
#[inline]
#[target_feature(enable = "avx2")]
fn unpack_width<const WIDTH: usize>(packed: Packed, block: &mut Unwritten) {
    let reference = packed.reference;
    lanes::each_group(packed, block, |words, rows| {
        let Some(words) = words.first_chunk::<WIDTH>() else {
            return rows.fill([MaybeUninit::new(reference); lanes::LANES]);
        };
        macro_rules! rows {
            ($($row:literal)*) => {
                $(rows[$row] = lanes::unpack_row(words, $row, WIDTH, reference);)*
            };
        }
        rows!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        rows!(16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31);
    });
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn write_values(
    block: &[u32],
    sequence: Sequence,
    arithmetic: Arithmetic,
    out: &mut [MaybeUninit<f64>],
) {
    match arithmetic {
        Arithmetic::Whole => write(block, sequence, out, |k| k),
        Arithmetic::Multiple { base } => {
            let base = _mm256_set1_pd(base);
            write(block, sequence, out, |k| _mm256_mul_pd(k, base));
        }
        Arithmetic::Quotient { divisor } if Divisor::fits(divisor) => {
            let divisor = Divisor::new(divisor);
            write(block, sequence, out, |k| divisor.divide(k));
        }
        Arithmetic::Quotient { divisor } => {
            let divisor = _mm256_set1_pd(divisor);
            write(block, sequence, out, |k| _mm256_div_pd(k, divisor));
        }
        Arithmetic::Share { divisor, whole }
            if Divisor::fits(divisor) && Divisor::WHOLES.contains(&whole) =>
        {
            let (divisor, percent) = (Divisor::new(divisor), Divisor::new(lanes::PERCENT));
            let whole = _mm256_set1_pd(whole);
            write(block, sequence, out, |k| {
                percent.divide(_mm256_mul_pd(divisor.divide(k), whole))
            });
        }
        Arithmetic::Share { divisor, whole } => {
            let (divisor, whole) = (_mm256_set1_pd(divisor), _mm256_set1_pd(whole));
            let percent = _mm256_set1_pd(lanes::PERCENT);
            write(block, sequence, out, |k| {
                _mm256_div_pd(_mm256_mul_pd(_mm256_div_pd(k, divisor), whole), percent)
            });
        }
    }
}

/// Division by a whole number `d` of 1 to 2^40, by its reciprocal, rounded as division rounds.
///
/// Let `x` be the numerator, `y` the reciprocal, rounded, `q = x * y`, rounded, and
/// `r = x - q * d`. Beside the last place of `x / d`, the unit `u`: `y` is off by one part in
/// 2^53 at most, so `q` is off by 2 u at most, so `r` is a multiple of the last place of `q`
/// below 2^42 of it: exact. `q + r * y` before its one rounding is off by `|r| / d` times 2^-53,
/// which is less than 2^-51 u. It is rounded as `x / d` is unless a midpoint between two numbers
/// lies between them. None does: `x / d` is no midpoint itself, since `d` times one has more
/// than 53 bits, and where it differs from a midpoint `m`, `x - m * d` is a multiple of u / 4
/// that is not 0, so `x / d` is at least u / 4 / 2^40 away.
///
/// That holds where nothing under- or overflows, and with the sign of zero where `x` is not -0.
#[derive(Clone, Copy)]
pub(super) struct Divisor {
    divisor: __m256d,
    reciprocal: __m256d,
}

impl Divisor {
    const MAX: f64 = 1_099_511_627_776.0;
    /// What an integer over a divisor may be multiplied with, to be divided again.
    const WHOLES: std::ops::Range<f64> = 1e-100..1e100;

    pub(super) fn fits(divisor: f64) -> bool {
        (1.0..=Self::MAX).contains(&divisor)
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn new(divisor: f64) -> Self {
        let reciprocal = _mm256_set1_pd(1.0 / divisor);
        Self { divisor: _mm256_set1_pd(divisor), reciprocal }
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn divide(self, numerator: __m256d) -> __m256d {
        let quotient = _mm256_mul_pd(numerator, self.reciprocal);
        let rest = _mm256_fnmadd_pd(quotient, self.divisor, numerator);
        _mm256_fmadd_pd(rest, self.reciprocal, quotient)
    }
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn write_integers(
    block: &[u32],
    summed_from: Option<u32>,
    out: &mut [MaybeUninit<i32>],
) {
    let mut sums = Sums::new(summed_from, 0);
    let integers = |tile: &[lanes::Row; 2]| {
        let ordered = |half| store_numbers(_mm256_permute4x64_epi64::<0b11_01_10_00>(half));
        sums.next(tile).map(ordered)
    };
    each_tile(block, out, integers);
}

/// Writes `value` of each integer, two rows at a time.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn write(
    block: &[u32],
    sequence: Sequence,
    out: &mut [MaybeUninit<f64>],
    value: impl Fn(__m256d) -> __m256d,
) {
    // Exact: whole numbers below 2^53.
    let lacking = _mm256_set1_pd(SHIFTED + f64::from(BIAS) - sequence.base as f64);
    let mut sums = Sums::new(sequence.summed_from, BIAS);
    let values = |tile: &[lanes::Row; 2]| {
        let [low, high] = sums.next(tile);
        let shifted = _mm256_set1_epi32(SHIFTED_HIGH);
        let four = |integers| store(value(_mm256_sub_pd(_mm256_castsi256_pd(integers), lacking)));
        [
            four(_mm256_unpacklo_epi32(low, shifted)),
            four(_mm256_unpackhi_epi32(low, shifted)),
            four(_mm256_unpacklo_epi32(high, shifted)),
            four(_mm256_unpackhi_epi32(high, shifted)),
        ]
    };
    each_tile(block, out, values);
}

/// Writes what `made` makes of each two rows to all of `out`.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn each_tile<T: Copy, const PART: usize, const PARTS: usize>(
    block: &[u32],
    out: &mut [MaybeUninit<T>],
    mut made: impl FnMut(&[lanes::Row; 2]) -> [[MaybeUninit<T>; PART]; PARTS],
) {
    let mut tiles = block.as_chunks().0.as_chunks().0.iter();
    let (whole, rest) = out.as_chunks_mut::<{ lanes::TILE }>();
    for (out, tile) in whole.iter_mut().zip(tiles.by_ref()) {
        out.as_chunks_mut().0.copy_from_slice(&made(tile));
    }
    if let (false, Some(tile)) = (rest.is_empty(), tiles.next()) {
        rest.copy_from_slice(&made(tile).as_flattened()[..rest.len()]);
    }
}

/// The integers that packed numbers tell, two rows at a time.
struct Sums {
    is_summed: bool,
    /// The sum so far, or what each number lacks, in every lane.
    sum: __m256i,
}

impl Sums {
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn new(summed_from: Option<u32>, more: u32) -> Self {
        let start = summed_from.unwrap_or(0).wrapping_add(more);
        Self { is_summed: summed_from.is_some(), sum: _mm256_set1_epi32(start as i32) }
    }

    /// Sixteen neighbours in order, but that in each vector the second and the third pair have
    /// changed places.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn next(&mut self, [even, odd]: &[lanes::Row; 2]) -> [__m256i; 2] {
        let (mut even, mut odd) = (load(even), load(odd));
        if self.is_summed {
            let low_lanes = _mm256_setr_epi32(-1, -1, -1, -1, 0, 0, 0, 0);
            // Sums of pairs; of fours, of which the pairs are in the two halves; of all so far.
            let pairs = _mm256_add_epi32(even, odd);
            let swapped = _mm256_permute4x64_epi64::<0b01_00_11_10>(pairs);
            let fours = _mm256_add_epi32(pairs, swapped);
            let sums = _mm256_add_epi32(fours, _mm256_slli_si256::<4>(fours));
            let sums = _mm256_add_epi32(sums, _mm256_slli_si256::<8>(sums));
            let sums = _mm256_add_epi32(sums, self.sum);
            self.sum = _mm256_shuffle_epi32::<0b11_11_11_11>(sums);
            // A pair in the lower half comes before the one in the upper half.
            let second = _mm256_sub_epi32(sums, _mm256_and_si256(swapped, low_lanes));
            even = _mm256_sub_epi32(second, odd);
            odd = second;
        } else {
            even = _mm256_add_epi32(even, self.sum);
            odd = _mm256_add_epi32(odd, self.sum);
        }
        [_mm256_unpacklo_epi32(even, odd), _mm256_unpackhi_epi32(even, odd)]
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(row: &lanes::Row) -> __m256i {
    // SAFETY: both are 32 bytes, and every pattern of bits is a vector of integers.
    unsafe { std::mem::transmute::<lanes::Row, __m256i>(*row) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_states(states: &[State; 4]) -> __m256i {
    // SAFETY: both are 32 bytes, and every pattern of bits is a vector of integers.
    unsafe { std::mem::transmute::<[State; 4], __m256i>(*states) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn store_row(row: __m256) -> lanes::Row {
    // SAFETY: both are 32 bytes, and every pattern of bits is eight integers.
    unsafe { std::mem::transmute::<__m256, lanes::Row>(row) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn store_integers(integers: __m256i) -> [MaybeUninit<u64>; 4] {
    // SAFETY: both are 32 bytes, and every pattern of bits is four integers.
    unsafe { std::mem::transmute::<__m256i, [MaybeUninit<u64>; 4]>(integers) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn store_numbers(numbers: __m256i) -> [MaybeUninit<i32>; 8] {
    // SAFETY: both are 32 bytes, and every pattern of bits is eight integers.
    unsafe { std::mem::transmute::<__m256i, [MaybeUninit<i32>; 8]>(numbers) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(values: __m256d) -> [MaybeUninit<f64>; 4] {
    // SAFETY: both are 32 bytes, and every pattern of bits is four numbers.
    unsafe { std::mem::transmute::<__m256d, [MaybeUninit<f64>; 4]>(values) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[target_feature(enable = "avx2,fma")]
    fn divided(numerator: f64, divisor: f64) -> [u64; 4] {
        let quotient = Divisor::new(divisor).divide(_mm256_set1_pd(numerator));
        // SAFETY: both are 32 bytes, and every pattern of bits is four integers.
        unsafe { std::mem::transmute::<__m256d, [u64; 4]>(quotient) }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 8 } else { 4096 }))]

        /// Numerators whose quotient is as near as can be to the middle of two numbers, where a
        /// wrong rounding would show.
        #[test]
        fn divisions_are_rounded_as_division_is(
            significand in 1_u64 << 52..1 << 53,
            divisor in prop_oneof![1_u64..=1 << 40, 1..1000_u64, Just(100), Just(1 << 40)],
            above in 0..2_u64,
            exponent in -300..300,
        ) {
            if !is_x86_feature_detected!("avx2") || !is_x86_feature_detected!("fma") {
                return Ok(());
            }
            // The middle behind `significand`, times the divisor, cut to 53 bits.
            let product = u128::from(2 * significand + 1) * u128::from(divisor);
            let excess = u128::BITS - product.leading_zeros() - 53;
            let numerator = ((product >> excess) as u64 + above) as f64 * 2_f64.powi(exponent);
            for numerator in [numerator, -numerator] {
                // SAFETY: AVX2 and FMA were found above.
                let found = unsafe { divided(numerator, divisor as f64) };
                prop_assert_eq!(found, [(numerator / divisor as f64).to_bits(); 4]);
            }
        }
    }
}
