//! Exponential smoothing with additive errors.
#![expect(clippy::inline_always, reason = "a loop is vectors only where all of it is in one place")]

use super::past::{Scaled, ToValues};
use super::search::{
    Ahead, Axes, Parameters, Recursion, SLOW_MARGIN, search, squares_ahead, states_at,
};
use super::{Fit, Past, Predict, Scale, Scratch, Tile};
use crate::kernel::{LANES, Wide};

/// Values that a level without a season starts from.
const START_VALUES: usize = 5;
/// Periods that a season starts from.
const START_PERIODS: usize = 3;
/// What the squared errors of a trend must be less by, for each number that it brings along.
const TREND_MARGIN: f64 = 0.02;
/// What is tried beside the parameters of the least squared errors: a level without trend that
/// moves slowly.
const SLOW: Parameters = [Wide::splat(0.1), Wide::ZERO, Wide::splat(0.2), Wide::ONE];

/// How the level moves on by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trend {
    None,
    Additive,
    Damped,
}

/// The innovations form of additive exponential smoothing (Hyndman, Koehler, Ord and Snyder, 2008),
/// with no trend, an additive one, or a damped one, whichever forecasts the series' own past best:
///
/// ```text
/// f = l + phi b + s(t - m)            e = y - f
/// l <- l + phi b + alpha e            b <- phi b + alpha beta e
/// s(t) <- s(t - m) + (1 - alpha) gamma e
/// ```
///
/// The first periods give the initial states; parameters are those with the least squared errors
/// one step ahead, searched on a grid and refined; or `alpha = 0.1` and `gamma = 0.2` without a
/// trend. Among these the squared errors of up to 32 steps ahead decide, from 48 steps of the past:
/// what is best for the next step may run far off later. On [`Scale::Log`] season and trend are
/// factors. Costs about 200 passes over the values.
#[derive(Debug, Clone, PartialEq)]
pub struct Smoothing {
    /// Steps of a period, or 1 for no season.
    pub period: usize,
    /// The scale.
    pub scale: Scale,
}

#[derive(Debug, Clone)]
struct State {
    level: Wide,
    slope: Wide,
    /// By phase of the absolute step.
    season: Vec<Wide>,
}

impl State {
    /// The forecasts of the steps from `next` on.
    fn ahead(mut self, phi: Wide, next: usize) -> impl Iterator<Item = Wide> {
        (next..).map(move |step| {
            self.slope *= phi;
            self.level += self.slope;
            self.level + self.season[step % self.season.len()]
        })
    }
}

/// One class of models on one tile.
struct Class<'a> {
    trend: Trend,
    period: usize,
    tile: &'a Tile,
}

impl Class<'_> {
    fn axes(&self) -> Axes<'static> {
        let betas: &[f64] = if self.trend == Trend::None { &[0.0] } else { &[0.003, 0.03, 0.2] };
        let phis: &[f64] = if self.trend == Trend::Damped { &[0.8, 0.92, 0.98] } else { &[1.0] };
        let gammas: &[f64] = if self.period > 1 { &[0.0, 0.05, 0.2, 0.5] } else { &[0.0] };
        [&[0.01, 0.06, 0.2, 0.45, 0.75, 0.99], betas, gammas, phis]
    }

    /// Numbers that the trend brings along: its first slope, `beta` and `phi`.
    fn of_trend(&self) -> f64 {
        match self.trend {
            Trend::None => 0.0,
            Trend::Additive => 2.0,
            Trend::Damped => 3.0,
        }
    }

    /// The squared errors ahead, made dearer for what the trend brings along.
    fn price(&self, start: &State, parameters: &Parameters, until: usize) -> Wide {
        let squares = squares_ahead(self, start, parameters, until);
        squares * (1.0 + TREND_MARGIN * self.of_trend())
    }

    /// The state before the first step, from the first periods.
    fn start(&self, until: usize) -> State {
        let rows = &self.tile.rows()[..until];
        let m = self.period;
        let span = if m > 1 { m } else { START_VALUES.min(rows.len() / 2).max(1) };
        let mean = |cycle: usize| {
            let part = &rows[cycle * span..(cycle + 1) * span];
            part.iter().fold(Wide::ZERO, |sum, row| sum + *row) / span as f64
        };
        let cycles = (rows.len() / span).clamp(1, START_PERIODS);
        let first = mean(0);
        let mut slope = Wide::ZERO;
        if self.trend != Trend::None && cycles > 1 {
            slope = (mean(cycles - 1) - first) / ((cycles - 1) * span) as f64;
        }
        let mut season = vec![Wide::ZERO; m];
        for cycle in 0..if m > 1 { cycles } else { 0 } {
            let middle = mean(cycle);
            for (phase, value) in season.iter_mut().enumerate() {
                let along = slope * (phase as f64 - (m as f64 - 1.0) / 2.0);
                *value += (rows[cycle * m + phase] - middle - along) / cycles as f64;
            }
        }
        State { level: first - slope * f64::midpoint(span as f64, 1.0), slope, season }
    }

    #[inline(always)]
    fn pass<const TREND: bool, const SEASON: bool>(
        &self,
        state: &mut State,
        [alpha, beta, gamma, phi]: &Parameters,
        from: usize,
        to: usize,
    ) -> Wide {
        let (mut level, mut slope) = (state.level, state.slope);
        let (beta, gamma) = (*alpha * *beta, (Wide::ONE - *alpha) * *gamma);
        let mut phase = from % self.period;
        let whole = self.tile.is_whole();
        let mut squares = Wide::ZERO;
        for (step, row) in self.tile.rows()[from..to].iter().enumerate() {
            if TREND {
                slope *= *phi;
                level += slope;
            }
            let mut error = *row - level;
            if SEASON {
                error -= state.season[phase];
            }
            if !whole {
                error *= self.tile.known(from + step);
            }
            level += *alpha * error;
            if TREND {
                slope += beta * error;
            }
            if SEASON {
                state.season[phase] += gamma * error;
                phase = if phase + 1 == self.period { 0 } else { phase + 1 };
            }
            squares += error * error;
        }
        (state.level, state.slope) = (level, slope);
        squares
    }
}

impl Recursion for Class<'_> {
    type State = State;

    #[inline(always)]
    fn run(&self, state: &mut State, p: &Parameters, from: usize, to: usize) -> Wide {
        match (self.trend != Trend::None, self.period > 1) {
            (false, false) => self.pass::<false, false>(state, p, from, to),
            (true, false) => self.pass::<true, false>(state, p, from, to),
            (false, true) => self.pass::<false, true>(state, p, from, to),
            (true, true) => self.pass::<true, true>(state, p, from, to),
        }
    }
}

impl Ahead for Class<'_> {
    fn error(&self, step: usize, forecast: Wide) -> Wide {
        (self.tile.rows()[step] - forecast) * self.tile.known(step)
    }

    fn ahead(
        &self,
        state: State,
        [.., phi]: &Parameters,
        next: usize,
    ) -> impl Iterator<Item = Wide> {
        state.ahead(*phi, next)
    }
}

/// The class with the least price in each lane, as the states at each origin.
#[derive(Debug)]
struct Fitted {
    state: State,
    phi: Wide,
    next: usize,
    to_values: ToValues,
}

impl Smoothing {
    /// States at `origins`, from parameters learnt before the first of them.
    fn fitted(&self, scaled: &Scaled, origins: &[usize]) -> Vec<Fitted> {
        let Some(until) = origins.first().copied() else { return Vec::new() };
        let warm = if self.period > 1 { self.period } else { 0 }.min(until);
        let mut least = Wide::splat(f64::INFINITY);
        let mut best: Vec<Fitted> = Vec::new();
        let quick = [Trend::None, Trend::Additive, Trend::Damped].map(|trend| (trend, None));
        for (trend, slow) in quick.into_iter().chain([(Trend::None, Some(SLOW))]) {
            let class = Class { trend, period: self.period.max(1), tile: &scaled.tile };
            let start = class.start(until);
            let searched = || search(&class, &start, class.axes(), (warm, until)).parameters;
            let parameters = slow.unwrap_or_else(searched);
            let margin = if slow.is_some() { SLOW_MARGIN } else { 1.0 };
            let price = class.price(&start, &parameters, until) * margin;
            let states = states_at(&class, &start, &parameters, origins);
            let fitted = states.into_iter().zip(origins).map(|(state, next)| Fitted {
                state,
                phi: parameters[3],
                next: *next,
                to_values: scaled.to_values(),
            });
            if best.is_empty() {
                best = fitted.collect();
            } else {
                for (mine, theirs) in best.iter_mut().zip(fitted) {
                    mine.take_lanes(&theirs, |lane| price.0[lane] < least.0[lane]);
                }
            }
            least = price.min(least);
        }
        best
    }
}

impl Fitted {
    fn take_lanes(&mut self, other: &Self, take: impl Fn(usize) -> bool) {
        let theirs = [other.state.level, other.state.slope, other.phi];
        let mine = [&mut self.state.level, &mut self.state.slope, &mut self.phi];
        let seasons = self.state.season.iter_mut().zip(&other.state.season);
        for (mine, theirs) in mine.into_iter().zip(&theirs).chain(seasons) {
            for lane in (0..LANES).filter(|lane| take(*lane)) {
                mine.0[lane] = theirs.0[lane];
            }
        }
    }
}

impl Fit for Smoothing {
    fn name(&self) -> String {
        let scale = self.scale.prefix();
        if self.period > 1 {
            format!("{scale}smoothing({})", self.period)
        } else {
            format!("{scale}smoothing")
        }
    }

    fn values_min(&self) -> usize {
        self.period.saturating_mul(2).saturating_add(8)
    }

    fn fit<'a>(
        &self,
        past: &'a Past,
        origins: &[usize],
        _: &mut Scratch,
    ) -> Vec<Box<dyn Predict + 'a>> {
        let scaled = past.in_scale(self.scale);
        let Some((present, rehearsed)) = origins.split_last() else { return Vec::new() };
        let mut fitted = self.fitted(scaled, rehearsed);
        fitted.extend(self.fitted(scaled, &[*present]));
        fitted.into_iter().map(|one| Box::new(one) as Box<dyn Predict>).collect()
    }
}

impl Predict for Fitted {
    fn predict(&self, out: &mut [Wide]) {
        for (value, forecast) in out.iter_mut().zip(self.state.clone().ahead(self.phi, self.next)) {
            *value = forecast;
        }
        self.to_values.apply(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::tests::{assert_near, noise, of_lane, predicted};

    fn prepared(values: &[f64]) -> Past {
        Past::new(&Tile::new(&[values], 1), 1, values.len())
    }

    fn fitted(values: &[f64], period: usize) -> Fitted {
        let past = prepared(values);
        let model = Smoothing { period, scale: Scale::Level };
        model.fitted(past.in_scale(Scale::Level), &[values.len()]).remove(0)
    }

    /// Level, slope and season of one series after all its values, and the squared errors.
    fn naive(
        values: &[f64],
        (mut level, mut slope, mut season): (f64, f64, Vec<f64>),
        [alpha, beta, gamma, phi]: [f64; 4],
    ) -> (f64, f64, Vec<f64>, f64) {
        let mut squares = 0.0;
        for (step, value) in values.iter().enumerate() {
            let phase = step % season.len();
            let forecast = level + phi * slope + season[phase];
            let error = if value.is_finite() { value - forecast } else { 0.0 };
            level = level + phi * slope + alpha * error;
            slope = phi * slope + alpha * beta * error;
            season[phase] += (1.0 - alpha) * gamma * error;
            squares += error * error;
        }
        (level, slope, season, squares)
    }

    #[test]
    fn a_level_that_follows_each_value_is_left_where_it_misleads_later() {
        let model = Smoothing { period: 1, scale: Scale::Level };
        // A wave that the model has no season for, up to a crest; the least errors of the next
        // step have a level of 10 there.
        let waves: Vec<f64> = noise(6, 606)
            .into_iter()
            .enumerate()
            .map(|(step, noise)| 10.0 * (step as f64 / 5.0).sin() + noise)
            .collect();
        let forecast = predicted(&model, &waves, 1)[0];
        assert!(waves[605] > 8.0 && forecast.abs() < 5.0, "{forecast} after {}", waves[605]);
        let mut level = 0.0;
        let walk: Vec<f64> = noise(5, 600)
            .into_iter()
            .map(|step| {
                level += step;
                level
            })
            .collect();
        let forecast = predicted(&model, &walk, 1)[0];
        assert!((forecast - walk[599]).abs() < 1.0, "{forecast} after {}", walk[599]);
    }

    #[test]
    fn gaps_count_in_no_error_ahead() {
        let tile = Tile::new(&[&[1.0, f64::NAN, 4.0], &[1.0, 2.0, 3.0]], 1);
        let class = Class { trend: Trend::None, period: 1, tile: &tile };
        let errors = |step| class.error(step, Wide::splat(2.5));
        assert_eq!((errors(1).0[0], errors(1).0[1]), (0.0, -0.5));
        assert_eq!((errors(2).0[0], errors(2).0[1]), (1.5, 0.5));
    }

    #[test]
    fn simple_smoothing_by_hand() {
        // l(t) = alpha y(t) + (1 - alpha) l(t - 1) (Hyndman and Athanasopoulos, Forecasting:
        // Principles and Practice, 3rd edition, 8.1), from a level of 10 with alpha 1/2:
        // 11, 9.5, 10.25, with errors 2, -3, 1.5.
        let tile = Tile::new(&[&[12.0, 8.0, 11.0]], 1);
        let class = Class { trend: Trend::None, period: 1, tile: &tile };
        let start = State { level: Wide::splat(10.0), slope: Wide::ZERO, season: vec![Wide::ZERO] };
        let parameters = [0.5, 0.0, 0.0, 1.0].map(Wide::splat);
        for (steps, level, squares) in [(1, 11.0, 4.0), (2, 9.5, 13.0), (3, 10.25, 15.25)] {
            let mut state = start.clone();
            let found = class.run(&mut state, &parameters, 0, steps);
            assert_eq!((state.level.0[0], found.0[0]), (level, squares));
        }
    }

    #[test]
    fn the_recursion_is_that_of_a_plain_loop() {
        let mut gaps = noise(2, 60);
        gaps[20..30].fill(f64::NAN);
        let rows = [noise(1, 60), gaps];
        let tile = Tile::new(&[&rows[0], &rows[1]], 7);
        for (trend, period, parameters) in [
            (Trend::None, 1, [0.3, 0.0, 0.0, 1.0]),
            (Trend::Additive, 1, [0.3, 0.1, 0.0, 1.0]),
            (Trend::Damped, 1, [0.7, 0.2, 0.0, 0.9]),
            (Trend::None, 7, [0.2, 0.0, 0.4, 1.0]),
            (Trend::Damped, 7, [0.45, 0.03, 0.2, 0.8]),
        ] {
            let class = Class { trend, period, tile: &tile };
            let start = class.start(60);
            let mut state = start.clone();
            let wide = parameters.map(Wide::splat);
            // In two parts, as at two origins.
            let mut squares = class.run(&mut state, &wide, 0, 25);
            squares += class.run(&mut state, &wide, 25, 60);
            for (lane, values) in rows.iter().enumerate() {
                let season = of_lane(&start.season, lane);
                let begin = (start.level.0[lane], start.slope.0[lane], season);
                let (level, slope, season, sum) = naive(values, begin, parameters);
                assert!((state.level.0[lane] - level).abs() < 1e-12, "{trend:?} {period}");
                assert!((state.slope.0[lane] - slope).abs() < 1e-12, "{trend:?} {period}");
                assert_near(&of_lane(&state.season, lane), &season, 1e-12);
                assert!((squares.0[lane] - sum).abs() < 1e-9 * sum, "{trend:?} {period}");
            }
        }
    }

    #[test]
    fn the_start_has_the_line_and_the_season_of_the_first_periods() {
        let season = [3.0, -1.0, 0.0, -2.0];
        let values: Vec<f64> = (0..40).map(|t| 5.0 + 0.5 * t as f64 + season[t % 4]).collect();
        let tile = Tile::new(&[&values], 4);
        let start = Class { trend: Trend::Additive, period: 4, tile: &tile }.start(40);
        // The level is that before the first step.
        assert!((start.level.0[0] - 4.5).abs() < 1e-12 && (start.slope.0[0] - 0.5).abs() < 1e-12);
        assert_near(&of_lane(&start.season, 0), &season, 1e-12);
    }

    #[test]
    fn a_planted_season_and_trend_go_on() {
        let season = [0.0, 4.0, 9.0, 2.0, -6.0, -9.0];
        let value = |t: usize| 40.0 + 0.25 * t as f64 + season[t % 6];
        let values: Vec<f64> = (0..132).map(value).collect();
        let found = predicted(&Smoothing { period: 6, scale: Scale::Level }, &values[..120], 12);
        assert_near(&found, &values[120..], 1e-6);
        // With noise, the mean of many futures: within half of its deviation.
        let noisy: Vec<f64> = noise(3, 120).iter().zip(&values).map(|(z, v)| v + 0.5 * z).collect();
        let found = predicted(&Smoothing { period: 6, scale: Scale::Level }, &noisy, 12);
        assert_near(&found, &values[120..], 1.0);
        // On logarithms both are factors.
        let grown = |t: usize| (0.01 * t as f64 + season[t % 6] / 10.0).exp();
        let values: Vec<f64> = (0..132).map(grown).collect();
        let found = predicted(&Smoothing { period: 6, scale: Scale::Log }, &values[..120], 12);
        assert_near(&found, &values[120..], 1e-6);
    }

    /// The slope and the damping of 16 series, of which each is what `value` makes of its noise.
    fn classes(steps: usize, value: impl Fn(usize, f64) -> f64) -> Vec<(f64, f64)> {
        let of_noise = |(step, z): (usize, f64)| value(step, z);
        let series: Vec<Vec<f64>> = (0..LANES as u64)
            .map(|seed| noise(seed, steps).into_iter().enumerate().map(of_noise).collect())
            .collect();
        let rows: Vec<&[f64]> = series.iter().map(Vec::as_slice).collect();
        let past = Past::new(&Tile::new(&rows, 1), 1, steps);
        let model = Smoothing { period: 1, scale: Scale::Level };
        let found = model.fitted(past.in_scale(Scale::Level), &[steps]).remove(0);
        (0..LANES).map(|lane| (found.state.slope.0[lane], found.phi.0[lane])).collect()
    }

    #[test]
    fn each_class_is_chosen_where_it_fits() {
        let of = |classes: &[(f64, f64)], fits: fn(&(f64, f64)) -> bool| {
            let count = classes.iter().filter(|class| fits(class)).count();
            assert!(count >= 12, "{count} of 16: {classes:?}");
        };
        let noise = classes(200, |_, z| 20.0 + z);
        of(&noise, |class| *class == (0.0, 1.0));
        let line = classes(200, |t, z| 2.0 * t as f64 + z);
        of(&line, |(slope, phi)| (slope - 2.0).abs() < 0.2 && *phi == 1.0);
        let bend = classes(60, |t, z| 500.0 * (1.0 - 0.9_f64.powi(t as i32)) + z);
        of(&bend, |(_, phi)| (0.8..0.98).contains(phi));
    }

    #[test]
    fn a_cycle_that_it_does_not_know_is_no_trend() {
        // One step ahead the slope of a slow wave helps; half a wave ahead it leads away.
        let wave = |t: usize| 10.0 * (t as f64 * std::f64::consts::TAU / 60.0).sin();
        let found = classes(480, |t, z| 50.0 + wave(t) + 0.2 * z);
        assert!(found.iter().all(|class| *class == (0.0, 1.0)), "{found:?}");
    }

    #[test]
    fn lanes_choose_their_classes_apart() {
        let flat: Vec<f64> = noise(4, 200).iter().map(|z| 20.0 + z).collect();
        let line: Vec<f64> = (0..200).map(f64::from).collect();
        let past = Past::new(&Tile::new(&[&flat, &line], 1), 1, 200);
        let model = Smoothing { period: 1, scale: Scale::Level };
        let both = model.fitted(past.in_scale(Scale::Level), &[200]).remove(0);
        assert!((both.state.slope.0[1] - 1.0).abs() < 0.01);
        for (lane, values) in [&flat, &line].into_iter().enumerate() {
            let alone = fitted(values, 1);
            assert_eq!(both.state.level.0[lane], alone.state.level.0[0]);
            assert_eq!(both.phi.0[lane], alone.phi.0[0]);
        }
    }

    #[test]
    fn past_origins_share_parameters_that_were_learnt_before_the_first() {
        let values = noise(8, 150);
        let past = Past::new(&Tile::new(&[&values], 1), 1, 90);
        let scaled = past.in_scale(Scale::Level);
        let model = Smoothing { period: 5, scale: Scale::Level };
        let states = model.fitted(scaled, &[90, 120]);
        let mut later = values.clone();
        later[90..120].fill(100.0);
        let other = Past::new(&Tile::new(&[&later], 1), 1, 90);
        let others = model.fitted(other.in_scale(Scale::Level), &[90, 120]);
        assert_eq!(states[0].state.level, others[0].state.level);
        assert_eq!(states[1].phi, others[1].phi);
        assert_ne!(states[1].state.level, others[1].state.level);
    }
}
