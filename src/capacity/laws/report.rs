//! All rows of one law, and those of which nothing can be said.

use super::row::LawRow;
use crate::capacity::series::RowSeries;
use crate::capacity::study::LawRule;
use crate::error::{Error, Result};
use crate::model::limits::LAW_ROWS_MAX;
use crate::model::{Labels, Span, Timestamp};

/// What a law of a study came to.
#[derive(Debug, Clone)]
pub struct LawReport {
    /// The law as the study has it.
    pub rule: LawRule,
    /// Its rows, those of which the most was used first; where that is not known, last.
    pub rows: Vec<LawRow>,
    /// Rows without a law, and why.
    pub unsaid: Vec<(Labels, String)>,
}

/// Takes the rows of one law, in any order.
///
/// ```
/// use plimsoll::capacity::laws::LawFitter;
/// use plimsoll::capacity::scalability::ScalabilityLaw;
/// use plimsoll::capacity::study::Study;
/// use plimsoll::{Labels, Span, Timestamp};
///
/// let study = Study::parse(
///     "[[law]]\nname = \"web\"\nload = \"busy\"\nthroughput = \"rate(done_total)\"\n\
///      response_max = \"50ms\"\n",
///     "study.toml",
/// )?;
/// let truth = ScalabilityLaw::new(100.0, 0.03, 0.001)?;
/// // As many loads as there are bins, so that the medians are the law's own.
/// let loads: Vec<f64> = (0..480).map(|step| f64::from(1 + step % 24)).collect();
/// let done: Vec<f64> = loads.iter().map(|load| truth.throughput(*load)).collect();
///
/// let mut fitter = LawFitter::new(&study.laws[0]);
/// let web = Labels::from_pairs([("host", "web-1")])?;
/// fitter.add(web, "2026-01-01".parse()?, Span::MINUTE, &loads, &done)?;
/// let row = &fitter.finish().rows[0];
/// assert!((row.fit.law().contention() - 0.03).abs() < 1e-9);
/// // The peak is at sqrt(0.97 / 0.001); a response takes 50 ms at a load of 49.
/// assert!((row.usable().unwrap() - 31.144_823).abs() < 1e-6);
/// assert!((row.used_share().unwrap() - 24.0 / 31.144_823).abs() < 1e-6);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug)]
pub struct LawFitter {
    report: LawReport,
}

impl LawFitter {
    /// A fitter of one law.
    pub fn new(rule: &LawRule) -> Self {
        let (rows, unsaid) = (Vec::new(), Vec::new());
        Self { report: LawReport { rule: rule.clone(), rows, unsaid } }
    }

    /// Takes a row: its load and throughput in steps from `start` on; what is not finite, or not
    /// above 0, is a gap. A row without a law stops no other.
    ///
    /// # Errors
    ///
    /// More rows than [`LAW_ROWS_MAX`].
    pub fn add(
        &mut self,
        labels: Labels,
        start: Timestamp,
        step: Span,
        load: &[f64],
        throughput: &[f64],
    ) -> Result<()> {
        let series = |values| RowSeries::new(start, step, values);
        let most = self.report.rule.response_max;
        match LawRow::fit(labels.clone(), series(load), series(throughput), most) {
            Ok(row) => self.report.rows.push(row),
            Err(why) => self.report.unsaid.push((labels, why)),
        }
        self.check()
    }

    /// Takes a row of which nothing can be said, and why.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub fn leave_out(&mut self, labels: Labels, why: impl Into<String>) -> Result<()> {
        self.report.unsaid.push((labels, why.into()));
        self.check()
    }

    fn check(&self) -> Result<()> {
        let rows = self.report.rows.len() + self.report.unsaid.len();
        if rows <= LAW_ROWS_MAX {
            return Ok(());
        }
        Err(Error::Limit {
            what: "the number of rows of a law",
            value: rows as u64,
            limit: LAW_ROWS_MAX as u64,
            remedy: "narrow its selectors, or tell rows apart by fewer labels",
        })
    }

    /// What the law came to, whatever the order of its rows was.
    pub fn finish(mut self) -> LawReport {
        let used = |row: &LawRow| row.used_share().unwrap_or(f64::NEG_INFINITY);
        self.report
            .rows
            .sort_by(|a, b| used(b).total_cmp(&used(a)).then_with(|| a.labels.cmp(&b.labels)));
        self.report.unsaid.sort();
        self.report
    }
}
