//! `calc remaining`: what the most constrained of several resources leaves, and for how long.

use std::path::PathBuf;

use super::table::Table;
use crate::capacity::remaining::{
    Buffer, Buffers, CapacityRemaining, Component, ResourceDays, ResourceLoad, State,
    TimeRemaining, cpu_headroom_fit,
};
use crate::error::{Error, Result};
use crate::report::{Column, Sheet, Value};

#[derive(Debug, clap::Args)]
pub(super) struct RemainingArgs {
    /// A CSV file, one resource a row: `resource`, `capacity`, `demand`; and where wanted
    /// `reserve`, in the same unit, and `days`, until it runs out (empty: it does not).
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How long new capacity takes: what runs out sooner is a breach.
    #[arg(long, value_name = "DAYS", default_value_t = 30.0)]
    provisioning_buffer_days: f64,
    /// A buffer, as component:intent:factor. Components are cpu, network, memory and disk, and
    /// compute and storage for two each; intents are desired, scale, scale-up, scale-down, floor
    /// and ceiling, as in disk:desired:3, and preserve. Those that meet multiply. Several may be
    /// given.
    #[arg(long, value_name = "BUFFER")]
    buffer: Vec<Buffer>,
    /// The virtual processors of a host: asks how much of them is to be kept free, so that less
    /// than 30% of the requests wait (Netflix's fit).
    #[arg(long, value_name = "NUMBER")]
    processors: Option<f64>,
    /// They are whole cores, without simultaneous multithreading.
    #[arg(long, requires = "processors")]
    whole_cores: bool,
}

/// What is left, of which resource, until when; and what buffers ask for.
pub(super) fn remaining(args: &RemainingArgs) -> Result<Sheet> {
    let table =
        Table::read_exact(&args.file, &["resource", "capacity", "demand"], &["reserve", "days"])?;
    let (mut loads, mut days) = (Vec::new(), Vec::new());
    for row in table.rows() {
        let name = row.text("resource").to_owned();
        if loads.iter().any(|load: &ResourceLoad| load.name == name) {
            return Err(row.error(format!("{name} is there twice: give each resource once")));
        }
        let load = ResourceLoad {
            name: name.clone(),
            capacity: row.number("capacity")?,
            reserve: row.number_if_any("reserve")?.unwrap_or(0.0),
            demand: row.number("demand")?,
        };
        row.at(CapacityRemaining::of(std::slice::from_ref(&load)))?;
        loads.push(load);
        days.push(ResourceDays { name, days: row.number_if_any("days")? });
    }
    let left = CapacityRemaining::of(&loads)?;
    let mut sheet = Sheet::new("Capacity remaining");
    let least = left.most_constrained();
    sheet.fact("most_constrained", "most constrained", least.name.as_str(), "");
    sheet.fact("remaining_percent", "capacity remaining", least.remaining_percent, "%");
    sheet.fact("capacity_state", "state of the capacity", least.state.name(), "");
    let dated = table.has("days");
    if dated {
        time(&mut sheet, &TimeRemaining::of(&days, args.provisioning_buffer_days)?, args);
    }
    let wanted = required(&mut sheet, args, &loads)?;
    rows(&mut sheet, &left, dated.then_some(&days), wanted.as_deref());
    sheet.note(
        "Remaining is the capacity less reserve and demand. Green from 10% on, yellow below, \
         orange below 5%, red at 0.",
    );
    if dated {
        sheet.note("Time is green from 120 days on, yellow below, orange below 60, red below 30.");
    }
    Ok(sheet)
}

fn time(sheet: &mut Sheet, time: &TimeRemaining, args: &RemainingArgs) {
    let shortest = time.shortest.as_ref();
    sheet.fact("runs_out_first", "runs out first", shortest.map(|one| one.name.as_str()), "");
    let days = shortest.and_then(|one| one.days);
    sheet.fact("time_remaining_days", "time remaining", days, "days");
    sheet.fact("time_state", "state of the time", time.state.name(), "");
    let breaches = (!time.breaches.is_empty()).then(|| time.breaches.join(", "));
    let name = format!("in breach of {} days", args.provisioning_buffer_days);
    sheet.fact("breaches", name, breaches, "");
}

/// What buffers and headroom ask for, by resource; `None` where neither is given.
fn required(
    sheet: &mut Sheet,
    args: &RemainingArgs,
    loads: &[ResourceLoad],
) -> Result<Option<Vec<Option<f64>>>> {
    if args.buffer.is_empty() && args.processors.is_none() {
        return Ok(None);
    }
    let buffers = Buffers::new(args.buffer.clone());
    let headroom = match args.processors {
        Some(processors) => cpu_headroom_fit(processors, !args.whole_cores)?,
        None => 0.0,
    };
    if args.processors.is_some() {
        let desired = buffers.combined(Component::Cpu)?.desired;
        sheet.fact("cpu_headroom", "processors kept free, by the fit", headroom, "");
        let target = (1.0 - headroom) / desired;
        sheet.fact("cpu_utilization_max", "processors used at most, with buffers", target, "");
    }
    let mut met = false;
    let mut wanted = Vec::with_capacity(loads.len());
    for load in loads {
        let Ok(component) = load.name.parse::<Component>() else {
            wanted.push(None);
            continue;
        };
        let free = if component == Component::Cpu { headroom } else { 0.0 };
        let combined = buffers.combined(component)?;
        wanted.push(Some(combined.required(load.demand / (1.0 - free), load.capacity)));
        met = true;
    }
    if met {
        return Ok(Some(wanted));
    }
    Err(Error::invalid(
        "buffers are for resources that are called cpu, network, memory or disk: the file has none",
    ))
}

fn rows(
    sheet: &mut Sheet,
    left: &CapacityRemaining,
    days: Option<&Vec<ResourceDays>>,
    wanted: Option<&[Option<f64>]>,
) {
    let mut columns = vec![
        Column::new("resource", "resource"),
        Column::new("remaining", "remaining"),
        Column::new("remaining_percent", "%"),
        Column::new("state", "state"),
    ];
    if days.is_some() {
        columns.push(Column::new("days", "days"));
        columns.push(Column::new("time_state", "state of the time"));
    }
    if wanted.is_some() {
        columns.push(Column::new("required", "required"));
    }
    let table = sheet.table("resources", &columns);
    for (at, one) in left.resources().iter().enumerate() {
        let mut cells: Vec<Value> = vec![
            one.name.as_str().into(),
            one.remaining.into(),
            one.remaining_percent.into(),
            one.state.name().into(),
        ];
        if let Some(one) = days.map(|days| &days[at]) {
            cells.extend([one.days.into(), State::of_days(one.days).name().into()]);
        }
        cells.extend(wanted.map(|wanted| Value::from(wanted[at])));
        table.row(cells);
    }
}
