//! Which seasons a series' models are given.

use super::period::{PERIODS_MAX, calendar_steps, first_periods};
use crate::model::Span;

/// A short and a long season, in steps; 1 where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Seasons {
    /// Steps of the short period; 0 is taken for 1.
    pub short: usize,
    /// Steps of the long period, longer than the short one; 0 is taken for 1.
    pub long: usize,
}

/// Of the calendar.
const DAYS_OF_WEEK: i64 = 7;
const WEEKS_OF_YEAR: usize = 52;
/// Periods that must have been seen for a season to be tried.
const CYCLES_MIN: usize = 3;

impl Seasons {
    /// No season.
    pub const NONE: Self = Self { short: 1, long: 1 };

    /// The seasons of a series, and the periods that show in it.
    ///
    /// The short one is the first period that shows. A day (a week of daily values) stands in where
    /// none does, and for all that divide it or are its multiples; whether it helps is for the
    /// back-test to say. Of weekly values there is a year, as the long one: too few have been seen
    /// of it for a model that learns each of its phases. The long one is the longest multiple of
    /// the short one among the periods that show and the calendar's.
    pub fn of(values: &[f64], step: Span) -> (Self, Vec<usize>) {
        Self::of_first(values, step, PERIODS_MAX)
    }

    /// The same from the first `most` periods that stand out.
    pub(super) fn of_first(values: &[f64], step: Span, most: usize) -> (Self, Vec<usize>) {
        let periods = first_periods(values, step, most);
        if step == Span::from_days(DAYS_OF_WEEK) {
            return (Self { short: 1, long: WEEKS_OF_YEAR }.fitting(values.len()), periods);
        }
        let calendar = calendar_steps(step);
        let fits = |period: &usize| *period > 1 && values.len() >= CYCLES_MIN * period;
        let base = calendar.iter().copied().find(fits);
        let shown = periods.iter().copied().find(fits);
        let akin = |a: usize, b: usize| a.is_multiple_of(b) || b.is_multiple_of(a);
        let short = match (base, shown) {
            (Some(base), Some(shown)) if akin(base, shown) => base,
            (base, shown) => shown.or(base).unwrap_or(1),
        };
        let all = periods.iter().chain(&calendar).copied().filter(fits);
        let long = all.filter(|period| *period > short && period.is_multiple_of(short)).max();
        (Self { short, long: long.unwrap_or(1) }, periods)
    }

    /// The seasons that `values` steps have seen often enough.
    #[must_use]
    pub fn fitting(self, values: usize) -> Self {
        let keep = |period: usize| if period <= values / CYCLES_MIN { period.max(1) } else { 1 };
        Self { short: keep(self.short), long: keep(self.long) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::tests::noise;

    /// Noise under patterns of some lengths, each of a deviation of 3.
    fn with_periods(steps: usize, periods: &[usize]) -> Vec<f64> {
        let wave = |t: usize, m: usize| 4.0 * (std::f64::consts::TAU * t as f64 / m as f64).sin();
        let value = |(t, z): (usize, f64)| periods.iter().map(|m| wave(t, *m)).sum::<f64>() + z;
        noise(1, steps).into_iter().enumerate().map(value).collect()
    }

    fn of(steps: usize, periods: &[usize], step: Span) -> Seasons {
        Seasons::of(&with_periods(steps, periods), step).0
    }

    #[test]
    fn the_calendar_stands_in_where_nothing_shows() {
        assert_eq!(of(800, &[], Span::HOUR), Seasons { short: 24, long: 168 });
        assert_eq!(of(300, &[], Span::HOUR), Seasons { short: 24, long: 1 });
        assert_eq!(of(60, &[], Span::HOUR), Seasons::NONE);
        assert_eq!(of(200, &[], Span::DAY), Seasons { short: 7, long: 1 });
        assert_eq!(of(200, &[], Span::WEEK), Seasons { short: 1, long: 52 });
        assert_eq!(of(100, &[], Span::WEEK), Seasons::NONE);
    }

    #[test]
    fn a_period_that_shows_goes_before_a_day_it_has_nothing_to_do_with() {
        assert_eq!(of(400, &[17], Span::HOUR), Seasons { short: 17, long: 1 });
        // Half a day and two days are days.
        assert_eq!(of(400, &[12], Span::HOUR).short, 24);
        assert_eq!(of(400, &[24, 48], Span::HOUR).short, 24);
        let (seasons, periods) = Seasons::of(&with_periods(400, &[17]), Span::HOUR);
        assert_eq!((seasons.short, periods.as_slice()), (17, [17].as_slice()));
    }

    #[test]
    fn a_season_must_have_been_seen_three_times() {
        let seasons = Seasons { short: 24, long: 168 };
        assert_eq!(seasons.fitting(504), seasons);
        assert_eq!(seasons.fitting(503), Seasons { short: 24, long: 1 });
        assert_eq!(seasons.fitting(71), Seasons::NONE);
    }
}
