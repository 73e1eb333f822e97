//! What each day asked for, and which levels are still to be expected: what our advice rests on.

use std::collections::BTreeMap;

use crate::kernel::Sketch;
use crate::model::{Span, Timestamp};

/// A quantile sketch of each day (in UTC). Two add up, in any order to the same bits, and no day
/// fades: a quantile of any day or of all is within 1%, the smallest and the largest value are
/// exact.
///
/// ```
/// use plimsoll::capacity::rightsizing::{DailyDemand, Recurrence};
/// use plimsoll::Timestamp;
/// // Eight weeks of hours: every seventh day is busy, and the last one was six days ago.
/// let hours = (0..8 * 7 * 24).map(|hour: i64| {
///     let busy = hour / 24 % 7 == 0;
///     (Timestamp::from_seconds(3_600 * hour), if busy { 4.0 } else { 1.0 })
/// });
/// let mut demand = DailyDemand::default();
/// demand.add(hours);
/// let level = demand.level(0.99, &Recurrence::default()).unwrap();
/// assert_eq!((level.amount, level.days, level.gap_days, level.away_days), (4.0, 8, 7, 6));
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DailyDemand {
    /// By days since the epoch.
    days: BTreeMap<i64, Sketch>,
}

/// How long a level that days reached is to be expected again.
#[derive(Debug, Clone, PartialEq)]
pub struct Recurrence {
    /// A day reaches a level from this share of it on. Default: 0.95.
    pub same_level: f64,
    /// A level that came back is expected for so many times its longest absence. Default: 2.
    pub overdue: f64,
    /// But for so many days at least: a week, and a day of grace. Default: 8.
    pub settled_days: u32,
    /// A level of which all days lie within a week has not come back yet; it is expected for so
    /// many days: a month, and some grace. Default: 35.
    pub unproven_days: u32,
}

/// The level that a workload is to be expected to reach again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// The highest demand of a day, in the unit of the samples.
    pub amount: f64,
    /// The start of that day.
    pub day: Timestamp,
    /// How many days reached the level.
    pub days: usize,
    /// The longest time from one of them to the next, in days.
    pub gap_days: i64,
    /// How many days with samples came after the last of them.
    pub away_days: usize,
    /// How many such days the level is expected.
    pub kept_days: f64,
    /// How many days have samples.
    pub days_known: usize,
    /// How many of them ask for more than the level.
    pub days_above: usize,
}

/// Days that lie closer than this are one visit.
const VISIT_DAYS: i64 = 7;

impl Default for Recurrence {
    fn default() -> Self {
        Self { same_level: 0.95, overdue: 2.0, settled_days: 8, unproven_days: 35 }
    }
}

impl DailyDemand {
    /// Takes in samples. What is no number is left out.
    pub fn add(&mut self, samples: impl IntoIterator<Item = (Timestamp, f64)>) {
        let (mut day, mut values) = (i64::MIN, Vec::new());
        for (time, value) in samples {
            let of = time.nanos().div_euclid(Span::DAY.nanos());
            if of != day {
                self.close(day, &values);
                values.clear();
                day = of;
            }
            values.push(value);
        }
        self.close(day, &values);
    }

    fn close(&mut self, day: i64, values: &[f64]) {
        let sketch = Sketch::of(values);
        if sketch.count() > 0 {
            self.days.entry(day).or_default().merge(&sketch);
        }
    }

    /// Takes in all that another one holds.
    pub fn merge(&mut self, other: &Self) {
        for (day, sketch) in &other.days {
            self.days.entry(*day).or_default().merge(sketch);
        }
    }

    /// How many days have samples.
    pub fn days(&self) -> usize {
        self.days.len()
    }

    /// The quantile of each day that has samples, by days since the epoch: the smallest sample that
    /// no larger a share of the day's is above. Of few samples a day, what lies between two of them
    /// is below what half of an hour asked for.
    pub fn by_day(&self, quantile: f64) -> Vec<(i64, f64)> {
        self.days.iter().map(|(day, sketch)| (*day, sketch.quantile_from_above(quantile))).collect()
    }

    /// The highest level that is still to be expected, of the quantiles of days; `None` without a
    /// day.
    ///
    /// From the busiest day down, the first level is taken that has not been away for longer than
    /// it is kept. A level is away for the days with samples since it was last reached; days
    /// without any tell nothing.
    pub fn level(&self, quantile: f64, rule: &Recurrence) -> Option<Level> {
        let days = self.by_day(quantile);
        let mut busiest: Vec<&(i64, f64)> = days.iter().collect();
        busiest.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0)));
        let levels = busiest.into_iter().map(|top| level_of(&days, *top, rule));
        // The last day has been away for none: there is always one.
        let mut levels = levels.flatten();
        levels.find(|level| level.away_days as f64 <= level.kept_days)
    }
}

fn level_of(days: &[(i64, f64)], top: (i64, f64), rule: &Recurrence) -> Option<Level> {
    let floor = top.1 * rule.same_level.clamp(0.0, 1.0);
    let reached: Vec<i64> = days.iter().filter(|day| day.1 >= floor).map(|day| day.0).collect();
    let (first, last) = (*reached.first()?, *reached.last()?);
    let gap_days = reached.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
    let kept_days = if last - first < VISIT_DAYS {
        f64::from(rule.unproven_days)
    } else {
        f64::from(rule.settled_days).max(rule.overdue * gap_days as f64)
    };
    Some(Level {
        amount: top.1,
        day: Timestamp::from_seconds(top.0.saturating_mul(86_400)),
        days: reached.len(),
        gap_days,
        away_days: days.iter().filter(|day| day.0 > last).count(),
        kept_days,
        days_known: days.len(),
        days_above: days.iter().filter(|day| day.1 > top.1).count(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn demand(days: impl IntoIterator<Item = (i64, f64)>) -> DailyDemand {
        let mut demand = DailyDemand::default();
        let samples = days.into_iter().flat_map(|(day, value)| {
            (0..24).map(move |hour| (Timestamp::from_seconds(day * 86_400 + hour * 3_600), value))
        });
        demand.add(samples);
        demand
    }

    fn level(days: impl IntoIterator<Item = (i64, f64)>) -> f64 {
        demand(days).level(0.99, &Recurrence::default()).unwrap().amount
    }

    /// One on ordinary days, four on those for which `busy` says so.
    fn days(until: i64, busy: impl Fn(i64) -> bool) -> Vec<(i64, f64)> {
        (0..until).map(|day| (day, if busy(day) { 4.0 } else { 1.0 })).collect()
    }

    #[test]
    fn weekly_and_monthly_peaks_are_kept_until_they_return() {
        for until in 8..60 {
            assert_eq!(level(days(until, |day| day % 7 == 0)), 4.0, "weekly, day {until}");
        }
        // Month-ends are 28 to 31 days apart, and the first has to be waited for once.
        for until in 1..130 {
            assert_eq!(level(days(until, |day| day % 31 == 0)), 4.0, "monthly, day {until}");
        }
    }

    #[test]
    fn what_does_not_return_is_given_up_as_stated() {
        let once = |until| level(days(until, |day| day == 10));
        assert_eq!((once(10 + 36), once(10 + 37)), (4.0, 1.0));
        // Weekly until day 28, then no more: given up after twice a week.
        let weekly = |until| level(days(until, |day| day <= 28 && day % 7 == 0));
        assert_eq!((weekly(28 + 15), weekly(28 + 16)), (4.0, 1.0));
        // A step down from what every day reached.
        let step = |until| level(days(until, |day| day < 30));
        assert_eq!((step(30 + 8), step(30 + 9)), (4.0, 1.0));
        // A step up is followed on its first day.
        assert_eq!(level(days(31, |day| day == 30)), 4.0);
    }

    #[test]
    fn days_without_samples_tell_nothing() {
        let mut with_gap = days(29, |day| day % 7 == 0);
        with_gap.extend((60..66).map(|day| (day, 1.0)));
        assert_eq!(level(with_gap), 4.0);
        assert_eq!(DailyDemand::default().level(0.99, &Recurrence::default()), None);
    }

    #[test]
    fn levels_are_one_level_within_five_in_a_hundred() {
        let found = demand([(0, 10.0), (7, 9.6), (14, 9.4), (15, 1.0)]);
        let found = found.level(1.0, &Recurrence::default()).unwrap();
        assert_eq!((found.amount, found.days, found.gap_days, found.kept_days), (10.0, 2, 7, 14.0));
        assert_eq!((found.days_known, found.days_above, found.away_days), (4, 0, 2));
    }

    #[test]
    fn no_more_of_a_day_asks_for_more_than_the_quantile_says() {
        // One busy hour in each of 24, of 96 quarters, of 288 steps of five minutes.
        for (steps_per_hour, expected) in [(1, 15.2), (4, 15.2), (12, 15.2)] {
            let day = (0..24 * steps_per_hour).map(|at: i64| {
                let busy = at / steps_per_hour == 7;
                (
                    Timestamp::from_seconds(at * 3_600 / steps_per_hour),
                    if busy { 15.2 } else { 0.7 },
                )
            });
            let mut demand = DailyDemand::default();
            demand.add(day);
            let found = demand.by_day(0.99)[0].1;
            assert!((found - expected).abs() <= 0.01 * expected, "{steps_per_hour}: {found}");
        }
        // Ten minutes of the day are no demand: two steps of five.
        let minutes = |busy: i64| {
            let mut demand = DailyDemand::default();
            let value = |at| if at < busy { 9.0 } else { 1.0 };
            demand.add((0..288).map(|at| (Timestamp::from_seconds(at * 300), value(at))));
            demand.by_day(0.99)[0].1
        };
        assert!((minutes(2) - 1.0).abs() < 0.02 && (minutes(3) - 9.0).abs() < 0.1);
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_bit(
            samples in prop::collection::vec((0..9_i64, 0.0..100.0_f64), 1..80),
            cut in 0..80_usize,
        ) {
            let at = |(day, value): &(i64, f64)| (Timestamp::from_seconds(day * 86_400), *value);
            let (left, right) = samples.split_at(cut.min(samples.len()));
            let of = |part: &[(i64, f64)]| {
                let mut demand = DailyDemand::default();
                demand.add(part.iter().map(at));
                demand
            };
            let (mut a, mut b) = (of(left), of(right));
            let (a_before, b_before) = (a.clone(), b.clone());
            a.merge(&b_before);
            b.merge(&a_before);
            prop_assert_eq!(&a, &of(&samples));
            prop_assert_eq!(&a, &b);
            // The maximum of days is exact, and a level is never above it.
            let peak = samples.iter().map(|sample| sample.1).fold(0.0, f64::max);
            let level = a.level(1.0, &Recurrence::default()).unwrap();
            prop_assert!(level.amount <= peak);
            let last = a.by_day(1.0).last().unwrap().1;
            prop_assert!(level.amount >= last);
        }
    }
}
