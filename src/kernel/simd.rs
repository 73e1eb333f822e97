//! The loops of `lanes.rs`, `bits.rs` and `lists.rs` for the machine at hand: those of `avx512.rs`,
//! `avx512_lists.rs` and `avx2.rs` where it has what they need, else the portable ones.
//!
//! In: what the loops take. Out: what they give, in memory that is not cleared before. Never:
//! another bit than the portable loops give, or memory that was not written.
#![expect(unsafe_code, reason = "other machines' instructions, and memory that is written once")]

use std::mem::MaybeUninit;

use super::bits::{Integers, Positions};
use super::lanes::{Arithmetic, Block, Packed, Sequence, Unwritten};
use super::lists::{List, Meaning};
use super::reduce::{Spread, Total};
use super::running::RunningTotal;
use super::symbols::{STATES, State, Stream};
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512, avx512_lists};
use super::{bits, integers, lanes, lists, reduce, symbols};

/// The loops for one kind of machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Machine {
    Portable,
    /// AVX2, BMI2 and FMA are there.
    #[cfg(target_arch = "x86_64")]
    Avx2(Found),
}

/// Made by [`Machine::here`] alone.
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found(());

impl Machine {
    /// The standard library keeps what it found: this is a load and a test.
    #[inline]
    fn here() -> Self {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("fma")
        {
            return Self::Avx2(Found(()));
        }
        Self::Portable
    }

    /// Writes what the integers are told by, or more.
    #[inline]
    fn unpack_lanes(self, packed: Packed, block: &mut Unwritten) {
        match self {
            Self::Portable => lanes::unpack(packed, block),
            // SAFETY: a machine of this kind has the instructions that the function is made of.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => unsafe { avx2::unpack_lanes(packed, block) },
        }
    }

    #[inline]
    fn unpack_bits(self, bytes: &[u8], width: u32, out: &mut [i64]) {
        match self {
            Self::Portable => bits::unpack(bytes, width, out),
            // SAFETY: a machine of this kind has the instructions that the function is made of.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => unsafe { avx2::unpack_bits(bytes, width, out) },
        }
    }

    /// Writes the first `count` of `out`, or all of them.
    #[inline]
    fn unpack_some(self, bytes: &[u8], width: u32, count: usize, out: &mut Integers) {
        match self {
            Self::Portable => bits::unpack_some(bytes, width, count, out),
            // SAFETY: a machine of this kind has the instructions that the function is made of.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => unsafe { avx2::unpack_some(bytes, width, count, out) },
        }
    }

    /// Writes as many of `out` as it returns.
    #[inline]
    fn list_bits(self, bytes: &[u8], out: &mut Positions) -> usize {
        match self {
            Self::Portable => bits::list_bits(bytes, out),
            // SAFETY: a machine of this kind has the instructions that the function is made of.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => unsafe { avx2::list_bits(bytes, out) },
        }
    }

    /// Writes all of `out`, for which the block has numbers.
    #[inline]
    fn write_integers(self, block: &[u32], summed_from: Option<u32>, out: &mut [MaybeUninit<i32>]) {
        match self {
            Self::Portable => lanes::write_integers(block, summed_from, out),
            // SAFETY: a machine of this kind has the instructions that the function is made of.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => unsafe { avx2::write_integers(block, summed_from, out) },
        }
    }

    /// Writes all of `out`, for which the block has numbers.
    #[inline]
    fn write_values(
        self,
        block: &[u32],
        sequence: Sequence,
        arithmetic: Arithmetic,
        out: &mut [MaybeUninit<f64>],
    ) {
        match self {
            Self::Portable => lanes::write_values(block, sequence, arithmetic, out),
            // SAFETY: a machine of this kind has the instructions that the function is made of.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => unsafe { avx2::write_values(block, sequence, arithmetic, out) },
        }
    }
}

/// Calls `then` with what was packed, filled up to whole tiles, each number more by the reference.
#[inline]
pub(crate) fn with_lanes<R>(packed: Packed, then: impl FnOnce(&mut [u32]) -> R) -> R {
    Machine::here().with_lanes(packed, then)
}

/// The sum of a run of samples, NaN skipped, and how many there are.
///
/// ```
/// let total = plimsoll::kernel::total(&[1.0, f64::NAN, 2.5]);
/// assert_eq!((total.sum, total.count), (3.5, 2));
/// ```
pub fn total(values: &[f64]) -> Total {
    match Machine::here() {
        Machine::Portable => reduce::total(values),
        // SAFETY: a machine of this kind has the instructions that the function is made of.
        #[cfg(target_arch = "x86_64")]
        Machine::Avx2(_) => unsafe { avx2::total(values) },
    }
}

/// Adds the next values of a run.
pub(super) fn add_run(running: &mut RunningTotal, values: &[f64]) {
    match Machine::here() {
        Machine::Portable => running.add_run(values),
        // SAFETY: a machine of this kind has the instructions that the function is made of.
        #[cfg(target_arch = "x86_64")]
        Machine::Avx2(_) => unsafe { avx2::add_run(running, values) },
    }
}

/// The least and the greatest of integers; of none, what none is less or greater than.
pub(super) fn extremes(numbers: &[i32]) -> (i32, i32) {
    match Machine::here() {
        Machine::Portable => integers::extremes(numbers),
        // SAFETY: a machine of this kind has the instructions that the function is made of.
        #[cfg(target_arch = "x86_64")]
        Machine::Avx2(_) => unsafe { avx2::extremes(numbers) },
    }
}

/// The least of integers; the greatest there could be of none.
pub(super) fn smallest(numbers: &[i32]) -> i32 {
    match Machine::here() {
        Machine::Portable => integers::smallest(numbers),
        // SAFETY: a machine of this kind has the instructions that the function is made of.
        #[cfg(target_arch = "x86_64")]
        Machine::Avx2(_) => unsafe { avx2::smallest(numbers) },
    }
}

/// The greatest of integers; the least there could be of none.
pub(super) fn largest(numbers: &[i32]) -> i32 {
    match Machine::here() {
        Machine::Portable => integers::largest(numbers),
        // SAFETY: a machine of this kind has the instructions that the function is made of.
        #[cfg(target_arch = "x86_64")]
        Machine::Avx2(_) => unsafe { avx2::largest(numbers) },
    }
}

/// The sum of integers.
pub(super) fn sum(numbers: &[i32]) -> i64 {
    match Machine::here() {
        Machine::Portable => integers::sum(numbers),
        // SAFETY: a machine of this kind has the instructions that the function is made of.
        #[cfg(target_arch = "x86_64")]
        Machine::Avx2(_) => unsafe { avx2::sum(numbers) },
    }
}

/// The sum of the numbers of each lane, where the first is in lane `phase`.
pub(super) fn lane_sums(numbers: &[i32], phase: usize) -> [i64; reduce::LANES] {
    match Machine::here() {
        Machine::Portable => integers::lane_sums(numbers, phase),
        // SAFETY: a machine of this kind has the instructions that the function is made of.
        #[cfg(target_arch = "x86_64")]
        Machine::Avx2(_) => unsafe { avx2::lane_sums(numbers, phase) },
    }
}

/// How the numbers of a run lie around their mean, NaN skipped.
///
/// ```
/// let spread = plimsoll::kernel::spread(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
/// assert_eq!(spread.deviation(), 2.0);
/// assert_eq!(plimsoll::kernel::spread(&[0.1; 1_000]).deviation(), 0.0);
/// ```
pub fn spread(values: &[f64]) -> Spread {
    match Machine::here() {
        Machine::Portable => reduce::spread(values),
        // SAFETY: a machine of this kind has the instructions that the function is made of.
        #[cfg(target_arch = "x86_64")]
        Machine::Avx2(_) => unsafe { avx2::spread(values) },
    }
}

/// The least number of a run, -0.0 before 0.0; NaN without any.
///
/// ```
/// assert_eq!(plimsoll::kernel::least(&[1.0, f64::NAN, -2.5]), -2.5);
/// ```
pub fn least(values: &[f64]) -> f64 {
    match Machine::here() {
        Machine::Portable => reduce::least(values),
        // SAFETY: a machine of this kind has the instructions that the function is made of.
        #[cfg(target_arch = "x86_64")]
        Machine::Avx2(_) => unsafe { avx2::least(values) },
    }
}

/// The greatest number of a run, 0.0 after -0.0; NaN without any.
///
/// ```
/// assert_eq!(plimsoll::kernel::greatest(&[1.0, f64::NAN, -2.5]), 1.0);
/// ```
pub fn greatest(values: &[f64]) -> f64 {
    match Machine::here() {
        Machine::Portable => reduce::greatest(values),
        // SAFETY: a machine of this kind has the instructions that the function is made of.
        #[cfg(target_arch = "x86_64")]
        Machine::Avx2(_) => unsafe { avx2::greatest(values) },
    }
}

/// Fills `found` with the states that a stream goes through; returns what is left of it.
pub(crate) fn decode_symbols<'a>(
    states: &[State; STATES],
    stream: Stream<'a>,
    found: &mut [State],
) -> Stream<'a> {
    match Machine::here() {
        Machine::Portable => symbols::decode(states, stream, found, symbols::keep_bits),
        // SAFETY: a machine of this kind has the instructions that the function is made of.
        #[cfg(target_arch = "x86_64")]
        Machine::Avx2(_) => unsafe { avx2::decode_symbols(states, stream, found) },
    }
}

/// Writes the numbers that are meant to a block of lanes, without offsets.
pub(crate) fn place_meanings(found: &[State], block: &mut Block) {
    match Machine::here() {
        Machine::Portable => symbols::place_meanings(found, block),
        // SAFETY: a machine of this kind has the instructions that the function is made of.
        #[cfg(target_arch = "x86_64")]
        Machine::Avx2(_) => unsafe { avx2::place_meanings(found, block) },
    }
}

/// Writes the numbers that are meant to a block of lanes, each with its offset from `bytes`, none
/// of them wider than `widest` bits; returns the bits that were read.
pub(crate) fn add_offsets(bytes: &[u8], widest: u32, found: &[State], block: &mut Block) -> usize {
    match Machine::here() {
        Machine::Portable => symbols::add_offsets(bytes, widest, found, block, symbols::keep_bits),
        // SAFETY: a machine of this kind has the instructions that the function is made of.
        #[cfg(target_arch = "x86_64")]
        Machine::Avx2(_) => unsafe { avx2::add_offsets(bytes, widest, found, block) },
    }
}

/// Appends `count` values of a block, or as many as it has numbers.
pub(crate) fn append_values(
    block: &[u32],
    count: usize,
    sequence: Sequence,
    arithmetic: Arithmetic,
    out: &mut Vec<f64>,
) {
    Machine::here().append_values(block, count, sequence, arithmetic, out);
}

/// Appends the values of what was packed, which is used as it is.
pub(crate) fn append_packed_values(
    packed: Packed,
    sequence: Sequence,
    arithmetic: Arithmetic,
    out: &mut Vec<f64>,
) {
    #[cfg(target_arch = "x86_64")]
    if cuts_bytes() && avx512::fits(&packed, sequence.summed_from) {
        return append(packed.count, out, |slots| {
            // SAFETY: the instructions were found.
            unsafe { avx512::write_values(packed, sequence, arithmetic, slots) };
        });
    }
    with_lanes(packed, |block| append_values(block, packed.count, sequence, arithmetic, out));
}

/// Appends the integers of what was packed, which is used as it is, each without the base.
pub(crate) fn append_packed_integers(packed: Packed, summed_from: Option<u32>, out: &mut Vec<i32>) {
    #[cfg(target_arch = "x86_64")]
    if cuts_bytes() && avx512::fits(&packed, summed_from) {
        return append(packed.count, out, |slots| {
            // SAFETY: the instructions were found.
            unsafe { avx512::write_integers(packed, summed_from, slots) };
        });
    }
    with_lanes(packed, |block| append_integers(block, packed.count, summed_from, out));
}

/// Whether the machine has what the loops of `avx512.rs` and `avx512_lists.rs` are made of.
#[cfg(target_arch = "x86_64")]
fn cuts_bytes() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vbmi")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("popcnt")
}

/// Appends `count` items, all of which `write` writes.
fn append<T>(count: usize, out: &mut Vec<T>, write: impl FnOnce(&mut [MaybeUninit<T>])) {
    out.reserve(count);
    let length = out.len();
    write(&mut out.spare_capacity_mut()[..count]);
    // SAFETY: the places behind the old length are within the capacity, and all were written.
    unsafe { out.set_len(length + count) };
}

/// Appends `count` integers of a block, or as many as it has numbers, each without the base.
pub(crate) fn append_integers(
    block: &[u32],
    count: usize,
    summed_from: Option<u32>,
    out: &mut Vec<i32>,
) {
    Machine::here().append_integers(block, count, summed_from, out);
}

/// Fills `out` from packed `bytes`. Bits that are missing read as zero: callers check the length.
pub(crate) fn unpack_bits(bytes: &[u8], width: u32, out: &mut [i64]) {
    Machine::here().unpack_bits(bytes, width, out);
}

/// Adds the numbers of a list, each with its high bits, where `high` has some for its place in the
/// list, to words; `false`, and any change of them, where there are other places than numbers, or
/// where one is outside.
pub(crate) fn add_to_words(
    list: &List,
    high: Option<&List>,
    meaning: Meaning,
    slots: &mut [u32],
) -> bool {
    #[cfg(target_arch = "x86_64")]
    if cuts_bytes() && avx512_lists::fits(list, high) {
        // SAFETY: the instructions were found.
        return unsafe { avx512_lists::add_to_words(list, high, meaning, slots) };
    }
    lists::add(Machine::here(), list, high, meaning, slots)
}

/// As [`add_to_words`], to patterns of bits.
pub(crate) fn add_to_patterns(
    list: &List,
    high: Option<&List>,
    meaning: Meaning,
    slots: &mut [f64],
) -> bool {
    #[cfg(target_arch = "x86_64")]
    if cuts_bytes() && avx512_lists::fits(list, high) {
        // SAFETY: the instructions were found.
        return unsafe { avx512_lists::add_to_patterns(list, high, meaning, slots) };
    }
    lists::add(Machine::here(), list, high, meaning, slots)
}

/// As [`add_to_words`], to integers: those of blocks that 32 bits do not tell apart, which are too
/// few for a loop of their own.
pub(crate) fn add_to_integers(
    list: &List,
    high: Option<&List>,
    meaning: Meaning,
    slots: &mut [i64],
) -> bool {
    lists::add(Machine::here(), list, high, meaning, slots)
}

/// A loop that is to run with the widest vectors of the machine. To gain by it `run`, and all that
/// it calls, must always be inlined; a closure would not be.
pub(crate) trait Loop {
    /// What it comes to.
    type Output;

    /// Runs it.
    fn run(self) -> Self::Output;
}

/// Runs a loop with the widest vectors that the machine has. It gives the same bits on every
/// machine, since nothing is fused or reordered.
#[inline]
pub(crate) fn widest<L: Loop>(work: L) -> L::Output {
    match Machine::here() {
        Machine::Portable => work.run(),
        // SAFETY: a machine of this kind has the instructions that the function is made of.
        #[cfg(target_arch = "x86_64")]
        Machine::Avx2(_) => unsafe { avx2::run(work) },
    }
}

/// Asks for bytes that will be read soon, where the machine can be asked. A hint: nothing but time
/// depends on it.
#[inline]
pub fn prefetch(bytes: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    for line in bytes.chunks(64) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: every x86-64 has it, and it reads nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = bytes;
}

impl Machine {
    #[inline]
    fn with_lanes<R>(self, packed: Packed, then: impl FnOnce(&mut [u32]) -> R) -> R {
        let mut block: Unwritten = [MaybeUninit::uninit(); _];
        self.unpack_lanes(packed, &mut block);
        let written = lanes::padded(packed.count).min(block.len());
        // SAFETY: the numbers of `count` integers were written, or all, whatever the bytes.
        then(unsafe { block[..written].assume_init_mut() })
    }

    fn append_values(
        self,
        block: &[u32],
        count: usize,
        sequence: Sequence,
        arithmetic: Arithmetic,
        out: &mut Vec<f64>,
    ) {
        let count = count.min(block.len() / lanes::TILE * lanes::TILE);
        append(count, out, |slots| self.write_values(block, sequence, arithmetic, slots));
    }

    fn append_integers(
        self,
        block: &[u32],
        count: usize,
        summed_from: Option<u32>,
        out: &mut Vec<i32>,
    ) {
        let count = count.min(block.len() / lanes::TILE * lanes::TILE);
        append(count, out, |slots| self.write_integers(block, summed_from, slots));
    }

    /// Calls `then` with `count` integers of `width` bits each, at most as many as a block has
    /// samples. Bits that are missing read as zero.
    #[inline]
    pub(super) fn with_bits<R>(
        self,
        bytes: &[u8],
        width: u32,
        count: usize,
        then: impl FnOnce(&mut [u64]) -> R,
    ) -> R {
        let mut out: Integers = [[MaybeUninit::uninit(); _]; _];
        self.unpack_some(bytes, width, count, &mut out);
        let out = out.as_flattened_mut();
        let count = count.min(out.len());
        // SAFETY: that many were written.
        then(unsafe { out[..count].assume_init_mut() })
    }

    /// Calls `then` with the places of the bits that are set in a bitmap of up to one block.
    #[inline]
    pub(super) fn with_bitmap<R>(self, bytes: &[u8], then: impl FnOnce(&[u16]) -> R) -> R {
        let mut out: Positions = [MaybeUninit::uninit(); _];
        let count = self.list_bits(bytes, &mut out);
        // SAFETY: that many were written.
        then(unsafe { out[..count].assume_init_ref() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::limits::BLOCK_SAMPLES;
    use proptest::prelude::*;

    /// All widths are tried, but by an interpreter.
    const WIDTH_STEP: usize = if cfg!(miri) { 11 } else { 1 };

    /// The portable loops, and those that this machine gets.
    fn machines() -> [Machine; 2] {
        [Machine::Portable, Machine::here()]
    }

    fn block(random: &[u32], shift: u32) -> Block {
        std::array::from_fn(|index| (random[index % random.len()] ^ index as u32) >> shift)
    }

    /// What `sequence` says, one integer after another.
    fn integers(block: &Block, count: usize, sequence: Sequence) -> Vec<i64> {
        let mut sum = sequence.summed_from.unwrap_or(0);
        let mut integer = |index| {
            let number = block[lanes::place(index)];
            sum = if sequence.summed_from.is_some() { sum.wrapping_add(number) } else { number };
            sequence.base + i64::from(sum as i32)
        };
        (0..count).map(&mut integer).collect()
    }

    /// How many integers a block has: all, or fewer.
    fn count() -> impl Strategy<Value = usize> {
        prop_oneof![Just(BLOCK_SAMPLES), 1..=BLOCK_SAMPLES]
    }

    /// Numbers around zero, positive and negative, and any others.
    fn near_zero() -> impl Strategy<Value = u32> {
        prop_oneof![
            (-9..9_i32).prop_map(i32::cast_unsigned),
            (-(1 << 18)..=1 << 18).prop_map(i32::cast_unsigned),
            any::<u32>(),
        ]
    }

    fn arithmetic() -> impl Strategy<Value = Arithmetic> {
        let divisor = prop_oneof![
            1.0..100.0,
            1.0..1e7,
            Just(1_099_511_627_776.0),
            Just(1_099_511_627_777.0),
            Just(9_007_199_254_740_992.0),
            (0..23).prop_map(|digits| 10_f64.powi(digits)),
        ];
        let divisor = divisor.prop_map(f64::floor);
        let any_base = prop_oneof![any::<u64>().prop_map(f64::from_bits), 0.0..10.0, Just(0.0)];
        let whole = prop_oneof![any_base.clone(), 1.0..1e6];
        prop_oneof![
            Just(Arithmetic::Whole),
            divisor.clone().prop_map(|divisor| Arithmetic::Quotient { divisor }),
            any_base.prop_map(|base| Arithmetic::Multiple { base }),
            (divisor, whole).prop_map(|(divisor, whole)| Arithmetic::Share { divisor, whole }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 1 } else { 32 }))]

        #[test]
        fn lanes_of_every_width_come_back(
            random in prop::collection::vec(any::<u32>(), 1..99),
            reference: u32,
            count in count(),
        ) {
            for width in (0..=lanes::WIDTH_MAX).step_by(WIDTH_STEP) {
                let numbers = &block(&random, 0)[..lanes::padded(count)];
                let mut bytes = Vec::new();
                lanes::pack(numbers, width, &mut bytes);
                prop_assert_eq!(bytes.len(), lanes::packed_bytes(count, width));
                let bits = numbers.len() * width as usize;
                prop_assert!(8 * bytes.len() < bits + 64);
                let low = |n: &u32| (n & lanes::mask(width)).wrapping_add(reference);
                let expected: Vec<u32> = numbers.iter().map(low).collect();
                for machine in machines() {
                    let all = |block: &mut [u32]| block.to_vec();
                    let packed = Packed { bytes: &bytes, width, count, reference };
                    let found = machine.with_lanes(packed, all);
                    prop_assert_eq!(found, expected.clone(), "width {}", width);
                    // Too few bytes, or more integers than a block has, are none.
                    let short = &bytes[..bytes.len().saturating_sub(1)];
                    for (bytes, count) in [(short, count), (&bytes, 4 * BLOCK_SAMPLES)] {
                        let found = machine.with_lanes(Packed { bytes, count, ..packed }, all);
                        prop_assert!(found.iter().all(|number| *number == reference));
                    }
                }
            }
        }

        #[test]
        fn bits_of_every_width_come_back(
            bytes in prop::collection::vec(any::<u8>(), 0..600),
            count in 0_usize..if cfg!(miri) { 100 } else { 1100 },
        ) {
            for width in (0..=bits::WIDTH_MAX).step_by(WIDTH_STEP) {
                let set = |at: usize, byte: &u8| byte >> (at % 8) & 1 == 1;
                let bit = |at: usize| bytes.get(at / 8).is_some_and(|byte| set(at, byte));
                let integer = |index: usize| {
                    let bits = (0..width as usize).rev().map(|b| bit(index * width as usize + b));
                    bits.fold(0_u64, |all, bit| all << 1 | u64::from(bit))
                };
                let expected: Vec<u64> = (0..count).map(integer).collect();
                for machine in machines() {
                    let mut found = vec![-1; count];
                    machine.unpack_bits(&bytes, width, &mut found);
                    prop_assert!(found.iter().zip(&expected).all(|(a, b)| *a as u64 == *b));
                    let some = machine.with_bits(&bytes, width, count, |some| some.to_vec());
                    prop_assert_eq!(&some, &expected[..count.min(BLOCK_SAMPLES)]);
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 3 } else { 256 }))]

        #[test]
        fn values_are_those_of_a_plain_loop(
            random in prop::collection::vec(any::<u32>(), 1..99),
            shift in 0_u32..32,
            summed_from in prop::option::of(any::<u32>()),
            base in prop_oneof![Just(0), -1000..1000_i64, -(1_i64 << 50)..=1 << 50],
            arithmetic in arithmetic(),
            count in count(),
        ) {
            let block = block(&random, shift);
            let sequence = Sequence { summed_from, base };
            let expected = integers(&block, count, sequence);
            let expected = expected.into_iter().map(|k| arithmetic.value(k as f64));
            // Which of its patterns a NaN has is the machine's choice.
            let bits = |value: f64| if value.is_nan() { None } else { Some(value.to_bits()) };
            let expected: Vec<_> = expected.map(bits).collect();
            for machine in machines() {
                let mut found = vec![1.5];
                machine.append_values(&block, count, sequence, arithmetic, &mut found);
                let found = found.split_off(1);
                let found: Vec<_> = found.into_iter().map(bits).collect();
                prop_assert_eq!(&found, &expected);
                let mut found = vec![1];
                machine.append_integers(&block, count, summed_from, &mut found);
                let whole = found.split_off(1).into_iter().map(|n| base + i64::from(n));
                prop_assert!(whole.eq(integers(&block, count, sequence)));
            }
        }

        /// Also of few bits, which some machines cut by other loops.
        #[test]
        fn packed_numbers_tell_what_a_plain_loop_says(
            random in prop::collection::vec(any::<u32>(), 1..99),
            width in prop_oneof![4 => 1_u32..6, 1 => 0..=lanes::WIDTH_MAX],
            reference in near_zero(),
            summed_from in prop::option::of(near_zero()),
            base in prop_oneof![Just(0), -1000..1000_i64, -(1_i64 << 50)..=1 << 50],
            arithmetic in arithmetic(),
            count in count(),
            lost in prop_oneof![4 => Just(0), 1 => 0..9_usize],
        ) {
            let mut bytes = Vec::new();
            lanes::pack(&block(&random, 0)[..lanes::padded(count)], width, &mut bytes);
            bytes.truncate(bytes.len().saturating_sub(lost));
            let packed = Packed { bytes: &bytes, width, count, reference };
            let (sequence, start) = (Sequence { summed_from, base }, 1.5);
            let portable = Machine::Portable;
            let mut expected = vec![start];
            portable.with_lanes(packed, |block| {
                portable.append_values(block, count, sequence, arithmetic, &mut expected);
            });
            let mut found = vec![start];
            append_packed_values(packed, sequence, arithmetic, &mut found);
            let bits = |value: &f64| if value.is_nan() { None } else { Some(value.to_bits()) };
            prop_assert!(found.iter().map(bits).eq(expected.iter().map(bits)));
            let mut expected = vec![1];
            portable.with_lanes(packed, |block| {
                portable.append_integers(block, count, summed_from, &mut expected);
            });
            let mut found = vec![1];
            append_packed_integers(packed, summed_from, &mut found);
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn runs_are_reduced_as_their_definition_says(
            values in prop::collection::vec(
                prop_oneof![
                    4 => -1e3..1e3,
                    1 => any::<u64>().prop_map(f64::from_bits),
                    1 => Just(f64::NAN),
                    1 => prop::sample::select(vec![0.0, -0.0, f64::INFINITY, -f64::INFINITY]),
                ],
                0..70,
            ),
            sign in prop_oneof![Just(1.0), Just(0.0), Just(-0.0)],
        ) {
            let values: Vec<f64> = values.iter().map(|value| value * sign).collect();
            let numbers = || values.iter().copied().filter(|value| !value.is_nan());
            let extreme = |value: Option<f64>| value.unwrap_or(f64::NAN).to_bits();
            let portable = reduce::total(&values);
            let naive: f64 = numbers().sum();
            let size: f64 = numbers().map(f64::abs).sum();
            let close = (portable.sum - naive).abs() <= 1e-13 * size;
            prop_assert!(close || !size.is_finite(), "{} {naive}", portable.sum);
            prop_assert_eq!(portable.count as usize, numbers().count());
            let least = extreme(numbers().min_by(f64::total_cmp));
            let greatest = extreme(numbers().max_by(f64::total_cmp));
            prop_assert_eq!(reduce::least(&values).to_bits(), least);
            prop_assert_eq!(reduce::greatest(&values).to_bits(), greatest);
            let found = total(&values);
            let same = found.sum.to_bits() == portable.sum.to_bits()
                || (found.sum.is_nan() && portable.sum.is_nan());
            prop_assert!(same && found.count == portable.count);
            let (here, there) = (spread(&values), reduce::spread(&values));
            let same = here.deviation().to_bits() == there.deviation().to_bits();
            prop_assert!(same || (here.deviation().is_nan() && there.deviation().is_nan()));
            prop_assert_eq!(super::least(&values).to_bits(), least);
            prop_assert_eq!(super::greatest(&values).to_bits(), greatest);
        }

        #[test]
        fn bitmaps_are_listed(bytes in prop::collection::vec(any::<u8>(), 0..140)) {
            let bit = |at: &u16| bytes[usize::from(at / 8)] >> (at % 8) & 1 == 1;
            let expected: Vec<u16> = (0..8 * bytes.len().min(128) as u16).filter(bit).collect();
            for machine in machines() {
                prop_assert_eq!(&machine.with_bitmap(&bytes, <[u16]>::to_vec), &expected);
            }
        }
    }
}
