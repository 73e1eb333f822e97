//! Whether enough of a period is known for it to have a season.

/// Values that each phase has on the whole where it has any: two, less a tenth for gaps. A value
/// that is alone in its phase is explained by itself.
const PER_PHASE_MIN: f64 = 1.8;
/// The share of cycles in which a phase has a value, on the whole. Below it sampling drifts through
/// the phases, and the few values within a season's window are fitted one by one.
const CYCLES_SHARE_MIN: f64 = 0.5;
/// A longer step is at least this share of what values are apart, so that it has one nearly always.
const APART_SHARE: f64 = 0.9;

/// At which steps there are values.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Sampling {
    /// Steps that have a value.
    pub values: usize,
    /// Steps from the first of these to the last.
    pub steps: usize,
    /// Steps from one value to the next, the median.
    pub steps_apart: usize,
}

/// A period that has no season, and why.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LeftOut {
    /// In steps.
    pub period: usize,
    /// What is not known of it.
    pub why: WhyLeftOut,
    /// The shortest longer step with which it is known well enough, in steps of now, if any.
    pub longer_step: Option<usize>,
}

/// What is not known of a period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WhyLeftOut {
    /// There are not two of it.
    TooLong,
    /// All values lie at the same place of it.
    OnePhase,
    /// Its phases have values in so small a share of its cycles, or hardly ever two.
    Scattered(f64),
}

impl Sampling {
    /// That of a row with these steps known.
    pub(super) fn of(known: &[bool]) -> Self {
        let at: Vec<usize> = (0..known.len()).filter(|at| known[*at]).collect();
        let mut apart: Vec<usize> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let middle = apart.len() / 2;
        let steps_apart = if apart.is_empty() { 1 } else { *apart.select_nth_unstable(middle).1 };
        let steps = at.first().zip(at.last()).map_or(0, |(first, last)| last - first + 1);
        Self { values: at.len(), steps, steps_apart }
    }

    /// Why a row with these steps known has no season of `period`, if so.
    pub(super) fn left_out(self, known: &[bool], period: usize) -> Option<LeftOut> {
        let why = why_left_out(known, period)?;
        let least = (APART_SHARE * self.steps_apart as f64).ceil() as usize;
        // A longer step makes a series no longer.
        let steps = if why == WhyLeftOut::TooLong { 0..0 } else { least.max(2)..period / 2 + 1 };
        let is_known = |step| why_left_out(&longer(known, step), period / step).is_none();
        let longer_step =
            steps.into_iter().find(|step| period.is_multiple_of(*step) && is_known(*step));
        Some(LeftOut { period, why, longer_step })
    }
}

fn why_left_out(known: &[bool], period: usize) -> Option<WhyLeftOut> {
    if known.len() / 2 < period {
        return Some(WhyLeftOut::TooLong);
    }
    let start = known.iter().position(|known| *known).unwrap_or_default();
    let mut of_phase = vec![0_usize; period];
    let (mut cycles, mut steps) = (0_usize, 0);
    for (cycle, known) in known[start..].chunks(period).enumerate() {
        let Some(last) = known.iter().rposition(|known| *known) else { continue };
        steps = cycle * period + last + 1;
        cycles += 1;
        of_phase.iter_mut().zip(known).for_each(|(count, known)| *count += usize::from(*known));
    }
    let phases = of_phase.iter().filter(|count| **count > 0).count();
    let per_phase = of_phase.iter().sum::<usize>() as f64 / phases.max(1) as f64;
    let share = per_phase / cycles.max(1) as f64;
    match () {
        () if per_phase < PER_PHASE_MIN && steps / 2 < period => Some(WhyLeftOut::TooLong),
        () if phases < 2 => Some(WhyLeftOut::OnePhase),
        () if per_phase < PER_PHASE_MIN || share < CYCLES_SHARE_MIN => {
            Some(WhyLeftOut::Scattered(share))
        }
        () => None,
    }
}

/// Which steps are known that are so many times as long.
fn longer(known: &[bool], times: usize) -> Vec<bool> {
    known.chunks(times).map(|part| part.contains(&true)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(period: usize, len: usize, is_known: impl Fn(usize) -> bool) -> Option<LeftOut> {
        let known: Vec<bool> = (0..len).map(is_known).collect();
        Sampling::of(&known).left_out(&known, period)
    }

    #[test]
    fn a_period_is_taken_where_its_phases_come_again() {
        // Two weeks of hours with a twentieth missing, office hours, a month amid gaps, one value
        // of five at the same phases, and one a day for a week's season.
        assert_eq!(why(168, 336, |at| at % 20 != 3), None);
        let office = |at: usize| (8..16).contains(&(at % 24)) && at / 24 % 7 < 5;
        assert_eq!((why(24, 24 * 28, office), why(168, 24 * 28, office)), (None, None));
        assert_eq!(why(24, 24 * 200, |at| !(24 * 15..24 * 185).contains(&at)), None);
        assert_eq!(why(240, 240 * 14, |at| at % 5 == 0), None);
        assert_eq!(why(168, 24 * 28, |at| at % 24 == 9), None);
    }

    #[test]
    fn a_period_is_left_out_with_the_reason_and_the_step_that_would_do() {
        let found = |period, len, is_known: fn(usize) -> bool| {
            let found = why(period, len, is_known).unwrap();
            (found.why, found.longer_step)
        };
        // Half of the row is no period, nor is that of values in six days of two months.
        assert_eq!(found(51, 100, |_| true), (WhyLeftOut::TooLong, None));
        assert_eq!(found(168, 1440, |at| at >= 1440 - 144), (WhyLeftOut::TooLong, None));
        assert_eq!(found(24, 24 * 28, |at| at % 24 == 9), (WhyLeftOut::OnePhase, None));
        // Each 26 hours: days do for a week, and nothing for a day.
        let (why, step) = found(24, 24 * 60, |at| at % 26 == 0);
        assert!(matches!(why, WhyLeftOut::Scattered(share) if share < 0.1), "{why:?}");
        assert_eq!(step, None);
        let (why, step) = found(168, 24 * 60, |at| at % 26 == 0);
        assert!(matches!(why, WhyLeftOut::Scattered(_)), "{why:?}");
        assert_eq!(step, Some(24));
        // Each fifth minute, a minute later each day.
        let (why, step) = found(1440, 1440 * 28, |at| at % 5 == at / 1440 % 5);
        assert!(matches!(why, WhyLeftOut::Scattered(share) if share < 0.25), "{why:?}");
        assert_eq!(step, Some(5));
        // One half of the phases in the first cycle, the other in the second.
        let (why, _) = found(100, 200, |at| (at < 100) == (at % 2 == 0));
        assert!(matches!(why, WhyLeftOut::Scattered(_)), "{why:?}");
    }
}
