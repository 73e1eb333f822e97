//! The line that peaks are held against, where it is not the same on all days ahead.

use super::fit::Fit;

/// What counts as full, from today on: a level, and the days on which it becomes another. Hosts
/// that come or go move it; demand that grows by a factor moves it down by the same.
///
/// ```
/// use plimsoll::capacity::exhaustion::LinePath;
/// // 100 today; from the tenth day ahead on 80.
/// let line = LinePath::new(100.0).then(10, 80.0);
/// assert_eq!((line.today(), line.on(9), line.on(10)), (100.0, 100.0, 80.0));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LinePath {
    today: f64,
    /// Days ahead, rising from 1, and the level from then on.
    changes: Vec<(usize, f64)>,
}

/// The same in the scale of a fit: from which day ahead on, and the mark of each weekday.
pub(super) type Marks = (usize, [f64; 7]);

impl LinePath {
    /// The same level on all days.
    pub fn new(level: f64) -> Self {
        Self { today: level, changes: Vec::new() }
    }

    /// The same path, at `level` from the day `days_ahead` on. A day that is not behind the last
    /// change takes its place; day 0 is today.
    #[must_use]
    pub fn then(mut self, days_ahead: usize, level: f64) -> Self {
        while self.changes.last().is_some_and(|(day, _)| *day >= days_ahead) {
            self.changes.pop();
        }
        if days_ahead == 0 {
            self.today = level;
        } else if level.to_bits() != self.end().to_bits() {
            self.changes.push((days_ahead, level));
        }
        self
    }

    /// The same path with every level made another.
    #[must_use]
    pub(super) fn map(&self, level: impl Fn(f64) -> f64) -> Self {
        let first = Self::new(level(self.today));
        self.changes.iter().fold(first, |line, (day, old)| line.then(*day, level(*old)))
    }

    /// The level today.
    pub fn today(&self) -> f64 {
        self.today
    }

    /// The level at the end.
    pub fn end(&self) -> f64 {
        self.changes.last().map_or(self.today, |(_, level)| *level)
    }

    /// The level on a day ahead.
    pub fn on(&self, days_ahead: usize) -> f64 {
        let past = self.changes.iter().rev().find(|(day, _)| *day <= days_ahead);
        past.map_or(self.today, |(_, level)| *level)
    }

    /// Every level with the day ahead from which it holds, the first from today.
    pub fn levels(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        std::iter::once((0, self.today)).chain(self.changes.iter().copied())
    }

    pub(super) fn marks(&self, fit: &Fit) -> Vec<Marks> {
        self.levels().map(|(day, level)| (day, fit.marks(level))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_changes_take_the_place_of_earlier_ones() {
        let line = LinePath::new(9.0).then(5, 8.0).then(7, 8.0).then(9, 6.0).then(8, 7.0);
        assert_eq!(line.levels().collect::<Vec<_>>(), [(0, 9.0), (5, 8.0), (8, 7.0)]);
        assert_eq!((line.on(0), line.on(4), line.on(5), line.end()), (9.0, 9.0, 8.0, 7.0));
        assert_eq!(line.then(0, 1.0), LinePath::new(1.0));
    }
}
