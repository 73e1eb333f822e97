//! The naive models: what every other one must beat.

use super::{Fit, Predict};
use crate::kernel;

/// The last known value for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Persistence;

/// The value one period ago, or where that is not known, the latest one of its phase.
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
    /// How many periods back are looked at.
    pub cycles: usize,
}

/// One value per phase, repeated; the phase of the first step ahead is 0.
#[derive(Debug)]
pub(super) struct Profile(pub(super) Vec<f64>);

impl Predict for Profile {
    fn predict(&self, out: &mut [f64]) {
        for (value, phase) in out.iter_mut().zip(self.0.iter().cycle()) {
            *value = *phase;
        }
    }
}

impl Fit for Persistence {
    fn name(&self) -> String {
        "persistence".to_owned()
    }

    fn fit(&self, values: &[f64]) -> Option<Box<dyn Predict>> {
        Some(Box::new(Profile(vec![last_known(values)?])))
    }
}

impl Fit for SeasonalNaive {
    fn name(&self) -> String {
        format!("seasonal naive({})", self.period)
    }

    fn fit(&self, values: &[f64]) -> Option<Box<dyn Predict>> {
        let of_phase = |phase| same_phase(values, self.period, phase).next();
        profile(values, self.period, of_phase)
    }
}

impl Fit for SamePhaseMedian {
    fn name(&self) -> String {
        format!("same-phase median({}, {})", self.period, self.cycles)
    }

    fn fit(&self, values: &[f64]) -> Option<Box<dyn Predict>> {
        let of_phase = |phase| {
            let latest = same_phase(values, self.period, phase).take(self.cycles);
            let mut latest: Vec<f64> = latest.collect();
            Some(kernel::median(&mut latest)).filter(|median| !median.is_nan())
        };
        profile(values, self.period, of_phase)
    }
}

/// A profile over one period; a phase without a value gets the last known one. `None` for less than
/// a period of values.
fn profile(
    values: &[f64],
    period: usize,
    of_phase: impl Fn(usize) -> Option<f64>,
) -> Option<Box<dyn Predict>> {
    if period == 0 || values.len() < period {
        return None;
    }
    let last = last_known(values)?;
    let phases = (0..period).map(|phase| of_phase(phase).unwrap_or(last)).collect();
    Some(Box::new(Profile(phases)))
}

/// The known values whose phase is that of step `phase` after the last one, latest first.
pub(super) fn same_phase(
    values: &[f64],
    period: usize,
    phase: usize,
) -> impl Iterator<Item = f64> + '_ {
    let latest = (values.len() + phase).checked_sub(period);
    let places = latest.into_iter().flat_map(move |at| (0..=at).rev().step_by(period));
    places.filter_map(|at| values.get(at).copied()).filter(|value| value.is_finite())
}

fn last_known(values: &[f64]) -> Option<f64> {
    values.iter().copied().rfind(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn predicted(model: &dyn Fit, values: &[f64], horizon: usize) -> Vec<f64> {
        let mut out = vec![0.0; horizon];
        model.fit(values).unwrap().predict(&mut out);
        out
    }

    #[test]
    fn each_model_by_hand() {
        let nan = f64::NAN;
        let values = [1.0, 2.0, 9.0, 4.0, 1.5, 2.5, nan, 4.5, 1.0, 3.0];
        assert_eq!(predicted(&Persistence, &values, 2), [3.0, 3.0]);
        // Phases of period 4 after ten values: 2, 3, 0, 1, 2.
        let naive = SeasonalNaive { period: 4 };
        assert_eq!(predicted(&naive, &values, 5), [9.0, 4.5, 1.0, 3.0, 9.0]);
        let median = SamePhaseMedian { period: 4, cycles: 3 };
        assert_eq!(predicted(&median, &values, 4), [9.0, 4.25, 1.0, 2.5]);
        assert!(naive.fit(&values[..3]).is_none());
        assert!(Persistence.fit(&[nan]).is_none());
    }
}
