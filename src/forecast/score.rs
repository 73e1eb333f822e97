//! Scores of many forecasts: of the method as a whole, of each of its models, and of the naive
//! forecasts that all are measured by.

use serde::Serialize;

use super::Forecast;
use super::accuracy::{inside, interval_score, mae, naive2, quantile_loss, seasonal_scale, smape};

/// The name under which the method as a whole is scored.
pub const ENSEMBLE: &str = "ensemble";
/// What others' errors are set against in the OWA.
const BENCHMARK: &str = "naive2";

/// A naive method that is a model of the pool too.
const PERSISTENCE: &str = "persistence";

/// Scores of some methods, each a mean over forecasts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scores {
    /// Forecasts that were scored.
    pub forecasts: usize,
    /// Forecasts that could not be: no actual value, or a past without change to scale errors by.
    pub left_out: usize,
    /// Steps that errors are scaled over.
    pub period: usize,
    /// The share of values that intervals should hold.
    pub interval: f64,
    /// The ensemble, the naive methods, and the models that were kept, in this order.
    pub methods: Vec<MethodScore>,
}

/// The scores of one method.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MethodScore {
    /// Its name.
    pub method: String,
    /// Forecasts that it made.
    pub forecasts: usize,
    /// Mean of the symmetric mean absolute percentage errors, in per cent.
    pub smape: f64,
    /// Mean of the mean absolute scaled errors.
    pub mase: f64,
    /// Half the sum of both, each over that of the M4 benchmark (naive2) on the same forecasts; of
    /// means, as in M4.
    pub owa: f64,
    /// Mean scaled interval score; of the ensemble only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub msis: Option<f64>,
    /// The share of values inside the intervals; of the ensemble only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<f64>,
    /// Sum of the quantile losses over the sum of sizes, averaged over the quantiles that were
    /// forecast; a method without quantiles says its point for each.
    pub wql: f64,
}

/// Adds up scores, forecast by forecast.
#[derive(Debug, Clone)]
pub struct Scorer {
    period: usize,
    interval: f64,
    left_out: usize,
    methods: Vec<Sums>,
}

#[derive(Debug, Clone, Default)]
struct Sums {
    method: String,
    forecasts: usize,
    smape: f64,
    mase: f64,
    /// Of the benchmark, on the same forecasts.
    benchmark: (f64, f64),
    interval: Option<IntervalSums>,
    quantile_loss: f64,
    size: f64,
}

#[derive(Debug, Clone, Copy, Default)]
struct IntervalSums {
    score: f64,
    inside: usize,
    all: usize,
}

/// One past with its future.
#[derive(Debug, Clone, Copy)]
struct Truth<'a> {
    future: &'a [f64],
    /// What errors are divided by.
    scale: f64,
    /// The benchmark's errors.
    benchmark: (f64, f64),
    size: f64,
}

impl Scorer {
    /// Scales errors over `period` steps; intervals should hold the share `interval`.
    pub fn new(period: usize, interval: f64) -> Self {
        Self { period: period.max(1), interval, left_out: 0, methods: Vec::new() }
    }

    /// Scores the forecast of `future`, made from `past`; NaN where there is no value.
    pub fn add(&mut self, past: &[f64], future: &[f64], forecast: &Forecast) {
        let scale = seasonal_scale(past, self.period);
        let known: Vec<f64> = future.iter().copied().filter(|value| value.is_finite()).collect();
        if known.is_empty() || scale.is_nan() || scale <= 0.0 {
            self.left_out += 1;
            return;
        }
        let filled = filled(past, self.period);
        let benchmark = naive2(&filled, self.period, future.len());
        let errors = (smape(future, &benchmark), mae(future, &benchmark) / scale);
        let size = known.iter().map(|value| value.abs()).sum();
        let truth = Truth { future, scale, benchmark: errors, size };
        self.add_ensemble(&truth, forecast);
        self.add_point(&truth, BENCHMARK, &benchmark);
        if forecast.models.iter().all(|model| &*model.model != PERSISTENCE) {
            let last = filled.last().copied().unwrap_or(f64::NAN);
            self.add_point(&truth, PERSISTENCE, &vec![last; future.len()]);
        }
        if let Some(first) = filled.len().checked_sub(self.period).filter(|_| self.period > 1) {
            let repeated: Vec<f64> =
                filled[first..].iter().copied().cycle().take(future.len()).collect();
            self.add_point(&truth, "seasonal naive", &repeated);
        }
        for model in &forecast.models {
            self.add_point(&truth, &model.model, &model.point);
        }
    }

    fn add_ensemble(&mut self, truth: &Truth<'_>, forecast: &Forecast) {
        let interval = self.interval;
        let sums = self.add_point(truth, ENSEMBLE, &forecast.point);
        let (lower, upper) = (&forecast.lower, &forecast.upper);
        let held = inside(truth.future, lower, upper);
        let all = sums.interval.get_or_insert_default();
        all.score += interval_score(truth.future, lower, upper, interval) / truth.scale;
        all.inside += held.0;
        all.all += held.1;
        if forecast.quantiles.is_empty() {
            return;
        }
        let losses = forecast.quantiles.iter();
        let loss: f64 = losses.map(|q| quantile_loss(truth.future, &q.values, q.level)).sum();
        sums.quantile_loss += loss / forecast.quantiles.len() as f64
            - quantile_loss(truth.future, &forecast.point, 0.5);
    }

    /// Adds a method without quantiles: its mean loss at levels evenly around the median is
    /// that at the median.
    fn add_point(&mut self, truth: &Truth<'_>, method: &str, point: &[f64]) -> &mut Sums {
        let at = self.methods.iter().position(|sums| sums.method == method).unwrap_or_else(|| {
            self.methods.push(Sums { method: method.to_owned(), ..Sums::default() });
            self.methods.len() - 1
        });
        let sums = &mut self.methods[at];
        sums.forecasts += 1;
        sums.smape += smape(truth.future, point);
        sums.mase += mae(truth.future, point) / truth.scale;
        sums.benchmark.0 += truth.benchmark.0;
        sums.benchmark.1 += truth.benchmark.1;
        sums.quantile_loss += quantile_loss(truth.future, point, 0.5);
        sums.size += truth.size;
        sums
    }

    /// The means.
    pub fn finish(self) -> Scores {
        let methods: Vec<MethodScore> = self.methods.into_iter().map(Sums::finish).collect();
        Scores {
            forecasts: methods.first().map_or(0, |ensemble| ensemble.forecasts),
            left_out: self.left_out,
            period: self.period,
            interval: self.interval,
            methods,
        }
    }
}

impl Sums {
    fn finish(self) -> MethodScore {
        let count = self.forecasts as f64;
        let of_benchmark = self.smape / self.benchmark.0 + self.mase / self.benchmark.1;
        MethodScore {
            method: self.method,
            forecasts: self.forecasts,
            smape: self.smape / count,
            mase: self.mase / count,
            owa: of_benchmark / 2.0,
            msis: self.interval.map(|sums| sums.score / count),
            coverage: self.interval.map(|sums| sums.inside as f64 / sums.all as f64),
            wql: self.quantile_loss / self.size,
        }
    }
}

/// The past from its first value on, gaps holding the value one period before, or the one before.
fn filled(past: &[f64], period: usize) -> Vec<f64> {
    let mut filled: Vec<f64> = Vec::with_capacity(past.len());
    for value in past.iter().skip_while(|value| !value.is_finite()) {
        let guess = filled.len().checked_sub(period).or(filled.len().checked_sub(1));
        let guess = guess.and_then(|at| filled.get(at)).copied().unwrap_or(0.0);
        filled.push(if value.is_finite() { *value } else { guess });
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::{Backtest, ModelForecast, Quantile};

    fn forecast(point: Vec<f64>) -> Forecast {
        let backtest = Backtest { origins: 0, mase: 0.0, coverage: 0.0, scores: Vec::new() };
        let model = ModelForecast { model: "model".into(), point: vec![8.0, 8.0] };
        let quantile = |level, value| Quantile { level, values: vec![value; 2] };
        Forecast {
            periods: Vec::new(),
            lower: vec![1.0, 7.0],
            upper: vec![9.0, 9.0],
            quantiles: vec![quantile(0.1, 5.0), quantile(0.9, 10.0)],
            models: vec![model],
            point,
            backtest,
        }
    }

    #[test]
    fn scores_by_hand() {
        let mut scorer = Scorer::new(1, 0.8);
        // Changes of 1, 2 and 3: a scale of 2. The last value is 4.
        scorer.add(&[4.0, 3.0, 1.0, 4.0], &[6.0, 10.0], &forecast(vec![6.0, 6.0]));
        scorer.add(&[4.0, 4.0], &[6.0, 10.0], &forecast(vec![6.0, 6.0]));
        scorer.add(&[4.0, 5.0], &[f64::NAN; 2], &forecast(vec![6.0, 6.0]));
        let scores = scorer.finish();
        assert_eq!((scores.forecasts, scores.left_out), (1, 2));
        let of = |method: &str| scores.methods.iter().find(|s| s.method == method).unwrap();
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} is not {b}");
        let ensemble = of(ENSEMBLE);
        // Errors 0 and 4; of naive2 and persistence 2 and 6.
        near(ensemble.smape, 100.0 * 4.0 / 16.0);
        near(ensemble.mase, 1.0);
        let naive = f64::midpoint(200.0 * 2.0 / 10.0, 200.0 * 6.0 / 14.0);
        near(of("naive2").smape, naive);
        near(ensemble.owa, f64::midpoint(25.0 / naive, 1.0 / 2.0));
        near(of("persistence").owa, 1.0);
        // Widths 8 and 2, and 10 lies 1 above 9 at a price of 10.
        near(ensemble.msis.unwrap(), (8.0 + 2.0 + 10.0) / 2.0 / 2.0);
        near(ensemble.coverage.unwrap(), 0.5);
        // At 0.1: 2 (1 + 5) 0.1; at 0.9: 2 (4) 0.1, and 10 is met.
        near(ensemble.wql, f64::midpoint(1.2, 0.8) / 16.0);
        near(of("persistence").wql, 8.0 / 16.0);
        near(of("model").mase, 1.0);
        assert!(of("model").msis.is_none());
    }
}
