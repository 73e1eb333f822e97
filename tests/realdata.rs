//! Promise: what is imported from real exports comes back bit for bit, and importing again, under
//! other names and in another order, changes nothing. The files are read a second time by a reader
//! of a few lines that knows nothing of the importer.
//!
//! Bitbrains (GWA-T-12 "Rnd", July and August 2013) and TSBS cpu-only. A few machines in the normal
//! suite, all of them with `make test-slow`.
//!
//! And: our measures of forecasts are those of the M4 competition, on its hourly series.

use std::collections::BTreeMap;
use std::io::Read;

use plimsoll::forecast::accuracy;
use plimsoll::ingest::{
    CsvOptions, ImportReport, InfluxOptions, Source, TimeForm, TimeOptions, TimeUnit, import_csv,
    import_influx,
};
use plimsoll::query::{Aggregate, Query};
use plimsoll::store::{Conflict, Durability, Samples, Store, StoreOptions};
use plimsoll::{Labels, Span, TimeRange};

use crate::support::data;

const MONTHS: [&str; 2] =
    ["bitbrains/rnd-2013-7-vm1-200.tar.zst", "bitbrains/rnd-2013-8-vm1-200.tar.zst"];
const METRICS: [&str; 10] = [
    "cpu_cores",
    "cpu_capacity_provisioned",
    "cpu_usage_mhz",
    "cpu_usage_percent",
    "memory_capacity_provisioned",
    "memory_usage",
    "disk_read_throughput",
    "disk_write_throughput",
    "network_received_throughput",
    "network_transmitted_throughput",
];

fn options(head_samples_max: usize) -> StoreOptions {
    StoreOptions {
        durability: Durability::Buffered,
        conflict: Conflict::FirstWins,
        head_samples_max,
        ..StoreOptions::default()
    }
}

fn csv_options() -> CsvOptions {
    let time =
        TimeOptions { form: Some(TimeForm::Epoch(TimeUnit::Seconds)), ..TimeOptions::default() };
    let columns = ["CPU usage [MHZ]=cpu_usage_mhz", "CPU usage [%]=cpu_usage_percent"];
    let columns = columns.iter().map(|rule| rule.parse().unwrap()).collect();
    CsvOptions { time, columns, ..CsvOptions::default() }
}

fn import(store: &Store, name: &str, bytes: &[u8]) -> ImportReport {
    let host = name.rsplit('/').next().unwrap().trim_end_matches(".csv").to_owned();
    let labels = [("host".to_owned(), host)];
    let mut appender = store.appender();
    let mut input = bytes;
    let source = Source::new(&mut input, name, &labels);
    let report = import_csv(source, &csv_options(), &mut appender).unwrap();
    appender.finish().unwrap();
    report
}

/// The columns of one machine: for each time the values as bits, the first row of a time counting.
fn independent_reading<'a>(files: impl Iterator<Item = &'a [u8]>) -> BTreeMap<i64, [u64; 10]> {
    let mut rows = BTreeMap::new();
    for bytes in files {
        for line in std::str::from_utf8(bytes).unwrap().lines().skip(1) {
            let mut cells = line.split(';').map(str::trim);
            let time: i64 = cells.next().unwrap().parse().unwrap();
            let mut values = [0; 10];
            for value in &mut values {
                *value = cells.next().unwrap().parse::<f64>().unwrap().to_bits();
            }
            rows.entry(time * 1_000_000_000).or_insert(values);
        }
    }
    rows
}

/// Whether a file belongs to the machines of this run: `rnd/2013-7/17.csv` does if 17 is asked for.
fn kept(name: &str) -> bool {
    let stem = name.rsplit('/').next().and_then(|file| file.strip_suffix(".csv"));
    stem.is_some_and(|stem| crate::support::slow() || ["1", "17", "42", "133"].contains(&stem))
}

#[test]
fn bitbrains_comes_back_bit_for_bit_and_importing_again_changes_nothing() {
    let months: Option<Vec<_>> = MONTHS.iter().map(|month| data::unpacked(month, kept)).collect();
    let Some(months) = months else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), options(300_000)).unwrap();
    // August before July.
    let mut samples = 0;
    for (name, bytes) in months.iter().rev().flatten() {
        let report = import(&store, name, bytes);
        assert_eq!(report.rejected, 0, "{name}: {:?}", report.problems);
        samples += report.samples;
    }
    store.seal().unwrap();
    compare(&store, &months);

    let before = store.stat().unwrap();
    println!("{samples} samples read, {} stored, {} bytes", before.samples, before.disk_bytes);
    for (name, bytes) in months.iter().flatten().take(4) {
        let text = std::str::from_utf8(bytes).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines[1..].reverse();
        let renamed = name.replace("2013", "copy");
        import(&store, &renamed, lines.join("\n").as_bytes());
    }
    store.seal().unwrap();
    let after = store.stat().unwrap();
    assert_eq!((before.samples, before.series), (after.samples, after.series));
    assert_eq!(before.segment_bytes, after.segment_bytes);

    store.compact(true).unwrap();
    compare(&store, &months);
    assert_eq!(store.check().unwrap().findings, []);
}

/// Every time and value of every machine against the independent reading.
fn compare(store: &Store, months: &[Vec<(String, Vec<u8>)>]) {
    let mut hosts: BTreeMap<&str, Vec<&[u8]>> = BTreeMap::new();
    for (name, bytes) in months.iter().rev().flatten() {
        hosts.entry(name.rsplit('/').next().unwrap()).or_default().push(bytes);
    }
    let snapshot = store.snapshot().unwrap();
    let mut found = Samples::default();
    for (file, contents) in hosts {
        let rows = independent_reading(contents.into_iter());
        let host = file.trim_end_matches(".csv");
        for (column, metric) in METRICS.iter().enumerate() {
            let labels = Labels::new(metric, [("host", host)]).unwrap();
            let id = store.series_id(&labels).unwrap();
            snapshot.scan(id, TimeRange::ALL, &mut found).unwrap();
            let bits = found.values.iter().map(|value| value.to_bits());
            let found = found.times.iter().copied().zip(bits);
            assert!(found.eq(rows.iter().map(|(time, row)| (*time, row[column]))), "{labels}");
        }
        assert!(!rows.is_empty());
    }
}

#[test]
fn tsbs_line_protocol_has_the_hourly_maxima_of_a_naive_reading() {
    let Some(mut input) = data::decompressed("tsbs/cpu-only-100hosts-6h-10s.lp.zst") else {
        return;
    };
    let mut text = String::new();
    input.read_to_string(&mut text).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), options(1_000_000)).unwrap();
    let mut appender = store.appender();
    let mut bytes = text.as_bytes();
    let source = Source::new(&mut bytes, "cpu.lp", &[]);
    let report = import_influx(source, &InfluxOptions::default(), &mut appender).unwrap();
    appender.finish().unwrap();
    store.seal().unwrap();
    assert_eq!((report.lines, report.samples, report.rejected), (216_000, 2_160_000, 0));

    let mut expected: BTreeMap<(String, i64), f64> = BTreeMap::new();
    for line in text.lines() {
        let mut parts = line.split(' ');
        let (tags, fields, time) =
            (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
        let host = tags.split(',').find_map(|tag| tag.strip_prefix("hostname=")).unwrap();
        let user = fields.split(',').find_map(|field| field.strip_prefix("usage_user=")).unwrap();
        let user: f64 = user.trim_end_matches('i').parse().unwrap();
        let hour = time.parse::<i64>().unwrap() / 3_600_000_000_000;
        let place = expected.entry((host.to_owned(), hour)).or_insert(user);
        *place = place.max(user);
    }
    let query = Query::new("cpu_usage_user".parse().unwrap())
        .by(["hostname"])
        .step(Span::HOUR)
        .aggregate(Aggregate::Max);
    let mut found = BTreeMap::new();
    for frame in query.run(&store.snapshot().unwrap()).unwrap() {
        let frame = frame.unwrap();
        for (labels, row) in frame.rows() {
            for (step, value) in row.iter().enumerate() {
                let hour = frame.time(step).nanos() / 3_600_000_000_000;
                found.insert((labels.get("hostname").unwrap().to_owned(), hour), *value);
            }
        }
    }
    assert_eq!(found.len(), 600);
    assert_eq!(found, expected);
}

#[test]
fn labelled_periods_are_found_and_no_others() {
    let Some(files) = data::unpacked("seasonality/inputs.tar.zst", |name| name.ends_with("csv"))
    else {
        return;
    };
    // The period, in days, of each series as labelled (gocrane/crane, Apache-2.0).
    let labels = [Some(1), Some(1), Some(7), None, None, None, None, None, Some(7), Some(1)];
    let mut seen = 0;
    for (name, bytes) in &files {
        let Some(number) = name.rsplit("input").next().and_then(|rest| rest.split('.').next())
        else {
            continue;
        };
        let values: Vec<f64> = std::str::from_utf8(bytes)
            .unwrap()
            .lines()
            .filter_map(|line| line.split(',').nth(1)?.trim().parse().ok())
            .collect();
        let found = plimsoll::forecast::detect_periods(&values, Span::from_seconds(60));
        let expected = labels[number.parse::<usize>().unwrap()].map(|days| days * 1_440);
        seen += 1;
        // A series of working days may show its day as well.
        let right = expected.map_or(found.is_empty(), |period| found.contains(&period));
        assert!(right, "{name}: {found:?}, labelled {expected:?}");
    }
    assert_eq!(seen, 10);
}

#[test]
fn hourly_series_of_m4_have_their_periods() {
    let Some(mut input) = data::decompressed("m4/Hourly-train.csv.zst") else { return };
    let mut text = String::new();
    input.read_to_string(&mut text).unwrap();
    let (mut days, mut weeks, mut none, mut series) = (0, 0, 0, 0);
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').map(|cell| cell.trim_matches('"')).collect();
        let values: Vec<f64> = cells[1..].iter().map_while(|cell| cell.parse().ok()).collect();
        let found = plimsoll::forecast::detect_periods(&values, Span::HOUR);
        series += 1;
        days += usize::from(found.contains(&24));
        weeks += usize::from(found.contains(&168));
        none += usize::from(found.is_empty());
        // Not every hourly series has a day: these repeat, value by value, after other lengths.
        match cells[0] {
            "H174" | "H202" | "H325" => assert_eq!(found, [23], "{}", cells[0]),
            "H223" => assert_eq!(found, [16]),
            "H244" => assert_eq!(found, [17]),
            _ => {}
        }
    }
    println!("{series} series: a day in {days}, a week in {weeks}, nothing in {none}");
    assert_eq!(series, 414);
    assert!(days >= 390 && weeks >= 110 && none <= 3, "{days} {weeks} {none}");
}

/// The series of a file of M4: a name, and values to the end of the row.
fn m4(name: &str) -> Option<Vec<Vec<f64>>> {
    let mut text = String::new();
    data::decompressed(name)?.read_to_string(&mut text).unwrap();
    let numbers = |line: &str| -> Vec<f64> {
        let cells = line.split(',').skip(1).map(|cell| cell.trim_matches('"'));
        cells.filter(|cell| !cell.is_empty()).map(|cell| cell.parse().unwrap()).collect()
    };
    Some(text.lines().skip(1).map(numbers).collect())
}

#[test]
fn the_benchmark_of_m4_has_the_published_errors() {
    let (train, test) = (m4("m4/Hourly-train.csv.zst"), m4("m4/Hourly-test.csv.zst"));
    let (Some(train), Some(test)) = (train, test) else { return };
    assert_eq!((train.len(), test.len()), (414, 414));
    let (mut smape, mut mase) = (0.0, 0.0);
    for (past, future) in train.iter().zip(&test) {
        let forecast = accuracy::naive2(past, 24, 48);
        smape += accuracy::smape(future, &forecast) / 414.0;
        mase += accuracy::mae(future, &forecast) / accuracy::seasonal_scale(past, 24) / 414.0;
    }
    // Naive2, hourly: Makridakis, Spiliotis and Assimakopoulos, The M4 Competition, 2020.
    assert!((smape - 18.383).abs() < 1e-3, "sMAPE {smape}");
    assert!((mase - 2.395).abs() < 1e-3, "MASE {mase}");
}
