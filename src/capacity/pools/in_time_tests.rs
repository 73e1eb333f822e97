//! Answers in time after a failure, by the arithmetic of queues.

use super::in_time::InTime;
use super::{FailureReport, PoolFailure};
use crate::capacity::queueing::{ResponseTarget, highest_utilisation};
use crate::capacity::testing::start;
use crate::capacity::{KnownHost, Planner, Study, Table};
use crate::model::{Frame, Labels, Span};

/// Hosts of one pool: zone, limit and use of each.
type Hosts<'a> = &'a [(&'a str, f64, f64)];

/// What the failures of these hosts come to, and how many could leave.
fn failures(hosts: Hosts<'_>, failover: &str) -> (FailureReport, usize) {
    let text = format!(
        "[study]\nstep = \"1h\"\n\
         [[resource]]\nname = \"cpu\"\nusage = \"c\"\nlimit = \"l\"\nunit = \"cores\"\n\
         safety_margin = 0.1\n\
         [[group]]\nname = \"service\"\nby = [\"service\"]\npool = true\n\
         [failover]\nresources = [\"cpu\"]\n{failover}"
    );
    let study = Study::parse(&text, "study.toml").unwrap();
    let labels = |pairs: &[(&str, &str)]| Labels::from_pairs(pairs.iter().copied()).unwrap();
    let name = |at: usize| format!("h{at}");
    let known = hosts.iter().enumerate().map(|(at, (zone, ..))| KnownHost {
        labels: labels(&[("host", &name(at)), ("service", "web"), ("zone", zone)]),
        price_per_month: None,
    });
    let steps = 24 * 30;
    let end = start().plus(Span::from_days(30));
    let mut planner = Planner::new(&study, end).unwrap().with_hosts(known);
    let names: Vec<Labels> = (0..hosts.len()).map(|at| labels(&[("host", &name(at))])).collect();
    let repeat = |value: f64| std::iter::repeat_n(value, steps);
    let used = hosts.iter().flat_map(|(_, _, used)| repeat(*used)).collect();
    let limits = hosts.iter().map(|(_, limit, _)| *limit).collect();
    let usage = Frame::new(start(), Span::HOUR, steps, names.clone(), used).unwrap();
    let limit = Frame::new(start(), Span::DAY, 1, names, limits).unwrap();
    planner.add(Table { resource: 0, group: None }, &usage, Some(&limit)).unwrap();
    let sum = |of: &dyn Fn(&(&str, f64, f64)) -> f64| hosts.iter().map(of).sum::<f64>();
    let web = || vec![labels(&[("service", "web")])];
    let used = repeat(sum(&|host| host.2)).collect();
    let usage = Frame::new(start(), Span::HOUR, steps, web(), used).unwrap();
    let limit = Frame::new(start(), Span::DAY, 1, web(), vec![sum(&|host| host.1)]).unwrap();
    planner.add(Table { resource: 0, group: Some(0) }, &usage, Some(&limit)).unwrap();
    let pools = planner.finish().pools.unwrap();
    let leaving = pools.leaves.first().map_or(0, |leave| leave.leaving.len());
    (pools.failures, leaving)
}

fn only(report: &FailureReport) -> (&PoolFailure, InTime) {
    let [failure] = &report.failures[..] else { panic!("{report:?}") };
    (failure, failure.in_time.unwrap())
}

fn knee(servers: usize, times: f64) -> f64 {
    highest_utilisation(servers, ResponseTarget::Mean { times }).unwrap()
}

#[test]
fn four_hosts_that_lose_one_may_be_half_full() {
    // capacity.md, feature 10: 4 hosts of 1 server, one lost, 1.45 service times: .50151 before.
    let rule = "lose = [\"1 host\"]\nresponse_times_max = 1.45\n";
    let (report, _) = failures(&[("a", 8.0, 4.0); 4], rule);
    let (failure, found) = only(&report);
    assert!((found.utilisation_before_max.unwrap() - 0.501_51).abs() < 5e-6, "{found:?}");
    assert!((found.utilisation_max.unwrap() - 0.501_51 / 0.75).abs() < 1e-5);
    // 16 of 24 cores, of the limits and not of the lines.
    assert!((found.utilisation.unwrap() - 2.0 / 3.0).abs() < 1e-12);
    assert!(found.holds() && failure.is_survived());
    // A little more, and they have room but do not answer in time.
    let (report, _) = failures(&[("a", 8.0, 4.02); 4], rule);
    let (failure, found) = only(&report);
    assert!(failure.holds() && !found.holds() && !failure.is_survived());
    assert_eq!((found.servers, found.response_times_max), (3, 1.45));
}

#[test]
fn spare_hosts_and_those_that_leave_answer_in_time() {
    let hosts = [("a", 8.0, 2.0); 10];
    let rule = |more: &str| format!("lose = [\"1 host\"]\n{more}");
    let spare = |more: &str| {
        let (report, leaving) = failures(&hosts, &rule(more));
        (report.spare[0].1, leaving)
    };
    // 20 of 10 times 7.2: three carry it, and one of four may be lost, so six may leave.
    assert_eq!(spare(""), (7, 6));
    // With 1.1 service times of one server each: five are busy to 0.5, and may be to
    // knee(5, 1.1) = 0.5966..; four to 0.625, and may be to knee(4, 1.1) = 0.5436..
    assert!(knee(5, 1.1) > 0.5 && knee(4, 1.1) < 0.625);
    assert_eq!(spare("response_times_max = 1.1\n"), (5, 4));
    // Of eight servers each, four are 32 and may be busier than that.
    assert!(knee(32, 1.1) > 0.625 && knee(24, 1.1) > 20.0 / 24.0);
    let cores = "response_times_max = 1.1\nservers_per_host = \"cpu\"\n";
    assert_eq!(spare(cores), spare("response_times_max = 1.1\nservers_per_host = 8\n"));
    assert_eq!(spare(cores), (7, 6));
}

#[test]
fn unequal_hosts_are_as_many_servers_as_the_smallest() {
    let hosts = [("a", 16.0, 4.0), ("a", 8.5, 3.0), ("a", 8.5, 3.0), ("b", 12.0, 2.0)];
    let rule = "lose = [\"1 host\"]\nresponse_times_max = 1.2\nservers_per_host = \"cpu\"\n";
    let (report, _) = failures(&hosts, rule);
    let (_, found) = only(&report);
    // The largest is lost: 12 of 29 cores, three hosts of 8 servers.
    assert_eq!((found.servers, found.utilisation_max), (24, Some(knee(24, 1.2))));
    assert!((found.utilisation.unwrap() - 12.0 / 29.0).abs() < 1e-12);
    // With zones of their own the one host of b is lost with all its work.
    let zones = format!("{rule}spread = \"within_zone\"\n");
    let (report, _) = failures(&hosts, &zones);
    let (_, found) = only(&report);
    assert_eq!((found.utilisation, found.utilisation_max, found.holds()), (None, None, false));
    // By capacity the fullest is its own queue: 3 of 8.5, and of the 2 of 12 lost, or the 4 of 16.
    let (report, _) = failures(&hosts, &format!("{rule}spread = \"by_capacity\"\n"));
    let (_, found) = only(&report);
    assert!((found.utilisation.unwrap() - (3.0 / 8.5 + 4.0 / 29.0)).abs() < 1e-12);
    assert_eq!((found.servers, found.utilisation_max), (8, Some(knee(8, 1.2))));
}

#[test]
fn the_zone_that_answers_slowest_counts() {
    // The large zone is the fuller one after a loss, the small one the slower.
    let mut hosts = vec![("a", 8.0, 6.0); 10];
    hosts.extend([("b", 8.0, 3.8); 3]);
    let rule = "lose = [\"1 host\"]\nresponse_times_max = 1.3\nspread = \"within_zone\"\n";
    let (report, _) = failures(&hosts, rule);
    let (failure, found) = only(&report);
    assert!((failure.used_share.unwrap() - 60.0 / (9.0 * 7.2)).abs() < 1e-12);
    assert_eq!(found.servers, 2);
    assert!((found.utilisation.unwrap() - 11.4 / 16.0).abs() < 1e-12);
    assert!(failure.holds() && !failure.is_survived());
}

#[test]
fn a_study_that_does_not_ask_is_not_told() {
    let (report, _) = failures(&[("a", 8.0, 4.0); 4], "lose = [\"1 host\"]\n");
    assert_eq!(report.failures[0].in_time, None);
    assert!(report.failures[0].is_survived());
}
