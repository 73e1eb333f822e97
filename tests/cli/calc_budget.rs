//! `plimsoll calc budget`: the worked examples, as a user would ask for them.

use super::user::{USAGE, User, golden};

#[test]
fn the_budget_and_its_burn_are_those_of_the_workbook() {
    let user = User::new();
    // capacity.md, 2.12.
    let ask = "calc budget --objective 99.9% --burn 14.4:1 --burn 6:6 --burn 1:72";
    golden("calc-budget.txt", &user.ok(ask));
    let answer = user.json(ask);
    let budget = answer["facts"]["budget_minutes"].as_f64().unwrap();
    assert!((budget / 43.2 - 1.0).abs() < 1e-9, "{budget}");
    for (at, spent) in [0.02, 0.05, 0.1].into_iter().enumerate() {
        let found = answer["tables"]["burns"][at]["spent"].as_f64().unwrap();
        assert!((found - spent).abs() < 1e-12, "{found}");
    }
}

#[test]
fn the_cheapest_plan_the_nines_and_the_end_of_shrinking() {
    let user = User::new();
    let demand = "--mean 100 --deviation 20 --per-host 8 --price 250";
    let failing = "--mtbf-hours 2000 --mttr-hours 10 --hosts 30";
    let ask = format!("calc budget --objective 0.999 {demand} {failing}");
    golden("calc-budget-plan.txt", &user.ok(&ask));
    // Without failures: P90, P99 and P99.9 of N(100, 20) in hosts of 8.
    let answer = user.json(&format!("calc budget --objective 0.999 {demand} --nines 3"));
    let hosts: Vec<u64> =
        (0..3).map(|at| answer["tables"]["nines"][at]["hosts"].as_u64().unwrap()).collect();
    assert_eq!(hosts, [16, 19, 21]);
    assert_eq!(answer["facts"]["hosts"], 21);
    let spent = user.ok(&format!("{ask} --elapsed-days 10 --spent-minutes 50"));
    assert!(spent.contains("No host may leave: nothing is left of the budget"), "{spent}");
    assert!(!spent.contains("inf"), "{spent}");
}

#[test]
fn ten_samples_tell_of_no_share_below_a_tenth() {
    let user = User::new();
    let demand: Vec<String> = (1..=10).map(|n| (10 * n).to_string()).collect();
    user.write("ten.csv", &format!("demand\n{}\n", demand.join("\n")));
    let said = user.ok("calc budget --objective 0.999 --samples ten.csv --per-host 8 --price 100");
    assert!(said.contains("10 samples tell of no share of time below 10.00%"), "{said}");
    assert!(said.contains("for 2 nines and more"), "{said}");
}

#[test]
fn half_a_question_is_refused() {
    let user = User::new();
    for (ask, says) in [
        (
            "calc budget --objective most",
            "plimsoll: --objective most is no share: give one, as 0.999, or a percentage, as 99.9%",
        ),
        (
            "calc budget --objective 100%",
            "plimsoll: an objective of 1: give a share between 0 and 1, as 0.999; 1 leaves no \
             budget, and no plan keeps it",
        ),
        (
            "calc budget --objective 0.9 --mean 1 --deviation 1",
            "plimsoll: a plan takes a demand (--mean and --deviation, or --samples), --per-host \
             and --price",
        ),
        (
            "calc budget --objective 0.9 --mean 100 --deviation 20 --per-host 8 --price 250 \
             --mtbf-hours 2000 --mttr-hours 10 --hosts 10000000000000000",
            "plimsoll: the number of hosts of a budget's plan is 10000000000000000, over the limit \
             of 1048576; plan for a part of the fleet",
        ),
        (
            "calc budget --objective 0.9 --burn fast",
            "plimsoll: --burn fast: give a rate and hours of 0 or more, as 14.4:1",
        ),
    ] {
        user.fails(ask, says);
    }
    let without_hosts = "--mean 100 --deviation 20 --per-host 8 --price 250 --elapsed-days 4";
    for (ask, needs) in [
        ("--spent-minutes 1e9 --elapsed-days 40", "--hosts"),
        ("--burn-rate-max 2", "--hosts"),
        (without_hosts, "--hosts"),
        ("--nines 3", "--per-host"),
        ("--mtbf-hours 2000 --mttr-hours 10", "--per-host"),
    ] {
        let said = user.ends(USAGE, &format!("calc budget --objective 0.9 {ask}")).err;
        assert!(said.contains(needs), "{ask}: {said}");
    }
}
