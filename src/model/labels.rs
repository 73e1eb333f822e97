//! Labels: the sorted, validated `name=value` pairs that name a series.

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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Arc<[(Box<str>, Box<str>)]>);

impl Labels {
    /// A metric name and its labels, in any order. A pair with an empty value is left out, since
    /// in selectors an absent label and an empty one are the same.
    pub fn new<N, V>(metric: &str, labels: impl IntoIterator<Item = (N, V)>) -> Result<Self>
    where
        N: Into<Box<str>>,
        V: Into<Box<str>>,
    {
        let name = std::iter::once((METRIC_LABEL.into(), metric.into()));
        Self::from_pairs(name.chain(labels.into_iter().map(|(n, v)| (n.into(), v.into()))))
    }

    /// Pairs in any order, the metric name possibly among them (query results may carry none).
    pub fn from_pairs(pairs: impl IntoIterator<Item = (Box<str>, Box<str>)>) -> Result<Self> {
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
        Ok(Self(pairs.into()))
    }

    /// The metric name; empty where there is none.
    pub fn metric(&self) -> &str {
        self.get(METRIC_LABEL).unwrap_or("")
    }

    /// The value of a label.
    pub fn get(&self, name: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|pair| (*pair.0).cmp(name)).ok()?;
        self.0.get(at).map(|pair| &*pair.1)
    }

    /// All pairs, sorted by name, the metric name among them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The labels named in `names`, in sorted order; absent ones are left out.
    #[must_use]
    pub fn project<S: AsRef<str>>(&self, names: &[S]) -> Self {
        let keep = |name: &str| names.iter().any(|n| n.as_ref() == name);
        Self(self.0.iter().filter(|(name, _)| keep(name)).cloned().collect())
    }

    /// The labels whose names are not in `names`.
    #[must_use]
    pub fn without<S: AsRef<str>>(&self, names: &[S]) -> Self {
        let drop = |name: &str| names.iter().any(|n| n.as_ref() == name);
        Self(self.0.iter().filter(|(name, _)| !drop(name)).cloned().collect())
    }

    /// Orders by metric name first, then by all labels: the order of series in a segment, so that
    /// one metric over all hosts is one sequential read.
    pub fn cmp_metric_major(&self, other: &Self) -> std::cmp::Ordering {
        self.metric().cmp(other.metric()).then_with(|| self.cmp(other))
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
    fn projections() {
        let labels = Labels::new("m", [("host", "h"), ("zone", "z")]).unwrap();
        assert_eq!(labels.project(&["zone", "nope"]).to_string(), r#"{zone="z"}"#);
        assert_eq!(labels.without(&["zone"]).to_string(), r#"m{host="h"}"#);
        assert_eq!(labels.project::<&str>(&[]).to_string(), "{}");
    }
}
