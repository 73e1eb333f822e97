//! What a plan says of its scenarios, in sentences.

use super::explain::Explanation;
use super::explain_pools::{money, share};
use super::pools::{hosts, when};
use super::table::amount;
use super::visible;
use crate::capacity::study::{Change, ChangeKind, Scenario};
use crate::capacity::{Plan, PoolFailure, ScenarioOutcome, ScenarioRow, Study};

/// Names of failures and rows in a sentence.
const NAMES: usize = 12;

/// What is said of a scenario, and of what scenarios make of a pool; of one resource or of all.
pub(super) fn explained(
    plan: &Plan,
    study: &Study,
    subject: &str,
    resource: Option<&str>,
) -> Vec<Explanation> {
    let Some((as_is, others)) = plan.pools.iter().find_map(|pools| pools.scenarios.split_first())
    else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for scenario in std::iter::once(as_is).chain(others) {
        let name = scenario.name.escape_debug();
        let of_study = study.scenarios.iter().find(|one| one.name == scenario.name);
        if scenario.name == subject {
            if resource.is_none() {
                found.push(Explanation {
                    subject: format!("scenario {name}: in all"),
                    sentences: in_all(plan, study, of_study, as_is, scenario),
                });
            }
            found.extend(by_pool(plan, (as_is, scenario), None, resource));
        } else {
            found.extend(by_pool(plan, (as_is, scenario), Some(subject), resource));
        }
    }
    found
}

/// The names of the scenarios.
pub(super) fn names(plan: &Plan) -> Vec<String> {
    let all = plan.pools.iter().flat_map(|pools| &pools.scenarios);
    all.map(|scenario| scenario.name.clone()).collect()
}

/// What the scenario changes, and what its line in the table is made of.
fn in_all(
    plan: &Plan,
    study: &Study,
    of_study: Option<&Scenario>,
    as_is: &ScenarioOutcome,
    scenario: &ScenarioOutcome,
) -> Vec<String> {
    let changes = of_study.map_or(&[][..], |scenario| &scenario.changes);
    let mut said: Vec<String> = changes
        .iter()
        .enumerate()
        .map(|(at, change)| format!("Change {}: {}.", at + 1, change_in_words(study, change)))
        .collect();
    if changes.is_empty() {
        said.push("Nothing is changed: these are the plan's own numbers.".to_owned());
    }
    said.extend(
        scenario.unmet.iter().map(|unmet| {
            format!("Change {} changes nothing: {}.", unmet.change, visible(&unmet.why))
        }),
    );
    said.push(format!(
        "{} hosts by {}, where there are {} as it is: those of all pools, after the changes.",
        hosts(scenario.hosts),
        plan.as_of.plus(plan.horizon).date(),
        hosts(as_is.hosts)
    ));
    said.push(full_rows(plan, scenario));
    said.extend(ordered(as_is, scenario));
    said.extend(failures(scenario));
    said
}

fn change_in_words(study: &Study, change: &Change) -> String {
    let everyone = change.hosts.matchers().is_empty();
    let who = if everyone { "the whole fleet".to_owned() } else { change.hosts.to_string() };
    let named = |resources: &[usize]| {
        let names = resources.iter().filter_map(|at| study.resources.get(*at));
        names.map(|one| one.name.escape_debug().to_string()).collect::<Vec<_>>().join(", ")
    };
    let shape = |at: &usize| {
        let shape = study.shapes.get(*at);
        shape.map_or_else(String::new, |shape| shape.name.escape_debug().to_string())
    };
    let what = match &change.kind {
        ChangeKind::Demand { factor, resources } => {
            format!("what {who} is asked for of {} x {factor}", named(resources))
        }
        ChangeKind::Add { hosts, shape: at } => {
            format!("{hosts} hosts of {} more in each pool of {who}", shape(at))
        }
        ChangeKind::Lose => {
            format!("{who} leave, and their pools are asked for all that they were")
        }
        ChangeKind::Migrate { hosts, shape: at, factor, resources } => format!(
            "in place of each of {who} {hosts} of {}, their work of {} x {factor}",
            shape(at),
            named(resources)
        ),
    };
    let from = change.from.map_or_else(String::new, |day| format!(", from {} on", day.date()));
    let until = change.until.map_or_else(String::new, |day| format!(", until {}", day.date()));
    format!("{what}{from}{until}")
}

fn full_rows(plan: &Plan, scenario: &ScenarioOutcome) -> String {
    let mut full: Vec<(crate::model::Timestamp, &ScenarioRow)> =
        scenario.rows.iter().filter_map(|row| Some((row.full.day(plan.as_of)?, row))).collect();
    full.sort_by_key(|(day, _)| *day);
    let each = |(_, row): &(_, &ScenarioRow)| {
        format!("{} {} ({})", row.pool, row.resource.escape_debug(), when(plan, row.full))
    };
    let all = scenario.rows.len();
    if full.is_empty() {
        return format!("Of {all} rows of pools none is full by the horizon with even odds.");
    }
    let names = listed(full.iter().map(each));
    format!(
        "Of {all} rows of pools {} are full by the horizon with even odds, the earliest first: \
         {names}.",
        full.len()
    )
}

/// The orders that the numbers of hosts and the cost add up.
fn ordered(as_is: &ScenarioOutcome, scenario: &ScenarioOutcome) -> Option<String> {
    let (count, cost) = scenario.ordered_hosts.zip(scenario.ordered_per_month)?;
    let before = as_is.ordered_hosts.zip(as_is.ordered_per_month)?;
    if scenario.orders.is_empty() {
        return Some(format!("Nothing is ordered; as it is, {} hosts.", before.0));
    }
    let orders = || scenario.orders.iter();
    let hosts: Vec<String> =
        orders().map(|order| format!("{} ({})", order.order.hosts, order.name)).collect();
    let costs: Vec<String> = orders().map(|order| money(order.order.cost)).collect();
    Some(format!(
        "To order: {} = {count} hosts, {} = {} a month; as it is, {} hosts, {} a month.",
        hosts.join(" + "),
        costs.join(" + "),
        money(cost),
        before.0,
        money(before.1)
    ))
}

fn failures(scenario: &ScenarioOutcome) -> Option<String> {
    scenario.failures_lost?;
    let used = |failure: &PoolFailure| {
        let used = failure.used_share.map_or_else(|| "nobody left".to_owned(), share);
        format!("{} {}: {used}", failure.pool, failure.failure)
    };
    let lost: Vec<&PoolFailure> =
        scenario.failures.iter().filter(|failure| !failure.is_survived()).collect();
    let badness = |failure: &&PoolFailure| failure.used_share.unwrap_or(f64::INFINITY);
    let worst = scenario.failures.iter().max_by(|a, b| badness(a).total_cmp(&badness(b)))?;
    let names = if lost.is_empty() {
        String::new()
    } else {
        format!(" ({})", listed(lost.iter().map(|failure| used(failure))))
    };
    Some(format!(
        "With the hosts of the horizon and the peaks of today, {} of {} failures are not survived\
         {names}. The fullest survivors: {}.",
        lost.len(),
        scenario.failures.len(),
        used(worst)
    ))
}

/// The first few of a list, parted by semicolons.
fn listed(names: impl ExactSizeIterator<Item = String>) -> String {
    let dots = if names.len() > NAMES { "; ..." } else { "" };
    format!("{}{dots}", names.take(NAMES).collect::<Vec<_>>().join("; "))
}

/// What a scenario makes of the rows of a pool, or of all pools, that it changes.
fn by_pool(
    plan: &Plan,
    (as_is, scenario): (&ScenarioOutcome, &ScenarioOutcome),
    pool: Option<&str>,
    resource: Option<&str>,
) -> Vec<Explanation> {
    let group = plan.pools.as_ref().map_or("pool", |pools| pools.group.as_str());
    let mut found: Vec<Explanation> = Vec::new();
    let mut say = |of: &str, sentence: String| {
        let subject =
            format!("scenario {}: {} {of}", scenario.name.escape_debug(), group.escape_debug());
        match found.iter_mut().find(|one| one.subject == subject) {
            Some(one) => one.sentences.push(sentence),
            None => found.push(Explanation { subject, sentences: vec![sentence] }),
        }
    };
    let is_asked = |name: &str| pool.is_none_or(|pool| pool == name);
    for (before, after) in as_is.rows.iter().zip(&scenario.rows) {
        let of_resource = resource.is_none_or(|resource| resource == after.resource);
        if before != after && of_resource && is_asked(&after.pool) {
            say(&after.pool, row(plan, before, after));
        }
    }
    if resource.is_some() {
        return found;
    }
    let of = |outcome: &ScenarioOutcome, name: &str| {
        let order = outcome.orders.iter().find(|order| order.name == name);
        order.map_or_else(
            || "nothing".to_owned(),
            |order| {
                let (count, cost) = (order.order.hosts, money(order.order.cost));
                format!("{count} of {} by {}, {cost} a month", order.shape, order.order_by.date())
            },
        )
    };
    let mut names: Vec<&str> =
        [as_is, scenario].iter().flat_map(|one| &one.orders).map(|one| one.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names.into_iter().filter(|name| is_asked(name)) {
        let (before, after) = (of(as_is, name), of(scenario, name));
        if before != after {
            say(name, format!("To order: {after}, in place of {before}."));
        }
    }
    found
}

/// How the numbers of a changed row came about.
fn row(plan: &Plan, before: &ScenarioRow, after: &ScenarioRow) -> String {
    let shown = |value: f64| amount(after.unit.as_ref(), Some(value));
    let factor = |then: f64, now: f64| if now > 0.0 { then / now } else { 1.0 };
    let demand = factor(after.peak, before.peak);
    let line = factor(after.line, before.line);
    let held = if demand > 0.0 {
        format!(
            "; its futures, drawn as the plan's, are held against {} / {demand:.3} = {} then",
            shown(after.line),
            shown(after.line / demand)
        )
    } else {
        String::new()
    };
    // Where no day is tighter than it is now, the last one is told.
    let day = after.day.date();
    let when_told = if after.day == before.day {
        format!("on {day}, the end of the horizon")
    } else {
        format!("at the tightest, from {day} on")
    };
    format!(
        "{}: {when_told}, its highest peak {} x {demand:.3} = {}, and what counts as full {} x \
         {line:.3} = {}{held}. Full: {}; as it is: {}.",
        after.resource.escape_debug(),
        shown(before.peak),
        shown(after.peak),
        shown(before.line),
        shown(after.line),
        when(plan, after.full),
        when(plan, before.full)
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::has;
    use super::*;
    use crate::capacity::testing::{STUDY, pooled_plan};
    use crate::report::{explain, names_like};

    const TEXT: &str = "[[shape]]\nname = \"large\"\nprice = 250\nlead_time = \"20d\"\n\
        provides = { cpu = \"16 GHz\", memory = \"32 GB\", disk = \"1 TB\" }\n[order]\n\
        [failover]\nlose = [\"zone\"]\nresources = [\"cpu\"]\n\
        [[scenario]]\nname = \"twice the web\"\n[[scenario.change]]\nkind = \"demand\"\n\
        factor = 2\nresources = [\"cpu\"]\nwhere = '{service=\"web\"}'\nfrom = 2026-05-01\n\
        [[scenario]]\nname = \"more disk\"\n[[scenario.change]]\nkind = \"add\"\nhosts = 3\n\
        where = '{service=\"db\"}'\n";

    fn asked(subject: &str, resource: Option<&str>) -> (Plan, Vec<(String, String)>) {
        let text = STUDY.replace("by = [\"service\"]", "by = [\"service\"]\npool = true") + TEXT;
        let (plan, study) = (pooled_plan(TEXT), Study::parse(&text, "study.toml").unwrap());
        let found = explain(&plan, &study, subject, resource).into_iter();
        let found = found.map(|one| (one.subject, one.sentences.join("\n"))).collect();
        (plan, found)
    }

    fn outcome<'a>(plan: &'a Plan, name: &str) -> &'a ScenarioOutcome {
        let all = &plan.pools.as_ref().unwrap().scenarios;
        all.iter().find(|one| one.name == name).unwrap()
    }

    #[test]
    fn a_change_without_a_selector_is_of_the_whole_fleet() {
        let text = STUDY.replace("by = [\"service\"]", "by = [\"service\"]\npool = true") + TEXT;
        let study = Study::parse(&text, "study.toml").unwrap();
        let mut change = study.scenarios[0].changes[0].clone();
        change.hosts = crate::model::Selector::all();
        let said = change_in_words(&study, &change);
        has(&said, "what the whole fleet is asked for of cpu x 2");
    }

    #[test]
    fn the_line_of_a_scenario_is_the_sum_of_its_pools() {
        let (plan, found) = asked("more disk", None);
        let (as_is, more) = (outcome(&plan, "as it is"), outcome(&plan, "more disk"));
        assert_eq!(found[0].0, "scenario more disk: in all");
        let said = &found[0].1;
        has(said, "Change 1: 3 hosts of large more in each pool of {service=\"db\"}.");
        has(said, &format!("{} hosts by 2026-", more.hosts));
        assert_eq!(more.hosts - as_is.hosts, 3.0);
        has(said, &format!("where there are {} as it is", as_is.hosts));
        let full = more.rows.iter().filter(|row| row.full.day(plan.as_of).is_some()).count();
        assert_eq!((full, more.ordered_hosts), (0, Some(0)));
        has(said, &format!("Of {} rows of pools none is full", more.rows.len()));
        has(said, "Nothing is ordered; as it is, 0 hosts.");
        let lost = more.failures.iter().filter(|failure| !failure.is_survived()).count();
        assert_eq!(Some(lost), more.failures_lost);
        has(said, &format!("{lost} of {} failures are not survived", more.failures.len()));
        let worst = more.worst_used_share.filter(|worst| worst.is_finite());
        let worst = worst.map_or_else(|| "nobody left".to_owned(), share);
        has(said, &format!("{worst}."));
        let (plan, twice) = asked("twice the web", None);
        let more = outcome(&plan, "twice the web");
        let full = more.rows.iter().filter(|row| row.full.day(plan.as_of).is_some()).count();
        has(&twice[0].1, &format!("pools {full} are full"));
        has(&twice[0].1, "the earliest first: web cpu (05-01 / 05-01 / 05-01)");
        let hosts: Vec<u64> = more.orders.iter().map(|order| order.order.hosts).collect();
        let sum: u64 = hosts.iter().sum();
        assert!(sum > 0 && Some(sum) == more.ordered_hosts);
        let costs = more.ordered_per_month.unwrap();
        assert_eq!(costs, 250.0 * sum as f64);
        has(&twice[0].1, &format!("{} (web) = {sum} hosts, {costs} = {costs} a month", hosts[0]));
        let (_, base) = asked("as it is", None);
        has(&base[0].1, "Nothing is changed");
        assert_eq!(base.len(), 1);
    }

    #[test]
    fn a_changed_row_is_told_to_its_scenario_and_its_pool() {
        let (plan, found) = asked("twice the web", None);
        let row = |name: &str| {
            let rows = &outcome(&plan, name).rows;
            rows.iter().find(|row| row.pool == "web" && row.resource == "cpu").unwrap()
        };
        let (before, after) = (row("as it is"), row("twice the web"));
        let of_web = |found: &[(String, String)]| {
            let subject = "scenario twice the web: service web";
            found.iter().find(|(of, _)| of == subject).unwrap().1.clone()
        };
        has(
            &found[0].1,
            "Change 1: what {service=\"web\"} is asked for of cpu x 2, from 2026-05-01 on",
        );
        let said = of_web(&found);
        let shown = |value: f64| amount(after.unit.as_ref(), Some(value));
        assert_eq!((after.peak, after.line), (2.0 * before.peak, 86_400.0));
        has(&said, &format!("highest peak {} x 2.000 = {}", shown(before.peak), shown(after.peak)));
        has(&said, "86.4 GHz x 1.000 = 86.4 GHz; its futures");
        has(&said, "cpu: at the tightest, from 2026-05-01 on, its");
        has(&said, "held against 86.4 GHz / 2.000 = 43.2 GHz");
        has(&said, "Full: 05-01 / 05-01 / 05-01; as it is: no date.");
        let order = outcome(&plan, "twice the web").orders.iter().find(|one| one.name == "web");
        let order = order.unwrap();
        let bought = format!(
            "To order: {} of large by {}, {} a month, in place of nothing.",
            order.order.hosts,
            order.order_by.date(),
            250 * order.order.hosts
        );
        has(&said, &bought);
        assert_eq!(of_web(&asked("web", None).1), said);
        let cpu = of_web(&asked("web", Some("cpu")).1);
        assert!(said.starts_with(&cpu) && !cpu.contains("To order"), "{cpu}");
        assert!(!asked("web", Some("disk")).1.iter().any(|(of, _)| of.starts_with("scenario")));
        assert_eq!(names_like(&plan, "the web"), ["twice the web"]);
    }
}
