//! Truth tables: every published rule at each of its edges; missing data; history; grades; and the
//! reduction against a plain count.

use proptest::prelude::*;

use super::pack::{Needed, Per, Statistic};
use super::reduce::ConditionUse;
use super::*;
use crate::model::{Span, Timestamp};

const FIVE_MINUTES: Span = Span::from_seconds(300);
/// Steps of five minutes in a day, and in 14 days.
const DAY: usize = 288;
const FORTNIGHT: usize = 14 * DAY;

/// A host that hardly does anything, in steps of five minutes or an hour.
#[derive(Clone)]
struct Host {
    step: Span,
    steps: usize,
    rows: Vec<(&'static str, Vec<f64>)>,
    facts: HostFacts,
}

impl Host {
    fn idle(days: usize, step: Span) -> Self {
        let steps = days * (Span::DAY.nanos() / step.nanos()) as usize;
        let rows = [
            ("cpu_cores", 0.001),
            ("cpu_share", 0.001),
            ("memory_share", 0.1),
            ("disk", 10.0),
            ("received", 10.0),
            ("sent", 10.0),
            ("network_share", 0.001),
        ];
        let rows = rows.map(|(name, value)| (name, vec![value; steps])).to_vec();
        Self { step, steps, rows, facts: HostFacts::default() }
    }

    fn without(mut self, metric: &str) -> Self {
        self.rows.retain(|(name, _)| *name != metric);
        self
    }

    /// One value all the time.
    fn all(self, metric: &'static str, value: f64) -> Self {
        let steps = self.steps;
        self.last(metric, steps, steps, value)
    }

    /// Of the last `of` steps the first `count` have a value.
    fn last(mut self, metric: &'static str, of: usize, count: usize, value: f64) -> Self {
        if self.rows.iter().all(|(name, _)| *name != metric) {
            self.rows.push((metric, vec![0.0; self.steps]));
        }
        let (_, row) = self.rows.iter_mut().find(|(name, _)| *name == metric).unwrap();
        let from = self.steps - of;
        row[from..from + count].fill(value);
        self
    }

    fn labelled(mut self, name: &str, value: &str) -> Self {
        self.facts.labels.push((name.to_owned(), value.to_owned()));
        self
    }

    fn judged_by(&self, pack: &RulePack) -> HostVerdict {
        let start = Timestamp::from_seconds(0);
        let now = start.plus(Span::from_nanos(self.steps as i64 * self.step.nanos()));
        let mut reducer = HostReducer::new(pack, now, self.step).unwrap();
        let rows: Vec<(&str, &[f64])> =
            self.rows.iter().map(|(name, row)| (*name, row.as_slice())).collect();
        reducer.add(start, &rows).unwrap();
        judge(pack, &reducer.finish(), &self.facts)
    }

    fn judged(&self) -> HostVerdict {
        self.judged_by(&RulePack::published())
    }

    /// What one published rule says.
    fn by(&self, rule: &str) -> RuleVerdict {
        let pack = RulePack::published();
        let index = pack.rules.iter().position(|known| known.name == rule).unwrap();
        self.judged_by(&pack).rules.swap_remove(index)
    }
}

/// A zombie, if that is so; else in use.
fn verdict(zombie: bool) -> Verdict {
    if zombie { Verdict::Zombie } else { Verdict::InUse }
}

#[track_caller]
fn check(rule: &str, cases: &[(Host, bool)]) {
    for (index, (host, zombie)) in cases.iter().enumerate() {
        let found = host.by(rule);
        assert_eq!(found.verdict, verdict(*zombie), "case {index} of {rule}: {}", found.reason);
    }
}

fn idle() -> Host {
    Host::idle(60, FIVE_MINUTES)
}

#[test]
fn google_cuts_exactly() {
    // Google Cloud: cpu < 0.03 vCPU for 97%; received < 2000 B/s and sent < 1000 B/s for 95%.
    let with = |metric, value| idle().all(metric, value);
    let high = |metric, count, value| idle().last(metric, FORTNIGHT, count, value);
    check(
        "google-idle-vm",
        &[
            (with("cpu_cores", 0.0299), true),
            (with("cpu_cores", 0.03), false),
            (with("cpu_cores", 0.0301), false),
            (with("received", 1_999.0), true),
            (with("received", 2_000.0), false),
            (with("sent", 999.0), true),
            (with("sent", 1_001.0), false),
            // Of 4,032 samples 117 leave 97.1%, 125 leave 96.9%.
            (high("cpu_cores", 117, 0.0301), true),
            (high("cpu_cores", 125, 0.0301), false),
            // 197 leave 95.1%, 205 leave 94.9%.
            (high("received", 197, 1e6), true),
            (high("received", 205, 1e6), false),
            (high("sent", 197, 1e6), true),
            (high("sent", 205, 1e6), false),
            // What lies before the window is not looked at by its letter.
            (idle().last("cpu_cores", FORTNIGHT + 30 * DAY, 20 * DAY, 1.0), true),
        ],
    );
    let found = high("cpu_cores", 125, 0.0301).by("google-idle-vm");
    assert_eq!(
        found.reason,
        "cpu_cores below 0.03 cores: 96.9% of the samples, 97% needed, \
         mean of cpu_cores 0.0019 cores"
    );
    assert_eq!(found.conditions[0].measured, Some(3_907.0 / 4_032.0));
    for label in ["gpu", "local_ssd"] {
        let found = idle().labelled(label, "yes").by("google-idle-vm");
        assert_eq!(found.verdict, Verdict::Undetermined);
        assert_eq!(found.reason, format!("it does not speak of hosts with {label}"));
        assert_eq!(idle().labelled(label, "No").by("google-idle-vm").verdict, Verdict::Zombie);
    }
    for (days, expected) in [(4, Verdict::Undetermined), (5, Verdict::Zombie)] {
        assert_eq!(Host::idle(days, FIVE_MINUTES).by("google-idle-vm").verdict, expected);
    }
}

#[test]
fn bmc_cuts_exactly_and_its_three_hold_together() {
    // BMC Helix: >= 95% with cpu < 5%, disk < 100 KB/s, network < 200 KB/s; age >= 7 d.
    let with = |metric, value| idle().all(metric, value);
    let week = 7 * DAY;
    let at = |host: Host, metric, from, count| host.last(metric, week - from, count, 1e9);
    check(
        "bmc-helix-idle",
        &[
            (with("cpu_share", 0.0499), true),
            (with("cpu_share", 0.0501), false),
            (with("disk", 99_999.0), true),
            (with("disk", 100_000.0), false),
            // Received and sent together.
            (with("received", 199_989.0), true),
            (with("received", 199_990.0), false),
            // Of 2,016 samples 100 leave 95.04%, 101 leave 94.99%.
            (at(idle(), "cpu_share", 0, 100), true),
            (at(idle(), "cpu_share", 0, 101), false),
            // The same 60 samples, or 180 of them.
            (at(at(at(idle(), "cpu_share", 0, 60), "disk", 0, 60), "sent", 0, 60), true),
            (at(at(at(idle(), "cpu_share", 0, 60), "disk", 60, 60), "sent", 120, 60), false),
        ],
    );
    assert_eq!(Host::idle(6, FIVE_MINUTES).by("bmc-helix-idle").verdict, Verdict::Undetermined);
    assert_eq!(Host::idle(7, FIVE_MINUTES).by("bmc-helix-idle").verdict, Verdict::Zombie);
}

#[test]
fn trusted_advisor_counts_days() {
    // AWS Trusted Advisor: cpu <= 10% daily mean and network <= 5 MB on >= 4 of 14 days.
    let busy = |days: usize| idle().last("cpu_share", FORTNIGHT, days * DAY, 0.2);
    let cpu = |value| busy(14).last("cpu_share", 4 * DAY, 4 * DAY, value);
    let sent = |value| busy(10).last("sent", 4 * DAY, 4 * DAY, value);
    check(
        "aws-trusted-advisor-low-use",
        &[
            (busy(10), true),
            (busy(11), false),
            (cpu(0.0999), true),
            (cpu(0.1001), false),
            // 5 MB a day are 57.87 B/s, of which 10 were received.
            (sent(47.86), true),
            (sent(47.88), false),
            // Four quiet days of each, but not the same ones.
            (busy(10).last("sent", 3 * DAY, 3 * DAY, 1e6).last("sent", 9 * DAY, DAY, 1e6), false),
        ],
    );
    let found = busy(11).by("aws-trusted-advisor-low-use");
    assert_eq!(
        found.reason,
        "cpu_share at most 10% and sum of network at most 5 MB: on 3 of 14 days, 4 needed, \
         mean of cpu_share 15.736%, mean of network 1.728 MB"
    );
    // Three days old, and all of them low: too young to be in use or not.
    let young = Host::idle(3, FIVE_MINUTES).by("aws-trusted-advisor-low-use");
    assert_eq!(young.verdict, Verdict::Undetermined);
    assert_eq!(
        Host::idle(4, FIVE_MINUTES).by("aws-trusted-advisor-low-use").verdict,
        Verdict::Zombie
    );
}

#[test]
fn compute_optimizer_tells_what_is_too_large() {
    // AWS Compute Optimizer: p99.5 with 20% headroom, 30 h of data in 14 d.
    let high = |metric, count| idle().last(metric, FORTNIGHT, count, 0.9);
    check(
        "aws-compute-optimizer-oversized",
        &[
            (idle().all("cpu_share", 0.4), true),
            (idle().all("cpu_share", 0.4001), false),
            (idle().all("memory_share", 0.4), true),
            (idle().all("memory_share", 0.4001), false),
            // Of 4,032 samples 20 leave 99.504%, 21 leave 99.479%.
            (high("cpu_share", 20), true),
            (high("cpu_share", 21), false),
            (high("memory_share", 21), false),
        ],
    );
    for (hours, expected) in [(29, Verdict::Undetermined), (30, Verdict::Zombie)] {
        let gap = |host: Host, metric| {
            let of = FORTNIGHT - hours * 12;
            let (_, row) = host.rows.iter().find(|(name, _)| *name == metric).unwrap();
            let mut row = row.clone();
            let end = row.len();
            row[end - FORTNIGHT..end - FORTNIGHT + of].fill(f64::NAN);
            let mut host = host.without(metric);
            host.rows.push((metric, row));
            host
        };
        let host = gap(gap(idle(), "cpu_share"), "memory_share");
        let found = host.by("aws-compute-optimizer-oversized");
        assert_eq!(found.verdict, expected, "{}", found.reason);
    }
    let found = idle().all("cpu_share", 0.3).all("cpu_cores", 0.3).judged();
    assert_eq!((found.verdict, found.class), (Verdict::InUse, Some(Class::Oversized)));
}

#[test]
fn azure_looks_at_each_day_of_a_week() {
    // Azure Advisor: cpu <= 5%, network < 2% over 7 d.
    let day = |metric, value| idle().last(metric, 3 * DAY, DAY, value);
    check(
        "azure-advisor-low-use",
        &[
            (day("cpu_share", 0.0499), true),
            (day("cpu_share", 0.0501), false),
            (day("network_share", 0.0199), true),
            (day("network_share", 0.0201), false),
            (idle().last("cpu_share", 8 * DAY, DAY, 0.9), true),
            (idle().last("cpu_share", 7 * DAY, DAY, 0.9), false),
        ],
    );
    // Without the share the rule cannot tell, unless its capacity is known.
    let host = idle().without("network_share");
    let found = host.by("azure-advisor-low-use");
    assert_eq!(
        (found.verdict, found.reason.ends_with("the host has no network_share")),
        (Verdict::Undetermined, true)
    );
    let host = host.all("network_capacity", 1e6);
    assert_eq!(host.by("azure-advisor-low-use").verdict, Verdict::Zombie);
}

#[test]
fn cloudaware_looks_at_the_whole_window() {
    // CloudAware: mean < 5%, max < 15%, network < 100 MB, 14 d.
    // 100 MB in 14 days are 82.67 B/s, of which 10 were received.
    check(
        "cloudaware-idle",
        &[
            (idle().all("cpu_share", 0.0499), true),
            (idle().all("cpu_share", 0.0501), false),
            (idle().last("cpu_share", 9 * DAY, 1, 0.1499), true),
            (idle().last("cpu_share", 9 * DAY, 1, 0.15), false),
            (idle().all("sent", 72.66), true),
            (idle().all("sent", 72.68), false),
        ],
    );
    let found = idle().last("cpu_share", 9 * DAY, 1, 0.15).by("cloudaware-idle");
    assert_eq!(found.reason, "maximum of cpu_share below 15%: 15%");
    assert_eq!(found.conditions[1].measured, Some(0.15));
    let found = idle().without("sent").by("cloudaware-idle");
    assert_eq!(found.verdict, Verdict::Undetermined);
    assert_eq!(found.reason, "sum of network below 100 MB: the host has no network");
}

#[test]
fn custodian_kubecost_and_koomey_cut_exactly() {
    // Cloud Custodian: max cpu <= 10% in 24 h.
    check(
        "cloud-custodian-underused-vm",
        &[
            (idle().last("cpu_share", DAY, 1, 0.1), true),
            (idle().last("cpu_share", DAY, 1, 0.1001), false),
            (idle().last("cpu_share", DAY + 1, 1, 0.9), true),
        ],
    );
    // Kubecost: traffic below a threshold, here 500 B/s, over 2 d.
    check(
        "kubecost-abandoned",
        &[(idle().all("sent", 489.0), true), (idle().all("sent", 490.0), false)],
    );
    // Koomey and Taylor: six months.
    let half_year = || Host::idle(200, Span::HOUR);
    let koomey = "koomey-comatose";
    check(
        koomey,
        &[
            (half_year(), true),
            (half_year().last("cpu_share", 170 * 24, 1, 0.0499), true),
            (half_year().last("cpu_share", 170 * 24, 1, 0.0501), false),
            (half_year().last("sent", 183 * 24, 1, 2_990.0), false),
            (half_year().last("sent", 183 * 24, 1, 2_989.0), true),
        ],
    );
    assert_eq!(Host::idle(182, Span::HOUR).by(koomey).verdict, Verdict::Undetermined);
    assert_eq!(Host::idle(183, Span::HOUR).by(koomey).verdict, Verdict::Zombie);
}

#[test]
fn what_is_missing_is_undetermined_and_never_zero() {
    let nothing = |host: Host, metric| host.all(metric, f64::NAN);
    for rule in RulePack::published().rules {
        let host = Host::idle(200, Span::HOUR);
        assert_eq!(host.by(&rule.name).verdict, Verdict::Zombie, "{}", rule.name);
        for metric in rule.conditions.iter().flat_map(|c| &c.tests).map(|test| &test.metric) {
            // The network is what was received and sent.
            let given = if metric == "network" { "sent" } else { metric.as_str() };
            let given =
                host.rows.iter().map(|(name, _)| *name).find(|name| *name == given).unwrap();
            for missing in [host.clone().without(given), nothing(host.clone(), given)] {
                let found = missing.by(&rule.name);
                assert_eq!(found.verdict, Verdict::Undetermined, "{} {given}", rule.name);
            }
        }
    }
    let silent =
        ["cpu_cores", "cpu_share", "memory_share", "disk", "received", "sent", "network_share"];
    let gone = silent
        .into_iter()
        .fold(idle(), |host, metric| host.last(metric, DAY + 1, DAY + 1, f64::NAN));
    let found = gone.judged();
    assert_eq!((found.verdict, found.judged), (Verdict::Undetermined, 0));
    assert_eq!(
        found.reasons,
        ["no rule can tell: there are no samples since 1970-02-28T23:55:00Z"]
    );
    let empty = silent.into_iter().fold(idle(), nothing).judged();
    assert_eq!(empty.reasons, ["no rule can tell: there is no data"]);
    // 79% of a window are too few, 81% are enough; and what is busy anyhow needs no more.
    let gap = |share: f64| {
        let count = (FORTNIGHT as f64 * share) as usize;
        idle().last("cpu_cores", FORTNIGHT, count, f64::NAN)
    };
    assert_eq!(gap(0.19).by("google-idle-vm").verdict, Verdict::Zombie);
    assert_eq!(gap(0.21).by("google-idle-vm").verdict, Verdict::Undetermined);
    let busy = gap(0.5).last("cpu_cores", DAY, DAY, 1.0);
    assert_eq!(busy.by("google-idle-vm").verdict, Verdict::InUse);
}

#[test]
fn a_rule_may_skip_what_a_host_does_not_have() {
    let text = RulePack::published_text().replace(
        "minimum_age = \"7d\"\n\n[[rule.condition]]\nper = \"sample\"",
        "minimum_age = \"7d\"\nmissing = \"skip\"\n\n[[rule.condition]]\nper = \"sample\"",
    );
    let pack = RulePack::parse(&text, "rules.toml").unwrap();
    let index = pack.rules.iter().position(|rule| rule.name == "bmc-helix-idle").unwrap();
    let by = |host: Host| host.judged_by(&pack).rules.swap_remove(index).verdict;
    assert_eq!(by(idle().without("disk")), Verdict::Zombie);
    assert_eq!(by(idle().without("disk").all("cpu_share", 0.06)), Verdict::InUse);
    // It has the metric, and the metric has gaps.
    assert_eq!(by(idle().all("disk", f64::NAN)), Verdict::Undetermined);
    let nothing = idle().without("disk").without("cpu_share").without("sent").without("received");
    assert_eq!(by(nothing), Verdict::Undetermined);
}

#[test]
fn probes_are_taken_off() {
    let probed = idle().all("received", 2_100.0).all("sent", 1_050.0);
    assert_eq!(probed.by("google-idle-vm").verdict, Verdict::InUse);
    let text = RulePack::published_text()
        .replace("\n[floor]\n\n", "\n[floor]\nreceived = \"0.2 KB/s\"\nsent = 100\n\n");
    let pack = RulePack::parse(&text, "rules.toml").unwrap();
    assert_eq!(pack.floors.len(), 2);
    assert_eq!(probed.judged_by(&pack).rules[0].verdict, Verdict::Zombie);
    let served = probed.all("received", 2_200.0).judged_by(&pack);
    assert_eq!(served.rules[0].verdict, Verdict::InUse);
}

#[test]
fn standby_and_monthly_hosts_are_kept() {
    let standby = idle().labelled("standby", "true").judged();
    assert_eq!((standby.verdict, standby.grade), (Verdict::InUse, None));
    assert!(standby.kept);
    let busy = idle().labelled("standby", "true").all("cpu_share", 0.9).all("cpu_cores", 2.0);
    assert!(!busy.all("sent", 1e6).judged().kept, "it works, and needs no label");
    assert_eq!(standby.reasons, ["it is labelled standby, and kept"]);
    assert_eq!(idle().labelled("standby", "false").judged().verdict, Verdict::Zombie);
    // Two hours of work each 30 days, seen twice or thrice: kept, and the reason says so.
    let month = 30 * DAY;
    let job = |host: Host, days_ago: usize| {
        let host = host.last("cpu_cores", days_ago * DAY, 24, 2.0);
        host.last("cpu_share", days_ago * DAY, 24, 0.9).last("sent", days_ago * DAY, 24, 1e6)
    };
    let monthly = job(job(Host::idle(80, FIVE_MINUTES), 20), 20 + month / DAY);
    let found = monthly.judged();
    assert!(found.verdict == Verdict::InUse && found.kept, "{:?}", found.reasons);
    assert_eq!(
        found.rules[0].reason,
        "a regular job: it works about every 30 days, last on 1970-03-02"
    );
    // Seen once: a zombie by the rules of 14 days, with low confidence.
    let found = job(Host::idle(95, FIVE_MINUTES), 20).judged();
    assert_eq!((found.verdict, found.grade), (Verdict::Zombie, Some(Grade::Low)));
    assert!(
        found.reasons[1].contains("it worked on 1970-03-17, and may do so again: low confidence"),
        "{:?}",
        found.reasons
    );
    // A history that is too short to show it.
    let found = Host::idle(31, FIVE_MINUTES).judged();
    assert_eq!((found.verdict, found.grade), (Verdict::Zombie, Some(Grade::Low)));
    assert_eq!(found.reasons[1], "31 days of history cannot show a monthly job: low confidence");
}

#[test]
fn grades_say_how_far_to_trust() {
    let grade = |host: &Host| host.judged().grade;
    assert_eq!(grade(&Host::idle(40, FIVE_MINUTES)), Some(Grade::Fair));
    assert_eq!(grade(&Host::idle(93, FIVE_MINUTES)), Some(Grade::High));
    // Its whole life is known.
    let mut born = Host::idle(40, FIVE_MINUTES);
    born.facts.born = Some(Timestamp::from_seconds(0));
    assert_eq!(grade(&born), Some(Grade::High));
    // Known for 40 days, and older: the months before may have been busy.
    born.facts.born = Some(Timestamp::from_seconds(-90 * 86_400));
    assert_eq!(grade(&born), Some(Grade::Fair));
    // One kind of evidence, one rule: low.
    let cpu = ["memory_share", "disk", "received", "sent", "network_share"];
    let cpu = cpu.into_iter().fold(Host::idle(93, FIVE_MINUTES), Host::without);
    assert_eq!((cpu.judged().judged, grade(&cpu)), (1, Some(Grade::Low)));
    // Over 5 MB a day and 100 MB in 14 days, which two of seven rules mind.
    let chatty = idle().all("sent", 100.0);
    let found = chatty.judged();
    assert_eq!((found.agree, found.judged, found.grade), (5, 7, Some(Grade::Fair)));
    assert_eq!(found.reasons[0], "5 of 7 rules agree");
    // And once 12% of cpu, which a third minds: less than two of three agree.
    let found = chatty.last("cpu_share", DAY, 1, 0.12).judged();
    assert_eq!((found.agree, found.judged, found.grade), (4, 7, Some(Grade::Low)));
    // Half of them are not enough.
    let half = ["cpu_cores", "disk", "memory_share", "network_share"];
    let half = half.into_iter().fold(idle().all("sent", 100.0), Host::without).judged();
    assert_eq!((half.agree, half.judged, half.verdict), (2, 4, Verdict::InUse));
    let found = idle().all("cpu_share", 0.06).all("cpu_cores", 0.12).judged();
    assert_eq!((found.agree, found.judged, found.verdict), (3, 8, Verdict::InUse));
    assert_eq!(found.reasons[0], "3 of 8 rules call it a zombie");
    assert!(found.reasons[1].starts_with("google-idle-vm: cpu_cores below 0.03 cores: 0% of the"));
}

#[test]
fn pieces_must_follow_each_other() {
    let pack = RulePack::published();
    let now = Timestamp::from_seconds(10 * 86_400);
    for step in [Span::ZERO, Span::from_seconds(7), Span::DAY] {
        assert!(HostReducer::new(&pack, now, step).is_err());
    }
    let mut reducer = HostReducer::new(&pack, now, Span::HOUR).unwrap();
    let (day, short) = ([0.0; 24], [0.0; 23]);
    let start = Timestamp::from_seconds(86_400);
    reducer.add(start, &[("cpu_share", &day)]).unwrap();
    let refused = |why: crate::Error| why.to_string();
    let twice = reducer.add(start, &[("cpu_share", &day)]).map_err(refused);
    assert_eq!(
        twice.unwrap_err(),
        "a piece begins with a UTC day, in order, and not at 1970-01-02T00:00:00Z"
    );
    let next = start.plus(Span::DAY);
    let uneven = reducer.add(next, &[("cpu_share", &day), ("sent", &short)]).map_err(refused);
    assert_eq!(uneven.unwrap_err(), "sent has 23 steps and cpu_share 24: give the same time");
    assert!(reducer.add(next.plus(Span::HOUR), &[("cpu_share", &day)]).is_err());
    reducer.add(next, &[]).unwrap();
    // What lies after now is not looked at.
    reducer.add(now, &[("cpu_share", &day)]).unwrap();
    assert_eq!(reducer.finish().last(), Some(next));
}

/// The condition counted the plain way: unit of time after unit of time, over the whole row.
fn counted(
    condition: &Condition,
    rows: &[Vec<f64>],
    step: Span,
    now: Timestamp,
    window: Span,
) -> (u32, u32) {
    let unit = condition.per.span(window, step);
    let to = now.floor(unit);
    let (mut met, mut failed) = (0, 0);
    let mut from = to.minus(window);
    while from < to {
        let first = (from.nanos() / step.nanos()).max(0) as usize;
        let end = (from.plus(unit).nanos() / step.nanos()).max(0) as usize;
        let mut outcomes = condition
            .tests
            .iter()
            .zip(rows)
            .map(|(test, row)| {
                let known: Vec<f64> =
                    row[first..end].iter().copied().filter(|v| v.is_finite()).collect();
                let enough = known.len() as f64 / (end - first) as f64 >= 0.8;
                let mean = known.iter().sum::<f64>() / known.len() as f64;
                let value = match test.statistic {
                    Statistic::Mean => mean,
                    Statistic::Sum => mean * unit.seconds(),
                    Statistic::Max => known.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                };
                let over = test.statistic == Statistic::Max && !test.level.holds(value);
                (!known.is_empty() && (enough || over)).then(|| test.level.holds(value))
            })
            .collect::<Vec<_>>()
            .into_iter();
        if outcomes.clone().any(|outcome| outcome == Some(false)) {
            failed += 1;
        } else if outcomes.all(|outcome| outcome == Some(true)) {
            met += 1;
        }
        from = from.plus(unit);
    }
    (met, failed)
}

/// A pack of one rule: the processor is never over this share in two days.
fn one_rule(finding: &str, share: &str) -> RulePack {
    let policy = RulePack::published_text().split("[[rule]]").next().unwrap();
    let text = format!(
        "{policy}[[rule]]\nname = \"mine\"\nsource = \"me\"\nfinding = \"{finding}\"\n\
         window = \"2d\"\n\
         [[rule.condition]]\nper = \"window\"\n\
         tests = [{{ metric = \"cpu_share\", statistic = \"max\", at_most = \"{share}\" }}]\n\
         [[stage]]\nname = \"notify\"\nday = 14\ngrade = \"low\"\ndoes = \"x\"\nundo = \"y\"\n"
    );
    RulePack::parse(&text, "rules.toml").unwrap()
}

#[test]
fn each_finding_but_oversized_has_a_vote() {
    let host = Host::idle(40, Span::HOUR);
    for (finding, class) in
        [("idle", Class::Idle), ("snapshot", Class::Snapshot), ("powered_off", Class::PoweredOff)]
    {
        let found = host.judged_by(&one_rule(finding, "10%"));
        assert_eq!((found.verdict, found.class), (Verdict::Zombie, Some(class)), "{finding}");
        let found = host.judged_by(&one_rule(finding, "0.001%"));
        assert_eq!((found.verdict, found.agree, found.judged), (Verdict::InUse, 0, 1));
        assert!(found.reasons[1].starts_with("mine: maximum of cpu_share"), "{found:?}");
        // Without any data.
        let found = host.clone().all("cpu_share", f64::NAN).judged_by(&one_rule(finding, "10%"));
        let why = vec!["no rule can tell: there is no data".to_owned()];
        assert_eq!((found.verdict, found.reasons), (Verdict::Undetermined, why));
    }
    let found = host.judged_by(&one_rule("oversized", "10%"));
    let why = vec!["no rule can tell: no rule of the pack has a vote".to_owned()];
    assert_eq!((found.verdict, found.reasons), (Verdict::Undetermined, why));
}

#[test]
fn a_zombie_is_quiet_since_its_last_work() {
    const HOURS: usize = 24;
    let day = |day: i64| Some(Timestamp::from_seconds(day * 86_400));
    let idle = || Host::idle(125, Span::HOUR);
    assert_eq!(idle().judged().quiet_since, day(0));
    // Seventy days of work, then twenty without; the rules that ask for traffic saw none of it.
    let works = |host: Host, metric| host.last(metric, 90 * HOURS, 70 * HOURS, 0.5);
    let found = works(works(idle(), "cpu_share"), "cpu_cores").judged();
    assert_eq!((found.verdict, found.quiet_since), (Verdict::Zombie, day(105)));
    // Some of it, of one metric that few rules ask for, makes it no less of a zombie.
    assert_eq!(works(idle(), "network_share").judged().quiet_since, day(0));
    assert_eq!(
        works(idle(), "cpu_share").last("cpu_share", 24, 24, 0.5).judged().quiet_since,
        None
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_reduction_is_a_plain_count_however_it_is_cut(
        values in proptest::collection::vec(0_u8..12, 2 * 6 * DAY),
        per in 0_usize..3,
        statistic in 0_usize..3,
        cuts in proptest::collection::vec(any::<bool>(), 6),
        short in 0_usize..DAY,
    ) {
        let mut pack = RulePack::published();
        pack.rules.truncate(2);
        pack.rules[1].window = Span::from_days(3);
        let condition = &mut pack.rules[1].conditions[0];
        condition.per = [Per::Sample, Per::Hour, Per::Day][per];
        condition.needed = Needed::Share(0.9);
        let statistic = [Statistic::Mean, Statistic::Max, Statistic::Sum][statistic];
        condition.tests.truncate(2);
        let unit = condition.per.span(Span::ZERO, FIVE_MINUTES).seconds();
        for test in &mut condition.tests {
            test.statistic = statistic;
            test.level.value = if statistic == Statistic::Sum { 0.5 * unit } else { 0.5 };
        }
        // Mostly low, some on the edge, some high, some gaps.
        let drawn = [0.0, 0.1, 0.2, 0.4, 0.5, 0.5, 0.6, 0.9, 1.0, 0.1, f64::NAN, 0.3];
        let row = |row: &[u8]| row.iter().map(|index| drawn[usize::from(*index)]).collect();
        let rows: Vec<Vec<f64>> = values.chunks(6 * DAY).map(row).collect();
        let now = Timestamp::from_seconds(300 * (6 * DAY - short) as i64);
        let names = ["cpu_share", "disk"];
        let mut whole = HostReducer::new(&pack, now, FIVE_MINUTES).unwrap();
        let given: [(&str, &[f64]); 2] = [(names[0], &rows[0]), (names[1], &rows[1])];
        whole.add(Timestamp::from_seconds(0), &given).unwrap();
        let whole = whole.finish();
        let mut pieces = HostReducer::new(&pack, now, FIVE_MINUTES).unwrap();
        let mut from = 0;
        for (day, cut) in cuts.iter().enumerate() {
            if *cut || day == 5 {
                let range = from * DAY..(day + 1) * DAY;
                let given = [(names[0], &rows[0][range.clone()]), (names[1], &rows[1][range])];
                pieces.add(Timestamp::from_seconds(from as i64 * 86_400), &given).unwrap();
                from = day + 1;
            }
        }
        prop_assert_eq!(&pieces.finish(), &whole);
        let ConditionUse { met, failed, .. } = &whole.rules[1].conditions[0];
        let rule = &pack.rules[1];
        let plain = counted(&rule.conditions[0], &rows, FIVE_MINUTES, now, rule.window);
        prop_assert_eq!((*met, *failed), plain);
    }
}
