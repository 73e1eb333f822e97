//! The distribution of demand, put together: what was measured, what the evidence says, and a
//! model of the rest.

use std::fmt;

use super::censored::{CensoredFit, Shape};
use super::evidence::{Demand, Evidence, SaturationOptions};
use crate::error::{Error, Result};
use crate::kernel::{quantile, quantile_sorted};

/// Up to this share of unknown demands a modelled quantile is trusted.
const UNKNOWN_MAX: f64 = 0.4;
/// From this number of known demands on.
const KNOWN_MIN: usize = 50;
/// The difference between shape and data that is no doubt, however many samples show it.
const DISTANCE_FREE: f64 = 0.05;
/// The 5% critical value of a distance (Kolmogorov and Smirnov), times the root of the number.
const DISTANCE_CRITICAL: f64 = 1.36;
/// A model that is less likely by more than this logarithm is out of the running.
const RIVAL_GAP: f64 = 4.0;
/// The difference between two models' quantiles that is no doubt.
const RIVAL_DIFFERENCE: f64 = 0.1;
/// Halvings in the search for a quantile.
const HALVINGS: usize = 100;
/// Ranks that differ by less are one.
const ROUNDING: f64 = 1e-9;

/// The demand behind what was used, estimated.
///
/// ```
/// use plimsoll::capacity::saturation::{Basis, DemandEstimate, Evidence, SaturationOptions};
/// // Demand of 60 to 138, of which no more than 100 is served; the rest waits.
/// let demand: Vec<f64> = (0..40).map(|at| 60.0 + 2.0 * f64::from(at)).collect();
/// let used: Vec<f64> = demand.iter().map(|wanted| wanted.min(100.0)).collect();
/// let waiting: Vec<f64> = demand.iter().zip(&used).map(|(wanted, used)| wanted - used).collect();
/// let options = SaturationOptions::with_limit(100.0);
/// let estimate = DemandEstimate::of(&used, Evidence::Waiting(&waiting), &options)?;
/// assert_eq!(estimate.used_quantile(0.95), 100.0);
/// let p95 = estimate.quantile(0.95)?;
/// assert!((p95.demand.value() - 134.1).abs() < 1e-9);
/// assert_eq!((p95.basis, p95.doubts.len()), (Basis::Evidence, 0));
/// assert_eq!(estimate.saturated_share(), 0.5);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct DemandEstimate {
    /// What was used, without gaps.
    used: Vec<f64>,
    saturated: usize,
    /// In order of time, without gaps.
    demands: Vec<Demand>,
    /// Known demands, and all of them with bounds in the others' place; sorted.
    known: Vec<f64>,
    lower: Vec<f64>,
    least_bound: f64,
    /// The least use, or demand, of the intervals whose demand is not what they used.
    least_cut: f64,
    model: Option<CensoredFit>,
    /// Other models that the data does not rule out.
    rivals: Vec<CensoredFit>,
}

/// What a quantile rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// It lies below all that was cut off: it is the plain quantile of use.
    Measured,
    /// All demands are known from use and what was measured beside it.
    Evidence,
    /// Some demands are known only to be so much or more; a model says how much.
    Model,
    /// No model could be made: the quantile is this or more.
    Bound,
}

/// What speaks against a quantile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Doubt {
    /// So few demands are known.
    FewKnown(usize),
    /// Such a share of demands is not known.
    MuchUnknown(f64),
    /// The known demands are spread otherwise than the shape says, by this distance.
    OtherShape(f64),
    /// Another shape or season, which the data does not rule out, gives this quantile instead.
    Rival(f64),
    /// Too few known demands that differ, so that there is no model.
    NoModel,
}

/// A quantile of demand.
#[derive(Debug, Clone, PartialEq)]
pub struct DemandQuantile {
    /// How much.
    pub demand: Demand,
    /// On what that rests.
    pub basis: Basis,
    /// What speaks against it; where there is nothing it is trusted.
    pub doubts: Vec<Doubt>,
}

impl fmt::Display for Basis {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Measured => "measured",
            Self::Evidence => "evidence",
            Self::Model => "model",
            Self::Bound => "bound",
        })
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FewKnown(count) => write!(out, "only {count} intervals have a known demand"),
            Self::MuchUnknown(share) => {
                write!(out, "{:.0}% of intervals have no known demand", 100.0 * share)
            }
            Self::OtherShape(distance) => {
                write!(out, "known demands are spread otherwise than the model, by {distance:.3}")
            }
            Self::Rival(value) => write!(out, "a model nearly as likely gives {value:.6}"),
            Self::NoModel => write!(out, "too few demands are known to model the rest"),
        }
    }
}

impl DemandEstimate {
    /// Estimates the demand from what was used in equal intervals, in order. NaN is a gap.
    ///
    /// # Errors
    ///
    /// No sample; use or evidence that is negative or infinite; slices of unequal length; options
    /// outside their range; Little's law without intervals below saturation to learn from.
    pub fn of(used: &[f64], evidence: Evidence<'_>, options: &SaturationOptions) -> Result<Self> {
        options.check()?;
        evidence.check(used.len())?;
        if let Some(row) = used.iter().position(|used| *used < 0.0 || used.is_infinite()) {
            return Err(Error::invalid(format!(
                "sample {}: use is {}; give numbers of 0 or more, and NaN for what was \
                 not measured",
                row + 1,
                used[row]
            )));
        }
        let saturated = evidence.saturated(used, options);
        let demands = evidence.demands(used, &saturated, options.limit)?;
        let places: Vec<usize> = (0..used.len()).filter(|row| !used[*row].is_nan()).collect();
        if places.is_empty() {
            return Err(Error::not_enough_data("no interval has a use"));
        }
        let demands: Vec<Demand> = places.iter().map(|row| demands[*row]).collect();
        let used: Vec<f64> = places.iter().map(|row| used[*row]).collect();
        let bound = |demand: &Demand| match demand {
            Demand::Known(_) => f64::INFINITY,
            Demand::AtLeast(bound) => *bound,
        };
        let least_bound = demands.iter().map(bound).fold(f64::INFINITY, f64::min);
        let cut =
            demands.iter().zip(&used).filter(|(demand, used)| **demand != Demand::Known(**used));
        let least_cut = cut.map(|(demand, used)| demand.value().min(*used));
        let least_cut = least_cut.fold(f64::INFINITY, f64::min);
        let sorted = |mut values: Vec<f64>| {
            values.sort_unstable_by(f64::total_cmp);
            values
        };
        let is_known = |demand: &&Demand| matches!(demand, Demand::Known(_));
        let known = sorted(demands.iter().filter(is_known).map(|demand| demand.value()).collect());
        let lower = sorted(demands.iter().map(|demand| demand.value()).collect());
        let candidates = if least_bound.is_finite() {
            CensoredFit::candidates(&places, &demands, options.period)
        } else {
            Vec::new()
        };
        let (model, rivals) = chosen(candidates, demands.len());
        let saturated = saturated.into_iter().filter(|saturated| *saturated).count();
        Ok(Self { used, saturated, demands, known, lower, least_bound, least_cut, model, rivals })
    }

    /// Intervals with a use.
    pub fn intervals(&self) -> usize {
        self.used.len()
    }

    /// Intervals in saturation.
    pub fn saturated(&self) -> usize {
        self.saturated
    }

    /// Their share.
    pub fn saturated_share(&self) -> f64 {
        self.saturated as f64 / self.used.len() as f64
    }

    /// The demand of each interval with a use, in order.
    pub fn demands(&self) -> &[Demand] {
        &self.demands
    }

    /// The shape of the model, where one was needed and made.
    pub fn shape(&self) -> Option<Shape> {
        self.model.as_ref().map(|model| model.shape)
    }

    /// The plain quantile of use, which near saturation is the limit.
    pub fn used_quantile(&self, level: f64) -> f64 {
        quantile(&mut self.used.clone(), level)
    }

    /// The quantile of demand at a level between 0 and 1. With nothing saturated it is that of use.
    ///
    /// # Errors
    ///
    /// Unless the level is between 0 and 1.
    pub fn quantile(&self, level: f64) -> Result<DemandQuantile> {
        if !(level > 0.0 && level < 1.0) {
            return Err(Error::invalid(format!(
                "the level of a quantile is {level}; give a share between 0 and 1, as 0.95"
            )));
        }
        let plain = quantile_sorted(&self.lower, level);
        // It lies between two demands, and is as sure as the larger of them.
        let rank = (level * (self.lower.len() - 1) as f64 - ROUNDING).ceil().max(0.0);
        let above = self.lower.get(rank as usize).copied().unwrap_or(plain);
        let sure =
            |basis| DemandQuantile { demand: Demand::Known(plain), basis, doubts: Vec::new() };
        if above < self.least_cut {
            return Ok(sure(Basis::Measured));
        }
        if above < self.least_bound {
            return Ok(sure(Basis::Evidence));
        }
        let Some(model) = &self.model else {
            let doubts = vec![Doubt::NoModel];
            return Ok(DemandQuantile {
                demand: Demand::AtLeast(plain),
                basis: Basis::Bound,
                doubts,
            });
        };
        let value = self.modelled(model, level);
        let doubts = self.doubts(model, level, value);
        Ok(DemandQuantile { demand: Demand::Known(value), basis: Basis::Model, doubts })
    }

    /// Where as many demands lie beyond as the level says: known ones count, of the others what the
    /// model gives to their part above their bound.
    fn modelled(&self, model: &CensoredFit, level: f64) -> f64 {
        let wanted = (1.0 - level) * self.demands.len() as f64;
        let beyond = |value: f64| -> f64 {
            let known = self.known.len() - self.known.partition_point(|known| *known <= value);
            let of = |(row, demand): (usize, &Demand)| match demand {
                Demand::Known(_) => 0.0,
                Demand::AtLeast(bound) => model.beyond(row, value, *bound),
            };
            known as f64 + self.demands.iter().enumerate().map(of).sum::<f64>()
        };
        let (mut low, mut high) = (self.least_bound, 2.0 * self.lower[self.lower.len() - 1]);
        while beyond(high) > wanted && high < f64::MAX / 4.0 {
            high *= 2.0;
        }
        for _ in 0..HALVINGS {
            let middle = low + 0.5 * (high - low);
            if beyond(middle) > wanted {
                low = middle;
            } else {
                high = middle;
            }
            if high - low <= high * f64::EPSILON {
                break;
            }
        }
        high
    }

    fn doubts(&self, model: &CensoredFit, level: f64, value: f64) -> Vec<Doubt> {
        let (known, all) = (self.known.len(), self.demands.len());
        let unknown = (all - known) as f64 / all as f64;
        let mut doubts = Vec::new();
        if known < KNOWN_MIN {
            doubts.push(Doubt::FewKnown(known));
        }
        if unknown > UNKNOWN_MAX {
            doubts.push(Doubt::MuchUnknown(unknown));
        }
        if model.distance > DISTANCE_FREE.max(DISTANCE_CRITICAL / (known as f64).sqrt()) {
            doubts.push(Doubt::OtherShape(model.distance));
        }
        let others = self.rivals.iter().map(|rival| self.modelled(rival, level));
        let off = |other: f64| (other / value - 1.0).abs();
        let farthest = others.max_by(|a, b| off(*a).total_cmp(&off(*b)));
        if let Some(other) = farthest.filter(|other| off(*other) > RIVAL_DIFFERENCE) {
            doubts.push(Doubt::Rival(other));
        }
        doubts
    }
}

/// The best of the candidates, and those that come near it.
fn chosen(
    mut candidates: Vec<CensoredFit>,
    count: usize,
) -> (Option<CensoredFit>, Vec<CensoredFit>) {
    let cost = 0.5 * (count as f64).ln();
    let merits = candidates.iter().map(|candidate| candidate.merit(cost));
    let best = merits.enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
    let Some((best, _)) = best else { return (None, Vec::new()) };
    let best = candidates.swap_remove(best);
    candidates.retain(|rival| best.merit(1.0) - rival.merit(1.0) < RIVAL_GAP);
    (Some(best), candidates)
}
