//! `calc share`: what loads need apart and together, what a host may promise, and who goes with
//! whom.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::table::Table;
use crate::capacity::sharing::{
    Coincidence, CoincidentPeak, NormalPool, Overcommit, Partners, Task, future_peaks, share_hosts,
};
use crate::cli::share::{partner_tables, peaks_table};
use crate::error::{Error, Result};
use crate::model::Timestamp;
use crate::report::{Column, Sheet};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  plimsoll calc share use.csv --quantile 0.99 --limits 4,4\n  \
    plimsoll calc share --loads 100 --mean 1 --deviation 0.3 --quantile 0.99\n\
    The file has a column of times, in order, then a column of each load; an empty cell is a gap.")]
pub(super) struct ShareArgs {
    /// A table of loads over time.
    #[arg(value_name = "FILE", required_unless_present = "loads")]
    file: Option<PathBuf>,
    /// A quantile beside the peak, as in 0.99. Several may be given.
    #[arg(long, value_name = "SHARE", value_delimiter = ',')]
    quantile: Vec<f64>,
    /// What each load was promised: asks for predictions of the peak of the host that they share.
    #[arg(long, value_name = "AMOUNTS", value_delimiter = ',', requires = "file")]
    #[arg(conflicts_with = "loads")]
    limits: Vec<f64>,
    /// The share of all limits that the predictor borg-default takes.
    #[arg(long, value_name = "SHARE", default_value_t = Overcommit::default().phi)]
    #[arg(requires = "limits", conflicts_with = "loads")]
    phi: f64,
    /// The quantile of each load that the RC-like predictor adds up.
    #[arg(long, value_name = "SHARE", default_value_t = Overcommit::default().percentile)]
    #[arg(requires = "limits", conflicts_with = "loads")]
    percentile: f64,
    /// The standard deviations above the mean that the predictor N-sigma takes.
    #[arg(long, value_name = "NUMBER", default_value_t = Overcommit::default().sigmas)]
    #[arg(requires = "limits", conflicts_with = "loads")]
    sigmas: f64,
    /// Values below which a load is cold and counts its limit.
    #[arg(long, value_name = "NUMBER", default_value_t = Overcommit::default().warm_samples)]
    #[arg(requires = "limits", conflicts_with = "loads")]
    warm: usize,
    /// So many last steps are the future: predictors do not see them, and the oracle is their peak.
    #[arg(long, value_name = "STEPS", default_value_t = 0, requires = "limits")]
    #[arg(conflicts_with = "loads")]
    future: usize,
    /// List each load's best partner, and pair all of them.
    #[arg(long, requires = "file", conflicts_with = "loads")]
    partners: bool,
    /// Put the loads together on hosts of this capacity.
    #[arg(long, value_name = "AMOUNT", requires = "file", conflicts_with = "loads")]
    host: Option<f64>,
    /// Instead of a file: so many equal loads, each normally distributed.
    #[arg(long, value_name = "N", conflicts_with = "file", requires = "deviation")]
    loads: Option<u64>,
    /// The mean of each of these.
    #[arg(long, value_name = "AMOUNT", default_value_t = 0.0, allow_negative_numbers = true)]
    #[arg(conflicts_with = "file")]
    mean: f64,
    /// The standard deviation of each of these.
    #[arg(long, value_name = "AMOUNT", requires = "loads", conflicts_with = "file")]
    deviation: Option<f64>,
    /// The correlation of any two of these.
    #[arg(long, value_name = "NUMBER", default_value_t = 0.0, allow_negative_numbers = true)]
    #[arg(conflicts_with = "file")]
    correlation: f64,
}

/// Loads over time, as a table has them.
struct Loads {
    names: Vec<String>,
    times: Vec<String>,
    /// A row for each load.
    rows: Vec<Vec<f64>>,
}

/// What loads need, of a file or of a distribution.
pub(super) fn share(args: &ShareArgs) -> Result<Sheet> {
    match (&args.file, args.loads) {
        (Some(file), _) => of_file(args, &Loads::read(&Table::read(file, &[])?)?),
        (None, Some(loads)) => normal(args, loads),
        (None, None) => Err(Error::invalid("give a file of loads, or --loads and --deviation")),
    }
}

fn normal(args: &ShareArgs, loads: u64) -> Result<Sheet> {
    let deviation = args.deviation.unwrap_or(0.0);
    let pool = NormalPool::new(loads, args.mean, deviation, args.correlation)?;
    if args.quantile.is_empty() {
        return Err(Error::invalid("a normal load has no peak: ask for a --quantile, as 0.99"));
    }
    let peaks = args.quantile.iter().map(|level| pool.peak(*level));
    let mut sheet = Sheet::new("Loads apart and together");
    sheet.fact("loads", "loads", loads, "");
    peaks_table(&mut sheet, &peaks.collect::<Result<Vec<_>>>()?);
    sheet.note("Equal loads, normally distributed, any two of them correlated alike.");
    Ok(sheet)
}

fn of_file(args: &ShareArgs, loads: &Loads) -> Result<Sheet> {
    let levels: Vec<f64> = std::iter::once(1.0).chain(args.quantile.iter().copied()).collect();
    let mut load = Coincidence::new(loads.times.len(), &levels)?;
    for (name, row) in loads.names.iter().zip(&loads.rows) {
        load.add(row).map_err(|why| Error::invalid(format!("{name}: {why}")))?;
    }
    let mut sheet = Sheet::new("Loads apart and together");
    sheet.fact("loads", "loads", load.series(), "");
    if load.unknown() > 0 {
        sheet.fact("unknown", "loads without a value", load.unknown(), "");
    }
    sheet.fact("steps", "steps of time", load.steps(), "");
    sheet.fact("complete_steps", "steps at which all are known", load.complete_steps(), "");
    let peaks = load.peaks();
    let peak_at = peaks.first().and_then(|peak| peak_at(&load.sums(), peak));
    let peak_at = peak_at.and_then(|step| loads.times.get(step));
    sheet.fact("peak_at", "there, their sum peaks at", peak_at.map(String::as_str), "");
    peaks_table(&mut sheet, &peaks);
    if !args.limits.is_empty() {
        predictors(&mut sheet, args, loads)?;
    }
    let known: Vec<usize> = (0..loads.rows.len()).filter(|at| loads.is_known(*at)).collect();
    let rows: Vec<&[f64]> = known.iter().map(|at| loads.rows[*at].as_slice()).collect();
    let names: Vec<&str> = known.iter().map(|at| loads.names[*at].as_str()).collect();
    if args.partners {
        partner_tables(&mut sheet, &names, &Partners::find(&rows, 1.0)?);
    }
    if let Some(capacity) = args.host {
        hosts(&mut sheet, &names, &rows, capacity, &peaks)?;
    }
    if load.complete_steps() < load.steps() {
        sheet.note(
            "The peak of the sum is of the steps at which all are known. At the others the bounds \
             take a load to be at its own lowest and highest, and partners and hosts take it to be \
             at its highest. The factor and the saving take the peak of the sum, or the bound that \
             it is beyond.",
        );
    }
    Ok(sheet)
}

/// The step at which the sum is at its peak, the first of equal ones.
fn peak_at(sums: &[f64], peak: &CoincidentPeak) -> Option<usize> {
    sums.iter().position(|sum| Some(*sum) == peak.peak_of_sum)
}

fn predictors(sheet: &mut Sheet, args: &ShareArgs, loads: &Loads) -> Result<()> {
    let (found, wanted) = (args.limits.len(), loads.rows.len());
    if found != wanted {
        return Err(Error::invalid(format!(
            "--limits has {found} amounts for {wanted} loads: give one for each, in their order"
        )));
    }
    let steps = loads.times.len();
    let past = steps.checked_sub(args.future).filter(|past| *past > 0).ok_or_else(|| {
        Error::invalid(format!("--future {} leaves no past of {steps} steps", args.future))
    })?;
    let settings = Overcommit {
        phi: args.phi,
        percentile: args.percentile,
        sigmas: args.sigmas,
        warm_samples: args.warm,
    };
    let all = loads.names.iter().zip(&loads.rows).zip(&args.limits);
    let tasks: Vec<Task<'_>> =
        all.map(|((name, row), limit)| Task { name, limit: *limit, usage: &row[..past] }).collect();
    let predicted = settings.predict(&tasks)?;
    let mut rows = vec![
        ("limits", predicted.limits),
        ("borg-default", predicted.borg_default),
        ("RC-like", predicted.rc_like),
        ("N-sigma", predicted.n_sigma),
        ("max of predictors", predicted.max),
    ];
    if args.future > 0 {
        let mut future = Coincidence::new(args.future, &[1.0])?;
        loads.rows.iter().try_for_each(|row| future.add(&row[past..]))?;
        let peaks = future_peaks(&future.sums(), args.future, 1.0)?;
        rows.extend(peaks.first().filter(|peak| !peak.is_nan()).map(|peak| ("oracle", *peak)));
    }
    let columns = [
        Column::new("predictor", "predictor"),
        Column::new("peak", "peak of the host"),
        Column::new("share_of_limits", "of limits"),
    ];
    let table = sheet.table("predictors", &columns);
    for (name, peak) in rows {
        table.row([name.into(), peak.into(), (peak / predicted.limits).into()]);
    }
    if !predicted.cold.is_empty() {
        let cold: Vec<&str> = predicted.cold.iter().map(|at| loads.names[*at].as_str()).collect();
        sheet.note(format!("Cold, so that their limits count: {}.", cold.join(", ")));
    }
    Ok(())
}

fn hosts(
    sheet: &mut Sheet,
    names: &[&str],
    rows: &[&[f64]],
    capacity: f64,
    peaks: &[CoincidentPeak],
) -> Result<()> {
    for (name, row) in names.iter().zip(rows) {
        // The library knows loads by their places.
        if let Some(over) = row.iter().find(|value| **value > capacity) {
            return Err(Error::invalid(format!(
                "{name} needs {over}, over the {capacity} of a host: take a larger one"
            )));
        }
    }
    let hosts = share_hosts(rows, capacity)?;
    // As hosts take it: a gap is at the load's own peak.
    let together = peaks.first().map_or(0.0, |peak| peak.at_most);
    sheet.fact("hosts", "hosts", hosts.len(), "");
    // But for rounding.
    let at_least = (together / capacity * (1.0 - 1e-9)).ceil().max(0.0) as usize;
    sheet.fact("hosts_at_least", "of any answer, at least", at_least, "");
    let columns = [
        Column::new("host", "host"),
        Column::new("loads", "loads"),
        Column::new("sum_of_peaks", "sum of peaks"),
        Column::new("peak_of_sum", "peak of sum"),
        Column::new("used", "used at most"),
    ];
    let table = sheet.table("hosts", &columns);
    for (at, host) in hosts.iter().enumerate() {
        let loads: Vec<&str> = host.loads.iter().map(|load| names[*load]).collect();
        table.row([
            (at + 1).into(),
            loads.join(", ").into(),
            host.sum_of_peaks.into(),
            host.peak_of_sum.into(),
            (host.peak_of_sum / capacity).into(),
        ]);
    }
    Ok(())
}

/// Times ascend, where they are times; words are taken as they come, each once.
fn check_order(table: &Table, column: &str) -> Result<()> {
    let times: Option<Vec<Timestamp>> = table.rows().map(|row| row.time(column).ok()).collect();
    let mut seen = BTreeSet::new();
    for (at, row) in table.rows().enumerate() {
        let is_late = |times: &Vec<Timestamp>| at == 0 || times[at - 1] < times[at];
        if !times.as_ref().is_none_or(is_late) || !seen.insert(row.text(column)) {
            let what = "is not after the one before it: sort the lines by time, each time once";
            return Err(row.error(format!("{column} {} {what}", row.text(column))));
        }
    }
    Ok(())
}

impl Loads {
    fn read(table: &Table) -> Result<Self> {
        let [time, names @ ..] = table.columns() else {
            return Err(table.header_error("the file has no column"));
        };
        if names.is_empty() {
            let what = "the file takes a column of times, and then at least one of a load";
            return Err(table.header_error(what));
        }
        let mut loads =
            Self { names: names.to_vec(), times: Vec::new(), rows: vec![Vec::new(); names.len()] };
        check_order(table, time)?;
        for line in table.rows() {
            loads.times.push(line.text(time).to_owned());
            for (row, value) in loads.rows.iter_mut().zip(line.numbers_or_gaps()?) {
                row.push(value);
            }
        }
        Ok(loads)
    }

    fn is_known(&self, load: usize) -> bool {
        self.rows[load].iter().any(|value| !value.is_nan())
    }
}
