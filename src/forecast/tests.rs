//! The pipeline against processes whose future is known, and what the rooms' own tests share.

use super::*;
use crate::kernel::Random;

/// Series of their own.
pub(super) fn lanes(series: &[&[f64]]) -> Vec<Vec<f64>> {
    series.iter().map(|one| one.to_vec()).collect()
}

/// One lane of rows.
pub(super) fn of_lane(rows: &[Wide], lane: usize) -> Vec<f64> {
    rows.iter().map(|row| row.0[lane]).collect()
}

/// Standard normal numbers.
pub(super) fn noise(seed: u64, count: usize) -> Vec<f64> {
    let mut random = Random::new(seed);
    (0..count).map(|_| random.normal()).collect()
}

/// The forecasts of a model from some origins, sixteen series at a time.
pub(super) fn wide_forecasts(
    model: &dyn Fit,
    past: &Past,
    origins: &[usize],
    horizon: usize,
) -> Vec<Vec<Wide>> {
    let fitted = model.fit(past, origins);
    assert_eq!(fitted.len(), origins.len(), "{}", model.name());
    let forecast = |fitted: &Box<dyn Predict>| {
        let mut rows = vec![Wide::ZERO; horizon];
        fitted.predict(&mut rows);
        rows
    };
    fitted.iter().map(forecast).collect()
}

/// The forecasts of a model for one series, from some origins.
pub(super) fn predicted_from(
    model: &dyn Fit,
    values: &[f64],
    period: usize,
    origins: &[usize],
    horizon: usize,
) -> Vec<Vec<f64>> {
    let past = Past::new(&Tile::new(&[values], period), period, origins[0]);
    let rows = wide_forecasts(model, &past, origins, horizon);
    rows.iter().map(|rows| of_lane(rows, 0)).collect()
}

/// The forecast of a model for one series without gaps.
pub(super) fn predicted(model: &dyn Fit, values: &[f64], horizon: usize) -> Vec<f64> {
    predicted_from(model, values, 1, &[values.len()], horizon).remove(0)
}

/// No number is further from the other than `tolerance`.
pub(super) fn assert_near(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (step, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance, "step {step}: {a} is not {b}\n{found:?}\n{expected:?}");
    }
}
