//! The naive models: what every other one must beat.

use super::{Fit, Past, Predict, Scale, Scratch};
use crate::kernel::Wide;

/// The last value for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Persistence;

/// The last value, and the mean step of the past from there on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drift;

/// The value one period ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeasonalNaive {
    /// Steps of a period.
    pub period: usize,
}

/// The median of the last values of the same phase: one odd day does not become tomorrow's
/// forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SamePhaseMedian {
    /// Steps of a period.
    pub period: usize,
    /// How many periods back are looked at, from 1 to [`CYCLES_MAX`].
    pub cycles: usize,
}

/// The most periods that a [`SamePhaseMedian`] looks back.
pub const CYCLES_MAX: usize = 7;

/// One value per phase, repeated, and a slope; the phase of the first step ahead is 0.
#[derive(Debug)]
struct Profile {
    phases: Vec<Wide>,
    slope: Wide,
    to_values: super::past::ToValues,
}

impl Predict for Profile {
    fn predict(&self, out: &mut [Wide]) {
        for (step, (value, phase)) in out.iter_mut().zip(self.phases.iter().cycle()).enumerate() {
            *value = *phase + self.slope * (step + 1) as f64;
        }
        self.to_values.apply(out);
    }
}

fn profiles(
    past: &Past,
    origins: &[usize],
    mut of: impl FnMut(&[Wide]) -> (Vec<Wide>, Wide),
) -> Vec<Box<dyn Predict>> {
    let level = past.in_scale(Scale::Level);
    let fitted = origins.iter().map(|origin| {
        let (phases, slope) = of(&level.tile.rows()[..*origin]);
        Box::new(Profile { phases, slope, to_values: level.to_values() }) as Box<dyn Predict>
    });
    fitted.collect()
}

impl Fit for Persistence {
    fn name(&self) -> String {
        "persistence".to_owned()
    }

    fn values_min(&self) -> usize {
        1
    }

    fn fit<'a>(
        &self,
        past: &'a Past,
        origins: &[usize],
        _: &mut Scratch,
    ) -> Vec<Box<dyn Predict + 'a>> {
        profiles(past, origins, |rows| (rows.last().into_iter().copied().collect(), Wide::ZERO))
    }
}

impl Fit for Drift {
    fn name(&self) -> String {
        "drift".to_owned()
    }

    fn values_min(&self) -> usize {
        2
    }

    fn fit<'a>(
        &self,
        past: &'a Past,
        origins: &[usize],
        _: &mut Scratch,
    ) -> Vec<Box<dyn Predict + 'a>> {
        profiles(past, origins, |rows| {
            let (first, last) = (rows[0], rows[rows.len() - 1]);
            (vec![last], (last - first) / (rows.len().saturating_sub(1).max(1)) as f64)
        })
    }
}

impl Fit for SeasonalNaive {
    fn name(&self) -> String {
        format!("seasonal naive({})", self.period)
    }

    fn values_min(&self) -> usize {
        self.period.max(1)
    }

    fn fit<'a>(
        &self,
        past: &'a Past,
        origins: &[usize],
        _: &mut Scratch,
    ) -> Vec<Box<dyn Predict + 'a>> {
        profiles(past, origins, |rows| {
            (rows[rows.len() - self.period.max(1)..].to_vec(), Wide::ZERO)
        })
    }
}

impl Fit for SamePhaseMedian {
    fn name(&self) -> String {
        format!("same-phase median({}, {})", self.period, self.cycles)
    }

    fn values_min(&self) -> usize {
        self.period.max(1).saturating_mul(self.cycles.clamp(1, CYCLES_MAX))
    }

    fn fit<'a>(
        &self,
        past: &'a Past,
        origins: &[usize],
        _: &mut Scratch,
    ) -> Vec<Box<dyn Predict + 'a>> {
        let (period, cycles) = (self.period.max(1), self.cycles.clamp(1, CYCLES_MAX));
        profiles(past, origins, |rows| {
            let first = rows.len() - period;
            let median = |phase: usize| {
                let mut latest = [Wide::ZERO; CYCLES_MAX];
                for (cycle, row) in latest[..cycles].iter_mut().enumerate() {
                    *row = rows[first + phase - cycle * period];
                }
                middle(&mut latest[..cycles])
            };
            ((0..period).map(median).collect(), Wide::ZERO)
        })
    }
}

/// The median of each lane: a network of comparisons sorts all lanes at once.
pub(super) fn middle(rows: &mut [Wide]) -> Wide {
    let count = rows.len();
    for round in 0..count {
        for at in (round % 2..count - 1).step_by(2) {
            let (low, high) = (rows[at].min(rows[at + 1]), rows[at].max(rows[at + 1]));
            (rows[at], rows[at + 1]) = (low, high);
        }
    }
    let half = count / 2;
    if count % 2 == 1 { rows[half] } else { (rows[half - 1] + rows[half]) * Wide::splat(0.5) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::tests::{predicted, predicted_from};
    use crate::kernel::{LANES, Random};

    #[test]
    fn each_model_by_hand() {
        let values = [1.0, 2.0, 9.0, 4.0, 1.5, 2.5, 8.0, 4.5, 1.0, 3.0];
        assert_eq!(predicted(&Persistence, &values, 2), [3.0, 3.0]);
        // Phases of period 4 after ten values: 2, 3, 0, 1, 2.
        let naive = SeasonalNaive { period: 4 };
        assert_eq!(predicted(&naive, &values, 5), [8.0, 4.5, 1.0, 3.0, 8.0]);
        let two = SamePhaseMedian { period: 4, cycles: 2 };
        assert_eq!(predicted(&two, &values, 4), [8.5, 4.25, 1.25, 2.75]);
        let three = SamePhaseMedian { period: 3, cycles: 3 };
        // Of 2 1.5 4.5, 9 2.5 1 and 4 8 3.
        assert_eq!(predicted(&three, &values, 4), [2.0, 2.5, 4.0, 2.0]);
        // From the first value to the last in nine steps.
        let drift = predicted(&Drift, &values, 3);
        for (ahead, found) in drift.iter().enumerate() {
            assert!((found - (3.0 + (ahead + 1) as f64 * 2.0 / 9.0)).abs() < 1e-12, "{drift:?}");
        }
    }

    #[test]
    fn a_gap_is_taken_for_the_value_one_period_before() {
        let values = [1.0, 2.0, 3.0, 4.0, f64::NAN, 6.0];
        let found = predicted_from(&SeasonalNaive { period: 3 }, &values, 3, &[6], 3);
        assert_eq!(found, [[4.0, 2.0, 6.0]]);
        assert_eq!(predicted(&Persistence, &[5.0, f64::NAN], 1), [5.0]);
    }

    #[test]
    fn an_origin_is_forecast_from_what_lies_before_it() {
        let values: Vec<f64> = (0..20).map(|step| f64::from(step * step % 11)).collect();
        let models: [&dyn Fit; 4] = [
            &Persistence,
            &Drift,
            &SeasonalNaive { period: 4 },
            &SamePhaseMedian { period: 4, cycles: 3 },
        ];
        for model in models {
            let all = predicted_from(model, &values, 4, &[12, 15, 20], 6);
            for (origin, found) in [12, 15, 20].iter().zip(all) {
                let alone = predicted(model, &values[..*origin], 6);
                for (a, b) in found.iter().zip(alone) {
                    assert!((a - b).abs() < 1e-12, "{} at {origin}", model.name());
                }
            }
        }
    }

    #[test]
    fn the_network_finds_the_median_of_each_lane() {
        let mut random = Random::new(3);
        for count in 1..=CYCLES_MAX {
            for _ in 0..50 {
                // Few different numbers, so that some are equal.
                let rows: Vec<Wide> =
                    (0..count).map(|_| Wide::from_fn(|_| random.below(6) as f64)).collect();
                let found = middle(&mut rows.clone());
                for lane in 0..LANES {
                    let mut values: Vec<f64> = rows.iter().map(|row| row.0[lane]).collect();
                    assert_eq!(found.0[lane], crate::kernel::median(&mut values), "{values:?}");
                }
            }
        }
    }

    #[test]
    fn no_origin_before_the_values_a_model_takes() {
        assert_eq!(Persistence.values_min(), 1);
        assert_eq!(Drift.values_min(), 2);
        assert_eq!(SeasonalNaive { period: 24 }.values_min(), 24);
        assert_eq!(SamePhaseMedian { period: 24, cycles: 5 }.values_min(), 120);
        // Cycles beyond the limits are cut to them, in both places.
        for cycles in [0, 1, CYCLES_MAX, CYCLES_MAX + 5] {
            let model = SamePhaseMedian { period: 2, cycles };
            let least: Vec<f64> = (0..model.values_min()).map(|step| step as f64).collect();
            assert!(predicted(&model, &least, 3).iter().all(|value| value.is_finite()));
        }
    }
}
