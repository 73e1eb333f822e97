//! What the days before show, whatever the line is: the last regime, its growth, its fluctuations.

use super::evidence::{Evidence, Probabilities};
use super::growth::Growth;
use super::paths;
use super::regime::{self, Regimes};
use super::{DAYS_MIN, Exhaustion, ExhaustionOptions, Outcome, Trend};

/// How likely a series has a trend against having none, before its days are looked at.
const TREND_ODDS: f64 = 0.1;

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

    /// When a line is reached that is not reached yet; without the back-test.
    pub(super) fn until(&self, line: f64, options: &ExhaustionOptions) -> Exhaustion {
        let mut found = match &self.last_regime {
            None => {
                not_enough(format!("{} days of peaks; a trend takes {DAYS_MIN}", self.known_days))
            }
            Some(last) => last.until(line, options),
        };
        let evidence = self.evidence.as_ref();
        let fluctuations = evidence.map(|evidence| evidence.probabilities(line, options));
        found.probabilities = match (found.probabilities, fluctuations, found.trend) {
            (Some(of_trend), Some(of_rest), Some(trend)) => {
                Some(mix(of_trend, of_rest, trend_share(trend.p_value)))
            }
            (_, fluctuations, _) => fluctuations,
        };
        found
    }
}

impl LastRegime {
    /// When a line is reached, with the probabilities of a trend that goes on, where there is one.
    fn until(&self, line: f64, options: &ExhaustionOptions) -> Exhaustion {
        let word =
            |outcome| Exhaustion { trend: None, outcome, probabilities: None, backtest: None };
        if self.regimes.sawtooth_top.is_some_and(|top| top < line) {
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
        if trend.p_value > options.significance {
            return found;
        }
        let passages = paths::first_passages(growth, line, options);
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
    let outcome = Outcome::NotEnoughData { what };
    Exhaustion { trend: None, outcome, probabilities: None, backtest: None }
}

/// How likely the trend is no chance: one series in eleven has one, and a p-value raises these odds
/// by `1 / (-e p ln p)` at most (Sellke, Bayarri and Berger, 2001).
fn trend_share(p_value: f64) -> f64 {
    // Beyond 1 / e a p-value speaks for no trend, and not against it.
    let p = p_value.clamp(f64::MIN_POSITIVE, (-1.0_f64).exp());
    TREND_ODDS / (TREND_ODDS - std::f64::consts::E * p * p.ln())
}

fn mix(of_trend: Probabilities, of_rest: Probabilities, share: f64) -> Probabilities {
    let mixed = |trend: f64, rest: f64| share * trend + (1.0 - share) * rest;
    Probabilities {
        within_7: mixed(of_trend.within_7, of_rest.within_7),
        within_30: mixed(of_trend.within_30, of_rest.within_30),
        within_90: mixed(of_trend.within_90, of_rest.within_90),
        never: mixed(of_trend.never, of_rest.never),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_p_value_is_worth_what_it_can_prove() {
        // -e p ln p at 0.05 is 0.4072, at 0.001 0.018777 (the paper's table 1: 0.407, 0.0188).
        assert!((trend_share(0.05) - 0.1 / (0.1 + 0.407_2)).abs() < 1e-4);
        assert!((trend_share(0.001) - 0.1 / (0.1 + 0.018_777)).abs() < 1e-4);
        assert!(trend_share(0.0) > 1.0 - 1e-12);
        assert!((trend_share(1.0) - 1.0 / 11.0).abs() < 1e-9);
    }
}
