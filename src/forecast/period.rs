//! Periods: whether a day or a week shows in a series.

use crate::kernel::{self, theil_sen};
use crate::model::Span;

/// A correlation of values one period apart below this is no period worth having.
const CORRELATION_MIN: f64 = 0.4;
/// Steps beyond this are averaged in pairs (threes, ...) first: a period of a day does not need
/// more than so many steps to be seen.
const STEPS_PER_DAY_MAX: usize = 96;
/// So many whole periods must have been seen.
const CYCLES_MIN: usize = 2;

/// The calendar's periods that show in `values`, in steps, the stronger first.
///
/// The trend is taken out first. A period shows where values one period apart are alike (their
/// autocorrelation is at least 0.4), and more alike than values a quarter or half of a period less
/// or more apart: without that peak a slow wave would pass for a period.
pub fn detect_periods(values: &[f64], step: Span) -> Vec<usize> {
    let Some(day) = day_steps(step) else { return Vec::new() };
    let merge = day.div_ceil(STEPS_PER_DAY_MAX);
    let (coarse, per_day) = if day.is_multiple_of(merge) {
        (averaged(values, merge), day / merge)
    } else {
        (values.to_vec(), day)
    };
    let flat = without_trend(&coarse);
    let mut found: Vec<(f64, usize)> = [1, 7]
        .into_iter()
        .filter_map(|days| {
            let period = days * per_day;
            let strength = strength(&flat, period)?;
            Some((strength, days * day))
        })
        .collect();
    // Weeks of equal days are alike too: a week counts only where it says more than a day.
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    if let [(week, _), (daily, day), ..] = found.as_slice()
        && *daily >= week - 0.05
        && day < &found[0].1
    {
        found.swap(0, 1);
    }
    found.into_iter().map(|(_, period)| period).collect()
}

/// The autocorrelation at `period` where it is a peak.
fn strength(flat: &[f64], period: usize) -> Option<f64> {
    if period < 4 || flat.len() < CYCLES_MIN * period {
        return None;
    }
    let here = correlation(flat, period);
    let around = [period / 2, period * 3 / 4, period * 5 / 4];
    let peak = around.into_iter().all(|lag| correlation(flat, lag) < here);
    (here >= CORRELATION_MIN && peak).then_some(here)
}

/// The correlation of values `lag` steps apart, over the pairs where both are known.
fn correlation(values: &[f64], lag: usize) -> f64 {
    let pairs = values.iter().zip(values.iter().skip(lag));
    let (mut product, mut first, mut second) = (0.0, 0.0, 0.0);
    for (a, b) in pairs.filter(|(a, b)| !a.is_nan() && !b.is_nan()) {
        product += a * b;
        first += a * a;
        second += b * b;
    }
    let scale = (first * second).sqrt();
    if scale > 0.0 { product / scale } else { 0.0 }
}

/// What is left over a robust line, with bursts cut, around its mean.
fn without_trend(values: &[f64]) -> Vec<f64> {
    let Some(line) = theil_sen(values) else { return values.to_vec() };
    let mut flat: Vec<f64> =
        values.iter().enumerate().map(|(at, value)| value - line.at(at as f64)).collect();
    let mut sorted: Vec<f64> = flat.clone();
    let (low, high) = (kernel::quantile(&mut sorted, 0.005), kernel::quantile(&mut sorted, 0.995));
    for value in flat.iter_mut().filter(|value| !value.is_nan()) {
        *value = value.clamp(low, high);
    }
    let known: Vec<f64> = flat.iter().copied().filter(|value| !value.is_nan()).collect();
    let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
    for value in &mut flat {
        *value -= mean;
    }
    flat
}

fn averaged(values: &[f64], merge: usize) -> Vec<f64> {
    let mean = |some: &[f64]| {
        let known: Vec<f64> = some.iter().copied().filter(|value| value.is_finite()).collect();
        known.iter().sum::<f64>() / known.len() as f64
    };
    values.chunks(merge.max(1)).map(mean).collect()
}

/// Steps of a day; `None` where a day is no multiple of the step.
pub(super) fn day_steps(step: Span) -> Option<usize> {
    let whole = step.nanos() > 0 && Span::DAY.nanos() % step.nanos() == 0;
    whole.then(|| (Span::DAY.nanos() / step.nanos()) as usize)
}

/// Steps of a day and of a week.
pub(super) fn calendar_steps(step: Span) -> Vec<usize> {
    day_steps(step).into_iter().flat_map(|day| [day, 7 * day]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Random;

    fn hours(value: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut random = Random::new(11);
        (0..24 * 42).map(|hour| value(hour) + random.normal()).collect()
    }

    #[test]
    fn days_and_weeks_are_found_and_trends_and_noise_are_not() {
        let wave = |hour: usize, period: f64| (hour as f64 * std::f64::consts::TAU / period).sin();
        let busy = |hour: usize| f64::from(u8::from(hour / 24 % 7 < 5));
        for (name, values, expected) in [
            ("day", hours(|h| 3.0 * wave(h, 24.0)), vec![24, 168]),
            ("day on a slope", hours(|h| 3.0 * wave(h, 24.0) + 0.1 * h as f64), vec![24, 168]),
            ("weekdays", hours(|h| 6.0 * busy(h)), vec![168]),
            ("noise", hours(|_| 0.0), vec![]),
            ("slope", hours(|h| 0.1 * h as f64), vec![]),
            ("slow wave", hours(|h| 9.0 * wave(h, 700.0)), vec![]),
        ] {
            assert_eq!(detect_periods(&values, Span::HOUR), expected, "{name}");
        }
        assert!(detect_periods(&[1.0; 100], Span::from_seconds(7)).is_empty());
        assert!(detect_periods(&[], Span::HOUR).is_empty());
    }
}
