//! Exact quantiles, with linear interpolation between order statistics (type 7 of Hyndman and Fan,
//! 1996, which Prometheus and NumPy use too).

/// The `q` quantile of `values`, `q` in `[0, 1]` (clamped); NaN where there is no number.
/// Reorders `values`: NaN go last. Linear time. Between a number and an infinity lies the infinity.
///
/// ```
/// let mut values = [3.0, 1.0, f64::NAN, 2.0];
/// assert_eq!(plimsoll::kernel::quantile(&mut values, 0.75), 2.5);
/// ```
pub fn quantile(values: &mut [f64], q: f64) -> f64 {
    let numbers = numbers_first(values);
    let Some((low, fraction)) = rank_of(numbers.len(), q) else { return f64::NAN };
    let (_, at, above) = numbers.select_nth_unstable_by(low, f64::total_cmp);
    let at = *at;
    match above.iter().copied().min_by(f64::total_cmp) {
        Some(next) => interpolate(at, next, fraction),
        None => at,
    }
}

/// The median of `values`, as [`quantile`] with 0.5. Reorders `values`.
pub fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

/// The `q` quantile of a slice that is sorted and free of NaN; NaN where it is empty.
pub fn quantile_sorted(sorted: &[f64], q: f64) -> f64 {
    let Some((low, fraction)) = rank_of(sorted.len(), q) else { return f64::NAN };
    interpolate(sorted[low], sorted[(low + 1).min(sorted.len() - 1)], fraction)
}

/// Between which of `count` numbers a quantile lies: the place of the lower one, and how far from
/// it towards the next. `None` of no number, and for no quantile.
pub(super) fn rank_of(count: usize, q: f64) -> Option<(usize, f64)> {
    let last = count.checked_sub(1)?;
    let rank = q.clamp(0.0, 1.0) * last as f64;
    let low = rank as usize;
    (!q.is_nan()).then_some((low, rank - low as f64))
}

/// Between two neighbours, `fraction` from 0 to below 1; equal ones (infinities among them) need no
/// arithmetic. Halfway between the two infinities there is no number.
pub(super) fn interpolate(low: f64, high: f64, fraction: f64) -> f64 {
    if low == high || fraction == 0.0 {
        return low;
    }
    let apart = high - low;
    if apart.is_finite() {
        return low + apart * fraction;
    }
    // An infinity, or so far apart that the difference is one.
    low * (1.0 - fraction) + high * fraction
}

/// Moves NaN behind the numbers and returns the numbers.
fn numbers_first(values: &mut [f64]) -> &mut [f64] {
    if !values.iter().fold(false, |any, value| any | value.is_nan()) {
        return values;
    }
    let mut count = 0;
    for at in 0..values.len() {
        if !values[at].is_nan() {
            values.swap(at, count);
            count += 1;
        }
    }
    &mut values[..count]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_values() {
        // NumPy: quantile([1, 2, 3, 4], [0, 0.1, 0.5, 0.9, 1]).
        for (q, expected) in [(0.0, 1.0), (0.1, 1.3), (0.5, 2.5), (0.9, 3.7), (1.0, 4.0)] {
            let mut values = [4.0, 2.0, 1.0, 3.0];
            assert!((quantile(&mut values, q) - expected).abs() < 1e-12);
        }
        assert!(quantile(&mut [], 0.5).is_nan());
        assert!(median(&mut [f64::NAN]).is_nan());
        assert_eq!(median(&mut [f64::INFINITY, f64::INFINITY]), f64::INFINITY);
    }

    proptest! {
        #[test]
        fn selection_equals_sorting(
            mut values in prop::collection::vec(
                prop_oneof![
                    -1e9..1e9_f64,
                    (0..9).prop_map(f64::from),
                    any::<u64>().prop_map(f64::from_bits),
                    prop::sample::select(vec![0.0, -0.0, 1e308, -1e308]),
                ],
                0..400,
            ),
            kind in 0..4,
            q in prop_oneof![0.0..=1.0, Just(0.0), Just(1.0)],
        ) {
            // All kinds together, or those alone that bins are made for.
            values.retain(|value| !value.is_nan());
            match kind {
                0 => values.retain(|value| value.abs() < 1e10),
                1 => values.retain(|value| value.fract() == 0.0 && value.abs() < 10.0),
                2 => values.retain(|value| value.is_finite()),
                _ => {}
            }
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            let expected = quantile_sorted(&sorted, q);
            let found = quantile(&mut values, q);
            let both_nan = found.is_nan() && expected.is_nan();
            prop_assert!(found.to_bits() == expected.to_bits() || both_nan);
        }
    }

    #[test]
    fn infinities_and_numbers_far_apart_have_a_middle() {
        let inf = f64::INFINITY;
        assert_eq!(median(&mut [5.0, -inf]), -inf);
        assert_eq!(median(&mut [5.0, inf]), inf);
        assert_eq!(quantile(&mut [1.5e308, -1.5e308], 0.5), 0.0);
        assert_eq!(quantile_sorted(&[-1.5e308, 1.5e308], 0.75), 0.75e308);
        assert_eq!(quantile_sorted(&[-inf, 1.0, 2.0, inf], 0.5), 1.5);
        // Halfway between the two ends there is nothing to say.
        assert!(median(&mut [inf, -inf]).is_nan());
    }
}
