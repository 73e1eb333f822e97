//! Queries: which series, over which time, reduced how. In: a store's snapshot and a [`Query`].
//! Out: a stream of bounded [`Frame`]s. Never: a write, a clock, or an answer that depends on the
//! number of threads.
//!
//! A query has two stages. First every series is reduced to one value per step by its
//! [`Aggregate`]. Then, where labels to group by are given, the series of one group become one row:
//! pooled, as if all their samples were one series, or combined value by value ([`Across`]).
//!
//! A [`Condition`] on the samples comes before both.
//!
//! Time whose samples were rolled up is answered from buckets, where every step is made of whole
//! ones, quantiles from their sketches; else the query is refused, and told what may be asked.

mod combine;
mod condition;
mod group;
mod reduce;
mod rolled;
mod scan;
mod steps;

use std::str::FromStr;

pub use condition::Condition;
pub use rolled::answered_from;
pub use scan::Frames;

use crate::error::{Error, Result};
use crate::model::limits::QUERY_STEPS_MAX;
use crate::model::{Calendar, CalendarSteps, Frame, Labels, Selector, Span, TimeRange, Timestamp};
use crate::store::Snapshot;

/// How the samples of one step become one value. NaN samples are skipped; a step without a number
/// is NaN, and 0 for [`Aggregate::Count`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Aggregate {
    /// The sum.
    Sum,
    /// The arithmetic mean.
    Mean,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// How many there are.
    Count,
    /// The earliest.
    First,
    /// The latest.
    Last,
    /// The standard deviation of the population, as Prometheus' `stddev_over_time`: the root of the
    /// mean square of the distances from the mean. Of raw samples only.
    StdDev,
    /// The quantile of a rank in `[0, 1]`, exact, interpolated (type 7). Of raw samples only.
    Quantile(f64),
    /// [`Aggregate::Quantile`] from a sketch: of the two samples between which it lies each is
    /// within [`Sketch::RELATIVE_ERROR`](crate::kernel::Sketch::RELATIVE_ERROR), and so is the
    /// quantile, unless one is positive and the other negative. Of rolled-up time too, where a tier
    /// has buckets of a day or longer; the answer is the one that the samples gave before.
    ///
    /// ```
    /// use plimsoll::kernel::Sketch;
    /// use plimsoll::query::{Aggregate, Query};
    /// use plimsoll::store::{Retention, Store, StoreOptions};
    /// use plimsoll::{Batch, Group, Labels, Span, Timestamp};
    ///
    /// let folder = tempfile::tempdir().unwrap();
    /// let store = Store::open(folder.path(), StoreOptions::default())?;
    /// let cpu = store.series_id(&Labels::new("cpu", [("host", "web-1")])?)?;
    /// let times: Vec<i64> = (0..3 * 1440).map(|minute| minute * 60_000_000_000).collect();
    /// let values = (0..3 * 1440).map(|minute| f64::from(minute % 1440)).collect();
    /// store.append(&Batch { groups: vec![Group { series: vec![cpu], times, values }] })?;
    ///
    /// let query = Query::new("cpu".parse()?).step(Span::DAY);
    /// let before = Timestamp::from_seconds(2 * 86_400);
    /// store.retain_with(&Retention::new(before).rollup(Span::DAY, None))?;
    /// // Two days are rolled up, and the third is not.
    /// assert!(query.clone().aggregate("p95".parse()?).run(&store.snapshot()?).is_err());
    /// for frame in query.aggregate("sketch-p95".parse()?).run(&store.snapshot()?)? {
    ///     for value in frame?.row(0) {
    ///         assert!((value / 1367.05 - 1.0).abs() <= Sketch::RELATIVE_ERROR);
    ///     }
    /// }
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    SketchQuantile(f64),
    /// By how much a counter grew: the sum of the differences to the sample before, where a fall
    /// is a reset, after which the counter started from 0. A difference belongs to the step of its
    /// later sample.
    Increase,
    /// [`Aggregate::Increase`] per second of the time that these differences span.
    Rate,
}

/// How the values of several series at one step become one. NaN are skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Across {
    /// The sum.
    Sum,
    /// The arithmetic mean over series.
    Mean,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// How many series have a value.
    Count,
}

/// A question to a store.
///
/// ```
/// use plimsoll::query::{Aggregate, Query};
/// use plimsoll::store::{Store, StoreOptions};
/// use plimsoll::{Batch, Group, Labels, Span};
///
/// let folder = tempfile::tempdir().unwrap();
/// let store = Store::open(folder.path(), StoreOptions::default())?;
/// let cpu = store.series_id(&Labels::new("cpu", [("host", "web-1")])?)?;
/// for minute in 0..120 {
///     let row = Group::row(&[cpu], minute * 60_000_000_000, &[minute as f64]);
///     store.append(&Batch { groups: vec![row] })?;
/// }
///
/// let query = Query::new("cpu{host=~\"web-.*\"}".parse()?)
///     .aggregate(Aggregate::Max)
///     .step(Span::HOUR);
/// for frame in query.run(&store.snapshot()?)? {
///     assert_eq!(frame?.row(0), [59.0, 119.0]);
/// }
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Query {
    selector: Selector,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    step: Step,
    aggregate: Aggregate,
    keep: Option<Condition>,
    by: Option<Vec<String>>,
    across: Option<Across>,
    fill: Span,
}

/// What a query has one value for.
#[derive(Debug, Clone)]
enum Step {
    All,
    Equal(Span),
    Calendar(Calendar),
}

/// The steps of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grid {
    start: Timestamp,
    end: Timestamp,
    /// The length of every step, or of the longest of a calendar.
    step: Span,
    steps: usize,
    calendar: Option<CalendarSteps>,
}

impl Query {
    /// The mean of each selected series over all of its time; narrow it down with the methods.
    pub fn new(selector: Selector) -> Self {
        Self {
            selector,
            start: None,
            end: None,
            step: Step::All,
            aggregate: Aggregate::Mean,
            keep: None,
            by: None,
            across: None,
            fill: Span::default(),
        }
    }

    /// Only samples at or after `start`, which is also where the first step begins. Default: the
    /// step in which the first sample of the store lies, in whole steps since the epoch, or of the
    /// calendar.
    #[must_use]
    pub fn from(mut self, start: Timestamp) -> Self {
        self.start = Some(start);
        self
    }

    /// Only samples before `end`. Default: past the last sample of the store.
    #[must_use]
    pub fn to(mut self, end: Timestamp) -> Self {
        self.end = Some(end);
        self
    }

    /// One value per `step`, instead of per step of a calendar. Default: one for the whole range.
    #[must_use]
    pub fn step(mut self, step: Span) -> Self {
        self.step = Step::Equal(step);
        self
    }

    /// One value per day, week, month, quarter or year of a time zone, instead of per step of one
    /// length. [`Query::from`] and [`Query::to`] cut the first and the last step short; without
    /// them both are whole. The frames say where each step begins and ends. Refused together with
    /// [`Query::fill`].
    ///
    /// ```
    /// use plimsoll::query::{Aggregate, Query};
    /// use plimsoll::store::{Store, StoreOptions};
    /// use plimsoll::{Batch, Group, Labels, Timestamp};
    ///
    /// let folder = tempfile::tempdir().unwrap();
    /// let store = Store::open(folder.path(), StoreOptions::default())?;
    /// let cpu = store.series_id(&Labels::new("cpu", [("host", "web-1")])?)?;
    /// // A sample each hour, from noon of the day before summer time began.
    /// let noon: Timestamp = "2013-03-30T12:00:00+01:00".parse()?;
    /// let times: Vec<i64> = (0..48).map(|hour| noon.nanos() + hour * 3_600_000_000_000).collect();
    /// let values = vec![1.0; 48];
    /// store.append(&Batch { groups: vec![Group { series: vec![cpu], times, values }] })?;
    ///
    /// let query = Query::new("cpu".parse()?).aggregate(Aggregate::Count);
    /// let days = query.calendar("day in Europe/Berlin".parse()?);
    /// for frame in days.run(&store.snapshot()?)? {
    ///     let frame = frame?;
    ///     assert_eq!(frame.row(0), [12.0, 23.0, 13.0]);
    ///     assert_eq!(frame.time(1), "2013-03-31T00:00:00+01:00".parse()?);
    ///     assert_eq!(frame.end(1), "2013-04-01T00:00:00+02:00".parse()?);
    /// }
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    #[must_use]
    pub fn calendar(mut self, calendar: Calendar) -> Self {
        self.step = Step::Calendar(calendar);
        self
    }

    /// How samples become one value per step. Default: their mean.
    #[must_use]
    pub fn aggregate(mut self, aggregate: Aggregate) -> Self {
        self.aggregate = aggregate;
        self
    }

    /// Only samples that meet a condition; the others are as if they had never been appended.
    /// Refused over time whose samples were rolled up. Default: all samples.
    ///
    /// ```
    /// use plimsoll::query::{Aggregate, Condition, Query};
    /// use plimsoll::store::{Store, StoreOptions};
    /// use plimsoll::{Batch, Group, Labels};
    ///
    /// let folder = tempfile::tempdir().unwrap();
    /// let store = Store::open(folder.path(), StoreOptions::default())?;
    /// let cpu = store.series_id(&Labels::new("cpu", [("host", "web-1")])?)?;
    /// let (times, values) = (vec![10, 20, 30], vec![91.0, 90.0, 97.0]);
    /// store.append(&Batch { groups: vec![Group { series: vec![cpu], times, values }] })?;
    ///
    /// let query = Query::new("cpu".parse()?).aggregate(Aggregate::Count);
    /// for frame in query.keep(Condition::Above(90.0)).run(&store.snapshot()?)? {
    ///     assert_eq!(frame?.row(0), [2.0]);
    /// }
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    #[must_use]
    pub fn keep(mut self, condition: Condition) -> Self {
        self.keep = Some(condition);
        self
    }

    /// One row per combination of values of these labels instead of one per series. With no name,
    /// one row for all.
    #[must_use]
    pub fn by<S: Into<String>>(mut self, labels: impl IntoIterator<Item = S>) -> Self {
        self.by = Some(labels.into_iter().map(Into::into).collect());
        self
    }

    /// Reduces each series of a group by itself first, then combines their values. Default: the
    /// samples of a group are pooled.
    #[must_use]
    pub fn across(mut self, across: Across) -> Self {
        self.across = Some(across);
        self
    }

    /// Carries a series' value over steps without a sample, up to this long, before series are
    /// combined: a scrape that came a second late would else look like a fall of the group's sum.
    /// A series that ended with a [`stale_marker`](crate::stale_marker) is not carried on. Default:
    /// not at all.
    #[must_use]
    pub fn fill(mut self, fill: Span) -> Self {
        self.fill = fill;
        self
    }

    /// Resolves the query; the frames are computed as they are asked for. Every row has the same
    /// steps. No series or no samples yield no frame.
    pub fn run(&self, snapshot: &Snapshot) -> Result<Frames> {
        if let Aggregate::Quantile(rank) | Aggregate::SketchQuantile(rank) = self.aggregate
            && !(0.0..=1.0).contains(&rank)
        {
            return Err(Error::invalid(format!(
                "quantile {rank} is outside 0 to 1; the 95th percentile is 0.95"
            )));
        }
        if self.across.is_none() && self.by.is_some() && !self.fill.is_zero() {
            return Err(Error::invalid(
                "fill carries the value of each series on, so say how the series of a group are \
                 combined (across)",
            ));
        }
        if let Step::Calendar(calendar) = &self.step
            && !self.fill.is_zero()
        {
            return Err(Error::invalid(format!(
                "fill carries values over steps of one length, and a {calendar} is none; ask \
                 without it, or in steps of a length, as 1d"
            )));
        }
        let groups = group::resolve(snapshot, &self.selector, self.by.as_deref())?;
        let grid = self.grid(snapshot.range())?;
        let rolled = match &grid {
            Some(grid) => {
                if let Some(keep) = self.keep {
                    let (tiers, raw_from) = (snapshot.tiers(), snapshot.raw_from());
                    keep.refuse_rolled(&tiers, raw_from, self.aggregate, grid)?;
                }
                rolled::Rolled::of(&snapshot.tiers(), snapshot.raw_from(), self.aggregate, grid)?
            }
            None => rolled::Rolled::default(),
        };
        Ok(Frames::new(self.clone(), snapshot.clone(), groups, grid, rolled))
    }

    /// The steps; none where there is no sample in the range.
    fn grid(&self, stored: Option<TimeRange>) -> Result<Option<Grid>> {
        let Some(stored) = stored else { return Ok(None) };
        let (first, past) = match &self.step {
            Step::All => (stored.start, stored.end),
            Step::Equal(step) if step.is_zero() => {
                return Err(Error::invalid("a step of no length; write 5m or 1h"));
            }
            Step::Equal(step) => (stored.start.floor(*step), stored.end),
            Step::Calendar(calendar) => (calendar.floor(stored.start), calendar.ceil(stored.end)),
        };
        let (start, end) = (self.start.unwrap_or(first), self.end.unwrap_or(past));
        let range = TimeRange::new(start, end)?;
        if range.span().is_zero() {
            return Ok(None);
        }
        let (step, calendar) = match &self.step {
            Step::All => (range.span(), None),
            Step::Equal(step) => (*step, None),
            Step::Calendar(calendar) => {
                let steps = calendar.steps(range)?;
                (steps.longest(), Some(steps))
            }
        };
        let steps = match &calendar {
            Some(steps) => steps.count(),
            None => (range.span().nanos() as u64).div_ceil(step.nanos() as u64) as usize,
        };
        if steps > QUERY_STEPS_MAX {
            return Err(Error::Limit {
                what: "the number of steps of a query",
                value: steps as u64,
                limit: QUERY_STEPS_MAX as u64,
                remedy: "take a longer step or a shorter range",
            });
        }
        Ok(Some(Grid { start, end, step, steps, calendar }))
    }
}

impl Grid {
    /// The starts of a calendar's steps and the end of the last, in nanoseconds.
    fn edges(&self) -> Option<&[i64]> {
        self.calendar.as_ref().map(CalendarSteps::edges_nanos)
    }

    /// A frame of these steps.
    fn frame(&self, labels: Vec<Labels>, values: Vec<f64>) -> Result<Frame> {
        match &self.calendar {
            Some(steps) => Frame::by_calendar(steps.clone(), labels, values),
            None => Frame::new(self.start, self.step, self.steps, labels, values),
        }
    }
}

impl FromStr for Aggregate {
    type Err = Error;

    /// Reads `sum`, `mean`, `min`, `max`, `count`, `first`, `last`, `stddev`, `increase`, `rate`,
    /// `median`, and quantiles as `p95`, `p99.9` or `q0.95`, from sketches as `sketch-p95`.
    fn from_str(text: &str) -> Result<Self> {
        if let Some(quantile) = text.strip_prefix("sketch-")
            && let Ok(Self::Quantile(rank)) = quantile.parse()
        {
            return Ok(Self::SketchQuantile(rank));
        }
        let number = |rest: &str, scale: f64| {
            rest.parse::<f64>().ok().map(|n| n / scale).filter(|q| (0.0..=1.0).contains(q))
        };
        let quantile = match text.split_at_checked(1) {
            Some(("p", rest)) => number(rest, 100.0),
            Some(("q", rest)) => number(rest, 1.0),
            _ => None,
        };
        match (text, quantile) {
            (_, Some(rank)) => Ok(Self::Quantile(rank)),
            ("sum", _) => Ok(Self::Sum),
            ("mean" | "avg", _) => Ok(Self::Mean),
            ("min", _) => Ok(Self::Min),
            ("max", _) => Ok(Self::Max),
            ("count", _) => Ok(Self::Count),
            ("first", _) => Ok(Self::First),
            ("last", _) => Ok(Self::Last),
            ("stddev", _) => Ok(Self::StdDev),
            ("median", _) => Ok(Self::Quantile(0.5)),
            ("increase", _) => Ok(Self::Increase),
            ("rate", _) => Ok(Self::Rate),
            _ => Err(Error::invalid(format!(
                "{text:?} is no aggregate; write sum, mean, min, max, count, first, last, stddev, \
                 median, increase, rate, a quantile as p95 or q0.95, or one from sketches as \
                 sketch-p95"
            ))),
        }
    }
}

impl FromStr for Across {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "sum" => Ok(Self::Sum),
            "mean" | "avg" => Ok(Self::Mean),
            "min" => Ok(Self::Min),
            "max" => Ok(Self::Max),
            "count" => Ok(Self::Count),
            _ => Err(Error::invalid(format!(
                "{text:?} combines no series; write sum, mean, min, max or count"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn aggregates_read() {
        for (text, expected) in [
            ("mean", Some(Aggregate::Mean)),
            ("p95", Some(Aggregate::Quantile(0.95))),
            ("q0.5", Some(Aggregate::Quantile(0.5))),
            ("median", Some(Aggregate::Quantile(0.5))),
            ("sketch-p95", Some(Aggregate::SketchQuantile(0.95))),
            ("sketch-median", Some(Aggregate::SketchQuantile(0.5))),
            ("sketch-mean", None),
            ("sketch-sketch-p95", None),
            ("p101", None),
            ("p", None),
            ("", None),
            ("sums", None),
        ] {
            assert_eq!(text.parse().ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn steps_follow_the_range_asked_for_or_whole_steps_since_the_epoch() {
        let stored = Some(TimeRange { start: at(3_700), end: at(11_000) });
        let query = Query::new(Selector::all()).step(Span::HOUR);
        let grid = query.grid(stored).unwrap().unwrap();
        assert_eq!((grid.start, grid.steps), (at(3_600), 3));
        let grid = query.clone().from(at(4_000)).to(at(4_001)).grid(stored).unwrap().unwrap();
        assert_eq!((grid.start, grid.end, grid.steps), (at(4_000), at(4_001), 1));
        assert!(query.clone().from(at(5)).to(at(4)).grid(stored).is_err());
        assert!(query.clone().step(Span::from_nanos(1)).grid(stored).is_err());
        assert_eq!(query.grid(None).unwrap(), None);
    }

    #[test]
    fn steps_of_a_calendar_are_whole_but_where_the_range_cuts_them() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let (first, past) = (time("2013-01-31T23:30:00Z"), time("2013-03-31T22:00:00.000000001Z"));
        let stored = Some(TimeRange { start: first, end: past });
        let query = Query::new(Selector::all()).step(Span::HOUR);
        let query = query.calendar("month in Europe/Berlin".parse().unwrap());
        let grid = query.grid(stored).unwrap().unwrap();
        assert_eq!(grid.start, time("2013-02-01T00:00:00+01:00"));
        assert_eq!(grid.end, time("2013-05-01T00:00:00+02:00"));
        // March is the longest, but for an hour.
        assert_eq!((grid.steps, grid.step), (3, Span::from_seconds((31 * 24 - 1) * 3_600)));
        let (from, to) = (time("2013-02-15"), time("2013-03-20"));
        let grid = query.clone().from(from).to(to).grid(stored).unwrap().unwrap();
        assert_eq!((grid.start, grid.end, grid.steps), (from, to, 2));
        assert_eq!(query.clone().from(to).to(to).grid(stored).unwrap(), None);
        assert!(query.clone().from(to).to(from).grid(stored).is_err());
        // The last call says which steps.
        let grid = query.step(Span::from_days(30)).grid(stored).unwrap().unwrap();
        assert_eq!((grid.calendar, grid.step), (None, Span::from_days(30)));
    }
}
