//! Metrics as they are written on the command line: `SELECTOR`, `rate(SELECTOR)`, either with
//! ` in UNIT` behind it; a number for a capacity; `NAME=` before it for a metric of one's own.

use std::str::FromStr;

use crate::error::{Error, Result};
use crate::model::{Selector, Unit};

/// A metric of the store.
#[derive(Debug, Clone)]
pub(super) struct MetricArg {
    pub(super) selector: Selector,
    /// Its samples are running totals.
    pub(super) is_counter: bool,
    /// In place of the unit that the store has.
    pub(super) unit: Option<Unit>,
}

/// How much there is of something.
#[derive(Debug, Clone)]
pub(super) enum CapacityArg {
    /// The same for every host.
    Number(f64),
    Metric(MetricArg),
}

/// A metric that rules name as they like.
#[derive(Debug, Clone)]
pub(super) struct OwnMetric {
    pub(super) name: String,
    pub(super) metric: MetricArg,
}

impl FromStr for MetricArg {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (text, unit) = match text.rsplit_once(" in ") {
            // Else it is a part of a label's value.
            Some((text, unit)) if !unit.contains(['"', '\'', '}', ')']) => {
                (text, Some(unit.parse()?))
            }
            _ => (text, None),
        };
        let inner = text.trim().strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')'));
        let selector = inner.unwrap_or(text).trim().parse()?;
        Ok(Self { selector, is_counter: inner.is_some(), unit })
    }
}

impl FromStr for CapacityArg {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() && number > 0.0 => Ok(Self::Number(number)),
            Ok(_) => Err(Error::invalid(format!("{text} is no capacity; it is a number above 0"))),
            Err(_) => text.parse().map(Self::Metric),
        }
    }
}

impl FromStr for OwnMetric {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let pair = text.split_once('=').filter(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
        });
        let refused = || Error::invalid(format!("{text:?} is no metric; write NAME=SELECTOR"));
        let (name, metric) = pair.ok_or_else(refused)?;
        Ok(Self { name: name.to_owned(), metric: metric.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_read_as_they_are_written() {
        let read = |text: &str| text.parse::<MetricArg>().unwrap();
        let plain = read("cpu{host=\"a in b\"}");
        assert_eq!((plain.is_counter, plain.unit.is_none()), (false, true));
        let counter = read("rate(net_total{device!=\"lo\"}) in B/s");
        assert_eq!((counter.is_counter, counter.unit.unwrap().as_str()), (true, "B/s"));
        let own: OwnMetric = "connections=db_connections in n".parse().unwrap();
        assert_eq!((own.name.as_str(), own.metric.unit.unwrap().as_str()), ("connections", "n"));
        assert!(matches!("8".parse().unwrap(), CapacityArg::Number(8.0)));
        assert!(matches!("cores".parse().unwrap(), CapacityArg::Metric(_)));
        for text in ["0", "-1", "inf"] {
            assert!(text.parse::<CapacityArg>().is_err());
        }
        for text in ["connections", "=x", "a b=x", "a={"] {
            assert!(text.parse::<OwnMetric>().is_err(), "{text}");
        }
    }
}
