//! `calc exhaustion`: when what grows reaches its limit.

use crate::capacity::exhaustion::{FirstPassage, days_to_line, periods_to_line};
use crate::cli::numbers::amount;
use crate::error::{Error, Result};
use crate::report::{Column, Sheet};

#[derive(Debug, clap::Args)]
pub(super) struct ExhaustionArgs {
    /// What is used now.
    #[arg(long, value_name = "AMOUNT")]
    used: f64,
    /// What there is, in the same unit.
    #[arg(long, value_name = "AMOUNT")]
    limit: f64,
    /// Growth per day, in the same unit; or in percent per period, as in 5%.
    #[arg(long, value_name = "AMOUNT|PERCENT%", allow_hyphen_values = true)]
    growth: String,
    /// The share of the limit that is kept free.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    margin: f64,
    /// The standard deviation of a day's growth: asks for the date's distribution.
    #[arg(long, value_name = "AMOUNT")]
    deviation: Option<f64>,
    /// How likely is it reached within so many days? Several may be given.
    #[arg(long, value_name = "DAYS", requires = "deviation")]
    within: Vec<f64>,
}

/// When the line is reached: on the straight or the compound path, and as a distribution.
pub(super) fn exhaustion(args: &ExhaustionArgs) -> Result<Sheet> {
    let line = args.limit * (1.0 - args.margin);
    if !(0.0..1.0).contains(&args.margin) {
        return Err(Error::invalid("--margin is a share of 0 or more, below 1"));
    }
    let mut sheet = Sheet::new("Time to exhaustion");
    sheet.fact("line", "the line: limit less margin", line, "");
    if let Some(percent) = args.growth.strip_suffix('%') {
        if args.deviation.is_some() {
            return Err(Error::invalid(
                "--deviation and --within are of growth by an amount a day; with a percentage give \
                 neither",
            ));
        }
        let growth = number(percent)? / 100.0;
        let periods = periods_to_line(args.used, growth, line);
        sheet.fact("periods_to_line", "reached after", periods, "periods");
        if periods.is_none() {
            let why =
                if growth > 0.0 { "a share of nothing is nothing" } else { "there is no growth" };
            sheet.note(format!("It is never reached: {why}."));
        }
        return Ok(sheet);
    }
    let slope_per_day = number(&args.growth)?;
    let days = days_to_line(args.used, slope_per_day, line);
    sheet.fact("days_to_line", "reached after", days, "days");
    if days.is_none() {
        sheet.note("It is never reached on a straight path: there is no growth.");
    }
    if let Some(deviation) = args.deviation {
        passage(&mut sheet, args, FirstPassage::new(line - args.used, slope_per_day, deviation)?);
    }
    Ok(sheet)
}

fn passage(sheet: &mut Sheet, args: &ExhaustionArgs, passage: FirstPassage) {
    sheet.fact("mean_days", "mean", passage.mean_days(), "days");
    sheet.fact("deviation_days", "standard deviation", passage.deviation_days(), "days");
    for (key, name, level) in
        [("p5_days", "P5", 0.05), ("p50_days", "P50", 0.5), ("p95_days", "P95", 0.95)]
    {
        sheet.fact(key, name, passage.quantile_days(level), "days");
    }
    sheet.fact("never", "never reached", passage.never(), "");
    if !args.within.is_empty() {
        let columns = [Column::new("days", "within days"), Column::new("probability", "likely")];
        let table = sheet.table("within", &columns);
        for days in &args.within {
            table.row([(*days).into(), passage.within(*days).into()]);
        }
    }
    sheet.note("First passage of a random walk with drift: the inverse Gaussian distribution.");
}

fn number(text: &str) -> Result<f64> {
    amount(text).ok_or_else(|| {
        Error::invalid(format!(
            "--growth {text} is no number: give an amount per day, or a percentage, as in 5%"
        ))
    })
}
