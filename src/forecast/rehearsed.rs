//! A series that was forecast, and whose own past was forecast to see how well.

use std::sync::Arc;

use super::ensemble::Widths;
use super::rehearsal::Reach;
use super::{Backtest, Doubt, Forecast, ForecastOptions, ModelForecast, Quantile};

/// Steps on either side whose errors tell how large errors at a step are.
const NEIGHBOURS: usize = 3;
/// The share of a step's scale that comes from all steps together.
const SHARED: f64 = 0.1;

/// A point forecast with the errors that the same method made from past origins. Errors belong into
/// an [`super::ErrorPool`]; the [`Outlook`] is what is left.
#[derive(Debug, Clone)]
pub struct Rehearsed {
    pub(super) outlook: Outlook,
    /// Steps before each past origin.
    pub(super) origins: Vec<usize>,
    /// Per past origin and step ahead, actual value less forecast.
    pub(super) errors: Vec<Vec<f64>>,
    /// The same for the widths of the spread.
    pub(super) widths: Vec<Vec<Widths>>,
}

/// One error of one origin, and what it may be measured by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Witness {
    pub(super) error: f64,
    /// How large errors at other origins were.
    pub(super) size: f64,
    /// How far values on its side were spread at its own origin.
    pub(super) width: f64,
}

/// Shares of the spread in what errors are divided by, of which each series chooses one: what is
/// left are the sizes of errors at other origins.
const SHARES: [f64; 4] = [0.0, 0.25, 0.5, 0.75];
/// Errors grow no faster than those of a random walk beyond what was scored.
const GROWTH_MAX: f64 = 0.5;
/// Scales below this share of the mean error are no scales.
const SCALE_MIN: f64 = 1e-3;
/// The distance of the tenth percentile from the middle, over the mean absolute deviation, of an
/// exponential law on either side (Laplace, 1774): ln 5.
const WIDTH_OVER_SIZE: f64 = 1.609;

impl Witness {
    /// What the error is divided by.
    pub(super) fn scale(&self, share: f64) -> f64 {
        blend(self.size, self.width, share)
    }
}

fn blend(size: f64, width: f64, share: f64) -> f64 {
    (1.0 - share) * size + share * width / WIDTH_OVER_SIZE
}

/// A point forecast, and how large its errors are; with a fleet's [`Doubt`] it is a [`Forecast`].
#[derive(Debug, Clone)]
pub struct Outlook {
    pub(super) options: Arc<ForecastOptions>,
    /// Steps ahead that lie before the end of the row, where values were missing.
    pub(super) unknown: usize,
    pub(super) periods: Vec<usize>,
    pub(super) point: Vec<f64>,
    /// How large errors at each step ahead were, on average, as far as they were scored.
    pub(super) sizes: Vec<f64>,
    pub(super) widths: Vec<Widths>,
    /// How much the spread counts against the sizes.
    pub(super) spread_share: f64,
    /// What points and quantiles are held in.
    pub(super) reach: Reach,
    pub(super) floor: Option<f64>,
    pub(super) ceiling: Option<f64>,
    pub(super) models: Vec<ModelForecast>,
    pub(super) backtest: Backtest,
}

impl Rehearsed {
    /// What is left without its errors: for a second pass, when they have been pooled before.
    pub fn into_outlook(self) -> Outlook {
        self.outlook
    }

    /// Each past origin's errors, with their sizes at the origins of [`Self::judges`].
    pub(super) fn witnesses(&self) -> impl Iterator<Item = Vec<Witness>> + '_ {
        let ahead = self.errors.first().map_or(0, Vec::len);
        (0..self.errors.len()).map(move |at| {
            let judges = self.judges(at);
            let sizes = smoothed(&sums(judges.iter().map(|other| &self.errors[*other]), ahead));
            let own = self.errors[at].iter().zip(&self.widths[at]).zip(sizes);
            own.map(|((error, widths), size)| {
                let width = if *error < 0.0 { widths.below } else { widths.above };
                Witness { error: *error, size, width }
            })
            .collect()
        })
    }

    /// The origins that tell how large errors at one origin may be: those that forecast other
    /// values, since errors of the same values resemble each other. Where there are none, all
    /// others; and where there is no other, the origin itself.
    fn judges(&self, at: usize) -> Vec<usize> {
        let ahead = self.errors[at].len();
        let apart = |other: &usize| self.origins[at].abs_diff(self.origins[*other]) >= ahead;
        let known = |other: &usize| self.errors[*other].iter().any(|error| !error.is_nan());
        let others = (0..self.errors.len()).filter(|other| *other != at).filter(known);
        let (judges, rest): (Vec<usize>, Vec<usize>) = others.partition(apart);
        match (judges.is_empty(), rest.is_empty()) {
            (false, _) => judges,
            (true, false) => rest,
            (true, true) => vec![at],
        }
    }

    /// The share of the spread under which the series' errors are the likeliest, were their law
    /// exponential on either side: the least `mean ln s + ln mean |e| / s`.
    pub(super) fn best_share(&self) -> f64 {
        let witnesses: Vec<Witness> =
            self.witnesses().flatten().filter(|witness| !witness.error.is_nan()).collect();
        let count = witnesses.len() as f64;
        let mean = witnesses.iter().map(|witness| witness.error.abs()).sum::<f64>() / count;
        let surprise = |share: f64| {
            let (mut logs, mut ratios) = (0.0, 0.0);
            for witness in &witnesses {
                let scale = witness.scale(share).max(SCALE_MIN * mean);
                logs += scale.ln();
                ratios += witness.error.abs() / scale;
            }
            logs / count + (ratios / count).ln()
        };
        if mean > 0.0 {
            let shares = SHARES.into_iter().map(|share| (share, surprise(share)));
            shares.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0.0, |best| best.0)
        } else {
            0.0
        }
    }

    /// How large errors at each step ahead were, on average.
    pub(super) fn sizes(errors: &[Vec<f64>]) -> Vec<f64> {
        smoothed(&sums(errors.iter(), errors.first().map_or(0, Vec::len)))
    }
}

impl Outlook {
    /// The forecast, as doubtful as the errors of a fleet say.
    pub fn forecast(&self, doubt: &Doubt) -> Forecast {
        let tail = (1.0 - self.options.coverage) / 2.0;
        let mut point: Vec<f64> = self.point.iter().map(|value| self.held(*value)).collect();
        point.drain(..self.unknown);
        // An interval holds the forecast, however one-sided errors were.
        let end = |level: f64, side: fn(f64, f64) -> f64| -> Vec<f64> {
            let ends = self.quantile(doubt, level).into_iter().zip(&point);
            ends.map(|(end, point)| side(end, *point)).collect()
        };
        let (lower, upper) = (end(tail, f64::min), end(1.0 - tail, f64::max));
        let coverage = doubt.coverage(tail, 1.0 - tail);
        Forecast {
            periods: self.periods.clone(),
            point,
            lower,
            upper,
            quantiles: self.quantiles(doubt),
            models: self.models.iter().map(|model| self.of_model(model)).collect(),
            backtest: Backtest { coverage, ..self.backtest.clone() },
        }
    }

    /// The quantiles that were asked for, in ascending order at each step: those that cross, since
    /// each is widened by a factor of its own, change places (Chernozhukov, Fernandez-Val and
    /// Galichon 2010).
    fn quantiles(&self, doubt: &Doubt) -> Vec<Quantile> {
        let mut found: Vec<Quantile> = self
            .options
            .levels
            .iter()
            .map(|level| Quantile { level: *level, values: self.quantile(doubt, *level) })
            .collect();
        let mut order: Vec<usize> = (0..found.len()).collect();
        order.sort_by(|a, b| found[*a].level.total_cmp(&found[*b].level));
        for step in 0..found.first().map_or(0, |first| first.values.len()) {
            let mut values: Vec<f64> = found.iter().map(|one| one.values[step]).collect();
            values.sort_by(f64::total_cmp);
            for (at, value) in order.iter().zip(values) {
                found[*at].values[step] = value;
            }
        }
        found
    }

    /// The `level` quantile of the value at each step ahead, `level` between 0 and 1.
    pub fn quantile(&self, doubt: &Doubt, level: f64) -> Vec<f64> {
        let of_fleet = doubt.quantiles(level, self.point.len());
        let last = self.sizes.last().copied().unwrap_or(0.0);
        let growth = self.growth();
        let steps = self.point.iter().zip(&self.widths).zip(of_fleet).enumerate();
        steps
            .map(|(step, ((point, widths), error))| {
                let width = if error < 0.0 { widths.below } else { widths.above };
                let size = self.sizes.get(step).copied().unwrap_or(last);
                let further = f64::max((step + 1) as f64 / self.sizes.len() as f64, 1.0);
                let scale = blend(size, width, self.spread_share) * further.powf(growth);
                self.held(self.reach.hold(step, point + error * scale))
            })
            .skip(self.unknown)
            .collect()
    }

    /// The power of the distance by which errors grew over the steps that were scored, from the
    /// first half of them to the second; at most the root, as of a random walk. So they grow on.
    fn growth(&self) -> f64 {
        let (first, second) = self.sizes.split_at(self.sizes.len() / 2);
        let mean = |sizes: &[f64]| sizes.iter().sum::<f64>() / sizes.len() as f64;
        let middle = |from: usize, sizes: &[f64]| from as f64 + (sizes.len() + 1) as f64 / 2.0;
        let distances = middle(first.len(), second) / middle(0, first);
        let growth = (mean(second) / mean(first)).ln() / distances.ln();
        if growth.is_finite() { growth.clamp(0.0, GROWTH_MAX) } else { 0.0 }
    }

    fn of_model(&self, model: &ModelForecast) -> ModelForecast {
        let point = model.point.iter().skip(self.unknown).map(|value| self.held(*value));
        ModelForecast { model: Arc::clone(&model.model), point: point.collect() }
    }

    pub(super) fn held(&self, value: f64) -> f64 {
        let value = self.floor.map_or(value, |floor| value.max(floor));
        self.ceiling.map_or(value, |ceiling| value.min(ceiling))
    }
}

/// Sum and number of the sizes of errors at each step.
fn sums<'a>(origins: impl Iterator<Item = &'a Vec<f64>>, ahead: usize) -> Vec<(f64, f64)> {
    let mut sums = vec![(0.0, 0.0); ahead];
    for errors in origins {
        for (sum, error) in sums.iter_mut().zip(errors).filter(|(_, error)| !error.is_nan()) {
            sum.0 += error.abs();
            sum.1 += 1.0;
        }
    }
    sums
}

/// Mean sizes around each step, drawn a little towards the mean of all.
fn smoothed(sums: &[(f64, f64)]) -> Vec<f64> {
    let total = |part: &[(f64, f64)]| {
        let (sum, count) = part.iter().fold((0.0, 0.0), |(s, c), (sum, n)| (s + sum, c + n));
        if count > 0.5 { Some(f64::max(sum, 0.0) / count) } else { None }
    };
    let all = total(sums).unwrap_or(0.0);
    let near = |step: usize| {
        let around = step.saturating_sub(NEIGHBOURS)..(step + NEIGHBOURS + 1).min(sums.len());
        total(&sums[around]).unwrap_or(all)
    };
    (0..sums.len()).map(|step| (1.0 - SHARED) * near(step) + SHARED * all).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::forecast::{ErrorPool, Tier};
    use crate::kernel::Random;

    /// A series whose forecasts from origins `between` steps apart had these errors; its forecast
    /// is 10.
    pub(in crate::forecast) fn with_errors(errors: Vec<Vec<f64>>, between: usize) -> Rehearsed {
        let ahead = errors.first().map_or(0, Vec::len);
        let widths = vec![Widths { below: 1.0, above: 1.0 }; ahead];
        let outlook = Outlook {
            options: Arc::new(ForecastOptions { horizon: ahead, ..ForecastOptions::default() }),
            unknown: 0,
            periods: Vec::new(),
            point: vec![10.0; ahead],
            sizes: Rehearsed::sizes(&errors),
            widths: widths.clone(),
            spread_share: 0.0,
            reach: Reach::of(&[-100.0, 100.0]),
            floor: None,
            ceiling: None,
            models: Vec::new(),
            backtest: Backtest {
                origins: errors.len(),
                mase: 1.0,
                coverage: f64::NAN,
                scores: Vec::new(),
            },
        };
        let origins = (0..errors.len()).map(|at| 100 + at * between).collect();
        let widths = vec![widths; errors.len()];
        Rehearsed { outlook, origins, errors, widths }
    }

    fn sizes(one: &Rehearsed) -> Vec<f64> {
        one.witnesses().map(|witnesses| witnesses[0].size).collect()
    }

    #[test]
    fn errors_are_measured_by_origins_that_forecast_other_values() {
        let errors = |of_origin: &[f64]| of_origin.iter().map(|size| vec![*size; 10]).collect();
        // Ten steps ahead: from ten steps on no value is shared.
        let apart = with_errors(errors(&[1.0, -2.0, 4.0]), 10);
        assert_eq!(sizes(&apart), [3.0, 2.5, 1.5]);
        let next_but_one = with_errors(errors(&[1.0, 2.0, 4.0, 8.0]), 5);
        assert_eq!(sizes(&next_but_one), [6.0, 8.0, 1.0, 1.5]);
    }

    #[test]
    fn where_all_share_values_all_others_measure_and_a_lone_one_itself() {
        let errors = |of_origin: &[f64]| of_origin.iter().map(|size| vec![*size; 10]).collect();
        assert_eq!(sizes(&with_errors(errors(&[1.0, 2.0, 4.0]), 1)), [3.0, 2.5, 1.5]);
        // Only the outer two share none; the middle ones are measured by all.
        let middle = with_errors(errors(&[1.0, 2.0, 4.0, 8.0]), 4);
        assert_eq!(sizes(&middle), [8.0, 13.0 / 3.0, 11.0 / 3.0, 1.0]);
        assert_eq!(sizes(&with_errors(errors(&[-3.0]), 10)), [3.0]);
        // An origin without values measures nothing.
        assert_eq!(sizes(&with_errors(errors(&[1.0, f64::NAN]), 10)), [1.0, 1.0]);
    }

    #[test]
    fn sizes_are_means_of_the_steps_around_drawn_to_the_mean_of_all() {
        let mut errors = vec![vec![1.0; 12], vec![-3.0; 12]];
        errors[0][0] = 9.0;
        errors[1][11] = f64::NAN;
        let found = Rehearsed::sizes(&errors);
        let all = (11.0 + 9.0 + 33.0) / 23.0;
        // Steps 0 to 3 are near step 0, and 8 to 11 near step 11.
        assert!((found[0] - (0.9 * (3.0 + 9.0 + 12.0) / 8.0 + 0.1 * all)).abs() < 1e-12);
        assert!((found[6] - (0.9 * 2.0 + 0.1 * all)).abs() < 1e-12);
        assert!((found[11] - (0.9 * (4.0 + 9.0) / 7.0 + 0.1 * all)).abs() < 1e-12);
        assert!(Rehearsed::sizes(&[]).is_empty());
        assert_eq!(Rehearsed::sizes(&[vec![f64::NAN; 3]]), [0.0; 3]);
    }

    #[test]
    fn the_spread_counts_where_errors_follow_it() {
        let mut random = Random::new(1);
        let spread = [0.1, 5.0, 1.0, 20.0, 0.5, 10.0, 2.0, 0.2];
        let mut with_spread = |follow: bool| {
            let errors: Vec<Vec<f64>> = spread
                .iter()
                .map(|width| if follow { *width } else { 1.0 })
                .map(|size| (0..12).map(|_| size * random.normal()).collect())
                .collect();
            let mut one = with_errors(errors, 12);
            for (widths, spread) in one.widths.iter_mut().zip(spread) {
                widths.fill(Widths { below: spread, above: spread });
            }
            one.best_share()
        };
        assert_eq!(with_spread(true), 0.75);
        assert_eq!(with_spread(false), 0.0);
        assert_eq!(with_errors(vec![vec![0.0; 5]; 3], 5).best_share(), 0.0);
        assert_eq!(with_errors(vec![vec![f64::NAN; 5]; 3], 5).best_share(), 0.0);
        assert_eq!(with_errors(Vec::new(), 5).best_share(), 0.0);
    }

    #[test]
    fn an_interval_holds_the_forecast_and_quantiles_ascend_where_errors_are_on_one_side() {
        let mut pool = ErrorPool::default();
        // Always too low, by more and more; few origins, whose ends are widened.
        let errors = (0..8).map(|at| (0..6).map(|step| f64::from(at + step) + 1.0).collect());
        let mut outlook = pool.add(with_errors(errors.collect(), 6));
        let doubt = pool.finish();
        let levels = vec![0.9, 0.1, 0.2, 0.45, 0.3];
        outlook.options = Arc::new(ForecastOptions { levels, ..ForecastOptions::default() });
        let found = outlook.forecast(&doubt);
        assert_eq!(found.lower, found.point);
        assert!(found.upper.iter().zip(&found.point).all(|(upper, point)| upper > point));
        for step in 0..6 {
            let at = |place: usize| found.quantiles[place].values[step];
            assert!(found.point[step] < at(1), "what was never below is not said to be");
            assert!([1, 2, 4, 3, 0].is_sorted_by_key(|place| at(*place)), "{found:?}");
        }
        // No end leaves the past further than a forecast may.
        outlook.reach = Reach::of(&[9.0, 11.0]);
        assert_eq!(outlook.forecast(&doubt).upper[0], 11.0 + 2.0 * (0.5 + 1.0 / 2.0));
    }

    #[test]
    fn limits_hold_the_forecast_and_steps_without_values_are_left_out() {
        let mut pool = ErrorPool::default();
        let errors = (0..8).map(|at| vec![f64::from(at) - 3.5; 6]).collect();
        let mut outlook = pool.add(with_errors(errors, 6));
        let doubt = pool.finish();
        outlook.unknown = 2;
        outlook.point = vec![10.0, 10.0, 9.0, 10.0, 30.0, -5.0];
        outlook.options = Arc::new(ForecastOptions {
            levels: vec![0.5, 0.99],
            tier: Tier::Full,
            ..ForecastOptions::default()
        });
        let free = outlook.forecast(&doubt);
        assert_eq!(free.point, [9.0, 10.0, 30.0, -5.0]);
        assert_eq!((free.lower.len(), free.upper.len(), free.quantiles.len()), (4, 4, 2));
        assert!(free.upper[2] > 31.0 && free.lower[3] < -6.0);
        assert!(free.quantiles[1].values[0] >= free.upper[0]);
        (outlook.floor, outlook.ceiling) = (Some(0.0), Some(20.0));
        let held = outlook.forecast(&doubt);
        assert_eq!(held.point, [9.0, 10.0, 20.0, 0.0]);
        assert_eq!((held.upper[2], held.lower[3]), (20.0, 0.0));
        assert_eq!(held.upper[0], free.upper[0]);
    }
}
