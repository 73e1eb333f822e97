//! Futures drawn from a fit, and when each first reaches the line.

use super::fit::Fit;
use super::growth::Growth;
use super::{ExhaustionOptions, Passages};
use crate::kernel::Random;

/// Draws futures and notes the day on which each first has a peak at or over the line, counted from
/// the last day.
pub(super) fn first_passages(growth: &Growth, line: f64, options: &ExhaustionOptions) -> Passages {
    let horizon = options.horizon_days.clamp(1.0, 36_500.0) as usize;
    let mut random = Random::new(options.seed);
    let passage = |index| {
        let fit = growth.fit_of(index);
        let line = fit.scaled(line);
        let mut path = Path::draw(fit, &mut random);
        let day = (1..=horizon).find(|_| path.next(fit, &mut random) >= line);
        day.map_or(f64::INFINITY, |day| day as f64)
    };
    Passages((0..options.paths.max(1)).map(passage).collect())
}

/// The peaks of `days` days from the last day on, in `paths` futures: one row per future, in the
/// unit of the peaks.
pub(super) fn futures(growth: &Growth, days: usize, paths: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut random = Random::new(seed);
    let future = |index| {
        let fit = growth.fit_of(index);
        let mut path = Path::draw(fit, &mut random);
        (0..days).map(|_| fit.unscaled(path.next(fit, &mut random))).collect()
    };
    (0..paths).map(future).collect()
}

/// One future: a line of its own, and noise that goes on from the last residual.
#[derive(Debug)]
struct Path {
    day: usize,
    slope: f64,
    level: f64,
    noise: f64,
}

impl Path {
    /// Slope and level are drawn around the fitted ones, turned about the middle of the days, where
    /// the two errors are independent.
    fn draw(fit: &Fit, random: &mut Random) -> Self {
        let last = fit.days.saturating_sub(1);
        let slope_off = fit.slope_error * random.student(fit.freedom);
        let level_off = fit.level_error * random.normal();
        let turned = level_off + slope_off * last as f64 / 2.0;
        Self {
            day: last,
            slope: fit.line.slope + slope_off,
            level: fit.line.at(last as f64) + turned,
            // Measured from the drawn line, so that all futures start from the same last peak.
            noise: fit.last_residual - turned,
        }
    }

    /// The next day's peak, in the scale of the fit.
    fn next(&mut self, fit: &Fit, random: &mut Random) -> f64 {
        self.day += 1;
        self.level += self.slope;
        let new = fit.innovations.get(random.below(fit.innovations.len()));
        self.noise = fit.future_memory * self.noise + new.copied().unwrap_or(0.0);
        fit.with_weekday(self.level + self.noise, self.day)
    }
}
