//! Plans and query results in, words and numbers out.
//!
//! In: a [`Plan`](crate::capacity::Plan) or [`Frame`](crate::Frame)s, and any
//! [`Write`](std::io::Write). Out: a table for people, JSON or CSV for programs. Never: a file, a
//! terminal, a clock, or a number that is not in the plan.
//!
//! Names come from outside: text escapes control characters, so that no label steers a terminal,
//! and CSV defuses what a spreadsheet would run as a formula.

mod budgets;
mod changes;
mod csv;
mod decompositions;
mod design;
mod explain;
mod explain_pools;
mod explain_reclaim;
mod explain_scenarios;
mod explain_totals;
mod forecasts;
mod frames;
mod json;
mod kept;
mod laws;
mod laws_json;
pub mod page;
mod plan_scores;
mod pools;
mod pools_json;
mod reclaim;
mod scores;
mod sheet;
mod table;
mod text;
mod zombies;
mod zombies_json;

use std::borrow::Cow;

use crate::model::Unit;

pub use changes::{ChangesFor, changes_sheet};
pub use csv::csv;
pub use decompositions::{SeriesParts, parts_csv, parts_json, parts_text};
pub use explain::{Explanation, explain, names_like};
pub use forecasts::{CountsFrom, SeriesForecast, forecasts_csv, forecasts_json, forecasts_text};
pub use frames::{FramesError, write_csv, write_json, write_table};
pub use json::{SCHEMA_VERSION, json};
pub use kept::read_plan;
pub use plan_scores::plan_scores_sheet;
pub use scores::{exhaustion_scores_text, scores_text};
pub use sheet::{Column, Sheet, SheetTable, Value};
pub use text::{TextOptions, text};

#[cfg(test)]
mod testing;

/// Sizes that four digits behind the point tell, and that a line has room for.
const PLAIN_SIZES: std::ops::Range<f64> = 1e-4..1e15;

/// A value in its unit; without one, with four digits behind the point, or behind the first where
/// it is very small or large.
fn shown(value: f64, unit: Option<&Unit>) -> String {
    match unit {
        Some(unit) => unit.show(value),
        None if value == 0.0 || PLAIN_SIZES.contains(&value.abs()) => format!("{value:.4}"),
        None => format!("{value:.4e}"),
    }
}

/// Text without characters that steer a terminal.
fn visible(text: &str) -> String {
    let one = |c: char| {
        let (plain, escaped) =
            if c.is_control() { (None, Some(c.escape_debug())) } else { (Some(c), None) };
        plain.into_iter().chain(escaped.into_iter().flatten())
    };
    text.chars().flat_map(one).collect()
}

/// A cell for a spreadsheet: text that would run as a formula (OWASP, CSV injection) is preceded by
/// an apostrophe, since labels come from anywhere.
fn defused(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        return Cow::Owned(format!("'{text}"));
    }
    Cow::Borrowed(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_without_a_unit_are_short_whatever_their_size() {
        let found =
            [0.0, 1e-4, 1234.5, -9.9e14, 4.9e-5, 1e300, f64::NAN].map(|value| shown(value, None));
        let expected = [
            "0.0000",
            "0.0001",
            "1234.5000",
            "-990000000000000.0000",
            "4.9000e-5",
            "1.0000e300",
            "NaN",
        ];
        assert_eq!(found, expected);
    }
}
