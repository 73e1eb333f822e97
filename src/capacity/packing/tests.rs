//! Promises of packings: the worked example, and what holds for every one.

use proptest::prelude::*;

use super::*;
use crate::kernel::Random;
use crate::model::limits::{PACKING_ITEMS_MAX, PACKING_ZONES_MAX};

fn item(name: &str, demand: &[f64]) -> Item {
    Item { name: name.to_owned(), demand: demand.to_vec(), group: None }
}

fn replica(group: &str, demand: &[f64]) -> Item {
    Item { group: Some(group.to_owned()), ..item(group, demand) }
}

fn shape(name: &str, capacity: &[f64], price: f64) -> Shape {
    Shape { name: name.to_owned(), capacity: capacity.to_vec(), price }
}

fn problem(items: Vec<Item>, shapes: Vec<Shape>, rules: Rules) -> Problem {
    let names = ["cpu", "memory", "disk"].map(str::to_owned);
    let resources = names[..shapes[0].capacity.len()].to_vec();
    Problem::new(resources, items, shapes, rules).unwrap()
}

const EXACT: PackOptions = PackOptions { exact: true, nodes_max: 2_000_000 };

/// Fails unless every item is placed once, and every bin keeps every rule.
fn check(problem: &Problem, packing: &Packing) {
    let mut placed: Vec<usize> = packing.bins.iter().flat_map(|bin| bin.items.clone()).collect();
    placed.sort_unstable();
    assert_eq!(placed, (0..problem.items().len()).collect::<Vec<_>>());
    let mut replicas = std::collections::BTreeMap::new();
    for bin in &packing.bins {
        assert!(!bin.items.is_empty() && bin.zone < problem.rules().zones);
        for (at, usable) in problem.usable(bin.shape).iter().enumerate() {
            let load: f64 = bin.items.iter().map(|item| problem.demand(*item)[at]).sum();
            assert!(load <= usable * (1.0 + 2.0 * ROUNDING), "{load} in {usable}");
            assert!((load - bin.load[at]).abs() <= 1e-9 * (1.0 + load));
        }
        let mut groups: Vec<usize> =
            bin.items.iter().filter_map(|item| problem.group(*item)).collect();
        for group in &groups {
            *replicas.entry((*group, bin.zone)).or_insert(0) += 1;
        }
        let count = groups.len();
        groups.sort_unstable();
        groups.dedup();
        assert_eq!(groups.len(), count, "replicas share a bin");
    }
    for ((group, zone), count) in replicas {
        assert!(count <= problem.zone_max(group), "{count} replicas of {group} in {zone}");
    }
    let cost: f64 = packing.bins.iter().map(|bin| problem.shapes()[bin.shape].price).sum();
    assert!((cost - packing.cost).abs() < 1e-9);
    assert!(packing.cost >= packing.lower_bound.cost * (1.0 - 1e-9), "{packing:?}");
    assert!(packing.bins.len() >= packing.lower_bound.bins, "{packing:?}");
}

/// The least cost of all packings, by placing each item everywhere.
fn least_cost(problem: &Problem, bins: &mut bins::Bins<'_>, at: usize, best: &mut f64) {
    if bins.cost() >= *best {
        return;
    }
    if at == problem.items().len() {
        *best = bins.cost();
        return;
    }
    for bin in 0..bins.all().len() {
        if bins.fits(bin, at) {
            let load = bins.all()[bin].load.clone();
            bins.put(bin, at);
            least_cost(problem, bins, at + 1, best);
            bins.take(bin, &load);
        }
    }
    let cost = bins.cost();
    for shape in 0..problem.shapes().len() {
        for zone in 0..problem.rules().zones {
            if bins.fits_new(shape, zone, at) {
                let bin = bins.open(shape, zone);
                let load = bins.all()[bin].load.clone();
                bins.put(bin, at);
                least_cost(problem, bins, at + 1, best);
                bins.take(bin, &load);
                bins.close(cost);
            }
        }
    }
}

#[test]
fn four_of_each_kind_take_four_bins() {
    // capacity.md, feature 21: optimum 4 bins = lower bound, whatever the order.
    let kinds = [[0.6, 0.1], [0.1, 0.6], [0.3, 0.3]];
    let mut items: Vec<Item> = kinds.iter().flat_map(|demand| vec![item("i", demand); 4]).collect();
    let mut random = Random::new(21);
    for _ in 0..20 {
        let problem = problem(items.clone(), vec![shape("h", &[1.0, 1.0], 1.0)], Rules::default());
        let packing = pack(&problem, EXACT).unwrap();
        check(&problem, &packing);
        assert_eq!((packing.bins.len(), packing.cost), (4, 4.0));
        let bound = packing.lower_bound;
        assert_eq!((bound.bins, bound.cost, bound.reason), (4, 4.0, BoundReason::Sum(0)));
        assert!(packing.proven && packing.gap() == 0.0 && packing.gap_share() == 0.0);
        for used in packing.used_shares(&problem) {
            assert!((used.unwrap() - 1.0).abs() < 1e-12);
        }
        for at in (1..items.len()).rev() {
            items.swap(at, random.below(at + 1));
        }
    }
}

#[test]
fn four_guests_strand_half_of_a_host_s_memory() {
    // capacity.md, feature 21: 32 cores and 128 GiB, four of 8 cores and 16 GiB.
    let host = shape("host", &[32.0, 128.0], 1.0);
    let problem = problem(vec![item("vm", &[8.0, 16.0]); 4], vec![host], Rules::default());
    let packing = pack(&problem, PackOptions::default()).unwrap();
    assert_eq!(packing.bins.len(), 1);
    let stranding = packing.stranded(&problem, &[8.0, 16.0]).unwrap();
    assert_eq!(
        (&stranding.stranded[..], &stranding.shares[..]),
        (&[0.0, 64.0][..], &[0.0, 0.5][..])
    );
}

#[test]
fn bounds_are_as_good_as_their_reasons() {
    let bound = |demands: &[[f64; 2]]| {
        let items = demands.iter().map(|demand| item("i", demand)).collect();
        let problem = problem(items, vec![shape("h", &[1.0, 1.0], 1.0)], Rules::default());
        bounds::lower_bound(&problem)
    };
    // No two of 0.6 go together.
    let large = bound(&[[0.6, 0.0]; 3]);
    assert_eq!((large.bins, large.reason), (3, BoundReason::Large(0)));
    // Five of just over a third: two to a bin.
    let thirds = bound(&[[0.34, 0.0]; 5]);
    assert_eq!((thirds.bins, thirds.reason), (3, BoundReason::Dual(0)));
    // Each pair is too much of one resource or the other; no resource alone says more than two.
    let mixed = bound(&[[0.55, 0.3], [0.46, 0.56], [0.1, 0.75]]);
    assert_eq!((mixed.bins, mixed.reason), (3, BoundReason::Apart));
    let none = bound(&[]);
    assert_eq!((none.bins, none.cost), (0, 0.0));
}

#[test]
fn replicas_share_no_bin_and_are_spread_over_zones() {
    let mut items = vec![replica("db", &[1.0, 1.0]); 5];
    items.extend(vec![replica("web", &[1.0, 1.0]); 3]);
    items.extend(vec![item("job", &[1.0, 1.0]); 2]);
    let shapes = vec![shape("h", &[16.0, 16.0], 1.0)];
    for zones in 1..4 {
        let rules = Rules { zones, ..Rules::default() };
        let problem = problem(items.clone(), shapes.clone(), rules);
        for how in [PackOptions::default(), EXACT] {
            let packing = pack(&problem, how).unwrap();
            check(&problem, &packing);
            assert_eq!(packing.bins.len(), 5);
            assert_eq!(packing.lower_bound.reason, BoundReason::Apart);
            assert!(packing.proven);
        }
    }
}

#[test]
fn a_reserve_is_kept_free_in_every_bin() {
    let items = vec![item("vm", &[7.5, 16.0]); 4];
    let shapes = vec![shape("host", &[32.0, 128.0], 1.0)];
    let problem = problem(items, shapes, Rules { reserve: 0.1, zones: 1 });
    let packing = pack(&problem, PackOptions::default()).unwrap();
    check(&problem, &packing);
    // 28.8 cores hold three; all four take 30.
    assert_eq!((packing.bins.len(), packing.lower_bound.bins), (2, 2));
}

#[test]
fn the_cheapest_mix_of_shapes_is_found() {
    // Large hosts are cheaper by the core; a small one takes the rest.
    let shapes = vec![shape("small", &[8.0, 32.0], 3.0), shape("large", &[32.0, 128.0], 10.0)];
    let problem = problem(vec![item("vm", &[4.0, 8.0]); 10], shapes, Rules::default());
    let packing = pack(&problem, EXACT).unwrap();
    check(&problem, &packing);
    assert_eq!(packing.cost, 13.0);
    assert!(packing.proven, "{packing:?}");
    let mut of: Vec<usize> = packing.bins.iter().map(|bin| bin.shape).collect();
    of.sort_unstable();
    assert_eq!(of, [0, 1]);
}

#[test]
fn what_fits_nowhere_is_named_with_the_reason() {
    let refused = |items: Vec<Item>, shapes: Vec<Shape>, reserve: f64| {
        let resources = vec!["cpu".to_owned(), "memory".to_owned()];
        let rules = Rules { reserve, ..Rules::default() };
        Problem::new(resources, items, shapes, rules).unwrap_err().to_string()
    };
    let host = || vec![shape("host", &[32.0, 128.0], 1.0)];
    let items = vec![item("vm-1", &[30.0, 16.0]), item("vm-2", &[1.0, 1.0])];
    assert_eq!(
        refused(items, host(), 0.25),
        "vm-1 needs 30 of cpu, and no shape has more than 24 to use: give a larger shape, a \
         smaller reserve, or leave them out"
    );
    let two = vec![shape("a", &[8.0, 1.0], 1.0), shape("b", &[1.0, 8.0], 1.0)];
    let why = refused(vec![item("vm", &[8.0, 8.0])], two, 0.0);
    assert!(why.starts_with("vm fits into no single shape, though each resource"), "{why}");
    let why = refused(vec![item("vm", &[64.0, 1.0]); 7], host(), 0.0);
    assert!(why.contains("; and 2 items more"), "{why}");
    for (items, shapes, reserve) in [
        (vec![item("vm", &[1.0])], host(), 0.0),
        (vec![item("vm", &[1.0, f64::NAN])], host(), 0.0),
        (vec![item("vm", &[1.0, -1.0])], host(), 0.0),
        (vec![], vec![], 0.0),
        (vec![], vec![shape("h", &[1.0, 1.0], 0.0)], 0.0),
        (vec![], host(), 1.0),
        (vec![item("vm", &[1.0, 1.0]); PACKING_ITEMS_MAX + 1], host(), 0.0),
    ] {
        refused(items, shapes, reserve);
    }
    for zones in [0, PACKING_ZONES_MAX + 1, usize::MAX] {
        let rules = Rules { zones, ..Rules::default() };
        let resources = vec!["cpu".to_owned(), "memory".to_owned()];
        let why = Problem::new(resources, vec![], host(), rules).unwrap_err().to_string();
        assert!(why.contains("1 to 256 zones"), "{why}");
    }
}

#[test]
fn a_search_is_for_few_items_and_gives_up_in_time() {
    let mut random = Random::new(5);
    let items = |count: usize, random: &mut Random| -> Vec<Item> {
        let demand =
            |random: &mut Random| [0.1 + 0.3 * random.uniform(), 0.1 + 0.3 * random.uniform()];
        (0..count).map(|_| item("i", &demand(random))).collect()
    };
    let shapes = || vec![shape("h", &[1.0, 1.0], 1.0)];
    let many = problem(items(200, &mut random), shapes(), Rules::default());
    let why = pack(&many, EXACT).unwrap_err().to_string();
    assert!(why.contains("an exact packing is 200"), "{why}");
    check(&many, &pack(&many, PackOptions::default()).unwrap());
    let some = problem(items(60, &mut random), shapes(), Rules::default());
    let packing = pack(&some, PackOptions { exact: true, nodes_max: 1_000 }).unwrap();
    check(&some, &packing);
    assert!(packing.nodes <= 1_000);
    assert_eq!(pack(&some, EXACT).unwrap(), pack(&some, EXACT).unwrap());
}

#[test]
fn the_search_finds_what_quick_rules_miss() {
    // Full hosts, each cut into three items: as many hosts are enough, and hard to find again.
    const HOSTS: usize = 6;
    let mut random = Random::new(7);
    let mut missed = 0;
    for _ in 0..20 {
        let mut items = Vec::new();
        for _ in 0..HOSTS {
            // Whole numbers, so that sums are exact.
            let mut cut = || {
                let first = 20 + random.below(30);
                let second = 20 + random.below(80 - first - 20);
                [first, second, 100 - first - second].map(|part| part as f64)
            };
            let (cpu, memory) = (cut(), cut());
            items.extend(cpu.iter().zip(memory).map(|(cpu, memory)| item("i", &[*cpu, memory])));
        }
        items.sort_by(|a, b| a.demand[0].total_cmp(&b.demand[0]));
        let problem = problem(items, vec![shape("h", &[100.0, 100.0], 1.0)], Rules::default());
        missed += usize::from(pack(&problem, PackOptions::default()).unwrap().bins.len() > HOSTS);
        let packing = pack(&problem, EXACT).unwrap();
        check(&problem, &packing);
        assert!(packing.bins.len() == HOSTS && packing.proven, "{} nodes", packing.nodes);
    }
    assert!(missed > 5, "{missed}");
}

#[test]
fn nothing_takes_no_bin() {
    let none = problem(vec![], vec![shape("h", &[1.0], 1.0)], Rules::default());
    let packing = pack(&none, EXACT).unwrap();
    assert_eq!((packing.bins.len(), packing.cost, packing.proven), (0, 0.0, true));
    assert_eq!(packing.used_shares(&none), [None]);
    // Items of nothing share a bin, and a shape without a resource takes what needs none of it.
    let free = vec![item("a", &[0.0, 1.0]), item("b", &[0.0, 1.0])];
    let problem = problem(free, vec![shape("h", &[0.0, 2.0], 1.0)], Rules::default());
    assert_eq!(pack(&problem, EXACT).unwrap().bins.len(), 1);
}

fn any_problem() -> impl Strategy<Value = Problem> {
    let amount = || prop_oneof![0.0..1.0_f64, (1..10_u8).prop_map(|tenth| f64::from(tenth) / 10.0)];
    let group = prop_oneof![3 => Just(None), 1 => (0..2_u8).prop_map(Some)];
    let item = (prop::collection::vec(amount(), 2), group);
    let shapes = prop::collection::vec((1.0..2.0_f64, 1.0..2.0_f64, 1..5_u8), 0..2);
    (prop::collection::vec(item, 0..8), shapes, 1..3_usize).prop_map(|(items, more, zones)| {
        let items = items.into_iter().map(|(demand, group)| Item {
            name: "i".to_owned(),
            demand,
            group: group.map(|group| group.to_string()),
        });
        let mut shapes = vec![shape("h", &[1.0, 1.0], 2.0)];
        let more = more.into_iter();
        shapes.extend(more.map(|(cpu, memory, price)| shape("m", &[cpu, memory], price.into())));
        problem(items.collect(), shapes, Rules { zones, ..Rules::default() })
    })
}

proptest! {
    #[test]
    fn packings_keep_every_rule_and_the_search_finds_the_best(problem in any_problem()) {
        let quick = pack(&problem, PackOptions::default()).unwrap();
        check(&problem, &quick);
        let exact = pack(&problem, EXACT).unwrap();
        check(&problem, &exact);
        let mut best = f64::INFINITY;
        least_cost(&problem, &mut bins::Bins::new(&problem), 0, &mut best);
        prop_assert!(exact.proven);
        prop_assert!((exact.cost - best).abs() < 1e-9, "{} but {best}", exact.cost);
        prop_assert!(exact.lower_bound.cost <= best * (1.0 + 1e-9));
        prop_assert!(quick.cost >= best - 1e-9);
        prop_assert!(!quick.proven || (quick.cost - best).abs() < 1e-9);
    }

    #[test]
    fn larger_packings_keep_every_rule(
        demands in prop::collection::vec(prop::collection::vec(0.0..0.9_f64, 3), 0..120),
        reserve in 0.0..0.1_f64,
    ) {
        let items = demands.iter().map(|demand| item("i", demand)).collect();
        let shapes = vec![shape("h", &[1.0, 1.0, 1.0], 1.0), shape("g", &[2.0, 1.5, 3.0], 1.9)];
        let problem = problem(items, shapes, Rules { reserve, ..Rules::default() });
        check(&problem, &pack(&problem, PackOptions::default()).unwrap());
    }
}
