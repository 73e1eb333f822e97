//! What changed between two plans of the same rows, worst first.

use std::collections::{BTreeMap, BTreeSet};

use super::reason::{Pair, Reason, reasons};
use super::{KeptPlan, days_between};
use crate::capacity::rows::{Forecast, Outcome, PlanRow, TablePlan};
use crate::model::{Labels, Timestamp};

/// A row without a date has more or less room where its room moved by this share of its limit.
const ROOM_SHARE_MIN: f64 = 0.05;
/// Roundings of a difference of shares.
const ROUNDING: f64 = 1e-9;

/// What changed between two plans.
#[derive(Debug, Clone)]
pub struct PlanChanges<'a> {
    /// The earlier plan.
    pub before: &'a KeptPlan,
    /// The later plan.
    pub after: &'a KeptPlan,
    /// Every row of either plan, worst change first; rows that did not change last.
    pub rows: Vec<RowChange<'a>>,
}

/// What changed of one row.
#[derive(Debug, Clone)]
pub struct RowChange<'a> {
    /// The table that has the row; of the later plan, where it has one of that name.
    pub table: &'a TablePlan,
    /// The row in the earlier plan.
    pub before: Option<&'a PlanRow>,
    /// The row in the later plan.
    pub after: Option<&'a PlanRow>,
    /// What kind of change it is.
    pub kind: ChangeKind,
    /// By how many days the median date moved (P10, where both medians lie beyond their horizons);
    /// below zero where it is earlier now. `None` unless both plans have a date, and where one
    /// median alone lies beyond its horizon: how far it moved is not known.
    pub moved_days: Option<i64>,
    /// By how many days the day to order moved.
    pub order_moved_days: Option<i64>,
    /// Whether it is to be ordered now, and was not before.
    pub order_due: bool,
    /// Why, as the numbers of the two plans say; none for rows that did not change.
    pub reasons: Vec<Reason>,
}

/// What kind of change, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// It is full, and was not.
    NewlyFull,
    /// It has a date, and had none.
    NewlyDated,
    /// Its date is earlier, by more than noise.
    Earlier,
    /// Its day to order has come; the date moved within noise, or not at all.
    OrderDue,
    /// Nothing can be said of it any more.
    Unknown,
    /// The row is not in the later plan.
    Gone,
    /// It has no date, and less room than before.
    Tighter,
    /// The row was not in the earlier plan.
    New,
    /// Its date is later, by more than noise.
    Later,
    /// It had a date, and has none.
    NoLongerDated,
    /// It was full, and is not.
    NoLongerFull,
    /// It has no date, and more room than before.
    Looser,
    /// Something can be said of it again.
    Known,
    /// It has no date in both, and a trend in one of them.
    Trend,
    /// It has a date in both, and that moved within noise.
    Noise,
    /// Nothing that counts.
    Unchanged,
}

/// Where a row stands in a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// At or over the line.
    Full,
    /// Its P10 lies within the horizon.
    Dated,
    /// A trend, and no date within the horizon.
    Undated,
    /// No significant trend.
    NoTrend,
    /// Not enough data.
    Unknown,
    /// The plan has no such row.
    Absent,
}

impl ChangeKind {
    /// All kinds, worst first.
    pub const ALL: [Self; 16] = [
        Self::NewlyFull,
        Self::NewlyDated,
        Self::Earlier,
        Self::OrderDue,
        Self::Unknown,
        Self::Gone,
        Self::Tighter,
        Self::New,
        Self::Later,
        Self::NoLongerDated,
        Self::NoLongerFull,
        Self::Looser,
        Self::Known,
        Self::Trend,
        Self::Noise,
        Self::Unchanged,
    ];

    /// The word for it in JSON and CSV.
    pub fn word(self) -> &'static str {
        match self {
            Self::NewlyFull => "newly_full",
            Self::NewlyDated => "newly_dated",
            Self::Earlier => "earlier",
            Self::OrderDue => "order_due",
            Self::Unknown => "no_longer_known",
            Self::Gone => "gone",
            Self::Tighter => "tighter",
            Self::New => "new",
            Self::Later => "later",
            Self::NoLongerDated => "no_longer_dated",
            Self::NoLongerFull => "no_longer_full",
            Self::Looser => "looser",
            Self::Known => "known_again",
            Self::Trend => "trend",
            Self::Noise => "within_noise",
            Self::Unchanged => "unchanged",
        }
    }

    /// Whether it is worth a line of its own, and not only a count.
    pub fn is_told(self) -> bool {
        !matches!(self, Self::Trend | Self::Noise | Self::Unchanged)
    }
}

impl Standing {
    /// Where a row stands.
    pub fn of(row: Option<&PlanRow>) -> Self {
        let Some(row) = row else { return Self::Absent };
        match &row.outcome {
            Outcome::Already { .. } => Self::Full,
            Outcome::Within(forecast) if forecast.p10.is_some() => Self::Dated,
            Outcome::Within(_) | Outcome::Never => Self::Undated,
            Outcome::NoTrend => Self::NoTrend,
            Outcome::NotEnoughData { .. } => Self::Unknown,
        }
    }
}

impl<'a> PlanChanges<'a> {
    /// Compares two plans row by row. Rows are the same where table, labels and resource are.
    ///
    /// ```
    /// use plimsoll::capacity::kept::{ChangeKind, KeptPlan, PlanChanges};
    /// use plimsoll::report::read_plan;
    /// let plan = |as_of: &str, outcome: &str| -> plimsoll::Result<KeptPlan> {
    ///     let row = format!(
    ///         r#"{{"labels": {{"host": "db-1"}}, "resource": "disk", "outcome": "{outcome}",
    ///              "full_since": "2026-02-03"}}"#
    ///     );
    ///     let text = format!(
    ///         r#"{{"schema_version": 1, "study": "fleet", "as_of": "{as_of}",
    ///              "step": "1h", "horizon": "90d", "lead_time": "30d",
    ///              "hosts": {{"name": "host", "by": ["host"], "rows": [{row}]}}, "groups": []}}"#
    ///     );
    ///     read_plan(text.as_bytes(), "plan.json".as_ref())
    /// };
    /// let (before, after) = (plan("2026-02-01", "no_trend")?, plan("2026-02-08", "already")?);
    /// let changes = PlanChanges::between(&before, &after);
    /// assert_eq!(changes.rows[0].kind, ChangeKind::NewlyFull);
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn between(before: &'a KeptPlan, after: &'a KeptPlan) -> Self {
        let mut rows: Vec<RowChange<'a>> = Vec::new();
        let earlier: BTreeMap<&str, &TablePlan> =
            before.tables().map(|table| (table.name.as_str(), table)).collect();
        let later: Vec<&str> = after.tables().map(|table| table.name.as_str()).collect();
        for table in after.tables() {
            let other = earlier.get(table.name.as_str()).copied();
            rows.extend(of_table((before, other), (after, Some(table))));
        }
        for table in before.tables().filter(|table| !later.contains(&table.name.as_str())) {
            rows.extend(of_table((before, Some(table)), (after, None)));
        }
        // Stable: rows of one kind stay in the order of their plan, which is worst first.
        rows.sort_by_key(|row| match row.kind {
            ChangeKind::Earlier => (row.kind, row.moved_days.unwrap_or(0)),
            ChangeKind::Later => (row.kind, row.moved_days.map_or(0, |days| -days)),
            kind => (kind, 0),
        });
        Self { before, after, rows }
    }

    /// How many rows changed in this way.
    pub fn count(&self, kind: ChangeKind) -> usize {
        self.rows.iter().filter(|row| row.kind == kind).count()
    }
}

/// A plan, and its table of some name where it has one.
type Side<'a> = (&'a KeptPlan, Option<&'a TablePlan>);

fn of_table<'a>(before: Side<'a>, after: Side<'a>) -> Vec<RowChange<'a>> {
    let key = |row: &'a PlanRow| (&row.labels, row.resource.as_str());
    let rows = |side: Side<'a>| side.1.map_or(&[][..], |table| &table.rows[..]).iter();
    let mut earlier: BTreeMap<(&Labels, &str), &PlanRow> =
        rows(before).map(|row| (key(row), row)).collect();
    let Some(table) = after.1.or(before.1) else { return Vec::new() };
    let names = |side: Side<'a>| rows(side).map(|row| &row.labels).collect::<BTreeSet<_>>();
    let (names_before, names_after) = (names(before), names(after));
    let mut found = Vec::new();
    for row in rows(after) {
        let other = earlier.remove(&key(row));
        let host_stays = names_before.contains(&row.labels);
        found.push(change(table, (before.0, other), (after.0, Some(row)), host_stays));
    }
    for row in rows(before).filter(|row| earlier.contains_key(&key(row))) {
        let host_stays = names_after.contains(&row.labels);
        found.push(change(table, (before.0, Some(row)), (after.0, None), host_stays));
    }
    found
}

fn change<'a>(
    table: &'a TablePlan,
    (earlier, before): (&'a KeptPlan, Option<&'a PlanRow>),
    (later, after): (&'a KeptPlan, Option<&'a PlanRow>),
    host_stays: bool,
) -> RowChange<'a> {
    let pair = Pair { earlier, later, before, after, host_stays };
    let overdue =
        |row: Option<&PlanRow>, plan: &KeptPlan| row.is_some_and(|row| row.is_overdue(plan.as_of));
    let order_due = overdue(after, later) && !overdue(before, earlier);
    let dates = before.and_then(dates).zip(after.and_then(dates));
    let moved_days = dates.and_then(|(before, after)| match (before.p50, after.p50) {
        (None, None) => moved(before.p10, after.p10),
        medians => moved(medians.0, medians.1),
    });
    let kind = kind(&pair, dates, moved_days, order_due);
    RowChange {
        table,
        before,
        after,
        kind,
        moved_days,
        order_moved_days: dates.and_then(|(before, after)| moved(before.order_by, after.order_by)),
        order_due,
        reasons: if kind.is_told() { reasons(&pair, kind) } else { Vec::new() },
    }
}

fn dates(row: &PlanRow) -> Option<&Forecast> {
    match &row.outcome {
        Outcome::Within(forecast) if forecast.p10.is_some() => Some(forecast),
        _ => None,
    }
}

fn moved(before: Option<Timestamp>, after: Option<Timestamp>) -> Option<i64> {
    Some(days_between(before?, after?))
}

fn kind(
    pair: &Pair<'_>,
    dates: Option<(&Forecast, &Forecast)>,
    moved_days: Option<i64>,
    order_due: bool,
) -> ChangeKind {
    use Standing::{Absent, Dated, Full, NoTrend, Undated, Unknown};
    match (Standing::of(pair.before), Standing::of(pair.after)) {
        (Full, Full) | (Unknown, Unknown) | (Absent, Absent) => ChangeKind::Unchanged,
        (_, Full) => ChangeKind::NewlyFull,
        (_, Absent) => ChangeKind::Gone,
        (Absent, Unknown | Undated | NoTrend) => ChangeKind::New,
        (_, Unknown) => ChangeKind::Unknown,
        (Full, _) => ChangeKind::NoLongerFull,
        (Dated, Dated) => match dates {
            Some((before, after)) => of_dates(pair, before, after, moved_days, order_due),
            None => ChangeKind::Unchanged,
        },
        (_, Dated) => ChangeKind::NewlyDated,
        (Dated, _) => ChangeKind::NoLongerDated,
        (Unknown, _) => ChangeKind::Known,
        (before, after) => match pair.room_moved() {
            Some(share) if share <= ROUNDING - ROOM_SHARE_MIN => ChangeKind::Tighter,
            Some(share) if share >= ROOM_SHARE_MIN - ROUNDING => ChangeKind::Looser,
            _ if before != after => ChangeKind::Trend,
            _ => ChangeKind::Unchanged,
        },
    }
}

/// Dates moved within noise where the median of each plan lies inside the 80% interval of the
/// other: neither plan would have been surprised by what the other says.
fn of_dates(
    pair: &Pair<'_>,
    before: &Forecast,
    after: &Forecast,
    moved_days: Option<i64>,
    order_due: bool,
) -> ChangeKind {
    let noise = holds(before, after.p50, pair.later.end_of_horizon())
        && holds(after, before.p50, pair.earlier.end_of_horizon());
    match moved_days.unwrap_or(0) {
        _ if !noise && before.p50.is_none() && after.p50.is_some() => ChangeKind::Earlier,
        _ if !noise && before.p50.is_some() && after.p50.is_none() => ChangeKind::Later,
        days if !noise && days < 0 => ChangeKind::Earlier,
        days if !noise && days > 0 => ChangeKind::Later,
        _ if order_due => ChangeKind::OrderDue,
        0 if before.p50 == after.p50 => ChangeKind::Unchanged,
        _ => ChangeKind::Noise,
    }
}

/// Whether the 80% interval of a forecast holds another plan's median. One that lies beyond its
/// horizon may lie anywhere after it.
fn holds(forecast: &Forecast, median: Option<Timestamp>, end_of_horizon: Timestamp) -> bool {
    let until = |at: Timestamp| forecast.p90.is_none_or(|p90| at <= p90);
    match median {
        Some(median) => forecast.p10.is_some_and(|p10| p10 <= median) && until(median),
        None => until(end_of_horizon),
    }
}
