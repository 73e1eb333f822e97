//! Why a row changed, from the numbers of two plans.

use super::change::{ChangeKind, Standing};
use super::{KeptPlan, days_between};
use crate::capacity::rows::{Outcome, PlanRow};
use crate::capacity::study::show;
use crate::model::{Span, Timestamp, Unit};

/// Demand differs from what was expected where the week's peak does by this share of the line.
const DEMAND_SHARE_MIN: f64 = 0.05;
/// A slope is another one where it differs by more than this share of the earlier one.
const SLOPE_SHARE_MIN: f64 = 0.2;
/// Numbers that differ by less than this share are the same.
const SAME: f64 = 1e-9;

/// One reason for a change. Amounts are in the row's unit, shares between 0 and 1.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// The earlier plan has no row of this host or group at all.
    HostNew,
    /// The later plan has no row of this host or group at all.
    HostGone,
    /// The earlier plan has rows of the host, and not this resource.
    RowNew,
    /// The later plan has rows of the host, and not this resource.
    RowGone,
    /// Nothing could be said before.
    NotKnownBefore {
        /// What was missing.
        what: String,
    },
    /// Nothing can be said now.
    NotKnownNow {
        /// What is missing.
        what: String,
    },
    /// The unit changed, so that amounts are not compared.
    UnitChanged,
    /// The limit changed.
    Limit {
        /// Before.
        from: f64,
        /// Now.
        to: f64,
    },
    /// The safety margin changed: the share of the limit that is kept free.
    Margin {
        /// Before.
        from: f64,
        /// Now.
        to: f64,
    },
    /// It was reached between P10 and P90, as the earlier plan said.
    AsForecast,
    /// It was reached before P10.
    BeforeForecast {
        /// The P10 of the earlier plan.
        p10: Timestamp,
    },
    /// The highest step mean of the last seven days is another one than was to be expected.
    Demand {
        /// Of the seven days before the earlier plan.
        from: f64,
        /// Of the seven days before the later plan.
        to: f64,
        /// What the earlier plan's trend led to, where it had one.
        expected: Option<f64>,
    },
    /// The trend is steeper or flatter.
    Slope {
        /// Growth per day before.
        from: f64,
        /// Growth per day now.
        to: f64,
    },
    /// There was no significant trend, and there is one.
    TrendAppeared {
        /// How likely so strong a trend is by chance.
        p_value: Option<f64>,
    },
    /// There was a significant trend, and there is none.
    TrendVanished {
        /// How likely so strong a trend is by chance.
        p_value: Option<f64>,
    },
    /// The level changed, and the trend is measured from there.
    LevelChanged {
        /// Since this day.
        since: Timestamp,
    },
    /// Time passed, and nothing else changed that counts.
    TimePassed {
        /// How many days.
        days: i64,
    },
    /// The plans speak from the same day, and none of the above holds: samples came or went, or the
    /// study, or the program, is another one.
    Recomputed,
}

/// A row in two plans.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair<'a> {
    pub(super) earlier: &'a KeptPlan,
    pub(super) later: &'a KeptPlan,
    pub(super) before: Option<&'a PlanRow>,
    pub(super) after: Option<&'a PlanRow>,
    /// Whether the host or group has any row in both plans.
    pub(super) host_stays: bool,
}

impl Pair<'_> {
    /// By which share of the limit the room under the line moved, from the last week's peaks.
    pub(super) fn room_moved(&self) -> Option<f64> {
        let (before, after) = (self.before?, self.after?);
        let room = |row: &PlanRow| Some((row.line? - row.peak_7_days?.value) / row.limit?);
        Some(room(after)? - room(before)?)
    }
}

/// Why a row changed in this way, the most telling reason first.
pub(super) fn reasons(pair: &Pair<'_>, kind: ChangeKind) -> Vec<Reason> {
    let mut found = Vec::new();
    match (pair.before, pair.after) {
        (None, _) if pair.host_stays => found.push(Reason::RowNew),
        (None, _) => found.push(Reason::HostNew),
        (_, None) if pair.host_stays => found.push(Reason::RowGone),
        (_, None) => found.push(Reason::HostGone),
        (Some(before), Some(after)) => {
            not_known(before, after, &mut found);
            let unknown = !found.is_empty();
            if before.unit != after.unit {
                found.push(Reason::UnitChanged);
            } else if unknown {
                // What could not be said in one of them is not compared.
                limits(before, after, &mut found);
            } else {
                limits(before, after, &mut found);
                demand(pair, kind, before, after, &mut found);
                trends(before, after, &mut found);
            }
        }
    }
    let days = days_between(pair.earlier.as_of, pair.later.as_of);
    if found.is_empty() {
        found.push(if days > 0 { Reason::TimePassed { days } } else { Reason::Recomputed });
    }
    found
}

fn not_known(before: &PlanRow, after: &PlanRow, found: &mut Vec<Reason>) {
    if let Outcome::NotEnoughData { what } = &after.outcome {
        found.push(Reason::NotKnownNow { what: what.clone() });
    } else if let Outcome::NotEnoughData { what } = &before.outcome {
        found.push(Reason::NotKnownBefore { what: what.clone() });
    }
}

fn differ(a: f64, b: f64) -> bool {
    (a - b).abs() > SAME * a.abs().max(b.abs())
}

fn limits(before: &PlanRow, after: &PlanRow, found: &mut Vec<Reason>) {
    if let (Some(from), Some(to)) = (before.limit, after.limit)
        && differ(from, to)
    {
        found.push(Reason::Limit { from, to });
    }
    let margin = |row: &PlanRow| Some(1.0 - row.line? / row.limit?);
    if let (Some(from), Some(to)) = (margin(before), margin(after))
        && (from - to).abs() > SAME
    {
        found.push(Reason::Margin { from, to });
    }
}

/// What became of a forecast, and whether demand is as was to be expected.
fn demand(
    pair: &Pair<'_>,
    kind: ChangeKind,
    before: &PlanRow,
    after: &PlanRow,
    found: &mut Vec<Reason>,
) {
    let limit_stays = found.is_empty();
    if let (Outcome::Within(forecast), Outcome::Already { since }) =
        (&before.outcome, &after.outcome)
        && let Some(p10) = forecast.p10
        && limit_stays
    {
        if *since < p10 {
            found.push(Reason::BeforeForecast { p10 });
        } else if forecast.p90.is_none_or(|p90| *since <= p90) {
            found.push(Reason::AsForecast);
            return;
        }
    }
    let (Some(from), Some(to)) = (before.peak_7_days, after.peak_7_days) else { return };
    let (from, to) = (from.value, to.value);
    let days = pair.later.as_of.since(pair.earlier.as_of).days();
    let slope = before.slope_per_day.filter(|_| has_trend(before));
    let expected = slope.map(|slope| from + slope * days);
    let scale = after.line.or(before.line).unwrap_or(from).abs();
    let off = to - expected.unwrap_or(from);
    // What crossed the line did so by what demand did, however little that was.
    let crossed = match kind {
        ChangeKind::NewlyFull => limit_stays && to > from,
        ChangeKind::NoLongerFull => limit_stays && to < from,
        _ => false,
    };
    if off.abs() >= DEMAND_SHARE_MIN * scale || crossed && expected.is_none() {
        found.push(Reason::Demand { from, to, expected });
    }
}

fn has_trend(row: &PlanRow) -> bool {
    matches!(Standing::of(Some(row)), Standing::Dated | Standing::Undated)
}

fn trends(before: &PlanRow, after: &PlanRow, found: &mut Vec<Reason>) {
    let without = |row: &PlanRow| Standing::of(Some(row)) == Standing::NoTrend;
    let (had, has) = (has_trend(before), has_trend(after));
    if without(before) && has {
        found.push(Reason::TrendAppeared { p_value: after.p_value });
    }
    if had && without(after) {
        found.push(Reason::TrendVanished { p_value: after.p_value });
    }
    if let (Some(from), Some(to)) = (before.slope_per_day, after.slope_per_day)
        && had
        && has
        && (to - from).abs() > SLOPE_SHARE_MIN * from.abs()
    {
        found.push(Reason::Slope { from, to });
    }
    if let (Some(from), Some(since)) = (before.trend_since, after.trend_since)
        && from < since
    {
        found.push(Reason::LevelChanged { since });
    }
}

impl Reason {
    /// The word for it in JSON and CSV.
    pub fn word(&self) -> &'static str {
        match self {
            Self::HostNew => "host_new",
            Self::HostGone => "host_gone",
            Self::RowNew => "row_new",
            Self::RowGone => "row_gone",
            Self::NotKnownBefore { .. } => "not_known_before",
            Self::NotKnownNow { .. } => "not_known_now",
            Self::UnitChanged => "unit",
            Self::Limit { .. } => "limit",
            Self::Margin { .. } => "margin",
            Self::AsForecast => "as_forecast",
            Self::BeforeForecast { .. } => "before_forecast",
            Self::Demand { .. } => "demand",
            Self::Slope { .. } => "slope",
            Self::TrendAppeared { .. } => "trend_appeared",
            Self::TrendVanished { .. } => "trend_vanished",
            Self::LevelChanged { .. } => "level_changed",
            Self::TimePassed { .. } => "time_passed",
            Self::Recomputed => "recomputed",
        }
    }

    /// The reason for people, amounts in the row's unit.
    pub fn sentence(&self, unit: Option<&Unit>) -> String {
        let amount = |value: f64| show(unit, value);
        let direction = |from: f64, to: f64| if to > from { "rose" } else { "fell" };
        let chance = |p: &Option<f64>| p.map_or(String::new(), |p| format!(" (p = {p:.2e})"));
        match self {
            Self::HostNew => "new".to_owned(),
            Self::HostGone => "gone".to_owned(),
            Self::RowNew => "the resource is new for it".to_owned(),
            Self::RowGone => "the resource is gone from it".to_owned(),
            Self::NotKnownBefore { what } => format!("before, not enough data: {what}"),
            Self::NotKnownNow { what } => format!("not enough data: {what}"),
            Self::UnitChanged => "the unit changed".to_owned(),
            Self::Limit { from, to } => {
                let (how, from, to) = (direction(*from, *to), amount(*from), amount(*to));
                format!("the limit {how} from {from} to {to}")
            }
            Self::Margin { from, to } => {
                let how = direction(*from, *to);
                format!("the safety margin {how} from {:.1}% to {:.1}%", from * 100.0, to * 100.0)
            }
            Self::AsForecast => "reached between P10 and P90, as was said".to_owned(),
            Self::BeforeForecast { p10 } => format!("reached before P10, {}", p10.date()),
            Self::Demand { from, to, expected } => {
                let (how, start, end) = (direction(*from, *to), amount(*from), amount(*to));
                let changed = if start == end {
                    format!("the week's peak stayed at {end}")
                } else {
                    format!("the week's peak {how} from {start} to {end}")
                };
                match expected {
                    Some(expected) => format!("{changed}; {} by its trend", amount(*expected)),
                    None => changed,
                }
            }
            Self::Slope { from, to } => {
                format!("{} a day, {} before", amount(*to), amount(*from))
            }
            Self::TrendAppeared { p_value } => format!("a trend appeared{}", chance(p_value)),
            Self::TrendVanished { p_value } => format!("the trend is gone{}", chance(p_value)),
            Self::LevelChanged { since } => {
                format!("the level changed; measured since {}", since.date())
            }
            Self::TimePassed { days } => {
                format!("{} passed, nothing else changed", Span::from_days(*days))
            }
            Self::Recomputed => "samples, study or program changed".to_owned(),
        }
    }
}
