//! One line into cells, without copying.

use std::ops::Range;

use crate::ingest::report::{Reason, Refusal};

/// The places of the cells of a line; kept between lines for its memory.
#[derive(Debug, Default)]
pub(super) struct Cells(Vec<Range<usize>>);

/// A line with its cells.
#[derive(Debug)]
pub(super) struct Row<'a> {
    line: &'a [u8],
    cells: &'a [Range<usize>],
}

impl Cells {
    /// Splits at the delimiter. A cell that begins with a double quote ends at the next single one,
    /// where `""` stands for a quote. Quotes inside an unquoted cell are plain characters. A quoted
    /// cell ends on its own line, so that one stray quote does not swallow the rest of a file.
    pub(super) fn split<'a>(
        &'a mut self,
        line: &'a mut [u8],
        delimiter: u8,
    ) -> Result<Row<'a>, Refusal> {
        self.0.clear();
        if line.contains(&b'"') {
            self.split_quoted(line, delimiter)?;
        } else {
            let mut start = 0;
            for (at, byte) in line.iter().enumerate() {
                if *byte == delimiter {
                    self.0.push(start..at);
                    start = at + 1;
                }
            }
            self.0.push(start..line.len());
        }
        Ok(Row { line, cells: &self.0 })
    }

    fn split_quoted(&mut self, line: &mut [u8], delimiter: u8) -> Result<(), Refusal> {
        let mut start = 0;
        loop {
            let rest = line.get(start..).unwrap_or(&[]);
            let blank = |b: &u8| b.is_ascii_whitespace() && *b != delimiter;
            let lead = rest.iter().take_while(|b| blank(b)).count();
            let mut end = start;
            if rest.get(lead) == Some(&b'"') {
                let content = unquote(line, start + lead + 1)?;
                end = content.1;
                let behind = line.get(end..).unwrap_or(&[]);
                end += behind.iter().take_while(|b| blank(b)).count();
                if line.get(end).is_some_and(|b| *b != delimiter) {
                    return Err(Refusal::new(
                        Reason::Quotes,
                        "text follows a closing quote; write a quote inside a quoted cell twice",
                    ));
                }
                self.0.push(content.0);
            } else {
                end += rest.iter().position(|b| *b == delimiter).unwrap_or(rest.len());
                self.0.push(start..end);
            }
            if end >= line.len() {
                return Ok(());
            }
            start = end + 1;
        }
    }
}

/// The content of a quoted cell that begins at `start`, its doubled quotes made single in place,
/// and where the line goes on behind the closing quote.
fn unquote(line: &mut [u8], start: usize) -> Result<(Range<usize>, usize), Refusal> {
    let (mut from, mut to) = (start, start);
    while let Some(byte) = line.get(from).copied() {
        if byte == b'"' {
            if line.get(from + 1) != Some(&b'"') {
                return Ok((start..to, from + 1));
            }
            from += 1;
        }
        if let Some(place) = line.get_mut(to) {
            *place = byte;
        }
        (from, to) = (from + 1, to + 1);
    }
    Err(Refusal::new(Reason::Quotes, "a quote does not close on its line; close or remove it"))
}

impl Row<'_> {
    /// How many cells there are; at least one.
    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }

    /// A cell without blanks around it; empty where there is no such cell.
    pub(super) fn cell(&self, at: usize) -> &[u8] {
        let cell = self.cells.get(at).and_then(|range| self.line.get(range.clone()));
        cell.unwrap_or(&[]).trim_ascii()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(text: &str, delimiter: u8) -> Result<Vec<String>, Refusal> {
        let (mut line, mut cells) = (text.as_bytes().to_vec(), Cells::default());
        let row = cells.split(&mut line, delimiter)?;
        Ok((0..row.len()).map(|at| String::from_utf8_lossy(row.cell(at)).into_owned()).collect())
    }

    #[test]
    fn quotes_and_blanks() {
        for (text, delimiter, expected) in [
            ("a;\tb ;c", b';', vec!["a", "b", "c"]),
            ("", b',', vec![""]),
            ("a,,", b',', vec!["a", "", ""]),
            (r#""a,b", "c""d" ,e"f"#, b',', vec!["a,b", "c\"d", "e\"f"]),
            (r#""""","""#, b',', vec!["\"", ""]),
            ("\"a\"\t\"b\"\t\t", b'\t', vec!["a", "b", "", ""]),
            (r#""é","""""#, b',', vec!["é", "\""]),
        ] {
            assert_eq!(split(text, delimiter).unwrap(), expected, "{text}");
        }
        for text in [r#"a,"b"#, r#""a"b,c"#, r#"""""#, r#"x,"a""#] {
            let refused = split(text, b',');
            assert_eq!(refused.is_err(), text != r#"x,"a""#, "{text}");
        }
    }

    proptest! {
        /// The csv crate, a second reading of the same rules, agrees on what it writes itself.
        #[test]
        fn what_the_csv_crate_writes_reads_back(
            cells in proptest::collection::vec("[ -~é]{0,8}", 1..8), always in any::<bool>()
        ) {
            let style = if always { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
            let mut writer = csv::WriterBuilder::new().quote_style(style).from_writer(Vec::new());
            writer.write_record(&cells).unwrap();
            let bytes = writer.into_inner().unwrap();
            let text = String::from_utf8(bytes).unwrap();
            let expected: Vec<_> = cells.iter().map(|c| c.trim_ascii().to_owned()).collect();
            prop_assert_eq!(split(text.trim_end_matches('\n'), b',').unwrap(), expected);
        }

        #[test]
        fn any_bytes(line in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut cells = Cells::default();
            let mut line = line;
            let _ = cells.split(&mut line, b',');
        }
    }
}
