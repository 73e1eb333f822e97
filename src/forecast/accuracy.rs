//! Measures of forecasts, as the M4 competition and the probabilistic benchmarks define them.
//!
//! In all of them actual values that are not finite are left out.

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
    mean(pairs(past, past.get(period..).unwrap_or(&[])).map(|(a, b)| (b - a).abs()))
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
/// where the autocorrelation at one period is significant at 90% and all values are above zero.
pub fn naive2(past: &[f64], period: usize, horizon: usize) -> Vec<f64> {
    let last = past.len() - 1;
    let positive = past.iter().all(|value| *value > 0.0);
    let factors = if period > 1 && positive && is_seasonal(past, period) {
        factors(past, period)
    } else {
        vec![1.0; period.max(1)]
    };
    let level = past[last] / factors[last % factors.len()];
    (1..=horizon).map(|ahead| level * factors[(last + ahead) % factors.len()]).collect()
}

/// Whether the autocorrelation at one period is beyond 1.645 standard errors.
fn is_seasonal(past: &[f64], period: usize) -> bool {
    let count = past.len();
    if count < 3 * period {
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

fn pairs<'a>(a: &'a [f64], b: &'a [f64]) -> impl Iterator<Item = (f64, f64)> + 'a {
    let both = a.iter().copied().zip(b.iter().copied());
    both.filter(|(a, b)| a.is_finite() && b.is_finite())
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}
