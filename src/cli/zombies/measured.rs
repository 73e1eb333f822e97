//! What a host has and uses, to be held beside what was requested for it.

use super::hosts::{Reading, Rows};
use super::sources::Sources;
use crate::capacity::inventory::{Inventory, Measured};
use crate::model::{Span, Unit};

/// What is used, beside what was requested, is the mean of so many last days.
const USED_DAYS: i64 = 14;

impl Reading<'_> {
    /// What a host has and uses of its processors and memory, in the units of the inventory where
    /// it can be.
    pub(super) fn measured(
        &self,
        host: &str,
        rows: &Rows,
        sources: &Sources<'_>,
        inventory: Option<&Inventory>,
    ) -> Vec<Measured> {
        let Some(inventory) = inventory else { return Vec::new() };
        let row = |name: &str| rows.iter().find(|(known, _)| known == name).map(|(_, row)| row);
        let used = |name: &str| {
            let last = (USED_DAYS * Span::DAY.nanos() / self.asked.step.nanos()) as usize;
            let row = row(name)?;
            let known = row[row.len().saturating_sub(last)..].iter().filter(|v| v.is_finite());
            let (sum, count) = known.fold((0.0, 0.0), |(sum, count), v| (sum + v, count + 1.0));
            (count > 0.0).then(|| sum / count)
        };
        let has = |name: &str| row(name)?.iter().rev().find(|value| value.is_finite()).copied();
        let asked = |resource: &str| {
            let amounts = inventory
                .rows()
                .iter()
                .flat_map(|row| row.requested.iter().chain(&row.provisioned));
            amounts.filter(|one| one.resource == resource).map(|one| one.unit.clone()).next()
        };
        let unit = |name: &str| sources.unit(name);
        let cores: Option<Unit> = "cores".parse().ok();
        let share_of_cores = || Some(used("cpu_share")? * has("cores")?);
        let cpu = [
            (unit("cpu"), used("cpu"), has("cpu_capacity")),
            (cores.clone(), used("cpu_cores").or_else(share_of_cores), has("cores")),
            (
                cores,
                used("cpu").zip(has("cpu_capacity")).zip(has("cores")).map(|((u, c), n)| u / c * n),
                has("cores"),
            ),
        ];
        let memory = [(unit("memory"), used("memory"), has("memory_capacity"))];
        let choose = |resource: &str, candidates: &[(Option<Unit>, Option<f64>, Option<f64>)]| {
            let usable =
                || candidates.iter().filter(|(unit, used, _)| unit.is_some() && used.is_some());
            let fits = |unit: &Option<Unit>| {
                asked(resource)
                    .zip(unit.as_ref())
                    .is_some_and(|(asked, unit)| unit.factor_to(&asked).is_some())
            };
            let (unit, used, provisioned) =
                usable().find(|(unit, ..)| fits(unit)).or_else(|| usable().next())?.clone();
            let (host, resource) = (host.to_owned(), resource.to_owned());
            Some(Measured { host, resource, unit: unit?, provisioned, used })
        };
        [choose("cpu", &cpu), choose("memory", &memory)].into_iter().flatten().collect()
    }
}
