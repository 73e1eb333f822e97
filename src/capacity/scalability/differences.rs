//! Where two well-known programs print something else: what they compute, that we differ from it,
//! and why ours is right by the law's own definition. The findings are in capacity.md 2.5.

use super::tests::{RAYTRACER, SPEC_SDM91, fitted, is};
use super::*;
use crate::kernel::student_factor;

fn cisco() -> ScalabilityLaw {
    ScalabilityLaw::new(995.6486, 0.026_715_91, 7.690_945e-4).unwrap()
}

#[test]
fn usl4j_leaves_coherency_out_of_the_load_at_a_throughput() {
    let law = cisco();
    let (a, g) = (law.contention(), law.throughput_of_one());
    for (throughput, ours) in [(11_048.0, 19.9239), (955.0, 0.958_069), (12_201.0, 29.5690)] {
        let without = throughput * (1.0 - a) / (g - a * throughput);
        let loads = law.loads_at_throughput(throughput).unwrap();
        let rising = loads.rising.unwrap();
        is(rising, ours, 2e-4 * ours);
        assert!((rising - without).abs() > 1e-5, "{throughput}: we differ");
        // By definition: the throughput at the load is the one that was asked for.
        is(law.throughput(rising), throughput, 0.0);
        assert!((law.throughput(without) / throughput - 1.0).abs() > 1e-5);
    }
    // What its test pins, and what the law says there.
    is(11_048.0 * (1.0 - a) / (g - a * 11_048.0), 15.3504, 5e-5);
    is(law.throughput(15.3504), 9842.6, 0.05);
}

#[test]
fn usl4j_has_a_wrong_sign_in_the_throughput_at_a_response() {
    let theirs = |g: f64, a: f64, b: f64, response: f64| {
        let root = (a * a + b * b + 2.0 * b * (2.0 * g * response + a - 2.0)).sqrt();
        (root - b + a) / (2.0 * b * response)
    };
    let law = ScalabilityLaw::new(100.0, 0.03, 0.001).unwrap();
    is(theirs(100.0, 0.03, 0.001, 0.03), 2061.04, 5e-3);
    let load = law.load_at_response(0.03).load().unwrap();
    is(load, 32.8313, 5e-5);
    is(law.throughput(load), 1094.376, 5e-4);
    // By definition: load = throughput * response.
    is(law.throughput(load) * 0.03, load, 0.0);
    assert!((theirs(100.0, 0.03, 0.001, 0.03) / law.throughput(load) - 1.0).abs() > 0.5);
    // Where contention and coherency are equal, as in its test, the slip is hidden.
    let equal = ScalabilityLaw::new(40.0, 0.06, 0.06).unwrap();
    let load = equal.load_at_response(0.1).load().unwrap();
    is(theirs(40.0, 0.06, 0.06, 0.1), equal.throughput(load), 0.0);
}

#[test]
fn r_usl_takes_another_quantile_for_its_intervals() {
    // It takes qt(level, n - 1), which is one-sided and counts no parameter.
    let fit = fitted(&RAYTRACER[..6]);
    let ours = fit.parameter_intervals(0.95).unwrap().contention.unwrap();
    is(ours.low, -0.002_26, 5e-6);
    is(ours.high, 0.051_15, 5e-6);
    assert!(ours.low < 0.0, "six points do not show that there is contention");
    let error = ours.half_width() / student_factor(0.05, 3.0);
    let half = error * student_factor(0.10, 5.0);
    is(ours.value - half, 0.007_54, 5e-6);
    is(ours.value + half, 0.041_35, 5e-6);
}

#[test]
fn r_usl_has_a_band_as_wide_everywhere() {
    // Its half-width: the root of the squares over n - 1, times qt(level, n - 1), at every load.
    let fit = fitted(&SPEC_SDM91);
    let squares = fit.residual_error().powi(2) * fit.degrees_of_freedom();
    let theirs = (squares / 6.0).sqrt() * student_factor(0.10, 6.0);
    is(theirs, 131.4, 0.05);
    // At a load of 1 the curve is known far better than in the middle of its bend.
    let half = |load: f64| fit.throughput_interval(load, 0.95).unwrap().half_width();
    assert!(half(1.0) < theirs / 3.0 && half(18.0) > theirs * 1.4);
}
