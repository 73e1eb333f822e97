//! The peak of a sum beside the sum of peaks, as rows come.

use super::expect_level;
use crate::error::{Error, Result};
use crate::kernel::{add_row, greatest, least, quantile, total};

/// Takes in rows of one time axis, one after another, and tells the peak of their sum beside the
/// sum of their peaks, at each of some quantiles.
///
/// It keeps one sum per step and one per quantile, however many rows there are. A step's sum is
/// added up in the order of the rows, so it depends on that order and not on how they came in
/// tiles, nor on any thread.
///
/// **Gaps.** A step is complete where every row has a number; only the sums of complete steps are
/// known. A gap counts as no number: [`CoincidentPeak::at_most`] and [`CoincidentPeak::at_least`]
/// say between what the peak would be if each row were within its own range where it is missing.
/// A row without any number says nothing, and is counted apart.
///
/// ```
/// use plimsoll::capacity::sharing::Coincidence;
/// // capacity.md, 2.11: two tasks on one machine.
/// let mut load = Coincidence::new(6, &[1.0])?;
/// load.add(&[1.0, 2.0, 3.0, 2.0, 1.0, 0.0])?;
/// load.add(&[3.0, 2.0, 1.0, 0.0, 1.0, 2.0])?;
/// let peak = &load.peaks()[0];
/// assert_eq!((peak.sum_of_peaks, peak.peak_of_sum), (6.0, Some(4.0)));
/// assert_eq!(peak.factor(), Some(4.0 / 6.0));
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Coincidence {
    /// Each quantile with the sum of those of the rows.
    levels: Vec<(f64, f64)>,
    /// The sum of what is known at each step.
    sums: Vec<f64>,
    /// Not before the first gap.
    gaps: Option<Gaps>,
    series: u64,
    unknown: u64,
    scratch: Vec<f64>,
}

/// What rows have at their gaps, step by step.
#[derive(Debug, Clone)]
struct Gaps {
    /// Rows without a number.
    missing: Vec<u32>,
    /// The sum of their smallest numbers.
    least: Vec<f64>,
    /// The sum of their greatest numbers.
    greatest: Vec<f64>,
}

/// What loads need at one quantile, apart and together, in their own unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CoincidentPeak {
    /// The quantile; 1 is the peak.
    pub level: f64,
    /// What they need apart: the sum of each one's own quantile over the steps that it has.
    pub sum_of_peaks: f64,
    /// What they need together: the quantile of the sum over complete steps; `None` without one.
    pub peak_of_sum: Option<f64>,
    /// The quantile over all steps of which anything is known, if each load were at its lowest
    /// wherever it is missing; NaN where nothing is.
    pub at_least: f64,
    /// The same, if each load were at its highest wherever it is missing.
    pub at_most: f64,
}

impl CoincidentPeak {
    /// What they need together, as far as the data show: the peak of the sum over complete steps,
    /// moved to the nearer bound where it is outside of them. At the peak itself that is
    /// [`Self::at_least`], since a step that is not complete may still be the highest. `None`
    /// without a complete step, where only the bounds are known.
    pub fn together(&self) -> Option<f64> {
        self.peak_of_sum.map(|peak| peak.max(self.at_least).min(self.at_most))
    }

    /// The coincidence factor: what they need together as a share of the sum of peaks. At the peak
    /// itself it is at most 1; lower quantiles do not add up, and may exceed it. `None` where the
    /// sum of peaks is 0 or less, or no step complete.
    pub fn factor(&self) -> Option<f64> {
        self.share_of_peaks(self.together()?)
    }

    /// The coincidence factor, if each load were at its highest wherever it is missing.
    pub fn factor_at_most(&self) -> Option<f64> {
        self.share_of_peaks(self.at_most)
    }

    /// The diversity factor: the reciprocal of the coincidence factor, infinite where loads cancel
    /// out.
    pub fn diversity(&self) -> Option<f64> {
        self.factor().map(|factor| 1.0 / factor)
    }

    /// What sharing saves: the sum of peaks less what they need together.
    pub fn saving(&self) -> Option<f64> {
        self.together().map(|together| self.sum_of_peaks - together)
    }

    /// What sharing saves at least: the same, if each load were at its highest wherever it is
    /// missing. NaN where nothing is known.
    pub fn saving_at_least(&self) -> f64 {
        self.sum_of_peaks - self.at_most
    }

    fn share_of_peaks(&self, together: f64) -> Option<f64> {
        (self.sum_of_peaks > 0.0).then(|| together / self.sum_of_peaks)
    }
}

impl Coincidence {
    /// Of no rows yet, over so many steps.
    ///
    /// # Errors
    ///
    /// Without a step, and unless each quantile is above 0, up to 1.
    pub fn new(steps: usize, levels: &[f64]) -> Result<Self> {
        levels.iter().try_for_each(|level| expect_level(*level))?;
        if steps == 0 {
            return Err(Error::invalid("a peak of loads takes at least one step of time"));
        }
        Ok(Self {
            levels: levels.iter().map(|level| (*level, 0.0)).collect(),
            sums: vec![0.0; steps],
            gaps: None,
            series: 0,
            unknown: 0,
            scratch: Vec::new(),
        })
    }

    /// Takes in the next row.
    ///
    /// # Errors
    ///
    /// Where it has more or fewer steps than the others, or an infinite value. Then nothing is
    /// taken.
    pub fn add(&mut self, row: &[f64]) -> Result<()> {
        let steps = self.sums.len();
        if row.len() != steps {
            let found = row.len();
            return Err(Error::invalid(format!(
                "a row of {found} steps beside rows of {steps}: all take the same time axis"
            )));
        }
        let (low, high) = (least(row), greatest(row));
        if low.is_infinite() || high.is_infinite() {
            let step = row.iter().position(|value| value.is_infinite()).unwrap_or(0);
            return Err(Error::invalid(format!(
                "the value at step {step} is infinite: loads are finite, and gaps are left out"
            )));
        }
        if high.is_nan() {
            self.unknown += 1;
            return Ok(());
        }
        self.series += 1;
        if total(row).count == steps as u64 {
            add_row(&mut self.sums, row);
        } else {
            let gaps = self.gaps.get_or_insert_with(|| Gaps::new(steps));
            gaps.add(&mut self.sums, row, low, high);
        }
        for (level, sum) in &mut self.levels {
            *sum += if *level == 1.0 { high } else { quantile_of(row, *level, &mut self.scratch) };
        }
        Ok(())
    }

    /// Rows with a number.
    pub fn series(&self) -> u64 {
        self.series
    }

    /// Rows without one, of which nothing is known: they are in no sum.
    pub fn unknown(&self) -> u64 {
        self.unknown
    }

    /// Steps of the time axis.
    pub fn steps(&self) -> usize {
        self.sums.len()
    }

    /// Steps at which every row with a number has one; none without such a row.
    pub fn complete_steps(&self) -> usize {
        let missing = self.gaps.as_ref().map_or(0, Gaps::incomplete_steps);
        if self.series == 0 { 0 } else { self.sums.len() - missing }
    }

    /// The sum of all rows at each step; NaN where it is not complete.
    pub fn sums(&self) -> Vec<f64> {
        let known = |step: usize| self.gaps.as_ref().is_none_or(|gaps| gaps.missing[step] == 0);
        let sum = |(step, sum): (usize, &f64)| {
            if self.series > 0 && known(step) { *sum } else { f64::NAN }
        };
        self.sums.iter().enumerate().map(sum).collect()
    }

    /// What the rows need apart and together, for each quantile, in the order of [`Self::new`].
    pub fn peaks(&self) -> Vec<CoincidentPeak> {
        let complete = self.sums();
        let filled = |fill: fn(&Gaps) -> &[f64]| -> Vec<f64> {
            // Of no row there is no sum, and not one of 0.
            let none = vec![f64::NAN; self.sums.len()];
            let mut sums = if self.series == 0 { none } else { self.sums.clone() };
            if let Some(gaps) = &self.gaps {
                add_row(&mut sums, fill(gaps));
                for (sum, missing) in sums.iter_mut().zip(&gaps.missing) {
                    if u64::from(*missing) == self.series {
                        *sum = f64::NAN;
                    }
                }
            }
            sums
        };
        let (low, high) = (filled(|gaps| &gaps.least), filled(|gaps| &gaps.greatest));
        let mut scratch = Vec::new();
        let mut at = |row: &[f64], level| quantile_of(row, level, &mut scratch);
        let peak = |&(level, sum_of_peaks): &(f64, f64)| CoincidentPeak {
            level,
            sum_of_peaks,
            peak_of_sum: Some(at(&complete, level)).filter(|peak| !peak.is_nan()),
            at_least: at(&low, level),
            at_most: at(&high, level),
        };
        self.levels.iter().map(peak).collect()
    }
}

impl Gaps {
    fn new(steps: usize) -> Self {
        Self { missing: vec![0; steps], least: vec![0.0; steps], greatest: vec![0.0; steps] }
    }

    /// Takes in a row that has gaps; `low` and `high` are its smallest and greatest number.
    fn add(&mut self, sums: &mut [f64], row: &[f64], low: f64, high: f64) {
        for (step, value) in row.iter().enumerate() {
            if value.is_nan() {
                self.missing[step] += 1;
                self.least[step] += low;
                self.greatest[step] += high;
            } else {
                sums[step] += *value;
            }
        }
    }

    fn incomplete_steps(&self) -> usize {
        self.missing.iter().filter(|missing| **missing > 0).count()
    }
}

/// A quantile of a row that stays as it is.
pub(super) fn quantile_of(row: &[f64], level: f64, scratch: &mut Vec<f64>) -> f64 {
    if level == 1.0 {
        return greatest(row);
    }
    scratch.clear();
    scratch.extend_from_slice(row);
    quantile(scratch, level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Random, normal_quantile};
    use proptest::prelude::*;

    fn peaks(rows: &[Vec<f64>], levels: &[f64]) -> Coincidence {
        let mut load = Coincidence::new(rows[0].len(), levels).unwrap();
        for row in rows {
            load.add(row).unwrap();
        }
        load
    }

    #[test]
    fn two_sines_peak_together_or_not() {
        // capacity.md, feature 20: phases of 0, 90, 120 and 180 degrees.
        let sine = |phase: f64| -> Vec<f64> {
            (0..360).map(|degree| (f64::from(degree) + phase).to_radians().sin()).collect()
        };
        for (phase, together) in
            [(0.0, 2.0), (90.0, std::f64::consts::SQRT_2), (120.0, 1.0), (180.0, 0.0)]
        {
            let peak = peaks(&[sine(0.0), sine(phase)], &[1.0]).peaks()[0];
            assert!((peak.peak_of_sum.unwrap() - together).abs() < 1e-12, "{phase}");
            assert!((peak.sum_of_peaks - 2.0).abs() < 1e-12);
            assert!((peak.factor().unwrap() - together / 2.0).abs() < 1e-12);
            assert!((peak.saving().unwrap() - (2.0 - together)).abs() < 1e-12);
        }
    }

    #[test]
    fn independent_loads_smooth_each_other_out() {
        // capacity.md, feature 20: 100 loads N(1, 0.3) at p99; here as they are drawn. The p99 of n
        // standard normal numbers has a standard error of sqrt(0.99 * 0.01 / n) / density.
        const STEPS: usize = 20_000;
        let mut random = Random::new(20);
        let rows: Vec<Vec<f64>> =
            (0..100).map(|_| (0..STEPS).map(|_| 1.0 + 0.3 * random.normal()).collect()).collect();
        let peak = peaks(&rows, &[0.99]).peaks()[0];
        let z = normal_quantile(0.99);
        let density = (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
        let doubt = (0.99 * 0.01 / STEPS as f64).sqrt() / density;
        let together = peak.peak_of_sum.unwrap();
        // The sum has a deviation of 3; the hundred p99, of 0.3 each, add up to as much doubt.
        let tolerance = 4.0 * 3.0 * doubt;
        assert!((together - 106.979).abs() < tolerance, "{together}");
        assert!((peak.sum_of_peaks - 169.790).abs() < tolerance, "{}", peak.sum_of_peaks);
    }

    #[test]
    fn a_gap_is_neither_zero_nor_made_up() {
        let rows = [vec![5.0, f64::NAN, 1.0], vec![1.0, 9.0, 2.0], vec![f64::NAN; 3]];
        let load = peaks(&rows, &[1.0]);
        assert_eq!((load.series(), load.unknown()), (2, 1));
        assert_eq!((load.steps(), load.complete_steps()), (3, 2));
        let sums = load.sums();
        assert!((sums[0], sums[2]) == (6.0, 3.0) && sums[1].is_nan());
        let peak = load.peaks()[0];
        // At step 1 the first load is between 1 and 5, beside a 9.
        assert_eq!((peak.sum_of_peaks, peak.peak_of_sum), (14.0, Some(6.0)));
        assert_eq!((peak.at_least, peak.at_most), (10.0, 14.0));
        assert_eq!(peak.factor_at_most(), Some(1.0));
        // The peak over complete steps is below what is certain of step 1, which counts instead.
        assert_eq!((peak.together(), peak.factor()), (Some(10.0), Some(10.0 / 14.0)));
        assert_eq!((peak.saving(), peak.saving_at_least()), (Some(4.0), 0.0));
        // A step at which nobody looked says nothing.
        let unseen = peaks(&[vec![5.0, f64::NAN, 1.0], vec![1.0, f64::NAN, 9.0]], &[1.0]);
        assert_eq!((unseen.peaks()[0].at_least, unseen.peaks()[0].at_most), (10.0, 10.0));
        let disjoint = peaks(&[vec![1.0, f64::NAN], vec![f64::NAN, 1.0]], &[1.0]);
        assert_eq!(disjoint.complete_steps(), 0);
        assert_eq!((disjoint.peaks()[0].factor(), disjoint.peaks()[0].saving()), (None, None));
        assert_eq!(Coincidence::new(2, &[1.0]).unwrap().complete_steps(), 0);
        // Of a row without a number nothing is known, and not that it asks for nothing.
        let mut unknown = Coincidence::new(2, &[1.0]).unwrap();
        unknown.add(&[f64::NAN, f64::NAN]).unwrap();
        let peak = unknown.peaks()[0];
        assert!(peak.at_least.is_nan() && peak.at_most.is_nan() && peak.factor_at_most().is_none());
    }

    #[test]
    fn a_saving_is_what_the_data_allow() {
        // The first load's peak stands where the other is missing: their sum was 110 there if the
        // second was in its range, so that nothing is saved.
        let rows = [vec![100.0, 10.0, 10.0, 10.0], vec![f64::NAN, 10.0, 10.0, 10.0]];
        let peak = peaks(&rows, &[1.0]).peaks()[0];
        assert_eq!((peak.sum_of_peaks, peak.peak_of_sum), (110.0, Some(20.0)));
        assert_eq!((peak.saving(), peak.factor()), (Some(0.0), Some(1.0)));
        // Here the only complete step is the highest, and no median: both are at most 11 there.
        let rows = [vec![10.0, 1.0, 1.0], vec![10.0, f64::NAN, f64::NAN]];
        let median = peaks(&rows, &[0.5]).peaks()[0];
        assert_eq!((median.peak_of_sum, median.at_most), (Some(20.0), 11.0));
        assert_eq!((median.sum_of_peaks, median.together()), (11.0, Some(11.0)));
    }

    #[test]
    fn what_does_not_fit_is_refused_and_not_taken() {
        let mut load = Coincidence::new(2, &[1.0]).unwrap();
        load.add(&[1.0, 2.0]).unwrap();
        assert!(load.add(&[1.0]).is_err());
        let why = load.add(&[1.0, f64::INFINITY]).unwrap_err().to_string();
        assert!(why.contains("at step 1 is infinite"), "{why}");
        assert_eq!((load.series(), load.peaks()[0].peak_of_sum), (1, Some(2.0)));
        assert!(Coincidence::new(0, &[1.0]).is_err());
        for level in [0.0, 1.1, f64::NAN] {
            assert!(Coincidence::new(1, &[level]).is_err());
        }
    }

    proptest! {
        #[test]
        fn streamed_peaks_equal_those_of_all_rows_at_once(
            rows in (1..40_usize).prop_flat_map(|steps| {
                let value = prop_oneof![9 => 0.0..1e3_f64, 1 => Just(f64::NAN)];
                prop::collection::vec(prop::collection::vec(value, steps), 1..12)
            }),
            level in prop_oneof![Just(1.0), 0.01..1.0],
        ) {
            let load = peaks(&rows, &[level]);
            let known: Vec<&Vec<f64>> =
                rows.iter().filter(|row| row.iter().any(|v| !v.is_nan())).collect();
            let numbers = |row: &[f64]| quantile(&mut row.to_vec(), level);
            let apart: f64 = known.iter().map(|row| numbers(row)).sum();
            let sum = |step: usize, gap: fn(f64, f64) -> f64, none: f64| -> f64 {
                let fill = |row: &[f64]| {
                    let own = row.iter().copied().filter(|v| !v.is_nan()).reduce(gap);
                    own.unwrap_or(none)
                };
                let at = |row: &&Vec<f64>| if row[step].is_nan() { fill(row) } else { row[step] };
                known.iter().map(at).sum()
            };
            let complete: Vec<f64> = (0..rows[0].len())
                .filter(|step| !known.is_empty() && known.iter().all(|row| !row[*step].is_nan()))
                .map(|step| sum(step, f64::max, 0.0))
                .collect();
            let seen = |step: &usize| known.iter().any(|row| !row[*step].is_nan());
            let steps = || (0..rows[0].len()).filter(seen);
            let high: Vec<f64> = steps().map(|step| sum(step, f64::max, 0.0)).collect();
            let low: Vec<f64> = steps().map(|step| sum(step, f64::min, 0.0)).collect();
            prop_assert_eq!(load.complete_steps(), complete.len());
            let peak = load.peaks()[0];
            let near = |a: f64, b: f64| (a - b).abs() <= 1e-12 * (a.abs() + b.abs() + 1.0);
            prop_assert!(near(peak.sum_of_peaks, apart));
            // Nothing is said exactly where nothing is known.
            for (found, steps) in [(peak.at_most, &high), (peak.at_least, &low)] {
                prop_assert_eq!(found.is_nan(), steps.is_empty());
                prop_assert!(steps.is_empty() || near(found, numbers(steps)));
            }
            prop_assert_eq!(peak.peak_of_sum.is_some(), !complete.is_empty());
            if let Some(together) = peak.together() {
                prop_assert!(together >= peak.at_least && together <= peak.at_most);
                prop_assert!(peak.saving().unwrap() >= peak.saving_at_least());
            }
            if let Some(together) = peak.peak_of_sum {
                prop_assert!(near(together, numbers(&complete)));
                if level == 1.0 {
                    prop_assert!(together <= peak.at_most + 1e-9);
                    prop_assert!(peak.at_most <= apart + 1e-9);
                    prop_assert!(together <= peak.at_least + 1e-9);
                }
            }
        }
    }
}
