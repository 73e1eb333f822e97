//! Where the last regime of a series begins: after its last jump.

use super::fit::Fit;
use super::step_deviation;
use crate::kernel;

/// Days on each side of a jump that must agree on it.
const SIDE_DAYS: usize = 7;
/// A jump is so many times what the level does from day to day.
const JUMP_DEVIATIONS: f64 = 6.0;
/// Teeth have more days than this; what falls more often is noise.
const FALLS_ONE_IN: usize = 4;
/// What falls undo of the climbs between them, in a sawtooth: about all of it.
const UNDONE_SHARES: std::ops::Range<f64> = 0.6..1.7;
/// A step must leave this share less unexplained than a trend, to be preferred.
const STEP_GAIN: f64 = 0.9;
/// So many falls make a sawtooth: a disk that is cleaned up now and then.
const SAWTOOTH_FALLS: usize = 2;

/// The first day after the last jump of the level; 0 where there was none. A series that falls back
/// again and again (log rotation) is one regime: its teeth are no trend.
pub(super) fn last_start(peaks: &[f64]) -> usize {
    let known: Vec<(usize, f64)> =
        peaks.iter().copied().enumerate().filter(|(_, peak)| peak.is_finite()).collect();
    let jumps = jumps(&known);
    let falls = jumps.iter().filter(|(_, size)| *size < 0.0).count();
    if falls >= SAWTOOTH_FALLS {
        return 0;
    }
    jumps.last().map_or(0, |(day, _)| *day)
}

/// Whether the peaks climb and fall back again and again, so that falls undo what the climbs did: a
/// disk that is cleaned up by itself. Its teeth are no trend; weekends are no teeth, since the days
/// between do not climb.
pub(super) fn is_sawtooth(peaks: &[f64]) -> bool {
    let known: Vec<f64> = peaks.iter().copied().filter(|peak| peak.is_finite()).collect();
    let steps: Vec<f64> = known.windows(2).map(|two| two[1] - two[0]).collect();
    let climb = kernel::median(&mut steps.clone());
    let bound = climb - JUMP_DEVIATIONS * step_deviation(&steps);
    let falls: Vec<f64> = steps.iter().copied().filter(|step| *step < bound.min(0.0)).collect();
    let climbed = climb * (steps.len() - falls.len()) as f64;
    let fallen = -falls.iter().sum::<f64>();
    let rare = falls.len() >= SAWTOOTH_FALLS && falls.len() * FALLS_ONE_IN <= steps.len();
    rare && UNDONE_SHARES.contains(&(fallen / climbed))
}

/// The day of a step that explains the peaks clearly better than the fitted trend does: two levels
/// instead of a slope, the days of the week as in the fit. A new version that needs a quarter more
/// is no growth, though a line through it rises.
pub(super) fn step_instead(peaks: &[f64], fit: &Fit) -> Option<usize> {
    let flat: Vec<f64> =
        peaks.iter().enumerate().map(|(day, peak)| peak - fit.weekday_amount(day)).collect();
    let misfit = |day: usize| {
        let (before, after) = flat.split_at(day);
        distance_from_median(before) + distance_from_median(after)
    };
    let last = flat.len().checked_sub(SIDE_DAYS)?;
    let best = (SIDE_DAYS..=last).min_by(|a, b| misfit(*a).total_cmp(&misfit(*b)))?;
    (misfit(best) < STEP_GAIN * fit.misfit(peaks)).then_some(best)
}

fn distance_from_median(values: &[f64]) -> f64 {
    let middle = kernel::median(&mut values.to_vec());
    values.iter().map(|value| (value - middle).abs()).filter(|off| !off.is_nan()).sum()
}

/// Jumps as the day after each and its size.
fn jumps(known: &[(usize, f64)]) -> Vec<(usize, f64)> {
    let steps: Vec<f64> = known.windows(2).map(|two| two[1].1 - two[0].1).collect();
    let drift = kernel::median(&mut steps.clone());
    let noise = step_deviation(&steps);
    let mut found: Vec<(usize, f64)> = Vec::new();
    let mut at = SIDE_DAYS.min(known.len());
    // A jump that is younger than a side is long cannot be told from a few busy days.
    while at + SIDE_DAYS <= known.len() {
        let size = jump(known, at, drift);
        let step = known[at].1 - known[at - 1].1 - drift;
        // The place of a jump is where the step itself is: its neighbours see it too.
        let here = size.abs() > JUMP_DEVIATIONS * noise.max(size_floor(known))
            && step.abs() > size.abs() / 2.0
            && step.signum() == size.signum();
        if here {
            found.push((known[at].0, size));
            at += 3;
        } else {
            at += 1;
        }
    }
    found
}

/// By how much the medians of the days on both sides of `at` differ, beyond the drift.
fn jump(known: &[(usize, f64)], at: usize, drift: f64) -> f64 {
    let before = &known[at - SIDE_DAYS.min(at)..at];
    let after = &known[at..(at + SIDE_DAYS).min(known.len())];
    let middle = |side: &[(usize, f64)]| {
        let mut values: Vec<f64> =
            side.iter().enumerate().map(|(i, (_, value))| value - drift * i as f64).collect();
        kernel::median(&mut values)
    };
    middle(after) - middle(before) - drift * before.len() as f64
}

/// Below this share of the level nothing is a jump, however quiet the series is.
fn size_floor(known: &[(usize, f64)]) -> f64 {
    let mut sizes: Vec<f64> = known.iter().map(|(_, value)| value.abs()).collect();
    kernel::median(&mut sizes) * 0.01
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Random;

    fn noisy(days: usize, level: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut random = Random::new(5);
        (0..days).map(|day| level(day) + random.normal()).collect()
    }

    #[test]
    fn a_step_starts_a_regime_and_a_slope_or_a_burst_does_not() {
        let step = noisy(60, |day| if day < 37 { 50.0 } else { 80.0 });
        assert_eq!(last_start(&step), 37);
        assert_eq!(last_start(&noisy(60, |day| day as f64)), 0);
        let mut burst = noisy(60, |_| 50.0);
        burst[30] = 500.0;
        assert_eq!(last_start(&burst), 0);
        assert_eq!(last_start(&[]), 0);
        assert_eq!(last_start(&[1.0; 60]), 0);
    }

    #[test]
    fn a_step_under_weekdays_is_no_trend_and_a_trend_is_no_step() {
        let week = |day: usize| if day % 7 < 5 { 8.0 } else { 4.0 };
        let mut random = Random::new(6);
        let mut noisy = |level: &dyn Fn(usize) -> f64| -> Vec<f64> {
            (0..90).map(|day| level(day) + 0.3 * random.normal()).collect()
        };
        let step = noisy(&|day| week(day) * if day < 52 { 1.0 } else { 1.25 });
        let found = step_instead(&step, &Fit::of(&step).unwrap()).unwrap();
        assert!(found.abs_diff(52) <= 2, "{found}");
        let slope = noisy(&|day| week(day) + 0.03 * day as f64);
        assert_eq!(step_instead(&slope, &Fit::of(&slope).unwrap()), None);
        let curve = noisy(&|day| week(day) * f64::exp(0.01 * day as f64));
        assert_eq!(step_instead(&curve, &Fit::of(&curve).unwrap()), None);
    }

    #[test]
    fn teeth_of_any_length_are_a_sawtooth_and_weekends_are_not() {
        for days in [5, 7, 12, 25] {
            assert!(is_sawtooth(&noisy(90, |day| 40.0 + 6.0 * (day % days) as f64)), "{days}");
        }
        assert!(!is_sawtooth(&noisy(90, |day| if day % 7 < 5 { 80.0 } else { 40.0 })));
        assert!(!is_sawtooth(&noisy(90, |day| 6.0 * day as f64)));
        let once = |day| if day < 60 { 6.0 * day as f64 } else { 6.0 * (day - 50) as f64 };
        assert!(!is_sawtooth(&noisy(90, once)));
    }

    #[test]
    fn a_single_cleanup_starts_a_regime_and_a_sawtooth_is_one() {
        let once =
            noisy(60, |day| if day < 30 { 100.0 + day as f64 } else { 70.0 + day as f64 - 30.0 });
        assert_eq!(last_start(&once), 30);
        let sawtooth = noisy(90, |day| 100.0 + 2.0 * (day % 20) as f64);
        assert_eq!(last_start(&sawtooth), 0);
    }
}
