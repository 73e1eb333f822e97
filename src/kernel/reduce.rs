//! A run of samples to one number.
//!
//! In: values. Out: their sum, how many there are, the least, the greatest. NaN is skipped. Never:
//! a result that depends on the machine or on threads: number `i` of the run is in lane `i % 16`,
//! NaN or not, and lanes are put together in one order, so equal runs give equal bits.
#![expect(
    clippy::inline_always,
    reason = "compiled with the caller, for the machine that the caller is for"
)]

/// Partial results side by side: four vectors of four.
pub(super) const LANES: usize = 16;

/// The sum of a run, and how many numbers it has. Without any it is -0.0, which changes no number
/// that it is added to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Total {
    /// The sum, in lanes.
    pub sum: f64,
    /// Values that are numbers.
    pub count: u64,
}

/// How the numbers of a run lie around their mean.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Spread {
    count: u64,
    mean: f64,
    /// The sum of the squares of the distances from the mean.
    squares: f64,
}

impl Spread {
    /// The standard deviation of the population; NaN without a number.
    pub fn deviation(&self) -> f64 {
        if self.count == 0 { f64::NAN } else { (self.squares / self.count as f64).sqrt() }
    }

    /// Takes in the numbers of another run (Chan, Golub and `LeVeque`, 1979).
    pub fn merge(&mut self, other: &Self) {
        if self.count == 0 || other.count == 0 {
            *self = if self.count == 0 { *other } else { *self };
            return;
        }
        let count = self.count + other.count;
        let (ours, theirs) = (self.count as f64, other.count as f64);
        let between = other.mean - self.mean;
        self.mean += between * (theirs / count as f64);
        self.squares += other.squares + between * between * (ours * theirs / count as f64);
        self.count = count;
    }
}

/// How a run lies around its mean: in two passes, so that nothing cancels out.
#[inline(always)]
pub(super) fn spread(values: &[f64]) -> Spread {
    let Some(first) = values.iter().copied().find(|value| !value.is_nan()) else {
        return Spread::default();
    };
    // Around the first number: equal numbers lie around their mean by exactly nothing.
    let (mut sums, mut counts) = ([0.0; LANES], [0_u64; LANES]);
    each_lane(values, |lane, value| {
        let is_number = !value.is_nan();
        sums[lane] += if is_number { value - first } else { 0.0 };
        counts[lane] += u64::from(is_number);
    });
    let count: u64 = counts.iter().sum();
    let mean = first + folded(sums, |a, b| a + b) / count as f64;
    let mut squares = [0.0; LANES];
    each_lane(values, |lane, value| {
        let distance = if value.is_nan() { 0.0 } else { value - mean };
        squares[lane] += distance * distance;
    });
    Spread { count, mean, squares: folded(squares, |a, b| a + b) }
}

/// Sums a run up.
#[inline(always)]
pub(super) fn total(values: &[f64]) -> Total {
    // Mostly there is no NaN; where there is, the sum says so.
    let mut sums = [-0.0; LANES];
    each_lane(values, |lane, value| sums[lane] += value);
    let sum = folded(sums, |a, b| a + b);
    if sum.is_nan() {
        return total_of_numbers(values);
    }
    Total { sum, count: values.len() as u64 }
}

/// Sums up what is no NaN, in the same lanes.
#[cold]
fn total_of_numbers(values: &[f64]) -> Total {
    let mut sums = [-0.0; LANES];
    let mut counts = [0_u64; LANES];
    each_lane(values, |lane, value| {
        let is_number = !value.is_nan();
        sums[lane] += if is_number { value } else { -0.0 };
        counts[lane] += u64::from(is_number);
    });
    Total { sum: folded(sums, |a, b| a + b), count: counts.iter().sum() }
}

/// The least number, -0.0 before 0.0; NaN without any.
#[inline(always)]
pub(super) fn least(values: &[f64]) -> f64 {
    let mut lanes = [f64::INFINITY; LANES];
    each_lane(values, |lane, value| {
        lanes[lane] = if value < lanes[lane] { value } else { lanes[lane] };
    });
    with_sign(values, folded(lanes, f64::min), f64::INFINITY, -0.0)
}

/// The greatest number, 0.0 after -0.0; NaN without any.
#[inline(always)]
pub(super) fn greatest(values: &[f64]) -> f64 {
    let mut lanes = [f64::NEG_INFINITY; LANES];
    each_lane(values, |lane, value| {
        lanes[lane] = if value > lanes[lane] { value } else { lanes[lane] };
    });
    with_sign(values, folded(lanes, f64::max), f64::NEG_INFINITY, 0.0)
}

#[inline(always)]
pub(super) fn each_lane(values: &[f64], mut take: impl FnMut(usize, f64)) {
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, value) in chunk.iter().enumerate() {
            take(lane, *value);
        }
    }
    for (lane, value) in rest.iter().enumerate() {
        take(lane, *value);
    }
}

/// Puts lanes together: halves, quarters, and so on.
#[inline(always)]
pub(super) fn folded(mut lanes: [f64; LANES], both: impl Fn(f64, f64) -> f64) -> f64 {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] = both(lanes[lane], lanes[lane + half]);
        }
        half /= 2;
    }
    lanes[0]
}

/// An extreme as comparing found it: `start` may be no number of the run, and zeros of either sign
/// are equal, of which the run may have the one that counts.
#[inline(always)]
fn with_sign(values: &[f64], found: f64, start: f64, zero: f64) -> f64 {
    let has = |wanted: f64| values.iter().any(|value| value.to_bits() == wanted.to_bits());
    if found == 0.0 {
        if has(zero) { zero } else { -zero }
    } else if found == start && !has(start) {
        f64::NAN
    } else {
        found
    }
}
