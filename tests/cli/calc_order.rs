//! `plimsoll calc order` and `calc newsvendor`: the worked examples, as a user would ask for them.

use super::user::{User, golden};

#[test]
fn the_newsvendor_gives_the_published_amounts() {
    let user = User::new();
    // capacity.md, feature 24.
    for (under, over, amount) in [(9, 1, 125.631), (99, 1, 146.527), (3, 1, 113.490)] {
        let ask =
            format!("--mean 100 --deviation 20 --shortage-cost {under} --surplus-cost {over}");
        let answer = user.json(&format!("calc newsvendor {ask}"));
        let found = answer["facts"]["amount"].as_f64().unwrap();
        assert!((found - amount).abs() < 5e-4, "{under}:{over}: {found}");
    }
    let ask = "calc newsvendor --mean 100 --deviation 20 --shortage-cost 9 --surplus-cost 1";
    golden("calc-newsvendor.txt", &user.ok(&format!("{ask} --amount 150")));
}

#[test]
fn the_newsvendor_takes_samples() {
    let user = User::new();
    let days: Vec<String> = (1..=100).map(|day| day.to_string()).collect();
    user.write("days.csv", &format!("demand\n{}\n", days.join("\n")));
    let ask = "calc newsvendor --samples days.csv --shortage-cost 9 --surplus-cost 1";
    assert_eq!(user.json(ask)["facts"]["amount"], 90.0);
    user.fails(
        "calc newsvendor --shortage-cost 9 --surplus-cost 1",
        "plimsoll: give the demand: --mean and --deviation, or --samples",
    );
}

#[test]
fn an_order_has_a_day_a_number_and_a_risk() {
    let user = User::new();
    // capacity.md, feature 2: the walk of cpu is first at its limit after 70.8 days (P5).
    user.write(
        "pool.csv",
        "resource,used,limit,growth_per_day,deviation_per_day,per_host\n\
         cpu,0,100,1,2,16\n\
         memory,400,1000,6,20,64\n\
         disk,100,900,0.5,,200\n",
    );
    let terms = "--shortage-cost 9 --surplus-cost 1 --price 8000 --lot 4";
    let ask = format!("calc order pool.csv --lead-days 45 --review-days 30 {terms}");
    golden("calc-order.txt", &user.ok(&ask));
    let answer = user.json(&ask);
    let cpu = &answer["tables"]["resources"][0];
    assert!((cpu["order_by_days"].as_f64().unwrap() - 25.8002).abs() < 1e-4, "{cpu}");
    assert_eq!(answer["facts"]["order_on_days"], 0.0);
    let capped = user.ok(&format!("{ask} --budget 10000"));
    assert!(capped.contains("The budget of 10000 pays 0 of the "), "{capped}");
    let late = user.ok(&format!("calc order pool.csv --lead-days 120 {terms}"));
    assert!(late.contains("That day has passed"), "{late}");
}

/// An order of day 30 lasts until what is ordered on day 60 is there, on day 105.
#[test]
fn what_is_ordered_later_lasts_from_then_on() {
    let user = User::new();
    user.write(
        "cpu.csv",
        "resource,used,limit,growth_per_day,per_host,deviation_per_day\ncpu,600,1000,5,32,1\n",
    );
    let terms = "--shortage-cost 9 --surplus-cost 1 --price 100 --lead-days 45 --review-days 30";
    let answer = user.json(&format!("calc order cpu.csv {terms}"));
    let facts = &answer["facts"];
    assert_eq!((&facts["order_on_days"], &facts["hosts"]), (&30.0.into(), &5.into()));
    // The 90th percentile of N(600 + 5 * 105, 105).
    let target = answer["tables"]["resources"][0]["target"].as_f64().unwrap();
    assert!((target - (1_125.0 + 1.281_551_6 * 105.0_f64.sqrt())).abs() < 1e-4, "{target}");
}

#[test]
fn what_does_not_grow_is_not_ordered() {
    let user = User::new();
    user.write("flat.csv", "resource,used,limit,growth_per_day,per_host\ndisk,10,100,0,5\n");
    let terms = "--shortage-cost 9 --surplus-cost 1 --price 8000 --lead-days 45";
    let answer = user.json(&format!("calc order flat.csv {terms}"));
    assert!(answer["facts"]["order_by_days"].is_null());
    assert_eq!(answer["facts"]["hosts"], 0);
    user.write("bad.csv", "resource,used,limit,growth_per_day,per_host\ndisk,10,100,1,0\n");
    user.fails(
        &format!("calc order bad.csv {terms}"),
        "plimsoll: disk: capacity 100, 0 per host: give a capacity of 0 or more, and more than 0 \
         per host",
    );
}
