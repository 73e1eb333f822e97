//! Columns of text, and the words for dates, amounts and names in them.

use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use crate::model::{Timestamp, Unit};

/// Longer names are cut, so that one name does not widen every line.
const NAME_CHARS_MAX: usize = 28;

/// A table under construction: the first `left` columns are words, the rest numbers.
pub(super) struct Columns {
    table: Table,
    sides: Vec<CellAlignment>,
}

/// A column's heading, and whether it holds words (left) or numbers (right).
pub(super) type Heading<'a> = (&'a str, CellAlignment);

/// A column of words.
pub(super) const fn words(heading: &str) -> Heading<'_> {
    (heading, CellAlignment::Left)
}

/// A column of numbers.
pub(super) const fn numbers(heading: &str) -> Heading<'_> {
    (heading, CellAlignment::Right)
}

impl Columns {
    pub(super) fn new(headings: &[Heading<'_>]) -> Self {
        let mut columns = Self::bare(headings.iter().map(|(_, side)| *side).collect());
        let cell = |(text, side): &Heading<'_>| Cell::new(text).set_alignment(*side);
        columns.table.set_header(headings.iter().map(cell));
        columns
    }

    /// A table without headings: the side on which each column stands.
    pub(super) fn bare(sides: Vec<CellAlignment>) -> Self {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Disabled);
        Self { table, sides }
    }

    pub(super) fn row(&mut self, cells: &[String]) {
        let cells = cells.iter().zip(&self.sides);
        self.table.add_row(cells.map(|(text, side)| Cell::new(text).set_alignment(*side)));
    }

    /// Writes the table; lines carry no trailing space.
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for line in self.table.lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A name of bounded width.
pub(super) fn cut(name: &str) -> String {
    if name.chars().count() <= NAME_CHARS_MAX {
        return name.to_owned();
    }
    let kept: String = name.chars().take(NAME_CHARS_MAX - 1).collect();
    format!("{kept}…")
}

/// An amount with its unit; a dash where there is none.
pub(super) fn amount(unit: Option<&Unit>, value: Option<f64>) -> String {
    match value.filter(|value| !value.is_nan()) {
        Some(value) => crate::capacity::study::show(unit, value),
        None => "-".to_owned(),
    }
}

/// A share as whole percent.
pub(super) fn percent(share: Option<f64>) -> String {
    match share.filter(|share| !share.is_nan()) {
        // The digits of what is so far from any share would fill the line.
        Some(share) if (1e13..f64::INFINITY).contains(&share.abs()) => {
            format!("{:.2e}%", share * 100.0)
        }
        // Adding zero turns -0% into 0%.
        Some(share) => format!("{:.0}%", (share * 100.0).round() + 0.0),
        None => "-".to_owned(),
    }
}

/// A share that was written by hand as percent, with as many digits as it has: 97.5%.
pub(super) fn percent_of(share: f64) -> String {
    format!("{}%", (share * 1e8).round() / 1e6)
}

/// Whether amounts of this unit are shares of something, which do not add up over hosts.
pub(super) fn is_share(unit: Option<&Unit>) -> bool {
    let ratio = "ratio".parse::<Unit>().ok();
    unit.zip(ratio).is_some_and(|(unit, ratio)| unit.factor_to(&ratio).is_some())
}

/// Writes words in lines of at most a hundred columns, each with a space before it.
pub(super) fn prose(text: &str, out: &mut impl Write) -> io::Result<()> {
    let mut width = 0;
    for word in text.split(' ') {
        let length = word.chars().count() + 1;
        if width > 0 && width + length > 100 {
            writeln!(out)?;
            width = 0;
        }
        write!(out, " {word}")?;
        width += length;
    }
    writeln!(out)
}

/// A date without its year where that is the year of `near`.
pub(super) fn short_date(at: Timestamp, near: Timestamp) -> String {
    let (date, near) = (at.date(), near.date());
    match (date.split_once('-'), near.split_once('-')) {
        (Some((year, rest)), Some((near_year, _))) if year == near_year => rest.to_owned(),
        _ => date,
    }
}
