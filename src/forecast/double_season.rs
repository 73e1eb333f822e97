//! Exponential smoothing with two seasons and a short memory of errors.
#![expect(clippy::inline_always, reason = "a loop is vectors only where all of it is in one place")]

use super::past::{Scaled, ToValues};
use super::search::{Axes, Parameters, Recursion, search, states_at};
use super::{Fit, Past, Predict, Scale, Scratch, Tile};
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
        self.long.max(self.short).max(1).saturating_mul(2)
    }

    fn fit<'a>(
        &self,
        past: &'a Past,
        origins: &[usize],
        _: &mut Scratch,
    ) -> Vec<Box<dyn Predict + 'a>> {
        let scaled = past.in_scale(self.scale);
        let Some((present, rehearsed)) = origins.split_last() else { return Vec::new() };
        let model = Self { short: self.short.max(1), long: self.long.max(1), scale: self.scale };
        let mut all = Vec::with_capacity(origins.len());
        model.fitted(scaled, rehearsed, &mut all);
        model.fitted(scaled, &[*present], &mut all);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::tests::{assert_near, noise, of_lane, predicted};

    const DAY: [f64; 6] = [0.0, 2.0, 8.0, 9.0, 3.0, 1.0];

    /// A day of six steps; on the last two of seven days only half as much.
    fn planted(step: usize) -> f64 {
        20.0 + DAY[step % 6] * if step / 6 % 7 < 5 { 1.0 } else { 0.5 }
    }

    fn model() -> DoubleSeason {
        DoubleSeason { short: 6, long: 42, scale: Scale::Level }
    }

    #[test]
    fn a_planted_day_and_week_go_on() {
        let values: Vec<f64> = (0..42 * 13).map(planted).collect();
        let found = predicted(&model(), &values[..42 * 12], 42);
        assert_near(&found, &values[42 * 12..], 0.5);
        let noisy = noise(1, 42 * 12).into_iter().zip(&values).map(|(z, v)| v + 0.3 * z);
        let found = predicted(&model(), &noisy.collect::<Vec<_>>(), 42);
        let off: f64 = found.iter().zip(&values[42 * 12..]).map(|(a, b)| (a - b).abs()).sum();
        assert!(off / 42.0 < 0.4, "{off}");
        // The same on logarithms, where the week is a factor of the day.
        let logs: Vec<f64> = values.iter().map(|value| (value / 10.0).exp()).collect();
        let in_logs = DoubleSeason { scale: Scale::Log, ..model() };
        for (a, b) in predicted(&in_logs, &logs[..42 * 12], 42).iter().zip(&logs[42 * 12..]) {
            assert!((a / b - 1.0).abs() < 0.06, "{a} {b}");
        }
    }

    #[test]
    fn the_recursion_is_that_of_a_plain_loop() {
        let mut values = noise(2, 150);
        values[60..70].fill(f64::NAN);
        let tile = Tile::new(&[&values], 6);
        let start = model().start(tile.rows());
        let [alpha, delta, omega, rho] = [0.1, 0.2, 0.3, 0.6];
        let wide = [alpha, delta, omega, rho].map(Wide::splat);
        let mut state = start.clone();
        let mut squares = OnTile(&tile).run(&mut state, &wide, 0, 50);
        squares += OnTile(&tile).run(&mut state, &wide, 50, 150);

        let mut level = start.level.0[0];
        let (mut short, mut long) = (of_lane(&start.short, 0), of_lane(&start.long, 0));
        let (mut rest, mut sum) = (0.0, 0.0);
        for (step, value) in values.iter().enumerate() {
            let (d, w) = (step % 6, step % 42);
            let base = level + short[d] + long[w];
            let error = if value.is_finite() { value - base - rho * rest } else { 0.0 };
            rest = rho * rest + error;
            level += alpha * error;
            short[d] += delta * error;
            long[w] += omega * error;
            sum += error * error;
        }
        assert!((state.level.0[0] - level).abs() < 1e-12);
        assert!((state.rest.0[0] - rest).abs() < 1e-12 && (squares.0[0] - sum).abs() < 1e-9);
        assert_near(&of_lane(&state.short, 0), &short, 1e-12);
        assert_near(&of_lane(&state.long, 0), &long, 1e-12);
    }

    #[test]
    fn what_is_left_fades_from_step_to_step() {
        let tile = Tile::new(&[&[0.0]], 1);
        let past = Past::new(&tile, 1, 1);
        let state = State {
            level: Wide::splat(1.0),
            short: vec![Wide::ZERO, Wide::splat(10.0)],
            long: vec![Wide::ZERO, Wide::ZERO, Wide::ZERO, Wide::splat(100.0)],
            rest: Wide::splat(8.0),
        };
        let to_values = past.in_scale(Scale::Level).to_values();
        let fitted = Fitted { state, rho: Wide::splat(0.5), next: 3, to_values };
        let mut out = vec![Wide::ZERO; 5];
        fitted.predict(&mut out);
        assert_eq!(of_lane(&out, 0), [115.0, 3.0, 12.0, 1.5, 111.25]);
    }
}
