//! What lies ahead of daily peaks, for plans: against lines that move, and on a day to come.

use super::line::LinePath;
use super::past::Past;
use super::paths::{self, Passages};
use super::{ExhaustionOptions, Quantiles, reached_since};
use crate::model::limits::PEAK_DAYS_AHEAD_MAX;

/// Days of a week.
const WEEK: usize = 7;
/// Without a trend, the weeks that end on so many last days are what a week to come may bring.
const RECENT_DAYS: usize = 28;

/// What lies ahead of daily peaks. They are looked at once and asked often.
///
/// ```
/// use plimsoll::capacity::exhaustion::{ExhaustionOptions, LinePath, Outlook};
/// // A disk that fills by 2 GB a day, 100 GB under the line; half of it is taken away in 20 days.
/// let noise = [0.1, -0.2, 0.0, 0.15, -0.1, 0.05];
/// let peaks: Vec<f64> = (0..60).map(|day| 2.0 * day as f64 + noise[day % 6]).collect();
/// let options = ExhaustionOptions::default();
/// let outlook = Outlook::new(&peaks, true, &options);
/// let days = |line: &LinePath| outlook.quantiles(line).p50_days.unwrap();
/// assert!((days(&LinePath::new(218.0)) - 50.0).abs() <= 1.0);
/// assert_eq!(days(&LinePath::new(218.0).then(20, 109.0)), 20.0);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Outlook<'a> {
    peaks: &'a [f64],
    /// Where a trend leads up.
    past: Option<Past>,
    options: &'a ExhaustionOptions,
}

impl<'a> Outlook<'a> {
    /// Looks at daily peaks, as [`time_to_exhaustion`](super::time_to_exhaustion) takes them. With
    /// `trend_stands` a significant trend upwards goes on; without it, and where there is none, the
    /// days ahead are like the last ones.
    pub fn new(peaks: &'a [f64], trend_stands: bool, options: &'a ExhaustionOptions) -> Self {
        let past = trend_stands.then(|| Past::of(peaks));
        Self { peaks, past: past.filter(|past| past.growth(options).is_some()), options }
    }

    /// When peaks first reach a line: 0 where they have today, infinite where they do not within
    /// the horizon, one number for each future, in order.
    ///
    /// Without a trend all futures are one: the line is reached on the day on which it comes down
    /// to where the last peaks would count as full.
    pub fn passage_days(&self, line: &LinePath) -> Vec<f64> {
        let horizon = self.options.horizon_days;
        let mut days = self.passages(line).into_days();
        days.iter_mut().filter(|days| **days > horizon).for_each(|days| *days = f64::INFINITY);
        days
    }

    /// The distribution of the day on which peaks first reach a line, 0 being today.
    pub fn quantiles(&self, line: &LinePath) -> Quantiles {
        self.passages(line).quantiles(self.options)
    }

    fn passages(&self, line: &LinePath) -> Passages {
        let all = |days: f64| Passages::all(days, self.options.paths());
        if reached_since(self.peaks, line.today()).is_some() {
            return all(0.0);
        }
        if let Some(growth) = self.past.as_ref().and_then(|past| past.growth(self.options)) {
            // Of a level that is cleaned up under, the trend says nothing.
            let open = |level| if self.is_cleaned_under(level) { f64::INFINITY } else { level };
            return paths::first_passages(growth, &line.map(open), self.options);
        }
        let mut levels = line.levels();
        let full = levels.find(|(_, level)| reached_since(self.peaks, *level).is_some());
        let days = full.map_or(f64::INFINITY, |(day, _)| day as f64);
        all(if days <= self.options.horizon_days { days } else { f64::INFINITY })
    }

    /// Whether the peaks are a sawtooth under a level that the last of them have not reached.
    fn is_cleaned_under(&self, level: f64) -> bool {
        self.past.as_ref().is_some_and(|past| past.stays_under(level))
            && reached_since(self.peaks, level).is_none()
    }

    /// Whether a trend leads up to a level: not where the peaks are cleaned up under it.
    pub fn climbs_to(&self, level: f64) -> bool {
        self.past.is_some() && !self.is_cleaned_under(level)
    }

    /// The level of the trend so many days after the last one, or before it where negative, as a
    /// multiple of the last day's; 1 without a trend. Before the trend began its first level
    /// counts.
    ///
    /// ```
    /// use plimsoll::capacity::exhaustion::{ExhaustionOptions, Outlook};
    /// let peaks: Vec<f64> = (0..60).map(|day| 140.0 + day as f64).collect();
    /// let options = ExhaustionOptions::default();
    /// let outlook = Outlook::new(&peaks, true, &options);
    /// assert!((outlook.level_ratio(20.0) - 219.0 / 199.0).abs() < 1e-2);
    /// assert!((outlook.level_ratio(-20.0) - 179.0 / 199.0).abs() < 1e-2);
    /// ```
    pub fn level_ratio(&self, days: f64) -> f64 {
        let growth = self.past.as_ref().and_then(|past| past.growth(self.options));
        growth.map_or(1.0, |growth| growth.level_ratio(days))
    }

    /// The highest peak of the week that ends on a day to come, once for each future: a day alone
    /// may be a Sunday. Without a trend towards the line of that day, that of each of the last
    /// weeks. Empty where no peak is known. Beyond [`PEAK_DAYS_AHEAD_MAX`] days it is that day's.
    pub fn weekly_peaks_on(&self, days_ahead: usize, line: &LinePath) -> Vec<f64> {
        let days_ahead = days_ahead.min(PEAK_DAYS_AHEAD_MAX);
        let highest = |peaks: &[f64]| peaks.iter().copied().fold(f64::NAN, f64::max);
        let climbs = !self.is_cleaned_under(line.on(days_ahead));
        match self.past.as_ref().and_then(|past| past.growth(self.options)) {
            Some(growth) if days_ahead > 0 && climbs => {
                let (paths, seed) = (self.options.paths(), self.options.seed);
                let futures = paths::futures(growth, days_ahead, paths, seed);
                let week = |future: &Vec<f64>| highest(&future[days_ahead.saturating_sub(WEEK)..]);
                futures.iter().map(week).collect()
            }
            _ => {
                let from = self.peaks.len().saturating_sub(RECENT_DAYS + WEEK - 1);
                let recent = &self.peaks[from..];
                let weeks = recent.windows(WEEK.min(recent.len().max(1))).map(highest);
                weeks.filter(|peak| peak.is_finite()).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn growing() -> Vec<f64> {
        let noise = [0.1, -0.2, 0.0, 0.15, -0.1, 0.05, 0.3];
        (0..60).map(|day| 2.0 * day as f64 + noise[day * day % 7]).collect()
    }

    #[test]
    fn a_line_that_stands_still_is_reached_when_the_plan_says() {
        let options = ExhaustionOptions::default();
        let peaks = growing();
        let outlook = Outlook::new(&peaks, true, &options);
        let found = super::super::time_to_exhaustion(&peaks, 218.0, &options);
        let super::super::Outcome::Within(days) = found.outcome else { panic!("{found:?}") };
        assert_eq!(outlook.quantiles(&LinePath::new(218.0)), days);
        assert_eq!(outlook.passage_days(&LinePath::new(100.0)), vec![0.0; 500]);
    }

    #[test]
    fn the_same_futures_meet_every_line() {
        let options = ExhaustionOptions { paths: 40, ..ExhaustionOptions::default() };
        let peaks = growing();
        let outlook = Outlook::new(&peaks, true, &options);
        let [high, low] = [218.0, 217.0].map(|line| outlook.passage_days(&LinePath::new(line)));
        assert!(low.iter().zip(&high).all(|(low, high)| low <= high));
        // A line that falls later is met no earlier than if it had been there at once.
        let late = outlook.passage_days(&LinePath::new(218.0).then(30, 150.0));
        assert!(late.iter().all(|day| (29.0..=30.0).contains(day)), "{late:?}");
        let demand = outlook.weekly_peaks_on(30, &LinePath::new(218.0));
        assert_eq!(demand.len(), 40);
        let mean = demand.iter().sum::<f64>() / 40.0;
        assert!((mean - 178.0).abs() < 1.0, "{mean}");
    }

    #[test]
    fn nothing_is_reached_beyond_the_horizon() {
        let near = ExhaustionOptions { horizon_days: 14.0, ..ExhaustionOptions::default() };
        let peaks = growing();
        let outlook = Outlook::new(&peaks, true, &near);
        // Two a day from 118 on: 11 days, and 50.
        let days = outlook.passage_days(&LinePath::new(140.0));
        assert!(days.iter().all(|day| (10.0..=12.0).contains(day)), "{days:?}");
        assert_eq!(outlook.passage_days(&LinePath::new(218.0)), vec![f64::INFINITY; 500]);
    }

    #[test]
    fn a_week_is_asked_for_and_not_its_sunday() {
        let options = ExhaustionOptions { paths: 60, ..ExhaustionOptions::default() };
        let level = |day: usize| if day % 7 < 5 { 100.0 } else { 20.0 };
        let peaks: Vec<f64> = (0..63)
            .map(|day| level(day) + 0.5 * day as f64 + 0.1 * (day * day % 7) as f64)
            .collect();
        let outlook = Outlook::new(&peaks, true, &options);
        // Day 69, seven days after the last one, is a Sunday: by itself it would be near 55.
        let highest = outlook.weekly_peaks_on(7, &LinePath::new(500.0));
        assert!(highest.iter().all(|peak| *peak > 110.0), "{highest:?}");
    }

    #[test]
    fn without_a_trend_only_the_line_moves() {
        let options = ExhaustionOptions { paths: 3, ..ExhaustionOptions::default() };
        let peaks: Vec<f64> = (0..40).map(|day| 50.0 + f64::from(day * 7 % 5)).collect();
        for trend_stands in [true, false] {
            let outlook = Outlook::new(&peaks, trend_stands, &options);
            let line = LinePath::new(80.0).then(12, 51.0).then(20, 90.0);
            assert_eq!(outlook.passage_days(&line), [12.0; 3]);
            assert_eq!(outlook.passage_days(&LinePath::new(80.0)), [f64::INFINITY; 3]);
            let far = LinePath::new(80.0).then(400, 10.0);
            assert_eq!(outlook.passage_days(&far), [f64::INFINITY; 3]);
            // Five peaks that come again and again: each week has the highest of them.
            assert_eq!(outlook.weekly_peaks_on(9, &line), [54.0; 28]);
        }
        // A trend that does not stand is none.
        let peaks = growing();
        let outlook = Outlook::new(&peaks, false, &options);
        assert_eq!(outlook.passage_days(&LinePath::new(218.0)), [f64::INFINITY; 3]);
    }

    #[test]
    fn teeth_that_are_cleaned_up_under_a_line_have_no_date_where_it_moves_either() {
        use super::super::{Outcome, time_to_exhaustion};
        let options = ExhaustionOptions { paths: 100, ..ExhaustionOptions::default() };
        // Cleaned up every 25 days at 64; the last tooth has climbed for 20.
        let peaks: Vec<f64> = (0..96)
            .map(|day| 40.0 + f64::from(day % 25) + 0.2 * f64::from(day * day % 5))
            .collect();
        let outlook = Outlook::new(&peaks, true, &options);
        let never = vec![f64::INFINITY; 100];
        for level in [63.5, 80.0, 120.0] {
            let at_rest = time_to_exhaustion(&peaks, level, &options).outcome;
            let has_date = matches!(at_rest, Outcome::Within(_));
            let days = outlook.passage_days(&LinePath::new(level));
            assert_eq!((has_date, has_date), (level < 64.0, days != never), "{level}: {at_rest:?}");
            // Raised tomorrow, or today, it is never reached.
            assert_eq!(outlook.passage_days(&LinePath::new(63.5).then(1, 80.0)), never);
        }
        // A line that comes down to the tops is reached then, and not on the way there.
        let down = outlook.passage_days(&LinePath::new(120.0).then(30, 80.0).then(60, 63.5));
        assert_eq!(down, [60.0; 100]);
        // What is asked for in 60 days is what the teeth ask for, and not a tooth of 80 days.
        let asked = |level| outlook.weekly_peaks_on(60, &LinePath::new(level));
        assert!(asked(80.0).iter().all(|peak| (43.0..65.0).contains(peak)), "{:?}", asked(80.0));
        assert!(asked(63.5).iter().all(|peak| *peak > 80.0), "{:?}", asked(63.5));
    }
}
