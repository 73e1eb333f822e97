//! The page as a whole: its head, its policy, its sections in their order.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::escape::Text;
use super::figure::{self, Figure, Key};
use super::heatmap;
use super::palette::{DARK, LIGHT};
use super::parts::Parts;
use super::table::Table;
use super::{budgets, laws, notes, orders, reclaimed, runs_out, summary, trust, what_if};
use crate::capacity::Plan;

/// What the page does where there is JavaScript: read-outs, zoom, sorting.
pub(super) const SCRIPT: &str = include_str!("script.js");
/// The SHA-256 of [`SCRIPT`] in base 64, by which the page's policy lets it run, and nothing else.
pub(super) const SCRIPT_SHA256: &str = "4X06UmtxxB6YdhtHbQjpyqx0/KQHFTl6PgrfMHgnuBs=";
/// The SHA-256 of [`style`] in base 64.
pub(super) const STYLE_SHA256: &str = "M/7SGu78IHYrwKXDa04MKW/p548PCVVA2Gmnx8pM4l8=";

/// The page under construction.
#[derive(Debug, Default)]
pub(super) struct Body {
    out: String,
    figures: usize,
    sections: Vec<(&'static str, &'static str)>,
}

impl Body {
    /// Begins a section; `id` is what links lead to.
    pub(super) fn section(&mut self, id: &'static str, title: &'static str) {
        let _ = writeln!(self.out, "<h2 id=\"{id}\">{}</h2>", Text(title));
        self.sections.push((id, title));
    }

    /// A heading inside a section.
    pub(super) fn heading(&mut self, title: &str) {
        let _ = writeln!(self.out, "<h3>{}</h3>", Text(title));
    }

    /// A paragraph.
    pub(super) fn say(&mut self, text: &str) {
        let _ = writeln!(self.out, "<p>{}</p>", Text(text));
    }

    /// A paragraph that explains what is above or below.
    pub(super) fn explain(&mut self, text: &str) {
        let _ = writeln!(self.out, "<p class=\"quiet\">{}</p>", Text(text));
    }

    /// A list of sentences.
    pub(super) fn list(&mut self, sentences: &[String]) {
        self.out.push_str("<ul class=\"why\">\n");
        for sentence in sentences {
            let _ = writeln!(self.out, "<li>{}</li>", Text(sentence));
        }
        self.out.push_str("</ul>\n");
    }

    /// A chart over the whole width.
    pub(super) fn figure(&mut self, figure: &Figure) {
        self.figures += 1;
        figure.write(self.figures, &mut self.out);
    }

    /// What the colours of the charts that follow mean.
    pub(super) fn key(&mut self, key: &[Key]) {
        figure::write_key(key, &mut self.out);
    }

    /// Charts beside each other.
    pub(super) fn figures(&mut self, figures: &[Figure]) {
        if figures.is_empty() {
            return;
        }
        self.out.push_str("<div class=\"grid\">\n");
        for figure in figures {
            self.figure(figure);
        }
        self.out.push_str("</div>\n");
    }

    /// A table of the first rows out of `of`, all of which are in the plan as JSON.
    pub(super) fn table(&mut self, table: &Table, of: usize) {
        self.table_of(table, of, "JSON");
    }

    /// The same of the plan's own rows, which are its CSV.
    pub(super) fn table_of_rows(&mut self, table: &Table, of: usize) {
        self.table_of(table, of, "JSON and CSV");
    }

    fn table_of(&mut self, table: &Table, of: usize, formats: &str) {
        table.write(&mut self.out);
        if table.len() > PRINTED_ROWS_MAX {
            let _ = writeln!(
                self.out,
                "<p class=\"quiet printed\">The first {PRINTED_ROWS_MAX} rows are printed.</p>"
            );
        }
        if of > table.len() {
            let more = match of - table.len() {
                1 => "1 more row is".to_owned(),
                left => format!("{left} more rows are"),
            };
            self.explain(&format!("{more} in the plan as {formats}."));
        }
    }
}

/// Rows of a table that are printed on paper; the style sheet has the same number.
const PRINTED_ROWS_MAX: usize = 40;

/// Writes the plan as a page. The same plan gives the same bytes. Sections without data are left
/// out; a plan without [history](Plan::history) has no charts of the past.
///
/// ```
/// use plimsoll::capacity::{Planner, Study, Table};
/// use plimsoll::report::page::{Parts, page};
/// use plimsoll::{Frame, Labels, Span, Timestamp};
///
/// let study = Study::parse(
///     "[study]\nstep = \"1h\"\n\
///      [[resource]]\nname = \"disk\"\nusage = \"disk_used\"\nlimit = 100.0\nunit = \"GB\"\n",
///     "study.toml",
/// )?;
/// let start: Timestamp = "2026-01-01".parse()?;
/// let values: Vec<f64> = (0..24 * 60).map(|hour| 40.0 + f64::from(hour) / 48.0).collect();
/// let host = Labels::from_pairs([("host", "<db-1>")])?;
/// let usage = Frame::new(start, Span::HOUR, values.len(), vec![host], values)?;
/// let mut planner = Planner::new(&study, start.plus(Span::from_days(60)))?.with_history();
/// planner.add(Table { resource: 0, group: None }, &usage, None)?;
///
/// let mut html = Vec::new();
/// page(&planner.finish(), &Parts::default(), &mut html).unwrap();
/// let html = String::from_utf8(html).unwrap();
/// assert!(html.starts_with("<!doctype html>") && html.contains("&lt;db-1&gt;"));
/// assert!(!html.contains("<db-1>") && !html.contains("http-equiv=\"refresh\""));
/// # Ok::<(), plimsoll::Error>(())
/// ```
pub fn page(plan: &Plan, parts: &Parts, out: &mut impl Write) -> io::Result<()> {
    let mut body = Body::default();
    runs_out::section(plan, &mut body);
    orders::section(plan, parts, &mut body);
    reclaimed::section(plan, &mut body);
    what_if::failovers(parts, &mut body);
    budgets::section(plan, &mut body);
    what_if::scenarios(parts, &mut body);
    laws::section(plan, parts, &mut body);
    trust::section(plan, &mut body);
    notes::unsaid(plan, &mut body);
    notes::explained(plan, parts, &mut body);
    let mut page = head(plan);
    summary::write(plan, &mut page);
    page.push_str("<nav aria-label=\"Sections\">");
    for (id, title) in &body.sections {
        let _ = write!(page, "<a href=\"#{id}\">{}</a>", Text(title));
    }
    page.push_str("</nav></header>\n<main>\n");
    out.write_all(page.as_bytes())?;
    out.write_all(body.out.as_bytes())?;
    write!(out, "</main>\n{}<script>{SCRIPT}</script>\n</html>\n", foot())
}

fn head(plan: &Plan) -> String {
    let title = format!("Capacity plan: {}", plan.study);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'sha256-{STYLE_SHA256}'; script-src 'sha256-{SCRIPT_SHA256}'; \
         base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"generator\" content=\"Plimsoll\">\n\
         <title>{}</title>\n<style>{}</style>\n</head>\n<body>\n",
        Text(&title),
        style()
    )
}

fn foot() -> &'static str {
    "<footer>Made by Plimsoll. This file needs no network and asks for nothing. Times are in UTC. \
     How each number is made is in Plimsoll's docs/report.md and docs/method/plan.md.</footer>\n\
     </body>\n"
}

/// The style sheet with the colours of both themes.
pub(super) fn style() -> String {
    let mut heat = String::new();
    for (class, _) in heatmap::KEY {
        let _ = write!(
            heat,
            "svg .{class}{{fill:var(--{class});stroke:none}}.k-{class}{{background:var(--{class})}}"
        );
    }
    include_str!("style.css")
        .replace("/*light*/", &LIGHT.css())
        .replace("/*dark*/", &DARK.css())
        .replace("/*heat*/", &heat)
}

#[cfg(test)]
mod tests {
    use super::super::table::{Cell, words};
    use super::*;

    #[test]
    fn what_a_table_leaves_out_is_where_it_is_said_to_be() {
        let mut table = Table::new(vec![words("host")]);
        table.row(vec![Cell::words("a")]);
        let mut body = Body::default();
        body.table(&table, 3);
        body.table(&table, 2);
        body.table_of_rows(&table, 3);
        body.table_of_rows(&table, 1);
        let said: Vec<&str> =
            body.out.lines().filter(|line| line.starts_with("<p class=\"quiet\">")).collect();
        let wanted = [
            "2 more rows are in the plan as JSON.",
            "1 more row is in the plan as JSON.",
            "2 more rows are in the plan as JSON and CSV.",
        ];
        assert_eq!(said, wanted.map(|said| format!("<p class=\"quiet\">{said}</p>")));
    }
}
