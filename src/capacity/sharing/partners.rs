//! Which loads go well together: each pair's peak, the best partner of each, and a pairing of all.

use super::coincidence::quantile_of;
use super::expect_level;
use crate::error::{Error, Result};
use crate::kernel::{greatest, greatest_sum, quantile};
use crate::model::limits::{COLOCATION_SUMS_MAX, SHARING_SUMS_MAX};

/// Rounds of exchanges between pairs; most pairings are at rest after a few.
const ROUNDS_MAX: usize = 32;

/// What two loads need apart and together, in their own unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// The place of the first load.
    pub first: usize,
    /// The place of the second, which is the later one.
    pub second: usize,
    /// What they need apart: the sum of their peaks.
    pub sum_of_peaks: f64,
    /// What they need together: the peak of their sum.
    pub peak_of_sum: f64,
}

impl Pair {
    /// The peak of the sum as a share of the sum of peaks; `None` where that is 0 or less.
    pub fn factor(&self) -> Option<f64> {
        (self.sum_of_peaks > 0.0).then(|| self.peak_of_sum / self.sum_of_peaks)
    }

    /// What sharing saves.
    pub fn saving(&self) -> f64 {
        self.sum_of_peaks - self.peak_of_sum
    }
}

/// Loads in pairs, each in one at most.
#[derive(Debug, Clone, PartialEq)]
pub struct Pairing {
    /// The pairs that save something, the one that saves most first.
    pub pairs: Vec<Pair>,
    /// What they save together.
    pub saving: f64,
    /// No pairing saves more: half the sum of what each load saves with its best partner.
    pub saving_at_most: f64,
}

/// The peak of the sum of every pair of loads.
///
/// A gap counts as the load's own peak here: nobody becomes a partner for hours at which nobody
/// looked. The work is a step of each pair, and is limited ([`COLOCATION_SUMS_MAX`]); peaks by the
/// window of the day ([`daily_windows`]) in place of every step make it small.
///
/// ```
/// use plimsoll::capacity::sharing::Partners;
/// let rows: [&[f64]; 3] = [&[9.0, 1.0], &[8.0, 2.0], &[1.0, 7.0]];
/// let partners = Partners::find(&rows, 1.0)?;
/// let best = partners.best(0).unwrap();
/// assert_eq!((best.second, best.peak_of_sum, best.saving()), (2, 10.0, 6.0));
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Partners {
    peaks: Vec<f64>,
    /// The peak of the sum of each pair: of 0 and 1, of 0 and 2, of 1 and 2, of 0 and 3, and so on.
    together: Vec<f64>,
}

impl Partners {
    /// Looks at every pair of loads, at a quantile; 1 is the peak.
    ///
    /// # Errors
    ///
    /// Where loads have other time axes, one has no number or an infinite one, the quantile is
    /// none, or there are too many pairs.
    pub fn find(rows: &[&[f64]], level: f64) -> Result<Self> {
        expect_level(level)?;
        expect_affordable(rows)?;
        let filled = rows.iter().enumerate().map(|(at, row)| filled(at, row));
        let filled = filled.collect::<Result<Vec<_>>>()?;
        let mut scratch = Vec::new();
        let peaks = rows.iter().map(|row| quantile_of(row, level, &mut scratch)).collect();
        let mut together = Vec::with_capacity(pairs_of(rows.len()));
        for second in 0..filled.len() {
            for first in 0..second {
                let (a, b) = (&filled[first], &filled[second]);
                together.push(if level == 1.0 {
                    greatest_sum(a, b)
                } else {
                    scratch.clear();
                    scratch.extend(a.iter().zip(b).map(|(a, b)| a + b));
                    quantile(&mut scratch, level)
                });
            }
        }
        Ok(Self { peaks, together })
    }

    /// What two different loads need, in either order; `None` where there are no such two.
    pub fn pair(&self, one: usize, other: usize) -> Option<Pair> {
        let (first, second) = (one.min(other), one.max(other));
        if first == second || second >= self.peaks.len() {
            return None;
        }
        let peak_of_sum = *self.together.get(pairs_of(second) + first)?;
        let sum_of_peaks = self.peaks[first] + self.peaks[second];
        Some(Pair { first, second, sum_of_peaks, peak_of_sum })
    }

    /// A load with the partner with which it saves most, the first of equal ones; `None` without
    /// any other load.
    pub fn best(&self, load: usize) -> Option<Pair> {
        let pairs = (0..self.peaks.len()).filter_map(|other| self.pair(load, other));
        pairs.reduce(|best, pair| if pair.saving() > best.saving() { pair } else { best })
    }

    /// Puts loads into pairs so that they save much.
    ///
    /// First greedily, the pair that saves most first, which is never less than half of what any
    /// pairing saves; then two pairs, or a pair and a single, change partners as long as that saves
    /// more. [`Pairing::saving_at_most`] says how much better any other could be.
    pub fn pairing(&self) -> Pairing {
        let mut partner = self.greedy();
        for _ in 0..ROUNDS_MAX {
            if !self.exchange(&mut partner) {
                break;
            }
        }
        let chosen = partner.iter().enumerate();
        let chosen = chosen.filter_map(|(one, other)| Some(one).zip(*other));
        let chosen = chosen.filter(|(one, other)| one < other);
        let mut pairs: Vec<Pair> =
            chosen.filter_map(|(one, other)| self.pair(one, other)).collect();
        pairs.sort_by(|a, b| b.saving().total_cmp(&a.saving()));
        let saves = |load: usize| self.best(load).map_or(0.0, |pair| pair.saving().max(0.0));
        let at_most = (0..self.peaks.len()).map(saves).sum::<f64>() / 2.0;
        // Added up in another order it may differ in the last digit.
        let saving = pairs.iter().map(Pair::saving).sum::<f64>();
        Pairing { saving, saving_at_most: at_most.max(saving), pairs }
    }

    /// What two loads save together; nothing where one of them is none, or they are better apart.
    fn saving(&self, one: Option<usize>, other: Option<usize>) -> f64 {
        let pair = one.zip(other).and_then(|(one, other)| self.pair(one, other));
        pair.map_or(0.0, |pair| pair.saving().max(0.0))
    }

    /// Makes two loads partners where that saves something, and leaves each alone where it does not.
    fn settle(&self, partner: &mut [Option<usize>], one: Option<usize>, other: Option<usize>) {
        let saves = self.saving(one, other) > 0.0;
        for (load, with) in [(one, other), (other, one)] {
            if let Some(load) = load {
                partner[load] = with.filter(|_| saves);
            }
        }
    }

    fn greedy(&self) -> Vec<Option<usize>> {
        let count = self.peaks.len() as u32;
        let saving = |pair: &(u32, u32)| self.saving(Some(pair.0 as usize), Some(pair.1 as usize));
        let all = (0..count).flat_map(|second| (0..second).map(move |first| (first, second)));
        let mut pairs: Vec<(u32, u32)> = all.filter(|pair| saving(pair) > 0.0).collect();
        pairs.sort_by(|a, b| saving(b).total_cmp(&saving(a)));
        let mut partner = vec![None; self.peaks.len()];
        for (first, second) in pairs {
            let (first, second) = (first as usize, second as usize);
            if partner[first].is_none() && partner[second].is_none() {
                (partner[first], partner[second]) = (Some(second), Some(first));
            }
        }
        partner
    }

    /// Lets every two pairs, a single being a pair with nobody, change partners if that saves more;
    /// whether any did.
    fn exchange(&self, partner: &mut [Option<usize>]) -> bool {
        let mut changed = false;
        for a in 0..partner.len() {
            for c in a + 1..partner.len() {
                let (b, d) = (partner[a], partner[c]);
                if b == Some(c) {
                    continue;
                }
                let now = self.saving(Some(a), b) + self.saving(Some(c), d);
                let then = self.saving(Some(a), Some(c)) + self.saving(b, d);
                if then > now + 1e-12 * now.abs() {
                    self.settle(partner, Some(a), Some(c));
                    self.settle(partner, b, d);
                    changed = true;
                }
            }
        }
        changed
    }
}

/// The peak of each window of the day over all days: what a load needs in the morning, at noon, and
/// so on. `first` is the step of the day at which the row begins. A window without a number is NaN.
///
/// The peak of the sum of two such profiles is never below that of the loads themselves: partners
/// found by them keep their promise also on a day when the peaks of one window meet.
///
/// ```
/// use plimsoll::capacity::sharing::daily_windows;
/// // Two days of four steps, in halves of days.
/// let row = [1.0, 5.0, 2.0, 0.0, 3.0, 1.0, 7.0, 2.0];
/// assert_eq!(daily_windows(&row, 4, 2, 0)?, [5.0, 7.0]);
/// # Ok::<(), plimsoll::Error>(())
/// ```
///
/// # Errors
///
/// Without a window, or with more windows than a day has steps.
pub fn daily_windows(
    row: &[f64],
    steps_per_day: usize,
    windows: usize,
    first: usize,
) -> Result<Vec<f64>> {
    if windows == 0 || windows > steps_per_day {
        return Err(Error::invalid(format!(
            "a day of {steps_per_day} steps has no {windows} windows; take 1 to {steps_per_day}"
        )));
    }
    let mut peaks = vec![f64::NAN; windows];
    for (step, value) in row.iter().enumerate() {
        let of_day = (first % steps_per_day + step) % steps_per_day;
        let peak = &mut peaks[of_day * windows / steps_per_day];
        // Of a number and a NaN it is the number.
        *peak = peak.max(*value);
    }
    Ok(peaks)
}

/// How many pairs so many loads have.
fn pairs_of(loads: usize) -> usize {
    loads.saturating_mul(loads.saturating_sub(1)) / 2
}

/// A load whose gaps are at its own peak.
pub(super) fn filled(at: usize, row: &[f64]) -> Result<Vec<f64>> {
    let peak = greatest(row);
    if !peak.is_finite() || row.iter().any(|value| value.is_infinite()) {
        return Err(Error::invalid(format!(
            "load {at} (counted from 0) has no number or an infinite one: leave it out"
        )));
    }
    Ok(row.iter().map(|value| if value.is_nan() { peak } else { *value }).collect())
}

/// # Errors
///
/// Where rows have other time axes, or are so many that looking at each pair takes too long.
pub(super) fn expect_affordable(rows: &[&[f64]]) -> Result<()> {
    let steps = rows.first().map_or(0, |row| row.len());
    if rows.iter().any(|row| row.len() != steps) {
        return Err(Error::invalid("loads to be put together take one time axis"));
    }
    let pairs = pairs_of(rows.len());
    let remedy = "take fewer loads (sum them up by groups), a longer step, or windows of the day";
    if pairs > SHARING_SUMS_MAX {
        return Err(Error::Limit {
            what: "the number of pairs of loads",
            value: pairs as u64,
            limit: SHARING_SUMS_MAX as u64,
            remedy,
        });
    }
    let sums = (pairs as u64).saturating_mul(steps as u64);
    if sums > COLOCATION_SUMS_MAX {
        return Err(Error::Limit {
            what: "the number of pairs of loads times steps",
            value: sums,
            limit: COLOCATION_SUMS_MAX,
            remedy,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn find(rows: &[Vec<f64>], level: f64) -> Partners {
        let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        Partners::find(&rows, level).unwrap()
    }

    /// What the best of all pairings saves.
    fn best_of_all(partners: &Partners, free: &[usize]) -> f64 {
        let Some((first, rest)) = free.split_first() else { return 0.0 };
        let mut best = best_of_all(partners, rest);
        for other in rest {
            let left: Vec<usize> = rest.iter().copied().filter(|at| at != other).collect();
            let saving = partners.pair(*first, *other).unwrap().saving();
            best = best.max(saving + best_of_all(partners, &left));
        }
        best
    }

    #[test]
    fn day_and_night_go_together() {
        let wave = |phase: f64, scale: f64| -> Vec<f64> {
            let hour = |hour: i32| (f64::from(hour) / 24.0 + phase) * std::f64::consts::TAU;
            (0..24).map(|at| scale * (1.0 + hour(at).sin())).collect()
        };
        let rows = [wave(0.0, 1.0), wave(0.0, 2.0), wave(0.5, 2.0), wave(0.5, 1.0)];
        let partners = find(&rows, 1.0);
        assert_eq!(partners.best(1).unwrap().second, 2);
        let pairing = partners.pairing();
        let pairs: Vec<_> = pairing.pairs.iter().map(|pair| (pair.first, pair.second)).collect();
        assert_eq!(pairs, [(1, 2), (0, 3)]);
        // Each pair is flat: half of what they need apart.
        assert!(pairing.pairs.iter().all(|pair| (pair.factor().unwrap() - 0.5).abs() < 1e-12));
        assert!((pairing.saving - 6.0).abs() < 1e-12);
        assert!((pairing.saving_at_most - 6.0).abs() < 1e-12);
    }

    #[test]
    fn nobody_is_a_partner_for_hours_that_nobody_saw() {
        let rows = [vec![4.0, f64::NAN], vec![f64::NAN, 4.0], vec![3.0, 1.0]];
        let partners = find(&rows, 1.0);
        assert_eq!(partners.pair(0, 1).unwrap().factor(), Some(1.0));
        assert!(partners.pairing().pairs.is_empty());
        assert_eq!((partners.pair(1, 1), partners.pair(0, 3)), (None, None));
        let none: [&[f64]; 1] = [&[f64::NAN]];
        assert!(Partners::find(&none, 1.0).is_err());
        let uneven: [&[f64]; 2] = [&[1.0], &[1.0, 2.0]];
        assert!(Partners::find(&uneven, 1.0).is_err());
        assert!(find(&[vec![1.0]], 1.0).best(0).is_none());
    }

    #[test]
    fn too_much_work_is_refused_with_a_remedy() {
        let row = vec![0.0; 1 << 13];
        let many: Vec<&[f64]> = vec![&row; 1 << 11];
        let why = Partners::find(&many, 1.0).map(|_| ()).unwrap_err().to_string();
        assert!(why.contains("pairs of loads times steps") && why.contains("windows"), "{why}");
        let many: Vec<&[f64]> = vec![&row[..1]; 9_000];
        let why = Partners::find(&many, 1.0).map(|_| ()).unwrap_err().to_string();
        assert!(why.starts_with("the number of pairs of loads is 40495500"), "{why}");
    }

    #[test]
    fn windows_of_the_day_are_counted_from_the_day_s_start() {
        let row = [1.0, 2.0, f64::NAN, 4.0, 5.0];
        let peaks = daily_windows(&row, 3, 3, 2).unwrap();
        assert!(peaks[0] == 5.0 && peaks[1].is_nan() && peaks[2] == 4.0, "{peaks:?}");
        assert!(daily_windows(&row[..1], 2, 2, 0).unwrap()[1].is_nan());
        assert!(daily_windows(&row, 3, 4, 0).is_err() && daily_windows(&row, 3, 0, 0).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        #[test]
        fn pairings_are_good_and_say_how_good(
            rows in prop::collection::vec(prop::collection::vec(0.0..100.0_f64, 5), 1..9),
            level in prop_oneof![Just(1.0), Just(0.5)],
        ) {
            let partners = find(&rows, level);
            let pairing = partners.pairing();
            let mut seen = vec![false; rows.len()];
            for pair in &pairing.pairs {
                prop_assert!(pair.saving() > 0.0);
                prop_assert!(!seen[pair.first] && !seen[pair.second]);
                (seen[pair.first], seen[pair.second]) = (true, true);
                let both = rows[pair.first].iter().zip(&rows[pair.second]);
                let mut sums: Vec<f64> = both.map(|(a, b)| a + b).collect();
                prop_assert_eq!(pair.peak_of_sum, quantile(&mut sums, level));
            }
            let all: Vec<usize> = (0..rows.len()).collect();
            let best = best_of_all(&partners, &all);
            prop_assert!(pairing.saving <= best + 1e-9);
            prop_assert!(pairing.saving >= 0.5 * best - 1e-9);
            prop_assert!(pairing.saving_at_most >= best - 1e-9);
        }

        #[test]
        fn profiles_never_promise_less_than_the_loads_need(
            rows in prop::collection::vec(prop::collection::vec(0.0..100.0_f64, 24), 2),
            windows in 1..6_usize,
        ) {
            let profile = |row: &Vec<f64>| daily_windows(row, 6, windows, 0).unwrap();
            let profiles: Vec<Vec<f64>> = rows.iter().map(profile).collect();
            let (exact, bound) = (find(&rows, 1.0), find(&profiles, 1.0));
            let peak = |partners: &Partners| partners.pair(0, 1).unwrap();
            prop_assert_eq!(peak(&exact).sum_of_peaks, peak(&bound).sum_of_peaks);
            prop_assert!(peak(&exact).peak_of_sum <= peak(&bound).peak_of_sum);
        }
    }
}
