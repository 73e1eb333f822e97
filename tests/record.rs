//! Promise: what `record` wrote is this machine's, can be planned as it is, and survives how the
//! recording ends; a clock that is set loses no sample.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use plimsoll::query::{Aggregate, Query};
use plimsoll::record::{Machine, Moment, Recorder, Schedule, Space, metrics};
use plimsoll::store::{Samples, StoreOptions};
use plimsoll::{Selector, Span, Store, TimeRange, Timestamp, is_stale_marker};
use serde_json::Value;

use crate::cli::user::{DONE, FAILED, USAGE, User};

/// The samples of all series of a store, by their labels.
fn samples(store: &Store) -> BTreeMap<String, Samples> {
    let snapshot = store.snapshot().unwrap();
    let scan = |id| {
        let mut found = Samples::default();
        snapshot.scan(id, TimeRange::ALL, &mut found).unwrap();
        (snapshot.labels(id).unwrap().to_string(), found)
    };
    snapshot.select(&Selector::all()).into_iter().map(scan).collect()
}

fn samples_of(user: &User) -> BTreeMap<String, Samples> {
    samples(&Store::open_read_only(&user.path("s")).unwrap())
}

/// The limit of each resource of a study that `study init` wrote.
fn limits(study: &str) -> BTreeMap<String, String> {
    let study: toml::Table = study.parse().unwrap();
    let text = |value: &toml::Value, key: &str| {
        value.get(key).and_then(toml::Value::as_str).unwrap_or("none").to_owned()
    };
    let resources = study["resource"].as_array().unwrap();
    resources.iter().map(|resource| (text(resource, "name"), text(resource, "limit"))).collect()
}

#[test]
fn this_machine_is_recorded_and_planned() {
    let user = User::new();
    let run = user.ends(DONE, "record --store s --interval 200ms --for 3s --host web-1");
    assert_eq!(run.out, "");
    assert!(run.err.starts_with("recording web-1 every 200ms into s; Ctrl-C ends it\n"), "{run:?}");

    let found = samples_of(&user);
    let series = |name: &str| &found[&format!("{name}{{host=\"web-1\"}}")];
    let usage = series("cpu_usage");
    assert!(usage.values.len() >= 2, "{usage:?}");
    let on_grid = |times: &[i64]| times.iter().all(|time| time % 200_000_000 == 0);
    assert!(on_grid(&usage.times) && usage.times.is_sorted_by(|a, b| a < b), "{usage:?}");
    let stat = std::fs::read_to_string("/proc/stat").unwrap();
    let cores = stat.lines().filter(|line| line.starts_with("cpu") && !line.starts_with("cpu "));
    let cores = cores.count() as f64;
    assert!(series("cpu_capacity").values.iter().all(|value| *value == cores));
    assert!(usage.values.iter().all(|value| (0.0..=cores).contains(value)), "{usage:?}");
    let (used, size) = (series("memory_used_bytes"), series("memory_size_bytes"));
    assert_eq!(used.times, size.times);
    assert!(used.values.iter().zip(&size.values).all(|(used, size)| 0.0 < *used && used < size));
    for (labels, samples) in found.iter().filter(|(labels, _)| labels.contains("_total{")) {
        assert!(samples.values.is_sorted(), "{labels}: {samples:?}");
    }

    let known: Vec<&str> = metrics().iter().map(|metric| metric.name).collect();
    for metric in user.json("ls --store s")["metrics"].as_array().unwrap() {
        let name = metric["name"].as_str().unwrap();
        assert!(known.contains(&name) && metric["unit"].is_string(), "{metric}");
    }
    let study = user.ok("study init --store s");
    let limits = limits(&study);
    assert_eq!(limits["cpu"], "cpu_capacity");
    assert_eq!(limits["memory"], "memory_size_bytes");
    user.write("study.toml", &study);
    let plan = user.json("plan --store s --study study.toml");
    let rows = plan["hosts"]["rows"].as_array().unwrap();
    let row = |resource: &str| rows.iter().find(|row| row["resource"] == resource).unwrap();
    assert_eq!(
        (&row("cpu")["labels"]["host"], &row("cpu")["limit"]),
        (&"web-1".into(), &cores.into())
    );
    assert_eq!(row("memory")["limit"], size.values[0]);
}

#[test]
fn a_signal_ends_it_and_all_is_kept() {
    let user = User::new();
    let mut before = 0;
    for signal in ["INT", "TERM"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
            .args(["record", "--host", "web-1", "--interval", "20ms", "--store"])
            .arg(user.path("s"))
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut words = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        words.read_line(&mut line).unwrap();
        assert!(line.starts_with("recording web-1 every 20ms"), "{line}");
        // A reader beside it sees the store grow; only then it is told to stop.
        let stored = || user.json("stat --store s")["samples"].as_u64().unwrap();
        while stored() < before + 100 {}
        // `kill` is a word of the shell itself: a bare system has no such program.
        let kill = format!("kill -{signal} {}", child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        let code = child.wait().unwrap().code();
        line.clear();
        words.read_line(&mut line).unwrap();
        assert_eq!(code, Some(DONE), "{signal}: {line}");
        let told: Vec<u64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
        let after = stored();
        assert_eq!(told.get(1), Some(&(after - before)), "{signal}: {line}");
        before = after;
    }
    let check = user.json("check --store s");
    assert_eq!(check["findings"].as_array().unwrap().len(), 0, "{check}");
}

#[test]
fn what_cannot_begin_says_why() {
    let user = User::new();
    user.ends(USAGE, "record");
    user.ends(USAGE, "record --store s --interval soon");
    user.fails(
        "record --store s --interval 1ms",
        "plimsoll: an interval of 1ms is too short; the shortest is 10ms",
    );
    assert!(!user.path("s").exists(), "no store is made for a recording that cannot begin");
    user.write("other/letter.txt", "");
    let run = user.ends(FAILED, "record --store other --for 1s");
    assert!(run.err.contains("other is no store and is not empty"), "{run:?}");
    let store = Store::open(&user.path("s"), StoreOptions::default()).unwrap();
    let run = user.ends(FAILED, "record --store s --for 1s");
    assert!(run.err.contains("in use by another writer"), "{run:?}");
    store.close().unwrap();
}

/// A database server of eight cores whose data disk fills: what its `/proc` says at each time.
struct Server {
    files: BTreeMap<&'static str, String>,
    busy_ticks: u64,
    idle_ticks: u64,
    received: u64,
    data_used: u64,
}

const GB: u64 = 1_000_000_000;
const CORES: u64 = 8;

impl Server {
    fn new() -> Self {
        let fixed = [
            ("/proc/mounts", "/dev/sda1 / ext4 rw 0 0\n/dev/sdb1 /data xfs rw 0 0\n"),
            ("/proc/diskstats", "8 0 sda 1 0 2 3 4 0 5 6 0 7 8\n8 16 sdb 1 0 2 3 4 0 5 6 0 7 8\n"),
            ("/sys/block/sda/device", ""),
            ("/sys/block/sda/size", "40000000\n"),
            ("/sys/block/sdb/device", ""),
            ("/sys/block/sdb/size", "2000000000\n"),
            ("/sys/class/net/eth0/device", ""),
            ("/sys/class/net/eth0/speed", "1000\n"),
            ("/sys/class/net/eth0/operstate", "up\n"),
        ];
        let files = fixed.map(|(path, text)| (path, text.to_owned())).into();
        Self { files, busy_ticks: 0, idle_ticks: 0, received: 0, data_used: 400 * GB }
    }

    /// Lives for `seconds` of the day that began `hour` hours ago.
    fn live(&mut self, seconds: u64, hour: u64) {
        let ticks = seconds * 100 * CORES;
        let busy = ticks * if (8..18).contains(&hour) { 50 } else { 20 } / 100;
        self.busy_ticks += busy;
        self.idle_ticks += ticks - busy;
        self.received += seconds * if (8..18).contains(&hour) { 40_000_000 } else { 9_000_000 };
        // 10 GB a day.
        self.data_used += seconds * 10 * GB / 86_400;
        let mut stat = format!("cpu  {} 0 0 {} 0 0 0 0\n", self.busy_ticks, self.idle_ticks);
        (0..CORES).for_each(|core| writeln!(stat, "cpu{core} 0 0 0 0").unwrap());
        self.files.insert("/proc/stat", stat);
        let free = 20_000_000 + hour * 1_000;
        let memory = format!("MemTotal: 32000000 kB\nMemAvailable: {free} kB\n");
        self.files.insert("/proc/meminfo", memory);
        let received = self.received;
        let line = format!(" | \n | \n eth0: {received} 1 0 0 0 0 0 0 {received} 1 0 0\n");
        self.files.insert("/proc/net/dev", line);
    }
}

impl Machine for Server {
    fn read(&mut self, path: &str, text: &mut String) -> io::Result<()> {
        text.push_str(self.files.get(path).ok_or(io::ErrorKind::NotFound)?);
        Ok(())
    }

    fn exists(&mut self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    fn space(&mut self, point: &str) -> io::Result<Space> {
        let (size, used) =
            if point == "/data" { (1_000 * GB, self.data_used) } else { (20 * GB, 5 * GB) };
        Ok(Space { size, free: size - used, available: size - used })
    }
}

/// A store that is recorded into as the command does it.
struct Recording {
    store: Store,
    recorder: Recorder,
    server: Server,
}

impl Recording {
    fn new(user: &User) -> Self {
        // What is recorded here is made up, its time included.
        let options = StoreOptions { ahead_max: None, ..StoreOptions::default() };
        let store = Store::open(&user.path("s"), options).unwrap();
        let recorder = Recorder::new("db-7", 100).unwrap();
        Self { store, recorder, server: Server::new() }
    }

    fn scrape(&mut self, moment: Moment) {
        let mut appender = self.store.appender();
        let scraped = self.recorder.scrape(&mut self.server, moment, &mut appender).unwrap();
        assert_eq!(scraped.troubles, Vec::<String>::new());
        appender.finish().unwrap();
    }

    /// As the command does it where the clock was set back.
    fn end_totals(&mut self, instants: &[Timestamp]) {
        let mut appender = self.store.appender();
        let markers = self.recorder.end_totals(instants, &mut appender).unwrap();
        assert!(markers > 0 && markers.is_multiple_of(instants.len()), "{markers}");
        appender.finish().unwrap();
    }
}

#[test]
fn weeks_of_a_recording_say_when_the_disk_is_full() {
    let user = User::new();
    let mut recording = Recording::new(&user);
    // 2026-01-17T00:00:00Z, 35 days, a scrape every 5 minutes.
    let (start, step) = (1_768_608_000, 300);
    for at in (0..35 * 86_400).step_by(step) {
        recording.server.live(step as u64, at / 3_600 % 24);
        let at_time = Timestamp::from_seconds(start + at as i64);
        recording.scrape(Moment { at: at_time, elapsed: Duration::from_secs(at) });
    }
    recording.store.close().unwrap();

    let study = user.ok("study init --store s");
    let expected = [
        ("cpu", "cpu_capacity"),
        ("disk", "disk_size_bytes"),
        ("memory", "memory_size_bytes"),
        ("network receive", "network_receive_capacity"),
        ("network transmit", "network_transmit_capacity"),
    ];
    let expected = expected.map(|(name, limit)| (name.to_owned(), limit.to_owned()));
    assert_eq!(limits(&study), expected.into());
    // The study has a table with a row per file system.
    user.write("study.toml", &study);
    let plan = user.json("plan --store s --study study.toml");
    let rows = |table: &Value| table["rows"].as_array().unwrap().clone();
    let hosts = rows(&plan["hosts"]);
    let row = |resource: &str| hosts.iter().find(|row| row["resource"] == resource).unwrap();
    assert_eq!(row("cpu")["limit"], 8.0);
    assert_eq!(row("cpu")["peak"]["value"], 4.0);
    assert_eq!(row("network receive")["limit"], 125e6);
    assert_eq!(row("network receive")["peak"]["value"], 40e6);
    assert_eq!(row("memory")["outcome"], "no_trend", "{}", row("memory"));
    let groups = plan["groups"].as_array().unwrap();
    let data = groups.iter().flat_map(rows).find(|row| row["labels"]["mountpoint"] == "/data");
    let data = data.unwrap();
    // 750 GB are used at the end; 900, the limit less its margin, 15 days later.
    assert_eq!((&data["resource"], &data["outcome"]), (&"disk".into(), &"within".into()));
    assert_eq!(data["full"]["p50"].as_str().map(|date| &date[..10]), Some("2026-03-08"), "{data}");
}

#[test]
fn a_clock_that_is_set_loses_no_sample() {
    let user = User::new();
    let mut recording = Recording::new(&user);
    let wall = |seconds: i64| Timestamp::from_seconds(1_768_608_000 + seconds);
    let ten_years = 10 * 365 * 86_400;
    let start = Moment { at: wall(-1), elapsed: Duration::ZERO };
    let mut schedule = Schedule::new(Span::SECOND, start).unwrap();
    let mut steps = Vec::new();
    // The true second of each scrape, and what the clock says: right, back by 5 s, right again, ten
    // years ahead, right again.
    let says = |second: i64| match second {
        10..20 => second - 5,
        30..40 => second + ten_years,
        _ => second,
    };
    for second in 0..50 {
        recording.server.live(1, 12);
        let elapsed = Duration::from_secs(second as u64 + 1);
        let due = schedule.due(Moment { at: wall(says(second)), elapsed }).unwrap();
        steps.extend(due.clock_step_nanos.map(|nanos| (second, nanos / 1_000_000_000)));
        recording.scrape(due.moment);
    }
    assert_eq!(steps, [(10, -5), (20, 5), (30, ten_years), (40, -ten_years)]);
    // The reading that was taken last counts where the clock went over a second twice.
    let mut expected = BTreeMap::new();
    for second in 0..50 {
        expected.insert(wall(says(second)).nanos(), (second + 1) as f64 * 4.0);
    }
    let key = r#"cpu_seconds_total{host="db-7",state="user"}"#;
    let stored = |store: &Store| {
        let all = samples(store);
        let rates = &all[r#"network_receive_usage{device="eth0",host="db-7"}"#];
        assert!(rates.values.iter().all(|rate| *rate == 40e6), "{rates:?}");
        let found = &all[key];
        found.times.iter().copied().zip(found.values.iter().copied()).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(stored(&recording.store), expected);
    recording.store.seal().unwrap();
    assert_eq!(stored(&recording.store), expected);
    recording.store.close().unwrap();
}

#[test]
fn a_clock_that_is_set_back_leaves_no_false_restart() {
    let user = User::new();
    let mut recording = Recording::new(&user);
    // Up for long: a restart would be worth all that was counted since.
    recording.server.live(1_000_000, 12);
    let wall = |seconds: i64| Timestamp::from_seconds(1_768_608_000 + seconds);
    let start = Moment { at: wall(-1), elapsed: Duration::ZERO };
    let mut schedule = Schedule::new(Span::SECOND, start).unwrap();
    // Set back by 20 s after 30; a scrape is missed on the way back; it ends before the 30 again.
    for second in (0..40).filter(|second| *second != 35) {
        let elapsed = Duration::from_secs(second as u64 + 1);
        recording.server.live(if second == 36 { 2 } else { 1 }, 12);
        let says = if second < 30 { second } else { second - 20 };
        let due = schedule.due(Moment { at: wall(says), elapsed }).unwrap();
        recording.scrape(due.moment);
        assert_eq!(due.outdated.is_some(), second == 30);
        if let Some(outdated) = due.outdated {
            let instants: Vec<Timestamp> = schedule.instants(outdated).collect();
            assert_eq!((instants.len(), instants[18]), (19, wall(29)));
            recording.end_totals(&instants);
        }
    }
    let asked = |store: &Store, how: Aggregate, metric: &str| {
        let query = Query::new(metric.parse().unwrap()).aggregate(how);
        let frame = query.run(&store.snapshot().unwrap()).unwrap().next().unwrap().unwrap();
        frame.row(0)[0]
    };
    let bytes = r#"network_receive_bytes_total{device="eth0"}"#;
    for sealed in [false, true] {
        // 39 s at 40 MB/s, within 19 s by the clock.
        let increase = asked(&recording.store, Aggregate::Increase, bytes);
        assert_eq!(increase, 39.0 * 40e6, "sealed: {sealed}");
        let rate = asked(&recording.store, Aggregate::Rate, bytes);
        assert_eq!(rate, 39.0 * 40e6 / 19.0);
        // Levels stay: seconds 0 to 29, but for the first.
        let count = asked(&recording.store, Aggregate::Count, "network_receive_usage");
        assert_eq!(count, 29.0);
        let all = samples(&recording.store);
        let totals = &all[r#"network_receive_bytes_total{device="eth0",host="db-7"}"#];
        let markers = totals.values.iter().filter(|value| is_stale_marker(**value)).count();
        assert_eq!((totals.times.len(), markers), (30, 11), "{totals:?}");
        recording.store.seal().unwrap();
    }
    recording.store.close().unwrap();
}
