//! Plans in, words and numbers out.
//!
//! In: a [`Plan`](crate::capacity::Plan) and any [`Write`](std::io::Write). Out: a table for
//! people, JSON or CSV for programs. Never: a file, a terminal, a clock, or a number that is not in
//! the plan.
//!
//! Names come from outside: text escapes control characters, so that no label steers a terminal,
//! and CSV defuses what a spreadsheet would run as a formula.

mod csv;
mod json;
mod reclaim;
mod table;
mod text;

pub use csv::csv;
pub use json::{SCHEMA_VERSION, json};
pub use text::{TextOptions, text};

#[cfg(test)]
mod testing;
