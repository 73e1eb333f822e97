//! Queries: which series, over which time, reduced how. In: a store's snapshot and a [`Query`].
//! Out: a stream of bounded [`Frame`](crate::Frame)s. Never: a write, a clock, or an answer that
//! depends on the number of threads.
//!
//! A query has two stages. First every series is reduced to one value per step by its
//! [`Aggregate`]. Then, where labels to group by are given, the series of one group become one row:
//! pooled, as if all their samples were one series, or combined value by value ([`Across`]).
//!
//! A [`Condition`] on the samples comes before both.
//!
//! Time whose samples were rolled up is answered from buckets, where every step is made of whole
//! ones, quantiles from their sketches; else the query is refused, and told what may be asked.

mod accumulator;
mod aggregate;
mod combine;
mod condition;
mod gathered;
mod grid;
mod group;
mod rank;
mod reduction;
mod rolled;
mod rows;
mod scan;
mod steps;
mod walk;
mod watch;

pub use aggregate::{Across, Aggregate};
pub use condition::Condition;
pub use rolled::answered_from;
pub use rows::{RowReader, Rows, last_points};
pub use scan::Frames;
pub use watch::{Cancel, Explain, Limits};

use grid::{Grid, Step};
use rank::Rank;
use reduction::Plan;
use walk::{Asked, Statistics};
use watch::Watch;

use crate::error::{Error, Result};
use crate::model::{Calendar, Selector, Span, TimeRange, Timestamp};
use crate::store::{CHUNKS_MAX, Snapshot};

/// Series from which on a query looks at the statistics of blocks, which are decoded for up to
/// 1,024 blocks together.
const SERIES_MANY: usize = 64;

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
    aggregates: Vec<Aggregate>,
    keep: Option<Condition>,
    by: Option<Vec<String>>,
    across: Option<Across>,
    fill: Span,
    fill_spacings: f64,
    rank: Option<Rank>,
    limits: Limits,
    cancel: Cancel,
    statistics: bool,
}

impl Query {
    /// The mean of each selected series over all of its time; narrow it down with the methods.
    pub fn new(selector: Selector) -> Self {
        Self {
            selector,
            start: None,
            end: None,
            step: Step::All,
            aggregates: vec![Aggregate::Mean],
            keep: None,
            by: None,
            across: None,
            fill: Span::default(),
            fill_spacings: 0.0,
            rank: None,
            limits: Limits::default(),
            cancel: Cancel::default(),
            statistics: true,
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
    pub fn aggregate(self, aggregate: Aggregate) -> Self {
        self.aggregates([aggregate])
    }

    /// Several aggregates in one pass over the samples: one row for each, told apart by a label
    /// `aggregate`, in the order in which they are given here.
    ///
    /// ```
    /// use plimsoll::query::{Aggregate, Query};
    /// use plimsoll::store::{Store, StoreOptions};
    /// use plimsoll::{Batch, Group, Labels};
    ///
    /// let folder = tempfile::tempdir().unwrap();
    /// let store = Store::open(folder.path(), StoreOptions::default())?;
    /// let cpu = store.series_id(&Labels::new("cpu", [("host", "web-1")])?)?;
    /// let (times, values) = (vec![10, 20, 30], vec![4.0, 9.0, 2.0]);
    /// store.append(&Batch { groups: vec![Group { series: vec![cpu], times, values }] })?;
    ///
    /// let query = Query::new("cpu".parse()?).aggregates([Aggregate::Max, Aggregate::Mean]);
    /// for frame in query.run(&store.snapshot()?)? {
    ///     let frame = frame?;
    ///     assert_eq!((frame.row(0), frame.row(1)), (&[9.0][..], &[5.0][..]));
    ///     assert_eq!(frame.labels(1).get("aggregate"), Some("mean"));
    /// }
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    #[must_use]
    pub fn aggregates(mut self, aggregates: impl IntoIterator<Item = Aggregate>) -> Self {
        self.aggregates = aggregates.into_iter().collect();
        self
    }

    /// Only the rows that go highest, so many, the highest first: a row is ranked by its greatest
    /// value, or that of its first aggregate. Rows without a value are left out.
    ///
    /// ```
    /// use plimsoll::query::{Aggregate, Query};
    /// use plimsoll::store::{Store, StoreOptions};
    /// use plimsoll::{Batch, Group, Labels};
    ///
    /// let folder = tempfile::tempdir().unwrap();
    /// let store = Store::open(folder.path(), StoreOptions::default())?;
    /// for (host, value) in [("a", 3.0), ("b", 8.0), ("c", 5.0)] {
    ///     let cpu = store.series_id(&Labels::new("cpu", [("host", host)])?)?;
    ///     store.append(&Batch { groups: vec![Group::row(&[cpu], 1_000, &[value])] })?;
    /// }
    /// for frame in Query::new("cpu".parse()?).top(2).run(&store.snapshot()?)? {
    ///     let frame = frame?;
    ///     assert_eq!((frame.row(0), frame.row(1)), (&[8.0][..], &[5.0][..]));
    /// }
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    #[must_use]
    pub fn top(mut self, rows: usize) -> Self {
        self.rank = Some(Rank::Top(rows));
        self
    }

    /// Only the rows that go lowest, so many, the lowest first: as [`Query::top`], by their least
    /// value.
    #[must_use]
    pub fn bottom(mut self, rows: usize) -> Self {
        self.rank = Some(Rank::Bottom(rows));
        self
    }

    /// What the query may cost. Default: as much as it takes.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Lets another thread end the query.
    #[must_use]
    pub fn cancel(mut self, cancel: &Cancel) -> Self {
        self.cancel = cancel.clone();
        self
    }

    /// Whether statistics of blocks may answer in place of their samples. The answer is the same to
    /// the bit; without them it can be measured how fast samples are decoded. Default: they may.
    #[must_use]
    pub fn statistics(mut self, may_answer: bool) -> Self {
        self.statistics = may_answer;
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

    /// Where [`Query::fill`] carries values, carries each series' at least so many times as far as
    /// its own steps with data typically lie apart (the median), so that series that are sampled
    /// seldom are added up as well as those that are sampled often. Without a fill it says nothing.
    /// Default: 0.
    ///
    /// ```
    /// use plimsoll::query::{Across, Query};
    /// use plimsoll::store::{Store, StoreOptions};
    /// use plimsoll::{Batch, Group, Labels, Span};
    ///
    /// let folder = tempfile::tempdir().unwrap();
    /// let store = Store::open(folder.path(), StoreOptions::default())?;
    /// // Two hosts, each sampled once an hour, half an hour apart.
    /// for (host, minute) in [("a", 0), ("b", 30)] {
    ///     let series = vec![store.series_id(&Labels::new("used", [("host", host)])?)?];
    ///     let times = (0..4).map(|hour| (60 * hour + minute) * 60_000_000_000).collect();
    ///     store.append(&Batch { groups: vec![Group { series, times, values: vec![80.0; 4] }] })?;
    /// }
    /// let sum = Query::new("used".parse()?)
    ///     .step(Span::from_seconds(300))
    ///     .by(["zone"])
    ///     .across(Across::Sum)
    ///     .fill(Span::from_seconds(300))
    ///     .fill_spacings(1.5);
    /// let frame = sum.run(&store.snapshot()?)?.next().unwrap()?;
    /// assert!(frame.row(0)[6..].iter().all(|sum| *sum == 160.0));
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    #[must_use]
    pub fn fill_spacings(mut self, spacings: f64) -> Self {
        self.fill_spacings = spacings;
        self
    }

    /// Resolves the query; the frames are computed as they are asked for. Every row has the same
    /// steps. No series or no samples yield no frame.
    pub fn run(&self, snapshot: &Snapshot) -> Result<Frames> {
        let watch = Watch::new(self.limits, self.cancel.clone(), snapshot.elapsed());
        self.check()?;
        let selected = snapshot.select(&self.selector);
        watch.expect_series(selected.len())?;
        let many = selected.len() >= SERIES_MANY;
        let groups = group::resolve(snapshot, &selected, self.by.as_deref())?;
        let grid = Grid::new(&self.step, (self.start, self.end), snapshot.range())?;
        let asked = grid.map(|grid| self.asked(snapshot, grid, many)).transpose()?;
        Ok(Frames::new(self.clone(), snapshot.clone(), groups, asked, watch))
    }

    /// What can be said before a store is looked at.
    fn check(&self) -> Result<()> {
        if self.aggregates.is_empty() {
            return Err(Error::invalid("a query without an aggregate; give it one, as mean"));
        }
        for aggregate in &self.aggregates {
            if let Aggregate::Quantile(rank) | Aggregate::SketchQuantile(rank) = aggregate
                && !(0.0..=1.0).contains(rank)
            {
                return Err(Error::invalid(format!(
                    "quantile {rank} is outside 0 to 1; the 95th percentile is 0.95"
                )));
            }
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
        Ok(())
    }

    /// What each series is asked.
    fn asked(&self, snapshot: &Snapshot, grid: Grid, many: bool) -> Result<Asked> {
        let (tiers, raw_from) = (snapshot.tiers(), snapshot.raw_from());
        if let Some(keep) = self.keep {
            keep.refuse_rolled(&tiers, raw_from, &self.aggregates, &grid)?;
        }
        let rolled = rolled::Rolled::of_all(&tiers, raw_from, &self.aggregates, &grid)?;
        let start = scan::first_seen(&self.aggregates, &grid);
        let range = TimeRange { start, end: grid.end };
        let few_segments = snapshot.segments_in(range) <= CHUNKS_MAX;
        Ok(Asked {
            range,
            samples_max: snapshot.longest_in(range).saturating_add(rolled.samples_worth()),
            plan: Plan::new(&self.aggregates),
            rolled,
            keep: self.keep,
            statistics: match (self.statistics && few_segments, many) {
                (false, _) => Statistics::Never,
                (true, false) => Statistics::Some,
                (true, true) => Statistics::Always,
            },
            grid,
        })
    }
}
