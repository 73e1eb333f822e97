//! Forecasts of series for people (text), for spreadsheets (CSV) and for programs (JSON).

use std::io::{self, Write};

use serde::Serialize;

use super::{FramesError, defused, shown, visible};
use crate::error::Result;
use crate::forecast::{Forecast, ModelScore};
use crate::model::{Labels, Span, Timestamp, Unit};

/// Lines of one forecast in the text for people; between them steps are left out.
const LINES_MAX: usize = 28;
/// The version of the JSON form; raised when a field changes its meaning or goes.
const SCHEMA_VERSION: u32 = 2;
/// Models named in the text for people, those with the largest share.
const MODELS_MAX: usize = 5;

/// The forecast of one series, or why there is none.
#[derive(Debug, Clone)]
pub struct SeriesForecast {
    /// The series.
    pub labels: Labels,
    /// The unit of its values.
    pub unit: Option<Unit>,
    /// Start of the first step of the forecast.
    pub start: Timestamp,
    /// Length of a step.
    pub step: Span,
    /// The event that cut the past, where one did.
    pub counts_from: Option<CountsFrom>,
    /// The forecast, or in words why there is none.
    pub forecast: std::result::Result<Forecast, String>,
}

/// The event from which on the past of a series counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountsFrom {
    /// When it was.
    pub time: Timestamp,
    /// Its name.
    pub event: String,
    /// Its kind: any word, or none.
    pub kind: String,
}

impl SeriesForecast {
    fn time(&self, step: usize) -> Timestamp {
        self.start.plus(self.step.times(step))
    }

    fn show(&self, value: f64) -> String {
        shown(value, self.unit.as_ref())
    }
}

/// Writes each forecast with its model, its back-test, and some of its steps, as they come.
///
/// # Errors
///
/// The first error of a forecast, or what `out` returns; as below.
pub fn forecasts_text(
    all: impl Iterator<Item = Result<SeriesForecast>>,
    out: &mut dyn Write,
) -> Result<(), FramesError> {
    for (at, series) in all.enumerate() {
        let series = series?;
        if at > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{}", series.labels)?;
        match &series.forecast {
            Ok(forecast) => {
                counts_from_text(series.counts_from.as_ref(), out)?;
                forecast_text(&series, forecast, out)?;
            }
            Err(why) => writeln!(out, "  no forecast: {}", visible(why))?,
        }
    }
    Ok(())
}

/// Where there is no forecast, the reason says it.
fn counts_from_text(from: Option<&CountsFrom>, out: &mut dyn Write) -> io::Result<()> {
    let Some(from) = from else { return Ok(()) };
    writeln!(out, "  past      counts from {} on: {}", from.time, visible(&from.event))
}

/// A scaled error; a dash where there is nothing to scale it by.
fn shown_mase(mase: f64) -> String {
    if mase.is_finite() { format!("{mase:.2}") } else { "-".to_owned() }
}

fn forecast_text(
    series: &SeriesForecast,
    forecast: &Forecast,
    out: &mut dyn Write,
) -> io::Result<()> {
    let backtest = &forecast.backtest;
    let (mase, origins) = (shown_mase(backtest.mase), backtest.origins);
    write!(out, "  error     MASE {mase} over {origins} origins of its past")?;
    let unscaled = ": no two neighbours of it differ, by which errors are scaled";
    writeln!(out, "{}", if backtest.mase.is_finite() { "" } else { unscaled })?;
    let mut models: Vec<&ModelScore> = backtest.scores.iter().filter(|s| s.share > 0.0).collect();
    models.sort_by(|a, b| b.share.total_cmp(&a.share));
    let named = |score: &&ModelScore| {
        let mase = shown_mase(score.mase);
        format!("{} {:.0}% (MASE {mase})", score.model, score.share * 100.0)
    };
    let mut names: Vec<String> = models.iter().take(MODELS_MAX).map(named).collect();
    if models.len() > MODELS_MAX {
        names.push(format!("{} more", models.len() - MODELS_MAX));
    }
    writeln!(out, "  models    {}", names.join(", "))?;
    if !forecast.backtest.coverage.is_nan() {
        let coverage = forecast.backtest.coverage * 100.0;
        writeln!(out, "  interval  held {coverage:.0}% of the values of all series' back-tests")?;
    }
    let periods: Vec<String> =
        forecast.periods.iter().map(|period| series.step.times(*period).to_string()).collect();
    let periods = if periods.is_empty() { "none".to_owned() } else { periods.join(", ") };
    writeln!(out, "  periods   {periods}")?;
    let stride = forecast.point.len().div_ceil(LINES_MAX).max(1);
    writeln!(out, "  {:<22} {:>12} {:>12} {:>12}", "time", "low", "middle", "high")?;
    for step in (0..forecast.point.len()).step_by(stride) {
        let [low, middle, high] = [&forecast.lower, &forecast.point, &forecast.upper]
            .map(|row| series.show(row.get(step).copied().unwrap_or(f64::NAN)));
        let time = series.time(step).to_string();
        writeln!(out, "  {time:<22} {low:>12} {middle:>12} {high:>12}")?;
    }
    if stride > 1 {
        writeln!(out, "  (one step of {stride}; --format csv or json has them all)")?;
    }
    Ok(())
}

/// Writes CSV: a line per series and step.
///
/// # Errors
///
/// As [`forecasts_text`].
pub fn forecasts_csv(
    all: impl Iterator<Item = Result<SeriesForecast>>,
    out: &mut dyn Write,
) -> Result<(), FramesError> {
    let mut writer = ::csv::Writer::from_writer(out);
    writer.write_record(["series", "unit", "time", "low", "middle", "high"])?;
    for series in all {
        let series = series?;
        let Ok(forecast) = &series.forecast else { continue };
        let labels = series.labels.to_string();
        let labels = defused(&labels);
        let unit = defused(series.unit.as_ref().map_or("", Unit::as_str));
        let rows = forecast.lower.iter().zip(&forecast.point).zip(&forecast.upper);
        for (step, ((low, middle), high)) in rows.enumerate() {
            let time = series.time(step).to_string();
            let [low, middle, high] = [low, middle, high].map(ToString::to_string);
            writer.write_record([&labels, &*unit, &time, &low, &middle, &high])?;
        }
    }
    Ok(writer.flush()?)
}

#[derive(Serialize)]
struct Row<'a> {
    series: String,
    unit: Option<&'a str>,
    start: String,
    step_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    counts_from: Option<CountsFromView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    forecast: Option<&'a Forecast>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why_none: Option<&'a str>,
}

#[derive(Serialize)]
struct CountsFromView<'a> {
    time: String,
    event: &'a str,
    kind: &'a str,
}

/// Writes one JSON object with all forecasts, a line for each, and the reason where there is none.
///
/// # Errors
///
/// As [`forecasts_text`].
pub fn forecasts_json(
    all: impl Iterator<Item = Result<SeriesForecast>>,
    out: &mut dyn Write,
) -> Result<(), FramesError> {
    write!(out, "{{\"schema_version\":{SCHEMA_VERSION},\"forecasts\":[")?;
    let mut separator = "\n";
    for one in all {
        let one = one?;
        let row = Row {
            series: one.labels.to_string(),
            unit: one.unit.as_ref().map(Unit::as_str),
            start: one.start.to_string(),
            step_seconds: one.step.seconds(),
            counts_from: one.counts_from.as_ref().map(|from| CountsFromView {
                time: from.time.to_string(),
                event: &from.event,
                kind: &from.kind,
            }),
            forecast: one.forecast.as_ref().ok(),
            why_none: one.forecast.as_ref().err().map(String::as_str),
        };
        out.write_all(separator.as_bytes())?;
        serde_json::to_writer(&mut *out, &row)?;
        separator = ",\n";
    }
    Ok(writeln!(out, "\n]}}")?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::{ForecastOptions, forecast};

    fn examples() -> impl Iterator<Item = Result<SeriesForecast>> {
        let values: Vec<f64> = (0..24 * 20).map(|hour| f64::from(hour % 24)).collect();
        let options = ForecastOptions { horizon: 60, ..ForecastOptions::default() };
        let labels = |host: &str| Labels::new("cpu", [("host", host)]).unwrap();
        let start = Timestamp::from_seconds(0);
        let moved = || CountsFrom {
            time: start.plus(Span::from_days(1)),
            event: "to \u{1b}[31mracks".into(),
            kind: "migration".into(),
        };
        let one = |host, forecast| SeriesForecast {
            labels: labels(host),
            unit: Some("%".parse().unwrap()),
            start,
            step: Span::HOUR,
            counts_from: (host == "a").then(moved),
            forecast,
        };
        let made = forecast(&values, Span::HOUR, &options).map_err(|why| why.to_string());
        [one("a", made), one("b", Err("too short".into()))].into_iter().map(Ok)
    }

    fn written<W: FnOnce(&mut dyn Write) -> Result<(), FramesError>>(write: W) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_error_that_nothing_scales_is_a_dash() {
        let without = examples().take(1).map(|one| {
            let mut one = one?;
            one.forecast.iter_mut().for_each(|made| made.backtest.mase = f64::INFINITY);
            Ok(one)
        });
        let text = written(|out| forecasts_text(without, out));
        assert!(text.contains("MASE - over") && text.contains("no two neighbours"), "{text}");
        assert!(!text.contains("inf"), "{text}");
    }

    #[test]
    fn text_names_model_and_backtest_and_thins_the_steps() {
        let text = written(|out| forecasts_text(examples(), out));
        assert!(text.contains("seasonal naive(24)") && text.contains("periods   1d"), "{text}");
        assert!(text.contains("one step of 3") && text.contains("no forecast: too short"));
        assert_eq!(text.lines().filter(|line| line.starts_with("  1970")).count(), 20);
        let said = "  past      counts from 1970-01-02T00:00:00Z on: to \\u{1b}[31mracks\n";
        assert!(text.contains(said) && text.matches("counts from").count() == 1, "{text}");
    }

    #[test]
    fn csv_and_json_are_whole() {
        assert_eq!(written(|out| forecasts_csv(examples(), out)).lines().count(), 61);
        let json: serde_json::Value =
            serde_json::from_str(&written(|out| forecasts_json(examples(), out))).unwrap();
        assert_eq!(json["forecasts"][0]["forecast"]["point"].as_array().unwrap().len(), 60);
        assert_eq!(json["forecasts"][1]["why_none"], "too short");
        let from = &json["forecasts"][0]["counts_from"];
        assert_eq!(
            (&from["time"], &from["kind"]),
            (&"1970-01-02T00:00:00Z".into(), &"migration".into())
        );
        assert_eq!(from["event"], "to \u{1b}[31mracks");
        assert!(json["forecasts"][1].get("counts_from").is_none());
    }
}
