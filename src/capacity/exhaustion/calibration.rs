//! How the evidence of the days before is weighed into odds; a fleet's own past says it best.

use serde::Serialize;

use super::DAYS_MIN;
use super::cases::{self, PeakSeries};
use super::evidence::{Evidence, WEEK_DAYS, Weighed};

/// What is read off the days before, and a constant.
pub(super) const EVIDENCE: usize = 6;
/// Weights of the log odds of a week: constant, how often lately, how often in all, distance, rank
/// and record. Tuned on the July part of the Bitbrains traces alone.
const WEIGHTS: [f64; EVIDENCE] = [-0.21, 0.65, 0.07, -0.20, -0.10, -0.36];
/// A line that is farther off must not be likelier.
const SIGNS: [Sign; EVIDENCE] = [Sign::Any, Sign::Up, Sign::Up, Sign::Down, Sign::Any, Sign::Down];
/// A month in which each week is drawn on its own.
const ON_THEIR_OWN: [f64; EVIDENCE + 1] = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
const MONTH_SIGNS: [Sign; EVIDENCE + 1] =
    [Sign::Up, Sign::Any, Sign::Up, Sign::Up, Sign::Down, Sign::Any, Sign::Down];
/// Days of a month, from which on months are drawn, and not weeks.
const MONTH_DAYS: usize = 30;

/// How much the weights that we bring resist, in independent cases.
const PRIOR_CASES: f64 = 30.0;
/// What a case is worth, over the days ahead: the lines over one peak are reached together, and
/// origins a day apart share all days ahead but one.
const CASE_WORTH: f64 = 1.0 / cases::MULTIPLES.len() as f64;
/// Newton steps; the sum is convex, so that few are needed.
const STEPS_MAX: usize = 50;
/// Steps smaller than this change nothing that is shown.
const STEP_MIN: f64 = 1e-9;
/// The latest origins that are learnt from: older ones say little of today's fleet.
const ORIGINS_MAX: usize = 90;

/// How the evidence is weighed. By default as on the fleet that we tuned on; better as on the fleet
/// that is asked for: a logistic regression (Cox, 1958) that is shrunk towards the default.
///
/// ```
/// use plimsoll::capacity::exhaustion::{Calibration, PeakSeries};
/// // A service that is at 9 every other week, and under 5 else.
/// let peak = |day| if day % 14 == 3 { 9.0 } else { f64::from(day * 7 % 5) };
/// let fleet = [PeakSeries { host: "web-1".to_owned(), peaks: (0..84).map(peak).collect() }];
/// assert_ne!(Calibration::learn(&fleet), Calibration::default());
/// assert_eq!(Calibration::learn(&[]), Calibration::default());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Calibration {
    /// Of the evidence, for the log odds of a week.
    weights: [f64; EVIDENCE],
    /// Of the log odds of a month whose weeks are drawn on their own, and of the evidence again,
    /// for the log odds of a month.
    month: [f64; EVIDENCE + 1],
}

impl Default for Calibration {
    fn default() -> Self {
        Self { weights: WEIGHTS, month: ON_THEIR_OWN }
    }
}

impl Calibration {
    /// Learns from a fleet's past: from each of the latest 90 days on which 14 were known and of
    /// which the week after is known too, the evidence is compared with what came; and where the
    /// month after is known, the month that the weeks make as well. A few microseconds for each day
    /// of each series.
    pub fn learn(series: &[PeakSeries]) -> Self {
        let mut seen = Vec::new();
        for series in series {
            let end = (series.peaks.len() + 1).saturating_sub(WEEK_DAYS);
            for origin in end.saturating_sub(ORIGINS_MAX).max(DAYS_MIN)..end {
                seen.extend(Seen::on(&series.peaks, origin));
            }
        }
        Self::fit(&seen, usize::MAX)
    }

    /// What was seen by a day, in days of history.
    pub(super) fn fit(seen: &[Seen], by: usize) -> Self {
        let weeks = seen.iter().filter(|seen| seen.origin + WEEK_DAYS <= by);
        let weeks = weeks.map(|seen| (seen.evidence, seen.week));
        let weights = likeliest(&weeks, &WEIGHTS, &SIGNS, WEEK_DAYS);
        let learnt = Self { weights, month: ON_THEIR_OWN };
        let months = seen.iter().filter_map(|seen| {
            let came = seen.month.filter(|_| seen.origin + MONTH_DAYS <= by)?;
            Some((learnt.of_month(&seen.evidence), came))
        });
        let month = likeliest(&months, &ON_THEIR_OWN, &MONTH_SIGNS, MONTH_DAYS);
        Self { month, ..learnt }
    }

    /// The probability within so many days: a week and a month as they are weighed; what is under
    /// the line for days within the week, or beyond the month, goes on by the same share a day, and
    /// between the two by the share that leads from the one to the other.
    pub(super) fn within(&self, evidence: &Weighed, days: f64) -> f64 {
        let (week_days, month_days) = (WEEK_DAYS as f64, MONTH_DAYS as f64);
        let week = self.week(evidence);
        if days <= week_days {
            return 1.0 - (1.0 - week).powf(days / week_days);
        }
        let month = logistic(dot(&self.month, &self.of_month(evidence))).max(week);
        if days >= month_days {
            return 1.0 - (1.0 - month).powf(days / month_days);
        }
        let gone = (days - week_days) / (month_days - week_days);
        1.0 - (1.0 - week).powf(1.0 - gone) * (1.0 - month).powf(gone)
    }

    fn week(&self, evidence: &Weighed) -> f64 {
        logistic(dot(&self.weights, evidence))
    }

    /// What a month is weighed from.
    fn of_month(&self, evidence: &Weighed) -> [f64; EVIDENCE + 1] {
        let under = (1.0 - self.week(evidence)).powf(MONTH_DAYS as f64 / WEEK_DAYS as f64);
        let [constant, lately, in_all, distance, rank, record] = *evidence;
        [log_odds(1.0 - under), constant, lately, in_all, distance, rank, record]
    }
}

/// The evidence on a day for a line over the last peak, and whether it was reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Seen {
    origin: usize,
    evidence: Weighed,
    week: bool,
    /// Unknown at the end of the past.
    month: Option<bool>,
}

impl Seen {
    /// The lines over the last peak of a day of which the week after is known.
    pub(super) fn on(peaks: &[f64], origin: usize) -> Vec<Self> {
        let (past, future) = peaks.split_at(origin);
        let Some(evidence) = Evidence::of(past) else { return Vec::new() };
        let found = cases::lines(past).into_iter().filter_map(|line| {
            let reached = |days: usize| cases::reached(future.get(..days)?, line.at);
            let (week, month) = (reached(WEEK_DAYS)?, reached(MONTH_DAYS));
            Some(Self { origin, evidence: evidence.of_week(line.at), week, month })
        });
        found.collect()
    }
}

/// The likeliest weights of values that came true or not, shrunk to `prior` as if that had been
/// seen on 30 independent cases. Newton's method, on a convex sum.
fn likeliest<const N: usize>(
    seen: &(impl Iterator<Item = ([f64; N], bool)> + Clone),
    prior: &[f64; N],
    signs: &[Sign; N],
    days: usize,
) -> [f64; N] {
    let worth = CASE_WORTH / days as f64;
    let mut weights = *prior;
    for _ in 0..STEPS_MAX {
        let mut slope: [f64; N] = std::array::from_fn(|at| PRIOR_CASES * (prior[at] - weights[at]));
        let mut bend = [[0.0; N]; N];
        (0..N).for_each(|at| bend[at][at] = PRIOR_CASES);
        for (values, came) in seen.clone() {
            let forecast = logistic(dot(&weights, &values));
            let off = worth * (f64::from(u8::from(came)) - forecast);
            let weight = worth * forecast * (1.0 - forecast);
            for (row, value) in values.iter().enumerate() {
                slope[row] += off * value;
                let weighted = weight * value;
                bend[row].iter_mut().zip(values).for_each(|(sum, other)| *sum += weighted * other);
            }
        }
        let before = weights;
        let step = solve(bend, slope);
        for (at, weight) in weights.iter_mut().enumerate() {
            *weight = signs[at].keep(*weight + step[at]);
        }
        let moved = weights.iter().zip(before).map(|(now, before)| (now - before).abs());
        if moved.sum::<f64>() < STEP_MIN {
            break;
        }
    }
    weights
}

/// Which way a weight may count.
#[derive(Debug, Clone, Copy)]
enum Sign {
    Any,
    Up,
    Down,
}

impl Sign {
    fn keep(self, weight: f64) -> f64 {
        match self {
            Self::Any => weight,
            Self::Up => weight.max(0.0),
            Self::Down => weight.min(0.0),
        }
    }
}

/// Solves a symmetric positive definite system by elimination; its diagonal holds the prior, so
/// that no pivot is near 0.
fn solve<const N: usize>(mut matrix: [[f64; N]; N], mut right: [f64; N]) -> [f64; N] {
    for at in 0..N {
        let pivot = matrix[at];
        for row in at + 1..N {
            let share = matrix[row][at] / pivot[at];
            matrix[row].iter_mut().zip(pivot).for_each(|(value, above)| *value -= share * above);
            right[row] -= share * right[at];
        }
    }
    for at in (0..N).rev() {
        let known: f64 = (at + 1..N).map(|other| matrix[at][other] * right[other]).sum();
        right[at] = (right[at] - known) / matrix[at][at];
    }
    right
}

fn dot<const N: usize>(weights: &[f64; N], values: &[f64; N]) -> f64 {
    weights.iter().zip(values).map(|(weight, value)| weight * value).sum()
}

fn logistic(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// Log odds of a probability, kept off 0 and 1.
fn log_odds(probability: f64) -> f64 {
    let kept = probability.clamp(1e-6, 1.0 - 1e-6);
    (kept / (1.0 - kept)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Random;

    #[test]
    fn planted_weights_are_found_and_few_cases_change_little() {
        let mut random = Random::new(4);
        let planted = [0.8, 0.5, 0.3, -0.6, 0.2, 0.0];
        let mut seen = |count: usize| -> Vec<(Weighed, bool)> {
            let one = |_| {
                let values = std::array::from_fn(|at| if at == 0 { 1.0 } else { random.normal() });
                (values, random.uniform() < logistic(dot(&planted, &values)))
            };
            (0..count).map(one).collect()
        };
        let off = |found: Weighed, from: Weighed| {
            let pairs = found.into_iter().zip(from);
            pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
        };
        let mut fit = |count| likeliest(&seen(count).into_iter(), &WEIGHTS, &SIGNS, WEEK_DAYS);
        let (many, few) = (fit(300_000), fit(35));
        assert!(off(many, planted) < 0.05, "{many:?}");
        assert!(off(few, WEIGHTS) < 0.05, "{few:?}");
    }

    #[test]
    fn a_line_that_is_farther_off_is_never_likelier() {
        // Nothing but the opposite of what is right was seen.
        let mut random = Random::new(5);
        let seen: Vec<Seen> = (0..20_000)
            .map(|_| {
                let evidence: Weighed = std::array::from_fn(|_| random.normal());
                let week = evidence[3] + evidence[5] - evidence[1] - evidence[2] > 0.0;
                Seen { origin: 20, evidence, week, month: Some(!week) }
            })
            .collect();
        let found = Calibration::fit(&seen, usize::MAX);
        assert_eq!([1, 2, 3, 5].map(|at| found.weights[at]), [0.0; 4]);
        let peaks: Vec<f64> = (0..30).map(|_| random.normal()).collect();
        let evidence = Evidence::of(&peaks).unwrap();
        for calibration in [found, Calibration::default()] {
            for days in [7.0, 30.0, 90.0, 365.0] {
                let lines = (-40..80).map(|line| evidence.of_week(0.1 * f64::from(line)));
                let chances: Vec<f64> = lines.map(|line| calibration.within(&line, days)).collect();
                assert!(chances.windows(2).all(|two| two[0] >= two[1]), "{chances:?}");
            }
        }
    }

    #[test]
    fn months_are_learnt_from_months() {
        // Series of which half reach every line on every day and half none: a week says it all, and
        // four weeks on their own would say much more.
        let evidence = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let seen: Vec<Seen> = (0..20_000)
            .map(|at| Seen { origin: 20, evidence, week: at % 2 == 0, month: Some(at % 2 == 0) })
            .collect();
        let found = Calibration::fit(&seen, usize::MAX);
        assert!((found.within(&evidence, 7.0) - 0.5).abs() < 0.01, "{found:?}");
        assert!((found.within(&evidence, 30.0) - 0.5).abs() < 0.1, "{found:?}");
        // Before the month is over only the week is known.
        let early = Calibration::fit(&seen, 49);
        assert!((early.within(&evidence, 30.0) - (1.0 - 0.5_f64.powf(30.0 / 7.0))).abs() < 0.01);
        assert_eq!(Calibration::fit(&seen, 26), Calibration::default());
    }

    #[test]
    fn more_days_are_never_less_likely() {
        // Weeks that come true on their own, and months that do less often than four of them, or
        // even less often than a week.
        let evidence = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        for (one_week_in, one_month_in) in [(12, 9), (12, 3), (12, 24), (2, 1)] {
            let seen: Vec<Seen> = (0..20_000)
                .map(|at| {
                    let (week, month) = (at % one_week_in == 0, at % one_month_in == 0);
                    Seen { origin: 20, evidence, week, month: Some(month) }
                })
                .collect();
            let found = Calibration::fit(&seen, usize::MAX);
            let within = |days: f64| found.within(&evidence, days);
            let chances: Vec<f64> = (0..400).map(|day| within(0.25 * f64::from(day))).collect();
            let falls = chances.windows(2).position(|two| two[1] < two[0] - 1e-12);
            assert_eq!(falls, None, "{chances:?}");
            let jumps = chances.windows(2).position(|two| two[1] > two[0] + 0.1);
            assert_eq!(jumps, None, "{chances:?}");
        }
        // Where each week is drawn on its own nothing changes.
        let by_weeks = Calibration::default();
        let week = by_weeks.within(&evidence, 7.0);
        let of_20 = by_weeks.within(&evidence, 20.0);
        assert!((of_20 - (1.0 - (1.0 - week).powf(20.0 / 7.0))).abs() < 1e-12, "{of_20}");
    }

    #[test]
    fn only_what_came_before_the_end_is_learnt_from() {
        let mut random = Random::new(5);
        let peaks: Vec<f64> = (0..60).map(|_| random.normal()).collect();
        // 7 days after; 5 lines each.
        assert_eq!(Seen::on(&peaks, 53).len(), cases::MULTIPLES.len());
        assert!(Seen::on(&peaks, 54).is_empty());
        let month = |origin| Seen::on(&peaks, origin)[0].month.is_some();
        assert!(month(30) && !month(31));
        let fleet =
            |peaks: &[f64]| vec![PeakSeries { host: "a".to_owned(), peaks: peaks.to_vec() }];
        assert_eq!(Calibration::learn(&fleet(&peaks[..20])), Calibration::default());
        assert_ne!(Calibration::learn(&fleet(&peaks[..21])), Calibration::default());
    }
}
