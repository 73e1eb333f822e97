//! The total of a run that comes in pieces: the same bits as if it came whole.
//!
//! In: pieces of a run, values or the integers that they are made of. Out: its [`Total`]. Never: a
//! result that depends on where the run was cut, or on the form of a piece.
#![expect(
    clippy::inline_always,
    reason = "compiled with the caller, for the machine that the caller is for"
)]

use super::integers::Integers;
use super::lanes::Arithmetic;
use super::reduce::{LANES, Total, each_lane, folded};
use super::simd;

/// The whole numbers up to this are exact, and so are their sums.
pub const EXACT_MAX: u64 = 1 << 53;

/// A [`Total`] that grows: number `i` of the run is in lane `i % 16`, wherever pieces end.
///
/// ```
/// use plimsoll::kernel::{RunningTotal, total};
/// let run = [0.1, 0.2, f64::NAN, 0.3, 0.4];
/// let mut running = RunningTotal::default();
/// running.add(&run[..2]);
/// running.add(&run[2..]);
/// assert_eq!(running.total(), total(&run));
/// ```
#[derive(Debug, Clone)]
pub struct RunningTotal {
    lanes: [f64; LANES],
    count: u64,
    /// Values so far, NaN too.
    length: usize,
    /// What all numbers so far add up to at most, without their signs, where all were whole.
    magnitude: u64,
}

impl Default for RunningTotal {
    fn default() -> Self {
        Self { lanes: [-0.0; LANES], count: 0, length: 0, magnitude: 0 }
    }
}

impl RunningTotal {
    /// Adds the next values of the run.
    pub fn add(&mut self, values: &[f64]) {
        simd::add_run(self, values);
    }

    /// Adds the next values of the run, given as integers; `false`, and nothing added, where only
    /// values will do: their sums may be rounded, now or because they were before.
    pub fn add_integers(&mut self, integers: &Integers<'_>) -> bool {
        let Integers { arithmetic, base, numbers } = *integers;
        let one = base.unsigned_abs().saturating_add(u64::from(i32::MIN.unsigned_abs()));
        let magnitude = one.saturating_mul(numbers.len() as u64).saturating_add(self.magnitude);
        if arithmetic != Arithmetic::Whole || magnitude > EXACT_MAX {
            return false;
        }
        self.magnitude = magnitude;
        let phase = self.length % LANES;
        let sums = simd::lane_sums(numbers, phase);
        for (at, (lane, sum)) in self.lanes.iter_mut().zip(sums).enumerate() {
            let before = (at + LANES - phase) % LANES;
            let count = (numbers.len() + LANES - 1 - before) / LANES;
            if count > 0 {
                // Exact: whole numbers within the magnitude.
                *lane += (sum + base * count as i64) as f64;
            }
        }
        self.count += numbers.len() as u64;
        self.length += numbers.len();
        true
    }

    /// Adds numbers by their sum. All numbers of the run must be whole, and their sum exact: then
    /// it is no matter in which lanes they are.
    pub fn add_whole(&mut self, sum: f64, count: u64) {
        self.lanes[0] += sum;
        self.count += count;
        self.length += count as usize;
    }

    /// The total so far.
    pub fn total(&self) -> Total {
        Total { sum: folded(self.lanes, |a, b| a + b), count: self.count }
    }

    /// Does the work of [`RunningTotal::add`].
    #[inline(always)]
    pub(super) fn add_run(&mut self, values: &[f64]) {
        let before = self.lanes;
        let phase = self.length % LANES;
        let (head, rest) = values.split_at(values.len().min((LANES - phase) % LANES));
        // Mostly there is no NaN; where there is, the sum says so.
        for (lane, value) in self.lanes[phase..].iter_mut().zip(head) {
            *lane += value;
        }
        each_lane(rest, |lane, value| self.lanes[lane] += value);
        self.length += values.len();
        self.magnitude = u64::MAX;
        if self.lanes.iter().sum::<f64>().is_nan() {
            self.lanes = before;
            self.add_numbers(values, phase);
        } else {
            self.count += values.len() as u64;
        }
    }

    /// Adds what is no NaN, in the same lanes.
    #[cold]
    fn add_numbers(&mut self, values: &[f64], phase: usize) {
        for (at, value) in values.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
            self.lanes[(at + phase) % LANES] += value;
            self.count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::total;
    use proptest::prelude::*;

    fn same(a: Total, b: Total) -> bool {
        let sums = a.sum.to_bits() == b.sum.to_bits() || (a.sum.is_nan() && b.sum.is_nan());
        sums && a.count == b.count
    }

    proptest! {
        #[test]
        fn pieces_add_up_to_the_bits_of_the_whole(
            pieces in prop::collection::vec(
                (prop::collection::vec((any::<i32>(), 0..30_u8), 0..60), any::<bool>()),
                0..6,
            ),
            shift in 0..32_u32,
            base in prop_oneof![Just(0), -9..9_i64, -(1_i64 << 50)..1 << 50],
        ) {
            let (mut running, mut run) = (RunningTotal::default(), Vec::new());
            for (numbers, whole) in &pieces {
                let small: Vec<i32> = numbers.iter().map(|(number, _)| number >> shift).collect();
                let arithmetic = Arithmetic::Whole;
                let integers = Integers { arithmetic, base, numbers: &small };
                let mut values = Vec::new();
                integers.append_values(&mut values);
                if *whole && running.add_integers(&integers) {
                    run.extend(values);
                    continue;
                }
                for (value, (_, kind)) in values.iter_mut().zip(numbers) {
                    match kind {
                        0 => *value = f64::NAN,
                        1 => *value = -0.0,
                        2 => *value = f64::INFINITY,
                        3 => *value = -f64::INFINITY,
                        _ => *value /= 7.0,
                    }
                }
                running.add(&values);
                run.extend(values);
            }
            prop_assert!(same(running.total(), total(&run)), "{:?} {:?}", running, total(&run));
        }
    }

    #[test]
    fn sums_that_may_be_rounded_are_not_taken() {
        let add = |running: &mut RunningTotal, base: i64, arithmetic| {
            running.add_integers(&Integers { arithmetic, base, numbers: &[1, 2] })
        };
        let mut running = RunningTotal::default();
        assert!(!add(&mut running, 0, Arithmetic::Quotient { divisor: 3.0 }));
        assert!(add(&mut running, 1 << 51, Arithmetic::Whole));
        assert!(!add(&mut running, 1 << 51, Arithmetic::Whole), "over 2^53 together");
        running.add_whole(-7.0, 7);
        assert_eq!(running.total(), Total { sum: (1_u64 << 52) as f64 + 3.0 - 7.0, count: 9 });
        running.add(&[0.5]);
        assert!(!add(&mut running, 0, Arithmetic::Whole), "after what was not whole");
    }
}
