//! What a global model sees of a series: the past before an origin, as numbers without a unit.
//!
//! Each step ahead has an anchor, the value that a naive model would forecast, and features that
//! are told as distances from it, over the size of the series' own changes. So rows of all levels
//! and sizes are alike.

use super::Seasons;
use super::accuracy::seasonal_scale;
use super::rehearsal::Reach;
use crate::kernel::quantile;

/// Features of a step ahead.
pub(super) const FEATURES: usize = LAGS.len()
    + MEANS
    + DEVIATIONS
    + EXTREMES
    + QUANTILES
    + CYCLES
    + CHANGES
    + AROUND
    + 4
    + 2 * LONG
    + 8;

/// Steps back of values that are compared with the last one.
const LAGS: [usize; 14] = [1, 2, 3, 4, 6, 8, 12, 18, 24, 36, 48, 72, 96, 144];
/// Windows of which the mean, the deviation, the extremes and quantiles are told.
const MEANS: usize = 8;
const DEVIATIONS: usize = 3;
const EXTREMES: usize = 6;
const QUANTILES: usize = 6;
const LEVELS: [f64; 3] = [0.1, 0.5, 0.9];
/// Periods back whose value of the same phase is told.
const CYCLES: usize = 7;
/// Of those, the ones of which the change since the phase of the origin is told as well.
const CHANGES: usize = 3;
/// Those of which means around the phase are told: this far on either side.
const AROUND: usize = CHANGES * HALVES.len();
const HALVES: [usize; 2] = [3, 12];
/// Long periods back.
const LONG: usize = 3;
/// Steps of windows where there is no short season.
const WITHOUT_SEASON: usize = 24;
/// Short periods in a long one where there is none.
const SHORT_IN_LONG: usize = 7;

/// The past of one series, gaps filled.
#[derive(Debug)]
pub(super) struct Lookback {
    values: Vec<f64>,
    /// Sums of the values and their squares up to each step, less the first value.
    sums: Vec<(f64, f64)>,
    seasons: Seasons,
    /// How large changes from period to period are; over 0.
    scale: f64,
    /// How large those from step to step are, against it.
    roughness: f64,
    /// Whether the anchor is the median of the last three values of the same phase, and not the
    /// last value.
    is_seasonal: bool,
    /// Steps from the last value to the end of the row, where all rows end.
    unknown: usize,
}

/// What is the same for all steps ahead of one origin.
#[derive(Debug)]
pub(super) struct View<'a> {
    past: &'a Lookback,
    /// Steps before it.
    origin: usize,
    last: f64,
    /// Of the windows: means, extremes and quantiles.
    levels: Vec<f64>,
    deviations: Vec<f64>,
}

impl Lookback {
    /// Of a series with these seasons, of which `steps` may be known to choose scale and anchor for
    /// forecasts of up to `ahead` steps. `None` of one that did not change in them.
    pub(super) fn new(
        values: Vec<f64>,
        seasons: Seasons,
        steps: usize,
        ahead: usize,
    ) -> Option<Self> {
        let known = &values[..steps.min(values.len())];
        let at_lag = |lag: usize| Some(seasonal_scale(known, lag)).filter(|scale| *scale > 0.0);
        let scale = at_lag(seasons.short).or_else(|| at_lag(1))?;
        let roughness = (1.0 + at_lag(1).unwrap_or(0.0) / scale).ln();
        // What the last value is off a quarter, half and three quarters of the way.
        let later = |quarters: usize| at_lag((ahead * quarters).div_ceil(4)).unwrap_or(0.0);
        let is_seasonal = seasons.short > 1 && 3.0 * scale < [1, 2, 3].map(later).iter().sum();
        let first = values.first().copied().unwrap_or(0.0);
        let mut sums = vec![(0.0, 0.0)];
        let mut sum = (0.0, 0.0);
        for value in &values {
            let value = value - first;
            sum = (sum.0 + value, sum.1 + value * value);
            sums.push(sum);
        }
        Some(Self { values, sums, seasons, scale, roughness, is_seasonal, unknown: 0 })
    }

    /// The same of a row that ends so many steps after its last value.
    pub(super) fn followed_by(self, unknown: usize) -> Self {
        Self { unknown, ..self }
    }

    /// Steps before the first origin that something can be told of.
    pub(super) fn before_min(seasons: Seasons) -> usize {
        (2 * seasons.short).max(WITHOUT_SEASON)
    }

    /// What distances are told in.
    pub(super) fn scale(&self) -> f64 {
        self.scale
    }

    /// How far forecasts from an origin may leave what came before it.
    pub(super) fn reach(&self, origin: usize) -> Reach {
        Reach::of(&self.values[..origin])
    }

    /// The past before an origin, of at least one step.
    pub(super) fn view(&self, origin: usize) -> View<'_> {
        let day = if self.seasons.short > 1 { self.seasons.short } else { WITHOUT_SEASON };
        let week = if self.seasons.long > 1 { self.seasons.long } else { SHORT_IN_LONG * day };
        let mut levels = Vec::with_capacity(MEANS + EXTREMES + QUANTILES);
        for window in [3, 6, 12, 24, 48, day / 2, day, week] {
            levels.push(self.mean(origin.saturating_sub(window.max(1)), origin));
        }
        for window in [12, 48, day] {
            let part = &self.values[origin.saturating_sub(window)..origin];
            levels.push(part.iter().copied().fold(f64::INFINITY, f64::min));
            levels.push(part.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        }
        for window in [48, day] {
            let mut part = self.values[origin.saturating_sub(window)..origin].to_vec();
            levels.extend(LEVELS.map(|level| quantile(&mut part, level)));
        }
        let deviation = |window: usize| self.deviation(origin.saturating_sub(window), origin);
        let deviations = [12, 48, day].map(deviation).to_vec();
        View { past: self, origin, last: self.values[origin - 1], levels, deviations }
    }

    /// The mean of the steps from one to before another; NaN of none.
    fn mean(&self, from: usize, to: usize) -> f64 {
        let first = self.values.first().copied().unwrap_or(0.0);
        first + (self.sums[to].0 - self.sums[from].0) / (to - from) as f64
    }

    fn deviation(&self, from: usize, to: usize) -> f64 {
        let count = (to - from) as f64;
        let (low, high) = (self.sums[from], self.sums[to]);
        let (mean, square) = ((high.0 - low.0) / count, (high.1 - low.1) / count);
        (square - mean * mean).max(0.0).sqrt()
    }
}

impl View<'_> {
    /// What a naive model forecasts for a step ahead, of which the first is 0.
    pub(super) fn anchor(&self, step: usize) -> f64 {
        if !self.past.is_seasonal {
            return self.last;
        }
        let mut of_phase = [0, 1, 2].map(|back| self.same_phase(step, back));
        crate::kernel::median(&mut of_phase)
    }

    /// The value of a step's phase in the last period before the origin that has it, or `back`
    /// periods before that one.
    fn same_phase(&self, step: usize, back: usize) -> f64 {
        let period = self.past.seasons.short;
        self.back_from(step, (step / period + 1 + back) * period)
    }

    /// The value so many steps before a step ahead, more than it is ahead; NaN before the first.
    fn back_from(&self, step: usize, back: usize) -> f64 {
        debug_assert!(back > step, "{back} steps before step {step} ahead");
        let at = (self.origin + step).checked_sub(back);
        at.map_or(f64::NAN, |at| self.past.values[at])
    }

    /// Fills `out` with the features of a step ahead.
    pub(super) fn features(&self, step: usize, out: &mut Vec<f32>) {
        let Self { past, origin, last, .. } = self;
        let (anchor, over) = (self.anchor(step), 1.0 / past.scale);
        let from = |value: f64, base: f64| ((value - base) * over) as f32;
        out.clear();
        out.extend(LAGS.map(|lag| from(self.back_from(0, lag + 1), *last)));
        out.extend(self.levels.iter().map(|level| from(*level, anchor)));
        out.extend(self.deviations.iter().map(|deviation| (deviation * over) as f32));
        let mut phases = [0.0; CYCLES];
        for (back, phase) in phases.iter_mut().enumerate() {
            *phase = self.same_phase(step, back);
            out.push(from(*phase, anchor));
        }
        let short = past.seasons.short;
        for (back, phase) in phases.iter().enumerate().take(CHANGES) {
            let cycles = (step / short + 1 + back) * short;
            out.push(from(*phase, self.back_from(0, cycles + 1)));
            let middle = (origin + step).checked_sub(cycles);
            out.extend(HALVES.map(|half| {
                middle.map_or(f32::NAN, |middle| {
                    let part = middle.saturating_sub(half)..(middle + half + 1).min(*origin);
                    from(past.mean(part.start, part.end), anchor)
                })
            }));
        }
        out.extend(of_phases(&phases).map(|value| from(value, anchor)));
        let long = past.seasons.long;
        for back in 1..=LONG {
            let cycles = (step / long + back) * long;
            let value = if long > 1 { self.back_from(step, cycles) } else { f64::NAN };
            out.push(from(value, anchor));
            out.push(from(value, self.back_from(0, cycles + 1)));
        }
        out.push(step as f32);
        out.push(((step + 1) % short) as f32);
        // Rows end at one time, so what is left to the end tells the hour and the day.
        let left = (past.values.len() + past.unknown) as i64 - (origin + step) as i64;
        let within = |period: usize| left.rem_euclid(period as i64) as usize;
        out.push(within(short) as f32);
        out.push((within(long) / short) as f32);
        out.push(from(anchor, 0.0));
        out.push(from(*last, anchor));
        out.push(past.roughness as f32);
        out.push(f32::from(u8::from(past.is_seasonal)));
        debug_assert_eq!(out.len(), FEATURES);
    }
}

/// Median, mean and extremes of those that are known.
fn of_phases(phases: &[f64; CYCLES]) -> [f64; 4] {
    let mut known = *phases;
    let median = crate::kernel::median(&mut known);
    let known = || phases.iter().copied().filter(|value| !value.is_nan());
    let count = known().count();
    let mean = known().sum::<f64>() / count as f64;
    let none = |value: f64| if count == 0 { f64::NAN } else { value };
    let (least, greatest) =
        (known().fold(f64::INFINITY, f64::min), known().fold(f64::NEG_INFINITY, f64::max));
    [median, mean, none(least), none(greatest)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::tests::{assert_near, noise};

    const SEASONS: Seasons = Seasons { short: 24, long: 168 };

    fn days(steps: usize) -> Vec<f64> {
        let day = |step: usize| if step % 24 < 8 { 10.0 } else { 50.0 };
        noise(1, steps).into_iter().enumerate().map(|(step, z)| day(step) + z).collect()
    }

    fn features(past: &Lookback, origin: usize, step: usize) -> Vec<f32> {
        let mut features = Vec::new();
        past.view(origin).features(step, &mut features);
        features
    }

    #[test]
    fn the_hour_and_the_day_are_told_however_far_ahead_and_wherever_a_row_ends() {
        let values = days(600);
        let of = |steps: usize, unknown: usize| {
            let past = Lookback::new(values[..steps].to_vec(), SEASONS, 500, 24).unwrap();
            past.followed_by(unknown)
        };
        let clock = |past: &Lookback, origin: usize, step: usize| {
            let features = features(past, origin, step);
            features[FEATURES - 6..FEATURES - 4].to_vec()
        };
        let whole = of(600, 0);
        // 168 steps before the end it is the same hour of the same day.
        assert_eq!(clock(&whole, 400, 30), clock(&whole, 400, 30 + 168));
        for step in [24 * 168 * 8 - 1, 24 * 168 * 8, 24 * 168 * 8 + 1, 50_000] {
            assert_eq!(clock(&whole, 600, step), clock(&whole, 600, step % 168), "{step}");
        }
        // Two rows that end at one time, of which one was not known lately.
        let short = of(570, 30);
        for (origin, step) in [(500, 3), (560, 20), (570, 40)] {
            assert_eq!(clock(&short, origin, step), clock(&whole, origin, step), "{origin} {step}");
        }
    }

    #[test]
    fn features_have_no_level_and_no_unit() {
        let values = days(600);
        let other: Vec<f64> = values.iter().map(|value| 1e6 + 300.0 * value).collect();
        let of = |values: Vec<f64>| Lookback::new(values, SEASONS, 500, 24).unwrap();
        let (past, other) = (of(values), of(other));
        // All but the one that tells how high the anchor is.
        let level = FEATURES - 4;
        for (origin, step) in [(500, 0), (500, 23), (520, 30), (48, 5)] {
            let (mut a, mut b) = (features(&past, origin, step), features(&other, origin, step));
            assert!(a[level] != b[level]);
            (a[level], b[level]) = (0.0, 0.0);
            let known = |row: &[f32]| row.iter().map(|value| !value.is_nan()).collect::<Vec<_>>();
            assert_eq!(known(&a), known(&b));
            let numbers = |row: Vec<f32>| -> Vec<f64> {
                row.into_iter().filter(|value| !value.is_nan()).map(f64::from).collect()
            };
            assert_near(&numbers(a), &numbers(b), 1e-3);
        }
    }

    #[test]
    fn nothing_after_the_origin_is_seen() {
        let values = days(600);
        let mut later = values.clone();
        later[520..].iter_mut().for_each(|value| *value *= 7.0);
        let of = |values: &[f64]| Lookback::new(values.to_vec(), SEASONS, 500, 24).unwrap();
        for step in [0, 1, 23, 24, 47, 100] {
            let of_row = |values: &[f64]| format!("{:?}", features(&of(values), 520, step));
            assert_eq!(of_row(&values), of_row(&later), "{step}");
            assert_ne!(of_row(&values), format!("{:?}", features(&of(&values), 521, step)));
        }
    }

    #[test]
    fn the_anchor_is_the_day_before_where_days_are_alike() {
        let values = days(600);
        let past = Lookback::new(values.clone(), SEASONS, 500, 24).unwrap();
        for (step, back) in [(0, 24), (23, 24), (24, 48)] {
            let mut three = [0, 24, 48].map(|more| values[500 + step - back - more]);
            three.sort_by(f64::total_cmp);
            assert_eq!(past.view(500).anchor(step), three[1]);
        }
        let mut level = 0.0;
        let walk = noise(2, 600).into_iter().map(|z| {
            level += z;
            level
        });
        let walk: Vec<f64> = walk.collect();
        let past = Lookback::new(walk.clone(), SEASONS, 500, 24).unwrap();
        assert_eq!(past.view(500).anchor(7), walk[499]);
        // Without a season there is only the last value.
        let past = Lookback::new(values.clone(), Seasons::NONE, 500, 24).unwrap();
        assert_eq!(past.view(500).anchor(7), values[499]);
        assert_eq!(features(&past, 500, 7).len(), FEATURES);
    }

    #[test]
    fn what_does_not_change_has_no_scale_and_short_pasts_are_told() {
        assert!(Lookback::new(vec![3.0; 100], SEASONS, 100, 24).is_none());
        for seasons in [SEASONS, Seasons::NONE, Seasons { short: 24, long: 1 }] {
            let past = Lookback::new(days(100), seasons, 100, 24).unwrap();
            let first = Lookback::before_min(seasons);
            for step in 0..60 {
                let found = features(&past, first, step);
                assert!(found.iter().all(|value| !value.is_infinite()), "{step}: {found:?}");
                assert!(past.view(first).anchor(step).is_finite());
            }
        }
    }
}
