//! The robust trend of the daily peak, with the shape of a day under it.

use super::models::Profile;
use super::{Fit, Predict};
use crate::kernel::{self, Line, theil_sen};

/// Days that the shape of a day is taken from: four weeks.
const SHAPE_DAYS: usize = 28;
/// Days below which a slope is not looked for.
const DAYS_MIN: usize = 7;

/// A line by Theil and Sen through the daily peaks; under it each phase of the day lies as far as
/// it did in the median.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeakTrend {
    /// Steps of a day.
    pub day: usize,
}

#[derive(Debug)]
struct Fitted {
    /// The line of the peaks, over days after the last value.
    line: Line,
    day: usize,
    shape: Profile,
}

impl Fit for PeakTrend {
    fn name(&self) -> String {
        "trend of the daily peak".to_owned()
    }

    fn fit(&self, values: &[f64]) -> Option<Box<dyn Predict>> {
        let day = self.day.max(1);
        // Days are counted back from the end, so that the last one is whole.
        let days: Vec<&[f64]> = values.rchunks(day).filter(|d| d.len() == day).collect();
        if days.len() < DAYS_MIN {
            return None;
        }
        let peak = |day: &&[f64]| {
            let known = day.iter().copied().filter(|value| value.is_finite());
            known.reduce(f64::max).unwrap_or(f64::NAN)
        };
        let peaks: Vec<f64> = days.iter().rev().map(peak).collect();
        let line = theil_sen(&peaks)?;
        let count = peaks.len();
        // Measured from the end of the values: the peak of day `count - 1` is half a day back.
        let line = Line { intercept: line.at(count as f64 - 0.5), slope: line.slope };
        let level = |steps_back: usize| line.at(-((steps_back as f64 - 0.5) / day as f64));
        let shape = (0..day).map(|phase| {
            let mut under: Vec<f64> = (1..=SHAPE_DAYS.min(count))
                .filter_map(|back| {
                    let at = (values.len() + phase).checked_sub(back * day)?;
                    let value = values.get(at)?;
                    Some(value - level(values.len() - at))
                })
                .collect();
            kernel::median(&mut under)
        });
        let shape: Vec<f64> = shape.map(|under| if under.is_nan() { 0.0 } else { under }).collect();
        Some(Box::new(Fitted { line, day, shape: Profile(shape) }))
    }
}

impl Predict for Fitted {
    fn predict(&self, out: &mut [f64]) {
        self.shape.predict(out);
        for (step, value) in out.iter_mut().enumerate() {
            *value += self.line.at((step as f64 + 0.5) / self.day as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_under_a_daily_shape_goes_on() {
        let shape = [5.0, 1.0, 9.0, 3.0];
        let value = |step: usize| 10.0 + 0.5 * step as f64 / 4.0 + shape[step % 4];
        let values: Vec<f64> = (0..80).map(value).collect();
        let mut out = [0.0; 8];
        PeakTrend { day: 4 }.fit(&values).unwrap().predict(&mut out);
        for (step, found) in out.iter().enumerate() {
            assert!((found - value(80 + step)).abs() < 1e-9, "{step}: {found}");
        }
        assert!(PeakTrend { day: 4 }.fit(&values[..27]).is_none());
    }
}
