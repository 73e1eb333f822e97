//! Tables of characters: wide (a column per metric) and long (a row per sample).

mod columns;
mod header;
mod mapping;
mod options;
mod roles;
mod rows;
mod split;
mod units;

#[cfg(test)]
mod tests;

pub use options::{ColumnRule, CsvOptions, Shape};

use super::collect::Collector;
use super::lines::{Lines, Source};
use super::report::{ImportReport, Ledger, Reason, Refusal, Trouble};
use super::time::Clock;
use crate::error::Result;
use crate::model::Sink;
use header::{Body, Plan};
use rows::{Long, Rows, Tally, Wide};
use split::{Cells, Row};

/// Imports one file with a header line. Takes time and memory as
/// [`import_influx`](super::import_influx) does; several threads may import different files.
///
/// A file whose header, delimiter or times are ambiguous is an
/// [`Error::Parse`](crate::Error::Parse) before any sample of it is imported. A bad line is counted
/// in the report, or is the error in a `strict` import; samples of the lines before it may have
/// been handed to the sink by then.
pub fn import_csv(
    source: Source<'_>,
    options: &CsvOptions,
    sink: &mut dyn Sink,
) -> Result<ImportReport> {
    let mut ledger = Ledger::new(source.origin, options.strict);
    let fixed: Vec<_> = source.labels.iter().chain(&options.labels).cloned().collect();
    let mut lines = Lines::new(source);
    let plan = loop {
        let Some(line) = lines.next()? else {
            return Err(ledger.error(1, "the file is empty; it needs a header line"));
        };
        let number = line.number;
        let Some(text) = line.text else {
            return Err(ledger.error(number, "the header is longer than a line may be (1 MiB)"));
        };
        if !text.trim_ascii().is_empty() {
            let plan = Plan::new(text, options, &fixed);
            let plan = plan.and_then(|plan| units::check(&plan.body, sink).map(|()| plan));
            break plan.map_err(|why| ledger.error(number, why))?;
        }
    };
    let mut tally = Tally { collector: Collector::new(sink), missing: 0 };
    let clock = Clock::new(&options.time, &plan.time_header, plan.time_hint)?;
    let decimal_comma = options.decimal_comma;
    match &plan.body {
        Body::Wide(columns) => {
            let rows = Wide::new(&plan, columns, &fixed, decimal_comma);
            Table { plan: &plan, clock, rows }.read(&mut lines, &mut ledger, &mut tally)?;
        }
        Body::Long(columns) => {
            let rows = Long::new(&plan, columns, &fixed, decimal_comma);
            let mut table = Table { plan: &plan, clock, rows };
            table.read(&mut lines, &mut ledger, &mut tally)?;
            ledger.report.unmet_rules = table.rows.unmet_rules();
        }
    }
    ledger.report.missing = tally.missing;
    ledger.report.samples = tally.collector.finish()?;
    Ok(ledger.report)
}

/// The lines below the header.
struct Table<'a, R> {
    plan: &'a Plan,
    clock: Clock<'a>,
    rows: R,
}

impl<R: Rows> Table<'_, R> {
    fn read(
        &mut self,
        lines: &mut Lines<'_>,
        ledger: &mut Ledger,
        tally: &mut Tally<'_>,
    ) -> Result<()> {
        let mut cells = Cells::default();
        while let Some(line) = lines.next()? {
            let (number, unended) = (line.number, line.unended);
            let outcome = match line.text {
                Some(text) if text.trim_ascii().is_empty() => continue,
                Some(text) => self.line(text, &mut cells, tally),
                None => Err(Refusal::new(Reason::TooLong, "the line is longer than 1 MiB").into()),
            };
            let taken = outcome.is_ok();
            ledger.line(number, outcome)?;
            if unended && taken {
                ledger.unended(number);
            }
        }
        Ok(())
    }

    fn line(
        &mut self,
        text: &mut [u8],
        cells: &mut Cells,
        tally: &mut Tally<'_>,
    ) -> Result<(), Trouble> {
        let row = cells.split(text, self.plan.delimiter)?;
        self.check_width(&row)?;
        let time = row.cell(self.plan.time);
        if time.is_empty() {
            return Err(Refusal::new(Reason::Time, "the row has no time").into());
        }
        let nanos = self.clock.read(time)?;
        self.rows.row(&row, nanos, tally)
    }

    /// A row must have the cells of the header's columns; those behind the last one with a name may
    /// be absent. Empty cells behind them all, as a closing delimiter makes them, do no harm. A
    /// short row may be one that was cut.
    fn check_width(&self, row: &Row<'_>) -> Result<(), Refusal> {
        let Plan { width, named_width, .. } = *self.plan;
        let extra = (width..row.len()).any(|at| !row.cell(at).is_empty());
        if row.len() < named_width || extra {
            return Err(Refusal::new(
                Reason::Cells,
                format!("the row has {} cells and the header {width}", row.len()),
            ));
        }
        Ok(())
    }
}
