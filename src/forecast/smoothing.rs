//! Exponential smoothing with additive errors.
#![expect(clippy::inline_always, reason = "a loop is vectors only where all of it is in one place")]

use super::past::{Scaled, ToValues};
use super::search::{Axes, Found, Parameters, Recursion, search, states_at};
use super::{Fit, Past, Predict, Scale, Tile};
use crate::kernel::{LANES, Wide};

/// Values that a level without a season starts from.
const START_VALUES: usize = 5;
/// Periods that a season starts from.
const START_PERIODS: usize = 3;

/// How the level moves on by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trend {
    None,
    Additive,
    Damped,
}

/// The innovations form of additive exponential smoothing (Hyndman, Koehler, Ord and Snyder, 2008),
/// with no trend, an additive one, or a damped one, whichever has the least `AICc` in each series:
///
/// ```text
/// f = l + phi b + s(t - m)            e = y - f
/// l <- l + phi b + alpha e            b <- phi b + alpha beta e
/// s(t) <- s(t - m) + (1 - alpha) gamma e
///
/// AICc = n ln(sum e^2) + 2 k n / (n - k - 1),   k = smoothing parameters + initial states + 1
/// ```
///
/// The first periods give the initial states; parameters are searched on a grid and refined. On
/// [`Scale::Log`] season and trend are factors. Costs about 200 passes over the values.
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

    /// Smoothing parameters, initial states, and the variance.
    fn freedom(&self) -> f64 {
        let of_trend = match self.trend {
            Trend::None => 0,
            Trend::Additive => 2,
            Trend::Damped => 3,
        };
        let of_season = if self.period > 1 { self.period } else { 0 };
        (3 + of_trend + of_season) as f64
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

/// The class with the least criterion in each lane, as the states at each origin.
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
        let counted = (until - warm) as f64;
        let mut least = Wide::splat(f64::INFINITY);
        let mut best: Vec<Fitted> = Vec::new();
        for trend in [Trend::None, Trend::Additive, Trend::Damped] {
            let class = Class { trend, period: self.period, tile: &scaled.tile };
            let start = class.start(until);
            let Found { parameters, squares } = search(&class, &start, class.axes(), (warm, until));
            let k = class.freedom();
            let price = 2.0 * k * counted / (counted - k - 1.0).max(1.0);
            let criterion = squares.map(|sum| counted * sum.max(f64::MIN_POSITIVE).ln() + price);
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
                    mine.take_lanes(&theirs, |lane| criterion.0[lane] < least.0[lane]);
                }
            }
            least = least.min(criterion);
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
        2 * self.period + 8
    }

    fn fit(&self, past: &Past, origins: &[usize]) -> Vec<Box<dyn Predict>> {
        let scaled = past.in_scale(self.scale);
        let Some((present, rehearsed)) = origins.split_last() else { return Vec::new() };
        let mut fitted = self.fitted(scaled, rehearsed);
        fitted.extend(self.fitted(scaled, &[*present]));
        fitted.into_iter().map(|one| Box::new(one) as Box<dyn Predict>).collect()
    }
}

impl Predict for Fitted {
    fn predict(&self, out: &mut [Wide]) {
        let m = self.state.season.len();
        let (mut level, mut slope) = (self.state.level, self.state.slope);
        for (step, value) in out.iter_mut().enumerate() {
            slope *= self.phi;
            level += slope;
            *value = level + self.state.season[(self.next + step) % m];
        }
        self.to_values.apply(out);
    }
}
