//! Plimsoll's forecasts beside those of augurs and anofox-forecast: time per series and error on
//! M4 Hourly, all in one run, one series after the other.
//!
//! `cd benches/peers && cargo run --release --features forecast --bin plimsoll-forecast-peers`

#[path = "../folder.rs"]
mod folder;
mod m4;
mod measure;
mod method;
mod ours;
mod peers;
mod report;

use std::process::ExitCode;

use m4::Series;
use method::{BoxError, Method};
use report::Report;

const HELP: &str = "\
Compares Plimsoll's forecasts with those of augurs and anofox-forecast on M4 Hourly, in one run.

Usage: plimsoll-forecast-peers [OPTIONS]

  --every N             every Nth series, from the first on [default: 8]
  --series H1,H9,...    these series, in place of --every
  --methods TEXT,...    only methods whose names begin with one of these [default: all]
  --rounds N            rounds of which the median counts [default: 5]
  --format table|json   [default: table]

The data is m4/Hourly-{train,test}.csv.zst in ../shared/data beside the project, or PLIMSOLL_DATA.
";

/// What was asked for.
struct Options {
    every: usize,
    series: Vec<String>,
    methods: Vec<String>,
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
            eprintln!("plimsoll-forecast-peers: {why}; see --help");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("plimsoll-forecast-peers: {why}");
            ExitCode::FAILURE
        }
    }
}

impl Options {
    fn parse(args: &[String]) -> Result<Self, BoxError> {
        let (series, methods) = (Vec::new(), Vec::new());
        let mut options = Self { every: 8, series, methods, rounds: 5, json: false };
        let mut args = args.iter();
        while let Some(name) = args.next() {
            let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
            let number = || match value.parse() {
                Ok(0) | Err(_) => Err(format!("{name} is {value:?}, which is no number from 1 up")),
                Ok(number) => Ok(number),
            };
            let list = || value.split(',').map(str::to_owned).collect();
            match name.as_str() {
                "--every" => options.every = number()?,
                "--series" => options.series = list(),
                "--methods" => options.methods = list(),
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

    fn chosen(&self, all: Vec<Series>) -> Result<Vec<Series>, BoxError> {
        if self.series.is_empty() {
            return Ok(all.into_iter().step_by(self.every).collect());
        }
        let find = |name: &String| all.iter().find(|one| one.name == *name).cloned();
        let named = |name| find(name).ok_or_else(|| format!("there is no series {name}").into());
        self.series.iter().map(named).collect()
    }

    fn wants(&self, method: &dyn Method) -> bool {
        let begins = |text: &String| method.name().starts_with(text.as_str());
        self.methods.is_empty() || self.methods.iter().any(begins)
    }
}

fn run(options: &Options) -> Result<(), BoxError> {
    let series = options.chosen(m4::hourly()?)?;
    let mut methods: Vec<Box<dyn Method>> = ours::all().into_iter().chain(peers::all()).collect();
    methods.retain(|method| options.wants(&**method));
    let done = measure::all(&series, &methods, options.rounds)?;
    let report = Report::new(&methods, done);
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(())
}
