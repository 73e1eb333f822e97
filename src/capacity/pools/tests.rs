//! Pools of the small fleet: 12 web hosts, 8 databases, 5 batch hosts, and oddities.

use super::*;
use crate::capacity::testing::{self, pooled_plan};
use crate::capacity::{KnownHost, Outcome, Plan, PlanRow, Planner, Study, Table};
use crate::model::{Frame, Labels, Span, Timestamp};

const BUYING: &str = r#"
[[shape]]
name = "large"
price = 250
lead_time = "20d"
provides = { cpu = "16 GHz", memory = "32 GB", disk = "1 TB" }
[order]
risk = 0.1
review = "30d"
"#;

const FAILING: &str = r#"
[failover]
lose = ["1 host", "3 hosts", "zone"]
resources = ["cpu", "memory"]
"#;

fn row<'a>(plan: &'a Plan, service: &str, resource: &str) -> &'a PlanRow {
    let is =
        |row: &&PlanRow| row.labels.get("service") == Some(service) && row.resource == resource;
    plan.groups[0].rows.iter().find(is).unwrap()
}

fn scenarios(text: &str) -> Vec<ScenarioOutcome> {
    pooled_plan(text).pools.unwrap().scenarios
}

fn scenario_row<'a>(of: &'a ScenarioOutcome, pool: &str, resource: &str) -> &'a ScenarioRow {
    of.rows.iter().find(|row| row.pool == pool && row.resource == resource).unwrap()
}

#[test]
fn without_a_pool_there_is_no_report_and_without_hosts_it_says_so() {
    assert!(testing::plan(100, |_| ()).pools.is_none());
    let plan = pooled_plan("");
    let pools = plan.pools.unwrap();
    assert!(pools.orders.is_empty() && pools.scenarios.is_empty());
    assert!(pools.failures.failures.is_empty());
    // No sample in the last day, so no host of the pool is left.
    let gone = |(what, name): &(String, String)| what.contains("its hosts") && name == "gone";
    assert!(pools.unsaid.iter().any(gone), "{:?}", pools.unsaid);
    assert!(plan.notes.iter().any(|note| note.what.starts_with("of a pool, what its hosts")));
}

#[test]
fn survivors_carry_the_peak_of_the_sum() {
    let plan = pooled_plan(FAILING);
    let report = &plan.pools.as_ref().unwrap().failures;
    let find = |pool: &str, failure: &str| {
        let is = |one: &&PoolFailure| one.pool == pool && one.failure == failure;
        report.failures.iter().find(is).unwrap()
    };
    let peak = |service, resource| row(&plan, service, resource).peak.unwrap().value;
    // 12 hosts of 8,000 MHz with a margin of a tenth: 7,200 each.
    let one = find("web", "1 of 12 hosts");
    assert_eq!((one.resource.as_str(), one.capacity, one.lost_hosts), ("cpu", 11.0 * 7_200.0, 1));
    assert!((one.demand - peak("web", "cpu")).abs() < 1e-6);
    assert!((one.used_share.unwrap() - peak("web", "cpu") / 79_200.0).abs() < 1e-12);
    let zone = find("web", "zone b");
    assert_eq!((zone.capacity, zone.lost_hosts), (6.0 * 7_200.0, 6));
    // Of the databases memory is tighter: 16 GB less a tenth each.
    let db = find("db", "3 of 8 hosts");
    assert_eq!((db.resource.as_str(), db.capacity), ("memory", 5.0 * 14_400.0));
    assert!(
        !db.holds()
            && report.failures.is_sorted_by(|a, b| {
                let share = |one: &PoolFailure| one.used_share.unwrap_or(f64::INFINITY);
                share(a) >= share(b)
            })
    );
    // The most hosts that may be lost, by arithmetic.
    let most = (0..=12)
        .rev()
        .find(|lost| {
            let fits = |resource, each: f64| peak("web", resource) <= f64::from(12 - lost) * each;
            fits("cpu", 7_200.0) && fits("memory", 14_400.0)
        })
        .unwrap();
    let spare = report.spare.iter().find(|(pool, ..)| pool == "web").unwrap();
    assert_eq!((spare.1, spare.2), (most as usize, 12));
    // One host alone survives no loss of one.
    assert_eq!(find("new", "1 of 1 host").used_share, None);
}

/// Two hosts whose disks fill by 2 GB a day each, give or take 0.3: 40 to 160 of 400 GB in 60 days.
fn growing(more: &str) -> Plan {
    two_hosts(more, |day| 40.0 + 2.0 * day as f64 + 0.1 * ((day * day) % 7) as f64)
}

/// Two hosts of 200 GB of disk and 190 of log each, both used alike for 60 days.
fn two_hosts(more: &str, day: impl Fn(usize) -> f64) -> Plan {
    let text = format!(
        "[study]\nstep = \"1d\"\nhorizon = \"300d\"\n\
         [[resource]]\nname = \"disk\"\nusage = \"d\"\nunit = \"GB\"\nlimit = 200\n\
         [[resource]]\nname = \"log\"\nusage = \"l\"\nunit = \"GB\"\nlimit = 190\n\
         [[group]]\nname = \"service\"\nby = [\"service\"]\npool = true\n{more}"
    );
    let study = Study::parse(&text, "study.toml").unwrap();
    let values: Vec<f64> = (0..60).map(day).collect();
    let labels = |pairs: &[(&str, &str)]| Labels::from_pairs(pairs.iter().copied()).unwrap();
    let frame = |names: Vec<Labels>, factor: f64| {
        let rows = names.iter().flat_map(|_| values.iter().map(|value| value * factor));
        let rows: Vec<f64> = rows.collect();
        Frame::new(testing::start(), Span::DAY, 60, names, rows).unwrap()
    };
    let hosts = ["a", "b"].map(|host| labels(&[("host", host)])).to_vec();
    let service = || vec![labels(&[("service", "db")])];
    let as_of = testing::start().plus(Span::from_days(60));
    let known = ["a", "b"].map(|host| KnownHost {
        labels: labels(&[("host", host), ("service", "db")]),
        price_per_month: None,
    });
    let mut planner = Planner::new(&study, as_of).unwrap().with_hosts(known);
    let count = Frame::new(testing::start(), Span::DAY, 1, service(), vec![2.0]).unwrap();
    for resource in [0, 1] {
        let table = Table { resource, group: None };
        planner.add(table, &frame(hosts.clone(), 1.0), None).unwrap();
        let table = Table { resource, group: Some(0) };
        planner.add(table, &frame(service(), 2.0), Some(&count)).unwrap();
    }
    planner.finish()
}

#[test]
fn what_runs_out_is_ordered_in_time_and_in_whole_hosts() {
    let buying = "[[shape]]\nname = \"large\"\nprice = 250\nlead_time = \"20d\"\n\
                  provides = { disk = \"50 GB\" }\n[order]\nreview = \"30d\"\n";
    let plan = growing(buying);
    let pools = plan.pools.as_ref().unwrap();
    let [order] = &pools.orders[..] else { panic!("{:?}", pools.orders) };
    // 316 GB on the last day, 4 a day more: 400 on day 21 after it, which the plan says too.
    let Outcome::Within(forecast) = &row(&plan, "db", "disk").outcome else { panic!() };
    let last = testing::start().plus(Span::from_days(59));
    assert_eq!((order.needed_by, order.first.as_str()), (forecast.p50, "disk"));
    let days = order.needed_by.unwrap().since(last).days();
    assert!((20.0..=22.0).contains(&days), "{days}");
    // Twenty days before P10, which is today or has just passed; the order comes 20 days later.
    let by = forecast.p10.unwrap().minus(Span::from_days(20));
    assert_eq!((order.order_by, order.is_overdue), (by.max(plan.as_of), by <= plan.as_of));
    assert_eq!(order.arrives, order.order_by.plus(Span::from_days(20)));
    assert_eq!(order.lasts_until, order.arrives.plus(Span::from_days(30)));
    // 316 + 4 * 51 = 520 GB by then, of 400: 120 more, in pieces of 50.
    let line = &order.order.lines[0];
    assert!((line.target - 520.0).abs() < 8.0, "{line:?}");
    assert_eq!((order.order.hosts, order.order.cost), (3, 750.0));
    assert!(line.shortage_before > 0.99 && line.shortage_after < 0.01);
    let dear = growing(&(buying.to_owned() + "lot = 4\nbudget = 1000\nshortage_cost = 99\n"));
    let order = &dear.pools.as_ref().unwrap().orders[0].order;
    assert_eq!((order.hosts_needed, order.hosts, order.is_capped), (3, 4, false));
    let poor = growing(&buying.replace("[order]", "[order]\nbudget = 300"));
    let order = &poor.pools.as_ref().unwrap().orders[0].order;
    assert_eq!((order.hosts_needed, order.hosts, order.is_capped), (3, 1, true));
}

#[test]
fn the_resource_that_runs_out_first_decides_the_day() {
    let buying = "[[shape]]\nname = \"large\"\nlead_time = \"5d\"\n\
                  provides = { disk = \"50 GB\", log = \"500 GB\" }\n[order]\n";
    let plan = growing(buying);
    let order = &plan.pools.as_ref().unwrap().orders[0];
    // 380 GB of the log's are full 5 days before the disk's 400; the disk asks for more hosts.
    assert_eq!((order.first.as_str(), order.order.binding()), ("log", Some("disk")));
    let Outcome::Within(log) = &row(&plan, "db", "log").outcome else { panic!() };
    assert_eq!((order.needed_by, order.is_overdue), (log.p50, false));
    assert_eq!(order.order_by, log.p10.unwrap().minus(Span::from_days(5)));
    assert!(order.risk <= 0.1);
}

#[test]
fn orders_follow_the_scenario() {
    let text = "[[shape]]\nname = \"large\"\nprice = 250\nlead_time = \"20d\"\n\
                provides = { disk = \"50 GB\" }\n[order]\nreview = \"30d\"\n\
                [[scenario]]\nname = \"four more\"\n[[scenario.change]]\nkind = \"add\"\n\
                hosts = 4\n[[scenario]]\nname = \"compressed\"\n[[scenario.change]]\n\
                kind = \"demand\"\nfactor = 0.5\nfrom = 2026-04-10\n";
    let all = growing(text).pools.unwrap().scenarios;
    let ordered: Vec<_> = all.iter().map(|one| one.ordered_hosts.unwrap()).collect();
    // With 200 GB more it is full on day 71 and not 21: then there is time, and as much to buy for
    // the 30 days after the order arrives. Compressed data is half as much and grows half as fast.
    let full = |at: usize| {
        let WhenFull::Within { p50, .. } = all[at].rows[0].full else { panic!("{:?}", all[at]) };
        p50.unwrap().since(testing::start().plus(Span::from_days(59))).days()
    };
    assert!((full(1) - 71.0).abs() <= 1.0 && (full(2) - 121.0).abs() <= 2.0);
    assert_eq!((ordered[0], ordered[1]), (3, 3));
    assert_eq!(ordered[2], 2);
    assert_eq!((all[1].hosts, all[2].rows[0].line), (6.0, 400.0));
}

#[test]
fn what_ends_before_the_order_does_is_ordered_for_and_shown() {
    let scenario = |name: &str, changes: &str| {
        format!("[[scenario]]\nname = \"{name}\"\nchange = [{changes}]\n")
    };
    let sale = "{ kind = \"demand\", factor = 3, from = 2026-05-10, until = 2026-05-20 }";
    let more = "{ kind = \"add\", hosts = 2, from = 2026-05-01 }";
    let less = "{ kind = \"demand\", factor = 0.5, from = 2026-05-10, until = 2026-05-20 }";
    let past = "{ kind = \"demand\", factor = 3, until = 2026-04-10 }";
    let text = "[[shape]]\nname = \"large\"\nlead_time = \"20d\"\n\
                provides = { disk = \"50 GB\" }\n[order]\nreview = \"30d\"\n"
        .to_owned()
        + &scenario("spring sale", sale)
        + &scenario("for good", &sale.replace(", until = 2026-05-20", ""))
        + &scenario("more", more)
        + &scenario("less", less)
        + &scenario("too late", past);
    // 195 of 400 GB, with no trend: three times as much is 585, which takes 185 more, 4 hosts.
    let all = two_hosts(&text, |day| 97.0 + 0.1 * ((day * day) % 7) as f64).pools.unwrap();
    let day = |text: &str| text.parse::<Timestamp>().unwrap();
    let disk = |at: usize| scenario_row(&all.scenarios[at], "db", "disk");
    let found = |at: usize| (disk(at).day, disk(at).peak.round(), disk(at).line);
    let ordered = |at: usize| all.scenarios[at].ordered_hosts.unwrap();
    let end = all.scenarios[0].rows[0].day;
    assert_eq!((ordered(0), found(0)), (0, (end, 195.0, 400.0)));
    for at in [1, 2] {
        assert_eq!((ordered(at), found(at)), (4, (day("2026-05-10"), 584.0, 400.0)), "{at}");
        let on_the_day = Some(day("2026-05-10"));
        assert_eq!(disk(at).full.day(day("2026-04-01")), on_the_day, "{at}");
    }
    // What is never tighter than it is now is told as of the end.
    assert_eq!((ordered(3), found(3)), (0, (end, 195.0, 500.0)));
    assert_eq!((ordered(4), disk(4)), (0, disk(0)));
    // What is over when the order of today arrives is tight all the same, and nothing helps it.
    assert_eq!((ordered(5), disk(5).peak.round()), (0, 584.0));
}

/// Two hosts whose disks, 102 GB of 200 each, fill by a GB a day: full in 98 days.
fn growing_slowly(more: &str) -> Vec<ScenarioOutcome> {
    let buying = "[[shape]]\nname = \"large\"\nprice = 250\nlead_time = \"20d\"\n\
                  provides = { disk = \"50 GB\" }\n[order]\nreview = \"30d\"\n";
    let day = |day: usize| 43.0 + day as f64 + 0.1 * ((day * day) % 7) as f64;
    two_hosts(&(buying.to_owned() + more), day).pools.unwrap().scenarios
}

/// A change that holds so many days after the plan's instant.
fn in_days(change: &str, from: i64, until: Option<i64>) -> String {
    let day = |days: i64| testing::start().plus(Span::from_days(60 + days)).date();
    let until = until.map_or_else(String::new, |until| format!(", until = {}", day(until)));
    format!("{{ {change}, from = {}{until} }}", day(from))
}

fn of_changes(name: &str, changes: &[String]) -> String {
    format!("[[scenario]]\nname = \"{name}\"\nchange = [{}]\n", changes.join(", "))
}

#[test]
fn what_is_over_before_an_order_could_come_takes_no_order_away() {
    let sale = "kind = \"demand\", factor = 3";
    let more = "kind = \"demand\", factor = 2";
    let hosts = "kind = \"add\", hosts = 4, shape = \"large\"";
    let text = of_changes("sale", &[in_days(sale, 2, Some(5))])
        + &of_changes("until it comes", &[in_days(sale, 0, Some(20))])
        + &of_changes("at once", &[in_days(more, 0, None), in_days(hosts, 0, None)])
        + &of_changes("later", &[in_days(more, 0, None), in_days(hosts, 18, None)]);
    let all = growing_slowly(&text);
    let [order] = &all[0].orders[..] else { panic!("{:?}", all[0].orders) };
    assert!(order.order.hosts > 0 && !order.is_overdue, "{order:?}");
    for at in [1, 2] {
        assert_eq!(all[at].orders, all[0].orders, "{}", all[at].name);
    }
    // Twice 204 GB are too many for 400 and not for 600: hosts that come in 18 days leave nothing
    // to an order that takes 20 but what is due later.
    assert!(all[3].ordered_hosts > Some(0) && !all[3].orders[0].is_overdue);
    assert_eq!(all[4].orders, all[3].orders);
}

#[test]
fn work_for_a_time_makes_no_order_smaller_or_later() {
    for costs in ["", "shortage_cost = 1\n"] {
        let mut text = costs.to_owned();
        for factor in [1.02, 1.6] {
            let sale = format!("kind = \"demand\", factor = {factor}");
            for from in [0, 40, 90] {
                for days in [3, 60] {
                    let name = format!("{factor} from {from} for {days} days");
                    let twice = in_days(&sale, from + days + 20, Some(from + days + 25));
                    let once = in_days(&sale, from, Some(from + days));
                    text += &of_changes(&name, std::slice::from_ref(&once));
                    text += &of_changes(&format!("{name}, and again"), &[once, twice]);
                }
            }
        }
        let all = growing_slowly(&text);
        let least = &all[0].orders[0];
        assert!(least.order.hosts > 0 && !least.is_overdue, "{least:?}");
        for one in &all[1..] {
            let [order] = &one.orders[..] else { panic!("{}: {:?}", one.name, one.orders) };
            assert!(order.order.hosts >= least.order.hosts, "{}: {order:?}", one.name);
            assert!(order.order_by <= least.order_by, "{}: {order:?}", one.name);
        }
    }
}

#[test]
fn hosts_that_come_after_the_order_leave_it_as_it_is() {
    let hosts = "kind = \"add\", hosts = 5";
    let text = of_changes("for good", &[in_days(hosts, 150, None)])
        + &of_changes("for a time", &[in_days(hosts, 150, Some(170))])
        + &of_changes("for three days before the review", &[in_days(hosts, 110, Some(113))]);
    let all = growing_slowly(&text);
    let order = &all[0].orders[0];
    let day = |days: i64| testing::start().plus(Span::from_days(60 + days));
    assert!(order.arrives < day(110) && day(113) < order.lasts_until, "{order:?}");
    assert!(order.lasts_until < day(150), "{order:?}");
    for one in &all[1..] {
        assert_eq!(one.orders, all[0].orders, "{}", one.name);
    }
}

#[test]
fn a_scenario_dates_and_orders_nothing_for_what_is_cleaned_up_under_its_line() {
    let text = "[[shape]]\nname = \"large\"\nlead_time = \"5d\"\n\
                provides = { log = \"50 GB\" }\n[order]\nreview = \"30d\"\n\
                [[scenario]]\nname = \"more\"\n[[scenario.change]]\nkind = \"add\"\nhosts = 1\n\
                [[scenario]]\nname = \"less\"\n[[scenario.change]]\nkind = \"demand\"\n\
                factor = 0.9\n";
    // Logs and disks are cleaned up every 22 days at 192 GB: over 190 of logs, under 200 of disks.
    let tooth = |day: usize| 150.0 + 2.0 * (day % 22) as f64 + 0.1 * (day * day % 7) as f64;
    let all = two_hosts(text, tooth).pools.unwrap().scenarios;
    let row = |at: usize, resource| scenario_row(&all[at], "db", resource).full;
    assert!(matches!(row(0, "log"), WhenFull::Within { .. }), "{:?}", all[0].rows);
    for at in [1, 2] {
        assert_eq!((row(at, "log"), row(at, "disk")), (WhenFull::Not, WhenFull::Not), "{at}");
    }
    let ordered: Vec<_> = all.iter().map(|one| one.ordered_hosts.unwrap()).collect();
    assert!(ordered[0] > 0 && ordered[1..] == [0, 0], "{ordered:?}");
}

#[test]
fn an_empty_scenario_is_the_plan_bit_for_bit() {
    let all = scenarios(&format!("{BUYING}{FAILING}[[scenario]]\nname = \"nothing\"\n"));
    let unnamed = |of: &ScenarioOutcome| ScenarioOutcome { name: String::new(), ..of.clone() };
    assert_eq!(all.len(), 2);
    assert_eq!(format!("{:?}", unnamed(&all[0])), format!("{:?}", unnamed(&all[1])));
    let plan = pooled_plan(BUYING);
    let rows = &plan.groups[0].rows;
    for row in &all[0].rows {
        let of_plan = rows
            .iter()
            .find(|of_plan| of_plan.labels == row.labels && of_plan.resource == row.resource);
        let of_plan = of_plan.unwrap();
        assert_eq!((Some(row.line), Some(row.peak)), (of_plan.line, of_plan.peak.map(|p| p.value)));
        match (&of_plan.outcome, row.full) {
            (Outcome::Already { .. }, full) => assert_eq!(full, WhenFull::Already),
            (Outcome::Within(forecast), WhenFull::Within { p10, p50, p90 }) => {
                assert_eq!((p10, p50, p90), (forecast.p10, forecast.p50, forecast.p90));
            }
            (_, full) => assert_eq!(full, WhenFull::Not),
        }
    }
}

#[test]
fn demand_that_grows_and_hosts_that_go_come_to_the_same() {
    let change = |name: &str, changes: &str| format!("[[scenario]]\nname = \"{name}\"\n{changes}");
    let lose = "[[scenario.change]]\nkind = \"lose\"\nwhere = '{zone=\"b\",service=\"web\"}'\n";
    let double = "[[scenario.change]]\nkind = \"demand\"\nfactor = 2\n\
                  where = '{service=\"web\"}'\n";
    let late = "[[scenario.change]]\nkind = \"demand\"\nfactor = 2.0\nresources = [\"cpu\"]\n\
                where = '{service=\"web\"}'\nfrom = 2026-05-01\n";
    let text = [change("lose", lose), change("double", double), change("late", late)].concat();
    let all = scenarios(&text);
    let found = |at: usize, resource| scenario_row(&all[at], "web", resource);
    // Half of 12 equal hosts.
    assert_eq!((found(1, "cpu").line, found(2, "cpu").line), (43_200.0, 86_400.0));
    assert_eq!(found(2, "cpu").peak, 2.0 * found(0, "cpu").peak);
    for resource in ["cpu", "memory"] {
        assert_eq!(found(1, resource).full, found(2, resource).full);
    }
    assert_eq!(found(0, "cpu").full, WhenFull::Not);
    // 34,000 MHz and 30% of season, doubled, are over 86,400: from that day on.
    let day: Timestamp = "2026-05-01".parse().unwrap();
    assert_eq!(found(2, "cpu").full, WhenFull::Already);
    let on_the_day = WhenFull::Within { p10: Some(day), p50: Some(day), p90: Some(day) };
    assert_eq!(found(3, "cpu").full, on_the_day);
    // Work that ends asks for nothing.
    let ends = double.replace("factor = 2", "factor = 0");
    let ended = scenarios(&change("ends", &ends));
    let ended = scenario_row(&ended[1], "web", "cpu");
    assert_eq!((ended.peak, ended.full), (0.0, WhenFull::Not));
    // What a change does not name stays bit for bit.
    assert_eq!(found(3, "memory"), found(0, "memory"));
    assert_eq!(scenario_row(&all[1], "db", "disk"), scenario_row(&all[0], "db", "disk"));
    assert_eq!((all[0].hosts - all[1].hosts, all[0].hosts - all[2].hosts), (6.0, 0.0));
}

#[test]
fn changes_are_made_one_after_the_other() {
    let text = format!(
        "{BUYING}{FAILING}[[scenario]]\nname = \"two steps\"\n\
         [[scenario.change]]\nkind = \"lose\"\nwhere = '{{host=\"web-12\"}}'\n\
         [[scenario.change]]\nkind = \"demand\"\nfactor = 1.5\nwhere = '{{host=\"web-01\"}}'\n\
         [[scenario.change]]\nkind = \"add\"\nhosts = 2\nwhere = '{{service=\"web\"}}'\n\
         [[scenario]]\nname = \"new machines\"\n\
         [[scenario.change]]\nkind = \"migrate\"\nhosts = 0.5\nfactor = 0.8\n\
         resources = [\"cpu\"]\nwhere = '{{service=\"web\"}}'\n"
    );
    let all = scenarios(&text);
    let (base, two, new) = (&all[0], &all[1], &all[2]);
    let cpu = |of| scenario_row(of, "web", "cpu");
    // 11 hosts of 7,200 and two that bring 16 GHz less a tenth.
    assert!((cpu(two).line - (11.0 * 7_200.0 + 2.0 * 14_400.0)).abs() < 1e-6);
    assert_eq!(two.hosts, base.hosts + 1.0);
    // What web-01 does, with its part of what web-12 did, is half as much again.
    let growth = cpu(two).peak / cpu(base).peak - 1.0;
    assert!(growth > 0.5 / 24.0 && growth < 0.5 / 12.0, "{growth}");
    // Six machines of 16 GHz in place of twelve of 8.
    assert!((cpu(new).line - 86_400.0).abs() < 1e-6);
    assert!((cpu(new).peak - 0.8 * cpu(base).peak).abs() < 1e-6);
    assert_eq!(new.hosts, base.hosts - 6.0);
    assert_eq!(scenario_row(new, "web", "memory").peak, scenario_row(base, "web", "memory").peak);
}

#[test]
fn hosts_that_are_not_needed_may_leave_while_failures_are_survived() {
    let plan = pooled_plan("");
    let leaves = |plan: &Plan| -> Vec<(String, usize, Option<f64>)> {
        let leaves = plan.pools.as_ref().unwrap().leaves.iter();
        leaves.map(|one| (one.name.clone(), one.leaving.len(), one.saved_per_month)).collect()
    };
    let found = leaves(&plan);
    let fewest = |plan: &Plan, service: &str, hosts: usize| {
        let lines = [("cpu", 7_200.0), ("memory", 14_400.0), ("disk", 450.0)];
        let needed = lines.map(|(resource, line)| {
            (row(plan, service, resource).peak.unwrap().value / line).ceil() as usize
        });
        hosts - needed.into_iter().max().unwrap()
    };
    let web = found.iter().find(|(name, ..)| name == "web").unwrap();
    let count = fewest(&plan, "web", 12);
    assert_eq!((web.1, web.2), (count, Some(100.0 * count as f64)));
    // The disks of the databases are full or grow: nobody leaves.
    assert!(found.iter().all(|(name, ..)| name != "db"));
    // With one host of the web to be lost, one more stays; the loss of four is not survived now.
    let leaving = |lose: &str| {
        let rule = format!("[failover]\nlose = [\"{lose}\"]\nresources = [\"cpu\", \"memory\"]\n");
        let found = leaves(&pooled_plan(&rule)).into_iter().find(|(name, ..)| name == "web");
        found.map_or(0, |web| web.1)
    };
    assert_eq!((leaving("1 host"), leaving("4 hosts")), (count - 1, 0));
    let kept = &plan.pools.as_ref().unwrap().kept;
    let why = |pool: &str| kept.iter().find(|one| one.pool == pool).map(|one| one.why.as_str());
    assert_eq!((why("new"), why("web")), (Some("cpu is not known"), None), "{kept:?}");
}

#[test]
fn a_host_that_is_over_its_line_does_not_hide_what_the_others_must_carry() {
    let text = "[study]\nstep = \"1d\"\n\
                [[resource]]\nname = \"cpu\"\nusage = \"c\"\nlimit = \"l\"\n\
                [[group]]\nname = \"service\"\nby = [\"service\"]\npool = true\n\
                [[shape]]\nname = \"large\"\nprovides = { cpu = 8 }\n[order]\n\
                [failover]\nlose = [\"zone\"]\n";
    let study = Study::parse(text, "study.toml").unwrap();
    let labels = |pairs: &[(&str, &str)]| Labels::from_pairs(pairs.iter().copied()).unwrap();
    let frame = |names: Vec<Labels>, values: Vec<f64>| {
        let days = values.len() / names.len();
        Frame::new(testing::start(), Span::DAY, days, names, values).unwrap()
    };
    let hosts = || ["a", "b"].map(|host| labels(&[("host", host)])).to_vec();
    let service = || vec![labels(&[("service", "x")])];
    let known = ["a", "b"].map(|host| KnownHost {
        labels: labels(&[("host", host), ("service", "x")]),
        price_per_month: Some(if host == "a" { 9.0 } else { 1.0 }),
    });
    let as_of = testing::start().plus(Span::from_days(30));
    let pools = |limit: f64| {
        let mut planner = Planner::new(&study, as_of).unwrap().with_hosts(known.clone());
        // The small host is asked for 43.2 of 10, the large one for 4.8 of 40: 48 of 50 together,
        // which the large one alone could not carry.
        let usage = [vec![43.2; 30], vec![4.8; 30]].concat();
        let table = Table { resource: 0, group: None };
        planner
            .add(table, &frame(hosts(), usage), Some(&frame(hosts(), vec![10.0, 40.0])))
            .unwrap();
        let table = Table { resource: 0, group: Some(0) };
        let limit = frame(service(), vec![limit]);
        planner.add(table, &frame(service(), vec![48.0; 30]), Some(&limit)).unwrap();
        planner.finish().pools.unwrap()
    };
    assert!(pools(50.0).leaves.is_empty());
    // 48 of 47 are too many: one host of 8 more, and the small host's need is not seen whole.
    let full = pools(47.0);
    assert_eq!((full.orders[0].order.hosts, full.orders[0].full_hosts), (1, 1));
    // Nobody knows where the hosts stand.
    assert!(full.failures.failures.is_empty());
    assert!(full.unsaid[0].0.starts_with("which zone its hosts are in: none has the label"));
}
