//! Work that comes less often than a rule's window is long: a monthly job looks idle for weeks.

use crate::model::{Span, Timestamp};

/// A job that is late by no more than this share of its longest pause is still to be expected.
const PATIENCE: f64 = 1.5;

/// Work in so many first days of a host's life is its installation, where it worked later too.
const INSTALLATION_DAYS: usize = 2;

/// What the whole known history says of work that comes seldom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Recurrence {
    /// No such work: what there is comes within every window.
    None,
    /// It comes again and again, and is not overdue.
    Regular {
        /// Days from one beginning to the next, the median.
        every_days: f64,
        /// The day it last worked.
        last: Timestamp,
    },
    /// It was seen too seldom to say whether it comes again.
    Once {
        /// The day it last worked.
        last: Timestamp,
    },
    /// It worked once, and has been quiet for longer than any pause before.
    Ended {
        /// The day it last worked.
        last: Timestamp,
    },
}

/// Work of a rule day by day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Days<'a> {
    /// Start of the first.
    pub(super) first: Timestamp,
    /// Whether the first day is the first of the host's life, and not only of what is known.
    pub(super) from_birth: bool,
    /// Of each UTC day up to now, the hours that fail a test of the rule.
    pub(super) busy_hours: &'a [u8],
}

impl Days<'_> {
    /// Since when no day was busier than those of the window, which the rule calls idle: the end of
    /// the last one that was.
    pub(super) fn quiet_since(self, window: Span) -> Timestamp {
        let days = window.days().ceil().max(1.0) as usize;
        let (before, last) = self.busy_hours.split_at(self.busy_hours.len().saturating_sub(days));
        let usual = last.iter().max().copied().unwrap_or(0);
        let worked = before.iter().rposition(|hours| *hours > usual);
        self.first.plus(Span::from_days(worked.map_or(0, |day| day as i64 + 1)))
    }
}

impl Recurrence {
    /// Looks for days busier than those of the window usually are, over the whole history.
    pub(super) fn of(days: Days<'_>, window: Span, month: Span) -> Self {
        let levels = days.busy_hours;
        let window_days = window.days().ceil().max(1.0);
        let usual = median_of_last(levels, window_days as usize);
        let mut spells = spells(levels, usual);
        // Both lie in its first days only if they are one.
        if days.from_birth && spells.len() > 1 && spells[0].1 < INSTALLATION_DAYS {
            spells.remove(0);
        }
        let (Some(first), Some(latest)) = (spells.first(), spells.last()) else {
            return Self::None;
        };
        let last = days.first.plus(Span::from_days(latest.1 as i64));
        let quiet = (levels.len() - 1 - latest.1) as f64;
        let mut pauses: Vec<f64> =
            spells.windows(2).map(|pair| (pair[1].0 - pair[0].0) as f64).collect();
        pauses.sort_by(f64::total_cmp);
        let Some(longest) = pauses.last() else {
            let long = (first.1 - first.0 + 1) as f64 >= window_days;
            let over = quiet >= window_days && (long || quiet >= PATIENCE * month.days());
            return if over { Self::Ended { last } } else { Self::Once { last } };
        };
        let every_days = pauses[pauses.len() / 2];
        let due = quiet <= PATIENCE * longest;
        match (every_days > window_days, due) {
            (true, true) => Self::Regular { every_days, last },
            (false, _) if quiet <= window_days => Self::None,
            (false, true) => Self::Once { last },
            (_, false) => Self::Ended { last },
        }
    }
}

fn median_of_last(levels: &[u8], days: usize) -> u8 {
    let mut last = levels[levels.len().saturating_sub(days)..].to_vec();
    last.sort_unstable();
    // The lower of two.
    last.get(last.len().saturating_sub(1) / 2).copied().unwrap_or(0)
}

/// The first and last day of each unbroken row of days above a level.
fn spells(levels: &[u8], above: u8) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (day, _) in levels.iter().enumerate().filter(|(_, level)| **level > above) {
        match found.last_mut() {
            Some(spell) if spell.1 + 1 == day => spell.1 = day,
            _ => found.push((day, day)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONTH: Span = Span::from_days(32);

    fn of(busy_hours: &[u8], window_days: i64) -> Recurrence {
        let first = Timestamp::from_seconds(0);
        let days = Days { first, from_birth: false, busy_hours };
        Recurrence::of(days, Span::from_days(window_days), MONTH)
    }

    /// The same, of a host that was not there before.
    fn of_life(busy_hours: &[u8]) -> Recurrence {
        let days = Days { first: Timestamp::from_seconds(0), from_birth: true, busy_hours };
        Recurrence::of(days, Span::from_days(14), MONTH)
    }

    fn day(day: i64) -> Timestamp {
        Timestamp::from_seconds(day * 86_400)
    }

    /// `days` quiet days, and `hours` of work on some.
    fn quiet(days: usize, busy: &[usize], hours: u8) -> Vec<u8> {
        let mut levels = vec![0; days];
        for day in busy {
            levels[*day] = hours;
        }
        levels
    }

    #[test]
    fn a_job_each_month_is_regular_until_it_is_overdue() {
        let job = [5, 35, 65];
        let regular = Recurrence::Regular { every_days: 30.0, last: day(65) };
        assert_eq!(of(&quiet(90, &job, 2), 14), regular);
        // 45 days after the last: on the edge; one more, and it is over.
        assert_eq!(of(&quiet(111, &job, 2), 14), regular);
        assert_eq!(of(&quiet(112, &job, 2), 14), Recurrence::Ended { last: day(65) });
        // The job lies within the window.
        assert_eq!(of(&quiet(70, &job, 2), 14), regular);
        // Every night an hour, and on top of it the month's end.
        let mut nightly = vec![1; 90];
        for day in job {
            nightly[day] = 5;
        }
        assert_eq!(of(&nightly, 14), regular);
        nightly[5] = 1;
        nightly[35] = 1;
        assert_eq!(of(&nightly, 14), Recurrence::Once { last: day(65) });
    }

    #[test]
    fn what_was_seen_once_is_doubtful_for_a_month_and_a_half() {
        assert_eq!(of(&quiet(60, &[20], 3), 14), Recurrence::Once { last: day(20) });
        assert_eq!(of(&quiet(68, &[20], 3), 14), Recurrence::Once { last: day(20) });
        assert_eq!(of(&quiet(69, &[20], 3), 14), Recurrence::Ended { last: day(20) });
        assert_eq!(of(&quiet(60, &[55], 3), 14), Recurrence::Once { last: day(55) });
    }

    #[test]
    fn an_installation_is_no_job() {
        let regular = |every_days| Recurrence::Regular { every_days, last: day(31) };
        // Installed in two days, and one other spell: seen once. Three days are more than that.
        let once = Recurrence::Once { last: day(31) };
        assert_eq!(of_life(&quiet(40, &[0, 1, 31], 2)), once);
        assert_eq!(of_life(&quiet(40, &[1, 31], 2)), once, "it came late on its first day");
        assert_eq!(of_life(&quiet(40, &[0, 1, 2, 31], 2)), regular(31.0));
        assert_eq!(of_life(&quiet(40, &[2, 31], 2)), regular(29.0));
        // A host that may have been there before was not installed on the first day that is known.
        assert_eq!(of(&quiet(40, &[0, 1, 31], 2), 14), regular(31.0));
        // A job that came twice since comes again.
        let twice = Recurrence::Regular { every_days: 20.0, last: day(50) };
        assert_eq!(of_life(&quiet(60, &[0, 30, 50], 2)), twice);
        // All that was ever seen of a host leaves a doubt, as it does on any other day.
        assert_eq!(of_life(&quiet(40, &[0, 1], 2)), Recurrence::Once { last: day(1) });
    }

    #[test]
    fn a_service_that_stopped_is_over() {
        let served: Vec<usize> = (0..40).collect();
        assert_eq!(of(&quiet(60, &served, 24), 14), Recurrence::Ended { last: day(39) });
        // On workdays: its pauses are of a week.
        let workdays: Vec<usize> = (0..40).filter(|day| day % 7 < 5).collect();
        assert_eq!(of(&quiet(60, &workdays, 9), 14), Recurrence::Ended { last: day(39) });
        // The same, asked on a Sunday by a rule of one day.
        assert_eq!(
            of(&quiet(41, &workdays, 9), 1),
            Recurrence::Regular { every_days: 7.0, last: day(39) }
        );
    }

    #[test]
    fn it_is_quiet_since_the_last_day_that_was_busier() {
        let since = |levels: &[u8]| {
            let days = Days { first: day(100), from_birth: false, busy_hours: levels };
            days.quiet_since(Span::from_days(14))
        };
        assert_eq!((since(&[0; 40]), since(&[])), (day(100), day(100)));
        let served: Vec<usize> = (3..20).collect();
        assert_eq!(since(&quiet(40, &served, 24)), day(120));
        // A scan each week is no work to the rule, in the window and before it.
        let weekly: Vec<usize> = (0..60).step_by(7).collect();
        let mut levels = quiet(60, &weekly, 1);
        assert_eq!(since(&levels), day(100));
        levels[30..40].fill(24);
        assert_eq!(since(&levels), day(140));
    }

    #[test]
    fn what_every_window_sees_is_left_to_the_rule() {
        assert_eq!(of(&quiet(90, &[], 0), 14), Recurrence::None);
        let weekly: Vec<usize> = (0..90).step_by(7).collect();
        assert_eq!(of(&quiet(90, &weekly, 3), 14), Recurrence::None);
        assert_eq!(of(&[3; 90], 14), Recurrence::None);
        assert_eq!(of(&[], 14), Recurrence::None);
        // Weekly until the window, which none falls into: still to be expected, or over.
        assert_eq!(of(&quiet(90, &[48, 58, 68], 3), 14), Recurrence::Ended { last: day(68) });
        assert_eq!(of(&quiet(84, &[40, 54, 68], 3), 14), Recurrence::Once { last: day(68) });
    }
}
