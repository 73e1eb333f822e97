//! Plimsoll's models, sixteen series at a time. The one file to change when their interface does.

use plimsoll::Span;
use plimsoll::forecast::{
    DoubleSeason, DynamicTheta, ErrorPool, Fit, ForecastOptions, Forecaster, Past, Scale, Scratch,
    SeasonalNaive, Smoothing, Tier, Tile,
};
use plimsoll::kernel::Wide;

use crate::m4::Series;
use crate::method::{BoxError, DAY, HORIZON, Method, WEEK};

pub(crate) const SMOOTHING: &str = "plimsoll smoothing(24)";
pub(crate) const PLAIN_SMOOTHING: &str = "plimsoll smoothing(1)";
pub(crate) const THETA: &str = "plimsoll theta(24)";
pub(crate) const LIGHT: &str = "plimsoll light";
const DOUBLE_SEASON: &str = "plimsoll double season";
const NAIVE: &str = "plimsoll seasonal naive(24)";

/// Every method that is compared.
pub(crate) fn all() -> Vec<Box<dyn Method>> {
    let scale = Scale::Level;
    let one = |name, model| Box::new(One { name, model }) as Box<dyn Method>;
    vec![
        one(NAIVE, Box::new(SeasonalNaive { period: DAY })),
        one(SMOOTHING, Box::new(Smoothing { period: DAY, scale })),
        one(PLAIN_SMOOTHING, Box::new(Smoothing { period: 1, scale })),
        one(THETA, Box::new(DynamicTheta { period: DAY })),
        one(DOUBLE_SEASON, Box::new(DoubleSeason { short: DAY, long: WEEK, scale })),
        Box::new(Pipeline { name: LIGHT, tier: Tier::Light }),
        Box::new(Pipeline { name: "plimsoll full", tier: Tier::Full }),
    ]
}

/// One model, fitted to all values.
struct One {
    name: &'static str,
    model: Box<dyn Fit>,
}

impl Method for One {
    fn name(&self) -> &'static str {
        self.name
    }

    fn forecast(&self, series: &[Series]) -> Result<Vec<Vec<f64>>, BoxError> {
        let rows: Vec<&[f64]> = series.iter().map(|one| one.past.as_slice()).collect();
        let tile = Tile::new(&rows, DAY);
        let past = Past::new(&tile, DAY, tile.len());
        let fitted = self.model.fit(&past, &[tile.len()], &mut Scratch::default());
        let mut out = [Wide::ZERO; HORIZON];
        fitted.last().ok_or("no model was fitted")?.predict(&mut out);
        Ok((0..rows.len()).map(|lane| out.iter().map(|row| row.0[lane]).collect()).collect())
    }
}

/// What `plimsoll forecast` does: it finds the seasons, back-tests a pool of models, and takes the
/// best; with intervals.
struct Pipeline {
    name: &'static str,
    tier: Tier,
}

impl Method for Pipeline {
    fn name(&self) -> &'static str {
        self.name
    }

    fn forecast(&self, series: &[Series]) -> Result<Vec<Vec<f64>>, BoxError> {
        let options =
            ForecastOptions { horizon: HORIZON, tier: self.tier, ..ForecastOptions::default() };
        let rows: Vec<&[f64]> = series.iter().map(|one| one.past.as_slice()).collect();
        let mut pool = ErrorPool::default();
        let mut outlooks = Vec::with_capacity(rows.len());
        for rehearsed in Forecaster::new(Span::HOUR, options)?.rehearse(&rows) {
            outlooks.push(pool.add(rehearsed?));
        }
        let doubt = pool.finish();
        Ok(outlooks.iter().map(|outlook| outlook.forecast(&doubt).point).collect())
    }
}
