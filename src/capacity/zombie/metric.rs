//! The metrics that rules ask for, and how one follows from others.

use std::borrow::Cow;

use crate::model::Unit;

/// Metrics that a rule may test without more ado, and their units.
pub const BUILT_IN: [(&str, &str); 10] = [
    ("cpu_cores", "cores"),
    ("cpu_share", "ratio"),
    ("memory_share", "ratio"),
    ("disk_read", "B/s"),
    ("disk_write", "B/s"),
    ("disk", "B/s"),
    ("received", "B/s"),
    ("sent", "B/s"),
    ("network", "B/s"),
    ("network_share", "ratio"),
];

#[derive(Debug, Clone, Copy)]
enum How {
    Sum,
    Product,
    Quotient,
}

/// What follows from what, where it is not given itself; the first that can be had counts.
const DERIVED: [(&str, &str, How, &str); 7] = [
    ("cpu_share", "cpu", How::Quotient, "cpu_capacity"),
    ("cpu_share", "cpu_cores", How::Quotient, "cores"),
    ("cpu_cores", "cpu_share", How::Product, "cores"),
    ("memory_share", "memory", How::Quotient, "memory_capacity"),
    ("disk", "disk_read", How::Sum, "disk_write"),
    ("network", "received", How::Sum, "sent"),
    ("network_share", "network", How::Quotient, "network_capacity"),
];

/// The unit of a built-in metric.
pub fn unit_of(metric: &str) -> Option<Unit> {
    let (_, unit) = BUILT_IN.iter().find(|(name, _)| *name == metric)?;
    unit.parse().ok()
}

/// What a metric is a part of: evidence of one kind.
pub(super) fn kind(metric: &str) -> &str {
    match metric {
        "received" | "sent" => "network",
        _ => ["cpu", "memory", "disk", "network"]
            .into_iter()
            .find(|kind| {
                metric
                    .strip_prefix(kind)
                    .is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
            })
            .unwrap_or(metric),
    }
}

/// The steps of a metric, given or derived, less its floor; `None` where it cannot be had.
pub(super) fn resolve<'a>(
    metric: &str,
    given: &[(&str, &'a [f64])],
    floors: &[(String, f64)],
) -> Option<Cow<'a, [f64]>> {
    follow(metric, given, floors, &mut Vec::new())
}

fn follow<'a, 'n>(
    metric: &'n str,
    given: &[(&str, &'a [f64])],
    floors: &[(String, f64)],
    trail: &mut Vec<&'n str>,
) -> Option<Cow<'a, [f64]>> {
    let found = match given.iter().find(|(name, _)| *name == metric) {
        Some((_, row)) => Cow::Borrowed(*row),
        None => derive(metric, given, floors, trail)?,
    };
    let floor = floors.iter().find(|(name, floor)| name == metric && *floor > 0.0);
    Some(match floor {
        Some((_, floor)) => {
            // `f64::max` would turn a gap into 0.
            let above =
                |value: &f64| if value.is_nan() { *value } else { (value - floor).max(0.0) };
            Cow::Owned(found.iter().map(above).collect())
        }
        None => found,
    })
}

fn derive<'a, 'n>(
    metric: &'n str,
    given: &[(&str, &'a [f64])],
    floors: &[(String, f64)],
    trail: &mut Vec<&'n str>,
) -> Option<Cow<'a, [f64]>> {
    if trail.contains(&metric) {
        return None;
    }
    trail.push(metric);
    let found = DERIVED.iter().filter(|(name, ..)| *name == metric).find_map(|(_, a, how, b)| {
        let (a, b) = (follow(a, given, floors, trail)?, follow(b, given, floors, trail)?);
        let pair = |(a, b): (&f64, &f64)| match how {
            How::Sum => a + b,
            How::Product => a * b,
            How::Quotient => a / b,
        };
        Some(Cow::Owned(a.iter().zip(b.iter()).map(pair).collect()))
    });
    trail.pop();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_metric_follows_from_others_and_gaps_stay_gaps() {
        let (cpu, capacity) = ([500.0, f64::NAN, 0.0], [2_000.0, 2_000.0, 0.0]);
        let (cores, received, sent) = ([2.0; 3], [100.0, 350.0, 0.0], [1.0, 2.0, f64::NAN]);
        let given: [(&str, &[f64]); 5] = [
            ("cpu", &cpu),
            ("cpu_capacity", &capacity),
            ("cores", &cores),
            ("received", &received),
            ("sent", &sent),
        ];
        let none = Vec::new();
        let found = |metric: &str| resolve(metric, &given, &none).map(Cow::into_owned);
        let share = found("cpu_share").unwrap();
        assert!(share[0] == 0.25 && share[1].is_nan() && share[2].is_nan());
        assert_eq!(found("cpu_cores").unwrap()[0], 0.5);
        let network = found("network").unwrap();
        assert!(network[..2] == [101.0, 352.0] && network[2].is_nan());
        for missing in ["disk", "memory_share", "network_share", "connections"] {
            assert_eq!(found(missing), None, "{missing}");
        }
        // Only the two that follow from each other: neither can be had.
        assert_eq!(resolve("cpu_share", &[("cores", &cores)], &none), None);
        let floors = vec![("received".to_owned(), 300.0), ("sent".to_owned(), 1.5)];
        let network = resolve("network", &given, &floors).unwrap();
        assert!(network[..2] == [0.0, 50.5] && network[2].is_nan());
    }

    #[test]
    fn evidence_is_of_one_kind_each() {
        for (metric, expected) in [
            ("cpu_cores", "cpu"),
            ("sent", "network"),
            ("network_share", "network"),
            ("disk", "disk"),
            ("diskettes", "diskettes"),
            ("connections", "connections"),
        ] {
            assert_eq!(kind(metric), expected);
        }
        assert!(BUILT_IN.iter().all(|(name, _)| unit_of(name).is_some()));
    }
}
