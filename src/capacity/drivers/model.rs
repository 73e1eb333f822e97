//! What a resource costs: idle, and per unit of each driver.

use super::ROWS_MIN;
use super::line::AtLine;
use super::matrix::Symmetric;
use super::observations::Observations;
use super::regression::{Bound, DEVIATION_MIN, Design, Regression};
use super::season::{DayDifferences, day_differences};
use super::shape::{Shape, shape};
use super::validation::{UnseenDays, unseen_days};
use crate::error::{Error, Result};
use crate::kernel::quantile;

/// A number of the fit with its interval of [`COVERAGE`](super::COVERAGE).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coefficient {
    /// The estimate: resource per unit of demand, or resource for idle use.
    pub estimate: f64,
    /// Its standard error, which knows that noise has a memory; 0 where it is held at 0.
    pub standard_error: f64,
    /// Lower end of its interval, 0 or more.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// The probability of so large an estimate where there is nothing.
    pub p_value: f64,
    /// Whether it would be below 0 if it might.
    pub held_at_zero: bool,
}

/// Use as idle use plus a cost per unit of each driver: `use = idle + cost_1 x_1 + cost_2 x_2 ...`
///
/// ```
/// use plimsoll::capacity::drivers::{AtLine, DemandModel, Driver, Observations};
/// use plimsoll::Timestamp;
/// // A processor that is 5% busy at rest, and 1% more for every 500 requests per second.
/// let requests: Vec<f64> = (0..96).map(|row| 1_000.0 * f64::from(row % 24)).collect();
/// let noise = [0.2, -0.1, -0.3, 0.1, 0.1];
/// let cpu: Vec<f64> = (0..96).map(|row| 5.0 + requests[row] / 500.0 + noise[row % 5]).collect();
/// let times: Vec<Timestamp> = (0..96).map(|row| Timestamp::from_seconds(3600 * row)).collect();
/// let driver = Driver { name: "requests", values: &requests };
/// let model = DemandModel::fit(&Observations::new(&times, &cpu, &[driver])?)?;
/// assert!((model.costs[0].estimate - 0.002).abs() < 2e-5);
/// // 80% of the processor: 75% for demand.
/// let AtLine::Demand(line) = model.at_line(80.0)? else { panic!() };
/// assert!((line.demand(0, 0.5).unwrap() / 37_500.0 - 1.0).abs() < 0.01);
/// assert!(line.is_beyond_seen());
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct DemandModel {
    /// Names of the drivers.
    pub drivers: Vec<String>,
    /// Use without demand, 0 or more.
    pub idle: Coefficient,
    /// What a unit of each driver costs, 0 or more.
    pub costs: Vec<Coefficient>,
    /// Rows of which everything was known.
    pub rows: usize,
    /// The share of the variance of use that the fit explains; `None` where use never changed.
    /// Below 0 where bursts, to which the fit does not bend, make most of it.
    pub r_squared: Option<f64>,
    /// The root of the mean square of what is left.
    pub error_rms: f64,
    /// Of what is left, 95% lies below this.
    pub residual_p95: f64,
    /// The share of mean use that is idle; `None` where there was no use.
    pub idle_share: Option<f64>,
    /// By how much each cost's variance is inflated since drivers move together (VIF); 1 where they
    /// do not.
    pub variance_inflation: Vec<f64>,
    /// Whether use bends as demand grows.
    pub shape: Shape,
    /// The same costs from differences to the day before, where there are days enough.
    pub day_differences: Option<DayDifferences>,
    /// How days that the fit did not see are met, where there are several.
    pub unseen_days: Option<UnseenDays>,
    pub(super) fit: Regression,
    /// What a unit of [`LineDemand`](super::LineDemand) is made of.
    pub(super) mix: Vec<f64>,
    /// The largest load seen, as a multiple of the mix.
    pub(super) seen_max: f64,
}

impl DemandModel {
    /// Above this a cost's variance inflation means that drivers cannot be told apart (Marquardt
    /// 1970).
    pub const INFLATION_MAX: f64 = 10.0;

    /// Fits the rows of which everything is known.
    ///
    /// # Errors
    ///
    /// Without a driver, with too few rows, or where a driver does not vary or follows from others.
    pub fn fit(observations: &Observations<'_>) -> Result<Self> {
        let names: Vec<String> =
            observations.drivers().iter().map(|driver| driver.name.to_owned()).collect();
        if names.is_empty() {
            return Err(Error::invalid("a demand model takes at least one driver"));
        }
        let known = observations.known();
        let needed = ROWS_MIN + 2 * names.len();
        if known.len() < needed {
            let what = format!(
                "{} rows have a number for {} and the resource; {needed} are needed",
                known.len(),
                names.join(", ")
            );
            return Err(Error::not_enough_data(what));
        }
        let design = design(observations, &known);
        let variance_inflation = inflation(&design, &names)?;
        let fit = Regression::fit(&design, Bound::Nonnegative)?;
        let free = Regression::fit(&design, Bound::Free)?;
        let times: Vec<_> = known.iter().map(|row| observations.times()[*row]).collect();
        let costs = (1..=names.len()).map(|at| coefficient(&fit, &free, at)).collect();
        let mut residuals = fit.residuals.clone();
        let squares: f64 = residuals.iter().map(|residual| residual * residual).sum();
        let (mean_use, mix) = (mean(&design.target), mix(&design.columns[1..]));
        Ok(Self {
            drivers: names,
            idle: coefficient(&fit, &free, 0),
            costs,
            rows: known.len(),
            r_squared: r_squared(&design.target, squares),
            error_rms: (squares / known.len() as f64).sqrt(),
            residual_p95: quantile(&mut residuals, 0.95),
            idle_share: (mean_use != 0.0).then(|| fit.coefficients[0] / mean_use),
            variance_inflation,
            shape: shape(&design, &fit),
            day_differences: day_differences(observations, &fit),
            unseen_days: unseen_days(&design, &times),
            seen_max: seen_max(&design, &fit.coefficients, &mix),
            mix,
            fit,
        })
    }

    /// The demand at which use reaches `line`: the limit less a margin, or the use at a knee.
    ///
    /// Of several drivers, all grow together, in the proportion of their means.
    ///
    /// # Errors
    ///
    /// Where the line is not a finite number.
    pub fn at_line(&self, line: f64) -> Result<AtLine> {
        AtLine::of(self, line)
    }

    /// Use at a demand, one number per driver; NaN for another number of drivers.
    pub fn use_at(&self, demand: &[f64]) -> f64 {
        if demand.len() != self.costs.len() {
            return f64::NAN;
        }
        let costs = self.fit.coefficients.iter().skip(1);
        self.idle.estimate + costs.zip(demand).map(|(cost, demand)| cost * demand).sum::<f64>()
    }

    /// Whether drivers move so much together that their costs cannot be told apart.
    pub fn is_collinear(&self) -> bool {
        self.variance_inflation.iter().any(|inflation| *inflation > Self::INFLATION_MAX)
    }
}

/// A constant and the drivers, over some rows.
pub(super) fn design(observations: &Observations<'_>, rows: &[usize]) -> Design {
    let of = |values: &[f64]| rows.iter().map(|row| values[*row]).collect::<Vec<f64>>();
    let columns = observations.drivers().iter().map(|driver| of(driver.values)).collect();
    Design::with_constant(columns, of(observations.resource()))
}

/// The share of the variance that is explained where squares of `left` are not; `None` where there
/// is no variance but what rounding makes.
fn r_squared(used: &[f64], left: f64) -> Option<f64> {
    let mean = mean(used);
    let around: f64 = used.iter().map(|used| (used - mean).powi(2)).sum();
    let all: f64 = used.iter().map(|used| used * used).sum();
    (around > DEVIATION_MIN * DEVIATION_MIN * all).then(|| 1.0 - left / around)
}

/// One unit of the only driver, or the mean of each.
fn mix(columns: &[Vec<f64>]) -> Vec<f64> {
    if columns.len() == 1 { vec![1.0] } else { columns.iter().map(|column| mean(column)).collect() }
}

/// The largest load of a row in multiples of the mix, each driver counted at its cost.
fn seen_max(design: &Design, coefficients: &[f64], mix: &[f64]) -> f64 {
    let costs = coefficients.get(1..).unwrap_or(&[]);
    let unit: f64 = costs.iter().zip(mix).map(|(cost, part)| cost * part).sum();
    let load = |row| design.fitted(coefficients, row) - coefficients[0];
    (0..design.target.len()).map(load).fold(0.0, f64::max) / unit
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// A coefficient of the bounded fit. What is held at 0 has its interval from the fit that is not.
fn coefficient(fit: &Regression, free: &Regression, at: usize) -> Coefficient {
    let estimate = fit.coefficients[at];
    let held_at_zero = estimate == 0.0 && free.coefficients[at] < 0.0;
    let standard_error = fit.error(at);
    let high = if held_at_zero {
        free.coefficients[at] + free.factor() * free.error(at)
    } else {
        estimate + fit.factor() * standard_error
    };
    Coefficient {
        estimate,
        standard_error,
        low: (estimate - fit.factor() * standard_error).max(0.0),
        high: high.max(0.0),
        p_value: fit.p_value(at),
        held_at_zero,
    }
}

/// The diagonal of the inverse of the drivers' correlations.
fn inflation(design: &Design, names: &[String]) -> Result<Vec<f64>> {
    let columns = &design.columns[1..];
    let means: Vec<f64> = columns.iter().map(|column| mean(column)).collect();
    let mut around = Symmetric::zero(columns.len());
    let mut cells = vec![0.0; columns.len()];
    for row in 0..design.target.len() {
        for ((cell, column), mean) in cells.iter_mut().zip(columns).zip(&means) {
            *cell = column[row] - mean;
        }
        around.add_square(&cells, 1.0);
    }
    for (at, (name, mean)) in names.iter().zip(&means).enumerate() {
        let deviation = (around.at(at, at) / design.target.len() as f64).sqrt();
        if deviation <= 1e-5 * mean.abs() {
            let what = format!("{name} does not vary, so that its cost cannot be known");
            return Err(Error::not_enough_data(what));
        }
    }
    let inverse = around.inverse().ok_or_else(|| {
        let names = names.join(", ");
        Error::invalid(format!("of {names}, one follows from the others: leave it out"))
    })?;
    Ok((0..names.len()).map(|at| around.at(at, at) * inverse.at(at, at)).collect())
}
