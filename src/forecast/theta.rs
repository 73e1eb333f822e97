//! The dynamic optimised theta model, in time linear in the values.
#![expect(clippy::inline_always, reason = "a loop is vectors only where all of it is in one place")]

use super::past::Scaled;
use super::search::{
    Ahead, Axes, Parameters, Recursion, SLOW_MARGIN, search, squares_ahead, states_at,
};
use super::{Fit, Past, Predict, Scale, Scratch, Tile};
use crate::kernel::Wide;

/// Errors of the first steps are not counted: the line is not known yet.
const UNCOUNTED: usize = 3;
/// The first level is no longer felt at the first counted step below this square of its share.
const WEIGHT_MIN: f64 = 1e-6;
/// A season counts where the autocorrelation at one period is beyond this many standard errors
/// (the 90% test of Assimakopoulos and Nikolopoulos, 2000).
const SEASON_ERRORS: f64 = 1.645;

/// Simple smoothing towards a line that is fitted anew at each step (Fiorucci, Pellegrini, Louzada,
/// Petropoulos and Koehler, 2016):
///
/// ```text
/// f(t) = l + (1 - 1/theta) (A (1 - alpha)^(t-1) + B (1 - (1 - alpha)^t) / alpha)
/// l <- alpha y + (1 - alpha) l
/// B <- ((t - 2) B + 6 (y - mean) / t) / (t + 1)      A <- mean - (t + 1) B / 2
/// ```
///
/// on values whose season was taken out by classical decomposition, as factors where all values are
/// above zero. Parameters are those with the least squared errors one step ahead, as in
/// [`super::Smoothing`], unless `alpha = 0.1` and `theta = 2` forecast up to 32 steps with a fifth
/// less: a level that follows each value is best for the next step, and may be far off later. The
/// first level is the one with the least squared errors: what is added to it is still there `t`
/// steps on as `(1 - alpha)^t` of it, so it comes in one pass. Costs about 40 passes over the
/// values.
#[derive(Debug, Clone, PartialEq)]
pub struct DynamicTheta {
    /// Steps of a period, or 1 for no season.
    pub period: usize,
}

/// `alpha`, and `1 - 1/theta`.
const AXES: Axes<'static> = [&[0.1, 0.3, 0.5, 0.75, 0.99], &[0.0, 0.3, 0.6, 0.9], &[0.0], &[0.0]];

/// What is tried beside the parameters of the least squared errors: theta as it was at first, 2
/// (Assimakopoulos and Nikolopoulos, 2000), and a level that moves slowly.
const SLOW: [f64; 4] = [0.1, 0.5, 0.0, 0.0];

#[derive(Debug, Clone, Copy)]
struct State {
    level: Wide,
    intercept: Wide,
    slope: Wide,
    mean: Wide,
    /// `(1 - alpha)^t`.
    decay: Wide,
    /// Sums of `decay * error` and `decay^2` over the counted steps: the normal equation of what
    /// would best be added to the first level.
    moment: Wide,
    weight: Wide,
    step: usize,
}

/// What each phase does to a value.
#[derive(Debug, Clone)]
struct Season {
    /// Whether lanes multiply (1) or add (0).
    factors: Wide,
    phases: Vec<Wide>,
}

#[derive(Debug)]
struct Fitted {
    state: State,
    parameters: Parameters,
    season: Season,
}

/// Values without their season.
struct Adjusted<'a> {
    rows: Vec<Wide>,
    tile: &'a Tile,
}

impl State {
    fn new(first: Wide) -> Self {
        Self {
            level: first,
            intercept: Wide::ZERO,
            slope: Wide::ZERO,
            mean: Wide::ZERO,
            decay: Wide::ONE,
            moment: Wide::ZERO,
            weight: Wide::ZERO,
            step: 0,
        }
    }

    /// What is best added to the first level; nothing where it would no longer be felt.
    fn first_more(&self) -> Wide {
        let known = self.weight.max(Wide::splat(WEIGHT_MIN));
        (self.moment / known).where_less(Wide::splat(WEIGHT_MIN), self.weight, Wide::ZERO)
    }

    /// The state before the first step whose level has the least squared errors up to `until`.
    fn start(adjusted: &Adjusted<'_>, parameters: &Parameters, until: usize) -> Self {
        let first = Self::new(adjusted.rows[0]);
        let learnt = states_at(adjusted, &first, parameters, &[until]);
        Self::new(first.level + learnt.first().map_or(Wide::ZERO, Self::first_more))
    }

    /// The forecasts of all steps from here on.
    fn ahead(mut self, parameters: &Parameters) -> impl Iterator<Item = Wide> {
        let parameters = *parameters;
        std::iter::repeat_with(move || {
            let expected = self.expected(&parameters);
            self.learn(expected, &parameters);
            expected
        })
    }

    #[inline(always)]
    fn expected(&self, [alpha, share, ..]: &Parameters) -> Wide {
        let after = self.decay * (Wide::ONE - *alpha);
        let line = self.intercept * self.decay + self.slope * ((Wide::ONE - after) / *alpha);
        self.level + *share * line
    }

    #[inline(always)]
    fn learn(&mut self, value: Wide, [alpha, ..]: &Parameters) {
        self.step += 1;
        let t = self.step as f64;
        self.level += *alpha * (value - self.level);
        self.decay *= Wide::ONE - *alpha;
        let slope = self.slope * (t - 2.0) + (value - self.mean) * (6.0 / t);
        self.slope = if self.step > 1 { slope * (1.0 / (t + 1.0)) } else { Wide::ZERO };
        self.mean += (value - self.mean) * (1.0 / t);
        self.intercept = self.mean - self.slope * f64::midpoint(t, 1.0);
    }
}

impl Recursion for Adjusted<'_> {
    type State = State;

    #[inline(always)]
    fn run(&self, state: &mut State, p: &Parameters, from: usize, to: usize) -> Wide {
        let whole = self.tile.is_whole();
        let mut squares = Wide::ZERO;
        for row in &self.rows[from..to] {
            let expected = state.expected(p);
            let mut error = *row - expected;
            if !whole {
                error *= self.tile.known(state.step);
            }
            if state.step >= UNCOUNTED {
                squares += error * error;
                state.moment += error * state.decay;
                state.weight += state.decay * state.decay;
            }
            state.learn(expected + error, p);
        }
        squares
    }

    #[inline(always)]
    fn saved(&self, state: &State) -> Wide {
        state.first_more() * state.moment
    }
}

impl Ahead for Adjusted<'_> {
    fn error(&self, step: usize, forecast: Wide) -> Wide {
        (self.rows[step] - forecast) * self.tile.known(step)
    }

    fn ahead(&self, state: State, parameters: &Parameters, _: usize) -> impl Iterator<Item = Wide> {
        state.ahead(parameters)
    }
}

impl Adjusted<'_> {
    /// The parameters with the least squared errors one step ahead before `until`, or [`SLOW`], and
    /// the state before the first step that goes with them.
    fn chosen(&self, until: usize) -> (State, Parameters) {
        let first = State::new(self.rows[0]);
        let mut chosen = search(self, &first, AXES, (0, until)).parameters;
        let slow = SLOW.map(Wide::splat);
        let price = |parameters: &Parameters| {
            let start = State::start(self, parameters, until);
            squares_ahead(self, &start, parameters, until)
        };
        let (quick_squares, slow_squares) = (price(&chosen), price(&slow) * SLOW_MARGIN);
        for (parameter, slow) in chosen.iter_mut().zip(slow) {
            *parameter = slow.where_less(slow_squares, quick_squares, *parameter);
        }
        (State::start(self, &chosen, until), chosen)
    }
}

impl Season {
    fn of(rows: &[Wide], period: usize, scratch: &mut Scratch) -> Self {
        let neutral = Self { factors: Wide::ZERO, phases: vec![Wide::ZERO; period.max(1)] };
        if period < 2 || rows.len() < 3 * period {
            return neutral;
        }
        let seasonal = seasonal(rows, period);
        let positive = rows.iter().fold(Wide::splat(f64::INFINITY), |least, row| least.min(*row));
        let factors = Wide::ONE.where_less(Wide::ZERO, positive, Wide::ZERO);
        let trend = centred_means(rows, period, scratch.take(rows.len()));
        let half = period / 2;
        let mut phases = vec![Wide::ZERO; period];
        let mut counts = vec![0.0; period];
        for (at, middle) in trend.iter().enumerate() {
            let row = rows[at + half];
            let ratio = row / middle.map(|m| if m == 0.0 { 1.0 } else { m });
            phases[(at + half) % period] += ratio.where_less(Wide::ZERO, factors, row - *middle);
            counts[(at + half) % period] += 1.0;
        }
        for (phase, count) in phases.iter_mut().zip(&counts) {
            *phase = *phase / f64::max(*count, 1.0);
        }
        scratch.give(trend);
        let mean = phases.iter().fold(Wide::ZERO, |sum, phase| sum + *phase) / period as f64;
        for phase in &mut phases {
            let scaled = *phase / mean.map(|m| if m == 0.0 { 1.0 } else { m });
            *phase = scaled.where_less(Wide::ZERO, factors, *phase - mean);
            // No season in lanes that fail the test.
            *phase = phase.where_less(Wide::ZERO, seasonal, factors);
        }
        Self { factors, phases }
    }

    fn remove(&self, row: Wide, step: usize) -> Wide {
        let phase = self.phases[step % self.phases.len()];
        let divided = row / phase.map(|p| if p.abs() < 1e-9 { 1e-9 } else { p });
        divided.where_less(Wide::ZERO, self.factors, row - phase)
    }

    fn restore(&self, row: Wide, step: usize) -> Wide {
        let phase = self.phases[step % self.phases.len()];
        (row * phase).where_less(Wide::ZERO, self.factors, row + phase)
    }
}

/// 1 in lanes whose autocorrelation at one period is significant.
fn seasonal(rows: &[Wide], period: usize) -> Wide {
    let count = rows.len() as f64;
    let mean = rows.iter().fold(Wide::ZERO, |sum, row| sum + *row) / count;
    let at_lag = |lag: usize| {
        let pairs = rows.iter().zip(&rows[lag..]);
        pairs.fold(Wide::ZERO, |sum, (a, b)| sum + (*a - mean) * (*b - mean))
    };
    let variance = at_lag(0).max(Wide::splat(f64::MIN_POSITIVE));
    let mut squares = Wide::ZERO;
    for lag in 1..period {
        let r = at_lag(lag) / variance;
        squares += r * r;
    }
    let limit = ((Wide::ONE + squares * 2.0) / count).map(|v| SEASON_ERRORS * v.sqrt());
    Wide::ONE.where_less(limit, (at_lag(period) / variance).abs(), Wide::ZERO)
}

/// Means over one period around each step that has half a period on each side, put into `means`.
fn centred_means(rows: &[Wide], period: usize, mut means: Vec<Wide>) -> Vec<Wide> {
    let half = period / 2;
    let even = period.is_multiple_of(2);
    means.extend((half..rows.len() - half).map(|at| {
        let inner =
            if even { &rows[at - half + 1..at + half] } else { &rows[at - half..=at + half] };
        let mut sum = inner.iter().fold(Wide::ZERO, |sum, row| sum + *row);
        if even {
            sum += (rows[at - half] + rows[at + half]) * 0.5;
        }
        sum / period as f64
    }));
    means
}

impl DynamicTheta {
    /// States at `origins`, from season and parameters learnt before the first of them.
    fn fitted(&self, scaled: &Scaled, origins: &[usize], scratch: &mut Scratch) -> Vec<Fitted> {
        let Some(until) = origins.first().copied() else { return Vec::new() };
        let mut rows = scratch.take(scaled.tile.len());
        rows.extend_from_slice(scaled.tile.rows());
        scaled.to_values().apply(&mut rows);
        let season = Season::of(&rows[..until], self.period, scratch);
        for (step, row) in rows.iter_mut().enumerate() {
            *row = season.remove(*row, step);
        }
        let adjusted = Adjusted { rows, tile: &scaled.tile };
        let (start, parameters) = adjusted.chosen(until);
        let states = states_at(&adjusted, &start, &parameters, origins);
        scratch.give(adjusted.rows);
        let of_state = |state| Fitted { state, parameters, season: season.clone() };
        states.into_iter().map(of_state).collect()
    }
}

impl Fit for DynamicTheta {
    fn name(&self) -> String {
        if self.period > 1 { format!("theta({})", self.period) } else { "theta".to_owned() }
    }

    fn values_min(&self) -> usize {
        self.period.saturating_mul(3).saturating_add(8)
    }

    fn fit<'a>(
        &self,
        past: &'a Past,
        origins: &[usize],
        scratch: &mut Scratch,
    ) -> Vec<Box<dyn Predict + 'a>> {
        let level = past.in_scale(Scale::Level);
        let Some((present, rehearsed)) = origins.split_last() else { return Vec::new() };
        let mut fitted = self.fitted(level, rehearsed, scratch);
        fitted.extend(self.fitted(level, &[*present], scratch));
        fitted.into_iter().map(|one| Box::new(one) as Box<dyn Predict>).collect()
    }
}

impl Predict for Fitted {
    fn predict(&self, out: &mut [Wide]) {
        let steps = self.state.step..;
        for ((value, step), expected) in
            out.iter_mut().zip(steps).zip(self.state.ahead(&self.parameters))
        {
            *value = self.season.restore(expected, step);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::accuracy::naive2;
    use crate::forecast::tests::{assert_near, noise, of_lane, predicted};
    use crate::kernel::LANES;

    fn adjusted(tile: &Tile) -> Adjusted<'_> {
        Adjusted { rows: tile.rows().to_vec(), tile }
    }

    /// Forecasts of one series by the formulas of [`DynamicTheta`], with `A` and `B` by least
    /// squares over all values so far; and the squared errors after the first three.
    fn naive(values: &[f64], alpha: f64, share: f64, ahead: usize) -> (Vec<f64>, f64) {
        let line = |known: &[f64]| {
            let n = known.len() as f64;
            let mean = known.iter().sum::<f64>() / n;
            let middle = f64::midpoint(n, 1.0);
            let moments = known.iter().enumerate().map(|(t, y)| {
                let x = (t + 1) as f64 - middle;
                (x * (y - mean), x * x)
            });
            let (xy, xx) = moments.fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            let slope = if xx > 0.0 { xy / xx } else { 0.0 };
            (mean - slope * middle, slope)
        };
        let (mut all, mut level, mut squares) = (Vec::new(), values[0], 0.0);
        for step in 0..values.len() + ahead {
            // A and B of the first forecast are not known yet.
            let (a, b) = if all.is_empty() { (0.0, 0.0) } else { line(&all) };
            let left = (1.0 - alpha).powi(step as i32);
            let forecast = level
                + share * (a * left + b * (1.0 - (1.0 - alpha).powi(step as i32 + 1)) / alpha);
            let value = values.get(step).copied().filter(|value| value.is_finite());
            let value = value.unwrap_or(forecast);
            if step >= UNCOUNTED && step < values.len() {
                squares += (value - forecast).powi(2);
            }
            level = alpha * value + (1.0 - alpha) * level;
            all.push(value);
        }
        (all.split_off(values.len()), squares)
    }

    #[test]
    fn a_level_that_follows_each_value_is_left_where_it_misleads_later() {
        let mut level = 0.0;
        let walk = noise(5, 600).into_iter().map(|step| {
            level += step;
            level
        });
        // A wave that the model has no season for: the last value is far off half a wave later.
        let wave = |step: usize| 10.0 * (step as f64 / 5.0).sin();
        let waves = noise(6, 600).into_iter().enumerate().map(|(step, noise)| wave(step) + noise);
        let rows: [Vec<f64>; 2] = [walk.collect(), waves.collect()];
        let tile = Tile::new(&[&rows[0], &rows[1]], 1);
        let (_, [alpha, share, ..]) = adjusted(&tile).chosen(600);
        assert!(alpha.0[0] > 0.8, "{alpha:?}");
        assert_eq!((alpha.0[1], share.0[1]), (SLOW[0], SLOW[1]));
        let quick = search(&adjusted(&tile), &State::new(tile.rows()[0]), AXES, (0, 600));
        assert!(quick.parameters[0].0[1] > 0.8, "{:?}", quick.parameters);
    }

    #[test]
    fn gaps_count_in_no_error_ahead() {
        let tile = Tile::new(&[&[1.0, f64::NAN, 4.0], &[1.0, 2.0, 3.0]], 1);
        let errors = |step| adjusted(&tile).error(step, Wide::splat(2.5));
        assert_eq!((errors(1).0[0], errors(1).0[1]), (0.0, -0.5));
        assert_eq!((errors(2).0[0], errors(2).0[1]), (1.5, 0.5));
    }

    #[test]
    fn the_recursion_is_that_of_the_formulas() {
        let mut gaps: Vec<f64> = noise(1, 50).iter().map(|z| 5.0 + z).collect();
        gaps[20..26].fill(f64::NAN);
        let rows = [noise(2, 50), gaps];
        let tile = Tile::new(&[&rows[0], &rows[1]], 1);
        for (alpha, share) in [(0.1, 0.5), (0.35, 0.9), (0.99, 0.3), (0.5, 0.0)] {
            let parameters = [alpha, share, 0.0, 0.0].map(Wide::splat);
            let mut state = State::new(tile.rows()[0]);
            let mut squares = adjusted(&tile).run(&mut state, &parameters, 0, 30);
            squares += adjusted(&tile).run(&mut state, &parameters, 30, 50);
            let fitted = Fitted {
                state,
                parameters,
                season: Season::of(tile.rows(), 1, &mut Scratch::default()),
            };
            let mut out = vec![Wide::ZERO; 12];
            fitted.predict(&mut out);
            for (lane, values) in rows.iter().enumerate() {
                let (expected, sum) = naive(values, alpha, share, 12);
                assert_near(&of_lane(&out, lane), &expected, 1e-9);
                assert!((squares.0[lane] - sum).abs() < 1e-9 * sum, "{alpha} {share}");
            }
        }
    }

    #[test]
    fn the_first_level_is_the_one_with_the_least_errors() {
        let mut values: Vec<f64> = noise(5, 60).iter().map(|z| 10.0 + z).collect();
        values[0] = 30.0;
        let tile = Tile::new(&[&values], 1);
        let parameters = [0.15, 0.4, 0.0, 0.0].map(Wide::splat);
        let run = |first: Wide| {
            let mut state = State::new(first);
            let squares = adjusted(&tile).run(&mut state, &parameters, 0, 60);
            (squares, state)
        };
        let (squares, state) = run(tile.rows()[0]);
        let best = tile.rows()[0] + state.first_more();
        assert!((5.0..15.0).contains(&best.0[0]), "{}", best.0[0]);
        let least = run(best).0.0[0];
        let saved = adjusted(&tile).saved(&state).0[0];
        assert!((squares.0[0] - saved - least).abs() < 1e-9 * least);
        for off in [-0.1, 0.1] {
            assert!(run(best + Wide::splat(off)).0.0[0] > least);
        }
        // Of a level that is forgotten at once nothing is said.
        let mut state = State::new(Wide::splat(1e6));
        let forgets = [0.99, 0.4, 0.0, 0.0].map(Wide::splat);
        adjusted(&tile).run(&mut state, &forgets, 0, 60);
        assert_eq!(state.first_more().0[0], 0.0);
    }

    #[test]
    fn a_theta_of_one_is_simple_smoothing() {
        let values = noise(3, 40);
        let tile = Tile::new(&[&values], 1);
        let parameters = [0.3, 0.0, 0.0, 0.0].map(Wide::splat);
        let mut state = State::new(tile.rows()[0]);
        adjusted(&tile).run(&mut state, &parameters, 0, 40);
        let level = values.iter().fold(values[0], |level, value| 0.3 * value + 0.7 * level);
        for _ in 0..5 {
            let expected = state.expected(&parameters);
            assert!((expected.0[0] - level).abs() < 1e-12);
            state.learn(expected, &parameters);
        }
    }

    #[test]
    fn a_line_goes_on() {
        let values: Vec<f64> = (0..220).map(|t| 5.0 + 2.0 * f64::from(t)).collect();
        let found = predicted(&DynamicTheta { period: 1 }, &values[..200], 20);
        for (ahead, (a, b)) in found.iter().zip(&values[200..]).enumerate() {
            // At the largest theta a tenth of the slope is smoothed away at worst.
            assert!((a - b).abs() <= 0.2 * (ahead + 1) as f64 + 0.5, "{found:?}");
        }
    }

    #[test]
    fn seasons_are_factors_above_zero_and_terms_elsewhere() {
        let factors = [0.5, 1.5, 1.2, 0.8];
        let value = |t: usize| (100.0 + 0.1 * t as f64) * factors[t % 4];
        let above: Vec<f64> = (0..80).map(value).collect();
        let below: Vec<f64> = above.iter().map(|value| value - 100.0).collect();
        let rows = Tile::new(&[&above, &below, &noise(4, 80)], 4);
        let season = Season::of(rows.rows(), 4, &mut Scratch::default());
        assert_eq!(season.factors.0[..3], [1.0, 0.0, 0.0]);
        assert_near(&of_lane(&season.phases, 0), &factors, 0.01);
        assert_near(&of_lane(&season.phases, 1), &[-52.0, 52.0, 20.8, -20.8], 1.5);
        assert!(of_lane(&season.phases, 1).iter().sum::<f64>().abs() < 1e-9);
        // Noise has no season.
        assert_eq!(of_lane(&season.phases, 2), [0.0; 4]);
        // The benchmark of M4 takes seasons out in the same way.
        let benchmark = naive2(&above, 4, 4);
        let level = benchmark.iter().sum::<f64>() / 4.0;
        let benchmark: Vec<f64> = benchmark.iter().map(|value| value / level).collect();
        assert_near(&of_lane(&season.phases, 0), &benchmark, 1e-12);
    }

    #[test]
    fn taking_a_season_out_and_putting_it_back_changes_nothing() {
        let rows: Vec<Wide> =
            (0..40).map(|t| Wide::from_fn(|lane| f64::from(t % 5) + lane as f64 - 4.0)).collect();
        for period in [1, 2, 5, 30] {
            let season = Season::of(&rows, period, &mut Scratch::default());
            for (step, row) in rows.iter().enumerate() {
                let back = season.restore(season.remove(*row, step), step);
                for lane in 0..LANES {
                    assert!((back.0[lane] - row.0[lane]).abs() < 1e-9, "{period} {step} {lane}");
                }
            }
        }
    }

    #[test]
    fn means_over_a_period_are_centred() {
        let rows: Vec<Wide> = (0..6).map(|t| Wide::splat(f64::from(t * t))).collect();
        // (0 + 1 + 4) / 3 and so on; (0 / 2 + 1 + 4 + 9 + 16 / 2) / 4 and so on.
        assert_near(
            &of_lane(&centred_means(&rows, 3, Vec::new()), 0),
            &[5.0 / 3.0, 14.0 / 3.0, 29.0 / 3.0, 50.0 / 3.0],
            1e-12,
        );
        assert_near(&of_lane(&centred_means(&rows, 4, Vec::new()), 0), &[5.5, 10.5], 1e-12);
    }

    #[test]
    fn a_season_on_a_line_goes_on() {
        let factors = [0.5, 1.5, 1.2, 0.8];
        let value = |t: usize| (100.0 + 0.5 * t as f64) * factors[t % 4];
        let values: Vec<f64> = (0..132).map(value).collect();
        let found = predicted(&DynamicTheta { period: 4 }, &values[..120], 12);
        for (a, b) in found.iter().zip(&values[120..]) {
            assert!((a / b - 1.0).abs() < 0.03, "{found:?}");
        }
    }
}
