//! Columns of text, and the words for dates, amounts and names in them.

use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use super::names::{TABLE_CHARS_MAX, cut_apart};
use crate::model::{Timestamp, Unit};

/// A table under construction.
pub(super) struct Columns {
    table: Table,
    kinds: Vec<Kind>,
    rows: Vec<Vec<String>>,
}

/// What a column holds, and how it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// On the left.
    Words,
    /// On the left, and cut where they are long; they are given whole.
    Names,
    /// On the right.
    Numbers,
}

impl Kind {
    fn side(self) -> CellAlignment {
        match self {
            Self::Words | Self::Names => CellAlignment::Left,
            Self::Numbers => CellAlignment::Right,
        }
    }
}

/// A column's heading, and what it holds.
pub(super) type Heading<'a> = (&'a str, Kind);

/// A column of words.
pub(super) const fn words(heading: &str) -> Heading<'_> {
    (heading, Kind::Words)
}

/// A column of names.
pub(super) const fn named(heading: &str) -> Heading<'_> {
    (heading, Kind::Names)
}

/// A column of numbers.
pub(super) const fn numbers(heading: &str) -> Heading<'_> {
    (heading, Kind::Numbers)
}

impl Columns {
    pub(super) fn new(headings: &[Heading<'_>]) -> Self {
        let mut columns = Self::bare(headings.iter().map(|(_, kind)| *kind).collect());
        let cell = |(text, kind): &Heading<'_>| Cell::new(text).set_alignment(kind.side());
        columns.table.set_header(headings.iter().map(cell));
        columns
    }

    /// A table without headings.
    pub(super) fn bare(kinds: Vec<Kind>) -> Self {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Disabled);
        Self { table, kinds, rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: &[String]) {
        self.rows.push(cells.to_vec());
    }

    /// Writes the table; lines carry no trailing space.
    pub(super) fn write(mut self, out: &mut impl Write) -> io::Result<()> {
        for (at, _) in self.kinds.iter().enumerate().filter(|(_, kind)| **kind == Kind::Names) {
            let all = self.rows.iter().filter_map(|row| row.get(at)).map(String::as_str);
            let shown = cut_apart(all, TABLE_CHARS_MAX);
            let cells = self.rows.iter_mut().filter_map(|row| row.get_mut(at));
            cells.zip(shown).for_each(|(cell, shown)| *cell = shown);
        }
        for row in &self.rows {
            let cells = row.iter().zip(&self.kinds);
            let cell = |(text, kind): (&String, &Kind)| Cell::new(text).set_alignment(kind.side());
            self.table.add_row(cells.map(cell));
        }
        for line in self.table.lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
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

/// A MASE; where what never moved has moved, it has no end.
pub(super) fn scaled_error(mase: f64) -> String {
    if mase.is_finite() { format!("{mase:.2}") } else { "inf".to_owned() }
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
