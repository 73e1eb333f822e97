//! Where the last regime of a series begins: after its last step.
//!
//! A deploy moves the level from one day to the next; noise with memory drifts, growth climbs. The
//! three are told apart by likelihood: the peaks are a polynomial of time, up to a cubic, plus
//! steps, plus noise of the first order, `n(t) = memory * n(t - 1) + e(t)`, and the model with the
//! smallest `n ln(squares / n) - ln(1 - memory^2) + cost` is taken. Each power of time costs
//! `ln n`, a step `3 ln n` (the modified criterion of Zhang and Siegmund, 2007, counts the choice
//! of its place).

use crate::kernel;

/// Days on each side of a step, at least.
const SIDE_DAYS: usize = 7;
/// Memories that are tried.
const MEMORIES: [f64; 7] = [0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.97];
/// A column of which less than this share is new adds nothing but rounding.
const COLUMN_MIN: f64 = 1e-9;
/// Growth is a line or bends, up to twice: compound growth is no staircase.
const DEGREE_MAX: i32 = 3;
/// What a step costs, in powers of time.
const STEP_COST: f64 = 3.0;
/// Steps at most.
const STEPS_MAX: usize = 24;
/// Steps that did not pay may be followed by one that does, so many at most.
const PATIENCE: usize = 2;
/// Peaks are cut at so many robust deviations from the median of their week: a burst is no step.
const CLIP_DEVIATIONS: f64 = 4.0;
/// Below this share of the level nothing is told from nothing, however quiet the series is.
const QUIET_SHARE: f64 = 0.002;
/// So many falls make a sawtooth: a disk that is cleaned up now and then.
const SAWTOOTH_FALLS: usize = 2;
/// A fall is so many robust deviations of the daily change below the usual climb.
const FALL_DEVIATIONS: f64 = 6.0;
/// Teeth have more days than this; what falls more often is noise.
const FALLS_ONE_IN: usize = 4;
/// What falls undo of the climbs between them, in a sawtooth: about all of it.
const UNDONE_SHARES: std::ops::Range<f64> = 0.6..1.7;
/// Weekdays are told apart from so many days on.
const WEEKLY_DAYS_MIN: usize = 28;
const WEEK: usize = 7;

/// The steps of a series.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Regimes {
    /// The first day after the last step; 0 where there was none.
    pub(super) last_start: usize,
    /// The highest peak before a fall, where the series falls back again and again (log rotation).
    pub(super) sawtooth_top: Option<f64>,
}

impl Regimes {
    /// Whether these are teeth whose tops stay under a line: cleaned up again and again, they do
    /// not reach it, however the last one climbs.
    pub(super) fn stay_under(&self, line: f64) -> bool {
        self.sawtooth_top.is_some_and(|top| top < line)
    }
}

/// Finds the steps of a series of peaks.
pub(super) fn find(peaks: &[f64]) -> Regimes {
    let days: Vec<usize> = (0..peaks.len()).filter(|day| peaks[*day].is_finite()).collect();
    let values = quiet(&days, peaks);
    let steps = steps(&days, &values);
    Regimes {
        last_start: steps.into_iter().max().map_or(0, |at| days[at]),
        sawtooth_top: sawtooth_top(peaks),
    }
}

/// The highest peak before a fall, where the peaks climb and fall back again and again so that
/// falls undo what the climbs did: a disk that is cleaned up by itself. Its teeth are no trend;
/// weekends are no teeth, since the days between do not climb.
fn sawtooth_top(peaks: &[f64]) -> Option<f64> {
    let known: Vec<f64> = peaks.iter().copied().filter(|peak| peak.is_finite()).collect();
    let steps: Vec<f64> = known.windows(2).map(|two| two[1] - two[0]).collect();
    let climb = kernel::median(&mut steps.clone());
    let bound = climb - FALL_DEVIATIONS * kernel::robust_deviation(&mut steps.clone());
    // The end of a burst falls too, but only back to where the days before it were.
    let from_burst = |at: usize| {
        let before = known.get(at.saturating_sub(2)..at).unwrap_or(&[]);
        let lowest = before.iter().copied().fold(f64::INFINITY, f64::min);
        lowest - known[at + 1] < -steps[at] / 3.0
    };
    let falls: Vec<usize> =
        (0..steps.len()).filter(|at| steps[*at] < bound.min(0.0) && !from_burst(*at)).collect();
    let fallen = -falls.iter().map(|at| steps[*at]).sum::<f64>();
    let climbed = climb * (steps.len() - falls.len()) as f64;
    let rare = falls.len() >= SAWTOOTH_FALLS && falls.len() * FALLS_ONE_IN <= steps.len();
    (rare && UNDONE_SHARES.contains(&(fallen / climbed)))
        .then(|| falls.iter().map(|at| known[*at]).fold(f64::NEG_INFINITY, f64::max))
}

/// The known peaks without their weekly pattern and with bursts cut off.
fn quiet(days: &[usize], peaks: &[f64]) -> Vec<f64> {
    let mut values: Vec<f64> = days.iter().map(|day| peaks[*day]).collect();
    let local = local_medians(&values);
    let off: Vec<f64> = values.iter().zip(&local).map(|(value, middle)| value - middle).collect();
    if values.len() >= WEEKLY_DAYS_MIN {
        let mut pattern = [0.0; WEEK];
        for (weekday, place) in pattern.iter_mut().enumerate() {
            let own = days.iter().zip(&off).filter(|(day, _)| *day % WEEK == weekday);
            let mut own: Vec<f64> = own.map(|(_, off)| *off).collect();
            *place = Some(kernel::median(&mut own)).filter(|m| !m.is_nan()).unwrap_or(0.0);
        }
        let size =
            |rest: &dyn Fn(usize) -> f64| (0..off.len()).map(|at| rest(at).abs()).sum::<f64>();
        let before = size(&|at| off[at]);
        let after = size(&|at| off[at] - pattern[days[at] % WEEK]);
        if after < before * (0.9 - WEEK as f64 / values.len() as f64) {
            values.iter_mut().zip(days).for_each(|(value, day)| *value -= pattern[day % WEEK]);
        }
    }
    let local = local_medians(&values);
    let mut off: Vec<f64> = values.iter().zip(&local).map(|(value, mid)| value - mid).collect();
    let mean = off.iter().map(|off| off.abs()).sum::<f64>() / off.len().max(1) as f64;
    let robust = kernel::robust_deviation(&mut off);
    // Where most days are exactly their week's median, the mean distance is the scale.
    let reach = CLIP_DEVIATIONS * if robust > 0.0 { robust } else { mean };
    // Peaks that are too far apart for a scale are left as they are.
    for (value, middle) in values.iter_mut().zip(&local).filter(|_| reach.is_finite()) {
        *value = value.clamp(middle - reach, middle + reach);
    }
    values
}

/// The median of the week around each value.
fn local_medians(values: &[f64]) -> Vec<f64> {
    let mut week = Vec::with_capacity(WEEK);
    let around = |at: usize| {
        week.clear();
        let reach = WEEK / 2;
        week.extend_from_slice(&values[at.saturating_sub(reach)..values.len().min(at + reach + 1)]);
        kernel::median(&mut week)
    };
    (0..values.len()).map(around).collect()
}

/// The places (in `values`) of the steps of the best model.
fn steps(days: &[usize], values: &[f64]) -> Vec<usize> {
    let n = values.len();
    if n < 2 * SIDE_DAYS + 2 {
        return Vec::new();
    }
    let level = kernel::median(&mut values.iter().map(|value| value.abs()).collect::<Vec<_>>());
    let quiet = (QUIET_SHARE * level).powi(2).max(f64::MIN_POSITIVE);
    let mut best = Best::default();
    for memory in MEMORIES {
        for degree in 0..=DEGREE_MAX {
            let mut model = Model::new(days, values, memory, quiet);
            for power in 1..=degree {
                let term: Vec<f64> =
                    days.iter().map(|day| (*day as f64 / n as f64).powi(power)).collect();
                model.add(&model.whitened(&term));
            }
            model.search(degree, &mut best);
        }
    }
    // A short history cannot pay for a step. Where it shows growth and nothing else, a level that
    // changed once must not explain it just as well.
    match best.one_step {
        (score, Some(at)) if best.steps.is_empty() && best.degree > 0 && score < best.score => {
            vec![at]
        }
        _ => best.steps,
    }
}

/// The best model so far.
#[derive(Debug)]
struct Best {
    score: f64,
    degree: i32,
    steps: Vec<usize>,
    /// The best single step of a constant, at the cost of one power of time.
    one_step: (f64, Option<usize>),
}

impl Default for Best {
    fn default() -> Self {
        Self { score: f64::INFINITY, degree: 0, steps: Vec::new(), one_step: (f64::INFINITY, None) }
    }
}

/// A constant, perhaps growth, and steps, fitted by least squares to peaks whose memory has been
/// taken out ("whitened"), so that what is left is independent from day to day.
#[derive(Debug)]
struct Model {
    memory: f64,
    quiet: f64,
    /// Orthonormal columns that have been fitted.
    columns: Vec<Vec<f64>>,
    rest: Vec<f64>,
    steps: Vec<usize>,
}

impl Model {
    fn new(days: &[usize], values: &[f64], memory: f64, quiet: f64) -> Self {
        let mut model =
            Self { memory, quiet, columns: Vec::new(), rest: Vec::new(), steps: Vec::new() };
        // Far from 0 the constant would drown the rest in rounding.
        let first = values.first().copied().unwrap_or(0.0);
        let values: Vec<f64> = values.iter().map(|value| value - first).collect();
        model.rest = model.whitened(&values);
        model.add(&model.whitened(&vec![1.0; days.len()]));
        model
    }

    fn whitened(&self, values: &[f64]) -> Vec<f64> {
        let first = (1.0 - self.memory * self.memory).sqrt();
        let news = values.windows(2).map(|two| two[1] - self.memory * two[0]);
        values.iter().take(1).map(|value| value * first).chain(news).collect()
    }

    /// Fits one more column.
    fn add(&mut self, column: &[f64]) {
        let whole = dot(column, column).sqrt();
        let mut column = column.to_vec();
        for fitted in &self.columns {
            subtract(&mut column, fitted);
        }
        let size = dot(&column, &column).sqrt();
        if size > COLUMN_MIN * whole {
            for value in &mut column {
                *value /= size;
            }
            subtract(&mut self.rest, &column);
            self.columns.push(column);
        }
    }

    /// Adds the step that explains most, again and again, and keeps what is better than `best`.
    fn search(mut self, degree: i32, best: &mut Best) {
        let mut own_best = f64::INFINITY;
        let mut without_gain = 0;
        loop {
            let steps = self.steps.len();
            let score = self.score(f64::from(degree) + STEP_COST * steps as f64);
            if score < best.score {
                (best.score, best.degree, best.steps) = (score, degree, self.steps.clone());
            }
            if let ([at], 0) = (self.steps.as_slice(), degree)
                && self.score(1.0) < best.one_step.0
            {
                best.one_step = (self.score(1.0), Some(*at));
            }
            without_gain = if score < own_best { 0 } else { without_gain + 1 };
            own_best = own_best.min(score);
            if without_gain > PATIENCE || steps == STEPS_MAX {
                return;
            }
            let Some(at) = self.best_step() else { return };
            let step: Vec<f64> = (0..self.rest.len()).map(|t| self.step_at(at, t)).collect();
            self.add(&step);
            self.steps.push(at);
        }
    }

    /// The criterion for a model with so many powers of time, or their worth.
    fn score(&self, powers: f64) -> f64 {
        let n = self.rest.len() as f64;
        let variance = dot(&self.rest, &self.rest) / n + self.quiet;
        n * variance.ln() - (1.0 - self.memory * self.memory).ln() + powers * n.ln()
    }

    /// A step on day `at`, whitened: all of it shows on its day, and the share that memory would
    /// not explain on each day after.
    fn step_at(&self, at: usize, t: usize) -> f64 {
        match t.cmp(&at) {
            std::cmp::Ordering::Less => 0.0,
            std::cmp::Ordering::Equal => 1.0,
            std::cmp::Ordering::Greater => 1.0 - self.memory,
        }
    }

    /// The place of the step that takes most off the squares. The product of a step with a column
    /// is a value and a sum over the days after it, so one pass from the end tries all places.
    fn best_step(&self) -> Option<usize> {
        let n = self.rest.len();
        let after = 1.0 - self.memory;
        let mut sums = vec![0.0; self.columns.len()];
        let mut rest_sum = 0.0;
        let mut best = (0.0, None);
        for at in (1..n).rev() {
            let product = self.rest[at] + after * rest_sum;
            let mut size = 1.0 + after * after * (n - 1 - at) as f64;
            for (column, sum) in self.columns.iter().zip(&mut sums) {
                size -= (column[at] + after * *sum).powi(2);
                *sum += column[at];
            }
            rest_sum += self.rest[at];
            let room = at >= SIDE_DAYS
                && n - at >= SIDE_DAYS
                && self.steps.iter().all(|step| step.abs_diff(at) >= SIDE_DAYS);
            let gain = product * product / size;
            if room && size > 1e-9 && gain > best.0 {
                best = (gain, Some(at));
            }
        }
        best.1
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Takes the share along a column of size 1 out of `values`.
fn subtract(values: &mut [f64], column: &[f64]) {
    let share = dot(values, column);
    values.iter_mut().zip(column).for_each(|(value, part)| *value -= share * part);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Random;

    fn noisy(days: usize, seed: u64, level: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut random = Random::new(seed);
        (0..days).map(|day| level(day) + random.normal()).collect()
    }

    #[test]
    fn a_step_starts_a_regime_and_a_slope_or_a_burst_does_not() {
        let step = noisy(60, 5, |day| if day < 37 { 50.0 } else { 80.0 });
        assert_eq!(find(&step).last_start, 37);
        assert_eq!(find(&noisy(60, 5, |day| day as f64)).last_start, 0);
        let mut burst = noisy(60, 5, |_| 50.0);
        burst[30] = 500.0;
        assert_eq!(find(&burst).last_start, 0);
        let month_ends = noisy(90, 5, |day| if day % 30 > 26 { 90.0 } else { 50.0 });
        assert_eq!(find(&month_ends).last_start, 0);
        assert_eq!(find(&[]).last_start, 0);
        assert_eq!(find(&[1.0; 60]).last_start, 0);
    }

    #[test]
    fn steps_of_three_deviations_are_told_from_memory_and_growth() {
        let (mut steps, mut memory, mut growth) = (0, 0, 0);
        for seed in 0..100 {
            let step = find(&noisy(90, seed, |day| if day < 45 { 50.0 } else { 53.0 }));
            steps += u32::from(step.last_start.abs_diff(45) <= 3);
            let mut random = Random::new(seed);
            let mut level = 0.0;
            let drifting: Vec<f64> = (0..90)
                .map(|_| {
                    level = 0.9 * level + random.normal();
                    50.0 + level
                })
                .collect();
            memory += u32::from(find(&drifting).last_start > 0);
            let line = find(&noisy(90, seed, |day| 50.0 + 0.05 * day as f64));
            let curve = find(&noisy(90, seed, |day| 30.0 * (0.02 * day as f64).exp()));
            growth += u32::from(line.last_start > 0) + u32::from(curve.last_start > 0);
        }
        println!("{steps} steps found, {memory} in memory, {growth} in growth, of 100");
        assert!(steps >= 95 && memory <= 20 && growth <= 5);
    }

    #[test]
    fn a_single_cleanup_starts_a_regime_and_a_sawtooth_is_one() {
        let level = |day: usize| if day < 30 { 100.0 } else { 40.0 } + day as f64;
        let once = find(&noisy(60, 5, level));
        assert_eq!((once.last_start, once.sawtooth_top), (30, None));
        let teeth = find(&noisy(90, 5, |day| 100.0 + 2.0 * (day % 20) as f64));
        assert_eq!(teeth.last_start, 80);
        assert!((teeth.sawtooth_top.unwrap() - 138.0).abs() < 4.0, "{teeth:?}");
        for days in [5, 7, 12, 25] {
            let teeth = noisy(90, 5, |day| 40.0 + 6.0 * (day % days) as f64);
            assert!(sawtooth_top(&teeth).is_some(), "{days}");
        }
        let weekends = |day: usize| if day % 7 < 5 { 80.0 } else { 40.0 };
        assert_eq!(sawtooth_top(&noisy(90, 5, weekends)), None);
        assert_eq!(sawtooth_top(&noisy(90, 5, |day| 6.0 * day as f64)), None);
    }

    #[test]
    fn a_step_under_weekdays_is_no_trend_and_a_trend_is_no_step() {
        let week = |day: usize| if day % 7 < 5 { 8.0 } else { 4.0 };
        let mut random = Random::new(6);
        let mut start = |level: &dyn Fn(usize) -> f64| {
            let peaks: Vec<f64> = (0..90).map(|day| level(day) + 0.3 * random.normal()).collect();
            find(&peaks).last_start
        };
        let step = start(&|day| week(day) * if day < 52 { 1.0 } else { 1.25 });
        assert!(step.abs_diff(52) <= 2, "{step}");
        assert_eq!(start(&|day| week(day) + 0.03 * day as f64), 0);
        assert_eq!(start(&|day| week(day) * f64::exp(0.01 * day as f64)), 0);
    }
}
