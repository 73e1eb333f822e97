//! The law fitted to measurements, with the intervals that it earns.

use super::law::{Peak, ScalabilityLaw};
use super::solve::{LoadSample, Three, closest, gradient};
use crate::error::{Error, Result};
use crate::kernel::{Cholesky, student_factor};

/// Distinct loads below which three parameters have no error left to be judged by.
const LOADS_MIN: usize = 4;

/// A number and the interval around it, of which so much is likely to hold the true one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The number.
    pub value: f64,
    /// Its lower end. It may be below 0 for what cannot be: the data does not exclude 0 then.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// The intervals of the law's parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ParameterIntervals {
    /// Of the throughput of one unit of load.
    pub throughput_of_one: Interval,
    /// Of the contention; `None` where it is held at 0 or 1.
    pub contention: Option<Interval>,
    /// Of the coherency; `None` where it is held at 0.
    pub coherency: Option<Interval>,
}

/// The intervals of the peak.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PeakIntervals {
    /// Of its load.
    pub load: Interval,
    /// Of its throughput.
    pub throughput: Interval,
}

/// A [`ScalabilityLaw`] fitted by least squares, with contention and coherency not below 0.
///
/// Intervals are those of linearised least squares (the delta method): a standard error times the
/// factor of Student's t. Its degrees of freedom are the samples less the parameters that were
/// free: `n - 3`, and one more for each parameter that is held at its bound. Where samples sum up
/// many measurements, [`with_parts`](Self::with_parts) makes them no narrower than these show.
///
/// ```
/// use plimsoll::capacity::scalability::{LoadSample, ScalabilityFit};
/// // SPEC SDM91, as in capacity.md 2.5.
/// let samples: Vec<LoadSample> = [
///     (1.0, 64.9), (18.0, 995.9), (36.0, 1652.4), (72.0, 1853.2),
///     (108.0, 1828.9), (144.0, 1775.0), (216.0, 1702.2),
/// ]
/// .map(|(load, throughput)| LoadSample { load, throughput })
/// .to_vec();
/// let fit = ScalabilityFit::of(&samples)?;
/// assert!((fit.law().contention() / 0.027_728_476 - 1.0).abs() < 1e-6);
/// let peak = fit.peak_intervals(0.95)?.unwrap();
/// assert!((peak.load.value / 96.519_56 - 1.0).abs() < 1e-6);
/// assert!((peak.load.half_width() - 24.95).abs() < 0.005);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ScalabilityFit {
    samples: Vec<LoadSample>,
    law: ScalabilityLaw,
    held: [bool; 3],
    degrees: f64,
    residual_variance: f64,
    /// The inverse of `J' J` over the parameters that were free.
    inverse: [Three; 3],
    /// What the inverse is multiplied by for the covariance of the parameters.
    variance: f64,
    /// The degrees of freedom of that.
    interval_degrees: f64,
}

impl ParameterIntervals {
    /// Whether the interval of coherency excludes 0. Where it does not, or coherency is held at 0,
    /// the data does not show that throughput ever falls.
    pub fn shows_coherency(&self) -> bool {
        self.coherency.is_some_and(|of| of.low > 0.0)
    }
}

impl Interval {
    fn around(value: f64, half_width: f64) -> Self {
        Self { value, low: value - half_width, high: value + half_width }
    }

    /// Half of its width.
    pub fn half_width(&self) -> f64 {
        0.5 * (self.high - self.low)
    }
}

impl ScalabilityFit {
    /// Fits the law. Loads may repeat, in any order.
    ///
    /// # Errors
    ///
    /// Fewer than four distinct loads; a load or a throughput that is not a number above 0; loads
    /// at which the parameters cannot be told apart.
    pub fn of(samples: &[LoadSample]) -> Result<Self> {
        check(samples)?;
        let apart = "the loads do not tell contention from coherency; measure at loads further \
                     apart, 1 among them";
        let closest = closest(samples).ok_or_else(|| Error::not_enough_data(apart))?;
        let [of_one, contention, coherency] = closest.parameters;
        let law = ScalabilityLaw::new(of_one, contention, coherency)?;
        let free: Vec<usize> = (0..3).filter(|at| !closest.held[*at]).collect();
        let degrees = samples.len() as f64 - free.len() as f64;
        let residual_variance = closest.squares / degrees;
        let inverse = inverse_of_normal(samples, &closest.parameters, &free)
            .ok_or_else(|| Error::not_enough_data(apart))?;
        Ok(Self {
            samples: samples.to_vec(),
            law,
            held: closest.held,
            degrees,
            residual_variance,
            inverse,
            variance: residual_variance,
            interval_degrees: degrees,
        })
    }

    /// The same fit of samples that each sum up many measurements, with intervals that are no
    /// narrower than these show. For each part of the measurements (a stretch of time), `parts` has
    /// by how much the throughput of each sample changes where that part is left out.
    ///
    /// It is the jackknife: what neighbouring samples have in common, such as noise with a memory,
    /// moves them together, and is not seen in how they scatter about the curve.
    #[must_use]
    pub fn with_parts(mut self, parts: &[Vec<f64>]) -> Self {
        if parts.len() < 2 {
            return self;
        }
        let count = parts.len() as f64;
        let moved: Vec<Three> = parts.iter().map(|changes| self.moved(changes)).collect();
        for at in (0..3).filter(|at| !self.held[*at]) {
            let mean = moved.iter().map(|three| three[at]).sum::<f64>() / count;
            let squares = moved.iter().map(|three| (three[at] - mean).powi(2)).sum::<f64>();
            let variance = squares * (count - 1.0) / count;
            self.variance = self.variance.max(variance / self.inverse[at][at]);
        }
        self.interval_degrees = self.interval_degrees.min(count - 1.0);
        self
    }

    /// By how much the parameters move with the throughput of each sample: `(J' J)^-1 J'` times the
    /// changes.
    fn moved(&self, changes: &[f64]) -> Three {
        let mut pushed = [0.0; 3];
        for (sample, change) in self.samples.iter().zip(changes) {
            for (sum, slope) in pushed.iter_mut().zip(self.gradient(sample.load)) {
                *sum += slope * change;
            }
        }
        self.inverse.map(|row| row.iter().zip(pushed).map(|(value, by)| value * by).sum())
    }

    /// The fitted law.
    pub fn law(&self) -> &ScalabilityLaw {
        &self.law
    }

    /// The samples, as they were given.
    pub fn samples(&self) -> &[LoadSample] {
        &self.samples
    }

    /// Whether the contention is held at 0 or 1: the data would have it beyond.
    pub fn contention_is_held(&self) -> bool {
        self.held[1]
    }

    /// Whether the coherency is held at 0: the data would have it below.
    pub fn coherency_is_held(&self) -> bool {
        self.held[2]
    }

    /// The degrees of freedom: samples less free parameters.
    pub fn degrees_of_freedom(&self) -> f64 {
        self.degrees
    }

    /// The residual standard error, in units of throughput.
    pub fn residual_error(&self) -> f64 {
        self.residual_variance.sqrt()
    }

    /// The efficiency that was measured at each sample: its throughput, of what as many units did
    /// if each did as much as the fitted one alone.
    pub fn measured_efficiencies(&self) -> Vec<f64> {
        let of_one = self.law.throughput_of_one();
        self.samples.iter().map(|sample| sample.throughput / (of_one * sample.load)).collect()
    }

    /// The intervals of the parameters, of coverage `level`.
    ///
    /// # Errors
    ///
    /// Unless `level` is between 0 and 1; so of every interval here.
    pub fn parameter_intervals(&self, level: f64) -> Result<ParameterIntervals> {
        let factor = self.factor(level)?;
        let law = &self.law;
        let values = [law.throughput_of_one(), law.contention(), law.coherency()];
        let interval = |at: usize| {
            Interval::around(values[at], factor * (self.variance * self.inverse[at][at]).sqrt())
        };
        Ok(ParameterIntervals {
            throughput_of_one: interval(0),
            contention: (!self.held[1]).then(|| interval(1)),
            coherency: (!self.held[2]).then(|| interval(2)),
        })
    }

    /// The interval of the law's throughput at a load: where the curve runs.
    pub fn throughput_interval(&self, load: f64, level: f64) -> Result<Interval> {
        let error = self.error_of(&self.gradient(load));
        Ok(Interval::around(self.law.throughput(load), self.factor(level)? * error))
    }

    /// The interval of one more measurement at a load: wider, since it scatters about the curve.
    pub fn measurement_interval(&self, load: f64, level: f64) -> Result<Interval> {
        let error = self.error_of(&self.gradient(load)).hypot(self.residual_error());
        Ok(Interval::around(self.law.throughput(load), self.factor(level)? * error))
    }

    /// The least and the highest load of the samples.
    pub fn loads(&self) -> (f64, f64) {
        let loads = self.samples.iter().map(|sample| sample.load);
        (loads.clone().fold(f64::INFINITY, f64::min), loads.fold(0.0, f64::max))
    }

    /// Whether throughput only falls over the loads of the samples: so says the law, and the band
    /// at the least load lies above that at the highest.
    ///
    /// # Errors
    ///
    /// Unless `level` is between 0 and 1.
    pub fn shows_fall(&self, level: f64) -> Result<bool> {
        let (least, most) = self.loads();
        let [at_least, at_most] = [least, most].map(|load| self.throughput_interval(load, level));
        Ok(self.law.falls_from(least) && at_least?.low > at_most?.high)
    }

    /// The intervals of the peak's load and throughput; `None` where there is no peak.
    pub fn peak_intervals(&self, level: f64) -> Result<Option<PeakIntervals>> {
        let factor = self.factor(level)?;
        Ok(self.law.peak().map(|Peak { load, throughput }| {
            // Of sqrt((1 - a) / b). At the peak a change of its load changes no throughput, so
            // that the gradient of throughput there is that of the law alone.
            let (of_contention, of_coherency) =
                (-0.5 * load / (1.0 - self.law.contention()), -0.5 * load / self.law.coherency());
            let error = self.error_of(&[0.0, of_contention, of_coherency]);
            PeakIntervals {
                load: Interval::around(load, factor * error),
                throughput: Interval::around(
                    throughput,
                    factor * self.error_of(&self.gradient(load)),
                ),
            }
        }))
    }

    /// The interval of what throughput could come to without coherency; `None` without contention.
    pub fn limit_interval(&self, level: f64) -> Result<Option<Interval>> {
        let factor = self.factor(level)?;
        Ok(self.law.limit().map(|limit| {
            let contention = self.law.contention();
            let error = self.error_of(&[1.0 / contention, -limit / contention, 0.0]);
            Interval::around(limit, factor * error)
        }))
    }

    /// The interval of the load up to which a response stays at `response` or below; `None` where
    /// [it is kept](ScalabilityLaw::load_at_response) at every load or at none.
    ///
    /// # Errors
    ///
    /// Unless `level` is between 0 and 1.
    pub fn response_interval(&self, response: f64, level: f64) -> Result<Option<Interval>> {
        let factor = self.factor(level)?;
        Ok(self.law.load_at_response(response).load().map(|load| {
            // There throughput is the load over the response, and when the curve moves by so much
            // the crossing moves by that over the difference of both slopes.
            let apart = self.law.slope(load) - 1.0 / response;
            Interval::around(load, factor * self.error_of(&self.gradient(load)) / apart.abs())
        }))
    }

    fn gradient(&self, load: f64) -> Three {
        let law = &self.law;
        gradient(&[law.throughput_of_one(), law.contention(), law.coherency()], load)
    }

    /// The standard error of what changes with the parameters by `gradient`.
    fn error_of(&self, gradient: &Three) -> f64 {
        let mut variance = 0.0;
        for (row, by_row) in self.inverse.iter().zip(gradient) {
            for (value, by_column) in row.iter().zip(gradient) {
                variance += value * self.variance * by_row * by_column;
            }
        }
        variance.max(0.0).sqrt()
    }

    fn factor(&self, level: f64) -> Result<f64> {
        if !(level > 0.0 && level < 1.0) {
            return Err(Error::invalid(format!(
                "the level of an interval is {level}; give a share between 0 and 1, as 0.95"
            )));
        }
        Ok(student_factor(1.0 - level, self.interval_degrees))
    }
}

/// The inverse of `J' J` over the free parameters, 0 elsewhere.
fn inverse_of_normal(
    samples: &[LoadSample],
    parameters: &Three,
    free: &[usize],
) -> Option<[Three; 3]> {
    let size = free.len();
    let gradients: Vec<Three> =
        samples.iter().map(|sample| gradient(parameters, sample.load)).collect();
    // Each parameter in the unit in which its derivatives have length 1: they differ by powers.
    let length = |at: usize| gradients.iter().map(|row| row[at] * row[at]).sum::<f64>().sqrt();
    let lengths: Vec<f64> = free.iter().map(|at| length(*at)).collect();
    let mut normal = vec![0.0; size * size];
    for (at, entry) in normal.iter_mut().enumerate() {
        let (row, column) = (at / size, at % size);
        let products = gradients.iter().map(|values| values[free[row]] * values[free[column]]);
        *entry = products.sum::<f64>() / (lengths[row] * lengths[column]);
    }
    let inverse = Cholesky::new(size, normal)?.inverse();
    let mut whole = [[0.0; 3]; 3];
    for (at, value) in inverse.into_iter().enumerate() {
        let (row, column) = (at / size, at % size);
        whole[free[row]][free[column]] = value / (lengths[row] * lengths[column]);
    }
    Some(whole)
}

fn check(samples: &[LoadSample]) -> Result<()> {
    for (row, sample) in (1..).zip(samples) {
        for (what, value) in [("load", sample.load), ("throughput", sample.throughput)] {
            if !(value.is_finite() && value > 0.0) {
                return Err(Error::invalid(format!(
                    "sample {row}: the {what} is {value}; leave out what was not measured, and \
                     give numbers above 0"
                )));
            }
        }
    }
    let mut loads: Vec<f64> = samples.iter().map(|sample| sample.load).collect();
    loads.sort_unstable_by(f64::total_cmp);
    loads.dedup();
    if loads.len() < LOADS_MIN {
        return Err(Error::not_enough_data(format!(
            "{} distinct loads; a law of three parameters with intervals takes {LOADS_MIN} or more",
            loads.len()
        )));
    }
    Ok(())
}
