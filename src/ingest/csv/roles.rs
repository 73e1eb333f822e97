//! What each column is, by the rules of the user and by its name.

use super::columns::{Header, snake_case};
use super::header::{Body, LongColumns, Metric, find, listed};
use super::options::ColumnRule;
use crate::model::METRIC_LABEL;

/// Default names of the metric column of a long table.
const METRIC_NAMES: [&str; 2] = ["metric", "metric_name"];
/// Default name, and name by rule, of the value column of a long table.
const VALUE_NAME: &str = "value";
/// Columns of a wide table that are labels without a rule, with the label's name.
const WIDE_LABELS: [(&str, &str); 3] =
    [("host", "host"), ("hostname", "host"), ("instance", "instance")];

/// The rules of a user, put to the columns.
pub(super) struct Rules<'a> {
    columns: Vec<Option<ColumnRule>>,
    /// Rules whose column is not in the table.
    others: Vec<&'a ColumnRule>,
}

/// Label columns, and the columns that carry samples.
pub(super) type Planned = (Vec<(usize, String)>, Body);

impl<'a> Rules<'a> {
    pub(super) fn new(headers: &[Header], rules: &'a [ColumnRule]) -> Self {
        let mut columns: Vec<Option<ColumnRule>> = vec![None; headers.len()];
        let mut others = Vec::new();
        for rule in rules {
            let slot = find(headers, &rule.column).and_then(|at| columns.get_mut(at));
            match slot {
                Some(Some(earlier)) => earlier.add(rule),
                Some(slot) => *slot = Some(rule.clone()),
                None => others.push(rule),
            }
        }
        Self { columns, others }
    }

    pub(super) fn of(&self, at: usize) -> Option<&ColumnRule> {
        self.columns.get(at)?.as_ref()
    }

    /// The metric and the value column of a long table, by rule or by name.
    pub(super) fn long_columns(
        &self,
        headers: &[Header],
        time: usize,
    ) -> (Option<usize>, Option<usize>) {
        let by_rule = |test: fn(&ColumnRule) -> bool| {
            (0..headers.len()).find(|at| self.of(*at).is_some_and(test))
        };
        let by_name = |names: &[&str]| {
            let named = |at: &usize| {
                let header = headers.get(*at);
                header
                    .is_some_and(|h| names.contains(&h.name.as_str()) || names.contains(&&*h.text))
            };
            let free = |at: &usize| *at != time && self.of(*at).is_none();
            (0..headers.len()).filter(free).find(named)
        };
        let metric = by_rule(|rule| rule.label.as_deref() == Some(METRIC_LABEL))
            .or_else(|| by_name(&METRIC_NAMES))
            .or_else(|| by_name(&[METRIC_LABEL]));
        let value = by_rule(|rule| rule.metric.as_deref() == Some(VALUE_NAME))
            .or_else(|| by_name(&[VALUE_NAME]));
        (metric, value)
    }

    pub(super) fn long(
        &self,
        headers: &[Header],
        time: usize,
        metric: usize,
        value: usize,
    ) -> Result<Planned, String> {
        let mut labels = Vec::new();
        for (at, header) in headers.iter().enumerate() {
            let rule = self.of(at);
            if [time, metric, value].contains(&at)
                || header.text.is_empty()
                || rule.is_some_and(|rule| rule.drop)
            {
                continue;
            }
            if rule.is_some_and(|rule| rule.label.is_none()) {
                return Err(format!(
                    "the column {:?} of a long table is a label; its rule may name the label or \
                     drop it",
                    header.text
                ));
            }
            labels.push((at, label_name(rule, header)));
        }
        if let Some(rule) = self.others.iter().find(|rule| rule.label.is_some()) {
            return Err(format!("there is no column {:?}; {}", rule.column, listed(headers)));
        }
        if self.of(value).is_some_and(|rule| rule.scale.is_some() || rule.unit.is_some()) {
            return Err("in a long table, scale and unit go to a metric by its name".into());
        }
        let mut rules: Vec<ColumnRule> = Vec::new();
        for rule in &self.others {
            match rules.iter_mut().find(|earlier| earlier.column == rule.column) {
                Some(earlier) => earlier.add(rule),
                None => rules.push((*rule).clone()),
            }
        }
        let value_column = headers.get(value);
        let value_header = value_column.map(|header| header.text.clone()).unwrap_or_default();
        let unit = value_column.and_then(|header| header.unit.clone());
        Ok((labels, Body::Long(LongColumns { metric, value, value_header, unit, rules })))
    }

    pub(super) fn wide(&self, headers: &[Header], time: usize) -> Result<Planned, String> {
        if let Some(rule) = self.others.first() {
            return Err(format!("there is no column {:?}; {}", rule.column, listed(headers)));
        }
        let (mut labels, mut metrics) = (Vec::new(), Vec::<Metric>::new());
        for (at, header) in headers.iter().enumerate() {
            let rule = self.of(at);
            if at == time || header.text.is_empty() || rule.is_some_and(|rule| rule.drop) {
                continue;
            }
            let by_default = WIDE_LABELS.iter().find(|(name, _)| *name == header.name);
            match (rule, by_default) {
                (Some(rule), _) if rule.label.is_some() => {
                    labels.push((at, label_name(Some(rule), header)));
                }
                (None, Some((_, label))) => labels.push((at, (*label).to_owned())),
                _ => metrics.push(metric(at, header, rule)),
            }
        }
        if metrics.is_empty() {
            return Err(format!("no column is left for a metric; {}", listed(headers)));
        }
        check_metrics(&metrics)?;
        Ok((labels, Body::Wide(metrics)))
    }
}

fn label_name(rule: Option<&ColumnRule>, header: &Header) -> String {
    let given = rule.and_then(|rule| rule.label.clone()).filter(|name| !name.is_empty());
    given.unwrap_or_else(|| header.name.clone())
}

fn metric(at: usize, header: &Header, rule: Option<&ColumnRule>) -> Metric {
    let rule = rule.cloned().unwrap_or_default();
    let of_header = header.unit.clone().filter(|_| rule.scale.is_none());
    Metric {
        at,
        header: header.text.clone(),
        name: rule.metric.unwrap_or_else(|| header.name.clone()),
        unit: rule.unit.or(of_header),
        scale: rule.scale.unwrap_or(1.0),
    }
}

fn check_metrics(metrics: &[Metric]) -> Result<(), String> {
    let mut sorted: Vec<_> = metrics.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    for two in sorted.windows(2) {
        if let [first, second] = two
            && first.name == second.name
        {
            let (a, b) = (&first.header, &second.header);
            return Err(format!(
                "the columns {a:?} and {b:?} would both be the metric {:?}; rename one with \
                 --column '{b}=NAME'",
                first.name
            ));
        }
    }
    let unnamed = metrics.iter().find(|metric| snake_case(&metric.name).is_empty());
    match unnamed {
        Some(Metric { header, .. }) => Err(format!(
            "the column {header:?} yields no metric name; give one with --column '{header}=NAME'"
        )),
        None => Ok(()),
    }
}
