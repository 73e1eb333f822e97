//! The crates that forecasts are compared with, at their documented settings, one series at a time.

use anofox_forecast::core::TimeSeries;
use anofox_forecast::models::exponential::{AutoETS, AutoETSConfig, ModelPool};
use anofox_forecast::models::theta::{DynamicTheta, OptimizedTheta};
use anofox_forecast::models::{Forecaster, MSTLForecaster};
use augurs_core::{Fit, Predict};
use augurs_mstl::MSTLModel;
use chrono::DateTime;

use crate::m4::Series;
use crate::method::{BoxError, DAY, HORIZON, Method, WEEK};
use crate::ours::{LIGHT, PLAIN_SMOOTHING, SMOOTHING, THETA};

type Values = Result<Vec<f64>, BoxError>;

/// Every peer.
pub(crate) fn all() -> Vec<Box<dyn Method>> {
    let one = |name, beside, forecast| Box::new(Peer { name, beside, forecast }) as Box<dyn Method>;
    vec![
        one("augurs AutoETS(1)", PLAIN_SMOOTHING, augurs_ets),
        one("augurs MSTL + AutoETS", LIGHT, augurs_mstl),
        one("anofox AutoETS(24)", SMOOTHING, |past| anofox(&mut AutoETS::with_period(DAY), past)),
        one("anofox AutoETS(24) of 8", SMOOTHING, |past| {
            let config = AutoETSConfig::with_period(DAY).with_model_pool(ModelPool::Reduced);
            anofox(&mut AutoETS::with_config(config), past)
        }),
        one("anofox AutoETS(1)", PLAIN_SMOOTHING, |past| {
            anofox(&mut AutoETS::non_seasonal(), past)
        }),
        one("anofox DynamicTheta(24)", THETA, |past| {
            anofox(&mut DynamicTheta::seasonal_optimized(DAY), past)
        }),
        one("anofox OptimizedTheta(24)", THETA, |past| {
            anofox(&mut OptimizedTheta::seasonal(DAY), past)
        }),
        one("anofox MSTL + AutoETS", LIGHT, |past| {
            anofox(&mut MSTLForecaster::new(vec![DAY, WEEK]), past)
        }),
    ]
}

struct Peer {
    name: &'static str,
    beside: &'static str,
    forecast: fn(&[f64]) -> Values,
}

impl Method for Peer {
    fn name(&self) -> &'static str {
        self.name
    }

    fn beside(&self) -> Option<&'static str> {
        Some(self.beside)
    }

    fn forecast(&self, series: &[Series]) -> Result<Vec<Vec<f64>>, BoxError> {
        series.iter().map(|one| (self.forecast)(&one.past)).collect()
    }
}

fn augurs_ets(past: &[f64]) -> Values {
    Ok(augurs_ets::AutoETS::non_seasonal().fit(past)?.predict(HORIZON, None)?.point)
}

fn augurs_mstl(past: &[f64]) -> Values {
    let trend = augurs_ets::AutoETS::non_seasonal().into_trend_model();
    Ok(MSTLModel::new(vec![DAY, WEEK], trend).fit(past)?.predict(HORIZON, None)?.point)
}

fn anofox(model: &mut dyn Forecaster, past: &[f64]) -> Values {
    let hours = (0_i64..).step_by(3600).take(past.len());
    let times = hours.map(|seconds| DateTime::from_timestamp(seconds, 0).unwrap_or_default());
    let series = TimeSeries::univariate(times.collect(), past.to_vec())?;
    Ok(model.fit_predict(&series, HORIZON)?.primary().to_vec())
}
