//! When to scrape: at the multiples of the interval on the wall clock, whatever that clock does.

use std::time::Duration;

use super::Moment;
use crate::error::{Error, Result};
use crate::model::{Span, TimeRange, Timestamp};

/// The ticks that processor time is counted in last 10 ms: readings closer together say nothing.
pub const INTERVAL_MIN: Span = Span::from_nanos(10_000_000);
/// Nothing is said of a step of the clock below this: adjustments in use stay far under it.
const STEP_MIN: i64 = 1_000_000_000;

/// The grid of instants of one recording. It is told the time and never reads it.
#[derive(Debug, Clone)]
pub struct Schedule {
    interval: Span,
    /// The grid's instant of the last scrape, or of the start.
    last: Timestamp,
    /// Both clocks when they were last looked at.
    seen: Moment,
}

/// A scrape that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The instant that the samples are stamped with.
    pub moment: Moment,
    /// Nanoseconds by which the wall clock was set ahead (above zero) or back since the last
    /// scrape, as the monotonic clock tells; `None` where that was under a second.
    pub clock_step_nanos: Option<i64>,
    /// Where the wall clock was set back: from the first instant after this one to the last that
    /// was scraped before, whose readings are older than those of this scrape.
    pub outdated: Option<TimeRange>,
}

impl Schedule {
    /// A grid that begins after `now`.
    pub fn new(interval: Span, now: Moment) -> Result<Self> {
        if interval < INTERVAL_MIN {
            return Err(Error::invalid(format!(
                "an interval of {interval} is too short; the shortest is {INTERVAL_MIN}"
            )));
        }
        Ok(Self { interval, last: now.at.floor(interval), seen: now })
    }

    /// How long to sleep before asking again what is due.
    pub fn wait(&self, now: Timestamp) -> Duration {
        let next = now.floor(self.interval).plus(self.interval);
        Duration::from_nanos(next.since(now).nanos() as u64)
    }

    /// The scrape that is due, if one is: the wall clock stands in another interval than at the
    /// last one. A sleep that ends a little early yields none, one that ends late the latest only.
    pub fn due(&mut self, now: Moment) -> Option<Due> {
        let at = now.at.floor(self.interval);
        if at == self.last {
            return None;
        }
        let expected = self.seen.at.nanos().saturating_add(nanos(now.elapsed, self.seen.elapsed));
        let step = now.at.nanos().saturating_sub(expected);
        let clock_step_nanos = (step.unsigned_abs() >= STEP_MIN.unsigned_abs()).then_some(step);
        let outdated = (at < self.last).then(|| TimeRange {
            start: at.plus(self.interval),
            end: self.last.plus(Span::from_nanos(1)),
        });
        (self.last, self.seen) = (at, now);
        Some(Due { moment: Moment { at, elapsed: now.elapsed }, clock_step_nanos, outdated })
    }

    /// The instants of a range at which scrapes may stand.
    pub fn instants(&self, range: TimeRange) -> impl Iterator<Item = Timestamp> {
        let (first, interval) = (range.start.ceil(self.interval), self.interval);
        let all = (0..).map(move |at| first.plus(interval.times(at)));
        all.take_while(move |at| range.contains(*at))
    }
}

fn nanos(later: Duration, earlier: Duration) -> i64 {
    i64::try_from(later.saturating_sub(earlier).as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(wall_ms: i64, elapsed_ms: u64) -> Moment {
        let at = Timestamp::from_nanos(wall_ms * 1_000_000);
        Moment { at, elapsed: Duration::from_millis(elapsed_ms) }
    }

    fn due(schedule: &mut Schedule, wall_ms: i64, elapsed_ms: u64) -> Option<(i64, Option<i64>)> {
        let due = schedule.due(moment(wall_ms, elapsed_ms))?;
        let milliseconds = |nanos: i64| nanos / 1_000_000;
        Some((milliseconds(due.moment.at.nanos()), due.clock_step_nanos.map(milliseconds)))
    }

    fn schedule() -> Schedule {
        Schedule::new(Span::SECOND, moment(10_300, 0)).unwrap()
    }

    #[test]
    fn scrapes_stand_on_the_grid_and_none_comes_twice() {
        let mut schedule = schedule();
        let wait = |wall_ms: i64| schedule.wait(Timestamp::from_nanos(wall_ms * 1_000_000));
        assert_eq!(wait(10_300), Duration::from_millis(700));
        assert_eq!(wait(11_000), Duration::from_secs(1));
        assert_eq!(due(&mut schedule, 10_900, 600), None, "the interval it began in");
        assert_eq!(due(&mut schedule, 11_002, 702), Some((11_000, None)));
        assert_eq!(due(&mut schedule, 11_999, 1_699), None, "woken too early");
        assert_eq!(due(&mut schedule, 12_000, 1_700), Some((12_000, None)));
        assert_eq!(due(&mut schedule, 15_400, 5_100), Some((15_000, None)), "held up");
        assert_eq!(due(&mut schedule, 16_000, 5_700), Some((16_000, None)));
    }

    #[test]
    fn a_clock_that_is_set_stops_nothing() {
        let mut schedule = schedule();
        assert_eq!(due(&mut schedule, 11_000, 700), Some((11_000, None)));
        assert_eq!(due(&mut schedule, 4_000, 1_700), Some((4_000, Some(-8_000))), "set back");
        assert_eq!(due(&mut schedule, 5_000, 2_700), Some((5_000, None)), "and on from there");
        let years = 10 * 365 * 86_400_000;
        assert_eq!(due(&mut schedule, years, 3_700), Some((years, Some(years - 6_000))));
        assert_eq!(due(&mut schedule, 7_000, 4_700), Some((7_000, Some(-years + 6_000))));
        assert_eq!(due(&mut schedule, 8_200, 5_700), Some((8_000, None)), "slewed a little");
        // The ends of what a timestamp can say.
        let at =
            |nanos| Moment { at: Timestamp::from_nanos(nanos), elapsed: Duration::from_secs(6) };
        assert!(schedule.due(at(i64::MAX)).is_some_and(|due| due.clock_step_nanos.is_some()));
        assert!(schedule.due(at(i64::MIN)).is_some_and(|due| due.clock_step_nanos.is_some()));
        assert!(schedule.wait(Timestamp::MAX) <= Duration::from_secs(1));
    }

    #[test]
    fn a_clock_that_is_set_back_outdates_the_instants_before_it() {
        let mut schedule = schedule();
        let mut outdated = |wall_ms, elapsed_ms| -> Vec<i64> {
            let due = schedule.due(moment(wall_ms, elapsed_ms)).unwrap();
            let range = due.outdated.into_iter();
            let all = range.flat_map(|range| schedule.instants(range).collect::<Vec<_>>());
            all.map(|at| at.nanos() / 1_000_000_000).collect()
        };
        let none: [i64; 0] = [];
        assert_eq!(outdated(20_000, 9_700), none);
        assert_eq!(outdated(17_400, 10_700), [18, 19, 20]);
        assert_eq!(outdated(18_000, 11_300), none, "on from there");
        assert_eq!(outdated(17_999, 11_900), [18], "by less than a second");
        assert_eq!(outdated(90_000, 12_700), none);
    }

    #[test]
    fn intervals_under_a_tick_are_refused() {
        let refused = Schedule::new(Span::from_nanos(9_999_999), moment(0, 0)).unwrap_err();
        assert!(refused.to_string().contains("the shortest is 10ms"), "{refused}");
        assert!(Schedule::new(Span::ZERO, moment(0, 0)).is_err());
    }
}
