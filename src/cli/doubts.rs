//! The errors of a fleet's forecasts, pooled metric by metric: what a processor does says nothing
//! of a disk.
//!
//! No interval can be told before all errors are pooled, so a fleet takes two passes. What the first
//! pass learnt of the first [`KEPT_VALUES_MAX`] values is kept; the second pass forecasts only the
//! rest again.

use std::collections::BTreeMap;

use crate::forecast::{Doubt, ErrorPool, Outlook, Rehearsed};

/// Values, of outlooks and of rows, that a command keeps between its passes: 64 MiB.
const KEPT_VALUES_MAX: usize = 8 << 20;
/// What an outlook keeps besides its values, in values: scores of models, labels.
const KEPT_BESIDES: usize = 128;

/// How many series may be kept between passes, of which each has so many values of its own and a
/// forecast of so many steps.
pub(super) fn kept_max(values: usize, horizon: usize) -> usize {
    // An outlook has a point, a size and two widths for each step.
    KEPT_VALUES_MAX / (values + 4 * horizon + KEPT_BESIDES)
}

/// Errors that come in.
#[derive(Debug, Default)]
pub(super) struct Pools(BTreeMap<String, ErrorPool>);

/// What they came to.
#[derive(Debug)]
pub(super) struct Doubts(BTreeMap<String, Doubt>);

impl Pools {
    /// Takes the errors of a series of this metric, and gives back what is left.
    pub(super) fn add(&mut self, metric: &str, one: Rehearsed) -> Outlook {
        self.0.entry(metric.to_owned()).or_default().add(one)
    }

    pub(super) fn finish(self) -> Doubts {
        Doubts(self.0.into_iter().map(|(metric, pool)| (metric, pool.finish())).collect())
    }
}

impl Doubts {
    /// The doubt of a metric; `None` where none of its series was forecast.
    pub(super) fn of(&self, metric: &str) -> Option<&Doubt> {
        self.0.get(metric)
    }
}
