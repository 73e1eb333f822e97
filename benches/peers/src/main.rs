//! Plimsoll's codec beside its peers: bytes per value, and how fast each encodes and decodes, on
//! the load of TSBS and on real columns of Bitbrains, all in one run on one thread.
//!
//! `cd benches/peers && cargo run --release -- --help`

mod codec;
mod data;
mod folder;
mod measure;
mod ours;
mod peers;
mod report;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::process::ExitCode;

use codec::{BoxError, Codec};
use report::{Report, SetReport};

const HELP: &str = "\
Compares Plimsoll's codec with pco, fastalp and zstd: size, encode and decode, in one run.

Usage: plimsoll-peers [OPTIONS]

  --bitbrains PATH      a folder of Bitbrains CSV files, or their .tar.zst archive
                        [default: the August archive in ../shared/data beside the project]
  --tsbs-hosts N        hosts of TSBS cpu-only, 24 hours, ten series each [default: 20]
  --rounds N            rounds of which the median counts [default: 5]
  --format table|json   [default: table]
";

/// What was asked for.
struct Options {
    bitbrains: Option<PathBuf>,
    tsbs_hosts: usize,
    rounds: usize,
    json: bool,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let options = match Options::parse(&args) {
        Ok(options) => options,
        Err(why) => {
            eprintln!("plimsoll-peers: {why}; see --help");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("plimsoll-peers: {why}");
            ExitCode::FAILURE
        }
    }
}

impl Options {
    fn parse(args: &[String]) -> Result<Self, BoxError> {
        let mut options = Self { bitbrains: None, tsbs_hosts: 20, rounds: 5, json: false };
        let mut args = args.iter();
        while let Some(name) = args.next() {
            let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
            let number = || match value.parse() {
                Ok(0) | Err(_) => Err(format!("{name} is {value:?}, which is no number from 1 up")),
                Ok(number) => Ok(number),
            };
            match name.as_str() {
                "--bitbrains" => options.bitbrains = Some(PathBuf::from(value)),
                "--tsbs-hosts" => options.tsbs_hosts = number()?,
                "--rounds" => options.rounds = number()?,
                "--format" => {
                    options.json = match value.as_str() {
                        "table" => false,
                        "json" => true,
                        _ => return Err(format!("{value:?} is no format").into()),
                    }
                }
                _ => return Err(format!("there is no option {name}").into()),
            }
        }
        Ok(options)
    }
}

fn run(options: &Options) -> Result<(), BoxError> {
    let mut sets = vec![compare(&data::tsbs(options.tsbs_hosts)?, options)?];
    match data::bitbrains(options.bitbrains.as_deref())? {
        Some(set) => sets.push(compare(&set, options)?),
        None => eprintln!("SKIPPED: the Bitbrains archive is not beside the project"),
    }
    let report = Report::new(options.rounds, sets);
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(())
}

fn compare(set: &data::Set, options: &Options) -> Result<SetReport, BoxError> {
    let (ours, peers) = (ours::forms(), peers::all()?);
    let ours_count = ours.len();
    let mut codecs: Vec<Box<dyn Codec>> = ours.into_iter().chain(peers).collect();
    let mut columns = Vec::new();
    for column in &set.columns {
        eprintln!("{}: {}", set.name, column.name);
        columns.push((column, measure::column(column, &mut codecs, options.rounds)?));
    }
    let names: Vec<&'static str> = codecs.iter().map(|codec| codec.name()).collect();
    Ok(SetReport::new(&set.name, &names, ours_count, &columns))
}
