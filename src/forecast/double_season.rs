//! Exponential smoothing with two seasons and a short memory of errors.
#![expect(clippy::inline_always, reason = "a loop is vectors only where all of it is in one place")]

use super::past::{Scaled, ToValues};
use super::search::{Axes, Parameters, Recursion, search, states_at};
use super::{Fit, Past, Predict, Scale, Tile};
use crate::kernel::Wide;

/// Long periods that the seasons start from.
const START_PERIODS: usize = 2;
/// The share of what one or two weeks say of a week that is believed at the start.
const START_SHARE: f64 = 0.5;

/// Smoothing with a short and a long season (Taylor, 2003 and 2010): each phase of both has its own
/// additive term, and what is left keeps a share from step to step.
///
/// ```text
/// f = l + d(t - m) + w(t - M) + rho r(t - 1)      e = y - f      r(t) = y - l - d - w
/// l <- l + alpha e      d(t) <- d(t - m) + delta e      w(t) <- w(t - M) + omega e
/// ```
///
/// Parameters as in [`super::Smoothing`]. Costs about 80 passes over the values.
#[derive(Debug, Clone, PartialEq)]
pub struct DoubleSeason {
    /// Steps of the short period.
    pub short: usize,
    /// Steps of the long one.
    pub long: usize,
    /// The scale.
    pub scale: Scale,
}

const AXES: Axes<'static> =
    [&[0.003, 0.05, 0.3], &[0.02, 0.12, 0.3], &[0.03, 0.15, 0.35], &[0.0, 0.6, 0.95]];

#[derive(Debug, Clone)]
struct State {
    level: Wide,
    short: Vec<Wide>,
    long: Vec<Wide>,
    rest: Wide,
}

#[derive(Debug)]
struct Fitted {
    state: State,
    rho: Wide,
    next: usize,
    to_values: ToValues,
}

struct OnTile<'a>(&'a Tile);

impl Recursion for OnTile<'_> {
    type State = State;

    #[inline(always)]
    fn run(
        &self,
        state: &mut State,
        [alpha, delta, omega, rho]: &Parameters,
        from: usize,
        to: usize,
    ) -> Wide {
        let (short, long) = (state.short.len(), state.long.len());
        let (mut at_short, mut at_long) = (from % short, from % long);
        let whole = self.0.is_whole();
        let (mut level, mut rest) = (state.level, state.rest);
        let mut squares = Wide::ZERO;
        for (step, row) in self.0.rows()[from..to].iter().enumerate() {
            let base = level + state.short[at_short] + state.long[at_long];
            let kept = *rho * rest;
            let mut error = *row - base - kept;
            if !whole {
                error *= self.0.known(from + step);
            }
            rest = kept + error;
            level += *alpha * error;
            state.short[at_short] += *delta * error;
            state.long[at_long] += *omega * error;
            squares += error * error;
            at_short = if at_short + 1 == short { 0 } else { at_short + 1 };
            at_long = if at_long + 1 == long { 0 } else { at_long + 1 };
        }
        (state.level, state.rest) = (level, rest);
        squares
    }
}

impl DoubleSeason {
    fn start(&self, rows: &[Wide]) -> State {
        let cycles = (rows.len() / self.long).clamp(1, START_PERIODS);
        let rows = &rows[..(cycles * self.long).min(rows.len())];
        let level = rows.iter().fold(Wide::ZERO, |sum, row| sum + *row) / rows.len() as f64;
        let mut short = vec![Wide::ZERO; self.short];
        let per_phase = (rows.len() / self.short).max(1) as f64;
        for (step, row) in rows.iter().enumerate() {
            short[step % self.short] += (*row - level) / per_phase;
        }
        let mut long = vec![Wide::ZERO; self.long];
        for (step, row) in rows.iter().enumerate() {
            let rest = *row - level - short[step % self.short];
            long[step % self.long] += rest * (START_SHARE / cycles as f64);
        }
        State { level, short, long, rest: Wide::ZERO }
    }

    /// States at `origins`, from parameters learnt before the first of them.
    fn fitted(&self, scaled: &Scaled, origins: &[usize], all: &mut Vec<Box<dyn Predict>>) {
        let Some(until) = origins.first().copied() else { return };
        let recursion = OnTile(&scaled.tile);
        let start = self.start(&scaled.tile.rows()[..until]);
        let found = search(&recursion, &start, AXES, (self.long.min(until), until));
        let states = states_at(&recursion, &start, &found.parameters, origins);
        for (state, next) in states.into_iter().zip(origins) {
            let (rho, to_values) = (found.parameters[3], scaled.to_values());
            all.push(Box::new(Fitted { state, rho, next: *next, to_values }));
        }
    }
}

impl Fit for DoubleSeason {
    fn name(&self) -> String {
        format!("{}double season({}, {})", self.scale.prefix(), self.short, self.long)
    }

    fn values_min(&self) -> usize {
        2 * self.long
    }

    fn fit(&self, past: &Past, origins: &[usize]) -> Vec<Box<dyn Predict>> {
        let scaled = past.in_scale(self.scale);
        let Some((present, rehearsed)) = origins.split_last() else { return Vec::new() };
        let mut all = Vec::with_capacity(origins.len());
        self.fitted(scaled, rehearsed, &mut all);
        self.fitted(scaled, &[*present], &mut all);
        all
    }
}

impl Predict for Fitted {
    fn predict(&self, out: &mut [Wide]) {
        let (short, long) = (&self.state.short, &self.state.long);
        let mut rest = self.state.rest;
        for (step, value) in out.iter_mut().enumerate() {
            let at = self.next + step;
            rest *= self.rho;
            *value = self.state.level + short[at % short.len()] + long[at % long.len()] + rest;
        }
        self.to_values.apply(out);
    }
}
