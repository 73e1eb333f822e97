//! Where every number of a row came from, in sentences.

use std::collections::BTreeSet;

use super::names::is_printed_as;
use super::table::{amount, percent, scaled_error};
use super::{budgets, explain_pools, explain_reclaim, explain_scenarios, explain_totals, laws};
use crate::capacity::study::{Kind, Limit, Resource, Table};
use crate::capacity::{Outcome, Plan, PlanRow, Study, TablePlan, name};
use crate::model::Span;

/// Smaller probabilities are not told apart.
const CHANCE_MIN: f64 = 1e-4;

/// How the numbers of one row came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What is explained.
    pub subject: String,
    /// Sentences.
    pub sentences: Vec<String>,
}

/// Explains what a plan says of a name, of one resource or of all: of a host or a row of a group;
/// of a pool what is ordered, who could leave, and what failures and scenarios do to it; of a
/// failure, a scenario, an objective, an owner or a service; of a resource what could be reclaimed;
/// of the study what adds up. Nothing where nothing has the name. A long name may be given as it
/// was printed, cut in its middle.
///
/// ```
/// use plimsoll::capacity::{Planner, Study, Table};
/// use plimsoll::report::explain;
/// use plimsoll::{Frame, Labels, Span, Timestamp};
///
/// let study = Study::parse(
///     "[study]\nstep = \"1h\"\n\
///      [[resource]]\nname = \"disk\"\nusage = \"disk_used\"\nlimit = 100.0\nunit = \"GB\"\n",
///     "study.toml",
/// )?;
/// let start: Timestamp = "2026-01-01".parse()?;
/// let host = Labels::from_pairs([("host", "db-1")])?;
/// let usage = Frame::new(start, Span::HOUR, 48, vec![host], vec![40.0; 48])?;
/// let mut planner = Planner::new(&study, start.plus(Span::from_days(2)))?;
/// planner.add(Table { resource: 0, group: None }, &usage, None)?;
/// let found = explain(&planner.finish(), &study, "db-1", None);
/// assert_eq!(found[0].subject, "host db-1: disk");
/// assert!(found[0].sentences[0].contains("{__name__=\"disk_used\"}"));
/// # Ok::<(), plimsoll::Error>(())
/// ```
pub fn explain(
    plan: &Plan,
    study: &Study,
    subject: &str,
    resource: Option<&str>,
) -> Vec<Explanation> {
    let found = explained_by_name(plan, study, subject, resource);
    if !found.is_empty() {
        return found;
    }
    let printed = all_names(plan).into_iter().filter(|name| is_printed_as(name, subject));
    printed.flat_map(|name| explained_by_name(plan, study, &name, resource)).collect()
}

fn explained_by_name(
    plan: &Plan,
    study: &Study,
    subject: &str,
    resource: Option<&str>,
) -> Vec<Explanation> {
    let tables = std::iter::once((None, &plan.hosts))
        .chain(plan.groups.iter().enumerate().map(|(at, table)| (Some(at), table)));
    let mut found = Vec::new();
    for (group, table) in tables {
        let rows = table.rows.iter().filter(|row| row.name(&table.by) == subject);
        for row in rows.filter(|row| resource.is_none_or(|resource| row.resource == resource)) {
            found.push(row_explained(plan, study, group, table, row));
        }
    }
    found.extend(explain_pools::explained(plan, study, subject, resource));
    found.extend(explain_scenarios::explained(plan, study, subject, resource));
    found.extend(budgets::explained_by_name(plan, subject, resource));
    found.extend(explain_reclaim::explained(plan, subject, resource));
    found.extend(explain_totals::explained(plan, subject, resource));
    found.extend(laws::explained(plan, subject, resource));
    found
}

fn row_explained(
    plan: &Plan,
    study: &Study,
    group: Option<usize>,
    table: &TablePlan,
    row: &PlanRow,
) -> Explanation {
    let mut sentences = Vec::new();
    if let Some(index) = study.resource(&row.resource) {
        let by = study.labels_of(Table { resource: index, group });
        sentences.extend(inputs(study, &study.resources[index], by, row));
    }
    sentences.extend(reasons(plan, row));
    sentences.extend(date(plan, row));
    sentences.extend(too_large(plan, study, row));
    sentences.extend(budgets::explained(plan, row));
    let what = table.name.escape_debug();
    let subject = format!("{what} {}: {}", row.name(&table.by), row.resource.escape_debug());
    Explanation { subject, sentences }
}

/// What was asked of the store, and what was made of it.
fn inputs(study: &Study, resource: &Resource, by: &[String], row: &PlanRow) -> Vec<String> {
    let unit = row.unit.as_ref();
    let within = match resource.kind {
        Kind::Gauge => "the mean",
        Kind::Counter => "the increase a second, resets corrected,",
    };
    let by =
        if by.is_empty() { "over all of them".to_owned() } else { format!("by {}", by.join(", ")) };
    let mut said = vec![format!(
        "Usage: {within} of each step of {} of {}, the series of a row added up ({by}).",
        study.step, resource.usage
    )];
    said.extend(resource.limit.as_ref().map(|limit| match limit {
        Limit::Number(number) => {
            let number = amount(unit, Some(number * resource.limit_factor));
            format!("Limit: {number} for each series of the usage, as the study says.")
        }
        Limit::Metric(selector) => {
            let factor = resource.limit_factor;
            let times = if factor == 1.0 { String::new() } else { format!(", times {factor}") };
            format!("Limit: the last value of {selector}, the series of a row added up{times}.")
        }
    }));
    if row.used_now.is_finite() {
        let last = row.last_seen.map_or_else(String::new, |at| format!(", the last step at {at}"));
        let now = amount(unit, Some(row.used_now));
        said.push(format!("Now {now}: the mean of the last hour with data{last}."));
    }
    if let (Some(headroom), Some(share)) = (row.headroom(), row.headroom_share()) {
        said.push(format!(
            "Headroom {}: {} of the limit; the limit less the safety margin ({}) less the peak.",
            amount(unit, Some(headroom)),
            percent(Some(share)),
            percent(Some(resource.safety_margin))
        ));
    }
    said
}

/// The evidence behind a row.
pub(super) fn reasons(plan: &Plan, row: &PlanRow) -> Vec<String> {
    let unit = row.unit.as_ref();
    let shown = |value: f64| amount(unit, Some(value));
    let mut said = Vec::new();
    if let (Some(limit), Some(line), Some(peak)) = (row.limit, row.line, row.peak) {
        let left = line - peak.value;
        let word = if left < 0.0 { "over" } else { "left" };
        let since = row.limit_change.map_or_else(String::new, |change| {
            // A week of peaks counts always.
            if change.at <= plan.as_of.minus(Span::WEEK) {
                format!(" since the limit changed on {}", change.at.date())
            } else {
                " of the last 7 days".to_owned()
            }
        });
        said.push(format!(
            "It counts as full at {}; the limit is {}. The highest peak{since}, {}, was on {}: {} \
             {word}.",
            shown(line),
            shown(limit),
            shown(peak.value),
            peak.at.date(),
            shown(left.abs())
        ));
    }
    if let Some(change) = row.limit_change {
        let (from, at) = (shown(change.from), change.at.date());
        said.push(format!("The limit changed on {at}; it was {from}."));
    }
    if let Some(slope) = row.slope_per_day {
        let since = row.trend_since.map_or_else(String::new, |at| format!(" since {}", at.date()));
        let p = row.p_value.map_or_else(String::new, chance);
        let by = shown(slope.abs());
        said.push(match slope {
            _ if by == shown(0.0) => format!("Its daily peak has stayed the same{since}."),
            slope if slope < 0.0 => format!("Its daily peak shrinks by {by} a day{since}{p}."),
            _ => format!("Its daily peak grows by {by} a day{since}{p}."),
        });
    }
    if let Outcome::Within(forecast) = &row.outcome {
        let percent = |share: f64| format!("{:.0}%", share * 100.0);
        said.push(format!(
            "Full within 7 days: {}; 30 days: {}; 90 days: {}; not within {}: {}.",
            percent(forecast.within_7_days),
            percent(forecast.within_30_days),
            percent(forecast.within_90_days),
            plan.horizon,
            percent(forecast.never)
        ));
    }
    if let Some(backtest) = row.backtest {
        said.push(format!(
            "Forecast from {} days of its own past, the error was {} of that of \"as it is \
             now\" (MASE), and {:.0}% of the peaks fell inside the 80% interval.",
            backtest.origins,
            scaled_error(backtest.mase),
            backtest.coverage * 100.0
        ));
    }
    let gaps = match row.gap_days {
        0 => String::new(),
        gaps => format!("; of {gaps} more the peak is not known"),
    };
    said.push(format!("It rests on {} days of peaks{gaps}.", row.days));
    said
}

/// How likely so steep a trend is by chance.
fn chance(p: f64) -> String {
    let share = if p < CHANCE_MIN {
        format!("less than {:.2}%", CHANCE_MIN * 100.0)
    } else {
        format!("{:.2}%", p * 100.0)
    };
    format!("; where there is no trend, one so steep is seen in {share} of cases")
}

/// Where the dates came from, or why there are none.
fn date(plan: &Plan, row: &PlanRow) -> Vec<String> {
    let (horizon, lead) = (plan.horizon, plan.lead_time);
    let rate = plan.false_discovery_rate * 100.0;
    let mut said = vec![match &row.outcome {
        Outcome::Already { since } => format!(
            "Full already: most of the last seven daily peaks, or the last one and another of the \
             last three, are at the line; so since {}.",
            since.date()
        ),
        Outcome::Within(forecast) => {
            let day = |day: Option<_>| {
                day.map_or_else(|| format!("beyond {horizon}"), crate::model::Timestamp::date)
            };
            let order = forecast.order_by.map_or_else(String::new, |by| {
                format!(" Order by {}: P10 less the lead time of {lead}.", by.date())
            });
            format!(
                "Full on {} / {} / {} (P10 / P50 / P90): the day on which drawn futures of the \
                 daily peak first reach the line.{order}",
                day(forecast.p10),
                day(forecast.p50),
                day(forecast.p90)
            )
        }
        Outcome::Never => "No date: the trend leads away from the line.".to_owned(),
        Outcome::NoTrend => format!(
            "No date: no trend that could not be chance, {rate}% of the dates of the plan being \
             allowed to be false."
        ),
        Outcome::NotEnoughData { what } => format!("No date: {}.", what.escape_debug()),
    }];
    if let Some(reached) = row.probabilities {
        said.push(format!(
            "A peak reaches the line within 7 days with a probability of {:.1}%, within 30 of \
             {:.1}%, within 90 of {:.1}%, weighed as the rows' own past says.",
            reached.within_7 * 100.0,
            reached.within_30 * 100.0,
            reached.within_90 * 100.0
        ));
    }
    said
}

/// Whether the row can be made smaller.
fn too_large(plan: &Plan, study: &Study, row: &PlanRow) -> Option<String> {
    let is_row = |other: &&crate::capacity::OverprovisionedRow| {
        other.labels == row.labels && other.resource == row.resource
    };
    let over = plan.overprovisioned.rows.iter().find(is_row)?;
    let shown = |value: f64| amount(row.unit.as_ref(), Some(value));
    let rule = &study.overprovisioned;
    let target = shown(over.target);
    let size = if over.target > over.need / (1.0 - rule.headroom) {
        format!("the new limit is its peak, {target}, for it is no less")
    } else {
        format!("{target} leaves {} of a new limit free", percent(Some(rule.headroom)))
    };
    Some(format!(
        "Too large: it needs {}, the larger of quantile {} of its steps and the daily peak to be \
         expected again, under {} of the limit; {size}, and {} can be reclaimed.",
        shown(over.need),
        rule.quantile,
        percent(Some(rule.below)),
        shown(over.reclaimable())
    ))
}

/// The names in a plan that are like a text, for a message: those that hold it.
pub fn names_like(plan: &Plan, subject: &str) -> Vec<String> {
    let is_like = |name: &String| name.contains(subject) || is_printed_as(name, subject);
    all_names(plan).into_iter().filter(is_like).collect()
}

/// All names that can be asked for, each once.
fn all_names(plan: &Plan) -> BTreeSet<String> {
    let tables = std::iter::once(&plan.hosts).chain(&plan.groups);
    let names = tables.flat_map(|table| table.rows.iter().map(|row| name(&row.labels, &table.by)));
    let others = [
        explain_pools::names(plan),
        explain_scenarios::names(plan),
        budgets::names(plan),
        explain_reclaim::names(plan),
        explain_totals::names(plan),
        laws::names(plan).collect(),
    ];
    names.chain(others.into_iter().flatten()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::LimitChange;
    use crate::capacity::testing::{STUDY, pooled_plan};
    use crate::model::Labels;

    fn explained(subject: &str, resource: Option<&str>) -> Vec<Explanation> {
        let study = Study::parse(STUDY, "study.toml").unwrap();
        explain(&pooled_plan(""), &study, subject, resource)
    }

    #[test]
    fn each_number_of_a_row_is_said_with_its_source() {
        let found = explained("db-02", Some("disk"));
        assert_eq!((found.len(), found[0].subject.as_str()), (1, "host db-02: disk"));
        let text = found[0].sentences.join("\n");
        for part in [
            "the mean of each step of 15m of {__name__=\"disk_used\"}",
            "Limit: 500 GB for each series",
            "Now 40",
            "the limit less the safety margin (10%) less the peak",
            "It counts as full at 450 GB; the limit is 500 GB.",
            "Its daily peak grows by 2.5",
            "Full on 2026-04-",
            "P10 less the lead time of 30d",
            "A peak reaches the line within 7 days with a probability of ",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        let memory = explained("web-01", Some("memory"))[0].sentences.join("\n");
        assert!(memory.contains("{__name__=\"memory_provisioned\"}"), "{memory}");
        assert!(memory.contains("added up, times 1000."), "{memory}");
        assert!(memory.contains("No date: no trend that could not be chance"), "{memory}");
    }

    #[test]
    fn a_long_name_is_found_as_the_plan_prints_it() {
        let mut plan = pooled_plan("");
        let node = |at: usize| format!("aks-nodepool1-12345678-vmss00000{at}");
        let row = plan.hosts.rows[0].clone();
        plan.hosts.rows = (0..2)
            .map(|at| {
                let labels = Labels::from_pairs([("host", node(at).as_str())]).unwrap();
                PlanRow { labels, ..row.clone() }
            })
            .collect();
        let mut out = Vec::new();
        super::super::text(&plan, super::super::TextOptions::default(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let study = Study::parse(STUDY, "study.toml").unwrap();
        for at in 0..2 {
            let printed = format!("aks-nodepool1…678-vmss00000{at}");
            assert_eq!(text.matches(&format!("\n {printed} ")).count(), 1, "{text}");
            let found = explain(&plan, &study, &printed, None);
            let subject = format!("host {}: {}", node(at), row.resource);
            assert_eq!((found.len(), &found[0].subject), (1, &subject));
            assert_eq!(names_like(&plan, &printed), [node(at)]);
            assert_eq!(explain(&plan, &study, &node(at), None), found);
        }
        // Where it does not tell them apart, it is all of them.
        assert_eq!(explain(&plan, &study, "aks-node…", None).len(), 2);
    }

    #[test]
    fn where_the_limit_changed_the_highest_peak_is_that_since_then() {
        let mut plan = pooled_plan("");
        let known = |row: &&mut PlanRow| row.line.is_some() && row.peak.is_some();
        let row = plan.hosts.rows.iter_mut().find(known).unwrap();
        row.limit_change = None;
        let row = row.clone();
        let said = |row: &PlanRow| reasons(&plan, row).join("\n");
        assert!(said(&row).contains(" The highest peak, "), "{}", said(&row));
        let ago = |days| plan.as_of.minus(Span::from_days(days));
        for (at, part) in [
            (ago(8), format!("The highest peak since the limit changed on {}, ", ago(8).date())),
            (ago(3), "The highest peak of the last 7 days, ".to_owned()),
        ] {
            let change = Some(LimitChange { from: 250.0, at });
            let changed = PlanRow { limit_change: change, ..row.clone() };
            assert!(said(&changed).contains(&part), "{}", said(&changed));
        }
    }

    #[test]
    fn what_does_not_move_does_not_grow() {
        let mut plan = pooled_plan("");
        let row = plan.hosts.rows.iter_mut().find(|row| row.slope_per_day.is_some()).unwrap();
        let row = row.clone();
        for (slope, part) in [
            (0.0, "Its daily peak has stayed the same"),
            (1e9, "Its daily peak grows by "),
            (-1e9, "Its daily peak shrinks by "),
        ] {
            let said = reasons(&plan, &PlanRow { slope_per_day: Some(slope), ..row.clone() });
            assert!(said.iter().any(|one| one.starts_with(part)), "{said:?}");
        }
    }

    #[test]
    fn groups_are_explained_and_strangers_are_not() {
        let web = explained("web", None);
        let subjects: Vec<&str> = web.iter().map(|one| one.subject.as_str()).collect();
        let rows = ["cpu", "disk", "memory"].map(|resource| format!("service web: {resource}"));
        let mut of_rows: Vec<&str> = subjects[..3].to_vec();
        of_rows.sort_unstable();
        assert_eq!(
            (of_rows, &subjects[3..]),
            (rows.iter().map(String::as_str).collect(), &["service web: who could leave"][..])
        );
        assert!(explained("nobody", None).is_empty());
        assert_eq!(names_like(&pooled_plan(""), "db-0").len(), 8);
        let cpu = explained("web-01", Some("cpu"))[0].sentences.join("\n");
        assert!(cpu.contains("Too large: it needs "), "{cpu}");
    }
}
