//! Whether growth is steady or compound: mostly the days cannot tell, so both are carried on.

use super::fit::Fit;
use crate::kernel;

/// What lies so many robust deviations off the line, on a share of `INCIDENT_SHARE` of the days or
/// less, is an incident.
const INCIDENT_DEVIATIONS: f64 = 12.0;
const INCIDENT_SHARE: f64 = 0.025;

/// How much likelier steady growth is before the days are looked at.
const STEADY_ODDS: f64 = 2.0;
/// A day whose level is a smaller share of the last one's says little of what its steps would be.
const LEVEL_RATIO_MIN: f64 = 0.1;
/// A shape less likely than this is dropped.
const SHARE_MIN: f64 = 0.02;

/// A line through the peaks and, where they grow, one through their logarithms.
#[derive(Debug, Clone)]
pub(super) struct Growth {
    steady: Fit,
    compound: Option<Fit>,
    /// The probability of compound growth.
    compound_share: f64,
}

impl Growth {
    /// Fits the peaks of one regime; `None` for fewer than two.
    pub(super) fn of(peaks: &[f64]) -> Option<Self> {
        let mut steady = Fit::steady(peaks)?;
        let kept = without_incidents(&steady, peaks);
        let peaks = kept.as_deref().unwrap_or(peaks);
        if kept.is_some() {
            steady = Fit::steady(peaks)?;
        }
        let positive = peaks.iter().all(|peak| peak.is_nan() || *peak > 0.0);
        let only = |steady| Some(Self { steady, compound: None, compound_share: 0.0 });
        if !positive || steady.line.slope <= 0.0 {
            return only(steady);
        }
        let compound = Fit::compound(peaks)?;
        let compound_share = compound_share(&steady, &compound, peaks);
        if compound_share < SHARE_MIN {
            return only(steady);
        }
        Some(Self { steady, compound: Some(compound), compound_share })
    }

    /// Steady growth by a known fit.
    #[cfg(test)]
    pub(super) fn steady(steady: Fit) -> Self {
        Self { steady, compound: None, compound_share: 0.0 }
    }

    /// The fit that future number `index` follows: as many follow each as is likely.
    pub(super) fn fit_of(&self, index: usize) -> &Fit {
        let so_far = |count: usize| (count as f64 * self.compound_share).floor();
        match &self.compound {
            Some(compound) if so_far(index + 1) > so_far(index) => compound,
            _ => &self.steady,
        }
    }

    /// The level so many days after the last one, or before it, as a multiple of the last day's:
    /// the mean over both shapes. Before the regime its first day's level counts, and a level of
    /// less than a tenth of the last one, or below 0, as that tenth.
    pub(super) fn level_ratio(&self, days: f64) -> f64 {
        let last = self.steady.days.saturating_sub(1) as f64;
        let level = |day: f64| {
            let (steady, share) = (self.steady.level(day), self.compound_share);
            let compound = self.compound.as_ref().map(|compound| compound.level(day));
            compound.map_or(steady, |compound| steady + share * (compound - steady))
        };
        let ratio = level((last + days).max(0.0)) / level(last);
        if ratio.is_finite() && level(last) > 0.0 { ratio.max(LEVEL_RATIO_MIN) } else { 1.0 }
    }

    /// Growth per day at the last day, in the unit of the peaks: of the likelier shape.
    pub(super) fn slope_per_day(&self) -> f64 {
        self.likelier().slope_per_day()
    }

    /// The probability of so steep a slope where there is none, as [`Fit::p_value`].
    pub(super) fn p_value(&self) -> f64 {
        self.likelier().p_value()
    }

    fn likelier(&self) -> &Fit {
        self.compound.as_ref().filter(|_| self.compound_share > 0.5).unwrap_or(&self.steady)
    }
}

/// The peaks without their incidents; `None` where there are none: a backup that ran wild once in
/// forty days is not the way in which a trend ends. What comes more often stays.
fn without_incidents(fit: &Fit, peaks: &[f64]) -> Option<Vec<f64>> {
    let distances = fit.distances(peaks);
    let far = INCIDENT_DEVIATIONS * kernel::robust_deviation(&mut distances.clone());
    let incidents = distances.iter().filter(|distance| distance.abs() > far).count();
    let known = distances.iter().filter(|distance| !distance.is_nan()).count();
    let most = (INCIDENT_SHARE * known as f64).ceil() as usize;
    let keep = |(peak, distance): (&f64, &f64)| if distance.abs() > far { f64::NAN } else { *peak };
    (1..=most).contains(&incidents).then(|| peaks.iter().zip(&distances).map(keep).collect())
}

/// The probability of compound growth, from how far both are from the peaks on average: for n
/// independent days and noise of Laplace's law the odds are `(steady / compound)^n`.
fn compound_share(steady: &Fit, compound: &Fit, peaks: &[f64]) -> f64 {
    let (line, curve) = (steady.misfit(peaks), compound.misfit(peaks));
    if curve >= line && line == 0.0 {
        return 0.0;
    }
    let independent = if curve < line { compound } else { steady }.independent_days();
    1.0 / (1.0 + STEADY_ODDS * (curve / line).powf(independent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Random;

    #[test]
    fn clear_shapes_are_told_apart_and_others_are_not() {
        let mut random = Random::new(9);
        let mut share = |level: &dyn Fn(f64) -> f64| {
            let peaks: Vec<f64> =
                (0..60).map(|day| level(f64::from(day)) + 0.5 * random.normal()).collect();
            Growth::of(&peaks).unwrap().compound_share
        };
        assert!(share(&|day| 10.0 * (0.05 * day).exp()) > 0.99);
        assert!(share(&|day| 10.0 + 3.0 * day) < 0.01);
        let open = share(&|day| 50.0 + 0.1 * day);
        assert!((0.1..0.7).contains(&open), "{open}");
    }
}
