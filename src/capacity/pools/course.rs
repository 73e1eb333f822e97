//! What changes for a resource of a pool in the days ahead: by what its demand is multiplied, and
//! what counts as full.

use std::collections::BTreeSet;

use crate::capacity::exhaustion::LinePath;

/// The days ahead of a resource: from each day on, a factor of its demand and its line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Course(Vec<Stretch>);

/// From one change to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stretch {
    /// The day ahead on which it begins; 0 is today.
    pub(super) day: usize,
    pub(super) demand_factor: f64,
    pub(super) line: f64,
}

impl Stretch {
    /// The line for demand as it is: demand that grows by a factor and a line that falls by it come
    /// to the same.
    fn level(&self) -> f64 {
        self.line / self.demand_factor
    }
}

impl Course {
    /// Nothing changes.
    pub(super) fn new(line: f64) -> Self {
        Self(vec![Stretch { day: 0, demand_factor: 1.0, line }])
    }

    /// The same course, changed from a day on that is not before the last change.
    #[must_use]
    pub(super) fn then(mut self, stretch: Stretch) -> Self {
        while self.0.last().is_some_and(|last| last.day >= stretch.day) {
            self.0.pop();
        }
        self.0.push(stretch);
        self
    }

    /// What holds on a day ahead.
    pub(super) fn on(&self, day: usize) -> Stretch {
        let past = self.0.iter().rev().find(|stretch| stretch.day <= day);
        past.copied().unwrap_or(self.0[0])
    }

    /// Of the changes after `from` and up to `until`, each day before: that on which a stretch asks
    /// for the most, for a trend only leads up.
    pub(super) fn days_before_changes(&self, from: usize, until: usize) -> Vec<usize> {
        let changes = self.0.iter().map(|stretch| stretch.day);
        changes.filter(|day| *day > from && *day <= until).map(|day| day - 1).collect()
    }

    /// The stretch that leaves demand as it is the lowest line, the first of several, where that is
    /// lower than a line.
    pub(super) fn tightest(&self, line: f64) -> Option<Stretch> {
        let tighter = self.0.iter().filter(|stretch| stretch.level() < line);
        tighter.min_by(|a, b| a.level().total_cmp(&b.level())).copied()
    }

    /// The same course, were no day before one on which a stretch begins tighter than that day.
    pub(super) fn eased_until(&self, day: usize) -> Self {
        let then = self.on(day);
        let eased = |stretch: &Stretch| {
            let is_tighter = stretch.day < day && stretch.level() < then.level();
            if is_tighter { Stretch { day: stretch.day, ..then } } else { *stretch }
        };
        Self::of(self.0.iter().map(eased))
    }

    /// The same course, were no day before `until` tighter than on another course.
    pub(super) fn eased_to(&self, other: &Self, until: usize) -> Self {
        let eased = |day: usize| {
            let is_tighter = day < until && self.is_tighter_on(day, other);
            Stretch { day, ..if is_tighter { other.on(day) } else { self.on(day) } }
        };
        Self::of(self.days_of_both(other).map(eased))
    }

    /// Until when a time lasts in which it is tighter than another course; `None` where it is not
    /// on that day, or for good.
    pub(super) fn tighter_until(&self, other: &Self, day: usize) -> Option<usize> {
        if !self.is_tighter_on(day, other) {
            return None;
        }
        let mut days = self.days_of_both(other);
        days.find(|later| *later > day && !self.is_tighter_on(*later, other))
    }

    fn is_tighter_on(&self, day: usize, other: &Self) -> bool {
        self.on(day).level() < other.on(day).level()
    }

    /// The days on which either course changes, in order.
    fn days_of_both(&self, other: &Self) -> impl Iterator<Item = usize> {
        let days = self.0.iter().chain(&other.0).map(|stretch| stretch.day);
        days.collect::<BTreeSet<usize>>().into_iter()
    }

    /// Stretches in order, of which those that change nothing are left out.
    fn of(stretches: impl Iterator<Item = Stretch>) -> Self {
        let mut stretches: Vec<Stretch> = stretches.collect();
        stretches.dedup_by(|later, before| *later == Stretch { day: later.day, ..*before });
        Self(stretches)
    }

    /// The line that demand as it is would have to be held against.
    pub(super) fn line(&self) -> LinePath {
        let first = LinePath::new(self.0[0].level());
        self.0.iter().skip(1).fold(first, |line, stretch| line.then(stretch.day, stretch.level()))
    }
}
