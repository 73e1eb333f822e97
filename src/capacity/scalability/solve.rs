//! Least squares under bounds: the law that comes closest to what was measured.
//!
//! Levenberg and Marquardt's method on scaled parameters. What stands at its bound and is pushed
//! against it is left out of a step (an active set); a step that crosses a bound ends there. It is
//! begun from a fixed grid of starts, each with its best throughput of one, and the least sum of
//! squares wins.

use super::law::ScalabilityLaw;
use crate::kernel::Cholesky;

/// Starts: contention, and coherency of as much as this at the largest load.
const CONTENTIONS: [f64; 5] = [0.0, 0.01, 0.05, 0.2, 0.6];
const COHERENCIES: [f64; 5] = [0.0, 0.03, 0.3, 3.0, 30.0];
/// Steps of one descent. Most need fewer than 20.
const STEPS_MAX: usize = 300;
/// The step, in parts of the parameter, at which a descent ends.
const STEP_MIN: f64 = 1e-14;
const DAMPING_FIRST: f64 = 1e-3;
const DAMPING_MAX: f64 = 1e16;

/// A measured pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoadSample {
    /// The load: users, threads, processors.
    pub load: f64,
    /// What was done per unit of time.
    pub throughput: f64,
}

/// Three numbers: of the throughput of one, of contention, of coherency.
pub(super) type Three = [f64; 3];

/// Bounds of the three: the throughput is positive, the contention a share.
const LOW: Three = [f64::MIN_POSITIVE, 0.0, 0.0];
const HIGH: Three = [f64::INFINITY, 1.0, f64::INFINITY];

/// The law that comes closest, and which of its parameters are held at a bound.
#[derive(Debug, Clone, Copy)]
pub(super) struct Closest {
    pub(super) parameters: Three,
    pub(super) squares: f64,
    pub(super) held: [bool; 3],
}

/// The derivatives of throughput by the three parameters.
pub(super) fn gradient(parameters: &Three, load: f64) -> Three {
    let [of_one, contention, coherency] = *parameters;
    let stretch = 1.0 + (load - 1.0) * (contention + coherency * load);
    let by_stretch = -of_one * load / (stretch * stretch);
    [load / stretch, by_stretch * (load - 1.0), by_stretch * load * (load - 1.0)]
}

/// The closest law to samples that were checked.
pub(super) fn closest(samples: &[LoadSample]) -> Option<Closest> {
    let load_max = samples.iter().map(|sample| sample.load).fold(0.0, f64::max);
    let mut best: Option<Closest> = None;
    for contention in CONTENTIONS {
        for coherency in COHERENCIES {
            let start = [1.0, contention, coherency / (load_max * load_max)];
            let Some(start) = projected(samples, start) else { continue };
            let end = Descent { samples, load_max }.run(start);
            if best.as_ref().is_none_or(|best| end.squares < best.squares) {
                best = Some(end);
            }
        }
    }
    best
}

/// With contention and coherency given, the best throughput of one is a mean.
fn projected(samples: &[LoadSample], mut parameters: Three) -> Option<Three> {
    let (mut of_both, mut of_shape) = (0.0, 0.0);
    for sample in samples {
        let shape = ScalabilityLaw::new(1.0, parameters[1], parameters[2]).ok()?;
        let shape = shape.throughput(sample.load);
        of_both += shape * sample.throughput;
        of_shape += shape * shape;
    }
    parameters[0] = of_both / of_shape;
    (parameters[0].is_finite() && parameters[0] > 0.0).then_some(parameters)
}

struct Descent<'a> {
    samples: &'a [LoadSample],
    load_max: f64,
}

impl Descent<'_> {
    fn run(&self, start: Three) -> Closest {
        let scale = [start[0], 1.0, 1.0 / (self.load_max * self.load_max)];
        let (mut parameters, mut squares) = (start, self.squares(&start));
        let mut damping = DAMPING_FIRST;
        for _ in 0..STEPS_MAX {
            let (normal, slope) = self.equations(&parameters, &scale);
            let held = held(&parameters, &slope);
            let Some(next) = stepped(&parameters, &scale, &normal, &slope, held, damping) else {
                damping *= 10.0;
                if damping > DAMPING_MAX {
                    break;
                }
                continue;
            };
            let found = self.squares(&next);
            if found <= squares {
                let moved = (0..3).map(|at| (next[at] - parameters[at]).abs() / scale[at]);
                let moved = moved.fold(0.0, f64::max);
                (parameters, squares) = (next, found);
                damping = (damping / 10.0).max(f64::EPSILON);
                if moved < STEP_MIN {
                    break;
                }
            } else {
                damping *= 10.0;
                if damping > DAMPING_MAX {
                    break;
                }
            }
        }
        let at_bound = |at: usize| parameters[at] <= LOW[at] || parameters[at] >= HIGH[at];
        Closest { parameters, squares, held: [0, 1, 2].map(at_bound) }
    }

    /// The sum of squared residuals; infinite where the law says nothing.
    fn squares(&self, parameters: &Three) -> f64 {
        let [of_one, contention, coherency] = *parameters;
        let Ok(law) = ScalabilityLaw::new(of_one, contention, coherency) else {
            return f64::INFINITY;
        };
        let residual = |sample: &LoadSample| sample.throughput - law.throughput(sample.load);
        let squares: f64 = self.samples.iter().map(|sample| residual(sample).powi(2)).sum();
        if squares.is_nan() { f64::INFINITY } else { squares }
    }

    /// The normal equations in scaled parameters: matrix, and right side (downhill).
    fn equations(&self, parameters: &Three, scale: &Three) -> ([Three; 3], Three) {
        let (mut normal, mut slope) = ([[0.0; 3]; 3], [0.0; 3]);
        for sample in self.samples {
            let gradient = gradient(parameters, sample.load);
            let residual = sample.throughput - parameters[0] * gradient[0];
            let scaled = [0, 1, 2].map(|at| gradient[at] * scale[at]);
            for row in 0..3 {
                slope[row] += scaled[row] * residual;
                for column in 0..3 {
                    normal[row][column] += scaled[row] * scaled[column];
                }
            }
        }
        (normal, slope)
    }
}

/// Which parameters stand at a bound and are pushed against it.
fn held(parameters: &Three, slope: &Three) -> [bool; 3] {
    [0, 1, 2].map(|at| {
        (parameters[at] <= LOW[at] && slope[at] <= 0.0)
            || (parameters[at] >= HIGH[at] && slope[at] >= 0.0)
    })
}

/// One damped step of the parameters that are free; `None` where the equations have no solution.
fn stepped(
    parameters: &Three,
    scale: &Three,
    normal: &[Three; 3],
    slope: &Three,
    held: [bool; 3],
    damping: f64,
) -> Option<Three> {
    let free: Vec<usize> = (0..3).filter(|at| !held[*at]).collect();
    let entry = |row: usize, column: usize| {
        let damped = if row == column { 1.0 + damping } else { 1.0 };
        normal[row][column] * damped
    };
    let matrix =
        free.iter().flat_map(|row| free.iter().map(|column| entry(*row, *column))).collect();
    let mut step: Vec<f64> = free.iter().map(|at| slope[*at]).collect();
    Cholesky::new(free.len(), matrix)?.solve(&mut step);
    let mut next = *parameters;
    for (at, step) in free.into_iter().zip(step) {
        next[at] = (parameters[at] + step * scale[at]).clamp(LOW[at], HIGH[at]);
    }
    next.iter().all(|value| value.is_finite()).then_some(next)
}
