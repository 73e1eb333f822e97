//! How the method did on the series' own past: the peaks a week ahead, from several origins.

use super::fan::PeakInterval;
use super::growth::Growth;
use super::{DAYS_MIN, paths};

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
    /// before the origin. Below 1 the forecast beats "it stays as it is"; infinite where what never
    /// moved before an origin moved after it.
    pub mase: f64,
    /// The share of peaks inside the 80% interval.
    pub coverage: f64,
}

/// A forecast of the daily peaks after a day of the past.
#[derive(Debug, Clone, PartialEq)]
pub struct PastForecast {
    /// How many days were known; the first day that is forecast, as an index into the peaks.
    pub origin: usize,
    /// The peaks of the days from there on.
    pub days: Vec<PeakInterval>,
}

/// Back-tests the fit on one regime; `None` where it is too short for a single origin.
pub(super) fn backtest(peaks: &[f64], seed: u64) -> Option<PeakBacktest> {
    let mut scores = Scores::default();
    for forecast in forecasts(peaks, seed) {
        let (past, future) = peaks.split_at(forecast.origin);
        scores.add(past, future, &forecast.days);
    }
    scores.finish()
}

/// The forecasts of one regime from each origin, the latest first.
pub(super) fn forecasts(peaks: &[f64], seed: u64) -> impl Iterator<Item = PastForecast> {
    let last_origin = peaks.len().checked_sub(HORIZON_DAYS);
    let origins = (0..ORIGINS_MAX).map_while(move |at| {
        last_origin.and_then(|last_origin| last_origin.checked_sub(at * ORIGIN_STEP_DAYS))
    });
    origins.map_while(move |origin| {
        let past = peaks.get(..origin)?;
        if past.iter().filter(|peak| peak.is_finite()).count() < DAYS_MIN {
            return None;
        }
        let growth = Growth::of(past)?;
        let futures = paths::futures(&growth, HORIZON_DAYS, PATHS, seed);
        let days = (0..HORIZON_DAYS).map(|day| PeakInterval::of_day(&futures, day)).collect();
        Some(PastForecast { origin, days })
    })
}

/// The mean absolute change of peaks one to seven days apart.
fn naive_error(peaks: &[f64]) -> f64 {
    let changes = (1..=HORIZON_DAYS)
        .flat_map(|lag| peaks.iter().zip(peaks.iter().skip(lag)))
        .map(|(a, b)| (b - a).abs());
    let known = changes.filter(|change| change.is_finite());
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
    fn add(&mut self, past: &[f64], future: &[f64], forecast: &[PeakInterval]) {
        let scale = naive_error(past);
        let mut any = false;
        for (actual, said) in future.iter().zip(forecast) {
            if !actual.is_finite() {
                continue;
            }
            any = true;
            self.inside += usize::from((said.p10..=said.p90).contains(actual));
            let error = (actual - said.p50).abs();
            // A series that never moved and still does not has no error at all.
            self.scaled_errors.push(if error == 0.0 { 0.0 } else { error / scale });
        }
        self.origins += usize::from(any);
    }

    fn finish(self) -> Option<PeakBacktest> {
        let count = self.scaled_errors.len();
        (self.origins > 0).then(|| PeakBacktest {
            origins: self.origins,
            mase: self.scaled_errors.iter().sum::<f64>() / count.max(1) as f64,
            coverage: self.inside as f64 / count.max(1) as f64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_of_what_never_moved_is_no_small_error() {
        let mut peaks = vec![50.0; 40];
        let still = backtest(&peaks, 1).unwrap();
        assert_eq!((still.mase, still.coverage), (0.0, 1.0));
        peaks[35..].fill(90.0);
        let moved = backtest(&peaks, 1).unwrap();
        assert_eq!(moved.mase, f64::INFINITY);
        assert!(moved.coverage < 1.0, "{moved:?}");
        // A day that is not known has no error, however it says so.
        peaks[35..].fill(f64::INFINITY);
        assert_eq!(backtest(&peaks, 1).unwrap().mase, 0.0);
    }
}
