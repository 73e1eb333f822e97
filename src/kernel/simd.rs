//! The loops of `lanes.rs` for the machine at hand: AVX2 where it is found, else portable code.
//!
//! In and out: as in `lanes.rs`. Never: another bit than the portable loop gives. Unpacking is the
//! same loop, compiled twice. Sums are whole numbers. Divisions are the one thing that is computed
//! in another way, see `divide`.
#![expect(
    unsafe_code,
    reason = "vectors and memory that is written once; each block has its proof"
)]
// A look-up of the processor's features is a load and a test: the standard library keeps them.

use std::mem::MaybeUninit;

use super::lanes::{self, Arithmetic, Block, Sequence};
use super::symbols::{self, Meaning, STATES, State, Stream};
use crate::model::limits::BLOCK_SAMPLES;

/// Loops for one kind of machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Machine {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
}

impl Machine {
    #[inline]
    fn here() -> Self {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("bmi2")
        {
            return Self::Avx2;
        }
        Self::Portable
    }

    #[inline]
    fn unpack(self, bytes: &[u8], width: u32, block: &mut Block) {
        match self {
            Self::Portable => lanes::unpack(bytes, width, block),
            // SAFETY: this variant is made only where AVX2, FMA and BMI2 were found.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { avx2::unpack(bytes, width, block) },
        }
    }

    #[inline]
    fn write_values(
        self,
        block: &Block,
        sequence: Sequence,
        arithmetic: Arithmetic,
        out: &mut [MaybeUninit<f64>; BLOCK_SAMPLES],
    ) {
        match self {
            Self::Portable => lanes::write_values(block, sequence, arithmetic, out),
            // SAFETY: this variant is made only where AVX2, FMA and BMI2 were found.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { avx2::write_values(block, sequence, arithmetic, out) },
        }
    }
}

/// Fills `found` from two streams at once, each to its own length.
pub(crate) fn decode_symbols(
    states: &[State; STATES],
    streams: &mut [Stream<'_>; 2],
    found: [&mut [Meaning]; 2],
) {
    match Machine::here() {
        Machine::Portable => symbols::decode(states, streams, found),
        // SAFETY: this variant is made only where AVX2, FMA and BMI2 were found.
        #[cfg(target_arch = "x86_64")]
        Machine::Avx2 => unsafe { avx2::decode_symbols(states, streams, found) },
    }
}

/// Fills `numbers` with what is meant, offsets read from `bytes`; returns the bits they took.
pub(crate) fn add_offsets(bytes: &[u8], found: &[Meaning], numbers: &mut [u32]) -> usize {
    match Machine::here() {
        Machine::Portable => symbols::add_offsets(bytes, found, numbers),
        // SAFETY: this variant is made only where AVX2, FMA and BMI2 were found.
        #[cfg(target_arch = "x86_64")]
        Machine::Avx2 => unsafe { avx2::add_offsets(bytes, found, numbers) },
    }
}

/// Fills `block` from [`lanes::packed_bytes`] of `width` bits each, at most [`lanes::WIDTH_MAX`].
pub(crate) fn unpack(bytes: &[u8], width: u32, block: &mut Block) {
    Machine::here().unpack(bytes, width, block);
}

/// Appends the values of a block.
pub(crate) fn append_values(
    block: &Block,
    sequence: Sequence,
    arithmetic: Arithmetic,
    out: &mut Vec<f64>,
) {
    out.reserve(BLOCK_SAMPLES);
    let length = out.len();
    let Some(places) = out.spare_capacity_mut().first_chunk_mut() else { return };
    Machine::here().write_values(block, sequence, arithmetic, places);
    // SAFETY: the places behind the old length are within the capacity, and all were written.
    unsafe { out.set_len(length + BLOCK_SAMPLES) };
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{Arithmetic, BLOCK_SAMPLES, Block, MaybeUninit, Sequence, lanes};
    use super::{Meaning, STATES, State, Stream, symbols};
    use std::arch::x86_64::*;

    #[target_feature(enable = "avx2,bmi2")]
    pub(super) fn decode_symbols(
        states: &[State; STATES],
        streams: &mut [Stream<'_>; 2],
        found: [&mut [Meaning]; 2],
    ) {
        symbols::decode(states, streams, found);
    }

    #[target_feature(enable = "avx2,bmi2")]
    pub(super) fn add_offsets(bytes: &[u8], found: &[Meaning], numbers: &mut [u32]) -> usize {
        symbols::add_offsets(bytes, found, numbers)
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn unpack(bytes: &[u8], width: u32, block: &mut Block) {
        lanes::unpack(bytes, width, block);
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn write_values(
        block: &Block,
        sequence: Sequence,
        arithmetic: Arithmetic,
        out: &mut [MaybeUninit<f64>; BLOCK_SAMPLES],
    ) {
        match arithmetic {
            Arithmetic::Whole => write(block, sequence, |k| k, out),
            Arithmetic::Multiple { base } => {
                let base = _mm256_set1_pd(base);
                write(block, sequence, |k| _mm256_mul_pd(k, base), out);
            }
            Arithmetic::Quotient { divisor } => {
                let divisor = _mm256_set1_pd(divisor);
                write(block, sequence, |k| _mm256_div_pd(k, divisor), out);
            }
            Arithmetic::Share { divisor, whole } => {
                let divisor = _mm256_set1_pd(divisor);
                let whole = _mm256_set1_pd(whole);
                let percent = _mm256_set1_pd(lanes::PERCENT);
                let value = |k| {
                    let part = _mm256_mul_pd(_mm256_div_pd(k, divisor), whole);
                    _mm256_div_pd(part, percent)
                };
                write(block, sequence, value, out);
            }
        }
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn write(
        block: &Block,
        sequence: Sequence,
        value: impl Fn(__m256d) -> __m256d,
        out: &mut [MaybeUninit<f64>; BLOCK_SAMPLES],
    ) {
        let rows = block.as_chunks().0.iter().zip(out.as_chunks_mut().0.as_chunks_mut().0);
        let base = _mm256_set1_pd(sequence.base);
        let reference = _mm256_set1_epi32(sequence.reference as i32);
        match sequence.summed_from {
            None => {
                for (row, [low, high]) in rows {
                    let row = _mm256_add_epi32(load(row), reference);
                    let [one, other] = halves(row);
                    *low = store(value(_mm256_add_pd(_mm256_cvtepi32_pd(one), base)));
                    *high = store(value(_mm256_add_pd(_mm256_cvtepi32_pd(other), base)));
                }
            }
            Some(start) => {
                let mut sum = _mm_set1_epi32(start as i32);
                for (row, [low, high]) in rows {
                    let row = _mm256_add_epi32(load(row), reference);
                    let row = _mm256_add_epi32(row, _mm256_slli_si256::<4>(row));
                    let row = _mm256_add_epi32(row, _mm256_slli_si256::<8>(row));
                    let [one, other] = halves(row);
                    let [one_sum, other_sum] = halves(_mm256_shuffle_epi32::<0xff>(row));
                    let one = _mm_add_epi32(one, sum);
                    sum = _mm_add_epi32(sum, one_sum);
                    let other = _mm_add_epi32(other, sum);
                    sum = _mm_add_epi32(sum, other_sum);
                    *low = store(value(_mm256_add_pd(_mm256_cvtepi32_pd(one), base)));
                    *high = store(value(_mm256_add_pd(_mm256_cvtepi32_pd(other), base)));
                }
            }
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn halves(row: __m256i) -> [__m128i; 2] {
        [_mm256_castsi256_si128(row), _mm256_extracti128_si256::<1>(row)]
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load(row: &lanes::Row) -> __m256i {
        // SAFETY: both are 32 bytes, and every pattern of bits is a vector of integers.
        unsafe { std::mem::transmute::<lanes::Row, __m256i>(*row) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn store(values: __m256d) -> [MaybeUninit<f64>; 4] {
        // SAFETY: both are 32 bytes, and every pattern of bits is four numbers.
        unsafe { std::mem::transmute::<__m256d, [MaybeUninit<f64>; 4]>(values) }
    }
}
