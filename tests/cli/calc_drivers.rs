//! `plimsoll calc drivers` and `plimsoll calc events`: costs, and what a deploy did to them.

use std::fmt::Write as _;

use super::user::{DONE, USAGE, User, golden};

/// Four days by quarter hours from 2026-03-01 on; from the third day on a request costs 25% more.
fn series(cost_after: f64) -> String {
    let mut text = String::from("time,service,cpu,requests\n");
    for row in 0..384_u64 {
        let hash = |factor: u64, below: u64| ((row + 1).wrapping_mul(factor) >> 33) % below;
        let (noise, own) = (hash(0x9E37_79B9_7F4A_7C15, 1_000), hash(0xD134_2543_DE82_EF95, 400));
        let (day, own) = ((row % 96) as f64 / 96.0, own as f64);
        let requests = 2_000.0 - 1_000.0 * (std::f64::consts::TAU * day).cos() + own;
        let cost = if row < 192 { 0.01 } else { cost_after };
        let cpu = 12.0 + cost * requests + noise as f64 / 500.0 - 1.0;
        let time = 1_772_323_200 + 900 * row;
        writeln!(text, "{time},web,{cpu:.4},{requests:.1}").unwrap();
    }
    text
}

const EVENTS: &str = "\
time,name,kind,service
2026-03-03T00:00:00Z,v1.2,deploy,web
2026-03-02T00:00:00Z,v1.1,deploy,
2026-03-04T00:00:00Z,new hosts,hardware,web
2026-03-02T12:00:00Z,v9,deploy,db
";

#[test]
fn demand_at_the_line_and_hosts_for_a_growth() {
    let user = User::new();
    user.write("series.csv", &series(0.01));
    let asked = "calc drivers series.csv --resource cpu --driver requests --limit 100 \
                 --margin 0.2 --growth 30% --hosts 12";
    golden("calc-drivers.txt", &user.ok(asked));
    let sheet = user.json(asked);
    // 12 + 0.01 x = 80 at 6,800 requests, twice the largest seen.
    let at_line = sheet["tables"]["at_line"][0]["p50"].as_f64().unwrap();
    assert!((at_line / 6_800.0 - 1.0).abs() < 0.01, "{at_line}");
    // 12 * 3,400 * 1.3 / 6,800, less or more.
    assert_eq!(sheet["facts"]["hosts_needed"], 8);
    let fails = |line: &str, message: &str| user.fails(line, &format!("plimsoll: {message}"));
    fails(
        "calc drivers series.csv --resource cpu --driver users --limit 100",
        "series.csv:1: no column users; the header has time, service, cpu, requests",
    );
    fails(
        "calc drivers series.csv --resource cpu --driver requests --limit 1 --growth 3 --hosts 2",
        "--growth 3 is no growth: give a percentage, as in 30%",
    );
    user.write("back.csv", "time,cpu,requests\n900,1,1\n0,1,1\n");
    fails(
        "calc drivers back.csv --resource cpu --driver requests --limit 1",
        "back.csv:3: 1970-01-01T00:00:00Z does not follow the row before; sort by time",
    );
    user.write("short.csv", "time,cpu,requests\n0,1,1\n900,,2\n");
    fails(
        "calc drivers short.csv --resource cpu --driver requests --limit 1",
        "not enough data: 1 rows have a number for requests and the resource; 18 are needed",
    );
}

#[test]
fn where_use_comes_to_a_ceiling_no_hosts_are_promised() {
    let user = User::new();
    // 12 + 0.01 x goes to 46, of which 36 is all that there is.
    let cut = |row: &str| {
        let mut cells: Vec<String> = row.split(',').map(ToOwned::to_owned).collect();
        if let Ok(cpu) = cells[2].parse::<f64>() {
            cells[2] = cpu.min(36.0).to_string();
        }
        cells.join(",") + "\n"
    };
    user.write("series.csv", &series(0.01).lines().map(cut).collect::<String>());
    let asked = "calc drivers series.csv --resource cpu --driver requests --limit 100 \
                 --growth 30% --hosts 12";
    let said = user.ok(asked);
    for part in ["Use stops growing from ", "plimsoll calc demand"] {
        assert!(said.contains(part), "{said}");
    }
    let sheet = user.json(asked);
    assert!(sheet["facts"].get("hosts_needed").is_none(), "{sheet}");
    assert!(sheet["tables"].get("at_line").is_none(), "{sheet}");
}

#[test]
fn a_dearer_deploy_is_found_among_others() {
    let user = User::new();
    user.write("series.csv", &series(0.0125));
    user.write("events.csv", EVENTS);
    let asked = "calc events series.csv events.csv --resource cpu --driver requests --by service";
    golden("calc-events.txt", &user.ok(asked));
    let sheet = user.json(asked);
    // The deploy of another service is no event of this one.
    assert_eq!(sheet["facts"]["events"], 3);
    assert_eq!(sheet["facts"]["regressions"], 1);
    assert_eq!(sheet["tables"]["regime_breaks"][0]["time"], "2026-03-03T00:00:00Z");
    let alone = "calc events series.csv events.csv --resource cpu --service web";
    golden("calc-events-level.txt", &user.ok(alone));
    user.write("events.csv", "time,name\nsoon,v1\n");
    user.fails(
        asked,
        "plimsoll: events.csv:2: time is \"soon\": write 2026-03-01T12:00:00Z, with its zone, or \
         seconds since 1970",
    );
    user.write("events.csv", "time,name\n20260315,v1\n");
    user.fails(
        asked,
        "plimsoll: events.csv:2: time is \"20260315\": write 2026-03-15 if that is the date, or \
         20260315.0 if these are seconds since 1970",
    );
}

#[test]
fn services_of_a_store_are_joined_with_their_demand() {
    let user = User::new();
    let mut lines = String::new();
    for row in series(0.01).lines().skip(1) {
        let cells: Vec<&str> = row.split(',').collect();
        let (time, cpu, requests) = (cells[0], cells[2], cells[3]);
        // Two hosts of one service, which share its demand; of another there is no demand.
        for host in ["a", "b"] {
            let (cpu, requests): (f64, f64) = (cpu.parse().unwrap(), requests.parse().unwrap());
            let labels = format!("service=web,host={host}");
            writeln!(lines, "cpu,{labels} percent={cpu} {time}").unwrap();
            writeln!(lines, "http,{labels} requests={} {time}", requests / 2.0).unwrap();
        }
        writeln!(lines, "cpu,service=db,host=c percent=50 {time}").unwrap();
    }
    user.write("lines.lp", &lines);
    user.ok("import influx --store s --precision s lines.lp");
    let asked = "drivers --store s --resource cpu_percent --driver http_requests --by service \
                 --step 15m --limit 100 --margin 0.2";
    golden("drivers-store.txt", &user.ok(asked));
    let sheet = user.json(asked);
    let at_line = sheet["tables"]["drivers"][0]["at_line_p50"].as_f64().unwrap();
    assert!((at_line / 6_800.0 - 1.0).abs() < 0.01, "{at_line}");
    assert_eq!(sheet["facts"]["without_model"], 1);
    let run = user.ends(DONE, &asked.replace("--by service", "--by service,nosuch"));
    assert!(run.err.starts_with("note: no series has the label \"nosuch\""), "{run:?}");
    user.fails(
        "drivers --store s --resource cpu_percent --driver users --limit 100",
        "plimsoll: not enough data: no series of {__name__=\"users\"} has samples in this range",
    );
}

#[test]
fn a_step_has_a_part_once_it_is_over() {
    let user = User::new();
    let mut lines = String::new();
    for (row, line) in series(0.01).lines().skip(1).enumerate() {
        let cells: Vec<&str> = line.split(',').collect();
        // More is asked for in the last step of the second day, and most in the newest one.
        let requests = match row {
            191 => 5_000.0,
            383 => 9_000.0,
            _ => cells[3].parse().unwrap(),
        };
        writeln!(lines, "web requests={requests},cpu={} {}", 12.0 + requests / 100.0, cells[0])
            .unwrap();
    }
    user.write("lines.lp", &lines);
    user.ok("import influx --store s --precision s lines.lp");
    let seen_max = |to: &str| {
        let asked = "drivers --store s --resource web_cpu --driver web_requests --step 15m";
        let sheet = user.json(&format!("{asked} --limit 80 {to}"));
        sheet["tables"]["drivers"][0]["seen_max"].as_f64().unwrap().round()
    };
    assert_eq!(seen_max("--to 2026-03-03T00:00:00Z"), 5_000.0);
    let cut = seen_max("--to 2026-03-02T23:59:00Z");
    assert!(cut < 4_000.0, "{cut}");
    // Nobody knows whether more samples of the newest step are to come.
    for to in ["", "--to 2026-03-05T00:00:00Z", "--to 2027-01-01"] {
        assert_eq!(seen_max(to), 5_000.0, "{to}");
    }
}

#[test]
fn of_use_that_never_changed_no_number_is_made_up() {
    let user = User::new();
    for used in ["0", "7.3", "8"] {
        let row = |row: u64| format!("{},{used},{}\n", 1_772_323_200 + 3_600 * row, row % 24);
        let rows: String = (0..400).map(row).collect();
        user.write("flat.csv", &format!("time,cpu,requests\n{rows}"));
        let asked = "calc drivers flat.csv --resource cpu --driver requests --limit 50";
        let said = user.ok(asked);
        assert!(said.contains("Use never changed"), "{said}");
        assert!(!said.contains("NaN") && !said.contains("inf"), "{said}");
        assert!(user.json(asked)["facts"]["r_squared"].is_null(), "{used}");
        let point = |line: &str| {
            let cells: Vec<&str> = line.split(',').collect();
            format!("web cpu={},requests={} {}\n", cells[1], cells[2], cells[0])
        };
        user.write("lines.lp", &rows.lines().map(point).collect::<Vec<String>>().concat());
        user.ok(&format!("import influx --store s{used} --precision s lines.lp"));
        let store = format!(
            "drivers --store s{used} --resource web_cpu --driver web_requests --step 1h --limit 50"
        );
        let row = &user.json(&store)["tables"]["drivers"][0];
        assert!(row["r_squared"].is_null(), "{row}");
        assert!(row["remarks"].as_str().unwrap().starts_with("use never changed"), "{row}");
    }
}

#[test]
fn where_the_first_units_cost_nothing_no_multiple_of_that_is_told() {
    let user = User::new();
    // Nothing up to 50 requests, and two for each from there on.
    let row = |row: u64| {
        let requests = (row * 37) % 100;
        let cpu = 10.0 + 2.0 * requests.saturating_sub(50) as f64 - 0.001 * requests as f64;
        format!("{},{cpu},{requests}\n", 1_772_323_200 + 300 * row)
    };
    let rows: String = (0..400).map(row).collect();
    user.write("bent.csv", &format!("time,cpu,requests\n{rows}"));
    let asked = "calc drivers bent.csv --resource cpu --driver requests --limit 500";
    let said = user.ok(asked);
    assert!(said.contains("the first units cost nothing") && !said.contains("inf"), "{said}");
    assert!(user.json(asked)["facts"]["bend_ratio"].is_null(), "{said}");
}

#[test]
fn numbers_of_no_size_are_refused_before_they_overflow() {
    let user = User::new();
    user.write("huge.csv", "time,cpu\n0,1\n900,1e300\n");
    user.write("events.csv", "time,name\n1970-01-02,v1\n");
    user.fails(
        "calc events huge.csv events.csv --resource cpu",
        "plimsoll: huge.csv:3: cpu is \"1e300\": amounts are 0, or of a size from 1e-60 to \
         1e60; write it in another unit",
    );
}

#[test]
fn running_totals_are_taken_by_their_rates() {
    let user = User::new();
    let mut lines = String::new();
    let (mut total, mut busy) = (0.0, 0.0);
    for row in series(0.01).lines().skip(1) {
        let cells: Vec<&str> = row.split(',').collect();
        let (cpu, requests): (f64, f64) = (cells[2].parse().unwrap(), cells[3].parse().unwrap());
        total += 900.0 * requests;
        busy += 900.0 * cpu;
        writeln!(lines, "http requests_total={total},busy={busy} {}", cells[0]).unwrap();
    }
    user.write("lines.lp", &lines);
    user.ok("import influx --store s --precision s lines.lp");
    let asked = |resource: &str, driver: &str| {
        let given = format!("--resource {resource} --driver {driver} --step 15m --limit 80");
        format!("drivers --store s {given}")
    };
    let sheet = user.json(&asked("rate(http_busy)", "rate(http_requests_total)"));
    let row = &sheet["tables"]["drivers"][0];
    assert_eq!(row["driver"], "rate(http_requests_total)");
    let at_line = row["at_line_p50"].as_f64().unwrap();
    assert!((at_line / 6_800.0 - 1.0).abs() < 0.01, "{at_line}");
    assert_eq!(sheet["notes"].as_array().unwrap().len(), 1, "{sheet}");
    // As they are they say nothing, and it is told.
    let raw = user.json(&asked("http_busy", "http_requests_total"))["notes"].to_string();
    assert!(raw.contains("write rate(http_requests_total)"), "{raw}");
    assert_eq!(raw.matches("only rises").count(), 2, "{raw}");
    let run = user.ends(USAGE, &asked("rate(http_busy", "http_requests_total"));
    assert!(run.out.is_empty(), "{run:?}");
}
