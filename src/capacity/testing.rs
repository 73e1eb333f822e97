//! A small simulated fleet for the tests of the plan and of its reports.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use super::laws::{LawFitter, LawReport};
use super::scalability::ScalabilityLaw;
use super::{KnownHost, Plan, Planner, Study, Table};
use crate::model::{Frame, Labels, Span, Timestamp};

pub(crate) const STUDY: &str = r#"
[study]
name = "simulated fleet"
step = "15m"
horizon = "90d"
lead_time = "30d"

[[resource]]
name = "cpu"
usage = "cpu_usage_mhz"
limit = "cpu_capacity_mhz"
unit = "MHz"
safety_margin = 0.1

[[resource]]
name = "memory"
usage = "memory_usage"
limit = "memory_provisioned"
unit = "MB"
limit_unit = "GB"
safety_margin = 0.1

[[resource]]
name = "disk"
usage = "disk_used"
limit = 500
unit = "GB"
safety_margin = 0.1

[[resource]]
name = "network"
usage = "network_received"
unit = "KB/s"
role = "evidence"

[[group]]
name = "service"
by = ["service"]

[idle.below]
cpu = "5%"
network = "2 KB/s"
"#;

pub(crate) const DAYS: usize = 62;
const PER_DAY: usize = 96;

/// A deterministic stream of numbers in [0, 1) (Knuth's MMIX generator).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// One series of a host.
pub(crate) struct Row {
    pub(crate) resource: usize,
    pub(crate) host: String,
    pub(crate) usage: Vec<f64>,
    pub(crate) limit: f64,
}

fn steps(mut value: impl FnMut(f64, f64) -> f64, seed: u64) -> Vec<f64> {
    let mut noise = Noise(seed);
    let day = |at: usize| at as f64 / PER_DAY as f64;
    (0..DAYS * PER_DAY).map(|at| value(day(at), noise.next())).collect()
}

fn season(day: f64) -> f64 {
    1.0 + 0.4 * (std::f64::consts::TAU * day).sin()
}

/// 30 hosts: 12 web, 8 database, 5 batch, 2 that nobody uses, and 3 oddities.
pub(crate) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let mut seed = 1;
    let mut host = |host: &str, cpu: &dyn Fn(f64, f64) -> f64, memory: f64, disk: (f64, f64)| {
        let mut add = |resource, limit, usage: &dyn Fn(f64, f64) -> f64| {
            seed += 1;
            rows.push(Row { resource, host: host.to_owned(), usage: steps(usage, seed), limit });
        };
        add(0, 8_000.0, cpu);
        add(1, 16.0, &|day, noise| memory * (1.0 + 0.05 * season(day) + 0.02 * noise));
        add(2, 500.0, &|day, noise| disk.0 + disk.1 * day + 4.0 * noise);
        add(3, 0.0, &|day, noise| if cpu(day, 0.5) < 300.0 { 0.5 * noise } else { 900.0 * noise });
    };
    for at in 1..=12 {
        let busy = 2_000.0 + 250.0 * f64::from(at);
        host(
            &format!("web-{at:02}"),
            &|day, noise| busy * season(day) + 300.0 * noise,
            9_000.0,
            (80.0, 0.0),
        );
    }
    for at in 1..=8 {
        let disk = [
            (455.0, 0.3),
            (250.0, 2.5),
            (300.0, 1.8),
            (320.0, 0.8),
            (200.0, 0.0),
            (210.0, 0.05),
            (390.0, -1.0),
            (100.0, 0.0),
        ][at - 1];
        host(
            &format!("db-{at:02}"),
            &|day, noise| 3_000.0 * season(day) + 900.0 * noise,
            12_000.0,
            disk,
        );
    }
    for at in 1..=5 {
        let job = |day: f64| (day - 29.5 * (day / 29.5).floor()) > 29.2;
        let load = move |day: f64, noise: f64| if job(day) { 7_000.0 } else { 40.0 * noise };
        host(&format!("batch-{at:02}"), &load, 3_000.0, (60.0, 0.0));
    }
    for at in 1..=2 {
        host(&format!("old-{at:02}"), &|_, noise| 60.0 + 90.0 * noise, 2_000.0, (40.0, 0.0));
    }
    let normal = |day: f64, noise: f64| 2_500.0 * season(day) + 500.0 * noise;
    host("new-01", &normal, 8_000.0, (50.0, 0.0));
    host("gone-01", &normal, 8_000.0, (50.0, 0.0));
    host("nolimit-01", &normal, 8_000.0, (50.0, 0.0));
    for row in &mut rows {
        match row.host.as_str() {
            "new-01" => row.usage[..(DAYS - 5) * PER_DAY].fill(f64::NAN),
            "gone-01" => row.usage[40 * PER_DAY..].fill(f64::NAN),
            "nolimit-01" => row.limit = f64::NAN,
            _ => {}
        }
    }
    rows
}

pub(crate) fn start() -> Timestamp {
    "2026-02-01".parse().unwrap()
}

pub(crate) fn labels(name: &str, value: &str) -> Labels {
    Labels::from_pairs([(name, value)]).unwrap()
}

/// Feeds the rows of one table in tiles.
pub(crate) fn feed(planner: &mut Planner, table: Table, label: &str, rows: &[&Row], tile: usize) {
    let names = |rows: &[&Row]| rows.iter().map(|row| labels(label, &row.host)).collect();
    let limits: Vec<f64> = rows.iter().map(|row| row.limit).collect();
    let limit = Frame::new(start(), Span::from_days(DAYS as i64), 1, names(rows), limits).unwrap();
    let by_number = table.resource >= 2;
    for rows in rows.chunks(tile) {
        let values = rows.iter().flat_map(|row| row.usage.iter().copied()).collect();
        let step = Span::from_seconds(900);
        let usage = Frame::new(start(), step, DAYS * PER_DAY, names(rows), values).unwrap();
        let count = vec![1.0; rows.len()];
        let count = Frame::new(start(), Span::DAY, 1, names(rows), count).unwrap();
        let limit = if by_number && table.group.is_none() { &count } else { &limit };
        planner.add(table, &usage, Some(limit).filter(|_| table.resource < 3)).unwrap();
    }
}

/// The sums over each service.
pub(crate) fn services(rows: &[Row], resource: usize) -> Vec<Row> {
    let mut sums: Vec<Row> = Vec::new();
    for row in rows.iter().filter(|row| row.resource == resource && !row.limit.is_nan()) {
        let service = row.host.split('-').next().unwrap().to_owned();
        // The limit of the disks is a number: what is handed over is how many there are.
        let limit = if resource == 2 { 1.0 } else { row.limit };
        match sums.iter_mut().find(|sum| sum.host == service) {
            Some(sum) => {
                sum.limit += limit;
                let pairs = sum.usage.iter_mut().zip(&row.usage);
                pairs.for_each(|(sum, value)| *sum += value);
            }
            None => sums.push(Row { resource, host: service, usage: row.usage.clone(), limit }),
        }
    }
    sums
}

/// The plan of the fleet, its rows handed over in tiles and in the order that `order` makes.
pub(crate) fn plan(tile: usize, order: impl Fn(&mut Vec<&Row>)) -> Plan {
    plan_by(planner(), tile, order)
}

/// The same, with the days behind it.
pub(crate) fn plan_with_history() -> Plan {
    made_once("history", new_plan_with_history)
}

/// The same, made anew.
pub(crate) fn new_plan_with_history() -> Plan {
    plan_by(planner().with_history(), 7, |_| ())
}

/// The plan of the fleet whose services are pools; `more` are further sections of the study.
pub(crate) fn pooled_plan(more: &str) -> Plan {
    made_once(&format!("pools {more}"), || plan_by(pooled_planner(more), 7, |_| ()))
}

/// The plan of the fleet with an inventory.
pub(crate) fn plan_with_inventory(text: &str) -> Plan {
    made_once(&format!("inventory {text}"), || {
        let inventory = super::inventory::Inventory::read(text, "hosts.csv").unwrap();
        plan_by(pooled_planner("").with_inventory(inventory), 7, |_| ())
    })
}

/// Many tests look at the same plan, which takes seconds where overflow is checked.
fn made_once(name: &str, make: impl FnOnce() -> Plan) -> Plan {
    static PLANS: Mutex<BTreeMap<String, Arc<OnceLock<Plan>>>> = Mutex::new(BTreeMap::new());
    let plan = PLANS.lock().unwrap().entry(name.to_owned()).or_default().clone();
    plan.get_or_init(make).clone()
}

/// Even hosts stand in zone b, odd ones in zone a; a host costs 100 a month.
fn pooled_planner(more: &str) -> Planner {
    let text = STUDY.replace("by = [\"service\"]", "by = [\"service\"]\npool = true") + more;
    let study = Study::parse(&text, "study.toml").unwrap();
    let planner = Planner::new(&study, start().plus(Span::from_days(DAYS as i64))).unwrap();
    let names: std::collections::BTreeSet<String> =
        rows().into_iter().map(|row| row.host).collect();
    let known = |host: &String| {
        let zone = if host.ends_with(['0', '2', '4', '6', '8']) { "b" } else { "a" };
        let service = host.split('-').next().unwrap();
        let labels = [("host", host.as_str()), ("service", service), ("zone", zone)];
        let labels = Labels::from_pairs(labels).unwrap();
        KnownHost { labels, price_per_month: Some(100.0) }
    };
    planner.with_hosts(names.iter().map(known))
}

fn planner() -> Planner {
    let study = Study::parse(STUDY, "study.toml").unwrap();
    Planner::new(&study, start().plus(Span::from_days(DAYS as i64))).unwrap()
}

fn plan_by(mut planner: Planner, tile: usize, order: impl Fn(&mut Vec<&Row>)) -> Plan {
    let rows = rows();
    for resource in 0..4 {
        let mut hosts: Vec<&Row> = rows.iter().filter(|row| row.resource == resource).collect();
        order(&mut hosts);
        feed(&mut planner, Table { resource, group: None }, "host", &hosts, tile);
        if resource < 3 {
            let sums = services(&rows, resource);
            let mut sums: Vec<&Row> = sums.iter().collect();
            order(&mut sums);
            feed(&mut planner, Table { resource, group: Some(0) }, "service", &sums, tile);
        }
    }
    planner.finish()
}

/// Loads of a day's 24 hours, again and again: as many as bins, so that each bin has one.
fn hours(days: usize, least: f64) -> Vec<f64> {
    (0..24 * days).map(|hour| least + 2.0 * (hour % 24) as f64).collect()
}

/// Laws of some hosts, `more` being further keys: `web-1` and `web-2` follow one, of which one
/// takes 20 ms and which peaks at 49.5, up to a load of 48 and of 24; `web-3` grows without end;
/// of `web-4` there is too little. With noise, each hour is off by up to half of so large a share.
pub(crate) fn laws(more: &str, noise: f64) -> Vec<LawReport> {
    let text = "[[law]]\nname = \"web serves\"\nload = 'connections{service=\"web\"}'\n\
                throughput = 'rate(requests_total{service=\"web\"})'\n";
    let study = Study::parse(&format!("{text}{more}"), "study.toml").unwrap();
    let mut fitter = LawFitter::new(&study.laws[0]);
    let bent = ScalabilityLaw::new(50.0, 0.02, 0.0004).unwrap();
    let straight = ScalabilityLaw::new(50.0, 0.0, 0.0).unwrap();
    let mut draw = Noise(7);
    for (host, law, days, least) in [
        ("web-1", bent, 30, 2.0),
        ("web-2", bent, 30, 1.0),
        ("web-3", straight, 30, 2.0),
        ("web-4", bent, 2, 2.0),
    ] {
        let mut loads = hours(days, least);
        if host == "web-2" {
            for load in &mut loads {
                *load = 1.0 + *load / 2.0;
            }
        }
        let done =
            loads.iter().map(|load| law.throughput(*load) * (1.0 + noise * (draw.next() - 0.5)));
        let done: Vec<f64> = done.collect();
        fitter.add(labels("host", host), start(), Span::HOUR, &loads, &done).unwrap();
    }
    vec![fitter.finish()]
}
