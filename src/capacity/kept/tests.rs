//! Changes and scores with numbers that were worked out by hand.

use super::*;
use crate::capacity::exhaustion::Probabilities;
use crate::capacity::rows::{Forecast, Peak, PlanRow};
use crate::capacity::study::{Study, Table};
use crate::model::{Frame, Labels};

fn day(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A disk with 50 GB of room under its line.
fn row(host: &str, outcome: Outcome) -> PlanRow {
    PlanRow {
        labels: Labels::from_pairs([("host", host)]).unwrap(),
        resource: "disk".into(),
        unit: "GB".parse().ok(),
        used_now: 390.0,
        first_seen: None,
        last_seen: None,
        peak: None,
        peak_7_days: Some(Peak { value: 400.0, at: day("2026-02-28") }),
        limit: Some(500.0),
        line: Some(450.0),
        limit_change: None,
        outcome,
        slope_per_day: Some(1.0),
        p_value: Some(0.2),
        trend_since: Some(day("2026-01-01")),
        backtest: None,
        probabilities: None,
        days: 60,
        gap_days: 0,
    }
}

fn peaked(host: &str, outcome: Outcome, peak: f64) -> PlanRow {
    let mut row = row(host, outcome);
    row.peak_7_days = Some(Peak { value: peak, at: day("2026-02-28") });
    row
}

/// Dates by day of 2026; the lead time is 30 days.
fn within(p10: &str, p50: Option<&str>, p90: Option<&str>) -> Outcome {
    let date = |text: &str| day(&format!("2026-{text}"));
    Outcome::Within(Forecast {
        p10: Some(date(p10)),
        p50: p50.map(date),
        p90: p90.map(date),
        order_by: Some(date(p10).minus(Span::from_days(30))),
        within_7_days: 0.0,
        within_30_days: 0.0,
        within_90_days: 0.5,
        never: 0.0,
    })
}

fn full(since: &str) -> Outcome {
    Outcome::Already { since: day(&format!("2026-{since}")) }
}

fn unknown(what: &str) -> Outcome {
    Outcome::NotEnoughData { what: what.into() }
}

fn plan(as_of: &str, rows: Vec<PlanRow>) -> KeptPlan {
    KeptPlan {
        study: "fleet".into(),
        as_of: day(&format!("2026-{as_of}")),
        step: Span::DAY,
        horizon: Span::from_days(120),
        lead_time: Span::from_days(30),
        hosts: TablePlan { name: "host".into(), by: vec!["host".into()], rows },
        groups: Vec::new(),
    }
}

/// The change of one row over the 31 days of March.
#[track_caller]
fn change(before: Option<PlanRow>, after: Option<PlanRow>) -> (ChangeKind, Vec<Reason>) {
    let before = plan("03-01", before.into_iter().collect());
    let after = plan("04-01", after.into_iter().collect());
    let changes = PlanChanges::between(&before, &after);
    assert_eq!(changes.rows.len(), 1);
    (changes.rows[0].kind, changes.rows[0].reasons.clone())
}

#[test]
fn what_came_over_the_line_says_why() {
    let found = change(Some(row("a", Outcome::NoTrend)), Some(peaked("a", full("03-30"), 455.0)));
    let demand = |from, to, expected| Reason::Demand { from, to, expected };
    assert_eq!(found, (ChangeKind::NewlyFull, vec![demand(400.0, 455.0, None)]));
    // 10 GB are 2% of the line: little, and yet what took it over.
    let near = peaked("a", Outcome::NoTrend, 445.0);
    let found = change(Some(near.clone()), Some(peaked("a", full("03-30"), 455.0)));
    assert_eq!(found, (ChangeKind::NewlyFull, vec![demand(445.0, 455.0, None)]));
    // A smaller limit took it over, and nothing else.
    let mut smaller = peaked("a", full("03-02"), 445.0);
    (smaller.limit, smaller.line) = (Some(490.0), Some(441.0));
    let found = change(Some(near.clone()), Some(smaller));
    let limit = Reason::Limit { from: 500.0, to: 490.0 };
    assert_eq!(found, (ChangeKind::NewlyFull, vec![limit]));
    // A larger margin: 15% of the same limit.
    let mut margin = peaked("a", full("03-02"), 445.0);
    margin.line = Some(425.0);
    let (kind, reasons) = change(Some(near), Some(margin));
    let [Reason::Margin { from, to }] = reasons[..] else { panic!("{reasons:?}") };
    assert_eq!(kind, ChangeKind::NewlyFull);
    assert!((from - 0.1).abs() < 1e-12 && (to - 0.15).abs() < 1e-12);
}

#[test]
fn what_was_forecast_is_no_surprise() {
    let dated = || Some(row("a", within("03-20", Some("03-28"), Some("04-10"))));
    let came = |since| change(dated(), Some(peaked("a", full(since), 455.0)));
    assert_eq!(came("03-25"), (ChangeKind::NewlyFull, vec![Reason::AsForecast]));
    // 400 GB and 31 days of 1 GB: 431 was to be expected, and 24 GB are over 5% of the line.
    let early = Reason::BeforeForecast { p10: day("2026-03-20") };
    let more = Reason::Demand { from: 400.0, to: 455.0, expected: Some(431.0) };
    assert_eq!(came("03-10"), (ChangeKind::NewlyFull, vec![early, more]));
}

#[test]
fn dates_move_for_a_reason_or_within_noise() {
    let before = || Some(peaked("a", within("05-01", Some("05-20"), Some("06-10")), 400.0));
    let after = |outcome| Some(peaked("a", outcome, 431.0));
    let moved = |outcome| {
        let (before, after) = (before(), after(outcome));
        let earlier = plan("03-01", before.into_iter().collect());
        let later = plan("04-01", after.into_iter().collect());
        let changes = PlanChanges::between(&earlier, &later);
        let row = &changes.rows[0];
        (row.kind, row.moved_days, row.order_moved_days, row.order_due)
    };
    // The median of each lies in the other's interval.
    let near = within("05-04", Some("05-25"), Some("06-20"));
    assert_eq!(moved(near), (ChangeKind::Noise, Some(5), Some(3), false));
    // The new median lies in the old interval, the old one not in the new.
    let narrow = within("05-22", Some("05-25"), Some("05-30"));
    assert_eq!(moved(narrow), (ChangeKind::Later, Some(5), Some(21), false));
    let sooner = within("04-20", Some("04-25"), Some("05-10"));
    assert_eq!(moved(sooner), (ChangeKind::Earlier, Some(-25), Some(-11), true));
    // To be ordered since yesterday, though the date is what it was.
    let due = within("04-30", Some("05-20"), Some("06-10"));
    assert_eq!(moved(due), (ChangeKind::OrderDue, Some(0), Some(-1), true));
    let same = within("05-02", Some("05-20"), Some("06-10"));
    assert_eq!(moved(same), (ChangeKind::Unchanged, Some(0), Some(1), false));
    // A median beyond the horizon, which ends on 30 July, may lie anywhere after it.
    let beyond = within("05-10", None, None);
    assert_eq!(moved(beyond.clone()).0, ChangeKind::Later);
    let wide = Some(peaked("a", within("05-10", Some("06-20"), None), 400.0));
    assert_eq!(change(wide, after(beyond)).0, ChangeKind::Noise);
}

#[test]
fn slopes_levels_and_trends_are_told_apart() {
    let dated = within("06-01", Some("06-20"), Some("07-10"));
    let with = |outcome: &Outcome, peak, slope, since: &str| {
        let mut row = peaked("a", outcome.clone(), peak);
        (row.slope_per_day, row.trend_since) = (Some(slope), Some(day(since)));
        Some(row)
    };
    let before = with(&dated, 400.0, 1.0, "2026-01-01");
    let sooner = within("04-10", Some("04-20"), Some("05-10"));
    let steeper = with(&sooner, 431.0, 1.3, "2026-01-01");
    let slope = Reason::Slope { from: 1.0, to: 1.3 };
    assert_eq!(change(before.clone(), steeper), (ChangeKind::Earlier, vec![slope]));
    // 1.1 GB a day is no other slope than 1 GB: time alone passed.
    let passed = with(&sooner, 431.0, 1.1, "2026-01-01");
    let time = Reason::TimePassed { days: 31 };
    assert_eq!(change(before.clone(), passed), (ChangeKind::Earlier, vec![time]));
    let level = with(&sooner, 431.0, 1.0, "2026-03-15");
    let since = Reason::LevelChanged { since: day("2026-03-15") };
    assert_eq!(change(before.clone(), level), (ChangeKind::Earlier, vec![since]));
    let gone = with(&Outcome::NoTrend, 431.0, 0.1, "2026-01-01");
    let vanished = Reason::TrendVanished { p_value: Some(0.2) };
    assert_eq!(change(before.clone(), gone), (ChangeKind::NoLongerDated, vec![vanished]));
    let none = with(&Outcome::NoTrend, 400.0, 0.1, "2026-01-01");
    let appeared = Reason::TrendAppeared { p_value: Some(0.2) };
    assert_eq!(change(none.clone(), before), (ChangeKind::NewlyDated, vec![appeared]));
    // Without a date a trend that comes or goes is counted, and not told.
    assert_eq!(change(none, Some(row("a", Outcome::Never))), (ChangeKind::Trend, vec![]));
}

#[test]
fn rows_that_come_go_or_fall_silent_are_told() {
    let stays = || Some(row("a", Outcome::NoTrend));
    assert_eq!(change(None, stays()), (ChangeKind::New, vec![Reason::HostNew]));
    assert_eq!(change(stays(), None), (ChangeKind::Gone, vec![Reason::HostGone]));
    let silent = || Some(row("a", unknown("no samples in the last day")));
    let what = "no samples in the last day".to_owned();
    let now = Reason::NotKnownNow { what: what.clone() };
    assert_eq!(change(stays(), silent()), (ChangeKind::Unknown, vec![now]));
    let (kind, reasons) = change(silent(), stays());
    assert_eq!((kind, reasons), (ChangeKind::Known, vec![Reason::NotKnownBefore { what }]));
    // Another resource of the host is there.
    let mut cpu = row("a", Outcome::NoTrend);
    cpu.resource = "cpu".into();
    let before = plan("03-01", vec![row("a", Outcome::NoTrend)]);
    let after = plan("04-01", vec![row("a", Outcome::NoTrend), cpu]);
    let changes = PlanChanges::between(&before, &after);
    assert_eq!(changes.rows[0].reasons, [Reason::RowNew]);
    assert_eq!(changes.count(ChangeKind::Unchanged), 1);
    // A unit that changed compares with nothing.
    let mut other = peaked("a", Outcome::NoTrend, 0.4);
    (other.unit, other.limit, other.line) = ("TB".parse().ok(), Some(0.5), Some(0.45));
    let dated = row("a", within("06-01", Some("06-20"), None));
    let found = change(Some(dated), Some(other));
    assert_eq!(found, (ChangeKind::NoLongerDated, vec![Reason::UnitChanged]));
}

#[test]
fn room_counts_where_there_is_no_date() {
    let with = |peak| Some(peaked("a", Outcome::NoTrend, peak));
    // 25 GB are 5% of the limit; of the line 5.6%.
    assert_eq!(change(with(400.0), with(425.0)).0, ChangeKind::Tighter);
    assert_eq!(change(with(400.0), with(424.9)).0, ChangeKind::Unchanged);
    assert_eq!(change(with(400.0), with(375.0)).0, ChangeKind::Looser);
    let mut grown = row("a", Outcome::NoTrend);
    (grown.limit, grown.line) = (Some(1_000.0), Some(900.0));
    let limit = Reason::Limit { from: 500.0, to: 1_000.0 };
    assert_eq!(change(with(400.0), Some(grown)), (ChangeKind::Looser, vec![limit]));
}

#[test]
fn the_worst_changes_come_first() {
    let dates = |host, p50| row(host, within("06-01", Some(p50), Some(p50)));
    let before = plan(
        "03-01",
        vec![
            dates("earlier-by-9", "07-10"),
            dates("earlier-by-5", "07-06"),
            row("dated", Outcome::NoTrend),
            row("full", Outcome::NoTrend),
            row("gone", Outcome::NoTrend),
            row("same", Outcome::NoTrend),
        ],
    );
    let after = plan(
        "03-10",
        vec![
            row("same", Outcome::NoTrend),
            dates("earlier-by-5", "07-01"),
            dates("earlier-by-9", "07-01"),
            dates("dated", "07-01"),
            row("full", full("03-05")),
        ],
    );
    let changes = PlanChanges::between(&before, &after);
    let names: Vec<&str> = changes
        .rows
        .iter()
        .map(|row| row.after.or(row.before).unwrap().labels.get("host").unwrap())
        .collect();
    assert_eq!(names, ["full", "dated", "earlier-by-9", "earlier-by-5", "gone", "same"]);
    assert!(ChangeKind::ALL.is_sorted());
}

const STUDY: &str = "[study]\nstep = \"1d\"\n[[resource]]\nname = \"disk\"\nusage = \"d\"\n\
                     unit = \"GB\"\nlimit = 100\n";

/// A row with the line at 50 GB, of which this was said.
fn said(host: &str, outcome: Outcome, within_7: f64, within_30: f64) -> PlanRow {
    let mut row = row(host, outcome);
    row.line = Some(50.0);
    let (within_90, never) = (0.9, 0.1);
    row.probabilities = Some(Probabilities { within_7, within_30, within_90, never });
    row
}

/// A hundred days from 1 January: 10 GB, but for what is given.
fn scored(plans: &[KeptPlan], usage: &[(&str, &[(usize, f64)])]) -> PlanScores {
    let study = Study::parse(STUDY, "study.toml").unwrap();
    let (start, days) = (day("2026-01-01"), 100);
    let names = usage.iter().map(|(host, _)| Labels::from_pairs([("host", *host)]).unwrap());
    let mut values = vec![10.0; usage.len() * days];
    for (at, (_, peaks)) in usage.iter().enumerate() {
        peaks.iter().for_each(|(day, peak)| values[at * days + day] = *peak);
    }
    let frame = Frame::new(start, Span::DAY, days, names.collect(), values).unwrap();
    let last = start.plus(Span::from_days(99));
    let mut scorer = PlanScorer::new(&study, last.plus(Span::from_nanos(1)));
    for plan in plans {
        scorer.add_plan(plan);
    }
    scorer.add(Table { resource: 0, group: None }, &frame).unwrap();
    scorer.finish()
}

#[test]
fn what_was_said_is_scored_by_what_came() {
    // As of day 40: a reaches its line on day 45, b never does, c is silent, d is not there.
    let mut foreign = said("e", Outcome::NoTrend, 0.5, 0.5);
    foreign.unit = "MB".parse().ok();
    let rows = vec![
        said("a", Outcome::NoTrend, 0.2, 0.5),
        said("b", Outcome::Never, 0.1, 0.6),
        said("c", Outcome::NoTrend, 0.3, 0.3),
        said("d", Outcome::NoTrend, 0.3, 0.3),
        foreign,
        said("f", full("02-01"), 1.0, 1.0),
    ];
    let gap: Vec<(usize, f64)> = (41..60).map(|day| (day, f64::NAN)).collect();
    let usage: [(&str, &[(usize, f64)]); 5] =
        [("a", &[(45, 50.0)]), ("b", &[]), ("c", &gap), ("e", &[]), ("f", &[(41, 60.0)])];
    let scores = scored(&[plan("02-10", rows)], &usage);
    assert_eq!(scores.end, day("2026-04-11"));
    let [week, month] = &scores.within[..] else { panic!("{:?}", scores.within) };
    let found = week.not_full.unwrap();
    assert_eq!((week.within_days, week.plans, found.cases, found.reached), (7, 1, 2, 1));
    // (0.8^2 + 0.1^2) / 2 over 0.5 * 0.5, and (0.5^2 + 0.6^2) / 2.
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
    near(found.brier, 0.325);
    near(found.said, 0.15);
    near(found.skill.unwrap(), 1.0 - 0.325 / 0.25);
    near(month.not_full.unwrap().brier, 0.305);
    // With the full one, of which 1 was said and came.
    near(week.all.unwrap().brier, 0.65 / 3.0);
    let deciles: Vec<_> = week.deciles.iter().map(|d| (d.from, d.cases, d.came)).collect();
    assert_eq!(deciles, [(0.1, 1, 0.0), (0.2, 1, 1.0)]);
    // c at 7 and 30 days; everything but d and e at 90.
    let left_out = LeftOut { other_step: 0, unknown_days: 2, not_over: 4, without_usage: 2 };
    assert_eq!(scores.left_out, left_out);
    let missed: Vec<_> =
        scores.missed.iter().map(|m| (m.labels.get("host").unwrap(), m.within_days)).collect();
    assert_eq!(missed, [("a", 7), ("b", 30)]);
    let worst = &scores.missed[0];
    assert_eq!((worst.reached, worst.peak, worst.peak_day), (true, 50.0, day("2026-02-15")));
}

#[test]
fn dates_are_judged_once_their_interval_has_passed() {
    let with = |host, p10, p90| said(host, within(p10, Some(p10), p90), 0.5, 0.5);
    // The line is reached on day 45, 15 February; the last day that is over is 10 April.
    let rows = vec![
        with("held", "02-15", Some("02-15")),
        with("early", "02-16", Some("03-01")),
        with("late", "02-12", Some("02-14")),
        with("never", "02-12", Some("04-10")),
        with("to-come", "02-12", Some("04-11")),
        with("beyond", "02-12", None),
        with("silent", "02-12", Some("03-01")),
    ];
    let silent: Vec<(usize, f64)> = (41..60).map(|day| (day, f64::NAN)).collect();
    let reached: &[(usize, f64)] = &[(45, 55.0)];
    let usage = ["held", "early", "late", "never", "to-come", "beyond", "silent"].map(|host| {
        let peaks = match host {
            "never" => &[][..],
            "silent" => &silent,
            _ => reached,
        };
        (host, peaks)
    });
    let found = scored(&[plan("02-10", rows)], &usage).intervals;
    assert_eq!(found, DateIntervals { held: 1, early: 1, late: 2, open: 2, unknown: 1 });
    assert_eq!(found.share_held(), Some(0.25));
    assert_eq!(DateIntervals::default().share_held(), None);
}

#[test]
fn plans_of_another_step_are_left_out_and_counted() {
    let one = || plan("02-10", vec![said("a", Outcome::NoTrend, 0.5, 0.5)]);
    let hourly = KeptPlan { step: Span::HOUR, ..one() };
    let usage: [(&str, &[(usize, f64)]); 1] = [("a", &[(45, 50.0)])];
    let both = scored(&[hourly.clone(), one()], &usage);
    assert_eq!((both.plans, both.left_out.other_step), (1, 1));
    assert_eq!(both.within[0].all.unwrap().cases, 1);
    let none = scored(&[hourly], &usage);
    assert_eq!((none.plans, none.left_out.other_step, none.within.len()), (0, 1, 0));
}

#[test]
fn days_count_from_the_last_one_that_the_plan_knew() {
    let study = Study::parse(&STUDY.replace("1d", "1h"), "study.toml").unwrap();
    let (start, hours) = (day("2026-01-01"), 24 * 30);
    let labels = || vec![Labels::from_pairs([("host", "a")]).unwrap()];
    let frame = |peak_hour: usize| {
        let mut values = vec![10.0; hours];
        values[peak_hour] = 60.0;
        Frame::new(start, Span::HOUR, hours, labels(), values).unwrap()
    };
    let end = start.plus(Span::from_days(30)).minus(Span::from_nanos(1));
    let reached = |as_of: &str, peak_hour: usize| {
        let mut scorer = PlanScorer::new(&study, end);
        let said = plan(as_of, vec![said("a", Outcome::NoTrend, 0.5, 0.5)]);
        scorer.add_plan(&KeptPlan { step: Span::HOUR, ..said });
        scorer.add(Table { resource: 0, group: None }, &frame(peak_hour)).unwrap();
        scorer.finish().within[0].not_full.unwrap().reached == 1
    };
    // As of 10 in the morning of the 11th the plan knew the 10th: the 11th to the 17th are ahead.
    let at = |day: usize, hour: usize| (day - 1) * 24 + hour;
    assert!(reached("01-11T10:00:00Z", at(11, 20)) && reached("01-11T10:00:00Z", at(17, 23)));
    assert!(!reached("01-11T10:00:00Z", at(18, 0)));
    // As of noon half of the 11th was known: the 12th to the 18th.
    assert!(!reached("01-11T12:00:00Z", at(11, 20)) && reached("01-11T12:00:00Z", at(18, 0)));
    // The line had been reached that morning, so the day was known.
    assert!(!reached("01-11T10:00:00Z", at(11, 9)));
}

#[test]
fn a_date_that_comes_into_the_horizon_did_not_move_later() {
    let moved = |before, after| {
        let (earlier, later) = (
            plan("03-01", vec![peaked("a", before, 400.0)]),
            plan("04-01", vec![peaked("a", after, 431.0)]),
        );
        let changes = PlanChanges::between(&earlier, &later);
        (changes.rows[0].kind, changes.rows[0].moved_days)
    };
    // The median came into the horizon, and the P10 went the other way: nobody knows how far.
    let (beyond, known) =
        (within("05-10", None, None), within("05-22", Some("05-25"), Some("05-30")));
    assert_eq!(moved(beyond.clone(), known.clone()), (ChangeKind::Earlier, None));
    assert_eq!(moved(known, beyond.clone()), (ChangeKind::Later, None));
    // Where neither is known the P10 is all there is.
    assert_eq!(moved(beyond, within("05-15", None, None)), (ChangeKind::Noise, Some(5)));
}
