//! `backtest --exhaustion`: how often what was said of running out came true.
//!
//! In: a store, a selector, and from which days of the past to look ahead. Out: for 7, 30 or 90
//! days ahead Brier scores and a reliability table, of the lines that can tell a good forecast from
//! a bad one, and of all.

use std::path::Path;
use std::str::FromStr;

use super::Outcome;
use super::args::ReportFormat;
use super::inspect::Versioned;
use super::output::{Stop, json_to_stdout, to_stdout};
use super::reader;
use crate::capacity::exhaustion::PeakSeries;
use crate::capacity::exhaustion::score::{ScoreOptions, score_exhaustion};
use crate::capacity::peaks_by_day;
use crate::error::{Error, Result};
use crate::model::{Selector, Span};
use crate::query::Query;
use crate::report::exhaustion_scores_text;
use crate::store::Snapshot;

/// The label whose values are hosts.
const HOST_LABEL: &str = "host";
/// The horizons of which probabilities are said.
const HORIZONS_DAYS: [usize; 3] = [7, 30, 90];
/// With fewer days before it nothing is said of a line.
const ORIGIN_MIN: usize = 7;

#[derive(Debug, clap::Args)]
pub(super) struct ExhaustionArgs {
    /// Score probabilities of exhaustion instead: daily peaks against lines above them.
    #[arg(long, requires = "store")]
    #[arg(conflicts_with_all = ["models", "light", "global", "horizon", "period", "step", "agg"])]
    #[arg(conflicts_with_all = ["windows", "coverage"])]
    pub(super) exhaustion: bool,
    /// From which days to look ahead, by the number of days before each: the first and the last,
    /// both counted. Default: from 14 on, as long as the days ahead are known.
    #[arg(long, value_name = "FIRST..LAST", requires = "exhaustion")]
    origins: Option<Origins>,
    /// How many days to look ahead: 7, 30 or 90, several with commas between.
    #[arg(
        long,
        value_name = "DAYS,...",
        value_delimiter = ',',
        value_parser = horizon_days,
        default_value = "7,30",
        requires = "exhaustion"
    )]
    horizon_days: Vec<usize>,
    /// Weigh what is seen by the built-in weights: what came of earlier days of the fleet is not
    /// learnt from.
    #[arg(long, requires = "exhaustion")]
    learn_nothing: bool,
}

/// The first and the last day to look ahead from, as numbers of days before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Origins {
    first: usize,
    last: usize,
}

impl FromStr for Origins {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write the numbers of days before the first and the last, as 14..23";
        let (first, last) = text.split_once("..").ok_or_else(wrong)?;
        let number = |text: &str| text.parse().map_err(|_| wrong());
        let (first, last) = (number(first)?, number(last)?);
        if first < ORIGIN_MIN {
            return Err(format!("with fewer than {ORIGIN_MIN} days before it nothing is said"));
        }
        if last < first {
            return Err(format!("{last} lies before {first}: put the smaller number first"));
        }
        Ok(Self { first, last })
    }
}

fn horizon_days(text: &str) -> Result<usize, String> {
    let days = text.parse().ok().filter(|days| HORIZONS_DAYS.contains(days));
    days.ok_or_else(|| "probabilities are said for 7, 30 and 90 days".to_owned())
}

impl ExhaustionArgs {
    fn options(&self) -> ScoreOptions {
        let default = ScoreOptions::default();
        let origins = self.origins.map(|origins| (origins.first, origins.last));
        let (origin_first, origin_last) =
            origins.unwrap_or((default.origin_first, default.origin_last));
        ScoreOptions {
            horizons_days: self.horizon_days.clone(),
            origin_first,
            origin_last,
            learn: !self.learn_nothing,
            ..default
        }
    }
}

/// Scores the daily peaks of series of a store, given as the highest value of each hour.
pub(super) fn score(
    args: &ExhaustionArgs,
    folder: &Path,
    (selector, hourly_peaks): (&Selector, &Query),
    format: ReportFormat,
) -> Result<Outcome, Stop> {
    let store = reader::open(folder)?;
    let series = peaks(selector, hourly_peaks, &store.snapshot()?)?;
    let scores = score_exhaustion(&series, &args.options());
    match format {
        ReportFormat::Json => json_to_stdout(&Versioned::new(scores))?,
        ReportFormat::Table => to_stdout(|out| exhaustion_scores_text(&scores, out))?,
    }
    Ok(Outcome::Done)
}

/// The daily peaks of each series, known where a plan knows them.
fn peaks(selector: &Selector, query: &Query, snapshot: &Snapshot) -> Result<Vec<PeakSeries>> {
    let mut series = Vec::new();
    for frame in query.run(snapshot)? {
        let frame = frame?;
        for (labels, row) in frame.rows() {
            let host = labels.get(HOST_LABEL).map_or_else(|| labels.to_string(), ToOwned::to_owned);
            let peaks = peaks_by_day(frame.start(), Span::HOUR, row);
            series.push(PeakSeries { host, peaks });
        }
    }
    if series.is_empty() {
        let what = format!("no series of {selector} has samples in this range");
        return Err(Error::not_enough_data(what));
    }
    Ok(series)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_two_numbers_of_days_in_order() {
        let parsed = |text: &str| text.parse::<Origins>();
        assert_eq!(parsed("14..23"), Ok(Origins { first: 14, last: 23 }));
        assert_eq!(parsed("7..7"), Ok(Origins { first: 7, last: 7 }));
        for (text, why) in [
            ("14", "as 14..23"),
            ("14..", "as 14..23"),
            ("a..9", "as 14..23"),
            ("6..9", "fewer than 7 days"),
            ("23..14", "14 lies before 23"),
        ] {
            let said = parsed(text).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
        assert_eq!(horizon_days("30"), Ok(30));
        assert!(horizon_days("8").is_err() && horizon_days("week").is_err());
    }
}
