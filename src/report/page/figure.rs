//! What every chart has around its marks: a caption, words for those who do not see it, axes, and
//! the table of its data.

use std::fmt::Write;

use super::escape::Text;
use super::scale::{Days, Linear};
use super::svg::{Anchor, Marks, short};
use super::table::Table;
use crate::report::names::cut_to;

/// Amounts beside an axis have room for so many characters.
const TICK_CHARS_MAX: usize = 10;

/// How a place on a chart is read out, where there is a pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// The row of the table that is nearest from left to right.
    Across,
    /// ... from top to bottom.
    Down,
    /// The cell of a map.
    Cells,
}

/// A chart with all that belongs to it.
#[derive(Debug)]
pub(super) struct Figure {
    pub(super) title: String,
    pub(super) subtitle: String,
    /// What is seen, for those who do not see it.
    pub(super) description: String,
    pub(super) key: Vec<Key>,
    pub(super) size: (f64, f64),
    pub(super) marks: String,
    pub(super) reading: Reading,
    pub(super) table: Table,
}

/// An entry of a key: the class of its colour, and its words.
pub(super) type Key = (&'static str, &'static str);

impl Figure {
    /// Writes the chart; `number` tells it from the others of the page.
    pub(super) fn write(&self, number: usize, out: &mut String) {
        let reading = match self.reading {
            Reading::Across => "x",
            Reading::Down => "y",
            Reading::Cells => "cells",
        };
        let _ = write!(
            out,
            "<figure data-read=\"{reading}\"><figcaption><b>{}</b><span>{}</span></figcaption>",
            Text(&self.title),
            Text(&self.subtitle)
        );
        write_key(&self.key, out);
        let tall = self.reading == Reading::Cells;
        if tall {
            out.push_str("<div class=\"tall\" tabindex=\"0\">");
        }
        let (width, height) = (short(self.size.0), short(self.size.1));
        let _ = write!(
            out,
            "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"t{number}\" \
             aria-describedby=\"d{number}\"><title id=\"t{number}\">{}</title>\
             <desc id=\"d{number}\">{}</desc>{}</svg>",
            Text(&self.title),
            Text(&self.description),
            self.marks
        );
        if tall {
            out.push_str("</div>");
        }
        let rows = self.table.len();
        let rows = if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
        let _ = write!(out, "<details><summary>Data, {rows}</summary>");
        self.table.write(out);
        out.push_str("</details></figure>\n");
    }
}

/// Writes what colours mean; nothing where there is nothing to say.
pub(super) fn write_key(key: &[Key], out: &mut String) {
    if key.is_empty() {
        return;
    }
    out.push_str("<div class=\"key\">");
    for (class, words) in key {
        let _ = write!(out, "<span><i class=\"k-{class}\"></i>{}</span>", Text(words));
    }
    out.push_str("</div>\n");
}

/// The rectangle of a chart in which its marks stand. Their places count from its upper left
/// corner.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Frame {
    /// Puts marks into the frame, cut off at its edges. What lies on a time axis can be stretched;
    /// then `view` is the width in which the places of the marks count.
    pub(super) fn plot(&self, marks: &str, days: Option<&Days>) -> String {
        self.plot_in(self.width, marks, days)
    }

    /// The same, for marks whose places go up to another width.
    pub(super) fn plot_in(&self, view: f64, marks: &str, days: Option<&Days>) -> String {
        let [left, top, width, height] = [self.left, self.top, self.width, self.height].map(short);
        let days = days.map_or_else(String::new, |days| {
            let (from, to) = days.ends();
            format!(" data-days=\"{from:.3} {to:.3}\"")
        });
        let view = short(view);
        format!(
            "<svg class=\"plot\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {view} {height}\" preserveAspectRatio=\"none\"{days}>{marks}</svg>"
        )
    }

    /// Lines across, with their amounts on the left.
    pub(super) fn amounts(
        &self,
        marks: &mut Marks,
        axis: &Linear,
        ticks: usize,
        shown: impl Fn(f64) -> String,
    ) {
        let ticks = axis.ticks(ticks);
        let mut texts: Vec<String> = ticks.iter().map(|tick| shown(*tick)).collect();
        // A long unit stands over the axis once.
        if texts.iter().any(|text| text.chars().count() > TICK_CHARS_MAX) {
            let unit = texts.last().and_then(|text| text.split_once(' ')).map(|(_, unit)| unit);
            let unit = unit.unwrap_or_default().to_owned();
            let at = (self.left - 8.0, self.top - 4.0);
            marks.text("", at, Anchor::End, &cut_to(&unit, 2 * TICK_CHARS_MAX));
            let alone = |text: &String| text.split(' ').next().unwrap_or_default().to_owned();
            texts = texts.iter().map(alone).collect();
        }
        let mut grid = String::new();
        for tick in &ticks {
            let y = short(self.top + axis.place(*tick));
            let _ = write!(grid, "M{} {y}h{}", short(self.left), short(self.width));
        }
        marks.path("grid-line", &grid);
        for (tick, text) in ticks.into_iter().zip(texts) {
            let at = (self.left - 8.0, self.top + axis.place(tick) + 4.0);
            marks.text("", at, Anchor::End, &first_digits(&text));
        }
    }

    /// Lines down, with the amounts below.
    pub(super) fn amounts_across(
        &self,
        marks: &mut Marks,
        axis: &Linear,
        ticks: usize,
        shown: impl Fn(f64) -> String,
    ) {
        for tick in axis.ticks(ticks) {
            let x = self.left + axis.place(tick);
            let bottom = self.top + self.height;
            marks.line("grid-line", (x, self.top), (x, bottom));
            marks.text("", (x, bottom + 16.0), Anchor::Middle, &shown(tick));
        }
    }

    /// Lines down at days, with the days below.
    pub(super) fn days(&self, marks: &mut Marks, axis: &Days) {
        let most = (self.width / 72.0).max(1.0) as usize;
        let [left, top, width, height] = [self.left, self.top, self.width, self.height].map(short);
        let mut group = format!(
            "<g class=\"days\" transform=\"translate({left} {top})\" data-w=\"{width}\" \
             data-h=\"{height}\">"
        );
        for tick in axis.ticks(most) {
            let (x, y) = (short(axis.place_of(tick.day)), short(self.height + 16.0));
            let _ = write!(
                group,
                "<g transform=\"translate({x} 0)\"><path d=\"M0 0v{height}\"/>\
                 <text class=\"m\" y=\"{y}\">{}</text></g>",
                tick.text
            );
        }
        group.push_str("</g>");
        marks.add(&group);
    }
}

/// An amount that has room beside an axis. Of a longer one the first digits tell its size: it is
/// not cut in its middle, as a name is.
fn first_digits(amount: &str) -> String {
    match amount.char_indices().nth(TICK_CHARS_MAX) {
        None => amount.to_owned(),
        Some(_) => amount.chars().take(TICK_CHARS_MAX - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_amounts_keep_their_first_digits() {
        assert_eq!(first_digits("1234567890"), "1234567890");
        assert_eq!(first_digits("12345678901 B"), "123456789…");
    }
}
