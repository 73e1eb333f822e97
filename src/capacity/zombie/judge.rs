//! What all rules together say of a host, and how much that is worth.

use super::history::Recurrence;
use super::metric::kind;
use super::pack::RulePack;
use super::reduce::HostUse;
use super::rule::Judge;
use super::savings::Class;
use super::verdict::{Grade, HostFacts, HostVerdict, RuleVerdict, Verdict};
use crate::model::Span;

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
    let class = [Class::PoweredOff, Class::Idle].into_iter().find(|class| agreed(*class));
    let (agree, judged) = votes(class.unwrap_or(Class::Idle));
    let oversized = agreed(Class::Oversized).then_some(Class::Oversized);
    let mut found = HostVerdict {
        verdict: Verdict::InUse,
        class: class.or(oversized),
        grade: None,
        kept: false,
        agree,
        judged,
        known,
        reasons: Vec::new(),
        rules,
    };
    let regular = found
        .rules
        .iter()
        .filter(|rule| pack.rules[rule.rule].finding == Class::Idle && rule.is_kept_for_its_job());
    let but_for = is_enough(agree + regular.count(), judged);
    if let Some(label) = facts.set(&pack.policy.keep) {
        found.kept = but_for;
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
        found.kept = but_for;
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
