//! Futures drawn from a fit, and when each first reaches the line.

use super::fit::Fit;
use super::growth::Growth;
use super::line::{LinePath, Marks};
use super::{ExhaustionOptions, Quantiles};
use crate::kernel::Random;
use crate::model::limits::PEAK_DAYS_AHEAD_MAX;

/// The most days of which [`Quantiles`] tell a share by themselves.
const ASKED_DAYS: f64 = 90.0;

/// The times at which drawn paths first reach the line, in order; infinite where they do not.
#[derive(Debug)]
pub(super) struct Passages(Vec<f64>);

impl Passages {
    /// All futures reach it on the same day.
    pub(super) fn all(days: f64, paths: usize) -> Self {
        Self(vec![days; paths])
    }

    /// The times, in order.
    pub(super) fn into_days(self) -> Vec<f64> {
        self.0
    }

    /// The share of the paths that reach the line within so many days.
    pub(super) fn share(&self, days: f64) -> f64 {
        self.count(days) as f64 / self.0.len().max(1) as f64
    }

    fn count(&self, days: f64) -> usize {
        self.0.partition_point(|passage| *passage <= days)
    }

    /// The distribution of the day.
    pub(super) fn quantiles(&self, options: &ExhaustionOptions) -> Quantiles {
        let quantile = |q: f64| Some(self.rank(q)).filter(|days| *days <= options.horizon_days);
        Quantiles {
            p10_days: quantile(0.1),
            p50_days: quantile(0.5),
            p90_days: quantile(0.9),
            within_7: self.share(7.0),
            within_30: self.share(30.0),
            within_90: self.share(ASKED_DAYS),
            never: (self.0.len() - self.count(options.horizon_days)) as f64
                / self.0.len().max(1) as f64,
        }
    }

    /// The quantile, without interpolation: passages may be infinite.
    fn rank(&self, q: f64) -> f64 {
        let at = (q * self.0.len() as f64).ceil() as usize;
        self.0.get(at.saturating_sub(1)).copied().unwrap_or(f64::INFINITY)
    }
}

/// Draws futures and notes the day on which each first has a peak at or over the line, counted from
/// the last day. Each future has numbers of its own, so that the same futures meet every line.
pub(super) fn first_passages(
    growth: &Growth,
    line: &LinePath,
    options: &ExhaustionOptions,
) -> Passages {
    // Shares are told of 90 days, whatever the horizon.
    let horizon = options.horizon_days.clamp(ASKED_DAYS, PEAK_DAYS_AHEAD_MAX as f64) as usize;
    let mut seeds = Random::new(options.seed);
    let passage = |index| {
        let mut random = Random::new(seeds.bits());
        let fit = growth.fit_of(index);
        let marks = line.marks(fit);
        let day = Path::draw(fit, &mut random).first_at(&marks, horizon, fit, &mut random);
        day.map_or(f64::INFINITY, |day| day as f64)
    };
    let mut passages: Vec<f64> = (0..options.paths()).map(passage).collect();
    passages.sort_by(f64::total_cmp);
    Passages(passages)
}

/// The peaks of `days` days from the last day on, in `paths` futures: one row per future, in the
/// unit of the peaks.
pub(super) fn futures(growth: &Growth, days: usize, paths: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut seeds = Random::new(seed);
    let future = |index| {
        let mut random = Random::new(seeds.bits());
        let fit = growth.fit_of(index);
        let mut path = Path::draw(fit, &mut random);
        (0..days).map(|_| path.next(fit, &mut random)).collect()
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

    /// The first day, counted from the last one, on which line and noise are at the weekday's mark.
    fn first_at(
        mut self,
        marks: &[Marks],
        days: usize,
        fit: &Fit,
        random: &mut Random,
    ) -> Option<usize> {
        for (at, (from, weekdays)) in marks.iter().enumerate() {
            let next = marks.get(at + 1).map_or(usize::MAX, |(day, _)| *day);
            let (first, end) = ((*from).max(1), next.min(days + 1));
            let mut marks = weekdays.iter().cycle().skip((self.day + first) % weekdays.len());
            let found = (first..end).find(|_| {
                self.step(fit, random);
                marks.next().is_some_and(|mark| self.level + self.noise >= *mark)
            });
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// The next day's peak, in the unit of the peaks.
    fn next(&mut self, fit: &Fit, random: &mut Random) -> f64 {
        self.day += 1;
        self.step(fit, random);
        fit.peak(self.level + self.noise, self.day)
    }

    /// Line and noise go on by a day.
    fn step(&mut self, fit: &Fit, random: &mut Random) {
        self.level += self.slope;
        // The high half of the product is a place among them, without a division (Lemire, 2019).
        let place = (u128::from(random.bits()) * fit.innovations.len() as u128) >> 64;
        let new = fit.innovations.get(place as usize).copied().unwrap_or(0.0);
        self.noise = fit.future_memory * self.noise + new;
    }
}
