//! A tile in the units in which models see it.

use super::{Scratch, Tile};
use crate::kernel::{self, Wide};

/// Where a series reaches zero or below, logarithms are taken of the distance from its least value
/// and this share of the distance from there to its median. Logarithms of values that come later
/// are cut at this share of the least one before.
const SHIFT_SHARE: f64 = 0.1;

/// The unit a model works in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scale {
    /// The values as they are.
    Level,
    /// Their logarithms: growth and noise in per cent.
    Log,
}

impl Scale {
    /// What a model's name begins with.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Level => "",
            Self::Log => "log ",
        }
    }
}

/// What a model may learn from: the values, around their middle, in either scale.
#[derive(Debug)]
pub struct Past {
    level: Scaled,
    log: Scaled,
    /// The main period, in steps; 1 for none.
    pub period: usize,
}

/// A tile in one scale.
#[derive(Debug)]
pub struct Scaled {
    /// The values, less `middle`.
    pub tile: Tile,
    scale: Scale,
    middle: Wide,
    shift: Wide,
}

impl Past {
    /// Prepares a tile whose models will be fitted from step `first` on. Middle and shift come from
    /// the steps before: no forecast from there on knows what came later.
    pub fn new(tile: &Tile, period: usize, first: usize) -> Self {
        Self::made_in(tile, period, first, &mut Scratch::default())
    }

    /// The same in buffers that [`Self::give_back`] returns.
    pub(super) fn made_in(tile: &Tile, period: usize, first: usize, scratch: &mut Scratch) -> Self {
        let level = Scaled::new(tile, Scale::Level, first, scratch);
        let log = Scaled::new(tile, Scale::Log, first, scratch);
        Self { level, log, period: period.max(1) }
    }

    /// Gives the buffers back.
    pub(super) fn give_back(self, scratch: &mut Scratch) {
        self.level.tile.give_back(scratch);
        self.log.tile.give_back(scratch);
    }

    /// The values in one scale.
    pub fn in_scale(&self, scale: Scale) -> &Scaled {
        match scale {
            Scale::Level => &self.level,
            Scale::Log => &self.log,
        }
    }
}

impl Scaled {
    fn new(tile: &Tile, scale: Scale, first: usize, scratch: &mut Scratch) -> Self {
        let first = first.clamp(1, tile.len().max(1)).min(tile.len());
        let mut rows = scratch.take(tile.len());
        rows.extend_from_slice(tile.rows());
        let shift = match scale {
            Scale::Level => Wide::ZERO,
            Scale::Log => take_logarithms(&mut rows, first),
        };
        let mut middle = Wide::ZERO;
        for row in &rows[..first] {
            middle += *row;
        }
        middle = middle / first.max(1) as f64;
        for row in &mut rows {
            *row -= middle;
        }
        Self { tile: tile.with_rows(rows), scale, middle, shift }
    }

    /// Turns forecasts in this scale into values.
    pub fn to_values(&self) -> ToValues {
        ToValues { scale: self.scale, middle: self.middle, shift: self.shift }
    }
}

/// The way back from a scale to values.
#[derive(Debug, Clone, Copy)]
pub struct ToValues {
    scale: Scale,
    middle: Wide,
    shift: Wide,
}

impl ToValues {
    /// Changes rows in place.
    pub fn apply(&self, rows: &mut [Wide]) {
        for row in rows {
            let value = *row + self.middle;
            *row = match self.scale {
                Scale::Level => value,
                Scale::Log => value.map(|v| v.min(EXPONENT_MAX).exp()) - self.shift,
            };
        }
    }
}

/// Larger exponents are cut: a forecast of e^700 says nothing.
const EXPONENT_MAX: f64 = 600.0;

/// Puts logarithms in place of rows, and says what was added before they were taken: 0 for series
/// that stay above zero in the first steps.
fn take_logarithms(rows: &mut [Wide], first: usize) -> Wide {
    let mut least = Wide::splat(f64::INFINITY);
    for row in &rows[..first] {
        least = least.min(*row);
    }
    let shift = Wide::from_fn(|lane| {
        if least.0[lane] > 0.0 { 0.0 } else { shift(&rows[..first], lane, least.0[lane]) }
    });
    let cut = ((least + shift) * SHIFT_SHARE).max(Wide::splat(f64::MIN_POSITIVE));
    for row in rows {
        *row = (*row + shift).max(cut).map(f64::ln);
    }
    shift
}

/// What lifts a lane above zero.
fn shift(rows: &[Wide], lane: usize, least: f64) -> f64 {
    let mut values: Vec<f64> = rows.iter().map(|row| row.0[lane]).collect();
    let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let middle = kernel::median(&mut values);
    let reach = if middle > least { middle - least } else { greatest - least };
    // What never changed is lifted to its own size, or to 1.
    let lift = if reach > 0.0 { SHIFT_SHARE * reach } else { least.abs().max(1.0) };
    lift.max(f64::MIN_POSITIVE) - least
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::tests::{lanes, noise, of_lane};

    fn there_and_back(values: &[f64], first: usize, scale: Scale) -> Vec<f64> {
        let past = Past::new(&Tile::new(&[values], 1), 1, first);
        let scaled = past.in_scale(scale);
        let mut rows = scaled.tile.rows().to_vec();
        assert!(rows.iter().all(|row| row.0[0].is_finite()), "{scale:?} of {values:?}");
        scaled.to_values().apply(&mut rows);
        of_lane(&rows, 0)
    }

    #[test]
    fn into_a_scale_and_back_is_the_identity() {
        let random = noise(1, 200);
        for (size, level) in [(1.0, 10.0), (1.0, 0.0), (1.0, -50.0), (1e9, 1e10), (1e-9, 0.0)] {
            let values: Vec<f64> = random.iter().map(|z| level + size * z).collect();
            for scale in [Scale::Level, Scale::Log] {
                for (found, value) in there_and_back(&values, 200, scale).iter().zip(&values) {
                    let tolerance = 1e-9 * (level.abs() + size * 5.0);
                    assert!((found - value).abs() <= tolerance, "{scale:?} {level}: {value}");
                }
            }
        }
        for constant in [0.0, 7.0, -7.0, 1e-300, 1e250, -1e250] {
            let found = there_and_back(&[constant; 30], 30, Scale::Log);
            let near = |v: &f64| (v - constant).abs() <= 1e-9 * constant.abs() + 1e-12;
            assert!(found.iter().all(near), "{constant}: {found:?}");
        }
    }

    #[test]
    fn only_series_that_reach_zero_are_shifted_and_the_middle_is_taken_out() {
        let values = lanes(&[&[1.0, 2.0, 4.0, 8.0], &[0.0, 10.0, 20.0, 10.0], &[-4.0; 4]]);
        let rows: Vec<&[f64]> = values.iter().map(Vec::as_slice).collect();
        let past = Past::new(&Tile::new(&rows, 1), 1, 4);
        let log = past.in_scale(Scale::Log);
        // A tenth of the way from the least value to the median, and past zero.
        assert_eq!((log.shift.0[0], log.shift.0[1], log.shift.0[2]), (0.0, 1.0, 8.0));
        let logs = [1.0_f64.ln(), 2.0_f64.ln(), 4.0_f64.ln(), 8.0_f64.ln()];
        let middle = logs.iter().sum::<f64>() / 4.0;
        for (row, expected) in log.tile.rows().iter().zip(logs) {
            assert!((row.0[0] - (expected - middle)).abs() < 1e-12);
        }
        assert_eq!(of_lane(past.in_scale(Scale::Level).tile.rows(), 1), [-10.0, 0.0, 10.0, 0.0]);
    }

    #[test]
    fn the_scale_does_not_know_what_comes_after_the_first_origin() {
        let mut values: Vec<f64> = noise(2, 60).iter().map(|z| 20.0 + z).collect();
        let before = Past::new(&Tile::new(&[&values], 1), 1, 40);
        // Lower than ever, below zero, and higher than ever.
        (values[45], values[50], values[55]) = (1e-3, -1e6, 1e6);
        let after = Past::new(&Tile::new(&[&values], 1), 1, 40);
        for scale in [Scale::Level, Scale::Log] {
            let (before, after) = (before.in_scale(scale), after.in_scale(scale));
            assert_eq!(before.tile.rows()[..40], after.tile.rows()[..40]);
            assert_eq!((before.middle, before.shift), (after.middle, after.shift));
        }
        // Such values are cut at a tenth of the least one before, and stay finite.
        let found = there_and_back(&values, 40, Scale::Log);
        let least = values[..40].iter().copied().fold(f64::INFINITY, f64::min);
        for at in [45, 50] {
            assert!((found[at] - 0.1 * least).abs() < 1e-9, "{}", found[at]);
        }
        assert!((found[55] / 1e6 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn exponents_are_cut_before_they_overflow() {
        let past = Past::new(&Tile::new(&[&[1.0, 2.0]], 1), 1, 2);
        let mut rows = [Wide::splat(1e4), Wide::splat(-1e4)];
        past.in_scale(Scale::Log).to_values().apply(&mut rows);
        assert!(rows[0].0[0].is_finite() && rows[1].0[0] == 0.0, "{rows:?}");
    }
}
