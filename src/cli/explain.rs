//! The command `explain`: where the numbers of a plan came from.

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;

use super::Outcome;
use super::output::{Stop, to_stdout};
use super::plan::plan_and_study;
use crate::error::Error;
use crate::report::{Explanation, explain as explained, names_like};

/// Names that a message offers.
const NAMES: usize = 8;
/// Rises when a field goes or changes its meaning.
const SCHEMA_VERSION: u32 = 1;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  plimsoll explain --store s --study study.toml db-02 disk")]
pub(super) struct ExplainArgs {
    /// The name of a host or of a group's row, as the plan prints it.
    name: String,
    /// One of its resources. Default: all, and what is ordered.
    resource: Option<String>,
    /// The store's folder.
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// The study file.
    #[arg(long, value_name = "FILE")]
    study: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    explanations: Vec<View<'a>>,
}

#[derive(Serialize)]
struct View<'a> {
    subject: &'a str,
    sentences: &'a [String],
}

/// Makes the plan, and says where the numbers of one name came from.
pub(super) fn explain(args: &ExplainArgs) -> Result<Outcome, Stop> {
    let (plan, study) = plan_and_study(&args.store, &args.study)?;
    let found = explained(&plan, &study, &args.name, args.resource.as_deref());
    if found.is_empty() {
        let mut names = names_like(&plan, &args.name);
        let more = if names.len() > NAMES { ", ..." } else { "" };
        names.truncate(NAMES);
        let offer = match names.as_slice() {
            [] => "names are as the plan prints them".to_owned(),
            names => format!("there are: {}{more}", names.join(", ")),
        };
        let of = args.resource.as_ref().map_or(String::new(), |name| format!(" with {name:?}"));
        let what = format!("the plan has no row named {:?}{of}; {offer}", args.name);
        return Err(Error::not_enough_data(what).into());
    }
    to_stdout(|out| if args.json { json(&found, out) } else { text(&found, out) })?;
    Ok(Outcome::Done)
}

fn text(found: &[Explanation], out: &mut impl Write) -> std::io::Result<()> {
    for (at, explanation) in found.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{}", explanation.subject)?;
        for sentence in &explanation.sentences {
            writeln!(out, "  {sentence}")?;
        }
    }
    Ok(())
}

fn json(found: &[Explanation], out: &mut impl Write) -> std::io::Result<()> {
    let explanations = found
        .iter()
        .map(|Explanation { subject, sentences }| View { subject, sentences })
        .collect();
    let document = Document { schema_version: SCHEMA_VERSION, explanations };
    serde_json::to_writer_pretty(&mut *out, &document).map_err(std::io::Error::from)?;
    writeln!(out)
}
