//! Which series of a store say what of a host, as it is written on a command line and in a study:
//! `SELECTOR`, `rate(SELECTOR)`, either with ` in UNIT` behind it; a number for a capacity;
//! `NAME=` before it for a metric of one's own.

use std::str::FromStr;

use crate::error::{Error, Result};
use crate::model::{Selector, Unit};

/// A metric of the store.
#[derive(Debug, Clone)]
pub struct MetricSource {
    /// Its series.
    pub selector: Selector,
    /// Its samples are running totals.
    pub is_counter: bool,
    /// In place of the unit that the store has.
    pub unit: Option<Unit>,
}

/// How much there is of something.
#[derive(Debug, Clone)]
pub enum CapacitySource {
    /// The same for every host.
    Number(f64),
    /// As a metric says.
    Metric(MetricSource),
}

/// A metric that rules name as they like.
#[derive(Debug, Clone)]
pub struct NamedSource {
    /// Its name in the rules.
    pub name: String,
    /// Where it comes from.
    pub metric: MetricSource,
}

/// Everything that rules may be told of a host. What is not given is not known.
#[derive(Debug, Clone, Default)]
pub struct HostSources {
    /// What it uses of its processors: in cores, in %, or in another unit with `cpu_capacity`.
    pub cpu: Option<MetricSource>,
    /// What it has of it, in one unit with it.
    pub cpu_capacity: Option<CapacitySource>,
    /// How many processors it has.
    pub cores: Option<CapacitySource>,
    /// What it uses of its memory: in %, or in another unit with `memory_capacity`.
    pub memory: Option<MetricSource>,
    /// What it has of it, in one unit with it.
    pub memory_capacity: Option<CapacitySource>,
    /// Bytes per second read from disks.
    pub disk_read: Option<MetricSource>,
    /// Bytes per second written to disks.
    pub disk_write: Option<MetricSource>,
    /// Bytes per second received from the network.
    pub receive: Option<MetricSource>,
    /// Bytes per second sent to the network.
    pub send: Option<MetricSource>,
    /// Bytes per second that the network could carry.
    pub network_capacity: Option<CapacitySource>,
    /// Metrics of one's own.
    pub metrics: Vec<NamedSource>,
}

impl FromStr for MetricSource {
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

impl FromStr for CapacitySource {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() && number > 0.0 => Ok(Self::Number(number)),
            Ok(_) => Err(Error::invalid(format!("{text} is no capacity; it is a number above 0"))),
            Err(_) => text.parse().map(Self::Metric),
        }
    }
}

impl FromStr for NamedSource {
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
        let read = |text: &str| text.parse::<MetricSource>().unwrap();
        let plain = read("cpu{host=\"a in b\"}");
        assert_eq!((plain.is_counter, plain.unit.is_none()), (false, true));
        let counter = read("rate(net_total{device!=\"lo\"}) in B/s");
        assert_eq!((counter.is_counter, counter.unit.unwrap().as_str()), (true, "B/s"));
        let own: NamedSource = "connections=db_connections in n".parse().unwrap();
        assert_eq!((own.name.as_str(), own.metric.unit.unwrap().as_str()), ("connections", "n"));
        assert!(matches!("8".parse().unwrap(), CapacitySource::Number(8.0)));
        assert!(matches!("cores".parse().unwrap(), CapacitySource::Metric(_)));
        for text in ["0", "-1", "inf"] {
            assert!(text.parse::<CapacitySource>().is_err());
        }
        for text in ["connections", "=x", "a b=x", "a={"] {
            assert!(text.parse::<NamedSource>().is_err(), "{text}");
        }
    }
}
