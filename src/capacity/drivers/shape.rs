//! Whether use bends as demand grows.

use super::ROWS_MIN;
use super::regression::{Bound, Design, Regression};
use crate::kernel::quantile_sorted;

/// Where a bend is looked for, as quantiles of the load.
const KNOTS: [f64; 3] = [0.5, 0.7, 0.9];
/// Chance alone bends no more straight lines than this, of those whose noise has a short memory.
const SIGNIFICANCE: f64 = 0.01;
/// Where the last units cost less than this share of the first, use has come to a ceiling.
const CUT_OFF_MAX: f64 = 0.1;
/// A bend that changes the cost by less than this share is none to speak of.
const BEND_MIN: f64 = 0.1;

/// How use goes with demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A straight line will do.
    Straight,
    /// The last units cost more than the first: near saturation, or by contention. A straight line
    /// promises too much beyond the largest demand seen.
    BendsUp,
    /// The last units cost less: batches, caches, or use that cannot be more than all.
    BendsDown,
}

/// The bend that fits best: a second straight line from a knot on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// What is found.
    pub verdict: Verdict,
    /// Where it bends, as a use.
    pub knot_use: f64,
    /// The cost per unit above the knot, over that below it; infinite where that is not above 0.
    pub cost_ratio: f64,
    /// The probability of so strong a bend where there is none, for all knots that were tried.
    pub p_value: f64,
    /// Whether use bends down and, from one of the knots on, hardly grows: not a cheaper unit, but
    /// a ceiling. What was wanted beyond it is not seen in use.
    pub is_cut_off: bool,
}

/// Tries a bend at each knot of the load, which is each driver at its cost.
pub(super) fn shape(design: &Design, fit: &Regression) -> Shape {
    let rows = design.target.len();
    let loads: Vec<f64> = (0..rows).map(|row| design.fitted(&fit.coefficients, row)).collect();
    let mut sorted = loads.clone();
    sorted.sort_by(f64::total_cmp);
    let mut best = Shape {
        verdict: Verdict::Straight,
        knot_use: f64::NAN,
        cost_ratio: 1.0,
        p_value: 1.0,
        is_cut_off: false,
    };
    let mut hardly_grows = false;
    let mut knots = KNOTS.map(|level| quantile_sorted(&sorted, level)).to_vec();
    knots.dedup();
    let tried = knots.len() as f64;
    for knot in knots {
        let above = |load: &f64| (load - knot).max(0.0);
        let beyond = loads.iter().filter(|load| **load > knot).count();
        if beyond < ROWS_MIN / 2 || rows - beyond < ROWS_MIN / 2 {
            continue;
        }
        let columns = vec![loads.clone(), loads.iter().map(above).collect()];
        let bent = Design::with_constant(columns, design.target.clone());
        // Loads of a few distinct values have no room for a bend.
        let Ok(bent) = Regression::fit(&bent, Bound::Free) else { continue };
        let (below, bend) = (bent.coefficients[1], bent.coefficients[2]);
        let p_value = (bent.p_value(2) * tried).min(1.0);
        let cost_ratio = if below > 0.0 { (below + bend) / below } else { f64::INFINITY };
        // The ceiling may begin above the knot that fits best.
        hardly_grows |= p_value <= SIGNIFICANCE && cost_ratio < CUT_OFF_MAX;
        if p_value >= best.p_value {
            continue;
        }
        let verdict = match bend {
            _ if p_value > SIGNIFICANCE || (cost_ratio - 1.0).abs() < BEND_MIN => Verdict::Straight,
            bend if bend > 0.0 => Verdict::BendsUp,
            _ => Verdict::BendsDown,
        };
        best = Shape { verdict, knot_use: knot, cost_ratio, p_value, is_cut_off: false };
    }
    Shape { is_cut_off: hardly_grows && best.verdict == Verdict::BendsDown, ..best }
}
