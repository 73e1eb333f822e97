//! The comparison as a table and as JSON.

use std::fmt;

use serde::Serialize;

use crate::measure::Done;
use crate::method::Method;

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    schema_version: u32,
    series: usize,
    methods: Vec<MethodReport>,
}

#[derive(Debug, Serialize)]
struct MethodReport {
    name: &'static str,
    milliseconds_per_series: f64,
    mase: f64,
    smape: f64,
    /// Our method for the same, and how many times as long as it this one took.
    #[serde(skip_serializing_if = "Option::is_none")]
    beside: Option<Beside>,
    series: Vec<Done>,
}

#[derive(Debug, Serialize)]
struct Beside {
    name: &'static str,
    times_as_long: f64,
}

impl Report {
    pub(crate) fn new(methods: &[Box<dyn Method>], done: Vec<Vec<Done>>) -> Self {
        let series = done.first().map_or(0, Vec::len);
        let mean = |done: &[Done], of: fn(&Done) -> f64| {
            done.iter().map(of).sum::<f64>() / done.len() as f64
        };
        let mut reports: Vec<MethodReport> = Vec::new();
        for (method, done) in methods.iter().zip(done) {
            let time = mean(&done, |one| one.milliseconds);
            let ours = method.beside().and_then(|name| reports.iter().find(|r| r.name == name));
            let beside = ours.map(|ours| Beside {
                name: ours.name,
                times_as_long: time / ours.milliseconds_per_series,
            });
            reports.push(MethodReport {
                name: method.name(),
                milliseconds_per_series: time,
                mase: mean(&done, |one| one.mase),
                smape: mean(&done, |one| one.smape),
                beside,
                series: done,
            });
        }
        Self { schema_version: 1, series, methods: reports }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (time, mase, smape, ratio) = ("ms / series", "MASE", "sMAPE", "times as long as");
        writeln!(f, "M4 Hourly, {} series, 48 steps ahead.\n", self.series)?;
        writeln!(f, "{:28} {time:>11} {mase:>7} {smape:>7}  {ratio}", "method")?;
        for method in &self.methods {
            let MethodReport { name, milliseconds_per_series, mase, smape, beside, .. } = method;
            write!(f, "{name:28} {milliseconds_per_series:11.4} {mase:7.3} {smape:7.2}")?;
            match beside {
                Some(ours) => writeln!(f, "  {:8.1} {}", ours.times_as_long, ours.name)?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}
