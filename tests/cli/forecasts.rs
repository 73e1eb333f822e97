//! `plimsoll forecast` and `plimsoll backtest`: what they print, and what they refuse.

use super::user::{DONE, FAILED, USAGE, User, golden, mask};
use super::with_store;

#[test]
fn forecasts_are_printed_in_every_format() {
    let user = with_store();
    let forecast = "forecast --store s disk_used_gb --horizon 1d --step 6h --coverage 0.9";
    golden("forecast.txt", &user.ok(forecast));
    golden("forecast.csv", &user.ok(&format!("{forecast} --format csv")));
    golden("forecast.json", &user.ok(&format!("{forecast} --format json")));
    user.json_of_version(2, forecast);
    user.fails(
        "forecast --store s disk_used_gb --horizon 1h --step 6h",
        "plimsoll: a horizon of 1h has no step of 6h; take a longer one",
    );
    let cut = user.ends(DONE, "forecast --store s disk_used_gb --horizon 9h --step 6h");
    let note = "a horizon of 9h is no whole number of steps of 6h: 6h of it is forecast\n";
    assert_eq!(cut.err, note);
    user.fails(
        "forecast --store s no_such_metric",
        "plimsoll: not enough data: \
         no series of {__name__=\"no_such_metric\"} has samples in this range",
    );
}

#[test]
fn forecasts_begin_after_the_last_step_that_is_whole() {
    let user = with_store();
    let asked = "forecast --store s disk_used_gb --horizon 12h --step 6h --format csv";
    let start = |to: &str| {
        let found = user.ok(&format!("{asked} {to}"));
        found.lines().nth(1).unwrap().split(',').nth(2).unwrap().to_owned()
    };
    // The newest sample is of 23:00 on the fifteenth.
    assert_eq!(start(""), "2026-02-15T18:00:00Z");
    assert_eq!(start("--to 2026-02-20"), "2026-02-15T18:00:00Z");
    assert_eq!(start("--to 2026-02-10"), "2026-02-10T00:00:00Z");
    assert_eq!(start("--to 2026-02-10T03:00:00Z"), "2026-02-10T00:00:00Z");
}

#[test]
fn a_table_without_a_series_says_why_beside_it() {
    let user = with_store();
    let asked = "forecast --store s disk_used_gb --horizon 1d --step 6h --from 2026-02-14";
    let run = user.ends(DONE, &format!("{asked} --format csv"));
    assert_eq!(run.out, "series,unit,time,low,middle,high\n");
    assert!(run.err.starts_with("3 series without a forecast: "), "{run:?}");
}

#[test]
fn a_horizon_and_a_number_of_windows_may_be_wrong_but_not_endless() {
    let user = with_store();
    let run = user.ends(FAILED, "forecast --store s disk_used_gb --horizon 99999d");
    assert!(run.err.contains("the number of steps ahead of a forecast"), "{run:?}");
    let scored = |windows: &str| {
        user.ends(DONE, &format!("backtest --store s disk_used_gb --step 6h {windows}"))
    };
    let all = scored("--horizon 12h --windows 18446744073709551615").out;
    let enough = scored("--horizon 12h --windows 60").out;
    assert_eq!(all.lines().next(), enough.lines().next());
    user.fails(
        "backtest --store s disk_used_gb --windows 0",
        "plimsoll: --windows 0 scores nothing; 1 scores the last horizon",
    );
}

#[test]
fn forecasts_are_scored_on_a_store_and_on_files() {
    let user = with_store();
    let timeless = |text: &str| mask(text, &["processor time "]);
    let of_store = "backtest --store s disk_used_gb --step 6h --horizon 12h --windows 3";
    golden("backtest-store.txt", &timeless(&user.ok(of_store)));
    user.fails(
        "backtest --store s no_such_metric",
        "plimsoll: not enough data: \
         no series of {__name__=\"no_such_metric\"} has samples in this range",
    );
    // Three series of four days by hours; what comes is the day before, raised by one.
    let day = |hour: usize, level: usize| (level + 10 * (hour % 24) + hour * hour % 7).to_string();
    let line = |level: usize, hours: std::ops::Range<usize>| {
        let values: Vec<String> = hours.map(|hour| day(hour, level)).collect();
        format!("s{level},{}\n", values.join(","))
    };
    let table = |hours: std::ops::Range<usize>| {
        let lines = [50, 70, 400].map(|level| line(level, hours.clone()));
        format!("id,values\n{}", lines.concat())
    };
    user.write("train.csv", &table(0..96));
    user.write("test.csv", &table(96..120));
    let of_files = "backtest --train train.csv --test test.csv --period 24 --horizon 24";
    golden("backtest-files.txt", &timeless(&user.ok(&format!("{of_files} --models"))));
    let scores = user.json(of_files);
    assert_eq!(scores["forecasts"], 3);
    assert!(scores["methods"][0]["owa"].as_f64().unwrap() < 1.0, "{scores}");
    user.fails(
        "backtest --train train.csv --test test.csv --period 24 --horizon 25",
        "plimsoll: s50 has 24 values of the future; --horizon 25 takes more",
    );
    user.write("short.csv", "id,values\ns50,1\n");
    user.fails(
        "backtest --train train.csv --test short.csv --period 24 --horizon 1",
        "plimsoll: 3 pasts and 1 futures; both files need the same series, line by line",
    );
    let reversed = [400, 70, 50].map(|level| line(level, 96..120)).concat();
    user.write("reversed.csv", &format!("id,values\n{reversed}"));
    user.fails(
        "backtest --train train.csv --test reversed.csv --period 24 --horizon 24",
        "plimsoll: series 1 is \"s50\" in the file of pasts and \"s400\" in that of futures; both \
         files need the same series, line by line",
    );
    user.fails(
        "backtest --train train.csv --test test.csv --period 0 --horizon 24",
        "plimsoll: --period 0 scales nothing; 1 scales over neighbours, 24 over days of hours",
    );
    for of_store in ["cpu", "--windows 2", "--agg max", "--from 2026-01-01", "--to 2026-01-01"] {
        let run = user.ends(USAGE, &format!("{of_files} {of_store}"));
        assert!(run.err.contains("cannot be used with"), "{run:?}");
    }
}

/// A store of 24 hosts in two zones, 600 hours of each: a day, and bursts of eight hours at odd
/// times; and one host of another metric.
fn with_bursts() -> User {
    let user = User::new();
    let value = |host: usize, hour: usize| {
        let day = 5 * (hour % 24);
        let burst = if hour * (7 + host) % 61 < 8 { 40 + host } else { 0 };
        200 + 10 * host + day + burst + hour * hour % 11
    };
    let line = |host: usize, hour: usize| {
        let (zone, time) = (host % 2, 1_700_006_400 + hour * 3_600);
        format!("load,host=h{host:02},zone=z{zone} cpu={} {time}\n", value(host, hour))
    };
    let hours = |host: usize| (0..600).map(move |hour| line(host, hour)).collect::<String>();
    let other = "load,host=h0 disk=1 1700006400\nload,host=h0 disk=2 1700010000\n";
    user.write("lines.txt", &format!("{}{other}", (0..24).map(hours).collect::<String>()));
    user.ok("import influx --store s --precision s lines.txt");
    user
}

#[test]
fn a_model_of_the_whole_fleet_takes_part_where_it_is_asked_for() {
    let user = with_bursts();
    let scores = |asked: &str| user.json(asked)["methods"].clone();
    let mase = |methods: &serde_json::Value, name: &str| {
        let all = methods.as_array().unwrap().iter();
        all.filter(|one| one["method"] == name).find_map(|one| one["mase"].as_f64())
    };
    let asked = "backtest --store s load_cpu --horizon 24 --windows 2 --models";
    let (alone, taught) = (scores(asked), scores(&format!("{asked} --global")));
    assert_eq!(mase(&alone, "global trees"), None);
    assert!(mase(&taught, "global trees").unwrap() < 1.0, "{taught}");
    assert_ne!(mase(&alone, "ensemble"), mase(&taught, "ensemble"));
    // Sums of forecasts in which it took part still add up.
    let asked = "forecast --store s load_cpu --horizon 12h --sum-by zone --global";
    let sums = user.json_of_version(2, asked);
    let point = |name: &str, step: usize| {
        let all = sums["forecasts"].as_array().unwrap().iter();
        let of = |one: &serde_json::Value| one["forecast"]["point"][step].as_f64().unwrap();
        all.filter(|one| one["series"].as_str().unwrap().contains(name)).map(of).sum::<f64>()
    };
    for step in [0, 11] {
        let (zones, hosts) = (point("{zone=", step), point("{host=", step));
        assert!((zones - hosts).abs() < 1e-6 * hosts, "{zones} {hosts}");
    }
    let scores = sums["forecasts"][5]["forecast"]["backtest"]["scores"].to_string();
    assert!(scores.contains("global trees"), "{scores}");
}

#[test]
fn a_fleet_that_is_too_small_to_learn_from_is_said_and_forecast_as_ever() {
    let user = with_store();
    let asked = "forecast --store s disk_used_gb --horizon 1d --step 6h --coverage 0.9";
    let run = user.ends(DONE, &format!("{asked} --global"));
    golden("forecast.txt", &run.out);
    assert_eq!(
        run.err,
        "--global: too few values to learn from the series of \"disk_used_gb\" together; each is \
         forecast by itself\n"
    );
    user.ends(USAGE, "backtest --store s disk_used_gb --global --light");
    user.ends(USAGE, "backtest --store s disk_used_gb --global --exhaustion");
}

/// A store of twelve hosts whose CPU and memory fluctuate for 50 days, sampled twice a day.
fn with_fluctuations() -> User {
    let user = User::new();
    let line = |host: usize, half: usize| {
        // The mixer of SplitMix64 (Steele, Lea and Flood, 2014).
        let hash = |salt: u64| {
            let seed = (half * 100 + host) as u64 * 10 + salt;
            let mixed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            (mixed ^ (mixed >> 31)) % 1009
        };
        let (cpu, memory) = (300 + hash(1), 600 + hash(2) / (1 + host as u64 % 3));
        let time = 1_700_006_400 + half * 43_200;
        format!("load,host=h{host:02} cpu={cpu},memory={memory} {time}\n")
    };
    let of_half = |half: usize| (0..12).map(|host| line(host, half)).collect::<String>();
    user.write("lines.txt", &(0..100).map(of_half).collect::<String>());
    user.ok("import influx --store s --precision s lines.txt");
    user
}

#[test]
fn probabilities_of_exhaustion_are_scored_from_the_days_that_are_asked_for() {
    let user = with_fluctuations();
    let asked = "backtest --store s {__name__=~\"load_.*\"} --exhaustion";
    golden("backtest-exhaustion.txt", &user.ok(&format!("{asked} --origins 14..18")));
    let horizons = |more: &str| user.json(&format!("{asked} {more}"))["horizons"].clone();
    let all = horizons("");
    assert_eq!((all.as_array().unwrap().len(), &all[0]["horizon_days"]), (2, &7.into()));
    assert_eq!((&all[0]["origins"][0], &all[1]["origins"][0]), (&14.into(), &14.into()));
    let some = horizons("--origins 20..24 --horizon-days 7");
    assert_eq!((some.as_array().unwrap().len(), &some[0]["origins"]), (1, &[20, 24][..].into()));
    // Two metrics of twelve hosts, five days and five lines.
    let count = 2 * 12 * 5 * 5;
    assert_eq!((&some[0]["all"]["cases"], &some[0]["all"]["hosts"]), (&count.into(), &12.into()));
    let untaught = horizons("--origins 20..24 --horizon-days 7 --learn-nothing");
    assert_eq!(untaught[0]["all"]["base_rate"]["value"], some[0]["all"]["base_rate"]["value"]);
    assert_ne!(untaught[0]["all"]["brier"]["value"], some[0]["all"]["brier"]["value"]);
    assert!(
        user.ok(&format!("{asked} --origins 49..60")).starts_with("within 7 days: no series has")
    );
    let refused = |more: &str, why: &str| {
        let run = user.ends(USAGE, &format!("{asked} {more}"));
        assert!(run.err.contains(why), "{more}: {}", run.err);
    };
    refused("--origins 3..9", "with fewer than 7 days before it nothing is said");
    refused("--horizon-days 14", "probabilities are said for 7, 30 and 90 days");
    for of_forecasts in
        ["--horizon 4", "--period 7", "--step 1d", "--agg max", "--windows 2", "--coverage 0.8"]
    {
        refused(of_forecasts, "cannot be used with");
    }
    let without = user.ends(USAGE, "backtest --store s load_cpu --learn-nothing");
    assert!(without.err.contains("--exhaustion"), "{}", without.err);
}

#[test]
fn what_one_metric_was_off_says_nothing_of_another() {
    let user = with_store();
    let asked = |selector: &str| {
        let line = format!("forecast --store s {selector} --horizon 1d --step 6h");
        user.json_of_version(2, &line)["forecasts"].as_array().unwrap().clone()
    };
    let alone = asked("disk_used_gb");
    let both = asked(r#"{__name__=~"disk_used_gb|cpu_usage_mhz"}"#);
    assert_eq!((alone.len(), both.len()), (3, 6));
    assert!(alone.iter().all(|series| both.contains(series)));
}

#[test]
fn totals_and_groups_are_the_sums_of_their_members() {
    let user = User::new();
    let line = |host: usize, hour: usize| {
        let (zone, busy) = (["a", "b"][host % 2], if hour % 24 < 8 { 2 } else { 9 });
        let cores = busy * (host + 1) + hour * hour * (host + 3) % 5;
        format!("cpu,host=h{host},zone={zone} cores={cores} {}\n", 1_700_000_000 + hour * 3600)
    };
    let gone = |host: usize| if host == 4 { 60 } else { 240 };
    let lines: Vec<String> =
        (0..5).flat_map(|host| (0..gone(host)).map(move |hour| line(host, hour))).collect();
    user.write("lines.txt", &lines.concat());
    user.ok("import influx --store s --precision s lines.txt");
    let asked = "forecast --store s cpu_cores --horizon 12h --sum-by zone";
    let found = user.json_of_version(2, asked);
    let forecasts = found["forecasts"].as_array().unwrap();
    let points: Vec<Vec<f64>> = forecasts
        .iter()
        .map(|one| one["forecast"]["point"].as_array().map_or(&[][..], Vec::as_slice))
        .map(|row| row.iter().map(|value| value.as_f64().unwrap()).collect())
        .collect();
    let names: Vec<&str> = forecasts.iter().map(|one| one["series"].as_str().unwrap()).collect();
    let of = |name: &str| &points[names.iter().position(|other| *other == name).unwrap()];
    // Numbers lose their last bit when JSON is read.
    let alike = |a: f64, b: f64| (a - b).abs() <= 1e-14 * b.abs();
    // The host that fell silent a week before has no forecast, and is part of none.
    assert_eq!(names.len(), 8, "{names:?}");
    let why = "no sample since 2023-11-17T10:00:00Z, which is longer ago than the horizon";
    let gone = forecasts.iter().filter(|one| one["why_none"] == why);
    assert_eq!(gone.count(), 1, "{found}");
    let text = user.ok("forecast --store s cpu_cores --horizon 12h");
    assert_eq!(text.matches(&format!("  no forecast: {why}")).count(), 1, "{text}");
    let csv = user.run("forecast --store s cpu_cores --horizon 12h --format csv");
    assert!(csv.err.contains(&format!("1 series without a forecast: {why}")), "{csv:?}");
    for step in 0..12 {
        let host = |at: usize, zone: &str| {
            of(&format!("cpu_cores{{host=\"h{at}\",zone=\"{zone}\"}}"))[step]
        };
        let zone = |zone: &str| of(&format!("cpu_cores{{zone=\"{zone}\"}}"))[step];
        assert!(alike(zone("a"), host(0, "a") + host(2, "a")));
        assert!(alike(zone("b"), host(1, "b") + host(3, "b")));
        assert!(alike(of("cpu_cores")[step], zone("a") + zone("b")));
    }
    golden(
        "forecast-total.txt",
        &user.ok("forecast --store s cpu_cores{zone=\"b\"} --horizon 12h --step 3h --total"),
    );
}

/// Two hosts for ten days of hours; `moved` lives at a third of its level from the fifth day on.
fn with_a_migration() -> User {
    let user = User::new();
    let line = |host: &str, hour: usize| {
        let level = if host == "moved" && hour >= 120 { 100 } else { 300 };
        let cores = level + 10 * (hour % 24 / 8) + hour * hour % 7;
        format!("cpu,host={host} cores={cores} {}\n", 1_700_006_400 + hour * 3600)
    };
    let of_hour = |hour: usize| ["moved", "still"].map(|host| line(host, hour)).concat();
    user.write("lines.txt", &(0..240).map(of_hour).collect::<String>());
    user.ok("import influx --store s --precision s lines.txt");
    // The sixth day of the hosts is 2023-11-20.
    user.write(
        "events.csv",
        "time,name,kind,host\n2023-11-20T00:00:00Z,to-new-racks,Migration,moved\n\
         2023-11-22T00:00:00Z,v7,deploy,\n2023-11-16T00:00:00Z,older,migration,moved\n",
    );
    user
}

#[test]
fn a_past_counts_from_the_last_migration_on() {
    let user = with_a_migration();
    let with_events = |line: &str| {
        let line = format!("forecast --store s --horizon 12h {line}");
        user.json_of_version(2, &line)["forecasts"].clone()
    };
    // All that is said but the event.
    let forecasts = |line: &str| {
        let mut found = with_events(line);
        for one in found.as_array_mut().unwrap() {
            one.as_object_mut().unwrap().remove("counts_from");
        }
        found
    };
    let moved = "cpu_cores{host=\"moved\"}";
    let since = forecasts(&format!("{moved} --from 2023-11-20T00:00:00Z"));
    assert_eq!(forecasts(&format!("{moved} --events events.csv")), since);
    // Which series were cut, by what and when, is told of each.
    let event = serde_json::json!({
        "time": "2023-11-20T00:00:00Z", "event": "to-new-racks", "kind": "Migration"
    });
    for sums in ["", "--total"] {
        let told = with_events(&format!("cpu_cores --events events.csv {sums}"));
        let told = told.as_array().unwrap().iter();
        let told: Vec<(&str, Option<&serde_json::Value>)> =
            told.map(|one| (one["series"].as_str().unwrap(), one.get("counts_from"))).collect();
        let expected =
            [("cpu_cores{host=\"moved\"}", Some(&event)), ("cpu_cores{host=\"still\"}", None)];
        assert!(expected.iter().all(|one| told.contains(one)), "{told:?}");
        assert_eq!(told.len(), if sums.is_empty() { 2 } else { 3 });
    }
    let text = user.ok(&format!("forecast --store s --horizon 12h {moved} --events events.csv"));
    assert!(
        text.contains("  past      counts from 2023-11-20T00:00:00Z on: to-new-racks\n"),
        "{text}"
    );
    assert_ne!(forecasts(moved), since);
    // Of a host that no migration concerns all counts; of both, only one is cut.
    let still = "cpu_cores{host=\"still\"}";
    assert_eq!(forecasts(&format!("{still} --events events.csv")), forecasts(still));
    let both = user.run("forecast --store s --horizon 12h cpu_cores --events events.csv");
    assert_eq!((both.code, &*both.err), (DONE, "the past of 1 series counts from an event on\n"));
    // Other kinds count where they are named, for all whom they concern.
    let deploys = "--events events.csv --event-kinds deploy";
    let since = forecasts(&format!("{still} --from 2023-11-22T00:00:00Z"));
    assert_eq!(forecasts(&format!("{still} {deploys}")), since);
    // An event that lies after the range has not happened yet.
    let early = format!("{moved} --to 2023-11-19T00:00:00Z");
    assert_ne!(forecasts(&format!("{early} --events events.csv")), forecasts(&early));
    user.write("later.csv", "time,name,kind\n2023-11-20T00:00:00Z,later,migration\n");
    assert_eq!(forecasts(&format!("{early} --events later.csv")), forecasts(&early));
}

#[test]
fn sums_keep_the_past_of_their_members_and_have_events_of_their_own() {
    let user = with_a_migration();
    let asked = "forecast --store s --horizon 12h cpu_cores --total";
    let run = user.run(&format!("{asked} --events events.csv"));
    // The host is no label of the total.
    assert_eq!((run.code, &*run.err), (DONE, "the past of 1 series counts from an event on\n"));
    let run = user.run(&format!("{asked} --events events.csv --event-kinds all"));
    assert_eq!((run.code, &*run.err), (DONE, "the pasts of 3 series count from an event on\n"));
    // What has no forecast is part of no sum.
    user.write("now.csv", "time,name,kind\n2023-11-24T20:00:00Z,flood,hardware\n");
    let found = user.ok(&format!("{asked} --events now.csv"));
    assert_eq!(found.matches("3 values; a forecast takes 16").count(), 2, "{found}");
}

#[test]
fn events_that_leave_too_little_or_do_not_count_are_said() {
    let user = with_a_migration();
    user.write("late.csv", "time,name,kind\n2023-11-24T12:00:00Z,new-racks,hardware\n");
    let asked = "forecast --store s cpu_cores{host=\"moved\"} --horizon 12h";
    let found = user.ok(&format!("{asked} --events late.csv"));
    let why = "11 values; a forecast takes 16, and its past counts from 2023-11-24T12:00:00Z on: \
               new-racks";
    assert!(found.contains(why), "{found}");
    let others = user.run(&format!("{asked} --events events.csv --event-kinds scaling"));
    let note = "none of the 3 events of events.csv is of kind scaling, so that all of the past \
                counts; their kinds are: Migration, deploy, migration. --event-kinds says which";
    assert!(others.code == DONE && others.err.starts_with(note), "{}", others.err);
    user.write("bad.csv", "time,name\nnoon,x\n");
    user.fails(
        &format!("{asked} --events bad.csv"),
        "plimsoll: bad.csv:2: time is \"noon\": write 2026-03-01T12:00:00Z, with its zone, or \
         seconds since 1970",
    );
    let none = user.run(&format!("{asked} --events none.csv"));
    assert!(none.code == FAILED && none.err.contains("none.csv"), "{}", none.err);
    assert_eq!(user.run(&format!("{asked} --event-kinds deploy")).code, USAGE);
}

#[test]
fn a_backtest_knows_no_event_before_it_happened() {
    let user = with_a_migration();
    let asked = "backtest --store s cpu_cores{host=\"moved\"} --horizon 12h --windows 2";
    let scores = |more: &str| user.json(&format!("{asked} {more}"))["methods"].clone();
    assert_ne!(scores("--events events.csv"), scores(""));
    // Both windows begin before it.
    user.write("last.csv", "time,name,kind\n2023-11-24T14:00:00Z,last,migration\n");
    assert_eq!(scores("--events last.csv"), scores(""));
    user.write("train.csv", "id,values\n");
    user.fails(
        "backtest --train train.csv --test train.csv --events events.csv",
        "plimsoll: --events is for forecasts of a store's series; leave it out",
    );
}

#[test]
fn series_are_taken_apart() {
    let user = with_store();
    let asked = "decompose --store s cpu_usage_mhz{host=\"db-1\"}";
    golden("decompose.txt", &user.ok(asked));
    let parts = user.json(&format!("{asked} --periods 1d"));
    let parts = &parts["series"][0]["parts"];
    assert_eq!(parts["seasons"][0]["period"], 24);
    assert!(parts["seasons"][0]["strength"].as_f64().unwrap() > 0.9, "{parts}");
    assert!(user.ok(&format!("{asked} --format csv")).contains(",season of 1d,"));
    user.fails(
        "decompose --store s cpu_usage_mhz --periods 90m",
        "plimsoll: --periods 1h30m is no multiple of the step of 1h; change either",
    );
    user.fails(
        "decompose --store s cpu_usage_mhz --periods 1h",
        "plimsoll: --periods 1h is less than 2 steps of 1h; give a longer one, or a shorter --step",
    );
}

#[test]
fn a_season_that_cannot_be_known_is_said() {
    let user = with_store();
    // Thirty days have not two of 16. A step of 20 minutes has a value every third time.
    let asked = "decompose --store s cpu_usage_mhz{host=\"db-1\"} --periods 1d,16d";
    let why = "no season of 16d: values reach over 30d, and two of it are 32d";
    let text = user.ok(asked);
    assert!(text.contains(&format!("  {why}\n")) && text.contains("season of 1d "), "{text}");
    let found = user.json(asked);
    assert_eq!(found["series"][0]["left_out"], serde_json::json!([why]));
    assert_eq!(found["series"][0]["parts"]["sampling"]["values"], 720);
    let run = user.ends(DONE, &format!("{asked} --format csv"));
    assert_eq!(run.err, format!("1 series: {why}\n"));
    let third = user.ok(&format!("{asked} --step 20m"));
    let told = "values at 720 of 2158 steps, mostly 1h apart: a --step as long suits them better";
    assert!(third.contains(told) && third.contains("season of 1d "), "{third}");
}
