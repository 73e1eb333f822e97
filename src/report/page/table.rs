//! Tables of a page. Closing tags that HTML does not need are left out: data tables are most of a
//! page's bytes.

use std::fmt::Write;

use super::escape::{NAME_CHARS_MAX, Text};
use super::svg::short;
use crate::report::names::cut_apart;

/// No number of a cell has more digits that differ.
const NUMBER_CHARS_MAX: usize = 24;

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cell {
    text: String,
    /// What a number is sorted by; NaN where there is none. `None` for words, which sort as such.
    sort: Option<f64>,
    class: &'static str,
    is_name: bool,
}

impl Cell {
    /// Words.
    pub(super) fn words(text: impl Into<String>) -> Self {
        Self { text: text.into(), sort: None, class: "", is_name: false }
    }

    /// A name, given whole. Where it is long it is cut, and shown whole when the pointer rests on
    /// it.
    pub(super) fn name(text: impl Into<String>) -> Self {
        Self { is_name: true, ..Self::words(text) }
    }

    /// A number as it is shown, and what it is sorted by.
    pub(super) fn number(shown: impl Into<String>, value: f64) -> Self {
        Self { sort: Some(value), ..Self::words(shown) }
    }

    /// The same, sorted by a number that the text alone does not give; by NaN where there is none.
    pub(super) fn sorted_by(self, value: f64) -> Self {
        Self { sort: Some(value), ..self }
    }

    /// In a colour that says something: `bad`, `good` or `quiet`; in lines, where there is too
    /// little room for one: `fold`.
    pub(super) fn class(self, class: &'static str) -> Self {
        Self { class, ..self }
    }
}

/// A row of cells.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Row {
    cells: Vec<Cell>,
    /// Where the row stands on its chart.
    place: Option<f64>,
    /// The cells of a map, two characters each.
    codes: String,
}

/// A table.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    headings: Vec<(String, bool)>,
    rows: Vec<Row>,
    sortable: bool,
}

/// A heading of words, on the left.
pub(super) fn words(heading: &str) -> (String, bool) {
    (heading.to_owned(), false)
}

/// A heading of numbers, on the right.
pub(super) fn numbers(heading: &str) -> (String, bool) {
    (heading.to_owned(), true)
}

impl Table {
    /// Columns, of which the first names the row.
    pub(super) fn new(headings: Vec<(String, bool)>) -> Self {
        Self { headings, rows: Vec::new(), sortable: false }
    }

    /// The same, to be sorted by a click on a heading.
    pub(super) fn sortable(headings: Vec<(String, bool)>) -> Self {
        Self { sortable: true, ..Self::new(headings) }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(Row { cells, ..Row::default() });
    }

    /// Adds a row that belongs to a place of the chart above.
    pub(super) fn row_at(&mut self, place: f64, cells: Vec<Cell>) {
        self.rows.push(Row { cells, place: Some(place), codes: String::new() });
    }

    /// Adds a row of a map, with the codes of its cells.
    pub(super) fn row_of_map(&mut self, place: f64, codes: String, cells: Vec<Cell>) {
        self.rows.push(Row { cells, place: Some(place), codes });
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Writes the table, in a box that scrolls where it is large.
    pub(super) fn write(&self, out: &mut String) {
        let class = if self.sortable { " class=\"sort\"" } else { "" };
        let _ = write!(out, "<div class=\"scroll\" tabindex=\"0\"><table{class}><thead><tr>");
        for (heading, number) in &self.headings {
            let class = if *number { " class=\"n\"" } else { "" };
            let _ = write!(out, "<th scope=\"col\"{class}>{}</th>", Text(heading));
        }
        out.push_str("</tr></thead><tbody>\n");
        let mut names: Vec<_> = (0..self.headings.len()).map(|at| self.names(at)).collect();
        for row in &self.rows {
            self.write_row(row, &mut names, out);
        }
        out.push_str("</tbody></table></div>\n");
    }

    /// The names of a column as they are shown.
    fn names(&self, column: usize) -> std::vec::IntoIter<String> {
        let cells = self.rows.iter().filter_map(|row| row.cells.get(column));
        let names = cells.filter(|cell| cell.is_name).map(|cell| cell.text.as_str());
        cut_apart(names, NAME_CHARS_MAX).into_iter()
    }

    /// Writes a row; `names` are those of it and of the rows below, column by column.
    fn write_row(&self, row: &Row, names: &mut [std::vec::IntoIter<String>], out: &mut String) {
        out.push_str("<tr");
        if let Some(place) = row.place {
            let _ = write!(out, " data-p=\"{}\"", short(place));
        }
        if !row.codes.is_empty() {
            let _ = write!(out, " data-c=\"{}\"", row.codes);
        }
        out.push('>');
        for (at, (cell, heading)) in row.cells.iter().zip(&self.headings).enumerate() {
            out.push_str(if at == 0 { "<th scope=\"row\"" } else { "<td" });
            let side = if heading.1 { "n" } else { "" };
            let class = [side, cell.class].join(" ");
            if !class.trim().is_empty() {
                let _ = write!(out, " class=\"{}\"", class.trim());
            }
            // Words that say that there is nothing have no value either.
            let none = matches!(cell.text.as_str(), "" | "-").then_some(f64::NAN);
            if let Some(value) = cell.sort.or(none).filter(|_| self.sortable) {
                // What is not finite has no value, and stands last.
                let value = if value.is_finite() { short_number(value) } else { String::new() };
                let _ = write!(out, " data-v=\"{value}\"");
            }
            let cut = if cell.is_name { names[at].next() } else { None };
            let shown = cut.as_deref().unwrap_or(&cell.text);
            if shown != cell.text {
                let _ = write!(out, " title=\"{}\"", Text(&cell.text));
            }
            let _ = write!(out, ">{}", Text(shown));
        }
        out.push('\n');
    }
}

/// A number to be sorted by: where it has hundreds of zeros, by its power of ten.
fn short_number(value: f64) -> String {
    let plain = value.to_string();
    if plain.len() > NUMBER_CHARS_MAX { format!("{value:e}") } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_escaped_and_numbers_sort_by_their_value() {
        let mut table = Table::sortable(vec![words("<host>"), numbers("peak")]);
        table.row(vec![Cell::words("\"><script>"), Cell::number("1.5 GB", 1.5e9).class("bad")]);
        table.row(vec![Cell::words("b"), Cell::number("-", f64::NAN)]);
        table.row(vec![Cell::words("-"), Cell::words("")]);
        table.row(vec![Cell::name("c"), Cell::words("200ms").sorted_by(0.2)]);
        let mut out = String::new();
        table.write(&mut out);
        assert!(out.contains("<th scope=\"col\">&lt;host&gt;</th>"), "{out}");
        assert!(out.contains("&quot;&gt;&lt;script&gt;<td"), "{out}");
        assert!(out.contains("<td class=\"n bad\" data-v=\"1500000000\">1.5 GB"), "{out}");
        assert!(out.contains("<td class=\"n\" data-v=\"\">-"), "{out}");
        let none = "<th scope=\"row\" data-v=\"\">-<td class=\"n\" data-v=\"\">\n";
        assert!(out.contains(none), "{out}");
        let both = "<th scope=\"row\">c<td class=\"n\" data-v=\"0.2\">200ms\n";
        assert!(out.contains(both), "{out}");
    }

    #[test]
    fn long_names_are_cut_in_their_middle_and_whole_in_their_title() {
        let node = |at| format!("aks-nodepool1-12345678-vmss00000{at}-with-more-and-more");
        let alike = |at| format!("a-long-name-with-{at}-in-its-middle-and-an-end");
        let mut table = Table::new(vec![words("host")]);
        for name in [node(1), alike(1), alike(2), "\"".repeat(40)] {
            table.row(vec![Cell::name(name)]);
        }
        let mut out = String::new();
        table.write(&mut out);
        let cut = "aks-nodepool1-123…with-more-and-more";
        assert!(out.contains(&format!(" title=\"{}\">{cut}\n", node(1))), "{out}");
        for name in [alike(1), alike(2)] {
            assert!(out.contains(&format!("<th scope=\"row\">{name}\n")), "{out}");
        }
        assert!(out.contains(&format!(" title=\"{}\">", "&quot;".repeat(40))), "{out}");
    }

    #[test]
    fn no_number_is_written_in_hundreds_of_digits() {
        for value in [f64::MIN, f64::MAX, f64::MIN_POSITIVE, 1e300, -1.234e-200] {
            assert!(short_number(value).len() <= NUMBER_CHARS_MAX, "{value:e}");
            assert_eq!(short_number(value).parse(), Ok(value));
        }
        assert_eq!(short_number(-448.25), "-448.25");
    }

    #[test]
    fn rows_of_charts_carry_their_place() {
        let mut table = Table::new(vec![words("day"), numbers("peak")]);
        table.row_at(12.345, vec![Cell::words("a"), Cell::number("1", 1.0)]);
        let mut out = String::new();
        table.write(&mut out);
        assert!(out.contains("<tr data-p=\"12.3\"><th scope=\"row\">a<td class=\"n\">1"), "{out}");
    }
}
