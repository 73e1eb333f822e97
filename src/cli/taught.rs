//! Forecasters that learnt from a whole fleet, one for each metric: what a processor does says
//! nothing of a disk.

use std::collections::BTreeMap;

use super::output::note;
use crate::error::Result;
use crate::forecast::{ForecastOptions, Forecaster, Lessons, Rehearsed};

/// A forecaster for the series of each metric.
#[derive(Debug, Clone)]
pub(super) struct Forecasters {
    /// Of metrics from which nothing was learnt.
    own: Forecaster,
    taught: BTreeMap<String, Forecaster>,
}

impl From<Forecaster> for Forecasters {
    fn from(own: Forecaster) -> Self {
        Self { own, taught: BTreeMap::new() }
    }
}

impl Forecasters {
    pub(super) fn options(&self) -> &ForecastOptions {
        self.own.options()
    }

    /// Forgets what was learnt before, and learns from the rows that `add_all` adds. Says of which
    /// metrics there are too few to learn from.
    pub(super) fn teach(
        &mut self,
        add_all: impl FnOnce(&mut AllLessons<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut lessons = AllLessons { own: &self.own, by_metric: BTreeMap::new() };
        add_all(&mut lessons)?;
        let mut taught = BTreeMap::new();
        for (metric, lessons) in lessons.by_metric {
            if let Some(forecaster) = self.own.taught(&lessons) {
                taught.insert(metric, forecaster);
            } else {
                note(&format!(
                    "--global: too few values to learn from the series of {metric:?} together; \
                     each is forecast by itself"
                ));
            }
        }
        self.taught = taught;
        Ok(())
    }

    /// Forecasts each row, of the metric that stands beside it.
    pub(super) fn rehearse(&self, metrics: &[&str], rows: &[&[f64]]) -> Vec<Result<Rehearsed>> {
        if self.taught.is_empty() {
            return self.own.rehearse(rows);
        }
        let mut all: Vec<Option<Result<Rehearsed>>> = rows.iter().map(|_| None).collect();
        for (metric, places) in places_of(metrics) {
            let of_metric: Vec<&[f64]> = places.iter().map(|at| rows[*at]).collect();
            let forecaster = self.taught.get(metric).unwrap_or(&self.own);
            for (at, one) in places.into_iter().zip(forecaster.rehearse(&of_metric)) {
                all[at] = Some(one);
            }
        }
        all.into_iter().flatten().collect()
    }
}

/// What is learnt of each metric.
#[derive(Debug)]
pub(super) struct AllLessons<'a> {
    own: &'a Forecaster,
    by_metric: BTreeMap<String, Lessons>,
}

impl AllLessons<'_> {
    /// Learns from rows, of the metrics that stand beside them.
    pub(super) fn add(&mut self, metrics: &[&str], rows: &[&[f64]]) {
        for (metric, places) in places_of(metrics) {
            let of_metric: Vec<&[f64]> = places.iter().map(|at| rows[*at]).collect();
            let lessons = self.by_metric.entry(metric.to_owned()).or_default();
            self.own.learn_from(&of_metric, lessons);
        }
    }
}

/// Where the rows of each metric are.
fn places_of<'a>(metrics: &[&'a str]) -> BTreeMap<&'a str, Vec<usize>> {
    let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, metric) in metrics.iter().enumerate() {
        places.entry(metric).or_default().push(at);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Span;

    #[test]
    fn each_row_is_forecast_by_what_its_metric_taught() {
        let value = |row: usize, hour: usize| {
            let burst = if hour * (7 + row) % 61 < 8 { 40 } else { 0 };
            (10 * row + 5 * (hour % 24) + burst + hour * hour % 11) as f64
        };
        let rows: Vec<Vec<f64>> =
            (0..26).map(|row| (0..500).map(|hour| value(row, hour)).collect()).collect();
        let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        // Rows of two metrics by turns; of one there are too few to learn from.
        let metrics: Vec<&str> =
            (0..26).map(|row| if matches!(row, 3 | 20) { "disk" } else { "cpu" }).collect();
        let options = ForecastOptions { horizon: 12, ..ForecastOptions::default() };
        let alone = Forecaster::new(Span::HOUR, options).unwrap();
        let mut forecasters = Forecasters::from(alone.clone());
        let told = |made: Vec<Result<Rehearsed>>| -> Vec<String> {
            made.into_iter().map(|one| format!("{:?}", one.unwrap())).collect()
        };
        let before = told(forecasters.rehearse(&metrics, &rows));
        assert_eq!(before, told(alone.rehearse(&rows)));
        let teach = |lessons: &mut AllLessons<'_>| {
            lessons.add(&metrics, &rows);
            Ok(())
        };
        forecasters.teach(teach).unwrap();
        let after = told(forecasters.rehearse(&metrics, &rows));
        for row in 0..26 {
            assert_eq!(after[row] == before[row], metrics[row] == "disk", "{row}");
            assert_eq!(after[row].contains("global trees"), metrics[row] == "cpu", "{row}");
        }
        // What was learnt before is forgotten.
        forecasters.teach(|_| Ok(())).unwrap();
        assert_eq!(told(forecasters.rehearse(&metrics, &rows)), before);
    }
}
