//! Plans that are kept: `plan --keep`, `plan --diff`, and the command `plans`, which lists and
//! scores them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Outcome;
use super::args::{OutputFormat, PlanArgs};
use super::output::{Stop, note, sheet_to_stdout};
use super::plan::{read_study, usage_frames};
use super::reader;
use crate::capacity::kept::{KeptPlan, PlanChanges, PlanScorer};
use crate::capacity::{Plan, Study};
use crate::error::{Error, Result};
use crate::model::Timestamp;
use crate::query::answered_from;
use crate::report::{self, ChangesFor, Column, Sheet, changes_sheet, plan_scores_sheet, read_plan};
use crate::store::{KeptPlanFile, Plans, check_plan_size};

/// Changes that people see, as long as they do not ask for all.
const CHANGES_SHOWN: usize = 40;

/// What a plan is remembered by, and compared with.
#[derive(Debug, clap::Args)]
pub(super) struct MemoryArgs {
    /// Keep the plan in the store as well, to be compared and scored later; one of the same study
    /// and instant is replaced. A writer may be at work beside.
    #[arg(long)]
    keep: bool,
    /// Print what changed since an earlier plan, and why, instead of the plan: since the one in
    /// FILE, which `--format json` wrote, or since the latest earlier one of the study that is
    /// kept.
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    #[expect(clippy::option_option, reason = "how clap says that the value may be left out")]
    diff: Option<Option<PathBuf>>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  plimsoll plan --store s --study study.toml --keep\n  \
                        plimsoll plans --store s\n  \
                        plimsoll plans --store s --score --study study.toml\n  \
                        plimsoll plans --store s --drop-before 2025-01-01\n\
                        What is compared and how plans are scored: docs/method/plans.md.")]
pub(super) struct PlansArgs {
    /// The store's folder.
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// Score the plans of a study against what happened since.
    #[arg(long, requires = "study")]
    score: bool,
    /// The study file, which says where the usage is.
    #[arg(long, value_name = "FILE", requires = "score")]
    study: Option<PathBuf>,
    /// Name every row that was missed, not only the worst.
    #[arg(long, requires = "score")]
    all: bool,
    /// Remove the plans of before this time, for ever.
    #[arg(long, value_name = "TIME", conflicts_with = "score")]
    drop_before: Option<Timestamp>,
    /// How to write the result.
    #[arg(long, value_enum, default_value = "table")]
    format: OutputFormat,
}

/// Keeps a plan and compares it, as the arguments ask. Says whether the plan is still to be
/// printed.
pub(super) fn remember(plan: &Plan, args: &PlanArgs) -> Result<bool, Stop> {
    let earlier = match &args.memory.diff {
        None => None,
        Some(Some(file)) => Some(from_file(file, plan)?),
        Some(None) => Some(latest_before(plan, &args.store)?),
    };
    if args.memory.keep {
        let mut json = Vec::new();
        report::json(plan, &mut json)?;
        let kept = Plans::of(&args.store)?.keep(&json)?;
        let (bytes, path) = (kept.bytes, kept.path.display());
        note(&format!("kept as {path} ({bytes} bytes)"));
    }
    let Some(earlier) = earlier else { return Ok(true) };
    let later = KeptPlan::from(plan);
    let changes = PlanChanges::between(&earlier, &later);
    let wanted = match args.format {
        OutputFormat::Table => ChangesFor::People { rows: (!args.all).then_some(CHANGES_SHOWN) },
        OutputFormat::Json | OutputFormat::Csv => ChangesFor::Programs,
    };
    sheet_to_stdout(&changes_sheet(&changes, wanted), args.format)?;
    Ok(false)
}

/// An earlier plan in a file.
fn from_file(path: &Path, plan: &Plan) -> Result<KeptPlan> {
    let length = std::fs::metadata(path).map_err(|why| Error::io("read", path, why))?.len();
    check_plan_size(length)?;
    let bytes = std::fs::read(path).map_err(|why| Error::io("read", path, why))?;
    let earlier = read_plan(&bytes, path)?;
    if earlier.as_of > plan.as_of {
        return Err(Error::invalid(format!(
            "the plan in {} is of {}, after this one of {}; compare the later with the earlier",
            path.display(),
            earlier.as_of,
            plan.as_of
        )));
    }
    Ok(earlier)
}

/// The latest plan of the same study that is kept and speaks from before this one.
fn latest_before(plan: &Plan, store: &Path) -> Result<KeptPlan> {
    let is_earlier = |as_of: Timestamp| as_of < plan.as_of;
    // From the end, so that one plan is read, and not all.
    let plans = Plans::of(store)?;
    for file in plans.list()?.iter().rev().filter(|file| is_earlier(file.as_of)) {
        match read_kept(&plans, file) {
            Ok(Some(kept)) if kept.study == plan.study => return Ok(kept),
            Ok(_) => {}
            Err(why) => note(&format!("note: a plan is passed over: {why}")),
        }
    }
    Err(Error::invalid(format!(
        "no plan of study {:?} from before {} is kept in {}; keep one with `plimsoll plan --keep`, \
         or name a file: --diff FILE",
        plan.study,
        plan.as_of,
        store.display()
    )))
}

/// A plan that is kept; `None` where it was replaced or dropped meanwhile.
fn read_kept(plans: &Plans, file: &KeptPlanFile) -> Result<Option<KeptPlan>> {
    match plans.read(file) {
        Ok(bytes) => read_plan(&bytes, &file.path).map(Some),
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(why),
    }
}

/// Visits the plans that are kept, the latest first, one at a time in memory; what cannot be read
/// is named and passed over.
fn visit(plans: &Plans, mut visit: impl FnMut(KeptPlan, u64)) -> Result<()> {
    let mut seen = BTreeSet::new();
    for file in plans.list()?.iter().rev() {
        match read_kept(plans, file) {
            // Where keeping was stopped, the plan that was to be replaced is there still.
            Ok(Some(plan)) if !seen.insert((plan.as_of, plan.study.clone())) => {}
            Ok(Some(plan)) => visit(plan, file.bytes),
            Ok(None) => {}
            Err(why) => note(&format!("note: a plan is passed over: {why}")),
        }
    }
    Ok(())
}

/// Lists, scores or drops the plans that are kept in a store.
pub(super) fn plans(args: &PlansArgs) -> Result<Outcome, Stop> {
    let plans = Plans::of(&args.store)?;
    if let Some(before) = args.drop_before {
        let dropped = plans.drop_before(before)?;
        let mut sheet = Sheet::new(format!("Plans of before {before}"));
        sheet.fact("dropped", "dropped", dropped, "");
        sheet.fact("kept", "still kept", plans.list()?.len(), "");
        sheet_to_stdout(&sheet, args.format)?;
        return Ok(Outcome::Done);
    }
    let sheet = match args.study.as_ref().filter(|_| args.score) {
        Some(study) => score(args, &read_study(study)?, &plans)?,
        None => list(&plans)?,
    };
    sheet_to_stdout(&sheet, args.format)?;
    Ok(Outcome::Done)
}

fn list(plans: &Plans) -> Result<Sheet> {
    let (mut rows, mut bytes) = (Vec::new(), 0);
    visit(plans, |plan, length| {
        let counts = plan.counts();
        bytes += length;
        rows.push([
            plan.study.into(),
            plan.as_of.to_string().into(),
            counts.rows.into(),
            counts.full.into(),
            counts.within_horizon.into(),
            plan.horizon.to_string().into(),
        ]);
    })?;
    let mut sheet = Sheet::new("Plans that are kept");
    sheet.fact("plans", "plans", rows.len(), "");
    sheet.fact("bytes", "bytes", bytes, "");
    if rows.is_empty() {
        sheet.note("`plimsoll plan --keep` keeps one.");
        return Ok(sheet);
    }
    let columns = [
        ("study", "study"),
        ("as_of", "as of"),
        ("rows", "rows"),
        ("full", "full"),
        ("within_horizon", "full within horizon"),
        ("horizon", "horizon"),
    ];
    let table = sheet.table("plans", &columns.map(|(key, heading)| Column::new(key, heading)));
    rows.into_iter().rev().for_each(|row| table.row(row));
    Ok(sheet)
}

/// Asks the store for what became of the rows of a study's plans, up to its last sample.
fn score(args: &PlansArgs, study: &Study, plans: &Plans) -> Result<Sheet> {
    let snapshot = reader::open(&args.store)?.snapshot()?;
    let Some(stored) = snapshot.range() else {
        return Err(Error::not_enough_data("the store holds no samples"));
    };
    let mut scorer = PlanScorer::new(study, stored.end);
    let (mut kept, mut of_study) = (0, 0);
    visit(plans, |plan, _| {
        kept += 1;
        if plan.study == study.name {
            of_study += 1;
            scorer.add_plan(&plan);
        }
    })?;
    if of_study == 0 {
        return Err(Error::not_enough_data(format!(
            "of the {kept} plans that are kept none is of study {:?}; keep one with `plimsoll plan \
             --keep`",
            study.name
        )));
    }
    let from = study.ignore_before.unwrap_or(Timestamp::MIN).max(stored.start);
    for table in study.tables().iter().filter(|table| table.table.group.is_none()) {
        let from = from.max(answered_from(&snapshot, table.step).unwrap_or(from));
        for usage in usage_frames(&snapshot, table, from, stored.end)? {
            scorer.add(table.table, &usage?)?;
        }
    }
    Ok(plan_scores_sheet(&scorer.finish(), args.all))
}
