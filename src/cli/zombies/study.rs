//! The zombies of a study: as its section `[zombie]` says, from a store to what a plan tells.

use std::path::{Path, PathBuf};

use super::hosts::judge_all;
use super::{Asked, read};
use crate::capacity::Study;
use crate::capacity::inventory::Inventory;
use crate::capacity::study::ZombieRule;
use crate::capacity::zombie::{Ledger, RulePack, ZombieReport};
use crate::error::Result;
use crate::store::Snapshot;

/// Judges the hosts of a store as a study says; `None` where it has no `[zombie]`. The files that
/// it names are seen from the folder of its own file.
pub(in crate::cli) fn zombies_of(
    study: &Study,
    study_file: &Path,
    snapshot: &Snapshot,
    inventory: Option<&Inventory>,
) -> Result<Option<ZombieReport>> {
    let Some(rule) = &study.zombie else { return Ok(None) };
    let beside = |name: &str| study_file.with_file_name("").join(name);
    let pack = rules(rule, beside)?;
    let ledger = match &rule.ledger {
        Some(file) => {
            let path = beside(file);
            Some(Ledger::read(&read(&path)?, &path.display().to_string())?)
        }
        None => None,
    };
    let asked = Asked {
        sources: &rule.sources,
        host_label: &rule.host_label,
        now: study.as_of,
        from: study.ignore_before,
        step: study.step,
        rule: Some(rule),
    };
    let found = judge_all(&asked, snapshot, &pack, inventory)?;
    let ledger = ledger.as_ref();
    let report =
        ZombieReport::new(&pack, &rule.host_label, &found.hosts, inventory, ledger, found.now);
    Ok(Some(report))
}

fn rules(rule: &ZombieRule, beside: impl Fn(&str) -> PathBuf) -> Result<RulePack> {
    let Some(file) = &rule.rules else { return Ok(rule.published()) };
    let path = beside(file);
    RulePack::parse(&read(&path)?, &path.display().to_string())
}
