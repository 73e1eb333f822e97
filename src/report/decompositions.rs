//! Series taken apart, for people (text), for spreadsheets (CSV) and for programs (JSON).

use std::io::Write;

use serde::Serialize;

use super::{FramesError, defused, shown, visible};
use crate::error::Result;
use crate::forecast::{Decomposition, LeftOut, WhyLeftOut};
use crate::model::{Labels, Span, Timestamp, Unit};

/// The version of the JSON form.
const SCHEMA_VERSION: u32 = 1;
/// Remainders named in the text for people, the largest.
const REMAINDERS_MAX: usize = 3;

/// One series in parts, or why it was not taken apart.
#[derive(Debug, Clone)]
pub struct SeriesParts {
    /// The series.
    pub labels: Labels,
    /// The unit of its values.
    pub unit: Option<Unit>,
    /// Start of the first step.
    pub start: Timestamp,
    /// Length of a step.
    pub step: Span,
    /// The parts, or in words why there are none.
    pub parts: std::result::Result<Decomposition, String>,
}

impl SeriesParts {
    fn time(&self, step: usize) -> Timestamp {
        self.start.plus(self.span(step))
    }

    fn span(&self, steps: usize) -> Span {
        self.step.times(steps)
    }

    /// In words, each period that has no season, and why.
    pub fn left_out(&self) -> impl Iterator<Item = String> {
        let parts = self.parts.as_ref().ok();
        parts.into_iter().flat_map(|parts| {
            let one = |left: &LeftOut| {
                let why = self.why(parts, left);
                format!("no season of {}: {why}", self.span(left.period))
            };
            parts.left_out.iter().map(one)
        })
    }

    fn why(&self, parts: &Decomposition, left: &LeftOut) -> String {
        let why = match left.why {
            WhyLeftOut::TooLong => {
                let (reach, two) =
                    (self.span(parts.sampling.steps), self.span(left.period.saturating_mul(2)));
                return format!("values reach over {reach}, and two of it are {two}");
            }
            WhyLeftOut::OnePhase => "all values lie at one step of it".to_owned(),
            WhyLeftOut::Scattered(share) => {
                format!("its steps have values in {:.0}% of its cycles only", 100.0 * share)
            }
        };
        match left.longer_step {
            Some(step) => format!("{why}; --step {} would do", self.span(step)),
            None => format!("{why}; no longer step would do"),
        }
    }

    fn show(&self, value: f64) -> String {
        shown(value, self.unit.as_ref())
    }
}

/// Writes for each series how much each part makes, and where the remainder is largest.
///
/// # Errors
///
/// The first error of a series, or what `out` returns; as below.
pub fn parts_text(
    all: impl Iterator<Item = Result<SeriesParts>>,
    out: &mut dyn Write,
) -> std::result::Result<(), FramesError> {
    for (at, series) in all.enumerate() {
        let series = series?;
        if at > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{}", series.labels)?;
        match &series.parts {
            Ok(parts) => series_text(&series, parts, out)?,
            Err(why) => writeln!(out, "  not taken apart: {}", visible(why))?,
        }
    }
    Ok(())
}

fn series_text(
    series: &SeriesParts,
    parts: &Decomposition,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    writeln!(out, "  {:<18} {:>8} {:>12} {:>12}", "part", "strength", "lowest", "highest")?;
    let line = |out: &mut dyn Write, name: &str, strength: Option<f64>, values: &[f64]| {
        let strength = strength.map_or_else(|| "-".to_owned(), |share| format!("{share:.3}"));
        let known = values.iter().copied().filter(|value| value.is_finite());
        let low = series.show(known.clone().fold(f64::INFINITY, f64::min));
        let high = series.show(known.fold(f64::NEG_INFINITY, f64::max));
        writeln!(out, "  {name:<18} {strength:>8} {low:>12} {high:>12}")
    };
    line(out, "trend", Some(parts.trend_strength), &parts.trend)?;
    for season in &parts.seasons {
        let name = format!("season of {}", series.span(season.period));
        line(out, &name, Some(season.strength), &season.values)?;
    }
    line(out, "remainder", None, &parts.remainder)?;
    let mut largest: Vec<(usize, f64)> =
        parts.remainder.iter().copied().enumerate().filter(|(_, rest)| rest.is_finite()).collect();
    largest.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
    for (step, rest) in largest.into_iter().take(REMAINDERS_MAX) {
        writeln!(out, "  unexplained {} at {}", series.show(rest), series.time(step))?;
    }
    let sampling = parts.sampling;
    write!(out, "  values at {} of {} steps", sampling.values, sampling.steps)?;
    if sampling.values * 2 < sampling.steps && sampling.steps_apart > 1 {
        let apart = series.span(sampling.steps_apart);
        write!(out, ", mostly {apart} apart: a --step as long suits them better")?;
    }
    writeln!(out)?;
    for left in series.left_out() {
        writeln!(out, "  {left}")?;
    }
    Ok(())
}

/// Writes CSV: a line per series, step and part.
///
/// # Errors
///
/// As [`parts_text`].
pub fn parts_csv(
    all: impl Iterator<Item = Result<SeriesParts>>,
    out: &mut dyn Write,
) -> std::result::Result<(), FramesError> {
    let mut writer = ::csv::Writer::from_writer(out);
    writer.write_record(["series", "unit", "time", "part", "value"])?;
    for series in all {
        let series = series?;
        let Ok(parts) = &series.parts else { continue };
        let labels = series.labels.to_string();
        let labels = defused(&labels);
        let unit = defused(series.unit.as_ref().map_or("", Unit::as_str));
        let seasons = parts
            .seasons
            .iter()
            .map(|season| (format!("season of {}", series.span(season.period)), &season.values));
        let rows = std::iter::once(("trend".to_owned(), &parts.trend))
            .chain(seasons)
            .chain([("remainder".to_owned(), &parts.remainder)]);
        for (name, values) in rows {
            for (step, value) in values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
                let (time, value) = (series.time(step).to_string(), value.to_string());
                writer.write_record([&*labels, &*unit, &time, &name, &value])?;
            }
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
    parts: Option<&'a Decomposition>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why_none: Option<&'a str>,
}

/// Writes one JSON object with all series, a line for each.
///
/// # Errors
///
/// As [`parts_text`].
pub fn parts_json(
    all: impl Iterator<Item = Result<SeriesParts>>,
    out: &mut dyn Write,
) -> std::result::Result<(), FramesError> {
    write!(out, "{{\"schema_version\":{SCHEMA_VERSION},\"series\":[")?;
    let mut separator = "\n";
    for one in all {
        let one = one?;
        let row = Row {
            series: one.labels.to_string(),
            unit: one.unit.as_ref().map(Unit::as_str),
            start: one.start.to_string(),
            step_seconds: one.step.seconds(),
            parts: one.parts.as_ref().ok(),
            left_out: one.left_out().collect(),
            why_none: one.parts.as_ref().err().map(String::as_str),
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
    use crate::forecast::{DecomposeOptions, decompose};

    fn series() -> impl Iterator<Item = Result<SeriesParts>> {
        let values: Vec<f64> = (0..24 * 10)
            .map(|hour| {
                let burst = if hour == 100 { 60.0 } else { 0.0 };
                f64::from(hour) + if hour % 24 < 8 { 0.0 } else { 12.0 } + burst
            })
            .collect();
        let options = DecomposeOptions { robust: true, ..DecomposeOptions::default() };
        let parts = decompose(&values, &[24], &options).map_err(|why| why.to_string());
        let one = |host: &str, parts| SeriesParts {
            labels: Labels::new("cpu", [("host", host)]).unwrap(),
            unit: None,
            start: Timestamp::from_seconds(0),
            step: Span::HOUR,
            parts,
        };
        [one("a", parts), one("b", Err("too short".to_owned()))].into_iter().map(Ok)
    }

    #[test]
    fn what_is_not_explained_is_named() {
        let mut out = Vec::new();
        parts_text(series(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("season of 1d") && text.contains("not taken apart: too short"));
        let first = text.lines().find(|line| line.contains("unexplained")).unwrap();
        assert!(first.ends_with("at 1970-01-05T04:00:00Z"), "{text}");
    }

    #[test]
    fn what_has_no_season_is_said_with_the_step_that_would_do() {
        let values: Vec<f64> = (0..24 * 61)
            .map(|hour| if hour % 26 == 0 { f64::from(hour) } else { f64::NAN })
            .collect();
        let parts = decompose(&values, &[24, 168, 960], &DecomposeOptions::default()).unwrap();
        let mut one = series().next().unwrap().unwrap();
        one.parts = Ok(parts);
        let (mut text, mut json) = (Vec::new(), Vec::new());
        parts_text(std::iter::once(Ok(one.clone())), &mut text).unwrap();
        parts_json(std::iter::once(Ok(one)), &mut json).unwrap();
        let text = String::from_utf8(text).unwrap();
        for line in [
            "values at 57 of 1457 steps, mostly 1d2h apart: a --step as long suits them better",
            "no season of 1d: its steps have values in 8% of its cycles only; no longer step would",
            "no season of 7d: its steps have values in 11% of its cycles only; --step 1d would do",
            "no season of 40d: values reach over 60d17h, and two of it are 80d",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let series = &json["series"][0];
        assert_eq!(series["left_out"].as_array().unwrap().len(), 3, "{series}");
        assert_eq!(series["parts"]["sampling"]["values"], 57);
    }

    #[test]
    fn parts_add_up_in_every_format() {
        let (mut csv, mut json) = (Vec::new(), Vec::new());
        parts_csv(series(), &mut csv).unwrap();
        parts_json(series(), &mut json).unwrap();
        let csv = String::from_utf8(csv).unwrap();
        assert_eq!(csv.lines().count(), 1 + 3 * 240);
        let of_step: f64 = csv
            .lines()
            .filter(|line| line.contains(",1970-01-03T00:00:00Z,"))
            .map(|line| line.rsplit(',').next().unwrap().parse::<f64>().unwrap())
            .sum();
        assert!((of_step - 48.0).abs() < 1e-9, "{of_step}");
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["series"][0]["parts"]["seasons"][0]["period"], 24);
        assert_eq!(json["series"][1]["why_none"], "too short");
    }
}
