//! One file as lines: read in large pieces, handed out without copying.

use std::fmt;
use std::io::{ErrorKind, Read};
use std::ops::Range;
use std::path::Path;

use crate::error::{Error, Result};

/// Bytes of one line. Real rows are far shorter; what is longer is no table but a broken file, and
/// must not take the memory. It also keeps one row within the samples of one group.
pub(super) const LINE_BYTES_MAX: usize = 1 << 20;
/// Bytes asked for at a time.
const PIECE_BYTES: usize = 256 << 10;
/// The mark that some programs put before UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// One file to import.
pub struct Source<'a> {
    /// Its bytes.
    pub input: &'a mut dyn Read,
    /// Its name, for messages.
    pub origin: &'a str,
    /// Labels that every series of the file gets, such as a host from the file's name.
    pub labels: &'a [(String, String)],
    /// Called with the number of bytes read since the last call, for progress.
    pub on_bytes: Option<&'a mut dyn FnMut(u64)>,
}

impl<'a> Source<'a> {
    /// A file without progress.
    pub fn new(input: &'a mut dyn Read, origin: &'a str, labels: &'a [(String, String)]) -> Self {
        Self { input, origin, labels, on_bytes: None }
    }
}

impl fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("origin", &self.origin)
            .field("labels", &self.labels)
            .finish_non_exhaustive()
    }
}

/// The lines of a source.
pub(super) struct Lines<'a> {
    source: Source<'a>,
    buffer: Vec<u8>,
    /// What of the buffer is read and not yet handed out.
    rest: Range<usize>,
    number: u64,
    ended: bool,
}

/// One line without its end (`\n` or `\r\n`).
pub(super) struct Line<'a> {
    /// From 1.
    pub(super) number: u64,
    /// `None` where the line is longer than [`LINE_BYTES_MAX`].
    pub(super) text: Option<&'a mut [u8]>,
    /// Whether the file ends behind it without the end of a line: it may have been cut.
    pub(super) unended: bool,
}

impl<'a> Lines<'a> {
    pub(super) fn new(source: Source<'a>) -> Self {
        Self { source, buffer: Vec::new(), rest: 0..0, number: 0, ended: false }
    }

    /// The next line; `None` at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<Line<'_>>> {
        let Some((mut range, too_long)) = self.find()? else { return Ok(None) };
        // The end of a line is passed over, so that what is left begins behind it.
        let unended = self.rest.start == range.end;
        self.number += 1;
        let number = self.number;
        let bytes = self.buffer.get(range.clone()).unwrap_or(&[]);
        if number == 1 && bytes.starts_with(BYTE_ORDER_MARK) {
            range.start += BYTE_ORDER_MARK.len();
        }
        if bytes.last() == Some(&b'\r') {
            range.end -= 1;
        }
        let text = if too_long { None } else { self.buffer.get_mut(range) };
        Ok(Some(Line { number, text, unended }))
    }

    /// Where the next line lies in the buffer, and whether it is too long to be kept.
    fn find(&mut self) -> Result<Option<(Range<usize>, bool)>> {
        let mut searched = 0;
        let mut too_long = false;
        loop {
            let rest = self.buffer.get(self.rest.clone()).unwrap_or(&[]);
            let found = rest.iter().skip(searched).position(|b| *b == b'\n');
            if let Some(at) = found.map(|at| searched + at) {
                let line = self.rest.start..self.rest.start + at;
                self.rest.start = line.end + 1;
                return Ok(Some((line, too_long || at > LINE_BYTES_MAX)));
            }
            searched = rest.len();
            if searched > LINE_BYTES_MAX {
                too_long = true;
                searched = 0;
                self.rest.start = self.rest.end;
            }
            if self.ended {
                let line = self.rest.clone();
                self.rest.start = line.end;
                let nothing = line.is_empty() && !too_long;
                return Ok((!nothing).then_some((line, too_long)));
            }
            self.fill()?;
        }
    }

    /// Reads one more piece behind what is left.
    fn fill(&mut self) -> Result<()> {
        self.buffer.copy_within(self.rest.clone(), 0);
        self.rest = 0..self.rest.len();
        if self.buffer.len() < self.rest.end + PIECE_BYTES {
            self.buffer.resize(self.rest.end + PIECE_BYTES, 0);
        }
        let free = self.buffer.get_mut(self.rest.end..).unwrap_or(&mut []);
        let count = loop {
            match self.source.input.read(free) {
                Ok(count) => break count,
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                Err(why) => return Err(Error::io("read", Path::new(self.source.origin), why)),
            }
        };
        self.ended = count == 0;
        self.rest.end = (self.rest.end + count).min(self.buffer.len());
        if let Some(on_bytes) = &mut self.source.on_bytes {
            on_bytes(count as u64);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, with interruptions.
    struct Trickle<'a>(&'a [u8], bool);

    impl Read for Trickle<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(ErrorKind::Interrupted.into());
            }
            let count = into.len().min(1);
            self.0.read(&mut into[..count])
        }
    }

    /// The lines, and whether the last one has no end.
    fn lines_of(input: &mut dyn Read) -> (Vec<Option<Vec<u8>>>, bool) {
        let mut total = 0;
        let mut count = |bytes| total += bytes;
        let source = Source { input, origin: "t", labels: &[], on_bytes: Some(&mut count) };
        let mut lines = Lines::new(source);
        let (mut out, mut unended) = (Vec::new(), false);
        while let Some(line) = lines.next().unwrap() {
            assert_eq!(line.number, out.len() as u64 + 1);
            assert!(!unended, "a line behind the last one");
            unended = line.unended;
            out.push(line.text.map(|t| t.to_vec()));
        }
        drop(lines);
        assert!(total > 0 || out.is_empty());
        (out, unended)
    }

    #[test]
    fn ends_of_lines_and_the_byte_order_mark() {
        let text = b"\xEF\xBB\xBFa\r\n\nb\rc\nlast";
        let expected: Vec<_> =
            ["a", "", "b\rc", "last"].iter().map(|l| Some(l.as_bytes().to_vec())).collect();
        assert_eq!(lines_of(&mut &text[..]), (expected.clone(), true));
        assert_eq!(lines_of(&mut Trickle(text, false)), (expected, true));
        assert_eq!(lines_of(&mut &b""[..]), (vec![], false));
        // What an earlier piece left in the buffer is no end of a line.
        let pieces = "a\n".repeat(PIECE_BYTES);
        for (text, unended) in [(pieces.clone(), false), (pieces + "a", true)] {
            assert_eq!(lines_of(&mut text.as_bytes()).1, unended);
        }
    }

    #[test]
    fn a_line_beyond_the_limit_is_dropped_and_the_next_one_is_not() {
        for length in [LINE_BYTES_MAX, LINE_BYTES_MAX + 1, 3 * LINE_BYTES_MAX + 7] {
            for end in ["\nnext\n", ""] {
                let text = "x".repeat(length) + end;
                let (lines, unended) = lines_of(&mut text.as_bytes());
                assert_eq!(unended, end.is_empty());
                assert_eq!(lines[0].is_none(), length > LINE_BYTES_MAX, "{length}");
                assert_eq!(
                    lines.get(1),
                    (!end.is_empty()).then(|| Some(b"next".to_vec())).as_ref()
                );
            }
        }
    }
}
