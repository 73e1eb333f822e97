//! Idle hosts: low use in every resource of the rule, with the grade of the evidence.
//!
//! In: what one pass over each row measured against the rule. Out: the idle hosts, those that were
//! kept for their bursts, and those that cannot be judged. Never: a host that is called idle for
//! want of data.

use std::collections::BTreeMap;

use super::reduce::{self, LimitFacts};
use super::series::RowSeries;
use super::study::{IdleRule, Resource, Threshold};
use crate::model::{Labels, Span, Timestamp, Unit};

/// A month and a day: a job that runs monthly shows in so much data.
const MONTHLY: Span = Span::from_days(32);
/// A host without data for longer has gone, and is not idle.
pub(super) const STALE: Span = Span::DAY;

/// Idle hosts and the rule that found them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IdleReport {
    /// The rule in words; empty where the study has none.
    pub rule: String,
    /// The idle hosts: strongest evidence first, then by name.
    pub hosts: Vec<IdleHost>,
    /// Hosts that meet the rule but for a burst somewhere in the data: monthly or standby jobs.
    pub kept_for_bursts: Vec<Labels>,
    /// Hosts that cannot be judged, with the reason.
    pub undetermined: Vec<(Labels, String)>,
    /// How many hosts are in use.
    pub in_use: usize,
    /// What the idle hosts cost in a month, by the prices that are known; `None` where none is.
    pub saved_per_month: Option<f64>,
    /// Of how many of them no price is known.
    pub unpriced: usize,
}

/// A host that hardly does anything.
#[derive(Debug, Clone, PartialEq)]
pub struct IdleHost {
    /// The labels that name it.
    pub labels: Labels,
    /// How strong the evidence is.
    pub grade: Grade,
    /// One for each resource of the rule.
    pub evidence: Vec<Evidence>,
    /// What it would free: each resource with a limit, and that limit.
    pub frees: Vec<(String, Option<Unit>, f64)>,
}

/// How strong the evidence for an idle host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Two or more resources are low, and the data is long enough to show a monthly job.
    Strong,
    /// Only one of the two holds.
    Fair,
    /// Neither holds: look before you act.
    Weak,
}

/// What one resource says.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The name of the resource.
    pub resource: String,
    /// Its unit.
    pub unit: Option<Unit>,
    /// The level that counts as low under today's limit; each step is held against the level of its
    /// time.
    pub below: f64,
    /// The mean of its steps in the rule's window.
    pub mean: f64,
    /// The highest of them.
    pub peak: f64,
    /// The share of them that is low.
    pub share_low: f64,
}

/// What one row says to the rule.
#[derive(Debug, Clone, Copy)]
pub(super) struct IdleFacts {
    /// Level that counts as low under today's limit; `None` where it is a share of an unknown one.
    below: Option<f64>,
    low: usize,
    steps: usize,
    /// Days of the window with data, and days of the window.
    days: (usize, usize),
    mean: f64,
    /// The mean of the steps, each as a share of the level of its time.
    mean_of_level: f64,
    peak: f64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    burst: Option<Timestamp>,
}

/// One row of a resource by host, as the rule sees it.
pub(super) struct IdleRow<'a> {
    pub(super) labels: &'a Labels,
    pub(super) resource: usize,
    pub(super) limit: Option<f64>,
    pub(super) facts: Option<IdleFacts>,
}

/// Measures a row; `None` where the rule does not ask for the resource. What was used under another
/// limit is held against that one.
pub(super) fn measure(
    rule: &IdleRule,
    resource: usize,
    series: RowSeries<'_>,
    limit: Option<&LimitFacts>,
    as_of: Timestamp,
) -> Option<IdleFacts> {
    let of = |list: &[(usize, Threshold)]| {
        list.iter().find(|(index, _)| *index == resource).map(|(_, threshold)| *threshold)
    };
    let (below, burst) = (of(&rule.below), of(&rule.burst));
    if below.is_none() && burst.is_none() {
        return None;
    }
    let at = |threshold: Threshold, time| threshold.level(limit.map(|limit| limit.at(time)));
    let first = series.samples().next().map(|(at, _)| at);
    let from = rule.window.map_or(first.unwrap_or(as_of), |window| as_of.minus(window));
    let window = series.cut(from, as_of);
    let (mut low, mut steps, mut sum, mut days, mut day) = (0, 0, 0.0, 0, None);
    let mut shares = 0.0;
    for (time, value) in window.samples() {
        let level = below.and_then(|below| at(below, time));
        steps += 1;
        sum += value;
        shares += level.map_or(0.0, |level| value / level);
        low += usize::from(level.is_some_and(|level| value < level));
        if day.replace(time.floor(Span::DAY)) != Some(time.floor(Span::DAY)) {
            days += 1;
        }
    }
    let covered = as_of.since(from.max(first.unwrap_or(from)));
    Some(IdleFacts {
        below: below.and_then(|below| below.level(limit.map(|limit| limit.value))),
        low,
        steps,
        days: (days, covered.days().ceil() as usize),
        mean: sum / steps as f64,
        mean_of_level: shares / steps as f64,
        peak: reduce::peak(window).map_or(f64::NAN, |peak| peak.value),
        first,
        last: series.samples().next_back().map(|(at, _)| at),
        burst: burst.and_then(|burst| {
            let is_burst = |hour: &(Timestamp, f64)| at(burst, hour.0).is_some_and(|b| hour.1 > b);
            series.hours().filter(is_burst).last().map(|(time, _)| time)
        }),
    })
}

/// What the rule says of one host.
enum Verdict {
    Idle(Grade),
    InUse,
    KeptForBurst,
    Undetermined(String),
}

/// Judges every host. `rows` are those by host, of every resource.
pub(super) fn judge(
    rule: &IdleRule,
    resources: &[Resource],
    rows: &[IdleRow<'_>],
    as_of: Timestamp,
) -> IdleReport {
    let mut report = IdleReport { rule: in_words(rule, resources), ..IdleReport::default() };
    if rule.below.is_empty() {
        return report;
    }
    let mut hosts: BTreeMap<&Labels, Vec<&IdleRow<'_>>> = BTreeMap::new();
    for row in rows {
        hosts.entry(row.labels).or_default().push(row);
    }
    for (labels, mut rows) in hosts {
        rows.sort_by_key(|row| row.resource);
        match verdict(rule, resources, &rows, as_of) {
            Verdict::InUse => report.in_use += 1,
            Verdict::KeptForBurst => report.kept_for_bursts.push(labels.clone()),
            Verdict::Undetermined(why) => report.undetermined.push((labels.clone(), why)),
            Verdict::Idle(grade) => report.hosts.push(IdleHost {
                labels: labels.clone(),
                grade,
                evidence: evidence(rule, resources, &rows),
                frees: frees(resources, &rows),
            }),
        }
    }
    report.hosts.sort_by(|a, b| a.grade.cmp(&b.grade).then_with(|| a.labels.cmp(&b.labels)));
    report
}

fn verdict(
    rule: &IdleRule,
    resources: &[Resource],
    rows: &[&IdleRow<'_>],
    as_of: Timestamp,
) -> Verdict {
    let facts = |resource: usize| {
        rows.iter().find(|row| row.resource == resource).and_then(|row| row.facts.as_ref())
    };
    let is_low = |f: &IdleFacts| f.low as f64 >= rule.share * f.steps as f64;
    let mut missing = None;
    for (resource, _) in &rule.below {
        match facts(*resource) {
            Some(f) if f.steps > 0 && f.below.is_some() && !is_low(f) => return Verdict::InUse,
            found => missing = missing.or(unusable(found, rule, as_of).map(|why| (why, *resource))),
        }
    }
    if let Some((why, resource)) = missing {
        return Verdict::Undetermined(format!("{}: {why}", resources[resource].name));
    }
    let worked = |f: &IdleFacts| f.burst.is_some() || f.below.is_some() && f.mean_of_level >= 1.0;
    if rows.iter().filter_map(|row| row.facts.as_ref()).any(worked) {
        return Verdict::KeptForBurst;
    }
    let first = rule.below.iter().filter_map(|(resource, _)| facts(*resource)?.first).max();
    let age = first.map_or(Span::ZERO, |first| as_of.since(first));
    if age < rule.minimum_age {
        return Verdict::Undetermined(format!("younger than {}", rule.minimum_age));
    }
    Verdict::Idle(match (rule.below.len() >= 2, age >= MONTHLY) {
        (true, true) => Grade::Strong,
        (false, false) => Grade::Weak,
        _ => Grade::Fair,
    })
}

/// Why a row cannot speak for an idle host.
fn unusable(facts: Option<&IdleFacts>, rule: &IdleRule, as_of: Timestamp) -> Option<String> {
    let Some(facts) = facts else { return Some("no data".to_owned()) };
    let Some(last) = facts.last else { return Some("no data".to_owned()) };
    if as_of.since(last) > STALE {
        return Some("no samples in the last day".to_owned());
    }
    if facts.below.is_none() {
        return Some("no limit to take a share of".to_owned());
    }
    let (with_data, days) = facts.days;
    ((with_data as f64) < rule.minimum_coverage * days as f64)
        .then(|| "too many days without data".to_owned())
}

fn evidence(rule: &IdleRule, resources: &[Resource], rows: &[&IdleRow<'_>]) -> Vec<Evidence> {
    let of = |row: &&IdleRow<'_>| {
        rule.below.iter().find(|(resource, _)| *resource == row.resource)?;
        let facts = row.facts.as_ref()?;
        Some(Evidence {
            resource: resources[row.resource].name.clone(),
            unit: resources[row.resource].unit.clone(),
            below: facts.below?,
            mean: facts.mean,
            peak: facts.peak,
            share_low: facts.low as f64 / facts.steps as f64,
        })
    };
    rows.iter().filter_map(of).collect()
}

fn frees(resources: &[Resource], rows: &[&IdleRow<'_>]) -> Vec<(String, Option<Unit>, f64)> {
    let of = |row: &&IdleRow<'_>| {
        let resource = &resources[row.resource];
        Some((resource.name.clone(), resource.unit.clone(), row.limit?))
    };
    rows.iter().filter_map(of).collect()
}

fn in_words(rule: &IdleRule, resources: &[Resource]) -> String {
    if rule.below.is_empty() {
        return String::new();
    }
    let shown = |(resource, threshold): &(usize, Threshold)| {
        let resource = &resources[*resource];
        format!("{} below {}", resource.name, threshold.show(resource.unit.as_ref()))
    };
    let low: Vec<_> = rule.below.iter().map(shown).collect();
    let window = match rule.window {
        Some(window) => format!("the last {window}"),
        None => "all of the data".to_owned(),
    };
    let percent = (rule.share * 1_000.0).round() / 10.0;
    let mut text = format!("{} for {}% of {window} and in its mean", low.join(", "), percent);
    let burst = |(resource, threshold): &(usize, Threshold)| {
        let resource = &resources[*resource];
        format!("{} over {}", resource.name, threshold.show(resource.unit.as_ref()))
    };
    if !rule.burst.is_empty() {
        let bursts: Vec<_> = rule.burst.iter().map(burst).collect();
        text = format!("{text}; never an hour of {}", bursts.join(" or "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::Study;
    use super::*;

    const RULE: &str = "[[resource]]\nname = \"cpu\"\nusage = \"c\"\nlimit = 1.0\n\
        [[resource]]\nname = \"net\"\nusage = \"n\"\nunit = \"B/s\"\nrole = \"evidence\"\n";
    const DAY: usize = 24;

    fn at(hours: usize) -> Timestamp {
        Timestamp::from_seconds(3_600 * hours as i64)
    }

    /// Judges one host with hourly rows, up to the end of the first.
    fn judge_host(rule: &str, rows: &[Option<Vec<f64>>]) -> IdleReport {
        judge_under(rule, rows, &LimitFacts::constant(1.0))
    }

    /// The same, whose first row has this limit.
    fn judge_under(rule: &str, rows: &[Option<Vec<f64>>], first: &LimitFacts) -> IdleReport {
        let study = Study::parse(&format!("{RULE}{rule}"), "study.toml").unwrap();
        let as_of = at(rows.iter().flatten().map(Vec::len).max().unwrap());
        let labels = super::super::testing::labels("host", "a");
        let row = |(resource, row): (usize, &Option<Vec<f64>>)| {
            let series = RowSeries::new(at(0), Span::HOUR, row.as_ref()?);
            let limit = (resource == 0).then_some(first);
            let facts = measure(&study.idle, resource, series, limit, as_of);
            Some(IdleRow { labels: &labels, resource, limit: limit.map(|l| l.value), facts })
        };
        let rows: Vec<_> = rows.iter().enumerate().filter_map(row).collect();
        judge(&study.idle, &study.resources, &rows, as_of)
    }

    fn hours(days: usize, value: f64) -> Vec<f64> {
        vec![value; days * DAY]
    }

    /// `value` in the first `count` of the last `total` hours, else 0.
    fn high(days: usize, total: usize, count: usize, value: f64) -> Vec<f64> {
        let mut row = hours(days, 0.0);
        let from = row.len() - total;
        row[from..from + count].fill(value);
        row
    }

    #[test]
    fn thresholds_cut_exactly() {
        // Google Cloud's rule, cut at its edges: under 0.03 cpu for 97% of the time, and under
        // 2,000 B/s for as long.
        let rule = "[idle]\nshare = 0.97\nbelow = { cpu = 0.03, net = \"2 KB/s\" }\n";
        let quiet = || Some(hours(40, 100.0));
        for (cpu, net, idle) in [
            (hours(40, 0.0299), quiet(), true),
            (hours(40, 0.03), quiet(), false),
            (hours(40, 0.0301), quiet(), false),
            (hours(40, 0.0), Some(hours(40, 1_999.0)), true),
            (hours(40, 0.0), Some(hours(40, 2_001.0)), false),
            // 336 hours of the window: 10 high ones leave 97.02%, 11 leave 96.7%.
            (high(40, 336, 10, 0.5), quiet(), true),
            (high(40, 336, 11, 0.5), quiet(), false),
        ] {
            let report = judge_host(rule, &[Some(cpu), net]);
            assert_eq!(report.hosts.len(), usize::from(idle), "{report:?}");
            assert_eq!(report.in_use, usize::from(!idle));
        }
    }

    #[test]
    fn missing_data_is_never_idle() {
        let rule = "[idle.below]\ncpu = \"5%\"\nnet = \"2 KB/s\"\n";
        let mut gone = hours(40, 0.0);
        gone[30 * DAY..].fill(f64::NAN);
        let mut gaps = hours(40, 0.0);
        gaps[27 * DAY..31 * DAY].fill(f64::NAN);
        for (cpu, net, why) in [
            (hours(40, 0.0), None, "net: no data"),
            (hours(40, 0.0), Some(hours(40, f64::NAN)), "net: no data"),
            (gone, Some(hours(40, 0.0)), "cpu: no samples in the last day"),
            (gaps, Some(hours(40, 0.0)), "cpu: too many days without data"),
            (hours(6, 0.0), Some(hours(6, 0.0)), "younger than 7d"),
        ] {
            let report = judge_host(rule, &[Some(cpu), net]);
            assert!(report.hosts.is_empty());
            assert_eq!(report.undetermined[0].1, why);
        }
        // What is known to be busy needs no more data.
        assert_eq!(judge_host(rule, &[Some(hours(40, 0.9)), None]).in_use, 1);
    }

    #[test]
    fn a_monthly_job_is_kept_and_short_data_is_weak_evidence() {
        let rule = "[idle.below]\ncpu = \"5%\"\n";
        // An hour of work 25 days ago: outside the window, but inside the data.
        let report = judge_host(rule, &[Some(high(40, 25 * DAY, 1, 0.9))]);
        assert_eq!((report.hosts.len(), report.kept_for_bursts.len()), (0, 1));
        // Work inside the window that its tolerance passes over, but that is most of the use.
        let report = judge_host(rule, &[Some(high(40, 100, 16, 1.0))]);
        assert_eq!((report.hosts.len(), report.kept_for_bursts.len()), (0, 1));
        let net = "[idle.below]\nnet = 10\n";
        let report = judge_host(net, &[None, Some(high(40, 100, 16, 900.0))]);
        assert_eq!((report.hosts.len(), report.kept_for_bursts.len()), (0, 1), "by its mean");
        // The same hour is no burst at 15%, under four times the threshold.
        assert_eq!(judge_host(rule, &[Some(high(40, 25 * DAY, 1, 0.15))]).hosts.len(), 1);
        let grade = |rule: &str, days: usize| {
            judge_host(rule, &[Some(hours(days, 0.0)), Some(hours(days, 0.0))]).hosts[0].grade
        };
        let both = "[idle.below]\ncpu = \"5%\"\nnet = 10\n";
        assert_eq!((grade(rule, 14), grade(rule, 40)), (Grade::Weak, Grade::Fair));
        assert_eq!((grade(both, 14), grade(both, 40)), (Grade::Fair, Grade::Strong));
    }

    #[test]
    fn a_use_is_held_against_the_limit_of_its_time() {
        let rule = "[idle.below]\ncpu = \"5%\"\n";
        // Limits by day: 4 cores, and 64 from a day on.
        let grown = |from: usize| {
            let mut days = vec![4.0; 40];
            days[from..].fill(64.0);
            reduce::limit(RowSeries::new(at(0), Span::DAY, &days), 1.0).unwrap()
        };
        // Three of four cores are work, though little of the 64 that there are since this morning.
        let report = judge_under(rule, &[Some(hours(40, 3.05))], &grown(39));
        assert_eq!((report.hosts.len(), report.in_use), (0, 1), "{report:?}");
        // What was a burst under the old limit is one: an hour of 3 of 4 cores keeps the host.
        let burst = || Some(high(40, 25 * DAY, 1, 3.0));
        assert_eq!(judge_under(rule, &[burst()], &grown(20)).kept_for_bursts.len(), 1);
        assert_eq!(judge_under(rule, &[burst()], &grown(5)).hosts.len(), 1);
        // Its mean is held against them as well: two thirds of a day half of the old limit, then
        // thirteen days of 3.1 of 64 cores.
        let rule = "[idle]\nbelow = { cpu = \"5%\" }\nburst = { cpu = 100 }\n";
        let mut busy = hours(40, 3.1);
        busy[26 * DAY..26 * DAY + 16].fill(2.0);
        busy[26 * DAY + 16..27 * DAY].fill(0.1);
        let report = judge_under(rule, &[Some(busy.clone())], &grown(26));
        assert_eq!(report.kept_for_bursts.len(), 1, "{report:?}");
        assert_eq!(judge_under(rule, &[Some(busy)], &grown(0)).hosts.len(), 1);
        // An idle host is idle under every limit.
        assert_eq!(judge_under(rule, &[Some(hours(40, 0.01))], &grown(39)).hosts.len(), 1);
    }

    #[test]
    fn the_rule_is_told_in_words() {
        let rule =
            "[idle]\nbelow = { cpu = \"5%\", net = \"2 KB/s\" }\nburst = { net = \"1 MB/s\" }\n";
        assert_eq!(
            judge_host(rule, &[Some(hours(9, 0.0))]).rule,
            "cpu below 5% of its limit, net below 2.00 KB/s for 95% of the last 14d and in its \
             mean; never an hour of cpu over 20% of its limit or net over 1.00 MB/s"
        );
        assert_eq!(judge_host("[idle]\nbelow = {}\n", &[Some(hours(9, 0.0))]).rule, "");
    }
}
