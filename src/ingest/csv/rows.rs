//! The rows below the header, turned into samples.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};

use super::header::{Body, LongColumns, Metric, Plan};
use super::options::ColumnRule;
use super::split::Row;
use super::units::Stated;
use crate::ingest::collect::{Collector, FamilyId};
use crate::ingest::number::{Number, read, read_decimal_comma};
use crate::ingest::report::{Reason, Refusal, Trouble, shown};
use crate::model::{Labels, SeriesId};

/// Where samples go and what else is counted.
pub(super) struct Tally<'a> {
    pub(super) collector: Collector<'a>,
    pub(super) missing: u64,
}

/// Reads the rows of one shape of table.
pub(super) trait Rows {
    /// Takes one row at its instant.
    fn row(&mut self, row: &Row<'_>, time_nanos: i64, tally: &mut Tally<'_>)
    -> Result<(), Trouble>;
}

/// What both shapes know of their table.
struct Common<'a> {
    plan: &'a Plan,
    fixed: &'a [(String, String)],
    decimal_comma: bool,
}

impl Common<'_> {
    /// The number in a cell; `None` where it is missing.
    #[inline]
    fn number(&self, cell: &[u8], header: &str) -> Result<Option<f64>, Refusal> {
        let number = if self.decimal_comma { read_decimal_comma(cell) } else { read(cell) };
        match number {
            Number::Value(value) => Ok(Some(value)),
            Number::Missing => Ok(None),
            Number::Bad => Err(self.not_a_number(cell, header)),
        }
    }

    /// A value in the unit that its rule makes of it.
    #[inline]
    fn scaled(value: f64, scale: f64, header: &str) -> Result<f64, Refusal> {
        // Times one is exact, so that values without a scale pass bit for bit.
        let scaled = value * scale;
        if scaled.is_infinite() && value.is_finite() {
            let what = format!(
                "column {header:?}: {value} times the scale {scale} is beyond all numbers; give a \
                 smaller scale, and a unit to match"
            );
            return Err(Refusal::new(Reason::Value, what));
        }
        Ok(scaled)
    }

    #[cold]
    fn not_a_number(&self, cell: &[u8], header: &str) -> Refusal {
        let value = shown(cell);
        let what = if self.decimal_comma && cell.contains(&b'.') {
            "has a point, though --decimal-comma says that a comma separates the fraction"
                .to_owned()
        } else if !self.decimal_comma && cell.contains(&b',') {
            "has a comma; if it separates the fraction, give --decimal-comma (decimal_comma = \
             true), and write no thousands separators"
                .to_owned()
        } else if matches!(self.plan.body, Body::Long(_)) {
            "is no number".to_owned()
        } else {
            format!(
                "is no number; if none of the column is, make it a label (--column \
                 '{header},label') or leave it out (--column '{header},drop')"
            )
        };
        Refusal::new(Reason::Value, format!("column {header:?}: {value} {what}"))
    }

    /// The labels of a metric in a row.
    fn labels(&self, metric: &str, row: &Row<'_>) -> Result<Labels, Refusal> {
        let mut pairs = self.fixed.to_vec();
        for (at, name) in &self.plan.labels {
            let value = std::str::from_utf8(row.cell(*at)).map_err(|_| {
                Refusal::new(
                    Reason::Encoding,
                    format!("the label {name} is not UTF-8; convert the file (iconv)"),
                )
            })?;
            pairs.push((name.clone(), value.to_owned()));
        }
        Labels::new(metric, pairs).map_err(|why| Refusal::new(Reason::Label, why.to_string()))
    }
}

/// Numbers the different label cells of a file.
#[derive(Default)]
struct Keys {
    numbers: HashMap<Vec<u8>, usize>,
    last: Option<(Vec<u8>, usize)>,
    key: Vec<u8>,
}

impl Keys {
    /// The number of these cells, if they were numbered before.
    fn find<'c>(&mut self, cells: impl Iterator<Item = &'c [u8]>) -> Option<usize> {
        self.key.clear();
        for cell in cells {
            self.key.extend_from_slice(&(cell.len() as u32).to_le_bytes());
            self.key.extend_from_slice(cell);
        }
        if let Some((key, number)) = &self.last
            && *key == self.key
        {
            return Some(*number);
        }
        let number = *self.numbers.get(&self.key)?;
        self.last = Some((self.key.clone(), number));
        Some(number)
    }

    /// Numbers the cells that [`find`](Self::find) did not find: 0, 1, 2, ...
    fn add(&mut self) -> usize {
        let number = self.numbers.len();
        self.numbers.insert(self.key.clone(), number);
        number
    }
}

/// A column per metric.
pub(super) struct Wide<'a> {
    common: Common<'a>,
    metrics: &'a [Metric],
    keys: Keys,
    hosts: Vec<(FamilyId, Vec<Option<SeriesId>>)>,
    /// Of the row at hand: which metrics it has, their series and values.
    present: Vec<usize>,
    series: Vec<SeriesId>,
    values: Vec<f64>,
}

impl<'a> Wide<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        metrics: &'a [Metric],
        fixed: &'a [(String, String)],
        decimal_comma: bool,
    ) -> Self {
        Self {
            common: Common { plan, fixed, decimal_comma },
            metrics,
            keys: Keys::default(),
            hosts: Vec::new(),
            present: Vec::new(),
            series: Vec::new(),
            values: Vec::new(),
        }
    }

    fn read_values(&mut self, row: &Row<'_>) -> Result<(), Refusal> {
        self.present.clear();
        self.values.clear();
        for (c, metric) in self.metrics.iter().enumerate() {
            let number = self.common.number(row.cell(metric.at), &metric.header)?;
            if let Some(value) = number {
                self.present.push(c);
                self.values.push(Common::scaled(value, metric.scale, &metric.header)?);
            }
        }
        Ok(())
    }
}

impl Rows for Wide<'_> {
    fn row(
        &mut self,
        row: &Row<'_>,
        time_nanos: i64,
        tally: &mut Tally<'_>,
    ) -> Result<(), Trouble> {
        self.read_values(row)?;
        let label_cells = self.common.plan.labels.iter().map(|(at, _)| row.cell(*at));
        let host = self.keys.find(label_cells);
        let host = host.unwrap_or_else(|| {
            self.hosts.push((tally.collector.family(), vec![None; self.metrics.len()]));
            self.keys.add()
        });
        let Some((family, known)) = self.hosts.get_mut(host) else { return Ok(()) };
        self.series.clear();
        for c in &self.present {
            let (Some(slot), Some(metric)) = (known.get_mut(*c), self.metrics.get(*c)) else {
                continue;
            };
            if slot.is_none() {
                let labels = self.common.labels(&metric.name, row)?;
                *slot = Some(tally.collector.series(&labels, metric.unit.as_ref())?);
            }
            self.series.extend(*slot);
        }
        tally.missing += (self.metrics.len() - self.present.len()) as u64;
        Ok(tally.collector.push(*family, &self.series, time_nanos, &self.values)?)
    }
}

/// A row per sample.
pub(super) struct Long<'a> {
    common: Common<'a>,
    columns: &'a LongColumns,
    keys: Keys,
    /// By the number of the key; `None` where a rule drops the metric.
    series: Vec<Option<Kept>>,
    /// The family of each series: rules can make one series of several metrics.
    families: HashMap<SeriesId, FamilyId>,
    /// Which rules met their metric.
    met: Vec<Cell<bool>>,
}

/// One metric of one host.
#[derive(Clone, Copy)]
struct Kept {
    family: FamilyId,
    id: SeriesId,
    scale: f64,
}

impl<'a> Long<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        columns: &'a LongColumns,
        fixed: &'a [(String, String)],
        decimal_comma: bool,
    ) -> Self {
        Self {
            common: Common { plan, fixed, decimal_comma },
            columns,
            keys: Keys::default(),
            series: Vec::new(),
            families: HashMap::new(),
            met: vec![Cell::new(false); columns.rules.len()],
        }
    }

    /// Rules that met no metric so far, by the name they give.
    pub(super) fn unmet_rules(&self) -> BTreeSet<String> {
        let rules = self.columns.rules.iter().zip(&self.met);
        rules.filter(|(_, met)| !met.get()).map(|(rule, _)| rule.column.clone()).collect()
    }

    fn rule(&self, metric: &[u8]) -> Option<&'a ColumnRule> {
        let mut rules = self.columns.rules.iter().zip(&self.met);
        let (rule, met) = rules.find(|(rule, _)| rule.column.as_bytes() == metric)?;
        met.set(true);
        Some(rule)
    }

    /// The series of a row that is met for the first time.
    fn add(&mut self, row: &Row<'_>, tally: &mut Tally<'_>) -> Result<Kept, Trouble> {
        let cell = row.cell(self.columns.metric);
        let metric = std::str::from_utf8(cell).ok().filter(|metric| !metric.is_empty());
        let metric = metric.ok_or_else(|| {
            Refusal::new(Reason::Label, format!("{} is no name of a metric", shown(cell)))
        })?;
        let rule = self.rule(cell);
        let name = rule.and_then(|rule| rule.metric.as_deref()).unwrap_or(metric);
        let labels = self.common.labels(name, row)?;
        // What a rule scales is in the unit that it says, or in none that is known.
        let of_all = self.columns.unit.as_ref();
        let unit = match rule {
            Some(rule) => rule.unit.as_ref().or(of_all.filter(|_| rule.scale.is_none())),
            None => of_all,
        };
        let scale = rule.and_then(|rule| rule.scale).unwrap_or(1.0);
        if let (Some(unit), Some(known)) = (unit, tally.collector.unit(name))
            && !known.is_same_as(unit)
        {
            let stated = Stated { column: metric, metric: name, unit, scale };
            return Err(Refusal::new(Reason::Label, stated.refused(&known)).into());
        }
        let id = tally.collector.series(&labels, unit)?;
        let family = *self.families.entry(id).or_insert_with(|| tally.collector.family());
        let kept = Kept { family, id, scale };
        self.keys.add();
        self.series.push(Some(kept));
        Ok(kept)
    }
}

impl Rows for Long<'_> {
    fn row(
        &mut self,
        row: &Row<'_>,
        time_nanos: i64,
        tally: &mut Tally<'_>,
    ) -> Result<(), Trouble> {
        let metric = row.cell(self.columns.metric);
        let labels = self.common.plan.labels.iter().map(|(at, _)| row.cell(*at));
        let number = self.keys.find(std::iter::once(metric).chain(labels));
        let known = number.and_then(|number| self.series.get(number).copied());
        let dropped = || self.rule(metric).is_some_and(|rule| rule.drop);
        if known.map_or_else(dropped, |known| known.is_none()) {
            if known.is_none() {
                self.keys.add();
                self.series.push(None);
            }
            return Ok(());
        }
        // The value comes before the series, so that a bad row makes none.
        let cell = row.cell(self.columns.value);
        let Some(value) = self.common.number(cell, &self.columns.value_header)? else {
            tally.missing += 1;
            return Ok(());
        };
        let Kept { family, id, scale } = match known.flatten() {
            Some(kept) => kept,
            None => self.add(row, tally)?,
        };
        let value = Common::scaled(value, scale, &self.columns.value_header)?;
        Ok(tally.collector.push(family, &[id], time_nanos, &[value])?)
    }
}
