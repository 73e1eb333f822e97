//! Which samples count: those on one side of a number.

use std::fmt;
use std::str::FromStr;

use super::scan::first_seen;
use super::{Aggregate, Grid};
use crate::codec::BlockStats;
use crate::error::{Error, Result};
use crate::model::{TimeRange, Timestamp, is_stale_marker};
use crate::store::{Samples, Tier};

/// What a sample must meet to count, as `> 90`. NaN meets none.
///
/// ```
/// use plimsoll::query::Condition;
/// let busy: Condition = "> 90".parse()?;
/// assert!(busy.holds(90.5));
/// assert!(!busy.holds(90.0));
/// assert!(!busy.holds(f64::NAN));
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Condition {
    /// `>`: greater than this number.
    Above(f64),
    /// `>=`: this number or greater.
    AtLeast(f64),
    /// `<`: less than this number.
    Below(f64),
    /// `<=`: this number or less.
    AtMost(f64),
}

/// Which numbers meet a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Met {
    All,
    Part,
    None,
}

fn each_place(values: &[f64], is_met: impl Fn(f64) -> bool, mut then: impl FnMut(usize)) {
    for (place, _) in values.iter().enumerate().filter(|(_, value)| is_met(**value)) {
        then(place);
    }
}

impl Condition {
    /// Whether a value meets it.
    #[inline]
    pub fn holds(self, value: f64) -> bool {
        match self {
            Self::Above(bound) => value > bound,
            Self::AtLeast(bound) => value >= bound,
            Self::Below(bound) => value < bound,
            Self::AtMost(bound) => value <= bound,
        }
    }

    /// Calls `then` with the place of each value that meets it.
    pub(super) fn each_met(self, values: &[f64], then: impl FnMut(usize)) {
        // Which bound it is, is asked once, and not for every value.
        match self {
            Self::Above(bound) => each_place(values, |value| value > bound, then),
            Self::AtLeast(bound) => each_place(values, |value| value >= bound, then),
            Self::Below(bound) => each_place(values, |value| value < bound, then),
            Self::AtMost(bound) => each_place(values, |value| value <= bound, then),
        }
    }

    /// Replaces `out` by the samples that meet it and by the stale markers, which say that a series
    /// ended; no aggregate counts these.
    pub(super) fn copy_with_markers(self, samples: &Samples, out: &mut Samples) {
        out.clear();
        let is_kept = |value| self.holds(value) || is_stale_marker(value);
        each_place(&samples.values, is_kept, |place| {
            out.times.push(samples.times[place]);
            out.values.push(samples.values[place]);
        });
    }

    /// Replaces `out` by the samples that meet it.
    pub(super) fn copy(self, times: &[i64], values: &[f64], out: &mut Samples) {
        out.clear();
        self.each_met(values, |place| {
            out.times.push(times[place]);
            out.values.push(values[place]);
        });
    }

    /// Which of the samples of a block meet it, by their statistics.
    pub(super) fn met_by(self, stats: &BlockStats) -> Met {
        match (self.holds(stats.min), self.holds(stats.max)) {
            (true, true) => Met::All,
            (false, false) => Met::None,
            _ => Met::Part,
        }
    }

    /// Refuses time whose samples are gone: a bucket does not say which of them met a condition.
    pub(super) fn refuse_rolled(
        self,
        tiers: &[Tier],
        raw_from: Timestamp,
        aggregates: &[Aggregate],
        grid: &Grid,
    ) -> Result<()> {
        let start = first_seen(aggregates, grid);
        let asked = TimeRange { start, end: grid.end };
        if !tiers.iter().any(|tier| tier.range.overlaps(asked)) {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "the condition {self} needs raw samples, and those before {raw_from} are rolled up; \
             start at {raw_from}, or ask without it"
        )))
    }
}

impl fmt::Display for Condition {
    /// A text that reads back as the same condition.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Above(bound) => write!(f, "> {bound}"),
            Self::AtLeast(bound) => write!(f, ">= {bound}"),
            Self::Below(bound) => write!(f, "< {bound}"),
            Self::AtMost(bound) => write!(f, "<= {bound}"),
        }
    }
}

impl FromStr for Condition {
    type Err = Error;

    /// Reads `>`, `>=`, `<` or `<=`, and a number.
    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let number = text.trim_start_matches(['<', '>', '=']);
        let (sign, _) = text.split_at(text.len() - number.len());
        let bound = number.trim().parse().ok().filter(|bound: &f64| !bound.is_nan());
        match (sign, bound) {
            (">", Some(bound)) => Ok(Self::Above(bound)),
            (">=", Some(bound)) => Ok(Self::AtLeast(bound)),
            ("<", Some(bound)) => Ok(Self::Below(bound)),
            ("<=", Some(bound)) => Ok(Self::AtMost(bound)),
            _ => Err(Error::invalid(format!(
                "{text:?} is no condition; write >, >=, < or <= and a number, as in '> 90'"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::stale_marker;

    #[test]
    fn conditions_read_and_print() {
        for (text, expected) in [
            ("> 90", Some(Condition::Above(90.0))),
            (">90", Some(Condition::Above(90.0))),
            (" >=  -1.5 ", Some(Condition::AtLeast(-1.5))),
            ("<1e3", Some(Condition::Below(1000.0))),
            ("<= inf", Some(Condition::AtMost(f64::INFINITY))),
            ("> NaN", None),
            ("> = 1", None),
            ("= 1", None),
            ("90", None),
            (">", None),
            ("", None),
        ] {
            let read: Option<Condition> = text.parse().ok();
            assert_eq!(read, expected, "{text:?}");
            if let Some(read) = read {
                assert_eq!(read.to_string().parse::<Condition>().ok(), expected, "{text:?}");
            }
        }
    }

    #[test]
    fn only_what_meets_it_stays_and_a_stale_marker() {
        let values = [1.0, 2.0, f64::NAN, 3.0, -0.0, stale_marker(), f64::INFINITY];
        let kept = |text: &str| {
            let condition: Condition = text.parse().unwrap();
            let all = Samples { times: (0..7).collect(), values: values.to_vec() };
            let mut samples = Samples { times: vec![9], values: vec![9.0] };
            condition.copy_with_markers(&all, &mut samples);
            let mut numbers = Samples::default();
            condition.copy(&all.times, &all.values, &mut numbers);
            let meets = |samples: &Samples| samples.values.iter().all(|v| condition.holds(*v));
            assert!(meets(&numbers) && numbers.len() + 1 == samples.len());
            let stats = BlockStats::of(&numbers.values);
            let none = numbers.is_empty();
            assert_eq!(condition.met_by(&stats), if none { Met::None } else { Met::All });
            if !none {
                assert_eq!(condition.met_by(&BlockStats::of(&values)), Met::Part);
            }
            for (time, value) in samples.times.iter().zip(&samples.values) {
                assert_eq!(value.to_bits(), values[*time as usize].to_bits());
            }
            samples.times
        };
        assert_eq!(kept("> 2"), [3, 5, 6]);
        assert_eq!(kept(">= 2"), [1, 3, 5, 6]);
        assert_eq!(kept("< 2"), [0, 4, 5]);
        assert_eq!(kept("<= 2"), [0, 1, 4, 5]);
        assert_eq!(kept("< 0"), [5]);
        assert_eq!(kept("> inf"), [5]);
    }
}
