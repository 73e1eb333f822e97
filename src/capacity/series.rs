//! One row of a frame with its times, cut to what the study looks at.

use crate::model::{Span, Timestamp};

/// Values on a regular time axis; what is not finite is a gap.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowSeries<'a> {
    start: Timestamp,
    step: Span,
    values: &'a [f64],
}

impl<'a> RowSeries<'a> {
    pub(super) fn new(start: Timestamp, step: Span, values: &'a [f64]) -> Self {
        Self { start, step, values }
    }

    /// The steps that start in `[from, to)`.
    #[must_use]
    pub(super) fn cut(self, from: Timestamp, to: Timestamp) -> Self {
        let columns = |until: Timestamp| {
            let step = self.step.nanos_unsigned().max(1);
            let whole = until.since(self.start).nanos_unsigned().div_ceil(step);
            usize::try_from(whole).unwrap_or(usize::MAX).min(self.values.len())
        };
        let (first, end) = (columns(from), columns(to));
        Self {
            start: self.time(first),
            step: self.step,
            values: self.values.get(first..end).unwrap_or(&[]),
        }
    }

    pub(super) fn step(self) -> Span {
        self.step
    }

    #[cfg(test)]
    pub(super) fn values(self) -> &'a [f64] {
        self.values
    }

    fn time(self, column: usize) -> Timestamp {
        self.start.plus(self.step.times(column))
    }

    /// The steps with data: their starts and values.
    pub(super) fn samples(self) -> impl DoubleEndedIterator<Item = (Timestamp, f64)> + 'a {
        let steps = self.values.iter().enumerate();
        steps.filter(|(_, value)| value.is_finite()).map(move |(at, value)| (self.time(at), *value))
    }

    /// The steps in which this row and another over the same steps have data: their starts, and
    /// both values.
    pub(super) fn pairs(self, other: Self) -> impl Iterator<Item = (Timestamp, f64, f64)> + 'a {
        let both = self.values.iter().zip(other.values).enumerate();
        let known = both.filter(|(_, (a, b))| a.is_finite() && b.is_finite());
        known.map(move |(at, (a, b))| (self.time(at), *a, *b))
    }

    /// The hours with data (steps, where those are longer): their starts and means.
    pub(super) fn hours(self) -> impl Iterator<Item = (Timestamp, f64)> + 'a {
        let mut samples = self.samples().peekable();
        std::iter::from_fn(move || {
            let (at, value) = samples.next()?;
            let hour = at.floor(Span::HOUR);
            let (mut sum, mut count) = (value, 1.0);
            while let Some((_, value)) = samples.next_if(|(at, _)| at.floor(Span::HOUR) == hour) {
                sum += value;
                count += 1.0;
            }
            Some((hour, sum / count))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_seconds(minutes * 60)
    }

    #[test]
    fn cuts_are_half_open_and_stay_inside() {
        let values: Vec<f64> = (0..10).map(f64::from).collect();
        let series = RowSeries::new(at(0), Span::MINUTE, &values);
        for (from, to, expected) in [
            (at(2), at(4), &values[2..4]),
            (Timestamp::from_seconds(61), at(4), &values[2..4]),
            (Timestamp::MIN, Timestamp::MAX, &values[..]),
            (at(8), at(20), &values[8..]),
            (at(5), at(3), &values[..0]),
            (at(50), at(60), &values[..0]),
        ] {
            assert_eq!(series.cut(from, to).values(), expected);
        }
        assert_eq!(series.cut(at(2), at(4)).samples().next(), Some((at(2), 2.0)));
    }

    #[test]
    fn pairs_are_of_steps_that_both_know() {
        let (a, b) = ([1.0, f64::NAN, 3.0, 4.0], [5.0, 6.0, f64::INFINITY, 8.0, 9.0]);
        let series = |values| RowSeries::new(at(0), Span::MINUTE, values);
        let pairs: Vec<_> = series(&a).pairs(series(&b)).collect();
        assert_eq!(pairs, [(at(0), 1.0, 5.0), (at(3), 4.0, 8.0)]);
    }

    #[test]
    fn hours_average_what_is_there() {
        let values = [1.0, f64::NAN, 3.0, f64::INFINITY, f64::NAN, 7.0];
        let series = RowSeries::new(at(0), Span::from_seconds(1_800), &values);
        let hours: Vec<_> = series.hours().collect();
        assert_eq!(hours, [(at(0), 1.0), (at(60), 3.0), (at(120), 7.0)]);
    }
}
