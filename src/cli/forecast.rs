//! The command that looks ahead: `forecast`.

use std::collections::BTreeMap;

use super::Outcome;
use super::args::{ForecastArgs, OutputFormat};
use super::output::{Stop, to_stdout};
use crate::error::Error;
use crate::forecast::{Doubt, ErrorPool, ForecastOptions, Forecaster, Outlook};
use crate::model::{Frame, Labels, Timestamp};
use crate::query::Query;
use crate::report::{SeriesForecast, forecasts_csv, forecasts_json, forecasts_text};
use crate::store::Store;

/// Prints the forecast of each selected series.
pub(super) fn forecast(args: &ForecastArgs) -> Result<Outcome, Stop> {
    let horizon = args.horizon.nanos().checked_div(args.step.nanos()).unwrap_or(0);
    if horizon == 0 {
        let (horizon, step) = (args.horizon, args.step);
        let what = format!("a horizon of {horizon} has no step of {step}; take a longer one");
        return Err(Error::invalid(what).into());
    }
    let options = ForecastOptions {
        horizon: horizon as usize,
        coverage: args.coverage,
        ..ForecastOptions::default()
    };
    let store = Store::open_read_only(&args.store)?;
    let snapshot = store.snapshot()?;
    let mut query = Query::new(args.selector.clone()).aggregate(args.agg).step(args.step);
    if let Some(start) = args.from {
        query = query.from(start);
    }
    if let Some(end) = args.to {
        query = query.to(end);
    }
    let forecaster = Forecaster::new(args.step, options)?;
    // Errors are pooled over all series of a metric before any interval is told: what a processor
    // does says nothing of a disk.
    let mut pools: BTreeMap<String, ErrorPool> = BTreeMap::new();
    let mut outlooks = Vec::new();
    for frame in query.run(&snapshot)? {
        rehearse(&frame?, &forecaster, &mut pools, &mut outlooks);
    }
    let doubts: BTreeMap<String, Doubt> =
        pools.into_iter().map(|(metric, pool)| (metric, pool.finish())).collect();
    let all: Vec<SeriesForecast> = outlooks
        .into_iter()
        .map(|(labels, start, outlook)| SeriesForecast {
            unit: snapshot.unit(labels.metric()),
            start,
            step: args.step,
            forecast: outlook.and_then(|outlook| {
                let doubt = doubts.get(labels.metric()).ok_or("no series was back-tested")?;
                Ok(outlook.forecast(doubt))
            }),
            labels,
        })
        .collect();
    if all.is_empty() {
        let what = format!("no series of {} has samples in this range", args.selector);
        return Err(Error::not_enough_data(what).into());
    }
    to_stdout(|out| match args.format {
        OutputFormat::Table => forecasts_text(&all, out),
        OutputFormat::Csv => forecasts_csv(&all, out),
        OutputFormat::Json => forecasts_json(&all, out),
    })?;
    Ok(Outcome::Done)
}

/// A series, the start of its forecast, and what is known of it before errors are pooled.
type SeriesOutlook = (Labels, Timestamp, Result<Outlook, String>);

fn rehearse(
    frame: &Frame,
    forecaster: &Forecaster,
    pools: &mut BTreeMap<String, ErrorPool>,
    outlooks: &mut Vec<SeriesOutlook>,
) {
    // A step that has only begun would look like a fall of sums and counts.
    let whole = frame.steps().saturating_sub(1);
    let rows: Vec<&[f64]> =
        (0..frame.len()).map(|row| frame.row(row).get(..whole).unwrap_or(&[])).collect();
    for (row, rehearsed) in forecaster.rehearse(&rows).into_iter().enumerate() {
        let labels = frame.labels(row).clone();
        let outlook = rehearsed
            .map_err(|why| why.to_string())
            .map(|one| pools.entry(labels.metric().to_owned()).or_default().add(one));
        outlooks.push((labels, frame.time(whole), outlook));
    }
}
