//! The questions: what each asks, of which hosts, over which window, in which groups.

use std::str::FromStr;

use crate::error::{Error, Result};
use crate::model::Span;

/// A query of TSBS cpu-only, or one over the whole fleet. Hosts and windows are drawn for each run
/// ([`Question::draw`]); a window is `[start, end)` and lies inside the data.
///
/// The steps of a query begin where its range does. TSBS draws a window at any nanosecond and
/// groups by the minutes and hours of the clock; here a window starts at a whole minute where the
/// answer has minutes, and at a whole hour where it has hours, so that both are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Question {
    /// The maximum of each of the first `metrics` fields over `hosts` random hosts together, per
    /// minute of a random window: a dashboard of a few hosts.
    SingleGroupBy {
        /// Fields, counted from the first.
        metrics: usize,
        /// Random hosts, all different.
        hosts: usize,
        /// Length of the window.
        hours: u32,
    },
    /// The mean of each of the first `metrics` fields of every host, per hour and host, over a
    /// random window of 12 hours.
    DoubleGroupBy {
        /// Fields, counted from the first.
        metrics: usize,
    },
    /// The maximum of all ten fields over `hosts` random hosts together, per hour of a random
    /// window of 8 hours.
    MaxAll {
        /// Random hosts, all different.
        hosts: usize,
    },
    /// Whole readings, all ten fields, of every instant of a random window of 12 hours at which
    /// `usage_user` was above 90: of one random host, or of all.
    HighCpu {
        /// One random host instead of all.
        one_host: bool,
    },
    /// The last reading, all ten fields, of every host.
    LastPoint,
    /// The maximum of `usage_user` over all hosts together per minute, the last five minutes before
    /// the end of a random window of an hour. Where the window starts does not matter.
    LastMinutes,
    /// The sum, the maximum and the number of the samples of `usage_user` over all hosts together,
    /// per hour of 24 hours. Not of TSBS.
    FleetByHour,
    /// The exact 95th percentile (type 7) of `usage_user` of each host over 24 hours. Not of TSBS.
    FleetP95,
    /// The sum, the maximum and the number of the samples of each of all ten fields over all hosts
    /// together, per hour of 24 hours, without the statistics of blocks: every sample is decoded.
    /// What a whole scan costs. Not of TSBS.
    FleetAllByHour,
    /// The sum, the maximum and the number of the samples of `usage_user` over all hosts together,
    /// per day of all whole days of the load, as cheaply as there is: by the statistics of blocks,
    /// or by rollups. Not of TSBS.
    FleetByDay,
}

/// All questions by their names, those of TSBS as it names them. The first 17 are what peers are
/// usually compared by; the two after them have marks of their own.
pub const QUESTIONS: [(&str, Question); 19] = [
    ("single-groupby-1-1-1", Question::SingleGroupBy { metrics: 1, hosts: 1, hours: 1 }),
    ("single-groupby-1-1-12", Question::SingleGroupBy { metrics: 1, hosts: 1, hours: 12 }),
    ("single-groupby-1-8-1", Question::SingleGroupBy { metrics: 1, hosts: 8, hours: 1 }),
    ("single-groupby-5-1-1", Question::SingleGroupBy { metrics: 5, hosts: 1, hours: 1 }),
    ("single-groupby-5-1-12", Question::SingleGroupBy { metrics: 5, hosts: 1, hours: 12 }),
    ("single-groupby-5-8-1", Question::SingleGroupBy { metrics: 5, hosts: 8, hours: 1 }),
    ("cpu-max-all-1", Question::MaxAll { hosts: 1 }),
    ("cpu-max-all-8", Question::MaxAll { hosts: 8 }),
    ("double-groupby-1", Question::DoubleGroupBy { metrics: 1 }),
    ("double-groupby-5", Question::DoubleGroupBy { metrics: 5 }),
    ("double-groupby-all", Question::DoubleGroupBy { metrics: 10 }),
    ("groupby-orderby-limit", Question::LastMinutes),
    ("high-cpu-1", Question::HighCpu { one_host: true }),
    ("high-cpu-all", Question::HighCpu { one_host: false }),
    ("lastpoint", Question::LastPoint),
    ("fleet-by-hour", Question::FleetByHour),
    ("fleet-p95", Question::FleetP95),
    ("fleet-all-by-hour", Question::FleetAllByHour),
    ("fleet-by-day", Question::FleetByDay),
];

impl Question {
    /// Its name in [`QUESTIONS`].
    pub fn name(self) -> &'static str {
        QUESTIONS.iter().find(|(_, question)| *question == self).map_or("", |(name, _)| name)
    }

    /// Hosts that are drawn; `None` where it asks for all.
    pub fn hosts(self) -> Option<usize> {
        match self {
            Self::SingleGroupBy { hosts, .. } | Self::MaxAll { hosts } => Some(hosts),
            Self::HighCpu { one_host: true } => Some(1),
            _ => None,
        }
    }

    /// Hours of its window; 0 where it has none. Of all whole days, those of the shortest.
    pub fn hours(self) -> u32 {
        match self {
            Self::SingleGroupBy { hours, .. } => hours,
            Self::MaxAll { .. } => 8,
            Self::DoubleGroupBy { .. } | Self::HighCpu { .. } => 12,
            Self::LastPoint => 0,
            Self::LastMinutes => 1,
            Self::FleetByHour | Self::FleetP95 | Self::FleetAllByHour | Self::FleetByDay => 24,
        }
    }

    /// The first fields that it asks for, as many as this.
    pub fn metrics(self) -> usize {
        match self {
            Self::SingleGroupBy { metrics, .. } | Self::DoubleGroupBy { metrics } => metrics,
            Self::MaxAll { .. } | Self::HighCpu { .. } | Self::LastPoint | Self::FleetAllByHour => {
                10
            }
            Self::LastMinutes | Self::FleetByHour | Self::FleetP95 | Self::FleetByDay => 1,
        }
    }

    /// A window starts at a multiple of this, counted from the first scrape.
    pub(super) fn start_step(self) -> Span {
        match self {
            Self::SingleGroupBy { .. } | Self::LastMinutes => Span::MINUTE,
            Self::HighCpu { .. } => Span::SECOND,
            Self::FleetByDay => Span::DAY,
            _ => Span::HOUR,
        }
    }
}

impl FromStr for Question {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = QUESTIONS.iter().find(|(name, _)| *name == text);
        found.map(|(_, question)| *question).ok_or_else(|| {
            let names = QUESTIONS.map(|(name, _)| name).join(", ");
            Error::invalid(format!("{text:?} is no query of this benchmark; there are {names}"))
        })
    }
}
