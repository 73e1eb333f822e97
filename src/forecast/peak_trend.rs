//! The robust trend of the daily peak, with the shape of a day under it.

use super::past::ToValues;
use super::{Fit, Past, Predict, Scale, Scratch};
use crate::kernel::{self, Wide, theil_sen};

/// Days that the shape of a day is taken from: four weeks.
const SHAPE_DAYS: usize = 28;
/// Days below which a slope is not looked for.
const DAYS_MIN: usize = 7;
/// Days that the line is drawn through, the latest ones.
const DAYS_MAX: usize = 90;

/// A line by Theil and Sen through the daily peaks; under it each phase of the day lies as far as
/// it did in the median. Costs `days^2 / 2` slopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeakTrend {
    /// Steps of a day.
    pub day: usize,
}

#[derive(Debug)]
struct Fitted {
    /// The line of the peaks at the last value, and its change per step.
    level: Wide,
    slope: Wide,
    shape: Vec<Wide>,
    to_values: ToValues,
}

impl Fit for PeakTrend {
    fn name(&self) -> String {
        "trend of the daily peak".to_owned()
    }

    fn values_min(&self) -> usize {
        self.day.max(1).saturating_mul(DAYS_MIN)
    }

    fn fit<'a>(
        &self,
        past: &'a Past,
        origins: &[usize],
        _: &mut Scratch,
    ) -> Vec<Box<dyn Predict + 'a>> {
        let (level, day) = (past.in_scale(Scale::Level), self.day.max(1));
        let fitted = origins.iter().map(|origin| {
            let rows = &level.tile.rows()[..*origin];
            let rows = &rows[rows.len().saturating_sub(DAYS_MAX * day)..];
            let mut found = Fitted {
                level: Wide::ZERO,
                slope: Wide::ZERO,
                shape: vec![Wide::ZERO; day],
                to_values: level.to_values(),
            };
            for lane in 0..level.tile.series() {
                found.fit_lane(rows, day, lane);
            }
            Box::new(found) as Box<dyn Predict>
        });
        fitted.collect()
    }
}

impl Fitted {
    fn fit_lane(&mut self, rows: &[Wide], day: usize, lane: usize) {
        // Days are counted back from the end, so that the last one is whole.
        let days: Vec<&[Wide]> = rows.rchunks_exact(day).collect();
        let peak = |day: &&[Wide]| day.iter().map(|row| row.0[lane]).fold(f64::MIN, f64::max);
        let peaks: Vec<f64> = days.iter().rev().map(peak).collect();
        let Some(line) = theil_sen(&peaks) else { return };
        let slope = line.slope / day as f64;
        // The peak of the last day lies half a day before the end.
        let last = line.at(peaks.len() as f64 - 0.5);
        (self.level.0[lane], self.slope.0[lane]) = (last, slope);
        for (phase, shape) in self.shape.iter_mut().enumerate() {
            let mut under = [0.0; SHAPE_DAYS];
            let count = days.len().min(SHAPE_DAYS);
            for (back, (day_rows, under)) in days.iter().zip(&mut under).enumerate() {
                let steps_back = ((back + 1) * day - phase) as f64 - 0.5;
                *under = day_rows[phase].0[lane] - (last - slope * steps_back);
            }
            shape.0[lane] = kernel::median(&mut under[..count]);
        }
    }
}

impl Predict for Fitted {
    fn predict(&self, out: &mut [Wide]) {
        let day = self.shape.len();
        for (step, value) in out.iter_mut().enumerate() {
            *value = self.level + self.slope * (step as f64 + 0.5) + self.shape[step % day];
        }
        self.to_values.apply(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::tests::{assert_near, noise, predicted};

    const DAY: [f64; 4] = [0.0, 3.0, 10.0, 6.0];

    fn growing(step: usize) -> f64 {
        20.0 + 0.05 * step as f64 + DAY[step % 4]
    }

    #[test]
    fn growth_under_a_daily_shape_goes_on() {
        let values: Vec<f64> = (0..4 * 50).map(growing).collect();
        // The last day need not begin where the first one did.
        for end in [4 * 40, 4 * 40 + 1, 4 * 40 + 3] {
            let found = predicted(&PeakTrend { day: 4 }, &values[..end], 30);
            assert_near(&found, &values[end..end + 30], 1e-9);
        }
    }

    #[test]
    fn a_few_days_may_be_anything() {
        let mut values: Vec<f64> = (0..4 * 50).map(growing).collect();
        for day in [3, 11, 17, 22, 29, 33, 38] {
            values[4 * day..4 * day + 4].fill(500.0);
        }
        let found = predicted(&PeakTrend { day: 4 }, &values[..4 * 40], 40);
        assert_near(&found, &values[4 * 40..], 0.6);
    }

    #[test]
    fn it_looks_back_a_quarter_of_a_year_at_most() {
        let mut values: Vec<f64> =
            noise(1, 4 * 100).iter().enumerate().map(|(t, z)| growing(t) + z).collect();
        let before = predicted(&PeakTrend { day: 4 }, &values, 12);
        values[..4 * 10].fill(1e3);
        let after = predicted(&PeakTrend { day: 4 }, &values, 12);
        assert_near(&after, &before, 1e-9);
        values[4 * 10..4 * 13].fill(1e3);
        let nearer = predicted(&PeakTrend { day: 4 }, &values, 12);
        assert!((nearer[0] - after[0]).abs() > 1e-6, "{nearer:?} {after:?}");
    }
}
