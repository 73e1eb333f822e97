//! The fleet as its sinks see it.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::model::{Labels, Unit};

/// Keeps all samples, in the order in which they came.
#[derive(Debug, Default, PartialEq)]
struct Memory {
    labels: Vec<Labels>,
    units: Vec<String>,
    columns: BTreeMap<SeriesId, Vec<(i64, f64)>>,
    largest_group: usize,
}

impl Sink for Memory {
    fn series(&mut self, labels: &Labels, unit: Option<&Unit>) -> Result<SeriesId> {
        assert!(!self.labels.contains(labels), "{labels} named twice");
        self.labels.push(labels.clone());
        self.units.push(unit.unwrap().to_string());
        Ok(SeriesId(self.labels.len() as u32 - 1))
    }

    fn group(&mut self, group: &Group) -> Result<()> {
        group.check()?;
        self.largest_group = self.largest_group.max(group.samples());
        for (at, id) in group.series.iter().enumerate() {
            let rows = group.times.iter().copied().zip(group.column(at).iter().copied());
            self.columns.entry(*id).or_default().extend(rows);
        }
        Ok(())
    }
}

impl Memory {
    fn column(&self, metric: &str) -> &[(i64, f64)] {
        let at = self.labels.iter().position(|labels| labels.metric() == metric).unwrap();
        &self.columns[&SeriesId(at as u32)]
    }
}

fn fleet(seed: u64, hosts: usize) -> Fleet {
    println!("seed {seed}");
    Fleet::new(FleetOptions { seed, hosts, ..FleetOptions::default() }).unwrap()
}

fn written(fleet: &Fleet, host: &Host) -> Memory {
    let mut memory = Memory::default();
    fleet.write_host(host.index, &mut memory).unwrap();
    memory
}

fn of_role(fleet: &Fleet, role: Role) -> impl Iterator<Item = &Host> {
    fleet.hosts().iter().filter(move |host| host.role == role)
}

#[test]
fn the_same_options_make_the_same_fleet() {
    let options = FleetOptions { hosts: 14, days: 20, ..FleetOptions::default() };
    let write = |options| {
        let mut memory = Memory::default();
        Fleet::new(options).unwrap().write(&mut memory).unwrap();
        memory
    };
    assert_eq!(write(options), write(options));
    let other = write(FleetOptions { seed: 2, ..options });
    assert_ne!(write(options).columns, other.columns);
    // A host does not depend on who wrote before it.
    let fleet = Fleet::new(options).unwrap();
    let alone = written(&fleet, &fleet.hosts()[9]);
    let labels = fleet.hosts()[9].labels("cpu_usage").unwrap();
    let all = write(options);
    let at = all.labels.iter().position(|l| *l == labels).unwrap();
    assert_eq!(alone.column("cpu_usage"), all.columns[&SeriesId(at as u32)]);
}

#[test]
fn samples_are_in_range_in_order_and_almost_complete() {
    let fleet = fleet(3, 200);
    let options = fleet.options();
    let start = options.end.minus(Span::from_days(90));
    let (mut late_hosts, mut samples) = (0, 0);
    for host in fleet.hosts().iter().step_by(7) {
        let memory = written(&fleet, host);
        assert!(memory.largest_group <= ROWS_PER_GROUP * (RESOURCES.len() + 1));
        let served = usize::from(host.service == "web" && host.role != Role::Zombie);
        assert_eq!(memory.columns.len(), 5 + 4 + served);
        let axis: Vec<i64> = memory.column("cpu_usage").iter().map(|(at, _)| *at).collect();
        assert!(axis.is_sorted_by(|a, b| a < b), "{}", host.name);
        let first = Timestamp::from_nanos(axis[0]);
        let last = Timestamp::from_nanos(axis[axis.len() - 1]);
        assert!(first >= start && last < options.end, "{}: {first} to {last}", host.name);
        let share = axis.len() as f64 / fleet.scrapes() as f64;
        assert!((0.97..1.0).contains(&share), "{}: {share}", host.name);
        let offsets: BTreeSet<i64> = axis.iter().map(|at| at % 300_000_000_000).collect();
        let expected = [0, 1, 2, 3].map(|second| second * 1_000_000_000);
        assert!(offsets == BTreeSet::from([0]) || offsets == BTreeSet::from(expected));
        late_hosts += usize::from(offsets.len() > 1);
        for resource in &RESOURCES {
            let column = memory.column(resource.usage);
            assert_eq!(column.len(), axis.len());
            assert!(column.iter().all(|(_, value)| *value >= 0.0 && value.is_finite()));
            samples += column.len();
        }
    }
    assert!((2..20).contains(&late_hosts), "{late_hosts} of 29");
    assert!((29 * 5 * 25_400..29 * 5 * 25_920).contains(&samples), "{samples}");
}

#[test]
fn the_counter_falls_only_at_a_reboot_and_carries_the_rate() {
    let fleet = fleet(1, 200);
    let mut resets = 0;
    for host in fleet.hosts().iter().take(20) {
        let memory = written(&fleet, host);
        let column = memory.column("network_transmit_bytes_total");
        let limit = host.limits()[3];
        for two in column.windows(2) {
            let ((from, before), (to, after)) = (two[0], two[1]);
            let seconds = (to - from) as f64 / 1e9;
            if after < before {
                resets += 1;
                assert!(seconds > 300.0, "{}: a reboot loses a scrape", host.name);
            } else {
                // The counter is that of the scrape's nominal instant, up to 3 s earlier.
                assert!(after - before <= limit * (seconds + 3.0), "{}", host.name);
            }
        }
    }
    // 20 hosts, 90 days, a reboot about every 43 days: 42 expected, less for leaking memory.
    assert!((20..65).contains(&resets), "{resets}");
}

#[test]
fn planted_dates_lie_beyond_the_end_and_are_those_of_the_samples() {
    for seed in 0..2 {
        let fleet = fleet(seed, 200);
        let (truth, end) = (fleet.truth(), fleet.options().end);
        let expected = fleet.hosts().iter().filter(|host| host.exhausts().is_some()).count();
        assert_eq!((truth.exhaustion.len(), expected), (26, 26));
        // Every fourth, since a debug build is slow and hosts are independent.
        assert!(truth.exhaustion.iter().all(|planted| planted.date >= end));
        for planted in truth.exhaustion.into_iter().skip(seed as usize).step_by(4) {
            let days = planted.date.since(end).days();
            assert!((0.0..110.0).contains(&days), "{planted:?}: {days}");
            let host = fleet.hosts().iter().find(|host| host.name == planted.host).unwrap();
            // The same host written on beyond the end crosses on that day and not before.
            let mut memory = Memory::default();
            fleet.write_until(host, fleet.calendar.all(), &mut memory).unwrap();
            let which = host.exhausts().unwrap();
            let threshold = host.limits()[which] * (1.0 - RESOURCES[which].safety_margin);
            let column = memory.column(RESOURCES[which].usage);
            let crossing = column.iter().find(|(_, value)| *value >= threshold).unwrap();
            let day = Timestamp::from_nanos(crossing.0).floor(Span::DAY);
            assert_eq!((planted.resource, planted.date), (RESOURCES[which].name, day));
            // And what was written before the end is the beginning of it.
            let past = written(&fleet, host);
            let past = past.column(RESOURCES[which].usage);
            assert_eq!(past, &column[..past.len()]);
        }
    }
}

#[test]
fn nothing_else_is_full_within_the_simulated_future() {
    for seed in 0..4 {
        let fleet = fleet(seed, 200);
        for host in fleet.hosts().iter().skip(seed as usize).step_by(17) {
            for (which, resource) in RESOURCES.iter().enumerate() {
                if host.exhausts() != Some(which) {
                    let found = fleet.first_crossing(host, which, resource.safety_margin);
                    assert_eq!(found, None, "{} {}", host.name, resource.name);
                }
            }
        }
    }
}

#[test]
fn roles_show_in_the_samples() {
    let fleet = fleet(5, 200);
    let shares = |host: &Host, which: usize| {
        let memory = written(&fleet, host);
        let limit = host.limits()[which];
        let column = memory.column(RESOURCES[which].usage);
        let mut shares: Vec<f64> = column.iter().map(|(_, value)| value / limit).collect();
        shares.sort_unstable_by(f64::total_cmp);
        shares
    };
    let top = |shares: &[f64]| shares[shares.len() * 995 / 1_000];
    for host in of_role(&fleet, Role::Zombie) {
        assert!(*shares(host, 0).last().unwrap() < 0.02, "{}", host.name);
    }
    for host in of_role(&fleet, Role::OverProvisioned).step_by(2) {
        let (cpu, memory) = (top(&shares(host, 0)), top(&shares(host, 1)));
        assert!((0.1..0.3).contains(&cpu) && memory < 0.3, "{}: {cpu} {memory}", host.name);
    }
    for host in of_role(&fleet, Role::Healthy).step_by(9) {
        let (cpu, memory) = (shares(host, 0), top(&shares(host, 1)));
        let busy = cpu.iter().filter(|share| **share > 0.05).count() as f64 / cpu.len() as f64;
        assert!(top(&cpu) > 0.42 && memory > 0.5 && busy > 0.2, "{}", host.name);
    }
    for host in of_role(&fleet, Role::RotatingDisk).step_by(5) {
        let disk = shares(host, 2);
        assert!(disk[disk.len() - 1] < 0.85 && disk[disk.len() - 1] - disk[0] > 0.2);
    }
    let host = of_role(&fleet, Role::MonthlyBatch).next().unwrap();
    let cpu = shares(host, 0);
    assert!(cpu[cpu.len() * 95 / 100] < 0.25 && top(&cpu) > 0.45, "{}", host.name);
}

#[test]
fn web_servers_answer_by_the_law_that_the_truth_knows() {
    let fleet = fleet(2, 60);
    let truth = fleet.truth();
    let names: BTreeSet<&String> = truth.laws.iter().map(|(name, _)| name).collect();
    let serves = |host: &&Host| host.service == "web" && host.role != Role::Zombie;
    assert_eq!(names, fleet.hosts().iter().filter(serves).map(|host| &host.name).collect());
    for (name, law) in truth.laws.iter().step_by(5) {
        let host = fleet.hosts().iter().find(|host| host.name == *name).unwrap();
        let memory = written(&fleet, host);
        let (open, total) = (memory.column("connections_open"), memory.column(REQUESTS));
        let mut off = Vec::new();
        for (open, total) in open.windows(2).zip(total.windows(2)) {
            let seconds = (total[1].0 - total[0].0) as f64 / 1e9;
            assert_eq!(open[1].0, total[1].0, "scraped together");
            if seconds == 300.0 && total[1].1 > total[0].1 {
                let rate = (total[1].1 - total[0].1) / seconds;
                off.push(rate / law.throughput(open[1].1) - 1.0);
            }
        }
        let mean = off.iter().sum::<f64>() / off.len() as f64;
        let spread = (off.iter().map(|off| off * off).sum::<f64>() / off.len() as f64).sqrt();
        assert!(mean.abs() < 0.002 && (0.02..0.025).contains(&spread), "{name}: {mean} {spread}");
    }
}

#[test]
fn a_deployment_is_a_step() {
    let fleet = fleet(1, 200);
    let host = fleet.hosts().iter().find(|host| host.service == "api").unwrap();
    let (day, factor) = host.course(0).unwrap().deploy.unwrap();
    let memory = written(&fleet, host);
    let start = fleet.options().end.minus(Span::from_days(90)).nanos();
    let mean = |from: f64, to: f64| {
        let day = |at: &i64| (at - start) as f64 / Span::DAY.nanos() as f64;
        let column = memory.column("cpu_usage").iter();
        let inside: Vec<f64> =
            column.filter(|(at, _)| day(at) >= from && day(at) < to).map(|(_, v)| *v).collect();
        inside.iter().sum::<f64>() / inside.len() as f64
    };
    let ratio = mean(day, day + 14.0) / mean(day - 14.0, day);
    assert!((ratio - factor).abs() < 0.08, "{ratio} for {factor}");
}

#[test]
fn every_host_is_in_one_list() {
    for hosts in [1, 13, 200, 333] {
        let fleet = fleet(9, hosts);
        assert_eq!(fleet.hosts().len(), hosts);
        let truth = fleet.truth();
        let mut names: Vec<&String> = truth.exhaustion.iter().map(|p| &p.host).collect();
        names.extend(truth.zombies.iter().chain(&truth.over_provisioned).chain(&truth.healthy));
        names.sort_unstable();
        let unique = names.windows(2).all(|two| two[0] != two[1]);
        assert!(unique && names.len() == hosts, "{} of {hosts}", names.len());
    }
    let last = |hosts: usize| fleet(9, hosts).hosts().last().unwrap().name.clone();
    assert_eq!(
        [last(200), last(9_999), last(10_000)],
        ["archive-0012", "archive-0599", "archive-00600"]
    );
    let truth = fleet(9, 200).truth();
    assert_eq!((truth.zombies.len(), truth.over_provisioned.len()), (8, 12));
}

#[test]
fn impossible_options_are_refused() {
    let base = FleetOptions::default();
    for options in [
        FleetOptions { hosts: 0, ..base },
        FleetOptions { hosts: 100_001, ..base },
        FleetOptions { days: 6, ..base },
        FleetOptions { days: 3_651, ..base },
        FleetOptions { step: Span::ZERO, ..base },
        FleetOptions { step: Span::from_seconds(7), ..base },
        FleetOptions { step: Span::from_seconds(77), ..base },
        FleetOptions { capacity_step: Span::ZERO, ..base },
        FleetOptions { capacity_step: Span::from_seconds(301), ..base },
        FleetOptions { end: base.end.plus(Span::SECOND), ..base },
        FleetOptions { end: Timestamp::MIN.floor(Span::DAY), ..base },
    ] {
        assert!(Fleet::new(options).is_err(), "{options:?}");
    }
    let fleet = fleet(1, 3);
    assert!(fleet.write_host(3, &mut Memory::default()).is_err());
}

#[test]
fn nothing_is_full_before_a_long_history_ends() {
    for (seed, days) in [(1, 730), (2, 730), (3, 2_000)] {
        let options = FleetOptions { seed, days, ..FleetOptions::default() };
        let fleet = Fleet::new(options).unwrap();
        let planted = fleet.truth().exhaustion;
        assert_eq!(planted.len(), 26);
        for one in planted {
            assert!(one.date >= options.end, "seed {seed}, {days} days: {one:?}");
        }
    }
}
