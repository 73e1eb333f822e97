//! What the days before show, whatever the line is: the last regime, its growth, its fluctuations.

use super::evidence::{Evidence, Probabilities};
use super::growth::Growth;
use super::odds::Odds;
use super::paths;
use super::regime::{self, Regimes};
use super::{DAYS_MIN, Exhaustion, ExhaustionOptions, LinePath, Outcome, Trend};

/// A series that was looked at.
#[derive(Debug, Clone)]
pub(super) struct Past {
    evidence: Option<Evidence>,
    known_days: usize,
    last_regime: Option<LastRegime>,
}

#[derive(Debug, Clone)]
struct LastRegime {
    regimes: Regimes,
    /// The days since its start, and how many of them are known.
    days: usize,
    known_days: usize,
    /// Its growth, where it is long enough.
    growth: Option<Growth>,
}

impl Past {
    pub(super) fn of(peaks: &[f64]) -> Self {
        let count = |peaks: &[f64]| peaks.iter().filter(|peak| peak.is_finite()).count();
        let known_days = count(peaks);
        let last_regime = (known_days >= DAYS_MIN).then(|| {
            let regimes = regime::find(peaks);
            let last = peaks.get(regimes.last_start..).unwrap_or(&[]);
            let known_days = count(last);
            let growth = (known_days >= DAYS_MIN).then(|| Growth::of(last)).flatten();
            LastRegime { regimes, days: last.len(), known_days, growth }
        });
        Self { evidence: Evidence::of(peaks), known_days, last_regime }
    }

    /// The growth of the last regime, where it is significant and leads up.
    pub(super) fn growth(&self, options: &ExhaustionOptions) -> Option<&Growth> {
        let growth = self.last_regime.as_ref()?.growth.as_ref()?;
        let stands = options.is_trend(growth.p_value()) && growth.slope_per_day() > 0.0;
        Some(growth).filter(|_| stands)
    }

    /// Whether the days are cleaned up again and again before they reach a line: then their growth
    /// says nothing of it.
    pub(super) fn stays_under(&self, line: f64) -> bool {
        self.last_regime.as_ref().is_some_and(|last| last.regimes.stay_under(line))
    }

    /// When a line is reached that is not reached yet; without the back-test.
    pub(super) fn until(&self, line: f64, options: &ExhaustionOptions) -> Exhaustion {
        let mut found = match &self.last_regime {
            None => {
                not_enough(format!("{} days of peaks; a trend takes {DAYS_MIN}", self.known_days))
            }
            Some(last) => last.until(line, options),
        };
        let of_trend = found.probabilities.zip(found.trend.map(|trend| trend.p_value));
        found.odds = self.evidence.as_ref().map(|evidence| Odds {
            evidence: evidence.of_week(line),
            trend: of_trend,
            horizon_days: options.horizon_days,
        });
        found.probabilities = found.odds.map(|odds| odds.probabilities(&options.calibration));
        found
    }
}

impl LastRegime {
    /// When a line is reached, with the probabilities of a trend that goes on, where there is one.
    fn until(&self, line: f64, options: &ExhaustionOptions) -> Exhaustion {
        let word = Exhaustion::word;
        if self.regimes.stay_under(line) {
            return word(Outcome::NoTrend);
        }
        if self.known_days < DAYS_MIN && self.regimes.sawtooth_top.is_some() {
            return word(Outcome::NoTrend);
        }
        if self.known_days < DAYS_MIN {
            let days = self.days;
            return not_enough(format!(
                "the level changed {days} days ago; a trend takes {DAYS_MIN}"
            ));
        }
        let Some(growth) = &self.growth else {
            return not_enough("no line fits the peaks".to_owned());
        };
        let trend = Trend {
            slope_per_day: growth.slope_per_day(),
            p_value: growth.p_value(),
            regime_start_day: self.regimes.last_start,
        };
        let mut found = Exhaustion { trend: Some(trend), ..word(Outcome::NoTrend) };
        if !options.is_trend(trend.p_value) {
            return found;
        }
        let passages = paths::first_passages(growth, &LinePath::new(line), options);
        let within = |days| passages.share(days);
        found.probabilities = Some(Probabilities::of(within, options.horizon_days));
        found.outcome = if trend.slope_per_day <= 0.0 {
            Outcome::Never
        } else {
            Outcome::Within(passages.quantiles(options))
        };
        found
    }
}

pub(super) fn not_enough(what: String) -> Exhaustion {
    Exhaustion::word(Outcome::NotEnoughData { what })
}
