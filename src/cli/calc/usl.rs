//! `calc usl`: how throughput grows with load, by the Universal Scalability Law.

use std::path::PathBuf;

use super::table::Table;
use crate::capacity::scalability::{
    Interval, LoadLimit, LoadSample, ParameterIntervals, ScalabilityFit, ScalabilityLaw,
};
use crate::error::{Error, Result};
use crate::model::limits::is_amount;
use crate::report::{Column, Sheet, Value};

#[derive(Debug, clap::Args)]
pub(super) struct UslArgs {
    /// A CSV file with a row per measurement: load (users, threads, processors) and throughput.
    file: PathBuf,
    /// The column of loads.
    #[arg(long, value_name = "NAME", default_value = "load")]
    load_column: String,
    /// The column of throughputs.
    #[arg(long, value_name = "NAME", default_value = "throughput")]
    throughput_column: String,
    /// The coverage of the intervals and bands.
    #[arg(long, value_name = "SHARE", default_value_t = 0.95)]
    level: f64,
    /// What does the law say at this load? Several may be given, here and below.
    #[arg(long, value_name = "LOAD")]
    load: Vec<f64>,
    /// At which loads is this throughput reached?
    #[arg(long, value_name = "AMOUNT")]
    throughput: Vec<f64>,
    /// Up to which load does a response take no longer? In the throughput's unit of time.
    #[arg(long, value_name = "TIME")]
    response: Vec<f64>,
    /// Up to which load is the efficiency as high?
    #[arg(long, value_name = "SHARE")]
    efficiency: Vec<f64>,
    /// What if the contention were so many times as large?
    #[arg(long, value_name = "FACTOR")]
    contention_factor: Option<f64>,
    /// What if the coherency were so many times as large? 0.5 halves it.
    #[arg(long, value_name = "FACTOR")]
    coherency_factor: Option<f64>,
}

/// The fitted law, what it says, and how surely.
pub(super) fn usl(args: &UslArgs) -> Result<Sheet> {
    above_zero("--load", &args.load)?;
    above_zero("--throughput", &args.throughput)?;
    let table = Table::read(&args.file, &[])?;
    let loads = table.numbers(&args.load_column)?;
    let throughputs = table.numbers(&args.throughput_column)?;
    let pairs = loads.into_iter().zip(throughputs);
    let samples: Vec<LoadSample> =
        pairs.map(|(load, throughput)| LoadSample { load, throughput }).collect();
    let fit = ScalabilityFit::of(&samples)?;
    let mut sheet = Sheet::new("Universal Scalability Law");
    facts(&mut sheet, &fit);
    let intervals = fit.parameter_intervals(args.level)?;
    parameters(&mut sheet, &fit, args.level, &intervals)?;
    fitted(&mut sheet, &fit, args.level)?;
    predicted(&mut sheet, &fit, args)?;
    ways_back(&mut sheet, fit.law(), args);
    what_if(&mut sheet, fit.law(), args)?;
    notes(&mut sheet, &fit, args.level, &intervals)?;
    Ok(sheet)
}

/// At no load, and at no throughput, the law says nothing: 0 over 0.
fn above_zero(option: &str, amounts: &[f64]) -> Result<()> {
    match amounts.iter().find(|amount| !(is_amount(**amount) && **amount > 0.0)) {
        None => Ok(()),
        Some(amount) => Err(Error::invalid(format!(
            "{option} is {amount:?}: give one above 0, from 1e-60 to 1e60"
        ))),
    }
}

fn facts(sheet: &mut Sheet, fit: &ScalabilityFit) {
    let law = fit.law();
    sheet.fact("throughput_of_one", "throughput of one", law.throughput_of_one(), "");
    sheet.fact("contention", "contention", law.contention(), "");
    sheet.fact("coherency", "coherency", law.coherency(), "");
    let peak = law.peak();
    sheet.fact("peak_load", "peak at load", peak.map(|peak| peak.load), "");
    sheet.fact("peak_throughput", "peak throughput", peak.map(|peak| peak.throughput), "");
    sheet.fact("limit_throughput", "limit without coherency", law.limit(), "");
    sheet.fact("optimal_load", "ideal growth meets the limit at load", law.optimal_load(), "");
    sheet.fact("residual_error", "residual standard error", fit.residual_error(), "");
    let degrees = fit.degrees_of_freedom() as u64;
    sheet.fact("degrees_of_freedom", "degrees of freedom", degrees, "");
}

fn parameters(
    sheet: &mut Sheet,
    fit: &ScalabilityFit,
    level: f64,
    intervals: &ParameterIntervals,
) -> Result<()> {
    let peak = fit.peak_intervals(level)?;
    let limit = fit.limit_interval(level)?;
    let columns = [
        Column::new("name", "interval of"),
        Column::new("value", "value"),
        Column::new("low", "low"),
        Column::new("high", "high"),
    ];
    let table = sheet.table("intervals", &columns);
    for (name, interval) in [
        ("throughput of one", Some(intervals.throughput_of_one)),
        ("contention", intervals.contention),
        ("coherency", intervals.coherency),
        ("peak load", peak.map(|peak| peak.load)),
        ("peak throughput", peak.map(|peak| peak.throughput)),
        ("limit without coherency", limit),
    ] {
        if let Some(Interval { value, low, high }) = interval {
            table.row([name.into(), value.into(), low.into(), high.into()]);
        }
    }
    Ok(())
}

fn fitted(sheet: &mut Sheet, fit: &ScalabilityFit, level: f64) -> Result<()> {
    let columns = [
        Column::new("load", "load"),
        Column::new("measured", "measured"),
        Column::new("fitted", "fitted"),
        Column::new("low", "low"),
        Column::new("high", "high"),
        Column::new("efficiency", "efficiency"),
        Column::new("response", "response"),
    ];
    let table = sheet.table("samples", &columns);
    for (sample, efficiency) in fit.samples().iter().zip(fit.measured_efficiencies()) {
        let band = fit.throughput_interval(sample.load, level)?;
        let response = fit.law().response(sample.load);
        let cells =
            [sample.load, sample.throughput, band.value, band.low, band.high, efficiency, response];
        table.row(cells.map(Value::from));
    }
    Ok(())
}

fn predicted(sheet: &mut Sheet, fit: &ScalabilityFit, args: &UslArgs) -> Result<()> {
    if args.load.is_empty() {
        return Ok(());
    }
    let columns = [
        Column::new("load", "at load"),
        Column::new("throughput", "throughput"),
        Column::new("low", "low"),
        Column::new("high", "high"),
        Column::new("response", "response"),
        Column::new("efficiency", "efficiency"),
        Column::new("ideal", "ideal"),
        Column::new("contention", "contention"),
        Column::new("coherency", "coherency"),
    ];
    let table = sheet.table("loads", &columns);
    for load in &args.load {
        let (law, band) = (fit.law(), fit.throughput_interval(*load, args.level)?);
        let overhead = law.overhead(*load);
        table.row(
            [
                *load,
                band.value,
                band.low,
                band.high,
                law.response(*load),
                law.efficiency(*load),
                overhead.ideal,
                overhead.contention,
                overhead.coherency,
            ]
            .map(Value::from),
        );
    }
    Ok(())
}

/// From throughput, response and efficiency back to the load.
fn ways_back(sheet: &mut Sheet, law: &ScalabilityLaw, args: &UslArgs) {
    if !args.throughput.is_empty() {
        let columns = [
            Column::new("throughput", "throughput"),
            Column::new("rising_load", "rising, load"),
            Column::new("rising_response", "response"),
            Column::new("falling_load", "falling, load"),
            Column::new("falling_response", "response"),
        ];
        let table = sheet.table("throughputs", &columns);
        for throughput in &args.throughput {
            let loads = law.loads_at_throughput(*throughput);
            let rising = loads.and_then(|loads| loads.rising);
            let falling = loads.and_then(|loads| loads.falling);
            table.row([
                (*throughput).into(),
                rising.into(),
                rising.map(|load| load / throughput).into(),
                falling.into(),
                falling.map(|load| load / throughput).into(),
            ]);
        }
    }
    let responses = args.response.iter().map(|at| (*at, law.load_at_response(*at)));
    promises(sheet, law, ("responses", "response", "response up to"), responses.collect());
    let efficiencies = args.efficiency.iter().map(|at| (*at, law.load_at_efficiency(*at)));
    promises(sheet, law, ("efficiencies", "efficiency", "efficiency from"), efficiencies.collect());
}

fn promises(
    sheet: &mut Sheet,
    law: &ScalabilityLaw,
    (key, column, heading): (&'static str, &'static str, &'static str),
    promises: Vec<(f64, LoadLimit)>,
) {
    if promises.is_empty() {
        return;
    }
    let columns = [
        Column::new(column, heading),
        Column::new("load", "load up to"),
        Column::new("throughput", "throughput"),
        Column::new("kept", "kept"),
    ];
    let table = sheet.table(key, &columns);
    for (promise, limit) in promises {
        let kept = match limit {
            LoadLimit::Never => "at no load",
            LoadLimit::UpTo(_) => "up to this load",
            LoadLimit::Always => "at any load",
        };
        let load = limit.load();
        let throughput = load.map(|load| law.throughput(load));
        table.row([promise.into(), load.into(), throughput.into(), kept.into()]);
    }
}

fn what_if(sheet: &mut Sheet, law: &ScalabilityLaw, args: &UslArgs) -> Result<()> {
    if args.contention_factor.is_none() && args.coherency_factor.is_none() {
        return Ok(());
    }
    let (contention, coherency) =
        (args.contention_factor.unwrap_or(1.0), args.coherency_factor.unwrap_or(1.0));
    let changed = law.scaled(contention, coherency)?;
    let peak = changed.peak();
    sheet.fact("what_if_contention", "what if: contention", changed.contention(), "");
    sheet.fact("what_if_coherency", "what if: coherency", changed.coherency(), "");
    sheet.fact("what_if_peak_load", "what if: peak at load", peak.map(|peak| peak.load), "");
    let throughput = peak.map(|peak| peak.throughput);
    sheet.fact("what_if_peak_throughput", "what if: peak throughput", throughput, "");
    sheet.fact("what_if_limit_throughput", "what if: limit", changed.limit(), "");
    Ok(())
}

fn notes(
    sheet: &mut Sheet,
    fit: &ScalabilityFit,
    level: f64,
    intervals: &ParameterIntervals,
) -> Result<()> {
    if fit.coherency_is_held() {
        sheet.note(
            "Coherency is held at 0, since the data would have it below: no peak is in sight, and \
             it has no interval.",
        );
    }
    if fit.contention_is_held() {
        sheet.note(format!(
            "Contention is held at {}, since the data would have it beyond: it has no interval.",
            fit.law().contention()
        ));
    }
    if fit.shows_fall(level)? {
        let (least, _) = fit.loads();
        sheet.note(format!("Throughput only falls, from the least load on, {least}."));
    }
    for (name, interval, so) in [
        ("contention", intervals.contention, ""),
        ("coherency", intervals.coherency, ", nor that throughput has a peak"),
    ] {
        if interval.is_some_and(|interval| interval.low <= 0.0) {
            sheet.note(format!(
                "The interval of {name} holds 0: the data does not show that there is any{so}."
            ));
        }
    }
    sheet.note(format!(
        "Intervals and bands of {}%: the delta method, with Student's t. A response time is load \
         over throughput.",
        100.0 * level
    ));
    Ok(())
}
