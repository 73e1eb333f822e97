//! How uncertain a sum is whose terms have a memory.

use super::matrix::Symmetric;

/// Waves at most: beyond, t is the normal distribution, and fewer waves see a longer memory.
const WAVES_MAX: f64 = 100.0;
/// Waves, as a share of `n^(2/3)`: three quarters of what the source takes for long series, since a
/// day of rows with a memory of 0.7 is short, and with more of them rejects 5.8% in place of 5%.
const WAVES_SHARE: f64 = 0.3;

/// The covariance of a sum of `scores`, one column per coefficient, and the degrees of freedom of t
/// that go with it.
///
/// The estimate is the mean over the `B` slowest cosine waves of the square of the scores' part in
/// each, with `t(B)`: equal-weighted cosines, which Lazarus, Lewis, Stock and Watson (2018)
/// recommend in place of Newey and West's (1987) weights with a normal distribution, which reject
/// too often where memory is long. They take `B = 0.4 n^(2/3)`.
///
/// Scores are of residuals, from which columns that are slow, as a day's demand is, took up to one
/// wave each. So as many are counted out: the mean is over `B` less the columns, and so is `t`.
pub(super) fn covariance_of_sum(scores: &[Vec<f64>]) -> (Symmetric, f64) {
    let rows = scores.first().map_or(0, Vec::len);
    let waves = waves(rows).max(scores.len() + 1);
    let left = (waves - scores.len()) as f64;
    let mut covariance = Symmetric::zero(scores.len());
    let mut parts = vec![0.0; scores.len()];
    for wave in 1..=waves {
        let angle = std::f64::consts::PI * wave as f64 / rows as f64;
        for (part, column) in parts.iter_mut().zip(scores) {
            *part = along(column, angle);
        }
        covariance.add_square(&parts, 2.0 / left);
    }
    (covariance, left)
}

/// How many waves are looked at.
fn waves(rows: usize) -> usize {
    (WAVES_SHARE * (rows as f64).powf(2.0 / 3.0)).clamp(1.0, WAVES_MAX) as usize
}

/// The sum of `values` times a cosine, whose angle is turned from one to the next.
fn along(values: &[f64], angle: f64) -> f64 {
    let (turn_sine, turn_cosine) = angle.sin_cos();
    let (mut sine, mut cosine) = (angle / 2.0).sin_cos();
    let mut sum = 0.0;
    for value in values {
        sum += value * cosine;
        (sine, cosine) =
            (sine * turn_cosine + cosine * turn_sine, cosine * turn_cosine - sine * turn_sine);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Random;

    #[test]
    fn waves_are_those_of_the_cosine_transform() {
        let values: Vec<f64> = (0..1_000).map(|at| f64::from(at * at % 17)).collect();
        let angle = std::f64::consts::PI * 7.0 / 1_000.0;
        let naive: f64 =
            values.iter().enumerate().map(|(t, v)| v * (angle * (t as f64 + 0.5)).cos()).sum();
        assert!((along(&values, angle) - naive).abs() < 1e-8);
        // 0.3 * 1000^(2/3) = 30.
        assert_eq!([16, 1_001, 1_000_000].map(waves), [1, 30, 100]);
    }

    #[test]
    fn the_variance_of_a_sum_with_memory_is_found() {
        // AR(1) with 0.7: a sum of n varies by n / (1 - 0.7)^2, 11 times that of white noise.
        let (rows, seeds) = (2_000, 50);
        let one = |seed| {
            let mut random = Random::new(seed);
            let mut noise = 0.0;
            let next = |_| {
                noise = 0.7 * noise + random.normal();
                noise
            };
            covariance_of_sum(&[(0..rows).map(next).collect()]).0.at(0, 0)
        };
        let mean = (0..seeds).map(one).sum::<f64>() / seeds as f64;
        let truth = f64::from(rows) / 0.09;
        assert!((mean / truth - 1.0).abs() < 0.1, "{mean} {truth}");
    }
}
