//! The command `report`: the plan as a page, in a file that is whole or not there.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::Outcome;
use super::output::{Stop, note};
use super::plan::plan_with_history;
use crate::capacity::Plan;
use crate::error::{Error, Result};
use crate::report::page::{Parts, page};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  plimsoll report --store s --study study.toml -o report.html\n\
                        The page needs no network and no JavaScript. What each of its sections \
                        shows is in docs/report.md.")]
pub(super) struct ReportArgs {
    /// The store's folder.
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// The study file; `plimsoll study init` writes one to start from.
    #[arg(long, value_name = "FILE")]
    study: PathBuf,
    /// The file to write; an earlier one is replaced, once the new one is whole.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

/// Plans what a store holds, and writes the plan as a page.
pub(super) fn report(args: &ReportArgs) -> Result<Outcome, Stop> {
    // Before the work, and not after it.
    check_target(&args.output)?;
    let plan = plan_with_history(&args.store, &args.study)?;
    let bytes = write_page(&plan, &args.output)?;
    note(&format!("{}: {} KB", args.output.display(), bytes.div_ceil(1_000)));
    Ok(Outcome::Done)
}

/// Writes a plan as a page and returns its bytes. It is written beside its place and then renamed,
/// so that a run that fails leaves an earlier page as it was.
pub(super) fn write_page(plan: &Plan, path: &Path) -> Result<u64> {
    check_target(path)?;
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = write_to(plan, &temporary)
        .map_err(|why| Error::io("write", &temporary, why))
        .and_then(|bytes| {
            fs::rename(&temporary, path).map_err(|why| Error::io("replace", path, why))?;
            Ok(bytes)
        });
    if written.is_err() {
        drop(fs::remove_file(&temporary));
    }
    written
}

fn write_to(plan: &Plan, path: &Path) -> std::io::Result<u64> {
    // A file of that name is not ours, and a link there leads elsewhere.
    let mut out = BufWriter::new(OpenOptions::new().write(true).create_new(true).open(path)?);
    page(plan, &Parts::of(plan), &mut out)?;
    out.flush()?;
    let file = out.get_ref();
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

/// Refuses what a rename must not replace.
fn check_target(path: &Path) -> Result<()> {
    let is_file = match fs::metadata(path) {
        Ok(found) => found.is_file(),
        Err(_) => path.file_name().is_some(),
    };
    if !is_file {
        return Err(Error::invalid(format!(
            "{} is not a file; name the file to write, as in -o report.html",
            path.display()
        )));
    }
    Ok(())
}
