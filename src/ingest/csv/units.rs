//! The units of a table's metrics beside those that the metrics have already.

use std::collections::HashMap;

use super::header::{Body, Metric};
use super::options::ColumnRule;
use crate::model::{Sink, Unit};

/// Refuses a table that puts a metric in another unit than the one it has. A unit where none was
/// known so far is no conflict, nor is another spelling of the same one.
pub(super) fn check(body: &Body, sink: &dyn Sink) -> Result<(), String> {
    let mut said: HashMap<&str, &Unit> = HashMap::new();
    for stated in stated(body) {
        let known = sink.unit(stated.metric);
        let known = known.as_ref().or_else(|| said.get(stated.metric).copied());
        if let Some(known) = known.filter(|known| !known.is_same_as(stated.unit)) {
            return Err(stated.refused(known));
        }
        said.insert(stated.metric, stated.unit);
    }
    Ok(())
}

/// A unit that a table states of a metric.
pub(super) struct Stated<'a> {
    /// The header, or in a long table the metric as it stands in the cells.
    pub(super) column: &'a str,
    pub(super) metric: &'a str,
    pub(super) unit: &'a Unit,
    pub(super) scale: f64,
}

fn stated(body: &Body) -> Vec<Stated<'_>> {
    match body {
        Body::Wide(metrics) => metrics.iter().filter_map(Stated::of_metric).collect(),
        Body::Long(long) => long.rules.iter().filter_map(Stated::of_rule).collect(),
    }
}

impl<'a> Stated<'a> {
    fn of_metric(metric: &'a Metric) -> Option<Self> {
        let unit = metric.unit.as_ref()?;
        Some(Self { column: &metric.header, metric: &metric.name, unit, scale: metric.scale })
    }

    fn of_rule(rule: &'a ColumnRule) -> Option<Self> {
        let unit = rule.unit.as_ref()?;
        let metric = rule.metric.as_ref().unwrap_or(&rule.column);
        Some(Self { column: &rule.column, metric, unit, scale: rule.scale.unwrap_or(1.0) })
    }

    /// What is wrong with it where the metric has another one, and what to do.
    pub(super) fn refused(&self, known: &Unit) -> String {
        let Self { column, metric, unit, scale } = self;
        let another = format!("give the metric another name (--column '{column}=NAME')");
        let remedy = match unit.factor_to(known) {
            Some(factor) => {
                let scale = scale * factor;
                let rule = format!("{column}={metric},scale={scale},unit={known}");
                format!("convert it (--column '{rule}'), or {another}")
            }
            None => format!("the two measure different things: {another}"),
        };
        format!(
            "{column:?} is in {unit}, but the metric {metric:?} is in {known} already; {remedy}"
        )
    }
}
