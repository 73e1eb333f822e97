//! `calc demand`: the demand behind use that was cut off at a capacity.

use std::path::PathBuf;

use super::table::Table;
use crate::capacity::saturation::{
    Basis, Demand, DemandEstimate, Evidence, SaturationOptions, Shape,
};
use crate::error::{Error, Result};
use crate::report::{Column, Sheet};

#[derive(Debug, clap::Args)]
pub(super) struct DemandArgs {
    /// A CSV file with a row per interval, in order of time. An empty cell was not measured.
    file: PathBuf,
    /// The capacity, in the unit of use.
    #[arg(long, value_name = "AMOUNT")]
    limit: f64,
    /// The column of use.
    #[arg(long, value_name = "NAME", default_value = "used")]
    used: String,
    /// The column that tells series apart, such as the host; each is estimated alone.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Quantiles of demand to print.
    #[arg(long, value_name = "SHARE", default_values_t = [0.5, 0.95, 0.99])]
    quantile: Vec<f64>,
    /// An interval that used this share of the limit or more is saturated.
    #[arg(long, value_name = "SHARE", default_value_t = 0.99)]
    near: f64,
    /// Intervals per season, such as 24 for hours of a day: the model follows it.
    #[arg(long, value_name = "COUNT")]
    period: Option<usize>,
    #[command(flatten)]
    evidence: EvidenceArgs,
}

/// What was measured beside use: one kind, or none.
#[derive(Debug, clap::Args)]
struct EvidenceArgs {
    /// The column of throughput: with the response time, Little's law gives the demand.
    #[arg(long, value_name = "NAME", requires = "response", group = "kind")]
    throughput: Option<String>,
    /// The column of response times, in the throughput's unit of time.
    #[arg(long, value_name = "NAME", requires = "throughput")]
    response: Option<String>,
    /// The column of what waited, on average, in the unit of use (as a run queue).
    #[arg(long, value_name = "NAME", group = "kind")]
    waiting: Option<String>,
    /// The column of what was left to do at the end of each interval, in use times intervals.
    #[arg(long, value_name = "NAME", group = "kind")]
    backlog: Option<String>,
    /// The column of the share of time that work was ready to run and waited (CPU ready).
    #[arg(long, value_name = "NAME", group = "kind")]
    wait_share: Option<String>,
    /// The column of pressure: the share of the interval in which something waited (PSI some).
    #[arg(long, value_name = "NAME", group = "kind")]
    pressure: Option<String>,
}

/// The columns of evidence, read.
struct Columns {
    first: Vec<f64>,
    second: Vec<f64>,
}

/// The demand of each series, its quantiles, and what speaks against them.
pub(super) fn demand(args: &DemandArgs) -> Result<Sheet> {
    let table = Table::read(&args.file, &[])?;
    let used = table.numbers_or_gaps(&args.used)?;
    let columns = args.evidence.columns(&table)?;
    let names = match &args.by {
        Some(column) => table.texts(column)?,
        None => vec![""; used.len()],
    };
    let mut series = names.clone();
    series.sort_unstable();
    series.dedup();
    let options = SaturationOptions {
        near: args.near,
        period: args.period,
        ..SaturationOptions::with_limit(args.limit)
    };
    let mut estimates = Vec::new();
    for name in series {
        let rows: Vec<usize> = (0..names.len()).filter(|row| names[*row] == name).collect();
        let of = |values: &[f64]| -> Vec<f64> {
            rows.iter().filter_map(|row| values.get(*row).copied()).collect()
        };
        let (first, second) = (of(&columns.first), of(&columns.second));
        let evidence = args.evidence.of(&first, &second);
        let estimate = DemandEstimate::of(&of(&used), evidence, &options);
        let estimate = estimate.map_err(|why| match why {
            Error::Invalid { what } if !name.is_empty() => {
                Error::invalid(format!("series {name}: {what}"))
            }
            why => why,
        })?;
        estimates.push((name, estimate));
    }
    if estimates.is_empty() {
        return Err(Error::not_enough_data("the file has no row below its header"));
    }
    sheet(args, &estimates)
}

fn sheet(args: &DemandArgs, estimates: &[(&str, DemandEstimate)]) -> Result<Sheet> {
    let mut sheet = Sheet::new("Demand behind use");
    sheet.fact("limit", "limit", args.limit, "");
    sheet.fact("series", "series", estimates.len(), "");
    let columns = [
        Column::new("series", "series"),
        Column::new("intervals", "intervals"),
        Column::new("saturated", "saturated"),
        Column::new("saturated_share", "share"),
        Column::new("model", "model"),
    ];
    let table = sheet.table("series", &columns);
    for (name, estimate) in estimates {
        let model = match estimate.shape() {
            Some(Shape::Normal) => "normal",
            Some(Shape::Lognormal) => "lognormal",
            None => "none",
        };
        table.row([
            shown(name).into(),
            estimate.intervals().into(),
            estimate.saturated().into(),
            estimate.saturated_share().into(),
            model.into(),
        ]);
    }
    let columns = [
        Column::new("series", "series"),
        Column::new("quantile", "quantile"),
        Column::new("used", "used"),
        Column::new("demand", "demand"),
        Column::new("basis", "basis"),
        Column::new("trusted", "trusted"),
    ];
    let mut doubts = Vec::new();
    let table = sheet.table("quantiles", &columns);
    for (name, estimate) in estimates {
        for level in &args.quantile {
            let found = estimate.quantile(*level)?;
            let demand = match found.demand {
                Demand::Known(value) | Demand::AtLeast(value) => value,
            };
            let trusted = if found.doubts.is_empty() { "yes" } else { "no" };
            table.row([
                shown(name).into(),
                (*level).into(),
                estimate.used_quantile(*level).into(),
                demand.into(),
                found.basis.to_string().into(),
                trusted.into(),
            ]);
            for doubt in &found.doubts {
                doubts.push(format!("{}, quantile {level}: {doubt}.", shown(name)));
            }
            if found.basis == Basis::Bound {
                doubts.push(format!("{}, quantile {level}: so much or more.", shown(name)));
            }
        }
    }
    for doubt in doubts {
        sheet.note(doubt);
    }
    sheet.note(
        "Basis: 'measured' is the plain quantile of use, below all that was cut off; 'evidence' \
         rests on what was measured beside use; 'model' on a censored fit of the rest.",
    );
    Ok(sheet)
}

/// The name of a series; that of the only one is no more than that.
fn shown(name: &str) -> &str {
    if name.is_empty() { "all" } else { name }
}

impl EvidenceArgs {
    fn columns(&self, table: &Table) -> Result<Columns> {
        let one =
            [&self.throughput, &self.waiting, &self.backlog, &self.wait_share, &self.pressure];
        let read = |column: Option<&String>| {
            column.map_or_else(|| Ok(Vec::new()), |name| table.numbers_or_gaps(name))
        };
        let first = read(one.into_iter().find_map(Option::as_ref))?;
        Ok(Columns { first, second: read(self.response.as_ref())? })
    }

    fn of<'a>(&self, first: &'a [f64], second: &'a [f64]) -> Evidence<'a> {
        if self.throughput.is_some() {
            Evidence::LittlesLaw { throughput: first, response: second }
        } else if self.waiting.is_some() {
            Evidence::Waiting(first)
        } else if self.backlog.is_some() {
            Evidence::Backlog(first)
        } else if self.wait_share.is_some() {
            Evidence::WaitShare(first)
        } else if self.pressure.is_some() {
            Evidence::Pressure(first)
        } else {
            Evidence::UseAlone
        }
    }
}
