//! What one rule says of a host: each condition with the number that was measured.

use std::fmt;

use super::history::{Days, Recurrence};
use super::pack::{Condition, Needed, Per, Rule, RulePack, Statistic, Test, WhenMissing};
use super::reduce::{ConditionUse, HostUse, RuleUse};
use super::verdict::{ConditionFinding, HostFacts, Outcome, RuleVerdict, Verdict};
use crate::model::Span;

/// One rule and one host.
pub(super) struct Judge<'j> {
    pub(super) pack: &'j RulePack,
    pub(super) host: &'j HostUse,
    pub(super) rule: &'j Rule,
    pub(super) found: &'j RuleUse,
}

impl Judge<'_> {
    pub(super) fn rule(&self, index: usize, facts: &HostFacts) -> RuleVerdict {
        let pairs = self.rule.conditions.iter().zip(&self.found.conditions);
        let conditions: Vec<ConditionFinding> =
            pairs.map(|(c, found)| self.condition(c, found)).collect();
        let recurrence = self.recurrence(facts);
        let (verdict, reason) = self.verdict(&conditions, recurrence, facts);
        RuleVerdict { rule: index, verdict, reason, conditions, recurrence }
    }

    fn recurrence(&self, facts: &HostFacts) -> Recurrence {
        let Some(first) = self.host.first else { return Recurrence::None };
        let (first, from_birth) = (first.floor(Span::DAY), self.host.is_whole_life(facts));
        let days = Days { first, from_birth, busy_hours: &self.found.busy_hours };
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
        let units = |from| found.to.since(from).whole(unit) as f64;
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
        let (outcome, measured, needed, mut words) = match condition.needed {
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
                let words =
                    format!("{} of the {units}, {} needed", percent(met / known), percent(share));
                (outcome, met / known, share, words)
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
                (outcome, met, count, format!("on {met} of {known} {units}, {count} needed"))
            }
        };
        if outcome == Outcome::Failed {
            for (test, seen) in
                condition.tests.iter().zip(&found.tests).filter(|(_, s)| s.known > 0)
            {
                let mean = amount(seen.sum / f64::from(seen.known), test.level.unit.as_str());
                words = format!("{words}, mean of {} {mean}", test.metric);
            }
        }
        (outcome, (known > 0.0).then_some(measured), needed, words)
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
        "B" | "B/s" if value >= 1e6 => format!("{} M{unit}", trimmed(value / 1e6, 3)),
        "B" | "B/s" if value >= 1e4 => format!("{} K{unit}", trimmed(value / 1e3, 3)),
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
