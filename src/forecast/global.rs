//! One model for all rows: what came after pasts that were alike, whoever's they were.
//!
//! The models of the pool learn from one series each. A global one learns from all (Montero-Manso
//! and Hyndman 2021), and errs elsewhere, so that both together are better than either.
//! `docs/method/forecast.md` says what it sees, and what it was tried on.

use rayon::prelude::*;

use super::ensemble::{Lane, Verdict, Widths};
use super::lookback::{FEATURES, Lookback};
use super::rehearsal::Origins;
use super::trees::{Binned, Boosted, Examples};
use super::{Seasons, Tile};
use crate::kernel::Random;

/// Examples that are learnt from, at most.
const EXAMPLES_MAX: usize = 131_072;
/// And at least: fewer tell no more than the rows' own pasts.
const EXAMPLES_MIN: usize = 8_192;
/// Examples of one row, at most.
const OF_ROW_MAX: usize = 1_024;
/// Steps ahead that are drawn for an origin.
const OF_ORIGIN: usize = 2;
/// The quantiles that are learnt: the middle, and those that intervals' widths are told by.
const LEVELS: [f64; 3] = [0.1, 0.5, 0.9];
/// Trees of each quantile.
const TREES: usize = 200;
const SEED: u64 = 0x676c_6f62;

/// What [`super::Forecaster::learn_from`] has seen of a fleet so far.
#[derive(Debug, Clone)]
pub struct Lessons {
    examples: Examples,
    /// How many there may be.
    examples_max: usize,
    /// Examples that are drawn from each further row that is drawn from, at most.
    of_row: usize,
    /// One row in so many is drawn from.
    every: u64,
    /// Rows that were looked at.
    rows: u64,
}

impl Default for Lessons {
    fn default() -> Self {
        Self::of_at_most(EXAMPLES_MAX)
    }
}

/// A row that is learnt from: its values from the first that is known on, and its seasons.
#[derive(Debug)]
pub(super) struct Lesson<'a> {
    pub(super) values: &'a [f64],
    pub(super) seasons: Seasons,
    pub(super) origins: Origins,
    /// Steps from its last value to the end of all rows.
    pub(super) unknown: usize,
}

impl Lessons {
    fn of_at_most(examples_max: usize) -> Self {
        let examples = Examples::new(FEATURES);
        Self { examples, examples_max, of_row: OF_ROW_MAX, every: 1, rows: 0 }
    }

    /// Draws examples from rows; only from what came before the first past origin of each, so that
    /// what is rehearsed was not learnt. Where there are too many, every second one is let go, and
    /// later rows give half as many, so that each row counts as much.
    pub(super) fn add(&mut self, lessons: &[Lesson<'_>]) {
        for some in lessons.chunks(64) {
            let (of_row, first, every) = (self.of_row, self.rows, self.every);
            let taken: Vec<(u64, &Lesson<'_>)> =
                (first..).zip(some).filter(|(row, _)| row.is_multiple_of(every)).collect();
            let drawn: Vec<Examples> =
                taken.par_iter().map(|(row, lesson)| drawn(lesson, of_row, *row)).collect();
            for examples in drawn {
                self.examples.append(examples);
            }
            self.rows += some.len() as u64;
            while self.examples.len() > self.examples_max {
                self.examples.halve();
                if self.of_row > OF_ORIGIN {
                    self.of_row /= 2;
                } else {
                    self.every *= 2;
                }
            }
        }
    }

    /// What was learnt; `None` where there were too few examples.
    pub(super) fn learn(&self) -> Option<GlobalModel> {
        (self.examples.len() >= EXAMPLES_MIN).then(|| self.learn_by(TREES))
    }

    fn learn_by(&self, trees: usize) -> GlobalModel {
        let binned = Binned::new(&self.examples);
        let of_level = |level: &f64| Boosted::learn(&binned, *level, trees);
        GlobalModel { quantiles: LEVELS.par_iter().map(of_level).collect() }
    }
}

fn drawn(lesson: &Lesson<'_>, of_row: usize, row: u64) -> Examples {
    let mut examples = Examples::new(FEATURES);
    let Lesson { values, seasons, origins, unknown } = lesson;
    let Some(end) = origins.past.first().copied() else { return examples };
    let first = Lookback::before_min(*seasons);
    let last = end.saturating_sub(origins.ahead);
    if first >= last {
        return examples;
    }
    let tile = Tile::new(&[values], seasons.short);
    let filled = tile.rows().iter().map(|row| row.0[0]).collect();
    let Some(past) = Lookback::new(filled, *seasons, end, origins.ahead) else { return examples };
    let past = past.followed_by(*unknown);
    let mut random = Random::new(SEED ^ row);
    let mut features = Vec::with_capacity(FEATURES);
    // A row is asked no more often than it has origins.
    for _ in 0..(of_row / OF_ORIGIN).min(last - first) {
        let origin = first + random.below(last - first);
        let view = past.view(origin);
        for _ in 0..OF_ORIGIN {
            let step = random.below(origins.ahead);
            let at = origin + step;
            if tile.known(at).0[0] > 0.0 {
                view.features(step, &mut features);
                let target = (tile.rows()[at].0[0] - view.anchor(step)) / past.scale();
                examples.push(&features, target);
            }
        }
    }
    examples
}

/// What came after pasts that were alike, of a fleet.
#[derive(Debug)]
pub(super) struct GlobalModel {
    /// In the order of [`LEVELS`].
    quantiles: Vec<Boosted>,
}

/// What it came to for one row.
#[derive(Debug)]
pub(super) struct Joined {
    /// Its own forecast.
    pub(super) point: Vec<f64>,
    /// Its mean absolute error at the past origins.
    pub(super) error: f64,
    /// What it counts for in the forecast.
    pub(super) share: f64,
}

/// The quantiles of one step ahead.
#[derive(Debug, Clone, Copy)]
struct Told {
    low: f64,
    middle: f64,
    high: f64,
}

impl Told {
    fn widths(&self, forecast: f64) -> Widths {
        Widths { below: (forecast - self.low).max(0.0), above: (self.high - forecast).max(0.0) }
    }
}

impl GlobalModel {
    /// Takes its part in what one row's own models came to: the more, the less it was off at the
    /// past origins against them (by squares: Bates and Granger 1969). `unknown` are the steps from
    /// the last value to the end of the row. `None` where it cannot: of a row that did not change,
    /// is too short, or is forecast further than its past can judge.
    pub(super) fn join(
        &self,
        lane: &Lane<'_>,
        (seasons, unknown): (Seasons, usize),
        verdict: &mut Verdict,
    ) -> Option<Joined> {
        let origins = lane.origins;
        let horizon = verdict.point.len();
        let before = origins.past.first().copied()?;
        if horizon > origins.ahead || before < Lookback::before_min(seasons) {
            return None;
        }
        let values: Vec<f64> = lane.tile.rows().iter().map(|row| row.0[lane.at]).collect();
        let past = Lookback::new(values, seasons, before, origins.ahead)?.followed_by(unknown);
        let of_past: Vec<Vec<Told>> =
            origins.past.iter().map(|origin| self.tell(&past, *origin, origins.ahead)).collect();
        let present = self.tell(&past, lane.tile.len(), horizon);
        let (error, own) = errors(lane, &of_past, verdict);
        let point = present.iter().map(|told| told.middle).collect();
        // Of two that are never off, the row's own are as good.
        let share = if error > 0.0 { own * own / (own * own + error * error) } else { 0.0 };
        for (at, told) in of_past.iter().enumerate() {
            for (step, told) in told.iter().enumerate() {
                let actual = lane.actual(at, step);
                let off = &mut verdict.errors[at][step];
                *off = (1.0 - share) * *off + share * (actual - told.middle);
                verdict.widths[at][step] = told.widths(actual - *off);
            }
        }
        let widths = verdict.widths.last_mut().into_iter().flatten();
        for ((point, widths), told) in verdict.point.iter_mut().zip(widths).zip(&present) {
            *point = (1.0 - share) * *point + share * told.middle;
            *widths = told.widths(*point);
        }
        Some(Joined { point, error, share })
    }

    /// What may come after an origin, inside what the past before it lets a forecast reach.
    fn tell(&self, past: &Lookback, origin: usize, steps: usize) -> Vec<Told> {
        let (view, reach) = (past.view(origin), past.reach(origin));
        let mut features = Vec::with_capacity(FEATURES);
        let of_step = |step: usize| {
            view.features(step, &mut features);
            let value = |at: usize| {
                let distance = self.quantiles[at].value(&features);
                reach.hold(step, view.anchor(step) + past.scale() * distance)
            };
            Told { low: value(0), middle: value(1), high: value(2) }
        };
        (0..steps).map(of_step).collect()
    }
}

/// The mean absolute errors of the global model and of the ensemble, on the values that both
/// forecast; 0 where there is none.
fn errors(lane: &Lane<'_>, of_past: &[Vec<Told>], verdict: &Verdict) -> (f64, f64) {
    let (mut error, mut own, mut count) = (0.0, 0.0, 0.0);
    for (at, told) in of_past.iter().enumerate() {
        for (step, told) in told.iter().enumerate() {
            let actual = lane.actual(at, step);
            if !actual.is_nan() {
                error += (actual - told.middle).abs();
                own += verdict.errors[at][step].abs();
                count += 1.0;
            }
        }
    }
    (error / f64::max(count, 1.0), own / f64::max(count, 1.0))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::forecast::tests::assert_near;
    use crate::forecast::{ForecastOptions, Forecaster, Outlook};
    use crate::model::Span;

    const AHEAD: usize = 6;

    impl Lessons {
        /// A model of few trees, of however few examples.
        pub(in crate::forecast) fn learn_little(&self) -> GlobalModel {
            self.learn_by(12)
        }
    }

    fn forecaster() -> Forecaster {
        let options = ForecastOptions { horizon: AHEAD, ..ForecastOptions::default() };
        Forecaster::new(Span::HOUR, options).unwrap()
    }

    /// Quiet noise, and at odd times a burst of eight steps: its height says nothing of its length,
    /// and no line through the last values tells when it ends.
    fn bursts(seed: u64, steps: usize) -> Vec<f64> {
        let mut random = Random::new(seed);
        let (mut left, mut height) = (0_u32, 0.0);
        let level = 50.0 * (1.0 + random.uniform());
        (0..steps)
            .map(|_| {
                if left == 0 && random.uniform() < 0.04 {
                    (left, height) = (8, 20.0 * (1.0 + random.uniform()));
                }
                let burst = if left > 0 { height } else { 0.0 };
                left = left.saturating_sub(1);
                level + burst + random.uniform()
            })
            .collect()
    }

    fn lessons(rows: &[Vec<f64>]) -> Lessons {
        let mut lessons = Lessons::default();
        let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        forecaster().learn_from(&rows, &mut lessons);
        lessons
    }

    fn outlooks(forecaster: &Forecaster, rows: &[&[f64]]) -> Vec<Outlook> {
        forecaster.rehearse(rows).into_iter().map(|one| one.unwrap().into_outlook()).collect()
    }

    #[test]
    fn what_is_rehearsed_was_not_learnt() {
        let rows: Vec<Vec<f64>> = (0..3).map(|seed| bursts(seed, 400)).collect();
        let first = Origins::new(400, 24, AHEAD, crate::forecast::Tier::Full).past[0];
        let mut changed = rows.clone();
        for row in &mut changed {
            row[first..].iter_mut().rev().step_by(3).for_each(|value| *value += 500.0);
        }
        let all = |rows: &[Vec<f64>]| format!("{:?}", lessons(rows).examples);
        assert!(all(&rows).len() > 100_000);
        assert!(all(&rows) == all(&changed), "something later was seen");
        changed[1][first - 1] += 500.0;
        assert!(all(&rows) != all(&changed), "the last step before is seen");
    }

    #[test]
    fn a_fleet_tells_what_a_row_alone_does_not() {
        let rows: Vec<Vec<f64>> = (0..24).map(|seed| bursts(seed, 600 + AHEAD)).collect();
        let pasts: Vec<&[f64]> = rows.iter().map(|row| &row[..600]).collect();
        let mut lessons = Lessons::default();
        let alone = forecaster();
        alone.learn_from(&pasts, &mut lessons);
        let taught = alone.with(lessons.learn_little());
        let error = |forecaster: &Forecaster| -> f64 {
            let outlooks = outlooks(forecaster, &pasts);
            let errors = outlooks.iter().map(|one| one.backtest.mase);
            errors.sum::<f64>() / pasts.len() as f64
        };
        let (alone, with_fleet) = (error(&alone), error(&taught));
        assert!(with_fleet < 0.97 * alone, "{with_fleet} {alone}");
        let one = &outlooks(&taught, &pasts[..1])[0];
        let scores = &one.backtest.scores;
        let global = scores.iter().find(|score| &*score.model == "global trees").unwrap();
        assert!(global.share > 0.5, "{}", global.share);
        let shares: f64 = scores.iter().map(|score| score.share).sum();
        assert!((shares - 1.0).abs() < 1e-12, "{shares}");
    }

    #[test]
    fn a_row_that_the_others_say_nothing_of_keeps_its_forecast() {
        let fleet: Vec<Vec<f64>> = (0..6).map(|seed| bursts(seed, 400)).collect();
        let alone = forecaster();
        let taught = alone.with(lessons(&fleet).learn_little());
        // Its own models forecast it to the last digit.
        let day: Vec<f64> = (0..400).map(|step| f64::from(step * step % 24 * 7 % 24)).collect();
        let constant = vec![5.0; 400];
        let short = &fleet[0][..20];
        for row in [day.as_slice(), &constant, short] {
            let (with, without) = (&outlooks(&taught, &[row])[0], &outlooks(&alone, &[row])[0]);
            assert_near(&with.point, &without.point, 0.1);
            let shares =
                with.backtest.scores.iter().filter(|score| &*score.model == "global trees");
            let share: f64 = shares.map(|score| score.share).sum();
            assert!(share < 0.01, "{share}");
        }
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let rows: Vec<Vec<f64>> = (0..5).map(|seed| bursts(seed, 300)).collect();
        let threads = |count: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(count).build().unwrap();
            pool.install(|| {
                let forecaster = forecaster().with(lessons(&rows).learn_little());
                let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
                format!("{:?}", outlooks(&forecaster, &rows))
            })
        };
        assert_eq!(threads(1), threads(3));
    }

    #[test]
    fn too_little_teaches_nothing_and_too_much_is_thinned() {
        let rows: Vec<Vec<f64>> = (0..3).map(|seed| bursts(seed, 300)).collect();
        assert!(forecaster().taught(&lessons(&rows)).is_none());
        let mut lessons = Lessons::default();
        let long: Vec<f64> = bursts(1, 1_000);
        for _ in 0..3 {
            forecaster().learn_from(&vec![long.as_slice(); 64], &mut lessons);
            assert!(lessons.examples.len() <= EXAMPLES_MAX);
        }
        assert!(lessons.examples.len() > EXAMPLES_MAX / 4, "{}", lessons.examples.len());
        assert!(lessons.of_row < OF_ROW_MAX);
    }

    #[test]
    fn early_rows_teach_as_much_as_late_ones() {
        let line = |slope: f64| -> Vec<f64> {
            (0..100).map(|step| slope * f64::from(step * step) + f64::from(step % 3)).collect()
        };
        let (rising, falling) = (line(1.0), line(-1.0));
        let mut lessons = Lessons::of_at_most(1_000);
        for row in [rising, falling] {
            forecaster().learn_from(&vec![row.as_slice(); 2_000], &mut lessons);
        }
        assert!(lessons.every > 1 && lessons.examples.len() > 400);
        let up = lessons.examples.targets.iter().filter(|target| **target > 0.0).count();
        let share = up as f64 / lessons.examples.len() as f64;
        assert!((0.4..0.6).contains(&share), "{share}");
    }
}
