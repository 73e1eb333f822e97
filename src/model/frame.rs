//! The frame: the one type that the storage arm hands to the reasoning arm.

use ndarray::{Array2, ArrayView2, Axis};

use super::{Labels, Span, Timestamp};
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
    start: Timestamp,
    step: Span,
    labels: Vec<Labels>,
    values: Array2<f64>,
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
        let shape = (labels.len(), steps);
        let found = values.len();
        let values = Array2::from_shape_vec(shape, values).map_err(|_| {
            Error::invalid(format!(
                "a frame of {} rows and {} steps needs {} values, not {found}",
                shape.0,
                shape.1,
                shape.0 * shape.1
            ))
        })?;
        if step.is_zero() {
            return Err(Error::invalid("a frame's step must not be zero"));
        }
        Ok(Self { start, step, labels, values })
    }

    /// The start of the first step.
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// The length of a step.
    pub fn step(&self) -> Span {
        self.step
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

    /// The start of step `column`.
    pub fn time(&self, column: usize) -> Timestamp {
        let offset = (column as i64).saturating_mul(self.step.nanos());
        self.start.plus(Span::from_nanos(offset))
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
