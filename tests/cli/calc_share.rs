//! `plimsoll calc share`: the worked examples, as a user would ask for them.

use super::user::{User, golden};

fn near(found: &serde_json::Value, expected: f64, tolerance: f64) {
    let found = found.as_f64().unwrap();
    assert!((found - expected).abs() <= tolerance, "{found} but {expected}");
}

/// capacity.md, 2.11: two tasks on one machine.
const TWO: &str = "time,A,B\n00:00,1,3\n00:05,2,2\n00:10,3,1\n00:15,2,0\n00:20,1,1\n00:25,0,2\n";

#[test]
fn two_tasks_peak_apart_and_predictors_say_what_they_need() {
    let user = User::new();
    user.write("use.csv", TWO);
    let line = "calc share use.csv --quantile 0.8 --limits 4,4 --percentile 0.8 --sigmas 2";
    golden("calc-share.txt", &user.ok(line));
    golden("calc-share.csv", &user.ok(&format!("{line} --format csv")));
    let found = user.json(line);
    assert_eq!(found["tables"]["peaks"][0]["sum_of_peaks"], 6.0);
    assert_eq!(found["tables"]["peaks"][0]["peak_of_sum"], 4.0);
    let predictors = &found["tables"]["predictors"];
    assert_eq!((&predictors[0]["peak"], &predictors[2]["peak"]), (&8.0.into(), &4.0.into()));
    near(&predictors[3]["peak"], 5.190_890, 5.2e-6);
    // The future is left out of the past: four steps of it, and two to come.
    let split = user.json("calc share use.csv --limits 4,4 --future 2");
    let rows = split["tables"]["predictors"].as_array().unwrap();
    assert_eq!(rows.last().unwrap()["predictor"], "oracle");
    assert_eq!(rows.last().unwrap()["peak"], 2.0);
}

#[test]
fn sines_cancel_out_and_independent_loads_smooth_out() {
    let user = User::new();
    // capacity.md, feature 20: phases of 0, 90, 120 and 180 degrees.
    for (phase, together) in [(0, 2.0), (90, std::f64::consts::SQRT_2), (120, 1.0), (180, 0.0)] {
        let sine = |degree: i32| f64::from(degree).to_radians().sin();
        let line = |at: i32| format!("{at},{},{}\n", sine(at), sine(at + phase));
        let lines: String = (0..360).map(line).collect();
        user.write("sines.csv", &format!("degree,a,b\n{lines}"));
        let found = user.json("calc share sines.csv");
        near(&found["tables"]["peaks"][0]["peak_of_sum"], together, 1e-12);
        near(&found["tables"]["peaks"][0]["coincidence_factor"], together / 2.0, 1e-12);
    }
    // 100 loads N(1, 0.3) at p99, to the digits of the source.
    let pool = user.json("calc share --loads 100 --mean 1 --deviation 0.3 --quantile 0.99");
    near(&pool["tables"]["peaks"][0]["sum_of_peaks"], 169.79, 0.005);
    near(&pool["tables"]["peaks"][0]["peak_of_sum"], 106.98, 0.005);
}

#[test]
fn partners_and_hosts_are_found_and_gaps_counted() {
    let user = User::new();
    user.write(
        "four.csv",
        "hour,shop,batch,office,backup\n0,1,8,1,9\n6,4,2,3,2\n12,9,1,9,\n18,8,2,2,1\n",
    );
    golden("calc-share-partners.txt", &user.ok("calc share four.csv --partners --host 12"));
    user.fails(
        "calc share four.csv --host 8.5",
        "plimsoll: shop needs 9, over the 8.5 of a host: take a larger one",
    );
}

#[test]
fn a_saving_is_no_more_than_the_data_allow() {
    let user = User::new();
    // The peak of A stands where B is not known.
    user.write("gap.csv", "time,A,B\n0,100,\n1,10,10\n2,10,10\n3,10,10\n");
    let found = user.json("calc share gap.csv");
    assert_eq!(found["facts"]["complete_steps"], 3);
    let peak = &found["tables"]["peaks"][0];
    assert_eq!((&peak["sum_of_peaks"], &peak["peak_of_sum"]), (&110.0.into(), &20.0.into()));
    assert_eq!((&peak["saving"], &peak["saving_at_least"]), (&0.0.into(), &0.0.into()));
    assert_eq!(peak["coincidence_factor"], 1.0);
}

#[test]
fn mistakes_are_named_with_their_place() {
    let user = User::new();
    user.write("use.csv", TWO);
    user.fails(
        "calc share use.csv --limits 4",
        "plimsoll: --limits has 1 amounts for 2 loads: give one for each, in their order",
    );
    user.fails(
        "calc share use.csv --quantile 99",
        "plimsoll: 99 is no quantile of a peak: take a share above 0, up to 1, as in 0.99; 1 is \
         the peak",
    );
    user.fails(
        "calc share use.csv --limits 4,4 --future 6",
        "plimsoll: --future 6 leaves no past of 6 steps",
    );
    user.write("bad.csv", "time,A\n0,1\n1,much\n");
    user.fails("calc share bad.csv", "plimsoll: bad.csv:3: A is \"much\": write a number");
    user.write("twice.csv", "time,A,A\n0,1,2\n");
    user.fails(
        "calc share twice.csv",
        "plimsoll: twice.csv:1: column 3 is named \"A\": give each its own name",
    );
    for (times, line) in [("2,1", 3), ("1,1", 3), ("noon,noon", 3)] {
        let (first, second) = times.split_once(',').unwrap();
        user.write("order.csv", &format!("time,A\n{first},1\n{second},2\n"));
        user.fails(
            "calc share order.csv",
            &format!(
                "plimsoll: order.csv:{line}: time {second} is not after the one before it: sort \
                 the lines by time, each time once"
            ),
        );
    }
    user.write("none.csv", "time,A\n");
    user.fails("calc share none.csv", "plimsoll: none.csv:1: there is no line below the header");
    user.fails(
        "calc share --loads 100 --mean 1 --deviation 0.3",
        "plimsoll: a normal load has no peak: ask for a --quantile, as 0.99",
    );
}
