//! Periods: whether a day, a week, or another period shows in a series.

use crate::kernel::{self, theil_sen};
use crate::model::Span;

/// A correlation of values one period apart below this is no period worth having.
const CORRELATION_MIN: f64 = 0.4;
/// Days and weeks must have been seen so often.
const CALENDAR_CYCLES_MIN: usize = 2;
/// Other periods must have been seen so often.
const CYCLES_MIN: usize = 3;
/// Points on which other periods are looked for; longer series are averaged first.
const POINTS_MAX: usize = 1_024;
/// A period's correlation stands so high above the lowest at a shorter distance.
const PROMINENCE_MIN: f64 = 0.3;
/// Two correlations are alike within this.
const ALIKE: f64 = 0.05;

/// The periods that show in `values`, in steps, the one to use first: a day and a week, and one
/// more that is neither.
///
/// The trend is taken out first. A period shows where values one period apart are alike (their
/// autocorrelation is at least 0.4), and more alike than values somewhat less or more apart:
/// without that peak a slow wave would pass for a period.
pub fn detect_periods(values: &[f64], step: Span) -> Vec<usize> {
    let flat = without_trend(values);
    let calendar = calendar_steps(step);
    let mut found: Vec<(f64, usize)> = calendar
        .iter()
        .filter_map(|period| strength(&flat, *period).map(|strength| (strength, *period)))
        .collect();
    // Weeks of equal days are alike too: a week comes first only where it says more than a day.
    if let [day, week] = found.as_slice()
        && week.0 > day.0 + ALIKE
    {
        found.swap(0, 1);
    }
    let known = |period: usize| calendar.iter().any(|c| period.abs_diff(*c) * 20 <= *c);
    if let Some((strength, period)) = other_period(&flat).filter(|(_, period)| !known(*period)) {
        let stronger = found.first().is_none_or(|first| strength > first.0 - ALIKE);
        found.insert(if stronger { 0 } else { found.len() }, (strength, period));
    }
    found.into_iter().map(|(_, period)| period).collect()
}

/// The autocorrelation at `period` where it is a peak.
fn strength(flat: &[f64], period: usize) -> Option<f64> {
    if period < 4 || flat.len() < CALENDAR_CYCLES_MIN * period {
        return None;
    }
    let here = correlation(flat, period);
    let around = [period / 2, period * 3 / 4, period * 5 / 4];
    let peak = around.into_iter().all(|lag| correlation(flat, lag) < here);
    (here >= CORRELATION_MIN && peak).then_some(here)
}

/// The shortest period, calendar or not, that is nearly as strong as the strongest.
fn other_period(flat: &[f64]) -> Option<(f64, usize)> {
    let merge = flat.len().div_ceil(POINTS_MAX).max(1);
    let coarse = averaged(flat, merge);
    let lags = coarse.len() * 2 / CYCLES_MIN;
    let at: Vec<f64> = (0..=lags).map(|lag| correlation(&coarse, lag)).collect();
    let mut lowest = 1.0_f64;
    let mut peaks: Vec<(f64, usize)> = Vec::new();
    for lag in 4..=lags / 2 {
        lowest = lowest.min(at[lag - 1]);
        let around = lag * 3 / 4..=lag * 5 / 4;
        let highest = around.into_iter().all(|other| at[other] <= at[lag]);
        // What comes back after one period comes back after two.
        let again = at[2 * lag] >= CORRELATION_MIN.max(at[lag] / 2.0);
        if highest && again && at[lag] >= CORRELATION_MIN.max(lowest + PROMINENCE_MIN) {
            peaks.push((at[lag], lag));
        }
    }
    let strongest = peaks.iter().map(|peak| peak.0).fold(0.0, f64::max);
    let (_, lag) = peaks.into_iter().find(|peak| peak.0 >= 0.9 * strongest)?;
    let fine = (lag * merge).saturating_sub(merge)..=lag * merge + merge;
    // Multiples of a period tell its length more finely.
    let of_multiples =
        |lag: usize| (1..=CYCLES_MIN).map(|times| correlation(flat, times * lag)).sum::<f64>();
    let period = fine.max_by(|a, b| of_multiples(*a).total_cmp(&of_multiples(*b)))?;
    Some((correlation(flat, period), period)).filter(|found| found.0 >= CORRELATION_MIN)
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
            ("half a day", hours(|h| 3.0 * wave(h, 12.0)), vec![12]),
            ("30 hours", hours(|h| 3.0 * wave(h, 30.0)), vec![30]),
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
