//! Error budgets of pools, as text, as JSON and in sentences: what is expected of the hosts that
//! there are, how many would keep the budget, and where shrinking stops.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;

use super::explain::Explanation;
use super::explain_pools::money;
use super::names::cut;
use super::table::{Columns, amount, named, numbers, percent, prose, words};
use super::text::{TextOptions, more};
use crate::capacity::budget::{BudgetPlan, ShrinkStep};
use crate::capacity::{Plan, PlanRow, PoolBudget};
use crate::model::Unit;

/// What every number rests on, for readers.
pub(super) const METHOD: &str = "\
    Bad minutes: of the period from the plan's day on, those in which more is expected to be asked \
    for than the hosts that are up may carry. Demand is as often as high as the steps of the last \
    28 days were, where a trend stands each grown from its own day to the days of the period. \
    Hosts count as equal, and each fails on its own: what takes several at once is not in these \
    minutes. GROWS: from the last day to the period's end.";

/// What a mark at a budget says.
pub(super) const COARSE: &str = "\
    *: so small a share of time is less than one step of what is known; enough is what carries \
    the highest of them.";

/// Writes what keeps the error budgets.
pub(super) fn text(plan: &Plan, options: TextOptions, out: &mut impl Write) -> io::Result<()> {
    let Some(pools) = plan.pools.as_ref().filter(|pools| !pools.budgets.is_empty()) else {
        return Ok(());
    };
    let all = &pools.budgets;
    let lost = all.iter().filter(|budget| !budget.now.keeps()).count();
    writeln!(out, "\nWHAT KEEPS THE ERROR BUDGET: {lost} of {} are not kept", all.len())?;
    let group = pools.group.escape_debug().to_string().to_uppercase();
    let mut columns = Columns::new(&[
        named(&group),
        named("OBJECTIVE"),
        named("RESOURCE"),
        numbers("GROWS"),
        numbers("HOSTS"),
        numbers("BAD MINUTES"),
        numbers("BUDGET"),
        numbers("BURN"),
        words("ENOUGH"),
        numbers("A MONTH"),
        words("NEXT NINE"),
        words("SHRINKS TO"),
    ]);
    let shown = options.part(1).min(all.len());
    for budget in &all[..shown] {
        columns.row(&cells(budget));
    }
    columns.write(out)?;
    more(all.len() - shown, "budgets", out)?;
    prose(METHOD, out)?;
    prose(
        "BURN: bad minutes by those of the budget. ENOUGH: the fewest hosts that keep it, and A \
         MONTH what they cost more (+) or less (-) than those that there are. NEXT NINE: the same \
         for a tenth of the budget. SHRINKS TO: where, with one host fewer, the budget would burn \
         too fast.",
        out,
    )?;
    if all.iter().any(PoolBudget::is_coarse) { prose(COARSE, out) } else { Ok(()) }
}

fn cells(of: &PoolBudget) -> [String; 12] {
    [
        of.pool.clone(),
        printed(of),
        of.resource.clone(),
        grows(of),
        of.now.hosts.to_string(),
        minutes(of.now.bad_minutes),
        budget(of),
        burn(of.now.burn_rate()),
        enough(of.fewest.as_ref()),
        change(of.change_per_month),
        next_nine(of),
        shrinks(of),
    ]
}

/// An objective as it is printed: `web answers 99.9%`.
fn printed(of: &PoolBudget) -> String {
    format!("{} {}", of.name, objective(of))
}

/// The objective in percent, as it was written.
pub(super) fn objective(of: &PoolBudget) -> String {
    // 0.57 times 100 is 56.99999999999999.
    format!("{}%", (of.slo.objective() * 1e12).round() / 1e10)
}

/// By how much demand grows until the end of the period.
pub(super) fn grows(of: &PoolBudget) -> String {
    if of.growth_factor > 1.0 { percent(Some(of.growth_factor - 1.0)) } else { "-".to_owned() }
}

/// Minutes, with their first digits where they are few.
pub(super) fn minutes(minutes: f64) -> String {
    match minutes {
        0.0 => "0".to_owned(),
        few if few < 0.05 => "<0.1".to_owned(),
        some if some < 999.95 => format!("{some:.1}"),
        many => format!("{many:.0}"),
    }
}

/// The budget of its period, marked where it is finer than what is known.
pub(super) fn budget(of: &PoolBudget) -> String {
    let mark = if of.is_coarse() { "*" } else { "" };
    format!("{} of {}{mark}", minutes(of.slo.budget_minutes()), of.period)
}

/// A burn rate.
pub(super) fn burn(rate: f64) -> String {
    match rate {
        0.0 => "0".to_owned(),
        low if low < 0.005 => "<0.01".to_owned(),
        some if some < 99.95 => format!("{some:.2}"),
        high => format!("{high:.0}"),
    }
}

/// A number of hosts and their kind.
pub(super) fn enough(plan: Option<&BudgetPlan>) -> String {
    plan.map_or_else(|| "-".to_owned(), |plan| format!("{} of {}", plan.hosts, cut(&plan.shape)))
}

/// What is paid more, or less, in a month.
pub(super) fn change(per_month: Option<f64>) -> String {
    per_month.map_or_else(
        || "-".to_owned(),
        |amount| if amount.abs() < 0.5 { "0".to_owned() } else { format!("{amount:+.0}") },
    )
}

/// The hosts for a tenth of the budget, and what they cost more than enough.
pub(super) fn next_nine(of: &PoolBudget) -> String {
    match (&of.next_nine, of.next_nine_per_month) {
        (None, _) => "-".to_owned(),
        (Some(plan), None) => plan.hosts.to_string(),
        (Some(plan), cost) => format!("{}: {}", plan.hosts, change(cost)),
    }
}

/// Where shrinking stops, and how fast one host fewer would burn.
pub(super) fn shrinks(of: &PoolBudget) -> String {
    let refused = |step: &ShrinkStep| {
        format!("{}: {} burn {}", of.shrink.advised.hosts, step.hosts, burn(step.burn_rate))
    };
    match &of.shrink.refused {
        _ if of.shrink.now.burn_rate > of.burn_rate_max => "none may leave".to_owned(),
        Some(step) => refused(step),
        None => of.shrink.advised.hosts.to_string(),
    }
}

/// How the numbers of the budgets of a row came about.
pub(super) fn explained(plan: &Plan, row: &PlanRow) -> Vec<String> {
    let all = plan.pools.iter().flat_map(|pools| &pools.budgets);
    let of_row = all.filter(|of| of.labels == row.labels && of.resource == row.resource);
    of_row.map(sentence).collect()
}

/// The same of an objective by its name, for every pool that it is of.
pub(super) fn explained_by_name(
    plan: &Plan,
    name: &str,
    resource: Option<&str>,
) -> Vec<Explanation> {
    let all = plan.pools.iter().flat_map(|pools| &pools.budgets);
    let named = all.filter(|of| of.name == name || printed(of) == name);
    let asked = named.filter(|of| resource.is_none_or(|resource| resource == of.resource));
    let explanation = |of: &PoolBudget| Explanation {
        subject: format!("objective {}: {} {}", of.name.escape_debug(), of.pool, of.resource),
        sentences: vec![sentence(of)],
    };
    asked.map(explanation).collect()
}

/// The names of the objectives, as the table has them.
pub(super) fn names(plan: &Plan) -> Vec<String> {
    let all = plan.pools.iter().flat_map(|pools| &pools.budgets);
    all.map(printed).collect()
}

fn sentence(of: &PoolBudget) -> String {
    let shown = |value: f64| amount(of.unit.as_ref(), Some(value));
    let grown = if of.growth_factor > 1.0 {
        format!(", grown by {} to the end of the period", grows(of))
    } else {
        String::new()
    };
    let hosts =
        |count: u64| if count == 1 { "1 host".to_owned() } else { format!("{count} hosts") };
    let fewest = match &of.fewest {
        Some(plan) => format!(
            "{} of {} are the fewest that keep it, at {} bad minutes",
            plan.hosts,
            plan.shape.escape_debug(),
            minutes(plan.bad_minutes)
        ),
        None => "no number of hosts is known to keep it".to_owned(),
    };
    format!(
        "Error budget {:?}: {} of {} leave {} minutes bad. The {} steps of the last 28 days{grown} \
         ask for {} at most; {} that carry {} each are expected to be too few for {} minutes, \
         which burns the budget {} times; {fewest}.{}",
        of.name,
        objective(of),
        of.period,
        minutes(of.slo.budget_minutes()),
        of.steps,
        shown(of.highest_demand),
        hosts(of.now.hosts),
        shown(of.host_capacity),
        minutes(of.now.bad_minutes),
        burn(of.now.burn_rate()),
        money_and_next(of)
    )
}

/// What the fewest and the next nine cost, and where shrinking stops.
fn money_and_next(of: &PoolBudget) -> String {
    let mut said = String::new();
    if let (Some(plan), Some(cost), Some(change)) =
        (&of.fewest, of.cost_per_month, of.change_per_month)
    {
        let (then, now) = (money(plan.cost_per_month), money(cost));
        let difference = if change < 0.0 {
            format!("{now} - {then} = {} less", money(-change))
        } else {
            format!("{then} - {now} = {} more", money(change))
        };
        let _ =
            write!(said, " They cost {then} a month, {difference} than the hosts that there are.");
    }
    if let Some(plan) = &of.next_nine {
        let (count, bad) = (plan.hosts, minutes(plan.bad_minutes));
        let _ = write!(
            said,
            " A tenth of the budget, {} minutes, takes {count}, at {bad}",
            minutes(of.slo.budget_minutes() / 10.0)
        );
        if let (Some(fewest), Some(more)) = (&of.fewest, of.next_nine_per_month) {
            let costs = (money(plan.cost_per_month), money(fewest.cost_per_month));
            let _ = write!(said, ", for {} - {} = {} a month more", costs.0, costs.1, money(more));
        }
        said.push('.');
    }
    let most = of.burn_rate_max;
    let _ = match &of.shrink.refused {
        _ if of.shrink.now.burn_rate > most => {
            write!(said, " None may leave: it burns faster than {most} times already.")
        }
        Some(step) => write!(
            said,
            " They may shrink to {}: with {} it would burn {} times, over {most}.",
            of.shrink.advised.hosts,
            step.hosts,
            burn(step.burn_rate)
        ),
        None => write!(said, " They may shrink to {}.", of.shrink.advised.hosts),
    };
    said
}

/// A budget as JSON.
#[derive(Serialize)]
pub(super) struct BudgetView<'a> {
    labels: BTreeMap<&'a str, &'a str>,
    slo: &'a str,
    resource: &'a str,
    unit: Option<&'a str>,
    objective: f64,
    period_days: f64,
    budget_minutes: f64,
    finer_than_known: bool,
    steps: usize,
    growth_factor: f64,
    highest_demand: f64,
    host_capacity: f64,
    hosts: u64,
    bad_minutes: f64,
    burn_rate: f64,
    kept: bool,
    cost_per_month: Option<f64>,
    fewest: Option<HostsView>,
    change_per_month: Option<f64>,
    next_nine: Option<HostsView>,
    next_nine_per_month: Option<f64>,
    shrink: ShrinkView,
}

#[derive(Serialize)]
struct HostsView {
    shape: String,
    hosts: u64,
    bad_minutes: f64,
    cost_per_month: Option<f64>,
}

#[derive(Serialize)]
struct ShrinkView {
    burn_rate_max: f64,
    hosts: u64,
    leaving: u64,
    one_fewer_burn_rate: Option<f64>,
}

/// The JSON of a budget.
pub(super) fn json(of: &PoolBudget) -> BudgetView<'_> {
    let hosts = |plan: &BudgetPlan| HostsView {
        shape: plan.shape.clone(),
        hosts: plan.hosts,
        bad_minutes: plan.bad_minutes,
        cost_per_month: of.is_priced.then_some(plan.cost_per_month),
    };
    BudgetView {
        labels: of.labels.iter().collect(),
        slo: &of.name,
        resource: &of.resource,
        unit: of.unit.as_ref().map(Unit::as_str),
        objective: of.slo.objective(),
        period_days: of.slo.period_days(),
        budget_minutes: of.slo.budget_minutes(),
        finer_than_known: of.is_coarse(),
        steps: of.steps,
        growth_factor: of.growth_factor,
        highest_demand: of.highest_demand,
        host_capacity: of.host_capacity,
        hosts: of.now.hosts,
        bad_minutes: of.now.bad_minutes,
        burn_rate: of.now.burn_rate(),
        kept: of.now.keeps(),
        cost_per_month: of.cost_per_month,
        fewest: of.fewest.as_ref().map(hosts),
        change_per_month: of.change_per_month,
        next_nine: of.next_nine.as_ref().map(hosts),
        next_nine_per_month: of.next_nine_per_month,
        shrink: ShrinkView {
            burn_rate_max: of.burn_rate_max,
            hosts: of.shrink.advised.hosts,
            leaving: of.shrink.leaving(),
            one_fewer_burn_rate: of.shrink.refused.map(|step| step.burn_rate),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::Study;
    use crate::capacity::testing::{STUDY, pooled_plan};
    use crate::report::explain;

    const SLO: &str = "[[slo]]\nname = \"web answers\"\nwhere = '{service=\"web\"}'\n\
                       resource = \"cpu\"\nobjective = 0.995\nhost_mtbf = \"90d\"\n\
                       host_repair = \"8h\"\n";

    #[test]
    fn text_json_and_sentence_say_the_same() {
        let plan = pooled_plan(SLO);
        let of = &plan.pools.as_ref().unwrap().budgets[0];
        let mut out = Vec::new();
        text(&plan, TextOptions::default(), &mut out).unwrap();
        let written = String::from_utf8(out).unwrap();
        if std::env::var_os("SHOW_TEXT").is_some() {
            eprintln!("{written}");
        }
        let fewest = of.fewest.as_ref().unwrap();
        for part in [
            "WHAT KEEPS THE ERROR BUDGET: 0 of 1 are not kept",
            "web answers 99.5%",
            // 0.005 of 43,200 minutes.
            "216.0 of 30d",
            &format!("{} of its own", fewest.hosts),
            &format!("-{}", 100 * (12 - fewest.hosts)),
            &format!("{}: {} burn ", fewest.hosts, fewest.hosts - 1),
        ] {
            assert!(written.contains(part), "{part}\n{written}");
        }
        assert!(!written.contains('*') && written.lines().all(|line| line.chars().count() <= 150));
        let json = serde_json::to_value(json(of)).unwrap();
        assert_eq!((json["hosts"].as_u64(), json["kept"].as_bool()), (Some(12), Some(true)));
        assert_eq!(json["fewest"]["hosts"].as_u64(), Some(fewest.hosts));
        assert_eq!(json["fewest"]["cost_per_month"].as_f64(), Some(fewest.cost_per_month));
        assert_eq!(json["change_per_month"].as_f64(), of.change_per_month);
        assert_eq!(json["shrink"]["hosts"].as_u64(), Some(of.shrink.advised.hosts));
        let study = Study::parse(STUDY, "study.toml").unwrap();
        let found = explain(&plan, &study, "web", Some("cpu"));
        let said = found[0].sentences.join("\n");
        assert!(
            said.contains("Error budget \"web answers\": 99.5% of 30d leave 216.0 minutes bad. ")
        );
        assert!(said.contains("12 hosts that carry 7.20 GHz each"), "{said}");
        let cost = |plan: &BudgetPlan| plan.cost_per_month;
        let less = -of.change_per_month.unwrap();
        assert!(less > 0.0);
        let cost_then = cost(fewest);
        let part = format!("They cost {cost_then} a month, 1200 - {cost_then} = {less} less than");
        assert!(said.contains(&part), "{part}\n{said}");
        let refused = of.shrink.refused.unwrap();
        let part = format!("They may shrink to {}: with {} it", fewest.hosts, refused.hosts);
        assert!(said.contains(&part), "{part}\n{said}");
        let next = of.next_nine.as_ref().unwrap();
        let part = format!(
            "A tenth of the budget, 21.6 minutes, takes {}, at {}, for {} - {} = {} a month more.",
            next.hosts,
            minutes(next.bad_minutes),
            cost(next),
            cost(fewest),
            cost(next) - cost(fewest)
        );
        assert!(said.contains(&part), "{part}\n{said}");
        let by_name = explain(&plan, &study, "web answers", None);
        assert_eq!(by_name[0].subject, "objective web answers: web cpu");
        assert!(said.contains(&by_name[0].sentences[0]));
        // As the table prints it, too.
        assert_eq!(explain(&plan, &study, "web answers 99.5%", None), by_name);
        assert_eq!(crate::report::names_like(&plan, "answers"), ["web answers 99.5%"]);
        let memory = explain(&plan, &study, "web", Some("memory"));
        assert!(!memory[0].sentences.join("\n").contains("Error budget"));
    }

    #[test]
    fn numbers_are_shown_as_people_write_them() {
        assert_eq!([0.0, 0.01, 43.2, 1_501.2].map(minutes), ["0", "<0.1", "43.2", "1501"]);
        assert_eq!([0.0, 0.001, 3.475, 1_000.0].map(burn), ["0", "<0.01", "3.48", "1000"]);
        let shown = [Some(250.0), Some(-1_200.4), Some(-0.2), None].map(change);
        assert_eq!(shown, ["+250", "-1200", "0", "-"]);
    }

    #[test]
    fn a_study_without_objectives_has_no_such_section() {
        let mut out = Vec::new();
        text(&pooled_plan(""), TextOptions::default(), &mut out).unwrap();
        assert!(out.is_empty());
    }
}
