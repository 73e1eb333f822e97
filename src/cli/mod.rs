//! The command line: arguments in, exit code out. The only room where the two arms are joined.
//!
//! In: arguments. Out: data on stdout, progress and errors on stderr, an exit code. Never: a
//! decision that the library could not make; each command is a short function over its rooms.
//!
//! Exit codes: 0 done; 1 failed; 2 wrong usage; 3 checked and found problems; 4 imported in part.

mod agent;
mod args;
mod backtest;
mod backtest_exhaustion;
mod bench;
mod bench_plan;
mod breaks;
mod calc;
mod cold;
mod decompose;
mod doubts;
mod drivers;
mod explain;
mod forecast;
mod hosts;
mod import;
mod imported;
mod inspect;
mod labels_seen;
mod laws;
mod machine;
mod numbers;
mod output;
mod plan;
mod plans;
mod progress;
mod queries;
mod query;
mod reader;
mod record;
mod report;
mod rightsize;
mod rss;
mod share;
mod sizes;
mod spent;
mod steps;
mod sums;
mod taught;
mod upkeep;
mod zombies;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use args::{Args, Command};
use output::Stop;

/// How a command ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// All was done.
    Done,
    /// Something was checked and problems were found.
    FoundProblems,
    /// Some lines or files were rejected, all others were imported.
    Partial,
}

/// Runs the command that the arguments name, the program's own name first.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let asked = numbers::bounded(Args::command()).try_get_matches_from(args);
    let args = match asked.and_then(|asked| Args::from_arg_matches(&asked)) {
        Ok(args) => args,
        Err(why) => {
            // Help goes to stdout with code 0, errors of usage to stderr with code 2.
            drop(why.print());
            return ExitCode::from(if why.use_stderr() { 2 } else { 0 });
        }
    };
    match dispatch(&args.command) {
        // Whoever read our output may have had enough, as `head` does: no failure.
        Ok(Outcome::Done) | Err(Stop::OutputClosed) => ExitCode::SUCCESS,
        Ok(Outcome::FoundProblems) => ExitCode::from(3),
        Ok(Outcome::Partial) => ExitCode::from(4),
        Err(Stop::Failed(why)) => {
            drop(writeln!(std::io::stderr(), "plimsoll: {why}"));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: &Command) -> Result<Outcome, Stop> {
    match command {
        Command::Demo(args) => plan::demo(args),
        Command::Import(args) => import::import(args),
        Command::Record(args) => record::record(args),
        Command::Ls(args) => inspect::ls(args),
        Command::Stat(args) => inspect::stat(args),
        Command::Check(args) => inspect::check(args),
        Command::Compact(args) => inspect::compact(args),
        Command::Retain(args) => upkeep::retain(args),
        Command::Backup(args) => upkeep::backup(args),
        Command::Restore(args) => upkeep::restore(args),
        Command::Repair(args) => upkeep::repair(args),
        Command::Query(args) => query::query(args),
        Command::Forecast(args) => forecast::forecast(args),
        Command::Decompose(args) => decompose::decompose(args),
        Command::Drivers(args) => drivers::drivers(args),
        Command::Backtest(args) => backtest::backtest(args),
        Command::Plan(args) => plan::plan(args),
        Command::Explain(args) => explain::explain(args),
        Command::Plans(args) => plans::plans(args),
        Command::Rightsize(args) => rightsize::rightsize(args),
        Command::Report(args) => report::report(args),
        Command::Study(args) => plan::study(args),
        Command::Share(args) => share::share(args),
        Command::Calc(args) => calc::calc(args),
        Command::Zombies(args) => zombies::zombies(args),
        Command::Bench(args) => bench::bench(args),
    }
}
