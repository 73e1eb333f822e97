//! What a plan says in all, and of owners and services, in sentences.

use super::explain::Explanation;
use super::explain_pools::{money, share};
use super::table::amount;
use crate::capacity::inventory::{By, DesignRow};
use crate::capacity::{Plan, PoolLeave, PoolOrder, PoolReport};

/// What is said of the plan itself, by the name of its study, and of an owner or a service.
pub(super) fn explained(plan: &Plan, subject: &str, resource: Option<&str>) -> Vec<Explanation> {
    let mut found = Vec::new();
    if plan.study == subject && resource.is_none() {
        let what = |what: &str| format!("plan {}: {what}", plan.study.escape_debug());
        found.push(Explanation { subject: what("its rows"), sentences: vec![rows(plan)] });
        let sentences = sums_of_money(plan);
        if !sentences.is_empty() {
            found.push(Explanation { subject: what("money a month"), sentences });
        }
    }
    let designs = plan.design.iter().flat_map(|design| &design.rows);
    found.extend(
        designs
            .filter(|(_, row)| group(row) == subject)
            .filter(|(_, row)| resource.is_none_or(|resource| resource == row.resource))
            .map(|(by, row)| design(*by, row)),
    );
    found
}

/// The names that say something here.
pub(super) fn names(plan: &Plan) -> Vec<String> {
    let designs = plan.design.iter().flat_map(|design| &design.rows);
    std::iter::once(plan.study.clone()).chain(designs.map(|(_, row)| group(row))).collect()
}

fn group(row: &DesignRow) -> String {
    row.group.as_deref().map_or_else(|| "(none)".to_owned(), |name| name.escape_debug().to_string())
}

/// The counts at the head of the plan.
fn rows(plan: &Plan) -> String {
    let s = &plan.summary;
    format!(
        "{} full already + {} full within {} with even odds + {} growing, likely to last {2} + {} \
         without a significant trend + {} that shrink + {} with too \
         little data = {} rows of {} hosts, one for each host and resource with a limit. Of all \
         these, {} are to be ordered now: their day to order has passed, or they are full.",
        s.already,
        s.within_horizon,
        plan.horizon,
        s.beyond_horizon,
        s.no_trend,
        s.never,
        s.not_enough_data,
        s.rows,
        s.hosts,
        s.order_overdue
    )
}

/// What is ordered and what could be saved, as sums.
fn sums_of_money(plan: &Plan) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(pools) = &plan.pools {
        said.extend(ordered(pools));
        said.extend(left(&pools.leaves));
    }
    if let Some(saved) = plan.idle.saved_per_month {
        said.push(format!(
            "Idle hosts would save {}, the sum of the prices of {}; the prices of {} are not \
             known.",
            money(saved),
            plan.idle.hosts.len() - plan.idle.unpriced,
            plan.idle.unpriced
        ));
    }
    if let Some((report, savings)) = plan.zombies.as_ref().and_then(|it| Some((it, it.savings?))) {
        let prices: Vec<String> =
            report.hosts.iter().filter_map(|host| host.price_per_month).map(money).collect();
        let prices = if prices.is_empty() { "0".to_owned() } else { prices.join(" + ") };
        said.push(format!(
            "Zombies would save {prices} = {}; the prices of {} are not known.",
            money(savings.price_per_month),
            savings.unpriced
        ));
    }
    if said.len() > 1 {
        let what = "These do not add up: a host may be in more than one of them.";
        said.push(what.to_owned());
    }
    said
}

fn ordered(pools: &PoolReport) -> Option<String> {
    let of = |of: fn(&PoolOrder) -> String| {
        pools.orders.iter().map(of).collect::<Vec<String>>().join(" + ")
    };
    (!pools.orders.is_empty()).then(|| {
        format!(
            "Ordered: {} = {} hosts, for {} = {}.",
            of(|order| format!("{} ({})", order.order.hosts, order.name)),
            pools.orders.iter().map(|order| order.order.hosts).sum::<u64>(),
            of(|order| money(order.order.cost)),
            money(pools.orders.iter().map(|order| order.order.cost).sum())
        )
    })
}

fn left(leaves: &[PoolLeave]) -> Option<String> {
    let priced: Vec<(&PoolLeave, f64)> =
        leaves.iter().filter_map(|leave| Some((leave, leave.saved_per_month?))).collect();
    let each = priced.iter().map(|(leave, saved)| format!("{} ({})", money(*saved), leave.name));
    let sum: f64 = priced.iter().map(|(_, saved)| saved).sum();
    (!priced.is_empty()).then(|| {
        let each = each.collect::<Vec<String>>().join(" + ");
        let aside = match leaves.iter().map(PoolLeave::unpriced).sum::<usize>() {
            0 => String::new(),
            unpriced => format!("; the prices of {unpriced} are not known"),
        };
        format!("Hosts that could leave would save {each} = {}{aside}.", money(sum))
    })
}

/// What an owner or a service asked for, has and uses.
fn design(by: By, row: &DesignRow) -> Explanation {
    let shown = |value: f64| amount(Some(&row.unit), Some(value));
    let by = match by {
        By::Owner => "owner",
        By::Service => "service",
    };
    let mut sentences = vec![format!("{} hosts of it have any of this resource.", row.hosts)];
    let sums = [
        (row.requested, "Asked for", "what the inventory says was requested"),
        (row.provisioned, "There is", "the limits that were measured, else what it says there is"),
        (row.used, "Used", "the means of the last seven days"),
    ];
    sentences.extend(sums.iter().filter_map(|(sum, what, from)| {
        let sum = shown((*sum)?);
        Some(format!("{what}: {sum}; {from}, added up over the hosts of which it is known."))
    }));
    let shares = [
        (row.both_used_and_requested, row.used_of_requested, "asked for"),
        (row.both_used_and_provisioned, row.used_of_provisioned, "there"),
    ];
    sentences.extend(shares.iter().filter_map(|(both, found, whole)| {
        let ((used, of), found) = ((*both)?, (*found)?);
        Some(format!(
            "Used of what is {whole}, over the hosts of which both are known: {} / {} = {}.",
            shown(used),
            shown(of),
            share(found)
        ))
    }));
    let subject = format!("{by} {}: {} by design", group(row), row.resource.escape_debug());
    Explanation { subject, sentences }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, has};
    use super::*;
    use crate::capacity::testing::{plan_with_inventory, pooled_plan};

    fn said(plan: &Plan, subject: &str) -> String {
        testing::sentences(&explained(plan, subject, None))
    }

    #[test]
    fn the_counts_add_up_to_the_rows() {
        let plan = testing::plan();
        let text = said(&plan, "small");
        let sum = text.split(" rows of").next().unwrap();
        let (parts, rows) = sum.split_once(" = ").unwrap();
        let each = parts.split(" + ").map(|part| part.split(' ').next().unwrap());
        let each: usize = each.map(|count| count.parse::<usize>().unwrap()).sum();
        assert_eq!((each, rows), (plan.summary.rows, "7"), "{text}");
        has(&text, "2 are to be ordered now");
        assert!(explained(&plan, "small", Some("disk")).is_empty());
    }

    #[test]
    fn money_is_the_sum_of_what_stands_in_the_tables() {
        let buying = "[[shape]]\nname = \"large\"\nprice = 250\n\
                      provides = { cpu = \"16 GHz\", memory = \"32 GB\", \
                      disk = \"1 TB\" }\n[order]\n\
                      [[scenario]]\nname = \"double\"\n[[scenario.change]]\nkind = \"demand\"\n\
                      factor = 2\nresources = [\"cpu\"]\nfrom = 2026-05-01\n\
                      where = '{service=\"web\"}'\n";
        let mut plan = pooled_plan(buying);
        let pools = plan.pools.as_mut().unwrap();
        pools.orders = pools.scenarios[1].orders.clone();
        let mut second = pools.orders[0].clone();
        second.name = "more".into();
        pools.orders.push(second);
        let (hosts, cost) = (pools.orders[0].order.hosts, pools.orders[0].order.cost);
        let saved: Vec<f64> = pools.leaves.iter().filter_map(|one| one.saved_per_month).collect();
        let text = said(&plan, "simulated fleet");
        let line = format!(
            "Ordered: {hosts} (web) + {hosts} (more) = {} hosts, for {cost} + {cost} = {}.",
            2 * hosts,
            2.0 * cost
        );
        has(&text, &line);
        assert!(saved.len() > 1);
        has(&text, &format!("{:.0} (", saved[0]));
        has(&text, &format!(" = {:.0}.\nIdle hosts", saved.iter().sum::<f64>()));
        let idle = plan.idle.saved_per_month.unwrap();
        has(&text, &format!("Idle hosts would save {idle:.0}, the sum of the prices of 2"));
    }

    #[test]
    fn an_owner_has_what_was_asked_for_what_is_there_and_what_is_used() {
        let plan = plan_with_inventory(
            "host,owner,requested_memory_gb\nweb-01,ann,32\nweb-02,ann,32\nweb-03,ann,\n",
        );
        let found = explained(&plan, "ann", Some("memory"));
        assert_eq!(found[0].subject, "owner ann: memory by design");
        let text = found[0].sentences.join("\n");
        let row = plan.design.as_ref().unwrap().rows.iter().map(|(_, row)| row);
        let row = row
            .clone()
            .find(|row| row.group.as_deref() == Some("ann") && row.resource == "memory")
            .unwrap();
        has(&text, "3 hosts of it");
        has(&text, "Asked for: 64.0 GB");
        has(&text, "There is: 48.0 GB");
        // Of the third nothing was asked for: its use is in one of the shares only.
        let (used, asked) = row.both_used_and_requested.unwrap();
        let (all, there) = row.both_used_and_provisioned.unwrap();
        assert!((all / used - 1.5).abs() < 0.01 && Some(all) == row.used);
        assert_eq!(
            (used / asked, all / there),
            (row.used_of_requested.unwrap(), row.used_of_provisioned.unwrap())
        );
        has(&text, &format!("/ 64.0 GB = {:.1}%", 100.0 * used / asked));
        has(&text, &format!("/ 48.0 GB = {:.1}%", 100.0 * all / there));
    }
}
