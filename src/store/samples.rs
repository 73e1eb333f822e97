//! Samples of one series in order, and the merge of two such runs.

use std::cmp::Ordering;

/// Samples of one series: instants in nanoseconds, strictly ascending, and their values.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples {
    /// Instants, nanoseconds since the epoch.
    pub times: Vec<i64>,
    /// One value per instant.
    pub values: Vec<f64>,
}

impl Samples {
    /// Number of samples.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Removes all samples and keeps the memory.
    pub fn clear(&mut self) {
        self.times.clear();
        self.values.clear();
    }

    /// Adds a sample; the caller keeps the order.
    pub(super) fn push(&mut self, time: i64, value: f64) {
        self.times.push(time);
        self.values.push(value);
    }

    /// Merges `newer` into these samples. Where both have an instant, `newer` counts if
    /// `newer_wins`, else what is here. `scratch` lends its memory.
    pub(super) fn merge(&mut self, newer: &Self, newer_wins: bool, scratch: &mut Self) {
        let follows = match (self.times.last(), newer.times.first()) {
            (Some(last), Some(first)) => last < first,
            _ => true,
        };
        if follows {
            self.times.extend_from_slice(&newer.times);
            self.values.extend_from_slice(&newer.values);
            return;
        }
        scratch.clear();
        let mut old = self.times.iter().zip(&self.values).peekable();
        let mut new = newer.times.iter().zip(&newer.values).peekable();
        while let (Some((old_time, old_value)), Some((new_time, new_value))) =
            (old.peek().copied(), new.peek().copied())
        {
            match old_time.cmp(new_time) {
                Ordering::Less => {
                    scratch.push(*old_time, *old_value);
                    old.next();
                }
                Ordering::Greater => {
                    scratch.push(*new_time, *new_value);
                    new.next();
                }
                Ordering::Equal => {
                    scratch.push(*old_time, if newer_wins { *new_value } else { *old_value });
                    old.next();
                    new.next();
                }
            }
        }
        for (time, value) in old.chain(new) {
            scratch.push(*time, *value);
        }
        std::mem::swap(self, scratch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(pairs: &[(i64, f64)]) -> Samples {
        let (times, values) = pairs.iter().copied().unzip();
        Samples { times, values }
    }

    #[test]
    fn merging_keeps_order_and_obeys_the_rule() {
        let newer = samples(&[(2, 20.0), (3, 30.0), (9, 90.0)]);
        for (newer_wins, three) in [(true, 30.0), (false, 3.0)] {
            let mut old = samples(&[(1, 1.0), (3, 3.0), (4, 4.0)]);
            old.merge(&newer, newer_wins, &mut Samples::default());
            let expected = samples(&[(1, 1.0), (2, 20.0), (3, three), (4, 4.0), (9, 90.0)]);
            assert_eq!(old, expected);
        }
    }

    #[test]
    fn a_run_that_follows_is_appended() {
        let mut old = samples(&[(1, 1.0)]);
        old.merge(&samples(&[(2, 2.0)]), true, &mut Samples::default());
        old.merge(&Samples::default(), true, &mut Samples::default());
        assert_eq!(old, samples(&[(1, 1.0), (2, 2.0)]));
    }
}
