//! The planner: tiles of usage in, a plan out.

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;

use super::assess::{Assessed, View};
use super::reduce::{self, LimitFacts};
use super::rows::Plan;
use super::series::RowSeries;
use super::study::{Limit, Resource, Study, Table};
use super::summary;
use crate::error::{Error, Result};
use crate::model::{Frame, Labels, Timestamp};

/// Takes the tiles of every [table](Study::tables) of a study, in any order, and makes the plan.
///
/// Only the reduced rows are kept, so that memory grows with the number of rows and not with the
/// length of the data. The plan does not depend on how rows are cut into tiles, on their order, or
/// on the number of threads.
///
/// ```
/// use plimsoll::capacity::{Outcome, Planner, Study, Table};
/// use plimsoll::{Frame, Labels, Span, Timestamp};
///
/// let study = Study::parse(
///     "[study]\nstep = \"1h\"\n\
///      [[resource]]\nname = \"disk\"\nusage = \"disk_used\"\nlimit = 100.0\nunit = \"GB\"\n",
///     "study.toml",
/// )?;
/// let start: Timestamp = "2026-01-01".parse()?;
/// let values: Vec<f64> = (0..24 * 60).map(|hour| 40.0 + f64::from(hour % 24)).collect();
/// let host = Labels::from_pairs([("host".into(), "db-1".into())])?;
/// let usage = Frame::new(start, Span::HOUR, values.len(), vec![host], values)?;
///
/// let mut planner = Planner::new(&study, start.plus(Span::from_days(60)))?;
/// planner.add(Table { resource: 0, group: None }, &usage, None)?;
/// let plan = planner.finish();
/// let row = &plan.hosts.rows[0];
/// assert_eq!(row.peak.map(|peak| peak.value), Some(63.0));
/// assert_eq!(row.headroom(), Some(37.0));
/// assert_eq!(row.outcome, Outcome::NoTrend);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug)]
pub struct Planner {
    view: View,
    rows: Vec<Assessed>,
    seen: HashSet<(Table, Labels)>,
}

impl Planner {
    /// A planner for a study. Data at or after `as_of` is not looked at: for "up to the last
    /// sample", give the instant after it.
    pub fn new(study: &Study, as_of: Timestamp) -> Result<Self> {
        if study.resources.is_empty() {
            return Err(Error::invalid(
                "the study has no [[resource]]: add one with name, usage and limit",
            ));
        }
        let view = View { study: study.clone(), as_of };
        Ok(Self { view, rows: Vec::new(), seen: HashSet::new() })
    }

    /// Takes some rows of one table, each whole in time.
    ///
    /// `usage` has the step of the study and one row for each set of the table's labels. `limit`
    /// has any step and is matched by the same labels, in any order; it may hold more rows than the
    /// tile. Where the study's limit is a number, `limit` counts the series of each row, and is
    /// left out where each row is one series. A row that cannot be judged is in the plan with the
    /// reason and stops no other; a row that was given before is an error, and nothing of the
    /// call is taken.
    pub fn add(&mut self, table: Table, usage: &Frame, limit: Option<&Frame>) -> Result<()> {
        let study = &self.view.study;
        let groups = study.groups.len();
        if table.resource >= study.resources.len() || table.group.is_some_and(|g| g >= groups) {
            return Err(Error::invalid(format!("the study has no table {table:?}")));
        }
        if usage.step() != study.step {
            return Err(Error::invalid(format!(
                "the usage has steps of {} and the study of {}; query it at the study's step",
                usage.step(),
                study.step
            )));
        }
        let by = study.labels_of(table);
        let names: Vec<Labels> = usage.rows().map(|(labels, _)| labels.project(by)).collect();
        self.check_new(table, &names)?;
        let limits = Limits::new(&study.resources[table.resource], by, self.view.as_of, limit);
        let view = &self.view;
        let rows = names.par_iter().enumerate().map(|(row, labels)| {
            let series = RowSeries::new(usage.start(), usage.step(), usage.row(row));
            view.assess(table, labels.clone(), series, limits.of(labels))
        });
        self.rows.extend(rows.collect::<Vec<_>>());
        self.seen.extend(names.into_iter().map(|labels| (table, labels)));
        Ok(())
    }

    fn check_new(&self, table: Table, names: &[Labels]) -> Result<()> {
        let mut here = HashSet::new();
        for labels in names {
            if !here.insert(labels) || self.seen.contains(&(table, labels.clone())) {
                return Err(Error::invalid(format!(
                    "{labels} of {} was given twice; give each row once, with all its steps",
                    self.view.study.resources[table.resource].name
                )));
            }
        }
        Ok(())
    }

    /// The plan over all rows.
    pub fn finish(mut self) -> Plan {
        self.rows.par_sort_by(|a, b| {
            let table = |row: &Assessed| (row.table.group, row.table.resource);
            table(a).cmp(&table(b)).then_with(|| a.row.labels.cmp(&b.row.labels))
        });
        summary::plan(&self.view, self.rows)
    }
}

/// The limit of each row of a tile.
struct Limits<'a> {
    resource: &'a Resource,
    rows: Option<HashMap<Labels, RowSeries<'a>>>,
    as_of: Timestamp,
}

impl<'a> Limits<'a> {
    fn new(
        resource: &'a Resource,
        by: &[String],
        as_of: Timestamp,
        frame: Option<&'a Frame>,
    ) -> Self {
        let rows = frame.map(|frame| {
            let series = |row| RowSeries::new(frame.start(), frame.step(), row);
            frame.rows().map(|(labels, row)| (labels.project(by), series(row))).collect()
        });
        Self { resource, rows, as_of }
    }

    fn of(&self, labels: &Labels) -> Result<LimitFacts, String> {
        let factor = match (&self.resource.limit, &self.rows) {
            (None, _) => return Err("it has no limit".to_owned()),
            (Some(Limit::Metric(_)), _) => self.resource.limit_factor,
            (Some(Limit::Number(number)), None) => {
                let value = number * self.resource.limit_factor;
                return Ok(LimitFacts { value, change: None });
            }
            (Some(Limit::Number(number)), Some(_)) => number * self.resource.limit_factor,
        };
        let row = self.rows.as_ref().and_then(|rows| rows.get(labels));
        let row = row.ok_or_else(|| "no series of the limit has its labels".to_owned())?;
        reduce::limit(row.cut(Timestamp::MIN, self.as_of), factor)
    }
}
