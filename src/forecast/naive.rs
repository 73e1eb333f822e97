//! The naive models: what every other one must beat.

use super::{Fit, Past, Predict, Scale};
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
    /// How many periods back are looked at, at most [`CYCLES_MAX`].
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

    fn fit(&self, past: &Past, origins: &[usize]) -> Vec<Box<dyn Predict>> {
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

    fn fit(&self, past: &Past, origins: &[usize]) -> Vec<Box<dyn Predict>> {
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
        self.period
    }

    fn fit(&self, past: &Past, origins: &[usize]) -> Vec<Box<dyn Predict>> {
        profiles(past, origins, |rows| (rows[rows.len() - self.period..].to_vec(), Wide::ZERO))
    }
}

impl Fit for SamePhaseMedian {
    fn name(&self) -> String {
        format!("same-phase median({}, {})", self.period, self.cycles)
    }

    fn values_min(&self) -> usize {
        self.period * self.cycles
    }

    fn fit(&self, past: &Past, origins: &[usize]) -> Vec<Box<dyn Predict>> {
        let cycles = self.cycles.clamp(1, CYCLES_MAX);
        profiles(past, origins, |rows| {
            let first = rows.len() - self.period;
            let median = |phase: usize| {
                let mut latest = [Wide::ZERO; CYCLES_MAX];
                for (cycle, row) in latest[..cycles].iter_mut().enumerate() {
                    *row = rows[first + phase - cycle * self.period];
                }
                middle(&mut latest[..cycles])
            };
            ((0..self.period).map(median).collect(), Wide::ZERO)
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
