//! How the method did on the series' own past: the peaks a week ahead, from several origins.

use super::growth::Growth;
use super::{DAYS_MIN, paths};
use crate::kernel;

/// Days ahead that are forecast from each origin.
const HORIZON_DAYS: usize = 7;
/// Origins at most, the latest ones, a few days apart.
const ORIGINS_MAX: usize = 8;
/// Days between origins; not a multiple of a week, so that all weekdays are origins.
const ORIGIN_STEP_DAYS: usize = 5;
/// Futures drawn from each origin.
const PATHS: usize = 100;

/// Errors of forecasts of the daily peak one to seven days ahead, over rolling origins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PeakBacktest {
    /// Origins that were forecast from.
    pub origins: usize,
    /// Mean absolute scaled error: over the mean absolute change of the peaks within as many days,
    /// before the origin. Below 1 the forecast beats "it stays as it is".
    pub mase: f64,
    /// The share of peaks inside the 80% interval.
    pub coverage: f64,
}

/// Back-tests the fit on one regime; `None` where it is too short for a single origin.
pub(super) fn backtest(peaks: &[f64], seed: u64) -> Option<PeakBacktest> {
    let last_origin = peaks.len().checked_sub(HORIZON_DAYS)?;
    let mut scores = Scores::default();
    let origins = (0..ORIGINS_MAX).filter_map(|at| last_origin.checked_sub(at * ORIGIN_STEP_DAYS));
    for origin in origins {
        let (past, future) = peaks.split_at(origin);
        if past.iter().filter(|peak| peak.is_finite()).count() < DAYS_MIN {
            break;
        }
        let Some(growth) = Growth::of(past) else { break };
        scores.add(past, future, &paths::futures(&growth, HORIZON_DAYS, PATHS, seed));
    }
    scores.finish()
}

/// The mean absolute change of peaks one to seven days apart.
fn naive_error(peaks: &[f64]) -> f64 {
    let changes = (1..=HORIZON_DAYS)
        .flat_map(|lag| peaks.iter().zip(peaks.iter().skip(lag)))
        .map(|(a, b)| (b - a).abs());
    let known = changes.filter(|change| !change.is_nan());
    let (sum, count) = known.fold((0.0, 0_u32), |(sum, n), change| (sum + change, n + 1));
    sum / f64::from(count.max(1))
}

#[derive(Debug, Default)]
struct Scores {
    origins: usize,
    scaled_errors: Vec<f64>,
    inside: usize,
}

impl Scores {
    fn add(&mut self, past: &[f64], future: &[f64], futures: &[Vec<f64>]) {
        let scale = naive_error(past);
        let mut any = false;
        for (day, actual) in future.iter().take(HORIZON_DAYS).enumerate() {
            if actual.is_nan() {
                continue;
            }
            any = true;
            let mut peaks: Vec<f64> = futures.iter().filter_map(|f| f.get(day).copied()).collect();
            let [low, middle, high] = [0.1, 0.5, 0.9].map(|q| kernel::quantile(&mut peaks, q));
            self.inside += usize::from((low..=high).contains(actual));
            let error = (actual - middle).abs();
            // A series that never moved and still does not has no error at all.
            self.scaled_errors.push(if error == 0.0 { 0.0 } else { error / scale });
        }
        self.origins += usize::from(any);
    }

    fn finish(self) -> Option<PeakBacktest> {
        let count = self.scaled_errors.len();
        let finite: Vec<f64> = self.scaled_errors.into_iter().filter(|e| e.is_finite()).collect();
        (self.origins > 0).then(|| PeakBacktest {
            origins: self.origins,
            mase: finite.iter().sum::<f64>() / finite.len().max(1) as f64,
            coverage: self.inside as f64 / count.max(1) as f64,
        })
    }
}
