//! `calc hardware`: what demand comes to in the cores of other hardware.

use std::path::PathBuf;

use super::table::{Row, Table};
use crate::capacity::hardware::{CoreSpeed, Hardware};
use crate::cli::numbers::amount;
use crate::error::{Error, Result};
use crate::report::{Column, Sheet};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  plimsoll calc hardware --cores 16 --from 2.3*1 --to 3.5*1.15\n  \
    plimsoll calc hardware --cores 640 --from old --shapes hardware.csv --utilisation 0.6\n\
    The file has a column name; ghz and ipc, or score; and if known threads (what a shown core is\n\
    worth of one that runs alone) and cores (of one host)."
)]
pub(super) struct HardwareArgs {
    /// The cores that are needed on the hardware of today.
    #[arg(long, value_name = "CORES")]
    cores: f64,
    /// A core of today: GHz times instructions per cycle, as in 2.3*1; or a score of a benchmark;
    /// or a name in the file of --shapes.
    #[arg(long, value_name = "SPEED|NAME")]
    from: String,
    /// A core of the other hardware, in the same form. Default: each in the file of --shapes.
    #[arg(long, value_name = "SPEED|NAME", required_unless_present = "shapes")]
    to: Option<String>,
    /// What a shown core of today is worth of one that runs alone: about 0.6 where it is one of two
    /// threads. Default: as in the file, else 1.
    #[arg(long, value_name = "SHARE")]
    from_threads: Option<f64>,
    /// The same of the other hardware.
    #[arg(long, value_name = "SHARE", requires = "to")]
    to_threads: Option<f64>,
    /// The cores of one of the other hosts: asks for hosts. Default: as in the file.
    #[arg(long, value_name = "CORES", requires = "to")]
    host_cores: Option<f64>,
    /// The share of its cores up to which each of them is used. Default: 1.
    #[arg(long, value_name = "SHARE")]
    utilisation: Option<f64>,
    /// A table of hardware.
    #[arg(long, value_name = "FILE")]
    shapes: Option<PathBuf>,
}

/// Cores of one kind in cores of another, or of all in a table.
pub(super) fn hardware(args: &HardwareArgs) -> Result<Sheet> {
    let known = args.shapes.as_deref().map(|file| Table::read(file, &["name"])).transpose()?;
    let known = known.as_ref().map(read).transpose()?.unwrap_or_default();
    let mut from = named(&args.from, &known)?;
    from.thread_share = args.from_threads.unwrap_or(from.thread_share);
    let mut sheet = Sheet::new("Demand on other hardware");
    let Some(to) = &args.to else {
        each(&mut sheet, args, &from, &known)?;
        return Ok(sheet);
    };
    let mut to = named(to, &known)?;
    to.thread_share = args.to_threads.unwrap_or(to.thread_share);
    to.cores = args.host_cores.or(to.cores);
    let converted = from.convert(args.cores, &to)?;
    sheet.fact("factor", format!("a core of {} is", from.name), converted.factor, "cores");
    sheet.fact("cores", format!("cores of {}", to.name), converted.cores, "cores");
    sheet.fact("whole_cores", "in whole cores", converted.whole_cores, "cores");
    expect_hosts(args, to.cores.is_some())?;
    if to.cores.is_some() {
        let hosts = from.hosts(args.cores, &to, args.utilisation.unwrap_or(1.0))?;
        sheet.fact("hosts", "hosts", hosts, "");
    }
    note(&mut sheet, &from);
    Ok(sheet)
}

fn each(sheet: &mut Sheet, args: &HardwareArgs, from: &Hardware, known: &[Hardware]) -> Result<()> {
    let columns = [
        Column::new("name", "hardware"),
        Column::new("factor", "a core is"),
        Column::new("cores", "cores"),
        Column::new("whole_cores", "whole cores"),
        Column::new("hosts", "hosts"),
    ];
    expect_hosts(args, known.iter().any(|to| to.cores.is_some()))?;
    let utilisation = args.utilisation.unwrap_or(1.0);
    let table = sheet.table("hardware", &columns);
    for to in known {
        let converted = from.convert(args.cores, to)?;
        let hosts = to.cores.map(|_| from.hosts(args.cores, to, utilisation)).transpose()?;
        table.row([
            to.name.as_str().into(),
            converted.factor.into(),
            converted.cores.into(),
            converted.whole_cores.into(),
            hosts.into(),
        ]);
    }
    note(sheet, from);
    Ok(())
}

/// Refuses a share of hosts where the cores of none are known.
fn expect_hosts(args: &HardwareArgs, known: bool) -> Result<()> {
    match args.utilisation {
        Some(_) if !known => Err(Error::invalid(
            "--utilisation is of the cores of a host: give them, by --host-cores or a column cores",
        )),
        _ => Ok(()),
    }
}

fn note(sheet: &mut Sheet, from: &Hardware) {
    sheet.note(match from.speed {
        CoreSpeed::Clock { .. } => {
            "A core does clock times instructions per cycle; what waits for memory gains less by a \
             faster one. A score of your own service says more."
        }
        CoreSpeed::Score(_) => "Scores are compared as they are: they must be of one benchmark.",
    });
}

/// The hardware of a name in the table, or of a speed as it is written.
fn named(text: &str, known: &[Hardware]) -> Result<Hardware> {
    if let Some(found) = known.iter().find(|hardware| hardware.name == text) {
        return Ok(found.clone());
    }
    let speed = match text.split_once('*') {
        Some((ghz, ipc)) => amount(ghz)
            .zip(amount(ipc))
            .map(|(ghz, instructions_per_cycle)| CoreSpeed::Clock { ghz, instructions_per_cycle }),
        None => amount(text).map(CoreSpeed::Score),
    };
    let Some(speed) = speed else {
        let names: Vec<&str> = known.iter().map(|hardware| hardware.name.as_str()).collect();
        let known =
            if names.is_empty() { String::new() } else { format!(", or {}", names.join(", ")) };
        return Err(Error::invalid(format!(
            "{text:?} is no speed of a core: write GHz times instructions per cycle, as in 2.3*1, \
             or a score{known}"
        )));
    };
    Hardware::new(text, speed)
}

fn read(table: &Table) -> Result<Vec<Hardware>> {
    let number = |row: &Row<'_>, column: &str| -> Result<Option<f64>> {
        (!row.text(column).is_empty()).then(|| row.number(column)).transpose()
    };
    let one = |row: Row<'_>| -> Result<Hardware> {
        let row = &row;
        let speed = match (number(row, "ghz")?, number(row, "ipc")?, number(row, "score")?) {
            (Some(ghz), Some(instructions_per_cycle), None) => {
                CoreSpeed::Clock { ghz, instructions_per_cycle }
            }
            (None, None, Some(score)) => CoreSpeed::Score(score),
            _ => return Err(row.error("give ghz and ipc, or score alone")),
        };
        let hardware = Hardware::new(row.text("name"), speed);
        let mut hardware = hardware.map_err(|why| row.error(why.to_string()))?;
        hardware.thread_share = number(row, "threads")?.unwrap_or(hardware.thread_share);
        hardware.cores = number(row, "cores")?;
        Ok(hardware)
    };
    table.rows().map(one).collect()
}
