//! What a host has now, and whether it is still there: advice for one that is switched off is of no
//! use to anyone.

use std::collections::BTreeMap;

use super::{Question, RightsizeArgs};
use crate::capacity::rightsizing::{Measure, Resource};
use crate::capacity::zombie::{CapacitySource, MetricSource};
use crate::error::{Error, Result};
use crate::model::{Frame, Labels, Span, Timestamp, Unit};
use crate::query::{Across, Aggregate, Query};
use crate::store::Snapshot;

/// A host that used nothing for so long is off: a weekend is shorter.
pub(super) const OFF_AFTER: Span = Span::from_days(3);

/// When hosts were last at work.
#[derive(Default)]
pub(super) struct Presence {
    /// The last step with a sample of any host.
    end: Option<Timestamp>,
    /// The last step in which a host used anything, of each that has a sample.
    last_use: BTreeMap<Labels, Option<Timestamp>>,
}

impl Presence {
    /// Looks at one resource of the hosts of a tile.
    pub(super) fn add(&mut self, frame: &Frame) {
        for (labels, row) in frame.rows() {
            let last = |what: fn(f64) -> bool| row.iter().rposition(|value| what(*value));
            let known = last(|value| !value.is_nan()).map(|at| frame.time(at));
            let used = last(|value| value > 0.0).map(|at| frame.time(at));
            // One without a sample has not come yet, which is told with the presets' reasons.
            let Some(known) = known else { continue };
            self.end = self.end.max(Some(known));
            let host = self.last_use.entry(labels.clone()).or_default();
            *host = (*host).max(used);
        }
    }

    /// The hosts that are off at the end of the data, and since when that is looked for.
    pub(super) fn off(&self) -> (Vec<Labels>, Timestamp) {
        let since = self.end.unwrap_or(Timestamp::MIN).minus(OFF_AFTER);
        let is_off = |last: &Option<Timestamp>| last.is_none_or(|last| last < since);
        let off = self.last_use.iter().filter(|(_, last)| is_off(last));
        (off.map(|(labels, _)| labels.clone()).collect(), since)
    }
}

/// What each host has now of each resource, in the unit of its advice.
#[derive(Default)]
pub(super) struct Limits {
    by_resource: Vec<(Resource, OfHosts)>,
}

enum OfHosts {
    /// The same for every host.
    All(f64),
    Each(BTreeMap<Labels, f64>),
}

impl Limits {
    /// Reads the limits that were asked for.
    pub(super) fn read(
        args: &RightsizeArgs,
        snapshot: &Snapshot,
        questions: &[Question<'_>],
    ) -> Result<Self> {
        let mut limits = Self::default();
        for question in questions {
            let asked = match question.resource {
                Resource::Cpu => args.cpu_limit.as_ref(),
                Resource::Memory => args.memory_limit.as_ref(),
            };
            let found = match asked {
                None => continue,
                // A number is in the unit of what is stored.
                Some(CapacitySource::Number(number)) => {
                    OfHosts::All(number * question.units.factor)
                }
                Some(CapacitySource::Metric(metric)) => {
                    OfHosts::Each(of_metric(args, snapshot, question, metric)?)
                }
            };
            limits.by_resource.push((question.resource, found));
        }
        Ok(limits)
    }

    /// Whether any are known.
    pub(super) fn are_asked_for(&self) -> bool {
        !self.by_resource.is_empty()
    }

    /// What a host has of a resource.
    pub(super) fn of(&self, resource: Resource, host: &Labels) -> Option<f64> {
        let (_, found) = self.by_resource.iter().find(|(known, _)| *known == resource)?;
        match found {
            OfHosts::All(number) => Some(*number),
            OfHosts::Each(hosts) => hosts.get(host).copied(),
        }
    }
}

/// The last value of a metric for each host.
fn of_metric(
    args: &RightsizeArgs,
    snapshot: &Snapshot,
    question: &Question<'_>,
    metric: &MetricSource,
) -> Result<BTreeMap<Labels, f64>> {
    let factor = factor(snapshot, question, metric)?;
    let aggregate = if metric.is_counter { Aggregate::Rate } else { Aggregate::Last };
    let mut query = Query::new(metric.selector.clone())
        .aggregate(aggregate)
        .step(Span::DAY)
        .by(args.by.iter().filter(|name| !name.is_empty()).cloned())
        .across(Across::Sum);
    if let Some(end) = args.to {
        query = query.to(end);
    }
    let mut found = BTreeMap::new();
    for frame in query.run(snapshot)? {
        let frame = frame?;
        for (labels, row) in frame.rows() {
            if let Some(last) = row.iter().rev().find(|value| value.is_finite()) {
                found.insert(labels.clone(), last * factor);
            }
        }
    }
    if found.is_empty() {
        let what = format!("no series of {} has samples in this range", metric.selector);
        return Err(Error::not_enough_data(what));
    }
    Ok(found)
}

/// From the unit of a limit to that of the advice. One without a unit is in that of the usage.
fn factor(snapshot: &Snapshot, question: &Question<'_>, metric: &MetricSource) -> Result<f64> {
    let known = match &metric.unit {
        Some(unit) => Some(unit.clone()),
        None => super::unit_of(snapshot, &metric.selector)?,
    };
    let Some(unit) = known else { return Ok(question.units.factor) };
    let native = match question.resource {
        Resource::Cpu => "cores",
        Resource::Memory => "B",
    };
    let to: Option<Unit> = match question.units.measure {
        Measure::Native => native.parse().ok(),
        Measure::Other => question.units.amounts.unit.parse().ok(),
    };
    let factor = to.as_ref().and_then(|to| unit.factor_to(to));
    factor.ok_or_else(|| {
        let to = to.map_or_else(|| "no unit".to_owned(), |unit| unit.to_string());
        let name = question.resource.name();
        Error::invalid(format!(
            "--{name}-limit is in {unit} and the {name} in {to}, which cannot be compared; select \
             a limit in {to}, or write 'SELECTOR in UNIT'"
        ))
    })
}
