//! Plans and query results in, words and numbers out.
//!
//! In: a [`Plan`](crate::capacity::Plan) or [`Frame`](crate::Frame)s, and any
//! [`Write`](std::io::Write). Out: a table for people, JSON or CSV for programs. Never: a file, a
//! terminal, a clock, or a number that is not in the plan.
//!
//! Names come from outside: text and CSV escape control characters and those that turn the reading
//! direction or are not seen, so that no label steers a terminal or looks like another, and CSV
//! defuses what a spreadsheet would run as a formula.

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
mod names;
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

/// Text without characters that steer a terminal, turn the reading direction, or are not seen.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let one = |c: char| {
        let (plain, escaped) =
            if steers(c) { (None, Some(c.escape_debug())) } else { (Some(c), None) };
        plain.into_iter().chain(escaped.into_iter().flatten())
    };
    Cow::Owned(text.chars().flat_map(one).collect())
}

/// Whether a character acts instead of being seen.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Soft hyphen, Arabic letter mark, Mongolian vowel separator.
            '\u{ad}' | '\u{61c}' | '\u{180e}'
            // No width, and marks of direction.
            | '\u{200b}'..='\u{200f}'
            // Separators of lines and paragraphs, embeddings and overrides.
            | '\u{2028}'..='\u{202e}'
            // Joiners, invisible operators, isolates.
            | '\u{2060}'..='\u{206f}'
            // Byte order mark, annotations, what replaces and what is no character.
            | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
            // Tags, with which whole texts are hidden.
            | '\u{e0000}'..='\u{e0fff}')
}

/// A cell for a spreadsheet: [`visible`], and text that would run as a formula (OWASP, CSV
/// injection) is preceded by an apostrophe, since labels come from anywhere.
fn defused(text: &str) -> Cow<'_, str> {
    let shown = visible(text);
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        return Cow::Owned(format!("'{shown}"));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_steers_a_terminal_or_turns_its_text() {
        let found = ["w\u{1b}[31m", "a\u{202e}b", "\ttab", "caf\u{e9}", "e\u{301}"];
        let shown = ["w\\u{1b}[31m", "a\\u{202e}b", "\\ttab", "caf\u{e9}", "e\u{301}"];
        assert_eq!(found.map(visible), shown);
        assert_eq!(found.map(defused)[1..3], ["a\\u{202e}b", "'\\ttab"]);
        assert_eq!(defused("=1\u{1b}"), "'=1\\u{1b}");
    }

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
