//! What was measured beside use, and what it says of the demand of one interval.

use crate::error::{Error, Result};
use crate::kernel::{median, normal_quantile};

/// Intervals below saturation that it takes to learn what one request in progress uses.
const BELOW_MIN: usize = 10;
/// Intervals under partial pressure that it takes to learn how demand varies inside one.
const PARTIAL_MIN: usize = 5;
/// The pressures between which an interval says how demand varies inside it.
const PARTIAL: std::ops::RangeInclusive<f64> = 0.1..=0.9;
/// Above this pressure an interval says only that it was full: 3 deviations above the limit.
const PRESSURE_MAX: f64 = 0.998;

/// What was measured beside use. Slices are as long as that of use; NaN is what was not measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Evidence<'a> {
    /// Nothing: what lies above the limit is modelled.
    UseAlone,
    /// Little's law: throughput times response time is the work in progress, waiting or not. What
    /// one unit of it uses is learnt below saturation.
    LittlesLaw {
        /// Work done per unit of time.
        throughput: &'a [f64],
        /// The mean response time, in that unit of time.
        response: &'a [f64],
    },
    /// The mean amount that waited during the interval, in the unit of use; as the run queue beside
    /// busy processors. Demand is what was served and what waited.
    Waiting(&'a [f64]),
    /// What was left to do at the end of each interval, in units of use times intervals. Demand is
    /// what was served and by how much that grew.
    Backlog(&'a [f64]),
    /// The share of the time in which work could run that it waited (CPU ready, run delay): demand
    /// is `used / (1 - share)`.
    WaitShare(&'a [f64]),
    /// The share of the interval in which something waited (PSI "some"). If demand varies normally
    /// inside an interval, that share is the probability that it exceeds the limit.
    Pressure(&'a [f64]),
}

/// What counts as saturated, and what the model may use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SaturationOptions {
    /// The capacity, in the unit of use.
    pub limit: f64,
    /// An interval whose use is this share of the limit or more is saturated. Default 0.99. Lower
    /// flags more, and lets less be measured.
    pub near: f64,
    /// An interval with this pressure or more is saturated, too. Default 0.1.
    pub pressure: f64,
    /// Intervals per season (24 for hours and days), where there is one: the model follows it with
    /// up to three sines. Default none.
    pub period: Option<usize>,
}

/// The demand of an interval, or a quantile of demands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Demand {
    /// So much.
    Known(f64),
    /// So much or more.
    AtLeast(f64),
}

impl Demand {
    /// The number, known or a bound.
    pub fn value(self) -> f64 {
        match self {
            Self::Known(value) | Self::AtLeast(value) => value,
        }
    }
}

impl SaturationOptions {
    /// The defaults, with a limit.
    pub fn with_limit(limit: f64) -> Self {
        Self { limit, near: 0.99, pressure: 0.1, period: None }
    }

    pub(super) fn check(&self) -> Result<()> {
        if !(self.limit.is_finite() && self.limit > 0.0) {
            return Err(Error::invalid(format!(
                "the limit is {}; give the capacity, a number above 0, in the unit of use",
                self.limit
            )));
        }
        for (what, share) in [("near", self.near), ("pressure", self.pressure)] {
            if !(share > 0.0 && share <= 1.0) {
                return Err(Error::invalid(format!("{what} is {share}; give a share of 0 to 1")));
            }
        }
        if self.period.is_some_and(|period| period < 2) {
            return Err(Error::invalid("a season takes 2 or more intervals; leave it out"));
        }
        Ok(())
    }
}

impl<'a> Evidence<'a> {
    /// Each slice, and what it holds.
    fn columns(&self) -> Vec<(&'static str, &'a [f64])> {
        match *self {
            Self::UseAlone => Vec::new(),
            Self::LittlesLaw { throughput, response } => {
                vec![("throughput", throughput), ("response", response)]
            }
            Self::Waiting(values) => vec![("waiting", values)],
            Self::Backlog(values) => vec![("backlog", values)],
            Self::WaitShare(values) => vec![("wait share", values)],
            Self::Pressure(values) => vec![("pressure", values)],
        }
    }

    pub(super) fn check(&self, intervals: usize) -> Result<()> {
        let is_share = matches!(self, Self::WaitShare(_) | Self::Pressure(_));
        for (what, values) in self.columns() {
            if values.len() != intervals {
                return Err(Error::invalid(format!(
                    "{} values of {what} beside {intervals} of use; give one for each",
                    values.len()
                )));
            }
            let fits = |value: f64| value.is_nan() || (value >= 0.0 && value.is_finite());
            let bad = |value: f64| !fits(value) || (is_share && value > 1.0);
            if let Some(row) = values.iter().position(|value| bad(*value)) {
                let unit = if is_share { "shares of 0 to 1" } else { "numbers of 0 or more" };
                return Err(Error::invalid(format!(
                    "sample {}: the {what} is {}; give {unit}, and NaN for what was not measured",
                    row + 1,
                    values[row]
                )));
            }
        }
        Ok(())
    }

    /// Which intervals are saturated.
    pub(super) fn saturated(&self, used: &[f64], options: &SaturationOptions) -> Vec<bool> {
        let full = options.near * options.limit;
        let pressed = |row: usize| match self {
            Self::Pressure(values) => values[row] >= options.pressure,
            _ => false,
        };
        used.iter()
            .enumerate()
            .map(|(row, used)| *used >= full || (!used.is_nan() && pressed(row)))
            .collect()
    }

    /// The demand of every interval; known NaN where use is. Those that are not saturated demanded
    /// what they used.
    pub(super) fn demands(
        &self,
        used: &[f64],
        saturated: &[bool],
        limit: f64,
    ) -> Result<Vec<Demand>> {
        let said = self.said(used, saturated, limit)?;
        let rows = used.iter().zip(saturated).zip(said);
        Ok(rows
            .map(|((used, saturated), said)| match said {
                _ if used.is_nan() => Demand::Known(f64::NAN),
                Some(Demand::Known(demand)) if !demand.is_nan() => {
                    // What ran was wanted, unless it was left over from before.
                    let floor = if matches!(self, Self::Backlog(_)) { 0.0 } else { *used };
                    Demand::Known(demand.max(floor))
                }
                Some(Demand::AtLeast(bound)) if !bound.is_nan() => {
                    Demand::AtLeast(bound.max(*used))
                }
                _ if *saturated => Demand::AtLeast(*used),
                _ => Demand::Known(*used),
            })
            .collect())
    }

    /// What the evidence says, where it says anything.
    fn said(&self, used: &[f64], saturated: &[bool], limit: f64) -> Result<Vec<Option<Demand>>> {
        let any = saturated.iter().any(|saturated| *saturated);
        // Only of the saturated ones, but for a backlog: what drains it was demanded before.
        let each = |of: &dyn Fn(usize) -> Option<Demand>, everywhere: bool| {
            let asked = |row: usize| any && (everywhere || saturated[row]);
            (0..used.len()).map(|row| if asked(row) { of(row) } else { None }).collect()
        };
        Ok(match *self {
            Self::UseAlone => each(&|_| None, false),
            Self::LittlesLaw { throughput, response } => {
                let progress = |row: usize| throughput[row] * response[row];
                let unit = if any { use_of_one(used, saturated, progress)? } else { 1.0 };
                each(&|row| Some(Demand::Known(unit * progress(row))), false)
            }
            Self::Waiting(waiting) => {
                each(&|row| Some(Demand::Known(used[row] + waiting[row])), false)
            }
            Self::Backlog(backlog) => each(
                &|row| {
                    let before = *backlog.get(row.checked_sub(1)?)?;
                    Some(Demand::Known(used[row] + backlog[row] - before))
                },
                true,
            ),
            Self::WaitShare(share) => each(
                &|row| (share[row] < 1.0).then(|| Demand::Known(used[row] / (1.0 - share[row]))),
                false,
            ),
            Self::Pressure(pressure) => {
                let deviation = deviation_inside(used, pressure, limit);
                each(&|row| pressed(pressure[row], deviation?, limit), false)
            }
        })
    }
}

/// What one unit of work in progress uses: the median over the intervals below saturation.
fn use_of_one(used: &[f64], saturated: &[bool], progress: impl Fn(usize) -> f64) -> Result<f64> {
    let below = (0..used.len()).filter(|row| !saturated[*row]);
    let mut ratios: Vec<f64> = below.map(|row| used[row] / progress(row)).collect();
    ratios.retain(|ratio| ratio.is_finite() && *ratio > 0.0);
    if ratios.len() < BELOW_MIN {
        return Err(Error::not_enough_data(format!(
            "{} intervals below saturation have use, throughput and response time; Little's law \
             takes {BELOW_MIN} to learn what one request in progress uses",
            ratios.len()
        )));
    }
    Ok(median(&mut ratios))
}

/// How demand varies inside an interval. With demand normal of mean `m` and deviation `s`, limit
/// `C` and `k = (C - m) / s`: pressure is `p = 1 - Phi(k)`, and what is missing of the limit is
/// `C - used = s (k (1 - p) + phi(k))`. Of the intervals under partial pressure the median.
fn deviation_inside(used: &[f64], pressure: &[f64], limit: f64) -> Option<f64> {
    let partial = used.iter().zip(pressure).filter(|(_, p)| PARTIAL.contains(*p));
    let mut deviations: Vec<f64> = partial
        .map(|(used, p)| {
            let k = normal_quantile(1.0 - p);
            let density = (-0.5 * k * k).exp() / std::f64::consts::TAU.sqrt();
            (limit - used) / (k * (1.0 - p) + density)
        })
        .filter(|deviation| deviation.is_finite() && *deviation > 0.0)
        .collect();
    (deviations.len() >= PARTIAL_MIN).then(|| median(&mut deviations))
}

/// The mean demand at which the limit is exceeded for such a share of the time.
fn pressed(pressure: f64, deviation: f64, limit: f64) -> Option<Demand> {
    let mean = |share: f64| limit + deviation * normal_quantile(share);
    match pressure {
        p if p.is_nan() || p <= 0.0 => None,
        p if p > PRESSURE_MAX => Some(Demand::AtLeast(mean(PRESSURE_MAX))),
        p => Some(Demand::Known(mean(p))),
    }
}
