//! What all rules together say of a host, and how much that is worth.

use super::history::{Days, Recurrence};
use super::metric::kind;
use super::pack::RulePack;
use super::reduce::HostUse;
use super::rule::Judge;
use super::savings::Class;
use super::verdict::{Grade, HostFacts, HostVerdict, RuleVerdict, Verdict};
use crate::model::{Span, Timestamp};

/// The classes of zombies, the highest first. That a host is too large has no vote.
const VOTING: [Class; 3] = [Class::PoweredOff, Class::Snapshot, Class::Idle];

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
    let is_enough = |agree: usize, judged: usize| {
        judged > 0 && agree as f64 / judged as f64 > pack.policy.agreement
    };
    let agreed = |class| {
        let (agree, judged) = votes(class);
        is_enough(agree, judged)
    };
    let class = VOTING.into_iter().find(|class| agreed(*class));
    let asked = class.unwrap_or_else(|| asked(pack));
    let (agree, judged) = votes(asked);
    let oversized = agreed(Class::Oversized).then_some(Class::Oversized);
    let mut found = HostVerdict {
        verdict: Verdict::InUse,
        class: class.or(oversized),
        grade: None,
        kept: false,
        agree,
        judged,
        known,
        quiet_since: None,
        reasons: Vec::new(),
        rules,
    };
    let of_asked = |rule: &&RuleVerdict| pack.rules[rule.rule].finding == asked;
    let regular = found.rules.iter().filter(|rule| of_asked(rule) && rule.is_kept_for_its_job());
    let but_for = is_enough(agree + regular.count(), judged);
    if let Some(label) = facts.set(&pack.policy.keep) {
        found.kept = but_for;
        found.reasons.push(format!("it is labelled {label}, and kept"));
        found.class = oversized;
    } else if let Some(class) = class {
        found.verdict = Verdict::Zombie;
        found.quiet_since = quiet_since(pack, host, &found, is_enough);
        grade(pack, host, facts, class, &mut found);
    } else if judged == 0 {
        found.verdict = Verdict::Undetermined;
        let why = found.rules.iter().find(of_asked).map(|rule| rule.reason.as_str());
        let why = why.unwrap_or("no rule of the pack has a vote");
        found.reasons.push(format!("no rule can tell: {why}"));
    } else {
        found.kept = but_for;
        found.reasons.push(format!("{agree} of {judged} rules call it a zombie"));
        let mut asked = found.rules.iter().filter(of_asked);
        let against = asked.find(|rule| rule.verdict == Verdict::InUse);
        found.reasons.extend(against.map(|r| format!("{}: {}", pack.rules[r.rule].name, r.reason)));
    }
    found
}

/// The class that a host is asked for which is in none: idle, where a rule of the pack tells that.
fn asked(pack: &RulePack) -> Class {
    let is_told = |class: &Class| pack.rules.iter().any(|rule| rule.finding == *class);
    VOTING.into_iter().rev().find(is_told).unwrap_or_default()
}

/// Since when so many of the rules that agree see no more work as make the host a zombie.
fn quiet_since(
    pack: &RulePack,
    host: &HostUse,
    found: &HostVerdict,
    is_enough: impl Fn(usize, usize) -> bool,
) -> Option<Timestamp> {
    let first = host.first?.floor(Span::DAY);
    let agreeing = found.rules.iter().filter(|rule| {
        rule.verdict == Verdict::Zombie && Some(pack.rules[rule.rule].finding) == found.class
    });
    let mut since: Vec<Timestamp> = agreeing
        .map(|rule| {
            let busy_hours = &host.rules[rule.rule].busy_hours;
            let days = Days { first, from_birth: false, busy_hours };
            days.quiet_since(pack.rules[rule.rule].window)
        })
        .collect();
    since.sort_unstable();
    (1..).zip(since).find(|(agree, _)| is_enough(*agree, found.judged)).map(|(_, since)| since)
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
    let whole = host.is_whole_life(facts);
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
