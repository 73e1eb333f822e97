//! Error budgets of a pool whose minutes are found by hand.

use super::*;
use crate::capacity::testing::{pooled_plan, start};
use crate::capacity::{KnownHost, Plan, Planner, Study, Table};
use crate::model::{Frame, Labels, Span};

/// Steps of a day.
const PER_DAY: usize = 48;

/// The study of equal hosts that carry 20 each and are up nine tenths of the time.
fn study(more: &str) -> String {
    format!(
        "[study]\nstep = \"30m\"\n\
         [[resource]]\nname = \"cpu\"\nusage = \"c\"\nlimit = 25\nsafety_margin = 0.2\n\
         [[group]]\nname = \"service\"\nby = [\"service\"]\npool = true\n\
         [[slo]]\nname = \"answers\"\nresource = \"cpu\"\nobjective = 0.99\n\
         host_mtbf = \"90d\"\nhost_repair = \"10d\"\n{more}"
    )
}

/// Of every day three hours ask for 50 and the others for 20, of so many hosts.
fn steady(text: &str, hosts: usize, price_per_month: Option<f64>, days: usize) -> Plan {
    planned(text, hosts, price_per_month, days, |step| if step % PER_DAY < 6 { 50.0 } else { 20.0 })
}

fn planned(
    text: &str,
    hosts: usize,
    price_per_month: Option<f64>,
    days: usize,
    of: impl Fn(usize) -> f64,
) -> Plan {
    let study = Study::parse(text, "study.toml").unwrap();
    let labels = |pairs: &[(&str, &str)]| Labels::from_pairs(pairs.iter().copied()).unwrap();
    let values: Vec<f64> = (0..PER_DAY * days).map(of).collect();
    let service = || vec![labels(&[("service", "web")])];
    let names: Vec<String> = (0..hosts).map(|host| format!("h{host}")).collect();
    let known = names.iter().map(|host| KnownHost {
        labels: labels(&[("host", host), ("service", "web")]),
        price_per_month,
    });
    let end = start().plus(Span::from_days(days as i64));
    let mut planner = Planner::new(&study, end).unwrap().with_hosts(known);
    let step = Span::from_seconds(1_800);
    let part = 1.0 / hosts as f64;
    let rows = names.iter().flat_map(|_| values.iter().map(|value| value * part)).collect();
    let by_host = names.iter().map(|host| labels(&[("host", host)])).collect();
    let by_host = Frame::new(start(), step, values.len(), by_host, rows).unwrap();
    planner.add(Table { resource: 0, group: None }, &by_host, None).unwrap();
    let count = Frame::new(start(), Span::DAY, 1, service(), vec![hosts as f64]).unwrap();
    let usage = Frame::new(start(), step, values.len(), service(), values).unwrap();
    planner.add(Table { resource: 0, group: Some(0) }, &usage, Some(&count)).unwrap();
    planner.finish()
}

fn budget(plan: &Plan) -> &PoolBudget {
    let [budget] = &plan.pools.as_ref().unwrap().budgets[..] else {
        panic!("{:?}", plan.pools.as_ref().map(|pools| &pools.unsaid));
    };
    budget
}

#[test]
fn minutes_hosts_and_costs_by_hand() {
    // 50 takes three hosts of 20, and 20 takes one. Of three, each up with 0.9, fewer than one are
    // with 0.1^3 and fewer than three with 1 - 0.9^3; 7/8 * 0.001 + 1/8 * 0.271 is 0.03475 of the
    // 43,200 minutes.
    let plan = steady(&study(""), 3, Some(100.0), 40);
    let found = budget(&plan);
    assert_eq!((found.now.hosts, found.host_capacity, found.steps), (3, 20.0, 1_344));
    assert!((found.now.bad_minutes - 1_501.2).abs() < 1e-6, "{}", found.now.bad_minutes);
    assert!((found.now.budget_minutes - 432.0).abs() < 1e-9);
    assert!((found.now.burn_rate() - 3.475).abs() < 1e-9);
    assert_eq!((found.growth_factor, found.highest_demand), (1.0, 50.0));
    // Of four: 7/8 * 0.1^4 + 1/8 * (1 - 0.9^4 - 4 * 0.9^3 * 0.1) = 0.006625.
    let fewest = found.fewest.as_ref().unwrap();
    assert_eq!((fewest.hosts, fewest.shape.as_str()), (4, "its own"));
    assert!((fewest.bad_minutes - 286.2).abs() < 1e-6);
    assert_eq!((found.cost_per_month, found.change_per_month), (Some(300.0), Some(100.0)));
    // Of five 0.00107875 is a little over 0.001; six it is.
    assert_eq!(found.next_nine.as_ref().unwrap().hosts, 6);
    assert_eq!(found.next_nine_per_month, Some(200.0));
    assert_eq!((found.shrink.advised.hosts, found.shrink.leaving()), (3, 0));
    let plan = steady(&study(""), 6, Some(100.0), 40);
    let found = budget(&plan);
    assert_eq!((found.shrink.advised.hosts, found.shrink.refused.unwrap().hosts), (4, 3));
    assert!((found.shrink.refused.unwrap().burn_rate - 3.475).abs() < 1e-9);
    assert_eq!(found.change_per_month, Some(-200.0));
    let plan = steady(&study(""), 6, None, 40);
    let found = budget(&plan);
    assert_eq!((found.cost_per_month, found.change_per_month), (None, None));
    assert!(!found.is_priced && found.next_nine_per_month.is_none());
}

#[test]
fn no_host_leaves_that_the_budget_needs() {
    let leaving = |text: &str| -> Option<usize> {
        let plan = steady(text, 6, Some(100.0), 40);
        plan.pools.unwrap().leaves.first().map(|leave| leave.leaving.len())
    };
    // Three hosts carry the peak of 50, and four keep the budget.
    let free = study("").split("[[slo]]").next().unwrap().to_owned();
    assert_eq!((leaving(&free), leaving(&study(""))), (Some(3), Some(2)));
    // Half the budget: four burn 0.6625 of it.
    assert_eq!(leaving(&study("burn_rate_max = 0.5\n")), Some(1));
    // Of another pool's objective nothing is asked here.
    let other = study("where = '{service=\"db\"}'\n");
    assert_eq!(leaving(&other), Some(3));
    // Six do not keep it: 1/8 of 0.00127 and more of 43,200 minutes are over 4.32 * 0.5.
    let strict = study("burn_rate_max = 0.5\n").replace("0.99", "0.9999");
    assert_eq!(leaving(&strict), None);
}

#[test]
fn the_shape_that_is_ordered_is_what_is_counted() {
    let shape = "[[shape]]\nname = \"large\"\nprice = 180\nprovides = { cpu = 75 }\n";
    let plan = steady(&study(shape), 3, Some(100.0), 40);
    let found = budget(&plan);
    // One of 60 carries 50: two are both away in 0.01 of the time, which is the budget.
    let fewest = found.fewest.as_ref().unwrap();
    assert_eq!((fewest.hosts, fewest.shape.as_str()), (2, "large"));
    assert_eq!(found.change_per_month, Some(60.0));
    assert_eq!((found.now.hosts, found.shrink.now.hosts), (3, 3));
}

#[test]
fn demand_grows_to_the_end_of_the_period() {
    let text = study("").replace("limit = 25", "limit = 400");
    // A day's peak is 3 more than that of the day before, give or take 0.3: 120 on day 40.
    let of = |step: usize| {
        let day = step / PER_DAY;
        let off = if step % PER_DAY == 24 { 0.0 } else { 1.0 };
        3.0 * day as f64 + 0.1 * ((day * day) % 7) as f64 - off
    };
    let plan = planned(&text, 3, None, 60, of);
    let found = budget(&plan);
    // 177.3 on the last known day, and 31 days of 3 on.
    let by_hand = (177.3 + 93.0) / 177.3;
    assert!((found.growth_factor / by_hand - 1.0).abs() < 0.02, "{}", found.growth_factor);
    assert!((found.highest_demand / (177.3 * found.growth_factor) - 1.0).abs() < 0.01);
    let short = planned(&text.replace("0.99", "0.99\nperiod = \"1d\""), 3, None, 60, of);
    assert!(budget(&short).growth_factor < found.growth_factor - 0.4);
}

#[test]
fn bad_minutes_are_those_of_the_days_to_come() {
    // Three hours of a day ask for what it grows to, and the others for half of it.
    let level = |slope: f64| {
        move |step: usize| {
            let (day, of_day) = (step / PER_DAY, step % PER_DAY);
            let noise = 0.02 * ((step * step) % 11) as f64;
            let grown = 45.0 + slope * (day as f64 - 59.0) + noise;
            if of_day < 6 { grown } else { grown / 2.0 }
        }
    };
    // Of four hosts that carry 20 each and are up nine tenths of the time so many are up.
    let up: [f64; 5] = [0.0001, 0.0036, 0.0486, 0.2916, 0.6561];
    let truth = |slope: f64| {
        let of = level(slope);
        let bad = |step: usize| -> f64 {
            let short = |(hosts, share): (usize, &f64)| {
                if of(step) > 20.0 * hosts as f64 { *share } else { 0.0 }
            };
            up.iter().enumerate().map(short).sum()
        };
        (60 * PER_DAY..90 * PER_DAY).map(|step| bad(step) * 30.0).sum::<f64>()
    };
    let told = |slope: f64| {
        let plan = planned(&study(""), 4, None, 60, level(slope));
        let found = budget(&plan);
        (found.now.bad_minutes, found.growth_factor)
    };
    // The peaks reach 60 on day 29 of the period, or on day 14.
    for slope in [0.5, 1.0] {
        let (bad, growth) = told(slope);
        assert!((bad / truth(slope) - 1.0).abs() < 0.1, "{slope}: {bad} of {}", truth(slope));
        assert!((growth / (1.0 + 31.0 * slope / 45.1) - 1.0).abs() < 0.01, "{slope}: {growth}");
    }
    let (bad, growth) = told(0.0);
    assert!((bad / truth(0.0) - 1.0).abs() < 1e-3 && growth == 1.0, "{bad} of {}", truth(0.0));
    // What shrinks is taken to go on as it was in the last weeks.
    let (bad, growth) = told(-0.3);
    assert!(bad >= truth(-0.3) && growth == 1.0, "{bad} of {}", truth(-0.3));
}

#[test]
fn what_is_not_known_is_said() {
    let unsaid = |plan: &Plan, part: &str, name: &str| {
        let all = &plan.pools.as_ref().unwrap().unsaid;
        let is = |(what, of): &(String, String)| {
            what.contains("what keeps its error budget") && what.contains(part) && of == name
        };
        assert!(all.iter().any(is), "{part}: {all:?}");
        assert!(plan.pools.as_ref().unwrap().budgets.iter().all(|budget| budget.pool != name));
    };
    unsaid(&steady(&study(""), 3, None, 6), "less than a week", "web");
    let stranger = study("where = '{service=\"db\"}'\n");
    unsaid(&steady(&stranger, 3, None, 40), "no pool has the labels", "answers");
    let slo = "[[slo]]\nname = \"all\"\nresource = \"cpu\"\nobjective = 0.99\n";
    let plan = pooled_plan(slo);
    unsaid(&plan, "none of its hosts is known", "gone");
    unsaid(&plan, "less than a week", "new");
    assert!(plan.notes.iter().any(|note| note.what.contains("what keeps its error budget")));
    // A share of time below one step is not known, and so neither is the next nine.
    let fine = steady(&study("").replace("0.99", "0.9995"), 3, None, 40);
    assert!(budget(&fine).is_coarse() && budget(&fine).next_nine.is_none());
    assert!(budget(&fine).fewest.is_some());
}
