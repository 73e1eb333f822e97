//! The samples of one scrape on their way into one group, and what is remembered of the scrape
//! before: the number of each series, and the last reading of each counter.

use std::collections::BTreeMap;
use std::time::Duration;

use super::metric::{self, Metric};
use super::{Moment, Troubles};
use crate::error::Result;
use crate::model::{Group, Labels, SeriesId, Sink, Unit, stale_marker};

/// Stale markers in one group, which takes 1 MiB then.
const MARKERS_AT_ONCE: usize = 1 << 16;

/// Gathers the samples of one host. What was not read in a scrape is forgotten after it, so memory
/// is bounded by what the machine has at one time, however many devices come and go.
#[derive(Debug)]
pub(super) struct Collector {
    host: Box<str>,
    group: Group,
    /// By metric, then by the value of its label.
    known: BTreeMap<&'static str, BTreeMap<Box<str>, Known>>,
    scrape: u64,
}

/// One series.
#[derive(Debug)]
struct Known {
    id: SeriesId,
    /// The scrape that last had it.
    scrape: u64,
    value: f64,
    elapsed: Duration,
}

impl Collector {
    pub(super) fn new(host: &str) -> Self {
        let (group, known) = (Group::default(), BTreeMap::new());
        Self { host: host.into(), group, known, scrape: 0 }
    }

    /// Begins a scrape; the buffers of the one before are used again.
    pub(super) fn begin(&mut self, moment: Moment) {
        self.scrape += 1;
        self.group.series.clear();
        self.group.values.clear();
        self.group.times.clear();
        self.group.times.push(moment.at.nanos());
    }

    /// Hands a stale marker of every total to the sink, for each of these instants, and says how
    /// many samples that made.
    pub(super) fn end_totals(&self, instants: &[i64], sink: &mut dyn Sink) -> Result<usize> {
        let totals = self.known.iter().filter(|(name, _)| name.ends_with(metric::TOTAL));
        let series: Vec<_> =
            totals.flat_map(|(_, by_label)| by_label.values().map(|one| one.id)).collect();
        if series.is_empty() {
            return Ok(0);
        }
        for times in instants.chunks((MARKERS_AT_ONCE / series.len()).max(1)) {
            let values = vec![stale_marker(); series.len() * times.len()];
            sink.group(&Group { series: series.clone(), times: times.to_vec(), values })?;
        }
        Ok(series.len() * instants.len())
    }

    /// Ends the scrape: all of its samples, which stand at one instant.
    pub(super) fn end(&mut self) -> &Group {
        let scrape = self.scrape;
        self.known.retain(|_, by_label| {
            by_label.retain(|_, known| known.scrape == scrape);
            !by_label.is_empty()
        });
        &self.group
    }
}

/// A [`Collector`] at work in one scrape.
pub(super) struct Samples<'a> {
    pub(super) collector: &'a mut Collector,
    pub(super) sink: &'a mut dyn Sink,
    pub(super) troubles: &'a mut Troubles,
    pub(super) elapsed: Duration,
}

impl Samples<'_> {
    /// Adds a sample. A second one of the same series in a scrape is left out: a group has none
    /// twice, and odd text may.
    pub(super) fn gauge(&mut self, metric: &Metric, label: &str, value: f64) -> Result<()> {
        self.counter(metric, label, value).map(drop)
    }

    /// Adds a sample of a counter. Returns its growth per second since the scrape before, by the
    /// monotonic clock; `None` where there is none, or where it began anew.
    pub(super) fn counter(
        &mut self,
        metric: &Metric,
        label: &str,
        value: f64,
    ) -> Result<Option<f64>> {
        let Collector { host, group, known, scrape } = &mut *self.collector;
        let by_label = known.entry(metric.name).or_default();
        if !by_label.contains_key(label) {
            let pairs = [("host", &**host), (metric.label, label)];
            let labels = pairs.into_iter().filter(|(name, _)| !name.is_empty());
            let labels = match Labels::new(metric.name, labels) {
                Ok(labels) => labels,
                Err(why) => {
                    self.troubles.add(metric.name, &format!("{why}; left out"));
                    return Ok(None);
                }
            };
            let unit: Unit = metric.unit.parse()?;
            let id = self.sink.series(&labels, Some(&unit))?;
            // Of no scrape yet: there is no reading before this one.
            let first = Known { id, scrape: 0, value, elapsed: self.elapsed };
            by_label.insert(label.into(), first);
        }
        let Some(series) = by_label.get_mut(label) else { return Ok(None) };
        if series.scrape == *scrape {
            return Ok(None);
        }
        let seconds = self.elapsed.saturating_sub(series.elapsed).as_secs_f64();
        let grown = series.scrape > 0 && value >= series.value && seconds > 0.0;
        let rate = grown.then(|| (value - series.value) / seconds);
        group.series.push(series.id);
        group.values.push(value);
        *series = Known { id: series.id, scrape: *scrape, value, elapsed: self.elapsed };
        Ok(rate)
    }
}

#[cfg(test)]
impl Collector {
    /// Series that are remembered.
    pub(super) fn known_series(&self) -> usize {
        self.known.values().map(BTreeMap::len).sum()
    }
}
