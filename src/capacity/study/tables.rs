//! The tables of a study, and what must be asked of a store to fill each.

use super::{Kind, Limit, Study};
use crate::model::{Selector, Span};

/// One table of rows: a resource, by host or by the labels of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Table {
    /// Index of the resource in the study.
    pub resource: usize,
    /// Index of the group in the study; `None` for the table by host.
    pub group: Option<usize>,
}

/// The queries whose answers, as frames, fill one table.
#[derive(Debug, Clone)]
pub struct TableQuery {
    /// Which table.
    pub table: Table,
    /// The series of the usage.
    pub usage: Selector,
    /// How the samples of one series become one value per step.
    pub within: Within,
    /// Length of a step of the usage.
    pub step: Span,
    /// The labels that tell rows apart; the series of one row are added up.
    pub by: Vec<String>,
    /// The query of the limit; `None` for evidence without one.
    pub limit: Option<LimitQuery>,
}

/// The query of a limit, series by series: which count when is for
/// [`MemberLimits`](crate::capacity::MemberLimits) to say.
#[derive(Debug, Clone)]
pub struct LimitQuery {
    /// The series of the limit, or of the usage where they are to be counted.
    pub series: Selector,
    /// How the series of one row become one value.
    pub across: Across,
    /// Length of a step; the last sample of each step counts.
    pub step: Span,
}

/// How the samples of one series within a step become one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    /// Their mean.
    Mean,
    /// Their increase, resets corrected, per second.
    Rate,
}

/// How the series of one row become one value per step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Across {
    /// They are added up.
    Sum,
    /// They are counted: a limit that is a number holds for each series.
    Count,
}

impl Study {
    /// Every table of the study with its queries: by host first, then group after group.
    pub fn tables(&self) -> Vec<TableQuery> {
        let groups = std::iter::once(None).chain((0..self.groups.len()).map(Some));
        let mut tables = Vec::new();
        for group in groups {
            for resource in 0..self.resources.len() {
                // What has no limit has no place in a table of what runs out.
                if group.is_none() || self.resources[resource].limit.is_some() {
                    tables.push(self.table(Table { resource, group }));
                }
            }
        }
        tables
    }

    fn table(&self, table: Table) -> TableQuery {
        let resource = &self.resources[table.resource];
        let across = |limit: &Limit| match limit {
            Limit::Number(_) => (resource.usage.clone(), Across::Count),
            Limit::Metric(selector) => (selector.clone(), Across::Sum),
        };
        TableQuery {
            table,
            usage: resource.usage.clone(),
            within: match resource.kind {
                Kind::Gauge => Within::Mean,
                Kind::Counter => Within::Rate,
            },
            step: self.step,
            by: self.labels_of(table).to_vec(),
            limit: resource.limit.as_ref().map(|limit| {
                let (series, across) = across(limit);
                LimitQuery { series, across, step: Span::DAY }
            }),
        }
    }

    /// The labels that tell the rows of a table apart.
    pub fn labels_of(&self, table: Table) -> &[String] {
        match table.group.and_then(|group| self.groups.get(group)) {
            Some(group) => &group.by,
            None => &self.by,
        }
    }
}
