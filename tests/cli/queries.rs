//! `plimsoll query`, where ranges, labels and numbers are out of the ordinary.

use plimsoll::Timestamp;

use super::user::{FAILED, User};

/// A store whose first sample is a sentinel that many tools use for "no time", and lies further
/// from the last than 63 bits of nanoseconds tell.
fn with_centuries() -> User {
    let user = User::new();
    let rows = "time,a\n1677-10-01T00:00:00Z,0\n2013-07-31T00:00:00Z,3\n2013-08-01T00:00:00Z,6\n";
    user.write("a.csv", rows);
    user.ok("import csv --store s a.csv");
    user
}

#[test]
fn a_store_of_more_than_292_years_is_asked_as_any_other() {
    let user = with_centuries();
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let seconds = at("2013-08-01").since(at("1677-10-01")).seconds();
    assert!(seconds > i64::MAX as f64 / 1e9);
    let mean = &user.json("query --store s a")["series"][0];
    assert_eq!(mean["values"][0], 3.0);
    assert_eq!(mean["step_seconds"], seconds);
    let rate = user.json("query --store s a --agg rate");
    assert_eq!(rate["series"][0]["values"][0], 6.0 / seconds);
    let days = user.ok("query --store s a --agg max --step 1d --format csv");
    let rows: Vec<String> = days.lines().skip(1).map(|row| row.replace(',', " ")).collect();
    let times = ["1677-10-01", "2013-07-31", "2013-08-01"];
    assert_eq!(rows.len(), 3, "{days}");
    for ((row, time), value) in rows.iter().zip(times).zip(["0", "3", "6"]) {
        let expected = format!("a {time}T00:00:00Z {} {value}", at(time).nanos());
        assert_eq!(*row, expected);
    }
    let years = user.json("query --store s a --agg count --step year");
    assert_eq!(years["series"][0]["values"].as_array().unwrap().len(), 2013 - 1677 + 1);
    for line in [
        "forecast --store s a --step 1d --horizon 2d",
        "forecast --store s a --step 100000d --horizon 100000d",
        "decompose --store s a --step 1d",
        "backtest --store s a --step 1d --horizon 2d",
    ] {
        let run = user.run(line);
        assert!((run.out + &run.err).contains("not enough data"), "{line}: {}", run.code);
    }
}

#[test]
fn one_end_beyond_the_samples_leaves_no_row() {
    let user = with_centuries();
    for range in ["--from 2020-01-01", "--to 1677-09-25"] {
        for step in ["", "--step 1d", "--step month"] {
            let query = format!("query --store s a {range} {step}");
            assert_eq!(user.ok(&query), "no samples in this range\n");
            assert_eq!(user.json(&query)["series"].as_array().unwrap().len(), 0);
        }
    }
    let run = user.ends(FAILED, "query --store s a --from 2020-01-01 --to 2019-01-01");
    assert!(run.err.contains("before its start 2020-01-01"), "{run:?}");
}

#[test]
fn csv_has_no_two_columns_of_one_name_and_no_formula() {
    let user = User::new();
    user.write("a.csv", "time,a\n2013-08-01T00:00:00Z,6\n");
    user.ok("import csv --store s --label time=noon --label value==sum --label metric=m a.csv");
    let found = user.ok("query --store s a --step 1d --format csv");
    assert_eq!(
        found,
        "metric,label_metric,label_time,label_value,time,time_nanos,value\n\
         a,m,noon,'=sum,2013-08-01T00:00:00Z,1375315200000000000,6\n"
    );
    let labels = &user.json("query --store s a")["series"][0]["labels"];
    assert_eq!((&labels["value"], &labels["time"]), (&"=sum".into(), &"noon".into()));
}

#[test]
fn an_aggregate_has_the_unit_that_it_is_in() {
    let user = User::new();
    // Two weeks of a running total, by 3,600 MB an hour and a little.
    let row = |hour: u64| format!("{},{}\n", 1_768_608_000 + hour * 3600, hour * 3600 + hour % 5);
    let rows: String = (0..24 * 14).map(row).collect();
    user.write("a.csv", &format!("time,total\n{rows}"));
    user.ok("import csv --store s --column total,unit=MB a.csv");
    for (how, unit) in [("rate", Some("MB/s")), ("count", None), ("max", Some("MB"))] {
        let line = |command: &str| format!("{command} --store s total --step 1h --agg {how}");
        let forecast = user.json_of_version(2, &format!("{} --horizon 1d", line("forecast")));
        assert_eq!(forecast["forecasts"][0]["unit"].as_str(), unit, "{how}");
        let parts = user.json(&line("decompose"));
        assert_eq!(parts["series"][0]["unit"].as_str(), unit, "{how}");
        let csv = user.ok(&format!("{} --format csv", line("decompose")));
        let column = format!("total,{},2026-01-", unit.unwrap_or_default());
        assert!(csv.lines().skip(1).all(|line| line.starts_with(&column)), "{how}: {csv}");
        let share = user.ok(&format!("{} --format csv", line("share")));
        let peak = share.lines().find(|line| line.starts_with("peak_of_sum,")).unwrap();
        assert_eq!(peak.rsplit(',').next(), Some(unit.unwrap_or_default()), "{how}: {share}");
    }
    assert!(user.ok("decompose --store s total --agg rate").contains(" 1.00 MB/s"));
}
