//! What was found of every host, on a sheet.

use std::cmp::Reverse;

use super::ZombiesArgs;
use super::hosts::Found;
use crate::capacity::inventory::{By, DesignRow, Inventory, designed_versus_actual};
use crate::capacity::zombie::{
    Claim, Class, Grade, Judged, Ledger, RulePack, Verdict, savings, stage_at,
};
use crate::error::Result;
use crate::report::{Column, Sheet};

/// Says what was found.
pub(super) fn sheet(
    args: &ZombiesArgs,
    pack: &RulePack,
    found: &Found,
    inventory: Option<&Inventory>,
    ledger: &Ledger,
) -> Result<Sheet> {
    let mut hosts: Vec<&Judged> = found.hosts.iter().collect();
    hosts.sort_by_key(|one| (one.verdict.verdict, Reverse(one.verdict.grade), &one.host));
    let page = Page { args, pack, found, inventory, ledger, hosts };
    let mut sheet = Sheet::new("Zombies");
    page.facts(&mut sheet);
    page.hosts(&mut sheet);
    page.rules(&mut sheet);
    if page.stages_are_on() {
        page.stages(&mut sheet);
    }
    if let Some(inventory) = inventory {
        page.savings(&mut sheet, inventory);
        page.designs(&mut sheet, inventory)?;
        page.strays(&mut sheet, inventory);
    }
    page.notes(&mut sheet);
    Ok(sheet)
}

struct Page<'p> {
    args: &'p ZombiesArgs,
    pack: &'p RulePack,
    found: &'p Found,
    inventory: Option<&'p Inventory>,
    ledger: &'p Ledger,
    /// The worst first.
    hosts: Vec<&'p Judged>,
}

impl Page<'_> {
    fn count(&self, verdict: Verdict) -> usize {
        self.hosts.iter().filter(|one| one.verdict.verdict == verdict).count()
    }

    /// The hosts that are printed: without `--all` those that a person has to look at.
    fn shown(&self) -> impl Iterator<Item = &Judged> {
        let in_use = |one: &Judged| one.verdict.verdict == Verdict::InUse && !one.verdict.kept;
        self.hosts.iter().copied().filter(move |one| self.args.all || !in_use(one))
    }

    fn facts(&self, sheet: &mut Sheet) {
        sheet.fact("now", "judged on", self.found.now.to_string(), "");
        sheet.fact("from", "history from", self.found.from.to_string(), "");
        sheet.fact("step", "in steps of", self.args.step.to_string(), "");
        sheet.fact("hosts", "hosts", self.hosts.len(), "");
        sheet.fact("zombies", "zombies", self.count(Verdict::Zombie), "");
        sheet.fact("undetermined", "undetermined", self.count(Verdict::Undetermined), "");
        sheet.fact("in_use", "in use", self.count(Verdict::InUse), "");
        let kept = self.hosts.iter().filter(|one| one.verdict.kept).count();
        sheet.fact("kept", "kept for a label or a job", kept, "");
        let large = |one: &&&Judged| {
            let verdict = &one.verdict;
            verdict.verdict == Verdict::InUse && verdict.class == Some(Class::Oversized)
        };
        let large = self.hosts.iter().filter(large).count();
        sheet.fact("oversized", "in use, and too large", large, "");
    }

    fn hosts(&self, sheet: &mut Sheet) {
        let columns = [
            Column::new("host", "host"),
            Column::new("verdict", "verdict"),
            Column::new("grade", "grade"),
            Column::new("agree", "agree"),
            Column::new("judged", "of rules"),
            Column::new("owner", "owner"),
            Column::new("since", "since"),
            Column::new("stage", "stage"),
            Column::new("next", "next"),
            Column::new("reason", "reason"),
        ];
        let table = sheet.table("hosts", &columns);
        for one in self.shown() {
            let verdict = &one.verdict;
            let row = self.inventory.and_then(|inventory| inventory.get(&one.host));
            let [since, stage, next] = self.stage(one);
            table.row([
                one.host.clone().into(),
                verdict.verdict.name().into(),
                verdict.grade.map(Grade::name).into(),
                verdict.agree.into(),
                verdict.judged.into(),
                row.and_then(|row| row.owner.clone()).into(),
                since.into(),
                stage.into(),
                next.into(),
                verdict.reasons.join("; ").into(),
            ]);
        }
    }

    /// Since when it is a zombie, what is to be done now, and what comes next, in words.
    fn stage(&self, one: &Judged) -> [Option<String>; 3] {
        let Some(since) = self.ledger.since(&one.host) else { return [None, None, None] };
        let words = |stage: &str, next| [Some(since.date()), Some(stage.to_owned()), next];
        let Some(grade) = one.verdict.grade else {
            return words("held", Some("until it can be judged".to_owned()));
        };
        let position = stage_at(&self.pack.stages, since, self.found.now, grade);
        let next = position.next.map(|(next, at)| {
            if position.held {
                return format!("{}: takes grade {}", next.name, next.grade.name());
            }
            format!("{} on {}", next.name, at.date())
        });
        words(position.stage.map_or("wait", |stage| stage.name.as_str()), next)
    }

    fn rules(&self, sheet: &mut Sheet) {
        let columns = [
            Column::new("host", "host"),
            Column::new("rule", "rule"),
            Column::new("verdict", "verdict"),
            Column::new("reason", "reason"),
        ];
        let table = sheet.table("rules", &columns);
        for one in self.shown() {
            for rule in &one.verdict.rules {
                let of = &self.pack.rules[rule.rule];
                let word = match (of.finding, rule.verdict) {
                    (Class::Oversized, Verdict::Zombie) => "OVERSIZED",
                    (_, verdict) => verdict.name(),
                };
                table.row([
                    one.host.clone().into(),
                    of.name.clone().into(),
                    word.into(),
                    rule.reason.clone().into(),
                ]);
            }
        }
    }

    fn stages_are_on(&self) -> bool {
        self.count(Verdict::Zombie) > 0
    }

    fn stages(&self, sheet: &mut Sheet) {
        let columns = [
            Column::new("stage", "stage"),
            Column::new("day", "from day"),
            Column::new("grade", "least grade"),
            Column::new("does", "does"),
            Column::new("undo", "undone by"),
        ];
        let table = sheet.table("stages", &columns);
        for stage in &self.pack.stages {
            table.row([
                stage.name.clone().into(),
                u64::from(stage.day).into(),
                stage.grade.name().into(),
                stage.does.clone().into(),
                stage.undo.clone().into(),
            ]);
        }
    }

    fn savings(&self, sheet: &mut Sheet, inventory: &Inventory) {
        let zombies = self.hosts.iter().filter(|one| one.verdict.verdict == Verdict::Zombie);
        let claims: Vec<Claim<'_>> = zombies
            .filter_map(|one| {
                let price_per_month = inventory.get(&one.host).and_then(|row| row.price_per_month);
                Some(Claim { host: &one.host, class: one.verdict.class?, price_per_month })
            })
            .collect();
        let columns = [
            Column::new("class", "class"),
            Column::new("hosts", "hosts"),
            Column::new("price_per_month", "saves per month"),
            Column::new("unpriced", "without a price"),
        ];
        let table = sheet.table("savings", &columns);
        for one in savings(&claims) {
            table.row([
                one.class.name().into(),
                one.hosts.into(),
                one.price_per_month.into(),
                one.unpriced.into(),
            ]);
        }
    }

    fn designs(&self, sheet: &mut Sheet, inventory: &Inventory) -> Result<()> {
        let columns = [
            Column::new("by", "by"),
            Column::new("name", "name"),
            Column::new("resource", "resource"),
            Column::new("hosts", "hosts"),
            Column::new("requested", "requested"),
            Column::new("provisioned", "provisioned"),
            Column::new("used", "used"),
            Column::new("unit", "unit"),
            Column::new("used_of_provisioned", "of provisioned"),
            Column::new("used_of_requested", "of requested"),
        ];
        let table = sheet.table("designs", &columns);
        for (word, by) in [("owner", By::Owner), ("service", By::Service)] {
            for row in designed_versus_actual(inventory, &self.found.measured, by)? {
                let DesignRow { group, resource, unit, hosts, .. } = row;
                table.row([
                    word.into(),
                    group.into(),
                    resource.into(),
                    hosts.into(),
                    row.requested.into(),
                    row.provisioned.into(),
                    row.used.into(),
                    unit.as_str().into(),
                    row.used_of_provisioned.into(),
                    row.used_of_requested.into(),
                ]);
            }
        }
        Ok(())
    }

    fn strays(&self, sheet: &mut Sheet, inventory: &Inventory) {
        let found = inventory.mismatch(self.hosts.iter().map(|one| one.host.as_str()));
        if found.without_row.is_empty() && found.without_data.is_empty() {
            return;
        }
        let columns = [Column::new("host", "host"), Column::new("lacks", "lacks")];
        let table = sheet.table("strays", &columns);
        for host in found.without_row {
            table.row([host.into(), "a row in the inventory".into()]);
        }
        for host in found.without_data {
            table.row([host.into(), "data in the store".into()]);
        }
    }

    fn notes(&self, sheet: &mut Sheet) {
        let hidden = self.hosts.len() - self.shown().count();
        if hidden > 0 {
            sheet.note(format!("{hidden} hosts in use are left out; --all prints them."));
        }
        let never: Vec<&str> = self
            .pack
            .rules
            .iter()
            .enumerate()
            .filter(|(index, _)| {
                let says = |one: &Judged| one.verdict.rules[*index].verdict;
                self.hosts.iter().all(|one| says(one) == Verdict::Undetermined)
            })
            .map(|(_, rule)| rule.name.as_str())
            .collect();
        if !never.is_empty() {
            sheet.note(format!("No host can be judged by {}.", never.join(", ")));
        }
        let floors = self.pack.floors.iter().map(|(name, floor)| format!("{floor} of {name}"));
        let floors: Vec<String> = floors.collect();
        if !floors.is_empty() {
            let floors = floors.join(", ");
            sheet.note(format!("Taken off as probes and agents: {floors}, in the rules' units."));
        }
        if self.count(Verdict::Zombie) > 0 && self.args.ledger.is_none() {
            sheet.note(
                "Without --ledger every verdict is given for the first time, and no stage is \
                 reached.",
            );
        }
        if self.inventory.is_some() {
            sheet.note(
                "A price is saved once the host is gone, and each host counts once. What is used \
                 is the mean of the last 14 days.",
            );
        }
    }
}
