//! The command `explain`: where the numbers of a plan came from.

use std::io::Write;
use std::path::PathBuf;

use super::Outcome;
use super::args::OutputFormat;
use super::output::{Stop, to_stdout};
use super::plan::plan_and_study;
use crate::capacity::{Plan, Study};
use crate::error::Error;
use crate::report::{Column, Explanation, Sheet, explain as explained, names_like};

/// Names that a message offers.
const NAMES: usize = 8;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    plimsoll explain --store s --study study.toml db-02 disk\n  \
    plimsoll explain --store s --study study.toml \"zone a\"")]
pub(super) struct ExplainArgs {
    /// A name as the plan prints it: of a host, a group's row, a failure, a scenario, an objective,
    /// an owner, a service, a resource, or of the study for what adds up.
    name: String,
    /// One of its resources. Default: all, and what is of no single one.
    resource: Option<String>,
    /// The store's folder.
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// The study file.
    #[arg(long, value_name = "FILE")]
    study: PathBuf,
    /// How to write the sentences.
    #[arg(long, value_enum, default_value = "table")]
    format: OutputFormat,
}

/// Makes the plan, and says where the numbers of one name came from.
pub(super) fn explain(args: &ExplainArgs) -> Result<Outcome, Stop> {
    let (plan, study) = plan_and_study(&args.store, &args.study)?;
    let found = explained(&plan, &study, &args.name, args.resource.as_deref());
    if found.is_empty() {
        return Err(Error::not_enough_data(nothing_found(args, &plan, &study)).into());
    }
    let sheet = sheet(&args.name, &found);
    to_stdout(|out| match args.format {
        OutputFormat::Table => text(&found, out),
        OutputFormat::Json => sheet.json(out),
        OutputFormat::Csv => sheet.csv(out),
    })?;
    Ok(Outcome::Done)
}

/// Why there is nothing to say, and what could be asked for instead.
fn nothing_found(args: &ExplainArgs, plan: &Plan, study: &Study) -> String {
    let ExplainArgs { name, resource, .. } = args;
    if let Some(resource) = resource
        && !explained(plan, study, name, None).is_empty()
    {
        let said = |one: &&str| !explained(plan, study, name, Some(*one)).is_empty();
        let all = study.resources.iter().map(|one| one.name.as_str());
        let with: Vec<&str> = all.filter(said).collect();
        let with = match with.as_slice() {
            [] => "leave the resource out".to_owned(),
            with => format!("it has {}", with.join(", ")),
        };
        return format!("the plan has nothing named {name:?} with {resource:?}; {with}");
    }
    if study.resource(name).is_some() {
        return format!(
            "{name:?} is a resource, and the plan has found nothing to reclaim of it; name a host \
             or a row of a group before it, as in: explain ... web-1 {name}"
        );
    }
    let mut names = names_like(plan, name);
    let more = if names.len() > NAMES { ", ..." } else { "" };
    names.truncate(NAMES);
    let offer = match names.as_slice() {
        [] => "names are as the plan prints them".to_owned(),
        names => format!("there are: {}{more}", names.join(", ")),
    };
    format!("the plan has nothing named {name:?}; {offer}")
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

/// For programs: a row for each sentence.
fn sheet(name: &str, found: &[Explanation]) -> Sheet {
    let mut sheet = Sheet::new(format!("where the numbers of {name} came from"));
    let columns = [Column::new("subject", "SUBJECT"), Column::new("sentence", "SENTENCE")];
    let table = sheet.table("sentences", &columns);
    for explanation in found {
        for sentence in &explanation.sentences {
            table.row([explanation.subject.clone().into(), sentence.clone().into()]);
        }
    }
    sheet
}
