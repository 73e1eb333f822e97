//! `calc predict`: a forecast as another system makes it.

use std::path::PathBuf;

use super::table::Table;
use crate::capacity::compat::TimedValue;
use crate::capacity::compat::prometheus::{Window, deriv, predict_linear};
use crate::capacity::compat::zabbix::{Fit, Mode, forecast, timeleft};
use crate::error::{Error, Result};
use crate::model::{Span, Timestamp};
use crate::report::Sheet;

/// Whose function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Like {
    /// `predict_linear` and `deriv`.
    Prometheus,
    /// `forecast` and `timeleft`.
    Zabbix,
}

#[derive(Debug, clap::Args)]
pub(super) struct PredictArgs {
    /// A CSV file with the columns time (seconds, or as 2026-01-20T12:00:00Z) and value.
    file: PathBuf,
    /// Whose forecast.
    #[arg(long, value_enum)]
    like: Like,
    /// How far ahead.
    #[arg(long, value_name = "SPAN")]
    ahead: Span,
    /// The time from which is looked ahead; of the last sample, if not given.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// How much of the past counts, up to that time; all of it, if not given. The sample that is
    /// just as old as the window is long does not.
    #[arg(long, value_name = "SPAN")]
    window: Option<Span>,
    /// When is this value reached?
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    line: Option<f64>,
    /// Zabbix: linear, polynomial1 to polynomial6, exponential, logarithmic or power.
    #[arg(long, value_name = "FIT", default_value = "linear")]
    fit: String,
    /// Zabbix: value, max, min, delta or avg of the fit up to there.
    #[arg(long, value_name = "MODE", default_value = "value")]
    mode: String,
}

/// What the other system's functions answer.
pub(super) fn predict(args: &PredictArgs) -> Result<Sheet> {
    let table = Table::read(&args.file, &[])?;
    let times = table.parsed("time", |text| seconds(text).ok_or("write seconds, or a time"))?;
    let values = table.parsed("value", |text| text.parse().map_err(|_| "write a number"))?;
    let pairs = times.into_iter().zip(values);
    let samples: Vec<TimedValue> =
        pairs.map(|(time_s, value)| TimedValue { time_s, value }).collect();
    let last = samples.iter().map(|sample| sample.time_s).reduce(f64::max);
    let last =
        last.ok_or_else(|| Error::not_enough_data("the file has no row below its header"))?;
    let at_s = match &args.at {
        Some(text) => seconds(text).ok_or_else(|| {
            Error::invalid(format!(
                "--at {text} is no time: give seconds, or a time such as 2026-01-20T12:00:00Z"
            ))
        })?,
        None => last,
    };
    let length_s = args.window.map_or(f64::MAX, Span::seconds);
    let window = Window { end_s: at_s, length_s };
    let inside = samples.iter().filter(|sample| window.contains(sample.time_s));
    let inside: Vec<TimedValue> = inside.copied().collect();
    match args.like {
        Like::Prometheus => like_prometheus(args, &inside, window),
        Like::Zabbix => like_zabbix(args, &inside, at_s),
    }
}

fn like_prometheus(args: &PredictArgs, samples: &[TimedValue], window: Window) -> Result<Sheet> {
    let (fit, mode) = (args.fit.as_str(), args.mode.as_str());
    if fit != "linear" || mode != "value" {
        return Err(Error::invalid(
            "Prometheus has a straight line and its value only: leave out --fit and --mode, or \
             ask --like zabbix",
        ));
    }
    let at = window.end_s;
    let ahead = predict_linear(samples, window, at, args.ahead.seconds())?;
    let now = predict_linear(samples, window, at, 0.0)?;
    let slope = deriv(samples, window)?;
    let mut sheet = Sheet::new("As Prometheus predicts");
    sheet.fact("samples", "samples in the window", samples.len(), "");
    sheet.fact("predict_linear", "predict_linear", ahead, "");
    sheet.fact("deriv_per_s", "deriv", slope, "/s");
    if let Some(line) = args.line {
        let left = now.zip(slope).map(|(now, slope)| (line - now) / slope);
        let left = left.filter(|left| left.is_finite() && *left >= 0.0);
        sheet.fact("time_left_s", "line reached after", left, "s");
        sheet.note("Prometheus has no function for the line: this is where its own line meets it.");
    }
    if ahead.is_none() {
        sheet.note("Fewer than two samples are in the window: Prometheus returns no element.");
    }
    Ok(sheet)
}

fn like_zabbix(args: &PredictArgs, samples: &[TimedValue], now_s: f64) -> Result<Sheet> {
    let (fit, mode): (Fit, Mode) = (args.fit.parse()?, args.mode.parse()?);
    let ahead = forecast(samples, now_s, args.ahead.seconds(), fit, mode)?;
    let mut sheet = Sheet::new("As Zabbix forecasts");
    sheet.fact("samples", "samples in the period", samples.len(), "");
    sheet.fact("forecast", format!("forecast, {} of {}", args.mode, args.fit), ahead, "");
    if let Some(line) = args.line {
        let left = timeleft(samples, now_s, line, fit)?;
        sheet.fact("time_left_s", "timeleft", left, "s");
        if left.is_none() {
            sheet.note(
                "The fit never has that value from now on. Zabbix prints 1.797e308 there, which is \
                 no time.",
            );
        }
    }
    Ok(sheet)
}

/// Seconds, or a time.
fn seconds(text: &str) -> Option<f64> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.or_else(|| {
        let time: Timestamp = text.parse().ok()?;
        Some(time.nanos() as f64 / Span::SECOND.nanos() as f64)
    })
}
