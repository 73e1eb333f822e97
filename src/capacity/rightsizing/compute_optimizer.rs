//! AWS Compute Optimizer: a high percentile of two weeks, and headroom.

use super::{Advice, Number, Operation, Preset, StepKind, Usage};
use crate::error::{Error, Result};
use crate::kernel::quantile;
use crate::model::Span;

/// Compute Optimizer's options. The defaults are its own.
#[derive(Debug, Clone, PartialEq)]
pub struct ComputeOptimizerOptions {
    /// The percentile; the service offers 0.9, 0.95 and 0.995. Default: 0.995.
    pub percentile: f64,
    /// The share that is added to the processor; it offers 0, 0.2 and 0.3. Default: 0.2.
    pub cpu_headroom: f64,
    /// The share that is added to memory; it offers 0.1, 0.2 and 0.3. Default: 0.2.
    pub memory_headroom: f64,
    /// How far back is looked. Default: 14 days; 93 are for sale.
    pub history: Span,
    /// A shorter history says nothing. Default: 30 h.
    pub history_min: Span,
}

impl Default for ComputeOptimizerOptions {
    fn default() -> Self {
        Self {
            percentile: 0.995,
            cpu_headroom: 0.2,
            memory_headroom: 0.2,
            history: Span::from_days(14),
            history_min: Span::from_seconds(30 * 3_600),
        }
    }
}

impl ComputeOptimizerOptions {
    /// What the service would size a machine for. Its catalogue of machines is not ours: the number
    /// is the demand that a machine has to hold.
    ///
    /// # Errors
    ///
    /// Where there are fewer hours than it takes, or an option is out of its range.
    pub fn advise(&self, usage: &Usage) -> Result<Advice> {
        self.check()?;
        let headroom = usage.resource().pick(self.cpu_headroom, self.memory_headroom);
        let usage = &usage.last(self.history);
        let (first, last) = usage.window();
        if last.since(first) < self.history_min {
            return Err(Error::not_enough_data(format!(
                "Compute Optimizer takes {} of history, and there are {}",
                self.history_min,
                last.since(first)
            )));
        }
        let mut amounts: Vec<f64> = usage.all().map(|sample| sample.amount).collect();
        let detail = format!("p{} of all samples", self.percentile * 100.0);
        let more = format!("{}% more", headroom * 100.0);
        let number = Number::new(detail, quantile(&mut amounts, self.percentile));
        let request = number.then(StepKind::Margin, more, Operation::Add(headroom));
        Ok(Advice::new(Preset::ComputeOptimizer, usage, request))
    }

    pub(super) fn check(&self) -> Result<()> {
        let headroom = [self.cpu_headroom, self.memory_headroom];
        super::check_options("Compute Optimizer", &[self.percentile], &headroom)
    }
}
