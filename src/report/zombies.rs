//! The zombies of a plan for people: who says so, what is done about each and when, what it frees
//! and saves.

use std::io::{self, Write};

use super::names::{TABLE_CHARS_MAX, cut, cut_apart};
use super::reclaim::{Freed, freed, sums};
use super::table::{Columns, amount, named, numbers, prose, words};
use super::text::{TextOptions, more};
use crate::capacity::zombie::{Class, Grade, Stage, ZombieHost, ZombieReport, ZombieSavings};
use crate::capacity::{Plan, printable};

/// Hosts named in a sentence.
const NAMES: usize = 5;

/// Writes the zombies.
pub(super) fn text(
    plan: &Plan,
    report: &ZombieReport,
    options: TextOptions,
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out, "\nZOMBIES: {} of {} hosts", report.hosts.len(), plan.summary.hosts)?;
    prose(&rule(report), out)?;
    if !report.hosts.is_empty() {
        table(plan, report, options, out)?;
        prose(&gain(report), out)?;
        writeln!(
            out,
            "\n What is done about a zombie, by the days since it was first called one:"
        )?;
        for stage in &report.stages {
            prose(&stage_in_words(plan, report, stage), out)?;
        }
        if !report.has_ledger {
            prose(NO_LEDGER, out)?;
        }
    }
    match kept(report, NAMES) {
        Some(text) => prose(&text, out),
        None => Ok(()),
    }
}

/// Why no stage has been reached.
pub(super) const NO_LEDGER: &str = "Without a ledger every host is a zombie since today; keep \
    one with `plimsoll zombies --ledger FILE`, and name it under [zombie].";

/// The rules in words, each with the number that stands for it in the table.
pub(super) fn rule(report: &ZombieReport) -> String {
    let numbered = report.rules.iter().enumerate();
    let rules: Vec<String> =
        numbered.map(|(at, rule)| format!("{} {}", at + 1, printable(rule))).collect();
    let mut text = format!(
        "Rule: more than {}% of the rules that can judge a host call it a zombie. They are {}.",
        report.agreement * 100.0,
        rules.join(", ")
    );
    if !report.silent_rules.is_empty() {
        let names: Vec<String> = report.silent_rules.iter().map(|rule| printable(rule)).collect();
        text = format!("{text} No host can be judged by {}.", names.join(", "));
    }
    text
}

fn table(
    plan: &Plan,
    report: &ZombieReport,
    options: TextOptions,
    out: &mut impl Write,
) -> io::Result<()> {
    let hosts = &report.hosts;
    let shows = Shows::of(report);
    let limits: Vec<String> = resources(report)
        .into_iter()
        .map(|resource| format!("FREES {}", cut(resource).to_uppercase()))
        .collect();
    let mut headings = vec![named("HOST")];
    headings.extend(shows.class.then(|| words("IS")));
    headings.extend([words("EVIDENCE"), words("AGREE"), words("RULES")]);
    headings.extend(report.has_ledger.then(|| words("SINCE")));
    headings.extend([words("STAGE"), words("NEXT")]);
    headings.extend(shows.owner.then(|| named("OWNER")));
    headings.extend(report.savings.map(|_| numbers("SAVES/MONTH")));
    headings.extend(limits.iter().map(|text| numbers(text)));
    let mut columns = Columns::new(&headings);
    let shown = options.part(2).min(hosts.len());
    for host in &hosts[..shown] {
        let mut cells = vec![printable(&host.host)];
        cells.extend(shows.class.then(|| host.class.name().to_owned()));
        cells.push(host.grade.name().to_owned());
        cells.push(agree(host));
        cells.push(numbers_of(report, host));
        cells.extend(report.has_ledger.then(|| host.since.date()));
        cells.extend([stage(host), next(plan, host)]);
        cells.extend(shows.owner.then(|| owner(host)));
        cells.extend(report.savings.map(|_| price(host.price_per_month)));
        cells.extend(resources(report).into_iter().map(|resource| {
            let found = sums(&host.frees).find(|(other, ..)| *other == resource);
            amount(found.and_then(|found| found.1), found.map(|found| found.2))
        }));
        columns.row(&cells);
    }
    columns.write(out)?;
    more(hosts.len() - shown, "hosts", out)
}

/// Columns that are there only where they say something.
pub(super) struct Shows {
    pub(super) class: bool,
    pub(super) owner: bool,
}

impl Shows {
    pub(super) fn of(report: &ZombieReport) -> Self {
        let any = |what: fn(&ZombieHost) -> bool| report.hosts.iter().any(what);
        Self {
            class: any(|host| host.class != Class::Idle),
            owner: any(|host| host.owner.is_some()),
        }
    }
}

/// The resources that zombies would free, each once.
pub(super) fn resources(report: &ZombieReport) -> Vec<&str> {
    let all = report.hosts.iter().flat_map(|host| sums(&host.frees));
    super::reclaim::unique(all.map(|(resource, ..)| resource))
}

/// `6 of 7`.
pub(super) fn agree(host: &ZombieHost) -> String {
    format!("{} of {}", host.said_by.len(), host.judged)
}

/// The numbers of the rules that call a host a zombie.
fn numbers_of(report: &ZombieReport, host: &ZombieHost) -> String {
    let says = |rule: &String| host.said_by.iter().any(|(name, _)| name == rule);
    let numbered = report.rules.iter().enumerate().filter(|(_, rule)| says(rule));
    numbered.map(|(at, _)| (at + 1).to_string()).collect::<Vec<_>>().join(" ")
}

/// The stage that a host has reached.
pub(super) fn stage(host: &ZombieHost) -> String {
    host.stage.as_deref().map_or_else(|| "wait".to_owned(), printable)
}

/// The stage that comes next, and when, or what it takes.
pub(super) fn next(plan: &Plan, host: &ZombieHost) -> String {
    match &host.next {
        None => "-".to_owned(),
        Some((name, _)) if host.held => {
            format!("held before {}: evidence {}", printable(name), host.grade.name())
        }
        Some((name, day)) => {
            format!("{} on {}", printable(name), super::table::short_date(*day, plan.as_of))
        }
    }
}

pub(super) fn owner(host: &ZombieHost) -> String {
    host.owner.as_deref().map_or_else(|| "-".to_owned(), printable)
}

/// A price with cents, or a dash.
pub(super) fn price(price: Option<f64>) -> String {
    price.map_or_else(|| "-".to_owned(), |price| format!("{price:.2}"))
}

/// What all of them free and save.
pub(super) fn gain(report: &ZombieReport) -> String {
    let frees: Vec<&Freed> = report.hosts.iter().flat_map(|host| &host.frees).collect();
    let freed = freed(&frees);
    let Some(ZombieSavings { price_per_month, unpriced }) = report.savings else { return freed };
    let priced = report.hosts.len() - unpriced;
    match (priced, unpriced) {
        (0, _) => format!("{freed} The inventory has no price of any of them."),
        (_, 0) => format!("{freed} Gone, they save {price_per_month:.2} a month."),
        (_, unpriced) => format!(
            "{freed} Gone, they save {price_per_month:.2} a month, {unpriced} without a price \
             aside."
        ),
    }
}

/// What a stage does, from when on, on which evidence, and how it is undone.
pub(super) fn stage_in_words(plan: &Plan, report: &ZombieReport, stage: &Stage) -> String {
    let day = match report.hosts.first().filter(|_| !report.has_ledger) {
        Some(host) => super::table::short_date(host.day_of(stage), plan.as_of),
        None => String::new(),
    };
    let day = if day.is_empty() { day } else { format!(", {day}") };
    let (name, does, undo) =
        (printable(&stage.name), printable(&stage.does), printable(&stage.undo));
    let number = stage.day;
    let grade = match stage.grade {
        Grade::High => Grade::High.name().to_owned(),
        grade => format!("{} or better", grade.name()),
    };
    format!("{name} (day {number}{day}; evidence {grade}): {does}. Undone: {undo}.")
}

/// Who would be a zombie but for a label or a job.
pub(super) fn kept(report: &ZombieReport, names: usize) -> Option<String> {
    let count = report.kept.len();
    if count == 0 {
        return None;
    }
    let few: Vec<String> =
        report.kept.iter().take(names).map(|(host, _)| printable(host)).collect();
    let shown = cut_apart(few.iter().map(String::as_str), TABLE_CHARS_MAX);
    let dots = if count > shown.len() { ", ..." } else { "" };
    let names = shown.join(", ");
    Some(format!(
        "Kept, zombies but for a label or a job that comes seldom: {count} ({names}{dots})."
    ))
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;
    use crate::capacity::zombie::RulePack;

    const HOSTILE: &str = "\u{1b}[31mred\nline";

    fn report(class: Class, price_per_month: Option<f64>) -> ZombieReport {
        let since = "2025-12-05".parse().unwrap();
        let hosts = vec![ZombieHost {
            host: HOSTILE.into(),
            class,
            grade: Grade::Low,
            judged: 3,
            said_by: vec![("b".into(), "why".into()), ("a".into(), "why".into())],
            reasons: vec![HOSTILE.into()],
            owner: Some(HOSTILE.into()),
            price_per_month,
            since,
            stage: Some("warn".into()),
            next: Some(("stop".into(), "2025-12-31".parse().unwrap())),
            held: true,
            frees: vec![("disk".into(), "GB".parse().ok(), 500.0)],
        }];
        let unpriced = usize::from(price_per_month.is_none());
        ZombieReport {
            host_label: "host".into(),
            agreement: 0.5,
            rules: vec!["a".into(), "b".into(), "c".into()],
            silent_rules: vec!["c".into()],
            hosts,
            kept: vec![(HOSTILE.into(), HOSTILE.into())],
            undetermined: Vec::new(),
            in_use: 1,
            stages: RulePack::published().stages,
            has_ledger: true,
            savings: Some(ZombieSavings {
                price_per_month: price_per_month.unwrap_or(0.0),
                unpriced,
            }),
        }
    }

    fn written(report: &ZombieReport) -> String {
        testing::written(|plan, out| text(plan, report, TextOptions::default(), out))
    }

    #[test]
    fn a_host_has_its_rules_its_stage_and_what_holds_it() {
        let out = written(&report(Class::Idle, Some(12.5)));
        let line = out.lines().find(|line| line.contains("2 of 3")).unwrap();
        for part in [" low ", " 1 2 ", " 2025-12-05 ", " warn ", " 12.50 ", " 500 GB"] {
            assert!(format!("{line} ").contains(part), "{part:?} in {line}");
        }
        assert!(line.contains("held before stop: evidence low"), "{line}");
        assert!(!out.contains(" IS "), "all are idle");
        let words = out.replace('\n', "");
        assert!(words.contains("No host can be judged by c."), "{words}");
        assert!(words.contains("Gone, they save 12.50 a month."), "{words}");
        let off = written(&report(Class::PoweredOff, None));
        assert!(off.contains(" IS ") && off.contains("powered off"), "{off}");
        assert!(off.replace('\n', "").contains("has no price of any of them"), "{off}");
    }

    #[test]
    fn no_name_steers_the_terminal() {
        let out = written(&report(Class::Idle, None));
        assert!(out.chars().all(|c| c == '\n' || !c.is_control()), "{out:?}");
        assert!(out.contains("\\u{1b}[31mred\\nline"), "{out}");
    }
}
