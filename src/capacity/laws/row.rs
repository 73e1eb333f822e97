//! The law of one row, and how much of the load that it allows was needed.

use super::bins::Bins;
use crate::capacity::Peak;
use crate::capacity::scalability::{
    Interval, LoadLimit, ParameterIntervals, PeakIntervals, ScalabilityFit,
};
use crate::capacity::series::RowSeries;
use crate::error::{Error, Result};
use crate::model::{Labels, Span, TimeRange, Timestamp};

/// The coverage of every interval.
pub const LEVEL: f64 = 0.95;
/// What lies at more than so many times the highest load that was seen is not in sight: no
/// measurement speaks for it.
pub const SIGHT: f64 = 10.0;

/// A row with its law.
#[derive(Debug, Clone)]
pub struct LawRow {
    /// The labels that name the row.
    pub labels: Labels,
    /// From the first to the end of the last step with both a load and a throughput above 0.
    pub window: TimeRange,
    /// How many such steps there are.
    pub steps: usize,
    /// The law. Its samples are the medians of bins of the steps, by load.
    pub fit: ScalabilityFit,
    /// The intervals of the law's parameters.
    pub parameters: ParameterIntervals,
    /// Where throughput is highest; `None` for [one of these reasons](Self::no_peak).
    pub peak: Option<PeakIntervals>,
    /// Whether throughput only falls, from the least load of the fit on.
    pub only_falls: bool,
    /// How far load may go until a response takes longer than promised; `None` without a promise.
    pub promise: Option<Promise>,
    /// The highest load of a step, and when.
    pub highest: Peak,
}

/// How far load may go before a promised response is broken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Promise {
    /// It is broken at any load.
    Never,
    /// It is kept up to this load.
    UpTo(Interval),
    /// It is kept at any load in [sight](SIGHT).
    InSight,
}

/// Why no peak is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPeak {
    /// The interval of coherency holds 0: the data does not show that throughput ever falls.
    NotShown,
    /// Throughput falls from the least load on that the fit has.
    OnlyFalls,
    /// It grows as far as is in [sight](SIGHT).
    NotInSight,
}

impl LawRow {
    /// Fits the law to the steps in which both are numbers above 0; or says why there is none.
    pub(super) fn fit(
        labels: Labels,
        load: RowSeries<'_>,
        throughput: RowSeries<'_>,
        response_max: Option<Span>,
    ) -> Result<Self, String> {
        let at_work = |(_, load, done): &(Timestamp, f64, f64)| *load > 0.0 && *done > 0.0;
        let steps: Vec<(Timestamp, f64, f64)> = load.pairs(throughput).filter(at_work).collect();
        let pairs = steps.iter().map(|(_, load, done)| (*load, *done));
        let bins = Bins::of(pairs)?;
        let fit = ScalabilityFit::of(&bins.medians()).map_err(reason)?;
        let parts = bins.without_stretches(fit.law());
        let fit = fit.with_parts(&parts);
        let highest = |best: Peak, (at, value, _): &(Timestamp, f64, f64)| {
            if *value > best.value { Peak { value: *value, at: *at } } else { best }
        };
        let first = steps.first().map_or(Timestamp::MIN, |step| step.0);
        let end = steps.last().map_or(first, |step| step.0.plus(load.step()));
        let window = TimeRange { start: first, end };
        let highest = steps.iter().fold(Peak { value: 0.0, at: first }, highest);
        let row = Self {
            labels,
            window,
            steps: steps.len(),
            parameters: fit.parameter_intervals(LEVEL).map_err(reason)?,
            peak: fit.peak_intervals(LEVEL).map_err(reason)?,
            only_falls: fit.shows_fall(LEVEL).map_err(reason)?,
            promise: None,
            highest,
            fit,
        };
        row.within_sight(response_max).map_err(reason)
    }

    /// The same row without a peak that is not shown or not in sight, and with its promise.
    fn within_sight(mut self, response_max: Option<Span>) -> Result<Self> {
        let sight = SIGHT * self.highest.value;
        let is_shown = self.parameters.shows_coherency() && !self.only_falls;
        self.peak = self.peak.filter(|peak| is_shown && peak.load.value <= sight);
        let Some(most) = response_max.map(Span::seconds) else { return Ok(self) };
        let interval = self.fit.response_interval(most, LEVEL)?;
        self.promise = Some(match (self.fit.law().load_at_response(most), interval) {
            (LoadLimit::Never, _) => Promise::Never,
            (LoadLimit::UpTo(load), Some(interval)) if load <= sight => Promise::UpTo(interval),
            (LoadLimit::UpTo(_) | LoadLimit::Always, _) => Promise::InSight,
        });
        Ok(self)
    }

    /// Why no peak is told; `None` where one is.
    pub fn no_peak(&self) -> Option<NoPeak> {
        let is_shown = self.fit.law().coherency() <= 0.0 || self.parameters.shows_coherency();
        match self.peak {
            Some(_) => None,
            None if self.only_falls => Some(NoPeak::OnlyFalls),
            None if is_shown => Some(NoPeak::NotInSight),
            None => Some(NoPeak::NotShown),
        }
    }

    /// The least load that the fit has.
    pub fn least(&self) -> f64 {
        self.fit.loads().0
    }

    /// How far load may go: to the peak, or as far as the promise is kept if that is less; no
    /// farther than the [least](Self::least) where throughput only falls. `None` where neither is
    /// known.
    pub fn usable(&self) -> Option<f64> {
        let peak = match self.no_peak() {
            Some(NoPeak::OnlyFalls) => Some(self.least()),
            Some(NoPeak::NotShown | NoPeak::NotInSight) => None,
            None => self.peak.map(|peak| peak.load.value),
        };
        let promised = match self.promise {
            Some(Promise::Never) => Some(0.0),
            Some(Promise::UpTo(load)) => Some(load.value),
            Some(Promise::InSight) | None => None,
        };
        peak.into_iter().chain(promised).reduce(f64::min)
    }

    /// The highest load that was seen, of the usable one: 1 is all of it. Infinite where no load
    /// keeps the promise.
    pub fn used_share(&self) -> Option<f64> {
        self.usable().map(|usable| self.highest.value / usable)
    }

    /// Whether a load lies beyond all that was seen, so that what is said of it is drawn on from
    /// the law.
    pub fn is_beyond_seen(&self, load: f64) -> bool {
        load > self.highest.value
    }
}

/// What an error says, without the kind of error that it is.
fn reason(why: Error) -> String {
    match why {
        Error::NotEnoughData { what } => what,
        other => other.to_string(),
    }
}
