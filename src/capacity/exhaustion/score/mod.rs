//! How good the probabilities are on real dynamics, against a straight line.
//!
//! In: the daily peaks of a fleet, whose end is known. From each of many days ("origins") lines are
//! placed over the last peak from the days before alone, by multiples of the usual daily change;
//! the probability that each is reached within a number of days is compared with what came. Out:
//! Brier scores, the skill over a straight line, and a reliability table, with bands. Never: a day
//! from after the origin in what is said there, the fleet's calibration included.

mod reliability;
mod straight;

use std::cell::OnceCell;

use serde::Serialize;

pub use reliability::{Banded, CaseScore, Decile};

use super::calibration::{Calibration, Seen};
use super::evidence::WEEK_DAYS;
use super::{DAYS_MIN, ExhaustionOptions, PeakSeries, cases, look};
use reliability::Case;

/// The base rates between which a set of cases can tell a good forecast from a bad one.
const BASE_RATES: std::ops::RangeInclusive<f64> = 0.2..=0.8;

/// What is scored.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreOptions {
    /// Within how many days a line is reached: 7 and 30 by default. Only probabilities of 7, 30 and
    /// 90 days are told, so that any other horizon has no case and no score.
    pub horizons_days: Vec<usize>,
    /// The first origin, as the number of days before it: 7 at least, 14 by default.
    pub origin_first: usize,
    /// The last origin; by default the last one whose days ahead are known.
    pub origin_last: usize,
    /// Days from one origin to the next: 1. The cost falls with it.
    pub origin_step: usize,
    /// Whether at each origin the fleet's own past up to it is learnt from: true.
    pub learn: bool,
    /// How often the hosts are drawn anew for the bands: 500.
    pub draws: usize,
    /// How the time to exhaustion is found; its calibration counts where nothing is learnt.
    pub method: ExhaustionOptions,
}

impl Default for ScoreOptions {
    fn default() -> Self {
        Self {
            horizons_days: vec![7, 30],
            origin_first: DAYS_MIN,
            origin_last: usize::MAX,
            origin_step: 1,
            learn: true,
            draws: 500,
            method: ExhaustionOptions::default(),
        }
    }
}

/// How good the probabilities are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExhaustionScore {
    /// One for each horizon.
    pub horizons: Vec<HorizonScore>,
}

/// How good the probabilities of one horizon are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HorizonScore {
    /// Within how many days the line is reached.
    pub horizon_days: usize,
    /// The first and the last origin with a case, as numbers of days before them.
    pub origins: Option<(usize, usize)>,
    /// The multiples of the scored set: all, or without the nearest (or farthest) lines, until
    /// between 20 and 80% of the cases came true.
    pub scored_multiples: Vec<f64>,
    /// The scored set; `None` where no set has such a base rate.
    pub scored: Option<CaseScore>,
    /// All cases.
    pub all: Option<CaseScore>,
    /// Each multiple alone.
    pub by_multiple: Vec<MultipleScore>,
}

/// The cases of one distance of the line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MultipleScore {
    /// How far the line is over the last peak, in median absolute deviations of the daily change.
    pub multiple: f64,
    /// How its cases were scored.
    pub score: CaseScore,
}

/// Scores the probabilities of [`time_to_exhaustion`](super::time_to_exhaustion) on a fleet's past.
///
/// A straight line is what `predict_linear` of Prometheus says: least squares, and yes where the
/// line is over the mark on a day ahead. It is given the whole past and the last 7 days, and the
/// better of both on the scored cases counts.
///
/// ```
/// use plimsoll::capacity::exhaustion::PeakSeries;
/// use plimsoll::capacity::exhaustion::score::{ScoreOptions, score_exhaustion};
/// use plimsoll::kernel::Random;
/// let mut random = Random::new(1);
/// let fleet: Vec<PeakSeries> = (0..20)
///     .map(|host| PeakSeries {
///         host: format!("web-{host}"),
///         peaks: (0..40).map(|_| 50.0 + 5.0 * random.normal()).collect(),
///     })
///     .collect();
/// let options = ScoreOptions { horizons_days: vec![7], ..ScoreOptions::default() };
/// let score = &score_exhaustion(&fleet, &options).horizons[0];
/// // Origins after 14 to 33 days, five lines each.
/// let all = score.all.as_ref().unwrap();
/// assert_eq!(all.cases, 20 * 20 * 5);
/// assert!(all.skill.value > 0.3, "{:?}", all.skill);
/// ```
pub fn score_exhaustion(series: &[PeakSeries], options: &ScoreOptions) -> ExhaustionScore {
    let mut horizons: Vec<Vec<Case>> = vec![Vec::new(); options.horizons_days.len()];
    let hosts = hosts(series);
    let learnt = if options.learn { learnable(series) } else { Vec::new() };
    let days = series.iter().map(|series| series.peaks.len()).max().unwrap_or(0);
    let first = options.origin_first.max(WEEK_DAYS);
    let origins = (first..=options.origin_last.min(days)).step_by(options.origin_step.max(1));
    for origin in origins {
        let mut method = options.method.clone();
        if options.learn {
            method.calibration = Calibration::fit(&learnt, origin);
        }
        for (series, host) in series.iter().zip(&hosts) {
            let from = From { peaks: &series.peaks, host: *host, origin };
            from.add_cases(&options.horizons_days, &method, &mut horizons);
        }
    }
    let scored = options.horizons_days.iter().zip(horizons);
    ExhaustionScore {
        horizons: scored.map(|(days, cases)| score_horizon(*days, &cases, options)).collect(),
    }
}

/// One origin of one series.
#[derive(Debug, Clone, Copy)]
struct From<'a> {
    peaks: &'a [f64],
    host: usize,
    origin: usize,
}

impl From<'_> {
    fn add_cases(self, horizons: &[usize], method: &ExhaustionOptions, into: &mut [Vec<Case>]) {
        let Some((before, ahead)) = self.peaks.split_at_checked(self.origin) else { return };
        if horizons.iter().all(|days| ahead.len() < *days) {
            return;
        }
        let past = OnceCell::new();
        for line in cases::lines(before) {
            let Some(found) = look(before, line.at, method, &past).probabilities else { return };
            for (days, cases) in horizons.iter().zip(&mut *into) {
                let outcome = ahead.get(..*days).and_then(|ahead| cases::reached(ahead, line.at));
                let Some(reached) = outcome else { continue };
                let forecast = match days {
                    7 => found.within_7,
                    30 => found.within_30,
                    90 => found.within_90,
                    // Nothing else is told, as `horizons_days` says.
                    _ => continue,
                };
                let straight = straight::reaches(before, line.at, *days);
                let (host, origin, multiple) = (self.host, self.origin, line.multiple);
                cases.push(Case { host, origin, multiple, forecast, straight, reached });
            }
        }
    }
}

fn learnable(series: &[PeakSeries]) -> Vec<Seen> {
    let of = |series: &PeakSeries| -> Vec<Seen> {
        let end = (series.peaks.len() + 1).saturating_sub(WEEK_DAYS);
        (DAYS_MIN..end).flat_map(|origin| Seen::on(&series.peaks, origin)).collect()
    };
    series.iter().flat_map(of).collect()
}

/// A number for each series' host.
fn hosts(series: &[PeakSeries]) -> Vec<usize> {
    let mut names: Vec<&str> = series.iter().map(|series| series.host.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    series.iter().map(|series| names.partition_point(|name| *name < series.host.as_str())).collect()
}

fn score_horizon(horizon_days: usize, cases: &[Case], options: &ScoreOptions) -> HorizonScore {
    let score = |cases: &[Case]| reliability::score(cases, options.draws, options.method.seed);
    let scored_multiples = scored_multiples(cases);
    let of = |multiples: &[f64]| -> Vec<Case> {
        cases.iter().copied().filter(|case| multiples.contains(&case.multiple)).collect()
    };
    let by_multiple = cases::MULTIPLES.iter().filter_map(|multiple| {
        Some(MultipleScore { multiple: *multiple, score: score(&of(&[*multiple]))? })
    });
    let origins = || cases.iter().map(|case| case.origin);
    HorizonScore {
        horizon_days,
        origins: origins().min().zip(origins().max()),
        scored: score(&of(&scored_multiples)),
        all: score(cases),
        by_multiple: by_multiple.collect(),
        scored_multiples,
    }
}

/// The multiples without the nearest ones while too many cases come true, or without the farthest
/// ones while too few do.
fn scored_multiples(cases: &[Case]) -> Vec<f64> {
    let mut multiples = &cases::MULTIPLES[..];
    while !multiples.is_empty() {
        let own = || cases.iter().filter(|case| multiples.contains(&case.multiple));
        let base_rate = own().filter(|case| case.reached).count() as f64 / own().count() as f64;
        if BASE_RATES.contains(&base_rate) {
            return multiples.to_vec();
        }
        let last = multiples.len() - 1;
        multiples =
            if base_rate > *BASE_RATES.end() { &multiples[1..] } else { &multiples[..last] };
    }
    Vec::new()
}

#[cfg(test)]
mod tests;
