//! The dynamic optimised theta model, in time linear in the values.
#![expect(clippy::inline_always, reason = "a loop is vectors only where all of it is in one place")]

use super::past::Scaled;
use super::search::{Axes, Parameters, Recursion, search, states_at};
use super::{Fit, Past, Predict, Scale, Tile};
use crate::kernel::Wide;

/// Errors of the first steps are not counted: the line is not known yet.
const UNCOUNTED: usize = 3;
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
/// above zero. Parameters as in [`super::Smoothing`]. Costs about 50 passes over the values.
#[derive(Debug, Clone, PartialEq)]
pub struct DynamicTheta {
    /// Steps of a period, or 1 for no season.
    pub period: usize,
}

/// `alpha`, and `1 - 1/theta`.
const AXES: Axes<'static> =
    [&[0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 0.99], &[0.0, 0.3, 0.5, 0.67, 0.9], &[0.0], &[0.0]];

#[derive(Debug, Clone, Copy)]
struct State {
    level: Wide,
    intercept: Wide,
    slope: Wide,
    mean: Wide,
    /// `(1 - alpha)^t`.
    decay: Wide,
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
            step: 0,
        }
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
            }
            state.learn(expected + error, p);
        }
        squares
    }
}

impl Season {
    fn of(rows: &[Wide], period: usize) -> Self {
        let neutral = Self { factors: Wide::ZERO, phases: vec![Wide::ZERO; period.max(1)] };
        if period < 2 || rows.len() < 3 * period {
            return neutral;
        }
        let seasonal = seasonal(rows, period);
        let positive = rows.iter().fold(Wide::splat(f64::INFINITY), |least, row| least.min(*row));
        let factors = Wide::ONE.where_less(Wide::ZERO, positive, Wide::ZERO);
        let trend = centred_means(rows, period);
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

/// Means over one period around each step that has half a period on each side.
fn centred_means(rows: &[Wide], period: usize) -> Vec<Wide> {
    let half = period / 2;
    let even = period.is_multiple_of(2);
    (half..rows.len() - half)
        .map(|at| {
            let inner =
                if even { &rows[at - half + 1..at + half] } else { &rows[at - half..=at + half] };
            let mut sum = inner.iter().fold(Wide::ZERO, |sum, row| sum + *row);
            if even {
                sum += (rows[at - half] + rows[at + half]) * 0.5;
            }
            sum / period as f64
        })
        .collect()
}

impl DynamicTheta {
    /// States at `origins`, from season and parameters learnt before the first of them.
    fn fitted(&self, scaled: &Scaled, origins: &[usize], all: &mut Vec<Box<dyn Predict>>) {
        let Some(until) = origins.first().copied() else { return };
        let mut rows = scaled.tile.rows().to_vec();
        scaled.to_values().apply(&mut rows);
        let season = Season::of(&rows[..until], self.period);
        for (step, row) in rows.iter_mut().enumerate() {
            *row = season.remove(*row, step);
        }
        let adjusted = Adjusted { rows, tile: &scaled.tile };
        let start = State::new(adjusted.rows[0]);
        let parameters = search(&adjusted, &start, AXES, (0, until)).parameters;
        for state in states_at(&adjusted, &start, &parameters, origins) {
            all.push(Box::new(Fitted { state, parameters, season: season.clone() }));
        }
    }
}

impl Fit for DynamicTheta {
    fn name(&self) -> String {
        if self.period > 1 { format!("theta({})", self.period) } else { "theta".to_owned() }
    }

    fn values_min(&self) -> usize {
        3 * self.period + 8
    }

    fn fit(&self, past: &Past, origins: &[usize]) -> Vec<Box<dyn Predict>> {
        let level = past.in_scale(Scale::Level);
        let Some((present, rehearsed)) = origins.split_last() else { return Vec::new() };
        let mut all = Vec::with_capacity(origins.len());
        self.fitted(level, rehearsed, &mut all);
        self.fitted(level, &[*present], &mut all);
        all
    }
}

impl Predict for Fitted {
    fn predict(&self, out: &mut [Wide]) {
        let mut state = self.state;
        for value in out {
            let at = state.step;
            let expected = state.expected(&self.parameters);
            state.learn(expected, &self.parameters);
            *value = self.season.restore(expected, at);
        }
    }
}
