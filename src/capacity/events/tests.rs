//! Planted changes are found, and harmless events are not taken for changes.

use super::*;
use crate::capacity::drivers::tests::Noise;
use crate::capacity::drivers::{Driver, Observations};
use crate::model::{Selector, Span, Timestamp};

/// Steps of 15 minutes in a day.
const DAY: usize = 96;

fn event(row: usize) -> Event {
    Event {
        time: Timestamp::from_seconds(900 * row as i64),
        name: format!("deploy-{row}"),
        kind: "deploy".to_owned(),
        selector: Selector::all(),
    }
}

/// Use by demand of 12 + cost x and noise; the cost of each row is given.
struct World {
    times: Vec<Timestamp>,
    demand: Vec<f64>,
    used: Vec<f64>,
}

impl World {
    fn new(seed: u64, rows: usize, cost: impl Fn(usize) -> f64) -> Self {
        let (mut demand, mut noise) = (Noise::new(seed), Noise::new(seed + 1_000_000));
        let demand: Vec<f64> = (0..rows).map(|row| demand.demand(row, DAY)).collect();
        let used = demand.iter().enumerate();
        let used = used.map(|(row, x)| 12.0 + cost(row) * x + noise.next()).collect();
        let times = (0..rows).map(|row| event(row).time).collect();
        Self { times, demand, used }
    }

    fn effects(&self, events: &[Event], with_driver: bool) -> Vec<Result<EventEffect, String>> {
        let driver = Driver { name: "requests", values: &self.demand };
        let drivers = if with_driver { vec![driver] } else { Vec::new() };
        let rows = Observations::new(&self.times, &self.used, &drivers).unwrap();
        let events: Vec<&Event> = events.iter().collect();
        event_effects(&rows, &events, &EventOptions::default()).unwrap()
    }

    fn report(&self, events: &[Event], with_driver: bool) -> EventReport {
        let effects = self.effects(events, with_driver);
        let service = ServiceEffects { service: "web".into(), events: events.to_vec(), effects };
        EventReport::new(vec![service], 0.05)
    }
}

#[test]
fn a_planted_regression_is_found_among_harmless_deploys() {
    let events: Vec<Event> = (1..=11).map(|at| event(2 * DAY * at)).collect();
    let planted = 2 * DAY * 6;
    let (mut found, mut others) = (0, 0);
    for seed in 0..20 {
        let cost = |row| if row >= planted { 0.012 } else { 0.01 };
        let report = World::new(seed, 24 * DAY, cost).report(&events, true);
        for finding in report.regressions() {
            let effect = report.effect(&finding).unwrap();
            if finding.event != 5 {
                others += 1;
                continue;
            }
            found += 1;
            let cost = effect.cost.unwrap();
            assert!((cost.share.unwrap() - 0.2).abs() < 0.12, "{seed}: {cost:?}");
            assert!((cost.before.value - 0.01).abs() < 0.001 && effect.rows == [192, 192]);
            assert!(effect.used.difference.low > 0.0);
        }
        others += report.improvements().len();
        let breaks = report.breaks(0.1);
        let planted = breaks.iter().find(|one| one.time == event(planted).time).unwrap();
        assert_eq!((planted.event.as_str(), planted.service.as_str()), ("deploy-1152", "web"));
    }
    assert!(found == 20 && others <= 3, "{found} {others}");
}

#[test]
fn intervals_of_a_change_hold_the_truth() {
    let (mut held, at) = ([0; 2], 3 * DAY);
    for seed in 0..200 {
        let world = World::new(seed, 6 * DAY, |row| if row < at { 0.01 } else { 0.008 });
        let effect = world.effects(&[event(at)], true).remove(0).unwrap();
        let cost = effect.cost.unwrap();
        held[0] += usize::from(cost.before.low <= 0.01 && cost.before.high >= 0.01);
        held[1] += usize::from(cost.difference.low <= -0.002 && cost.difference.high >= -0.002);
    }
    assert!(held.iter().all(|held| (180..=196).contains(held)), "{held:?}");
}

#[test]
fn nothing_is_found_where_nothing_was_done() {
    // 1,000 pairs of windows of a day or two.
    for with_driver in [true, false] {
        let (mut small, mut effects) = (0, Vec::new());
        for seed in 0..1_000 {
            let days = 2 + 2 * (seed as usize % 2);
            let world = World::new(seed, days * DAY, |_| 0.01);
            // Without a driver it is the use alone, which must not hang on demand here.
            let world = if with_driver { world } else { World::new(seed, days * DAY, |_| 0.0) };
            let effect = world.effects(&[event(days * DAY / 2)], with_driver).remove(0);
            small += usize::from(effect.as_ref().unwrap().p_value < 0.05);
            effects.push(effect);
        }
        let events = vec![event(0); 1_000];
        let report = EventReport::new(
            vec![ServiceEffects { service: String::new(), events, effects }],
            0.05,
        );
        let found = report.regressions().len() + report.improvements().len();
        // One by one 5% at most; all together next to none.
        assert!(small <= 50 && found <= 5, "driver {with_driver}: {small} {found}");
    }
}

#[test]
fn without_a_driver_the_level_is_compared_and_the_day_left_out() {
    let day = |row: usize| 10.0 * (std::f64::consts::TAU * row as f64 / DAY as f64).sin();
    let mut world = World::new(5, 5 * DAY, |_| 0.0);
    let at = 2 * DAY + 40;
    for (row, used) in world.used.iter_mut().enumerate() {
        *used += day(row) + if row >= at { -3.0 } else { 0.0 };
    }
    let report = world.report(&[event(at)], false);
    let found = report.improvements();
    assert_eq!(found.len(), 1);
    let effect = report.effect(&found[0]).unwrap();
    assert!(effect.cost.is_none());
    let difference = effect.used.difference;
    assert!(difference.low < -3.0 && difference.high > -3.0, "{difference:?}");
    assert!((effect.used.before.value - 12.0).abs() < 1.0, "{:?}", effect.used);
}

#[test]
fn windows_end_at_the_neighbours_and_too_short_ones_say_so() {
    let world = World::new(1, 4 * DAY, |_| 0.01);
    let events = [event(DAY), event(DAY + 10), event(3 * DAY)];
    let effects = world.effects(&events, true);
    let reason = effects[0].as_ref().unwrap_err();
    assert_eq!(reason, "10 rows after it, up to the next event; 18 are needed");
    let reason = effects[1].as_ref().unwrap_err();
    assert_eq!(reason, "10 rows before it, back to the event before; 18 are needed");
    assert_eq!(effects[2].as_ref().unwrap().rows, [2 * DAY - 10, DAY]);
    let report = world.report(&events, true);
    assert_eq!(report.findings()[0].judgement, Judgement::Unknown);
    let rows = Observations::new(&world.times, &world.used, &[]).unwrap();
    let options = EventOptions { settle: Span::HOUR, ..EventOptions::default() };
    let settled = event_effects(&rows, &[&events[2]], &options).unwrap().remove(0).unwrap();
    // 4 of the rows after it are left out; the week before it is not cut.
    assert_eq!(settled.rows, [3 * DAY, DAY - 4]);
    let backwards = [&events[2], &events[0]];
    assert!(event_effects(&rows, &backwards, &options).is_err());
    let none = EventOptions { window: Span::ZERO, ..EventOptions::default() };
    assert!(event_effects(&rows, &[], &none).is_err());
}
