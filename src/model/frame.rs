//! The frame: the one type that the storage arm hands to the reasoning arm.

use ndarray::{Array2, ArrayView2, Axis};

use super::{CalendarSteps, Labels, Span, Timestamp};
use crate::error::{Error, Result};

/// One time axis and one row of values per series; a gap is NaN. A query yields a stream of bounded
/// frames, since a fleet does not fit in one.
///
/// ```
/// use plimsoll::{Frame, Labels, Span, Timestamp};
/// let labels = Labels::new("cpu", [("host", "a")])?;
/// let frame = Frame::new(Timestamp::from_seconds(0), Span::HOUR, 3, vec![labels],
///                        vec![1.0, f64::NAN, 3.0])?;
/// assert_eq!(frame.row(0)[2], 3.0);
/// assert!(frame.row(0)[1].is_nan());
/// assert_eq!(frame.time(2), Timestamp::from_seconds(7_200));
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Frame {
    steps: Steps,
    labels: Vec<Labels>,
    values: Array2<f64>,
}

/// When the columns of a frame begin and end.
#[derive(Debug, Clone)]
enum Steps {
    Equal { start: Timestamp, step: Span },
    Calendar(CalendarSteps),
}

impl Frame {
    /// A frame of `labels.len()` rows and `steps` columns; column `i` covers
    /// `[start + i * step, start + (i + 1) * step)`. `values` is row after row.
    pub fn new(
        start: Timestamp,
        step: Span,
        steps: usize,
        labels: Vec<Labels>,
        values: Vec<f64>,
    ) -> Result<Self> {
        if step.is_zero() {
            return Err(Error::invalid("a frame's step must not be zero"));
        }
        let values = matrix(labels.len(), steps, values)?;
        Ok(Self { steps: Steps::Equal { start, step }, labels, values })
    }

    /// A frame of a column for each step of a calendar. `values` is row after row.
    ///
    /// ```
    /// use plimsoll::{Calendar, Frame, Labels, TimeRange};
    /// let months: Calendar = "month in Europe/Berlin".parse()?;
    /// let range = TimeRange::new("2013-08-15".parse()?, "2013-09-30T22:00:00Z".parse()?)?;
    /// let labels = vec![Labels::new("cpu", [("host", "a")])?];
    /// let frame = Frame::by_calendar(months.steps(range)?, labels, vec![1.0, 2.0])?;
    /// assert_eq!(frame.start(), "2013-08-15".parse()?);
    /// assert_eq!(frame.time(1), "2013-09-01T00:00:00+02:00".parse()?);
    /// assert_eq!(frame.end(1), "2013-10-01T00:00:00+02:00".parse()?);
    /// assert_eq!(frame.step(), None);
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn by_calendar(
        steps: CalendarSteps,
        labels: Vec<Labels>,
        values: Vec<f64>,
    ) -> Result<Self> {
        let values = matrix(labels.len(), steps.count(), values)?;
        Ok(Self { steps: Steps::Calendar(steps), labels, values })
    }

    /// The start of the first step.
    pub fn start(&self) -> Timestamp {
        self.time(0)
    }

    /// The length of every step; `None` where they are those of a calendar.
    pub fn step(&self) -> Option<Span> {
        match &self.steps {
            Steps::Equal { step, .. } => Some(*step),
            Steps::Calendar(_) => None,
        }
    }

    /// The steps of a calendar; `None` where all are of one length.
    pub fn calendar(&self) -> Option<&CalendarSteps> {
        match &self.steps {
            Steps::Equal { .. } => None,
            Steps::Calendar(steps) => Some(steps),
        }
    }

    /// Number of steps (columns).
    pub fn steps(&self) -> usize {
        self.values.len_of(Axis(1))
    }

    /// Number of series (rows).
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no series.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The start of step `column`. Equal steps go on after the last; of a calendar's it is the end.
    pub fn time(&self, column: usize) -> Timestamp {
        match &self.steps {
            Steps::Equal { start, step } => start.plus(step.times(column)),
            Steps::Calendar(steps) => steps.start(column),
        }
    }

    /// The end of step `column`, which is the start of the one after it.
    pub fn end(&self, column: usize) -> Timestamp {
        self.time(column.saturating_add(1))
    }

    /// The starts of all steps.
    pub fn times(&self) -> impl Iterator<Item = Timestamp> {
        (0..self.steps()).map(|column| self.time(column))
    }

    /// The labels of row `row`.
    ///
    /// # Panics
    /// Where there is no such row, as slices do.
    pub fn labels(&self, row: usize) -> &Labels {
        &self.labels[row]
    }

    /// The values of row `row`, one per step; empty where there is no such row.
    pub fn row(&self, row: usize) -> &[f64] {
        if row >= self.len() {
            return &[];
        }
        let steps = self.steps();
        let all = self.values.as_slice().unwrap_or(&[]);
        all.get(row * steps..(row + 1) * steps).unwrap_or(&[])
    }

    /// Every row with its labels.
    pub fn rows(&self) -> impl Iterator<Item = (&Labels, &[f64])> {
        self.labels.iter().enumerate().map(|(at, labels)| (labels, self.row(at)))
    }

    /// The values as a matrix, row per series.
    pub fn values(&self) -> ArrayView2<'_, f64> {
        self.values.view()
    }
}

fn matrix(rows: usize, steps: usize, values: Vec<f64>) -> Result<Array2<f64>> {
    let found = values.len();
    Array2::from_shape_vec((rows, steps), values).map_err(|_| {
        Error::invalid(format!(
            "a frame of {rows} rows and {steps} steps needs {} values, not {found}",
            rows as u128 * steps as u128
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TimeRange;

    #[test]
    fn steps_lie_where_they_do_over_all_of_time() {
        let step = Span::from_nanos(i64::MAX);
        let frame = Frame::new(Timestamp::MIN, step, 3, Vec::new(), Vec::new()).unwrap();
        assert_eq!(
            frame.times().map(Timestamp::nanos).collect::<Vec<_>>(),
            [i64::MIN, -1, i64::MAX - 1]
        );
        assert_eq!(frame.end(2), Timestamp::MAX);
        let all = TimeRange::ALL.span();
        let frame = Frame::new(Timestamp::MIN, all, 1, Vec::new(), Vec::new()).unwrap();
        assert_eq!((frame.time(0), frame.end(0)), (Timestamp::MIN, Timestamp::MAX));
    }

    #[test]
    fn what_is_not_there_is_empty_however_far_away() {
        let labels = |name| Labels::new(name, [("host", "a")]).unwrap();
        let three = || vec![labels("a"), labels("b"), labels("c")];
        let start = Timestamp::from_seconds(0);
        let refused = Frame::new(start, Span::HOUR, usize::MAX, three(), Vec::new()).unwrap_err();
        assert!(refused.to_string().contains("values, not 0"), "{refused}");
        let frame = Frame::new(start, Span::HOUR, 1, three(), vec![1.0, 2.0, 3.0]).unwrap();
        assert_eq!((frame.row(2), frame.row(3)), (&[3.0][..], &[][..]));
        assert!(frame.row(usize::MAX).is_empty() && frame.row(usize::MAX / 2 + 1).is_empty());
    }
}
