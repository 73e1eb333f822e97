//! What will be asked for: the arguments that say so, for every calculation that takes a
//! distribution of demand.

use std::path::PathBuf;

use super::table::Table;
use crate::capacity::order::Demand;
use crate::error::Result;

#[derive(Debug, clap::Args)]
pub(super) struct DemandArgs {
    /// The mean of the demand, which is then normally distributed.
    #[arg(long, value_name = "AMOUNT", requires = "deviation", conflicts_with = "samples")]
    #[arg(allow_negative_numbers = true)]
    mean: Option<f64>,
    /// Its standard deviation.
    #[arg(long, value_name = "AMOUNT", requires = "mean", conflicts_with = "samples")]
    deviation: Option<f64>,
    /// A CSV file with a column `demand`: past intervals, or simulated futures, one a row. They
    /// are then the distribution.
    #[arg(long, value_name = "FILE")]
    samples: Option<PathBuf>,
}

impl DemandArgs {
    /// The demand; `None` where none is given.
    pub(super) fn demand(&self) -> Result<Option<Demand>> {
        if let Some(path) = &self.samples {
            let table = Table::read_exact(path, &["demand"], &[])?;
            let samples = table.rows().map(|row| row.number("demand")).collect::<Result<_>>()?;
            return Demand::samples(samples).map(Some);
        }
        self.mean.zip(self.deviation).map(|(mean, dev)| Demand::normal(mean, dev)).transpose()
    }

    /// How it was found, for a note.
    pub(super) fn source(&self) -> &'static str {
        if self.samples.is_some() {
            "Demand is distributed as the samples are."
        } else {
            "Demand is normally distributed."
        }
    }
}
