//! The plan as CSV: one line per row, hosts first.

use std::io::{self, Write};

use super::defused;
use crate::capacity::{Outcome, Plan, PlanRow, TablePlan};
use crate::model::Timestamp;

/// The columns, in their order; new ones are added at the end only.
const COLUMNS: [&str; 33] = [
    "table",
    "name",
    "labels",
    "resource",
    "unit",
    "used_now",
    "last_seen",
    "peak",
    "peak_at",
    "peak_7_days",
    "limit",
    "line",
    "headroom",
    "headroom_share",
    "outcome",
    "why",
    "full_since",
    "full_p10",
    "full_p50",
    "full_p90",
    "order_by",
    "within_7_days",
    "within_30_days",
    "within_90_days",
    "never",
    "slope_per_day",
    "p_value",
    "backtest_mase",
    "backtest_coverage",
    "days",
    "reached_within_7_days",
    "reached_within_30_days",
    "reached_within_90_days",
];

/// Writes one line per row. Amounts are in the unit of the line, dates are days in UTC. A text that
/// a spreadsheet would run as a formula is preceded by an apostrophe.
pub fn csv(plan: &Plan, out: &mut impl Write) -> io::Result<()> {
    let mut writer = ::csv::Writer::from_writer(out);
    writer.write_record(COLUMNS).map_err(io::Error::from)?;
    for table in std::iter::once(&plan.hosts).chain(&plan.groups) {
        for row in &table.rows {
            writer.write_record(cells(table, row, plan.as_of)).map_err(io::Error::from)?;
        }
    }
    writer.flush()
}

fn cells(table: &TablePlan, row: &PlanRow, as_of: Timestamp) -> [String; 33] {
    let (outcome, why) = match &row.outcome {
        Outcome::NotEnoughData { what } => (row.outcome.word(), what.as_str()),
        _ => (row.outcome.word(), ""),
    };
    let since = match row.outcome {
        Outcome::Already { since } => Some(since),
        _ => None,
    };
    let forecast = match row.outcome {
        Outcome::Within(forecast) => Some(forecast),
        _ => None,
    };
    [
        defused(&table.name).into_owned(),
        defused(&row.name(&table.by)).into_owned(),
        defused(&row.labels.to_string()).into_owned(),
        defused(&row.resource).into_owned(),
        defused(row.unit.as_ref().map_or("", |unit| unit.as_str())).into_owned(),
        number(Some(row.used_now)),
        row.last_seen.map_or_else(String::new, |at| at.to_string()),
        number(row.peak.map(|peak| peak.value)),
        row.peak.map_or_else(String::new, |peak| peak.at.to_string()),
        number(row.peak_7_days.map(|peak| peak.value)),
        number(row.limit),
        number(row.line),
        number(row.headroom()),
        number(row.headroom_share()),
        outcome.to_owned(),
        defused(why).into_owned(),
        date(since),
        date(forecast.and_then(|f| f.p10)),
        date(forecast.and_then(|f| f.p50)),
        date(forecast.and_then(|f| f.p90)),
        date(row.order_by(as_of)),
        number(forecast.map(|f| f.within_7_days)),
        number(forecast.map(|f| f.within_30_days)),
        number(forecast.map(|f| f.within_90_days)),
        number(forecast.map(|f| f.never)),
        number(row.slope_per_day),
        number(row.p_value),
        number(row.backtest.map(|b| b.mase)),
        number(row.backtest.map(|b| b.coverage)),
        row.days.to_string(),
        number(row.probabilities.map(|p| p.within_7)),
        number(row.probabilities.map(|p| p.within_30)),
        number(row.probabilities.map(|p| p.within_90)),
    ]
}

fn number(value: Option<f64>) -> String {
    match value.filter(|value| value.is_finite()) {
        // A p-value of 1e-40 written out would be a row of zeros.
        Some(small) if small != 0.0 && small.abs() < 1e-5 => format!("{small:e}"),
        Some(value) => value.to_string(),
        None => String::new(),
    }
}

fn date(day: Option<Timestamp>) -> String {
    day.map_or_else(String::new, Timestamp::date)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check_golden, written};
    use super::*;

    #[test]
    fn golden() {
        check_golden("plan.csv", &written(csv));
    }

    #[test]
    fn what_is_full_is_to_be_ordered_on_the_day_of_the_plan() {
        let text = written(csv);
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        let at = |column| COLUMNS.iter().position(|name| *name == column).unwrap();
        let by: Vec<(String, String)> = reader
            .records()
            .map(|record| record.unwrap())
            .map(|record| (record[at("outcome")].to_owned(), record[at("order_by")].to_owned()))
            .collect();
        assert_eq!(by[0], ("already".to_owned(), "2026-01-01".to_owned()));
        assert_eq!(by[1], ("within".to_owned(), "2025-12-11".to_owned()));
        assert_eq!(by[4], ("no_trend".to_owned(), String::new()));
    }

    #[test]
    fn no_cell_is_a_formula_and_every_line_is_whole() {
        let text = written(csv);
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        let mut names = Vec::new();
        for record in reader.records() {
            let record = record.unwrap();
            assert_eq!(record.len(), COLUMNS.len());
            for (cell, column) in record.iter().zip(COLUMNS) {
                let number = cell.parse::<f64>().is_ok();
                assert!(number || !cell.starts_with(['=', '+', '-', '@']), "{column}: {cell}");
                assert!(!cell.chars().any(char::is_control), "{column}: {cell:?}");
            }
            names.push(record[1].to_owned());
        }
        assert_eq!(names[2], "'=cmd|' /C calc'!A0");
        assert_eq!(names.len(), 8);
    }
}
