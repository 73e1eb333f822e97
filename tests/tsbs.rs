//! Promise: the load that `plimsoll bench tsbs` makes is that of TSBS cpu-only. The same checks are
//! made of what our generator writes and of what the generator of TSBS wrote (100 hosts, 6 hours):
//! form and order exactly, distributions against their formulas.

mod queries;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use plimsoll::bench::{CpuOnly, CpuOnlyOptions};

use crate::support::data;

const HOSTS: usize = 100;
const HOURS: u32 = 6;
const SCRAPES: usize = 2_160;
const TAGS: [&str; 10] = [
    "hostname",
    "region",
    "datacenter",
    "rack",
    "os",
    "arch",
    "team",
    "service",
    "service_version",
    "service_environment",
];
const FIELDS: [&str; 10] = [
    "usage_user",
    "usage_system",
    "usage_idle",
    "usage_nice",
    "usage_iowait",
    "usage_irq",
    "usage_softirq",
    "usage_steal",
    "usage_guest",
    "usage_guest_nice",
];

/// What line protocol of cpu-only contains.
struct Load {
    /// The tags of each host, in order.
    tags: Vec<Vec<(String, String)>>,
    /// Scrape after scrape, host after host.
    rows: Vec<[i32; FIELDS.len()]>,
}

impl Load {
    /// Reads line protocol and fails where a line is not of exactly this form, or out of order.
    fn of(text: &str, hosts: usize) -> Self {
        let (mut tags, mut rows) = (Vec::new(), Vec::new());
        for (at, line) in text.lines().enumerate() {
            let (scrape, host) = (at / hosts, at % hosts);
            let parts: Vec<&str> = line.split(' ').collect();
            let [key, fields, time] = parts[..] else { panic!("{line}") };
            let nanos = 1_451_606_400_000_000_000 + scrape as i64 * 10_000_000_000;
            assert_eq!(time, nanos.to_string(), "{line}");
            let found: Vec<(String, String)> =
                key.strip_prefix("cpu,").unwrap().split(',').map(pair).collect();
            assert!(found.iter().map(|(name, _)| name).eq(&TAGS), "{line}");
            assert_eq!(found[0].1, format!("host_{host}"), "{line}");
            assert!(scrape == 0 || found == tags[host], "tags are drawn once: {line}");
            if scrape == 0 {
                tags.push(found);
            }
            let fields: Vec<(String, String)> = fields.split(',').map(pair).collect();
            assert!(fields.iter().map(|(name, _)| name).eq(&FIELDS), "{line}");
            let mut row = [0; FIELDS.len()];
            for (value, (_, text)) in row.iter_mut().zip(&fields) {
                *value = text.strip_suffix('i').unwrap().parse().unwrap();
                assert_eq!(*text, format!("{value}i"), "one way to write a number: {line}");
                assert!((0..=100).contains(value), "{line}");
            }
            rows.push(row);
        }
        assert_eq!(rows.len() % hosts, 0);
        Self { tags, rows }
    }

    /// Pairs of a value and the one before it of the same series.
    fn steps(&self, hosts: usize) -> impl Iterator<Item = (i32, i32)> {
        let pairs = self.rows.iter().zip(&self.rows[hosts..]);
        pairs.flat_map(|(before, after)| before.iter().copied().zip(after.iter().copied()))
    }

    /// The values that each tag takes, and which datacenters are in which region.
    fn values(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for host in &self.tags {
            for (name, value) in host {
                values.entry(name.clone()).or_default().insert(value.clone());
            }
            values.entry(host[1].1.clone()).or_default().insert(host[2].1.clone());
        }
        values
    }
}

fn pair(text: &str) -> (String, String) {
    let (name, value) = text.split_once('=').unwrap();
    (name.to_owned(), value.to_owned())
}

fn generated(options: CpuOnlyOptions, scrapes_max: usize) -> String {
    let fleet = CpuOnly::new(options).unwrap();
    let (mut scrapes, mut text) = (fleet.scrapes(), Vec::new());
    for _ in 0..scrapes_max {
        let Some(scrape) = scrapes.next() else { break };
        fleet.write_lines(&scrape, &mut text);
    }
    String::from_utf8(text).unwrap()
}

fn ours() -> String {
    generated(CpuOnlyOptions { seed: 1, hosts: HOSTS, hours: HOURS }, usize::MAX)
}

fn theirs() -> Option<String> {
    let mut text = String::new();
    data::decompressed("tsbs/cpu-only-100hosts-6h-10s.lp.zst")?.read_to_string(&mut text).unwrap();
    Some(text)
}

/// Holds a share of `count` cases against its probability, within four standard errors of
/// independent cases and a little for what is not quite as the formula has it.
#[track_caller]
fn assert_share(what: &str, share: f64, probability: f64, count: usize) {
    let error = (probability * (1.0 - probability) / count as f64).sqrt();
    println!("{what}: {share:.5}, expected {probability:.5} (standard error {error:.5})");
    assert!((share - probability).abs() < 4.0 * error + 1e-4, "{what}: {share}, {probability}");
}

fn check_distributions(load: &Load) {
    assert_eq!(load.rows.len(), HOSTS * SCRAPES);

    // Starts are uniform in [0, 100): none is 100, their whole parts have the mean 49.5 and the
    // variance (100^2 - 1) / 12; four standard errors of 1,000 of them.
    let starts: Vec<f64> = load.rows[..HOSTS].iter().flatten().map(|v| f64::from(*v)).collect();
    let mean = starts.iter().sum::<f64>() / starts.len() as f64;
    let variance = starts.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / starts.len() as f64;
    println!("starts: mean {mean:.2}, variance {variance:.1}");
    assert!((mean - 49.5).abs() < 3.7 && (variance - 833.3).abs() < 95.0, "{mean} {variance}");
    assert!(starts.iter().all(|start| *start < 100.0));

    // Whole parts of a walk with standard normal steps Z, far from both ends, where the part
    // behind the point is as good as uniform: the chance of a change by k is E max(0, 1 - |Z - k|),
    // integrated numerically.
    let inner: Vec<i32> =
        load.steps(HOSTS).filter(|(v, _)| (15..=85).contains(v)).map(|(v, w)| w - v).collect();
    for (step, probability) in
        [(0, 0.368_746), (1, 0.240_802), (2, 0.066_716), (3, 0.007_734), (4, 0.000_368)]
    {
        for step in BTreeSet::from([-step, step]) {
            let share = inner.iter().filter(|d| **d == step).count() as f64 / inner.len() as f64;
            assert_share(&format!("change by {step}"), share, probability, inner.len());
        }
    }

    // Only what was clamped is 100, so the next value tells the step itself, by the normal
    // distribution: up or not at all with 1/2, then down by up to 1, 2, 3.
    let top: Vec<i32> = load.steps(HOSTS).filter(|(v, _)| *v == 100).map(|(_, w)| w).collect();
    assert!(top.len() > 1_000, "{}", top.len());
    for (value, probability) in [(100, 0.5), (99, 0.341_34), (98, 0.135_91), (97, 0.021_40)] {
        let share = top.iter().filter(|v| **v == value).count() as f64 / top.len() as f64;
        assert_share(&format!("{value} after 100"), share, probability, top.len());
    }
    // A walk is clamped at 0 as it is at 100, and the values from 0 to 1 join those.
    let share = |value: i32| {
        let found = load.rows.iter().flatten().filter(|v| **v == value).count();
        found as f64 / (load.rows.len() * FIELDS.len()) as f64
    };
    let (bottom, top, middle) = (share(0), share(100), share(50));
    println!("shares of 0, 50, 100: {bottom:.4} {middle:.4} {top:.4}");
    assert!((0.012..0.021).contains(&bottom) && (0.004..0.0075).contains(&top));
}

#[test]
fn ours_has_the_form_and_the_distributions() {
    check_distributions(&Load::of(&ours(), HOSTS));
}

#[test]
fn theirs_has_the_same_form_and_the_same_distributions() {
    let Some(text) = theirs() else { return };
    check_distributions(&Load::of(&text, HOSTS));
}

#[test]
fn tags_take_the_same_values() {
    // So many hosts that every value occurs.
    let hosts = 5_000;
    let ours = generated(CpuOnlyOptions { seed: 1, hosts, hours: 1 }, 1);
    let ours = Load::of(&ours, hosts).values();
    assert_eq!((ours["hostname"].len(), ours["rack"].len()), (hosts, 100));
    let Some(text) = theirs() else { return };
    let theirs = Load::of(&text, HOSTS).values();
    assert!(ours.keys().eq(theirs.keys()));
    for (name, values) in &theirs {
        // A hundred hosts have a hundred names, and not all racks.
        match name.as_str() {
            "hostname" | "rack" => assert!(values.is_subset(&ours[name]), "{name}"),
            _ => assert_eq!(*values, ours[name], "{name}"),
        }
    }
}
