//! Rows that add several series up: whose limit counts on which day.
//!
//! In: the last sample of each day of every series of a table's usage, and of its limit. Out: the
//! limit of each row, day by day, and who is used without one. Never: the sum of only those series
//! that happened to be sampled on a day.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::study::Across;
use crate::error::{Error, Result};
use crate::model::{Frame, Labels, METRIC_LABEL, Span, Timestamp};

/// Adds up the limits of the series behind each row of the tables of one resource.
///
/// The limit of a series is its latest known one, and counts for as long as what it is the limit of
/// is used: up to a day after the last sample of that usage, or 1.5 times the typical distance of
/// its samples where that is longer. Who is gone counts no more; who is merely sampled later than
/// the others, or whose limit is seldom told, does.
///
/// ```
/// use plimsoll::capacity::study::Across;
/// use plimsoll::capacity::MemberLimits;
/// use plimsoll::{Frame, Labels, Span, Timestamp};
/// let names = ["a", "b"].map(|host| Labels::from_pairs([("host", host), ("zone", "z")]));
/// let names = names.into_iter().collect::<Result<Vec<_>, _>>()?;
/// let start = Timestamp::from_seconds(0);
/// let frame = |values| Frame::new(start, Span::DAY, 2, names.clone(), values);
/// let mut members = MemberLimits::new(Across::Sum);
/// // On the second day only one of the two was sampled before the data ends.
/// members.add_usage(&frame(vec![50.0, 50.0, 50.0, f64::NAN])?)?;
/// members.add_limit(&frame(vec![100.0, 100.0, 100.0, f64::NAN])?)?;
/// let limits = members.by(&["zone".to_owned()])?.expect("there are rows");
/// assert_eq!(limits.frame.row(0), [200.0, 200.0]);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct MemberLimits {
    across: Across,
    days: Option<Days>,
    usage: Vec<Series>,
    limits: Vec<Series>,
}

/// What the members of each row have together.
#[derive(Debug, Clone)]
pub struct LimitsByDay {
    /// One row for each set of the table's labels; NaN where no member counts.
    pub frame: Frame,
    /// Who is used without any limit, in rows in which others have one: the labels of the row, and
    /// of the member.
    pub unlimited: Vec<(Labels, Labels)>,
}

/// The limit of each row, day by day.
type Rows = BTreeMap<Labels, Vec<f64>>;

/// The steps of every frame.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Days {
    start: Timestamp,
    step: Span,
    count: usize,
}

/// One series: on which days it has samples, and which values from which day on.
#[derive(Debug, Clone)]
struct Series {
    labels: Labels,
    seen: Vec<bool>,
    changes: Vec<(usize, f64)>,
}

impl MemberLimits {
    /// Of no series yet.
    pub fn new(across: Across) -> Self {
        Self { across, days: None, usage: Vec::new(), limits: Vec::new() }
    }

    /// Takes some series of the usage, one row each.
    ///
    /// # Errors
    ///
    /// Where the steps are not those of the frames before, or of no one length.
    pub fn add_usage(&mut self, usage: &Frame) -> Result<()> {
        self.expect(usage)?;
        self.usage.extend(usage.rows().map(|(labels, values)| Series::of(labels, values)));
        Ok(())
    }

    /// Takes some series of the limit, one row each. Where series are counted there are none.
    ///
    /// # Errors
    ///
    /// As of [`MemberLimits::add_usage`].
    pub fn add_limit(&mut self, limit: &Frame) -> Result<()> {
        self.expect(limit)?;
        self.limits.extend(limit.rows().map(|(labels, values)| Series::of(labels, values)));
        Ok(())
    }

    fn expect(&mut self, frame: &Frame) -> Result<()> {
        let step = frame.step().ok_or_else(|| Error::invalid("limits take equal steps"))?;
        let days = Days { start: frame.start(), step, count: frame.steps() };
        if *self.days.get_or_insert(days) != days {
            return Err(Error::invalid("usage and limit have different steps; query them alike"));
        }
        Ok(())
    }

    /// The sums of a table whose rows these labels tell apart; `None` where there is no row.
    ///
    /// # Errors
    ///
    /// None that a caller could cause.
    pub fn by(&self, labels: &[String]) -> Result<Option<LimitsByDay>> {
        let Some(days) = self.days else { return Ok(None) };
        let (rows, unlimited) = match self.across {
            Across::Count => (self.counted(days, labels), Vec::new()),
            Across::Sum => self.summed(days, labels),
        };
        if rows.is_empty() {
            return Ok(None);
        }
        let (labels, values): (Vec<Labels>, Vec<Vec<f64>>) = rows.into_iter().unzip();
        let frame = Frame::new(days.start, days.step, days.count, labels, values.concat())?;
        Ok(Some(LimitsByDay { frame, unlimited }))
    }

    /// How many series of the usage each row has.
    fn counted(&self, days: Days, by: &[String]) -> Rows {
        let mut rows = Rows::new();
        for series in &self.usage {
            let row = rows.entry(series.labels.project(by));
            let row = row.or_insert_with(|| vec![f64::NAN; days.count]);
            let latest = Seen::of(&series.seen);
            (0..days.count).filter(|day| latest.lately(*day)).for_each(|day| add(row, day, 1.0));
        }
        rows
    }

    fn summed(&self, days: Days, by: &[String]) -> (Rows, Vec<(Labels, Labels)>) {
        let names = self.shared_names(by);
        let (used, told) = (together(&self.usage, &names), together(&self.limits, &names));
        let mut rows = Rows::new();
        for series in &self.limits {
            let row = rows.entry(series.labels.project(by));
            let row = row.or_insert_with(|| vec![f64::NAN; days.count]);
            let member = series.labels.project(&names);
            let own = Seen::of(&series.seen);
            let used = used.get(&member).unwrap_or(&own);
            let told = told.get(&member).unwrap_or(&own);
            let mut changes = series.changes.iter().peekable();
            let mut value = f64::NAN;
            for day in 0..days.count {
                while let Some((_, latest)) = changes.next_if(|(from, _)| *from <= day) {
                    value = *latest;
                }
                // One of several disks of a host may go and the host stay.
                if used.lately(day) && !own.stopped_before(told, day) && !value.is_nan() {
                    add(row, day, value);
                }
            }
        }
        let unlimited = used.into_keys().filter(|member| !told.contains_key(member));
        let unlimited = unlimited.map(|member| (member.project(by), member));
        let mut unlimited: Vec<_> = unlimited.filter(|(row, _)| rows.contains_key(row)).collect();
        unlimited.sort();
        (rows, unlimited)
    }

    /// The labels by which a series of the usage finds its limit: those of the row, and those of
    /// which both have some value alike.
    fn shared_names(&self, by: &[String]) -> Vec<String> {
        let pairs = |all: &[Series]| -> BTreeSet<(String, String)> {
            let pairs = all.iter().flat_map(|series| series.labels.iter());
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        let shared = pairs(&self.usage);
        let shared = pairs(&self.limits).into_iter().filter(|pair| shared.contains(pair));
        let names = shared.map(|(name, _)| name).filter(|name| name != METRIC_LABEL);
        names.chain(by.iter().cloned()).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

impl Series {
    fn of(labels: &Labels, values: &[f64]) -> Self {
        let mut changes: Vec<(usize, f64)> = Vec::new();
        for (day, value) in values.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
            if changes.last().is_none_or(|(_, before)| before != value) {
                changes.push((day, *value));
            }
        }
        let seen = values.iter().map(|value| !value.is_nan()).collect();
        Self { labels: labels.clone(), seen, changes }
    }
}

/// On which day something was seen last, as seen from each day, and how long that holds.
#[derive(Debug, Clone)]
struct Seen {
    latest: Vec<Option<usize>>,
    holds_days: usize,
}

impl Seen {
    fn of(seen: &[bool]) -> Self {
        let mut last = None;
        let mut gaps: Vec<usize> = Vec::new();
        let latest = seen.iter().enumerate().map(|(day, seen)| {
            if *seen {
                gaps.extend(last.map(|last| day - last));
                last = Some(day);
            }
            last
        });
        let latest = latest.collect();
        gaps.sort_unstable();
        let typical = gaps.get(gaps.len() / 2).copied().unwrap_or(1);
        Self { latest, holds_days: typical + typical / 2 }
    }

    fn on(&self, day: usize) -> Option<usize> {
        self.latest.get(day).copied().flatten()
    }

    /// Whether it was seen on a day, or so shortly before that it may come again.
    fn lately(&self, day: usize) -> bool {
        self.on(day).is_some_and(|last| day - last <= self.holds_days)
    }

    /// Whether all of which this is a part was seen on, and this was not.
    fn stopped_before(&self, all: &Self, day: usize) -> bool {
        match (self.on(day), all.on(day)) {
            (Some(own), Some(any)) => any - own > self.holds_days,
            _ => false,
        }
    }
}

/// When any series with the same values of these labels was seen.
fn together(all: &[Series], names: &[String]) -> HashMap<Labels, Seen> {
    let mut seen: HashMap<Labels, Vec<bool>> = HashMap::new();
    for series in all {
        let member = seen.entry(series.labels.project(names));
        let member = member.or_insert_with(|| vec![false; series.seen.len()]);
        member.iter_mut().zip(&series.seen).for_each(|(any, seen)| *any |= seen);
    }
    seen.into_iter().map(|(labels, seen)| (labels, Seen::of(&seen))).collect()
}

fn add(row: &mut [f64], day: usize, value: f64) {
    if let Some(place) = row.get_mut(day) {
        *place = if place.is_nan() { value } else { *place + value };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAP: f64 = f64::NAN;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        Labels::from_pairs(pairs.iter().copied()).unwrap()
    }

    /// The labels and the values of a series.
    type Line<'a> = (Vec<(&'a str, &'a str)>, Vec<f64>);

    fn host(host: &str) -> Vec<(&str, &str)> {
        vec![("host", host), ("zone", "z")]
    }

    fn frame(rows: &[Line<'_>]) -> Frame {
        let names = rows.iter().map(|(pairs, _)| labels(pairs)).collect();
        let values: Vec<f64> = rows.iter().flat_map(|(_, values)| values.clone()).collect();
        let steps = rows[0].1.len();
        Frame::new(Timestamp::from_seconds(0), Span::DAY, steps, names, values).unwrap()
    }

    fn sums(usage: &[Line<'_>], limits: &[Line<'_>]) -> LimitsByDay {
        let mut members = MemberLimits::new(Across::Sum);
        members.add_usage(&frame(usage)).unwrap();
        members.add_limit(&frame(limits)).unwrap();
        members.by(&["zone".to_owned()]).unwrap().unwrap()
    }

    #[test]
    fn a_day_that_has_just_begun_takes_no_limit_away() {
        let late = vec![1.0, 1.0, 1.0, GAP];
        let usage = [(host("a"), vec![1.0; 4]), (host("b"), late.clone())];
        let limits = [(host("a"), vec![100.0; 4]), (host("b"), late)];
        assert_eq!(sums(&usage, &limits).frame.row(0), [101.0; 4]);
    }

    #[test]
    fn a_limit_that_is_told_no_more_counts_while_its_host_is_used() {
        let usage = [(host("a"), vec![1.0; 6]), (host("b"), vec![1.0; 6])];
        let once = vec![40.0, GAP, GAP, GAP, GAP, GAP];
        let limits = [(host("a"), vec![60.0; 6]), (host("b"), once)];
        assert_eq!(sums(&usage, &limits).frame.row(0), [100.0; 6]);
    }

    #[test]
    fn who_is_gone_counts_no_more_and_who_is_seldom_seen_does() {
        let gone = vec![1.0, 1.0, 1.0, GAP, GAP, GAP];
        let usage = [(host("a"), vec![1.0; 6]), (host("b"), gone)];
        let limits = [(host("a"), vec![60.0; 6]), (host("b"), vec![40.0; 6])];
        let found = sums(&usage, &limits);
        assert_eq!(found.frame.row(0), [100.0, 100.0, 100.0, 100.0, 60.0, 60.0]);
        // Every third day, the last time four days ago.
        let mut seldom = vec![GAP; 12];
        for day in [1, 4, 7] {
            seldom[day] = 1.0;
        }
        let usage = [(host("a"), vec![1.0; 12]), (host("b"), seldom)];
        let limits = [(host("a"), vec![60.0; 12]), (host("b"), vec![40.0; 12])];
        let found = sums(&usage, &limits);
        assert_eq!((found.frame.row(0)[11], found.frame.row(0)[0]), (100.0, 60.0));
    }

    #[test]
    fn a_part_of_a_member_may_go() {
        let disk = |host, disk| vec![("host", host), ("zone", "z"), ("disk", disk)];
        let usage = [(host("a"), vec![1.0; 5])];
        let removed = vec![5.0, 5.0, GAP, GAP, GAP];
        let limits = [(disk("a", "0"), vec![10.0; 5]), (disk("a", "1"), removed)];
        assert_eq!(sums(&usage, &limits).frame.row(0), [15.0, 15.0, 15.0, 10.0, 10.0]);
    }

    #[test]
    fn labels_that_say_usage_or_limit_do_not_part_them() {
        let with = |host, kind| vec![("host", host), ("zone", "z"), ("kind", kind)];
        let usage = [(with("a", "used"), vec![1.0; 4]), (with("b", "used"), vec![1.0; 4])];
        let once = vec![40.0, GAP, GAP, GAP];
        let limits = [(with("a", "total"), vec![60.0; 4]), (with("b", "total"), once)];
        assert_eq!(sums(&usage, &limits).frame.row(0), [100.0; 4]);
    }

    #[test]
    fn members_without_a_limit_are_named_where_others_have_one() {
        let mut usage = vec![(host("a"), vec![1.0; 2]), (host("c"), vec![1.0; 2])];
        usage.push((vec![("host", "d"), ("zone", "y")], vec![1.0; 2]));
        let found = sums(&usage, &[(host("a"), vec![60.0; 2])]);
        let zone = labels(&[("zone", "z")]);
        assert_eq!(found.unlimited, [(zone, labels(&host("c")))]);
    }

    #[test]
    fn a_number_holds_for_every_series_that_is_used() {
        let mut members = MemberLimits::new(Across::Count);
        let late = vec![1.0, 1.0, 1.0, GAP];
        let gone = vec![1.0, GAP, GAP, GAP];
        let usage = [(host("a"), vec![1.0; 4]), (host("b"), late), (host("c"), gone)];
        members.add_usage(&frame(&usage)).unwrap();
        let found = members.by(&["zone".to_owned()]).unwrap().unwrap();
        assert_eq!(found.frame.row(0), [3.0, 3.0, 2.0, 2.0]);
    }

    #[test]
    fn frames_of_other_steps_are_refused() {
        let mut members = MemberLimits::new(Across::Sum);
        members.add_usage(&frame(&[(host("a"), vec![1.0; 2])])).unwrap();
        assert!(members.add_limit(&frame(&[(host("a"), vec![1.0; 3])])).is_err());
        assert!(MemberLimits::new(Across::Sum).by(&[]).unwrap().is_none());
    }
}
