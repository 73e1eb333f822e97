//! The command `zombies`: which hosts work for nobody, by published rules, and what to do about it.

mod hosts;
mod measured;
mod sheet;
mod sources;
mod study;

use std::io::Write;
use std::path::{Path, PathBuf};

use super::Outcome;
use super::args::OutputFormat;
use super::output::{Stop, to_stdout};
use super::reader;
use crate::capacity::inventory::Inventory;
use crate::capacity::study::ZombieRule;
use crate::capacity::zombie::{
    CapacitySource, HostSources, Judged, Ledger, MetricSource, NamedSource, RulePack,
};
use crate::error::{Error, Result};
use crate::model::{Span, Timestamp};
pub(super) use study::zombies_of;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  plimsoll zombies --store s --cpu cpu_mhz --cpu-capacity \
                        cpu_mhz_limit \\\n    --receive network_received --send network_sent\n\
                        A counter is written rate(SELECTOR); a metric without a unit, \
                        'SELECTOR in B/s'.\nThe rules are in docs/method/zombie.md, the inventory \
                        in docs/inventory.md.")]
pub(super) struct ZombiesArgs {
    /// The store's folder.
    #[arg(long, value_name = "DIR", required_unless_present = "print_rules")]
    store: Option<PathBuf>,
    #[command(flatten)]
    metrics: MetricArgs,
    /// The rules, in place of the published ones.
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Print the rules, to be copied and changed, and do nothing else.
    #[arg(long)]
    print_rules: bool,
    /// What the owners say of their hosts: a CSV file with a row per host.
    #[arg(long, value_name = "FILE")]
    inventory: Option<PathBuf>,
    /// The file that keeps on which day each verdict was first given; made if it is not there.
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// The label that names a host.
    #[arg(long, value_name = "LABEL", default_value = "host")]
    host_label: String,
    /// The day to judge on. Default: the end of the data.
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
    /// History before this time is not looked at: a migration, a launch.
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Metrics are averaged over steps of this length, which divides an hour.
    #[arg(long, value_name = "SPAN", default_value = "5m")]
    step: Span,
    /// Print every host, not only zombies, those that are undetermined, and those that are kept.
    #[arg(long)]
    all: bool,
    /// How to write the result.
    #[arg(long, value_enum, default_value = "table")]
    format: OutputFormat,
}

/// Which series say what of a host.
#[derive(Debug, clap::Args)]
struct MetricArgs {
    /// What hosts use of their processors: in cores, in %, or in another unit with --cpu-capacity.
    #[arg(long, value_name = "SELECTOR", required_unless_present = "print_rules")]
    cpu: Option<MetricSource>,
    /// What they have of it.
    #[arg(long, value_name = "SELECTOR|NUMBER")]
    cpu_capacity: Option<CapacitySource>,
    /// How many processors they have, where --cpu is not in cores and a rule asks for cores.
    #[arg(long, value_name = "SELECTOR|NUMBER")]
    cores: Option<CapacitySource>,
    /// What they use of their memory, in % or with --memory-capacity.
    #[arg(long, value_name = "SELECTOR")]
    memory: Option<MetricSource>,
    /// What they have of it.
    #[arg(long, value_name = "SELECTOR|NUMBER")]
    memory_capacity: Option<CapacitySource>,
    /// Bytes per second read from disks.
    #[arg(long, value_name = "SELECTOR")]
    disk_read: Option<MetricSource>,
    /// Bytes per second written to disks.
    #[arg(long, value_name = "SELECTOR")]
    disk_write: Option<MetricSource>,
    /// Bytes per second received from the network.
    #[arg(long, value_name = "SELECTOR")]
    receive: Option<MetricSource>,
    /// Bytes per second sent to the network.
    #[arg(long, value_name = "SELECTOR")]
    send: Option<MetricSource>,
    /// Bytes per second that the network could carry.
    #[arg(long, value_name = "SELECTOR|NUMBER")]
    network_capacity: Option<CapacitySource>,
    /// Another metric that a rule asks for. May be given several times.
    #[arg(long = "metric", value_name = "NAME=SELECTOR")]
    metrics: Vec<NamedSource>,
}

/// What is asked of a store, by a command or by a study.
pub(super) struct Asked<'a> {
    sources: &'a HostSources,
    host_label: &'a str,
    now: Option<Timestamp>,
    from: Option<Timestamp>,
    step: Span,
    /// The section of the study that asks; `None` for the command.
    rule: Option<&'a ZombieRule>,
}

impl Asked<'_> {
    /// How a person writes one of the sources.
    fn name(&self, key: &str) -> String {
        match self.rule {
            Some(_) => key.to_owned(),
            None => format!("--{}", key.replace('_', "-")),
        }
    }

    /// How a person gives a longer step.
    fn longer_step(&self, step: Span) -> String {
        match self.rule {
            Some(_) => format!("set step = \"{step}\" under [study]"),
            None => format!("give --step {step}"),
        }
    }

    /// An error about one of the sources; of a study's, with the line.
    fn refused(&self, key: &str, what: String) -> Error {
        match self.rule {
            Some(rule) => rule.error(key, what),
            None => Error::invalid(what),
        }
    }

    /// The same where the store lacks something.
    fn lacking(&self, key: &str, what: String) -> Error {
        match self.rule {
            Some(rule) => rule.error(key, format!("{what}; `plimsoll ls` lists what there is")),
            None => Error::not_enough_data(what),
        }
    }
}

impl MetricArgs {
    fn sources(&self) -> HostSources {
        HostSources {
            cpu: self.cpu.clone(),
            cpu_capacity: self.cpu_capacity.clone(),
            cores: self.cores.clone(),
            memory: self.memory.clone(),
            memory_capacity: self.memory_capacity.clone(),
            disk_read: self.disk_read.clone(),
            disk_write: self.disk_write.clone(),
            receive: self.receive.clone(),
            send: self.send.clone(),
            network_capacity: self.network_capacity.clone(),
            metrics: self.metrics.clone(),
        }
    }
}

/// Judges every host of a store.
pub(super) fn zombies(args: &ZombiesArgs) -> Result<Outcome, Stop> {
    let (text, origin) = match &args.rules {
        Some(path) => (read(path)?, path.display().to_string()),
        None => (RulePack::published_text().to_owned(), "the published rules".to_owned()),
    };
    let pack = RulePack::parse(&text, &origin)?;
    if args.print_rules {
        to_stdout(|out| out.write_all(text.as_bytes()))?;
        return Ok(Outcome::Done);
    }
    let (Some(folder), Some(_)) = (&args.store, &args.metrics.cpu) else {
        return Err(Error::invalid("give --store and --cpu").into());
    };
    let inventory = match &args.inventory {
        Some(path) => Some(Inventory::read(&read(path)?, &path.display().to_string())?),
        None => None,
    };
    let mut ledger = match &args.ledger {
        Some(path) if path.exists() => Ledger::read(&read(path)?, &path.display().to_string())?,
        _ => Ledger::default(),
    };
    let store = reader::open(folder)?;
    let sources = args.metrics.sources();
    let asked = Asked {
        sources: &sources,
        host_label: &args.host_label,
        now: args.now,
        from: args.from,
        step: args.step,
        rule: None,
    };
    let found = hosts::judge_all(&asked, &store.snapshot()?, &pack, inventory.as_ref())?;
    for Judged { host, verdict } in &found.hosts {
        ledger.enter(host, verdict, &pack.stages, found.now);
    }
    let sheet = sheet::sheet(args, &pack, &found, inventory.as_ref(), &ledger)?;
    if let Some(path) = &args.ledger {
        write(path, &ledger.to_csv()?)?;
    }
    to_stdout(|out| match args.format {
        OutputFormat::Table => sheet.text(out),
        OutputFormat::Json => sheet.json(out),
        OutputFormat::Csv => sheet.csv(out),
    })?;
    Ok(Outcome::Done)
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|why| Error::io("read", path, why))
}

/// Writes a file beside the old one and puts it in its place, so that there is always a whole one.
fn write(path: &Path, text: &str) -> Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let mut file = std::fs::File::create(&new).map_err(|why| Error::io("create", &new, why))?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|why| Error::io("write", &new, why))?;
    std::fs::rename(&new, path).map_err(|why| Error::io("rename", &new, why))
}
