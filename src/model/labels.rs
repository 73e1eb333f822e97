//! Labels: the sorted, validated `name=value` pairs that name a series.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use super::limits::{LABEL_NAME_BYTES_MAX, LABEL_VALUE_BYTES_MAX, LABELS_PER_SERIES_MAX};
use crate::error::{Error, Result};

/// The label that carries the metric's name, as in Prometheus.
pub const METRIC_LABEL: &str = "__name__";

/// The labels of one series: sorted by name, no name twice, the metric name among them.
/// Cheap to clone.
///
/// ```
/// use plimsoll::Labels;
/// let labels = Labels::new("cpu_mhz", [("host", "web-1"), ("zone", "a")])?;
/// assert_eq!(labels.metric(), "cpu_mhz");
/// assert_eq!(labels.get("zone"), Some("a"));
/// assert_eq!(labels.to_string(), r#"cpu_mhz{host="web-1",zone="a"}"#);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Labels {
    /// Names and values, one after another: a fleet has many labels, and each takes as many
    /// allocations, however many pairs it has.
    text: Arc<str>,
    /// Where in `text` each name ends, and each value, in turn.
    ends: Arc<[u32]>,
}

impl Labels {
    /// A metric name and its labels, in any order. A pair with an empty value is left out, since
    /// in selectors an absent label and an empty one are the same.
    pub fn new<N, V>(metric: &str, labels: impl IntoIterator<Item = (N, V)>) -> Result<Self>
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let labels: Vec<(N, V)> = labels.into_iter().collect();
        let pairs = labels.iter().map(|(name, value)| (name.as_ref(), value.as_ref()));
        Self::from_pairs(std::iter::once((METRIC_LABEL, metric)).chain(pairs))
    }

    /// Pairs in any order, the metric name possibly among them (query results may carry none).
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        let mut pairs: Vec<_> = pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        pairs.sort_unstable();
        for (name, value) in &pairs {
            check_pair(name, value)?;
        }
        for two in pairs.windows(2) {
            if let [first, second] = two
                && first.0 == second.0
            {
                return Err(Error::invalid(format!("label {:?} is given twice", first.0)));
            }
        }
        if pairs.len() > LABELS_PER_SERIES_MAX {
            return Err(Error::Limit {
                what: "the number of labels of one series",
                value: pairs.len() as u64,
                limit: LABELS_PER_SERIES_MAX as u64,
                remedy: "drop labels that do not tell series apart",
            });
        }
        Ok(Self::of_sorted(pairs.iter().copied()))
    }

    /// Pairs that are in order and were checked before.
    pub(crate) fn of_sorted<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Self {
        let bytes = pairs.clone().map(|(name, value)| name.len() + value.len()).sum();
        let mut text = String::with_capacity(bytes);
        let mut ends = Vec::with_capacity(2 * pairs.clone().count());
        for part in pairs.flat_map(|(name, value)| [name, value]) {
            text.push_str(part);
            // It fits: there are few pairs, and each is short.
            ends.push(text.len() as u32);
        }
        Self { text: text.into(), ends: ends.into() }
    }

    /// The metric name; empty where there is none.
    pub fn metric(&self) -> &str {
        self.get(METRIC_LABEL).unwrap_or("")
    }

    /// The value of a label.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.iter().find(|pair| pair.0 >= name)?;
        (found.0 == name).then_some(found.1)
    }

    /// All pairs, sorted by name, the metric name among them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        (0..self.ends.len() / 2).map(|at| (self.part(2 * at), self.part(2 * at + 1)))
    }

    /// A name or a value, counted over all of both.
    fn part(&self, at: usize) -> &str {
        let end = |at: usize| self.ends.get(at).map_or(0, |end| *end as usize);
        let start = at.checked_sub(1).map_or(0, end);
        self.text.get(start..end(at)).unwrap_or("")
    }

    /// The labels named in `names`, in sorted order; absent ones are left out.
    #[must_use]
    pub fn project<S: AsRef<str>>(&self, names: &[S]) -> Self {
        self.filtered(|name| names.iter().any(|n| n.as_ref() == name))
    }

    /// The labels whose names are not in `names`.
    #[must_use]
    pub fn without<S: AsRef<str>>(&self, names: &[S]) -> Self {
        self.filtered(|name| !names.iter().any(|n| n.as_ref() == name))
    }

    fn filtered(&self, keep: impl Fn(&str) -> bool + Clone) -> Self {
        Self::of_sorted(self.iter().filter(|(name, _)| keep(name)))
    }

    /// Orders by metric name first, then by all labels: the order of series in a segment, so that
    /// one metric over all hosts is one sequential read.
    pub fn cmp_metric_major(&self, other: &Self) -> Ordering {
        self.metric().cmp(other.metric()).then_with(|| self.cmp(other))
    }
}

impl Ord for Labels {
    /// Pair by pair, each by its name and then by its value.
    fn cmp(&self, other: &Self) -> Ordering {
        self.iter().cmp(other.iter())
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

fn check_pair(name: &str, value: &str) -> Result<()> {
    if name.is_empty() || name.len() > LABEL_NAME_BYTES_MAX {
        return Err(Error::invalid(format!(
            "label name {name:?} must have 1 to {LABEL_NAME_BYTES_MAX} bytes"
        )));
    }
    if value.len() > LABEL_VALUE_BYTES_MAX {
        return Err(Error::Limit {
            what: "the length of a label value in bytes",
            value: value.len() as u64,
            limit: LABEL_VALUE_BYTES_MAX as u64,
            remedy: "shorten the value",
        });
    }
    Ok(())
}

impl fmt::Display for Labels {
    /// Prometheus form; control characters are escaped, so a hostile label cannot steer a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.metric().escape_debug())?;
        let mut rest = self.iter().filter(|(name, _)| *name != METRIC_LABEL).peekable();
        if rest.peek().is_none() && !self.metric().is_empty() {
            return Ok(());
        }
        f.write_str("{")?;
        let mut separator = "";
        for (name, value) in rest {
            write!(f, "{separator}{}={value:?}", name.escape_debug())?;
            separator = ",";
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_matter_and_names_are_unique() {
        let a = Labels::new("m", [("b", "2"), ("a", "1")]).unwrap();
        let b = Labels::new("m", [("a", "1"), ("b", "2"), ("c", "")]).unwrap();
        assert_eq!(a, b);
        assert!(Labels::new("m", [("a", "1"), ("a", "2")]).is_err());
        assert!(Labels::new("m", [("", "1")]).is_err());
        assert!(Labels::new("m", [("__name__", "other")]).is_err());
    }

    #[test]
    fn order_is_that_of_the_pairs_and_not_of_their_text() {
        let labels = |pairs: &[(&str, &str)]| Labels::from_pairs(pairs.iter().copied()).unwrap();
        let ascending = [
            labels(&[]),
            labels(&[("a", "b")]),
            labels(&[("a", "b"), ("c", "d")]),
            labels(&[("a", "bb")]),
            labels(&[("aa", "")]),
            labels(&[("aa", "b")]),
            labels(&[("ab", "b")]),
        ];
        assert_eq!(ascending[4], ascending[0], "an empty value is none");
        for (at, one) in ascending.iter().enumerate().filter(|(at, _)| *at != 4) {
            for (other_at, other) in ascending.iter().enumerate().filter(|(at, _)| *at != 4) {
                assert_eq!(one.cmp(other), at.cmp(&other_at), "{one:?} {other:?}");
            }
        }
        assert_ne!(labels(&[("ab", "c")]), labels(&[("a", "bc")]));
    }

    #[test]
    fn projections() {
        let labels = Labels::new("m", [("host", "h"), ("zone", "z")]).unwrap();
        assert_eq!(labels.project(&["zone", "nope"]).to_string(), r#"{zone="z"}"#);
        assert_eq!(labels.without(&["zone"]).to_string(), r#"m{host="h"}"#);
        assert_eq!(labels.project::<&str>(&[]).to_string(), "{}");
    }
}
