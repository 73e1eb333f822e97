//! `calc rightsize`: sizes for one workload, from a file of what its pods used.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::table::{Row, Table};
use crate::capacity::rightsizing::{
    Measure, Number, OutOfMemory, Preset, Resource, Severity, Usage, UsageSample, krr_score,
};
use crate::cli::sizes::{Amounts, Bytes, PresetArgs, Sizes, explain};
use crate::error::{Error, Result};
use crate::report::{Column, Sheet, Value};

/// A step in which it was held back all the time counts as this much: how long it would have waited
/// cannot be seen.
const HELD_BACK_MAX: f64 = 0.999;

#[derive(Debug, clap::Args)]
#[command(after_help = "The file has a header and the columns time, cpu (cores), memory (bytes), \
                        one of the two at least.\nOptional: pod; oom (bytes it was allowed when \
                        memory ran out), throttled and pressure (shares of\nthe step).\n\n\
                        Example:\n  plimsoll calc rightsize usage.csv --preset all --explain")]
pub(super) struct RightsizeArgs {
    /// A CSV file: a row for each time, or for each pod and time.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    presets: PresetArgs,
    /// What a pod requests today, in cores.
    #[arg(long, value_name = "CORES")]
    cpu_request: Option<f64>,
    /// What a pod requests today, as in 512MiB or 2GB.
    #[arg(long, value_name = "BYTES")]
    memory_request: Option<Bytes>,
}

/// What the file says, pod by pod.
#[derive(Default)]
struct Pods {
    names: BTreeMap<String, usize>,
    cpu: Vec<Vec<UsageSample>>,
    memory: Vec<Vec<UsageSample>>,
    ooms: Vec<OutOfMemory>,
}

const KNOWN: [&str; 8] = ["time", "pod", "host", "cpu", "memory", "oom", "throttled", "pressure"];

/// What every preset advises, side by side.
pub(super) fn rightsize(args: &RightsizeArgs) -> Result<Sheet> {
    let table = Table::read(&args.file, &["time"])?;
    let pods = read(&table)?;
    let options = args.presets.options()?;
    let mut sizes = Sizes::default();
    let mut sheet = Sheet::new(format!("Sizes of {}", args.file.display()));
    sheet.fact("pods", "pods", pods.names.len(), "");
    let usages =
        [(Resource::Cpu, pods.cpu, Vec::new()), (Resource::Memory, pods.memory, pods.ooms)];
    for (resource, samples, ooms) in usages {
        if samples.iter().all(Vec::is_empty) {
            continue;
        }
        let usage = Usage::new(resource, Measure::Native, samples, ooms)?;
        facts(&mut sheet, &usage);
        sizes.add(&usage, &args.presets.chosen(), &options);
    }
    sizes.fit_shapes();
    if sizes.advices().next().is_none() {
        return Err(sizes.into_failure());
    }
    let current = [args.cpu_request, args.memory_request.map(|Bytes(bytes)| bytes)];
    if current.iter().flatten().any(|amount| *amount <= 0.0) {
        return Err(Error::invalid("a request is an amount above 0"));
    }
    side_by_side(&mut sheet, &sizes, current);
    if args.presets.explain {
        explain(&mut sheet, [(None, &sizes)], Amounts::native);
    }
    for name in table.columns().iter().filter(|name| !KNOWN.contains(&name.as_str())) {
        sheet.note(format!("The column {name:?} says nothing here, and was not looked at."));
    }
    sizes.notes(&mut sheet);
    Ok(sheet)
}

fn read(table: &Table) -> Result<Pods> {
    let mut pods = Pods::default();
    for row in table.rows() {
        pods.add(&row)?;
    }
    Ok(pods)
}

impl Pods {
    fn add(&mut self, row: &Row<'_>) -> Result<()> {
        let time = row.time("time")?;
        let name = match row.text("pod") {
            "" => row.text("host"),
            pod => pod,
        };
        let next = self.names.len();
        let pod = *self.names.entry(name.to_owned()).or_insert(next);
        if pod == next {
            self.cpu.push(Vec::new());
            self.memory.push(Vec::new());
        }
        let mut held_back = 0.0_f64;
        for column in ["throttled", "pressure"] {
            let share = row.number_if_any(column)?.unwrap_or(0.0);
            if !(0.0..=1.0).contains(&share) {
                let what = format!("{column} is {share}: write a share from 0 to 1, not percent");
                return Err(row.error(what));
            }
            held_back = held_back.max(share).min(HELD_BACK_MAX);
        }
        let (cpu, memory) = (row.number_if_any("cpu")?, row.number_if_any("memory")?);
        if let Some(amount) = [cpu, memory].into_iter().flatten().find(|amount| *amount < 0.0) {
            return Err(row.error(format!("{amount} was used; write 0 or more, or nothing")));
        }
        if let Some(amount) = cpu {
            self.cpu[pod].push(UsageSample { time, amount, held_back });
        }
        if let Some(amount) = memory {
            self.memory[pod].push(UsageSample { time, amount, held_back: 0.0 });
        }
        match row.number_if_any("oom")? {
            Some(allowed) if allowed > 0.0 => self.ooms.push(OutOfMemory { time, pod, allowed }),
            Some(allowed) if allowed < 0.0 => {
                return Err(row.error("oom is what it was allowed, in bytes; 0 or nothing if none"));
            }
            _ => {}
        }
        Ok(())
    }
}

fn facts(sheet: &mut Sheet, usage: &Usage) {
    let (first, last) = usage.window();
    let amounts = Amounts::native(usage.resource());
    let (from, to) = (first.to_string(), last.to_string());
    let samples = usage.samples();
    let peak = usage.peak() / amounts.scale;
    match usage.resource() {
        Resource::Cpu => {
            sheet.fact("cpu_samples", "cpu samples", samples, format!("{from} to {to}"));
            sheet.fact("cpu_peak_cores", "cpu peak", peak, "cores");
        }
        Resource::Memory => {
            sheet.fact("memory_samples", "memory samples", samples, format!("{from} to {to}"));
            sheet.fact("memory_peak_mib", "memory peak", peak, "MiB");
        }
    }
}

fn side_by_side(sheet: &mut Sheet, sizes: &Sizes, current: [Option<f64>; 2]) {
    let compared = current.iter().any(Option::is_some);
    let mut columns = vec![
        Column::new("resource", "resource"),
        Column::new("preset", "preset"),
        Column::new("request", "request"),
        Column::new("low", "low"),
        Column::new("high", "high"),
        Column::new("limit", "limit"),
        Column::new("unit", "unit"),
    ];
    if compared {
        columns.push(Column::new("current", "current"));
        columns.push(Column::new("change", "change"));
        columns.push(Column::new("severity", "KRR grade"));
    }
    let mut grades: BTreeMap<Preset, Vec<Severity>> = BTreeMap::new();
    let table = sheet.table("sizes", &columns);
    for advice in sizes.advices() {
        let amounts = Amounts::native(advice.resource);
        let request = advice.request.value();
        let shown = |amount: Option<f64>| amounts.shown(amount);
        let of = |number: &Option<Number>| shown(number.as_ref().map(Number::value));
        let mut row: Vec<Value> = vec![
            advice.resource.name().into(),
            advice.preset.name().into(),
            shown(Some(request)),
            of(&advice.low),
            of(&advice.high),
            of(&advice.limit),
            amounts.unit.as_str().into(),
        ];
        if compared {
            let [cpu, memory] = current;
            let now = if advice.resource == Resource::Cpu { cpu } else { memory };
            let grade = now.map(|now| Severity::of(advice.resource, now, request));
            grades.entry(advice.preset).or_default().extend(grade);
            row.extend([shown(now), shown(now.map(|now| request - now))]);
            row.push(grade.map(Severity::name).into());
        }
        table.row(row);
    }
    if let Some((score, letter)) = grades.get(&Preset::Krr).and_then(|all| krr_score(all)) {
        sheet.fact("krr_score", "KRR score of today's requests", score, letter.to_string());
    }
}
