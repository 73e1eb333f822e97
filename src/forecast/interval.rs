//! Intervals from the errors of the back-test (split conformal prediction; Vovk, Gammerman and
//! Shafer, 2005): no assumption on their shape, lower and upper end apart.
//!
//! Errors of neighbouring steps ahead are pooled, since there are few origins. The finite-sample
//! rank `ceil((n + 1) q)` makes the interval a little wider than the plain quantile.

/// Errors (actual less forecast) of one origin, one per step ahead; NaN where there was no value.
pub(super) type OriginErrors = Vec<f64>;

/// Lower and upper ends around a forecast.
pub(super) fn around(
    point: &[f64],
    errors: &[OriginErrors],
    coverage: f64,
) -> (Vec<f64>, Vec<f64>) {
    let all: Vec<&OriginErrors> = errors.iter().collect();
    let ends = all_ends(&all, point.len(), coverage);
    point.iter().zip(ends).map(|(value, (low, high))| (value + low, value + high)).unzip()
}

/// The share of the back-test's values that lie inside intervals made from the other origins only;
/// NaN with fewer than two.
pub(super) fn measured_coverage(errors: &[OriginErrors], coverage: f64) -> f64 {
    let (mut inside, mut all) = (0_u32, 0_u32);
    if errors.len() < 2 {
        return f64::NAN;
    }
    for (origin, own) in errors.iter().enumerate() {
        let others = errors.iter().enumerate().filter(|(o, _)| *o != origin);
        let others: Vec<&OriginErrors> = others.map(|(_, errors)| errors).collect();
        let ends = all_ends(&others, own.len(), coverage);
        for (error, (low, high)) in own.iter().zip(ends).filter(|(error, _)| !error.is_nan()) {
            inside += u32::from((low..=high).contains(error));
            all += 1;
        }
    }
    f64::from(inside) / f64::from(all)
}

/// Lower and upper error of every step ahead: at most and at least 0. Steps of one sixteenth of the
/// way share theirs; beyond the steps of the back-test its last ones count.
fn all_ends(errors: &[&OriginErrors], horizon: usize, coverage: f64) -> Vec<(f64, f64)> {
    let tested = errors.iter().map(|own| own.len()).max().unwrap_or(0);
    let mut found = Vec::with_capacity(horizon);
    while found.len() < horizon {
        let step = found.len();
        let (low, high) = ends(errors, step.min(tested.saturating_sub(1)), coverage);
        let alike = (1 + step / 16).min(horizon - step);
        found.extend(std::iter::repeat_n((low.min(0.0), high.max(0.0)), alike));
    }
    found
}

/// Lower and upper error at a step ahead.
fn ends(errors: &[&OriginErrors], step: usize, coverage: f64) -> (f64, f64) {
    // An eighth of the way to either side, two steps at least.
    let reach = 2 + step / 8;
    let from = step.saturating_sub(reach);
    let mut pooled: Vec<f64> = errors
        .iter()
        .flat_map(|own| own.iter().skip(from).take(step + reach + 1 - from))
        .copied()
        .filter(|error| !error.is_nan())
        .collect();
    pooled.sort_by(f64::total_cmp);
    let tail = (1.0 - coverage) / 2.0;
    let rank = ((pooled.len() + 1) as f64 * (1.0 - tail)).ceil() as usize;
    let (Some(last), Some(high)) =
        (pooled.len().checked_sub(1), pooled.get(rank.saturating_sub(1)).or(pooled.last()))
    else {
        return (0.0, 0.0);
    };
    let low = pooled.get((last + 1).saturating_sub(rank)).copied().unwrap_or(0.0);
    (low, *high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Random;

    #[test]
    fn coverage_is_near_what_was_asked_for_even_where_errors_lean() {
        let mut random = Random::new(4);
        let mut origin = || (0..48).map(|_| random.normal().abs().powi(2) - 0.3).collect();
        let errors: Vec<OriginErrors> = (0..8).map(|_| origin()).collect();
        let measured = measured_coverage(&errors, 0.8);
        assert!((measured - 0.8).abs() < 0.07, "{measured}");
        let (lower, upper) = around(&[10.0; 48], &errors, 0.8);
        assert!(10.0 - lower[20] < upper[20] - 10.0, "the longer tail is above");
        assert!(measured_coverage(&errors[..1], 0.8).is_nan());
        assert_eq!(around(&[1.0], &[], 0.8), (vec![1.0], vec![1.0]));
        // Farther ahead than the back-test went: as wide as at its end.
        let (lower, upper) = around(&[10.0; 200], &errors, 0.8);
        assert!(upper[199] - lower[199] > 0.5 * (upper[40] - lower[40]), "{lower:?}");
    }
}
