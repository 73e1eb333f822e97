//! Which instants a live store takes, by the wall clock: a sample of next year is a mistake, and
//! would be the newest sample of its series for a year. What lies before the last retention is not
//! taken either.
//!
//! But for retention the window follows the clock and nothing else. It has no mark that only rises,
//! so a clock that is set back, or was ahead for a while, keeps no right sample out, and one host's
//! wrong clock is no matter of another's.

use std::fmt;
use std::time::Duration;

use crate::model::{Batch, Group, Span, TimeRange, Timestamp};

/// A step ahead that no pause of a machine explains, but a wrong clock does.
const STEP_MAX: Span = Span::from_days(365);
/// A clock that says less was never set: what it is set to is not doubted. 2020-01-01.
const SET_FROM: Timestamp = Timestamp::from_seconds(1_577_836_800);
/// A large step that stands this long is believed, so that a store is never stuck.
const PATIENCE: Duration = Duration::from_hours(1);

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The sequence number of the batch; that of the last batch before where all was refused.
    pub sequence: u64,
    /// What was refused, if anything.
    pub refused: Option<Refused>,
}

/// Rows that were not taken because of their instants: too far from the clock, or before the last
/// retention. All other rows of the batch were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Samples in the refused rows.
    pub samples: u64,
    /// The place of the first group with a refused row in the batch.
    pub group: usize,
    /// The instant of that row.
    pub at: Timestamp,
    /// What was taken at that moment.
    pub window: TimeRange,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { samples, group, at, window: TimeRange { start, end } } = self;
        write!(f, "{samples} samples were refused: the first, of group {group}, is of {at}, ")?;
        if at < start { write!(f, "before {start}") } else { write!(f, "not before {end}") }
    }
}

/// The wall clock, as far as it is to be believed.
#[derive(Debug, Default)]
pub(super) struct WallClock {
    /// Wall clock and monotonic clock when they were last believed.
    believed: Option<(Timestamp, Duration)>,
    doubted_since: Option<Duration>,
}

impl WallClock {
    /// The time, given what both clocks say. Where the wall clock has gone a year or more ahead of
    /// the monotonic one, the latter counts, for an hour at most.
    pub(super) fn now(&mut self, says: Timestamp, elapsed: Duration) -> Timestamp {
        if let Some((at, then)) = self.believed {
            let since = i64::try_from(elapsed.saturating_sub(then).as_nanos()).unwrap_or(i64::MAX);
            let expected = at.plus(Span::from_nanos(since));
            let doubted = *self.doubted_since.get_or_insert(elapsed);
            let patient = elapsed.saturating_sub(doubted) < PATIENCE;
            if says.since(expected) >= STEP_MAX && at >= SET_FROM && patient {
                return expected;
            }
        }
        (self.believed, self.doubted_since) = (Some((says, elapsed)), None);
        says
    }
}

/// The rows of a batch inside a window: `None` where all are, so that nothing is copied.
pub(super) fn cut(batch: &Batch, window: TimeRange) -> Option<(Batch, Refused)> {
    let outside = |time: &i64| !window.contains(Timestamp::from_nanos(*time));
    let first = |(at, group): (usize, &Group)| {
        group.times.iter().copied().find(outside).map(|time| (at, time))
    };
    let (group, time) = batch.groups.iter().enumerate().find_map(first)?;
    let at = Timestamp::from_nanos(time);
    let mut refused = Refused { samples: 0, group, at, window };
    let mut kept = Batch::default();
    for group in &batch.groups {
        let rows = || group.times.iter().enumerate().filter(|(_, time)| !outside(time));
        let times: Vec<i64> = rows().map(|(_, time)| *time).collect();
        refused.samples += ((group.times.len() - times.len()) * group.series.len()) as u64;
        if times.is_empty() {
            continue;
        }
        let column = |at: usize| rows().filter_map(move |(row, _)| group.column(at).get(row));
        let values = (0..group.series.len()).flat_map(column).copied().collect();
        kept.groups.push(Group { series: group.series.clone(), times, values });
    }
    Some((kept, refused))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SeriesId;

    const DAY: i64 = 86_400;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_768_608_000 + seconds)
    }

    #[test]
    fn a_clock_that_is_set_is_believed_unless_it_went_years_ahead() {
        let mut clock = WallClock::default();
        let mut now = |wall, elapsed| clock.now(wall, Duration::from_secs(elapsed));
        assert_eq!(now(at(0), 100), at(0));
        assert_eq!(now(at(-3_600), 101), at(-3_600), "an hour back, as at the end of DST");
        assert_eq!(now(at(1), 102), at(1), "an hour ahead");
        assert_eq!(now(at(90 * DAY), 103), at(90 * DAY), "the machine was paused for months");
        let years = 3_650 * DAY;
        assert_eq!(now(at(90 * DAY + years), 104), at(90 * DAY + 1), "ten years ahead");
        assert_eq!(now(at(90 * DAY + 2), 105), at(90 * DAY + 2), "and right again");
        let far = at(90 * DAY + years);
        assert_eq!(now(far, 106), at(90 * DAY + 3));
        assert_eq!(now(far, 106 + 3_599), at(90 * DAY + 3_602));
        assert_eq!(now(far, 106 + 3_600), far, "after an hour it is believed");
        assert_eq!(now(Timestamp::MIN, 9_000), Timestamp::MIN);
        assert_eq!(now(far, 9_001), far, "a clock that was never set");
        assert_eq!(now(Timestamp::MAX, 9_002), far.plus(Span::SECOND));
    }

    #[test]
    fn rows_outside_are_left_out_and_all_others_stay() {
        let ids = [SeriesId(1), SeriesId(2)];
        let mixed = Group {
            series: ids.to_vec(),
            times: vec![5, 50, 6, -1],
            values: vec![1.0, 2.0, 3.0, 4.0, 10.0, 20.0, 30.0, 40.0],
        };
        let right = Group::row(&ids, 7, &[7.0, 70.0]);
        let wrong = Group::row(&ids[..1], 10, &[8.0]);
        let window = TimeRange { start: Timestamp::from_nanos(0), end: Timestamp::from_nanos(10) };
        assert_eq!(cut(&Batch { groups: vec![right.clone()] }, window), None);
        let batch = Batch { groups: vec![right.clone(), mixed, wrong] };
        let (kept, refused) = cut(&batch, window).unwrap();
        let rest =
            Group { series: ids.to_vec(), times: vec![5, 6], values: vec![1.0, 3.0, 10.0, 30.0] };
        assert_eq!(kept.groups, [right, rest]);
        assert_eq!((refused.samples, refused.group, refused.at.nanos()), (5, 1, 50));
        assert!(refused.to_string().contains("5 samples were refused: the first, of group 1"));
    }
}
