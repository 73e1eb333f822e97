//! What speaks for a line being reached, before it is weighed as a fleet's own past says.

use super::calibration::Calibration;
use super::evidence::{Probabilities, Weighed};

/// How likely a series has a trend against having none, before its days are looked at.
const TREND_ODDS: f64 = 0.1;

/// The evidence of one series for one line. A fleet is looked at once; when all of it is known, a
/// [`Calibration`] is learnt, and the evidence weighed by it.
///
/// ```
/// use plimsoll::capacity::exhaustion::{Calibration, ExhaustionOptions, time_to_exhaustion};
/// let peaks: Vec<f64> = (0..40).map(|day| 50.0 + f64::from(day * day % 7)).collect();
/// let found = time_to_exhaustion(&peaks, 57.0, &ExhaustionOptions::default());
/// let as_it_is = found.odds.unwrap().probabilities(&Calibration::default());
/// assert_eq!(Some(as_it_is), found.probabilities);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Odds {
    pub(super) evidence: Weighed,
    /// The probabilities of a trend that goes on, and its p-value, where there is one.
    pub(super) trend: Option<(Probabilities, f64)>,
    pub(super) horizon_days: f64,
}

impl Odds {
    /// The probabilities, weighed.
    pub fn probabilities(&self, calibration: &Calibration) -> Probabilities {
        let within = |days: f64| calibration.within(&self.evidence, days);
        let of_rest = Probabilities::of(within, self.horizon_days);
        match self.trend {
            Some((of_trend, p_value)) => mix(of_trend, of_rest, trend_share(p_value)),
            None => of_rest,
        }
    }
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
