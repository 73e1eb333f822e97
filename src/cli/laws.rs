//! The laws of a study: from a store to what a plan tells of how throughput grows with load.

use std::cmp::Ordering;

use super::plan::filled;
use crate::capacity::Study;
use crate::capacity::laws::{LawFitter, LawReport};
use crate::capacity::study::{LawRule, LawSource};
use crate::error::Result;
use crate::model::{Frame, Labels, Timestamp};
use crate::query::{Across, Aggregate, Frames, Query, answered_from};
use crate::store::Snapshot;

/// Fits every law of a study. Of each metric the rows of one frame are held at a time.
pub(super) fn laws_of(
    study: &Study,
    snapshot: &Snapshot,
    from: Timestamp,
    as_of: Timestamp,
) -> Result<Vec<LawReport>> {
    let known_from = from.max(answered_from(snapshot, study.step).unwrap_or(from));
    let asked = Asked { study, snapshot, from: known_from, as_of };
    study.laws.iter().map(|rule| asked.law(rule)).collect()
}

/// What is asked of every law alike.
struct Asked<'a> {
    study: &'a Study,
    snapshot: &'a Snapshot,
    from: Timestamp,
    as_of: Timestamp,
}

impl Asked<'_> {
    fn law(&self, rule: &LawRule) -> Result<LawReport> {
        let mut fitter = LawFitter::new(rule);
        let mut loads = Rows::of(self.query(rule, &rule.load).run(self.snapshot)?)?;
        let mut throughputs = Rows::of(self.query(rule, &rule.throughput).run(self.snapshot)?)?;
        for (rows, what) in [(&loads, "load"), (&throughputs, "throughput")] {
            if rows.current().is_none() {
                fitter.leave_out(
                    Labels::from_pairs([])?,
                    format!("no series of its {what} was selected"),
                )?;
                return Ok(fitter.finish());
            }
        }
        // Both come in the order of their labels, so that rows meet as in a merge.
        loop {
            let order = match (loads.current(), throughputs.current()) {
                (Some((a, _)), Some((b, _))) => a.cmp(b),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return Ok(fitter.finish()),
            };
            match (order, loads.current(), throughputs.current()) {
                (Ordering::Equal, Some((labels, load)), Some((_, throughput))) => {
                    let start = loads.start();
                    fitter.add(labels.clone(), start, self.study.step, load, throughput)?;
                }
                (Ordering::Less, Some((labels, _)), _) => {
                    fitter
                        .leave_out(labels.clone(), "no series of its throughput has its labels")?;
                }
                (_, _, Some((labels, _))) => {
                    fitter.leave_out(labels.clone(), "no series of its load has its labels")?;
                }
                _ => {}
            }
            if order != Ordering::Greater {
                loads.advance()?;
            }
            if order != Ordering::Less {
                throughputs.advance()?;
            }
        }
    }

    fn query(&self, rule: &LawRule, source: &LawSource) -> Query {
        let step = self.study.step;
        let is_counter = source.metric.is_counter;
        let aggregate = if is_counter { Aggregate::Rate } else { Aggregate::Mean };
        let query = Query::new(source.metric.selector.clone())
            .aggregate(aggregate)
            .step(step)
            .by(rule.by.iter().cloned())
            .across(Across::Sum)
            .from(self.from.floor(step))
            .to(self.as_of.max(self.from));
        if rule.by == self.study.by {
            return query;
        }
        filled(query, step)
    }
}

/// The rows of a query, one after the other.
struct Rows {
    frames: Frames,
    frame: Option<Frame>,
    row: usize,
}

impl Rows {
    fn of(mut frames: Frames) -> Result<Self> {
        let frame = frames.next().transpose()?;
        Ok(Self { frames, frame, row: 0 })
    }

    fn current(&self) -> Option<(&Labels, &[f64])> {
        let frame = self.frame.as_ref()?;
        (self.row < frame.len()).then(|| (frame.labels(self.row), frame.row(self.row)))
    }

    fn start(&self) -> Timestamp {
        self.frame.as_ref().map_or(Timestamp::MIN, Frame::start)
    }

    fn advance(&mut self) -> Result<()> {
        self.row += 1;
        if self.frame.as_ref().is_some_and(|frame| self.row >= frame.len()) {
            self.frame = self.frames.next().transpose()?;
            self.row = 0;
        }
        Ok(())
    }
}
