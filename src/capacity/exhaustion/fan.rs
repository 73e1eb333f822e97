//! The daily peak of each day ahead as a distribution, for charts; and what was forecast before.

use super::backtest::{self, PastForecast};
use super::growth::Growth;
use super::{DAYS_MIN, ExhaustionOptions, is_too_large, paths, regime};
use crate::kernel;
use crate::model::limits::PEAK_DAYS_AHEAD_MAX;

/// The daily peak of one day, with probabilities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PeakInterval {
    /// With probability 10% it is at or below this.
    pub p10: f64,
    /// ... 50%.
    pub p50: f64,
    /// ... 90%.
    pub p90: f64,
}

/// What lies ahead of daily peaks, and what was forecast of them from their own past.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fan {
    /// The days after the last one, in order; none where no trend stands.
    pub ahead: Vec<PeakInterval>,
    /// The forecasts of which [`PeakBacktest`](super::PeakBacktest) is the score, earliest first.
    pub past: Vec<PastForecast>,
}

impl PeakInterval {
    /// Of one day of many futures.
    pub(super) fn of_day(futures: &[Vec<f64>], day: usize) -> Self {
        let mut peaks: Vec<f64> = futures.iter().filter_map(|f| f.get(day).copied()).collect();
        let [p10, p50, p90] = [0.1, 0.5, 0.9].map(|q| kernel::quantile(&mut peaks, q));
        Self { p10, p50, p90 }
    }
}

/// The fan of `days` days ahead, [`PEAK_DAYS_AHEAD_MAX`] of them at most, by the futures that
/// [`time_to_exhaustion`](super::time_to_exhaustion) draws. The day on which a future first reaches
/// a line is not in it: half of all futures may have been over a line by a day on which the median
/// is still below.
///
/// ```
/// use plimsoll::capacity::exhaustion::{ExhaustionOptions, fan};
/// let noise = [0.1, -0.2, 0.0, 0.15, -0.1, 0.05];
/// let peaks: Vec<f64> = (0..60).map(|day| 2.0 * day as f64 + noise[day % 6]).collect();
/// let found = fan(&peaks, 30, &ExhaustionOptions::default());
/// let last = found.ahead[29];
/// assert!((last.p50 - 178.0).abs() < 0.5 && last.p10 <= last.p50 && last.p50 <= last.p90);
/// // The latest past forecast was of the last week.
/// assert_eq!(found.past.last().map(|past| past.origin), Some(53));
/// ```
pub fn fan(daily_peaks: &[f64], days: usize, options: &ExhaustionOptions) -> Fan {
    let known = |peaks: &[f64]| peaks.iter().filter(|peak| peak.is_finite()).count();
    if known(daily_peaks) < DAYS_MIN || daily_peaks.iter().any(|peak| is_too_large(*peak)) {
        return Fan::default();
    }
    let start = regime::find(daily_peaks).last_start;
    let last = daily_peaks.get(start..).unwrap_or(&[]);
    let mut past: Vec<PastForecast> = backtest::forecasts(last, options.seed)
        .map(|forecast| PastForecast { origin: start + forecast.origin, ..forecast })
        .collect();
    past.reverse();
    let growth = (known(last) >= DAYS_MIN).then(|| Growth::of(last)).flatten();
    let growth = growth.filter(|growth| options.is_trend(growth.p_value()));
    let ahead = growth.map_or_else(Vec::new, |growth| {
        let days = days.min(PEAK_DAYS_AHEAD_MAX);
        let futures = paths::futures(&growth, days, options.paths(), options.seed);
        (0..days).map(|day| PeakInterval::of_day(&futures, day)).collect()
    });
    Fan { ahead, past }
}

#[cfg(test)]
mod tests {
    use super::super::{Outcome, time_to_exhaustion};
    use super::*;
    use crate::kernel::Random;

    fn climbing(days: usize) -> Vec<f64> {
        let mut random = Random::new(3);
        (0..days).map(|day| 100.0 + 2.0 * day as f64 + random.normal()).collect()
    }

    #[test]
    fn futures_widen_and_follow_the_trend() {
        let peaks = climbing(70);
        let found = fan(&peaks, 60, &ExhaustionOptions::default());
        assert_eq!(found.ahead.len(), 60);
        let width = |day: usize| found.ahead[day].p90 - found.ahead[day].p10;
        assert!(width(59) > width(6) && width(0) > 0.0);
        let climb = found.ahead[59].p50 - found.ahead[0].p50;
        assert!((climb - 118.0).abs() < 6.0, "{climb}");
    }

    #[test]
    fn the_past_forecasts_are_those_that_were_scored() {
        let mut peaks = climbing(40);
        // A step, so that the last regime does not begin at the first day.
        peaks.splice(0..0, (0..40).map(|day| 1000.0 + f64::from(day % 3)));
        let options = ExhaustionOptions::default();
        let found = fan(&peaks, 7, &options);
        let scored = time_to_exhaustion(&peaks, 1e6, &options).backtest.unwrap();
        assert_eq!(found.past.len(), scored.origins);
        assert!(found.past.is_sorted_by_key(|past| past.origin));
        let days = || {
            let of = |past: &'_ PastForecast| {
                let actual = peaks[past.origin..].iter().copied();
                actual.zip(past.days.clone()).collect::<Vec<_>>()
            };
            found.past.iter().flat_map(of)
        };
        let inside = days().filter(|(peak, said)| (said.p10..=said.p90).contains(peak)).count();
        assert!((inside as f64 / days().count() as f64 - scored.coverage).abs() < 1e-12);
    }

    #[test]
    fn no_trend_has_no_future_and_few_days_have_nothing() {
        let mut random = Random::new(5);
        let flat: Vec<f64> = (0..60).map(|_| 50.0 + random.normal()).collect();
        let options = ExhaustionOptions::default();
        assert_eq!(time_to_exhaustion(&flat, 60.0, &options).outcome, Outcome::NoTrend);
        let found = fan(&flat, 30, &options);
        assert!(found.ahead.is_empty() && !found.past.is_empty());
        assert_eq!(fan(&flat[..13], 30, &options), Fan::default());
        assert_eq!(fan(&[f64::NAN; 40], 30, &options), Fan::default());
    }
}
