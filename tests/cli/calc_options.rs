//! Options that say nothing beside others are refused and not passed over; and what may be below 0
//! is read.

use super::user::{FAILED, USAGE, User};

#[test]
fn an_option_that_another_makes_useless_is_refused() {
    let user = User::new();
    user.write("use.csv", "time,A,B\n0,1,3\n1,2,2\n");
    user.write("fleet.csv", "host,capacity,used\na,10,1\nb,10,1\n");
    user.write("demand.csv", "demand\n1\n2\n");
    for line in [
        "calc queue --rate 1 --service 0.5 --variation 2 --over 3",
        "calc queue --rate 1 --service 0.5 --variation 2 --percentile 0.9",
        "calc queue --rate 1 --service 0.5 --slow-service 1 --over 3",
        "calc queue --rate 1 --service 0.5 --slow-service 1 --percentile 0.9",
        "calc queue --rate 1 --service 0.5 --think 3",
        "calc share --loads 3 --mean 1 --deviation 1 --quantile 0.9 --limits 1,2,3",
        "calc share --loads 3 --mean 1 --deviation 1 --quantile 0.9 --partners",
        "calc share --loads 3 --mean 1 --deviation 1 --quantile 0.9 --host 5",
        "calc share --loads 3 --mean 1 --deviation 1 --quantile 0.9 --sigmas 5",
        "calc share use.csv --mean 3",
        "calc share use.csv --deviation 3",
        "calc share use.csv --correlation 0.5",
        "calc share use.csv --phi 0.5",
        "calc failover --hosts 4 --spread by_capacity",
        "calc failover --fleet fleet.csv --percentile 0.9",
        "calc failover --fleet fleet.csv --servers-per-host 8",
        "calc staff --servers 64 --wait-probability 0.3 --service 2",
        "calc staff --rate 64 --wait-probability 0.3 --share 0.2",
        "calc newsvendor --samples demand.csv --deviation 2 --shortage-cost 1 --surplus-cost 1",
    ] {
        let run = user.ends(USAGE, line);
        assert!(run.out.is_empty() && run.err.contains("error: "), "{line}: {run:?}");
    }
    user.fails(
        "calc hardware --cores 16 --from 2.3*1 --to 3.5*1.15 --utilisation 0.1",
        "plimsoll: --utilisation is of the cores of a host: give them, by --host-cores or a column \
         cores",
    );
    user.write("usage.csv", "time,cpu\n0,1\n3600,1\n");
    for (option, preset) in [
        ("--utilisation 0.5", "kubecost"),
        ("--percentile 0.9", "compute-optimizer"),
        ("--headroom 0.3", "compute-optimizer"),
    ] {
        let line = format!("calc rightsize usage.csv --preset plimsoll {option}");
        let run = user.ends(FAILED, &line);
        let said = format!("is of the preset {preset}, which --preset leaves out");
        assert!(run.err.contains(&said), "{line}: {run:?}");
    }
}

#[test]
fn growth_may_be_below_zero() {
    let user = User::new();
    let shrinks = user.ok("calc exhaustion --used 10 --limit 100 --growth -5%");
    assert!(shrinks.contains("It is never reached: there is no growth."), "{shrinks}");
    let shrinks = user.ok("calc exhaustion --used 10 --limit 100 --growth -0.5");
    assert!(shrinks.contains("there is no growth"), "{shrinks}");
}

#[test]
fn a_spread_is_named_as_in_a_study_or_shortly() {
    let user = User::new();
    user.write("fleet.csv", "host,capacity,used,zone\na,10,1,n\nb,20,1,n\nc,10,1,s\nd,10,2,s\n");
    for (long, short) in [("within_zone", "zone"), ("by_capacity", "capacity")] {
        let answer =
            |spread| user.ok(&format!("calc failover --fleet fleet.csv --spread {spread}"));
        assert_eq!(answer(long), answer(short));
    }
}

#[test]
fn nobody_orders_less_than_nothing_and_nothing_is_no_minus() {
    let user = User::new();
    let ask = "calc newsvendor --mean 10 --deviation 20 --shortage-cost 1 --surplus-cost 9";
    let answer = user.json(ask);
    assert_eq!(answer["facts"]["amount"], 0.0);
    assert!(user.ok(ask).contains("nobody has less than nothing"));
    user.fails(&format!("{ask} --amount -3"), "plimsoll: --amount -3 is no amount: give 0 or more");
    user.write(
        "hosts.csv",
        "host,price_per_month,resource,capacity,used\na,10,cpu,10,0\nb,10,cpu,10,0\n",
    );
    let all = user.ok("calc savings hosts.csv --hosts-min 0 --format json");
    assert!(all.contains("\"hosts_leaving\": 2") && !all.contains("-0.0"), "{all}");
}
