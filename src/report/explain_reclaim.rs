//! What a plan says could be given back, in sentences: idle hosts, zombies, what is too large.

use super::explain::Explanation;
use super::explain_pools::{money, share};
use super::reclaim::{Freed, grade, sums};
use super::table::{amount, is_share};
use crate::capacity::zombie::{ZombieHost, ZombieReport};
use crate::capacity::{IdleHost, Plan, Reclaimable, name, printable};

/// What is said of a host, or of a resource in all.
pub(super) fn explained(plan: &Plan, subject: &str, resource: Option<&str>) -> Vec<Explanation> {
    let mut found = Vec::new();
    if resource.is_none() {
        found.extend(idle(plan, subject));
        found.extend(plan.zombies.iter().filter_map(|report| zombie(report, subject)));
    }
    let totals = plan.overprovisioned.totals.iter();
    found.extend(
        totals.filter(|total| total.resource == subject).map(|total| total_of(plan, total)),
    );
    found
}

/// The names that say something here beside those of rows.
pub(super) fn names(plan: &Plan) -> Vec<String> {
    let hosts = plan.zombies.iter().flat_map(|report| &report.hosts);
    let totals = plan.overprovisioned.totals.iter().map(|total| total.resource.clone());
    hosts.map(|host| printable(&host.host)).chain(totals).collect()
}

fn idle(plan: &Plan, subject: &str) -> Option<Explanation> {
    let report = &plan.idle;
    let is_it = |labels| name(labels, &plan.hosts.by) == subject;
    let what = format!("host {subject}: whether it is idle");
    let rule = || format!("Rule: {}.", report.rule);
    if let Some(host) = report.hosts.iter().find(|host| is_it(&host.labels)) {
        let mut sentences = vec![rule()];
        sentences.extend(evidence(host));
        sentences.extend(frees(&host.frees));
        return Some(Explanation { subject: what, sentences });
    }
    if report.kept_for_bursts.iter().any(is_it) {
        let why = "It is quiet but for a burst somewhere in the data, so it is kept: a job that \
                   comes monthly, or a standby.";
        return Some(Explanation { subject: what, sentences: vec![rule(), why.to_owned()] });
    }
    let (_, why) = report.undetermined.iter().find(|(labels, _)| is_it(labels))?;
    let sentences = vec![rule(), format!("It cannot be judged: {}.", why.escape_debug())];
    Some(Explanation { subject: what, sentences })
}

fn evidence(host: &IdleHost) -> Vec<String> {
    let mut said: Vec<String> = host
        .evidence
        .iter()
        .map(|one| {
            let shown = |value: f64| amount(one.unit.as_ref(), Some(value));
            format!(
                "{}: {} of its steps are below {}; their mean is {}, the highest {}.",
                one.resource.escape_debug(),
                share(one.share_low),
                shown(one.below),
                shown(one.mean),
                shown(one.peak)
            )
        })
        .collect();
    said.push(format!(
        "Evidence {}: strong where two or more resources are low and the data would show a monthly \
         job, fair where one of both holds, else weak.",
        grade(host.grade)
    ));
    said
}

/// What a host would free: its limits.
fn frees(frees: &[Freed]) -> Option<String> {
    let parts: Vec<String> = sums(frees)
        .map(|(name, unit, limit)| format!("{} {}", name.escape_debug(), amount(unit, Some(limit))))
        .collect();
    (!parts.is_empty()).then(|| format!("Gone, it frees its limits: {}.", parts.join(", ")))
}

fn zombie(report: &ZombieReport, subject: &str) -> Option<Explanation> {
    let what = format!("host {subject}: whether it is a zombie");
    let agreement = format!(
        "Rule: more than {}% of the rules that can judge it call it a zombie.",
        report.agreement * 100.0
    );
    if let Some(host) = report.hosts.iter().find(|host| printable(&host.host) == subject) {
        let mut sentences = vec![agreement];
        sentences.extend(verdict(report, host));
        return Some(Explanation { subject: what, sentences });
    }
    let of = |list: &[(String, String)], said: &str| {
        let (_, why) = list.iter().find(|(host, _)| printable(host) == subject)?;
        Some(format!("{said}: {}.", printable(why)))
    };
    let kept = of(&report.kept, "It would be one, and is kept");
    let why = kept.or_else(|| of(&report.undetermined, "It cannot be judged"))?;
    Some(Explanation { subject: what, sentences: vec![agreement, why] })
}

fn verdict(report: &ZombieReport, host: &ZombieHost) -> Vec<String> {
    let mut said = vec![format!(
        "{} of {} do: {}.",
        host.said_by.len(),
        host.judged,
        share(host.said_by.len() as f64 / host.judged as f64)
    )];
    let each = host.said_by.iter();
    said.extend(each.map(|(rule, why)| format!("{}: {}.", printable(rule), printable(why))));
    let reasons: Vec<String> = host.reasons.iter().map(|why| printable(why)).collect();
    said.push(format!("Evidence {}: {}.", host.grade.name(), reasons.join("; ")));
    let since = if report.has_ledger { "by the ledger" } else { "there is no ledger, so today" };
    let next = host.next.as_ref().map_or_else(String::new, |(stage, day)| {
        let held = if host.held { "held before" } else { "next" };
        format!("; {held} {}, due on {}", printable(stage), day.date())
    });
    let stage = host.stage.as_deref().map_or_else(|| "none yet".to_owned(), printable);
    said.push(format!("A zombie since {} ({since}). Stage: {stage}{next}.", host.since.date()));
    if report.savings.is_some() {
        said.push(host.price_per_month.map_or_else(
            || "What it saves is not known: the inventory has no price of it.".to_owned(),
            |price| format!("Gone, it saves its price of {} a month.", money(price)),
        ));
    }
    said.extend(frees(&host.frees));
    said
}

/// What could be reclaimed of a resource in all.
fn total_of(plan: &Plan, total: &Reclaimable) -> Explanation {
    let unit = total.unit.as_ref();
    let shown = |value: f64| amount(unit, Some(value));
    let ((over, judged), (reclaimed, all)) = (total.rows, total.amount);
    let rows = plan.overprovisioned.rows.iter().filter(|row| row.resource == total.resource);
    let mut parts: Vec<String> = rows
        .clone()
        .take(PARTS)
        .map(|row| {
            let name = name(&row.labels, &plan.hosts.by);
            format!("{} ({name})", shown(row.reclaimable()))
        })
        .collect();
    let rest: f64 = rows.skip(PARTS).map(crate::capacity::OverprovisionedRow::reclaimable).sum();
    if over > PARTS {
        parts.push(format!("{} ({} more)", shown(rest), over - PARTS));
    }
    let sum = if parts.is_empty() { "nothing".to_owned() } else { parts.join(" + ") };
    let of_all = if is_share(unit) { "all limits" } else { "the limits of all that were judged" };
    Explanation {
        subject: format!("{}: what could be reclaimed", total.resource.escape_debug()),
        sentences: vec![
            format!("Rule: {}.", plan.overprovisioned.rule),
            format!("{over} of {judged} hosts are too large: {sum} = {}.", shown(reclaimed)),
            format!(
                "That is {} of {}, {of_all}: {}.",
                shown(reclaimed),
                shown(all),
                share(reclaimed / all)
            ),
        ],
    }
}

/// Rows that a sum is told of one by one.
const PARTS: usize = 20;

#[cfg(test)]
mod tests {
    use super::super::testing::{self, has};
    use super::*;
    use crate::capacity::IdleReport;
    use crate::capacity::zombie::{Class, Grade, RulePack, ZombieSavings};

    fn said(plan: &Plan, subject: &str) -> String {
        testing::sentences(&explained(plan, subject, None))
    }

    #[test]
    fn an_idle_host_has_its_rule_and_its_evidence() {
        let plan = testing::plan();
        let old = said(&plan, "old-1");
        has(&old, "Rule: cpu below 5% of its limit for 95% of the last 14d.");
        has(
            &old,
            "cpu: 100.0% of its steps are below 400 MHz; their mean is 12.5 MHz, the highest 90",
        );
        has(&old, "Evidence strong");
        // A share of a limit frees nothing that adds up.
        has(&old, "Gone, it frees its limits: disk 500 GB.");
        has(&said(&plan, "batch-1"), "quiet but for a burst");
        has(&said(&plan, "@gone"), "It cannot be judged: cpu: no data.");
        assert!(said(&plan, "db-1").is_empty());
        assert!(explained(&plan, "old-1", Some("cpu")).is_empty());
    }

    #[test]
    fn what_could_be_reclaimed_is_the_sum_of_the_rows() {
        let plan = testing::plan();
        let disk = said(&plan, "disk");
        has(&disk, "1 of 6 hosts are too large: 450 GB (big-1) = 450 GB.");
        has(&disk, "450 GB of 3.00 TB");
        has(&disk, ": 15.0%.");
        let mut many = plan.clone();
        let row = many.overprovisioned.rows[0].clone();
        many.overprovisioned.rows = vec![row; 23];
        many.overprovisioned.totals[0].rows.0 = 23;
        has(&said(&many, "disk"), " + 1.35 TB (3 more) = ");
    }

    #[test]
    fn a_zombie_has_its_rules_its_stage_and_its_price() {
        let since = "2025-12-05".parse().unwrap();
        let host = ZombieHost {
            host: "old-1".into(),
            class: Class::Idle,
            grade: Grade::Low,
            judged: 4,
            said_by: vec![("net".into(), "2 KB/s of 5".into()), ("cpu".into(), "1% of 3%".into())],
            reasons: vec!["12 days of data".into()],
            owner: None,
            price_per_month: Some(12.5),
            since,
            stage: Some("warn".into()),
            next: Some(("stop".into(), "2025-12-31".parse().unwrap())),
            held: true,
            frees: vec![("disk".into(), "GB".parse().ok(), 500.0)],
        };
        let report = ZombieReport {
            host_label: "host".into(),
            agreement: 0.5,
            rules: vec!["net".into(), "cpu".into()],
            silent_rules: Vec::new(),
            hosts: vec![host],
            kept: vec![("standby".into(), "label tier=standby".into())],
            undetermined: vec![("new".into(), "3 days of data".into())],
            in_use: 1,
            stages: RulePack::published().stages,
            has_ledger: true,
            savings: Some(ZombieSavings { price_per_month: 12.5, unpriced: 0 }),
        };
        let plan = Plan { zombies: Some(report), idle: IdleReport::default(), ..testing::plan() };
        let old = said(&plan, "old-1");
        has(&old, "more than 50% of the rules");
        has(&old, "2 of 4 do: 50.0%.");
        has(&old, "cpu: 1% of 3%.");
        has(
            &old,
            "A zombie since 2025-12-05 (by the ledger). Stage: warn; held before stop, due on",
        );
        has(&old, "it saves its price of 12.50 a month");
        has(&old, "disk 500 GB.");
        has(&said(&plan, "standby"), "It would be one, and is kept: label tier=standby.");
        has(&said(&plan, "new"), "It cannot be judged: 3 days of data.");
    }
}
