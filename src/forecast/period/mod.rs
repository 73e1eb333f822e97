//! Periods: after what lengths of time a series resembles itself.
//!
//! Round after round, the autocorrelation names candidates, each is folded, and the one that stands
//! out is taken out of the series, until nothing stands out. `docs/method/forecast.md` has the
//! formulas.

mod correlation;
mod fold;

use correlation::Correlator;
use fold::{Fold, Row};

use crate::kernel::{self, theil_sen};
use crate::model::Span;

/// Periods that are told, at most.
pub(super) const PERIODS_MAX: usize = 4;
/// Values that are looked at, at most, the latest: half a year of minutes, and 20 MB of work space.
const POINTS_MAX: usize = 1 << 18;
/// Values that must be known.
const VALUES_MIN: usize = 12;
/// Days and weeks must have been seen so often, other periods more often.
const CALENDAR_CYCLES_MIN: usize = 2;
const CYCLES_MIN: usize = 3;
/// The shortest period.
const PERIOD_MIN: usize = 2;
/// Candidates of one round, the calendar's aside.
const CANDIDATES_MAX: usize = 5;
/// A candidate's autocorrelation stands so far above that at half and one and a half of it.
const PROMINENCE_MIN: f64 = 0.1;
/// Two candidates are as prominent as each other above this share.
const PROMINENT_ALIKE: f64 = 0.8;
/// Values of one phase correlate so much where it is a period worth having.
const STRENGTH_MIN: f64 = 0.4;
/// A pattern stands so many standard deviations above chance: it is the best of many.
const SIGNIFICANCE_MIN: f64 = 4.0;
/// The share of the series' variance that a pattern must make, trend aside.
const SHARE_MIN: f64 = 0.01;
/// The same two of a multiple of a period that was found and taken out: it needs less of what is
/// left, and more of the whole.
const STRENGTH_MORE_MIN: f64 = 0.25;
const SHARE_MORE_MIN: f64 = 0.05;
/// Two correlations are alike within this.
const ALIKE: f64 = 0.05;
/// The share of values that is cut on either side, and the share that may be spikes: they are as
/// far beyond the others as those are wide.
const CUT: f64 = 0.005;
const SPIKES: f64 = 0.05;
/// Parts of the series whose means the trend is drawn through.
const TREND_PARTS: usize = 48;

/// The periods that show in `values` (one per `step`, NaN where there is none), in steps, the one
/// to use first: the one whose repetition comes closest, the shorter of two alike. At most four.
///
/// Any period of 2 steps to a third of the series is found, a day and a week to half of it, several
/// at once, on trends, steps, gaps and under bursts. A period is one where cycles have a pattern in
/// common that makes at least 0.4 of the variance around a moving mean, and that chance does not
/// make. A multiple of a period is told only where it says more than the
/// period (a week of equal days is no week), a part of one only where it makes most of it (the
/// second harmonic of a day is no half day). Work: `O(n log n)`.
///
/// ```
/// use plimsoll::Span;
/// use plimsoll::forecast::detect_periods;
/// // Six weeks of hours: a day, and a job that runs every 60 hours.
/// let busy = |hour: usize| if hour % 24 < 8 { 10.0 } else { 50.0 };
/// let job = |hour: usize| if hour % 60 < 20 { 30.0 } else { 0.0 };
/// let values: Vec<f64> = (0..24 * 42).map(|hour| busy(hour) + job(hour)).collect();
/// assert_eq!(detect_periods(&values, Span::HOUR), [24, 60]);
/// ```
pub fn detect_periods(values: &[f64], step: Span) -> Vec<usize> {
    first_periods(values, step, PERIODS_MAX)
}

/// As [`detect_periods`], but only the first `most` that stand out, for as much less of the work.
pub(super) fn first_periods(values: &[f64], step: Span, most: usize) -> Vec<usize> {
    let values = &values[values.len().saturating_sub(POINTS_MAX)..];
    let Some((flat, calm)) = without_trend(values) else { return Vec::new() };
    let found = periods_of(&flat, step, most);
    // Rare spikes may be what is periodic, or hide it.
    match calm {
        Some(calm) if found.is_empty() => periods_of(&calm, step, most),
        _ => found,
    }
}

fn periods_of(flat: &Row, step: Span, most: usize) -> Vec<usize> {
    let variance = mean_square(flat);
    // Beyond half of the series no period is looked for; prominence looks half a period further.
    let mut correlator = Correlator::new(flat, flat.len() / 2);
    let calendar: Vec<usize> = calendar_steps(step)
        .into_iter()
        .filter(|period| *period >= PERIOD_MIN && flat.len() >= CALENDAR_CYCLES_MIN * period)
        .collect();
    let mut rest = flat.clone();
    let mut found: Vec<usize> = Vec::new();
    while found.len() < most {
        let at = correlator.of(&rest.values);
        let mut candidates = candidates(&at, &calendar, rest.len());
        candidates.retain(|candidate| !found.contains(candidate));
        let tests = Tests { variance, found: &found };
        let passing: Vec<Candidate> =
            candidates.into_iter().filter_map(|period| tests.of(&rest, period)).collect();
        let Some(chosen) = chosen(&rest, passing, &calendar, &tests) else { break };
        if found.contains(&chosen.fold.period) {
            break;
        }
        found.push(chosen.fold.period);
        for (value, (pattern, known)) in
            rest.values.iter_mut().zip(chosen.fold.pattern.iter().zip(&rest.known))
        {
            *value -= pattern * known;
        }
    }
    in_order(found, flat)
}

/// A period that stands up to the tests.
struct Candidate {
    fold: Fold,
    /// The row without its level.
    level: Row,
}

/// What candidates are tested against.
struct Tests<'a> {
    /// That of the series, trend aside.
    variance: f64,
    /// Periods that were taken out.
    found: &'a [usize],
}

impl Tests<'_> {
    fn of(&self, rest: &Row, period: usize) -> Option<Candidate> {
        let level = rest.without_level(period);
        let fold = Fold::of(&level, period);
        let is_multiple = self.found.iter().any(|found| period.is_multiple_of(*found));
        let weak = fold.strength < STRENGTH_MIN || fold.explained < SHARE_MIN * self.variance;
        let weak_multiple =
            fold.strength < STRENGTH_MORE_MIN || fold.explained < SHARE_MORE_MIN * self.variance;
        let worth = if is_multiple { !weak || !weak_multiple } else { !weak };
        let stands = worth && fold.significance(&level) >= SIGNIFICANCE_MIN;
        stands.then_some(Candidate { fold, level })
    }
}

impl Candidate {
    /// Whether `part`, shorter, makes so much of this period's pattern that it is a period of its
    /// own. Of a pattern like any other a `k`-th is left where it is folded at a `k`-th of its
    /// length; more than `1/k + 1/k^2` is not left by chance.
    fn is_made_by(&self, part: usize) -> bool {
        let times = (self.fold.period as f64 / part as f64).round();
        let explained = Fold::of(&self.level, part).explained;
        explained >= (times + 1.0) / (times * times) * self.fold.explained
    }
}

/// The shortest of `passing` that is no mere harmonic of a longer one.
fn chosen(
    rest: &Row,
    mut passing: Vec<Candidate>,
    calendar: &[usize],
    tests: &Tests<'_>,
) -> Option<Candidate> {
    passing.sort_by_key(|candidate| candidate.fold.period);
    let is_beaten = |one: &Candidate| {
        passing.iter().any(|other| {
            let (short, long) = (one.fold.period as f64, other.fold.period as f64);
            let times = (long / short).round();
            let near = (long / short - 1.0).abs() < 0.15;
            let stronger = other.fold.explained > one.fold.explained;
            let multiple = times >= 2.0 && (long / times - short).abs() <= (0.05 * short).max(1.0);
            near && stronger || multiple && !other.is_made_by(one.fold.period)
        })
    };
    let at = passing.iter().position(|one| !is_beaten(one))?;
    let mut chosen = passing.swap_remove(at);
    if !calendar.contains(&chosen.fold.period) {
        let period = climbed(&chosen);
        chosen = tests.of(rest, period).unwrap_or(chosen);
    }
    for times in [2, 3] {
        let longer = times * chosen.fold.period;
        if rest.len() >= CYCLES_MIN * longer
            && let Some(other) = tests.of(rest, longer)
            && !other.is_made_by(chosen.fold.period)
        {
            return Some(other);
        }
    }
    Some(chosen)
}

/// The period near that of `candidate` whose pattern explains most: noise moves the peak of a
/// correlation by more than it moves this.
fn climbed(candidate: &Candidate) -> usize {
    let cycles = candidate.level.len() / candidate.fold.period;
    let mut best = (candidate.fold.period, candidate.fold.explained);
    let mut step = (candidate.fold.period / (4 * cycles)).max(1);
    while step > 0 {
        let before = best.0;
        for near in [before.saturating_sub(step).max(PERIOD_MIN), before + step] {
            let explained = Fold::of(&candidate.level, near).explained;
            if explained > best.1 {
                best = (near, explained);
            }
        }
        if best.0 == before {
            step /= 2;
        }
    }
    best.0
}

/// Periods to try: the most prominent peaks of the autocorrelation, multiples left out, and the
/// calendar's.
fn candidates(at: &[f64], calendar: &[usize], len: usize) -> Vec<usize> {
    let longest = (len / CYCLES_MIN).min((at.len() - 1) * 2 / 3);
    let mut peaks: Vec<(usize, f64)> = Vec::new();
    for lag in PERIOD_MIN..=longest {
        if at[lag] > at[lag - 1] && at[lag] >= at[lag + 1] {
            let half = f64::midpoint(at[lag / 2], at[lag.div_ceil(2)]);
            let more = f64::midpoint(at[lag + lag / 2], at[lag + lag.div_ceil(2)]);
            let prominence = at[lag] - f64::midpoint(half, more);
            if prominence >= PROMINENCE_MIN {
                peaks.push((lag, prominence));
            }
        }
    }
    let mut candidates = calendar.to_vec();
    for _ in 0..CANDIDATES_MAX {
        let highest = peaks.iter().map(|peak| peak.1).fold(0.0, f64::max);
        let first = peaks.iter().find(|peak| peak.1 >= PROMINENT_ALIKE * highest);
        let Some((lag, _)) = first.copied() else { break };
        let fine = refined(lag, at);
        peaks.retain(|(other, _)| {
            let times = (*other as f64 / fine).round().max(1.0);
            (*other as f64 / times - fine).abs() > (0.1 * fine).max(1.0)
        });
        // What cannot be told from a day is a day.
        let is_calendar = |known: &usize| {
            let known = *known as f64;
            (fine - known).abs() <= (0.01 * known).max(known * known / (4.0 * len as f64))
        };
        let period = fine.round() as usize;
        if !calendar.iter().any(is_calendar) && !candidates.contains(&period) {
            candidates.push(period);
        }
    }
    candidates
}

/// The length of a period of about `lag` steps, by its multiples: each tells it twice as finely as
/// the one before.
fn refined(lag: usize, at: &[f64]) -> f64 {
    let mut fine = lag as f64;
    let mut times = 2.0;
    while times * (fine + 1.0) + 1.0 < at.len() as f64 {
        let middle = (times * fine).round() as usize;
        let reach = ((lag / 8).max(1)).min(middle - 1);
        let around = middle - reach..=(middle + reach).min(at.len() - 1);
        let Some(peak) = around.max_by(|a, b| at[*a].total_cmp(&at[*b])) else { break };
        if at[peak] < 0.3 * at[lag] {
            break;
        }
        fine = peak as f64 / times;
        times *= 2.0;
    }
    fine
}

/// The periods, the one first whose repetition comes closest, of two alike the shorter.
fn in_order(mut found: Vec<usize>, flat: &Row) -> Vec<usize> {
    found.sort_unstable();
    let mut ordered: Vec<(f64, usize)> = Vec::new();
    for period in found {
        let alike = correlation(flat, period);
        let place = ordered.iter().position(|(other, _)| alike > other + ALIKE);
        ordered.insert(place.unwrap_or(ordered.len()), (alike, period));
    }
    ordered.into_iter().map(|(_, period)| period).collect()
}

/// The correlation of values `lag` steps apart, over the pairs where both are known.
fn correlation(row: &Row, lag: usize) -> f64 {
    let pairs = row.values.iter().zip(&row.known);
    let others = row.values.iter().zip(&row.known).skip(lag);
    let (mut product, mut first, mut second) = (0.0, 0.0, 0.0);
    for ((a, a_known), (b, b_known)) in pairs.zip(others) {
        product += a * b;
        first += a * a * b_known;
        second += b * b * a_known;
    }
    let scale = (first * second).sqrt();
    if scale > 0.0 { product / scale } else { 0.0 }
}

fn mean_square(row: &Row) -> f64 {
    let squares: f64 = row.values.iter().map(|value| value * value).sum();
    squares / row.known.iter().sum::<f64>().max(1.0)
}

/// What is left over a robust line, around its mean, with the outermost values cut; and once more
/// with spikes cut where there are any. `None` where hardly anything is known or nothing is left.
fn without_trend(values: &[f64]) -> Option<(Row, Option<Row>)> {
    let part = values.len().div_ceil(TREND_PARTS).max(1);
    let means: Vec<f64> = values.chunks(part).map(mean).collect();
    let line = theil_sen(&means)?;
    let line = |at: usize| line.at((at as f64 + 0.5) / part as f64 - 0.5);
    let flat: Vec<f64> = values.iter().enumerate().map(|(at, value)| value - line(at)).collect();
    let known: Vec<f64> = flat.iter().map(|value| f64::from(u8::from(value.is_finite()))).collect();
    let count: f64 = known.iter().sum();
    if count < VALUES_MIN as f64 {
        return None;
    }
    let whole = count == values.len() as f64;
    let mut finite: Vec<f64> = flat.iter().copied().filter(|value| value.is_finite()).collect();
    let mut quantile = |q: f64| kernel::quantile(&mut finite, q);
    let (lowest, low) = (quantile(CUT), quantile(SPIKES));
    let (high, highest) = (quantile(1.0 - SPIKES), quantile(1.0 - CUT));
    let cut = |low: f64, high: f64| {
        let kept = flat
            .iter()
            .zip(&known)
            .map(|(value, known)| if *known > 0.0 { value.clamp(low, high) } else { 0.0 });
        let mut kept: Vec<f64> = kept.collect();
        let mean = kept.iter().sum::<f64>() / count;
        for (value, known) in kept.iter_mut().zip(&known) {
            *value = (*value - mean) * known;
        }
        Row { values: kept, known: known.clone(), whole }
    };
    let row = cut(lowest, highest);
    // What rounding leaves of a line is nothing.
    let size = values.iter().filter(|value| value.is_finite()).fold(0.0, |a, b| b.abs().max(a));
    if mean_square(&row).sqrt() <= 1e-9 * size {
        return None;
    }
    let (bottom, top) = (low - (high - low), high + (high - low));
    let has_spikes = bottom < top && (lowest < bottom || highest > top);
    Some((row, has_spikes.then(|| cut(bottom, top))))
}

/// The mean of the finite ones; NaN of none.
fn mean(values: &[f64]) -> f64 {
    let finite = values.iter().filter(|value| value.is_finite());
    let (sum, count) = finite.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

/// Steps of a day; `None` where a day is no multiple of the step.
pub(super) fn day_steps(step: Span) -> Option<usize> {
    let whole = step.nanos() > 0 && Span::DAY.nanos() % step.nanos() == 0;
    whole.then(|| (Span::DAY.nanos() / step.nanos()) as usize)
}

/// Steps of a day and of a week.
pub(super) fn calendar_steps(step: Span) -> Vec<usize> {
    day_steps(step).into_iter().flat_map(|day| [day, 7 * day]).collect()
}

#[cfg(test)]
mod tests;
