//! `plimsoll calc gap` and `calc savings`: the worked examples, as a user would ask for them.

use super::user::{User, golden};

#[test]
fn the_gap_is_priced_as_published() {
    let user = User::new();
    // capacity.md, 2.10: 5.5 of 21 are used.
    user.write(
        "pod.csv",
        "asset,resource,requested,used,price_per_month\npod,cpu,2,0.5,10\npod,memory,1,0.5,1\n",
    );
    let facts = user.json("calc gap pod.csv")["facts"].clone();
    assert!((facts["efficiency"].as_f64().unwrap() - 0.261_905).abs() < 5e-7, "{facts}");
    assert_eq!((&facts["total"], &facts["used"]), (&21.0.into(), &5.5.into()));
}

#[test]
fn capital_and_power_have_their_part_in_the_gap() {
    let user = User::new();
    user.write(
        "hosts.csv",
        "asset,resource,provisioned,requested,used,purchase_price,residual_value,life_months,\
         age_months,idle_watts,peak_watts,price_per_month\n\
         web-1,cpu,64,48,16,10000,1000,60,12,100,300,\n\
         web-2,cpu,64,16,32,10000,1000,60,72,100,300,\n\
         san-1,disk,1000,800,200,,,,,,,0.05\n",
    );
    let ask = "calc gap hosts.csv --price-per-kwh 0.12 --pue 1.5";
    golden("calc-gap.txt", &user.ok(ask));
    let answer = user.json(ask);
    // By hand: 9000 / 60 = 150 a month, three quarters of web-1's unused; web-2 is written off.
    assert_eq!(answer["facts"]["gap_capex"], 112.5);
    // 100 W * 1.5 * 730 h * 0.12 = 13.14 a host: 3/4 and 1/2 of it; 800 of 1000 at 0.05.
    let opex = answer["facts"]["gap_opex"].as_f64().unwrap();
    assert!((opex - (13.14 * 1.25 + 40.0)).abs() < 1e-9, "{opex}");
    user.fails(
        "calc gap hosts.csv",
        "plimsoll: hosts.csv:2: there are watts: give --price-per-kwh",
    );
}

#[test]
fn an_asset_is_counted_once() {
    let user = User::new();
    user.write("twice.csv", "asset,resource,requested,used\na,cpu,2,1\nb,cpu,2,1\na,cpu,2,1\n");
    user.fails(
        "calc gap twice.csv",
        "plimsoll: twice.csv:4: cpu of a stands in line 2 already: count each asset once",
    );
}

#[test]
fn only_hosts_that_leave_save() {
    let user = User::new();
    let host = |id: usize| format!("h{id},100,cpu,8,8,2\nh{id},100,memory,64,32,0\n");
    let header = "host,price_per_month,resource,capacity,used,reclaimable\n";
    let three: String = (1..=3).map(host).collect();
    user.write("three.csv", &format!("{header}{three}"));
    let ask = "--utilization-max 1";
    let facts = user.json(&format!("calc savings three.csv {ask}"))["facts"].clone();
    assert_eq!((&facts["savings"], &facts["hosts_leaving"]), (&0.0.into(), &0.into()));
    let four: String = (1..=4).map(host).collect();
    user.write("four.csv", &format!("{header}{four}"));
    golden("calc-savings.txt", &user.ok(&format!("calc savings four.csv {ask}")));
    user.write("lame.csv", &format!("{header}a,1,cpu,8,1,0\nb,1,cpu,8,1,0\nb,1,memory,8,1,0\n"));
    user.fails("calc savings lame.csv", "plimsoll: host a has no row for memory: add one");
    user.write("dear.csv", &format!("{header}a,1,cpu,8,1,0\na,2,memory,8,1,0\n"));
    user.fails(
        "calc savings dear.csv",
        "plimsoll: dear.csv:3: a costs 2 here and 1 above: give one price",
    );
}
