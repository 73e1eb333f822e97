//! A plan's JSON read back: what [`json`](super::json()) wrote, of this version or one before, with
//! fields that this build does not know passed over.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::json::SCHEMA_VERSION;
use crate::capacity::exhaustion::Probabilities;
use crate::capacity::kept::KeptPlan;
use crate::capacity::{Backtest, Forecast, LimitChange, Outcome, Peak, PlanRow, TablePlan};
use crate::error::{Error, Result};
use crate::model::{Labels, Span, Timestamp, Unit};

/// Reads a plan that `plimsoll plan --format json` wrote; `path` names it in errors.
///
/// # Errors
///
/// [`Error::Version`] for a plan of a newer form; [`Error::Parse`] for what is no plan, with the
/// line and the reason.
pub fn read_plan(bytes: &[u8], path: &Path) -> Result<KeptPlan> {
    let versioned: Versioned = parsed(bytes, path)?;
    Error::expect_version(path, versioned.schema_version, SCHEMA_VERSION)?;
    let document: Document = parsed(bytes, path)?;
    document.plan().map_err(|why| failed(path, 1, &why.to_string()))
}

fn parsed<'a, T: Deserialize<'a>>(bytes: &'a [u8], path: &Path) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|why| {
        let line = why.line().max(1) as u64;
        failed(path, line, &why.to_string())
    })
}

fn failed(path: &Path, line: u64, why: &str) -> Error {
    let what = format!("it is no plan ({why}); name a file that `plan --format json` wrote");
    Error::Parse { origin: path.display().to_string(), line, what }
}

/// Read first, since a newer form may have nothing else of this one.
#[derive(Deserialize)]
struct Versioned {
    schema_version: u32,
}

#[derive(Deserialize)]
struct Document {
    study: String,
    as_of: String,
    step: Span,
    horizon: Span,
    lead_time: Span,
    hosts: TableView,
    #[serde(default)]
    groups: Vec<TableView>,
}

#[derive(Deserialize)]
struct TableView {
    name: String,
    #[serde(default)]
    by: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    labels: BTreeMap<String, String>,
    resource: String,
    unit: Option<String>,
    used_now: Option<f64>,
    first_seen: Option<String>,
    last_seen: Option<String>,
    peak: Option<At>,
    peak_7_days: Option<At>,
    limit: Option<f64>,
    line: Option<f64>,
    limit_change: Option<Change>,
    outcome: String,
    why: Option<String>,
    full_since: Option<String>,
    full: Option<Full>,
    order_by: Option<String>,
    slope_per_day: Option<f64>,
    p_value: Option<f64>,
    trend_since: Option<String>,
    backtest: Option<BacktestView>,
    reached: Option<Reached>,
    #[serde(default)]
    days: usize,
    #[serde(default)]
    gap_days: usize,
}

#[derive(Deserialize)]
struct At {
    value: f64,
    at: String,
}

#[derive(Deserialize)]
struct Change {
    from: f64,
    at: String,
}

#[derive(Deserialize)]
struct Full {
    p10: Option<String>,
    p50: Option<String>,
    p90: Option<String>,
    within_7_days: f64,
    within_30_days: f64,
    within_90_days: f64,
    never: f64,
}

#[derive(Deserialize)]
struct Reached {
    within_7_days: f64,
    within_30_days: f64,
    within_90_days: f64,
    never: f64,
}

#[derive(Deserialize)]
struct BacktestView {
    origins: usize,
    mase: Option<f64>,
    coverage: Option<f64>,
}

impl Document {
    fn plan(self) -> Result<KeptPlan> {
        Ok(KeptPlan {
            study: self.study,
            as_of: self.as_of.parse()?,
            step: self.step,
            horizon: self.horizon,
            lead_time: self.lead_time,
            hosts: self.hosts.table()?,
            groups: self.groups.into_iter().map(TableView::table).collect::<Result<_>>()?,
        })
    }
}

impl TableView {
    fn table(self) -> Result<TablePlan> {
        let rows = self.rows.into_iter().map(Row::row).collect::<Result<_>>()?;
        Ok(TablePlan { name: self.name, by: self.by, rows })
    }
}

fn time(text: Option<&String>) -> Result<Option<Timestamp>> {
    text.map(|text| text.parse()).transpose()
}

impl At {
    fn peak(&self) -> Result<Peak> {
        Ok(Peak { value: self.value, at: self.at.parse()? })
    }
}

impl Row {
    fn row(self) -> Result<PlanRow> {
        let pairs = self.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let limit_change = self.limit_change.as_ref().map(|change| {
            Ok::<_, Error>(LimitChange { from: change.from, at: change.at.parse()? })
        });
        Ok(PlanRow {
            labels: Labels::from_pairs(pairs)?,
            unit: self.unit.as_ref().map(|unit| unit.parse::<Unit>()).transpose()?,
            used_now: self.used_now.unwrap_or(f64::NAN),
            first_seen: time(self.first_seen.as_ref())?,
            last_seen: time(self.last_seen.as_ref())?,
            peak: self.peak.as_ref().map(At::peak).transpose()?,
            peak_7_days: self.peak_7_days.as_ref().map(At::peak).transpose()?,
            limit: self.limit,
            line: self.line,
            limit_change: limit_change.transpose()?,
            outcome: self.outcome()?,
            slope_per_day: self.slope_per_day,
            p_value: self.p_value,
            trend_since: time(self.trend_since.as_ref())?,
            backtest: self.backtest.as_ref().map(|one| Backtest {
                origins: one.origins,
                mase: one.mase.unwrap_or(f64::NAN),
                coverage: one.coverage.unwrap_or(f64::NAN),
            }),
            probabilities: self.reached.as_ref().map(|said| Probabilities {
                within_7: said.within_7_days,
                within_30: said.within_30_days,
                within_90: said.within_90_days,
                never: said.never,
            }),
            days: self.days,
            gap_days: self.gap_days,
            resource: self.resource,
        })
    }

    fn outcome(&self) -> Result<Outcome> {
        let missing =
            |what: &str| Error::invalid(format!("{} of {}: {what}", self.resource, self.outcome));
        Ok(match self.outcome.as_str() {
            "already" => Outcome::Already {
                since: time(self.full_since.as_ref())?
                    .ok_or_else(|| missing("`full_since` is not there"))?,
            },
            "within" => {
                let full = self.full.as_ref().ok_or_else(|| missing("`full` is not there"))?;
                Outcome::Within(Forecast {
                    p10: time(full.p10.as_ref())?,
                    p50: time(full.p50.as_ref())?,
                    p90: time(full.p90.as_ref())?,
                    order_by: time(self.order_by.as_ref())?,
                    within_7_days: full.within_7_days,
                    within_30_days: full.within_30_days,
                    within_90_days: full.within_90_days,
                    never: full.never,
                })
            }
            "never" => Outcome::Never,
            "no_trend" => Outcome::NoTrend,
            "not_enough_data" => {
                Outcome::NotEnoughData { what: self.why.clone().unwrap_or_default() }
            }
            _ => return Err(missing("no plan has such an outcome")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::plan;
    use super::*;
    use crate::report::json;

    fn text() -> String {
        let mut out = Vec::new();
        json(&plan(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn read(text: &str) -> Result<KeptPlan> {
        read_plan(text.as_bytes(), Path::new("p.json"))
    }

    #[test]
    fn a_plan_comes_back_to_the_last_bit() {
        let mut plan = plan();
        plan.hosts.rows[0].slope_per_day = Some(0.1 + 0.2);
        plan.hosts.rows[0].limit = Some(f64::MIN_POSITIVE / 3.0);
        let mut out = Vec::new();
        json(&plan, &mut out).unwrap();
        let found = read_plan(&out, Path::new("p.json")).unwrap();
        // Of numbers the shortest text that tells them apart; NaN is no number that compares.
        assert_eq!(format!("{found:?}"), format!("{:?}", KeptPlan::from(&plan)));
        let words: Vec<&str> = found.hosts.rows.iter().map(|row| row.outcome.word()).collect();
        assert!(words.contains(&"within") && words.contains(&"not_enough_data"), "{words:?}");
    }

    #[test]
    fn what_is_new_is_passed_over_and_what_is_newer_is_refused() {
        let more = text().replacen("\"study\"", "\"orders\": [{\"x\": 1}], \"study\"", 1);
        assert_eq!(read(&more).unwrap().study, "small");
        let newer = text().replacen("\"schema_version\": 1", "\"schema_version\": 2", 1);
        let refused = read(&newer).unwrap_err();
        assert!(matches!(refused, Error::Version { found: 2, supported: 1, .. }), "{refused}");
        assert!(refused.to_string().ends_with("use a newer plimsoll"), "{refused}");
        // A newer form may have none of our fields.
        assert!(matches!(read("{\"schema_version\": 7}"), Err(Error::Version { .. })));
    }

    #[test]
    fn what_is_no_plan_is_refused_with_its_line() {
        let whole = text();
        for (text, says) in [
            ("", "p.json:1: it is no plan (EOF"),
            ("[]", "p.json:1: it is no plan"),
            ("{\"facts\": {}}", "missing field `schema_version`"),
            (&whole[..whole.len() / 2], "p.json:"),
            (&whole.replacen("\"within\"", "\"soon\"", 1), "no plan has such an outcome"),
            (&whole.replacen("\"2025-12-20\"", "\"yesterday\"", 1), "yesterday"),
            (&whole.replacen("\"full_since\": \"2025-12-20\"", "\"x\": 1", 1), "`full_since`"),
        ] {
            let refused = read(text).unwrap_err();
            assert!(matches!(refused, Error::Parse { .. }), "{refused}");
            let refused = refused.to_string();
            assert!(
                refused.contains(says) && refused.contains("`plan --format json`"),
                "{refused}"
            );
        }
    }
}
