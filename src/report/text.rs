//! The plan for people: about a hundred columns, the worst first.

use std::io::{self, Write};

use super::names::{TABLE_CHARS_MAX, cut_apart};
use super::table::{Columns, amount, named, numbers, percent, scaled_error, short_date, words};
use super::{budgets, design, laws, pools, reclaim, visible};
use crate::capacity::{Forecast, MODEL, Outcome, Plan, PlanRow, TablePlan};
use crate::model::{Span, Timestamp};

/// How much of the plan is printed.
#[derive(Debug, Clone, Copy)]
pub struct TextOptions {
    /// At most so many rows of each table; `None` for all.
    pub rows: Option<usize>,
}

impl Default for TextOptions {
    /// What fits a screen or two.
    fn default() -> Self {
        Self { rows: Some(20) }
    }
}

impl TextOptions {
    /// Rows of a smaller table: a half, or a quarter, of the first one's.
    pub(super) fn part(self, of: usize) -> usize {
        self.rows.map_or(usize::MAX, |rows| rows.div_ceil(of))
    }
}

/// Writes the plan as text.
pub fn text(plan: &Plan, options: TextOptions, out: &mut impl Write) -> io::Result<()> {
    head(plan, out)?;
    writeln!(out, "\nWHAT RUNS OUT, worst first")?;
    table(plan, &plan.hosts, options, out)?;
    legend(plan, out)?;
    for group in &plan.groups {
        let name = group.name.escape_debug();
        writeln!(out, "\nWHAT RUNS OUT BY {}, hosts added up", name.to_string().to_uppercase())?;
        table(plan, group, options, out)?;
    }
    pools::orders(plan, options, out)?;
    reclaim::idle(plan, options, out)?;
    reclaim::overprovisioned(plan, options, out)?;
    pools::leaves(plan, options, out)?;
    design::text(plan, options, out)?;
    pools::failures(plan, options, out)?;
    budgets::text(plan, options, out)?;
    pools::scenarios(plan, options, out)?;
    laws::text(plan, options, out)?;
    notes(plan, options, out)
}

fn head(plan: &Plan, out: &mut impl Write) -> io::Result<()> {
    let as_of = plan.as_of.floor(Span::SECOND);
    writeln!(out, "Capacity plan {:?} as of {as_of}", plan.study)?;
    writeln!(
        out,
        "{:.0} days of data since {}, in steps of {}; dates up to {} ahead, lead time {}",
        plan.window.span().days(),
        plan.window.start.date(),
        plan.step,
        plan.horizon,
        plan.lead_time,
    )?;
    let s = &plan.summary;
    writeln!(out, "\n{} hosts, {} rows (one for each host and resource):", s.hosts, s.rows)?;
    let rate = plan.false_discovery_rate * 100.0;
    for (count, what) in [
        (s.already, "full already".to_owned()),
        (s.within_horizon, format!("full within {}, more likely than not", plan.horizon)),
        (s.beyond_horizon, format!("growing, likely to last {}", plan.horizon)),
        (s.no_trend, format!("no significant trend (of the dates, {rate}% may be chance)")),
        (s.never, "shrinking".to_owned()),
        (s.not_enough_data, "not enough data (why: see the end)".to_owned()),
        (s.order_overdue, "of all these, to be ordered now".to_owned()),
    ] {
        if count > 0 {
            writeln!(out, "{count:>6}  {what}")?;
        }
    }
    Ok(())
}

fn table(
    plan: &Plan,
    table: &TablePlan,
    options: TextOptions,
    out: &mut impl Write,
) -> io::Result<()> {
    if table.rows.is_empty() {
        return writeln!(out, " (no rows: no series of any usage was selected)");
    }
    let name = table.name.escape_debug().to_string().to_uppercase();
    let mut columns = Columns::new(&[
        named(&name),
        named("RESOURCE"),
        numbers("NOW"),
        numbers("PEAK"),
        words("ON"),
        numbers("LIMIT"),
        numbers("HEADROOM"),
        words("FULL ON: P10 / P50 / P90"),
        words("ORDER BY"),
        numbers("MASE"),
    ]);
    let shown = options.rows.unwrap_or(usize::MAX).min(table.rows.len());
    for row in &table.rows[..shown] {
        columns.row(&cells(plan, table, row));
    }
    columns.write(out)?;
    more(table.rows.len() - shown, "rows", out)
}

fn cells(plan: &Plan, table: &TablePlan, row: &PlanRow) -> [String; 10] {
    let unit = row.unit.as_ref();
    let (full, order) = words_of(plan, row);
    let mase = match (&row.outcome, row.backtest) {
        // The error of a forecast that is not made has no place beside it.
        (Outcome::Within(_) | Outcome::Already { .. }, Some(backtest)) => {
            scaled_error(backtest.mase)
        }
        _ => "-".to_owned(),
    };
    [
        row.name(&table.by),
        row.resource.clone(),
        amount(unit, Some(row.used_now)),
        amount(unit, row.peak.map(|peak| peak.value)),
        row.peak.map_or_else(String::new, |peak| short_date(peak.at, plan.as_of)),
        amount(unit, row.limit),
        percent(row.headroom_share()),
        full,
        order,
        mase,
    ]
}

/// When it is full, and when to order, in words.
pub(super) fn words_of(plan: &Plan, row: &PlanRow) -> (String, String) {
    match &row.outcome {
        Outcome::Already { since } => {
            let before = row.first_seen.is_some_and(|first| first.floor(Span::DAY) >= *since);
            let before = if before { " or before" } else { "" };
            (format!("already since {}{before}", since.date()), "now".to_owned())
        }
        Outcome::Within(forecast) => {
            let order = match forecast.order_by {
                Some(day) if day <= plan.as_of => "now".to_owned(),
                Some(day) => day.date(),
                None => String::new(),
            };
            (dates(forecast, plan), order)
        }
        Outcome::Never => ("never: it shrinks".to_owned(), String::new()),
        Outcome::NoTrend => ("no significant trend".to_owned(), String::new()),
        Outcome::NotEnoughData { .. } => ("not enough data".to_owned(), String::new()),
    }
}

/// `2026-04-03 / 04-11 / 04-24`; what lies beyond the horizon is `>90d`.
fn dates(forecast: &Forecast, plan: &Plan) -> String {
    let mut near = Timestamp::MIN;
    let mut shown = |date: Option<Timestamp>| match date {
        Some(date) => {
            let text = short_date(date, near);
            near = date;
            text
        }
        None => format!(">{}", plan.horizon),
    };
    let dates = [shown(forecast.p10), shown(forecast.p50), shown(forecast.p90)];
    dates.join(" / ")
}

fn legend(plan: &Plan, out: &mut impl Write) -> io::Result<()> {
    let (step, lead) = (plan.step, plan.lead_time);
    writeln!(
        out,
        " NOW: mean of the last hour. PEAK: the highest mean of {step}, and its day.\n \
         HEADROOM: the limit less the safety margin less the peak, as a share of the limit.\n \
         FULL ON: full by that day with 10, 50 and 90% probability. ORDER BY: P10 less {lead}.\n \
         MASE: error of the {MODEL} on the row's own past; below 1 beats \"as it is now\",\n \
         well above 1 the dates are doubtful."
    )
}

fn notes(plan: &Plan, options: TextOptions, out: &mut impl Write) -> io::Result<()> {
    if plan.notes.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nWHAT COULD NOT BE SAID")?;
    let shown = options.part(2).min(plan.notes.len());
    for note in &plan.notes[..shown] {
        let names = cut_apart(note.examples.iter().map(String::as_str), TABLE_CHARS_MAX);
        let dots = if note.hosts > names.len() { "; ..." } else { "" };
        let what = visible(&note.what);
        writeln!(out, "{:>6}  {what} ({}{dots})", note.count, names.join("; "))?;
    }
    more(plan.notes.len() - shown, "reasons", out)
}

pub(super) fn more(left: usize, what: &str, out: &mut impl Write) -> io::Result<()> {
    if left == 0 {
        return Ok(());
    }
    writeln!(out, " ... and {left} more {what} (use --all)")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check_golden, written};
    use super::*;
    use crate::capacity::testing;

    #[test]
    fn golden() {
        check_golden("plan.txt", &written(|plan, out| text(plan, TextOptions::default(), out)));
    }

    #[test]
    fn few_rows_say_how_many_are_left() {
        let out = written(|plan, out| text(plan, TextOptions { rows: Some(2) }, out));
        assert!(out.contains(" ... and 5 more rows (use --all)"), "{out}");
        let all = written(|plan, out| text(plan, TextOptions { rows: None }, out));
        assert!(!all.contains("--all"));
    }

    #[test]
    fn no_name_steers_the_terminal() {
        let out = written(|plan, out| text(plan, TextOptions { rows: None }, out));
        assert!(out.chars().all(|c| c == '\n' || !c.is_control()), "{out:?}");
        assert!(out.contains("\\u{1b}[31mred\\nline"), "{out}");
    }

    #[test]
    fn a_fleet_fits_a_screen() {
        let plan = testing::plan(7, |_| ());
        let mut out = Vec::new();
        text(&plan, TextOptions::default(), &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        println!("{out}");
        let widest = out.lines().max_by_key(|line| line.chars().count()).unwrap();
        assert!(widest.chars().count() <= 120, "{widest}");
    }
}
