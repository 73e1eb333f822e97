//! The command that looks ahead: `forecast`.

use super::Outcome;
use super::args::{ForecastArgs, OutputFormat};
use super::output::{Stop, to_stdout};
use crate::error::Error;
use crate::forecast::{ForecastOptions, forecast as forecast_row};
use crate::model::{Frame, Span};
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
    let mut all = Vec::new();
    for frame in query.run(&snapshot)? {
        let frame = frame?;
        let of_row = |row| series_forecast(&frame, row, args.step, &options);
        all.extend((0..frame.len()).map(of_row));
    }
    if all.is_empty() {
        let what = format!("no series of {} has samples in this range", args.selector);
        return Err(Error::not_enough_data(what).into());
    }
    for series in &mut all {
        series.unit = snapshot.unit(series.labels.metric());
    }
    to_stdout(|out| match args.format {
        OutputFormat::Table => forecasts_text(&all, out),
        OutputFormat::Csv => forecasts_csv(&all, out),
        OutputFormat::Json => forecasts_json(&all, out),
    })?;
    Ok(Outcome::Done)
}

fn series_forecast(
    frame: &Frame,
    row: usize,
    step: Span,
    options: &ForecastOptions,
) -> SeriesForecast {
    // A step that has only begun would look like a fall of sums and counts.
    let whole = frame.row(row).len().saturating_sub(1);
    let values = frame.row(row).get(..whole).unwrap_or(&[]);
    // Usage does not go below zero; what has been there may go there again.
    let negative = values.iter().any(|value| *value < 0.0);
    let options = ForecastOptions { floor: options.floor.filter(|_| !negative), ..options.clone() };
    let forecast = forecast_row(values, step, &options);
    SeriesForecast {
        labels: frame.labels(row).clone(),
        unit: None,
        start: frame.time(whole),
        step,
        forecast: forecast.map_err(|why| why.to_string()),
    }
}
