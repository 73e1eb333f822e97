//! `calc events`: what deploys and other events did to the cost of a unit of demand.

use std::path::PathBuf;

use super::series::{SeriesColumns, SeriesTable};
use crate::capacity::events::{
    Event, EventOptions, EventReport, Finding, Judgement, ServiceEffects, event_effects,
    parse_events,
};
use crate::error::{Error, Result};
use crate::model::{Labels, Span};
use crate::report::{Column, Sheet, Value};

#[derive(Debug, clap::Args)]
pub(super) struct EventsArgs {
    /// A CSV file with a header: a column of times, one of the resource's use, and one for each
    /// driver. Empty cells are not known.
    #[arg(value_name = "SERIES")]
    series: PathBuf,
    /// The events: a CSV file with the columns time and name, and kind, service and host where
    /// there are any. An event without a service and a host concerns all.
    #[arg(value_name = "EVENTS")]
    events: PathBuf,
    /// The column of the resource's use.
    #[arg(long, value_name = "COLUMN")]
    resource: String,
    /// A column of demand. Several may be given; without one, the use itself is compared.
    #[arg(long, value_name = "COLUMN")]
    driver: Vec<String>,
    /// The column of times: RFC 3339, or seconds since 1970.
    #[arg(long, value_name = "COLUMN", default_value = "time")]
    time: String,
    /// The column that names the service of each row, for a file of several.
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,
    /// The service that the file is of, where it is one; events of others are left out.
    #[arg(long, value_name = "NAME", conflicts_with = "by")]
    service: Option<String>,
    /// The host that the file is of, where it is one; events of others are left out.
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// How far before and after an event is looked, at most: other events cut it short.
    #[arg(long, value_name = "SPAN", default_value = "7d")]
    window: Span,
    /// How long after an event nothing is counted, as while caches warm up.
    #[arg(long, value_name = "SPAN", default_value = "0s")]
    settle: Span,
    /// The share of found events that may be chance.
    #[arg(long, value_name = "SHARE", default_value_t = 0.05)]
    false_share: f64,
    /// The smallest change of use, as a share, from which on history before it should not be used.
    #[arg(long, value_name = "SHARE", default_value_t = 0.05)]
    break_share: f64,
}

/// Each event with what it did; what got dearer and cheaper, the largest first; regimes.
pub(super) fn events(args: &EventsArgs) -> Result<Sheet> {
    for (name, share) in [("false", args.false_share), ("break", args.break_share)] {
        if !(0.0..1.0).contains(&share) {
            let what = format!("--{name}-share is {share}: give a share below 1, as in 0.05");
            return Err(Error::invalid(what));
        }
    }
    let text = std::fs::read_to_string(&args.events);
    let text = text.map_err(|why| Error::io("read", &args.events, why))?;
    let events = parse_events(&text, &args.events.display().to_string())?;
    let columns = SeriesColumns {
        time: &args.time,
        resource: &args.resource,
        drivers: &args.driver,
        by: args.by.as_deref(),
    };
    let options = EventOptions { window: args.window, settle: args.settle };
    let mut services = Vec::new();
    for (word, table) in SeriesTable::read(&args.series, &columns)? {
        let service = args.service.clone().unwrap_or(word);
        let events = concerning(&events, args, &service)?;
        let observations = table.observations(&args.driver)?;
        let effects = event_effects(&observations, &events.iter().collect::<Vec<_>>(), &options)?;
        services.push(ServiceEffects { service, events, effects });
    }
    let report = EventReport::new(services, args.false_share);
    let mut sheet = Sheet::new(format!("{} before and after events", args.resource));
    sheet.fact("events", "events looked at", report.findings().len(), "");
    sheet.fact("regressions", "made it dearer", report.regressions().len(), "");
    sheet.fact("improvements", "made it cheaper", report.improvements().len(), "");
    listed(&mut sheet, &report);
    ranked(&mut sheet, "regressions", "dearer, the largest first", &report, report.regressions());
    ranked(
        &mut sheet,
        "improvements",
        "cheaper, the largest first",
        &report,
        report.improvements(),
    );
    breaks(&mut sheet, &report, args.break_share);
    sheet.note(if args.driver.is_empty() {
        "Use is compared less its pattern of the day. Without a driver, demand that grew counts as \
         an event's doing."
    } else {
        "Use is compared at one demand, the mean of before and after; p is for use and cost \
         together."
    });
    Ok(sheet)
}

/// The events of a service and host. Where it is not known which those are, all.
fn concerning(events: &[Event], args: &EventsArgs, service: &str) -> Result<Vec<Event>> {
    let host = args.host.as_deref().unwrap_or("");
    if service.is_empty() && host.is_empty() {
        return Ok(events.to_vec());
    }
    let labels = Labels::new("use", [("service", service), ("host", host)])?;
    Ok(events.iter().filter(|event| event.concerns(&labels)).cloned().collect())
}

fn listed(sheet: &mut Sheet, report: &EventReport) {
    let columns = [
        Column::new("service", "service"),
        Column::new("time", "time"),
        Column::new("event", "event"),
        Column::new("kind", "kind"),
        Column::new("cost_before", "cost before"),
        Column::new("cost_after", "cost after"),
        Column::new("use_before", "use before"),
        Column::new("use_after", "use after"),
        Column::new("change", "change"),
        Column::new("change_low", "low"),
        Column::new("change_high", "high"),
        Column::new("p_value", "p"),
        Column::new("found", "found"),
    ];
    let mut reasons = Vec::new();
    let table = sheet.table("events", &columns);
    for finding in report.findings() {
        let (service, event) = named(report, finding);
        let effect = report.effect(finding);
        let cost = effect.and_then(|effect| effect.cost);
        let used = effect.map(|effect| effect.used);
        if let Some(Err(why)) = report.services()[finding.service].effects.get(finding.event) {
            reasons.push(format!("{}: {why}.", event.name));
        }
        table.row([
            service.into(),
            event.time.to_string().into(),
            event.name.clone().into(),
            event.kind.clone().into(),
            cost.map(|cost| cost.before.value).into(),
            cost.map(|cost| cost.after.value).into(),
            used.map(|used| used.before.value).into(),
            used.map(|used| used.after.value).into(),
            used.map(|used| used.difference.value).into(),
            used.map(|used| used.difference.low).into(),
            used.map(|used| used.difference.high).into(),
            effect.map(|effect| effect.p_value).into(),
            word(finding.judgement).into(),
        ]);
    }
    for reason in reasons {
        sheet.note(reason);
    }
}

fn ranked(
    sheet: &mut Sheet,
    key: &'static str,
    heading: &str,
    report: &EventReport,
    findings: Vec<Finding>,
) {
    if findings.is_empty() {
        return;
    }
    let columns = [
        Column::new("event", heading),
        Column::new("service", "service"),
        Column::new("use_change_share", "use, by a share of"),
        Column::new("cost_change_share", "cost, by a share of"),
    ];
    let table = sheet.table(key, &columns);
    for finding in findings {
        let (service, event) = named(report, &finding);
        let effect = report.effect(&finding);
        let cost = effect.and_then(|effect| effect.cost).and_then(|cost| cost.share);
        let cells: [Value; 4] = [
            event.name.clone().into(),
            service.into(),
            effect.and_then(|effect| effect.used.share).into(),
            cost.into(),
        ];
        table.row(cells);
    }
}

fn breaks(sheet: &mut Sheet, report: &EventReport, share_min: f64) {
    let breaks = report.breaks(share_min);
    if breaks.is_empty() {
        return;
    }
    let columns = [
        Column::new("time", "use history from"),
        Column::new("service", "service"),
        Column::new("event", "event"),
        Column::new("share", "changed by a share of"),
        Column::new("p_value", "p"),
    ];
    let table = sheet.table("regime_breaks", &columns);
    for one in breaks {
        table.row([
            one.time.to_string().into(),
            one.service.into(),
            one.event.into(),
            one.share.into(),
            one.p_value.into(),
        ]);
    }
}

fn named<'a>(report: &'a EventReport, finding: &Finding) -> (&'a str, &'a Event) {
    let service = &report.services()[finding.service];
    (&service.service, &service.events[finding.event])
}

fn word(judgement: Judgement) -> &'static str {
    match judgement {
        Judgement::Regression => "dearer",
        Judgement::Improvement => "cheaper",
        Judgement::NoChange => "no change",
        Judgement::Unknown => "cannot be told",
    }
}
