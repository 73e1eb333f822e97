//! The loops of `lanes.rs` for numbers of up to four bits, with AVX-512: 64 of them at once.
//!
//! In: packed bytes, and how their numbers tell integers. Out: the integers, or their values.
//! Never: another bit than the portable loops give. Numbers become bytes in their order, bytes are
//! added up within a tile, and what a tile comes to is carried on: whole numbers, and exact.
#![expect(unsafe_code, reason = "vectors are cut from memory; each of the blocks has its proof")]

use std::arch::x86_64::{
    __m512d, __m512i, _bzhi_u64, _mm512_add_epi8, _mm512_add_epi32, _mm512_add_epi64,
    _mm512_and_si512, _mm512_castsi512_pd, _mm512_div_pd, _mm512_fmadd_pd, _mm512_fnmadd_pd,
    _mm512_maskz_loadu_epi8, _mm512_maskz_permutexvar_epi8, _mm512_mul_pd, _mm512_mullo_epi64,
    _mm512_multishift_epi64_epi8, _mm512_permutexvar_epi8, _mm512_permutexvar_epi32,
    _mm512_set1_epi8, _mm512_set1_epi32, _mm512_set1_epi64, _mm512_set1_pd, _mm512_shuffle_epi8,
    _mm512_sub_pd,
};
use std::array::from_fn;
use std::hint::black_box;
use std::mem::MaybeUninit;

use super::avx2::Divisor;
use super::lanes::{self, Arithmetic, LANES, PLACES, Packed, Sequence, TILE, Words};

/// The widest number that is cut, in bits: sixteen of them add up to less than a byte.
const WIDTH_MAX: u32 = 4;
/// Numbers that are cut at once: the lanes of eight rows.
const GROUP: usize = 64;
const GROUP_ROWS: usize = GROUP / LANES;
/// Values of a vector.
const PART: usize = 8;
const PARTS: usize = GROUP / PART;
/// References and first sums up to here: no sum of a block leaves 31 bits.
const REFERENCE_MAX: u32 = 1 << 18;
/// 2^52, and its pattern, to the lower half of which an integer is added.
const SHIFTED: f64 = 4_503_599_627_370_496.0;
const SHIFTED_PATTERN: i64 = 0x4330_0000_0000_0000;
/// Makes integers in [-2^31, 2^31) positive ones.
const BIAS: i64 = 1 << 31;

/// The lowest of each eight and of each four bytes.
const EIGHTH: u64 = 0x0101_0101_0101_0101;
const FOURTH: u64 = 0x1111_1111_1111_1111;

/// A factor that adds the bytes before it to each byte.
const EACH_BYTE: i64 = 0x0101_0101_0101_0101;
/// Of each tile the eighth byte, for those behind it.
const EIGHTH_TO_OTHERS: [u8; GROUP] = eighth_to_others();

/// Of two words of eight lanes each, the two of each lane.
const SIDE_BY_SIDE: [i32; 16] = [0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15];
/// Where the numbers of a group stand, a row's number in each byte of its lane.
const IN_ORDER: [u8; GROUP] = in_order();
/// From which bit of a lane's eight bytes on the numbers of eight rows are: for each width, and for
/// each byte of a word in which the first may be.
static SHIFTS: [[[u8; GROUP]; 4]; WIDTH_MAX as usize] = shifts();
/// Where the bytes are that eight or sixteen wider places are filled with: a part's or a tile's.
static EACH: [[u8; GROUP]; PARTS] = spread::<PARTS>(8);
static TILES: [[u8; GROUP]; GROUP / TILE] = spread::<{ GROUP / TILE }>(4);
/// The last byte of each tile.
static LAST: [[u8; GROUP]; GROUP / TILE] = last();

/// Of how many numbers the references are in an integer of a group, where they are summed or not.
static RANKS: [[f64; PART]; PARTS] = ranks();
static ONES: [[f64; PART]; PARTS] = [[1.0; PART]; PARTS];

const fn ranks() -> [[f64; PART]; PARTS] {
    let (mut ranks, mut at) = ([[0.0; PART]; PARTS], 0);
    while at < GROUP {
        ranks[at / PART][at % PART] = (at + 1) as f64;
        at += 1;
    }
    ranks
}

const fn eighth_to_others() -> [u8; GROUP] {
    // The highest bit makes a 0.
    let (mut places, mut at) = ([0x80; GROUP], 0);
    while at < GROUP {
        if at % TILE >= TILE / 2 {
            places[at] = (TILE / 2 - 1) as u8;
        }
        at += 1;
    }
    places
}

const fn in_order() -> [u8; GROUP] {
    let (mut places, mut at) = ([0; GROUP], 0);
    while at < GROUP {
        let place = PLACES[at % TILE];
        let row = 2 * (at / TILE) + place / LANES;
        places[at] = (place % LANES * GROUP_ROWS + row) as u8;
        at += 1;
    }
    places
}

const fn spread<const N: usize>(bytes: usize) -> [[u8; GROUP]; N] {
    let (mut places, mut at) = ([[0; GROUP]; N], 0);
    while at < GROUP {
        places[at * bytes / GROUP][at * bytes % GROUP] = at as u8;
        at += 1;
    }
    places
}

const fn last() -> [[u8; GROUP]; GROUP / TILE] {
    let (mut places, mut tile) = ([[0; GROUP]; GROUP / TILE], 0);
    while tile < GROUP / TILE {
        places[tile] = [(tile * TILE + TILE - 1) as u8; GROUP];
        tile += 1;
    }
    places
}

const fn shifts() -> [[[u8; GROUP]; 4]; WIDTH_MAX as usize] {
    let (mut bits, mut at) = ([[[0; GROUP]; 4]; WIDTH_MAX as usize], 0);
    while at < 4 * 4 * GROUP {
        let (width, first, byte) = (at / GROUP / 4 + 1, at / GROUP % 4 * 8, at % GROUP);
        bits[width - 1][first / 8][byte] = (first + byte % GROUP_ROWS * width) as u8;
        at += 1;
    }
    bits
}

/// Whether the loops here give what the portable ones give.
pub(super) fn fits(packed: &Packed, summed_from: Option<u32>) -> bool {
    let is_small = |number: u32| number.cast_signed().unsigned_abs() <= REFERENCE_MAX;
    (1..=WIDTH_MAX).contains(&packed.width)
        && packed.is_whole()
        && is_small(packed.reference)
        && summed_from.is_none_or(is_small)
}

/// What the integers of a group have of references, beside what was carried to the group.
struct References {
    reference: i32,
    is_summed: bool,
}

impl References {
    fn new(packed: &Packed, summed_from: Option<u32>) -> Self {
        Self { reference: packed.reference.cast_signed(), is_summed: summed_from.is_some() }
    }

    /// Those of the integer at `index`.
    fn at(&self, index: usize) -> i32 {
        self.reference * if self.is_summed { index as i32 + 1 } else { 1 }
    }
}

/// Writes the values of integers to all of `out`, for which there are numbers.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vbmi,bmi2")]
pub(super) fn write_values(
    packed: Packed,
    sequence: Sequence,
    arithmetic: Arithmetic,
    out: &mut [MaybeUninit<f64>],
) {
    match arithmetic {
        Arithmetic::Whole => write(packed, sequence, out, |k| k),
        Arithmetic::Multiple { base: factor } => {
            let factor = _mm512_set1_pd(factor);
            write(packed, sequence, out, |k| _mm512_mul_pd(k, factor));
        }
        Arithmetic::Quotient { divisor } if Divisor::fits(divisor) => {
            let reciprocal = _mm512_set1_pd(1.0 / divisor);
            let divisor = _mm512_set1_pd(divisor);
            write(packed, sequence, out, |k| {
                let quotient = _mm512_mul_pd(k, reciprocal);
                let rest = _mm512_fnmadd_pd(quotient, divisor, k);
                _mm512_fmadd_pd(rest, reciprocal, quotient)
            });
        }
        Arithmetic::Quotient { divisor } => {
            let divisor = _mm512_set1_pd(divisor);
            write(packed, sequence, out, |k| _mm512_div_pd(k, divisor));
        }
        Arithmetic::Share { divisor, whole } => {
            let (divisor, whole) = (_mm512_set1_pd(divisor), _mm512_set1_pd(whole));
            let percent = _mm512_set1_pd(lanes::PERCENT);
            write(packed, sequence, out, |k| {
                _mm512_div_pd(_mm512_mul_pd(_mm512_div_pd(k, divisor), whole), percent)
            });
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vbmi,bmi2")]
fn write(
    packed: Packed,
    Sequence { summed_from, base }: Sequence,
    out: &mut [MaybeUninit<f64>],
    value: impl Fn(__m512d) -> __m512d,
) {
    let references = References::new(&packed, summed_from);
    // Exact, as all of these: whole numbers below 2^53.
    let lacking = _mm512_set1_pd(SHIFTED + (BIAS - base) as f64);
    let reference = _mm512_set1_pd(f64::from(references.reference));
    let counts: &[[f64; PART]; PARTS] = if references.is_summed { &RANKS } else { &ONES };
    let lacking: [__m512d; PARTS] =
        from_fn(|part| _mm512_fnmadd_pd(values_of(counts[part]), reference, lacking));
    let is_summed = references.is_summed;
    let start = i64::from(summed_from.unwrap_or(0).cast_signed());
    let mut carried = _mm512_set1_epi64(SHIFTED_PATTERN + BIAS + start);
    let group_sum =
        _mm512_set1_epi64(i64::from(if is_summed { references.at(GROUP - 1) } else { 0 }));
    // Not to be seen through: the compiler makes two instructions of one with a known mask.
    let eighth = black_box(EIGHTH);
    let summed = if is_summed { eighth } else { 0 };
    each_group(packed, is_summed, out, |bytes, out| {
        for (part, out) in out.as_chunks_mut::<PART>().0.iter_mut().enumerate() {
            let integers = _mm512_maskz_permutexvar_epi8(eighth, bytes_of(&EACH[part]), bytes);
            let shifted = _mm512_castsi512_pd(_mm512_add_epi64(integers, carried));
            *out = store(value(_mm512_sub_pd(shifted, lacking[part])));
            if part % 2 == 1 {
                let sum = _mm512_maskz_permutexvar_epi8(summed, bytes_of(&LAST[part / 2]), bytes);
                carried = _mm512_add_epi64(carried, sum);
            }
        }
        carried = _mm512_add_epi64(carried, group_sum);
    });
}

/// Writes integers without their base to all of `out`, for which there are numbers.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vbmi,bmi2")]
pub(super) fn write_integers(
    packed: Packed,
    summed_from: Option<u32>,
    out: &mut [MaybeUninit<i32>],
) {
    let references = References::new(&packed, summed_from);
    let is_summed = references.is_summed;
    let start = summed_from.unwrap_or(0).cast_signed();
    let mut carried = integers_of(from_fn(|index| start + references.at(index)));
    let tile_sum = _mm512_set1_epi32(if is_summed { references.at(TILE - 1) } else { 0 });
    let fourth = black_box(FOURTH);
    let summed = if is_summed { fourth } else { 0 };
    each_group(packed, is_summed, out, |bytes, out| {
        for (tile, out) in out.as_chunks_mut::<TILE>().0.iter_mut().enumerate() {
            let integers = _mm512_maskz_permutexvar_epi8(fourth, bytes_of(&TILES[tile]), bytes);
            *out = store_integers(_mm512_add_epi32(integers, carried));
            let sum = _mm512_maskz_permutexvar_epi8(summed, bytes_of(&LAST[tile]), bytes);
            carried = _mm512_add_epi32(_mm512_add_epi32(carried, tile_sum), sum);
        }
    });
}

/// Each byte's sum of the bytes of its tile up to its own. A product has it within eight bytes, for
/// no sum leaves a byte; then what the first eight come to is added to the others.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vbmi,bmi2")]
fn add_up(bytes: __m512i) -> __m512i {
    let sums = _mm512_mullo_epi64(bytes, _mm512_set1_epi64(EACH_BYTE));
    _mm512_add_epi8(sums, _mm512_shuffle_epi8(sums, bytes_of(&EIGHTH_TO_OTHERS)))
}

/// Calls `write` with the numbers of each group, or their sums within tiles, and the places of what
/// they tell.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vbmi,bmi2")]
fn each_group<T: Copy>(
    packed: Packed,
    is_summed: bool,
    out: &mut [MaybeUninit<T>],
    mut write: impl FnMut(__m512i, &mut [MaybeUninit<T>; GROUP]),
) {
    let width = packed.width as usize;
    let shifts = &SHIFTS[width - 1];
    let keep = _mm512_set1_epi8((1 << width) - 1);
    let (whole, rest) = out.as_chunks_mut();
    let groups = whole.len() + usize::from(!rest.is_empty());
    let mut last = [MaybeUninit::uninit(); GROUP];
    for index in 0..groups {
        let bit = index * GROUP_ROWS * width;
        let lanes =
            _mm512_permutexvar_epi32(integers_of(SIDE_BY_SIDE), two_words(packed.bytes, bit / 32));
        let rows = _mm512_multishift_epi64_epi8(bytes_of(&shifts[bit % 32 / 8]), lanes);
        let numbers = _mm512_and_si512(rows, keep);
        let numbers = _mm512_permutexvar_epi8(bytes_of(&IN_ORDER), numbers);
        let numbers = if is_summed { add_up(numbers) } else { numbers };
        write(numbers, whole.get_mut(index).unwrap_or(&mut last));
    }
    rest.copy_from_slice(&last[..rest.len()]);
}

/// Two words of each lane from a place on, with zeros for what lacks.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,bmi2")]
fn two_words(bytes: &[u8], at: usize) -> __m512i {
    let mut rest = bytes.get(at * size_of::<Words>()..).unwrap_or_default();
    let last: [Words; 2];
    if rest.len() < GROUP && !rest.len().is_multiple_of(size_of::<Words>()) {
        last = lanes::last_words(rest);
        rest = last.as_flattened();
    }
    let there = _bzhi_u64(u64::MAX, rest.len().min(GROUP) as u32);
    // SAFETY: no byte is read but the first ones that are there, for which the bits are set.
    unsafe { _mm512_maskz_loadu_epi8(there, rest.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn bytes_of(bytes: &[u8; GROUP]) -> __m512i {
    // SAFETY: both are 64 bytes, and every pattern of bits is a vector of integers.
    unsafe { std::mem::transmute::<[u8; GROUP], __m512i>(*bytes) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn integers_of(integers: [i32; TILE]) -> __m512i {
    // SAFETY: both are 64 bytes, and every pattern of bits is a vector of integers.
    unsafe { std::mem::transmute::<[i32; TILE], __m512i>(integers) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn values_of(values: [f64; PART]) -> __m512d {
    // SAFETY: both are 64 bytes, and every pattern of bits is eight numbers.
    unsafe { std::mem::transmute::<[f64; PART], __m512d>(values) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(values: __m512d) -> [MaybeUninit<f64>; PART] {
    // SAFETY: both are 64 bytes, and every pattern of bits is eight numbers.
    unsafe { std::mem::transmute::<__m512d, [MaybeUninit<f64>; PART]>(values) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store_integers(integers: __m512i) -> [MaybeUninit<i32>; TILE] {
    // SAFETY: both are 64 bytes, and every pattern of bits is sixteen integers.
    unsafe { std::mem::transmute::<__m512i, [MaybeUninit<i32>; TILE]>(integers) }
}
