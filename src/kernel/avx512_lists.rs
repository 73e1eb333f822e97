//! The loops of `lists.rs` with AVX-512: numbers are cut by eights, and brought to their places by
//! one instruction for each eight, or for eight or sixteen places.
//!
//! In: a list, and the block that it changes. Out: the block as the portable loops change it.
//! Never: another bit, or bytes read outside of the slices. All numbers are whole and exact.
#![expect(unsafe_code, reason = "vectors are cut from memory; each of the blocks has its proof")]

use std::arch::x86_64::{
    __m256i, __m512i, __mmask8, _mm_cvtsi32_si128, _mm256_add_epi32, _mm256_setzero_si256,
    _mm512_add_epi8, _mm512_add_epi32, _mm512_add_epi64, _mm512_alignr_epi64, _mm512_and_si512,
    _mm512_cvtepi64_epi32, _mm512_mask_cmplt_epu64_mask, _mm512_mask_i64gather_epi32,
    _mm512_mask_i64gather_epi64, _mm512_mask_i64scatter_epi32, _mm512_mask_i64scatter_epi64,
    _mm512_maskz_expand_epi32, _mm512_maskz_expand_epi64, _mm512_maskz_loadu_epi8,
    _mm512_maskz_sub_epi64, _mm512_mullo_epi32, _mm512_permutexvar_epi8, _mm512_permutexvar_epi64,
    _mm512_set1_epi64, _mm512_setr_epi64, _mm512_setzero_si512, _mm512_shuffle_epi8,
    _mm512_sll_epi64, _mm512_srli_epi64, _mm512_srlv_epi64, _mm512_sub_epi64, _mm512_xor_si512,
};
use std::mem::MaybeUninit;

use super::avx512::bytes_of;
use super::bits::mask;
use super::lists::{Bits, GAP_WIDTH_MAX, List, Meaning, Places, Slot};
use crate::model::limits::BLOCK_SAMPLES;

/// Integers of a vector.
const GROUP: usize = 8;
/// Words of a vector.
const TILE: usize = 16;
/// A load of eight bytes has an integer of so many bits, wherever it begins.
const WIDTH_MAX: u32 = 57;
/// As many integers as a block has, and zeros behind them, so that there are sixteen from any on.
const ROOM: usize = BLOCK_SAMPLES + TILE;
/// For each byte of a vector, where in its half the lowest byte of its integer is.
const LOWEST: [u8; 64] = of_each_byte(true);
/// For each byte of a vector, which byte of its integer it is.
const OWN: [u8; 64] = of_each_byte(false);

const fn of_each_byte(lowest: bool) -> [u8; 64] {
    let (mut bytes, mut at) = ([0; 64], 0);
    while at < 64 {
        bytes[at] = (if lowest { at % 16 / 8 * 8 } else { at % 8 }) as u8;
        at += 1;
    }
    bytes
}

/// What can be gathered and scattered.
///
/// # Safety
/// It has four or eight bytes, and every pattern of bits is one.
unsafe trait Plain: Slot {}
// SAFETY: numbers of four and eight bytes.
unsafe impl Plain for u32 {}
// SAFETY: as above.
unsafe impl Plain for u64 {}
// SAFETY: as above.
unsafe impl Plain for f64 {}

/// Whether the loops here give what the portable ones give.
pub(super) fn fits(list: &List, high: Option<&List>) -> bool {
    let fits = |list: &List| {
        let List { places, numbers } = list;
        let are_cut = numbers.width <= WIDTH_MAX && numbers.count <= BLOCK_SAMPLES;
        are_cut
            && match places {
                Places::Gaps(gaps) => gaps.width <= GAP_WIDTH_MAX && gaps.count == numbers.count,
                Places::Bitmap(_) => true,
            }
    };
    fits(list) && high.is_none_or(fits)
}

/// Adds to slots of four bytes.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2,popcnt")]
pub(super) fn add_to_words(
    list: &List,
    high: Option<&List>,
    meaning: Meaning,
    slots: &mut [u32],
) -> bool {
    add(list, high, meaning, slots, |bitmap, numbers, slots| {
        let mut words = Eights::new();
        for eight in numbers {
            words.push(store_half(_mm512_cvtepi64_epi32(load(eight))));
        }
        // Sixteen words are loaded from any number on; eight zeros follow the numbers already.
        words.push([0; GROUP]);
        let words = words.written().as_flattened();
        let mut next = 0;
        let (tiles, rest) = slots.as_chunks_mut();
        for (tile, mask) in tiles.iter_mut().zip(bitmap.as_chunks().0) {
            let mask = u16::from_le_bytes(*mask);
            let Some(some) = words[next..].first_chunk() else { return false };
            let some = _mm512_maskz_expand_epi32(mask, load_words(some));
            *tile = store_words(_mm512_add_epi32(load_words(tile), some));
            next += mask.count_ones() as usize;
        }
        add_one_by_one(bitmap, tiles.len() * TILE, &words[next..], rest);
        true
    })
}

/// Adds to patterns of bits.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2,popcnt")]
pub(super) fn add_to_patterns(
    list: &List,
    high: Option<&List>,
    meaning: Meaning,
    slots: &mut [f64],
) -> bool {
    add(list, high, meaning, slots, |bitmap, numbers, slots| {
        add_at_bitmap(bitmap, numbers, slots, f64::to_bits, f64::from_bits)
    })
}

/// Adds the numbers of a list: by itself where places are told by gaps, else by `at_bitmap`, which
/// is given a bitmap that is right, and what its numbers mean, with a group of zeros behind them.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2,popcnt")]
fn add<S: Plain>(
    list: &List,
    high: Option<&List>,
    meaning: Meaning,
    slots: &mut [S],
    at_bitmap: impl FnOnce(&[u8], &[[u64; GROUP]], &mut [S]) -> bool,
) -> bool {
    let Some(high) = high else { return add_alone(list, meaning, slots, at_bitmap) };
    let count = list.numbers.count;
    let cut = Cut::new(list.numbers);
    let mut numbers = Eights::new();
    for index in 0..count.div_ceil(GROUP) {
        numbers.push(store(cut.eight(index)));
    }
    if !add_high(high, list.numbers.width, &mut numbers.written().as_flattened_mut()[..count]) {
        return false;
    }
    match list.places {
        Places::Gaps(gaps) => {
            let numbers = &*numbers.written();
            add_at_gaps(gaps, |index| meaning_of(meaning, load(&numbers[index])), slots)
        }
        Places::Bitmap(bitmap) => {
            for eight in numbers.written() {
                *eight = store(meaning_of(meaning, load(eight)));
            }
            numbers.push([0; GROUP]);
            is_right(bitmap, count, slots.len()) && at_bitmap(bitmap, numbers.written(), slots)
        }
    }
}

/// Adds high bits to the numbers of a list, which have `width` without them.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2,popcnt")]
fn add_high(high: &List, width: u32, numbers: &mut [u64]) -> bool {
    add_alone(high, Meaning::above(width), numbers, |bitmap, numbers, slots| {
        add_at_bitmap(bitmap, numbers, slots, |bits| bits, |bits| bits)
    })
}

/// As [`add`], without high bits: numbers need not be kept where places are told by gaps.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2,popcnt")]
fn add_alone<S: Plain>(
    list: &List,
    meaning: Meaning,
    slots: &mut [S],
    at_bitmap: impl FnOnce(&[u8], &[[u64; GROUP]], &mut [S]) -> bool,
) -> bool {
    let cut = Cut::new(list.numbers);
    let means = |index| meaning_of(meaning, cut.eight(index));
    match list.places {
        Places::Gaps(gaps) => add_at_gaps(gaps, means, slots),
        Places::Bitmap(bitmap) => {
            let mut numbers = Eights::new();
            for index in 0..list.numbers.count.div_ceil(GROUP) {
                numbers.push(store(means(index)));
            }
            numbers.push([0; GROUP]);
            is_right(bitmap, list.numbers.count, slots.len())
                && at_bitmap(bitmap, numbers.written(), slots)
        }
    }
}

/// Adds numbers, behind which there is a group of zeros, to the places of a bitmap that is right;
/// `false` where there are too few, which is never.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2,popcnt")]
fn add_at_bitmap<S: Slot>(
    bitmap: &[u8],
    numbers: &[[u64; GROUP]],
    slots: &mut [S],
    to_bits: impl Fn(S) -> u64,
    from_bits: impl Fn(u64) -> S,
) -> bool {
    let numbers = numbers.as_flattened();
    let mut next = 0;
    let (tiles, rest) = slots.as_chunks_mut::<GROUP>();
    for (tile, mask) in tiles.iter_mut().zip(bitmap) {
        let Some(some) = numbers[next..].first_chunk() else { return false };
        let some = _mm512_maskz_expand_epi64(*mask, load(some));
        *tile = store(_mm512_add_epi64(load(&tile.map(&to_bits)), some)).map(&from_bits);
        next += mask.count_ones() as usize;
    }
    add_one_by_one(bitmap, tiles.len() * GROUP, &numbers[next..], rest);
    true
}

/// Adds to places one after another, those of a bitmap from `done` on.
#[inline]
fn add_one_by_one<N: Copy + Into<u64>, S: Slot>(
    bitmap: &[u8],
    done: usize,
    numbers: &[N],
    slots: &mut [S],
) {
    let mut numbers = numbers.iter();
    for (place, slot) in (done..).zip(slots) {
        if bitmap.get(place / 8).is_some_and(|byte| byte >> (place % 8) & 1 == 1)
            && let Some(number) = numbers.next()
        {
            slot.add((*number).into());
        }
    }
}

/// Whether a bitmap is one of so many slots, and has as many places as there are numbers.
#[inline]
#[target_feature(enable = "popcnt")]
fn is_right(bitmap: &[u8], count: usize, slots: usize) -> bool {
    let (words, rest) = bitmap.as_chunks();
    let set = words.iter().map(|word| u64::from_le_bytes(*word).count_ones()).sum::<u32>()
        + rest.iter().map(|byte| byte.count_ones()).sum::<u32>();
    let beyond = bitmap.get(slots / 8).map_or(0, |byte| byte >> (slots % 8));
    set as usize == count && beyond == 0 && bitmap.len() == slots.div_ceil(8)
}

/// Adds eight numbers at a time to the places that gaps tell; `false` where one is outside.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2,popcnt")]
fn add_at_gaps<S: Plain>(gaps: Bits, numbers: impl Fn(usize) -> __m512i, slots: &mut [S]) -> bool {
    let cut = Cut::new(gaps);
    let (zero, ones) = (_mm512_setzero_si512(), _mm512_set1_epi64(-1));
    let mut before = ones;
    for index in 0..gaps.count.div_ceil(GROUP) {
        let left = (gaps.count - index * GROUP).min(GROUP);
        let mask = ((1_u32 << left) - 1) as u8;
        let steps = _mm512_maskz_sub_epi64(mask, cut.eight(index), ones);
        let sums = _mm512_add_epi64(steps, _mm512_alignr_epi64::<7>(steps, zero));
        let sums = _mm512_add_epi64(sums, _mm512_alignr_epi64::<6>(sums, zero));
        let sums = _mm512_add_epi64(sums, _mm512_alignr_epi64::<4>(sums, zero));
        let places = _mm512_add_epi64(sums, before);
        before = _mm512_permutexvar_epi64(_mm512_set1_epi64(7), places);
        if !add_eight(mask, places, numbers(index), slots) {
            return false;
        }
    }
    true
}

/// Adds those of eight numbers that `mask` has to their places, each another one; adds none and is
/// `false` where one is outside.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2,popcnt")]
fn add_eight<S: Plain>(mask: __mmask8, places: __m512i, numbers: __m512i, slots: &mut [S]) -> bool {
    let end = _mm512_set1_epi64(slots.len() as i64);
    if _mm512_mask_cmplt_epu64_mask(mask, places, end) != mask {
        return false;
    }
    let first = slots.as_mut_ptr();
    // In each of the four blocks below all places of the mask are below the slice's length, and a
    // slot has as many bytes as are gathered or scattered; any bits are one, since it is plain.
    if size_of::<S>() == 4 {
        let none = _mm256_setzero_si256();
        // SAFETY: as said above.
        let here = unsafe { _mm512_mask_i64gather_epi32::<4>(none, mask, places, first.cast()) };
        let sums = _mm256_add_epi32(here, _mm512_cvtepi64_epi32(numbers));
        // SAFETY: as said above.
        unsafe { _mm512_mask_i64scatter_epi32::<4>(first.cast(), mask, places, sums) };
    } else {
        let none = _mm512_setzero_si512();
        // SAFETY: as said above.
        let here = unsafe { _mm512_mask_i64gather_epi64::<8>(none, mask, places, first.cast()) };
        let sums = _mm512_add_epi64(here, numbers);
        // SAFETY: as said above.
        unsafe { _mm512_mask_i64scatter_epi64::<8>(first.cast(), mask, places, sums) };
    }
    true
}

#[inline]
#[target_feature(enable = "avx512f")]
fn meaning_of(meaning: Meaning, numbers: __m512i) -> __m512i {
    let Meaning { is_folded, more, shift } = meaning;
    let numbers = _mm512_add_epi64(numbers, _mm512_set1_epi64(more as i64));
    let unfolded = if is_folded {
        let sign = _mm512_and_si512(numbers, _mm512_set1_epi64(1));
        let sign = _mm512_sub_epi64(_mm512_setzero_si512(), sign);
        _mm512_xor_si512(_mm512_srli_epi64::<1>(numbers), sign)
    } else {
        numbers
    };
    _mm512_sll_epi64(unfolded, _mm_cvtsi32_si128(shift as i32))
}

/// Packed integers that are cut by eights.
struct Cut<'a> {
    bytes: &'a [u8],
    width: usize,
    /// In which bytes each of eight is, behind how many bits, and which bits it has.
    order: __m512i,
    shifts: __m512i,
    keep: __m512i,
}

impl<'a> Cut<'a> {
    /// Eight integers are `width` bytes, so that all eights are cut in the same way.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2")]
    fn new(bits: Bits<'a>) -> Self {
        let Bits { bytes, width, .. } = bits;
        let eight = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
        let starts = _mm512_mullo_epi32(eight, _mm512_set1_epi64(i64::from(width)));
        let lowest = _mm512_shuffle_epi8(_mm512_srli_epi64::<3>(starts), bytes_of(&LOWEST));
        Self {
            bytes,
            width: width as usize,
            order: _mm512_add_epi8(lowest, bytes_of(&OWN)),
            shifts: _mm512_and_si512(starts, _mm512_set1_epi64(7)),
            keep: _mm512_set1_epi64(mask(width) as i64),
        }
    }

    /// Those from eight times `index` on; behind the last one come others.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2")]
    fn eight(&self, index: usize) -> __m512i {
        let rest = self.bytes.get(index * self.width..).unwrap_or_default();
        let there = if rest.len() < 64 { (1 << rest.len()) - 1 } else { u64::MAX };
        // SAFETY: bytes of the slice alone are loaded: the first ones, as many as it has or fewer.
        let loaded = unsafe { _mm512_maskz_loadu_epi8(there, rest.as_ptr().cast()) };
        let words = _mm512_srlv_epi64(_mm512_permutexvar_epi8(self.order, loaded), self.shifts);
        _mm512_and_si512(words, self.keep)
    }
}

/// Integers that are written once, by eights.
struct Eights<T> {
    slots: [[MaybeUninit<T>; GROUP]; ROOM / GROUP],
    written: usize,
}

impl<T: Copy> Eights<T> {
    #[inline]
    fn new() -> Self {
        Self { slots: [[MaybeUninit::uninit(); GROUP]; _], written: 0 }
    }

    /// Adds eight; there is room for those of a block, and what is put behind them.
    #[inline]
    fn push(&mut self, eight: [T; GROUP]) {
        debug_assert!(self.written < self.slots.len(), "a list of more numbers than a block has");
        if let Some(slots) = self.slots.get_mut(self.written) {
            *slots = eight.map(MaybeUninit::new);
            self.written += 1;
        }
    }

    #[inline]
    fn written(&mut self) -> &mut [[T; GROUP]] {
        let written = &mut self.slots[..self.written];
        // SAFETY: so many were written, and an integer that may not be written is laid out as one.
        unsafe { &mut *(std::ptr::from_mut(written) as *mut [[T; GROUP]]) }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(integers: &[u64; GROUP]) -> __m512i {
    // SAFETY: both are 64 bytes, and every pattern of bits is a vector of integers.
    unsafe { std::mem::transmute::<[u64; GROUP], __m512i>(*integers) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(integers: __m512i) -> [u64; GROUP] {
    // SAFETY: both are 64 bytes, and every pattern of bits is eight integers.
    unsafe { std::mem::transmute::<__m512i, [u64; GROUP]>(integers) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store_half(integers: __m256i) -> [u32; GROUP] {
    // SAFETY: both are 32 bytes, and every pattern of bits is eight integers.
    unsafe { std::mem::transmute::<__m256i, [u32; GROUP]>(integers) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_words(integers: &[u32; TILE]) -> __m512i {
    // SAFETY: both are 64 bytes, and every pattern of bits is a vector of integers.
    unsafe { std::mem::transmute::<[u32; TILE], __m512i>(*integers) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store_words(integers: __m512i) -> [u32; TILE] {
    // SAFETY: both are 64 bytes, and every pattern of bits is sixteen integers.
    unsafe { std::mem::transmute::<__m512i, [u32; TILE]>(integers) }
}
