//! Commands that compute values from series: `query` and `forecast`.

use super::Outcome;
use super::args::{OutputFormat, QueryArgs};
use super::output::{Stop, to_stdout};
use crate::query::Query;
use crate::report::{write_csv, write_json, write_table};
use crate::store::Store;

/// Prints the answer to a query.
pub(super) fn query(args: &QueryArgs) -> Result<Outcome, Stop> {
    let store = Store::open_read_only(&args.store)?;
    let frames = of_args(args).run(&store.snapshot()?)?;
    let names = frames.label_names();
    to_stdout(|out| match args.format {
        OutputFormat::Table => write_table(&names, frames, out),
        OutputFormat::Csv => write_csv(&names, frames, out),
        OutputFormat::Json => write_json(frames, out),
    })?;
    Ok(Outcome::Done)
}

fn of_args(args: &QueryArgs) -> Query {
    let mut query = Query::new(args.selector.clone()).aggregate(args.agg);
    if let Some(start) = args.from {
        query = query.from(start);
    }
    if let Some(end) = args.to {
        query = query.to(end);
    }
    if let Some(step) = args.step {
        query = query.step(step);
    }
    if let Some(by) = &args.by {
        query = query.by(by.iter().filter(|name| !name.is_empty()).cloned());
    }
    if let Some(across) = args.across {
        query = query.across(across);
    }
    if let Some(fill) = args.fill {
        query = query.fill(fill);
    }
    query
}
