//! The command that explains series: `decompose`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Outcome;
use super::args::OutputFormat;
use super::output::{Stop, note, to_stdout};
use super::reader;
use super::steps::ranged;
use crate::error::{Error, Result};
use crate::forecast::{DecomposeOptions, Decomposition, decompose as take_apart, detect_periods};
use crate::model::{Labels, Selector, Span, Timestamp};
use crate::query::{Aggregate, Query};
use crate::report::{SeriesParts, parts_csv, parts_json, parts_text};

/// Reasons that are told beside a table of numbers that has no room for them.
const REASONS_MAX: usize = 20;

#[derive(Debug, clap::Args)]
pub(super) struct DecomposeArgs {
    /// The store's folder.
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// Which series.
    selector: Selector,
    /// The step of the values that are taken apart.
    #[arg(long, value_name = "SPAN", default_value = "1h")]
    step: Span,
    /// Lengths of the seasons, as in 1d,7d. By default those that show in each series.
    #[arg(long, value_name = "SPAN,...", value_delimiter = ',')]
    periods: Vec<Span>,
    /// Let what does not fit count less, so that bursts stay in the remainder: eight times the
    /// work.
    #[arg(long)]
    robust: bool,
    /// How the samples of a step become one value.
    #[arg(long, value_name = "HOW", default_value = "mean")]
    agg: Aggregate,
    /// Only values at or after this time.
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Only values before this time.
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
    /// How to write the result: a table of how much each part makes, or all parts step by step.
    #[arg(long, value_enum, default_value = "table")]
    format: OutputFormat,
}

/// Takes each selected series apart, and prints the parts.
pub(super) fn decompose(args: &DecomposeArgs) -> Result<Outcome, Stop> {
    let periods = steps_of(&args.periods, args.step)?;
    let store = reader::open(&args.store)?;
    let snapshot = store.snapshot()?;
    let query = Query::new(args.selector.clone()).aggregate(args.agg).step(args.step);
    let query = ranged(query, args.from, args.to);
    let mut frames = query.run(&snapshot)?.peekable();
    if frames.peek().is_none() {
        let what = format!("no series of {} has samples in this range", args.selector);
        return Err(Error::not_enough_data(what).into());
    }
    let series = frames.flat_map(|frame| match frame {
        Err(why) => vec![Err(why)],
        Ok(frame) => {
            let one = |(labels, row): (&Labels, &[f64])| SeriesParts {
                unit: args.agg.unit(snapshot.unit(labels.metric())),
                labels: labels.clone(),
                start: frame.start(),
                step: args.step,
                parts: parts(row, &periods, args).map_err(|why| why.to_string()),
            };
            frame.rows().map(one).map(Ok).collect()
        }
    });
    to_stdout(|out| match args.format {
        OutputFormat::Table => parts_text(series, out),
        OutputFormat::Csv => {
            let mut without: BTreeMap<String, usize> = BTreeMap::new();
            let counted = series.inspect(|one| {
                let Ok(one) = one else { return };
                let why = one.parts.as_ref().err().map(|why| format!("not taken apart: {why}"));
                for why in one.left_out().chain(why) {
                    *without.entry(why).or_default() += 1;
                }
            });
            parts_csv(counted, out)?;
            for (why, count) in without.iter().take(REASONS_MAX) {
                note(&format!("{count} series: {why}"));
            }
            let rest: usize = without.values().skip(REASONS_MAX).sum();
            if rest > 0 {
                note(&format!("{rest} more without a season or parts; --format json says why"));
            }
            Ok(())
        }
        OutputFormat::Json => parts_json(series, out),
    })?;
    Ok(Outcome::Done)
}

fn parts(row: &[f64], periods: &[usize], args: &DecomposeArgs) -> Result<Decomposition> {
    let found;
    let periods = if periods.is_empty() {
        found = detect_periods(row, args.step);
        &found
    } else {
        periods
    };
    let options = DecomposeOptions { robust: args.robust, ..DecomposeOptions::default() };
    take_apart(row, periods, &options)
}

/// Lengths of time as numbers of steps.
fn steps_of(periods: &[Span], step: Span) -> Result<Vec<usize>> {
    periods.iter().map(|period| steps_in(*period, step)).collect()
}

fn steps_in(period: Span, step: Span) -> Result<usize> {
    let steps = period.whole(step) as usize;
    if step.times(steps) != period {
        let what =
            format!("--periods {period} is no multiple of the step of {step}; change either");
        return Err(Error::invalid(what));
    }
    if steps < 2 {
        let what = format!(
            "--periods {period} is less than 2 steps of {step}; give a longer one, or a shorter \
             --step"
        );
        return Err(Error::invalid(what));
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_two_steps_or_more() {
        let of = |period: &str, step: &str| {
            steps_in(period.parse().unwrap(), step.parse().unwrap()).map_err(|why| why.to_string())
        };
        assert_eq!(of("1d", "1h"), Ok(24));
        assert_eq!(of("2h", "1h"), Ok(2));
        for (period, step, expected) in [
            ("1h", "1h", "1h is less than 2 steps of 1h; give a longer one, or a shorter --step"),
            ("0s", "1h", "0s is less than 2 steps of 1h"),
            ("90m", "1h", "1h30m is no multiple of the step of 1h"),
            ("150m", "1h", "2h30m is no multiple of the step of 1h; change either"),
        ] {
            let why = of(period, step).unwrap_err();
            assert!(why.contains(expected), "{why}");
        }
    }
}
