//! What a plan says of a pool, in sentences: orders, failures, and who could leave.

use super::explain::Explanation;
use super::table::{amount, percent};
use crate::capacity::failover::Spread;
use crate::capacity::study::{FailoverRule, OrderRule};
use crate::capacity::{
    InTime, Plan, PoolFailure, PoolLeave, PoolOrder, PoolReport, Study, printable,
};
use crate::model::Unit;

/// What is said of a pool, of a failure or of a host that could leave, of one resource or of all.
pub(super) fn explained(
    plan: &Plan,
    study: &Study,
    subject: &str,
    resource: Option<&str>,
) -> Vec<Explanation> {
    let Some(pools) = &plan.pools else { return Vec::new() };
    let mut found = Vec::new();
    if resource.is_none() {
        found.extend(orders(plan, study, pools, subject));
        found.extend(pools.leaves.iter().filter_map(|leave| leaves(pools, leave, subject)));
        found.extend(unsaid(pools, subject));
    }
    let Some(rule) = &study.failover else { return found };
    let is_asked = |failure: &&PoolFailure| {
        (failure.pool == subject || is_failure(&failure.failure, subject))
            && resource.is_none_or(|resource| failure.resource == resource)
    };
    let margin = |name: &str| study.resource(name).map(|at| study.resources[at].safety_margin);
    found.extend(pools.failures.failures.iter().filter(is_asked).map(|failure| Explanation {
        subject: format!("{} {}: {}", pools.group.escape_debug(), failure.pool, failure.failure),
        sentences: failure_sentences(failure, rule, margin(&failure.resource).unwrap_or(0.0)),
    }));
    if resource.is_none() {
        found.extend(spare(pools, subject));
    }
    found
}

/// The names that say something here.
pub(super) fn names(plan: &Plan) -> Vec<String> {
    let failures = plan.pools.iter().flat_map(|pools| &pools.failures.failures);
    failures.map(|failure| failure.failure.clone()).collect()
}

/// Whether a failure, "1 of 4 hosts" or "zone a", is what was asked for: by that name, as the study
/// writes it ("1 host"), or as its kind ("zone").
fn is_failure(failure: &str, subject: &str) -> bool {
    let count = subject.strip_suffix(" hosts").or_else(|| subject.strip_suffix(" host"));
    let by_rule = count.is_some_and(|count| failure.starts_with(&format!("{count} of ")));
    let by_kind = ["zone", "rack"].contains(&subject)
        && failure.strip_prefix(subject).is_some_and(|place| place.starts_with(' '));
    failure == subject || by_rule || by_kind
}

/// A share with a digit after the point, so that it can be worked out again.
pub(super) fn share(share: f64) -> String {
    match share {
        far if (1e13..f64::INFINITY).contains(&far.abs()) => format!("{:.2e}%", far * 100.0),
        share if share.is_finite() => format!("{:.1}%", share * 100.0 + 0.0),
        _ => "-".to_owned(),
    }
}

/// An amount of money, with cents where there are any.
pub(super) fn money(amount: f64) -> String {
    let cents = (amount * 100.0).round() / 100.0 + 0.0;
    if cents.fract() == 0.0 { format!("{cents:.0}") } else { format!("{cents:.2}") }
}

/// A number of hosts, in words.
pub(super) fn hosts(count: u64) -> String {
    if count == 1 { "1 host".to_owned() } else { format!("{count} hosts") }
}

fn failure_sentences(failure: &PoolFailure, rule: &FailoverRule, margin: f64) -> Vec<String> {
    let shown = |value: f64| amount(failure.unit.as_ref(), Some(value));
    let resource = failure.resource.escape_debug();
    let names = failure.lost.join(", ");
    let dots = if failure.lost_hosts > failure.lost.len() { ", ..." } else { "" };
    let mut said = vec![
        format!(
            "Lost: {} ({names}{dots}). Of the resources whose work moves, {resource} is the \
             tightest then.",
            hosts(failure.lost_hosts as u64)
        ),
        format!(
            "What all may carry, their limits less the safety margin ({}), less what the lost may: \
             {} - {} = {}.",
            percent(Some(margin)),
            shown(failure.capacity_before),
            shown(failure.capacity_before - failure.capacity),
            shown(failure.capacity)
        ),
    ];
    said.push(used_then(failure, rule.spread));
    said.extend(failure.in_time.map(|of| in_time(failure, of, margin)));
    said
}

/// How full those who are left get.
fn used_then(failure: &PoolFailure, spread: Spread) -> String {
    let shown = |value: f64| amount(failure.unit.as_ref(), Some(value));
    let Some(used) = failure.used_share else {
        return format!(
            "The peak, {}, is left to nobody: it does not hold.",
            shown(failure.demand)
        );
    };
    let verdict = if failure.holds() { "it holds" } else { "it does not hold" };
    let peak = format!("The highest peak of all of them together, {}", shown(failure.demand));
    match (&failure.fullest, spread) {
        (Some(full), Spread::WithinZone | Spread::ByCapacity) => {
            let who = match spread {
                Spread::WithinZone => "Work stays in its zone, and the fullest is zone",
                _ => "Each takes over by what it may carry, and the fullest is",
            };
            format!(
                "{peak}, is parted as the last week was. {who} {}, with {} of its own and {} taken \
                 over, of the {} that it may carry then: ({} + {}) / {} = {}; {verdict}.",
                full.name.escape_debug(),
                shown(full.own),
                shown(full.taken),
                shown(full.capacity),
                shown(full.own),
                shown(full.taken),
                shown(full.capacity),
                share(used)
            )
        }
        _ => format!(
            "{peak}, is carried by those who are left: {} / {} = {}; {verdict}.",
            shown(failure.demand),
            shown(failure.capacity),
            share(used)
        ),
    }
}

fn in_time(failure: &PoolFailure, of: InTime, margin: f64) -> String {
    let busy = match (of.utilisation, failure.used_share) {
        (None, _) => return "In time: there is work, and nobody is left.".to_owned(),
        (Some(busy), Some(used)) if (used * (1.0 - margin) - busy).abs() < 1e-9 => {
            format!("{} x (1 - {}) = {} of their limits", share(used), share(margin), share(busy))
        }
        (Some(busy), _) => format!("{} of their limits", share(busy)),
    };
    let most = of.utilisation_max.map_or_else(|| "-".to_owned(), share);
    let verdict = if of.holds() { "they answer in time" } else { "they do not" };
    let before = of.utilisation_before_max.map_or_else(String::new, |most| {
        format!(" Before the failure, all of them could be {} busy for that.", share(most))
    });
    format!(
        "In time: they get busy to {busy}; {} servers behind one queue may be to {most}, for a \
         mean response of {} service times (M/M/c): {verdict}.{before}",
        of.servers, of.response_times_max
    )
}

fn spare(pools: &PoolReport, subject: &str) -> Option<Explanation> {
    let (name, lost, all) = pools.failures.spare.iter().find(|(name, ..)| name == subject)?;
    let answers = pools.failures.failures.iter().any(|failure| failure.in_time.is_some());
    Some(Explanation {
        subject: format!("{} {name}: hosts that it can lose", pools.group.escape_debug()),
        sentences: vec![format!(
            "{lost} of {all}: the most that may be lost, whichever they are, while those who are \
             left carry the peak{}; with {} it does not hold, or nobody is left.",
            if answers { " and answer in time" } else { "" },
            lost + 1
        )],
    })
}

/// What could not be said of a pool, and why it is not asked who could leave.
fn unsaid(pools: &PoolReport, subject: &str) -> Option<Explanation> {
    let not_said = pools.unsaid.iter().filter(|(_, name)| name == subject);
    let mut sentences: Vec<String> =
        not_said.map(|(what, _)| format!("Not said: {}.", printable(what))).collect();
    let kept = pools.kept.iter().filter(|one| one.pool == subject);
    sentences.extend(kept.map(|one| format!("It is not asked who could leave, for {}.", one.why)));
    let subject = format!("{} {subject}: what is not said", pools.group.escape_debug());
    (!sentences.is_empty()).then_some(Explanation { subject, sentences })
}

/// Who could leave a pool; asked for by the pool or by one of those hosts.
fn leaves(pools: &PoolReport, leave: &PoolLeave, subject: &str) -> Option<Explanation> {
    let is_leaving = leave.leaving.iter().any(|host| host == subject);
    if leave.name != subject && !is_leaving {
        return None;
    }
    let (group, count) = (pools.group.escape_debug(), leave.leaving.len());
    let mut sentences = vec![format!(
        "{count} of its {} could leave, and {} stay: {}.",
        hosts(leave.hosts as u64),
        leave.hosts - count,
        leave.leaving.join(", ")
    )];
    sentences.extend(leave.stays.iter().map(|stays| {
        let shown = |value: f64| amount(stays.unit.as_ref(), Some(value));
        format!(
            "{}: the highest peak of all together is {}, under the {} that those who stay may \
             carry: {}.",
            stays.resource.escape_debug(),
            shown(stays.peak),
            shown(stays.line),
            share(stays.peak / stays.line)
        )
    }));
    sentences.push(match leave.saved_per_month {
        Some(saved) => format!(
            "That saves, by their prices a month, {} = {}.",
            priced(&leave.prices_per_month),
            money(saved)
        ),
        None => "What that saves is not known: none of them has a price.".to_owned(),
    });
    if !pools.failures.failures.is_empty() || !pools.budgets.is_empty() {
        let what = "No more leave, for every failure and error budget of the study is kept too.";
        sentences.push(what.to_owned());
    }
    Some(Explanation { subject: format!("{group} {}: who could leave", leave.name), sentences })
}

/// Prices as a sum: "3 x 100 + 2 x 80", the dearest first, with those that are not known.
fn priced(prices: &[Option<f64>]) -> String {
    let mut known: Vec<f64> = prices.iter().copied().flatten().collect();
    known.sort_by(|a, b| b.total_cmp(a));
    let parts = known.chunk_by(|a, b| a.total_cmp(b).is_eq());
    let mut parts: Vec<String> =
        parts.map(|alike| format!("{} x {}", alike.len(), money(alike[0]))).collect();
    let unknown = prices.len() - known.len();
    if unknown > 0 {
        parts.push(format!("{unknown} of no known price"));
    }
    parts.join(" + ")
}

fn orders(plan: &Plan, study: &Study, pools: &PoolReport, subject: &str) -> Option<Explanation> {
    let order = pools.orders.iter().find(|order| order.name == subject)?;
    let rule = pools.order_rule.as_ref()?;
    let group = pools.group.escape_debug();
    Some(Explanation {
        subject: format!("{group} {subject}: order of {}", hosts(order.order.hosts)),
        sentences: order_sentences(plan, study, rule, order),
    })
}

/// What is ordered for a pool, and why so much.
fn order_sentences(plan: &Plan, study: &Study, rule: &OrderRule, order: &PoolOrder) -> Vec<String> {
    let mut said = vec![format!(
        "Of what a {} brings, {} runs out first. Ordered by {}, it arrives on {}, too late with a \
         probability of {:.0}%; it is to last until {}.",
        order.shape,
        order.first,
        order.order_by.date(),
        order.arrives.date(),
        order.risk * 100.0,
        order.lasts_until.date()
    )];
    said.extend(order.order.lines.iter().map(|line| {
        let unit = unit_of(plan, order, &line.name);
        let shown = |value: f64| amount(unit, Some(value));
        let each = per_host(study, rule, &line.name);
        let each = each.map_or_else(String::new, |each| {
            format!(", at {} on each, its limit less the margin,", shown(each))
        });
        format!(
            "{}: with a probability of {:.0}% the highest peak of the last week of that time is at \
             most {}; {} are missing, which{each} takes {} hosts. Short without an order in \
             {:.0}%, with it in {:.0}%.",
            line.name,
            rule.costs.critical_ratio() * 100.0,
            shown(line.target),
            shown(line.shortfall),
            line.hosts_needed,
            line.shortage_before * 100.0,
            line.shortage_after * 100.0
        )
    }));
    said.push(price(study, rule, order));
    said
}

/// How many hosts come of what is missing, and what they cost.
fn price(study: &Study, rule: &OrderRule, order: &PoolOrder) -> String {
    let of = &order.order;
    let lots = match rule.lot_hosts {
        1 => String::new(),
        lot => format!(" in lots of {lot}"),
    };
    let budget = match rule.budget_per_month {
        Some(budget) if of.is_capped => format!(
            ", and not {}, for no more than {} may be spent",
            of.hosts_needed,
            money(budget)
        ),
        _ => String::new(),
    };
    let each = study.shapes.get(rule.shape).map_or(0.0, |shape| shape.price_per_month);
    format!(
        "Ordered: {}{lots}{budget}; {} x {} = {} a month.",
        hosts(of.hosts),
        of.hosts,
        money(each),
        money(of.cost)
    )
}

/// What may be used of a resource on one more host.
fn per_host(study: &Study, rule: &OrderRule, resource: &str) -> Option<f64> {
    let at = study.resource(resource)?;
    let provides = &study.shapes.get(rule.shape)?.provides;
    let (_, amount) = provides.iter().find(|(of, _)| *of == at)?;
    Some(amount * (1.0 - study.resources[at].safety_margin))
}

fn unit_of<'a>(plan: &'a Plan, order: &PoolOrder, resource: &str) -> Option<&'a Unit> {
    let rows = plan.groups.iter().flat_map(|table| &table.rows);
    let mut rows = rows.filter(|row| row.labels == order.labels && row.resource == resource);
    rows.next().and_then(|row| row.unit.as_ref())
}

#[cfg(test)]
mod tests {
    use super::super::testing::has;
    use super::*;
    use crate::capacity::testing::{STUDY, pooled_plan};
    use crate::report::explain;

    const BUYING: &str = "[[shape]]\nname = \"large\"\nprice = 250\n\
        provides = { cpu = \"16 GHz\", memory = \"32 GB\", disk = \"1 TB\" }\n\
        [order]\nlot = 2\n[[scenario]]\nname = \"double\"\n[[scenario.change]]\n\
        kind = \"demand\"\nfactor = 2\nresources = [\"cpu\"]\nfrom = 2026-05-01\n\
        where = '{service=\"web\"}'\n";
    const FAILING: &str =
        "[failover]\nlose = [\"1 host\", \"zone\"]\nresources = [\"cpu\", \"memory\"]\n";

    /// A plan, and what it says of a name: the subjects, each with its sentences.
    fn asked(more: &str, subject: &str, resource: Option<&str>) -> (Plan, Vec<(String, String)>) {
        let text = STUDY.replace("by = [\"service\"]", "by = [\"service\"]\npool = true") + more;
        let (mut plan, study) = (pooled_plan(more), Study::parse(&text, "study.toml").unwrap());
        let pools = plan.pools.as_mut().unwrap();
        if let Some(scenario) = pools.scenarios.last() {
            // As if it were so: in the plan itself nothing runs out in time.
            pools.orders = scenario.orders.clone();
        }
        let found = explain(&plan, &study, subject, resource).into_iter();
        let found = found.map(|one| (one.subject, one.sentences.join("\n"))).collect();
        (plan, found)
    }

    #[track_caller]
    fn sentences<'a>(found: &'a [(String, String)], subject: &str) -> &'a str {
        let one = found.iter().find(|(of, _)| of == subject);
        let subjects: Vec<&String> = found.iter().map(|(of, _)| of).collect();
        &one.unwrap_or_else(|| panic!("{subject} is not in {subjects:?}")).1
    }

    fn failure<'a>(plan: &'a Plan, pool: &str, failure: &str) -> &'a PoolFailure {
        let is = |one: &&PoolFailure| one.pool == pool && one.failure == failure;
        plan.pools.as_ref().unwrap().failures.failures.iter().find(is).unwrap()
    }

    #[test]
    fn a_failure_is_worked_out_from_the_lines_of_the_hosts_and_the_peak() {
        let (plan, found) = asked(FAILING, "web", None);
        let one = sentences(&found, "service web: 1 of 12 hosts");
        // 12 hosts of 8 GHz less a tenth.
        has(one, "safety margin (10%), less what the lost may: 86.4 GHz - 7.20 GHz = 79.2 GHz.");
        let of = failure(&plan, "web", "1 of 12 hosts");
        let peak = plan.groups[0]
            .rows
            .iter()
            .find(|row| row.labels.get("service") == Some("web") && row.resource == "cpu");
        let peak = peak.unwrap().peak.unwrap().value;
        let formula = format!(
            "{} / 79.2 GHz = {:.1}%; it holds",
            amount(of.unit.as_ref(), Some(peak)),
            100.0 * peak / 79_200.0
        );
        has(one, &formula);
        let spare = sentences(&found, "service web: hosts that it can lose");
        let plans = plan.pools.as_ref().unwrap().failures.spare.iter();
        let (_, lost, _) = plans.clone().find(|(name, ..)| name == "web").unwrap();
        has(spare, &format!("{lost} of 12: the most"));
        // Of one resource only the failures that it is the tightest in.
        let (_, memory) = asked(FAILING, "web", Some("memory"));
        assert!(memory.iter().all(|(of, _)| of == "service web: memory"), "{memory:?}");
        let (_, db) = asked(FAILING, "db", Some("memory"));
        sentences(&db, "service db: 1 of 8 hosts");
    }

    #[test]
    fn failures_are_asked_for_by_name_by_rule_and_by_kind() {
        let subjects = |subject: &str| -> Vec<String> {
            asked(FAILING, subject, None).1.into_iter().map(|(of, _)| of).collect()
        };
        assert_eq!(subjects("1 of 12 hosts"), ["service web: 1 of 12 hosts"]);
        let plan = pooled_plan(FAILING);
        let all = &plan.pools.as_ref().unwrap().failures.failures;
        let count = |is: fn(&str) -> bool| all.iter().filter(|one| is(&one.failure)).count();
        assert_eq!(subjects("1 host").len(), count(|of| of.starts_with("1 of ")));
        assert_eq!(subjects("zone b").len(), count(|of| of == "zone b"));
        assert_eq!(subjects("zone").len(), count(|of| of.starts_with("zone ")));
        assert!(count(|of| of == "zone b") > 1 && subjects("2 hosts").is_empty());
        assert!(subjects("rack").is_empty());
        let nobody = asked(FAILING, "1 of 1 host", None).1;
        has(sentences(&nobody, "service new: 1 of 1 host"), "is left to nobody: it does not hold.");
    }

    #[test]
    fn where_survivors_are_not_one_pool_the_fullest_is_worked_out() {
        for (spread, name) in [("within_zone", "b"), ("by_capacity", "web-12")] {
            let text = FAILING.replace("[failover]", &format!("[failover]\nspread = {spread:?}"));
            let (plan, found) = asked(&text, "web", None);
            let of = failure(&plan, "web", "1 of 12 hosts");
            let full = of.fullest.as_ref().unwrap();
            let again = (full.own + full.taken) / full.capacity;
            assert!((again - of.used_share.unwrap()).abs() < 1e-12, "{spread}: {full:?}");
            assert!(full.taken > 0.0 && full.own > 0.0);
            if spread == "within_zone" {
                assert_eq!((full.name.as_str(), full.capacity), (name, 5.0 * 7_200.0));
            } else {
                assert_eq!(full.capacity, 7_200.0);
            }
            let shown = |value| amount(of.unit.as_ref(), Some(value));
            let formula = format!(
                "({} + {}) / {} = {:.1}%",
                shown(full.own),
                shown(full.taken),
                shown(full.capacity),
                100.0 * again
            );
            has(sentences(&found, "service web: 1 of 12 hosts"), &formula);
        }
    }

    #[test]
    fn answers_in_time_are_of_the_same_share_and_of_the_servers_that_wait() {
        let text = FAILING.to_owned()
            + "response_times_max = 2.0\nlatency_resource = \"cpu\"\nservers_per_host = 4\n";
        let (plan, found) = asked(&text, "web", None);
        let of = failure(&plan, "web", "1 of 12 hosts");
        let in_time = of.in_time.unwrap();
        let used = of.used_share.unwrap();
        let said = sentences(&found, "service web: 1 of 12 hosts");
        let formula = format!("busy to {:.1}% x (1 - 10.0%) = {:.1}%", 100.0 * used, 90.0 * used);
        has(said, &formula);
        let most = 100.0 * in_time.utilisation_max.unwrap();
        has(said, &format!("44 servers behind one queue may be to {most:.1}%, for a mean"));
        has(said, "of 2 service times (M/M/c)");
    }

    #[test]
    fn who_could_leave_is_told_to_the_pool_and_to_the_host() {
        let (plan, found) = asked("", "web", None);
        let leave = plan.pools.as_ref().unwrap().leaves.iter().find(|one| one.name == "web");
        let leave = leave.unwrap();
        let said = sentences(&found, "service web: who could leave");
        let count = leave.leaving.len();
        has(said, &format!("{count} of its 12 hosts could leave, and {} stay", 12 - count));
        has(said, &format!("{count} x 100 = {}", 100 * count));
        let cpu = leave.stays.iter().find(|one| one.resource == "cpu").unwrap();
        assert!((cpu.line - 7_200.0 * (12 - count) as f64).abs() < 1e-6 && cpu.peak <= cpu.line);
        has(said, &format!("may carry: {:.1}%", 100.0 * cpu.peak / cpu.line));
        let (_, of_host) = asked("", &leave.leaving[0], None);
        assert_eq!(sentences(&of_host, "service web: who could leave"), said);
        let (_, kept) = asked("", "db", None);
        has(
            sentences(&kept, "service db: what is not said"),
            "not asked who could leave, for disk",
        );
    }

    #[test]
    fn an_order_is_worked_out_to_its_price() {
        let (plan, found) = asked(BUYING, "web", None);
        let order = plan.pools.as_ref().unwrap().orders.iter().find(|one| one.name == "web");
        let order = &order.unwrap().order;
        let said = sentences(&found, &format!("service web: order of {} hosts", order.hosts));
        let line = order.lines.iter().find(|line| Some(&*line.name) == order.binding()).unwrap();
        // 16 GHz less a tenth each.
        let needed = (line.shortfall / 14_400.0).ceil();
        assert_eq!((line.name.as_str(), line.hosts_needed as f64), ("cpu", needed));
        has(said, &format!("at 14.4 GHz on each, its limit less the margin, takes {needed} hosts"));
        let (count, cost) = (order.hosts, 250 * order.hosts);
        assert!(count > 0 && count % 2 == 0);
        has(said, &format!("in lots of 2; {count} x 250 = {cost} a month."));
    }

    #[test]
    fn prices_are_summed_by_kind() {
        assert_eq!(
            priced(&[Some(80.0), Some(100.0), None, Some(80.0)]),
            "1 x 100 + 2 x 80 + 1 of no known price"
        );
        assert_eq!([money(1.0), money(2.5), money(-0.0)], ["1", "2.50", "0"]);
    }
}
