//! The way through the samples of one series: rolled-up time from buckets, then piece after piece
//! by its statistics where they say enough, as integers where these do, else by its values.

use std::ops::Range;

use super::accumulator::Known;
use super::condition::Met;
use super::reduction::{Plan, Reduction};
use super::rolled::Rolled;
use super::steps::runs;
use super::{Condition, Grid};
use crate::error::Result;
use crate::kernel::EXACT_MAX;
use crate::model::{SeriesId, TimeRange};
use crate::store::{Bucket, FLOATS, Samples, SeriesReader, Snapshot, Values, Work};

/// A series of so many pieces is worth a look at statistics by itself: they are decoded for up to
/// 1,024 blocks together.
const PIECES_MIN: usize = 32;

/// A block of fewer samples is decoded in no time.
const SAMPLES_MIN: usize = 256;

/// What every series of a query is asked.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) grid: Grid,
    /// Samples before the grid are for counters: their "sample before".
    pub(super) range: TimeRange,
    /// Samples that a series may have in the range.
    pub(super) samples_max: u64,
    pub(super) plan: Plan,
    pub(super) rolled: Rolled,
    pub(super) keep: Option<Condition>,
    pub(super) statistics: Statistics,
}

/// Whether the statistics of blocks are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Statistics {
    Never,
    /// For series of many blocks.
    Some,
    /// There are many series.
    Always,
}

/// Goes through one series after another.
#[derive(Debug)]
pub(super) struct Walker<'a> {
    asked: &'a Asked,
    snapshot: &'a Snapshot,
    reader: SeriesReader<'a>,
    /// The steps of the open series and where in its samples they are, for one version of times.
    steps: Vec<(usize, Range<usize>)>,
    steps_version: Option<u64>,
    sizes: Vec<Size>,
    buckets: Vec<Bucket>,
    kept: Samples,
}

/// In which step samples lie that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Around {
    /// All of them in the one at this place.
    Step(usize),
    /// All of them in none.
    Outside,
    /// In several, or some of them in none.
    Several,
}

/// Where in the steps of a series a walk has come to.
#[derive(Debug, Default)]
struct Walked {
    step: usize,
    /// The step that was looked at last, and whether all its samples are whole numbers with an
    /// exact sum.
    exact: Option<(usize, bool)>,
}

/// Where a piece ends, and what its samples add up to at most, without their signs, where they are
/// whole numbers; else `u64::MAX`.
type Size = (usize, u64);

impl<'a> Walker<'a> {
    pub(super) fn new(asked: &'a Asked, snapshot: &'a Snapshot) -> Self {
        let reader = snapshot.reader();
        Self {
            asked,
            snapshot,
            reader,
            steps: Vec::new(),
            steps_version: None,
            sizes: Vec::new(),
            buckets: Vec::new(),
            kept: Samples::default(),
        }
    }

    /// What every series is asked.
    pub(super) fn asked(&self) -> &'a Asked {
        self.asked
    }

    /// What was done since this was asked for last.
    pub(super) fn take_work(&mut self) -> Work {
        self.reader.take_work()
    }

    /// Adds a series.
    pub(super) fn add(&mut self, id: SeriesId, to: &mut Reduction) -> Result<()> {
        self.add_rolled(id, to)?;
        self.reader.open(id, self.asked.range)?;
        self.find_steps();
        let pieces = self.reader.pieces();
        let statistics = match self.asked.statistics {
            Statistics::Never => false,
            Statistics::Some => pieces >= PIECES_MIN,
            Statistics::Always => true,
        };
        if self.asked.plan.adds() {
            self.find_sizes()?;
        }
        let mut walked = Walked::default();
        for piece in 0..pieces {
            if !statistics || !self.add_known(piece, &mut walked, to)? {
                self.add_piece(piece, &mut walked, to)?;
            }
        }
        to.end_series();
        Ok(())
    }

    /// Adds a series as [`Walker::add`] does; returns its raw samples.
    pub(super) fn add_whole(&mut self, id: SeriesId, to: &mut Reduction) -> Result<&Samples> {
        self.add_rolled(id, to)?;
        let samples = self.reader.read(id, self.asked.range)?;
        match self.asked.keep {
            Some(keep) => keep.copy_with_markers(samples, &mut self.kept),
            None => self.kept.clone_from(samples),
        }
        add_samples(&self.kept, self.asked, to);
        to.end_series();
        Ok(&self.kept)
    }

    fn add_rolled(&mut self, id: SeriesId, to: &mut Reduction) -> Result<()> {
        let Asked { grid, plan, rolled, range, .. } = self.asked;
        for (span, part) in &rolled.parts {
            let mut read = 0;
            if plan.takes_sketches() {
                let add = |start, sketch: &_| {
                    read += 1;
                    to.add_sketch(start, sketch, grid);
                };
                self.snapshot.scan_sketches(id, *span, *part, add)?;
            }
            if plan.takes_buckets() {
                let fields = plan.bucket_fields();
                self.snapshot.scan_fields(id, *span, *part, fields, &mut self.buckets)?;
                if plan.has_growth() {
                    self.buckets.retain(|bucket| bucket.last_time >= range.start.nanos());
                }
                to.add_buckets(&self.buckets, grid);
                read = self.buckets.len();
            }
            self.reader.note_buckets(read);
        }
        Ok(())
    }

    /// Series that share times share the steps of these.
    fn find_steps(&mut self) {
        let version = self.reader.times_version();
        if self.steps_version != Some(version) {
            self.steps.clear();
            self.steps.extend(runs(self.reader.times(), &self.asked.grid));
            self.steps_version = Some(version);
        }
    }

    fn find_sizes(&mut self) -> Result<()> {
        self.sizes.clear();
        for piece in 0..self.reader.pieces() {
            let magnitude = self.reader.magnitude(piece)?.unwrap_or(u64::MAX);
            self.sizes.push((self.reader.piece_range(piece).end, magnitude));
        }
        Ok(())
    }

    /// Adds a piece by its statistics, or leaves it out by them; `false`, and nothing done, where
    /// they do not say enough.
    fn add_known(&mut self, piece: usize, walked: &mut Walked, to: &mut Reduction) -> Result<bool> {
        let Asked { plan, keep, .. } = self.asked;
        let range = self.reader.piece_range(piece);
        let around = self.around(&range, walked);
        let answers = around != Around::Several && plan.takes_statistics();
        // A short block is decoded before its statistics are found.
        if (!answers && keep.is_none()) || range.len() < SAMPLES_MIN {
            return Ok(false);
        }
        let Some(stats) = self.reader.statistics(piece)? else { return Ok(false) };
        let met = keep.map_or(Met::All, |keep| keep.met_by(&stats));
        if met == Met::None {
            self.reader.note_pruned(piece);
            return Ok(true);
        }
        let whole = stats.count as usize == range.len() && !self.reader.is_cut(piece);
        if !answers || met != Met::All || !whole {
            return Ok(false);
        }
        let step = if let Around::Step(step) = around { Some(step) } else { None };
        let times = self.reader.times();
        let (Some(first), Some(last)) = (times.get(range.start), times.get(range.end - 1)) else {
            return Ok(false);
        };
        let (first_time, last_time) = (*first, *last);
        let run_end = step.and_then(|at| self.steps.get(at)).map_or(range.end, |(_, run)| run.end);
        if plan.adds() && !walked.is_exact(step, &self.sizes[piece..], run_end) {
            return Ok(false);
        }
        to.add_known(
            step.and_then(|at| self.steps.get(at)).map(|(step, _)| *step),
            Known { stats: &stats, first_time, last_time },
        );
        self.reader.note_statistics(piece);
        Ok(true)
    }

    /// In which step some samples lie.
    fn around(&self, samples: &Range<usize>, walked: &mut Walked) -> Around {
        self.pass_steps(samples.start, walked);
        match self.steps.get(walked.step) {
            Some((_, run)) if run.start <= samples.start && samples.end <= run.end => {
                Around::Step(walked.step)
            }
            Some((_, run)) if run.start < samples.end => Around::Several,
            _ => Around::Outside,
        }
    }

    /// Passes the steps that end before a sample.
    fn pass_steps(&self, sample: usize, walked: &mut Walked) {
        while self.steps.get(walked.step).is_some_and(|(_, run)| run.end <= sample) {
            walked.step += 1;
        }
    }

    /// Decodes a piece and adds its samples.
    fn add_piece(&mut self, piece: usize, walked: &mut Walked, to: &mut Reduction) -> Result<()> {
        let Asked { grid, plan, keep, .. } = self.asked;
        let range = self.reader.piece_range(piece);
        self.pass_steps(range.start, walked);
        if let Some(keep) = keep {
            let (times, values) = self.reader.values(piece, FLOATS)?;
            self.kept.clear();
            if let Values::Floats(values) = values {
                keep.copy(times, values, &mut self.kept);
            }
            add_samples(&self.kept, self.asked, to);
            return Ok(());
        }
        let (times, values) = self.reader.values(piece, plan.wanted())?;
        for (at, (step, run)) in self.steps.iter().enumerate().skip(walked.step) {
            if run.start >= range.end {
                break;
            }
            let from = run.start.max(range.start) - range.start;
            let own = from..run.end.min(range.end) - range.start;
            let own_times = times.get(own.clone()).unwrap_or(&[]);
            let exact = plan.adds() && walked.is_exact(Some(at), &self.sizes[piece..], run.end);
            to.add_run(*step, own_times, values.slice(own), exact);
        }
        if let Values::Floats(values) = values
            && plan.has_growth()
        {
            to.add_growth(times, values, grid);
        }
        Ok(())
    }
}

impl Walked {
    /// Whether whatever is added up of all samples of a step, or of a piece in no step, is exact,
    /// given the pieces from the one on that was come to, and where the step ends.
    fn is_exact(&mut self, step: Option<usize>, pieces: &[Size], end: usize) -> bool {
        if let (Some(step), Some((known, exact))) = (step, self.exact)
            && known == step
        {
            return exact;
        }
        let (mut magnitude, mut passed) = (0_u64, false);
        for (piece_end, piece) in pieces {
            if passed || magnitude > EXACT_MAX {
                break;
            }
            magnitude = magnitude.saturating_add(*piece);
            passed = *piece_end >= end;
        }
        let exact = magnitude <= EXACT_MAX;
        self.exact = step.map(|step| (step, exact));
        exact
    }
}

/// Adds samples that need not be all of a series, in order of time.
fn add_samples(samples: &Samples, asked: &Asked, to: &mut Reduction) {
    let Samples { times, values } = samples;
    for (step, run) in runs(times, &asked.grid) {
        let run_times = times.get(run.clone()).unwrap_or(&[]);
        to.add_run(step, run_times, Values::Floats(values).slice(run), false);
    }
    if asked.plan.has_growth() {
        to.add_growth(times, values, &asked.grid);
    }
}
