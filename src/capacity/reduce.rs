//! From one row of usage to the few numbers a plan needs of it.

use super::rows::{LimitChange, Peak};
use super::series::RowSeries;
use crate::model::{Span, Timestamp};

/// The share of a typical day's hours that a day must have for its peak to be known.
const DAY_COVERAGE_MIN: f64 = 0.5;

/// A limit that differs by more than this share is another limit, and not one that drifts.
const LIMIT_CHANGE_MIN: f64 = 0.01;

/// The peak of each UTC day from `first_day` on; NaN where it is not known.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DailyPeaks {
    /// Start of the first day.
    pub(super) first_day: Timestamp,
    /// The peaks, the last one known.
    pub(super) peaks: Vec<f64>,
}

/// The latest limit of a row, its latest change, and what it was before.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LimitFacts {
    pub(super) value: f64,
    pub(super) change: Option<LimitChange>,
    /// From which step on which limit held, where it ever changed; nothing where it did not.
    course: Vec<(Timestamp, f64)>,
    /// Length of the steps in which the limit is told.
    step: Span,
}

impl LimitFacts {
    /// A limit that always held.
    pub(super) fn constant(value: f64) -> Self {
        Self { value, change: None, course: Vec::new(), step: Span::ZERO }
    }

    /// The limit at an instant. In the step in which it changed nobody knows when: the smaller one.
    pub(super) fn at(&self, at: Timestamp) -> f64 {
        let next = self.course.partition_point(|(from, _)| *from <= at);
        let of = |index: Option<usize>| index.and_then(|index| self.course.get(index)).copied();
        let before = of(next.checked_sub(2));
        match of(Some(next.saturating_sub(1))) {
            Some((from, value)) if at < from.plus(self.step) => {
                before.map_or(value, |(_, before)| value.min(before))
            }
            found => found.map_or(self.value, |(_, value)| value),
        }
    }
}

impl DailyPeaks {
    /// How many are known.
    pub(super) fn known(&self) -> usize {
        self.peaks.iter().filter(|peak| !peak.is_nan()).count()
    }

    /// The start of a day.
    pub(super) fn day(&self, index: usize) -> Timestamp {
        self.first_day.plus(Span::from_days(index as i64))
    }
}

/// The highest value.
pub(super) fn peak(series: RowSeries<'_>) -> Option<Peak> {
    let mut found: Option<Peak> = None;
    for (at, value) in series.samples() {
        if found.is_none_or(|peak| value > peak.value) {
            found = Some(Peak { value, at });
        }
    }
    found
}

/// The mean of all steps; NaN where there are none.
pub(super) fn mean(series: RowSeries<'_>) -> f64 {
    let (sum, count) =
        series.samples().fold((0.0, 0.0), |(sum, count), (_, value)| (sum + value, count + 1.0));
    sum / count
}

/// The mean over the last hour with data; NaN where there is none.
pub(super) fn used_now(series: RowSeries<'_>) -> f64 {
    let Some((last, _)) = series.samples().next_back() else { return f64::NAN };
    let from = last.plus(series.step()).minus(Span::HOUR.max(series.step()));
    let hour = series.samples().rev().take_while(|(at, _)| *at >= from);
    let (sum, count) = hour.fold((0.0, 0.0), |(sum, count), (_, value)| (sum + value, count + 1.0));
    sum / count
}

/// The daily peaks. A day with less than half of the hours that the row's days typically have is a
/// gap: its peak may have been missed. It is none where the peak that was seen reaches `line`,
/// since more data could only raise it.
pub(super) fn daily_peaks(series: RowSeries<'_>, line: Option<f64>) -> Option<DailyPeaks> {
    let seen = seen_days(series)?;
    let mut peaks: Vec<f64> = seen.days.iter().map(|day| seen.peak(*day, line)).collect();
    while peaks.last().is_some_and(|peak| peak.is_nan()) {
        peaks.pop();
    }
    Some(DailyPeaks { first_day: seen.first_day, peaks })
}

/// The daily peaks of a row as a plan knows them: one for each UTC day from that of `start` to the
/// last of the row, NaN where less than half of the hours have data that its days typically have.
///
/// ```
/// use plimsoll::capacity::peaks_by_day;
/// use plimsoll::{Span, Timestamp};
/// // From noon on, two whole days, and 11 hours of the fourth.
/// let hours: Vec<f64> = (12..24 * 3 + 11).map(f64::from).collect();
/// let peaks = peaks_by_day(Timestamp::from_seconds(12 * 3600), Span::HOUR, &hours);
/// assert_eq!(peaks[..3], [23.0, 47.0, 71.0]);
/// assert!(peaks.len() == 4 && peaks[3].is_nan());
/// ```
pub fn peaks_by_day(start: Timestamp, step: Span, values: &[f64]) -> Vec<f64> {
    let day = |at: Timestamp| at.floor(Span::DAY).nanos().div_euclid(Span::DAY.nanos());
    let last = start.plus(step.times(values.len().saturating_sub(1)));
    let days = if values.is_empty() { 0 } else { day(last) - day(start) + 1 };
    let mut peaks = vec![f64::NAN; usize::try_from(days).unwrap_or(0)];
    if let Some(found) = daily_peaks(RowSeries::new(start, step, values), None) {
        let first = usize::try_from(day(found.first_day) - day(start)).unwrap_or(0);
        for (place, peak) in peaks.iter_mut().skip(first).zip(found.peaks) {
            *place = peak;
        }
    }
    peaks
}

/// What was seen of each UTC day, before it is said which peaks are known.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SeenDays {
    /// Start of the first day with data.
    pub(super) first_day: Timestamp,
    /// The days from there on, the last one with data.
    pub(super) days: Vec<SeenDay>,
    /// How many hours with data the row's days typically have.
    pub(super) typical_hours: u32,
}

/// What was seen of one day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SeenDay {
    /// The highest step mean; NaN where there is no data.
    pub(super) peak: f64,
    /// How many of its hours (steps, where those are longer) have data.
    pub(super) hours: u32,
}

impl SeenDays {
    /// The start of a day.
    pub(super) fn day(&self, index: usize) -> Timestamp {
        self.first_day.plus(Span::from_days(index as i64))
    }

    /// The peak of a day, NaN where it is not known.
    pub(super) fn peak(&self, day: SeenDay, line: Option<f64>) -> f64 {
        let whole = f64::from(day.hours) >= DAY_COVERAGE_MIN * f64::from(self.typical_hours);
        let over = line.is_some_and(|line| day.peak >= line);
        if whole || over { day.peak } else { f64::NAN }
    }
}

/// The days of a row; `None` where it has no data.
pub(super) fn seen_days(series: RowSeries<'_>) -> Option<SeenDays> {
    let slot = Span::HOUR.max(series.step());
    let mut first_day = None;
    let mut days: Vec<(f64, u32)> = Vec::new();
    for (at, value) in series.samples() {
        let day = at.floor(Span::DAY);
        let first = *first_day.get_or_insert(day);
        let index = day.since(first).whole(Span::DAY) as usize;
        days.resize(days.len().max(index + 1), (f64::NAN, 0));
        let (peak, hours) = &mut days[index];
        *peak = peak.max(value);
        *hours |= 1 << (at.since(day).nanos() / slot.nanos());
    }
    let days: Vec<SeenDay> =
        days.into_iter().map(|(peak, hours)| SeenDay { peak, hours: hours.count_ones() }).collect();
    let mut counts: Vec<u32> =
        days.iter().map(|day| day.hours).filter(|hours| *hours > 0).collect();
    counts.sort_unstable();
    let typical_hours = *counts.get(counts.len() / 2)?;
    Some(SeenDays { first_day: first_day?, days, typical_hours })
}

/// The latest limit above zero, or why there is none.
pub(super) fn limit(series: RowSeries<'_>, factor: f64) -> Result<LimitFacts, String> {
    let mut samples = series.samples().rev();
    let Some((mut at, value)) = samples.next() else {
        return Err("the limit has no data".to_owned());
    };
    if value * factor <= 0.0 || !(value * factor).is_finite() {
        return Err(format!("the limit is {value}"));
    }
    let mut change = None;
    for (earlier, other) in samples {
        if (other - value).abs() > LIMIT_CHANGE_MIN * value.abs() {
            change = Some(LimitChange { from: other * factor, at });
            break;
        }
        at = earlier;
    }
    let course = change.map_or_else(Vec::new, |_| course(series, factor));
    Ok(LimitFacts { value: value * factor, change, course, step: series.step() })
}

/// From which step on which limit held. What is no limit leaves the one before.
fn course(series: RowSeries<'_>, factor: f64) -> Vec<(Timestamp, f64)> {
    let mut course: Vec<(Timestamp, f64)> = Vec::new();
    for (at, value) in series.samples() {
        let value = value * factor;
        let differs =
            |(_, last): &(Timestamp, f64)| (value - last).abs() > LIMIT_CHANGE_MIN * last.abs();
        if value > 0.0 && value.is_finite() && course.last().is_none_or(differs) {
            course.push((at, value));
        }
    }
    course
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hourly(values: &[f64]) -> RowSeries<'_> {
        RowSeries::new(Timestamp::from_seconds(0), Span::HOUR, values)
    }

    #[test]
    fn the_peak_of_a_day_needs_half_of_it() {
        // Three whole days, an outage that leaves 11 hours, and 12 hours of a last day.
        let mut values: Vec<f64> = (0..96 + 12).map(|hour| f64::from(hour % 24)).collect();
        values[72..85].fill(f64::NAN);
        let found = daily_peaks(hourly(&values), None).unwrap();
        assert_eq!(found.first_day, Timestamp::from_seconds(0));
        assert_eq!(found.peaks[..3], [23.0, 23.0, 23.0]);
        assert!(found.peaks[3].is_nan());
        assert_eq!((found.peaks.len(), found.peaks[4], found.known()), (5, 11.0, 4));
        // A partial day at the end is no day.
        let found = daily_peaks(hourly(&values[..96 + 11]), None).unwrap();
        assert_eq!(found.peaks.len(), 3);
        // Unless what was seen of it is already over the line.
        let found = daily_peaks(hourly(&values[..96 + 11]), Some(10.0)).unwrap();
        assert_eq!((found.peaks[3], found.peaks[4]), (23.0, 10.0));
    }

    #[test]
    fn coverage_is_judged_by_the_rows_own_rhythm() {
        // One sample a day, at steps of five minutes.
        let mut values = vec![f64::NAN; 288 * 3];
        for day in 0..3 {
            values[288 * day + 7] = day as f64;
        }
        let series = RowSeries::new(Timestamp::from_seconds(0), Span::from_seconds(300), &values);
        assert_eq!(daily_peaks(series, None).unwrap().peaks, [0.0, 1.0, 2.0]);
        assert!(daily_peaks(hourly(&[f64::NAN, f64::INFINITY]), None).is_none());
    }

    #[test]
    fn now_is_the_last_hour_with_data() {
        let mut values = vec![1.0; 24];
        values[10] = 5.0;
        values[11] = 7.0;
        values[12..].fill(f64::NAN);
        let half_hours =
            RowSeries::new(Timestamp::from_seconds(0), Span::from_seconds(1_800), &values);
        assert_eq!(used_now(half_hours), 6.0);
        assert!(used_now(hourly(&[])).is_nan());
        let peak = peak(half_hours).unwrap();
        assert_eq!(peak, Peak { value: 7.0, at: Timestamp::from_seconds(11 * 1_800) });
    }

    #[test]
    fn the_latest_limit_counts() {
        let found = limit(hourly(&[8.0, 8.0, 16.0, f64::NAN, 16.0, f64::NAN]), 2.0).unwrap();
        let change = LimitChange { from: 16.0, at: Timestamp::from_seconds(7_200) };
        assert_eq!((found.value, found.change), (32.0, Some(change)));
        assert_eq!(limit(hourly(&[8.0]), 1.0).unwrap().change, None);
        assert!(limit(hourly(&[8.0, 0.0]), 1.0).unwrap_err().contains("the limit is 0"));
        assert!(limit(hourly(&[f64::NAN]), 1.0).unwrap_err().contains("no data"));
    }

    #[test]
    fn a_use_meets_the_limit_of_its_time() {
        let found = limit(hourly(&[f64::NAN, 4.0, 4.01, 0.0, 64.0, 64.0, 8.0]), 2.0).unwrap();
        let at = |minutes: i64| found.at(Timestamp::from_seconds(60 * minutes));
        // Before the first there is no other; in the hour of a change the smaller one counts.
        assert_eq!((at(0), at(60), at(239)), (8.0, 8.0, 8.0));
        assert_eq!((at(240), at(299), at(300)), (8.0, 8.0, 128.0));
        assert_eq!((at(360), at(419), at(1_000)), (16.0, 16.0, 16.0));
        // A limit that never changed costs nothing.
        let same = limit(hourly(&[4.0; 9]), 1.0).unwrap();
        assert!(same.course.is_empty());
        assert_eq!((same.at(Timestamp::MIN), same.at(Timestamp::MAX)), (4.0, 4.0));
        assert_eq!(LimitFacts::constant(3.0).at(Timestamp::MIN), 3.0);
    }
}
