//! How likely a peak reaches a line within days, trend or not: peaks without a trend fluctuate too.
//!
//! Five things are read off the days before: how often peaks were at or over the line lately, and
//! how often in all; how far the line is from the last peak, and how far over the record; and how
//! high the last peak stands among the others. `calibration.rs` weighs them into odds.

use serde::Serialize;

use super::calibration::EVIDENCE;
use crate::kernel;

/// Days of the period whose odds are weighed.
pub(super) const WEEK_DAYS: usize = 7;
/// What "lately" means: a day counts half as much as the one so many days after it.
const LATELY_DAYS: f64 = 3.0;
/// So much of a day at the line is assumed beside the days that were seen, where the line lies at
/// the record.
const UNSEEN_DAYS: f64 = 0.3;
/// It falls with this power of the distance from the record: peaks have heavy tails.
const TAIL_POWER: f64 = 0.6;
/// No week is surer than this, before the weights.
const CERTAIN: f64 = 0.998;
/// Nearer lines count as being at this distance, in changes: the nearest that was tuned on.
const DISTANCE_MIN: f64 = 0.5;
/// Farther lines count as being at this distance, so that none is endlessly far from a series that
/// never moved.
const DISTANCE_MAX: f64 = 1e9;
/// The quantile of the peaks from which the reach of the record is measured.
const USUAL_QUANTILE: f64 = 0.75;

/// What is read off the days before for a line, as numbers that are weighed: a constant, how often
/// lately, how often in all, distance, rank and record.
pub(super) type Weighed = [f64; EVIDENCE];

/// The probabilities that the line is reached, in days after the last day of the peaks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Probabilities {
    /// That a daily peak is at or over the line within 7 days.
    pub within_7: f64,
    /// ... within 30 days.
    pub within_30: f64,
    /// ... within 90 days: the same weeks go on, which no data that we have can check.
    pub within_90: f64,
    /// That it is not reached within the horizon.
    pub never: f64,
}

impl Probabilities {
    /// From the probability of each number of days.
    pub(super) fn of(within: impl Fn(f64) -> f64, horizon_days: f64) -> Self {
        Self {
            within_7: within(7.0),
            within_30: within(30.0),
            within_90: within(90.0),
            never: 1.0 - within(horizon_days),
        }
    }
}

/// What a series says of any line.
#[derive(Debug, Clone)]
pub(super) struct Evidence {
    /// The known peaks, the latest first.
    latest_first: Vec<f64>,
    /// The usual size of a daily change.
    change: f64,
    record: f64,
    /// From the usual high peaks to the record.
    reach: f64,
    /// Log odds that a peak is as high as the last one; of those that are equally high, half count.
    rank: f64,
}

impl Evidence {
    /// Reads the peaks; `None` where fewer than a week's are known.
    pub(super) fn of(peaks: &[f64]) -> Option<Self> {
        let latest_first: Vec<f64> =
            peaks.iter().rev().copied().filter(|peak| peak.is_finite()).collect();
        let last = *latest_first.first()?;
        let days = latest_first.len();
        if days < WEEK_DAYS {
            return None;
        }
        let record = latest_first.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let higher = latest_first.iter().filter(|peak| **peak > last).count() as f64;
        let equal = latest_first.iter().filter(|peak| **peak == last).count() as f64;
        let change = change_size(peaks);
        let usual = kernel::quantile(&mut latest_first.clone(), USUAL_QUANTILE);
        Some(Self {
            rank: log_odds((higher + 0.5 * equal) / days as f64),
            reach: record - usual + change,
            latest_first,
            change,
            record,
        })
    }

    /// The evidence that a peak is at or over the line within a week.
    pub(super) fn of_week(&self, line: f64) -> Weighed {
        let last = self.latest_first.first().copied().unwrap_or(f64::NAN);
        // Of a series that never moved this is no number where the line is the last peak.
        let distance = ((line - last) / self.change).max(DISTANCE_MIN);
        let over_record = (line - self.record).max(0.0);
        [
            1.0,
            log_odds(self.recurrence(line, over_record, LATELY_DAYS)),
            log_odds(self.recurrence(line, over_record, f64::INFINITY)),
            distance.min(DISTANCE_MAX).ln(),
            self.rank,
            share(over_record, self.reach).ln_1p(),
        ]
    }

    /// The probability of a day at the line within a week, were days drawn from those before, and
    /// each drawn day put back twice (Polya's urn, that is, a share that is known only from these
    /// days). A day counts half as much as the one `half_life_days` after it.
    fn recurrence(&self, line: f64, over_record: f64, half_life_days: f64) -> f64 {
        let older = 0.5_f64.powf(1.0 / half_life_days);
        let (mut at_line, mut under, mut weight) = (0.0, 0.0, 1.0);
        for peak in &self.latest_first {
            *(if *peak >= line { &mut at_line } else { &mut under }) += weight;
            weight *= older;
        }
        at_line += UNSEEN_DAYS * (1.0 + share(over_record, self.change)).powf(-TAIL_POWER);
        let all_under = |none: f64, day: usize| {
            let day = day as f64;
            none * (under + day) / (at_line + under + day)
        };
        1.0 - (0..WEEK_DAYS).fold(1.0, all_under)
    }
}

/// The usual size of a daily change: the median absolute deviation of the changes of the daily
/// peak; where that is 0, their mean size.
fn change_size(peaks: &[f64]) -> f64 {
    let mut changes = changes(peaks);
    let size = median_deviation(&mut changes);
    if size > 0.0 {
        return size;
    }
    changes.iter().map(|change| change.abs()).sum::<f64>() / changes.len().max(1) as f64
}

/// The known changes from one day to the next; from each known day to the next known one, where
/// most of these do not follow each other.
pub(super) fn changes(peaks: &[f64]) -> Vec<f64> {
    let between = |peaks: &[f64]| -> Vec<f64> {
        let changes = peaks.windows(2).map(|two| two[1] - two[0]);
        changes.filter(|change| change.is_finite()).collect()
    };
    let of_days = between(peaks);
    let known: Vec<f64> = peaks.iter().copied().filter(|peak| peak.is_finite()).collect();
    if 2 * of_days.len() + 1 >= known.len() { of_days } else { between(&known) }
}

/// The median distance from the median; NaN for nothing.
pub(super) fn median_deviation(values: &mut [f64]) -> f64 {
    let middle = kernel::median(values);
    kernel::median(&mut values.iter().map(|value| (value - middle).abs()).collect::<Vec<_>>())
}

/// `part / whole`; nothing is nothing of a series that never moved, too.
fn share(part: f64, whole: f64) -> f64 {
    if part == 0.0 { 0.0 } else { (part / whole).min(DISTANCE_MAX) }
}

/// Log odds of a probability, kept off 0 and 1.
fn log_odds(probability: f64) -> f64 {
    let kept = probability.clamp(1.0 - CERTAIN, CERTAIN);
    (kept / (1.0 - kept)).ln()
}
