//! What changes for a resource of a pool in the days ahead: by what its demand is multiplied, and
//! what counts as full.

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
        let level = |stretch: &Stretch| stretch.line / stretch.demand_factor;
        let tighter = self.0.iter().filter(|stretch| level(stretch) < line);
        tighter.min_by(|a, b| level(a).total_cmp(&level(b))).copied()
    }

    /// The line that demand as it is would have to be held against: demand that grows by a factor
    /// and a line that falls by it come to the same.
    pub(super) fn line(&self) -> LinePath {
        let level = |stretch: &Stretch| stretch.line / stretch.demand_factor;
        let first = LinePath::new(level(&self.0[0]));
        self.0.iter().skip(1).fold(first, |line, stretch| line.then(stretch.day, level(stretch)))
    }
}
