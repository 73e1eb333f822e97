//! Time and error of every method over the series.
//!
//! A machine is never quiet. So the processor time of this process is taken, threads that a method
//! may start among it, not that of a clock on the wall; and the methods take turns, tile by tile.

use std::hint::black_box;
use std::time::Duration;

use plimsoll::forecast::accuracy::{mae, seasonal_scale, smape};
use plimsoll::kernel::LANES;
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

use crate::m4::Series;
use crate::method::{BoxError, DAY, HORIZON, Method};

/// A method that has had this much for a tile is not asked again: its time is known well enough.
const ENOUGH: Duration = Duration::from_millis(100);

/// What a method needed for one series, and what it was off.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Done {
    pub(crate) series: String,
    /// An equal share of the time of its tile.
    pub(crate) milliseconds: f64,
    pub(crate) mase: f64,
    pub(crate) smape: f64,
}

/// Runs all methods over all series, in tiles of up to sixteen of one length: by method, by series.
/// The median of at most `rounds` rounds counts.
pub(crate) fn all(
    series: &[Series],
    methods: &[Box<dyn Method>],
    rounds: usize,
) -> Result<Vec<Vec<Done>>, BoxError> {
    let mut series = series.to_vec();
    series.sort_by_key(|one| one.past.len());
    let mut done = vec![Vec::with_capacity(series.len()); methods.len()];
    let alike = series.chunk_by(|a, b| a.past.len() == b.past.len());
    for tile in alike.flat_map(|series| series.chunks(LANES)) {
        let mut times = vec![Vec::new(); methods.len()];
        for _ in 0..rounds {
            for ((method, times), done) in methods.iter().zip(&mut times).zip(&mut done) {
                if times.iter().sum::<Duration>() >= ENOUGH {
                    continue;
                }
                let started = process_time();
                let forecasts = method.forecast(black_box(tile));
                times.push(process_time().saturating_sub(started));
                let forecasts = forecasts.map_err(|why| format!("{}: {why}", method.name()))?;
                if times.len() == 1 {
                    done.extend(score(method.name(), tile, &forecasts)?);
                }
            }
        }
        for (done, times) in done.iter_mut().zip(&mut times) {
            let time = median(times).as_secs_f64() * 1e3 / tile.len() as f64;
            let first = done.len() - tile.len();
            done[first..].iter_mut().for_each(|one| one.milliseconds = time);
        }
    }
    Ok(done)
}

fn score(method: &str, tile: &[Series], forecasts: &[Vec<f64>]) -> Result<Vec<Done>, BoxError> {
    let mut done = Vec::with_capacity(tile.len());
    for (series, forecast) in tile.iter().zip(forecasts) {
        let name = &series.name;
        if forecast.len() != HORIZON || forecast.iter().any(|value| !value.is_finite()) {
            return Err(format!("{method}: {name}: a forecast without all its values").into());
        }
        let mase = mae(&series.future, forecast) / seasonal_scale(&series.past, DAY);
        let smape = smape(&series.future, forecast);
        done.push(Done { series: name.clone(), milliseconds: 0.0, mase, smape });
    }
    Ok(done)
}

/// The processor time that this process has had.
fn process_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
