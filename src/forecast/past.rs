//! A tile in the units in which models see it.

use super::Tile;
use crate::kernel::{self, LANES, Wide};

/// Where a series reaches zero or below, logarithms are taken of the distance from its least value
/// and this share of the distance from there to its median.
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
    /// Prepares a tile whose models will be fitted from step `first` on.
    pub fn new(tile: &Tile, period: usize, first: usize) -> Self {
        let level = Scaled::new(tile, Scale::Level, Wide::ZERO, first);
        let log = Scaled::new(tile, Scale::Log, shift(tile, first), first);
        Self { level, log, period: period.max(1) }
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
    fn new(tile: &Tile, scale: Scale, shift: Wide, first: usize) -> Self {
        let mut rows: Vec<Wide> = match scale {
            Scale::Level => tile.rows().to_vec(),
            Scale::Log => tile.rows().iter().map(|row| logarithm(*row + shift)).collect(),
        };
        let first = first.clamp(1, rows.len().max(1)).min(rows.len());
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

fn logarithm(row: Wide) -> Wide {
    row.map(|value| value.max(f64::MIN_POSITIVE).ln())
}

/// What is added before logarithms are taken; 0 for series that stay above zero.
fn shift(tile: &Tile, first: usize) -> Wide {
    let mut of_lane = [0.0; LANES];
    for (lane, shift) in of_lane.iter_mut().enumerate() {
        let least = tile.rows().iter().map(|row| row.0[lane]).fold(f64::INFINITY, f64::min);
        if least > 0.0 {
            continue;
        }
        let mut values: Vec<f64> =
            tile.rows().iter().take(first.max(1)).map(|row| row.0[lane]).collect();
        let middle = kernel::median(&mut values);
        let greatest = tile.rows().iter().map(|row| row.0[lane]).fold(f64::NEG_INFINITY, f64::max);
        let reach = if middle > least { middle - least } else { greatest - least };
        *shift = (SHIFT_SHARE * reach).max(f64::MIN_POSITIVE) - least;
    }
    Wide(of_lane)
}
