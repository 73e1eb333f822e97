//! How samples become one value, and the values of several series one.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::model::Unit;

/// How the samples of one step become one value. NaN samples are skipped; a step without a number
/// is NaN, and 0 for [`Aggregate::Count`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Aggregate {
    /// The sum.
    Sum,
    /// The arithmetic mean.
    Mean,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// How many there are.
    Count,
    /// The earliest.
    First,
    /// The latest.
    Last,
    /// The standard deviation of the population, as Prometheus' `stddev_over_time`: the root of the
    /// mean square of the distances from the mean. Of raw samples only.
    StdDev,
    /// The quantile of a rank in `[0, 1]`, exact, interpolated (type 7). Of raw samples only.
    Quantile(f64),
    /// [`Aggregate::Quantile`] from a sketch: of the two samples between which it lies each is
    /// within [`Sketch::RELATIVE_ERROR`](crate::kernel::Sketch::RELATIVE_ERROR), and so is the
    /// quantile, unless one is positive and the other negative. Of rolled-up time too, where a tier
    /// has buckets of a day or longer; the answer is the one that the samples gave before.
    ///
    /// ```
    /// use plimsoll::kernel::Sketch;
    /// use plimsoll::query::{Aggregate, Query};
    /// use plimsoll::store::{Retention, Store, StoreOptions};
    /// use plimsoll::{Batch, Group, Labels, Span, Timestamp};
    ///
    /// let folder = tempfile::tempdir().unwrap();
    /// let store = Store::open(folder.path(), StoreOptions::default())?;
    /// let cpu = store.series_id(&Labels::new("cpu", [("host", "web-1")])?)?;
    /// let times: Vec<i64> = (0..3 * 1440).map(|minute| minute * 60_000_000_000).collect();
    /// let values = (0..3 * 1440).map(|minute| f64::from(minute % 1440)).collect();
    /// store.append(&Batch { groups: vec![Group { series: vec![cpu], times, values }] })?;
    ///
    /// let query = Query::new("cpu".parse()?).step(Span::DAY);
    /// let before = Timestamp::from_seconds(2 * 86_400);
    /// store.retain_with(&Retention::new(before).rollup(Span::DAY, None))?;
    /// // Two days are rolled up, and the third is not.
    /// assert!(query.clone().aggregate("p95".parse()?).run(&store.snapshot()?).is_err());
    /// for frame in query.aggregate("sketch-p95".parse()?).run(&store.snapshot()?)? {
    ///     for value in frame?.row(0) {
    ///         assert!((value / 1367.05 - 1.0).abs() <= Sketch::RELATIVE_ERROR);
    ///     }
    /// }
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    SketchQuantile(f64),
    /// By how much a counter grew: the sum of the differences to the sample before, where a fall
    /// is a reset, after which the counter started from 0. A difference belongs to the step of its
    /// later sample.
    Increase,
    /// [`Aggregate::Increase`] per second of the time that these differences span.
    Rate,
}

/// How the values of several series at one step become one. NaN are skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Across {
    /// The sum.
    Sum,
    /// The arithmetic mean over series.
    Mean,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// How many series have a value.
    Count,
}

impl Aggregate {
    /// The unit of the aggregate where samples have the unit `of`.
    ///
    /// ```
    /// use plimsoll::Unit;
    /// use plimsoll::query::Aggregate;
    /// let bytes: Unit = "MB".parse()?;
    /// assert_eq!(Aggregate::Max.unit(Some(bytes.clone())), Some(bytes.clone()));
    /// assert_eq!(Aggregate::Rate.unit(Some(bytes.clone())), Some("MB/s".parse()?));
    /// assert_eq!(Aggregate::Count.unit(Some(bytes)), None);
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn unit(self, of: Option<Unit>) -> Option<Unit> {
        match self {
            Self::Count => None,
            Self::Rate => of.map(|unit| unit.per_second()),
            Self::Sum
            | Self::Mean
            | Self::Min
            | Self::Max
            | Self::First
            | Self::Last
            | Self::StdDev
            | Self::Quantile(_)
            | Self::SketchQuantile(_)
            | Self::Increase => of,
        }
    }
}

impl fmt::Display for Aggregate {
    /// A text that reads back as the same aggregate.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::Min => "min",
            Self::Max => "max",
            Self::Count => "count",
            Self::First => "first",
            Self::Last => "last",
            Self::StdDev => "stddev",
            Self::Increase => "increase",
            Self::Rate => "rate",
            Self::SketchQuantile(rank) => return write!(f, "sketch-{}", Self::Quantile(*rank)),
            Self::Quantile(rank) => {
                // As a percentage, where no digit is lost by it.
                let percent = rank * 100.0;
                return match format!("p{percent}").parse() {
                    Ok(Self::Quantile(read)) if read == *rank => write!(f, "p{percent}"),
                    _ => write!(f, "q{rank}"),
                };
            }
        };
        f.write_str(name)
    }
}

impl FromStr for Aggregate {
    type Err = Error;

    /// Reads `sum`, `mean`, `min`, `max`, `count`, `first`, `last`, `stddev`, `increase`, `rate`,
    /// `median`, and quantiles as `p95`, `p99.9` or `q0.95`, from sketches as `sketch-p95`.
    fn from_str(text: &str) -> Result<Self> {
        if let Some(quantile) = text.strip_prefix("sketch-")
            && let Ok(Self::Quantile(rank)) = quantile.parse()
        {
            return Ok(Self::SketchQuantile(rank));
        }
        let rank = |digits: &str| digits.parse().ok().filter(|rank| (0.0..=1.0).contains(rank));
        let quantile = match text.split_at_checked(1) {
            // Shifted in decimal: 99.9 / 100 is not the number that is nearest to 0.999.
            Some(("p", percent)) => rank(&format!("{percent}e-2")),
            Some(("q", digits)) => rank(digits),
            _ => None,
        };
        match (text, quantile) {
            (_, Some(rank)) => Ok(Self::Quantile(rank)),
            ("sum", _) => Ok(Self::Sum),
            ("mean" | "avg", _) => Ok(Self::Mean),
            ("min", _) => Ok(Self::Min),
            ("max", _) => Ok(Self::Max),
            ("count", _) => Ok(Self::Count),
            ("first", _) => Ok(Self::First),
            ("last", _) => Ok(Self::Last),
            ("stddev", _) => Ok(Self::StdDev),
            ("median", _) => Ok(Self::Quantile(0.5)),
            ("increase", _) => Ok(Self::Increase),
            ("rate", _) => Ok(Self::Rate),
            _ => Err(Error::invalid(format!(
                "{text:?} is no aggregate; write sum, mean, min, max, count, first, last, stddev, \
                 median, increase, rate, a quantile as p95 or q0.95, or one from sketches as \
                 sketch-p95"
            ))),
        }
    }
}

impl FromStr for Across {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "sum" => Ok(Self::Sum),
            "mean" | "avg" => Ok(Self::Mean),
            "min" => Ok(Self::Min),
            "max" => Ok(Self::Max),
            "count" => Ok(Self::Count),
            _ => Err(Error::invalid(format!(
                "{text:?} combines no series; write sum, mean, min, max or count"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aggregates_read() {
        for (text, expected) in [
            ("mean", Some(Aggregate::Mean)),
            ("p95", Some(Aggregate::Quantile(0.95))),
            ("q0.5", Some(Aggregate::Quantile(0.5))),
            ("median", Some(Aggregate::Quantile(0.5))),
            ("sketch-p95", Some(Aggregate::SketchQuantile(0.95))),
            ("sketch-median", Some(Aggregate::SketchQuantile(0.5))),
            ("p99.9", Some(Aggregate::Quantile(0.999))),
            ("q0.12345678901234567", Some(Aggregate::Quantile(0.123_456_789_012_345_67))),
            ("sketch-mean", None),
            ("sketch-sketch-p95", None),
            ("p101", None),
            ("p", None),
            ("", None),
            ("sums", None),
        ] {
            assert_eq!(text.parse().ok(), expected, "{text:?}");
            if let Some(aggregate) = expected {
                assert_eq!(aggregate.to_string().parse().ok(), expected, "{text:?}");
            }
        }
    }
}
