//! Where output goes: stdout for data, buffered; a closed pipe ends a command quietly.

use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::Path;

use crate::error::Error;
use crate::report::FramesError;

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

/// Runs `write` on a buffered stdout and flushes it.
pub(super) fn to_stdout<E: Into<Stop>>(
    write: impl FnOnce(&mut BufWriter<StdoutLock<'static>>) -> Result<(), E>,
) -> Result<(), Stop> {
    let mut out = BufWriter::new(io::stdout().lock());
    write(&mut out).map_err(Into::into)?;
    out.flush()?;
    Ok(())
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
