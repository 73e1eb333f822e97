//! Results in words and numbers. In: frames and plans. Out: text, CSV and JSON, written to any
//! `io::Write`. Never: a store, a clock, or a number that the plan does not hold.

mod frames;

use std::borrow::Cow;

pub use frames::{FramesError, write_csv, write_json, write_table};

/// A cell for a spreadsheet: text that would start a formula is quoted, since labels come from
/// anywhere.
fn guarded_cell(text: &str) -> Cow<'_, str> {
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => Cow::Owned(format!("'{text}")),
        _ => Cow::Borrowed(text),
    }
}
