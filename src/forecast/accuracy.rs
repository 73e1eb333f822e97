//! Measures of forecasts, as the M4 competition and the probabilistic benchmarks define them.
//!
//! In all of them actual values that are not finite are left out. A forecast that is no number
//! makes the measure none.

/// Mean of `200 |a - f| / (|a| + |f|)`, in per cent (Makridakis, 1993; the M4 form); 0 where both
/// are 0.
pub fn smape(actual: &[f64], forecast: &[f64]) -> f64 {
    mean(pairs(actual, forecast).map(|(a, f)| {
        let size = a.abs() + f.abs();
        if size == 0.0 { 0.0 } else { 200.0 * (a - f).abs() / size }
    }))
}

/// Mean absolute error.
pub fn mae(actual: &[f64], forecast: &[f64]) -> f64 {
    mean(pairs(actual, forecast).map(|(a, f)| (a - f).abs()))
}

/// What scaled errors are divided by: the mean absolute difference of values `period` steps apart
/// (Hyndman and Koehler, 2006); NaN of too few.
pub fn seasonal_scale(past: &[f64], period: usize) -> f64 {
    let differences = past.iter().zip(past.iter().skip(period)).map(|(a, b)| (b - a).abs());
    mean(differences.filter(|difference| difference.is_finite()))
}

/// Mean of the interval's width and `2 / (1 - coverage)` times what values lie outside of it
/// (Gneiting and Raftery, 2007). Over [`seasonal_scale`] it is the MSIS of M4.
pub fn interval_score(actual: &[f64], lower: &[f64], upper: &[f64], coverage: f64) -> f64 {
    let price = 2.0 / (1.0 - coverage);
    let ends = lower.iter().zip(upper);
    mean(actual.iter().zip(ends).filter(|(a, _)| a.is_finite()).map(|(a, (low, high))| {
        (high - low) + price * (low - a).max(0.0) + price * (a - high).max(0.0)
    }))
}

/// Values inside an interval, and values.
pub fn inside(actual: &[f64], lower: &[f64], upper: &[f64]) -> (usize, usize) {
    let ends = lower.iter().zip(upper);
    let known = actual.iter().zip(ends).filter(|(a, _)| a.is_finite());
    known.fold((0, 0), |(inside, all), (a, (low, high))| {
        (inside + usize::from(low <= a && a <= high), all + 1)
    })
}

/// Sum of the pinball losses of a quantile (Koenker and Bassett, 1978), doubled: over the sum of
/// sizes of the actual values, and averaged over levels, it is the weighted quantile loss.
pub fn quantile_loss(actual: &[f64], forecast: &[f64], level: f64) -> f64 {
    let loss = |(a, f): (f64, f64)| 2.0 * (a - f) * (level - f64::from(u8::from(a < f)));
    pairs(actual, forecast).map(loss).sum()
}

/// The benchmark of M4: the last value, with the season of a classical multiplicative decomposition
/// where the autocorrelation at one period is significant at 90% and all values are above zero
/// (Makridakis, Spiliotis and Assimakopoulos, 2020). `past` has no gaps; of an empty one nothing is
/// known, and NaN is said.
pub fn naive2(past: &[f64], period: usize, horizon: usize) -> Vec<f64> {
    let Some(last) = past.len().checked_sub(1) else { return vec![f64::NAN; horizon] };
    let positive = past.iter().all(|value| *value > 0.0);
    let factors = if period > 1 && positive && is_seasonal(past, period) {
        factors(past, period)
    } else {
        vec![1.0]
    };
    let level = past[last] / factors[last % factors.len()];
    (1..=horizon).map(|ahead| level * factors[(last + ahead) % factors.len()]).collect()
}

/// Whether the autocorrelation at one period is beyond 1.645 standard errors.
fn is_seasonal(past: &[f64], period: usize) -> bool {
    let count = past.len();
    if count / 3 < period {
        return false;
    }
    let middle = mean(past.iter().copied());
    let at = |lag: usize| -> f64 {
        past.iter().zip(&past[lag..]).map(|(a, b)| (a - middle) * (b - middle)).sum()
    };
    let variance = at(0);
    let squares: f64 = (1..period).map(|lag| (at(lag) / variance).powi(2)).sum();
    (at(period) / variance).abs() > 1.645 * ((1.0 + 2.0 * squares) / count as f64).sqrt()
}

fn factors(past: &[f64], period: usize) -> Vec<f64> {
    let half = period / 2;
    let mut sums = vec![(0.0, 0.0); period];
    for at in half..past.len() - half {
        let around = &past[at - half..=at + half];
        let mut sum: f64 = around.iter().sum();
        if period.is_multiple_of(2) {
            sum -= f64::midpoint(around[0], around[2 * half]);
        }
        let phase = &mut sums[at % period];
        phase.0 += past[at] / (sum / period as f64);
        phase.1 += 1.0;
    }
    let means: Vec<f64> = sums.iter().map(|(sum, count)| sum / count).collect();
    let level = mean(means.iter().copied());
    means.iter().map(|factor| factor / level).collect()
}

/// Actual values and their forecasts.
fn pairs<'a>(actual: &'a [f64], forecast: &'a [f64]) -> impl Iterator<Item = (f64, f64)> + 'a {
    let both = actual.iter().copied().zip(forecast.iter().copied());
    both.filter(|(actual, _)| actual.is_finite())
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::tests::assert_near;

    const NONE: f64 = f64::NAN;

    #[test]
    fn each_measure_by_hand() {
        let (actual, forecast) = ([10.0, 0.0, NONE, -4.0], [12.0, 0.0, 5.0, 4.0]);
        // 200 * 2 / 22, 0, and 200 * 8 / 8.
        assert!((smape(&actual, &forecast) - (400.0 / 22.0 + 0.0 + 200.0) / 3.0).abs() < 1e-12);
        assert_eq!(mae(&actual, &forecast), 10.0 / 3.0);
        // Differences two apart: 4, -, 4, -, and 2.
        let past = [1.0, 2.0, 5.0, NONE, 1.0, 3.0, 3.0];
        assert_eq!(seasonal_scale(&past, 2), 10.0 / 3.0);
        assert_eq!(seasonal_scale(&past, 1), (1.0 + 3.0 + 2.0 + 0.0) / 4.0);
        assert!(seasonal_scale(&past, 7).is_nan() && seasonal_scale(&[], 1).is_nan());
    }

    #[test]
    fn intervals_pay_for_their_width_and_for_what_they_miss() {
        let (actual, lower, upper) =
            ([5.0, 0.0, 12.0, NONE], [4.0, 2.0, 4.0, 0.0], [6.0, 6.0, 10.0, 9.0]);
        // Widths 2, 4, 6; at 95% a unit outside costs 40 (MSIS of M4, before scaling).
        let found = interval_score(&actual, &lower, &upper, 0.95);
        assert!((found - (12.0 + 40.0 * 2.0 + 40.0 * 2.0) / 3.0).abs() < 1e-9, "{found}");
        assert_eq!(inside(&actual, &lower, &upper), (1, 3));
        assert_eq!(inside(&[4.0, 6.0], &[4.0; 2], &[6.0; 2]), (2, 2), "the ends are inside");
    }

    #[test]
    fn quantiles_pay_on_both_sides_by_their_level() {
        // 2 * 0.9 * 3 below, 2 * 0.1 * 5 above.
        let found = quantile_loss(&[10.0, 10.0, NONE], &[7.0, 15.0, 1.0], 0.9);
        assert!((found - (5.4 + 1.0)).abs() < 1e-12, "{found}");
        let median = quantile_loss(&[10.0, 10.0], &[7.0, 15.0], 0.5);
        assert!((median - 8.0).abs() < 1e-12, "twice the pinball loss is the absolute error");
    }

    #[test]
    fn a_forecast_that_is_no_number_is_not_passed_over() {
        assert!(mae(&[1.0, 2.0], &[1.0, NONE]).is_nan());
        assert!(smape(&[1.0, 2.0], &[1.0, NONE]).is_nan());
        assert!(quantile_loss(&[1.0, 2.0], &[1.0, NONE], 0.5).is_nan());
    }

    #[test]
    fn naive2_is_the_last_value_under_the_season() {
        // One cycle of four phases, 40 times, ends in phase 1.
        let factors = [0.5, 1.0, 1.7, 0.8];
        let past: Vec<f64> = (0..162).map(|step| 50.0 * factors[step % 4]).collect();
        assert_near(&naive2(&past, 4, 5), &[85.0, 40.0, 25.0, 50.0, 85.0], 1e-9);
        // No season that counts, none asked for, or too short: the last value.
        let noise = crate::forecast::tests::noise(1, 100);
        assert_eq!(naive2(&noise, 4, 2), [noise[99]; 2]);
        assert_eq!(naive2(&past, 1, 2), [50.0; 2]);
        assert_eq!(naive2(&past[..10], 4, 2), [50.0; 2]);
        assert!(naive2(&[], 4, 2)[1].is_nan());
    }

    #[test]
    fn a_period_longer_than_any_past_is_no_season() {
        assert_eq!(naive2(&[1.0, 2.0], usize::MAX, 3), [2.0; 3]);
        assert_eq!(naive2(&[1.0; 9], usize::MAX / 3 + 1, 1), [1.0]);
    }
}
