//! Worked examples of queueing theory, and every model against a plainer one.

use proptest::prelude::*;

use super::*;

fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "found {found}, expected {expected}");
}

fn queue(rate: f64, service_s: f64, servers: usize) -> SteadyQueue {
    OpenQueue::new(rate, service_s, servers).unwrap().long_run().steady().unwrap()
}

#[test]
fn erlangs_values() {
    // capacity.md, 2.6; the digits that it prints.
    close(erlang_b(10, 5.0).unwrap(), 0.018_384_6, 5e-8);
    close(erlang_c(10, 8.0).unwrap().unwrap(), 0.409_180_2, 5e-8);
    close(erlang_c(4, 3.0).unwrap().unwrap(), 0.509_434_0, 5e-8);
    // Our own, by the same recursion in decimals of 40 digits.
    let loss = erlang_b(100_000, 99_999.0).unwrap();
    close(loss / 0.002_512_551_988_894_287_2, 1.0, 1e-12);
    let delay = erlang_c(100_000, 99_999.0).unwrap().unwrap();
    close(delay / 0.996_045_681_564_410_5, 1.0, 1e-12);
    assert_eq!(erlang_c(3, 0.0).unwrap(), Some(0.0));
    assert_eq!(erlang_b(1_000, 1e-9).unwrap(), 0.0);
    assert_eq!(erlang_c(3, 3.0).unwrap(), None);
    for (servers, offered) in [(0, 1.0), (1, -1.0), (1, f64::NAN), (1, f64::INFINITY)] {
        assert!(erlang_b(servers, offered).is_err() && erlang_c(servers, offered).is_err());
    }
}

#[test]
fn open_queues_of_the_pdq_demos() {
    // capacity.md, 2.6: examples that come with PDQ, recomputed.
    let one = queue(75.0, 0.01, 1).means;
    close(one.utilisation, 0.75, 1e-12);
    close(one.response_mean_s, 0.04, 1e-12);
    close(one.present_mean, 3.0, 1e-12);
    let three = queue(2.0, 1.0, 3).means;
    close(three.wait_probability, 4.0 / 9.0, 1e-12);
    close(three.response_mean_s, 13.0 / 9.0, 1e-12);
    close(three.present_mean, 2.888_89, 5e-6);
    // The spam farm: 2,376 mails an hour, 6 s each, 4 processors.
    let farm = queue(2_376.0 / 3_600.0, 6.0, 4).means;
    close(farm.utilisation, 0.99, 1e-12);
    close(farm.wait_probability, 0.977_905, 5e-7);
    close(farm.response_mean_s, 152.686, 5e-4);
    close(farm.present_mean, 100.773, 5e-4);
    close(farm.response_mean_s / 6.0, 25.45, 5e-3);
}

#[test]
fn percentiles_of_the_wait() {
    // capacity.md, 2.6: 8 servers, 6 of them busy.
    let queue = queue(6.0, 1.0, 8);
    close(queue.means.wait_probability, 0.356_981, 5e-7);
    close(queue.means.wait_mean_s, 0.178_491, 5e-7);
    close(queue.wait_quantile_s(0.95).unwrap(), 0.982_830, 5e-7);
    close(queue.wait_quantile_s(0.99).unwrap(), 1.787_549, 5e-7);
    assert_eq!(queue.wait_quantile_s(0.5).unwrap(), 0.0);
    for level in [0.0, 1.0, -0.5, f64::NAN] {
        assert!(queue.wait_quantile_s(level).is_err());
        assert!(queue.response_quantile_s(level).is_err());
    }
}

#[test]
fn saturated_queues_say_what_they_would_bear() {
    let LongRun::Saturated(limit) = OpenQueue::new(9.0, 0.5, 3).unwrap().long_run() else {
        panic!("it settles")
    };
    assert_eq!((limit.utilisation, limit.arrival_rate_max_per_s), (1.5, 6.0));
    assert_eq!(OpenQueue::new(6.0, 0.5, 3).unwrap().long_run().steady(), None);
    assert_eq!(GeneralService::new(2.0, 0.5, 3.0).unwrap().long_run().steady(), None);
    assert_eq!(FixedService::new(2.0, 0.5).unwrap().long_run().steady(), None);
    for (rate, service_s) in [(-1.0, 1.0), (1.0, 0.0), (1.0, f64::NAN), (f64::INFINITY, 1.0)] {
        assert!(OpenQueue::new(rate, service_s, 1).is_err(), "{rate} {service_s}");
    }
}

#[test]
fn fixed_service_waits_half_as_long() {
    // capacity.md, feature 11.
    for utilisation in [0.1, 0.5, 0.9, 0.99] {
        let random = queue(utilisation, 1.0, 1).means.wait_mean_s;
        let state = FixedService::new(utilisation, 1.0).unwrap().long_run().steady().unwrap();
        close(state.means.wait_mean_s * 2.0, random, 1e-12 * random);
        // The distribution has that mean: the integral of what is over.
        let step = 0.01;
        let over = |at: usize| state.wait_over((at as f64 + 0.5) * step).unwrap();
        let mean: f64 = (0..if utilisation > 0.9 { 0 } else { 12_000 }).map(over).sum();
        if mean > 0.0 {
            close(mean * step / state.means.wait_mean_s, 1.0, 1e-4);
        }
        for level in [0.5, 0.95, 0.999] {
            let wait_s = state.wait_quantile_s(level).unwrap();
            let over = state.wait_over(wait_s).unwrap();
            assert!(over <= 1.0 - level + 1e-9, "{utilisation} {level}: {over}");
            if wait_s > 0.0 {
                close(over, 1.0 - level, 1e-9);
            }
        }
    }
    // In the first service the law is known in closed form: (1 - u) exp(u t) (Erlang 1909).
    let state = FixedService::new(0.6, 1.0).unwrap().long_run().steady().unwrap();
    close(state.wait_over(0.7).unwrap(), 1.0 - 0.4 * (0.6_f64 * 0.7).exp(), 1e-12);
    // In the second: (1 - u) (exp(u t) - u (t - 1) exp(u (t - 1))).
    let second = 0.4 * ((0.6_f64 * 1.7).exp() - 0.6 * 0.7 * (0.6_f64 * 0.7).exp());
    close(state.wait_over(1.7).unwrap(), 1.0 - second, 1e-12);
    let slow = FixedService::new(1.0 - 1e-9, 1.0).unwrap().long_run().steady().unwrap();
    assert!(slow.wait_quantile_s(0.99).unwrap_err().to_string().contains("limit"));
}

#[test]
fn general_service_is_between_and_beyond() {
    let with = |variation| {
        let state = GeneralService::new(8.0, 0.1, variation).unwrap().long_run().steady();
        state.unwrap().wait_mean_s
    };
    close(with(1.0), queue(8.0, 0.1, 1).means.wait_mean_s, 1e-12);
    close(with(2.0), 2.5 * with(1.0), 1e-12);
}

#[test]
fn a_finite_population() {
    // capacity.md, 2.6: M/M/1//100, Z = 300 s, S = 0.63 s.
    let means = FinitePopulation::new(100, 300.0, 0.63, 1).unwrap().steady().means;
    close(means.throughput_per_s, 0.332_453, 5e-7);
    close(means.response_mean_s, 0.794_260, 5e-7);
    // Printed there as .209446; recomputed in decimals of 60 digits it is just under the half.
    close(means.utilisation, 0.209_445_486_312_475_7, 1e-12);
    // Nobody thinks: all are always there.
    let busy = FinitePopulation::new(7, 0.0, 2.0, 3).unwrap().steady();
    close(busy.means.throughput_per_s, 1.5, 1e-12);
    close(busy.means.response_mean_s, 7.0 / 1.5, 1e-12);
    assert_eq!(busy.means.wait_probability, 1.0);
    // As many servers as customers: nobody waits.
    let free = FinitePopulation::new(3, 1.0, 2.0, 3).unwrap().steady();
    close(free.means.throughput_per_s, 1.0, 1e-12);
    assert_eq!((free.means.wait_probability, free.wait_quantile_s(0.99).unwrap()), (0.0, 0.0));
    assert!(FinitePopulation::new(0, 1.0, 1.0, 1).is_err());
    assert!(FinitePopulation::new(usize::MAX, 1.0, 1.0, 1).is_err());
}

#[test]
fn a_large_population_is_as_good_as_endless() {
    // 1,000,000 that ask every 100,000 s each, of 12 servers for 1 s.
    let finite = FinitePopulation::new(1_000_000, 1e5, 1.0, 12).unwrap().steady();
    let open = queue(10.0, 1.0, 12);
    close(finite.means.wait_mean_s / open.means.wait_mean_s, 1.0, 2e-3);
    let (p95, endless) =
        (finite.wait_quantile_s(0.95).unwrap(), open.wait_quantile_s(0.95).unwrap());
    close(p95 / endless, 1.0, 2e-3);
}

#[test]
fn waits_of_a_population_follow_their_mean() {
    let state = FinitePopulation::new(20, 5.0, 1.0, 3).unwrap().steady();
    let step = 0.01;
    let mean: f64 = (0..6_000).map(|at| state.wait_over((f64::from(at) + 0.5) * step)).sum();
    close(mean * step, state.means.wait_mean_s, 1e-4);
    close(state.wait_over(0.0), state.means.wait_probability, 1e-12);
    let wait_s = state.wait_quantile_s(0.9).unwrap();
    close(state.wait_over(wait_s), 0.1, 1e-9);
}

#[test]
fn a_stream_over_a_fast_and_a_slow_server() {
    // capacity.md, 2.6, with the inputs of PDQ's demonstration "diskoptim": a request every 6 ms,
    // disks of 5 and 15 ms, shares tried in steps of 0.01 from 0.65 on.
    let disks = TwoServers::new(1.0 / 0.006, 0.005, 0.015).unwrap();
    let steady = |share: f64| disks.split(share).unwrap().steady();
    let tried = (65..100).filter_map(|hundredths| steady(f64::from(hundredths) / 100.0));
    let least = tried.min_by(|a, b| a.response_mean_s.total_cmp(&b.response_mean_s)).unwrap();
    assert_eq!(least.fast_share, 0.82);
    close(least.response_mean_s, 0.017_856_5, 5e-8);
    let best = disks.best().unwrap().steady().unwrap();
    assert!((best.fast_share - 0.82).abs() < 0.005);
    assert!(best.response_mean_s <= least.response_mean_s);
    for away in [-1e-4, 1e-4] {
        assert!(steady(best.fast_share + away).unwrap().response_mean_s > best.response_mean_s);
    }
    // A slow server that is no help gets nothing; two that are too slow say so.
    let idle = TwoServers::new(1.0, 0.01, 1.0).unwrap().best().unwrap().steady().unwrap();
    assert_eq!((idle.fast_share, idle.slow_utilisation), (1.0, 0.0));
    let LongRun::Saturated(limit) = TwoServers::new(300.0, 0.005, 0.015).unwrap().best().unwrap()
    else {
        panic!("it settles")
    };
    close(limit.arrival_rate_max_per_s, 200.0 + 1.0 / 0.015, 1e-9);
    assert!(TwoServers::new(1.0, 0.2, 0.1).is_err() && disks.split(1.5).is_err());
}

#[test]
fn staffing_by_quality_of_service() {
    // capacity.md, feature 12.
    for (offered, most, servers) in [
        (100.0, 0.2, 111),
        (100.0, 0.01, 125),
        (1000.0, 0.2, 1034),
        (10.0, 0.01, 19),
        (50.0, 0.05, 64),
    ] {
        let found = least_servers(offered, 1.0, WaitTarget::Probability(most)).unwrap();
        assert_eq!(found.servers, servers, "{offered} {most}");
        assert!(found.queue.means.wait_probability <= most);
        let fewer = erlang_c(servers - 1, offered).unwrap();
        assert!(fewer.is_none_or(|probability| probability > most));
    }
}

#[test]
fn the_square_root_rule_and_what_it_gets_wrong() {
    // capacity.md, 2.4: the factors of Netflix's capacity model, whose comments say 0.2 and 0.3 for
    // the last two.
    for (factor, probability) in
        [(2.375, 0.010_0), (1.761, 0.047_6), (1.16, 0.166_7), (1.0, 0.223_4)]
    {
        close(square_root_wait_probability(factor), probability, 5e-5);
        close(square_root_factor(square_root_wait_probability(factor)).unwrap(), factor, 1e-9);
    }
    // For small loads the rule's limit is not there yet: it takes too few.
    let small = least_servers(10.0, 1.0, WaitTarget::Probability(0.01)).unwrap();
    assert_eq!((small.servers, small.rule_servers), (19, 18));
    assert!(small.rule_queue.unwrap().means.wait_probability > 0.01);
    let large = least_servers(1e5, 1.0, WaitTarget::Probability(0.2)).unwrap();
    assert!(large.servers.abs_diff(large.rule_servers) <= 1);
    assert_eq!(least_servers(0.0, 1.0, WaitTarget::MeanS(0.1)).unwrap().servers, 1);
    for target in [
        WaitTarget::Probability(0.0),
        WaitTarget::Probability(1.0),
        WaitTarget::MeanS(0.0),
        WaitTarget::Over { time_s: -1.0, probability: 0.5 },
    ] {
        assert!(least_servers(1.0, 1.0, target).is_err(), "{target:?}");
    }
    let many = least_servers(1e9, 1.0, WaitTarget::Probability(0.2)).unwrap_err().to_string();
    assert!(many.contains("limit of 1000000"), "{many}");
}

#[test]
fn headroom_by_wait_probability() {
    // capacity.md, 2.4: exact, and the fit 0.712 / c^0.448 of Netflix's capacity model, which is
    // too small below 8 and 8% to 10% too large above 64.
    for (servers, exact, fit) in [
        (4, 0.390_0, 0.382_6),
        (8, 0.282_0, 0.280_5),
        (16, 0.202_2, 0.205_6),
        (32, 0.144_2, 0.150_7),
        (64, 0.102_5, 0.110_5),
        (96, 0.083_9, 0.092_1),
    ] {
        close(1.0 - highest_utilisation_by_wait(servers, 0.3).unwrap(), exact, 5e-5);
        close(0.712 / (servers as f64).powf(0.448), fit, 5e-5);
    }
}

#[test]
fn the_knee_is_a_target() {
    // capacity.md, 2.6 and feature 14.
    let mean = [
        (1, 0.333_33, 0.5),
        (2, 0.577_35, std::f64::consts::FRAC_1_SQRT_2),
        // Printed there as .83486; recomputed in decimals of 60 digits it is .834854945.
        (4, 0.747_43, 0.834_854_945),
        (8, 0.854_25, 0.909_17),
        (16, 0.918_02, 0.950_99),
        (64, 0.975_60, 0.986_36),
    ];
    for (servers, half_more, double) in mean {
        for (times, utilisation) in [(1.5, half_more), (2.0, double)] {
            let target = ResponseTarget::Mean { times };
            close(highest_utilisation(servers, target).unwrap(), utilisation, 5e-6);
        }
    }
    // Of M/M/1 responses are exponential: P95 is 3 times the mean.
    let p95 = ResponseTarget::Quantile { level: 0.95, times: -2.0 * 0.05_f64.ln() };
    close(highest_utilisation(1, p95).unwrap(), 0.5, 1e-9);
    let why = highest_utilisation(4, ResponseTarget::Quantile { level: 0.95, times: 2.9 });
    assert!(why.unwrap_err().to_string().contains("idle servers take 2.995732"));
    assert!(highest_utilisation(4, ResponseTarget::Mean { times: 1.0 }).is_err());
}

fn single(name: &str) -> Station {
    Station { name: name.into(), kind: StationKind::Queue { servers: 1 } }
}

fn work(items: &[(f64, f64)]) -> Vec<Work> {
    items
        .iter()
        .map(|(visits, service_s)| Work { visits: *visits, service_s: *service_s })
        .collect()
}

fn open(name: &str, arrival_rate_per_s: f64, items: &[(f64, f64)]) -> OpenClass {
    OpenClass { name: name.into(), arrival_rate_per_s, work: work(items) }
}

fn closed(population: usize, think_s: f64, demands: &[f64]) -> ClosedClass {
    let items: Vec<(f64, f64)> = demands.iter().map(|demand| (1.0, *demand)).collect();
    ClosedClass { name: "class".into(), population, think_s, work: work(&items) }
}

#[test]
fn two_open_classes() {
    // capacity.md, 2.6; the inputs are those of Lazowska and others (Quantitative System
    // Performance, 1984), section 7.2: class A, and a class B that shares processor and disk with
    // it.
    let stations = [single("processor"), single("disk")];
    let classes = [
        open("A", 3.0 / 19.0, &[(10.0, 0.1), (9.0, 1.0 / 3.0)]),
        open("B", 2.0 / 19.0, &[(5.0, 0.4), (4.0, 1.0)]),
    ];
    let solved = solve_open(&stations, &classes).unwrap().steady().unwrap();
    let processor = solved.classes[0].visits[0];
    close(processor.throughput_per_s, 1.578_9, 5e-5);
    close(processor.utilisation.unwrap(), 0.157_89, 5e-6);
    close(processor.residence_s, 1.583_33, 5e-6);
    close(processor.present_mean, 0.25, 1e-12);
    close(solved.classes[0].response_mean_s, 30.083_33, 5e-6);
    close(solved.stations[1].utilisation.unwrap(), 17.0 / 19.0, 1e-12);
}

#[test]
fn the_passport_office() {
    // capacity.md, 2.6; routing, times and 15 applicants an hour as in PDQ's demonstration
    // "passport": from window 1 30% go to 2 and 70% to 3, from 2 20% to 3, from 3 10% to 2, the
    // others on to 4. (Older copies of it take 16 an hour, or 15.36.)
    let routing = [
        vec![0.0, 0.3, 0.7, 0.0],
        vec![0.0, 0.0, 0.2, 0.8],
        vec![0.0, 0.1, 0.0, 0.9],
        vec![0.0; 4],
    ];
    let visits = visits(&[1.0, 0.0, 0.0, 0.0], &routing).unwrap();
    close(visits[1], 0.377_551, 5e-7);
    close(visits[2], 0.775_510, 5e-7);
    close(visits[3], 1.0, 1e-12);
    let stations = ["1", "2", "3", "4"].map(single);
    let times = [20.0, 600.0, 300.0, 60.0];
    let items: Vec<(f64, f64)> = visits.into_iter().zip(times).collect();
    let class = open("applicant", 15.0 / 3_600.0, &items);
    let solved = solve_open(&stations, &[class]).unwrap().steady().unwrap();
    let busy = [(0.083_33, 5e-6), (0.943_878, 5e-7), (0.969_388, 5e-7), (0.25, 1e-12)];
    for (station, (utilisation, tolerance)) in solved.stations.iter().zip(busy) {
        close(station.utilisation.unwrap(), utilisation, tolerance);
    }
    close(solved.classes[0].response_mean_s, 11_738.18, 5e-3);
}

#[test]
fn a_saturated_network_names_its_bottleneck() {
    let class = open("all", 5.0, &[(1.0, 0.1), (2.0, 0.15)]);
    let LongRun::Saturated(limit) = solve_open(&[single("a"), single("b")], &[class]).unwrap()
    else {
        panic!("it settles")
    };
    assert_eq!((limit.station, limit.utilisation), (1, 1.5));
    close(limit.rate_factor_max, 2.0 / 3.0, 1e-12);
}

#[test]
fn open_stations_of_several_servers() {
    let station = Station { name: "pool".into(), kind: StationKind::Queue { servers: 4 } };
    let delay = Station { name: "line".into(), kind: StationKind::Delay };
    let class = open("mail", 0.66, &[(1.0, 6.0), (1.0, 2.5)]);
    let solved = solve_open(&[station, delay], &[class]).unwrap().steady().unwrap();
    close(solved.classes[0].visits[0].residence_s, queue(0.66, 6.0, 4).means.response_mean_s, 1e-9);
    close(solved.classes[0].visits[1].residence_s, 2.5, 1e-12);
    assert_eq!(solved.stations[1].utilisation, None);
}

#[test]
fn three_closed_classes() {
    // capacity.md, 2.6: Allen (1990), example 6.3.4, with the demands of his table 6.3.2 as PDQ's
    // demonstration "allen" has them: two classes at terminals, and a batch.
    let stations = ["1", "2", "3"].map(single);
    let classes = [
        closed(5, 20.0, &[0.50, 0.04, 0.06]),
        closed(10, 30.0, &[0.40, 0.20, 0.30]),
        closed(5, 0.0, &[1.20, 0.05, 0.06]),
    ];
    let solved = solve_closed(&stations, &classes).unwrap();
    for (class, (throughput, response)) in
        solved.classes.iter().zip([(0.2100, 3.8121), (0.2980, 3.5574), (0.6465, 7.7338)])
    {
        close(class.throughput_per_s, throughput, 5e-5);
        close(class.response_mean_s, response, 5e-5);
    }
    for (station, (utilisation, present, tolerance)) in solved.stations.iter().zip([
        (0.999_999_6, 6.586_66, 5e-8),
        (0.100_324, 0.111_109, 5e-7),
        (0.140_788, 0.162_784, 5e-7),
    ]) {
        close(station.utilisation.unwrap(), utilisation, tolerance);
        close(station.present_mean, present, if present > 1.0 { 5e-6 } else { 5e-7 });
    }
}

#[test]
fn closed_networks_have_their_limits() {
    let station = [single("a")];
    let many = [closed(100_000, 1.0, &[0.1]), closed(100_000, 1.0, &[0.1])];
    let why = solve_closed(&station, &many).unwrap_err().to_string();
    assert!(why.contains("join classes that are alike"), "{why}");
    assert!(solve_closed(&station, &[closed(usize::MAX, 1.0, &[0.1])]).is_err());
    assert!(solve_closed(&station, &[closed(1, 0.0, &[0.0])]).is_err());
    assert!(solve_closed(&station, &[closed(1, 1.0, &[])]).is_err());
    assert!(solve_closed(&[], &[]).is_err());
    let nobody = solve_closed(&station, &[closed(0, 1.0, &[0.1])]).unwrap();
    assert_eq!(nobody.classes[0].throughput_per_s, 0.0);
}

#[test]
fn a_closed_station_of_several_servers_is_a_finite_population() {
    for (population, think_s, servers) in
        [(30, 10.0, 3), (200, 1.0, 8), (1_000, 2.0, 16), (5, 0.0, 2)]
    {
        let kind = StationKind::Queue { servers };
        let station = [Station { name: "pool".into(), kind }];
        let solved = solve_closed(&station, &[closed(population, think_s, &[0.7])]).unwrap();
        let exact = FinitePopulation::new(population, think_s, 0.7, servers).unwrap().steady();
        let found = solved.classes[0].throughput_per_s;
        close(found / exact.means.throughput_per_s, 1.0, 1e-10);
        close(solved.classes[0].response_mean_s / exact.means.response_mean_s, 1.0, 1e-9);
    }
}

/// The same network by adding up all states: product form, every state's weight, and its sums.
fn by_states(stations: &[Station], classes: &[ClosedClass]) -> Vec<f64> {
    let constant = |populations: &[usize]| -> f64 {
        // The weight of all ways to place the jobs, station by station, thought as the last.
        fn place(stations: &[Station], classes: &[ClosedClass], left: &[usize], at: usize) -> f64 {
            let factorial = |n: usize| (1..=n).map(|n| n as f64).product::<f64>();
            if at == stations.len() {
                let each = classes.iter().zip(left);
                return each
                    .map(|(class, jobs)| class.think_s.powi(*jobs as i32) / factorial(*jobs))
                    .product();
            }
            let mut sum = 0.0;
            let mut here = vec![0; left.len()];
            loop {
                let jobs: usize = here.iter().sum();
                let mut weight: f64 = here
                    .iter()
                    .zip(classes)
                    .map(|(n, class)| class.work[at].demand_s().powi(*n as i32) / factorial(*n))
                    .product();
                if let StationKind::Queue { servers } = stations[at].kind {
                    weight *= factorial(jobs);
                    weight /= (1..=jobs).map(|n| n.min(servers) as f64).product::<f64>();
                }
                let rest: Vec<usize> = left.iter().zip(&here).map(|(a, b)| a - b).collect();
                sum += weight * place(stations, classes, &rest, at + 1);
                let Some(next) = (0..here.len()).find(|class| here[*class] < left[*class]) else {
                    return sum;
                };
                here[next] += 1;
                here[..next].fill(0);
            }
        }
        place(stations, classes, populations, 0)
    };
    let full: Vec<usize> = classes.iter().map(|class| class.population).collect();
    let whole = constant(&full);
    let without = |class: usize| {
        let mut fewer = full.clone();
        fewer[class] -= 1;
        constant(&fewer) / whole
    };
    (0..classes.len()).map(without).collect()
}

#[test]
fn long_waits_of_a_population_take_no_more_than_short_ones() {
    let state = FinitePopulation::new(100, 300.0, 0.63, 4).unwrap().steady();
    let overs: Vec<f64> = [0.0, 1.0, 100.0, 1e5, 1e12, 1e16, 1e300, f64::INFINITY]
        .map(|time_s| state.wait_over(time_s))
        .to_vec();
    assert!(overs.is_sorted_by(|a, b| a >= b), "{overs:?}");
    assert!(overs[2] < 1e-50 && overs[7] == 0.0, "{overs:?}");
    assert!(state.wait_over(f64::NAN).is_nan());
    // A service that is over at once leaves nobody waiting.
    let state = FinitePopulation::new(50, 0.0, 1e-15, 4).unwrap().steady();
    assert_eq!(state.wait_over(1e10), 0.0);
}

proptest! {
    #[test]
    fn mean_value_analysis_agrees_with_adding_up_all_states(
        servers in prop::collection::vec(0_usize..4, 1..4),
        classes in prop::collection::vec(
            (1_usize..4, 0_u8..3, prop::collection::vec(0_u8..5, 3)), 1..3),
    ) {
        let station = |servers: &usize| match servers {
            0 => Station { name: "delay".into(), kind: StationKind::Delay },
            _ => Station { name: "queue".into(), kind: StationKind::Queue { servers: *servers } },
        };
        let stations: Vec<Station> = servers.iter().map(station).collect();
        let classes: Vec<ClosedClass> = classes.iter().map(|(population, think, demands)| {
            let demands: Vec<f64> =
                demands.iter().take(stations.len()).map(|d| f64::from(*d) / 2.0).collect();
            closed(*population, f64::from(*think), &demands)
        }).collect();
        let idle = |class: &ClosedClass| {
            class.think_s + class.work.iter().map(Work::demand_s).sum::<f64>() == 0.0
        };
        prop_assume!(!classes.iter().any(idle));
        let solved = solve_closed(&stations, &classes).unwrap();
        for (class, expected) in solved.classes.iter().zip(by_states(&stations, &classes)) {
            prop_assert!((class.throughput_per_s / expected - 1.0).abs() < 1e-9);
        }
        let jobs: f64 = solved.classes.iter().zip(&classes)
            .map(|(class, input)| class.present_mean + class.throughput_per_s * input.think_s)
            .sum();
        let total: usize = classes.iter().map(|class| class.population).sum();
        prop_assert!((jobs - total as f64).abs() < 1e-9);
    }

    #[test]
    fn erlangs_recursion_agrees_with_the_sums(servers in 1_usize..20, share in 0.01_f64..0.99) {
        let offered = share * servers as f64;
        let term = |n: usize| (1..=n).map(|n| offered / n as f64).product::<f64>();
        let sum: f64 = (0..servers).map(term).sum();
        let last = term(servers);
        let waits = last / (1.0 - share);
        let found = erlang_b(servers, offered).unwrap();
        prop_assert!((found / (last / (sum + last)) - 1.0).abs() < 1e-12);
        let found = erlang_c(servers, offered).unwrap().unwrap();
        prop_assert!((found / (waits / (sum + waits)) - 1.0).abs() < 1e-10);
    }

    #[test]
    fn responses_are_waits_and_services(
        servers in 1_usize..9, share in 0.01_f64..0.99, time in 0.01_f64..9.0,
    ) {
        let state = queue(share * servers as f64, 1.0, servers);
        // P(R > t) = P(W > t) + the integral over waits of the density times exp(-(t - w)).
        let cells = 4_000;
        let width = time / f64::from(cells);
        let gain = servers as f64 * (1.0 - share);
        let density = |wait: f64| gain * state.wait_over(wait) * (wait - time).exp();
        let sum: f64 = (0..cells).map(|at| density((f64::from(at) + 0.5) * width)).sum();
        let none = (1.0 - state.means.wait_probability) * (-time).exp();
        let expected = state.wait_over(time) + sum * width + none;
        prop_assert!((state.response_over(time) - expected).abs() < 1e-5);
        let median = state.response_quantile_s(0.5).unwrap();
        prop_assert!((state.response_over(median) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn fewer_servers_never_do(offered in 0.0_f64..80.0, which in 0_u8..3, most in 0.001_f64..0.9) {
        let target = match which {
            0 => WaitTarget::Probability(most),
            1 => WaitTarget::MeanS(most),
            _ => WaitTarget::Over { time_s: 0.3, probability: most },
        };
        let met = |servers: usize| {
            let run = OpenQueue::new(offered, 1.0, servers).unwrap().long_run();
            run.steady().is_some_and(|state| match target {
                WaitTarget::Probability(most) => state.means.wait_probability <= most,
                WaitTarget::MeanS(most) => state.means.wait_mean_s <= most,
                WaitTarget::Over { time_s, probability } => state.wait_over(time_s) <= probability,
            })
        };
        let found = least_servers(offered, 1.0, target).unwrap();
        let plain = (1..1_000).find(|servers| met(*servers)).unwrap();
        prop_assert_eq!(found.servers, plain);
    }
}
