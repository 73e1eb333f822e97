//! The planner: tiles of usage in, a plan out.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use rayon::prelude::*;

use super::assess::{Assessed, View};
use super::inventory::Inventory;
use super::known::{self, KnownHost};
use super::laws::LawReport;
use super::members::LimitsByDay;
use super::reduce::{self, LimitFacts};
use super::rows::Plan;
use super::series::RowSeries;
use super::study::{Limit, Resource, Study, Table};
use super::summary;
use super::zombie::ZombieReport;
use crate::error::{Error, Result};
use crate::model::{Frame, Labels, Span, Timestamp};

/// What is below 0 by no more than this share of a row's largest value is 0, but for rounding.
const ROUNDING: f64 = 1e-6;

/// Takes the tiles of every [table](Study::tables) of a study, in any order, and makes the plan.
///
/// Only the reduced rows are kept, and 8 bytes for each day of each, so that memory hardly grows
/// with the length of the data. The plan does not depend on how rows are cut into tiles, on their
/// order, or on the number of threads.
///
/// ```
/// use plimsoll::capacity::{Outcome, Planner, Study, Table};
/// use plimsoll::{Frame, Labels, Span, Timestamp};
///
/// let study = Study::parse(
///     "[study]\nstep = \"1h\"\n\
///      [[resource]]\nname = \"disk\"\nusage = \"disk_used\"\nlimit = 100.0\nunit = \"GB\"\n",
///     "study.toml",
/// )?;
/// let start: Timestamp = "2026-01-01".parse()?;
/// let values: Vec<f64> = (0..24 * 60).map(|hour| 40.0 + f64::from(hour % 24)).collect();
/// let host = Labels::from_pairs([("host", "db-1")])?;
/// let usage = Frame::new(start, Span::HOUR, values.len(), vec![host], values)?;
///
/// let mut planner = Planner::new(&study, start.plus(Span::from_days(60)))?;
/// planner.add(Table { resource: 0, group: None }, &usage, None)?;
/// let plan = planner.finish();
/// let row = &plan.hosts.rows[0];
/// assert_eq!(row.peak.map(|peak| peak.value), Some(63.0));
/// assert_eq!(row.headroom(), Some(37.0));
/// assert_eq!(row.outcome, Outcome::NoTrend);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug)]
pub struct Planner {
    view: View,
    rows: Vec<Assessed>,
    seen: HashSet<(Table, Labels)>,
    limits: HashMap<Table, LimitsOfRows>,
    inventory: Option<Inventory>,
    zombies: Option<ZombieReport>,
    laws: Vec<LawReport>,
    caveats: Vec<String>,
}

/// The latest limit of each row, or why there is none.
type LimitsOfRows = HashMap<Labels, Result<LimitFacts, String>>;

impl Planner {
    /// A planner for a study. Data at or after `as_of` is not looked at: for "up to the last
    /// sample", give the instant after it.
    pub fn new(study: &Study, as_of: Timestamp) -> Result<Self> {
        if study.resources.is_empty() {
            return Err(Error::invalid(
                "the study has no [[resource]]: add one with name, usage and limit",
            ));
        }
        let hosts = BTreeMap::new();
        let unlimited = Vec::new();
        let view = View { study: study.clone(), as_of, with_history: false, hosts, unlimited };
        let (seen, limits) = (HashSet::new(), HashMap::new());
        let (rows, laws, caveats) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { view, rows, seen, limits, inventory: None, zombies: None, laws, caveats })
    }

    /// The same planner, of which the plan has a [history](super::History) as well.
    #[must_use]
    pub fn with_history(mut self) -> Self {
        self.view.with_history = true;
        self
    }

    /// The same planner, which knows these hosts: which pool each is in, where it stands, what it
    /// costs. Of hosts with the same labels of the study's `by` the last counts.
    #[must_use]
    pub fn with_hosts(mut self, hosts: impl IntoIterator<Item = KnownHost>) -> Self {
        let by = &self.view.study.by;
        let known = hosts.into_iter().map(|host| (host.labels.project(by), host));
        self.view.hosts = known.collect();
        self
    }

    /// The same planner, which adds what the owners say to the hosts that it
    /// [knows](Self::with_hosts), and tells what was designed against what is.
    #[must_use]
    pub fn with_inventory(mut self, inventory: Inventory) -> Self {
        self.inventory = Some(inventory);
        self
    }

    /// The same planner, whose plan tells these zombies in place of the hosts that are idle by the
    /// study's own rule.
    #[must_use]
    pub fn with_zombies(mut self, zombies: ZombieReport) -> Self {
        self.zombies = Some(zombies);
        self
    }

    /// The same planner, whose plan tells these laws of throughput by load.
    #[must_use]
    pub fn with_laws(mut self, laws: Vec<LawReport>) -> Self {
        self.laws = laws;
        self
    }

    /// The same planner, whose plan says beside every answer what its data lack, which no row can
    /// show: each a sentence without its capital and its stop, as in "samples of May are missing".
    #[must_use]
    pub fn with_caveats(mut self, caveats: impl IntoIterator<Item = String>) -> Self {
        self.caveats.extend(caveats);
        self
    }

    /// Takes the limits of some rows of one table, before the tiles of its usage that come without
    /// one. Two streams of tiles need not be cut alike; of a limit, the latest is kept, and when
    /// others held.
    ///
    /// `limit` has any step, and one row for each set of the table's labels. Where the study's
    /// limit is a number, its values are how many series each row adds up.
    pub fn add_limit(&mut self, table: Table, limit: &Frame) -> Result<()> {
        let limits = self.limits_of(table, limit)?;
        self.limits.entry(table).or_default().extend(limits);
        Ok(())
    }

    /// Takes the limits of one table as the sums of those of its rows' members; what is used
    /// without one is in the plan's notes. Otherwise as [`Planner::add_limit`].
    pub fn add_limits(&mut self, table: Table, limits: LimitsByDay) -> Result<()> {
        self.add_limit(table, &limits.frame)?;
        let unlimited = limits.unlimited.into_iter();
        self.view.unlimited.extend(unlimited.map(|(row, member)| (table, row, member)));
        Ok(())
    }

    /// Takes some rows of one table, each whole in time.
    ///
    /// `usage` has the step of the study and one row for each set of the table's labels. `limit` is
    /// as for [`Planner::add_limit`], for this call alone, and may hold other rows too; without
    /// it, the limits that were added before count, and a limit that is a number holds once for
    /// each row. A row that cannot be judged is in the plan with the reason and stops no other; a
    /// row that was given before is an error, and nothing of the call is taken.
    pub fn add(&mut self, table: Table, usage: &Frame, limit: Option<&Frame>) -> Result<()> {
        let resource = self.resource(table)?;
        let study = &self.view.study;
        let step = step_of(usage)?;
        if step != study.step {
            return Err(Error::invalid(format!(
                "the usage has steps of {step} and the study of {}; query it at the study's step",
                study.step
            )));
        }
        let by = study.labels_of(table);
        let names: Vec<Labels> = usage.rows().map(|(labels, _)| labels.project(by)).collect();
        self.check_new(table, &names)?;
        let given = limit.map(|limit| self.limits_of(table, limit)).transpose()?;
        let known = given.as_ref().or_else(|| self.limits.get(&table));
        let view = &self.view;
        let rows = names.par_iter().enumerate().map(|(row, labels)| {
            let (values, below_zero) = readings(usage.row(row));
            let series = RowSeries::new(usage.start(), step, &values);
            let limit = limit_of(resource, known, labels);
            Assessed { below_zero, ..view.assess(table, labels.clone(), series, limit) }
        });
        let rows: Vec<Assessed> = rows.collect();
        self.rows.extend(rows);
        self.seen.extend(names.into_iter().map(|labels| (table, labels)));
        Ok(())
    }

    fn resource(&self, table: Table) -> Result<&Resource> {
        let study = &self.view.study;
        let group = table.group.is_none_or(|group| group < study.groups.len());
        let resource = study.resources.get(table.resource).filter(|_| group);
        resource.ok_or_else(|| Error::invalid(format!("the study has no table {table:?}")))
    }

    fn limits_of(&self, table: Table, limit: &Frame) -> Result<LimitsOfRows> {
        let resource = self.resource(table)?;
        let by = self.view.study.labels_of(table);
        let factor = match &resource.limit {
            Some(Limit::Number(number)) => number * resource.limit_factor,
            _ => resource.limit_factor,
        };
        let step = step_of(limit)?;
        let facts = |row: usize| {
            let series = RowSeries::new(limit.start(), step, limit.row(row));
            let found = reduce::limit(series.cut(Timestamp::MIN, self.view.as_of), factor);
            (limit.labels(row).project(by), found)
        };
        Ok((0..limit.len()).into_par_iter().map(facts).collect())
    }

    fn check_new(&self, table: Table, names: &[Labels]) -> Result<()> {
        let mut here = HashSet::new();
        for labels in names {
            if !here.insert(labels) || self.seen.contains(&(table, labels.clone())) {
                return Err(Error::invalid(format!(
                    "{labels} of {} was given twice; give each row once, with all its steps",
                    self.view.study.resources[table.resource].name
                )));
            }
        }
        Ok(())
    }

    /// The plan over all rows.
    pub fn finish(mut self) -> Plan {
        self.rows.par_sort_by(|a, b| {
            let table = |row: &Assessed| (row.table.group, row.table.resource);
            table(a).cmp(&table(b)).then_with(|| a.row.labels.cmp(&b.row.labels))
        });
        let label = self.view.study.host_label().to_owned();
        if let Some(inventory) = &self.inventory {
            let shapes = &self.view.study.shapes;
            known::add_inventory(&mut self.view.hosts, inventory, &label, shapes);
        }
        let design = self.inventory.as_ref();
        let design =
            design.map(|inventory| known::designs(&self.view, &self.rows, inventory, &label));
        let plan = summary::plan(&self.view, self.rows, self.zombies, self.laws);
        Plan { design, caveats: self.caveats, ..plan }
    }
}

/// What a row used, and at how many steps it is said to have used less than nothing: that is no
/// reading, and a gap. What is below 0 by rounding alone, as a difference may be, is 0.
fn readings(row: &[f64]) -> (Cow<'_, [f64]>, usize) {
    if !row.iter().any(|value| *value < 0.0) {
        return (Cow::Borrowed(row), 0);
    }
    let finite = row.iter().filter(|value| value.is_finite());
    let largest = finite.fold(0.0_f64, |most, value| most.max(*value));
    let mut below_zero = 0;
    let reading = |value: &f64| {
        if *value < -ROUNDING * largest {
            below_zero += 1;
            return f64::NAN;
        }
        if *value < 0.0 { 0.0 } else { *value }
    };
    let values = row.iter().map(reading).collect();
    (Cow::Owned(values), below_zero)
}

/// The length of a frame's steps.
fn step_of(frame: &Frame) -> Result<Span> {
    frame.step().ok_or_else(|| {
        Error::invalid("a plan needs steps of one length; query it at the study's step")
    })
}

/// The limit of a row. A number holds for each series, of which there is one where they were not
/// counted.
fn limit_of(
    resource: &Resource,
    known: Option<&LimitsOfRows>,
    labels: &Labels,
) -> Result<LimitFacts, String> {
    match (&resource.limit, known) {
        (None, _) => Err("it has no limit".to_owned()),
        (Some(Limit::Number(number)), None) => {
            Ok(LimitFacts::constant(number * resource.limit_factor))
        }
        (_, known) => known
            .and_then(|known| known.get(labels).cloned())
            .unwrap_or_else(|| Err("no series of the limit has its labels".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::study::Across;
    use super::super::testing::{self, labels};
    use super::super::{Grade, MemberLimits, Outcome, PlanRow};
    use super::*;
    use crate::model::{Calendar, TimeRange};

    fn row<'a>(plan: &'a Plan, host: &str, resource: &str) -> &'a PlanRow {
        let is = |row: &&PlanRow| row.labels.get("host") == Some(host) && row.resource == resource;
        plan.hosts.rows.iter().find(is).unwrap()
    }

    #[test]
    fn every_outcome_appears_where_it_was_planted() {
        let plan = testing::plan(100, |_| ());
        assert_eq!((plan.summary.hosts, plan.summary.rows), (30, 90));
        let outcome = |host: &str, resource: &str| &row(&plan, host, resource).outcome;
        let Outcome::Already { since } = outcome("db-01", "disk") else { panic!() };
        assert_eq!(since.date(), "2026-02-01");
        // 250 + 2.5 a day reach 450 on day 80; the data ends on day 62.
        let Outcome::Within(forecast) = outcome("db-02", "disk") else { panic!() };
        let planted = testing::start().plus(Span::from_days(79));
        let found = forecast.p50.unwrap();
        assert!(found.since(planted).max(planted.since(found)) <= Span::from_days(2), "{found}");
        assert_eq!(forecast.order_by, forecast.p10.map(|day| day.minus(Span::from_days(30))));
        assert!(row(&plan, "db-02", "disk").is_overdue(plan.as_of));
        assert!((row(&plan, "db-02", "disk").slope_per_day.unwrap() - 2.5).abs() < 0.1);
        assert_eq!(*outcome("db-07", "disk"), Outcome::Never);
        assert_eq!(*outcome("web-01", "cpu"), Outcome::NoTrend);
        for (host, why) in [
            ("gone-01", "no samples in the last day"),
            ("nolimit-01", "the limit has no data"),
            ("new-01", ""),
        ] {
            let Outcome::NotEnoughData { what } = outcome(host, "memory") else { panic!("{host}") };
            assert!(what.contains(why), "{what}");
        }
        let reason = |note: &&super::super::Note| note.what.contains("in the last day");
        let note = plan.notes.iter().find(reason).unwrap();
        assert_eq!(note.count, 6);
        assert!(note.examples.contains(&"gone-01: cpu, disk, memory".to_owned()));
    }

    /// A plan of one resource with a limit of 10, of three days of hours that all are `value`.
    fn flat(by: &str, value: f64) -> Plan {
        let text = format!(
            "[study]\nstep = \"1h\"\nby = [\"{by}\"]\n\
             [[resource]]\nname = \"cpu\"\nusage = \"cpu\"\nlimit = 10.0\n\
             [idle]\nwindow = \"all\"\nminimum_age = \"1d\"\n[idle.below]\ncpu = \"5%\"\n"
        );
        let study = Study::parse(&text, "s").unwrap();
        let start = testing::start();
        let values = vec![value; 72];
        let usage = Frame::new(start, Span::HOUR, 72, vec![labels("host", "a")], values).unwrap();
        let mut planner = Planner::new(&study, start.plus(Span::from_days(3))).unwrap();
        planner.add(Table { resource: 0, group: None }, &usage, None).unwrap();
        planner.finish()
    }

    #[test]
    fn a_use_below_zero_is_no_reading() {
        assert_eq!(flat("host", 0.0).idle.hosts.len(), 1);
        let plan = flat("host", -5.0);
        let row = row(&plan, "a", "cpu");
        assert!(row.peak.is_none() && row.headroom().is_none() && plan.idle.hosts.is_empty());
        let said = |note: &&super::super::Note| note.what.contains("given below 0");
        assert_eq!(plan.notes.iter().find(said).unwrap().examples, ["a: cpu"]);
        let (values, below_zero) = readings(&[4.0, -1.0, -1e-9, f64::NAN]);
        assert_eq!((values[0], values[2], below_zero), (4.0, 0.0, 1));
        assert!(values[1].is_nan() && values[3].is_nan());
        // Neither infinities nor a wild value below 0 say what is small.
        let (values, below_zero) = readings(&[f64::INFINITY, f64::NEG_INFINITY, -5.0, -1e9]);
        assert!(values[0].is_infinite() && values[1..].iter().all(|value| value.is_nan()));
        assert_eq!(below_zero, 3);
    }

    #[test]
    fn a_label_that_no_series_has_is_told() {
        let said = |note: &&super::super::Note| note.what.contains("no series has this label");
        assert!(!flat("host", 5.0).notes.iter().any(|note| said(&note)));
        let plan = flat("hostt", 5.0);
        assert_eq!(plan.notes.iter().find(said).unwrap().examples, ["hostt"]);
        assert_eq!(plan.hosts.absent_labels().collect::<Vec<_>>(), ["hostt"]);
    }

    #[test]
    fn amounts_have_one_unit_and_the_margin_counts() {
        let plan = testing::plan(100, |_| ());
        let memory = row(&plan, "web-01", "memory");
        assert_eq!((memory.limit, memory.line), (Some(16_000.0), Some(14_400.0)));
        let peak = memory.peak.unwrap().value;
        assert_eq!(memory.headroom(), Some(14_400.0 - peak));
        assert_eq!(memory.headroom_share(), Some((14_400.0 - peak) / 16_000.0));
        // A limit that is a number holds for each of the eight databases.
        let disks = plan.groups[0]
            .rows
            .iter()
            .find(|row| row.labels.get("service") == Some("db") && row.resource == "disk");
        assert_eq!(disks.unwrap().limit, Some(4_000.0));
        assert!(plan.hosts.rows.iter().all(|row| row.resource != "network"), "only evidence");
    }

    #[test]
    fn a_number_holds_for_each_series_and_is_converted() {
        let text = "[[resource]]\nname = \"disk\"\nusage = \"d\"\nunit = \"MB\"\n\
                    limit = 2\nlimit_unit = \"GB\"\n";
        let study = Study::parse(text, "study.toml").unwrap();
        let names = || vec![labels("host", "a")];
        let usage = Frame::new(testing::start(), study.step, 1, names(), vec![5.0]).unwrap();
        let count = Frame::new(testing::start(), Span::DAY, 1, names(), vec![3.0]).unwrap();
        for (count, limit) in [(None, 2_000.0), (Some(&count), 6_000.0)] {
            let as_of = testing::start().plus(Span::DAY);
            let mut planner = Planner::new(&study, as_of).unwrap();
            planner.add(Table { resource: 0, group: None }, &usage, count).unwrap();
            assert_eq!(planner.finish().hosts.rows[0].limit, Some(limit));
        }
    }

    #[test]
    fn a_peak_under_another_limit_is_no_peak_of_this_one() {
        let study = Study::parse(testing::STUDY, "study.toml").unwrap();
        let names = || vec![labels("host", "a")];
        let mut usage = vec![1.0; 30 * 96];
        usage[5 * 96] = 12.0;
        usage[12 * 96] = 2.0;
        let usage = Frame::new(testing::start(), study.step, 30 * 96, names(), usage).unwrap();
        for (days_before, peak) in [(0, 12.0), (10, 2.0), (20, 1.0), (28, 1.0)] {
            let mut limit = vec![16.0; 30];
            limit[days_before..].fill(3.0);
            let limit = Frame::new(testing::start(), Span::DAY, 30, names(), limit).unwrap();
            let as_of = testing::start().plus(Span::from_days(30));
            let mut planner = Planner::new(&study, as_of).unwrap();
            planner.add(Table { resource: 0, group: None }, &usage, Some(&limit)).unwrap();
            let plan = planner.finish();
            let row = &plan.hosts.rows[0];
            assert_eq!((row.limit, row.peak.unwrap().value), (Some(3.0), peak));
            assert_eq!(row.limit_change.is_some(), days_before > 0);
        }
    }

    #[test]
    fn probabilities_are_weighed_as_the_past_of_the_fleets_hosts_says() {
        use super::super::exhaustion::{ExhaustionOptions, time_to_exhaustion};
        let text = "[study]\nstep = \"1d\"\n[[resource]]\nname = \"disk\"\nusage = \"d\"\n\
                    limit = 60.5\nsafety_margin = 0.0\n[[group]]\nname = \"all\"\nby = [\"of\"]\n";
        let study = Study::parse(text, "study.toml").unwrap();
        let days = 90;
        // No peak of this fleet ever went over 60, though each comes near it again and again.
        let peak = |host: usize, day: usize| (50 + (day * day * 7 + host * 3) % 11) as f64;
        let names = (0..20).map(|host| labels("host", &format!("h{host:02}"))).collect();
        let usage: Vec<f64> =
            (0..20).flat_map(|host| (0..days).map(move |day| peak(host, day))).collect();
        let usage = Frame::new(testing::start(), Span::DAY, days, names, usage).unwrap();
        let as_of = testing::start().plus(Span::from_days(days as i64));
        let plan_with = |groups: &[Frame]| {
            let mut planner = Planner::new(&study, as_of).unwrap();
            planner.add(Table { resource: 0, group: None }, &usage, None).unwrap();
            for usage in groups {
                planner.add(Table { resource: 0, group: Some(0) }, usage, None).unwrap();
            }
            planner.finish()
        };
        let plan = plan_with(&[]);
        // What a group did says nothing of its hosts: this one is restless.
        let values = (0..days).map(|day| (day * day * 11 % 59) as f64).collect();
        let of_group =
            Frame::new(testing::start(), Span::DAY, days, vec![labels("of", "x")], values);
        let grouped = plan_with(&[of_group.unwrap()]);
        let odds = |table: &super::super::TablePlan| -> Vec<_> {
            table.rows.iter().map(|row| row.probabilities.unwrap()).collect()
        };
        assert_eq!((odds(&grouped.hosts), odds(&grouped.groups[0]).len()), (odds(&plan.hosts), 1));
        for (host, row) in plan.hosts.rows.iter().enumerate() {
            let weighed = row.probabilities.unwrap();
            let name: usize = row.labels.get("host").unwrap()[1..].parse().unwrap();
            let peaks: Vec<f64> = (0..days).map(|day| peak(name, day)).collect();
            let found = time_to_exhaustion(&peaks, 60.5, &ExhaustionOptions::default());
            let as_it_is = found.probabilities.unwrap();
            assert!(weighed.within_30 < as_it_is.within_30, "{host}: {weighed:?} {as_it_is:?}");
        }
    }

    #[test]
    fn what_stands_at_its_line_every_day_reaches_it_again() {
        let text = "[study]\nstep = \"1d\"\n[[resource]]\nname = \"disk\"\nusage = \"d\"\n\
                    limit = 100\n";
        let study = Study::parse(text, "study.toml").unwrap();
        let days = 60;
        // One at the limit, and some that grow far under it: of these the highest peaks go on.
        let peak = |host: usize, day: usize| match host {
            0 => 100.0,
            _ => 10.0 + day as f64 * 0.5 + ((day * day * 7 + host * 3) % 11) as f64 / 4.0,
        };
        for hosts in [1, 2, 20, 200] {
            let names = (0..hosts).map(|host| labels("host", &format!("h{host:02}"))).collect();
            let usage =
                (0..hosts).flat_map(|host| (0..days).map(move |day| peak(host, day))).collect();
            let usage = Frame::new(testing::start(), Span::DAY, days, names, usage).unwrap();
            let as_of = testing::start().plus(Span::from_days(days as i64));
            let mut planner = Planner::new(&study, as_of).unwrap();
            planner.add(Table { resource: 0, group: None }, &usage, None).unwrap();
            let plan = planner.finish();
            let full = row(&plan, "h00", "disk");
            assert!(matches!(full.outcome, Outcome::Already { .. }));
            let week = full.probabilities.unwrap().within_7;
            assert!(week > 0.95, "{hosts} hosts: {week}");
        }
    }

    #[test]
    fn resources_without_series_and_members_without_a_limit_are_told() {
        let text = "[study]\nstep = \"1d\"\n[[resource]]\nname = \"mem\"\nusage = \"used\"\n\
                    limit = \"lim\"\n[[resource]]\nname = \"disk\"\nusage = \"dsk\"\nlimit = 1\n\
                    [[group]]\nname = \"zone\"\nby = [\"zone\"]\n";
        let study = Study::parse(text, "study.toml").unwrap();
        let as_of = testing::start().plus(Span::from_days(2));
        let member = |host| Labels::from_pairs([("host", host), ("zone", "z")]).unwrap();
        let of = |names: Vec<Labels>| {
            let values = vec![1.0; 2 * names.len()];
            Frame::new(testing::start(), Span::DAY, 2, names, values).unwrap()
        };
        let table = Table { resource: 0, group: Some(0) };
        let mut members = MemberLimits::new(Across::Sum);
        members.add_usage(&of(vec![member("a"), member("c")])).unwrap();
        members.add_limit(&of(vec![member("a")])).unwrap();
        let mut planner = Planner::new(&study, as_of).unwrap();
        planner.add_limits(table, members.by(&["zone".to_owned()]).unwrap().unwrap()).unwrap();
        planner.add(table, &of(vec![labels("zone", "z")]), None).unwrap();
        let plan = planner.finish();
        let said = |what: &str| {
            let mut notes = plan.notes.iter().filter(|note| note.what.contains(what));
            notes.next().map(|note| note.examples.clone())
        };
        assert_eq!(said("no series of its usage"), Some(vec!["disk".to_owned()]));
        assert_eq!(said("has no limit"), Some(vec!["c of z: mem".to_owned()]));
    }

    #[test]
    fn steps_of_a_calendar_are_refused() {
        let study = Study::parse(testing::STUDY, "study.toml").unwrap();
        let mut planner = Planner::new(&study, testing::start().plus(Span::from_days(9))).unwrap();
        let table = Table { resource: 0, group: None };
        let day = TimeRange::new(testing::start(), testing::start().plus(Span::DAY)).unwrap();
        let days = "day".parse::<Calendar>().unwrap().steps(day).unwrap();
        let by_day = Frame::by_calendar(days, vec![labels("host", "a")], vec![1.0]).unwrap();
        let usage = Frame::new(day.start, study.step, 1, vec![labels("host", "a")], vec![1.0]);
        for refused in [
            planner.add(table, &by_day, None),
            planner.add(table, &usage.unwrap(), Some(&by_day)),
            planner.add_limit(table, &by_day),
        ] {
            assert!(refused.unwrap_err().to_string().contains("steps of one length"));
        }
    }

    #[test]
    fn limits_may_come_in_tiles_of_their_own() {
        let study = Study::parse(testing::STUDY, "study.toml").unwrap();
        let mut planner = Planner::new(&study, testing::start().plus(Span::from_days(9))).unwrap();
        let table = Table { resource: 0, group: None };
        let frame = |step, hosts: &[&str], values: &[f64]| {
            let names = hosts.iter().map(|host| labels("host", host)).collect();
            Frame::new(testing::start(), step, 1, names, values.to_vec()).unwrap()
        };
        planner.add_limit(table, &frame(Span::DAY, &["c"], &[30.0])).unwrap();
        planner.add_limit(table, &frame(Span::HOUR, &["b", "a"], &[20.0, 10.0])).unwrap();
        planner.add(table, &frame(study.step, &["a", "b"], &[1.0, 1.0]), None).unwrap();
        planner.add(table, &frame(study.step, &["c", "d"], &[1.0, 1.0]), None).unwrap();
        let plan = planner.finish();
        let limits = ["a", "b", "c", "d"].map(|host| row(&plan, host, "cpu").limit);
        assert_eq!(limits, [Some(10.0), Some(20.0), Some(30.0), None]);
    }

    #[test]
    fn worst_first() {
        let plan = testing::plan(100, |_| ());
        let rank = |row: &PlanRow| match &row.outcome {
            Outcome::Already { .. } => 0,
            Outcome::Within(f) if f.p10.is_some() => 1,
            Outcome::NotEnoughData { .. } => 3,
            _ => 2,
        };
        let rows = &plan.hosts.rows;
        assert!(rows.is_sorted_by_key(rank));
        let quiet: Vec<f64> =
            rows.iter().filter(|row| rank(row) == 2).filter_map(PlanRow::headroom_share).collect();
        assert!(quiet.len() > 50 && quiet.is_sorted());
    }

    #[test]
    fn idle_hosts_are_found_and_monthly_jobs_kept() {
        let plan = testing::plan(100, |_| ());
        let names = |labels: &Labels| labels.get("host").unwrap().to_owned();
        let idle: Vec<_> = plan.idle.hosts.iter().map(|host| names(&host.labels)).collect();
        assert_eq!(idle, ["old-01", "old-02"]);
        assert_eq!(plan.idle.hosts[0].grade, Grade::Strong);
        assert_eq!(plan.idle.hosts[0].frees[1].2, 16_000.0);
        let kept: Vec<_> = plan.idle.kept_for_bursts.iter().map(names).collect();
        assert_eq!(kept, ["batch-01", "batch-02", "batch-03", "batch-04", "batch-05"]);
        let unsaid: Vec<_> = plan.idle.undetermined.iter().map(|(of, _)| names(of)).collect();
        assert_eq!(unsaid, ["gone-01"]);
        let over = &plan.overprovisioned;
        let listed = |host: &str| over.rows.iter().any(|row| names(&row.labels) == host);
        assert!(listed("web-01") && !listed("old-01") && !listed("gone-01") && !listed("new-01"));
        for row in &over.rows {
            assert!((row.target * 0.8 - row.need).abs() < 1e-9 && row.need < 0.5 * row.limit);
        }
        let disk = &over.totals[2];
        let sum: f64 =
            over.rows.iter().filter(|r| r.resource == "disk").map(|r| r.limit - r.target).sum();
        assert!((disk.amount.0 - sum).abs() < 1e-6 && disk.resource == "disk");
    }

    #[test]
    fn neither_tiles_nor_order_nor_threads_change_the_plan() {
        let expected = format!("{:?}", testing::plan(100, |_| ()));
        assert_eq!(format!("{:?}", testing::plan(1, |rows| rows.reverse())), expected);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let halves = |rows: &mut Vec<&testing::Row>| rows.rotate_left(3);
        assert_eq!(format!("{:?}", pool.install(|| testing::plan(7, halves))), expected);
    }

    #[test]
    fn callers_mistakes_are_errors_and_take_nothing() {
        let study = Study::parse(testing::STUDY, "study.toml").unwrap();
        let mut planner = Planner::new(&study, testing::start()).unwrap();
        let table = Table { resource: 0, group: None };
        let frame = |hosts: &[&str], step| {
            let names = hosts.iter().map(|host| labels("host", host)).collect();
            Frame::new(testing::start(), step, 1, names, vec![1.0; hosts.len()]).unwrap()
        };
        let good = frame(&["a"], study.step);
        for (table, usage, part) in [
            (Table { resource: 9, group: None }, &good, "no table"),
            (Table { resource: 0, group: Some(5) }, &good, "no table"),
            (table, &frame(&["a"], Span::HOUR), "query it at the study's step"),
            (table, &frame(&["a", "b", "a"], study.step), "given twice"),
        ] {
            let error = planner.add(table, usage, None).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        planner.add(table, &good, None).unwrap();
        assert!(planner.add(table, &good, None).is_err());
        assert_eq!(planner.finish().summary.rows, 1);
        let nothing = Study::parse("", "study.toml").unwrap();
        assert!(Planner::new(&nothing, testing::start()).is_err());
    }

    #[test]
    fn hostile_values_stop_no_row() {
        let study = Study::parse(testing::STUDY, "study.toml").unwrap();
        let as_of = testing::start().plus(Span::from_days(30));
        let steps = 30 * 96;
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, -1.0, 0.0] {
            for limit in [f64::NAN, f64::INFINITY, 0.0, -5.0, f64::MIN_POSITIVE, f64::MAX] {
                let names = vec![labels("host", "bad"), labels("host", "good")];
                let mut values = vec![value; steps];
                values.extend(vec![1.0; steps]);
                let usage =
                    Frame::new(testing::start(), study.step, steps, names.clone(), values).unwrap();
                let limit =
                    Frame::new(testing::start(), Span::DAY, 1, names, vec![limit, 8.0]).unwrap();
                let mut planner = Planner::new(&study, as_of).unwrap();
                planner.add(Table { resource: 0, group: None }, &usage, Some(&limit)).unwrap();
                let plan = planner.finish();
                assert_eq!(plan.hosts.rows.len(), 2);
                assert_eq!(row(&plan, "good", "cpu").peak.map(|peak| peak.value), Some(1.0));
            }
        }
    }

    #[test]
    fn only_the_past_after_the_cut_is_seen() {
        let text = testing::STUDY.replace("horizon", "ignore_before = 2026-02-11\nhorizon");
        let study = Study::parse(&text, "study.toml").unwrap();
        let as_of = testing::start().plus(Span::from_days(30));
        let mut values = vec![1.0; 62 * 96];
        values[3 * 96] = 700.0;
        values[40 * 96] = 900.0;
        values[20 * 96] = 2.0;
        let usage =
            Frame::new(testing::start(), study.step, 62 * 96, vec![labels("host", "a")], values);
        let mut planner = Planner::new(&study, as_of).unwrap();
        planner.add(Table { resource: 2, group: None }, &usage.unwrap(), None).unwrap();
        let plan = planner.finish();
        assert_eq!(plan.hosts.rows[0].peak.map(|peak| peak.value), Some(2.0));
        assert_eq!((plan.hosts.rows[0].days, plan.window.start.date()), (20, "2026-02-11".into()));
    }
}
