//! Up to sixteen series of one length, side by side and step after step.

use crate::kernel::{LANES, Wide};

/// Series of one length, time-major: one row per step, one lane per series.
///
/// Gaps hold what the model-free guess would be: the value one period before, or else the one
/// before. Models run through them, but never learn from them and are never scored on them.
#[derive(Debug, Clone)]
pub struct Tile {
    rows: Vec<Wide>,
    /// 1 where the value was measured and 0 where it is a guess; empty where all were.
    known: Vec<Wide>,
    series: usize,
}

impl Tile {
    /// Lays up to [`LANES`] series side by side. All are as long as the shortest; the first value
    /// of each must be a number. Lanes that are left over repeat the first series.
    pub fn new(series: &[&[f64]], period: usize) -> Self {
        let series = &series[..series.len().min(LANES)];
        let steps = series.iter().map(|one| one.len()).min().unwrap_or(0);
        let mut rows: Vec<Wide> = Vec::with_capacity(steps);
        let mut known = Vec::new();
        for step in 0..steps {
            let of_lane =
                |lane: usize| series.get(lane).or(series.first()).map_or(0.0, |s| s[step]);
            let mut row = Wide::from_fn(of_lane);
            if row.0.iter().any(|value| !value.is_finite()) {
                known.resize(step, Wide::ONE);
                known.push(row.map(|value| f64::from(u8::from(value.is_finite()))));
                let guess = if step >= period { period } else { 1 };
                let guess = step.checked_sub(guess).map_or(Wide::ZERO, |at| rows[at]);
                row = row.zip(guess, |value, guess| if value.is_finite() { value } else { guess });
            }
            rows.push(row);
        }
        if !known.is_empty() {
            known.resize(steps, Wide::ONE);
        }
        Self { rows, known, series: series.len() }
    }

    /// Steps.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no step.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Lanes that hold a series of their own.
    pub fn series(&self) -> usize {
        self.series
    }

    /// All rows, guesses among them.
    pub fn rows(&self) -> &[Wide] {
        &self.rows
    }

    /// 1 where the value of a step was measured, 0 where it was not.
    #[inline]
    pub fn known(&self, step: usize) -> Wide {
        self.known.get(step).copied().unwrap_or(Wide::ONE)
    }

    /// Whether every value was measured.
    pub fn is_whole(&self) -> bool {
        self.known.is_empty()
    }

    /// The measured values of one lane.
    pub fn lane(&self, lane: usize) -> impl Iterator<Item = f64> + '_ {
        let steps = self.rows.iter().enumerate();
        steps.filter(move |(at, _)| self.known(*at).0[lane] > 0.0).map(move |(_, row)| row.0[lane])
    }

    /// The same gaps, with other values.
    pub(super) fn with_rows(&self, rows: Vec<Wide>) -> Self {
        Self { rows, known: self.known.clone(), series: self.series }
    }
}
