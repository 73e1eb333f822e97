//! What the rules say of a host, and how much that is worth.

use std::fmt;

use super::history::{Days, Recurrence};
use super::metric::kind;
use super::pack::{Condition, Needed, Per, Rule, RulePack, Statistic, Test, WhenMissing};
use super::reduce::{ConditionUse, HostUse, RuleUse};
use super::savings::Class;
use crate::model::{Span, Timestamp};

/// What is said of a host, by one rule or by all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It works for nobody.
    Zombie,
    /// It cannot be said.
    Undetermined,
    /// It works, or is kept on purpose.
    InUse,
}

/// How strong the evidence against a zombie is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// One rule only, or rules that differ, or a history that could hide a monthly job.
    Low,
    /// Neither low nor high.
    Fair,
    /// Three rules or more, all agree, on evidence of two kinds, over a quarter or a whole life.
    High,
}

/// What the owner says of a host.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HostFacts {
    /// Its labels: name and value. An empty value, `0`, `no`, `none`, `false` and `-` say no.
    pub labels: Vec<(String, String)>,
    /// Since when it is there. Default: not known.
    pub born: Option<Timestamp>,
}

/// Whether a condition holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Met,
    /// It does not, whatever is not known.
    Failed,
    /// It cannot be said, and why.
    Unknown(String),
}

/// What was measured for one condition.
#[derive(Debug, Clone, PartialEq)]
pub struct ConditionFinding {
    /// The tests in words: `cpu_share below 5%`.
    pub tests: String,
    /// Whether it holds.
    pub outcome: Outcome,
    /// The share of the units of time in which it held, or their number, or the statistic of the
    /// window; `None` without data.
    pub measured: Option<f64>,
    /// What it is held against.
    pub needed: f64,
    /// Both in words: `96.9% of the samples, 97% needed`.
    pub words: String,
}

/// What one rule says of a host.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleVerdict {
    /// The index of the rule.
    pub rule: usize,
    /// What it says.
    pub verdict: Verdict,
    /// What decided it.
    pub reason: String,
    /// One for each condition.
    pub conditions: Vec<ConditionFinding>,
    /// Work that comes less often than the window of the rule is long.
    pub recurrence: Recurrence,
}

/// What all rules together say of a host.
#[derive(Debug, Clone, PartialEq)]
pub struct HostVerdict {
    /// What they say.
    pub verdict: Verdict,
    /// Of a zombie: why it is not needed; of a host in use: whether it is too large.
    pub class: Option<Class>,
    /// Of a zombie: how strong the evidence is.
    pub grade: Option<Grade>,
    /// Rules that say it is a zombie.
    pub agree: usize,
    /// Rules that could say.
    pub judged: usize,
    /// How long its history is.
    pub known: Span,
    /// What decided the verdict and the grade.
    pub reasons: Vec<String>,
    /// One for each rule.
    pub rules: Vec<RuleVerdict>,
}

impl Verdict {
    /// The verdict in capitals, as rules print it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zombie => "ZOMBIE",
            Self::Undetermined => "UNDETERMINED",
            Self::InUse => "IN USE",
        }
    }
}

impl Grade {
    /// The grade in a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Fair => "fair",
            Self::High => "high",
        }
    }
}

impl HostFacts {
    /// The first of the labels that is set.
    fn set<'n>(&self, names: &'n [String]) -> Option<&'n str> {
        let says_no = |value: &str| {
            let value = value.trim().to_ascii_lowercase();
            matches!(value.as_str(), "" | "0" | "no" | "none" | "false" | "-")
        };
        let is_set = |name: &&String| {
            self.labels.iter().any(|(label, value)| label == *name && !says_no(value))
        };
        names.iter().find(is_set).map(String::as_str)
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.statistic {
            Statistic::Mean => {}
            Statistic::Max => f.write_str("maximum of ")?,
            Statistic::Sum => f.write_str("sum of ")?,
        }
        let word = if self.level.including { "at most" } else { "below" };
        write!(f, "{} {word} {}", self.metric, amount(self.level.value, self.level.unit.as_str()))
    }
}

/// Judges a host by every rule of the pack that its use was reduced for.
pub fn judge(pack: &RulePack, host: &HostUse, facts: &HostFacts) -> HostVerdict {
    let rules = pack.rules.iter().zip(&host.rules).enumerate();
    let rules: Vec<RuleVerdict> = rules
        .map(|(index, (rule, found))| Judge { pack, host, rule, found }.rule(index, facts))
        .collect();
    let known = host.first.map_or(Span::ZERO, |first| host.now.since(first));
    let of = |class: Class, verdict: Option<Verdict>| {
        let is = |found: &&RuleVerdict| {
            let judged = found.verdict != Verdict::Undetermined;
            pack.rules[found.rule].finding == class
                && verdict.map_or(judged, |v| v == found.verdict)
        };
        rules.iter().filter(is).count()
    };
    let votes = |class| (of(class, Some(Verdict::Zombie)), of(class, None));
    let agreed = |class| {
        let (agree, judged) = votes(class);
        judged > 0 && agree as f64 / judged as f64 >= pack.policy.agreement
    };
    let class = [Class::PoweredOff, Class::Idle].into_iter().find(|class| agreed(*class));
    let (agree, judged) = votes(class.unwrap_or(Class::Idle));
    let oversized = agreed(Class::Oversized).then_some(Class::Oversized);
    let mut found = HostVerdict {
        verdict: Verdict::InUse,
        class: class.or(oversized),
        grade: None,
        agree,
        judged,
        known,
        reasons: Vec::new(),
        rules,
    };
    if let Some(label) = facts.set(&pack.policy.keep) {
        found.reasons.push(format!("it is labelled {label}, and kept"));
        found.class = oversized;
    } else if let Some(class) = class {
        found.verdict = Verdict::Zombie;
        grade(pack, host, facts, class, &mut found);
    } else if judged == 0 {
        found.verdict = Verdict::Undetermined;
        let first = found.rules.iter().find(|rule| pack.rules[rule.rule].finding == Class::Idle);
        found.reasons.extend(first.map(|rule| format!("no rule can tell: {}", rule.reason)));
    } else {
        found.reasons.push(format!("{agree} of {judged} rules call it a zombie"));
        let against = found.rules.iter().find(|rule| {
            pack.rules[rule.rule].finding == Class::Idle && rule.verdict == Verdict::InUse
        });
        found.reasons.extend(against.map(|r| format!("{}: {}", pack.rules[r.rule].name, r.reason)));
    }
    found
}

/// Says how strong the evidence against a zombie is, and why.
fn grade(
    pack: &RulePack,
    host: &HostUse,
    facts: &HostFacts,
    class: Class,
    found: &mut HostVerdict,
) {
    let agreeing = || {
        let is = |rule: &&RuleVerdict| {
            rule.verdict == Verdict::Zombie && pack.rules[rule.rule].finding == class
        };
        found.rules.iter().filter(is)
    };
    let mut kinds: Vec<&str> = agreeing()
        .flat_map(|rule| &pack.rules[rule.rule].conditions)
        .flat_map(|condition| condition.tests.iter().map(|test| kind(&test.metric)))
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    let whole = match (facts.born, host.first) {
        (Some(born), Some(first)) => first.since(born) <= Span::DAY,
        _ => false,
    };
    let once = agreeing().find_map(|rule| match rule.recurrence {
        Recurrence::Once { last } => Some(last),
        _ => None,
    });
    let (agree, judged, known) = (found.agree, found.judged, found.known);
    let days = known.days().floor();
    let mut reasons = vec![format!("{agree} of {judged} rules agree")];
    let mut low = judged < 2 || agree * 3 < judged * 2;
    if known < pack.policy.month {
        low = true;
        reasons.push(format!("{days} days of history cannot show a monthly job: low confidence"));
    }
    if let Some(last) = once {
        low = true;
        let day = last.date();
        reasons.push(format!("it worked on {day}, and may do so again: low confidence"));
    }
    let long = known >= pack.policy.quarter || whole;
    if whole {
        reasons.push("its whole life is known".to_owned());
    } else if known >= pack.policy.quarter {
        reasons.push(format!("{days} days of history"));
    } else if known >= pack.policy.month {
        reasons.push(format!("{days} days of history cannot show a quarterly job"));
    }
    let high = agree == judged && judged >= 3 && kinds.len() >= 2 && long;
    found.grade = Some(match (low, high) {
        (true, _) => Grade::Low,
        (false, true) => Grade::High,
        (false, false) => Grade::Fair,
    });
    found.reasons = reasons;
}

/// One rule and one host.
struct Judge<'j> {
    pack: &'j RulePack,
    host: &'j HostUse,
    rule: &'j Rule,
    found: &'j RuleUse,
}

impl Judge<'_> {
    fn rule(&self, index: usize, facts: &HostFacts) -> RuleVerdict {
        let pairs = self.rule.conditions.iter().zip(&self.found.conditions);
        let conditions: Vec<ConditionFinding> =
            pairs.map(|(c, found)| self.condition(c, found)).collect();
        let recurrence = self.recurrence();
        let (verdict, reason) = self.verdict(&conditions, recurrence, facts);
        RuleVerdict { rule: index, verdict, reason, conditions, recurrence }
    }

    fn recurrence(&self) -> Recurrence {
        let Some(first) = self.host.first else { return Recurrence::None };
        let days = Days { first: first.floor(Span::DAY), busy_hours: &self.found.busy_hours };
        Recurrence::of(days, self.rule.window, self.pack.policy.month)
    }

    fn verdict(
        &self,
        conditions: &[ConditionFinding],
        recurrence: Recurrence,
        facts: &HostFacts,
    ) -> (Verdict, String) {
        let cannot = |why: String| (Verdict::Undetermined, why);
        if let Some(label) = facts.set(&self.rule.except) {
            return cannot(format!("it does not speak of hosts with {label}"));
        }
        let (Some(first), Some(last)) = (self.host.first, self.host.last) else {
            return cannot("there is no data".to_owned());
        };
        if self.host.now.since(last) > self.pack.policy.silent {
            return cannot(format!("there are no samples since {last}"));
        }
        let says = |found: &ConditionFinding| format!("{}: {}", found.tests, found.words);
        if let Some(failed) = conditions.iter().find(|found| found.outcome == Outcome::Failed) {
            return (Verdict::InUse, says(failed));
        }
        let age = self.host.now.since(facts.born.unwrap_or(first).min(first));
        if age < self.rule.minimum_age {
            return cannot(format!("it is younger than {}", self.rule.minimum_age));
        }
        let unknown = conditions.iter().find_map(|found| match &found.outcome {
            Outcome::Unknown(why) => Some(format!("{}: {why}", found.tests)),
            _ => None,
        });
        if let Some(why) = unknown {
            return cannot(why);
        }
        if let Recurrence::Regular { every_days, last } = recurrence {
            let (every, day) = (every_days.round(), last.date());
            let what = format!("a regular job: it works about every {every} days, last on {day}");
            return (Verdict::InUse, what);
        }
        let all: Vec<String> = conditions.iter().map(says).collect();
        (Verdict::Zombie, all.join("; "))
    }

    fn condition(&self, condition: &Condition, found: &ConditionUse) -> ConditionFinding {
        let skipped = |given: bool| !given && self.rule.missing == WhenMissing::Skip;
        let tests: Vec<String> = condition.tests.iter().map(ToString::to_string).collect();
        let tests = tests.join(" and ");
        let pairs = || condition.tests.iter().zip(&found.tests);
        let missing = pairs().find(|(_, seen)| !seen.given).map(|(test, _)| test.metric.as_str());
        let (outcome, measured, needed, words) = if pairs().all(|(_, seen)| skipped(seen.given)) {
            let others = self.found.conditions.iter().flat_map(|other| &other.tests);
            let outcome = if others.clone().any(|seen| seen.given) {
                Outcome::Met
            } else {
                Outcome::Unknown("the host has none of the rule's metrics".to_owned())
            };
            (outcome, None, f64::NAN, "left out, for the host does not have it".to_owned())
        } else if condition.per == Per::Window {
            self.window(condition, found)
        } else {
            self.units(condition, found)
        };
        let outcome = match (outcome, missing) {
            (Outcome::Unknown(_), Some(metric)) if !skipped(false) => {
                Outcome::Unknown(format!("the host has no {metric}"))
            }
            (outcome, _) => outcome,
        };
        ConditionFinding { tests, outcome, measured, needed, words }
    }

    /// Units of time that a condition looks at: those of the window, and of them those since the
    /// host is there.
    fn totals(&self, per: Per, found: &ConditionUse) -> (f64, f64) {
        let unit = match per {
            Per::Window => self.host.step,
            per => per.span(self.rule.window, self.host.step),
        };
        let first = self.host.first.map_or(found.to, |first| first.floor(unit));
        let units = |from| (found.to.since(from).nanos() / unit.nanos()) as f64;
        (units(found.from), units(found.from.max(first)))
    }

    fn is_enough(&self, known: f64, total: f64, unit: Span) -> bool {
        match self.rule.minimum_data {
            Some(least) => known * unit.seconds() >= least.seconds(),
            None => known / total >= self.pack.policy.coverage,
        }
    }

    fn units(
        &self,
        condition: &Condition,
        found: &ConditionUse,
    ) -> (Outcome, Option<f64>, f64, String) {
        let (met, known) = (f64::from(found.met), f64::from(found.met + found.failed));
        let (window, total) = self.totals(condition.per, found);
        let failed = f64::from(found.failed);
        let enough =
            self.is_enough(known, total, condition.per.span(self.rule.window, self.host.step));
        let units = condition.per.plural();
        let too_few = || Outcome::Unknown(format!("{known} of {total} {units} have data"));
        match condition.needed {
            Needed::Share(share) => {
                let outcome = if total == 0.0 {
                    too_few()
                } else if (total - failed) / total < share {
                    Outcome::Failed
                } else if !enough {
                    too_few()
                } else if met / known >= share {
                    Outcome::Met
                } else {
                    Outcome::Failed
                };
                let held = percent(met / known);
                let words = format!("{held} of the {units}, {} needed", percent(share));
                (outcome, (known > 0.0).then_some(met / known), share, words)
            }
            Needed::Units(count) => {
                let count = f64::from(count);
                let outcome = if met >= count {
                    Outcome::Met
                } else if window - failed < count {
                    Outcome::Failed
                } else {
                    too_few()
                };
                let words = format!("on {met} of {known} {units}, {count} needed");
                (outcome, (known > 0.0).then_some(met), count, words)
            }
        }
    }

    fn window(
        &self,
        condition: &Condition,
        found: &ConditionUse,
    ) -> (Outcome, Option<f64>, f64, String) {
        let (_, total) = self.totals(Per::Window, found);
        let seconds = total * self.host.step.seconds();
        let (mut outcome, mut decisive) = (Outcome::Met, None);
        for (test, seen) in condition.tests.iter().zip(&found.tests) {
            if !seen.given && self.rule.missing == WhenMissing::Skip {
                continue;
            }
            let known = f64::from(seen.known);
            let (value, least) = match test.statistic {
                Statistic::Mean => (seen.sum / known, f64::NEG_INFINITY),
                Statistic::Max => (seen.max, seen.max),
                Statistic::Sum => (seen.sum / known * seconds, seen.sum * self.host.step.seconds()),
            };
            let this = if seen.known > 0 && !test.level.holds(least) {
                Outcome::Failed
            } else if total == 0.0 || !self.is_enough(known, total, self.host.step) {
                Outcome::Unknown(format!("{known} of {total} samples have data"))
            } else if test.level.holds(value) {
                Outcome::Met
            } else {
                Outcome::Failed
            };
            let worse = match (&outcome, &this) {
                (Outcome::Failed, _)
                | (Outcome::Unknown(_), Outcome::Met | Outcome::Unknown(_)) => false,
                (Outcome::Met, Outcome::Met) => decisive.is_none(),
                _ => true,
            };
            if worse {
                decisive = Some((test, value, seen.known > 0));
                outcome = this;
            }
        }
        let Some((test, value, known)) = decisive else {
            return (outcome, None, f64::NAN, String::new());
        };
        let words =
            if known { amount(value, test.level.unit.as_str()) } else { "no data".to_owned() };
        (outcome, known.then_some(value), test.level.value, words)
    }
}

/// A share in percent, with digits enough to tell it from the next threshold.
fn percent(share: f64) -> String {
    format!("{}%", trimmed(share * 100.0, 3))
}

/// A value with its unit, as rules write it.
fn amount(value: f64, unit: &str) -> String {
    match unit {
        "ratio" => percent(value),
        "B" if value >= 1e6 => format!("{} MB", trimmed(value / 1e6, 3)),
        unit => format!("{} {unit}", trimmed(value, 4)),
    }
}

fn trimmed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
