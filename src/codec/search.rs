//! Which front ends may fit a block: candidates from a sample of its values. Whether they do is
//! decided by their bytes.

use super::dictionary::Entries;
use super::front::{Front, Mapped, power_of_ten};
use super::multiple;

/// Values looked at.
const SAMPLE: usize = 64;
/// Most decimal digits tried: f64 holds any decimal of 15 digits.
const DIGITS_TRIED: u8 = 15;
/// Integers above this are not exact as f64.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Fills `candidates`, the simplest first; `Front::Bits`, which fits everything, is not among them.
pub(super) fn candidates(values: &[f64], mapped: &mut Mapped, candidates: &mut Vec<Front>) {
    candidates.clear();
    let sample = sample_of(values);
    let whole = sample.iter().filter(|value| value.fract() == 0.0).count();
    if 4 * whole >= 3 * sample.len() {
        candidates.push(Front::Integer);
    }
    if whole < sample.len() {
        decimals(&sample, candidates);
    }
    multiple::candidates(&sample, mapped, candidates);
    candidates.extend(Entries::of(values).map(|entries| Front::Dictionary { entries }));
}

/// Whether a block may be integers although the last ones were not.
pub(super) fn looks_whole(values: &[f64]) -> bool {
    let stride = (values.len() / 16).max(1);
    values.iter().step_by(stride).all(|value| value.fract() == 0.0)
}

/// Magnitudes of distinct finite values other than zero, ascending.
fn sample_of(values: &[f64]) -> Vec<f64> {
    let usable = |value: &f64| value.is_finite() && *value != 0.0;
    let mut usable: Vec<f64> = values.iter().copied().filter(usable).map(f64::abs).collect();
    let stride = usable.len().div_ceil(SAMPLE).max(1);
    let mut sample: Vec<f64> = usable.drain(..).step_by(stride).collect();
    sample.sort_unstable_by(f64::total_cmp);
    sample.dedup();
    sample
}

/// The fewest digits that fit most of the sample, and the fewest that fit all of it.
fn decimals(sample: &[f64], candidates: &mut Vec<Front>) {
    let mut most_found = false;
    for digits in 1..=DIGITS_TRIED {
        let divisor = power_of_ten(digits);
        let allowed = sample.len() / 4;
        let missed = sample.iter().filter(|value| !is_decimal(**value, divisor));
        let missed = missed.take(allowed + 1).count();
        if missed == 0 || (missed <= allowed && !most_found) {
            candidates.push(Front::Decimal { digits });
            most_found = true;
        }
        if missed == 0 {
            return;
        }
    }
}

fn is_decimal(value: f64, divisor: f64) -> bool {
    let scaled = (value * divisor + 0.5).floor();
    scaled < EXACT_MAX && scaled / divisor == value
}
