//! Where output goes: stdout for data, buffered; a closed pipe ends a command quietly.

use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::Path;

use super::args::OutputFormat;
use crate::error::Error;
use crate::report::{FramesError, Sheet};

/// Why a command stops before its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// The reader of stdout has gone.
    OutputClosed,
    /// Something failed.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(why: Error) -> Self {
        Self::Failed(why)
    }
}

impl From<io::Error> for Stop {
    fn from(why: io::Error) -> Self {
        match why.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::Failed(Error::io("write to", Path::new("stdout"), why)),
        }
    }
}

impl From<serde_json::Error> for Stop {
    fn from(why: serde_json::Error) -> Self {
        Self::from(io::Error::from(why))
    }
}

impl From<FramesError> for Stop {
    fn from(why: FramesError) -> Self {
        match why {
            FramesError::Query(why) => Self::Failed(why),
            FramesError::Output(why) => Self::from(why),
        }
    }
}

/// Stdout, and whether its reader has gone. Writers in between may wrap the system's error in one
/// of their own, which no longer says so.
#[derive(Debug)]
pub(super) struct Output {
    stdout: StdoutLock<'static>,
    closed: bool,
}

impl Output {
    fn watch<T>(&mut self, outcome: io::Result<T>) -> io::Result<T> {
        self.closed |= matches!(&outcome, Err(why) if why.kind() == io::ErrorKind::BrokenPipe);
        outcome
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let outcome = self.stdout.write(bytes);
        self.watch(outcome)
    }

    fn flush(&mut self) -> io::Result<()> {
        let outcome = self.stdout.flush();
        self.watch(outcome)
    }
}

/// Runs `write` on a buffered stdout and flushes it.
pub(super) fn to_stdout<E: Into<Stop>>(
    write: impl FnOnce(&mut BufWriter<Output>) -> Result<(), E>,
) -> Result<(), Stop> {
    let mut out = BufWriter::new(Output { stdout: io::stdout().lock(), closed: false });
    let written = write(&mut out).map_err(Into::into);
    let written = written.and_then(|()| out.flush().map_err(Stop::from));
    if out.get_ref().closed { Err(Stop::OutputClosed) } else { written }
}

/// Writes a sheet in the format that was asked for.
pub(super) fn sheet_to_stdout(sheet: &Sheet, format: OutputFormat) -> Result<(), Stop> {
    to_stdout(|out| match format {
        OutputFormat::Table => sheet.text(out),
        OutputFormat::Json => sheet.json(out),
        OutputFormat::Csv => sheet.csv(out),
    })
}

/// Writes a value as JSON, indented, with a line end.
pub(super) fn json_to_stdout<T: serde::Serialize>(value: &T) -> Result<(), Stop> {
    to_stdout(|out| {
        serde_json::to_writer_pretty(&mut *out, value)?;
        writeln!(out).map_err(Stop::from)
    })
}

/// A note for the person at the terminal; it is no data, and its loss is no failure.
pub(super) fn note(text: &str) {
    drop(writeln!(io::stderr(), "{text}"));
}
