//! Every model forecasts from several origins of the past, and from the present.

use super::quantile_pool::Spread;
use super::{Fit, Past, QuantilePool, Tier, Tile};
use crate::kernel::Wide;

/// Origins that are scored, at most, the latest ones.
const ORIGINS_MAX: usize = 8;
/// The same, where time is short.
const ORIGINS_LIGHT: usize = 4;
/// Values before the first origin, at least.
const TRAINING_MIN: usize = 8;

/// Where forecasts start, and how far they go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origins {
    /// Steps before each past origin, the earliest first.
    pub(super) past: Vec<usize>,
    /// Steps ahead that are scored.
    pub(super) ahead: usize,
}

impl Origins {
    /// Up to eight origins, a period (or half the horizon, where there is none) apart.
    pub(super) fn new(values: usize, period: usize, horizon: usize, tier: Tier) -> Self {
        let most = if tier == Tier::Light { ORIGINS_LIGHT } else { ORIGINS_MAX };
        // A horizon as long as the history leaves no past to learn from.
        let ahead = horizon.min(values / 3).max(1);
        let first_possible = TRAINING_MIN.max(2 * period).max(values / 3);
        let last = values.saturating_sub(ahead);
        let room = last.saturating_sub(first_possible);
        // Periods of which the horizon is a part are seen at several of their phases.
        let between = if period > 1 { period.min(2 * ahead) } else { (ahead / 2).max(1) };
        let between = between.min((room / (ORIGINS_MAX / 2 - 1)).max(1));
        let mut past: Vec<usize> = (0..most)
            .map_while(|at| last.checked_sub(at * between))
            .filter(|origin| *origin >= first_possible)
            .collect();
        past.reverse();
        Self { past, ahead }
    }
}

/// What all models forecast.
#[derive(Debug)]
pub(super) struct Rehearsal {
    /// Per model and past origin, the forecasts of the steps ahead.
    pub(super) past: Vec<Vec<Vec<Wide>>>,
    /// Per model, the forecast from the present.
    pub(super) present: Vec<Vec<Wide>>,
    /// Per past origin, and last for the present, how far values were spread lately.
    pub(super) spreads: Vec<Spread>,
}

impl Rehearsal {
    /// Fits all models at all origins; the models must have values enough at the first.
    pub(super) fn run(
        tile: &Tile,
        pool: &[Box<dyn Fit>],
        spread: &QuantilePool,
        period: usize,
        origins: &Origins,
        horizon: usize,
    ) -> Self {
        let first = origins.past.first().copied().unwrap_or(tile.len());
        let past = Past::new(tile, period, first);
        let bounds = Bounds::of(tile);
        let mut all = origins.past.clone();
        all.push(tile.len());
        let steps = |at: usize| if at == origins.past.len() { horizon } else { origins.ahead };
        let spreads = all.iter().enumerate().map(|(at, o)| spread.spread(&past, *o, steps(at)));
        let spreads = spreads.collect();
        let mut found = Self { past: Vec::new(), present: Vec::new(), spreads };
        for model in pool {
            let mut of_model = Vec::with_capacity(all.len());
            for (at, fitted) in model.fit(&past, &all).iter().enumerate() {
                let mut rows = vec![Wide::ZERO; steps(at)];
                fitted.predict(&mut rows);
                bounds.hold(&mut rows);
                of_model.push(rows);
            }
            found.present.push(of_model.pop().unwrap_or_default());
            found.past.push(of_model);
        }
        found
    }
}

/// No forecast leaves the range of the past by more than its share of it per length of the past.
#[derive(Debug)]
struct Bounds {
    least: Wide,
    greatest: Wide,
    steps: usize,
}

/// Forecasts may leave the range of the past by this share of it at once, and by as much again as
/// the range in every further length of the past.
const LEAVE_SHARE: f64 = 0.5;

impl Bounds {
    fn of(tile: &Tile) -> Self {
        let (mut least, mut greatest) =
            (Wide::splat(f64::INFINITY), Wide::splat(f64::NEG_INFINITY));
        for row in tile.rows() {
            least = least.min(*row);
            greatest = greatest.max(*row);
        }
        Self { least, greatest, steps: tile.len() }
    }

    fn hold(&self, rows: &mut [Wide]) {
        let range = self.greatest - self.least;
        for (step, row) in rows.iter_mut().enumerate() {
            let leave = range * (LEAVE_SHARE + (step + 1) as f64 / self.steps.max(1) as f64);
            let (low, high) = (self.least - leave, self.greatest + leave);
            // NaN fails every comparison and is held as well.
            *row = row.max(low).min(high);
        }
    }
}
