//! Presets beside each other and over time, against published numbers and simulated workloads.

use proptest::prelude::*;

use super::*;
use crate::model::{Span, Timestamp};

const CORE: Measure = Measure::Native;

fn at(step: Span, count: usize) -> Timestamp {
    Timestamp::from_nanos(step.nanos() * count as i64)
}

fn pod(step: Span, amounts: impl IntoIterator<Item = f64>) -> Vec<UsageSample> {
    let sample = |(count, amount)| UsageSample { time: at(step, count), amount, held_back: 0.0 };
    amounts.into_iter().enumerate().map(sample).collect()
}

fn of(resource: Resource, pods: Vec<Vec<UsageSample>>) -> Usage {
    Usage::new(resource, CORE, pods, vec![]).unwrap()
}

fn request(preset: Preset, usage: &Usage) -> f64 {
    preset.advise(usage, &PresetOptions::default()).unwrap().request.value()
}

/// The recommender's histogram of the processor.
fn vpa_histogram() -> Histogram {
    let buckets = Buckets::exponential(1_000.0, 0.01, 1.05).unwrap();
    Histogram::decaying(buckets, Span::DAY).unwrap()
}

/// How long after a week of one level the recommender's p90 follows another.
fn follows_after(before: f64, then: f64) -> Span {
    let step = Span::from_seconds(10);
    let mut histogram = vpa_histogram();
    let week = (Span::WEEK.nanos() / step.nanos()) as usize;
    for count in 0..week {
        histogram.add(before, 0.1, at(step, count));
    }
    let bucket = histogram.buckets().find(then);
    for count in week.. {
        histogram.add(then, 0.1, at(step, count));
        if histogram.percentile(0.9).unwrap().bucket == bucket {
            return at(step, count + 1).since(at(step, week));
        }
    }
    Span::default()
}

#[test]
fn vpa_follows_a_step_as_derived() {
    // capacity.md, 2.1 (a), to half of the last digit that it prints.
    let up = follows_after(1.0, 4.0).days() * 24.0;
    assert!((up - 3.62).abs() < 0.005, "{up} h");
    let down = follows_after(4.0, 1.0).days();
    assert!((down - 3.31).abs() < 0.005, "{down} d");
}

#[test]
fn vpa_forgets_a_weekly_peak_and_we_do_not() {
    // capacity.md, 2.1 (b): eight days of minutes, a busy one among them that ended `days` ago.
    let p90 = |days: f64| {
        let mut histogram = vpa_histogram();
        let (end, step) = (8 * 1_440, Span::MINUTE);
        let busy_end = end - (days * 1_440.0) as usize;
        for minute in 0..end {
            let busy = (busy_end - 1_440..busy_end).contains(&minute);
            histogram.add(if busy { 4.0 } else { 1.0 }, 0.1, at(step, minute));
        }
        histogram.percentile(0.9).unwrap().value
    };
    assert!(p90(2.325) > 4.0 && p90(2.335) < 1.1, "{} {}", p90(2.325), p90(2.335));

    // One busy day a week for eight weeks; on the day before the next.
    let days = 8 * 7;
    let busy = |step: usize| if (step / 288).is_multiple_of(7) { 4.0 } else { 1.0 };
    let usage = of(Resource::Cpu, vec![pod(Span::from_seconds(300), (0..days * 288).map(busy))]);
    assert!(request(Preset::Vpa, &usage) < 1.3);
    let ours = Preset::Plimsoll.advise(&usage, &PresetOptions::default()).unwrap();
    assert!((ours.request.value() - 4.6).abs() < 1e-12, "{ours:?}");
    // Weeks are alike, however much their days differ.
    assert!((ours.high.unwrap().value() - 4.6).abs() < 1e-12);
}

#[test]
fn an_autoscaler_and_advice_do_not_chase_each_other() {
    // KRR pull request 80. The autoscaler keeps each pod at 80% of its request; the work is given.
    let work = |hour: usize| 10.0 + 5.0 * (hour as f64 / 24.0 * std::f64::consts::TAU).sin();
    let (target, hours) = (0.8, 24 * 14);
    let observed = |request: f64| {
        let mut pods = vec![Vec::new(); 4_000];
        for hour in 0..hours {
            let replicas = (work(hour) / (target * request)).ceil() as usize;
            for pod in &mut pods[..replicas] {
                let amount = work(hour) / replicas as f64;
                pod.push(UsageSample { time: at(Span::HOUR, hour), amount, held_back: 0.0 });
            }
        }
        of(Resource::Cpu, pods)
    };
    let rounds = |options: &PresetOptions, preset: Preset| {
        let mut request = 1.0;
        [(); 6].map(|()| {
            request = preset.advise(&observed(request), options).unwrap().request.value();
            request
        })
    };
    let krr = rounds(&PresetOptions::default(), Preset::Krr);
    for (round, found) in krr.iter().enumerate() {
        let expected = 0.8_f64.powi(round as i32 + 1);
        assert!((found / expected - 1.0).abs() < 0.03, "{krr:?}");
    }
    let mut options = PresetOptions::default();
    options.recurring.autoscaler = Some(Autoscaler { target, replicas: 15.0 });
    let ours = rounds(&options, Preset::Plimsoll);
    // The highest hour takes 15 cores: 15 / 0.8 / 15.
    assert!(ours.iter().all(|found| (found / 1.25 - 1.0).abs() < 0.01), "{ours:?}");
    let bound = ours.iter().all(|found| (found / ours[0] - 1.0).abs() < 1e-9);
    assert!(bound, "{ours:?}");
}

#[test]
fn memory_that_runs_out_is_followed_and_does_not_run_away() {
    // It takes 1,500 MiB at times; what is sampled is cut off at the limit, where it is killed.
    let mut limit = 1_000.0 * MIB;
    let mut advised = Vec::new();
    let (mut samples, mut ooms) = (Vec::new(), Vec::new());
    for day in 0..60 {
        let time = at(Span::DAY, day);
        let amount = limit.min(1_500.0 * MIB);
        samples.push(UsageSample { time, amount, held_back: 0.0 });
        if limit < 1_500.0 * MIB {
            ooms.push(OutOfMemory { time, pod: 0, allowed: limit });
        }
        let pods = vec![samples.clone()];
        let usage = Usage::new(Resource::Memory, CORE, pods, ooms.clone()).unwrap();
        limit = request(Preset::Plimsoll, &usage);
        advised.push((limit / MIB).round());
    }
    assert_eq!(advised[..4], [1_200.0, 1_440.0, 1_728.0, 1_728.0]);
    // When the event is old, what was used counts: 1,500 and 15% more.
    assert_eq!(*advised.last().unwrap(), 1_725.0);

    // The host runs out, not the workload: VPA issue 9521. Its own limit rises with our advice.
    let (mut limit, mut ooms) = (1_000.0 * MIB, Vec::new());
    let used = pod(Span::DAY, vec![1_000.0 * MIB; 30]);
    for sample in &used {
        ooms.push(OutOfMemory { time: sample.time, pod: 0, allowed: limit });
        let pods = vec![used.clone()];
        let usage = Usage::new(Resource::Memory, CORE, pods, ooms.clone()).unwrap();
        let advice = Preset::Plimsoll.advise(&usage, &PresetOptions::default()).unwrap();
        limit = advice.request.value();
        assert!(limit <= 2_000.0 * MIB);
    }
    assert_eq!(limit, 2_000.0 * MIB);
}

#[test]
fn our_bump_is_that_of_vpa() {
    for (allowed, needed) in [(1_000.0, 1_200.0), (1.0, 101.0)] {
        let usage = |times: usize| {
            let used = pod(Span::HOUR, vec![allowed * MIB; times]);
            let oom = |s: &UsageSample| OutOfMemory { time: s.time, pod: 0, allowed: s.amount };
            let ooms = used.iter().map(oom).collect();
            Usage::new(Resource::Memory, CORE, vec![used], ooms).unwrap()
        };
        // Once or ten times.
        for times in [1, 10] {
            assert_eq!(request(Preset::Plimsoll, &usage(times)), needed * MIB);
        }
    }
    let used = pod(Span::HOUR, vec![800.0 * MIB; 120]);
    let ooms = vec![OutOfMemory { time: used[115].time, pod: 0, allowed: 1_000.0 * MIB }];
    let usage = Usage::new(Resource::Memory, CORE, vec![used], ooms).unwrap();
    let advice = |preset: Preset| preset.advise(&usage, &PresetOptions::default()).unwrap();
    assert_eq!(advice(Preset::Krr).request.value(), 1_250.0 * MIB);
    assert_eq!(advice(Preset::Krr).request.without(2), Some(920.0 * MIB));
    assert_eq!(advice(Preset::Crane).request.value(), 1_200.0 * MIB);
    let ours = advice(Preset::Plimsoll).request;
    let step = ours.steps().iter().position(|step| step.kind == StepKind::OutOfMemory).unwrap();
    assert_eq!((ours.value(), ours.without(step)), (1_200.0 * MIB, Some(920.0 * MIB)));
    // In VPA it is a peak like any other, with the margin on top.
    let vpa = advice(Preset::Vpa).request;
    assert!(vpa.without(1).unwrap() < vpa.value());
}

#[test]
fn what_was_held_back_counts_for_what_it_would_have_used() {
    let mut throttled = pod(Span::MINUTE, vec![1.0; 2_880]);
    let free = of(Resource::Cpu, vec![throttled.clone()]);
    for sample in &mut throttled {
        sample.held_back = 0.25;
    }
    let usage = of(Resource::Cpu, vec![throttled.clone()]);
    assert!((request(Preset::Plimsoll, &free) - 1.15).abs() < 1e-12);
    let found = Preset::Plimsoll.advise(&usage, &PresetOptions::default()).unwrap().request;
    assert!((found.value() - 1.15 / 0.75).abs() < 1e-12);
    assert_eq!(found.steps()[1].kind, StepKind::HeldBack);
    assert!((found.without(1).unwrap() - 1.15).abs() < 1e-12);
    // Never above twice the peak, however long it waited.
    for sample in &mut throttled {
        sample.held_back = 0.99;
    }
    assert_eq!(request(Preset::Plimsoll, &of(Resource::Cpu, vec![throttled])), 2.0);
}

#[test]
fn a_range_can_be_used_from_the_first_day_on() {
    // VPA issue 1182: an upper bound that no machine has.
    let noisy = |step: usize| 0.5 + 0.1 * ((step * 7 % 13) as f64 / 13.0);
    for samples in [1, 12, 288, 288 * 3, 288 * 30] {
        let usage = of(Resource::Cpu, vec![pod(Span::from_seconds(300), (0..samples).map(noisy))]);
        let advice = Preset::Plimsoll.advise(&usage, &PresetOptions::default()).unwrap();
        let [low, request, high] =
            [advice.low.unwrap(), advice.request, advice.high.unwrap()].map(|n| n.value());
        assert!(low > 0.5 && low <= request && request <= high, "{low} {request} {high}");
        assert!(high <= 2.0 * usage.peak(), "{samples}: {high}");
        if samples > 288 {
            assert!(high < 1.1 * request, "{samples}: {high}");
        }
    }
}

#[test]
fn krr_takes_the_largest_or_the_merged_percentile() {
    // KRR issue 157, made small: one pod of 24 is busier.
    let pods: Vec<_> = (0..24)
        .map(|at| pod(Span::MINUTE, vec![if at == 0 { 4.672 } else { 3.664 }; 200]))
        .collect();
    let usage = of(Resource::Cpu, pods);
    let forms = [Preset::Krr, Preset::KrrMerged, Preset::KrrLimit].map(|form| {
        let advice = form.advise(&usage, &PresetOptions::default()).unwrap();
        (advice.request.value(), advice.limit.map(|limit| limit.value()))
    });
    assert_eq!(forms, [(4.672, None), (3.664, None), (3.664, Some(4.672))]);

    let memory = of(Resource::Memory, vec![pod(Span::from_seconds(75), vec![1e9; 200])]);
    // 1.15e9 bytes are 1096.725 MiB.
    assert_eq!(request(Preset::Krr, &memory), 1_097.0 * MIB);
    let small = of(Resource::Memory, vec![pod(Span::from_seconds(75), vec![1e6; 200])]);
    assert_eq!(request(Preset::Krr, &small), 100.0 * MIB);
    let idle = of(Resource::Cpu, vec![pod(Span::from_seconds(75), vec![0.000_2; 200])]);
    assert_eq!(request(Preset::Krr, &idle), 0.01);
    for (samples, step) in [(99, Span::HOUR), (100, Span::SECOND)] {
        let few = of(Resource::Cpu, vec![pod(step, vec![1.0; samples])]);
        assert!(Preset::Krr.advise(&few, &PresetOptions::default()).is_err());
    }
}

#[test]
fn krr_grades_what_is_given() {
    let cpu = [0.5, 0.25, 0.1, 0.09].map(|by| Severity::of(Resource::Cpu, 1.0 + by, 1.0).name());
    assert_eq!(cpu, ["CRITICAL", "WARNING", "OK", "GOOD"]);
    let memory = [500.0, 250.0, 100.0, 99.0]
        .map(|mib| Severity::of(Resource::Memory, 1e9, 1e9 + mib * MIB).name());
    assert_eq!(memory, cpu);
    let critical = |of_ten: usize| {
        let mut all = vec![Severity::Critical; of_ten];
        all.resize(10, Severity::Good);
        krr_score(&all).unwrap()
    };
    let found = [8, 7, 5, 4, 3, 2, 1].map(critical);
    let letters: String = found.iter().map(|(_, letter)| *letter).collect();
    assert_eq!(letters, "FDDCBBA");
    assert_eq!(krr_score(&[Severity::Warning]).map(|(score, _)| score.round()), Some(30.0));
    assert_eq!(krr_score(&[]), None);
}

#[test]
fn crane_takes_the_next_shape() {
    // Crane's own test: m of a core, MiB; cores, GiB.
    for (cores, mib, shape) in
        [(0.1, 125.0, (0.25, 256.0)), (0.1, 325.0, (0.25, 512.0)), (0.5, 1_625.0, (1.0, 2_048.0))]
    {
        let found = crane_shape(cores, mib * MIB).unwrap();
        assert_eq!(found, (shape.0, shape.1 * MIB));
    }
    assert_eq!(crane_shape(65.0, 1.0), None);
    assert_eq!(crane_replicas(10.0, 0.5, 5.0).unwrap(), 4);
    assert!(crane_replicas(10.0, 0.0, 5.0).is_err());

    let advice = |resource, amount: f64| {
        let usage = of(resource, vec![pod(Span::from_seconds(300), vec![amount; 2_000])]);
        Preset::Crane.advise(&usage, &PresetOptions::default()).unwrap()
    };
    let (mut cpu, mut memory) =
        (advice(Resource::Cpu, 0.42), advice(Resource::Memory, 1_300.0 * MIB));
    // Buckets of 0.1 core: 0.42 ends at 0.4310125, and 15% more.
    assert!((cpu.request.value() - 0.431_012_5 * 1.15).abs() < 1e-9);
    fit_shape(&mut cpu, &mut memory);
    assert_eq!((cpu.request.value(), memory.request.value()), (1.0, 2_048.0 * MIB));
    assert!((cpu.request.without(2).unwrap() - 0.431_012_5 * 1.15).abs() < 1e-9);
    let (mut large, mut memory) = (advice(Resource::Cpu, 90.0), advice(Resource::Memory, 1e9));
    fit_shape(&mut large, &mut memory);
    assert!(large.request.value() > 64.0 && large.notes.len() == 1);
}

#[test]
fn kubecost_divides_the_peak_by_the_share_to_be_used() {
    let advice = |resource, peaks: &[f64], utilisation| {
        let pods = peaks.iter().map(|peak| pod(Span::HOUR, [0.0, *peak])).collect();
        let options = KubecostOptions { utilisation, ..KubecostOptions::default() };
        options.advise(&of(resource, pods)).unwrap().request.value()
    };
    // Kubecost's documentation.
    assert!((advice(Resource::Cpu, &[0.1], 0.8) - 0.125).abs() < 1e-12);
    assert!((advice(Resource::Cpu, &[1.2], 0.8) - 1.5).abs() < 1e-12);
    // Of each resource the highest of all replicas.
    assert_eq!(advice(Resource::Cpu, &[0.12, 0.8], 1.0), 0.8);
    assert_eq!(advice(Resource::Memory, &[300.0 * MIB, 120.0 * MIB], 1.0), 300.0 * MIB);
    assert_eq!(advice(Resource::Cpu, &[0.001], 0.7), 0.01);
    assert_eq!(advice(Resource::Memory, &[1.0], 0.7), 20.0 * MIB);
    let profiles = [
        KubecostProfile::Development,
        KubecostProfile::Production,
        KubecostProfile::HighAvailability,
    ];
    assert_eq!(profiles.map(|p| (p.utilisation(), p.nodes_min())), [(0.8, 1), (0.65, 2), (0.5, 3)]);
    assert_eq!((with_headroom(2.0, 0.5), with_headroom(12.0, 0.5)), (3.0, 18.0));
    let share = cost_efficiency(&[(0.5, 2.0, 10.0), (0.5, 1.0, 1.0)]).unwrap();
    assert!((share / 0.261_905 - 1.0).abs() < 2e-6);
    assert_eq!(cost_efficiency(&[(0.5, 0.0, 1.0)]), None);
}

#[test]
fn compute_optimizer_adds_headroom_to_a_high_percentile() {
    let ramp = of(Resource::Cpu, vec![pod(Span::from_seconds(300), (0..=1_000).map(f64::from))]);
    for (percentile, headroom, expected) in
        [(0.995, 0.2, 1_194.0), (0.95, 0.3, 1_235.0), (0.9, 0.0, 900.0)]
    {
        let options = ComputeOptimizerOptions {
            percentile,
            cpu_headroom: headroom,
            ..ComputeOptimizerOptions::default()
        };
        let found = options.advise(&ramp).unwrap().request;
        assert!((found.value() - expected).abs() < 1e-9, "{found:?}");
        assert!((found.without(1).unwrap() - percentile * 1_000.0).abs() < 1e-9);
    }
    let short = of(Resource::Cpu, vec![pod(Span::HOUR, vec![1.0; 30])]);
    assert!(Preset::ComputeOptimizer.advise(&short, &PresetOptions::default()).is_err());
}

#[test]
fn other_units_have_no_floor_no_rounding_and_their_own_buckets() {
    let used = pod(Span::from_seconds(300), (0..1_000).map(|at| 1e-9 * f64::from(at % 100 + 1)));
    let usage = Usage::new(Resource::Cpu, Measure::Other, vec![used], vec![]).unwrap();
    for preset in Preset::ALL {
        let advice = preset.advise(&usage, &PresetOptions::default()).unwrap();
        let value = advice.request.value();
        assert!(value > 0.6e-7 && value < 1.5e-7, "{preset:?}: {value}");
        let kinds = advice.request.steps().iter().map(|step| step.kind);
        let bad = [StepKind::Floor, StepKind::Rounding, StepKind::Shape];
        assert!(!kinds.into_iter().any(|kind| bad.contains(&kind)), "{preset:?}");
    }
}

#[test]
fn presets_have_names_that_read() {
    for preset in Preset::ALL {
        assert_eq!(preset.name().parse::<Preset>().unwrap(), preset);
    }
    assert!("goldilocks".parse::<Preset>().is_err());
}

#[test]
fn options_out_of_range_are_refused() {
    let usage = of(Resource::Cpu, vec![pod(Span::HOUR, vec![1.0; 200])]);
    let refused = |edit: &dyn Fn(&mut PresetOptions), preset: Preset| {
        let mut options = PresetOptions::default();
        edit(&mut options);
        assert!(preset.advise(&usage, &options).is_err(), "{preset:?}");
    };
    refused(&|o| o.recurring.peaks_max = 0.5, Preset::Plimsoll);
    refused(&|o| o.recurring.margin = f64::NAN, Preset::Plimsoll);
    let scaler = |target| Some(Autoscaler { target, replicas: 3.0 });
    refused(&|o| o.recurring.autoscaler = scaler(0.0), Preset::Plimsoll);
    refused(&|o| o.vpa.percentile = 90.0, Preset::Vpa);
    refused(&|o| o.krr.percentile = 95.0, Preset::Krr);
    refused(&|o| o.crane.percentile = -1.0, Preset::Crane);
    refused(&|o| o.kubecost.utilisation = 0.0, Preset::Kubecost);
    refused(&|o| o.compute_optimizer.cpu_headroom = -0.1, Preset::ComputeOptimizer);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn our_advice_is_bounded_by_the_peak_and_ordered(
        amounts in prop::collection::vec((0.0..10.0_f64, 0.0..0.999_f64), 1..300),
        hours in 1..24_i64,
        allowed in prop::option::of(0.1..1e4_f64),
        peaks_max in 1.0..4.0_f64,
    ) {
        let samples: Vec<UsageSample> = amounts.iter().enumerate().map(|(count, (amount, held))| {
            let time = Timestamp::from_seconds(3_600 * hours * count as i64);
            UsageSample { time, amount: amount * 1e9, held_back: *held }
        }).collect();
        let time = samples[0].time;
        let oom = |gb: f64| OutOfMemory { time, pod: 0, allowed: gb * 1e9 };
        let ooms = allowed.map(oom).into_iter().collect();
        let usage = Usage::new(Resource::Memory, CORE, vec![samples.clone()], ooms).unwrap();
        let options = RecurringOptions { peaks_max, ..RecurringOptions::default() };
        let advice = options.advise(&usage).unwrap();
        let ceiling = (peaks_max * usage.peak()).max(usage.peak() + 100.0 * MIB);
        let [low, request, high] =
            [advice.low.unwrap(), advice.request.clone(), advice.high.unwrap()].map(|n| n.value());
        prop_assert!(high <= ceiling * (1.0 + 1e-12));
        prop_assert!(low <= request && request <= high, "{} {} {}", low, request, high);
        // Every recorded value is that of the steps before it.
        let steps = advice.request.steps();
        prop_assert_eq!(steps.last().unwrap().value, request);
    }
}
