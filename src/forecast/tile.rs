//! Up to sixteen series of one length, side by side and step after step.

use std::sync::Arc;

use super::Scratch;
use crate::kernel::{LANES, Wide};

/// Series of one length, time-major: one row per step, one lane per series.
///
/// Gaps hold what the model-free guess would be: the value one period before, or else the one
/// before. Naive models and first states take them for values; regressions and recursions run
/// through them, but do not learn from them, and nothing is scored on them.
#[derive(Debug, Clone)]
pub struct Tile {
    rows: Vec<Wide>,
    /// 1 where the value was measured and 0 where it is a guess; empty where all were.
    known: Arc<Vec<Wide>>,
    series: usize,
}

impl Tile {
    /// Lays up to [`LANES`] series side by side. All are as long as the shortest; the first value
    /// of each must be a number. Lanes that are left over repeat the first series.
    pub fn new(series: &[&[f64]], period: usize) -> Self {
        Self::made_in(series, period, &mut Scratch::default())
    }

    /// The same in buffers that [`Self::give_back`] returns.
    pub(super) fn made_in(series: &[&[f64]], period: usize, scratch: &mut Scratch) -> Self {
        let series = &series[..series.len().min(LANES)];
        let steps = series.iter().map(|one| one.len()).min().unwrap_or(0);
        let period = period.max(1);
        let mut rows = scratch.take(steps);
        let mut known = Vec::new();
        for step in 0..steps {
            let of_lane =
                |lane: usize| series.get(lane).or(series.first()).map_or(0.0, |s| s[step]);
            let mut row = Wide::from_fn(of_lane);
            if row.0.iter().any(|value| !value.is_finite()) {
                if known.is_empty() {
                    known = scratch.take(steps);
                }
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
        Self { rows, known: Arc::new(known), series: series.len() }
    }

    /// Gives the buffers back; what others share goes with the last of them.
    pub(super) fn give_back(self, scratch: &mut Scratch) {
        scratch.give(self.rows);
        if let Some(known) = Arc::into_inner(self.known) {
            scratch.give(known);
        }
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
        Self { rows, known: Arc::clone(&self.known), series: self.series }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::tests::{lanes, of_lane};

    const GAP: f64 = f64::NAN;

    #[test]
    fn gaps_are_filled_only_from_the_past() {
        let values = [1.0, GAP, 3.0, 4.0, GAP, GAP, 7.0, GAP, GAP];
        let tile = Tile::new(&[&values], 3);
        // The value one period before; before there is one, the value before. Guesses of guesses.
        assert_eq!(of_lane(tile.rows(), 0), [1.0, 1.0, 3.0, 4.0, 1.0, 3.0, 7.0, 1.0, 3.0]);
        for cut in 1..values.len() {
            assert_eq!(Tile::new(&[&values[..cut]], 3).rows(), &tile.rows()[..cut]);
        }
        let without_season = Tile::new(&[&values], 1);
        assert_eq!(
            of_lane(without_season.rows(), 0),
            [1.0, 1.0, 3.0, 4.0, 4.0, 4.0, 7.0, 7.0, 7.0]
        );
        let at_once = Tile::new(&[&[1.0, 2.0, 3.0, GAP]], 3);
        assert_eq!(of_lane(at_once.rows(), 0), [1.0, 2.0, 3.0, 1.0]);
        let infinite = Tile::new(&[&[1.0, f64::INFINITY, f64::NEG_INFINITY]], 1);
        assert_eq!(of_lane(infinite.rows(), 0), [1.0; 3]);
    }

    #[test]
    fn the_mask_says_what_was_measured() {
        let values = [1.0, GAP, 3.0, 4.0, f64::INFINITY];
        let tile = Tile::new(&[&values, &[5.0; 5]], 2);
        let known: Vec<Wide> = (0..5).map(|step| tile.known(step)).collect();
        assert_eq!(of_lane(&known, 0), [1.0, 0.0, 1.0, 1.0, 0.0]);
        assert_eq!(of_lane(&known, 1), [1.0; 5]);
        assert!(!tile.is_whole());
        assert_eq!(tile.lane(0).collect::<Vec<_>>(), [1.0, 3.0, 4.0]);
        assert_eq!(tile.lane(1).count(), 5);
        let other = tile.with_rows(vec![Wide::ZERO; 5]);
        assert_eq!((other.known(1), other.series()), (tile.known(1), 2));
        let whole = Tile::new(&[&[1.0; 4]], 2);
        assert!(whole.is_whole());
        assert_eq!((whole.known(3), whole.lane(0).count()), (Wide::ONE, 4));
    }

    #[test]
    fn series_are_cut_to_the_shortest_and_lanes_left_over_repeat_the_first() {
        let tile = Tile::new(&[&[1.0, 2.0, 3.0], &[4.0, 5.0]], 1);
        assert_eq!((tile.len(), tile.series(), tile.is_empty()), (2, 2, false));
        assert_eq!(of_lane(tile.rows(), 1), [4.0, 5.0]);
        for lane in 2..LANES {
            assert_eq!(of_lane(tile.rows(), lane), [1.0, 2.0]);
        }
        let none = Tile::new(&[], 1);
        assert_eq!((none.len(), none.series(), none.is_empty()), (0, 0, true));
        let many = vec![[1.0].as_slice(); LANES + 3];
        assert_eq!(Tile::new(&many, 1).series(), LANES);
    }

    #[test]
    fn no_lane_knows_its_neighbours() {
        let rows = lanes(&[&[1.0, GAP, 3.0, 4.0], &[9.0, 8.0, GAP, GAP]]);
        let both = Tile::new(&[&rows[0], &rows[1]], 2);
        for (lane, row) in rows.iter().enumerate() {
            let alone = Tile::new(&[row], 2);
            assert_eq!(of_lane(both.rows(), lane), of_lane(alone.rows(), 0));
        }
    }
}
