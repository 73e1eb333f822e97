//! Worked examples of failover, and rules against trying every set.

use proptest::prelude::*;

use super::*;
use crate::capacity::queueing::{OpenQueue, ResponseTarget, highest_utilisation};

fn host(index: usize, capacity: f64, used: f64, zone: usize) -> Host {
    let (zone, rack) = (format!("zone {zone}"), format!("rack {}", index % 2));
    Host { name: format!("host {index}"), capacity, used, zone, rack }
}

#[test]
fn survivors_take_over_by_arithmetic() {
    // capacity.md, feature 10.
    let four = Failover::new(4, 1).unwrap();
    assert!((four.used_share_after(0.8) - 1.066_667).abs() < 5e-7);
    assert_eq!(four.most_lost(0.75, 1.0), Some(1));
    assert_eq!(four.most_lost(0.8, 1.0), Some(0));
    assert_eq!(four.most_lost(1.1, 1.0), None);
    assert_eq!(four.most_lost(0.0, 1.0), Some(3));
    let twelve = Failover::new(12, 2).unwrap();
    assert!((twelve.highest_used_share(1.0) - 0.833_3).abs() < 5e-5);
    assert!(Failover::new(3, 3).is_err());
    assert!(Failover::new(0, 0).is_err());
    assert!(Failover::new(usize::MAX, 1).is_err());
}

#[test]
fn survivors_must_answer_in_time_as_well() {
    // capacity.md, 2.6 and feature 10: Gunther's note on N+1 (2014), recomputed exactly.
    let full = OpenQueue::new(3.0, 1.0, 4).unwrap().long_run().steady().unwrap();
    assert!((full.means.response_mean_s - 1.509_43).abs() < 5e-6);
    let failover = Failover::new(4, 1).unwrap();
    for (times, utilisation) in [(1.45, 0.501_51), (1.509_43, 0.516_49)] {
        let target = ResponseTarget::Mean { times };
        let found = failover.highest_utilisation(target, 1).unwrap();
        assert!((found - utilisation).abs() < 5e-6, "{times}: {found}");
    }
    let bare = failover.highest_utilisation(ResponseTarget::Mean { times: 1.0 }, 1);
    assert!(bare.unwrap_err().to_string().contains("out of reach"));
}

#[test]
fn we_differ_from_the_heuristic_and_why() {
    // capacity.md, 2.6: 1 / (1 - u^m) gives 1.46286 where M/M/4 at 75% is 1.50943 exactly.
    assert!((heuristic_response_times(4, 0.75) - 1.462_86).abs() < 5e-6);
    // It is exact for one and two servers, and too low for every other number.
    for servers in 1..=20_usize {
        for utilisation in [0.3, 0.75, 0.95] {
            let rate = utilisation * servers as f64;
            let queue = OpenQueue::new(rate, 1.0, servers).unwrap().long_run().steady().unwrap();
            let exact = queue.means.response_mean_s;
            let heuristic = heuristic_response_times(servers, utilisation);
            if servers <= 2 {
                assert!((heuristic / exact - 1.0).abs() < 1e-12);
            } else {
                assert!(heuristic < exact, "{servers} {utilisation}: {heuristic} {exact}");
            }
        }
    }
}

#[test]
fn several_servers_per_host_fail_together() {
    let target = ResponseTarget::Mean { times: 1.5 };
    let found = Failover::new(4, 1).unwrap().highest_utilisation(target, 8).unwrap();
    assert!((found - 0.75 * highest_utilisation(24, target).unwrap()).abs() < 1e-12);
}

#[test]
fn every_set_is_tried_where_there_are_few() {
    let hosts = (0..6).map(|index| host(index, 10.0 + index as f64, 5.0, index % 2)).collect();
    let fleet = Fleet::new(hosts).unwrap();
    let worst = fleet.worst_loss(2, Spread::Free).unwrap();
    assert_eq!((worst.loss.hosts.as_slice(), worst.sets_tried), ([4, 5].as_slice(), Some(15)));
    assert!(!worst.loss.holds(0.5) && worst.loss.holds(0.9));
    assert!(fleet.worst_loss(7, Spread::Free).is_err());
    // All lost: there is work and nobody for it.
    assert_eq!(fleet.worst_loss(6, Spread::ByCapacity).unwrap().loss.used_share, None);
    assert!(fleet.worst_loss(0, Spread::Free).unwrap().loss.hosts.is_empty());
}

#[test]
fn a_large_fleet_follows_the_rule() {
    let hosts = (0..2000).map(|index| {
        host(index, 50.0 + (index * 37 % 101) as f64, (index * 53 % 47) as f64, index % 9)
    });
    let fleet = Fleet::new(hosts.collect()).unwrap();
    for spread in [Spread::Free, Spread::WithinZone, Spread::ByCapacity] {
        let worst = fleet.worst_loss(5, spread).unwrap();
        assert_eq!((worst.sets_tried, worst.loss.hosts.len()), (None, 5));
    }
}

#[test]
fn a_zone_or_a_rack_is_lost_whole() {
    let hosts = vec![
        host(0, 10.0, 6.0, 0),
        host(1, 10.0, 6.0, 0),
        host(2, 10.0, 6.0, 1),
        host(3, 30.0, 6.0, 1),
        host(4, 20.0, 6.0, 2),
    ];
    let fleet = Fleet::new(hosts).unwrap();
    let zones = fleet.group_losses(Place::Zone, Spread::Free);
    // 30 of work: zone 1 takes 40 of 80 away.
    assert_eq!((zones[0].zone.as_str(), zones[0].loss.used_share), ("zone 1", Some(0.75)));
    assert_eq!(zones.len(), 3);
    // A rack is one of its zone.
    let racks = fleet.group_losses(Place::Rack, Spread::Free);
    assert_eq!(racks.len(), 5);
    assert_eq!((racks[0].rack.as_deref(), &racks[0].loss.hosts), (Some("rack 1"), &vec![3]));
    // Work that may not leave its zone has nowhere to go.
    let pinned = fleet.group_losses(Place::Zone, Spread::WithinZone);
    assert!(pinned.iter().all(|group| group.loss.used_share.is_none()));
}

#[test]
fn hosts_that_cannot_be_are_refused() {
    assert!(Fleet::new(Vec::new()).is_err());
    for (capacity, used) in [(0.0, 0.0), (-1.0, 0.0), (1.0, -1.0), (f64::NAN, 0.0), (1.0, f64::NAN)]
    {
        assert!(Fleet::new(vec![host(0, capacity, used, 0)]).is_err());
    }
}

proptest! {
    #[test]
    fn rules_find_what_trying_every_set_finds(
        hosts in prop::collection::vec((1_u32..40, 0_u32..40, 0_usize..3), 1..9),
        count in 0_usize..9,
    ) {
        let all = hosts.iter().enumerate().map(|(index, (capacity, used, zone))| {
            host(index, f64::from(*capacity), f64::from(*used), *zone)
        });
        let fleet = Fleet::new(all.collect()).unwrap();
        let count = count.min(hosts.len());
        for spread in [Spread::Free, Spread::WithinZone, Spread::ByCapacity] {
            let tried = fleet.worst_loss(count, spread).unwrap();
            prop_assert!(tried.sets_tried.is_some());
            let ruled = fleet.worst_by_rule(count, spread).unwrap();
            prop_assert_eq!(ruled.hosts.len(), count);
            match (tried.loss.used_share, ruled.used_share) {
                (Some(tried), Some(ruled)) => {
                    prop_assert!((tried - ruled).abs() <= 1e-12 * tried.max(1.0), "{spread:?}");
                }
                (tried, ruled) => prop_assert_eq!(tried, ruled, "{:?}", spread),
            }
        }
    }
}

#[test]
fn what_is_exactly_on_the_line_is_carried() {
    let mut tried = 0;
    for (hosts, lost, tenths) in
        (2..=13).flat_map(|n| (1..=3).flat_map(move |k| (6..=10).map(move |line| (n, k, line))))
    {
        // Thousandths that are exact: so full, the survivors are full to the line.
        let thousandths = 100 * tenths * (hosts - lost.min(hosts - 1));
        if lost >= hosts || thousandths % hosts != 0 {
            continue;
        }
        tried += 1;
        let used = (thousandths / hosts) as f64 / 1_000.0;
        let line = tenths as f64 / 10.0;
        let failover = Failover::new(hosts, lost).unwrap();
        assert!(failover.holds(used, line), "{hosts} hosts, {lost} lost, {line}");
        assert!(!failover.holds(used + 1e-6, line));
        assert_eq!(failover.most_lost(used, line), Some(lost), "{hosts} hosts, {line}");
        let host = |at: usize| Host {
            name: at.to_string(),
            capacity: 10.0,
            used: 10.0 * used,
            zone: String::new(),
            rack: String::new(),
        };
        let fleet = Fleet::new((0..hosts).map(host).collect()).unwrap();
        assert!(fleet.worst_loss(lost, Spread::Free).unwrap().loss.holds(line));
    }
    assert!(tried > 50, "{tried}");
}
