//! The pattern of the day or the week, taken out of a window before an event and one after.

use std::collections::BTreeMap;

use crate::model::{Span, Timestamp};

/// Values whose pattern was taken out, side by side, in the order of time.
pub(super) struct Patternless {
    pub(super) before: Vec<f64>,
    pub(super) after: Vec<f64>,
    /// What the variance of each window's mean is to be multiplied by, since a pattern that was
    /// estimated from few days took some of the noise along.
    pub(super) inflation: [f64; 2],
    /// The mean pattern.
    pub(super) level: f64,
}

type Slots = BTreeMap<i64, [(f64, f64); 2]>;

/// Takes out, of each hour of the day, or of the week where both windows last one, the middle
/// between its mean before and its mean after. Values of hours that only one window knows are left
/// out. `None` without a common hour.
pub(super) fn without_pattern(
    before: &[(Timestamp, f64)],
    after: &[(Timestamp, f64)],
) -> Option<Patternless> {
    let lasts = |rows: &[(Timestamp, f64)]| {
        let ends = rows.first().zip(rows.last());
        ends.map_or(Span::ZERO, |(first, last)| last.0.since(first.0))
    };
    // The last hour of a week need not have ended.
    let week = Span::from_nanos(Span::WEEK.nanos() - Span::HOUR.nanos());
    let cycle = if lasts(before) >= week && lasts(after) >= week { Span::WEEK } else { Span::DAY };
    let slot = |time: Timestamp| time.nanos().rem_euclid(cycle.nanos()) / Span::HOUR.nanos();
    let mut slots = Slots::new();
    for (side, rows) in [before, after].into_iter().enumerate() {
        for (time, value) in rows {
            let (sum, count) = &mut slots.entry(slot(*time)).or_default()[side];
            *sum += value;
            *count += 1.0;
        }
    }
    slots.retain(|_, sides| sides.iter().all(|side| side.1 > 0.0));
    let middle =
        |sides: &[(f64, f64); 2]| sides.iter().map(|side| side.0 / side.1).sum::<f64>() / 2.0;
    let middles: BTreeMap<i64, f64> = slots.iter().map(|(slot, at)| (*slot, middle(at))).collect();
    let level = middles.values().sum::<f64>() / middles.len() as f64;
    let left = |rows: &[(Timestamp, f64)]| -> Vec<f64> {
        let known =
            rows.iter().filter_map(|(time, value)| Some((value, middles.get(&slot(*time))?)));
        known.map(|(value, middle)| value - middle).collect()
    };
    // How often a window saw each hour, in runs of that hour: its days, or weeks.
    let turns = |rows: &[(Timestamp, f64)]| {
        let mut seen: Vec<i64> = rows
            .iter()
            .filter(|(time, _)| middles.contains_key(&slot(*time)))
            .map(|(time, _)| time.nanos().div_euclid(Span::HOUR.nanos()))
            .collect();
        seen.dedup();
        seen.len() as f64 / middles.len().max(1) as f64
    };
    let (mine, other) = (turns(before), turns(after));
    // The mean of D days less half of it and half of the other window's: a share of the noise's
    // variance of 1 - 1/D + 1/(4 D) + 1/(4 E) is left.
    let inflation = |mine: f64, other: f64| 1.0 / (1.0 - 0.75 / mine + 0.25 / other).max(0.25);
    (!middles.is_empty()).then(|| Patternless {
        before: left(before),
        after: left(after),
        inflation: [inflation(mine, other), inflation(other, mine)],
        level,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(hours: std::ops::Range<i64>, value: impl Fn(i64) -> f64) -> Vec<(Timestamp, f64)> {
        hours.map(|hour| (Timestamp::from_seconds(3600 * hour), value(hour))).collect()
    }

    #[test]
    fn a_day_pattern_goes_and_a_step_stays() {
        let day = |hour: i64| (hour % 24 * 7 % 24) as f64;
        // Three days before and a day and a half after: unequal shares of each hour.
        let found = without_pattern(&rows(0..72, day), &rows(72..108, |hour| day(hour) + 4.0));
        let found = found.unwrap();
        assert!(found.before.iter().all(|left| (left + 2.0).abs() < 1e-12));
        assert!(found.after.iter().all(|left| (left - 2.0).abs() < 1e-12));
        assert!((found.level - 13.5).abs() < 1e-12);
        // 1 / (1 - 3/12 + 1/6) and 1 / (1 - 1/2 + 1/12).
        assert!((found.inflation[0] - 12.0 / 11.0).abs() < 1e-12);
        assert!((found.inflation[1] - 12.0 / 7.0).abs() < 1e-12);
    }

    #[test]
    fn weeks_have_weekends_and_other_hours_have_no_say() {
        let weekend = |hour: i64| if hour / 24 % 7 < 2 { 0.0 } else { 9.0 };
        let found = without_pattern(&rows(0..168, weekend), &rows(168..336, weekend)).unwrap();
        assert!(found.before.iter().chain(&found.after).all(|left| *left == 0.0));
        let found = without_pattern(&rows(0..12, |_| 1.0), &rows(11..20, |_| 3.0)).unwrap();
        assert_eq!((found.before.len(), found.after.len(), found.level), (1, 1, 2.0));
        assert!(without_pattern(&rows(0..6, |_| 1.0), &rows(6..9, |_| 1.0)).is_none());
    }
}
